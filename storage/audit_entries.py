"""How an entry gets into a school's audit: numbered, chained to the one before, in the transaction of what it tells of."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache

from sqlalchemy import Executable, bindparam, insert, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.audit import Head, Noted
from storage import tables as t
from storage.audit_chain import BEFORE_THE_FIRST, entry_hash
from storage.database import Database


async def next_number(connection: AsyncConnection, school: str, name: str, count: int = 1) -> int:
    """The next number of a series, or the last of so many. On PostgreSQL the series' row is held until the transaction ends."""
    series = {"school": school, "name": name, "count": count}
    return int((await connection.execute(_next_number(connection.dialect.name), series)).scalar_one())


async def add_entry(
    connection: AsyncConnection,
    school: str,
    at: datetime,
    actor: str,
    action: str,
    incident_id: str | None = None,
    data: Mapping[str, str | int | bool | None] | None = None,
) -> Head:
    """Adds an entry: who did what, by ids and codes. Gives the head that the chain has now."""
    return await add_entries(connection, school, at, actor, [Noted(action, incident_id, data or {})])


async def add_entries(connection: AsyncConnection, school: str, at: datetime, actor: str, noted: Sequence[Noted]) -> Head:
    """Adds what somebody did at one moment, in its order, with no more statements than one entry takes."""
    last, hash_ = await next_number(connection, school, "audit", len(noted)), BEFORE_THE_FIRST
    before = last - len(noted)
    if before:
        hash_ = (await connection.execute(_HASH, {"school": school, "seq": before})).scalar_one()
    rows = []
    for seq, entry in enumerate(noted, before + 1):
        previous, told = hash_, dict(entry.data)
        hash_ = entry_hash(school, seq, at, actor, entry.action, entry.incident_id, told, previous)
        rows.append(
            {
                "school": school,
                "seq": seq,
                "at": at,
                "actor": actor,
                "action": entry.action,
                "incident_id": entry.incident_id,
                "data": told,
                "previous": previous,
                "hash": hash_,
            }
        )
    await connection.execute(_ADD, rows)
    return Head(school, last, hash_, at)


async def note_in_every_audit(
    database: Database, at: datetime, actor: str, action: str, data: Mapping[str, str | int | bool | None] | None = None
) -> None:
    """Notes in each school's audit what was done with the records of all: copied out of the house, put back, moved.

    Raises:
        DatabaseTroubleError: it could not be noted.
    """
    async with database.begin() as connection:
        schools = select(t.counters.c.school).where(t.counters.c.name == "audit").order_by(t.counters.c.school)
        for school in (await connection.execute(schools)).scalars().all():
            await add_entry(connection, school, at, actor, action, data=data)


# Written out once: these run with every report, and to put a statement together costs more than to run it.
_ADD = insert(t.audit)
_HASH = select(t.audit.c.hash).where(t.audit.c.school == bindparam("school"), t.audit.c.seq == bindparam("seq"))


@cache
def _next_number(dialect: str) -> Executable:
    add = sqlite.insert if dialect == "sqlite" else postgresql.insert
    first = add(t.counters).values(school=bindparam("school"), name=bindparam("name"), last=bindparam("count"))
    next_ = first.on_conflict_do_update(
        index_elements=["school", "name"], set_={"last": t.counters.c.last + bindparam("count")}
    )
    return next_.returning(t.counters.c.last)
