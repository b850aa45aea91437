"""The log form as PDF: A4, with a title, its language and a bookmark for each field; long fields go over pages."""

import unicodedata
from io import BytesIO
from xml.sax.saxutils import escape

from reportlab.lib.colors import HexColor
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import CondPageBreak, Flowable, Paragraph, SimpleDocTemplate, Spacer, Table, TableStyle

from cards.figures_print import FONT, FONT_BOLD, fonts, shows
from cards.log_form import Filled, Sheet
from cards.texts import say

_INK, _LINE, _HEAD, _QUIET = HexColor("#1a1a1a"), HexColor("#6b6b6b"), HexColor("#e8edf3"), HexColor("#4a4a4a")
_BODY = ParagraphStyle("log body", fontName=FONT, fontSize=9.5, leading=13, textColor=_INK, spaceAfter=2)
_HEADED = ParagraphStyle("log head", parent=_BODY, fontName=FONT_BOLD, fontSize=9, leading=12, spaceBefore=4)
_LABEL = ParagraphStyle("log label", parent=_BODY, fontName=FONT_BOLD, fontSize=9.5, leading=12, spaceAfter=0)
_SMALL = ParagraphStyle("log small", parent=_BODY, fontSize=7.5, leading=10, textColor=_QUIET, spaceAfter=1)
_TITLE = ParagraphStyle("log title", parent=_BODY, fontName=FONT_BOLD, fontSize=18, leading=23, spaceAfter=2)
_WARNING = ParagraphStyle(
    "log warning",
    parent=_HEADED,
    textColor=HexColor("#8a1c4a"),
    borderColor=HexColor("#8a1c4a"),
    borderWidth=1,
    borderPadding=4,
)
_UNSEEN = frozenset({"Cf", "Cc", "Mn", "Me"})
"""Kinds of characters that change those beside them, and have no sign of their own."""
_MARGIN = 18 * mm
_BEGUN = 30 * mm
"""A label with the first lines of what stands below it: alone at the foot of a page it would tell nobody anything."""
_TO_WRITE_IN = 11 * mm
"""As much is left where somebody signs or writes by hand."""


def printed_log(sheet: Sheet) -> bytes:
    """The form as PDF."""
    fonts()
    written = BytesIO()
    document = SimpleDocTemplate(
        written,
        pagesize=A4,
        title=_in_signs(sheet.title),
        author=_in_signs(sheet.school.name),
        subject=_in_signs(sheet.heading),
        lang="en-GB",
        leftMargin=_MARGIN,
        rightMargin=_MARGIN,
        topMargin=16 * mm,
        bottomMargin=20 * mm,
        displayDocTitle=True,
    )
    foot = _in_signs(say("log_form.foot", reference=sheet.reference))

    def footed(canvas: Canvas, page: SimpleDocTemplate) -> None:
        canvas.setFont(FONT, 8)
        canvas.setFillColor(_QUIET)
        canvas.drawString(_MARGIN, 11 * mm, foot)
        canvas.drawRightString(A4[0] - _MARGIN, 11 * mm, say("figures.report_page", number=page.page))

    # A frame keeps six points free on either side.
    document.build([*_head(sheet), *_fields(sheet, document.width - 12)], onFirstPage=footed, onLaterPages=footed)
    return written.getvalue()


class _Marked(Paragraph):
    """A heading that stands among the bookmarks."""

    def __init__(self, text: str, style: ParagraphStyle, level: int, key: str, mark: str = "") -> None:
        super().__init__(text, style)
        self._mark, self._level, self._key = mark, level, key

    def draw(self) -> None:
        """Draws it, and sets the bookmark."""
        self.canv.bookmarkPage(self._key)
        self.canv.addOutlineEntry(self._mark, self._key, self._level)
        super().draw()


def _head(sheet: Sheet) -> list[Flowable]:
    found: list[Flowable] = [
        _Marked(_text(sheet.heading), _TITLE, 0, "form", _in_signs(sheet.heading)),
        Paragraph(_text(f"{sheet.school.name}: {sheet.reference}"), _BODY),
        Paragraph(_text(sheet.source), _SMALL),
    ]
    found += [Spacer(1, 6), Paragraph(_text(sheet.warning), _WARNING)] if sheet.warning else []
    lost = any(not _has_signs(text) for field in sheet.fields for text in (field.label, field.text))
    found += [Paragraph(_text(say("log_form.signs")), _HEADED)] if lost else []
    found += [Paragraph(_text(sheet.note), _BODY)] if sheet.note else []
    return [*found, Spacer(1, 8)]


