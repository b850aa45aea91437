"""A whole register to take away: each line as it reads now, and every change of it; as CSV, as a workbook, on a sealed page."""

from collections.abc import Iterable, Sequence
from functools import partial

from xlsxwriter import Workbook
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from cards import taken_out
from cards.registers import label_of, register_name, score_of, value_of
from cards.taken_out import NARROW, Drawing, TakenOut
from cards.texts import dated, day_of, say
from domain.people import School
from domain.register_terms import DEFINITIONS, RegisterKind
from domain.registers import Record, RegisterExport, Shown

_COLOURS = {"low": "#D9F0DC", "medium": "#FFE9B8", "high": "#F9C9C4"}
"""Behind a rating, which is written there in a word as well."""


def register_csv(school: School, export: RegisterExport) -> str:
    """Every change of every line, a row each; the newest of a line says so."""
    return taken_out.csv_text(_taken(school, export))


def register_workbook(school: School, export: RegisterExport) -> bytes:
    """The lines as they read now, every change, and in the risk register the matrix."""
    return taken_out.workbook(_taken(school, export), _drawing(school, export))


def register_page(school: School, export: RegisterExport) -> str:
    """What the sealed page shows: the lines as they read now, and the two files to save."""
    return taken_out.page(_taken(school, export), _drawing(school, export))


def _taken(school: School, export: RegisterExport) -> TakenOut:
    day = day_of(export.at.astimezone(school.calendar.timezone).date())
    return TakenOut(
        say("register.exported", name=register_name(export.kind), school=school.name, day=day),
        f"{school.prefix}-register-{export.kind}",
        _heads(export.kind),
        [[*_row(school, record, shown[-1])] for record, shown in export.lines],
        _heads(export.kind, history=True),
        [*_history(school, export)],
    )


def _drawing(school: School, export: RegisterExport) -> Drawing | None:
    if DEFINITIONS[export.kind].levels is None:
        return None
    return Drawing(say("register.sheet_matrix"), partial(_matrix, school, export))


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


def _matrix(school: School, export: RegisterExport, book: Workbook, sheet: Worksheet, head: Format) -> None:
    """How many live risks are how likely and how bad: the worst corner is above on the right."""
    rated = {word: book.add_format({"bg_color": colour, "border": 1, "valign": "top"}) for word, colour in _COLOURS.items()}
    scale = school.policy.registers[export.kind].scale
    levels = range(1, scale.most + 1)
    sheet.set_column(0, scale.most, NARROW)
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
