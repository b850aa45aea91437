"""What is kept of cases that were opened in an emergency."""

from datetime import datetime

from sqlalchemy import Row, bindparam, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.incident import Opening
from domain.words import Role
from storage import tables as t
from storage.lookups import among

_o = t.openings.c
_OPENED_BY = select(_o.incident_id, _o.person_id).where(
    _o.school == bindparam("here"), among(_o.incident_id, "ids"), _o.until > bindparam("now")
)
_OPENING = select(t.openings).where(_o.school == bindparam("here"), _o.id == bindparam("opening"))


class OpeningRecords:
    """The part of a school's records that has to do with cases opened in an emergency."""

    _c: AsyncConnection
    _school: str

    async def add_opening(self, opening: Opening) -> None:
        """Keeps that somebody opened a case."""
        await self._c.execute(
            insert(t.openings),
            {
                "id": opening.id,
                "school": self._school,
                "incident_id": opening.incident_id,
                "person_id": opening.person_id,
                "role": opening.role,
                "at": opening.at,
                "until": opening.until,
            },
        )

    async def opening(self, opening_id: str) -> Opening | None:
        """The opening of that id."""
        row = (await self._c.execute(_OPENING, {"here": self._school, "opening": opening_id})).first()
        return None if row is None else _opening(row)

    async def opened_by(self, now: datetime, *incident_ids: str) -> dict[str, frozenset[str]]:
        """To whom cases are open now because they opened them, by case; nothing for a case that nobody has opened."""
        if not incident_ids:
            return {}
        rows = await self._c.execute(_OPENED_BY, {"here": self._school, "ids": incident_ids, "now": now})
        found: dict[str, set[str]] = {}
        for row in rows:
            found.setdefault(row.incident_id, set()).add(row.person_id)
        return {incident: frozenset(people) for incident, people in found.items()}


def _opening(row: Row[tuple[object, ...]]) -> Opening:
    return Opening(row.id, row.incident_id, row.person_id, Role(row.role), row.at, row.until)
