"""The records: references that say nothing, an audit that can be recomputed, drafts that are their owner's alone."""

import asyncio
import hashlib
import json
import re
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, timedelta
from itertools import pairwise
from uuid import RFC_4122, UUID, uuid4

import pytest
import pytest_asyncio
from sqlalchemy import Table, insert, update

from domain.access import Reach
from domain.asking import Answered
from domain.incident import CaseFile
from domain.people import Account, Address, AddressKind, Kind, Person, Platform
from domain.queues import Filters
from domain.report_form import Draft, DraftGone, KindQuestions
from handlers import ask, opening, report
from storage import tables as t
from storage.database import Database
from storage.records import next_id
from storage.store import Store
from tests.fakes.clock import FakeClock
from tests.handlers.office import SAFEGUARDING, Office, open_office


@pytest_asyncio.fixture
async def office(database: Database, clock: FakeClock) -> AsyncIterator[Office]:
    """The demo school at work."""
    async with open_office(database, clock) as office:
        yield office


class PowerCutError(Exception):
    """The machine stops in the middle."""


async def test_what_belongs_to_a_case_has_ids_in_the_order_of_time(office: Office) -> None:
    """Each report's rows come after those of the one before; a question that was asked says nothing of when."""
    seen: dict[Table, list[set[str]]] = {t.incidents: [], t.alerts: [], t.deliveries: [], t.timers: [], t.participants: []}
    for _ in range(3):
        await office.reports(targets=("text:Somebody Typed",))
        await asyncio.sleep(0.002)
        for table, ids in seen.items():
            ids.append({row.id for row in await office.rows(table)} - {i for before in ids for i in before})
    for ids in seen.values():
        assert all(ids)
        assert all(max(earlier) < min(later) for earlier, later in pairwise(ids))
    asked = await ask.ask(office.ports, office.school, office.account("teacher"), "Can I friend an ex-pupil?")
    assert isinstance(asked, Answered)
    assert {UUID(row.id).version for row in await office.rows(t.asked)} == {4}


def test_an_id_in_the_order_of_time_is_a_uuid_of_version_7() -> None:
    """RFC 9562, section 5.7: the milliseconds since 1970, and 74 bits that were drawn by lot."""
    before = time.time_ns() // 1_000_000
    made = [UUID(next_id()) for _ in range(1_000)]
    after = time.time_ns() // 1_000_000
    assert {(i.version, i.variant) for i in made} == {(7, RFC_4122)}
    assert all(before <= i.int >> 80 <= after for i in made)
    drawn = {(i.int >> 64 & 0xFFF, i.int & (1 << 62) - 1) for i in made}
    assert len({low for _, low in drawn}) == len(made)
    assert {bit for bit in range(12) if any(high >> bit & 1 for high, _ in drawn)} == set(range(12))


async def test_references_do_not_tell_how_many_cases_there_are(office: Office) -> None:
    """Eighty reports, private ones among them, some at the same moment: each its own number, and none the one before's next."""
    found = [await office.reports(concern="staff_conduct" if n % 3 else "grooming") for n in range(68)]
    found += await asyncio.gather(*(office.reports() for _ in range(12)))
    numbers = [int(re.fullmatch(r"CSS-2026-([1-9]\d{3})", i.reference)[1]) for i in found]  # type: ignore[index]
    assert len(set(numbers)) == len(found)
    steps = [later - earlier for earlier, later in pairwise(numbers)]
    # By lot about half go down, and hardly any is the very next.
    assert 15 < sum(step < 0 for step in steps) < 65
    assert sum(abs(step) <= 3 for step in steps) < 6


async def test_two_processes_never_give_the_same_reference(office: Office) -> None:
    """As many reports at once as there can be, in a year in which nearly every number of four digits is in use."""
    await office.reports()
    await _use_up(office, 8_900)
    found = await asyncio.gather(*(office.reports() for _ in range(30)))
    references = {i.reference for i in found}
    assert len(references) == 30
    # Once it is hard to find one of four digits, it has five.
    assert {len(r) for r in references} <= {len("CSS-2026-1234"), len("CSS-2026-12345")}
    assert any(len(r) == len("CSS-2026-12345") for r in references)


async def _use_up(office: Office, count: int) -> None:
    """Fills the year with as many cases as there are numbers but a few."""
    (row,) = await office.rows(t.incidents)
    used = [f"CSS-2026-{n}" for n in range(1000, 1000 + count) if f"CSS-2026-{n}" != row.reference]
    more = [{**row._mapping, "id": str(uuid4()), "draft_id": None, "reference": reference} for reference in used]
    async with office.database.begin() as connection:
        await connection.execute(insert(t.incidents), more)


