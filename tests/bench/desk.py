"""What a lead waits for at the desk of a large school: the queue, its pages, a case and a chronology, read and drawn."""

import asyncio
import gc
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from cards import adaptive, blockkit, pages
from cards import case as case_cards
from cards import chronology as chronology_cards
from cards import queue as queue_cards
from cards.model import Card, Form
from domain.case_changes import Result
from domain.chronology import Chronology
from domain.entries import DOER, DUE, OUTCOME, STATUS, TO_DO, WHAT, WHEN, WHOM
from domain.incident import CaseFile, Incident
from domain.people import Kind
from domain.queues import LATE, MINE, OTHERS, SIGN_OFF, UNANSWERED, Filters, Wanted, as_text
from domain.words import Role, Urgency
from handlers import casework, chronology, close, details, lists
from storage import tables as t
from tests.bench.databases import kinds, new_database, opened
from tests.bench.figures import Figure
from tests.bench.filling import Copies, fill
from tests.bench.tools import Options
from tests.fakes.clock import FakeClock
from tests.handlers.office import Office, open_office

INCIDENTS, OPEN = 100_000, 10_000
SHARES = {"waiting": 0.35, "house": 0.1, "lead's": 0.2, "deputy's": 0.2, "late action": 0.1, "private": 0.05}
"""Of the open cases."""
SHUTS_OUT = 0.2
LOOKS, GOAL_MS = 200, 50
MEANS = (
    "In process: the handler and what it asks of the database, and then the card, drawn for Slack and for Teams. The program"
    " itself made a case of each kind, and their rows were copied until there are 100,000, 10,000 of them open: a third"
    " unanswered, the rest with the lead or the deputy, a tenth with an action that is late, a twentieth private. One child has"
    " two dozen cases, worked and mostly closed, one of them private, and as many again in which a name like theirs was typed."
)
_CHILD, _LIKE = "Bea Exemplar", "text:Bea Exempler"
_CASES = 24
"""Of one child, and of a name that is like theirs: more than a school sees of most, and fewer than a page looks at."""


@dataclass(frozen=True, slots=True)
class Times:
    """What each look took, in milliseconds: to read, and to draw."""

    read: list[float]
    drawn: list[float]

    @property
    def whole(self) -> list[float]:
        return [a + b for a, b in zip(self.read, self.drawn, strict=True)]


Look = Callable[[Office], Awaitable[Callable[[], Card | Form]]]
"""Reads what a page shows, and gives what draws it."""


async def measure(options: Options) -> list[Figure]:
    """On each database."""
    found: list[Figure] = []
    with tempfile.TemporaryDirectory() as name:
        for kind in await kinds():
            async with AsyncExitStack() as stack:
                url = await stack.enter_async_context(new_database(kind, Path(name)))
                database = opened(url)
                stack.push_async_callback(database.close)
                office = await stack.enter_async_context(open_office(database, FakeClock()))
                began = time.monotonic()
                desk = await _fill(options, office, url)
                print(f"{kind}: filled in {time.monotonic() - began:.0f} s", flush=True)
                # As the program does once it has started: nobody waits while all that stays is looked through for garbage.
                gc.collect()
                gc.freeze()
                for page, look in _looks(desk).items():
                    found += _figures(f"{page}, {kind}", await _timed(office, look, options.of(LOOKS, 5)))
    return found


async def _timed(office: Office, look: Look, looks: int) -> Times:
    times = Times([], [])
    for number in range(looks + 3):
        began = time.perf_counter()
        draw = await look(office)
        read = time.perf_counter()
        shown = draw()
        if isinstance(shown, Form):
            blockkit.modal(shown), adaptive.form(shown)
        else:
            blockkit.message(shown), adaptive.card(shown)
        done = time.perf_counter()
        if number >= 3:  # the first ones put statements together
            times.read.append((read - began) * 1e3)
            times.drawn.append((done - read) * 1e3)
        await asyncio.sleep(0)
    return times


def _figures(name: str, times: Times) -> list[Figure]:
    return [
        Figure("desk", f"{name}, p99", _p99(times.whole), "ms", GOAL_MS, means=MEANS),
        Figure("desk", f"{name}, median", statistics.median(times.whole), "ms"),
        Figure("desk", f"{name}, p99 of reading", _p99(times.read), "ms"),
        Figure("desk", f"{name}, p99 of drawing", _p99(times.drawn), "ms"),
    ]


