"""When an alert must be answered: minutes round the clock, or by the close of a school day."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from domain.words import Urgency

_LONGEST_CLOSURE_DAYS = 400


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


@dataclass(frozen=True, slots=True)
class SchoolCalendar:
    """The school's hours in its own time zone, Monday to Friday but for the days it is closed."""

    timezone: ZoneInfo = field(default_factory=lambda: ZoneInfo("Europe/London"))
    opens: time = time(8, 30)
    closes: time = time(16, 0)
    closed: frozenset[date] = frozenset()

    def __post_init__(self) -> None:
        if self.opens >= self.closes:
            raise ValueError("the school day must open before it closes")

    def is_school_day(self, day: date) -> bool:
        """Whether the school is open on this day at all."""
        return day.weekday() < 5 and day not in self.closed

    def due(self, deadline: Deadline, now: datetime) -> datetime:
        """The moment by which somebody must have answered.

        A report made after the close, or on a day off, belongs to the next school day.

        Raises:
            ValueError: `now` carries no time zone, or the calendar is closed for more than a year ahead.
        """
        if now.tzinfo is None:
            raise ValueError("a moment without a time zone cannot be placed in a school day")
        if deadline.unit is Unit.MINUTES:
            # By way of UTC: minutes by the clock on the wall would be an hour out in the night that the clocks change.
            return (now.astimezone(UTC) + timedelta(minutes=deadline.n)).astimezone(now.tzinfo)
        local = now.astimezone(self.timezone)
        day = local.date() if local.time() < self.closes else local.date() + timedelta(days=1)
        left = deadline.n
        for _ in range(_LONGEST_CLOSURE_DAYS):
            if self.is_school_day(day):
                if left == 0:
                    return datetime.combine(day, self.closes, self.timezone).astimezone(now.tzinfo)
                left -= 1
            day += timedelta(days=1)
        raise ValueError("the school calendar has no open day in the next year: check its closed dates")
