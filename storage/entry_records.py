"""What is written in a case while it is worked: sealed under the case's own key, and gone with it. Nothing is written over."""

import json
from collections import defaultdict
from collections.abc import Collection, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal, assert_never

from sqlalchemy import bindparam, exists, func, insert, or_, select, update

from domain.checklists import Decision, Difference
from domain.entries import Action, ActionState, Contact, Decided, Entry, EntryKind, Note, Told, followed, kind_of
from domain.grids import Times
from domain.incident import TimerKind
from domain.measures import (
    AccessBlock,
    Billed,
    Blocked,
    BlockState,
    Concerned,
    Confiscated,
    Damage,
    Following,
    InPlace,
    Lesson,
    Lifted,
    Measure,
    Moved,
    Paid,
    Released,
    Searched,
    Topic,
    Unsettled,
)
from domain.words import IncidentState, ParticipantRole, Role
from storage import sealed as s
from storage import tables as t
from storage.case_records import CaseRecords
from storage.lookups import among, checked
from storage.sealing import Key
from storage.vault import ERASED

_ADD = insert(t.case_entries)
_OF_SOMEBODY = (EntryKind.CONFISCATION, EntryKind.SEARCH, EntryKind.BLOCK)
# Put together once: to do so each time costs more than to ask.
_ENTRIES = (
    select(t.case_entries, t.incidents.c.key_id, t.incidents.c.wrapped_key)
    .join(t.incidents, t.incidents.c.id == t.case_entries.c.incident_id)
    .where(
        checked(t.incidents.c.school) == bindparam("here"),
        among(t.case_entries.c.incident_id, "incidents"),
        among(t.case_entries.c.kind, "kinds"),
        # What is erased has nothing sealed; where it was taken away otherwise, the audit shows that.
        t.case_entries.c.sealed.is_not(None),
    )
    .order_by(t.case_entries.c.at, t.case_entries.c.id)
)
_STATE = select(*(t.case_entries.c[name] for name in ("id", "incident_id", "doer_id", "due_at", "done_at")))


