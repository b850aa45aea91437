"""Sealed pages that were taken out: noted before they are written, and ended by the clock or a person, never without word."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from domain.access import KEEPERS, Act, may
from domain.exports import LIVES, NO_RIGHT, TOLD_FOR, UNWRITTEN, Page, PageEnd, PageKind, PageLine, Stays
from domain.people import Account, School
from domain.retention import KeepState
from handlers.acknowledge import NotForYou
from handlers.ask import same_id
from handlers.ports import Ports, Records, actor
from handlers.rights import member, subjects, viewer

CLOCK, COMMAND = "bot", "command"
"""Who acts where no person of the school does, as the audit names them."""


@dataclass(frozen=True, slots=True)
class Swept:
    """What became of the folder. `remove`: the files that have no business there any more. `ended`, `found`: how many pages."""

    remove: tuple[str, ...]
    ended: int
    found: int


def new_page(
    ports: Ports, kind: PageKind, made_by: str | None, file: str, digest: str, cases: tuple[str, ...], page_id: str = ""
) -> Page:
    """A page that begins to live now."""
    now = ports.clock.now()
    return Page(page_id or ports.new_id(), file, kind, made_by, now, now + LIVES, digest, cases)


def id_of(account: Account, *form: str) -> str:
    """The id of the page that a form has made: of the person too, so that nobody sends another's form a second time."""
    return same_id("page", account.person_id or "", *form)


async def made_with(records: Records, page_id: str, now: datetime) -> Page | str:
    """The page that was made under an id, if it has not ended; else an id for one: the same, where there was none before."""
    known = {p.id: p for p in await records.pages(since=now - TOLD_FOR)}
    while (page := known.get(page_id)) is not None:
        if page.ended is None:
            return page
        page_id = same_id("page", page_id)
    return page_id


async def before(ports: Ports, school: School, account: Account, page_id: str) -> Page | str | NotForYou:
    """The same, for those who answer for the records."""
    async with ports.store.transaction(school, write=False) as records:
        if not (await viewer(records, school, account)).roles & KEEPERS:
            return NotForYou()
        found = await made_with(records, page_id, ports.clock.now())
        lost = isinstance(found, Page) and await is_lost(records, school, found, ports.clock.now())
        return NotForYou() if lost else found


async def add(ports: Ports, school: School, account: Account, page: Page) -> Page | None:
    """Keeps that there is a page, before it is written: a file that nobody knows of would have no end.

    None where its id has a page that lives: another process has made it at the same time.
    """
    async with ports.store.transaction(school) as records:
        found = await made_with(records, page.id, ports.clock.now())
        if isinstance(found, Page):
            return None
        page = replace(page, id=found)
        if not await note_made(records, page, actor(account)):
            return None
        await end_if_lost(records, school, page, page.at)
        return page


async def is_lost(records: Records, school: School, page: Page, now: datetime) -> bool:
    """Whether whoever made a page may not read what is in it any more: they have left, or may not read a case in it."""
    if page.made_by is None:
        return False
    looking = member(school, await records.staff(), page.made_by)
    if looking.person is None:
        return True
    cases = await records.incidents(page.cases) if page.cases else {}
    alerts = await records.alerts_of_cases(*cases) if cases else []
    known = await subjects(records, [(a, cases[a.incident_id]) for a in alerts], list(cases.values()), now)
    # Of one that is erased nothing can be read, and its page has ended with it.
    return any(not case.incident.erased and not may(looking, Act.READ, case) for case in known.values())


async def end_if_lost(records: Records, school: School, page: Page, now: datetime) -> bool:
    """Ends a page that its maker may not read any more, whatever else holds it: the record is there, for those who may."""
    return await is_lost(records, school, page, now) and await end(records, page, PageEnd.REPLACED, CLOCK, now, NO_RIGHT)


async def end_lost_with(records: Records, school: School, incident_id: str, now: datetime) -> None:
    """The same with those that have a case in them which somebody has just been kept out of."""
    for page in await records.pages():
        if incident_id in page.cases:
            await end_if_lost(records, school, page, now)


async def note_made(records: Records, page: Page, by: str) -> bool:
    """The row and the entry of a new page. If a case in it has been erased meanwhile, it ends at once. False: it is known."""
    held = [await records.incident(case) for case in sorted(page.cases)]
    if not await records.add_page(page):
        return False
    until = page.ends_at.isoformat()
    await records.note(page.at, by, "page.made", page=page.id, file=page.file, kind=page.kind, digest=page.digest, until=until)
    if any(incident is None or incident.erased for incident in held):
        await end(records, page, PageEnd.ERASED, by, page.at)
    return True


async def mine(records: Records, school: School, account: Account, now: datetime) -> tuple[PageLine, ...]:
    """The pages that somebody has made, those that ended lately as well. That others made one would tell too much."""
    theirs = [p for p in await records.pages(since=now - TOLD_FOR) if _is_of(p, account) and p.ended is not PageEnd.REPLACED]
    found = [p for p in theirs if p.ended is not None or not await is_lost(records, school, p, now)]
    return tuple([PageLine(p, await stays(records, p) if p.ended is None and p.ends_at <= now else None) for p in found])


