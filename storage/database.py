"""The database: one engine, transactions that are short, and the schema brought up to date before anything else."""

import asyncio
import logging
import os
import re
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, closing, contextmanager, suppress
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import event, inspect, make_url, text
from sqlalchemy.engine import URL, Connection
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry, NullPool

from storage.fault_points import FaultPoint, reach
from storage.file_lock import FileLock
from storage.key_ring import NoRing, RingFile, RingSource
from storage.sqlite_driver import READS_WAIT_MS, TAKE_WRITE_LOCK, MostlyInPlaceModule
from storage.together import Batch, WriteLine
from storage.trouble import DatabaseTroubleError, Trouble, trouble_of

if TYPE_CHECKING:
    from storage.vault import Vault

log = logging.getLogger("esafety.storage")

MIGRATIONS = Path(__file__).parent / "migrations"
SCHEMA_REVISION = "0029"
"""The newest revision in migrations/; a test holds the two together, so that a start need not load Alembic to find out."""

PATIENCE_SECONDS = 2.0
"""How long anybody waits for the database's locks. Slack waits three seconds for an answer, and "not received" must fit in."""

_SQLITE_PRAGMAS = ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "temp_store=MEMORY", "secure_delete=ON")
_COMPACT = 7
"""An SQLite file's user_version, once nothing that a version before migration 0007 wrote lies in it unused."""
_MOST_COMPACTED_BYTES = 64 * 1024**2
_NO_TIME_AT_ALL = 0.1
_LONGEST_STATEMENT_SECONDS = 30.0
_LOCK_PATIENCE = "lock_patience_seconds"
"""Where a connection's info says, for its next transaction, how long to wait for the write lock; None to read only."""
PEOPLE_CHANGED = "people_changed"
"""Where an SQLite connection's info says that its transaction, or one that is written together with it, changed the lists."""
_MIGRATION_LOCK = 0x65736166
_MIGRATION_TRIES = 10
_REVISION = re.compile(r"(?P<own>\d{4})(?:_serves_(?P<oldest>\d{4}))?")


class DatabaseUrlError(ValueError):
    """ESAFETY_DATABASE_URL cannot be used. The message says what it should look like."""


