"""What stays in place and what goes to the thread: the seams of SQLAlchemy and aiosqlite that the driver stands on."""

import asyncio
import sqlite3
import threading
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError, OperationalError

from storage.database import Database
from storage.trouble import DatabaseTroubleError, Trouble
from tests.fakes.clock import PATIENCE_SECONDS
from tests.fakes.database_trouble import locked


async def test_only_the_commit_leaves_the_loops_thread(tmp_path: Path) -> None:
    """Everything that cannot wait runs where it is asked for, the taking of a free lock too; what can wait holds nobody up."""
    database = Database(f"sqlite:///{tmp_path / 'x.db'}")
    seen: list[tuple[str, bool]] = []
    async with database.begin() as connection:
        raw = (await connection.get_raw_connection()).driver_connection
        assert raw is not None
        raw._conn.set_trace_callback(lambda sql: seen.append((sql, threading.current_thread() is threading.main_thread())))
    async with database.begin() as connection:
        await connection.execute(text("CREATE TABLE t (x)"))
        await connection.execute(text("INSERT INTO t VALUES (:x)"), [{"x": 1}, {"x": 2}])
        assert (await connection.execute(text("SELECT x FROM t"))).scalars().all() == [1, 2]
    where = dict(seen)
    assert where.pop("COMMIT") is False
    assert "BEGIN IMMEDIATE" in where
    assert where
    assert all(where.values()), where
    await database.close()


async def test_what_fails_is_given_up_whole(tmp_path: Path) -> None:
    """An error in the middle leaves nothing of the transaction, and the connection can be used again."""
    database = Database(f"sqlite:///{tmp_path / 'x.db'}")
    async with database.begin() as connection:
        await connection.execute(text("CREATE TABLE t (x UNIQUE)"))

    async def twice() -> None:
        async with database.begin() as connection:
            await connection.execute(text("INSERT INTO t VALUES (1)"))
            await connection.execute(text("INSERT INTO t VALUES (1)"))

    with pytest.raises(IntegrityError):
        await twice()
    async with database.begin() as connection:
        assert (await connection.execute(text("SELECT count(*) FROM t"))).scalar() == 0
        changed = await connection.execute(text("INSERT INTO t VALUES (2)"))
        assert changed.rowcount == 1
    await database.close()


async def test_another_process_writing_holds_up_the_writer_and_nobody_else(tmp_path: Path) -> None:
    """While another program holds the write lock the loop goes on, readers read, and the writer gets its turn."""
    database = Database(f"sqlite:///{tmp_path / 'x.db'}")
    async with database.begin() as connection:
        await connection.execute(text("CREATE TABLE t (x)"))
    other = sqlite3.connect(tmp_path / "x.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    async def write() -> None:
        async with database.begin() as connection:
            await connection.execute(text("INSERT INTO t VALUES (1)"))

    writing = asyncio.create_task(write())
    await asyncio.sleep(0.05)
    async with asyncio.timeout(1), database.begin(write=False) as connection:
        assert (await connection.execute(text("SELECT count(*) FROM t"))).scalar() == 0
    assert not writing.done()
    other.execute("COMMIT")
    await asyncio.wait_for(writing, 5)
    other.close()
    await database.close()


async def test_whoever_is_cancelled_does_not_sit_out_the_wait_for_the_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A request is given up, or the program is told to stop, while somebody else has the lock: it ends there and then."""
    monkeypatch.setattr("storage.database.PATIENCE_SECONDS", 100 * PATIENCE_SECONDS)
    database = Database(f"sqlite:///{tmp_path / 'x.db'}")
    async with database.begin() as connection:
        await connection.execute(text("CREATE TABLE t (x)"))

    async def write() -> None:
        async with database.begin() as connection:
            await connection.execute(text("INSERT INTO t VALUES (1)"))

    async with locked(database):
        writing = asyncio.create_task(write())
        await asyncio.sleep(0.05)
        writing.cancel()
        _, late = await asyncio.wait([writing], timeout=PATIENCE_SECONDS)
        assert not late
        assert writing.cancelled()
    await write()
    async with database.begin(write=False) as connection:
        assert (await connection.execute(text("SELECT count(*) FROM t"))).scalar() == 1
    await database.close()


async def test_nobody_waits_without_end_for_the_turn_to_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever asks in the very moment between one writer and the next waits no longer than anybody else."""
    monkeypatch.setattr("storage.database.PATIENCE_SECONDS", 0.5)
    database = Database(f"sqlite:///{tmp_path / 'x.db'}")
    waits, writes, done = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def next_in_turn() -> None:
        waits.set()
        async with database.begin():
            writes.set()
            await done.wait()

    async with database.begin():
        other = asyncio.create_task(next_in_turn())
        await waits.wait()
    # The turn is free, and the other, whose it is, has not been woken yet.
    assert not writes.is_set()
    async with asyncio.timeout(PATIENCE_SECONDS):
        with pytest.raises(DatabaseTroubleError) as no:
            async with database.begin():
                pass
    assert no.value.trouble is Trouble.BUSY
    done.set()
    await other
    await database.close()


async def test_a_wrong_statement_is_the_databases_own_error(tmp_path: Path) -> None:
    """Errors come as SQLAlchemy's, as with its own adapter."""
    database = Database(f"sqlite:///{tmp_path / 'x.db'}")
    async with database.begin() as connection:
        with pytest.raises(OperationalError, match="no such table"):
            await connection.execute(text("SELECT * FROM nowhere"))
    await database.close()


async def test_a_program_that_is_stopped_in_the_middle_of_a_commit_does_end(tmp_path: Path) -> None:
    """Cancelled, the connection is given up; cancelled again while it is closing, nobody waits for a thread that has ended."""
    database = Database(f"sqlite:///{tmp_path / 'x.db'}")
    async with database.engine.connect() as connection:
        adapted: Any = (await connection.get_raw_connection()).dbapi_connection
        closing = asyncio.create_task(adapted._terminate_graceful_close())
        await asyncio.sleep(0)
        adapted._terminate_force_close()
        closing.cancel()
        done, _ = await asyncio.wait([closing], timeout=5)
        await connection.invalidate()
        # It answers the loop of this test, which must be there until it has ended.
        await asyncio.to_thread(adapted._connection._thread.join, 5)
    assert done
    await database.close()
