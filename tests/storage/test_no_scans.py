"""With years of cases in the database, nothing that happens all day looks through them all.

What the program asks while a school works is explained by the database itself, as it is asked. PostgreSQL and SQLite must find
every row of a table that grows with the cases by an index, and by more of it than the school alone: a school can have them all.
"""

import json
import re
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest_asyncio
from sqlalchemy import Connection, Table, event, func, select

from bot.worker import LEASE
from domain.case_changes import Result
from domain.chronology import Chronology
from domain.consents import ConsentFile
from domain.incident import Incident
from domain.overview import Overview
from domain.people import Platform
from domain.queues import Filters, QueueKind, Wanted
from domain.register_terms import RegisterKind
from domain.report_form import Filled
from handlers import (
    agreements,
    case_changes,
    casework,
    chronology,
    close,
    consents,
    details,
    lists,
    log_form,
    overview,
    registers,
    signing,
    submissions,
)
from handlers.hand_on import HandedOn
from storage import tables as t
from storage.auditing import Auditing
from storage.database import Database
from storage.housekeeping import tidy
from storage.outbox import SeenEvents
from storage.store import Store
from storage.watching import Watching
from tests.bench.databases import opened
from tests.bench.filling import Copies, fill, of_a_case
from tests.fakes.clock import FakeClock
from tests.handlers.office import SAFEGUARDING, Office, open_office
from tests.handlers.test_case import hands_on

CLOSED, OPEN = 4000, 5
PARTIAL: frozenset[str] = frozenset(
    str(index.name)
    for table in t.metadata.tables.values()
    for index in table.indexes
    if index.dialect_options["sqlite"]["where"] is not None and not index.unique
)
"""They hold little: what is unfinished, or was given up."""


@dataclass(frozen=True, slots=True)
class Look:
    """How a statement looks for rows of one table: by which index, and by which of its columns."""

    table: str
    index: str
    by: frozenset[str]

    @property
    def scans(self) -> bool:
        return self.index not in PARTIAL and self.by <= {"school"}


@pytest_asyncio.fixture
async def office(database_url: str, clock: FakeClock) -> AsyncIterator[Office]:
    """A school with thousands of closed cases, and some open ones."""
    database = opened(database_url)
    try:
        async with open_office(database, clock) as found:
            await _fill(found, database_url)
            yield found
    finally:
        await database.close()


async def _fill(office: Office, url: str) -> None:
    closed = await _reported(office)
    alert = await office.alert(closed)
    await office.acknowledge("dsl", alert)
    await office.works()
    done = await close.close(
        office.ports, office.school, office.account("dsl"), alert.id, "Talked to them both.", Result.DEALT_WITH
    )
    assert isinstance(done, close.Closed), done
    await office.works()
    still_open = await _reported(office)
    # A statement that is kept knows the indexes as they were.
    await office.database.engine.dispose()
    await fill(url, Copies(closed.id, CLOSED, aged=True), Copies(still_open.id, OPEN, aged=False))


async def _reported(office: Office) -> Incident:
    found = await office.reports(concern="harmful_content", targets=("text:Somebody Typed", office.picked("it")))
    await office.works()
    return found


async def test_a_report_is_taken_alerted_answered_and_closed_without_a_scan(office: Office) -> None:
    async with explained(office.database) as looks:
        incident = await _reported(office)
        alert = await office.alert(incident)
        await office.acknowledge("dsl", alert)
        await office.works()
        assert isinstance(await hands_on(office, "dsl", alert, "deputy"), HandedOn)
        await office.works()
        await details.read(office.ports, office.school, office.account("deputy"), incident.id)
        await office.acknowledge("deputy", alert)
        done = await close.close(
            office.ports, office.school, office.account("deputy"), alert.id, "Talked to them both.", Result.DEALT_WITH
        )
        assert isinstance(done, close.Closed), done
        await office.works()

    assert scans(looks) == []


async def test_unanswered_and_forgotten_alerts_come_back_without_a_scan(office: Office) -> None:
    incident = await _reported(office)
    await office.acknowledge("dsl", await office.alert(incident))
    async with explained(office.database) as looks:
        for _ in range(4):
            office.clock.advance(days=1)
            await office.works(300)

    assert scans(looks) == []


async def test_a_message_that_cannot_be_sent_is_given_up_without_a_scan(office: Office) -> None:
    office.post.unknown = {"everybody"}
    async with explained(office.database) as looks:
        await _reported(office)

    assert scans(looks) == []


