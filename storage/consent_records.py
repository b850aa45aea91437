"""The register of consent: each version sealed and vouched for in the audit; found by the mark of a whole name."""

import json
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, and_, bindparam, delete, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.consent_terms import GivenBy
from domain.consents import Consent, ConsentVersion, Entry, Grant, Kept, Said
from domain.names import plain_name
from storage import sealed as s
from storage import tables as t
from storage.name_index import mark_of_whole_name
from storage.sealing import Key
from storage.vault import SchoolKeys

_MOST_AT_ONCE = 500
_e, _v, _p = t.consents.c, t.consent_versions.c, t.people.c
_NEWEST = and_(_v.consent_id == _e.id, _v.number == _e.versions)
_LISTED = and_(_p.id == _e.pupil_id, _p.school == _e.school)
_COLUMNS = (*t.consent_versions.c, _e.pupil_id, _e.versions, _e.changed_at, _p.active.label("listed"))
_WITH_NEWEST = select(*_COLUMNS).select_from(t.consents).join(t.consent_versions, _NEWEST).outerjoin(t.people, _LISTED)
_CHANGE = (
    update(t.consents)
    .where(_e.school == bindparam("here"), _e.id == bindparam("of"))
    .values({name: bindparam(f"now_{name}") for name in ("pupil_id", "name_mark", "versions", "changed_at")})
)


class ConsentRecords:
    """The part of a school's records that has to do with consent."""

    _c: AsyncConnection
    _school: str
    _keys: SchoolKeys

    async def keep_consents(self, kept: Sequence[tuple[Consent, ConsentVersion]]) -> list[str]:
        """Adds a version to each of these entries, the entry too with its first; the commitments to them, for the audit."""
        new = [self._row(consent, version) for consent, version in kept if version.number == 1]
        if new:
            await self._c.execute(insert(t.consents), new)
        changed = [self._row(consent, version) for consent, version in kept if version.number > 1]
        if changed:
            named = [
                {"here": self._school, "of": row["id"], **{f"now_{k}": v for k, v in row.items() if k not in ("id", "school")}}
                for row in changed
            ]
            await self._c.execute(_CHANGE, named)
        bodies = [_body(version) for _, version in kept]
        rows = [
            {
                "id": v.id,
                "school": self._school,
                "consent_id": v.consent_id,
                "number": v.number,
                "person_id": v.person_id,
                "at": v.at,
                "kept": v.kept,
                "sealed": self._keys.records.seal_text(body, s.of_consent(self._school, v.consent_id, v.number)),
            }
            for (_, v), body in zip(kept, bodies, strict=True)
        ]
        if rows:
            await self._c.execute(insert(t.consent_versions), rows)
        return [s.commitment_to_consent(self._keys.records, v, body) for (_, v), body in zip(kept, bodies, strict=True)]

    async def consent(self, consent_id: str) -> Entry | None:
        """An entry with its newest version, held until the end of the transaction on PostgreSQL."""
        query = _WITH_NEWEST.where(_e.school == self._school, _e.id == consent_id)
        row = (await self._c.execute(query.with_for_update(of=t.consents))).first()
        return self._entry(row) if row is not None else None

    async def consents_named(self, names: Collection[str]) -> list[Entry]:
        """The entries under exactly one of these names."""
        wanted = {plain_name(name) for name in names}
        marks = sorted({mark_of_whole_name(self._keys.records, name) for name in names})
        found: list[Entry] = []
        for n in range(0, len(marks), _MOST_AT_ONCE):
            some = _e.name_mark.in_(marks[n : n + _MOST_AT_ONCE])
            rows = await self._c.execute(_WITH_NEWEST.where(_e.school == self._school, some).order_by(_e.id))
            found += map(self._entry, rows)
        # A mark that was put beside another entry must not lend that one's answer to this name.
        return [e for e in found if plain_name(e.newest.name) in wanted]

    async def consents_of(self, pupil_ids: Collection[str]) -> list[Entry]:
        """The entries of these pupils of the school's list, under whatever name each was recorded."""
        wanted, found = sorted(pupil_ids), list[Entry]()
        for n in range(0, len(wanted), _MOST_AT_ONCE):
            some = _e.pupil_id.in_(wanted[n : n + _MOST_AT_ONCE])
            rows = await self._c.execute(_WITH_NEWEST.where(_e.school == self._school, some).order_by(_e.id))
            found += map(self._entry, rows)
        return found

    async def consents_after(self, after: str, limit: int) -> list[Entry]:
        """The next entries by id, for whoever goes through all of them."""
        query = _WITH_NEWEST.where(_e.school == self._school, _e.id > after).order_by(_e.id).limit(limit)
        return [self._entry(row) for row in await self._c.execute(query)]

    async def consents_of_those_who_left(self, limit: int) -> list[Entry]:
        """Entries of pupils who were on the school's list and are not any more."""
        # Whom no case names is forgotten once they have left: of these the list has nobody any more.
        gone = and_(_e.pupil_id.is_not(None), or_(_p.id.is_(None), _p.active.is_(False)))
        query = _WITH_NEWEST.where(_e.school == self._school, gone).order_by(_e.id).limit(limit)
        return [self._entry(row) for row in await self._c.execute(query)]

    async def consent_versions(self, consent_id: str) -> tuple[ConsentVersion, ...]:
        """All that was recorded in an entry, the first first."""
        query = select(t.consent_versions).where(_v.school == self._school, _v.consent_id == consent_id).order_by(_v.number)
        return tuple(consent_version_of(row, self._keys.records)[0] for row in await self._c.execute(query))

    async def has_consent_version(self, version_id: str) -> str | None:
        """The entry that has the version of that id, so that a form was sent before."""
        query = select(_v.consent_id).where(_v.id == version_id, _v.school == self._school)
        return (await self._c.execute(query)).scalar()

    async def erase_consent(self, consent_id: str) -> None:
        """Takes an entry away with all its versions."""
        await self._c.execute(delete(t.consent_versions).where(_v.school == self._school, _v.consent_id == consent_id))
        await self._c.execute(delete(t.consents).where(_e.school == self._school, _e.id == consent_id))

    def _row(self, consent: Consent, version: ConsentVersion) -> dict[str, Any]:
        return {
            "id": consent.id,
            "school": self._school,
            "pupil_id": consent.pupil_id,
            "name_mark": mark_of_whole_name(self._keys.records, version.name),
            "versions": consent.versions,
            "changed_at": consent.changed_at,
        }

    def _entry(self, row: Row[Any]) -> Entry:
        consent = Consent(row.consent_id, row.pupil_id, row.versions, row.changed_at)
        newest = consent_version_of(row, self._keys.records)[0]
        return Entry(consent, newest, left=row.pupil_id is not None and not row.listed)


