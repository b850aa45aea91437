"""The worker: sends what is due in the outbox and does what timers stand for. It never holds the only copy."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from random import SystemRandom
from typing import Protocol, TypeAlias, TypeVar

from bot.logs import kind_of
from bot.tracing import step
from domain.incident import Delivery, MessageKind, Timer
from domain.messages import Message, WithdrawnMessage
from domain.people import Address, Platform, School
from handlers import compose, timers, undelivered
from handlers.ports import Ports
from storage.fault_points import FaultPoint, reach
from storage.outbox import FURTHEST, NOT_SERVED, Due, Lane, Outbox

log = logging.getLogger("esafety.worker")

LEASE = timedelta(seconds=90)
SENDING_TAKES = timedelta(seconds=35)
"""The longest that a messenger takes for one message, its time-outs included."""
GIVE_UP_AFTER = timedelta(days=3)
"""How old a message must be before it is given up."""
CHANCE = timedelta(hours=1)
"""How long it, or another to the same place, must have been tried with no standstill before it is given up, however old."""
UNSERVED_AFTER = timedelta(minutes=10)
"""What a platform that is not set up here has been due for so long: no other process serves it either."""
_UNSERVED_EVERY = timedelta(minutes=1)
_LOOK_AHEAD_EVERY = timedelta(minutes=1)
_LONGEST_ASKED_WAIT = FURTHEST / 2
_STUBBORN = 8
"""After so many attempts it is taken for the message that something is wrong with, and not for its place."""
_MOST_ALERTED = 10_000
_LONGEST_WAIT = timedelta(minutes=10)
_BATCH = 64
_A_LANE = 8
_AT_ONCE: Mapping[Platform, int] = {Platform.SLACK: 8, Platform.TEAMS: 40, Platform.CONSOLE: 4, Platform.EMAIL: 2}
"""How many places of a platform are written to at once. One place gets its messages one after the other."""
_FAILED_TIMER_AGAIN = timedelta(minutes=1)
_BREATH_SECONDS = 0.01
_chance = SystemRandom()

_Lane: TypeAlias = "asyncio.Task[Exception | None]"
"""A place that is being written to. It gives what our own records refused."""
_T = TypeVar("_T")


class Messenger(Protocol):
    """A chat platform's way out. To post and to change returns the platform's id of the message."""

    async def send(self, school: School, address: Address, message: Message, /) -> str:
        """Posts a message."""
        ...

    async def update(self, school: School, address: Address, message_id: str, message: Message, /) -> str:
        """Changes a message where it stands."""
        ...

    async def delete(self, school: School, address: Address, message_id: str, /) -> None:
        """Takes a message away. One that is not there any more is no error."""
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
    """To be tried again, not before `after`. `uncertain`: it may have arrived, and the answer was lost.

    `of_place`: it has to do with the place or the platform, and not with this message; so it is wherever `after` is given.
    """

    def __init__(self, code: str, after: timedelta | None = None, *, uncertain: bool = False, of_place: bool = False) -> None:
        super().__init__(code)
        self.after = after
        self.uncertain = uncertain
        self.of_place = of_place or after is not None


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

    def first_alert(self, took: timedelta) -> None:
        """The first alert of a case was posted, so long after its report."""
        ...


def backoff(attempts: int) -> timedelta:
    """How long to wait after so many attempts: twice as long each time up to ten minutes, and never all at the same moment."""
    longest = min(timedelta(seconds=2 ** min(attempts, 10)), _LONGEST_WAIT)
    return longest * _chance.uniform(0.5, 1.0)


async def _withdrawn(
    messenger: Messenger, school: School, delivery: Delivery, message_id: str, message: WithdrawnMessage
) -> bool:
    """Writes over a copy that may no longer stand where it does; where it cannot be changed, takes it away. False if so."""
    try:
        await messenger.update(school, delivery.address, message_id, message)
    except NoSuchPlaceError:
        await messenger.delete(school, delivery.address, message_id)
        return False
    return True


def _has_had_its_chance(delivery: Delivery, now: datetime) -> bool:
    """Old enough to be given up, and not only because nobody was there to try."""
    made_at, tried_since = delivery.made_at or now, delivery.tried_since or now
    return now - made_at > GIVE_UP_AFTER and now - tried_since >= CHANCE


@dataclass(slots=True)
class Worker:
    """Runs until cancelled. `wake` tells it that something is due; it also looks by itself every `idle` seconds.

    A place that does not answer holds up nobody: each has a lane of its own. `beat_at` is when it last looked and could take
    what was due, of one platform at least: while one of several is stuck, the others' people can report and be told.
    `goes_first` is held while a message is on its way: what can wait waits for it. `is_late` is told how long what was taken
    last, and is longest due, had waited beyond its time.
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
    goes_first: Callable[[], AbstractContextManager[None]] = nullcontext
    is_late: Callable[[timedelta], None] = lambda _: None
    beat_at: datetime | None = None
    _lanes: dict[Lane, _Lane] = field(default_factory=dict)
    _stopping: bool = False
    _unserved_at: datetime | None = None
    _looked_ahead_at: datetime | None = None
    _left_alone: dict[str, float] = field(default_factory=dict)
    """What could not be taken, and until which moment of the loop's clock it is not tried again."""
    _alerted: dict[str, None] = field(default_factory=dict)
    """Cases of which an alert was posted, so that their others need not be asked about."""

    async def run(self) -> None:
        """Works until cancelled; then takes nothing new, and what is on its way has `drain` seconds to arrive.

        A fault in one round is logged and the next round goes on.
        """
        try:
            while True:
                self.bell.clear()
                try:
                    begun, _ = await self._begin()
                except Exception as broken:  # noqa: BLE001 - the next round may find its records again
                    self.tally.failed += 1
                    # Without the error's text, which may quote what was being written.
                    log.error("the worker could not reach its records; it tries again: %s", kind_of(broken))  # noqa: TRY400
                    begun = []
                    await asyncio.sleep(self.idle)
                if not begun:
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
        self._left_alone.clear()
        begun, troubles = await self._begin()
        # Every one is waited for, since the records of one that cannot be written say nothing of the others.
        for broken in (*troubles, *await asyncio.gather(*begun)):
            if broken is not None:
                raise broken
        return bool(begun)

    async def _begin(self) -> tuple[list[_Lane], list[Exception]]:
        """Does the timers that are due, and begins to send what is due, as far as there is room; gives what failed, too."""
        now = self.ports.clock.now()
        troubles: list[Exception] = []
        await self._apart("what waits too long", lambda: self._look_ahead(now), troubles)
        due = await self.outbox.has_due(now, self.schools)
        if not due.messages:
            self.is_late(timedelta(0))
        begun = await self._begin_due(now, due, troubles) if due else []
        if not (self.messengers and all(map(self._is_left_alone, self.messengers))):
            self.beat_at = now
        return begun, troubles

    def _is_left_alone(self, part: str) -> bool:
        return asyncio.get_running_loop().time() < self._left_alone.get(part, 0.0)

    async def _look_ahead(self, now: datetime) -> None:
        """Now and then, and at once where the clock has been set back: what waited by the clock of before waits no more."""
        if self._looked_ahead_at is not None and abs(now - self._looked_ahead_at) < _LOOK_AHEAD_EVERY:
            return
        if brought := await self.outbox.bring_near(now):
            log.warning("%d messages were to wait unreasonably long: the clock has been set back. They are due now", brought)
        self._looked_ahead_at = now

    async def _begin_due(self, now: datetime, due: Due, troubles: list[Exception]) -> list[_Lane]:
        """Each part apart: trouble with one platform, or with the timers, holds up nothing of the others."""
        parts: dict[str, Callable[[], Awaitable[Sequence[_Lane]]]] = {}
        if due.timers:
            parts["timers"] = lambda: self._ring_due(now)
        look_at_unserved = self._unserved_at is None or abs(now - self._unserved_at) >= _UNSERVED_EVERY
        if look_at_unserved:
            self._unserved_at = now
        for platform in Platform:
            if platform in self.messengers:
                parts[platform] = partial(self._take_served, platform)
            elif look_at_unserved:
                parts[platform] = partial(self._take_unserved, platform)
        begun: list[_Lane] = []
        for part, work in parts.items():
            begun += await self._apart(part, work, troubles) or ()
        return begun

    async def _apart(self, part: str, work: Callable[[], Awaitable[_T]], troubles: list[Exception]) -> _T | None:
        """Does a part of a round. What fails is added to the troubles, and left alone for a moment."""
        if self._is_left_alone(part):
            return None
        try:
            return await work()
        except Exception as broken:  # noqa: BLE001 - it is tried again, and the others are not to wait for it
            self.tally.failed += 1
            # Without the error's text, which may quote what was being written.
            log.error("the worker could not do its part for %s; it tries again: %s", part, kind_of(broken))  # noqa: TRY400
            self._left_alone[part] = asyncio.get_running_loop().time() + self.idle
            troubles.append(broken)
            return None

    async def _ring_due(self, now: datetime) -> Sequence[_Lane]:
        broken: Exception | None = None
        for school_id, timer in await self.outbox.due_timers(now, _BATCH, self.schools):
            try:
                await self._ring(self.schools[school_id], timer)
            except Exception as wrong:  # noqa: BLE001 - those behind it ring all the same
                broken = wrong
        if broken is not None:
            raise broken
        return ()

    async def _take_served(self, platform: Platform) -> Sequence[_Lane]:
        busy = self._busy(platform)
        room = _AT_ONCE[platform] - len(busy)
        return await self._take(platform, room, busy) if room > 0 else ()

    async def _take_unserved(self, platform: Platform) -> Sequence[_Lane]:
        """What waits for a platform that was taken out of the settings: it is put off, and given up in the end."""
        return await self._take(platform, _BATCH, self._busy(platform), UNSERVED_AFTER)

    def _busy(self, platform: Platform) -> list[Lane]:
        return [lane for lane in self._lanes if lane[0] is platform]

    async def _take(self, platform: Platform, room: int, busy: Sequence[Lane], late: timedelta = timedelta(0)) -> list[_Lane]:
        reach(FaultPoint.BEFORE_LEASE)
        taken = await self.outbox.lease(
            self.ports.clock.now() - late,
            LEASE + late,
            min(_BATCH, room * _A_LANE),
            {platform},
            schools=self.schools,
            busy=busy,
            lanes=room,
            a_lane=_A_LANE,
        )
        if taken:
            reach(FaultPoint.AFTER_LEASE)
            now = self.ports.clock.now()
            self.is_late(now - late - min((d.next_at for d in taken if d.next_at is not None), default=now - late))
        by_lane: dict[Lane, list[Delivery]] = {}
        for delivery in taken:
            by_lane.setdefault((delivery.address.platform, delivery.address.id), []).append(delivery)
        begun = []
        for lane, waiting in by_lane.items():
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
                    told = step("delivery", delivery=delivery.id, school=delivery.school, attempt=delivery.attempts)
                    with self.goes_first(), told:
                        until = await self._deliver(delivery)
                except Exception as wrong:  # noqa: BLE001 - the others of the lane are tried all the same
                    broken = wrong
                    self.tally.failed += 1
                    log.error("what became of delivery %s could not be written: %s", delivery.id, kind_of(wrong))  # noqa: TRY400
                    continue
                if until is not None:
                    if waiting[n + 1 :]:
                        await self.outbox.give_back(waiting[n + 1 :], until)
                    await self.outbox.hold(lane, until, self.ports.clock.now())
                    break
        except Exception as wrong:  # noqa: BLE001 - what was taken and not given back is taken again when its lease runs out
            broken = wrong
            self.tally.failed += 1
            log.error("the worker could not give back what it had taken: %s", kind_of(wrong))  # noqa: TRY400
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
            log.error("timer %s failed: %s", timer.id, kind_of(broken))  # noqa: TRY400
            self.tally.failed += 1
            await self.outbox.put_off(timer, self.ports.clock.now() + _FAILED_TIMER_AGAIN)

    async def _deliver(self, delivery: Delivery) -> datetime | None:
        """Tries to send a message. The moment until which its place takes nothing, None where it does."""
        school = self.schools[delivery.school]
        try:
            await self._send(school, delivery)
        except NoSuchPlaceError as no:
            await self._bury(school, delivery, no.code)
        except TryLaterError as later:
            until = await self._retry(school, delivery, later.code, later.after, uncertain=later.uncertain)
            # One message that never goes through must not keep those behind it waiting for ever.
            return until if later.of_place or delivery.attempts < _STUBBORN else None
        except Exception as broken:  # noqa: BLE001 - one message that breaks must not stop the others
            # Not its text, which may quote what was being sent.
            log.error("delivery %s failed: %s", delivery.id, kind_of(broken))  # noqa: TRY400
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
        messenger = self.messengers.get(delivery.address.platform)
        if messenger is None:
            raise TryLaterError(NOT_SERVED, _LONGEST_WAIT)
        alerted_at: datetime | None = None
        reach(FaultPoint.BEFORE_SEND)
        if delivery.message_id is None:
            message_id = await messenger.send(school, delivery.address, message)
            reach(FaultPoint.AFTER_SEND)
            self.tally.sent += 1
            self.tally.repeated += message.again
            alerted_at = self._may_be_first_alert(delivery)
        elif isinstance(message, WithdrawnMessage):
            if not await _withdrawn(messenger, school, delivery, delivery.message_id, message):
                self.tally.changed += 1
                await self.outbox.cancel(delivery, gone=True)
                return
            message_id = delivery.message_id
            self.tally.changed += 1
        else:
            message_id = await messenger.update(school, delivery.address, delivery.message_id, message)
            reach(FaultPoint.AFTER_SEND)
            self.tally.changed += 1
        reach(FaultPoint.BEFORE_RECORD)
        recorded = await self.outbox.sent(delivery, message_id, alerted_at)
        reach(FaultPoint.AFTER_RECORD)
        if alerted_at is not None:
            self._was_alerted(delivery.incident_id, recorded.first_alert)
        if not recorded:
            self.tally.fenced += 1
            log.warning("delivery %s was taken over while it was being sent", delivery.id)

    def _may_be_first_alert(self, delivery: Delivery) -> datetime | None:
        """The moment of posting, if as far as this process knows no chat has had an alert of the case before."""
        case, by_chat = delivery.incident_id, delivery.address.platform is not Platform.EMAIL
        if case is None or delivery.message is not MessageKind.ALERT or not by_chat or case in self._alerted:
            return None
        return self.ports.clock.now()

    def _was_alerted(self, case: str | None, first: timedelta | None) -> None:
        """Only now, once it is recorded: until then each copy that is on its way may be the first."""
        if case is not None:
            self._alerted[case] = None
        if len(self._alerted) > _MOST_ALERTED:
            del self._alerted[next(iter(self._alerted))]
        if first is not None and self.watcher is not None:
            self.watcher.first_alert(first)

    async def _retry(
        self, school: School, delivery: Delivery, code: str, after: timedelta | None, *, uncertain: bool
    ) -> datetime | None:
        now = self.ports.clock.now()
        if _has_had_its_chance(delivery, now):
            await self._bury(school, delivery, code)
            return None
        self.tally.retried += 1
        until = now + (min(after, _LONGEST_ASKED_WAIT) if after else backoff(delivery.attempts))
        await self.outbox.retry(delivery, until, code, tried_at=now, uncertain=uncertain)
        return until

    async def _bury(self, school: School, delivery: Delivery, code: str) -> None:
        """Gives a message up, and sees to it that whoever was meant hears of it in another way."""
        self.tally.dead += 1
        log.warning("delivery %s of %s on %s given up: %s", delivery.id, delivery.message, delivery.address.platform, code)
        if await undelivered.give_up(self.ports, school, delivery, code):
            log.error(
                "delivery %s stands on %s before somebody who is shut out, and cannot be taken away: run `esafety doctor`",
                delivery.id,
                delivery.address.platform,
            )
