"""No small count can be worked out of what is published: held by trying every school year that there could have been."""

import itertools
import json
import random
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.settings import DEMO_SCHOOLS
from domain.case_changes import Result
from domain.deadlines import SchoolCalendar, Term
from domain.figures import (
    CLOSED,
    IN_TIME,
    LATE,
    OPEN,
    Cell,
    Counted,
    Layout,
    Season,
    Span,
    Table,
    brought,
    layout,
    of_kept,
    publish,
    spans,
    together,
    year_of,
)
from domain.people import School
from domain.words import Role
from storage.school_files import load_schools

NOW = datetime(2026, 12, 20, 9, tzinfo=UTC)
AUTUMN = Span(date(2026, 8, 1), date(2026, 12, 18), Season.AUTUMN, 2026)
Row = tuple[tuple[Table, str], ...]

# A school so small that every term it could have had can be tried: three concerns of two kinds, two roles, two years.
PLAN = Layout(
    {"a": "content", "b": "content", "c": "bullying"},
    ("7", "8"),
    {"a": frozenset({"dsl"}), "b": frozenset({"dsl", "it"}), "c": frozenset({"it"})},
    results=(Result.REFERRED,),
)
PAIRS = [("a", "dsl"), ("b", "dsl"), ("b", "it"), ("c", "it")]
OUTCOMES = (Result.REFERRED, CLOSED, OPEN)
YEARS = ("7", "8", "several", "unknown")
CELLS: list[Cell] = [None, *PLAN.cells()]
Page = Mapping[Cell, int]


def rows(pair: tuple[str, str], year: str, *, late: bool, outcome: str) -> Row:
    concern, role = pair
    return (
        (Table.KIND, PLAN.concerns[concern]),
        (Table.CONCERN, concern),
        (Table.YEAR, year),
        (Table.ROLE, role),
        (Table.ANSWERED, LATE if late else IN_TIME),
        (Table.OUTCOME, outcome),
    )


def placed(pairs: Sequence[int], years: Sequence[int], late: int, still_open: int, seed: object) -> dict[str, Row]:
    """Reports with so many of each; the same numbers with another seed are other reports."""
    number = sum(pairs)
    chosen = [pair for pair, many in zip(PAIRS, pairs, strict=True) for _ in range(many)]
    of_year = [year for year, many in zip(YEARS, years, strict=True) for _ in range(many)]
    return {
        f"{seed}-{n}": rows(
            chosen[n],
            of_year[n],
            late=n < late,
            outcome=OPEN if number - n <= still_open else CLOSED if n % 3 else Result.REFERRED,
        )
        for n in range(number)
    }


def counts(reports: Mapping[str, Row]) -> dict[Cell, int]:
    found: Counter[Cell] = Counter(cell for cells in reports.values() for cell in cells)
    return {cell: found[cell] if cell is not None else len(reports) for cell in CELLS}


@cache
def sums(number: int, parts: int) -> tuple[tuple[int, ...], ...]:
    """Every way to part so many reports among so many rows."""
    if parts == 1:
        return ((number,),)
    return tuple((first, *rest) for first in range(number + 1) for rest in sums(number - first, parts - 1))


def fits(page: Page, cell: Cell, number: int, base: int) -> bool:
    """Whether a count could have been published as it was: it is brought to the next multiple below or above."""
    return abs(page[cell] - number) < base


def possible(page: Page, base: int, most: int) -> dict[Cell, set[int]]:
    """What each count could be, for somebody who has the page and all the time in the world: every term is tried."""
    found: dict[Cell, set[int]] = {cell: set() for cell in CELLS}
    for number in range(most + 1):
        if not fits(page, None, number, base):
            continue
        by_stage = [
            _stage(page, base, number, (_routed(pairs) for pairs in sums(number, len(PAIRS)))),
            _stage(page, base, number, (_named(Table.YEAR, YEARS, parts) for parts in sums(number, len(YEARS)))),
            _stage(page, base, number, (_named(Table.ANSWERED, (IN_TIME, LATE), parts) for parts in sums(number, 2))),
            _stage(page, base, number, (_named(Table.OUTCOME, OUTCOMES, parts) for parts in sums(number, 3))),
        ]
        if all(by_stage):
            found[None].add(number)
            for stage in by_stage:
                for cell, numbers in stage.items():
                    found[cell] |= numbers
    return found


