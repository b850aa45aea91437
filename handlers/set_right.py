"""What the auditor does about a case that nothing would bring up again: it gets a next step, at once."""

from domain.incident import AlertState, Outgoing, TimerKind
from domain.people import School
from handlers.alerting import timer
from handlers.ports import Ports


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
        if await records.rings(alert_id, kind):
            return False
        now = ports.clock.now()
        due = max(now, alert.due_at) if kind is TimerKind.CLIMB else now
        await records.set_going(Outgoing(timers=[timer(ports, kind, alert, due)]), now)
        await records.note(now, "bot", "alert.set_right", incident.id, role=alert.role)
    ports.wake()
    return True
