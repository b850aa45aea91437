"""From facts to roles: a table of what one small policy does, and what must hold under all five."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.deadlines import Deadline, Unit
from domain.policy import NAMED_ONLY, Condition, Policy, RouteRule
from domain.routing import Facts, Route, UnknownConcernError, applies, matters, route
from domain.words import EXTERNAL_ROLES, About, Role, Urgency
from storage.policy_files import load_policy, policy_ids
from tests.domain.town import TO_DSL, policy, within

POLICIES = tuple(load_policy(name) for name in policy_ids())
INSIDE = sorted(set(Role) - EXTERNAL_ROLES)
NOBODY: frozenset[Role] = frozenset()


@st.composite
def reports(draw: st.DrawFn) -> tuple[Policy, Facts]:
    """Any report under any of the five policies."""
    chosen = draw(st.sampled_from(POLICIES))
    maybe = st.sampled_from([None, False, True])
    concern = draw(st.sampled_from(sorted(chosen.concerns)))
    return chosen, Facts(concern, draw(st.sampled_from(About)), draw(maybe), draw(st.booleans()), draw(maybe))


excluded_roles = st.frozensets(st.sampled_from(INSIDE))


@pytest.mark.parametrize(
    ("facts", "excluded", "notify", "private"),
    [
        (Facts("harm", About.PUPIL), NOBODY, {Role.DSL}, False),
        (Facts("harm", About.UNKNOWN), NOBODY, {Role.DSL}, False),
        (Facts("harm", About.STAFF), NOBODY, {Role.HEADTEACHER}, True),
        (Facts("harm", About.HEADTEACHER), NOBODY, {Role.CHAIR_OF_GOVERNORS}, True),
        (Facts("quiet", About.PUPIL), NOBODY, {Role.DSL}, True),
        (Facts("harm", About.PUPIL), frozenset({Role.DSL}), {Role.DEPUTY_DSL}, False),
        (Facts("harm", About.PUPIL), frozenset({Role.DSL, Role.DEPUTY_DSL}), {Role.HEADTEACHER}, False),
        (Facts("harm", About.STAFF), frozenset({Role.HEADTEACHER}), {Role.CHAIR_OF_GOVERNORS}, True),
        (Facts("harm", About.HEADTEACHER), frozenset({Role.CHAIR_OF_GOVERNORS}), {Role.GOVERNORS}, True),
    ],
)
def test_who_is_told(facts: Facts, excluded: frozenset[Role], notify: set[Role], private: bool) -> None:
    """Whom it is about decides first; an excluded role gives way to the next on its ladder."""
    found = route(policy(), facts, excluded)
    assert set(found.notify) == notify
    assert found.private is private


def test_with_nobody_left_inside_it_is_the_lados() -> None:
    """Everybody of the school shut out: the LADO is named, and nobody inside is told."""
    found = route(policy(), Facts("harm", About.PUPIL), frozenset(INSIDE))
    assert found.notify == ()
    assert found.external == (Role.LADO,)


def test_an_unknown_concern_is_refused() -> None:
    """No route is guessed for a concern that the policy does not have."""
    with pytest.raises(UnknownConcernError, match="nonsense"):
        route(policy(), Facts("nonsense", About.PUPIL))


def test_the_first_route_that_applies_decides() -> None:
    """Routes are read from the top; additions are joined to whatever was decided."""
    repeated = RouteRule("harm.again", Condition(frozenset({"harm"}), repeat=True), notify=(Role.HEADTEACHER,))
    added = RouteRule("also.it", Condition(frozenset({"harm"})), notify=(Role.IT_SUPPORT,))
    ours = policy(repeated, also=(added,))
    assert route(ours, Facts("harm", About.PUPIL, repeat=True)).notify == (Role.HEADTEACHER, Role.IT_SUPPORT)
    assert route(ours, Facts("harm", About.PUPIL, repeat=None)).notify == (Role.DSL, Role.IT_SUPPORT)


def test_a_rule_that_names_nobody_does_not_reach_staff() -> None:
    """A route or an addition without `about` never widens a report about staff or the headteacher."""
    added = RouteRule("also.all", Condition(), notify=(Role.SENIOR_LEADERSHIP,), external=(Role.POLICE,))
    for about, only in ((About.STAFF, Role.HEADTEACHER), (About.HEADTEACHER, Role.CHAIR_OF_GOVERNORS)):
        found = route(policy(also=(added,)), Facts("harm", about))
        assert found.notify == (only,)
        assert found.external == ()


def test_an_addition_that_raises_the_urgency_brings_the_deadline_forward() -> None:
    """A route may give its cases until tomorrow; once an addition makes one critical or high, the usual minutes count."""
    slow = replace(TO_DSL, id="slow", acknowledge=Deadline(Unit.SCHOOL_DAY, 1))
    illegal = RouteRule("also.illegal", Condition(illegal_suspected=True), urgency=Urgency.HIGH)
    ours = policy(slow, also=(illegal,))
    assert route(ours, Facts("harm", About.PUPIL)).acknowledge == Deadline(Unit.SCHOOL_DAY, 1)
    assert route(ours, Facts("harm", About.PUPIL, illegal_suspected=True)).acknowledge == within(60)
    assert route(ours, Facts("harm", About.PUPIL, immediate_danger=True)).acknowledge == within(15)


def test_an_addition_never_lowers_the_urgency() -> None:
    """A rule that is joined can only raise."""
    calm = RouteRule("also.calm", Condition(), urgency=Urgency.LOW)
    assert route(policy(also=(calm,)), Facts("harm", About.PUPIL)).urgency is Urgency.MEDIUM


def test_the_schools_own_deadline_stands_for_its_urgency() -> None:
    """A school that sets an hour to twenty minutes gets twenty minutes."""
    ours = policy(deadlines={Urgency.MEDIUM: within(20)})
    assert route(ours, Facts("harm", About.PUPIL)).acknowledge == within(20)


@given(reports(), excluded_roles)
@settings(max_examples=150, deadline=None)
def test_every_report_has_a_route(report: tuple[Policy, Facts], excluded: frozenset[Role]) -> None:
    """Whatever was answered and whoever is shut out: somebody inside is told, or else the LADO is named."""
    chosen, facts = report
    found = route(chosen, facts, excluded)
    assert found.notify or Role.LADO in found.external
    assert not set(found.notify) & EXTERNAL_ROLES
    assert set(found.external) <= EXTERNAL_ROLES
    assert found.rules


@given(reports(), excluded_roles)
@settings(max_examples=150, deadline=None)
def test_the_excluded_are_never_told(report: tuple[Policy, Facts], excluded: frozenset[Role]) -> None:
    """No excluded role is alerted, and the head never about the head."""
    chosen, facts = report
    found = route(chosen, facts, excluded)
    assert not set(found.notify) & excluded
    if facts.about is About.HEADTEACHER:
        assert Role.HEADTEACHER not in found.notify
        assert set(found.notify) <= {Role.CHAIR_OF_GOVERNORS, Role.GOVERNORS}


@given(reports())
@settings(max_examples=100, deadline=None)
def test_reports_about_staff_follow_rules_that_name_them(report: tuple[Policy, Facts]) -> None:
    """No rule that leaves `about` open decides on staff or the headteacher, and such reports are private."""
    chosen, facts = report
    found = route(chosen, facts)
    every = [*chosen.routes, *chosen.also, *chosen.guidance.routes, *chosen.guidance.also]
    used = [rule for rule in every if rule.id in found.rules and applies(rule.when, facts)]
    assert {rule.id for rule in used} == set(found.rules)
    if facts.about in NAMED_ONLY:
        assert all(facts.about in rule.when.about for rule in used)
    assert found.private is (
        chosen.concerns[facts.concern].private or facts.about in NAMED_ONLY or any(rule.private for rule in used)
    )


@given(reports())
@settings(max_examples=100, deadline=None)
def test_additions_only_raise_the_urgency(report: tuple[Policy, Facts]) -> None:
    """What is joined makes a report more urgent or leaves it; danger always makes it critical, to be answered in minutes."""
    chosen, facts = report
    bare = replace(chosen, also=(), guidance=replace(chosen.guidance, also=()))
    found = route(chosen, facts)
    assert found.urgency.rank <= route(bare, facts).urgency.rank
    if facts.immediate_danger:
        assert found.urgency is Urgency.CRITICAL
        assert found.acknowledge.unit is Unit.MINUTES


def _answered(facts: Facts, question: str, answer: bool | None) -> Facts:
    return replace(facts, repeat=answer) if question == "repeat" else replace(facts, illegal_suspected=answer)


def _but_for_rules(found: Route) -> Route:
    return replace(found, rules=())


@given(reports())
@settings(max_examples=100, deadline=None)
def test_what_is_not_asked_changes_nothing(report: tuple[Policy, Facts]) -> None:
    """Where screen two does not ask a question, no answer to it could lead anywhere else."""
    chosen, facts = report
    asked = matters(chosen, facts)
    for name in {"repeat", "illegal_suspected"} - asked:
        routes = {_but_for_rules(route(chosen, _answered(facts, name, answer))) for answer in (None, False, True)}
        assert len(routes) == 1, name


@given(reports())
@settings(max_examples=100, deadline=None)
def test_what_is_asked_can_change_something(report: tuple[Policy, Facts]) -> None:
    """A question is asked only where some answer to it, with some answer to the other, leads elsewhere."""
    chosen, facts = report
    for name in matters(chosen, facts):
        other = "illegal_suspected" if name == "repeat" else "repeat"
        pairs = [
            [_but_for_rules(route(chosen, _answered(base, name, answer))) for answer in (True, False)]
            for base in (_answered(facts, other, held) for held in (None, False, True))
        ]
        assert any(yes != no for yes, no in pairs)


@given(reports(), excluded_roles)
@settings(max_examples=60, deadline=None)
def test_every_role_and_clause_can_be_shown(report: tuple[Policy, Facts], excluded: frozenset[Role]) -> None:
    """Each role that a route names has the school's title, and each clause is one that the policy prints."""
    chosen, facts = report
    found = route(chosen, facts, excluded)
    assert all(chosen.role_title(role) for role in (*found.notify, *found.external))
    steps = (*found.actions, *found.warnings)
    for clause in {*found.cites, *(c for step in steps for c in step.cites)}:
        assert chosen.cite(clause).heading
