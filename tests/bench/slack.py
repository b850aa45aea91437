"""The Slack path as Slack walks it: what it sends, the program that answers, and what that costs beside a bare Bolt app."""

import sqlite3
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

from bot.settings import DEMO_SCHOOLS
from storage.school_files import load_schools
from tests.bench import teams
from tests.bench.databases import SQLITE, database_env, new_database, opened, rows
from tests.bench.figures import Figure
from tests.bench.sent_by_slack import REPORTER, REPORTERS, command, reporter, screens, signed
from tests.bench.tools import Options, burst, cpu_seconds, free_port, process, resident_mb
from tests.fakes.slack_server import FakeSlack
from tests.handlers.office import import_people
from tests.story.stage import BRUNEL, CAST, SAFEGUARDING, write_school

HELP_REQUESTS = 3000
REPORTS = 600


def slack_env(slack: FakeSlack) -> dict[str, str]:
    """The settings for one workspace over HTTP."""
    return {
        "SLACK_BOT_TOKEN": slack.token,
        "SLACK_SIGNING_SECRET": slack.signing_secret,
        "SLACK_API_URL": slack.base_url,
        "ESAFETY_SLACK_MODE": "http",
    }


def school_folder(folder: Path) -> Path:
    """The demo school with channels of the workspace."""
    return write_school(folder / "schools", "slack", {SAFEGUARDING: "C0SAFE", BRUNEL: "C0BRUNEL"})


@asynccontextmanager
async def workspace() -> AsyncIterator[FakeSlack]:
    """A workspace with the channels and the staff of the demo school."""
    async with FakeSlack() as slack:
        for channel in ("C0SAFE", "C0BRUNEL"):
            slack.add_channel(channel, [], channel_id=channel)
        for who, email in CAST.items():
            slack.add_user(who, email, user_id=REPORTER if who == "teacher" else "")
        for n in range(REPORTERS):
            slack.add_user(f"Reporter {n}", f"reporter.{n}@demo.example", user_id=reporter(n))
        yield slack


async def take_lists(folder: Path, url: str) -> None:
    """Puts the demo school's staff and pupils into a database."""
    (school,) = load_schools(school_folder(folder)).values()
    database = opened(url)
    await import_people(database, school, datetime.now(UTC))
    await database.close()


@asynccontextmanager
async def bot(folder: Path, extra: Mapping[str, str], url: str = "") -> AsyncIterator[tuple[str, int, float]]:
    """`esafety run` in a process of its own: its address, its process, and the seconds until it was ready.

    Without a `url` it has a database in the folder, and as no lists are in it, it says that its alerts would reach nobody.
    """
    port = free_port()
    settings = {
        **database_env(url or f"sqlite:///{folder / 'esafety.db'}"),
        "ESAFETY_SCHOOLS": str(school_folder(folder) if extra else DEMO_SCHOOLS),
        "ESAFETY_LOG_LEVEL": "ERROR",
        "PORT": str(port),
        **extra,
    }
    async with process(["-m", "bot", "run"], settings, folder, port, quiet=not url) as started:
        yield started


@asynccontextmanager
async def bare(api_url: str, url: str = "") -> AsyncIterator[tuple[str, int, float]]:
    """The floor: a bare Bolt app, that makes a form it is sent durable in a database if it is given one."""
    port = free_port()
    program = str(Path(__file__).parent / "bare_bolt.py")
    async with process([program, str(port), api_url, *([url] if url else [])], {}, Path.cwd(), port) as started:
        yield started


async def starts(options: Options) -> list[Figure]:
    """From `esafety run` to ready, and the memory it then holds; the second start of a database, as a restart is."""
    found: list[Figure] = []
    async with workspace() as slack:
        for name, extra in (("the console", {}), ("Slack", slack_env(slack)), ("Teams", teams.SOME_SETTINGS)):
            measured = []
            with tempfile.TemporaryDirectory() as folder:
                for _ in range(options.of(4, 2)):
                    async with bot(Path(folder), extra) as (_, pid, seconds):
                        measured.append((seconds, resident_mb(pid)))
            seconds = statistics.median(m[0] for m in measured[1:])
            found += [
                Figure("starts", f"ready with {name}", seconds, "s", 1.5),
                Figure("starts", f"memory with {name}", max(m[1] for m in measured), "MB", 150),
            ]
    return found


