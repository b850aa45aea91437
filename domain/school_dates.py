"""Dates that a school works towards, as data of its policy: when each comes, who is reminded, what a lesson may be about."""

from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import TypeAlias

from domain.measures import Topic
from domain.words import Role

REVIEW_ID = "policy-review"
"""The id of the day by which the policy is to be reviewed: no entry of a file may have it."""
USUAL_DAYS_BEFORE, REVIEW_DAYS_BEFORE = 14, 60


class Edge(StrEnum):
    """The first or the last school day of a term."""

    START = "start"
    END = "end"


@dataclass(frozen=True, slots=True)
class Once:
    """One day, and never again."""

    day: date


@dataclass(frozen=True, slots=True)
class Yearly:
    """The same days of each year, as month and day."""

    days: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class WeekdayFrom:
    """Of each year, the first such day of the week that is not before a day of a month. `weekday`: 0 is Monday."""

    weekday: int
    month: int
    day: int

    def of(self, year: int) -> date:
        """The day in a year."""
        first = date(year, self.month, self.day)
        return first + timedelta(days=(self.weekday - first.weekday()) % 7)


@dataclass(frozen=True, slots=True)
class EachTerm:
    """The first or the last school day of these terms, by the names of their seasons."""

    edge: Edge
    seasons: frozenset[str]


When: TypeAlias = Once | Yearly | WeekdayFrom | EachTerm


@dataclass(frozen=True, slots=True)
class DateEntry:
    """A date to work towards. `roles`: who is reminded, so many days before. `families`: parents are told of it as well.

    `cites`: the clauses of the policy that it stands on; none for a day that all schools share, and for a school's own.
    """

    id: str
    title: str
    about: str
    when: When
    roles: tuple[Role, ...]
    days_before: int = USUAL_DAYS_BEFORE
    families: bool = False
    cites: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TopicAdvice:
    """What a school may teach and tell parents where there were many such concerns. `agencies`: where families find help."""

    topic: Topic
    concerns: frozenset[str]
    lesson: str
    parents: str
    agencies: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DateTerms:
    """What a policy says of its calendar. `review`: who is reminded of the policy's own review, how many days before.

    `curriculum`: who is told that a lesson is suggested. Where nobody holds such a role, those who lead safeguarding are.
    """

    entries: tuple[DateEntry, ...] = ()
    topics: tuple[TopicAdvice, ...] = ()
    review: tuple[Role, ...] = (Role.HEADTEACHER, Role.DSL)
    review_days_before: int = REVIEW_DAYS_BEFORE
    review_cites: tuple[str, ...] = ()
    curriculum: tuple[Role, ...] = (Role.COMPUTING_COORDINATOR, Role.ESAFETY_OFFICER)
    curriculum_cites: tuple[str, ...] = ()

    @property
    def cites(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """Every date with the clauses that it stands on."""
        parts = ((REVIEW_ID, self.review_cites), ("lessons", self.curriculum_cites))
        return (*parts, *((entry.id, entry.cites) for entry in self.entries))
