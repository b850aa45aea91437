"""Told to stop, the real program finishes what is under way, takes nothing new, and is gone within ten seconds."""

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio
from aiohttp import web
from sqlalchemy import func, select

from bot import stopping
from bot.settings import DEMO_SCHOOLS as DEMO
from bot.settings import Settings
from bot.stopping import STOP_SECONDS, Stopping
from bot.wiring import running
from cards.texts import say
from domain.people import Kind
from storage import tables as t
from storage.database import Database
from storage.people_files import carry_out, plan_import, read_people
from storage.school_files import load_schools
from storage.store import Store
from tests.bench.tools import free_port, until_ready
from tests.fakes.clock import A_TUESDAY_MORNING, PATIENCE_SECONDS
from tests.fakes.database_trouble import locked
from tests.fakes.keys import KEY, ring_for
from tests.fakes.slack_server import FakeSlack, Slow
from tests.fakes.slack_user import SlackUser
from tests.story.stage import BRUNEL, CAST, SAFEGUARDING, write_school

KIND = {"concern": "grooming", "about": "pupil", "danger": "no"}
DETAILS = {"what": "A stranger asked her to move to another app", "illegal": "no"}


class Program:
    """The program in a process of its own, in front of a fake Slack."""

    def __init__(self, slack: FakeSlack, database_url: str, teacher: SlackUser, schools: Path) -> None:
        self.slack = slack
        self.url = database_url
        self.teacher = teacher
        self._schools = schools
        self.address = ""
        self.process: asyncio.subprocess.Process | None = None

    @property
    def _environment(self) -> dict[str, str]:
        return {
            "SLACK_BOT_TOKEN": self.slack.token,
            "SLACK_APP_TOKEN": self.slack.app_token,
            "SLACK_SIGNING_SECRET": self.slack.signing_secret,
            "SLACK_API_URL": self.slack.base_url,
            "ESAFETY_SLACK_MODE": "http",
            "ESAFETY_DATABASE_URL": self.url,
            "ESAFETY_SCHOOLS": str(self._schools),
            **({} if self.url.startswith("sqlite") else {"ESAFETY_KEYS": KEY.line}),
        }

    @property
    def settings(self) -> Settings:
        """The same settings, for the program in this process."""
        return Settings.model_validate({**self._environment, "PORT": 0})

    async def start(self) -> None:
        port = free_port()
        self.address = f"http://127.0.0.1:{port}"
        self.slack.bot_url = f"{self.address}/slack/events"
        where = {"PATH": os.environ["PATH"], "PYTHONPATH": str(Path(__file__).parents[2]), "PORT": str(port)}
        env = {**self._environment, **where}
        self.process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "bot", "run", env=env, stderr=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.DEVNULL
        )
        await until_ready(self.address)

    def tell(self, number: signal.Signals) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    async def ended(self) -> tuple[int | None, str]:
        """How it ended, and what it said."""
        assert self.process is not None
        _, said = await asyncio.wait_for(self.process.communicate(), PATIENCE_SECONDS)
        return self.process.returncode, said.decode()

    async def reports_kept(self) -> int:
        database = Database(self.url, ring_for(self.url))
        async with database.begin(write=False) as connection:
            found = (await connection.execute(select(func.count()).select_from(t.incidents))).scalar_one()
        await database.close()
        return found

    async def second_screen(self) -> None:
        await self.teacher.command("/esafety report")
        await self.slack.until(lambda: self.teacher.view, "the form")
        await self.teacher.fill(None, KIND)
        await self.teacher.submit()
        await self.teacher.fill(None, DETAILS)


