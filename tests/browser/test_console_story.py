"""The console's story, by mouse and by keyboard alone."""

import pytest
from playwright.async_api import Locator, expect

from tests.browser.conftest import Console
from tests.browser.people import BRUNEL, BRUNEL_HEAD, REFERENCE, STORY, TEACHER, Person

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="package")]

MOST_STOPS = 60


async def test_by_mouse_a_report_is_made_seen_and_acknowledged(console: Console) -> None:
    """Two screens, a receipt; the alert comes by itself to a page open before; acknowledged, all copies say so."""
    teacher = await console.open(TEACHER)
    head = await console.open(BRUNEL_HEAD, f"channel:{BRUNEL}")
    await head.page.evaluate("window.neverReloaded = true")

    reference = await teacher.reports()
    await expect(teacher.message(reference)).to_contain_text("Waiting to be acknowledged")
    await expect(head.message(reference)).to_contain_text("Nobody has acknowledged this yet")

    await teacher.becomes(BRUNEL_HEAD)
    await expect(teacher.message(reference)).to_contain_text("Nobody has acknowledged this yet")
    await teacher.message(reference).get_by_role("button", name="Acknowledge").click()
    await expect(teacher.note).to_contain_text(f"{reference} is yours now")
    await expect(teacher.note).to_be_in_viewport()
    for copy in (teacher, head):
        await expect(copy.message(reference)).to_contain_text("Acknowledged by Bryn Marsh")
        await expect(copy.message(reference).get_by_role("button", name="Acknowledge")).to_have_count(0)

    await teacher.becomes(TEACHER)
    await expect(teacher.message("acknowledged your report")).to_contain_text(reference)
    assert await head.page.evaluate("window.neverReloaded")
    assert STORY not in await head.page.locator("body").inner_text()


async def test_however_many_messages_there_are_the_page_stays_where_it_is(console: Console) -> None:
    """The messages scroll, and the newest is seen; the head and the line to write in stay on the page."""
    teacher = await console.open(TEACHER)
    for n in range(1, 6):
        await teacher.types("can I friend an ex-pupil?")
        await expect(teacher.page.locator("article.message").filter(has_text="It depends on")).to_have_count(n)
    await expect(teacher.message("It depends on").get_by_role("button", name="Not what I asked")).to_be_in_viewport()
    for part in ("#persona", "#place-name", "#text"):
        await expect(teacher.page.locator(part)).to_be_in_viewport(ratio=1)
    assert await teacher.page.evaluate("[document.documentElement.scrollTop, document.body.scrollTop]") == [0, 0]
    assert await teacher.page.evaluate("document.documentElement.scrollHeight - innerHeight") <= 0


class Keys:
    """Somebody who has a keyboard and no mouse."""

    def __init__(self, person: Person) -> None:
        self.person = person
        self.keyboard = person.page.keyboard

    async def to(self, target: Locator) -> None:
        """Tabs on until it has the keyboard."""
        for _ in range(MOST_STOPS):
            if await target.evaluate_all("nodes => nodes.includes(document.activeElement)"):
                return
            await self.keyboard.press("Tab")
        raise AssertionError(f"the Tab key never comes to {target}")

    async def type(self, target: Locator, text: str) -> None:
        await self.to(target)
        await self.keyboard.type(text)

    async def press(self, target: Locator, key: str = "Enter") -> None:
        await self.to(target)
        await self.keyboard.press(key)

    async def pick(self, field: str, letters: str, name: str) -> None:
        await self.type(self.person.control(field), letters)
        await expect(self.person.field(field).get_by_role("option", name=name)).to_be_visible()
        await self.keyboard.press("ArrowDown")
        await self.keyboard.press("Enter")
        await expect(self.person.field(field).locator(".chip")).to_have_text(name)


