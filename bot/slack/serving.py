"""Serves Slack: one Bolt app, over a connection that it opens itself (Socket Mode) or over HTTP."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Iterable

from aiohttp import ClientError, ClientSession, web
from slack_bolt.adapter.aiohttp import to_aiohttp_response, to_bolt_request
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.errors import SlackApiError
from slack_sdk.http_retry.builtin_async_handlers import AsyncConnectionErrorRetryHandler, AsyncRateLimitErrorRetryHandler
from slack_sdk.web.async_client import AsyncWebClient

from bot.desk import Desk
from bot.running import Bot
from bot.settings import Settings, SettingsError, SlackMode
from bot.slack.accounts import Accounts
from bot.slack.app import SlackEdge
from bot.slack.messenger import SlackMessenger
from bot.worker import Messenger
from domain.people import Platform, School
from handlers.ports import Clock
from storage.outbox import SeenEvents
from storage.store import Store

log = logging.getLogger("esafety.slack")

_READERS_EVERY_SECONDS = 6 * 3600.0
_READERS_RETRY_SECONDS = 60.0
_CONNECT_SECONDS = 3.0


async def add_slack(
    bot: Bot, session: ClientSession, store: Store, clock: Clock, messengers: dict[Platform, Messenger]
) -> Callable[[], Awaitable[None]]:
    """Adds Slack to the program; returns what takes it down.

    Raises:
        SettingsError: Slack does not accept a token.
    """
    settings = bot.settings
    # Interactive calls wait out a short rate limit; the outbox plans its own next try instead of blocking a worker.
    client = web_client(settings, session, retries=2)
    team = await _team(client)
    accounts = Accounts(client, store, clock)
    messengers[Platform.SLACK] = SlackMessenger(web_client(settings, session, retries=0), accounts, store)
    app = AsyncApp(
        client=web_client(settings, None, retries=0),
        signing_secret=settings.slack_signing_secret or "socket-mode",
        process_before_response=True,
        logger=logging.getLogger("esafety.slack.bolt"),
    )
    edge = SlackEdge(app, client, desk_finder(bot.desks.values(), team), accounts, SeenEvents(bot.database), clock)
    if settings.slack_mode is SlackMode.SOCKET:
        await _check_app_token(client, settings.slack_app_token)
    # Nothing runs before both tokens are known to be right.
    bot.tasks.append(asyncio.create_task(_keep_readers(bot.schools.values(), accounts), name="slack-readers"))
    if settings.slack_mode is SlackMode.HTTP:
        _serve_http(bot.web, app)
        return edge.finish
    handler = AsyncSocketModeHandler(app, settings.slack_app_token, web_client=web_client(settings, None, retries=0))
    connected = asyncio.Event()
    bot.tasks.append(asyncio.create_task(_stay_connected(handler, connected), name="slack-socket"))
    # Slack out of reach is no reason to hold up the rest: the connection is tried for as long as the bot runs.
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_CONNECT_SECONDS):
            await connected.wait()

    async def stop() -> None:
        await handler.close_async()  # type: ignore[no-untyped-call]
        await edge.finish()

    return stop


async def _check_app_token(client: AsyncWebClient, token: str) -> None:
    try:
        await client.apps_connections_open(app_token=token)
    except SlackApiError as no:
        raise SettingsError(f"SLACK_APP_TOKEN: Slack says {no.response.get('error')}. See .env.example.") from None
    except (OSError, ClientError):
        log.warning("Slack is out of reach; the connection is tried again until it works")


async def _stay_connected(handler: AsyncSocketModeHandler, connected: asyncio.Event) -> None:
    await handler.connect_async()  # type: ignore[no-untyped-call]
    connected.set()
    await asyncio.Event().wait()


def web_client(settings: Settings, session: ClientSession | None, *, retries: int) -> AsyncWebClient:
    """A client of Slack's Web API."""
    # Without retries there are none at all: a message whose answer was lost is sent again by the outbox, and marked as such.
    handlers = [AsyncConnectionErrorRetryHandler(), AsyncRateLimitErrorRetryHandler(max_retry_count=retries)] if retries else []
    return AsyncWebClient(
        token=settings.slack_bot_token,
        base_url=settings.slack_api_url.rstrip("/") + "/",
        session=session,
        timeout=10,
        retry_handlers=list(handlers),
    )


def desk_finder(desks: Iterable[Desk], own_team: str) -> Callable[[str], Desk]:
    """Finds the desk of a workspace: the school that names it, or the only school there is."""
    all_desks = list(desks)
    by_team = {d.school.slack_team: d for d in all_desks if d.school.slack_team}

    def find(team: str) -> Desk:
        if len(all_desks) == 1:
            return all_desks[0]
        return by_team[team or own_team]

    if len(all_desks) > 1 and len(by_team) < len(all_desks):
        raise SettingsError("With more than one school each school file must name its workspace: slack_team: T...")
    return find


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
        raise SettingsError(f"SLACK_BOT_TOKEN: Slack says {no.response.get('error')}. See .env.example.") from None
    except (OSError, ClientError):
        # Slack out of reach at the start is no reason not to start: reports are kept, and what is due is sent later.
        log.warning("Slack is out of reach; it is tried again with the first message")
        return ""


async def _keep_readers(schools: Iterable[School], accounts: Accounts) -> None:
    """Looks up who reads the schools' channels, at the start and every few hours; sooner where it failed."""
    while True:
        failed = False
        for school in schools:
            for channel in dict.fromkeys(school.channels.get(Platform.SLACK, {}).values()):
                try:
                    await accounts.sync_readers(school, channel)
                except Exception as trouble:  # noqa: BLE001 - the bot stops if this ends, whatever it ends with
                    failed = True
                    log.warning("who reads a channel could not be looked up: %s", type(trouble).__name__)
        await asyncio.sleep(_READERS_RETRY_SECONDS if failed else _READERS_EVERY_SECONDS)
