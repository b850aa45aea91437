"""Registers: which there are, what a line holds, and who may read, write and approve. A new register is a definition more."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from domain.words import Role

LONGEST = 1500
"""Characters in a text of a register, so that a line and what was done with it go onto one page of every chat."""
FIELD_PREFIX = "reg_"
"""How the ids of a register's fields begin in a form."""


class RegisterKind(StrEnum):
    """The registers."""

    RISK = "risk"
    FILTERING = "filtering"


class RecordState(StrEnum):
    """Where a line of a register stands."""

    OPEN = "open"
    WAITING = "waiting"
    APPROVED = "approved"
    REFUSED = "refused"
    ACCEPTED = "accepted"
    CLOSED = "closed"


ENDED = frozenset({RecordState.REFUSED, RecordState.CLOSED})
"""Nobody is reminded of these, and the list leaves them out."""


class RegisterAct(StrEnum):
    """What somebody may want with a register."""

    READ = "read"
    WRITE = "write"
    APPROVE = "approve"


class FieldType(StrEnum):
    """What a field takes. `staff`: one member of staff, so that no pupil can stand there; `case`: the reference of a case."""

    TEXT = "text"
    LINE = "line"
    CHOICE = "choice"
    LEVEL = "level"
    STAFF = "staff"
    MOMENT = "moment"
    CASE = "case"


@dataclass(frozen=True, slots=True)
class Spec:
    """A field of a register. `now`: a moment that was, and is the present one where nothing is said."""

    id: str
    type: FieldType
    required: bool = True
    options: tuple[str, ...] = ()
    now: bool = False

    @property
    def field(self) -> str:
        """Its id in a form."""
        return FIELD_PREFIX + self.id


@dataclass(frozen=True, slots=True)
class Move:
    """A way from one state to another. `act`: the right that it takes; `another`: not for whoever wrote the newest wording."""

    to: RecordState
    act: RegisterAct
    another: bool = False


@dataclass(frozen=True, slots=True)
class Definition:
    """A register. `letter`: what its references have after the school's prefix; `begins`: the state after every wording.

    `title`: the field that a list shows; `levels`: the two that are multiplied; `review`: the one that says when somebody is
    reminded; `owner`: the one that says whom. Where it has none, whoever wrote last is.
    """

    letter: str
    begins: RecordState
    fields: tuple[Spec, ...]
    moves: Mapping[RecordState, tuple[Move, ...]]
    title: str
    review: str
    owner: str = ""
    levels: tuple[str, str] | None = None

    def field(self, field_id: str) -> Spec:
        """The field of that id.

        Raises:
            KeyError: it has none.
        """
        return next((s for s in self.fields if s.id == field_id), None) or _no_field(field_id)


def _no_field(field_id: str) -> Spec:
    raise KeyError(field_id)


_APPROVE, _WRITE = RegisterAct.APPROVE, RegisterAct.WRITE
_CLOSE, _OPEN_AGAIN = Move(RecordState.CLOSED, _WRITE), Move(RecordState.OPEN, _WRITE)
_ASK_AGAIN = Move(RecordState.WAITING, _WRITE)

CHANGES = ("blocked", "unblocked", "exception", "settings", "breach")
"""What can be written into the register of filter changes. A breach: what should have been stopped got through."""

