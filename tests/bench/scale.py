"""With a million incidents in the database: what people and the program wait for, beside the same with hardly any."""

import asyncio
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import aiohttp
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from bot.auditor import Auditor
from bot.metrics import PATH, Metrics, add_metrics
from bot.worker import LEASE
from domain.case_changes import Result
from domain.people import Platform
from domain.report_form import KindQuestions
from handlers import close, lists, report
from handlers.report import Reported
from storage.auditing import Auditing
from storage.housekeeping import tidy
from storage.store import Store
from storage.watching import Watching
from tests.bench.databases import kinds, new_database, opened
from tests.bench.figures import Figure
from tests.bench.filling import Copies, fill
from tests.bench.tools import Options
from tests.fakes.clock import FakeClock
from tests.handlers.office import BRUNEL, WHAT, Office, open_office

OPEN = 200
SHUTS_OUT = 0.2
"""The share of the closed cases that shut somebody out."""
REPORTS, WARM_UP, LOOKS = 200, 5, 20
REPORT_GOAL, QUEUE_GOAL_MS = 1.25, 50
MEANS = (
    "In process, through the handlers; no chat takes part. The program itself made the cases: one that was alerted,"
    " acknowledged and closed, the same with somebody shut out, and one that is open. Their rows were copied until 200 are"
    " open, and half of the others signed off; all into one school, which is harder than to spread them over thousands. The two"
    " databases take turns; the floor is the one that holds only those few cases. Processor time is the bot's own, not"
    " PostgreSQL's."
)


@dataclass(frozen=True, slots=True)
class Side:
    """One database with the same school at work."""

    office: Office
    auditor: Auditor
    http: TestClient[web.Request, web.Application]


async def measure(options: Options) -> list[Figure]:
    """On each database."""
    found: list[Figure] = []
    sides: dict[str, tuple[Side, Side]] = {}
    with tempfile.TemporaryDirectory() as name:
        async with AsyncExitStack() as stack:
            for kind in await kinds():
                sides[kind] = (await _side(stack, kind, Path(name)), await _side(stack, kind, Path(name)))
            began = time.monotonic()
            # Both at once: each keeps another process busy.
            await asyncio.gather(*(_fill(options, full.office) for full, _ in sides.values()))
            print(f"filled in {time.monotonic() - began:.0f} s", flush=True)
            for kind, (full, few) in sides.items():
                await _cases(few.office)
                found += await _compare(options, kind, full, few)
    return found


async def _side(stack: AsyncExitStack, kind: str, folder: Path) -> Side:
    url = await stack.enter_async_context(new_database(kind, folder))
    database = opened(url)
    stack.push_async_callback(database.close)
    office = await stack.enter_async_context(open_office(database, FakeClock()))
    session = await stack.enter_async_context(aiohttp.ClientSession())
    metrics, schools = Metrics(), {office.school.id: office.school}
    app = web.Application()
    add_metrics(app, metrics, Watching(database, schools), office.worker, office.clock, _ready)
    http = await stack.enter_async_context(TestClient(TestServer(app)))
    return Side(office, Auditor(office.ports, schools, Auditing(database), metrics, session), http)


async def _ready() -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Took:
    """What something took, in seconds."""

    wall: float
    processor: float


@dataclass(frozen=True, slots=True)
class Cases:
    """One of each kind of case, with all that belongs to it."""

    closed: str
    shuts_out: str
    open: str


async def _cases(office: Office) -> Cases:
    closed = await _closed(office, "text:Somebody Typed")
    shuts_out = await _closed(office, "text:Somebody Typed", office.picked("it"))
    return Cases(closed, shuts_out, await _opened(office, "text:Somebody Typed"))


async def _opened(office: Office, *targets: str) -> str:
    found = await office.reports(concern="harmful_content", targets=targets)
    await office.works()
    return found.id


async def _closed(office: Office, *targets: str) -> str:
    case = await _opened(office, *targets)
    async with office.ports.store.transaction(office.school, write=False) as records:
        (alert,) = await records.alerts_of(case)
    await office.acknowledge("dsl", alert)
    await office.works()
    done = await close.close(
        office.ports, office.school, office.account("dsl"), alert.id, "Talked to them both.", Result.DEALT_WITH
    )
    assert isinstance(done, close.Closed), done
    await office.works()
    return case


async def _fill(options: Options, office: Office) -> None:
    cases = await _cases(office)
    url = office.database.url.set(drivername=office.database.url.get_backend_name()).render_as_string(hide_password=False)
    # A statement that is kept knows the indexes as they were.
    await office.database.engine.dispose()
    count = options.of(options.incidents, 50_000) - OPEN
    shutting_out = int(count * SHUTS_OUT)
    await fill(
        url,
        Copies(cases.closed, count - shutting_out, aged=True),
        Copies(cases.shuts_out, shutting_out, aged=True),
        Copies(cases.open, OPEN - 1, aged=False),
    )


