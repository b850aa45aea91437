"""Serves Slack: one Bolt app, over a connection that it opens itself (Socket Mode) or over HTTP; one workspace, or many."""

import asyncio
import contextlib
import logging
from collections.abc import Iterable
from functools import partial

from aiohttp import ClientError, ClientSession, web
from slack_bolt.adapter.aiohttp import to_aiohttp_response, to_bolt_request
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.errors import SlackApiError
from slack_sdk.socket_mode.aiohttp import SocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.web.async_client import AsyncWebClient

from bot.running import Bot
from bot.settings import Settings, SettingsError, SlackMode
from bot.slack.accounts import Accounts
from bot.slack.app import SlackEdge
from bot.slack.client import web_client
from bot.slack.install import Installer
from bot.slack.messenger import SlackMessenger
from bot.slack.workspaces import (
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
from domain.people import Platform, School
from handlers.ports import Clock
from storage.outbox import SeenEvents
from storage.slack_installs import InstallStates, SlackInstalls
from storage.store import Store

log = logging.getLogger("esafety.slack")

_READERS_EVERY_SECONDS = 6 * 3600.0
_READERS_RETRY_SECONDS = 60.0
_CONNECT_SECONDS = 3.0


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
    messengers[Platform.SLACK] = SlackMessenger(once, accounts, store)
    app = _app(settings, authorize_one(client))
    desk_of = desk_finder(bot.desks.values(), team)
    edge = SlackEdge(app, workspaces, desk_of, accounts, SeenEvents(bot.database), clock)
    bot.stopping.finishers.append(edge.finish)
    if settings.slack_mode is SlackMode.SOCKET:
        await _check_app_token(client, settings.slack_app_token)
    # Nothing runs before both tokens are known to be right.
    bot.tasks.append(asyncio.create_task(_keep_readers(bot.schools.values(), accounts, asyncio.Event()), name="slack-readers"))
    if settings.slack_mode is SlackMode.HTTP:
        _serve_http(bot.web, app)
        return
    handler = _SocketHandler(app, settings.slack_app_token, web_client(settings, None, retries=0), bot.stopping)
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
    messengers[Platform.SLACK] = SlackMessenger(once, accounts, store)
    app = _app(settings, authorize_many(installs))
    desk_of = desk_finder(bot.desks.values(), many=True)
    edge = SlackEdge(app, workspaces, desk_of, accounts, SeenEvents(bot.database), clock)
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
    _serve_http(bot.web, app)


class _SocketHandler(AsyncSocketModeHandler):
    """Takes nothing more once the bot is stopping: what is not acknowledged Slack sends to another process, or says so."""

    def __init__(self, app: AsyncApp, token: str, client: AsyncWebClient, stopping: Stopping) -> None:
        super().__init__(app, token, web_client=client)
        self._stopping = stopping

    async def handle(self, client: SocketModeClient, req: SocketModeRequest) -> None:  # type: ignore[override]
        """Has Bolt answer a request, as one of those that are waited for at the end."""
        if self._stopping.began:
            return
        with self._stopping.request():
            await super().handle(client, req)


def _app(settings: Settings, authorize: Authorize) -> AsyncApp:
    return AsyncApp(
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


def _serve_http(server: web.Application, app: AsyncApp) -> None:
    async def events(request: web.Request) -> web.Response:
        try:
            received = await to_bolt_request(request)
        except (ValueError, AttributeError, TypeError):
            # It is read before its signature is looked at: what makes no sense is nothing that Slack has sent.
            return web.Response(status=400)
        return await to_aiohttp_response(await app.async_dispatch(received))

    server.add_routes([web.post("/slack/events", events)])


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
