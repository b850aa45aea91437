"""What is held about one person: all of it that the asker may read, without the names of others, to be reviewed."""

from dataclasses import replace
from datetime import timedelta

import pytest

from cards.subject_page import page
from domain import measures as m
from domain.asking import Decision, Request, RequestKind
from domain.change_forms import Done, Wish
from domain.entries import EntryKind, kind_of
from domain.handovers import HandoverReady
from domain.people import Kind, Person
from domain.registers import RecordFile
from domain.report_form import Fault
from domain.retention import Choice
from domain.subject_access import PERSON, Held, Labels, SubjectQuestions, Where
from domain.words import ParticipantRole, Role
from handlers import details, handovers, subject_access
from handlers.acknowledge import NotForYou
from handlers.keeping import KeepingDecided, propose_ended
from storage import tables as t
from tests.fakes.sealed_page import data_of
from tests.handlers.office import Office
from tests.handlers.test_case_changes import CONCERN, DUE, OTHER, REASON, URGENCY, changes, closes, signed, signs
from tests.handlers.test_case_changes import taken as reported_and_taken
from tests.handlers.test_keeping import decides, over
from tests.handlers.test_measures import becomes, blocks, of_kind, takes
from tests.handlers.test_readers_log import pupil
from tests.handlers.test_registers import FILTER, RISK, added, change, risk
from tests.handlers.test_registers import decides as decides_line
from tests.handlers.test_registers import reads as reads_line

__all__ = ["signed"]
WHAT = "Rory Placeholder wrote to her again and again; Placeholder's brother saw it."


async def held(office: Office, who: str, chosen: str) -> Held:
    """What somebody gets."""
    found = await subject_access.gather(office.ports, office.school, office.account(who), (chosen,))
    assert isinstance(found, Held), found
    return found


async def test_all_of_it_and_no_name_of_another(office: Office) -> None:
    """Each case with their part, what was written and who has read it; the others are letters, the same ones throughout."""
    child = await pupil(office)
    first = await over(office, targets=(f"person:{child.id}",), perpetrators=("Rory Placeholder",), what=WHAT)
    second = await office.reports(witnesses=(f"person:{child.id}",), targets=("Rory Placeholder",))
    await office.reports(targets=("Rory Placeholder",), what=f"Not about {child.name}")
    await details.read(office.ports, office.school, office.account("deputy"), first.id)
    found = await held(office, "dsl", f"person:{child.id}")

    assert {c.incident.reference for c in found.cases} == {first.reference, second.reference}
    assert all(c.sure for c in found.cases)
    case = next(c for c in found.cases if c.incident.id == first.id)
    assert case.parts == (ParticipantRole.TARGET,)
    (told, note) = case.passages
    (label,) = [label for label, part in case.others if part is ParticipantRole.ALLEGED_PERPETRATOR]
    assert told.original == WHAT
    assert told.proposed == f"[{label}] wrote to her again and again; [{label}] brother saw it."
    assert note.where is Where.NOTE
    assert not note.changed
    assert found.names[label] == "Rory Placeholder"
    assert len(case.readings) == 1
    noted = await office.rows(t.audit, t.audit.c.action == "subject.exported")
    assert {(r.incident_id, r.data["person"]) for r in noted} == {(first.id, child.id), (second.id, child.id)}


async def test_a_report_about_the_asker_and_a_word_to_another_stay_hidden(office: Office) -> None:
    """The teacher reported the lead, and asked the headteacher something: the lead gathers neither, the headteacher both."""
    secret = await office.reports(concern="staff_conduct", about="staff", perpetrators=(office.picked("dsl"),))
    plain = await office.reports(concern="grooming")
    teacher, head = office.account("teacher"), office.people["headteacher"]
    now = office.clock.now()
    word = Request(
        "r1", RequestKind.QUESTION, "CSS-Q-2026-0001", "", (), "In confidence", teacher, Role.HEADTEACHER, (head.id,), now
    )
    async with office.ports.store.transaction(office.school) as records:
        await records.add_request(word)
        await records.note(now, "bot", "request.question", request=word.id)
    to_lead = await held(office, "dsl", office.picked("teacher"))
    assert [i.reference for i in to_lead.reported] == [plain.reference]
    assert to_lead.requests == ()
    assert not await office.rows(t.audit, t.audit.c.action == "request.read")
    to_head = await held(office, "headteacher", office.picked("teacher"))
    assert [i.reference for i in to_head.reported] == [secret.reference]
    assert [p.original for r in to_head.requests for p in r.passages] == ["In confidence"]
    assert await office.rows(t.audit, t.audit.c.action == "request.read")