async def help_command(options: Options) -> list[Figure]:
    """A signed `/esafety help`, against a bare Bolt app that only acknowledges."""
    count = options.of(HELP_REQUESTS, 200)
    ours, floors = [], []
    with tempfile.TemporaryDirectory() as folder:
        async with (
            workspace() as slack,
            bot(Path(folder), slack_env(slack)) as (address, _, _),
            bare(slack.base_url) as (floor, _, _),
        ):
            for _ in range(options.rounds):
                bodies = [command("help", user=reporter(n)) for n in range(count)]
                floors.append(await burst(f"{floor}/slack/events", bodies, signed))
                ours.append(await burst(f"{address}/slack/events", bodies, signed))
    pairs = list(zip(ours, floors, strict=True))
    rate = statistics.median(o.per_second / b.per_second for o, b in pairs)
    tail = statistics.median(o.p99_ms / b.p99_ms for o, b in pairs)
    means = "Help is answered on the spot; the floor is a bare Bolt app, which only acknowledges."
    a_second, floor_rate = (statistics.median(x.per_second for x in loads) for loads in (ours, floors))
    p99, floor_p99 = (statistics.median(x.p99_ms for x in loads) for loads in (ours, floors))
    return [
        Figure("help", "/esafety help", a_second, "/s", floor=floor_rate, floor_name="bare Bolt", means=means),
        Figure("help", "/esafety help, p99", p99, "ms", floor=floor_p99, floor_name="bare Bolt"),
        Figure("help", "of bare Bolt's requests a second", rate * 100, "%", 60, at_least=True),
        Figure("help", "of bare Bolt's p99", tail, "x", 2),
    ]


async def reports(options: Options) -> list[Figure]:
    """The second screen by itself, answered once the report is durable on SQLite; and what the disk alone would allow."""
    count, rounds = options.of(REPORTS, 40), options.rounds
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        async with (
            workspace() as slack,
            new_database(SQLITE, folder) as database_url,
            _with_lists(folder, slack, database_url) as (address, pid, _),
        ):
            both = [screens(user=reporter(n)) for n in range(count * rounds)]
            url = f"{address}/slack/events"
            await burst(url, [first for first, _ in both], signed)
            loads, before = [], cpu_seconds(pid)
            for n in range(rounds):
                bodies = [second for _, second in both[n * count : (n + 1) * count]]
                loads.append(await burst(url, bodies, signed, lambda text: "CSS-20" in text))
            spent = cpu_seconds(pid) - before
            kept = (await rows(database_url, "SELECT count(*) FROM incidents"))[0][0]
        assert kept == count * rounds, f"{kept} reports are kept of {count * rounds}"
        commits = _commits_per_second(folder)
    rate = statistics.median(x.per_second for x in loads)
    tail = statistics.median(x.p99_ms for x in loads)
    means = "The floor is one row committed with synchronous=FULL, one after the other: what the disk alone allows."
    return [
        Figure(
            "reports",
            "second screens, SQLite",
            rate,
            "/s",
            200,
            at_least=True,
            floor=commits,
            floor_name="commits",
            means=means,
        ),
        Figure("reports", "second screens, p99", tail, "ms"),
        Figure("reports", "processor for each, alerts included", spent / (count * rounds) * 1e3, "ms"),
    ]


@asynccontextmanager
async def _with_lists(folder: Path, slack: FakeSlack, url: str) -> AsyncIterator[tuple[str, int, float]]:
    await take_lists(folder, url)
    async with bot(folder, slack_env(slack), url) as started:
        yield started


def _commits_per_second(folder: Path) -> float:
    connection = sqlite3.connect(folder / "floor.db", isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("CREATE TABLE t (x)")
    began = time.perf_counter()
    for n in range(500):
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("INSERT INTO t VALUES (?)", (n,))
        connection.execute("COMMIT")
    return 500 / (time.perf_counter() - began)
