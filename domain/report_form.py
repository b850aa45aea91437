"""The two-screen report as it stands between the questions: what was answered, what is asked next, what is wrong."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TypeAlias

from domain.incident import Place
from domain.people import Account
from domain.policy import Concern, Step
from domain.words import About, ParticipantRole

Filled: TypeAlias = Mapping[str, str | tuple[str, ...]]
"""What was filled in, by field."""


class Field(StrEnum):
    """The fields of the two screens. Values are the ids that forms carry."""

    CONCERN = "concern"
    ABOUT = "about"
    DANGER = "danger"
    TARGETS = "targets"
    PERPETRATORS = "perpetrators"
    WITNESSES = "witnesses"
    OTHERS = "others"
    HOUSE = "house"
    FORM = "form"
    WHEN = "when"
    WHERE = "where"
    WHAT = "what"
    DONE = "done"
    REPEAT = "repeat"
    ILLEGAL = "illegal"


PEOPLE_FIELDS: Mapping[Field, ParticipantRole] = {
    Field.TARGETS: ParticipantRole.TARGET,
    Field.PERPETRATORS: ParticipantRole.ALLEGED_PERPETRATOR,
    Field.WITNESSES: ParticipantRole.WITNESS,
    Field.OTHERS: ParticipantRole.OTHER,
}

YES, NO, UNSURE = "yes", "no", "unsure"

LONGEST_TEXT = 3000
LONGEST_PLACE = 200
LONGEST_NAME = 100
MOST_PEOPLE = 10


class Fault(StrEnum):
    """What can be wrong at a field; the texts say it in words."""

    MISSING = "missing"
    UNKNOWN_CHOICE = "unknown_choice"
    TOO_LONG = "too_long"
    IN_FUTURE = "in_future"
    NOT_A_MOMENT = "not_a_moment"
    NOT_STAFF = "not_staff"
    NOT_A_PUPIL = "not_a_pupil"
    KEPT_OUT = "kept_out"
    WHY_NEEDED = "why_needed"
    GROUP_NEEDED = "group_needed"
    PERSON_GONE = "person_gone"
    NO_SUCH_CASE = "no_such_case"
    NO_CHANGE = "no_change"
    OTHER_AUDIENCE = "other_audience"
    STILL_TO_DO = "still_to_do"
    OTHER_IS_CLOSED = "other_is_closed"
    IN_PAST = "in_past"
    TOO_LONG_AGO = "too_long_ago"
    TOO_FAR = "too_far"
    NOT_LATER = "not_later"
    TOO_MANY = "too_many"
    TOO_MANY_AT_ONCE = "too_many_at_once"
    NOT_POUNDS = "not_pounds"
    BEFORE_ITS_START = "before_its_start"
    OLDER_THAN_A_NO = "older_than_a_no"
    SEVERAL_PUPILS = "several_pupils"


Faults: TypeAlias = Mapping[str, Fault]


@dataclass(frozen=True, slots=True)
class Draft:
    """A report that is not submitted yet: what has reached the bot of it. `submitted`: a report, or dropped."""

    id: str
    account: Account
    filled: Filled
    changed_at: datetime
    expires_at: datetime
    submitted: bool = False


@dataclass(frozen=True, slots=True)
class KindQuestions:
    """Screen one. `link` is kept for a report that began at a message."""

    draft_id: str
    concerns: tuple[Concern, ...]
    filled: Filled = field(default_factory=dict)
    faults: Faults = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class NamedPerson:
    """Somebody already chosen in a people field, as it is shown again."""

    value: str
    label: str


@dataclass(frozen=True, slots=True)
class DetailQuestions:
    """Screen two, fitted to screen one: the warnings to show first, what to ask, and what was typed already."""

    draft_id: str
    concern: Concern
    about: About
    immediate_danger: bool
    warnings: tuple[Step, ...]
    phones: tuple[tuple[str, str], ...]
    asks_repeat: bool
    asks_illegal: bool
    places: tuple[Place, ...]
    searchable: bool
    now: datetime
    filled: Filled = field(default_factory=dict)
    people: Mapping[str, tuple[NamedPerson, ...]] = field(default_factory=dict)
    faults: Faults = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Unfinished:
    """There is a report that was begun and not sent: to be taken up again or dropped."""

    draft_id: str
    concern: Concern | None
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class DraftGone:
    """The draft has expired or was dropped: the report must be begun again."""
