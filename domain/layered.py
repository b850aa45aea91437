"""A model with one layer between a text's features and the labels, added to a linear one over the same features.

The layer knows features by their company: a word that few have used counts for what words of its kind count for. Sums and one
curve, and nothing else; what it says is added to what the linear model says (docs/adr/0014).
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from domain.linear import Linear, Numbers


@dataclass(frozen=True, slots=True, eq=False)
class Layer:
    """For each feature that has one, a row of `inner`, in units of its `unit`; `place` says which, or -1 for none.

    Their sum, by how strong each feature is, plus `inner_base`, is bent by a hyperbolic tangent; `outer` weighs it by label.
    """

    place: npt.NDArray[np.int32]
    inner: npt.NDArray[np.int8]
    unit: Numbers
    inner_base: Numbers
    outer: Numbers

    def of(self, ids: npt.NDArray[np.int64], strength: Numbers) -> Numbers:
        """What it says of each label, for features by their rows."""
        places = self.place[ids]
        there = places >= 0
        rows = places[there]
        bent: Numbers = np.tanh((strength[there] * self.unit[rows]) @ self.inner[rows] + self.inner_base)
        scores: Numbers = bent @ self.outer
        return scores


@dataclass(frozen=True, slots=True, eq=False)
class Layered:
    """A linear model with a layer beside it."""

    linear: Linear
    layer: Layer

    @property
    def labels(self) -> tuple[str, ...]:
        """What is told apart."""
        return self.linear.labels

    def scores(self, found: Mapping[str, int]) -> Numbers:
        """How well each label fits a text of these features, each with how often it is there."""
        ids, strength = self.linear.strengths(found)
        if not len(ids):
            return self.linear.base.copy()
        return self.linear.of(ids, strength) + self.layer.of(ids, strength)
