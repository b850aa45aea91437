"""Requests of other policies, on every platform: what is declared and then asked, a yes that lasts a year, what was lost."""

from collections.abc import Mapping
from datetime import timedelta

from tests.story.stage import Dialog, Stage, Value
from tests.story.test_five_policies import at
from tests.story.test_requests import after, answers, asks, requests, rings
from tests.story.test_story import shown

LINK, CLASS = "I am her aunt", "Year 5"
STICK, WHAT_WAS_ON_IT, REASON = "A memory stick, on the bus", "Reading scores of about twenty pupils", "It was encrypted"
ADDRESS, PURPOSE = "Geography, @example.geography", "Field trips of Years 7 to 9"


async def looked_at(stage: Stage, who: str, label: str, reference: str = "-P-") -> Dialog:
    """What a button of the newest message about a request opens."""
    return await after(await stage.press(who, label, reference))


@at("elton")
async def test_a_family_link_is_declared_and_the_policy_answer_knows_it(
    stage: Stage, school_file: Mapping[str, object]
) -> None:
    """A colleague asks before, is told to declare it, does so from the answer, asks again, and is answered with it."""
    question = "ask can I be friends on facebook with my niece who is a pupil here"
    answer = shown(await stage.command("teacher", question))
    assert "You have declared this" not in answer
    page = await requests(stage, "teacher")
    form = await after(await page.press("A family link with a pupil or a parent"))
    await form.fill({"req_link": LINK, "req_whom": "pupil", "req_class": CLASS, "req_networks": "Facebook"})
    page = await after(await form.submit())
    assert "It is declared, and whoever has to know was told" in page.shown
    told = await stage.expects("headteacher", "A family link with a pupil or a parent", "It holds from now on")
    assert LINK not in told
    assert LINK in (await looked_at(stage, "headteacher", "Read")).shown
    await stage.never("dsl", "-P-")
    answer = shown(await stage.command("teacher", question))
    assert "You have declared this: A family link with a pupil or a parent" in answer
    assert "Read what it covers" in answer
    assert LINK not in answer
    assert "You have declared this" not in shown(await stage.command("cabot head", question))
    own = await requests(stage, "teacher")
    page = await after(await own.press(next(f"Read {w}" for w in own.shown.split() if "-P-" in w)))
    page = await after(await page.press("It is over"))
    assert "It is over." in page.shown
    assert "You have declared this" not in shown(await stage.command("teacher", question))
    await stage.settled()
    assert LINK not in stage.raw_chat()


@at("chipping-sodbury", head_of_faculty="brunel head", senior_leadership="cabot head")
async def test_a_school_account_is_agreed_and_looked_at_again_after_a_year(
    stage: Stage, school_file: Mapping[str, object]
) -> None:
    """Its address and purpose are agreed; a month before the year is over whoever asked is reminded, and then it ends."""
    account: dict[str, Value] = {
        "req_account": ADDRESS,
        "req_purpose": PURPOSE,
        "req_email": "geography@example.org",
        "req_staff_keeper": ["Iga Nowak"],
        "req_comments": "moderated",
        "req_pictures": "none",
    }
    page = await asks(stage, "teacher", "A school account or page on a social network", account)
    assert "Iga Nowak" in page.shown
    await stage.expects("brunel head", "waits for your answer")
    page = await answers(stage, "brunel head", {"submission_answer": "granted", "submission_note": "Agreed"})
    assert "allowed until" in page.shown
    await stage.expects("teacher", "news of", "allowed until")
    stage.clock.advance(days=334)
    assert await rings(stage) == 0
    stage.clock.advance(days=3)
    assert await rings(stage) == 1
    assert await rings(stage) == 0
    assert ADDRESS not in await stage.expects("teacher", "ends soon", "Ask again if it is still needed")
    stage.clock.advance(days=30)
    assert await rings(stage) == 1
    await stage.expects("teacher", "It is over")
    await stage.settled()
    assert ADDRESS not in stage.raw_chat()
    assert PURPOSE not in stage.raw_chat()


@at("danecourt")
async def test_a_lost_memory_stick_goes_from_the_loss_to_the_decision(stage: Stage, school_file: Mapping[str, object]) -> None:
    """Whoever lost it says so in one form: the breach is open with its clock, IT locks it, and it is decided about the ICO."""
    noticed = stage.clock.now() - timedelta(hours=5)
    lost: dict[str, Value] = {
        "req_what": STICK,
        "req_how": "lost",
        "req_data": WHAT_WAS_ON_IT,
        "req_encrypted": "encrypted",
        "req_noticed": noticed.isoformat(),
    }
    page = await asks(stage, "teacher", "A device or personal data was lost", lost)
    assert "the 72 hours run from when it was noticed" in page.shown
    assert "-B-2026-" not in page.shown
    await stage.expects("it", "is to be carried out", "Lock the device or the account")
    for who in ("dsl", "deputy", "headteacher", "chair"):
        assert STICK not in await stage.expects(who, "-B-2026-", "is to be decided by")
    await stage.never("it", "-B-2026-")
    page = await looked_at(stage, "it", "Read")
    assert STICK in page.shown
    assert "-B-2026-" not in page.shown
    await looked_at(stage, "it", "It is done")
    file = await looked_at(stage, "chair", "Read and decide", "-B-2026-")
    for words in (STICK, WHAT_WAS_ON_IT, "-P-2026-", "Lost"):
        assert words in file.shown, words
    page = await looked_at(stage, "headteacher", "Read")
    assert "was opened with it" in page.shown
    file = await after(await page.press(next(f"Read {w}" for w in page.shown.split() if "-B-2026-" in w)))
    await file.fill({"contain": "done", "decision": "no_risk", "reason": REASON})
    await file.submit()
    await stage.expects("dsl", "-B-2026-", "It is decided")
    page = await looked_at(stage, "headteacher", "It is done")
    assert "Still to be carried out" not in page.shown
    await stage.expects("teacher", "news of")
    await stage.settled()
    for words in (STICK, WHAT_WAS_ON_IT, REASON):
        assert words not in stage.raw_chat()


@at("danecourt")
async def test_whoever_sent_it_astray_has_no_say_in_the_breach(stage: Stage, school_file: Mapping[str, object]) -> None:
    """A colleague names the headteacher: nobody writes to them of it, and they find neither the request nor the breach."""
    sent: dict[str, Value] = {
        "req_what": STICK,
        "req_how": "sent-wrong",
        "req_data": WHAT_WAS_ON_IT,
        "req_encrypted": "open",
        "req_noticed": stage.clock.now().isoformat(),
        "req_staff_by": ["Helen Pemberton"],
    }
    page = await asks(stage, "teacher", "A device or personal data was lost", sent)
    assert "Helen Pemberton" in page.shown
    await stage.expects("dsl", "-B-2026-", "is to be decided by")
    await stage.never("headteacher", "-B-2026-")
    await stage.never("headteacher", "-P-2026-")
    every = await after(await (await requests(stage, "headteacher")).press("All of: A device or personal data was lost"))
    assert "-P-2026-" not in every.shown
    assert STICK not in every.shown
    every = await after(await (await requests(stage, "dsl")).press("All of: A device or personal data was lost"))
    assert STICK in every.shown
