"""A message is given up when it has had its chance, and not before: not after a standstill, not unseen, counted once."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest_asyncio

from bot.doctor import unserved_messages
from bot.worker import CHANCE, GIVE_UP_AFTER, Worker
from bot.worker import TryLaterError as TryLater
from domain.incident import MessageKind
from domain.messages import Message
from domain.people import Address, Platform, School
from handlers import lists
from storage import tables as t
from storage.database import Database
from tests.fakes.clock import FakeClock
from tests.handlers.office import Office, Postbox, open_office


class Closed(Postbox):
    """A chat that takes nothing for now."""

    async def send(self, school: School, address: Address, message: Message, /) -> str:
        raise TryLater("http_503")


@pytest_asyncio.fixture
async def office(database: Database, clock: FakeClock) -> AsyncIterator[Office]:
    """The demo school at work, on each kind of database."""
    async with open_office(database, clock) as office:
        yield office


def serves(office: Office, **chats: Postbox) -> Office:
    """The program, started again with these platforms."""
    messengers = {Platform(name): chat for name, chat in chats.items()}
    worker = Worker(office.ports, office.worker.schools, office.worker.outbox, messengers, office.worker.bell)
    return replace(office, worker=worker)


async def goes_on(office: Office, whole: timedelta) -> None:
    """Time passes in the program's presence."""
    end = office.clock.at + whole
    while office.clock.at < end:
        await office.later(minutes=10)


async def states(office: Office, platform: Platform = Platform.SLACK) -> set[str]:
    """How the alerts of a platform stand."""
    d = t.deliveries.c
    return {r.state for r in await office.rows(t.deliveries, d.platform == platform, d.message == MessageKind.ALERT)}


async def test_after_a_long_standstill_one_refusal_buries_nothing(office: Office) -> None:
    """The machine is off for four days; when it is on again the chat hiccups, and then takes everything."""
    await office.reports()
    off = serves(office, slack=Closed())
    await off.works()
    office.clock.advance(days=4)
    await goes_on(off, timedelta(minutes=30))
    assert await states(office) == {"pending"}
    on = serves(office, slack=office.post)
    await on.later(minutes=11)
    assert await states(office) == {"sent"}


async def test_what_was_made_and_never_tried_has_its_chance(office: Office) -> None:
    """The program ended with the report's commit."""
    await office.reports()
    office.clock.advance(days=4)
    off = serves(office, slack=Closed())
    await off.works()
    assert await states(office) == {"pending"}
    await goes_on(off, CHANCE + timedelta(minutes=20))
    assert "dead" in await states(office)


async def test_a_second_standstill_begins_the_chance_anew(office: Office) -> None:
    """Half an hour, a night off, half an hour: that is not an hour."""
    await office.reports()
    office.clock.advance(days=4)
    off = serves(office, slack=Closed())
    await goes_on(off, timedelta(minutes=40))
    office.clock.advance(hours=12)
    await goes_on(off, timedelta(minutes=40))
    assert await states(office) == {"pending"}


async def test_a_place_that_was_tried_was_tried_for_all_that_waits_for_it(office: Office) -> None:
    """Ten reports to a dead channel do not take ten hours to be given up."""
    for _ in range(10):
        await office.reports()
    office.clock.advance(days=4)
    off = serves(office, slack=Closed())
    await goes_on(off, CHANCE + timedelta(minutes=40))
    channel = (t.deliveries.c.address_kind == "channel", t.deliveries.c.summons_round == 0)
    rows = [r for r in await office.rows(t.deliveries, *channel) if r.made_at < office.clock.at - GIVE_UP_AFTER]
    assert len(rows) >= 10
    assert {r.state for r in rows} == {"dead"}


