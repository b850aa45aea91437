"""The lists of staff and pupils as CSV: read whole, compared with what is kept, taken over in one step or not at all."""

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from io import StringIO
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError

from domain.listed import Newcomers
from domain.names import words_to_find
from domain.people import Kind, Person
from storage.listed_records import freed_key
from storage.records import Records, new_id

MOST_LINES = 20_000


class PeopleFileError(Exception):
    """A list cannot be imported. The message has a line for each fault, with its number; nothing was changed."""


_Text = Annotated[str, StringConstraints(strip_whitespace=True, max_length=255)]
_Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=2, max_length=255)]
_Group = Annotated[str, StringConstraints(strip_whitespace=True, max_length=64)]
_Email = Annotated[
    str, StringConstraints(strip_whitespace=True, to_lower=True, max_length=255, pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$")
]
_NoEmail = Annotated[str, StringConstraints(strip_whitespace=True, max_length=0)]


class _StaffLine(BaseModel):
    model_config = ConfigDict(extra="ignore")
    name: _Name
    email: _Email
    line_manager: _Email | _NoEmail = ""
    id: Annotated[str, StringConstraints(strip_whitespace=True, max_length=64)] = ""
    formerly: _Email | _NoEmail = ""


class _PupilLine(BaseModel):
    model_config = ConfigDict(extra="ignore")
    id: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=64)]
    name: _Name
    house: _Group = ""
    form: _Group = ""


@dataclass(frozen=True, slots=True)
class Marks:
    """By what a line of the staff list knows somebody again whose e-mail has changed, if it says.

    `number` is the school's own and never changes; `formerly` is the e-mail that they had on the list before.
    """

    number: str = ""
    formerly: str = ""


@dataclass(frozen=True, slots=True)
class Listing:
    """A list as its file has it: people by the list's own key, the e-mail of staff or the school's number of a pupil."""

    kind: Kind
    people: dict[str, Person]
    marks: Mapping[str, Marks] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Change:
    """What an import would do to one person. `was_key`: their key on the list before, where it is another now.

    `sure`: the list itself says by the school's number who they are.
    """

    what: str
    person: Person
    key: str
    was_key: str = ""
    number: str = ""
    was_name: str = ""
    sure: bool = False

    @property
    def renamed(self) -> bool:
        """Whether the list calls them otherwise than before."""
        return bool(self.was_name) and self.was_name != self.person.name


@dataclass(frozen=True, slots=True)
class Plan:
    """What an import would change, and how many stay as they are.

    `same_people`: an old id and the new one, of staff who came onto the list as somebody new before it said who they were.
    `never_listed`: e-mails that somebody new is said to have had, and nobody had. `freed`: who gives their key to another.
    """

    kind: Kind
    changes: tuple[Change, ...]
    same: int
    same_people: tuple[tuple[str, str], ...] = ()
    never_listed: tuple[str, ...] = ()
    freed: frozenset[str] = frozenset()

    def count(self, what: str) -> int:
        """How many people are added, changed or removed."""
        return sum(c.what == what for c in self.changes)

    @property
    def newcomers(self) -> Newcomers:
        """Whom the names in earlier reports have not been compared with."""
        if self.kind is not Kind.STAFF:
            return Newcomers()
        return Newcomers(
            added=tuple(c.person for c in self.changes if c.what == "added"),
            known=tuple(c.person for c in self.changes if c.what == "changed" and c.renamed),
        )

    @property
    def perhaps_the_same(self) -> tuple[tuple[str, str], ...]:
        """The e-mails of staff who are removed and added under one name in one step: most often that is one person."""
        if self.kind is not Kind.STAFF:
            return ()
        gone = {c.person.name.casefold(): c.key for c in self.changes if c.what == "removed"}
        came = [c for c in self.changes if c.what == "added"]
        return tuple((gone[name], c.key) for c in came if (name := c.person.name.casefold()) in gone)

    @property
    def perhaps_another(self) -> tuple[str, ...]:
        """The e-mails of staff who keep nothing of their name, with no number in the list: perhaps they are somebody else."""
        if self.kind is not Kind.STAFF:
            return ()
        changed = (c for c in self.changes if c.what in ("changed", "added") and c.renamed and not c.sure)
        return tuple(c.key for c in changed if words_to_find(c.was_name).isdisjoint(words_to_find(c.person.name)))


def read_people(path: Path, kind: Kind) -> dict[str, Person]:
    """The people alone of `read_list`."""
    return read_list(path, kind).people


def read_list(path: Path, kind: Kind) -> Listing:
    """The list in a CSV file.

    Raises:
        PeopleFileError: the file or any of its lines is wrong.
    """
    model = _StaffLine if kind is Kind.STAFF else _PupilLine
    needed = {"name", "email"} if kind is Kind.STAFF else {"id", "name"}
    try:
        reader = csv.DictReader(StringIO(path.read_text(encoding="utf-8-sig"), newline=""), strict=True)
        rows = [(reader.line_num, row) for row in reader]
    except FileNotFoundError:
        raise PeopleFileError(f"{path} does not exist") from None
    except OSError as wrong:
        raise PeopleFileError(f"{path} cannot be read: {wrong.strerror}") from None
    except (UnicodeDecodeError, csv.Error) as wrong:
        raise PeopleFileError(f"{path} is not a CSV file in UTF-8: {wrong}") from None
    if not rows or not needed <= set(rows[0][1]):
        raise PeopleFileError(
            f"{path}: the first line must name the columns {', '.join(sorted(needed))}, and people must follow"
        )
    if len(rows) > MOST_LINES:
        raise PeopleFileError(f"{path} has {len(rows)} lines; {MOST_LINES} is the most")
    found: dict[str, Person] = {}
    marks: dict[str, Marks] = {}
    lines: dict[str, int] = {}
    faults: list[str] = []
    for number, row in rows:
        try:
            line = model.model_validate({k: v or "" for k, v in row.items() if k})
        except ValidationError as wrong:
            faults += [f"line {number}: {e['loc'][0]}: {e['msg']}" for e in wrong.errors()[:1]]
            continue
        person, key = _read(line)
        if key in found:
            faults.append(f"line {number}: {key} stands in the file twice")
        found[key], lines[key] = person, number
        if isinstance(line, _StaffLine) and (line.id or line.formerly):
            marks[key] = Marks(line.id, line.formerly if line.formerly != key else "")
    faults += _wrong_marks(found, marks, lines)
    if faults:
        raise PeopleFileError("\n".join([f"{path}: nothing was imported.", *faults[:20]]))
    return Listing(kind, found, marks)


