"""How rows are looked up by many values at once: by any number of them, and on PostgreSQL always in the same words."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from sqlalchemy import Connection, bindparam, event, select

from domain.people import Kind
from storage import tables as t
from storage.database import Database
from storage.lookups import among
from storage.store import Store
from tests.fakes.clock import FakeClock
from tests.handlers.office import Office, open_office

_HERE = select(t.people.c.id).where(t.people.c.school == bindparam("here"))
_NAMED, _OTHERS = _HERE.where(among(t.people.c.id, "ids")), _HERE.where(~among(t.people.c.id, "ids"))
_MARKED = select(t.people_words.c.token).where(among(t.people_words.c.token, "marks"))


@pytest_asyncio.fixture
async def office(database: Database, clock: FakeClock) -> AsyncIterator[Office]:
    """The demo school, for its lists."""
    async with open_office(database, clock) as office:
        yield office


@pytest.mark.parametrize("count", [0, 1, 5])
async def test_rows_are_found_by_any_number_of_values(office: Office, count: int) -> None:
    """By none, none; and what is not among them is everything else."""
    everybody = {row.id for row in await office.rows(t.people)}
    marks = {row.token for row in await office.rows(t.people_words)}
    wanted, some = sorted(everybody)[:count], sorted(marks)[:count]
    async with office.database.begin(write=False) as connection:
        values = {"here": office.school.id, "ids": wanted}
        named = set((await connection.execute(_NAMED, values)).scalars())
        others = set((await connection.execute(_OTHERS, values)).scalars())
        marked = set((await connection.execute(_MARKED, {"marks": some})).scalars())

    assert named == set(wanted)
    assert others == everybody - named
    assert marked == set(some)


async def test_postgresql_is_asked_for_two_in_the_words_in_which_it_is_asked_for_twenty(office: Office) -> None:
    """Otherwise nearly every card would ask what no card has asked before: to be read and planned anew."""
    ids, asked = [row.id for row in await office.rows(t.people)], set[str]()

    def note(_: Connection, __: object, statement: str, *___: object) -> None:
        asked.add(statement)

    async with Store(office.database).transaction(office.school, write=False) as records:
        await records.staff()
        event.listen(office.database.engine.sync_engine, "before_cursor_execute", note)
        found = [await records.people(ids[:count]) for count in (2, 9, len(ids))]
        event.remove(office.database.engine.sync_engine, "before_cursor_execute", note)

    assert [len(people) for people in found] == [2, 9, len(ids)]
    assert len(asked) == (3 if office.database.is_sqlite else 1)


async def test_who_has_left_the_staff_is_still_called_by_name(office: Office) -> None:
    """In what they wrote; and no pupil is taken for one of staff."""
    async with Store(office.database).transaction(office.school) as records:
        teacher, it = office.people["teacher"], office.people["it"]
        await records.save_people([(it.email, it, False)])
    pupil = next(row.id for row in await office.rows(t.people, t.people.c.kind == Kind.PUPIL))
    async with Store(office.database).transaction(office.school, write=False) as records:
        assert await records.names_of_staff([teacher.id, it.id, pupil, "nobody"]) == {teacher.id: teacher.name, it.id: it.name}
        assert await records.names_of_staff([]) == {}
