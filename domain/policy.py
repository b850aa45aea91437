"""What a school's policy says about incidents, as data: kinds of concern, routes, titles, and where each clause is printed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import PurePath
from typing import Final

from domain.agencies import Agency
from domain.agreements import Agreement
from domain.consent_terms import ConsentTerms
from domain.deadlines import Deadline
from domain.grids import Grid
from domain.log_forms import LogForm
from domain.register_terms import USUAL_TERMS, RegisterKind, RegisterTerms
from domain.request_types import RequestType
from domain.school_dates import DateTerms
from domain.surveys import SurveyType
from domain.words import About, Doer, FourC, Role, Source, Urgency

NAMED_ONLY = frozenset({About.STAFF, About.HEADTEACHER})
"""Reports about these follow only a route that names them, so that none reaches a wide audience by accident."""


@dataclass(frozen=True, slots=True)
class Concern:
    """A kind of concern that staff choose on the first screen.

    `private` concerns go by direct message to the people concerned and never to a shared channel. `images` puts the rule on
    indecent images before any free text.
    """

    id: str
    label: str
    hint: str
    four_c: FourC
    urgency: Urgency
    private: bool = False
    images: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """Something to do or to heed, in the bot's own words, with the clauses it stands on (none where it is guidance).

    `by` says who does it. A warning is for everybody, whatever it says there.
    """

    text: str
    cites: tuple[str, ...] = ()
    by: Doer = Doer.LEAD

    @property
    def source(self) -> Source:
        """The school's policy where a clause is cited, otherwise national guidance."""
        return Source.POLICY if self.cites else Source.GUIDANCE

    @property
    def for_reporter(self) -> bool:
        """Whether the person who reports is told to do it."""
        return self.by is not Doer.LEAD


@dataclass(frozen=True, slots=True)
class Condition:
    """When a route applies. What is left out does not matter, but staff and the headteacher must be named in `about`."""

    concerns: frozenset[str] = frozenset()
    about: frozenset[About] = frozenset()
    repeat: bool | None = None
    immediate_danger: bool | None = None
    illegal_suspected: bool | None = None


@dataclass(frozen=True, slots=True)
class RouteRule:
    """One rule of a policy: under a condition, whom to alert and what to do.

    As a route it decides; as an addition it is joined to whatever was decided. `urgency` None keeps the concern's own; an
    addition can only raise it.
    """

    id: str
    when: Condition
    notify: tuple[Role, ...] = ()
    external: tuple[Role, ...] = ()
    urgency: Urgency | None = None
    acknowledge: Deadline | None = None
    private: bool = False
    actions: tuple[Step, ...] = ()
    warnings: tuple[Step, ...] = ()
    cites: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Section:
    """A section of the published policy: its printed heading and how many numbered points it has here."""

    heading: str
    points: int


@dataclass(frozen=True, slots=True)
class Citation:
    """A clause as people are shown it: the policy's title, the printed heading, the point under it, a link if there is one."""

    clause: str
    title: str
    heading: str
    point: int
    url: str | None = None


@dataclass(frozen=True, slots=True)
class Guidance:
    """What applies to every school: rules used where its own policy has none, additions that always apply, agencies."""

    routes: tuple[RouteRule, ...]
    also: tuple[RouteRule, ...]
    agencies: tuple[Agency, ...] = ()


@dataclass(frozen=True, slots=True)
class SignOff:
    """A line of the policy's log form that is signed once a case is closed. `reads`: by somebody who has read the case.

    Whoever stands in for the role never reads it for that.
    """

    role: Role
    reads: bool = False
    cites: tuple[str, ...] = ()


USUALLY_SENT_FIGURES: Final = (Role.DSL, Role.HEADTEACHER)
"""Where the policy names nobody."""


