"""Reads the surveys that a school may run: what all schools share, and a policy's own. What is wrong is refused, by line."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from domain.policy import Policy
from domain.surveys import SKIP, SurveyQuestion, SurveyType
from storage.yaml_files import PolicyFileError, checked, line_of, read_yaml

SURVEYS_FILE = "surveys.yaml"

_Id = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]*$", max_length=40)]
_Title = Annotated[str, StringConstraints(min_length=3, max_length=40, strip_whitespace=True)]
_About = Annotated[str, StringConstraints(min_length=3, max_length=400, strip_whitespace=True)]
_Asked = Annotated[str, StringConstraints(min_length=3, max_length=150, strip_whitespace=True)]
_Label = Annotated[str, StringConstraints(min_length=1, max_length=60, strip_whitespace=True)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Question(_Strict):
    id: _Id
    text: _Asked
    choices: Annotated[dict[_Id, _Label], Field(min_length=2, max_length=7)]

    @model_validator(mode="after")
    def _choices_apart(self) -> "_Question":
        if SKIP in self.choices:
            raise ValueError(f"{SKIP!r} is the choice not to say, which every question has by itself: call this one otherwise")
        if len({label.casefold() for label in self.choices.values()}) < len(self.choices):
            raise ValueError("two choices read the same")
        return self

    def to_domain(self) -> SurveyQuestion:
        return SurveyQuestion(self.id, self.text, dict(self.choices))


class _Survey(_Strict):
    id: _Id
    title: _Title
    about: _About
    questions: Annotated[tuple[_Question, ...], Field(min_length=1, max_length=12)]

    @model_validator(mode="after")
    def _asked_once(self) -> "_Survey":
        ids = [question.id for question in self.questions]
        if twice := sorted({i for i in ids if ids.count(i) > 1}):
            raise ValueError(f"two questions are called {', '.join(twice)}")
        return self

    def to_domain(self) -> SurveyType:
        return SurveyType(self.id, self.title, self.about, tuple(q.to_domain() for q in self.questions))


class _OwnSurvey(_Survey):
    cites: tuple[str, ...] = ()

    def to_domain(self) -> SurveyType:
        return replace(super().to_domain(), cites=self.cites)


class _Used(_Strict):
    """A survey that all schools share, and the clauses on which this one runs it."""

    use: _Id
    cites: tuple[str, ...] = ()


class _Shared(_Strict):
    surveys: tuple[_Survey, ...]


class _Surveys(_Strict):
    surveys: tuple[_Used, ...] = ()
    own: tuple[_OwnSurvey, ...] = ()


def with_surveys(policy: Policy, home: Path, shared: Path) -> Policy:
    """The policy with the surveys that its school may run: all that schools share where its folder does not say.

    Raises:
        PolicyFileError: a survey is wrong.
    """
    path, known = home / SURVEYS_FILE, _shared(shared)
    if not path.exists():
        return replace(policy, surveys=known)
    raw = read_yaml(path)
    asked = checked(path, raw, _Surveys)
    faults: list[str] = []
    placed: list[tuple[tuple[str, int], SurveyType]] = []
    for n, used in enumerate(asked.surveys):
        if used.use in known:
            placed.append((("surveys", n), replace(known[used.use], cites=used.cites)))
        else:
            here = f"{path}:{line_of(raw, ('surveys', n))}"
            faults.append(f"{here}: there is no shared survey {used.use!r}: {', '.join(sorted(known))}")
    placed += [(("own", n), own.to_domain()) for n, own in enumerate(asked.own)]
    found: dict[str, SurveyType] = {}
    for place, survey in placed:
        if survey.id in found:
            faults.append(f"{path}:{line_of(raw, place)}: two surveys are called {survey.id!r}")
        faults += [f"{path}:{line_of(raw, (*place, 'cites'))}: {word}" for word in _wrong_clauses(survey, policy)]
        found[survey.id] = survey
    if faults:
        raise PolicyFileError("\n".join(faults))
    return replace(policy, surveys=found)


@cache
def _shared(folder: Path) -> Mapping[str, SurveyType]:
    path = folder / SURVEYS_FILE
    shared = checked(path, read_yaml(path), _Shared)
    ids = [survey.id for survey in shared.surveys]
    if twice := sorted({i for i in ids if ids.count(i) > 1}):
        raise PolicyFileError("\n".join(f"{path}:1: two surveys are called {i!r}" for i in twice))
    return {survey.id: survey.to_domain() for survey in shared.surveys}


def _wrong_clauses(survey: SurveyType, policy: Policy) -> Iterator[str]:
    for clause in survey.cites:
        try:
            policy.cite(clause)
        except KeyError:
            yield f"{survey.id!r} cites {clause!r}, which the policy does not have"


DOORS: Mapping[str, type[BaseModel]] = {"surveys": _Surveys, "survey_types": _Shared}
"""The forms of the files read here, by what they are called in `esafety pack schema`."""
