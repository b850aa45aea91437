"""Microsoft's Bot Connector: the way to send and change messages, and to ask who is in a conversation.

Its REST interface is called directly: the library's client waits in a thread for each call and spends ten times the processor's
time on it. What is the library's here are the credentials, whose answer from Microsoft is awaited in a thread. Nothing is tried
twice, for the outbox plans that.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from datetime import timedelta
from http import HTTPStatus
from time import monotonic
from typing import Any, Final
from urllib.error import HTTPError
from urllib.parse import quote, urlencode, urlsplit
from urllib.request import urlopen

from aiohttp import ClientError, ClientSession, ClientTimeout
from botframework.connector.auth import AppCredentials, MicrosoftAppCredentials
from botframework.connector.auth.managedidentity_app_credentials import ManagedIdentityAppCredentials
from msal import TokenCache
from yarl import URL

from bot.reach import asked_wait, may_have_arrived
from bot.settings import BotType, Settings, is_loopback

_TIMEOUT: Final = ClientTimeout(total=15)
_PAGE: Final = 200
_UNAUTHORIZED: Final = 401
_NO_TOKEN: Final = "NoToken"  # noqa: S105 - a word for why there is none
_TOKEN_KEPT_SECONDS: Final = 240.0
"""Less than the five minutes for which a token that the library gives out of its memory is good at least."""


class RefusedError(Exception):
    """The connector said no. `code` is its own word for why."""

    def __init__(self, status: int, code: str, after: timedelta | None = None) -> None:
        super().__init__(f"{status} {code}")
        self.status = status
        self.code = code
        self.after = after


class OutOfReachError(Exception):
    """The connector, or the server that gives out tokens, did not answer. `uncertain`: it may have done what it was asked."""

    def __init__(self, code: str, *, uncertain: bool = False) -> None:
        super().__init__(code)
        self.uncertain = uncertain


class _TestCredentials(AppCredentials):  # type: ignore[misc]
    """A token from a login server on this machine, for tests: Microsoft's own client speaks to https only."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings.microsoft_app_id, oauth_scope=settings.to_channel_from_bot_oauth_scope)
        self._url = f"{settings.to_channel_from_bot_login_url.rstrip('/')}/oauth2/v2.0/token"
        self._password = settings.microsoft_app_password

    def get_access_token(self, force_refresh: bool = False) -> str:  # noqa: ARG002, FBT001, FBT002 - the library's shape
        form = {
            "grant_type": "client_credentials",
            "client_id": self.microsoft_app_id,
            "client_secret": self._password,
            "scope": f"{self.oauth_scope}/.default",
        }
        try:
            with urlopen(self._url, urlencode(form).encode(), timeout=10) as answer:  # noqa: S310 - loopback only, see below
                return str(json.load(answer)["access_token"])
        except HTTPError:
            raise PermissionError("the login server gives no token") from None


def credentials(settings: Settings) -> AppCredentials | None:
    """What the bot proves itself with towards the connector; nothing at all for a development client on this machine."""
    if not settings.has_teams:
        return None
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


def _forget_tokens(own: AppCredentials) -> None:
    """The library keeps tokens until they run out, refused or not."""
    if isinstance(own, ManagedIdentityAppCredentials):
        ManagedIdentityAppCredentials.global_token_cache = TokenCache()
    own.app = None


