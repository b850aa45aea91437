"""A child's cases in order: those that whoever looks may read, each noted as read, and typed names apart."""

from collections.abc import Sequence
from typing import Any

import pytest
from sqlalchemy import delete, update

from domain.case_changes import Result
from domain.change_forms import Done, Wish
from domain.chronology import A_PAGE, Child, ChildQuestions, Chronology, Which
from domain.incident import CaseFile, Incident
from domain.patterns import Hint, Sort
from domain.people import Kind
from domain.report_form import Fault
from domain.words import ParticipantRole
from handlers import chronology, close, details, readers_log
from handlers.acknowledge import NotForYou
from storage import tables as t
from storage.sealing_job import seal_the_rest
from tests.handlers.office import Office
from tests.handlers.test_case_changes import changes

TARGET, DID_IT, WITNESS = ParticipantRole.TARGET, ParticipantRole.ALLEGED_PERPETRATOR, ParticipantRole.WITNESS


async def pupil(office: Office, name: str) -> str:
    """The id of somebody on the list of pupils."""
    async with office.ports.store.transaction(office.school, write=False) as records:
        (found,) = [p for p in await records.search_people(name, 20) if p.kind is Kind.PUPIL and p.name == name]
    return found.id


async def reported(office: Office, days: int = 0, **details: Any) -> Incident:
    """A report, some days after the one before."""
    office.clock.advance(days=days)
    return await office.reports(**details)


async def case_page(office: Office, who: str, incident: Incident) -> CaseFile:
    """What somebody sees of a case that they may read."""
    found = await details.read(office.ports, office.school, office.account(who), incident.id)
    assert isinstance(found, CaseFile)
    return found


async def key_of(office: Office, who: str, incident: Incident, name: str) -> str:
    """What the button for a child carries on the page of a case."""
    background = (await case_page(office, who, incident)).background
    assert background is not None
    return next(key for key, called in background.children if called == name)


async def shown(office: Office, who: str, key: str) -> Chronology:
    """A page of a chronology."""
    found = await chronology.of_child(office.ports, office.school, office.account(who), key)
    assert isinstance(found, Chronology)
    return found


async def hints_of(office: Office, incident: Incident) -> tuple[Hint, ...]:
    """What the page of a case says of others."""
    background = (await case_page(office, "dsl", incident)).background
    assert background is not None
    return background.hints


def references(found: Chronology) -> list[str]:
    """Which cases are on the page."""
    return [line.incident.reference for line in found.lines]


async def test_a_childs_cases_in_order_with_the_part_in_each(office: Office) -> None:
    """Target first, then said to have done it, then both in one; how the closed one ended, and the newest last."""
    bea = f"person:{await pupil(office, 'Bea Exemplar')}"
    first = await reported(office, targets=(bea,))
    second = await reported(office, days=40, perpetrators=(bea,), witnesses=("text:Wanda Witness",))
    third = await reported(office, days=40, targets=(bea,), witnesses=(bea,), concern="cyberbullying")
    alert = await office.alert(first)
    await office.acknowledge("dsl", alert)
    await close.close(office.ports, office.school, office.account("dsl"), alert.id, "Both families know.", Result.DEALT_WITH)

    found = await shown(office, "dsl", await key_of(office, "dsl", third, "Bea Exemplar"))

    assert references(found) == [first.reference, second.reference, third.reference]
    assert [line.parts for line in found.lines] == [(TARGET,), (DID_IT,), (TARGET, WITNESS)]
    assert [line.outcome for line in found.lines] == ["Both families know.", "", ""]
    assert (found.count, found.others, found.pages, found.cut) == (3, 0, 1, False)
    assert found.child == Child("Bea Exemplar", found.child.key, listed=True)


async def test_a_duplicate_is_no_case_beside_the_one_that_goes_on(office: Office) -> None:
    """Neither page says of the two that the same pupils are in another case."""
    both = {who: f"person:{await pupil(office, name)}" for who, name in (("bea", "Bea Exemplar"), ("alfie", "Alfie Demosson"))}
    named: dict[str, Any] = {"targets": (both["bea"],), "perpetrators": (both["alfie"],)}
    first, second = await reported(office, **named), await reported(office, **named)
    assert [hint.sort for hint in await hints_of(office, second)] == [Sort.TOGETHER]
    merged = await changes(office, "dsl", second, Wish.MERGE, change_other=first.reference)
    assert isinstance(merged, Done)
    assert await hints_of(office, first) == await hints_of(office, second) == ()


