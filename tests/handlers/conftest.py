"""The demo school at work, on both databases."""

from collections.abc import AsyncIterator

import pytest_asyncio

from storage.database import Database
from tests.fakes.clock import FakeClock
from tests.handlers.office import Office, open_office


@pytest_asyncio.fixture
async def office(database: Database, clock: FakeClock) -> AsyncIterator[Office]:
    """The demo school at work."""
    async with open_office(database, clock) as office:
        yield office
