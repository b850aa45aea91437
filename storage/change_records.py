"""How cases change and end: each change sealed under the case's own key; links, signatures and reviews beside it."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Row, bindparam, insert, or_, select, text, union, update

from domain.case_changes import CaseChange, ChangeKind, Classified, Link, LinkKind, Review, Signature
from domain.entries import EntryKind
from domain.incident import SAID_OF_THE_OTHER, STILL_SHOWN, TimerKind
from domain.words import DeliveryState, IncidentState, Role, Urgency
from storage import sealed as s
from storage import tables as t
from storage.case_records import CaseRecords
from storage.lookups import among
from storage.vault import ERASED

# As literals: a database must see what they are to know that a partial index serves.
_AWAITED = text("signatures.done_at IS NULL AND signatures.ended_at IS NULL")
_TO_REVIEW = text("reviews.done_at IS NULL")
_STANDS = text("case_links.done_at IS NULL")
# Put together once: to do so each time costs more than to ask.
_x, _k, _g, _r = t.case_changes.c, t.case_links.c, t.signatures.c, t.reviews.c
_CHANGES = (
    select(t.case_changes, t.incidents.c.key_id, t.incidents.c.wrapped_key)
    .join(t.incidents, t.incidents.c.id == _x.incident_id)
    .where(t.incidents.c.school == bindparam("here"), _x.incident_id == bindparam("incident"), _x.sealed.is_not(None))
    .order_by(_x.at, _x.id)
)
_RESULT = (
    select(_x.code)
    .where(_x.school == bindparam("here"), _x.incident_id == bindparam("incident"), _x.kind == ChangeKind.CLOSED)
    .order_by(_x.at.desc(), _x.id.desc())
    .limit(1)
)
_e = t.case_entries.c
_SAID_OR_DECIDED = union(
    select(_x.person_id).where(
        _x.school == bindparam("here"), _x.incident_id == bindparam("incident"), _x.kind == ChangeKind.CLOSED
    ),
    select(_e.person_id).where(
        _e.school == bindparam("here"), _e.incident_id == bindparam("incident"), _e.kind == EntryKind.DECISION
    ),
)
_LINKS = (
    select(t.case_links)
    .where(_k.school == bindparam("here"), _STANDS)
    .where(or_(_k.incident_id == bindparam("incident"), _k.other_id == bindparam("incident")))
    .order_by(_k.at, _k.id)
)
_SIGNATURES = (
    select(t.signatures)
    .where(_g.school == bindparam("here"), _g.incident_id == bindparam("incident"))
    .order_by(_g.round, _g.role)
)
_AWAITED_OF = (
    select(t.signatures).where(_g.school == bindparam("here"), among(_g.incident_id, "incidents"), _AWAITED).order_by(_g.role)
)
_REVIEW = select(t.reviews).where(_r.school == bindparam("here"), _r.incident_id == bindparam("incident"), _TO_REVIEW)


class ChangeRecords(CaseRecords):
    """The part of a school's records that has to do with how a case changes and ends."""

    async def add_change(self, change: CaseChange) -> str:
        """Adds how a case was changed; the commitment to it, for the audit.

        Raises:
            ValueError: the case was erased, so that nothing more is kept of it.
        """
        key = await self._key_to_write(change.incident_id)
        if key is None:
            raise ValueError("nothing is changed in a case that was erased")
        body = json.dumps(_body(change))
        row = {
            "id": change.id,
            "school": self._school,
            "incident_id": change.incident_id,
            "person_id": change.person_id,
            "kind": change.kind,
            "at": change.at,
            "other_id": change.other_id or None,
            "code": change.code,
        }
        where = s.of_change(self._school, change.incident_id, change.id, change.kind)
        await self._c.execute(insert(t.case_changes), {**row, "sealed": key.seal_text(body, where)})
        return s.commitment_to_change(key, row, body)

    async def changes(self, incident_id: str) -> tuple[CaseChange, ...]:
        """How a case was changed, in time order; nothing of one that was erased."""
        found = []
        for row in await self._c.execute(_CHANGES, self._of(incident_id)):
            if row.key_id != ERASED:
                key = self._vault.of_case(self._school, row.incident_id, row.wrapped_key)
                body = key.open_text(row.sealed, s.of_change(self._school, row.incident_id, row.id, row.kind))
                found.append(_change(row, json.loads(body)))
        return tuple(found)

    async def is_changed(self, change_id: str) -> bool:
        """Whether a change of that id is kept already: the same form was sent before."""
        x = t.case_changes.c
        row = await self._c.execute(select(x.id).where(x.school == self._school, x.id == change_id))
        return row.first() is not None

    async def result(self, incident_id: str) -> str:
        """How a case ended last, in a word; empty where nobody said so."""
        return (await self._c.execute(_RESULT, self._of(incident_id))).scalar() or ""

    async def said_or_decided(self, incident_id: str) -> frozenset[str]:
        """Whoever has closed a part of a case, at whatever time, or decided on the policy's steps, by id."""
        return frozenset((await self._c.execute(_SAID_OR_DECIDED, self._of(incident_id))).scalars())

    async def reclassify(self, incident_id: str, now: Classified, due_at: datetime) -> None:
        """A case is of another category or urgency from now on. What it was stands in its changes."""
        i = t.incidents.c
        of_case = update(t.incidents).where(i.school == self._school, i.id == incident_id)
        await self._c.execute(of_case.values(concern=now.concern, urgency=now.urgency, due_at=due_at))

    # Links

    async def add_link(self, link: Link) -> None:
        """One case has to do with another from now on."""
        await self._c.execute(
            insert(t.case_links),
            {
                "id": link.id,
                "school": self._school,
                "incident_id": link.incident_id,
                "other_id": link.other_id,
                "kind": link.kind,
                "person_id": link.person_id,
                "at": link.at,
            },
        )

    async def end_link(self, link_id: str, by: str, at: datetime) -> bool:
        """It holds no more. False if it did not before."""
        x = t.case_links.c
        mine = (x.school == self._school, x.id == link_id, x.done_at.is_(None))
        return bool((await self._c.execute(update(t.case_links).where(*mine).values(done_at=at, done_by=by))).rowcount)

    async def links_of(self, incident_id: str) -> tuple[Link, ...]:
        """What a case has to do with others, from either end, in the order in which it was said."""
        return tuple(_link(row) for row in await self._c.execute(_LINKS, self._of(incident_id)))

    async def merged_into(self, incident_id: str) -> str | None:
        """The id of the case that a duplicate was merged into; None for any other case."""
        x = t.case_links.c
        mine = (x.school == self._school, x.incident_id == incident_id, x.kind == LinkKind.MERGED, _STANDS)
        return (await self._c.execute(select(x.other_id).where(*mine))).scalar()

    async def call_off_all(self, incident_id: str) -> None:
        """Nothing of a duplicate falls due any more, and nothing of it goes out that is said of the case that goes on.

        What tells of something else does go out still: that somebody has opened it, say, or where a copy of it stands.
        """
        x, d = t.timers.c, t.deliveries.c
        await self._c.execute(
            update(t.timers)
            .where(x.school == self._school, x.incident_id == incident_id, x.state == "pending")
            .values(state="cancelled")
        )
        warns = d.step.contains(f":{STILL_SHOWN}.", autoescape=True)
        unsent = (d.state == DeliveryState.PENDING, d.message_id.is_(None), d.message.in_(SAID_OF_THE_OTHER), ~warns)
        await self._c.execute(
            update(t.deliveries)
            .where(d.school == self._school, d.incident_id == incident_id, *unsent)
            .values(state=DeliveryState.CANCELLED)
        )

    async def call_off(self, incident_id: str, kind: TimerKind) -> None:
        """Nothing of this kind falls due for a case any more."""
        x = t.timers.c
        mine = (x.school == self._school, x.incident_id == incident_id, x.kind == kind, x.state == "pending")
        await self._c.execute(update(t.timers).where(*mine).values(state="cancelled"))

    # Signatures

    async def ask_to_sign(self, signature: Signature) -> None:
        """A line of the log form is to be signed from now on."""
        await self._c.execute(insert(t.signatures), {"school": self._school, **_signature_row(signature)})

    async def change_signature(self, signature: Signature) -> None:
        """Writes who is asked, who has signed, or that nobody need to any more."""
        x = t.signatures.c
        values = {k: v for k, v in _signature_row(signature).items() if k not in ("id", "incident_id", "role", "round")}
        await self._c.execute(
            update(t.signatures).where(x.school == self._school, x.id == signature.id, _AWAITED).values(values)
        )

    async def signatures(self, incident_id: str) -> tuple[Signature, ...]:
        """Every line that was to be signed of a case, of every time that it was closed, in order."""
        return tuple(signature_of(row) for row in await self._c.execute(_SIGNATURES, self._of(incident_id)))

    async def awaited_signatures(self, *incident_ids: str) -> dict[str, tuple[Signature, ...]]:
        """What is to be signed of each of these cases."""
        found = {i: list[Signature]() for i in incident_ids}
        if found:
            for row in await self._c.execute(_AWAITED_OF, {"here": self._school, "incidents": incident_ids}):
                found[row.incident_id].append(signature_of(row))
        return {i: tuple(awaited) for i, awaited in found.items()}

    async def to_sign(self, limit: int) -> tuple[Signature, ...]:
        """Whatever waits for a signature at the school, what has waited longest first."""
        x = t.signatures.c
        query = select(t.signatures).where(x.school == self._school, _AWAITED).order_by(x.at, x.id).limit(limit)
        return tuple(signature_of(row) for row in await self._c.execute(query))

    # Reviews

    async def set_review(self, review: Review) -> None:
        """A case is to be looked at again. End the one before first."""
        await self._c.execute(
            insert(t.reviews),
            {
                "id": review.id,
                "school": self._school,
                "incident_id": review.incident_id,
                "person_id": review.person_id,
                "at": review.at,
                "due_at": review.due_at,
            },
        )

    async def end_review(self, incident_id: str, by: str, at: datetime) -> bool:
        """It was looked at again, or another date is set. False if no date was set."""
        x = t.reviews.c
        mine = (x.school == self._school, x.incident_id == incident_id, _TO_REVIEW)
        return bool((await self._c.execute(update(t.reviews).where(*mine).values(done_at=at, done_by=by))).rowcount)

    async def review(self, incident_id: str) -> Review | None:
        """When a case is to be looked at again; None where no date is set."""
        row = (await self._c.execute(_REVIEW, self._of(incident_id))).first()
        return review_of(row) if row is not None else None

    async def reviewed_at(self, incident_id: str) -> datetime | None:
        """When a case was looked at again last, and what came of it written down; None if never."""
        x = t.case_changes.c
        of_case = (x.school == self._school, x.incident_id == incident_id, x.kind == ChangeKind.REVIEWED)
        found: datetime | None = await self._c.scalar(select(x.at).where(*of_case).order_by(x.at.desc()).limit(1))
        return found

    async def reviews_due(self, now: datetime, limit: int) -> tuple[Review, ...]:
        """The cases that should have been looked at again by now, the oldest date first. Never one that was merged."""
        x, i = t.reviews.c, t.incidents.c
        due = (x.school == self._school, _TO_REVIEW, x.due_at <= now, i.state != IncidentState.MERGED)
        query = select(t.reviews).join(t.incidents, i.id == x.incident_id).where(*due).order_by(x.due_at, x.id).limit(limit)
        return tuple(review_of(row) for row in await self._c.execute(query))

    def _of(self, incident_id: str) -> dict[str, str]:
        return {"here": self._school, "incident": incident_id}


