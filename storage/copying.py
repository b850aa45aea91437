"""Copies every record from one database to another and proves that the copy is whole: backup, restore, moving house.

What is copied is read in one snapshot and written in one transaction. Before that is committed, it is read again where it now
lies and compared: so many rows in each table, with the same digest, and every audit chain in one piece.
"""

import asyncio
import hashlib
import json
import os
import shutil
import sqlite3
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import asyncpg
from sqlalchemy import Row, String, Table, event, func, insert, literal, select, text, tuple_, update
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from domain.words import DeliveryState
from storage.audit_chain import AuditChains
from storage.backup_files import Backup, CopyError, examine, new_file, seal
from storage.database import MIGRATIONS, SCHEMA_REVISION, Database
from storage.digests import RowsDigest
from storage.file_lock import FileLock
from storage.sqlite_driver import TAKE_WRITE_LOCK, MostlyInPlaceModule
from storage.tables import audit, counters, deliveries, metadata
from storage.trouble import DatabaseTroubleError

_BATCH = 1000
_DATA_ERRORS = ("22", "23")
"""The classes of PostgreSQL's errors whose messages quote what was to be stored."""


@dataclass(frozen=True, slots=True)
class Copied:
    """A copy that is whole.

    `rows` counts by table; `digest` is the same, in hex, for the same records in whichever database. `audits` counts the
    entries of each school's audit, and `broken_audits` has the first entry of those that were not as they had been written when
    they were copied. `made_at` is when a backup was made that was restored.
    """

    rows: Mapping[str, int]
    digest: str
    audits: Mapping[str, int]
    broken_audits: Mapping[str, int]
    made_at: datetime | None = None


async def back_up(source: Database, file: Path, made_at: datetime) -> Copied:
    """Makes a new SQLite file of all records, while others read and write them. A broken audit is copied as it is.

    Raises:
        CopyError: there is no backup, and nothing in place of it.
    """
    await _refuse_source(source)
    with new_file(file) as part:
        fresh = Database(URL.create("sqlite", database=str(part)).render_as_string())
        with _explained(f"{part} could not be written"):
            try:
                await fresh.migrate()
            finally:
                await fresh.close()
        with _explained(f"{part} could not be written"):
            async with _snapshot(source) as reading, _of_file(part, write=True) as writing:
                copied = await _copy(reading, writing)
        await asyncio.to_thread(seal, part, made_at)
        await asyncio.to_thread(examine, part)
    return copied


async def restore(file: Path, target: Database, *, broken_audit: bool = False) -> Copied:
    """Copies a backup into a database without a record. One that an older version made is brought up to date on the way.

    A backup whose audit was broken is refused, unless `broken_audit` says that this is known. What was still to be sent may
    have been sent since the backup was made: it is marked, so that it says so itself. The digest is that of the backup.

    Raises:
        CopyError: nothing was restored.
    """
    backup = await asyncio.to_thread(examine, file)
    if backup.revision not in await asyncio.to_thread(_known_revisions):
        raise CopyError(
            f"{file} was made by a newer version of this program (its tables are {backup.revision}): restore it with that one"
        )
    async with _alone(target):
        await _make_ready(target)
        async with _of_this_version(file, backup, target) as current, _of_file(current, write=False) as reading:
            copied = await _into(target, reading, broken_audit=broken_audit, of_the_past=True)
    return replace(copied, made_at=backup.made_at)


@asynccontextmanager
async def _of_this_version(file: Path, backup: Backup, target: Database) -> AsyncIterator[Path]:
    """The backup, or a passing copy of it that has been brought up to date."""
    if backup.revision == SCHEMA_REVISION:
        yield file
        return
    # Beside the database that will hold the same, where that is a file: so it does least harm if it is left lying.
    beside = str(Path(target.url.database or "").parent) if target.is_sqlite else None
    with TemporaryDirectory(dir=beside) as folder:
        older = Path(folder) / "older.db"
        with _explained(f"{file} could not be brought up to date"):
            await asyncio.to_thread(shutil.copyfile, file, older)
            await asyncio.to_thread(older.chmod, 0o600)
            database = Database(URL.create("sqlite", database=str(older)).render_as_string())
            try:
                await database.migrate()
            finally:
                await database.close()
        yield older