async def test_by_keyboard_alone_a_report_is_made_and_acknowledged(console: Console) -> None:
    """No mouse anywhere: Tab, arrows, letters, Enter and Escape make the report, change the persona and acknowledge it."""
    person = await console.open(TEACHER)
    keys = Keys(person)
    await keys.press(person.page.locator('[data-say="/esafety report"]'))
    await expect(person.control("concern")).to_be_focused()
    await keys.keyboard.type("Bullying or h")
    await expect(person.control("concern")).to_have_value("cyberbullying")
    await keys.press(person.field("about").locator("input").first, "Space")
    await keys.press(person.field("danger").locator("input").first, "Space")
    await keys.press(person.dialog.get_by_role("button", name="Next"))

    await person.form("report_detail").wait_for()
    await keys.pick("targets", "bea", "Bea Exemplar")
    await keys.pick("perpetrators", "demo", "Alfie Demosson")
    await keys.type(person.control("witnesses"), "Somebody Else")
    await keys.keyboard.press("Enter")
    await keys.type(person.control("what"), STORY)
    for asked in ("repeat", "illegal"):
        if await person.field(asked).count():
            await keys.press(person.field(asked).locator("input").first, "Space")
    await keys.press(person.dialog.get_by_role("button", name="Send report"))

    await person.form("sent").wait_for()
    found = REFERENCE.search(await person.form("sent").inner_text())
    assert found
    await keys.keyboard.press("Escape")
    await expect(person.dialog).to_be_hidden()

    await keys.type(person.page.locator("#persona"), "Bryn")
    await expect(person.message(found[0])).to_contain_text("Nobody has acknowledged this yet")
    await keys.press(person.message(found[0]).get_by_role("button", name="Details"))
    await expect(person.form("case")).to_contain_text("Somebody Else")
    await keys.keyboard.press("Escape")
    await expect(person.dialog).to_be_hidden()
    await keys.press(person.message(found[0]).get_by_role("button", name="Acknowledge"))
    await expect(person.note).to_contain_text("is yours now")
    changed = person.message("Acknowledged by Bryn Marsh")
    await expect(changed).to_be_visible()
    assert await changed.evaluate("node => node.contains(document.activeElement)"), "the keyboard has lost its place"


async def test_the_list_of_concerns_explains_each_of_them(console: Console) -> None:
    """Opened, the list shows what each kind covers, by group; Escape closes the list and not the form."""
    person = await console.open(TEACHER)
    await person.says("report")
    concern = person.control("concern")
    await Keys(person).press(concern, "Space")
    grooming = concern.get_by_role("option", name="Grooming, or somebody unsafe making contact", exact=True)
    await expect(grooming).to_be_in_viewport()
    assert "building up contact" in await grooming.evaluate("option => getComputedStyle(option, '::after').content")
    await person.page.keyboard.press("Escape")
    await expect(grooming).not_to_be_in_viewport()
    await expect(person.page.locator("#confirm")).to_be_hidden()
    await Keys(person).press(concern, "Space")
    await person.page.keyboard.type("Groom")
    await person.page.keyboard.press("Enter")
    await expect(concern).to_have_value("grooming")
    await expect(person.field("concern").locator("p.option-hint")).to_contain_text("building up contact")


async def test_escape_asks_before_it_throws_a_form_away(console: Console) -> None:
    """Escape closes a list first, then asks about what was typed, and "Stay" gives all of it back."""
    person = await console.open(TEACHER)
    await person.begins()
    keys = Keys(person)
    await keys.type(person.control("targets"), "be")
    await expect(person.field("targets").get_by_role("listbox")).to_be_visible()
    await keys.keyboard.press("Escape")
    await expect(person.field("targets").get_by_role("listbox")).to_be_hidden()
    await keys.keyboard.press("Escape")
    await expect(person.page.locator("#confirm")).to_contain_text("Leave this form?")
    await keys.press(person.page.locator("#confirm-no"))
    await expect(person.form("report_detail")).to_be_visible()
    await expect(person.field("targets").locator(".chip")).to_have_text("be")
