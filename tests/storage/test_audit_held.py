"""The audit can be added to and never changed, whoever asks: the database itself refuses."""

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from storage import tables as t
from storage.database import Database
from tests.fakes.clock import FakeClock
from tests.handlers.office import open_office
from tests.storage.test_upgrade import to_revision

CHANGES = {
    "an entry is written anew": "UPDATE audit SET actor = 'bot' WHERE seq = 2",
    "an entry is taken out": "DELETE FROM audit WHERE seq = 2",
    "the last entries are cut off": "DELETE FROM audit WHERE seq > 1",
    "two entries change places": "UPDATE audit SET seq = -seq",
}
ENTRY = (
    "INSERT INTO audit (school, seq, at, actor, action, data, previous, hash)"
    " VALUES ('oak', 1, '2026-11-24 10:00:00', 'bot', 'x', '{}', '', '')"
)
OF_SQLITE = {
    "an entry is replaced": "INSERT OR REPLACE INTO audit"
    " SELECT school, seq, at, 'bot', action, incident_id, data, previous, hash FROM audit WHERE seq = 2",
    "another school's entry takes its row": "INSERT OR REPLACE INTO audit"
    " (rowid, school, seq, at, actor, action, incident_id, data, previous, hash)"
    " SELECT rowid, 'elsewhere', seq, at, actor, action, incident_id, data, previous, hash FROM audit WHERE seq = 2",
}
OF_POSTGRESQL = {
    "all of it is emptied": "TRUNCATE audit",
    "it is emptied with what hangs on it": "TRUNCATE counters, audit CASCADE",
    "by a session that calls itself a replica": "SET session_replication_role = replica; DELETE FROM audit",
}


async def run(database: Database, *statements: str) -> None:
    """As somebody with the rights of the bot types them, in one transaction."""
    async with database.begin() as connection:
        for statement in statements:
            await connection.execute(text(statement))


async def test_no_statement_changes_it(database: Database, clock: FakeClock) -> None:
    """Not a word of it, by no kind of statement; and what is added is taken as before."""
    async with open_office(database, clock) as office:
        await office.reports()
        before = await office.rows(t.audit)
        for how, statement in (CHANGES | (OF_SQLITE if database.is_sqlite else OF_POSTGRESQL)).items():
            with pytest.raises(DBAPIError, match="can be added to, and never changed"):
                await run(database, *statement.split("; "))
            assert await office.rows(t.audit) == before, how
        await office.reports()
        assert len(await office.rows(t.audit)) == len(before) + 1


async def test_down_and_up_again_it_holds(empty_database_url: str) -> None:
    """The version before can change it, as it always could; after the upgrade nobody can."""
    database = Database(empty_database_url)
    await database.migrate()
    await to_revision(database, "0005")
    await run(database, ENTRY, "UPDATE audit SET actor = 'bot'", "DELETE FROM audit")
    await database.migrate()
    with pytest.raises(DBAPIError, match="can be added to, and never changed"):
        await run(database, ENTRY, "DELETE FROM audit")
    await database.close()
