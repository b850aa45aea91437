"""The school's calendar, the draft for parents and the lesson that figures suggest, on every platform."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
import yaml

from bot.settings import DEMO_SCHOOLS
from domain.figures import Figures, Season, Span, Table
from handlers.duties import ring
from tests.story.stage import CAST, Dialog, Stage
from tests.story.test_requests import after

COORDINATOR = "teacher"
REVIEW, SAFER_INTERNET_DAY = "Review of the policy", "Safer Internet Day"
TERMS = [
    "2026-09-03/2026-10-23",
    "2026-11-02/2026-12-17",
    "2027-01-04/2027-02-12",
    "2027-02-22/2027-03-25",
    "2027-04-12/2027-07-21",
]
AUTUMN = Span(date(2026, 8, 1), date(2026, 12, 17), Season.AUTUMN, 2026)
BULLIED, SCAMMED = "Online bullying", "Privacy and security"


@pytest.fixture
def school_file() -> Mapping[str, object]:
    """The demo school with its terms, a head of computing, and an evening of its own."""
    demo = yaml.safe_load((DEMO_SCHOOLS / "chipping-sodbury.yaml").read_text())
    evening = {
        "id": "parents-evening",
        "title": "Evening for parents",
        "about": "In the hall.",
        "when": {"day": date(2027, 3, 11)},
        "who": ["senior_leadership"],
        "families": True,
    }
    return {"roles": demo["roles"] | {"computing_coordinator": [CAST[COORDINATOR]]}, "terms": TERMS, "dates": [evening]}


async def opens(stage: Stage, who: str, word: str, button: str) -> Dialog:
    """Types a command, and comes to its page; where a chat opens no dialog by itself, by the button it shows."""
    answer = await stage.command(who, word)
    return answer if isinstance(answer, Dialog) else await after(await stage.press(who, button, ""))


async def calendar(stage: Stage, who: str) -> Dialog:
    return await opens(stage, who, "calendar", "Open the calendar")


async def digest(stage: Stage, who: str) -> Dialog:
    return await opens(stage, who, "digest", "Draft for parents")


async def rings(stage: Stage, *at: datetime) -> None:
    """The bot looks at these moments, as it does every minute, and sends what is due."""
    (school,) = stage.bot.schools.values()
    for stage.clock.at in at:
        await ring(stage.bot.worker.ports, school)
        await stage.settled()


def told(stage: Stage, who: str, word: str) -> int:
    """How many messages somebody has had about something."""
    return len([m for m in stage.sees(who) if word in m])


async def published(stage: Stage, **concerns: int) -> None:
    """The autumn term is over, and these are its figures."""
    (school,) = stage.bot.schools.values()
    figures = Figures(AUTUMN, stage.clock.now(), 5, sum(concerns.values()), {Table.CONCERN: concerns}, id="figures-autumn")
    async with stage.bot.worker.ports.store.transaction(school) as records:
        assert await records.add_figures(figures)


async def test_safer_internet_day_comes_and_the_coordinator_sees_to_it(stage: Stage) -> None:
    """Four weeks before, once more after a week, and then no more; whoever says that it is done is named in the calendar."""
    page = await calendar(stage, "it")
    assert f"9 February 2027: {SAFER_INTERNET_DAY}" in page.shown
    assert "11 March 2027: Evening for parents" in page.shown
    # A Monday; and on the day itself, before the school opens.
    await rings(stage, datetime(2027, 1, 11, 10, tzinfo=UTC), datetime(2027, 1, 12, 8, 29, tzinfo=UTC))
    assert told(stage, COORDINATOR, SAFER_INTERNET_DAY) == 0
    await rings(stage, datetime(2027, 1, 12, 8, 31, tzinfo=UTC), datetime(2027, 1, 12, 8, 32, tzinfo=UTC))
    message = await stage.expects(COORDINATOR, SAFER_INTERNET_DAY, "9 February 2027")
    assert "assembly" not in message, "only what it is called and when it is"
    assert told(stage, COORDINATOR, SAFER_INTERNET_DAY) == 1
    await stage.never("cabot head", SAFER_INTERNET_DAY)

    await rings(stage, datetime(2027, 1, 19, 9, tzinfo=UTC))
    assert told(stage, COORDINATOR, SAFER_INTERNET_DAY) == 2
    await rings(stage, datetime(2027, 1, 26, 9, tzinfo=UTC), datetime(2027, 2, 2, 9, tzinfo=UTC))
    assert told(stage, COORDINATOR, SAFER_INTERNET_DAY) == 2
    page = await after(await stage.press(COORDINATOR, "It is done", SAFER_INTERNET_DAY))
    assert "Done. Tess Whitlock said so, 2 February 2027" in page.shown
    await stage.expects(COORDINATOR, f"Done: {SAFER_INTERNET_DAY}")
    assert "Done. Tess Whitlock said so" in (await calendar(stage, "it")).shown
    await rings(stage, datetime(2027, 2, 10, 9, tzinfo=UTC))
    assert told(stage, COORDINATOR, f"In the calendar: {SAFER_INTERNET_DAY}") == 0
    assert "8 February 2028: Safer Internet Day" in (await calendar(stage, "it")).shown


async def test_a_review_whose_day_is_past_is_brought_up_and_stays_overdue(stage: Stage) -> None:
    """The head and the lead are told, twice at most; on the calendar it stays until somebody says that it is done."""
    await rings(stage, datetime(2026, 11, 24, 10, tzinfo=UTC), datetime(2026, 12, 1, 9, tzinfo=UTC))
    for who in ("headteacher", "dsl"):
        message = await stage.expects(who, REVIEW, "31 May 2023")
        assert "Its day is past" in message
    await stage.never("teacher", REVIEW)
    page = await calendar(stage, "teacher")
    assert "1 overdue" in page.shown
    assert f"31 May 2023: {REVIEW}" in page.shown
    assert f"Done: {REVIEW}" not in page.shown
    so_far = told(stage, "dsl", REVIEW)
    assert so_far <= 2
    await rings(stage, datetime(2026, 12, 9, 9, tzinfo=UTC), datetime(2027, 1, 11, 9, tzinfo=UTC))
    assert told(stage, "dsl", REVIEW) == so_far
    page = await calendar(stage, "dsl")
    page = await after(await page.press(f"Done: {REVIEW}"))
    assert "1 overdue" not in page.shown
    await stage.expects("headteacher", f"Done: {REVIEW}")
    assert "1 overdue" not in (await calendar(stage, "teacher")).shown


async def test_a_draft_for_parents_tells_only_what_was_surely_frequent(stage: Stage) -> None:
    """A topic of a few cases is not in it, nor any number; nothing is sent to anybody, and only leads and the head have it."""
    assert "No term has figures yet" in (await digest(stage, "headteacher")).shown
    stage.clock.at = datetime(2027, 1, 6, 10, tzinfo=UTC)
    await published(stage, cyberbullying=10, scam=5, hacking=5)
    page = await digest(stage, "dsl")
    for words in (
        "This is a draft",
        BULLIED,
        "Childline (0800 1111",
        "Autumn term 2026",
        f"9 February 2027: {SAFER_INTERNET_DAY}",
        "11 March 2027: Evening for parents",
    ):
        assert words in page.shown, words
    for hidden in (SCAMMED, "10", "Yearly report to governors"):
        assert hidden not in page.shown.replace("0800 1111", ""), hidden
    await stage.settled()
    assert BULLIED not in stage.raw_chat()
    for who in ("teacher", "chair", "it"):
        refused = await stage.command(who, "digest")
        if not isinstance(refused, Dialog) and "may have a draft" not in refused:
            refused = await stage.press(who, "Draft for parents", "")
        shown = refused.shown if isinstance(refused, Dialog) else refused
        assert "Not one of yours" in shown, who
        assert BULLIED not in shown


async def test_a_lesson_is_suggested_once_a_term_and_never_for_a_few_cases(stage: Stage) -> None:
    """By the figures of the term, to whoever leads on the curriculum; who has nothing to do with it does not see it."""
    stage.clock.at = datetime(2026, 12, 18, 12, tzinfo=UTC)
    await published(stage, cyberbullying=10, scam=5)
    await rings(stage, datetime(2026, 12, 29, 10, tzinfo=UTC))
    await stage.never(COORDINATOR, BULLIED)
    await rings(stage, datetime(2027, 1, 4, 9, tzinfo=UTC), datetime(2027, 1, 4, 9, 1, tzinfo=UTC))
    message = await stage.expects(COORDINATOR, f"A lesson: {BULLIED}")
    assert "no single case" in message
    await stage.never(COORDINATOR, SCAMMED)
    await stage.never("dsl", BULLIED)
    assert told(stage, COORDINATOR, BULLIED) == 1
    assert f"25 March 2027: A lesson: {BULLIED}" in (await calendar(stage, COORDINATOR)).shown
    assert BULLIED not in (await calendar(stage, "it")).shown
    page = await after(await stage.press(COORDINATOR, "It is done", BULLIED))
    assert BULLIED not in page.shown
    await stage.expects(COORDINATOR, f"Done: A lesson: {BULLIED}")


async def test_two_processes_bring_it_up_once(stage: Stage) -> None:
    """Both see in the same minute that it is time."""
    (school,) = stage.bot.schools.values()
    stage.clock.at = datetime(2027, 1, 12, 9, tzinfo=UTC)
    ports = stage.bot.worker.ports
    other = replace(ports, platforms=set(ports.platforms))
    await asyncio.gather(*(ring(one, school) for one in (ports, other, ports, other)))
    await stage.settled()
    assert told(stage, COORDINATOR, SAFER_INTERNET_DAY) == 1
