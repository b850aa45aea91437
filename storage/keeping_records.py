"""How long cases are kept: what was said of it, and which cases have reached the end of their time."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import Row, and_, bindparam, delete, exists, or_, select, tuple_
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.retention import EarlyReason, Keeping, KeepState
from domain.words import IncidentState, RetentionClass
from storage import tables as t
from storage.lookups import among
from storage.vault import ERASED

_CLOSED = (IncidentState.CLOSED, IncidentState.SIGNED_OFF, IncidentState.MERGED)

_k = t.keepings.c
# Put together once: every queue of whoever answers for the records asks it.
_KEEPINGS = (
    select(t.keepings)
    .where(_k.school == bindparam("here"), among(_k.state, "states"))
    .order_by(_k.at, _k.incident_id)
    .limit(bindparam("most"))
)
_KEEPING = select(t.keepings).where(_k.school == bindparam("here"), _k.incident_id == bindparam("incident"))


class KeepingRecords:
    """The part of a school's records that says how long they are kept."""

    _c: AsyncConnection
    _school: str

    async def keeping(self, incident_id: str) -> Keeping | None:
        """What stands of the keeping of a case; None where nobody has said anything, nor the clock."""
        row = (await self._c.execute(_KEEPING, {"here": self._school, "incident": incident_id})).first()
        return _keeping(row) if row is not None else None

    async def keepings(self, states: Collection[KeepState], limit: int) -> list[Keeping]:
        """The cases in these states, whichever has been so longest first."""
        values = {"here": self._school, "states": list(states), "most": limit}
        return [_keeping(row) for row in await self._c.execute(_KEEPINGS, values)]

    async def save_keeping(self, keeping: Keeping) -> None:
        """Says how a case is kept from now on. Hold the case before."""
        new = {
            "school": self._school,
            "kind": keeping.kind,
            "state": keeping.state,
            "at": keeping.at,
            "person_id": keeping.person_id,
            "reason": keeping.reason,
            "until": keeping.until,
            "agreed_by": keeping.agreed_by,
        }
        add = sqlite.insert if self._c.dialect.name == "sqlite" else postgresql.insert
        statement = add(t.keepings).values(incident_id=keeping.incident_id, **new)
        await self._c.execute(statement.on_conflict_do_update(index_elements=["incident_id"], set_=new))

    async def drop_keeping(self, incident_id: str) -> None:
        """What was said of the keeping of a case holds no more. Hold the case before."""
        k = t.keepings.c
        await self._c.execute(delete(t.keepings).where(k.school == self._school, k.incident_id == incident_id))

    async def closed_before(
        self, closed: datetime, now: datetime, limit: int, after: tuple[datetime, str] | None = None
    ) -> list[tuple[datetime, str]]:
        """Cases that were closed by then, with when, of whose keeping nothing is said that still holds: the oldest first.

        `after`: the last one of the page before.
        """
        i, k = t.incidents.c, t.keepings.c
        still_said = or_(k.state != KeepState.HELD, k.until.is_(None), k.until > now)
        query = select(i.closed_at, i.id).where(
            i.school == self._school,
            i.closed_at <= closed,
            i.state.in_(_CLOSED),
            or_(i.key_id.is_(None), i.key_id != ERASED),
            ~exists().where(and_(k.incident_id == i.id, still_said)),
        )
        if after is not None:
            query = query.where(tuple_(i.closed_at, i.id) > tuple_(*after))
        rows = await self._c.execute(query.order_by(i.closed_at, i.id).limit(limit))
        return [(r.closed_at, r.id) for r in rows]


def _keeping(row: Row[Any]) -> Keeping:
    return Keeping(
        row.incident_id,
        RetentionClass(row.kind),
        KeepState(row.state),
        row.at,
        row.person_id,
        EarlyReason(row.reason) if row.reason else None,
        row.until,
        row.agreed_by,
    )