def _fields(sheet: Sheet, wide: float) -> list[Flowable]:
    found: list[Flowable] = []
    for row, fields in enumerate(sheet.rows):
        found += [CondPageBreak(_BEGUN), _row([(f"{row} {n}", field) for n, field in enumerate(fields)], wide)]
    if sheet.rest:
        key = "rest"
        title = say("log_form.rest")
        found += [Spacer(1, 10), _Marked(_text(title), _LABEL, 1, key, _in_signs(title)), Spacer(1, 4)]
        found += [x for n, field in enumerate(sheet.rest) for x in (CondPageBreak(_BEGUN), _row([(f"rest {n}", field)], wide))]
    return [*found, Spacer(1, 8), Paragraph(_text(f"{sheet.made} {say('log_form.confidential')}"), _SMALL)]


def _row(fields: list[tuple[str, Filled]], wide: float) -> Table:
    """Fields side by side. Where a page ends they are cut, between lines or within one."""
    heads = [_label(key, field) for key, field in fields]
    bodies = [_body(field) for _, field in fields]
    alone = len(fields) == 1
    rows = [heads, *([[lines] for lines in bodies[0]] if alone else [[[x for some in body for x in some] for body in bodies]])]
    table = Table(rows, colWidths=[wide / len(fields)] * len(fields), splitInRow=1)
    headed = [n for n, lines in enumerate(bodies[0], 1) if alone and n > 1 and len(lines) > 1]
    spaced = [("TOPPADDING", (0, n), (0, n), 5) for n in headed]
    table.setStyle(
        TableStyle(
            [
                ("BOX", (0, 0), (-1, -1), 0.6, _LINE),
                ("LINEBEFORE", (1, 0), (-1, -1), 0.6, _LINE),
                ("BACKGROUND", (0, 0), (-1, 0), _HEAD),
                ("VALIGN", (0, 0), (-1, -1), "TOP"),
                ("TOPPADDING", (0, 0), (-1, -1), 1),
                ("BOTTOMPADDING", (0, 0), (-1, -1), 1),
                ("TOPPADDING", (0, 0), (-1, 0), 3),
                ("BOTTOMPADDING", (0, 0), (-1, 0), 3),
                ("TOPPADDING", (0, 1), (-1, 1), 3),
                ("BOTTOMPADDING", (0, -1), (-1, -1), 6),
                *spaced,
            ]
        )
    )
    return table


def _label(key: str, field: Filled) -> list[Flowable]:
    hint = f' <font name="{FONT}" size="8.5">({_text(field.hint)})</font>' if field.hint else ""
    found: list[Flowable] = [_Marked(f"{_text(field.label)}{hint}", _LABEL, 1, f"field {key}", _in_signs(field.label))]
    return [*found, Paragraph(_text(field.clauses), _SMALL)] if field.clauses else found


def _body(field: Filled) -> list[list[Flowable]]:
    """What stands in a field, in pieces between which it may be cut: a heading with the line that follows it."""
    found: list[list[Flowable]] = []
    for block in field.blocks:
        lines = [Paragraph(_text(line), _BODY) for line in block.lines if line.strip()]
        head = [Paragraph(_text(block.head), _HEADED)] if block.head else []
        if head or lines:
            found.append([*head, *lines[:1]])
        found.extend([line] for line in lines[1:])
    if field.signs and field.empty:
        found.append([Spacer(1, _TO_WRITE_IN), Paragraph(_text(say("log_form.date")), _SMALL)])
    elif field.empty:
        found.append([Spacer(1, _TO_WRITE_IN)])
    return found or [[Spacer(1, 4)]]


def _text(text: str) -> str:
    return escape(_in_signs(text))


def _in_signs(text: str) -> str:
    """What the font has no sign for: an accent is left out, and a picture stands by its name, since it may say it all."""
    return "".join(c if shows(c) else _in_words(c) for c in text)


def _in_words(character: str) -> str:
    kind = unicodedata.category(character)
    if kind.startswith("S"):
        return f"[{unicodedata.name(character, '?').lower()}]"
    if kind in _UNSEEN:
        return ""
    plain = unicodedata.normalize("NFKD", character)[0]
    return plain if shows(plain) else "?"


def _has_signs(text: str) -> bool:
    """Whether nothing of it has to stand as a question mark."""
    return all(shows(c) or c.isspace() or _in_words(c) != "?" for c in text)
