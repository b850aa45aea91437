"""What is written in a case while somebody works it. Nothing is overwritten: a correction keeps what it corrects."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import TypeAlias, assert_never

from domain.checklists import Decision
from domain.measures import (
    AccessBlock,
    Billed,
    Confiscated,
    Damage,
    Held,
    InPlace,
    Lesson,
    Lifted,
    Moved,
    Now,
    Owed,
    Paid,
    Released,
    Searched,
    Standing,
)
from domain.words import EXTERNAL_ROLES, Role

KIND, TEXT, WHAT, DOER, STATUS, DUE, WHOM, WHO, WHEN, OUTCOME, REFERENCE = (
    "entry_kind",
    "entry_text",
    "entry_what",
    "entry_doer",
    "entry_status",
    "entry_due",
    "entry_whom",
    "entry_who",
    "entry_when",
    "entry_outcome",
    "entry_reference",
)
"""The fields of the forms."""
TO_DO, DONE = "to_do", "done"
LONGEST_LINE = 200
"""In characters: a name, or somebody else's reference."""


class EntryKind(StrEnum):
    """What was written in a case."""

    NOTE = "note"
    ACTION = "action"
    CONTACT = "contact"
    DECISION = "decision"
    CONFISCATION = "confiscation"
    CUSTODY = "custody"
    RELEASE = "release"
    SEARCH = "search"
    BLOCK = "block"
    IN_PLACE = "in_place"
    LIFTED = "lifted"
    DAMAGE = "damage"
    PAID = "paid"
    LESSON = "lesson"


ADDED = (
    EntryKind.NOTE,
    EntryKind.ACTION,
    EntryKind.CONTACT,
    EntryKind.CONFISCATION,
    EntryKind.SEARCH,
    EntryKind.BLOCK,
    EntryKind.DAMAGE,
    EntryKind.LESSON,
)
"""What the form for an entry offers; a decision has a form of its own, made of the policy's grid."""
FOLLOWS: Mapping[EntryKind, EntryKind] = {
    EntryKind.CUSTODY: EntryKind.CONFISCATION,
    EntryKind.RELEASE: EntryKind.CONFISCATION,
    EntryKind.IN_PLACE: EntryKind.BLOCK,
    EntryKind.LIFTED: EntryKind.BLOCK,
    EntryKind.PAID: EntryKind.DAMAGE,
}
"""What is added to an entry of another kind, and says what became of that."""
CONTACTS = tuple(sorted(EXTERNAL_ROLES, key=lambda role: (role is not Role.PARENTS, list(Role).index(role))))
"""With whom there can be contact, parents first."""


@dataclass(frozen=True, slots=True)
class Note:
    """Something that was found out, or is to be remembered."""

    text: str


@dataclass(frozen=True, slots=True)
class Action:
    """Something that is to be done, by which member of staff, and by when if a time was set. Done, or not, says the entry."""

    what: str
    doer_id: str
    due_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Contact:
    """Contact with parents or an agency: when, with whom there, what came of it, and what they call it.

    `refused`: parents do not want to take part in putting it right, on which a step of the policy may turn.
    """

    whom: Role
    at: datetime
    outcome: str
    who: str = ""
    reference: str = ""
    refused: bool = False


@dataclass(frozen=True, slots=True)
class Decided:
    """What was decided on the policy's grid. The names and `words` keep what was read then, should the grid change.

    `row_name`: the line or level that the kind came under, such as C4; an older version did not keep it.
    """

    decision: Decision
    kind_name: str = ""
    words: tuple[str, ...] = ()
    row_name: str = ""


Told: TypeAlias = (
    Note
    | Action
    | Contact
    | Decided
    | Confiscated
    | Moved
    | Released
    | Searched
    | AccessBlock
    | InPlace
    | Lifted
    | Damage
    | Paid
    | Lesson
)

_KINDS: Mapping[type[Told], EntryKind] = {
    Note: EntryKind.NOTE,
    Action: EntryKind.ACTION,
    Contact: EntryKind.CONTACT,
    Decided: EntryKind.DECISION,
    Confiscated: EntryKind.CONFISCATION,
    Moved: EntryKind.CUSTODY,
    Released: EntryKind.RELEASE,
    Searched: EntryKind.SEARCH,
    AccessBlock: EntryKind.BLOCK,
    InPlace: EntryKind.IN_PLACE,
    Lifted: EntryKind.LIFTED,
    Damage: EntryKind.DAMAGE,
    Paid: EntryKind.PAID,
    Lesson: EntryKind.LESSON,
}


