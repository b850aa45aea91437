"""The outbox: a message is leased to one worker at a time, and is never forgotten."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import cast

import pytest
import pytest_asyncio
from sqlalchemy import Connection, event, text, update

from domain.incident import MessageKind, TimerKind
from domain.people import Platform
from handlers.timers import ring
from storage import tables as t
from storage.database import Database
from storage.housekeeping import tidy
from storage.outbox import Outbox, SeenEvents
from storage.records import Records
from storage.store import Store
from tests.fakes.clock import FakeClock
from tests.fakes.keys import ring_for
from tests.handlers.office import SAFEGUARDING, Office, open_office

SLACK = frozenset({Platform.SLACK})
MINUTE = timedelta(minutes=1)


@pytest_asyncio.fixture
async def office(database: Database, clock: FakeClock) -> AsyncIterator[Office]:
    """An office in which one report has been made and nothing sent."""
    async with open_office(database, clock) as office:
        await office.reports()
        yield office


@pytest.fixture
def outbox(database: Database) -> Outbox:
    """The outbox of the database."""
    return Outbox(database)


async def test_two_workers_never_get_the_same_message(database_url: str, office: Office, outbox: Outbox) -> None:
    """Each message is taken once, whoever asks first, from two processes at the same time."""
    for _ in range(5):
        await office.reports()
    other = Database(database_url, ring_for(database_url))
    boxes = [outbox, Outbox(other)] * 4
    taken = await asyncio.gather(*(box.lease(office.clock.now(), MINUTE, 3, SLACK) for box in boxes))
    await other.close()
    ids = [d.id for batch in taken for d in batch]
    assert len(ids) == len(set(ids)) == len(await office.rows(t.deliveries))
    assert all(len(batch) <= 3 for batch in taken)


async def test_a_lease_that_runs_out_is_taken_again(office: Office, outbox: Outbox) -> None:
    """A worker that died with a message in its hand loses nobody's alert; the second attempt is counted."""
    first = await outbox.lease(office.clock.now(), MINUTE, 10, SLACK)
    assert first
    assert await outbox.lease(office.clock.now(), MINUTE, 10, SLACK) == []
    office.clock.advance(minutes=1)
    again = await outbox.lease(office.clock.now(), MINUTE, 10, SLACK)
    assert {d.id for d in again} == {d.id for d in first}
    assert {d.attempts for d in again} == {2}


async def test_what_changed_while_it_was_sent_is_sent_again(office: Office, outbox: Outbox) -> None:
    """Acknowledged between composing and sending: the copy is shown anew at once."""
    now = office.clock.now()
    leased = await outbox.lease(now, MINUTE, 10, SLACK)
    async with office.ports.store.transaction(office.school) as records:
        await records.show_again(str(leased[0].incident_id), now, MessageKind.ALERT)
    for delivery in leased:
        await outbox.sent(delivery, "C/1")
    due = await outbox.lease(now, MINUTE, 10, SLACK)
    assert {d.id for d in due} == {d.id for d in leased if d.message is MessageKind.ALERT}
    assert {d.message_id for d in due} == {"C/1"}


async def test_what_was_cancelled_stays_cancelled(office: Office, outbox: Outbox) -> None:
    """Nobody needs it any more: no change of the case, no late answer of the platform brings it back."""
    now = office.clock.now()
    leased = await outbox.lease(now, MINUTE, 10, SLACK)
    for delivery in leased:
        await outbox.cancel(delivery)
    async with office.ports.store.transaction(office.school) as records:
        await records.show_again(str(leased[0].incident_id), now, *MessageKind)
    for delivery in leased:
        await outbox.sent(delivery, "C/1")
        await outbox.retry(delivery, now, "late")
    assert await outbox.lease(now + MINUTE, MINUTE, 10, SLACK) == []
    assert {r.state for r in await office.rows(t.deliveries)} == {"cancelled"}


