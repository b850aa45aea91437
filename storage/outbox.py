"""The outbox and the timers, as the worker sees them: what is due, taken on a lease, and what became of it."""

import asyncio
import contextlib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Executable,
    Integer,
    Row,
    Select,
    Update,
    and_,
    bindparam,
    case,
    exists,
    func,
    literal,
    literal_column,
    or_,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.dml import ReturningUpdate

from domain.incident import Delivery, MessageKind, Timer, TimerKind
from domain.people import Address, AddressKind, Platform
from domain.words import DeliveryState
from storage import tables as t
from storage.database import Database

STANDSTILL = timedelta(minutes=30)
"""What was due this much longer ago has not been tried for so long: what was tried before counts no more."""
FURTHEST = timedelta(hours=1)
"""Nothing that is to be sent waits longer for its next attempt; the worker sees to that."""
NOT_SERVED = "not_served"
"""The trouble of a message to a platform that is not set up."""

_LOOKED_AT = 8
"""How many due messages are looked at for each that may be taken, so that one busy place does not hide the others."""

GIVEN_UP = t.deliveries.c.state == literal_column("'dead'")
"""Written out, so that the index on these few rows is used."""

IN_A_CHANNEL = t.deliveries.c.address_kind == literal_column("'channel'")
"""Written out as well: what is sent to people has no part in that index."""

# As literals: a database must see what they are to know that a partial index serves.
_PENDING: ColumnElement[str] = literal_column("'pending'")
_LEASED: ColumnElement[str] = literal_column("'leased'")
_UNSENT = t.deliveries.c.state.in_((_PENDING, _LEASED))
# What a newer program has written is left to it: during an upgrade the two work side by side.
_KNOWN_MESSAGE = t.deliveries.c.message.in_([literal_column(f"'{kind}'") for kind in MessageKind])
_TO_RING = and_(
    t.timers.c.state == literal_column("'pending'"), t.timers.c.kind.in_([literal_column(f"'{kind}'") for kind in TimerKind])
)

_HERE: BindParameter[list[str]] = bindparam("schools", expanding=True)

Lane = tuple[Platform, str]
"""Where messages go one after the other: a place on a platform."""


@dataclass(frozen=True, slots=True)
class Due:
    """What a look has found to be due. True where there is anything."""

    messages: bool
    timers: bool

    def __bool__(self) -> bool:
        return self.messages or self.timers


@dataclass(frozen=True, slots=True)
class Recorded:
    """What became of a record that something was posted: `kept` unless another has taken the message meanwhile.

    `first_alert`: how long after its report the first alert of a case was posted, where it was this one. True where kept.
    """

    kept: bool
    first_alert: timedelta | None = None

    def __bool__(self) -> bool:
        return self.kept


@dataclass(frozen=True, slots=True)
class Backlog:
    """How much the worker has before it, for /metrics and /readyz."""

    deliveries_due: int
    deliveries_dead: int
    timers_due: int


@dataclass(frozen=True, slots=True)
class Resting:
    """What rests of a school that this program does not serve, as its file is gone: it goes on when the school is back."""

    school: str
    messages: int
    timers: int

    def __str__(self) -> str:
        return (
            f"{self.messages} message{'s' * (self.messages != 1)} and {self.timers} timer{'s' * (self.timers != 1)}"
            f" of {self.school} rest: no school file of that name is served"
        )


@dataclass(frozen=True, slots=True)
class GivenUp:
    """Messages of a school that were given up for one reason: `trouble` is a code, `newest` when the last was written."""

    school: str
    platform: Platform
    trouble: str
    count: int
    newest: datetime


def show_again(at: datetime, *where: ColumnElement[bool], given_up: bool = False) -> Update:
    """What some messages show has changed: every copy is to be changed where it stands. What went by e-mail stands for good.

    `given_up`: those are tried once more as well that stand somewhere and could not be changed the last time.
    """
    d = t.deliveries.c
    stands = and_(d.state == DeliveryState.DEAD, d.message_id.is_not(None))
    live = d.state.notin_((DeliveryState.CANCELLED, DeliveryState.DEAD))
    lasting = (or_(live, stands) if given_up else live, d.platform != Platform.EMAIL)
    settled = d.state.in_((DeliveryState.SENT, DeliveryState.DEAD))
    return (
        update(t.deliveries)
        .where(_in_order(*where, *lasting))
        .values(
            revision=d.revision + 1,
            # One that is just being sent becomes due again when it has been: its revision is no longer the newest.
            state=case((d.state == DeliveryState.LEASED, d.state), else_=DeliveryState.PENDING),
            next_at=case((settled, at), else_=d.next_at),
            made_at=case((settled, at), else_=d.made_at),
            attempts=case((settled, 0), else_=d.attempts),
        )
    )


