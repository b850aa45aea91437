"""What the auditor looks for: cases that somebody must answer and that nothing would ever bring up again."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import ColumnElement, and_, exists, func, or_, select, text

from domain.incident import AlertState, TimerKind
from storage import tables as t
from storage.database import Database

# As literals: a database must see what they are to know that a partial index serves.
_OPEN_CASE = text("incidents.state IN ('reported', 'acknowledged', 'in_progress')")
_LIVE_ALERT = text("alerts.state IN ('open', 'acknowledged')")
_TO_SEND = text("deliveries.state IN ('pending', 'leased')")
_TO_RING = text("timers.state = 'pending'")
_MOST = 200


class Fault(StrEnum):
    """What is wrong with a case.

    `no_next_step`: an alert, answered or not, that nothing brings up again; `no_duty`: nobody has to answer for an open case.
    """

    NO_NEXT_STEP = "no_next_step"
    NO_DUTY = "no_duty"


@dataclass(frozen=True, slots=True)
class Astray:
    """A case that has been left alone. `alert_id` is the alert that has no next step."""

    school: str
    incident_id: str
    fault: Fault
    alert_id: str = ""


@dataclass(frozen=True, slots=True)
class Behind:
    """What should have happened by a moment and has not."""

    timers: int
    deliveries: int


class Auditing:
    """Looks over every open case of every school, apart from the worker."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def astray(self) -> list[Astray]:
        """Every open case that nothing would ever bring up again; the first few hundred, should there be more."""
        i, a = t.incidents.c, t.alerts.c
        async with self._database.begin(write=False) as connection:
            lost = await connection.execute(
                select(a.school, a.incident_id, a.id)
                .join(t.incidents, i.id == a.incident_id)
                .where(
                    _OPEN_CASE,
                    _LIVE_ALERT,
                    or_(
                        and_(a.state == AlertState.OPEN, ~_rings(TimerKind.CLIMB)),
                        and_(a.state == AlertState.ACKNOWLEDGED, ~_rings(TimerKind.REMIND)),
                    ),
                )
                .limit(_MOST)
            )
            live = exists().where(a.incident_id == i.id, _LIVE_ALERT)
            bare = await connection.execute(select(i.school, i.id).where(_OPEN_CASE, ~live).limit(_MOST))
            found = [Astray(r.school, r.incident_id, Fault.NO_NEXT_STEP, r.id) for r in lost]
            return found + [Astray(r.school, r.id, Fault.NO_DUTY) for r in bare]

    async def behind(self, since: datetime) -> Behind:
        """What fell due before a moment and has not been done."""
        d, x = t.deliveries.c, t.timers.c
        async with self._database.begin(write=False) as connection:
            timers = select(func.count()).where(_TO_RING, x.due_at < since)
            late = select(func.count()).where(_TO_SEND, d.next_at < since)
            return Behind((await connection.execute(timers)).scalar_one(), (await connection.execute(late)).scalar_one())


def _rings(kind: TimerKind) -> ColumnElement[bool]:
    x = t.timers.c
    return exists().where(x.alert_id == t.alerts.c.id, x.kind == kind, _TO_RING)