async def test_each_case_of_a_page_is_noted_as_read(office: Office) -> None:
    """So the log of who has looked at it has whoever saw it there alone, and the child's log too."""
    bea = await pupil(office, "Bea Exemplar")
    first, second = [await reported(office, days=2, targets=(f"person:{bea}",)) for _ in range(2)]
    await shown(office, "deputy", await key_of(office, "deputy", second, "Bea Exemplar"))

    for incident in (first, second):
        of_case = await readers_log.of_case(office.ports, office.school, office.account("dsl"), incident.id)
        assert not isinstance(of_case, NotForYou)
        assert office.people["deputy"].name in [reader.name for reader in of_case.case.readers]
    noted = [row for row in await office.rows(t.audit) if row.action == "case.read" and row.incident_id == first.id]
    assert [row.data["how"] for row in noted] == ["chronology"]
    assert "Exemplar" not in str([row.data for row in await office.rows(t.audit)])


async def test_what_somebody_may_not_read_is_in_no_page_no_count_and_no_hint(office: Office) -> None:
    """A private case, one that names the deputy, and one that may name them: the deputy is told of none."""
    bea = f"person:{await pupil(office, 'Bea Exemplar')}"
    seen = await reported(office, targets=(bea,))
    await reported(office, days=1, concern="staff_conduct", about="headteacher", targets=(bea,))
    await reported(office, days=1, targets=(bea,), perpetrators=(office.picked("deputy"),))
    await reported(office, days=1, targets=(bea,), perpetrators=(f"text:{office.people['deputy'].name}",))
    await reported(office, days=1, targets=("text:Bea Exemplar",), perpetrators=(office.picked("deputy"),))
    last = await reported(office, days=1, targets=(bea,))

    found = await shown(office, "deputy", await key_of(office, "deputy", last, "Bea Exemplar"))
    assert references(found) == [seen.reference, last.reference]
    assert (found.count, found.others, found.cut) == (2, 0, False)
    background = (await case_page(office, "deputy", last)).background
    assert background is not None
    assert background.hints == ()
    # The lead may read all but the private one.
    assert (await shown(office, "dsl", await key_of(office, "dsl", last, "Bea Exemplar"))).count == 4
    background = (await case_page(office, "dsl", last)).background
    assert background is not None
    assert [hint.count for hint in background.hints if hint.sort is Sort.OFTEN] == [4]


@pytest.mark.parametrize(
    "typed", ["Bea Exemplar", "bea EXEMPLAR", "Bea Exempler", "Exemplar, Bea", "B\u00e9a Exemplar", "Miss Exemplar"]
)
async def test_a_name_that_was_typed_stands_apart(office: Office, typed: str) -> None:
    """It may be hers, with a slip, in another order, or with a title: never among those of which it is sure."""
    bea = f"person:{await pupil(office, 'Bea Exemplar')}"
    perhaps = await reported(office, targets=(f"text:{typed}",))
    sure = await reported(office, days=1, targets=(bea,))
    key = await key_of(office, "dsl", sure, "Bea Exemplar")

    found = await shown(office, "dsl", key)
    assert references(found) == [sure.reference]
    assert found.others == 1
    found = await shown(office, "dsl", f"{key}|{Which.PERHAPS}")
    assert references(found) == [perhaps.reference]
    assert [line.typed for line in found.lines] == [typed]
    assert (found.count, found.others) == (1, 1)


@pytest.mark.parametrize("typed", ["Bea Example", "Alfie Exemplar", "Bea", "Bea Placeholder", "Axel Emperor"])
async def test_another_name_is_not_taken_for_hers(office: Office, typed: str) -> None:
    """A sibling, a first name alone, and a surname with several slips."""
    bea = f"person:{await pupil(office, 'Bea Exemplar')}"
    await reported(office, targets=(f"text:{typed}",))
    sure = await reported(office, days=1, targets=(bea,))
    assert (await shown(office, "dsl", await key_of(office, "dsl", sure, "Bea Exemplar"))).others == 0


async def test_two_pupils_of_the_list_are_never_mixed(office: Office) -> None:
    """Though their names were the same: the list tells them apart."""
    bea, alfie = [await pupil(office, name) for name in ("Bea Exemplar", "Alfie Demosson")]
    one = await reported(office, targets=(f"person:{bea}",))
    await reported(office, days=1, targets=(f"person:{alfie}",))
    found = await shown(office, "dsl", await key_of(office, "dsl", one, "Bea Exemplar"))
    assert references(found) == [one.reference]
    assert found.others == 0


