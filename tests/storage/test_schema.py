"""The schema: the migrations make what the tables say, on both databases, and wrong states cannot be written."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, insert, inspect, update
from sqlalchemy.exc import DBAPIError, IntegrityError, StatementError

from domain.retention import Keeping, KeepState
from domain.words import RetentionClass
from storage import tables as t
from storage.database import MIGRATIONS, SCHEMA_REVISION, Database, DatabaseUrlError
from tests.fakes.clock import FakeClock
from tests.handlers.office import open_office

NOW = datetime(2026, 11, 24, 10, tzinfo=UTC)


def test_the_program_knows_the_newest_migration() -> None:
    """A start compares a constant, so the constant must be Alembic's head."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    assert ScriptDirectory.from_config(config).get_current_head() == SCHEMA_REVISION


async def test_migrating_twice_changes_nothing(empty_database_url: str) -> None:
    """A second start finds the schema as the first one left it."""
    for _ in range(2):
        database = Database(empty_database_url)
        await database.migrate()
        await database.migrate()
        assert await database.ready()
        await database.close()


async def test_two_processes_may_start_at_once(empty_database_url: str) -> None:
    """Both bring the schema up to date, and neither fails."""
    starting = [Database(empty_database_url) for _ in range(3)]
    await asyncio.gather(*(d.migrate() for d in starting))
    assert all([await d.ready() for d in starting])
    for d in starting:
        await d.close()


async def test_a_database_without_the_schema_is_not_ready(empty_database_url: str) -> None:
    """`/readyz` says so, instead of failing at the first report."""
    database = Database(empty_database_url)
    assert not await database.ready()
    await database.close()


async def test_the_migrations_make_what_the_tables_say(database: Database) -> None:
    """Alembic finds nothing to add, to drop or to change."""

    def differences(connection: Connection) -> list[Any]:
        return list(compare_metadata(MigrationContext.configure(connection, opts={"compare_type": True}), t.metadata))

    async with database.begin() as connection:
        assert await connection.run_sync(differences) == []


async def test_every_check_of_the_tables_is_in_the_database(database: Database) -> None:
    """Alembic does not compare CHECK constraints, so their names are compared here."""

    def checks(connection: Connection) -> dict[str, set[str]]:
        inspector = inspect(connection)
        return {name: {str(c["name"]) for c in inspector.get_check_constraints(name)} for name in t.metadata.tables}

    async with database.begin(write=False) as connection:
        found = await connection.run_sync(checks)
    for name, table in t.metadata.tables.items():
        wanted = {str(c.name) for c in table.constraints if type(c).__name__ == "CheckConstraint"}
        assert found[name] == wanted, name


WRONG_STATES: list[tuple[str, dict[str, object]]] = [
    ("incidents", {"state": "forgotten"}),
    ("incidents", {"urgency": "whenever"}),
    ("incidents", {"about": "nobody"}),
    ("incidents", {"state": "closed"}),
    ("incidents", {"closed_at": NOW}),
    ("alerts", {"state": "acknowledged"}),
    ("alerts", {"owner_id": "somebody"}),
    ("alerts", {"owner_id": "somebody", "acknowledged_at": NOW}),
    ("alerts", {"state": "acknowledged", "owner_id": "somebody"}),
    ("deliveries", {"state": "leased"}),
    ("deliveries", {"leased_until": NOW}),
    ("deliveries", {"state": "sent"}),
    ("deliveries", {"state": "lost"}),
    ("deliveries", {"message": "gossip"}),
    ("deliveries", {"incident_id": None, "request_id": None}),
    ("timers", {"state": "rung"}),
    ("timers", {"kind": "snooze"}),
    ("timers", {"kind": "action"}),
    ("exclusions", {"why": "dismissed"}),
    ("drafts", {"state": "lost"}),
    ("participants", {"role": "bystander"}),
    ("summonses", {"why": "bored"}),
]


async def test_a_wrong_state_cannot_be_written(database: Database, clock: FakeClock) -> None:
    """An unknown state, an owner without a time, a sent message without its id, and their like: both databases refuse."""
    async with open_office(database, clock) as office:
        await office.reports(perpetrators=("Ms Okafor",))
        for table, values in WRONG_STATES:
            with pytest.raises(IntegrityError):
                async with database.begin() as connection:
                    await connection.execute(update(t.metadata.tables[table]).values(**values))


WRONG_KEEPINGS: list[dict[str, object]] = [
    {"state": "gone"},
    {"state": "erased"},
    {"state": "early"},
    {"until": NOW},
    {"kind": "whatever"},
    {"reason": "dislike"},
    {"state": "erased", "person_id": "one", "agreed_by": "one"},
]


async def test_nothing_is_erased_by_nobody_nor_early_by_one(database: Database, clock: FakeClock) -> None:
    """The database itself wants somebody who has it erased, and another where it was somebody's wish."""
    async with open_office(database, clock) as office:
        incident = await office.reports()
        async with office.ports.store.transaction(office.school) as records:
            await records.save_keeping(Keeping(incident.id, RetentionClass.OTHER, KeepState.ENDED, NOW))
        for values in WRONG_KEEPINGS:
            with pytest.raises(IntegrityError):
                async with database.begin() as connection:
                    await connection.execute(update(t.keepings).values(**values))