def _stage(page: Page, base: int, number: int, ways: Iterator[dict[Cell, int]]) -> dict[Cell, set[int]]:
    """Of a term with so many reports, what each count of some tables may be; nothing where there is no such term."""
    found: dict[Cell, set[int]] = {}
    for way in ways:
        if all(fits(page, cell, count, base) for cell, count in way.items()):
            for cell, count in way.items():
                found.setdefault(cell, set()).add(count)
    return found


def _routed(pairs: Sequence[int]) -> dict[Cell, int]:
    found: Counter[Cell] = Counter({cell: 0 for cell in CELLS if cell and cell[0] in (Table.KIND, Table.CONCERN, Table.ROLE)})
    for (concern, role), many in zip(PAIRS, pairs, strict=True):
        for cell in ((Table.KIND, PLAN.concerns[concern]), (Table.CONCERN, concern), (Table.ROLE, role)):
            found[cell] += many
    return dict(found)


def _named(table: Table, keys: Sequence[str], parts: Sequence[int]) -> dict[Cell, int]:
    return {(table, key): many for key, many in zip(keys, parts, strict=True)}


def is_told(numbers: set[int], base: int) -> bool:
    """Whether of a count too much is known: it may be a small one, and there are fewer possibilities than the base."""
    return any(0 < n < base for n in numbers) and len(numbers) < base


@pytest.mark.parametrize("base", [3, 5])
def test_no_small_count_can_be_worked_out(base: int) -> None:
    """Hundreds of small terms, most of them full of small counts. Whoever tries every other term finds no count out."""
    chance, told, pages = random.Random(base), [], set()
    for trial in range(250 if base == 3 else 60):
        number = chance.randint(0, 9 if base == 3 else 12)
        pairs, years = chance.choice(sums(number, len(PAIRS))), chance.choice(sums(number, len(YEARS)))
        late, still_open = chance.randint(0, number), chance.randint(0, number)
        truth = placed(pairs, years, late, still_open, trial)
        page = brought(PLAN, truth, base)
        key = tuple(page.items())
        if key in pages:
            continue
        pages.add(key)
        found = possible(page, base, number + 2 * base)
        told += [(counts(truth), cell, n) for cell, n in found.items() if is_told(n, base)]
        assert all(counts(truth)[cell] in found[cell] for cell in CELLS)
    assert len(pages) > 20
    assert told == []


def test_two_rows_taken_together_tell_no_more() -> None:
    """Nor is the sum of two rows of a table a small count that somebody can find out."""
    chance, base = random.Random(8), 3
    for trial in range(60):
        number = chance.randint(0, 8)
        truth = placed(chance.choice(sums(number, 4)), chance.choice(sums(number, 4)), chance.randint(0, number), 0, trial)
        page = brought(PLAN, truth, base)
        for one, other in itertools.combinations(YEARS, 2):
            together_: set[int] = set()
            for many in range(number + 2 * base + 1):
                for parts in sums(many, len(YEARS)) if fits(page, None, many, base) else ():
                    way = _named(Table.YEAR, YEARS, parts)
                    if all(fits(page, cell, n, base) for cell, n in way.items()):
                        together_.add(way[Table.YEAR, one] + way[Table.YEAR, other])
            assert not is_told(together_, base), (counts(truth), one, other)


def test_whoever_knows_how_it_is_done_knows_no_more() -> None:
    """A page does not tell that another was thrown away before it: whatever the page allows could have made this very page."""
    base = 3
    truth = placed((2, 1, 1, 0), (1, 2, 0, 1), 1, 0, "truth")
    page = brought(PLAN, truth, base)
    others = [
        (pairs, years)
        for number in range(8)
        for pairs in sums(number, len(PAIRS))
        for years in sums(number, len(YEARS))
        if all(fits(page, cell, n, base) for cell, n in counts(placed(pairs, years, 0, 0, 0)).items())
    ]
    chance = random.Random(5)
    for pairs, years in chance.sample(others, 3):
        made = (brought(PLAN, placed(pairs, years, 0, 0, seed), base) for seed in range(60_000))
        assert any(one == page for one in made), (pairs, years)


