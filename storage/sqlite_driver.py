"""aiosqlite with one trip to its thread for each statement, where SQLAlchemy's own adapter makes four.

A trip costs more than most statements here (cursor, execute, fetch, close: each a queue, a future and a wake-up). The adapter's
own seams are used: a DBAPI module handed to the engine, and its connection's cursor class. docs/adr/0006 has the figures.
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

_Done = tuple[Any, int, int | None, list[Any]]


class _Cursor(AsyncAdapt_aiosqlite_cursor):
    """A statement with all its rows, fetched in the trip that ran it."""

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
        await self._run(partial(_execute, operation=operation, parameters=parameters or ()))

    async def _executemany_async(self, operation: Any, seq_of_parameters: Any) -> None:
        await self._run(partial(_execute_many, operation=operation, parameters=seq_of_parameters))

    async def _run(self, work: Any) -> None:
        async with self._adapt_connection._execute_mutex:  # noqa: SLF001
            connection: Any = self._connection
            self._done = await connection._execute(work, connection._conn)  # noqa: SLF001
        self._rows = collections.deque(self._done[3])


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


class OneTripModule(AsyncAdapt_aiosqlite_dbapi):
    """What is handed to `create_async_engine(module=...)`."""

    def __init__(self) -> None:
        super().__init__(aiosqlite, sqlite3)

    def connect(self, *args: Any, **kwargs: Any) -> AsyncAdapt_aiosqlite_connection:
        """Connects, and wraps the connection in ours."""
        return _Connection(self, super().connect(*args, **kwargs)._connection)  # noqa: SLF001
