"""The staff list as it changes, and the cases whose names must be compared with whoever comes onto it."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import ColumnElement, and_, bindparam, case, exists, func, literal, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.incident import Why
from domain.people import Kind
from domain.routing import Facts
from domain.words import About, ParticipantRole
from storage import tables as t
from storage.vault import ERASED

_LIST, _COMPARED = "people", "people_compared"
_COMPARING, _CAME_TO = "people_comparing", "people_came_to"
"""With which version of the list old cases are being compared, and how far that has come, in seconds from `_BEGINNING`."""
_BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)
_SHUTS_OUT = [ParticipantRole.TARGET, ParticipantRole.ALLEGED_PERPETRATOR]
_FREED = "~"
"""What stands before an id in place of an e-mail that somebody else has now. No address begins with it and has no @."""

_THE_LIST = select(t.counters.c.last).where(t.counters.c.school == bindparam("here"), t.counters.c.name == _LIST)
_HOLD, _HOLD_TO_CHANGE = _THE_LIST.with_for_update(read=True), _THE_LIST.with_for_update()

_ALL = (_LIST, _COMPARED, _COMPARING, _CAME_TO)


@dataclass(frozen=True, slots=True)
class Comparison:
    """Of how many cases of a school the names have been compared with its lists as they are now, and of how many not yet."""

    school: str
    done: int
    of: int


def freed_key(person_id: str) -> str:
    """Under what somebody is kept whose key on the list somebody else has now."""
    return f"{_FREED}{person_id}"


class ListedRecords:
    """The part of a school's records that has to do with changes of its lists."""

    _c: AsyncConnection
    _school: str

    async def hold_list(self, *, to_change: bool = False) -> None:
        """On PostgreSQL nobody changes the staff list until the end of the transaction; to change it, nobody relies on it.

        Whoever compares names with the list holds it before they hold a case: otherwise a report that was made while a list
        was taken over would be compared with neither.
        """
        # SQLite has one writer at a time.
        if self._c.dialect.name != "sqlite":
            await self._c.execute(_HOLD_TO_CHANGE if to_change else _HOLD, {"here": self._school})

    async def list_versions(self) -> tuple[int, int]:
        """How often the lists have changed, and up to which change the names of all cases were compared with them."""
        version, compared = await self._counted(_LIST, _COMPARED)
        return version, compared

    async def set_compared(self, version: int) -> None:
        """Notes that the names of all cases have been compared with the lists of that version."""
        await self._count(_COMPARED, version)

    async def cases_to_compare(self, version: int, most: int) -> tuple[dict[str, Facts], datetime | None]:
        """The next cases whose names have not been compared with the lists of that version, about so many, by id.

        All that were reported before the moment that comes with them; None with the last.
        """
        i = t.incidents.c
        since = i.reported_at >= await self._came_to(version)
        found = await self._c.execute(
            select(i.reported_at).where(self._names_anybody, since).order_by(i.reported_at).limit(1).offset(most - 1)
        )
        # Cut where a second ends, and never between two cases of one: the mark is in seconds.
        after = found.scalar()
        until = after.replace(microsecond=0) + timedelta(seconds=1) if after is not None else None
        return await self._facts(since, *([] if until is None else [i.reported_at < until])), until

    async def set_came_to(self, version: int, until: datetime) -> None:
        """Notes that the cases reported before a moment have been compared with the lists of that version."""
        await self._count(_COMPARING, version)
        await self._count(_CAME_TO, int((until - _BEGINNING).total_seconds()))

    async def named_cases(self) -> dict[str, Facts]:
        """Every case, open or closed, that names anybody who may be of staff, by id; none that was erased."""
        return await self._facts()

    async def _facts(self, *where: ColumnElement[bool]) -> dict[str, Facts]:
        i = t.incidents.c
        rows = await self._c.execute(
            select(i.id, i.concern, i.about, i.is_repeat, i.immediate_danger, i.illegal_suspected).where(
                self._names_anybody, *where
            )
        )
        return {r.id: Facts(r.concern, About(r.about), r.is_repeat, r.immediate_danger, r.illegal_suspected) for r in rows}

    @property
    def _names_anybody(self) -> ColumnElement[bool]:
        i, p, e = t.incidents.c, t.participants.c, t.exclusions.c
        typed = exists().where(p.incident_id == i.id, p.person_id.is_(None), p.role.in_(_SHUTS_OUT))
        named = exists().where(e.incident_id == i.id, e.why == Why.NAMED)
        return and_(i.school == self._school, or_(typed, named), or_(i.key_id.is_(None), i.key_id != ERASED))

    async def _came_to(self, version: int) -> datetime:
        comparing, came_to = await self._counted(_COMPARING, _CAME_TO)
        return _BEGINNING + timedelta(seconds=came_to if comparing == version else 0)

    async def _counted(self, *names: str) -> tuple[int, ...]:
        c = t.counters.c
        rows = await self._c.execute(select(c.name, c.last).where(c.school == self._school, c.name.in_(names)))
        found = {r.name: r.last for r in rows}
        return tuple(found.get(name, 0) for name in names)

    async def _count(self, name: str, number: int) -> None:
        add = sqlite.insert if self._c.dialect.name == "sqlite" else postgresql.insert
        row = add(t.counters).values(school=self._school, name=name, last=number)
        await self._c.execute(row.on_conflict_do_update(index_elements=["school", "name"], set_={"last": row.excluded.last}))

    async def cases_shutting_out(self, person_id: str) -> tuple[str, ...]:
        """The cases of which somebody is kept out, by id."""
        e, i = t.exclusions.c, t.incidents.c
        rows = await self._c.execute(
            select(e.incident_id)
            .join(t.incidents, i.id == e.incident_id)
            .where(i.school == self._school, e.person_id == person_id, e.why != Why.DISMISSED)
        )
        return tuple(rows.scalars())

    async def numbers(self) -> dict[str, str]:
        """The school's own numbers of its staff, as far as a list gave them, by person id."""
        p = t.people.c
        here = (p.school == self._school, p.kind == Kind.STAFF, p.number.is_not(None))
        return {r.id: r.number for r in await self._c.execute(select(p.id, p.number).where(*here))}

    async def free_keys(self, person_ids: Iterable[str]) -> None:
        """Takes the list's key from people, so that somebody else can have it."""
        ids = list(person_ids)
        if ids:
            p = t.people.c
            freed = literal(_FREED) + p.id
            await self._c.execute(update(t.people).where(p.school == self._school, p.id.in_(ids)).values(list_key=freed))

    async def set_numbers(self, numbers: Mapping[str, str]) -> None:
        """Keeps the school's own numbers of its staff, by person id."""
        if numbers:
            p = t.people.c
            await self._c.execute(
                update(t.people)
                .where(p.school == self._school, p.id == bindparam("of_person"))
                .values(number=bindparam("new_number")),
                [{"of_person": person_id, "new_number": number} for person_id, number in numbers.items()],
            )


async def comparisons(connection: AsyncConnection, schools: Collection[str]) -> tuple[Comparison, ...]:
    """How far the comparison of old cases has come in each of these schools where it is under way."""
    c, i = t.counters.c, t.incidents.c
    counts: dict[str, dict[str, int]] = {}
    for r in await connection.execute(select(c.school, c.name, c.last).where(c.school.in_(schools), c.name.in_(_ALL))):
        counts.setdefault(r.school, {})[r.name] = r.last
    found = []
    for school, counted in sorted(counts.items()):
        version = counted.get(_LIST, 0)
        if version == counted.get(_COMPARED, 0):
            continue
        until = _BEGINNING + timedelta(seconds=counted.get(_CAME_TO, 0) if counted.get(_COMPARING) == version else 0)
        done = func.count(case((i.reported_at < until, 1)))
        row = (await connection.execute(select(done, func.count()).where(i.school == school))).one()
        if row[1]:
            found.append(Comparison(school, *row))
    return tuple(found)
