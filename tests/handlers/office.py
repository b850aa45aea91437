"""The demo school at work with no chat at all: real records, a clock that stands still, and a messenger that only remembers."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, Table, select

from bot.settings import DEMO_SCHOOLS
from bot.worker import NoSuchPlaceError, Worker
from domain.incident import Alert, Incident, Summons
from domain.messages import Message
from domain.people import Account, Address, AddressKind, Kind, Person, Platform, School, Standing
from domain.report_form import DetailQuestions
from handlers import acknowledge, report
from handlers.acknowledge import AcknowledgeOutcome
from handlers.ports import Ports
from handlers.report import Reported
from storage.answering import Answers
from storage.database import Database
from storage.outbox import Outbox
from storage.people_files import carry_out, plan_import, read_people
from storage.records import new_id, next_id
from storage.school_files import load_schools
from storage.store import Store
from tests.fakes.clock import FakeClock
from tests.story.stage import CAST

SAFEGUARDING = Address(Platform.SLACK, AddressKind.CHANNEL, "safeguarding")
BRUNEL = Address(Platform.SLACK, AddressKind.CHANNEL, "brunel-house")
WHAT = "He keeps posting things about her in the group chat"


@dataclass(slots=True)
class Postbox:
    """A chat that takes every message, but for the places that it does not know."""

    sent: list[tuple[Address, Message]] = field(default_factory=list)
    changed: list[tuple[Address, Message]] = field(default_factory=list)
    unknown: set[str] = field(default_factory=set)
    deleted: list[str] = field(default_factory=list)

    async def send(self, school: School, address: Address, message: Message, /) -> str:
        if address.id in self.unknown or "everybody" in self.unknown:
            raise NoSuchPlaceError("users_not_found")
        self.sent.append((address, message))
        return f"{address.id}/{len(self.sent)}"

    async def update(self, school: School, address: Address, message_id: str, message: Message, /) -> str:
        self.changed.append((address, message))
        return message_id

    async def delete(self, school: School, address: Address, message_id: str, /) -> None:
        self.deleted.append(message_id)

    def to(self, place: str, kind: type[Message] | None = None) -> list[Message]:
        """What a place was sent."""
        return [m for address, m in self.sent if address.id == place and (kind is None or isinstance(m, kind))]

    def now_shown(self, place: str) -> Message:
        """What stands at a place now."""
        return [m for address, m in (*self.sent, *self.changed) if address.id == place][-1]


# Without a repr: asyncio makes one of whatever a fixture gave each time a loop is run on, and this has all the policy in it.
@dataclass(slots=True, repr=False)
class Office:
    """The school, whoever works there, and what was sent."""

    database: Database
    clock: FakeClock
    school: School
    people: Mapping[str, Person]
    ports: Ports
    worker: Worker
    post: Postbox

    def account(self, who: str) -> Account:
        """Somebody's account; a name that is not in the cast is a stranger's."""
        person = self.people.get(who)
        if person is None:
            return Account(Platform.SLACK, f"U-{who}", f"{who}@elsewhere.example", who)
        return Account(Platform.SLACK, f"U-{who}", person.email, person.name, person.id, Standing.MEMBER)

    async def draft(self, who: str = "teacher", concern: str = "grooming", about: str = "pupil", danger: str = "no") -> str:
        """Sends screen one; gives the id of the draft."""
        draft_id = self.ports.next_id()
        kind = {"concern": concern, "about": about, "danger": danger}
        outcome = await report.choose_kind(self.ports, self.school, self.account(who), draft_id, kind)
        assert isinstance(outcome, DetailQuestions), outcome
        return draft_id

    async def reports(
        self,
        who: str = "teacher",
        concern: str = "grooming",
        about: str = "pupil",
        danger: str = "no",
        **details: str | tuple[str, ...],
    ) -> Incident:
        """Reports in two screens."""
        draft_id = await self.draft(who, concern, about, danger)
        filled = {"what": WHAT, "repeat": "no", "illegal": "no", **details}
        outcome = await report.submit(self.ports, self.school, self.account(who), draft_id, filled)
        assert isinstance(outcome, Reported), outcome
        return outcome.incident

    def picked(self, who: str) -> str:
        """A member of staff as the typeahead gives them."""
        return f"person:{self.people[who].id}"

    async def alerts(self, incident: Incident) -> tuple[Alert, ...]:
        """The alerts of a case."""
        async with self.ports.store.transaction(self.school, write=False) as records:
            return await records.alerts_of(incident.id)

    async def alert(self, incident: Incident) -> Alert:
        """The one alert of a case."""
        (only,) = await self.alerts(incident)
        return only

    async def incident(self, incident: Incident) -> Incident:
        """A case as it stands now."""
        async with self.ports.store.transaction(self.school, write=False) as records:
            found = await records.incident(incident.id)
        assert found is not None
        return found

    async def asked(self, incident: Incident) -> list[str]:
        """Who was asked, in order."""
        name = {p.id: who for who, p in self.people.items()}
        found: list[Summons] = []
        async with self.ports.store.transaction(self.school, write=False) as records:
            for alert in await records.alerts_of(incident.id):
                found += (await records.summonses(alert.id))[alert.id]
        return [name[s.person_id] for s in sorted(found, key=lambda s: s.at)]

    async def acknowledge(self, who: str, alert: Alert) -> AcknowledgeOutcome:
        """Somebody presses Acknowledge."""
        return await acknowledge.acknowledge(self.ports, self.school, self.account(who), alert.id)

    async def works(self, rounds: int = 30) -> int:
        """Lets the worker do what is due, and gives how many rounds it took."""
        for number in range(rounds):
            backlog = await self.worker.outbox.backlog(self.clock.now())
            if not (backlog.deliveries_due or backlog.timers_due):
                return number
            await self.worker.round()
        raise AssertionError("the worker is never done")

    async def later(self, **by: float) -> None:
        """Time passes, and the worker does what has fallen due."""
        self.clock.advance(**by)
        await self.works()

    async def read_by(self, channel: Address, *who: str) -> None:
        """Somebody has looked up who reads a channel."""
        async with Store(self.database).transaction(self.school) as records:
            await records.save_readers(channel, [self.account(w).email for w in who], self.clock.now())

    async def rows(self, table: Table, *where: ColumnElement[bool]) -> list[Row[Any]]:
        """What a table holds, in the order in which it came where the table keeps one."""
        order = [table.c.seq] if "seq" in table.c else []
        async with self.database.begin(write=False) as connection:
            return list(await connection.execute(select(table).where(*where).order_by(*order)))

    def with_holders(self, **roles: Iterable[str]) -> "Office":
        """The same office, with other people in some roles."""
        from domain.people import Holders
        from domain.words import Role

        holders = {Role(r): Holders(tuple(self.people[w].email for w in who)) for r, who in roles.items()}
        return self.at(replace(self.school, holders={**self.school.holders, **holders}))

    def at(self, school: School) -> "Office":
        """The same people in a school with another file."""
        worker = Worker(self.ports, {school.id: school}, self.worker.outbox, self.worker.messengers, self.worker.bell)
        return replace(self, school=school, worker=worker)


@asynccontextmanager
async def open_office(database: Database, clock: FakeClock) -> AsyncIterator[Office]:
    """The demo school on a database, its lists imported, its channels served."""
    school = next(iter(load_schools(DEMO_SCHOOLS).values()))
    school = replace(school, channels={Platform.SLACK: school.channels[Platform.CONSOLE]})
    await import_people(database, school, clock.now())
    async with Store(database).transaction(school, write=False) as records:
        staff = await records.staff()
    people = {who: person for who, email in CAST.items() if (person := staff.by_email(email))}
    post, bell = Postbox(), asyncio.Event()
    ports = Ports(Store(database), clock, frozenset({Platform.SLACK}), new_id, next_id, bell.set, Answers())
    worker = Worker(ports, {school.id: school}, Outbox(database), {Platform.SLACK: post}, bell)
    yield Office(database, clock, school, people, ports, worker, post)


async def import_people(database: Database, school: School, at: datetime) -> None:
    """The demo school's lists."""
    async with Store(database).transaction(school) as records:
        for kind, name in ((Kind.STAFF, "staff.csv"), (Kind.PUPIL, "pupils.csv")):
            await carry_out(records, await plan_import(records, kind, read_people(DEMO_SCHOOLS / name, kind)), at)
