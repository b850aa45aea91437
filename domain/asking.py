"""Questions about the policy: as they were asked, what it was silent on, and what was then asked of people."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum

from domain.people import Account
from domain.report_form import Fault
from domain.request_types import RequestType
from domain.submissions import Leave
from domain.understanding import Understood
from domain.words import Role


@dataclass(frozen=True, slots=True)
class Asked:
    """A question that somebody typed. Buttons carry its id, never its words."""

    id: str
    account: Account
    text: str
    at: datetime
    expires_at: datetime


class GapKind(StrEnum):
    """Why a question is kept for the policy's next review."""

    NOT_COVERED = "not_covered"
    MISREAD = "misread"


@dataclass(frozen=True, slots=True)
class Gap:
    """A question that the policy does not answer, or that was not understood. Nobody's name stands beside it.

    `question` is the catalogue's, '' where none was meant. `text` is as it was typed: those who review the policy read it in a
    dialog, and it is forgotten once they have.
    """

    id: str
    kind: GapKind
    question: str
    text: str
    at: datetime


class RequestKind(StrEnum):
    """What somebody asks of whoever holds a role: leave to do something, or what the policy does not say."""

    PERMISSION = "permission"
    QUESTION = "question"


class Decision(StrEnum):
    """What was answered. `told` answers a question that is not about leave."""

    GRANTED = "granted"
    REFUSED = "refused"
    TOLD = "told"


@dataclass(frozen=True, slots=True)
class Request:
    """Something that a member of staff asks of a role's holders, and what was answered to it.

    `question` and `cites` are the rule that sent them there. `text` and `reason` are read in a dialog only.
    """

    id: str
    kind: RequestKind
    reference: str
    question: str
    cites: tuple[str, ...]
    text: str
    asker: Account
    role: Role
    asked: tuple[str, ...]
    at: datetime
    decision: Decision | None = None
    reason: str = ""
    decided_by: str | None = None
    decided_at: datetime | None = None


LONGEST_QUESTION = 1500
LONGEST_REASON = 2000
ELSEWHERE = "elsewhere"
"""The topic of what no such policy is about: recognised, so that it is not taken for something else, and not kept."""
SILENT_ROLE = Role.DSL
"""Whom to ask where the policy does not say."""

TEXT, DECISION, REASON = "text", "decision", "reason"
"""The fields of the forms in which somebody is asked and answers."""


def replay(value: str) -> tuple[str, str, dict[str, str]]:
    """What a button of an answer carries: the question's id, the reading that was chosen, the facts that were given."""
    asked, _, rest = value.partition("|")
    chosen, _, facts = rest.partition("|")
    pairs = (pair.partition("=") for pair in facts.split(";") if "=" in pair)
    return asked, chosen, {fact: said for fact, _, said in pairs}


def carried(asked: str, chosen: str = "", facts: Mapping[str, str] | None = None) -> str:
    """The same, put together."""
    return f"{asked}|{chosen}|{';'.join(f'{fact}={said}' for fact, said in (facts or {}).items())}"


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer. `state` is what its buttons carry; `holders` names who has the roles it speaks of.

    `overdue`: the day by which the policy was to be reviewed, where that has passed. `asks`: whose leave can be asked for here.
    `offers`: the requests by which that is asked for or declared; `leaves`: what they have been allowed.
    `asks_consent`: whether a pupil may be shown can be looked up here.
    """

    state: str
    understood: Understood
    holders: Mapping[Role, tuple[str, ...]]
    asks: Role | None
    overdue: date | None = None
    offers: tuple[RequestType, ...] = ()
    leaves: tuple[Leave, ...] = ()
    asks_consent: bool = False

    @property
    def asked_id(self) -> str:
        """The question it answers."""
        return replay(self.state)[0]


@dataclass(frozen=True, slots=True)
class Kept:
    """The question is kept for the policy's next review."""

    state: str
    holders: Mapping[Role, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class GapLine:
    """One question of the catalogue, or none that fits ('' and no title), how often it was asked and when last."""

    question: str
    title: str
    count: int
    last: datetime


@dataclass(frozen=True, slots=True)
class GapFile:
    """The words in which one thing was asked."""

    question: str
    title: str
    gaps: tuple[Gap, ...]


@dataclass(frozen=True, slots=True)
class UnheardRequest:
    """A request that nobody has answered and that no chat took for anybody who was asked."""

    id: str
    reference: str


@dataclass(frozen=True, slots=True)
class RequestQuestions:
    """What will be asked, to be read over before it is sent."""

    kind: RequestKind
    state: str
    title: str
    cites: tuple[str, ...]
    role: Role
    names: tuple[str, ...]
    text: str
    faults: Mapping[str, Fault] = field(default_factory=dict)
    question: str = ""


@dataclass(frozen=True, slots=True)
class RequestFile:
    """A request, for whoever may read it. `may_decide`: for those who were asked, as long as nobody has answered."""

    request: Request
    title: str
    asker: str
    decider: str
    may_decide: bool
    filled: Mapping[str, str] = field(default_factory=dict)
    faults: Mapping[str, Fault] = field(default_factory=dict)
