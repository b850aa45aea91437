"""Puts the parts together: the one place that knows them all."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from aiohttp import ClientSession, ClientTimeout, web

from bot import tracing
from bot.auditor import SILENT as AUDITOR_SILENT
from bot.auditor import Auditor
from bot.demo_school import fill_demo_school
from bot.desk import Desk
from bot.exports import sweep_folder
from bot.head_keeper import HeadKeeper, key_for_start
from bot.http_server import Site, add_health, new_application, new_runner
from bot.metrics import Metrics, add_metrics
from bot.readiness import database_checks, heartbeat, keys_check, look
from bot.running import Bot
from bot.settings import DEMO_SCHOOLS, Settings, SettingsError, is_loopback
from bot.stopping import at_the_door, take_down, within
from bot.survey_door import SurveyDoor
from bot.turns import Turns
from bot.watched import WatchedMessengers
from bot.worker import Messenger, Worker
from domain.people import Platform, School
from handlers.agreements import look as ask_for_signatures
from handlers.agreements import ring as remind_signers
from handlers.breaches import remind
from handlers.duties import ring as ring_of_duties
from handlers.figures import make_due
from handlers.keeping import propose_ended
from handlers.listed import catch_up
from handlers.ports import Clock, Ports
from handlers.registers import remind as remind_of_registers
from handlers.submissions import ring as ring_of_submissions
from handlers.submissions import take_up as take_up_submissions
from storage.answering import Answers
from storage.audit_heads import Heads
from storage.auditing import Auditing
from storage.database import Database
from storage.fault_points import FaultPoint, reach
from storage.health import DatabaseHealth
from storage.housekeeping import tidy
from storage.key_ring import KeyRingError
from storage.outbox import Outbox
from storage.records import new_id, next_id
from storage.school_files import load_schools
from storage.sealing_job import seal_the_rest
from storage.store import Store
from storage.teams import TeamsDirectory
from storage.watching import Watching

log = logging.getLogger("esafety")

_TIDY_EVERY_SECONDS = 3600.0
_SEAL_EVERY_SECONDS = 3600.0
_PROPOSE_EVERY_SECONDS = 86400.0
_REMIND_EVERY_SECONDS = 300.0
_RING_EVERY_SECONDS = 60.0
_ASK_EVERY_SECONDS = 900.0
_FIRST_AFTER_SECONDS = 180.0
_FIGURES_EVERY_SECONDS = 3600.0
_COMPARE_EVERY_SECONDS = 60.0
_AGAIN_SECONDS = 60.0
"""Before what failed is tried again."""
_BREATH_SECONDS = 0.05
_CLOSE_SECONDS = 1.0


class SystemClock:
    """The time of this machine."""

    def now(self) -> datetime:
        """The present moment in UTC."""
        return datetime.now(UTC)


def ports_for_commands(database: Database) -> Ports:
    """What a command is given: it serves no chat, and what it leaves to be sent is sent by the worker of whoever serves."""
    return Ports(Store(database), SystemClock(), frozenset(), new_id, next_id, lambda: None, Answers())


@asynccontextmanager
async def running(settings: Settings, clock: Clock | None = None) -> AsyncIterator[Bot]:
    """The program, set up and serving; taken down at the end, what is under way finished first.

    Raises:
        SettingsError, SchoolFileError, PolicyFileError: something that was given cannot be used.
        DatabaseTroubleError: the database does not answer, or another process has its file.
        KeyRingError: the records are sealed, and the keys that were given do not open them.
    """
    schools = load_schools(settings.schools_folder)
    check_doors(settings, schools)
    async with AsyncExitStack() as ground:
        ground.push_async_callback(asyncio.to_thread, tracing.start(settings.otel_exporter_otlp_endpoint))
        database = tracing.open_database(settings.database_url, settings.key_source)
        ground.enter_context(database.alone())
        ground.push_async_callback(_close, database)
        await database.migrate()
        await _open_the_vault(database)
        if clock is None and not database.is_sqlite:
            clock = await _shared_clock(database, ground)
        yield await ground.enter_async_context(_serving(settings, schools, database, clock or SystemClock()))


def check_doors(settings: Settings, schools: Mapping[str, School]) -> None:
    """Holds that nobody from outside can come by a door that is for this machine alone.

    Raises:
        SettingsError: they could: what leads to a public page leads to every other one.
    """
    public = [s for s in schools.values() if s.survey_address and not is_loopback(urlsplit(s.survey_address).hostname)]
    if public and (settings.has_console or settings.has_anonymous_teams):
        raise SettingsError(
            f"{public[0].id}: `surveys: address` lets people in from outside, and beside that the console, or Teams without a"
            " token, may not be served: set ESAFETY_CONSOLE=off and the tokens of a chat, or take the address out."
        )


async def _open_the_vault(database: Database) -> None:
    await database.vault.ready()
    if trouble := await database.vault.trouble():
        raise KeyRingError(trouble)


async def _shared_clock(database: Database, ground: AsyncExitStack) -> Clock:
    # Only who has PostgreSQL loads its driver.
    from storage.processes import SharedClock

    clock = SharedClock(database)
    await clock.compare()
    keeping = asyncio.create_task(clock.keep(), name="clock")
    ground.callback(keeping.cancel)
    return clock


def _bell_for_all(database: Database, bell: asyncio.Event, bot_tasks: list["asyncio.Task[None]"]) -> Callable[[], None]:
    """What wakes the worker: on PostgreSQL the workers of all processes."""
    ring: Callable[[], None] = bell.set
    if not database.is_sqlite:
        from storage.processes import Doorbell

        doorbell = Doorbell(database, bell)
        bot_tasks.append(asyncio.create_task(doorbell.run(), name="doorbell"))
        ring = doorbell.ring

    def wake() -> None:
        reach(FaultPoint.BEFORE_RING)
        ring()
        reach(FaultPoint.AFTER_RING)

    return wake


async def _is_ready(bot: Bot) -> bool:
    return not bot.stopping.began and (await look(bot.checks)).ready


async def _close(database: Database) -> None:
    await within(_CLOSE_SECONDS, "the database", database.close())


@asynccontextmanager
async def _serving(settings: Settings, schools: dict[str, School], database: Database, clock: Clock) -> AsyncIterator[Bot]:
    bell = asyncio.Event()
    chats = {
        Platform.SLACK: settings.has_slack,
        Platform.TEAMS: settings.has_teams,
        Platform.CONSOLE: settings.has_console,
    }
    platforms = {platform for platform, served in chats.items() if served}
    store, answers = Store(database), Answers()
    tasks: list[asyncio.Task[None]] = []
    wake = _bell_for_all(database, bell, tasks)
    ports = Ports(store, clock, platforms, new_id, next_id, wake, answers, mails=bool(settings.mail_server))
    if settings.schools_folder == DEMO_SCHOOLS:
        for school in schools.values():
            await fill_demo_school(store, school, clock.now())
    messengers: dict[Platform, Messenger] = {}
    app = new_application()
    metrics, turns = Metrics(), Turns()
    desks = {s.id: Desk(ports, s, metrics, settings.exports_folder, turns=turns) for s in schools.values()}
    watched = WatchedMessengers(messengers, metrics)
    worker = Worker(
        ports,
        schools,
        Outbox(database),
        watched,
        bell,
        watcher=metrics,
        goes_first=turns.goes_first,
        is_late=turns.alerts_are_late,
    )
    bot = Bot(settings, schools, database, worker, app, desks, metrics, turns)
    bot.tasks += tasks
    bot.checks += [
        *database_checks(DatabaseHealth(database)),
        keys_check(database.vault),
        heartbeat("worker", clock, lambda: worker.beat_at),
    ]
    _open_doors(bot, ports)
    add_metrics(app, metrics, Watching(database, schools), worker, clock, lambda: _is_ready(bot))
    async with ClientSession(timeout=ClientTimeout(total=30)) as session:
        auditor = Auditor(ports, schools, Auditing(database, schools), metrics, session, settings.heartbeat_url)
        bot.checks.append(heartbeat("auditor", clock, lambda: auditor.beat_at, AUDITOR_SILENT))
        runner = new_runner(app)
        try:
            for school in schools.values():
                await answers.engine(school.policy)
            if settings.has_slack:
                await _add_slack(bot, session, store, clock, messengers)
            if settings.has_teams:
                await _add_teams(bot, session, store, clock, messengers)
            elif settings.has_anonymous_teams:
                await _let_teams_come(bot, session, store, clock, messengers, platforms)
            if settings.has_console:
                await _add_console(bot, store, clock, messengers)
            _add_mail(settings, store, clock, messengers, platforms)
            bot.tasks.append(asyncio.create_task(bot.worker.run(), name="worker"))
            bot.tasks.append(asyncio.create_task(auditor.run(), name="auditor"))
            bot.tasks.append(asyncio.create_task(turns.watch(), name="turns"))
            looked_after = _looked_after(settings, schools, database, ports)
            bot.tasks += [asyncio.create_task(work, name=name) for name, work in looked_after.items()]
            if (key := key_for_start(settings, schools)) is not None:
                keeper = HeadKeeper(settings, schools, Heads(database), key, clock)
                bot.tasks.append(asyncio.create_task(keeper.run(), name="audit heads"))
            await runner.setup()
            await _start(Site(runner, settings.host, settings.port), settings)
            bot.address = f"http://{settings.host}:{runner.addresses[0][1]}"
            yield bot
        finally:
            await take_down(bot.stopping, bot.tasks, runner)


def _open_doors(bot: Bot, ports: Ports) -> None:
    """What anybody may ask for: how the program is, and the surveys of schools that have switched that on."""
    bot.web.middlewares.append(at_the_door(bot.stopping))
    add_health(bot.web, bot.checks, bot.stopping)
    SurveyDoor(ports, bot.schools).add_to(bot.web)


async def _for_ever(every: float, what: str, works: Mapping[str, Callable[[], Awaitable[object]]], after: float = 0.0) -> None:
    """Does something now and then, for each school by itself. What fails is said, holds up no other, and is tried again soon.

    A database to which others were writing just then is no reason to wait for a whole day. `after`: so many seconds after the
    start it begins, where whoever has just started the program should see first what they started it for.
    """
    await asyncio.sleep(after)
    while True:
        failed = False
        for school, work in works.items():
            try:
                await work()
            except Exception:
                failed = True
                log.exception("%s%s; it is tried again", f"{school}: " if school else "", what)
        await asyncio.sleep(min(every, _AGAIN_SECONDS) if failed else every)


def _looked_after(
    settings: Settings, schools: Mapping[str, School], database: Database, ports: Ports
) -> Mapping[str, Coroutine[Any, Any, None]]:
    """All that is done by itself now and then."""

    def of_each(work: Callable[[School], Awaitable[object]]) -> Mapping[str, Callable[[], Awaitable[object]]]:
        return {school.id: partial(work, school) for school in schools.values()}

    async def propose(school: School) -> None:
        if (count := await propose_ended(ports, school)) > 0:
            log.info("%s: the time of %d records is over; somebody must decide", school.id, count)

    async def sweep(school: School) -> None:
        done = await sweep_folder(ports, school, settings.exports_folder)
        if done.ended or done.found:
            log.info("%s: sealed pages deleted: %d, taken in: %d", school.id, done.ended, done.found)

    async def compare(school: School) -> None:
        if (cases := await catch_up(ports, school, lambda: asyncio.sleep(_BREATH_SECONDS))) > 0:
            log.warning("%s: somebody on the staff list may be named in %d cases; they are kept out", school.id, cases)

    async def seal() -> None:
        if not database.is_sqlite:
            # During an upgrade of several processes, one of the version before may still have to read what it wrote.
            await asyncio.sleep(_SEAL_EVERY_SECONDS)
        await _for_ever(
            _SEAL_EVERY_SECONDS, "what an older version wrote could not be sealed", {"": lambda: seal_the_rest(database)}
        )

    tidies = {"": lambda: tidy(database, ports.clock.now())}
    return {
        "housekeeping": _for_ever(_TIDY_EVERY_SECONDS, "what is no longer needed could not be forgotten", tidies),
        "comparing": _for_ever(_COMPARE_EVERY_SECONDS, "old cases could not be compared with the staff list", of_each(compare)),
        "sealing": seal(),
        "keeping": _for_ever(
            _PROPOSE_EVERY_SECONDS, "which records have reached their end could not be looked up", of_each(propose)
        ),
        "breaches": _for_ever(_REMIND_EVERY_SECONDS, "nobody could be reminded of a breach", of_each(partial(remind, ports))),
        "registers": _for_ever(
            _REMIND_EVERY_SECONDS, "nobody could be reminded of a register", of_each(partial(remind_of_registers, ports))
        ),
        "submissions": _for_ever(
            _RING_EVERY_SECONDS,
            "requests of which it is time could not be seen to",
            of_each(partial(ring_of_submissions, ports)),
        ),
        "submissions left": _for_ever(
            _TIDY_EVERY_SECONDS,
            "requests of a type that the policy has once more could not be taken up",
            of_each(partial(take_up_submissions, ports)),
        ),
        "signing": _for_ever(
            _ASK_EVERY_SECONDS,
            "nobody could be asked to sign",
            of_each(partial(ask_for_signatures, ports)),
            _FIRST_AFTER_SECONDS,
        ),
        "signers": _for_ever(
            _RING_EVERY_SECONDS,
            "nobody could be reminded to sign",
            of_each(partial(remind_signers, ports, schools=len(schools))),
            _FIRST_AFTER_SECONDS,
        ),
        "calendar": _for_ever(
            _RING_EVERY_SECONDS,
            "nobody could be reminded of the school's calendar",
            of_each(partial(ring_of_duties, ports)),
            _FIRST_AFTER_SECONDS,
        ),
        "figures": _for_ever(
            _FIGURES_EVERY_SECONDS, "the figures of a term could not be made", of_each(partial(make_due, ports))
        ),
        "exports": _for_ever(_TIDY_EVERY_SECONDS, "the folder for exports could not be seen to", of_each(sweep)),
    }


async def _start(site: Site, settings: Settings) -> None:
    try:
        await site.start()
    except OSError as taken:
        raise SettingsError(
            f"PORT={settings.port} on {settings.host} cannot be used ({taken.strerror}): set another PORT."
        ) from None


async def _add_slack(
    bot: Bot, session: ClientSession, store: Store, clock: Clock, messengers: dict[Platform, Messenger]
) -> None:
    # Slack's libraries take a while to load: nobody who does not use them should wait.
    from bot.slack.serving import add_slack

    await add_slack(bot, session, store, clock, messengers)


async def _add_teams(
    bot: Bot, session: ClientSession, store: Store, clock: Clock, messengers: dict[Platform, Messenger]
) -> None:
    # As for Slack's: Microsoft's libraries are loaded by those who use them.
    from bot.teams.serving import PATH, make_teams

    bot.web.router.add_post(PATH, await make_teams(bot, session, store, clock, messengers))


async def _let_teams_come(
    bot: Bot,
    session: ClientSession,
    store: Store,
    clock: Clock,
    messengers: dict[Platform, Messenger],
    platforms: set[Platform],
) -> None:
    """Serves a development client on this machine from the moment it first calls: until then nothing is sent to Teams."""
    handler: Callable[[web.Request], Awaitable[web.StreamResponse]] | None = None
    once = asyncio.Lock()

    async def come() -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        nonlocal handler
        async with once:
            if handler is None:
                from bot.teams.serving import make_teams

                handler = await make_teams(bot, session, store, clock, messengers, lambda: platforms.add(Platform.TEAMS))
        return handler

    async def messages(request: web.Request) -> web.StreamResponse:
        return await (handler or await come())(request)

    bot.web.router.add_post("/api/messages", messages)
    if await TeamsDirectory(bot.database).knows_anybody():
        await come()
        platforms.add(Platform.TEAMS)


def _add_mail(
    settings: Settings, store: Store, clock: Clock, messengers: dict[Platform, Messenger], platforms: set[Platform]
) -> None:
    server = settings.mail_server
    if server is None:
        return
    # Loaded by those who have a mail server.
    from bot.mail.messenger import MailMessenger

    messengers[Platform.EMAIL] = MailMessenger(server, settings.mail_from, store, clock, platforms)


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
