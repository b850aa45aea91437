"""Breaches of personal data, and what was done about them."""

from dataclasses import fields
from datetime import datetime
from typing import Any

from sqlalchemy import Row, bindparam, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.breaches import Breach, BreachDecision, BreachKind, BreachState, BreachStep
from storage import sealed as s
from storage import tables as t
from storage.outbox import show_again
from storage.vault import SchoolKeys

# Put together once: every queue of whoever answers for the records asks it.
_UNFINISHED = (
    select(t.breaches)
    .where(t.breaches.c.school == bindparam("here"), t.breaches.c.done.is_(False))
    .order_by(t.breaches.c.found_at)
)


class BreachRecords:
    """The part of a school's records that has to do with breaches."""

    _c: AsyncConnection
    _school: str
    _keys: SchoolKeys

    async def add_breach(self, breach: Breach) -> None:
        """Keeps that a breach was found. The clock runs from when it was."""
        await self._c.execute(
            insert(t.breaches).values(
                id=breach.id,
                school=self._school,
                reference=breach.reference,
                kind=breach.kind,
                found_at=breach.found_at,
                sealed=self._keys.records.seal_text(breach.what, s.of_breach(self._school, breach.id)),
                started_by=breach.started_by,
                started_at=breach.started_at,
                steps=[],
                caused_by=sorted(breach.caused_by),
            )
        )

    async def breach(self, breach_id: str, *, hold: bool = True) -> Breach | None:
        """The breach of that id, held until the end of the transaction on PostgreSQL."""
        query = select(t.breaches).where(t.breaches.c.school == self._school, t.breaches.c.id == breach_id)
        row = (await self._c.execute(query.with_for_update() if hold else query)).first()
        return self._breach(row) if row is not None else None

    async def breach_state(self, breach_id: str) -> BreachState | None:
        """The same without a word that was written, and not held."""
        query = select(t.breaches).where(t.breaches.c.school == self._school, t.breaches.c.id == breach_id)
        row = (await self._c.execute(query)).first()
        return _state(row) if row is not None else None

    async def is_breach_elsewhere(self, breach_id: str) -> bool:
        """Whether a breach of another school has that id already. Nothing else of it is read."""
        b = t.breaches.c
        return (await self._c.execute(select(b.id).where(b.school != self._school, b.id == breach_id))).first() is not None

    async def breach_caused_by(self, breach_id: str) -> frozenset[str] | None:
        """Who is named as having caused a breach, and has no part in it; None where there is no such breach. Held like it."""
        b = t.breaches.c
        query = select(b.caused_by).where(b.school == self._school, b.id == breach_id).with_for_update()
        row = (await self._c.execute(query)).first()
        return frozenset(row.caused_by) if row is not None else None

    async def unfinished_breaches(self) -> list[BreachState]:
        """Those that are not decided, or of which a step is not done, the oldest first. Nothing that is sealed is opened."""
        return [_state(row) for row in await self._c.execute(_UNFINISHED, {"here": self._school})]

    async def change_breach(self, breach: Breach, at: datetime) -> None:
        """Writes what can change of a breach: its steps, who caused it, its reminders and the decision.

        Copies of its messages are changed.
        """
        reason = s.of_breach_reason(self._school, breach.id)
        await self._c.execute(
            update(t.breaches)
            .where(t.breaches.c.school == self._school, t.breaches.c.id == breach.id)
            .values(
                steps=sorted(breach.steps),
                caused_by=sorted(breach.caused_by),
                done=breach.is_done,
                reminded=breach.reminded,
                decision=breach.decision,
                sealed_reason=self._keys.records.seal_text(breach.reason, reason) if breach.reason else None,
                decided_by=breach.decided_by,
                decided_at=breach.decided_at,
            )
        )
        await self._c.execute(show_again(at, t.deliveries.c.breach_id == breach.id))

    def _breach(self, r: Row[Any]) -> Breach:
        key, state = self._keys.records, _state(r)
        return Breach(
            **{field.name: getattr(state, field.name) for field in fields(state)},
            what=s.opened(key, "", r.sealed, s.of_breach(self._school, r.id)),
            reason=s.opened(key, "", r.sealed_reason, s.of_breach_reason(self._school, r.id)),
        )


def _state(r: Row[Any]) -> BreachState:
    return BreachState(
        id=r.id,
        reference=r.reference,
        kind=BreachKind(r.kind),
        found_at=r.found_at,
        started_by=r.started_by,
        started_at=r.started_at,
        steps=frozenset(BreachStep(step) for step in r.steps),
        reminded=r.reminded,
        decision=BreachDecision(r.decision) if r.decision else None,
        decided_by=r.decided_by,
        decided_at=r.decided_at,
        caused_by=frozenset(r.caused_by),
    )
