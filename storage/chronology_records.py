"""In which cases somebody is, whoever else is in them, and what of it a chronology shows."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import datetime

from sqlalchemy import bindparam, or_, select

from domain.entries import Entry, EntryKind
from domain.incident import CaseNote, Incident, NoteKind, Participant
from domain.names import words_like
from domain.words import ParticipantRole
from storage import sealed as s
from storage import tables as t
from storage.case_records import with_key
from storage.case_rows import incident_of
from storage.entry_records import EntryRecords
from storage.lookups import among, checked
from storage.name_index import marks_of_words
from storage.vault import ERASED, SchoolKeys

_OF_CASES = with_key(t.case_notes).where(t.case_notes.c.kind == NoteKind.OUTCOME).order_by(t.case_notes.c.at)
_i, _p, _w = t.incidents.c, t.participants.c, t.typed_names.c
_HERE = checked(_i.school) == bindparam("here")
_NEWEST = (_i.reported_at.desc(), _i.id)
# Put together once: to do so each time costs more than to ask.
_INCIDENTS = select(*(c for c in _i if c.name not in ("route", "wrapped_key"))).where(_HERE, among(_i.id, "incidents"))
_NAMING = (
    select(_i.id)
    .where(_HERE, _i.id.in_(select(_p.incident_id).where(among(_p.person_id, "people"))))
    .order_by(*_NEWEST)
    .limit(bindparam("most"))
)
_NAMING_SINCE = _NAMING.where(_i.reported_at >= bindparam("since", type_=_i.reported_at.type))
_PARTS = select(_p.incident_id, _p.person_id, _p.role).where(among(_p.incident_id, "incidents"), among(_p.person_id, "people"))
_TYPED_LIKE = select(_w.incident_id).where(_w.school == bindparam("here"), among(_w.token, "marks")).distinct()
_STILL_THERE = select(_i.id, _i.reported_at).where(
    among(_i.id, "incidents"),
    # A version before, if it erased one, has left its marks.
    or_(_i.key_id.is_(None), _i.key_id != ERASED),
)
_AT_ONCE = 5000
"""So many ids go into a statement: both databases take more, and neither takes all."""
_TYPED = with_key(t.participants).where(checked(t.participants.c.person_id).is_(None))


class ChronologyRecords(EntryRecords):
    """The part of a school's records that goes from a person to their cases."""

    _keys: SchoolKeys

    async def incidents(self, incident_ids: Collection[str]) -> dict[str, Incident]:
        """These cases, by id, in the order in which they were reported. Nobody holds them."""
        values = {"here": self._school, "incidents": list(incident_ids)}
        found = [incident_of(r) for r in await self._c.execute(_INCIDENTS, values)]
        # In order here: to have them so, SQLite would go through all cases of the school by their time.
        return {i.id: i for i in sorted(found, key=lambda i: (i.reported_at, i.id))}

    async def cases_naming(self, people: Collection[str], since: datetime | None, most: int) -> tuple[str, ...]:
        """The cases in which somebody of the lists has a part, by id, the newest first, so many at most."""
        values = {"here": self._school, "people": list(people), "most": most}
        if since is None:
            return tuple((await self._c.execute(_NAMING, values)).scalars())
        return tuple((await self._c.execute(_NAMING_SINCE, {**values, "since": since})).scalars())

    async def parts_of(
        self, people: Collection[str], incident_ids: Collection[str]
    ) -> dict[str, dict[str, frozenset[ParticipantRole]]]:
        """The parts that each of these people of the lists has in each of these cases. No name is opened."""
        found: defaultdict[str, defaultdict[str, set[ParticipantRole]]] = defaultdict(lambda: defaultdict(set))
        for row in await self._c.execute(_PARTS, {"incidents": list(incident_ids), "people": list(people)}):
            found[row.incident_id][row.person_id].add(ParticipantRole(row.role))
        return {case: {who: frozenset(parts) for who, parts in whose.items()} for case, whose in found.items()}

    async def cases_typed_like(self, name: str, most: int, *, listed: bool) -> tuple[str, ...]:
        """The cases in which a name was typed that has a word like one of this name, the newest first. No name is opened.

        `listed`: it stands on a list, surname last; else it was typed itself.
        """
        marks = sorted(marks_of_words(self._keys.index, words_like(name, listed=listed)))
        # In two steps: for both in one, PostgreSQL may settle on a plan that goes through all cases, however few are found.
        ids = list((await self._c.execute(_TYPED_LIKE, {"here": self._school, "marks": marks})).scalars())
        found: list[tuple[datetime, str]] = []
        for start in range(0, len(ids), _AT_ONCE):
            rows = await self._c.execute(_STILL_THERE, {"incidents": ids[start : start + _AT_ONCE]})
            found += [(row.reported_at, row.id) for row in rows]
        found.sort(key=lambda case: (-case[0].timestamp(), case[1]))
        return tuple(id_ for _, id_ in found[:most])

    async def typed_in(self, incident_ids: Collection[str]) -> dict[str, tuple[Participant, ...]]:
        """Whoever was named in these cases by a typed name, by case."""
        found: defaultdict[str, list[Participant]] = defaultdict(list)
        for r in await self._c.execute(_TYPED, {"here": self._school, "incidents": list(incident_ids)}):
            name = self._opened(r, r.name, s.of_participant(self._school, r.incident_id, r.id))
            found[r.incident_id].append(Participant(r.id, ParticipantRole(r.role), name))
        return {case: tuple(sorted(people, key=lambda p: p.id)) for case, people in found.items()}

    async def outcomes(self, incident_ids: Collection[str]) -> dict[str, CaseNote]:
        """How each of these cases ended, in the words of whoever closed a part of it last; the others are left out."""
        found = {}
        for r in await self._c.execute(_OF_CASES, {"here": self._school, "incidents": list(incident_ids)}):
            found[r.incident_id] = r
        return {
            case: CaseNote(case, r.person_id, NoteKind.OUTCOME, r.at, self._note_text(r), r.id) for case, r in found.items()
        }

    async def entries_of(self, incident_ids: Iterable[str], kinds: Iterable[EntryKind]) -> dict[str, tuple[Entry, ...]]:
        """The entries of some kinds of these cases, in time order, by case."""
        return await self._entries(tuple(incident_ids), *kinds)
