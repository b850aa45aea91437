"""Reads what a school works towards in the year: what all schools share, a policy's own, and what the school's file adds.

What is wrong is refused, by line.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import date
from functools import cache
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from domain.figures import Season
from domain.measures import Topic
from domain.policy import Policy
from domain.school_dates import (
    REVIEW_DAYS_BEFORE,
    REVIEW_ID,
    USUAL_DAYS_BEFORE,
    DateEntry,
    DateTerms,
    EachTerm,
    Edge,
    Once,
    TopicAdvice,
    WeekdayFrom,
    When,
    Yearly,
)
from domain.words import EXTERNAL_ROLES, Role
from storage.yaml_files import PolicyFileError, checked, line_of, read_yaml

CALENDAR_FILE = "calendar.yaml"

_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday")
_A_YEAR = 2027
"""A year without a 29th of February: a day of each year is one of its days."""

_Id = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]*$", max_length=40)]
_Title = Annotated[str, StringConstraints(min_length=2, max_length=60, strip_whitespace=True)]
_About = Annotated[str, StringConstraints(min_length=3, max_length=300, strip_whitespace=True)]
_Advice = Annotated[str, StringConstraints(min_length=3, max_length=600, strip_whitespace=True)]
_MonthDay = Annotated[str, StringConstraints(pattern=r"^(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$")]
_Weekday = Annotated[str, StringConstraints(pattern=f"^({'|'.join(_WEEKDAYS)})$")]
_DaysBefore = Annotated[int, Field(ge=1, le=120)]
_Roles = Annotated[tuple[Role, ...], Field(min_length=1)]
_Cites = Annotated[tuple[str, ...], Field(min_length=1)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def _inside(roles: Iterable[Role]) -> None:
    if wrong := sorted(r.value for r in roles if r in EXTERNAL_ROLES):
        raise ValueError(f"{', '.join(wrong)} is outside the school, and cannot be reminded in the chat")


def _month_day(text: str) -> tuple[int, int]:
    month, day = map(int, text.split("-"))
    try:
        date(_A_YEAR, month, day)
    except ValueError:
        raise ValueError(f"{text} is no day of each year") from None
    return month, day


class _When(_Strict):
    """When it comes: `day`, `yearly`, `weekday` with `from`, or `term`, one of the four."""

    model_config = ConfigDict(populate_by_name=True)

    day: date | None = None
    yearly: Annotated[tuple[_MonthDay, ...], Field(min_length=1, max_length=12)] | None = None
    weekday: _Weekday | None = None
    begins: Annotated[_MonthDay | None, Field(alias="from")] = None
    term: Edge | None = None
    of: Annotated[tuple[Season, ...], Field(min_length=1)] | None = None

    @model_validator(mode="after")
    def _one_rule(self) -> "_When":
        if sum(rule is not None for rule in (self.day, self.yearly, self.weekday, self.term)) != 1:
            raise ValueError("say when by one of `day`, `yearly`, `weekday` with `from`, or `term`")
        if (self.weekday is None) is not (self.begins is None):
            raise ValueError('`weekday` and `from` go together: the first Tuesday from 5 February on is from: "02-05"')
        if self.of is not None and self.term is None:
            raise ValueError("`of` says which terms, and belongs to `term`")
        self.to_domain()
        return self

    def to_domain(self) -> When:
        if self.day is not None:
            return Once(self.day)
        if self.yearly is not None:
            return Yearly(tuple(_month_day(text) for text in self.yearly))
        if self.weekday is not None and self.begins is not None:
            return WeekdayFrom(_WEEKDAYS.index(self.weekday), *_month_day(self.begins))
        seasons = frozenset(season.value for season in self.of or tuple(Season))
        return EachTerm(self.term or Edge.START, seasons)


class SchoolDate(_Strict):
    """A date of a school's own file. It stands on no clause."""

    id: _Id
    title: _Title
    about: _About
    when: _When
    who: _Roles
    before: _DaysBefore = USUAL_DAYS_BEFORE
    families: bool = False

    @model_validator(mode="after")
    def _inside_the_school(self) -> "SchoolDate":
        _inside(self.who)
        if self.id == REVIEW_ID:
            raise ValueError(f"{REVIEW_ID} is the policy's own review: its day is review_due in policy.yaml")
        return self

    def to_domain(self) -> DateEntry:
        """The date."""
        return DateEntry(self.id, self.title, self.about, self.when.to_domain(), self.who, self.before, self.families)


class _OwnDate(SchoolDate):
    cites: _Cites

    def to_domain(self) -> DateEntry:
        return replace(super().to_domain(), cites=self.cites)


class _Used(_Strict):
    """A day that all schools share, with what is otherwise at this one."""

    use: _Id
    cites: tuple[str, ...] = ()
    who: _Roles | None = None
    before: _DaysBefore | None = None

    @model_validator(mode="after")
    def _inside_the_school(self) -> "_Used":
        _inside(self.who or ())
        return self


class _Part(_Strict):
    who: _Roles | None = None
    cites: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _inside_the_school(self) -> "_Part":
        _inside(self.who or ())
        return self