async def test_older_references_stay_and_are_found(office: Office) -> None:
    """What was called by a number with noughts is called so still, and no new case is called like it."""
    incident = await office.reports()
    async with office.database.begin() as connection:
        await connection.execute(update(t.incidents).values(reference="CSS-2026-0042"))
    found = await opening.look_up(office.ports, office.school, office.account("dsl"), "css-2026-0042")
    assert isinstance(found, CaseFile)
    assert found.incident.id == incident.id


async def test_a_new_year_begins_at_midnight_of_the_school(office: Office) -> None:
    """By its own calendar."""
    office.clock.at = office.clock.at.replace(year=2027, month=1, day=1, hour=0, minute=0)
    assert (await office.reports()).reference.startswith("CSS-2027-")


async def test_the_audit_chain_can_be_recomputed(office: Office) -> None:
    """Written by many at once: no number missing, each entry holds the hash of the one before, and none was altered."""
    found = await asyncio.gather(*(office.reports() for _ in range(6)))
    alerts = [await office.alert(i) for i in found]
    await asyncio.gather(*(office.acknowledge("dsl", alert) for alert in alerts))
    rows = sorted(await office.rows(t.audit), key=lambda r: r.seq)
    assert [r.seq for r in rows] == list(range(1, len(rows) + 1))
    assert len(rows) >= 14
    previous = "0" * 64
    for r in rows:
        moment = r.at.astimezone(UTC).isoformat()
        body = json.dumps(
            [r.school, r.seq, moment, r.actor, r.action, r.incident_id, r.data, previous], sort_keys=True, ensure_ascii=False
        )
        assert r.previous == previous
        assert r.hash == hashlib.sha256(body.encode()).hexdigest()
        previous = r.hash


async def test_the_audit_holds_no_name_and_no_word_of_the_story(office: Office) -> None:
    """Ids and codes only."""
    await office.reports(targets=("Bea Exemplar",), perpetrators=("Ms Okafor",), where="Behind the gym")
    written = "".join(str(r) for r in await office.rows(t.audit))
    for secret in ("Bea", "Okafor", "group chat", "gym", "Whitlock"):
        assert secret not in written


async def test_a_draft_is_its_owners_alone(office: Office) -> None:
    """Another account cannot take it up, type into it, send it or drop it, and is offered none of it."""
    draft_id = await office.draft("teacher")
    thief = office.account("deputy")
    ports, school = office.ports, office.school
    assert isinstance(await report.resume(ports, school, thief, draft_id), DraftGone)
    assert isinstance(await report.choose_kind(ports, school, thief, draft_id, dict.fromkeys("abc", "x")), KindQuestions)
    kind = {"concern": "other", "about": "pupil", "danger": "no"}
    assert isinstance(await report.choose_kind(ports, school, thief, draft_id, kind), DraftGone)
    await report.keep_typing(ports, school, thief, draft_id, {"what": "stolen"})
    assert isinstance(await report.submit(ports, school, thief, draft_id, {"what": "stolen"}), DraftGone)
    await report.discard(ports, school, thief, draft_id)
    assert isinstance(await report.begin(ports, school, thief), KindQuestions)
    async with ports.store.transaction(school, write=False) as records:
        kept = await records.draft(draft_id)
    assert kept is not None
    assert kept.filled == {"concern": "grooming", "about": "pupil", "danger": "no"}
    assert not kept.submitted


async def test_a_draft_of_another_school_is_not_written_over(office: Office) -> None:
    """Two schools in one database: an id from the one does nothing to the other's draft."""
    draft_id = await office.draft("teacher")
    other = replace(office.school, id="another", prefix="OTH")
    kind = {"concern": "other", "about": "parent", "danger": "yes"}
    await report.choose_kind(office.ports, other, office.account("stranger"), draft_id, kind)
    async with office.ports.store.transaction(office.school, write=False) as records:
        kept = await records.draft(draft_id)
    assert kept is not None
    assert kept.filled["concern"] == "grooming"


async def test_a_submitted_draft_forgets_what_was_typed(office: Office) -> None:
    """The words live on in the report alone."""
    await office.reports()
    (row,) = await office.rows(t.drafts)
    assert row.state == "submitted"
    assert (row.filled, row.sealed) == ({}, None)


async def test_what_was_kept_of_a_draft_is_read_back_exactly(office: Office) -> None:
    """Texts and lists, in any script."""
    filled: dict[str, str | tuple[str, ...]] = {"what": "Ünïcode 😀 \n\u202e", "targets": ("text:O'B", "person:1"), "done": ""}
    now = office.clock.now()
    draft = Draft(str(uuid4()), Account(Platform.SLACK, "U1"), filled, now, now + timedelta(days=1))
    async with office.ports.store.transaction(office.school) as records:
        await records.save_draft(draft)
        assert await records.draft(draft.id) == draft


