"""Figures as a card: a term or a school year in rounded numbers, beside the one before."""

from collections.abc import Sequence
from dataclasses import dataclass

from cards.clauses import points
from cards.model import Banner, Button, Buttons, Card, Fact, Facts, Part, Text, Tone, Weight
from cards.model import Table as Rows
from cards.texts import day_of, listed, say
from domain.case_changes import Result
from domain.figures import NOBODY, RUNNING, SEVERAL, UNKNOWN, YEAR, Figures, FiguresPage, Span, Table
from domain.messages import FiguresMessage
from domain.people import School
from domain.words import Role

CHOOSE_FIGURES = "choose_figures"
_MOST_TERMS, _MOST_YEARS = 6, 2


@dataclass(frozen=True, slots=True)
class Shown:
    """A table with the names of its rows, and a number for each of the figures that stand beside one another.

    None where a term's figures were made before that was counted.
    """

    table: Table
    title: str
    rows: tuple[tuple[str, tuple[int | None, ...]], ...]


def shown(school: School, figures: Sequence[Figures]) -> tuple[Shown, ...]:
    """The tables of figures, rows in the order in which the policy and the school have them."""
    found = []
    for table in Table:
        keys = dict.fromkeys(key for one in figures for key in one.tables.get(table, {}))
        rows = tuple((row_name(school, table, k), tuple(_count(f, table, k) for f in figures)) for k in keys)
        found.append(Shown(table, say(f"figures.table_{table}"), rows))
    return tuple(found)


def _count(figures: Figures, table: Table, key: str) -> int | None:
    """How often. Of a row that a term did not have there was none; but how its cases ended may not have been counted then."""
    rows = figures.tables.get(table, {})
    return rows.get(key, None if table is Table.OUTCOME else 0)


def row_name(school: School, table: Table, key: str) -> str:
    """What a row is called."""
    match table:
        case Table.CONCERN:
            known = school.policy.concerns.get(key)
            return known.label if known is not None else key
        case Table.ROLE:
            return say("figures.role_nobody") if key == NOBODY else school.policy.role_title(Role(key))
        case Table.YEAR if key not in (SEVERAL, UNKNOWN, "0"):
            return say("figures.year_number", year=key)
        case Table.YEAR:
            return say(f"figures.year_{key}")
        case Table.KIND:
            return say(f"figures.kind_{key}")
        case Table.ANSWERED:
            return say(f"figures.answered_{key}")
        case Table.OUTCOME:
            return say(f"result.{key}") if key in set(Result) else say(f"figures.outcome_{key}")


def number(count: int | None, figures: Figures) -> str:
    """A number as it is told: what was rounded down to none says that there may be some."""
    if count is None:
        return say("figures.not_counted")
    return str(count) if count else say("figures.few", base=figures.off + 1)


def name_of(span: Span, *, year: bool = False) -> str:
    """What a term or a school year is called."""
    if year:
        return say("figures.year", first=span.year, last=span.year + 1)
    return say("figures.term", season=say(f"figures.season_{span.season}"), year=span.last.year)


def days_of(span: Span) -> str:
    """Which days it counts."""
    return say("figures.days", first=day_of(span.first), last=day_of(span.last))


