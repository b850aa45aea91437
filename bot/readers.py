"""Who reads the channels of a chat, as an edge has last looked it up."""

from collections.abc import Iterable
from datetime import timedelta

from domain.people import Address, AddressKind, Platform, School
from handlers.ports import Clock
from storage.store import Store

_KNOWN_FOR = timedelta(days=1)


class Readers:
    """Keeps what look-ups have found, those of other processes included.

    Where two overlap, what the older one brings after the newer counts for nothing; so does what one brings that was under way
    when somebody joined or left.
    """

    def __init__(self, store: Store, clock: Clock, platform: Platform) -> None:
        self._store = store
        self._clock = clock
        self._platform = platform

    async def look(self, school: School, channel: str) -> int:
        """A look at a channel begins; its number is given back with what it finds."""
        async with self._store.transaction(school) as records:
            return await records.begin_look(self._address(channel))

    async def found(self, school: School, channel: str, look: int, emails: Iterable[str]) -> None:
        """What a look has found: the readers' e-mail addresses, '' for one that has none.

        If others were known before, or nobody, what stands there is looked at again: nobody may have heard them come.
        """
        address, now, readers = self._address(channel), self._clock.now(), frozenset(emails)
        async with self._store.transaction(school) as records:
            before = await records.readership(address)
            if before is None or not before.awaits(look):
                return
            await records.save_readers(address, readers, now, look)
            if before.emails != readers or before.at < now - _KNOWN_FOR:
                await records.look_again_at(address, now)

    async def forget(self, school: School, channel: str) -> None:
        """Somebody joined or left: from now on nobody knows who reads it, and what stands there is looked at again."""
        address = self._address(channel)
        async with self._store.transaction(school) as records:
            await records.forget_readers(address)
            await records.look_again_at(address, self._clock.now())

    def _address(self, channel: str) -> Address:
        return Address(self._platform, AddressKind.CHANNEL, channel)
