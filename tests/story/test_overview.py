"""All registers in one list, on every platform: whatever somebody may read, with how much of each waits, and nothing else."""

from collections.abc import Mapping
from datetime import timedelta

from tests.story.stage import Dialog, Stage
from tests.story.test_five_policies import at
from tests.story.test_registers import opens
from tests.story.test_requests import LESSON_OF, SITE, after, answers, asks, period_three
from tests.story.test_story import shown

LOST = "A device or personal data was lost"


async def registers(stage: Stage, who: str) -> Dialog:
    """Types the command; where a chat opens no dialog by itself, presses the button that it shows."""
    answer = await stage.command(who, "registers")
    return answer if isinstance(answer, Dialog) else await after(await stage.press(who, "Show all registers", ""))


@at("danecourt", esafety_officer="dsl", senior_leadership="cabot head")
async def test_a_lead_sees_what_waits_in_all_of_them(stage: Stage, school_file: Mapping[str, object]) -> None:
    """A breach, a request that waits, one to be carried out, a line for a second person: each counted, each a press away."""
    page = await registers(stage, "headteacher")
    assert "Breaches of personal data Nothing is open." in " ".join(page.shown.split())
    await asks(stage, "teacher", LESSON_OF, period_three(stage))
    await asks(stage, "teacher", "Have a website blocked", {"req_site": SITE, "req_wrong": "Adverts", "req_seen": "nobody"})
    await stage.expects("it", "is to be carried out")
    await after(await stage.press("it", "It is done", "-P-"))
    noticed = (stage.clock.now() - timedelta(hours=1)).isoformat()
    lost = {"req_what": SITE, "req_how": "lost", "req_data": "None", "req_encrypted": "open", "req_noticed": noticed}
    await asks(stage, "teacher", LOST, dict(lost))
    page = await registers(stage, "headteacher")
    for words in (
        "1 to look after; 1 wait for a second person; 0 to be looked at again by now",
        "1 not finished; 1 to be decided; 0 past the 72 hours",
        "1 live; 1 wait for an answer; 0 to be carried out",
        "1 live; 0 wait for an answer; 1 to be carried out",
    ):
        assert words in page.shown, words
    assert SITE not in page.shown
    stage.clock.advance(hours=72)
    page = await registers(stage, "headteacher")
    assert "1 to be decided; 1 past the 72 hours" in page.shown
    breach = next(f"Read {w}" for w in page.shown.split() if "-B-2026-" in w)
    assert SITE in (await after(await page.press(breach))).shown
    page = await registers(stage, "headteacher")
    assert SITE in (await after(await page.press(LOST))).shown


async def test_who_may_read_none_is_told_whom_they_are_for(stage: Stage) -> None:
    """A teacher; and a head of faculty sees the requests that are theirs to answer, and no breach."""
    answer = await stage.command("teacher", "registers")
    if isinstance(answer, str) and "Not one of your registers" not in answer:
        answer = shown(await stage.press("teacher", "Show all registers", ""))
    assert "Not one of your registers" in shown(answer)
    page = await registers(stage, "cabot head")
    assert LESSON_OF in page.shown
    assert "Breaches of personal data" not in page.shown
    await asks(stage, "teacher", LESSON_OF, period_three(stage))
    await stage.expects("cabot head", "waits for your answer")
    await answers(stage, "cabot head", {"submission_answer": "granted", "submission_note": ""})
    assert "1 live; 0 wait for an answer; 1 to be carried out" in (await registers(stage, "cabot head")).shown
    assert "Risk register" in (await opens(stage, "dsl", "Risk register")).shown


@at("danecourt", esafety_officer="dsl", senior_leadership="cabot head")
async def test_an_answer_offers_every_request_by_which_it_is_asked_for(stage: Stage, school_file: Mapping[str, object]) -> None:
    """A phone in a lesson: for oneself outside one's breaks, or for an activity of the class, which opens its own form."""
    answer = await stage.ask("teacher", "Is checking my phone during a lesson okay?")
    own, activity = "Use your own phone outside your breaks", "Personal devices in a curriculum activity"
    for words in (own, activity):
        assert words in answer
    assert "More that you can ask for" not in answer
    form = await after(await stage.press("teacher", activity, own))
    assert "Which activity?" in form.shown
