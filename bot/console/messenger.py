"""The console's way out: draws a message for the page, keeps it, and tells every open page of it."""

import asyncio
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from bot.worker import NoSuchPlaceError
from cards import adaptive, blockkit, html
from cards.messages import message_card
from cards.model import Card
from domain.messages import Message
from domain.people import Address, AddressKind, School
from handlers.ports import Clock
from storage.console import ConsoleLog, ConsoleMessage

News: TypeAlias = "asyncio.Queue[tuple[str, ConsoleMessage] | None]"
"""What an open page is to be told next; None when the bot is stopping."""


def place_of(address: Address) -> str:
    """A channel, or somebody's direct messages with the bot."""
    return f"channel:{address.id}" if address.kind is AddressKind.CHANNEL else f"dm:{address.id}"


def drawn(card: Card) -> dict[str, Any]:
    """A card as each platform would get it."""
    return {"html": html.card(card), "slack": blockkit.message(card), "teams": adaptive.card(card)}


@dataclass(slots=True)
class ConsoleMessenger:
    """Sends into the console's log."""

    log: ConsoleLog
    clock: Clock
    pages: set[News] = field(default_factory=set)

    async def send(self, school: School, address: Address, message: Message) -> str:
        """Adds a message to its place."""
        kept = await self.say(place_of(address), "", drawn(message_card(school, message)))
        return str(kept.id)

    async def update(self, school: School, _address: Address, message_id: str, message: Message) -> str:
        """Changes a message where it stands."""
        kept = await self.log.change(int(message_id), drawn(message_card(school, message)))
        if kept is None:
            raise NoSuchPlaceError("message_not_found")
        self._tell("update", kept)
        return message_id

    async def delete(self, _school: School, _address: Address, _message_id: str) -> None:
        """Nothing to do: only what is not there any more cannot be changed here."""

    async def say(self, place: str, person: str, body: dict[str, Any]) -> ConsoleMessage:
        """Adds what a person typed, or a card, to a place."""
        kept = await self.log.add(place, person, body, self.clock.now())
        self._tell("message", kept)
        return kept

    def _tell(self, event: str, message: ConsoleMessage) -> None:
        for page in self.pages:
            page.put_nowait((event, message))
