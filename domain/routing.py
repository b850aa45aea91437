"""From the facts of a report to whom to alert, how urgently, and what to do first. Pure: no clock, no people, only roles."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TypeVar

from domain.deadlines import USUAL, Deadline
from domain.policy import NAMED_ONLY, Concern, Condition, Policy, RouteRule, Step
from domain.words import About, Role, Urgency

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Facts:
    """What routing turns on. None: nobody knows, or it was not asked; no rule that asks for a yes matches it."""

    concern: str
    about: About
    repeat: bool | None = None
    immediate_danger: bool = False
    illegal_suspected: bool | None = None


@dataclass(frozen=True, slots=True)
class Route:
    """Whom to alert and what to do. `private`: by direct message to the people concerned, in no shared channel."""

    notify: tuple[Role, ...]
    external: tuple[Role, ...]
    urgency: Urgency
    acknowledge: Deadline
    private: bool
    actions: tuple[Step, ...]
    warnings: tuple[Step, ...]
    cites: tuple[str, ...]
    rules: tuple[str, ...]


class UnknownConcernError(LookupError):
    """The policy has no such kind of concern."""


@lru_cache(maxsize=4096)
def route(policy: Policy, facts: Facts, excluded_roles: frozenset[Role] = frozenset()) -> Route:
    """The route for a report under a policy.

    The first of the school's routes that applies decides, else the first of the national guidance. Additions of both are then
    joined to it. A role whose every holder is excluded gives way to the next on its ladder; with nobody left inside the
    school, the LADO.

    Raises:
        UnknownConcernError: the policy has no concern of that id.
    """
    concern = policy.concerns.get(facts.concern)
    if concern is None:
        raise UnknownConcernError(facts.concern)
    decided = _first(policy.routes, facts) or _first(policy.guidance.routes, facts)
    if decided is None:
        raise UnknownConcernError(f"{facts.concern}: no route, not even in the guidance")
    rules = [decided, *_matching(policy.also, facts), *_matching(policy.guidance.also, facts)]
    if facts.about is About.HEADTEACHER:
        excluded_roles |= {Role.HEADTEACHER}
    notify, external = _stand_ins(policy, _unique(r for rule in rules for r in rule.notify), excluded_roles)
    urgency = _urgency(concern, rules)
    # A rule's own deadline is for its own urgency: where an addition has raised it, the usual one counts.
    raised = urgency is not (decided.urgency or concern.urgency)
    acknowledge = None if raised else next((rule.acknowledge for rule in rules if rule.acknowledge), None)
    return Route(
        notify=notify,
        external=_unique([*(r for rule in rules for r in rule.external if r not in excluded_roles), *external]),
        urgency=urgency,
        acknowledge=_sooner(acknowledge, policy.deadlines.get(urgency, USUAL[urgency]), urgency),
        private=concern.private or facts.about in NAMED_ONLY or any(rule.private for rule in rules),
        actions=_steps(rules, "actions"),
        warnings=_steps(rules, "warnings"),
        cites=_unique(c for rule in rules for c in rule.cites),
        rules=tuple(rule.id for rule in rules),
    )


def route_kept(policy: Policy, facts: Facts, excluded_roles: frozenset[Role] = frozenset()) -> Route:
    """The route of a report that is kept already: a concern that the policy has dropped since goes as one of no kind."""
    if facts.concern not in policy.concerns:
        facts = replace(facts, concern="other" if "other" in policy.concerns else next(iter(policy.concerns)))
    return route(policy, facts, excluded_roles)


@lru_cache(maxsize=4096)
def matters(policy: Policy, facts: Facts) -> frozenset[str]:
    """Which of `repeat` and `illegal_suspected` could change where a report goes or what is done: what screen two asks."""
    found: set[str] = set()
    choices: tuple[bool | None, ...] = (None, False, True)
    for other in choices:
        if _differ(policy, *(replace(facts, repeat=answer, illegal_suspected=other) for answer in (True, False))):
            found.add("repeat")
        if _differ(policy, *(replace(facts, repeat=other, illegal_suspected=answer) for answer in (True, False))):
            found.add("illegal_suspected")
    return frozenset(found)


def _differ(policy: Policy, one: Facts, other: Facts) -> bool:
    first, second = route(policy, one), route(policy, other)
    return replace(first, rules=second.rules) != second


def applies(when: Condition, facts: Facts) -> bool:
    """Whether a rule's condition holds for these facts."""
    if when.concerns and facts.concern not in when.concerns:
        return False
    if when.about and facts.about not in when.about:
        return False
    if not when.about and facts.about in NAMED_ONLY:
        return False
    asked = (
        (when.repeat, facts.repeat),
        (when.immediate_danger, facts.immediate_danger),
        (when.illegal_suspected, facts.illegal_suspected),
    )
    return all(wanted is None or wanted == bool(given) for wanted, given in asked)


def _first(rules: Iterable[RouteRule], facts: Facts) -> RouteRule | None:
    return next(_matching(rules, facts), None)


def _matching(rules: Iterable[RouteRule], facts: Facts) -> Iterator[RouteRule]:
    return (rule for rule in rules if applies(rule.when, facts))


def _stand_ins(
    policy: Policy, notify: tuple[Role, ...], excluded: frozenset[Role]
) -> tuple[tuple[Role, ...], tuple[Role, ...]]:
    standing: list[Role] = []
    for role in notify:
        if role not in excluded:
            standing.append(role)
            continue
        able = (r for r in (*policy.ladder(role), Role.HEADTEACHER, Role.CHAIR_OF_GOVERNORS) if r not in excluded)
        stand_in = next(able, None)
        if stand_in is not None:
            standing.append(stand_in)
    nobody_left = bool(notify) and not standing
    return _unique(standing), ((Role.LADO,) if nobody_left else ())


def _urgency(concern: Concern, rules: list[RouteRule]) -> Urgency:
    decided = rules[0].urgency or concern.urgency
    return min([decided, *(r.urgency for r in rules[1:] if r.urgency)], key=lambda u: u.rank)


def _sooner(asked: Deadline | None, usual: Deadline, urgency: Urgency) -> Deadline:
    if asked is None or urgency is Urgency.CRITICAL:
        return usual
    return asked


def _steps(rules: list[RouteRule], kind: str) -> tuple[Step, ...]:
    return _unique(step for rule in rules for step in getattr(rule, kind))


def _unique(items: Iterable[T]) -> tuple[T, ...]:
    return tuple(dict.fromkeys(items))
