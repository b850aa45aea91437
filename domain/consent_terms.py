"""For what a school asks consent before a pupil's picture or work is published, and who keeps it. Data of a policy."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from domain.words import Role

USE_PREFIX = "consent_use_"
"""How the ids of the fields begin that say what was said to a use."""


class GivenBy(StrEnum):
    """By whose word. `young`: by a parent or carer alone, since the pupil is too young to be asked."""

    PARENT = "parent"
    PUPIL = "pupil"
    BOTH = "both"
    YOUNG = "young"


class Needs(StrEnum):
    """Whose word a use needs."""

    PARENT = "parent"
    PUPIL = "pupil"
    BOTH = "both"
    EITHER = "either"


_ENOUGH: Mapping[Needs, frozenset[GivenBy]] = {
    Needs.PARENT: frozenset({GivenBy.PARENT, GivenBy.BOTH, GivenBy.YOUNG}),
    Needs.PUPIL: frozenset({GivenBy.PUPIL, GivenBy.BOTH}),
    Needs.BOTH: frozenset({GivenBy.BOTH, GivenBy.YOUNG}),
    Needs.EITHER: frozenset(GivenBy),
}


@dataclass(frozen=True, slots=True)
class Use:
    """Something for which consent is asked, in the words of the policy's folder, with the clauses it stands on."""

    id: str
    title: str
    about: str = ""
    needs: Needs = Needs.PARENT
    cites: tuple[str, ...] = ()

    @property
    def field(self) -> str:
        """Its id in a form."""
        return USE_PREFIX + self.id

    def is_enough(self, by: GivenBy) -> bool:
        """Whether a yes of these people is one."""
        return by in _ENOUGH[self.needs]


@dataclass(frozen=True, slots=True)
class ConsentTerms:
    """How a school keeps consent. `months`: how long a yes holds; 0: as long as the pupil is at the school.

    `keeps`: the roles that record it; `asks`: those that may ask, nobody named: all staff. `questions`: the questions of the
    catalogue whose answers offer to ask.
    """

    uses: Mapping[str, Use]
    keeps: frozenset[Role]
    asks: frozenset[Role] = frozenset()
    months: int = 0
    questions: frozenset[str] = frozenset()
    cites: tuple[str, ...] = ()

    @property
    def all_cites(self) -> tuple[str, ...]:
        """Every clause that anything of it stands on."""
        return tuple(dict.fromkeys((*self.cites, *(c for use in self.uses.values() for c in use.cites))))

    def until(self, since: datetime) -> datetime | None:
        """Until when a yes of that moment holds; None where nothing but leaving ends it."""
        if not self.months:
            return None
        years, month = divmod(since.month - 1 + self.months, 12)
        year, month = since.year + years, month + 1
        for day in range(since.day, 27, -1):
            try:
                return since.replace(year=year, month=month, day=day)
            except ValueError:
                # The month is shorter.
                continue
        return since.replace(year=year, month=month)
