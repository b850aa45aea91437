"""Everybody can use it: axe on every screen, in light, dark and on a phone. And the page keeps its content policy."""

import json
from dataclasses import dataclass, field
from typing import Any

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page, expect

from bot.watched import WatchedMessengers
from bot.worker import Messenger
from cards import adaptive, blockkit
from cards.messages import message_card
from domain.messages import AlertMessage, Message
from domain.people import Address, Platform, School
from tests.browser.conftest import Console
from tests.browser.people import BRUNEL, BRUNEL_HEAD, DSL, SAFEGUARDING, STORY, TEACHER

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="package")]


@dataclass(slots=True)
class Inspector:
    """Collects what axe finds to be serious or critical, by screen."""

    page: Page
    found: list[str] = field(default_factory=list)

    async def looks(self, screen: str) -> None:
        results = await Axe().run(self.page, options={"resultTypes": ["violations"]})
        for wrong in results.response["violations"]:
            if wrong["impact"] in ("serious", "critical"):
                nodes = "; ".join(str(n["target"]) + " " + n["failureSummary"] for n in wrong["nodes"])
                self.found.append(f"{screen}: {wrong['id']}: {nodes}")


LOOKS: dict[str, dict[str, Any]] = {
    "light": {"width": 1400, "height": 900},
    "dark": {"width": 1400, "height": 900, "color_scheme": "dark"},
    "phone": {"width": 360, "height": 740},
}


@pytest.mark.parametrize("look", LOOKS)
async def test_axe_finds_nothing_serious_on_any_screen(console: Console, look: str) -> None:
    """From the empty page to the closing of a case: no serious or critical finding, and nothing wider than the window."""
    person = await console.open(TEACHER, **LOOKS[look])
    axe = Inspector(person.page)
    await axe.looks("home")
    await person.says("report")
    await person.form("report_kind").wait_for()
    await axe.looks("screen one")
    await person.sends()
    await expect(person.error("danger")).to_be_visible()
    await axe.looks("screen one, wrong")
    await person.control("concern").select_option("nude_image")
    await person.field("about").locator(".option").first.click()
    await person.field("danger").locator(".option").last.click()
    await person.sends()
    await person.form("report_detail").wait_for()
    await axe.looks("screen two")
    await person.names("targets", "be", "Bea Exemplar")
    await person.sends()
    await expect(person.error("what")).to_be_visible()
    await person.control("perpetrators").press_sequentially("a")
    await expect(person.field("perpetrators").get_by_role("listbox")).to_be_visible()
    await axe.looks("screen two, wrong, with a list open")
    await person.control("perpetrators").fill("")
    await person.control("what").fill(STORY)
    for asked in ("repeat", "illegal"):
        if await person.field(asked).count():
            await person.field(asked).locator(".option").first.click()
    await person.sends()
    await person.form("sent").wait_for()
    await axe.looks("receipt")
    reference = await person.closes_receipt()
    await axe.looks("receipt in the chat")

    lead = await console.open(DSL, f"channel:{SAFEGUARDING}", **LOOKS[look])
    axe.page = lead.page
    alert = lead.message(reference)
    await axe.looks("alert")
    for action, form in (("details", "case"), ("hand_on", "hand_on")):
        await alert.locator(f"[data-action={action}]").click()
        await lead.form(form).wait_for()
        await axe.looks(form)
        await lead.leaves()
    await alert.get_by_role("button", name="Acknowledge").click()
    await expect(lead.note).to_contain_text("is yours now")
    await alert.locator("[data-action=close]").click()
    await lead.form("close_case").wait_for()
    await axe.looks("close")
    await lead.leaves()
    for command in ("queue", "mine", "help"):
        await lead.says(command)
    await expect(lead.note).to_contain_text("How can I help?")
    await axe.looks("queue, own reports and help")
    await alert.locator("[data-raw]").click()
    await expect(lead.page.locator("#raw-slack")).to_contain_text("rich_text")
    await axe.looks("JSON")
    await lead.page.keyboard.press("Escape")
    if look == "phone":
        await lead.page.locator("#menu").click()
        await expect(lead.page.locator("#places")).to_be_visible()
        await axe.looks("menu")
    assert axe.found == []
    for page in (person.page, lead.page):
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")


