"""A whole register to take away: each line as it reads now, and every change of it; as CSV, as a workbook, on a sealed page."""

from base64 import b64encode
from collections.abc import Iterable, Sequence
from html import escape
from io import BytesIO

import xlsxwriter
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from cards.registers import label_of, register_name, score_of, value_of
from cards.spreadsheet import cell, csv_of
from cards.texts import dated, day_of, say
from domain.people import School
from domain.register_terms import DEFINITIONS, RegisterKind
from domain.registers import Record, RegisterExport, Shown

_WIDE, _NARROW = 46, 18
_LONG = 60
_COLOURS = {"low": "#D9F0DC", "medium": "#FFE9B8", "high": "#F9C9C4"}
"""Behind a rating, which is written there in a word as well."""


def register_csv(school: School, export: RegisterExport) -> str:
    """Every change of every line, a row each; the newest of a line says so."""
    return csv_of(_heads(export.kind, history=True), _history(school, export))


def register_workbook(school: School, export: RegisterExport) -> bytes:
    """The lines as they read now, every change, and in the risk register the matrix."""
    written = BytesIO()
    book = xlsxwriter.Workbook(written, {"in_memory": True})
    day = day_of(export.at.astimezone(school.calendar.timezone).date())
    title = say("register.exported", name=register_name(export.kind), school=school.name, day=day)
    book.set_properties({"title": title, "language": "en-GB"})
    head = book.add_format({"bold": True, "text_wrap": True, "bg_color": "#E8EDF3", "border": 1, "valign": "top"})
    text = book.add_format({"text_wrap": True, "valign": "top"})
    rated = {word: book.add_format({"bg_color": colour, "border": 1, "valign": "top"}) for word, colour in _COLOURS.items()}
    newest = [[*_row(school, record, shown[-1])] for record, shown in export.lines]
    _sheet(book.add_worksheet(say("register.sheet_lines")), _heads(export.kind), newest, head, text)
    if DEFINITIONS[export.kind].levels is not None:
        _matrix(book.add_worksheet(say("register.sheet_matrix")), school, export, head, rated)
    changes = [*_history(school, export)]
    _sheet(book.add_worksheet(say("register.sheet_history")), _heads(export.kind, history=True), changes, head, text)
    book.close()
    return written.getvalue()


def _heads(kind: RegisterKind, *, history: bool = False) -> list[str]:
    d = DEFINITIONS[kind]
    heads = [say("register.reference"), say("register.state"), *([say("register.score")] if d.levels is not None else [])]
    heads += [label_of(kind, spec) for spec in d.fields]
    if not history:
        return heads
    of_change = ("number", "kind", "latest", "note")
    return [*heads, say("register.history_when"), say("register.history_who"), *(say(f"register.csv_{x}") for x in of_change)]


def _row(school: School, record: Record, shown: Shown) -> Iterable[object]:
    yield record.reference
    yield say(f"register.state_{shown.version.state}")
    score = score_of(record.kind, shown.version)
    if score is not None:
        yield score
    for spec in record.definition.fields:
        yield value_of(school, spec, shown)


def _history(school: School, export: RegisterExport) -> Iterable[Sequence[object]]:
    for record, versions in export.lines:
        for shown in versions:
            v = shown.version
            latest = say("register.csv_yes" if v.number == record.versions else "register.csv_no")
            who = shown.who or say("register.somebody")
            change = say(f"register.done_{v.change}")
            yield [*_row(school, record, shown), dated(school, v.at), who, v.number, change, latest, v.note]


def _sheet(sheet: Worksheet, heads: Sequence[str], rows: Iterable[Sequence[object]], head: Format, text: Format) -> None:
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
        sheet.set_column(number, number, _WIDE if length > _LONG else _NARROW)


def _matrix(sheet: Worksheet, school: School, export: RegisterExport, head: Format, rated: dict[str, Format]) -> None:
    """How many live risks are how likely and how bad: the worst corner is above on the right."""
    scale = school.policy.registers[export.kind].scale
    levels = range(1, scale.most + 1)
    sheet.set_column(0, scale.most, _NARROW)
    sheet.write_string(0, 0, say("register.matrix_head"), head)
    for level in levels:
        sheet.write_string(0, level, say("register.matrix_column", level=level), head)
    for row, likely in enumerate(reversed(levels), start=1):
        sheet.write_number(row, 0, likely, head)
        for bad in levels:
            word = scale.word(likely * bad)
            count = sum(r.is_live and r.levels == f"{likely}x{bad}" for r, _ in export.lines)
            told = say("register.matrix_cell", count=count, word=say(f"register.word_{word}"))
            sheet.write_string(row, bad, told, rated[word])


def register_page(school: School, export: RegisterExport) -> str:
    """What the sealed page shows: the lines as they read now, and the two files to save."""
    day = day_of(export.at.astimezone(school.calendar.timezone).date())
    title = say("register.exported", name=register_name(export.kind), school=school.name, day=day)
    name = f"{school.prefix}-register-{export.kind}"
    # The mark at the beginning tells a spreadsheet that it is UTF-8.
    files = {
        "csv": ("text/csv", register_csv(school, export).encode("utf-8-sig")),
        "xlsx": ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", register_workbook(school, export)),
    }
    saved = "".join(
        f'<li><a id="save-{end}" download="{escape(name)}.{end}" href="data:{form};base64,{b64encode(content).decode()}">'
        f"{escape(say(f'register.save_{end}'))}</a></li>"
        for end, (form, content) in files.items()
    )
    heads = "".join(f'<th scope="col">{escape(head)}</th>' for head in _heads(export.kind))
    rows = "".join(_table_row([str(value) for value in _row(school, record, shown[-1])]) for record, shown in export.lines)
    caption = escape(say("register.sheet_lines"))
    # Wider than a phone: it is moved from side to side by itself, by keyboard too.
    return (
        f'<main><h1>{escape(title)}</h1><section class="review"><ul>{saved}</ul></section>'
        f'<div class="wide" role="region" aria-labelledby="lines" tabindex="0"><table><caption id="lines">{caption}</caption>'
        f"<thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div></main>"
    )


def _table_row(values: Sequence[str]) -> str:
    """A line of the table, under its reference as its head."""
    reference, *others = (escape(value) for value in values)
    return f'<tr><th scope="row">{reference}</th>{"".join(f"<td>{value}</td>" for value in others)}</tr>'


REGISTER_STYLE = """
.wide { overflow-x: auto; } caption { text-align: left; padding: .4rem 0; } th[scope=row] { white-space: nowrap; }
.wide td { min-width: 8rem; }
@media print { .wide { overflow: visible; } .wide td { min-width: 0; } }
"""
