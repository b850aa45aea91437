"""Figures for governors: what a term's reports come to, published so that no small count can be worked out. docs/adr/0022.

Every number is brought up or down to a multiple of a base, by chance and yet always the same for the same reports. A page is
published only if each number below the base could still be one of as many different ones, whatever is put together with what.
"""

import re
from collections import deque
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from functools import cache
from hashlib import sha256
from itertools import product
from statistics import median
from typing import Any, TypeAlias
from zoneinfo import ZoneInfo

from domain.case_changes import Result
from domain.deadlines import SchoolCalendar
from domain.people import School
from domain.policy import Policy
from domain.routing import Facts, route
from domain.words import About, FourC, Role

USUAL_BASE, LEAST_BASE, MOST_BASE = 5, 3, 20
BULLYING = frozenset({"cyberbullying"})
"""Concerns that are counted apart, and in none of the four areas of risk."""
SEVERAL, UNKNOWN, NOBODY = "several", "unknown", "nobody"
YEAR, RUNNING = "year", "now"
"""What stands for a whole school year, and for the term that runs, where a term could."""
_MOST_ATTEMPTS = 5000
"""No page has needed twenty."""
_ABOUT = tuple(a for a in About if a not in (About.STAFF, About.HEADTEACHER))
_FORM = re.compile(r"\s*(?:year|yr|y)?\s*(1[0-3]|[1-9])(?![0-9])", re.IGNORECASE)
_RECEPTION = re.compile(r"\s*(?:r|yr|rec|reception)\b", re.IGNORECASE)
_LAST_YEAR = 13


class FiguresError(Exception):
    """Figures cannot be published."""


class Season(StrEnum):
    """The three terms. A half-term holiday parts none of them in two."""

    AUTUMN = "autumn"
    SPRING = "spring"
    SUMMER = "summer"


_LAST_DAYS = {Season.AUTUMN: (12, 31), Season.SPRING: (3, 31), Season.SUMMER: (7, 31)}
"""Where the school has not said."""
_USUAL_ENDS = {Season.AUTUMN: (12, 18), Season.SPRING: (3, 27), Season.SUMMER: (7, 20)}
"""By when there is mostly no school any more."""
_FEW_DAYS = 14


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """The days whose reports a term's figures count: the holiday before it belongs to it. Both days are in it.

    `year` is the calendar year in which the school year begins.
    """

    first: date
    last: date
    season: Season
    year: int

    @property
    def id(self) -> str:
        """What stands for it in a button: `2026-autumn`."""
        return f"{self.year}-{self.season}"


def spans(calendar: SchoolCalendar, since: date, until: date) -> tuple[Span, ...]:
    """Every span that has a day between the two, in order. No day is in two, and none in none."""
    found: list[Span] = []
    before: date | None = None
    for year in range(school_year(since) - 1, school_year(until) + 2):
        for season in Season:
            last = _last_day(calendar, year, season)
            if before is not None and last <= before:
                continue
            if before is not None and before < until and last >= since:
                found.append(Span(before + timedelta(days=1), last, season, year))
            before = last
    return tuple(found)


_FIRST_DAYS = {Season.AUTUMN: (9, 1), Season.SPRING: (1, 4), Season.SUMMER: (4, 15)}
"""Where the school has not said."""


def first_school_day(calendar: SchoolCalendar, year: int, season: Season) -> date:
    """The first school day of a term; `year` is the calendar year in which the school year begins."""
    known = [t.first for t in calendar.terms if (school_year(t.first), _season(t.first)) == (year, season)]
    month, day = _FIRST_DAYS[season]
    found = min(known, default=date(year if season is Season.AUTUMN else year + 1, month, day))
    return next((d for n in range(_FEW_DAYS) if calendar.is_school_day(d := found + timedelta(days=n))), found)


def last_school_day(calendar: SchoolCalendar, year: int, season: Season) -> date:
    """The last school day of a term."""
    known = _last_day(calendar, year, season, _USUAL_ENDS)
    return calendar.last_school_day(known)


