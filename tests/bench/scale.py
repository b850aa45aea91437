"""With a million incidents in the database: what people and the program wait for, beside the same with hardly any."""

import asyncio
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import aiohttp
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from bot.auditor import Auditor
from bot.metrics import PATH, Metrics, add_metrics
from bot.worker import LEASE
from domain.people import Platform
from handlers import close, lists, report
from handlers.report import Reported
from storage.auditing import Auditing
from storage.database import Database
from storage.housekeeping import tidy
from storage.watching import Watching
from tests.bench.databases import kinds, new_database
from tests.bench.figures import Figure
from tests.bench.filling import Copies, fill
from tests.bench.tools import Options
from tests.fakes.clock import FakeClock
from tests.handlers.office import WHAT, Office, open_office

OPEN = 200
REPORTS, WARM_UP, LOOKS = 200, 5, 20
REPORT_GOAL, QUEUE_GOAL_MS = 1.25, 50
MEANS = (
    "In process, through the handlers; no chat takes part. The program itself made one case that was alerted, acknowledged and"
    " closed, and one that is open: their rows were copied, all into one school, which is harder than to spread them over"
    " thousands. The two databases take turns; the floor is the one that holds only those two cases."
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
                await _two_cases(few.office)
                found += await _compare(options, kind, full, few)
    return found


async def _side(stack: AsyncExitStack, kind: str, folder: Path) -> Side:
    url = await stack.enter_async_context(new_database(kind, folder))
    database = Database(url)
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


async def _two_cases(office: Office) -> tuple[str, str]:
    """A closed case and an open one, with all that belongs to them."""
    targets = ("text:Somebody Typed",)
    closed = await office.reports(concern="harmful_content", targets=targets)
    await office.works()
    alert = await office.alert(closed)
    await office.acknowledge("dsl", alert)
    await office.works()
    done = await close.close(office.ports, office.school, office.account("dsl"), alert.id, "Talked to them both.")
    assert isinstance(done, close.Closed), done
    await office.works()
    open_case = await office.reports(concern="harmful_content", targets=targets)
    await office.works()
    return closed.id, open_case.id


async def _fill(options: Options, office: Office) -> None:
    closed, open_case = await _two_cases(office)
    url = office.database.url.set(drivername=office.database.url.get_backend_name()).render_as_string(hide_password=False)
    # A statement that is kept knows the indexes as they were.
    await office.database.engine.dispose()
    count = options.of(options.incidents, 2000)
    await fill(url, Copies(closed, count - OPEN, aged=True), Copies(open_case, OPEN - 1, aged=False))


async def _compare(options: Options, kind: str, full: Side, few: Side) -> list[Figure]:
    looks, reports = options.of(LOOKS, 3), options.of(REPORTS, 10)
    found = [
        await _looked(full, few, looks, kind, "a lead's queue of 200", _queue, QUEUE_GOAL_MS),
        await _looked(full, few, looks, kind, "one's own reports", _mine),
        await _looked(full, few, looks, kind, "the auditor's round", lambda side: side.auditor.round()),
        await _looked(full, few, looks, kind, "/metrics", _metrics),
        await _looked(full, few, looks, kind, "the worker's look when idle", _idle),
        await _looked(full, few, min(looks, 5), kind, "forgetting what has expired", _tidy),
    ]
    times: tuple[list[float], list[float]] = ([], [])
    for n in range(reports + WARM_UP):
        for side, took in zip((full, few), times, strict=True):
            seconds = await _timed(_report(side))
            if n >= WARM_UP:
                took.append(seconds)
    with_all, with_few = (statistics.median(took) * 1e3 for took in times)
    of_few = Figure("scale", f"a report, of a nearly empty database, {kind}", with_all / with_few, "x", REPORT_GOAL)
    whole = f"a report, begin to receipt, {kind}"
    report_itself = Figure("scale", whole, with_all, "ms", floor=with_few, floor_name="nearly empty", means=MEANS)
    leases = await _looked(full, few, looks, kind, "the worker's lease", _lease)
    return [of_few, report_itself, *found, leases]


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
        with_all.append(await _timed(work(full)))
        with_few.append(await _timed(work(few)))
    floor = statistics.median(with_few) * 1e3
    took = statistics.median(with_all) * 1e3
    return Figure("scale", f"{name}, {kind}", took, "ms", goal, floor=floor, floor_name="nearly empty")


async def _timed(work: Awaitable[object]) -> float:
    began = time.perf_counter()
    await work
    return time.perf_counter() - began


async def _report(side: Side) -> None:
    office = side.office
    ports, school, account = office.ports, office.school, office.account("teacher")
    draft = str(uuid4())
    await report.begin(ports, school, account)
    await report.choose_kind(ports, school, account, draft, {"concern": "cyberbullying", "about": "pupil", "danger": "no"})
    details: dict[str, str | tuple[str, ...]] = {
        "what": WHAT,
        "repeat": "no",
        "illegal": "no",
        "targets": ("text:Somebody Typed",),
        "house": "Brunel",
    }
    outcome = await report.submit(ports, school, account, draft, details)
    assert isinstance(outcome, Reported), outcome


async def _queue(side: Side) -> None:
    office = side.office
    found = await lists.queue(office.ports, office.school, office.account("dsl"))
    assert found.lines


async def _mine(side: Side) -> None:
    await lists.mine(side.office.ports, side.office.school, side.office.account("r7"))


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
