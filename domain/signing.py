"""Who signs a closed case off: for each line of the policy's log form, in which order somebody is asked. Pure: no I/O."""

from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet

from domain.access import TECHNICAL
from domain.audience import Rung, ladder
from domain.incident import Alert
from domain.people import School, Staff
from domain.words import Role


def dealt_with(alerts: Iterable[Alert], said_or_decided: Iterable[str]) -> frozenset[str]:
    """Whose work a case is: who answers for a part of it, technical tasks apart, has closed one, or decided what follows."""
    owners = {a.owner_id for a in alerts if a.owner_id is not None and not set(a.roles) <= TECHNICAL}
    return frozenset(owners | set(said_or_decided))


def signers(
    school: School,
    staff: Staff,
    role: Role,
    without: AbstractSet[str],
    only: AbstractSet[Role] | None,
    dealt: AbstractSet[str] = frozenset(),
) -> tuple[Rung, ...]:
    """Everyone who can sign for a role, in order: its holders, then those after them on its ladder.

    `without`: whom the case excludes, and who signs another line of it. `only`: of a private case the roles that may be asked
    in it at all. `dealt`: whose work it is. They come last, and never sign what was one person's alone.
    """
    rungs = ladder(school, staff, role, "", frozenset(without), None)
    allowed = tuple(rung for rung in rungs if only is None or rung.role in only)
    others = tuple(rung for rung in allowed if rung.person.id not in dealt)
    return (*others, *(rung for rung in allowed if rung not in others)) if len(dealt) > 1 else others


def not_their_own(rungs: tuple[Rung, ...], dealt: AbstractSet[str]) -> tuple[Rung, ...]:
    """Of those who can sign a line, those whose work it is not; all of them where there is nobody else."""
    return tuple(rung for rung in rungs if rung.person.id not in dealt) or rungs


def asked_together(lines: Sequence[tuple[Rung, ...]], dealt: AbstractSet[str]) -> tuple[Rung | None, ...]:
    """Whom to ask for each line, of those who can sign it: one person a line.

    Nobody signs their own work as long as each line has somebody else, and no line is left with nobody who could have one.
    """
    found: dict[int, Rung] = {}

    def find(line: int, choices: Sequence[tuple[Rung, ...]], tried: set[str]) -> bool:
        taken = {rung.person.id: of for of, rung in found.items()}
        # Whoever is free first; else whoever has another line, if somebody can be found for that one.
        for rung in sorted(choices[line], key=lambda rung: rung.person.id in taken):
            of = taken.get(rung.person.id)
            if rung.person.id not in tried:
                tried.add(rung.person.id)
                if of is None or find(of, choices, tried):
                    found[line] = rung
                    return True
        return False

    for choices in ([tuple(r for r in rungs if r.person.id not in dealt) for rungs in lines], lines):
        for line in range(len(lines)):
            if line not in found:
                find(line, choices, set())
    return tuple(found.get(line) for line in range(len(lines)))
