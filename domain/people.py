"""The people of a school: who is on its lists, who holds which role, and where each can be reached."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

from domain.agencies import Contact
from domain.agreements import Agreement
from domain.deadlines import COMES_BACK, SchoolCalendar
from domain.patterns import Patterns
from domain.policy import USUALLY_SENT_FIGURES, Policy
from domain.school_dates import DateEntry
from domain.words import RetentionClass, Role, Urgency


class Kind(StrEnum):
    """Which of the school's two lists somebody is on."""

    STAFF = "staff"
    PUPIL = "pupil"


class Platform(StrEnum):
    """By what a message travels: a chat that the bot serves, or e-mail where a chat has failed."""

    SLACK = "slack"
    TEAMS = "teams"
    CONSOLE = "console"
    EMAIL = "email"


CHATS = (Platform.SLACK, Platform.TEAMS, Platform.CONSOLE)
"""Where people speak to the bot."""


class Group(StrEnum):
    """What a role can be divided by: a house has its head, a form its teacher, a member of staff a line manager."""

    HOUSE = "house"
    FORM = "form"
    STAFF = "staff"


GROUP_OF: Mapping[Role, Group] = {
    Role.HEAD_OF_HOUSE: Group.HOUSE,
    Role.CLASS_TEACHER: Group.FORM,
    Role.LINE_MANAGER: Group.STAFF,
}
"""The roles that are held for a group of people, not for the whole school."""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody on a list of the school. `email` is lower case and empty for a pupil without one."""

    id: str
    kind: Kind
    name: str
    email: str = ""
    house: str = ""
    form: str = ""
    line_manager: str = ""

    def group(self, group: Group) -> str:
        """The house or form this person belongs to; for Group.STAFF their line manager's e-mail. Empty if not known."""
        match group:
            case Group.HOUSE:
                return self.house
            case Group.FORM:
                return self.form
            case Group.STAFF:
                return self.line_manager


class AddressKind(StrEnum):
    """A channel; a user of the platform; or a person of ours whose user is looked up when the message is sent."""

    CHANNEL = "channel"
    USER = "user"
    PERSON = "person"


@dataclass(frozen=True, slots=True)
class Address:
    """Where a message goes. `id` is the platform's, or ours for a person."""

    platform: Platform
    kind: AddressKind
    id: str


class Standing(StrEnum):
    """What a chat platform says of an account: whose member it is, and whether anybody uses it."""

    UNKNOWN = "unknown"
    """The platform has not said: a report counts all the same, and nothing is shown."""
    MEMBER = "member"
    GUEST = "guest"
    STRANGER = "stranger"
    """Of another organisation, in a channel shared with this one."""
    BOT = "bot"
    GONE = "gone"
    """Deactivated."""


@dataclass(frozen=True, slots=True)
class Account:
    """Somebody as a chat platform knows them. `person_id` is None for somebody who is not on the staff list."""

    platform: Platform
    user_id: str
    email: str = ""
    name: str = ""
    person_id: str | None = None
    standing: Standing = Standing.UNKNOWN

    @property
    def address(self) -> Address:
        """Where a message to this account goes."""
        return Address(self.platform, AddressKind.USER, self.user_id)


@dataclass(frozen=True, slots=True)
class Holders:
    """Who holds a role, by e-mail, in the order in which they are asked. `by_group`: the same for one house or form."""

    everywhere: tuple[str, ...] = ()
    by_group: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def of(self, group: str) -> tuple[str, ...]:
        """The holders for a group, those for the whole school after them."""
        return (*self.by_group.get(group, ()), *self.everywhere)

    def all(self) -> tuple[str, ...]:
        """Everyone who holds the role for anybody."""
        return (*self.everywhere, *(e for emails in self.by_group.values() for e in emails))