def _last_day(
    calendar: SchoolCalendar, year: int, season: Season, unsaid: Mapping[Season, tuple[int, int]] = _LAST_DAYS
) -> date:
    known = [t.last for t in calendar.terms if (school_year(t.first), _season(t.first)) == (year, season)]
    month, day = unsaid[season]
    return max(known, default=date(year if season is Season.AUTUMN else year + 1, month, day))


def _season(first: date) -> Season:
    return Season.AUTUMN if first.month >= 8 else Season.SPRING if first.month < 4 else Season.SUMMER


def school_year(day: date) -> int:
    """The calendar year in which the school year of a day began."""
    return day.year if day.month >= 8 else day.year - 1


class Table(StrEnum):
    """By what reports are counted. Every report is in one row of each."""

    KIND = "kind"
    CONCERN = "concern"
    YEAR = "year"
    ROLE = "role"
    ANSWERED = "answered"
    OUTCOME = "outcome"


_ENDED = "ended"
IN_TIME, LATE = "in_time", "late"
CLOSED, OPEN = "closed", "open"
"""Closed, where nobody said how it ended in a word, and of terms before that was counted; and still open."""
BULLYING_ROW = "bullying"


@dataclass(frozen=True, slots=True)
class Counted:
    """A report as figures know it. `forms`: of the pupils in it who are on the school's list, as they are called now.

    `answered_at`: when it was first acknowledged. `role`: to whom it went first; None for nobody. `result`: how it ended, where
    it is closed and somebody said so.
    """

    id: str
    reported_at: datetime
    due_at: datetime
    concern: str
    role: Role | None
    closed: bool
    answered_at: datetime | None = None
    forms: tuple[str, ...] = ()
    result: Result | None = None


Cell: TypeAlias = tuple[Table, str] | None
"""A row of a table; None for the number of all reports."""


@dataclass(frozen=True, slots=True)
class Figures:
    """What is published of a span: multiples of `base`. `minutes`: the median until somebody answered, where many did.

    `terms`: from how many terms, rounded one by one, it is added up.
    """

    span: Span
    made_at: datetime
    base: int
    total: int
    tables: Mapping[Table, Mapping[str, int]]
    minutes: int | None = None
    id: str = ""
    terms: int = 1

    @property
    def off(self) -> int:
        """How much too high or too low a number may be; what is not shown may be as many."""
        return self.terms * (self.base - 1)

    def kept(self) -> dict[str, Any]:
        """As it is kept. A version before knows of each outcome only whether it is one: how they ended stands apart."""
        tables = {table.value: dict(rows) for table, rows in self.tables.items()}
        ended = tables.get(Table.OUTCOME, {})
        still_open = ended.get(OPEN, 0)
        tables[Table.OUTCOME.value] = {CLOSED: sum(ended.values()) - still_open, OPEN: still_open}
        return {"base": self.base, "total": self.total, "minutes": self.minutes, "tables": tables, _ENDED: ended}


def of_kept(span: Span, made_at: datetime, kept: Mapping[str, Any], figures_id: str) -> Figures:
    """The figures of what was kept."""
    tables = {Table(name): dict(rows) for name, rows in kept["tables"].items()}
    tables[Table.OUTCOME] = dict(kept.get(_ENDED, tables.get(Table.OUTCOME, {})))
    return Figures(span, made_at, kept["base"], kept["total"], tables, kept["minutes"], figures_id)


def together(figures: Iterable[Figures]) -> Figures:
    """The terms of a year as one: what was published, added up, so that it says nothing that the terms do not.

    Raises:
        ValueError: there are none.
    """
    terms = sorted(figures, key=lambda f: f.span)
    if not terms:
        raise ValueError("no term has figures yet")
    tables: dict[Table, dict[str, int]] = {table: {} for table in Table}
    for term, table in product(terms, Table):
        for key, number in term.tables[table].items():
            tables[table][key] = tables[table].get(key, 0) + number
    span = Span(terms[0].span.first, terms[-1].span.last, terms[-1].span.season, terms[-1].span.year)
    base = max(term.base for term in terms)
    return Figures(span, terms[-1].made_at, base, sum(t.total for t in terms), tables, terms=len(terms))


