"""What queues are made of: a page of lines after or before another, found by an index and never by counting.

What is given here is what somebody may have a right to; domain.access says to what they have.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    String,
    and_,
    bindparam,
    cast,
    exists,
    false,
    func,
    literal_column,
    or_,
    select,
    text,
    true,
    tuple_,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.access import Reach
from domain.case_changes import Review, Signature
from domain.entries import ActionState
from domain.incident import Alert, Incident, Why
from domain.queues import Filters, Key, QueueKind, Whose
from domain.words import Role
from storage import tables as t
from storage.case_rows import BESIDE, alert_of, incident_of
from storage.change_records import review_of, signature_of
from storage.lookups import among, checked
from storage.vault import ERASED

_a, _i, _e, _s, _r = t.alerts.c, t.incidents.c, t.case_entries.c, t.signatures.c, t.reviews.c
# As literals: a database must see what they are to know that a partial index serves.
_WAITS = text("alerts.state = 'open'")
_TAKEN = text("alerts.state = 'acknowledged'")
_LIVE = text("alerts.state IN ('open', 'acknowledged')")
_OPEN_CASE = text("incidents.state IN ('reported', 'acknowledged', 'in_progress')")
_TO_DO = text("case_entries.due_at IS NOT NULL AND case_entries.done_at IS NULL")
_AWAITED = text("signatures.done_at IS NULL AND signatures.ended_at IS NULL")
_TO_REVIEW = text("reviews.done_at IS NULL")
_NOT_MERGED = text("incidents.state <> 'merged'")
_ACTION = (_e.id.label("e_id"), _e.incident_id, _e.doer_id, _e.due_at.label("e_due_at"), _e.done_at)


@dataclass(frozen=True, slots=True)
class _Shape:
    """What a statement depends on, but for its values: each is put together once."""

    filters: Filters
    leads: bool
    holds: tuple[tuple[Role, bool], ...]
    """Roles, and whether for some groups only."""
    from_key: bool
    back: bool
    asked_often: bool
    """Whether somebody has been asked so often that what they were asked is not looked through."""


class QueueRecords:
    """The part of a school's records that has to do with lists of cases."""

    _c: AsyncConnection
    _school: str
    _asked_often: dict[str, bool]

    async def queued_alerts(
        self, reach: Reach, filters: Filters, now: datetime, limit: int, key: Key | None = None, *, back: bool = False
    ) -> list[tuple[Alert, Incident]]:
        """Alerts of open cases that may be somebody's to answer, by deadline: the next ones after, or before, a line."""
        shape = _shape(reach, filters, key, back=back, asked_often=reach.leads or await self._is_asked_often(reach.person))
        rows = await self._c.execute(_alerts(shape), self._values(reach, filters, now, limit, key))
        return [(alert_of(r), incident_of(r, "i_")) for r in rows]

    async def queued_actions(
        self, reach: Reach, filters: Filters, now: datetime, limit: int, key: Key | None = None, *, back: bool = False
    ) -> list[tuple[ActionState, Incident]]:
        """Actions that are not done in time and that somebody may know of, the oldest first, in the same way."""
        shape = _shape(reach, filters, key, back=back)
        rows = await self._c.execute(_actions(shape), self._values(reach, filters, now, limit, key))
        return [
            (ActionState(r.e_id, r.incident_id, r.doer_id or "", r.e_due_at, r.done_at), incident_of(r, "i_")) for r in rows
        ]

    async def queued_signatures(
        self, reach: Reach, filters: Filters, now: datetime, limit: int, key: Key | None = None, *, back: bool = False
    ) -> list[tuple[Signature, Incident]]:
        """Lines of log forms that wait to be signed and that somebody may know of, in the same way."""
        shape = _shape(reach, filters, key, back=back)
        rows = await self._c.execute(_to_sign(shape), self._values(reach, filters, now, limit, key))
        return [(signature_of(r), incident_of(r, "i_")) for r in rows]

    async def queued_reviews(
        self, reach: Reach, filters: Filters, now: datetime, limit: int, key: Key | None = None, *, back: bool = False
    ) -> list[tuple[Review, Incident]]:
        """Cases that should have been looked at again by now and that somebody may know of, in the same way."""
        shape = _shape(reach, filters, key, back=back)
        rows = await self._c.execute(_to_review(shape), self._values(reach, filters, now, limit, key))
        return [(review_of(r), incident_of(r, "i_")) for r in rows]

    async def _is_asked_often(self, person_id: str) -> bool:
        if person_id not in self._asked_often:
            asked = (await self._c.execute(_TIMES_ASKED, {"me": person_id, "most": _MANY_TIMES})).scalar_one()
            self._asked_often[person_id] = asked >= _MANY_TIMES
        return self._asked_often[person_id]

    async def alerts_of_cases(self, *incident_ids: str) -> list[Alert]:
        """Every alert of these cases."""
        rows = (
            await self._c.execute(_ALERTS_OF_CASES, {"here": self._school, "incidents": incident_ids}) if incident_ids else ()
        )
        return [alert_of(r) for r in rows]

    def _values(self, reach: Reach, filters: Filters, now: datetime, limit: int, key: Key | None) -> dict[str, Any]:
        groups = {f"groups_{role}": sorted(of) for role, of in reach.holds if of is not None}
        narrowed = {"concern": filters.concern, "urgency": filters.urgency, "case_state": filters.state}
        where = {"at": key.at, "beside": key.id} if key is not None else {}
        found = {"here": self._school, "me": reach.person, "now": now, "most": limit, **groups, **where}
        return found | {name: value for name, value in narrowed.items() if value}


