"""The worker: nothing is lost, nobody holds up anybody else, and what may be a repeat says so."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

import pytest
import pytest_asyncio
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from bot.readiness import heartbeat, look
from bot.worker import GIVE_UP_AFTER, LEASE, TryLaterError, Worker, backoff
from domain.incident import Delivery
from domain.messages import AlertMessage, Message
from domain.people import Address, AddressKind, Platform, School
from storage import tables as t
from storage.database import Database
from storage.outbox import Outbox
from tests.conftest import new_database
from tests.fakes.clock import PATIENCE_SECONDS, FakeClock
from tests.fakes.keys import ring_for
from tests.handlers.office import SAFEGUARDING, Office, Postbox, open_office


@dataclass(slots=True)
class Chat(Postbox):
    """A chat in which some places are slow, refuse for a while, or lose the answer to what they have taken."""

    slow: set[str] = field(default_factory=set)
    waiting: asyncio.Event = field(default_factory=asyncio.Event)
    through: asyncio.Event = field(default_factory=asyncio.Event)
    refuses: dict[str, TryLaterError] = field(default_factory=dict)
    loses: set[str] = field(default_factory=set)
    tried: list[str] = field(default_factory=list)

    async def send(self, school: School, address: Address, message: Message, /) -> str:
        self.tried.append(address.id)
        if address.id in self.refuses:
            raise self.refuses[address.id]
        # Not super(): a dataclass with slots is another class than the one that the method was written in.
        sent = await Postbox.send(self, school, address, message)
        if address.id in self.slow:
            self.waiting.set()
            await self.through.wait()
        if address.id in self.loses:
            self.loses.remove(address.id)
            raise TryLaterError("TimeoutError", uncertain=True)
        return sent

    def alerts(self, place: str) -> list[AlertMessage]:
        return [m for address, m in self.sent if address.id == place and isinstance(m, AlertMessage)]


@pytest_asyncio.fixture
async def office(database: Database, clock: FakeClock) -> AsyncIterator[Office]:
    async with open_office(database, clock) as office:
        yield office


def at_work(office: Office) -> tuple[Worker, Chat]:
    chat = Chat()
    office.worker.messengers = {Platform.SLACK: chat}
    return office.worker, chat


def another(office: Office, chat: Chat) -> Worker:
    return Worker(
        office.ports, {office.school.id: office.school}, Outbox(office.database), {Platform.SLACK: chat}, asyncio.Event()
    )


async def settle(condition: asyncio.Event) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        await condition.wait()


async def test_a_record_that_cannot_be_written_does_not_lose_another_that_is_on_its_way(
    tmp_path: Path, clock: FakeClock
) -> None:
    """One message's record is refused by the database while another is half sent: that one is recorded, and not sent again."""
    async with new_database("sqlite", tmp_path) as url:
        database = Database(url, ring_for(url))
        async with open_office(database, clock) as office:
            await office.reports()
            (one, other, *_) = await office.rows(t.deliveries)
            async with database.begin() as connection:
                await connection.execute(
                    text(
                        "CREATE TRIGGER refuse BEFORE UPDATE ON deliveries WHEN old.state = 'leased'"
                        f" AND new.id = '{one.id}' BEGIN SELECT RAISE(ABORT, 'disk full'); END"
                    )
                )
            worker, chat = at_work(office)
            chat.slow.add(other.address_id)
            round_of_work = asyncio.create_task(worker.round())
            await settle(chat.waiting)
            chat.through.set()
            with pytest.raises(IntegrityError, match="disk full"):
                await round_of_work
            states = {row.id: row.state for row in await office.rows(t.deliveries)}
            assert states[other.id] == "sent"
            assert states[one.id] == "leased"
        await database.close()


async def test_a_place_that_does_not_answer_holds_up_nobody(office: Office) -> None:
    """The safeguarding channel hangs, full of alerts: a report that comes meanwhile reaches its people all the same."""
    worker, chat = at_work(office)
    for _ in range(12):
        await office.reports()
    channel = next(r.address_id for r in await office.rows(t.deliveries) if r.address_kind == AddressKind.CHANNEL)
    chat.slow.add(channel)
    running = asyncio.create_task(worker.run())
    await settle(chat.waiting)
    late = await office.reports(who="colleague")
    worker.bell.set()
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not any(getattr(m, "reference", "") == late.reference and a.id != channel for a, m in chat.sent):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    assert chat.tried.count(channel) == 1
    chat.through.set()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_it_says_how_late_what_it_sends_is_and_that_it_has_caught_up(office: Office) -> None:
    """Reports came while nobody sent; whoever lets questions wait for alerts must know, and know when it is over."""
    worker, _ = at_work(office)
    told = list[timedelta]()
    worker.is_late = told.append
    await office.reports()
    office.clock.advance(seconds=30)
    while await worker.round():
        pass
    assert told[0] == timedelta(seconds=30)
    assert told[-1] == timedelta(0)


