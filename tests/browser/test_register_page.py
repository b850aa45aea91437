"""A register on its sealed page, in a real browser, from a file and without a network: it opens, saves, and fits a phone."""

from pathlib import Path

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, expect

from cards.registers_export import register_page
from cards.taken_out import STYLE
from domain.register_terms import RegisterKind
from storage.sealed_pages import keep_page, new_passphrase, seal_page
from tests.browser.conftest import PATIENCE_MS
from tests.browser.test_sealed_page import WORDS
from tests.cards.test_registers_export import FORMULA, school, taken_out

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="package")]


@pytest.mark.parametrize("width", [360, 1200])
@pytest.mark.parametrize("kind", RegisterKind)
async def test_it_is_read_and_saved(chromium: Browser, tmp_path: Path, kind: RegisterKind, width: int) -> None:
    """The table is moved by itself where it is wider than the screen; axe finds nothing, not even what is of little weight."""
    passphrase = new_passphrase()
    sealed = seal_page({**WORDS, "title": "Sealed page"}, register_page(school(), taken_out(kind)), passphrase, STYLE)
    file = keep_page(tmp_path / "exports", "one.html", sealed)
    context = await chromium.new_context(offline=True, viewport={"width": width, "height": 800})
    context.set_default_timeout(PATIENCE_MS)
    try:
        page = await context.new_page()
        complaints: list[str] = []
        page.on("console", lambda said: complaints.append(said.text))
        page.on("pageerror", lambda wrong: complaints.append(str(wrong)))
        await page.goto(file.as_uri())
        await page.get_by_label("Passphrase").fill(passphrase)
        await page.get_by_role("button", name="Open").click()
        await expect(page.get_by_role("table")).to_be_visible()
        await expect(page.get_by_text(FORMULA).first).to_be_visible()
        assert await page.evaluate("document.documentElement.scrollWidth") <= width
        for link, begins in (("CSV", b"\xef\xbb\xbf"), ("workbook", b"PK")):
            async with page.expect_download() as saving:
                await page.get_by_role("link", name=link).click()
            assert (await (await saving.value).path()).read_bytes().startswith(begins)
        assert complaints == []
        # What axe is run with is a script, which the page itself forbids.
        await page.set_content((await page.content()).replace("Content-Security-Policy", "x-none"))
        found = (await Axe().run(page)).response["violations"]
        assert [(wrong["id"], [n["target"] for n in wrong["nodes"]]) for wrong in found] == []
    finally:
        await context.close()
