"""The report for governors, opened as people open it: each form says the same, and none says more than was published."""

import csv
import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import cache
from io import BytesIO, StringIO
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from openpyxl import load_workbook
from pypdf import PdfReader

from bot.settings import DEMO_SCHOOLS
from cards.figures import name_of, shown
from cards.figures_print import printed
from cards.figures_report import COLOURS, Report, csv_report, html_report, report_of
from cards.figures_workbook import workbook
from domain.case_changes import Result
from domain.deadlines import SchoolCalendar
from domain.figures import CLOSED, OPEN, Counted, Figures, Span, Table, layout, publish, spans
from domain.people import School
from domain.words import Role
from storage.school_files import load_schools

MADE = date(2027, 8, 2)
FEW, OLD = "fewer than 5", "not counted then"


@cache
def school() -> School:
    found = next(iter(load_schools(DEMO_SCHOOLS).values()))
    return replace(found, name='=HYPERLINK("http://x.example") & <b>Ysgol T\u0177 G\u0175yr</b>')


def term(span: Span, many: int, *, asked_how: bool = True) -> Figures:
    """A term in which things happened, the same in every run. `asked_how`: how cases ended was counted then."""
    concerns = list(layout(school()).concerns)
    begun = datetime.combine(span.first, datetime.min.time(), UTC)
    reports = [
        Counted(
            f"{span.id} {n}",
            begun + timedelta(days=n % 90),
            begun + timedelta(days=n % 90, hours=1),
            concerns[n * n % 7],
            Role.DSL if n % 3 else Role.HEAD_OF_HOUSE,
            n % 11 > 0,
            begun + timedelta(days=n % 90, minutes=25 + n % 50),
            (("7B", "8C", "9F")[n % 3],),
            [None, *Result][n % 4],
        )
        for n in range(many)
    ]
    made = publish(school(), span, reports, begun)
    return made if asked_how else replace(made, tables={**made.tables, Table.OUTCOME: {CLOSED: 30, OPEN: 5}})


@cache
def report(*, terms: int = 3) -> Report:
    """Of a school year, beside the term before it; or of several years."""
    all_spans = enumerate(spans(SchoolCalendar(), date(2026, 5, 1), date(2029, 5, 1)))
    found = [term(span, 40 + 9 * n, asked_how=n > 0) for n, span in all_spans]
    return report_of(school(), found[1 : terms + 1], found[0], MADE)


ALL = pytest.mark.parametrize("made", [report(), report(terms=1), report(terms=8)], ids=["year", "term", "years"])


def texts(made: Report) -> list[tuple[str, ...]]:
    """Every row of every table as it is told."""
    return [(name, *made.told(counts)) for table in made.tables for name, counts in table.rows]


@ALL
def test_the_workbook_is_read_back(made: Report) -> None:
    """A sheet a table, with the published numbers, a chart that has words for who cannot see it, and no formula."""
    book = load_workbook(BytesIO(workbook(made)))
    assert book.properties.title == f"{made.title}: {school().name}"
    first, *sheets = book.worksheets
    assert len(sheets) == len(Table) == len(made.tables)
    for sheet, table in zip(sheets, made.tables, strict=True):
        rows = list(sheet.iter_rows(min_row=2, max_row=1 + len(table.rows), values_only=True))
        as_written = [(name, tuple(OLD if n is None else n for n in counts)) for name, counts in table.rows]
        assert [(row[0], tuple(row[1:])) for row in rows] == as_written
        assert [c.value for c in sheet[1]] == [table.title, *made.names]
        (chart,) = getattr(sheet, "_charts")  # noqa: B009 - openpyxl's own, which its stubs do not know
        assert len(chart.series) == len(made.drawn)
        assert FEW in sheet.cell(2, 2).number_format or made.columns[0].year or sheet.cell(2, 2).value == OLD
        assert sheet.freeze_panes == "B2"
    cells = [c for sheet in book.worksheets for row in sheet.iter_rows() for c in row]
    assert {c.data_type for c in cells if c.value is not None} == {"s", "n"}
    assert str(first["A2"].value).startswith("'="), "what looks like a formula is a text"
    assert made.base == 5


