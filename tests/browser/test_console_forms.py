"""What can go wrong with a form, and that nothing typed is lost by it."""

import asyncio
import logging

import pytest
from playwright.async_api import Route, expect

from handlers import report
from tests.browser.conftest import Console
from tests.browser.people import BRUNEL_HEAD, STORY, TEACHER

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="package")]

NASTY = '<img src=x onerror="window.hacked=1"> <!channel> <@U123> *bold* `code` {{token}} \u202egnirts'


async def test_wrong_input_comes_back_at_its_field_with_all_that_was_typed(console: Console) -> None:
    """Each wrong field says so, the first has the keyboard, the rest stands as typed; an answer takes the words away."""
    person = await console.open(TEACHER)
    await person.says("report")
    await person.sends()
    for field in ("concern", "about", "danger"):
        await expect(person.error(field)).to_have_text("Please answer this.")
    await expect(person.control("concern")).to_be_focused()
    await person.control("concern").select_option("cyberbullying")
    await expect(person.error("concern")).to_be_hidden()
    await expect(person.error("about")).to_be_visible()
    await person.field("about").locator(".option").first.click()
    await person.field("danger").locator(".option").first.click()
    await person.sends()

    await person.form("report_detail").wait_for()
    await person.names("targets", "be", "Bea Exemplar")
    await person.control("witnesses").fill("Half a na")
    await person.control("done").fill("Told her form tutor")
    await person.control("where").fill("A group chat")
    await person.sends()
    await expect(person.error("what")).to_have_text("Please answer this.")
    await expect(person.control("what")).to_be_focused()
    await expect(person.control("what")).to_have_attribute("aria-invalid", "true")
    await expect(person.control("done")).to_have_value("Told her form tutor")
    await expect(person.control("where")).to_have_value("A group chat")
    await expect(person.field("targets").locator(".chip")).to_have_text("Bea Exemplar")
    await expect(person.field("witnesses").locator(".chip")).to_have_text("Half a na")


async def test_sent_twice_it_is_one_report(console: Console) -> None:
    """A double press of Send makes one report."""
    person = await console.open(TEACHER)
    await person.begins()
    await person.names("targets", "be", "Bea Exemplar")
    await person.control("what").fill(STORY)
    await person.dialog.locator("[type=submit]").evaluate(
        "button => { button.click(); button.click(); button.form.requestSubmit(); }"
    )
    await person.closes_receipt()
    await person.says("mine")
    await expect(person.note.locator("tbody tr")).to_have_count(1)


async def test_a_very_long_text_is_stopped_or_comes_back_whole(console: Console) -> None:
    """The box takes 3000 characters and says when room is short; more, sent all the same, comes back whole to be shortened."""
    person = await console.open(TEACHER)
    await person.begins()
    await person.names("targets", "be", "Bea Exemplar")
    what = person.control("what")
    await what.focus()
    await person.page.keyboard.insert_text("x" * 2800)
    await expect(person.field("what").locator(".room")).to_have_text("200 characters left")
    await person.page.keyboard.insert_text("y" * 9000)
    assert len(await what.input_value()) == 3000
    await what.evaluate("area => { area.removeAttribute('maxlength'); area.value = 'z'.repeat(9000); }")
    await person.sends()
    await expect(person.error("what")).to_contain_text("too long")
    await expect(what).to_be_focused()
    assert len(await what.input_value()) == 9000
    await what.fill("z" * 3000)
    await person.sends()
    await person.closes_receipt()


async def test_what_is_pressed_while_a_line_is_on_its_way_goes_after_it(console: Console) -> None:
    """The answer takes a moment, and somebody who cannot wait presses Report, twice: it opens, once, and no line is lost."""
    person = await console.open(TEACHER)

    async def slowly(route: Route) -> None:
        await asyncio.sleep(0.3)
        await route.continue_()

    await person.page.route("**/console/api/say", slowly)
    await person.page.locator("#text").fill("/esafety help")
    await person.page.keyboard.press("Enter")
    await person.says("report")
    await person.says("report")
    await person.form("report_kind").wait_for()
    await expect(person.page.locator("#text")).to_have_value("")
    await expect(person.page.locator("#log")).to_contain_text("/esafety ask")


async def test_nasty_text_is_shown_as_text(console: Console) -> None:
    """Markup and mentions, in every free field and in the chat, are shown letter by letter and do nothing."""
    person = await console.open(TEACHER)
    await person.page.locator("#text").fill(NASTY)
    await person.page.keyboard.press("Enter")
    await expect(person.message("onerror")).to_contain_text(NASTY)
    await person.begins()
    for field in ("targets", "perpetrators"):
        await person.control(field).fill(NASTY[:60])
    for field in ("what", "where", "done"):
        await person.control(field).fill(NASTY)
    await person.sends()
    await person.control("house").select_option("Brunel")
    await person.sends()
    reference = await person.closes_receipt()

    await person.becomes(BRUNEL_HEAD)
    await person.message(reference).get_by_role("button", name="Details").click()
    case = person.form("case")
    await expect(case).to_contain_text(NASTY)
    assert (await case.inner_text()).count("onerror=") >= 4
    assert await person.page.locator("img").count() == 0
    assert await person.page.evaluate("window.hacked") is None


async def test_a_restart_loses_nothing_that_was_typed(console: Console) -> None:
    """After a restart a new page offers what was typed, people and all, and the page that stayed open simply goes on."""
    console.forgiven = [
        r"ERR_CONNECTION_REFUSED",
        r"ERR_INCOMPLETE_CHUNKED",
        r"ERR_EMPTY_RESPONSE",
        r"status of 403",
        r"ERR_NETWORK",
    ]
    person = await console.open(TEACHER)
    await person.begins()
    await person.control("what").fill(STORY)
    # Typing "be" is told of too, if the machine is slow: only the answer to the name itself counts.
    async with person.page.expect_response(lambda r: r.url.endswith("/typing") and "person:" in (r.request.post_data or "")):
        await person.names("targets", "be", "Bea Exemplar")
    await console.stop()
    await expect(person.page.locator("#trouble")).to_contain_text("Reconnecting")
    await console.start()

    again = await console.open(TEACHER)
    await again.says("report")
    await expect(again.form("report_unfinished")).to_contain_text("did not send it")
    await again.dialog.get_by_role("button", name="Carry on").click()
    await expect(again.control("what")).to_have_value(STORY)
    await expect(again.field("targets").locator(".chip")).to_have_text("Bea Exemplar")
    await again.leaves()

    await expect(person.control("what")).to_have_value(STORY)
    await person.sends()
    reference = await person.closes_receipt()
    await expect(person.message(reference)).to_be_visible()


async def test_a_failure_of_ours_says_so_and_loses_nothing(
    console: Console, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Where the bot breaks, the form stays with all that was typed and says what to do; sent again, it is a report."""
    console.forgiven = [r"status of 500"]
    caplog.set_level(logging.CRITICAL, "esafety.console")

    async def broken(*_: object) -> None:
        raise RuntimeError("the disk is full")

    person = await console.open(TEACHER)
    await person.begins()
    await person.names("targets", "be", "Bea Exemplar")
    await person.control("what").fill(STORY)
    with monkeypatch.context() as patch:
        patch.setattr(report, "submit", broken)
        await person.sends()
        await expect(person.dialog.get_by_role("alert")).to_contain_text("What you typed is still here: please send it again")
        await expect(person.dialog.get_by_role("alert")).to_be_in_viewport()
    await expect(person.control("what")).to_have_value(STORY)
    await person.sends()
    await person.closes_receipt()
