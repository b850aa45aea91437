"""The schemas that editors use: nothing good is underlined, and what the program refuses is, as far as a schema can tell."""

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema_rs import Draft202012Validator

from bot.cli import main
from bot.pack_commands import START
from storage.answer_files import ALARMS_FILE, FACTS_FILE, LEXICON_FILE
from storage.policy_files import POLICY_FOLDER
from storage.schemas import FORMS, schema

DOCS = Path(__file__).parents[2] / "docs" / "schemas"
PLACES = {
    "policy": "*/policy.yaml",
    "routes": "*/routes.yaml",
    "routing_tests": "*/routing_tests.yaml",
    "answers": "*/answers/*.yaml",
    "table": "*/tables/*.yaml",
    "questions": "*/questions/*.yaml",
    "uncovered": "*/uncovered.yaml",
    "grid": "*/grid.yaml",
    "log_form": "*/log_form.yaml",
    "requests": "*/requests.yaml",
    "request_types": "requests.yaml",
    "signing": "*/signing.yaml",
    "calendar": "*/calendar.yaml",
    "calendar_days": "calendar.yaml",
    "consent": "*/consent.yaml",
    "consent_uses": "consent.yaml",
    "surveys": "*/surveys.yaml",
    "survey_types": "surveys.yaml",
    "catalogue": "catalogue/*.yaml",
}


NO_TOPICS = {ALARMS_FILE, FACTS_FILE, LEXICON_FILE}


class AsEditorsRead(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """YAML as editors have it: yes and no are words, and so are days."""


AsEditorsRead.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in found if tag not in {"tag:yaml.org,2002:bool", "tag:yaml.org,2002:timestamp"}]
    for first, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
AsEditorsRead.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile("^(true|false)$"), list("tf"))


@cache
def validator(kind: str) -> Draft202012Validator:
    """What an editor makes of a schema."""
    return Draft202012Validator(json.loads(schema(kind)))


def complaints(kind: str, content: Any) -> list[str]:
    """What an editor would underline."""
    return [e.message for e in validator(kind).iter_errors(content)]


@pytest.mark.parametrize("kind", FORMS)
def test_the_copies_are_the_newest(kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Made anew with `esafety pack schema` after a change of a form."""
    assert main(["pack", "schema", kind]) == 0
    assert (DOCS / f"{kind}.json").read_text(encoding="utf-8") == capsys.readouterr().out


def test_there_is_a_copy_of_each_and_no_other() -> None:
    """What was taken out is gone from the documents."""
    assert {path.stem for path in DOCS.iterdir()} == set(FORMS) == set(PLACES)


@pytest.mark.parametrize("kind", FORMS)
def test_an_editor_underlines_nothing_in_what_is_written(kind: str) -> None:
    """Every policy that comes with the program, and the pack to begin with."""
    paths = [*POLICY_FOLDER.glob(PLACES[kind]), *START.parent.glob(f"start{PLACES[kind].removeprefix('*')}")]
    assert paths
    for path in (path for path in paths if path.name not in NO_TOPICS):
        content = yaml.load(path.read_text(encoding="utf-8"), Loader=AsEditorsRead)
        assert complaints(kind, content) == [], path


@pytest.mark.parametrize(
    ("kind", "wrong"),
    [
        ("answers", "[{to: friend-pupil, cases: [{verdict: perhaps, say: Something., cites: [a.1]}]}]"),
        ("answers", "[{to: friend-pupil, colour: red, cases: [{verdict: info, say: Something., cites: [a.1]}]}]"),
        ("answers", "[{cases: [{verdict: info, say: Something., cites: [a.1]}]}]"),
        ("table", "{topic: devices, rows: [{to: a, cites: [a.1], roles: [caretaker]}]}"),
        ("questions", "[{q: Can I, to: a, verdict: perhaps}]"),
        ("questions", "[{q: Can I, verdict: info}]"),
        ("policy", "{school: Hillside}"),
        ("uncovered", "{section: a heading}"),
        ("requests", "{requests: [{use: block-site}]}"),
        ("requests", "{requests: [{use: block-site, cites: [a.1], answers: [{who: [caretaker]}]}]}"),
        ("signing", "{agreements: [{id: a, kind: agreement, title: Staff, version: 1}]}"),
        ("consent", "{cites: [a.1], keeps: [dsl], uses: [{use: website}]}"),
        ("consent", "{cites: [a.1], keeps: [caretaker], uses: [{use: website, cites: [a.1]}]}"),
        ("consent_uses", "{uses: [{id: website, title: The website, needs: everybody}]}"),
        ("request_types", "{groups: {a: A group}, types: [{id: a, group: a, title: A type}]}"),
        ("surveys", "{surveys: [{cites: [a.1]}]}"),
        ("surveys", "{own: [{id: a, title: Ours, about: Us, questions: [{id: a, text: What do you think?}]}]}"),
        ("survey_types", "{surveys: [{id: a, title: Ours, about: Us, questions: []}]}"),
    ],
)
def test_an_editor_underlines_what_the_program_refuses(kind: str, wrong: str) -> None:
    """A word that is not known, a key too many, a key too few."""
    content = yaml.load(wrong, Loader=AsEditorsRead)
    assert complaints(kind, content)
    with pytest.raises(ValueError):
        FORMS[kind].model_validate(content)
