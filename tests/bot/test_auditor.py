"""The auditor: no open case is ever left alone, whatever went wrong with its timers."""

import asyncio
import logging
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
import pytest_asyncio
from aiohttp import ClientSession, web
from sqlalchemy import delete, text, update

from bot.auditor import Auditor
from bot.metrics import Metrics
from domain.incident import AlertState
from domain.messages import ActionMessage
from domain.people import Holders
from domain.words import Role
from handlers import casework
from handlers.acknowledge import Acknowledged
from storage import tables as t
from storage.auditing import Auditing
from storage.database import Database
from tests.fakes.clock import FakeClock
from tests.handlers.office import Office, open_office
from tests.handlers.test_casework import taken, to_do


@pytest_asyncio.fixture
async def office(database: Database, clock: FakeClock) -> AsyncIterator[Office]:
    async with open_office(database, clock) as office:
        yield office


@pytest_asyncio.fixture
async def session() -> AsyncIterator[ClientSession]:
    async with ClientSession() as session:
        yield session


def auditor_of(office: Office, session: ClientSession, url: str = "") -> Auditor:
    return Auditor(office.ports, {office.school.id: office.school}, Auditing(office.database), Metrics(), session, url)


async def test_where_all_is_well_it_changes_nothing(office: Office, session: ClientSession) -> None:
    """Open, acknowledged and closed cases with their timers: no finding, and a heartbeat."""
    await office.reports()
    taken = await office.reports()
    await office.works()
    await office.acknowledge("dsl", await office.alert(taken))
    before = await office.rows(t.timers)
    auditor = auditor_of(office, session)
    await auditor.round()
    assert await office.rows(t.timers) == before
    assert auditor.beat_at == office.clock.now()


async def test_an_action_that_lost_its_reminder_is_reminded_of_after_all(
    office: Office, session: ClientSession, caplog: pytest.LogCaptureFixture
) -> None:
    """Somebody has taken the timer away: whoever is to do it hears of it all the same. One that is done is left alone."""
    incident = await taken(office)
    action = (await to_do(office, incident)).lines[-1].id
    auditor = auditor_of(office, session)
    assert await auditor.auditing.astray() == []
    async with office.database.begin() as connection:
        await connection.execute(delete(t.timers).where(t.timers.c.entry_id == action))
    await auditor.round()
    await auditor.round()
    assert "nobody would have been reminded" in caplog.text
    assert len(await office.rows(t.audit, t.audit.c.action == "action.set_right")) == 1
    await office.later(days=3)
    assert office.post.to(office.people["teacher"].id, ActionMessage)
    await casework.done(office.ports, office.school, office.account("dsl"), f"{incident.id}|{action}")
    async with office.database.begin() as connection:
        await connection.execute(delete(t.timers).where(t.timers.c.entry_id == action))
    assert await auditor.auditing.astray() == []


async def test_an_alert_that_lost_its_timer_climbs_after_all(
    office: Office, session: ClientSession, caplog: pytest.LogCaptureFixture
) -> None:
    """Somebody has meddled with the database: the alert that nothing would have brought up again climbs at its deadline."""
    incident = await office.reports(danger="yes")
    await office.works()
    async with office.database.begin() as connection:
        await connection.execute(delete(t.timers))
    await auditor_of(office, session).round()
    assert "had no next step" in caplog.text
    await office.later(minutes=15)
    assert await office.asked(incident) == ["dsl", "deputy"]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_a_case_that_cannot_be_set_right_leaves_no_other_alone(
    office: Office, session: ClientSession, caplog: pytest.LogCaptureFixture
) -> None:
    """The database refuses what one of two would need: the other has its next step, and the bot goes on taking reports."""
    broken, other = await office.reports(), await office.reports()
    async with office.database.begin() as connection:
        await connection.execute(delete(t.timers))
        when = f"WHEN new.incident_id = '{broken.id}' BEGIN SELECT RAISE(ABORT, 'private words'); END"
        await connection.execute(text(f"CREATE TRIGGER refuse BEFORE INSERT ON timers {when}"))
    auditor = auditor_of(office, session)
    for _ in range(2):
        await auditor.round()
    (timer,) = await office.rows(t.timers)
    assert timer.incident_id == other.id
    assert f"case {broken.id} is left alone" in caplog.text
    assert "private words" not in caplog.text
    assert auditor.beat_at == office.clock.now()