def consent_of(row: Any) -> Consent:
    """A row of `consents`."""
    return Consent(row.id, row.pupil_id, row.versions, row.changed_at)


def consent_version_of(row: Any, key: Key) -> tuple[ConsentVersion, str]:
    """A row of `consent_versions`, opened; and what was sealed of it.

    Raises:
        SealError: it does not open.
    """
    body = s.opened(key, "{}", row.sealed, s.of_consent(row.school, row.consent_id, row.number))
    told = json.loads(body)
    version = ConsentVersion(
        row.id,
        row.consent_id,
        row.number,
        row.person_id,
        row.at,
        Kept(row.kept),
        told.get("name", ""),
        told.get("form", ""),
        {use: _grant(*said) for use, said in told.get("grants", {}).items()},
        told.get("pupil") or None,
        told.get("note", ""),
    )
    return version, body


def _grant(said: str, by: str, since: str, until: str) -> Grant:
    return Grant(Said(said), GivenBy(by), datetime.fromisoformat(since), datetime.fromisoformat(until) if until else None)


def _body(version: ConsentVersion) -> str:
    grants = {
        use: [g.said, g.by, g.since.isoformat(), g.until.isoformat() if g.until is not None else ""]
        for use, g in version.grants.items()
    }
    told = {"name": version.name, "form": version.form, "grants": grants, "pupil": version.pupil_id, "note": version.note}
    return json.dumps(told)
