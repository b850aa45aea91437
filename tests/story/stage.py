"""One stage for the same story on every platform: people who type, fill in, press and see."""

import asyncio
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

import yaml

from bot.running import Bot
from bot.settings import DEMO_SCHOOLS
from tests.fakes.clock import PATIENCE_SECONDS, FakeClock

Value: TypeAlias = str | list[str]

CAST: Mapping[str, str] = {
    "teacher": "t.whitlock@demo.example",
    "dsl": "d.okafor@demo.example",
    "deputy": "m.lindqvist@demo.example",
    "brunel head": "b.marsh@demo.example",
    "cabot head": "k.devlin@demo.example",
    "headteacher": "h.pemberton@demo.example",
    "chair": "c.adeyemi@demo.example",
    "it": "i.nowak@demo.example",
}
SAFEGUARDING, BRUNEL = "safeguarding", "brunel-house"
IDLE_SECONDS = 0.1
"""How often a story's worker looks by itself for what is due. Whoever waits for it rings its bell."""
DEMO: Mapping[str, object] = {}
"""What a story that is told of the demo school itself has otherwise in its file: nothing."""


class Dialog(ABC):
    """A form that is open before somebody, or a private page to read."""

    @property
    @abstractmethod
    def shown(self) -> str:
        """Every text in it."""

    @property
    @abstractmethod
    def errors(self) -> dict[str, str]:
        """What is said to be wrong, by field."""

    @property
    @abstractmethod
    def fields(self) -> frozenset[str]:
        """The ids of its fields."""

    @abstractmethod
    def value(self, field: str) -> Value:
        """What stands in a field."""

    @abstractmethod
    async def fill(self, values: Mapping[str, Value]) -> None:
        """Fills fields in, by id. People are picked by name where the list has them, else typed."""

    @abstractmethod
    async def submit(self) -> "Dialog | None":
        """Sends it. What is open afterwards: the same form with errors, the next one, or nothing."""

    @abstractmethod
    async def press(self, label: str) -> "Dialog | None":
        """Presses a button in it. What is open afterwards."""


class Stage(ABC):
    """A school on one platform."""

    platform: str
    prefix = "/esafety "

    def quoted(self, command: str) -> str:
        """A command as the bot writes it within a sentence."""
        return self.prefix + command if self.prefix else f"\u201c{command}\u201d"

    def __init__(self, bot: Bot, clock: FakeClock) -> None:
        self.bot = bot
        self.clock = clock

    @abstractmethod
    async def command(self, who: str, text: str) -> "Dialog | str":
        """Types a command. A dialog that opens, or the text of the private answer."""

    @abstractmethod
    async def ask(self, who: str, text: str) -> str:
        """Says something to the bot in one's own chat with it. The text of its answer there."""

    @abstractmethod
    def sees(self, who: str, channel: str = "") -> list[str]:
        """The messages from the bot that somebody has: their direct ones, or those of a channel they are in."""

    @abstractmethod
    def raw_chat(self) -> str:
        """Everything that stays in the platform's history."""

    @abstractmethod
    async def press(self, who: str, label: str, reference: str, channel: str = "") -> "Dialog | str":
        """Presses a button on the newest message about a report. A dialog that opens, or the private answer ('' for none)."""

    async def until(self, found: Callable[[], bool], what: str) -> None:
        """Waits for what the worker does by itself."""
        self.bot.worker.bell.set()
        end = time.monotonic() + PATIENCE_SECONDS
        while not found():
            if time.monotonic() > end:
                raise AssertionError(f"never happened: {what}")
            await asyncio.sleep(0.02)

    async def expects(self, who: str, *words: str, channel: str = "") -> str:
        """The newest message that holds all the words, once there is one."""

        def holding() -> list[str]:
            return [m for m in self.sees(who, channel) if all(w in m for w in words)]

        await self.until(lambda: bool(holding()), f"{who} sees {words} {channel}; there is {self.sees(who, channel)}")
        return holding()[-1]

    async def never(self, who: str, word: str, channel: str = "") -> None:
        """Holds that nothing with that word has come, once the worker has nothing left to do."""
        await self.settled()
        assert not [m for m in self.sees(who, channel) if word in m], f"{who} must not see {word}"

    async def settled(self) -> None:
        """Waits until nothing is due any more."""
        for _ in range(250):
            self.bot.worker.bell.set()
            await asyncio.sleep(0.02)
            backlog = await self.bot.worker.outbox.backlog(self.clock.now())
            if not (backlog.deliveries_due or backlog.timers_due):
                return
        raise AssertionError("the worker is never done")

    async def reports(self, who: str, kind: Mapping[str, Value], details: Mapping[str, Value]) -> str:
        """Reports in two screens, and gives the reference. What is asked and not told is answered "no"."""
        first = await self.command(who, "report")
        assert isinstance(first, Dialog)
        await first.fill(kind)
        second = await first.submit()
        assert second is not None
        asked: dict[str, Value] = {f: "no" for f in ("repeat", "illegal") if f in second.fields}
        await second.fill({**asked, **details})
        receipt = await second.submit()
        assert receipt is not None, "nothing was shown after sending"
        assert not receipt.errors, receipt.errors
        return reference_in(receipt.shown)


def reference_in(text: str) -> str:
    """The first reference in a text."""
    return next(w.strip(".,:;()") for w in text.split() if w.startswith("CSS-2026-"))


@cache
def _demo_school() -> dict[str, Any]:
    school: dict[str, Any] = yaml.safe_load((DEMO_SCHOOLS / "chipping-sodbury.yaml").read_text())
    return school


def write_school(
    folder: Path,
    platform: str,
    channels: Mapping[str, str],
    guests: Mapping[str, str] | None = None,
    school_file: Mapping[str, object] = DEMO,
) -> Path:
    """The demo school's file, its channels those of another platform. `guests`: accounts of guests, with whose they are.

    `school_file`: what stands in it otherwise, for the story of another school.
    """
    school = _demo_school() | dict(school_file)
    school["channels"] = {
        platform: {
            "dsl": channels[SAFEGUARDING],
            "deputy_dsl": channels[SAFEGUARDING],
            "head_of_house": {"Brunel": channels[BRUNEL]},
        }
    }
    if guests:
        school["guests"] = {platform: dict(guests)}
    folder.mkdir(exist_ok=True)
    (folder / "chipping-sodbury.yaml").write_text(yaml.safe_dump(school))
    return folder
