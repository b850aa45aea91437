"""The folder for sealed pages: how one is made, and how the folder is kept to what the records say of it."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from time import monotonic
from typing import TypeVar
from weakref import WeakValueDictionary

from bot.replies import Reply, ShowForm
from cards.export import locked_until, made_before_card
from cards.model import Card
from cards.pages import as_form
from cards.texts import say
from domain.exports import MadeAlready, Page, PageKind
from domain.people import Account, School
from handlers import exports
from handlers.exports import Swept, sweep
from handlers.ports import Ports
from storage.sealed_pages import digest_of, keep_page, new_passphrase, page_name, pages_in, remove_page, seal_page

_REMEMBERED_SECONDS = 600.0
_Found = TypeVar("_Found")
Later = Callable[[float, Callable[[], None]], object]
"""Has something done after so many seconds."""


class Lately:
    """The passphrases of pages that forms had made lately, in memory alone: a form that is sent again is answered as before.

    A chat that has waited too long asks for the form once more, and has not shown anybody the passphrase.
    """

    def __init__(self, now: Callable[[], float] = monotonic, later: Later | None = None) -> None:
        self._now = now
        self._later = later
        self._kept: dict[str, tuple[float, str]] = {}
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    def one_at_a_time(self, page_id: str) -> asyncio.Lock:
        """Held while a form is taken: whoever sends it again meanwhile waits for what comes of it."""
        lock = self._locks.get(page_id)
        if lock is None:
            self._locks[page_id] = lock = asyncio.Lock()
        return lock

    def keep(self, page: Page, passphrase: str) -> None:
        """Remembers it for a few minutes, and not until somebody comes along after."""
        self._forget()
        self._kept[page.id] = self._now(), passphrase
        later = self._later or asyncio.get_running_loop().call_later
        later(_REMEMBERED_SECONDS + 1, self._forget)

    def passphrase(self, page: Page) -> str:
        """What was remembered; empty where it is nothing, or not any more."""
        self._forget()
        return self._kept.get(page.id, (0.0, ""))[1]

    def _forget(self) -> None:
        oldest = self._now() - _REMEMBERED_SECONDS
        self._kept = {page_id: kept for page_id, kept in self._kept.items() if kept[0] > oldest}


def sealed(school: School, page: Page, body: str, style: str = "") -> tuple[Page, str, str]:
    """A page with its digest, its passphrase, and what is to be written into its file."""
    words = {name: say(f"export.locked_{name}") for name in ("ask", "go", "wait", "wrong")}
    words |= {"title": say("export.locked"), "until": locked_until(school, page)}
    passphrase = new_passphrase()
    text = seal_page(words, body, passphrase, style)
    return replace(page, digest=digest_of(text)), passphrase, text


async def put_away(
    ports: Ports,
    school: School,
    folder: Path,
    account: Account,
    kind: PageKind,
    cases: tuple[str, ...],
    body: Callable[[], str],
    style: str = "",
    page_id: str = "",
) -> tuple[Page, str]:
    """Puts a sealed page into the folder, and gives its passphrase. Whom it is about stands nowhere where it can be read.

    `body` is drawn apart from what everybody waits for. `page_id`: sent twice at once, to two processes, a form makes one page:
    the second has no passphrase, since nobody but the first process knows it.

    Raises:
        OSError: it could not be written; then there is no such page.
    """
    name = page_name(school.prefix, ports.clock.now(), ports.new_id())
    begun = exports.new_page(ports, kind, account.person_id, name, "", cases, page_id)
    made, passphrase, text = await asyncio.to_thread(lambda: sealed(school, begun, body(), style))
    added = await exports.add(ports, school, account, made)
    if added is None:
        return made, ""
    try:
        await asyncio.to_thread(keep_page, folder, name, text)
    except OSError:
        await exports.drop(ports, school, account, added.id)
        raise
    return added, passphrase


async def taken_out(
    ports: Ports,
    school: School,
    folder: Path,
    lately: Lately,
    account: Account,
    page_id: str,
    found: MadeAlready | _Found,
    body: Callable[[_Found], str],
    style: str,
    told: Callable[[Page, str], Card],
    cases: tuple[str, ...] = (),
) -> Reply:
    """What was found in the records, on a sealed page: it must not stand in a chat, nor lie open on the server.

    `told`: the card with the page's passphrase, shown once. Sent again, it has been made already.
    """
    if isinstance(found, MadeAlready):
        return _made_before(school, found.page, lately.passphrase(found.page))
    # To an older version that runs beside this one it is a page like any other, which it can list and delete.
    made, passphrase = await put_away(
        ports, school, folder, account, PageKind.SUBJECT, cases, lambda: body(found), style, page_id
    )
    if not passphrase:
        return _made_before(school, made, "")
    lately.keep(made, passphrase)
    return ShowForm(as_form(told(made, passphrase)))


def _made_before(school: School, page: Page, passphrase: str) -> Reply:
    return ShowForm(as_form(made_before_card(school, page, passphrase)))


async def in_folder(school: School, folder: Path) -> Mapping[str, tuple[datetime, str]]:
    """The files that have the name of a page of a school, with when each was written and its digest.

    Raises:
        OSError: the folder cannot be read.
    """
    return await asyncio.to_thread(pages_in, folder, school.prefix)


async def sweep_folder(ports: Ports, school: School, folder: Path) -> Swept:
    """Ends what is over, takes in what nobody has noted, and deletes what has ended. Broken off anywhere, the next one goes on.

    Raises:
        OSError: the folder cannot be read, or a page in it not be deleted.
    """
    done = await sweep(ports, school, await in_folder(school, folder))
    for name in done.remove:
        await asyncio.to_thread(remove_page, folder, name)
    return done
