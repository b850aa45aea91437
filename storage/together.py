"""Several transactions written to the disk in one: on SQLite a commit waits for the disk, and all other writers for the commit.

Whoever wants to write stands in one line. What is written while somebody else waits behind it is left open, and the next one
goes on in the same transaction of SQLite's, each within a savepoint of its own: what one of them gives up takes nothing from
the others. Nobody is told that anything was kept before all of it is on the disk; where that fails, nothing of it is.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncTransaction

from storage.fault_points import FaultPoint, reach
from storage.trouble import DatabaseTroubleError, Trouble, trouble_of

MOST_TOGETHER: Final = 32
"""So many at most, so that the first of them does not wait for long."""


class Batch:
    """A transaction that several write in, one after the other."""

    def __init__(self, connection: AsyncConnection, transaction: AsyncTransaction) -> None:
        self.connection = connection
        self.size = 0
        self.lost: BaseException | None = None
        self._transaction = transaction
        self.kept: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        # Where all who waited have been cancelled, nobody is there to be told.
        self.kept.add_done_callback(lambda kept: kept.cancelled() or kept.exception())

    @property
    def _raw(self) -> Any:
        sync = self.connection.sync_connection
        assert sync is not None
        return sync.connection.dbapi_connection

    @asynccontextmanager
    async def part(self) -> AsyncIterator[AsyncConnection]:
        """The part of one who writes: taken back where anything is raised."""
        raw = self._raw
        raw.begin_part()
        try:
            yield self.connection
            reach(FaultPoint.BEFORE_COMMIT)
            raw.end_part()
        except BaseException as error:
            if not raw.take_part_back():
                # Full or broken, SQLite itself has rolled back all of it.
                self.lost = error
            raise
        self.size += 1

    async def commit(self) -> None:
        """Writes it to the disk, and tells everybody who waits for that how it went."""
        try:
            try:
                if self.lost is not None:
                    await self._transaction.rollback()
                    raise DatabaseTroubleError(trouble_of(self.lost) or Trouble.BROKEN, orig=self.lost)
                await self._transaction.commit()
            finally:
                await self.connection.close()
        except Exception as error:  # noqa: BLE001 - each of those who wait raises it
            self.kept.set_exception(error)
        except BaseException:
            self.kept.set_exception(DatabaseTroubleError(Trouble.UNREACHABLE, may_be_kept=True))
            raise
        else:
            self.kept.set_result(None)


class WriteLine:
    """Those who want to write, in the order in which they came; one at a time has the turn."""

    def __init__(self) -> None:
        self._taken = False
        self._waiting: deque[tuple[asyncio.Future[None], bool]] = deque()
        self._batch: Batch | None = None
        self._ending: asyncio.Task[None] | None = None

    async def take(self, *, together: bool = False) -> None:
        """One's turn, once it has come. `together`: it may go on where those before have left their transaction open."""
        if not self._taken:
            self._taken = True
            return
        mine: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((mine, together))
        try:
            await mine
        except asyncio.CancelledError:
            if mine.done() and not mine.cancelled():
                self.give_on()
            raise

    def give_on(self) -> None:
        """Ends one's turn. What was left open for the next is ended first where the next cannot go on with it."""
        while self._waiting and self._waiting[0][0].done():
            self._waiting.popleft()
        batch = self._batch
        if batch is not None and (batch.lost or batch.size >= MOST_TOGETHER or not (self._waiting and self._waiting[0][1])):
            self._batch = None
            # A task of its own, which nobody cancels who has given up waiting: the others wait as well.
            self._ending = asyncio.create_task(self._end(batch))
        elif self._waiting:
            self._waiting.popleft()[0].set_result(None)
        else:
            self._taken = False

    async def _end(self, batch: Batch) -> None:
        try:
            await batch.commit()
        finally:
            self.give_on()

    async def open(self, connection: AsyncConnection) -> Batch:
        """Begins a transaction for several on a connection, whoever comes next may go on with it. For who has the turn."""
        self._batch = Batch(connection, await connection.begin())
        return self._batch

    @property
    def open_batch(self) -> Batch | None:
        """What those before have left open, for who has the turn."""
        return self._batch