async def move(source: Database, target: Database, *, broken_audit: bool = False) -> Copied:
    """Copies all records into another database that has none. Nobody must write to either meanwhile.

    Records with a broken audit are refused, unless `broken_audit` says that this is known.

    Raises:
        CopyError: nothing was moved. The source is as it was in any case.
    """
    if _place(source.url) == _place(target.url):
        raise CopyError("that is the database where the records are already: nothing was moved")
    await _refuse_source(source)
    async with _alone(source), _alone(target):
        await _make_ready(target)
        with _explained("the records could not be read"):
            async with _snapshot(source) as reading:
                await _refuse_company(reading)
                return await _into(target, reading, broken_audit=broken_audit)


# What may be copied, and where to


async def _refuse_source(source: Database) -> None:
    if source.is_sqlite and not await asyncio.to_thread(Path(source.url.database or "").is_file):
        raise CopyError(f"there is no database yet at {source.url.database}: see ESAFETY_DATABASE_URL")
    with _explained("the database cannot be read"):
        revision = await source.revision()
    if revision is None:
        raise CopyError("the database has no tables of this program: see ESAFETY_DATABASE_URL")
    if revision == SCHEMA_REVISION:
        return
    if revision in await asyncio.to_thread(_known_revisions):
        raise CopyError(
            f"the tables are those of an older version ({revision}, and this is {SCHEMA_REVISION}): `esafety run` brings them"
            " up to date when it starts. Or use the older version for this"
        )
    raise CopyError(f"the tables are those of a newer version of this program ({revision}): use that version for this")


async def _refuse_company(connection: AsyncConnection) -> None:
    """What a bot that runs on wrote after this moment would be left behind, and nobody would know."""
    if connection.dialect.name != "postgresql":
        return
    others = text(
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE datname = current_database() AND usename = current_user AND pid <> pg_backend_pid()"
    )
    count = (await connection.execute(others)).scalar_one()
    if count:
        raise CopyError(
            f"the bot must be stopped for this, every process of it: that database has {count} other"
            f" connection{'s' * (count > 1)} of this user. (If a connection pooler holds them, give the address behind it.)"
        )


async def _make_ready(target: Database) -> None:
    if target.is_sqlite:
        await asyncio.to_thread(_new_private_file, Path(target.url.database or ""))
    with _explained("the database that is to take the records cannot be used"):
        revision = await target.revision()
        if revision is None:
            await target.migrate()
        elif revision != SCHEMA_REVISION:
            raise CopyError(
                f"the database that is to take the records has tables of another version ({revision}): give an empty one"
            )


def _new_private_file(file: Path) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        if not file.exists():
            os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except OSError as broken:
        raise CopyError(f"{file} cannot be written ({broken.strerror})") from None


def _known_revisions() -> set[str]:
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    return {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}


def _place(url: URL) -> tuple[str, ...]:
    if url.get_backend_name() == "sqlite":
        return ("sqlite", os.path.realpath(url.database or ""))
    host = "127.0.0.1" if url.host in (None, "", "localhost", "::1") else url.host
    return ("postgresql", host or "", str(url.port or 5432), url.database or url.username or "")


# Opening


@asynccontextmanager
async def _alone(database: Database) -> AsyncIterator[None]:
    """Refuses while the bot runs on an SQLite file, and keeps it from starting."""
    if not database.is_sqlite:
        yield
        return
    lock = FileLock(Path(database.url.database or ""))
    with _explained("the bot must be stopped for this"):
        lock.take()
    try:
        yield
    finally:
        lock.release()


@asynccontextmanager
async def _snapshot(database: Database) -> AsyncIterator[AsyncConnection]:
    """Reads the database as it is at one moment, whatever is written meanwhile."""
    if database.is_sqlite:
        async with database.begin(write=False) as connection:
            sound = (await connection.execute(text("PRAGMA integrity_check(1)"))).scalar_one()
            if sound != "ok":
                raise CopyError(
                    f"{database.url.database} is damaged. Stop the bot, keep the file as it is, and restore the last backup"
                )
            yield connection
        return
    async with database.engine.connect() as opened:
        connection = await opened.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        async with connection.begin():
            yield connection


