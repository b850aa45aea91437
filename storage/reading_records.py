"""Who has read what, out of the audit."""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.audit import OPENED, TAKEN_OUT, Reading
from domain.words import Role
from storage import tables as t

_PERSON = "person:"


class ReadingRecords:
    """The part of a school's records that says who has looked at them."""

    _c: AsyncConnection
    _school: str

    async def readings(self, *incident_ids: str) -> tuple[Reading, ...]:
        """Every look at these cases, and every page that was made of them, oldest first."""
        a = t.audit.c
        rows = await self._c.execute(
            select(a.incident_id, a.at, a.actor, a.data)
            .where(
                a.school == self._school,
                a.incident_id.in_(incident_ids),
                a.action.in_((OPENED, *sorted(TAKEN_OUT))),
                a.actor.startswith(_PERSON, autoescape=True),
            )
            .order_by(a.seq)
        )
        return tuple(Reading(r.incident_id, r.at, r.actor.removeprefix(_PERSON), _roles(r.data.get("roles"))) for r in rows)

    async def cases_of(self, person_id: str) -> tuple[str, ...]:
        """The cases in which somebody on the school's lists is named, in whatever part, by id, the newest first."""
        i, p = t.incidents.c, t.participants.c
        rows = await self._c.execute(
            select(i.id)
            .join(t.participants, p.incident_id == i.id)
            .where(i.school == self._school, p.person_id == person_id)
            .group_by(i.id, i.reported_at)
            .order_by(i.reported_at.desc(), i.id)
        )
        return tuple(rows.scalars())


def _roles(noted: object) -> tuple[Role, ...] | None:
    return tuple(Role(r) for r in noted.split(",") if r) if isinstance(noted, str) else None
