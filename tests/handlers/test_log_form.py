"""A case as the policy's log form: who may have it, and what of that stands in the audit."""

from domain.exports import MadeAlready, Page, PageEnd, PageKind
from domain.incident import Incident
from domain.log_records import LogRecord
from domain.people import Kind
from domain.words import Role
from handlers import exports, log_form
from handlers.acknowledge import NotForYou
from storage import tables as t
from storage.audit_verify import follow_chains
from tests.handlers.office import WHAT, Office
from tests.handlers.test_casework import notes, taken
from tests.handlers.test_readers_log import pupil


async def look(office: Office, who: str, incident: Incident) -> LogRecord | NotForYou:
    return await log_form.look(office.ports, office.school, office.account(who), incident.id)


async def take_out(office: Office, who: str, incident: Incident) -> LogRecord | NotForYou:
    found = await log_form.take_out(office.ports, office.school, office.account(who), incident.id)
    assert not isinstance(found, MadeAlready)
    return found


async def a_page(office: Office, who: str, incident: Incident, file: str = "CSS-2026-11-24-1a2b3c4d.html") -> Page:
    """As the desk keeps it."""
    account = office.account(who)
    page = exports.new_page(office.ports, PageKind.SUBJECT, account.person_id, file, "d", (incident.id,))
    await exports.add(office.ports, office.school, account, page)
    return page


async def test_it_has_everything_that_the_case_has(office: Office) -> None:
    """Who was involved with the class of those on the list, what was written while it was worked, and for whom it was made."""
    child = await pupil(office)
    incident = await office.reports(targets=(f"person:{child.id}",), perpetrators=("text:Somebody Typed",))
    await office.acknowledge("dsl", await office.alert(incident))
    await notes(office, incident)
    record = await look(office, "dsl", incident)
    assert isinstance(record, LogRecord)
    assert record.case.narrative.what_happened == WHAT
    assert record.by == office.people["dsl"].name
    first, typed = sorted(record.people, key=lambda one: one.person is None)
    assert first.person is not None
    assert (first.person.id, first.person.kind, first.person.form) == (child.id, Kind.PUPIL, child.form)
    assert typed.participant.name == "Somebody Typed"
    assert not typed.is_staff
    assert len(record.lines) == 1
    ((alert, owner),) = record.case.duties
    assert alert.acknowledged_at is not None
    assert owner == office.people["dsl"].name


async def test_it_is_for_whoever_works_the_case_and_for_nobody_else(office: Office) -> None:
    """Nobody else leaves a trace of a case in the audit, and none learns whether there is one."""
    incident = await taken(office)
    before = await office.rows(t.audit)
    for who in ("teacher", "it", "brunel head", "headteacher", "chair", "a stranger"):
        assert await look(office, who, incident) == NotForYou()
        assert await take_out(office, who, incident) == NotForYou()
    assert await log_form.look(office.ports, office.school, office.account("dsl"), "no such case") == NotForYou()
    assert await office.rows(t.audit) == before
    assert isinstance(await take_out(office, "deputy", incident), LogRecord)


async def test_a_private_case_is_its_owners_alone(office: Office) -> None:
    """The lead has no more right to the file of a matter about staff than to the matter."""
    incident = await office.reports(concern="staff_conduct", about="staff", perpetrators=(office.picked("it"),))
    alerts = await office.alerts(incident)
    await office.acknowledge("headteacher", next(a for a in alerts if Role.HEADTEACHER in a.roles))
    for who in ("dsl", "deputy", "it", "chair"):
        assert await take_out(office, who, incident) == NotForYou()
    record = await take_out(office, "headteacher", incident)
    assert isinstance(record, LogRecord)
    (accused,) = record.people
    assert accused.is_staff


async def test_to_look_is_a_reading_and_to_take_it_out_stands_apart(office: Office) -> None:
    """Both stand with those who have looked; the chain is whole, and has no name."""
    incident = await taken(office)
    await look(office, "dsl", incident)
    await take_out(office, "dsl", incident)
    actions = [r.action for r in await office.rows(t.audit, t.audit.c.incident_id == incident.id)]
    assert actions[-2:] == ["case.read", "log_form.exported"]
    async with office.ports.store.transaction(office.school, write=False) as records:
        assert len(await records.readings(incident.id)) >= 2
    (chain,) = await follow_chains(office.database, words=True)
    assert (chain.broken, chain.unkept) == (None, [])


async def test_the_page_ends_with_the_case(office: Office) -> None:
    """A copy of what nobody may read any more must not lie about."""
    incident = await taken(office)
    page = await a_page(office, "dsl", incident)
    async with office.ports.store.transaction(office.school) as records:
        await exports.end_all_with(records, incident.id, "bot", office.clock.now())
    (row,) = await office.rows(t.exports, t.exports.c.id == page.id)
    assert row.ended == PageEnd.ERASED


async def test_whoever_made_a_page_may_end_it_and_nobody_else(office: Office) -> None:
    """Also somebody who does not answer for the records; to keep it longer is for those who do."""
    incident = await office.reports(concern="cyberbullying", targets=(f"person:{(await pupil(office)).id}",))
    alert = next(a for a in await office.alerts(incident) if a.group == "Brunel")
    await office.acknowledge("brunel head", alert)
    assert isinstance(await take_out(office, "brunel head", incident), LogRecord)
    page = await a_page(office, "brunel head", incident)
    for who in ("dsl", "teacher", "a stranger"):
        assert await exports.drop(office.ports, office.school, office.account(who), page.id) == NotForYou()
    assert await exports.keep(office.ports, office.school, office.account("brunel head"), page.id) == NotForYou()
    assert isinstance(await exports.drop(office.ports, office.school, office.account("brunel head"), page.id), Page)


async def test_the_command_line_finds_a_page_by_who_made_it_while_they_may_still_have_it(office: Office) -> None:
    """An address alone says nothing, and whoever handed the case on has no page of it any more."""
    incident = await taken(office)
    email = office.people["dsl"].email
    assert await log_form.pages_for(office.ports, office.school, email, incident.reference) == ()
    first = await a_page(office, "dsl", incident)
    office.clock.advance(minutes=1)
    newer = await a_page(office, "dsl", incident, "CSS-2026-11-24-2a2b3c4d.html")
    found = await log_form.pages_for(office.ports, office.school, f" {email.upper()}", incident.reference.lower())
    assert found == (newer, first)
    for who in ("teacher", "headteacher"):
        refused = await log_form.pages_for(office.ports, office.school, office.people[who].email, incident.reference)
        assert refused == NotForYou()
    assert await log_form.pages_for(office.ports, office.school, email, "CSS-2026-9999") == NotForYou()
    assert await log_form.pages_for(office.ports, office.school, "nobody@x.example", incident.reference) == NotForYou()
    assert await log_form.fetched(office.ports, office.school, newer, "pdf", opened=True)
    (row,) = await office.rows(t.audit, t.audit.c.action == "log_form.fetched")
    assert (row.actor, row.data) == ("command", {"page": newer.id, "form": "pdf", "opened": True})

    other = office.with_holders(dsl=("deputy",))
    assert await log_form.pages_for(other.ports, other.school, email, incident.reference) in ((newer, first), NotForYou())
    ended = await exports.drop(office.ports, office.school, office.account("dsl"), newer.id)
    assert isinstance(ended, Page)
    assert not await log_form.fetched(office.ports, office.school, newer, "pdf", opened=True)
