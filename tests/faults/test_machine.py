"""A school through a term in which everything goes wrong, made up by Hypothesis: after every step the principles hold.

The handlers, two workers and the auditor are the real ones, on real databases; the chat, the mail server and the clock are not.
`pytest tests/faults/test_machine.py --hypothesis-profile=long` looks for longer.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Coroutine, Mapping
from contextlib import suppress
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any, TypeVar
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from aiohttp import ClientSession
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule, run_state_machine_as_test
from sqlalchemy import Row, delete, select

from bot.auditor import Auditor
from bot.metrics import Metrics
from bot.worker import LEASE, Messenger, NoSuchPlaceError, TryLaterError, Worker
from cards.messages import message_card
from domain.case_changes import Result
from domain.deadlines import SchoolCalendar, Term
from domain.incident import AlertState, Delivery, Incident, MessageKind, TimerKind
from domain.messages import AlertMessage, Message, ReminderMessage, WithdrawnMessage
from domain.people import Address, AddressKind, Platform, School
from domain.words import DeliveryState
from handlers import acknowledge, close, hand_on
from handlers.acknowledge import Acknowledged, AlreadyClosed, AlreadyTaken, NotForYou
from handlers.alerting import UNDELIVERED
from storage import records as stored
from storage import tables as t
from storage.audit_chain import AuditChains
from storage.auditing import Auditing
from storage.database import Database
from storage.outbox import Outbox
from tests.conftest import IN_CI, new_database
from tests.fakes.clock import FakeClock
from tests.fakes.keys import ring_for
from tests.fakes.tampering import hold_the_audit, let_go_of_the_audit
from tests.handlers.office import BRUNEL, SAFEGUARDING, Office, Postbox, open_office

LONG = settings().max_examples >= 1000
TERMS = (
    *(("sqlite", 4), ("postgresql", 2)),
    *(pytest.param(kind, terms, marks=pytest.mark.long) for kind, terms in (("sqlite", 8), ("postgresql", 3))),
)
"""Of how many terms on each database; `make test-long` has more of them, and `make faults-terms` many more and longer ones."""
LONDON = ZoneInfo("Europe/London")
NARRATIVE = "zanzibar narrative"
TYPED = "Quentin Nowhere-Typed"
PUPIL = "Freya Sampleton"
READERS: Mapping[Address, tuple[str, ...]] = {SAFEGUARDING: ("dsl", "deputy"), BRUNEL: ("brunel head",)}
YEAR = SchoolCalendar(
    terms=(
        Term(date(2026, 2, 23), date(2026, 4, 1)),
        Term(date(2026, 4, 20), date(2026, 7, 21)),
        Term(date(2026, 9, 3), date(2026, 10, 23)),
        Term(date(2026, 11, 2), date(2026, 12, 18)),
    ),
    closed=frozenset({date(2026, 11, 27)}),
)
BEGINNINGS = (
    datetime(2026, 11, 24, 10, 0, tzinfo=LONDON),
    datetime(2026, 3, 27, 15, 50, tzinfo=LONDON),
    datetime(2026, 10, 23, 15, 50, tzinfo=LONDON),
    datetime(2026, 10, 25, 0, 50, tzinfo=LONDON),
    datetime(2026, 12, 18, 15, 0, tzinfo=LONDON),
)
MEMORY = Path("/dev/shm")
"""Where there is one, an SQLite file is there: what a disk does to it is another test's matter."""
STAFF = ("teacher", "dsl", "deputy", "brunel head", "cabot head", "headteacher", "chair", "it")
REPORTS: Mapping[str, Mapping[str, Any]] = {
    "a pupil": {"concern": "grooming", "targets": (f"text:{PUPIL}",)},
    "in danger": {"concern": "grooming", "danger": "yes", "targets": (f"text:{TYPED}",)},
    "nothing urgent": {"concern": "harmful_content"},
    "a typed name that may be the lead's": {"about": "external", "perpetrators": ("text:Ms Okafor",)},
    "the headteacher": {"concern": "staff_conduct", "about": "headteacher"},
}
ABOUT_STAFF = ("dsl", "deputy", "headteacher", "teacher", "brunel head")
_T = TypeVar("_T")
_ON_ITS_WAY: ContextVar[str] = ContextVar("the delivery that is being sent")


class KilledError(BaseException):
    """The process is gone, in the middle of sending."""


