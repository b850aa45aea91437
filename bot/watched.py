"""Messengers as the worker is given them: what each call took is counted, and it is a step in log and traces."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from bot.metrics import Metrics
from bot.tracing import step
from bot.worker import Messenger, NoSuchPlaceError, TryLaterError
from domain.messages import Message
from domain.people import Address, Platform, School


@dataclass(frozen=True, slots=True)
class WatchedMessengers(Mapping[Platform, Messenger]):
    """The messengers of a bot, those included that come later."""

    messengers: Mapping[Platform, Messenger]
    metrics: Metrics

    def __getitem__(self, platform: Platform) -> Messenger:
        """The messenger of a platform, watched."""
        return _Watched(self.messengers[platform], self.metrics)

    def __iter__(self) -> Iterator[Platform]:
        """The platforms that are served now."""
        return iter(self.messengers)

    def __len__(self) -> int:
        """How many are served."""
        return len(self.messengers)


@dataclass(frozen=True, slots=True)
class _Watched:
    messenger: Messenger
    metrics: Metrics

    async def send(self, school: School, address: Address, message: Message, /) -> str:
        with self._step("delivery.send", school, address, message):
            return await self.messenger.send(school, address, message)

    async def update(self, school: School, address: Address, message_id: str, message: Message, /) -> str:
        with self._step("delivery.update", school, address, message):
            return await self.messenger.update(school, address, message_id, message)

    async def delete(self, school: School, address: Address, message_id: str, /) -> None:
        with self._step("delivery.delete", school, address):
            await self.messenger.delete(school, address, message_id)

    @contextmanager
    def _step(self, name: str, school: School, address: Address, message: Message | None = None) -> Iterator[None]:
        kind = type(message).__name__.removesuffix("Message").lower() if message is not None else ""
        ids = {one: getattr(message, f"{one}_id", None) for one in ("incident", "alert", "request")}
        began, outcome = time.perf_counter(), "failed"
        try:
            with step(name, school=school.id, platform=address.platform.value, kind=kind, **ids):
                yield
            outcome = "ok"
        except TryLaterError:
            outcome = "later"
            raise
        except NoSuchPlaceError:
            outcome = "never"
            raise
        finally:
            self.metrics.sent(address.platform, outcome, time.perf_counter() - began)
