"""Questions wait for their turn; a report, an acknowledgement and an alert never wait for them.

Where more is asked than a processor can answer, everything that is begun at once is late at once. So only so many questions are
read at a time, in the order in which they came, and what else the bot has to do goes between them. Where the line grows longer
than anybody would wait in it, whoever comes next is told so at once.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

_AT_ONCE: Final = 8
_MOST_WAITING: Final = 40
"""So few that whoever stands at the end of the line does not wait long, even where each is slow (docs/adr/0029)."""


class TooManyWaitingError(Exception):
    """The line is too long."""


class Turns:
    """The line of one process, for all its schools."""

    def __init__(self, at_once: int = _AT_ONCE, most_waiting: int = _MOST_WAITING) -> None:
        self._free = asyncio.Semaphore(at_once)
        self._most_waiting = most_waiting
        self._waiting = 0

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """One's turn, once it has come.

        Raises:
            TooManyWaitingError: so many wait already that it is better to ask again later.
        """
        if self._waiting >= self._most_waiting:
            raise TooManyWaitingError
        self._waiting += 1
        try:
            await self._free.acquire()
        finally:
            self._waiting -= 1
        try:
            yield
        finally:
            self._free.release()