def minutes_of(figures: Figures) -> str:
    """The median time until somebody answered."""
    minutes = figures.minutes
    if minutes is None:
        return say("figures.minutes_unknown")
    return say("figures.minutes_few", count=minutes) if minutes < 120 else say("figures.minutes_many", count=minutes // 60)


def about(figures: Figures, *, year: bool) -> tuple[str, ...]:
    """How the numbers are to be read, and what is not in them."""
    told = say("figures.about", base=figures.base, off=figures.base - 1)
    return (told, *((say("figures.about_year", off=figures.off),) if year else ()), say("figures.left_out"))


def figures_card(school: School, page: FiguresPage) -> Card:
    """What was asked for, and the buttons to ask for another."""
    figures, ways = page.figures, _ways(page)
    if figures is None:
        return Card(say("figures.none_title"), say("figures.none"), (Banner(say("figures.none"), Tone.INFO), *ways))
    first = (Banner(say("figures.running"), Tone.INFO),) if page.is_running else ()
    parts = (*first, *_head(figures, page.before, year=page.is_year), *_tables(school, figures, page.before, year=page.is_year))
    told = (Text(line, Weight.MUTED) for line in about(figures, year=page.is_year))
    name = name_of(figures.span, year=page.is_year)
    title = say("figures.title_running" if page.is_running else "figures.title", name=name)
    return Card(title, say("figures.summary"), (*parts, *told, *ways))


def figures_message(school: School, m: FiguresMessage) -> Card:
    """To those who are sent them: the head of it, and the button to see the rest."""
    name = name_of(m.figures.span, year=m.year)
    cites = points(school, school.policy.figures_cites)
    by_policy = (Text(say("figures.by_policy", clauses=listed(cites, "and")), Weight.MUTED),) if cites else ()
    wanted = f"{m.figures.span.year}-{YEAR}" if m.year else m.figures.span.id
    kinds = _tables(school, m.figures, m.before, year=m.year)[:2]
    button = Button(CHOOSE_FIGURES, say("figures.show_all"), wanted)
    told = (Text(line, Weight.MUTED) for line in about(m.figures, year=m.year))
    parts = (
        Banner(say("figures.draft"), Tone.INFO),
        *by_policy,
        *_head(m.figures, m.before, year=m.year),
        *kinds,
        *told,
        Buttons((button,)),
    )
    return Card(say("figures.message_title", name=name), say("figures.message_summary", name=name), parts)


def _head(figures: Figures, before: Figures | None, *, year: bool) -> tuple[Part, ...]:
    facts = [
        Fact(say("figures.period"), days_of(figures.span)),
        Fact(say("figures.total"), number(figures.total, figures)),
    ]
    if before is not None:
        name = say("figures.before", name=name_of(before.span, year=year))
        facts.append(Fact(name, number(before.total, before)))
    if not year:
        facts.append(Fact(say("figures.minutes"), minutes_of(figures)))
    return (Facts(tuple(facts)),)


def _tables(school: School, figures: Figures, before: Figures | None, *, year: bool) -> tuple[Part, ...]:
    """Rows of which there may be none stand together in a line: they all say the same."""
    beside = (figures,) if before is None else (figures, before)
    columns = (say("figures.row"), *(name_of(one.span, year=year) for one in beside))
    parts: list[Part] = []
    for one in shown(school, beside):
        few = [name for name, counts in one.rows if all(count == 0 for count in counts)]
        many = [(name, counts) for name, counts in one.rows if name not in few]
        cells = tuple((name, *(number(c, f) for c, f in zip(counts, beside, strict=True))) for name, counts in many)
        parts.append(Text(one.title, Weight.HEADING))
        if cells:
            parts.append(Rows(one.title, columns, cells, ""))
        if few:
            # It is said of both: of a year there may be more behind it than of a term.
            parts.append(Text(say("figures.rows_few", base=max(each.off for each in beside) + 1, rows="; ".join(few))))
    return tuple(parts)


def _ways(page: FiguresPage) -> tuple[Part, ...]:
    years = [(name_of(span, year=True), f"{span.year}-{YEAR}") for span in _ended(page)]
    terms = [(name_of(span), span.id) for span in page.terms[:_MOST_TERMS]]
    running = [(say("figures.now"), RUNNING)] if page.running else []
    buttons = tuple(Button(CHOOSE_FIGURES, label, value) for label, value in (*running, *terms, *years))
    return (Text(say("figures.choose")), Buttons(buttons)) if buttons else ()


def _ended(page: FiguresPage) -> list[Span]:
    newest: dict[int, Span] = {span.year: span for span in page.terms if span.year in page.years}
    return list(newest.values())[:_MOST_YEARS]
