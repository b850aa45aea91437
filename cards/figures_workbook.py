"""The report for governors as a workbook: a sheet a table, with a chart that the spreadsheet draws itself."""

from io import BytesIO

import xlsxwriter
from xlsxwriter.format import Format
from xlsxwriter.workbook import Workbook

from cards.figures import Shown, number
from cards.figures_report import COLOURS, Report
from cards.spreadsheet import cell
from cards.texts import say

_LONGEST_NAME = 31
_FORBIDDEN = str.maketrans("[]:*?/\\", "       ")


def workbook(report: Report) -> bytes:
    """The report as XLSX. Every text is written as a text, whatever it looks like."""
    written = BytesIO()
    book = xlsxwriter.Workbook(written, {"in_memory": True})
    book.set_properties({"title": f"{report.title}: {report.school.name}", "language": "en-GB"})
    head = book.add_format({"bold": True, "text_wrap": True, "bg_color": "#E8EDF3", "border": 1, "valign": "top"})
    text = book.add_format({"text_wrap": True, "valign": "top"})
    _overview(book, report, head, text)
    for table in report.tables:
        _sheet(book, report, table, head, text)
    book.close()
    return written.getvalue()


def _overview(book: Workbook, report: Report, head: Format, text: Format) -> None:
    sheet = book.add_worksheet(_sheet_name(say("figures.report_about")))
    sheet.set_column(0, 0, 60)
    sheet.set_column(1, len(report.columns), 24)
    sheet.write_string(0, 0, cell(report.title), head)
    sheet.write_string(1, 0, cell(report.subtitle), text)
    notes = (*report.notes, say("figures.report_base", base=report.base))
    for row, note in enumerate(notes, start=2):
        sheet.write_string(row, 0, cell(note), text)
    top = len(notes) + 3
    for row, line in enumerate(((say("figures.row"), *report.names), *report.overview)):
        for column, value in enumerate(line):
            sheet.write_string(top + row, column, cell(value), head if row == 0 or column == 0 else text)


def _sheet(book: Workbook, report: Report, table: Shown, head: Format, text: Format) -> None:
    name = _sheet_name(table.title)
    sheet = book.add_worksheet(name)
    sheet.set_column(0, 0, 46)
    sheet.set_column(1, len(report.columns), 18)
    sheet.freeze_panes(1, 1)
    for column, value in enumerate((table.title, *report.names)):
        sheet.write_string(0, column, cell(value), head)
    # A nought is shown as what it stands for, and can still be added up and drawn.
    shown = [book.add_format({"num_format": f'[=0]"{number(0, c.figures)}";0', "align": "left"}) for c in report.columns]
    for row, (label, counts) in enumerate(table.rows, start=1):
        sheet.write_string(row, 0, cell(label), text)
        for column, count in enumerate(counts):
            if count is None:
                sheet.write_string(row, column + 1, say("figures.not_counted"), text)
            else:
                sheet.write_number(row, column + 1, count, shown[column])
    chart = book.add_chart({"type": "bar"})
    last = len(table.rows)
    for column, series in enumerate((c.name for c in report.drawn), start=1):
        chart.add_series(
            {
                "name": cell(series),
                "categories": [name, 1, 0, last, 0],
                "values": [name, 1, column, last, column],
                "fill": {"color": COLOURS[(column - 1) % len(COLOURS)]},
            }
        )
    chart.set_title({"name": cell(table.title), "name_font": {"size": 12}})
    chart.set_y_axis({"reverse": True})
    chart.set_x_axis({"num_format": "0", "min": 0})
    chart.set_size({"width": 720, "height": 120 + min(20 * last * len(report.drawn), 900)})
    chart.set_legend({"position": "top"})
    sheet.insert_chart(last + 3, 0, chart, {"description": cell(report.chart_told(table)), "object_position": 2})


def _sheet_name(title: str) -> str:
    return title.translate(_FORBIDDEN).split(";")[0].strip("' ")[:_LONGEST_NAME]
