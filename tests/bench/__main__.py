"""Measures, and prints each figure beside its floor and its goal. Numbers depend on the machine; the ratios are what counts."""

import asyncio
import json
import os
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlencode
from uuid import uuid4

from slack_sdk.signature import SignatureVerifier

from bot.settings import DEMO_SCHOOLS
from tests.bench import answers, teams
from tests.bench.tools import IN_FLIGHT, burst, cpu_seconds, free_port, process, resident_mb, show
from tests.fakes.slack_server import FakeSlack
from tests.story.stage import BRUNEL, SAFEGUARDING, write_school

HELP_REQUESTS = 3000
REPORTS = 600
ROUNDS = 3
SIGNER = SignatureVerifier("signing-secret")


async def main() -> None:
    """Runs every measurement in one go."""
    version = sys.version.split()[0]
    print(f"python {version}, {os.cpu_count()} processors, {IN_FLIGHT} in flight, median of {ROUNDS} rounds\n")
    answers.measure(ROUNDS)
    async with FakeSlack() as slack:
        for channel in ("C0SAFE", "C0BRUNEL"):
            slack.add_channel(channel, [], channel_id=channel)
        slack.add_user("Bench Teacher", "t.whitlock@demo.example", user_id="U0BENCH")
        await starts(slack)
        await help_command(slack)
        await reports(slack)
    await teams.measure(ROUNDS)


async def starts(slack: FakeSlack) -> None:
    """From `esafety run` to ready, and the memory it then holds; the second start of a database, as a restart is."""
    for name, extra in (("console", {}), ("Slack", _slack_env(slack)), ("Teams", teams.SOME_SETTINGS)):
        with tempfile.TemporaryDirectory() as folder:
            figures = []
            for _ in range(4):
                async with _bot(Path(folder), extra) as (_, pid, seconds):
                    figures.append((seconds, resident_mb(pid)))
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
                bare.append(await burst(f"{floor}/slack/events", bodies, _signed))
                ours.append(await burst(f"{address}/slack/events", bodies, _signed))
    rate = statistics.median(o.per_second / b.per_second for o, b in zip(ours, bare, strict=True))
    tail = statistics.median(o.p99_ms / b.p99_ms for o, b in zip(ours, bare, strict=True))
    show("/esafety help", ours)
    show("bare Bolt", bare)
    print(f"ratio            {rate:6.0%} of the requests a second (goal: >= 60 %), p99 {tail:.2f} x (goal: <= 2 x)\n")


async def reports(slack: FakeSlack) -> None:
    """A report sent through the Slack endpoint, answered once it is durable on SQLite; and what the disk alone would allow."""
    with tempfile.TemporaryDirectory() as folder:
        async with _bot(Path(folder), _slack_env(slack)) as (address, pid, _):
            kinds = [str(uuid4()) for _ in range(REPORTS * ROUNDS)]
            url = f"{address}/slack/events"
            first = await burst(url, [_submission("report_kind", draft, _KIND) for draft in kinds], _signed)
            loads, before = [], cpu_seconds(pid)
            for n in range(ROUNDS):
                drafts = kinds[n * REPORTS : (n + 1) * REPORTS]
                bodies = [_submission("report_detail", draft, _DETAIL) for draft in drafts]
                loads.append(await burst(url, bodies, _signed, _is_receipt))
            spent = cpu_seconds(pid) - before
        kept = sqlite3.connect(Path(folder) / "esafety.db").execute("SELECT count(*) FROM incidents").fetchone()[0]
        assert kept == REPORTS * ROUNDS, f"{kept} reports are kept of {REPORTS * ROUNDS}"
        commits = _commits_per_second(Path(folder))
    show("screen one", [first])
    show("report", loads)
    rate = statistics.median(x.per_second for x in loads)
    print(f"ratio            {rate:6.0f} reports a second (goal: >= 200), every one in the database,")
    print(f"                 {spent / (REPORTS * ROUNDS) * 1e3:.1f} ms of processor each, the alerts sent meanwhile included;")
    print(f"                 the disk alone: {commits:.0f} one-row commits a second with synchronous=FULL")


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
    port = free_port()
    schools = write_school(folder / "schools", "slack", {SAFEGUARDING: "C0SAFE", BRUNEL: "C0BRUNEL"}) if extra else DEMO_SCHOOLS
    settings = {
        "ESAFETY_DATABASE_URL": f"sqlite:///{folder / 'esafety.db'}",
        "ESAFETY_SCHOOLS": str(schools),
        "ESAFETY_LOG_LEVEL": "ERROR",
        "PORT": str(port),
        **extra,
    }
    async with process(["-m", "bot", "run"], settings, folder, port) as started:
        yield started


@asynccontextmanager
async def _bare(slack: FakeSlack) -> AsyncIterator[str]:
    port = free_port()
    program = str(Path(__file__).parent / "bare_bolt.py")
    async with process([program, str(port), slack.base_url], {}, Path.cwd(), port) as (address, _, _):
        yield address


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
