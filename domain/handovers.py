"""A pupil's records on their way to the next school: a sealed page, and the receipt that says that it was opened there."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from domain.report_form import Fault
from domain.subject_access import Held

PERSON, SCHOOL, RECEIPT = "person", "next_school", "receipt"
"""The fields of the forms."""

LONGEST_SCHOOL = 120
SCHOOL_DAYS = 5
"""Records of a pupil who has moved are there within so many school days."""


@dataclass(frozen=True, slots=True)
class Handover:
    """One hand-over. `to`: the next school's name. `receipt`: a digest of the code that stands in the sealed page alone."""

    id: str
    person_id: str
    to: str
    file: str
    receipt: str
    started_by: str
    at: datetime
    due_at: datetime
    received_at: datetime | None = None
    received_by: str | None = None


@dataclass(frozen=True, slots=True)
class Unreceived:
    """A hand-over without a receipt, by the name of its file: of nobody, and to nowhere."""

    id: str
    file: str
    at: datetime
    due_at: datetime


@dataclass(frozen=True, slots=True)
class HandoverQuestions:
    """Of whom, and to which school."""

    filled: tuple[str, ...] = ()
    to: str = ""
    faults: Mapping[str, Fault] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class HandoverReady:
    """What goes to the next school, and the row that waits for its receipt once the page is made."""

    held: Held
    to: str


@dataclass(frozen=True, slots=True)
class NothingToHandOver:
    """No case that may be handed over names this pupil as target or as the one who is said to have done it."""


@dataclass(frozen=True, slots=True)
class ReceiptQuestions:
    """The code that the next school has read in the page."""

    handover: Handover
    typed: str = ""
    faults: Mapping[str, Fault] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Received:
    """It was opened there."""

    handover: Handover
