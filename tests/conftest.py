"""What every test may ask for. Nothing mocks the bot's own code: fakes stand for the platforms, the clock and the school."""

import asyncio
import gc
import os
import shutil
import sqlite3
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable, Container, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4
from zlib import crc32

import asyncpg
import pytest
import pytest_asyncio
from sqlalchemy import Connection, inspect
from sqlalchemy.dialects.postgresql.asyncpg import PGDialect_asyncpg
from sqlalchemy.dialects.sqlite.aiosqlite import SQLiteDialect_aiosqlite
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.util import LRUCache

from storage import database as database_module
from storage import records, sealed_pages, tables
from storage.database import Database
from tests.fakes.clock import PATIENCE_SECONDS, UNHURRIED, FakeClock
from tests.fakes.keys import KEY, RING

POSTGRES = os.environ.get("ESAFETY_TEST_POSTGRES", "postgresql://root@127.0.0.1:5432/test")
_TEMPLATES: list[str] = []
_FREE: list[str] = []
_ANSWERED: list[bool] = []
_SQLITE_TEMPLATE: list[bytes] = []
_SQLITE_SCHEMA: list[str] = []
_OF_MIGRATIONS = frozenset({"test_schema", "test_upgrade", "test_trouble", "test_audit_held"})
"""Tests of the migrations themselves: there each runs, every time."""
_ONE_IN = {
    ("story", "postgresql"): 31,
    ("handlers", "postgresql"): 31,
    ("bot", "postgresql"): 31,
    ("storage", "postgresql"): 7,
    ("browser", ""): 5,
}
"""Of how many tests of a folder one is tried by `make test`, where it is not each. Odd, so that no chat is always left out."""
_ONE_IN_OF_FILE = {
    **dict.fromkeys(("test_upgrade", "test_sealing_job", "test_no_scans", "test_copying"), 3),
    **dict.fromkeys(("test_slack", "test_teams", "test_slack_door", "test_slack_install", "test_teams_schools"), 2),
}
"""The same of the files that take longest: what is done to past versions and whole databases, and each chat's own ways."""
_WHOLE_ON_BOTH = frozenset({"test_trouble", "test_schema", "test_outbox", "test_processes"})
"""Where the two databases differ most: in how they fail, what they hold by themselves, and who of several gets a row."""
_STAGES = ("slack-sqlite", "teams-sqlite", "console-sqlite")
TESTS = Path(__file__).parent
MEMORY = Path("/dev/shm")
ROOM = 2 * 1024**3
_WAITS_FOR_A_CHAT = (
    ("bot.slack.app", "_ANSWER_SECONDS"),
    ("bot.slack.accounts", "_PATIENCE"),
    ("bot.slack.serving", "_CONNECT_SECONDS"),
    ("bot.teams.people", "_PATIENCE"),
    ("bot.readiness", "_LONGEST_LOOK_SECONDS"),
)
"""Where the program goes on without an answer after a time that a person would wait. A test of that time sets its own."""
_KEPT_FOR_A_PROGRAM = (("aiohttp.web_app", "_cached_build_middleware"), ("bot.slack.app", "_help_answer"))
IN_CI = os.environ.get("CI", "") not in ("", "0", "false")


def pytest_configure() -> None:
    """Test databases lie in memory where there is room: what a disk does to records is tried by `make faults`, on a disk."""
    if MEMORY.is_dir() and shutil.disk_usage(MEMORY).free >= ROOM and os.access(MEMORY, os.W_OK):
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(MEMORY))
    # Modules and thousands of tests are made and stay: to look through all of them again and again finds nothing to throw away.
    gc.disable()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything is tried on SQLite: a story on one of the chats, in turn, and of what takes a browser one in five. Of what is
    tried on PostgreSQL too, and of the files that take longest, each file's first and then one in so many. All the others are
    for `make test-long`.
    """
    seen: Counter[tuple[Path, str]] = Counter()
    all_of_them = {item.nodeid for item in items}
    for item in items:
        if item.get_closest_marker("long") is None and _is_for_long(item, all_of_them, seen):
            item.add_marker(pytest.mark.long)


def _is_for_long(item: pytest.Item, all_of_them: Container[str], seen: Counter[tuple[Path, str]]) -> bool:
    called = item.callspec if isinstance(item, pytest.Function) and hasattr(item, "callspec") else None
    # What is told of PostgreSQL alone is told of it each time.
    too = called and "postgresql" in called.id.split("-") and item.nodeid.replace("postgresql", "sqlite") in all_of_them
    kind = "postgresql" if too else ""
    if called and not kind and (stage := str(called.params.get("stage", ""))):
        # By the name of the story, which stays what it is when another is told beside it.
        story = item.nodeid.replace(stage, "")
        return stage != _STAGES[crc32(story.encode()) % len(_STAGES)]
    folder = item.path.relative_to(TESTS).parts[0]
    share = 1 if item.path.stem in _WHOLE_ON_BOTH else _ONE_IN.get((folder, kind), _ONE_IN_OF_FILE.get(item.path.stem, 1))
    before = seen[item.path, kind]
    seen[item.path, kind] += 1
    return before % share > 0


def pytest_collection_finish() -> None:
    """What stays for all tests is not looked through for garbage with each of them, and the rest not so often."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 30, 30)
    gc.enable()


