"""The packs that come with the program are sound: nothing wrong in any of their files, and no clause forgotten."""

import pytest

from bot import pack_trials
from bot.pack_commands import print_coverage
from storage.policy_files import POLICY_FOLDER, policy_ids
from tests.policies.loaded import pack

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
def test_a_pack_answers_its_own_questions(school: str, capsys: Captured) -> None:
    """`esafety pack test`: every case routed right, nearly every question answered right, and nothing permitted that is not."""
    assert pack_trials.test(POLICY_FOLDER / school, 0.9) == 0, capsys.readouterr().out
