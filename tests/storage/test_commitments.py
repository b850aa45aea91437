"""Somebody with the database and no key changes what was written: the audit's chain stays whole, and the case is named."""

from collections.abc import Awaitable, Callable

import pytest
from sqlalchemy import delete, insert, update
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.case_changes import Result
from domain.incident import Incident
from handlers import close, details
from storage import tables as t
from storage.audit_verify import follow_chains
from storage.commitments import Amiss
from storage.database import Database
from storage.sealing_job import seal_the_rest
from tests.fakes.clock import FakeClock
from tests.handlers.office import Office, open_office

Tampering = Callable[[AsyncConnection, Incident], Awaitable[object]]
x, n, p, i = t.incident_texts.c, t.case_notes.c, t.participants.c, t.incidents.c


async def _other_words(connection: AsyncConnection, case: Incident) -> None:
    mine = update(t.incident_texts).where(x.incident_id == case.id, x.field == "what_happened")
    await connection.execute(mine.values(text="Nothing happened.", sealed=None))


async def _a_word_less(connection: AsyncConnection, case: Incident) -> None:
    await connection.execute(delete(t.incident_texts).where(x.incident_id == case.id, x.field == "where"))


async def _another_name(connection: AsyncConnection, case: Incident) -> None:
    await connection.execute(update(t.participants).where(p.incident_id == case.id).values(name="Somebody else", sealed=None))


async def _another_part(connection: AsyncConnection, case: Incident) -> None:
    await connection.execute(update(t.participants).where(p.incident_id == case.id).values(role="witness"))


async def _another_outcome(connection: AsyncConnection, case: Incident) -> None:
    await connection.execute(update(t.case_notes).where(n.incident_id == case.id).values(text="All well.", sealed=None))


async def _no_outcome(connection: AsyncConnection, case: Incident) -> None:
    await connection.execute(delete(t.case_notes).where(n.incident_id == case.id))


async def _one_more_note(connection: AsyncConnection, case: Incident) -> None:
    row = {
        "id": "more",
        "incident_id": case.id,
        "person_id": "p",
        "kind": "outcome",
        "at": case.reported_at,
        "text": "All well.",
    }
    await connection.execute(insert(t.case_notes).values(row))


async def _all_of_it_in_plain_text(connection: AsyncConnection, case: Incident) -> None:
    """As a case that a version before 0007 wrote: the job would give it a key of its own."""
    await connection.execute(update(t.incidents).where(i.id == case.id).values(key_id=None, wrapped_key=None))
    await connection.execute(update(t.incident_texts).where(x.incident_id == case.id).values(text="Nothing.", sealed=None))
    await connection.execute(update(t.participants).where(p.incident_id == case.id).values(name="Nobody", sealed=None))
    await connection.execute(update(t.case_notes).where(n.incident_id == case.id).values(text="All well.", sealed=None))
    await connection.execute(delete(t.case_changes).where(t.case_changes.c.incident_id == case.id))


async def _nobody_kept_out(connection: AsyncConnection, case: Incident) -> None:
    await connection.execute(delete(t.exclusions).where(t.exclusions.c.incident_id == case.id))


async def _somebody_let_in(connection: AsyncConnection, case: Incident) -> None:
    """As if a colleague had said that the name is somebody else's."""
    mine = update(t.exclusions).where(t.exclusions.c.incident_id == case.id)
    await connection.execute(mine.values(why="dismissed", settled_by="p", settled_at=case.reported_at))


async def _private_no_more(connection: AsyncConnection, case: Incident) -> None:
    await connection.execute(update(t.incidents).where(i.id == case.id).values(private=False))


async def _its_key(connection: AsyncConnection, case: Incident) -> None:
    await connection.execute(update(t.incidents).where(i.id == case.id).values(key_id="", wrapped_key=None))


async def _what_is_sealed(connection: AsyncConnection, case: Incident) -> None:
    await connection.execute(update(t.incident_texts).where(x.incident_id == case.id).values(sealed=b"\x01\x00" + b"?" * 40))


async def _another_reporter(connection: AsyncConnection, case: Incident) -> None:
    await connection.execute(update(t.incidents).where(i.id == case.id).values(reporter_person="somebody else"))


async def _the_key_it_lies_under(connection: AsyncConnection, case: Incident) -> None:
    wrapped = b"\x01\x04gone" + b"?" * 60
    await connection.execute(update(t.incidents).where(i.id == case.id).values(key_id="gone", wrapped_key=wrapped))


REPORTED, CLOSED = "incident.reported", "case.closed"
SHOWN: list[tuple[Tampering, list[tuple[Amiss, str]]]] = [
    (_other_words, [(Amiss.CHANGED, REPORTED)]),
    (_a_word_less, [(Amiss.CHANGED, REPORTED)]),
    (_another_name, [(Amiss.CHANGED, REPORTED)]),
    (_another_part, [(Amiss.CHANGED, REPORTED)]),
    (_another_outcome, [(Amiss.CHANGED, CLOSED), (Amiss.ADDED, "")]),
    (_no_outcome, [(Amiss.CHANGED, CLOSED)]),
    (_one_more_note, [(Amiss.ADDED, "")]),
    (
        _all_of_it_in_plain_text,
        # The outcome is a note, and the close a change of the case.
        [(Amiss.CHANGED, REPORTED), (Amiss.CHANGED, CLOSED), (Amiss.ADDED, ""), (Amiss.CHANGED, CLOSED)],
    ),
    (_another_reporter, [(Amiss.CHANGED, REPORTED)]),
    (_its_key, [(Amiss.ERASED, "")]),
    (_what_is_sealed, [(Amiss.UNREADABLE, "")]),
    (_the_key_it_lies_under, [(Amiss.NO_KEY, "")]),
]


