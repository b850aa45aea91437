"""Reads a policy's response grid. What is wrong is refused, with file and line named."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from domain.grids import (
    ILLEGAL,
    Action,
    Always,
    Cell,
    Counts,
    Grid,
    Kind,
    Measured,
    NoRow,
    Note,
    Row,
    Stage,
    Sure,
    Times,
)
from domain.policy import Policy
from domain.words import EXTERNAL_ROLES, About, Doer, Role
from storage.yaml_files import PolicyFileError, checked, line_of, read_yaml

GRID_FILE = "grid.yaml"

_Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_]*$", max_length=40)]
_Name = Annotated[str, StringConstraints(min_length=2, max_length=75, strip_whitespace=True)]
_Sentence = Annotated[str, StringConstraints(min_length=3, max_length=300, strip_whitespace=True)]
_Cites = Annotated[tuple[str, ...], Field(min_length=1)]
_Place = tuple[int | str, ...]


def _inside(by: Role | Doer) -> Role | Doer:
    if by in EXTERNAL_ROLES:
        raise ValueError(f"{by.value} is outside the school: name who brings it there, and put {by.value} under `to`")
    return by


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Action(_Strict):
    do: _Sentence
    by: Annotated[Role | Literal[Doer.LEAD, Doer.REPORTER], AfterValidator(_inside)] = Doer.LEAD
    to: tuple[Role, ...] = ()
    stage: Stage = Stage.RESPONSE


class _Cell(_Strict):
    do: _Slug
    when: dict[_Slug, bool] = {}
    cites: tuple[str, ...] = ()


def _whole(value: object) -> object:
    return {"do": value} if isinstance(value, str) else value


_Step = Annotated[_Cell, BeforeValidator(_whole, json_schema_input_type=_Slug | _Cell)]


class _Steps(_Strict):
    definite: tuple[_Step, ...] = ()
    possible: tuple[_Step, ...] = ()

    def cells(self, cites: tuple[str, ...] = ()) -> tuple[Cell, ...]:
        """The steps, those without a clause of their own under these."""
        return tuple(
            Cell(step.do, sure, step.cites or cites, step.when)
            for sure, steps in ((Sure.DEFINITE, self.definite), (Sure.POSSIBLE, self.possible))
            for step in steps
        )


class _Kind(_Strict):
    id: _Slug
    name: _Name
    concerns: Annotated[frozenset[str], Field(min_length=1)]
    about: frozenset[About] = frozenset()
    facts: dict[_Slug, bool] = {}
    again: str = ""
    confirm: bool = False


class _Row(_Strict):
    id: _Slug
    name: _Name
    about: frozenset[About] = frozenset()
    cites: _Cites
    first: _Steps
    second: _Steps | None = None
    more: _Steps | None = None
    again: str = ""
    joins: bool = False
    kinds: tuple[_Kind, ...] = ()

    def to_domain(self) -> Row:
        given = {Times.FIRST: self.first, Times.SECOND: self.second, Times.MORE: self.more}
        steps = {times: found.cells(self.cites) for times, found in given.items() if found is not None}
        return Row(self.id, self.name, self.about, self.cites, steps, self.again, self.joins)

    def to_kinds(self) -> Iterator[Kind]:
        for k in self.kinds:
            yield Kind(k.id, k.name, self.id, k.concerns, k.about or self.about, k.facts, k.again, k.confirm)


class _Always(_Steps):
    about: Annotated[frozenset[About], Field(min_length=1)]


class _NoRow(_Strict):
    concerns: frozenset[str] = frozenset()
    about: frozenset[About] = frozenset()
    why: _Sentence
    cites: tuple[str, ...] = ()


class _Note(_Strict):
    say: _Sentence
    cites: _Cites


class _Grid(_Strict):
    counts: Counts
    note: _Note | None = None
    measures: dict[Measured, tuple[_Note, ...]] = {}
    facts: dict[_Slug, _Sentence] = {}
    actions: dict[_Slug, _Action]
    always: tuple[_Always, ...] = ()
    rows: tuple[_Row, ...]
    no_row: tuple[_NoRow, ...] = ()


def with_grid(policy: Policy, home: Path) -> Policy:
    """The policy with the grid in its folder; as it was where there is none.

    Raises:
        PolicyFileError: the grid is wrong; the message names each line.
    """
    path = home / GRID_FILE
    if not path.exists():
        return policy
    raw = read_yaml(path)
    written = checked(path, raw, _Grid)
    faults = [*_twice(written), *_wrong_words(written), *_wrong_clauses(written, policy), *_wrong_concerns(written, policy)]
    if faults:
        raise PolicyFileError("\n".join(f"{path}:{line_of(raw, place)}: {words}" for place, words in faults))
    grid = Grid(
        counts=written.counts,
        facts=written.facts,
        actions={i: Action(i, a.do, a.by, a.to, a.stage) for i, a in written.actions.items()},
        rows={r.id: r.to_domain() for r in written.rows},
        kinds={k.id: k for r in written.rows for k in r.to_kinds()},
        always=tuple(Always(cell, a.about) for a in written.always for cell in a.cells()),
        no_row=tuple(NoRow(n.concerns, n.about, n.why, n.cites) for n in written.no_row),
        note=Note(written.note.say, written.note.cites) if written.note else None,
        measures={kind: tuple(Note(n.say, n.cites) for n in notes) for kind, notes in written.measures.items()},
    )
    return replace(policy, grid=grid)


def grid_cites(grid: Grid) -> Mapping[str, tuple[str, ...]]:
    """The clauses that stand behind a grid, by the row they are cited in; `grid` for what is of no row."""
    found = {
        row.id: _unique((*row.cites, *(c for cells in row.steps.values() for x in cells for c in x.cites)))
        for row in grid.rows.values()
    }
    rest = (
        *(c for a in grid.always for c in a.cell.cites),
        *(c for n in grid.no_row for c in n.cites),
        *(c for notes in grid.measures.values() for n in notes for c in n.cites),
    )
    return {**found, "grid": _unique((*rest, *(grid.note.cites if grid.note else ())))}


def _unique(clauses: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(clauses))


# What is wrong: the place, and what to do


def _cells(grid: _Grid) -> Iterator[tuple[_Place, _Step]]:
    """Every step, with the place of the row it is in."""
    for n, row in enumerate(grid.rows):
        for steps in (row.first, row.second, row.more):
            yield from ((("rows", n), step) for step in (*steps.definite, *steps.possible)) if steps is not None else ()
    for n, always in enumerate(grid.always):
        yield from ((("always", n), step) for step in (*always.definite, *always.possible))


def _kinds(grid: _Grid) -> Iterator[tuple[_Place, _Row, _Kind]]:
    for n, row in enumerate(grid.rows):
        yield from ((("rows", n, "kinds", k), row, kind) for k, kind in enumerate(row.kinds))


def _twice(grid: _Grid) -> Iterator[tuple[_Place, str]]:
    rows = Counter(r.id for r in grid.rows)
    kinds = Counter(k.id for _, _, k in _kinds(grid))
    yield from ((("rows", n), f"two rows are called {r.id!r}") for n, r in enumerate(grid.rows) if rows[r.id] > 1)
    yield from ((place, f"two kinds are called {kind.id!r}") for place, _, kind in _kinds(grid) if kinds[kind.id] > 1)


def _wrong_words(grid: _Grid) -> Iterator[tuple[_Place, str]]:
    """Names that lead nowhere, and what nothing leads to."""
    facts = {ILLEGAL, *grid.facts}
    used = {step.do for _, step in _cells(grid)}
    asked = {f for _, step in _cells(grid) for f in step.when}
    for place, step in _cells(grid):
        if step.do not in grid.actions:
            yield place, f"there is no action {step.do!r}"
        yield from ((place, f"there is no fact {f!r}") for f in step.when if f not in facts)
    for name, action in grid.actions.items():
        here = ("actions", name)
        if name not in used:
            yield here, f"no row has the action {name!r}: take it out"
        if ("{to}" in action.do) > bool(action.to) or "{" in action.do.replace("{to}", ""):
            yield here, f"action {name!r}: {{to}} stands for those under `to`, and nothing else stands in braces"
    for name in grid.facts:
        if name not in asked:
            yield ("facts", name), f"nothing turns on the fact {name!r}: take it out"
    rows = {r.id for r in grid.rows}
    led_to = {r.again for r in grid.rows} | {k.again for _, _, k in _kinds(grid)}
    for n, row in enumerate(grid.rows):
        if row.again and (row.again not in rows or row.again == row.id):
            yield ("rows", n), f"row {row.id!r}: again is another row, and {row.again!r} is none"
        if not row.kinds and row.id not in led_to:
            yield ("rows", n), f"row {row.id!r} has no kinds, and no repeat leads to it"
    for place, row, kind in _kinds(grid):
        if kind.again and (kind.again not in rows or kind.again == row.id):
            yield place, f"kind {kind.id!r}: again is another row, and {kind.again!r} is none"
        if not kind.about and not row.about:
            yield place, f"kind {kind.id!r}: say whom it is about, here or in its row"
        yield from ((place, f"there is no fact {f!r}") for f in kind.facts if f not in facts)


def _wrong_clauses(grid: _Grid, policy: Policy) -> Iterator[tuple[_Place, str]]:
    cited: list[tuple[_Place, Iterable[str]]] = [(place, step.cites) for place, step in _cells(grid)]
    cited += [(("rows", n), row.cites) for n, row in enumerate(grid.rows)]
    cited += [(("no_row", n), none.cites) for n, none in enumerate(grid.no_row)]
    cited += [(("note",), grid.note.cites)] if grid.note is not None else []
    cited += [(("measures", kind.value), note.cites) for kind, notes in grid.measures.items() for note in notes]
    for place, clauses in cited:
        for clause in clauses:
            try:
                policy.cite(clause)
            except KeyError:
                yield place, f"it cites {clause!r}, which the policy does not have"
    for n, always in enumerate(grid.always):
        if any(not step.cites for step in (*always.definite, *always.possible)):
            yield ("always", n), "each step cites its clause: there is no row to take it from"


def _wrong_concerns(grid: _Grid, policy: Policy) -> Iterator[tuple[_Place, str]]:
    """Every concern has a row, or a reason for having none, and never both."""
    for place, _, kind in _kinds(grid):
        if unknown := sorted(kind.concerns - policy.concerns.keys()):
            yield place, f"kind {kind.id!r}: {', '.join(unknown)} is not among this policy's concerns"
    reasons = [NoRow(n.concerns, n.about, n.why) for n in grid.no_row]
    for n, reason in enumerate(reasons):
        if unknown := sorted(reason.concerns - policy.concerns.keys()):
            yield ("no_row", n), f"{', '.join(unknown)} is not among this policy's concerns"
    have = {(c, a) for _, row, kind in _kinds(grid) for c in kind.concerns for a in (kind.about or row.about)}
    for concern in policy.concerns:
        bare = [a.value for a in About if (concern, a) not in have and not any(r.covers(concern, a) for r in reasons)]
        if bare:
            yield ("no_row",), f"{concern} about {', '.join(bare)} has no row: give it one, or say under no_row why it has none"
        for n, reason in enumerate(reasons):
            both = [a.value for a in About if (concern, a) in have and reason.covers(concern, a)]
            if both:
                yield ("no_row", n), f"{concern} about {', '.join(both)} has a row: this says that it has none"


DOORS: Mapping[str, type[BaseModel]] = {"grid": _Grid}
"""The form of the file read here, by what it is called in `esafety pack schema`."""