def _body(change: CaseChange) -> dict[str, Any]:
    return {
        "text": change.text,
        "was": [change.was.concern, change.was.urgency] if change.was is not None else [],
        "now": [change.now.concern, change.now.urgency] if change.now is not None else [],
        "state": change.state or "",
        "closed_at": change.closed_at.isoformat() if change.closed_at is not None else "",
        "alerts": list(change.alerts),
        "due_at": change.due_at.isoformat() if change.due_at is not None else "",
    }


def _change(row: Row[Any], b: Mapping[str, Any]) -> CaseChange:
    return CaseChange(
        row.id,
        row.incident_id,
        row.person_id,
        ChangeKind(row.kind),
        row.at,
        b["text"],
        row.other_id or "",
        row.code,
        _classified(b["was"]),
        _classified(b["now"]),
        IncidentState(b["state"]) if b["state"] else None,
        datetime.fromisoformat(b["closed_at"]) if b["closed_at"] else None,
        tuple(b["alerts"]),
        datetime.fromisoformat(b["due_at"]) if b["due_at"] else None,
    )


def _classified(pair: list[str]) -> Classified | None:
    return Classified(pair[0], Urgency(pair[1])) if pair else None


def _link(row: Row[Any]) -> Link:
    return Link(row.id, row.incident_id, row.other_id, LinkKind(row.kind), row.person_id, row.at)


def _signature_row(x: Signature) -> dict[str, Any]:
    return {
        "id": x.id,
        "incident_id": x.incident_id,
        "role": x.role,
        "round": x.round,
        "at": x.at,
        "person_id": x.person_id,
        "asked_as": x.asked_as or "",
        "reads": x.reads,
        "done_at": x.done_at,
        "done_by": x.done_by,
        "ended_at": x.ended_at,
    }


def signature_of(row: Row[Any]) -> Signature:
    """A line of a log form to sign."""
    asked_as = Role(row.asked_as) if row.asked_as else None
    return Signature(
        row.id,
        row.incident_id,
        Role(row.role),
        row.round,
        row.at,
        row.person_id,
        asked_as,
        row.reads,
        row.done_at,
        row.done_by,
        row.ended_at,
    )


def review_of(row: Row[Any]) -> Review:
    """A day on which a case is to be looked at again."""
    return Review(row.id, row.incident_id, row.person_id, row.at, row.due_at, row.done_at, row.done_by)
