"""What a chat has vouched for counts once: a request that somebody has overheard does nothing when it is sent again."""

from collections.abc import Callable
from datetime import timedelta
from hashlib import blake2b
from time import monotonic


class Replays:
    """Remembers requests for at least as long as what vouches for them is good, in this process alone.

    Another process, or this one after a restart, may take a request again. Nothing comes of it: whatever a request does is done
    once by what it names (a draft, an alert, a form), as a chat's own repeats need it too.
    """

    def __init__(self, good_for: timedelta, now: Callable[[], float] = monotonic) -> None:
        self._good_for = good_for.total_seconds()
        self._now = now
        self._since = now()
        self._newer: set[bytes] = set()
        self._older: set[bytes] = set()

    def is_new(self, request: str) -> bool:
        """Whether a request comes for the first time, by its signature or its id; which it has done from then on."""
        gone = self._now() - self._since
        if gone > self._good_for:
            # What was remembered so long ago that nothing of it can be good any more is forgotten in one.
            self._older = self._newer if gone <= 2 * self._good_for else set()
            self._newer, self._since = set(), self._now()
        mark = blake2b(request.encode(), digest_size=16).digest()
        if mark in self._newer or mark in self._older:
            return False
        self._newer.add(mark)
        return True
