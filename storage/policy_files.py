"""Reads the policy folders. The only door by which a policy comes in: what is wrong is refused, with file and place named."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import date
from functools import cache
from itertools import product
from pathlib import Path
from typing import Annotated, Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

import policies
from domain.deadlines import Deadline, Unit
from domain.policy import Concern, Condition, Guidance, Policy, RouteRule, Section, Step
from domain.routing import Facts, Route, UnknownConcernError, applies, route
from domain.words import EXTERNAL_ROLES, About, Doer, FourC, Role, Urgency

M = TypeVar("M", bound=BaseModel)

POLICY_FOLDER = Path(policies.__path__[0])

Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_.-]*$", max_length=75)]
Sentence = Annotated[str, StringConstraints(min_length=3, max_length=400, strip_whitespace=True)]


_ABOVE_THE_HEAD = frozenset({Role.CHAIR_OF_GOVERNORS, Role.GOVERNORS})


class PolicyFileError(Exception):
    """A policy file cannot be used. The message names the file, the place in it, and what to do."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Concern(_Strict):
    id: Slug
    label: Annotated[str, StringConstraints(min_length=3, max_length=70)]
    hint: Annotated[str, StringConstraints(min_length=3, max_length=75)]
    four_c: FourC
    urgency: Urgency
    private: bool = False
    images: bool = False


class _ConcernChange(_Strict):
    id: Slug
    label: Annotated[str, StringConstraints(min_length=3, max_length=70)] | None = None
    hint: Annotated[str, StringConstraints(min_length=3, max_length=75)] | None = None
    urgency: Urgency | None = None
    private: bool | None = None


class _Catalogue(_Strict):
    concerns: list[_Concern]


class _Deadline(_Strict):
    unit: Unit
    n: int

    @model_validator(mode="after")
    def _in_the_future(self) -> "_Deadline":
        Deadline(self.unit, self.n)
        return self


class _Action(_Strict):
    do: Sentence
    by: Doer = Doer.LEAD
    cites: tuple[str, ...] = ()


class _Warning(_Strict):
    say: Sentence
    cites: tuple[str, ...] = ()


class _When(_Strict):
    concerns: frozenset[Slug] = frozenset()
    about: frozenset[About] = frozenset()
    repeat: bool | None = None
    immediate_danger: bool | None = None
    illegal_suspected: bool | None = None


class _Rule(_Strict):
    id: Slug
    when: _When
    notify: tuple[Role, ...] = ()
    external: tuple[Role, ...] = ()
    urgency: Urgency | None = None
    acknowledge: _Deadline | None = None
    private: bool = False
    actions: tuple[_Action, ...] = ()
    warnings: tuple[_Warning, ...] = ()
    cites: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _inside_and_outside(self) -> "_Rule":
        if wrong := [r.value for r in self.notify if r in EXTERNAL_ROLES]:
            raise ValueError(f"{', '.join(wrong)} cannot be alerted in the chat: put it under `external`")
        if wrong := [r.value for r in self.external if r not in EXTERNAL_ROLES]:
            raise ValueError(f"{', '.join(wrong)} is inside the school: put it under `notify`")
        return self

    def to_domain(self) -> RouteRule:
        return RouteRule(
            id=self.id,
            when=Condition(**dict(self.when)),
            notify=self.notify,
            external=self.external,
            urgency=self.urgency,
            acknowledge=Deadline(self.acknowledge.unit, self.acknowledge.n) if self.acknowledge else None,
            private=self.private,
            actions=tuple(Step(a.do, a.cites, a.by) for a in self.actions),
            warnings=tuple(Step(w.say, w.cites) for w in self.warnings),
            cites=self.cites,
        )


class _Rules(_Strict):
    routes: list[_Rule]
    also: list[_Rule] = []


class _Routes(_Rules):
    concerns: list[_ConcernChange]


class _Section(_Strict):
    heading: str
    points: Annotated[int, Field(ge=1)]


class _Policy(_Strict):
    school: str
    title: str
    approved: str
    review_due: date | None
    url: str | None = None
    titles: dict[Role, str]
    ladders: dict[Role, tuple[Role, ...]] = {}
    deadlines: dict[Urgency, _Deadline] = {}
    sections: dict[str, _Section]


