"""Holds the lines of registers, what was asked for, and consent, against the audit, which has a commitment to each version."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Row, Table, select
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.consents import standing as consent_standing
from domain.registers import Change
from domain.registers import standing as register_standing
from domain.signings import standing as signing_standing
from domain.submissions import standing as submission_standing
from storage import sealed as s
from storage import tables as t
from storage.commitments import Amiss, Unkept
from storage.consent_records import consent_of, consent_version_of
from storage.key_ring import KeyMissingError, SealError
from storage.name_index import mark_of_whole_name
from storage.register_records import record_of, version_of
from storage.sealing import Key
from storage.signing_records import signature_of, signing_of
from storage.submission_records import submission_of, submission_version_of
from storage.vault import Vault


@dataclass(frozen=True, slots=True)
class _Kept:
    """One such table: its lines, their versions, and the entries of the audit that tell of them, with the names in their data.

    `opened`: the commitments to its versions, and whether a line is as its newest version has it. `called`: the column by which
    a line is named to people. `erased`: the entry that says that somebody has taken a line away, if that can be done.
    """

    lines: Table
    versions: Table
    line_of: ColumnElement[str]
    actions: tuple[str, ...]
    line: str
    committed: str
    opened: Callable[[Key, Any, Sequence[Row[Any]]], tuple[set[str], bool]]
    called: str = "reference"
    erased: str = ""


def _of_register(key: Key, line: Any, rows: Sequence[Row[Any]]) -> tuple[set[str], bool]:
    written = [version_of(row, key) for row in rows]
    held = {s.commitment_to_register(key, line.kind, line.reference, version, body) for version, body in written}
    if not written:
        return held, True
    newest, worded = written[-1][0], [version for version, _ in written if version.change is not Change.MOVED]
    record = record_of(line)
    return held, record == register_standing(record.id, record.kind, record.reference, newest, worded[-1].person_id)


def _of_submission(key: Key, line: Any, rows: Sequence[Row[Any]]) -> tuple[set[str], bool]:
    written, of = [submission_version_of(row, key) for row in rows], submission_of(line)
    held = {s.commitment_to_submission(key, of, version, body) for version, body in written}
    if not written:
        return held, True
    first, newest = written[0][0], written[-1][0]
    return held, of == submission_standing(of, newest) and (of.asker_id, of.sent_at) == (first.person_id, first.at)


def _of_signing(key: Key, line: Any, rows: Sequence[Row[Any]]) -> tuple[set[str], bool]:
    written, of = [signature_of(row, key) for row in rows], signing_of(line)
    held = {s.commitment_to_signature(key, of, signature, body) for signature, body in written}
    if not written:
        return held, not of.signatures
    return held, of == signing_standing(of, written[-1][0])


def _of_consent(key: Key, line: Any, rows: Sequence[Row[Any]]) -> tuple[set[str], bool]:
    written, of = [consent_version_of(row, key) for row in rows], consent_of(line)
    held = {s.commitment_to_consent(key, version, body) for version, body in written}
    if not written:
        return held, True
    newest = written[-1][0]
    # By its mark the name is found: beside another's it would lend that one a yes.
    return held, of == consent_standing(newest) and line.name_mark == mark_of_whole_name(key, newest.name)


_KEPT = (
    _Kept(
        t.register_records,
        t.register_versions,
        t.register_versions.c.record_id,
        ("register.added", "register.changed", "register.decided"),
        "record",
        "register",
        _of_register,
    ),
    _Kept(
        t.submissions,
        t.submission_versions,
        t.submission_versions.c.submission_id,
        ("submission.sent", "submission.changed"),
        "submission",
        "committed",
        _of_submission,
    ),
    _Kept(
        t.signings,
        t.given_signatures,
        t.given_signatures.c.signing_id,
        ("agreement.signed",),
        "signing",
        "committed",
        _of_signing,
        "id",
    ),
    _Kept(
        t.consents,
        t.consent_versions,
        t.consent_versions.c.consent_id,
        ("consent.recorded", "consent.changed"),
        "consent",
        "committed",
        _of_consent,
        "id",
        "consent.erased",
    ),
)


async def unkept_registers(connection: AsyncConnection, vault: Vault, school: str) -> list[Unkept]:
    """The lines of a school's registers, and what was asked for there, that are not as its audit has them, which must be whole.

    Raises:
        KeyRingError: the ring has not been read.
    """
    return [unkept for kept in _KEPT for unkept in await _unkept(connection, vault, school, kept)]


async def _unkept(connection: AsyncConnection, vault: Vault, school: str, kept: _Kept) -> list[Unkept]:
    r, v, a = kept.lines.c, kept.versions.c, t.audit.c
    lines = (await connection.execute(select(kept.lines).where(r.school == school).order_by(r.id))).all()
    versions: defaultdict[str, list[Row[Any]]] = defaultdict(list)
    rows = await connection.execute(
        select(kept.versions, kept.line_of.label("line")).where(v.school == school).order_by(v.number)
    )
    for row in rows:
        versions[row.line].append(row)
    # They belong to no case, and so stand together in the index.
    here = (a.school == school, a.incident_id.is_(None), a.action.in_((*kept.actions, kept.erased)))
    noted: defaultdict[str, dict[int, str]] = defaultdict(dict)
    erased: dict[str, int] = {}
    for entry in await connection.execute(select(a.seq, a.action, a.data).where(*here).order_by(a.seq)):
        if entry.action == kept.erased:
            erased[entry.data[kept.line]] = entry.seq
        else:
            noted[entry.data[kept.line]][entry.seq] = str(entry.data[kept.committed])
    there = {line.id for line in lines}
    gone = {record: max(entries) for record, entries in noted.items() if record not in there | erased.keys()}
    found = [Unkept(school, record, Amiss.GONE, seq) for record, seq in gone.items()]
    found += [Unkept(school, record, Amiss.ADDED, seq) for record, seq in erased.items() if record in there]
    if not lines:
        return found
    try:
        key = await vault.records_key(connection, school)
    except KeyMissingError:
        return [*found, *(Unkept(school, getattr(line, kept.called), Amiss.NO_KEY) for line in lines)]
    for line in lines:
        found += _of_line(kept, key, school, line, versions[line.id], noted[line.id])
    return found


def _of_line(
    kept: _Kept, key: Key, school: str, line: Any, rows: Sequence[Row[Any]], noted: dict[int, str]
) -> Iterator[Unkept]:
    try:
        held, stands = kept.opened(key, line, rows)
    except SealError:
        yield Unkept(school, getattr(line, kept.called), Amiss.UNREADABLE)
        return
    changed = [seq for seq, committed in noted.items() if committed not in held]
    for seq in changed:
        yield Unkept(school, getattr(line, kept.called), Amiss.CHANGED, seq)
    if held - set(noted.values()):
        yield Unkept(school, getattr(line, kept.called), Amiss.ADDED)
    if not changed and not stands:
        # By whom, until when and how bad stands beside the wordings too, to be found by.
        yield Unkept(school, getattr(line, kept.called), Amiss.CHANGED, max(noted, default=None))
