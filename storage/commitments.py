"""Holds what stands in the cases against the audit, where each text was committed to when it was written.

A commitment shows that a word or a name was changed, taken away or put in, by whoever has the database and not its keys: they
can replace what is sealed with plain text, and the chain of the audit stays as it was.
"""

import json
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cache
from itertools import islice, product
from typing import Any

from sqlalchemy import Row, Select, Table, bindparam, select
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.audit import READINGS
from domain.incident import OPENED_FOR, CaseNote, Exclusion, Narrative, NoteKind, Participant, Why
from domain.people import Kind, Person
from domain.words import ParticipantRole
from storage import sealed as s
from storage import tables as t
from storage.key_ring import KeyMissingError, SealError
from storage.lookups import among
from storage.sealing import Key
from storage.twins import JOINED
from storage.vault import ERASED, Vault

REPORTED, RECLASSIFIED, CASE_ERASED = "incident.reported", "case.reclassified", "case.erased"
STAFF_TAKEN_OVER = "people.staff.imported"
STAFF_LIST = "the staff list"
"""What is said in place of a case's reference."""
ACKNOWLEDGED, OPENED, ASKED_TO_SIGN = "alert.acknowledged", "case.opened", "sign_off.asked"
_LETS_IN = ACKNOWLEDGED, OPENED, ASKED_TO_SIGN
_OPENS_AGAIN = "case.reopened", "case.unmerged", "case.sent_back"
_WITH_A_NOTE = frozenset({"case.closed", "part.closed", "alert.handed_on"})
"""Entries that a version before 0007 made for a note, at the same moment, without a commitment to it."""
_CHANGES_A_STATE = frozenset({"action.done", "entry.corrected"})
"""Entries that tell of another state of an action. Those of the version that had 0017 alone have no commitment to it."""
MADE_PRIVATE = "case.made_private"
_CHANGES_WHO_IS_OUT = frozenset({"match.listed", "match.confirmed", "match.dismissed", MADE_PRIVATE})
"""Entries after which others are kept out of a case, or fewer. Those of a version before 0018 have no commitment to it."""
_PAGE = 200
_REPORTER = ("reporter_platform", "reporter_user", "reporter_person")
_CLASSIFIED = ("concern", "urgency")
_CASES = select(
    *(
        t.incidents.c[name]
        for name in ("id", "school", "reference", "key_id", "wrapped_key", "private", *_CLASSIFIED, *_REPORTER)
    )
)
# Put together once: they run whenever a case is opened, and to put them together costs more than to ask.
_CASE = _CASES.where(t.incidents.c.school == bindparam("here"), t.incidents.c.id == bindparam("incident"))
_TOLD = (
    select(*(t.audit.c[name] for name in ("incident_id", "seq", "at", "action", "data")))
    .where(t.audit.c.school == bindparam("here"), among(t.audit.c.incident_id, "incidents"))
    .where(~among(t.audit.c.action, "readings"))
    .order_by(t.audit.c.seq)
)
_MOST_READINGS = 4096
"""In how many ways the people of a case may be read where pupils among them stood on the list twice."""


class Amiss(StrEnum):
    """What is wrong with a case, against what the audit says of it.

    `changed`: what was reported, a note or an entry is not as it was written, an action does not stand as it was left,
    somebody else reported it, others are kept out of it, or it was private; `added`: a note or an entry stands in it that the
    audit does not tell of; `let_in`: somebody has it, has opened it, or is to sign it, of whom the audit does not say so;
    `erased`: its key is gone, and the audit does not say that it was erased; `gone`: the case itself is not there; `no_key`:
    the ring has not the key that it lies under; `unreadable`: something of it does not open.
    """

    CHANGED = "changed"
    ADDED = "added"
    LET_IN = "let_in"
    ERASED = "erased"
    GONE = "gone"
    NO_KEY = "no_key"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class Unkept:
    """A case, a line of a register or the staff list that is not as the audit has it.

    `seq` is the entry that shows it, None where it is that there is none.
    """

    school: str
    reference: str
    amiss: Amiss
    seq: int | None = None