@pytest_asyncio.fixture
async def program(database_url: str, tmp_path: Path) -> AsyncIterator[Program]:
    """The demo school's lists are in the database; nothing runs yet."""
    async with FakeSlack() as slack:
        names = {p.email: p.name for p in read_people(DEMO / "staff.csv", Kind.STAFF).values()}
        users = {who: slack.add_user(names[email], email) for who, email in CAST.items()}
        channels = {name: slack.add_channel(name, [users["dsl"]], private=True) for name in (SAFEGUARDING, BRUNEL)}
        schools = write_school(tmp_path / "schools", "slack", channels)
        database = Database(database_url, ring_for(database_url))
        (school,) = load_schools(schools).values()
        async with Store(database).transaction(school) as records:
            people = read_people(DEMO / "staff.csv", Kind.STAFF)
            await carry_out(records, await plan_import(records, Kind.STAFF, people), A_TUESDAY_MORNING)
        await database.close()
        program = Program(slack, database_url, users["teacher"], schools)
        yield program
        if program.process is not None and program.process.returncode is None:
            program.process.kill()
            await program.process.communicate()


async def readyz(address: str) -> tuple[int, str]:
    async with aiohttp.ClientSession() as http, http.get(f"{address}/readyz") as answer:
        return answer.status, await answer.text()


async def test_a_report_under_way_is_finished_and_nothing_more_is_taken(program: Program) -> None:
    """Slack is slow and the signal comes in the middle: what was received is kept, and its alerts are sent, now or later."""
    await program.start()
    await program.second_screen()
    program.slack.next_calls("chat.postMessage", 20, Slow(0.3))
    await program.teacher.submit()
    assert program.teacher.view is not None
    assert "CSS-" in program.teacher.view.shown
    await program.slack.until(lambda: program.slack.begun["chat.postMessage"], "an alert is on its way")
    began = time.monotonic()
    program.tell(signal.SIGTERM)
    assert await readyz(program.address) == (503, "not ready\nstopping\n")
    async with aiohttp.ClientSession() as http, http.post(f"{program.address}/slack/events", data=b"{}") as refused:
        assert refused.status == 503
    code, log = await program.ended()
    assert code == 0, log
    assert time.monotonic() - began < STOP_SECONDS
    assert await program.reports_kept() == 1
    program.slack.no_more_faults()
    dsl = next(p.id for p in program.slack.people.values() if p.email == CAST["dsl"])
    async with running(program.settings):
        await program.slack.until(lambda: told(program.slack, dsl), "the alert")


def told(slack: FakeSlack, person: str) -> bool:
    return any("CSS-" in m.shown for m in slack.messages_in(slack.direct_channel(person).id))


