"""Every page of a queue, for the contract: its lists, its counts, and the form that says which lines to show."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from cards import pages, queue
from cards.model import Card, Form
from domain.entries import Overdue
from domain.incident import CaseLine
from domain.people import School
from domain.queues import (
    A_PAGE,
    LATE,
    MOST_COUNTED,
    REVIEW,
    SECTIONS,
    SIGN_OFF,
    Count,
    Filters,
    Key,
    Queue,
    QueueKind,
    QueuePage,
    Waiting,
    Wanted,
    Whose,
)
from domain.words import IncidentState, Role, Urgency


def queue_entries(school: School, lines: Sequence[CaseLine], now: datetime) -> Iterator[tuple[str, Card | Form]]:
    """All of it."""
    waiting = tuple(_waiting(lines, now))
    late = tuple(
        Overdue(x.incident_id, x.reference, now, n % 2 == 0, n % 3 == 0, f"entry-{n}") for n, x in enumerate(lines[:4])
    )
    few = {section: Count(number) for number, section in enumerate(SECTIONS, 1)}
    many = dict.fromkeys(SECTIONS, Count(MOST_COUNTED, more=True))
    for name, counts in (("few", few), ("many", many)):
        found = Queue(tuple(lines[:6]), answers=True, now=now, overdue=late, waiting=waiting[:4], counts=counts)
        yield f"queue: {name} counted", pages.queue_card(school, found)
        yield f"home: {name} counted", pages.home_card(school, found, ())
        yield f"queue: {name} closed", pages.queue_card(school, replace(found, lines=(), overdue=()))
    only_late = Queue((), answers=True, now=now, counts={LATE: Count(1)})
    yield "queue: late alone", pages.queue_card(school, only_late)
    key = Key(now, lines[0].alert_id or "")
    shown: dict[str, QueuePage] = {
        "of cases": QueuePage(Wanted(), tuple(lines[:A_PAGE]), now),
        "in between": QueuePage(
            Wanted(Filters(), key),
            tuple(lines[:A_PAGE]),
            now,
            Wanted(Filters(), key, back=True),
            Wanted(Filters(), key),
        ),
        "of what is late": QueuePage(Wanted(LATE), (*late, *lines[:3]), now),
        "of signatures": QueuePage(Wanted(SIGN_OFF), waiting[:A_PAGE], now),
        "of reviews": QueuePage(Wanted(REVIEW), tuple(x for x in waiting if x.kind is QueueKind.REVIEW), now),
        "empty": QueuePage(Wanted(Filters(whose=Whose.MINE)), (), now),
        "past its end": QueuePage(Wanted(Filters(), key), (), now, before=Wanted()),
        "gone": QueuePage(Wanted(), (), now, gone=True),
    }
    for name, page in shown.items():
        yield f"queue: page {name}", queue.queue_page_form(school, page)
        yield f"queue: said, page {name}", queue.queue_page_card(school, page)
    concern = next(iter(school.policy.concerns))
    narrowed = Filters(QueueKind.LATE, Whose.OTHERS, concern, Urgency.HIGH, IncidentState.IN_PROGRESS)
    for name, filters in (("no", Filters()), ("every", narrowed), ("a dropped", Filters(concern="dropped_since"))):
        yield f"queue: {name} filter", queue.queue_filter_form(school, filters)
        yield f"queue: nothing by {name} filter", queue.queue_page_form(school, QueuePage(Wanted(filters), (), now))


def _waiting(lines: Sequence[CaseLine], now: datetime) -> Iterator[Waiting]:
    for number, x in enumerate(lines[:12]):
        kind = QueueKind.REVIEW if number % 2 else QueueKind.SIGN_OFF
        line = Waiting(
            f"waiting-{number}",
            x.incident_id,
            x.reference,
            x.concern,
            x.urgency,
            IncidentState.CLOSED,
            now - timedelta(days=number),
            kind,
            reads=number % 3 == 0,
        )
        if kind is QueueKind.SIGN_OFF:
            line = replace(line, role=Role.HEADTEACHER, who="Hollis Pemberton" if number % 4 else "", sign=number % 6 == 0)
        yield line
