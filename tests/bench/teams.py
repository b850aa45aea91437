"""What Teams costs: an alert acknowledged by a button, against the library's own echo, and forty slow sends at once."""

import asyncio
import json
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Mapping
from itertools import cycle
from pathlib import Path
from typing import Any

import yaml

from bot.desk import Desk
from bot.replies import ShowForm
from bot.running import Bot
from bot.settings import DEMO_SCHOOLS, ConsoleMode, Settings
from bot.wiring import SystemClock, running
from bot.worker import Worker
from cards.messages import ACKNOWLEDGE
from domain.messages import WithdrawnMessage
from domain.people import Account, Address, AddressKind, Kind, Person, Platform, School
from handlers.ports import Ports
from storage.answering import Answers
from storage.people_files import carry_out, plan_import, read_people
from storage.records import new_id, next_id
from storage.school_files import load_schools
from storage.store import Store
from tests.bench.databases import opened
from tests.bench.figures import Figure
from tests.bench.tools import Options, burst, free_port, process
from tests.fakes.clock import PATIENCE_SECONDS
from tests.fakes.teams_server import SENDS, FakeTeams
from tests.fakes.teams_user import TeamsUser

ALERTS = 200
SLOW_SENDS, SLOW_SECONDS = 40, 1.0
SCHOOL = "chipping-sodbury"

SOME_SETTINGS: Mapping[str, str] = {
    "MICROSOFT_APP_ID": "7f1e3c52-0f6e-4a7e-9c53-0d7a54f0a001",
    "MICROSOFT_APP_PASSWORD": "secret",
    "MICROSOFT_APP_TENANT_ID": "5c0d6a1e-2a37-4b58-8f0e-6f5f0f5ea002",
}
_HEADS = tuple(f"head.{n}@demo.example" for n in range(20))
_DETAILS: Mapping[str, str | tuple[str, ...]] = {
    "targets": ("text:Somebody Typed",),
    "what": "What was seen, in about as many words as people write. " * 6,
    "illegal": "no",
    "repeat": "no",
    "house": "Brunel",
}


async def measure(options: Options) -> list[Figure]:
    """Runs both."""
    return [*await acknowledgements(options.rounds, options.of(ALERTS, 20)), *await slow_sends()]


