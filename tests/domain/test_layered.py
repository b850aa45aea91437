"""The layer beside a linear model: what each feature adds to it, and what it adds to the scores."""

import math

import numpy as np
import pytest

from domain.layered import Layer, Layered
from domain.linear import Linear

LABELS = ("yes", "no", "perhaps")
WIDTH = 4


@pytest.fixture
def layer() -> Layer:
    """Four features, of which the second has no place in it."""
    chance = np.random.default_rng(1)
    return Layer(
        np.array([0, -1, 1, 2], dtype=np.int32),
        chance.integers(-127, 128, (3, WIDTH), dtype=np.int8),
        np.array([0.01, 0.02, 0.005], dtype=np.float32),
        chance.standard_normal(WIDTH).astype(np.float32),
        chance.standard_normal((WIDTH, len(LABELS))).astype(np.float32),
    )


@pytest.fixture
def layered(layer: Layer) -> Layered:
    """The same beside a linear model that knows of nothing but where each label begins."""
    nothing = np.array([], dtype=np.float32)
    linear = Linear(
        LABELS,
        {f"f{n}": n for n in range(4)},
        np.zeros(5, dtype=np.int32),
        nothing.astype(np.uint16),
        nothing,
        np.array([1, 2, 1.5, 1], dtype=np.float32),
        np.array([0.5, 0, -1], dtype=np.float32),
    )
    return Layered(linear, layer)


@pytest.mark.parametrize("found", [{"f0": 1}, {"f0": 1, "f1": 2, "f2": 1}, {"f3": 3, "f2": 1, "unknown": 1}])
def test_each_feature_adds_its_row_and_the_sum_is_bent(layered: Layered, layer: Layer, found: dict[str, int]) -> None:
    """One without a place adds nothing, and yet counts in how long the text is."""
    rarity = layered.linear.rarity
    strength = {int(f[1]): (1 + math.log(n)) * float(rarity[int(f[1])]) for f, n in found.items() if f != "unknown"}
    length = math.sqrt(sum(s * s for s in strength.values()))
    total = layer.inner_base.astype(float)
    for row, its in strength.items():
        if (place := int(layer.place[row])) >= 0:
            total = total + its / length * float(layer.unit[place]) * layer.inner[place]
    assert layered.scores(found) == pytest.approx(layered.linear.base + np.tanh(total) @ layer.outer, abs=1e-5)


def test_what_is_not_known_is_left_to_where_the_labels_begin(layered: Layered) -> None:
    """Nothing is said of a text without a feature that is known, and the labels are the linear model's."""
    assert layered.scores({"unknown": 2}).tolist() == [0.5, 0, -1]
    assert layered.labels == LABELS
