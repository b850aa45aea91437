"""Reads the policy folders. The only door by which a policy comes in: what is wrong is refused, with file and place named."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import date
from functools import cache
from itertools import product
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

import policies
from domain.access import FIGURE_READERS
from domain.agencies import Agency
from domain.deadlines import Deadline, Unit
from domain.policy import USUALLY_SENT_FIGURES, Concern, Condition, Guidance, Policy, RouteRule, Section, SignOff, Step
from domain.register_terms import DEFINITIONS, USUAL_TERMS, RegisterKind, RegisterTerms, Scale
from domain.routing import Facts, Route, UnknownConcernError, applies, route
from domain.words import EXTERNAL_ROLES, About, Doer, FourC, Role, Urgency
from storage.agency_files import AGENCIES_FILE, load_agencies
from storage.agreement_files import with_agreements
from storage.calendar_files import CALENDAR_FILE, with_calendar
from storage.consent_files import CONSENT_FILE, with_consent
from storage.grid_files import with_grid
from storage.log_form_files import LOG_FORM_FILE, with_log_form
from storage.request_files import REQUESTS_FILE, with_requests
from storage.survey_files import SURVEYS_FILE, with_surveys
from storage.yaml_files import PolicyFileError, checked, line_of, read_yaml

__all__ = [
    "DOORS",
    "POLICY_FOLDER",
    "PolicyFileError",
    "RouteCase",
    "all_cites",
    "every_report",
    "load_policy",
    "load_policy_at",
    "load_without_grid",
    "placed_route_cases",
    "policy_ids",
    "route_cases",
    "rule_cites",
    "shared_folder",
]

M = TypeVar("M", bound=BaseModel)

POLICY_FOLDER = Path(policies.__path__[0])

Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_.-]*$", max_length=75)]
Sentence = Annotated[str, StringConstraints(min_length=3, max_length=400, strip_whitespace=True)]


_ABOVE_THE_HEAD = frozenset({Role.CHAIR_OF_GOVERNORS, Role.GOVERNORS})


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


class _SignOff(_Strict):
    role: Role
    reads: bool = False
    cites: Annotated[tuple[str, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _inside(self) -> "_SignOff":
        if self.role in EXTERNAL_ROLES:
            raise ValueError(f"{self.role.value} is outside the school and cannot sign in the chat")
        return self


class _Review(_Strict):
    cites: Annotated[tuple[str, ...], Field(min_length=1)]


class _Figures(_Strict):
    to: Annotated[tuple[Role, ...], Field(min_length=1)]
    cites: Annotated[tuple[str, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _who_sees_them(self) -> "_Figures":
        if wrong := sorted(r.value for r in self.to if r not in FIGURE_READERS):
            raise ValueError(f"{', '.join(wrong)} sees no figures: {', '.join(sorted(FIGURE_READERS))}")
        return self


class _Scale(_Strict):
    most: Annotated[int, Field(ge=2, le=9)]
    medium_from: Annotated[int, Field(ge=2)]
    high_from: int

    @model_validator(mode="after")
    def _in_order(self) -> "_Scale":
        if not self.medium_from < self.high_from <= self.most**2:
            raise ValueError(f"medium begins below high, and high at {self.most**2} at most")
        return self


class _Register(_Strict):
    write: frozenset[Role] | None = None
    read: frozenset[Role] | None = None
    approve: frozenset[Role] | None = None
    scale: _Scale | None = None
    cites: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _by_somebody(self) -> "_Register":
        for word, roles in (("write", self.write), ("read", self.read), ("approve", self.approve)):
            if roles is not None and not roles and word != "read":
                raise ValueError(f"nobody could {word}: name a role")
            if wrong := sorted(r.value for r in roles or () if r in EXTERNAL_ROLES):
                raise ValueError(f"{', '.join(wrong)} is outside the school, and cannot {word}")
        return self

    def to_domain(self, usual: RegisterTerms) -> RegisterTerms:
        return RegisterTerms(
            write=self.write if self.write is not None else usual.write,
            read=self.read if self.read is not None else usual.read,
            approve=self.approve if self.approve is not None else usual.approve,
            cites=self.cites,
            scale=Scale(**dict(self.scale)) if self.scale is not None else usual.scale,
        )


class _Policy(_Strict):
    school: str
    title: str
    approved: str
    review_due: date | None
    url: str | None = None
    titles: dict[Role, str]
    ladders: dict[Role, tuple[Role, ...]] = {}
    deadlines: dict[Urgency, _Deadline] = {}
    sign_off: tuple[_SignOff, ...] = ()
    incident_review: _Review | None = None
    figures: _Figures | None = None
    sections: dict[str, _Section]
    registers: dict[RegisterKind, _Register] = {}

    @model_validator(mode="after")
    def _rated_where_it_is(self) -> "_Policy":
        if wrong := [k.value for k, r in self.registers.items() if r.scale is not None and DEFINITIONS[k].levels is None]:
            raise ValueError(f"nothing is rated in the register {', '.join(wrong)}: leave `scale` out")
        return self


class _RouteExpected(_Strict):
    notify: tuple[Role, ...] | None = None
    external: tuple[Role, ...] | None = None
    urgency: Urgency | None = None
    private: bool | None = None
    cites: tuple[str, ...] = ()


class RouteCase(_Strict):
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
    cases: list[RouteCase]


def all_cites(found: Route) -> tuple[str, ...]:
    """Every clause a route stands on, those of its steps included, each once."""
    steps = (c for step in (*found.actions, *found.warnings) for c in step.cites)
    return tuple(dict.fromkeys([*found.cites, *steps]))


def policy_ids(folder: Path = POLICY_FOLDER) -> list[str]:
    """The policies there are, by the names of their folders."""
    return sorted(p.parent.name for p in folder.glob("*/policy.yaml"))


def load_policy(policy_id: str, folder: Path = POLICY_FOLDER) -> Policy:
    """The policy in `folder`/`policy_id`, checked.

    Raises:
        PolicyFileError: a file is missing or wrong, a clause does not exist, or a report could be left without a route.
    """
    if policy_id not in policy_ids(folder):
        raise PolicyFileError(f"there is no policy called {policy_id!r}: the policies are {', '.join(policy_ids(folder))}")
    return load_policy_at(folder / policy_id, folder)


def shared_folder(home: Path) -> Path:
    """Where the catalogue and the concerns of a policy's folder are: beside it, else those that come with the program."""
    beside = home.resolve().parent
    return beside if (beside / "catalogue").is_dir() and (beside / "concerns.yaml").is_file() else POLICY_FOLDER


