"""The keys in use: made once, found again, put under a new master key while everybody works; and a ring that does not fit."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import event, insert, select, update

from storage import tables as t
from storage.database import Database
from storage.key_ring import InlineRing, KeyMissingError, KeyRingError, MasterKey, RingFile, RingSource, SealError, new_key
from storage.sealing import Key, place
from storage.trouble import DatabaseTroubleError
from storage.vault import EVERYBODY

NOW = datetime(2026, 11, 24, tzinfo=UTC)
OLD, NEW = (MasterKey(name, name[0].encode() * 32) for name in ("old", "new"))
HERE = place("incident_texts", "text", "oak")


def ring(*keys: MasterKey) -> InlineRing:
    return InlineRing("\n".join(key.line for key in keys))


class School:
    """Cases in a database, and the programs that work on it, each with a ring of its own."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._opened: list[Database] = []
        self.sealed: dict[str, bytes] = {}

    def program(self, source: RingSource | None) -> Database:
        """Another process with a ring."""
        self._opened.append(Database(self.url, source))
        return self._opened[-1]

    async def has_a_case(self, program: Database, name: str) -> None:
        """A case with a sealed text."""
        await program.vault.ready()
        key, wrapped = program.vault.new_for_case("oak", name)
        self.sealed[name] = key.seal_text(f"what happened in {name}", HERE)
        row: dict[str, Any] = {
            "id": name,
            "school": "oak",
            "reference": name,
            "concern": "grooming",
            "about": "pupil",
            "immediate_danger": False,
            "urgency": "low",
            "private": False,
            "state": "reported",
            "reporter_platform": "slack",
            "reporter_user": "U1",
            "reported_at": NOW,
            "occurred_at": NOW,
            "due_at": NOW,
            "route": {},
            "key_id": wrapped.key_id,
            "wrapped_key": wrapped.wrapped_key,
        }
        async with program.begin() as connection:
            await connection.execute(insert(t.incidents).values(row))

    async def key_of(self, program: Database, name: str) -> Key:
        async with program.begin(write=False) as connection:
            wrapped = (await connection.execute(select(t.incidents.c.wrapped_key).where(t.incidents.c.id == name))).scalar_one()
        await program.vault.ready()
        return program.vault.of_case("oak", name, wrapped)

    async def can_be_read_by(self, program: Database) -> None:
        """Every case and what belongs to none."""
        for name, sealed in self.sealed.items():
            key = await self.key_of(program, name)
            assert key.open_text(sealed, HERE) == f"what happened in {name}"
        await program.vault.of_school("oak")

    async def under(self) -> set[str]:
        """The names of the keys under which anything lies, as the columns say, which are what is asked for."""
        async with self._opened[0].begin(write=False) as connection:
            cases = (await connection.execute(select(t.incidents.c.key_id))).scalars()
            return {*cases, *(await connection.execute(select(t.school_keys.c.key_id))).scalars()}

    async def close(self) -> None:
        for program in self._opened:
            await program.close()


@pytest_asyncio.fixture
async def school(database_url: str) -> AsyncIterator[School]:
    found = School(database_url)
    yield found
    await found.close()


async def test_a_schools_keys_are_found_again(school: School) -> None:
    """Made at the first use; the same for the next start; another school's are others."""
    first, second = school.program(ring(OLD)), school.program(ring(OLD))
    keys = await first.vault.of_school("oak")
    sealed = keys.records.seal_text("x", HERE)
    again = await second.vault.of_school("oak")
    assert again.records.open_text(sealed, HERE) == "x"
    assert again.index.mark(b"be") == keys.index.mark(b"be")
    for school_id in ("elm", EVERYBODY):
        with pytest.raises(SealError):
            (await second.vault.of_school(school_id)).records.open(sealed, HERE)


async def test_two_that_make_a_schools_keys_at_once_make_the_same(school: School) -> None:
    """What the one seals the other can read."""
    programs = [school.program(ring(OLD)) for _ in range(5)]
    found = await asyncio.gather(*(p.vault.of_school("oak") for p in programs))
    assert len({keys.index.mark(b"be") for keys in found}) == 1


