"""What the school's calendar asks of somebody: when each date comes, when somebody is reminded of it, and until when it waits.

Each date that has come near is a duty, once: somebody says that it is done, or it stays on the calendar as overdue.
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from domain.digests import sure_topics
from domain.figures import Figures, Season, Span, first_school_day, last_school_day, school_year
from domain.people import School
from domain.school_dates import REVIEW_ID, DateEntry, EachTerm, Edge, Once, TopicAdvice, WeekdayFrom, Yearly
from domain.words import Role

AHEAD = timedelta(days=366)
"""How far the calendar looks."""
MISSED_FOR = timedelta(days=14)
"""For so long after a date somebody is still told of it, where the program stood still until then."""
SUGGESTED_FOR = timedelta(days=120)
"""For so long after a term a lesson is suggested by its figures."""
_AGAIN_AFTER = timedelta(days=7)


class DutyKind(StrEnum):
    """A date of the policy or the school; the review of the policy; a lesson that the figures suggest."""

    DATE = "date"
    REVIEW = "review"
    LESSON = "lesson"


@dataclass(frozen=True, slots=True)
class Occasion:
    """One time that something of the calendar comes. `entry`: the date's id, or a lesson's topic.

    `key` tells it from every other time of the same: of a term the term, since its days may be moved.
    """

    kind: DutyKind
    entry: str
    key: str
    due: date

    @property
    def name(self) -> tuple[str, str, str]:
        """What tells it from every other occasion of the school, whatever its day."""
        return self.kind, self.entry, self.key


@dataclass(frozen=True, slots=True)
class Duty:
    """An occasion of which somebody has been reminded: how often, when they are next, and who has said that it is done."""

    id: str
    occasion: Occasion
    made_at: datetime
    rung: int = 1
    next_at: datetime | None = None
    done_at: datetime | None = None
    done_by: str | None = None

    def is_overdue(self, today: date) -> bool:
        """Whether its day is past and nobody has said that it is done."""
        return self.done_at is None and self.occasion.due < today


@dataclass(frozen=True, slots=True)
class CalendarLine:
    """A line of the calendar. `entry`, `topic`: what the data say of it. `duty`: where it stands, once somebody was reminded.

    `done_by`: by name. `mine`: whoever looks may say that it is done.
    """

    occasion: Occasion
    entry: DateEntry | None = None
    topic: TopicAdvice | None = None
    duty: Duty | None = None
    done_by: str = ""
    mine: bool = False


@dataclass(frozen=True, slots=True)
class CalendarPage:
    """What is overdue, the lessons that are suggested to whoever looks, and what comes. `more`: there is more than is shown."""

    today: date
    overdue: tuple[CalendarLine, ...]
    lessons: tuple[CalendarLine, ...]
    coming: tuple[CalendarLine, ...]
    more: bool = False
    digest: bool = False


def entries_of(school: School) -> tuple[DateEntry, ...]:
    """The dates of its policy, then its own."""
    return (*school.policy.dates.entries, *school.dates)


def entry_of(school: School, occasion: Occasion) -> DateEntry | None:
    """What the data say of a date now; None of one that they no longer have."""
    if occasion.kind is not DutyKind.DATE:
        return None
    return next((e for e in entries_of(school) if e.id == occasion.entry), None)


def topic_of(school: School, occasion: Occasion) -> TopicAdvice | None:
    """The same of a lesson."""
    if occasion.kind is not DutyKind.LESSON:
        return None
    return next((t for t in school.policy.dates.topics if t.topic == occasion.entry), None)


def stands(school: School, occasion: Occasion) -> bool:
    """Whether the data still ask for it: a policy that was reviewed has another date, and a day that was moved is another."""
    match occasion.kind:
        case DutyKind.REVIEW:
            return school.policy.review_due == occasion.due
        case DutyKind.LESSON:
            return topic_of(school, occasion) is not None
        case DutyKind.DATE:
            entry, near = entry_of(school, occasion), (occasion.due - AHEAD, occasion.due + AHEAD)
            return entry is not None and occasion.key in {key for key, _ in _days(school, entry, *near)}


def roles_of(school: School, occasion: Occasion) -> tuple[Role, ...]:
    """Whose duty it is, as roles."""
    match occasion.kind:
        case DutyKind.REVIEW:
            return school.policy.dates.review
        case DutyKind.LESSON:
            return school.policy.dates.curriculum
        case DutyKind.DATE:
            entry = entry_of(school, occasion)
            return entry.roles if entry is not None else ()


def occasions(school: School, since: date, until: date) -> tuple[Occasion, ...]:
    """Every date between two days, in order; and the policy's review, however long ago it was."""
    found = [
        Occasion(DutyKind.DATE, entry.id, key, day)
        for entry in entries_of(school)
        for key, day in _days(school, entry, since, until)
        if since <= day <= until
    ]
    review = school.policy.review_due
    if review is not None and review <= until:
        found.append(Occasion(DutyKind.REVIEW, REVIEW_ID, review.isoformat(), review))
    return tuple(sorted(found, key=lambda o: (o.due, o.entry)))


