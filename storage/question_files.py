"""Reads a policy's trials: questions as people ask them, with the verdict they must get. What is wrong is refused by line."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, RootModel, StringConstraints

from domain.answers import Catalogue, Sheet, Verdict
from domain.policy import Policy
from storage.answer_files import OneVerdict, home_of
from storage.yaml_files import PolicyFileError, checked, entries_of, line_at


def _one_or_more(value: object) -> object:
    return value if isinstance(value, list | tuple) else [value]


def _places(value: object) -> object:
    return [] if value == "" else _one_or_more(value)


_Text = Annotated[str, StringConstraints(min_length=1, max_length=4000, strip_whitespace=True)]
_Question = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]*$", max_length=60)]
_Verdicts = Annotated[
    tuple[OneVerdict, ...], BeforeValidator(_one_or_more, json_schema_input_type=Verdict | tuple[Verdict, ...])
]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class _Then(_Strict):
    say: _Text
    """A fact that the person adds, as they would say it."""
    verdict: _Verdicts
    """What the question then gets."""


class _Trial(_Strict):
    q: _Text
    """The question, as somebody would type it."""
    to: Annotated[tuple[_Question, ...], BeforeValidator(_places, json_schema_input_type=str | tuple[_Question, ...])]
    """The question of the catalogue that is meant, or several with the best first; "" where none fits."""
    verdict: _Verdicts
    """What it must get; a list where several are right."""
    then: tuple[_Then, ...] = ()
    """Facts that the person adds, each by itself, and what they change."""


class Trials(RootModel[tuple[_Trial, ...]]):
    """A file of questions that must get the right answer."""


@dataclass(frozen=True, slots=True)
class Then:
    """A fact that the person adds to the question, and the verdicts that are right once it is known."""

    say: str
    verdicts: frozenset[Verdict]


@dataclass(frozen=True, slots=True)
class Trial:
    """A question as somebody asks it, and what is right: one of the questions `to`, with one of the verdicts."""

    text: str
    to: tuple[str, ...]
    verdicts: frozenset[Verdict]
    then: tuple[Then, ...]
    path: Path
    line: int


def load_trials(policy: Policy, sheet: Sheet, catalogue: Catalogue, folder: Path | None = None) -> tuple[Trial, ...]:
    """The questions that a policy must get right, from its folder; with `folder`, from the one of that name there.

    Raises:
        PolicyFileError: files are wrong; the message names file and line of each fault.
    """
    found: list[Trial] = []
    faults: list[str] = []
    for path in sorted((home_of(policy, folder) / "questions").glob("*.yaml")):
        for place in entries_of(path, "questions", faults):
            try:
                trial = _trial(checked(path, place, _Trial), path, line_at(place))
            except PolicyFileError as wrong:
                faults.append(str(wrong))
                continue
            faults += [f"{path}:{trial.line}: {fault}" for fault in _wrong_with(trial, sheet, catalogue)]
            found.append(trial)
    faults += _elsewhere(found)
    if faults:
        raise PolicyFileError("\n".join(faults))
    return tuple(found)


def _trial(told: _Trial, path: Path, line: int) -> Trial:
    then = tuple(Then(t.say, frozenset(t.verdict)) for t in told.then)
    return Trial(told.q, told.to, frozenset(told.verdict), then, path, line)


def _wrong_with(trial: Trial, sheet: Sheet, catalogue: Catalogue) -> Iterator[str]:
    if not trial.verdicts or not all(t.verdicts for t in trial.then):
        yield "a verdict is missing"
        return
    if not trial.to and Verdict.NOT_COVERED not in trial.verdicts:
        yield f"where nothing in the catalogue fits, the verdict is not_covered, not {_joined(trial.verdicts)}"
    for to in trial.to:
        if to not in catalogue.questions:
            yield f"{to}: the catalogue has no such question"
            continue
        given = verdicts_of(sheet, to)
        wanted = {"verdict": trial.verdicts, **{f"after {t.say!r}": t.verdicts for t in trial.then}}
        for place, verdicts in wanted.items():
            if not verdicts & given:
                gives = (
                    f"the school's answer gives {_joined(given)}" if to in sheet.answers else "the school does not answer it"
                )
                yield f"{to} never gives {_joined(verdicts)} ({place}): {gives}"


def verdicts_of(sheet: Sheet, question: str) -> frozenset[Verdict]:
    """Every verdict that a question can get from the newest answer to it."""
    answer = sheet.on(date.max, question)
    if answer is None:
        return frozenset({Verdict.NOT_COVERED})
    turns = {answer.meanwhile} if len({(c.verdict, c.say) for c in answer.cases}) > 1 else set()
    by_leave = {Verdict.YES for c in answer.cases if c.once_agreed}
    refused = {Verdict.NO for c in answer.cases if c.verdict is Verdict.ASK_FIRST and c.leave}
    return frozenset({verdict for c in answer.cases for verdict in (c.verdict, *c.asked.values())} | turns | by_leave | refused)


def _elsewhere(trials: Iterable[Trial]) -> Iterator[str]:
    first: dict[str, Trial] = {}
    for trial in trials:
        other = first.setdefault(" ".join(trial.text.casefold().split()), trial)
        if set(other.to) != set(trial.to):
            place = ", ".join(other.to) or "nothing"
            yield f"{trial.path}:{trial.line}: the same question means {place} at {other.path}:{other.line}"


def _joined(verdicts: Iterable[Verdict]) -> str:
    return " or ".join(sorted(verdicts))


DOORS: Mapping[str, type[BaseModel]] = {"questions": Trials}
"""The forms of the files read here, by what they are called in `esafety pack schema`."""
