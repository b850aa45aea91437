"""A school's file is taken away and put back: what waits of it rests, is seen, holds up nobody, and is not lost."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest
import pytest_asyncio
from aiohttp import ClientSession
from sqlalchemy import delete

from bot.auditor import Auditor
from bot.doctor import resting
from bot.metrics import Metrics
from bot.settings import Settings
from bot.status_command import look
from bot.worker import GIVE_UP_AFTER, Worker
from domain.people import School
from storage import auditing
from storage import tables as t
from storage.auditing import Auditing
from storage.database import Database
from storage.outbox import Outbox
from tests.bench.tools import free_port
from tests.fakes.clock import FakeClock
from tests.handlers.office import Office, import_people, open_office


@pytest_asyncio.fixture
async def office(database: Database, clock: FakeClock) -> AsyncIterator[Office]:
    """The demo school at work, on each kind of database."""
    async with open_office(database, clock) as office:
        yield office


def without(office: Office) -> Worker:
    """The program, started again without the school's file."""
    return Worker(office.ports, {}, Outbox(office.database), office.worker.messengers, office.worker.bell)


async def another(office: Office, clock: FakeClock) -> Office:
    """A second school on the same database, with the same people."""
    school = replace(office.school, id="oakfield", prefix="OAK")
    await import_people(office.database, school, clock.now())
    async with office.ports.store.transaction(school, write=False) as records:
        staff = await records.staff()
    people = {who: found for who, p in office.people.items() if (found := staff.by_email(p.email))}
    return replace(office.at(school), people=people)


async def test_what_waits_of_a_school_that_is_gone_rests_and_goes_on_when_it_is_back(office: Office) -> None:
    """For five days nobody tries it, nobody gives it up and no timer rings; then everything goes its way."""
    incident = await office.reports(danger="yes")
    gone = without(office)
    before = await office.rows(t.deliveries), await office.rows(t.timers)
    for _ in range(10):
        office.clock.advance(hours=12)
        assert not await gone.round()
    assert timedelta(days=5) > GIVE_UP_AFTER
    assert (await office.rows(t.deliveries), await office.rows(t.timers)) == before
    assert gone.beat_at == office.clock.now()
    await office.works()
    assert (await office.asked(incident))[:2] == ["dsl", "deputy"]
    assert {r.state for r in await office.rows(t.deliveries)} <= {"sent", "cancelled"}


async def test_what_rests_is_said_and_does_not_count_as_stuck(office: Office, database_url: str) -> None:
    """The doctor and the status name the school and how much rests; no platform is blamed for it."""
    await office.reports(danger="yes")
    office.clock.advance(hours=2)
    (found,) = await Outbox(office.database).resting(["oakfield"])
    assert (found.school, found.timers) == (office.school.id, 1)
    assert found.messages == len(await office.rows(t.deliveries))
    (finding,) = resting([found])
    status = await look(Settings(ESAFETY_DATABASE_URL=database_url, PORT=free_port()), {}, office.clock.now())
    said = "\n".join(map(str, status.lines))
    for text in (str(finding), said):
        assert f"{found.messages} messages and 1 timer of {office.school.id} rest" in text
    assert "messages: nothing is due" in said
    assert "should have rung" not in said
    assert status.as_json()["resting"] == [{"school": office.school.id, "messages": found.messages, "timers": 1}]
    assert await Outbox(office.database).resting([office.school.id]) == []


async def test_its_cases_take_nobody_elses_room(
    office: Office, clock: FakeClock, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """More of its cases are astray than the auditor looks at in a round: those of another school are set right all the same."""
    monkeypatch.setattr(auditing, "_MOST", 2)
    for _ in range(3):
        await office.reports()
    other = await another(office, clock)
    await other.reports(danger="yes")
    async with office.database.begin() as connection:
        await connection.execute(delete(t.timers))
    async with ClientSession() as session:
        served = {other.school.id: other.school}
        await Auditor(other.ports, served, Auditing(office.database, served), Metrics(), session).round()
    (timer,) = await office.rows(t.timers)
    assert timer.school == other.school.id
    assert f"of {office.school.id} rest" in caplog.text


async def test_each_process_takes_what_is_of_its_schools(office: Office, clock: FakeClock) -> None:
    """Two programs on one database, each with a school of its own: neither puts off what is the other's."""
    other = await another(office, clock)
    await office.reports()
    await other.reports()
    await other.worker.round()
    by_school: dict[str, set[str]] = {}
    for row in await office.rows(t.deliveries):
        by_school.setdefault(row.school, set()).add(row.state)
    assert by_school == {other.school.id: {"sent"}, office.school.id: {"pending"}}
    assert {r.attempts for r in await office.rows(t.deliveries)} == {0}


async def test_a_school_that_comes_back_by_another_name_is_another(office: Office) -> None:
    """What rests belongs to the file's name: nothing of it goes out as somebody else's."""
    await office.reports()
    renamed: School = replace(office.school, id="renamed")
    worker = Worker(office.ports, {renamed.id: renamed}, Outbox(office.database), office.worker.messengers, office.worker.bell)
    assert not await worker.round()
    assert office.post.sent == []
