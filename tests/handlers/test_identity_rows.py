"""Somebody who can write to the database, and has none of the keys, gives himself what is another's."""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta

import pytest
import pytest_asyncio
from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.settings import DEMO_SCHOOLS
from domain.change_forms import Wish
from domain.incident import Incident
from domain.people import Kind
from domain.report_form import DetailQuestions
from handlers import opening, report
from storage import tables as t
from storage.audit_verify import follow_chains
from storage.commitments import STAFF_LIST, Amiss, Unkept
from storage.database import Database
from storage.people_files import carry_out, plan_import, read_people
from storage.store import Store
from tests.fakes.clock import FakeClock
from tests.handlers.office import WHAT, Office, open_office
from tests.handlers.test_case_changes import changes, closes, passes_on


@pytest_asyncio.fixture
async def office(database: Database, clock: FakeClock) -> AsyncIterator[Office]:
    """The demo school."""
    async with open_office(database, clock) as opened:
        yield opened


async def found(office: Office) -> list[Unkept]:
    """What `esafety audit verify` finds, of a chain that is whole."""
    (chain,) = await follow_chains(office.database, words=True)
    assert chain.broken is None
    assert chain.unkept is not None
    return chain.unkept


async def test_what_somebody_has_begun_to_type_opens_for_their_own_account_alone(office: Office) -> None:
    """The row of the draft says that it is the IT technician's: he is shown an empty form, and the teacher her own words."""
    draft_id = await office.draft("teacher")
    await report.keep_typing(office.ports, office.school, office.account("teacher"), draft_id, {"what": WHAT})
    for who, shown in (("it", False), ("teacher", True)):
        async with office.database.begin() as connection:
            await connection.execute(update(t.drafts).values(user_id=office.account(who).user_id))
        taken_up = await report.resume(office.ports, office.school, office.account(who), draft_id)
        assert isinstance(taken_up, DetailQuestions) is shown
        assert (WHAT in str(taken_up)) is shown


Tampering = Callable[[AsyncConnection, Office, Incident], Awaitable[object]]


async def _has_taken_it(connection: AsyncConnection, office: Office, case: Incident) -> None:
    mine = update(t.alerts).where(t.alerts.c.incident_id == case.id)
    at = {"state": "acknowledged", "acknowledged_at": case.reported_at}
    await connection.execute(mine.values(owner_id=office.people["cabot head"].id, **at))


async def _has_opened_it(connection: AsyncConnection, office: Office, case: Incident) -> None:
    row = {
        "id": "opening",
        "school": case.school,
        "incident_id": case.id,
        "person_id": office.people["headteacher"].id,
        "role": "headteacher",
        "at": case.reported_at,
        "until": case.due_at,
    }
    await connection.execute(insert(t.openings).values(row))


@pytest.mark.parametrize("how", [_has_taken_it, _has_opened_it], ids=lambda x: x.__name__)
async def test_whoever_gives_himself_a_case_is_found(office: Office, how: Tampering) -> None:
    """He is its owner by the database, or has opened it, and never acknowledged anything nor gave a reason."""
    other, case = [await office.reports() for _ in range(2)]
    await office.acknowledge("dsl", await office.alert(other))
    await opening.open_case(office.ports, office.school, office.account("headteacher"), other.id, "The lead is away.")
    assert await found(office) == []
    async with office.database.begin() as connection:
        await how(connection, office, case)
    assert await found(office) == [Unkept(case.school, case.reference, Amiss.LET_IN)]


async def test_whoever_keeps_a_case_open_to_himself_is_found(office: Office) -> None:
    """He opened it for a day, with a reason, as he may; by the database it is open to him for a year."""
    case = await office.reports()
    await opening.open_case(office.ports, office.school, office.account("headteacher"), case.id, "The lead is away.")
    assert await found(office) == []
    async with office.database.begin() as connection:
        await connection.execute(update(t.openings).values(until=case.due_at + timedelta(days=365)))
    assert await found(office) == [Unkept(case.school, case.reference, Amiss.LET_IN)]


