"""The log form as files, opened as people open them: each has all that the case has, in the policy's own order."""

import csv
import re
from dataclasses import replace
from datetime import timedelta
from functools import cache
from html import unescape
from io import BytesIO, StringIO
from typing import Any

import pytest
from pypdf import PdfReader

from cards.log_form import Filled, Sheet, sheet_of
from cards.log_form_files import csv_cpoms, csv_myconcern, plain_text
from cards.log_form_page import file_name, log_fragment, log_html, log_page, made_of
from cards.log_form_print import printed_log
from domain.case_changes import CaseChange, ChangeKind
from domain.checklists import Decision
from domain.entries import Action, Contact, Decided, Line, Note, Told, Wording
from domain.incident import AlertState, CaseNote, NoteKind
from domain.log_forms import NEEDED, RECORDED, Shows
from domain.log_records import Involved, LogRecord, Signed
from domain.people import Kind, Person, School
from domain.policy import SignOff
from domain.words import ParticipantRole, Role
from storage.log_form_files import with_log_form
from storage.policy_files import POLICY_FOLDER, load_policy_at
from tests.contract import corpus
from tests.contract.corpus import NOW

LONG = "She was told again and again that nobody would believe her, and that it would be shown to everybody. " * 28
WRITTEN = (
    "He keeps posting things about her in the group chat",
    "I kept the phone in the office",
    "On the bus",
    "https://chat.example/archives/C1/p2",
    "He showed it to three others on the bus",
    "He showed it to two others on the bus",
    "Ring the families of the two",
    "They will look at it together at home",
    "CAD 77/24",
    "Also: A talk",
    "Why: The first time",
    "She is on a trip today",
    "Both families know; no police.",
    "Alfie Demosson",
    "Alleged to have done it",
    "Tess Whitlock",
)
SCHOOLS = {school.policy.id: school for school in corpus.schools()}
BOTH = pytest.mark.parametrize("policy", SCHOOLS)


def line(number: int, told: Told, before: Told | None = None, **more: Any) -> Line:
    at = NOW + timedelta(hours=number)
    doer = "Tess Whitlock" if isinstance(told, Action) else ""
    wordings = (Wording(at, "Dana Okafor", before),) if before is not None else ()
    return Line(f"e{number}", at, "Dana Okafor", Wording(at, "Dana Okafor", told, doer), wordings, **more)


def record(
    school: School, *, what: str = "He keeps posting things about her in the group chat", private: bool = False
) -> LogRecord:
    """A case that was worked to its end: something of everything in it."""
    case = corpus._case_file(corpus._opened(corpus._facts(), school), school)
    took = [
        (replace(a, state=AlertState.DONE, owner_id="x", acknowledged_at=NOW + timedelta(minutes=9)), "Dana Okafor")
        for a, _ in case.duties
    ]
    outcome = CaseNote(case.incident.id, "x", NoteKind.OUTCOME, NOW + timedelta(days=2), "Both families know; no police.")
    handed = CaseNote(case.incident.id, "x", NoteKind.HANDED_ON, NOW + timedelta(minutes=4), "She is on a trip today")
    case = replace(
        case,
        incident=replace(case.incident, closed_at=NOW + timedelta(days=2), private=private),
        narrative=replace(case.narrative, what_happened=what),
        duties=tuple(took),
        notes=((handed, "Meera Lindqvist"), (outcome, "Dana Okafor")),
    )
    lines = (
        line(1, Note("He showed it to three others on the bus"), Note("He showed it to two others on the bus")),
        line(2, Action("Ring the families of the two", "x", NOW + timedelta(days=1)), done_at=NOW, done_by="Tess Whitlock"),
        line(3, Contact(Role.PARENTS, NOW, "They will look at it together at home", "Mrs Exemplar", "")),
        line(4, Contact(Role.POLICE, NOW, "Advice given, no crime recorded", "PC 1234", "CAD 77/24")),
        line(5, Decided(Decision("bullying", None, (), "A talk", "The first time", ()), "Unkind messages", ("Talk to both",))),
    )
    people = tuple(
        Involved(p, Person(p.person_id or "", Kind.PUPIL, p.name, house="Brunel", form="8C") if n < 2 else None)
        for n, p in enumerate(case.participants)
    )
    return LogRecord(case, lines, people, NOW + timedelta(days=3), "Dana Okafor")


