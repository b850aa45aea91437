"""What was filled into the forms for what is taken, searched, blocked and paid for; and who is told of it.

Nobody is told whom it is about, nor anything that was typed: IT that there is a block to carry out, whoever leads on the
curriculum the topic of a lesson. Where they may not know of the case they are told nothing.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from domain import measures as m
from domain.access import Act, Subject, may
from domain.entries import DOER, LONGEST_LINE, OUTCOME, TEXT, WHAT, WHEN, Entry, EntryKind, Told
from domain.incident import MessageKind, Outgoing, Participant, Timer, TimerKind
from domain.measures import AccessBlock, Concerned, Lesson
from domain.people import Person, School, Staff
from domain.report_form import LONGEST_TEXT, Fault, Filled
from domain.words import ParticipantRole, Role
from handlers.alerting import delivery, on_platforms
from handlers.filled import PERSON, chosen, moment, of_staff, past, picked, text, text_faults
from handlers.ports import Ports
from handlers.rights import member

OVER = "over"
"""In the step of a message about a block: its end, or its next review, has come."""
_SEEN_TO_BY: Mapping[EntryKind, Role] = {
    EntryKind.BLOCK: Role.IT_SUPPORT,
    EntryKind.LESSON: Role.COMPUTING_COORDINATOR,
}


@dataclass(frozen=True, slots=True)
class Known:
    """What the forms are read against: the case, with who was involved, and the staff list as it is now."""

    school: School
    staff: Staff
    case: Subject
    people: tuple[Participant, ...]
    now: datetime


def told(known: Known, kind: EntryKind, values: Filled, of: str = "") -> tuple[Told | None, dict[str, Fault]]:
    """What was filled in, and what is wrong with it. `of`: the entry of which it says what became."""
    faults: dict[str, Fault] = {}
    found = _READ[kind](known, values, faults, of)
    return (None if faults else found), faults


def _confiscated(known: Known, values: Filled, faults: dict[str, Fault], _of: str) -> Told:
    faults |= text_faults(values, {m.ITEM: LONGEST_LINE, m.PLACE: LONGEST_LINE})
    at, whom, holder = _at(known, values, faults), _concerned(known, values, faults), _member(known, values, DOER, faults)
    return m.Confiscated(text(values, m.ITEM), whom, at, text(values, m.PLACE), holder)


def _moved(known: Known, values: Filled, faults: dict[str, Fault], of: str) -> Told:
    faults |= text_faults(values, {m.PLACE: LONGEST_LINE}) | _why(values)
    at, holder = _at(known, values, faults), _member(known, values, DOER, faults)
    return m.Moved(of, at, text(values, m.PLACE), holder, text(values, TEXT))


def _released(known: Known, values: Filled, faults: dict[str, Fault], of: str) -> Told:
    faults |= text_faults(values, {m.TO: LONGEST_LINE}) | _why(values)
    return m.Released(of, _at(known, values, faults), text(values, m.TO), text(values, TEXT))


def _searched(known: Known, values: Filled, faults: dict[str, Fault], _of: str) -> Told:
    longest = {m.ITEM: LONGEST_LINE, m.GROUNDS: LONGEST_TEXT, m.PRESENT: LONGEST_LINE, OUTCOME: LONGEST_TEXT}
    faults |= text_faults(values, longest)
    whom, at = _concerned(known, values, faults), _at(known, values, faults)
    people = _member(known, values, m.AUTHORISED, faults), _member(known, values, DOER, faults), text(values, m.PRESENT)
    return m.Searched(text(values, m.ITEM), whom, at, text(values, m.GROUNDS), *people, text(values, OUTCOME))


def _blocked(known: Known, values: Filled, faults: dict[str, Fault], _of: str) -> Told | None:
    whom, what = _concerned(known, values, faults), chosen(values, m.BLOCKED, tuple(m.Blocked), faults)
    start = moment(known.school, values, m.START, faults) or known.now
    end = moment(known.school, values, m.END, faults)
    if end is not None and end <= start:
        faults[m.END] = Fault.BEFORE_ITS_START
    return None if faults else AccessBlock(whom, m.Blocked(what), start, end)


def _in_place(known: Known, values: Filled, faults: dict[str, Fault], of: str) -> Told:
    return m.InPlace(of, _at(known, values, faults))


def _lifted(known: Known, values: Filled, faults: dict[str, Fault], of: str) -> Told:
    faults |= _why(values)
    return m.Lifted(of, _at(known, values, faults), text(values, TEXT))


def _damage(_known: Known, values: Filled, faults: dict[str, Fault], _of: str) -> Told | None:
    faults |= text_faults(values, {WHAT: LONGEST_TEXT})
    typed = text(values, m.COST)
    cost = m.pounds(typed)
    if cost is None:
        faults[m.COST] = Fault.NOT_POUNDS if typed else Fault.MISSING
    billed = chosen(values, m.BILLED, tuple(m.Billed), faults)
    paid = chosen(values, m.PAID, (m.YES, m.NO), faults) == m.YES
    return None if faults else m.Damage(text(values, WHAT), cost or Decimal(), m.Billed(billed), paid)


def _paid(known: Known, values: Filled, faults: dict[str, Fault], of: str) -> Told:
    return m.Paid(of, _at(known, values, faults))


def _lesson(_known: Known, values: Filled, faults: dict[str, Fault], _of: str) -> Told | None:
    topic = chosen(values, m.TOPIC, tuple(m.Topic), faults)
    return None if faults else Lesson(m.Topic(topic))


_READ: Mapping[EntryKind, Callable[[Known, Filled, dict[str, Fault], str], Told | None]] = {
    EntryKind.CONFISCATION: _confiscated,
    EntryKind.CUSTODY: _moved,
    EntryKind.RELEASE: _released,
    EntryKind.SEARCH: _searched,
    EntryKind.BLOCK: _blocked,
    EntryKind.IN_PLACE: _in_place,
    EntryKind.LIFTED: _lifted,
    EntryKind.DAMAGE: _damage,
    EntryKind.PAID: _paid,
    EntryKind.LESSON: _lesson,
}
KINDS = frozenset(_READ)
"""The kinds of entry that are read here."""


def _at(known: Known, values: Filled, faults: dict[str, Fault]) -> datetime:
    return past(known.school, values, WHEN, faults, known.now)


def _why(values: Filled) -> dict[str, Fault]:
    return text_faults(values, {TEXT: LONGEST_TEXT}, needed=False)


def _concerned(known: Known, values: Filled, faults: dict[str, Fault]) -> Concerned:
    """One of those whom the case names, or somebody else by name."""
    value = text(values, m.FROM)
    named = next((p for p in known.people if p.id == value), None)
    if named is not None:
        return Concerned(named.role, named.name)
    if value == m.NOT_NAMED:
        faults |= text_faults(values, {m.FROM_WHO: LONGEST_LINE})
    else:
        faults[m.FROM] = Fault.UNKNOWN_CHOICE if value else Fault.MISSING
    return Concerned(None, text(values, m.FROM_WHO))


def _member(known: Known, values: Filled, field: str, faults: dict[str, Fault]) -> str:
    """A member of staff who has had to do with it: nobody whom the case names, or may name."""
    person = of_staff(known.staff, values, field)
    if person is None:
        faults[field] = Fault.NOT_STAFF if picked(values, field) else Fault.MISSING
        return ""
    if person.id in known.case.excluded:
        faults[field] = Fault.KEPT_OUT
    return person.id


def filled(told: Told, people: Iterable[Participant]) -> dict[str, str | tuple[str, ...]]:
    """The fields of an entry as it reads now."""
    match told:
        case m.Confiscated(item=item, whom=whom, at=at, place=place, holder_id=holder):
            values = {m.ITEM: item, WHEN: at.isoformat(), m.PLACE: place}
            return {**values, **_filled_whom(whom, people), DOER: (f"{PERSON}{holder}",)}
        case m.Moved(at=at, place=place, holder_id=holder, why=why):
            return {WHEN: at.isoformat(), m.PLACE: place, TEXT: why, DOER: (f"{PERSON}{holder}",)}
        case m.Released(at=at, to=to, why=why):
            return {WHEN: at.isoformat(), m.TO: to, TEXT: why}
        case m.Searched(device=device, whom=whom, at=at, grounds=grounds, present=present, outcome=outcome):
            values = {m.ITEM: device, WHEN: at.isoformat(), m.GROUNDS: grounds, m.PRESENT: present, OUTCOME: outcome}
            by = {m.AUTHORISED: (f"{PERSON}{told.authorised_by}",), DOER: (f"{PERSON}{told.searched_by}",)}
            return {**values, **_filled_whom(whom, people), **by}
        case AccessBlock(whom=whom, what=what, starts_at=start, ends_at=end):
            until = end.isoformat() if end is not None else ""
            return {m.BLOCKED: what, m.START: start.isoformat(), m.END: until, **_filled_whom(whom, people)}
        case m.Lifted(at=at, why=why):
            return {WHEN: at.isoformat(), TEXT: why}
        case m.InPlace(at=at) | m.Paid(at=at):
            return {WHEN: at.isoformat()}
        case m.Damage(what=what_broke, cost=cost, billed=billed, paid=paid):
            return {WHAT: what_broke, m.COST: str(cost), m.BILLED: billed, m.PAID: m.YES if paid else m.NO}
        case Lesson(topic=topic):
            return {m.TOPIC: topic}
        case _:
            return {}


def _filled_whom(whom: Concerned, people: Iterable[Participant]) -> dict[str, str]:
    named = next((p.id for p in people if (p.role, p.name) == (whom.role, whom.name)), m.NOT_NAMED)
    return {m.FROM: named, m.FROM_WHO: whom.name if named == m.NOT_NAMED else ""}


# Who is told


def told_of(school: School, staff: Staff, case: Subject, kind: EntryKind) -> tuple[Person, ...]:
    """Who is told that there is something to be done: those of the role whose it is who may know of it, and nobody else."""
    role = _SEEN_TO_BY.get(kind)
    if role is None or case.incident.private or case.incident.erased:
        return ()
    holders = [p for p in staff.holders(school, role) if p.id not in case.excluded]
    if kind is EntryKind.BLOCK:
        holders = [p for p in holders if may(member(school, staff, p.id), Act.CARRY_OUT, case)]
    return tuple(holders)


def tells_nobody(school: School, staff: Staff, case: Subject, kind: EntryKind) -> bool:
    """Whether it is something for others to do, and there is nobody who may be told."""
    return kind in _SEEN_TO_BY and not told_of(school, staff, case, kind)


def going_out(ports: Ports, known: Known, entry: Entry) -> Outgoing:
    """What is set going by an entry that was kept: who is told, and the end of a block."""
    outgoing, case, first = Outgoing(), known.case, entry.corrects or entry.id
    match entry.told:
        case AccessBlock() as block:
            kind, message, step = EntryKind.BLOCK, MessageKind.BLOCK, f"{first}.{entry.id}"
            alert, _ = case.duties[0]
            due = max(block.looked_at, known.now)
            outgoing.timers.append(Timer(ports.next_id(), TimerKind.BLOCK, case.incident.id, alert.id, due, first))
        case Lesson(topic=topic):
            kind, message, step = EntryKind.LESSON, MessageKind.LESSON, f"{first}.{topic}"
        case _:
            return outgoing
    outgoing.deliveries += [
        delivery(ports, case.incident.id, None, message, place, step)
        for person in told_of(known.school, known.staff, case, kind)
        for place in on_platforms(ports.platforms, person)
    ]
    return outgoing


def people_of(case: Iterable[Participant]) -> tuple[tuple[str, str, ParticipantRole], ...]:
    """Those whom a case names, to choose from: id, name and part."""
    return tuple((p.id, p.name, p.role) for p in case if p.name)
