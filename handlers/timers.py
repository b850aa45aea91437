"""What happens when a timer falls due: an unanswered alert climbs, and a case that was taken and then forgotten comes back."""

from dataclasses import replace
from datetime import timedelta

from domain.audience import Readers, Rung, duties, excluded_ids, ladder, next_rung
from domain.incident import Alert, AlertState, Asked, Incident, MessageKind, Outgoing, Summons, Timer, TimerKind
from domain.people import GROUP_OF, Address, School
from domain.words import Urgency
from handlers.acknowledge import remind_at
from handlers.alerting import OVERLOOKED, UNANSWERED, by_mail, deadline, delivery, on_platforms, summon, timer
from handlers.ports import Ports, Records

_NOBODY_LEFT_AGAIN = timedelta(hours=1)
_REMINDED_ALONE = 2
"""So many reminders go to the owner of a case alone; with the next ones somebody else is told too."""


async def ring(ports: Ports, school: School, due: Timer) -> None:
    """Does what a timer stands for, once: in the transaction that marks it done."""
    async with ports.store.transaction(school) as records:
        incident = await records.incident(due.incident_id)
        alert = await records.alert(due.alert_id)
        if not await records.finish_timer(due.id) or incident is None or alert is None or not incident.is_open:
            return
        match due.kind:
            case TimerKind.CLIMB if alert.state is AlertState.OPEN:
                await _climb(ports, records, school, incident, alert)
            case TimerKind.REMIND if alert.state is AlertState.ACKNOWLEDGED:
                await _remind(ports, records, school, incident, alert, due)
            case _:
                return
    ports.wake()


async def _climb(ports: Ports, records: Records, school: School, incident: Incident, alert: Alert) -> None:
    now = ports.clock.now()
    staff = await records.staff()
    excluded = excluded_ids((await records.exclusions(incident.id))[incident.id])
    summonses = (await records.summonses(alert.id))[alert.id]
    step = next_rung(ladder(school, staff, alert.role, alert.group, excluded), summonses, alert.round)
    await records.show_again(incident.id, now, MessageKind.ALERT, alert_id=alert.id)
    if step is None:
        await records.change_alert(alert)
        await records.note(now, "bot", "alert.nobody_to_ask", incident.id, role=alert.role)
        await records.set_going(Outgoing(timers=[timer(ports, TimerKind.CLIMB, alert, now + _NOBODY_LEFT_AGAIN)]), now)
        return
    rung, round_ = step
    asked_roles = {s.role for s in summonses if s.round == round_}
    channels: tuple[Address, ...] = ()
    if (rung.role not in asked_roles and rung.role is not alert.role) or round_ != alert.round:
        readers: Readers = await records.readers(now - ports.readers_known_for) if excluded else {}
        groups = {GROUP_OF[rung.role]: (alert.group,)} if rung.role in GROUP_OF else {}
        duty = duties(school, staff, [rung.role], groups, excluded, private=incident.private, readers=readers)[0]
        channels = duty.channels
    alert = replace(alert, round=round_)
    await records.change_alert(alert)
    due = school.calendar.due(deadline(school, incident), now)
    outgoing = Outgoing(timers=[timer(ports, TimerKind.CLIMB, alert, due)])
    summon(ports, outgoing, alert, [rung], now, Asked.CLIMBED, channels=channels)
    if incident.urgency is Urgency.CRITICAL:
        unheard = [s.person_id for s in summonses if s.person_id not in excluded]
        outgoing.deliveries += by_mail(ports, alert, [*unheard, rung.person.id], UNANSWERED, alert.round)
    await records.set_going(outgoing, now)
    await records.show_again(incident.id, now, MessageKind.RECEIPT)
    await records.note(now, "bot", "alert.climbed", incident.id, role=rung.role, person=rung.person.id, round=round_)


async def _remind(ports: Ports, records: Records, school: School, incident: Incident, alert: Alert, due: Timer) -> None:
    now = ports.clock.now()
    owner = (await records.staff()).get(alert.owner_id)
    if owner is None:
        # Whoever had it is no longer on the staff list: it is unanswered again.
        alert = replace(alert, state=AlertState.OPEN, owner_id=None, acknowledged_at=None, round=alert.round + 1)
        await _climb(ports, records, school, incident, alert)
        return
    places = on_platforms(ports.platforms, owner)
    outgoing = Outgoing(
        deliveries=[delivery(ports, incident.id, alert.id, MessageKind.REMINDER, p, due.id) for p in places],
        timers=[timer(ports, TimerKind.REMIND, alert, remind_at(school, incident.urgency, now))],
    )
    times = await records.rung_since(alert.id, TimerKind.REMIND, alert.acknowledged_at or alert.opened_at)
    told = await _overlooked(records, school, incident, alert, times) if times > _REMINDED_ALONE else None
    if told is not None:
        outgoing.summonses.append(Summons(alert.id, told.person.id, told.role, Asked.CLIMBED, alert.round, now))
        outgoing.deliveries += [
            delivery(ports, incident.id, alert.id, MessageKind.REMINDER, place, f"{OVERLOOKED}.{due.id}")
            for place in on_platforms(ports.platforms, told.person)
        ]
    await records.set_going(outgoing, now)
    await records.note(now, "bot", "owner.reminded", incident.id, role=alert.role)
    if told is not None:
        await records.note(now, "bot", "owner.overlooked", incident.id, role=told.role, person=told.person.id)


async def _overlooked(records: Records, school: School, incident: Incident, alert: Alert, times: int) -> Rung | None:
    """Whom to tell that an owner does nothing: who comes after them on the ladder, and each further time the one after that."""
    excluded = excluded_ids((await records.exclusions(incident.id))[incident.id])
    rungs = ladder(school, await records.staff(), alert.role, alert.group, excluded)
    own = next((n for n, rung in enumerate(rungs) if rung.person.id == alert.owner_id), -1)
    others = [*rungs[own + 1 :], *rungs[: max(own, 0)]]
    return others[(times - _REMINDED_ALONE - 1) % len(others)] if others else None
