"""Which question of the catalogue somebody asks, and what they said of the facts that decide it.

The ranking is learnt from the ways of asking in the catalogue (storage.learning), and is a sum of weights: the same text always
gives the same ranking, and nothing is made up. It never decides a verdict: it chooses among rules that somebody wrote, says
what it chose, and offers the others.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from domain.answers import Catalogue, Decision, Fact, Question, Sheet, Verdict, decide
from domain.language import Phrases, Reader, Reading, features, plain_words, stem

_ALTERNATIVES = 3
_AGE = re.compile(
    r"\b(?:is|are|aged?|turned|turning|now|he's|she's|they're|hes|shes|be|was)\s+(?:only |just |now |about )*(\d{1,2})\b"
    r"|\b(\d{1,2})[- ]?(?:years?[- ]old|yr old|yo\b)"
)
_ADULT = 18


@dataclass(frozen=True, slots=True)
class Tuning:
    """What was settled by measurement. All are in units of the ranking's spread."""

    covered: float = 0.6
    frame_clash: float = 1.2
    frame_fits: float = 0.3
    unsure: float = 0.15
    permit_margin: float = 0.35
    stricter_within: float = 0.12


TUNING = Tuning()


class Ranking:
    """How much each feature speaks for each question: for each feature, some questions and their weights."""

    def __init__(
        self,
        questions: Sequence[str],
        rows: Mapping[str, int],
        starts: npt.NDArray[np.int64],
        columns: npt.NDArray[np.uint16],
        weights: npt.NDArray[np.float32],
        rarity: npt.NDArray[np.float32],
        base: npt.NDArray[np.float32],
    ) -> None:
        self.questions = tuple(questions)
        self._rows = rows
        self._starts = starts
        self._columns = columns
        self._weights = weights
        self._rarity = rarity
        self._base = base

    def scores(self, found: Mapping[str, int]) -> npt.NDArray[np.float32]:
        """How well each question fits, spread so that one is a standard deviation."""
        rows = [(self._rows[f], n) for f, n in found.items() if f in self._rows]
        scores = self._base.copy()
        if not rows:
            return scores * 0
        ids = np.fromiter((r for r, _ in rows), dtype=np.int64)
        counts = np.fromiter((n for _, n in rows), dtype=np.float32)
        strength = (1 + np.log(counts)) * self._rarity[ids]
        strength /= np.sqrt((strength * strength).sum()) or 1.0
        for row, by in zip(ids.tolist(), strength.tolist(), strict=True):
            here = slice(self._starts[row], self._starts[row + 1])
            scores[self._columns[here]] += by * self._weights[here]
        spread: npt.NDArray[np.float32] = (scores - scores.mean()) / (scores.std() or 1.0)
        return spread


def counted(reading: Reading) -> dict[str, int]:
    """The features of a text, each with how often it is there."""
    found: dict[str, int] = {}
    for feature in features(reading):
        found[feature] = found.get(feature, 0) + 1
    return found


@dataclass(frozen=True, slots=True)
class Choice:
    """A question that may have been meant, with what the school answers to it."""

    question: Question
    decision: Decision
    score: float


@dataclass(frozen=True, slots=True)
class Understood:
    """What was understood of a text. `sure` is False where the readings are so close that the person should choose."""

    text: str
    best: Choice
    alternatives: tuple[Choice, ...]
    facts: Mapping[str, str]
    sure: bool


class Engine:
    """Answers for one school. `chosen` and `facts` come from what the person has pressed since."""

    def __init__(self, catalogue: Catalogue, sheet: Sheet, reader: Reader, ranking: Ranking, tuning: Tuning = TUNING) -> None:
        self.catalogue = catalogue
        self.sheet = sheet
        self._reader = reader
        self._ranking = ranking
        self._tuning = tuning
        self._questions = [catalogue.questions[i] for i in ranking.questions]
        covered = [i in sheet.answers for i in ranking.questions]
        self._prior = np.where(covered, tuning.covered, 0).astype(np.float32)
        self._facts = {f.id: _Detector(f) for f in catalogue.facts.values()}

    def understand(self, text: str, *, chosen: str = "", facts: Mapping[str, str] | None = None) -> Understood:
        """What a text asks. With `chosen` the person has said which question they meant, with `facts` how things stand."""
        reading = self._reader.read(text)
        said = {**self._said(text), **(facts or {})}
        scores = self._ranking.scores(counted(reading)) + self._prior
        for n, question in enumerate(self._questions):
            if question.frame:
                scores[n] += self._framed(question, reading)
        order = np.argsort(-scores, kind="stable")[: _ALTERNATIVES + 5]
        choices = [self._choice(self._questions[n], float(scores[n]), said) for n in order]
        if chosen:
            mine = self._choice(self.catalogue.questions[chosen], float("inf"), said)
            others = [c for c in choices if c.question.id != chosen]
            return Understood(text, mine, tuple(others[:_ALTERNATIVES]), said, sure=True)
        best = self._safest(choices)
        others = [c for c in choices if c is not best]
        margin = best.score - others[0].score if others else 1.0
        return Understood(text, best, tuple(others[:_ALTERNATIVES]), said, sure=margin >= self._tuning.unsure)

    def _choice(self, question: Question, score: float, said: Mapping[str, str]) -> Choice:
        return Choice(question, decide(question, self.sheet.answers.get(question.id), said), score)

    def _safest(self, choices: Sequence[Choice]) -> Choice:
        """The best reading, unless it permits something that a near one does not: then the near one leads."""
        best = choices[0]
        if best.decision.verdict is not Verdict.YES:
            return best
        near = [c for c in choices[1:] if best.score - c.score < self._tuning.permit_margin]
        stricter = [c for c in near if c.decision.verdict in _FORBIDS]
        return stricter[0] if stricter else best

    def _framed(self, question: Question, reading: Reading) -> float:
        gained = 0.0
        for frame, value in question.frame.items():
            found = reading.frames.get(str(frame), frozenset())
            if found:
                gained += self._tuning.frame_fits if value in found else -self._tuning.frame_clash
        return gained

    def _said(self, text: str) -> dict[str, str]:
        """The facts that a text states by itself. What is said last counts."""
        stems = [stem(w) for w in plain_words(text)]
        said = {f: value for f, d in self._facts.items() if (value := d.last(stems))}
        ages = [int(a or b) for a, b in _AGE.findall(text.casefold())]
        if ages and "age" in self._facts:
            said["age"] = "adult" if ages[-1] >= _ADULT else "under_18"
        return said


_FORBIDS = frozenset({Verdict.NO, Verdict.ASK_FIRST, Verdict.AVOID, Verdict.MUST})


class _Detector:
    """Finds what a text says of a fact."""

    def __init__(self, fact: Fact) -> None:
        self._phrases = Phrases(
            [([stem(w) for w in plain_words(said)], option.value) for option in fact.options for said in option.says]
        )

    def last(self, stems: Sequence[str]) -> str:
        """The value that is said last, '' for none. A longer phrase hides a shorter one that begins with it."""
        found = ""
        for start in range(len(stems)):
            found = next((name for _, name in self._phrases.at(stems, start)), found)
        return found