async def acknowledgements(rounds: int, count: int) -> list[Figure]:
    """Each press acknowledges an alert of its own, durably, and is answered with what the presser sees."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        async with FakeTeams() as fake:
            heads = [fake.add_user(f"Head {n}", email) for n, email in enumerate(_HEADS)]
            url, schools = f"sqlite:///{folder / 'esafety.db'}", _with_many_heads(folder / "schools")
            await _reported(url, schools, count * rounds)
            port, floor_port = free_port(), free_port()
            env = {**fake.settings, "ESAFETY_DATABASE_URL": url, "ESAFETY_SCHOOLS": str(schools), "PORT": str(port)}
            floor = [str(Path(__file__).parent / "bare_botbuilder.py"), str(floor_port), json.dumps(fake.settings)]
            ours, bare = [], []
            async with (
                process(["-m", "bot", "run"], {**env, "ESAFETY_LOG_LEVEL": "ERROR"}, folder, port) as (address, _, _),
                process(floor, {}, folder, floor_port) as (floor_address, _, _),
            ):
                fake.bot_url = f"{address}/api/messages"
                for head in heads:
                    await head.install()
                await _until_sent(folder)
                alerts = [row[0] for row in _rows(folder, "SELECT id FROM alerts WHERE role = 'head_of_house'")]
                headers = {"Authorization": f"Bearer {fake.token()}", "Content-Type": "application/json"}
                for n in range(rounds):
                    pressed = zip(cycle(heads), alerts[n * count : (n + 1) * count], strict=False)
                    bodies = [_press(head, alert) for head, alert in pressed]
                    bare.append(await burst(f"{floor_address}/api/messages", bodies, lambda _: headers))
                    ours.append(await burst(f"{address}/api/messages", bodies, lambda _: headers, _is_taken))
            (taken,) = _rows(folder, "SELECT count(*) FROM alerts WHERE state = 'acknowledged'")
            assert taken[0] == count * rounds, f"{taken[0]} alerts are acknowledged of {count * rounds}"
    rate = statistics.median(o.per_second / b.per_second for o, b in zip(ours, bare, strict=True))
    tail = statistics.median(o.p99_ms / b.p99_ms for o, b in zip(ours, bare, strict=True))
    a_second, floor_rate = (statistics.median(x.per_second for x in loads) for loads in (ours, bare))
    p99, floor_p99 = (statistics.median(x.p99_ms for x in loads) for loads in (ours, bare))
    means = "Ours acknowledges in the database and changes every copy; the floor is the library's own echo, which does nothing."
    return [
        Figure(
            "teams",
            "Acknowledge by Action.Execute",
            a_second,
            "/s",
            floor=floor_rate,
            floor_name="bare botbuilder",
            means=means,
        ),
        Figure("teams", "Acknowledge by Action.Execute, p99", p99, "ms", floor=floor_p99, floor_name="bare botbuilder"),
        Figure("teams", "of the echo's requests a second", rate * 100, "%", 60, at_least=True),
        Figure("teams", "of the echo's p99", tail, "x"),
    ]


async def slow_sends() -> list[Figure]:
    """How long messages take of which each takes Teams a second: through the worker, and by the messenger alone."""
    with tempfile.TemporaryDirectory() as name:
        async with FakeTeams() as fake:
            people = [fake.add_user(f"Teacher {n}", f"teacher.{n}@demo.example") for n in range(SLOW_SENDS)]
            settings = Settings(
                **fake.settings,
                ESAFETY_DATABASE_URL=f"sqlite:///{Path(name) / 'esafety.db'}",
                ESAFETY_SCHOOLS=DEMO_SCHOOLS,
                ESAFETY_CONSOLE=ConsoleMode.OFF,
                PORT=0,
            )
            async with running(settings) as bot:
                fake.bot_url = f"{bot.address}/api/messages"
                (school,) = bot.schools.values()
                await _import(Store(bot.database), school)
                for one in people:
                    await one.install()
                await _end_worker(bot)
                for one in people:
                    await _report(next(iter(bot.desks.values())), one.id, 1)
                fake.calls.clear()
                fake.delay = SLOW_SECONDS
                took = await _until_sent_by(_another(bot.worker), fake)
                messenger, said = bot.worker.messengers[Platform.TEAMS], WithdrawnMessage("CSS-2026-0001")
                places = [Address(Platform.TEAMS, AddressKind.USER, one.id) for one in people]
                began = time.perf_counter()
                await asyncio.gather(*(messenger.send(school, place, said) for place in places))
                alone = time.perf_counter() - began
    means = (
        f"The messages of the last two lines go to {SLOW_SENDS} people, and take Teams a second each;"
        f" {fake.busiest} were on their way at once."
    )
    return [
        Figure("teams", f"{SLOW_SENDS} slow sends", alone, "s", 2, floor=SLOW_SECONDS, floor_name="one of them", means=means),
        Figure("teams", f"{SLOW_SENDS} slow sends out of the outbox", took, "s", floor=SLOW_SECONDS, floor_name="one of them"),
    ]


async def _end_worker(bot: Bot) -> None:
    """Nothing is sent from now on."""
    running_one = next(task for task in bot.tasks if task.get_name() == "worker")
    bot.tasks.remove(running_one)
    running_one.cancel()
    await asyncio.wait([running_one])


def _another(worker: Worker) -> Worker:
    """One that has ended takes nothing any more, whoever calls it."""
    return Worker(worker.ports, worker.schools, worker.outbox, worker.messengers, asyncio.Event())


async def _until_sent_by(worker: Worker, fake: FakeTeams) -> float:
    began = time.perf_counter()
    working = asyncio.create_task(worker.run())
    try:
        await fake.until(lambda: len(fake.calls_of(*SENDS)) >= SLOW_SENDS, "the receipts", within=PATIENCE_SECONDS)
        return time.perf_counter() - began
    finally:
        working.cancel()
        await asyncio.wait([working])


def _with_many_heads(folder: Path) -> Path:
    """The demo school with many who may answer for one house: the bot takes only so much of one person."""
    demo = yaml.safe_load((DEMO_SCHOOLS / f"{SCHOOL}.yaml").read_text())
    demo["roles"]["head_of_house"]["Brunel"] = [*_HEADS]
    folder.mkdir()
    (folder / f"{SCHOOL}.yaml").write_text(yaml.safe_dump(demo))
    return folder


async def _reported(url: str, schools: Path, count: int) -> None:
    """A database with so many reports in it, each alerting the Heads of House."""
    database = opened(url)
    await database.migrate()
    store, (school,) = Store(database), load_schools(schools).values()
    await _import(store, school)
    ports = Ports(store, SystemClock(), frozenset({Platform.TEAMS}), new_id, next_id, lambda: None, Answers())
    await _report(Desk(ports, school), "nobody", count)
    await database.close()


async def _report(desk: Desk, user_id: str, count: int) -> None:
    """Reports so often in somebody's name. Each gives them a receipt, if they are in Teams, and alerts one person."""
    account = Account(Platform.TEAMS, user_id)
    kind = {"concern": "cyberbullying", "about": "pupil", "danger": "no"}
    for _ in range(count):
        first = await desk.begin_report(account, fresh=True)
        assert isinstance(first, ShowForm), first
        await desk.submit(account, first.form.id, first.form.state, kind)
        sent = await desk.submit(account, "report_detail", first.form.state, _DETAILS)
        assert isinstance(sent, ShowForm), sent


async def _import(store: Store, school: School) -> None:
    async with store.transaction(school) as records:
        for kind, name in ((Kind.STAFF, "staff.csv"), (Kind.PUPIL, "pupils.csv")):
            people = read_people(DEMO_SCHOOLS / name, kind)
            if kind is Kind.STAFF:
                people |= {email: Person(new_id(), kind, f"Head {n}", email) for n, email in enumerate(_HEADS)}
            await carry_out(records, await plan_import(records, kind, people), SystemClock().now())


async def _until_sent(folder: Path) -> None:
    """Waits until the alerts themselves are out, so that what is measured is the pressing."""
    for _ in range(1200):
        if not _rows(folder, "SELECT 1 FROM deliveries WHERE state IN ('pending', 'leased') LIMIT 1"):
            return
        await asyncio.sleep(0.05)
    raise AssertionError("the alerts never went out")


def _rows(folder: Path, query: str) -> list[tuple[Any, ...]]:
    with sqlite3.connect(folder / "esafety.db") as connection:
        return connection.execute(query).fetchall()


def _press(user: TeamsUser, alert: str) -> str:
    data = {"action": ACKNOWLEDGE, "value": alert, "school": SCHOOL}
    action = {"type": "Action.Execute", "verb": ACKNOWLEDGE, "data": data}
    return json.dumps(
        user.activity("invoke", user.chat, name="adaptiveCard/action", value={"action": action, "trigger": "manual"})
    )


def _is_taken(text: str) -> bool:
    return "yours now" in text
