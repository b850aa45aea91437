"""Seals what a version before 0007 wrote in plain text, in small transactions, while the bot works. Broken off, it goes on.

It looks again every hour: during an upgrade of several processes, one of the version before may still write.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Executable,
    Row,
    String,
    Table,
    and_,
    bindparam,
    cast,
    delete,
    exists,
    insert,
    select,
    text,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.names import words_to_find
from domain.people import Kind
from storage import sealed as s
from storage import tables as t
from storage.case_records import new_key
from storage.database import Database
from storage.name_index import marks_of_name, marks_of_words
from storage.sealing import Key
from storage.twins import as_one, join_twin
from storage.vault import ERASED, EVERYBODY, SchoolKeys, Vault

log = logging.getLogger("esafety.storage")

_AT_ONCE = 50
_PAUSE_SECONDS = 0.02
_OF_CASES = ((t.incident_texts, "text"), (t.case_notes, "text"), (t.participants, "name"))
_LEFT_IN_DRAFTS = text("drafts.state <> 'open' AND drafts.sealed IS NOT NULL")


async def seal_the_rest(database: Database) -> int:
    """Seals all that is still in plain text, and takes it out of the database's file for good; how many rows that were.

    Raises:
        DatabaseTroubleError: the database cannot be used now. What was done until then stays.
        KeyRingError, SealError: so it is with the keys.
        Exception: a kind of rows could not be sealed; the others are all the same.
    """
    await database.vault.ready()
    await _forget_what_was_left(database)
    steps: list[Callable[[Database], Awaitable[int]]] = [_seal_cases, _mark_typed_names, _forget_marks, _seal_pupils]
    steps += [kind.seal_some for kind in _KINDS]
    done = 0
    failed: Exception | None = None
    for step in steps:
        try:
            while found := await step(database):
                done += found
                await asyncio.sleep(_PAUSE_SECONDS)
        except Exception as error:  # noqa: BLE001 - what one table holds must not leave the others in plain text
            failed = failed or error
    if failed is not None:
        raise failed
    if done:
        log.info("%d rows of an older version were sealed", done)
    if database.is_sqlite:
        await database.compact_once()
    return done


async def _seal_cases(database: Database) -> int:
    async with database.begin(write=False) as connection:
        ids = await _unsealed_cases(connection)
    if not ids:
        return 0
    async with database.begin() as connection:
        await database.not_compact(connection)
        i = t.incidents.c
        held = select(i.id, i.school, i.key_id, i.wrapped_key).where(i.id.in_(ids)).order_by(i.id).with_for_update()
        keys = {row.id: (row.school, await _key(connection, database.vault, row)) for row in await connection.execute(held)}
        return sum([await _seal_rows(connection, table, column, keys) for table, column in _OF_CASES])


async def _unsealed_cases(connection: AsyncConnection) -> Sequence[str]:
    for table, column in _OF_CASES:
        # As a literal: a database must see what it is to know that a partial index serves.
        plain = and_(text(f"{table.name}.{column} <> ''"), table.c.sealed.is_(None))
        found = (await connection.execute(select(table.c.incident_id).where(plain).distinct().limit(_AT_ONCE))).scalars().all()
        if found:
            return found
    return ()


async def _key(connection: AsyncConnection, vault: Vault, row: Any) -> Key | None:
    """The case's key, made if it has none; None if it was erased."""
    if row.wrapped_key is not None:
        return vault.of_case(row.school, row.id, row.wrapped_key)
    if row.key_id == ERASED:
        return None
    return await new_key(connection, vault, row.school, row.id)


async def _seal_rows(connection: AsyncConnection, table: Table, column: str, keys: dict[str, tuple[str, Key | None]]) -> int:
    where, of = table.c.incident_id.in_(keys), _PLACES[table]
    rows = (await connection.execute(select(table).where(where, table.c[column] != "", table.c.sealed.is_(None)))).all()
    sealed = []
    for row in rows:
        school, key = keys[row.incident_id]
        named = [getattr(row, k.name) for k in table.primary_key]
        envelope = key.seal_text(getattr(row, column), of(school, row.incident_id, named[-1])) if key is not None else None
        sealed.append({f"k_{k.name}": v for k, v in zip(table.primary_key, named, strict=True)} | {"envelope": envelope})
    if sealed:
        this = and_(table.c.sealed.is_(None), *(k == bindparam(f"k_{k.name}") for k in table.primary_key))
        # The name of a bound value, and not of a column, which SQLAlchemy would take for one to be written.
        values = {column: "", "sealed": bindparam("envelope")}
        await connection.execute(update(table).where(this).values(values), sealed)
    return len(rows)