async def test_a_child_whom_nobody_picked(office: Office) -> None:
    """Everything may be somebody else, the case that one comes from included; a pupil of the list whose name is like it too."""
    bea = f"person:{await pupil(office, 'Bea Exemplar')}"
    listed = await reported(office, targets=(bea,))
    other = await reported(office, days=1, witnesses=("text:Bea Exemplar",))
    here = await reported(office, days=1, targets=("text:Bea Exemplar",))
    key = await key_of(office, "dsl", here, "Bea Exemplar")

    found = await shown(office, "dsl", f"{key}|{Which.PERHAPS}")
    assert references(found) == [listed.reference, other.reference, here.reference]
    assert not found.child.listed
    assert (await shown(office, "dsl", key)).count == 0


async def test_who_does_not_work_the_case_gets_none(office: Office) -> None:
    """Nor with a forged id: of a member of staff in it, of somebody in another case, of nobody."""
    bea = await pupil(office, "Bea Exemplar")
    case = await reported(office, targets=(f"person:{bea}",), witnesses=(office.picked("it"),))
    other = await reported(office, days=1, targets=("text:Somebody Else",))
    key = await key_of(office, "dsl", case, "Bea Exemplar")
    (staff,) = [p.id for p in await office.rows(t.participants) if p.person_id == office.people["it"].id]
    (elsewhere,) = [p.id for p in await office.rows(t.participants) if p.incident_id == other.id]
    tried = [(who, key) for who in ("teacher", "headteacher", "it", "chair", "brunel head", "nobody")]
    tried += [("teacher", f"|{bea}"), ("headteacher", f"|{bea}")]
    tried += [("dsl", f"{case.id}|{x}") for x in (staff, elsewhere, bea, "", "x")]
    tried += [("dsl", x) for x in ("", "|", "|x", f"|{office.people['it'].id}", "x|y|z|1|2", "|||")]
    before = len(await office.rows(t.audit))
    for who, value in tried:
        found = await chronology.of_child(office.ports, office.school, office.account(who), value)
        assert isinstance(found, NotForYou), (who, value)
    assert len(await office.rows(t.audit)) == before
    assert references(await shown(office, "dsl", f"|{bea}")) == [case.reference]


async def test_long_ones_go_by_pages_and_nothing_is_twice(office: Office) -> None:
    """The last page is full, the first has what is left, and a page that there is not is the nearest."""
    bea = f"person:{await pupil(office, 'Bea Exemplar')}"
    cases = [await reported(office, days=1, targets=(bea,)) for _ in range(A_PAGE + 2)]
    key = await key_of(office, "dsl", cases[-1], "Bea Exemplar")
    pages = [await shown(office, "dsl", f"{key}|sure|{n}") for n in (1, 2)]
    assert [r for page in pages for r in references(page)] == [case.reference for case in cases]
    assert [len(page.lines) for page in pages] == [2, A_PAGE]
    for number in ("0", "3", "99999", "-1", "x", "1e3", "\u0663"):
        assert (await shown(office, "dsl", f"{key}|sure|{number}")).number in (1, 2)


# By a name


async def search(office: Office, who: str, *chosen: str) -> Chronology | ChildQuestions | NotForYou:
    """Somebody fills the form in."""
    return await chronology.search(office.ports, office.school, office.account(who), tuple(chosen))


async def test_those_who_lead_look_a_pupil_up(office: Office) -> None:
    """By the list, or by a name that was typed. That they looked is noted, by id or by nothing, found or not."""
    bea = f"person:{await pupil(office, 'Bea Exemplar')}"
    assert isinstance(await chronology.ask(office.ports, office.school, office.account("deputy")), ChildQuestions)
    none = await search(office, "dsl", bea)
    assert isinstance(none, Chronology)
    assert none.lines == ()
    case = await reported(office, targets=(bea,))
    typed = await reported(office, days=1, targets=("text:Zoe Nolist",))
    for chosen, wanted in ((bea, case), ("text:zoe nolist", typed)):
        found = await search(office, "dsl", chosen)
        assert isinstance(found, Chronology)
        assert references(found) == [wanted.reference]
        again = await shown(office, "dsl", f"{found.child.key}|{found.which}|1")
        assert references(again) == [wanted.reference]
    opened = [row.data for row in await office.rows(t.audit) if row.action == "chronology.opened"]
    assert [d["cases"] for d in opened] == [0, 1, 1, 1, 1]
    assert "olist" not in str(opened)


@pytest.mark.parametrize("who", ["teacher", "headteacher", "chair", "it", "brunel head", "nobody"])
async def test_others_do_not(office: Office, who: str) -> None:
    assert isinstance(await chronology.ask(office.ports, office.school, office.account(who)), NotForYou)
    assert isinstance(await search(office, who, f"person:{await pupil(office, 'Bea Exemplar')}"), NotForYou)
    assert await office.rows(t.audit, t.audit.c.action == "chronology.opened") == []


