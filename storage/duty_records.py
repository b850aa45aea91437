"""What of the school's calendar somebody was reminded of, and who has said that it is done."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import Row, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.duties import Duty, DutyKind, Occasion
from storage import tables as t
from storage.outbox import show_again


class DutyRecords:
    """The part of a school's records that has to do with its calendar."""

    _c: AsyncConnection
    _school: str

    async def add_duty(self, duty: Duty) -> bool:
        """Keeps that somebody is reminded of an occasion. False if another process was first."""
        add = sqlite.insert if self._c.dialect.name == "sqlite" else postgresql.insert
        statement = add(t.duties).values(
            id=duty.id,
            school=self._school,
            kind=duty.occasion.kind,
            entry=duty.occasion.entry,
            occasion=duty.occasion.key,
            due=duty.occasion.due,
            made_at=duty.made_at,
            rung=duty.rung,
            next_at=duty.next_at,
        )
        return bool((await self._c.execute(statement.on_conflict_do_nothing())).rowcount)

    async def duties(self, since: date) -> list[Duty]:
        """Those that were due on a day or later, all that wait to be done, and every review of the policy, in order."""
        d = t.duties.c
        wanted = or_(d.due >= since, d.done_at.is_(None), d.kind == DutyKind.REVIEW)
        query = select(t.duties).where(d.school == self._school, wanted)
        return [_duty(row) for row in await self._c.execute(query.order_by(d.due, d.id))]

    async def duty(self, duty_id: str) -> Duty | None:
        """One by its id."""
        d = t.duties.c
        row = (await self._c.execute(select(t.duties).where(d.school == self._school, d.id == duty_id))).one_or_none()
        return _duty(row) if row is not None else None

    async def ring_duty(self, duty: Duty, next_at: datetime | None, now: datetime) -> bool:
        """Keeps that somebody is reminded once more. False if that was done before, or it is no longer time."""
        d = t.duties.c
        waits = (d.school == self._school, d.id == duty.id, d.rung == duty.rung, d.next_at <= now, d.done_at.is_(None))
        return bool((await self._c.execute(update(t.duties).where(*waits).values(rung=d.rung + 1, next_at=next_at))).rowcount)

    async def finish_duty(self, duty_id: str, by: str, at: datetime) -> bool:
        """Keeps who has said that it is done; every message about it is shown again. False if somebody has before."""
        d = t.duties.c
        waits = (d.school == self._school, d.id == duty_id, d.done_at.is_(None))
        done = await self._c.execute(update(t.duties).where(*waits).values(done_at=at, done_by=by, next_at=None))
        if not done.rowcount:
            return False
        await self._c.execute(show_again(at, t.deliveries.c.duty_id == duty_id))
        return True


def _duty(row: Row[Any]) -> Duty:
    occasion = Occasion(DutyKind(row.kind), row.entry, row.occasion, row.due)
    return Duty(row.id, occasion, row.made_at, row.rung, row.next_at, row.done_at, row.done_by)