@asynccontextmanager
async def _of_file(file: Path, *, write: bool) -> AsyncIterator[AsyncConnection]:
    """One transaction on the file of a backup, which gets no write-ahead log beside it.

    `Database` would give it one, and would change even a file that is only read.
    """
    engine = create_async_engine(_file_url(file, write=write), module=MostlyInPlaceModule(), hide_parameters=True)

    @event.listens_for(engine.sync_engine, "connect")
    def _settings(dbapi_connection: Any, _: Any) -> None:
        dbapi_connection.isolation_level = None
        cursor = dbapi_connection.cursor()
        # One that is broken off is thrown away, and one that is whole is brought to the disk as a whole.
        for pragma in ("journal_mode=DELETE", "synchronous=OFF", "foreign_keys=ON") if write else ():
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def _begin(connection: Any) -> None:
        connection.exec_driver_sql(TAKE_WRITE_LOCK if write else "BEGIN")

    try:
        with _explained(f"{file} could not be used"):
            async with engine.begin() as connection:
                yield connection
    finally:
        await engine.dispose()


def _file_url(file: Path, *, write: bool) -> URL:
    query = {"uri": "true", "mode": "rw"} if write else {"uri": "true", "mode": "ro", "immutable": "1"}
    return URL.create("sqlite+aiosqlite", database=file.resolve().as_uri(), query=query)


# Copying


@dataclass(slots=True)
class _Contents:
    """What was found in a database."""

    tables: dict[str, RowsDigest] = field(
        default_factory=lambda: {table.name: RowsDigest() for table in metadata.sorted_tables}
    )
    chains: AuditChains = field(default_factory=AuditChains)
    given_out: dict[str, int] = field(default_factory=dict)

    def add(self, table: Table, rows: Sequence[Row[Any]]) -> None:
        """Takes the next rows of a table, in the order of its key."""
        digest = self.tables[table.name]
        for row in rows:
            digest.add(row)
            if table is audit:
                self.chains.follow(row)
            elif table is counters and row.name == "audit":
                self.given_out[row.school] = row.last

    def copied(self) -> Copied:
        """The sum of it."""
        self.chains.end(self.given_out)
        every = json.dumps({name: asdict(digest) for name, digest in self.tables.items()}, sort_keys=True)
        return Copied(
            {name: digest.rows for name, digest in self.tables.items()},
            hashlib.sha256(every.encode()).hexdigest(),
            dict(sorted(self.chains.entries.items())),
            dict(sorted(self.chains.broken.items())),
        )


async def _into(target: Database, reading: AsyncConnection, *, broken_audit: bool, of_the_past: bool = False) -> Copied:
    with _explained("the database that is to take the records failed, and has none of them"):
        async with target.begin() as writing:
            if not target.is_sqlite:
                names = ", ".join(table.name for table in metadata.sorted_tables)
                await writing.execute(text(f"LOCK TABLE {names} IN SHARE ROW EXCLUSIVE MODE"))
            await _refuse_rows(writing)
            copied = await _copy(reading, writing)
            if copied.broken_audits and not broken_audit:
                raise CopyError(
                    f"{broken_audits_said(copied)} Nothing was copied. Find out who changed it; take an older backup, or say"
                    " --with-broken-audit to copy it as it is"
                )
            if of_the_past:
                d = deliveries.c
                waiting = (d.state.in_((DeliveryState.PENDING, DeliveryState.LEASED)), d.message_id.is_(None))
                await writing.execute(update(deliveries).where(*waiting).values(uncertain=True))
    return copied


def broken_audits_said(copied: Copied) -> str:
    """Which audits were broken, and where, in a sentence each."""
    return " ".join(
        f"The audit of {school} is not as it was written, from entry {entry} on."
        for school, entry in copied.broken_audits.items()
    )


async def _refuse_rows(connection: AsyncConnection) -> None:
    for table in metadata.sorted_tables:
        if (await connection.execute(select(literal(1)).select_from(table).limit(1))).first() is not None:
            raise CopyError(
                f"the database that is to take the records has some already (in {table.name}), and is left as it is: give an"
                " empty one. For an SQLite file, stop the bot and move the file away, with what lies beside it (-wal, -shm)"
            )


