"""Reads tests/access/table.yaml: what everybody may do with every kind of case."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from domain.access import Act

STATE = frozenset({Act.SEE_STATE})
TASK = STATE | {Act.LIST, Act.READ_TASK, Act.ANSWER}
CASE = TASK | {Act.READ, Act.SETTLE}
SETS: Mapping[str, frozenset[Act]] = {
    "-": frozenset(),
    "state": STATE,
    "task": TASK,
    "case": CASE,
    "reader": CASE | {Act.READ_READERS},
    "keeper": CASE | {Act.READ_READERS, Act.KEEP, Act.EXPORT},
    "open": frozenset({Act.OPEN}),
}
_WORK = frozenset({Act.WORK, Act.FILE})
"""Who works a case may take it out as the log form: there is no such right without the other."""
ACTS = _WORK.union(*SETS.values())
"""What the cells speak of, and who works a case, of which there is a table of its own."""


@dataclass(frozen=True, slots=True)
class Column:
    """A kind of case. `alerts`: the roles and the group of each, by the name that cells give it."""

    name: str
    alerts: Mapping[str, tuple[tuple[str, ...], str]]
    private: bool = False
    closed: bool = False
    named: bool = False
    heads_named: bool = False
    school: str = "sodbury"
    door: str = "sodbury"

    @property
    def first(self) -> str:
        return next(iter(self.alerts))


@dataclass(frozen=True, slots=True)
class Row:
    """A standing. `roles`: each with the house or form for which it is held, or ''."""

    name: str
    roles: tuple[tuple[str, str], ...] = ()
    owns: bool = False
    asked: str = ""
    opened: bool = False
    reported: str | bool = False
    account: str = "member"
    listed: bool = True
    left: bool = False
    at: str = "sodbury"


@dataclass(frozen=True, slots=True)
class Cell:
    """What is allowed, and which alerts of the case may be answered."""

    acts: frozenset[Act]
    alerts: frozenset[str]
    words: str


@dataclass(frozen=True, slots=True)
class Bound:
    """An act of which the table says who may at most: holders of one of the roles, where they have the rights of a set."""

    roles: frozenset[str]
    within: frozenset[Act]


@dataclass(frozen=True, slots=True)
class Table:
    """All of it. `desk`: for what belongs to no case, whether each row may. `at_most`: for acts that no cell speaks of."""

    columns: Mapping[str, Column]
    rows: Mapping[str, Row]
    cells: Mapping[tuple[str, str], Cell]
    desk: Mapping[tuple[str, str], bool]
    at_most: Mapping[Act, Bound]


@cache
def table() -> Table:
    """The table, which must have a cell for every row and column, and no word that means nothing."""
    raw = yaml.safe_load((Path(__file__).parent / "table.yaml").read_text(encoding="utf-8"))
    columns = {name: _column(name, **given) for name, given in raw["columns"].items()}
    rows = {name: _row(name, **given) for name, given in raw["rows"].items()}
    works = {(row, column): {"yes": _WORK, "-": frozenset[Act]()}[x] for row, column, x in _grid(raw["work"])}
    assert set(works) <= {(row, column) for row in rows for column in columns}
    none = frozenset[Act]()
    cells = {(r, c): _cell(words, columns[c], works.get((r, c), none)) for r, c, words in _grid(raw["may"])}
    assert set(cells) == {(row, column) for row in rows for column in columns}
    desk = {(row, column): {"yes": True, "-": False}[words] for row, column, words in _grid(raw["desk"])}
    at_most = {Act(a): Bound(frozenset(b["roles"]), SETS[b["within"]]) for a, b in raw["at_most"].items()}
    return Table(columns, rows, cells, desk, at_most)


def _grid(text: str) -> Iterator[tuple[str, str, str]]:
    head, *lines = [line.split() for line in text.splitlines() if line.strip()]
    seen = set()
    for name, *words in lines:
        assert name not in seen, f"{name} stands there twice"
        seen.add(name)
        for column, word in zip(head, words, strict=True):
            yield name, column, word


def _column(name: str, alerts: Mapping[str, str], **more: Any) -> Column:
    found = {}
    for key, words in alerts.items():
        roles, _, group = words.partition(" ")
        found[key] = (tuple(roles.split("+")), group)
    return Column(name, found, **more)


def _row(name: str, roles: tuple[str, ...] = (), **more: Any) -> Row:
    held = []
    for words in roles:
        role, _, group = words.partition(" ")
        held.append((role, group))
    return Row(name, tuple(held), **more)


def _cell(words: str, column: Column, acts: frozenset[Act]) -> Cell:
    alerts: frozenset[str] = frozenset()
    for word in words.split("+"):
        name, _, only = word.partition("/")
        acts |= SETS[name]
        if Act.ANSWER in SETS[name]:
            alerts = frozenset(only.split(",") if only else column.alerts)
    assert alerts <= set(column.alerts), f"{words}: there is no such alert in {column.name}"
    return Cell(acts, alerts, words)