async def test_what_is_wrong_comes_back_at_its_field(office: Office) -> None:
    wrong: Sequence[tuple[tuple[str, ...], Fault]] = (
        ((), Fault.MISSING),
        (("text: ",), Fault.MISSING),
        (("x",), Fault.MISSING),
        (("person:x", "person:y"), Fault.MISSING),
        (("person:x",), Fault.NOT_A_PUPIL),
        ((office.picked("it"),), Fault.NOT_A_PUPIL),
    )
    for chosen, fault in wrong:
        found = await search(office, "dsl", *chosen)
        assert isinstance(found, ChildQuestions)
        assert set(found.faults.values()) == {fault}


# What is said on the page of a case


async def test_facts_about_other_cases_stand_on_the_page(office: Office) -> None:
    """The third in a month and of its kind, and the same two pupils; a merged one is none. The entry has what was told."""
    bea, alfie = [f"person:{await pupil(office, name)}" for name in ("Bea Exemplar", "Alfie Demosson")]
    both = [await reported(office, days=3, targets=(bea,), perpetrators=(alfie,)) for _ in range(2)]
    merged = await reported(office, days=1, targets=(bea,), perpetrators=(alfie,))
    async with office.database.begin() as connection:
        gone = {"state": "merged", "closed_at": office.clock.now()}
        await connection.execute(update(t.incidents).where(t.incidents.c.id == merged.id).values(gone))
    last = await reported(office, days=3, targets=(bea,), perpetrators=(alfie,), concern="cyberbullying")

    background = (await case_page(office, "deputy", last)).background
    assert background is not None
    others = tuple(case.reference for case in both)
    said = {(hint.sort, tuple(sorted(background.names[p] for p in hint.people))): hint for hint in background.hints}
    assert set(said) == {
        (Sort.TOGETHER, ("Alfie Demosson", "Bea Exemplar")),
        (Sort.OFTEN, ("Alfie Demosson",)),
        (Sort.OFTEN, ("Bea Exemplar",)),
    }
    assert {hint.others for hint in background.hints} == {others}
    often = said[Sort.OFTEN, ("Bea Exemplar",)]
    assert (often.count, often.as_target, often.did_it) == (3, 3, 0)
    (noted,) = await office.rows(t.audit, t.audit.c.action == "case.read")
    assert noted.data["beside"] == ",".join(sorted(others))
    # Those who do not work it are told nothing of others, nor are they offered a chronology.
    await office.works()
    assert (await case_page(office, "brunel head", last)).background is None


# Names that were typed, as they are kept


async def test_no_word_of_a_typed_name_stands_in_the_database(office: Office) -> None:
    """Marks alone, other than those of the same words on the list; and with the case they are gone."""
    case = await reported(office, targets=("text:Bea Exemplar",))
    marks = await office.rows(t.typed_names)
    assert len(marks) == 3
    assert {row.incident_id for row in marks} == {case.id}
    listed = {row.token for row in await office.rows(t.people_words)}
    assert not listed & {row.token for row in marks}
    async with office.ports.store.transaction(office.school) as records:
        await records.erase(case.id)
        await records.note(office.clock.now(), "test", "case.erased", case.id)
    assert await office.rows(t.typed_names) == []


async def test_what_a_version_before_wrote_is_found_too_and_what_it_erased_is_not(office: Office) -> None:
    """It makes no marks, and leaves them: the job that seals what it wrote makes up for both."""
    bea = f"person:{await pupil(office, 'Bea Exemplar')}"
    sure = await reported(office, targets=(bea,))
    typed = await reported(office, days=1, targets=("text:Bea Exemplar",))
    erased = await reported(office, days=1, targets=("text:Bea Exemplar",))
    async with office.database.begin() as connection:
        i, p, w = t.incidents.c, t.participants.c, t.typed_names.c
        await connection.execute(update(t.participants).where(p.incident_id == typed.id).values(marked=False))
        await connection.execute(delete(t.typed_names).where(w.incident_id == typed.id))
        await connection.execute(update(t.incidents).where(i.id == erased.id).values(key_id="", wrapped_key=None))
        await connection.execute(update(t.participants).where(p.incident_id == erased.id).values(sealed=None, name=""))
    key = await key_of(office, "dsl", sure, "Bea Exemplar")
    assert (await shown(office, "dsl", key)).others == 0

    await seal_the_rest(office.database)

    assert references(await shown(office, "dsl", f"{key}|{Which.PERHAPS}")) == [typed.reference]
    assert {row.incident_id for row in await office.rows(t.typed_names)} == {typed.id}
    assert await seal_the_rest(office.database) == 0
