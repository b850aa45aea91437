"""The sums behind a ranking: however rows are kept, each feature adds what it weighs."""

import math

import numpy as np
import pytest

from domain.linear import Linear

LABELS = tuple(f"label{n}" for n in range(40))


@pytest.fixture
def table() -> np.ndarray:
    """Three features that speak for many labels, two that speak for a few, and one that speaks for none."""
    table = np.arange(6 * len(LABELS), dtype=np.float32).reshape(6, -1) / 100 - 1
    table[3:5, 3:] = 0
    table[5] = 0
    return table


@pytest.fixture
def linear(table: np.ndarray) -> Linear:
    """The same, kept as it is learnt."""
    rows, columns = np.nonzero(table)
    starts = np.searchsorted(rows, np.arange(len(table) + 1)).astype(np.int32)
    features = {f"f{n}": n for n in range(len(table))}
    rarity = np.linspace(1, 2, len(table), dtype=np.float32)
    return Linear(
        LABELS, features, starts, columns.astype(np.uint16), table[rows, columns], rarity, np.ones(len(LABELS), np.float32)
    )


@pytest.mark.parametrize(
    "found",
    [{"f0": 1, "f3": 2, "f5": 1, "unknown": 4}, {"f3": 1, "f4": 1}, {"f1": 3}, {"f5": 1}, {"f4": 1, "f2": 1, "f0": 5}],
)
def test_each_feature_adds_what_it_weighs(linear: Linear, table: np.ndarray, found: dict[str, int]) -> None:
    """The rare ones more, the repeated ones a little more, and the text as a whole always the same."""
    strength = {linear.rows[f]: (1 + math.log(n)) * linear.rarity[linear.rows[f]] for f, n in found.items() if f != "unknown"}
    length = math.sqrt(sum(s * s for s in strength.values()))
    wanted = 1 + sum(s / length * table[row] for row, s in strength.items())
    assert linear.scores(found) == pytest.approx(wanted, abs=1e-5)


def test_what_is_not_known_changes_nothing(linear: Linear) -> None:
    """Only what each label begins with is left, and that is not given away to be changed."""
    linear.scores({})[0] = 9
    assert linear.scores({"unknown": 1}).tolist() == [1.0] * len(LABELS)
