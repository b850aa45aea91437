"""How many reports a second go through the whole Slack path, on both databases and with several processes."""

import statistics
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path

from tests.bench.client import Job, Sent, send_apart
from tests.bench.databases import POSTGRESQL, SQLITE, kinds, new_database, rows
from tests.bench.figures import Figure
from tests.bench.slack import bare
from tests.bench.tools import Options, cpu_seconds, share
from tests.bench.trust import Trust, fill, trust

REPORTS = 1500
SHAPES = ((SQLITE, 1), (POSTGRESQL, 1), (POSTGRESQL, 2), (POSTGRESQL, 4))
MEANS = (
    "A report is two requests: the first screen and the second; its alerts are sent meanwhile. The load client is a process of"
    " its own and has 16 reports under way a process. 25 schools of five policies, each with a workspace and 48 staff; the"
    " floor is a bare Bolt app that answers the same two requests and commits one row a report, with as many processes."
    " Processor time is that of the bot's processes, not of the database's, nor of the client's and the Slack beside them."
)


async def measure(options: Options) -> list[Figure]:
    """Each shape, with its floor at once after it."""
    there, found = await kinds(), []
    with tempfile.TemporaryDirectory() as name:
        async with trust(Path(name)) as schools:
            for kind, count in SHAPES:
                if kind in there:
                    found += await _shape(options, schools, kind, count)
    return found


async def _shape(options: Options, schools: Trust, kind: str, count: int) -> list[Figure]:
    reports = options.of(REPORTS, 60)
    async with new_database(kind, schools.folder) as url:
        await fill(schools, url)
        async with schools.bots(url, count) as bots:
            await send_apart(Job([a for a, _ in bots], 10 * count))
            before = sum(cpu_seconds(pid) for _, pid in bots)
            sent = await send_apart(Job([a for a, _ in bots], reports, in_flight=16 * count))
            spent = sum(cpu_seconds(pid) for _, pid in bots) - before
        kept = (await rows(url, "SELECT count(*) FROM incidents"))[0][0]
        assert kept == reports + 10 * count, f"{kept} reports are kept of {reports}, {sent.failed[:3]}"
    floor = await _floor(schools, kind, count, reports)
    shape = f"{kind}, {count} process{'es' if count > 1 else ''}"
    rate, floor_rate = (len(s.second) / s.took for s in (sent, floor))
    bolt = "bare Bolt, one INSERT"
    return [
        Figure("throughput", f"reports, {shape}", rate, "/s", floor=floor_rate, floor_name=bolt, means=MEANS),
        Figure("throughput", f"of its floor, {shape}", rate / floor_rate * 100, "%"),
        Figure(
            "throughput",
            f"second screen, median, {shape}",
            statistics.median(sent.second) * 1e3,
            "ms",
            floor=statistics.median(floor.second) * 1e3,
            floor_name=bolt,
        ),
        Figure(
            "throughput",
            f"second screen, p99, {shape}",
            share(sent.second, 0.99) * 1e3,
            "ms",
            floor=share(floor.second, 0.99) * 1e3,
            floor_name=bolt,
        ),
        Figure("throughput", f"processor a report, {shape}", spent / reports * 1e3, "ms"),
    ]


async def _floor(schools: Trust, kind: str, count: int, reports: int) -> Sent:
    async with new_database(kind, schools.folder) as url, AsyncExitStack() as stack:
        addresses = [(await stack.enter_async_context(bare(schools.slack, url)))[0] for _ in range(count)]
        await send_apart(Job(addresses, 10 * count, receipts=False))
        sent = await send_apart(Job(addresses, reports, in_flight=16 * count, receipts=False))
        kept = (await rows(url, "SELECT count(*) FROM floor"))[0][0]
        assert kept == reports + 10 * count, f"the floor kept {kept} of {reports}, {sent.failed[:3]}"
    return sent