async def _compare(options: Options, kind: str, full: Side, few: Side) -> list[Figure]:
    looks, reports = options.of(LOOKS, 3), options.of(REPORTS, 10)
    found = [
        await _looked(full, few, looks, kind, "a lead's queue of 200", _queue, QUEUE_GOAL_MS),
        await _looked(full, few, looks, kind, "one's own reports", _mine),
        await _looked(full, few, looks, kind, "a channel's readers have changed", _readers),
        await _looked(full, few, looks, kind, "the auditor's round", lambda side: side.auditor.round()),
        await _looked(full, few, looks, kind, "/metrics", _metrics),
        await _looked(full, few, looks, kind, "the worker's look when idle", _idle),
        await _looked(full, few, min(looks, 5), kind, "forgetting what has expired", _tidy),
    ]
    times: tuple[list[Took], list[Took]] = ([], [])
    for n in range(reports + WARM_UP):
        for side, took in zip((full, few), times, strict=True):
            one = await _timed(_report(side))
            if n >= WARM_UP:
                took.append(one)
    wall = _against(times, lambda took: took.wall, "a report, of a nearly empty database", "a report, begin to receipt", kind)
    processor = _against(times, lambda took: took.processor, "its processor time, of the same", "processor a report", kind)
    leases = await _looked(full, few, looks, kind, "the worker's lease", _lease)
    return [*wall, *processor, *found, leases]


def _against(
    times: tuple[list[Took], list[Took]], which: Callable[[Took], float], ratio: str, itself: str, kind: str
) -> list[Figure]:
    """What the full database takes, as a share of what the nearly empty one does and by itself."""
    with_all, with_few = (statistics.median(map(which, took)) * 1e3 for took in times)
    return [
        Figure("scale", f"{ratio}, {kind}", with_all / with_few, "x", REPORT_GOAL),
        Figure("scale", f"{itself}, {kind}", with_all, "ms", floor=with_few, floor_name="nearly empty", means=MEANS),
    ]


async def _looked(
    full: Side,
    few: Side,
    looks: int,
    kind: str,
    name: str,
    work: Callable[[Side], Awaitable[object]],
    goal: float | None = None,
) -> Figure:
    for side in (full, few):
        await work(side)
    with_all, with_few = [], []
    for _ in range(looks):
        with_all.append((await _timed(work(full))).wall)
        with_few.append((await _timed(work(few))).wall)
    floor = statistics.median(with_few) * 1e3
    took = statistics.median(with_all) * 1e3
    return Figure("scale", f"{name}, {kind}", took, "ms", goal, floor=floor, floor_name="nearly empty")


async def _timed(work: Awaitable[object]) -> Took:
    began, spent = time.perf_counter(), time.process_time()
    await work
    return Took(time.perf_counter() - began, time.process_time() - spent)


async def _report(side: Side) -> None:
    office = side.office
    ports, school, account = office.ports, office.school, office.account("teacher")
    begun = await report.begin(ports, school, account)
    assert isinstance(begun, KindQuestions), begun
    await report.choose_kind(
        ports, school, account, begun.draft_id, {"concern": "cyberbullying", "about": "pupil", "danger": "no"}
    )
    details: dict[str, str | tuple[str, ...]] = {
        "what": WHAT,
        "repeat": "no",
        "illegal": "no",
        "targets": ("text:Somebody Typed",),
        "house": "Brunel",
    }
    outcome = await report.submit(ports, school, account, begun.draft_id, details)
    assert isinstance(outcome, Reported), outcome


async def _queue(side: Side) -> None:
    office = side.office
    found = await lists.queue(office.ports, office.school, office.account("dsl"))
    assert found.lines


async def _mine(side: Side) -> None:
    """One of those who have reported all of it, from this account and any other of theirs."""
    account = replace(side.office.account("r7"), person_id="p-r7")
    await lists.mine(side.office.ports, side.office.school, account)


async def _readers(side: Side) -> None:
    async with Store(side.office.database).transaction(side.office.school) as records:
        await records.look_again_at(BRUNEL, side.office.clock.now())


async def _metrics(side: Side) -> None:
    async with side.http.get(PATH) as response:
        assert "esafety_database_up 1.0" in await response.text()


async def _idle(side: Side) -> None:
    assert not await side.office.worker.outbox.has_due(side.office.clock.now())


async def _tidy(side: Side) -> None:
    await tidy(side.office.database, side.office.clock.now())


async def _lease(side: Side) -> None:
    """Takes what there is room for, and gives it back."""
    outbox, now = side.office.worker.outbox, side.office.clock.now()
    taken = await outbox.lease(now, LEASE, 64, {Platform.SLACK}, a_lane=8)
    assert taken
    await outbox.give_back(taken, now)
