"""What the auditor looks for: cases that somebody must answer and that nothing would ever bring up again."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import ColumnElement, and_, exists, func, or_, select, text, true

from domain.entries import EntryKind
from domain.incident import AlertState, TimerKind
from domain.words import IncidentState
from storage import tables as t
from storage.database import Database
from storage.outbox import Outbox, Resting

# As literals: a database must see what they are to know that a partial index serves.
_OPEN_CASE = text("incidents.state IN ('reported', 'acknowledged', 'in_progress')")
_LIVE_ALERT = text("alerts.state IN ('open', 'acknowledged')")
_TO_SEND = text("deliveries.state IN ('pending', 'leased')")
_TO_RING = text("timers.state = 'pending'")
_TO_DO = text("case_entries.due_at IS NOT NULL AND case_entries.done_at IS NULL")
_MOST = 200


class Fault(StrEnum):
    """What is wrong with a case.

    `no_next_step`: an alert, answered or not, that nothing brings up again; `no_duty`: nobody has to answer for an open case;
    `no_reminder`: an action that is to be done by a time, and that nothing will remind anybody of.
    """

    NO_NEXT_STEP = "no_next_step"
    NO_DUTY = "no_duty"
    NO_REMINDER = "no_reminder"


@dataclass(frozen=True, slots=True)
class Astray:
    """A case that has been left alone. `alert_id` is the alert that has no next step, `entry_id` the action."""

    school: str
    incident_id: str
    fault: Fault
    alert_id: str = ""
    entry_id: str = ""


@dataclass(frozen=True, slots=True)
class Behind:
    """What should have happened by a moment and has not."""

    timers: int
    deliveries: int


class Auditing:
    """Looks over every open case, apart from the worker: of the given schools, or of all.

    The cases of a school that is not served rest, and must not take the room of those that somebody can set right.
    """

    def __init__(self, database: Database, schools: Collection[str] | None = None) -> None:
        self._database = database
        self._schools = None if schools is None else tuple(schools)

    def _here(self, school: ColumnElement[str]) -> ColumnElement[bool]:
        return true() if self._schools is None else school.in_(self._schools)

    async def astray(self) -> list[Astray]:
        """Every open case, and every action of any, that nothing would ever bring up again; the first few hundred of each."""
        i, a, e, x = t.incidents.c, t.alerts.c, t.case_entries.c, t.timers.c
        async with self._database.begin(write=False) as connection:
            lost = await connection.execute(
                select(a.school, a.incident_id, a.id)
                .join(t.incidents, i.id == a.incident_id)
                .where(
                    _OPEN_CASE,
                    _LIVE_ALERT,
                    self._here(a.school),
                    or_(
                        and_(a.state == AlertState.OPEN, ~_rings(TimerKind.CLIMB)),
                        and_(a.state == AlertState.ACKNOWLEDGED, ~_rings(TimerKind.REMIND)),
                    ),
                )
                .limit(_MOST)
            )
            live = exists().where(a.incident_id == i.id, _LIVE_ALERT)
            bare = await connection.execute(select(i.school, i.id).where(_OPEN_CASE, self._here(i.school), ~live).limit(_MOST))
            forgotten = await connection.execute(
                select(e.school, e.incident_id, e.id)
                .join(t.incidents, i.id == e.incident_id)
                .where(
                    _TO_DO,
                    e.kind == EntryKind.ACTION,
                    self._here(e.school),
                    i.state != IncidentState.MERGED,
                    ~exists().where(x.entry_id == e.id, x.kind == TimerKind.ACTION, _TO_RING),
                )
                .limit(_MOST)
            )
            found = [Astray(r.school, r.incident_id, Fault.NO_NEXT_STEP, r.id) for r in lost]
            found += [Astray(r.school, r.id, Fault.NO_DUTY) for r in bare]
            return found + [Astray(r.school, r.incident_id, Fault.NO_REMINDER, entry_id=r.id) for r in forgotten]

    async def behind(self, since: datetime) -> Behind:
        """What fell due before a moment and has not been done."""
        d, x = t.deliveries.c, t.timers.c
        async with self._database.begin(write=False) as connection:
            timers = select(func.count()).where(_TO_RING, self._here(x.school), x.due_at < since)
            late = select(func.count()).where(_TO_SEND, self._here(d.school), d.next_at < since)
            return Behind((await connection.execute(timers)).scalar_one(), (await connection.execute(late)).scalar_one())

    async def resting(self) -> list[Resting]:
        """What waits of other schools than those that are looked over."""
        return [] if self._schools is None else await Outbox(self._database).resting(self._schools)


def _rings(kind: TimerKind) -> ColumnElement[bool]:
    x = t.timers.c
    return exists().where(x.alert_id == t.alerts.c.id, x.kind == kind, _TO_RING)
