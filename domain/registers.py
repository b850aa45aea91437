"""Lines of registers: each wording is kept, and so is each decision. What is shown of them, and the forms to add to them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TypeAlias

from domain.register_terms import DEFINITIONS, ENDED, Definition, Move, RecordState, RegisterKind
from domain.report_form import Fault, Filled

STATE_FIELD, NOTE_FIELD = "reg_state", "reg_note"
"""The fields of the form by which somebody decides."""

Values: TypeAlias = Mapping[str, str]
"""A line's fields by id, as they are kept: a moment in ISO 8601, a person and a case by id, a level as a number."""


class Change(StrEnum):
    """What a version is: a first wording, a later one, or a decision that leaves the words as they are."""

    ADDED = "added"
    WORDED = "worded"
    MOVED = "moved"


@dataclass(frozen=True, slots=True)
class Version:
    """A line of a register as it read after a change. Never changed itself. `number` counts from 1; `note` says why."""

    id: str
    record_id: str
    number: int
    person_id: str
    at: datetime
    change: Change
    state: RecordState
    values: Values
    note: str = ""


DECIDED_WITHIN = timedelta(days=3)
"""So long whoever may approve something is left alone with it."""


@dataclass(frozen=True, slots=True)
class Record:
    """Where a line of a register stands, without a word of it: what its newest version makes of it.

    `rank`: what lists are ordered by, the highest first; `levels`: the two that were multiplied, as `3x4`. `written_by`: who
    wrote the newest wording, which another must approve.
    """

    id: str
    kind: RegisterKind
    reference: str
    state: RecordState
    versions: int
    written_by: str
    changed_at: datetime
    owner_id: str = ""
    review_at: datetime | None = None
    rank: int = 0
    levels: str = ""

    @property
    def definition(self) -> Definition:
        """Its register."""
        return DEFINITIONS[self.kind]

    @property
    def is_live(self) -> bool:
        """Whether it is still to be looked after."""
        return self.state not in ENDED

    @property
    def remind_at(self) -> datetime | None:
        """When somebody is to be reminded of it, if ever: of its review, and before that of a decision that nobody makes."""
        moments = [self.review_at if self.is_live else None]
        if self.state is RecordState.WAITING:
            moments.append(self.changed_at + DECIDED_WITHIN)
        return min((at for at in moments if at is not None), default=None)


def standing(record_id: str, kind: RegisterKind, reference: str, newest: Version, written_by: str) -> Record:
    """A line of a register as its newest version has it. `written_by`: who wrote the newest wording."""
    d, values = DEFINITIONS[kind], newest.values
    rank, levels = 0, ""
    if d.levels is not None:
        one, other = (int(values[level]) for level in d.levels)
        rank, levels = one * other, f"{one}x{other}"
    review = values.get(d.review, "")
    return Record(
        record_id,
        kind,
        reference,
        newest.state,
        newest.number,
        written_by,
        newest.at,
        values.get(d.owner, "") if d.owner else "",
        datetime.fromisoformat(review) if review else None,
        rank,
        levels,
    )


# What is shown


class RegisterView(StrEnum):
    """Which lines a list shows: those that are still to be looked after, or all."""

    LIVE = "live"
    ALL = "all"


@dataclass(frozen=True, slots=True)
class RegisterChoice:
    """The registers that somebody may look at, each with how many lines of it are live that they may read."""

    kinds: tuple[tuple[RegisterKind, int], ...]


@dataclass(frozen=True, slots=True)
class RecordLine:
    """A line of a register in a list. `owner`: a name; `late`: its review is due."""

    record: Record
    title: str
    owner: str = ""
    late: bool = False


@dataclass(frozen=True, slots=True)
class RegisterPage:
    """A page of a register. `matrix`: how many live lines have which two levels, as `3x4`, where it has levels."""

    kind: RegisterKind
    view: RegisterView
    lines: tuple[RecordLine, ...]
    number: int = 1
    pages: int = 1
    matrix: Mapping[str, int] = field(default_factory=dict)
    may_write: bool = False
    may_export: bool = False


@dataclass(frozen=True, slots=True)
class Shown:
    """A version with the names of staff in it, by field, and who made it; `case`: the reference, for who may know of it."""

    version: Version
    who: str
    staff: Mapping[str, str] = field(default_factory=dict)
    case: str = ""


@dataclass(frozen=True, slots=True)
class RecordFile:
    """A line of a register: one version of it, and what was done with it by whom. `history`: the newest last; no words.

    `may_write`, and `moves`: what the reader may do with it; `waits_for`: the names of those who may approve it.
    """

    record: Record
    shown: Shown
    history: tuple[Shown, ...]
    may_write: bool = False
    moves: tuple[Move, ...] = ()
    waits_for: tuple[str, ...] = ()
    late: bool = False
    saved: bool = False


@dataclass(frozen=True, slots=True)
class RecordQuestions:
    """A line of a register as it is filled in. `record`: the one that is changed; `form_id`: sent twice it is kept once.

    `names`: the labels of people who are picked, by field; `hides_case`: the line has a case of which the reader may not know.
    `stale`: somebody else has changed it since the form was opened, and what was typed is kept.
    """

    kind: RegisterKind
    form_id: str
    now: datetime
    filled: Filled = field(default_factory=dict)
    faults: Mapping[str, Fault] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)
    record: Record | None = None
    hides_case: bool = False
    stale: bool = False

    @property
    def state(self) -> str:
        """What the form carries: also on which version it stands, so that nobody writes over what they have not seen."""
        of = f"{self.record.id}|{self.record.versions}" if self.record is not None else "|"
        return f"{self.kind}|{self.form_id}|{of}"


@dataclass(frozen=True, slots=True)
class DecisionAsked:
    """What is to become of a line of a register, and why. `stale`: somebody else has changed it since the form was opened."""

    record: Record
    form_id: str
    moves: tuple[Move, ...]
    chosen: str = ""
    note: str = ""
    faults: Mapping[str, Fault] = field(default_factory=dict)
    stale: bool = False

    @property
    def state(self) -> str:
        """What the form carries."""
        return f"{self.record.id}|{self.record.versions}|{self.form_id}"


@dataclass(frozen=True, slots=True)
class RegisterExport:
    """A whole register, for a spreadsheet: each line with all its versions."""

    kind: RegisterKind
    at: datetime
    lines: tuple[tuple[Record, tuple[Shown, ...]], ...]
