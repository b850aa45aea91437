"""`esafety report incident`: a case's log form as a file, out of the sealed page that whoever works the case has had made.

A login on the server is nobody: who may read a case is known by their account in the chat. So the form is made there, and here
it opens with its passphrase, as long as whoever had it made may still take the case out. What is done here is in the audit.
"""

import asyncio
import base64
import binascii
import getpass
import os
import re
import sys
from html import unescape
from pathlib import Path

from bot.audit_command import open_database
from bot.people_command import school_meant
from bot.settings import load_settings
from bot.wiring import ports_for_commands
from cards.log_form_page import FORMS, file_name, log_html
from domain.exports import Page
from handlers.acknowledge import NotForYou
from handlers.log_form import fetched, pages_for
from storage.sealed_pages import PageError, digest_of, open_page

CHOICES = ("html", *FORMS)
_SAVED = re.compile(r'<a id="save-(?P<form>[a-z-]+)" download="[^"]+" href="data:[a-z/]+;base64,(?P<content>[\w+/=]*)">')
_FORM = re.compile(r'<main class="log">.*</main>', re.DOTALL)
_TITLE = re.compile(r"<h1>(.*?)</h1>", re.DOTALL)
_NONE = (
    "there is no log form of that case that {email} had made and may take out. They make it in the chat: at the case, "
    "`Log form`, then `Make the file`"
)


async def report_incident(school_id: str | None, reference: str, email: str, form: str, out: Path) -> int:
    """Writes a case's log form in one form into a folder, if the passphrase of its page is typed. 2 where that may not be."""
    settings = load_settings()
    school = school_meant(settings, school_id)
    database = await open_database(settings)
    try:
        ports = ports_for_commands(database)
        pages = await pages_for(ports, school, email, reference)
        if isinstance(pages, NotForYou) or not pages:
            return _refused(_NONE.format(email=email))
        passphrase = await asyncio.to_thread(getpass.getpass, "Passphrase: ")
        opened = await asyncio.to_thread(_opened, settings.exports_folder, pages, passphrase)
        page, body = opened if opened is not None else (pages[0], "")
        if not await fetched(ports, school, page, form, opened=opened is not None):
            return _refused(_NONE.format(email=email))
    finally:
        await database.close()
    if opened is None:
        return _refused("that is not the passphrase of a page as it was made. That it was tried is in the audit")
    content = _content(body, form)
    if content is None:
        return _refused("the page has no such form: of a private case there is no table for a pupils' system")
    try:
        file = _written(out, file_name(reference.strip().upper(), form), content)
    except OSError as no:
        return _refused(f"{no.filename or out} cannot be written: {no.strerror}")
    print(file)
    print("It can be read by anybody who gets hold of it: delete it as soon as it is done with.")
    return 0


def _opened(folder: Path, pages: tuple[Page, ...], passphrase: str) -> tuple[Page, str] | None:
    """The first of the pages, as they were made, that the passphrase opens and that is a log form."""
    for page in pages:
        try:
            text = (folder / page.file).read_text("utf-8")
            body = open_page(text, passphrase) if digest_of(text) == page.digest else ""
        except (OSError, UnicodeDecodeError, PageError):
            continue
        if _FORM.search(body):
            return page, body
    return None


def _content(body: str, form: str) -> bytes | None:
    if form == "html":
        found, title = _FORM.search(body), _TITLE.search(body)
        return log_html(unescape(title.group(1)) if title else "", found.group()).encode() if found else None
    for saved in _SAVED.finditer(body):
        if saved["form"] == form:
            try:
                return base64.b64decode(saved["content"], validate=True)
            except binascii.Error:
                return None
    return None


def _written(folder: Path, name: str, content: bytes) -> Path:
    """Writes a file for its owner alone to read, and never over another.

    Raises:
        OSError: it could not be written, or is there already.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    file = folder / name
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as made:
        made.write(content)
    return file


def _refused(why: str) -> int:
    print(f"esafety: {why}.", file=sys.stderr)
    return 2
