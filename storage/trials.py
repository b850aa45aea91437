"""Asks the engine what a policy must get right, and says how it did."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from domain.answers import Verdict
from domain.understanding import Engine
from storage.question_files import Trial


class Mark(StrEnum):
    """How a question was answered. `PERMITTED`: something was allowed that is not."""

    RIGHT = "right"
    OFFERED = "offered"
    WRONG = "wrong"
    PERMITTED = "wrongly permitted"


@dataclass(frozen=True, slots=True)
class Asked:
    """A question, what was wanted and what came."""

    trial: Trial
    text: str
    wanted: frozenset[Verdict]
    verdict: Verdict
    question: str
    mark: Mark


def ask_all(engine: Engine, trials: Iterable[Trial]) -> Iterator[Asked]:
    """Every question, and every question with a fact that is added to it."""
    for trial in trials:
        yield _ask(engine, trial, trial.text, trial.verdicts)
        for then in trial.then:
            yield _ask(engine, trial, f"{_sentence(trial.text)} {_sentence(then.say)}", then.verdicts)


def _ask(engine: Engine, trial: Trial, text: str, wanted: frozenset[Verdict]) -> Asked:
    found = engine.understand(text)
    verdict, question = found.best.decision.verdict, found.best.question.id
    if verdict is Verdict.YES and verdict not in wanted:
        mark = Mark.PERMITTED
    elif verdict in wanted and (question in trial.to or (not trial.to and verdict is Verdict.NOT_COVERED)):
        mark = Mark.RIGHT
    elif any(choice.question.id in trial.to for choice in found.alternatives):
        mark = Mark.OFFERED
    else:
        mark = Mark.WRONG
    return Asked(trial, text, wanted, verdict, question, mark)


def _sentence(text: str) -> str:
    text = text[:1].upper() + text[1:]
    return text if text.endswith((".", "?", "!")) else f"{text}."
