"""What staff ask for, on every platform: asked, decided, carried out, ended by itself, and everybody concerned told."""

from collections.abc import Mapping
from datetime import timedelta

from handlers.submissions import ring
from tests.story.stage import Dialog, Stage, Value

SITE, LESSON = "example.org/maps", "Year 8 compare old maps of the town"
AGREED, NOT_YET, WHICH = "For that lesson only", "It shows too many adverts", "Which class is it, and how many are they?"
LESSON_OF = "Unblock a website for a lesson"


async def after(opened: "Dialog | str | None") -> Dialog:
    """What is open now."""
    assert isinstance(opened, Dialog), opened
    return opened


async def requests(stage: Stage, who: str) -> Dialog:
    """Types the command, and comes to the page of requests; where a chat opens no dialog by itself, by the button it shows."""
    answer = await stage.command(who, "request")
    return answer if isinstance(answer, Dialog) else await after(await stage.press(who, "Ask for something", ""))


async def asks(stage: Stage, who: str, kind: str, values: Mapping[str, Value]) -> Dialog:
    """Asks for something of that kind. The page that is shown then."""
    form = await after(await (await requests(stage, who)).press(kind))
    await form.fill(values)
    return await after(await form.submit())


async def answers(stage: Stage, who: str, values: Mapping[str, Value]) -> Dialog:
    """Reads the newest request that waits for somebody, and answers it."""
    page = await after(await stage.press(who, "Read", "CSS-P-"))
    await page.fill(values)
    return await after(await page.submit())


def period_three(stage: Stage) -> dict[str, Value]:
    """What the form of a lesson asks: tomorrow, for an hour."""
    begins = stage.clock.now() + timedelta(days=1)
    until = (begins + timedelta(hours=1)).isoformat()
    return {"req_site": SITE, "req_why": LESSON, "req_since": begins.isoformat(), "req_until": until}


async def rings(stage: Stage) -> int:
    """What the bot does every minute. Of how many requests it was time."""
    (school,) = stage.bot.schools.values()
    return await ring(stage.bot.worker.ports, school)


async def test_a_site_is_opened_for_a_lesson_and_closed_again_by_itself(stage: Stage) -> None:
    """A teacher asks, the head of faculty agrees, IT opens it, and when the lesson is over IT is told to close it."""
    form = await after(await (await requests(stage, "teacher")).press(LESSON_OF))
    assert "It goes to Kit Devlin" in form.shown
    missing = await after(await form.submit())
    assert set(missing.errors) == {"req_site", "req_why", "req_since", "req_until"}
    page = await asks(stage, "teacher", LESSON_OF, period_three(stage))
    assert "is kept" in page.shown
    assert "It waits for Kit Devlin" in page.shown

    message = await stage.expects("cabot head", LESSON_OF, "waits for your answer")
    assert SITE not in message
    assert LESSON not in message
    await stage.never("it", "CSS-P-")
    page = await answers(stage, "cabot head", {"submission_answer": "granted", "submission_note": AGREED})
    assert "it is allowed until" in page.shown
    await stage.expects("cabot head", "waits for you no longer")
    await stage.expects("teacher", "news of CSS-P-", "it is allowed until")

    await stage.expects("it", "is to be carried out", "Unblock the website")
    page = await after(await stage.press("it", "Read", "CSS-P-"))
    assert SITE in page.shown
    page = await after(await stage.press("it", "It is done", "CSS-P-"))
    assert "Done: Unblock the website" in page.shown
    await stage.expects("it", "It is done", "waits for you no longer")

    stage.clock.advance(hours=24, minutes=30)
    assert await rings(stage) == 0
    stage.clock.advance(minutes=30)
    assert await rings(stage) == 1
    assert await rings(stage) == 0
    await stage.expects("it", "is to be carried out", "Block the website again")
    await stage.expects("teacher", "It is over")
    page = await after(await stage.press("it", "It is done", "CSS-P-"))
    assert "It is over" in page.shown
    assert "Done: Block the website again" in page.shown
    assert "by itself" in page.shown
    await stage.settled()
    assert SITE not in stage.raw_chat()
    assert LESSON not in stage.raw_chat()


async def test_what_is_unclear_is_asked_back_and_what_is_refused_has_a_reason(stage: Stage) -> None:
    """Nothing needs to be typed twice, and whoever asked always hears."""
    await asks(stage, "teacher", LESSON_OF, period_three(stage))
    await stage.expects("cabot head", "waits for your answer")
    page = await answers(stage, "cabot head", {"submission_answer": "returned", "submission_note": ""})
    assert set(page.errors) == {"submission_note"}
    await page.fill({"submission_answer": "returned", "submission_note": WHICH})
    assert "asked something" in (await after(await page.submit())).shown
    await stage.expects("teacher", "You are asked something")
    page = await after(await stage.press("teacher", "Read", "CSS-P-"))
    form = await after(await page.press("Answer and send again"))
    assert WHICH in form.shown
    assert form.value("req_why") == LESSON
    await form.fill({"req_why": f"{LESSON}: 8C, 28 of them"})
    assert "It waits for Kit Devlin" in (await after(await form.submit())).shown
    await stage.settled()
    page = await answers(stage, "cabot head", {"submission_answer": "refused", "submission_note": NOT_YET})
    assert "it was refused" in page.shown
    await stage.expects("teacher", "No. Read why.")
    page = await after(await stage.press("teacher", "Read", "CSS-P-"))
    assert NOT_YET in page.shown
    await stage.never("it", "CSS-P-")
    await stage.settled()
    for words in (WHICH, NOT_YET, LESSON):
        assert words not in stage.raw_chat()


async def test_what_nobody_answers_climbs_and_what_is_taken_back_waits_for_nobody(stage: Stage) -> None:
    """After a school day those who come next are asked as well; whoever answers first has answered."""
    await asks(
        stage, "teacher", LESSON_OF, period_three(stage) | {"req_until": (stage.clock.now() + timedelta(days=9)).isoformat()}
    )
    await stage.expects("cabot head", "waits for your answer")
    await stage.never("headteacher", "CSS-P-")
    stage.clock.advance(days=1)
    assert await rings(stage) == 1
    await stage.expects("headteacher", "waits for your answer", "Nobody has answered it yet")
    await stage.expects("cabot head", "Nobody has answered it yet")
    assert await rings(stage) == 0
    own = await requests(stage, "teacher")
    assert LESSON_OF in own.shown
    page = await after(await own.press(next(f"Read {word}" for word in own.shown.split() if word.startswith("CSS-P-"))))
    assert "It was taken back" in (await after(await page.press("Take it back"))).shown
    await stage.expects("headteacher", "waits for you no longer")
    page = await after(await stage.press("headteacher", "Read", "CSS-P-"))
    assert "submission_answer" not in page.fields


async def test_nobody_else_reads_it(stage: Stage) -> None:
    """Whoever has nothing to do with a request is not shown it, nor that there is one."""
    page = await asks(stage, "teacher", LESSON_OF, period_three(stage))
    reference = next(word for word in page.shown.split() if word.startswith("CSS-P-"))
    for other in ("chair", "brunel head"):
        assert reference.rstrip(".") not in (await requests(stage, other)).shown