@dataclass(frozen=True, slots=True)
class FiguresPage:
    """What was asked for, the same of the term or the year before, and what else there is to choose, the newest first.

    `figures` is None as long as no term is over. `running`: the term that runs may be chosen; `is_running`: it was.
    """

    figures: Figures | None
    before: Figures | None = None
    terms: tuple[Span, ...] = ()
    years: tuple[int, ...] = ()
    running: bool = False
    is_running: bool = False
    is_year: bool = False


@dataclass(frozen=True, slots=True)
class Layout:
    """The rows there are, and what anybody can know beforehand: which kind a concern is of, and to whom it may go first.

    It does not turn on the reports, so that a row tells nothing by being there.
    """

    concerns: Mapping[str, str]
    years: tuple[str, ...]
    roles: Mapping[str, frozenset[str]]
    stand_ins: tuple[str, ...] = ()
    results: tuple[str, ...] = tuple(Result)

    @property
    def alone(self) -> dict[str, str]:
        """The kinds of which there is one concern, with that."""
        kinds = list(self.concerns.values())
        return {kind: concern for concern, kind in self.concerns.items() if kinds.count(kind) == 1}

    @property
    def told(self) -> tuple[str, ...]:
        """Every role to which a report may go first."""
        return tuple(dict.fromkeys((*(r for roles in self.roles.values() for r in sorted(roles)), *self.stand_ins)))

    def cells(self) -> Iterator[tuple[Table, str]]:
        """Every row."""
        rows: Mapping[Table, Collection[str]] = {
            Table.KIND: (*FourC, BULLYING_ROW),
            Table.CONCERN: self.concerns,
            Table.YEAR: (*self.years, SEVERAL, UNKNOWN),
            Table.ROLE: (*self.told, NOBODY),
            Table.ANSWERED: (IN_TIME, LATE),
            Table.OUTCOME: (*self.results, CLOSED, OPEN),
        }
        return ((table, key) for table, keys in rows.items() for key in keys)


def layout(school: School) -> Layout:
    """The rows of a school's figures."""
    policy = school.policy
    listed = [c for c in policy.concerns.values() if not c.private]
    kinds = {c.id: BULLYING_ROW if c.id in BULLYING else c.four_c.value for c in listed}
    years = sorted({year for form in school.forms if (year := year_of(form)) is not None}) or range(_LAST_YEAR + 1)
    roles = {c: _first_roles(policy, c) for c in kinds}
    named = {Role(r) for found in roles.values() for r in found}
    # Where somebody is kept out of a case, another role is asked in their place: its row must not tell of that.
    stand_ins = {r for role in named for r in policy.ladder(role)} | {Role.HEADTEACHER, Role.CHAIR_OF_GOVERNORS}
    return Layout(kinds, tuple(str(year) for year in years), roles, tuple(sorted(stand_ins)))


@cache
def _first_roles(policy: Policy, concern: str) -> frozenset[str]:
    asked = product(_ABOUT, (False, True), (False, True), (False, True))
    routes = (route(policy, Facts(concern, *facts)) for facts in asked)
    return frozenset(str(r.notify[0]) for r in routes if r.notify)


def year_of(form: str) -> int | None:
    """The year group of a form, 0 for reception; None where its name does not say."""
    if _RECEPTION.match(form):
        return 0
    found = _FORM.match(form)
    return int(found.group(1)) if found else None


def year_of_lists(calendar: SchoolCalendar, today: date) -> int:
    """The school year after which forms are called: until the autumn term begins, the one that was."""
    return today.year if today >= first_school_day(calendar, today.year, Season.AUTUMN) else today.year - 1


def rows_of(report: Counted, plan: Layout, zone: ZoneInfo, lists_of: int) -> tuple[tuple[Table, str], ...]:
    """The rows in which a report is counted. `lists_of`: the school year after which forms are called now."""
    concern = report.concern if report.concern in plan.concerns else "other" if "other" in plan.concerns else ""
    concern = concern or next(iter(plan.concerns))
    ago = lists_of - school_year(report.reported_at.astimezone(zone).date())
    known = {None if (year := year_of(form)) is None else str(year - ago) for form in report.forms}
    years = {year if year in plan.years else UNKNOWN for year in known}
    in_time = report.answered_at is not None and report.answered_at <= report.due_at
    return (
        (Table.KIND, plan.concerns[concern]),
        (Table.CONCERN, concern),
        (Table.YEAR, SEVERAL if len(years) > 1 else next(iter(years), UNKNOWN)),
        (Table.ROLE, str(report.role) if report.role in plan.told else NOBODY),
        (Table.ANSWERED, IN_TIME if in_time else LATE),
        (Table.OUTCOME, (report.result or CLOSED) if report.closed else OPEN),
    )


