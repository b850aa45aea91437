"""A list that is taken away, whichever it is: each line as it reads now, and every change of it; as CSV, a workbook, a page."""

from base64 import b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from io import BytesIO
from typing import TypeAlias

import xlsxwriter
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from cards.spreadsheet import cell, csv_of
from cards.texts import say

NARROW = 18
_WIDE, _LONG = 46, 60
_Rows: TypeAlias = Sequence[Sequence[object]]


@dataclass(frozen=True, slots=True)
class TakenOut:
    """What is taken away. `file`: what the saved files are called, without their ends. Both tables have the reference first."""

    title: str
    file: str
    heads: Sequence[str]
    lines: _Rows
    change_heads: Sequence[str]
    changes: _Rows


@dataclass(frozen=True, slots=True)
class Drawing:
    """A sheet of its own between the two that every list has."""

    title: str
    draw: Callable[[xlsxwriter.Workbook, Worksheet, Format], None]


def csv_text(taken: TakenOut) -> str:
    """Every change of every line, a row each."""
    return csv_of(taken.change_heads, taken.changes)


def workbook(taken: TakenOut, drawing: Drawing | None = None) -> bytes:
    """The lines as they read now, and every change."""
    written = BytesIO()
    book = xlsxwriter.Workbook(written, {"in_memory": True})
    book.set_properties({"title": taken.title, "language": "en-GB"})
    head = book.add_format({"bold": True, "text_wrap": True, "bg_color": "#E8EDF3", "border": 1, "valign": "top"})
    text = book.add_format({"text_wrap": True, "valign": "top"})
    _sheet(book.add_worksheet(say("register.sheet_lines")), taken.heads, taken.lines, head, text)
    if drawing is not None:
        drawing.draw(book, book.add_worksheet(drawing.title), head)
    _sheet(book.add_worksheet(say("register.sheet_history")), taken.change_heads, taken.changes, head, text)
    book.close()
    return written.getvalue()


def _sheet(sheet: Worksheet, heads: Sequence[str], rows: _Rows, head: Format, text: Format) -> None:
    sheet.freeze_panes(1, 1)
    longest = [len(heading) for heading in heads]
    for number, heading in enumerate(heads):
        sheet.write_string(0, number, cell(heading), head)
    for row, values in enumerate(rows, start=1):
        for number, value in enumerate(values):
            longest[number] = max(longest[number], len(str(value)))
            if isinstance(value, int):
                sheet.write_number(row, number, value, text)
            else:
                sheet.write_string(row, number, cell(value), text)
    for number, length in enumerate(longest):
        sheet.set_column(number, number, _WIDE if length > _LONG else NARROW)


def page(taken: TakenOut, drawing: Drawing | None = None) -> str:
    """What the sealed page shows: the lines as they read now, and the two files to save."""
    # The mark at the beginning tells a spreadsheet that it is UTF-8.
    files = {
        "csv": ("text/csv", csv_text(taken).encode("utf-8-sig")),
        "xlsx": ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", workbook(taken, drawing)),
    }
    saved = "".join(
        f'<li><a id="save-{end}" download="{escape(taken.file)}.{end}" '
        f'href="data:{form};base64,{b64encode(content).decode()}">{escape(say(f"register.save_{end}"))}</a></li>'
        for end, (form, content) in files.items()
    )
    heads = "".join(f'<th scope="col">{escape(head)}</th>' for head in taken.heads)
    rows = "".join(_table_row([str(value) for value in row]) for row in taken.lines)
    caption = escape(say("register.sheet_lines"))
    # Wider than a phone: it is moved from side to side by itself, by keyboard too.
    return (
        f'<main><h1>{escape(taken.title)}</h1><section class="review"><ul>{saved}</ul></section>'
        f'<div class="wide" role="region" aria-labelledby="lines" tabindex="0"><table><caption id="lines">{caption}</caption>'
        f"<thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div></main>"
    )


def _table_row(values: Sequence[str]) -> str:
    """A line of the table, under its reference as its head."""
    reference, *others = (escape(value) for value in values)
    return f'<tr><th scope="row">{reference}</th>{"".join(f"<td>{value}</td>" for value in others)}</tr>'


STYLE = """
.wide { overflow-x: auto; } caption { text-align: left; padding: .4rem 0; } th[scope=row] { white-space: nowrap; }
.wide td { min-width: 8rem; }
@media print { .wide { overflow: visible; } .wide td { min-width: 0; } }
"""
