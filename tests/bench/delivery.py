"""From a report's commit to the first alert that Slack is sent, where nothing else goes on."""

import asyncio
import random
import sqlite3
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import uuid4

import aiohttp
import asyncpg
from slack_sdk.web.async_client import AsyncWebClient

from tests.bench.databases import kinds, moment, new_database, rows
from tests.bench.figures import Figure
from tests.bench.sent_by_slack import REPORTER, reporter, screens, signed
from tests.bench.slack import bot, slack_env, take_lists, workspace
from tests.bench.tools import Options, share
from tests.fakes.clock import PATIENCE_SECONDS
from tests.fakes.slack_server import FakeSlack

REPORTS = 60
GOAL_MS = 250
MEANS = (
    "One report after the other, with pauses. Time runs from the moment that stands in the report, just before its transaction"
    " begins, to the arrival of the alert's `chat.postMessage`: the commit itself is in it. The floor is one row committed to"
    " the same kind of database and one message posted to the same Slack."
)


async def measure(options: Options) -> list[Figure]:
    """On each database, by the real program in one process."""
    found: list[Figure] = []
    for kind in await kinds():
        with tempfile.TemporaryDirectory() as name:
            async with workspace() as slack, new_database(kind, Path(name)) as url:
                await take_lists(Path(name), url)
                took = await _alerted(options, slack, Path(name), url)
                floor = await _floor(slack, url, len(took))
        found += [
            Figure(
                "delivery",
                f"first alert, {part}, {kind}",
                share(took, of) * 1e3,
                "ms",
                goal,
                floor=share(floor, of) * 1e3,
                floor_name="one INSERT, one post",
                means=MEANS,
            )
            for part, of, goal in (("median", 0.5, None), ("p99", 0.99, GOAL_MS))
        ]
    return found


async def _alerted(options: Options, slack: FakeSlack, folder: Path, url: str) -> list[float]:
    """How long each report's first alert took. The first reports warm the program up, and do not count."""
    chance, warm_up = random.Random(2026), 3
    since_boot = time.time() - time.monotonic()
    async with bot(folder, slack_env(slack), url) as (address, _, _), aiohttp.ClientSession() as session:
        for n in range(options.of(REPORTS, 5) + warm_up):
            before = len(slack.calls)
            for body in screens(user=reporter(n)):
                async with session.post(f"{address}/slack/events", data=body, headers=signed(body)) as response:
                    assert response.status == 200, await response.text()
            await slack.until(lambda since=before: _alert_in(slack, since), "an alert", within=PATIENCE_SECONDS)  # type: ignore[misc]
            # The worker also looks by itself every second: a pause of any length meets it at any moment of that.
            await asyncio.sleep(chance.uniform(0.1, 0.5))
    first: dict[str, float] = {}
    kept = await rows(url, "SELECT reference, reported_at FROM incidents ORDER BY reference")
    for call in slack.calls_of("chat.postMessage"):
        if _is_alert(slack, str(call.arguments["channel"])):
            words = str(call.arguments)
            first |= {str(r): call.at + since_boot for r, _ in kept if str(r) in words and str(r) not in first}
    return [first[str(r)] - moment(at).timestamp() for r, at in kept[warm_up:]]


def _alert_in(slack: FakeSlack, since: int) -> bool:
    return any(c.method == "chat.postMessage" and _is_alert(slack, str(c.arguments["channel"])) for c in slack.calls[since:])


def _is_alert(slack: FakeSlack, place: str) -> bool:
    """The reporter is sent a receipt; everybody else an alert."""
    channel = slack.channels.get(place)
    return not ((channel.with_person if channel is not None else "") or place).startswith(REPORTER)


async def _floor(slack: FakeSlack, url: str, count: int) -> list[float]:
    """One durable row and one message, by the same libraries, so often."""
    took = []
    client = AsyncWebClient(token=slack.token, base_url=slack.base_url)
    async with _inserter(url) as insert:
        for _ in range(count):
            began = time.perf_counter()
            await insert()
            await client.chat_postMessage(channel="C0SAFE", text="an alert")
            took.append(time.perf_counter() - began)
            await asyncio.sleep(0.02)
    return took


@asynccontextmanager
async def _inserter(url: str) -> AsyncIterator[Callable[[], Awaitable[object]]]:
    table, row = "CREATE TABLE floor (id text PRIMARY KEY)", "INSERT INTO floor VALUES "
    if url.startswith("sqlite"):
        connection = sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute(table)

        async def insert() -> None:
            connection.execute(f"{row} (?)", (str(uuid4()),))

        yield insert
        connection.close()
        return
    postgres = await asyncpg.connect(url)
    await postgres.execute(table)
    yield lambda: postgres.execute(f"{row} ($1)", str(uuid4()))
    await postgres.close()