@cache
def sheet(policy: str, *, long: bool = False, private: bool = False) -> Sheet:
    school = SCHOOLS[policy]
    found = record(school, what=LONG, private=private) if long else record(school, private=private)
    return sheet_of(school, found)


def field(of: Sheet, label: str) -> Filled:
    return next(f for f in of.fields if f.label == label)


@BOTH
def test_every_field_of_the_policys_form_is_there_in_its_order(policy: str) -> None:
    """The clauses as they are printed; the five parts without which it is no record."""
    form = SCHOOLS[policy].policy.log_form
    assert form is not None
    assert form.shown >= NEEDED
    found = [f for row in sheet(policy).rows for f in row]
    assert [f.label for f in found] == [f.label for f in form.fields]
    assert all(bool(f.clauses) == bool(g.cites) for f, g in zip(found, form.fields, strict=True))


def test_danecourts_form_is_the_one_that_it_prints() -> None:
    """Field by field: incident-log.1 to 7."""
    of = sheet("danecourt")
    assert [[f.label for f in row] for row in of.rows] == [
        ["Number", "Reported By", "Reported To"],
        ["When", "When"],
        ["Incident Description"],
        ["Review Date", "Result of Review"],
        ["Signature (Headteacher)", "Signature (Trustee)"],
    ]
    assert [f.clauses for row in of.rows for f in row] == [
        f"E-safety Incident log, point {n}" for n in (1, 1, 1, 2, 2, 3, 4, 5, 6, 7)
    ]
    text = field(of, "Incident Description").text
    for words in ("Alfie Demosson", "He keeps posting", "on the bus", "Ring the families", "Both families know", "A talk"):
        assert words in text, words
    assert field(of, "Review Date").empty
    assert field(of, "Signature (Trustee)").empty


def test_whoever_signed_and_what_a_review_came_to_stand_in_it() -> None:
    """A signature given before the case was reopened does not stand for the one that is to be given."""
    school = SCHOOLS["danecourt"]
    case = record(school)
    set_ = CaseChange("1", "i", "x", ChangeKind.REVIEW_SET, NOW, due_at=NOW + timedelta(days=30))
    held = CaseChange("2", "i", "x", ChangeKind.REVIEWED, NOW + timedelta(days=30), "It has not happened again")
    again = CaseChange("3", "i", "x", ChangeKind.REOPENED, NOW + timedelta(days=31), "It has happened again")
    ended = CaseChange("4", "i", "x", ChangeKind.CLOSED, NOW + timedelta(days=40), "They moved school", code="dealt_with")
    head = Signed(Role.HEADTEACHER, "Hugh Pemberton", NOW + timedelta(days=5), "Well handled")
    trustee = Signed(Role.GOVERNORS, "Carol Adeyemi", NOW + timedelta(days=5), before=True)
    changes = tuple((c, "Dana Okafor") for c in (set_, held, again, ended))
    of = sheet_of(school, replace(case, changes=changes, signed=(head, trustee)))
    assert field(of, "Review Date").text == "24 December 2026"
    assert "It has not happened again" in field(of, "Result of Review").text
    assert "Dealt with in school. They moved school" in field(of, "Incident Description").text
    assert "Reopened. It has happened again" in field(of, "How the case was changed").text
    signature = field(of, "Signature (Headteacher)")
    assert signature.text == "Signed in the chat by Hugh Pemberton on 29 November 2026, 10:00. Well handled"
    assert not signature.empty
    assert "reopened after that" in field(of, "Signature (Trustee)").text
    assert field(of, "Signature (Trustee)").empty