class Connector:
    """Calls the connector's REST interface. Every method may raise RefusedError or OutOfReachError."""

    def __init__(self, session: ClientSession, own: AppCredentials | None) -> None:
        self._session = session
        self._credentials = own
        self._token = ""
        self._token_at = 0.0
        self._asking = asyncio.Lock()

    async def send(self, service_url: str, conversation_id: str, message: Mapping[str, Any]) -> str:
        """Posts a message to a conversation; its id."""
        sent = await self._call("POST", service_url, f"conversations/{_part(conversation_id)}/activities", message)
        return str(sent.get("id") or "")

    async def whisper(
        self, service_url: str, conversation_id: str, teams_id: str, message: Mapping[str, Any], answers: str = ""
    ) -> None:
        """Posts a message to a conversation of many that one of them alone sees; `answers` is the message it answers."""
        path = f"conversations/{_part(conversation_id)}/activities?isTargetedActivity=true"
        body: dict[str, Any] = {**message, "recipient": {"id": teams_id}}
        if answers:
            body["entities"] = [{"type": "targetedMessageInfo", "messageId": answers}]
        await self._call("POST", service_url, path, body)

    async def update(self, service_url: str, conversation_id: str, activity_id: str, message: Mapping[str, Any]) -> None:
        """Changes a message where it stands."""
        path = f"conversations/{_part(conversation_id)}/activities/{_part(activity_id)}"
        await self._call("PUT", service_url, path, {**message, "id": activity_id})

    async def delete(self, service_url: str, conversation_id: str, activity_id: str) -> None:
        """Takes a message away."""
        path = f"conversations/{_part(conversation_id)}/activities/{_part(activity_id)}"
        await self._call("DELETE", service_url, path)

    async def open_chat(self, service_url: str, tenant: str, teams_id: str) -> str:
        """The one-to-one chat with a user, opened if there is none; its id."""
        data = {"tenant": {"id": tenant}}
        body = {"isGroup": False, "members": [{"id": teams_id}], "tenantId": tenant, "channelData": data}
        return str((await self._call("POST", service_url, "conversations", body))["id"])

    async def post_in_channel(self, service_url: str, tenant: str, channel: str, message: Mapping[str, Any]) -> tuple[str, str]:
        """Begins a thread in a channel; the conversation that it is, and the message's id."""
        data = {**message.get("channelData", {}), "channel": {"id": channel}, "tenant": {"id": tenant}}
        body = {"isGroup": True, "channelData": data, "tenantId": tenant, "activity": message}
        begun = await self._call("POST", service_url, "conversations", body)
        return str(begun["id"]), str(begun["activityId"])

    async def member(self, service_url: str, conversation_id: str, teams_id: str) -> dict[str, Any]:
        """A member of a conversation, as Teams describes them."""
        return await self._call("GET", service_url, f"conversations/{_part(conversation_id)}/members/{_part(teams_id)}")

    async def members(self, service_url: str, conversation_id: str) -> AsyncIterator[dict[str, Any]]:
        """Everybody in a conversation, page by page."""
        path = f"conversations/{_part(conversation_id)}/pagedmembers?pageSize={_PAGE}"
        token = ""
        while True:
            page = await self._call("GET", service_url, f"{path}&continuationToken={quote(token, safe='')}" if token else path)
            for member in page.get("members") or ():
                yield member
            token = str(page.get("continuationToken") or "")
            if not token:
                return

    async def token(self, *, refused: str = "") -> str:
        """The bot's own token; empty where it has no credentials. A new one if it is still the one that was `refused`."""
        if self._credentials is None:
            return ""
        async with self._asking:
            if refused and refused == self._token:
                _forget_tokens(self._credentials)
                self._token = ""
            if not self._token or monotonic() - self._token_at > _TOKEN_KEPT_SECONDS:
                try:
                    self._token = await asyncio.to_thread(self._credentials.get_access_token)
                except (PermissionError, KeyError):
                    raise RefusedError(_UNAUTHORIZED, _NO_TOKEN) from None
                except Exception as trouble:  # noqa: BLE001 - see below
                    # Each of the libraries below has errors of its own, and all of them mean that nobody answered.
                    raise OutOfReachError(type(trouble).__name__) from None
                self._token_at = monotonic()
        return self._token

    async def _call(self, method: str, service_url: str, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """The answer. Once a token is refused, a new one is fetched and tried, which is all that is tried twice."""
        try:
            return await self._try(method, service_url, path, body)
        except RefusedError as no:
            if no.status != _UNAUTHORIZED or self._credentials is None or no.code == _NO_TOKEN:
                raise
            await self.token(refused=self._token)
            return await self._try(method, service_url, path, body)

    async def _try(self, method: str, service_url: str, path: str, body: Mapping[str, Any] | None) -> dict[str, Any]:
        """The answer. Texts of refusals stay behind: they may quote what was sent."""
        token = await self.token()
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        url = f"{service_url.rstrip('/')}/v3/{path}"
        try:
            # Nobody sends the bot's token, or a message, anywhere else by an answer of theirs.
            request = self._session.request(
                method, URL(url, encoded=True), json=body, headers=headers, timeout=_TIMEOUT, allow_redirects=False
            )
            async with request as answer:
                said = await answer.read()
        except (ClientError, TimeoutError, OSError) as trouble:
            raise OutOfReachError(type(trouble).__name__, uncertain=may_have_arrived(trouble)) from None
        found = _read(said)
        if answer.status < HTTPStatus.MULTIPLE_CHOICES:
            return found
        error = found.get("error")
        code = str(error.get("code") or "") if isinstance(error, dict) else ""
        wait = asked_wait(answer.headers.get("Retry-After"))
        raise RefusedError(answer.status, code[:64] or f"http_{answer.status}", wait)


def _part(text: str) -> str:
    """An id as a part of a path: those of Teams hold colons, semicolons and signs that a path reads otherwise."""
    return quote(text, safe="")


def _read(said: bytes) -> dict[str, Any]:
    try:
        found = json.loads(said) if said else {}
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
