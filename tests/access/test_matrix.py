"""Every standing, every kind of case and everything that can be done with it: as the table says, and nothing besides."""

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest

from domain.access import Act, Ground, answerable, decide
from tests.access.edges import Edge, console_edge, slack_edge, teams_edge
from tests.access.played import Play
from tests.access.rules import Schools, schools
from tests.access.table import ACTS, Table, table
from tests.conftest import new_database
from tests.fakes.clock import FakeClock

TABLE = table()
LEAST_CELLS = 5_000
"""In the rules alone."""
LEAST_PLAYED = 5_000
"""By each way in."""


@pytest.fixture(scope="module")
def everybody() -> Schools:
    """Both schools."""
    return schools(TABLE)


def differences(everybody: Schools, row_name: str, column_name: str) -> list[str]:
    """What the rules decide otherwise than the table in one cell."""
    row, column, cell = TABLE.rows[row_name], TABLE.columns[column_name], TABLE.cells[row_name, column_name]
    viewer, subject = everybody.viewer(row, column), everybody.subject(row, column)
    found = []
    for act in sorted(ACTS):
        decided = decide(viewer, act, subject)
        if isinstance(decided, Ground) != (act in cell.acts):
            found.append(f"{row_name} x {column_name} x {act}: {decided}, the table has {cell.words}")
    answers = {a.id for a in answerable(viewer, subject)}
    if answers != cell.alerts:
        found.append(f"{row_name} x {column_name}: they may answer {sorted(answers)}, the table has {cell.words}")
    return found


@pytest.mark.parametrize("row", TABLE.rows)
def test_the_rules_decide_as_the_table_says(everybody: Schools, row: str) -> None:
    """One standing, all kinds of case, all acts, and of each case the alerts that they may answer."""
    assert [d for column in TABLE.columns for d in differences(everybody, row, column)] == []


def test_the_table_is_as_large_as_it_claims() -> None:
    """Cells of the rules: standings by kinds of case by acts."""
    assert len(TABLE.cells) * len(ACTS) >= LEAST_CELLS


def test_there_is_no_act_of_which_the_table_says_nothing() -> None:
    """Whoever adds one says here who may."""
    assert ACTS | set(TABLE.at_most) == set(Act)


@pytest.mark.parametrize("act", TABLE.at_most)
def test_what_no_cell_speaks_of_is_for_those_roles_at_most(everybody: Schools, act: Act) -> None:
    """Never for whoever is named, is not let in or is of another school, whatever else it wants."""
    bound, beyond = TABLE.at_most[act], []
    for (row_name, column_name), cell in TABLE.cells.items():
        row, column = TABLE.rows[row_name], TABLE.columns[column_name]
        roles = {role for role, _ in row.roles}
        shut_out = column.named or (column.heads_named and "headteacher" in roles)
        at_home = row.at == column.door == column.school and row.account in ("member", "bound_guest")
        allowed = at_home and not shut_out and bool(roles & bound.roles) and bound.within <= cell.acts
        decided = decide(everybody.viewer(row, column), act, everybody.subject(row, column))
        if isinstance(decided, Ground) and not allowed:
            beyond.append(f"{row_name} x {column_name}: {decided}")
    assert beyond == []


EDGES: Mapping[str, Callable[[str, Path, FakeClock, Table], AbstractAsyncContextManager[Edge]]] = {
    "slack": slack_edge,
    "teams": teams_edge,
    "console": console_edge,
}


WHOLE = tuple(f"{way}-{kind}" for way in EDGES for kind in ("sqlite", "postgresql"))
WAYS = (
    *(("console-sqlite", 8), ("slack-sqlite", 32), ("teams-sqlite", 32)),
    *(pytest.param(way, 1, marks=pytest.mark.long) for way in WHOLE),
)
"""Each way in; of how many refusals one is tried. `make test-long` tries all of them by every way, on both databases."""


@pytest.mark.timeout(600)
@pytest.mark.parametrize(("way", "one_in"), WAYS)
async def test_everybody_tries_everything_by_every_way_in(way: str, one_in: int, tmp_path: Path, clock: FakeClock) -> None:
    """Pressed and sent with forged ids: what the table allows is done, and the rest is refused and changes nothing."""
    chat, _, kind = way.partition("-")
    async with new_database(kind, tmp_path) as url, EDGES[chat](url, tmp_path, clock, TABLE) as edge:
        play = Play(edge, TABLE, one_in)
        await play.everything()
        assert not play.wrong, "\n".join(play.wrong)
        assert play.cells >= LEAST_PLAYED / one_in