@dataclass(frozen=True, slots=True)
class Post:
    """What a place was shown, as a new message or in place of an old one."""

    delivery: str
    address: Address
    message: Message
    new: bool


@dataclass(slots=True)
class World:
    """What the chat and the mail server have, whoever posted it, and how they behave now. `gone`: places that there are not."""

    posts: list[Post] = field(default_factory=list)
    standing: dict[str, Message] = field(default_factory=dict)
    gone: set[str] = field(default_factory=set)
    trouble: str = ""
    trusty: bool = True


@dataclass(slots=True)
class Line:
    """One process's way to the chat. It can be killed before or after its n-th message has been posted."""

    world: World
    platform: Platform
    kill_at: int = 0
    kill_posted: bool = False
    dead: bool = False

    async def send(self, school: School, address: Address, message: Message, /) -> str:
        return await self._call(address, message, "")

    async def update(self, school: School, address: Address, message_id: str, message: Message, /) -> str:
        return await self._call(address, message, message_id)

    async def delete(self, school: School, address: Address, message_id: str, /) -> None:
        # Asked for where a change was refused: there is no such place.
        raise NoSuchPlaceError("users_not_found")

    async def _call(self, address: Address, message: Message, message_id: str) -> str:
        # Where the others get their turn, as with every real call.
        await asyncio.sleep(0)
        self.kill_at -= 1
        killed = self.dead or self.kill_at == 0
        if killed and (self.dead or not self.kill_posted):
            self.dead = True
            raise KilledError
        world = self.world
        if address.id in world.gone and self.platform is not Platform.EMAIL:
            raise NoSuchPlaceError("users_not_found")
        if world.trouble == "refuses":
            raise TryLaterError("http_503")
        if world.trouble == "asks for patience":
            raise TryLaterError("ratelimited", timedelta(seconds=30))
        posted = message_id or str(uuid4())
        world.posts.append(Post(_ON_ITS_WAY.get(), address, message, new=not message_id))
        world.standing[posted] = message
        if killed:
            self.dead = True
            raise KilledError
        if world.trouble == "swallows":
            raise TryLaterError("TimeoutError", uncertain=True)
        return posted


class Watched(Worker):
    """A worker of which the world knows which delivery it is sending."""

    async def _send(self, school: School, delivery: Delivery) -> None:
        _ON_ITS_WAY.set(delivery.id)
        await Worker._send(self, school, delivery)


@dataclass(frozen=True, slots=True)
class Rows:
    """What stands in the database after a step."""

    incidents: Mapping[str, Row[Any]]
    alerts: Mapping[str, Row[Any]]
    deliveries: Mapping[str, Row[Any]]
    timers: tuple[Row[Any], ...]
    audit: tuple[Row[Any], ...]
    shut_out: Mapping[str, frozenset[str]]


_KEPT = (t.people, t.people_words, t.school_keys)
"""What every term begins with."""
NOTHING = Rows({}, {}, {}, (), (), {})


@dataclass(slots=True)
class Stage:
    """What one test has for all the terms that it makes up: a database with the school's people, and a loop to run on.

    `figures` counts what there was in all of them.
    """

    runner: asyncio.Runner
    office: Office
    session: ClientSession
    figures: Counter[str] = field(default_factory=Counter)