def _in_order(*where: ColumnElement[bool], skip_locked: bool = False) -> ColumnElement[bool]:
    """Some messages, all held before any is changed, in one order for everybody: so no two wait for each other."""
    d = t.deliveries.c
    # Not by the column itself: SQLite would go through all there are in its order, so as not to have to sort some.
    held = select(d.id).where(*where).order_by(d.id.concat("")).with_for_update(skip_locked=skip_locked)
    return d.id.in_(held.correlate(None))


def became(delivery: Delivery, **values: object) -> Update:
    """What became of a message, from whoever holds its newest lease; the word of anybody else changes nothing."""
    d = t.deliveries.c
    mine = (d.id == delivery.id, d.state == DeliveryState.LEASED, d.lease == delivery.lease)
    return update(t.deliveries).where(*mine).values(leased_until=None, **values)


def _moment(at: datetime | None) -> ColumnElement[datetime]:
    return literal(at, t.deliveries.c.tried_since.type)


def _tried(stood_still: ColumnElement[datetime], now: datetime | None) -> ColumnElement[datetime]:
    """Since when a message has been tried: from anew where nobody has for long. `now`, if it is tried now."""
    d = t.deliveries.c
    return case((d.next_at < stood_still, _moment(now)), else_=func.coalesce(d.tried_since, _moment(now)))


@cache
def _lease(*, in_lanes: bool, of_schools: bool) -> ReturningUpdate[Any]:
    """The statement that takes messages. `in_lanes`: of so many places, the longest waiting ones, so many messages each.

    Written out once, as all that runs with every message: to put it together costs more than to run it.
    """
    d = t.deliveries.c
    now: BindParameter[datetime] = bindparam("now")
    free = or_(d.state == _PENDING, and_(d.state == _LEASED, d.leased_until <= now))
    lane = d.platform + ":" + d.address_id
    served = d.platform.in_(bindparam("platforms", expanding=True))
    elsewhere = lane.notin_(bindparam("busy", expanding=True))
    here = (d.school.in_(_HERE),) if of_schools else ()
    due = (d.state.in_((_PENDING, _LEASED)), free, d.next_at <= now, served, elsewhere, _KNOWN_MESSAGE, *here)
    if in_lanes:
        since = func.coalesce(d.made_at, d.next_at).label("since")
        oldest = select(d.id, d.next_at, since, lane.label("lane")).where(*due).order_by(d.next_at)
        looked_at = oldest.limit(bindparam("looked_at", type_=Integer)).subquery()
        x = looked_at.c
        in_turn = select(
            *(x.id, x.next_at, x.lane),
            func.row_number().over(partition_by=x.lane, order_by=x.since).label("place"),
            func.min(x.next_at).over(partition_by=x.lane).label("begins"),
        ).subquery()
        x = in_turn.c
        by_lane = select(x.id, x.next_at, x.place, func.dense_rank().over(order_by=(x.begins, x.lane)).label("turn")).subquery()
        x = by_lane.c
        taken = (x.place <= bindparam("a_lane", type_=Integer), x.turn <= bindparam("lanes", type_=Integer))
        first = select(x.id).where(*taken).order_by(x.next_at).limit(bindparam("most", type_=Integer))
        # What is due is asked once more of the rows that are locked: another may have taken them since they were looked at.
        wanted = select(d.id).where(d.id.in_(first), *due)
    else:
        wanted = select(d.id).where(*due).order_by(d.next_at).limit(bindparam("most", type_=Integer))
    # Apart from the statement that takes them: PostgreSQL could otherwise ask more than once, and take more than the limit.
    locked = wanted.with_for_update(skip_locked=True).cte("locked")
    return (
        update(t.deliveries)
        .where(d.id.in_(select(locked.c.id)))
        .values(
            state=DeliveryState.LEASED,
            leased_until=bindparam("until"),
            attempts=d.attempts + 1,
            lease=d.lease + 1,
            tried_since=_tried(bindparam("stood_still", type_=d.next_at.type), None),
            uncertain=or_(d.uncertain, and_(d.state == DeliveryState.LEASED, d.message_id.is_(None))),
        )
        .returning(t.deliveries)
    )