@dataclass(frozen=True, slots=True)
class _Entries:
    """What the audit says of a page of cases: their entries, and which pupils' two ids became one."""

    of_case: Mapping[str, Sequence[Row[Any]]]
    joined: Mapping[str, Sequence[str]]


async def unkept_cases(connection: AsyncConnection, vault: Vault, school: str) -> AsyncIterator[Unkept]:
    """The cases of a school that are not as its audit has them, which must be whole. A page of them is in memory at a time.

    Raises:
        KeyRingError: the ring has not been read.
    """
    i, joined = t.incidents.c, await _joined(connection, school)
    after = ""
    while True:
        query = _CASES.where(i.school == school, i.id > after).order_by(i.id).limit(_PAGE)
        cases = (await connection.execute(query)).all()
        if not cases:
            break
        after = cases[-1].id
        for found in await _of_page(connection, vault, school, cases, joined):
            yield found
        for found in await _let_in(connection, school, cases):
            yield found
    async for found in _gone(connection, school):
        yield found


async def unkept_staff(connection: AsyncConnection, vault: Vault, school: str) -> list[Unkept]:
    """Whether a school's staff list is as it was taken over last, by the audit, which must be whole.

    What only a version before this one took over is held against nothing. The newest by its moment counts, which the commitment
    is to as well: an older one that is put at the end again vouches for nothing.

    Raises:
        KeyRingError: the ring has not been read.
    """
    a, p = t.audit.c, t.people.c
    # They belong to no case, and so stand together in the index.
    taken = select(a.seq, a.at, a.data).where(a.school == school, a.incident_id.is_(None), a.action == STAFF_TAKEN_OVER)
    told = [entry for entry in await connection.execute(taken) if entry.data.get("staff")]
    last = max(told, key=lambda entry: (entry.at, entry.seq), default=None)
    if last is None:
        return []
    rows = await connection.execute(select(t.people).where(p.school == school, p.kind == Kind.STAFF, p.active))
    listed = [Person(r.id, Kind.STAFF, r.name, r.email, r.house, r.form, r.line_manager) for r in rows]
    try:
        key = await vault.records_key(connection, school)
    except KeyMissingError:
        return [Unkept(school, STAFF_LIST, Amiss.NO_KEY)]
    except SealError:
        return [Unkept(school, STAFF_LIST, Amiss.UNREADABLE)]
    same = s.commitment_to_staff(key, listed, last.at) == last.data["staff"]
    return [] if same else [Unkept(school, STAFF_LIST, Amiss.CHANGED, last.seq)]


async def is_kept(connection: AsyncConnection, vault: Vault, school: str, incident_id: str) -> bool:
    """Whether one case is as the school's audit has it.

    Raises:
        KeyRingError: the ring has not been read.
    """
    cases = (await connection.execute(_CASE, {"here": school, "incident": incident_id})).all()
    if not await _of_page(connection, vault, school, cases, {}):
        return True
    return not await _of_page(connection, vault, school, cases, await _joined(connection, school))


async def _of_page(
    connection: AsyncConnection, vault: Vault, school: str, cases: Sequence[Row[Any]], joined: Mapping[str, Sequence[str]]
) -> list[Unkept]:
    ids = [case.id for case in cases]
    of_case = _grouped(await connection.execute(_TOLD, {"here": school, "incidents": ids, "readings": sorted(READINGS)}))
    entries = _Entries(of_case, joined)
    tables = (t.incident_texts, t.participants, t.case_notes, t.case_entries, t.case_changes, t.signatures, t.exclusions)
    written = [await _by_case(connection, table, ids) for table in tables]
    found: list[Unkept] = []
    for case in cases:
        texts, people, notes, worked, changes, signatures, shut_out = (rows[case.id] for rows in written)
        found += _of_case(vault, case, entries, (texts, people, notes, worked))
        found += _of_changes(vault, case, of_case[case.id], changes, signatures)
        found += [amiss for amiss in _of_access(vault, case, of_case[case.id], shut_out) if amiss not in found]
    return found