async def test_whoever_gives_himself_back_what_he_has_handed_on_is_found(office: Office) -> None:
    """It was his once, so the audit knows him; since another took it on, it is not."""
    case = await office.reports()
    await office.acknowledge("dsl", await office.alert(case))
    office.clock.advance(minutes=5)
    await passes_on(office, "dsl", case, "deputy")
    assert await found(office) == []
    async with office.database.begin() as connection:
        await connection.execute(update(t.alerts).values(owner_id=office.people["dsl"].id))
    assert await found(office) == [Unkept(case.school, case.reference, Amiss.LET_IN)]


async def test_whoever_opens_a_closed_case_again_is_its_owner_by_right(office: Office) -> None:
    """They have it from then on, and not since they first took it: nothing is wrong with that."""
    case = await office.reports()
    await office.acknowledge("dsl", await office.alert(case))
    await closes(office, "dsl", case)
    office.clock.advance(minutes=5)
    await changes(office, "dsl", case, Wish.REOPEN)
    assert (await office.alert(case)).owner_id == office.people["dsl"].id
    assert await found(office) == []


async def _under_a_new_id(connection: AsyncConnection, office: Office) -> None:
    """Named in a case, he has his old self keep that, and comes onto the list as somebody else with his address."""
    me = office.people["cabot head"]
    p = t.people.c
    row = (await connection.execute(select(t.people).where(p.id == me.id))).mappings().one()
    gone = {"email": "gone@demo.example", "list_key": "gone@demo.example"}
    await connection.execute(update(t.people).where(p.id == me.id).values(**gone))
    await connection.execute(insert(t.people).values({**row, "id": "somebody-else"}))


async def _with_the_leads_address(connection: AsyncConnection, office: Office) -> None:
    p = t.people.c
    lead, me = office.people["dsl"], office.people["it"]
    free = {"email": "gone@demo.example", "list_key": "gone@demo.example"}
    await connection.execute(update(t.people).where(p.id == lead.id).values(**free))
    await connection.execute(update(t.people).where(p.id == me.id).values(email=lead.email, list_key=lead.email))


async def _as_their_line_manager(connection: AsyncConnection, office: Office) -> None:
    everybody = update(t.people).where(t.people.c.kind == "staff")
    await connection.execute(everybody.values(line_manager=office.people["it"].email))


async def _still_here(connection: AsyncConnection, office: Office) -> None:
    row = {"id": "left", "school": office.school.id, "kind": "staff", "list_key": "left@demo.example", "name": "Lee Leaver"}
    more = {"email": "left@demo.example", "search": "lee leaver", "active": True}
    await connection.execute(insert(t.people).values({**row, **more}))


LISTED = [_under_a_new_id, _with_the_leads_address, _as_their_line_manager, _still_here]


@pytest.mark.parametrize("how", LISTED, ids=lambda x: x.__name__)
async def test_a_staff_list_that_was_not_imported_so_is_found(
    office: Office, how: Callable[[AsyncConnection, Office], Awaitable[object]]
) -> None:
    """Whose roles are whose is looked up by the staff list: it is held against what was taken over last."""
    assert await found(office) == []
    async with office.database.begin() as connection:
        await how(connection, office)
    (changed,) = await found(office)
    assert (changed.reference, changed.amiss) == (STAFF_LIST, Amiss.CHANGED)
    assert [row.action for row in await office.rows(t.audit) if row.seq == changed.seq] == ["people.staff.imported"]


async def test_an_older_list_is_not_vouched_for_again(office: Office) -> None:
    """Somebody who left comes back by the rows of before, with the entry that vouched for them then put at the audit's end."""
    with_them = next(row for row in await office.rows(t.audit) if row.action == "people.staff.imported")
    before = await office.rows(t.people, t.people.c.kind == "staff")
    office.clock.advance(hours=1)
    staff = read_people(DEMO_SCHOOLS / "staff.csv", Kind.STAFF)
    del staff[office.people["cabot head"].email]
    async with Store(office.database).transaction(office.school) as records:
        await carry_out(records, await plan_import(records, Kind.STAFF, staff), office.clock.now())
    assert await found(office) == []
    async with office.database.begin() as connection:
        for row in before:
            await connection.execute(update(t.people).where(t.people.c.id == row.id).values(active=row.active))
    async with office.ports.store.transaction(office.school) as records:
        await records.note(office.clock.now(), "bot", with_them.action, staff=with_them.data["staff"])
    assert [(one.reference, one.amiss) for one in await found(office)] == [(STAFF_LIST, Amiss.CHANGED)]