@cache
def load_policy_at(home: Path, shared: Path = POLICY_FOLDER) -> Policy:
    """The policy in a folder anywhere, checked and with all its files; `shared` has the concerns and the guidance.

    Raises:
        PolicyFileError: as for `load_policy`.
    """
    plain, types, days = _folder_of(LOG_FORM_FILE, shared), types_folder(shared), _folder_of(CALENDAR_FILE, shared)
    policy = with_log_form(with_grid(load_without_grid(home, shared), home), home, plain)
    policy = with_agreements(with_requests(policy, home, types), home)
    policy = with_consent(policy, home, _folder_of(CONSENT_FILE, shared))
    policy = with_surveys(policy, home, _folder_of(SURVEYS_FILE, shared))
    return with_calendar(policy, home, days, _kinds(days), frozenset(a.id for a in _agencies(days)))


def types_folder(shared: Path) -> Path:
    """Where the types of requests are that all schools share: with the concerns, else those that come with the program."""
    return _folder_of(REQUESTS_FILE, shared)


def _folder_of(file: str, shared: Path) -> Path:
    return shared if (shared / file).is_file() else POLICY_FOLDER


@cache
def load_without_grid(home: Path, shared: Path) -> Policy:
    """The same without its grid, whatever is the matter with that.

    Raises:
        PolicyFileError: as for `load_policy`.
    """
    about, rules, raw = _written(home)
    guidance = _read(shared / "guidance.yaml", _Rules)
    policy = Policy(
        id=home.name,
        school=about.school,
        title=about.title,
        approved=about.approved,
        review_due=about.review_due,
        url=about.url,
        titles=about.titles,
        ladders=about.ladders,
        deadlines={u: Deadline(d.unit, d.n) for u, d in about.deadlines.items()},
        sections={k: Section(s.heading, s.points) for k, s in about.sections.items()},
        concerns=_concerns(shared, home / "routes.yaml", rules.concerns),
        routes=tuple(r.to_domain() for r in rules.routes),
        also=tuple(r.to_domain() for r in rules.also),
        guidance=Guidance(
            tuple(r.to_domain() for r in guidance.routes), tuple(r.to_domain() for r in guidance.also), _agencies(shared)
        ),
        home=home,
        registers={k: about.registers.get(k, _Register()).to_domain(usual) for k, usual in USUAL_TERMS.items()},
        sign_off=tuple(SignOff(line.role, line.reads, line.cites) for line in about.sign_off),
        review_cites=about.incident_review.cites if about.incident_review is not None else (),
        figures_to=about.figures.to if about.figures is not None else USUALLY_SENT_FIGURES,
        figures_cites=about.figures.cites if about.figures is not None else (),
    )
    if faults := list(_faults(policy)):
        raise PolicyFileError("\n".join(f"{home / file}:{_rule_line(raw, rule)}: {words}" for file, rule, words in faults))
    return policy


