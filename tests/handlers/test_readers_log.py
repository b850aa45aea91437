"""Who has looked at a case, and at every case of a child: asked by those who answer for the records."""

import pytest

from domain.audit import CaseReaders, ReadersOfCase, ReadersOfChild
from domain.handovers import HandoverReady
from domain.incident import CaseFile, Incident
from domain.people import Kind, Person
from domain.subject_access import Held
from handlers import details, handovers, readers_log, subject_access
from handlers.acknowledge import NotForYou
from storage import tables as t
from storage.people_files import carry_out, plan_import
from storage.store import Store
from tests.handlers.office import Office


async def pupil(office: Office) -> Person:
    """Somebody on the list of pupils."""
    async with office.ports.store.transaction(office.school, write=False) as records:
        (found, *_) = [p for p in await records.search_people("al", 20) if p.kind is Kind.PUPIL]
    return found


async def reads(office: Office, who: str, incident: Incident) -> None:
    """Somebody opens a case that they may read."""
    assert isinstance(await details.read(office.ports, office.school, office.account(who), incident.id), CaseFile)


async def readers(office: Office, who: str, incident: Incident) -> CaseReaders:
    """What somebody who may is shown."""
    found = await readers_log.of_case(office.ports, office.school, office.account(who), incident.id)
    assert isinstance(found, ReadersOfCase)
    return found.case


async def of_child(office: Office, who: str, incident: Incident, child: Person) -> list[str]:
    """The references of the cases that somebody is shown."""
    found = await readers_log.of_child(office.ports, office.school, office.account(who), incident.id, child.id)
    assert isinstance(found, ReadersOfChild)
    return [case.reference for case in found.cases]


async def test_who_when_and_how_often(office: Office) -> None:
    """By name and by the role they held, the last first. To ask is not to look at the case."""
    incident = await office.reports()
    await reads(office, "deputy", incident)
    first = office.clock.now()
    office.clock.advance(hours=1)
    await reads(office, "deputy", incident)
    await reads(office, "dsl", incident)
    case = await readers(office, "dsl", incident)
    assert case.reference == incident.reference
    by_name = {r.name: r for r in case.readers}
    deputy = by_name[office.people["deputy"].name]
    assert ([str(r) for r in deputy.roles], deputy.first, deputy.last, deputy.times) == (
        ["deputy_dsl"],
        first,
        office.clock.now(),
        2,
    )
    assert set(by_name) == {office.people["deputy"].name, office.people["dsl"].name}


async def test_whoever_took_it_out_has_read_it_elsewhere(office: Office) -> None:
    """A page of what is held about the pupil, and one for the next school: each is a look at all that stands in the case."""
    child = await pupil(office)
    incident = await office.reports(targets=(f"person:{child.id}",))
    ports, school, chosen = office.ports, office.school, (f"person:{child.id}",)
    assert isinstance(await subject_access.gather(ports, school, office.account("deputy"), chosen), Held)
    assert isinstance(await handovers.prepare(ports, school, office.account("dsl"), chosen, "Elsewhere School"), HandoverReady)
    found = {r.name: ([str(role) for role in r.roles], r.times) for r in (await readers(office, "dsl", incident)).readers}
    assert found == {office.people["deputy"].name: (["deputy_dsl"], 1), office.people["dsl"].name: (["dsl", "line_manager"], 1)}


async def test_whoever_has_left_is_still_named(office: Office) -> None:
    """The list of a year later has somebody else, and the role is the one of that day."""
    incident = await office.reports()
    await reads(office, "deputy", incident)
    async with Store(office.database).transaction(office.school) as records:
        listed = await records.listed(Kind.STAFF)
        stay = {key: person for key, (person, _) in listed.items() if key != office.people["deputy"].email}
        await carry_out(records, await plan_import(records, Kind.STAFF, stay), office.clock.now())
    (gone,) = (await readers(office, "dsl", incident)).readers
    assert (gone.name, [str(r) for r in gone.roles]) == (office.people["deputy"].name, ["deputy_dsl"])