def _days(school: School, entry: DateEntry, since: date, until: date) -> Iterator[tuple[str, date]]:
    years = range(since.year - 1, until.year + 1)
    match entry.when:
        case Once(day):
            yield day.isoformat(), day
        case Yearly(days):
            found = (date(year, month, day) for year in years for month, day in days)
            yield from ((day.isoformat(), day) for day in found)
        case WeekdayFrom() as weekday:
            yield from ((day.isoformat(), day) for year in years if (day := weekday.of(year)))
        case EachTerm(edge, seasons):
            find = first_school_day if edge is Edge.START else last_school_day
            for year in range(school_year(since) - 1, school_year(until) + 1):
                for season in (s for s in Season if s in seasons):
                    yield f"{year}-{season}", find(school.calendar, year, season)


def lessons(school: School, figures: Figures, today: date) -> tuple[Occasion, ...]:
    """The lessons that the figures of a term suggest, to be given before the term ends that runs now.

    By nothing but what is published of the term: of each topic once, and only where there surely were as many cases as no
    published number may be smaller than.
    """
    if figures.span.last < today - SUGGESTED_FOR:
        return ()
    due = _end_of_term(school, today, figures.span)
    topics = sure_topics(school.policy.dates.topics, figures)
    return tuple(Occasion(DutyKind.LESSON, advice.topic, figures.span.id, due) for advice in topics)


def _end_of_term(school: School, today: date, span: Span) -> date:
    year = school_year(span.first)
    ends = (last_school_day(school.calendar, y, season) for y in (year, year + 1) for season in Season)
    return next((end for end in ends if end > max(today, span.last)), today)


def to_begin(school: School, found: Iterable[Occasion], known: Collection[tuple[str, str, str]], today: date) -> list[Occasion]:
    """Those of which nobody has been reminded, and it is time."""
    return [o for o in found if o.name not in known and _is_time(school, o, today)]


def _is_time(school: School, occasion: Occasion, today: date) -> bool:
    if occasion.kind is DutyKind.LESSON:
        return True
    if occasion.kind is DutyKind.DATE and occasion.due < today - MISSED_FOR:
        return False
    entry = entry_of(school, occasion)
    before = entry.days_before if entry is not None else school.policy.dates.review_days_before
    return school.calendar.last_school_day(occasion.due - timedelta(days=before)) <= today


def next_reminder(school: School, occasion: Occasion, rung: int, now: datetime) -> datetime | None:
    """When somebody is reminded again who has been so often: a week later, and of a review once more when its day is past."""
    if rung == 1:
        return school.calendar.morning(1, now + _AGAIN_AFTER - timedelta(days=1))
    past = datetime.combine(occasion.due, school.calendar.closes, school.calendar.timezone)
    if rung == 2 and occasion.kind is DutyKind.REVIEW and past > now:
        return school.calendar.morning(1, past).astimezone(now.tzinfo)
    return None
