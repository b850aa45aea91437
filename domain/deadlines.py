"""When an alert must be answered: minutes round the clock, or by the close of a school day."""

from calendar import monthrange
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from itertools import pairwise
from zoneinfo import ZoneInfo

from domain.words import Urgency

_LOOKS_AHEAD_DAYS = 800
LONGEST_HOLIDAY_DAYS = 100
"""No school is closed for longer between two terms: what says so is a slip of the pen."""


class Unit(StrEnum):
    """What a deadline counts."""

    MINUTES = "minutes"
    SCHOOL_DAY = "school_day"


@dataclass(frozen=True, slots=True)
class Deadline:
    """`n` minutes; or the close of the n-th school day after this one (0 is the same school day)."""

    unit: Unit
    n: int

    def __post_init__(self) -> None:
        if self.n < (1 if self.unit is Unit.MINUTES else 0):
            raise ValueError(f"a deadline of {self.n} {self.unit} is not in the future")


USUAL: Mapping[Urgency, Deadline] = {
    Urgency.CRITICAL: Deadline(Unit.MINUTES, 15),
    Urgency.HIGH: Deadline(Unit.MINUTES, 60),
    Urgency.MEDIUM: Deadline(Unit.SCHOOL_DAY, 0),
    Urgency.LOW: Deadline(Unit.SCHOOL_DAY, 1),
}
"""The deadline to acknowledge for each urgency, unless the school sets another."""

COMES_BACK: Mapping[Urgency, int] = {Urgency.CRITICAL: 1, Urgency.HIGH: 1, Urgency.MEDIUM: 5, Urgency.LOW: 5}
"""After how many school days a case that was acknowledged, and then neither handed on nor closed, comes back to its owner."""


@dataclass(frozen=True, slots=True, order=True)
class Term:
    """A span of days in which there is school, from its first to its last day."""

    first: date
    last: date

    def __post_init__(self) -> None:
        if self.last < self.first:
            raise ValueError(f"the term {self} ends before it begins")

    def __contains__(self, day: date) -> bool:
        return self.first <= day <= self.last

    def __str__(self) -> str:
        return f"{self.first}/{self.last}"


def months_after(at: datetime, months: int, zone: ZoneInfo) -> datetime:
    """The same day and hour by the school's clock so many months later; the last day of a month that has no such day."""
    local = at.astimezone(zone)
    month = local.month - 1 + months
    year, month = local.year + month // 12, month % 12 + 1
    day = min(local.day, monthrange(year, month)[1])
    return local.replace(year=year, month=month, day=day).astimezone(UTC)


@dataclass(frozen=True, slots=True)
class SchoolCalendar:
    """The school's hours in its own time zone, Monday to Friday but for the days it is closed.

    Where `terms` are given, in order, a day outside of them is closed too. After the last, and long before the first, nothing
    is known: weekdays count as school days then, so that no alert waits for ever because nobody has written down the next year.
    """

    timezone: ZoneInfo = field(default_factory=lambda: ZoneInfo("Europe/London"))
    opens: time = time(8, 30)
    closes: time = time(16, 0)
    closed: frozenset[date] = frozenset()
    terms: tuple[Term, ...] = ()

    def __post_init__(self) -> None:
        if self.opens >= self.closes:
            raise ValueError("the school day must open before it closes")
        for before, after in pairwise(self.terms):
            if after.first <= before.last:
                wrong = "overlap" if after.last >= before.first else "do not stand in their order"
                raise ValueError(f"the terms {before} and {after} {wrong}")
            if (days := (after.first - before.last).days - 1) > LONGEST_HOLIDAY_DAYS:
                raise ValueError(f"{days} days lie between the terms {before} and {after}: check their years")

    def year(self, now: datetime) -> int:
        """Which year it is at the school."""
        return now.astimezone(self.timezone).year

    def is_school_day(self, day: date) -> bool:
        """Whether the school is open on this day at all."""
        if day.weekday() >= 5 or day in self.closed:
            return False
        return not self._knows(day) or any(day in term for term in self.terms)

    def last_school_day(self, day: date) -> date:
        """This day if there is school, else the last school day before it; the day itself where there is none for long."""
        days = (day - timedelta(days=n) for n in range(LONGEST_HOLIDAY_DAYS + 1))
        return next((found for found in days if self.is_school_day(found)), day)

    def is_open(self, now: datetime) -> bool:
        """Whether it is a school day, and the school is open."""
        local = now.astimezone(self.timezone)
        return self.is_school_day(local.date()) and self.opens <= local.time() < self.closes

    def known_until(self) -> date | None:
        """The last day of which the school has said anything: the end of the last term, or else the last day closed."""
        if self.terms:
            return self.terms[-1].last
        return max(self.closed, default=None)

    def due(self, deadline: Deadline, now: datetime) -> datetime:
        """The moment by which somebody must have answered.

        A report made after the close, or on a day off, belongs to the next school day.

        Raises:
            ValueError: `now` carries no time zone, or the calendar is closed for years ahead.
        """
        if now.tzinfo is None:
            raise ValueError("a moment without a time zone cannot be placed in a school day")
        if deadline.unit is Unit.MINUTES:
            # By way of UTC: minutes by the clock on the wall would be an hour out in the night that the clocks change.
            return (now.astimezone(UTC) + timedelta(minutes=deadline.n)).astimezone(now.tzinfo)
        local = now.astimezone(self.timezone)
        day = local.date() if local.time() < self.closes else local.date() + timedelta(days=1)
        return datetime.combine(self._school_day(day, deadline.n), self.closes, self.timezone).astimezone(now.tzinfo)

    def morning(self, n: int, now: datetime) -> datetime:
        """When the school opens on the n-th school day after this day, n from 1.

        Raises:
            ValueError: `now` carries no time zone, n is not in the future, or the calendar has no such day for years.
        """
        if now.tzinfo is None or n < 1:
            raise ValueError("a morning is counted from a moment with a time zone, and from 1")
        tomorrow = now.astimezone(self.timezone).date() + timedelta(days=1)
        return datetime.combine(self._school_day(tomorrow, n - 1), self.opens, self.timezone).astimezone(now.tzinfo)

    def _school_day(self, day: date, left: int) -> date:
        """The first school day from this day on, or the one that is so many after it."""
        for _ in range(_LOOKS_AHEAD_DAYS):
            if self.is_school_day(day):
                if left == 0:
                    return day
                left -= 1
            day += timedelta(days=1)
        raise ValueError("the school calendar has no open day in the next years: check its closed dates")

    def _knows(self, day: date) -> bool:
        """Whether the terms say anything of a day: not after the last, and not more than a long holiday before the first."""
        return bool(self.terms) and day <= self.terms[-1].last and (self.terms[0].first - day).days <= LONGEST_HOLIDAY_DAYS
