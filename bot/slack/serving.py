"""Serves Slack: one Bolt app, over a connection that it opens itself (Socket Mode) or over HTTP; one workspace, or many."""

import asyncio
import contextlib
import json
import logging
from collections.abc import Iterable, Mapping
from functools import cache, partial
from http import HTTPStatus
from typing import Any

from aiohttp import ClientError, ClientSession, web
from slack_bolt.adapter.aiohttp import to_aiohttp_response
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_sdk.errors import SlackApiError
from slack_sdk.signature import SignatureVerifier
from slack_sdk.socket_mode.aiohttp import SocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.web.async_client import AsyncWebClient

from bot.limits import Allowance, UserLimits
from bot.running import Bot
from bot.settings import Settings, SettingsError, SlackMode
from bot.slack import incoming
from bot.slack.accounts import Accounts
from bot.slack.app import SlackEdge
from bot.slack.client import web_client
from bot.slack.install import Installer
from bot.slack.messenger import SlackMessenger
from bot.slack.workspaces import (
    IS_EVENT,
    Authorize,
    ManyWorkspaces,
    NotInstalledError,
    OneWorkspace,
    authorize_many,
    authorize_one,
    desk_finder,
    error_code,
    schools_by_team,
)
from bot.stopping import Stopping
from bot.worker import Messenger
from cards import blockkit
from cards.answer import busy_card
from domain.people import Platform, School
from handlers.ports import Clock
from storage.outbox import SeenEvents
from storage.slack_installs import InstallStates, SlackInstalls
from storage.store import Store

log = logging.getLogger("esafety.slack")

_READERS_EVERY_SECONDS = 6 * 3600.0
_READERS_RETRY_SECONDS = 60.0
_CONNECT_SECONDS = 3.0
_LINES_AT_ONCE, _LINES_A_MINUTE = 10, 10


async def add_slack(
    bot: Bot, session: ClientSession, store: Store, clock: Clock, messengers: dict[Platform, Messenger]
) -> None:
    """Adds Slack to the program.

    Raises:
        SettingsError: Slack does not accept a token.
    """
    if bot.settings.has_many_workspaces:
        await _add_many(bot, session, store, clock, messengers)
        return
    settings = bot.settings
    # Interactive calls wait out a short rate limit; the outbox plans its own next try instead of blocking a worker.
    client = web_client(settings, session, retries=2)
    team = await _team(client)
    workspaces = OneWorkspace(client)
    accounts = Accounts(workspaces, store, clock)
    once = OneWorkspace(web_client(settings, session, retries=0))
    messengers[Platform.SLACK] = SlackMessenger(once, accounts)
    app = _app(settings, authorize_one(client))
    desk_of = desk_finder(bot.desks.values(), team)
    edge = SlackEdge(app, workspaces, desk_of, accounts, SeenEvents(bot.database), clock, session)
    bot.stopping.finishers.append(edge.finish)
    if settings.slack_mode is SlackMode.SOCKET:
        await _check_app_token(client, settings.slack_app_token)
    # Nothing runs before both tokens are known to be right.
    bot.tasks.append(asyncio.create_task(_keep_readers(bot.schools.values(), accounts, asyncio.Event()), name="slack-readers"))
    if settings.slack_mode is SlackMode.HTTP:
        _serve_http(bot, app, clock)
        return
    handler = _SocketHandler(app, settings, web_client(settings, None, retries=0), bot.stopping, clock)
    bot.stopping.doors.append(partial(bot.stopping.hang_up, handler.close_async))
    connected = asyncio.Event()
    bot.tasks.append(asyncio.create_task(_stay_connected(handler, connected), name="slack-socket"))
    # Slack out of reach is no reason to hold up the rest: the connection is tried for as long as the bot runs.
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_CONNECT_SECONDS):
            await connected.wait()


async def _add_many(
    bot: Bot, session: ClientSession, store: Store, clock: Clock, messengers: dict[Platform, Messenger]
) -> None:
    """Any number of workspaces, over HTTP, each with the token it gave when the bot was installed there."""
    settings, installs = bot.settings, SlackInstalls(bot.database)
    workspaces = ManyWorkspaces(installs, partial(_client_with, settings, session, 2))
    accounts = Accounts(workspaces, store, clock)
    once = ManyWorkspaces(installs, partial(_client_with, settings, session, 0))
    messengers[Platform.SLACK] = SlackMessenger(once, accounts)
    app = _app(settings, authorize_many(installs))
    desk_of = desk_finder(bot.desks.values(), many=True)
    edge = SlackEdge(app, workspaces, desk_of, accounts, SeenEvents(bot.database), clock, session)
    bot.stopping.finishers.append(edge.finish)
    look = asyncio.Event()

    def installed() -> None:
        look.set()
        bot.worker.bell.set()

    schools = schools_by_team(bot.schools.values())
    installer = Installer(settings, session, schools, installs, InstallStates(bot.database), clock, installed)
    installer.listen(app)
    bot.web.add_routes(installer.routes())
    bot.tasks.append(asyncio.create_task(_keep_readers(schools.values(), accounts, look), name="slack-readers"))
    _serve_http(bot, app, clock)


class _SocketHandler(AsyncSocketModeHandler):
    """Takes nothing more once the bot is stopping: what is not acknowledged Slack sends to another process, or says so."""

    def __init__(self, app: AsyncApp, settings: Settings, client: AsyncWebClient, stopping: Stopping, clock: Clock) -> None:
        super().__init__(app, settings.slack_app_token, web_client=client)
        self._stopping = stopping
        self._sieve = _Sieve(settings, clock)

    async def handle(self, client: SocketModeClient, req: SocketModeRequest) -> None:  # type: ignore[override]
        """Has Bolt answer a request, as one of those that are waited for at the end."""
        if self._stopping.began or not self._takes(req.payload):
            return
        with self._stopping.request():
            await super().handle(client, req)

    def _takes(self, said: Mapping[str, Any]) -> bool:
        try:
            incoming.check(said, api=self._sieve.api)
        except ValueError:
            log.warning("a request was turned away: it is nothing that Slack sends")
            return False
        return self._sieve.lets_in(said)


