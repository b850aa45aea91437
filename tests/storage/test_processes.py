"""What several processes on one PostgreSQL share: the time, and the news that something is due."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import pytest_asyncio
from asyncpg import InternalClientError
from sqlalchemy import event, text
from sqlalchemy.dialects.postgresql.asyncpg import AsyncAdapt_asyncpg_dbapi

from storage import database as database_module
from storage import processes
from storage.database import Database
from storage.processes import Doorbell, SharedClock
from tests.conftest import new_database
from tests.fakes.clock import PATIENCE_SECONDS


@pytest_asyncio.fixture
async def postgres(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Database]:
    # On a busy machine to connect alone may take longer than anybody waits for in the program.
    monkeypatch.setattr(database_module, "PATIENCE_SECONDS", PATIENCE_SECONDS)
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


@pytest.mark.parametrize("query", ["?ssl=prefer", "?prepared_statement_cache_size=0", "?command_timeout=20"])
async def test_the_bell_is_heard_with_whatever_the_url_says(postgres: Database, query: str) -> None:
    """What may stand in the URL for the records' own connections serves the bell's as well."""
    url = postgres.url.set(drivername="postgresql").render_as_string(hide_password=False)
    database, bell = Database(f"{url}{query}"), asyncio.Event()
    doorbell = Doorbell(database, bell)
    running = asyncio.create_task(doorbell.run())
    other = asyncio.create_task(Doorbell(postgres, heard := asyncio.Event()).run())
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not heard.is_set():
                doorbell.ring()
                await asyncio.sleep(0.02)
    finally:
        for task in (running, other):
            task.cancel()
        await asyncio.gather(running, other, return_exceptions=True)
        await database.close()


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


@pytest.mark.parametrize(
    "error",
    [AsyncAdapt_asyncpg_dbapi.InternalServerError, InternalClientError, KeyError],
    ids=["of the adapter", "of the driver", "of nobody's"],
)
async def test_nothing_that_a_connection_raises_ends_the_bell(
    postgres: Database, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, error: type[Exception]
) -> None:
    """Its task is one of those without which the program stops: it tries again, and is heard."""
    monkeypatch.setattr(processes, "_AGAIN_AFTER_SECONDS", 0.01)
    refused = 0

    @event.listens_for(postgres.engine.sync_engine, "connect")
    def refuse(*_: object) -> None:
        nonlocal refused
        refused += 1
        if refused <= 3:
            raise error("private words")

    doorbell = Doorbell(postgres, bell := asyncio.Event())
    doorbell.ring()
    bell.clear()
    running = asyncio.create_task(doorbell.run())
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            await bell.wait()
        assert refused > 3
        assert not running.done()
        assert error.__name__ in caplog.text
        assert "private" not in caplog.text
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_a_clock_that_cannot_be_read_goes_on(
    postgres: Database, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The server is away, or says something that nobody expects: the clock keeps what it was told, and asks again."""
    monkeypatch.setattr(processes, "_COMPARE_EVERY_SECONDS", 0.01)
    clock = SharedClock(postgres)
    await clock.compare()
    asked = asyncio.Event()
    refused = 0

    @event.listens_for(postgres.engine.sync_engine, "before_cursor_execute")
    def refuse(*_: object) -> None:
        nonlocal refused
        refused += 1
        if refused <= 2:
            raise KeyError("private words")
        asked.set()

    keeping = asyncio.create_task(clock.keep())
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            await asked.wait()
        assert not keeping.done()
        assert "KeyError" in caplog.text
        assert "private" not in caplog.text
    finally:
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)