@pytest.fixture(autouse=True)
def _no_settings_of_this_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No .env and no variable of whoever runs the tests reaches the program under test."""
    for name in os.environ:
        if name.startswith(("SLACK_", "ESAFETY_", "MICROSOFT_")) or name in ("HOST", "PORT"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


@pytest.fixture(autouse=True)
def _a_busy_machine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Many tests at once make a machine slow, which no story is about. Those of the database wait as the program does."""
    if "storage" not in request.path.parts:
        monkeypatch.setattr(database_module, "PATIENCE_SECONDS", PATIENCE_SECONDS)
    for name, patience in _WAITS_FOR_A_CHAT:
        # As the fakes' own deadlines are stretched, so that what is told in time stays told in time.
        if module := sys.modules.get(name):
            monkeypatch.setattr(module, patience, getattr(module, patience) * UNHURRIED)
    for name in ("bot.slack.serving", "bot.teams.serving"):
        if module := sys.modules.get(name):
            # Whoever reads a channel is asked for again soon where the first time failed: no story waits a minute for it.
            monkeypatch.setattr(module, "_READERS_RETRY_SECONDS", 1.0)


@pytest.fixture(autouse=True)
def _a_passphrase_is_tried_quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a page says and who may have it is tried, not how long its passphrase holds: a third of a second each."""
    monkeypatch.setattr(sealed_pages, "ROUNDS", 1_000)


@pytest.fixture(autouse=True)
def _an_empty_file_is_migrated_once(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """What all migrations make of an empty SQLite file is made again as it came out the first time: they take a second each."""
    migrations = database_module._upgrade

    def upgraded(connection: Connection) -> None:
        if not _SQLITE_SCHEMA or connection.dialect.name != "sqlite" or inspect(connection).get_table_names():
            migrations(connection)
            return
        for statement in _SQLITE_SCHEMA:
            connection.exec_driver_sql(statement)

    if request.path.stem not in _OF_MIGRATIONS:
        monkeypatch.setattr(database_module, "_upgrade", upgraded)


@pytest.fixture(autouse=True)
def _nothing_kept() -> Iterator[None]:
    """What is remembered for a program's life must not hold on to each of a thousand programs with all its databases."""
    yield
    for name, remembered in _KEPT_FOR_A_PROGRAM:
        if module := sys.modules.get(name):
            getattr(module, remembered).cache_clear()
    if module := sys.modules.get("botframework.connector.auth.jwt_token_extractor"):
        module.JwtTokenExtractor.metadataCache.clear()


@pytest.fixture(scope="session", autouse=True)
def _each_statement_is_compiled_once() -> Iterator[None]:
    """A program has one engine, which remembers the SQL of each statement. Here there are thousands, for two databases."""
    compiled: LRUCache[Any, Any] = LRUCache(4000)
    made = create_async_engine

    def with_what_is_compiled(*args: Any, **settings: Any) -> AsyncEngine:
        engine = made(*args, **settings)
        engine.sync_engine._compiled_cache = compiled
        return engine

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(database_module, "create_async_engine", with_what_is_compiled)
        for dialect in (PGDialect_asyncpg, SQLiteDialect_aiosqlite):
            # What is remembered is found again by the dialect, too.
            patch.setattr(dialect, "__hash__", lambda self: hash(type(self)))
            patch.setattr(dialect, "__eq__", lambda self, other: type(self) is type(other))
        yield


@pytest.fixture
def clock() -> FakeClock:
    """A clock that stands still on a school-day morning."""
    return FakeClock()


async def _postgres_is_there() -> bool:
    """Whether there is a server that takes us: asked once, and one that was there is relied upon."""
    if not _ANSWERED:
        try:
            connection = await asyncpg.connect(POSTGRES)
        except (OSError, asyncpg.PostgresError):
            return False
        await connection.close()
        _ANSWERED.append(True)
    return True


async def _administer(*statements: str) -> None:
    connection = await asyncpg.connect(POSTGRES)
    for statement in statements:
        await connection.execute(statement)
    await connection.close()


def _url_of(name: str) -> str:
    return f"{POSTGRES.rpartition('/')[0]}/{name}"