class _RouteExpected(_Strict):
    notify: tuple[Role, ...] | None = None
    external: tuple[Role, ...] | None = None
    urgency: Urgency | None = None
    private: bool | None = None
    cites: tuple[str, ...] = ()


class _RouteCase(_Strict):
    """One worked case in a policy's own tests. What is expected and left out does not matter."""

    story: str
    category: Slug
    about: About
    repeat: bool | None = None
    immediate_danger: bool = False
    illegal_suspected: bool | None = None
    excluded_roles: frozenset[Role] = frozenset()
    expect: _RouteExpected
    never: tuple[Role, ...] = ()

    def mistakes(self, policy: Policy) -> list[str]:
        """What the policy does other than this case expects; empty when it is right."""
        facts = Facts(self.category, self.about, self.repeat, self.immediate_danger, self.illegal_suspected)
        got = route(policy, facts, self.excluded_roles)
        wrong = []
        if self.expect.notify is not None and set(got.notify) != set(self.expect.notify):
            wrong.append(f"alerts {[r.value for r in got.notify]}, expected {[r.value for r in self.expect.notify]}")
        if self.expect.external is not None and set(got.external) != set(self.expect.external):
            wrong.append(f"outside {[r.value for r in got.external]}, expected {[r.value for r in self.expect.external]}")
        if self.expect.urgency and got.urgency != self.expect.urgency:
            wrong.append(f"urgency {got.urgency}, expected {self.expect.urgency}")
        if self.expect.private is not None and got.private != self.expect.private:
            wrong.append(f"private {got.private}, expected {self.expect.private}")
        if missing := set(self.expect.cites) - set(all_cites(got)):
            wrong.append(f"does not cite {sorted(missing)}")
        if leaked := set(self.never) & {*got.notify, *got.external}:
            wrong.append(f"must never tell {sorted(leaked)}")
        return wrong


class _RouteCases(_Strict):
    cases: list[_RouteCase]


def all_cites(found: Route) -> tuple[str, ...]:
    """Every clause a route stands on, those of its steps included, each once."""
    steps = (c for step in (*found.actions, *found.warnings) for c in step.cites)
    return tuple(dict.fromkeys([*found.cites, *steps]))


def policy_ids(folder: Path = POLICY_FOLDER) -> list[str]:
    """The policies there are, by the names of their folders."""
    return sorted(p.parent.name for p in folder.glob("*/policy.yaml"))


@cache
def load_policy(policy_id: str, folder: Path = POLICY_FOLDER) -> Policy:
    """The policy in `folder`/`policy_id`, checked.

    Raises:
        PolicyFileError: a file is missing or wrong, a clause does not exist, or a report could be left without a route.
    """
    home = folder / policy_id
    if policy_id not in policy_ids(folder):
        raise PolicyFileError(f"there is no policy called {policy_id!r}: the policies are {', '.join(policy_ids(folder))}")
    about, rules = _read(home / "policy.yaml", _Policy), _read(home / "routes.yaml", _Routes)
    guidance = _read(folder / "guidance.yaml", _Rules)
    policy = Policy(
        id=policy_id,
        school=about.school,
        title=about.title,
        approved=about.approved,
        review_due=about.review_due,
        url=about.url,
        titles=about.titles,
        ladders=about.ladders,
        deadlines={u: Deadline(d.unit, d.n) for u, d in about.deadlines.items()},
        sections={k: Section(s.heading, s.points) for k, s in about.sections.items()},
        concerns=_concerns(folder, home / "routes.yaml", rules.concerns),
        routes=tuple(r.to_domain() for r in rules.routes),
        also=tuple(r.to_domain() for r in rules.also),
        guidance=Guidance(tuple(r.to_domain() for r in guidance.routes), tuple(r.to_domain() for r in guidance.also)),
    )
    if faults := list(_faults(policy)):
        raise PolicyFileError("\n".join(f"{home / 'routes.yaml'}: {fault}" for fault in faults))
    return policy