async def test_a_locked_database_does_not_hold_it_up(program: Program) -> None:
    """Somebody writes and comes to no end, while alerts are on their way and a report comes in: it stops all the same."""
    await program.start()
    await program.second_screen()
    program.slack.next_calls("chat.postMessage", 20, Slow(0.3))
    await program.teacher.submit()
    await program.slack.until(lambda: program.slack.begun["chat.postMessage"], "an alert is on its way")
    database = Database(program.url, ring_for(program.url))
    async with locked(database):
        asking = asyncio.create_task(program.teacher.command("/esafety report"))
        began = time.monotonic()
        program.tell(signal.SIGTERM)
        code, log = await program.ended()
        assert code == 0, log
        assert time.monotonic() - began < STOP_SECONDS
    await asyncio.gather(asking, return_exceptions=True)
    await database.close()
    assert await program.reports_kept() == 1


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_a_second_signal_ends_it_at_once(program: Program) -> None:
    """Whoever presses Ctrl-C twice means it, whatever hangs. What was received is kept."""
    await program.start()
    await program.second_screen()
    program.slack.next_calls("chat.postMessage", 20, Slow(60))
    await program.teacher.submit()
    await program.slack.until(lambda: program.slack.begun["chat.postMessage"], "an alert is on its way")
    program.tell(signal.SIGINT)
    while (await readyz(program.address))[0] != 503:  # noqa: ASYNC110 - it is another process
        await asyncio.sleep(0.02)
    program.tell(signal.SIGINT)
    code, log = await program.ended()
    assert code == 128 + signal.SIGINT, log
    assert await program.reports_kept() == 1


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_a_slack_that_never_answers_does_not_hold_it_up(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    """What hangs is cut off when its time is over; what it was about stands in the outbox, and the next process sends it."""
    monkeypatch.setattr(stopping, "_DRAIN_SECONDS", 0.2)
    began = 0.0
    async with running(program.settings) as bot:
        bot.worker.drain = 0.1
        program.slack.bot_url = f"{bot.address}/slack/events"
        await program.second_screen()
        program.slack.next_calls("chat.postMessage", 20, Slow(60))
        await program.teacher.submit()
        await program.slack.until(lambda: program.slack.begun["chat.postMessage"], "an alert is on its way")
        began = time.monotonic()
    assert time.monotonic() - began < STOP_SECONDS
    database = Database(program.url, ring_for(program.url))
    async with database.begin(write=False) as connection:
        states = (await connection.execute(select(t.deliveries.c.state))).scalars().all()
    await database.close()
    assert states
    assert set(states) <= {"pending", "leased"}


async def test_steps_that_hang_or_fail_are_passed_over(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A connection that does not close, a task that does not end when told: each is named in the log, and none holds it up."""
    monkeypatch.setattr(stopping, "_DRAIN_SECONDS", 0.1)
    monkeypatch.setattr(stopping, "_CUT_SECONDS", 0.1)
    done = []

    async def hangs() -> None:
        await asyncio.Event().wait()

    async def breaks() -> None:
        raise RuntimeError("private words")

    async def ends() -> None:
        done.append(True)

    async def is_deaf() -> None:
        for _ in range(2):
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.Event().wait()

    down = Stopping(doors=[hangs], finishers=[breaks, ends])
    task = asyncio.create_task(is_deaf(), name="a deaf task")
    await asyncio.sleep(0)
    runner = web.AppRunner(web.Application())
    await stopping.take_down(down, [task], runner)
    assert done
    assert task.done()
    assert "cut off while stopping: connections" in caplog.text
    assert "cut off while stopping: a deaf task" in caplog.text
    assert "failed while stopping: answers: RuntimeError" in caplog.text
    assert "private words" not in caplog.text


async def test_requests_that_are_being_answered_are_waited_for() -> None:
    """The door lets nobody in any more, and those who are in get their answer; health is told to the end."""
    down = Stopping()
    go_on, is_in = asyncio.Event(), asyncio.Event()

    async def slow(_: web.Request) -> web.Response:
        is_in.set()
        await go_on.wait()
        return web.Response(text="done")

    async def health(_: web.Request) -> web.Response:
        return web.Response(text="health")

    app = web.Application(middlewares=[stopping.at_the_door(down)])
    app.add_routes([web.get("/slow", slow), web.get("/healthz", health)])
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    address = f"http://127.0.0.1:{runner.addresses[0][1]}"

    async def get(path: str) -> tuple[int, str]:
        async with aiohttp.ClientSession() as http, http.get(address + path) as answer:
            return answer.status, await answer.text()

    first = asyncio.create_task(get("/slow"))
    await is_in.wait()
    stop = asyncio.create_task(stopping.take_down(down, [], runner))
    await asyncio.sleep(0)
    status, said = await get("/slow")
    assert status == 503
    assert say("note.stopping") in said
    assert await get("/healthz") == (200, "health")
    go_on.set()
    assert await first == (200, "done")
    await stop


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_over_socket_mode_too_what_came_is_answered_and_then_the_connection_is_closed(program: Program) -> None:
    """The answer goes the way that the request came, so that way stays open for it; what comes later is not taken."""
    settings = Settings.model_validate({**program.settings.model_dump(by_alias=True), "ESAFETY_SLACK_MODE": "socket"})
    async with contextlib.AsyncExitStack() as stack:
        bot = await stack.enter_async_context(running(settings))
        await program.slack.until(lambda: program.slack.socket_count, "the bot connected")
        await program.second_screen()
        async with locked(bot.database):
            sending = asyncio.create_task(program.teacher.submit())
            await program.slack.until(lambda: bot.stopping.under_way, "it is being dealt with")
            stop = asyncio.create_task(stack.aclose())
            await program.slack.until(lambda: bot.stopping.began, "it is stopping")
        await sending
        assert program.teacher.view is not None
        assert "CSS-" in program.teacher.view.shown
        await stop
    await program.slack.until(lambda: not program.slack.socket_count, "the connection is closed")