@pytest.mark.parametrize("who", ["teacher", "brunel head", "it", "stranger"])
async def test_nobody_else_is_told(office: Office, who: str) -> None:
    """Neither the reporter nor somebody who is asked to answer, nor anybody without an account; nothing is noted of it."""
    child = await pupil(office)
    incident = await office.reports(targets=(f"person:{child.id}",))
    before = await office.rows(t.audit)
    account = office.account(who)
    assert await readers_log.of_case(office.ports, office.school, account, incident.id) == NotForYou()
    assert await readers_log.of_child(office.ports, office.school, account, incident.id, child.id) == NotForYou()
    assert await office.rows(t.audit) == before


async def test_every_case_of_a_child(office: Office) -> None:
    """One comes to them from any of them; a case of another child is none of them, nor is one with a typed name."""
    child = await pupil(office)
    first = await office.reports(targets=(f"person:{child.id}",))
    second = await office.reports(perpetrators=(f"person:{child.id}",))
    other = await office.reports(targets=(child.name,))
    found = await readers_log.of_case(office.ports, office.school, office.account("dsl"), second.id)
    assert isinstance(found, ReadersOfCase)
    assert found.pupils == ((child.id, child.name),)
    assert sorted(await of_child(office, "dsl", second, child)) == sorted([first.reference, second.reference])
    refused = await readers_log.of_child(office.ports, office.school, office.account("dsl"), other.id, child.id)
    assert refused == NotForYou()


async def test_a_case_that_one_may_not_read_is_not_there(office: Office) -> None:
    """The lead is accused in one: they are told nothing of it, not even that it exists. Nor of the chair's own."""
    child = await pupil(office)
    shown = await office.reports(targets=(f"person:{child.id}",))
    accused = await office.reports(targets=(f"person:{child.id}",), perpetrators=(office.picked("dsl"),))
    private = await office.reports(targets=(f"person:{child.id}",), perpetrators=(office.picked("headteacher"),))
    assert accused.private
    assert private.private
    assert await of_child(office, "dsl", shown, child) == [shown.reference]
    for case in (accused, private):
        assert await readers_log.of_case(office.ports, office.school, office.account("dsl"), case.id) == NotForYou()
    assert await of_child(office, "chair", private, child) == [private.reference]


async def test_to_ask_is_noted_with_each_case_that_was_shown(office: Office) -> None:
    """It is a look at the records like any other; it does not stand among what was done in the case."""
    child = await pupil(office)
    incident = await office.reports(targets=(f"person:{child.id}",))
    await readers(office, "dsl", incident)
    await of_child(office, "dsl", incident, child)
    noted = await office.rows(t.audit, t.audit.c.action == "readers.read")
    assert [(r.incident_id, r.data) for r in sorted(noted, key=lambda r: r.seq)] == [
        (incident.id, {}),
        (incident.id, {"person": child.id}),
    ]
    case = await details.read(office.ports, office.school, office.account("dsl"), incident.id)
    assert isinstance(case, CaseFile)
    assert case.may_see_readers
    assert [e.action for e in case.log] == ["incident.reported"]


async def test_at_the_command_line_there_are_references(office: Office) -> None:
    """Every case of the pupil but the private ones."""
    child = await pupil(office)
    shown = await office.reports(targets=(f"person:{child.id}",))
    await office.reports(targets=(f"person:{child.id}",), perpetrators=(office.picked("dsl"),))
    await reads(office, "dsl", shown)
    async with Store(office.database).transaction(office.school) as records:
        (case,) = await readers_log.for_the_office(records, office.school, child.id, office.clock.now())
    assert (case.reference, [r.name for r in case.readers]) == (shown.reference, [office.people["dsl"].name])
    assert len(await office.rows(t.audit, t.audit.c.action == "readers.listed")) == 1
