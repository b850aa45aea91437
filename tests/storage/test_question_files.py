"""A policy's own questions: what is wrong in them is refused, so that a test never passes by a slip."""

from pathlib import Path

import pytest

from domain.answers import Answer, Case, Catalogue, Question, Sheet, Verdict
from domain.policy import Policy
from storage.question_files import Then, Trial, load_trials
from storage.yaml_files import PolicyFileError
from tests.domain.town import policy

CATALOGUE = Catalogue(
    {name: Question(name, "contact", name) for name in ("pupil", "parent", "pen")}, {}, {"contact": "Contact"}
)
SHEET = Sheet(
    {
        "pupil": (
            Answer(
                "pupil",
                (
                    Case(Verdict.NO, "Not under 18.", ("one.1",), when={"age": frozenset({"under_18"})}),
                    Case(Verdict.AVOID, "Rather not.", ("one.1",)),
                ),
            ),
        ),
        "parent": (Answer("parent", (Case(Verdict.YES, "You may.", ("one.2",)),)),),
    }
)


@pytest.fixture
def town() -> Policy:
    """A policy that answers two questions of three."""
    return policy()


def load(town: Policy, folder: Path, **files: str) -> tuple[Trial, ...]:
    """Writes the questions of a policy and reads them."""
    home = folder / town.id / "questions"
    home.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (home / f"{name}.yaml").write_text(text, encoding="utf-8")
    return load_trials(town, SHEET, CATALOGUE, folder)


def test_a_question_with_what_it_must_get(town: Policy, tmp_path: Path) -> None:
    """One reading or several, one verdict or several, and a fact that changes it."""
    text = (
        "# A comment.\n"
        "- {q: Can I?, to: pupil, verdict: depends, then: [{say: She is 17., verdict: no}]}\n"
        "- {q: May I?, to: [parent, pupil], verdict: [yes, avoid]}\n"
        "- {q: Whose pen is it?, to: '', verdict: not_covered}\n"
    )
    path = tmp_path / town.id / "questions" / "one.yaml"
    assert load(town, tmp_path, one=text) == (
        Trial(
            "Can I?", ("pupil",), frozenset({Verdict.DEPENDS}), (Then("She is 17.", frozenset({Verdict.NO})),), path, 2
        ),
        Trial("May I?", ("parent", "pupil"), frozenset({Verdict.YES, Verdict.AVOID}), (), path, 3),
        Trial("Whose pen is it?", (), frozenset({Verdict.NOT_COVERED}), (), path, 4),
    )  # fmt: skip


def test_yes_and_no_need_no_quotation_marks(town: Policy, tmp_path: Path) -> None:
    """YAML takes them for true and false; nobody should have to know."""
    found = load(town, tmp_path, one="- {q: May I?, to: parent, verdict: yes}\n- {q: Can I?, to: pupil, verdict: [no]}")
    assert [trial.verdicts for trial in found] == [{Verdict.YES}, {Verdict.NO}]


def test_a_policy_may_have_no_questions(town: Policy, tmp_path: Path) -> None:
    """The folder can be missing, or a file empty."""
    assert load_trials(town, SHEET, CATALOGUE, tmp_path) == ()
    assert load(town, tmp_path, one="# Nothing yet.\n") == ()


@pytest.mark.parametrize(
    ("item", "words"),
    [
        ("{q: Can I?, to: pupil, verdict: no, colour: red}", "colour"),
        ("{q: Can I?, to: pupil, verdict: perhaps}", "verdict"),
        ("{q: Can I?, to: pupil, verdict: []}", "a verdict is missing"),
        ("{q: Can I?, to: pupill, verdict: no}", "pupill: the catalogue has no such question"),
        (
            "{q: Can I?, to: pupil, verdict: yes}",
            "pupil never gives yes (verdict): the school's answer gives avoid or depends or no",
        ),
        ("{q: Can I?, to: [pupil, parent], verdict: no}", "parent never gives no (verdict): the school's answer gives yes"),
        ("{q: Can I?, to: pen, verdict: no}", "pen never gives no (verdict): the school does not answer it"),
        ("{q: Can I?, to: pupil, verdict: not_covered}", "pupil never gives not_covered"),
        ("{q: Can I?, to: '', verdict: no}", "where nothing in the catalogue fits, the verdict is not_covered, not no"),
        (
            "{q: Can I?, to: pupil, verdict: depends, then: [{say: She is 5., verdict: must}]}",
            "pupil never gives must (after 'She is 5.')",
        ),
    ],
)
def test_what_is_wrong_is_refused_with_its_line(town: Policy, tmp_path: Path, item: str, words: str) -> None:
    """The file, the line, and what the school's answer does give."""
    with pytest.raises(PolicyFileError) as no:
        load(town, tmp_path, one=f"- {{q: Who am I?, to: pen, verdict: not_covered}}\n- {item}\n")
    assert words in str(no.value)
    assert "one.yaml:2: " in str(no.value)


def test_every_fault_is_named(town: Policy, tmp_path: Path) -> None:
    """Of all files, and a broken one hides none of the others."""
    with pytest.raises(PolicyFileError) as no:
        load(town, tmp_path, one="- {q: A, to: x, verdict: no}\n- {q: B, to: y, verdict: no}", two="- {q: [}", three="q: A")
    said = str(no.value)
    assert [name for name in ("one.yaml:1", "one.yaml:2", "two.yaml:1", "three.yaml:1") if name not in said] == []


def test_one_question_means_one_thing(town: Policy, tmp_path: Path) -> None:
    """Asked twice alike is no harm; the same words with another meaning are."""
    same = "- {q: Can I, to: pupil, verdict: no}\n"
    assert len(load(town, tmp_path, one=same, two="- {q: CAN  i, to: pupil, verdict: no}\n")) == 2
    with pytest.raises(PolicyFileError, match=r"two\.yaml:1: the same question means pupil at .*one\.yaml:1"):
        load(town, tmp_path, two="- {q: can i, to: parent, verdict: yes}\n")
