"""How much one may ask in a while: far more than a person can, far less than a program could.

It is counted in this process's memory, by whom a chat vouches for. Nobody is refused by the address they come from: all of
Slack's requests come from a few, and behind a proxy everybody's from one, so that a stranger could use up what is Slack's.
"""

from collections import OrderedDict
from collections.abc import Callable
from time import monotonic
from typing import Final

from handlers.ports import Clock

_MOST_KNOWN: Final = 10_000


class Allowance:
    """So many at once, and so many a minute from then on, for each of those who are counted."""

    def __init__(self, at_once: int, a_minute: int, now: Callable[[], float] = monotonic) -> None:
        self._at_once = float(at_once)
        self._a_second = a_minute / 60
        self._now = now
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, who: str) -> bool:
        """Whether they may once more; that counts as done."""
        now = self._now()
        left, since = self._left.pop(who, (self._at_once, now))
        # A clock that is put back takes nothing away.
        left = min(self._at_once, left + max(0.0, now - since) * self._a_second)
        may = left >= 1
        self._left[who] = (left - may, now)
        if len(self._left) > _MOST_KNOWN:
            self._left.popitem(last=False)
        return may


class UserLimits:
    """What one user of a chat may do: 1,200 requests a minute, and of forms that are sent 120.

    A report is two forms. They are counted apart, so that a client that has run wild over the rest can still send one.
    """

    def __init__(self, clock: Clock) -> None:
        def now() -> float:
            return clock.now().timestamp()

        self._asked = Allowance(1200, 1200, now)
        self._sent = Allowance(120, 120, now)

    def take(self, user: str, *, is_form: bool) -> bool:
        """Whether they may once more."""
        return (self._sent if is_form else self._asked).take(user)
