"""What the auditor does about a case that nothing would bring up again: it gets a next step, at once."""

from domain.audience import excluded_ids, groups_concerned
from domain.incident import Alert, AlertState, Incident, MessageKind, Outgoing, Timer, TimerKind
from domain.people import GROUP_OF, Group, School
from domain.routing import route_kept
from handlers.alerting import deadline, open_duty, timer
from handlers.ports import Ports, Records
from handlers.report import find_duties


async def set_right(ports: Ports, school: School, alert_id: str) -> bool:
    """Gives an alert its next step. False if it has one, or needs none any more."""
    async with ports.store.transaction(school) as records:
        alert = await records.alert(alert_id)
        incident = await records.incident(alert.incident_id) if alert is not None else None
        # Once more now that the case is held: somebody may have answered meanwhile.
        alert = await records.alert(alert_id)
        if alert is None or incident is None or not incident.is_open or alert.state is AlertState.DONE:
            return False
        kind = TimerKind.CLIMB if alert.state is AlertState.OPEN else TimerKind.REMIND
        if await records.next_ring(alert_id, kind) is not None:
            return False
        now = ports.clock.now()
        due = max(now, alert.due_at) if kind is TimerKind.CLIMB else now
        await records.set_going(Outgoing(timers=[timer(ports, kind, alert, due)]), now)
        await records.note(now, "bot", "alert.set_right", incident.id, role=alert.role)
    ports.wake()
    return True


async def give_duty(ports: Ports, school: School, incident_id: str) -> bool:
    """Has somebody answer for an open case for which nobody has to. False if somebody has, or if it is closed by now.

    They are asked as if it had just been reported: by the case's route, and nobody who is kept out of it.
    """
    async with ports.store.transaction(school) as records:
        incident = await records.incident(incident_id)
        if incident is None or not incident.is_open:
            return False
        alerts = await records.alerts_of(incident_id)
        if any(a.state is not AlertState.DONE for a in alerts):
            return False
        now, staff = ports.clock.now(), await records.staff()
        excluded = excluded_ids((await records.exclusions(incident_id))[incident_id])
        found = route_kept(school.policy, incident.facts, staff.fully_excluded_roles(school, excluded))
        groups = await groups_of(records, incident, alerts)
        asked = await find_duties(
            ports, records, school, staff, found, groups, excluded, private=incident.private or found.private, now=now
        )
        outgoing, due = Outgoing(), school.calendar.due(deadline(school, incident), now)
        for duty in asked:
            open_duty(ports, outgoing, incident, duty, now, due)
        await records.set_going(outgoing, now)
        await records.show_again(incident_id, now, MessageKind.RECEIPT)
        for alert in outgoing.alerts:
            await records.note(now, "bot", "duty.set_right", incident_id, role=alert.role)
    ports.wake()
    return True


async def remind_again(ports: Ports, school: School, entry_id: str) -> bool:
    """Has somebody reminded again of an action that is not done. False if somebody will be, or if nobody need be any more."""
    async with ports.store.transaction(school) as records:
        action = await records.action(entry_id)
        incident = await records.incident(action.incident_id) if action is not None else None
        # Once more now that the case is held: somebody may have done it meanwhile.
        action = await records.action(entry_id)
        if incident is None or incident.erased or action is None or action.due_at is None or action.done_at is not None:
            return False
        alerts = await records.alerts_of(incident.id)
        if not alerts or await records.reminds(entry_id):
            return False
        now = ports.clock.now()
        due = max(now, action.due_at)
        reminder = Timer(ports.next_id(), TimerKind.ACTION, incident.id, alerts[0].id, due, entry_id)
        await records.set_going(Outgoing(timers=[reminder]), now)
        await records.note(now, "bot", "action.set_right", incident.id, id=entry_id)
    ports.wake()
    return True


async def groups_of(records: Records, incident: Incident, alerts: tuple[Alert, ...]) -> dict[Group, tuple[str, ...]]:
    """Of which houses and forms the case is: those of the pupils in it, or else those for which somebody was asked before."""
    told = {GROUP_OF[r]: a.group for a in alerts for r in a.roles if r in GROUP_OF and a.group}
    people = await records.participants(incident.id)
    listed = await records.people({p.person_id for p in people if p.person_id is not None})
    return groups_concerned([(p, listed.get(p.person_id or "")) for p in people], told)
