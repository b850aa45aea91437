"""Reads what is learnt from besides the catalogue's own ways of asking: ways of stating a fact, and the schools' trials.

The alarms are read here too: what raises one is told by examples as well, though nothing of it is learnt.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, RootModel, StringConstraints

from domain.alarms import Alarm, alarm
from domain.answers import Catalogue, ReportHint
from domain.language import Reader
from domain.understanding import UNSAID
from domain.words import About
from storage.answer_files import ALARMS_FILE, CATALOGUE
from storage.policy_files import POLICY_FOLDER, policy_ids
from storage.question_files import Trials
from storage.yaml_files import PolicyFileError, checked, read_yaml

SAID = "said"


def _word(value: object) -> object:
    # YAML reads yes and no without quotes as true and false.
    return {True: "yes", False: "no"}.get(value, value) if isinstance(value, bool) else value


_Value = Annotated[str, BeforeValidator(_word), StringConstraints(min_length=1, max_length=60)]
_Text = Annotated[str, StringConstraints(min_length=1, max_length=600, strip_whitespace=True)]
_Phrase = Annotated[str, StringConstraints(min_length=1, max_length=60, strip_whitespace=True)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class _Said(RootModel[dict[_Value, tuple[_Text, ...]]]):
    """For each value of a fact, texts that state it; under `unsaid`, texts on the same subject that leave it open."""


class _Alarm(_Strict):
    id: _Phrase
    concern: _Phrase
    about: About
    images: bool = False
    all: tuple[tuple[_Phrase, ...], ...]
    none: tuple[_Phrase, ...] = ()


class _Alarms(_Strict):
    alarms: tuple[_Alarm, ...]


def load_said(catalogue: Catalogue, folder: Path = POLICY_FOLDER) -> dict[str, dict[str, tuple[str, ...]]]:
    """Ways of stating each fact, by value; `unsaid` are texts that leave it open.

    Raises:
        PolicyFileError: a file is wrong.
    """
    found: dict[str, dict[str, tuple[str, ...]]] = {}
    for path in sorted((folder / CATALOGUE / SAID).glob("*.yaml")):
        fact = catalogue.facts.get(path.stem)
        if fact is None:
            raise PolicyFileError(f"{path}: there is no fact called {path.stem}")
        said: Mapping[str, tuple[str, ...]] = checked(path, read_yaml(path), _Said).root
        values = {o.value for o in fact.options}
        if set(said) != values | {UNSAID}:
            wanted = ", ".join(sorted(values | {UNSAID}))
            raise PolicyFileError(f"{path}: it must have texts for {wanted}, and for nothing else")
        more = {o.value: o.says for o in fact.options}
        found[fact.id] = {value: (*texts, *more.get(value, ())) for value, texts in said.items()}
    return found


def load_examples(folder: Path = POLICY_FOLDER) -> Iterator[tuple[str, str]]:
    """The schools' trials as ways of asking: each text with the question that it means.

    Raises:
        PolicyFileError: a file is wrong.
    """
    for school in policy_ids(folder):
        for path in sorted((folder / school / "questions").glob("*.yaml")):
            for trial in checked(path, read_yaml(path), Trials).root:
                if trial.to:
                    yield trial.q, trial.to[0]


def load_alarms(reader: Reader, folder: Path = POLICY_FOLDER) -> tuple[Alarm, ...]:
    """What raises an alarm, the gravest first.

    Raises:
        PolicyFileError: the file is wrong.
    """
    path = folder / CATALOGUE / ALARMS_FILE
    found = checked(path, read_yaml(path), _Alarms)
    return tuple(alarm(a.id, ReportHint(a.concern, a.about), a.all, a.none, reader, images=a.images) for a in found.alarms)
