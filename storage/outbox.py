"""The outbox and the timers, as the worker sees them: what is due, taken on a lease, and what became of it."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Row, Update, and_, case, func, literal_column, or_, select, true, update
from sqlalchemy.dialects import postgresql, sqlite

from domain.incident import Delivery, MessageKind, Timer, TimerKind
from domain.people import Address, AddressKind, Platform
from domain.words import DeliveryState
from storage import tables as t
from storage.database import Database

_LOOKED_AT = 8
"""How many due messages are looked at for each that may be taken, so that one busy place does not hide the others."""

GIVEN_UP = t.deliveries.c.state == literal_column("'dead'")
"""Written out, so that the index on these few rows is used."""

# As literals: a database must see what they are to know that a partial index serves.
_PENDING: ColumnElement[str] = literal_column("'pending'")
_LEASED: ColumnElement[str] = literal_column("'leased'")
_TO_RING = t.timers.c.state == literal_column("'pending'")

Lane = tuple[Platform, str]
"""Where messages go one after the other: a place on a platform."""


@dataclass(frozen=True, slots=True)
class Backlog:
    """How much the worker has before it, for /metrics and /readyz."""

    deliveries_due: int
    deliveries_dead: int
    timers_due: int


@dataclass(frozen=True, slots=True)
class GivenUp:
    """Messages of a school that were given up for one reason: `trouble` is a code, `newest` when the last was written."""

    school: str
    platform: Platform
    trouble: str
    count: int
    newest: datetime


def show_again(at: datetime, *where: ColumnElement[bool]) -> Update:
    """What some messages show has changed: every copy is to be changed where it stands. What went by e-mail stands for good."""
    d = t.deliveries.c
    lasting = (d.state.notin_((DeliveryState.CANCELLED, DeliveryState.DEAD)), d.platform != Platform.EMAIL)
    return (
        update(t.deliveries)
        .where(*where, *lasting)
        .values(
            revision=d.revision + 1,
            # One that is just being sent becomes due again when it has been: its revision is no longer the newest.
            state=case((d.state == DeliveryState.LEASED, d.state), else_=DeliveryState.PENDING),
            next_at=case((d.state == DeliveryState.SENT, at), else_=d.next_at),
            made_at=case((d.state == DeliveryState.SENT, at), else_=d.made_at),
            attempts=case((d.state == DeliveryState.SENT, 0), else_=d.attempts),
        )
    )


def became(delivery: Delivery, **values: object) -> Update:
    """What became of a message, from whoever holds its newest lease; the word of anybody else changes nothing."""
    d = t.deliveries.c
    mine = (d.id == delivery.id, d.state == DeliveryState.LEASED, d.lease == delivery.lease)
    return update(t.deliveries).where(*mine).values(leased_until=None, **values)


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
        busy: Collection[Lane] = (),
        a_lane: int | None = None,
    ) -> list[Delivery]:
        """Takes messages that are due, the oldest first: none of a `busy` lane, and at most `a_lane` of any.

        `attempts` counts the one that begins now. One whose lease has run out may have been posted: it is `uncertain`.
        """
        d = t.deliveries.c
        free = or_(d.state == _PENDING, and_(d.state == _LEASED, d.leased_until <= now))
        lane = d.platform + ":" + d.address_id
        elsewhere = lane.notin_([f"{platform}:{place}" for platform, place in busy]) if busy else true()
        due = (d.state.in_((_PENDING, _LEASED)), free, d.next_at <= now, d.platform.in_(platforms), elsewhere)
        if a_lane is None:
            wanted = select(d.id).where(*due).order_by(d.next_at).limit(limit)
        else:
            since = func.coalesce(d.made_at, d.next_at).label("since")
            oldest = (
                select(d.id, d.next_at, since, lane.label("lane")).where(*due).order_by(d.next_at).limit(limit * _LOOKED_AT)
            )
            looked_at = oldest.subquery()
            place = func.row_number().over(partition_by=looked_at.c.lane, order_by=looked_at.c.since)
            in_turn = select(looked_at.c.id, looked_at.c.next_at, place.label("place")).subquery()
            first = select(in_turn.c.id).where(in_turn.c.place <= a_lane).order_by(in_turn.c.next_at).limit(limit)
            # What is due is asked once more of the rows that are locked: another may have taken them since they were looked at.
            wanted = select(d.id).where(d.id.in_(first), *due)
        # Apart from the statement that takes them: PostgreSQL could otherwise ask more than once, and take more than the limit.
        locked = wanted.with_for_update(skip_locked=True).cte("locked")
        async with self._database.begin() as connection:
            rows = await connection.execute(
                update(t.deliveries)
                .where(d.id.in_(select(locked.c.id)))
                .values(
                    state=DeliveryState.LEASED,
                    leased_until=now + lease,
                    attempts=d.attempts + 1,
                    lease=d.lease + 1,
                    uncertain=or_(d.uncertain, and_(d.state == DeliveryState.LEASED, d.message_id.is_(None))),
                )
                .returning(t.deliveries)
            )
            found = sorted(rows, key=lambda r: (r.made_at or r.next_at, r.next_at, r.id))
        return [_delivery(r) for r in found]

    async def has_due(self, now: datetime) -> bool:
        """Whether anything is due, without taking it: a look that holds up no writer."""
        d, x = t.deliveries.c, t.timers.c
        free = or_(d.state == _PENDING, d.leased_until <= now)
        waiting = select(d.id).where(d.state.in_((_PENDING, _LEASED)), free, d.next_at <= now).limit(1)
        ringing = select(x.id).where(_TO_RING, x.due_at <= now).limit(1)
        async with self._database.begin(write=False) as connection:
            return (await connection.execute(waiting)).first() is not None or (
                await connection.execute(ringing)
            ).first() is not None

    async def sent(self, delivery: Delivery, message_id: str) -> bool:
        """The platform has taken it. If what it shows has changed meanwhile, it is due again at once.

        False if another has taken it since the lease ran out: what it posts is marked as a repeat.
        """
        d = t.deliveries.c
        unchanged = d.revision == delivery.revision
        return await self._change(
            delivery,
            message_id=message_id,
            shown_revision=delivery.revision,
            state=case((unchanged, DeliveryState.SENT), else_=DeliveryState.PENDING),
            attempts=0,
            uncertain=False,
            trouble="",
        )

    async def retry(self, delivery: Delivery, at: datetime, trouble: str, *, uncertain: bool = False) -> bool:
        """It did not go through for now: to be tried again at a time. `uncertain`: or it did, and the answer was lost."""
        d = t.deliveries.c
        unseen = or_(d.uncertain, d.message_id.is_(None)) if uncertain else d.uncertain
        return await self._change(delivery, state=DeliveryState.PENDING, next_at=at, trouble=trouble[:64], uncertain=unseen)

    async def give_back(self, deliveries: Collection[Delivery], at: datetime) -> None:
        """They were taken and not tried: as if they had not been taken, but not before a time."""
        d = t.deliveries.c
        mine = or_(*(and_(d.id == one.id, d.lease == one.lease) for one in deliveries))
        async with self._database.begin() as connection:
            await connection.execute(
                update(t.deliveries)
                .where(mine, d.state == DeliveryState.LEASED)
                .values(
                    state=DeliveryState.PENDING,
                    leased_until=None,
                    attempts=case((d.attempts > 0, d.attempts - 1), else_=0),
                    next_at=case((d.next_at < at, at), else_=d.next_at),
                )
            )

    async def hold(self, lane: Lane, until: datetime) -> None:
        """A place takes nothing for now: everything that waits for it waits until then, and holds nobody else up."""
        d = t.deliveries.c
        platform, place = lane
        async with self._database.begin() as connection:
            await connection.execute(
                update(t.deliveries)
                .where(d.platform == platform, d.address_id == place, d.state == DeliveryState.PENDING, d.next_at < until)
                .values(next_at=until)
            )

    async def cancel(self, delivery: Delivery) -> bool:
        """Nobody needs it any more, or nobody there may see it."""
        return await self._change(delivery, state=DeliveryState.CANCELLED)

    async def _change(self, delivery: Delivery, **values: object) -> bool:
        async with self._database.begin() as connection:
            return bool((await connection.execute(became(delivery, **values))).rowcount)

    async def due_timers(self, now: datetime, limit: int, schools: Iterable[str]) -> list[tuple[str, Timer]]:
        """The timers of these schools that are due. Who handles one marks it done in the same transaction as its effects."""
        x = t.timers.c
        async with self._database.begin(write=False) as connection:
            rows = await connection.execute(
                select(t.timers).where(_TO_RING, x.due_at <= now, x.school.in_(schools)).order_by(x.due_at).limit(limit)
            )
            return [(r.school, Timer(r.id, TimerKind(r.kind), r.incident_id, r.alert_id, r.due_at)) for r in rows]

    async def put_off(self, timer: Timer, until: datetime) -> None:
        """It could not be handled: it is tried again later, so that those behind it get their turn."""
        async with self._database.begin() as connection:
            await connection.execute(
                update(t.timers).where(t.timers.c.id == timer.id, t.timers.c.state == "pending").values(due_at=until)
            )

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
        step=r.step,
        lease=r.lease,
        leased_until=r.leased_until,
        made_at=r.made_at or r.next_at,
        uncertain=r.uncertain,
    )


class SeenEvents:
    """Events that a platform delivers more than once."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def is_new(self, platform: Platform, event_id: str, now: datetime) -> bool:
        """True the first time an event is seen; it is remembered for a day (see housekeeping)."""
        add = sqlite.insert if self._database.is_sqlite else postgresql.insert
        async with self._database.begin() as connection:
            statement = add(t.seen_events).values(platform=platform, event_id=event_id, at=now).on_conflict_do_nothing()
            return bool((await connection.execute(statement)).rowcount)