async def test_one_school_does_not_see_another(office: Office) -> None:
    """Cases, alerts, people, accounts and readers are the school's own, by whatever id they are asked for."""
    incident = await office.reports()
    alert = await office.alert(incident)
    await office.read_by(SAFEGUARDING, "dsl")
    async with Store(office.database).transaction(replace(office.school, id="another")) as records:
        assert await records.incident(incident.id) is None
        assert await records.alert(alert.id) is None
        assert await records.people([office.people["dsl"].id]) == {}
        assert list(await records.staff()) == []
        assert await records.search_people("Bea", 10) == []
        assert await records.readers(office.clock.now() - timedelta(days=1)) == {}
        everything = Reach(office.people["dsl"].id, leads=True, holds=())
        assert await records.queued_alerts(everything, Filters(), office.clock.now(), 10) == []
        assert await records.alerts_of_cases(incident.id) == []
        assert await records.reported_by(office.account("teacher"), 10) == []
        assert not await records.has_people()


async def test_an_import_that_failed_leaves_no_trace_in_memory(office: Office) -> None:
    """The staff list is kept in memory by its version: one that was rolled back is not taken for the next."""
    new = Person(str(uuid4()), Kind.STAFF, "Never Imported", "never@demo.example")

    async def fails() -> None:
        async with Store(office.database).transaction(office.school) as records:
            await records.save_people([("never@demo.example", new, True)])
            assert (await records.staff()).by_email("never@demo.example")
            raise PowerCutError

    with pytest.raises(PowerCutError):
        await fails()
    real = replace(new, id=str(uuid4()), name="Really Imported", email="really@demo.example")
    async with Store(office.database).transaction(office.school) as records:
        await records.save_people([("really@demo.example", real, True)])
    async with Store(office.database).transaction(office.school, write=False) as records:
        staff = await records.staff()
    assert staff.by_email("really@demo.example")
    assert staff.by_email("never@demo.example") is None


@pytest.mark.parametrize(
    ("emails", "known"),
    [
        (["d.okafor@demo.example"], True),
        (["d.okafor@demo.example", ""], False),
        (["d.okafor@demo.example", "dana@personal.example"], False),
    ],
)
async def test_readers_are_known_only_if_each_is(office: Office, emails: list[str], known: bool) -> None:
    """A reader without an address, or with one that is on no list, may be anybody: then nobody knows who reads the channel."""
    async with Store(office.database).transaction(office.school) as records:
        await records.save_readers(SAFEGUARDING, emails, office.clock.now())
        found = await records.readers(office.clock.now() - timedelta(hours=1))
    assert found == {SAFEGUARDING: frozenset({office.people["dsl"].id}) if known else None}


async def test_what_was_looked_up_long_ago_is_not_known(office: Office) -> None:
    """Readers grow stale, and can be forgotten at once."""
    await office.read_by(SAFEGUARDING, "dsl")
    async with Store(office.database).transaction(office.school) as records:
        assert await records.readers(office.clock.now() + timedelta(seconds=1)) == {SAFEGUARDING: None}
        await records.forget_readers(SAFEGUARDING)
        assert await records.readers(office.clock.now()) == {}
        await records.forget_readers(Address(Platform.SLACK, AddressKind.CHANNEL, "never heard of"))


SEARCHES: list[tuple[str, list[str]]] = [
    ("be", ["Bea Exemplar"]),
    ("EXEM be", ["Bea Exemplar"]),
    ("demos", ["Alfie Demosson"]),
    ("mosson", []),
    ("%", []),
    ("_ea", []),
    ("", []),
    ("\x00\ud800😀", []),
    ("d", ["Kit Devlin", "Dana Okafor"]),
    ("de", ["Alfie Demosson", "Kit Devlin"]),
    ("d al", ["Alfie Demosson"]),
]


async def test_people_are_found_by_how_their_names_begin(office: Office) -> None:
    """Words in any order, without case; nothing typed is read as a pattern. One letter finds staff, and no pupil."""
    async with office.ports.store.transaction(office.school, write=False) as records:
        for typed, found in SEARCHES:
            assert {p.name for p in await records.search_people(typed, 10)} == set(found), typed


async def test_somebody_who_has_left_is_found_no_more(office: Office) -> None:
    """Off the list: not suggested, not on the staff list, and not to be picked."""
    bea = (await _search(office, "bea"))[0]
    async with Store(office.database).transaction(office.school) as records:
        await records.save_people([("D002", bea, False)])
    assert await _search(office, "bea") == []
    async with office.ports.store.transaction(office.school, write=False) as records:
        assert await records.people([bea.id]) == {}


async def _search(office: Office, typed: str) -> list[Person]:
    async with office.ports.store.transaction(office.school, write=False) as records:
        return await records.search_people(typed, 10)
