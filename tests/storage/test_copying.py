"""Backup, restore and the move to another database: what was kept is kept, all of it, or nothing is."""

import asyncio
import os
import resource
import shutil
import sqlite3
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import JSON, Connection, delete, event, insert, select, text, update

from bot.worker import LEASE
from domain.case_changes import Result
from domain.incident import AlertState, CaseFile
from domain.messages import AlertMessage
from domain.people import Platform
from domain.words import DeliveryState, IncidentState
from handlers import close, details
from handlers.duties import ring
from handlers.figures import make_due
from storage import backup_files, copying
from storage import tables as t
from storage.backup_files import CopyError
from storage.console import ConsoleLog
from storage.copying import Copied, back_up, move, restore
from storage.database import MIGRATIONS, SCHEMA_REVISION, Database
from storage.file_lock import FileLock
from tests.conftest import new_database
from tests.fakes.clock import PATIENCE_SECONDS, FakeClock
from tests.fakes.keys import RING
from tests.fakes.tampering import SQLITE_TRIGGERS, let_go_of_the_audit
from tests.handlers.office import WHAT, Office, open_office

NOW = datetime(2026, 11, 24, 2, tzinfo=UTC)
KINDS = ("sqlite", "postgresql")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where the backup is to be."""
    folder = tmp_path / "backups"
    folder.mkdir()
    return folder / "esafety-2026-11-24.db"


@pytest_asyncio.fixture
async def office(database: Database, clock: FakeClock) -> AsyncIterator[Office]:
    """The demo school at work."""
    async with open_office(database, clock) as office:
        yield office


@asynccontextmanager
async def another(kind: str, tmp_path: Path) -> AsyncIterator[Database]:
    """A database of a kind, that nobody has used."""
    folder = tmp_path / "another"
    folder.mkdir()
    async with new_database(kind, folder) as url:
        database = Database(url, RING)
        yield database
        await database.close()


@pytest_asyncio.fixture(params=KINDS)
async def fresh(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    """A database of each kind, without a record."""
    async with another(request.param, tmp_path) as database:
        yield database


@pytest_asyncio.fixture
async def filled(tmp_path: Path, clock: FakeClock) -> AsyncIterator[Office]:
    """An office on an SQLite file with one report, of which nothing was sent."""
    folder = tmp_path / "filled"
    folder.mkdir()
    async with new_database("sqlite", folder) as url:
        database = Database(url, RING)
        async with open_office(database, clock) as office:
            await office.reports()
            yield office
        await database.close()


def left_in(folder: Path) -> list[str]:
    """What lies in a folder."""
    return sorted(path.name for path in folder.iterdir())


def content_of(file: Path) -> bytes:
    """Every byte of a file."""
    return file.read_bytes()


def rights_of(file: Path) -> int:
    """Who may do what with a file."""
    return file.stat().st_mode & 0o777


def path_of(database: Database) -> Path:
    """The file of an SQLite database."""
    return Path(database.url.database or "")


async def rows_of(database: Database) -> dict[str, int]:
    """The tables that hold anything, and how many rows."""
    async with database.begin(write=False) as connection:
        counts = {name: len((await connection.execute(select(table))).all()) for name, table in t.metadata.tables.items()}
    return {name: count for name, count in counts.items() if count}


async def until_alone(database: Database) -> None:
    """Waits for the server to have done with connections that were closed."""
    others = text("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()")
    async with asyncio.timeout(PATIENCE_SECONDS):
        count = 1
        while count:
            async with database.begin(write=False) as connection:
                count = (await connection.execute(others)).scalar_one()


# The drill


async def test_after_the_database_is_lost_the_story_goes_on(
    office: Office, fresh: Database, clock: FakeClock, file: Path
) -> None:
    """Reports in every state; a backup; the database is lost; restored on either kind, what was due is sent and done."""
    open_case, taken, done = [await office.reports() for _ in range(3)]
    await office.works()
    for incident in (taken, done):
        await office.acknowledge("dsl", await office.alert(incident))
    await close.close(
        office.ports, office.school, office.account("dsl"), (await office.alert(done)).id, "Families seen.", Result.DEALT_WITH
    )
    await office.works()
    unsent = await office.reports()
    await office.worker.outbox.lease(clock.now(), LEASE, 1, frozenset({Platform.SLACK}))
    later = await office.reports()

    backed_up = await back_up(office.database, file, NOW)
    restored = await restore(file, fresh)
    assert restored == replace(backed_up, made_at=NOW)
    assert not restored.broken_audits

    async with open_office(fresh, clock) as again:
        assert (await again.alert(open_case)).state is AlertState.OPEN
        assert (await again.incident(done)).state is IncidentState.CLOSED
        clock.advance(seconds=LEASE.total_seconds())
        await again.works()
        sent = {m.reference for m in again.post.to("safeguarding", AlertMessage) if isinstance(m, AlertMessage)}
        assert sent == {unsent.reference, later.reference}
        # They may have been sent after the backup was made, and nobody could tell: each copy says so.
        assert all(m.again for _, m in again.post.sent)
        assert {d.state for d in await again.rows(t.deliveries)} == {DeliveryState.SENT}
        shown = await details.read(again.ports, again.school, again.account("dsl"), taken.id)
        assert isinstance(shown, CaseFile)
        assert WHAT in str(shown)
        outcome = await close.close(
            again.ports,
            again.school,
            again.account("dsl"),
            (await again.alert(taken)).id,
            "Parents called.",
            Result.DEALT_WITH,
        )
        assert (await again.incident(taken)).state is IncidentState.CLOSED, outcome
        new = await again.reports()
        assert new.reference not in {i.reference for i in (open_case, taken, done, unsent, later)}
        await again.later(minutes=20)
        assert len(await again.asked(open_case)) > 1
    after = await back_up(fresh, file.with_name("after.db"), NOW)
    assert not after.broken_audits
    assert sum(after.audits.values()) > sum(backed_up.audits.values())


async def test_what_was_waiting_when_a_backup_was_made_says_that_it_may_be_a_repeat(
    filled: Office, fresh: Database, file: Path, clock: FakeClock
) -> None:
    """Pending or half sent then, and sent since, for all anybody can tell: each says so. What had arrived by then does not."""
    arrived, taken, *_ = await filled.worker.outbox.lease(clock.now(), LEASE, 2, frozenset({Platform.SLACK}))
    await filled.worker.outbox.sent(arrived, "C1/1")
    await back_up(filled.database, file, NOW)
    await restore(file, fresh)
    async with fresh.begin(write=False) as connection:
        rows = (await connection.execute(select(t.deliveries))).all()
    assert {r.id for r in rows if not r.uncertain} == {arrived.id}
    assert {r.state for r in rows if r.uncertain} == {DeliveryState.PENDING, DeliveryState.LEASED}
    assert taken.id in {r.id for r in rows if r.state == DeliveryState.LEASED}


async def test_a_school_moves_to_postgresql_and_back(filled: Office, tmp_path: Path) -> None:
    """Every record is the same in each place, to the microsecond, and the place it came from is as it was."""
    async with filled.database.begin() as connection:
        await connection.execute(
            insert(t.drafts).values(
                id="d",
                school="s",
                platform="slack",
                user_id="U1",
                state="open",
                filled={"wé": ["“x”", "𝄞"], "n": [1, 1.0, True, None, {}]},
                changed_at=datetime(2026, 3, 29, 1, 30, 0, 123456, tzinfo=UTC),
                expires_at=datetime(2026, 10, 25, 2, 30, tzinfo=UTC).astimezone(None),
            )
        )
    await _a_term_is_over(filled)
    before = await rows_of(filled.database)
    assert {"figures", "duties"} <= set(before)
    async with another("postgresql", tmp_path) as postgresql:
        there = await move(filled.database, postgresql)
        async with postgresql.begin(write=False) as connection:
            # Nobody went on with the old one meanwhile: nothing can have been sent that is not known here.
            assert not (await connection.execute(select(t.deliveries.c.id).where(t.deliveries.c.uncertain))).all()
        await until_alone(postgresql)
        home = Database(f"sqlite:///{tmp_path / 'home' / 'esafety.db'}", RING)
        back = await move(postgresql, home)
        assert there == back
        assert await rows_of(home) == await rows_of(postgresql) == await rows_of(filled.database) == before
        for table in t.metadata.sorted_tables:
            async with home.begin(write=False) as one, filled.database.begin(write=False) as other:
                found, wanted = [set(map(str, await c.execute(select(table)))) for c in (one, other)]
            assert found == wanted, table.name
        await home.close()


async def _a_term_is_over(office: Office) -> None:
    """Its figures are made, and somebody is reminded of the calendar: tables with days in them, not only moments."""
    office.clock.at = datetime(2027, 1, 11, 10, tzinfo=UTC)
    assert await make_due(office.ports, office.school)
    assert await ring(office.ports, office.school)


async def test_a_term_that_is_over_is_in_the_backup(filled: Office, fresh: Database, file: Path) -> None:
    await _a_term_is_over(filled)
    await back_up(filled.database, file, NOW)
    await restore(file, fresh)
    assert {"figures", "duties"} <= set(await rows_of(fresh))


async def test_numbers_go_on_after_the_highest(filled: Office, fresh: Database, clock: FakeClock) -> None:
    """A message of the console that comes after the move gets a number of its own."""
    for _ in range(3):
        last = await ConsoleLog(filled.database).add("dm", "", {"text": "hello"}, clock.now())
    await move(filled.database, fresh)
    assert (await ConsoleLog(fresh).add("dm", "", {}, clock.now())).id == last.id + 1


async def test_a_table_is_copied_in_pieces(filled: Office, fresh: Database, file: Path, clock: FakeClock) -> None:
    """More rows than are read at once, with a key of two columns that sorts differently in each database."""
    events = [
        {"platform": p, "event_id": f"{'Éé_zZ-'[n % 6]}{n}", "at": clock.now()} for p in ("slack", "teams") for n in range(600)
    ]
    async with filled.database.begin() as connection:
        await connection.execute(insert(t.seen_events), events)
    copied = await move(filled.database, fresh)
    assert copied.rows["seen_events"] == len(events) > copying._BATCH
    assert (await back_up(fresh, file, NOW)) == copied


# While the bot runs


async def test_a_backup_beside_a_running_bot_is_of_one_moment(office: Office, file: Path) -> None:
    """Reports are written while it is made, and between its tables: it has all of a report or nothing of it."""
    await office.reports()
    another_report, goes_on = threading.Event(), threading.Event()
    url = office.database.url.render_as_string(hide_password=False)

    async def in_another_process() -> Copied:
        database = Database(url, RING)

        @event.listens_for(database.engine.sync_engine, "before_cursor_execute")
        def wait(connection: Any, cursor: Any, statement: str, *_: Any) -> None:
            # What refers to an incident is read after it: by then there are more of them.
            if "FROM alerts" in statement or "FROM deliveries" in statement:
                another_report.set()
                assert goes_on.wait(PATIENCE_SECONDS)
                goes_on.clear()

        try:
            return await back_up(database, file, NOW)
        finally:
            await database.close()

    backing_up = asyncio.create_task(asyncio.to_thread(asyncio.run, in_another_process()))
    for _ in range(2):
        assert await asyncio.to_thread(another_report.wait, PATIENCE_SECONDS)
        another_report.clear()
        await office.reports()
        await office.works()
        goes_on.set()
    copied = await backing_up
    assert copied.rows["incidents"] == 1
    assert copied.rows["alerts"] == 1
    assert not copied.broken_audits
    assert len(await office.rows(t.incidents)) == 3
    with closing(sqlite3.connect(file)) as connection:
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        states = {state for (state,) in connection.execute("SELECT state FROM deliveries")}
    assert states == {"pending"}


async def test_a_backup_takes_no_lock_and_the_others_wait_for_it(filled: Office, file: Path, tmp_path: Path) -> None:
    """The bot has its SQLite file for itself: to move it, or to restore over it, it must be stopped."""
    home = Database(f"sqlite:///{tmp_path / 'home' / 'esafety.db'}", RING)
    lock = FileLock(path_of(filled.database))
    lock.take()
    await back_up(filled.database, file, NOW)
    for work in (move(filled.database, home), restore(file, filled.database)):
        with pytest.raises(CopyError, match=r"must be stopped.*in use"):
            await work
    lock.release()
    assert not (tmp_path / "home" / "esafety.db").exists()
    await move(filled.database, home)
    await home.close()


async def test_a_bot_on_postgresql_is_seen_by_its_connections(filled: Office, tmp_path: Path) -> None:
    """What it wrote after the move would be left behind: it must be stopped, and for a backup it need not."""
    async with another("postgresql", tmp_path) as postgresql:
        await move(filled.database, postgresql)
        home = Database(f"sqlite:///{tmp_path / 'home' / 'esafety.db'}", RING)
        bot = Database(postgresql.url.render_as_string(hide_password=False), RING)
        async with bot.begin(write=False):
            await back_up(postgresql, tmp_path / "tonight.db", NOW)
            with pytest.raises(CopyError, match=r"must be stopped.*1 other connection"):
                await move(postgresql, home)
        await bot.close()
        await until_alone(postgresql)
        await move(postgresql, home)
        await home.close()


# The file


async def test_a_backup_is_one_file_that_only_its_owner_can_read(filled: Office, file: Path, tmp_path: Path) -> None:
    """Whatever this machine's habit; and so is the database that is made of it."""
    habit = os.umask(0)
    try:
        await back_up(filled.database, file, NOW)
        home = Database(f"sqlite:///{tmp_path / 'home' / 'esafety.db'}", RING)
        await restore(file, home)
        await home.close()
    finally:
        os.umask(habit)
    assert left_in(file.parent) == [file.name]
    assert rights_of(file) == 0o600
    assert rights_of(tmp_path / "home" / "esafety.db") == 0o600