def route_cases(policy_id: str, folder: Path = POLICY_FOLDER) -> list[RouteCase]:
    """The worked cases that the policy keeps as its own tests."""
    return [case for _, case in placed_route_cases(folder / policy_id)]


def placed_route_cases(home: Path) -> list[tuple[int, RouteCase]]:
    """The worked cases in a policy's folder, each with its line.

    Raises:
        PolicyFileError: the file is missing or wrong.
    """
    path = home / "routing_tests.yaml"
    raw = read_yaml(path)
    return [(line_of(raw, ("cases", n)), case) for n, case in enumerate(checked(path, raw, _RouteCases).cases)]


def _written(home: Path) -> tuple[_Policy, _Routes, Any]:
    faults: list[str] = []
    about = rules = raw = None
    try:
        about = _read(home / "policy.yaml", _Policy)
    except PolicyFileError as wrong:
        faults.append(str(wrong))
    try:
        raw = read_yaml(home / "routes.yaml")
        rules = checked(home / "routes.yaml", raw, _Routes)
    except PolicyFileError as wrong:
        faults.append(str(wrong))
    if about is None or rules is None:
        raise PolicyFileError("\n".join(faults))
    return about, rules, raw


def _rule_line(raw: Any, rule: str) -> int:
    if not rule:
        return 1
    named = ((key, n) for key in ("routes", "also") for n, r in enumerate(raw.get(key) or ()) if r["id"] == rule)
    return line_of(raw, next(named, ()))


def _read(path: Path, model: type[M]) -> M:
    return checked(path, read_yaml(path), model)


def _kinds(folder: Path) -> frozenset[str]:
    """Every kind of concern beside a file, else those that come with the program."""
    return frozenset(c.id for c in _read(_folder_of("concerns.yaml", folder) / "concerns.yaml", _Catalogue).concerns)


@cache
def _agencies(shared: Path) -> tuple[Agency, ...]:
    """Those beside the concerns, else those that come with the program."""
    home = next(f for f in (shared, POLICY_FOLDER) if f == POLICY_FOLDER or (f / AGENCIES_FILE).is_file())
    return load_agencies(home / AGENCIES_FILE, _kinds(home))


