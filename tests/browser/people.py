"""Somebody before a page of the console, and what they can do there with a mouse."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from playwright.async_api import ConsoleMessage, Locator, Page, expect

REFERENCE = re.compile(r"CSS-\d{4}-\d{4}")
TEACHER, BRUNEL_HEAD, DSL = "Tess Whitlock", "Bryn Marsh", "Dana Okafor"
BRUNEL, SAFEGUARDING, DIRECT = "brunel-house", "safeguarding", "E-safety bot"
BULLYING = {"concern": "cyberbullying", "about": "pupil", "danger": "no"}
STORY = "He keeps posting things about her in the group chat"


@dataclass(slots=True)
class Person:
    """One page. `complaints` are what the browser said against it: errors, and what the content policy refused."""

    page: Page
    complaints: list[str] = field(default_factory=list)

    def listen(self) -> None:
        """Hears what the browser has to say of the page from now on."""

        def hear(message: ConsoleMessage) -> None:
            if message.type in ("error", "warning"):
                self.complaints.append(message.text)

        self.page.on("console", hear)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    # What there is

    @property
    def dialog(self) -> Locator:
        return self.page.locator("#dialog")

    @property
    def note(self) -> Locator:
        """The newest answer that only this person sees."""
        return self.page.locator(".message-note").last

    def form(self, name: str) -> Locator:
        return self.page.locator(f"#dialog form[data-form={name}]")

    def field(self, name: str) -> Locator:
        return self.dialog.locator(f"[data-field={name}]")

    def control(self, name: str) -> Locator:
        return self.field(name).locator("textarea, select, .people-box > input, input").last

    def error(self, name: str) -> Locator:
        return self.field(name).locator(".field-error")

    def message(self, words: str | re.Pattern[str]) -> Locator:
        """The newest message with these words."""
        return self.page.locator("article.message").filter(has_text=words).last

    # What is done

    async def becomes(self, name: str) -> None:
        picker = self.page.locator("#persona")
        await picker.select_option(await picker.locator("option").filter(has_text=name).get_attribute("value"))
        await expect(self.page.locator("#log")).not_to_have_attribute("aria-busy", "true")

    async def goes_to(self, place: str) -> None:
        await self.page.locator("#places").get_by_role("link", name=place).click()
        await expect(self.page.locator("#place-name")).to_have_text(place)
        await expect(self.page.locator("#log")).not_to_have_attribute("aria-busy", "true")

    async def says(self, command: str) -> None:
        """Presses one of the quick buttons above the message box."""
        await self.page.locator(f'[data-say="/esafety {command}"]').click()

    async def types(self, text: str) -> None:
        """Writes something to the bot."""
        await self.page.locator("#text").fill(text)
        await self.page.locator("#text").press("Enter")

    async def presses(self, label: str, form: str) -> None:
        """Presses a button of the form that is open; another form opens."""
        await self.dialog.get_by_role("button", name=label, exact=True).first.click()
        await self.form(form).wait_for()

    async def chooses(self, name: str, value: str) -> None:
        """Picks one of several, by whatever kind of field it is."""
        listed = self.field(name).locator("select")
        if await listed.count():
            await listed.select_option(value)
        else:
            await self.field(name).locator(f".option:has(input[value={value}])").click()

    async def begins(self, kind: Mapping[str, str] = BULLYING) -> None:
        """Fills the first screen and goes on to the second."""
        await self.says("report")
        await self.form("report_kind").wait_for()
        await self.control("concern").select_option(kind["concern"])
        for name in ("about", "danger"):
            await self.field(name).locator(f".option:has(input[value={kind[name]}])").click()
        await self.dialog.get_by_role("button", name="Next").click()
        await self.form("report_detail").wait_for()
        for asked in ("repeat", "illegal"):
            if await self.field(asked).count():
                await self.field(asked).locator(".option:has(input[value=no])").click()

    async def names(self, name: str, typed: str, found: str) -> None:
        """Types some letters into a people field and picks somebody from the list."""
        await self.control(name).click()
        await self.page.keyboard.type(typed)
        await self.field(name).get_by_role("option", name=found).click()
        await expect(self.field(name).locator(".chip", has_text=found)).to_be_visible()

    async def sends(self) -> None:
        await self.dialog.locator("[type=submit]").click()

    async def reports(self, what: str = STORY, kind: Mapping[str, str] = BULLYING) -> str:
        """Something between two pupils of Brunel, in two screens. Gives the reference."""
        await self.begins(kind)
        await self.names("targets", "be", "Bea Exemplar")
        await self.names("perpetrators", "alf", "Alfie Demosson")
        await self.control("what").fill(what)
        await self.sends()
        return await self.closes_receipt()

    async def closes_receipt(self) -> str:
        await self.form("sent").wait_for()
        found = REFERENCE.search(await self.form("sent").inner_text())
        assert found
        await self.leaves()
        return found[0]

    async def leaves(self) -> None:
        await self.dialog.locator(".form-foot [data-close]").click()
        await expect(self.dialog).to_be_hidden()