async def test_restoring_leaves_the_backup_as_it_is(filled: Office, file: Path, tmp_path: Path) -> None:
    """To the byte, with nothing beside it, since it may lie on a disk that cannot be written; however oddly it is called."""
    odd = file.with_name("St John's? #1 100%20.db")
    await back_up(filled.database, odd, NOW)
    os.chmod(odd, 0o400)  # noqa: PTH101 - a path's own way is not for a coroutine
    before = content_of(odd)
    async with another("sqlite", tmp_path) as fresh:
        await restore(odd, fresh)
    assert content_of(odd) == before
    assert left_in(file.parent) == [odd.name]


async def test_no_file_is_written_over(filled: Office, file: Path) -> None:
    """Neither a backup, nor one that is just being made, nor the database itself."""
    await back_up(filled.database, file, NOW)
    before = content_of(file)
    with pytest.raises(CopyError, match="is there already"):
        await back_up(filled.database, file, NOW)
    with pytest.raises(CopyError, match="is there already"):
        await back_up(filled.database, path_of(filled.database), NOW)
    other = file.with_name("other.db")
    open_part = os.open(file.with_name("other.db.part"), os.O_CREAT)
    os.close(open_part)
    with pytest.raises(CopyError, match=r"other\.db\.part is there"):
        await back_up(filled.database, other, NOW)
    with pytest.raises(CopyError, match="No such file"):
        await back_up(filled.database, file.parent / "nowhere" / "x.db", NOW)
    assert content_of(file) == before
    assert left_in(file.parent) == [file.name, "other.db.part"]


