"""Signed heads of the audit's chains on their way out. Each is a row for each place it goes to, until it is there."""

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import ColumnElement, Row, func, insert, select, update

from domain.audit import Head, HeadWay, SignedHead
from storage import tables as t
from storage.audit_entries import add_entry
from storage.audit_keys import as_line
from storage.database import Database

SENDING_TAKES = timedelta(minutes=2)
"""For so long a head that one process is sending is left alone by the others."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A head that is to go out by one way. `attempts` counts this one."""

    signed: SignedHead
    way: HeadWay
    attempts: int


@dataclass(frozen=True, slots=True)
class HeadsStanding:
    """How a school's heads stand by one way: when the last one arrived, how many wait and since when, and why (a code)."""

    school: str
    way: HeadWay
    last: datetime | None
    waiting: int
    since: datetime | None
    trouble: str


class Heads:
    """The heads of all schools."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def newest(self) -> dict[str, datetime]:
        """When each school's newest head was made."""
        h = t.audit_heads.c
        async with self._database.begin(write=False) as connection:
            rows = await connection.execute(select(h.school, func.max(h.at)).group_by(h.school))
            return {school: at for school, at in rows}  # noqa: C416 - a row is no pair to mypy

    async def make(
        self, school: str, now: datetime, every: timedelta, ways: Iterable[HeadWay], sign: Callable[[Head], SignedHead]
    ) -> SignedHead | None:
        """Signs the head of a school's chain and sets it on its ways. None if there is a recent one, or no chain.

        That it was signed is an entry of the chain itself, so that each head is another even where nothing else was done: who
        is sent them sees when they stop.
        """
        c, h = t.counters.c, t.audit_heads.c
        async with self._database.begin() as connection:
            # Whoever adds an entry holds this row: of two processes the second sees the first one's head.
            held = select(c.last).where(c.school == school, c.name == "audit").with_for_update()
            if (await connection.execute(held)).first() is None:
                return None
            newest = (await connection.execute(select(func.max(h.at)).where(h.school == school))).scalar()
            if newest is not None and now - newest < every:
                return None
            signed = sign(await add_entry(connection, school, now, "bot", "audit.head_signed"))
            row = {"school": school, "seq": signed.head.seq, "at": now, "hash": signed.head.hash}
            row |= {"key": signed.key, "signature": signed.signature}
            await connection.execute(insert(t.audit_heads), [{**row, "way": way, "next_at": now} for way in ways])
            return signed

    async def take(self, now: datetime, most: int) -> list[Waiting]:
        """Heads that are to go out now, the oldest first. Nobody else is given them until `SENDING_TAKES` is over."""
        h = t.audit_heads.c
        due = select(t.audit_heads).where(h.sent_at.is_(None), h.next_at <= now).order_by(h.at).limit(most)
        async with self._database.begin(write=False) as connection:
            if (await connection.execute(due.limit(1))).first() is None:
                return []
        async with self._database.begin() as connection:
            rows = (await connection.execute(due.with_for_update(skip_locked=True))).all()
            for r in rows:
                taken = {"attempts": r.attempts + 1, "next_at": now + SENDING_TAKES}
                await connection.execute(update(t.audit_heads).where(*_this(_head(r), HeadWay(r.way))).values(taken))
        return [Waiting(SignedHead(_head(r), r.key, r.signature), HeadWay(r.way), r.attempts + 1) for r in rows]

    async def sent(self, waiting: Waiting, at: datetime) -> None:
        """It is there."""
        await self._change(waiting, sent_at=at, trouble="")

    async def put_off(self, waiting: Waiting, until: datetime, trouble: str) -> None:
        """It could not be sent now; `trouble` is a code."""
        await self._change(waiting, next_at=until, trouble=trouble[:64])

    async def _change(self, waiting: Waiting, **values: object) -> None:
        async with self._database.begin() as connection:
            here = (*_this(waiting.signed.head, waiting.way), t.audit_heads.c.sent_at.is_(None))
            await connection.execute(update(t.audit_heads).where(*here).values(**values))

    async def standing(self) -> list[HeadsStanding]:
        """How they stand, by school and way."""
        h = t.audit_heads.c
        waits = h.sent_at.is_(None)
        query = (
            select(
                h.school,
                h.way,
                func.max(h.at).filter(~waits),
                func.count().filter(waits),
                func.min(h.at).filter(waits),
                func.max(h.trouble).filter(waits),
            )
            .group_by(h.school, h.way)
            .order_by(h.school, h.way)
        )
        async with self._database.begin(write=False) as connection:
            rows = (await connection.execute(query)).all()
        return [HeadsStanding(school, HeadWay(way), last, n, since, why or "") for school, way, last, n, since, why in rows]


def add_to_folder(folder: Path, signed: SignedHead) -> None:
    """Adds a head to the file of its month, unless it stands there already. It is on the disk afterwards.

    Raises:
        OSError: it could not be written.
    """
    line = as_line(signed)
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"audit-heads-{signed.head.at:%Y-%m}.jsonl"
    before = file.read_text(encoding="utf-8") if file.exists() else ""
    if line in before.splitlines():
        return
    # Of a line that was broken off nothing is taken away: the file is only ever added to.
    start = "" if before.endswith("\n") or not before else "\n"
    with os.fdopen(os.open(file, os.O_APPEND | os.O_CREAT | os.O_WRONLY, 0o644), "wb") as opened:
        opened.write(f"{start}{line}\n".encode())
        opened.flush()
        os.fsync(opened.fileno())


def _head(r: Row[tuple[object, ...]]) -> Head:
    return Head(r.school, r.seq, r.hash, r.at)


def _this(head: Head, way: HeadWay) -> tuple[ColumnElement[bool], ...]:
    h = t.audit_heads.c
    return (h.school == head.school, h.seq == head.seq, h.way == way)
