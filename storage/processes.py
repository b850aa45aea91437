"""What the processes on one PostgreSQL database share beside its rows: its clock, and a bell that says that something is due.

Neither is relied upon: a process that hears no bell looks by itself, and one that cannot reach the clock goes on by its own.
"""

import asyncio
import logging
import time
from datetime import UTC, datetime, timedelta

import asyncpg
from sqlalchemy import text

from storage.database import Database

log = logging.getLogger("esafety.storage")

_CHANNEL = "esafety_due"
_COMPARE_EVERY_SECONDS = 30.0
_AGAIN_AFTER_SECONDS = 5.0
_SETTLES_SECONDS = 0.02


class SharedClock:
    """The database's clock, so that leases and deadlines are the same for every process, whatever its machine believes.

    It is read now and then, and carried on by a clock that cannot be set in between.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._began = time.monotonic()
        self._at_first = datetime.now(UTC)

    def now(self) -> datetime:
        """The present moment in UTC."""
        return self._at_first + timedelta(seconds=time.monotonic() - self._began)

    async def compare(self) -> None:
        """Reads the database's clock once.

        Raises:
            SQLAlchemyError, OSError: it cannot be read.
        """
        async with self._database.begin(write=False) as connection:
            asked = time.monotonic()
            told = (await connection.execute(text("SELECT clock_timestamp()"))).scalar_one()
            answered = time.monotonic()
        self._began, self._at_first = (asked + answered) / 2, told.astimezone(UTC)

    async def keep(self) -> None:
        """Compares for ever."""
        while True:
            await asyncio.sleep(_COMPARE_EVERY_SECONDS)
            try:
                await self.compare()
            except Exception as trouble:  # noqa: BLE001 - it goes on by what it was told last
                log.warning("the database's clock could not be read: %s", type(trouble).__name__)


class Doorbell:
    """Rings `bell` here and in every other process on the database, a moment after the last of several rings."""

    def __init__(self, database: Database, bell: asyncio.Event) -> None:
        self._database = database
        self._bell = bell
        self._pressed = asyncio.Event()

    def ring(self) -> None:
        """Something is due."""
        self._bell.set()
        self._pressed.set()

    async def run(self) -> None:
        """Listens and passes on until cancelled. What cannot be heard or said is found by looking."""
        while True:
            try:
                await self._connected()
            except Exception as trouble:  # noqa: BLE001 - errors of asyncpg, of SQLAlchemy's adapter to it, of the network
                log.warning("other processes are not heard for now: %s", type(trouble).__name__)
            # A ring that came to nothing is passed on later.
            self._pressed.set()
            await asyncio.sleep(_AGAIN_AFTER_SECONDS)

    async def _connected(self) -> None:
        connection = await self._own_connection()
        gone = asyncio.Event()

        def lost(_: object) -> None:
            gone.set()
            self._pressed.set()

        try:
            connection.add_termination_listener(lost)
            # To pass on is to wait for one lock of the whole server, which is no reason to hang up.
            await connection.execute("SET lock_timeout = 0")
            await connection.add_listener(_CHANNEL, lambda *_: self._bell.set())
            while not gone.is_set():
                await self._pressed.wait()
                self._pressed.clear()
                if gone.is_set():
                    break
                # Many reports at once are one ring: each would wait for the others' commits.
                await asyncio.sleep(_SETTLES_SECONDS)
                await connection.execute(f"NOTIFY {_CHANNEL}")
        finally:
            connection.terminate()

    async def _own_connection(self) -> asyncpg.Connection:
        """One that is made as the engine makes its own, whatever the database's URL says, and that the engine then forgets."""
        made = await self._database.engine.raw_connection()
        connection: asyncpg.Connection = made.driver_connection
        made.detach()
        return connection
