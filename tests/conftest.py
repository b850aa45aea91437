"""What every test may ask for. Nothing mocks the bot's own code: fakes stand for the platforms, the clock and the school."""

import os
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
import pytest_asyncio
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from storage.database import Database
from tests.fakes.clock import FakeClock

POSTGRES = os.environ.get("ESAFETY_TEST_POSTGRES", "postgresql://root@127.0.0.1:5432/test")
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
    engine = create_async_engine(POSTGRES.replace("postgresql://", "postgresql+asyncpg://"))
    try:
        async with engine.connect():
            return True
    except OSError:
        return False
    finally:
        await engine.dispose()


@pytest_asyncio.fixture(params=["sqlite", "postgresql"])
async def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[str]:
    """An empty database of each kind. Without a PostgreSQL server the second is skipped, but never in CI."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'esafety.db'}"
        return
    if not await _postgres_is_there():
        if IN_CI:
            pytest.fail(f"no PostgreSQL at {urlsplit(POSTGRES).hostname}: CI must have one")
        pytest.skip("no PostgreSQL here (set ESAFETY_TEST_POSTGRES to use one elsewhere)")
    name = f"esafety_{uuid4().hex[:12]}"
    admin = create_async_engine(POSTGRES.replace("postgresql://", "postgresql+asyncpg://"), isolation_level="AUTOCOMMIT")
    async with admin.connect() as connection:
        await connection.execute(text(f"CREATE DATABASE {name}"))
    yield POSTGRES.rpartition("/")[0] + f"/{name}"
    async with admin.connect() as connection:
        await connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    await admin.dispose()


@pytest_asyncio.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """A database with the schema on it."""
    database = Database(database_url)
    await database.migrate()
    yield database
    await database.close()
