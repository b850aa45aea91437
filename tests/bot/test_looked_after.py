"""What the program does by itself now and then, while others are writing to its database."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import insert, select

from bot import wiring
from domain.people import Platform
from storage import database as database_module
from storage import tables as t
from storage.database import Database
from storage.housekeeping import tidy
from tests.fakes.clock import PATIENCE_SECONDS, FakeClock
from tests.fakes.database_trouble import locked


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits long for a lock that is never given back, nor for what is tried again."""
    monkeypatch.setattr(database_module, "PATIENCE_SECONDS", 0.2)
    monkeypatch.setattr(wiring, "_AGAIN_SECONDS", 0.05)


async def remembered(database: Database) -> set[str]:
    """The events that are not forgotten."""
    async with database.begin(write=False) as connection:
        return set((await connection.execute(select(t.seen_events.c.event_id))).scalars())


async def test_what_found_the_database_busy_is_done_soon_after(
    database: Database, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    """Due once an hour, it fails, and is done as soon as nobody else writes. What fails for one school holds up no other."""
    long_ago = clock.now() - timedelta(days=400)
    async with database.begin() as connection:
        await connection.execute(insert(t.seen_events).values(platform=Platform.SLACK, event_id="old", at=long_ago))
    failed, done = asyncio.Event(), asyncio.Event()

    async def forget() -> None:
        await tidy(database, clock.now())
        done.set()

    async def the_other() -> None:
        failed.set()

    works = {"one": forget, "another": the_other}
    async with locked(database):
        looking = asyncio.create_task(wiring._for_ever(3600, "what is old could not be forgotten", works))
        await asyncio.wait_for(failed.wait(), PATIENCE_SECONDS)
        assert "one: what is old could not be forgotten; it is tried again" in caplog.text
        assert await remembered(database) == {"old"}
    await asyncio.wait_for(done.wait(), PATIENCE_SECONDS)
    looking.cancel()
    await asyncio.gather(looking, return_exceptions=True)
    assert await remembered(database) == set()
