"""When an answer is due: minutes round the clock, school days by the school's own calendar."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.deadlines import USUAL, Deadline, SchoolCalendar, Term, Unit
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
    """A calendar closed for years is a mistake in it, and said to be one."""
    closed = frozenset(date(2026, 11, 1) + timedelta(days=n) for n in range(1000))
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


# Terms. A school's year 2026/27, as its file has it.

AUTUMN, WINTER, SPRING = (
    Term(date(2026, 9, 3), date(2026, 10, 23)),
    Term(date(2026, 11, 2), date(2026, 12, 18)),
    Term(date(2027, 1, 5), date(2027, 3, 25)),
)
BANK_HOLIDAY = date(2026, 11, 27)
YEAR = SchoolCalendar(terms=(AUTUMN, WINTER, SPRING), closed=frozenset({BANK_HOLIDAY}))


@pytest.mark.parametrize(
    ("story", "deadline", "now", "due"),
    [
        ("the last lesson before half-term", TODAY, "2026-10-23T15:30", "2026-10-23T16:00"),
        (
            "Friday evening before half-term, and the clocks go back on the Sunday",
            TODAY,
            "2026-10-23T18:00",
            "2026-11-02T16:00",
        ),
        ("the next day, said on the last before half-term", TOMORROW, "2026-10-23T10:00", "2026-11-02T16:00"),
        ("in the middle of half-term", TODAY, "2026-10-28T11:00", "2026-11-02T16:00"),
        ("the evening before a bank holiday that is followed by a weekend", TODAY, "2026-11-26T17:00", "2026-11-30T16:00"),
        ("on the bank holiday", TOMORROW, "2026-11-27T10:00", "2026-12-01T16:00"),
        ("on the last day of term, after the close", TODAY, "2026-12-18T16:00", "2027-01-05T16:00"),
        ("at Christmas", TOMORROW, "2026-12-25T12:00", "2027-01-06T16:00"),
        ("in the summer before the first term", TODAY, "2026-08-20T10:00", "2026-09-03T16:00"),
        ("after the last term that is written down", TODAY, "2027-03-25T17:00", "2027-03-26T16:00"),
        ("years after it", TODAY, "2029-08-15T10:00", "2029-08-15T16:00"),
        ("long before anything was written down", TODAY, "2026-03-27T17:00", "2026-03-30T16:00"),
    ],
)
def test_terms(story: str, deadline: Deadline, now: str, due: str) -> None:
    """A day outside of every term is none; where no term is known, weekdays count, so that nothing waits for ever."""
    assert YEAR.due(deadline, at(now)) == at(due), story


@pytest.mark.parametrize("now", ["2026-10-25T00:55+00:00", "2026-12-25T12:00+00:00", "2026-10-28T23:59+00:00"])
def test_what_is_urgent_knows_no_holiday(now: str) -> None:
    """In the night, at Christmas and in half-term a quarter of an hour is a quarter of an hour."""
    moment = datetime.fromisoformat(now)
    assert YEAR.due(USUAL[Urgency.CRITICAL], moment) - moment == timedelta(minutes=15)


@pytest.mark.parametrize(
    ("story", "days", "now", "morning"),
    [
        ("in the morning of the next day", 1, "2026-11-24T10:00", "2026-11-25T08:30"),
        ("before school it is still that day", 1, "2026-11-24T06:00", "2026-11-25T08:30"),
        ("on a Friday evening it is Monday", 1, "2026-12-04T19:00", "2026-12-07T08:30"),
        ("on a Saturday too", 1, "2026-12-05T12:00", "2026-12-07T08:30"),
        ("five of them are a week", 5, "2026-12-01T10:00", "2026-12-08T08:30"),
        ("the evening before a bank holiday", 1, "2026-11-26T17:00", "2026-11-30T08:30"),
        ("over half-term, in which the clocks go back", 1, "2026-10-23T10:00", "2026-11-02T08:30"),
        ("over Christmas", 5, "2026-12-16T10:00", "2027-01-07T08:30"),
    ],
)
def test_the_morning_some_school_days_on(story: str, days: int, now: str, morning: str) -> None:
    """Whenever school opens, by the clock on the wall; this day never counts."""
    assert YEAR.morning(days, at(now)) == at(morning), story


@pytest.mark.parametrize(
    ("now", "morning"),
    [
        ("2026-10-23T10:00+00:00", "2026-10-26T08:30+00:00"),
        ("2026-03-27T10:00+00:00", "2026-03-30T07:30+00:00"),
        ("2027-03-26T20:00+00:00", "2027-03-29T07:30+00:00"),
        ("2027-10-29T20:00+00:00", "2027-11-01T08:30+00:00"),
    ],
)
def test_school_opens_at_the_same_time_when_the_clocks_have_changed(now: str, morning: str) -> None:
    """Half past eight is half past eight, in summer and in winter."""
    assert SchoolCalendar().morning(1, datetime.fromisoformat(now)) == datetime.fromisoformat(morning)


def test_a_morning_that_is_not_to_come_is_refused() -> None:
    """It is counted from 1, and from a moment that can be placed in a day."""
    with pytest.raises(ValueError, match="from 1"):
        YEAR.morning(0, at("2026-11-24T10:00"))
    with pytest.raises(ValueError, match="time zone"):
        YEAR.morning(1, datetime(2026, 11, 24, 10))  # noqa: DTZ001 - that is the point


@pytest.mark.parametrize(
    ("terms", "said"),
    [
        ((WINTER, AUTUMN), "do not stand in their order"),
        ((AUTUMN, AUTUMN), "overlap"),
        ((AUTUMN, Term(date(2026, 10, 23), date(2026, 12, 18))), "overlap"),
        ((AUTUMN, Term(date(2027, 11, 2), date(2027, 12, 18))), "check their years"),
    ],
)
def test_terms_that_cannot_be_are_refused(terms: tuple[Term, ...], said: str) -> None:
    """In their order, apart from one another, and with no holiday between them that no school has."""
    with pytest.raises(ValueError, match=said):
        SchoolCalendar(terms=terms)
    with pytest.raises(ValueError, match="ends before it begins"):
        Term(date(2026, 10, 23), date(2026, 9, 3))


def test_how_far_the_calendar_goes() -> None:
    """To the end of the last term; without terms to the last day closed; or nowhere, where nothing was said."""
    assert YEAR.known_until() == SPRING.last
    assert SchoolCalendar(closed=frozenset({BANK_HOLIDAY, date(2026, 10, 26)})).known_until() == BANK_HOLIDAY
    assert SchoolCalendar().known_until() is None


@given(
    st.datetimes(datetime(2026, 3, 1), datetime(2028, 1, 1)),  # noqa: DTZ001 - made aware below
    st.integers(1, 30),
    st.frozensets(st.dates(date(2026, 1, 1), date(2028, 2, 1)), max_size=40),
)
@settings(max_examples=100, deadline=None)
def test_every_morning_is_ahead_and_on_a_school_day(moment: datetime, days: int, closed: frozenset[date]) -> None:
    """Whatever is closed: later than now, when school opens; and the further one comes later."""
    calendar = SchoolCalendar(terms=(AUTUMN, WINTER, SPRING), closed=closed)
    now = moment.replace(tzinfo=UTC)
    morning = calendar.morning(days, now)
    local = morning.astimezone(LONDON)
    assert now < morning < calendar.morning(days + 1, now)
    assert local.time() == calendar.opens
    assert calendar.is_school_day(local.date())
