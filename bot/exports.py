"""The folder for sealed pages: how one is made, and how the folder is kept to what the records say of it."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from cards.export import locked_until
from cards.texts import say
from domain.exports import Page, PageKind
from domain.people import Account, School
from handlers import exports
from handlers.exports import Swept, sweep
from handlers.ports import Ports
from storage.sealed_pages import digest_of, keep_page, new_passphrase, page_name, pages_in, remove_page, seal_page


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
) -> tuple[Page, str]:
    """Puts a sealed page into the folder, and gives its passphrase. Whom it is about stands nowhere where it can be read.

    `body` is drawn apart from what everybody waits for.

    Raises:
        OSError: it could not be written; then there is no such page.
    """
    name = page_name(school.prefix, ports.clock.now(), ports.new_id())
    begun = exports.new_page(ports, kind, account.person_id, name, "", cases)
    made, passphrase, text = await asyncio.to_thread(lambda: sealed(school, begun, body(), style))
    await exports.add(ports, school, account, made)
    try:
        await asyncio.to_thread(keep_page, folder, name, text)
    except OSError:
        await exports.drop(ports, school, account, made.id)
        raise
    return made, passphrase


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