def _p99(times: list[float]) -> float:
    return sorted(times)[-max(1, len(times) // 100)]


@dataclass(frozen=True, slots=True)
class _Desk:
    """What is looked at: a case that is worked; a child of the list, and their newest case, which a head of house has."""

    worked: Incident
    child: str
    childs: Incident
    part: str
    """The child in that case."""


def _looks(desk: _Desk) -> dict[str, Look]:
    rare = Filters(concern="grooming", urgency=Urgency.CRITICAL)
    return {
        "a lead's queue": _queue("dsl"),
        "a head of house's queue": _queue("brunel head"),
        "the queue of somebody with one action": _queue("teacher"),
        "the headteacher's queue": _queue("headteacher"),
        "unanswered, from the middle": _page("dsl", UNANSWERED, middle=True),
        "one's own, from the middle": _page("dsl", MINE, middle=True),
        "with others, from the middle": _page("dsl", OTHERS, middle=True),
        "late, from the beginning": _page("dsl", LATE),
        "all that is open, back from the middle": _page("dsl", Filters(), middle=True, back=True),
        "a filter that finds nearly nothing": _page("dsl", rare),
        "a filter that finds nearly nothing, a head of house": _page("brunel head", rare),
        "waiting to be signed off": _page("dsl", SIGN_OFF),
        "a case's page": _case(desk.worked),
        "a case's page, of a child with many": _case(desk.childs),
        "a child's chronology": _chronology("dsl", f"|{desk.child}"),
        "a child's chronology, its first page": _chronology("dsl", f"|{desk.child}|sure|1"),
        "a child's chronology, names like theirs": _chronology("dsl", f"|{desk.child}|perhaps"),
        "a child's chronology, a head of house": _chronology("brunel head", f"{desk.childs.id}|{desk.part}"),
        "a chronology of a name that is typed": _typed("dsl", _LIKE),
    }


def _queue(who: str) -> Look:
    async def look(office: Office) -> Callable[[], Card | Form]:
        found = await lists.queue(office.ports, office.school, office.account(who))
        return lambda: pages.queue_card(office.school, found)

    return look


def _page(who: str, filters: Filters, *, middle: bool = False, back: bool = False) -> Look:
    asked = as_text(Wanted(filters))

    async def look(office: Office) -> Callable[[], Card | Form]:
        at = asked
        if middle:
            days = timedelta(days=2, minutes=OPEN // 10)
            key = f"{int((office.clock.now() - days).timestamp() * 1e6)}|{'7' * 36}"
            at = f"{asked.rpartition('|')[0].rpartition('|')[0].rpartition('|')[0]}|{'back' if back else ''}|{key}"
        found = await lists.page(office.ports, office.school, office.account(who), at)
        assert not found.gone
        return lambda: queue_cards.queue_page_form(office.school, found)

    return look


def _case(incident: Incident) -> Look:
    async def look(office: Office) -> Callable[[], Card | Form]:
        found = await details.read(office.ports, office.school, office.account("dsl"), incident.id)
        assert isinstance(found, CaseFile), found
        return lambda: case_cards.case_form(office.school, found)

    return look


def _chronology(who: str, key: str) -> Look:
    """`key`: what the button for it carries. Each look notes its readings, as it does for a person."""

    async def look(office: Office) -> Callable[[], Card | Form]:
        found = await chronology.of_child(office.ports, office.school, office.account(who), key)
        assert isinstance(found, Chronology), found
        assert found.lines
        return lambda: chronology_cards.chronology_form(office.school, found)

    return look


def _typed(who: str, name: str) -> Look:
    async def look(office: Office) -> Callable[[], Card | Form]:
        found = await chronology.search(office.ports, office.school, office.account(who), (name,))
        assert isinstance(found, Chronology), found
        assert found.lines
        return lambda: chronology_cards.chronology_form(office.school, found)

    return look


async def _fill(options: Options, office: Office, url: str) -> _Desk:
    """A case of each kind, as the program makes it, and its copies, with one that has been worked, and a child's history."""
    child, childs = await _history(options, office)
    closed = await _closed(office, "text:Somebody Typed")
    shuts_out = await _closed(office, "text:Somebody Typed", office.picked("it"))
    models = {
        "waiting": await _opened(office, concern="harmful_content", targets=("text:Somebody Typed",)),
        "house": await _opened(office, concern="cyberbullying", targets=("text:Somebody Typed",), house="Brunel"),
        "private": await _opened(office, concern="staff_conduct", about="staff", perpetrators=("text:Some Colleague",)),
        "lead's": await _taken(office, "dsl"),
        "deputy's": await _taken(office, "deputy"),
        "late action": await _taken(office, "dsl"),
    }
    await _to_do(office, models["late action"])
    # A statement that is kept knows the indexes as they were.
    await office.database.engine.dispose()
    opened_cases = options.of(OPEN, 500)
    shut = options.of(INCIDENTS, 3000) - opened_cases
    await fill(
        url,
        Copies(closed.id, int(shut * (1 - SHUTS_OUT)), aged=True),
        Copies(shuts_out.id, int(shut * SHUTS_OUT), aged=True),
        *(Copies(model.id, int(opened_cases * SHARES[name]), aged=True) for name, model in models.items()),
    )
    office.clock.advance(days=2)
    (part,) = await office.rows(t.participants, t.participants.c.incident_id == childs.id)
    return _Desk(models["late action"], child, childs, part.id)


async def _history(options: Options, office: Office) -> tuple[str, Incident]:
    """A pupil's id, and their newest case: in each of theirs they were picked, and beside it stands one with a typed name."""
    async with office.ports.store.transaction(office.school, write=False) as records:
        (child,) = [p.id for p in await records.search_people(_CHILD, 20) if p.kind is Kind.PUPIL and p.name == _CHILD]
    newest: Incident | None = None
    cases = options.of(_CASES, 8)
    for number in range(cases):
        picked = (f"person:{child}",)
        if number == cases // 2:
            await _opened(office, concern="staff_conduct", about="staff", targets=picked, perpetrators=("text:Some Colleague",))
        part = "targets" if number % 3 else "perpetrators"
        newest = await _worked(office, "brunel head", closes=number < cases - 2, house="Brunel", **{part: picked})
        await _worked(office, "dsl", closes=number % 2 == 0, targets=(_LIKE,))
        office.clock.advance(days=2)
    assert newest is not None
    return child, newest


async def _worked(office: Office, who: str, *, closes: bool, **details: str | tuple[str, ...]) -> Incident:
    """A case with notes, two contacts and an action in it, and how it ended where it did."""
    case = await _opened(office, concern="cyberbullying" if "house" in details else "harmful_content", **details)
    owners = {alert: who if alert.group else "dsl" for alert in await office.alerts(case)}
    for alert, owner in owners.items():
        await office.acknowledge(owner, alert)
    for number in range(4):
        note = {"entry_text": f"What was found out, number {number}. " * 10}
        await casework.add(office.ports, office.school, office.account(who), f"{case.id}|note|{number}|", note)
    for number in range(2):
        told = {WHOM: Role.PARENTS.value, WHEN: office.clock.now().isoformat(), OUTCOME: "They will talk to the child. " * 10}
        await casework.add(office.ports, office.school, office.account(who), f"{case.id}|contact|c{number}|", told)
    for alert, owner in owners.items() if closes else ():
        said = "Both families know, and the pictures are gone. " * 5
        done = await close.close(office.ports, office.school, office.account(owner), alert.id, said, Result.DEALT_WITH)
        assert isinstance(done, close.Closed), done
    await office.works()
    return case


async def _opened(office: Office, **details: str | tuple[str, ...]) -> Incident:
    found = await office.reports(**details)  # type: ignore[arg-type]
    await office.works()
    return found


async def _taken(office: Office, who: str) -> Incident:
    found = await _opened(office, concern="harmful_content", targets=("text:Somebody Typed",))
    for alert in await office.alerts(found):
        await office.acknowledge(who, alert)
    await office.works()
    return found


async def _closed(office: Office, *targets: str) -> Incident:
    case = await _opened(office, concern="harmful_content", targets=targets)
    alert = await office.alert(case)
    await office.acknowledge("dsl", alert)
    await office.works()
    done = await close.close(
        office.ports, office.school, office.account("dsl"), alert.id, "Talked to them both.", Result.DEALT_WITH
    )
    assert isinstance(done, close.Closed), done
    await office.works()
    return case


async def _to_do(office: Office, case: Incident) -> None:
    due = office.clock.now() + timedelta(days=1)
    what: dict[str, str | tuple[str, ...]] = {
        WHAT: "Ring home",
        DOER: (office.picked("teacher"),),
        STATUS: TO_DO,
        DUE: due.isoformat(),
    }
    await casework.add(office.ports, office.school, office.account("dsl"), f"{case.id}|action|f|", what)
    for number in range(8):
        note = {"entry_text": f"What was found out, number {number}. " * 10}
        await casework.add(office.ports, office.school, office.account("dsl"), f"{case.id}|note|{number}|", note)
