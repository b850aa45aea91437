"""Told to stop, the real program finishes what is under way, takes nothing new, and is gone within ten seconds."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest_asyncio
from sqlalchemy import func, select

from bot.settings import DEMO_SCHOOLS as DEMO
from bot.stopping import STOP_SECONDS
from domain.people import Kind
from storage import tables as t
from storage.database import Database
from storage.people_files import carry_out, plan_import, read_people
from storage.school_files import load_schools
from storage.store import Store
from tests.bench.tools import free_port, until_ready
from tests.fakes.clock import A_TUESDAY_MORNING, PATIENCE_SECONDS
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

    async def start(self, **more: str) -> None:
        port = free_port()
        self.address = f"http://127.0.0.1:{port}"
        self.slack.bot_url = f"{self.address}/slack/events"
        settings = {
            "SLACK_BOT_TOKEN": self.slack.token,
            "SLACK_APP_TOKEN": self.slack.app_token,
            "SLACK_SIGNING_SECRET": self.slack.signing_secret,
            "SLACK_API_URL": self.slack.base_url,
            "ESAFETY_SLACK_MODE": "http",
            "ESAFETY_DATABASE_URL": self.url,
            "ESAFETY_SCHOOLS": str(self._schools),
            "PORT": str(port),
        }
        env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(Path(__file__).parents[2]), **settings, **more}
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
        database = Database(self.url)
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
        database = Database(database_url)
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
    """Slack is slow, the signal comes in the middle: the report is kept and its alert is sent, by this process or the next."""
    await program.start()
    await program.second_screen()
    program.slack.next_calls("chat.postMessage", 20, Slow(0.5))
    await program.teacher.submit()
    assert program.teacher.view is not None
    assert "CSS-" in program.teacher.view.shown
    await program.slack.until(lambda: program.slack.calls_of("chat.postMessage"), "an alert is on its way")
    began = time.monotonic()
    program.tell(signal.SIGTERM)
    status, said = await readyz(program.address)
    assert (status, said) == (503, "not ready\nstopping\n")
    async with aiohttp.ClientSession() as http, http.post(f"{program.address}/slack/events", data=b"{}") as refused:
        assert refused.status == 503
    code, log = await program.ended()
    assert code == 0, log
    assert time.monotonic() - began < STOP_SECONDS
    assert await program.reports_kept() == 1
    program.slack.no_more_faults()
    await program.start()
    dsl = next(p for p in program.slack.people.values() if p.email == CAST["dsl"])
    await program.slack.until(
        lambda: any("CSS-" in m.shown for m in program.slack.messages_in(program.slack.direct_channel(dsl.id).id)), "the alert"
    )
    program.tell(signal.SIGTERM)
    assert (await program.ended())[0] == 0


async def test_a_slack_that_never_answers_does_not_hold_it_up(program: Program) -> None:
    """What hangs is cut off; what it was about stands in the outbox, and the next process sends it."""
    await program.start()
    await program.second_screen()
    program.slack.next_calls("chat.postMessage", 20, Slow(60))
    await program.teacher.submit()
    await program.slack.until(lambda: program.slack.calls_of("chat.postMessage"), "an alert is on its way")
    began = time.monotonic()
    program.tell(signal.SIGTERM)
    code, log = await program.ended()
    assert code == 0, log
    assert time.monotonic() - began < STOP_SECONDS
    assert await program.reports_kept() == 1


async def test_a_second_signal_ends_it_at_once(program: Program) -> None:
    """Whoever presses Ctrl-C twice means it."""
    await program.start()
    await program.second_screen()
    program.slack.next_calls("chat.postMessage", 20, Slow(60))
    await program.teacher.submit()
    await program.slack.until(lambda: program.slack.calls_of("chat.postMessage"), "an alert is on its way")
    program.tell(signal.SIGINT)
    await program.slack.until(lambda: True, "a moment")
    while (await readyz(program.address))[0] != 503:
        pass
    began = time.monotonic()
    program.tell(signal.SIGINT)
    code, log = await program.ended()
    assert code == 128 + signal.SIGINT, log
    assert time.monotonic() - began < 2
