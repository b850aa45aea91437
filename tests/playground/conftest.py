"""Two people's Teams before one bot. `make playground` runs this folder; `make test` leaves it out, since it needs Node."""

import shutil
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, ViewportSize, async_playwright, expect

from tests.browser.conftest import CHROMIUM, QUIETLY
from tests.conftest import IN_CI
from tests.playground.school import PROGRAM, new_database, school_running
from tests.playground.teams import PICTURES, Teams

HERE = Path(__file__).parent
PATIENCE_MS = 20_000
# Microsoft's page asks for fonts and pictures elsewhere: no name but this machine's leads anywhere.
ALONE = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost"
WINDOW = ViewportSize(width=1280, height=1000)
SHARPNESS = 1.5 if PICTURES else 1


def pytest_ignore_collect(config: pytest.Config) -> bool | None:
    """Left out unless it was asked for by its name."""
    asked = (config.invocation_params.dir / argument.partition("::")[0] for argument in config.args)
    return None if any(path.resolve().is_relative_to(HERE) for path in asked) else True


@pytest.fixture(scope="session", autouse=True)
def _what_it_needs() -> None:
    """Where something is missing the story is skipped, but never in CI."""
    missing = [
        what
        for what, there in (
            ("Node (the command node)", shutil.which("node")),
            ("the Playground (make playground installs it, with npm)", PROGRAM.exists()),
            (f"Chromium at {CHROMIUM} (ESAFETY_TEST_CHROMIUM says where it is)", shutil.which(CHROMIUM)),
        )
        if not there
    ]
    if missing and IN_CI:
        pytest.fail(f"CI must have {', '.join(missing)}")
    if missing:
        pytest.skip(f"not here: {', '.join(missing)}")


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def chromium(_what_it_needs: None) -> AsyncIterator[Browser]:
    """One browser for all."""
    expect.set_options(timeout=PATIENCE_MS)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=[*QUIETLY, ALONE])
        yield browser
        await browser.close()


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def database(_what_it_needs: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo school's people, imported once: each story begins with a copy."""
    return await new_database(tmp_path_factory.mktemp("imported"))


@pytest_asyncio.fixture(loop_scope="package")
async def staff(chromium: Browser, database: Path, tmp_path: Path) -> AsyncIterator[tuple[Teams, Teams]]:
    """A teacher and the safeguarding lead, both welcomed by the bot. At the end nobody may have refused anything."""
    async with school_running(tmp_path, database) as (teachers, leads), AsyncExitStack() as open_pages:
        teacher = await _before(chromium, teachers, open_pages)
        # The lead last: where a channel is, the bot knows from whoever came last, and the channel is in the lead's Teams.
        lead = await _before(chromium, leads, open_pages)
        yield teacher, lead
        assert [*teacher.refusals, *lead.refusals] == []


async def _before(chromium: Browser, address: str, open_pages: AsyncExitStack) -> Teams:
    context = await chromium.new_context(
        viewport=WINDOW, device_scale_factor=SHARPNESS, locale="en-GB", reduced_motion="reduce", color_scheme="light"
    )
    open_pages.push_async_callback(context.close)
    context.set_default_timeout(PATIENCE_MS)
    person = Teams(await context.new_page())
    await person.opens(address)
    await expect(person.cards("Only you see this chat")).to_be_visible()
    return person
