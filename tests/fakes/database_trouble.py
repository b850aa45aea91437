"""What can happen to a database, done to a real one: another writer, no room, no right to write, a server that dies."""

import asyncio
import contextlib
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit, urlunsplit

import asyncpg
from sqlalchemy import event

from storage.database import Database

_UNLIMITED = 1073741823
_AS_FULL = """
CREATE FUNCTION no_room() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = 'disk_full'; END $$;
CREATE TRIGGER no_room BEFORE INSERT ON drafts FOR EACH STATEMENT EXECUTE FUNCTION no_room();
CREATE TRIGGER no_room BEFORE INSERT ON incidents FOR EACH STATEMENT EXECUTE FUNCTION no_room();
CREATE TRIGGER no_room BEFORE INSERT ON seen_events FOR EACH STATEMENT EXECUTE FUNCTION no_room();
"""
_ROOM_AGAIN = "DROP FUNCTION IF EXISTS no_room() CASCADE"
_AS_FULL_SQLITE = """
CREATE TABLE no_room (more BLOB);
CREATE TRIGGER no_room_1 BEFORE INSERT ON drafts BEGIN INSERT INTO no_room VALUES (zeroblob(33554432)); END;
CREATE TRIGGER no_room_2 BEFORE INSERT ON incidents BEGIN INSERT INTO no_room VALUES (zeroblob(33554432)); END;
CREATE TRIGGER no_room_3 BEFORE INSERT ON seen_events BEGIN INSERT INTO no_room VALUES (zeroblob(33554432)); END;
"""
"""A report asks for more pages than any file of a test has free, so that SQLite finds the disk full by itself. Else a small
report would still go into what is left of the last page of each table."""
_ROOM_AGAIN_SQLITE = "DROP TRIGGER no_room_1; DROP TRIGGER no_room_2; DROP TRIGGER no_room_3; DROP TABLE no_room;"


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[Any]:
    """Somebody else at a PostgreSQL database."""
    connection = await asyncpg.connect(url)
    try:
        yield connection
    finally:
        with contextlib.suppress(asyncpg.PostgresError, OSError):
            await connection.close()


def _file(database: Database) -> Path:
    return Path(database.url.database or "")


def _url(database: Database) -> str:
    return database.url.set(drivername="postgresql").render_as_string(hide_password=False)


@contextmanager
def _each_connection(database: Database, during: str, after: str) -> Iterator[None]:
    """A pragma on every connection that the program takes out of its pool."""

    def says(pragma: str) -> Any:
        def listener(raw: Any, *_: Any) -> None:
            raw.cursor().execute(f"PRAGMA {pragma}")

        return listener

    begins, ends = says(during), says(after)
    event.listen(database.engine.sync_engine, "checkout", begins)
    try:
        yield
    finally:
        event.remove(database.engine.sync_engine, "checkout", begins)
        event.listen(database.engine.sync_engine, "checkout", ends)


def _by_another(file: Path, script: str) -> None:
    with contextlib.closing(sqlite3.connect(file, timeout=30)) as other:
        other.executescript(script)


@asynccontextmanager
async def full(database: Database) -> AsyncIterator[None]:
    """No page more can be had, at the tables into which a report goes. It is the database itself that says so."""
    if database.is_sqlite:
        # Not on the loop, since the program itself may be writing.
        await asyncio.to_thread(_by_another, _file(database), _AS_FULL_SQLITE)
        try:
            with _each_connection(database, "max_page_count=1", f"max_page_count={_UNLIMITED}"):
                yield
        finally:
            await asyncio.to_thread(_by_another, _file(database), _ROOM_AGAIN_SQLITE)
        return
    async with connected(_url(database)) as other:
        await other.execute(_AS_FULL)
        try:
            yield
        finally:
            await other.execute(_ROOM_AGAIN)


@asynccontextmanager
async def read_only(database: Database) -> AsyncIterator[None]:
    """It can be read, and not written."""
    if database.is_sqlite:
        with _each_connection(database, "query_only=ON", "query_only=OFF"):
            yield
        return
    name = database.url.database
    async with connected(_url(database)) as other:
        await other.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
        await end_sessions(other)
    try:
        yield
    finally:
        async with connected(_url(database)) as other:
            await other.execute("SET default_transaction_read_only = off")
            await other.execute(f"ALTER DATABASE {name} RESET default_transaction_read_only")
            await end_sessions(other)


@asynccontextmanager
async def locked(database: Database) -> AsyncIterator[None]:
    """Somebody else writes, and does not come to an end."""
    if database.is_sqlite:
        other = sqlite3.connect(_file(database), isolation_level=None, check_same_thread=False)
        await asyncio.to_thread(other.execute, "BEGIN IMMEDIATE")
        try:
            yield
        finally:
            other.execute("ROLLBACK")
            other.close()
        return
    async with connected(_url(database)) as another, another.transaction():
        await another.execute("LOCK TABLE drafts, incidents, seen_events IN SHARE ROW EXCLUSIVE MODE")
        yield


@asynccontextmanager
async def gone(database: Database) -> AsyncIterator[None]:
    """The file is no longer there, or the server takes nobody."""
    if database.is_sqlite:
        away = _file(database).with_suffix(".away")
        _file(database).rename(away)
        try:
            yield
        finally:
            away.rename(_file(database))
        return
    parts = urlsplit(_url(database))
    async with connected(urlunsplit(parts._replace(path="/postgres"))) as other:
        await other.execute(f"ALTER DATABASE {database.url.database} ALLOW_CONNECTIONS false")
        await end_sessions(other, str(database.url.database))
        try:
            yield
        finally:
            await other.execute(f"ALTER DATABASE {database.url.database} ALLOW_CONNECTIONS true")


async def end_sessions(other: Any, name: str = "") -> None:
    """Ends every other connection to a database; left out, to the same one."""
    await other.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = "
        + (f"'{name}'" if name else "current_database()")
    )


TROUBLES = {"full": full, "read-only": read_only, "locked": locked, "gone": gone}


class Wire:
    """A wire to a PostgreSQL server that is cut when a commit goes over it: before it arrives, or before its answer does."""

    def __init__(self, url: str) -> None:
        self._to = urlsplit(url)
        self._server: asyncio.Server | None = None
        self.cut_at_commit = ""
        """`before` or `after` the server has committed; '' for never."""

    @property
    def url(self) -> str:
        """The same database, by way of this wire."""
        assert self._server is not None
        port = self._server.sockets[0].getsockname()[1]
        user = f"{self._to.username}@" if self._to.username else ""
        return urlunsplit(self._to._replace(netloc=f"{user}127.0.0.1:{port}", query="ssl=disable"))

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._carry, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection(self._to.hostname, self._to.port or 5432)

        lost = asyncio.Event()

        async def to_the_server() -> None:
            while data := await reader.read(65536):
                cut = self.cut_at_commit if b"COMMIT" in data else ""
                if cut:
                    self.cut_at_commit = ""
                    lost.set()
                if cut != "before":
                    back.write(data)
                if cut == "before":
                    return

        async def to_the_program() -> None:
            while data := await there.read(65536):
                if lost.is_set():
                    return
                writer.write(data)

        ways = {asyncio.create_task(to_the_server()), asyncio.create_task(to_the_program())}
        with contextlib.suppress(OSError):
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        for way in ways:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)
        for end in (writer, back):
            end.close()