def publish(school: School, span: Span, reports: Iterable[Counted], now: datetime) -> Figures:
    """The figures of a span's reports. The same reports, as they stand, give the same page."""
    plan, base, zone = layout(school), school.figures_base, school.calendar.timezone
    counted = sorted(reports, key=lambda r: r.id)
    lists_of = year_of_lists(school.calendar, now.astimezone(zone).date())
    placed = {report.id: rows_of(report, plan, zone, lists_of) for report in counted}
    numbers = brought(plan, placed, base)
    tables: dict[Table, dict[str, int]] = {table: {} for table in Table}
    for cell, number in numbers.items():
        if cell is not None:
            tables[cell[0]][cell[1]] = number
    times = [(r.answered_at - r.reported_at).total_seconds() / 60 for r in counted if r.answered_at is not None]
    # So many that as many as the base have been answered in any case, which is read off the page and from nothing else.
    many = tables[Table.ANSWERED][IN_TIME] >= 2 * base
    minutes = _coarse(median(times)) if many and times else None
    return Figures(span, now, base, numbers[None], tables, minutes)


def _coarse(minutes: float) -> int:
    step = 5 if minutes < 120 else 60
    return max(step, round(minutes / step) * step)


def brought(plan: Layout, placed: Mapping[str, tuple[tuple[Table, str], ...]], base: int) -> dict[Cell, int]:
    """Every number of a page. `placed`: the rows of each report, by its id, which nobody who reads figures is ever shown.

    First each number is drawn by itself. Where that would tell too much of one, its table and the total are drawn again.
    Whether a page will do is seen from the page alone, never from what it hides, so that it says nothing that it was drawn
    again. There always is one: numbers that add up as the true ones do tell nothing of each other.

    Raises:
        FiguresError: none was found, which chance alone cannot explain.
    """
    members: dict[Cell, list[str]] = {None: sorted(placed), **{cell: [] for cell in plan.cells()}}
    for report, cells in sorted(placed.items()):
        for row in cells:
            members.setdefault(row, []).append(report)
    web = _Web.of(plan, placed, members)
    drawn: dict[Cell, int] = {}
    again: set[Table | None] = {None, *Table}
    for attempt in range(_MOST_ATTEMPTS):
        for cell, reports in members.items():
            if (cell[0] if cell is not None else None) in again:
                drawn[cell] = _drawn(cell, reports, attempt, base)
        # A kind with one concern is that concern: to be shown two numbers for one would puzzle people.
        drawn |= {(Table.KIND, kind): drawn[Table.CONCERN, concern] for kind, concern in plan.alone.items()}
        tight = web.tight(drawn, base)
        if not tight:
            return drawn
        again = {None, *(cell[0] for cell in tight if cell is not None)}
        again |= {Table.CONCERN} if Table.KIND in again else set()
    raise FiguresError(f"no page of {len(placed)} reports will do after {_MOST_ATTEMPTS} attempts")


def _drawn(cell: Cell, reports: list[str], attempt: int, base: int) -> int:
    down, rest = divmod(len(reports), base)
    if not rest:
        return len(reports)
    digest = sha256("|".join((*(cell or ()), str(attempt), *reports)).encode()).digest()
    # On the average a number stands for as many as there are.
    up = int.from_bytes(digest[:8]) * base < rest << 64
    return (down + up) * base


@dataclass(frozen=True, slots=True)
class _Edge:
    tail: str
    head: str
    cell: Cell