@cache
def _look(*, of_schools: bool) -> Select[bool, bool]:
    d, x = t.deliveries.c, t.timers.c
    now: BindParameter[datetime] = bindparam("now")
    free = or_(d.state == _PENDING, d.leased_until <= now)
    waiting = select(d.id).where(d.state.in_((_PENDING, _LEASED)), free, d.next_at <= now, _KNOWN_MESSAGE)
    rings = select(x.id).where(_TO_RING, x.due_at <= now)
    if of_schools:
        waiting, rings = waiting.where(d.school.in_(_HERE)), rings.where(x.school.in_(_HERE))
    return select(waiting.exists(), rings.exists())


def _sent() -> Update:
    d = t.deliveries.c
    mine = (d.id == bindparam("of_id"), d.state == DeliveryState.LEASED, d.lease == bindparam("of_lease"))
    unchanged = d.revision == bindparam("of_revision")
    return (
        update(t.deliveries)
        .where(*mine)
        .values(
            message_id=bindparam("named"),
            shown_revision=bindparam("of_revision"),
            state=case((unchanged, DeliveryState.SENT), else_=DeliveryState.PENDING),
            leased_until=None,
            attempts=0,
            uncertain=False,
            tried_since=None,
            trouble="",
        )
    )


def _first_alert() -> ReturningUpdate[Any]:
    i, d = t.incidents.c, t.deliveries.c
    case_id: BindParameter[str] = bindparam("of_case")
    # Of before it was written down here.
    earlier = exists().where(
        d.incident_id == case_id, d.message == MessageKind.ALERT, d.message_id.is_not(None), d.platform != Platform.EMAIL
    )
    return (
        update(t.incidents)
        .where(i.id == case_id, i.first_alert_at.is_(None), ~earlier)
        .values(first_alert_at=bindparam("posted_at"))
        .returning(i.reported_at)
    )


_SENT, _FIRST_ALERT = _sent(), _first_alert()
_DUE_TIMERS = (
    select(t.timers)
    .where(_TO_RING, t.timers.c.due_at <= bindparam("now"), t.timers.c.school.in_(_HERE))
    .order_by(t.timers.c.due_at)
    .limit(bindparam("most", type_=Integer))
)


