"""A list of consent as CSV: read whole, held against the school's list of pupils, taken over in one step or not at all.

What is wrong is said by the number of its line, and never with a name: a message may come to be in a log.
"""

import csv
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from io import StringIO
from pathlib import Path

from domain.audit import Noted
from domain.consent_terms import ConsentTerms, GivenBy
from domain.consents import (
    LONGEST_CLASS,
    LONGEST_NAME,
    Consent,
    ConsentVersion,
    Entry,
    Grant,
    Kept,
    Meant,
    Said,
    after,
    carried,
    meant_by,
    namesakes,
    next_version,
    same_class,
    standing,
)
from domain.names import plain_name
from domain.people import Kind, Person, School
from storage.records import Records, new_id

MOST_LINES = 20_000
_MOST_FAULTS = 20
_NEEDED = ("name", "date")
_BESIDE = frozenset({"name", "class", "date", "until", "by"})
_WORDS: Mapping[str, Said | None] = {"yes": Said.YES, "no": Said.NO, "withdrawn": Said.WITHDRAWN, "": None}


class ConsentListError(Exception):
    """The list cannot be taken over. The message has a line for each fault, with its number; nothing was changed."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the list, by its number in the file; what it says, by use."""

    number: int
    name: str
    form: str
    grants: Mapping[str, Grant]


@dataclass(frozen=True, slots=True)
class ConsentPlan:
    """What taking the list over would do: entries added and changed, lines that change nothing.

    `stays`: the lines of which something is not taken over, because the register has a later answer.
    """

    kept: tuple[tuple[Consent, ConsentVersion], ...]
    added: int
    changed: int
    same: int
    stays: tuple[int, ...]


def read_consents(path: Path, school: School, terms: ConsentTerms, now: datetime) -> tuple[Line, ...]:
    """The lines of a CSV file: `name`, `class`, `date`, a column for each use (yes, no, withdrawn or empty), `until`, `by`.

    Raises:
        ConsentListError: the file or any of its lines is wrong.
    """
    rows = _rows(path, terms)
    lines, faults = list[Line](), list[str]()
    seen: dict[tuple[str, str], int] = {}
    for number, row in rows:
        try:
            line = _line(number, row, school, terms, now)
        except ValueError as wrong:
            faults.append(f"line {number}: {wrong}")
            continue
        key = plain_name(line.name), "".join(c for c in line.form.casefold() if c.isalnum())
        if key in seen:
            faults.append(f"line {number}: the name and class of line {seen[key]} again")
        seen[key] = number
        lines.append(line)
    _refuse(path, faults)
    return tuple(lines)


def _rows(path: Path, terms: ConsentTerms) -> list[tuple[int, dict[str, str]]]:
    try:
        reader = csv.DictReader(StringIO(path.read_text(encoding="utf-8-sig"), newline=""), strict=True)
        named = [(column or "").strip() for column in reader.fieldnames or ()]
        reader.fieldnames = named
        rows = [(reader.line_num, row) for row in reader]
    except FileNotFoundError:
        raise ConsentListError(f"{path} does not exist") from None
    except OSError as wrong:
        raise ConsentListError(f"{path} cannot be read: {wrong.strerror}") from None
    except (UnicodeDecodeError, csv.Error):
        raise ConsentListError(f"{path} is not a CSV file in UTF-8") from None
    uses = [column for column in named if column in terms.uses]
    unknown = [n for n, column in enumerate(named, 1) if column not in _BESIDE and column not in terms.uses]
    twice = sorted(column for column, count in Counter(named).items() if count > 1)
    # By their numbers: of a file without a heading the first line has a pupil's name in it.
    faults = [f"column {n} is none that is known: the uses are {', '.join(terms.uses)}" for n in unknown]
    faults += [f"the column {column} stands there twice" for column in twice if column in {*_BESIDE, *terms.uses}]
    faults += [f"there is no column {column}" for column in _NEEDED if column not in named]
    faults += [] if uses else [f"there is no column of a use: {', '.join(terms.uses)}"]
    if faults:
        raise ConsentListError("\n".join([f"{path}: the first line must name the columns. Nothing was taken over.", *faults]))
    if not rows or len(rows) > MOST_LINES:
        raise ConsentListError(f"{path} has {len(rows)} lines; 1 is the fewest and {MOST_LINES} the most")
    for number, row in rows:
        if None in row or None in row.values():
            raise ConsentListError(f"{path}: line {number} has not as many columns as the first. Nothing was taken over.")
    return rows


