"""Follows the audit's chains from their first entries on, and holds them against heads that were kept elsewhere."""

from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.audit import Head
from storage import tables as t
from storage.audit_chain import BEFORE_THE_FIRST, entry_hash
from storage.commitments import Unkept, unkept_cases, unkept_staff
from storage.database import Database
from storage.register_commitments import unkept_registers

_PAGE = 2000


class Flaw(StrEnum):
    """What is wrong with a chain at its first fault.

    `changed`: the entry is not as it was written; `detached`: it does not follow on from the one before, so one of the two was
    changed; `missing`: it was taken out; `cut_off`: it and all after it were; `surplus`: it was put in by somebody else than
    the bot; `rewritten`: a head says otherwise, so that this entry or one before it was changed, and the hashes with it.
    """

    CHANGED = "changed"
    DETACHED = "detached"
    MISSING = "missing"
    CUT_OFF = "cut_off"
    SURPLUS = "surplus"
    REWRITTEN = "rewritten"


@dataclass(frozen=True, slots=True)
class Broken:
    """The first fault of a chain: what it is, and at which entry. `head` is the one that says so."""

    flaw: Flaw
    seq: int
    head: Head | None = None


@dataclass(slots=True)
class Chain:
    """What was found of a school's chain. `agreed` are the heads that it agrees with, in its order.

    `unkept` are the cases, the lines of registers and the staff list that are not as it has them; None where they were not
    looked at.
    """

    school: str
    entries: int = 0
    broken: Broken | None = None
    agreed: list[Head] = field(default_factory=list)
    unkept: list[Unkept] | None = None
    _last: str = BEFORE_THE_FIRST

    def follow(self, row: Row[Any] | None, seq: int, heads: Sequence[Head]) -> None:
        """Takes the next entry, with the heads that were made of it; None for one that cannot even be read."""
        wanted = self.entries + 1
        self.entries = wanted
        if self.broken is not None:
            return
        if seq != wanted:
            self.broken = Broken(Flaw.MISSING, wanted)
        elif row is None or row.hash != _hash(row):
            self.broken = Broken(Flaw.CHANGED, wanted)
        elif row.previous != self._last:
            self.broken = Broken(Flaw.DETACHED, wanted)
        else:
            self._last = row.hash
            said = next((h for h in heads if h.hash != row.hash), None)
            if said is not None:
                self.broken = Broken(Flaw.REWRITTEN, wanted, said)
            else:
                self.agreed += heads

    def end(self, given_out: int, heads: Iterable[Head]) -> None:
        """There are no more: the bot has written so many, and of these entries heads were made."""
        beyond = min((h for h in heads if h.seq > self.entries), key=lambda h: h.seq, default=None)
        if self.broken is not None:
            return
        if self.entries < given_out or beyond is not None:
            self.broken = Broken(Flaw.CUT_OFF, self.entries + 1, beyond)
        elif self.entries > given_out:
            self.broken = Broken(Flaw.SURPLUS, given_out + 1)


async def follow_chains(
    database: Database, heads: Iterable[Head] = (), school: str | None = None, *, words: bool = False
) -> list[Chain]:
    """Every chain of the database, or a school's alone, as it is at one moment. Never more than a page is in memory.

    With `words`, for which the key ring must have been read, what stands in the cases is held against each whole chain.
    """
    made: dict[str, dict[int, list[Head]]] = defaultdict(lambda: defaultdict(list))
    for head in sorted(heads, key=lambda h: h.at):
        made[head.school][head.seq].append(head)
    async with _one_moment(database) as connection:
        counters = select(t.counters.c.school, t.counters.c.last).where(t.counters.c.name == "audit")
        given_out: dict[str, int] = {name: last for name, last in await connection.execute(counters)}  # noqa: C416
        found = (await connection.execute(select(t.audit.c.school).group_by(t.audit.c.school))).scalars()
        schools = sorted({*given_out, *found, *made})
        chains = [
            await _followed(connection, name, given_out.get(name, 0), made[name])
            for name in schools
            if school is None or name == school
        ]
        for chain in chains:
            if words and chain.broken is None:
                chain.unkept = [found async for found in unkept_cases(connection, database.vault, chain.school)]
                chain.unkept += await unkept_registers(connection, database.vault, chain.school)
                chain.unkept += await unkept_staff(connection, database.vault, chain.school)
        return chains


async def _followed(connection: AsyncConnection, school: str, given_out: int, heads: Mapping[int, Sequence[Head]]) -> Chain:
    chain = Chain(school)
    async for seq, row in _entries(connection, school):
        chain.follow(row, seq, heads.get(seq, ()))
    chain.end(given_out, [h for made in heads.values() for h in made])
    return chain


async def _entries(connection: AsyncConnection, school: str) -> AsyncIterator[tuple[int, Row[Any] | None]]:
    a = t.audit.c
    after: int | None = None
    while True:
        here = (a.school == school,) if after is None else (a.school == school, a.seq > after)
        seqs = (await connection.execute(select(a.seq).where(*here).order_by(a.seq).limit(_PAGE))).scalars().all()
        if not seqs:
            return
        for found in await _read(connection, school, seqs):
            yield found
        after = seqs[-1]


async def _read(connection: AsyncConnection, school: str, seqs: Sequence[int]) -> list[tuple[int, Row[Any] | None]]:
    """The entries of a page. Of those that hold what no entry can hold, the number alone."""
    a = t.audit.c
    page = select(t.audit).where(a.school == school, a.seq.between(seqs[0], seqs[-1])).order_by(a.seq)
    try:
        return [(r.seq, r) for r in await connection.execute(page)]
    except (ValueError, TypeError):
        if len(seqs) == 1:
            return [(seqs[0], None)]
        half = len(seqs) // 2
        return [*await _read(connection, school, seqs[:half]), *await _read(connection, school, seqs[half:])]


def _hash(row: Row[Any]) -> str:
    try:
        return entry_hash(row.school, row.seq, row.at, row.actor, row.action, row.incident_id, row.data, row.previous)
    except (TypeError, ValueError, AttributeError):
        return ""


@asynccontextmanager
async def _one_moment(database: Database) -> AsyncIterator[AsyncConnection]:
    if database.is_sqlite:
        async with database.begin(write=False) as connection:
            yield connection
        return
    async with database.engine.connect() as opened:
        connection = await opened.execution_options(isolation_level="REPEATABLE READ")
        async with connection.begin():
            yield connection
