"""The messages that stay in a chat: typed values without a child's name or a word of the narrative."""

from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from domain.asking import Decision, RequestKind
from domain.incident import AlertState, Asked
from domain.policy import Step
from domain.words import IncidentState, Urgency


@dataclass(frozen=True, slots=True, kw_only=True)
class _Posted:
    """What all have in common. `again`: it may have been posted before, which nobody can tell, so the copy says so."""

    again: bool = False


@dataclass(frozen=True, slots=True)
class AlertMessage(_Posted):
    """To whoever must answer. `late`: the deadline has passed unanswered.

    For an e-mail: `phones`, whom to phone, by role; `undelivered`, it comes because no chat took it.
    """

    incident_id: str
    alert_id: str
    reference: str
    concern: str
    urgency: Urgency
    reported_at: datetime
    due_at: datetime
    state: AlertState
    incident_state: IncidentState
    role_title: str
    group: str
    why: Asked
    owner: str
    acknowledged_at: datetime | None
    late: bool
    immediate_danger: bool
    outside: tuple[str, ...]
    round: int = 0
    phones: tuple[tuple[str, str], ...] = ()
    undelivered: bool = False


@dataclass(frozen=True, slots=True)
class ReceiptMessage(_Posted):
    """To the reporter: the report is kept, who is dealing with it by role, and what to do meanwhile."""

    incident_id: str
    reference: str
    concern: str
    urgency: Urgency
    reported_at: datetime
    due_at: datetime
    state: IncidentState
    dealing: tuple[str, ...]
    phones: tuple[tuple[str, str], ...]
    outside: tuple[str, ...]
    actions: tuple[Step, ...]
    warnings: tuple[Step, ...]
    immediate_danger: bool
    reached_nobody: bool = False


@dataclass(frozen=True, slots=True)
class ProgressMessage(_Posted):
    """To the reporter: somebody has taken it, or it is closed. Says by which role, not by whom."""

    reference: str
    closed: bool
    role_title: str
    at: datetime


@dataclass(frozen=True, slots=True)
class ReminderMessage(_Posted):
    """To the owner of an acknowledged case that nobody has closed. `owner`: it goes to somebody else, and names whose it is."""

    incident_id: str
    alert_id: str
    reference: str
    concern: str
    urgency: Urgency
    acknowledged_at: datetime
    state: IncidentState
    owner: str = ""


@dataclass(frozen=True, slots=True)
class WithdrawnMessage(_Posted):
    """In place of a copy that may no longer be shown there."""

    reference: str


@dataclass(frozen=True, slots=True)
class RequestMessage(_Posted):
    """To those of whom something is asked: about which rule of the policy, never by whom or in what words."""

    request_id: str
    reference: str
    kind: RequestKind
    title: str
    cites: tuple[str, ...]
    role_title: str
    at: datetime
    decision: Decision | None
    decider: str
    decided_at: datetime | None


@dataclass(frozen=True, slots=True)
class DecisionMessage(_Posted):
    """To whoever asked: it was answered, and how; the words of it are read in a dialog."""

    request_id: str
    reference: str
    title: str
    decision: Decision
    role_title: str
    at: datetime


Message: TypeAlias = (
    AlertMessage | ReceiptMessage | ProgressMessage | ReminderMessage | WithdrawnMessage | RequestMessage | DecisionMessage
)