async def test_a_message_put_off_waits_for_its_time(office: Office, outbox: Outbox) -> None:
    """The platform asked for patience: not before then, and not lost."""
    now = office.clock.now()
    (first, *_) = await outbox.lease(now, MINUTE, 10, SLACK)
    await outbox.retry(first, now + MINUTE, "ratelimited" * 20)
    assert first.id not in {d.id for d in await outbox.lease(now, MINUTE, 10, SLACK)}
    assert first.id in {d.id for d in await outbox.lease(now + MINUTE, MINUTE, 10, SLACK)}


async def test_a_worker_takes_only_what_its_chats_can_send(office: Office, outbox: Outbox) -> None:
    """A process that serves only Teams leaves Slack's messages to another."""
    assert await outbox.lease(office.clock.now(), MINUTE, 10, frozenset({Platform.TEAMS})) == []
    assert await outbox.has_due(office.clock.now())


async def test_a_late_answer_after_the_lease_was_taken_over_loses_no_copy(office: Office, outbox: Outbox) -> None:
    """A slow worker and its successor both posted: whichever says so last, the row knows a message that it can change."""
    now = office.clock.now()
    (slow, *_) = await outbox.lease(now, MINUTE, 10, SLACK)
    quick = next(d for d in await outbox.lease(now + MINUTE, MINUTE, 10, SLACK) if d.id == slow.id)
    await outbox.sent(quick, "C/quick")
    await outbox.sent(slow, "C/slow")
    (row,) = await office.rows(t.deliveries, t.deliveries.c.id == slow.id)
    assert row.state == "sent"
    assert row.message_id == "C/quick"


async def test_the_backlog_is_counted(office: Office, outbox: Outbox) -> None:
    """What is due and what was given up, for /metrics."""
    now = office.clock.now()
    before = await outbox.backlog(now)
    assert before.deliveries_due == len(await office.rows(t.deliveries))
    assert before.timers_due == 0
    (first, *_) = await outbox.lease(now, MINUTE, 10, SLACK)
    async with Store(office.database).transaction(office.school) as records:
        assert await records.bury(first, "channel_not_found")
        assert not await records.bury(first, "channel_not_found"), "it is no longer theirs to say"
    after = await outbox.backlog(now + timedelta(minutes=15))
    assert after.deliveries_dead == 1
    assert after.timers_due == 1


async def test_an_event_is_new_once(database: Database, clock: FakeClock) -> None:
    """A platform that sends an event again, even at the same moment, is answered once; after a day it is forgotten."""
    seen = SeenEvents(database)
    new = await asyncio.gather(*(seen.is_new(Platform.SLACK, "Ev1", clock.now()) for _ in range(5)))
    assert sorted(new) == [False, False, False, False, True]
    assert await seen.is_new(Platform.TEAMS, "Ev1", clock.now())
    clock.advance(days=1, seconds=1)
    await tidy(database, clock.now())
    assert await seen.is_new(Platform.SLACK, "Ev1", clock.now())


async def test_what_may_be_shown_again_since_it_was_cancelled_is_not_lost(office: Office, outbox: Outbox) -> None:
    """When it was composed nobody there might see it, and somebody changed that before it was written down: it is due again."""
    now = office.clock.now()
    leased = await outbox.lease(now, MINUTE, 10, SLACK)
    alerts = {d.id for d in leased if d.message is MessageKind.ALERT}
    async with office.ports.store.transaction(office.school) as records:
        await records.show_again(str(leased[0].incident_id), now, MessageKind.ALERT)
    for delivery in leased:
        await outbox.cancel(delivery)
    assert {d.id for d in await outbox.lease(now, MINUTE, 10, SLACK)} == alerts


