"""The register of filter changes is written by what is done for a request, on every platform: nobody writes it twice."""

from collections.abc import Mapping

from tests.story.stage import Dialog, Stage
from tests.story.test_five_policies import at
from tests.story.test_registers import opens
from tests.story.test_requests import AGREED, LESSON, LESSON_OF, SITE, after, answers, asks, period_three, rings


async def line_of(stage: Stage, who: str) -> Dialog:
    """The one line of the register of filter changes."""
    page = await opens(stage, who, "Filter changes")
    return await after(await page.press(next(f"Read {word}" for word in page.shown.split() if "-F-2026-" in word)))


async def opened_for_a_lesson(stage: Stage, decides: str) -> None:
    """A site is asked for, agreed to and opened."""
    await asks(stage, "teacher", LESSON_OF, period_three(stage))
    await stage.expects(decides, "waits for your answer")
    await answers(stage, decides, {"submission_answer": "granted", "submission_note": AGREED})
    await stage.expects("it", "is to be carried out", "Unblock the website")
    page = await opens(stage, "it", "Filter changes")
    assert "-F-2026-" not in page.shown, "nothing has been opened yet"
    page = await after(await stage.press("it", "It is done", "-P-"))
    assert "stands in the register of filter changes" in page.shown


async def test_a_site_that_was_agreed_to_stands_in_the_register_and_is_closed_there(stage: Stage) -> None:
    """The head of faculty has agreed, IT has opened it: that is the second person. When it is closed, so is the line."""
    await opened_for_a_lesson(stage, "cabot head")
    line = await line_of(stage, "dsl")
    for words in (SITE, LESSON, "CSS-P-2026-", "Unblocked", "agreed by a second person", "Kit Devlin", "Iga Nowak"):
        assert words in line.shown, words
    assert AGREED not in line.shown
    await stage.never("dsl", "CSS-F-2026-")
    stage.clock.advance(days=1, hours=1)
    assert await rings(stage) == 1
    await stage.expects("it", "Block the website again")
    await after(await stage.press("it", "It is done", "CSS-P-"))
    page = await opens(stage, "dsl", "Filter changes")
    assert "There is nothing to look after" in page.shown
    await stage.settled()
    for secret in (SITE, LESSON, AGREED):
        assert secret not in stage.raw_chat()


@at("ken-stimpson", it_support="it", senior_leadership="brunel head")
async def test_whoever_agrees_and_does_it_alone_waits_for_another(stage: Stage, school_file: Mapping[str, object]) -> None:
    """The manager of the filter agrees to it and opens it: the line waits for one of those who may agree to lines."""
    await opened_for_a_lesson(stage, "it")
    message = await stage.expects("brunel head", "-F-2026-", "waits for a second person")
    assert SITE not in message
    line = await after(await stage.press("brunel head", "Read", "-F-2026-"))
    assert SITE in line.shown
    form = await after(await line.press("Decide"))
    await form.fill({"reg_state": "approved", "reg_note": AGREED})
    assert "agreed by a second person" in (await after(await form.submit())).shown


@at("danecourt", esafety_officer="headteacher")
async def test_a_blocked_site_stands_there_too(stage: Stage, school_file: Mapping[str, object]) -> None:
    """Nobody decides about it: it is blocked at once, and somebody else agrees to the line afterwards."""
    await asks(stage, "teacher", "Have a website blocked", {"req_site": SITE, "req_wrong": LESSON, "req_seen": "nobody"})
    await stage.expects("it", "is to be carried out")
    await after(await stage.press("it", "It is done", "-P-"))
    await stage.expects("headteacher", "-F-2026-", "waits for a second person")
    line = await line_of(stage, "it")
    assert "Blocked" in line.shown
    assert "Tess Whitlock" in line.shown
