"""Sealed pages that were taken out of the records, and how long they lie on the server."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

LIVES = timedelta(days=30)
"""From when it is made, or kept once more, until the clock deletes it: the month in which a request has to be answered."""
WARNED = timedelta(days=7)
"""So long before its end a page is a reason to look at the list of records."""
TOLD_FOR = timedelta(days=30)
"""So long the list says of a page that it is gone, and why."""
UNWRITTEN = timedelta(hours=1)
"""A page is noted before it is written: for so long nobody wonders that it is not there."""


class PageKind(StrEnum):
    """Whether a page goes to the next school, which has to give a receipt for it, or is for whoever had it made.

    The latter are not told apart: what is held about a person, a case's log form, a register and
    all requests of a kind live and end alike. Its word is
    that of the first kind there was, which every version knows.
    """

    SUBJECT = "subject"
    HANDOVER = "handover"


class PageEnd(StrEnum):
    """Why a page is there no more. `missing`: it was gone before anybody here deleted it.

    `replaced`: another is in its place, or whoever made it may not read what is in it any more. They are told of neither, since
    that alone would say something; the audit tells the two apart (`NO_RIGHT`). It is a word that every version knows.
    """

    TIME = "time"
    MAKER = "maker"
    OPERATOR = "operator"
    ERASED = "erased"
    REPLACED = "replaced"
    MISSING = "missing"


NO_RIGHT = "no_right"
"""What the audit says of a page whose maker may not read what is in it any more."""


class Stays(StrEnum):
    """Why the clock leaves a page alone whose time is over."""

    HELD = "held"
    NO_RECEIPT = "no_receipt"


@dataclass(frozen=True, slots=True)
class Page:
    """A page in the folder for exports.

    `made_by`: the id of a person; none for a page that was found there. `digest`: SHA-256 of the file, in hex. `cases`: the ids
    of those in it.
    """

    id: str
    file: str
    kind: PageKind
    made_by: str | None
    at: datetime
    ends_at: datetime
    digest: str
    cases: tuple[str, ...] = ()
    ended_at: datetime | None = None
    ended: PageEnd | None = None

    def is_near_its_end(self, now: datetime) -> bool:
        """Whether whoever made it should think of it now."""
        return self.ended is None and self.ends_at - now <= WARNED


@dataclass(frozen=True, slots=True)
class MadeAlready:
    """The page that a form has had made, which was sent before."""

    page: Page


@dataclass(frozen=True, slots=True)
class PageLine:
    """A page as whoever made it is told of it. `stays`: its time is over, and this is why it is there still."""

    page: Page
    stays: Stays | None = None
