"""The way down: no new request is taken, what is under way is finished, and whatever hangs, it is over in ten seconds.

Nothing depends on it: what was not sent stands in the outbox, and what was not finished was not acknowledged.
"""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from cards.texts import say
from storage.fault_points import FaultPoint, reach

log = logging.getLogger("esafety")

STOP_SECONDS = 10.0
"""From the signal to the end, whatever hangs."""
_DRAIN_SECONDS = 7.0
_DOOR_SECONDS = 3.0
_CUT_SECONDS = 0.5
_ALWAYS_ANSWERED = frozenset({"/healthz", "/readyz", "/metrics"})
_STREAMS = "/stream"

Step = Callable[[], Awaitable[object]]


@dataclass(slots=True)
class Stopping:
    """Whether the program is on its way down, and what is still under way.

    `doors` are closed first: connections over which requests come in. `finishers` wait for what goes on after an answer.
    `under_way` counts the requests that are being answered.
    """

    doors: list[Step] = field(default_factory=list)
    finishers: list[Step] = field(default_factory=list)
    began: bool = False
    under_way: int = 0
    _idle: asyncio.Event = field(default_factory=asyncio.Event)

    def begin(self) -> None:
        """From now on nothing new is taken."""
        self.began = True

    @contextmanager
    def request(self) -> Iterator[None]:
        """A request that is being answered."""
        self.under_way += 1
        self._idle.clear()
        try:
            yield
        finally:
            self.under_way -= 1
            if not self.under_way:
                self._idle.set()

    async def until_answered(self) -> None:
        """Waits until no request is under way."""
        while self.under_way:
            await self._idle.wait()

    async def hang_up(self, close: Step) -> None:
        """Closes a connection over which requests come in, once those that came have their answers; they go the same way."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_DOOR_SECONDS):
                await self.until_answered()
        await close()


def at_the_door(stopping: Stopping) -> Middleware:
    """Counts what is under way, and turns new requests away once the program is stopping: a balancer asks another process."""

    @web.middleware
    async def door(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path in _ALWAYS_ANSWERED:
            return await handler(request)
        if stopping.began:
            response = web.json_response({"error": say("note.stopping")}, status=503, headers={"Retry-After": "1"})
            response.force_close()
            return response
        if request.path.endswith(_STREAMS):
            return await handler(request)
        with stopping.request():
            answer = await handler(request)
            reach(FaultPoint.BEFORE_ANSWER)
            # The server writes the answer before it does anything else.
            asyncio.get_running_loop().call_soon(reach, FaultPoint.AFTER_ANSWER)
            return answer

    return door


async def take_down(stopping: Stopping, tasks: Sequence["asyncio.Task[None]"], runner: web.AppRunner) -> None:
    """Everything in its order, within the time there is. What is still there then is cut off."""
    stopping.begin()
    loop = asyncio.get_running_loop()
    end = loop.time() + _DRAIN_SECONDS
    # The worker takes nothing new from here on, and has as long as the requests to finish or give back what it has.
    for task in tasks:
        task.cancel()
    await _within(end, "connections", *(door() for door in stopping.doors))
    await _within(end, "requests", stopping.until_answered())
    await _within(end, "answers", *(finish() for finish in stopping.finishers))
    if tasks:
        _, late = await asyncio.wait(tasks, timeout=max(end - loop.time(), _CUT_SECONDS))
        for task in late:
            log.warning("cut off while stopping: %s", task.get_name())
            task.cancel()
        if late:
            await asyncio.wait(late, timeout=_CUT_SECONDS)
    await within(_CUT_SECONDS * 2, "the server", runner.cleanup())


async def _within(end: float, what: str, *work: Awaitable[object]) -> None:
    left = end - asyncio.get_running_loop().time()
    await within(max(left, _CUT_SECONDS), what, *work)


async def within(seconds: float, what: str, *work: Awaitable[object]) -> None:
    """Does some last work, all of it at once, and gives up what is not done in time. What fails is no reason not to stop."""
    doing = [asyncio.ensure_future(one) for one in work]
    if not doing:
        return
    done, late = await asyncio.wait(doing, timeout=seconds)
    for one in late:
        one.cancel()
    if late:
        log.warning("cut off while stopping: %s", what)
        await asyncio.wait(late, timeout=_CUT_SECONDS)
    for one in done:
        if not one.cancelled() and (broken := one.exception()) is not None:
            log.error("failed while stopping: %s: %s", what, type(broken).__name__)
