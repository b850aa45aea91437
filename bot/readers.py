"""Who reads the channels of a chat, as an edge has last looked it up."""

from collections.abc import Iterable
from datetime import timedelta

from domain.people import Address, AddressKind, Platform, School
from handlers.ports import Clock
from storage.store import Store

_KNOWN_FOR = timedelta(days=1)


class Readers:
    """Keeps what look-ups have found. Where two overlap, what the older one brings is of before, and counts for nothing."""

    def __init__(self, store: Store, clock: Clock, platform: Platform) -> None:
        self._store = store
        self._clock = clock
        self._platform = platform
        self._looks: dict[str, int] = {}

    def look(self, channel: str) -> int:
        """A look at a channel begins; its number is given back with what it finds."""
        self._looks[channel] = self._looks.get(channel, 0) + 1
        return self._looks[channel]

    async def found(self, school: School, channel: str, look: int, emails: Iterable[str]) -> None:
        """What a look has found: the readers' e-mail addresses, '' for one that has none."""
        address, now = self._address(channel), self._clock.now()
        async with self._store.transaction(school) as records:
            if look != self._looks[channel]:
                return
            known_before = address in await records.readers(now - _KNOWN_FOR)
            await records.save_readers(address, set(emails), now)
            if not known_before:
                await records.look_again_at(address, now)

    async def forget(self, school: School, channel: str) -> None:
        """Somebody joined or left: from now on nobody knows who reads it, and what stands there is looked at again."""
        self.look(channel)
        address = self._address(channel)
        async with self._store.transaction(school) as records:
            await records.forget_readers(address)
            await records.look_again_at(address, self._clock.now())

    def _address(self, channel: str) -> Address:
        return Address(self._platform, AddressKind.CHANNEL, channel)