class EntryRecords(CaseRecords):
    """The part of a school's records that has to do with working a case."""

    async def add_entry(self, entry: Entry) -> str:
        """Adds what somebody wrote; the commitment to it, for the audit.

        Raises:
            ValueError: the case was erased, so that nothing more is kept of it.
        """
        key = await self._key_to_write(entry.incident_id)
        if key is None:
            raise ValueError("nothing is written in a case that was erased")
        body, told = json.dumps(_body(entry.told)), entry.told
        # At a correction stands no state: that of the action is at its first wording.
        state = (told.doer_id, told.due_at) if isinstance(told, Action) and not entry.corrects else (None, None)
        await self._c.execute(
            _ADD,
            {
                "id": entry.id,
                "school": self._school,
                "incident_id": entry.incident_id,
                "person_id": entry.person_id,
                "kind": kind_of(told),
                "at": entry.at,
                "corrects": entry.corrects or None,
                "follows": followed(told) or None,
                "doer_id": state[0],
                "due_at": state[1],
                "done_at": entry.done_at,
                "done_by": entry.done_by or None,
                "sealed": key.seal_text(body, s.of_entry(self._school, entry.incident_id, entry.id, kind_of(told))),
            },
        )
        return s.commitment_to_entry(key, entry.id, entry.person_id, entry.at, entry.corrects, body)

    async def entries(self, incident_id: str) -> tuple[Entry, ...]:
        """What was written in a case, in time order; nothing of one that was erased."""
        return (await self._entries((incident_id,)))[incident_id]

    async def measured(self, after: str, limit: int) -> dict[str, tuple[Entry, ...]]:
        """The measures that are about somebody, of cases that are not erased, by case: a page of cases, those after an id."""
        e, i = t.case_entries.c, t.incidents.c
        theirs = exists().where(e.incident_id == i.id, e.kind.in_(_OF_SOMEBODY), e.sealed.is_not(None))
        of_page = select(i.id).where(i.school == self._school, i.id > after, theirs).order_by(i.id).limit(limit)
        return await self._entries((await self._c.execute(of_page)).scalars().all(), *_OF_SOMEBODY)

    async def decided_kinds(self, *incident_ids: str) -> dict[str, str]:
        """The kind of incident that was decided on last in each of these cases, by id; those where nothing was are left out."""
        found = {}
        for incident_id, entries in (await self._entries(incident_ids, EntryKind.DECISION)).items():
            for entry in entries:
                if isinstance(entry.told, Decided):
                    found[incident_id] = entry.told.decision.kind
        return found

    async def _entries(self, incident_ids: Collection[str], *kinds: EntryKind) -> dict[str, tuple[Entry, ...]]:
        found: dict[str, list[Entry]] = {incident_id: [] for incident_id in incident_ids}
        values = {"here": self._school, "incidents": list(incident_ids), "kinds": list(kinds or EntryKind)}
        keys: dict[str, Key] = {}
        for row in await self._c.execute(_ENTRIES, values):
            if row.key_id != ERASED:
                key = keys.get(row.incident_id)
                if key is None:
                    key = keys[row.incident_id] = self._vault.of_case(self._school, row.incident_id, row.wrapped_key)
                where = s.of_entry(self._school, row.incident_id, row.id, row.kind)
                found[row.incident_id].append(_entry(row, key.open_text(row.sealed, where)))
        return {incident_id: tuple(entries) for incident_id, entries in found.items()}

    async def action(self, entry_id: str) -> ActionState | None:
        """An action without what was written of it."""
        e = t.case_entries.c
        mine = (e.school == self._school, e.id == entry_id, e.kind == EntryKind.ACTION, e.corrects.is_(None))
        row = (await self._c.execute(_STATE.where(*mine))).first()
        return _state(row) if row is not None else None

    async def open_actions(self, incident_id: str) -> int:
        """How many actions of a case are not done."""
        e = t.case_entries.c
        to_do = (e.kind == EntryKind.ACTION, e.corrects.is_(None), e.done_at.is_(None))
        query = select(func.count()).where(e.incident_id == incident_id, e.school == self._school, *to_do)
        return (await self._c.execute(query)).scalar_one()

    async def unsettled(self, incident_id: str) -> Unsettled:
        """How many things are held in a case, and how many blocks are not lifted: nothing that was written is opened for it."""
        e = t.case_entries.c
        kinds = (EntryKind.CONFISCATION, EntryKind.CUSTODY, EntryKind.RELEASE, EntryKind.BLOCK, EntryKind.LIFTED)
        here = (e.school == self._school, e.incident_id == incident_id, e.kind.in_(kinds), e.corrects.is_(None))
        rows = await self._c.execute(select(e.id, e.kind, e.follows).where(*here, e.sealed.is_not(None)).order_by(e.at, e.id))
        held, blocks = set(), set()
        for row in rows:
            match EntryKind(row.kind):
                case EntryKind.CONFISCATION:
                    held.add(row.id)
                case EntryKind.CUSTODY:
                    held.add(row.follows)
                case EntryKind.RELEASE:
                    held.discard(row.follows)
                case EntryKind.BLOCK:
                    blocks.add(row.id)
                case _:
                    blocks.discard(row.follows)
        return Unsettled(len(held), len(blocks))

    async def block(self, entry_id: str) -> BlockState | None:
        """A block without what was written of it; None if there is none, or if its case was erased."""
        e = t.case_entries.c
        mine = (e.school == self._school, e.corrects.is_(None), e.sealed.is_not(None))
        query = select(e.id, e.incident_id, e.kind).where(*mine, or_(e.id == entry_id, e.follows == entry_id))
        rows = list(await self._c.execute(query))
        first = next((r for r in rows if r.id == entry_id and r.kind == EntryKind.BLOCK), None)
        if first is None:
            return None
        kinds = {r.kind for r in rows}
        return BlockState(entry_id, first.incident_id, EntryKind.IN_PLACE in kinds, EntryKind.LIFTED in kinds)

    async def entry_state(self, entry_id: str) -> str:
        """The commitment to where an entry stands now, for the audit: who is to do it, by when, when and by whom it was done.

        Whatever changes one of these is noted with the new commitment, in the same transaction. `entry_id`: a first wording.
        """
        row = (await self._c.execute(select(t.case_entries).where(t.case_entries.c.id == entry_id))).one()
        key = await self._key_to_write(row.incident_id)
        return s.commitment_to_state(key, row) if key is not None else ""

    async def finish_action(self, entry_id: str, by: str, at: datetime) -> bool:
        """Says that an action is done. False if it was before. To be noted with `entry_state`."""
        e = t.case_entries.c
        done = await self._c.execute(
            update(t.case_entries)
            .where(e.id == entry_id, e.kind == EntryKind.ACTION, e.corrects.is_(None), e.done_at.is_(None))
            .values(done_at=at, done_by=by)
        )
        return bool(done.rowcount)

    async def change_action(self, entry_id: str, doer_id: str, due_at: datetime | None) -> None:
        """Who is to do it, and by when, as its newest wording has it. To be noted with `entry_state`."""
        e = t.case_entries.c
        await self._c.execute(update(t.case_entries).where(e.id == entry_id).values(doer_id=doer_id, due_at=due_at))

    async def reminds(self, entry_id: str) -> bool:
        """Whether anybody will be reminded of an action."""
        x = t.timers.c
        query = select(x.id).where(x.entry_id == entry_id, x.kind == TimerKind.ACTION, x.state == "pending").limit(1)
        return (await self._c.execute(query)).first() is not None

    async def stop_reminding(self, entry_id: str) -> None:
        """Calls off what was to remind of an action, or of the end of a block."""
        x = t.timers.c
        mine = (x.entry_id == entry_id, x.kind.in_((TimerKind.ACTION, TimerKind.BLOCK)), x.state == "pending")
        await self._c.execute(update(t.timers).where(*mine).values(state="cancelled"))

    async def earlier_cases(
        self, incident_id: str, people: Collection[str], since: datetime, until: datetime
    ) -> dict[str, tuple[str, ...]]:
        """In which other cases of this time each of these people is said to have done it, by id, by their id."""
        i, p = t.incidents.c, t.participants.c
        theirs = (p.person_id.in_(people), p.role == ParticipantRole.ALLEGED_PERPETRATOR)
        of_time = (i.school == self._school, i.reported_at >= since, i.reported_at <= until)
        rows = await self._c.execute(
            select(p.person_id, i.id)
            .join(t.incidents, i.id == p.incident_id)
            .where(*theirs, *of_time, i.id != incident_id, i.state != IncidentState.MERGED)
            .order_by(i.reported_at, i.id)
        )
        found: defaultdict[str, dict[str, None]] = defaultdict(dict)
        for row in rows:
            found[row.person_id][row.id] = None
        return {person: tuple(cases) for person, cases in found.items()}


