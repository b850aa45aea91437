"""The report for governors in a real browser, from a file and without a network: axe finds nothing wrong with it."""

from pathlib import Path

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, expect

from cards.figures_report import html_report
from tests.browser.conftest import PATIENCE_MS
from tests.cards.test_figures_report import report

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="package")]


@pytest.mark.parametrize("width", [360, 1200])
@pytest.mark.parametrize("terms", [1, 3, 8])
async def test_axe_finds_nothing(chromium: Browser, tmp_path: Path, width: int, terms: int) -> None:
    """Not even what is of little weight. It can be read by keyboard, and fits a phone."""
    file = tmp_path / "figures.html"
    file.write_text(html_report(report(terms=terms)), encoding="utf-8")
    context = await chromium.new_context(offline=True, viewport={"width": width, "height": 800})
    context.set_default_timeout(PATIENCE_MS)
    try:
        page = await context.new_page()
        complaints: list[str] = []
        page.on("console", lambda said: complaints.append(said.text))
        await page.goto(file.as_uri())
        await page.keyboard.press("Tab")
        await expect(page.get_by_text("Skip to the figures")).to_be_focused()
        assert complaints == []
        assert await page.evaluate("document.documentElement.scrollWidth") <= width
        # What axe is run with is a script, which the page itself forbids.
        await page.set_content((await page.content()).replace("Content-Security-Policy", "x-none"))
        results = await Axe().run(page)
        found = results.response["violations"]
        assert [(wrong["id"], [n["target"] for n in wrong["nodes"]]) for wrong in found] == []
    finally:
        await context.close()