async def test_a_key_that_was_put_into_another_case_does_not_open(school: School) -> None:
    """Somebody with the database gives one case the key of another, to read it as their own."""
    program = school.program(ring(OLD))
    await school.has_a_case(program, "mine")
    await school.has_a_case(program, "theirs")
    i = t.incidents.c
    async with program.begin() as connection:
        theirs = select(i.wrapped_key).where(i.id == "theirs").scalar_subquery()
        await connection.execute(update(t.incidents).where(i.id == "mine").values(wrapped_key=theirs))
    with pytest.raises(SealError):
        await school.key_of(program, "mine")


# A ring that does not fit


async def test_a_key_that_the_ring_lacks_is_named(school: School) -> None:
    """At the start, and whenever something that lies under it is read."""
    await school.has_a_case(school.program(ring(OLD)), "one")
    program = school.program(ring(NEW))
    assert "has no key old, under which records are sealed" in await program.vault.trouble()
    with pytest.raises(KeyMissingError, match="no key old"):
        await school.key_of(program, "one")


async def test_a_key_in_use_that_is_taken_out_of_the_ring_is_missed_at_once(school: School, tmp_path: Path) -> None:
    """The running bot still has it in memory, and says what the next start would find."""
    file = tmp_path / "ring"
    file.write_text(OLD.line)
    running = school.program(RingFile(file))
    await school.has_a_case(running, "one")
    file.write_text(f"{NEW.line}\n# taken out before `esafety keys rotate`\n")
    assert "has no key old, under which records are sealed" in await running.vault.trouble()
    await school.can_be_read_by(running)
    await running.vault.rotate()
    assert await running.vault.trouble() == ""


async def test_a_wrong_key_of_the_right_name_is_found_out(school: School) -> None:
    """Before anything is sealed beside what nobody can open."""
    await school.program(ring(OLD)).vault.of_school("oak")
    wrong = school.program(ring(MasterKey("old", b"?" * 32)))
    assert "key old is not the key of that name" in await wrong.vault.trouble()
    with pytest.raises(SealError):
        await wrong.vault.of_school("oak")
    assert await school.program(ring(NEW, OLD)).vault.trouble() == ""


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
async def test_without_a_ring_nothing_is_sealed(school: School) -> None:
    """With PostgreSQL, where no file lies beside the database."""
    program = school.program(None)
    assert "ESAFETY_KEYS_FILE" in await program.vault.trouble()
    with pytest.raises(KeyRingError):
        await program.vault.of_school("oak")


def _beside(program: Database) -> Path:
    return Path(f"{program.url.database}.keys")


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_beside_an_sqlite_file_the_first_start_makes_a_ring(school: School) -> None:
    """Nothing need be set; it is said once that it was made; the next start finds it. To look changes nothing."""
    program, again = school.program(None), school.program(None)
    assert await program.vault.trouble() == ""
    assert not _beside(program).exists()
    await school.has_a_case(program, "one")
    assert program.vault.made is not None
    assert program.vault.made.path == _beside(program)
    assert _beside(program).stat().st_mode & 0o777 == 0o600
    await school.can_be_read_by(again)
    assert again.vault.made is None


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_a_ring_that_is_gone_is_not_made_anew(school: School) -> None:
    """A new one would open nothing, and hide that the old one is missed."""
    await school.has_a_case(school.program(None), "one")
    file = _beside(school.program(None))
    file.unlink()
    program = school.program(None)
    assert "the key ring is gone" in await program.vault.trouble()
    with pytest.raises(KeyRingError, match="put it back"):
        await program.vault.of_school("oak")
    assert not file.exists()


# Another master key


async def test_everything_is_put_under_the_new_key(school: School) -> None:
    """And only then can the old one go. Whoever has the new ring reads on all the while."""
    before = school.program(ring(OLD))
    for n in range(7):
        await school.has_a_case(before, f"case {n}")
    await before.vault.of_school("oak")
    program = school.program(ring(NEW, OLD))
    await school.can_be_read_by(program)
    uses = await program.vault.use()
    assert [(u.name, u.in_ring, u.current, u.cases, u.schools) for u in uses] == [
        ("new", True, True, 0, 0),
        ("old", True, False, 7, 2),
    ]
    assert await program.vault.rotate() == 9
    assert await school.under() == {"new"}
    await school.can_be_read_by(program)
    await school.can_be_read_by(school.program(ring(NEW)))
    assert [(u.name, u.cases, u.schools) for u in await program.vault.use()] == [("new", 7, 2), ("old", 0, 0)]
    assert await program.vault.rotate() == 0


