"""Closing one's part of a case, with how it ended. The last part closed closes the case, and the reporter hears of it."""

from dataclasses import dataclass, field, replace
from typing import TypeAlias

from domain.access import TECHNICAL
from domain.case_changes import CaseChange, ChangeKind, Result
from domain.incident import Alert, AlertState, CaseNote, Incident, MessageKind, NoteKind, Outgoing, TimerKind
from domain.measures import Unsettled
from domain.people import Account, School
from domain.report_form import LONGEST_TEXT, Fault
from domain.words import IncidentState
from handlers.acknowledge import AlreadyClosed, NotForYou, case_of_alert
from handlers.alerting import delivery
from handlers.ask import same_id
from handlers.ports import Ports, actor
from handlers.signing import ask_all

OUTCOME, RESULT = "outcome", "result"


@dataclass(frozen=True, slots=True)
class CloseQuestions:
    """How it ended. It cannot be left empty: a record holds what was done and decided, and why.

    `result`: the same in a word, never chosen for them; a task to carry out has none. `open_actions`: so many are not done,
    which is no reason not to close it, nor is what is `unsettled`.
    """

    alert: Alert
    incident: Incident
    outcome: str = ""
    faults: dict[str, Fault] | None = None
    open_actions: int = 0
    unsettled: Unsettled = field(default_factory=Unsettled)
    result: str = ""

    @property
    def has_result(self) -> bool:
        """Whether it is asked how it ended in a word."""
        return not set(self.alert.roles) <= TECHNICAL


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
        # Whoever carries out a technical task knows of nothing else that is done in the case.
        unsettled = await records.unsettled(incident.id) if not set(alert.roles) <= TECHNICAL else Unsettled()
        return CloseQuestions(alert, incident, open_actions=await records.open_actions(incident.id), unsettled=unsettled)


async def close(ports: Ports, school: School, account: Account, alert_id: str, outcome: str, result: str = "") -> CloseOutcome:
    """Closes the owner's part of the case. With the last part it is asked of whom the policy names to sign it off."""
    asked = await ask(ports, school, account, alert_id)
    if not isinstance(asked, CloseQuestions):
        return asked
    faults = {}
    if not outcome.strip() or len(outcome) > LONGEST_TEXT:
        faults[OUTCOME] = Fault.TOO_LONG if outcome.strip() else Fault.MISSING
    if asked.has_result and result not in set(Result):
        faults[RESULT] = Fault.UNKNOWN_CHOICE if result else Fault.MISSING
    if faults:
        return replace(asked, outcome=outcome, result=result, faults=faults)
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
        said: dict[str, str] = {"role": alert.role, "texts": await records.add_case_note(note)}
        if asked.has_result:
            id_ = same_id("closed", alert.id, str(alert.round))
            ended = CaseChange(id_, incident.id, account.person_id, ChangeKind.CLOSED, now, code=result)
            said |= {"result": result, "change": await records.add_change(ended)}
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
        await records.note(now, actor(account), "case.closed" if whole else "part.closed", incident.id, **said)
        if whole:
            closed = replace(incident, state=IncidentState.CLOSED, closed_at=now)
            await ask_all(ports, records, school, closed, now)
    ports.wake()
    return Closed(incident.reference, whole)
