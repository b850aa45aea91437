"""A case whose words are sealed: erased it is unreadable at once; a change shows; and what an older version wrote is read."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from sqlalchemy import delete, insert, select, update

from cards.case import case_form
from cards.texts import say
from domain.case_changes import Result
from domain.incident import CaseFile, CaseNote, Incident, NoteKind
from handlers import close, details
from storage import sealed
from storage import tables as t
from storage.database import Database
from storage.key_ring import SealError
from storage.sealing import Key
from storage.sealing_job import seal_the_rest
from storage.store import Store
from tests.fakes.clock import FakeClock
from tests.handlers.office import WHAT, Office, open_office

NAMES = ("Bea Exemplar", "Zebedee Quill")


@pytest_asyncio.fixture
async def office(database: Database, clock: FakeClock) -> AsyncIterator[Office]:
    """The demo school at work."""
    async with open_office(database, clock) as office:
        yield office


async def a_case(office: Office) -> Incident:
    """Reported, acknowledged and closed, with a note."""
    incident = await office.reports(targets=NAMES[:1], perpetrators=NAMES[1:], where="Behind the gym")
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


async def read(office: Office, incident: Incident) -> CaseFile:
    shown = await details.read(office.ports, office.school, office.account("dsl"), incident.id)
    assert isinstance(shown, CaseFile)
    return shown


async def erase(office: Office, incident: Incident) -> None:
    async with Store(office.database).transaction(office.school) as records:
        await records.erase(incident.id)


async def key_of(office: Office, incident: Incident) -> Key:
    (row,) = await office.rows(t.incidents, t.incidents.c.id == incident.id)
    return office.database.vault.of_case(office.school.id, incident.id, row.wrapped_key)


async def test_an_erased_case_is_unreadable_at_once(office: Office) -> None:
    """The lead who reads it is told so; its state, its reference and its log are still there, and other cases as before."""
    incident, other = await a_case(office), await a_case(office)
    await erase(office, incident)
    case = await read(office, incident)
    assert case.narrative.erased
    assert say("case.erased") in str(case_form(office.school, case))
    for secret in (*NAMES, WHAT, "Behind the gym", "Families seen."):
        assert secret not in str(case)
        assert secret not in str(case_form(office.school, case))
    assert case.incident.reference == incident.reference
    assert case.log
    assert WHAT in str(await read(office, other))
    (row,) = await office.rows(t.incidents, t.incidents.c.id == incident.id)
    assert row.wrapped_key is None


async def test_what_is_added_to_an_erased_case_is_not_kept(office: Office) -> None:
    """Somebody had the form open."""
    incident = await a_case(office)
    await erase(office, incident)
    note = CaseNote(incident.id, office.people["dsl"].id, NoteKind.OUTCOME, office.clock.now(), "One more word")
    async with office.ports.store.transaction(office.school) as records:
        assert await records.add_case_note(note) == ""
    assert "One more word" not in str(await read(office, incident))
    assert {row.text for row in await office.rows(t.case_notes)} == {""}


async def test_the_audit_has_a_commitment_to_each_text(office: Office) -> None:
    """What was reported and noted can be held against it; another word, or another name, would be another commitment."""
    incident = await a_case(office)
    case, key = await read(office, incident), await key_of(office, incident)
    entries = {row.action: row.data for row in await office.rows(t.audit, t.audit.c.incident_id == incident.id)}
    assert entries["incident.reported"]["texts"] == sealed.commitment_to_report(key, case.narrative, case.participants)
    ((note, _),) = case.notes
    assert entries["case.closed"]["texts"] == sealed.commitment_to_note(key, note)
    assert entries["incident.reported"]["texts"] != sealed.commitment_to_report(key, case.narrative, case.participants[:1])
    assert entries["incident.reported"]["texts"] != sealed.commitment_to_report(Key.new(), case.narrative, case.participants)


async def test_a_text_put_in_place_of_another_does_not_open(office: Office) -> None:
    """Somebody who can write to the database moves what was said of one child to the case of another."""
    one, other = await a_case(office), await a_case(office)
    x = t.incident_texts.c
    async with office.database.begin() as connection:
        theirs = select(x.sealed).where(x.incident_id == other.id, x.field == "what_happened").scalar_subquery()
        mine = update(t.incident_texts).where(x.incident_id == one.id, x.field == "what_happened")
        await connection.execute(mine.values(sealed=theirs))
    with pytest.raises(SealError):
        await read(office, one)


async def test_plain_text_beside_what_is_sealed_is_not_read(office: Office) -> None:
    """Somebody with the database and no key writes what they like there: it is not shown, and never sealed in its place."""
    incident = await a_case(office)
    before = await read(office, incident)
    async with office.database.begin() as connection:
        await connection.execute(update(t.incident_texts).values(text="Nothing happened."))
        await connection.execute(update(t.participants).values(name="Nobody"))
        await connection.execute(update(t.case_notes).values(text="No further action."))
    for _ in range(2):
        shown = await read(office, incident)
        assert (shown.narrative, shown.participants, shown.notes) == (before.narrative, before.participants, before.notes)
        await seal_the_rest(office.database)


async def test_a_case_that_was_changed_without_the_bot_says_so(office: Office) -> None:
    """Whoever reads it is warned; of another case nothing is said."""
    changed, other = await a_case(office), await a_case(office)
    x = t.incident_texts.c
    async with office.database.begin() as connection:
        mine = update(t.incident_texts).where(x.incident_id == changed.id, x.field == "what_happened")
        await connection.execute(mine.values(text="Nothing happened.", sealed=None))
    assert say("case.changed") in str(case_form(office.school, await read(office, changed)))
    assert say("case.changed") not in str(case_form(office.school, await read(office, other)))


async def test_what_an_older_version_wrote_is_read(office: Office) -> None:
    """A process of it still runs, and adds a note in plain text beside sealed ones: both are there, and once erased neither."""
    incident = await a_case(office)
    plain = {"incident_id": incident.id, "person_id": office.people["dsl"].id, "kind": "outcome", "at": office.clock.now()}
    async with office.database.begin() as connection:
        await connection.execute(insert(t.case_notes).values(id="old", text="Seen again", **plain))
    assert sorted(note.text for note, _ in (await read(office, incident)).notes) == ["Families seen.", "Seen again"]
    await erase(office, incident)
    assert "Seen again" not in str(await read(office, incident))
    assert not [row for row in await office.rows(t.case_notes) if row.text]


async def test_a_case_of_an_older_version_gets_a_key_when_something_is_added(office: Office) -> None:
    """What was in plain text stays readable beside it."""
    incident = await a_case(office)
    async with office.database.begin() as connection:
        await connection.execute(update(t.incidents).values(key_id=None, wrapped_key=None))
        await connection.execute(update(t.incident_texts).values(sealed=None, text="In plain text"))
        await connection.execute(update(t.participants).values(sealed=None, name="Bea"))
        await connection.execute(update(t.case_notes).values(sealed=None, text="Noted"))
        await connection.execute(delete(t.case_changes))
    note = CaseNote(incident.id, office.people["dsl"].id, NoteKind.OUTCOME, office.clock.now(), "One more word")
    async with office.ports.store.transaction(office.school) as records:
        assert await records.add_case_note(note)
    case = await read(office, incident)
    assert case.narrative.what_happened == "In plain text"
    assert {p.name for p in case.participants} == {"Bea"}
    assert sorted(n.text for n, _ in case.notes) == ["Noted", "One more word"]
    assert [row.text for row in await office.rows(t.case_notes) if row.text] == ["Noted"]
