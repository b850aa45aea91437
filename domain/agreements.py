"""What staff have to sign, as data of the policy: acceptable use agreements, what they have read and understood, training."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from domain.words import Role


class AgreementKind(StrEnum):
    """What a signature says: that they keep to it, that they have read and understood it, that they were there."""

    AGREEMENT = "agreement"
    READING = "reading"
    TRAINING = "training"


@dataclass(frozen=True, slots=True)
class Agreement:
    """Something to sign, as the policy's folder has it.

    `version`: a new one asks everybody again. `points`: its text, and `changes`: what is new in this version. `who`: the roles
    that sign it, everybody of the staff where there is none. `within`: school days from being asked. `months`: how long a
    signature holds, 0 for as long as the version does. `reads`: who sees who has not signed, and enters who was at a training.
    """

    id: str
    kind: AgreementKind
    title: str
    version: str
    about: str
    points: tuple[str, ...]
    changes: tuple[str, ...] = ()
    who: frozenset[Role] = frozenset()
    within: int = 5
    months: int = 0
    reads: frozenset[Role] = frozenset()
    cites: tuple[str, ...] = ()

    @property
    def text_hash(self) -> str:
        """SHA-256 of all that whoever signs is shown, as hexadecimal digits."""
        shown = [self.id, self.kind, self.title, self.version, self.about, self.changes, self.points, self.cites]
        return hashlib.sha256(json.dumps(shown, ensure_ascii=False).encode()).hexdigest()


def concerns(agreement: Agreement, roles: Iterable[Role]) -> bool:
    """Whether somebody with these roles, who is of the staff, has to sign it."""
    return not agreement.who or not agreement.who.isdisjoint(roles)