_Written = tuple[Sequence[Row[Any]], Sequence[Row[Any]], Sequence[Row[Any]], Sequence[Row[Any]]]


def _of_case(vault: Vault, case: Any, entries: _Entries, written: _Written) -> Iterator[Unkept]:
    of_case = entries.of_case[case.id]
    if case.key_id == ERASED:
        if all(e.action != CASE_ERASED for e in of_case):
            yield Unkept(case.school, case.reference, Amiss.ERASED)
        return
    committed = {e.seq: str(e.data["texts"]) for e in of_case if e.data.get("texts")}
    # Apart from "texts", which a version before 0017 looks for among notes alone.
    as_worked = {e.seq: str(e.data["entry"]) for e in of_case if e.data.get("entry")}
    texts, people, notes, worked = written
    try:
        key = vault.of_case(case.school, case.id, case.wrapped_key) if case.wrapped_key is not None else None
        as_noted = {n.id: _note(key, case, n) for n in notes}
        as_written = [_entry(key, case, row) for row in worked]
        as_standing = {row.id: s.commitment_to_state(key, row) for row in worked if not row.corrects} if key is not None else {}
        as_reported = set(_reports(key, case, texts, people, entries.joined)) if committed else set()
        by = s.commitment_to_reporter(key, *(getattr(case, name) for name in _REPORTER)) if key is not None else ""
    except KeyMissingError:
        yield Unkept(case.school, case.reference, Amiss.NO_KEY)
        return
    except SealError:
        yield Unkept(case.school, case.reference, Amiss.UNREADABLE)
        return
    holds, vouched_states = {*as_reported, *as_noted.values()}, _states(of_case)
    for entry in of_case:
        told = committed.get(entry.seq)
        other_text = told is not None and told not in (as_reported if entry.action == REPORTED else holds)
        if other_text or as_worked.get(entry.seq, "") not in ("", *as_written) or entry.data.get("reporter", by) != by:
            yield Unkept(case.school, case.reference, Amiss.CHANGED, entry.seq)
    vouched, without = set(committed.values()), {e.at for e in of_case if e.action in _WITH_A_NOTE and e.seq not in committed}
    for note in notes:
        if as_noted[note.id] not in vouched and note.at not in without:
            yield Unkept(case.school, case.reference, Amiss.ADDED)
    for _ in (written for written in as_written if written not in as_worked.values()):
        yield Unkept(case.school, case.reference, Amiss.ADDED)
    for entry_id, (seq, state) in vouched_states.items():
        if as_standing.get(entry_id, state) != state:
            yield Unkept(case.school, case.reference, Amiss.CHANGED, seq)


def _of_access(vault: Vault, case: Any, of_case: Sequence[Row[Any]], shut_out: Sequence[Row[Any]]) -> Iterator[Unkept]:
    """Who may not see a case, as the audit has it last: who is kept out of it, and that it is private."""
    if case.key_id == ERASED or case.wrapped_key is None:
        return
    turned = next(
        (e.seq for e in of_case if e.action == MADE_PRIVATE or (e.action == REPORTED and e.data.get("private"))), None
    )
    if turned is not None and not case.private:
        yield Unkept(case.school, case.reference, Amiss.CHANGED, turned)
    last = next((e for e in reversed(of_case) if e.data.get("shut_out") or e.action in _CHANGES_WHO_IS_OUT), None)
    if last is None or not last.data.get("shut_out"):
        return
    with suppress(KeyMissingError, SealError):
        key = vault.of_case(case.school, case.id, case.wrapped_key)
        people = (Exclusion(row.person_id, Why(row.why), row.participant_id) for row in shut_out)
        if s.commitment_to_shut_out(key, people) != last.data["shut_out"]:
            yield Unkept(case.school, case.reference, Amiss.CHANGED, last.seq)


