"""Questions wait for their turn; a report, an acknowledgement and an alert never wait for them.

Where more is asked than a processor can answer, everything that is begun at once is late at once. So only so many questions are
read at a time, in the order in which they came, and what else the bot has to do goes between them. While a form is being taken
or a message is on its way out, fewer questions are begun, though never none. Where the line grows longer than anybody would
wait in it, or the program comes late to all that it has to do, its messages above all, whoever comes next is told so at once.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta
from typing import Final

_AT_ONCE: Final = 8
_BESIDE: Final = 2
"""Not one: a question that waits for the disk would hold up all others for as long as there are alerts to send."""
_MOST_WAITING: Final = 40
"""So few that whoever stands at the end of the line does not wait long, even where each is slow (docs/adr/0029)."""
_LOOKS_EVERY_SECONDS: Final = 0.02
_TOO_LATE_SECONDS: Final = 0.1
_TOO_OFTEN: Final = 3
"""So late at what is due so many times on end, a program has more to do than it can. Once is one long piece of work, say a
report for governors, after which all is well."""
_ALERTS_WAIT: Final = timedelta(seconds=1)
"""So long beyond its time no alert waits where there is room for everything."""


class TooManyWaitingError(Exception):
    """The line is too long."""


class Turns:
    """The line of one process, for all its schools. `beside`: how many at once while something else goes first."""

    def __init__(self, at_once: int = _AT_ONCE, most_waiting: int = _MOST_WAITING, beside: int = _BESIDE) -> None:
        self._at_once = at_once
        self._beside = beside
        self._most_waiting = most_waiting
        self._begun = 0
        self._first = 0
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._late = 0
        self._alerts_late = timedelta(0)

    @property
    def is_full(self) -> bool:
        """Whether it is better to ask again later: known before anything is done for a question."""
        return len(self._waiting) >= self._most_waiting or self._late >= _TOO_OFTEN or self._alerts_late > _ALERTS_WAIT

    def alerts_are_late(self, by: timedelta) -> None:
        """How long messages wait beyond their time: as long as that is long, what can be put off is."""
        self._alerts_late = by

    async def watch(self) -> None:
        """Looks, for as long as it runs, how late the event loop comes to what is due."""
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + _LOOKS_EVERY_SECONDS
            await asyncio.sleep(_LOOKS_EVERY_SECONDS)
            self._late = self._late + 1 if loop.time() - due > _TOO_LATE_SECONDS else 0

    @contextmanager
    def goes_first(self) -> Iterator[None]:
        """What does not wait for questions: as long as it lasts, fewer of them are begun."""
        self._first += 1
        try:
            yield
        finally:
            self._first -= 1
            self._let_in()

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """One's turn, once it has come.

        Raises:
            TooManyWaitingError: so many wait already that it is better to ask again later.
        """
        if len(self._waiting) >= self._most_waiting:
            raise TooManyWaitingError
        mine: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(mine)
        self._let_in()
        try:
            await mine
        except asyncio.CancelledError:
            if mine.cancelled():
                self._waiting.remove(mine)
            else:
                self._end()
            raise
        try:
            yield
        finally:
            self._end()

    def _end(self) -> None:
        self._begun -= 1
        self._let_in()

    def _let_in(self) -> None:
        room = self._beside if self._first else self._at_once
        while self._waiting and self._begun < room:
            # One that was cancelled just now takes itself out of the line, and is stepped over until then.
            one = next((w for w in self._waiting if not w.done()), None)
            if one is None:
                return
            self._waiting.remove(one)
            self._begun += 1
            one.set_result(None)