class Database:
    """An SQLite file (one process) or a PostgreSQL database (any number)."""

    def __init__(self, url: str, keys: RingSource | None = None) -> None:
        self.url = _async_url(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self.engine = _engine(self.url)
        self._keys = keys or self._own_ring()
        # SQLite takes one writer at a time: queueing here is fair and costs nothing, where its own lock would be polled.
        self._line = WriteLine() if self.is_sqlite else None
        self._path = Path(self.url.database or "")
        self._file: tuple[int, int] | None = None
        self.trouble: Trouble | None = None
        """What the last transaction ended with, until one has written again."""

    @cached_property
    def vault(self) -> "Vault":
        """The keys under which its records are sealed."""
        # What it encrypts with takes a while to load: commands that need no key should not wait.
        from storage.vault import Vault

        return Vault(self.begin, self._keys)

    def _own_ring(self) -> RingSource:
        """Where nothing is said of a ring: beside an SQLite file."""
        file = Path(self.url.database or "").resolve()
        return RingFile(file.with_name(f"{file.name}.keys"), made_if_missing=True) if self.is_sqlite else NoRing()

    @asynccontextmanager
    async def begin(self, *, write: bool = True, together: bool = False) -> AsyncIterator[AsyncConnection]:
        """One transaction, committed at the end and rolled back when anything is raised.

        `together`: on SQLite it may be written to the disk in one with others that wait at the same time. It is short, and
        leaves nothing in memory before its end that would be wrong if it were not kept.

        Raises:
            DatabaseTroubleError: the database cannot be used now. Nothing was kept, unless the error says that it may be.
        """
        stage = "connect"
        try:
            async with self._transaction(write=write, together=together) as connection:
                stage = "work"
                yield connection
                stage = "commit"
        except DatabaseTroubleError as known:
            self.trouble = known.trouble
            raise
        except Exception as error:
            trouble = trouble_of(error)
            if trouble is None and stage == "connect":
                # Each driver has its own ways to say that nobody is there.
                trouble = Trouble.UNREACHABLE
            if trouble is None:
                raise
            self.trouble = trouble
            lost = stage == "commit" and trouble in (Trouble.UNREACHABLE, Trouble.BROKEN)
            raise DatabaseTroubleError(trouble, may_be_kept=lost, orig=getattr(error, "orig", None) or error) from error
        if write:
            self.trouble = None

    @asynccontextmanager
    async def _transaction(self, *, write: bool, together: bool) -> AsyncIterator[AsyncConnection]:
        if self.is_sqlite:
            self._hold_to_the_file()
        if not write:
            # It begins with the first statement, and ends with the connection: there is nothing to commit.
            async with self.engine.connect() as connection:
                connection.info[_LOCK_PATIENCE] = None
                yield connection
            return
        if self._line is None:
            async with self.engine.connect() as connection, _committed(connection):
                yield connection
            return
        left = await self._turn(self._line, together=together)
        if together:
            async with self._part(self._line, left) as connection:
                yield connection
            return
        try:
            async with self.engine.connect() as connection:
                connection.info[_LOCK_PATIENCE] = left
                async with _committed(connection):
                    yield connection
        finally:
            self._line.give_on()

    @asynccontextmanager
    async def _part(self, line: WriteLine, left: float) -> AsyncIterator[AsyncConnection]:
        """A part of a transaction of several; at its end all of that is on the disk."""
        try:
            batch = line.open_batch or await self._open_batch(line, left)
            async with batch.part() as connection:
                yield connection
        finally:
            line.give_on()
        await asyncio.shield(batch.kept)
        reach(FaultPoint.AFTER_COMMIT)

    async def _open_batch(self, line: WriteLine, left: float) -> Batch:
        connection = await self.engine.connect()
        try:
            connection.info[_LOCK_PATIENCE] = left
            return await line.open(connection)
        except BaseException:
            await connection.close()
            raise

    async def _turn(self, line: WriteLine, *, together: bool = False) -> float:
        """Waits for the turn to write. The seconds that are left to wait for writers outside this process."""
        loop = asyncio.get_running_loop()
        until = loop.time() + PATIENCE_SECONDS
        try:
            async with asyncio.timeout_at(until):
                await line.take(together=together)
        except TimeoutError:
            raise DatabaseTroubleError(Trouble.BUSY) from None
        left = until - loop.time()
        return PATIENCE_SECONDS if PATIENCE_SECONDS - left < _NO_TIME_AT_ALL else max(left, _NO_TIME_AT_ALL)

    def _hold_to_the_file(self) -> None:
        """Refuses where the file has been deleted or replaced: what would be written to the old one is lost with it."""
        try:
            found = self._path.stat()
        except OSError:
            found = None
        if self._file is None:
            self._file = (found.st_dev, found.st_ino) if found is not None else None
        elif found is None or self._file != (found.st_dev, found.st_ino):
            words = f"{self.url.database} was deleted or replaced while the bot was running: put it back, or restart the bot"
            raise DatabaseTroubleError(Trouble.GONE, words)

    @property
    def is_missing(self) -> bool:
        """Whether it is an SQLite file that is not there yet. To look into it would make it."""
        return self.is_sqlite and not self._path.is_file()

    async def revision(self) -> str | None:
        """The revision of the schema; None for an empty database."""
        async with self.begin(write=False) as connection:
            return await connection.run_sync(_revision)

    async def ready(self) -> bool:
        """Whether the database answers and its schema serves this program: its own, or a newer one that says so."""
        return await self.why_not_ready() is None

    async def why_not_ready(self) -> Trouble | None:
        """Why this program cannot read its records; None where it can."""
        try:
            revision = await self.revision()
        except DatabaseTroubleError as no:
            return no.trouble
        return schema_trouble(revision)

    async def migrate(self) -> None:
        """Brings the schema up to date; one that is newer and serves this program is left as it is.

        Safe to call from several processes at once: one migrates, and the others find it done.

        Raises:
            DatabaseTroubleError: it could not be done, or the schema is of a newer version that does not serve this program.
        """
        if self.is_sqlite and self.url.database:
            try:
                self._path.parent.mkdir(parents=True, exist_ok=True)
                _for_its_user_alone(self._path.resolve())
            except OSError as no:
                raise DatabaseTroubleError(Trouble.READ_ONLY, f"{self.url.database} cannot be made ({no.strerror})") from None
        await _patiently(self._migrate)

    async def _migrate(self) -> None:
        if await self.why_not_ready() is None:
            return
        if self.is_sqlite:
            async with self.begin() as connection:
                await _bring_up_to_date(connection)
            return
        # An engine of its own: to add a column to a large table may take longer than any statement of the program may.
        engine = create_async_engine(self.url, poolclass=NullPool, hide_parameters=True)
        try:
            async with engine.begin() as connection:
                await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATION_LOCK})
                # Everybody else waits behind whoever waits for a table's lock: better to let them go first, and try again.
                await connection.execute(text("SET LOCAL lock_timeout = '2s'"))
                await _bring_up_to_date(connection)
        except DatabaseTroubleError:
            raise
        except Exception as error:
            trouble = trouble_of(error) or (Trouble.UNREACHABLE if isinstance(error, OSError) else None)
            if trouble is None:
                raise
            raise DatabaseTroubleError(trouble, orig=error) from error
        finally:
            await engine.dispose()

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keeps every other bot off an SQLite file. Commands that only read, or write as a person would, need not ask for it.

        Raises:
            DatabaseTroubleError: another process has it. PostgreSQL takes any number.
        """
        if not self.is_sqlite:
            yield
            return
        lock = FileLock(self._path)
        lock.take()
        try:
            yield
        finally:
            lock.release()

    async def not_compact(self, connection: AsyncConnection) -> None:
        """Says, with the transaction, that an SQLite file has to be written anew: what it overwrites was in plain text."""
        if self.is_sqlite:
            await connection.exec_driver_sql("PRAGMA user_version = 0")

    async def compact_once(self) -> None:
        """Writes an SQLite file anew if it may have plain text of an older version in its free pages or in its log.

        Whoever wants to write waits meanwhile; so a large file is left as it is, and the log says what to do.
        """
        async with self.begin(write=False) as connection:
            if (await connection.exec_driver_sql("PRAGMA user_version")).scalar() == _COMPACT:
                return
        file = Path(self.url.database or "")
        if (await asyncio.to_thread(file.stat)).st_size > _MOST_COMPACTED_BYTES:
            log.warning("%s may still hold words of an older version where nothing reads them: see docs/keys.md", file)
            return
        if self._line is not None:
            await self._line.take()
            try:
                await asyncio.to_thread(_compact, file)
            finally:
                self._line.give_on()

    async def close(self) -> None:
        """Closes every connection; one that is still in use, as soon as it is given back."""
        # The pool that it is given back to is empty by then and looked at no more: nobody would ever close it.
        event.listen(self.engine.sync_engine.pool, "checkin", _give_up)
        await self.engine.dispose()


def _for_its_user_alone(file: Path) -> None:
    """Makes an SQLite file that nobody but its user may read, and takes the others' right to one that is there."""
    # The files beside it get the rights that this one has when SQLite makes them.
    with suppress(FileExistsError):
        os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    for part in (file, *(Path(f"{file}{end}") for end in ("-wal", "-shm"))):
        try:
            if part.is_file() and part.stat().st_mode & 0o077:
                part.chmod(0o600)
        except OSError:
            log.warning("%s can be read by others than the bot's user, and is not the bot's to change: chmod 600", part)


