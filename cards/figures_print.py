"""The report for governors as PDF: with a title, its language, and a bookmark for each table."""

import unicodedata
from functools import cache
from io import BytesIO
from pathlib import Path
from xml.sax.saxutils import escape

import reportlab
from reportlab.graphics.charts.barcharts import HorizontalBarChart
from reportlab.graphics.charts.legends import Legend
from reportlab.graphics.shapes import Drawing
from reportlab.lib.colors import HexColor
from reportlab.lib.pagesizes import A4, landscape
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import CondPageBreak, Flowable, Paragraph, SimpleDocTemplate, Spacer, Table, TableStyle

from cards.figures import Shown, number
from cards.figures_report import COLOURS, Report
from cards.texts import say

FONT, FONT_BOLD = "Vera", "VeraBd"
"""The names under which `fonts` makes them known."""
_INK, _LINE, _HEAD = HexColor("#1a1a1a"), HexColor("#6b6b6b"), HexColor("#e8edf3")
_BODY = ParagraphStyle("body", fontName=FONT, fontSize=9.5, leading=13, textColor=_INK, spaceAfter=4)
_CELL = ParagraphStyle("cell", parent=_BODY, fontSize=8.5, leading=11, spaceAfter=0)
_COLUMN = ParagraphStyle("column", parent=_CELL, fontName=FONT_BOLD)
_SECTION = ParagraphStyle("section", parent=_BODY, fontName=FONT_BOLD, fontSize=13, leading=17, spaceBefore=14, spaceAfter=6)
_TITLE = ParagraphStyle("title", parent=_SECTION, fontSize=20, leading=25)
_LONGEST_LABEL = 44
_HEADING = 36 * mm
"""A heading with the first rows of what stands below it."""


def printed(report: Report) -> bytes:
    """The report as PDF."""
    fonts()
    written = BytesIO()
    page = landscape(A4) if len(report.columns) > 3 else A4
    document = SimpleDocTemplate(
        written,
        pagesize=page,
        title=in_font(f"{report.title}: {report.school.name}"),
        author=in_font(report.school.name),
        subject=in_font(", ".join(report.names)),
        lang="en-GB",
        leftMargin=18 * mm,
        rightMargin=18 * mm,
        topMargin=16 * mm,
        bottomMargin=18 * mm,
        displayDocTitle=True,
    )
    wide = document.width
    story: list[Flowable] = [_Marked(report.title, _TITLE, 0), _text(report.subtitle)]
    story += [_Marked(say("figures.report_about"), _SECTION, 1), *(_text(note) for note in report.notes)]
    story += [Spacer(1, 6), _table(report, report.title, [list(line) for line in report.overview], wide)]
    for table in report.tables:
        drawn = [_chart(report, table, wide), Spacer(1, 6)] if report.bars(table) else []
        story += [CondPageBreak(_HEADING + (drawn[0].height if drawn else 0)), _Marked(table.title, _SECTION, 1), *drawn]
        rows = [[name, *report.told(counts)] for name, counts in table.rows]
        story += [_table(report, table.title, rows, wide)]
    document.build(story, onFirstPage=_foot, onLaterPages=_foot)
    return written.getvalue()


class _Marked(Paragraph):
    """A heading that stands among the bookmarks."""

    def __init__(self, text: str, style: ParagraphStyle, level: int) -> None:
        super().__init__(escape(in_font(text)), style)
        self._title, self._level = in_font(text), level

    def draw(self) -> None:
        """Draws it, and sets the bookmark."""
        key = f"{self._level} {self._title}"
        self.canv.bookmarkPage(key)
        self.canv.addOutlineEntry(self._title, key, self._level)
        super().draw()


def _text(text: str) -> Paragraph:
    return Paragraph(escape(in_font(text)), _BODY)