async def test_a_worker_stopped_while_it_takes_messages_leaves_none_taken(office: Office, outbox: Outbox) -> None:
    """Cancelled at whatever moment, the commit included: what was taken is given back at once, and is no repeat."""
    now = office.clock.now()
    for turns in range(200):
        taking = asyncio.create_task(outbox.lease(now, MINUTE, 10, SLACK))
        for _ in range(turns):
            await asyncio.sleep(0)
        if taking.done():
            await outbox.give_back(await taking, now)
            break
        taking.cancel()
        await asyncio.wait({taking})
        assert taking.cancelled()
        rows = await office.rows(t.deliveries)
        assert {r.state for r in rows} == {"pending"}
        assert not any(r.uncertain or r.attempts for r in rows)
    else:
        pytest.fail("it never came to an end")


async def test_what_a_newer_program_has_written_is_left_to_it(office: Office, outbox: Outbox) -> None:
    """During an upgrade both run: the older one does what it knows, and neither takes nor waits for what it does not."""
    now = office.clock.now() + timedelta(days=1)
    first = (await office.rows(t.deliveries))[0].id
    async with newer_kinds(office.database):
        async with office.database.begin() as connection:
            await connection.execute(update(t.deliveries).where(t.deliveries.c.id == first).values(message="newer"))
            await connection.execute(update(t.timers).values(kind="newer"))
        taken = await outbox.lease(now, MINUTE, 10, SLACK)
        assert taken
        assert first not in {d.id for d in taken}
        assert await outbox.lease(now, MINUTE, 10, SLACK, lanes=8, a_lane=8) == []
        assert await outbox.due_timers(now, 10, [office.school.id]) == []
        assert not await outbox.has_due(now)


@asynccontextmanager
async def newer_kinds(database: Database) -> AsyncIterator[None]:
    """A database that a newer version has already brought up to date: its vocabularies are wider."""
    constraints = {"deliveries": ("message", MessageKind), "timers": ("kind", TimerKind)}
    async with database.begin() as connection:
        for table, (column, _) in constraints.items():
            if not database.is_sqlite:
                await connection.execute(text(f"ALTER TABLE {table} DROP CONSTRAINT ck_{table}_{column}"))
    if database.is_sqlite:
        event.listen(database.engine.sync_engine, "begin", _without_checks)
    yield
    async with database.begin() as connection:
        await connection.execute(update(t.deliveries).where(t.deliveries.c.message == "newer").values(message="alert"))
        await connection.execute(update(t.timers).values(kind="climb"))
        for table, (column, words) in constraints.items():
            if not database.is_sqlite:
                known = ", ".join(f"'{word}'" for word in words)
                made = f"ALTER TABLE {table} ADD CONSTRAINT ck_{table}_{column} CHECK ({column} IN ({known}))"
                await connection.execute(text(made))


def _without_checks(connection: Connection) -> None:
    connection.exec_driver_sql("PRAGMA ignore_check_constraints = ON")


async def test_a_place_is_held_while_what_it_shows_changes(database_url: str, office: Office, outbox: Outbox) -> None:
    """Several processes hold a place back while others show its cases again, and a reader comes: none waits for another."""
    cases = [await office.reports() for _ in range(4)]
    place, now = office.people["dsl"].id, office.clock.now()
    for _ in range(6):
        # The same person several times for one case.
        office.clock.advance(minutes=70)
        for _, timer in await outbox.due_timers(office.clock.now(), 64, [office.school.id]):
            await ring(office.ports, office.school, timer)
    other = Database(database_url, ring_for(database_url))

    async def holds(by: int) -> None:
        for n in range(30):
            await Outbox(other).hold((Platform.SLACK, place), now + timedelta(seconds=n * 5 + by), now)

    async def shows(by: int) -> None:
        for n in range(30):
            case = cases[(n + by) % len(cases)]
            async with office.ports.store.transaction(office.school) as records:
                await records.incident(case.id)
                await records.show_again(case.id, now, MessageKind.ALERT, MessageKind.RECEIPT, MessageKind.REMINDER)

    async def joins() -> None:
        for _ in range(30):
            async with office.ports.store.transaction(office.school) as records:
                await cast("Records", records).look_again_at(SAFEGUARDING, now)

    await asyncio.gather(holds(1), holds(2), shows(0), shows(1), joins())
    await other.close()
