"""Measures, and prints each figure beside its floor and its goal. Numbers depend on the machine; the ratios are what counts."""

import asyncio
import json
import os
import socket
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode
from uuid import uuid4

import aiohttp
from slack_sdk.signature import SignatureVerifier

from bot.settings import DEMO_SCHOOLS
from tests.fakes.slack_server import FakeSlack
from tests.story.stage import BRUNEL, SAFEGUARDING, write_school

IN_FLIGHT = 16
HELP_REQUESTS = 3000
REPORTS = 600
ROUNDS = 3
SIGNER = SignatureVerifier("signing-secret")


@dataclass(frozen=True, slots=True)
class Load:
    """What one burst of requests came to."""

    per_second: float
    median_ms: float
    p99_ms: float


async def main() -> None:
    """Runs every measurement in one go."""
    version = sys.version.split()[0]
    print(f"python {version}, {os.cpu_count()} processors, {IN_FLIGHT} in flight, median of {ROUNDS} rounds\n")
    async with FakeSlack() as slack:
        for channel in ("C0SAFE", "C0BRUNEL"):
            slack.add_channel(channel, [], channel_id=channel)
        slack.add_user("Bench Teacher", "t.whitlock@demo.example", user_id="U0BENCH")
        await starts(slack)
        await help_command(slack)
        await reports(slack)


async def starts(slack: FakeSlack) -> None:
    """From `esafety run` to ready, and the memory it then holds; the second start of a database, as a restart is."""
    for name, extra in (("console", {}), ("Slack", _slack_env(slack))):
        with tempfile.TemporaryDirectory() as folder:
            figures = []
            for _ in range(4):
                async with _bot(Path(folder), extra) as (_, pid, seconds):
                    figures.append((seconds, _resident_mb(pid)))
        first, again = figures[0], figures[1:]
        seconds = statistics.median(f[0] for f in again)
        memory = max(f[1] for f in figures)
        print(f"ready, {name:8} {seconds:6.2f} s (first start {first[0]:.2f} s), {memory:4.0f} MB   goal: <= 1.5 s, <= 150 MB")
    print()


async def help_command(slack: FakeSlack) -> None:
    """A signed `/esafety help`, against a bare Bolt app that only acknowledges."""
    bodies = [
        _form({**_SENDER, "command": "/esafety", "text": "help", "response_url": "", "trigger_id": "1.1"})
    ] * HELP_REQUESTS
    ours, bare = [], []
    with tempfile.TemporaryDirectory() as folder:
        async with _bot(Path(folder), _slack_env(slack)) as (address, _, _), _bare(slack) as floor:
            for _ in range(ROUNDS):
                bare.append(await _burst(f"{floor}/slack/events", bodies))
                ours.append(await _burst(f"{address}/slack/events", bodies))
    rate = statistics.median(o.per_second / b.per_second for o, b in zip(ours, bare, strict=True))
    tail = statistics.median(o.p99_ms / b.p99_ms for o, b in zip(ours, bare, strict=True))
    _print("/esafety help", ours)
    _print("bare Bolt", bare)
    print(f"ratio            {rate:6.0%} of the requests a second (goal: >= 60 %), p99 {tail:.2f} x (goal: <= 2 x)\n")


async def reports(slack: FakeSlack) -> None:
    """A report sent through the Slack endpoint, answered once it is durable on SQLite; and what the disk alone would allow."""
    with tempfile.TemporaryDirectory() as folder:
        async with _bot(Path(folder), _slack_env(slack)) as (address, pid, _):
            kinds = [str(uuid4()) for _ in range(REPORTS * ROUNDS)]
            url = f"{address}/slack/events"
            first = await _burst(url, [_submission("report_kind", draft, _KIND) for draft in kinds])
            loads, before = [], _cpu_seconds(pid)
            for n in range(ROUNDS):
                drafts = kinds[n * REPORTS : (n + 1) * REPORTS]
                loads.append(await _burst(url, [_submission("report_detail", draft, _DETAIL) for draft in drafts], _is_receipt))
            spent = _cpu_seconds(pid) - before
        kept = sqlite3.connect(Path(folder) / "esafety.db").execute("SELECT count(*) FROM incidents").fetchone()[0]
        assert kept == REPORTS * ROUNDS, f"{kept} reports are kept of {REPORTS * ROUNDS}"
        commits = _commits_per_second(Path(folder))
    _print("screen one", [first])
    _print("report", loads)
    rate = statistics.median(x.per_second for x in loads)
    print(f"ratio            {rate:6.0f} reports a second (goal: >= 200), every one in the database,")
    print(f"                 {spent / (REPORTS * ROUNDS) * 1e3:.1f} ms of processor each, the alerts sent meanwhile included;")
    print(f"                 the disk alone: {commits:.0f} one-row commits a second with synchronous=FULL")


def _print(name: str, loads: list[Load]) -> None:
    rate, middle, tail = (statistics.median(getattr(x, f) for x in loads) for f in ("per_second", "median_ms", "p99_ms"))
    print(f"{name:16} {rate:6.0f} a second, median {middle:6.2f} ms, p99 {tail:6.2f} ms")


