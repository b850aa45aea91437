"""A linear model: how much each feature of a text speaks for each of some labels. Sums of weights, and nothing else."""

import math
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.float32]
_MUCH = 1 / 8


class Linear:
    """Weights by feature: those of row r are `weights[starts[r]:starts[r + 1]]`, for the labels in `columns` there.

    `rarity` makes a feature count for more the fewer texts have it; `base` is what each label begins with.
    """

    def __init__(
        self,
        labels: tuple[str, ...],
        rows: Mapping[str, int],
        starts: npt.NDArray[np.int32],
        columns: npt.NDArray[np.uint16],
        weights: Numbers,
        rarity: Numbers,
        base: Numbers,
    ) -> None:
        self.labels = labels
        self.rows = rows
        self.starts = starts
        self.columns = columns
        self.weights = weights
        self.rarity = rarity
        self.base = base
        # Few rows speak for many labels, and those are in nearly every text: kept whole they are added up at once. The last of
        # the whole rows is empty, and stands for all that are not among them.
        self._lengths = np.diff(starts)
        whole = self._lengths > _MUCH * len(labels)
        nowhere = int(whole.sum())
        self._whole: Numbers = np.zeros((nowhere + 1, len(labels)), dtype=np.float32)
        self._place = np.where(whole, np.cumsum(whole) - 1, nowhere)
        self._apart = ~whole & (self._lengths > 0)
        self._whole[np.repeat(self._place, self._lengths), columns] = weights
        self._whole[nowhere] = 0

    def scores(self, found: Mapping[str, int]) -> Numbers:
        """How well each label fits a text of these features, each with how often it is there."""
        ids, strength = self.strengths(found)
        return self.of(ids, strength) if len(ids) else self.base.copy()

    def strengths(self, found: Mapping[str, int]) -> tuple[npt.NDArray[np.int64], Numbers]:
        """The rows of the features that are known, and how strong each is in the text: all together always the same."""
        rows = self.rows
        known = {row: count for feature, count in found.items() if (row := rows.get(feature)) is not None}
        ids = np.array(list(known), dtype=np.int64)
        strength = self.rarity[ids]
        if any(count > 1 for count in known.values()):
            strength = strength * (1 + np.log(np.array(list(known.values()), dtype=np.float32)))
        return ids, strength / (math.sqrt(strength @ strength) or 1.0)

    def of(self, ids: npt.NDArray[np.int64], strength: Numbers) -> Numbers:
        """The scores for features by their rows, at least one."""
        scores: Numbers = self.base + strength @ self._whole.take(self._place[ids], axis=0)
        apart = self._apart[ids]
        if apart.any():
            scores += self._of_rows(ids[apart], strength[apart])
        return scores

    def _of_rows(self, ids: npt.NDArray[np.int64], strength: Numbers) -> Numbers:
        """What rows that are not kept whole add to the scores."""
        lengths = self._lengths[ids]
        ends = lengths.cumsum()
        places = np.repeat(self.starts[ids] - (ends - lengths), lengths) + np.arange(ends[-1])
        weights = self.weights[places] * np.repeat(strength, lengths)
        return np.bincount(self.columns[places], weights=weights, minlength=len(self.labels)).astype(np.float32)