def _line(number: int, row: Mapping[str, str], school: School, terms: ConsentTerms, now: datetime) -> Line:
    """One line; a ValueError says what is wrong with it, without a word of it."""
    told = {column: value.strip() for column, value in row.items()}
    name, form = " ".join(told["name"].split()), told.get("class", "")
    if len(plain_name(name)) < 2 or len(name) > LONGEST_NAME:
        raise ValueError("name: it must be there, and have 255 characters at most")
    if len(form) > LONGEST_CLASS:
        raise ValueError("class: 64 characters at most")
    since = _moment(school, "date", told["date"])
    if since is None or since > now:
        raise ValueError("date: a day that has been, such as 2026-09-01 or 01/09/2026")
    ends = _moment(school, "until", told.get("until", ""))
    if ends is not None and ends <= since:
        raise ValueError("until: a day after the date")
    by = told.get("by", "").casefold() or GivenBy.PARENT.value
    if by not in list(GivenBy):
        raise ValueError(f"by: one of {', '.join(GivenBy)}, or empty for parent")
    until = min((end for end in (ends, terms.until(since)) if end is not None), default=None)
    grants: dict[str, Grant] = {}
    for use in terms.uses:
        word = told.get(use, "").casefold()
        if word not in _WORDS:
            raise ValueError(f"{use}: one of yes, no and withdrawn, or empty")
        if (said := _WORDS[word]) is not None:
            grants[use] = Grant(said, GivenBy(by), since.astimezone(UTC), until if said is Said.YES else None)
    if not grants:
        raise ValueError("it says nothing to any use")
    return Line(number, name, form, grants)


def _moment(school: School, column: str, typed: str) -> datetime | None:
    """The beginning of a day at the school, as ISO 8601 or as people write it."""
    if not typed:
        return None
    parts = typed.split("/")
    try:
        day = date(int(parts[2]), int(parts[1]), int(parts[0])) if len(parts) == 3 else date.fromisoformat(typed)
    except ValueError:
        raise ValueError(f"{column}: a day, such as 2026-09-01 or 01/09/2026") from None
    return datetime.combine(day, time(), school.calendar.timezone)


async def plan_consents(path: Path, records: Records, lines: Iterable[Line], now: datetime) -> ConsentPlan:
    """What taking the lines over would change. Whoever is on the school's list must be found there without doubt.

    Raises:
        ConsentListError: a line names somebody who is not to be found, or several.
    """
    lines = tuple(lines)
    listed: dict[str, list[Person]] = {}
    for person, active in (await records.listed(Kind.PUPIL)).values():
        if active:
            listed.setdefault(plain_name(person.name), []).append(person)
    entries = {e.consent.id: e for e in await records.consents_named({line.name for line in lines})}
    meant_ids = {p.id for line in lines for p in listed.get(plain_name(line.name), ())}
    entries |= {e.consent.id: e for e in await records.consents_of(meant_ids)}
    faults, stays = list[str](), list[int]()
    kept: list[tuple[Consent, ConsentVersion]] = []
    done: dict[str, int] = {}
    added = same = 0
    for line in lines:
        pupils = listed.get(plain_name(line.name), [])
        ids = {p.id for p in pupils}
        of_name = [
            e for e in entries.values() if e.consent.pupil_id in ids or plain_name(e.newest.name) == plain_name(line.name)
        ]
        people = namesakes(pupils, of_name)
        found = meant_by(people, None, line.form)
        if why := _unclear(found, pupils, line, anybody=bool(listed)):
            faults.append(f"line {line.number}: {why}")
            continue
        meant = found[0] if found else Meant(None, line.form)
        entry = next(iter(meant.entries), None)
        pupil = next((p for p in pupils if p.id == meant.pupil_id), None)
        whose = pupil or Person(meant.pupil_id or "", Kind.PUPIL, line.name, form=line.form or meant.form)
        whom = whose.id or (entry.consent.id if entry is not None else f"{plain_name(line.name)} {whose.form}")
        if whom in done:
            faults.append(f"line {line.number}: the same pupil as in line {done[whom]}")
            continue
        done[whom] = line.number
        # Recorded by name alone in another class, it may be of this pupil, as they were before they moved up.
        maybe = [e for m in people if m is not meant and m.pupil_id is None for e in m.entries] if whose.id else []
        told = _that_count(entry, whose, line, maybe)
        if told != line.grants:
            stays.append(line.number)
        version = _version(entry, whose, told, now)
        same += version is None
        if version is not None:
            added += entry is None
            kept.append((standing(version), version))
    _refuse(path, faults)
    return ConsentPlan(tuple(kept), added, len(kept) - added, same, tuple(stays))