class Outbox:
    """Due rows of every school. A lease that runs out is taken again: the message may be sent twice, never not at all.

    Whoever took a message says what became of it under the number of its lease: once another has taken it, the word of the
    first counts no more.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def lease(
        self,
        now: datetime,
        lease: timedelta,
        limit: int,
        platforms: Collection[Platform],
        *,
        schools: Collection[str] | None = None,
        busy: Collection[Lane] = (),
        lanes: int | None = None,
        a_lane: int | None = None,
    ) -> list[Delivery]:
        """Takes messages that are due, the oldest first: none of a `busy` lane, of so many `lanes`, at most `a_lane` of each.

        Of the given `schools`; left out, of all. What is another's rests: it may be served elsewhere, or come back.

        `attempts` counts the one that begins now. One whose lease has run out may have been posted: it is `uncertain`.
        Cancelled, it gives back what it has taken.
        """
        given = {
            "now": now,
            "until": now + lease,
            "stood_still": now - STANDSTILL,
            "platforms": list(platforms),
            "busy": [f"{platform}:{place}" for platform, place in busy],
            "looked_at": limit * _LOOKED_AT,
            "lanes": limit if lanes is None else lanes,
            "a_lane": limit if a_lane is None else a_lane,
            "most": limit,
        } | _given(schools)
        in_lanes = a_lane is not None or lanes is not None
        taking = asyncio.create_task(self._take(_lease(in_lanes=in_lanes, of_schools=schools is not None), given))
        try:
            return await asyncio.shield(taking)
        except asyncio.CancelledError:
            # What is cancelled in its commit may be kept all the same.
            with contextlib.suppress(Exception):
                await self.give_back(await taking, now)
            raise

    async def _take(self, statement: ReturningUpdate[Any], given: Mapping[str, object]) -> list[Delivery]:
        async with self._database.begin(together=True) as connection:
            found = sorted(await connection.execute(statement, given), key=lambda r: (r.made_at or r.next_at, r.next_at, r.id))
        return [_delivery(r) for r in found]

    async def bring_near(self, now: datetime) -> int:
        """What waits for a moment that is further off than anything waits is due now: the clock has been set back meanwhile.

        Gives how many messages that were.
        """
        d = t.deliveries.c
        far = now + FURTHEST
        states = d.state.in_((_PENDING, _LEASED))
        off = or_(d.next_at > far, and_(d.state == _LEASED, d.leased_until > far))
        async with self._database.begin() as connection:
            brought = await connection.execute(
                update(t.deliveries)
                .where(_in_order(states, off, skip_locked=True))
                .values(
                    next_at=case((d.next_at > far, now), else_=d.next_at),
                    leased_until=case((d.leased_until > far, now), else_=d.leased_until),
                )
            )
            return brought.rowcount

    async def has_due(self, now: datetime, schools: Collection[str] | None = None) -> Due:
        """Whether anything of these schools is due, without taking it: a look that holds up no writer. Left out: of all."""
        look = _look(of_schools=schools is not None)
        async with self._database.begin(write=False) as connection:
            messages, timers = (await connection.execute(look, {"now": now} | _given(schools))).one()
        return Due(bool(messages), bool(timers))

    async def sent(self, delivery: Delivery, message_id: str, alerted_at: datetime | None = None) -> Recorded:
        """The platform has taken it. If what it shows has changed meanwhile, it is due again at once.

        Not kept if another has taken it since the lease ran out: what it posts is marked as a repeat. `alerted_at`: it was
        posted then, and may be the first alert of its case, which counts once over all processes.
        """
        what = {"of_id": delivery.id, "of_lease": delivery.lease, "of_revision": delivery.revision, "named": message_id}
        took: timedelta | None = None
        async with self._database.begin(together=True) as connection:
            if alerted_at is not None:
                # The case before the message: in the order in which everybody else holds the two.
                first = {"of_case": delivery.incident_id, "posted_at": alerted_at}
                reported_at = (await connection.execute(_FIRST_ALERT, first)).scalar()
                took = alerted_at - reported_at if reported_at is not None else None
            return Recorded(bool((await connection.execute(_SENT, what)).rowcount), took)

    async def retry(
        self, delivery: Delivery, at: datetime, trouble: str, *, tried_at: datetime | None = None, uncertain: bool = False
    ) -> bool:
        """It did not go through for now: to be tried again at a time. `uncertain`: or it did, and the answer was lost.

        `tried_at`: when it was tried, left out where it was not.
        """
        d = t.deliveries.c
        unseen = or_(d.uncertain, d.message_id.is_(None)) if uncertain else d.uncertain
        since = func.coalesce(d.tried_since, _moment(tried_at)) if tried_at is not None else d.tried_since
        return await self._change(
            delivery, state=DeliveryState.PENDING, next_at=at, trouble=trouble[:64], uncertain=unseen, tried_since=since
        )

    async def give_back(self, deliveries: Collection[Delivery], at: datetime) -> None:
        """They were taken and not tried: as if they had not been taken, but not before a time."""
        d = t.deliveries.c
        mine = or_(*(and_(d.id == one.id, d.lease == one.lease) for one in deliveries))
        async with self._database.begin(together=True) as connection:
            await connection.execute(
                update(t.deliveries)
                .where(_in_order(mine, d.state == DeliveryState.LEASED))
                .values(
                    state=DeliveryState.PENDING,
                    leased_until=None,
                    attempts=case((d.attempts > 0, d.attempts - 1), else_=0),
                    next_at=case((d.next_at < at, at), else_=d.next_at),
                )
            )

    async def hold(self, lane: Lane, until: datetime, tried_at: datetime) -> None:
        """A place takes nothing for now: everything that waits for it waits until then, and holds nobody else up.

        It has been tried with the one that was, for all of them.
        """
        d = t.deliveries.c
        platform, place = lane
        waiting = (_UNSENT, d.platform == platform, d.address_id == place, d.state == _PENDING, d.next_at <= until)
        async with self._database.begin(together=True) as connection:
            await connection.execute(
                update(t.deliveries)
                .where(_in_order(*waiting, skip_locked=True))
                .values(next_at=until, tried_since=_tried(_moment(tried_at - STANDSTILL), tried_at))
            )

    async def cancel(self, delivery: Delivery, *, gone: bool = False) -> bool:
        """Nobody needs it any more, or nobody there may see it. If that has changed meanwhile, it is due again at once.

        `gone`: the copy that stood there has been taken away.
        """
        d = t.deliveries.c
        state = case((d.revision == delivery.revision, DeliveryState.CANCELLED), else_=DeliveryState.PENDING)
        return await self._change(delivery, state=state, message_id=None if gone else d.message_id)

    async def _change(self, delivery: Delivery, **values: object) -> bool:
        async with self._database.begin(together=True) as connection:
            return bool((await connection.execute(became(delivery, **values))).rowcount)

    async def due_timers(self, now: datetime, limit: int, schools: Iterable[str]) -> list[tuple[str, Timer]]:
        """The timers of these schools that are due. Who handles one marks it done in the same transaction as its effects."""
        async with self._database.begin(write=False) as connection:
            rows = await connection.execute(_DUE_TIMERS, {"now": now, "schools": list(schools), "most": limit})
            return [(r.school, Timer(r.id, TimerKind(r.kind), r.incident_id, r.alert_id, r.due_at, r.entry_id)) for r in rows]

    async def put_off(self, timer: Timer, until: datetime) -> None:
        """It could not be handled: it is tried again later, so that those behind it get their turn."""
        async with self._database.begin(together=True) as connection:
            await connection.execute(
                update(t.timers).where(t.timers.c.id == timer.id, t.timers.c.state == "pending").values(due_at=until)
            )

    async def unserved(self, served: Collection[Platform]) -> list[tuple[str, Platform, int]]:
        """How many messages of each school wait for a platform that is not among these."""
        d = t.deliveries.c
        waiting = (d.state.in_((_PENDING, _LEASED)), d.platform.notin_(served))
        query = select(d.school, d.platform, func.count()).where(*waiting).group_by(d.school, d.platform)
        async with self._database.begin(write=False) as connection:
            rows = await connection.execute(query.order_by(d.school, d.platform))
            return [(school, Platform(platform), n) for school, platform, n in rows]

    async def resting(self, schools: Collection[str]) -> list[Resting]:
        """What waits of each school that is not among these."""
        d, x = t.deliveries.c, t.timers.c
        waits = select(d.school, func.count()).where(_UNSENT, d.school.notin_(schools)).group_by(d.school)
        rings = select(x.school, func.count()).where(_TO_RING, x.school.notin_(schools)).group_by(x.school)
        async with self._database.begin(write=False) as connection:
            messages = {r[0]: r[1] for r in await connection.execute(waits)}
            timers = {r[0]: r[1] for r in await connection.execute(rings)}
        return [Resting(s, messages.get(s, 0), timers.get(s, 0)) for s in sorted({*messages, *timers})]

    async def given_up(self) -> list[GivenUp]:
        """Everything that was given up, by school, platform and reason."""
        d = t.deliveries.c
        by = (d.school, d.platform, d.trouble)
        query = select(*by, func.count(), func.max(func.coalesce(d.made_at, d.next_at), type_=d.next_at.type))
        async with self._database.begin(write=False) as connection:
            rows = await connection.execute(query.where(GIVEN_UP).group_by(*by).order_by(*by))
            return [GivenUp(school, Platform(platform), trouble, n, newest) for school, platform, trouble, n, newest in rows]

    async def backlog(self, now: datetime) -> Backlog:
        """What is due, and what was given up."""
        d, x = t.deliveries.c, t.timers.c
        waiting = (d.state.in_((_PENDING, _LEASED)), d.next_at <= now)
        async with self._database.begin(write=False) as connection:
            due = (await connection.execute(select(func.count()).where(*waiting))).scalar_one()
            dead = (await connection.execute(select(func.count()).where(d.state == DeliveryState.DEAD))).scalar_one()
            timers = (await connection.execute(select(func.count()).where(_TO_RING, x.due_at <= now))).scalar_one()
        return Backlog(due, dead, timers)


def _given(schools: Collection[str] | None) -> dict[str, object]:
    return {} if schools is None else {"schools": list(schools)}


def _delivery(r: Row[tuple[object, ...]]) -> Delivery:
    return Delivery(
        id=r.id,
        school=r.school,
        incident_id=r.incident_id,
        alert_id=r.alert_id,
        message=MessageKind(r.message),
        address=Address(Platform(r.platform), AddressKind(r.address_kind), r.address_id),
        revision=r.revision,
        attempts=r.attempts,
        message_id=r.message_id,
        summons_round=r.summons_round,
        request_id=r.request_id,
        breach_id=r.breach_id,
        figures_id=r.figures_id,
        register_id=r.register_id,
        submission_id=r.submission_id,
        signer_id=r.signer_id,
        duty_id=r.duty_id,
        step=r.step,
        lease=r.lease,
        leased_until=r.leased_until,
        made_at=r.made_at or r.next_at,
        uncertain=r.uncertain,
        tried_since=r.tried_since,
        next_at=r.next_at,
    )


class SeenEvents:
    """Events that a platform delivers more than once."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def is_new(self, platform: Platform, event_id: str, now: datetime) -> bool:
        """True the first time an event is seen; it is remembered for a day (see housekeeping)."""
        statement = _see(is_sqlite=self._database.is_sqlite)
        async with self._database.begin(together=True) as connection:
            seen = await connection.execute(statement, {"platform": platform, "event_id": event_id, "at": now})
            return bool(seen.rowcount)


@cache
def _see(*, is_sqlite: bool) -> Executable:
    add = sqlite.insert if is_sqlite else postgresql.insert
    return add(t.seen_events).on_conflict_do_nothing()
