"""What staff asked for or declared: each version sealed under the school's key, vouched for in the audit, and kept."""

import json
from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, case, false, func, insert, not_, or_, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.overview import Tally
from domain.submissions import LIVE, Doing, Place, Submission, SubmissionState, SubmissionVersion
from storage import sealed as s
from storage import tables as t
from storage.outbox import show_again
from storage.sealing import Key
from storage.vault import SchoolKeys

_ADD_VERSION = insert(t.submission_versions)
# As literals: a database must see what it is to know that a partial index serves.
_DUE = text("submissions.next_at IS NOT NULL")
_UNSETTLED = text("(submissions.state = 'waiting' OR submissions.tasks <> '')")


class SubmissionRecords:
    """The part of a school's records that has to do with requests under its policy's request types."""

    _c: AsyncConnection
    _school: str
    _keys: SchoolKeys

    async def add_submission(self, new: Submission, version: SubmissionVersion, next_at: datetime | None) -> str:
        """Adds one with its first version; the commitment to that, for the audit. `next_at`: when to look at it again."""
        row = {
            "id": new.id,
            "school": self._school,
            "type": new.type,
            "reference": new.reference,
            "asker_id": new.asker_id,
            "sent_at": new.sent_at,
            **_columns(new),
            "next_at": next_at,
        }
        await self._c.execute(insert(t.submissions).values(**row))
        return await self._add_submission_version(new, version)

    async def add_submission_version(self, now: Submission, version: SubmissionVersion, next_at: datetime | None) -> str:
        """Adds what was done with one; the commitment to it, for the audit. Messages about it are changed."""
        committed = await self._add_submission_version(now, version)
        c = t.submissions.c
        await self._c.execute(
            update(t.submissions).where(c.school == self._school, c.id == now.id).values(**_columns(now), next_at=next_at)
        )
        await self._c.execute(show_again(version.at, t.deliveries.c.submission_id == now.id))
        return committed

    async def submission(self, submission_id: str, *, hold: bool = True) -> Submission | None:
        """Where one stands, without a word of it; held until the end of the transaction on PostgreSQL."""
        c = t.submissions.c
        query = select(t.submissions).where(c.school == self._school, c.id == submission_id)
        row = (await self._c.execute(query.with_for_update() if hold else query)).first()
        return submission_of(row) if row is not None else None

    async def submission_versions(self, submission_id: str) -> tuple[SubmissionVersion, ...]:
        """All that was done with one, the first first."""
        v = t.submission_versions.c
        query = select(t.submission_versions).where(v.school == self._school, v.submission_id == submission_id)
        return tuple(self._version(row) for row in await self._c.execute(query.order_by(v.number)))

    async def has_submission_version(self, version_id: str) -> bool:
        """Whether there is a version of that id, so that a form was sent before."""
        v = t.submission_versions.c
        query = select(v.id).where(v.id == version_id, v.school == self._school)
        return (await self._c.execute(query)).first() is not None

    async def submission_wordings(self, submission_ids: Collection[str]) -> dict[str, SubmissionVersion]:
        """The newest version of each of these, by its id."""
        v, c = t.submission_versions.c, t.submissions.c
        query = select(t.submission_versions).join(t.submissions, and_(c.id == v.submission_id, c.versions == v.number))
        rows = await self._c.execute(query.where(c.school == self._school, c.id.in_(submission_ids)))
        return {row.submission_id: self._version(row) for row in rows}

    async def submissions_of(
        self,
        type_id: str,
        reader_id: str,
        *,
        live: bool = False,
        after: tuple[datetime, str] | None = None,
        most: int | None = None,
    ) -> list[Submission]:
        """Those of a type, the newest first, without those that are about somebody who reads them and did not send them.

        `after`: those that come after this one, by when it was sent and its id.
        """
        c = t.submissions.c
        query = select(t.submissions).where(c.school == self._school, c.type == type_id, _not_about(reader_id))
        if live:
            query = query.where(c.state.in_([state.value for state in SubmissionState if state in LIVE]))
        if after is not None:
            at, last = after
            query = query.where(or_(c.sent_at < at, and_(c.sent_at == at, c.id < last)))
        query = query.order_by(c.sent_at.desc(), c.id.desc())
        return [submission_of(row) for row in await self._c.execute(query if most is None else query.limit(most))]

    async def submission_tallies(self, types: Collection[str], reader_id: str) -> dict[str, Tally]:
        """How many of each of these types are live, wait for an answer, and are to be carried out; by the type's id.

        Without those that are about somebody who reads them and did not send them.
        """
        c = t.submissions.c
        of_these = (c.school == self._school, c.type.in_(types), _not_about(reader_id))
        live = or_(c.state.in_([state.value for state in SubmissionState if state in LIVE]), c.tasks != "")
        counts = (func.count(), *(func.count(case((what, 1))) for what in (c.state == SubmissionState.WAITING, c.tasks != "")))
        query = select(c.type, *counts).where(*of_these, live).group_by(c.type)
        return {row[0]: Tally(*row[1:]) for row in await self._c.execute(query)}

    async def submissions_by(self, asker_id: str, most: int | None = None) -> list[Submission]:
        """What somebody has asked for or declared, the newest first."""
        c = t.submissions.c
        query = select(t.submissions).where(c.school == self._school, c.asker_id == asker_id)
        query = query.order_by(c.sent_at.desc(), c.id.desc())
        return [submission_of(row) for row in await self._c.execute(query if most is None else query.limit(most))]

    async def submissions_about(self, person_id: str) -> list[Submission]:
        """Those that others have sent about somebody of the staff, the newest first."""
        c = t.submissions.c
        of_them = (c.asker_id != person_id, c.about.contains(person_id, autoescape=True))
        query = select(t.submissions).where(c.school == self._school, *of_them)
        return [submission_of(row) for row in await self._c.execute(query.order_by(c.sent_at.desc(), c.id.desc()))]

    async def unsettled_submissions(
        self, steps: Collection[tuple[str, int]], types: Collection[str], after: tuple[datetime, str] | None, most: int
    ) -> list[Submission]:
        """What waits for one of these steps, or is to be carried out for one of these types, the longest waiting first.

        `steps`: each by its type and number. `after`: those that come after this one, by when it was changed and its id.
        """
        c = t.submissions.c
        waits = [and_(c.type == type_id, c.step == step) for type_id, step in steps]
        wanted = or_(and_(c.state == SubmissionState.WAITING, or_(*waits, false())), and_(c.tasks != "", c.type.in_(types)))
        query = select(t.submissions).where(c.school == self._school, _UNSETTLED, wanted)
        if after is not None:
            at, last = after
            query = query.where(or_(c.changed_at > at, and_(c.changed_at == at, c.id > last)))
        return [submission_of(row) for row in await self._c.execute(query.order_by(c.changed_at, c.id).limit(most))]

    async def held_submissions(self, asker_id: str, types: Collection[str], now: datetime, most: int) -> list[Submission]:
        """What somebody has been allowed or has declared under one of these types and holds now, the newest first."""
        c = t.submissions.c
        holds = and_(c.state == SubmissionState.GRANTED, or_(c.until_at.is_(None), c.until_at > now))
        query = select(t.submissions).where(c.school == self._school, c.asker_id == asker_id, c.type.in_(types), holds)
        return [submission_of(row) for row in await self._c.execute(query.order_by(c.sent_at.desc(), c.id.desc()).limit(most))]

    async def submissions_due(self, now: datetime, most: int) -> list[str]:
        """The ids of those that are to be looked at by now, the longest due first."""
        c = t.submissions.c
        query = select(c.id).where(c.school == self._school, _DUE, c.next_at <= now).order_by(c.next_at, c.id).limit(most)
        return list((await self._c.execute(query)).scalars())

    async def look_at_submission(self, submission_id: str, at: datetime | None, now: datetime) -> bool:
        """Says when one is looked at again. False if it is not due by now."""
        c = t.submissions.c
        of = (c.school == self._school, c.id == submission_id, c.next_at <= now)
        return bool((await self._c.execute(update(t.submissions).where(*of).values(next_at=at))).rowcount)

    async def left_submissions(self, types: Collection[str], most: int) -> list[str]:
        """The ids of those of these types of which something is to come by itself, and that nobody looks at any more."""
        c = t.submissions.c
        awaited = or_(
            c.state == SubmissionState.WAITING, c.tasks != "", and_(c.state == SubmissionState.GRANTED, c.until_at.is_not(None))
        )
        query = select(c.id).where(c.school == self._school, c.type.in_(types), c.next_at.is_(None), awaited)
        return list((await self._c.execute(query.order_by(c.id).limit(most))).scalars())

    async def take_up_submission(self, submission_id: str, at: datetime) -> bool:
        """Has one looked at again that nobody looks at. False if somebody does."""
        c = t.submissions.c
        of = (c.school == self._school, c.id == submission_id, c.next_at.is_(None))
        return bool((await self._c.execute(update(t.submissions).where(*of).values(next_at=at))).rowcount)

    async def dropped_submissions(self, types: Collection[str]) -> dict[str, int]:
        """How many are open of which type that is not among these."""
        c = t.submissions.c
        live = or_(c.state.in_([state.value for state in SubmissionState if state in LIVE]), c.tasks != "")
        query = select(c.type, func.count()).where(c.school == self._school, c.type.not_in(types), live)
        return {row[0]: row[1] for row in await self._c.execute(query.group_by(c.type).order_by(c.type))}

    async def _add_submission_version(self, of: Submission, version: SubmissionVersion) -> str:
        body, key = _body(version), self._keys.records
        await self._c.execute(
            _ADD_VERSION,
            {
                "id": version.id,
                "school": self._school,
                "submission_id": version.submission_id,
                "number": version.number,
                "person_id": version.person_id,
                "at": version.at,
                "doing": version.doing,
                "state": version.place.state,
                "sealed": key.seal_text(body, s.of_submission(self._school, version.submission_id, version.number)),
            },
        )
        return s.commitment_to_submission(key, of, version, body)

    def _version(self, row: Any) -> SubmissionVersion:
        return submission_version_of(row, self._keys.records)[0]


