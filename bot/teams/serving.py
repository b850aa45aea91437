"""Serves Teams: one address to which Microsoft's Bot Framework posts what happens."""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from datetime import timedelta
from http import HTTPStatus
from typing import Final

from aiohttp import ClientSession, web

from bot.json_bodies import json_of
from bot.limits import Allowance, UserLimits
from bot.replays import Replays
from bot.running import Bot
from bot.settings import SettingsError
from bot.teams.app import TeamsEdge
from bot.teams.auth import Doorkeeper, LoopbackDoorkeeper, NotAllowedError
from bot.teams.connector import Connector, OutOfReachError, RefusedError, credentials
from bot.teams.incoming import Incoming
from bot.teams.keys import KeysUnreachableError
from bot.teams.messenger import TeamsMessenger
from bot.teams.people import People, Tenants
from bot.worker import Messenger
from domain.people import Platform
from handlers.ports import Clock
from storage.outbox import SeenEvents
from storage.store import Store
from storage.teams import TeamsDirectory

log = logging.getLogger("esafety.teams")

PATH: Final = "/api/messages"

_READERS_EVERY_SECONDS: Final = 6 * 3600.0
_READERS_RETRY_SECONDS: Final = 60.0
_TOKEN_GOOD_FOR: Final = timedelta(minutes=70)
"""Microsoft's are good for an hour, and five minutes more on either side for clocks that differ."""
_LINES_AT_ONCE: Final = 10
_LINES_A_MINUTE: Final = 10
_FORMS: Final = frozenset({"task/submit", "composeExtension/submitAction"})

Handler = Callable[[web.Request], Awaitable[web.Response]]


async def make_teams(
    bot: Bot,
    session: ClientSession,
    store: Store,
    clock: Clock,
    messengers: dict[Platform, Messenger],
    let_in: Callable[[], None] = lambda: None,
) -> Handler:
    """What answers a request to PATH. `let_in` hears of each request that is admitted.

    Raises:
        SettingsError: no tenant is named, so that nobody could be let in.
    """
    settings = bot.settings
    tenants = Tenants(settings.microsoft_app_tenant_id.lower(), tuple(bot.schools.values()))
    if settings.has_teams and not tenants.served:
        raise SettingsError("MICROSOFT_APP_TENANT_ID is missing: nobody's Teams is let in without it.")
    connector = Connector(session, credentials(settings))
    directory = TeamsDirectory(bot.database)
    people = People(connector, directory, store, tenants, clock)
    messengers[Platform.TEAMS] = TeamsMessenger(connector, people, directory, store)
    replays = Replays(_TOKEN_GOOD_FOR) if settings.has_teams else None
    edge = TeamsEdge(bot.desks, connector, people, directory, SeenEvents(bot.database), clock, replays)
    door = Doorkeeper(settings, tenants.served, session) if settings.has_teams else LoopbackDoorkeeper()
    bot.tasks.append(asyncio.create_task(_keep_readers(people, directory), name="teams-readers"))

    limits, said = UserLimits(clock), Allowance(_LINES_AT_ONCE, _LINES_A_MINUTE)

    async def messages(request: web.Request) -> web.Response:
        if request.content_type != "application/json":
            return web.Response(status=HTTPStatus.UNSUPPORTED_MEDIA_TYPE)
        try:
            incoming = Incoming.model_validate(json_of(await request.read()))
        except ValueError:
            return web.Response(status=HTTPStatus.BAD_REQUEST)
        try:
            await door.admit(request, incoming)
        except NotAllowedError as no:
            # Whoever sends rubbish must not fill the disk with lines about it.
            if said.take(no.why):
                log.warning("a request was turned away: %s", no.why)
            return web.Response(status=HTTPStatus.UNAUTHORIZED)
        except KeysUnreachableError:
            return web.Response(status=HTTPStatus.SERVICE_UNAVAILABLE)
        user = f"{incoming.tenant}/{incoming.sender.object_id or incoming.sender.id}"
        if not limits.take(user, is_form=incoming.name in _FORMS):
            log.warning("a request was turned away: its user has asked too much")
            return web.Response(status=HTTPStatus.TOO_MANY_REQUESTS)
        let_in()
        status, body = await edge.act(incoming)
        if body is None:
            return web.Response(status=status)
        return web.Response(status=status, body=json.dumps(body).encode(), content_type="application/json")

    bot.stopping.finishers.append(edge.finish)
    return messages


async def _keep_readers(people: People, directory: TeamsDirectory) -> None:
    """Looks up who is in the teams and who reads the channels, at the start and every few hours; sooner after a failure."""
    while True:
        failed = False
        try:
            for tenant, conversation, service_url in await directory.places():
                failed |= not await _tried(people.meet(tenant, service_url, conversation))
            for school in people.tenants.schools:
                for channel in dict.fromkeys(school.channels.get(Platform.TEAMS, {}).values()):
                    failed |= not await _tried(people.sync_readers(school, channel))
        except Exception as trouble:  # noqa: BLE001 - the bot stops if this ends, whatever it ends with
            failed = True
            log.warning("who is in the teams could not be looked up: %s", type(trouble).__name__)
        await asyncio.sleep(_READERS_RETRY_SECONDS if failed else _READERS_EVERY_SECONDS)


async def _tried(work: Awaitable[bool | None]) -> bool:
    try:
        return await work is not False
    except (RefusedError, OutOfReachError) as trouble:
        log.warning("who reads a channel could not be looked up: %s", trouble)
        return False