class ATerm(RuleBasedStateMachine):
    """What may happen at a school, in any order."""

    stage: Stage

    def __init__(self) -> None:
        super().__init__()
        self.broken = False
        self.do(self._begin())

    def do(self, step: Coroutine[Any, Any, _T]) -> _T:
        """Runs a step to its end."""
        try:
            return self.stage.runner.run(step)
        except BaseException:
            self.broken = True
            raise

    async def _begin(self) -> None:
        office = self.stage.office
        async with office.database.begin() as connection:
            for table in reversed(t.metadata.sorted_tables):
                if table is t.counters:
                    await connection.execute(delete(table).where(table.c.name != "people"))
                elif table not in _KEPT:
                    await connection.execute(delete(table))
        self.clock = FakeClock(BEGINNINGS[0].astimezone(UTC))
        self.world = World()
        self.school = replace(office.school, calendar=YEAR)
        ports = replace(office.ports, clock=self.clock, mails=False)
        self.office = replace(office, school=self.school, clock=self.clock, ports=ports, post=Postbox())
        self.lines: list[dict[Platform, Line]] = [{}, {}]
        self.workers: list[Worker] = []
        self._start(0)
        self._start(1)
        schools = {self.school.id: self.school}
        self.auditor = Auditor(ports, schools, Auditing(office.database), Metrics(), self.stage.session)
        self.incidents: list[Incident] = []
        self.names: dict[str, tuple[str, ...]] = {}
        self.owners: dict[str, str] = {}
        self.furthest = self.clock.at
        """The latest that the clock ever was: what was put off then waits until it is that late again."""
        self.seen_posts = 0
        self.before = self.rows = NOTHING

    def _start(self, number: int) -> None:
        """A worker's process starts: as the first time, or again after it was killed."""
        served = [Platform.SLACK, *([Platform.EMAIL] if self.office.ports.mails else [])]
        self.lines[number] = {platform: Line(self.world, platform) for platform in served}
        messengers: dict[Platform, Messenger] = {**self.lines[number]}
        outbox = Outbox(self.office.database)
        worker = Watched(self.office.ports, {self.school.id: self.school}, outbox, messengers, asyncio.Event())
        self.workers[number : number + 1] = [worker]

    def _alert(self, which: int) -> Row[Any]:
        """One of the alerts that there are, the newest before the others. Not by its id, which is another each time."""
        order = {incident.id: -number for number, incident in enumerate(self.incidents)}
        alerts = sorted(self.rows.alerts.values(), key=lambda a: (order[a.incident_id], a.role, a.group_name))
        return alerts[which % len(alerts)]

    # What people do

    @initialize(beginning=st.sampled_from(BEGINNINGS), what=st.sampled_from(sorted(REPORTS)), mails=st.booleans())
    def a_day_with_a_report(self, beginning: datetime, what: str, mails: bool) -> None:
        self.clock.at = beginning.astimezone(UTC)
        if mails:
            self.mail_is_set_up_or_given_up()
        self.do(self._report("teacher", REPORTS[what], TYPED, PUPIL))

    @rule(what=st.sampled_from(sorted(REPORTS)), who=st.sampled_from(STAFF))
    def reports(self, what: str, who: str) -> None:
        self.do(self._report(who, REPORTS[what], TYPED, PUPIL))

    @rule(whom=st.sampled_from(ABOUT_STAFF), who=st.sampled_from(STAFF), concern=st.sampled_from(("staff_conduct", "grooming")))
    def reports_a_colleague(self, whom: str, who: str, concern: str) -> None:
        colleague = self.office.people[whom]
        told = {"concern": concern, "about": "staff", "perpetrators": (f"person:{colleague.id}",)}
        self.do(self._report(who, told))

    @rule(whom=st.sampled_from(ABOUT_STAFF), who=st.sampled_from(STAFF), concern=st.sampled_from(("cyberbullying", "grooming")))
    def reports_what_was_done_to_a_colleague(self, whom: str, who: str, concern: str) -> None:
        colleague = self.office.people[whom]
        told = {"concern": concern, "about": "pupil", "targets": (f"person:{colleague.id}",), "house": "Brunel"}
        self.do(self._report(who, told))

    async def _report(self, who: str, told: Mapping[str, Any], *names: str) -> None:
        incident = await self.office.reports(who, **{**told, "what": f"{NARRATIVE} of {', '.join(names)}"})
        self.incidents.append(incident)
        self.names[incident.id] = names

    @rule(which=st.integers(0, 99), who=st.sampled_from(STAFF), hands_on=st.booleans(), to=st.integers(0, 99))
    def anybody_presses_a_button(self, which: int, who: str, hands_on: bool, to: int) -> None:
        alert = self._alert(which)
        self.do(self._hand_on(alert, who, to) if hands_on else self._acknowledge(alert, who))

    @rule(which=st.integers(0, 99))
    def whoever_was_asked_acknowledges(self, which: int) -> None:
        alert = self._alert(which)
        self.do(self._acknowledge(alert, self._asked(alert)))

    @rule(which=st.integers(0, 99), to=st.integers(0, 99))
    def whoever_was_asked_hands_it_on(self, which: int, to: int) -> None:
        alert = self._alert(which)
        self.do(self._hand_on(alert, self._asked(alert), to))

    def _asked(self, alert: Row[Any]) -> str:
        """Somebody to whom an alert was sent, its owner before the others."""
        sent = (d.address_id for d in self.rows.deliveries.values() if d.alert_id == alert.id and d.address_kind == "person")
        asked = [self.owners.get(alert.id), *sent]
        by_id = {person.id: who for who, person in self.office.people.items()}
        return next((by_id[person] for person in asked if person in by_id), "dsl")

    async def _acknowledge(self, alert: Row[Any], who: str) -> None:
        person = self.office.people[who].id
        outcome = await acknowledge.acknowledge(self.office.ports, self.school, self.office.account(who), alert.id)
        if person in self.rows.shut_out.get(alert.incident_id, ()):
            assert isinstance(outcome, NotForYou)
        if isinstance(outcome, Acknowledged):
            assert alert.id not in self.owners, "two owners"
            self.owners[alert.id] = person
        elif isinstance(outcome, AlreadyTaken):
            assert outcome.mine == (self.owners[alert.id] == person)

    async def _hand_on(self, alert: Row[Any], who: str, to: int) -> None:
        office, account = self.office, self.office.account(who)
        asked = await hand_on.ask(office.ports, self.school, account, alert.id)
        if isinstance(asked, hand_on.HandOnQuestions) and asked.recipients:
            chosen = asked.recipients[to % len(asked.recipients)]
            assert chosen.person.id not in self.rows.shut_out.get(alert.incident_id, ())
            done = await hand_on.hand_on(office.ports, self.school, account, alert.id, chosen.key, "I am away")
            assert isinstance(done, hand_on.HandedOn)
            self.owners.pop(alert.id, None)

    @precondition(lambda self: self.owners)
    @rule(which=st.integers(0, 99))
    def closes(self, which: int) -> None:
        self.do(self._close(list(self.owners)[which % len(self.owners)]))

    async def _close(self, alert_id: str) -> None:
        who = next(w for w, person in self.office.people.items() if person.id == self.owners[alert_id])
        outcome = await close.close(
            self.office.ports, self.school, self.office.account(who), alert_id, NARRATIVE, Result.DEALT_WITH
        )
        assert isinstance(outcome, close.Closed | AlreadyClosed), outcome

    @rule()
    def somebody_looks_up_who_reads_the_channels(self) -> None:
        for channel, readers in READERS.items():
            self.do(self.office.read_by(channel, *readers))

    # What the machines do

    @rule(number=st.integers(0, 1), rounds=st.integers(1, 3))
    def a_worker_works(self, number: int, rounds: int) -> None:
        for _ in range(rounds):
            self.do(self._round(number))

    @rule()
    def both_workers_work(self) -> None:
        self.do(self._both())

    async def _both(self) -> None:
        await asyncio.gather(self._round(0), self._round(1))

    async def _round(self, number: int) -> None:
        worker = self.workers[number]
        try:
            await worker.round()
        except KilledError:
            self.stage.figures["workers killed"] += 1
            # Whatever else it was sending hangs on the same process, and ends with it.
            while worker._lanes:
                await asyncio.wait(list(worker._lanes.values()))
            self._start(number)

    @rule(number=st.integers(0, 1), at=st.integers(1, 4), posted=st.booleans(), report=st.booleans())
    def a_worker_is_killed(self, number: int, at: int, posted: bool, report: bool) -> None:
        self.world.trusty = False
        if report:
            self.reports("in danger", "teacher")
        line = self.lines[number][Platform.SLACK]
        line.kill_at, line.kill_posted = at, posted
        self.do(self._round(number))
        line.kill_at = 0

    @rule(number=st.integers(0, 1))
    def a_worker_is_killed_with_a_lease_in_its_hand(self, number: int) -> None:
        self.world.trusty = False
        taken = self.workers[number].outbox.lease(self.clock.now(), LEASE, 8, {Platform.SLACK, Platform.EMAIL}, a_lane=2)
        self.do(taken)
        self.stage.figures["workers killed"] += 1
        self._start(number)

    @rule()
    def the_auditor_looks(self) -> None:
        self.do(self.auditor.round())

    # What happens to them

    @rule(by=st.sampled_from((1, 14, 15, 31, 60, 95)))
    def minutes_pass(self, by: int) -> None:
        self.clock.advance(minutes=by)

    @rule(by=st.sampled_from((1, 15, 600, 1440)), times=st.integers(1, 4))
    def the_day_goes_on(self, by: int, times: int) -> None:
        for _ in range(times):
            self.clock.advance(minutes=by)
            self.do(self._both())
            self.do(self._both())

    @rule(by=st.sampled_from((4, 15, 24, 72, 120, 400)))
    def days_pass(self, by: int) -> None:
        self.clock.advance(hours=by)

    @rule(hours=st.sampled_from((-1, 1)))
    def the_clock_is_set_right(self, hours: int) -> None:
        self.world.trusty = False
        self.furthest = max(self.furthest, self.clock.at)
        self.clock.advance(hours=hours)

    @rule(trouble=st.sampled_from(("refuses", "asks for patience", "swallows")), report=st.booleans())
    def the_chat_is_in_trouble(self, trouble: str, report: bool) -> None:
        self.world.trouble = trouble
        self.world.trusty = self.world.trusty and trouble != "swallows"
        if report:
            self.reports("a pupil", "teacher")
        self.do(self._both())

    @precondition(lambda self: self.world.trouble)
    @rule()
    def the_chat_is_well(self) -> None:
        self.world.trouble = ""

    @rule(who=st.sampled_from(("dsl", "deputy", "headteacher", "safeguarding")))
    def a_place_is_gone(self, who: str) -> None:
        self.world.gone ^= {self.office.people[who].id if who in self.office.people else who}

    @rule()
    def mail_is_set_up_or_given_up(self) -> None:
        self.office = replace(self.office, ports=replace(self.office.ports, mails=not self.office.ports.mails))
        self._start(0)
        self._start(1)

    # What always holds

    @invariant()
    def the_principles_hold(self) -> None:
        self.do(self._look())

    async def _look(self) -> None:
        self.stage.figures["times looked at everything"] += 1
        self.before, self.rows = self.rows, await self._rows()
        try:
            self._nothing_is_lost()
            self._everybody_has_a_next_step()
            self._deliveries_are_in_order()
            self._what_is_dead_goes_by_mail()
            self._the_chain_holds()
            for post in self.world.posts[self.seen_posts :]:
                self._nobody_hears_what_they_must_not(post)
            self._repeats_are_marked()
            self.seen_posts = len(self.world.posts)
        except BaseException:
            self.broken = True
            raise

    async def _rows(self) -> Rows:
        async with self.office.database.begin(write=False) as connection:

            async def all_of(table: Any) -> list[Row[Any]]:
                return list(await connection.execute(select(table)))

            shut_out: dict[str, set[str]] = {}
            for row in await all_of(t.exclusions):
                if row.why != "dismissed":
                    shut_out.setdefault(row.incident_id, set()).add(row.person_id)
            return Rows(
                {r.id: r for r in await all_of(t.incidents)},
                {r.id: r for r in await all_of(t.alerts)},
                {r.id: r for r in await all_of(t.deliveries)},
                tuple(await all_of(t.timers)),
                tuple(await connection.execute(select(t.audit).order_by(t.audit.c.seq))),
                {incident: frozenset(people) for incident, people in shut_out.items()},
            )

    def _nothing_is_lost(self) -> None:
        """Every report that was received is there, once, with somebody to answer and a receipt under way."""
        assert set(self.rows.incidents) == {i.id for i in self.incidents}
        receipts = Counter(d.incident_id for d in self.rows.deliveries.values() if d.message == MessageKind.RECEIPT)
        assert receipts == dict.fromkeys(self.rows.incidents, 1)
        assert {a.incident_id for a in self.rows.alerts.values()} == set(self.rows.incidents)
        assert set(self.before.deliveries) <= set(self.rows.deliveries)

    def _everybody_has_a_next_step(self) -> None:
        """Unanswered it climbs, acknowledged it comes back: one of the two, once, and the owner is who acknowledged."""
        pending = Counter((x.alert_id, x.kind) for x in self.rows.timers if x.state == "pending")
        for alert in self.rows.alerts.values():
            wanted = {AlertState.OPEN: TimerKind.CLIMB, AlertState.ACKNOWLEDGED: TimerKind.REMIND}.get(AlertState(alert.state))
            steps = {kind: pending[alert.id, kind] for kind in TimerKind}
            assert steps == {kind: int(kind is wanted) for kind in TimerKind}, (alert.state, steps)
            owner = self.owners.get(alert.id)
            assert alert.owner_id == owner or alert.state == AlertState.DONE
            assert (alert.state == AlertState.OPEN) == (alert.owner_id is None)
            assert alert.owner_id not in self.rows.shut_out.get(alert.incident_id, ())
        assert not [entry for entry in self.rows.audit if entry.action == "alert.set_right"], (
            "the auditor had to mend something"
        )

    def _deliveries_are_in_order(self) -> None:
        """Each is in one of its states, with what belongs to it; none comes back from where there is no way back."""
        for row in self.rows.deliveries.values():
            state = DeliveryState(row.state)
            assert (state is DeliveryState.LEASED) == (row.leased_until is not None)
            if state is DeliveryState.SENT:
                assert row.message_id is not None
                assert row.shown_revision == row.revision
                assert not row.uncertain
            was = self.before.deliveries.get(row.id)
            if was is not None:
                assert row.lease >= was.lease
                assert row.revision >= was.revision
                assert was.state not in (DeliveryState.DEAD, DeliveryState.CANCELLED) or row.state == was.state

    def _what_is_dead_goes_by_mail(self) -> None:
        """An alert to a person that was given up in this step, while it was open and there was a mail server."""
        if not self.office.ports.mails:
            return
        posted = {
            (d.alert_id, d.address_id)
            for d in self.rows.deliveries.values()
            if d.platform == Platform.EMAIL and f":{UNDELIVERED}" in d.step
        }
        for row in self.rows.deliveries.values():
            was = self.before.deliveries.get(row.id)
            if row.state != DeliveryState.DEAD or (was is not None and was.state == DeliveryState.DEAD):
                continue
            alert = self.rows.alerts.get(row.alert_id)
            if row.message != MessageKind.ALERT or row.address_kind != AddressKind.PERSON or row.platform == Platform.EMAIL:
                continue
            if alert is not None and alert.state == AlertState.OPEN and not self._another_chance(row):
                assert (row.alert_id, row.address_id) in posted

    def _another_chance(self, dead: Row[Any]) -> bool:
        same = ("alert_id", "address_id", "summons_round", "message", "platform")
        others = (d for d in self.rows.deliveries.values() if all(getattr(d, x) == getattr(dead, x) for x in same))
        return any(d.state not in (DeliveryState.DEAD, DeliveryState.CANCELLED) for d in others)

    def _the_chain_holds(self) -> None:
        """What was done is written down in a chain that nobody has touched."""
        chains = AuditChains()
        for entry in self.rows.audit:
            chains.follow(entry)
        chains.end({self.school.id: len(self.rows.audit)})
        assert not chains.broken
        assert not any(NARRATIVE in str(entry.data) for entry in self.rows.audit)

    def _nobody_hears_what_they_must_not(self, post: Post) -> None:
        """No name and no narrative, to nobody who is shut out, and nothing private in a channel."""
        message = post.message
        row = self.rows.deliveries[post.delivery]
        incident = self.rows.incidents[row.incident_id]
        shut_out = self.rows.shut_out.get(incident.id, frozenset())
        unnamed = replace(message, owner="") if isinstance(message, AlertMessage | ReminderMessage) else message
        shown = repr(message_card(self.school, unnamed)) + repr(unnamed)
        people = (person.name for person in self.office.people.values())
        for secret in (NARRATIVE, *self.names[incident.id], *people):
            assert secret not in shown
        owner = getattr(message, "owner", "")
        assert owner not in {p.name for p in self.office.people.values() if p.id in shut_out}
        if row.message in (MessageKind.ALERT, MessageKind.REMINDER):
            assert post.address.id not in shut_out
            if post.address.kind is AddressKind.CHANNEL and not isinstance(message, WithdrawnMessage):
                readers = {self.office.people[who].id for who in READERS[post.address]}
                assert not incident.private
                assert not readers & shut_out
        if post.address.platform is Platform.EMAIL:
            assert row.message == MessageKind.ALERT

    def _repeats_are_marked(self) -> None:
        """A second copy of the same message says that it is one; where nothing went wrong nothing says so."""
        copies: dict[str, list[bool]] = {}
        for post in self.world.posts:
            if post.new:
                copies.setdefault(post.delivery, []).append(post.message.again)
        for marks in copies.values():
            assert all(marks[1:])
            assert not (self.world.trusty and any(marks))

    # And in the end

    def teardown(self) -> None:
        if not self.broken:
            self.do(self._settle())
            self._count()

    def _count(self) -> None:
        deliveries = self.rows.deliveries.values()
        self.stage.figures.update(
            {
                "terms": 1,
                "reports": len(self.incidents),
                "alerts": len(self.rows.alerts),
                "messages posted or changed": len(self.world.posts),
                "messages marked as repeats": sum(post.message.again for post in self.world.posts),
                "messages given up": sum(d.state == DeliveryState.DEAD for d in deliveries),
                "e-mails": sum(d.platform == Platform.EMAIL for d in deliveries),
            }
        )

    async def _settle(self) -> None:
        """The chat is well again and time passes: what is due is sent or given up, and every copy shows how things stand."""
        self.world.trouble = ""
        self.office = replace(self.office, ports=replace(self.office.ports, mails=True))
        self._start(0)
        self._start(1)
        self.clock.at = max(self.clock.at, self.furthest)
        # The longest wait of a message, or of a lease.
        for minutes in (11, 2):
            self.clock.advance(minutes=minutes)
            await self._work_until_done()
        await self.auditor.round()
        await self._look()
        ended = (DeliveryState.SENT, DeliveryState.DEAD, DeliveryState.CANCELLED)
        late = [d for d in self.rows.deliveries.values() if d.state not in ended]
        assert not late, [(d.message, d.platform, d.state, d.trouble, d.next_at, self.clock.now()) for d in late]
        for row in self.rows.deliveries.values():
            if row.state == DeliveryState.SENT and row.message == MessageKind.ALERT and row.platform == Platform.SLACK:
                self._shows_how_it_stands(row)

    async def _work_until_done(self) -> None:
        for _ in range(60):
            backlog = await self.workers[0].outbox.backlog(self.clock.now())
            if not (backlog.deliveries_due or backlog.timers_due):
                return
            await self._both()
        raise AssertionError("the workers are never done")

    def _shows_how_it_stands(self, row: Row[Any]) -> None:
        shown = self.world.standing[row.message_id]
        if isinstance(shown, AlertMessage):
            alert = self.rows.alerts[row.alert_id]
            owner = next((p.name for p in self.office.people.values() if p.id == alert.owner_id), "")
            assert (shown.state, shown.owner) == (AlertState(alert.state), owner)