async def test_a_place_that_asks_for_patience_is_left_alone_with_everything_for_it(office: Office) -> None:
    """Slack says `Retry-After: 30` for a channel: one call in that time, and then its alerts in their order."""
    _, chat = at_work(office)
    references = []
    for _ in range(5):
        references.append((await office.reports()).reference)
        office.clock.advance(seconds=1)
    channel = next(r.address_id for r in await office.rows(t.deliveries) if r.address_kind == AddressKind.CHANNEL)
    chat.refuses[channel] = TryLaterError("ratelimited", timedelta(seconds=30))
    await office.works()
    assert chat.tried.count(channel) == 1
    office.clock.advance(seconds=29)
    await office.works()
    assert chat.tried.count(channel) == 1
    chat.refuses.clear()
    await office.later(seconds=1)
    assert [m.reference for m in chat.alerts(channel)] == references
    assert not any(m.again for m in chat.alerts(channel))


async def test_who_took_a_message_and_then_fell_asleep_has_no_say_in_it_any_more(office: Office) -> None:
    """A stalled worker comes back after another has sent its message: its late word changes nothing, and is counted."""
    await office.reports()
    worker, chat = at_work(office)
    place = next(r.address_id for r in await office.rows(t.deliveries) if r.message == "receipt")
    chat.slow.add(place)
    stalled = asyncio.create_task(worker.round())
    await settle(chat.waiting)
    async with asyncio.timeout(PATIENCE_SECONDS):
        while len(worker._lanes) > 1:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    office.clock.advance(seconds=LEASE.total_seconds() + 1)
    quick = Chat()
    await another(office, quick).round()
    (again,) = [m for address, m in quick.sent if address.id == place]
    assert again.again
    before = await office.rows(t.deliveries, t.deliveries.c.address_id == place)
    chat.through.set()
    await stalled
    assert worker.tally.fenced == 1
    assert await office.rows(t.deliveries, t.deliveries.c.address_id == place) == before


async def test_a_lost_answer_makes_a_repeat_and_a_refusal_does_not(office: Office) -> None:
    """The chat took the first copy and its answer was lost: the second says that one may have had it before."""
    worker, chat = at_work(office)
    await office.reports()
    dsl = office.people["dsl"].id
    chat.loses.add(dsl)
    chat.refuses[office.account("teacher").user_id] = TryLaterError("internal_error")
    await office.works()
    chat.refuses.clear()
    await office.later(minutes=1)
    assert [m.again for m in chat.alerts(dsl)] == [False, True]
    receipts = [m for address, m in chat.sent if address.id == office.account("teacher").user_id]
    assert [m.again for m in receipts] == [False]
    assert worker.tally.repeated == 1


async def test_after_days_without_an_answer_a_message_is_given_up_and_the_alert_climbs(office: Office) -> None:
    """Somebody's chat is out of reach for days: retried all the time, not every moment, and given up in the end."""
    worker, chat = at_work(office)
    await office.reports()
    dsl = office.people["dsl"].id
    chat.refuses[dsl] = TryLaterError("account_inactive")
    for _ in range(int(GIVE_UP_AFTER / timedelta(hours=6)) + 2):
        await office.later(hours=6)
    for _ in range(8):
        await office.later(minutes=10)
    rows = await office.rows(t.deliveries, t.deliveries.c.address_id == dsl, t.deliveries.c.message == "alert")
    row = min(rows, key=lambda r: r.made_at)
    assert row.state == "dead"
    assert row.trouble == "account_inactive"
    assert worker.tally.dead >= 1
    assert chat.tried.count(dsl) > 10


async def test_what_is_under_way_when_it_stops_is_finished_and_the_rest_is_given_back(office: Office) -> None:
    """SIGTERM in the middle of a burst: no message is left on a lease that others must wait for."""
    worker, chat = at_work(office)
    for _ in range(6):
        await office.reports()
    channel = next(r.address_id for r in await office.rows(t.deliveries) if r.address_kind == AddressKind.CHANNEL)
    chat.slow.add(channel)
    running = asyncio.create_task(worker.run())
    await settle(chat.waiting)
    running.cancel()
    await asyncio.sleep(0)
    chat.through.set()
    await asyncio.gather(running, return_exceptions=True)
    rows = await office.rows(t.deliveries)
    assert {r.state for r in rows} <= {"sent", "pending"}
    sent = [r for r in rows if r.state == "sent" and r.address_id == channel]
    # The one that was under way; another, where the stop came while rows were being leased.
    assert 0 < len(sent) == len(chat.alerts(channel)) < 6
    office.worker.messengers = {Platform.SLACK: (rest := Chat())}
    fresh = another(office, rest)
    await fresh.round()
    await fresh.round()
    assert len(rest.alerts(channel)) == 6 - len(sent)
    assert not any(m.again for m in rest.alerts(channel))


