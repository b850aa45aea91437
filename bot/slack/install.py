"""Installs the bot in a school's workspace, and forgets it when it is taken out there: Slack's OAuth v2.

Somebody opens the install page, allows the bot in Slack, and is sent back with a code, for which Slack gives the bot a token.
Nobody else can finish what they began: the state that goes there and back stands in a cookie of that browser, and works once.
"""

import logging
import secrets
from base64 import b64encode
from collections.abc import Callable, Coroutine, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import urlencode, urljoin

from aiohttp import ClientError, ClientSession, web
from slack_bolt.async_app import AsyncApp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.limits import Allowance
from bot.settings import Settings
from bot.slack.client import web_client
from bot.slack.install_pages import INSTALL_PATH, REDIRECT_PATH, failed, installed, no_school, page
from bot.slack.scopes import SCOPES
from bot.slack.workspaces import DEAD_TOKEN, NOT_INSTALLED, error_code, team_of
from domain.people import School
from handlers.ports import Clock
from storage.slack_installs import InstallStates, SlackInstall, SlackInstalls

log = logging.getLogger("esafety.slack")

# At DEBUG the library writes down what Slack answers, and here that is a token.
_closemouthed = logging.getLogger("esafety.slack.oauth")
_closemouthed.setLevel(logging.WARNING)

_COOKIE: Final = "esafety-slack-install"
_COOKIE_PATH: Final = "/slack"
_LIVES: Final = timedelta(minutes=10)
_BEGUN_A_MINUTE: Final = 60
_UNREACHABLE: Final = (ClientError, TimeoutError, OSError)
_REASONS: Final[Mapping[str, str]] = {
    "invalid_code": "invalid_code",
    "code_already_used": "invalid_code",
    "code_expired": "invalid_code",
    "bad_redirect_uri": "bad_redirect_uri",
    "invalid_client_id": "settings",
    "bad_client_secret": "settings",
    "invalid_team_for_non_distributed_app": "not_distributed",
}
"""What Slack says when it gives no token, and which page that is."""

Payload = Mapping[str, Any]


