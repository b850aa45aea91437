"""Learns a layer between the features of texts and their labels, with much left out at random while it learns.

Only learning needs this; what it finds are weights. What was tried instead, and what came of it, is in docs/adr/0014.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from storage.likelihood import AT_ONCE, in_turn, with_gaps

WIDTH = 128
_EPOCHS = 8
_LEFT_OUT, _LEFT_OUT_WITHIN = 0.4, 0.3
_NOT_SURE = 0.05
"""What of the certainty is shared by all labels: else the weights of what is known grow without an end."""
_BEGIN = 0.12
_STEP, _STEP_INNER, _LEAST_STEP = 0.003, 0.1, 0.003
_OLD, _OLD_SQUARES = 0.9, 0.999
_TINY = 1e-8


@dataclass(frozen=True, slots=True)
class Learned:
    """Weights by feature and place in the layer, by place and label, and what each place and each label begins with."""

    inner: np.ndarray
    inner_base: np.ndarray
    outer: np.ndarray
    base: np.ndarray

    def scores(self, samples: Any) -> np.ndarray:
        """What it says of each label, a row for each of `samples`."""
        found: np.ndarray = np.tanh(samples @ self.inner + self.inner_base) @ self.outer + self.base
        return found


class _Steps:
    """How far an array is moved against its slope: Adam, whose steps hold out in a direction and keep their size."""

    def __init__(self, array: np.ndarray) -> None:
        self._array = array
        self._slope = np.zeros_like(array)
        self._squares = np.zeros_like(array)

    def down(self, slope: np.ndarray, step: float) -> None:
        self._slope += (1 - _OLD) * (slope - self._slope)
        self._squares += (1 - _OLD_SQUARES) * (slope**2 - self._squares)
        self._array -= step * self._slope / (np.sqrt(self._squares) + _TINY)


def learn_layer(samples: Any, labels: np.ndarray, most: int) -> Learned:
    """Learns it from texts, a row each. `labels` are numbers below `most`, one a row of `samples`.

    What is left out, and in which order the texts come, is drawn by one seed. The steps become shorter to the end. A feature's
    weights move the less the more they have moved (AdaGrad): most features come seldom.
    """
    chance = np.random.default_rng(0)
    rows, features = samples.shape
    inner = (chance.standard_normal((features, WIDTH)) * _BEGIN).astype(np.float32)
    moved = np.full(features, _TINY, np.float32)
    outer = (chance.standard_normal((WIDTH, most)) / np.sqrt(WIDTH)).astype(np.float32)
    found = Learned(inner, np.zeros(WIDTH, np.float32), outer, np.zeros(most, np.float32))
    steps = {id(array): _Steps(array) for array in (found.inner_base, outer, found.base)}
    turns = _EPOCHS * -(-rows // AT_ONCE)
    for turn, some in enumerate(in_turn(rows, _EPOCHS, chance)):
        left = max(1 - turn / turns, _LEAST_STEP)
        texts = with_gaps(samples[some], _LEFT_OUT, chance)
        bent = np.tanh(texts @ inner + found.inner_base)
        kept = (chance.random(bent.shape, dtype=np.float32) >= _LEFT_OUT_WITHIN) / np.float32(1 - _LEFT_OUT_WITHIN)
        heard = bent * kept
        wrong = heard @ outer + found.base
        wrong = np.exp(wrong - wrong.max(axis=1, keepdims=True))
        wrong /= wrong.sum(axis=1, keepdims=True)
        wrong -= _NOT_SURE / most
        wrong[np.arange(len(some)), labels[some]] -= 1 - _NOT_SURE
        wrong /= len(some)
        below = (wrong @ outer.T) * kept * (1 - bent**2)
        for array, slope in ((outer, heard.T @ wrong), (found.base, wrong.sum(axis=0)), (found.inner_base, below.sum(axis=0))):
            steps[id(array)].down(slope, _STEP * left)
        there = np.unique(texts.indices)
        slopes = texts.T.tocsr()[there] @ below
        moved[there] += (slopes**2).mean(axis=1)
        inner[there] -= _STEP_INNER * left * slopes / np.sqrt(moved[there])[:, None]
    return found