WRONG_ENTRIES: list[dict[str, object]] = [
    {"kind": "gossip"},
    {"done_at": NOW},
    {"done_by": "somebody"},
    {"kind": "note"},
    {"corrects": "another"},
]


async def test_a_state_is_that_of_an_action_and_somebodys_doing(database: Database, clock: FakeClock) -> None:
    """Of no note and of no correction; and what is done was done by somebody."""
    async with open_office(database, clock) as office:
        incident = await office.reports()
        row = {"id": "e", "school": "oak", "incident_id": incident.id, "person_id": "p", "kind": "action", "at": NOW}
        async with database.begin() as connection:
            await connection.execute(insert(t.case_entries).values(**row, doer_id="p", due_at=NOW))
        for values in WRONG_ENTRIES:
            with pytest.raises(IntegrityError):
                async with database.begin() as connection:
                    await connection.execute(update(t.case_entries).values(**values))


WRONG_ON_THE_DESK: list[tuple[str, dict[str, object]]] = [
    ("case_changes", {"kind": "gossip"}),
    ("case_links", {"kind": "friends"}),
    ("case_links", {"done_at": NOW}),
    ("signatures", {"done_at": NOW}),
    ("signatures", {"person_id": None}),
    ("signatures", {"done_at": NOW, "done_by": "p", "ended_at": NOW}),
    ("reviews", {"done_by": "somebody"}),
    ("register_records", {"kind": "gossip"}),
    ("register_records", {"state": "lost"}),
    ("register_records", {"versions": 0}),
    ("register_versions", {"change": "gone"}),
    ("register_versions", {"state": "lost"}),
    ("register_versions", {"number": 2}),
]


async def test_how_a_case_goes_on_and_a_register_are_what_somebody_did(database: Database, clock: FakeClock) -> None:
    """A link undone by nobody, a line signed and not wanted, a register without a wording: both databases refuse."""
    async with open_office(database, clock) as office:
        one, other = await office.reports(), await office.reports()
        made: dict[str, Any] = {"id": "a", "school": "oak", "incident_id": one.id, "person_id": "p", "at": NOW}
        line: dict[str, Any] = {"id": "a", "school": "oak", "kind": "risk", "reference": "R-1", "state": "open"}
        version: dict[str, Any] = {"id": "a", "school": "oak", "record_id": "a", "number": 1, "person_id": "p", "at": NOW}
        async with database.begin() as connection:
            for table, row in (
                (t.case_changes, {**made, "kind": "closed"}),
                (t.case_links, {**made, "kind": "related", "other_id": other.id}),
                (t.signatures, {**made, "role": "headteacher", "round": 0, "asked_as": "headteacher"}),
                (t.reviews, {**made, "due_at": NOW}),
                (t.register_records, {**line, "versions": 1, "written_by": "p", "changed_at": NOW}),
                (t.register_versions, {**version, "change": "added", "state": "open"}),
            ):
                await connection.execute(insert(table).values(**row))
        for name, values in WRONG_ON_THE_DESK:
            with pytest.raises(IntegrityError):
                async with database.begin() as connection:
                    await connection.execute(update(t.metadata.tables[name]).values(**values))
        with pytest.raises(IntegrityError):
            async with database.begin() as connection:
                await connection.execute(update(t.case_links).values(other_id=one.id))


async def test_nobody_settles_their_own_name(database: Database, clock: FakeClock) -> None:
    """Whoever may be meant cannot be the one who says that they are not."""
    async with open_office(database, clock) as office:
        await office.reports(perpetrators=("Ms Okafor",))
        dsl = office.people["dsl"].id
        with pytest.raises(IntegrityError):
            async with database.begin() as connection:
                await connection.execute(update(t.exclusions).values(why="dismissed", settled_by=dsl, settled_at=NOW))


async def test_a_moment_without_a_zone_is_refused(database: Database) -> None:
    """Nobody could say when it was."""
    naive = datetime(2026, 11, 24, 10)  # noqa: DTZ001 - that is the point
    with pytest.raises((StatementError, ValueError), match="time zone"):
        async with database.begin() as connection:
            await connection.execute(insert(t.seen_events).values(platform="slack", event_id="1", at=naive))


async def test_a_moment_comes_back_as_it_went_in(database: Database) -> None:
    """To the microsecond, with its zone."""
    at = datetime(2026, 11, 24, 10, 0, 0, 123456, tzinfo=UTC)
    async with database.begin() as connection:
        await connection.execute(insert(t.seen_events).values(platform="slack", event_id="1", at=at))
    async with database.begin(write=False) as connection:
        row = (await connection.execute(t.seen_events.select())).one()
    assert row.at == at
    assert row.at.tzinfo is not None


async def test_a_row_that_refers_to_nothing_is_refused(database: Database) -> None:
    """Foreign keys are held on SQLite too."""
    with pytest.raises(DBAPIError):
        async with database.begin() as connection:
            await connection.execute(insert(t.incident_texts).values(incident_id="none", field="where", text="x"))


@pytest.mark.parametrize("url", ["mysql://x/y", "esafety.db", "", "postgresql"])
def test_an_address_that_is_no_database_is_refused(url: str) -> None:
    """The message says what it should look like."""
    with pytest.raises(DatabaseUrlError, match="sqlite:///"):
        Database(url)
