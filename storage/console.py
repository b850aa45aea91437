"""What the local console keeps of its chat, so that a restart loses none of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import insert, select, update

from storage import sealed as s
from storage import tables as t
from storage.database import Database
from storage.vault import EVERYBODY, SchoolKeys


@dataclass(frozen=True, slots=True)
class ConsoleMessage:
    """A message of the console: `person` is empty for the bot's own; `body` holds its drawings or what was typed."""

    id: int
    place: str
    person: str
    at: datetime
    changed: bool
    body: Mapping[str, Any]


class ConsoleLog:
    """The messages of the console's places."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, place: str, person: str, body: Mapping[str, Any], at: datetime) -> ConsoleMessage:
        """Adds a message at the end of a place."""
        m = t.console_messages
        keys = await self._keys(make=True)
        async with self._database.begin() as connection:
            values = {"place": place, "person": person, "at": at, "body": {}, "sealed": s.sealed_body(keys, place, body)}
            row = await connection.execute(insert(m).values(values).returning(m.c.id))
            return ConsoleMessage(row.scalar_one(), place, person, at, False, body)

    async def change(self, message_id: int, body: Mapping[str, Any]) -> ConsoleMessage | None:
        """Changes a message where it stands; None if there is none."""
        m = t.console_messages
        keys = await self._keys(make=True)
        async with self._database.begin() as connection:
            row = (await connection.execute(select(m).where(m.c.id == message_id))).first()
            if row is None:
                return None
            sealed = s.sealed_body(keys, row.place, body)
            await connection.execute(update(m).where(m.c.id == message_id).values(body={}, sealed=sealed, changed=True))
        return ConsoleMessage(row.id, row.place, row.person, row.at, True, body)

    async def of_place(self, place: str, most: int = 200) -> list[ConsoleMessage]:
        """The latest messages of a place, oldest first."""
        m = t.console_messages
        keys = await self._keys(make=False)
        async with self._database.begin(write=False) as connection:
            rows = await connection.execute(select(m).where(m.c.place == place).order_by(m.c.id.desc()).limit(most))
            bodies = [(r, s.opened_body(keys, r.place, r.body, r.sealed)) for r in rows]
        return [ConsoleMessage(r.id, r.place, r.person, r.at, r.changed, body) for r, body in reversed(bodies)]

    async def _keys(self, *, make: bool) -> SchoolKeys:
        return await self._database.vault.of_school(EVERYBODY, make=make)
