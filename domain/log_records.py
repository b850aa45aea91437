"""All that the log form of one case is made of."""

from dataclasses import dataclass
from datetime import datetime

from domain.case_changes import CaseChange
from domain.entries import Line
from domain.incident import CaseFile, Participant
from domain.people import Kind, Person
from domain.words import Role


@dataclass(frozen=True, slots=True)
class Involved:
    """Somebody in the case. `person`: of the school's lists; None for a name that was typed."""

    participant: Participant
    person: Person | None = None

    @property
    def is_staff(self) -> bool:
        """Whether they are known to be a member of staff: other systems keep such records apart from pupils'."""
        return self.person is not None and self.person.kind is Kind.STAFF


@dataclass(frozen=True, slots=True)
class Signed:
    """A signature that was given in the chat: for which role, who, when, and the note beside it.

    `before`: the case was reopened since, so that it has to be given anew.
    """

    role: Role
    who: str
    at: datetime
    note: str = ""
    before: bool = False


@dataclass(frozen=True, slots=True)
class LogRecord:
    """A case with everything that was written in it. `at`, `by`: when it was put together, and for whom, who works it."""

    case: CaseFile
    lines: tuple[Line, ...]
    people: tuple[Involved, ...]
    at: datetime
    by: str
    changes: tuple[tuple[CaseChange, str], ...] = ()
    """How it was changed and ended, each with who did it; the name is empty for somebody who has left."""
    signed: tuple[Signed, ...] = ()
    review_due: datetime | None = None
    """When it is to be looked at again."""
