"""What earlier cases of the same pupils have in common with one: plain facts, for a person to make something of.

Only cases that whoever looks may read come in here, so that nothing is counted that they may not know of. Pupils count who were
picked from the school's list: a name that was typed may be somebody else's. Witnesses do not: to see much is no pattern.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from itertools import combinations

from domain.words import ParticipantRole

COUNTED = frozenset({ParticipantRole.TARGET, ParticipantRole.ALLEGED_PERPETRATOR})
"""The parts that make a pupil's cases a pattern."""
LEAST, MOST_CASES, MOST_DAYS = 2, 20, 3650
"""What a school may set: from how many cases on, with the one that is looked at, and over how many days."""


_NO_TIME = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Patterns:
    """From how many cases on something is said, the one that is looked at among them, and over how many days.

    `often`: of one pupil, whatever it was. `together`: of the same two pupils or more. `same_kind`: of one pupil, the same kind
    of concern, since the term began.
    """

    often: int = 3
    often_days: int = 31
    together: int = 2
    together_days: int = 365
    same_kind: int = 3

    @property
    def longest_days(self) -> int:
        """How many days back anything can count; of a term, no more than half a year."""
        return max(self.often_days, self.together_days, 183)


class Sort(StrEnum):
    """What the cases have in common."""

    OFTEN = "often"
    TOGETHER = "together"
    SAME_KIND = "same_kind"


@dataclass(frozen=True, slots=True)
class Seen:
    """A case as far as it counts: its day at the school, the kind of concern, and the parts of each listed pupil, by id.

    `at`: when it was reported, by which the cases of one day stand in order.
    """

    reference: str
    day: date
    concern: str
    parts: Mapping[str, frozenset[ParticipantRole]]
    at: datetime = _NO_TIME

    @property
    def counted(self) -> frozenset[str]:
        """The pupils whom it counts for."""
        return frozenset(person for person, parts in self.parts.items() if parts & COUNTED)


@dataclass(frozen=True, slots=True)
class Hint:
    """A fact. `people`: by id. `others`: the references of the other cases, the oldest first.

    `as_target`, `did_it`: of one pupil, in how many of all these cases they have that part; in one case they can have both.
    """

    sort: Sort
    people: tuple[str, ...]
    others: tuple[str, ...]
    as_target: int = 0
    did_it: int = 0

    @property
    def count(self) -> int:
        """How many cases there are, with the one that is looked at."""
        return len(self.others) + 1


@dataclass(frozen=True, slots=True)
class Background:
    """What a case's own page has of other cases.

    `children`: whose chronology there is, by what a button carries, with the name. `names`: of whom the hints speak, by id.
    """

    children: tuple[tuple[str, str], ...] = ()
    hints: tuple[Hint, ...] = ()
    names: Mapping[str, str] = field(default_factory=dict)


def hints(this: Seen, others: Iterable[Seen], patterns: Patterns, term_began: date) -> tuple[Hint, ...]:
    """What can be said of a case beside the others. `term_began`: of the term in which its day lies.

    How often is counted up to the case itself: it says the same whenever one looks. Who is in a case together counts both ways.
    """
    ordered = sorted(others, key=lambda seen: (seen.day, seen.at, seen.reference))
    before = [seen for seen in ordered if (seen.day, seen.at) <= (this.day, this.at)]
    found: list[Hint] = []
    for person in sorted(this.counted):
        theirs = [seen for seen in before if person in seen.counted]
        recent = [seen for seen in theirs if this.day - seen.day < timedelta(days=patterns.often_days)]
        found += _of_one(Sort.OFTEN, person, this, recent, patterns.often)
        same = [seen for seen in theirs if seen.concern == this.concern and seen.day >= term_began]
        found += _of_one(Sort.SAME_KIND, person, this, same, patterns.same_kind)
    near = [seen for seen in ordered if abs(this.day - seen.day) < timedelta(days=patterns.together_days)]
    return (*_together(this, near, patterns.together), *found)


def _of_one(sort: Sort, person: str, this: Seen, theirs: Sequence[Seen], at_least: int) -> list[Hint]:
    if len(theirs) + 1 < at_least:
        return []
    parts = [seen.parts[person] for seen in (*theirs, this)]
    target, did_it = (
        sum(part in of_case for of_case in parts) for part in (ParticipantRole.TARGET, ParticipantRole.ALLEGED_PERPETRATOR)
    )
    return [Hint(sort, (person,), tuple(seen.reference for seen in theirs), target, did_it)]


def _together(this: Seen, others: Sequence[Seen], at_least: int) -> Iterable[Hint]:
    by_cases: dict[tuple[str, ...], set[str]] = {}
    for pair in combinations(sorted(this.counted), 2):
        cases = tuple(seen.reference for seen in others if seen.counted.issuperset(pair))
        if cases and len(cases) + 1 >= at_least:
            # Whoever is in the very same cases is told of in one sentence: each two of them are in all of these.
            by_cases.setdefault(cases, set()).update(pair)
    for cases, people in by_cases.items():
        yield Hint(Sort.TOGETHER, tuple(sorted(people)), cases)
