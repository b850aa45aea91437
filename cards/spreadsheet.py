"""Cells of what is exported for a spreadsheet: a CSV file that somebody opens in Excel, LibreOffice or Google Sheets.

A spreadsheet takes a text that begins like a formula for one, and may fetch an address, or start a program, with what stands in
the cells beside it. Whoever types a report could so have a lead's own spreadsheet send it away. Every export goes through here.
"""

import csv
from collections.abc import Iterable, Sequence
from io import StringIO
from typing import Final

_BEGINS_A_FORMULA: Final = frozenset("=+-@\t\r\n|%\uff1d\uff0b\uff0d\uff20\u2212")
"""Also in full width, which some read as the same, and what old programs took for a command."""
_INVISIBLE: Final = "\ufeff\u200b\u200c\u200d\u2060\u00ad\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
_TEXT_MARK: Final = "'"
_LONGEST: Final = 32_767
"""Characters in a cell of Excel's."""


def cell(value: object) -> str:
    """What stands in a cell: never a formula, never more than a cell holds, and nothing that hides what it begins with.

    Numbers stay numbers. A text that would begin a formula has an apostrophe before it, with which a spreadsheet marks a text.
    """
    if isinstance(value, int | float):
        return str(value)
    text = "" if value is None else str(value).replace("\x00", "")
    begins = text.lstrip(_INVISIBLE + " \u00a0")
    text = _TEXT_MARK + text if begins[:1] in _BEGINS_A_FORMULA and begins else text
    return text[:_LONGEST]


def csv_of(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table as CSV, with a line of heads."""
    written = StringIO()
    writer = csv.writer(written, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    writer.writerow([cell(head) for head in heads])
    writer.writerows([cell(value) for value in row] for row in rows)
    return written.getvalue()
