"""One's own reports, and the alerts that are one's to answer."""

from domain.access import answerable, may_decide_request
from domain.asking import UnheardRequest
from domain.audience import excluded_ids
from domain.entries import Overdue
from domain.incident import AlertState, CaseLine, Incident
from domain.people import Account, School
from domain.queues import Queue
from handlers.compose import as_reported
from handlers.keeping import waits
from handlers.ports import Ports, Records
from handlers.rights import subjects, viewer
from handlers.timeline import overdue

MOST_LINES = 50


async def mine(ports: Ports, school: School, account: Account) -> tuple[CaseLine, ...]:
    """Somebody's own reports with their state, newest first."""
    async with ports.store.transaction(school, write=False) as records:
        found = await _as_known(records, account, await records.reported_by(account, MOST_LINES))
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


async def to_do(ports: Ports, school: School, account: Account) -> tuple[Overdue, ...]:
    """What somebody is to do in cases, their own or others', and has not done in time."""
    async with ports.store.transaction(school, write=False) as records:
        late = await overdue(records, await viewer(records, school, account), ports.clock.now())
    return tuple(x for x in late if x.own)


async def _as_known(records: Records, account: Account, reports: list[Incident]) -> list[Incident]:
    """Reports as their reporter may know them: of one that has turned out to be about them, what it was when they made it."""
    shut_out = await records.exclusions(*(i.id for i in reports))
    return [await as_reported(records, i) if account.person_id in excluded_ids(shut_out[i.id]) else i for i in reports]


async def queue(ports: Ports, school: School, account: Account) -> Queue:
    """The alerts of open cases that somebody may answer: unanswered ones first, then those they own."""
    now = ports.clock.now()
    if account.person_id is None:
        return Queue((), answers=False, now=now)
    async with ports.store.transaction(school, write=False) as records:
        looking = await viewer(records, school, account)
        open_alerts = await records.open_alerts()
        cases = await subjects(records, open_alerts, [i for _, i in open_alerts], now)
        theirs = {alert.id for case in cases.values() for alert in answerable(looking, case)}
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
                owner=owner.name if (owner := looking.staff.get(a.owner_id)) else "",
                mine=a.owner_id == account.person_id,
            )
            for a, i in open_alerts
            if a.id in theirs
        ]
        undelivered = await records.undelivered(*{line.incident_id for line in lines}) if lines else ()
        holds = bool(looking.roles)
        unheard = tuple(
            UnheardRequest(r.id, r.reference) for r in await records.unheard_requests() if may_decide_request(looking, r)
        )
        records_wait = await waits(records, school, account, now)
        late = await overdue(records, looking, now)
    lines.sort(key=lambda line: (line.alert_state is not AlertState.OPEN, not line.mine, line.due_at))
    return Queue(
        tuple(lines),
        answers=holds or bool(lines),
        now=now,
        undelivered=undelivered,
        unheard=unheard,
        records_wait=records_wait,
        overdue=late,
    )
