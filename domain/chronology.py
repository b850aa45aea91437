"""A child's cases in time order, each with the part they had in it, for those who may read each of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from domain.entries import Line
from domain.incident import Incident
from domain.report_form import Fault
from domain.words import ParticipantRole

CHILD = "child"
"""The field of the form."""
A_PAGE = 6
"""How many cases a page has: each is a reading, and each is opened."""
MOST_ENTRIES = 3
"""How many decisions and contacts of a case are shown, the newest; of the others it is said how many there are."""


class Which(StrEnum):
    """Which of a child's cases: those in which they were picked from the list, or those in which a name was typed."""

    SURE = "sure"
    PERHAPS = "perhaps"


@dataclass(frozen=True, slots=True)
class Child:
    """Whose cases they are. `key`: what a button carries for them, ids alone. `listed`: they are on the school's list."""

    name: str
    key: str
    listed: bool


@dataclass(frozen=True, slots=True)
class Appearance:
    """A case with the parts that the child had in it. `typed`: the name as it stands there, where nobody picked it.

    `outcome`: how it ended, in the words of whoever closed it. `entries`: the newest decisions and contacts, for those who work
    the case, and `more` of them.
    """

    incident: Incident
    parts: tuple[ParticipantRole, ...]
    typed: str = ""
    outcome: str = ""
    entries: tuple[Line, ...] = ()
    more: int = 0


@dataclass(frozen=True, slots=True)
class Chronology:
    """A page of it, the newest case last; the last page has the newest. `number` counts from 1.

    `count`: how many cases of this sort there are, and `others` of the other, of those that whoever looks may read. `cut`:
    there may be older ones, or more names that are like it, than were looked at.
    """

    child: Child
    which: Which
    lines: tuple[Appearance, ...]
    count: int
    others: int
    number: int = 1
    pages: int = 1
    cut: bool = False


@dataclass(frozen=True, slots=True)
class ChildQuestions:
    """Whose chronology it is to be."""

    filled: tuple[str, ...] = ()
    faults: Mapping[str, Fault] = field(default_factory=dict)


def page_of(count: int, wanted: int | None) -> tuple[int, int, slice]:
    """The number of the page, how many there are, and what is on it. None: the last. No page is too short by being the last.

    A page goes by its number. What is reported between two presses comes last, where somebody begins, so that a case that they
    have seen may come once more while they go back to older ones, and none is passed over; forward, the first case of the next
    page may have come onto the one before, and stands there. Nobody's duty hangs on this list, as it does on a queue.
    """
    pages = max(1, -(-count // A_PAGE))
    number = min(max(wanted or pages, 1), pages)
    # Counted from the newest, so that the last page is full and the first has what is left.
    end = count - (pages - number) * A_PAGE
    return number, pages, slice(max(0, end - A_PAGE), end)


def in_order(parts: Sequence[ParticipantRole]) -> tuple[ParticipantRole, ...]:
    """Each part once, in the order in which they are always told."""
    return tuple(part for part in ParticipantRole if part in parts)
