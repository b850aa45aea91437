"""What was written about a case, and who was involved in it: sealed under the case's own key, and gone with it."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any
from uuid import uuid4

from sqlalchemy import Row, Table, bindparam, case, delete, exists, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.case_changes import LinkKind
from domain.incident import CaseNote, Narrative, NoteKind, Participant, Report
from domain.names import words_to_find
from domain.people import AddressKind
from domain.words import DeliveryState, ParticipantRole
from storage import sealed as s
from storage import tables as t
from storage.commitments import is_kept
from storage.lookups import among, checked
from storage.name_index import marks_of_words
from storage.sealing import Key
from storage.vault import ERASED, SchoolKeys, Vault

_LONGEST_NAME = 255
_OF_CASE = {t.incident_texts: "text", t.case_notes: "text", t.participants: "name"}


def _with_key(table: Table) -> Any:
    i = t.incidents.c
    of_case = (i.school == bindparam("here"), i.id == bindparam("incident"))
    return select(table, i.key_id, i.wrapped_key).join(t.incidents, i.id == table.c.incident_id).where(*of_case)


def with_key(table: Table) -> Any:
    """The rows of a table in several cases, `incidents`, each with what opens it."""
    i = t.incidents.c
    of_cases = (checked(i.school) == bindparam("here"), among(i.id, "incidents"))
    return select(table, i.key_id, i.wrapped_key).join(t.incidents, i.id == table.c.incident_id).where(*of_cases)


_TEXTS = _with_key(t.incident_texts)
_NOTES = _with_key(t.case_notes).order_by(t.case_notes.c.at)
_PARTICIPANTS = _with_key(t.participants)
_KEY = (
    select(t.incidents.c.key_id, t.incidents.c.wrapped_key)
    .where(t.incidents.c.school == bindparam("here"), t.incidents.c.id == bindparam("incident"))
    .with_for_update()
)
_ADD_TEXTS, _ADD_PARTICIPANTS, _ADD_NOTE = insert(t.incident_texts), insert(t.participants), insert(t.case_notes)
_ADD_MARKS = insert(t.typed_names)


class CaseRecords:
    """The part of a school's records that has to do with what was written about a case."""

    _c: AsyncConnection
    _school: str
    _vault: Vault
    _keys: SchoolKeys

    async def _add_texts(self, report: Report, key: Key) -> str:
        """Seals what was reported; the commitment to it."""
        case, n = report.incident.id, report.narrative
        texts = {"what_happened": n.what_happened, "done_already": n.done_already, "where": n.where, "link": n.link}
        rows = [
            {"incident_id": case, "field": f, "text": "", "sealed": key.seal_text(text, s.of_text(self._school, case, f))}
            for f, text in texts.items()
            if text
        ]
        await self._c.execute(_ADD_TEXTS, rows)
        people = [replace(p, name=p.name[:_LONGEST_NAME]) for p in report.participants]
        if people:
            await self._c.execute(_ADD_PARTICIPANTS, [self._participant_row(case, p, key) for p in people])
        words = {word for p in people if p.person_id is None for word in words_to_find(p.name)}
        if words:
            marks = sorted(marks_of_words(self._keys.index, words))
            await self._c.execute(_ADD_MARKS, [{"school": self._school, "token": m, "incident_id": case} for m in marks])
        return s.commitment_to_report(key, n, people)

    def _participant_row(self, incident_id: str, p: Participant, key: Key) -> dict[str, Any]:
        name = key.seal_text(p.name, s.of_participant(self._school, incident_id, p.id))
        whom = {"role": p.role, "person_id": p.person_id, "marked": p.person_id is None}
        return {"id": p.id, "incident_id": incident_id, "name": "", "sealed": name, **whom}

    async def narrative(self, incident_id: str) -> Narrative:
        """What was written about a case when it was reported; of a case that was erased, that it was."""
        rows = await self._of_case(_TEXTS, incident_id)
        if _erased(rows):
            return Narrative("", erased=True)
        found = {r.field: self._opened(r, r.text, s.of_text(self._school, incident_id, r.field)) for r in rows}
        what, done, where, link = (found.get(f, "") for f in ("what_happened", "done_already", "where", "link"))
        return Narrative(what, done, where, link)

    async def add_case_note(self, note: CaseNote) -> str:
        """Adds what somebody wrote in a case; the commitment to it, for the audit. Of an erased case nothing more is kept."""
        note_id, key = note.id or str(uuid4()), await self._key_to_write(note.incident_id)
        await self._c.execute(
            _ADD_NOTE,
            {
                "id": note_id,
                "incident_id": note.incident_id,
                "person_id": note.person_id,
                "kind": note.kind,
                "at": note.at,
                "text": "",
                "sealed": key and key.seal_text(note.text, s.of_note(self._school, note.incident_id, note_id)),
            },
        )
        return s.commitment_to_note(key, note) if key is not None else ""

    async def case_notes(self, incident_id: str) -> tuple[CaseNote, ...]:
        """What was written in a case since it was reported, oldest first; without a word where it was erased."""
        rows = await self._of_case(_NOTES, incident_id)
        return tuple(CaseNote(incident_id, r.person_id, NoteKind(r.kind), r.at, self._note_text(r), r.id) for r in rows)

    def _note_text(self, row: Row[Any]) -> str:
        return self._opened(row, row.text, s.of_note(self._school, row.incident_id, row.id))

    async def participants(self, incident_id: str) -> tuple[Participant, ...]:
        """Who was involved, in the order of their roles; without a name where the case was erased."""
        found = [
            Participant(
                r.id,
                ParticipantRole(r.role),
                self._opened(r, r.name, s.of_participant(self._school, incident_id, r.id)),
                r.person_id,
            )
            for r in await self._of_case(_PARTICIPANTS, incident_id)
        ]
        return tuple(sorted(found, key=lambda p: (list(ParticipantRole).index(p.role), p.name)))

    async def involved(self, after: str, limit: int) -> dict[str, list[Participant]]:
        """Who was involved in cases that are not erased, by case: a page of as many cases, those after an id."""
        i, p = t.incidents.c, t.participants.c
        of_page = (
            select(i.id)
            .where(i.school == self._school, i.id > after, or_(i.key_id.is_(None), i.key_id != ERASED))
            .where(exists().where(p.incident_id == i.id))
            .order_by(i.id)
            .limit(limit)
        )
        query = select(t.participants, i.key_id, i.wrapped_key).join(t.incidents, i.id == p.incident_id)
        found: dict[str, list[Participant]] = {}
        for r in await self._c.execute(query.where(i.id.in_(of_page)).order_by(p.id)):
            name = self._opened(r, r.name, s.of_participant(self._school, r.incident_id, r.id))
            found.setdefault(r.incident_id, []).append(Participant(r.id, ParticipantRole(r.role), name, r.person_id))
        return found

    async def is_kept(self, incident_id: str) -> bool:
        """Whether what stands in a case is what the audit vouches for. What a version before 0007 wrote it vouches for not."""
        return await is_kept(self._c, self._vault, self._school, incident_id)

    async def erase(self, incident_id: str) -> None:
        """Throws a case's key away, and with it what was written, the names, and who reported it and who was involved.

        What stays is what figures are made of, and who dealt with it.
        """
        i, d = t.incidents.c, t.deliveries.c
        here = (i.school == self._school, i.id == incident_id)
        nobody = {"reporter_user": "", "reporter_person": None, "draft_id": None}
        # The case first, as everybody does who locks it.
        await self._c.execute(update(t.incidents).where(*here).values(key_id=ERASED, wrapped_key=None, **nobody))
        of_case = select(i.id).where(*here)
        for table, column in _OF_CASE.items():
            await self._c.execute(update(table).where(table.c.incident_id.in_(of_case)).values({column: "", "sealed": None}))
        await self._c.execute(update(t.participants).where(t.participants.c.incident_id.in_(of_case)).values(person_id=None))
        await self._c.execute(delete(t.exclusions).where(t.exclusions.c.incident_id.in_(of_case)))
        await self._c.execute(delete(t.typed_names).where(t.typed_names.c.incident_id.in_(of_case)))
        await self._c.execute(
            update(t.case_changes).where(t.case_changes.c.incident_id.in_(of_case)).values(sealed=None, other_id=None)
        )
        g, r, k = t.signatures.c, t.reviews.c, t.case_links.c
        awaited = (g.incident_id.in_(of_case), g.done_at.is_(None))
        await self._c.execute(delete(t.signatures).where(*awaited))
        await self._c.execute(delete(t.reviews).where(r.incident_id.in_(of_case), r.done_at.is_(None)))
        related = (or_(k.incident_id.in_(of_case), k.other_id.in_(of_case)), k.kind == LinkKind.RELATED)
        await self._c.execute(delete(t.case_links).where(*related))
        e, x = t.case_entries.c, t.timers.c
        await self._c.execute(
            update(t.case_entries).where(e.incident_id.in_(of_case)).values(sealed=None, doer_id=None, due_at=None)
        )
        reminds = (x.entry_id.in_(select(e.id).where(e.incident_id.in_(of_case))), x.state == "pending")
        await self._c.execute(update(t.timers).where(*reminds).values(state="cancelled"))
        # The house or form that an alert was for is somebody's.
        await self._c.execute(update(t.alerts).where(t.alerts.c.incident_id.in_(of_case)).values(group_name=""))
        # To the reporter: where a message went says who that was.
        theirs = (d.incident_id.in_(of_case), d.address_kind == AddressKind.USER)
        waiting = d.state.in_((DeliveryState.PENDING, DeliveryState.LEASED))
        state = case((waiting, DeliveryState.CANCELLED), else_=d.state)
        where = {"address_id": "", "message_id": ""}
        await self._c.execute(update(t.deliveries).where(*theirs).values(state=state, leased_until=None, **where))

    async def _of_case(self, query: Any, incident_id: str) -> list[Row[Any]]:
        return list(await self._c.execute(query, {"here": self._school, "incident": incident_id}))

    def _opened(self, row: Row[Any], plain: str, where: bytes) -> str:
        if row.key_id == ERASED:
            return ""
        if row.sealed is None:
            return plain
        return self._vault.of_case(self._school, row.incident_id, row.wrapped_key).open_text(row.sealed, where)

    async def _key_to_write(self, incident_id: str) -> Key | None:
        """The key of a case that is there; made for one of a version before 0007. None if the case was erased."""
        row = (await self._c.execute(_KEY, {"here": self._school, "incident": incident_id})).one()
        if row.wrapped_key is not None:
            return self._vault.of_case(self._school, incident_id, row.wrapped_key)
        return None if row.key_id == ERASED else await new_key(self._c, self._vault, self._school, incident_id)


async def new_key(connection: AsyncConnection, vault: Vault, school: str, incident_id: str) -> Key:
    """A key for a case that has none yet. Its row must be held."""
    key, wrapped = vault.new_for_case(school, incident_id)
    values = {"key_id": wrapped.key_id, "wrapped_key": wrapped.wrapped_key}
    await connection.execute(update(t.incidents).where(t.incidents.c.id == incident_id).values(values))
    return key


def _erased(rows: Iterable[Row[Any]]) -> bool:
    return any(row.key_id == ERASED for row in rows)
