"""`esafety exports`: the sealed pages in the folder for exports, for whoever looks after the server.

That gives no right to read: a page opens with the passphrase that its maker was shown, here as anywhere. What is done here is
in the audit.
"""

import asyncio
import getpass
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from bot.audit_command import open_database
from bot.exports import in_folder, sealed
from bot.settings import SettingsError, load_settings
from bot.wiring import ports_for_commands
from domain.exports import Page, PageEnd, PageKind, Stays
from domain.people import School
from handlers import exports
from handlers.ports import Ports
from storage.school_files import load_schools
from storage.sealed_pages import PageError, digest_of, keep_page, open_page, page_name, remove_page

_FOR = {PageKind.SUBJECT: "for its maker", PageKind.HANDOVER: "for the next school"}
_STAYS = {
    None: "",
    Stays.HELD: "; its time is over, and it stays while a case in it is on hold",
    Stays.NO_RECEIPT: "; its time is over, and it stays until the receipt is typed in",
}


@dataclass(frozen=True, slots=True)
class _Shelf:
    """The folder, the records and the schools."""

    ports: Ports
    folder: Path
    schools: tuple[School, ...]


@dataclass(frozen=True, slots=True)
class _Found:
    """One page: `page` as the records know it, and the file as it is there; either may be missing."""

    school: School
    file: str
    page: Page | None
    digest: str | None
    stays: Stays | None = None
    lost: bool = False

    @property
    def fault(self) -> str:
        """Why nobody should trust or open it; '' where it is as it was made.

        That its maker may not read it any more would tell whoever looks after the server something of a case.
        """
        if self.page is not None and (self.lost or self.page.ended is not None):
            return "its time is over: the running bot deletes it within the hour"
        if self.digest is None:
            return "it is not in the folder"
        if self.page is None or self.page.made_by is None:
            return "no record vouches for it: an older version made it, or it was put there"
        return "" if self.digest == self.page.digest else "it is not as it was made: do not type a passphrase into it"


async def print_pages() -> int:
    """Prints every page there is and until when. 0 where each is as it was made, else 1."""
    async with _shelf() as shelf:
        found = await _all(shelf)
    print(f"Sealed pages in {shelf.folder}: {len(found)}")
    for one in found:
        print(f"{'!' if one.fault else ' '} {one.file}: {'; '.join(filter(None, (_until(one), one.fault)))}")
    return int(any(one.fault for one in found))


async def verify(files: list[str]) -> int:
    """Says of each page whether it is as it was made: of those named, or of all. 0 where each is, else 1."""
    async with _shelf() as shelf:
        found = [await _one(shelf, name) for name in files] if files else await _all(shelf)
    for one in found:
        print(f"{'!' if one.fault else ' '} {one.file}: {one.fault or 'as it was made'}")
    return int(any(one.fault for one in found))


async def open_into(file: str, out: Path) -> int:
    """Writes what a page shows into a new file, for whoever has its passphrase. 1 where it is not opened."""
    async with _shelf() as shelf:
        one = await _one(shelf, file)
        body = await _opened(shelf, one)
        if body is None:
            return 1
        handle = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as made:
            made.write(f'<!doctype html><html lang="en-GB"><meta charset="utf-8"><title>{one.file}</title>{body}</html>\n')
    print(f"{out} can be read by anybody who gets hold of it: delete it as soon as it is done with.")
    return 0


async def reissue(file: str) -> int:
    """Seals a page anew, under a new passphrase, for whoever has the old one: it lives anew, and the old one ends."""
    async with _shelf() as shelf:
        one = await _one(shelf, file)
        body = await _opened(shelf, one)
        if body is None or one.page is None:
            return 1
        ports, school = shelf.ports, one.school
        now, before = ports.clock.now(), one.page
        name = page_name(school.prefix, now, ports.new_id())
        made, passphrase, text = await asyncio.to_thread(
            sealed, school, exports.new_page(ports, before.kind, before.made_by, name, "", before.cases), body
        )
        async with ports.store.transaction(school) as records:
            await exports.note_made(records, made, exports.COMMAND)
        await asyncio.to_thread(keep_page, shelf.folder, name, text)
        # Whoever ends here has both pages, and the old passphrase still opens the old one.
        print(f"{name} is the page now. Its passphrase: {passphrase}", flush=True)
        print("It is shown here once and kept nowhere: give it to nobody but whoever made the page.")
        async with ports.store.transaction(school) as records:
            await exports.end(records, before, PageEnd.REPLACED, exports.COMMAND, now)
            await records.move_handover(before.file, name)
        await asyncio.to_thread(remove_page, shelf.folder, before.file)
    return 0


