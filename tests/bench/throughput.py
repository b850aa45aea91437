"""How many reports a second go through the whole Slack path, on both databases and with several processes."""

import statistics
from contextlib import AsyncExitStack

from tests.bench.client import Job, Sent, send_apart
from tests.bench.databases import new_database, rows
from tests.bench.figures import Figure
from tests.bench.slack import bare
from tests.bench.tools import Options, cpu_seconds, share
from tests.bench.trust import ON_POSTGRESQL, ONE_ON_SQLITE, Shape, Trust, in_each_shape

REPORTS = 1500
SHAPES = (ONE_ON_SQLITE, *ON_POSTGRESQL.values())
MEANS = (
    "A report is two requests: the first screen and the second; its alerts are sent meanwhile. The load client is a process of"
    " its own and has 16 reports under way a process. 25 schools of five policies, each with a workspace and 48 staff; the"
    " floor is a bare Bolt app that answers the same two requests and commits one row a report, with as many processes."
    " Processor time is that of the bot's processes, not of the database's, nor of the client's and the Slack beside them."
)


async def measure(options: Options) -> list[Figure]:
    """Each shape, with its floor at once after it."""
    reports = options.of(REPORTS, 60)
    return await in_each_shape(SHAPES, lambda schools, shape: _measured(schools, shape, reports))


async def _measured(schools: Trust, shape: Shape, reports: int) -> list[Figure]:
    count = shape.processes
    async with schools.at_work(shape) as (url, bots):
        warming = 10 * count
        warm_up = await send_apart(Job(list(bots), warming))
        before = sum(map(cpu_seconds, bots.values()))
        sent = await send_apart(Job(list(bots), reports, in_flight=16 * count))
        spent = sum(map(cpu_seconds, bots.values())) - before
        await _each_is_kept_once(url, "incidents", warming + reports, warm_up, sent)
    floor = await _floor(schools, shape, reports)
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
        Figure("throughput", f"failed, {shape}", len(sent.failed), "", 0),
    ]


async def _floor(schools: Trust, shape: Shape, reports: int) -> Sent:
    count = shape.processes
    async with new_database(shape.kind, schools.folder) as url, AsyncExitStack() as stack:
        addresses = [(await stack.enter_async_context(bare(schools.slack.base_url, url)))[0] for _ in range(count)]
        warming = 10 * count
        warm_up = await send_apart(Job(addresses, warming, receipts=False))
        sent = await send_apart(Job(addresses, reports, in_flight=16 * count, receipts=False))
        await _each_is_kept_once(url, "floor", warming + reports, warm_up, sent)
    return sent


async def _each_is_kept_once(url: str, table: str, asked: int, *loads: Sent) -> None:
    """Everything that was answered as kept is there, and nothing twice: warming up counts. What was refused is shown."""
    for why in [why for sent in loads for why in sent.failed][:3]:
        print("failed:", why)
    kept = int(str((await rows(url, f"SELECT count(*) FROM {table}"))[0][0]))
    answered = sum(len(sent.second) for sent in loads)
    told = f"{kept} are kept, {answered} were answered as kept, and {asked} were sent, those of warming up among them"
    assert answered <= kept <= asked, told
