"""The audit as people are told of it: what counts as reading, who has read what, and the heads that vouch for a chain."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from domain.words import Role

OPENED = "case.read"
"""Somebody had all of a case before them: its names, and what was written."""

TAKEN_OUT = frozenset({"subject.exported", "handover.exported", "log_form.exported"})
"""Somebody was given what stands in a case as a page, to read it elsewhere."""

READINGS = frozenset({OPENED, "task.read", "readers.read"})
"""What changes nothing in a case: it stands in the log of who has read it, and not in the case's own."""


LINKINGS = frozenset({"case.linked", "case.unlinked"})
"""A case has to do with another. Not everybody who reads the one may know that there is the other, so its own log is silent."""


@dataclass(frozen=True, slots=True)
class Noted:
    """What is to be noted of something that was done: the action, in which case, and what belongs to it, as ids and codes."""

    action: str
    incident_id: str | None = None
    data: Mapping[str, str | int | bool | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reading:
    """One look at a case. `roles`: those the reader held then; None where that was not noted, as in older entries."""

    incident_id: str
    at: datetime
    person_id: str
    roles: tuple[Role, ...] | None


@dataclass(frozen=True, slots=True)
class Reader:
    """Somebody who has looked at a case: when first, when last, how often, and the roles they held the last time.

    `name` is empty for somebody who is on no list any more.
    """

    name: str
    roles: tuple[Role, ...]
    first: datetime
    last: datetime
    times: int


@dataclass(frozen=True, slots=True)
class CaseReaders:
    """Who has looked at one case, whoever did so last first. `more`: how many others there were, where there were many."""

    reference: str
    readers: tuple[Reader, ...]
    more: int = 0


@dataclass(frozen=True, slots=True)
class ReadersOfCase:
    """Who has looked at a case, and the pupils in it, by id and name, of whom one may ask the same."""

    case: CaseReaders
    pupils: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class ReadersOfChild:
    """Who has looked at each case of a pupil that the asker may read, the newest first. `more`: how many older ones."""

    name: str
    cases: tuple[CaseReaders, ...]
    more: int = 0


class HeadWay(StrEnum):
    """How a signed head leaves the building: into a folder, or by e-mail."""

    FOLDER = "folder"
    MAIL = "mail"


@dataclass(frozen=True, slots=True)
class Head:
    """The last entry of a school's chain at a moment. Whoever has it knows every entry up to it."""

    school: str
    seq: int
    hash: str
    at: datetime


@dataclass(frozen=True, slots=True)
class SignedHead:
    """A head with an Ed25519 signature over it, in base64. `key` tells the signing keys apart."""

    head: Head
    key: str
    signature: str
