"""The school's calendar: when each date comes, when somebody is reminded, and what a term's figures suggest."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from bot.settings import DEMO_SCHOOLS
from domain.deadlines import SchoolCalendar, Term
from domain.digests import sure_topics
from domain.duties import Duty, DutyKind, Occasion, entries_of, lessons, next_reminder, occasions, to_begin
from domain.figures import Figures, Season, Span, Table
from domain.measures import Topic
from domain.people import School
from domain.school_dates import DateEntry, EachTerm, Edge, Once, TopicAdvice, WeekdayFrom, Yearly
from domain.words import Role
from storage.school_files import load_schools

SAFER_INTERNET_DAYS = {
    2019: date(2019, 2, 5),
    2020: date(2020, 2, 11),
    2021: date(2021, 2, 9),
    2022: date(2022, 2, 8),
    2023: date(2023, 2, 7),
    2024: date(2024, 2, 6),
    2025: date(2025, 2, 11),
    2026: date(2026, 2, 10),
}
"""As it was. The second Tuesday of the month would be a week late in 2019, 2023 and 2024."""
TERMS = (
    Term(date(2026, 9, 3), date(2026, 10, 23)),
    Term(date(2026, 11, 2), date(2026, 12, 17)),
    Term(date(2027, 1, 4), date(2027, 3, 25)),
    Term(date(2027, 4, 12), date(2027, 7, 21)),
)
AUTUMN = Span(date(2026, 8, 1), date(2026, 12, 17), Season.AUTUMN, 2026)
A_LONG_TIME = (date(2026, 8, 1), date(2027, 7, 31))


@pytest.fixture
def school() -> School:
    """The demo school, whose terms are known."""
    return replace(load_schools(DEMO_SCHOOLS)["chipping-sodbury"], calendar=SchoolCalendar(terms=TERMS))


def only(school: School, *entries: DateEntry) -> School:
    """The school with no dates but these, and no review."""
    policy = replace(school.policy, review_due=None, dates=replace(school.policy.dates, entries=()))
    return replace(school, policy=policy, dates=entries)


def entry(when: Once | Yearly | WeekdayFrom | EachTerm, days_before: int = 14) -> DateEntry:
    return DateEntry("it", "It", "What it is", when, (Role.DSL,), days_before)


def days(school: School) -> list[date]:
    return [o.due for o in occasions(school, *A_LONG_TIME)]


def figures(**concerns: int) -> Figures:
    return Figures(AUTUMN, datetime(2026, 12, 18, tzinfo=UTC), 5, 40, {Table.CONCERN: concerns})


def test_safer_internet_day_is_when_it_was(school: School) -> None:
    (day,) = (e for e in entries_of(school) if e.id == "safer-internet-day")
    assert isinstance(day.when, WeekdayFrom)
    assert {year: day.when.of(year) for year in SAFER_INTERNET_DAYS} == SAFER_INTERNET_DAYS


@pytest.mark.parametrize(
    ("when", "found"),
    [
        (Once(date(2027, 3, 1)), [date(2027, 3, 1)]),
        (Once(date(2028, 3, 1)), []),
        (Yearly(((10, 1), (3, 1))), [date(2026, 10, 1), date(2027, 3, 1)]),
        # The first Monday from 29 December on comes in January.
        (WeekdayFrom(0, 12, 29), [date(2027, 1, 4)]),
        (EachTerm(Edge.START, frozenset(Season)), [date(2026, 9, 3), date(2027, 1, 4), date(2027, 4, 12)]),
        (EachTerm(Edge.END, frozenset(Season)), [date(2026, 12, 17), date(2027, 3, 25), date(2027, 7, 21)]),
        (EachTerm(Edge.END, frozenset({"summer"})), [date(2027, 7, 21)]),
    ],
)
def test_when_a_date_comes(school: School, when: Once | Yearly | WeekdayFrom | EachTerm, found: list[date]) -> None:
    assert days(only(school, entry(when))) == found


def test_a_school_that_gives_no_terms_has_the_usual_ones(school: School) -> None:
    school = replace(only(school, entry(EachTerm(Edge.START, frozenset(Season)))), calendar=SchoolCalendar())
    assert days(school) == [date(2026, 9, 1), date(2027, 1, 4), date(2027, 4, 15)]


def test_a_term_that_is_moved_is_the_same_time_of_it(school: School) -> None:
    """Nobody is told twice because the first day of a term was put right."""
    school = only(school, entry(EachTerm(Edge.START, frozenset({"spring"}))))
    moved = (*TERMS[:2], Term(date(2027, 1, 6), date(2027, 3, 25)), TERMS[3])
    later = replace(school, calendar=SchoolCalendar(terms=moved))
    (before,), (after,) = occasions(school, *A_LONG_TIME), occasions(later, *A_LONG_TIME)
    assert before.due != after.due
    assert before.name == after.name


@pytest.mark.parametrize(
    ("today", "begins"),
    [
        # Two weeks before Tuesday 5 January is in the holiday: the last school day before it is a Thursday.
        (date(2026, 12, 16), False),
        (date(2026, 12, 17), True),
        (date(2027, 1, 4), True),
        (date(2027, 1, 19), True),
        (date(2027, 1, 20), False),
    ],
)
def test_somebody_is_reminded_before_it_comes(school: School, today: date, *, begins: bool) -> None:
    """On a school day; and for two weeks after it, where the program stood still."""
    school = only(school, entry(Yearly(((1, 5),))))
    found = occasions(school, date(2026, 12, 1), date(2027, 12, 1))
    assert bool(to_begin(school, found, (), today)) == begins
    assert to_begin(school, found, {o.name for o in found}, today) == []


def test_a_review_is_brought_up_however_long_ago_it_was(school: School) -> None:
    """And once more when its day is past, where it was brought up before."""
    (review,) = (o for o in occasions(school, *A_LONG_TIME) if o.kind is DutyKind.REVIEW)
    assert review.due == date(2023, 5, 31)
    assert review in to_begin(school, (review,), (), date(2026, 11, 24))
    tuesday = datetime(2026, 11, 24, 10, tzinfo=UTC)
    assert next_reminder(school, review, 1, tuesday) == datetime(2026, 12, 1, 8, 30, tzinfo=UTC)
    assert next_reminder(school, review, 2, tuesday) is None
    to_come = replace(review, due=date(2027, 1, 16))
    assert next_reminder(school, to_come, 2, tuesday) == datetime(2027, 1, 18, 8, 30, tzinfo=UTC)
    assert next_reminder(school, to_come, 3, tuesday) is None
    other = replace(to_come, kind=DutyKind.DATE)
    assert next_reminder(school, other, 2, tuesday) is None


def test_what_is_done_is_not_overdue() -> None:
    duty = Duty("d", Occasion(DutyKind.DATE, "it", "x", date(2026, 11, 23)), datetime(2026, 11, 1, tzinfo=UTC))
    assert duty.is_overdue(date(2026, 11, 24))
    assert not duty.is_overdue(date(2026, 11, 23))
    assert not replace(duty, done_at=duty.made_at, done_by="p").is_overdue(date(2026, 11, 24))


@pytest.mark.parametrize(
    ("concerns", "topics"),
    [
        ({}, set()),
        # What is published as 5 may be one case.
        ({"cyberbullying": 5}, set()),
        ({"cyberbullying": 10}, {Topic.BULLYING}),
        # Each may be four too high: together they are surely two.
        ({"cyberbullying": 5, "threat": 5}, set()),
        ({"grooming": 5, "sextortion": 5, "nude_image": 5}, set()),
        ({"grooming": 10, "copyright": 15}, {Topic.RELATIONSHIPS, Topic.COPYRIGHT}),
        # What has no topic, and what is about adults, suggests nothing.
        ({"child_abuse_images": 50, "staff_conduct": 50, "other": 50}, set()),
    ],
)
def test_only_a_topic_that_was_surely_frequent_is_told(school: School, concerns: dict[str, int], topics: set[Topic]) -> None:
    made = figures(**concerns)
    assert {t.topic for t in sure_topics(school.policy.dates.topics, made)} == topics
    suggested = lessons(school, made, date(2027, 1, 11))
    assert {o.entry for o in suggested} == {str(t) for t in topics}
    assert {o.due for o in suggested} <= {date(2027, 3, 25)}


def test_many_small_counts_are_surely_many_together() -> None:
    """Five kinds that are published as 5 each are at least five cases."""
    concerns = frozenset({"a", "b", "c", "d", "e"})
    topic = TopicAdvice(Topic.WELLBEING, concerns, "A lesson", "Advice")
    assert sure_topics((topic,), figures(a=5, b=5, c=5, d=5)) == ()
    assert sure_topics((topic,), figures(a=5, b=5, c=5, d=5, e=5)) == (topic,)


def test_old_figures_suggest_nothing(school: School) -> None:
    """The bot was put in a year later: what happened then is no reason for a lesson now."""
    assert lessons(school, figures(cyberbullying=20), date(2027, 9, 6)) == ()