async def test_a_case_that_was_taken_and_lost_its_timer_comes_back(office: Office, session: ClientSession) -> None:
    """Acknowledged and then forgotten by the bot itself: its owner is reminded at once."""
    incident = await office.reports()
    await office.works()
    await office.acknowledge("dsl", await office.alert(incident))
    async with office.database.begin() as connection:
        await connection.execute(update(t.timers).values(state="cancelled"))
    auditor = auditor_of(office, session)
    await asyncio.gather(auditor.round(), auditor_of(office, session).round())
    await office.works()
    reminders = await office.rows(t.deliveries, t.deliveries.c.message == "reminder")
    assert len(reminders) == 1
    assert reminders[0].state == "sent"
    timers = await office.rows(t.timers, t.timers.c.state == "pending")
    assert len(timers) == 1


async def test_a_case_that_nobody_has_to_answer_for_is_given_to_somebody_once(
    office: Office, session: ClientSession, caplog: pytest.LogCaptureFixture
) -> None:
    """Its alerts are done and the case is not: those whom its route names are asked, and nobody who is kept out of it."""
    incident = await office.reports(targets=(office.picked("dsl"),))
    async with office.database.begin() as connection:
        await connection.execute(update(t.alerts).values(state="done"))
    await asyncio.gather(auditor_of(office, session).round(), auditor_of(office, session).round())
    await auditor_of(office, session).round()
    assert caplog.text.count(incident.id) == 1
    (opened,) = [a for a in await office.alerts(incident) if a.state is AlertState.OPEN]
    await office.works()
    assert await office.asked(incident) == ["deputy", "deputy"]
    assert isinstance(await office.acknowledge("deputy", opened), Acknowledged)


async def test_a_case_without_a_duty_goes_to_the_house_that_it_was_of(office: Office, session: ClientSession) -> None:
    """The head of the same house is asked, though only the reporter had said which it is."""
    incident = await office.reports(concern="account_misuse", house="Brunel")
    before = await office.asked(incident)
    async with office.database.begin() as connection:
        await connection.execute(update(t.alerts).values(state="done"))
    await auditor_of(office, session).round()
    assert await office.asked(incident) == [*before, *before]


async def test_what_is_closed_is_left_in_peace(office: Office, session: ClientSession) -> None:
    """A closed case needs no timer."""
    await office.reports()
    async with office.database.begin() as connection:
        await connection.execute(delete(t.timers))
        await connection.execute(update(t.incidents).values(state="closed", closed_at=office.clock.now()))
    await auditor_of(office, session).round()
    assert await office.rows(t.timers) == []


async def test_duties_that_reach_nobody_are_raised(
    office: Office, session: ClientSession, caplog: pytest.LogCaptureFixture
) -> None:
    """Whoever was the safeguarding lead, the deputy and the head has left: that must not wait for the next report."""
    gone = {role: Holders() for role in (Role.DSL, Role.DEPUTY_DSL, Role.HEADTEACHER, Role.CHAIR_OF_GOVERNORS)}
    auditor = auditor_of(office.at(replace(office.school, holders={**office.school.holders, **gone})), session)
    await auditor.round()
    assert "reach nobody" in caplog.text


async def test_what_watches_from_outside_is_called_as_long_as_all_is_looked_at(
    office: Office, session: ClientSession, caplog: pytest.LogCaptureFixture
) -> None:
    """A dead-man's switch: it is called after each round, and not after one that failed. Its own failures stop nobody."""
    calls = 0
    status = 200

    async def called(_: web.Request) -> web.Response:
        nonlocal calls
        calls += 1
        return web.Response(status=status)

    app = web.Application()
    app.router.add_get("/ping", called)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    auditor = auditor_of(office, session, f"http://127.0.0.1:{runner.addresses[0][1]}/ping")
    await auditor.round()
    assert calls == 1
    status = 500
    await auditor.round()
    assert calls == 2
    await runner.cleanup()
    await auditor.round()
    assert "answers 500" in caplog.text
    assert "does not answer" in caplog.text


async def test_a_round_that_fails_gives_no_heartbeat_and_the_next_goes_on(
    office: Office, session: ClientSession, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database is away for a moment."""
    monkeypatch.setattr("bot.auditor.EVERY_SECONDS", 0.01)
    caplog.set_level(logging.ERROR)
    auditor = auditor_of(office, session)
    async with office.database.begin() as connection:
        await connection.exec_driver_sql("ALTER TABLE timers RENAME TO away")
    running = asyncio.create_task(auditor.run())
    while "could not look" not in caplog.text:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    assert auditor.beat_at is None
    async with office.database.begin() as connection:
        await connection.exec_driver_sql("ALTER TABLE away RENAME TO timers")
    while not auditor.metrics.auditor_beat_at:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
