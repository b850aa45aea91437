"""A database that fails says so in its own words, keeps nothing by halves, and is itself again when the trouble is over."""

import ast
import asyncio
import os
import re
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from alembic import command
from alembic.config import Config
from alembic.script import Script, ScriptDirectory
from sqlalchemy import Connection, func, insert, select, text

from storage import database as database_module
from storage import tables as t
from storage.database import MIGRATIONS, SCHEMA_REVISION, Database
from storage.health import DatabaseHealth
from storage.trouble import DatabaseTroubleError, Trouble
from tests.fakes import database_trouble
from tests.fakes.database_trouble import TROUBLES, Wire
from tests.fakes.keys import ring_for

NOW = datetime(2026, 11, 24, 10, tzinfo=UTC)
KINDS = {"full": {Trouble.FULL}, "read-only": {Trouble.READ_ONLY}, "locked": {Trouble.BUSY}}
GONE = {Trouble.GONE, Trouble.UNREACHABLE}


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits two seconds for a lock that is never given back."""
    monkeypatch.setattr(database_module, "PATIENCE_SECONDS", 0.2)


async def write(database: Database, event: str = "x") -> None:
    row = {"platform": "slack", "event_id": event.ljust(9000) if database.is_sqlite else event, "at": NOW}
    async with database.begin() as connection:
        await connection.execute(insert(t.seen_events).values(row))


async def count(database: Database) -> int:
    async with database.begin(write=False) as connection:
        return (await connection.execute(select(func.count()).select_from(t.seen_events))).scalar_one()


@pytest.mark.parametrize("trouble", TROUBLES)
async def test_trouble_is_known_by_its_name_and_passes(database_url: str, trouble: str) -> None:
    """Which it is, that nothing was kept, and that /readyz says the same; afterwards all is well without a restart."""
    database = Database(database_url, ring_for(database_url))
    health = DatabaseHealth(database)
    await write(database, "before")
    assert await health.look() is None
    async with TROUBLES[trouble](database):
        with pytest.raises(DatabaseTroubleError) as no:
            await write(database)
        assert no.value.trouble in KINDS.get(trouble, GONE)
        assert no.value.may_be_kept is False
        assert "INSERT" not in str(no.value)
        assert await health.look() in KINDS.get(trouble, GONE)
    await write(database, "after")
    assert await count(database) == 2
    assert await health.look() is None
    await database.close()


async def test_looking_writes_little_and_leaves_nothing(database: Database) -> None:
    """Ten looks are one try to write, and the try leaves no row."""
    health = DatabaseHealth(database)
    for _ in range(10):
        assert await health.look() is None
    assert await count(database) == 0
    async with database_trouble.full(database):
        # Nobody has written since: what was found ten seconds ago still counts.
        assert await health.look() is None


async def test_a_file_that_was_replaced_is_not_written_to(tmp_path: Path) -> None:
    """Somebody copies a backup over the file of a running bot: what it would write to the old file would be lost."""
    file = tmp_path / "esafety.db"
    database = Database(f"sqlite:///{file}")
    await database.migrate()
    file.rename(tmp_path / "old.db")
    other = Database(f"sqlite:///{file}")
    await other.migrate()
    with pytest.raises(DatabaseTroubleError, match="deleted or replaced"):
        await write(database)
    for each in (database, other):
        await each.close()


@pytest.mark.parametrize("cut", ["before", "after"])
async def test_a_commit_whose_answer_is_lost_may_be_kept(database_url: str, cut: str) -> None:
    """The server dies while it commits: nobody can say whether it did, and nobody claims to."""
    if database_url.startswith("sqlite"):
        pytest.skip("an SQLite file answers in the same process")
    async with Wire(database_url) as wire:
        database = Database(wire.url)
        await write(database, "before")
        wire.cut_at_commit = cut
        with pytest.raises(DatabaseTroubleError) as no:
            await write(database, f"cut {cut}")
        assert no.value.may_be_kept
        assert no.value.trouble is Trouble.UNREACHABLE
        assert await count(database) == (2 if cut == "after" else 1)
        await database.close()


async def test_a_server_that_ends_the_connection_keeps_nothing(database_url: str) -> None:
    """It is told from a wrong statement, and the next transaction finds the server again."""
    if database_url.startswith("sqlite"):
        pytest.skip("there is no server")
    database = Database(database_url, ring_for(database_url))

    async def ended_in_the_middle() -> None:
        async with database.begin() as connection:
            await connection.execute(insert(t.seen_events).values(platform="slack", event_id="1", at=NOW))
            async with database_trouble.connected(database_url) as other:
                await database_trouble.end_sessions(other)
            await connection.execute(insert(t.seen_events).values(platform="slack", event_id="2", at=NOW))

    with pytest.raises(DatabaseTroubleError) as no:
        await ended_in_the_middle()
    assert (no.value.trouble, no.value.may_be_kept) == (Trouble.UNREACHABLE, False)
    assert await count(database) == 0
    await database.close()


async def test_whoever_waits_for_their_turn_waits_no_longer_than_whoever_has_it(tmp_path: Path) -> None:
    """Ten who write at once to a file that another program holds are all told within the patience for one."""
    database = Database(f"sqlite:///{tmp_path / 'esafety.db'}")
    await database.migrate()
    loop = asyncio.get_running_loop()
    async with database_trouble.locked(database):
        began = loop.time()
        told = await asyncio.gather(*(write(database, str(n)) for n in range(10)), return_exceptions=True)
        took = loop.time() - began
    assert {type(one) for one in told} == {DatabaseTroubleError}
    assert took < 10 * database_module.PATIENCE_SECONDS
    await write(database, "afterwards")
    await database.close()


# The lock of an SQLite file

HOLD = "import sys; from pathlib import Path; from storage.file_lock import FileLock; FileLock(Path(sys.argv[1])).take(); "
HOLD += "print('held', flush=True); sys.stdin.read()"


async def test_a_second_process_is_refused_and_a_killed_one_is_forgotten(tmp_path: Path) -> None:
    """In one line that says which file and what to do; the lock is gone with the process, however that ended."""
    file = tmp_path / "esafety.db"
    held = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        HOLD,
        str(file),
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert held.stdout is not None
    assert await held.stdout.readline() == b"held\n"
    database = Database(f"sqlite:///{file}")
    (tmp_path / "link.db").symlink_to(file)
    for name in (file, tmp_path / "link.db"):
        with pytest.raises(DatabaseTroubleError) as no, Database(f"sqlite:///{name}").alone():
            raise AssertionError("two have it")
        assert str(name) in str(no.value)
        assert "stop that one first" in str(no.value)
        assert "\n" not in str(no.value)
    held.kill()
    await held.wait()
    with database.alone():
        pass
    with database.alone():
        pass
    await database.close()


async def test_what_is_in_use_when_the_database_is_closed_is_closed_when_it_is_given_back(database_url: str) -> None:
    """No connection stays open with nobody left to close it."""
    database = Database(database_url, ring_for(database_url))
    async with database.begin() as connection:
        raw: Any = (await connection.get_raw_connection()).driver_connection
        await database.close()
        assert await connection.scalar(text("SELECT 1")) == 1
        assert not _is_closed(raw)
    assert _is_closed(raw)


def _is_closed(connection: Any) -> bool:
    return bool(connection.is_closed()) if isinstance(connection, asyncpg.Connection) else not connection._running


async def test_a_folder_that_takes_no_lock_is_said(tmp_path: Path) -> None:
    """Not a trace, but what to do."""
    (tmp_path / "file").write_text("")
    with pytest.raises(DatabaseTroubleError, match="cannot be locked"), Database(f"sqlite:///{tmp_path}/file/x.db").alone():
        pass


async def test_postgresql_takes_any_number(database_url: str) -> None:
    """The lock is for files alone."""
    if database_url.startswith("sqlite"):
        pytest.skip("for a file it is refused")
    with Database(database_url, ring_for(database_url)).alone(), Database(database_url, ring_for(database_url)).alone():
        pass


async def test_a_server_that_is_not_there_is_said_in_a_line() -> None:
    """Where nobody listens, and where there is no such host."""
    for url in ("postgresql://root@127.0.0.1:1/test", "postgresql://root@no-such-host.invalid/test"):
        database = Database(url, ring_for(url))
        with pytest.raises(DatabaseTroubleError, match="does not answer"):
            await database.migrate()
        assert await DatabaseHealth(database).look() is Trouble.UNREACHABLE
        await database.close()


# Several that start at once, and versions side by side

MIGRATE = (
    "import asyncio, sys; from storage.database import Database\n"
    "async def main():\n"
    "    database = Database(sys.argv[1]); sys.stdin.read(1); await database.migrate()\n"
    "    assert await database.ready(); await database.close()\n"
    "asyncio.run(main())"
)


async def started_at_once(url: str, times: int) -> list[int | None]:
    """As many processes, told to migrate at the same moment; how each ended."""
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    pipe = asyncio.subprocess.PIPE
    all_of_them = [
        await asyncio.create_subprocess_exec(sys.executable, "-c", MIGRATE, url, env=env, stdin=pipe) for _ in range(times)
    ]
    await asyncio.gather(*(one.communicate(b"x") for one in all_of_them))
    return [one.returncode for one in all_of_them]


async def at_revision(url: str, revision: str) -> None:
    """Brings an empty database to an earlier version's schema."""

    def upgrade(connection: Connection) -> None:
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS))
        config.attributes["connection"] = connection
        command.upgrade(config, revision)

    database = Database(url, ring_for(url))
    async with database.begin() as connection:
        await connection.run_sync(upgrade)
    await database.close()


