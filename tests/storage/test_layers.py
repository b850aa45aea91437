"""Learning a layer: it finds what no sum over features can tell, and the same each time."""

import numpy as np
from scipy import sparse

from storage.layers import learn_layer

ROUNDS = 200


def texts(chance: np.random.Generator, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Of two pairs of features one of each is there, and the label says whether they are of a kind: no sum tells that.

    Eight more are there or not, and mean nothing.
    """
    first, second = chance.integers(0, 2, count), chance.integers(0, 2, count)
    table = np.zeros((count, 12), dtype=np.float32)
    table[np.arange(count), first] = table[np.arange(count), 2 + second] = 2
    table[:, 4:] = chance.integers(0, 2, (count, 8)) / 4
    return table / np.linalg.norm(table, axis=1, keepdims=True), (first == second).astype(np.int64)


def test_it_learns_what_goes_with_what() -> None:
    """Two labels that only pairs of features tell apart."""
    chance = np.random.default_rng(3)
    table, labels = texts(chance, 40 * ROUNDS)
    learned = learn_layer(sparse.csr_matrix(table), labels, 2)
    unseen, wanted = texts(chance, ROUNDS)
    assert (learned.scores(sparse.csr_matrix(unseen)).argmax(axis=1) == wanted).mean() > 0.9


def test_it_learns_the_same_each_time() -> None:
    """What is left to chance is drawn by one seed."""
    table, labels = texts(np.random.default_rng(4), ROUNDS)
    once, again = (learn_layer(sparse.csr_matrix(table), labels, 2) for _ in range(2))
    assert np.array_equal(once.inner, again.inner)
    assert np.array_equal(once.outer, again.outer)
