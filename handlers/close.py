"""Closing one's part of a case, with how it ended. The last part closed closes the case, and the reporter hears of it."""

from dataclasses import dataclass, replace
from typing import TypeAlias

from domain.incident import Alert, AlertState, CaseNote, Incident, MessageKind, NoteKind, Outgoing, TimerKind
from domain.people import Account, School
from domain.report_form import LONGEST_TEXT, Fault
from domain.words import IncidentState
from handlers.acknowledge import AlreadyClosed, NotForYou, case_of_alert
from handlers.alerting import delivery
from handlers.ports import Ports, actor

OUTCOME = "outcome"


@dataclass(frozen=True, slots=True)
class CloseQuestions:
    """How it ended. It cannot be left empty: a record holds what was done and decided, and why.

    `open_actions`: so many are not done, which is no reason not to close it.
    """

    alert: Alert
    incident: Incident
    outcome: str = ""
    faults: dict[str, Fault] | None = None
    open_actions: int = 0


@dataclass(frozen=True, slots=True)
class NotYetTaken:
    """Nobody has acknowledged it, or somebody else has: only its owner closes it."""

    reference: str
    owner: str


@dataclass(frozen=True, slots=True)
class Closed:
    """This part is done; `whole` where it was the last and the case is closed."""

    reference: str
    whole: bool


AskOutcome: TypeAlias = CloseQuestions | NotYetTaken | AlreadyClosed | NotForYou
CloseOutcome: TypeAlias = Closed | AskOutcome


async def ask(ports: Ports, school: School, account: Account, alert_id: str) -> AskOutcome:
    """The form, for the owner of the alert."""
    async with ports.store.transaction(school) as records:
        found = await case_of_alert(records, school, account, alert_id, ports.clock.now())
        if found is None:
            return NotForYou()
        alert, incident = found
        if not incident.is_open or alert.state is AlertState.DONE:
            return AlreadyClosed(incident.reference)
        if alert.owner_id != account.person_id:
            owner = (await records.staff()).get(alert.owner_id)
            return NotYetTaken(incident.reference, owner.name if owner else "")
        return CloseQuestions(alert, incident, open_actions=await records.open_actions(incident.id))


async def close(ports: Ports, school: School, account: Account, alert_id: str, outcome: str) -> CloseOutcome:
    """Closes the owner's part of the case."""
    asked = await ask(ports, school, account, alert_id)
    if not isinstance(asked, CloseQuestions):
        return asked
    if not outcome.strip() or len(outcome) > LONGEST_TEXT:
        fault = Fault.TOO_LONG if outcome.strip() else Fault.MISSING
        return replace(asked, outcome=outcome, faults={OUTCOME: fault})
    now = ports.clock.now()
    async with ports.store.transaction(school) as records:
        found = await case_of_alert(records, school, account, alert_id, now)
        if found is None or account.person_id is None or found[0].owner_id != account.person_id:
            return NotForYou()
        alert, incident = found
        if not incident.is_open or alert.state is AlertState.DONE:
            return AlreadyClosed(incident.reference)
        await records.change_alert(replace(alert, state=AlertState.DONE))
        await records.cancel_timers(alert.id, TimerKind.CLIMB, TimerKind.REMIND)
        note = CaseNote(incident.id, account.person_id, NoteKind.OUTCOME, now, outcome.strip())
        texts = await records.add_case_note(note)
        whole = all(a.state is AlertState.DONE for a in await records.alerts_of(incident.id))
        if whole:
            await records.set_incident_state(incident.id, IncidentState.CLOSED, now)
            told = delivery(
                ports, incident.id, alert.id, MessageKind.CLOSED, incident.reporter.address, f"{alert.round}.{now.isoformat()}"
            )
            await records.set_going(Outgoing(deliveries=[told]), now)
        else:
            await records.set_incident_state(incident.id, IncidentState.IN_PROGRESS)
        await records.show_again(incident.id, now, MessageKind.ALERT, MessageKind.RECEIPT, MessageKind.REMINDER)
        await records.note(
            now, actor(account), "case.closed" if whole else "part.closed", incident.id, role=alert.role, texts=texts
        )
    ports.wake()
    return Closed(incident.reference, whole)
