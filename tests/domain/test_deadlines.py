"""When an answer is due: minutes round the clock, school days by the school's own calendar."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.deadlines import USUAL, Deadline, SchoolCalendar, Unit
from domain.words import Urgency

LONDON = ZoneInfo("Europe/London")
TODAY, TOMORROW, IN_A_WEEK = (Deadline(Unit.SCHOOL_DAY, n) for n in (0, 1, 5))


def at(text: str) -> datetime:
    """A moment by the clock on the school's wall."""
    return datetime.fromisoformat(text).replace(tzinfo=LONDON)


@pytest.mark.parametrize(
    ("deadline", "now", "due"),
    [
        (TODAY, "2026-11-24T10:00", "2026-11-24T16:00"),
        (TODAY, "2026-11-24T15:59:59", "2026-11-24T16:00"),
        (TODAY, "2026-11-24T16:00", "2026-11-25T16:00"),
        (TODAY, "2026-11-24T23:30", "2026-11-25T16:00"),
        (TODAY, "2026-11-24T06:00", "2026-11-24T16:00"),
        (TODAY, "2026-11-27T16:01", "2026-11-30T16:00"),
        (TODAY, "2026-11-28T11:00", "2026-11-30T16:00"),
        (TOMORROW, "2026-11-24T10:00", "2026-11-25T16:00"),
        (TOMORROW, "2026-11-27T10:00", "2026-11-30T16:00"),
        (TOMORROW, "2026-11-28T10:00", "2026-12-01T16:00"),
        (IN_A_WEEK, "2026-11-24T10:00", "2026-12-01T16:00"),
        (TODAY, "2026-12-18T17:00", "2027-01-04T16:00"),
        (TOMORROW, "2026-12-17T17:00", "2027-01-04T16:00"),
    ],
)
def test_school_days(deadline: Deadline, now: str, due: str) -> None:
    """By the close of the school day; after the close, at a weekend and in the holidays the next one counts."""
    holidays = frozenset(date(2026, 12, 19) + timedelta(days=n) for n in range(16))
    assert SchoolCalendar(closed=holidays).due(deadline, at(now)) == at(due)


@pytest.mark.parametrize(
    ("now", "due"),
    [
        ("2026-10-23T10:00+01:00", "2026-10-23T15:00+00:00"),
        ("2026-10-24T10:00+01:00", "2026-10-26T16:00+00:00"),
        ("2026-03-27T17:00+00:00", "2026-03-30T15:00+00:00"),
        ("2026-07-01T15:30+00:00", "2026-07-02T15:00+00:00"),
    ],
)
def test_the_clocks_going_forward_or_back_do_not_move_the_close(now: str, due: str) -> None:
    """Four in the afternoon is four by the clock on the wall, in summer and in winter."""
    assert SchoolCalendar().due(TODAY, datetime.fromisoformat(now)) == datetime.fromisoformat(due)


@pytest.mark.parametrize("now", ["2026-10-25T00:55+00:00", "2026-03-29T00:55+00:00"])
@pytest.mark.parametrize("zone", [UTC, LONDON])
def test_fifteen_minutes_are_fifteen_minutes_when_the_clocks_change(now: str, zone: ZoneInfo) -> None:
    """In the night the clocks change a critical alert climbs after a quarter of an hour, in whatever zone the moment is."""
    moment = datetime.fromisoformat(now).astimezone(zone)
    due = SchoolCalendar().due(USUAL[Urgency.CRITICAL], moment)
    assert due.astimezone(UTC) - moment.astimezone(UTC) == timedelta(minutes=15)


def test_a_moment_without_a_zone_is_refused() -> None:
    """Nobody could say when it was."""
    for deadline in (TODAY, USUAL[Urgency.CRITICAL]):
        with pytest.raises(ValueError, match="time zone"):
            SchoolCalendar().due(deadline, datetime(2026, 11, 24, 10))  # noqa: DTZ001 - that is the point


def test_a_school_that_never_opens_is_refused() -> None:
    """A calendar closed for more than a year is a mistake in it, and said to be one."""
    closed = frozenset(date(2026, 11, 1) + timedelta(days=n) for n in range(500))
    with pytest.raises(ValueError, match="closed dates"):
        SchoolCalendar(closed=closed).due(TODAY, at("2026-11-24T10:00"))


def test_wrong_hours_and_deadlines_in_the_past_are_refused() -> None:
    """The day opens before it closes, and a deadline lies ahead."""
    with pytest.raises(ValueError, match="open before"):
        SchoolCalendar(opens=time(16), closes=time(8))
    for unit, n in ((Unit.MINUTES, 0), (Unit.MINUTES, -5), (Unit.SCHOOL_DAY, -1)):
        with pytest.raises(ValueError, match="not in the future"):
            Deadline(unit, n)


@given(
    st.datetimes(datetime(2026, 1, 1), datetime(2028, 1, 1)),  # noqa: DTZ001 - made aware below
    st.sampled_from([*USUAL.values(), IN_A_WEEK]),
    st.frozensets(st.dates(date(2026, 1, 1), date(2028, 2, 1)), max_size=40),
)
@settings(max_examples=200, deadline=None)
def test_it_is_always_ahead_and_always_on_a_school_day(moment: datetime, deadline: Deadline, closed: frozenset[date]) -> None:
    """Whenever a report comes, its deadline lies in the future; one in school days falls at the close of an open day."""
    now = moment.replace(tzinfo=UTC)
    calendar = SchoolCalendar(closed=closed)
    due = calendar.due(deadline, now)
    assert due > now
    if deadline.unit is Unit.SCHOOL_DAY:
        local = due.astimezone(LONDON)
        assert local.time() == calendar.closes
        assert calendar.is_school_day(local.date())
