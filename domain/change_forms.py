"""Changing a case and signing it off: what the forms ask, and what they carry."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from domain.case_changes import ChangeKind, Classified, Result, Review, Signature, SignatureLine
from domain.report_form import Fault, Filled
from domain.words import Role, Urgency


class Wish(StrEnum):
    """What somebody may want to change about a case."""

    RECLASSIFY = "reclassify"
    MERGE = "merge"
    LINK = "link"
    REVIEW = "review"
    REVIEWED = "reviewed"
    REOPEN = "reopen"
    UNMERGE = "unmerge"


@dataclass(frozen=True, slots=True)
class ChangeQuestions:
    """What is to be changed: the first screen."""

    incident_id: str
    reference: str
    wishes: tuple[Wish, ...]
    faults: Mapping[str, Fault] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class WishQuestions:
    """One change as it is filled in. `form_id`: sent twice, the same form makes one change. `link_id`: which is to be undone.

    `concerns`: of the policy, each with its label. `was`: what it is now. `closes`: how many alerts have still to be answered.
    """

    incident_id: str
    reference: str
    wish: Wish
    form_id: str
    now: datetime
    filled: Filled = field(default_factory=dict)
    faults: Mapping[str, Fault] = field(default_factory=dict)
    was: Classified | None = None
    concerns: Sequence[tuple[str, str]] = ()
    private: bool = False
    cites: tuple[str, ...] = ()

    @property
    def state(self) -> str:
        """What the form carries."""
        return f"{self.incident_id}|{self.wish}|{self.form_id}"


@dataclass(frozen=True, slots=True)
class UnlinkQuestions:
    """Why a link is to be taken away."""

    incident_id: str
    reference: str
    other: str
    link_id: str
    form_id: str
    filled: Filled = field(default_factory=dict)
    faults: Mapping[str, Fault] = field(default_factory=dict)

    @property
    def state(self) -> str:
        """What the form carries."""
        return f"{self.incident_id}|{self.link_id}|{self.form_id}"


@dataclass(frozen=True, slots=True)
class SignPage:
    """What somebody signs: the case without a name or a word of what was written in it.

    `result`: how it ended, in a word. `roles`: who answered for it, by role. `others`: the other lines of the form.
    """

    incident_id: str
    reference: str
    concern: str
    urgency: Urgency
    reported_at: datetime
    closed_at: datetime
    signature: Signature
    result: Result | None
    roles: tuple[Role, ...]
    others: tuple[SignatureLine, ...]
    review: Review | None
    reviewed_at: datetime | None
    open_actions: int
    cites: tuple[str, ...]
    may_read: bool
    form_id: str
    note: str = ""
    faults: Mapping[str, Fault] = field(default_factory=dict)

    @property
    def state(self) -> str:
        """What the form carries."""
        return f"{self.incident_id}|{self.signature.id}|{self.form_id}"


@dataclass(frozen=True, slots=True)
class SendBackPage:
    """Why somebody who is asked to sign a case sends it back instead. `form_id`: sent twice, the same form does it once."""

    incident_id: str
    reference: str
    signature: Signature
    form_id: str
    reason: str = ""
    faults: Mapping[str, Fault] = field(default_factory=dict)

    @property
    def state(self) -> str:
        """What the form carries."""
        return f"{self.incident_id}|{self.signature.id}|{self.form_id}"


@dataclass(frozen=True, slots=True)
class Done:
    """It is done. `other`: the case that it was merged into or linked to. `whole`: every signature is there.

    `sent_back`: it was opened again by whoever was to sign it.
    """

    reference: str
    incident_id: str
    what: ChangeKind
    other: str = ""
    whole: bool = False
    sent_back: bool = False
