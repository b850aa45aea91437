"""One's own reports, and the alerts that are one's to answer."""

from domain.access import may_decide_request
from domain.asking import UnheardRequest
from domain.audience import excluded_ids
from domain.entries import Overdue
from domain.incident import CaseLine, Incident
from domain.people import Account, School
from domain.queues import (
    A_PAGE,
    LATE,
    MINE,
    MOST_COUNTED,
    OTHERS,
    REVIEW,
    SHOWN,
    SIGN_OFF,
    UNANSWERED,
    Count,
    Filters,
    Key,
    Queue,
    QueueKind,
    QueueLine,
    QueuePage,
    Waiting,
    Wanted,
    Whose,
    key_of,
    wanted_of,
)
from handlers.compose import as_reported, as_taken_for
from handlers.keeping import waits
from handlers.ports import Ports, Records
from handlers.queued import actions_late, first_alerts, lines
from handlers.registers import waiting_for
from handlers.rights import viewer

MOST_LINES = 50
_ANSWERED, _CLOSED = (UNANSWERED, MINE, OTHERS), (SIGN_OFF, REVIEW)
_SHORT = 5
"""Lines of actions, and of what is closed and waits all the same."""


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
    own = Filters(QueueKind.LATE, Whose.MINE)
    async with ports.store.transaction(school, write=False) as records:
        late = await lines(records, await viewer(records, school, account), own, ports.clock.now(), MOST_LINES)
    return tuple(x for x in late if isinstance(x, Overdue))


async def _as_known(records: Records, account: Account, reports: list[Incident]) -> list[Incident]:
    """Reports as their reporter may know them: of one that has turned out to be about them, what it was when they made it."""
    shut_out = await records.exclusions(*(i.id for i in reports))
    known = []
    for i in reports:
        if account.person_id in excluded_ids(shut_out[i.id]):
            known.append(await as_reported(records, i))
        else:
            known.append(await as_taken_for(records, i) if i.private else i)
    return known


async def queue(ports: Ports, school: School, account: Account) -> Queue:
    """The alerts of open cases that somebody may answer: unanswered ones first, then those they own; and what else waits."""
    now = ports.clock.now()
    if account.person_id is None:
        return Queue((), answers=False, now=now)
    async with ports.store.transaction(school, write=False) as records:
        looking = await viewer(records, school, account)
        sections = await first_alerts(records, looking, _ANSWERED, now, MOST_COUNTED + 1)
        sections |= {section: await lines(records, looking, section, now, MOST_COUNTED + 1) for section in _CLOSED}
        shown = tuple(line for s in _ANSWERED for line in sections[s][:MOST_COUNTED] if isinstance(line, CaseLine))
        first = dict.fromkeys(line.incident_id for line in shown[:SHOWN])
        undelivered = await records.undelivered(*first) if first else ()
        unheard = tuple(
            UnheardRequest(r.id, r.reference) for r in await records.unheard_requests() if may_decide_request(looking, r)
        )
        records_wait = await waits(records, school, account, now)
        registers = await waiting_for(records, looking, now)
        actions = await actions_late(records, looking, LATE, now, MOST_COUNTED + 1)
        alerts = [line for line in sections[UNANSWERED] if key_of(line).at <= now]
        sections[LATE] = [*alerts, *actions]
    return Queue(
        shown,
        answers=bool(looking.roles) or bool(shown),
        now=now,
        undelivered=undelivered,
        unheard=unheard,
        records_wait=records_wait,
        overdue=tuple(line for line in actions[:_SHORT] if isinstance(line, Overdue)),
        waiting=tuple(line for s in _CLOSED for line in sections[s][:_SHORT] if isinstance(line, Waiting)),
        counts={s: Count(min(len(found), MOST_COUNTED), len(found) > MOST_COUNTED) for s, found in sections.items() if found},
        registers=registers,
    )


async def page(ports: Ports, school: School, account: Account, asked: str) -> QueuePage:
    """A page of a list. `asked`: what the button carried, which is looked at like everything that comes in."""
    wanted = wanted_of(asked)
    if wanted is None:
        return QueuePage(Wanted(), (), ports.clock.now(), gone=True)
    return await of_filters(ports, school, account, wanted)


async def of_filters(ports: Ports, school: School, account: Account, wanted: Wanted) -> QueuePage:
    """The same for a page that is known."""
    now = ports.clock.now()
    async with ports.store.transaction(school, write=False) as records:
        looking = await viewer(records, school, account)

        async def some(most: int, key: Key | None, *, back: bool = False) -> list[QueueLine]:
            return await lines(records, looking, wanted.filters, now, most, key, back=back)

        found = await some(A_PAGE + 1, wanted.key, back=wanted.back)
        if wanted.back and len(found) <= A_PAGE:
            # The first page, whole: what came in since stands on it too.
            wanted = Wanted(wanted.filters)
            found = await some(A_PAGE + 1, None)
        here = found[-A_PAGE:] if wanted.back else found[:A_PAGE]
        if not here:
            return QueuePage(wanted, (), now, before=Wanted(wanted.filters) if wanted.key is not None else None)
        first, last = key_of(here[0]), key_of(here[-1])
        more_before = len(found) > A_PAGE if wanted.back else wanted.key is not None and await some(1, first, back=True)
        more_after = await some(1, last) if wanted.back else len(found) > A_PAGE
    before = Wanted(wanted.filters, first, back=True) if more_before else None
    return QueuePage(wanted, tuple(here), now, before, Wanted(wanted.filters, last) if more_after else None)
