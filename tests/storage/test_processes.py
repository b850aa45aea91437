"""What several processes on one PostgreSQL share: the time, and the news that something is due."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import pytest_asyncio
from sqlalchemy import text

from storage import processes
from storage.database import Database
from storage.processes import Doorbell, SharedClock
from tests.conftest import new_database
from tests.fakes.clock import PATIENCE_SECONDS


@pytest_asyncio.fixture
async def postgres(tmp_path: Path) -> AsyncIterator[Database]:
    async with new_database("postgresql", tmp_path) as url:
        database = Database(url)
        yield database
        await database.close()


async def test_everybody_goes_by_the_databases_clock(postgres: Database) -> None:
    """Two machines whose own clocks are hours out agree with the database, and so with each other."""
    one, other = SharedClock(postgres), SharedClock(postgres)
    one._at_first += timedelta(hours=3)
    other._at_first = datetime(2020, 1, 1, tzinfo=UTC)
    await one.compare()
    await other.compare()
    async with postgres.begin(write=False) as connection:
        told = (await connection.execute(text("SELECT clock_timestamp()"))).scalar_one()
    assert abs(one.now() - told) < timedelta(seconds=PATIENCE_SECONDS)
    assert abs(one.now() - other.now()) < timedelta(seconds=1)


async def test_a_bell_is_heard_in_every_process_and_after_the_database_was_away(
    postgres: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One process has written something that is due: the others wake. A lost connection is made again."""
    monkeypatch.setattr(processes, "_AGAIN_AFTER_SECONDS", 0.01)
    here, there = asyncio.Event(), asyncio.Event()
    mine, theirs = Doorbell(postgres, here), Doorbell(postgres, there)
    tasks = [asyncio.create_task(mine.run()), asyncio.create_task(theirs.run())]
    try:
        for _ in range(2):
            there.clear()
            async with asyncio.timeout(PATIENCE_SECONDS):
                while not there.is_set():
                    mine.ring()
                    assert here.is_set()
                    await asyncio.sleep(0.02)
            async with postgres.begin() as connection:
                await connection.execute(
                    text(
                        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                        " WHERE datname = current_database() AND pid <> pg_backend_pid() AND query LIKE '%esafety_due%'"
                    )
                )
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