async def test_what_hangs_for_ever_does_not_keep_it_from_stopping(office: Office) -> None:
    """A chat that never answers: the worker waits as long as it was told, and leaves the message to its lease."""
    worker, chat = at_work(office)
    worker.drain = 0.01
    await office.reports()
    dsl = office.people["dsl"].id
    chat.slow.add(dsl)
    running = asyncio.create_task(worker.run())
    await settle(chat.waiting)
    running.cancel()
    async with asyncio.timeout(PATIENCE_SECONDS):
        await asyncio.gather(running, return_exceptions=True)
    office.clock.advance(seconds=LEASE.total_seconds() + 1)
    rest = Chat()
    await another(office, rest).round()
    assert [m.again for m in rest.alerts(dsl)] == [True]


async def test_the_same_step_is_put_out_once(office: Office) -> None:
    """Whatever happens twice in our own code, a place gets one message for one step."""
    await office.reports()
    rows = await office.rows(t.deliveries)
    copy = t.deliveries.insert().values(**{**rows[0]._mapping, "id": "another"})
    async with office.database.engine.connect() as connection:
        with pytest.raises(IntegrityError):
            await connection.execute(copy)


async def test_a_worker_whose_lease_is_nearly_over_gives_it_back_unsent(office: Office) -> None:
    """The machine slept between taking and sending: another would send it too, so it does not begin."""
    await office.reports()
    worker, chat = at_work(office)
    taken = await worker.outbox.lease(office.clock.now(), LEASE, 10, {Platform.SLACK})
    office.clock.advance(seconds=LEASE.total_seconds() - 1)
    for delivery in taken:
        lane = (Platform.SLACK, delivery.address.id)
        worker._lanes[lane] = asyncio.create_task(worker._work(lane, [delivery]))
        await worker._lanes[lane]
    assert chat.tried == []
    rows = await office.rows(t.deliveries)
    assert {r.state for r in rows} == {"pending"}
    assert {r.attempts for r in rows} == {0}


def test_waiting_grows_and_is_never_the_same_for_all() -> None:
    """Twice as long each time up to ten minutes, and spread, so that a thousand do not come back at once."""
    for attempts in (1, 4, 30):
        waits = {backoff(attempts) for _ in range(50)}
        longest = min(timedelta(seconds=2**attempts), timedelta(minutes=10))
        assert len(waits) > 10
        assert all(longest / 2 <= wait <= longest for wait in waits)


@dataclass(slots=True)
class Poisoned(Postbox):
    """A chat that has trouble with the messages about some cases, for ever."""

    references: set[str] = field(default_factory=set)
    trouble: TryLaterError = field(default_factory=lambda: TryLaterError("fatal_error", uncertain=True))
    tries: int = 0

    async def send(self, school: School, address: Address, message: Message, /) -> str:
        if getattr(message, "reference", "") in self.references and address == SAFEGUARDING:
            self.tries += 1
            raise self.trouble
        return await Postbox.send(self, school, address, message)


async def two_bad_and_one_good(office: Office, chat: Poisoned, rounds: int) -> str:
    """Two cases the channel cannot be told of, and one after them; gives the reference of the last."""
    cases = []
    for _ in range(3):
        cases.append(await office.reports())
        office.clock.advance(seconds=1)
        await office.acknowledge("dsl", await office.alert(cases[-1]))
    *bad, good = cases
    chat.references = {case.reference for case in bad}
    office.worker.messengers = {Platform.SLACK: chat}
    for _ in range(rounds):
        await office.worker.round()
        office.clock.advance(minutes=10)
    return good.reference


async def test_messages_that_never_go_through_do_not_starve_their_place(office: Office) -> None:
    """Slack breaks over two messages each time: after some tries the one behind them goes out, and they go on by themselves."""
    chat = Poisoned()
    good = await two_bad_and_one_good(office, chat, 30)
    assert [m.reference for m in chat.to(SAFEGUARDING.id, AlertMessage) if isinstance(m, AlertMessage)] == [good]
    tries = chat.tries
    office.clock.advance(hours=1)
    await office.worker.round()
    assert chat.tries > tries