_MANY_TIMES = 4000
"""How many summonses are looked through to find somebody's; of more, it is asked of each alert whether one is theirs."""
_TIMES_ASKED = select(func.count()).select_from(
    select(literal_column("1")).where(t.summonses.c.person_id == bindparam("me")).limit(bindparam("most")).subquery()
)
_ALERTS_OF_CASES = (
    select(t.alerts)
    .where(checked(_a.school) == bindparam("here"), among(_a.incident_id, "incidents"))
    .order_by(_a.opened_at, _a.id)
)


def _shape(reach: Reach, filters: Filters, key: Key | None, *, back: bool, asked_often: bool = False) -> _Shape:
    # The values of the filters are no part of it, only whether there are any.
    like = Filters(
        filters.kind,
        filters.whose,
        "x" if filters.concern else "",
        None if filters.urgency is None else next(iter(type(filters.urgency))),
        None if filters.state is None else next(iter(type(filters.state))),
    )
    holds = tuple((role, groups is not None) for role, groups in reach.holds if groups is None or groups)
    return _Shape(like, reach.leads, holds, key is not None, back, asked_often)


@cache
def _alerts(shape: _Shape) -> Select[Any]:
    whose: dict[Whose, tuple[ColumnElement[bool] | Any, ...]] = {
        Whose.ANYBODY: (_LIVE,),
        Whose.NOBODY: (_WAITS,),
        Whose.MINE: (_TAKEN, _a.owner_id == bindparam("me")),
        Whose.OTHERS: (_TAKEN, _a.owner_id != bindparam("me")),
    }
    query = (
        select(t.alerts, *BESIDE)
        .join(t.incidents, _i.id == _a.incident_id)
        .where(_a.school == bindparam("here"), _OPEN_CASE, *whose[shape.filters.whose], *_narrowed(shape.filters), ~_shut_out())
    )
    if shape.filters.kind is QueueKind.LATE:
        # One that is taken on is late no more.
        query = query.where(_WAITS, _a.due_at <= bindparam("now"))
    if shape.filters.whose is not Whose.MINE:
        query = query.where(_may_be_theirs(shape))
    return _paged(query, _a.due_at, _a.id, shape)


@cache
def _actions(shape: _Shape) -> Select[Any]:
    own = _e.doer_id == bindparam("me")
    whose: dict[Whose, ColumnElement[bool]] = {
        Whose.ANYBODY: true(),
        Whose.NOBODY: false(),
        Whose.MINE: own,
        Whose.OTHERS: ~own,
    }
    query = (
        select(*_ACTION, *BESIDE)
        .join(t.incidents, _i.id == _e.incident_id)
        .where(_e.school == bindparam("here"), _TO_DO, _e.due_at <= bindparam("now"), whose[shape.filters.whose])
        .where(or_(own, _worked(shape, _e.incident_id)))
    )
    return _paged(query.where(*_known(shape)), _e.due_at, _e.id, shape)


@cache
def _to_sign(shape: _Shape) -> Select[Any]:
    asked = _s.person_id == bindparam("me")
    whose: dict[Whose, ColumnElement[bool]] = {
        Whose.ANYBODY: true(),
        Whose.NOBODY: _s.person_id.is_(None),
        Whose.MINE: asked,
        Whose.OTHERS: _s.person_id != bindparam("me"),
    }
    query = (
        select(t.signatures, *BESIDE)
        .join(t.incidents, _i.id == _s.incident_id)
        .where(_s.school == bindparam("here"), _AWAITED, whose[shape.filters.whose], or_(asked, _worked(shape, _s.incident_id)))
    )
    return _paged(query.where(*_known(shape)), _s.at, _s.id, shape)


