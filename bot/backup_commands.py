"""`esafety backup`, `restore` and `move`: all records, from one place to another."""

import asyncio
import signal
import sys
from collections.abc import Coroutine
from datetime import UTC, datetime
from pathlib import Path

from bot.head_keeper import key_file
from bot.settings import load_settings
from bot.wiring import SystemClock
from storage.audit_entries import note_in_every_audit
from storage.backup_files import CopyError
from storage.copying import Copied, back_up, broken_audits_said, move, restore
from storage.database import Database, DatabaseUrlError
from storage.trouble import DatabaseTroubleError


async def back_up_to(file: Path) -> int:
    """Backs the configured database up. 1 if there is a backup, of records whose audit is broken."""
    database = Database(load_settings().database_url)
    now = SystemClock().now()
    try:
        # Before anything is copied, and even so a database that takes no entry any more must be backed up.
        if not database.is_missing and await database.why_not_ready() is None:
            await _note(database, "records.backed_up")
        copied = await _unless_stopped(back_up(database, file, now))
    except CopyError as wrong:
        return _refused(wrong)
    finally:
        await database.close()
    print(f"Backed up to {file}, as it was on {_moment(now)}:")
    _show(copied)
    print("What is sealed in it opens with the key ring alone, which is not in it: keep the two apart. docs/backup.md")
    return int(bool(copied.broken_audits))


async def restore_from(file: Path, *, broken_audit: bool) -> int:
    """Restores a backup into the configured database."""
    database = Database(load_settings().database_url)
    try:
        copied = await _unless_stopped(restore(file, database, broken_audit=broken_audit))
        await _note(database, "records.restored", made_at=(copied.made_at or datetime.now(UTC)).isoformat())
    except CopyError as wrong:
        return _refused(wrong)
    finally:
        await database.close()
    made_at = copied.made_at or datetime.now(UTC)
    print(f"Restored {file}, which has everything up to {_moment(made_at)}, and nothing of what came after:")
    _show(copied)
    print("What was to be sent then is sent as soon as the bot is started: esafety doctor, then esafety run.")
    return 0


async def move_to(url: str, *, broken_audit: bool) -> int:
    """Moves the records of the configured database into another."""
    settings = load_settings()
    source = Database(settings.database_url)
    try:
        target = Database(url)
    except DatabaseUrlError:
        # Its own words are about the setting. And not the address itself, which may hold a password.
        raise DatabaseUrlError("--to must be postgresql://user:password@host/database or sqlite:///path/to/file.db") from None
    try:
        copied = await _unless_stopped(move(source, target, broken_audit=broken_audit))
        await _note(target, "records.moved")
    except CopyError as wrong:
        return _refused(wrong)
    finally:
        await source.close()
        await target.close()
    print("Every record is in both places now:")
    _show(copied)
    shown = target.url.set(drivername=target.url.get_backend_name())
    print("Put this into .env, then start the bot:")
    print(f"  ESAFETY_DATABASE_URL={shown.render_as_string()}")
    if shown.password is not None:
        print("  (with the password that you gave, in place of ***)")
    if settings.key_source is None and source.is_sqlite:
        print(f"  ESAFETY_KEYS_FILE={source.vault.source.name}")
        print("  (or where you move that file to: the records are sealed under the keys in it. docs/keys.md)")
    audit_key = key_file(settings)
    if source.is_sqlite and not (settings.audit_key or settings.audit_key_file) and audit_key is not None:
        print(f"  ESAFETY_AUDIT_KEY_FILE={audit_key}")
        print("  (the key that signs the audit's heads. docs/audit.md)")
    print("The old database is as it was. Keep it until the new one has been backed up once; then delete it.")
    return 0


async def _note(database: Database, action: str, **data: str) -> None:
    try:
        await note_in_every_audit(database, SystemClock().now(), "command", action, data)
    except DatabaseTroubleError as no:
        print(f"esafety: the audit does not say that this was done, since {no}", file=sys.stderr)


async def _unless_stopped(work: Coroutine[object, object, Copied]) -> Copied:
    """Breaks the work off when the system says so, in such a way that it clears up behind itself."""
    task = asyncio.ensure_future(work)
    loop = asyncio.get_running_loop()
    try:
        loop.add_signal_handler(signal.SIGTERM, task.cancel)
    except NotImplementedError:
        # Windows knows no such signal.
        return await task
    try:
        return await task
    except asyncio.CancelledError:
        raise CopyError("it was stopped before it was done") from None
    finally:
        loop.remove_signal_handler(signal.SIGTERM)


def _refused(wrong: CopyError) -> int:
    print(f"esafety: {wrong}", file=sys.stderr)
    return 2


def _show(copied: Copied) -> None:
    for table, rows in copied.rows.items():
        if rows:
            print(f"  {table.replace('_', ' '):<22} {rows:>10,}")
    empty = sum(not rows for rows in copied.rows.values())
    print(f"  (and nothing in the other {empty} tables)")
    print(f"Digest of the records: {copied.digest}")
    for school, entries in copied.audits.items():
        if school not in copied.broken_audits:
            print(f"The audit of {school} is as it was written, from the first entry to the last ({entries:,}).")
    if copied.broken_audits:
        print(f"{broken_audits_said(copied)} It was copied as it is. Find out who changed it.")


def _moment(at: datetime) -> str:
    return f"{at:%d %B %Y} at {at:%H:%M:%S} UTC"
