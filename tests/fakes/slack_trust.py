"""Several Slack workspaces behind one Web API, as an app that is open to many sees them: each gives its own token.

The bot is pointed at `base_url`. A browser that was sent to Slack's page to allow the bot is played by `allow` and `deny`.
"""

from base64 import b64encode
from collections import deque
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

from aiohttp import web

from tests.fakes.slack_model import APP_ID, BOT_USER, Delivery, Payload, Reply, new_id
from tests.fakes.slack_server import FakeSlack

CLIENT_ID, CLIENT_SECRET = "1234.5678", "client-secret-0123"


@dataclass(frozen=True, slots=True)
class Asked:
    """What the page at Slack was asked for."""

    scopes: frozenset[str]
    state: str
    team: str


class FakeTrust:
    """Workspaces with one app. Use it as an async context manager."""

    def __init__(self, *workspaces: FakeSlack) -> None:
        self.workspaces = {w.team_id: w for w in workspaces}
        self.revoked: list[str] = []
        self.given: list[str] = []
        self.exchange_faults: deque[str] = deque()
        self.changes: Payload = {}
        """What `oauth.v2.access` answers in place of what it usually would."""
        for workspace in workspaces:
            workspace.token = ""
        self._codes: dict[str, tuple[FakeSlack, frozenset[str]]] = {}
        self._port = 0
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> Self:
        for workspace in self.workspaces.values():
            await workspace.start()
        app = web.Application()
        app.router.add_route("*", "/api/{method}", self._on_call)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self._port = self._runner.addresses[0][1]
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
        for workspace in self.workspaces.values():
            await workspace.stop()

    @property
    def base_url(self) -> str:
        """What SLACK_API_URL is set to."""
        return f"http://127.0.0.1:{self._port}/api/"

    # In the browser, at Slack

    def asked(self, authorize_url: str) -> Asked:
        """What stands in the address of Slack's page, which must be Slack's, and for this app."""
        parts = urlsplit(authorize_url)
        query = {name: value for name, (value,) in parse_qs(parts.query, strict_parsing=True).items()}
        assert f"{parts.scheme}://{parts.netloc}{parts.path}" == f"http://127.0.0.1:{self._port}/oauth/v2/authorize"
        assert query["client_id"] == CLIENT_ID
        return Asked(frozenset(query["scope"].split(",")), query["state"], query.get("team", ""))

    def allow(self, authorize_url: str, workspace: FakeSlack) -> str:
        """Presses Allow. Where the browser is sent: the path and query of the bot's second page."""
        asked = self.asked(authorize_url)
        code = new_id("code")
        self._codes[code] = (workspace, asked.scopes)
        return f"/slack/oauth_redirect?{urlencode({'code': code, 'state': asked.state})}"

    def deny(self, authorize_url: str) -> str:
        """Presses Cancel."""
        return f"/slack/oauth_redirect?{urlencode({'error': 'access_denied', 'state': self.asked(authorize_url).state})}"

    # In Slack's settings of a workspace

    async def uninstall(self, workspace: FakeSlack, at: datetime) -> list[Reply]:
        """Takes the bot out. Slack says so with two events; the token is dead by then."""
        _silence(workspace)
        revoked = {"type": "tokens_revoked", "tokens": {"oauth": [], "bot": [BOT_USER]}}
        return [await self.tell(workspace, event, at) for event in (revoked, {"type": "app_uninstalled"})]

    async def tell(self, workspace: FakeSlack, event: Payload, at: datetime) -> Reply:
        """Sends the bot an event of a workspace."""
        envelope = {
            "token": "verification-token",
            "team_id": workspace.team_id,
            "api_app_id": APP_ID,
            "event": event,
            "type": "event_callback",
            "event_id": new_id("Ev"),
            "event_time": int(at.timestamp()),
            "authorizations": [],
        }
        return await workspace.deliver(Delivery("events_api", envelope))

    # The Web API

    async def _on_call(self, request: web.Request) -> web.StreamResponse:
        method = request.match_info["method"]
        if method == "oauth.v2.access":
            return web.json_response(self._access(request, dict(parse_qsl(await request.text()))))
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if method == "auth.revoke" and token in self.given:
            self.revoked.append(token)
            for workspace in self.workspaces.values():
                if workspace.token == token:
                    _silence(workspace)
            return web.json_response({"ok": True, "revoked": True})
        for workspace in self.workspaces.values():
            if token and workspace.token == token:
                return await workspace.on_call(request)
        return web.json_response({"ok": False, "error": "account_inactive" if token in self.given else "invalid_auth"})

    def _access(self, request: web.Request, arguments: Payload) -> dict[str, Any]:
        if self.exchange_faults:
            return {"ok": False, "error": self.exchange_faults.popleft()}
        if request.headers.get("Authorization") != f"Basic {b64encode(f'{CLIENT_ID}:{CLIENT_SECRET}'.encode()).decode()}":
            return {"ok": False, "error": "bad_client_secret"}
        workspace, scopes = self._codes.pop(arguments.get("code", ""), (None, frozenset[str]()))
        if workspace is None:
            return {"ok": False, "error": "invalid_code"}
        # Slack gives the same token again while the app is installed.
        token = workspace.token or new_id(f"xoxb-{workspace.team_id}-secret-")
        self.given.append(token)
        workspace.token = token
        workspace.scopes = ",".join(sorted(scopes))
        return {
            "ok": True,
            "app_id": APP_ID,
            "access_token": token,
            "token_type": "bot",
            "scope": workspace.scopes,
            "bot_user_id": BOT_USER,
            "team": {"id": workspace.team_id, "name": workspace.team_name},
            "enterprise": None,
            "is_enterprise_install": False,
            "authed_user": {"id": "U0ADMIN"},
            **self.changes,
        }


def _silence(workspace: FakeSlack) -> None:
    """The token is dead and the bot is in no channel any more; a new installation does not bring it back there."""
    workspace.token = ""
    for channel in workspace.channels.values():
        if not channel.is_direct and BOT_USER in channel.members:
            channel.members.remove(BOT_USER)