def test_a_signature_that_the_policy_asks_for_always_has_a_line() -> None:
    """Also where the form does not think of it."""
    school = SCHOOLS["cookridge"]
    policy = replace(school.policy, sign_off=(SignOff(Role.HEADTEACHER),))
    of = sheet_of(replace(school, policy=policy), record(school))
    assert of.rest[-1].signs
    assert "Signature (" in printed_text(printed_log(of))


@BOTH
def test_nothing_that_was_written_is_left_out(policy: str) -> None:
    """In every form: what the policy's form has no field for stands after it."""
    of = sheet(policy)
    page = unescape(re.sub(r"<[^>]+>", " ", log_fragment(of)))
    for shown in (page, printed_text(printed_log(of)), plain_text(of)):
        for words in WRITTEN:
            assert words in " ".join(shown.split()), words


@BOTH
def test_the_pdf_has_a_title_a_language_and_a_mark_for_each_field(policy: str) -> None:
    """A long account goes over pages; the title names no child."""
    of = sheet(policy, long=True)
    reader = PdfReader(BytesIO(printed_log(of)))
    assert len(reader.pages) > 1
    assert reader.metadata is not None
    assert reader.metadata.title == of.title
    assert str(reader.root_object["/Lang"]) == "en-GB"
    marks = [mark.title for mark in flat(reader.outline)]
    assert marks[0] == of.heading
    assert [f.label for row in of.rows for f in row] == [m for m in marks[1:] if m != "Also on record"]
    assert LONG.split(". ", maxsplit=1)[0] in printed_text(printed_log(of))
    for page in reader.pages:
        assert f"{of.reference} - confidential" in page.extract_text()


def test_a_picture_stands_by_its_name_and_lost_letters_are_owned_up_to() -> None:
    """What was sent is evidence: it is never left out in silence, and nothing of it is read as markup."""
    school = SCHOOLS["elton"]
    text = printed_text(
        printed_log(sheet_of(school, record(school, what="He sent \U0001f52a to Zo\u00eb <b>&amp; \u0642\u0627\u0644")))
    )
    assert "He sent [hocho] to Zo\u00eb <b>&amp; ???" in text
    assert "the page and the text have them" in text
    assert "the page and the text have them" not in printed_text(printed_log(sheet("elton")))


@pytest.mark.parametrize("make", [csv_cpoms, csv_myconcern])
def test_the_tables_have_a_line_for_each_pupil_with_the_part_they_had(make: Any) -> None:
    """Others are linked; known staff get no line, and stand in the account."""
    school = SCHOOLS["chipping-sodbury"]
    found = record(school)
    first, *others = found.people
    teacher = Involved(others[0].participant, Person("t", Kind.STAFF, others[0].participant.name))
    of = sheet_of(school, replace(found, people=(first, teacher, *others[1:])))
    rows = list(csv.DictReader(StringIO(make(of))))
    who = next(iter(rows[0]))
    assert [r[who] for r in rows] == [p.participant.name for p in (first, *others[1:])]
    assert rows[0]["Role"] == "Target"
    assert (rows[0]["Form"], rows[0]["House"]) == ("8C", "Brunel")
    text = str(rows[0])
    assert f"{teacher.participant.name} (staff)" in text
    for words in ("24/11/2026", "He keeps posting", "Ring the families", of.reference, "Tess Whitlock"):
        assert words in text, words


@pytest.mark.parametrize("make", [csv_cpoms, csv_myconcern])
def test_who_has_two_parts_has_one_line_and_is_not_linked_with_themselves(make: Any) -> None:
    """Two pupils who have done it to one another."""
    school = SCHOOLS["chipping-sodbury"]
    found = record(school)
    first, second, *_ = found.people
    too = [
        replace(one, participant=replace(one.participant, id=f"{one.participant.id}-2", role=role))
        for one, role in ((first, ParticipantRole.ALLEGED_PERPETRATOR), (second, ParticipantRole.TARGET))
    ]
    rows = list(csv.DictReader(StringIO(make(sheet_of(school, replace(found, people=(first, second, *too)))))))
    who, linked = next(iter(rows[0])), next(name for name in rows[0] if name in ("Linked Students", "Other Pupils"))
    assert [r[who] for r in rows] == [first.participant.name, second.participant.name]
    assert rows[0]["Role"].startswith("Target, ")
    assert first.participant.name not in rows[0][linked]
    assert rows[0][linked].count(second.participant.name) == 1


