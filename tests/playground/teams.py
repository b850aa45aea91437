"""Somebody before their Teams, as the Playground draws it, and what they can do there with mouse and keyboard."""

import json
import os
import re
from dataclasses import dataclass, field
from pathlib import Path

from playwright.async_api import Locator, Page, WebSocket, expect

from tests.playground.school import PRIVATE

REFERENCE = re.compile(r"CSS-\d{4}-\d{4}")
HARMED, DID_IT, SAW_IT = PEOPLE = ("Who was harmed or targeted?", "Who is said to have done it?", "Who saw it?")
LAW = "Could a law have been broken?"
CUT_OFF = """card => {
    const edge = card.getBoundingClientRect().right - parseFloat(getComputedStyle(card).paddingRight);
    return [...card.querySelectorAll("button, [role=button]")]
        .filter(one => one.getBoundingClientRect().right > edge + 1).map(one => one.innerText);
}"""
TALL, LARGEST_PICTURE = 1800, 200_000
PICTURES = Path(__file__).parents[2] / "docs" / "images" if os.environ.get("PICTURES") else None


@dataclass
class Teams:
    """One page. `history` is every message of every conversation that ever came to it, changed ones in each of their states."""

    page: Page
    history: list[tuple[str, str]] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)

    # What there is

    @property
    def dialog(self) -> Locator:
        return self.page.get_by_role("dialog")

    def cards(self, words: str) -> Locator:
        """The cards with these words in the conversation that is open."""
        return self.page.locator(".ac-adaptiveCard").filter(has_text=words)

    def titled(self, title: str) -> Locator:
        """The cards with this heading."""
        heading = self.page.get_by_role("heading", name=title, exact=True)
        return self.page.locator(".ac-adaptiveCard").filter(has=heading)

    def said(self) -> str:
        """All that was ever said in any conversation."""
        return "\n".join(words for _, words in self.history)

    # What is done

    async def opens(self, address: str) -> None:
        """Opens the page, by which the bot is installed in the person's own chat."""
        self.page.on("websocket", self._listens)
        await self.page.goto(address)
        await expect(self.page.get_by_role("treeitem", name=PRIVATE)).to_be_visible()

    def _listens(self, socket: WebSocket) -> None:
        socket.on("framereceived", self._hears)

    def _hears(self, frame: str | bytes) -> None:
        told = json.loads(frame)
        if told.get("action") in ("createMessage", "updateMessage"):
            self.history.append((told["actionConversationId"], json.dumps(told["message"], ensure_ascii=False)))
        log = told.get("log", {})
        if log.get("response", {}).get("statusCode", 0) >= 400:
            self.refusals.append(f"{log.get('activityName')}: {log['response']['statusCode']}")

    async def goes_to(self, place: str) -> None:
        """Opens a chat or a channel. The first time the Playground installs the bot there."""
        await self.page.get_by_role("treeitem", name=place).click()

    async def says(self, words: str, *, mention: bool = False) -> None:
        """Writes a message; in a channel, one that begins a thread."""
        await self.page.get_by_role("textbox").first.click()
        if mention:
            await self.page.keyboard.type("@")
            await self.page.get_by_role("listbox", name="Typeahead menu").get_by_role("menuitem", name="E-safety").click()
        await self.page.keyboard.type(f" {words}" if mention else words)
        await self.posts()

    async def posts(self) -> None:
        """Sends the message that is being written."""
        await self.page.get_by_role("button", name=re.compile(r"^(Post|Send Message)$")).first.click()

    async def asks(self, question: str, answer: str) -> Locator:
        """Writes a question in one's own chat. Gives the answer, by its heading, none of whose buttons is cut off."""
        await self.says(question)
        card = self.titled(answer).last
        await expect(card).to_be_visible()
        assert await card.evaluate(CUT_OFF) == []
        return card

    async def looks_up(self, question: str, rule: str) -> None:
        """Has the message extension's search find rules, and puts one of them into the message that is being written."""
        await self.page.get_by_role("button", name="Trigger Message Extension App").first.click()
        await self.page.get_by_role("menuitem", name="Search Command").click()
        await self.page.get_by_role("button", name="Specify Command ID or Parameter").click()
        await self.page.get_by_role("textbox", name="Command ID").fill("ask")
        await self.page.get_by_role("textbox", name="Parameter name").fill("question")
        await self.page.get_by_placeholder("Enter a search term").fill(question)
        await self.page.get_by_text(rule, exact=True).click()
        await expect(self.page.get_by_placeholder("Enter a search term")).to_be_hidden()

    async def begins_a_report(self, *, again: bool = True) -> None:
        """Chooses the message extension's command, which in Teams stands beside the message box."""
        await self.page.get_by_role("button", name="Trigger Message Extension App").first.click()
        await self.page.get_by_role("menuitem", name="Action Command").click()
        await self.dialog.get_by_role("textbox", name="Command ID").fill("report")
        await self.dialog.get_by_role("button", name="Create").click()
        try:
            await expect(self.dialog).to_contain_text("Screen 1 of 2")
        except AssertionError:
            # Now and then the Playground's own window stays empty: closed, it opens the next time.
            if not again:
                raise
            await self.dialog.get_by_role("button", name="Close").click()
            await self.begins_a_report(again=False)

    async def chooses(self, question: str, answer: str) -> None:
        """Marks one of the answers that stand under a question."""
        group = self.dialog.get_by_role("radiogroup", name=question)
        await group.get_by_role("radio", name=answer, exact=True).check()

    async def says_what_kind(self, concern: str) -> None:
        """Fills the first screen: about a pupil, nobody in danger now."""
        await self.dialog.get_by_role("combobox", name="What kind of concern").click()
        await self.page.get_by_role("option", name=concern).click()
        await self.chooses("Whom is it about?", "A pupil")
        await self.chooses("Is a child in immediate danger now?", "No")

    async def goes_on(self) -> None:
        await self.dialog.get_by_role("button", name="Next").click()

    async def types(self, question: str, words: str) -> None:
        await self.dialog.get_by_role("textbox", name=question).fill(words)

    def unlisted(self, question: str) -> Locator:
        """Where the names are typed that a people field's list does not have."""
        return self.dialog.get_by_role("textbox", name="Anybody not in the list").nth(PEOPLE.index(question))

    async def sends(self) -> None:
        await self.dialog.get_by_role("button", name="Send report").click()

    async def closes_receipt(self) -> str:
        """Reads the receipt, closes the dialog, and gives the reference."""
        await expect(self.dialog).to_contain_text("the right people have been alerted")
        found = REFERENCE.search(await self.dialog.inner_text())
        assert found
        await self.dialog.get_by_role("button", name="Close").click()
        await expect(self.dialog).to_be_hidden()
        return found[0]

    async def reports(self, concern: str, what: str) -> str:
        """Reports in two screens, and says no more than must be said. Gives the reference."""
        await self.begins_a_report()
        await self.says_what_kind(concern)
        await self.goes_on()
        await expect(self.dialog).to_contain_text("Screen 2 of 2")
        await self.types("What happened?", what)
        await self.chooses(LAW, "Not sure")
        await self.sends()
        return await self.closes_receipt()

    async def picture(self, name: str, of: Locator) -> None:
        """Takes a picture for README and docs, where they were asked for. The machine should have a font with emoji."""
        if PICTURES is None:
            return
        window = self.page.viewport_size
        assert window
        await self.page.set_viewport_size({**window, "height": TALL})
        await self.page.mouse.move(0, 0)
        file = PICTURES / f"teams-{name}.png"
        await of.screenshot(path=file, caret="hide", animations="disabled")
        assert file.stat().st_size < LARGEST_PICTURE
        await self.page.set_viewport_size(window)
