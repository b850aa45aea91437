"""Records on their way to the next school, until it has said that it has them."""

from datetime import datetime
from typing import Any

from sqlalchemy import Row, bindparam, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.handovers import Handover, Unreceived
from storage import sealed as s
from storage import tables as t
from storage.vault import SchoolKeys

_h = t.handovers.c
# Put together once: every queue of whoever answers for the records asks it.
_UNRECEIVED = (
    select(_h.id, _h.file, _h.at, _h.due_at)
    .where(_h.school == bindparam("here"), _h.received_at.is_(None))
    .order_by(_h.at, _h.id)
)


class HandoverRecords:
    """The part of a school's records that has to do with handing pupils' records over."""

    _c: AsyncConnection
    _school: str
    _keys: SchoolKeys

    async def add_handover(self, handover: Handover) -> None:
        """Keeps that records are on their way."""
        await self._c.execute(
            insert(t.handovers).values(
                id=handover.id,
                school=self._school,
                person_id=handover.person_id,
                sealed=self._keys.records.seal_text(handover.to, s.of_handover(self._school, handover.id)),
                file=handover.file,
                receipt=handover.receipt,
                started_by=handover.started_by,
                at=handover.at,
                due_at=handover.due_at,
            )
        )

    async def handover(self, handover_id: str, *, hold: bool = True) -> Handover | None:
        """The hand-over of that id, held until the end of the transaction on PostgreSQL."""
        query = select(t.handovers).where(t.handovers.c.school == self._school, t.handovers.c.id == handover_id)
        row = (await self._c.execute(query.with_for_update() if hold else query)).first()
        return self._handover(row) if row is not None else None

    async def unreceived(self) -> list[Unreceived]:
        """Those without a receipt, the oldest first. Nothing that is sealed is opened."""
        return [Unreceived(*row) for row in await self._c.execute(_UNRECEIVED, {"here": self._school})]

    async def receive(self, handover_id: str, by: str, at: datetime) -> None:
        """The next school has it."""
        h = t.handovers.c
        here = (h.school == self._school, h.id == handover_id)
        await self._c.execute(update(t.handovers).where(*here).values(received_at=at, received_by=by))

    def _handover(self, r: Row[Any]) -> Handover:
        to = s.opened(self._keys.records, "", r.sealed, s.of_handover(self._school, r.id))
        return Handover(r.id, r.person_id, to, r.file, r.receipt, r.started_by, r.at, r.due_at, r.received_at, r.received_by)
