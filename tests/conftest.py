"""What every test may ask for. Nothing mocks the bot's own code: fakes stand for the platforms, the clock and the school."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit
from uuid import uuid4

import asyncpg
import pytest
import pytest_asyncio
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import create_async_engine

from storage import records, tables
from storage.database import Database
from tests.fakes.clock import FakeClock

POSTGRES = os.environ.get("ESAFETY_TEST_POSTGRES", "postgresql://root@127.0.0.1:5432/test")
_TEMPLATES: list[str] = []
_FREE: list[str] = []
_SQLITE_TEMPLATE: list[bytes] = []
IN_CI = os.environ.get("CI", "") not in ("", "0", "false")


@pytest.fixture(autouse=True)
def _no_settings_of_this_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No .env and no variable of whoever runs the tests reaches the program under test."""
    for name in os.environ:
        if name.startswith(("SLACK_", "ESAFETY_", "MICROSOFT_")) or name in ("HOST", "PORT"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def clock() -> FakeClock:
    """A clock that stands still on a school-day morning."""
    return FakeClock()


async def _postgres_is_there() -> bool:
    engine = create_async_engine(_async_url(POSTGRES))
    try:
        async with engine.connect():
            return True
    except (OSError, SQLAlchemyError, asyncpg.PostgresError):
        return False
    finally:
        await engine.dispose()


def _async_url(url: str) -> str:
    return url.replace("postgresql://", "postgresql+asyncpg://")


async def _administer(*statements: str) -> None:
    admin = create_async_engine(_async_url(POSTGRES), isolation_level="AUTOCOMMIT")
    async with admin.connect() as connection:
        for statement in statements:
            await connection.execute(text(statement))
    await admin.dispose()


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
    """Takes every row out of a database: to use it again is quicker than to make another."""
    await _administer(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")
    engine = create_async_engine(_url_of(name).replace("postgresql://", "postgresql+asyncpg://"))
    async with engine.begin() as connection:
        await connection.execute(text(f"TRUNCATE {', '.join(tables.metadata.tables)} RESTART IDENTITY CASCADE"))
    await engine.dispose()
    # It is kept by the address of the database, which the next test has too.
    records._STAFF_CACHE.clear()


async def _sqlite_with_the_schema() -> bytes:
    if not _SQLITE_TEMPLATE:
        with TemporaryDirectory() as folder:
            database = Database(f"sqlite:///{folder}/template.db")
            await database.migrate()
            await database.close()
            _SQLITE_TEMPLATE.append((Path(folder) / "template.db").read_bytes())
    return _SQLITE_TEMPLATE[0]


def pytest_sessionfinish() -> None:
    """Leaves no database behind."""
    for name in (*_TEMPLATES, *_FREE):
        asyncio.run(_administer(f"DROP DATABASE {name} WITH (FORCE)"))


@asynccontextmanager
async def new_database(kind: str, tmp_path: Path, *, empty: bool = False) -> AsyncIterator[str]:
    if kind == "sqlite":
        file = tmp_path / "esafety.db"
        if not empty:
            file.write_bytes(await _sqlite_with_the_schema())
        yield f"sqlite:///{file}"
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
        await _administer(f"CREATE DATABASE {name}{made}")
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
    database = Database(database_url)
    await database.migrate()
    yield database
    await database.close()
