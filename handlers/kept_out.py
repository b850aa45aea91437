"""What is done at once when somebody is kept out of a case that is under way."""

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from dataclasses import replace
from datetime import datetime

from domain.incident import Alert, AlertState, Incident, MessageKind, Outgoing, Summons, TimerKind
from domain.people import School
from handlers.alerting import deadline, timer
from handlers.exports import end_lost_with
from handlers.ports import Ports, Records


async def look_again(ports: Ports, records: Records, school: School, incident: Incident, excluded: AbstractSet[str]) -> None:
    """Whoever is shut out now may own an alert, or have been its only hope: the next in line is asked with the next timer, now.

    What stands in their chat is withdrawn, of a closed case too, and pages with it that they had made end.
    """
    now = ports.clock.now()
    alerts = [a for a in await records.alerts_of(incident.id) if a.state is not AlertState.DONE] if incident.is_open else []
    summonses = await records.summonses(*(a.id for a in alerts))
    outgoing = Outgoing()
    for alert in alerts:
        if alert.owner_id in excluded:
            await records.change_alert(unanswered(alert, school.calendar.due(deadline(school, incident), now)))
        elif alert.owner_id is not None or not _all_shut_out(alert, summonses[alert.id], excluded):
            continue
        await records.cancel_timers(alert.id, TimerKind.CLIMB, TimerKind.REMIND)
        outgoing.timers.append(timer(ports, TimerKind.CLIMB, alert, now))
    await records.set_going(outgoing, now)
    to_answer = (MessageKind.ALERT, MessageKind.REMINDER, MessageKind.OPENED, MessageKind.RECEIPT)
    later = (MessageKind.ACTION, MessageKind.BLOCK, MessageKind.REVIEW, MessageKind.SIGN_OFF, MessageKind.ERASURE)
    await records.show_again(incident.id, now, *to_answer, *later, given_up=True)
    await end_lost_with(records, school, incident.id, now)


def unanswered(alert: Alert, due_at: datetime) -> Alert:
    """The alert of an owner who cannot answer for it any more: nobody has it, and everyone on its ladder is asked anew."""
    return replace(alert, state=AlertState.OPEN, owner_id=None, acknowledged_at=None, round=alert.round + 1, due_at=due_at)


def _all_shut_out(alert: Alert, summoned: Iterable[Summons], excluded: AbstractSet[str]) -> bool:
    """Whether of those who are asked now nobody is left. Whoever was asked before it was handed on waits for somebody else."""
    asked = {s.person_id for s in summoned if s.round == alert.round}
    return bool(asked) and asked <= excluded
