"""Whether a report could be written now. It is tried, since to read says nothing of a disk that is full or read-only."""

import asyncio
import shutil
import time
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

from sqlalchemy import delete, insert

from storage import tables as t
from storage.database import Database
from storage.trouble import DatabaseTroubleError, Trouble

PROBE_EVERY_SECONDS = 10.0
SPARE_BYTES = 50 * 1024**2
"""With less free space than this it is time to make room: a day of a school's reports takes far less."""
_AS_MUCH_AS_A_REPORT = 20_000


class DatabaseHealth:
    """Looks at a database as often as somebody asks, and writes to it now and then."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._one_at_a_time = asyncio.Lock()
        self._probed_at: float | None = None
        self._found: Trouble | None = None

    async def look(self) -> Trouble | None:
        """Why the records cannot be read or written; None where they can. At most every ten seconds it writes, to find out.

        What a transaction has met since counts at once, and is looked into by writing.
        """
        if (trouble := await self._database.why_not_ready()) is not None:
            return trouble
        async with self._one_at_a_time:
            now = time.monotonic()
            fresh = self._probed_at is not None and now - self._probed_at < PROBE_EVERY_SECONDS
            if not fresh or self._found is not self._database.trouble:
                self._found = await self._probe()
                self._probed_at = now
        return self._found

    async def _probe(self) -> Trouble | None:
        try:
            await self._write()
        except DatabaseTroubleError as no:
            return no.trouble
        return None

    async def _write(self) -> None:
        """Writes what takes as much room as a report, and takes it away again in the same transaction."""
        e = t.seen_events.c
        event = f"probe {uuid4()}"
        if self._database.is_sqlite:
            event = event.ljust(_AS_MUCH_AS_A_REPORT)
        async with self._database.begin() as connection:
            row = {"platform": "console", "event_id": event, "at": datetime.now(UTC)}
            await connection.execute(insert(t.seen_events).values(row))
            await connection.execute(delete(t.seen_events).where(e.platform == "console", e.event_id == event))

    def little_room(self) -> int | None:
        """The bytes that are free beside an SQLite file, where they are few; None where there is room, or on PostgreSQL."""
        if not self._database.is_sqlite:
            return None
        try:
            free = shutil.disk_usage(Path(self._database.url.database or "").absolute().parent).free
        except OSError:
            return None
        return free if free < SPARE_BYTES else None