def _state(row: Any) -> ActionState:
    return ActionState(row.id, row.incident_id, row.doer_id or "", row.due_at, row.done_at)


def _entry(row: Any, body: str) -> Entry:
    told = _told(EntryKind(row.kind), json.loads(body))
    return Entry(row.id, row.incident_id, row.person_id, row.at, told, row.corrects or "", row.done_at, row.done_by or "")


def _body(told: Told) -> dict[str, Any]:
    match told:
        case Note(text=words):
            return {"text": words}
        case Action(what=what, doer_id=doer, due_at=due):
            return {"what": what, "doer": doer, "due": _when(due)}
        case Contact(whom=role, at=at, outcome=outcome, who=who, reference=reference, refused=refused):
            said = {"whom": role, "at": at.isoformat(), "outcome": outcome, "who": who, "reference": reference}
            return {**said, "refused": True} if refused else said
        case Decided(decision=d, kind_name=name, words=words_of_steps, row_name=row):
            steps = {"steps": list(d.steps), "words": list(words_of_steps), "differs": list(d.differs), "row": row}
            return {"kind": d.kind, "times": d.times or "", "own": d.own, "reason": d.reason, "name": name, **steps}
        case _:
            return _body_of_measure(told)


def _body_of_measure(told: Measure | Following) -> dict[str, Any]:
    match told:
        case Confiscated(item=item, whom=whom, at=at, place=place, holder_id=holder):
            return {"item": item, **_whom(whom), "at": at.isoformat(), "place": place, "holder": holder}
        case Moved(of=of, at=at, place=place, holder_id=holder, why=why):
            return {"of": of, "at": at.isoformat(), "place": place, "holder": holder, "why": why}
        case Released(of=of, at=at, to=to, why=why):
            return {"of": of, "at": at.isoformat(), "to": to, "why": why}
        case Searched(device=device, whom=whom, at=at, authorised_by=authority, searched_by=searcher):
            people = {"authorised": authority, "searched": searcher, "present": told.present}
            words = {"grounds": told.grounds, "outcome": told.outcome}
            return {"device": device, **_whom(whom), "at": at.isoformat(), **people, **words}
        case AccessBlock(whom=whom, what=what, starts_at=start, ends_at=end):
            return {**_whom(whom), "what": what, "start": start.isoformat(), "end": _when(end)}
        case InPlace(of=of, at=at) | Paid(of=of, at=at):
            return {"of": of, "at": at.isoformat()}
        case Lifted(of=of, at=at, why=why):
            return {"of": of, "at": at.isoformat(), "why": why}
        case Damage(what=damage, cost=cost, billed=billed, paid=paid):
            # As text: a number of JSON would be read as a float.
            return {"what": damage, "cost": str(cost), "billed": billed, "paid": paid}
        case Lesson(topic=topic):
            return {"topic": topic}
        case _:
            assert_never(told)


