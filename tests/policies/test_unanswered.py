"""Whom a private report climbs to under each policy when nobody ever answers: those whom it names, the head and the chair."""

from dataclasses import replace
from itertools import product

import pytest

from bot.settings import DEMO_SCHOOLS
from domain.audience import duties, next_rung
from domain.incident import Asked, Summons
from domain.people import Holders, Kind, Person, School, Staff
from domain.policy import Policy
from domain.routing import Facts, route
from domain.words import EXTERNAL_ROLES, About, Role
from storage.policy_files import load_policy, policy_ids
from storage.school_files import load_schools
from tests.domain.test_audience import NOW

HOLDERS = {
    role: Person(role.value, Kind.STAFF, role.value, f"{role}@town.example") for role in Role if role not in EXTERNAL_ROLES
}
STAFF = Staff(HOLDERS.values())
HEAD, CHAIR = "headteacher > chair_of_governors", "chair_of_governors > governors"
DSL, ELTONS_DSL, LEADERS = f"dsl > {HEAD}", "dsl > chair_of_governors", f"senior_leadership > {HEAD}"
OFFICER = f"esafety_officer > {HEAD}"

CLIMBS: dict[str, dict[str, set[str]]] = {
    # Whom it is about, or «quiet» for a private concern about anybody else: each duty with everybody asked for it, in order.
    "chipping-sodbury": {
        "staff": {HEAD, DSL, f"{DSL}; {HEAD}", f"it_support > {HEAD}; {HEAD}"},
        "quiet": {f"{DSL}; {HEAD}"},
        "headteacher": {CHAIR},
    },
    "cookridge": {
        "staff": {
            HEAD,
            LEADERS,
            f"{DSL}; {HEAD}",
            f"{DSL}; {LEADERS}",
            f"{HEAD}; {LEADERS}",
            f"line_manager > {LEADERS}; {LEADERS}",
        },
        "quiet": {HEAD, f"{DSL}; {HEAD}", f"{HEAD}; {LEADERS}"},
        "headteacher": {CHAIR},
    },
    "danecourt": {
        "staff": {
            HEAD,
            f"{OFFICER}; computing_coordinator > {OFFICER}; it_support > {OFFICER}; {HEAD}",
        },
        "quiet": {HEAD},
        "headteacher": {CHAIR},
    },
    "elton": {
        # The head is the child protection officer too, and stands in for nobody in that.
        "staff": {HEAD, f"{HEAD}; {ELTONS_DSL}", f"{ELTONS_DSL}; {HEAD}", f"{HEAD}; {OFFICER}"},
        "quiet": {HEAD, f"{HEAD}; {ELTONS_DSL}"},
        "headteacher": {CHAIR},
    },
    "ken-stimpson": {
        "staff": {HEAD, f"it_support > {LEADERS}; {LEADERS}"},
        "quiet": {HEAD},
        "headteacher": {CHAIR},
    },
}


def town(policy: Policy) -> School:
    """A school of that policy in which every role has a holder of its own."""
    demo = next(iter(load_schools(DEMO_SCHOOLS).values()))
    return replace(demo, policy=policy, holders={role: Holders((p.email,)) for role, p in HOLDERS.items()})


def climbs(school: School, facts: Facts) -> str:
    """Everybody who is asked for each duty of a report until the first is asked again."""
    found = route(school.policy, facts)
    excluded = frozenset({HOLDERS[Role.HEADTEACHER].id} if facts.about is About.HEADTEACHER else ())
    told = []
    for duty in duties(school, STAFF, found.notify, {}, excluded, private=found.private, readers={}):
        asked: list[Summons] = []
        while (step := next_rung(duty.rungs, asked, 0)) is not None and step[1] == 0:
            asked.append(Summons("a", step[0].person.id, step[0].role, Asked.CLIMBED, 0, NOW))
        told.append(" > ".join(s.person_id for s in asked))
        assert not (found.private and duty.channels)
    return "; ".join(told)


@pytest.mark.parametrize("policy_id", policy_ids())
def test_nobody_answers_a_private_report(policy_id: str) -> None:
    """Every kind of concern about staff or the head, and every private one, with every answer to what is asked besides."""
    policy = load_policy(policy_id)
    school, found = town(policy), dict[str, set[str]]()
    for facts in (Facts(*each) for each in product(policy.concerns, About, (None, True), (False, True), (None, True))):
        if route(policy, facts).private:
            about = facts.about if facts.about in (About.STAFF, About.HEADTEACHER) else "quiet"
            found.setdefault(about, set()).add(climbs(school, facts))
    assert found == CLIMBS[policy_id]


def test_a_worry_about_a_pupil_climbs_by_the_whole_ladder() -> None:
    """Where it is not private the deputies are asked after the lead."""
    school = town(load_policy("chipping-sodbury"))
    assert climbs(school, Facts("grooming", About.PUPIL)) == f"dsl > deputy_dsl > {HEAD}"
