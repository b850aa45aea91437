"""The keys that are in use: master keys from the ring, a data key for each case, and two for each school.

A data key stands in the database, sealed under the ring's current master key. So a new master key means that the data keys are
sealed anew, not the records; and a case whose data key is gone can be read by nobody.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from sqlalchemy import Table, and_, func, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from storage import tables as t
from storage.key_ring import (
    HOW,
    KeyMissingError,
    KeyRing,
    KeyRingError,
    NoRingFileError,
    RingFile,
    RingSource,
    SealError,
    new_key,
)
from storage.sealing import Key, place, wrapped_under
from storage.trouble import DatabaseTroubleError, Trouble

EVERYBODY = ""
"""In place of a school, for what belongs to none."""
ERASED = ""
"""In place of the name of the key under which a case's data key lies: there is none any more."""
_TRIES = 10


class Purpose(StrEnum):
    """What a school's keys are for: what belongs to no case, and the words by which pupils are found."""

    RECORDS = "records"
    INDEX = "index"


@dataclass(frozen=True, slots=True)
class SchoolKeys:
    """A school's own keys."""

    records: Key
    index: Key


@dataclass(frozen=True, slots=True)
class WrappedKey:
    """A data key as it stands in the database: sealed under the master key of that name."""

    key_id: str
    wrapped_key: bytes


@dataclass(frozen=True, slots=True)
class KeyUse:
    """A master key: whether the ring has it, whether new records go under it, and how many data keys lie under it."""

    name: str
    in_ring: bool
    current: bool
    cases: int
    schools: int


Begin = Callable[..., AbstractAsyncContextManager[AsyncConnection]]


