"""Puts the parts together: the one place that knows them all."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime

from aiohttp import ClientSession, ClientTimeout, web

from bot.demo_school import fill_demo_school
from bot.desk import Desk
from bot.http_server import add_health
from bot.running import Bot
from bot.settings import DEMO_SCHOOLS, Settings, SettingsError
from bot.worker import Messenger, Worker
from domain.people import Platform
from handlers.ports import Clock, Ports
from storage.answering import Answers
from storage.database import Database
from storage.housekeeping import tidy
from storage.outbox import Outbox
from storage.records import new_id
from storage.school_files import load_schools
from storage.store import Store
from storage.teams import TeamsDirectory

log = logging.getLogger("esafety")

_TIDY_EVERY_SECONDS = 3600.0


class SystemClock:
    """The time of this machine."""

    def now(self) -> datetime:
        """The present moment in UTC."""
        return datetime.now(UTC)


@asynccontextmanager
async def running(settings: Settings, clock: Clock | None = None) -> AsyncIterator[Bot]:
    """The program, set up and serving; taken down at the end, what is under way finished first.

    Raises:
        SettingsError, SchoolFileError, PolicyFileError: something that was given cannot be used.
    """
    schools = load_schools(settings.schools_folder)
    database = Database(settings.database_url)
    await database.migrate()
    clock = clock or SystemClock()
    bell = asyncio.Event()
    chats = {
        Platform.SLACK: settings.has_slack,
        Platform.TEAMS: settings.has_teams,
        Platform.CONSOLE: settings.has_console,
    }
    platforms = {platform for platform, served in chats.items() if served}
    store, outbox = Store(database), Outbox(database)
    answers = Answers()
    ports = Ports(store, clock, platforms, new_id, bell.set, answers)
    if settings.schools_folder == DEMO_SCHOOLS:
        for school in schools.values():
            await fill_demo_school(store, school, clock.now())
    messengers: dict[Platform, Messenger] = {}
    app = web.Application(client_max_size=1024**2)
    desks = {s.id: Desk(ports, s) for s in schools.values()}
    bot = Bot(settings, schools, database, Worker(ports, schools, outbox, messengers, bell), app, desks)
    add_health(app, database, outbox, bot.worker, clock)
    async with ClientSession(timeout=ClientTimeout(total=30)) as session, AsyncExitStack() as at_last:
        at_last.push_async_callback(database.close)
        for school in schools.values():
            await answers.engine(school.policy)
        stop_slack = await _add_slack(bot, session, store, clock, messengers) if settings.has_slack else None
        if settings.has_teams:
            at_last.push_async_callback(await _add_teams(bot, session, store, clock, messengers))
        elif settings.has_anonymous_teams:
            await _let_teams_come(bot, session, store, clock, messengers, platforms, at_last)
        if settings.has_console:
            await _add_console(bot, store, clock, messengers)
        bot.tasks.append(asyncio.create_task(bot.worker.run(), name="worker"))
        bot.tasks.append(asyncio.create_task(_tidy_for_ever(database, clock), name="housekeeping"))
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=5)
        await runner.setup()
        try:
            site = web.TCPSite(runner, settings.host, settings.port)
            await _start(site, settings)
            bot.address = f"http://{settings.host}:{runner.addresses[0][1]}"
            yield bot
        finally:
            await runner.cleanup()
            if stop_slack is not None:
                await stop_slack()
            for task in bot.tasks:
                task.cancel()
            await asyncio.gather(*bot.tasks, return_exceptions=True)


async def _tidy_for_ever(database: Database, clock: Clock) -> None:
    while True:
        try:
            await tidy(database, clock.now())
        except Exception:
            log.exception("what is no longer needed could not be forgotten; it is tried again")
        await asyncio.sleep(_TIDY_EVERY_SECONDS)


async def _start(site: web.TCPSite, settings: Settings) -> None:
    try:
        await site.start()
    except OSError as taken:
        raise SettingsError(
            f"PORT={settings.port} on {settings.host} cannot be used ({taken.strerror}): set another PORT."
        ) from None


async def _add_slack(
    bot: Bot, session: ClientSession, store: Store, clock: Clock, messengers: dict[Platform, Messenger]
) -> Callable[[], Awaitable[None]]:
    # Slack's libraries take a while to load: nobody who does not use them should wait.
    from bot.slack.serving import add_slack

    return await add_slack(bot, session, store, clock, messengers)


async def _add_teams(
    bot: Bot, session: ClientSession, store: Store, clock: Clock, messengers: dict[Platform, Messenger]
) -> Callable[[], Awaitable[None]]:
    # As for Slack's: Microsoft's libraries are loaded by those who use them.
    from bot.teams.serving import PATH, make_teams

    handler, stop = await make_teams(bot, session, store, clock, messengers)
    bot.web.router.add_post(PATH, handler)
    return stop


async def _let_teams_come(
    bot: Bot,
    session: ClientSession,
    store: Store,
    clock: Clock,
    messengers: dict[Platform, Messenger],
    platforms: set[Platform],
    at_last: AsyncExitStack,
) -> None:
    """Serves a development client on this machine from the moment it first calls: until then nothing is sent to Teams."""
    handler: Callable[[web.Request], Awaitable[web.StreamResponse]] | None = None
    once = asyncio.Lock()

    async def come() -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        nonlocal handler
        async with once:
            if handler is None:
                from bot.teams.serving import make_teams

                handler, stop = await make_teams(bot, session, store, clock, messengers, lambda: platforms.add(Platform.TEAMS))
                at_last.push_async_callback(stop)
        return handler

    async def messages(request: web.Request) -> web.StreamResponse:
        return await (handler or await come())(request)

    bot.web.router.add_post("/api/messages", messages)
    if await TeamsDirectory(bot.database).knows_anybody():
        await come()
        platforms.add(Platform.TEAMS)


async def _add_console(bot: Bot, store: Store, clock: Clock, messengers: dict[Platform, Messenger]) -> None:
    from bot.console.messenger import ConsoleMessenger
    from bot.console.server import Console
    from storage.console import ConsoleLog

    desk = next(iter(bot.desks.values()))
    messenger = ConsoleMessenger(ConsoleLog(bot.database), clock)
    messengers[Platform.CONSOLE] = messenger
    console = Console(desk, store, messenger)
    await console.remember_readers()
    console.add_to(bot.web)
