"""From roles to people and channels: who is asked, in which order, and where a message about a case may be shown.

The person is excluded, not the role: somebody whom a report names is skipped wherever they stand, and a channel they read is
avoided. A channel whose readers are not known is avoided as soon as anybody is excluded.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from domain.incident import Asked, Exclusion, Participant, Place, Summons, Why
from domain.names import means_the_head, means_the_office, named_in, office_in, possible_matches
from domain.people import GROUP_OF, Address, AddressKind, Group, Person, Platform, School, Staff
from domain.routing import Facts
from domain.words import About, ParticipantRole, Role

Readers = Mapping[Address, frozenset[str] | None]
"""Who reads a channel, by person id. None, or no entry: not known."""


@dataclass(frozen=True, slots=True)
class Rung:
    """Somebody to ask, and the role in which they are asked."""

    person: Person
    role: Role


@dataclass(frozen=True, slots=True)
class Duty:
    """A role that must answer: for which group, whom to ask in order, and which channels may show it."""

    role: Role
    also_roles: tuple[Role, ...]
    group: str
    rungs: tuple[Rung, ...]
    channels: tuple[Address, ...]


def exclusions(school: School, staff: Staff, facts: Facts, participants: Iterable[Participant]) -> tuple[Exclusion, ...]:
    """Whom a report shuts out: those it names as target or alleged perpetrator, typed names that may be staff, and the head.

    Of two reasons for the same person the certain one stands.
    """
    found: dict[str, Exclusion] = {}
    adult_expected = facts.about in (About.STAFF, About.HEADTEACHER, About.UNKNOWN)
    # Of two parts of the same person the accusation is what settling the name must act on.
    for participant in sorted(participants, key=lambda p: p.role is not ParticipantRole.ALLEGED_PERPETRATOR):
        if not participant.excludes:
            continue
        if participant.person_id is not None:
            if staff.get(participant.person_id):
                before = found.get(participant.person_id)
                part = before.participant_id if before else participant.id
                found[participant.person_id] = Exclusion(participant.person_id, Why.NAMED, part)
            continue
        possible = possible_matches(participant.name, staff, adult_expected=adult_expected)
        possible |= _office_holders(school, staff, participant.name)
        for person_id in possible:
            found.setdefault(person_id, Exclusion(person_id, Why.POSSIBLE, participant.id))
    if facts.about is About.HEADTEACHER:
        for head in staff.holders(school, Role.HEADTEACHER):
            found[head.id] = Exclusion(head.id, Why.NAMED)
    return tuple(found.values())


def spoken_of(school: School, staff: Staff, text: str, people: Iterable[Person]) -> frozenset[str]:
    """Whom of these people a text may speak of that was typed without saying whom it is about: by name, or by their office."""
    known = {p.id: p for p in people}
    found = set(named_in(text, known.values()))
    for role, holders in school.holders.items():
        if office_in(text, role.replace("_", " "), school.policy.titles.get(role, ""), head=role is Role.HEADTEACHER):
            found |= {p.id for e in holders.all() if (p := staff.by_email(e)) is not None and p.id in known}
    return frozenset(found)


def _office_holders(school: School, staff: Staff, typed: str) -> frozenset[str]:
    """Who holds the office that was typed in place of a name, if one was."""
    found: set[str] = set()
    for role, holders in school.holders.items():
        is_head = role is Role.HEADTEACHER and means_the_head(typed)
        if is_head or means_the_office(typed, role.replace("_", " "), school.policy.titles.get(role, "")):
            found |= {p.id for e in holders.all() if (p := staff.by_email(e))}
    return frozenset(found)


def about_whom(school: School, staff: Staff, about: About, participants: Iterable[Participant]) -> About:
    """Whom the report is about once its names are known.

    A member of staff picked as alleged perpetrator makes it about staff, and the headteacher about the headteacher, whatever
    the first screen said.
    """
    if about is About.HEADTEACHER:
        return about
    accused = [p.person_id for p in participants if p.role is ParticipantRole.ALLEGED_PERPETRATOR and staff.get(p.person_id)]
    heads = {p.id for p in staff.holders(school, Role.HEADTEACHER)}
    if heads & set(accused):
        return About.HEADTEACHER
    return About.STAFF if accused else about


def excluded_ids(found: Iterable[Exclusion]) -> frozenset[str]:
    """The ids of everyone who is shut out now."""
    return frozenset(e.person_id for e in found if e.holds)


def groups_concerned(
    people: Iterable[tuple[Participant, Person | None]], told: Mapping[Group, str]
) -> dict[Group, tuple[str, ...]]:
    """The houses and forms of the pupils who are targets or alleged perpetrators, or, failing these, what the reporter said."""
    found: dict[Group, tuple[str, ...]] = {}
    known = [person for participant, person in people if person is not None and participant.excludes]
    for group in Group:
        values = tuple(dict.fromkeys(v for p in known if (v := p.group(group))))
        if not values and told.get(group):
            values = (told[group],)
        found[group] = values
    return found


def missing_groups(school: School, roles: Iterable[Role], groups: Mapping[Group, tuple[str, ...]]) -> tuple[Place, ...]:
    """The houses or forms that must be asked for: a role is held by group, and no group is known."""
    needed = dict.fromkeys(GROUP_OF[r] for r in roles if r in GROUP_OF)
    return tuple(Place(g, school.groups(g)) for g in needed if not groups.get(g) and school.groups(g))


def may_follow(named: Iterable[Role], *, private: bool) -> frozenset[Role] | None:
    """Which roles may be asked after those that a route names, when they do not answer. None: whoever their ladder has.

    In a private case the route's own and no other: then the headteacher and the chair, and governors where the chair is named.
    """
    if not private:
        return None
    named = frozenset(named)
    after_the_chair = {Role.GOVERNORS} if Role.CHAIR_OF_GOVERNORS in named else set()
    return named | after_the_chair | {Role.HEADTEACHER, Role.CHAIR_OF_GOVERNORS}


def ladder(
    school: School, staff: Staff, role: Role, group: str, excluded: frozenset[str], only: frozenset[Role] | None
) -> tuple[Rung, ...]:
    """Everyone who can be asked to answer for a role, in order: its holders, then those of the roles after it. Nobody twice.

    `only`: of the roles after it these alone, as `may_follow` says.
    """
    rungs: dict[str, Rung] = {}
    for step in (role, *(r for r in school.policy.ladder(role) if only is None or r in only)):
        for person in staff.holders(school, step, group if GROUP_OF.get(step) is GROUP_OF.get(role) else ""):
            if person.id not in excluded:
                rungs.setdefault(person.id, Rung(person, step))
    return tuple(rungs.values())


def duties(
    school: School,
    staff: Staff,
    roles: Iterable[Role],
    groups: Mapping[Group, tuple[str, ...]],
    excluded: frozenset[str],
    *,
    private: bool,
    readers: Readers,
) -> tuple[Duty, ...]:
    """Who must answer for a report. Roles whose first holder is the same person are one duty, so that nobody is asked twice."""
    found: list[Duty] = []
    roles = tuple(dict.fromkeys(roles))
    only = may_follow(roles, private=private)
    for role in roles:
        for group in groups.get(GROUP_OF[role], ()) or ("",) if role in GROUP_OF else ("",):
            rungs = ladder(school, staff, role, group, excluded, only)
            channels = () if private else _channels(school, role, group, excluded, readers)
            _add(found, Duty(role, (), group, rungs, channels))
    return tuple(found)


def next_rung(rungs: tuple[Rung, ...], summoned: Iterable[Summons], round_: int) -> tuple[Rung, int] | None:
    """Whom to ask next, and in which round. When all were asked it comes round again; None if there is nobody at all."""
    if not rungs:
        return None
    asked = {s.person_id for s in summoned if s.round == round_}
    for rung in rungs:
        if rung.person.id not in asked:
            return rung, round_
    return rungs[0], round_ + 1


def why_asked(duty_role: Role, rung: Rung) -> Asked:
    """Somebody of another role who is asked first stands in for the one that was meant."""
    return Asked.FIRST if rung.role is duty_role else Asked.STANDS_IN


def _channels(school: School, role: Role, group: str, excluded: frozenset[str], readers: Readers) -> tuple[Address, ...]:
    found = []
    for platform in Platform:
        channel = school.channel(platform, role, group)
        if channel is None:
            continue
        address = Address(platform, AddressKind.CHANNEL, channel)
        known = readers.get(address)
        if not excluded or (known is not None and not known & excluded):
            found.append(address)
    return tuple(found)


def _add(found: list[Duty], duty: Duty) -> None:
    for i, other in enumerate(found):
        if duty.rungs and other.rungs and duty.rungs[0].person.id == other.rungs[0].person.id:
            channels = tuple(dict.fromkeys((*other.channels, *duty.channels)))
            extra = () if duty.role in (other.role, *other.also_roles) else (duty.role,)
            found[i] = Duty(other.role, (*other.also_roles, *extra), other.group or duty.group, other.rungs, channels)
            return
    found.append(duty)