_PLACES: dict[Table, Callable[[str, str, str], bytes]] = {
    t.incident_texts: s.of_text,
    t.case_notes: s.of_note,
    t.participants: s.of_participant,
}


async def _mark_typed_names(database: Database) -> int:
    """By which words a typed name is found, of names that a version before 0022 wrote."""
    p, i = t.participants.c, t.incidents.c
    # As a literal: a database must see what it is to know that a partial index serves.
    unmarked = text("participants.person_id IS NULL AND NOT participants.marked AND participants.sealed IS NOT NULL")
    query = select(t.participants, i.school, i.key_id, i.wrapped_key).join(t.incidents, i.id == p.incident_id)
    query = query.where(unmarked, i.wrapped_key.is_not(None)).limit(_AT_ONCE)
    async with database.begin(write=False) as connection:
        schools = set((await connection.execute(select(query.subquery().c.school).distinct())).scalars())
    keys = {school: await database.vault.of_school(school) for school in sorted(schools)}
    async with database.begin() as connection:
        # The case is held, so that it is not erased meanwhile and its marks left.
        rows = (await connection.execute(query.with_for_update(of=t.incidents))).all()
        found, add = [row for row in rows if row.school in keys], _insert_once(connection.dialect.name)
        for row in found:
            case = database.vault.of_case(row.school, row.incident_id, row.wrapped_key)
            name = case.open_text(row.sealed, s.of_participant(row.school, row.incident_id, row.id))
            marks = marks_of_words(keys[row.school].index, words_to_find(name))
            if marks:
                here = {"school": row.school, "incident_id": row.incident_id}
                await connection.execute(add, [{**here, "token": mark} for mark in sorted(marks)])
            await connection.execute(update(t.participants).where(p.id == row.id).values(marked=True))
    return len(found)


async def _forget_marks(database: Database) -> int:
    """Marks of a case that a version before 0022 has erased."""
    i, w = t.incidents.c, t.typed_names.c
    async with database.begin() as connection:
        erased = select(i.id).where(i.key_id == ERASED, exists().where(w.incident_id == i.id)).limit(_AT_ONCE)
        ids = list((await connection.execute(erased)).scalars())
        if ids:
            await connection.execute(delete(t.typed_names).where(w.incident_id.in_(ids)))
    return len(ids)


def _insert_once(dialect: str) -> Executable:
    """Adds marks; one that is there already changes nothing."""
    add = sqlite.insert(t.typed_names) if dialect == "sqlite" else postgresql.insert(t.typed_names)
    return add.on_conflict_do_nothing()


async def _seal_pupils(database: Database) -> int:
    p = t.people.c
    plain = and_(p.kind == Kind.PUPIL, p.name != "", p.sealed.is_(None))
    return await _seal_some(database, t.people, plain, p.school, _seal_pupil)


async def _seal_pupil(connection: AsyncConnection, keys: SchoolKeys, row: Row[Any]) -> None:
    list_key, person = s.opened_person(keys, row)
    values = s.sealed_person(keys, row.school, person, list_key)
    p, active = t.people.c, row.active
    of_pupils = and_(p.school == row.school, p.kind == Kind.PUPIL)
    same = select(t.people).where(of_pupils, p.list_key == values["list_key"], p.id != row.id).with_for_update()
    if (known := (await connection.execute(same)).first()) is not None:
        # A version before knows nobody by a mark: it has put somebody onto the list again who is there.
        _, was = s.opened_person(keys, known)
        person, active = as_one((was, known.active), (person, active))
        await join_twin(connection, row.school, row.id, known.id)
        groups = {"house": person.house, "form": person.form, "active": active}
        values = s.sealed_person(keys, row.school, person, list_key) | groups
    await connection.execute(update(t.people).where(p.id == person.id).values(values))
    words = t.people_words
    await connection.execute(delete(words).where(words.c.person_id == person.id))
    found = s.marks_as_rows(row.school, person.id, marks_of_name(keys.index, person.name))
    if found and active:
        await connection.execute(insert(words), found)


