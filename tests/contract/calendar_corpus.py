"""The school's calendar in every state, the message about each kind of date, the draft for parents."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta

from bot.calendar_desk import calendar_words
from cards import duties
from cards.model import Card, Form
from cards.pages import as_form
from domain.digests import Digest
from domain.duties import CalendarLine, CalendarPage, Duty, DutyKind, Occasion, entries_of, occasions
from domain.figures import Season, Span
from domain.measures import Topic
from domain.messages import DutyMessage
from domain.people import School
from domain.school_dates import REVIEW_ID, DateEntry, Once
from domain.words import Role

WHO = "Dana Okafor"
AUTUMN = Span(date(2026, 8, 1), date(2026, 12, 17), Season.AUTUMN, 2026)


def calendar_entries(
    schools: Iterable[School], now: datetime, nasty: Iterable[tuple[str, str]]
) -> Iterator[tuple[str, Card | Form]]:
    """All of it."""
    for word in ("calendar", "digest"):
        card = calendar_words(word)
        assert card is not None
        yield f"calendar: the word {word}", as_form(card, f"{word}_card")
    for school in schools:
        for name, page in _pages(school, now):
            yield f"calendar of {school.policy.id}: {name}", duties.calendar_form(school, page)
        for name, digest in _digests(school, now):
            yield f"digest of {school.policy.id}: {name}", duties.digest_form(school, digest)
    for name, text in nasty:
        # A school writes its own dates: whatever stands there is shown as it stands.
        entry = DateEntry("own", text[:60] or "-", text[:300] or "-", Once(now.date()), (Role.DSL,), families=True)
        line = CalendarLine(Occasion(DutyKind.DATE, "own", "x", now.date()), entry)
        page = CalendarPage(now.date(), (), (), (line,))
        yield f"calendar: {name}", duties.calendar_form(school, page)
        yield f"digest: {name}", duties.digest_form(school, Digest(AUTUMN, (), ((now.date(), entry),)))


def _pages(school: School, now: datetime) -> Iterator[tuple[str, CalendarPage]]:
    today = now.date()
    yield "empty", CalendarPage(today, (), (), ())
    found = [
        CalendarLine(o, next((e for e in entries_of(school) if e.id == o.entry), None))
        for o in occasions(school, today, today + timedelta(days=366))
    ]
    coming = [line for line in found if line.occasion.due >= today]
    review = Occasion(DutyKind.REVIEW, REVIEW_ID, "2023-05-31", date(2023, 5, 31))
    duty = Duty("review", review, now)
    done = Duty("done", coming[0].occasion, now, done_at=now, done_by="p")
    reminded = replace(done, done_at=None, done_by=None)
    first = tuple(replace(coming[0], duty=d, done_by=by) for d, by in ((done, WHO), (done, ""), (reminded, "")))
    lessons = tuple(
        CalendarLine(occasion, topic=topic, duty=Duty(topic.topic, occasion, now), mine=True)
        for topic in school.policy.dates.topics
        for occasion in [Occasion(DutyKind.LESSON, topic.topic, AUTUMN.id, date(2027, 3, 25))]
    )
    overdue = (CalendarLine(review, duty=duty, mine=True), CalendarLine(review))
    yield "full", CalendarPage(today, overdue, lessons, (*first, *coming[:21]), more=True, digest=True)


def _digests(school: School, now: datetime) -> Iterator[tuple[str, Digest]]:
    agencies = {a.id: a for a in school.policy.guidance.agencies}
    topics = tuple((t, tuple(agencies[a] for a in t.agencies)) for t in school.policy.dates.topics)
    dates = tuple((now.date(), entry) for entry in entries_of(school) if entry.families)
    yield "none yet", Digest(None, (), ())
    yield "no topics", Digest(AUTUMN, (), dates)
    yield "every topic", Digest(AUTUMN, topics, dates, (replace(AUTUMN, year=2025), replace(AUTUMN, season=Season.SUMMER)))


def duty_messages(now: datetime) -> Iterator[tuple[str, DutyMessage]]:
    """What is said of each kind of date: to come, past, done by somebody, and by somebody who has left."""
    plain = DutyMessage("d", DutyKind.DATE, now.date(), "Safer Internet Day")
    review = replace(plain, kind=DutyKind.REVIEW, title="")
    lessons = (replace(plain, kind=DutyKind.LESSON, title="", topic=topic) for topic in Topic)
    for found in (plain, review, *lessons):
        name = f"{found.kind} {found.topic or ''}"
        yield name, found
        yield f"{name} overdue", replace(found, overdue=True)
        yield f"{name} done", replace(found, done_by=WHO, done_at=now)
        yield f"{name} done by somebody", replace(found, done_at=now)
