"""A report, and the case it becomes."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from domain.case_changes import CaseCourse
from domain.entries import Timeline
from domain.patterns import Background
from domain.people import Account, Address, Group, Platform
from domain.policy import Step
from domain.routing import Facts, Route
from domain.words import About, IncidentState, ParticipantRole, Role, Urgency


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
    """What only those with a right to the case may read. `erased`: it was, and so were the names and notes."""

    what_happened: str
    done_already: str = ""
    where: str = ""
    link: str = ""
    erased: bool = False


@dataclass(frozen=True, slots=True)
class Incident:
    """The record of a report, without its narrative and without names. `erased`: neither can be read any more."""

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
    erased: bool = False

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


STILL_SHOWN = "still_shown"
"""How the trouble of a copy begins that may not stand where it does, and the step of the message that tells of it."""


@dataclass(frozen=True, slots=True)
class Undelivered:
    """How many messages about a case no chat took for somebody, of those that were to go over one platform.

    `still_shown`: so many of them stand where somebody reads them who is shut out, and could not be taken away.
    """

    incident_id: str
    platform: Platform
    count: int
    still_shown: int = 0


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One thing that was done in a case: when, by whom (a member of staff's name), and what (an action of the audit)."""

    at: datetime
    who: str
    action: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class FirstKnown:
    """What a case was when it was reported, and how many times it has been closed since: all that is told of it to some.

    `due_at`: by when it was to be answered, where that was changed since. Empty or None: nobody knows, or it is as it was.
    `taken_for`: everything that it has been taken for, from then on: a concern with whom it was about.
    """

    about: About
    private: bool
    closings: int
    concern: str = ""
    urgency: Urgency | None = None
    due_at: datetime | None = None
    taken_for: tuple[tuple[str, About], ...] = ()


class NoteKind(StrEnum):
    """Why something was written in a case."""

    HANDED_ON = "handed_on"
    OUTCOME = "outcome"
    OPENED = "opened"
    KEPT = "kept"


@dataclass(frozen=True, slots=True)
class CaseNote:
    """What a member of staff wrote in a case: why it was handed on, opened in an emergency or kept longer, or how it ended.

    `id` is given by whoever must know it again; else it gets one when it is kept.
    """

    incident_id: str
    person_id: str
    kind: NoteKind
    at: datetime
    text: str
    id: str = ""


@dataclass(frozen=True, slots=True)
class PossibleMatch:
    """A typed name that may be a member of staff, who is kept out of the case until somebody settles it."""

    person_id: str
    person: str
    typed: str


@dataclass(frozen=True, slots=True)
class CaseFile:
    """All that somebody with a right to a case is shown. Each duty and note comes with its owner's or writer's name.

    `mine` is the duty that the reader may answer for, the one they own before any other. `may_see_readers`: they may also see
    who has looked at it; `may_keep`: they have a say in how long it is kept. `changed`: what stands in it is not what the audit
    vouches for, so that somebody has changed it without the bot. `timeline`: the newest of what was written while it was
    worked, and `background`: of whom there is a chronology and what earlier cases have in common with it, for those who may
    work it. `course`: how the case has changed and ended, and what its reader may do about that.
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
    may_see_readers: bool = False
    may_keep: bool = False
    changed: bool = False
    timeline: Timeline | None = None
    background: Background | None = None
    course: CaseCourse | None = None


@dataclass(frozen=True, slots=True)
class TaskFile:
    """What somebody with a technical role is shown of a case: what is to be done, and whom to ask. Nobody's name or words."""

    incident: Incident
    duties: tuple[tuple[Alert, str], ...]
    actions: tuple[Step, ...]
    warnings: tuple[Step, ...]
    mine: Alert | None


OPENED_FOR: Final = timedelta(hours=24)
"""How long a case stays open to whoever opened it in an emergency."""


@dataclass(frozen=True, slots=True)
class Opening:
    """A case that somebody opened in an emergency: until when it is open to them. The reason stands in the case as a note."""

    id: str
    incident_id: str
    person_id: str
    role: Role
    at: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class Delivery:
    """One copy of one message on its way to one place. `message_id` is set once the platform has it; `school` by the outbox.

    It is about one thing: an incident, a request, a breach, a term's figures, a line of a register, a submission, a duty, or
    what somebody has to sign. `step` is what makes it due: the same message for the same step goes to a place once. `lease`
    numbers the attempt: only who holds the newest may say what became of it.
    `uncertain`: an earlier attempt may have posted it and not have been able to say so. `tried_since`: since when it has been
    tried, with no long standstill in between; None before the first attempt. `next_at`: when this attempt was due, set by the
    outbox.
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
    breach_id: str | None = None
    figures_id: str | None = None
    register_id: str | None = None
    submission_id: str | None = None
    signer_id: str | None = None
    duty_id: str | None = None
    step: str = ""
    lease: int = 0
    leased_until: datetime | None = None
    made_at: datetime | None = None
    uncertain: bool = False
    tried_since: datetime | None = None
    next_at: datetime | None = None


class MessageKind(StrEnum):
    """What a delivery says; the words and values are taken from the state at the moment it is sent."""

    ALERT = "alert"
    RECEIPT = "receipt"
    ACKNOWLEDGED = "acknowledged"
    CLOSED = "closed"
    REMINDER = "reminder"
    REQUEST = "request"
    DECISION = "decision"
    OPENED = "opened"
    ERASURE = "erasure"
    BREACH = "breach"
    FIGURES = "figures"
    ACTION = "action"
    SIGN_OFF = "sign_off"
    REVIEW = "review"
    REGISTER = "register"
    SUBMISSION = "submission"
    SIGNING = "signing"
    DUTY = "duty"
    BLOCK = "block"
    LESSON = "lesson"


SAID_OF_THE_OTHER = frozenset(
    {MessageKind.ALERT, MessageKind.REMINDER, MessageKind.ACKNOWLEDGED, MessageKind.CLOSED, MessageKind.REVIEW}
)
"""Whatever of a duplicate is not said yet when it is merged, and is said of the case that goes on, if of any."""


class TimerKind(StrEnum):
    """What falls due."""

    CLIMB = "climb"
    REMIND = "remind"
    ACTION = "action"
    SIGN_OFF = "sign_off"
    REVIEW = "review"
    BLOCK = "block"


@dataclass(slots=True)
class Outgoing:
    """What an action sets going: alerts, who is asked, what is sent, what falls due. Written together, a statement a kind."""

    alerts: list[Alert] = field(default_factory=list)
    summonses: list[Summons] = field(default_factory=list)
    deliveries: list[Delivery] = field(default_factory=list)
    timers: list["Timer"] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Timer:
    """Something that must happen at a time unless it is cancelled before.

    `entry_id`: the action that is to be done by then, or the block that ends.
    """

    id: str
    kind: TimerKind
    incident_id: str
    alert_id: str
    due_at: datetime
    entry_id: str | None = None
