"""What somebody has before them: the cases that they may answer, and what else waits for them; page by page.

A list is paged by what stands last on a page, not by how many came before: what is answered meanwhile moves nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final, TypeAlias

from domain.asking import UnheardRequest
from domain.entries import Overdue
from domain.incident import CaseLine, Undelivered
from domain.register_terms import RegisterKind
from domain.words import IncidentState, Role, Urgency

KIND, WHOSE, CONCERN, URGENCY, STATE = "queue_kind", "queue_whose", "queue_concern", "queue_urgency", "queue_state"
"""The fields of the form that says which lines somebody wants."""
ANY: Final = "any"
"""No filter: an option needs a value of its own."""
OPEN_STATES: Final = (IncidentState.REPORTED, IncidentState.ACKNOWLEDGED, IncidentState.IN_PROGRESS)
A_PAGE: Final = 10
"""Lines of a page."""
SHOWN: Final = 15
"""Lines that the queue itself shows: no chat shows a longer list with buttons well, and what is most urgent stands first."""
MOST_COUNTED: Final = 30
"""Beyond it a section says that there are more, and not how many."""
_LONGEST_ID: Final = 36
_LONGEST_CONCERN: Final = 64
_MOST_DIGITS: Final = 16
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


class QueueKind(StrEnum):
    """Which list of cases it is."""

    OPEN = "open"
    """What somebody answers for, or should."""
    LATE = "late"
    """An alert whose time to be answered has passed, and an action that is not done in time."""
    SIGN_OFF = "sign_off"
    """Closed, and without the signatures that the policy asks for."""
    REVIEW = "review"
    """To be looked at again by now."""


class Whose(StrEnum):
    """With whom it is."""

    ANYBODY = "any"
    NOBODY = "nobody"
    MINE = "mine"
    OTHERS = "others"


@dataclass(frozen=True, slots=True)
class Filters:
    """Which lines somebody wants. `concern`: a kind of concern by its id, empty for all."""

    kind: QueueKind = QueueKind.OPEN
    whose: Whose = Whose.ANYBODY
    concern: str = ""
    urgency: Urgency | None = None
    state: IncidentState | None = None

    @property
    def says_what(self) -> bool:
        """Whether a line that it finds tells what kind of case it is."""
        return bool(self.concern or self.urgency or self.state)


@dataclass(frozen=True, slots=True)
class Key:
    """Where a line stands: by its time, and by its id among those of the same moment."""

    at: datetime
    id: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """A page of a list: from its beginning, after a line, or, `back`, before it."""

    filters: Filters = field(default_factory=Filters)
    key: Key | None = None
    back: bool = False


@dataclass(frozen=True, slots=True)
class Waiting:
    """A case that waits for a signature since a moment, or should have been looked at again by one.

    `id`: of what is waited for. `role`: for which it is to be signed, and `who` is asked. `sign`: whoever looks is to; `reads`:
    they may read the case.
    """

    id: str
    incident_id: str
    reference: str
    concern: str
    urgency: Urgency
    state: IncidentState
    at: datetime
    kind: QueueKind
    role: Role | None = None
    who: str = ""
    sign: bool = False
    reads: bool = False


QueueLine: TypeAlias = CaseLine | Overdue | Waiting


@dataclass(frozen=True, slots=True)
class Count:
    """How many lines there are of what somebody may know of. `more`: so many, and others."""

    number: int
    more: bool = False


@dataclass(frozen=True, slots=True)
class QueuePage:
    """A page of a list. `before` and `after`: the pages beside it, where there are any. `gone`: there is no such page."""

    wanted: Wanted
    lines: tuple[QueueLine, ...]
    now: datetime
    before: Wanted | None = None
    after: Wanted | None = None
    gone: bool = False


@dataclass(frozen=True, slots=True)
class Queue:
    """What is somebody's to answer, unanswered first. `answers`: they hold a role, or were asked.

    `undelivered`: what was given up of the messages about these cases. `unheard`: what staff asked of somebody like them,
    and nobody got. `records_wait`: something about the records themselves waits for them. `overdue`: what is not done in time.
    `waiting`: for signatures, or to be looked at again. `counts`: of each section that has any line, by its filters.
    `registers`: how many lines of each register wait for them, to be looked at again or to be agreed to.
    """

    lines: tuple[CaseLine, ...]
    answers: bool
    now: datetime
    undelivered: tuple[Undelivered, ...] = ()
    unheard: tuple[UnheardRequest, ...] = ()
    records_wait: bool = False
    overdue: tuple[Overdue, ...] = ()
    waiting: tuple[Waiting, ...] = ()
    counts: Mapping[Filters, Count] = field(default_factory=dict)
    registers: Mapping[RegisterKind, int] = field(default_factory=dict)


UNANSWERED: Final = Filters(whose=Whose.NOBODY)
MINE: Final = Filters(whose=Whose.MINE)
OTHERS: Final = Filters(whose=Whose.OTHERS)
LATE: Final = Filters(QueueKind.LATE)
SIGN_OFF: Final = Filters(QueueKind.SIGN_OFF)
REVIEW: Final = Filters(QueueKind.REVIEW)
SECTIONS: Final = (UNANSWERED, MINE, OTHERS, LATE, SIGN_OFF, REVIEW)
"""What a queue shows, in this order."""
WORDS: Final[Mapping[str, Filters]] = {
    "all": Filters(),
    "open": Filters(),
    "unanswered": UNANSWERED,
    "mine": MINE,
    "others": OTHERS,
    "overdue": LATE,
    "late": LATE,
    "sign-off": SIGN_OFF,
    "signoff": SIGN_OFF,
    "review": REVIEW,
}
"""What may stand after the command for the queue."""


def key_of(line: QueueLine) -> Key:
    """Where a line stands in its list."""
    match line:
        case CaseLine():
            return Key(line.due_at, line.alert_id or line.incident_id)
        case Overdue():
            return Key(line.due_at, line.entry_id)
        case Waiting():
            return Key(line.at, line.id)


def as_text(wanted: Wanted) -> str:
    """A page as a button carries it: codes, a time and an id. It says where to look, and gives no right to anything."""
    f, key = wanted.filters, wanted.key
    at = "" if key is None else str((key.at - _EPOCH) // _MICROSECOND)
    words = (
        f.kind,
        f.whose,
        f.concern,
        f.urgency or "",
        f.state or "",
        "back" if wanted.back else "",
        at,
        key.id if key else "",
    )
    return "|".join(words)


def wanted_of(text: str) -> Wanted | None:
    """The page that a button asks for; None where no button of ours says such a thing. Nothing: the whole list."""
    if not text:
        return Wanted()
    parts = text.split("|")
    if len(parts) != len(("kind", "whose", "concern", "urgency", "state", "back", "at", "id")):
        return None
    kind, whose, concern, urgency, state, back, at, id_ = parts
    filters = filters_of(kind, whose, concern, urgency, state)
    key = _key(at, id_)
    if filters is None or back not in ("", "back") or (key is None and (at or id_ or back)):
        return None
    return Wanted(filters, key, bool(back))


def filters_of(kind: str, whose: str, concern: str, urgency: str, state: str) -> Filters | None:
    """Filters by their words, where each is one; an empty word, or ANY, filters nothing."""
    if len(concern) > _LONGEST_CONCERN or "|" in concern:
        return None
    try:
        found = Filters(
            QueueKind(kind),
            Whose(whose or Whose.ANYBODY),
            "" if concern == ANY else concern,
            Urgency(urgency) if urgency not in ("", ANY) else None,
            IncidentState(state) if state not in ("", ANY) else None,
        )
    except ValueError:
        return None
    return found if found.state in (None, *OPEN_STATES) else None


def _key(at: str, id_: str) -> Key | None:
    # So many digits reach some three hundred years either way.
    digits = at.removeprefix("-")
    if not (digits.isascii() and digits.isdecimal() and len(digits) <= _MOST_DIGITS) or not 0 < len(id_) <= _LONGEST_ID:
        return None
    return Key(_EPOCH + int(at) * _MICROSECOND, id_)
