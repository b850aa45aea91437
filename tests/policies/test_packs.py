"""The packs that come with the program are sound: nothing wrong in any of their files, and no clause forgotten."""

import pytest

from bot import pack_trials
from bot.pack_commands import print_coverage
from storage.policy_files import POLICY_FOLDER, policy_ids
from storage.trials import Mark, ask_all
from tests.policies.loaded import engine, pack

Captured = pytest.CaptureFixture[str]


@pytest.mark.parametrize("school", policy_ids())
def test_nothing_is_wrong_with_a_pack(school: str) -> None:
    """What is refused is told by the exception, a line for each fault. Every question must want what an answer can give."""
    assert pack(school).trials
    assert pack(school).cases


@pytest.mark.parametrize("school", policy_ids())
def test_no_clause_is_without_a_rule_or_a_reason(school: str, capsys: Captured) -> None:
    """Whoever cites less, or adds a clause, says why nothing has to stand on it."""
    assert print_coverage(POLICY_FOLDER / school, as_json=False) == 0, capsys.readouterr().out


@pytest.mark.parametrize("school", policy_ids())
def test_a_pack_answers_one_in_ten_of_its_own_questions(school: str) -> None:
    """As below, of questions from all over its files: nothing that is not permitted, and nearly every one right."""
    asked = list(ask_all(engine(school), pack(school).trials[::10]))
    assert [a.trial.line for a in asked if a.mark is Mark.PERMITTED] == []
    assert sum(a.mark is Mark.RIGHT for a in asked) >= 0.9 * len(asked)


@pytest.mark.long
@pytest.mark.parametrize("school", policy_ids())
def test_a_pack_answers_its_own_questions(school: str, capsys: Captured) -> None:
    """`esafety pack test`: every case routed right, nearly every question answered right, and nothing permitted that is not."""
    assert pack_trials.test(POLICY_FOLDER / school, 0.9) == 0, capsys.readouterr().out