@dataclass(frozen=True, slots=True)
class _Kind:
    """A column that lies under a school's key: where it stands sealed, which rows are in plain text, and what seals one."""

    table: Table
    column: str
    plain: ColumnElement[bool]
    seal: Callable[[SchoolKeys, Row[Any]], bytes]
    sealed: str = "sealed"
    empty: str | Mapping[str, Any] = ""

    async def seal_some(self, database: Database) -> int:
        """Seals some; how many. What is sealed is never written over."""

        async def one(connection: AsyncConnection, keys: SchoolKeys, row: Row[Any]) -> None:
            this = and_(*(k == getattr(row, k.name) for k in self.table.primary_key))
            values = {self.column: self.empty, self.sealed: self.seal(keys, row)}
            await connection.execute(update(self.table).where(this).values(values))

        unsealed = and_(self.plain, self.table.c[self.sealed].is_(None))
        return await _seal_some(database, self.table, unsealed, self.table.c.get("school"), one)

    async def forget_beside(self, connection: AsyncConnection) -> int:
        """Empties plain text that stands beside what is sealed, and that nobody reads; in how many rows."""
        beside = and_(self.plain, self.table.c[self.sealed].is_not(None))
        return (await connection.execute(update(self.table).where(beside).values({self.column: self.empty}))).rowcount


async def _seal_some(
    database: Database,
    table: Table,
    plain: ColumnElement[bool],
    school: Any,
    seal: Callable[[AsyncConnection, SchoolKeys, Row[Any]], Awaitable[None]],
) -> int:
    async with database.begin(write=False) as connection:
        first = (await connection.execute(select(table).where(plain).limit(1))).first()
    if first is None:
        return 0
    whose = EVERYBODY if school is None else first.school
    # Before the transaction: to make a school's keys takes one of its own.
    keys = await database.vault.of_school(whose)
    same = plain if school is None else and_(plain, school == whose)
    async with database.begin() as connection:
        await database.not_compact(connection)
        rows = (await connection.execute(select(table).where(same).limit(_AT_ONCE).with_for_update())).all()
        for row in rows:
            await seal(connection, keys, row)
    return len(rows)


_KINDS = (
    _Kind(t.asked, "text", t.asked.c.text != "", lambda keys, r: keys.records.seal_text(r.text, s.of_asked(r.school, r.id))),
    _Kind(t.gaps, "text", t.gaps.c.text != "", lambda keys, r: keys.records.seal_text(r.text, s.of_gap(r.school, r.id))),
    _Kind(
        t.requests,
        "text",
        t.requests.c.text != "",
        lambda keys, r: keys.records.seal_text(r.text, s.of_request(r.school, r.id)),
    ),
    _Kind(
        t.requests,
        "reason",
        t.requests.c.reason != "",
        lambda keys, r: keys.records.seal_text(r.reason, s.of_reason(r.school, r.id)),
        sealed="sealed_reason",
    ),
    _Kind(
        t.drafts,
        "filled",
        and_(text("drafts.state = 'open'"), cast(t.drafts.c.filled, String) != "{}"),
        lambda keys, r: s.sealed_draft(keys, r.school, r.id, r.filled, (r.platform, r.user_id)),
        empty={},
    ),
    _Kind(
        t.console_messages,
        "body",
        cast(t.console_messages.c.body, String) != "{}",
        lambda keys, r: s.sealed_body(keys, r.place, r.body),
        empty={},
    ),
    _Kind(
        t.slack_installs,
        "token",
        t.slack_installs.c.token != "",
        lambda keys, r: keys.records.seal_text(r.token, s.of_token(r.team)),
    ),
)


async def _forget_what_was_left(database: Database) -> None:
    """What an older version let go of, as far as it knew: it empties the text, and leaves what is sealed."""
    async with database.begin() as connection:
        # Not of drafts: an older version may still be filling one in, and what is sealed of it is then the older.
        if sum([await kind.forget_beside(connection) for kind in _KINDS if kind.table is not t.drafts]):
            await database.not_compact(connection)
        await connection.execute(update(t.drafts).where(_LEFT_IN_DRAFTS).values(sealed=None))
        g = t.gaps.c
        await connection.execute(update(t.gaps).where(g.settled_at.is_not(None), g.sealed.is_not(None)).values(sealed=None))