def revisions() -> list[Script]:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    return list(ScriptDirectory.from_config(config).walk_revisions())[::-1]


@pytest.mark.parametrize("begin", ["empty", "the version before"])
async def test_of_four_that_start_at_once_one_migrates(empty_database_url: str, begin: str) -> None:
    """In processes of their own, at the same moment: none fails, and the schema is there once."""
    if empty_database_url.startswith("sqlite"):
        pytest.skip("a file has one process; test_schema has its commands beside one another")
    if begin != "empty":
        await at_revision(empty_database_url, revisions()[-2].revision)
    assert await started_at_once(empty_database_url, 4) == [0, 0, 0, 0]
    database = Database(empty_database_url)
    async with database.begin(write=False) as connection:
        assert (await connection.execute(text("SELECT version_num FROM alembic_version"))).scalars().all() == [SCHEMA_REVISION]
    await database.close()


async def as_if_at(database: Database, revision: str) -> None:
    async with database.begin() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = :r"), {"r": revision})


@pytest.mark.parametrize(
    ("revision", "trouble"),
    [
        (SCHEMA_REVISION, None),
        ("9999", None),
        (f"9999_serves_{SCHEMA_REVISION[:4]}", None),
        ("9999_serves_0001", None),
        ("9999_serves_9998", Trouble.NEW_SCHEMA),
        ("somebody else's", Trouble.NEW_SCHEMA),
        ("0001", Trouble.OLD_SCHEMA),
    ],
)
async def test_a_newer_schema_serves_as_long_as_it_says_so(database: Database, revision: str, trouble: Trouble | None) -> None:
    """The old version goes on beside the new one, unless a migration says that it cannot; an older schema serves nobody."""
    before = await database.revision()
    await as_if_at(database, revision)
    try:
        assert await database.why_not_ready() is trouble
        assert await database.ready() is (trouble is None)
        if trouble is Trouble.NEW_SCHEMA:
            with pytest.raises(DatabaseTroubleError, match="upgrade the program"):
                await database.migrate()
        elif trouble is None:
            await database.migrate()
            await write(database)
        assert await database.revision() == revision
    finally:
        await as_if_at(database, str(before))


TAKES_AWAY = {"drop_table", "drop_column", "rename_table", "alter_column"}


def test_a_migration_that_takes_something_away_says_whom_it_still_serves() -> None:
    """First expand, then contract: what takes away bears the oldest version that can do without, and so does all after it."""
    oldest = "0000"
    for script in revisions():
        found = re.fullmatch(r"(\d{4})(?:_serves_(\d{4}))?", script.revision)
        assert found, f"{script.revision}: migrations/README.md says what a revision is called"
        upgrade = next(
            node
            for node in ast.walk(ast.parse(Path(str(script.path)).read_text(encoding="utf-8")))
            if isinstance(node, ast.FunctionDef) and node.name == "upgrade"
        )
        calls = {n.func.attr for n in ast.walk(upgrade) if isinstance(n, ast.Call) and isinstance(n.func, ast.Attribute)}
        if found[2] is None and found[1] > "0004":
            assert not calls & TAKES_AWAY, f"{script.revision} takes something away"
        assert (found[2] or "0000") >= oldest, f"{script.revision} must serve no older version than the one before"
        oldest = found[2] or oldest