@contextmanager
def pulled_at_update(program: Database, number: int) -> Iterator[None]:
    """The plug is pulled in the middle of the work, before that change."""
    left = number

    def counts(*arguments: Any) -> None:
        nonlocal left
        left -= arguments[2].startswith("UPDATE")
        if not left:
            raise ConnectionAbortedError

    event.listen(program.engine.sync_engine, "before_cursor_execute", counts)
    try:
        yield
    finally:
        event.remove(program.engine.sync_engine, "before_cursor_execute", counts)


@pytest.mark.parametrize("at", [1, 2, 3, 5, 6, 8, 9])
async def test_broken_off_anywhere_everything_can_be_read(school: School, at: int) -> None:
    """Between batches and within one. Begun again, it goes on."""
    before = school.program(ring(OLD))
    for n in range(7):
        await school.has_a_case(before, f"case {n}")
    await before.vault.of_school("oak")
    program = school.program(ring(NEW, OLD))
    with pulled_at_update(program, at), pytest.raises((ConnectionAbortedError, DatabaseTroubleError)):
        await program.vault.rotate(2)
    if at > 2:
        assert await school.under() == {"old", "new"}
    await school.can_be_read_by(program)
    again = school.program(ring(NEW, OLD))
    assert 0 < await again.vault.rotate() <= 9
    assert await school.under() == {"new"}
    await school.can_be_read_by(again)


async def test_two_may_rotate_at_once(school: School) -> None:
    """On two machines, by mistake."""
    before = school.program(ring(OLD))
    for n in range(20):
        await school.has_a_case(before, f"case {n:02}")
    programs = [school.program(ring(NEW, OLD)) for _ in range(3)]
    await asyncio.gather(*(p.vault.rotate(3) for p in programs))
    assert await school.under() == {"new"}
    await school.can_be_read_by(programs[0])


async def test_what_is_erased_meanwhile_stays_erased(school: School) -> None:
    """The new key must not bring back what has just been forgotten."""
    before = school.program(ring(OLD))
    await school.has_a_case(before, "one")
    program = school.program(ring(NEW, OLD))
    erase = update(t.incidents).values(key_id="", wrapped_key=None)
    async with program.begin() as connection:
        await connection.execute(erase)
    assert await program.vault.rotate() == 0
    assert await school.under() == {""}
    assert await program.vault.trouble() == ""


async def test_a_running_program_takes_up_what_comes_into_the_file(school: School, tmp_path: Path) -> None:
    """A new key, and what is put under it by the command beside it: without a restart, and without a moment's gap."""
    file = RingFile(tmp_path / "ring")
    file.make(OLD)
    running = school.program(RingFile(file.path))
    await school.has_a_case(running, "before")
    file.add(NEW)
    await school.has_a_case(running, "after")
    assert await school.under() == {"old", "new"}
    command = school.program(RingFile(file.path))
    await command.vault.rotate()
    file.add(third := new_key(NOW))
    await school.program(RingFile(file.path)).vault.rotate()
    await school.can_be_read_by(running)
    assert await school.under() == {third.name}


async def test_a_file_that_is_spoilt_while_the_program_runs_does_not_stop_it(school: School, tmp_path: Path) -> None:
    """It goes on with what it had, and says what is wrong."""
    file = RingFile(tmp_path / "ring")
    file.make(OLD)
    running = school.program(file)
    await school.has_a_case(running, "before")
    file.path.write_text("oops")
    await school.has_a_case(running, "after")
    await school.can_be_read_by(running)
    assert "name:base64" in await running.vault.trouble()
    file.path.write_text(OLD.line)
    assert await running.vault.trouble() == ""