async def _let_in(connection: AsyncConnection, school: str, cases: Sequence[Row[Any]]) -> list[Unkept]:
    """Cases of which somebody owns a part who did not take it on, whom it is open to without a note, or who signs unasked."""
    a, ids = t.audit.c, [case.id for case in cases]
    told = await _by_case(connection, t.audit, ids, a.school == school, a.action.in_((*_LETS_IN, *_OPENS_AGAIN)))
    alerts = await _by_case(connection, t.alerts, ids, t.alerts.c.owner_id.is_not(None))
    openings = await _by_case(connection, t.openings, ids)
    signatures = await _by_case(connection, t.signatures, ids, t.signatures.c.person_id.is_not(None))
    found = []
    for case in cases:
        took, opened = ({(e.actor, e.at) for e in told[case.id] if e.action == action} for action in (ACKNOWLEDGED, OPENED))
        openers = {(f"person:{x.person_id}", x.at) for x in openings[case.id]}
        owners = {(f"person:{x.owner_id}", x.acknowledged_at) for x in alerts[case.id]}
        # Whoever has had it and opens the case again has it again from then on, which is noted as that.
        again = {(e.actor, e.at) for e in told[case.id] if e.action in _OPENS_AGAIN}
        owns = owners <= took | again and {who for who, _ in owners} <= {who for who, _ in took}
        lasts = all(x.until - x.at <= OPENED_FOR for x in openings[case.id])
        asked = {(e.data.get("person"), e.data.get("role")) for e in told[case.id] if e.action == ASKED_TO_SIGN}
        signers = {(x.person_id, x.role) for x in signatures[case.id]}
        if not (owns and lasts) or openers - opened or signers - asked:
            found.append(Unkept(school, case.reference, Amiss.LET_IN))
    return found


def _of_changes(
    vault: Vault, case: Any, of_case: Sequence[Row[Any]], rows: Sequence[Row[Any]], signatures: Sequence[Row[Any]]
) -> Iterator[Unkept]:
    """How a case was changed and signed off, and of what category and urgency it is: as the audit has it last."""
    if case.key_id == ERASED:
        return
    try:
        key = vault.of_case(case.school, case.id, case.wrapped_key) if case.wrapped_key is not None else None
        as_changed = {row.id: _change(key, case, row) for row in rows}
    except KeyMissingError:
        # What is reported cannot be read either, and that was said.
        return
    except SealError:
        if case.wrapped_key is not None and any(row.sealed is not None for row in rows):
            yield Unkept(case.school, case.reference, Amiss.UNREADABLE)
        return
    vouched = {e.seq: str(e.data["change"]) for e in of_case if e.data.get("change")}
    for seq in (seq for seq, commitment in vouched.items() if commitment not in as_changed.values()):
        yield Unkept(case.school, case.reference, Amiss.CHANGED, seq)
    for _ in (row for row in rows if as_changed[row.id] not in vouched.values()):
        yield Unkept(case.school, case.reference, Amiss.ADDED)
    signed = {(row.person_id, row.code, row.at) for row in rows if row.kind == "signed"}
    for x in signatures:
        if x.done_by is not None and (x.done_by, x.role, x.done_at) not in signed:
            yield Unkept(case.school, case.reference, Amiss.ADDED)
    for column in _CLASSIFIED:
        said = next(((e.seq, e.data[column]) for e in reversed(of_case) if _classifies(e) and e.data.get(column)), None)
        if said is not None and said[1] != getattr(case, column):
            yield Unkept(case.school, case.reference, Amiss.CHANGED, said[0])


def _classifies(entry: Row[Any]) -> bool:
    return entry.action in (REPORTED, RECLASSIFIED)


def _change(key: Key | None, case: Any, row: Row[Any]) -> str:
    if key is None:
        return ""
    body = s.opened(key, "", row.sealed, s.of_change(case.school, case.id, row.id, row.kind))
    columns = ("id", "person_id", "kind", "at", "other_id", "code")
    return s.commitment_to_change(key, {name: getattr(row, name) for name in columns}, body)


