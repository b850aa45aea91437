"""Learns how likely each of many labels is for a text: a softmax regression, with words left out at random while it learns.

Whoever learns from a text of which another half is missing each time cannot lean on one telling word alone, and knows a
question also by the words that few have used for it (docs/adr/0014). Only learning needs this; what it finds are weights.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

AT_ONCE = 64
_EPOCHS = 12
_LEFT_OUT = 0.5
_STEP, _STEP_BASE = 0.5, 0.15
_FIRST_STEPS = 0.01
_NEXT_TO_NOTHING = 1e-3


def likeliest(samples: Any, labels: np.ndarray, most: int) -> tuple[np.ndarray, np.ndarray]:
    """Weights by feature and label, and what each label begins with. `labels` are numbers below `most`, one a row of `samples`.

    By the same seed the same weights: what is left out, and in which order the texts come, is drawn anew each time round.
    Each weight moves the less the more it has moved (AdaGrad), and a label that is no rival to the right one moves nothing.
    """
    from scipy.sparse import csr_matrix

    chance = np.random.default_rng(0)
    features = samples.shape[1]
    weights, moved = np.zeros(features * most, np.float32), np.full(features * most, _FIRST_STEPS, np.float32)
    base, base_moved = np.zeros(most, np.float32), np.ones(most, np.float32)
    for rows in in_turn(samples.shape[0], _EPOCHS, chance):
        some = with_gaps(samples[rows], _LEFT_OUT, chance)
        wrong = some @ weights.reshape(features, most) + base
        wrong = np.exp(wrong - wrong.max(axis=1, keepdims=True))
        wrong /= wrong.sum(axis=1, keepdims=True)
        wrong[np.arange(len(rows)), labels[rows]] -= 1
        wrong[np.abs(wrong) < _NEXT_TO_NOTHING] = 0
        slope = (some.T.tocsr() @ csr_matrix(wrong)).tocoo()
        places = slope.row.astype(np.int64) * most + slope.col
        moved[places] += slope.data**2
        weights[places] -= _STEP * slope.data / np.sqrt(moved[places])
        down = wrong.sum(axis=0)
        base_moved += down**2
        base -= _STEP_BASE * down / np.sqrt(base_moved)
    return weights.reshape(features, most), base


def in_turn(rows: int, epochs: int, chance: np.random.Generator) -> Iterator[np.ndarray]:
    """All rows, a few at once, as often as there are epochs, and each time in another order."""
    for _ in range(epochs):
        order = chance.permutation(rows)
        yield from (order[at : at + AT_ONCE] for at in range(0, rows, AT_ONCE))


def with_gaps(samples: Any, share: float, chance: np.random.Generator) -> Any:
    """The same texts with so much left out, of the length that they had."""
    from scipy.sparse import csr_matrix

    kept = chance.random(samples.nnz, dtype=np.float32) >= share
    rows = np.repeat(np.arange(samples.shape[0]), np.diff(samples.indptr))[kept]
    values = samples.data[kept]
    lengths = np.sqrt(np.bincount(rows, values**2, minlength=samples.shape[0])).astype(np.float32)
    return csr_matrix((values / lengths[rows], (rows, samples.indices[kept])), shape=samples.shape)
