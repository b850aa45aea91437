"""The database: one engine, transactions that are short, and the schema brought up to date before anything else."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import event, inspect, make_url, text
from sqlalchemy.engine import URL, Connection
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from storage.sqlite_driver import TAKE_WRITE_LOCK, MostlyInPlaceModule

MIGRATIONS = Path(__file__).parent / "migrations"
SCHEMA_REVISION = "0004"
"""The newest revision in migrations/; a test holds the two together, so that a start need not load Alembic to find out."""

_SQLITE_PRAGMAS = ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=15000", "temp_store=MEMORY")
_MIGRATION_LOCK = 0x65736166


class DatabaseUrlError(ValueError):
    """ESAFETY_DATABASE_URL cannot be used. The message says what it should look like."""


class Database:
    """An SQLite file (one process) or a PostgreSQL database (any number)."""

    def __init__(self, url: str) -> None:
        self.url = _async_url(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self.engine = _engine(self.url)
        # SQLite takes one writer at a time: queueing here is fair and costs nothing, where its own lock would be polled.
        self._writer = asyncio.Lock() if self.is_sqlite else None

    @asynccontextmanager
    async def begin(self, *, write: bool = True) -> AsyncIterator[AsyncConnection]:
        """One transaction, committed at the end and rolled back when anything is raised."""
        if self._writer is None or not write:
            async with self.engine.connect() as connected:
                connection = await connected.execution_options(read_only_transaction=True) if self.is_sqlite else connected
                async with connection.begin():
                    yield connection
            return
        async with self._writer, self.engine.begin() as connection:
            yield connection

    async def revision(self) -> str | None:
        """The revision of the schema; None for an empty database."""
        async with self.begin(write=False) as connection:
            return await connection.run_sync(_revision)

    async def ready(self) -> bool:
        """Whether the database answers and its schema is the one this program knows."""
        try:
            return await self.revision() == SCHEMA_REVISION
        except (DBAPIError, OSError):
            return False

    async def migrate(self) -> None:
        """Brings the schema up to date. Safe to call from several processes at once."""
        if self.is_sqlite and self.url.database:
            Path(self.url.database).parent.mkdir(parents=True, exist_ok=True)
        async with self.begin() as connection:
            if await connection.run_sync(_revision) == SCHEMA_REVISION:
                return
            if not self.is_sqlite:
                await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATION_LOCK})
            await connection.run_sync(_upgrade)

    async def close(self) -> None:
        """Closes every connection."""
        await self.engine.dispose()


def _async_url(url: str) -> URL:
    try:
        parsed = make_url(url)
    except ArgumentError:
        parsed = None
    match parsed.drivername if parsed is not None else "":
        case "sqlite" | "sqlite+aiosqlite" if parsed is not None and parsed.database not in (None, "", ":memory:"):
            return parsed.set(drivername="sqlite+aiosqlite")
        case "postgresql" | "postgres" | "postgresql+asyncpg":
            return parsed.set(drivername="postgresql+asyncpg")  # type: ignore[union-attr]
    raise DatabaseUrlError("ESAFETY_DATABASE_URL must be sqlite:///path/to/file.db or postgresql://user:password@host/database")


def _engine(url: URL) -> AsyncEngine:
    # An error is logged: without its parameters, which would be a child's name or what happened to them.
    if url.get_backend_name() != "sqlite":
        return create_async_engine(url, pool_size=10, max_overflow=10, pool_pre_ping=True, hide_parameters=True)
    engine = create_async_engine(url, pool_size=5, max_overflow=0, module=MostlyInPlaceModule(), hide_parameters=True)

    @event.listens_for(engine.sync_engine, "connect")
    def _settings(dbapi_connection: Any, _: Any) -> None:
        # The driver's own BEGIN comes too late and is deferred; with it off, `_begin` below decides.
        dbapi_connection.isolation_level = None
        cursor = dbapi_connection.cursor()
        for pragma in _SQLITE_PRAGMAS:
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def _begin(connection: Connection) -> None:
        reading = connection.get_execution_options().get("read_only_transaction")
        connection.exec_driver_sql("BEGIN" if reading else TAKE_WRITE_LOCK)

    return engine


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def _upgrade(connection: Connection) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