def test_without_the_last_check_counts_could_be_worked_out() -> None:
    """What the tests above stand on: rounding alone is not enough, and trying every term finds that out."""
    base, told = 3, 0
    for number in range(1, 7):
        page: dict[Cell, int] = dict.fromkeys(CELLS, 0)
        page[None] = -(-number // base) * base
        told += any(is_told(n, base) for n in possible(page, base, number + 2 * base).values())
    assert told


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 27), st.integers(0, 5), st.booleans(), st.booleans()), max_size=60), st.integers())
def test_every_number_is_a_multiple_near_the_truth(reports: list[tuple[int, int, bool, bool]], seed: int) -> None:
    school = demo_school()
    concerns = [*layout(school).concerns, "dropped_since"]
    made = [
        Counted(
            f"{seed} {number}",
            NOW - timedelta(days=20),
            NOW - timedelta(days=19),
            concerns[c % len(concerns)],
            Role.DSL,
            closed,
            NOW - timedelta(days=19 if in_time else 10),
            (("7B", "8C", "Maple", "9F", "10B", "2X")[f],),
        )
        for number, (c, f, in_time, closed) in enumerate(reports)
    ]
    figures = publish(school, AUTUMN, made, NOW)
    again = publish(school, AUTUMN, list(reversed(made)), NOW)
    assert figures == again, "whoever asks twice must not be able to take the mean"
    numbers = [figures.total, *(n for rows in figures.tables.values() for n in rows.values())]
    assert all(n % school.figures_base == 0 for n in numbers)
    assert abs(figures.total - len(made)) < school.figures_base
    assert figures.tables[Table.KIND]["bullying"] == figures.tables[Table.CONCERN]["cyberbullying"]
    closed = sum(r.closed for r in made)
    assert abs(figures.tables[Table.OUTCOME][CLOSED] - closed) < school.figures_base


def test_a_row_tells_nothing_by_being_there() -> None:
    """Whatever was reported, the rows are the same."""
    school = demo_school()
    report = Counted("1", NOW, NOW, "gambling_spending", Role.DSL, True, NOW, ("7B",))
    stood_in, unknown = replace(report, id="2", role=Role.CHAIR_OF_GOVERNORS), replace(report, id="3", role=Role.POLICE)
    with_it, without = (publish(school, AUTUMN, reports, NOW) for reports in ((report, stood_in, unknown), ()))
    assert {t: set(rows) for t, rows in with_it.tables.items()} == {t: set(rows) for t, rows in without.tables.items()}
    assert Role.CHAIR_OF_GOVERNORS in without.tables[Table.ROLE]
    assert "staff_conduct" not in with_it.tables[Table.CONCERN]


def test_how_they_ended_is_counted_for_those_that_are_closed() -> None:
    """In the words of whoever closed them; of one that is open again, what was said before counts for nothing."""
    school = replace(demo_school(), figures_base=1)
    referred = Counted("1", NOW, NOW, "threat", Role.DSL, True, NOW, ("8C",), Result.REFERRED)
    unsaid, again = replace(referred, id="2", result=None), replace(referred, id="3", closed=False)
    told = publish(school, AUTUMN, (referred, unsaid, again), NOW).tables[Table.OUTCOME]
    assert {k: n for k, n in told.items() if n} == {Result.REFERRED: 1, CLOSED: 1, OPEN: 1}
    assert set(told) == {*Result, CLOSED, OPEN}


def test_how_they_ended_is_kept_beside_what_a_version_before_reads() -> None:
    """It knows closed and open alone, and would fail at any other row. What it has made is read as it stands."""
    ended = Counted("1", NOW, NOW, "threat", Role.DSL, True, NOW, ("8C",), Result.REFERRED)
    made = publish(demo_school(), AUTUMN, [replace(ended, id=str(n), closed=n > 9) for n in range(40)], NOW)
    kept = json.loads(json.dumps(made.kept()))
    assert of_kept(AUTUMN, NOW, kept, "f") == replace(made, id="f")
    assert set(kept["tables"]["outcome"]) == {CLOSED, OPEN}
    old = {name: value for name, value in kept.items() if name != "ended"}
    assert of_kept(AUTUMN, NOW, old, "f").tables[Table.OUTCOME] == kept["tables"]["outcome"]


