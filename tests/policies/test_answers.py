"""The schools' answers: every file can be used, the ranking is the newest, and an answer is a rule with its clause."""

import io
import json
from pathlib import Path

import pytest

from bot.ask_command import ask_batch
from domain.answers import Verdict, decide
from storage.answer_files import load_catalogue, load_sheet
from storage.answering import learnt, load_engine
from storage.policy_files import PolicyFileError, load_policy, policy_ids

FORM = {"id", "verdict", "rule", "title", "answer", "cites", "roles", "asks", "alternatives"}


def test_the_ranking_was_learnt_from_this_catalogue() -> None:
    """After a change of the catalogue or the lexicon it is learnt anew, and kept with them."""
    assert learnt().ranking.questions


@pytest.mark.parametrize("school", policy_ids())
def test_every_answer_can_be_given(school: str) -> None:
    """Each case of each answer is a verdict, words, and clauses that the policy has."""
    policy, catalogue = load_policy(school), load_catalogue()
    for answer in load_sheet(policy, catalogue).answers.values():
        for case in answer.cases:
            facts = {fact: min(values) for fact, values in case.when.items()}
            decision = decide(catalogue.questions[answer.to], answer, facts)
            assert decision.verdict is not Verdict.DEPENDS
            assert all(policy.cite(clause).heading for clause in decision.cites)


def test_a_fact_that_decides_is_asked_for_and_then_decides() -> None:
    """A former pupil's age, at Elton: asked, and said."""
    engine = load_engine(load_policy("elton"))
    open_still = engine.understand("can i friend an ex-pupil?")
    assert (open_still.best.decision.verdict, open_still.best.decision.missing) == (Verdict.DEPENDS, "age")
    told = engine.understand("can i friend an ex-pupil?", chosen=open_still.best.question.id, facts={"age": "under_18"})
    assert told.best.decision.verdict is Verdict.NO
    assert engine.understand("can i friend an ex-pupil? She is 17.").best.decision.verdict is Verdict.NO


def test_what_no_policy_says_is_said_so() -> None:
    """Recognised, and not taken for its neighbour."""
    for school in policy_ids():
        found = load_engine(load_policy(school)).understand("How do I claim my mileage for a course?")
        assert found.best.decision.verdict is Verdict.NOT_COVERED


def test_answers_in_lines() -> None:
    """In the order of the questions, each in the stable form; a line that is none says so and does not stop the others."""
    asked = ['{"id": 1, "q": "Can I follow a pupil on Instagram?"}', '{"id": 2}', '{"id": "x", "q": "\\ud800 ???"}', ""]
    out = io.StringIO()
    assert ask_batch(load_policy("elton"), io.StringIO("\n".join(asked)), out) == 1
    first, wrong, odd = (json.loads(line) for line in out.getvalue().splitlines())
    assert first["id"] == 1
    assert set(first) == FORM
    assert (first["verdict"], len(first["alternatives"])) == ("no", 3)
    assert "line 2" in wrong["error"]
    assert odd["id"] == "x" or "error" in odd


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        ("- to: nothing-like-it\n  cases: [{verdict: info, say: Something., cites: [staff-guidance.1]}]", "no such question"),
        ("- to: friend-pupil\n  cases: [{verdict: perhaps, say: Something., cites: [staff-guidance.1]}]", "verdict"),
        ("- to: friend-pupil\n  cases: [{verdict: info, say: Something., cites: [nowhere.1]}]", "nowhere.1"),
        ("- to: friend-pupil\n  cases: [{verdict: info, say: Something., cites: [staff-guidance.1], colour: red}]", "colour"),
    ],
)
def test_a_wrong_answer_is_refused_with_its_line(broken: str, words: str, tmp_path: Path) -> None:
    """The file and the line are named."""
    folder = tmp_path / "elton" / "answers"
    folder.mkdir(parents=True)
    (folder / "contact.yaml").write_text(f"# A comment.\n{broken}\n", encoding="utf-8")
    with pytest.raises(PolicyFileError, match=r"contact\.yaml:[23]") as refused:
        load_sheet(load_policy("elton"), load_catalogue(), tmp_path)
    assert words in str(refused.value)
