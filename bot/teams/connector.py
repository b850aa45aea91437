"""Microsoft's Bot Connector: the way to send and change messages, and to ask who is in a conversation.

The library's client waits for the network in the thread it is called in, so that it is given threads of its own, as many as
messages are to go out at once. Nothing is tried twice here: the outbox plans that.
"""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

import requests
from botbuilder.schema import (
    Activity,
    ChannelAccount,
    ConversationParameters,
    ConversationResourceResponse,
    ErrorResponseException,
    ResourceResponse,
)
from botframework.connector import ConnectorClient
from botframework.connector.auth import AppCredentials, ManagedIdentityAppCredentials, MicrosoftAppCredentials
from msrest.exceptions import ClientException
from urllib3.util.retry import Retry

from bot.settings import BotType, Settings
from bot.teams.auth import is_loopback

T = TypeVar("T")

AT_ONCE: Final = 48
_TIMEOUT_SECONDS: Final = 15
_PAGE: Final = 200


class RefusedError(Exception):
    """The connector said no. `code` is its own word for why."""

    def __init__(self, status: int, code: str, after: timedelta | None = None) -> None:
        super().__init__(f"{status} {code}")
        self.status = status
        self.code = code
        self.after = after


class OutOfReachError(Exception):
    """The connector, or the server that gives out tokens, did not answer."""


class _TestCredentials(AppCredentials):  # type: ignore[misc]
    """A token from a login server on this machine, for tests: Microsoft's own client speaks to https only."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings.microsoft_app_id, oauth_scope=settings.to_channel_from_bot_oauth_scope)
        self._url = f"{settings.to_channel_from_bot_login_url.rstrip('/')}/oauth2/v2.0/token"
        self._password = settings.microsoft_app_password
        self._lock = threading.Lock()
        self._token = ""

    def get_access_token(self, force_refresh: bool = False) -> str:  # noqa: FBT001, FBT002 - the library's shape
        with self._lock:
            if force_refresh or not self._token:
                form = {
                    "grant_type": "client_credentials",
                    "client_id": self.microsoft_app_id,
                    "client_secret": self._password,
                    "scope": f"{self.oauth_scope}/.default",
                }
                answer = requests.post(self._url, data=form, timeout=_TIMEOUT_SECONDS)
                if not answer.ok:
                    raise PermissionError("the login server gives no token")
                self._token = str(answer.json()["access_token"])
        return self._token


def credentials(settings: Settings) -> AppCredentials:
    """What the bot proves itself with towards the connector; nothing at all for a development client on this machine."""
    if not settings.has_teams:
        return MicrosoftAppCredentials.empty()
    login = urlsplit(settings.to_channel_from_bot_login_url)
    if login.scheme == "http" and is_loopback(login.hostname):
        return _TestCredentials(settings)
    scope = settings.to_channel_from_bot_oauth_scope
    if settings.microsoft_app_type is BotType.MANAGED_IDENTITY:
        return ManagedIdentityAppCredentials(settings.microsoft_app_id, scope)
    tenant = settings.microsoft_app_tenant_id if settings.microsoft_app_type is BotType.SINGLE_TENANT else None
    own = MicrosoftAppCredentials(settings.microsoft_app_id, settings.microsoft_app_password, tenant, scope)
    if settings.to_channel_from_bot_login_url:
        own.oauth_endpoint = settings.to_channel_from_bot_login_url
    return own


class Connector:
    """Calls the connector's REST interface. Every method may raise RefusedError or OutOfReachError."""

    def __init__(self, own: AppCredentials) -> None:
        self._credentials = own
        self._clients: dict[str, ConnectorClient] = {}
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="teams")

    def close(self) -> None:
        """Lets the threads go."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def send(self, service_url: str, conversation_id: str, message: Mapping[str, Any]) -> str:
        """Posts a message to a conversation; its id."""
        activity = _activity(message)
        sent = await self._call(service_url, lambda c: c.conversations.send_to_conversation(conversation_id, activity))
        return _id_of(sent)

    async def update(self, service_url: str, conversation_id: str, activity_id: str, message: Mapping[str, Any]) -> None:
        """Changes a message where it stands."""
        activity = _activity({**message, "id": activity_id})
        await self._call(service_url, lambda c: c.conversations.update_activity(conversation_id, activity_id, activity))

    async def open_chat(self, service_url: str, tenant: str, teams_id: str) -> str:
        """The one-to-one chat with a user, opened if there is none; its id."""
        wanted = ConversationParameters(
            is_group=False,
            members=[ChannelAccount(id=teams_id)],
            tenant_id=tenant,
            channel_data={"tenant": {"id": tenant}},
        )
        opened: ConversationResourceResponse = await self._call(
            service_url, lambda c: c.conversations.create_conversation(wanted)
        )
        return str(opened.id)

    async def post_in_channel(self, service_url: str, tenant: str, channel: str, message: Mapping[str, Any]) -> tuple[str, str]:
        """Begins a thread in a channel; the conversation that it is, and the message's id."""
        wanted = ConversationParameters(
            is_group=True,
            channel_data={"channel": {"id": channel}, "tenant": {"id": tenant}},
            activity=_activity(message),
            tenant_id=tenant,
        )
        begun: ConversationResourceResponse = await self._call(
            service_url, lambda c: c.conversations.create_conversation(wanted)
        )
        return str(begun.id), str(begun.activity_id)

    async def member(self, service_url: str, conversation_id: str, teams_id: str) -> dict[str, Any]:
        """A member of a conversation, as Teams describes them."""
        found: ChannelAccount = await self._call(
            service_url, lambda c: c.conversations.get_conversation_member(conversation_id, teams_id)
        )
        return _described(found)

    async def members(self, service_url: str, conversation_id: str) -> AsyncIterator[dict[str, Any]]:
        """Everybody in a conversation, page by page."""
        token: str | None = None
        while True:
            page = await self._call(service_url, partial(_page_of_members, conversation_id, token))
            for member in page.members or ():
                yield _described(member)
            token = page.continuation_token
            if not token:
                return

    async def _call(self, service_url: str, work: Callable[[ConnectorClient], T]) -> T:
        client = self._client(service_url)
        return await asyncio.get_running_loop().run_in_executor(self._threads, _told_apart, work, client)

    def _client(self, service_url: str) -> ConnectorClient:
        known = self._clients.get(service_url)
        if known is None:
            known = self._clients[service_url] = ConnectorClient(self._credentials, service_url)
            known.config.retry_policy = _no_second_try
            known.config.connection.timeout = _TIMEOUT_SECONDS
        return known


