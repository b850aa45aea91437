"""Who comes onto the staff list after a report was made, and may be named in it. Errs towards yes, as at the report itself."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from domain.audience import exclusions
from domain.incident import Exclusion, Participant, Why
from domain.names import possible_matches
from domain.people import Person, School, Staff
from domain.routing import Facts
from domain.words import About, Role


@dataclass(frozen=True, slots=True)
class Newcomers:
    """Whom a staff list has that the reports before it were not compared with.

    `added`: they were not on it at all, so that one of them may be somebody known under another e-mail. `known`: they were on
    it, under another name or before anybody compared; whoever was picked from the list beside them was somebody else, unless
    the names are alike.
    """

    added: tuple[Person, ...] = ()
    known: tuple[Person, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.added or self.known)

    @property
    def everybody(self) -> tuple[Person, ...]:
        """All of them."""
        return (*self.added, *self.known)


def may_be_named(
    school: School,
    newcomers: Newcomers,
    facts: Facts,
    participants: Sequence[Participant],
    shut_out: Sequence[Exclusion],
    names: Mapping[str, str],
) -> tuple[Exclusion, ...]:
    """Whom of the newcomers a case may name: they stay out of it until somebody settles it.

    Compared with the names that were typed, and with those of the staff who are shut out already: `names`, by id, of whoever
    has left too. Nobody is given of whom the case says something already, be it that they are not meant.
    """
    people = Staff(newcomers.everybody)
    found: dict[str, Exclusion] = {}
    typed = [p for p in participants if p.person_id is None]
    # Who is the head now need not be the head whom the report is about: that is for somebody to settle.
    for exclusion in exclusions(school, people, replace(facts, about=_staff_at_most(facts.about)), typed):
        found.setdefault(exclusion.person_id, exclusion)
    for named in (e for e in shut_out if e.why is Why.NAMED):
        called = {names.get(named.person_id, ""), *(p.name for p in participants if p.person_id == named.person_id)}
        for person_id in set().union(*(_same_person(name, newcomers) for name in called)):
            found.setdefault(person_id, Exclusion(person_id, Why.POSSIBLE, named.participant_id))
    if facts.about is About.HEADTEACHER:
        for head in people.holders(school, Role.HEADTEACHER):
            found.setdefault(head.id, Exclusion(head.id, Why.POSSIBLE))
    before = {e.person_id for e in shut_out}
    return tuple(e for e in found.values() if e.person_id not in before)


def _staff_at_most(about: About) -> About:
    return About.STAFF if about is About.HEADTEACHER else about


def _same_person(name: str, newcomers: Newcomers) -> frozenset[str]:
    """Who may be the member of staff of that name: whoever has the very same one, or, failing these, one that is like it."""
    same = frozenset(p.id for p in newcomers.everybody if _words(p.name) == _words(name))
    if same:
        return same
    return possible_matches(name, newcomers.added, adult_expected=True) | possible_matches(
        name, newcomers.known, adult_expected=False
    )


def _words(name: str) -> list[str]:
    return sorted(name.casefold().split())
