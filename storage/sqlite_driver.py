"""aiosqlite, with only what can wait sent to its thread.

Committing what was written can take long, for the disk: it goes to the connection's thread, as aiosqlite does it. Everything
else finds its pages in memory and its lock free, and takes some tens of microseconds; a trip to the thread and back costs more
than that, and SQLAlchemy's own adapter makes four for each statement. So these run in place, with all their rows. A write lock
that another process has is asked for again and again, with pauses of the event loop's: nothing of SQLite's ends a wait of its
own before its time, and whoever is cancelled would have to sit it out. The adapter's own seams are used: a DBAPI module handed
to the engine, and its connection's cursor class. docs/adr/0006 has the figures.
"""

import asyncio
import collections
import itertools
import sqlite3
from typing import Any

import aiosqlite
from sqlalchemy.dialects.sqlite.aiosqlite import (
    AsyncAdapt_aiosqlite_connection,
    AsyncAdapt_aiosqlite_cursor,
    AsyncAdapt_aiosqlite_dbapi,
)
from sqlalchemy.util import immutabledict

from storage.trouble import DatabaseTroubleError, Trouble

TAKE_WRITE_LOCK = "BEGIN IMMEDIATE"
_PAUSES = (0.001, 0.002, 0.005, 0.01, 0.02)
"""Seconds between two looks whether the lock is free; the last for all that follow."""
READS_WAIT_MS = 2000
"""How long anything else waits for a lock of SQLite's own, such as while a log is put in order that a killed process left."""

_Done = tuple[Any, int, int | None, list[Any]]


class SqliteBuildError(RuntimeError):
    """This Python's SQLite cannot be used from two threads: it was built without its own locking."""


class _Cursor(AsyncAdapt_aiosqlite_cursor):
    """A statement with all its rows, fetched when it ran."""

    server_side = False

    def __init__(self, adapt_connection: AsyncAdapt_aiosqlite_connection) -> None:
        self._adapt_connection = adapt_connection
        self._connection = adapt_connection._connection  # noqa: SLF001 - the adapter's own seam
        self._rows = collections.deque()
        self._soft_closed_memoized = immutabledict()
        self._done: _Done = (None, -1, None, [])

    @property
    def description(self) -> Any:
        """The columns of the result, or None for a statement without one."""
        return self._done[0]

    @property
    def rowcount(self) -> int:
        """How many rows were changed."""
        return self._done[1]

    @property
    def lastrowid(self) -> int:
        """The id of the row inserted last."""
        return self._done[2] or 0

    def close(self) -> None:
        """Forgets the rows: nothing is open any more."""
        self._rows.clear()

    async def _async_soft_close(self) -> None:
        return

    async def _execute_async(self, operation: Any, parameters: Any) -> None:
        connection: Any = self._connection
        async with self._adapt_connection._execute_mutex:  # noqa: SLF001
            if operation == TAKE_WRITE_LOCK:
                await self._wait_for_lock()
            else:
                self._keep(_execute(connection._conn, operation, parameters or ()))  # noqa: SLF001

    async def _wait_for_lock(self) -> None:
        connection: Any = self._adapt_connection
        loop = asyncio.get_running_loop()
        until = loop.time() + connection.lock_patience_seconds
        for pause in itertools.chain(_PAUSES, itertools.repeat(_PAUSES[-1])):
            try:
                connection.take_write_lock()
            except sqlite3.OperationalError as no:
                busy = no.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
                if not busy or loop.time() >= until:
                    raise
            else:
                return
            await asyncio.sleep(min(pause, max(until - loop.time(), 0)))

    async def _executemany_async(self, operation: Any, seq_of_parameters: Any) -> None:
        connection: Any = self._connection
        async with self._adapt_connection._execute_mutex:  # noqa: SLF001
            self._keep(_execute_many(connection._conn, operation, seq_of_parameters))  # noqa: SLF001

    def _keep(self, done: _Done) -> None:
        self._done = done
        self._rows = collections.deque(done[3])


def _execute(connection: sqlite3.Connection, operation: str, parameters: Any) -> _Done:
    cursor = connection.execute(operation, parameters)
    try:
        rows = cursor.fetchall() if cursor.description else []
        return cursor.description, cursor.rowcount, cursor.lastrowid, rows
    finally:
        cursor.close()