def _concerns(folder: Path, place: Path, chosen: list[_ConcernChange]) -> dict[str, Concern]:
    shared = {c.id: Concern(**dict(c)) for c in _read(folder / "concerns.yaml", _Catalogue).concerns}
    found: dict[str, Concern] = {}
    for change in chosen:
        if change.id not in shared:
            raise PolicyFileError(f"{place}: concerns.yaml has no concern {change.id!r}")
        own = {k: v for k, v in dict(change).items() if v is not None}
        found[change.id] = replace(shared[change.id], **own)
    return found


def _faults(policy: Policy) -> Iterator[tuple[str, str, str]]:
    """What is wrong: the file, the rule where it is one rule's, and what to do."""
    rules = [*policy.routes, *policy.also]
    ids = [rule.id for rule in rules]
    yield from (("routes.yaml", i, f"two rules are called {i!r}") for i in sorted({i for i in ids if ids.count(i) > 1}))
    for rule in rules:
        for concern in sorted(rule.when.concerns - set(policy.concerns)):
            yield "routes.yaml", rule.id, f"rule {rule.id!r}: {concern!r} is not among this policy's concerns"
        for clause in rule_cites(rule):
            try:
                policy.cite(clause)
            except KeyError:
                yield "routes.yaml", rule.id, f"rule {rule.id!r} cites {clause!r}, which the policy does not have"
        if untitled := [r.value for r in (*rule.notify, *rule.external) if r not in policy.titles]:
            yield "routes.yaml", rule.id, f"rule {rule.id!r}: policy.yaml gives no title for {', '.join(untitled)}"
    for clause in (*policy.review_cites, *policy.figures_cites, *(c for line in policy.sign_off for c in line.cites)):
        try:
            policy.cite(clause)
        except KeyError:
            words = f"who signs or reviews an incident, or is sent figures, cites {clause!r}, which the policy does not have"
            yield "policy.yaml", "", words
    signing = [line.role for line in policy.sign_off]
    yield from (
        ("policy.yaml", "", f"{role.value} is to sign twice") for role in sorted(set(signing)) if signing.count(role) > 1
    )
    for role in sorted(set(Role) - set(policy.titles)):
        yield "policy.yaml", "", f"policy.yaml gives no title for {role.value}"
    for kind, terms in policy.registers.items():
        for clause in terms.cites:
            try:
                policy.cite(clause)
            except KeyError:
                yield "policy.yaml", "", f"the register {kind.value!r} cites {clause!r}, which the policy does not have"
    if unrouted := list(_unrouted(policy)):
        yield from (("routes.yaml", "", fault) for fault in unrouted)
    else:
        yield from _unreachable(policy)


def rule_cites(rule: RouteRule) -> Iterable[str]:
    """Every clause that a rule cites, its steps included."""
    return (*rule.cites, *(c for step in (*rule.actions, *rule.warnings) for c in step.cites))


def every_report(policy: Policy) -> Iterator[Facts]:
    """All that a report can say, as far as a route can turn on it."""
    for concern, about, repeat, danger, illegal in product(policy.concerns, About, (None, True), (False, True), (None, True)):
        yield Facts(concern, about, repeat, danger, illegal)


def _unrouted(policy: Policy) -> Iterator[str]:
    for facts in every_report(policy):
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


def _unreachable(policy: Policy) -> Iterator[tuple[str, str, str]]:
    reached = {
        next(r.id for r in (*policy.routes, *policy.guidance.routes) if applies(r.when, f)) for f in every_report(policy)
    }
    yield from (
        ("routes.yaml", r.id, f"route {r.id!r} can never be reached: an earlier one always applies")
        for r in policy.routes
        if r.id not in reached
    )


DOORS: Mapping[str, type[BaseModel]] = {"policy": _Policy, "routes": _Routes, "routing_tests": _RouteCases}
"""The forms of the files read here, by what they are called in `esafety pack schema`."""