async def _with_the_schema() -> str:
    """A PostgreSQL database with the schema on it, made once: to copy it is quicker than to migrate each time."""
    if not _TEMPLATES:
        name = f"esafety_template_{uuid4().hex[:12]}"
        await _administer(f"CREATE DATABASE {name}")
        database = Database(_url_of(name))
        await database.migrate()
        await database.close()
        _TEMPLATES.append(name)
    return _TEMPLATES[0]


async def _emptied(name: str) -> None:
    """Takes every row out of a database: to use it again is quicker than to make another, and to delete than to truncate."""
    connection = await asyncpg.connect(_url_of(name))
    await connection.execute(
        f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}' AND pid <> pg_backend_pid()"
    )
    emptying = "; ".join(f'DELETE FROM "{table.name}"' for table in reversed(tables.metadata.sorted_tables))
    await connection.execute(
        f"ALTER TABLE audit DISABLE TRIGGER audit_held; {emptying}; ALTER TABLE audit ENABLE ALWAYS TRIGGER audit_held;"
        " SELECT setval(format('%I.%I', schemaname, sequencename)::regclass, start_value, false)"
        " FROM pg_sequences WHERE last_value IS NOT NULL"
    )
    await connection.close()
    # It is kept by the address of the database, which the next test has too.
    records._STAFF_CACHE.clear()


def sqlite_at(file: Path) -> str:
    """The URL of a database in a new file, with the schema on it: to copy it is quicker than to migrate each time."""
    if not _SQLITE_TEMPLATE:
        # In a thread, since whoever asks may be in a loop already.
        with ThreadPoolExecutor(1) as aside:
            _SQLITE_TEMPLATE.append(aside.submit(asyncio.run, _sqlite_with_the_schema()).result())
    file.write_bytes(_SQLITE_TEMPLATE[0])
    return f"sqlite:///{file}"


async def _sqlite_with_the_schema() -> bytes:
    with TemporaryDirectory() as folder:
        database = Database(f"sqlite:///{folder}/template.db")
        await database.migrate()
        await database.close()
        with closing(sqlite3.connect(Path(folder) / "template.db")) as connection:
            _SQLITE_SCHEMA[:] = as_it_came_out(connection.execute)
        return (Path(folder) / "template.db").read_bytes()


def as_it_came_out(read: Callable[[str], Iterable[Any]]) -> Iterator[str]:
    """The statements that make the schema of a new SQLite database again: it has no row but the name of its revision."""
    yield from [made for (made,) in read("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY rowid")]
    ((revision,),) = read("SELECT version_num FROM alembic_version")
    yield f"INSERT INTO alembic_version VALUES ('{revision}')"
    ((mark,),) = read("PRAGMA user_version")
    yield f"PRAGMA user_version = {mark}"


def pytest_sessionfinish() -> None:
    """Leaves no database behind."""
    for name in (*_TEMPLATES, *_FREE):
        asyncio.run(_administer(f"DROP DATABASE {name} WITH (FORCE)"))


@asynccontextmanager
async def new_database(kind: str, tmp_path: Path, *, empty: bool = False) -> AsyncIterator[str]:
    if kind == "sqlite":
        file = tmp_path / "esafety.db"
        yield f"sqlite:///{file}" if empty else sqlite_at(file)
        return
    if not await _postgres_is_there():
        if IN_CI:
            pytest.fail(f"no PostgreSQL at {urlsplit(POSTGRES).hostname}: CI must have one")
        pytest.skip("no PostgreSQL here that takes us (set ESAFETY_TEST_POSTGRES to use one elsewhere)")
    if _FREE and not empty:
        name = _FREE.pop()
    else:
        name = f"esafety_{uuid4().hex[:12]}"
        made = "" if empty else f" TEMPLATE {await _with_the_schema()}"
        # No test cuts the server's power: a disk that is busy with all the others' rows is not waited for.
        await _administer(f"CREATE DATABASE {name}{made}", f"ALTER DATABASE {name} SET synchronous_commit = off")
    with pytest.MonkeyPatch.context() as patch:
        # An SQLite file has its key ring beside it; whoever uses PostgreSQL must say where theirs is.
        patch.setenv("ESAFETY_KEYS", KEY.line)
        yield _url_of(name)
    if empty:
        await _administer(f"DROP DATABASE {name} WITH (FORCE)")
    else:
        await _emptied(name)
        _FREE.append(name)


@pytest_asyncio.fixture(params=["sqlite", "postgresql"])
async def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[str]:
    """A database of each kind, without a row. Without a PostgreSQL server the second is skipped, but never in CI."""
    async with new_database(request.param, tmp_path, empty=False) as url:
        yield url


@pytest_asyncio.fixture(params=["sqlite", "postgresql"])
async def empty_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[str]:
    """A database of each kind without even a table."""
    async with new_database(request.param, tmp_path, empty=True) as url:
        yield url


@pytest_asyncio.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """A database with the schema on it."""
    database = Database(database_url, RING)
    await database.migrate()
    yield database
    await database.close()
