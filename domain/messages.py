"""The messages that stay in a chat: typed values without a child's name or a word of the narrative."""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import TypeAlias

from domain.asking import Decision, RequestKind
from domain.breaches import BreachKind
from domain.duties import DutyKind
from domain.figures import Figures
from domain.incident import AlertState, Asked
from domain.measures import Topic
from domain.people import Platform
from domain.policy import Step
from domain.register_terms import RecordState, RegisterKind
from domain.retention import EarlyReason
from domain.submissions import SubmissionState
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
    """To the reporter: somebody has taken it, or it is closed. Says by which role, if they may know, not by whom."""

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
class StillShownMessage(_Posted):
    """To whoever has a case: a copy of its alert stands before somebody who is shut out, and cannot be taken away by the bot.

    `in_channel`: in a channel, else in somebody's own chat with the bot.
    """

    incident_id: str
    reference: str
    platform: Platform
    in_channel: bool


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


@dataclass(frozen=True, slots=True)
class OpenedMessage(_Posted):
    """To those who lead: somebody opened a case in an emergency, until when. The reason stands in the case."""

    incident_id: str
    reference: str
    opener: str
    role_title: str
    at: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class ErasureMessage(_Posted):
    """To those who may agree to it: somebody wants a case erased before its time, and later what became of that.

    `settled`: it waits for nobody any more, and does not say who wanted it or why; `erased`: it was erased.
    """

    incident_id: str
    reference: str
    proposer: str
    reason: EarlyReason | None
    at: datetime
    settled: bool = False
    erased: bool = False


@dataclass(frozen=True, slots=True)
class BreachMessage(_Posted):
    """To those who deal with a breach of personal data: that there is one, and until when it must be decided.

    `reminder`: it was said before; `late`: the time is over; `decided`: it waits for nobody any more.
    """

    breach_id: str
    reference: str
    kind: BreachKind
    found_at: datetime
    due_at: datetime
    reminder: bool = False
    late: bool = False
    decided: bool = False


@dataclass(frozen=True, slots=True)
class UnheardMessage(_Posted):
    """To whoever asked: no chat took it for anybody who was asked. `mailed`: they were sent an e-mail."""

    request_id: str
    reference: str
    title: str
    role_title: str
    mailed: bool


@dataclass(frozen=True, slots=True)
class FiguresMessage(_Posted):
    """To those who are sent the figures of a term: what is published of it, and of the term before it, if there is that.

    `year`: they are of the school year that ended with the term.
    """

    figures: Figures
    before: Figures | None = None
    year: bool = False


@dataclass(frozen=True, slots=True)
class ActionMessage(_Posted):
    """To whoever is to do something in a case, and who has it: it is not done in time. Nothing of what it is.

    `own`: it is for the reader to do; `reads`: they may look at it; `done`: it has been done since.
    """

    incident_id: str
    reference: str
    due_at: datetime | None
    own: bool
    reads: bool
    done: bool = False


@dataclass(frozen=True, slots=True)
class BlockMessage(_Posted):
    """To IT and to whoever has the case: a block is to be carried out, or its end or its next review has come.

    Nothing of whom it is about, nor of what it is. `reads`: they may look at the case; `over`: it has come to its end.
    """

    incident_id: str
    entry_id: str
    reference: str
    reads: bool
    over: bool = False
    lifted: bool = False


@dataclass(frozen=True, slots=True)
class LessonMessage(_Posted):
    """To whoever leads on the curriculum: a lesson is suggested. The topic and the kind of concern, and no reference."""

    topic: Topic
    concern: str


@dataclass(frozen=True, slots=True)
class RegisterMessage(_Posted):
    """To whoever is to approve a line of a register, or to look at it again by now. Nothing of what it says.

    `approval`: it waits to be approved; else its review is due, since `review_at`. `settled`: it waits for nobody any more.
    """

    record_id: str
    reference: str
    kind: RegisterKind
    state: RecordState
    approval: bool
    review_at: datetime | None
    settled: bool = False


class SubmissionPart(StrEnum):
    """Why somebody is told of a request: to answer it, to carry it out, because it is theirs, because it ends, or to know."""

    ANSWER = "answer"
    TASK = "task"
    ASKER = "asker"
    ENDING = "ending"
    TOLD = "told"


@dataclass(frozen=True, slots=True)
class SubmissionMessage(_Posted):
    """What somebody has to do with a request, or became of theirs: its reference and what kind it is, and none of its words.

    `task`: what is to be done, in the words of the policy's folder. `until`: how long a yes holds. `late`: it was said before.
    `settled`: nobody has to do anything about it any more.
    """

    submission_id: str
    reference: str
    title: str
    part: SubmissionPart
    state: SubmissionState
    task_id: str = ""
    task: str = ""
    until: datetime | None = None
    late: bool = False
    settled: bool = False


@dataclass(frozen=True, slots=True)
class SigningMessage(_Posted):
    """What somebody has to sign: the titles, in the words of the policy's folder, and by when. None: all of it is signed.

    `reminder`: they were told before. `last`: it is the last time.
    """

    titles: tuple[str, ...] = ()
    due: datetime | None = None
    late: bool = False
    reminder: bool = False
    last: bool = False


@dataclass(frozen=True, slots=True)
class DutyMessage(_Posted):
    """To those whose date of the calendar comes near, or is past: what it is called and when it is, and nothing else.

    `title`: of a date, as the data have it. `topic`: of a lesson. `done_by`: whoever has said that it is done, by name, with
    `done_at`.
    """

    duty_id: str
    kind: DutyKind
    due: date
    title: str = ""
    topic: Topic | None = None
    overdue: bool = False
    done_by: str = ""
    done_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class SignOffMessage(_Posted):
    """To whoever is to sign a closed case off, for which role of the policy's log form. Nothing of what it is.

    `settled`: they have signed it, or need not any more.
    """

    incident_id: str
    reference: str
    role_title: str
    at: datetime
    settled: bool = False


@dataclass(frozen=True, slots=True)
class ReviewMessage(_Posted):
    """To whoever has a case: it was to be looked at again by now. `done`: it has been since, or another date was set."""

    incident_id: str
    reference: str
    due_at: datetime
    done: bool = False


Message: TypeAlias = (
    AlertMessage
    | ReceiptMessage
    | ProgressMessage
    | ReminderMessage
    | WithdrawnMessage
    | StillShownMessage
    | RequestMessage
    | DecisionMessage
    | OpenedMessage
    | ErasureMessage
    | BreachMessage
    | FiguresMessage
    | ActionMessage
    | SignOffMessage
    | ReviewMessage
    | RegisterMessage
    | SubmissionMessage
    | SigningMessage
    | DutyMessage
    | BlockMessage
    | LessonMessage
    | UnheardMessage
)
