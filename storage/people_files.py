"""The lists of staff and pupils as CSV: read whole, compared with what is kept, taken over in one step or not at all."""

import csv
from dataclasses import dataclass, replace
from datetime import datetime
from io import StringIO
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError

from domain.people import Kind, Person
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


class _PupilLine(BaseModel):
    model_config = ConfigDict(extra="ignore")
    id: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=64)]
    name: _Name
    house: _Group = ""
    form: _Group = ""


@dataclass(frozen=True, slots=True)
class Change:
    """What an import would do to one person."""

    what: str
    person: Person
    key: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What an import would change, and how many stay as they are."""

    kind: Kind
    changes: tuple[Change, ...]
    same: int

    def count(self, what: str) -> int:
        """How many people are added, changed or removed."""
        return sum(c.what == what for c in self.changes)


def read_people(path: Path, kind: Kind) -> dict[str, Person]:
    """The people of a CSV file by the list's own key: the e-mail of staff, the school's number of a pupil.

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
    faults: list[str] = []
    for number, row in rows:
        try:
            person, key = _read(model.model_validate({k: v or "" for k, v in row.items() if k}))
        except ValidationError as wrong:
            faults += [f"line {number}: {e['loc'][0]}: {e['msg']}" for e in wrong.errors()[:1]]
            continue
        if key in found:
            faults.append(f"line {number}: {key} stands in the file twice")
        found[key] = person
    if faults:
        raise PeopleFileError("\n".join([f"{path}: nothing was imported.", *faults[:20]]))
    return found


async def plan_import(records: Records, kind: Kind, people: dict[str, Person]) -> Plan:
    """What taking over a list would change. Whoever is no longer on it is kept for the old cases and no longer found."""
    known = await records.listed(kind)
    changes: list[Change] = []
    for key, person in people.items():
        old = known.get(key)
        if old is None:
            changes.append(Change("added", person, key))
        elif (same := replace(person, id=old[0].id)) != old[0] or not old[1]:
            changes.append(Change("changed" if old[1] else "added", same, key))
    changes += [Change("removed", old, key) for key, (old, active) in known.items() if active and key not in people]
    touched = {c.key for c in changes}
    return Plan(kind, tuple(changes), sum(key not in touched for key in people))


async def carry_out(records: Records, plan: Plan, at: datetime) -> None:
    """Takes a list over."""
    await records.save_people([(c.key, c.person, c.what != "removed") for c in plan.changes])
    counts = {what: plan.count(what) for what in ("added", "changed", "removed")}
    await records.note(at, "bot", f"people.{plan.kind}.imported", None, **counts)


def _read(line: _StaffLine | _PupilLine) -> tuple[Person, str]:
    match line:
        case _StaffLine():
            return Person(new_id(), Kind.STAFF, line.name, line.email, line_manager=line.line_manager), line.email
        case _PupilLine():
            return Person(new_id(), Kind.PUPIL, line.name, house=line.house, form=line.form), line.id