async def test_mails_that_nobody_sends_any_more_are_seen_and_given_up(office: Office, clock: FakeClock) -> None:
    """The mail server was taken out of the settings while a mail was on its way."""
    lost = office.people["dsl"].id
    mailing = replace(office, ports=replace(office.ports, mails=True))
    mailing = serves(mailing, slack=office.post, email=Closed())
    office.post.unknown.add(lost)
    incident = await mailing.reports()
    await mailing.works()
    assert await states(office, Platform.EMAIL) == {"pending"}
    without = serves(replace(office, ports=replace(office.ports, mails=False)), slack=office.post)
    for _ in range(5):
        clock.advance(minutes=10)
        await without.worker.round()
    chats = {Platform.SLACK}
    ((school, platform, count),) = await without.worker.outbox.unserved(chats)
    assert (school, platform, count) == (office.school.id, Platform.EMAIL, 1)
    (finding,) = unserved_messages([(school, platform, count)])
    assert "1 message waits for email" in str(finding)
    queue = await lists.queue(without.ports, without.school, without.account("deputy"))
    assert Platform.EMAIL in {u.platform for u in queue.undelivered}
    clock.advance(hours=GIVE_UP_AFTER / timedelta(hours=1))
    for _ in range(10):
        clock.advance(minutes=10)
        await without.worker.round()
    assert await states(office, Platform.EMAIL) <= {"dead", "cancelled"}
    dead = [g for g in await without.worker.outbox.given_up() if g.platform is Platform.EMAIL]
    assert [g.trouble for g in dead] == ["not_served"]
    assert incident.reference


async def test_what_another_process_serves_is_left_to_it(office: Office) -> None:
    """Two processes, of which one alone has a mail server: the other takes nothing from it."""
    lost = office.people["dsl"].id
    office.post.unknown.add(lost)
    with_mails, mails = replace(office, ports=replace(office.ports, mails=True)), Postbox()
    one = serves(with_mails, slack=office.post)
    other = serves(with_mails, slack=office.post, email=mails)
    await one.reports()
    for _ in range(3):
        await one.worker.round()
        office.clock.advance(minutes=1)
    assert await states(office, Platform.EMAIL) == {"pending"}
    await other.worker.round()
    assert await states(office, Platform.EMAIL) == {"sent"}
    assert [address.id for address, _ in mails.sent] == [lost]


class Counting:
    """Somebody who counts first alerts, as each process does for itself."""

    def __init__(self) -> None:
        self.took: list[timedelta] = []

    def first_alert(self, took: timedelta) -> None:
        """One more."""
        self.took.append(took)


async def test_a_cases_first_alert_is_counted_once_over_all_processes(office: Office) -> None:
    """One posts it in Slack, another in Teams, a third comes after a restart: the first of all counts, since the report."""
    both = replace(office, ports=replace(office.ports, platforms=frozenset({Platform.SLACK, Platform.TEAMS})))
    slack, teams, restarted = (serves(both, **{name: Postbox()}) for name in ("slack", "teams", "slack"))
    counts = [Counting(), Counting(), Counting()]
    for process, count in zip((slack, teams, restarted), counts, strict=True):
        process.worker.watcher = count
    incident = await both.reports()
    office.clock.advance(seconds=40)
    await slack.worker.round()
    office.clock.advance(minutes=2)
    await teams.worker.round()
    alert = await both.alert(incident)
    office.clock.advance(minutes=20)
    for _ in range(3):
        await restarted.worker.round()
    assert (await both.asked(incident))[1:], "it has climbed"
    assert alert.round == 0
    assert [count.took for count in counts] == [[timedelta(seconds=40)], [], []]


async def test_who_is_reached_only_in_the_second_place_counts_from_the_report(office: Office) -> None:
    """The chat is away for an hour: that is what it took, and not the second since the next one was asked."""
    off, count = serves(office, slack=Closed()), Counting()
    await office.reports()
    await goes_on(off, timedelta(hours=1))
    on = serves(office, slack=office.post)
    on.worker.watcher = count
    await on.later(minutes=10)
    assert count.took == [timedelta(minutes=70)]