async def _copy(reading: AsyncConnection, writing: AsyncConnection) -> Copied:
    read, written = _Contents(), _Contents()
    for table in metadata.sorted_tables:
        async for rows in _batches(reading, table):
            read.add(table, rows)
            await _write(writing, table, rows)
        await _go_on_after(writing, table)
    for table in metadata.sorted_tables:
        async for rows in _batches(writing, table):
            written.add(table, rows)
    different = [name for name, digest in read.tables.items() if written.tables[name] != digest]
    if different:
        raise CopyError(f"what was written is not what was read (in {', '.join(different)}): nothing was kept of it")
    return written.copied()


async def _batches(connection: AsyncConnection, table: Table) -> AsyncIterator[Sequence[Row[Any]]]:
    """All rows of a table, by its key."""
    keys = tuple(table.primary_key)
    first = select(table).order_by(*keys).limit(_BATCH)
    query = first
    while True:
        with _explained(f"{table.name} could not be read"):
            rows = (await connection.execute(query)).all()
        # Nothing here need ever wait, and whoever breaks it off should be heard.
        await asyncio.sleep(0)
        if rows:
            yield rows
        if len(rows) < _BATCH:
            return
        # Not a cursor that stays open: our SQLite driver takes all rows of a statement at once.
        last = (literal(getattr(rows[-1], key.name), key.type) for key in keys)
        query = first.where(tuple_(*keys) > tuple_(*last))


async def _write(connection: AsyncConnection, table: Table, rows: Sequence[Row[Any]]) -> None:
    try:
        await connection.execute(insert(table), [row._asdict() for row in rows])
    except (SQLAlchemyError, ValueError) as broken:
        why = _does_not_fit(table, rows) or _reason(broken)
        raise CopyError(f"{table.name} could not be written ({why}): nothing was kept of it") from None


def _does_not_fit(table: Table, rows: Sequence[Row[Any]]) -> str:
    """SQLite takes any text anywhere, and PostgreSQL does not."""
    for row in rows:
        for column in table.columns:
            value = getattr(row, column.name)
            if not isinstance(value, str):
                continue
            key = ", ".join(f"{k.name} {getattr(row, k.name)}" for k in table.primary_key)
            if isinstance(column.type, String) and column.type.length is not None and len(value) > column.type.length:
                return f"{column.name} is longer than {column.type.length} characters at {key}"
            if "\0" in value:
                return f"{column.name} holds a character that PostgreSQL does not take, at {key}"
    return ""


async def _go_on_after(connection: AsyncConnection, table: Table) -> None:
    """PostgreSQL gives out numbers from a sequence, which knows nothing of those that were written with a row."""
    column = table.autoincrement_column
    if column is None or connection.dialect.name != "postgresql":
        return
    highest = (await connection.execute(select(func.max(column)))).scalar()
    if highest is not None:
        await connection.execute(select(func.setval(func.pg_get_serial_sequence(table.name, column.name), highest)))


# What went wrong


@contextmanager
def _explained(what: str) -> Iterator[None]:
    try:
        yield
    except (SQLAlchemyError, asyncpg.PostgresError, asyncpg.InterfaceError, OSError, ValueError) as broken:
        raise CopyError(f"{what} ({_reason(broken)})") from None


def _reason(broken: BaseException) -> str:
    """Why, as the database says it, where that cannot quote a record; else the kind of error alone."""
    if isinstance(broken, DatabaseTroubleError):
        return f"{broken}: {_reason(broken.orig)}" if broken.orig is not None else str(broken)
    cause: BaseException | None = broken.orig if isinstance(broken, DBAPIError) else broken
    if cause is not None and isinstance(cause.__cause__, asyncpg.PostgresError):
        cause = cause.__cause__
    match cause:
        case asyncpg.PostgresError():
            quotes = (cause.sqlstate or "").startswith(_DATA_ERRORS)
            return type(cause).__name__ if quotes else str(cause.args[0] if cause.args else type(cause).__name__)
        case sqlite3.Error():
            return str(cause)
        case OSError():
            return cause.strerror or str(cause) or type(cause).__name__
    return type(cause).__name__