def test_the_year_group_is_that_of_the_day_of_the_report() -> None:
    """A form is called after the year in which it is now."""
    school = replace(demo_school(), figures_base=1)
    last_year = Counted("1", datetime(2025, 11, 3, tzinfo=UTC), NOW, "threat", Role.DSL, True, None, ("8C",))
    of_two = replace(last_year, id="2", reported_at=NOW, forms=("8C", "9F"))
    nobody = replace(last_year, id="3", forms=())
    told = publish(school, AUTUMN, (last_year, of_two, nobody), NOW).tables[Table.YEAR]
    assert {k: n for k, n in told.items() if n} == {"7": 1, "several": 1, "unknown": 1}
    names = ("8C", "Year 9", "y7 blue", "10-2", "R", "Reception Elm", "Rowan", "13", "14A", "100")
    assert [year_of(name) for name in names] == [8, 9, 7, 10, 0, 0, None, 13, None, None]


def test_the_year_group_is_that_of_the_summer_term_as_long_as_the_lists_are() -> None:
    """Where a school has set no terms, summer is over with July, and pupils get the forms of the new year in September."""
    school = replace(demo_school(), figures_base=1, calendar=replace(demo_school().calendar, terms=()))
    (summer,) = spans(school.calendar, date(2026, 6, 3), date(2026, 6, 3))
    in_june = Counted("1", datetime(2026, 6, 3, tzinfo=UTC), NOW, "threat", Role.DSL, True, None, ("8C",))
    for made_at, year in ((datetime(2026, 8, 1, 6, tzinfo=UTC), "8"), (datetime(2026, 9, 1, 6, tzinfo=UTC), "7")):
        told = publish(school, summer, (in_june,), made_at).tables[Table.YEAR]
        assert {k: n for k, n in told.items() if n} == {year: 1}, made_at


def test_the_median_is_told_where_many_were_answered() -> None:
    """Never of so few that it is somebody's."""
    few, many = ([_answered(n) for n in range(number)] for number in (5, 20))
    assert publish(demo_school(), AUTUMN, few, NOW).minutes is None
    assert publish(demo_school(), AUTUMN, many, NOW).minutes == 20


def test_a_year_says_no_more_than_its_terms() -> None:
    """It is made of what was published, and of nothing else."""
    terms = [publish(demo_school(), AUTUMN, [_answered(n) for n in range(many)], NOW) for many in (7, 11)]
    later = replace(terms[1], span=replace(AUTUMN, first=date(2026, 12, 19), last=date(2027, 3, 25), season=Season.SPRING))
    year = together((later, terms[0]))
    assert (year.span.first, year.span.last) == (date(2026, 8, 1), date(2027, 3, 25))
    assert year.total == terms[0].total + later.total
    for table, counted in year.tables.items():
        assert counted == {key: n + later.tables[table][key] for key, n in terms[0].tables[table].items()}
    with pytest.raises(ValueError, match="no term"):
        together(())


def test_every_day_is_in_one_term() -> None:
    """A half-term holiday parts no term in two; a holiday counts to the term after it."""
    calendar = SchoolCalendar(
        terms=(
            Term(date(2026, 9, 3), date(2026, 10, 23)),
            Term(date(2026, 11, 2), date(2026, 12, 18)),
            Term(date(2027, 1, 5), date(2027, 2, 12)),
            Term(date(2027, 2, 22), date(2027, 3, 25)),
            Term(date(2027, 4, 12), date(2027, 7, 21)),
        )
    )
    year = spans(calendar, date(2026, 9, 1), date(2027, 7, 1))
    assert [(s.id, s.first.isoformat(), s.last.isoformat()) for s in year] == [
        ("2026-autumn", "2026-08-01", "2026-12-18"),
        ("2026-spring", "2026-12-19", "2027-03-25"),
        ("2026-summer", "2027-03-26", "2027-07-21"),
    ]
    for given_ in (calendar, SchoolCalendar()):
        found = spans(given_, date(2024, 1, 1), date(2029, 1, 1))
        assert all(b.first == a.last + timedelta(days=1) for a, b in itertools.pairwise(found))
        assert found[0].first <= date(2024, 1, 1)
        assert found[-1].last >= date(2029, 1, 1)
    odd = SchoolCalendar(terms=(Term(date(2026, 9, 1), date(2027, 4, 20)),))
    assert [s.season for s in spans(odd, date(2026, 9, 1), date(2027, 6, 1))] == [Season.AUTUMN, Season.SUMMER]


def demo_school() -> School:
    return next(iter(load_schools(DEMO_SCHOOLS).values()))


def _answered(n: int) -> Counted:
    at = NOW - timedelta(days=3)
    return Counted(f"report {n}", at, at + timedelta(hours=1), "threat", Role.DSL, True, at + timedelta(minutes=20), ("7B",))
