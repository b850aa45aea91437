"""/readyz says in a line each what is the matter, and nothing that would hurt if the whole town read it."""

import asyncio
from datetime import datetime
from pathlib import Path

import aiohttp
import pytest

from bot import readiness
from bot.readiness import Check, heartbeat, look
from bot.settings import DEMO_SCHOOLS, ConsoleMode, Settings
from bot.wiring import running
from storage import health as health_module
from storage.database import Database
from storage.health import DatabaseHealth
from tests.conftest import sqlite_at
from tests.fakes.clock import FakeClock


async def fine() -> str:
    return ""


async def ill() -> str:
    return "no good"


async def breaks() -> str:
    raise RuntimeError("what somebody wrote")


async def hangs() -> str:
    await asyncio.Event().wait()
    return ""


async def test_one_that_is_ill_makes_it_not_ready_and_a_warning_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every check is looked at, also when another breaks or never ends."""
    monkeypatch.setattr(readiness, "_LONGEST_LOOK_SECONDS", 0.05)
    assert str(await look([])) == "ready\n"
    assert str(await look([Check("a", fine), Check("room", ill, only_warns=True)])) == "ready\nwarning: room: no good\n"
    found = await look([Check("a", fine), Check("b", ill), Check("c", breaks), Check("d", hangs)])
    assert not found.ready
    assert str(found).splitlines() == [
        "not ready",
        "b: no good",
        "c: cannot be told (RuntimeError)",
        "d: cannot be told within 0 seconds",
    ]


async def test_a_heart_that_has_stopped_for_a_minute(clock: FakeClock) -> None:
    """It has a minute to begin to beat; what beats again is well again."""
    beats: list[datetime] = []
    check = heartbeat("worker", clock, lambda: beats[-1] if beats else None)
    assert await check.look() == ""
    clock.advance(seconds=61)
    assert await check.look() == "no sign of life for 61 seconds"
    beats.append(clock.now())
    assert await check.look() == ""
    clock.advance(seconds=60)
    assert await check.look() == ""


async def test_little_room_is_a_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Below what is spare it is said, and the bot goes on; a database on a server sees to itself."""
    database = Database(sqlite_at(tmp_path / "esafety.db"))
    await database.migrate()
    assert DatabaseHealth(database).little_room() is None
    monkeypatch.setattr(health_module, "SPARE_BYTES", 1024**5)
    found = await look(readiness.database_checks(DatabaseHealth(database)))
    assert found.ready
    assert "MB are free: make room" in str(found)
    assert DatabaseHealth(Database("postgresql://root@127.0.0.1/test")).little_room() is None
    await database.close()


async def test_the_program_says_which_part_has_stopped(tmp_path: Path, clock: FakeClock) -> None:
    """Whoever brings a check of their own is asked too; the program itself still lives."""
    settings = Settings(
        ESAFETY_CONSOLE=ConsoleMode.ON,
        ESAFETY_DATABASE_URL=sqlite_at(tmp_path / "esafety.db"),
        ESAFETY_SCHOOLS=DEMO_SCHOOLS,
        PORT=0,
    )
    async with running(settings, clock) as bot, aiohttp.ClientSession() as http:

        async def get(path: str) -> tuple[int, str]:
            async with http.get(bot.address + path) as answer:
                return answer.status, await answer.text()

        bot.checks.append(Check("mine", ill))
        status, said = await get("/readyz")
        assert status == 503
        assert "mine: no good" in said.splitlines()
        assert await get("/healthz") == (200, "ok\n")
        bot.checks.pop()
        bot.stopping.begin()
        assert await get("/readyz") == (503, "not ready\nstopping\n")
        assert (await get("/healthz"))[0] == 200
        assert (await get("/console/"))[0] == 503
