"""Who may speak as Teams: the Bot Framework's own check of the token, and the gaps it leaves, closed.

It takes another tenant's activity, one whose service is nowhere or anywhere, and other channels of the same bot (Web Chat is
switched on in Azure by default, and there anybody can say who they are). All of these are turned away here, before anything
is done.
"""

import logging
from collections.abc import Set as AbstractSet
from typing import Final
from urllib.parse import urlsplit

from aiohttp import ClientSession, web
from botbuilder.schema import Activity
from botframework.connector.auth import (
    BotFrameworkAuthentication,
    BotFrameworkAuthenticationFactory,
    PasswordServiceClientCredentialFactory,
)

from bot.settings import Settings, is_loopback
from bot.teams.incoming import Incoming
from bot.teams.keys import KeyRing, KeysUnreachableError

log = logging.getLogger("esafety.teams")

_TEAMS: Final = "msteams"
TEAMS_HOSTS: Final = frozenset(
    {
        "smba.trafficmanager.net",
        "smba.onyx.prod.teams.trafficmanager.net",
        "smba.infra.gcc.teams.microsoft.com",
        "smba.infra.gov.teams.microsoft.us",
        "smba.infra.dod.teams.microsoft.us",
        "frontend.botapi.msg.infra.teams.microsoftonline.cn",
    }
)
"""Where Microsoft's own kits for bots let one be sent. Whole names: under trafficmanager.net anybody can have one."""
_THROUGH_A_PROXY: Final = ("Forwarded", "X-Forwarded-For", "X-Real-IP", "Via", "Origin")


class NotAllowedError(Exception):
    """Whoever called is not Teams speaking for a tenant that is served. `why` is for the log: no part of the token."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class Doorkeeper:
    """Lets activities in that carry Microsoft's signature for this bot and come from a tenant on the list."""

    def __init__(self, settings: Settings, tenants: AbstractSet[str], session: ClientSession) -> None:
        self._tenants = tenants
        self._issuer = settings.to_bot_from_channel_token_issuer
        self._hosts = TEAMS_HOSTS | frozenset(settings.teams_hosts.lower().split())
        # A test server in Microsoft's place, on this machine.
        self._is_trial = is_loopback(host_of(settings.to_bot_from_channel_openid_metadata_url))
        for url in (settings.to_bot_from_channel_openid_metadata_url, settings.to_bot_from_emulator_openid_metadata_url):
            KeyRing(session, url).use()
        self._framework: BotFrameworkAuthentication = BotFrameworkAuthenticationFactory.create(
            validate_authority=True,
            to_channel_from_bot_login_url=settings.to_channel_from_bot_login_url,
            to_channel_from_bot_oauth_scope=settings.to_channel_from_bot_oauth_scope,
            to_bot_from_channel_token_issuer=self._issuer,
            oauth_url=settings.oauth_url,
            to_bot_from_channel_open_id_metadata_url=settings.to_bot_from_channel_openid_metadata_url,
            to_bot_from_emulator_open_id_metadata_url=settings.to_bot_from_emulator_openid_metadata_url,
            credential_factory=PasswordServiceClientCredentialFactory(settings.microsoft_app_id, "unused", "unused"),
        )

    async def admit(self, request: web.Request, incoming: Incoming) -> None:
        """Returns if the activity may be acted on.

        Raises:
            NotAllowedError: it may not.
            KeysUnreachableError: it cannot be told.
        """
        header = request.headers.get("Authorization", "")
        if not header.startswith("Bearer ") or len(header.split(" ")) != 2:
            raise NotAllowedError("no token")
        if not incoming.service_url:
            raise NotAllowedError("no address of the service")
        activity = Activity(channel_id=incoming.channel_id, service_url=incoming.service_url)
        try:
            known = await self._framework.authenticate_request(activity, header)
        except KeysUnreachableError:
            raise
        except Exception as no:  # noqa: BLE001 - whatever the libraries below stumble over, it is no good token
            raise NotAllowedError(f"a token that is not good ({type(no).__name__})") from None
        if known.claims_identity.claims.get("iss") != self._issuer:
            raise NotAllowedError("a token of the emulator or of another bot")
        if incoming.channel_id != _TEAMS:
            raise NotAllowedError("a channel that is not Teams")
        if incoming.tenant not in self._tenants:
            raise NotAllowedError("a tenant that is not served")
        if not self._is_known(incoming.service_url):
            # The token vouches for it. If Microsoft has opened another, whoever looks after the bot must get to know which.
            raise NotAllowedError(f"a service that is not known: {host_of(incoming.service_url)} (ESAFETY_TEAMS_HOSTS)")

    def _is_known(self, service_url: str) -> bool:
        """Whether what is meant for Teams may be sent there: the bot's own token goes with it."""
        try:
            parts = urlsplit(service_url)
            host, port = parts.hostname or "", parts.port
        except ValueError:
            return False
        if self._is_trial and is_loopback(host):
            return True
        plain = not (parts.username or parts.password or parts.query or parts.fragment)
        return parts.scheme == "https" and port in (None, 443) and host in self._hosts and plain


class LoopbackDoorkeeper:
    """Lets a development client on this machine in without a token: nobody else, and nobody by way of a proxy or a browser."""

    async def admit(self, request: web.Request, incoming: Incoming) -> None:
        """As for the real one."""
        near = is_loopback(request.remote) and is_loopback(host_of(f"//{request.headers.get('Host', '')}"))
        if not near or any(name in request.headers for name in _THROUGH_A_PROXY):
            raise NotAllowedError("without MICROSOFT_APP_ID only this machine may speak as Teams")
        if not is_loopback(host_of(incoming.service_url)):
            raise NotAllowedError("no address of a service on this machine")


def host_of(url: str) -> str | None:
    """The host of an address; None for what is none."""
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None
