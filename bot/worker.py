"""The worker: sends what is due in the outbox and does what timers stand for. It never holds the only copy."""

import asyncio
import contextlib
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import SystemRandom
from typing import Protocol

from bot.tracing import step
from domain.incident import Delivery, Timer
from domain.messages import Message
from domain.people import Address, Platform, School
from handlers import compose, timers, undelivered
from handlers.ports import Ports
from storage.fault_points import FaultPoint, reach
from storage.outbox import Lane, Outbox

log = logging.getLogger("esafety.worker")

LEASE = timedelta(seconds=90)
SENDING_TAKES = timedelta(seconds=35)
"""The longest that a messenger takes for one message, its time-outs included."""
GIVE_UP_AFTER = timedelta(days=3)
_LONGEST_WAIT = timedelta(minutes=10)
_BATCH = 64
_A_LANE = 8
_AT_ONCE: Mapping[Platform, int] = {Platform.SLACK: 8, Platform.TEAMS: 40, Platform.CONSOLE: 4, Platform.EMAIL: 2}
"""How many places of a platform are written to at once. One place gets its messages one after the other."""
_FAILED_TIMER_AGAIN = timedelta(minutes=1)
_BREATH_SECONDS = 0.01
_chance = SystemRandom()


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
    """To be tried again, not before `after`. `uncertain`: it may have arrived, and the answer was lost."""

    def __init__(self, code: str, after: timedelta | None = None, *, uncertain: bool = False) -> None:
        super().__init__(code)
        self.after = after
        self.uncertain = uncertain


class NoSuchPlaceError(SendError):
    """Nothing will ever be delivered there."""


@dataclass(slots=True)
class Tally:
    """What the worker has done since it started, for /metrics. `fenced`: sent by two, since the first took too long."""

    sent: int = 0
    changed: int = 0
    repeated: int = 0
    retried: int = 0
    dead: int = 0
    rung: int = 0
    failed: int = 0
    fenced: int = 0


class Watcher(Protocol):
    """Who is told what the worker does, as it does it."""

    def first_copy(self, delivery: Delivery, sent_at: datetime) -> None:
        """A message was posted for the first time."""
        ...


def backoff(attempts: int) -> timedelta:
    """How long to wait after so many attempts: twice as long each time up to ten minutes, and never all at the same moment."""
    longest = min(timedelta(seconds=2 ** min(attempts, 10)), _LONGEST_WAIT)
    return longest * _chance.uniform(0.5, 1.0)