async def test_a_backup_that_is_broken_off_leaves_nothing(filled: Office, file: Path) -> None:
    """Stopped in the middle: no file bears the name, nor part of it."""

    async def making() -> None:
        async with asyncio.timeout(PATIENCE_SECONDS):
            await back_up(filled.database, file, NOW)

    task = asyncio.create_task(making())

    @event.listens_for(filled.database.engine.sync_engine, "before_cursor_execute")
    def stop(connection: Any, cursor: Any, statement: str, *_: Any) -> None:
        if "FROM participants" in statement:
            assert left_in(file.parent)[0].endswith(".part")
            task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task
    assert left_in(file.parent) == []


@contextmanager
def no_more_than(length: int) -> Iterator[None]:
    """A disk on which no file can grow beyond a length."""
    usual = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (length, usual[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, usual)


@pytest.mark.parametrize("room", [4096, 340_000], ids=["for the tables", "for the records"])
async def test_a_disk_that_is_full_leaves_nothing(filled: Office, file: Path, room: int) -> None:
    """It fails on the way, with a line that says so, and nothing stays that looks like a backup."""
    asked = [{"id": str(n), "school": "s", "platform": "slack", "user_id": "U1", "text": "?" * 1000} for n in range(500)]
    async with filled.database.begin() as connection:
        await connection.execute(insert(t.asked).values(at=NOW, expires_at=NOW), asked)
    with no_more_than(room), pytest.raises(CopyError, match="could not be written"):
        await back_up(filled.database, file, NOW)
    assert left_in(file.parent) == []
    await back_up(filled.database, file, NOW)


def truncated(file: Path) -> None:
    """Half of it did not arrive."""
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def flipped(file: Path) -> None:
    """A bit fell over on the way, in the middle of a word."""
    content = bytearray(file.read_bytes())
    content[content.index(b"grooming") + 3] ^= 1
    file.write_bytes(content)


def rewritten(file: Path) -> None:
    """Somebody gave a case another urgency."""
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("UPDATE incidents SET urgency = 'low'")
        connection.commit()


def thinned(file: Path) -> None:
    """Somebody took an alert's timers away."""
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("DELETE FROM timers")
        connection.commit()


def loosened(file: Path) -> None:
    """Somebody put a trigger into it."""
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("CREATE TRIGGER x AFTER INSERT ON audit BEGIN DELETE FROM audit; END")
        connection.commit()


def unsealed(file: Path) -> None:
    """It is an ordinary copy."""
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("DROP TABLE backup_seal")
        connection.commit()


def something_else(file: Path) -> None:
    """It is no database at all."""
    file.write_bytes(b"Dear all,\n" * 1000)


def emptied(file: Path) -> None:
    """The disk was full when it was copied."""
    file.write_bytes(b"")


def resealed(file: Path) -> None:
    """Somebody changed what was done in a case, and knows how a seal is made."""
    with closing(sqlite3.connect(file)) as connection:
        for trigger in SQLITE_TRIGGERS:
            connection.execute(f"DROP TRIGGER {trigger}")
        connection.execute("UPDATE audit SET actor = 'person:somebody' WHERE seq = 2")
        connection.execute("DROP TABLE backup_seal")
        connection.commit()
    backup_files.seal(file, NOW)


HARM = [truncated, flipped, rewritten, thinned, loosened, unsealed, something_else, emptied, resealed]


async def test_a_file_that_is_not_as_it_was_made_is_refused(filled: Office, file: Path, tmp_path: Path) -> None:
    """With a line that says so, and without a word of what is in it; the database stays without a record."""
    whole = file.with_name("whole.db")
    await back_up(filled.database, whole, NOW)
    async with another("sqlite", tmp_path) as fresh:
        for harm in HARM:
            shutil.copyfile(whole, file)
            harm(file)
            with pytest.raises(CopyError, match=r"(?i)damaged|no backup|not made by|audit") as refused:
                await restore(file, fresh)
            assert "group chat" not in str(refused.value), harm
            assert not await rows_of(fresh), harm
            assert left_in(file.parent) == [file.name, whole.name], harm
        await restore(whole, fresh)


async def test_a_bad_file_makes_no_database(filled: Office, file: Path, tmp_path: Path) -> None:
    """Where there was none, there is none afterwards."""
    await back_up(filled.database, file, NOW)
    flipped(file)
    home = Database(f"sqlite:///{tmp_path / 'home' / 'esafety.db'}", RING)
    with pytest.raises(CopyError, match="not as it was made"):
        await restore(file, home)
    await home.close()
    assert not (tmp_path / "home").exists()
    with pytest.raises(CopyError, match="is not there"):
        await restore(file.with_name("missing.db"), home)


# The audit


async def broken_at(office: Office, how: str) -> None:
    """Somebody with access to the database changes the audit."""
    a = t.audit.c
    statement = {
        "changed": update(t.audit).where(a.seq == 2).values(action="read"),
        "taken out": delete(t.audit).where(a.seq == 2),
        "cut off": delete(t.audit).where(a.seq >= 2),
    }[how]
    async with office.database.begin() as connection:
        await let_go_of_the_audit(connection)
        await connection.execute(statement)


@pytest.mark.parametrize(
    ("how", "kind"), [("changed", "postgresql"), ("changed", "sqlite"), ("taken out", "sqlite"), ("cut off", "sqlite")]
)
async def test_a_broken_audit_is_backed_up_and_said(filled: Office, file: Path, tmp_path: Path, how: str, kind: str) -> None:
    """No backup would be worse. To restore or move it takes somebody who knows of it."""
    await broken_at(filled, how)
    copied = await back_up(filled.database, file, NOW)
    assert copied.broken_audits == {filled.school.id: 2}
    async with another(kind, tmp_path) as fresh:
        for work in (restore(file, fresh), move(filled.database, fresh)):
            with pytest.raises(CopyError, match="from entry 2 on"):
                await work
        assert not await rows_of(fresh)
        assert (await restore(file, fresh, broken_audit=True)).broken_audits == copied.broken_audits


# What is refused


async def test_a_database_with_records_is_never_written_into(office: Office, filled: Office, file: Path) -> None:
    """Neither from a backup nor from elsewhere; it stays as it was."""
    before = await rows_of(office.database)
    await back_up(filled.database, file, NOW)
    for work in (restore(file, office.database), move(filled.database, office.database)):
        with pytest.raises(CopyError, match="has some already"):
            await work
    assert await rows_of(office.database) == before


async def test_to_where_it_is_already_is_no_move(office: Office, tmp_path: Path) -> None:
    """By whatever name it goes."""
    url = office.database.url
    if office.database.is_sqlite:
        link = tmp_path / "link.db"
        link.symlink_to(url.database or "")
        same = Database(f"sqlite:///{link}", RING)
    else:
        same = Database(url.set(host="localhost", port=None).render_as_string(hide_password=False))
    with pytest.raises(CopyError, match="already"):
        await move(office.database, same)
    await same.close()


async def test_there_must_be_something_to_back_up(file: Path, tmp_path: Path, empty_database_url: str) -> None:
    """No file, no tables: the setting is wrong, and no backup should seem to be made every night."""
    database = Database(empty_database_url)
    with pytest.raises(CopyError, match="ESAFETY_DATABASE_URL"):
        await back_up(database, file, NOW)
    await database.close()
    if database.is_sqlite:
        assert path_of(database).name not in left_in(tmp_path)
    assert left_in(file.parent) == []


@pytest.mark.parametrize(("revision", "said"), [("0001", "older version.*esafety run"), ("9999", "newer version")])
async def test_tables_of_another_version_are_left_alone(
    office: Office, file: Path, filled: Office, revision: str, said: str
) -> None:
    """A column that this program does not know would be lost."""
    async with office.database.begin() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = :to"), {"to": revision})
    with pytest.raises(CopyError, match=said):
        await back_up(office.database, file, NOW)
    with pytest.raises(CopyError, match="another version"):
        await move(filled.database, office.database)
    assert left_in(file.parent) == []
    async with office.database.begin() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = :to"), {"to": SCHEMA_REVISION})


def _config(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    return config


async def _as_of(revision: str, office: Office, file: Path) -> None:
    """Makes a backup as an older version would have."""
    async with office.database.begin() as connection:
        await connection.run_sync(lambda c: command.downgrade(_config(c), revision))
    with closing(sqlite3.connect(office.database.url.database or "")) as source, closing(sqlite3.connect(file)) as copy:
        source.backup(copy)
        copy.execute("PRAGMA journal_mode=DELETE")
    backup_files.seal(file, NOW)


async def test_a_backup_of_an_older_version_is_brought_up_to_date(
    filled: Office, fresh: Database, file: Path, clock: FakeClock
) -> None:
    """The records are there, and the file is as it was: the older version can still restore it."""
    await filled.works()
    (incident,) = await filled.rows(t.incidents)
    before = ScriptDirectory.from_config(_config()).get_revision(SCHEMA_REVISION)
    assert before is not None
    await _as_of(str(before.down_revision), filled, file)
    content = content_of(file)
    restored = await restore(file, fresh)
    assert restored.rows["incidents"] == 1
    assert not restored.broken_audits
    assert content_of(file) == content
    assert not any("older" in name or name.startswith("tmp") for name in left_in(path_of(fresh).parent) if fresh.is_sqlite)
    async with open_office(fresh, clock) as office:
        assert [r.reference for r in await office.rows(t.incidents)] == [incident.reference]
        await office.later(minutes=20)
        assert office.post.sent


async def test_a_backup_of_a_newer_version_is_refused(filled: Office, file: Path, tmp_path: Path) -> None:
    """It says which tables it has."""
    await back_up(filled.database, file, NOW)
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        connection.execute("DROP TABLE backup_seal")
        connection.commit()
    backup_files.seal(file, NOW)
    home = Database(f"sqlite:///{tmp_path / 'home' / 'esafety.db'}", RING)
    with pytest.raises(CopyError, match=r"newer version.*9999"):
        await restore(file, home)
    assert "home" not in left_in(tmp_path)


# What fails on the way


@pytest.mark.parametrize(("text_", "said"), [("x" * 300, "longer than 255"), ("a\0b", "does not take")])
async def test_what_postgresql_does_not_take_is_named_and_nothing_is_moved(
    filled: Office, tmp_path: Path, text_: str, said: str
) -> None:
    """By its table, column and key, so that it can be mended; without what it says."""
    async with filled.database.begin() as connection:
        await connection.execute(update(t.participants).values(name=text_))
        await connection.execute(update(t.people).where(t.people.c.kind == "pupil").values(name=text_))
    async with another("postgresql", tmp_path) as postgresql:
        with pytest.raises(CopyError, match=f"people could not be written.*name.*{said}.* at id ") as refused:
            await move(filled.database, postgresql)
        assert text_ not in str(refused.value)
        assert not await rows_of(postgresql)


def zeroed(file: Path, at: int, length: int) -> None:
    """A piece of the disk has gone bad."""
    with file.open("r+b") as opened:
        opened.seek(at)
        opened.write(bytes(length))


async def test_a_damaged_database_is_not_taken_for_a_whole_one(filled: Office, file: Path) -> None:
    """An index that has lost rows would make a backup that has lost them too."""
    path = path_of(filled.database)
    await filled.database.close()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        page = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'ix_alerts_school_state'").fetchone()[0]
        size = connection.execute("PRAGMA page_size").fetchone()[0]
    zeroed(path, page * size - 200, 200)
    with pytest.raises(CopyError, match=r"is damaged|malformed|could not be read"):
        await back_up(filled.database, file, NOW)
    assert left_in(file.parent) == []


async def test_a_server_that_goes_away_keeps_nothing(filled: Office, tmp_path: Path) -> None:
    """Its connection is cut in the middle: said in a line, and the target is as empty as before."""
    async with another("postgresql", tmp_path) as postgresql, another_connection(postgresql) as axe:

        @event.listens_for(filled.database.engine.sync_engine, "before_cursor_execute")
        def cut(connection: Any, cursor: Any, statement: str, *_: Any) -> None:
            if "FROM alerts" in statement:
                axe()

        with pytest.raises(CopyError, match=r"could not be written|failed"):
            await move(filled.database, postgresql)
        await postgresql.close()
        assert not await rows_of(postgresql)


@asynccontextmanager
async def another_connection(database: Database) -> AsyncIterator[Any]:
    """Something that ends every other connection to a database, at once."""
    import asyncpg

    url = database.url.set(drivername="postgresql").render_as_string(hide_password=False)

    def axe() -> None:
        async def swing() -> None:
            connection = await asyncpg.connect(url)
            await connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            await connection.close()

        thread = threading.Thread(target=asyncio.run, args=(swing(),))
        thread.start()
        thread.join(PATIENCE_SECONDS)

    yield axe


# The tables


@pytest.fixture
def columns() -> Iterator[Any]:
    """Every column there is."""
    return (column for table in t.metadata.sorted_tables for column in table.columns)


def test_every_table_can_be_copied(columns: Iterator[Any]) -> None:
    """By its key, in an order in which nothing refers to what is not there yet; and nothing comes back as something else."""
    for table in t.metadata.sorted_tables:
        assert list(table.primary_key), table.name
    for column in columns:
        assert all(key.column.table is not column.table for key in column.foreign_keys), f"{column} refers to its own table"
        if isinstance(column.type, JSON) and column.nullable:
            assert column.type.none_as_null, f"{column}: without none_as_null, nothing at all would come back as JSON's null"