@dataclass(slots=True)
class _Web:
    """All that anybody can put together of a page, as one web of pipes: each report flows once through every table.

    What flows in a pipe is a row's count. What can be known of it is how little and how much may flow there, with every pipe
    within what its published number allows. `flow` is what truly flows: to begin from, and of no bearing on the answer.
    """

    edges: list[_Edge]
    flow: list[int]
    by_node: dict[str, list[tuple[int, bool]]] = field(default_factory=dict)

    @classmethod
    def of(cls, plan: Layout, placed: Mapping[str, tuple[tuple[Table, str], ...]], members: Mapping[Cell, list[str]]) -> "_Web":
        pairs: dict[tuple[str, str], int] = {(c, r): 0 for c, roles in plan.roles.items() for r in roles}
        for cells in placed.values():
            row = dict(cells)
            pair = (row[Table.CONCERN], row[Table.ROLE])
            pairs[pair] = pairs.get(pair, 0) + 1
        web = cls([], [])
        for cell, reports in members.items():
            tail, head = _ends(plan, cell)
            web.add(_Edge(tail, head, cell), len(reports))
        for (concern, role), number in pairs.items():
            # That nobody was asked says so little that it counts as known of no concern.
            web.add(_Edge(f"concern {concern}", f"role {role}", None), number, free=True)
        return web

    def add(self, edge: _Edge, number: int, *, free: bool = False) -> None:
        place = len(self.edges)
        self.edges.append(_Edge(edge.tail, edge.head, (Table.ROLE, "") if free else edge.cell))
        self.flow.append(number)
        self.by_node.setdefault(edge.tail, []).append((place, True))
        self.by_node.setdefault(edge.head, []).append((place, False))

    def tight(self, drawn: Mapping[Cell, int], base: int) -> list[Cell]:
        """The rows of which a page would tell too much: few enough reports, and fewer possible numbers than the base."""
        least = [max(0, drawn[e.cell] - base + 1) if e.cell in drawn else 0 for e in self.edges]
        most = [drawn[e.cell] + base - 1 if e.cell in drawn else drawn[None] + base for e in self.edges]
        found: list[Cell] = []
        for place, edge in enumerate(self.edges):
            if edge.cell not in drawn or drawn[edge.cell] > base:
                continue
            low = self._pushed(place, least, most, up=False)
            high = self._pushed(place, least, most, up=True)
            if high > 0 and low < base and high - low < base - 1:
                found.append(edge.cell)
        return found

    def _pushed(self, place: int, least: list[int], most: list[int], *, up: bool) -> int:
        """How little, or how much, may flow in a pipe: what flows is led round it as long as there is a way."""
        flow = list(self.flow)
        edge = self.edges[place]
        start, end = (edge.head, edge.tail) if up else (edge.tail, edge.head)
        while room := (most[place] - flow[place] if up else flow[place] - least[place]):
            way = self._way(start, end, place, flow, least, most)
            if way is None:
                break
            step = min(room, *(most[i] - flow[i] if onward else flow[i] - least[i] for i, onward in way))
            for i, onward in way:
                flow[i] += step if onward else -step
            flow[place] += step if up else -step
        return flow[place]

    def _way(
        self, start: str, end: str, barred: int, flow: list[int], least: list[int], most: list[int]
    ) -> list[tuple[int, bool]] | None:
        came: dict[str, tuple[str, tuple[int, bool]]] = {}
        ahead = deque([start])
        while ahead:
            node = ahead.popleft()
            for i, onward in self.by_node[node]:
                there = self.edges[i].head if onward else self.edges[i].tail
                free = flow[i] < most[i] if onward else flow[i] > least[i]
                if i == barred or not free or there in came or there == start:
                    continue
                came[there] = (node, (i, onward))
                if there == end:
                    way = []
                    while there != start:
                        there, step = came[there]
                        way.append(step)
                    return way
                ahead.append(there)
        return None


def _ends(plan: Layout, cell: Cell) -> tuple[str, str]:
    match cell:
        case None:
            return "last", "first"
        case (Table.KIND, key):
            return "first", f"kind {key}"
        case (Table.CONCERN, key):
            return f"kind {plan.concerns[key]}", f"concern {key}"
        case (Table.ROLE, key):
            return f"role {key}", Table.YEAR
        case (Table.YEAR, _):
            return Table.YEAR, Table.ANSWERED
        case (Table.ANSWERED, _):
            return Table.ANSWERED, Table.OUTCOME
        case _:
            return Table.OUTCOME, "last"
