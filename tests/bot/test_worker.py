"""The worker among faults of its own records."""

import asyncio
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from domain.messages import Message
from domain.people import Address, Platform, School
from storage import tables as t
from storage.database import Database
from tests.conftest import new_database
from tests.fakes.clock import FakeClock
from tests.handlers.office import Postbox, open_office


@dataclass(slots=True)
class SlowForSome(Postbox):
    """A chat in which a message to some places is on its way until it is let through."""

    slow: set[str] = field(default_factory=set)
    waiting: asyncio.Event = field(default_factory=asyncio.Event)
    through: asyncio.Event = field(default_factory=asyncio.Event)

    async def send(self, school: School, address: Address, message: Message, /) -> str:
        # Not super(): a dataclass with slots is another class than the one that the method was written in.
        sent = await Postbox.send(self, school, address, message)
        if address.id in self.slow:
            self.waiting.set()
            await self.through.wait()
        return sent


async def test_a_record_that_cannot_be_written_does_not_lose_another_that_is_on_its_way(
    tmp_path: Path, clock: FakeClock
) -> None:
    """One message's record is refused by the database while another is half sent: that one is recorded, and not sent again."""
    async with new_database("sqlite", tmp_path) as url:
        database = Database(url)
        async with open_office(database, clock) as office:
            await office.reports()
            (one, other, *_) = await office.rows(t.deliveries)
            async with database.begin() as connection:
                await connection.execute(
                    text(
                        "CREATE TRIGGER refuse BEFORE UPDATE ON deliveries WHEN old.state = 'leased'"
                        f" AND new.id = '{one.id}' BEGIN SELECT RAISE(ABORT, 'disk full'); END"
                    )
                )
            post = SlowForSome(slow={other.address_id})
            office.worker.messengers = {Platform.SLACK: post}
            round_of_work = asyncio.create_task(office.worker.round())
            await post.waiting.wait()
            await asyncio.sleep(0.05)
            post.through.set()
            with pytest.raises(IntegrityError, match="disk full"):
                await round_of_work
            states = {row.id: row.state for row in await office.rows(t.deliveries)}
            assert states[other.id] == "sent"
            assert states[one.id] == "leased"
        await database.close()
