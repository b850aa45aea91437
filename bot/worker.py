"""The worker: sends what is due in the outbox and does what timers stand for. It never holds the only copy."""

import asyncio
import contextlib
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol

from domain.incident import Asked, Delivery, MessageKind, Timer
from domain.messages import Message
from domain.people import Address, Platform, School
from handlers import compose, timers
from handlers.ports import Ports
from storage.outbox import Outbox

log = logging.getLogger("esafety.worker")

LEASE = timedelta(seconds=60)
_LONGEST_WAIT = timedelta(minutes=10)
_BATCH = 64
_AT_ONCE: Mapping[Platform, int] = {Platform.SLACK: 4, Platform.TEAMS: 40, Platform.CONSOLE: 4}
"""How many messages are on their way to a chat at once. Slack takes about one a second for a channel; Teams is slow."""
_FAILED_TIMER_AGAIN = timedelta(minutes=1)


class Messenger(Protocol):
    """A chat platform's way out. Both return the platform's id of the message."""

    async def send(self, school: School, address: Address, message: Message, /) -> str:
        """Posts a message."""
        ...

    async def update(self, school: School, address: Address, message_id: str, message: Message, /) -> str:
        """Changes a message where it stands."""
        ...


class SendError(Exception):
    """A message did not go through.

    ├── TryLaterError: the platform is busy or out of reach.
    └── NoSuchPlaceError: it never will, because there is no such place or it takes no messages from us.
    """

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class TryLaterError(SendError):
    """To be tried again, not before `after`."""

    def __init__(self, code: str, after: timedelta | None = None) -> None:
        super().__init__(code)
        self.after = after


class NoSuchPlaceError(SendError):
    """Nothing will ever be delivered there."""


@dataclass(slots=True)
class Tally:
    """What the worker has done since it started, for /metrics."""

    sent: int = 0
    changed: int = 0
    retried: int = 0
    dead: int = 0
    rung: int = 0
    failed: int = 0


@dataclass(slots=True)
class Worker:
    """Runs until cancelled. `wake` tells it that something is due; it also looks by itself every `idle` seconds."""

    ports: Ports
    schools: Mapping[str, School]
    outbox: Outbox
    messengers: Mapping[Platform, Messenger]
    bell: asyncio.Event
    idle: float = 1.0
    tally: Tally = field(default_factory=Tally)

    async def run(self) -> None:
        """Works for ever. A fault in one round is logged and the next round goes on."""
        while True:
            self.bell.clear()
            try:
                busy = await self.round()
            except Exception:
                self.tally.failed += 1
                log.exception("the worker could not reach its records; it tries again")
                busy = False
                await asyncio.sleep(self.idle)
            if not busy:
                # Not wait_for: on Python 3.11 it swallows a cancel that comes in the moment the bell rings.
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(self.idle):
                        await self.bell.wait()

    async def round(self) -> bool:
        """Does what is due now; True if there was anything."""
        now = self.ports.clock.now()
        if not await self.outbox.has_due(now):
            return False
        for school_id, timer in await self.outbox.due_timers(now, _BATCH, list(self.schools)):
            await self._ring(self.schools[school_id], timer)
        deliveries = await self.outbox.lease(now, LEASE, _BATCH, frozenset(self.messengers))
        gates = {platform: asyncio.Semaphore(most) for platform, most in _AT_ONCE.items()}
        # Every one is waited for: when the bot stops, before the database is closed, and when the records of one cannot be
        # written, since the others may be on their way.
        sending = (self._deliver(d, gates[d.address.platform]) for d in deliveries)
        for outcome in await asyncio.gather(*sending, return_exceptions=True):
            if isinstance(outcome, Exception):
                raise outcome
        return bool(deliveries)

    async def _ring(self, school: School, timer: Timer) -> None:
        try:
            await timers.ring(self.ports, school, timer)
            self.tally.rung += 1
        except Exception as broken:  # noqa: BLE001 - one case that breaks must not hold up every other alert
            log.error("timer %s failed: %s", timer.id, type(broken).__name__)  # noqa: TRY400
            self.tally.failed += 1
            await self.outbox.put_off(timer, self.ports.clock.now() + _FAILED_TIMER_AGAIN)

    async def _deliver(self, delivery: Delivery, gate: asyncio.Semaphore) -> None:
        async with gate:
            school = self.schools.get(delivery.school)
            if school is None:
                await self.outbox.retry(delivery, self.ports.clock.now() + _LONGEST_WAIT, "school_not_served")
                return
            try:
                await self._send(school, delivery)
            except NoSuchPlaceError as no:
                await self._bury(school, delivery, no.code)
            except TryLaterError as later:
                await self._retry(delivery, later.code, later.after)
            except Exception as broken:  # noqa: BLE001 - one message that breaks must not stop the others
                # Not its text, which may quote what was being sent.
                log.error("delivery %s failed: %s", delivery.id, type(broken).__name__)  # noqa: TRY400
                self.tally.failed += 1
                await self._retry(delivery, type(broken).__name__, None)

    async def _send(self, school: School, delivery: Delivery) -> None:
        message = await compose.compose(self.ports, school, delivery)
        if message is None:
            await self.outbox.cancel(delivery)
            return
        messenger = self.messengers[delivery.address.platform]
        if delivery.message_id is None:
            message_id = await messenger.send(school, delivery.address, message)
            self.tally.sent += 1
        else:
            message_id = await messenger.update(school, delivery.address, delivery.message_id, message)
            self.tally.changed += 1
        await self.outbox.sent(delivery, message_id)

    async def _retry(self, delivery: Delivery, code: str, after: timedelta | None) -> None:
        self.tally.retried += 1
        wait = after or min(timedelta(seconds=2 ** min(delivery.attempts, 10)), _LONGEST_WAIT)
        await self.outbox.retry(delivery, self.ports.clock.now() + wait, code)

    async def _bury(self, school: School, delivery: Delivery, code: str) -> None:
        """Gives a message up. If it was the last chance to reach whoever was asked with it, the alert climbs at once.

        In the first round, and for whom it was handed on to: where nobody at all can be reached, later rounds keep to their
        deadlines instead of spinning.
        """
        self.tally.dead += 1
        log.warning("delivery %s of %s on %s given up: %s", delivery.id, delivery.message, delivery.address.platform, code)
        await self.outbox.bury(delivery, code)
        if delivery.message is not MessageKind.ALERT or delivery.alert_id is None:
            return
        now = self.ports.clock.now()
        async with self.ports.store.transaction(school) as records:
            alert = await records.alert(delivery.alert_id)
            summonses = (await records.summonses(delivery.alert_id))[delivery.alert_id]
            asked = {s.why for s in summonses if s.round == delivery.summons_round and s.person_id == delivery.address.id}
            if alert is None or (delivery.summons_round and Asked.HANDED_ON not in asked):
                return
            # Once the deadline has passed, what was shown to those asked before is no chance any more.
            person = delivery.address.id if now >= alert.due_at and asked else None
            if not await records.delivery_chances(delivery.alert_id, delivery.summons_round, person):
                await records.hasten(delivery.alert_id, now)
        self.ports.wake()