@cache
def _to_review(shape: _Shape) -> Select[Any]:
    whose: dict[Whose, ColumnElement[bool]] = {
        Whose.ANYBODY: true(),
        Whose.NOBODY: false(),
        Whose.MINE: _owned(_r.incident_id),
        Whose.OTHERS: ~_owned(_r.incident_id),
    }
    query = (
        select(t.reviews, *BESIDE)
        .join(t.incidents, _i.id == _r.incident_id)
        .where(_r.school == bindparam("here"), _TO_REVIEW, _r.due_at <= bindparam("now"), _NOT_MERGED)
        .where(whose[shape.filters.whose], _worked(shape, _r.incident_id))
    )
    return _paged(query.where(*_known(shape)), _r.due_at, _r.id, shape)


def _worked(shape: _Shape, incident_id: ColumnElement[str]) -> ColumnElement[bool]:
    """Whether somebody may work the case of that id, which stands in the row that is listed: no case is looked up for it."""
    return or_(_i.private.is_(False), _owned(incident_id)) if shape.leads else _owned(incident_id)


def _owned(incident_id: ColumnElement[str]) -> ColumnElement[bool]:
    return exists().where(_a.incident_id == incident_id, _a.owner_id == bindparam("me"))


def _known(shape: _Shape) -> Sequence[ColumnElement[bool]]:
    return (or_(_i.key_id.is_(None), _i.key_id != ERASED), *_narrowed(shape.filters), ~_shut_out())


def _narrowed(filters: Filters) -> Sequence[ColumnElement[bool]]:
    found = []
    if filters.concern:
        found.append(_i.concern == bindparam("concern"))
    if filters.urgency is not None:
        found.append(_i.urgency == bindparam("urgency"))
    if filters.state is not None:
        found.append(_i.state == bindparam("case_state"))
    return found


def _shut_out() -> ColumnElement[bool]:
    x = t.exclusions.c
    return exists().where(x.incident_id == _i.id, x.person_id == bindparam("me"), x.why != Why.DISMISSED)


def _may_be_theirs(shape: _Shape) -> ColumnElement[bool]:
    """A ground on which the alert may be somebody's: domain.access has them."""
    s, o = t.summonses.c, t.openings.c
    grounds: list[ColumnElement[bool]] = [_i.private.is_(False)] if shape.leads else []
    # All but the first say nothing of the case, so that one is looked up only for what may be theirs. Few alerts are for more
    # than one role, and no word is looked for in the others.
    also = cast(_a.also_roles, String)
    grounds += [_for_some(_a.role == role, role, for_some=some) for role, some in shape.holds]
    seconds = [_for_some(also.contains(f'"{role}"'), role, for_some=some) for role, some in shape.holds]
    if seconds:
        grounds.append(and_(also != literal_column("'[]'"), or_(*seconds)))
    if shape.filters.whose is Whose.ANYBODY:
        grounds.append(_a.owner_id == bindparam("me"))
    # Of somebody who has been asked thousands of times over the years each alert is looked up. Of anybody else, what they were
    # asked is looked through, which takes a tenth of that.
    asked = exists().where(s.alert_id == _a.id, s.person_id == bindparam("me"))
    listed = _a.id.in_(select(s.alert_id).where(s.person_id == bindparam("me")))
    until = bindparam("now", type_=o.until.type)
    opened = select(o.incident_id).where(o.school == bindparam("here"), o.person_id == bindparam("me"), o.until > until)
    return or_(*grounds, asked if shape.asked_often else listed, _a.incident_id.in_(opened))


def _for_some(of_role: ColumnElement[bool], role: Role, *, for_some: bool) -> ColumnElement[bool]:
    return and_(of_role, among(_a.group_name, f"groups_{role}")) if for_some else of_role


def _paged(query: Select[Any], at: ColumnElement[Any], id_: ColumnElement[Any], shape: _Shape) -> Select[Any]:
    if shape.from_key:
        place = tuple_(bindparam("at", type_=at.type), bindparam("beside", type_=id_.type))
        query = query.where(tuple_(at, id_) < place if shape.back else tuple_(at, id_) > place)
    order = (at.desc(), id_.desc()) if shape.back else (at, id_)
    return query.order_by(*order).limit(bindparam("most"))
