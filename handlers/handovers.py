"""Handing a pupil's records over to the next school, against a receipt."""

import hashlib
import hmac
from dataclasses import replace

from domain.access import KEEPERS
from domain.deadlines import Deadline, Unit
from domain.handovers import (
    LONGEST_SCHOOL,
    PERSON,
    RECEIPT,
    SCHOOL,
    SCHOOL_DAYS,
    Handover,
    HandoverQuestions,
    HandoverReady,
    NothingToHandOver,
    ReceiptQuestions,
    Received,
)
from domain.people import Account, School
from domain.report_form import Fault
from domain.subject_access import Held, HeldCase, SubjectQuestions
from domain.words import ParticipantRole
from handlers.acknowledge import NotForYou
from handlers.ports import Ports, actor
from handlers.rights import viewer
from handlers.subject_access import collect

_THEIRS = frozenset({ParticipantRole.TARGET, ParticipantRole.ALLEGED_PERPETRATOR})


async def ask(ports: Ports, school: School, account: Account) -> HandoverQuestions | NotForYou:
    """The form, for those who answer for the records."""
    async with ports.store.transaction(school, write=False) as records:
        looking = await viewer(records, school, account)
        return HandoverQuestions() if looking.roles & KEEPERS else NotForYou()


async def prepare(
    ports: Ports, school: School, account: Account, chosen: tuple[str, ...], to: str
) -> HandoverReady | NothingToHandOver | HandoverQuestions | NotForYou:
    """What goes over: the pupil's cases that are not private, without the names of others. Each is noted as handed over."""
    to = to.strip()
    if not to or len(to) > LONGEST_SCHOOL:
        return HandoverQuestions(chosen, to, {SCHOOL: Fault.TOO_LONG if to else Fault.MISSING})
    match await collect(ports, school, account, chosen, "handover.exported", _goes_over):
        case Held(person=person, cases=cases) as held:
            return HandoverReady(held, to) if person.id and cases else NothingToHandOver()
        case SubjectQuestions(faults=faults):
            return HandoverQuestions(chosen, to, {PERSON: faults[PERSON]})
        case outcome:
            return outcome


def _goes_over(case: HeldCase) -> bool:
    return case.sure and not case.incident.private and bool(_THEIRS & set(case.parts))


async def sent(ports: Ports, school: School, account: Account, ready: HandoverReady, file: str, code: str) -> Handover:
    """The page is made: from now on it waits for its receipt. Of the code only a digest is kept."""
    now = ports.clock.now()
    due = school.calendar.due(Deadline(Unit.SCHOOL_DAY, SCHOOL_DAYS), now)
    person = ready.held.person.id
    made = Handover(ports.new_id(), person, ready.to, file, _digest(code), account.person_id or "", now, due)
    async with ports.store.transaction(school) as records:
        await records.add_handover(made)
        await records.note(now, actor(account), "handover.started", handover=made.id, person=person)
    return made


async def receive(
    ports: Ports, school: School, account: Account, handover_id: str, code: str | None
) -> Received | ReceiptQuestions | NotForYou:
    """Takes the code that the next school has read in the page; without one, the form. Taken once, it stands."""
    now = ports.clock.now()
    async with ports.store.transaction(school) as records:
        looking = await viewer(records, school, account)
        found = await records.handover(handover_id) if looking.roles & KEEPERS else None
        if found is None or account.person_id is None:
            return NotForYou()
        await records.note(now, actor(account), "handover.read", handover=found.id)
        if found.received_at is not None:
            return Received(found)
        if code is None:
            return ReceiptQuestions(found)
        if not hmac.compare_digest(_digest(code), found.receipt):
            fault = Fault.UNKNOWN_CHOICE if code.strip() else Fault.MISSING
            return ReceiptQuestions(found, code, {RECEIPT: fault})
        await records.receive(found.id, account.person_id, now)
        await records.note(now, actor(account), "handover.received", handover=found.id)
        return Received(replace(found, received_at=now, received_by=account.person_id))


def _digest(code: str) -> str:
    typed = "".join(c for c in code.upper() if c.isalnum())
    return hashlib.sha256(b"handover\0" + typed.encode()).hexdigest()