class Installer:
    """The two pages, and the events that say that the bot was taken out. `told` is called after each installation."""

    def __init__(
        self,
        settings: Settings,
        session: ClientSession,
        schools: Mapping[str, School],
        installs: SlackInstalls,
        states: InstallStates,
        clock: Clock,
        told: Callable[[], None],
    ) -> None:
        self._settings = settings
        self._session = session
        self._schools = schools
        self._installs = installs
        self._states = states
        self._clock = clock
        self._told = told
        self._begun = Allowance(_BEGUN_A_MINUTE, _BEGUN_A_MINUTE, lambda: clock.now().timestamp())
        self._slack = AsyncWebClient(
            base_url=settings.slack_api_url.rstrip("/") + "/",
            session=session,
            timeout=10,
            retry_handlers=[],  # a code works once
            logger=_closemouthed,
        )

    def routes(self) -> list[web.RouteDef]:
        """The pages."""
        return [
            web.get(INSTALL_PATH, self._begin, allow_head=False),
            web.get(REDIRECT_PATH, self._come_back, allow_head=False),
        ]

    def listen(self, app: AsyncApp) -> None:
        """Registers the listeners of a Bolt app."""
        app.event("app_uninstalled")(ack=self._uninstalled, lazy=[])
        app.event("tokens_revoked")(ack=self._revoked, lazy=[])

    # The way in

    async def _begin(self, request: web.Request) -> web.Response:
        # Nobody needs to prove anything to open this page, and it writes a row.
        if not self._begun.take(request.remote or ""):
            raise web.HTTPTooManyRequests
        state, now = secrets.token_urlsafe(32), self._clock.now()
        await self._states.begin(state, now, now + _LIVES)
        asked = {"client_id": self._settings.slack_client_id, "scope": ",".join(sorted(SCOPES)), "state": state}
        team = request.query.get("team", "")
        if team in self._schools:
            asked["team"] = team
        answer = page(
            "Install the e-safety bot",
            "For whoever may add apps to a school's Slack workspace. Slack shows what the bot may do there and asks you to"
            " allow it. The school's file must name the workspace already.",
            link=(f"{urljoin(self._settings.slack_api_url, '/oauth/v2/authorize')}?{urlencode(asked)}", "Add to Slack"),
        )
        answer.set_cookie(
            _COOKIE,
            state,
            max_age=int(_LIVES.total_seconds()),
            path=_COOKIE_PATH,
            secure=True,
            httponly=True,
            samesite="Lax",
        )
        return answer

    async def _come_back(self, request: web.Request) -> web.Response:
        answer = await self._finish(request.query, request.cookies.get(_COOKIE, ""))
        answer.del_cookie(_COOKIE, path=_COOKIE_PATH, secure=True, httponly=True, samesite="Lax")
        return answer

    async def _finish(self, query: Mapping[str, str], cookie: str) -> web.Response:
        state = query.get("state", "")
        if not state or not secrets.compare_digest(state.encode(), cookie.encode()):
            return failed("access_denied" if "error" in query else "other_browser")
        under_way = await self._states.finish(state, self._clock.now())
        if "error" in query:
            error = query["error"] if query["error"].isidentifier() else "no code of Slack's"
            log.warning("Slack ended an installation: %s", error[:64])
            return failed("access_denied" if error == "access_denied" else _REASONS.get(error, "refused"))
        if not under_way:
            return failed("stale")
        if not query.get("code"):
            return failed("no_code")
        try:
            granted = await self._slack.api_call(
                "oauth.v2.access", headers={"Authorization": self._credentials()}, data={"code": query["code"]}
            )
        except SlackApiError as no:
            # Without the trace, and without the rest of the answer.
            log.warning("Slack gave no token for an installation: %s", error_code(no))
            return failed(_REASONS.get(error_code(no), "refused"))
        except _UNREACHABLE as trouble:
            log.warning("Slack was out of reach during an installation: %s", type(trouble).__name__)
            return failed("unreachable", 502)
        return await self._take(granted.data if isinstance(granted.data, dict) else {})

    def _credentials(self) -> str:
        # As Slack wants them. Its library would do it in a way that aiohttp is about to drop.
        both = f"{self._settings.slack_client_id}:{self._settings.slack_client_secret}"
        return f"Basic {b64encode(both.encode()).decode()}"

    async def _take(self, granted: Payload) -> web.Response:
        """Keeps the token if it is one workspace's, and a school names that workspace; else it is given back."""
        token = str(granted.get("access_token") or "")
        team: Payload = granted.get("team") or {}
        team_id, team_name = str(team.get("id") or ""), str(team.get("name") or "")
        refused = _fault(granted, team_id)
        school = self._schools.get(team_id)
        if refused or school is None:
            log.warning("an installation in %s was refused: %s", team_id or "no workspace", refused or "no school names it")
            await self._give_back(token)
            return failed(refused, 403) if refused else no_school(team_id, team_name)
        install = SlackInstall(
            team=team_id,
            team_name=team_name,
            token=token,
            bot_user=str(granted.get("bot_user_id") or ""),
            installed_by=str((granted.get("authed_user") or {}).get("id") or ""),
            installed_at=self._clock.now(),
        )
        await self._installs.save(install, school.id, {NOT_INSTALLED, *DEAD_TOKEN})
        log.info("the bot was installed in the workspace %s of %s", team_id, school.id)
        self._told()
        return installed(school.name, team_name or team_id)

    async def _give_back(self, token: str) -> None:
        if not token:
            return
        client = web_client(self._settings, self._session, retries=1, token=token)
        try:
            await client.auth_revoke()
        except (SlackApiError, *_UNREACHABLE) as trouble:
            log.warning("a token that is not kept could not be revoked: %s", type(trouble).__name__)

    # The way out

    async def _uninstalled(self, ack: Callable[..., Coroutine[Any, Any, Any]], body: Payload) -> None:
        await self._forget(body)
        await ack()

    async def _revoked(self, ack: Callable[..., Coroutine[Any, Any, Any]], body: Payload) -> None:
        if (body["event"].get("tokens") or {}).get("bot"):
            await self._forget(body)
        await ack()

    async def _forget(self, body: Payload) -> None:
        """Before the acknowledgement, so that Slack says it again if the database does not answer.

        Slack tells the time in whole seconds. What was installed after that is not what was taken away.
        """
        team = team_of(body)
        told_at = body.get("event_time")
        until = datetime.fromtimestamp(told_at + 1, UTC) if isinstance(told_at, int) else self._clock.now()
        if await self._installs.forget(team, until):
            school = self._schools.get(team)
            whose = school.id if school else "no school"
            log.error("the bot was taken out of the workspace %s of %s: messages wait until it is installed again", team, whose)


def _fault(granted: Payload, team: str) -> str:
    """Why what Slack gave cannot be used, if so."""
    if granted.get("is_enterprise_install") or not team:
        return "whole_organisation"
    if granted.get("refresh_token") or granted.get("expires_in"):
        return "rotating_token"
    if granted.get("token_type") != "bot" or not granted.get("access_token") or not granted.get("bot_user_id"):
        return "no_bot_token"
    return ""
