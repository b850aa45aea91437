"""Looking a case up by its reference; and opening one when nobody who leads safeguarding can be reached.

To open one is for a few roles only and never for a private case. It needs a reason, holds for a day, and those who lead are
told at once.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeAlias

from domain.access import LEADS, OPENERS, Act, Subject, Viewer, may
from domain.incident import OPENED_FOR, CaseNote, MessageKind, NoteKind, Opening, Outgoing
from domain.people import Account, Person, School, Staff
from domain.report_form import LONGEST_TEXT, Fault
from domain.words import Role
from handlers.acknowledge import NotForYou
from handlers.alerting import delivery, on_platforms
from handlers.course import shown_instead
from handlers.details import DetailsOutcome, show
from handlers.ports import Ports, Records, actor
from handlers.rights import subject, viewer

REASON = "reason"
_LONGEST_REFERENCE = 32
_IF_THEY_ARE_OUT = (Role.CHAIR_OF_GOVERNORS, Role.GOVERNORS, Role.SENIOR_LEADERSHIP)


@dataclass(frozen=True, slots=True)
class OpenQuestions:
    """Why it must be opened, and who will be told."""

    incident_id: str
    reference: str
    told: tuple[Role, ...]
    reason: str = ""
    faults: dict[str, Fault] = field(default_factory=dict)


CaseOutcome: TypeAlias = DetailsOutcome | OpenQuestions


async def look_up(ports: Ports, school: School, account: Account, reference: str) -> CaseOutcome:
    """The case of a reference for somebody who may read it; for somebody who may open it in an emergency, the form for that.

    That it is there is more than anybody else is told, so the offer is noted like a reading.
    """
    wanted = reference.strip().upper()
    if not 0 < len(wanted) <= _LONGEST_REFERENCE:
        return NotForYou()
    now = ports.clock.now()
    async with ports.store.transaction(school) as records:
        incident = await records.incident_by_reference(wanted)
        if incident is None:
            return NotForYou()
        looking = await viewer(records, school, account)
        # Of a duplicate, the case that goes on: for whoever may know of that.
        incident = await shown_instead(records, looking, incident, now)
        case = await subject(records, incident, now)
        if may(looking, Act.OPEN, case):
            await records.note(now, actor(account), "case.offered", incident.id)
            return _questions(looking, case)
        return await show(ports, records, school, account, incident)


async def open_case(ports: Ports, school: School, account: Account, incident_id: str, reason: str) -> CaseOutcome:
    """Opens a case to somebody for a day, and shows it.

    The same transaction keeps who and why, and sets going the messages to those who lead.
    """
    now = ports.clock.now()
    async with ports.store.transaction(school) as records:
        incident = await records.incident(incident_id)
        if incident is None or account.person_id is None:
            return NotForYou()
        looking, case = await viewer(records, school, account), await subject(records, incident, now)
        if not may(looking, Act.OPEN, case):
            # Sent twice, it is open already: then it is shown.
            return await show(ports, records, school, account, incident)
        if not reason.strip() or len(reason) > LONGEST_TEXT:
            fault = Fault.TOO_LONG if reason.strip() else Fault.MISSING
            asked = _questions(looking, case)
            return OpenQuestions(asked.incident_id, asked.reference, asked.told, reason, {REASON: fault})
        role = min(looking.roles & OPENERS, key=list(Role).index)
        opening = Opening(ports.new_id(), incident.id, account.person_id, role, now, now + OPENED_FOR)
        await records.add_opening(opening)
        note = CaseNote(incident.id, account.person_id, NoteKind.OPENED, now, reason.strip())
        texts = await records.add_case_note(note)
        await records.note(now, actor(account), "case.opened", incident.id, role=role, texts=texts)
        await _tell(ports, records, looking, case, opening, now)
        shown = await show(ports, records, school, account, incident)
    ports.wake()
    return shown


def whom_to_tell(school: School, staff: Staff, opener: str, excluded: frozenset[str]) -> list[tuple[Role, Person]]:
    """Who is told that a case was opened: those who lead and the headteacher.

    If they are all out, the chair of governors; then governors, then other senior leaders.
    """
    without = excluded | {opener}
    for roles in ((*sorted(LEADS), Role.HEADTEACHER), *((role,) for role in _IF_THEY_ARE_OUT)):
        found = {p.id: (role, p) for role in reversed(roles) for p in staff.holders(school, role) if p.id not in without}
        if found:
            return list(found.values())
    return []


async def _tell(ports: Ports, records: Records, looking: Viewer, case: Subject, opening: Opening, now: datetime) -> None:
    people = whom_to_tell(looking.school, looking.staff, opening.person_id, case.excluded)
    outgoing = Outgoing(
        deliveries=[
            delivery(ports, case.incident.id, None, MessageKind.OPENED, place, opening.id)
            for _, person in people
            for place in on_platforms(ports.platforms, person)
        ]
    )
    await records.set_going(outgoing, now)


def _questions(looking: Viewer, case: Subject) -> OpenQuestions:
    person = looking.account.person_id or ""
    told = whom_to_tell(looking.school, looking.staff, person, case.excluded)
    return OpenQuestions(case.incident.id, case.incident.reference, tuple(dict.fromkeys(role for role, _ in told)))
