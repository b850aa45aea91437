"""What happens when a timer falls due: an unanswered alert climbs, and a case that was taken and then forgotten comes back."""

from dataclasses import replace
from datetime import timedelta

from domain.access import TECHNICAL, Act, may
from domain.audience import Readers, Rung, duties, excluded_ids, next_rung
from domain.entries import EntryKind
from domain.incident import Alert, AlertState, Asked, Incident, MessageKind, Outgoing, Summons, Timer, TimerKind
from domain.people import GROUP_OF, Address, School
from domain.words import Urgency
from handlers import reviewing, signing
from handlers.acknowledge import remind_at
from handlers.alerting import OVERLOOKED, UNANSWERED, by_mail, deadline, delivery, on_platforms, rungs_of, summon, timer
from handlers.kept_out import unanswered
from handlers.measures import OVER, told_of
from handlers.ports import Ports, Records
from handlers.rights import member, subject
from handlers.timeline import may_be_told

_NOBODY_LEFT_AGAIN = timedelta(hours=1)
_REMINDED_ALONE = 2
"""So many reminders go to the owner of a case alone; with the next ones somebody else is told too."""
_EVEN_IF_CLOSED = frozenset({TimerKind.ACTION, TimerKind.BLOCK, TimerKind.REVIEW, TimerKind.SIGN_OFF})
"""What is to be done though the case is closed."""


async def ring(ports: Ports, school: School, due: Timer) -> None:
    """Does what a timer stands for, once: in the transaction that marks it done."""
    async with ports.store.transaction(school) as records:
        incident = await records.incident(due.incident_id)
        alert = await records.alert(due.alert_id)
        if not await records.finish_timer(due.id) or incident is None or alert is None:
            return
        if not incident.is_open and due.kind not in _EVEN_IF_CLOSED:
            return
        match due.kind:
            case TimerKind.ACTION:
                await _remind_of_action(ports, records, school, incident, due)
            case TimerKind.SIGN_OFF:
                await signing.ring(ports, records, school, incident, due, ports.clock.now())
            case TimerKind.REVIEW:
                await reviewing.ring(ports, records, school, incident, due, ports.clock.now())
            case TimerKind.BLOCK:
                await _remind_of_block(ports, records, school, incident, due)
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
    rungs = rungs_of(school, staff, incident, alert, excluded)
    step = next_rung(rungs, summonses, alert.round)
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
        # Not whoever was asked while it was no private case, and would not be asked now.
        may_be_asked = {r.person.id for r in rungs}
        unheard = [s.person_id for s in summonses if s.person_id in may_be_asked]
        outgoing.deliveries += by_mail(ports, alert, [*unheard, rung.person.id], UNANSWERED, alert.round)
    await records.set_going(outgoing, now)
    await records.show_again(incident.id, now, MessageKind.RECEIPT)
    await records.note(now, "bot", "alert.climbed", incident.id, role=rung.role, person=rung.person.id, round=round_)


async def _remind(ports: Ports, records: Records, school: School, incident: Incident, alert: Alert, due: Timer) -> None:
    now = ports.clock.now()
    owner = (await records.staff()).get(alert.owner_id)
    excluded = excluded_ids((await records.exclusions(incident.id))[incident.id])
    if owner is None or owner.id in excluded:
        # Whoever had it is no longer on the staff list, or is kept out of it now: it is unanswered again.
        alert = unanswered(alert, school.calendar.due(deadline(school, incident), now))
        await records.show_again(incident.id, now, MessageKind.REMINDER, alert_id=alert.id)
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


async def _remind_of_action(ports: Ports, records: Records, school: School, incident: Incident, due: Timer) -> None:
    """Tells whoever is to do it, and who has the case, that it is not done; and again until it is, even once it is closed."""
    now = ports.clock.now()
    action = await records.action(due.entry_id or "")
    if action is None or action.done_at is not None or incident.erased:
        return
    staff, case = await records.staff(), await subject(records, incident, now)
    owners = [a.owner_id for a, _ in case.duties if a.owner_id and not set(a.roles) <= TECHNICAL]
    told = dict.fromkeys((action.doer_id, *owners))
    people = [p for person in told if (p := staff.get(person)) and may_be_told(member(school, staff, p.id), case)]
    people = people or reviewing.who_lead(school, staff, case)
    outgoing = Outgoing(
        deliveries=[
            delivery(ports, incident.id, None, MessageKind.ACTION, place, f"{action.id}.{due.id}")
            for person in people
            for place in on_platforms(ports.platforms, person)
        ],
        timers=[replace(due, id=ports.new_id(), due_at=remind_at(school, incident.urgency, now))],
    )
    await records.set_going(outgoing, now)
    await records.note(now, "bot", "action.reminded", incident.id, id=action.id)


async def _remind_of_block(ports: Ports, records: Records, school: School, incident: Incident, due: Timer) -> None:
    """Tells IT, and who has the case, that a block has come to its end or to its next review; and again until it is lifted."""
    now, block = ports.clock.now(), await records.block(due.entry_id or "")
    if block is None or block.lifted:
        return
    staff, case = await records.staff(), await subject(records, incident, now)
    owners = [p for a, _ in case.duties if (p := staff.get(a.owner_id)) and may(member(school, staff, p.id), Act.WORK, case)]
    people = dict.fromkeys((*told_of(school, staff, case, EntryKind.BLOCK), *owners)) or reviewing.who_lead(school, staff, case)
    outgoing = Outgoing(
        deliveries=[
            delivery(ports, incident.id, None, MessageKind.BLOCK, place, f"{block.id}.{OVER}.{due.id}")
            for person in people
            for place in on_platforms(ports.platforms, person)
        ],
        timers=[replace(due, id=ports.new_id(), due_at=remind_at(school, incident.urgency, now))],
    )
    await records.set_going(outgoing, now)
    await records.note(now, "bot", "block.reminded", incident.id, id=block.id)


async def _overlooked(records: Records, school: School, incident: Incident, alert: Alert, times: int) -> Rung | None:
    """Whom to tell that an owner does nothing: who comes after them on the ladder, and each further time the one after that."""
    excluded = excluded_ids((await records.exclusions(incident.id))[incident.id])
    rungs = rungs_of(school, await records.staff(), incident, alert, excluded)
    own = next((n for n, rung in enumerate(rungs) if rung.person.id == alert.owner_id), -1)
    others = [*rungs[own + 1 :], *rungs[: max(own, 0)]]
    return others[(times - _REMINDED_ALONE - 1) % len(others)] if others else None