async def test_a_name_that_was_typed_may_be_theirs(office: Office) -> None:
    """Also of somebody who has left the list: it is shown as unsure, for the reviewer to judge."""
    incident = await office.reports(targets=("Rory Placeholder",))
    await office.reports(targets=("Somebody Else",))
    found = await held(office, "dsl", "text:Rory Placeholder")
    assert [(c.incident.reference, c.sure) for c in found.cases] == [(incident.reference, False)]


async def test_a_case_that_one_may_not_read_is_not_in_it(office: Office) -> None:
    """The lead is accused in one, and another is the headteacher's; opened in an emergency is not enough either."""
    child = await pupil(office)
    mine = await office.reports(targets=(f"person:{child.id}",))
    await office.reports(targets=(f"person:{child.id}",), perpetrators=(office.picked("dsl"),))
    assert [c.incident.id for c in (await held(office, "dsl", f"person:{child.id}")).cases] == [mine.id]
    assert mine.id not in [c.incident.id for c in (await held(office, "headteacher", f"person:{child.id}")).cases]


async def test_what_a_member_of_staff_reported(office: Office) -> None:
    """By reference: what they wrote about others is not about them."""
    incident = await office.reports("teacher")
    found = await held(office, "dsl", office.picked("teacher"))
    assert [i.id for i in found.reported] == [incident.id]
    assert found.cases == ()


async def test_what_was_erased_is_held_no_more(office: Office) -> None:
    """Nothing of it comes out."""
    child = await pupil(office)
    incident = await over(office, targets=(f"person:{child.id}",))
    office.clock.advance(days=76 * 366)
    assert await propose_ended(office.ports, office.school) == 1
    await decides(office, "dsl", incident, Choice.ERASE)
    assert (await held(office, "dsl", f"person:{child.id}")).cases == ()


@pytest.mark.parametrize("who", ["teacher", "brunel head", "it", "stranger"])
async def test_nobody_else_takes_anything_out(office: Office, who: str) -> None:
    """And nothing is noted of it."""
    child = await pupil(office)
    await office.reports(targets=(f"person:{child.id}",))
    before = await office.rows(t.audit)
    account = office.account(who)
    assert await subject_access.ask(office.ports, office.school, account) == NotForYou()
    assert await subject_access.gather(office.ports, office.school, account, (f"person:{child.id}",)) == NotForYou()
    assert await office.rows(t.audit) == before


@pytest.mark.parametrize("chosen", [(), ("person:nobody",), ("text: ",), ("person:a", "person:b"), ("x",)])
async def test_it_is_about_one_person(office: Office, chosen: tuple[str, ...]) -> None:
    """Anything else comes back as the form."""
    found = await subject_access.gather(office.ports, office.school, office.account("dsl"), chosen)
    assert found == SubjectQuestions(chosen, {PERSON: Fault.MISSING})


def test_a_name_that_both_bear_stays() -> None:
    """Of a brother the first name is taken out, and the surname that is the person's own is not: the reviewer sees both."""
    labels = Labels(Person("p", Kind.PUPIL, "Bea Exemplar"))
    label = labels.of("Tom Exemplar")
    text = labels.redact("TOM and Bea Exemplar; tomorrow Tom's friend Al", [(label, "Tom Exemplar")])
    assert text == f"[{label}] and Bea Exemplar; tomorrow [{label}] friend Al"
    assert [labels.of(f"Somebody {n}") for n in range(26)][-1] == "person AA"


