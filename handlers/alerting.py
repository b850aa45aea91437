"""What several actions share: opening a duty, asking its next person, and sending what they are asked with."""

from collections.abc import Iterable
from datetime import datetime

from domain.audience import Duty, Rung, ladder, may_follow, why_asked
from domain.deadlines import USUAL, Deadline
from domain.incident import Alert, AlertState, Asked, Delivery, Incident, MessageKind, Outgoing, Summons, Timer, TimerKind
from domain.people import Address, AddressKind, Person, Platform, School, Staff
from domain.policy import NAMED_ONLY
from domain.routing import route_kept
from handlers.ports import Ports


def deadline(school: School, incident: Incident) -> Deadline:
    """How long a role has to answer, as the case's route says; where somebody gave it another urgency, as is usual for that.

    A matter about staff keeps what its route says, where that is sooner.
    """
    found = route_kept(school.policy, incident.facts)
    about_staff = incident.facts.about in NAMED_ONLY and found.urgency.rank < incident.urgency.rank
    if found.urgency is incident.urgency or about_staff:
        return found.acknowledge
    return school.policy.deadlines.get(incident.urgency, USUAL[incident.urgency])


def rungs_of(school: School, staff: Staff, incident: Incident, alert: Alert, excluded: frozenset[str]) -> tuple[Rung, ...]:
    """Everyone who can be asked to answer an alert, in order: in a private case nobody whom its route does not name."""
    found = route_kept(school.policy, incident.facts, staff.fully_excluded_roles(school, excluded))
    only = may_follow(found.notify, private=incident.private)
    return ladder(school, staff, alert.role, alert.group, excluded, only)


def open_duty(ports: Ports, outgoing: Outgoing, incident: Incident, duty: Duty, now: datetime, due_at: datetime) -> None:
    """Opens an alert for a duty, asks its first person and shows it in its channels, and sets the moment it climbs."""
    alert = Alert(
        id=ports.next_id(),
        incident_id=incident.id,
        role=duty.role,
        also_roles=duty.also_roles,
        group=duty.group,
        state=AlertState.OPEN,
        opened_at=now,
        due_at=due_at,
    )
    outgoing.alerts.append(alert)
    first = duty.rungs[:1]
    summon(ports, outgoing, alert, first, now, why_asked(duty.role, first[0]) if first else Asked.FIRST, channels=duty.channels)
    outgoing.timers.append(timer(ports, TimerKind.CLIMB, alert, due_at))


def summon(
    ports: Ports,
    outgoing: Outgoing,
    alert: Alert,
    rungs: Iterable[Rung],
    now: datetime,
    why: Asked,
    *,
    channels: Iterable[Address] = (),
) -> None:
    """Asks people to answer an alert: on every chat that is served, and in the channels given."""
    rungs = tuple(rungs)
    asked = rungs[0].role if rungs else alert.role
    places = [place for rung in rungs for place in on_platforms(ports.platforms, rung.person)]
    places += [c for c in channels if c.platform in ports.platforms]
    outgoing.summonses += [Summons(alert.id, r.person.id, r.role, why, alert.round, now) for r in rungs]
    outgoing.deliveries += [
        delivery(ports, alert.incident_id, alert.id, MessageKind.ALERT, place, f"{alert.round}.{asked}", alert.round)
        for place in places
    ]


def delivery(
    ports: Ports, incident_id: str, alert_id: str | None, kind: MessageKind, place: Address, step: str, round_: int = 0
) -> Delivery:
    """A message to put in the outbox. The same step puts it there once."""
    return Delivery(ports.next_id(), incident_id, alert_id, kind, place, summons_round=round_, step=step)


UNDELIVERED, UNANSWERED = "undelivered", "unanswered"
"""Why an alert goes by e-mail: how its step begins."""
UNHEARD = "unheard"
"""The step of the message that tells whoever asked for something that it has reached nobody."""
OVERLOOKED = "overlooked"
"""How the step of a reminder begins that goes to somebody else than the owner, who has not heeded theirs."""


def by_mail(ports: Ports, alert: Alert, people: Iterable[str], step: str, round_: int) -> list[Delivery]:
    """The alert once more, by e-mail: nothing where there is no mail server."""
    if not ports.mails:
        return []
    places = [Address(Platform.EMAIL, AddressKind.PERSON, person) for person in dict.fromkeys(people)]
    return [delivery(ports, alert.incident_id, alert.id, MessageKind.ALERT, place, step, round_) for place in places]


def timer(ports: Ports, kind: TimerKind, alert: Alert, due_at: datetime) -> Timer:
    """Something that falls due for an alert."""
    return Timer(ports.next_id(), kind, alert.incident_id, alert.id, due_at)


def on_platforms(platforms: Iterable[Platform], person: Person) -> list[Address]:
    """Where a person is written to, on each chat that is served."""
    return [Address(p, AddressKind.PERSON, person.id) for p in sorted(platforms)]