class _Review(_Part):
    before: _DaysBefore = REVIEW_DAYS_BEFORE


class _Topic(_Strict):
    topic: Topic
    concerns: Annotated[frozenset[str], Field(min_length=1)]
    lesson: _Advice
    parents: _Advice
    help: tuple[str, ...] = ()

    def to_domain(self) -> TopicAdvice:
        return TopicAdvice(self.topic, self.concerns, self.lesson, self.parents, self.help)


class _Shared(_Strict):
    days: tuple[SchoolDate, ...]
    topics: tuple[_Topic, ...]


class _Calendar(_Strict):
    review: _Review = _Review()
    curriculum: _Part = _Part()
    days: tuple[_Used, ...] = ()
    own: tuple[_OwnDate, ...] = ()


def with_calendar(policy: Policy, home: Path, shared: Path, concerns: frozenset[str], agencies: frozenset[str]) -> Policy:
    """The policy with what its school works towards: the days that all share, where its folder has no calendar of its own.

    `concerns`, `agencies`: those that the shared topics may name.

    Raises:
        PolicyFileError: a date is wrong.
    """
    common = _shared(shared, concerns, agencies)
    path, usual = home / CALENDAR_FILE, DateTerms()
    if not path.exists():
        return replace(policy, dates=replace(usual, entries=_entries(common), topics=_topics(common)))
    raw = read_yaml(path) or {}
    own = checked(path, raw, _Calendar)
    faults = [f"{path}:{line_of(raw, place)}: {word}" for place, word in _wrong(own, policy, common)]
    if faults:
        raise PolicyFileError("\n".join(faults))
    used = {u.use: u for u in own.days}
    days = tuple(_changed(entry, used.get(entry.id)) for entry in _entries(common))
    dates = DateTerms(
        entries=(*days, *(o.to_domain() for o in own.own)),
        topics=_topics(common),
        review=own.review.who or usual.review,
        review_days_before=own.review.before,
        review_cites=own.review.cites,
        curriculum=own.curriculum.who or usual.curriculum,
        curriculum_cites=own.curriculum.cites,
    )
    return replace(policy, dates=dates)


def _entries(common: _Shared) -> tuple[DateEntry, ...]:
    return tuple(day.to_domain() for day in common.days)


def _topics(common: _Shared) -> tuple[TopicAdvice, ...]:
    return tuple(topic.to_domain() for topic in common.topics)


def _changed(entry: DateEntry, used: _Used | None) -> DateEntry:
    if used is None:
        return entry
    return replace(entry, cites=used.cites, roles=used.who or entry.roles, days_before=used.before or entry.days_before)


def _wrong(own: _Calendar, policy: Policy, common: _Shared) -> Iterator[tuple[tuple[Any, ...], str]]:
    shared = [day.id for day in common.days]
    seen: set[str] = set(shared)
    for n, used in enumerate(own.days):
        if used.use not in shared:
            yield ("days", n), f"there is no shared day {used.use!r}: {', '.join(sorted(shared))}"
    for n, date_ in enumerate(own.own):
        if date_.id in seen:
            yield ("own", n), f"two dates are called {date_.id!r}"
        seen.add(date_.id)
    cited: list[tuple[tuple[Any, ...], tuple[str, ...]]] = [
        (("review", "cites"), own.review.cites),
        (("curriculum", "cites"), own.curriculum.cites),
        *((("days", n, "cites"), used.cites) for n, used in enumerate(own.days)),
        *((("own", n, "cites"), date_.cites) for n, date_ in enumerate(own.own)),
    ]
    for place, clauses in cited:
        for clause in clauses:
            try:
                policy.cite(clause)
            except KeyError:
                yield place, f"it cites {clause!r}, which the policy does not have"


@cache
def _shared(folder: Path, concerns: frozenset[str], agencies: frozenset[str]) -> _Shared:
    path = folder / CALENDAR_FILE
    raw = read_yaml(path)
    shared = checked(path, raw, _Shared)
    faults = [
        f"{path}:{line_of(raw, ('topics', n))}: {word}"
        for n, topic in enumerate(shared.topics)
        for word in (
            *(f"concerns.yaml has no concern {c!r}" for c in sorted(topic.concerns - concerns)),
            *(f"agencies.yaml has no agency {a!r}" for a in topic.help if a not in agencies),
        )
    ]
    of_topics = [c for topic in shared.topics for c in topic.concerns]
    faults += [f"{path}:1: {c!r} belongs to two topics" for c in sorted({c for c in of_topics if of_topics.count(c) > 1})]
    ids = [str(x) for x in (*(day.id for day in shared.days), *(topic.topic for topic in shared.topics))]
    faults += [f"{path}:1: there are two of {i!r}" for i in sorted({i for i in ids if ids.count(i) > 1})]
    if faults:
        raise PolicyFileError("\n".join(faults))
    return shared


DOORS: dict[str, type[BaseModel]] = {"calendar": _Calendar, "calendar_days": _Shared}
"""The forms of the files read here, by what they are called in `esafety pack schema`."""