LET_IN = [_nobody_kept_out, _somebody_let_in, _private_no_more]


@pytest.mark.parametrize("how", LET_IN, ids=lambda x: x.__name__)
async def test_whoever_is_let_in_by_the_database_is_found(database: Database, clock: FakeClock, how: Tampering) -> None:
    """Somebody whom it names takes away what keeps them out of it, or has it shown to all who lead."""
    async with open_office(database, clock) as office:
        for _ in range(2):
            case = await office.reports(concern="staff_conduct", about="staff", perpetrators=(office.picked("cabot head"),))
        assert case.private
        assert await _shown(office) == []
        async with database.begin() as connection:
            await how(connection, case)
        assert await _shown(office) == [(case.reference, Amiss.CHANGED, REPORTED)]


async def test_who_is_kept_out_is_vouched_for_once_it_is_settled(database: Database, clock: FakeClock) -> None:
    """A typed name is a colleague's. What an older version settles beside this one is not called changed."""
    async with open_office(database, clock) as office:
        case = await office.reports(perpetrators=("Kit Devlin",))
        me = office.account("dsl")
        person = office.people["cabot head"].id
        await details.settle(office.ports, office.school, me, case.id, person, same=True)
        assert (await office.incident(case)).private
        assert await _shown(office) == []
        async with database.begin() as connection:
            await _somebody_let_in(connection, case)
        assert [(amiss, entry) for _, amiss, entry in await _shown(office)] == [(Amiss.CHANGED, "case.made_private")]
        async with office.ports.store.transaction(office.school) as records:
            await records.note(office.clock.now(), "person:p", "match.dismissed", case.id, person=person)
        assert await _shown(office) == []


async def _a_case(office: Office) -> Incident:
    incident = await office.reports(targets=("Bea Exemplar",), where="Behind the gym")
    await office.acknowledge("dsl", await office.alert(incident))
    await close.close(
        office.ports,
        office.school,
        office.account("dsl"),
        (await office.alert(incident)).id,
        "Families seen.",
        Result.DEALT_WITH,
    )
    return incident


async def _shown(office: Office) -> list[tuple[str, Amiss, str]]:
    """What is found: the case's reference, what is wrong, and which entry shows it."""
    (chain,) = await follow_chains(office.database, words=True)
    assert chain.broken is None
    entries = {row.seq: row.action for row in await office.rows(t.audit)}
    assert chain.unkept is not None
    return [(u.reference, u.amiss, entries.get(u.seq, "")) for u in chain.unkept]


@pytest.mark.parametrize(("how", "what"), SHOWN, ids=lambda x: getattr(x, "__name__", None))
async def test_what_was_changed_is_named(
    database: Database, clock: FakeClock, how: Tampering, what: list[tuple[Amiss, str]]
) -> None:
    """The case, the entry, and no other case; and no less once the job has sealed what it found in plain text."""
    async with open_office(database, clock) as office:
        await _a_case(office)
        case = await _a_case(office)
        assert await _shown(office) == []
        async with database.begin() as connection:
            await how(connection, case)
        expected = [(case.reference, amiss, action) for amiss, action in what]
        assert await _shown(office) == expected
        if what[0][0] in (Amiss.CHANGED, Amiss.ADDED):
            await seal_the_rest(database)
            assert await _shown(office) == expected


async def test_a_case_that_is_gone_is_named_by_its_entry(database: Database, clock: FakeClock) -> None:
    """Taken out with all that hangs on it."""
    async with open_office(database, clock) as office:
        case = await office.reports()
        async with database.begin() as connection:
            await connection.execute(delete(t.summonses))
            for table in reversed(t.metadata.sorted_tables):
                if "incident_id" in table.c and table is not t.audit:
                    await connection.execute(delete(table).where(table.c.incident_id == case.id))
            await connection.execute(delete(t.incidents).where(i.id == case.id))
        assert await _shown(office) == [(case.id, Amiss.GONE, REPORTED)]


async def test_what_an_older_version_wrote_is_held_against_nothing(database: Database, clock: FakeClock) -> None:
    """It committed to nothing: neither its report nor its note is called changed."""
    async with open_office(database, clock) as office:
        case = await _a_case(office)
        now = office.clock.now()
        old = {"id": "old", "incident_id": case.id, "person_id": "p", "kind": "outcome", "at": now, "text": "Seen."}
        async with office.ports.store.transaction(office.school) as records:
            await records.note(now, "person:p", "part.closed", case.id)
        async with database.begin() as connection:
            await connection.execute(insert(t.case_notes).values(old))
        assert await _shown(office) == []