@pytest.mark.parametrize(
    ("name", "text", "left"),
    [
        ("Zo\u00eb Placeholder", "Zoe and ZO\u00cb, Zoe\u0308 too", "[{0}] and [{0}], [{0}] too"),
        ("Zoe Placeholder", "Zo\u00eb said so", "[{0}] said so"),
        ("Anne-Marie Placeholder", "Anne Marie, anne-marie and Marie", "[{0}], [{0}] and [{0}]"),
        ("Niamh O'Brien", "OBrien, O\u2019Brien's and O'BRIEN'S", "[{0}], [{0}] and [{0}]"),
        ("Jo Li", "Jo was there; so did Li's brother, jo", "[{0}] was there; so did [{0}] brother, jo"),
    ],
)
def test_a_name_is_known_however_it_is_written(name: str, text: str, left: str) -> None:
    """With and without accents, hyphens and apostrophes; one of two letters where it begins with a capital."""
    labels = Labels(Person("p", Kind.PUPIL, "Bea Exemplar"))
    label = labels.of(name)
    assert labels.redact(text, [(label, name)]) == left.format(label)


async def test_whoever_is_on_a_list_and_named_in_full_is_a_letter_too(office: Office) -> None:
    """Without a part in the case: another pupil, a colleague. So too in what somebody asked leave for."""
    child = await pupil(office)
    what = "Bea Exemplar's sister told Tess Whitlock, and Bea was there; not Rory Placeholder."
    await office.reports("deputy", targets=(f"person:{child.id}",), what=what)
    (case,) = (await held(office, "dsl", f"person:{child.id}")).cases
    (told,) = case.passages
    for other in ("Bea", "Exemplar", "Tess", "Whitlock"):
        assert other not in told.proposed, other
    assert "Rory Placeholder" in told.proposed, "nobody whom the records know"

    now, teacher = office.clock.now(), office.account("teacher")
    text, reason = "May I write to Bea Exemplar\u2019s mother?", "Yes, Bea would like that"
    asked = Request(
        "r1", RequestKind.QUESTION, "CSS-Q-2026-0001", "", (), text, teacher, Role.DSL, (office.people["dsl"].id,), now
    )
    async with office.ports.store.transaction(office.school) as records:
        await records.add_request(asked)
        await records.decide(
            replace(asked, decision=Decision.TOLD, decided_by=office.people["dsl"].id, decided_at=now, reason=reason)
        )
        await records.note(now, "bot", "request.told", request=asked.id)
    found = await held(office, "dsl", office.picked("teacher"))
    label = next(label for label, name in found.names.items() if name == "Bea Exemplar")
    (request,) = found.requests
    assert [p.proposed for p in request.passages] == [f"May I write to [{label}] mother?", f"Yes, [{label}] would like that"]
    body = page(office.school, found)
    review, _, answer = body.partition("2. The answer")
    assert "Bea Exemplar" in review
    assert "Bea" not in answer
    assert "Bea" not in str(data_of(body))


# What was done to somebody, and what the registers say of them


def told_in(body: str) -> tuple[str, str]:
    """What the page has for the reviewer, and what it hands out."""
    review, _, answer = body.partition("2. The answer")
    return review, answer


async def test_what_was_taken_and_blocked_is_told_in_full(office: Office) -> None:
    """Until when, from what, where it is kept and what became of it; who else was there, and who did it, are letters."""
    child = await pupil(office)
    incident = await office.reports(concern="cyberbullying", house="Brunel", perpetrators=(f"person:{child.id}",))
    for alert in await office.alerts(incident):
        await office.acknowledge("dsl", alert)
    (theirs,) = [p.id for p in await office.rows(t.participants) if p.role == "alleged_perpetrator"]
    item = {m.FROM: theirs, m.ITEM: "A black phone that Cai Sample lent"}
    phone = of_kind(await takes(office, incident, **item), EntryKind.CONFISCATION)
    await takes(office, incident)
    await blocks(office, incident, **{m.FROM: theirs})
    given = {"entry_when": office.clock.now().isoformat(), m.TO: "his mother, Mrs Wimpole", "entry_text": "Mrs Wimpole came"}
    await becomes(office, incident, "release", phone.id, given)
    found = await held(office, "dsl", f"person:{child.id}")
    (case,) = found.cases
    assert sorted(kind_of(x.original.now.told) for x in case.measures) == ["block", "confiscation", "confiscation", "release"]
    review, answer = told_in(page(office.school, found))
    for word in ("Cai", "Sample", "Wimpole", "Okafor"):
        assert word in review
        assert word not in answer, word
    assert "that [person" in answer
    for word in ("The safe in the office", "The school account, all of it", "his mother"):
        assert word in answer, word
    as_data = str(data_of(page(office.school, found)))
    assert "The school account" in as_data
    assert "Sample" not in as_data


