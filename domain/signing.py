"""Who signs a closed case off: for each line of the policy's log form, in which order somebody is asked. Pure: no I/O."""

from collections.abc import Iterable
from collections.abc import Set as AbstractSet

from domain.access import TECHNICAL
from domain.audience import Rung, ladder
from domain.incident import Alert
from domain.people import School, Staff
from domain.words import Role


def dealt_with_alone(alerts: Iterable[Alert]) -> frozenset[str]:
    """Whoever answered for all of it alone, technical tasks apart: they do not sign their own work."""
    owners = {a.owner_id for a in alerts if a.owner_id is not None and not set(a.roles) <= TECHNICAL}
    return frozenset(owners) if len(owners) == 1 else frozenset()


def signers(
    school: School, staff: Staff, role: Role, without: AbstractSet[str], only: AbstractSet[Role] | None
) -> tuple[Rung, ...]:
    """Everyone who can sign for a role, in order: its holders, then those after them on its ladder.

    `without`: whom the case excludes, who dealt with it alone, and who signs another line of it. `only`: of a private case the
    roles that may be asked in it at all.
    """
    rungs = ladder(school, staff, role, "", frozenset(without), None)
    return tuple(rung for rung in rungs if only is None or rung.role in only)
