"""What is held about one person: all of it that the asker may read, without the names of others, to be reviewed."""

from dataclasses import replace

import pytest

from cards.export import page
from domain.asking import Decision, Request, RequestKind
from domain.people import Kind, Person
from domain.report_form import Fault
from domain.retention import Choice
from domain.subject_access import PERSON, Held, Labels, SubjectQuestions, Where
from domain.words import ParticipantRole, Role
from handlers import details, subject_access
from handlers.acknowledge import NotForYou
from handlers.keeping import propose_ended
from storage import tables as t
from tests.fakes.sealed_page import data_of
from tests.handlers.office import Office
from tests.handlers.test_keeping import decides, over
from tests.handlers.test_readers_log import pupil

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
