"""The public page of a survey in a real browser, without scripts: on a phone and a desk, by day and by night, by keyboard."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Page, ViewportSize, expect

from domain.people import Account, Platform, School, Standing
from domain.surveys import CLOSES, SurveyOpening, SurveyPage
from handlers import surveys
from storage.store import Store
from tests.browser.conftest import PATIENCE_MS, Console
from tests.fakes.clock import FakeClock
from tests.story.slack_stage import import_demo_people
from tests.story.stage import BRUNEL, CAST, SAFEGUARDING, write_school

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="package")]
PHONE, DESK = {"width": 360, "height": 740}, {"width": 1200, "height": 900}


async def open_one(console: Console, kind: str) -> str:
    """Starts the demo school with its page switched on, and has its lead open a survey. Where its page is."""
    await console.start()
    clock = FakeClock()
    clock.at = console.bot.worker.ports.clock.now()
    await import_demo_people(console.bot, clock)
    (school,) = console.bot.schools.values()
    ports = console.bot.worker.ports
    lead = (ports, school, await _lead(console, school))
    asked = await surveys.ask_open(*lead, kind)
    assert isinstance(asked, SurveyOpening)
    assert asked.closes_at is not None
    opened = await surveys.open_survey(*lead, asked.state, {CLOSES: asked.closes_at.isoformat()})
    assert isinstance(opened, SurveyPage)
    return f"{console.bot.address}/survey/{opened.link.rpartition('/')[2]}"


async def _lead(console: Console, school: School) -> Account:
    async with Store(console.bot.database).transaction(school, write=False) as records:
        person = (await records.staff()).by_email(CAST["dsl"])
    assert person is not None
    return Account(Platform.CONSOLE, person.id, person.email, person.name, person.id, Standing.MEMBER)


@asynccontextmanager
async def before(
    chromium: Browser, address: str, size: Mapping[str, int], **look: Any
) -> AsyncIterator[tuple[Page, list[str]]]:
    """A browser that runs no script of the page, and what it has to say against it."""
    viewport = ViewportSize(width=size["width"], height=size["height"])
    context = await chromium.new_context(viewport=viewport, java_script_enabled=False, locale="en-GB", **look)
    context.set_default_timeout(PATIENCE_MS)
    page = await context.new_page()
    complaints: list[str] = []
    page.on("console", lambda said: complaints.append(said.text))
    page.on("pageerror", lambda wrong: complaints.append(str(wrong)))
    page.on("requestfailed", lambda failed: complaints.append(failed.url))
    await page.goto(address)
    try:
        yield page, complaints
    finally:
        await context.close()


async def violations(chromium: Browser, content: str, size: Mapping[str, int], **look: Any) -> list[Any]:
    """What axe finds in a page. It is a script itself, which the page forbids: so it looks at a copy."""
    context = await chromium.new_context(viewport=ViewportSize(width=size["width"], height=size["height"]), **look)
    try:
        page = await context.new_page()
        await page.set_content(content)
        assert await page.evaluate("document.documentElement.scrollWidth") <= size["width"]
        found = (await Axe().run(page)).response["violations"]
        return [(wrong["id"], [n["target"] for n in wrong["nodes"]]) for wrong in found]
    finally:
        await context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [PHONE, DESK], ids=["phone", "desk"])
@pytest.mark.parametrize("kind", ["pupils", "parents"])
async def test_it_is_answered_without_a_script(
    chromium: Browser, tmp_path: Path, kind: str, size: Mapping[str, int], scheme: Any
) -> None:
    """What is left out is said above and at its question, with a link there; then it is sent, and says so."""
    channels = {SAFEGUARDING: SAFEGUARDING, BRUNEL: BRUNEL}
    schools = write_school(tmp_path / "schools", "console", channels, None, {"surveys": {"address": "http://127.0.0.1:3978"}})
    console = Console(chromium, tmp_path, schools=schools)
    address = await open_one(console, kind)
    try:
        async with before(chromium, address, size, color_scheme=scheme) as (page, complaints):
            looks = [await page.content()]
            groups = page.get_by_role("group")
            assert await groups.count() == 8
            for n in range(7):
                await groups.nth(n).get_by_role("radio").first.check()
            await page.get_by_role("button", name="Send my answers").click()
            await expect(page.get_by_role("alert")).to_be_visible()
            await expect(page).to_have_title("Error: " + await page.get_by_role("heading", level=1).inner_text())
            looks.append(await page.content())
            link = page.get_by_role("alert").get_by_role("link")
            assert await link.count() == 1
            await link.click()
            await expect(groups.nth(7).get_by_role("radio").first).to_be_focused()
            await page.keyboard.press("ArrowDown")
            for n in range(7):
                await expect(groups.nth(n).get_by_role("radio").first).to_be_checked()
            await page.get_by_role("button", name="Send my answers").click()
            await expect(page.get_by_role("heading", level=1)).to_have_text("Thank you")
            looks.append(await page.content())
            await page.goto(address + "x")
            await expect(page.get_by_role("heading", level=1)).to_have_text("This survey is not open")
            looks.append(await page.content())
            assert await page.context.cookies() == []
            # A browser says of each answer that is none of 200 that it is not.
            assert [c for c in complaints if "the server responded with a status of" not in c] == []
        for content in looks:
            assert await violations(chromium, content, size, color_scheme=scheme) == []
    finally:
        await console.close()
        await console.stop()