async def test_whom_only_a_measure_names_is_found_by_it(office: Office) -> None:
    """The phone of a friend was taken, of whom the report knows nothing. His name was typed, so that somebody must judge it."""
    child = await pupil(office)
    incident = await office.reports(concern="cyberbullying", house="Brunel", targets=(f"person:{child.id}",))
    await office.reports(concern="cyberbullying", house="Brunel", targets=(f"person:{child.id}",))
    for alert in await office.alerts(incident):
        await office.acknowledge("dsl", alert)
    await takes(office, incident)
    (case,) = (found := await held(office, "dsl", "text:Cai Sample")).cases
    assert (case.incident.id, case.parts, case.sure) == (incident.id, (), False)
    _, answer = told_in(page(office.school, found))
    assert "Cai Sample" in answer
    assert child.name.split()[-1] not in answer
    assert "something was done that concerns you" in answer


async def test_why_a_case_was_changed_is_held_too(office: Office) -> None:
    """With what others are called in it taken out, whoever wrote it among them."""
    child = await pupil(office)
    incident = await office.reports(targets=(f"person:{child.id}",), perpetrators=("Rory Placeholder",))
    why = "Placeholder said so to Dana Okafor"
    changed = await changes(
        office, "dsl", incident, Wish.RECLASSIFY, **{CONCERN: "cyberbullying", URGENCY: "as_policy", REASON: why}
    )
    assert isinstance(changed, Done), changed
    (case,) = (await held(office, "dsl", f"person:{child.id}")).cases
    (told,) = [p for p in case.passages if p.where is Where.CHANGE]
    assert told.original == why
    assert "Placeholder" not in told.proposed
    assert "Okafor" not in told.proposed


async def test_what_a_register_says_of_somebody(office: Office) -> None:
    """A risk that they look after, a change that they asked for, a line with their name in it; not what they merely wrote."""
    teacher, child = office.picked("teacher"), await pupil(office)
    owned = await added(
        office, "dsl", RISK, risk(office, reg_owner=(teacher,), reg_mitigation="Iga Nowak and she look into it")
    )
    asked = await added(office, "deputy", FILTER, change(reg_asked_by=(teacher,)))
    named = await added(office, "it", RISK, risk(office, reg_risk=f"{child.name} got round it twice, says Tess Whitlock"))
    await added(office, "dsl", RISK, risk(office))
    assert isinstance(await decides_line(office, "dsl", owned, "closed", "Tess Whitlock has left it to Iga Nowak"), RecordFile)
    before = len(await office.rows(t.audit, t.audit.c.action == "register.read"))
    found = await held(office, "dsl", teacher)
    lines_held = {line.record.reference: line for line in found.registered}
    assert set(lines_held) == {file.record.reference for file in (owned, asked, named)}
    assert len(lines_held[owned.record.reference].versions) == 2
    assert len(await office.rows(t.audit, t.audit.c.action == "register.read")) == before + 3
    review, answer = told_in(page(office.school, found))
    assert "Tess Whitlock has left it to [person" in answer
    for word in ("Nowak", "Okafor", "Lindqvist", child.name):
        assert word in review, word
        assert word not in answer, word
        assert word not in str(data_of(page(office.school, found)))
    of_child = await held(office, "dsl", f"person:{child.id}")
    assert [line.record.id for line in of_child.registered] == [named.record.id]
    assert "Whitlock" not in told_in(page(office.school, of_child))[1]