async def test_a_reminder_that_cannot_be_sent_is_given_up_without_a_scan(office: Office) -> None:
    """To sign, of which there are as many as there are staff."""
    office.post.unknown = {"everybody"}
    office = office.at(replace(office.school, signs=True))
    async with explained(office.database) as looks:
        await agreements.look(office.ports, office.school)
        assert await agreements.ring(office.ports, office.school)
        await office.later(minutes=2)

    assert any("FOR UPDATE" in said or "signer_id" in said for said, _ in looks)
    assert scans(looks) == []


async def test_lists_are_shown_without_a_scan(office: Office) -> None:
    async with explained(office.database) as looks:
        assert (await lists.queue(office.ports, office.school, office.account("dsl"))).lines
        for who in ("headteacher", "brunel head", "teacher"):
            await lists.queue(office.ports, office.school, office.account(who))
        assert await lists.mine(office.ports, office.school, office.account("teacher"))

    assert scans(looks) == []


_CONSENT: Filled = {"consent_pupil": ("text:Rosa Rarely",), "consent_by": "parent", "consent_use_website": "yes"}


async def test_the_desk_of_whoever_leads_is_shown_without_a_scan(office: Office) -> None:
    """Every list, a child's chronology, and what is written, changed and signed in a case."""
    incident = await office.reports(concern="harmful_content", targets=("text:Rosa Rarely",))
    await office.works()
    await office.acknowledge("dsl", await office.alert(incident))
    at = office.ports, office.school, office.account("dsl")
    async with explained(office.database) as looks:
        for kind in QueueKind:
            await lists.of_filters(*at, Wanted(Filters(kind)))
        await lists.to_do(*at)
        if office.database.is_sqlite:
            # By a thousand marks of words like the name: among so few cases PostgreSQL rather looks through them all.
            assert isinstance(await chronology.search(*at, ("text:Rosa Rarely",)), Chronology)
        await casework.add(*at, f"{incident.id}|note|f|", {"entry_text": "Her mother rang"})
        await casework.timeline(*at, incident.id)
        await casework.steps(*at, incident.id)
        await case_changes.history(*at, incident.id)
        await signing.look(*at, incident.id)
        await log_form.look(*at, incident.id)
        await registers.show(*at, RegisterKind.RISK)
        made = await consents.keep(*at, "|f", _CONSENT)
        assert isinstance(made, ConsentFile)
        for name in ("Rosa Rarely", "Rosa Never"):
            await consents.ask(*at, {"consent_pupil": (f"text:{name}",), "consent_use": "all"})
        await consents.read(*at, made.entry.consent.id)
        await consents.left(*at)
        await consents.erase(*at, made.entry.consent.id)
        assert isinstance(await overview.everything(*at), Overview)
        await submissions.show(*at, "unblock-lesson")

    assert scans(looks) == []


async def test_many_cases_are_looked_up_by_their_ids(office: Office) -> None:
    """Fifty ids are a way to fifty rows, though SQLite thinks less of it than of the school's index, or of all typed names."""
    ids = [row.id for row in (await office.rows(t.incidents))[:50]]
    who = office.people["it"].id
    async with explained(office.database) as looks, Store(office.database).transaction(office.school, write=False) as records:
        assert len(await records.incidents(ids)) == len(ids)
        assert await records.alerts_of_cases(*ids)
        assert await records.typed_in(ids)
        assert await records.outcomes(ids)
        await records.cases_naming([who], None, 50)
        await records.cases_naming([who], office.clock.now() - timedelta(days=30), 50)

    if office.database.is_sqlite:
        # PostgreSQL counts what there is: among so few cases it rather looks through them all.
        assert scans(looks) == []
        assert [said for said, look in looks if look.by == {"person_id"} and "wrapped_key" in said] == []


async def test_the_worker_waits_and_holds_back_without_a_scan(office: Office) -> None:
    outbox, now = office.worker.outbox, office.clock.now()
    await office.reports(concern="harmful_content")
    async with explained(office.database) as looks:
        here = [office.school.id]
        assert await outbox.has_due(now, here)
        elsewhere = [(Platform.SLACK, "C0ELSEWHERE")]
        taken = await outbox.lease(now, LEASE, 64, {Platform.SLACK}, schools=here, a_lane=8, busy=elsewhere)
        assert taken
        await outbox.retry(taken[0], now + timedelta(minutes=1), "ratelimited")
        await outbox.give_back(taken[1:], now)
        await outbox.hold((Platform.SLACK, taken[0].address.id), now + timedelta(minutes=1), now)
        await outbox.due_timers(now, 64, here)
        assert await outbox.resting(here) == []
        await outbox.backlog(now)
        await outbox.given_up()

    assert scans(looks) == []