def _table(report: Report, title: str, rows: list[list[str]], wide: float) -> Table:
    heads = [Paragraph(escape(in_font(head)), _COLUMN) for head in (title, *report.names)]
    body = [[Paragraph(escape(in_font(value)), _CELL) for value in row] for row in rows]
    first = wide * (0.4 if len(report.columns) < 4 else 0.28)
    widths = [first, *([(wide - first) / len(report.columns)] * len(report.columns))]
    table = Table([heads, *body], colWidths=widths, repeatRows=1, hAlign="LEFT")
    table.setStyle(
        TableStyle(
            [
                ("GRID", (0, 0), (-1, -1), 0.5, _LINE),
                ("BACKGROUND", (0, 0), (-1, 0), _HEAD),
                ("VALIGN", (0, 0), (-1, -1), "TOP"),
            ]
        )
    )
    return table


def _chart(report: Report, table: Shown, wide: float) -> Drawing:
    bars = report.bars(table)
    high = 14 + len(bars) * (8 * len(report.drawn) + 6)
    drawing = Drawing(wide, high + 34)
    chart = HorizontalBarChart()
    chart.x, chart.y, chart.width, chart.height = round(wide * 0.38), 18, round(wide * 0.54), high
    # Bars are drawn from below.
    chart.data = [[counts[n] for _, counts in reversed(bars)] for n in reversed(range(len(report.drawn)))]
    chart.categoryAxis.categoryNames = [_short(name) for name, _ in reversed(bars)]
    chart.categoryAxis.labels.fontName = chart.valueAxis.labels.fontName = FONT
    chart.categoryAxis.labels.fontSize = chart.valueAxis.labels.fontSize = 7.5
    chart.valueAxis.valueMin, chart.valueAxis.valueStep = (
        0,
        _step(max(n or 0 for _, counts in bars for n in counts), report.base),
    )
    few = number(0, report.drawn[-1].figures)
    chart.barLabelFormat = lambda count: str(int(count)) if count else few
    chart.barLabels.fontName, chart.barLabels.fontSize, chart.barLabels.boxAnchor = FONT, 7, "w"
    chart.barLabels.nudge, chart.barLabels.boxTarget = 4, "hi"
    colours = [HexColor(COLOURS[n % len(COLOURS)]) for n in range(len(report.drawn))]
    for n, colour in enumerate(reversed(colours)):
        chart.bars[n].fillColor = colour
        chart.bars[n].strokeColor = None
    drawing.add(chart)
    legend = Legend()
    legend.x, legend.y, legend.boxAnchor = 0, high + 30, "nw"
    legend.alignment, legend.columnMaximum, legend.deltax = "right", 1, round(wide / len(report.drawn))
    legend.fontName, legend.fontSize, legend.dx, legend.dy = FONT, 7.5, 7, 7
    legend.colorNamePairs = [
        (colour, in_font(name)) for colour, name in zip(colours, (c.name for c in report.drawn), strict=True)
    ]
    drawing.add(legend)
    return drawing


def _step(most: int, base: int) -> int:
    """Lines at multiples of the base, ten at most."""
    return base * max(1, -(-most // (base * 10)))


def _short(name: str) -> str:
    return in_font(name if len(name) <= _LONGEST_LABEL else name[: _LONGEST_LABEL - 1].rstrip() + "\u2026")


def _foot(canvas: Canvas, document: SimpleDocTemplate) -> None:
    canvas.setFont(FONT, 8)
    canvas.setFillColor(_INK)
    canvas.drawString(18 * mm, 10 * mm, say("figures.report_page", number=document.page))


@cache
def fonts() -> TTFont:
    """They come with the library, and into the file, so that it looks the same everywhere."""
    folder = Path(reportlab.__file__).parent / "fonts"
    for name in (FONT_BOLD, FONT):
        font = TTFont(name, str(folder / f"{name}.ttf"))
        pdfmetrics.registerFont(font)
    return font


def in_font(text: str) -> str:
    """What the font has no sign for stands without its accent: `w` for the Welsh letter."""
    return "".join(c if shows(c) else _plain(c) for c in text)


def shows(character: str) -> bool:
    """Whether the font has a sign for it."""
    return ord(character) in fonts().face.charToGlyph


def _plain(character: str) -> str:
    return unicodedata.normalize("NFKD", character)[0].encode("ascii", "replace").decode()