def kind_of(told: Told) -> EntryKind:
    """Of which kind an entry is that tells this."""
    return _KINDS[type(told)]


def followed(told: Told) -> str:
    """The id of the entry that this one says something more of; empty for one that stands by itself."""
    return told.of if isinstance(told, Moved | Released | InPlace | Lifted | Paid) else ""


def staff_in(told: Told) -> tuple[str, ...]:
    """The members of staff whom it names by id."""
    match told:
        case Action(doer_id=person) | Confiscated(holder_id=person) | Moved(holder_id=person):
            return (person,)
        case Searched(authorised_by=authority, searched_by=searcher):
            return (authority, searcher)
        case _:
            return ()


def texts_of(told: Told) -> tuple[str, ...]:
    """What somebody typed of it."""
    match told:
        case Note(text=text):
            found = [text]
        case Action(what=what):
            found = [what]
        case Contact(who=who, outcome=outcome, reference=reference):
            found = [who, outcome, reference]
        case Decided(decision=decision):
            found = [decision.own, decision.reason]
        case Confiscated(item=item, whom=whom, place=place):
            found = [item, whom.name, place]
        case Moved(place=place, why=why):
            found = [place, why]
        case Released(to=to, why=why):
            found = [to, why]
        case Searched(device=device, whom=whom, grounds=grounds, present=present, outcome=outcome):
            found = [device, whom.name, grounds, present, outcome]
        case AccessBlock(whom=whom):
            found = [whom.name]
        case Lifted(why=why):
            found = [why]
        case Damage(what=what):
            found = [what]
        case InPlace() | Paid() | Lesson():
            found = []
        case _:
            assert_never(told)
    return tuple(text for text in found if text)


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that a member of staff wrote in a case. `corrects`: the first wording of the entry that this one corrects.

    Whether an action is done, when and by whom, stands at its first wording.
    """

    id: str
    incident_id: str
    person_id: str
    at: datetime
    told: Told
    corrects: str = ""
    done_at: datetime | None = None
    done_by: str = ""


@dataclass(frozen=True, slots=True)
class ActionState:
    """An action without a word of it: who is to do it, by when, and whether it is done."""

    id: str
    incident_id: str
    doer_id: str
    due_at: datetime | None
    done_at: datetime | None


@dataclass(frozen=True, slots=True)
class Overdue:
    """An action that is not done in time, as a list shows it. `own`: whoever looks is to do it; `reads`: they work the case."""

    incident_id: str
    reference: str
    due_at: datetime
    own: bool
    reads: bool
    entry_id: str = ""


@dataclass(frozen=True, slots=True)
class Wording:
    """How an entry reads, or read until somebody corrected it; `who` is empty for somebody who has left."""

    at: datetime
    who: str
    told: Told
    doer: str = ""
    names: Mapping[str, str] = field(default_factory=dict)
    """Of the members of staff whom it names, by id; those who have left are not in it."""


@dataclass(frozen=True, slots=True)
class Line:
    """An entry of the timeline as it reads now. `before`: each earlier wording, the first one first."""

    id: str
    at: datetime
    who: str
    now: Wording
    before: tuple[Wording, ...] = ()
    done_at: datetime | None = None
    done_by: str = ""
    overdue: bool = False
    lasts: bool = False
    """What was taken is held, a block is not lifted, or what it cost is not paid."""

    @property
    def kind(self) -> EntryKind:
        """What it is."""
        return kind_of(self.now.told)

    @property
    def is_open(self) -> bool:
        """Whether it is an action that is not done."""
        return self.kind is EntryKind.ACTION and self.done_at is None


@dataclass(frozen=True, slots=True)
class Timeline:
    """A page of what was written in a case, in time order; the last page has the newest. `number` counts from 1.

    `saved`: something was just added, corrected or done. `untold`: it is something for others to do, and none of them may know
    of the case, so that nobody was told. `standing`: what is held, blocked and owed now.
    """

    incident_id: str
    reference: str
    lines: tuple[Line, ...]
    number: int = 1
    pages: int = 1
    saved: bool = False
    untold: bool = False
    standing: Now = field(default_factory=Now)


def lines_of(entries: Iterable[Entry], names: Mapping[str, str], now: datetime) -> tuple[Line, ...]:
    """The entries of a case in time order, each with its corrections. `names`: of staff, by id."""
    ordered = sorted(entries, key=lambda e: (e.at, bool(e.corrects), e.id))
    found = []
    for first in (e for e in ordered if not e.corrects):
        wordings = [_wording(e, names) for e in ordered if first.id in (e.id, e.corrects)]
        told = wordings[-1].told
        late = isinstance(told, Action) and told.due_at is not None and first.done_at is None and told.due_at <= now
        who, done_by = names.get(first.person_id, ""), names.get(first.done_by, "")
        found.append(Line(first.id, first.at, who, wordings[-1], tuple(wordings[:-1]), first.done_at, done_by, late))
    standing = standing_of(found, now)
    lasting = {one.entry_id for some in (standing.held, standing.blocks, standing.owed) for one in some}
    return tuple(replace(line, lasts=True) if line.id in lasting else line for line in found)


def standing_of(lines: Iterable[Line], now: datetime) -> Now:
    """What is held, blocked and owed, by the lines of a case in time order."""
    lines = tuple(lines)
    after: dict[str, list[Told]] = {}
    for line in lines:
        if of := followed(line.now.told):
            after.setdefault(of, []).append(line.now.told)
    held, blocks, owed = [], [], []
    for line in lines:
        later = after.get(line.id, [])
        match line.now.told:
            case Confiscated() as taken:
                kept = next((x for x in reversed(later) if isinstance(x, Moved | Released)), taken)
                if not isinstance(kept, Released):
                    holder = next((n[kept.holder_id] for n in _names(lines) if kept.holder_id in n), "")
                    held.append(Held(line.id, taken.item, kept.place, holder, kept.at))
            case AccessBlock(whom=whom, what=what) as block:
                if not any(isinstance(x, Lifted) for x in later):
                    there, over = any(isinstance(x, InPlace) for x in later), block.looked_at <= now
                    blocks.append(Standing(line.id, what, whom, block.starts_at, block.ends_at, there, over))
            case Damage(what=damage, cost=cost, billed=Billed.PARENTS, paid=False):
                if not any(isinstance(x, Paid) for x in later):
                    owed.append(Owed(line.id, damage, cost))
            case _:
                pass
    return Now(tuple(held), tuple(blocks), tuple(owed))


def _names(lines: Iterable[Line]) -> Iterable[Mapping[str, str]]:
    return (line.now.names for line in lines)


def _wording(entry: Entry, names: Mapping[str, str]) -> Wording:
    doer = names.get(entry.told.doer_id, "") if isinstance(entry.told, Action) else ""
    named = {person: names[person] for person in staff_in(entry.told) if person in names}
    return Wording(entry.at, names.get(entry.person_id, ""), entry.told, doer, named)


_A_PAGE, _LONGEST_PAGE = 8, 9_000
"""How many wordings a page has, and how many typed characters, so that no chat has to leave any of it out."""


def paged(
    incident_id: str,
    reference: str,
    lines: Iterable[Line],
    wanted: int | None = None,
    *,
    saved: bool = False,
    untold: bool = False,
    standing: Now | None = None,
) -> Timeline:
    """The wanted page, or the last. An entry with many corrections goes over several pages."""
    pages: list[list[Line]] = [[]]
    room, left = _A_PAGE, _LONGEST_PAGE
    for line in (piece for each in lines for piece in _pieces(each)):
        weight = _weight(line.now) + sum(map(_weight, line.before))
        if pages[-1] and (room < 1 + len(line.before) or left < weight):
            pages.append([])
            room, left = _A_PAGE, _LONGEST_PAGE
        pages[-1].append(line)
        room, left = room - 1 - len(line.before), left - weight
    number = min(max(wanted or len(pages), 1), len(pages))
    shown = tuple(pages[number - 1])
    return Timeline(incident_id, reference, shown, number, len(pages), saved, untold, standing or Now())


def _pieces(line: Line) -> Iterable[Line]:
    """An entry with as many earlier wordings as go onto a page; then the same entry with the next ones."""
    some: list[Wording] = []
    left = _LONGEST_PAGE - _weight(line.now)
    for wording in line.before:
        if some and (len(some) + 1 >= _A_PAGE or left < _weight(wording)):
            yield replace(line, before=tuple(some))
            some, left = [], _LONGEST_PAGE - _weight(line.now)
        some.append(wording)
        left -= _weight(wording)
    yield replace(line, before=tuple(some))


def _weight(wording: Wording) -> int:
    words = wording.told.words if isinstance(wording.told, Decided) else ()
    return sum(map(len, (*texts_of(wording.told), *words)))