class Vault:
    """The keys of one database. Nothing of them is ever shown."""

    def __init__(self, begin: Begin, source: RingSource) -> None:
        self._begin = begin
        self.source = source
        self._ring: KeyRing | None = None
        self._master: dict[str, Key] = {}
        self._schools: dict[str, SchoolKeys] = {}
        self._unreadable = ""
        self.made: RingFile | None = None
        """The ring's file, if this program has just made it."""

    async def ready(self) -> None:
        """Has the ring in memory.

        Raises:
            KeyRingError: it cannot be had, or it is gone.
        """
        if not await self.has_ring():
            file = self.source
            assert isinstance(file, RingFile)
            await asyncio.to_thread(file.make, new_key(datetime.now(UTC)))
            self.made = file
            self._take(await asyncio.to_thread(file.read))

    async def _may_be_made(self, missing: NoRingFileError) -> None:
        """Never where something lies under a ring that is not there: a new one would open nothing, and hide that."""
        if not isinstance(self.source, RingFile) or not self.source.made_if_missing:
            raise missing
        if used := await self._names_in_use():
            raise KeyRingError(
                f"{self.source.path}: the key ring is gone, and records are sealed under its {_keys(used)}: put it back from"
                f" where you keep it ({HOW})"
            )

    def _take(self, ring: KeyRing) -> None:
        # Keys that the ring no longer has are still good for reading what this process has to finish.
        self._ring = ring
        self._master |= {key.name: Key(key.secret, key.name) for key in ring.keys}
        self._unreadable = ""

    def _ring_now(self) -> KeyRing:
        if self._ring is None:
            raise KeyRingError("the key ring has not been read")
        if self.source.has_changed():
            try:
                self._take(self.source.read())
            except KeyRingError as unreadable:
                # What was read before still serves; /readyz and the doctor say it.
                self._unreadable = str(unreadable)
        return self._ring

    # Data keys

    def new_for_case(self, school: str, incident_id: str) -> tuple[Key, WrappedKey]:
        """A fresh data key for a case, and what is to stand in the database of it."""
        key = Key.new()
        return key, self._wrap(key, _of_case(school, incident_id))

    def of_case(self, school: str, incident_id: str, wrapped_key: bytes) -> Key:
        """A case's data key.

        Raises:
            KeyMissingError: the ring has not the key under which it lies.
            SealError: it does not open.
        """
        return self._unwrap(wrapped_key, _of_case(school, incident_id))

    async def of_school(self, school: str, *, make: bool = True) -> SchoolKeys:
        """A school's keys, made when they are first asked for. Of two processes that make them at once, one has made them.

        Where nothing may be made, because somebody only looks, and nothing is sealed yet: keys that open nothing.

        Raises:
            KeyRingError, SealError: they cannot be had.
            DatabaseTroubleError: the database cannot be used.
        """
        known = self._schools.get(school)
        if known is not None:
            return known
        if make:
            await self.ready()
        elif not await self.has_ring():
            return SchoolKeys(Key.new(), Key.new())
        # In a transaction of its own: a key that is not kept must not have sealed anything.
        async with self._begin(write=make) as connection:
            kept = await _kept(connection, school)
            if len(kept) < len(Purpose):
                if not make:
                    return SchoolKeys(Key.new(), Key.new())
                await self._make_for_school(connection, school)
                kept = await _kept(connection, school)
            keys = {purpose: self._unwrap(kept[purpose], _of_school(school, purpose)) for purpose in Purpose}
        self._schools[school] = SchoolKeys(keys[Purpose.RECORDS], keys[Purpose.INDEX])
        return self._schools[school]

    async def records_key(self, connection: AsyncConnection, school: str) -> Key:
        """A school's key for what belongs to no case, read within a transaction that is open already.

        Raises:
            KeyMissingError: nothing was sealed under it yet, or the ring has not the key under which it lies.
            SealError: it does not open.
        """
        kept = await _kept(connection, school)
        if Purpose.RECORDS not in kept:
            raise KeyMissingError(school)
        return self._unwrap(kept[Purpose.RECORDS], _of_school(school, Purpose.RECORDS))

    async def _make_for_school(self, connection: AsyncConnection, school: str) -> None:
        add = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
        new = {purpose: self._wrap(Key.new(), _of_school(school, purpose)) for purpose in Purpose}
        rows = [{"school": school, "purpose": p, "key_id": w.key_id, "wrapped_key": w.wrapped_key} for p, w in new.items()]
        await connection.execute(add(t.school_keys).on_conflict_do_nothing(), rows)

    def _wrap(self, key: Key, where: bytes) -> WrappedKey:
        name = self._ring_now().current.name
        return WrappedKey(name, self._master[name].wrap(key, where))

    def _unwrap(self, wrapped: bytes, where: bytes) -> Key:
        name = wrapped_under(wrapped)
        if name not in self._master:
            self._ring_now()
        if name not in self._master:
            raise KeyMissingError(name)
        return self._master[name].unwrap(wrapped, where)

    # Looking after the ring

    async def trouble(self) -> str:
        """What is wrong with the ring, in a line; '' where everything that is sealed can be opened with it. It changes nothing.

        Raises:
            DatabaseTroubleError: the database cannot be used.
        """
        try:
            if not await self.has_ring():
                return ""
        except KeyRingError as no:
            return str(no)
        # Not what this process still has in memory: the next start has the ring alone.
        in_ring = {key.name for key in self._ring_now().keys}
        used = await self._names_in_use()
        if missing := [name for name in used if name not in in_ring]:
            return (
                f"{self.source.name} has no {_keys(missing)}, under which records are sealed: put it back into the ring ({HOW})"
            )
        if wrong := [name for name in used if not await self._opens(name)]:
            return f"{self.source.name}: {_keys(wrong)} is not the key of that name that records were sealed under ({HOW})"
        return self._unreadable

    async def has_ring(self) -> bool:
        """Reads the ring; False where there is none yet, and the first start will make one.

        Raises:
            KeyRingError: it cannot be had, or it is gone.
        """
        if self._ring is None:
            try:
                self._take(await asyncio.to_thread(self.source.read))
            except NoRingFileError as missing:
                await self._may_be_made(missing)
                return False
        return True

    async def use(self) -> list[KeyUse]:
        """Every master key that the ring has or that anything lies under, the ring's own first and in its order.

        Raises:
            KeyRingError: the ring cannot be had.
            DatabaseTroubleError: the database cannot be used.
        """
        await self.ready()
        ring = self._ring_now()
        async with self._begin(write=False) as connection:
            cases, schools = [await _counts(connection, table) for table in (t.incidents, t.school_keys)]
        own = [key.name for key in ring.keys]
        names = dict.fromkeys((*own, *sorted({*cases, *schools})))
        return [KeyUse(n, n in own, n == ring.current.name, cases.get(n, 0), schools.get(n, 0)) for n in names]

    async def rotate(self, at_once: int = 200) -> int:
        """Puts every data key that is not under the current master key there; how many there were.

        A batch, of `at_once` cases, is a transaction: broken off at any moment everything can be read, and the next call goes
        on. Others may read, write and erase meanwhile.

        Raises:
            KeyRingError, SealError: a key is missing or wrong; what was done until then stays.
            DatabaseTroubleError: the database cannot be used.
        """
        await self.ready()
        done = 0
        while batch := await self._rewrap_some(at_once):
            done += batch
        return done

    async def _rewrap_some(self, at_once: int) -> int:
        for tries_left in reversed(range(_TRIES)):
            try:
                async with self._begin() as connection:
                    current = self._ring_now().current.name
                    cases = await self._rewrap_cases(connection, current, at_once)
                    return cases or await self._rewrap_schools(connection, current)
            except DatabaseTroubleError as no:
                if no.trouble is not Trouble.BUSY or not tries_left:
                    raise
        raise AssertionError("the last try raises")

    async def _rewrap_cases(self, connection: AsyncConnection, current: str, at_once: int) -> int:
        i = t.incidents.c
        for name in await _names(connection):
            if name == current:
                continue
            query = select(i.id, i.school, i.wrapped_key).where(i.key_id == name).order_by(i.id).limit(at_once)
            rows = (await connection.execute(query)).all()
            for row in rows:
                new = self._wrap(self.of_case(row.school, row.id, row.wrapped_key), _of_case(row.school, row.id))
                # Only if it is still the one that was read: a case may have been erased since.
                same = and_(i.id == row.id, i.wrapped_key == row.wrapped_key)
                await connection.execute(update(t.incidents).where(same).values(key_id=new.key_id, wrapped_key=new.wrapped_key))
            if rows:
                return len(rows)
        return 0

    async def _rewrap_schools(self, connection: AsyncConnection, current: str) -> int:
        k = t.school_keys.c
        rows = (await connection.execute(select(t.school_keys).where(k.key_id != current))).all()
        for row in rows:
            where = _of_school(row.school, row.purpose)
            new = self._wrap(self._unwrap(row.wrapped_key, where), where)
            same = and_(k.school == row.school, k.purpose == row.purpose, k.wrapped_key == row.wrapped_key)
            await connection.execute(update(t.school_keys).where(same).values(key_id=new.key_id, wrapped_key=new.wrapped_key))
        return len(rows)

    async def _names_in_use(self) -> list[str]:
        async with self._begin(write=False) as connection:
            schools = await connection.execute(select(t.school_keys.c.key_id).distinct())
            return sorted({*schools.scalars(), *await _names(connection)})

    async def _opens(self, name: str) -> bool:
        """Whether one thing of each kind that lies under a key opens with it."""
        i, k = t.incidents.c, t.school_keys.c
        async with self._begin(write=False) as connection:
            case = (await connection.execute(select(i.id, i.school, i.wrapped_key).where(i.key_id == name).limit(1))).first()
            own = (await connection.execute(select(t.school_keys).where(k.key_id == name).limit(1))).first()
        try:
            if case is not None:
                self.of_case(case.school, case.id, case.wrapped_key)
            if own is not None:
                self._unwrap(own.wrapped_key, _of_school(own.school, own.purpose))
        except SealError:
            return False
        return True


async def _kept(connection: AsyncConnection, school: str) -> dict[str, bytes]:
    k = t.school_keys.c
    rows = await connection.execute(select(k.purpose, k.wrapped_key).where(k.school == school))
    return {r.purpose: r.wrapped_key for r in rows}


async def _names(connection: AsyncConnection) -> list[str]:
    """The keys under which cases lie. One look into the index for each: there can be a million cases."""
    i, found = t.incidents.c, [ERASED]
    while (name := (await connection.execute(select(func.min(i.key_id)).where(i.key_id > found[-1]))).scalar()) is not None:
        found.append(name)
    return found[1:]


async def _counts(connection: AsyncConnection, table: Table) -> dict[str, int]:
    key_id = table.c.key_id
    rows = await connection.execute(select(key_id, func.count().label("cases")).where(key_id > ERASED).group_by(key_id))
    return {r.key_id: r.cases for r in rows}


def _of_case(school: str, incident_id: str) -> bytes:
    return place("incidents", "wrapped_key", school, incident_id)


def _of_school(school: str, purpose: str) -> bytes:
    return place("school_keys", "wrapped_key", school, purpose)


def _keys(names: Sequence[str]) -> str:
    return f"key{'s' * (len(names) > 1)} {', '.join(names)}"
