"""The data map is true of the database: each column is in it once, and what is sealed is called so."""

import re
from pathlib import Path

import pytest

from storage import tables as t

MAP = Path(__file__).parents[2] / "docs" / "data-protection" / "data-map.md"
_CODE = re.compile(r"`(\w+)`")
SECTIONS = {
    name: body.partition("\n## ")[0]
    for name, _, body in (s.partition("\n") for s in MAP.read_text(encoding="utf-8").split("\n### ")[1:])
}


def _rows(body: str) -> list[list[str]]:
    """The rows of a section's table, without its head."""
    found = [line.strip("|").split(" | ") for line in body.splitlines() if line.startswith("| `")]
    assert all(len(row) == 6 for row in found), found
    return found


def _named(text: str) -> list[str]:
    return _CODE.findall(text)


def test_every_table_is_in_it() -> None:
    """And none that there is not."""
    assert sorted(SECTIONS) == sorted(t.metadata.tables)


@pytest.mark.parametrize("name", sorted(t.metadata.tables))
def test_every_column_is_in_it_once(name: str) -> None:
    """Somebody has thought about whose data it is."""
    body = SECTIONS[name]
    nothing = body.partition("Nothing personal:")[2].partition("\n\n")[0]
    said = [c for row in _rows(body) for c in _named(row[0])] + _named(nothing)
    assert sorted(said) == sorted(c.name for c in t.metadata.tables[name].c)


@pytest.mark.parametrize("name", sorted(n for n, table in t.metadata.tables.items() if "sealed" in table.c))
def test_what_is_sealed_is_called_so(name: str) -> None:
    """And what is called so is: a column of bytes stands in the same line."""
    for row in _rows(SECTIONS[name]):
        holds_bytes = any("sealed" in column or "wrapped" in column for column in _named(row[0]))
        assert row[4].strip().startswith("yes") == holds_bytes, row


@pytest.mark.parametrize("name", sorted(SECTIONS))
def test_nothing_is_left_unsaid(name: str) -> None:
    """What, why, how long, and who is shown it."""
    assert all(cell.strip() for row in _rows(SECTIONS[name]) for cell in row)