@dataclass(frozen=True, slots=True, eq=False)
class Policy:
    """A school's policy, whole and checked: every clause exists and every concern has a route.

    Loaded once and never changed: two are the same only if they are the same object. `home`: the folder it was read from,
    which has its answers too. `sign_off`: who signs an incident off, nobody where the policy does not ask for it;
    `review_cites`: where it says that an incident is reviewed. `figures_to`: who is sent the figures of a term that is over, to
    read them before governors do, and `figures_cites` where the policy says that they are told. `grid`: what it says to do in
    an incident, if it has such a grid. `registers`: who may do what with each register. `log_form`: on which incidents are
    written down, its own or the plain one. `requests`: what staff may ask for or declare, by id, and `request_groups`: the
    headings under which they find it. `agreements`: what they sign, by id.
    `dates`: what it works towards in the year.
    `consent`: for what consent is asked before a pupil is shown to others, where the policy speaks of it.
    `surveys`: those that its school may run, by id.
    """

    id: str
    school: str
    title: str
    approved: str
    review_due: date | None
    url: str | None
    titles: Mapping[Role, str]
    ladders: Mapping[Role, tuple[Role, ...]]
    deadlines: Mapping[Urgency, Deadline]
    sections: Mapping[str, Section]
    concerns: Mapping[str, Concern]
    routes: tuple[RouteRule, ...]
    also: tuple[RouteRule, ...]
    guidance: Guidance = field(repr=False)
    home: PurePath | None = field(default=None, repr=False)
    grid: Grid | None = field(default=None, repr=False)
    sign_off: tuple[SignOff, ...] = ()
    review_cites: tuple[str, ...] = ()
    figures_to: tuple[Role, ...] = USUALLY_SENT_FIGURES
    figures_cites: tuple[str, ...] = ()
    log_form: LogForm | None = field(default=None, repr=False)
    registers: Mapping[RegisterKind, RegisterTerms] = field(default_factory=lambda: USUAL_TERMS, repr=False)
    requests: Mapping[str, RequestType] = field(default_factory=dict, repr=False)
    request_groups: Mapping[str, str] = field(default_factory=dict, repr=False)
    agreements: Mapping[str, Agreement] = field(default_factory=dict, repr=False)
    dates: DateTerms = field(default_factory=DateTerms, repr=False)
    consent: ConsentTerms | None = field(default=None, repr=False)
    surveys: Mapping[str, SurveyType] = field(default_factory=dict, repr=False)

    def role_title(self, role: Role) -> str:
        """What this school calls the role."""
        return self.titles[role]

    def cite(self, clause: str) -> Citation:
        """The clause as people are shown it.

        Raises:
            KeyError: the policy has no such clause.
        """
        section_id, _, number = clause.rpartition(".")
        section = self.sections[section_id]
        if not number.isdigit() or not 1 <= int(number) <= section.points:
            raise KeyError(clause)
        return Citation(clause, self.title, section.heading, int(number), self.url)

    def ladder(self, role: Role) -> tuple[Role, ...]:
        """The roles that follow this one when nobody answers, or when every holder is excluded. Never the role itself."""
        return self.ladders.get(role, DEFAULT_LADDERS.get(role, (Role.DSL, Role.HEADTEACHER, Role.CHAIR_OF_GOVERNORS)))


DEFAULT_LADDERS: Mapping[Role, tuple[Role, ...]] = {
    Role.DSL: (Role.DEPUTY_DSL, Role.HEADTEACHER, Role.CHAIR_OF_GOVERNORS),
    Role.DEPUTY_DSL: (Role.DSL, Role.HEADTEACHER, Role.CHAIR_OF_GOVERNORS),
    Role.HEADTEACHER: (Role.CHAIR_OF_GOVERNORS,),
    Role.CHAIR_OF_GOVERNORS: (Role.GOVERNORS,),
    Role.GOVERNORS: (Role.CHAIR_OF_GOVERNORS,),
    Role.CLASS_TEACHER: (Role.HEAD_OF_HOUSE, Role.DEPUTY_DSL, Role.DSL, Role.HEADTEACHER, Role.CHAIR_OF_GOVERNORS),
    Role.HEAD_OF_HOUSE: (Role.DEPUTY_DSL, Role.DSL, Role.HEADTEACHER, Role.CHAIR_OF_GOVERNORS),
    Role.LINE_MANAGER: (Role.SENIOR_LEADERSHIP, Role.HEADTEACHER, Role.CHAIR_OF_GOVERNORS),
    Role.SENIOR_LEADERSHIP: (Role.HEADTEACHER, Role.CHAIR_OF_GOVERNORS),
    Role.ESAFETY_OFFICER: (Role.HEADTEACHER, Role.CHAIR_OF_GOVERNORS),
}
"""Who follows whom where a policy does not say. Any other role is followed by the DSL, the headteacher and the chair."""
