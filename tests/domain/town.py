"""A small school for the rules of the job: a policy of three routes, eight members of staff, two houses."""

from collections.abc import Mapping
from dataclasses import replace

from domain.deadlines import Deadline, Unit
from domain.people import Group, Holders, Kind, Person, Platform, School, Staff
from domain.policy import Concern, Condition, Guidance, Policy, RouteRule, Section, Step
from domain.words import About, FourC, Role, Urgency

HARM = Concern("harm", "Harm", "Somebody is harmed", FourC.CONTACT, Urgency.MEDIUM)
QUIET = Concern("quiet", "Quiet", "For few", FourC.CONDUCT, Urgency.LOW, private=True)

TO_DSL = RouteRule("harm.any", Condition(frozenset({"harm"})), notify=(Role.DSL,), cites=("one.1",))
TO_HEAD = RouteRule("staff", Condition(about=frozenset({About.STAFF})), notify=(Role.HEADTEACHER,))
TO_CHAIR = RouteRule("head", Condition(about=frozenset({About.HEADTEACHER})), notify=(Role.CHAIR_OF_GOVERNORS,))
OTHERWISE = RouteRule("guidance.any", Condition(), notify=(Role.DSL,), actions=(Step("Tell the lead."),))
ON_DANGER = RouteRule(
    "guidance.danger",
    Condition(about=frozenset(About), immediate_danger=True),
    external=(Role.POLICE,),
    urgency=Urgency.CRITICAL,
)


def policy(*routes: RouteRule, also: tuple[RouteRule, ...] = (), deadlines: Mapping[Urgency, Deadline] | None = None) -> Policy:
    """A policy with those routes before the ones that every policy here has."""
    return Policy(
        id="town",
        school="Town School",
        title="Online safety",
        approved="2026",
        review_due=None,
        url=None,
        titles={role: role.value for role in Role},
        ladders={},
        deadlines=deadlines or {},
        sections={"one": Section("One", 2)},
        concerns={"harm": HARM, "quiet": QUIET},
        routes=(*routes, TO_DSL, TO_HEAD, TO_CHAIR),
        also=also,
        guidance=Guidance((OTHERWISE, TO_HEAD, TO_CHAIR), (ON_DANGER,)),
    )


def person(name: str, **more: str) -> Person:
    """A member of staff; the e-mail is made of the name."""
    key = name.lower().replace(" ", ".")
    return Person(key, Kind.STAFF, name, f"{key}@town.example", **more)


LEAD, DEPUTY, HEAD, CHAIR = person("Lena Lead"), person("Dev Deputy"), person("Hugo Hale"), person("Cora Chair")
RED_HEAD, BLUE_HEAD, TECH = person("Rita Redhouse"), person("Bob Bluehouse"), person("Ted Tech")
TEACHER = person("Tara Teacher", line_manager=RED_HEAD.email)
EVERYBODY = (LEAD, DEPUTY, HEAD, CHAIR, RED_HEAD, BLUE_HEAD, TECH, TEACHER)
STAFF = Staff(EVERYBODY)


def pupil(name: str, house: str = "", form: str = "") -> Person:
    """A pupil."""
    return Person(f"pupil-{name}", Kind.PUPIL, name, house=house, form=form)


def only(*people: Person) -> Holders:
    """Those people hold a role, in that order."""
    return Holders(tuple(p.email for p in people))


SCHOOL = School(
    id="town",
    name="Town School",
    prefix="TS",
    policy=policy(),
    holders={
        Role.DSL: only(LEAD),
        Role.DEPUTY_DSL: only(DEPUTY),
        Role.HEADTEACHER: only(HEAD),
        Role.CHAIR_OF_GOVERNORS: only(CHAIR),
        Role.IT_SUPPORT: only(TECH),
        Role.HEAD_OF_HOUSE: Holders(by_group={"Red": (RED_HEAD.email,), "Blue": (BLUE_HEAD.email,)}),
    },
    channels={Platform.SLACK: {(Role.DSL, ""): "C-LEADS", (Role.HEAD_OF_HOUSE, "Red"): "C-RED"}},
    houses=("Red", "Blue"),
)


def school(**changes: object) -> School:
    """The school with something else about it."""
    return replace(SCHOOL, **changes)  # type: ignore[arg-type] # each test names a field of School


def within(minutes: int) -> Deadline:
    """So many minutes."""
    return Deadline(Unit.MINUTES, minutes)


NO_GROUPS: Mapping[Group, tuple[str, ...]] = {}