def _no_second_try() -> Retry:
    return Retry(total=0, status_forcelist=(), respect_retry_after_header=False)


def _told_apart(work: Callable[[ConnectorClient], T], client: ConnectorClient) -> T:
    """The result, or which of the two ways it failed. Texts of answers stay behind: they may quote what was sent."""
    try:
        return work(client)
    except ErrorResponseException as no:
        raise _refusal(no) from None
    except PermissionError:
        raise RefusedError(401, "NoToken") from None
    except (ClientException, requests.RequestException, OSError, ValueError, KeyError) as trouble:
        raise OutOfReachError(type(trouble).__name__) from None


def _page_of_members(conversation_id: str, token: str | None, client: ConnectorClient) -> Any:
    return client.conversations.get_conversation_paged_members(conversation_id, page_size=_PAGE, continuation_token=token)


def _refusal(no: ErrorResponseException) -> RefusedError:
    status = int(no.response.status_code)
    error = getattr(no.error, "error", None)
    code = str(getattr(error, "code", None) or f"http_{status}")
    wait = str(no.response.headers.get("Retry-After") or "")
    return RefusedError(status, code[:64], timedelta(seconds=int(wait)) if wait.isdecimal() else None)


def _activity(message: Mapping[str, Any]) -> Activity:
    return Activity.deserialize(dict(message))


def _id_of(sent: ResourceResponse | None) -> str:
    return str(sent.id) if sent is not None and sent.id else ""


def _described(member: ChannelAccount) -> dict[str, Any]:
    more: dict[str, Any] = dict(member.additional_properties or {})
    return {**more, "id": member.id, "name": member.name, "aadObjectId": member.aad_object_id}
