"""On SQLite those who wait to write are written to the disk in one, and each is still kept whole or not at all."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, text
from sqlalchemy.exc import IntegrityError

from domain.people import Kind, Person
from storage.database import Database
from storage.store import Store
from storage.together import MOST_TOGETHER
from storage.trouble import DatabaseTroubleError, Trouble
from tests.domain import town
from tests.fakes.clock import PATIENCE_SECONDS
from tests.fakes.keys import ring_for


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    database = Database(f"sqlite:///{tmp_path / 'x.db'}")
    async with database.begin() as connection:
        await connection.execute(text("CREATE TABLE t (x UNIQUE)"))
    yield database
    await database.close()


def _commits(database: Database) -> list[str]:
    """Every COMMIT from now on, of connections that are taken from the pool."""
    seen: list[str] = []

    def count(raw: Any, *_: Any) -> None:
        raw._raw.set_trace_callback(lambda sql: seen.append(sql) if sql == "COMMIT" else None)

    event.listen(database.engine.sync_engine, "checkout", count)
    return seen


async def _write(database: Database, x: int, *, together: bool = True) -> None:
    async with database.begin(together=together) as connection:
        await connection.execute(text("INSERT INTO t VALUES (:x)"), {"x": x})


def _on_disk(database: Database) -> list[int]:
    """What somebody else reads from the file."""
    with sqlite3.connect(str(database.url.database)) as other:
        return [row[0] for row in other.execute("SELECT x FROM t ORDER BY x")]


async def test_those_who_wait_at_the_same_time_are_written_in_one(database: Database) -> None:
    """Twenty reports at once wait for the disk once or twice, and not twenty times."""
    commits = _commits(database)
    await asyncio.gather(*(_write(database, n) for n in range(20)))
    assert _on_disk(database) == list(range(20))
    assert len(commits) <= 2


async def test_so_many_at_most(database: Database) -> None:
    """The first does not wait for all who come after it."""
    commits = _commits(database)
    await asyncio.gather(*(_write(database, n) for n in range(3 * MOST_TOGETHER)))
    assert len(_on_disk(database)) == 3 * MOST_TOGETHER
    assert len(commits) >= 3


async def test_nobody_is_told_before_it_is_on_the_disk(database: Database) -> None:
    """Whoever is done finds what they wrote in the file, whoever writes after them."""

    async def write_and_look(x: int) -> None:
        await _write(database, x)
        assert x in _on_disk(database)

    await asyncio.gather(*(write_and_look(n) for n in range(50)))


async def test_what_one_gives_up_takes_nothing_from_the_others(database: Database) -> None:
    """One of many breaks in the middle: it leaves nothing, and the others are kept."""

    async def twice(x: int) -> None:
        async with database.begin(together=True) as connection:
            await connection.execute(text("INSERT INTO t VALUES (:x)"), {"x": x})
            await connection.execute(text("INSERT INTO t VALUES (:x)"), {"x": x})

    done = await asyncio.gather(
        _write(database, 1), twice(2), _write(database, 3), twice(4), _write(database, 5), return_exceptions=True
    )
    assert [type(d) for d in done] == [type(None), IntegrityError, type(None), IntegrityError, type(None)]
    assert _on_disk(database) == [1, 3, 5]


async def test_what_is_to_be_by_itself_is(database: Database) -> None:
    """Whoever comes after others that are written in one waits until those are on the disk."""

    async def alone(x: int) -> list[int]:
        async with database.begin() as connection:
            before = _on_disk(database)
            await connection.execute(text("INSERT INTO t VALUES (:x)"), {"x": x})
        return before

    _, _, before, _ = await asyncio.gather(_write(database, 1), _write(database, 2), alone(3), _write(database, 4))
    assert before == [1, 2]
    assert _on_disk(database) == [1, 2, 3, 4]


async def test_a_commit_that_fails_keeps_nothing_and_tells_everybody(database: Database, tmp_path: Path) -> None:
    """The disk is full at the commit: each of those who were written in one is told so, and the next one can write again."""
    await _write(database, 0)
    with sqlite3.connect(tmp_path / "x.db") as other:
        pages = other.execute("PRAGMA page_count").fetchone()[0]

    async def much(x: int) -> None:
        async with database.begin(together=True) as connection:
            await connection.exec_driver_sql(f"PRAGMA max_page_count={pages + 1}")
            await connection.execute(text("INSERT INTO t VALUES (:x)"), {"x": "x" * 50_000 if x == 2 else x})

    done = await asyncio.gather(much(1), much(2), much(3), return_exceptions=True)
    assert isinstance(done[1], DatabaseTroubleError)
    assert done[1].trouble is Trouble.FULL
    async with database.begin() as connection:
        await connection.exec_driver_sql("PRAGMA max_page_count=1073741823")
    kept = [n for n, d in zip((1, 2, 3), done, strict=True) if d is None]
    assert _on_disk(database) == [0, *kept], "who was told that it is kept, and nobody else, is in the file"
    await _write(database, 9)
    assert 9 in _on_disk(database)


async def test_whoever_gives_up_holds_up_nobody(database: Database) -> None:
    """People go away while they wait for their turn, in it, and for the disk: the others are written all the same."""
    tasks = [asyncio.create_task(_write(database, n)) for n in range(12)]
    await asyncio.sleep(0)
    for task in tasks[::3]:
        task.cancel()
    async with asyncio.timeout(PATIENCE_SECONDS):
        done = await asyncio.gather(*tasks, return_exceptions=True)
        await _write(database, 100)
    kept = [n for n, d in enumerate(done) if d is None]
    assert set(kept) >= {n for n in range(12) if n % 3}
    assert set(_on_disk(database)) >= {*kept, 100}


async def test_another_process_that_writes_is_waited_for_and_then_said(database: Database, tmp_path: Path) -> None:
    """All who wait meanwhile are told that the file is busy; once it is free they write."""
    other = sqlite3.connect(tmp_path / "x.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    waiting = [asyncio.create_task(_write(database, n)) for n in range(3)]
    await asyncio.sleep(0.05)
    assert not any(task.done() for task in waiting)
    other.execute("COMMIT")
    other.close()
    async with asyncio.timeout(PATIENCE_SECONDS):
        await asyncio.gather(*waiting)
    assert _on_disk(database) == [0, 1, 2]


async def test_a_staff_list_that_was_not_kept_is_forgotten(tmp_path: Path) -> None:
    """An import is given up after another in the same transaction has seen its list: nobody goes by that list afterwards."""
    url = f"sqlite:///{tmp_path / 'lists.db'}"
    database = Database(url, ring_for(url))
    await database.migrate()
    store, school = Store(database), town.school()
    new = Person("p1", Kind.STAFF, "Somebody New", "new@demo.example")

    async def imported() -> None:
        async with store.transaction(school) as records:
            await records.save_people([("new@demo.example", new, True)])
            # Until the other one stands in the line.
            await asyncio.sleep(0.01)

    async def looked() -> bool:
        async with store.transaction(school) as records:
            return (await records.staff()).by_email("new@demo.example") is not None

    async with store.transaction(school) as records:
        assert (await records.staff()).by_email("new@demo.example") is None
    _, seen = await asyncio.gather(imported(), looked())
    assert seen
    async with database.begin() as connection:
        # As it would stand had the transaction of both been lost: the list, and the number of its version.
        await connection.execute(text("DELETE FROM people"))
        await connection.execute(text("UPDATE counters SET last = last - 1 WHERE name = 'people'"))
    other = Person("p2", Kind.STAFF, "Somebody Else", "else@demo.example")
    async with store.transaction(school) as records:
        await records.save_people([("else@demo.example", other, True)])
    async with store.transaction(school, write=False) as records:
        staff = await records.staff()
    assert staff.by_email("new@demo.example") is None
    assert staff.by_email("else@demo.example") is not None
    await database.close()
