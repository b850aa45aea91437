"""Learns a layer between the features of texts and their labels, with much left out at random while it learns.

Several are learnt apart: they err in different places, and their mean errs less than any of them. What answers is one, wider,
that learns to say what that mean says, of texts with gaps and of two texts at once, for which nobody need know a label. Only
learning needs this; what it finds are weights. What was tried instead, and what came of it, is in docs/adr/0014.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np

from storage.likelihood import AT_ONCE, in_turn, with_gaps

WIDTH = 256
_APART, _WIDTH_APART = 4, 128
_EPOCHS = 8
_LEFT_OUT, _LEFT_OUT_WITHIN, _LEFT_OUT_OF_TWO = 0.4, 0.3, 0.5
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

    What is left out, and in which order the texts come, is drawn by seeds: it is the same each time.
    """

    def apart(seed: int) -> Learned:
        return _learn(samples, most, _by_labels(labels, most), _WIDTH_APART, _LEFT_OUT_WITHIN, seed)

    with ThreadPoolExecutor() as pool:
        several = list(pool.map(apart, range(_APART)))
    return _learn(samples, most, _by_their_mean(several, samples), WIDTH, 0.0, _APART)


_Goals = Callable[[np.ndarray, Any, np.random.Generator], tuple[Any, np.ndarray]]
"""For some of the rows, and the same texts with gaps: the texts to learn from, and how likely each label is to be for each."""


def _by_labels(labels: np.ndarray, most: int) -> _Goals:
    """By the labels that somebody gave them."""

    def goals(some: np.ndarray, texts: Any, _: np.random.Generator) -> tuple[Any, np.ndarray]:
        likely = np.full((len(some), most), _NOT_SURE / most, np.float32)
        likely[np.arange(len(some)), labels[some]] += 1 - _NOT_SURE
        return texts, likely

    return goals


def _by_their_mean(several: Sequence[Learned], samples: Any) -> _Goals:
    """By what others say of them, and of as many that are made of two each."""
    from scipy.sparse import vstack

    together = Learned(
        np.hstack([one.inner for one in several]),
        np.hstack([one.inner_base for one in several]),
        np.vstack([one.outer for one in several]) / len(several),
        np.mean([one.base for one in several], axis=0),
    )

    def goals(some: np.ndarray, texts: Any, chance: np.random.Generator) -> tuple[Any, np.ndarray]:
        of_two = samples[some] + samples[chance.integers(0, samples.shape[0], len(some))]
        texts = vstack([texts, with_gaps(of_two, _LEFT_OUT_OF_TWO, chance)]).tocsr()
        return texts, _likely(together.scores(texts))

    return goals


def _learn(samples: Any, most: int, goals: _Goals, width: int, left_out_within: float, seed: int) -> Learned:
    """The steps become shorter to the end. A feature's weights move the less the more they have moved (AdaGrad)."""
    chance = np.random.default_rng(seed)
    rows, features = samples.shape
    inner = (chance.standard_normal((features, width)) * _BEGIN).astype(np.float32)
    moved = np.full(features, _TINY, np.float32)
    outer = (chance.standard_normal((width, most)) / np.sqrt(width)).astype(np.float32)
    found = Learned(inner, np.zeros(width, np.float32), outer, np.zeros(most, np.float32))
    steps = {id(array): _Steps(array) for array in (found.inner_base, outer, found.base)}
    for left, some in _shorter_and_shorter(rows, chance):
        texts, likely = goals(some, with_gaps(samples[some], _LEFT_OUT, chance), chance)
        bent = np.tanh(texts @ inner + found.inner_base)
        kept = (chance.random(bent.shape, dtype=np.float32) >= left_out_within) / np.float32(1 - left_out_within)
        heard = bent * kept
        wrong = (_likely(heard @ outer + found.base) - likely) / len(some)
        below = (wrong @ outer.T) * kept * (1 - bent**2)
        for array, slope in ((outer, heard.T @ wrong), (found.base, wrong.sum(axis=0)), (found.inner_base, below.sum(axis=0))):
            steps[id(array)].down(slope, _STEP * left)
        there = np.unique(texts.indices)
        slopes = texts.T.tocsr()[there] @ below
        moved[there] += (slopes**2).mean(axis=1)
        inner[there] -= _STEP_INNER * left * slopes / np.sqrt(moved[there])[:, None]
    return found


def _shorter_and_shorter(rows: int, chance: np.random.Generator) -> Iterator[tuple[float, np.ndarray]]:
    turns = _EPOCHS * -(-rows // AT_ONCE)
    for turn, some in enumerate(in_turn(rows, _EPOCHS, chance)):
        yield max(1 - turn / turns, _LEAST_STEP), some


def _likely(scores: np.ndarray) -> np.ndarray:
    likely: np.ndarray = np.exp(scores - scores.max(axis=1, keepdims=True))
    likely /= likely.sum(axis=1, keepdims=True)
    return likely