async def keep(ports: Ports, school: School, account: Account, page_id: str) -> Page | NotForYou:
    """A page begins to live anew, for whoever made it."""
    now = ports.clock.now()
    async with ports.store.transaction(school) as records:
        page = await _own(records, school, account, page_id)
        if page is None or await is_lost(records, school, page, now):
            return NotForYou()
        if not await records.change_page(kept := replace(page, ends_at=now + LIVES)):
            return NotForYou()
        await records.note(now, actor(account), "page.kept", page=page.id, until=kept.ends_at.isoformat())
        return kept


async def drop(ports: Ports, school: School, account: Account, page_id: str) -> Page | NotForYou:
    """A page ends, for whoever made it. The file goes next: what is left lying by a crash goes with the next sweep."""
    now = ports.clock.now()
    async with ports.store.transaction(school) as records:
        page = await _own(records, school, account, page_id, keeps=False)
        if page is None or not await end(records, page, PageEnd.MAKER, actor(account), now):
            return NotForYou()
        return page


async def end(records: Records, page: Page, how: PageEnd, by: str, now: datetime, noted: str = "") -> bool:
    """Notes the end of a page, once. `noted`: what the audit says of it, where that is more."""
    if not await records.change_page(replace(page, ended=how, ended_at=now)):
        return False
    await records.note(now, by, "page.ended", page=page.id, file=page.file, how=noted or how)
    return True


async def end_all_with(records: Records, incident_id: str, by: str, now: datetime) -> None:
    """Pages with a case in them that is erased: what nobody may read any more must not lie about in a copy."""
    for page in await records.pages():
        if incident_id in page.cases:
            await end(records, page, PageEnd.ERASED, by, now)


async def sweep(ports: Ports, school: School, there: Mapping[str, tuple[datetime, str]]) -> Swept:
    """Ends the pages whose time is over or whose maker lost the right to them, and takes in those that nobody has noted.

    Several processes may do it at once.

    `there`: the files in the folder that have the name of a page of this school, with when each was written and its digest.
    """
    now = ports.clock.now()
    ended = found = 0
    async with ports.store.transaction(school, write=False) as records:
        known = {page.file: page for page in await records.pages(there.keys())}
        live = [p for p in known.values() if p.ended is None]
        over = [p for p in live if p.ends_at <= now and await stays(records, p) is None]
        lost = [p for p in live if await is_lost(records, school, p, now)]
    if over or lost or not there.keys() <= known.keys():
        async with ports.store.transaction(school) as records:
            for page in lost:
                # Asked once more: somebody may just have been let in again.
                ended += await end_if_lost(records, school, page, now)
            for page in over:
                how = PageEnd.TIME if page.file in there else PageEnd.MISSING
                ended += await end(records, page, how, CLOCK, now)
            for file, (at, digest) in there.items():
                if file not in known:
                    found += await _take_in(ports, records, file, at, digest)
            known = {page.file: page for page in await records.pages(there.keys())}
    gone = {file for file, page in known.items() if page.ended is not None}
    return Swept(tuple(file for file in there if file in gone), ended, found)


async def stays(records: Records, page: Page) -> Stays | None:
    """Why the clock leaves a page alone; None where it does not."""
    if page.kind is PageKind.HANDOVER and any(h.file == page.file for h in await records.unreceived()):
        return Stays.NO_RECEIPT
    for case in page.cases:
        keeping = await records.keeping(case)
        if keeping is not None and keeping.state is KeepState.HELD and keeping.until is None:
            return Stays.HELD
    return None


def is_missing(page: Page, there: Mapping[str, object], now: datetime) -> bool:
    """Whether a page should be in the folder and is not."""
    return page.ended is None and page.file not in there and now - page.at > UNWRITTEN


async def _take_in(ports: Ports, records: Records, file: str, at: datetime, digest: str) -> bool:
    """A page that an older version made, or whose row a restored backup has not. It lives as long as a new one."""
    handed_over = any(h.file == file for h in await records.unreceived())
    kind = PageKind.HANDOVER if handed_over else PageKind.SUBJECT
    page = replace(new_page(ports, kind, None, file, digest, ()), at=at)
    if not await records.add_page(page):
        return False
    now, until = ports.clock.now(), page.ends_at.isoformat()
    await records.note(now, CLOCK, "page.found", page=page.id, file=file, digest=digest, until=until)
    return True


async def _own(records: Records, school: School, account: Account, page_id: str, *, keeps: bool = True) -> Page | None:
    """The page, for whoever made it. To keep one longer is for those who answer for the records; to end one's own is not."""
    looking = await viewer(records, school, account)
    if looking.person is None or (keeps and not looking.roles & KEEPERS):
        return None
    return next((p for p in await records.pages() if p.id == page_id and _is_of(p, account)), None)


def _is_of(page: Page, account: Account) -> bool:
    return page.made_by is not None and page.made_by == account.person_id
