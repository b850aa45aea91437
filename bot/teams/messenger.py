"""Teams' way out: posts and changes messages, and says of each refusal whether it is worth trying again."""

import logging
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, Final, TypeVar

from bot.teams import drawn
from bot.teams.connector import Connector, OutOfReachError, RefusedError
from bot.teams.people import People
from bot.worker import NoSuchPlaceError, TryLaterError
from cards.messages import message_card
from domain.messages import AlertMessage, Message, ReminderMessage
from domain.people import Address, AddressKind, School
from storage.store import Store
from storage.teams import TeamsDirectory, TeamsUser

log = logging.getLogger("esafety.teams")

T = TypeVar("T")

_UNTIL_MENDED: Final = timedelta(minutes=5)
_CARD_REFUSED: Final = (400, 413)
_NOT_THERE: Final = (404, 410)
"""What was asked for is gone. Of a conversation that the bot has been put out of, Teams says 403."""


class TeamsMessenger:
    """Sends through Microsoft's connector.

    A message's id here is `place/activity`: the place is a thread of a channel, or a user, whose chat may since have moved.
    """

    def __init__(self, connector: Connector, people: People, directory: TeamsDirectory, store: Store) -> None:
        self._connector = connector
        self._people = people
        self._directory = directory
        self._store = store

    async def send(self, school: School, address: Address, message: Message) -> str:
        """Posts a message."""
        tenant = self._people.tenants.of(school)
        if address.kind is AddressKind.CHANNEL:
            service_url = await self._service_url(tenant)
            channel = address.id
            conversation, activity = await self._sent(
                school, message, lambda body: self._connector.post_in_channel(service_url, tenant, channel, body)
            )
            return f"{conversation}/{activity}"
        user = await self._user(school, tenant, address)
        try:
            chat = await self._people.chat_with(user)
        except RefusedError as no:
            raise _reason(no, posting=False) from None
        except OutOfReachError as trouble:
            raise _out_of_reach(trouble, posting=False) from None
        try:
            activity = await self._sent(school, message, lambda body: self._connector.send(user.service_url, chat, body))
        except NoSuchPlaceError:
            # They have removed the bot: whoever adds it again is found in their new chat.
            await self._people.close_chat(tenant, chat)
            raise
        return f"{user.user_id}/{activity}"

    async def update(self, school: School, _address: Address, message_id: str, message: Message) -> str:
        """Changes a message where it stands."""
        service_url, conversation, activity = await self._standing(school, message_id)
        await self._sent(school, message, lambda body: self._connector.update(service_url, conversation, activity, body))
        return message_id

    async def delete(self, school: School, _address: Address, message_id: str) -> None:
        """Takes a message away."""
        try:
            await self._connector.delete(*await self._standing(school, message_id))
        except RefusedError as no:
            if no.status not in _NOT_THERE:
                raise _reason(no, posting=False) from None
        except OutOfReachError as trouble:
            raise _out_of_reach(trouble, posting=False) from None

    async def _standing(self, school: School, message_id: str) -> tuple[str, str, str]:
        """Where a message stands: the server that is called for it, the conversation, and its own id there."""
        tenant = self._people.tenants.of(school)
        place, _, activity = message_id.rpartition("/")
        user = await self._directory.user(tenant, place)
        if user is None:
            return await self._service_url(tenant), place, activity
        if user.conversation_id:
            return user.service_url, user.conversation_id, activity
        raise NoSuchPlaceError("chat_closed")

    async def _service_url(self, tenant: str) -> str:
        found = await self._directory.service_url(tenant)
        if found is None:
            raise TryLaterError("not_installed", _UNTIL_MENDED)
        return found

    async def _user(self, school: School, tenant: str, address: Address) -> TeamsUser:
        if address.kind is AddressKind.USER:
            user = await self._directory.user(tenant, address.id)
        else:
            async with self._store.transaction(school, write=False) as records:
                person = (await records.people([address.id])).get(address.id)
            if person is None:
                raise NoSuchPlaceError("person_not_listed")
            user = await self._people.user_of(school, person)
        if user is None:
            raise NoSuchPlaceError("not_in_teams")
        return user

    async def _sent(self, school: School, message: Message, send: Callable[[dict[str, Any]], Awaitable[T]]) -> T:
        card = message_card(school, message)
        body = drawn.message(card, school)
        if isinstance(message, AlertMessage | ReminderMessage):
            body["channelData"] = {"notification": {"alert": True}}
        try:
            return await send(body)
        except RefusedError as no:
            if no.status not in _CARD_REFUSED:
                raise _reason(no) from None
            # A card that Teams does not take is our fault; the alert itself must still arrive.
            log.error("Teams refused the card of a %s; sent as text", type(message).__name__)  # noqa: TRY400
        except OutOfReachError as trouble:
            raise _out_of_reach(trouble) from None
        try:
            return await send(drawn.as_text(card))
        except RefusedError as no:
            raise _reason(no) from None
        except OutOfReachError as trouble:
            raise _out_of_reach(trouble) from None


def _out_of_reach(trouble: OutOfReachError, *, posting: bool = True) -> TryLaterError:
    """No answer came. Where nothing can have been taken either, that has nothing to do with the message."""
    return TryLaterError(str(trouble), uncertain=posting and trouble.uncertain, of_place=not trouble.uncertain)


def _reason(no: RefusedError, *, posting: bool = True) -> TryLaterError | NoSuchPlaceError:
    """What Teams' no means. `posting`: it was about the message itself, not about opening a chat for it."""
    if no.status == 401:
        log.error("Teams says %s: run `esafety doctor`", no.code)
        return TryLaterError(no.code, _UNTIL_MENDED)
    if no.status in (403, 404, 400, 405, 410):
        return NoSuchPlaceError(no.code)
    # What broke while it was at it may have been done.
    busy = no.status == 429
    return TryLaterError(no.code, no.after, uncertain=posting and no.status >= 500, of_place=busy)
