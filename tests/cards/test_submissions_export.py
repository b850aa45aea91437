"""All requests of a kind taken out, opened as others read it: with a spreadsheet, a program for CSV, a reader of pages."""

import csv
import xml.etree.ElementTree as ET
from io import BytesIO, StringIO

import pytest
from openpyxl import load_workbook

from cards.submissions_export import submissions_csv, submissions_page, submissions_workbook
from domain.request_types import Item, ItemType, RequestTask, RequestType, Term
from domain.submissions import Doing, Place, Submission, SubmissionExport, SubmissionFile, SubmissionState, SubmissionVersion
from domain.words import Role
from tests.cards.test_registers_export import AT, FORMULA, school

KIND = RequestType(
    id="borrow",
    group="loans",
    title="Borrow <b>a camera</b>",
    about="For a trip.",
    items=(
        Item("what", ItemType.LINE, "What for?"),
        Item("which", ItemType.CHOICE, "Which one?", options={"small": "The small one", "film": "The one for film"}),
        Item("with", ItemType.STAFF, "Who else?", required=False),
        Item("why", ItemType.TEXT, "Why?"),
        Item("back", ItemType.MOMENT, "When is it back?"),
    ),
    tasks=(RequestTask("charge", "Charge it", (Role.IT_SUPPORT,)),),
    tells=(Role.HEADTEACHER,),
    term=Term("back"),
)
EMPTY = SubmissionExport(KIND, AT, ())


def taken_out() -> SubmissionExport:
    """One that was declared and charged, with words that a spreadsheet would run; and one of somebody who has left."""
    values = {"what": FORMULA, "which": "film", "with": "p2", "why": "<script>alert(1)</script>", "back": AT.isoformat()}
    open_, done = Place(SubmissionState.GRANTED, tasks=("charge",), until=AT), Place(SubmissionState.GRANTED, done=("charge",))
    first = SubmissionVersion("v1", "s1", 1, "p", AT, Doing.SENT, open_, values)
    second = SubmissionVersion("v2", "s1", 2, "", AT, Doing.DONE, done, values, FORMULA, "charge")
    sent = Submission("s1", KIND.id, "CSS-P-2026-4071", "p", AT, AT, 2, done)
    names = {"p": "-1+1 Okafor", "p2": "Iga Nowak"}
    whole = SubmissionFile(KIND, sent, names["p"], second, ((first, names["p"]), (second, "")), names)
    other = Submission("s2", KIND.id, "CSS-P-2026-4072", "gone", AT, AT, 1, open_)
    least = SubmissionVersion("v3", "s2", 1, "gone", AT, Doing.SENT, open_, {"what": "A trip", "with": "gone"})
    return SubmissionExport(KIND, AT, (whole, SubmissionFile(KIND, other, "", least, ((least, ""),), names)))


def test_the_csv_has_all_that_was_done_with_each() -> None:
    """A row each, the newest of a request marked, names for ids; no cell is a formula, and no word is lost."""
    heads, *rows = csv.reader(StringIO(submissions_csv(school(), taken_out()), newline=""))
    lines = [dict(zip(heads, row, strict=True)) for row in rows]
    assert [(line["Reference"], line["Newest wording"]) for line in lines] == [
        ("CSS-P-2026-4071", "no"),
        ("CSS-P-2026-4071", "yes"),
        ("CSS-P-2026-4072", "yes"),
    ]
    assert [line["Still to be carried out"] for line in lines] == ["Charge it", "", "Charge it"]
    assert [line["State"] for line in lines] == ["to be carried out", "holds", "to be carried out"]
    assert lines[1]["What"] == "Done: Charge it"
    assert lines[1]["Who"] == "by itself"
    assert (lines[0]["Which one?"], lines[0]["Who else?"]) == ("The one for film", "Iga Nowak")
    assert lines[2]["Who else?"] == lines[2]["From"] == lines[2]["Who"] == "somebody who is no longer on the list"
    assert not [value for row in (heads, *rows) for value in row if value[:1] in tuple("=+-@\t\r\n")]
    assert lines[0]["What for?"] == f"'{FORMULA}"


def test_the_workbook_says_the_same() -> None:
    """The requests as they stand, and all that was done with them."""
    book = load_workbook(BytesIO(submissions_workbook(school(), taken_out())))
    assert book.sheetnames == ["Lines", "Every change"]
    assert [row[0] for row in book["Lines"].iter_rows(min_row=2, values_only=True)] == ["CSS-P-2026-4071", "CSS-P-2026-4072"]
    told = csv.reader(StringIO(submissions_csv(school(), taken_out()), newline=""))
    rows = book["Every change"].iter_rows(values_only=True)
    assert [["" if cell is None else str(cell) for cell in row] for row in rows] == [list(row) for row in told]


def test_the_page_takes_what_was_typed_for_words() -> None:
    """Neither what was typed nor the title of a type is drawn."""
    page = submissions_page(school(), taken_out())
    body = ET.fromstring(f"<body>{page}</body>")
    assert [th.text for th in body.iter("th") if th.get("scope") == "row"] == ["CSS-P-2026-4071", "CSS-P-2026-4072"]
    assert "<script" not in page
    assert "<b>" not in page


@pytest.mark.parametrize("made", [submissions_csv, submissions_page])
def test_where_nothing_was_asked_for_that_is_shown(made: object) -> None:
    """Heads, and no line."""
    assert callable(made)
    assert "What for?" in made(school(), EMPTY)