def _wrong_marks(people: Iterable[str], marks: Mapping[str, Marks], lines: Mapping[str, int]) -> list[str]:
    listed, faults = frozenset(people), []
    numbers: set[str] = set()
    before: set[str] = set()
    for key, mark in marks.items():
        if mark.number in numbers:
            faults.append(f"line {lines[key]}: id: {mark.number} stands in the file twice")
        if mark.formerly in listed:
            faults.append(f"line {lines[key]}: formerly: {mark.formerly} stands in the file as somebody's e-mail")
        if mark.formerly in before:
            faults.append(f"line {lines[key]}: formerly: {mark.formerly} stands in the file twice")
        numbers |= {mark.number} - {""}
        before |= {mark.formerly} - {""}
    return faults


async def plan_import(
    records: Records, kind: Kind, people: dict[str, Person], marks: Mapping[str, Marks] | None = None
) -> Plan:
    """What taking over a list would change. Whoever is no longer on it is kept for the old cases and no longer found."""
    known, marks = await records.listed(kind), marks or {}
    numbers = await records.numbers() if kind is Kind.STAFF else {}
    before = _known_again(known, numbers, people, marks)
    changes: list[Change] = []
    for key, person in people.items():
        number = marks.get(key, Marks()).number
        if (was_key := before.get(key)) is None:
            changes.append(Change("added", person, key, number=number))
            continue
        was, active = known[was_key]
        sure, now, number = bool(number), replace(person, id=was.id), number or numbers.get(was.id, "")
        if (now, key, number, True) != (was, was_key, numbers.get(was.id, ""), active):
            changed = Change(
                "changed" if active else "added", now, key, was_key if was_key != key else "", number, was.name, sure
            )
            changes.append(changed)
    stay = set(before.values())
    gone = {key: one for key, one in known.items() if key not in stay}
    changes += [Change("removed", old, key) for key, (old, active) in gone.items() if active]
    touched = {c.key for c in changes}
    formerly = {key: mark.formerly for key, mark in marks.items() if mark.formerly}
    return Plan(
        kind,
        tuple(changes),
        sum(key not in touched for key in people),
        tuple((gone[f][0].id, known[before[key]][0].id) for key, f in formerly.items() if f in gone and key in before),
        tuple(f for key, f in formerly.items() if key not in before and f not in known),
        frozenset(old.id for key, (old, _) in known.items() if key in people and before.get(key) != key),
    )


def _known_again(
    known: Mapping[str, tuple[Person, bool]],
    numbers: Mapping[str, str],
    people: Iterable[str],
    marks: Mapping[str, Marks],
) -> dict[str, str]:
    """Under which key each line's person is kept. The school's number says most, then the e-mail, then the one before."""
    with_number = {numbers[old.id]: key for key, (old, _) in known.items() if old.id in numbers}
    found = {key: with_number[m.number] for key, m in marks.items() if m.number in with_number}
    taken = set(found.values())
    for key in people:
        number = marks.get(key, Marks()).number
        if key in known and key not in found and key not in taken:
            other = numbers.get(known[key][0].id, "")
            # Of two numbers it is somebody else, who was given the e-mail of one who left.
            if not number or not other:
                found[key] = key
    taken |= set(found.values())
    return found | {
        key: mark.formerly
        for key, mark in marks.items()
        if key not in found and mark.formerly in known and mark.formerly not in taken
    }


async def carry_out(records: Records, plan: Plan, at: datetime) -> None:
    """Takes a list over."""
    moved = {c.person.id for c in plan.changes if c.was_key}
    await records.free_keys(plan.freed | moved)
    await records.save_people([(_kept_under(c, plan), c.person, c.what != "removed") for c in plan.changes])
    await records.set_numbers({c.person.id: c.number for c in plan.changes if c.number})
    counts = {what: plan.count(what) for what in ("added", "changed", "removed")}
    vouched = {"staff": await records.staff_as_listed(at)} if plan.kind is Kind.STAFF else {}
    await records.note(at, "bot", f"people.{plan.kind}.imported", None, **counts, **vouched)


def _kept_under(change: Change, plan: Plan) -> str:
    return freed_key(change.person.id) if change.what == "removed" and change.person.id in plan.freed else change.key


def _read(line: _StaffLine | _PupilLine) -> tuple[Person, str]:
    match line:
        case _StaffLine():
            return Person(new_id(), Kind.STAFF, line.name, line.email, line_manager=line.line_manager), line.email
        case _PupilLine():
            return Person(new_id(), Kind.PUPIL, line.name, house=line.house, form=line.form), line.id
