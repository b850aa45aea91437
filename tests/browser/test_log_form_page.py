"""The log form in a real browser, sealed and as a page of its own, from a file and with no network: axe finds nothing wrong."""

from pathlib import Path

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Page, expect

from cards.log_form_page import LOG_STYLE, log_fragment, log_html, log_page
from storage.sealed_pages import keep_page, new_passphrase, seal_page
from tests.browser.conftest import PATIENCE_MS
from tests.browser.test_sealed_page import WORDS
from tests.cards.test_log_form import sheet

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="package")]


async def violations(page: Page) -> list[object]:
    """What axe finds. It is run with a script, which the page itself forbids."""
    await page.set_content((await page.content()).replace("Content-Security-Policy", "x-none"))
    found = (await Axe().run(page)).response["violations"]
    return [(wrong["id"], [n["target"] for n in wrong["nodes"]]) for wrong in found]


@pytest.mark.parametrize("width", [360, 1200])
@pytest.mark.parametrize("policy", ["danecourt", "chipping-sodbury"])
async def test_axe_finds_nothing_wrong_with_the_form(chromium: Browser, tmp_path: Path, width: int, policy: str) -> None:
    """Nothing, not even what is of little weight. It fits a phone."""
    file = tmp_path / "form.html"
    of = sheet(policy, long=True)
    file.write_text(log_html(of.title, log_fragment(of)), encoding="utf-8")
    context = await chromium.new_context(offline=True, viewport={"width": width, "height": 800})
    context.set_default_timeout(PATIENCE_MS)
    try:
        page = await context.new_page()
        complaints: list[str] = []
        page.on("console", lambda said: complaints.append(said.text))
        await page.goto(file.as_uri())
        assert complaints == []
        assert await page.evaluate("document.documentElement.scrollWidth") <= width
        assert await violations(page) == []
    finally:
        await context.close()


async def test_the_sealed_page_shows_it_and_saves_it(chromium: Browser, tmp_path: Path) -> None:
    """The passphrase opens it; the PDF and the tables are saved; what is not of the form is not printed; axe finds nothing."""
    passphrase, of = new_passphrase(), sheet("danecourt")
    sealed = seal_page({**WORDS, "title": "Sealed page"}, log_page(of), passphrase, LOG_STYLE)
    file = keep_page(tmp_path / "exports", "one.html", sealed)
    context = await chromium.new_context(offline=True)
    context.set_default_timeout(PATIENCE_MS)
    try:
        page = await context.new_page()
        complaints: list[str] = []
        page.on("console", lambda said: complaints.append(said.text))
        page.on("pageerror", lambda wrong: complaints.append(str(wrong)))
        await page.goto(file.as_uri())
        await page.get_by_label("Passphrase").fill(passphrase)
        await page.get_by_role("button", name="Open").click()
        await expect(page.get_by_role("heading", name="E-safety Incident log")).to_be_visible()
        assert await page.locator(".log .row").first.evaluate("e => getComputedStyle(e).display") == "grid"
        for link, ending in (
            ("The form as a PDF", ".pdf"),
            ("in the manner of CPOMS", "-cpoms.csv"),
            ("as plain text", ".txt"),
        ):
            async with page.expect_download() as saving:
                await page.get_by_role("link", name=link).click()
            saved = await saving.value
            assert saved.suggested_filename == f"{of.reference}{ending}"
            content = (await saved.path()).read_bytes()
            assert content.startswith(b"%PDF-") if ending == ".pdf" else of.reference.encode() in content
        copied = await page.get_by_label("Text to copy").input_value()
        assert of.reference in copied
        await page.emulate_media(media="print")
        await expect(page.get_by_text("Text to copy")).to_be_hidden()
        await expect(page.get_by_role("heading", name="E-safety Incident log")).to_be_visible()
        await page.emulate_media(media="screen")
        assert complaints == []
        assert await violations(page) == []
    finally:
        await context.close()
