"""The demo school at work, on both databases. Whatever a test has it do leaves an entry in the audit where it must."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest_asyncio

from storage.database import Database
from tests.fakes.clock import FakeClock
from tests.fakes.watched_store import Watch, WatchedStore
from tests.handlers.office import Office, open_office


@pytest_asyncio.fixture
async def watch() -> AsyncIterator[Watch]:
    """What is seen of the transactions of a test."""
    watch = Watch()
    yield watch
    assert watch.unnoted == [], "changed or shown, and no entry in the audit"


@pytest_asyncio.fixture
async def office(database: Database, clock: FakeClock, watch: Watch) -> AsyncIterator[Office]:
    """The demo school at work."""
    async with open_office(database, clock) as office:
        office.ports = office.worker.ports = replace(office.ports, store=WatchedStore(office.ports.store, watch))
        yield office
