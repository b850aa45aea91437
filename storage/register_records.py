"""Lines of the registers: each version sealed under the school's key, vouched for in the audit, and never written over."""

import json
from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, func, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.register_terms import ENDED, RecordState, RegisterKind
from domain.registers import Change, Record, Version
from storage import sealed as s
from storage import tables as t
from storage.outbox import show_again
from storage.sealing import Key
from storage.vault import SchoolKeys

_ADD_VERSION = insert(t.register_versions)
# As a literal: a database must see what it is to know that a partial index serves.
_TO_REMIND = text("register_records.remind_at IS NOT NULL")


class RegisterRecords:
    """The part of a school's records that has to do with registers."""

    _c: AsyncConnection
    _school: str
    _keys: SchoolKeys

    async def add_register_record(self, record: Record, version: Version) -> str:
        """Adds a line with its first wording; the commitment to that, for the audit."""
        new = {"id": record.id, "kind": record.kind, "reference": record.reference}
        row = {**new, "school": self._school, **_columns(record), "remind_at": record.remind_at}
        await self._c.execute(insert(t.register_records).values(**row))
        return await self._add_register_version(record, version)

    async def add_register_version(self, record: Record, version: Version) -> str:
        """Adds a wording or a decision; the commitment to it, for the audit. Messages about the line are changed."""
        committed = await self._add_register_version(record, version)
        await self._c.execute(
            update(t.register_records).where(*self._is_line(record.id)).values(**_columns(record), remind_at=record.remind_at)
        )
        await self._c.execute(show_again(version.at, t.deliveries.c.register_id == record.id))
        return committed

    async def register_record(self, record_id: str, *, hold: bool = True) -> Record | None:
        """Where a line stands, without a word of it; held until the end of the transaction on PostgreSQL."""
        query = select(t.register_records).where(*self._is_line(record_id))
        row = (await self._c.execute(query.with_for_update() if hold else query)).first()
        return record_of(row) if row is not None else None

    async def register_versions(self, record_id: str) -> tuple[Version, ...]:
        """Every version of a line, the first one first."""
        v = t.register_versions.c
        query = select(t.register_versions).where(v.school == self._school, v.record_id == record_id).order_by(v.number)
        return tuple(self._register_version(row) for row in await self._c.execute(query))

    async def has_register_version(self, version_id: str) -> bool:
        """Whether there is a version of that id, so that a form was sent before."""
        v = t.register_versions.c
        query = select(v.id).where(v.id == version_id, v.school == self._school)
        return (await self._c.execute(query)).first() is not None

    async def register_wordings(self, record_ids: Collection[str]) -> dict[str, Version]:
        """The newest version of each of these lines, by its id."""
        v, r = t.register_versions.c, t.register_records.c
        newest = (r.id == v.record_id) & (r.versions == v.number)
        query = select(t.register_versions).join(t.register_records, newest)
        rows = await self._c.execute(query.where(r.school == self._school, r.id.in_(record_ids)))
        return {row.record_id: self._register_version(row) for row in rows}

    async def register_records(
        self,
        kind: RegisterKind,
        *,
        live: bool = False,
        owner: str = "",
        skipped: int = 0,
        most: int | None = None,
    ) -> list[Record]:
        """Lines of a register: the highest rank first, then what was changed last. `owner`: their own alone."""
        r = t.register_records.c
        query = select(t.register_records).where(*self._lines_of(kind, live=live, owner=owner))
        query = query.order_by(r.rank.desc(), r.changed_at.desc(), r.id).offset(skipped)
        return [record_of(row) for row in await self._c.execute(query if most is None else query.limit(most))]

    async def register_counts(self, kind: RegisterKind, *, live: bool = False, owner: str = "") -> dict[str, int]:
        """How many lines there are of each two levels."""
        r = t.register_records.c
        query = select(r.levels, func.count()).where(*self._lines_of(kind, live=live, owner=owner)).group_by(r.levels)
        return {levels: count for levels, count in await self._c.execute(query)}  # noqa: C416 - rows are no pairs to mypy

    async def registers_waiting(self, now: datetime) -> list[Record]:
        """The lines, of every register, that are to be looked at again by now or wait for somebody to agree."""
        r = t.register_records.c
        live = [state for state in RecordState if state not in ENDED]
        wait = (r.state == RecordState.WAITING) | (r.review_at <= now)
        query = select(t.register_records).where(r.school == self._school, r.kind.in_(RegisterKind), r.state.in_(live), wait)
        return [record_of(row) for row in await self._c.execute(query)]

    async def registers_due(self, now: datetime, most: int) -> list[Record]:
        """The lines of which somebody is to be reminded by now, the longest due first."""
        r = t.register_records.c
        query = select(t.register_records).where(r.school == self._school, _TO_REMIND, r.remind_at <= now)
        return [record_of(row) for row in await self._c.execute(query.order_by(r.remind_at, r.id).limit(most))]

    async def remind_of_register(self, record_id: str, at: datetime, now: datetime) -> bool:
        """Says when somebody is reminded of a line again. False if nobody is to be reminded of it now."""
        r = t.register_records.c
        changed = await self._c.execute(
            update(t.register_records).where(*self._is_line(record_id), r.remind_at <= now).values(remind_at=at)
        )
        return bool(changed.rowcount)

    def _is_line(self, record_id: str) -> tuple[ColumnElement[bool], ...]:
        r = t.register_records.c
        return r.school == self._school, r.id == record_id

    def _lines_of(self, kind: RegisterKind, *, live: bool, owner: str) -> tuple[ColumnElement[bool], ...]:
        r = t.register_records.c
        states = [state for state in RecordState if not (live and state in ENDED)]
        own = (r.owner_id == owner,) if owner else ()
        return r.school == self._school, r.kind == kind, r.state.in_(states), *own

    async def _add_register_version(self, record: Record, version: Version) -> str:
        body, key = json.dumps({"values": dict(version.values), "note": version.note}), self._keys.records
        await self._c.execute(
            _ADD_VERSION,
            {
                "id": version.id,
                "school": self._school,
                "record_id": version.record_id,
                "number": version.number,
                "person_id": version.person_id,
                "at": version.at,
                "change": version.change,
                "state": version.state,
                "sealed": key.seal_text(body, s.of_register(self._school, version.record_id, version.number)),
            },
        )
        return s.commitment_to_register(key, record.kind, record.reference, version, body)

    def _register_version(self, row: Any) -> Version:
        return version_of(row, self._keys.records)[0]


def record_of(row: Any) -> Record:
    """A row of `register_records`."""
    return Record(
        row.id,
        RegisterKind(row.kind),
        row.reference,
        RecordState(row.state),
        row.versions,
        row.written_by,
        row.changed_at,
        row.owner_id or "",
        row.review_at,
        row.rank,
        row.levels,
    )


def version_of(row: Any, key: Key) -> tuple[Version, str]:
    """A row of `register_versions`, opened; and what was sealed of it.

    Raises:
        SealError: it does not open.
    """
    body = s.opened(key, "{}", row.sealed, s.of_register(row.school, row.record_id, row.number))
    told = json.loads(body)
    version = Version(
        row.id,
        row.record_id,
        row.number,
        row.person_id,
        row.at,
        Change(row.change),
        RecordState(row.state),
        told.get("values", {}),
        told.get("note", ""),
    )
    return version, body


def _columns(record: Record) -> dict[str, Any]:
    return {
        "state": record.state,
        "versions": record.versions,
        "written_by": record.written_by,
        "changed_at": record.changed_at,
        "owner_id": record.owner_id or None,
        "review_at": record.review_at,
        "rank": record.rank,
        "levels": record.levels,
    }
