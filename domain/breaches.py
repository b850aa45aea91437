"""A breach of personal data: 72 hours to decide whether the Information Commissioner is told, and what else must be done."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from domain.report_form import Fault

HOURS = 72
"""Within so many hours of finding it out the Information Commissioner must be told, unless there is unlikely to be a risk."""
REMINDED_AFTER = tuple(timedelta(hours=h) for h in (24, 48, 66))
"""When those who deal with it are reminded, as long as nothing is decided."""


class BreachKind(StrEnum):
    """What has happened to the data."""

    SENT_WRONG = "sent_wrong"
    SEEN = "seen"
    LOST = "lost"
    STOLEN = "stolen"
    CHANGED = "changed"
    UNAVAILABLE = "unavailable"
    OTHER = "other"


class BreachStep(StrEnum):
    """What must be done, in this order."""

    CONTAIN = "contain"
    ASSESS = "assess"
    RECORD = "record"
    TELL = "tell"


class BreachDecision(StrEnum):
    """Whether the Information Commissioner is told."""

    REPORTED = "reported"
    NO_RISK = "no_risk"


KIND, FOUND, WHAT, CAUSED, DECISION, REASON = "kind", "found", "what", "caused", "decision", "reason"
"""The fields of the forms. A step has a field of its own: its name."""


@dataclass(frozen=True, slots=True)
class BreachState:
    """A breach from the moment it was found, without a word that was written of it.

    `steps`: those that are done. `reminded`: how many reminders have gone out. `caused_by`: the members of staff who are named
    as having caused it, by id: they neither see it nor have a say in it.
    """

    id: str
    reference: str
    kind: BreachKind
    found_at: datetime
    started_by: str
    started_at: datetime
    steps: frozenset[BreachStep] = frozenset()
    reminded: int = 0
    decision: BreachDecision | None = None
    decided_by: str | None = None
    decided_at: datetime | None = None
    caused_by: frozenset[str] = frozenset()

    @property
    def due_at(self) -> datetime:
        """When the 72 hours are over."""
        return self.found_at + timedelta(hours=HOURS)

    @property
    def is_open(self) -> bool:
        """Whether it is still to be decided, or to be decided anew since whoever did is named as having caused it."""
        return self.decision is None or self.decided_by in self.caused_by

    @property
    def is_done(self) -> bool:
        """Whether it is decided, and every step is done."""
        return not self.is_open and self.steps == frozenset(BreachStep)

    def reminders_by(self, now: datetime) -> int:
        """How many reminders there should have been by now."""
        return sum(self.found_at + after <= now for after in REMINDED_AFTER) if self.is_open else self.reminded


@dataclass(frozen=True, slots=True)
class Breach(BreachState):
    """The same with what was written: it may name people, is sealed, and is read in a dialog only."""

    what: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class BreachQuestions:
    """What is asked when a breach is found. `id`: what it will be known by, so that sending twice makes one.

    `caused`: who is named as having caused it, as values of the form, each with a name.
    """

    id: str
    now: datetime
    filled: Mapping[str, str] = field(default_factory=dict)
    faults: Mapping[str, Fault] = field(default_factory=dict)
    caused: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class BreachFile:
    """A breach with all that was written, for those who deal with it; who found it and who decided. `caused`: as before it."""

    breach: Breach
    now: datetime
    starter: str
    decider: str
    filled: Mapping[str, str] = field(default_factory=dict)
    faults: Mapping[str, Fault] = field(default_factory=dict)
    caused: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class BreachWithOthers:
    """It is kept, and whoever said so is named as having caused it. `people`: the names of those who deal with it."""

    reference: str
    people: tuple[str, ...]