async def test_the_content_policy_stops_what_the_page_did_not_bring(console: Console) -> None:
    """A script, an event handler or a picture from elsewhere that got into the page all the same would do nothing."""
    console.forgiven = ["Content Security Policy"]
    person = await console.open(TEACHER)
    await person.page.evaluate(
        """() => {
          const script = document.createElement("script");
          script.textContent = "window.hacked = 1";
          document.body.append(script);
          const picture = '<img src="https://elsewhere.example/x.png" onerror="window.hacked = 1">';
          document.body.insertAdjacentHTML("beforeend", picture);
        }"""
    )
    await expect(person.page.locator("img")).to_have_count(1)
    while len(person.complaints) < 3:
        await person.page.evaluate("new Promise(requestAnimationFrame)")
    assert all("Content Security Policy" in c for c in person.complaints)
    assert await person.page.evaluate("window.hacked") is None


@dataclass(slots=True)
class Overheard:
    """A messenger that remembers what it was given."""

    messenger: Messenger
    school: School | None = None
    alerts: dict[str, AlertMessage] = field(default_factory=dict)

    async def send(self, school: School, address: Address, message: Message) -> str:
        self.school = school
        if isinstance(message, AlertMessage):
            self.alerts[address.id] = message
        return await self.messenger.send(school, address, message)

    async def update(self, school: School, address: Address, message_id: str, message: Message) -> str:
        return await self.messenger.update(school, address, message_id, message)

    async def delete(self, school: School, address: Address, message_id: str) -> None:
        await self.messenger.delete(school, address, message_id)


async def test_the_json_is_what_slack_and_teams_would_get(console: Console) -> None:
    """Behind each message stands the very Block Kit and Adaptive Card that the renderers make of it."""
    watched = console.bot.worker.messengers
    assert isinstance(watched, WatchedMessengers)
    messengers = watched.messengers
    assert isinstance(messengers, dict)
    overheard = messengers[Platform.CONSOLE] = Overheard(messengers[Platform.CONSOLE])
    head = await console.open(BRUNEL_HEAD, f"channel:{BRUNEL}")
    teacher = await console.open(TEACHER)
    reference = await teacher.reports()
    await head.message(reference).locator("[data-raw]").click()
    assert overheard.school
    card = message_card(overheard.school, overheard.alerts[BRUNEL])
    slack, teams = head.page.locator("#raw-slack code"), head.page.locator("#raw-teams code")
    await expect(slack).to_contain_text(reference)
    assert json.loads(await slack.inner_text()) == json.loads(json.dumps(blockkit.message(card)))
    await head.page.get_by_role("tab", name="Teams").click()
    await expect(teams).to_be_visible()
    assert json.loads(await teams.inner_text()) == json.loads(json.dumps(adaptive.card(card)))
    await head.page.keyboard.press("Escape")
    await expect(head.page.locator("#raw")).to_be_hidden()


async def test_a_channel_is_closed_to_others_and_says_so(console: Console) -> None:
    """Who is no member is told, can write nothing there, and comes to their own messages when they change the persona there."""
    person = await console.open(TEACHER, f"channel:{SAFEGUARDING}")
    await expect(person.page.locator("#log")).to_contain_text("Only its members can read this channel")
    await expect(person.page.locator("#composer")).to_be_hidden()
    await person.becomes(DSL)
    await expect(person.page.locator("#composer")).to_be_visible()
    await person.becomes(TEACHER)
    await expect(person.page.locator("#place-name")).to_have_text("E-safety bot")