def _not_about(reader_id: str) -> ColumnElement[bool]:
    c = t.submissions.c
    return or_(c.about == "", c.asker_id == reader_id, not_(c.about.contains(reader_id, autoescape=True)))


def submission_of(row: Any) -> Submission:
    """A row of `submissions`."""
    place = Place(SubmissionState(row.state), row.step, _listed(row.tasks), _listed(row.done), row.until_at, _listed(row.about))
    return Submission(row.id, row.type, row.reference, row.asker_id, row.sent_at, row.changed_at, row.versions, place)


def submission_version_of(row: Any, key: Key) -> tuple[SubmissionVersion, str]:
    """A row of `submission_versions`, opened; and what was sealed of it.

    Raises:
        SealError: it does not open.
    """
    body = s.opened(key, "{}", row.sealed, s.of_submission(row.school, row.submission_id, row.number))
    told = json.loads(body)
    until = told.get("until", "")
    place = Place(
        SubmissionState(row.state),
        told.get("step", 0),
        tuple(told.get("tasks", ())),
        tuple(told.get("done", ())),
        datetime.fromisoformat(until) if until else None,
        tuple(told.get("about", ())),
    )
    version = SubmissionVersion(
        row.id,
        row.submission_id,
        row.number,
        row.person_id,
        row.at,
        Doing(row.doing),
        place,
        told.get("values", {}),
        told.get("note", ""),
        told.get("task", ""),
    )
    return version, body


def _body(version: SubmissionVersion) -> str:
    place = version.place
    return json.dumps(
        {
            "values": dict(version.values),
            "note": version.note,
            "task": version.task,
            "step": place.step,
            "tasks": place.tasks,
            "done": place.done,
            "until": place.until.isoformat() if place.until is not None else "",
            "about": place.about,
        }
    )


def _columns(of: Submission) -> dict[str, Any]:
    place = of.place
    return {
        "changed_at": of.changed_at,
        "versions": of.versions,
        "state": place.state,
        "step": place.step,
        "tasks": ",".join(place.tasks),
        "done": ",".join(place.done),
        "until_at": place.until,
        "about": ",".join(place.about),
    }


def _listed(joined: str) -> tuple[str, ...]:
    return tuple(joined.split(",")) if joined else ()