def _app(settings: Settings, authorize: Authorize) -> AsyncApp:
    return AsyncApp(
        # Said, since Bolt would read the source of all that is running to find one.
        name="esafety",
        client=web_client(settings, None, retries=0, token=""),
        authorize=authorize,
        signing_secret=settings.slack_signing_secret or "socket-mode",
        process_before_response=True,
        logger=logging.getLogger("esafety.slack.bolt"),
    )


def _client_with(settings: Settings, session: ClientSession, retries: int, token: str) -> AsyncWebClient:
    return web_client(settings, session, retries=retries, token=token)


async def _check_app_token(client: AsyncWebClient, token: str) -> None:
    try:
        await client.apps_connections_open(app_token=token)
    except SlackApiError as no:
        raise SettingsError(f"SLACK_APP_TOKEN: Slack says {error_code(no)}. See .env.example.") from None
    except (OSError, ClientError):
        log.warning("Slack is out of reach; the connection is tried again until it works")


async def _stay_connected(handler: AsyncSocketModeHandler, connected: asyncio.Event) -> None:
    await handler.connect_async()  # type: ignore[no-untyped-call]
    connected.set()
    await asyncio.Event().wait()


def _serve_http(bot: Bot, app: AsyncApp, clock: Clock) -> None:
    bot.web.add_routes([web.post("/slack/events", _HttpDoor(bot, app, clock).events)])


class _HttpDoor:
    """POST /slack/events: what Slack has signed goes on to Bolt, and nothing else is even read.

    A question for which there is no room is answered here, in its acknowledgement: sent on to be put off by the desk, it would
    cost as much of what a report needs as the answer that it does not get.
    """

    def __init__(self, bot: Bot, app: AsyncApp, clock: Clock) -> None:
        self._app = app
        self._verifier = SignatureVerifier(bot.settings.slack_signing_secret)
        self._sieve = _Sieve(bot.settings, clock)
        self._turns = bot.turns
        self._metrics = bot.metrics
        self._said = Allowance(_LINES_AT_ONCE, _LINES_A_MINUTE)

    async def events(self, request: web.Request) -> web.Response:
        """Answers a request."""
        body = await request.read()
        if not incoming.is_genuine(self._verifier, body, request.headers):
            if incoming.is_ssl_check(body):
                return web.Response()
            return self._refused(HTTPStatus.UNAUTHORIZED, "it is not signed by Slack, or not within the last five minutes")
        try:
            said = incoming.read(body, request.content_type, api=self._sieve.api)
            if not self._sieve.lets_in(said):
                return self._refused(HTTPStatus.TOO_MANY_REQUESTS, "its user has asked too much")
            if self._turns.is_full and incoming.is_question(said):
                self._metrics.answered("put_off")
                return web.json_response(text=_put_off())
            # Bolt's own word for what is read already, and whose sender is known.
            received = AsyncBoltRequest(
                body=said, headers=dict(request.headers), context={IS_EVENT: "event" in said}, mode="socket_mode"
            )
        except (incoming.UnreadableError, ValueError, AttributeError, TypeError, LookupError):
            return self._refused(HTTPStatus.BAD_REQUEST, "it is nothing that Slack sends")
        return await to_aiohttp_response(await self._app.async_dispatch(received))

    def _refused(self, status: HTTPStatus, why: str) -> web.Response:
        # Whoever sends rubbish must not fill the disk with lines about it.
        if self._said.take(why):
            log.warning("a request was turned away: %s", why)
        return web.Response(status=status)


@cache
def _put_off() -> str:
    return json.dumps({"response_type": "ephemeral", **blockkit.message(busy_card())})


class _Sieve:
    """What is done before a payload is given to Bolt, whichever way it came."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self.api = settings.slack_api_url
        self._limits = UserLimits(clock)

    def lets_in(self, said: Mapping[str, Any]) -> bool:
        """Whether its user may ask for more just now."""
        user = incoming.user_of(said)
        return not user or self._limits.take(user, is_form=said.get("type") == "view_submission")


async def _team(client: AsyncWebClient) -> str:
    try:
        return str((await client.auth_test())["team_id"])
    except SlackApiError as no:
        raise SettingsError(f"SLACK_BOT_TOKEN: Slack says {error_code(no)}. See .env.example.") from None
    except (OSError, ClientError):
        # Slack out of reach at the start is no reason not to start: reports are kept, and what is due is sent later.
        log.warning("Slack is out of reach; it is tried again with the first message")
        return ""


async def _keep_readers(schools: Iterable[School], accounts: Accounts, look: asyncio.Event) -> None:
    """Looks up who reads the schools' channels, at the start and every few hours; sooner where it failed, or when told to."""
    while True:
        look.clear()
        failed = False
        for school in schools:
            for channel in dict.fromkeys(school.channels.get(Platform.SLACK, {}).values()):
                try:
                    await accounts.sync_readers(school, channel)
                except NotInstalledError:
                    failed = True  # it may be installed any minute, and another process may be the one to know
                except Exception as trouble:  # noqa: BLE001 - the bot stops if this ends, whatever it ends with
                    failed = True
                    log.warning("who reads a channel could not be looked up: %s", type(trouble).__name__)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_READERS_RETRY_SECONDS if failed else _READERS_EVERY_SECONDS):
                await look.wait()
