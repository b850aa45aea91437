"""aiosqlite, with only what can wait sent to its thread.

Taking the write lock and committing can wait, for another process or for the disk: they go to the connection's thread, as
aiosqlite does it. Every other statement finds its pages in memory and its lock taken, and takes some tens of microseconds; a
trip to the thread and back costs more than that, and SQLAlchemy's own adapter makes four for each statement. So these run in
place, with all their rows. The adapter's own seams are used: a DBAPI module handed to the engine, and its connection's cursor
class. docs/adr/0006 has the figures.
"""

import collections
import sqlite3
from functools import partial
from typing import Any

import aiosqlite
from sqlalchemy.dialects.sqlite.aiosqlite import (
    AsyncAdapt_aiosqlite_connection,
    AsyncAdapt_aiosqlite_cursor,
    AsyncAdapt_aiosqlite_dbapi,
)
from sqlalchemy.util import immutabledict

TAKE_WRITE_LOCK = "BEGIN IMMEDIATE"

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
        work = partial(_execute, operation=operation, parameters=parameters or ())
        async with self._adapt_connection._execute_mutex:  # noqa: SLF001
            if operation == TAKE_WRITE_LOCK:
                self._keep(await connection._execute(work, connection._conn))  # noqa: SLF001
            else:
                self._keep(work(connection._conn))  # noqa: SLF001

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


class _Connection(AsyncAdapt_aiosqlite_connection):
    __slots__ = ()
    _cursor_cls = _Cursor  # type: ignore[assignment]

    def rollback(self) -> None:
        """Gives up the transaction. It waits for nothing."""
        connection: Any = self._connection
        if connection._connection:  # noqa: SLF001
            connection._conn.rollback()  # noqa: SLF001

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
        return _Connection(self, super().connect(*args, **kwargs | {"check_same_thread": False})._connection)  # noqa: SLF001
