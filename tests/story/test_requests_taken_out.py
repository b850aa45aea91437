"""All requests of a kind, taken out on every platform by whoever may read them: a sealed page, and nothing in the chat."""

import re

from tests.fakes.sealed_page import open_page
from tests.story.stage import Stage
from tests.story.test_requests import AGREED, LESSON, LESSON_OF, SITE, after, answers, asks, period_three, requests
from tests.story.test_subject_access import PASSPHRASE


async def test_all_of_a_kind_are_taken_out(stage: Stage) -> None:
    """The head of faculty has answered one, and takes all of them to the meeting; whoever asked is offered no such thing."""
    await asks(stage, "teacher", LESSON_OF, period_three(stage))
    await stage.expects("cabot head", "waits for your answer")
    await answers(stage, "cabot head", {"submission_answer": "granted", "submission_note": AGREED})
    page = await after(await (await requests(stage, "cabot head")).press(f"All of: {LESSON_OF}"))
    made = await after(await page.press("Take it out"))
    assert "in the folder for exports" in made.shown
    passphrase = PASSPHRASE.search(made.shown)
    assert passphrase is not None
    (file,) = stage.bot.settings.exports_folder.iterdir()
    sealed = file.read_text(encoding="utf-8")
    opened = open_page(sealed, passphrase.group())
    for words in (SITE, LESSON, "Unblock the website", "Unblock a website for a lesson of"):
        assert words in opened, words
    assert len(re.findall("<tr>", opened)) == 2
    assert "All of: " not in (await requests(stage, "teacher")).shown
    await stage.settled()
    for secret in (SITE, LESSON, AGREED, passphrase.group()):
        assert secret not in stage.raw_chat()
        assert secret not in sealed
