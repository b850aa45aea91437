"""Several linear models over one vocabulary: a text is looked up once, and scored by all of them together."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from domain.linear import Numbers

Halves = npt.NDArray[np.float16]


class Linears:
    """Models by name, each with labels of its own; all labels stand side by side, in the order of the models.

    For each feature, by its row: `rarity` has what it counts for in each model, 0 where that does not know it, and `weights`
    how much it speaks for each label. `base` is what each label begins with.
    """

    def __init__(
        self, labels: Mapping[str, tuple[str, ...]], rows: Mapping[str, int], rarity: Halves, weights: Halves, base: Numbers
    ) -> None:
        self.labels = labels
        self.rows = rows
        self.rarity = rarity
        self.weights = weights
        self.base = base
        counts = [len(of) for of in labels.values()]
        ends = np.cumsum(counts)
        self._model = np.repeat(np.arange(len(counts)), counts)
        self._places = {name: slice(int(end) - n, int(end)) for name, end, n in zip(labels, ends, counts, strict=True)}

    def scores(self, found: Mapping[str, int]) -> Numbers:
        """How well each label of each model fits a text of these features, each with how often it is there."""
        known = {row: count for feature, count in found.items() if (row := self.rows.get(feature)) is not None}
        ids = np.array(list(known), dtype=np.int64)
        strength = self.rarity[ids].astype(np.float32)
        if any(count > 1 for count in known.values()):
            strength *= 1 + np.log(np.array(list(known.values()), dtype=np.float32))[:, None]
        length = np.sqrt(np.einsum("ij,ij->j", strength, strength))
        strength /= np.where(length > 0, length, 1)
        scores: Numbers = self.base + np.einsum("ij,ij->j", strength[:, self._model], self.weights[ids].astype(np.float32))
        return scores

    def of(self, name: str, scores: Numbers) -> Numbers:
        """Those of the scores that are one model's, in the order of its labels."""
        return scores[self._places[name]]
