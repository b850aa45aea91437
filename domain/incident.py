"""A report, and the case it becomes."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from domain.people import Account, Address, Group, Platform
from domain.policy import Step
from domain.routing import Facts, Route
from domain.words import IncidentState, ParticipantRole, Role, Urgency


@dataclass(frozen=True, slots=True)
class Participant:
    """Somebody in an incident and the part they had: a person of the school's lists, or a name as it was typed."""

    id: str
    role: ParticipantRole
    name: str
    person_id: str | None = None

    @property
    def excludes(self) -> bool:
        """Whether this part shuts a member of staff out of the case. A witness is not shut out."""
        return self.role in (ParticipantRole.ALLEGED_PERPETRATOR, ParticipantRole.TARGET)


class Why(StrEnum):
    """Why somebody may not see a case."""

    NAMED = "named"
    POSSIBLE = "possible"
    DISMISSED = "dismissed"


@dataclass(frozen=True, slots=True)
class Exclusion:
    """Somebody who may not be alerted to a case nor see it; or, once dismissed, was thought to be named and is not."""

    person_id: str
    why: Why
    participant_id: str | None = None

    @property
    def holds(self) -> bool:
        """Whether the person is shut out now. A possible match is, until somebody settles it."""
        return self.why is not Why.DISMISSED


@dataclass(frozen=True, slots=True)
class Narrative:
    """What only those with a right to the case may read."""

    what_happened: str
    done_already: str = ""
    where: str = ""
    link: str = ""


@dataclass(frozen=True, slots=True)
class Incident:
    """The record of a report, without its narrative and without names."""

    id: str
    school: str
    reference: str
    facts: Facts
    urgency: Urgency
    private: bool
    state: IncidentState
    reporter: Account
    reported_at: datetime
    occurred_at: datetime
    due_at: datetime
    closed_at: datetime | None = None

    @property
    def is_open(self) -> bool:
        """Whether somebody still has to do something."""
        return self.state in (IncidentState.REPORTED, IncidentState.ACKNOWLEDGED, IncidentState.IN_PROGRESS)


class AlertState(StrEnum):
    """Whether the role that was asked has answered."""

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class Alert:
    """One role's duty to answer for an incident. It has one owner once acknowledged, and a next step until then.

    `group` is the house or form it was asked for. `round` counts how often the whole ladder has been climbed.
    """

    id: str
    incident_id: str
    role: Role
    also_roles: tuple[Role, ...]
    group: str
    state: AlertState
    opened_at: datetime
    due_at: datetime
    round: int = 0
    owner_id: str | None = None
    acknowledged_at: datetime | None = None

    @property
    def roles(self) -> tuple[Role, ...]:
        """Every role this alert stands for: more than one where the same person holds them."""
        return (self.role, *self.also_roles)


class Asked(StrEnum):
    """Why somebody was alerted."""

    FIRST = "first"
    CLIMBED = "climbed"
    HANDED_ON = "handed_on"
    STANDS_IN = "stands_in"


@dataclass(frozen=True, slots=True)
class Summons:
    """One person who was alerted for one alert, in which role, why, and in which round."""

    alert_id: str
    person_id: str
    role: Role
    why: Asked
    round: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that one submitted report writes, in one transaction."""

    incident: Incident
    narrative: Narrative
    participants: tuple[Participant, ...]
    exclusions: tuple[Exclusion, ...]
    route: Route
    draft_id: str | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """A group that routing needs and nobody could tell: asked for on the form."""

    group: Group
    choices: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CaseLine:
    """A case in a list: reference, kind, urgency, state and time limits; no name and no narrative."""

    incident_id: str
    alert_id: str | None
    reference: str
    concern: str
    urgency: Urgency
    state: IncidentState
    alert_state: AlertState | None
    reported_at: datetime
    due_at: datetime
    role: Role | None
    owner: str
    mine: bool = False


@dataclass(frozen=True, slots=True)
class Undelivered:
    """How many messages about a case no chat took for somebody, of those that were to go over one platform."""

    incident_id: str
    platform: Platform
    count: int


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One thing that was done in a case: when, by whom (a member of staff's name), and what (an action of the audit)."""

    at: datetime
    who: str
    action: str
    detail: str = ""


class NoteKind(StrEnum):
    """Why something was written in a case."""

    HANDED_ON = "handed_on"
    OUTCOME = "outcome"


@dataclass(frozen=True, slots=True)
class CaseNote:
    """What a member of staff wrote in a case: why it was handed on, or how it ended."""

    incident_id: str
    person_id: str
    kind: NoteKind
    at: datetime
    text: str


@dataclass(frozen=True, slots=True)
class PossibleMatch:
    """A typed name that may be a member of staff, who is kept out of the case until somebody settles it."""

    person_id: str
    person: str
    typed: str


@dataclass(frozen=True, slots=True)
class CaseFile:
    """All that somebody with a right to a case is shown. Each duty and note comes with its owner's or writer's name.

    `mine` is the duty that the reader may answer for, the one they own before any other.
    """

    incident: Incident
    narrative: Narrative
    participants: tuple[Participant, ...]
    possible: tuple[PossibleMatch, ...]
    duties: tuple[tuple[Alert, str], ...]
    notes: tuple[tuple[CaseNote, str], ...]
    log: tuple[LogEntry, ...]
    actions: tuple[Step, ...]
    warnings: tuple[Step, ...]
    outside: tuple[Role, ...]
    reporter: str
    mine: Alert | None


@dataclass(frozen=True, slots=True)
class Delivery:
    """One copy of one message on its way to one place. `message_id` is set once the platform has it; `school` by the outbox.

    It is about an incident or about a request, never about both. `step` is what makes it due: the same message for the same
    step goes to a place once. `lease` numbers the attempt: only who holds the newest may say what became of it.
    `uncertain`: an earlier attempt may have posted it and not have been able to say so.
    """

    id: str
    incident_id: str | None
    alert_id: str | None
    message: "MessageKind"
    address: Address
    school: str = ""
    revision: int = 1
    attempts: int = 0
    message_id: str | None = None
    summons_round: int = 0
    request_id: str | None = None
    step: str = ""
    lease: int = 0
    leased_until: datetime | None = None
    made_at: datetime | None = None
    uncertain: bool = False


class MessageKind(StrEnum):
    """What a delivery says; the words and values are taken from the state at the moment it is sent."""

    ALERT = "alert"
    RECEIPT = "receipt"
    ACKNOWLEDGED = "acknowledged"
    CLOSED = "closed"
    REMINDER = "reminder"
    REQUEST = "request"
    DECISION = "decision"


class TimerKind(StrEnum):
    """What falls due."""

    CLIMB = "climb"
    REMIND = "remind"


@dataclass(slots=True)
class Outgoing:
    """What an action sets going: alerts, who is asked, what is sent, what falls due. Written together, a statement a kind."""

    alerts: list[Alert] = field(default_factory=list)
    summonses: list[Summons] = field(default_factory=list)
    deliveries: list[Delivery] = field(default_factory=list)
    timers: list["Timer"] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Timer:
    """Something that must happen at a time unless it is cancelled before."""

    id: str
    kind: TimerKind
    incident_id: str
    alert_id: str
    due_at: datetime
