"""Databases to measure on: made for it, and gone afterwards."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import asyncpg

from storage.database import Database
from tests.conftest import POSTGRES
from tests.fakes.keys import KEY, ring_for

SQLITE, POSTGRESQL = "SQLite", "PostgreSQL"


async def kinds() -> tuple[str, ...]:
    """The kinds of database that this machine can measure."""
    try:
        connection = await asyncpg.connect(POSTGRES)
    except (OSError, asyncpg.PostgresError):
        print("no PostgreSQL here that takes us (ESAFETY_TEST_POSTGRES says where it is): only SQLite is measured\n")
        return (SQLITE,)
    await connection.close()
    return (SQLITE, POSTGRESQL)


@asynccontextmanager
async def new_database(kind: str, folder: Path) -> AsyncIterator[str]:
    """The URL of a database with the schema on it and no row."""
    if kind == SQLITE:
        url = f"sqlite:///{folder / f'{uuid4().hex[:8]}.db'}"
        await _migrate(url)
        yield url
        return
    name = f"esafety_bench_{uuid4().hex[:12]}"
    await _administer(f"CREATE DATABASE {name}")
    try:
        url = f"{POSTGRES.rpartition('/')[0]}/{name}"
        await _migrate(url)
        yield url
    finally:
        await _administer(f"DROP DATABASE {name} WITH (FORCE)")


def opened(url: str) -> Database:
    """A database with the key ring under which everything here is sealed."""
    return Database(url, ring_for(url))


def database_env(url: str) -> dict[str, str]:
    """The settings that give the program a database and its key ring."""
    keys = {} if url.startswith("sqlite") else {"ESAFETY_KEYS": KEY.line}
    return {"ESAFETY_DATABASE_URL": url, **keys}


async def _migrate(url: str) -> None:
    database = opened(url)
    await database.migrate()
    await database.close()


async def _administer(statement: str) -> None:
    connection = await asyncpg.connect(POSTGRES)
    await connection.execute(statement)
    await connection.close()


async def rows(url: str, query: str) -> list[tuple[object, ...]]:
    """What a query of plain SQL gives, by a way of its own into the database."""
    database = opened(url)
    try:
        async with database.begin(write=False) as connection:
            return [tuple(r) for r in await connection.exec_driver_sql(query)]
    finally:
        await database.close()


def moment(value: object) -> datetime:
    """A moment as plain SQL gives it: SQLite has text, without a zone."""
    at = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    return at if at.tzinfo is not None else at.replace(tzinfo=UTC)
