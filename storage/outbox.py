"""The outbox and the timers, as the worker sees them: what is due, taken on a lease, and what became of it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Update, and_, case, func, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from domain.incident import Delivery, MessageKind, Timer, TimerKind
from domain.people import Address, AddressKind, Platform
from domain.words import DeliveryState
from storage import tables as t
from storage.database import Database


@dataclass(frozen=True, slots=True)
class Backlog:
    """How much the worker has before it, for /metrics and /readyz."""

    deliveries_due: int
    deliveries_dead: int
    timers_due: int


def show_again(at: datetime, *where: ColumnElement[bool]) -> Update:
    """What some messages show has changed: every copy is to be changed where it stands."""
    d = t.deliveries.c
    return (
        update(t.deliveries)
        .where(*where, d.state.notin_((DeliveryState.CANCELLED, DeliveryState.DEAD)))
        .values(
            revision=d.revision + 1,
            state=case((d.state == DeliveryState.LEASED, d.state), else_=DeliveryState.PENDING),
            next_at=case((d.state == DeliveryState.SENT, at), else_=d.next_at),
            attempts=case((d.state == DeliveryState.SENT, 0), else_=d.attempts),
        )
    )


class Outbox:
    """Due rows of every school. A lease that runs out is taken again: the message may be sent twice, never not at all."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def lease(self, now: datetime, lease: timedelta, limit: int, platforms: frozenset[Platform]) -> list[Delivery]:
        """Takes messages that are due, the oldest first. `attempts` counts the one that begins now."""
        d = t.deliveries.c
        free = or_(d.state == DeliveryState.PENDING, and_(d.state == DeliveryState.LEASED, d.leased_until <= now))
        due = select(d.id).where(free, d.next_at <= now, d.platform.in_(platforms)).order_by(d.next_at).limit(limit)
        async with self._database.begin() as connection:
            rows = await connection.execute(
                update(t.deliveries)
                .where(d.id.in_(due.with_for_update(skip_locked=True)))
                .values(state=DeliveryState.LEASED, leased_until=now + lease, attempts=d.attempts + 1)
                .returning(t.deliveries)
            )
            found = sorted(rows, key=lambda r: r.next_at)
        return [
            Delivery(
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
            )
            for r in found
        ]

    async def has_due(self, now: datetime) -> bool:
        """Whether anything is due, without taking it: a look that holds up no writer."""
        d, x = t.deliveries.c, t.timers.c
        waiting = select(d.id).where(d.state.in_((DeliveryState.PENDING, DeliveryState.LEASED)), d.next_at <= now).limit(1)
        ringing = select(x.id).where(x.state == "pending", x.due_at <= now).limit(1)
        async with self._database.begin(write=False) as connection:
            return (await connection.execute(waiting)).first() is not None or (
                await connection.execute(ringing)
            ).first() is not None

    async def sent(self, delivery: Delivery, message_id: str) -> None:
        """The platform has taken it. If what it shows has changed meanwhile, it is due again at once."""
        d = t.deliveries.c
        unchanged = d.revision == delivery.revision
        await self._change(
            delivery,
            message_id=message_id,
            shown_revision=delivery.revision,
            state=case((unchanged, DeliveryState.SENT), else_=DeliveryState.PENDING),
            attempts=0,
            trouble="",
        )

    async def retry(self, delivery: Delivery, at: datetime, trouble: str) -> None:
        """It did not go through for now: to be tried again at a time."""
        await self._change(delivery, state=DeliveryState.PENDING, next_at=at, trouble=trouble[:64])

    async def bury(self, delivery: Delivery, trouble: str) -> None:
        """It can never go through: the place does not exist, or does not want it."""
        await self._change(delivery, state=DeliveryState.DEAD, trouble=trouble[:64])

    async def cancel(self, delivery: Delivery) -> None:
        """Nobody needs it any more, or nobody there may see it."""
        await self._change(delivery, state=DeliveryState.CANCELLED)

    async def _change(self, delivery: Delivery, **values: object) -> None:
        async with self._database.begin() as connection:
            await connection.execute(
                update(t.deliveries)
                .where(t.deliveries.c.id == delivery.id, t.deliveries.c.state == DeliveryState.LEASED)
                .values(leased_until=None, **values)
            )

    async def due_timers(self, now: datetime, limit: int, schools: Iterable[str]) -> list[tuple[str, Timer]]:
        """The timers of these schools that are due. Who handles one marks it done in the same transaction as its effects."""
        x = t.timers.c
        async with self._database.begin(write=False) as connection:
            rows = await connection.execute(
                select(t.timers)
                .where(x.state == "pending", x.due_at <= now, x.school.in_(schools))
                .order_by(x.due_at)
                .limit(limit)
            )
            return [(r.school, Timer(r.id, TimerKind(r.kind), r.incident_id, r.alert_id, r.due_at)) for r in rows]

    async def put_off(self, timer: Timer, until: datetime) -> None:
        """It could not be handled: it is tried again later, so that those behind it get their turn."""
        async with self._database.begin() as connection:
            await connection.execute(
                update(t.timers).where(t.timers.c.id == timer.id, t.timers.c.state == "pending").values(due_at=until)
            )

    async def backlog(self, now: datetime) -> Backlog:
        """What is due, and what was given up."""
        d, x = t.deliveries.c, t.timers.c
        async with self._database.begin(write=False) as connection:
            row = (
                await connection.execute(
                    select(
                        func.count(
                            case((and_(d.state.in_((DeliveryState.PENDING, DeliveryState.LEASED)), d.next_at <= now), 1))
                        ),
                        func.count(case((d.state == DeliveryState.DEAD, 1))),
                    )
                )
            ).one()
            timers = (await connection.execute(select(func.count()).where(x.state == "pending", x.due_at <= now))).scalar_one()
        return Backlog(row[0], row[1], timers)


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