@pytest.mark.parametrize("make", [csv_cpoms, csv_myconcern])
def test_no_cell_is_a_formula(make: Any) -> None:
    """Whoever reports, or is named, cannot have a spreadsheet do anything."""
    school = replace(SCHOOLS["chipping-sodbury"], name="=1+1")
    found = record(school, what='=HYPERLINK("http://x.example")')
    nasty = replace(found.people[0], participant=replace(found.people[0].participant, name="@SUM(A1)"))
    rows = list(csv.reader(StringIO(make(sheet_of(school, replace(found, people=(nasty,)))))))
    assert all(not cell.startswith(("=", "+", "-", "@", "|", "\t")) for row in rows for cell in row)
    assert any(cell.startswith("'=HYPERLINK") for row in rows for cell in row)


def test_a_private_case_has_no_table_and_says_why() -> None:
    """More people read a pupil's record than such a case."""
    of = sheet("danecourt", private=True)
    assert set(made_of(of)) == {"pdf", "text"}
    assert "This case is private" in log_page(of)
    assert set(made_of(sheet("danecourt"))) == {"pdf", "text", "csv-cpoms", "csv-myconcern"}


def test_a_case_that_names_nobody_has_one_line_to_be_completed() -> None:
    school = SCHOOLS["elton"]
    of = sheet_of(school, replace(record(school), people=()))
    (row,) = csv.DictReader(StringIO(csv_cpoms(of)))
    assert row["Student"] == ""
    assert "Nobody was named" in row["Incident"]


def test_a_case_that_was_changed_without_the_bot_says_so_everywhere() -> None:
    school = SCHOOLS["elton"]
    found = record(school)
    of = sheet_of(school, replace(found, case=replace(found.case, changed=True)))
    for text in (log_page(of), printed_text(printed_log(of)), plain_text(of)):
        assert "Do not rely on it" in " ".join(text.split())


def test_what_people_typed_is_never_markup() -> None:
    school = SCHOOLS["elton"]
    found = record(school, what='<script>alert("1")</script>')
    found = replace(found, by="<b>Dana</b>")
    page = log_page(sheet_of(school, found))
    assert "<script" not in page
    assert "<b>" not in page


def test_a_saved_file_is_called_by_the_cases_number() -> None:
    assert file_name("CSS-2026-0042", "csv-cpoms") == "CSS-2026-0042-cpoms.csv"
    assert "Alfie" not in log_html("x", log_fragment(sheet("elton"))).partition("</title>")[0]


def test_a_plain_form_serves_a_policy_that_has_none() -> None:
    plain = load_policy_at(POLICY_FOLDER / "elton").log_form
    assert plain is not None
    plain = with_log_form(SCHOOLS["elton"].policy, POLICY_FOLDER / "catalogue", POLICY_FOLDER).log_form
    assert plain is not None
    assert plain.all_cites == ()
    assert {*NEEDED, *RECORDED} - plain.shown <= {Shows.LINK, Shows.CHANGES}
    school = replace(SCHOOLS["elton"], policy=replace(SCHOOLS["elton"].policy, log_form=plain))
    assert "The policy has no form of its own" in log_page(sheet_of(school, record(school)))


def printed_text(pdf: bytes) -> str:
    return " ".join(" ".join(page.extract_text() for page in PdfReader(BytesIO(pdf)).pages).split())


def flat(outline: Any) -> list[Any]:
    return [mark for one in outline for mark in (flat(one) if isinstance(one, list) else [one])]
