"""How a case changes and ends: of another category, merged, linked, reviewed, signed off, opened again. All of it stays."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from domain.words import IncidentState, Role, Urgency

KIND, CONCERN, URGENCY, REASON, OTHER, DUE, RESULT, NOTE = (
    "change_kind",
    "change_concern",
    "change_urgency",
    "change_reason",
    "change_other",
    "change_due",
    "change_result",
    "sign_note",
)
"""The fields of the forms."""
AS_THE_POLICY_HAS_IT = "as_policy"
"""Of the urgency: the one that the policy gives the category."""
LONGEST_REFERENCE = 32


class Result(StrEnum):
    """How a case ended, in a word: what may be said of it to whoever must not know whom it was about."""

    DEALT_WITH = "dealt_with"
    REFERRED = "referred"
    NO_ACTION = "no_action"
    NOT_ESTABLISHED = "not_established"
    MISTAKEN = "mistaken"
    OTHER = "other"


class ChangeKind(StrEnum):
    """What was done with a case."""

    RECLASSIFIED = "reclassified"
    MERGED = "merged"
    UNMERGED = "unmerged"
    LINKED = "linked"
    UNLINKED = "unlinked"
    CLOSED = "closed"
    SIGNED = "signed"
    REOPENED = "reopened"
    REVIEW_SET = "review_set"
    REVIEWED = "reviewed"


class LinkKind(StrEnum):
    """What one case has to do with another."""

    MERGED = "merged"
    RELATED = "related"


@dataclass(frozen=True, slots=True)
class Classified:
    """What a case was taken for, and how soon somebody had to answer. `concern` is an id of the policy's, of then."""

    concern: str
    urgency: Urgency


@dataclass(frozen=True, slots=True)
class CaseChange:
    """One change of a case, as it was made. `text`: why, the note beside a signature, or what came of a review.

    `was` and `now`: of a new category or urgency. `state`, `closed_at` and `alerts`: of a merge what it ended, to be undone by.
    `due_at`: for when a review was set. `code`: how it ended (a Result), for which role it was signed, or for which it was sent
    back instead: then it was opened again by that.
    """

    id: str
    incident_id: str
    person_id: str
    kind: ChangeKind
    at: datetime
    text: str = ""
    other_id: str = ""
    code: str = ""
    was: Classified | None = None
    now: Classified | None = None
    state: IncidentState | None = None
    closed_at: datetime | None = None
    alerts: tuple[str, ...] = ()
    due_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Link:
    """That one case is a duplicate of another, which goes on (`other_id`), or has to do with it."""

    id: str
    incident_id: str
    other_id: str
    kind: LinkKind
    person_id: str
    at: datetime

    def beyond(self, incident_id: str) -> str:
        """The case at its other end."""
        return self.other_id if incident_id == self.incident_id else self.incident_id


@dataclass(frozen=True, slots=True)
class Signature:
    """One line of the policy's log form that is to be signed: for which role, in which round, who is asked and in which role.

    `round` counts how often the case had been closed before. `reads`: whoever is asked signs what they have read of the case.
    `ended_at`: the case was reopened meanwhile.
    """

    id: str
    incident_id: str
    role: Role
    round: int
    at: datetime
    person_id: str | None = None
    asked_as: Role | None = None
    reads: bool = False
    done_at: datetime | None = None
    done_by: str | None = None
    ended_at: datetime | None = None

    @property
    def is_awaited(self) -> bool:
        """Whether somebody is to sign it."""
        return self.done_at is None and self.ended_at is None


def latest_round(signatures: Iterable[Signature], *, is_open: bool) -> int:
    """The round whose signatures hold: earlier ones were given before it was opened again, and so were all of an open case."""
    last = max((x.round for x in signatures), default=0)
    return last + 1 if is_open else last


@dataclass(frozen=True, slots=True)
class Review:
    """When a case is to be looked at again. `done_at`: it was, or another date was set."""

    id: str
    incident_id: str
    person_id: str
    at: datetime
    due_at: datetime
    done_at: datetime | None = None
    done_by: str | None = None


# What is shown of it


@dataclass(frozen=True, slots=True)
class ChangeLine:
    """A change as those who work the case read it; `who` is empty for somebody who has left.

    `other`: the reference of the other case, where they may know of that one.
    """

    change: CaseChange
    who: str
    other: str = ""


@dataclass(frozen=True, slots=True)
class ChangesPage:
    """A page of how a case has changed, in time order. `number` counts from 1."""

    incident_id: str
    reference: str
    lines: tuple[ChangeLine, ...]
    number: int = 1
    pages: int = 1


_A_PAGE, _LONGEST_PAGE = 8, 9_000
"""How many changes a page has, and how many typed characters, so that no chat has to leave any of it out."""


def changes_paged(incident_id: str, reference: str, lines: Iterable[ChangeLine], wanted: int | None = None) -> ChangesPage:
    """The wanted page, or the last."""
    pages: list[list[ChangeLine]] = [[]]
    left = _LONGEST_PAGE
    for line in lines:
        weight = len(line.change.text)
        if pages[-1] and (len(pages[-1]) >= _A_PAGE or left < weight):
            pages.append([])
            left = _LONGEST_PAGE
        pages[-1].append(line)
        left -= weight
    number = min(max(wanted or len(pages), 1), len(pages))
    return ChangesPage(incident_id, reference, tuple(pages[number - 1]), number, len(pages))


@dataclass(frozen=True, slots=True)
class LinkedCase:
    """A case at the other end of a link, for somebody who may read both. `into`: this one was merged into it."""

    link: Link
    incident_id: str
    reference: str
    concern: str
    state: IncidentState
    into: bool = False


@dataclass(frozen=True, slots=True)
class SignatureLine:
    """A line of the log form: who signed it and when, or who is asked. Names are empty for somebody who has left.

    `before`: it was signed, and the case was opened again since, so that it holds no more.
    """

    signature: Signature
    who: str
    before: bool = False


@dataclass(frozen=True, slots=True)
class CaseCourse:
    """What a case's page shows of how it has changed and ended.

    `works`: its reader may change it. `signs`: the line that is theirs to sign. `merged`: it was merged into another case.
    `first`: what it was taken for at first, where that is not what it is now. `given`: the duties of others that the reader may
    give to somebody else, each an alert's id with its owner's name.
    """

    works: bool = False
    changes: tuple[ChangeLine, ...] = ()
    links: tuple[LinkedCase, ...] = ()
    signatures: tuple[SignatureLine, ...] = ()
    review: Review | None = None
    review_is_due: bool = False
    signs: Signature | None = None
    merged: bool = False
    first: Classified | None = None
    result: Result | None = None
    given: tuple[tuple[str, str, Role], ...] = ()
