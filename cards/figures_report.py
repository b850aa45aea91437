"""The report for governors: the figures of some terms, what its tables say, and as CSV and an HTML page. docs/figures.md.

The page stands by itself and has no script. Each chart is told in words too, and its numbers stand in the table below it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from html import escape

from cards.figures import Shown, about, days_of, minutes_of, name_of, number, shown
from cards.spreadsheet import csv_of
from cards.texts import day_of, say
from domain.figures import Figures, together
from domain.people import School

_MOST_ROWS, _MOST_BARS, _MOST_TERMS = 12, 30, 4
COLOURS = ("#1d4e89", "#b3541e", "#2f6b3a", "#6b3fa0", "#8a1c4a")
"""Each stands out from white by more than 4.5 to 1. What a bar stands for is written beside it, too."""
_BAR, _GAP, _LEFT, _WIDE = 18, 10, 260, 760


@dataclass(frozen=True, slots=True)
class Column:
    """Figures that stand beside others, and what they are called there. `year`: of several terms; `adds_up`: of the others."""

    name: str
    figures: Figures
    year: bool = False
    adds_up: bool = False


@dataclass(frozen=True, slots=True)
class Report:
    """The figures of some terms for governors. The first column is the term before them, if there is one."""

    school: School
    columns: tuple[Column, ...]
    tables: tuple[Shown, ...]
    made: date

    @property
    def base(self) -> int:
        """What every number is a multiple of."""
        return self.columns[-1].figures.base

    @property
    def title(self) -> str:
        """What it is called."""
        return say("figures.report_title")

    @property
    def subtitle(self) -> str:
        """For which school, and when it was made."""
        return say("figures.report_made", school=self.school.name, day=day_of(self.made))

    @property
    def names(self) -> tuple[str, ...]:
        """What the columns are called."""
        return tuple(column.name for column in self.columns)

    @property
    def notes(self) -> tuple[str, ...]:
        """How to read it."""
        return about(self.columns[-1].figures, year=self.columns[-1].year)

    @property
    def overview(self) -> tuple[tuple[str, ...], ...]:
        """What stands first: of each column its days, its number of reports, and how soon somebody answered."""
        return (
            (say("figures.period"), *(days_of(c.figures.span) for c in self.columns)),
            (say("figures.total"), *(number(c.figures.total, c.figures) for c in self.columns)),
            (say("figures.minutes"), *("" if c.year else minutes_of(c.figures) for c in self.columns)),
        )

    def told(self, counts: Sequence[int | None]) -> tuple[str, ...]:
        """The numbers of a row as they are told."""
        return tuple(number(n, c.figures) for n, c in zip(counts, self.columns, strict=False))

    @property
    def drawn(self) -> tuple[Column, ...]:
        """The columns that charts show: not the sum of the others."""
        return tuple(c for c in self.columns if not c.adds_up)

    def bars(self, table: Shown) -> tuple[tuple[str, tuple[int | None, ...]], ...]:
        """The rows of a table that a chart has room for and that have something to show, with a number for each of `drawn`."""
        rows = [(name, counts[: len(self.drawn)]) for name, counts in table.rows]
        some = [row for row in rows if any(row[1])]
        room = min(_MOST_ROWS, max(2, _MOST_BARS // len(self.drawn)))
        most = sorted(some, key=lambda row: -max(n or 0 for n in row[1]))[:room]
        return tuple(row for row in some if row in most)

    def chart_told(self, table: Shown) -> str:
        """A chart in words."""
        named = ((row, zip(self.drawn, self.told(counts), strict=False)) for row, counts in self.bars(table))
        rows = "; ".join(f"{row}: {', '.join(f'{c.name} {n}' for c, n in told)}" for row, told in named)
        return say("figures.report_chart", rows=rows)


def report_of(school: School, terms: Sequence[Figures], before: Figures | None, made: date) -> Report:
    """The report of some terms, in order, with the term before them; of more than four, a column for each school year."""
    if len(terms) > _MOST_TERMS:
        columns = [_of_year([t for t in terms if t.span.year == year]) for year in dict.fromkeys(t.span.year for t in terms)]
    else:
        columns = [Column(say("figures.report_before", name=name_of(before.span)), before)] if before is not None else []
        columns += [Column(name_of(term.span), term) for term in terms]
        if len(terms) > 1:
            columns.append(Column(say("figures.report_all_terms"), together(terms), year=True, adds_up=True))
    return Report(school, tuple(columns), shown(school, [c.figures for c in columns]), made)


def _of_year(terms: Sequence[Figures]) -> Column:
    year = together(terms)
    return Column(name_of(year.span, year=True), year, year=True)


def csv_report(report: Report) -> str:
    """A line for each row of each table."""
    heads = (say("figures.report_table"), say("figures.row"), *report.names)
    rows = [("", *line) for line in report.overview]
    rows += [(t.title, name, *report.told(counts)) for t in report.tables for name, counts in t.rows]
    return csv_of(heads, rows)


def html_report(report: Report) -> str:
    """The report as a page."""
    sections = "".join(_section(report, table) for table in report.tables)
    contents = "".join(f'<li><a href="#{t.table}">{_e(t.title)}</a></li>' for t in report.tables)
    notes = "".join(f"<p>{_e(line)}</p>" for line in report.notes)
    title = f"{report.title}: {report.school.name}"
    return (
        '<!doctype html>\n<html lang="en-GB"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        f"<title>{_e(title)}</title><style>{_STYLE}</style></head><body>"
        f'<a class="skip" href="#figures">{_e(say("figures.report_skip"))}</a>'
        f"<header><h1>{_e(report.title)}</h1><p>{_e(report.subtitle)}</p></header>"
        f'<nav aria-labelledby="contents"><h2 id="contents">{_e(say("figures.report_contents"))}</h2><ul>{contents}</ul></nav>'
        f'<main id="figures"><section><h2>{_e(say("figures.report_about"))}</h2>{notes}'
        f"{_table(report, report.title, report.overview)}</section>{sections}</main></body></html>\n"
    )


def _section(report: Report, table: Shown) -> str:
    rows = [(name, *report.told(counts)) for name, counts in table.rows]
    return (
        f'<section><h2 id="{table.table}">{_e(table.title)}</h2>'
        f"{_chart(report, table)}{_table(report, table.title, rows)}</section>"
    )


def _table(report: Report, caption: str, rows: Sequence[Sequence[str]]) -> str:
    heads = "".join(f'<th scope="col">{_e(name)}</th>' for name in (say("figures.row"), *report.names))
    body = "".join(
        f'<tr><th scope="row">{_e(first)}</th>{"".join(f"<td>{_e(cell)}</td>" for cell in cells)}</tr>'
        for first, *cells in rows
    )
    return (
        f'<div class="wide" role="region" tabindex="0" aria-label="{_e(caption)}">'
        f"<table><caption>{_e(caption)}</caption><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _chart(report: Report, table: Shown) -> str:
    bars = report.bars(table)
    if not bars:
        return ""
    most = max(n or 0 for _, counts in bars for n in counts)
    high = _BAR * len(report.drawn) + _GAP
    drawn = [_row_of_bars(report, name, counts, place * high, most) for place, (name, counts) in enumerate(bars)]
    key = "".join(
        f'<li><span aria-hidden="true" style="background:{COLOURS[n % len(COLOURS)]}"></span>{_e(name)}</li>'
        for n, name in enumerate(c.name for c in report.drawn)
    )
    told = f"chart-{table.table}"
    return (
        f'<figure><ul class="key">{key}</ul>'
        f'<div class="wide" role="region" tabindex="0" aria-label="{_e(say("figures.report_drawn", title=table.title))}">'
        f'<svg role="img" aria-labelledby="{told}" viewBox="0 0 {_WIDE} {high * len(bars)}">'
        f'<title id="{told}">{_e(report.chart_told(table))}</title>{"".join(drawn)}</svg></div></figure>'
    )


def _row_of_bars(report: Report, name: str, counts: Sequence[int | None], top: int, most: int) -> str:
    middle = top + _BAR * len(counts) / 2 + 5
    label = name if len(name) <= 38 else name[:37].rstrip() + "\u2026"
    parts = [f'<text x="{_LEFT - 8}" y="{middle:.0f}" text-anchor="end">{_e(label)}</text>']
    for n, (count, told) in enumerate(zip(counts, report.told(counts), strict=True)):
        wide = (_WIDE - _LEFT - 110) * (count or 0) / most
        y = top + n * _BAR
        fill = COLOURS[n % len(COLOURS)]
        parts.append(f'<rect x="{_LEFT}" y="{y + 1}" width="{wide:.1f}" height="{_BAR - 3}" fill="{fill}"></rect>')
        parts.append(f'<text x="{_LEFT + wide + 6:.1f}" y="{y + 13}">{_e(told)}</text>')
    return "".join(parts)


def _e(text: str) -> str:
    return escape(text, quote=True)


_STYLE = """
body{font:1rem/1.5 system-ui,sans-serif;color:#1a1a1a;background:#fff;max-width:60rem;margin:0 auto;padding:1rem}
h1{font-size:1.8rem;margin:.5rem 0}h2{font-size:1.25rem;margin:2rem 0 .5rem}
a{color:#1d4e89}a:focus,.wide:focus{outline:3px solid #b3541e;outline-offset:2px}
.skip{position:absolute;left:-99rem}.skip:focus{position:static}
.wide{overflow-x:auto}table{border-collapse:collapse;width:100%;margin:.5rem 0}
caption{text-align:left;font-weight:600;padding:.25rem 0}
th,td{border:1px solid #6b6b6b;padding:.35rem .6rem;text-align:left;vertical-align:top}
thead th{background:#e8edf3}tbody th{font-weight:400}
figure{margin:.5rem 0}svg{width:100%;min-width:38rem;height:auto}svg text{font-size:13px;fill:#1a1a1a}
.key{list-style:none;padding:0;margin:.25rem 0;display:flex;flex-wrap:wrap;gap:.25rem 1.25rem}
.key span{display:inline-block;width:.9em;height:.9em;margin-right:.4em}
@media print{nav,.skip{display:none}section{break-inside:avoid}.wide{overflow:visible}}
"""
