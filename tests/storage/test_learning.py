"""Learning the facts anew by themselves: quick, and refused where the ranking would have to be learnt anew too."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import yaml

from domain.answers import GIVEN, PERMISSION
from domain.understanding import counted
from storage.learning import MODEL_FILE, learn, learnt_from, load_learnt
from storage.policy_files import POLICY_FOLDER
from storage.yaml_files import PolicyFileError

TOPIC = {
    "topic": "devices",
    "title": "Phones",
    "questions": [
        {
            "id": "phone-out",
            "title": "have a phone out",
            "facts": ["permission"],
            "near": ["phone-lost"],
            "asks": ["Can I have my phone out?", "Is a phone on the desk allowed?", "phone out in class ok?"],
        },
        {
            "id": "phone-lost",
            "title": "a phone that is lost",
            "near": ["phone-out"],
            "asks": ["Who pays for a lost phone?", "My phone was lost at school, who pays?", "lost phone, who pays"],
        },
    ],
}
SAID = {
    "yes": ["The head has agreed to it.", "The head agreed.", "She has agreed."],
    "no": ["The head has refused it.", "The head refused.", "She has refused."],
    "unsaid": ["I like phones.", "Phones are in the box.", "The phones are new."],
}


@pytest.fixture(scope="module")
def learnt(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A catalogue of two questions and one fact, learnt."""
    folder = tmp_path_factory.mktemp("learnt")
    home = folder / "catalogue"
    (home / "said").mkdir(parents=True)
    shutil.copy(POLICY_FOLDER / "catalogue" / "lexicon.yaml", home)
    options = [{"value": "yes", "label": "Given", "says": []}, {"value": "no", "label": "Not given", "says": []}]
    facts = [{"id": "permission", "ask": "May it be?", "options": options}]
    for name, content in {
        "devices": TOPIC,
        "facts": {"facts": facts},
        "alarms": {"alarms": []},
        "said/permission": SAID,
    }.items():
        (home / f"{name}.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    learn(folder)
    return folder


@pytest.fixture
def small(learnt: Path, tmp_path: Path) -> Path:
    """A copy of it, to change."""
    return shutil.copytree(learnt, tmp_path, dirs_exist_ok=True)


def _told(folder: Path, text: str) -> str:
    learnt = load_learnt(folder)
    scores = learnt.facts.scores(counted(learnt.reader.read(text)))
    return learnt.facts.labels[PERMISSION][int(learnt.facts.of(PERMISSION, scores).argmax())]


def _kept(folder: Path) -> dict[str, np.ndarray]:
    with np.load(folder / "catalogue" / MODEL_FILE) as kept:
        return {name: kept[name] for name in kept.files}


def test_facts_are_learnt_anew_and_the_ranking_stays(small: Path) -> None:
    """A new way of telling that leave was given is understood, and what ranks the questions is the same to the byte."""
    before, known = _kept(small), learnt_from(small)
    assert _told(small, "It was rubber-stamped upstairs.") != GIVEN
    said = {**SAID, "yes": [*SAID["yes"], "It was rubber-stamped upstairs.", "They rubber-stamped it."]}
    (small / "catalogue" / "said" / "permission.yaml").write_text(yaml.safe_dump(said), encoding="utf-8")
    learn(small, facts_only=True)
    after = _kept(small)
    assert _told(small, "It was rubber-stamped upstairs.") == GIVEN
    assert learnt_from(small) != known
    assert after.keys() == before.keys()
    assert [n for n in after if not n.startswith("facts.") and not np.array_equal(after[n], before[n])] == ["examples"]


def test_where_a_question_has_changed_the_facts_alone_are_refused(small: Path) -> None:
    """The ranking would be one of other questions, and the program would not say so."""
    before = _kept(small)
    topic = small / "catalogue" / "devices.yaml"
    topic.write_text(
        topic.read_text(encoding="utf-8").replace("lost phone, who pays", "lost phone, who is to pay"), encoding="utf-8"
    )
    with pytest.raises(PolicyFileError, match="has changed: run esafety pack learn"):
        learn(small, facts_only=True)
    assert all(np.array_equal(was, now) for was, now in zip(before.values(), _kept(small).values(), strict=True))


def test_without_a_model_everything_is_learnt(small: Path) -> None:
    """There is no ranking that could stay."""
    (small / "catalogue" / MODEL_FILE).unlink()
    with pytest.raises(PolicyFileError, match="is missing: run esafety pack learn"):
        learn(small, facts_only=True)
