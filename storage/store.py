"""The handlers' way into the database: one transaction on the records of one school."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from domain.people import School
from storage.database import Database
from storage.records import Records


class Store:
    """Opens transactions."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @asynccontextmanager
    async def transaction(self, school: School, *, write: bool = True) -> AsyncIterator[Records]:
        """One transaction: all of it is kept, or nothing where something is raised."""
        vault = self._database.vault
        keys = await vault.of_school(school.id, make=write)
        async with self._database.begin(write=write, together=write) as connection:
            yield Records(connection, school.id, vault, keys)