def _unclear(found: tuple[Meant, ...], pupils: list[Person], line: Line, *, anybody: bool) -> str:
    """Why it cannot be told whom a line means; empty where it can."""
    if len(found) > 1:
        return "several pupils have that name and class" if line.form else "several pupils have that name: give the class"
    if not anybody:
        return ""
    if not pupils:
        return "nobody on the school's list of pupils has that name"
    if not found or found[0].pupil_id not in {p.id for p in pupils}:
        return "on the school's list that name is in another class"
    return ""


def _that_count(entry: Entry | None, whose: Person, line: Line, maybe: Iterable[Entry]) -> dict[str, Grant]:
    """What of a line is not overtaken by something later in the register. `maybe`: entries that may be of that pupil too."""
    before = carried(entry, whose)
    noes = [(use, g) for e in maybe for use, g in e.newest.grants.items() if g.said is not Said.YES]
    doubtful = {use for use, g in line.grants.items() if any(use == other and not _counts(g, no) for other, no in noes)}
    return {
        use: g
        for use, g in line.grants.items()
        if _counts(g, before.get(use)) and (g.said is not Said.YES or use not in doubtful)
    }


def _counts(said: Grant, before: Grant | None) -> bool:
    """Whether what a line says is not older than what stands there. It has a day only: a no counts until that day is over.

    Nor does a yes count against a no of its own day: which of them came later, nobody can tell.
    """
    if before is None:
        return True
    if said.said is not Said.YES:
        return said.since + timedelta(days=1) >= before.since
    return said.since > before.since or (before.said is Said.YES and said.since == before.since)


def _version(entry: Entry | None, whose: Person, told: Mapping[str, Grant], now: datetime) -> ConsentVersion | None:
    """The entry's next version, where something that counts was said that it does not say."""
    before = carried(entry, whose)
    grants = after(before, told)
    if entry is None and not told:
        return None
    if entry is not None and grants == before and (entry.consent.pupil_id or "") == whose.id:
        same = entry.newest.name == whose.name and same_class(entry.newest.form, whose.form)
        if same:
            return None
    return next_version(entry, whose, Kept.IMPORTED, grants, new_id(), "", now)


async def carry_out_consents(records: Records, plan: ConsentPlan, now: datetime) -> None:
    """Takes the list over, each version with its commitment in the audit."""
    committed = await records.keep_consents(plan.kept)
    noted = [
        Noted(
            "consent.recorded" if version.number == 1 else "consent.changed",
            None,
            {"consent": new.id, "kept": version.kept.value, "number": version.number, "committed": said},
        )
        for (new, version), said in zip(plan.kept, committed, strict=True)
    ]
    if noted:
        await records.note_all(now, "bot", noted)
    await records.note(
        now, "bot", "consent.imported", None, added=plan.added, changed=plan.changed, same=plan.same, stays=len(plan.stays)
    )


def _refuse(path: Path, faults: list[str]) -> None:
    if faults:
        more = [f"... and {len(faults) - _MOST_FAULTS} more"] if len(faults) > _MOST_FAULTS else []
        raise ConsentListError("\n".join([f"{path}: nothing was taken over.", *faults[:_MOST_FAULTS], *more]))
