"""What /readyz looks at: named checks, so that each part of the program can bring its own."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from handlers.ports import Clock
from storage.health import DatabaseHealth
from storage.trouble import IN_WORDS, DatabaseTroubleError
from storage.vault import Vault

_LONGEST_LOOK_SECONDS = 4.0
_LONGEST_SILENCE = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Check:
    """Something that must be right. `look` says in a line what is wrong, '' where nothing is.

    With `only_warns` it is said, and the program is ready all the same.
    """

    name: str
    look: Callable[[], Awaitable[str]]
    only_warns: bool = False


@dataclass(frozen=True, slots=True)
class Readiness:
    """Whether the program can do its work now; `lines` say what is the matter, a check a line."""

    ready: bool
    lines: tuple[str, ...]

    def __str__(self) -> str:
        return "\n".join(("ready" if self.ready else "not ready", *self.lines, ""))


async def look(checks: Sequence[Check]) -> Readiness:
    """Looks at everything at once. A check that fails or does not end counts as one that found something."""
    found = await asyncio.gather(*(_look(check) for check in checks))
    seen = [(check, what) for check, what in zip(checks, found, strict=True) if what]
    lines = tuple(f"{'warning: ' * check.only_warns}{check.name}: {what}" for check, what in seen)
    return Readiness(all(check.only_warns for check, _ in seen), lines)


async def _look(check: Check) -> str:
    try:
        async with asyncio.timeout(_LONGEST_LOOK_SECONDS):
            return await check.look()
    except TimeoutError:
        return f"cannot be told within {_LONGEST_LOOK_SECONDS:.0f} seconds"
    except Exception as broken:  # noqa: BLE001 - without its text, which may quote what was being written
        return f"cannot be told ({type(broken).__name__})"


def heartbeat(name: str, clock: Clock, beat_at: Callable[[], datetime | None], longest: timedelta = _LONGEST_SILENCE) -> Check:
    """A part that works by itself: longer than that without a sign of life, and it has stopped."""
    began = clock.now()

    async def silent() -> str:
        silence = clock.now() - (beat_at() or began)
        return f"no sign of life for {silence.total_seconds():.0f} seconds" if silence > longest else ""

    return Check(name, silent)


def database_checks(health: DatabaseHealth) -> list[Check]:
    """Whether the records can be written, and whether there is room for many more."""

    async def writable() -> str:
        trouble = await health.look()
        return IN_WORDS[trouble] if trouble is not None else ""

    async def roomy() -> str:
        free = await asyncio.to_thread(health.little_room)
        return f"only {free // 1024**2} MB are free: make room" if free is not None else ""

    return [Check("database", writable), Check("disk", roomy, only_warns=True)]


def keys_check(vault: Vault) -> Check:
    """Whether what is sealed can be opened: another process may have put it under a key that this one has not been given."""

    async def opens() -> str:
        # What is wrong with the database itself another check says.
        with contextlib.suppress(DatabaseTroubleError):
            return await vault.trouble()
        return ""

    return Check("keys", opens)