DEFINITIONS: Mapping[RegisterKind, Definition] = {
    RegisterKind.RISK: Definition(
        letter="R",
        begins=RecordState.OPEN,
        fields=(
            Spec("risk", FieldType.TEXT),
            Spec("likelihood", FieldType.LEVEL),
            Spec("likelihood_why", FieldType.TEXT, required=False),
            Spec("impact", FieldType.LEVEL),
            Spec("impact_why", FieldType.TEXT, required=False),
            Spec("owner", FieldType.STAFF),
            Spec("mitigation", FieldType.TEXT),
            Spec("review", FieldType.MOMENT),
        ),
        # To live with a risk is a decision about the school, and not about the work on it.
        moves={
            RecordState.OPEN: (Move(RecordState.ACCEPTED, _APPROVE), _CLOSE),
            RecordState.ACCEPTED: (_OPEN_AGAIN, _CLOSE),
            RecordState.CLOSED: (_OPEN_AGAIN,),
        },
        title="risk",
        review="review",
        owner="owner",
        levels=("likelihood", "impact"),
    ),
    RegisterKind.FILTERING: Definition(
        letter="F",
        begins=RecordState.WAITING,
        fields=(
            Spec("change", FieldType.CHOICE, options=CHANGES),
            Spec("what", FieldType.LINE),
            Spec("why", FieldType.TEXT),
            Spec("asked_by", FieldType.STAFF, required=False),
            Spec("since", FieldType.MOMENT, now=True),
            Spec("until", FieldType.MOMENT, required=False),
            Spec("case", FieldType.CASE, required=False),
            Spec("request", FieldType.LINE, required=False),
        ),
        moves={
            RecordState.WAITING: (
                Move(RecordState.APPROVED, _APPROVE, another=True),
                Move(RecordState.REFUSED, _APPROVE, another=True),
                _CLOSE,
            ),
            RecordState.APPROVED: (_CLOSE,),
            RecordState.REFUSED: (_ASK_AGAIN,),
            RecordState.CLOSED: (_ASK_AGAIN,),
        },
        title="what",
        review="until",
    ),
}

STAFF_FIELDS = frozenset(s.field for d in DEFINITIONS.values() for s in d.fields if s.type is FieldType.STAFF)
"""The fields of forms that take a member of staff."""


@dataclass(frozen=True, slots=True)
class Scale:
    """How a risk is rated: each of the two from 1 to `most`; from which product on it is medium, and from which high."""

    most: int = 5
    medium_from: int = 5
    high_from: int = 15

    def word(self, score: int) -> str:
        """`low`, `medium` or `high`."""
        return "high" if score >= self.high_from else "medium" if score >= self.medium_from else "low"


@dataclass(frozen=True, slots=True)
class RegisterTerms:
    """Who may do what with a register at a school, by role, and the clauses of its policy that it stands on.

    Whoever may write or approve may read.
    """

    write: frozenset[Role]
    read: frozenset[Role]
    approve: frozenset[Role]
    cites: tuple[str, ...] = ()
    scale: Scale = field(default_factory=Scale)

    def roles(self, act: RegisterAct) -> frozenset[Role]:
        """The roles that may."""
        match act:
            case RegisterAct.READ:
                return self.read | self.write | self.approve
            case RegisterAct.WRITE:
                return self.write
            case RegisterAct.APPROVE:
                return self.approve


_LEADS = frozenset({Role.DSL, Role.DEPUTY_DSL})
_ABOVE = frozenset({Role.HEADTEACHER, Role.SENIOR_LEADERSHIP, Role.CHAIR_OF_GOVERNORS, Role.GOVERNORS})
_WITH_COMPUTING = frozenset({Role.ESAFETY_OFFICER, Role.COMPUTING_COORDINATOR, Role.IT_SUPPORT, Role.IT_STRATEGY_GROUP})

USUAL_TERMS: Mapping[RegisterKind, RegisterTerms] = {
    RegisterKind.RISK: RegisterTerms(
        write=_LEADS | _WITH_COMPUTING | {Role.HEADTEACHER, Role.SENIOR_LEADERSHIP},
        read=_ABOVE,
        approve=frozenset({Role.HEADTEACHER, Role.CHAIR_OF_GOVERNORS}),
    ),
    RegisterKind.FILTERING: RegisterTerms(
        write=_LEADS | _WITH_COMPUTING,
        read=_ABOVE,
        approve=_LEADS | {Role.HEADTEACHER, Role.SENIOR_LEADERSHIP},
    ),
}
"""What holds where a policy does not say: guidance wants what is filtered to be decided by leaders and written down."""
