"""What is taken, searched, blocked and paid for while a case is worked, and the lesson that follows from it.

Each is an entry of the case's timeline. What becomes of it later is an entry of its own that names the first (`of`), so that
nothing that was written is ever changed. No picture is asked for or kept anywhere: an item is described in words.
"""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import TypeAlias

from domain.words import ParticipantRole

ITEM, FROM, FROM_WHO, PLACE, TO, GROUNDS, AUTHORISED, PRESENT, BLOCKED, START, END, COST, BILLED, PAID, TOPIC, REFUSED = (
    "entry_item",
    "entry_from",
    "entry_from_who",
    "entry_place",
    "entry_to",
    "entry_grounds",
    "entry_authorised",
    "entry_present",
    "entry_blocked",
    "entry_start",
    "entry_end",
    "entry_cost",
    "entry_billed",
    "entry_paid",
    "entry_topic",
    "entry_refused",
)
"""The fields of the forms, beside those of any entry."""
NOT_NAMED = "not_named"
"""From somebody whom the report does not name."""
YES, NO = "yes", "no"
REVIEWED_AFTER = timedelta(days=7)
"""A block without an end is looked at again after so long: the weeks that policies count in."""
MOST_POUNDS = Decimal(1_000_000)
"""Beyond this somebody has slipped."""


class Blocked(StrEnum):
    """What somebody is blocked from. A closed list: whoever carries it out is shown it, and free words might name a child."""

    ACCOUNT = "account"
    INTERNET = "internet"
    EMAIL = "email"
    PLATFORM = "platform"
    WIFI = "wifi"
    EQUIPMENT = "equipment"


class Billed(StrEnum):
    """Who is asked to pay for damage."""

    NOBODY = "nobody"
    PARENTS = "parents"


class Topic(StrEnum):
    """What a lesson is to be about: the eight strands of Education for a Connected World (UK Council for Internet Safety)."""

    SELF_IMAGE = "self_image"
    RELATIONSHIPS = "relationships"
    REPUTATION = "reputation"
    BULLYING = "bullying"
    INFORMATION = "information"
    WELLBEING = "wellbeing"
    PRIVACY = "privacy"
    COPYRIGHT = "copyright"


@dataclass(frozen=True, slots=True)
class Concerned:
    """Whom a measure is about: the part they have in the incident, None for somebody whom the report does not name."""

    role: ParticipantRole | None
    name: str


@dataclass(frozen=True, slots=True)
class Confiscated:
    """Something was taken from somebody: where it is kept, and which member of staff has it."""

    item: str
    whom: Concerned
    at: datetime
    place: str
    holder_id: str


@dataclass(frozen=True, slots=True)
class Moved:
    """What was taken is kept elsewhere, or by somebody else."""

    of: str
    at: datetime
    place: str
    holder_id: str
    why: str = ""


@dataclass(frozen=True, slots=True)
class Released:
    """What was taken was given to somebody: back, to parents, or to the police."""

    of: str
    at: datetime
    to: str
    why: str = ""


@dataclass(frozen=True, slots=True)
class Searched:
    """A device was searched: on what grounds, on whose authority, by whom, who else was there, and what came of it."""

    device: str
    whom: Concerned
    at: datetime
    grounds: str
    authorised_by: str
    searched_by: str
    present: str
    outcome: str


@dataclass(frozen=True, slots=True)
class AccessBlock:
    """Somebody is to be kept from a system from a moment on. Without an end it lasts until somebody lifts it."""

    whom: Concerned
    what: Blocked
    starts_at: datetime
    ends_at: datetime | None = None

    @property
    def looked_at(self) -> datetime:
        """When it ends, or is to be looked at again."""
        return self.ends_at if self.ends_at is not None else self.starts_at + REVIEWED_AFTER


@dataclass(frozen=True, slots=True)
class InPlace:
    """A block was put in place."""

    of: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Lifted:
    """A block was lifted."""

    of: str
    at: datetime
    why: str = ""


@dataclass(frozen=True, slots=True)
class Damage:
    """What damage costs, in pounds to the penny, and who is asked to pay."""

    what: str
    cost: Decimal
    billed: Billed
    paid: bool = False


@dataclass(frozen=True, slots=True)
class Paid:
    """What damage cost was paid."""

    of: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Lesson:
    """A lesson is suggested to whoever leads on the curriculum: they are told the topic and the kind of concern alone."""

    topic: Topic


Measure: TypeAlias = Confiscated | Searched | AccessBlock | Damage | Lesson
Following: TypeAlias = Moved | Released | InPlace | Lifted | Paid

_POUNDS = re.compile(r"£?\s*(\d{1,3}(?:,\d{3})+|\d{1,7})(?:\.(\d{1,2}))?", re.ASCII)


def pounds(typed: str) -> Decimal | None:
    """An amount as it was typed (`£1,250.50`, `80`, `79.9`), to the penny; None for nothing, too much or what is none."""
    found = _POUNDS.fullmatch(typed.strip())
    if found is None:
        return None
    whole, pence = found[1].replace(",", ""), (found[2] or "").ljust(2, "0")
    amount = Decimal(f"{whole}.{pence}")
    return amount if 0 < amount <= MOST_POUNDS else None


def in_pounds(amount: Decimal) -> str:
    """An amount as people read it: `£1,250.50`."""
    return f"£{amount:,.2f}"


@dataclass(frozen=True, slots=True)
class Held:
    """Something that was taken and is kept. `holder` is empty for somebody who has left; `since`: it came there."""

    entry_id: str
    item: str
    place: str
    holder: str
    since: datetime


@dataclass(frozen=True, slots=True)
class Standing:
    """A block that is not lifted. `in_place`: somebody said that it is; `over`: its end, or its next review, has come."""

    entry_id: str
    what: Blocked
    whom: Concerned
    starts_at: datetime
    ends_at: datetime | None
    in_place: bool
    over: bool


@dataclass(frozen=True, slots=True)
class Owed:
    """What somebody was asked to pay for damage, and has not."""

    entry_id: str
    what: str
    cost: Decimal


@dataclass(frozen=True, slots=True)
class Now:
    """How it stands now: what is held, who is blocked from what, what is not paid."""

    held: tuple[Held, ...] = ()
    blocks: tuple[Standing, ...] = ()
    owed: tuple[Owed, ...] = ()


@dataclass(frozen=True, slots=True)
class Unsettled:
    """How many things of a case are still held, and how many blocks are not lifted: without a word of what they are."""

    held: int = 0
    blocks: int = 0


@dataclass(frozen=True, slots=True)
class BlockState:
    """A block without a word of it: whether it is in place, and whether it is lifted."""

    id: str
    incident_id: str
    in_place: bool
    lifted: bool


@dataclass(frozen=True, slots=True)
class BlockTask:
    """A block as whoever carries it out is shown it: never who it is about. `ask`: who of the staff can tell them in person."""

    incident_id: str
    reference: str
    entry_id: str
    what: Blocked
    starts_at: datetime
    ends_at: datetime | None
    in_place_at: datetime | None
    lifted_at: datetime | None
    ask: tuple[str, ...]
    over: bool = False
    saved: bool = False