async def _opened(kind: str, folder: Path) -> tuple[Any, Office, ClientSession]:
    databases = new_database(kind, folder)
    url = await databases.__aenter__()
    database = Database(url, ring_for(url))
    async with database.begin() as connection:
        # Term after term begins with nothing.
        await let_go_of_the_audit(connection)
    offices = open_office(database, FakeClock())
    office = await offices.__aenter__()
    return databases, office, ClientSession()


async def _closed(database: Database) -> None:
    if not database.is_sqlite:
        async with database.begin() as connection:
            await hold_the_audit(connection)
    await database.close()


@pytest.mark.timeout(0 if LONG else 120)
@pytest.mark.parametrize(("kind", "terms"), TERMS)
def test_whatever_happens_the_principles_hold(
    kind: str, terms: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Reports of every kind, killed workers, outages, clocks that jump; nights, half-terms and the change of the clocks."""
    # The same term is the same when it is tried again.
    monkeypatch.setattr("bot.worker._chance", Random(7))
    began = time.monotonic()
    with asyncio.Runner() as runner, TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as folder:
        databases, office, session = runner.run(_opened(kind, Path(folder)))
        ATerm.stage = Stage(runner, office, session)
        try:
            run_state_machine_as_test(
                ATerm,
                settings=settings(
                    max_examples=terms * 16 if LONG else terms,
                    stateful_step_count=40 if LONG else 20,
                    derandomize=IN_CI and not LONG,
                    deadline=None,
                    database=None,
                    phases=(Phase.generate, Phase.shrink),
                    suppress_health_check=list(HealthCheck),
                    print_blob=False,
                ),
            )
        finally:
            runner.run(session.close())
            runner.run(_closed(office.database))
            with suppress(StopAsyncIteration):
                runner.run(databases.__aexit__(None, None, None))
            stored._STAFF_CACHE.clear()
    if LONG:
        with capsys.disabled():
            print(f"\n{kind}\n{_said(ATerm.stage.figures)}\n{'seconds':32}{time.monotonic() - began:>12.0f}", flush=True)


def _said(figures: Counter[str]) -> str:
    return "\n".join(f"{name:32}{figures[name]:>12,}" for name in sorted(figures))
