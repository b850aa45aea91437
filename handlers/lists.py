"""One's own reports, and the alerts that are one's to answer."""

from dataclasses import dataclass
from datetime import datetime

from domain.audience import excluded_ids, may_answer
from domain.incident import AlertState, CaseLine, Undelivered
from domain.people import Account, School
from handlers.ports import Ports

MOST_LINES = 50


@dataclass(frozen=True, slots=True)
class Queue:
    """What is somebody's to answer, unanswered first. `answers`: they hold a role, or were asked.

    `undelivered`: what was given up of the messages about these cases.
    """

    lines: tuple[CaseLine, ...]
    answers: bool
    now: datetime
    undelivered: tuple[Undelivered, ...] = ()


async def mine(ports: Ports, school: School, account: Account) -> tuple[CaseLine, ...]:
    """Somebody's own reports with their state, newest first."""
    async with ports.store.transaction(school, write=False) as records:
        found = await records.reported_by(account, MOST_LINES)
    return tuple(
        CaseLine(
            incident_id=i.id,
            alert_id=None,
            reference=i.reference,
            concern=i.facts.concern,
            urgency=i.urgency,
            state=i.state,
            alert_state=None,
            reported_at=i.reported_at,
            due_at=i.due_at,
            role=None,
            owner="",
        )
        for i in found
    )


async def queue(ports: Ports, school: School, account: Account) -> Queue:
    """The alerts of open cases that somebody may answer: unanswered ones first, then those they own."""
    now = ports.clock.now()
    if account.person_id is None:
        return Queue((), answers=False, now=now)
    async with ports.store.transaction(school, write=False) as records:
        staff = await records.staff()
        open_alerts = await records.open_alerts()
        shut_out = await records.exclusions(*{i.id for _, i in open_alerts})
        summonses = await records.summonses(*(a.id for a, _ in open_alerts))
        lines = [
            CaseLine(
                incident_id=i.id,
                alert_id=a.id,
                reference=i.reference,
                concern=i.facts.concern,
                urgency=i.urgency,
                state=i.state,
                alert_state=a.state,
                reported_at=i.reported_at,
                due_at=a.due_at,
                role=a.role,
                owner=owner.name if (owner := staff.get(a.owner_id)) else "",
                mine=a.owner_id == account.person_id,
            )
            for a, i in open_alerts
            if may_answer(school, staff, account.person_id, a, summonses[a.id], excluded_ids(shut_out[i.id]), private=i.private)
        ]
        undelivered = await records.undelivered(*{line.incident_id for line in lines}) if lines else ()
        holds = bool(staff.roles_of(school, account.person_id))
    lines.sort(key=lambda line: (line.alert_state is not AlertState.OPEN, not line.mine, line.due_at))
    return Queue(tuple(lines), answers=holds or bool(lines), now=now, undelivered=undelivered)