def route_cases(policy_id: str, folder: Path = POLICY_FOLDER) -> list[_RouteCase]:
    """The worked cases that the policy keeps as its own tests."""
    return _read(folder / policy_id / "routing_tests.yaml", _RouteCases).cases


def _read(path: Path, model: type[M]) -> M:
    try:
        return model.model_validate(_yaml(path))
    except ValidationError as wrong:
        places = "; ".join(f"{'.'.join(map(str, e['loc'])) or 'top'}: {e['msg']}" for e in wrong.errors())
        raise PolicyFileError(f"{path}: {places}") from None


def _yaml(path: Path) -> Any:
    try:
        # The safe loader in C where there is one: a start reads five policies.
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        return yaml.load(path.read_text(encoding="utf-8"), Loader=loader)  # noqa: S506
    except FileNotFoundError:
        raise PolicyFileError(f"{path} is missing: every policy folder needs one") from None
    except (yaml.YAMLError, UnicodeDecodeError) as wrong:
        raise PolicyFileError(f"{path} is not valid YAML: {wrong}") from None


def _concerns(folder: Path, place: Path, chosen: list[_ConcernChange]) -> dict[str, Concern]:
    shared = {c.id: Concern(**dict(c)) for c in _read(folder / "concerns.yaml", _Catalogue).concerns}
    found: dict[str, Concern] = {}
    for change in chosen:
        if change.id not in shared:
            raise PolicyFileError(f"{place}: concerns.yaml has no concern {change.id!r}")
        own = {k: v for k, v in dict(change).items() if v is not None}
        found[change.id] = replace(shared[change.id], **own)
    return found


def _faults(policy: Policy) -> Iterator[str]:
    rules = [*policy.routes, *policy.also]
    ids = [rule.id for rule in rules]
    yield from (f"two rules are called {i!r}" for i in sorted({i for i in ids if ids.count(i) > 1}))
    for rule in rules:
        for concern in sorted(rule.when.concerns - set(policy.concerns)):
            yield f"rule {rule.id!r}: {concern!r} is not among this policy's concerns"
        for clause in _cited(rule):
            try:
                policy.cite(clause)
            except KeyError:
                yield f"rule {rule.id!r} cites {clause!r}, which the policy does not have"
        if untitled := [r.value for r in (*rule.notify, *rule.external) if r not in policy.titles]:
            yield f"rule {rule.id!r}: policy.yaml gives no title for {', '.join(untitled)}"
    for role in sorted(set(Role) - set(policy.titles)):
        yield f"policy.yaml gives no title for {role.value}"
    if faults := list(_unrouted(policy)):
        yield from faults
    else:
        yield from _unreachable(policy)


def _cited(rule: RouteRule) -> Iterable[str]:
    return (*rule.cites, *(c for step in (*rule.actions, *rule.warnings) for c in step.cites))


def _every_report(policy: Policy) -> Iterator[Facts]:
    for concern, about, repeat, danger, illegal in product(policy.concerns, About, (None, True), (False, True), (None, True)):
        yield Facts(concern, about, repeat, danger, illegal)


def _unrouted(policy: Policy) -> Iterator[str]:
    for facts in _every_report(policy):
        try:
            found = route(policy, facts)
        except UnknownConcernError:
            yield f"a report of {facts.concern!r} about {facts.about} has no route"
            continue
        if not found.notify:
            yield f"a report of {facts.concern!r} about {facts.about} alerts nobody (rules {', '.join(found.rules)})"
        if facts.about is About.HEADTEACHER and (under := set(found.notify) - _ABOVE_THE_HEAD):
            names = ", ".join(sorted(under))
            yield f"a report of {facts.concern!r} about the headteacher would go to {names}, who is the head or answers to them"


def _unreachable(policy: Policy) -> Iterator[str]:
    reached = {
        next(r.id for r in (*policy.routes, *policy.guidance.routes) if applies(r.when, f)) for f in _every_report(policy)
    }
    yield from (
        f"route {r.id!r} can never be reached: an earlier one always applies" for r in policy.routes if r.id not in reached
    )