async def test_a_place_that_takes_nothing_is_left_alone_however_often_it_was_tried(office: Office) -> None:
    """The channel is rate limited for hours: one message a time finds out, and nothing behind it is tried."""
    chat = Poisoned(trouble=TryLaterError("ratelimited", timedelta(minutes=5)))
    await two_bad_and_one_good(office, chat, 30)
    assert chat.to(SAFEGUARDING.id) == []
    assert chat.tries == 30


async def test_after_the_clock_is_set_back_nothing_waits_for_hours(office: Office) -> None:
    """A message waits to be tried again, another is leased by a process that died: the machine's clock goes back six hours."""
    await office.reports()
    worker, chat = at_work(office)
    (died, *_) = await Outbox(office.database).lease(office.clock.now(), LEASE, 1, {Platform.SLACK})
    chat.refuses = {r.address_id: TryLaterError("busy") for r in await office.rows(t.deliveries)}
    for person in office.people.values():
        chat.refuses[person.id] = TryLaterError("busy")
    await worker.round()
    chat.refuses = {}
    office.clock.advance(hours=-6)
    for _ in range(3):
        await worker.round()
        office.clock.advance(minutes=1)
    rows = await office.rows(t.deliveries)
    assert {r.state for r in rows} == {"sent"}
    assert died.id in {r.id for r in rows}


class Leaseless(Outbox):
    """Looks well, and gives nothing out."""

    async def lease(self, *_: object, **__: object) -> list[Delivery]:
        raise RuntimeError


async def test_a_worker_whose_rounds_all_fail_shows_no_sign_of_life(office: Office) -> None:
    """It looks every second and can take nothing: /readyz says so, and is content once a round has ended well."""
    await office.reports()
    worker, chat = at_work(office)
    check = heartbeat("worker", office.clock, lambda: worker.beat_at)
    good, worker.outbox = worker.outbox, Leaseless(office.database)
    for _ in range(3):
        office.clock.advance(minutes=1)
        with pytest.raises(RuntimeError):
            await worker.round()
    assert not (await look([check])).ready
    worker.outbox = good
    await worker.round()
    assert (await look([check])).ready
    assert chat.sent


@asynccontextmanager
async def refused(database: Database, table: str, when: str) -> AsyncIterator[None]:
    """An SQLite database refuses some changes of a table."""
    async with database.begin() as connection:
        raises = "BEGIN SELECT RAISE(ABORT, 'private words'); END"
        await connection.execute(text(f"CREATE TRIGGER refuse BEFORE UPDATE ON {table} WHEN {when} {raises}"))
    yield
    async with database.begin() as connection:
        await connection.execute(text("DROP TRIGGER refuse"))


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_trouble_with_one_platform_holds_up_no_other(office: Office, caplog: pytest.LogCaptureFixture) -> None:
    """Nothing for Slack can be taken: Teams, which comes after it, has its alerts, and the bot goes on taking reports."""
    both = replace(office, ports=replace(office.ports, platforms=frozenset({Platform.SLACK, Platform.TEAMS})))
    await both.reports()
    slack, teams = Chat(), Chat()
    worker = both.worker
    worker.messengers = {Platform.SLACK: slack, Platform.TEAMS: teams}
    to_teams = len(await office.rows(t.deliveries, t.deliveries.c.platform == Platform.TEAMS))
    async with refused(office.database, "deliveries", "new.state = 'leased' AND new.platform = 'slack'"):
        running = asyncio.create_task(worker.run())
        async with asyncio.timeout(PATIENCE_SECONDS):
            while len(teams.sent) < to_teams or worker.beat_at is None:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        assert to_teams
        assert not slack.sent
        assert "its part for slack" in caplog.text
        assert "private words" not in caplog.text
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    restarted = another(office, slack)
    await restarted.round()
    assert slack.sent
    assert restarted.beat_at == office.clock.now()


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_a_timer_that_can_neither_ring_nor_be_put_off_holds_up_no_other(office: Office) -> None:
    """Its row cannot be changed at all: the alert behind it climbs, and what is to be sent is sent."""
    stuck, other = await office.reports(danger="yes"), await office.reports(danger="yes")
    await office.works()
    worker, chat = at_work(office)
    office.clock.advance(minutes=20)
    late = await office.reports()
    async with refused(office.database, "timers", f"old.incident_id = '{stuck.id}'"):
        with pytest.raises(IntegrityError):
            await worker.round()
        assert await office.asked(other) == ["dsl", "deputy"]
        assert any(m.reference == late.reference for m in chat.alerts(SAFEGUARDING.id))
    await worker.round()
    assert await office.asked(stuck) == ["dsl", "deputy"]