def _states(of_case: Iterable[Row[Any]]) -> dict[str, tuple[int, str]]:
    """What the audit has last of where each entry stands, by the entry's id; of one that an older version changed, nothing."""
    found: dict[str, tuple[int, str]] = {}
    for entry in of_case:
        of = str(entry.data.get("corrects") or entry.data.get("id") or "")
        if entry.data.get("state"):
            found[of] = entry.seq, str(entry.data["state"])
        elif entry.action in _CHANGES_A_STATE:
            found.pop(of, None)
    return found


def _entry(key: Key | None, case: Any, row: Row[Any]) -> str:
    if key is None:
        return ""
    body = s.opened(key, "", row.sealed, s.of_entry(case.school, case.id, row.id, row.kind))
    if row.follows is not None and json.loads(body).get("of") != row.follows:
        # What it says something of stands in the row too, to be looked for, and is vouched for by its body alone.
        return ""
    return s.commitment_to_entry(key, row.id, row.person_id, row.at, row.corrects or "", body)


def _note(key: Key | None, case: Any, row: Row[Any]) -> str:
    if key is None:
        return ""
    typed = s.opened(key, row.text, row.sealed, s.of_note(case.school, case.id, row.id))
    return s.commitment_to_note(key, CaseNote(case.id, row.person_id, NoteKind(row.kind), row.at, typed, row.id))


def _reports(
    key: Key | None,
    case: Any,
    texts: Iterable[Row[Any]],
    people: Iterable[Row[Any]],
    joined: Mapping[str, Sequence[str]],
) -> Iterator[str]:
    """The commitments to what was reported: one, and more where somebody named in it had another id then."""
    if key is None:
        return
    read = {x.field: s.opened(key, x.text, x.sealed, s.of_text(case.school, case.id, x.field)) for x in texts}
    what, done, where, link = (read.get(field, "") for field in ("what_happened", "done_already", "where", "link"))
    named = [
        Participant(
            p.id,
            ParticipantRole(p.role),
            s.opened(key, p.name, p.sealed, s.of_participant(case.school, case.id, p.id)),
            p.person_id,
        )
        for p in people
    ]
    ids = [(p.person_id, *joined.get(p.person_id or "", ())) for p in named]
    for chosen in islice(product(*ids), _MOST_READINGS):
        yield s.commitment_to_report(
            key, Narrative(what, done, where, link), [replace(p, person_id=i) for p, i in zip(named, chosen, strict=True)]
        )


async def _by_case(
    connection: AsyncConnection, table: Any, ids: Sequence[str], *also: Any, order: Any = None
) -> defaultdict[str, list[Row[Any]]]:
    query = _rows_of(table).where(*also) if also else _rows_of(table)
    return _grouped(await connection.execute(query if order is None else query.order_by(order), {"incidents": ids}))


def _grouped(rows: Iterable[Row[Any]]) -> defaultdict[str, list[Row[Any]]]:
    found: defaultdict[str, list[Row[Any]]] = defaultdict(list)
    for row in rows:
        found[row.incident_id].append(row)
    return found


@cache
def _rows_of(table: Table) -> Select[Any]:
    return select(table).where(among(table.c.incident_id, "incidents"))


async def _joined(connection: AsyncConnection, school: str) -> dict[str, list[str]]:
    """By the id of a pupil, those that they had as well."""
    a, found = t.audit.c, defaultdict(list)
    # They belong to no case, and so stand together in the index.
    entries = select(a.data).where(a.school == school, a.incident_id.is_(None), a.action == JOINED)
    for data in (await connection.execute(entries)).scalars():
        found[data["person"]].append(data["was"])
    return found


async def _gone(connection: AsyncConnection, school: str) -> AsyncIterator[Unkept]:
    a, i = t.audit.c, t.incidents.c
    query = (
        select(a.seq, a.incident_id)
        .outerjoin(t.incidents, i.id == a.incident_id)
        .where(a.school == school, a.action == REPORTED, i.id.is_(None))
        .order_by(a.seq)
    )
    for row in await connection.execute(query):
        yield Unkept(school, row.incident_id, Amiss.GONE, row.seq)