async def delete(file: str) -> int:
    """Deletes a page before its time."""
    async with _shelf() as shelf:
        one = await _one(shelf, file)
        if one.page is not None:
            async with shelf.ports.store.transaction(one.school) as records:
                await exports.end(records, one.page, PageEnd.OPERATOR, exports.COMMAND, shelf.ports.clock.now())
        await asyncio.to_thread(remove_page, shelf.folder, one.file)
    print(f"{one.file} is deleted. Whoever made it is told in their list of records.")
    return 0


@asynccontextmanager
async def _shelf() -> AsyncIterator[_Shelf]:
    settings = load_settings()
    schools = tuple(load_schools(settings.schools_folder).values())
    database = await open_database(settings)
    try:
        ports = ports_for_commands(database)
        yield _Shelf(ports, settings.exports_folder, schools)
    except OSError as no:
        raise SettingsError(f"{no.filename or settings.exports_folder} cannot be used ({no.strerror})") from None
    finally:
        await database.close()


async def _all(shelf: _Shelf) -> list[_Found]:
    return [found for school in shelf.schools for found in await _of_school(shelf, school)]


async def _of_school(shelf: _Shelf, school: School) -> list[_Found]:
    there = await in_folder(school, shelf.folder)
    now = shelf.ports.clock.now()
    async with shelf.ports.store.transaction(school, write=False) as records:
        known = {page.file: page for page in await records.pages(there.keys())}
        why = {page.file: await exports.stays(records, page) for page in known.values() if page.ends_at <= now}
        lost = {page.file for page in known.values() if await exports.is_lost(records, school, page, now)}
    return [
        _Found(school, name, known.get(name), there[name][1] if name in there else None, why.get(name), name in lost)
        for name in sorted({*known, *there})
    ]


async def _one(shelf: _Shelf, name: str) -> _Found:
    found = next((one for one in await _all(shelf) if one.file == Path(name).name), None)
    if found is None:
        raise SettingsError(f"there is no page called {name}: `esafety exports list` has their names")
    return found


async def _opened(shelf: _Shelf, one: _Found) -> str | None:
    """What a page shows, if its maker's passphrase is typed; each attempt is noted."""
    if one.page is None or one.fault:
        if one.page is not None:
            await _note_try(shelf, one.school, one.page, opened=False)
        print(f"esafety: {one.file}: {one.fault}", file=sys.stderr)
        return None
    text = await asyncio.to_thread((shelf.folder / one.file).read_text, "utf-8")
    passphrase = await asyncio.to_thread(getpass.getpass, "Passphrase: ")
    try:
        body = await asyncio.to_thread(open_page, text, passphrase) if digest_of(text) == one.page.digest else None
    except PageError:
        body = None
    if not await _note_try(shelf, one.school, one.page, opened=body is not None):
        # Its maker has lost the right to it while the passphrase was typed.
        body = None
    if body is None:
        print("esafety: that is not its passphrase. That it was tried is in the audit.", file=sys.stderr)
    return body


async def _note_try(shelf: _Shelf, school: School, page: Page, *, opened: bool) -> bool:
    """Notes that a page was to be opened; whether it may be."""
    now = shelf.ports.clock.now()
    async with shelf.ports.store.transaction(school) as records:
        allowed = opened and not await exports.is_lost(records, school, page, now)
        await records.note(now, exports.COMMAND, "page.opened", page=page.id, file=page.file, opened=allowed)
    return allowed


def _until(one: _Found) -> str:
    if one.page is None or one.lost or one.page.ended is not None:
        return ""
    return f"{_FOR[one.page.kind]}, made {one.page.at:%d %b %Y}, deleted {one.page.ends_at:%d %b %Y}{_STAYS[one.stays]}"
