"""A sealed page in a real browser, from a file and without a network: it opens with its passphrase and with no other."""

from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from storage.sealed_pages import keep_page, new_passphrase, seal_page
from tests.browser.conftest import PATIENCE_MS

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="package")]

BODY = '<h1>Held</h1><section class="review">For the reviewer</section><section contenteditable="true">The answer</section>'
WORDS = {
    "title": "Sealed page",
    "until": "Until Christmas.",
    "ask": "Passphrase",
    "go": "Open",
    "wait": "One moment.",
    "wrong": "Wrong.",
}


async def test_it_opens_with_its_passphrase_alone(chromium: Browser, tmp_path: Path) -> None:
    """Typed in small letters and without hyphens too; a wrong one says so. What is to be reviewed is not printed."""
    passphrase = new_passphrase()
    page = seal_page(WORDS, BODY, passphrase)
    file = keep_page(tmp_path / "exports", "one.html", page)
    context = await chromium.new_context(offline=True)
    context.set_default_timeout(PATIENCE_MS)
    try:
        tab = await context.new_page()
        complaints: list[str] = []
        tab.on("console", lambda said: complaints.append(said.text))
        tab.on("pageerror", lambda wrong: complaints.append(str(wrong)))
        await tab.goto(file.as_uri())
        await tab.get_by_label("Passphrase").fill(new_passphrase())
        await tab.get_by_role("button", name="Open").click()
        await expect(tab.get_by_role("status")).to_have_text("Wrong.")
        await tab.get_by_label("Passphrase").fill(passphrase.replace("-", "").lower())
        await tab.get_by_role("button", name="Open").click()
        await expect(tab.get_by_text("The answer")).to_be_visible()
        await expect(tab.get_by_text("For the reviewer")).to_be_visible()
        await tab.emulate_media(media="print")
        await expect(tab.get_by_text("For the reviewer")).to_be_hidden()
        await expect(tab.get_by_text("The answer")).to_be_visible()
        assert complaints == []
    finally:
        await context.close()