def _execute_many(connection: sqlite3.Connection, operation: str, parameters: Any) -> _Done:
    cursor = connection.executemany(operation, parameters)
    try:
        return None, cursor.rowcount, cursor.lastrowid, []
    finally:
        cursor.close()


class InPlaceConnection(AsyncAdapt_aiosqlite_connection):
    """A connection as the engine's listeners are given it."""

    __slots__ = ("_only_reads", "lock_patience_seconds")
    _cursor_cls = _Cursor  # type: ignore[assignment]

    def __init__(self, dbapi: Any, connection: Any) -> None:
        super().__init__(dbapi, connection)
        self._only_reads = False
        self.lock_patience_seconds = 0.0

    def begin_to_read(self) -> None:
        """Begins a transaction that writes nothing: its end is waited for by nobody."""
        self._only_reads = True
        self._raw.execute("BEGIN")

    def begin_to_write(self, patience_seconds: float) -> bool:
        """Begins a transaction with the write lock, if that is free at this moment.

        False where it is not: TAKE_WRITE_LOCK is then to be executed, which waits for it so long.
        """
        self._only_reads = False
        self.lock_patience_seconds = patience_seconds
        try:
            self.take_write_lock()
        except sqlite3.OperationalError:
            return False
        return True

    def begin_part(self) -> None:
        """Begins a part of a transaction that can be taken back by itself."""
        self._raw.execute("SAVEPOINT part")

    def end_part(self) -> None:
        """Ends it: it is part of the transaction now.

        Raises:
            DatabaseTroubleError: there is no transaction any more, as an error rolled back all of it.
        """
        try:
            self._raw.execute("RELEASE part")
        except sqlite3.Error as gone:
            raise DatabaseTroubleError(Trouble.BROKEN, orig=gone) from gone

    def take_part_back(self) -> bool:
        """Takes back what was done in it; False where all of the transaction is gone."""
        try:
            self._raw.execute("ROLLBACK TO part")
            self._raw.execute("RELEASE part")
        except sqlite3.Error:
            return False
        return True

    def take_write_lock(self) -> None:
        """Takes it now or never.

        Raises:
            sqlite3.OperationalError: another has it, or it cannot be had at all.
        """
        self._raw.execute("PRAGMA busy_timeout=0")
        try:
            self._raw.execute(TAKE_WRITE_LOCK)
        finally:
            self._raw.execute(f"PRAGMA busy_timeout={READS_WAIT_MS}")

    @property
    def _raw(self) -> sqlite3.Connection:
        connection: Any = self._connection
        raw: sqlite3.Connection = connection._conn  # noqa: SLF001
        return raw

    def commit(self) -> None:
        """Ends the transaction; what was written is waited for until it is on the disk."""
        if not self._only_reads:
            super().commit()
        elif self._is_open:
            self._raw.commit()

    def rollback(self) -> None:
        """Gives up the transaction. It waits for nothing."""
        if self._is_open:
            self._raw.rollback()

    @property
    def _is_open(self) -> bool:
        connection: Any = self._connection
        return connection._connection is not None  # noqa: SLF001

    async def _terminate_graceful_close(self) -> None:
        # Not aiosqlite's close(): cancelled while the connection is also being stopped, it waits for ever for a thread that
        # has ended, and whoever stops the program waits with it.
        connection: Any = self._connection
        if connection._running:  # noqa: SLF001
            await connection.stop()


class MostlyInPlaceModule(AsyncAdapt_aiosqlite_dbapi):
    """What is handed to `create_async_engine(module=...)`."""

    def __init__(self) -> None:
        if sqlite3.threadsafety != 3:
            raise SqliteBuildError(
                "this Python's SQLite was built without thread safety: use the Python of your system or python.org"
            )
        super().__init__(aiosqlite, sqlite3)

    def connect(self, *args: Any, **kwargs: Any) -> AsyncAdapt_aiosqlite_connection:
        """Connects, and wraps the connection in ours."""
        return InPlaceConnection(self, super().connect(*args, **kwargs | {"check_same_thread": False})._connection)  # noqa: SLF001