@ALL
def test_the_pdf_is_read_back(made: Report) -> None:
    """It has a title, a language and bookmarks, and every number that was published."""
    read = PdfReader(BytesIO(printed(made)))
    root: Any = read.trailer["/Root"]
    assert root["/Lang"] == "en-GB"
    assert root["/ViewerPreferences"]["/DisplayDocTitle"]
    assert read.metadata is not None
    assert str(read.metadata.title).startswith(f"{made.title}: =HYPERLINK")
    outline: Any = read.outline
    top, below = outline
    assert top["/Title"] == made.title
    assert [entry["/Title"] for entry in below] == ["How to read these figures", *(t.title for t in made.tables)]
    text = " ".join(" ".join(page.extract_text().split()) for page in read.pages)
    assert "Ysgol Ty Gwyr</b>" in text, "what the font has no sign for is there without its accent"
    for name, *told in texts(made):
        assert " ".join((name, *told)) in text, name
    for page in read.pages:
        assert all("/FontFile2" in f["/FontDescriptor"] for f in _fonts(page)), "a font is not in the file"


def _fonts(page: Any) -> list[Any]:
    found = [font.get_object() for font in page["/Resources"]["/Font"].values()]
    return [font for font in found if font["/Subtype"] == "/TrueType"]


def test_what_was_not_counted_in_a_term_before_is_not_told_as_few() -> None:
    """How cases ended is counted from some term on: beside one before that, it says so."""
    made = report(terms=1)
    (outcomes,) = (table for table in made.tables if table.table is Table.OUTCOME)
    told = {name: made.told(counts) for name, counts in outcomes.rows}
    assert told["Passed to an agency outside the school"][0] == OLD
    assert told["Passed to an agency outside the school"][1].isdigit()
    assert told["Closed, and not counted how"][0] == "30"
    assert OLD in made.chart_told(outcomes)


@ALL
def test_the_csv_is_read_back(made: Report) -> None:
    heads, *rows = csv.reader(StringIO(csv_report(made)))
    assert heads == ["Table", "Row", *made.names]
    told = [tuple(row[1:]) for row in rows[len(made.overview) :]]
    assert told == texts(made)


@ALL
def test_the_page_is_right_without_eyes(made: Report) -> None:
    """Headings in order, a table with heads for every chart, the chart in words, and nothing that is fetched or run."""
    page = html_report(made)
    body = ET.fromstring(page.partition("<body>")[2].rpartition("</body>")[0].join(("<body>", "</body>")))
    assert [h.tag for h in body.iter() if re.fullmatch("h[1-6]", h.tag)] == ["h1", *["h2"] * (2 + len(made.tables))]
    tables = list(body.iter("table"))
    assert len(tables) == 1 + len(made.tables)
    for table in tables:
        assert table.find("caption") is not None
        assert {th.get("scope") for th in table.iter("th")} == {"col", "row"}
    rows = [tuple("".join(cell.itertext()) for cell in row) for table in tables[1:] for row in table.iter("tr")]
    assert [row for row in rows if row[1:] != made.names] == texts(made)
    for svg in body.iter("svg"):
        named = svg.find("title")
        assert svg.get("role") == "img"
        assert named is not None
        assert (named.get("id"), (named.text or "").startswith("Bar chart: ")) == (svg.get("aria-labelledby"), True)
    ids = [found for e in body.iter() if (found := e.get("id"))]
    assert len(ids) == len(set(ids))
    assert {a.get("href", "").lstrip("#") for a in body.iter("a")} <= set(ids)
    assert '<html lang="en-GB">' in page
    assert "<script" not in page
    assert "<b>" not in page
    assert not re.search(r'(?:src|href)="(?!#)', page)


def test_what_is_added_up_may_hide_more() -> None:
    """Three terms of fewer than five are fewer than thirteen."""
    made = report()
    assert made.columns[-1].figures.terms == 3
    assert made.told((0, 0, 0, 0, 0)) == (FEW, FEW, FEW, FEW, "fewer than 13")
    assert "up to 4 too high or too low" in made.notes[0]
    assert "up to 12 too high or too low" in made.notes[1]
    assert [c.name for c in report(terms=8).columns] == [
        "School year 2026 to 2027",
        "School year 2027 to 2028",
        "School year 2028 to 2029",
    ]


def test_every_row_has_a_name() -> None:
    """No key of ours is shown."""
    names = [name for table in shown(school(), [term(spans(SchoolCalendar(), MADE, MADE)[0], 3)]) for name, _ in table.rows]
    assert not [name for name in names if "_" in name or not name[0].isupper()]
    assert name_of(spans(SchoolCalendar(), MADE, MADE)[0]) == "Autumn term 2027"


@pytest.mark.parametrize("colour", COLOURS)
def test_bars_stand_out_from_white(colour: str) -> None:
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    luminance = sum(weight * c for weight, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
    assert 1.05 / (luminance + 0.05) > 4.5
