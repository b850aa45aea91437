"""The five policies: each loads whole, and each gets the worked cases right that it keeps beside its routes."""

from pathlib import Path

import pytest

from domain.routing import Facts, route
from domain.words import About, Role
from storage.policy_files import POLICY_FOLDER, load_policy, policy_ids, route_cases

CASES = [(policy, number, case) for policy in policy_ids() for number, case in enumerate(route_cases(policy))]


def test_the_five_policies_are_there() -> None:
    """One folder for each school's policy."""
    assert policy_ids() == ["chipping-sodbury", "cookridge", "danecourt", "elton", "ken-stimpson"]


@pytest.mark.parametrize("policy_id", policy_ids())
def test_a_policy_loads_whole(policy_id: str) -> None:
    """Its title, a title for every role, and at least one concern for each of the four Cs."""
    policy = load_policy(policy_id)
    assert policy.school
    assert policy.title
    assert set(policy.titles) == set(Role)
    assert {c.four_c for c in policy.concerns.values()} == {"content", "contact", "conduct", "commerce"}
    assert policy.concerns.keys() >= {"staff_conduct", "low_level_concern", "nude_image", "other"}
    assert policy.concerns["nude_image"].images


@pytest.mark.parametrize("policy_id", policy_ids())
def test_a_low_level_concern_is_always_private(policy_id: str) -> None:
    """Whoever it is said to be about, it goes by direct message."""
    policy = load_policy(policy_id)
    for concern in ("low_level_concern", "staff_conduct"):
        for about in About:
            assert route(policy, Facts(concern, about)).private, (concern, about)


@pytest.mark.parametrize("policy_id", policy_ids())
def test_the_image_rule_comes_before_any_free_text(policy_id: str) -> None:
    """Every concern that may be about an indecent image carries the warning not to view, copy or ask for it."""
    policy = load_policy(policy_id)
    for concern in (c for c in policy.concerns.values() if c.images):
        for about in About:
            said = " ".join(w.text for w in route(policy, Facts(concern.id, about)).warnings)
            assert "Do not view, copy" in said, (concern.id, about)


@pytest.mark.parametrize("policy_id", policy_ids())
def test_a_policy_keeps_cases_of_its_own(policy_id: str) -> None:
    """Beside its routes stand the worked cases that they must keep getting right."""
    home = POLICY_FOLDER / policy_id
    assert {p.name for p in home.iterdir() if p.suffix == ".yaml"} >= {"policy.yaml", "routes.yaml", "routing_tests.yaml"}
    assert len(route_cases(policy_id)) >= 20


@pytest.mark.parametrize(
    ("policy_id", "number"), [(policy, number) for policy, number, _ in CASES], ids=[f"{p}-{n}" for p, n, _ in CASES]
)
def test_a_worked_case(policy_id: str, number: int) -> None:
    """The case is routed as its story says."""
    case = route_cases(policy_id)[number]
    assert case.mistakes(load_policy(policy_id)) == [], case.story


def test_no_two_cases_of_a_policy_are_the_same() -> None:
    """A case that is written twice proves nothing more."""
    for policy_id in policy_ids():
        stories = [case.story for case in route_cases(policy_id)]
        assert len(stories) == len(set(stories)), policy_id


def test_the_folder_is_data() -> None:
    """No code stands among the policies."""
    assert [p.name for p in Path(POLICY_FOLDER).rglob("*.py")] == ["__init__.py"]
