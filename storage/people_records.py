"""The school's lists. What a pupil is called is sealed, and found by marks; the staff list is a directory, and plain text."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Executable, bindparam, case, delete, insert, or_, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.people import Kind, Person
from storage import sealed as s
from storage import tables as t
from storage.lookups import among
from storage.name_index import begins, marks_of_name, marks_of_typed, searchable
from storage.twins import as_one, join_twin
from storage.vault import SchoolKeys

_MOST_WORDS, _LONGEST_SEARCH = 8, 200
_p = t.people.c
_PEOPLE = select(t.people).where(_p.school == bindparam("here"), _p.active, among(_p.id, "ids"))
_LISTED_STAFF = select(t.people).where(_p.school == bindparam("here"), _p.kind == Kind.STAFF, _p.active)
_FORGET_WORDS = delete(t.people_words).where(t.people_words.c.person_id == bindparam("who"))
_ADD_WORDS = insert(t.people_words)


class PeopleRecords:
    """The part of a school's records that has to do with its lists."""

    _c: AsyncConnection
    _school: str
    _keys: SchoolKeys

    async def people(self, ids: Iterable[str]) -> dict[str, Person]:
        """Those of the people that are on the school's lists, by id."""
        wanted = list(ids)
        if not wanted:
            return {}
        return {r.id: self._who(r) for r in await self._c.execute(_PEOPLE, {"here": self._school, "ids": wanted})}

    async def search_people(self, typed: str, limit: int) -> list[Person]:
        """People whose name has words that begin as the typed ones do, pupils first. One letter finds no more than staff."""
        words = searchable(typed[:_LONGEST_SEARCH]).split()[:_MOST_WORDS]
        if not words:
            return []
        found = [p for p in await self._sealed_with(words) if begins(p.name, words)] + await self._plain_with(words, limit)
        return sorted(found, key=lambda p: (p.kind is not Kind.PUPIL, searchable(p.name)))[:limit]

    async def _sealed_with(self, words: Sequence[str]) -> list[Person]:
        w = t.people_words.c
        marks = marks_of_typed(self._keys.index, words)
        fits = [_p.id.in_(select(w.person_id).where(w.school == self._school, w.token == mark)) for mark in marks]
        rows = await self._c.execute(select(t.people).where(_p.school == self._school, _p.active, *fits))
        return [self._who(r) for r in rows]

    async def _plain_with(self, words: Sequence[str], limit: int) -> list[Person]:
        """Staff, and pupils that a version before 0007 wrote and nobody has sealed yet."""
        fits = [or_(_p.search.startswith(w, autoescape=True), _p.search.contains(" " + w, autoescape=True)) for w in words]
        rows = await self._c.execute(
            select(t.people)
            .where(_p.school == self._school, _p.active, *fits)
            .order_by(case((_p.kind == Kind.PUPIL, 0), else_=1), _p.search)
            .limit(limit)
        )
        return [self._who(r) for r in rows]

    async def listed(self, kind: Kind) -> dict[str, tuple[Person, bool]]:
        """Everybody on one list, by the list's own key, with whether they are still on it."""
        rows = (await self._c.execute(select(t.people).where(_p.school == self._school, _p.kind == kind))).all()
        found: dict[str, tuple[Person, bool]] = {}
        # What is sealed first: who stands beside it in plain text under the same key is that pupil again.
        for row in sorted(rows, key=lambda r: r.sealed is None):
            key, person = s.opened_person(self._keys, row)
            found[key] = as_one(found[key], (person, row.active)) if key in found else (person, row.active)
        return found

    async def staff_as_listed(self, at: datetime) -> str:
        """The commitment to the staff list as it stands, for the audit: whatever takes one over is noted with it."""
        rows = await self._c.execute(_LISTED_STAFF, {"here": self._school})
        return s.commitment_to_staff(self._keys.records, (self._who(row) for row in rows), at)

    async def _save_people(self, people: Sequence[tuple[str, Person, bool]]) -> None:
        await self._join_twins({key: p.id for key, p, _ in people if p.kind is Kind.PUPIL})
        await self._c.execute(_save(self._c.dialect.name), [self._person_row(*one) for one in people])
        pupils = [(p, active) for _, p, active in people if p.kind is Kind.PUPIL]
        if pupils:
            await self._c.execute(_FORGET_WORDS, [{"who": p.id} for p, _ in pupils])
        words = [
            row
            for p, active in pupils
            if active
            for row in s.marks_as_rows(self._school, p.id, marks_of_name(self._keys.index, p.name))
        ]
        if words:
            await self._c.execute(_ADD_WORDS, words)

    async def _join_twins(self, kept: Mapping[str, str]) -> None:
        plain = select(_p.id, _p.list_key).where(_p.school == self._school, _p.kind == Kind.PUPIL, _p.sealed.is_(None))
        for row in (await self._c.execute(plain.order_by(_p.id))).all() if kept else ():
            if kept.get(row.list_key, row.id) != row.id:
                await join_twin(self._c, self._school, row.id, kept[row.list_key])

    def _person_row(self, key: str, p: Person, active: bool) -> dict[str, Any]:  # noqa: FBT001 - a row's value
        row = {
            "id": p.id,
            "school": self._school,
            "kind": p.kind,
            "list_key": key,
            "name": p.name,
            "email": p.email,
            "house": p.house,
            "form": p.form,
            "line_manager": p.line_manager,
            "search": searchable(p.name),
            "active": active,
            "sealed": None,
        }
        return row | s.sealed_person(self._keys, self._school, p, key) if p.kind is Kind.PUPIL else row

    def _who(self, row: Any) -> Person:
        return s.opened_person(self._keys, row)[1]


@cache
def _save(dialect: str) -> Executable:
    add = sqlite.insert(t.people) if dialect == "sqlite" else postgresql.insert(t.people)
    fixed = ("id", "school", "kind", "number")
    return add.on_conflict_do_update(
        index_elements=["id"], set_={c.name: add.excluded[c.name] for c in _p if c.name not in fixed}
    )