def _give_up(_: Any, record: ConnectionPoolEntry) -> None:
    record.invalidate()


def _compact(file: Path) -> None:
    with closing(sqlite3.connect(file, timeout=PATIENCE_SECONDS, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("VACUUM")
        busy, _, _ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if not busy:
            connection.execute(f"PRAGMA user_version = {_COMPACT}")


@asynccontextmanager
async def _committed(connection: AsyncConnection) -> AsyncIterator[None]:
    async with connection.begin():
        yield
        reach(FaultPoint.BEFORE_COMMIT)
    reach(FaultPoint.AFTER_COMMIT)


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
        return create_async_engine(
            url,
            pool_size=10,
            max_overflow=10,
            pool_timeout=PATIENCE_SECONDS,
            pool_pre_ping=True,
            hide_parameters=True,
            connect_args={
                "timeout": PATIENCE_SECONDS,
                "command_timeout": _LONGEST_STATEMENT_SECONDS,
                "server_settings": {"lock_timeout": f"{PATIENCE_SECONDS * 1000:.0f}"},
            },
        )
    engine = create_async_engine(url, pool_size=5, max_overflow=0, module=MostlyInPlaceModule(), hide_parameters=True)

    @event.listens_for(engine.sync_engine, "connect")
    def _settings(dbapi_connection: Any, _: Any) -> None:
        # The driver's own BEGIN comes too late and is deferred; with it off, `_begin` below decides.
        dbapi_connection.isolation_level = None
        cursor = dbapi_connection.cursor()
        for pragma in (f"busy_timeout={READS_WAIT_MS}", *_SQLITE_PRAGMAS):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def _begin(connection: Connection) -> None:
        adapted: Any = connection.connection.dbapi_connection
        connection.info.pop(PEOPLE_CHANGED, None)
        patience = connection.info.pop(_LOCK_PATIENCE, PATIENCE_SECONDS)
        if patience is None:
            adapted.begin_to_read()
        elif not adapted.begin_to_write(patience):
            connection.exec_driver_sql(TAKE_WRITE_LOCK)

    return engine


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def schema_trouble(revision: str | None) -> Trouble | None:
    """Whether a schema of that revision serves this program. migrations/README.md says how a revision tells."""
    found = _REVISION.fullmatch(revision or "")
    if found is None:
        return Trouble.NEW_SCHEMA if revision else Trouble.OLD_SCHEMA
    program = SCHEMA_REVISION[:4]
    if found["own"] < program:
        return Trouble.OLD_SCHEMA
    return Trouble.NEW_SCHEMA if program < (found["oldest"] or "") else None


async def _bring_up_to_date(connection: AsyncConnection) -> None:
    """Migrates, once it is this process's turn; whoever had it before may have done all there is to do."""
    match schema_trouble(await connection.run_sync(_revision)):
        case Trouble.OLD_SCHEMA:
            await connection.run_sync(_upgrade)
        case Trouble.NEW_SCHEMA:
            raise DatabaseTroubleError(Trouble.NEW_SCHEMA)
        case _:
            return


async def _patiently(work: Callable[[], Awaitable[None]]) -> None:
    for left in reversed(range(_MIGRATION_TRIES)):
        try:
            await work()
        except DatabaseTroubleError as no:
            if no.trouble is not Trouble.BUSY or not left:
                raise
        else:
            return


def _upgrade(connection: Connection) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