@dataclass(frozen=True, slots=True)
class School:
    """A school as its file describes it: its policy, its calendar, who holds which role, and its channels.

    `guests`: the guest accounts that are let in, each with the address of the role holder whose account it is. `comes_back`:
    after how many school days a case that was acknowledged and then left comes back, by its urgency.
    `heads_every`: how often the head of its audit is signed, and `heads_mail`: the address that it is sent to, if any.
    `retention`: for how many years it keeps records of a class after a case was closed, where that is not as usual.
    `agencies`: how it reaches those outside near it. `repeats_within`: how long an earlier incident makes one a repeat.
    `figures_base`: what figures are rounded to, so that no smaller number is published; `figures_to`: who is sent them.
    `signs`: whether its staff sign in the chat what the policy has them sign.
    `patterns`: from how many cases of a pupil on a case's page says that there are others. `dates`: its own dates to
    work towards, beside those of its policy. `survey_address`: where anybody reaches its surveys, as https://bot.example;
    empty where it has no such door.
    """

    id: str
    name: str
    prefix: str
    policy: Policy
    calendar: SchoolCalendar = field(default_factory=SchoolCalendar)
    comes_back: Mapping[Urgency, int] = field(default_factory=lambda: COMES_BACK)
    holders: Mapping[Role, Holders] = field(default_factory=dict)
    channels: Mapping[Platform, Mapping[tuple[Role, str], str]] = field(default_factory=dict)
    phones: Mapping[Role, str] = field(default_factory=dict)
    houses: tuple[str, ...] = ()
    forms: tuple[str, ...] = ()
    slack_team: str = ""
    teams_tenant: str = ""
    guests: Mapping[tuple[Platform, str], str] = field(default_factory=dict)
    heads_every: timedelta = timedelta(days=1)
    heads_mail: str = ""
    retention: Mapping[RetentionClass, int] = field(default_factory=dict)
    agencies: Mapping[str, Contact] = field(default_factory=dict)
    repeats_within: timedelta = timedelta(days=365)
    figures_base: int = 5
    figures_to: tuple[Role, ...] = USUALLY_SENT_FIGURES
    signs: bool = False
    patterns: Patterns = field(default_factory=Patterns)
    dates: tuple[DateEntry, ...] = ()

    @property
    def agreements(self) -> Mapping[str, Agreement]:
        """What its staff sign in the chat, by id."""
        return self.policy.agreements if self.signs else {}

    survey_address: str = ""

    def groups(self, group: Group) -> tuple[str, ...]:
        """The houses or forms there are to choose from."""
        return {Group.HOUSE: self.houses, Group.FORM: self.forms, Group.STAFF: ()}[group]

    def channel(self, platform: Platform, role: Role, group: str) -> str | None:
        """The role's channel on a platform: the group's own, else the role's for everybody."""
        known = self.channels.get(platform, {})
        return known.get((role, group)) or known.get((role, ""))


class Staff:
    """The staff list of a school, by id and by e-mail."""

    def __init__(self, people: Iterable[Person]) -> None:
        self._by_id = {p.id: p for p in people if p.kind is Kind.STAFF}
        self._by_email = {p.email: p for p in self._by_id.values() if p.email}
        self._roles: dict[str, tuple[School, frozenset[Role]]] = {}

    def __iter__(self) -> Iterator[Person]:
        return iter(self._by_id.values())

    def get(self, person_id: str | None) -> Person | None:
        """The member of staff of that id, if there is one."""
        return self._by_id.get(person_id) if person_id else None

    def by_email(self, email: str) -> Person | None:
        """The member of staff of that e-mail address, if there is one."""
        return self._by_email.get(email.lower())

    def holders(self, school: School, role: Role, group: str = "") -> list[Person]:
        """Who holds a role for a group, in order. For a line manager the group is the line manager's e-mail itself."""
        emails = school.holders.get(role, Holders()).of(group)
        if role is Role.LINE_MANAGER and group:
            emails = (group, *emails)
        return list(dict.fromkeys(p for e in emails if (p := self.by_email(e))))

    def roles_of(self, school: School, person_id: str) -> frozenset[Role]:
        """Every role that a person holds, for the whole school or for a group."""
        kept = self._roles.get(person_id)
        if kept is None or kept[0] is not school:
            # A list asks it for every line.
            kept = self._roles[person_id] = (school, self._found_roles(school, person_id))
        return kept[1]

    def _found_roles(self, school: School, person_id: str) -> frozenset[Role]:
        person = self.get(person_id)
        if person is None:
            return frozenset()
        held = {role for role, holders in school.holders.items() if person.email in holders.all()}
        if any(p.line_manager == person.email for p in self._by_id.values()):
            held.add(Role.LINE_MANAGER)
        return frozenset(held)

    def fully_excluded_roles(self, school: School, excluded: frozenset[str]) -> frozenset[Role]:
        """Roles that somebody holds and whose every holder is among the excluded."""
        found = set()
        for role, holders in school.holders.items():
            people = {p.id for e in holders.all() if (p := self.by_email(e))}
            if people and people <= excluded:
                found.add(role)
        return frozenset(found)
