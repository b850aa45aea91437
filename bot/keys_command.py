"""`esafety keys`: a new master key, what lies under which, and putting everything under the current one. docs/keys.md."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path

from bot.settings import Settings, load_settings
from storage.database import Database
from storage.key_ring import MasterKey, RingFile, new_key
from storage.trouble import DatabaseTroubleError, Trouble
from storage.vault import KeyUse


def make_key(now: datetime) -> int:
    """Makes a master key and puts it before the others in the ring's file; where there is none, prints its line."""
    settings, key = load_settings(), new_key(now)
    file = _file_of(settings)
    if file is None:
        _hand_over(settings, key)
        return 0
    if file.path.exists():
        file.add(key)
        print(f"{key.name} is the current key in {file.path} now. Running bots take it up by themselves.")
        print("Copy the file to where you keep the ring, apart from the backups. Then: esafety keys rotate.")
    else:
        file.make(key)
        print(
            f"{file.path} is the key ring now, with the key {key.name}. Keep a copy of it, apart from the backups: docs/keys.md"
        )
    return 0


def _file_of(settings: Settings) -> RingFile | None:
    source = settings.key_source or Database(settings.database_url).vault.source
    return source if isinstance(source, RingFile) else None


def _hand_over(settings: Settings, key: MasterKey) -> None:
    print(key.line)
    if settings.keys or settings.keys_command:
        print(
            f"Put it before the others, restart every process of the bot, then: esafety keys rotate. It is called {key.name}."
        )
    else:
        print("Set it as ESAFETY_KEYS, or put it into a file and set ESAFETY_KEYS_FILE to that. docs/keys.md")


async def rotate() -> int:
    """Puts every data key under the current master key."""
    async with _database() as database:
        done = await database.vault.rotate()
        uses = await database.vault.use()
    current = next(use.name for use in uses if use.current)
    print(f"{done:,} key{'s' * (done != 1)} put under {current}." if done else f"Everything was under {current} already.")
    _say_what_may_go(uses)
    return 0


async def print_status() -> int:
    """Prints what lies under which key. 1 where a key is missing or wrong."""
    async with _database() as database:
        trouble = await database.vault.trouble()
        if trouble:
            print(trouble)
            return 1
        uses = await database.vault.use()
    for use in uses:
        what = "current" if use.current else "older"
        print(f"{use.name:<32} {what:<8} {use.cases:>10,} cases {use.schools:>6,} keys of schools")
    _say_what_may_go(uses)
    return 0


def _say_what_may_go(uses: list[KeyUse]) -> None:
    for use in uses:
        if not use.current and not use.cases and not use.schools:
            print(f"Nothing in this database is under {use.name} any more: it may be taken out of the ring.")
            print("Keep it for as long as you keep any backup from before.")


@asynccontextmanager
async def _database() -> AsyncIterator[Database]:
    settings = load_settings()
    database = Database(settings.database_url, settings.key_source)
    try:
        if database.is_sqlite and not await asyncio.to_thread(Path(database.url.database or "").is_file):
            raise DatabaseTroubleError(Trouble.GONE, f"there is no database yet at {database.url.database}")
        if (trouble := await database.why_not_ready()) is not None:
            raise DatabaseTroubleError(trouble)
        yield database
    finally:
        await database.close()
