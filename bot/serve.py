"""`esafety run`: serves until it is told to stop."""

import asyncio
import logging
import signal

from bot.settings import DEMO_SCHOOLS, Settings, load_settings
from bot.wiring import running

log = logging.getLogger("esafety")


async def serve() -> int:
    """Serves until SIGINT or SIGTERM."""
    settings = load_settings()
    logging.basicConfig(level=settings.log_level, format="%(asctime)s %(levelname)-7s %(name)s: %(message)s")
    for chatty in ("alembic", "slack_bolt", "slack_sdk", "msal", "urllib3", "msrest"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for signal_ in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(signal_, stop.set)
    async with running(settings) as bot:
        _greet(settings, bot.address, [s.name for s in bot.schools.values()])
        waiting = asyncio.create_task(stop.wait())
        done, _ = await asyncio.wait({waiting, *bot.tasks}, return_when=asyncio.FIRST_COMPLETED)
        if waiting not in done:
            # A part of the program has ended by itself: better to stop, and be started again, than to serve without it.
            log.error("a part of the bot has stopped: %s", ", ".join(t.get_name() for t in done if isinstance(t, asyncio.Task)))
            waiting.cancel()
            return 1
    return 0


def _greet(settings: Settings, address: str, schools: list[str]) -> None:
    print(f"E-safety bot for {', '.join(schools)}")
    if settings.has_slack:
        where = "over Socket Mode" if settings.slack_mode == "socket" else f"at {address}/slack/events"
        print(f"  Slack:   {where}. Try /esafety help in Slack.")
    if settings.has_teams:
        print(f"  Teams:   at {address}/api/messages. Write to the bot in Teams: help.")
    if settings.has_console:
        demo = " (a demo: everybody in it is invented)" if settings.schools_folder == DEMO_SCHOOLS else ""
        print(f"  Console: {address}/console/{demo}")
    if settings.has_anonymous_teams:
        print(f"  Teams:   {address}/api/messages, for a development client on this machine only (docs/install-teams.md).")
    if not settings.has_slack and not settings.has_teams:
        print(
            "  To serve Slack or Teams, copy .env.example to .env and fill it in: docs/install-slack.md, docs/install-teams.md."
        )
    print("  Stop with Ctrl-C.", flush=True)
