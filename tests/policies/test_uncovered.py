"""The clauses on which nothing has to stand, at the schools whose policies come with the program."""

import pytest

from storage.coverage import coverage, load_uncovered
from storage.policy_files import load_policy, policy_ids
from tests.policies.loaded import sheet


@pytest.mark.parametrize("school", policy_ids())
def test_a_clause_with_a_reason_is_one_that_nothing_cites(school: str) -> None:
    """Once a rule stands on it, the reason is taken out."""
    policy = load_policy(school)
    uncovered = load_uncovered(policy)
    assert uncovered
    assert [c.id for c in coverage(policy, sheet(school), uncovered) if c.cited and c.reason] == []