async def _burst(url: str, bodies: list[str], right: Callable[[str], bool] = lambda _: True) -> Load:
    """Sends the bodies, so many at a time."""
    waiting = iter(bodies)
    times: list[float] = []
    async with aiohttp.ClientSession() as session:

        async def sender() -> None:
            for body in waiting:
                headers = _signed(body)
                began = time.perf_counter()
                async with session.post(url, data=body, headers=headers) as response:
                    text = await response.text()
                times.append(time.perf_counter() - began)
                assert response.status == 200, (response.status, text)
                assert right(text), text[:500]

        began = time.perf_counter()
        await asyncio.gather(*(sender() for _ in range(IN_FLIGHT)))
        took = time.perf_counter() - began
    times.sort()
    return Load(len(times) / took, statistics.median(times) * 1e3, times[int(len(times) * 0.99)] * 1e3)


def _signed(body: str) -> Mapping[str, str]:
    stamp = str(int(time.time()))
    signature = SIGNER.generate_signature(timestamp=stamp, body=body) or ""
    return {
        "X-Slack-Request-Timestamp": stamp,
        "X-Slack-Signature": signature,
        "Content-Type": "application/x-www-form-urlencoded",
    }


def _is_receipt(text: str) -> bool:
    return "CSS-20" in text


_SENDER = {"team_id": "T00000001", "user_id": "U0BENCH", "channel_id": "C1", "api_app_id": "A1"}


def _form(values: Mapping[str, str]) -> str:
    return urlencode(values)


def _submission(form: str, draft: str, values: Mapping[str, object]) -> str:
    blocks = [{"type": "input", "block_id": name, "label": {"type": "plain_text", "text": name}} for name in values]
    state = {"values": {name: {name: value} for name, value in values.items()}}
    view = {
        "id": "V1",
        "type": "modal",
        "callback_id": form,
        "private_metadata": draft,
        "blocks": blocks,
        "state": state,
        "hash": "1",
    }
    user = {"id": "U0BENCH", "username": "bench", "team_id": "T00000001"}
    payload = {
        "type": "view_submission",
        "team": {"id": "T00000001", "domain": "bench"},
        "user": user,
        "view": view,
        "trigger_id": "1.1",
    }
    return urlencode({"payload": json.dumps(payload)})


def _chosen(value: str) -> object:
    return {"type": "static_select", "selected_option": {"value": value, "text": {"type": "plain_text", "text": value}}}


_KIND = {"concern": _chosen("cyberbullying"), "about": _chosen("pupil"), "danger": _chosen("no")}
_NAMES = [{"value": f"text:{n}", "text": {"type": "plain_text", "text": n}} for n in ("Somebody Typed", "Another Typed")]
_DETAIL: Mapping[str, object] = {
    "targets": {"type": "multi_external_select", "selected_options": _NAMES},
    "what": {"type": "plain_text_input", "value": "What was seen, in about as many words as people write. " * 6},
    "illegal": _chosen("no"),
    "repeat": _chosen("no"),
    "house": _chosen("Brunel"),
}


def _slack_env(slack: FakeSlack) -> dict[str, str]:
    return {
        "SLACK_BOT_TOKEN": slack.token,
        "SLACK_SIGNING_SECRET": slack.signing_secret,
        "SLACK_API_URL": slack.base_url,
        "ESAFETY_SLACK_MODE": "http",
    }


@asynccontextmanager
async def _bot(folder: Path, extra: Mapping[str, str]) -> AsyncIterator[tuple[str, int, float]]:
    """`esafety run` in a process of its own: its address, its process, and the seconds until it was ready."""
    port = _free_port()
    schools = write_school(folder / "schools", "slack", {SAFEGUARDING: "C0SAFE", BRUNEL: "C0BRUNEL"}) if extra else DEMO_SCHOOLS
    settings = {
        "ESAFETY_DATABASE_URL": f"sqlite:///{folder / 'esafety.db'}",
        "ESAFETY_SCHOOLS": str(schools),
        "ESAFETY_LOG_LEVEL": "ERROR",
        "PORT": str(port),
        **extra,
    }
    async with _process(["-m", "bot", "run"], settings, folder, port) as started:
        yield started


@asynccontextmanager
async def _bare(slack: FakeSlack) -> AsyncIterator[str]:
    port = _free_port()
    program = str(Path(__file__).parent / "bare_bolt.py")
    async with _process([program, str(port), slack.base_url], {}, Path.cwd(), port) as (address, _, _):
        yield address


@asynccontextmanager
async def _process(
    command: list[str], settings: Mapping[str, str], folder: Path, port: int
) -> AsyncIterator[tuple[str, int, float]]:
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("SLACK_", "ESAFETY_"))}
    env = {**clean, "PYTHONPATH": str(Path(__file__).parents[2]), **settings}
    began = time.perf_counter()
    process = await asyncio.create_subprocess_exec(
        sys.executable, *command, env=env, cwd=folder, stdout=asyncio.subprocess.DEVNULL
    )
    address = f"http://127.0.0.1:{port}"
    try:
        await _until_ready(address)
        yield address, process.pid, time.perf_counter() - began
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def _until_ready(address: str) -> None:
    async with aiohttp.ClientSession() as session:
        for _ in range(1500):
            try:
                async with session.get(f"{address}/readyz") as response:
                    if response.status == 200:
                        return
            except aiohttp.ClientError:
                pass
            await asyncio.sleep(0.01)
    raise AssertionError("it never became ready")


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def _resident_mb(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) / 1024


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


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


if __name__ == "__main__":
    asyncio.run(main())
