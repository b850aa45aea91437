"""What can be seen of the records from outside: how much waits, since when, and what was given up. Ids, codes and counts.

Everything here is asked often, and of a database with years in it: it looks at what is unfinished, by the indexes that hold
nothing else, and never counts a whole table.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from sqlalchemy import and_, case, func, or_, select, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.people import Platform
from domain.words import DeliveryState, IncidentState, Role, Urgency
from storage import tables as t
from storage.audit_heads import Heads, HeadsStanding
from storage.database import Database
from storage.listed_records import Comparison, comparisons
from storage.outbox import Outbox, Resting

# Written out, as the partial indexes have them: a database that sees a parameter instead cannot know that one of them fits.
_LIVE = text("deliveries.state IN ('pending', 'leased')")
_DEAD = text("deliveries.state = 'dead'")
_RINGS = text("timers.state = 'pending'")
_OPEN_CASES = (IncidentState.REPORTED, IncidentState.ACKNOWLEDGED, IncidentState.IN_PROGRESS)


@dataclass(frozen=True, slots=True)
class Waiting:
    """The messages to one platform in one state that are yet to be sent. `oldest`: since when the oldest is due."""

    platform: Platform
    state: DeliveryState
    count: int
    due: int
    oldest: datetime | None


@dataclass(frozen=True, slots=True)
class Unanswered:
    """The alerts of one urgency that nobody has acknowledged; `late` are past their deadline, the first since `oldest`."""

    urgency: Urgency
    count: int
    late: int
    oldest: datetime | None


@dataclass(frozen=True, slots=True)
class Live:
    """What is unfinished at one moment, of the schools that are served."""

    waiting: tuple[Waiting, ...] = ()
    dead: Mapping[Platform, int] = field(default_factory=dict)
    timers_due: int = 0
    oldest_timer: datetime | None = None
    unanswered: tuple[Unanswered, ...] = ()


@dataclass(frozen=True, slots=True)
class Dead:
    """Messages that one platform will never take, for one reason. `open`: of cases that are still open, or of requests."""

    platform: Platform
    trouble: str
    count: int
    open: int


@dataclass(frozen=True, slots=True)
class LateAlert:
    """An alert that nobody has acknowledged."""

    school: str
    reference: str
    urgency: Urgency
    role: Role
    due_at: datetime


@dataclass(frozen=True, slots=True)
class Standing:
    """How the records stand, for whoever runs the bot. `size` in bytes; `open_cases` by school.

    `pages`: how many sealed pages there are of a school, and when the first of them ends.
    """

    revision: str | None
    size: int
    live: Live
    dead: tuple[Dead, ...] = ()
    alerts: tuple[LateAlert, ...] = ()
    open_cases: Mapping[str, int] = field(default_factory=dict)
    heads: tuple[HeadsStanding, ...] = ()
    resting: tuple[Resting, ...] = ()
    comparing: tuple[Comparison, ...] = ()
    pages: Mapping[str, tuple[int, datetime]] = field(default_factory=dict)


class Watching:
    """Looks, and changes nothing."""

    def __init__(self, database: Database, schools: Collection[str]) -> None:
        self._database = database
        self._schools = tuple(schools)

    async def live(self, now: datetime) -> Live | None:
        """What is unfinished; None if the database does not answer."""
        try:
            async with self._database.begin(write=False) as connection:
                return await self._live(connection, now)
        except (SQLAlchemyError, OSError):
            return None

    async def standing(self, now: datetime, most_alerts: int) -> Standing | None:
        """How the records stand; None if the database does not answer, or has no tables that this program knows."""
        try:
            revision = await self._database.revision()
            heads = await Heads(self._database).standing()
            resting = await Outbox(self._database).resting(self._schools)
            async with self._database.begin(write=False) as connection:
                return Standing(
                    revision=revision,
                    size=await self._size(connection),
                    live=await self._live(connection, now),
                    dead=await self._dead(connection),
                    alerts=await self._alerts(connection, most_alerts),
                    open_cases=await self._open_cases(connection),
                    heads=tuple(heads),
                    resting=tuple(resting),
                    comparing=await comparisons(connection, self._schools),
                    pages=await self._pages(connection),
                )
        except (SQLAlchemyError, OSError):
            return None

    async def _live(self, c: AsyncConnection, now: datetime) -> Live:
        d, x, a = t.deliveries.c, t.timers.c, t.alerts.c
        waits = await c.execute(
            select(
                d.platform,
                d.state,
                func.count().label("count"),
                func.count(case((d.next_at <= now, 1))).label("due"),
                func.min(case((d.next_at <= now, d.next_at)), type_=t.Moment()).label("oldest"),
            )
            .where(_LIVE, d.school.in_(self._schools))
            .group_by(d.platform, d.state)
        )
        waiting = tuple(Waiting(Platform(r.platform), DeliveryState(r.state), r[2], r.due, r.oldest) for r in waits)
        dead = await c.execute(select(d.platform, func.count()).where(_DEAD).group_by(d.platform))
        overdue = (_RINGS, x.school.in_(self._schools), x.due_at <= now)
        rings = select(func.count(), func.min(x.due_at, type_=t.Moment())).where(*overdue)
        timers = (await c.execute(rings)).one()
        late = a.due_at <= now
        asked = await c.execute(
            select(
                t.incidents.c.urgency,
                func.count(),
                func.count(case((late, 1))),
                func.min(case((late, a.due_at)), type_=t.Moment()),
            )
            .join_from(t.alerts, t.incidents, t.incidents.c.id == a.incident_id)
            .where(a.school.in_(self._schools), a.state == "open")
            .group_by(t.incidents.c.urgency)
        )
        unanswered = sorted((Unanswered(Urgency(u), *rest) for u, *rest in asked), key=lambda u: u.urgency.rank)
        return Live(waiting, {Platform(p): n for p, n in dead}, timers[0], timers[1], tuple(unanswered))

    async def _dead(self, c: AsyncConnection) -> tuple[Dead, ...]:
        d, i, r = t.deliveries.c, t.incidents.c, t.requests.c
        unfinished = or_(i.state.in_(_OPEN_CASES), and_(r.id.is_not(None), r.decision.is_(None)))
        rows = await c.execute(
            select(d.platform, d.trouble, func.count(), func.count(case((unfinished, 1))))
            .join_from(t.deliveries, t.incidents, i.id == d.incident_id, isouter=True)
            .join(t.requests, r.id == d.request_id, isouter=True)
            .where(_DEAD)
            .group_by(d.platform, d.trouble)
            .order_by(d.platform, d.trouble)
        )
        return tuple(Dead(Platform(platform), *rest) for platform, *rest in rows)

    async def _alerts(self, c: AsyncConnection, most: int) -> tuple[LateAlert, ...]:
        a, i = t.alerts.c, t.incidents.c
        rank = case({u.value: u.rank for u in Urgency}, value=i.urgency)
        rows = await c.execute(
            select(a.school, i.reference, i.urgency, a.role, a.due_at)
            .join_from(t.alerts, t.incidents, and_(i.id == a.incident_id))
            .where(a.school.in_(self._schools), a.state == "open")
            .order_by(rank, a.due_at)
            .limit(most)
        )
        return tuple(LateAlert(r.school, r.reference, Urgency(r.urgency), Role(r.role), r.due_at) for r in rows)

    async def _open_cases(self, c: AsyncConnection) -> dict[str, int]:
        i = t.incidents.c
        of_school = (i.school.in_(self._schools), i.state.in_(_OPEN_CASES))
        rows = await c.execute(select(i.school, func.count()).where(*of_school).group_by(i.school))
        found: dict[str, int] = {r.school: r[1] for r in rows}
        return {school: found.get(school, 0) for school in self._schools}

    async def _pages(self, c: AsyncConnection) -> dict[str, tuple[int, datetime]]:
        e = t.exports.c
        live = select(e.school, func.count(), func.min(e.ends_at, type_=t.Moment()))
        rows = await c.execute(live.where(e.school.in_(self._schools), e.ended_at.is_(None)).group_by(e.school))
        return {school: (count, first) for school, count, first in rows}

    async def _size(self, c: AsyncConnection) -> int:
        if not self._database.is_sqlite:
            return int((await c.execute(text("SELECT pg_database_size(current_database())"))).scalar_one())
        file = Path(self._database.url.database or "")
        # What was written lately still stands in the log beside it.
        return sum(f.stat().st_size for f in (file, file.with_name(f"{file.name}-wal")) if f.is_file())
