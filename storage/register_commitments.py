"""Holds the lines of registers against the audit, where each version was committed to when it was written."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.registers import Change, standing
from storage import sealed as s
from storage import tables as t
from storage.commitments import Amiss, Unkept
from storage.key_ring import KeyMissingError, SealError
from storage.register_records import record_of, version_of
from storage.sealing import Key
from storage.vault import Vault

_WRITTEN = ("register.added", "register.changed", "register.decided")


async def unkept_registers(connection: AsyncConnection, vault: Vault, school: str) -> list[Unkept]:
    """The lines of a school's registers that are not as its audit has them, which must be whole.

    Raises:
        KeyRingError: the ring has not been read.
    """
    r, v, a = t.register_records.c, t.register_versions.c, t.audit.c
    lines = (await connection.execute(select(t.register_records).where(r.school == school).order_by(r.id))).all()
    versions: defaultdict[str, list[Row[Any]]] = defaultdict(list)
    for row in await connection.execute(select(t.register_versions).where(v.school == school).order_by(v.number)):
        versions[row.record_id].append(row)
    # They belong to no case, and so stand together in the index.
    here = (a.school == school, a.incident_id.is_(None), a.action.in_(_WRITTEN))
    noted: defaultdict[str, dict[int, str]] = defaultdict(dict)
    for entry in await connection.execute(select(a.seq, a.data).where(*here).order_by(a.seq)):
        noted[entry.data["record"]][entry.seq] = str(entry.data["register"])
    there = {line.id for line in lines}
    found = [Unkept(school, record, Amiss.GONE, max(entries)) for record, entries in noted.items() if record not in there]
    if not lines:
        return found
    try:
        key = await vault.records_key(connection, school)
    except KeyMissingError:
        return [*found, *(Unkept(school, line.reference, Amiss.NO_KEY) for line in lines)]
    for line in lines:
        found += _of_line(key, school, line, versions[line.id], noted[line.id])
    return found


def _of_line(key: Key, school: str, line: Any, rows: Sequence[Row[Any]], noted: dict[int, str]) -> Iterator[Unkept]:
    try:
        written = [version_of(row, key) for row in rows]
    except SealError:
        yield Unkept(school, line.reference, Amiss.UNREADABLE)
        return
    held = {s.commitment_to_register(key, line.kind, line.reference, version, body) for version, body in written}
    changed = [seq for seq, committed in noted.items() if committed not in held]
    for seq in changed:
        yield Unkept(school, line.reference, Amiss.CHANGED, seq)
    if held - set(noted.values()):
        yield Unkept(school, line.reference, Amiss.ADDED)
    if changed or not written:
        return
    newest, worded = written[-1][0], [version for version, _ in written if version.change is not Change.MOVED]
    record = record_of(line)
    if record != standing(record.id, record.kind, record.reference, newest, worded[-1].person_id):
        # By whom, until when and how bad stands beside the wordings too, to be found by.
        yield Unkept(school, line.reference, Amiss.CHANGED, max(noted, default=None))