async def test_a_change_of_a_channels_readers_is_followed_without_a_scan(office: Office) -> None:
    async with explained(office.database) as looks:
        await office.read_by(SAFEGUARDING, "dsl", "it")
        async with Store(office.database).transaction(office.school) as records:
            await records.look_again_at(SAFEGUARDING, office.clock.now())

    assert scans(looks) == []


async def test_auditor_metrics_status_and_housekeeping_do_not_scan(office: Office) -> None:
    now = office.clock.now()
    watching = Watching(office.database, {office.school.id: office.school})
    async with explained(office.database) as looks:
        auditing = Auditing(office.database, [office.school.id])
        assert await auditing.astray() == []
        await auditing.behind(now)
        assert await watching.live(now)
        assert await watching.standing(now, 20)
        await tidy(office.database, now)
        await SeenEvents(office.database).is_new(Platform.SLACK, "Ev1", now)

    assert scans(looks) == []


async def test_a_query_that_scans_is_seen(office: Office) -> None:
    """What the tests above stand on."""
    async with explained(office.database) as looks:
        await office.rows(t.incidents, t.incidents.c.concern == "grooming")
        async with office.database.begin(write=False) as connection:
            other = t.deliveries.alias("other")
            await connection.execute(select(other.c.id).where(other.c.school == office.school.id))

    assert {look.table for _, look in looks if look.scans} == {"incidents", "deliveries"}


def scans(looks: Iterable[tuple[str, Look]]) -> list[str]:
    """Each statement that looks through a whole table, once."""
    found = {statement: look for statement, look in looks if look.scans}
    assert looks, "nothing was asked of a big table"
    return [f"{look.table} by {look.index or 'no index'} ({', '.join(look.by)}): {said}" for said, look in found.items()]


@asynccontextmanager
async def explained(database: Database) -> AsyncIterator[list[tuple[str, Look]]]:
    """How each statement looks for rows of the big tables, as the database says in the transaction in which it is asked."""
    big, found = await _big_tables(database), list[tuple[str, Look]]()
    explain, read = ("EXPLAIN QUERY PLAN", _sqlite) if database.is_sqlite else ("EXPLAIN (FORMAT JSON)", _postgresql)

    def look(connection: Connection, _: Any, statement: str, parameters: Any, __: Any, many: bool) -> None:
        if statement.split(maxsplit=1)[0] not in ("SELECT", "INSERT", "UPDATE", "DELETE", "WITH"):
            return
        cursor = connection.connection.cursor()
        cursor.execute(f"{explain} {statement}", parameters[0] if many else parameters)
        found.extend((" ".join(statement.split()), one) for one in read(statement, cursor.fetchall()) if one.table in big)
        cursor.close()

    event.listen(database.engine.sync_engine, "before_cursor_execute", look)
    try:
        yield found
    finally:
        event.remove(database.engine.sync_engine, "before_cursor_execute", look)


async def _big_tables(database: Database) -> frozenset[str]:
    counts = {table.name: select(func.count()).select_from(table) for table, _ in of_a_case()}
    async with database.begin(write=False) as connection:
        return frozenset([name for name, count in counts.items() if (await connection.execute(count)).scalar_one() > CLOSED])


_SQLITE_LOOK = re.compile(r"(?:SCAN|SEARCH) (\w+)(?: USING (?:COVERING |AUTOMATIC .*)?INDEX (\w+))?(.*)")


def _sqlite(statement: str, rows: Sequence[Any]) -> Iterator[Look]:
    alias = {name: table for table, name in re.findall(r"(\w+) AS (\w+)", statement)}
    for row in rows:
        if (found := _SQLITE_LOOK.match(row[3])) is not None:
            name, index, by = found.groups()
            yield Look(alias.get(name) or name, index or "", frozenset(re.findall(r"(\w+)[=<>]", by)))


def _postgresql(_: str, rows: Sequence[Any]) -> Iterator[Look]:
    (plan,) = (json.loads(row[0]) if isinstance(row[0], str) else row[0] for row in rows)
    nodes = [plan[0]["Plan"]]
    while nodes:
        node = nodes.pop()
        nodes += node.get("Plans", [])
        index = node.get("Index Name", "")
        if node["Node Type"] == "Seq Scan":
            yield Look(node["Relation Name"], "", frozenset())
        elif index:
            table = node.get("Relation Name") or _table_of(index)
            yield Look(table, index, frozenset(re.findall(r"(\w+)\)?(?:::\w+)? (?:=|<|>)", node.get("Index Cond", ""))))


def _table_of(index: str) -> str:
    named: Callable[[Table], bool] = lambda table: index in {f"pk_{table.name}", *(i.name for i in table.indexes)}  # noqa: E731
    return next((table.name for table in t.metadata.tables.values() if named(table)), "")
