"""Slack's way out: posts and changes messages, and says of each refusal whether it is worth trying again."""

import logging
from datetime import timedelta
from typing import Any

import aiohttp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from bot.reach import asked_wait, may_have_arrived
from bot.slack.accounts import Accounts, NotListedError
from bot.slack.workspaces import DEAD_TOKEN, NO_WORKSPACE, NotInstalledError, Workspaces, error_code
from bot.worker import NoSuchPlaceError, TryLaterError
from cards import blockkit
from cards.messages import message_card
from domain.messages import Message
from domain.people import Address, AddressKind, School

log = logging.getLogger("esafety.slack")

_NEVER = frozenset(
    {
        "channel_not_found",
        "is_archived",
        "user_not_found",
        "user_disabled",
        "cannot_dm_bot",
        "messages_tab_disabled",
        "message_not_found",
        "cant_update_message",
        "cant_delete_message",
        "compliance_exports_prevent_deletion",
        "edit_window_closed",
        "restricted_action",
    }
)
_NEEDS_A_PERSON = DEAD_TOKEN | {"missing_scope", "not_in_channel"}
_PERHAPS_DONE = frozenset({"internal_error", "fatal_error", "request_timeout", "service_unavailable"})
"""Slack broke while it was at it, and does not say how far it came."""
_UNTIL_MENDED = timedelta(minutes=5)


class SlackMessenger:
    """Sends through Slack's Web API."""

    def __init__(self, workspaces: Workspaces, accounts: Accounts) -> None:
        self._workspaces = workspaces
        self._accounts = accounts

    async def send(self, school: School, address: Address, message: Message) -> str:
        """Posts a message; its id is `channel/timestamp`."""
        channel = await self._channel(school, address)
        posted = await self._call("chat.postMessage", school, message, channel=channel)
        return f"{posted['channel']}/{posted['ts']}"

    async def update(self, school: School, _address: Address, message_id: str, message: Message) -> str:
        """Changes a message where it stands."""
        channel, _, ts = message_id.partition("/")
        await self._call("chat.update", school, message, channel=channel, ts=ts)
        return message_id

    async def delete(self, school: School, _address: Address, message_id: str) -> None:
        """Takes a message away."""
        channel, _, ts = message_id.partition("/")
        try:
            client = await self._workspaces.client(school)
            await client.chat_delete(channel=channel, ts=ts)
        except NotInstalledError as no:
            raise _unspeakable(school, no) from None
        except SlackApiError as no:
            if error_code(no) != "message_not_found":
                raise _refusal(no, posting=False) from None
        except (aiohttp.ClientError, TimeoutError, OSError) as trouble:
            raise _out_of_reach(trouble, posting=False) from None

    async def _channel(self, school: School, address: Address) -> str:
        if address.kind is not AddressKind.PERSON:
            return address.id
        try:
            user = await self._accounts.user_of(school, address.id)
        except NotListedError:
            raise NoSuchPlaceError("person_not_listed") from None
        except SlackApiError as no:
            raise _refusal(no, posting=False) from None
        except NotInstalledError as no:
            raise _unspeakable(school, no) from None
        except (aiohttp.ClientError, TimeoutError, OSError) as trouble:
            raise _out_of_reach(trouble, posting=False) from None
        if user is None:
            raise NoSuchPlaceError("users_not_found")
        return user

    async def _call(self, method: str, school: School, message: Message, **where: str) -> Any:
        drawn = blockkit.message(message_card(school, message))
        body = {**where, **drawn, "unfurl_links": False, "unfurl_media": False}
        if method == "chat.update":
            body = {**where, **drawn}
        try:
            client = await self._workspaces.client(school)
        except NotInstalledError as no:
            raise _unspeakable(school, no) from None
        try:
            return await client.api_call(method, json=body)
        except SlackApiError as no:
            if error_code(no) != "invalid_blocks":
                raise _refusal(no) from None
            # A card that Slack does not take is our fault; the alert itself must still arrive.
            # Without the trace: Slack's answer may quote what was sent.
            log.error("Slack refused the blocks of a %s; sent as text", type(message).__name__)  # noqa: TRY400
        except (aiohttp.ClientError, TimeoutError, OSError) as trouble:
            raise _out_of_reach(trouble) from None
        try:
            return await client.api_call(method, json={**where, "text": drawn["text"], "blocks": []})
        except SlackApiError as no:
            raise _refusal(no) from None
        except (aiohttp.ClientError, TimeoutError, OSError) as trouble:
            raise _out_of_reach(trouble) from None


def _out_of_reach(trouble: BaseException, *, posting: bool = True) -> TryLaterError:
    """No answer came. Where there was no connection either, that has nothing to do with the message."""
    arrived = may_have_arrived(trouble)
    return TryLaterError(type(trouble).__name__, uncertain=posting and arrived, of_place=not arrived)


def _unspeakable(school: School, no: NotInstalledError) -> TryLaterError | NoSuchPlaceError:
    if no.code == NO_WORKSPACE:
        return NoSuchPlaceError(no.code)
    log.error("the bot is not installed in the workspace of %s: its messages wait. Run `esafety doctor`", school.id)
    return TryLaterError(no.code, _UNTIL_MENDED)


def _refusal(no: SlackApiError, *, posting: bool = True) -> TryLaterError | NoSuchPlaceError:
    """What Slack's no means. `posting`: it was about the message itself, not about finding the way to somebody."""
    code = error_code(no)
    if code in ("ratelimited", "http_429"):
        return TryLaterError("ratelimited", asked_wait(no.response.headers.get("Retry-After")), of_place=True)
    if code in _NEVER:
        return NoSuchPlaceError(code)
    if code in _NEEDS_A_PERSON:
        log.error("Slack says %s: run `esafety doctor`", code)
        return TryLaterError(code, _UNTIL_MENDED)
    return TryLaterError(code, uncertain=posting and (code in _PERHAPS_DONE or _broke(no)))


def _broke(no: SlackApiError) -> bool:
    """Whether it was not an answer of Slack's, or one that it did not mean to give."""
    return not isinstance(no.response, AsyncSlackResponse) or no.response.status_code >= 500