def _when(moment: datetime | None) -> str:
    return moment.isoformat() if moment is not None else ""


def _whom(whom: Concerned) -> dict[str, str]:
    return {"role": whom.role or "", "name": whom.name}


def _told(kind: EntryKind, b: Mapping[str, Any]) -> Told:
    match kind:
        case EntryKind.NOTE:
            return Note(b["text"])
        case EntryKind.ACTION:
            return Action(b["what"], b["doer"], _moment(b["due"]))
        case EntryKind.CONTACT:
            at, refused = datetime.fromisoformat(b["at"]), bool(b.get("refused"))
            return Contact(Role(b["whom"]), at, b["outcome"], b["who"], b["reference"], refused)
        case EntryKind.DECISION:
            times, differs = Times(b["times"]) if b["times"] else None, tuple(map(Difference, b["differs"]))
            decision = Decision(b["kind"], times, tuple(b["steps"]), b["own"], b["reason"], differs)
            return Decided(decision, b["name"], tuple(b["words"]), b.get("row", ""))
        case EntryKind.BLOCK:
            start, end = datetime.fromisoformat(b["start"]), _moment(b["end"])
            return AccessBlock(_concerned(b), Blocked(b["what"]), start, end)
        case EntryKind.DAMAGE:
            return Damage(b["what"], Decimal(b["cost"]), Billed(b["billed"]), bool(b["paid"]))
        case EntryKind.LESSON:
            return Lesson(Topic(b["topic"]))
        case _:
            return _dated(kind, b, datetime.fromisoformat(b["at"]))


def _dated(
    kind: Literal[
        EntryKind.CONFISCATION,
        EntryKind.CUSTODY,
        EntryKind.RELEASE,
        EntryKind.SEARCH,
        EntryKind.IN_PLACE,
        EntryKind.LIFTED,
        EntryKind.PAID,
    ],
    b: Mapping[str, Any],
    at: datetime,
) -> Told:
    match kind:
        case EntryKind.CONFISCATION:
            return Confiscated(b["item"], _concerned(b), at, b["place"], b["holder"])
        case EntryKind.CUSTODY:
            return Moved(b["of"], at, b["place"], b["holder"], b["why"])
        case EntryKind.RELEASE:
            return Released(b["of"], at, b["to"], b["why"])
        case EntryKind.SEARCH:
            people = (b["authorised"], b["searched"], b["present"])
            return Searched(b["device"], _concerned(b), at, b["grounds"], *people, b["outcome"])
        case EntryKind.IN_PLACE:
            return InPlace(b["of"], at)
        case EntryKind.LIFTED:
            return Lifted(b["of"], at, b["why"])
        case EntryKind.PAID:
            return Paid(b["of"], at)


def _moment(text: str) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _concerned(b: Mapping[str, Any]) -> Concerned:
    return Concerned(ParticipantRole(b["role"]) if b["role"] else None, b["name"])