@dataclass(slots=True)
class Worker:
    """Runs until cancelled. `wake` tells it that something is due; it also looks by itself every `idle` seconds.

    A place that does not answer holds up nobody: each has a lane of its own. `beat_at` is when it last looked.
    """

    ports: Ports
    schools: Mapping[str, School]
    outbox: Outbox
    messengers: Mapping[Platform, Messenger]
    bell: asyncio.Event
    idle: float = 1.0
    drain: float = 6.0
    tally: Tally = field(default_factory=Tally)
    watcher: Watcher | None = None
    beat_at: datetime | None = None
    _lanes: dict[Lane, "asyncio.Task[Exception | None]"] = field(default_factory=dict)
    _stopping: bool = False

    async def run(self) -> None:
        """Works until cancelled; then takes nothing new, and what is on its way has `drain` seconds to arrive.

        A fault in one round is logged and the next round goes on.
        """
        try:
            while True:
                self.bell.clear()
                try:
                    busy = bool(await self._begin())
                except Exception as broken:  # noqa: BLE001 - the next round may find its records again
                    self.tally.failed += 1
                    # Without the error's text, which may quote what was being written.
                    log.error("the worker could not reach its records; it tries again: %s", type(broken).__name__)  # noqa: TRY400
                    busy = False
                    await asyncio.sleep(self.idle)
                if not busy:
                    await self._until_called()
                if self._lanes:
                    # In a burst a place comes free every millisecond: better to look once for several than once for each.
                    await asyncio.sleep(_BREATH_SECONDS)
        finally:
            self._stopping = True
            await self._drain()

    async def _until_called(self) -> None:
        # Not wait_for: on Python 3.11 it swallows a cancel that comes in the moment the bell rings.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self.idle):
                await self.bell.wait()

    async def _drain(self) -> None:
        if not self._lanes:
            return
        _, late = await asyncio.wait(self._lanes.values(), timeout=self.drain)
        for task in late:
            task.cancel()
        if late:
            await asyncio.wait(late, timeout=1)

    async def round(self) -> bool:
        """Does what is due now, to its end; True if there was anything."""
        begun = await self._begin()
        # Every one is waited for, since the records of one that cannot be written say nothing of the others.
        for broken in await asyncio.gather(*begun):
            if broken is not None:
                raise broken
        return bool(begun)

    async def _begin(self) -> "Sequence[asyncio.Task[Exception | None]]":
        """Does the timers that are due, and begins to send what is due, as far as there is room."""
        now = self.ports.clock.now()
        self.beat_at = now
        if not await self.outbox.has_due(now):
            return ()
        for school_id, timer in await self.outbox.due_timers(now, _BATCH, list(self.schools)):
            await self._ring(self.schools[school_id], timer)
        begun: list[asyncio.Task[Exception | None]] = []
        for platform in self.messengers:
            busy = [lane for lane in self._lanes if lane[0] is platform]
            room = _AT_ONCE[platform] - len(busy)
            if room > 0:
                begun += await self._take(platform, room, busy)
        return begun

    async def _take(self, platform: Platform, room: int, busy: Sequence[Lane]) -> "list[asyncio.Task[Exception | None]]":
        reach(FaultPoint.BEFORE_LEASE)
        taken = await self.outbox.lease(
            self.ports.clock.now(), LEASE, min(_BATCH, room * _A_LANE), {platform}, busy=busy, a_lane=_A_LANE
        )
        if taken:
            reach(FaultPoint.AFTER_LEASE)
        by_lane: dict[Lane, list[Delivery]] = {}
        for delivery in taken:
            by_lane.setdefault((delivery.address.platform, delivery.address.id), []).append(delivery)
        lanes = list(by_lane.items())
        if left := [d for _, waiting in lanes[room:] for d in waiting]:
            await self.outbox.give_back(left, self.ports.clock.now())
        begun = []
        for lane, waiting in lanes[:room]:
            task = asyncio.create_task(self._work(lane, waiting), name=f"lane {platform}")
            self._lanes[lane] = task
            begun.append(task)
        return begun

    async def _work(self, lane: Lane, waiting: Sequence[Delivery]) -> Exception | None:
        """Sends one place's messages in turn, until one does not go through. Gives what our own records refused."""
        broken: Exception | None = None
        try:
            for n, delivery in enumerate(waiting):
                now = self.ports.clock.now()
                late = delivery.leased_until is not None and now > delivery.leased_until - SENDING_TAKES
                if self._stopping or late:
                    await self.outbox.give_back(waiting[n:], now)
                    break
                try:
                    with step("delivery", delivery=delivery.id, school=delivery.school, attempt=delivery.attempts):
                        until = await self._deliver(delivery)
                except Exception as wrong:  # noqa: BLE001 - the others of the lane are tried all the same
                    broken = wrong
                    self.tally.failed += 1
                    log.error("what became of delivery %s could not be written: %s", delivery.id, type(wrong).__name__)  # noqa: TRY400
                    continue
                if until is not None:
                    if waiting[n + 1 :]:
                        await self.outbox.give_back(waiting[n + 1 :], until)
                    await self.outbox.hold(lane, until)
                    break
        except Exception as wrong:  # noqa: BLE001 - what was taken and not given back is taken again when its lease runs out
            broken = wrong
            self.tally.failed += 1
            log.error("the worker could not give back what it had taken: %s", type(wrong).__name__)  # noqa: TRY400
        finally:
            del self._lanes[lane]
            self.bell.set()
        return broken

    async def _ring(self, school: School, timer: Timer) -> None:
        try:
            reach(FaultPoint.BEFORE_TIMER)
            await timers.ring(self.ports, school, timer)
            reach(FaultPoint.AFTER_TIMER)
            self.tally.rung += 1
        except Exception as broken:  # noqa: BLE001 - one case that breaks must not hold up every other alert
            log.error("timer %s failed: %s", timer.id, type(broken).__name__)  # noqa: TRY400
            self.tally.failed += 1
            await self.outbox.put_off(timer, self.ports.clock.now() + _FAILED_TIMER_AGAIN)

    async def _deliver(self, delivery: Delivery) -> datetime | None:
        """Tries to send a message. The moment until which its place takes nothing, None where it does."""
        school = self.schools.get(delivery.school)
        if school is None:
            await self.outbox.retry(delivery, self.ports.clock.now() + _LONGEST_WAIT, "school_not_served")
            return None
        try:
            await self._send(school, delivery)
        except NoSuchPlaceError as no:
            await self._bury(school, delivery, no.code)
        except TryLaterError as later:
            return await self._retry(school, delivery, later.code, later.after, uncertain=later.uncertain)
        except Exception as broken:  # noqa: BLE001 - one message that breaks must not stop the others
            # Not its text, which may quote what was being sent.
            log.error("delivery %s failed: %s", delivery.id, type(broken).__name__)  # noqa: TRY400
            self.tally.failed += 1
            await self._retry(school, delivery, type(broken).__name__, None, uncertain=True)
        return None

    async def _send(self, school: School, delivery: Delivery) -> None:
        reach(FaultPoint.BEFORE_RENDER)
        message = await compose.compose(self.ports, school, delivery)
        reach(FaultPoint.AFTER_RENDER)
        if message is None:
            await self.outbox.cancel(delivery)
            return
        messenger = self.messengers[delivery.address.platform]
        reach(FaultPoint.BEFORE_SEND)
        if delivery.message_id is None:
            message_id = await messenger.send(school, delivery.address, message)
            reach(FaultPoint.AFTER_SEND)
            self.tally.sent += 1
            self.tally.repeated += message.again
            if self.watcher is not None:
                self.watcher.first_copy(delivery, self.ports.clock.now())
        else:
            message_id = await messenger.update(school, delivery.address, delivery.message_id, message)
            reach(FaultPoint.AFTER_SEND)
            self.tally.changed += 1
        reach(FaultPoint.BEFORE_RECORD)
        recorded = await self.outbox.sent(delivery, message_id)
        reach(FaultPoint.AFTER_RECORD)
        if not recorded:
            self.tally.fenced += 1
            log.warning("delivery %s was taken over while it was being sent", delivery.id)

    async def _retry(
        self, school: School, delivery: Delivery, code: str, after: timedelta | None, *, uncertain: bool
    ) -> datetime | None:
        now = self.ports.clock.now()
        if delivery.made_at is not None and now - delivery.made_at > GIVE_UP_AFTER:
            await self._bury(school, delivery, code)
            return None
        self.tally.retried += 1
        until = now + (after or backoff(delivery.attempts))
        await self.outbox.retry(delivery, until, code, uncertain=uncertain)
        return until

    async def _bury(self, school: School, delivery: Delivery, code: str) -> None:
        """Gives a message up, and sees to it that whoever was meant hears of it in another way."""
        self.tally.dead += 1
        log.warning("delivery %s of %s on %s given up: %s", delivery.id, delivery.message, delivery.address.platform, code)
        await undelivered.give_up(self.ports, school, delivery, code)
