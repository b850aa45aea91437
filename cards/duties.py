"""The school's calendar: what is overdue, suggested and to come; the message about one date; a draft for parents."""

from collections.abc import Iterator
from typing import Final

from cards.clauses import points
from cards.figures import name_of
from cards.model import Banner, Button, Buttons, ButtonStyle, Card, Fact, Facts, Form, Leaf, Part, Section, Text, Tone, Weight
from cards.texts import dated, day_of, say
from domain.agencies import Agency
from domain.digests import Digest
from domain.duties import CalendarLine, CalendarPage, DutyKind
from domain.messages import DutyMessage
from domain.people import School

SHOW_CALENDAR, SHOW_DIGEST, FINISH_DUTY = "show_calendar", "show_digest", "finish_duty"
CALENDAR, DIGEST = "calendar", "digest"

_LONGEST_TITLE: Final = 60


def calendar_card(*, digest: bool) -> Card:
    """In answer to one of the two words in a chat, where no dialog can be opened without a press."""
    calendar = Button(SHOW_CALENDAR, say("duty.open_calendar"), opens_form=True)
    drafts = Button(SHOW_DIGEST, say("duty.open_digest"), opens_form=True)
    title, text = (say("digest.title"), say("digest.about")) if digest else (say("duty.calendar"), say("duty.calendar_text"))
    return Card(title, text, (Text(text), Buttons((drafts,) if digest else (calendar,))))


def calendar_form(school: School, page: CalendarPage) -> Form:
    """The calendar of the next twelve months, as whoever looks may see it."""
    parts: list[Part] = [Text(say("duty.calendar_text"), Weight.MUTED)]
    if page.overdue:
        parts.append(Banner(say("duty.some_overdue", count=len(page.overdue)), Tone.WARNING))
        parts.append(Section(say("duty.overdue"), tuple(x for line in page.overdue for x in _line(school, line))))
    if page.lessons:
        found = tuple(x for line in page.lessons for x in _line(school, line))
        parts.append(Section(say("duty.lessons"), (Text(say("duty.lessons_why"), Weight.MUTED), *found)))
    coming = tuple(x for line in page.coming for x in _line(school, line))
    parts.append(Section(say("duty.coming"), coming or (Text(say("duty.nothing")),)))
    if page.more:
        parts.append(Text(say("duty.more"), Weight.MUTED))
    if page.digest:
        parts.append(Buttons((Button(SHOW_DIGEST, say("duty.open_digest"), opens_form=True),)))
    return Form(CALENDAR, say("duty.calendar"), tuple(parts))


def _line(school: School, line: CalendarLine) -> Iterator[Leaf]:
    yield Text(say("duty.line", when=day_of(line.occasion.due), title=_title(line)), Weight.HEADING)
    yield Text("\n".join(_about(school, line)))
    if line.mine and line.duty is not None:
        label = say("duty.done_of", title=_title(line)[:_LONGEST_TITLE])
        yield Buttons((Button(FINISH_DUTY, label, line.duty.id, opens_form=True),))


def _title(line: CalendarLine) -> str:
    topic = line.topic.topic if line.topic is not None else None
    return title_of(line.occasion.kind, line.entry.title if line.entry is not None else "", topic)


def title_of(kind: DutyKind, title: str, topic: str | None) -> str:
    """What a date, the review or a lesson is called."""
    match kind:
        case DutyKind.DATE:
            return title
        case DutyKind.REVIEW:
            return say("duty.review_title")
        case DutyKind.LESSON:
            return say("duty.lesson_title", topic=say(f"measure.topic_{topic}"))


def _about(school: School, line: CalendarLine) -> Iterator[str]:
    dates, cites = school.policy.dates, tuple[str, ...]()
    match line.occasion.kind:
        case DutyKind.REVIEW:
            yield say("duty.review_about", title=school.policy.title)
            cites = dates.review_cites
        case DutyKind.LESSON if line.topic is not None:
            yield line.topic.lesson
            cites = dates.curriculum_cites
        case _ if line.entry is not None:
            yield line.entry.about
            cites = line.entry.cites
    if cites:
        yield say("duty.clauses", clauses="; ".join(points(school, cites)))
    duty = line.duty
    if duty is not None and duty.done_at is not None:
        yield say("duty.was_done", who=line.done_by or say("duty.somebody"), when=dated(school, duty.done_at))
    elif duty is not None and line.occasion.kind is not DutyKind.LESSON:
        yield say("duty.reminded")


def duty_card(school: School, m: DutyMessage) -> Card:
    """To those whose it is: what it is called, when it is, and the button to say that it is done."""
    title, when = title_of(m.kind, m.title, m.topic), day_of(m.due)
    if m.done_at is not None:
        text = say("duty.was_done", who=m.done_by or say("duty.somebody"), when=dated(school, m.done_at))
        return Card(say("duty.message_done", title=title), text, (Banner(text, Tone.SUCCESS),))
    text = say(f"duty.message_{m.kind}")
    first: tuple[Part, ...] = (Banner(say("duty.message_overdue"), Tone.WARNING),) if m.overdue else ()
    ways = Buttons((
        Button(FINISH_DUTY, say("duty.done"), m.duty_id, ButtonStyle.PRIMARY, opens_form=True),
        Button(SHOW_CALENDAR, say("duty.open_calendar"), opens_form=True),
    ))  # fmt: skip
    facts = Facts((Fact(say("duty.what"), title), Fact(say("duty.when"), when)))
    parts = (*first, facts, Text(text), ways)
    return Card(say("duty.message_title", title=title), say("duty.line", when=when, title=title), parts)


def digest_form(school: School, digest: Digest) -> Form:
    """A draft for parents, to be copied, changed and sent by a person."""
    parts: list[Part] = [Banner(say("digest.draft"), Tone.INFO), Text(say("digest.about"), Weight.MUTED)]
    if digest.span is None:
        parts.append(Text(say("digest.none")))
    elif not digest.topics:
        parts.append(Text(say("digest.no_topics", base=school.figures_base)))
    else:
        parts.append(Text(say("digest.how", base=school.figures_base), Weight.MUTED))
    term = name_of(digest.span) if digest.span is not None else say("digest.this_term")
    parts.append(Section(say("digest.text"), tuple(Text(paragraph) for paragraph in _paragraphs(school, digest, term))))
    terms = tuple(Button(SHOW_DIGEST, name_of(span), span.id, opens_form=True) for span in digest.terms)
    calendar = Button(SHOW_CALENDAR, say("duty.open_calendar"), opens_form=True)
    return Form(DIGEST, say("digest.title"), (*parts, Buttons((*terms, calendar))))


def _paragraphs(school: School, digest: Digest, term: str) -> Iterator[str]:
    yield say("digest.opening", school=school.name)
    if digest.topics:
        yield say("digest.topics", term=term)
    for advice, agencies in digest.topics:
        found = [say(f"measure.topic_{advice.topic}"), advice.parents]
        if agencies:
            found.append(say("digest.help", agencies="; ".join(map(_agency, agencies))))
        yield "\n".join(found)
    if digest.dates:
        dates = (say("duty.line", when=day_of(day), title=entry.title) for day, entry in digest.dates)
        yield "\n".join((say("digest.dates"), *dates))
    yield say("digest.closing")


def _agency(agency: Agency) -> str:
    return say("digest.agency", name=agency.name, way=", ".join(way for way in (agency.phone, agency.url) if way))
