"""How long a record is kept. The clock only proposes that one has reached its end: a person decides, and early two of them."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from domain.incident import Incident
from domain.people import School
from domain.report_form import Fault
from domain.routing import Facts
from domain.words import About, RetentionClass

YEARS: Mapping[RetentionClass, int] = {
    RetentionClass.CHILD_PROTECTION: 25,
    RetentionClass.SEXUAL_ABUSE: 75,
    RetentionClass.STAFF_ALLEGATION: 10,
    RetentionClass.LOW_LEVEL: 6,
    RetentionClass.OTHER: 6,
}
"""Years after the case was closed, unless the school file says otherwise.

Whoever was alive when a case was closed is 25 when 25 years have passed: so no date of birth is needed, and none is held.
"""

LONGEST_YEARS = 100

YEARS_AFTER_LEAVING = 6
"""For so long after they have left the names of staff are kept who are in no case any more: as long as claims can be brought.

The audit names them by an id; once their name is gone it leads to nobody, and the chain is as it was.
"""

SEXUAL = frozenset({"child_abuse_images", "grooming", "nude_image", "sextortion"})
"""Concerns that are about sexual abuse or exploitation of a child."""

NOT_ABOUT_A_CHILD = frozenset(
    {
        "account_misuse",
        "copyright",
        "data_loss",
        "device_misuse",
        "filter_bypass",
        "off_task",
        "reputation",
        "school_social_media",
        "software",
        "staff_targeted",
    }
)
"""Concerns that are no child protection by themselves. Whatever is not listed counts as that, a school's own concerns too."""

_ABOUT_STAFF = (About.STAFF, About.HEADTEACHER)
_WHILE_THEY_WORK_HERE = frozenset({RetentionClass.STAFF_ALLEGATION, RetentionClass.LOW_LEVEL})


def class_of(facts: Facts) -> RetentionClass:
    """How a case is kept. Where two could be meant it is the longer one."""
    if facts.concern in SEXUAL:
        return RetentionClass.SEXUAL_ABUSE
    if facts.concern == "low_level_concern":
        return RetentionClass.LOW_LEVEL
    if facts.about in _ABOUT_STAFF or facts.concern == "staff_conduct":
        return RetentionClass.STAFF_ALLEGATION
    serious = facts.immediate_danger or facts.illegal_suspected
    if facts.concern in NOT_ABOUT_A_CHILD and not serious:
        return RetentionClass.OTHER
    return RetentionClass.CHILD_PROTECTION


def class_kept(school: School, incident: Incident, before: Iterable[tuple[str, About]] = ()) -> RetentionClass:
    """How a case is kept: of everything that it was ever taken for, by the class with the longest time.

    `before`: what it was taken for at other times. One person can change that; to shorten how long it is kept takes two.
    """
    return max(_classes(incident, before), key=lambda kind: years_of(school, kind))


def _classes(incident: Incident, before: Iterable[tuple[str, About]]) -> Iterator[RetentionClass]:
    yield class_of(incident.facts)
    yield from (class_of(replace(incident.facts, concern=concern, about=about)) for concern, about in before)


def end_of(school: School, incident: Incident, before: Iterable[tuple[str, About]] = ()) -> datetime | None:
    """When the time of a case is over; None while it is open. `before`: as for `class_kept`."""
    if incident.is_open or incident.closed_at is None:
        return None
    return _years_after(incident.closed_at, years_of(school, class_kept(school, incident, before)))


def years_of(school: School, kind: RetentionClass) -> int:
    """How many years a school keeps records of a class after they were closed."""
    return school.retention.get(kind, YEARS[kind])


def has_ended(
    school: School,
    incident: Incident,
    now: datetime,
    *,
    named_work_here: bool,
    before: Collection[tuple[str, About]] = (),
) -> bool:
    """Whether a case may be proposed for erasure. Never one about a member of staff as long as they are on the staff list.

    `before`: as for `class_kept`. One that was about them at any time is.
    """
    end = end_of(school, incident, before)
    if end is None or incident.erased:
        return False
    about_staff = not _WHILE_THEY_WORK_HERE.isdisjoint(_classes(incident, before))
    return end <= now and not (named_work_here and about_staff)


def shorter_than_guidance(school: School) -> tuple[RetentionClass, ...]:
    """For which classes a school keeps records for less time than guidance asks."""
    return tuple(kind for kind, years in YEARS.items() if years_of(school, kind) < years)


def _years_after(at: datetime, years: int) -> datetime:
    try:
        return at.replace(year=at.year + years)
    except ValueError:  # the 29th of February
        return at.replace(year=at.year + years, month=3, day=1)


class KeepState(StrEnum):
    """What has been said of the keeping of a case."""

    ENDED = "ended"
    """Its time is over: somebody is to decide."""
    EARLY = "early"
    """Somebody wants it erased before its time: a second person is to decide."""
    HELD = "held"
    """It must be kept, whatever its time."""
    ERASED = "erased"


class EarlyReason(StrEnum):
    """Why a record should be erased before its time. There is no other reason."""

    IN_ERROR = "in_error"
    UNFOUNDED = "unfounded"
    UPHELD = "upheld"
    ORDER = "order"


@dataclass(frozen=True, slots=True)
class Keeping:
    """What stands of the keeping of a case, since `at`.

    `person_id` is who proposed to erase it or holds it, None for the clock; `agreed_by` who had it erased. `until`: how long it
    is held, None until somebody lifts that.
    """

    incident_id: str
    kind: RetentionClass
    state: KeepState
    at: datetime
    person_id: str | None = None
    reason: EarlyReason | None = None
    until: datetime | None = None
    agreed_by: str | None = None


class Choice(StrEnum):
    """What somebody may decide about the keeping of a case."""

    ERASE = "erase"
    KEEP_A_YEAR = "keep_a_year"
    HOLD = "hold"
    LIFT = "lift"
    PROPOSE = "propose"
    AGREE = "agree"
    REFUSE = "refuse"


REASONED = frozenset({Choice.HOLD, Choice.KEEP_A_YEAR})
"""These want a reason in words, which becomes a note of the case and is erased with it."""

CHOICE, WHY, REASON = "choice", "why", "reason"
"""The fields of the form."""


@dataclass(frozen=True, slots=True)
class KeepingFile:
    """How a case is kept, for somebody with a say in it: until when, what was said and by whom, what they may decide."""

    incident: Incident
    kind: RetentionClass
    end: datetime | None
    keeping: Keeping | None
    person: str
    choices: tuple[Choice, ...]
    filled: Mapping[str, str] = field(default_factory=dict)
    faults: Mapping[str, Fault] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class KeepingLine:
    """A case in the list of what is to be decided or is held: no name, and no word of it."""

    incident: Incident
    keeping: Keeping
    person: str
