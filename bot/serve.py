"""`esafety run`: serves until it is told to stop."""

import asyncio
import gc
import logging
import os
import signal
import sys
import threading
from typing import NoReturn

from bot import logs
from bot.settings import DEMO_SCHOOLS, Settings, load_settings
from bot.stopping import STOP_SECONDS, Stopping
from bot.wiring import running
from storage import fault_points

log = logging.getLogger("esafety")

_HASTE_SECONDS = 0.3
_KEEP_IT = "Without it nobody can read them, nor any backup: keep a copy, apart from the backups (docs/keys.md)"


async def serve() -> int:
    """Serves until SIGINT or SIGTERM; then ends within ten seconds, and at once at the second of them."""
    settings = load_settings()
    logs.set_up(settings.log_level, settings.log_format)
    if fault_points.arm(os.environ.get(fault_points.VARIABLE, "")):
        log.warning("%s is set, which is for tests: this process will end without a word", fault_points.VARIABLE)
    signals = _Signals()
    async with running(settings) as bot:
        signals.stopping = bot.stopping
        _greet(settings, bot.address, [s.name for s in bot.schools.values()])
        if bot.database.vault.made is not None:
            log.warning("records are sealed from now on: %s is the key ring. %s", bot.database.vault.made.path, _KEEP_IT)
        # What is there by now stays for as long as the program runs. To look through it for what nobody needs any more would
        # hold everybody up for a third of a second, now and then.
        gc.freeze()
        gc.enable()
        waiting = asyncio.create_task(signals.stop.wait())
        done, _ = await asyncio.wait({waiting, *bot.tasks}, return_when=asyncio.FIRST_COMPLETED)
        if waiting not in done:
            # A part of the program has ended by itself: better to stop, and be started again, than to serve without it.
            log.error("a part of the bot has stopped: %s", ", ".join(t.get_name() for t in done if isinstance(t, asyncio.Task)))
            waiting.cancel()
            signals.begin()
            return 1
    return 0


def run() -> NoReturn:
    """Serves, and ends the process. Python would first take its memory to pieces, for longer than all the rest takes."""
    with asyncio.Runner(loop_factory=new_loop) as runner:
        code = runner.run(serve())
    logging.shutdown()
    sys.stdout.flush()
    os._exit(code)


def new_loop() -> asyncio.AbstractEventLoop:
    """The event loop of uvloop, which costs less for each request; Python's own where that is not to be had."""
    if sys.platform == "win32":
        return asyncio.new_event_loop()
    import uvloop

    return uvloop.new_event_loop()


class _Signals:
    """What the system tells the program."""

    def __init__(self) -> None:
        self.stop = asyncio.Event()
        self.stopping: Stopping | None = None
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._received, number)

    def _received(self, number: signal.Signals) -> None:
        if self.stop.is_set():
            log.warning("stopped at once")
            os._exit(128 + number)
        self.begin()

    def begin(self) -> None:
        """Begins to stop."""
        self.stop.set()
        if self.stopping is not None:
            self.stopping.begin()
        # A thread of its own: it must come off even where the loop itself hangs.
        last = threading.Timer(STOP_SECONDS - _HASTE_SECONDS, _cut_off)
        last.daemon = True
        last.start()


def _cut_off() -> None:
    log.error("cut off: what hangs has not ended in time. Nothing that was received is lost")
    os._exit(1)


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