async def test_a_change_of_the_filter_is_somebodys_by_a_case_that_one_may_read(office: Office) -> None:
    """Of the headteacher's case the lead learns nothing by it, and whoever may not read the register is given no line."""
    child = await pupil(office)
    theirs = await office.reports(targets=(f"person:{child.id}",))
    both = office.picked("teacher"), office.picked("dsl")
    secret = await office.reports(concern="staff_conduct", about="staff", perpetrators=both)
    line = await added(office, "dsl", FILTER, change(reg_case=theirs.reference))
    terms = office.school.policy.registers
    to_head = replace(terms[FILTER], write=frozenset({Role.HEADTEACHER}))
    to_it = replace(terms[FILTER], read=frozenset(), write=frozenset({Role.IT_SUPPORT}), approve=frozenset({Role.IT_SUPPORT}))
    heads = office.at(replace(office.school, policy=replace(office.school.policy, registers={**terms, FILTER: to_head})))
    hidden = await added(heads, "headteacher", FILTER, change(reg_case=secret.reference))
    assert [x.record.id for x in (await held(office, "dsl", f"person:{child.id}")).registered] == [line.record.id]
    assert (await held(office, "dsl", office.picked("teacher"))).registered == ()
    assert [x.record.id for x in (await held(office, "headteacher", office.picked("teacher"))).registered] == [hidden.record.id]
    its = office.at(replace(office.school, policy=replace(office.school.policy, registers={**terms, FILTER: to_it})))
    assert (await held(its, "dsl", f"person:{child.id}")).registered == ()


async def test_the_next_school_is_given_no_register(office: Office) -> None:
    """A risk of this school's is not a pupil's record."""
    child = await pupil(office)
    await office.reports(targets=(f"person:{child.id}",))
    await added(office, "it", RISK, risk(office, reg_risk=f"{child.name} got round it twice"))
    ready = await handovers.prepare(office.ports, office.school, office.account("dsl"), (f"person:{child.id}",), "Oak School")
    assert isinstance(ready, HandoverReady)
    assert ready.held.registered == ()


async def test_once_a_case_is_erased_nothing_of_its_measures_changes_and_signatures_is_left(signed: Office) -> None:
    """Not in a row, not to be read, not for whoever is in it; a register's line that named the case stays, without it."""
    office, child = signed, await pupil(signed)
    incident = await reported_and_taken(office, "dsl", concern="off_task", house="Brunel", perpetrators=(f"person:{child.id}",))
    other = await reported_and_taken(office, "dsl", concern="off_task", house="Brunel", targets=(f"person:{child.id}",))
    (theirs,) = [p.id for p in await office.rows(t.participants, t.participants.c.incident_id == incident.id)]
    await takes(office, incident, **{m.FROM: theirs})
    await takes(office, incident)
    await blocks(office, incident)
    due = (office.clock.now() + timedelta(days=3)).isoformat()
    for wish, values in (
        (Wish.RECLASSIFY, {CONCERN: "off_task", URGENCY: "critical"}),
        (Wish.LINK, {OTHER: other.reference}),
        (Wish.REVIEW, {DUE: due}),
    ):
        assert isinstance(await changes(office, "dsl", incident, wish, **values), Done), wish
    line = await added(office, "dsl", FILTER, change(reg_case=incident.reference))
    await closes(office, "dsl", incident)
    await signs(office, "headteacher", incident, "I have seen the phone")
    assert any(case.measures for case in (await held(office, "dsl", f"person:{child.id}")).cases)
    office.clock.advance(days=7 * 366)
    await propose_ended(office.ports, office.school)
    assert isinstance(await decides(office, "dsl", incident, Choice.ERASE), KeepingDecided)

    for table in (table for table in t.metadata.sorted_tables if "incident_id" in table.c and table is not t.audit):
        for row in await office.rows(table, table.c.incident_id == incident.id):
            sealed = [column for column, value in row._mapping.items() if column.startswith("sealed") and value is not None]
            assert sealed == [], table.name
            assert child.id not in str(row), table.name
    async with office.ports.store.transaction(office.school, write=False) as records:
        assert await records.entries(incident.id) == ()
        assert await records.changes(incident.id) == ()
        assert incident.id not in await records.measured("", 100)
        assert all(signature.done_by for signature in await records.signatures(incident.id))
    assert [c.incident.id for c in (await held(office, "dsl", f"person:{child.id}")).cases] == [other.id]
    assert (await held(office, "dsl", "text:Cai Sample")).cases == ()
    shown = await reads_line(office, "dsl", line)
    assert shown.shown.version.values["why"] == "For Year 8"
