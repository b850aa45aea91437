"""A bot with its console, and headless Chromium before it."""

import os
import re
import shutil
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, ViewportSize, async_playwright, expect

from bot.running import Bot
from bot.settings import DEMO_SCHOOLS, ConsoleMode, Settings
from bot.wiring import running
from handlers.ports import Clock
from storage.store import Store
from tests.browser.people import TEACHER, Person
from tests.conftest import IN_CI, sqlite_at

CHROMIUM = os.environ.get("ESAFETY_TEST_CHROMIUM", "/usr/bin/chromium")
QUIETLY = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--lang=en-GB",
)
PATIENCE_MS = 20_000


class Console:
    """A bot whose console is open, to be stopped and started again, and the pages before it."""

    def __init__(self, chromium: Browser, folder: Path, clock: Clock | None = None, *, schools: Path = DEMO_SCHOOLS) -> None:
        self.chromium = chromium
        self.folder = folder
        self.clock = clock
        self.schools = schools
        self.port = 0
        self.contexts: list[BrowserContext] = []
        self.people: list[Person] = []
        self.forgiven: list[str] = []
        self._running: AbstractAsyncContextManager[Bot] | None = None

    async def start(self) -> None:
        """Starts it; the second time on the port it had, with the database it had."""
        file = self.folder / "esafety.db"
        database = f"sqlite:///{file}" if file.exists() else sqlite_at(file)
        settings = Settings(
            ESAFETY_CONSOLE=ConsoleMode.ON, ESAFETY_DATABASE_URL=database, ESAFETY_SCHOOLS=self.schools, PORT=self.port
        )
        self._running = running(settings, self.clock)
        self.bot = await self._running.__aenter__()
        self.port = urlsplit(self.bot.address).port or 0

    async def stop(self) -> None:
        assert self._running
        await self._running.__aexit__(None, None, None)

    async def open(
        self, name: str = TEACHER, place: str = "dm", *, width: int = 1400, height: int = 900, **look: Any
    ) -> Person:
        """A browser of its own, in front of it somebody, in one of their places."""
        size = ViewportSize(width=width, height=height)
        context = await self.chromium.new_context(viewport=size, locale="en-GB", reduced_motion="reduce", **look)
        context.set_default_timeout(PATIENCE_MS)
        if self.clock:
            await context.clock.set_fixed_time(self.clock.now())
        self.contexts.append(context)
        person = Person(await context.new_page())
        person.listen()
        self.people.append(person)
        school = next(iter(self.bot.schools.values()))
        async with Store(self.bot.database).transaction(school, write=False) as records:
            who = next(p for p in await records.staff() if p.name == name)
        await person.page.goto(f"{self.bot.address}/console/#{urlencode({'persona': who.id, 'place': place})}")
        await expect(person.page.locator("#persona")).to_have_value(who.id)
        await expect(person.page.locator("#log")).not_to_have_attribute("aria-busy", "true")
        return person

    async def close(self) -> None:
        for context in self.contexts:
            await context.close()

    def complaints(self) -> list[str]:
        """What the browser said against any page, but for what a test expects."""
        said = [c for person in self.people for c in person.complaints]
        return [c for c in said if not any(re.search(f, c) for f in self.forgiven)]


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def chromium() -> AsyncIterator[Browser]:
    """One browser for all. Without one the tests are skipped, but never in CI."""
    if shutil.which(CHROMIUM) is None:
        if IN_CI:
            pytest.fail(f"no Chromium at {CHROMIUM}: CI must have one (ESAFETY_TEST_CHROMIUM says where)")
        pytest.skip(f"no Chromium at {CHROMIUM} (set ESAFETY_TEST_CHROMIUM to use one elsewhere)")
    expect.set_options(timeout=PATIENCE_MS)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=QUIETLY)
        yield browser
        await browser.close()


@pytest_asyncio.fixture(loop_scope="package")
async def console(chromium: Browser, tmp_path: Path) -> AsyncIterator[Console]:
    """The demo school by the real clock. At the end no page may have had an error, or broken its content policy."""
    console = Console(chromium, tmp_path)
    await console.start()
    yield console
    await console.close()
    await console.stop()
    assert console.complaints() == []
