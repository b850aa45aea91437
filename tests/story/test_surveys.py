"""A survey of parents, on every platform: opened by a lead, answered by whoever has the link, counted, and closed."""

import re
from collections.abc import Mapping
from datetime import timedelta
from html import unescape

import aiohttp
import pytest

from tests.story.stage import DEMO, Dialog, Stage

DOOR = "http://127.0.0.1:3978"
PARENTS, CONFIDENT = "Your child online", "How confident are you in helping your child to stay safe online?"


@pytest.fixture
def school_file() -> Mapping[str, object]:
    """The demo school, with its page for surveys switched on."""
    return {**DEMO, "surveys": {"address": DOOR}}


async def after(opened: "Dialog | str | None") -> Dialog:
    """What is open now."""
    assert isinstance(opened, Dialog), opened
    return opened


async def surveys(stage: Stage, who: str) -> Dialog:
    """Types the command, and comes to the page of surveys; where a chat opens no dialog by itself, by the button it shows."""
    answer = await stage.command(who, "survey")
    return answer if isinstance(answer, Dialog) else await after(await stage.press(who, "Look at surveys", ""))


async def opens(stage: Stage, who: str) -> tuple[Dialog, str]:
    """Opens the survey of parents, as the form stands. The page that is shown then, and where its link leads."""
    menu = await surveys(stage, who)
    form = await after(await menu.press(f"Open {PARENTS}"))
    assert CONFIDENT in form.shown
    assert "I would rather not say" in form.shown
    page = await after(await form.submit())
    assert not page.errors, page.errors
    found = re.search(rf"{re.escape(DOOR)}(/survey/[A-Za-z0-9_-]+)", page.shown)
    assert found, page.shown
    return page, found[1]


class Visitor:
    """Somebody with the link, and a browser that keeps nothing."""

    def __init__(self, stage: Stage, path: str) -> None:
        self.address = f"{stage.bot.address}{path}"

    async def get(self) -> tuple[int, str]:
        async with aiohttp.ClientSession() as session, session.get(self.address) as response:
            assert "Set-Cookie" not in response.headers
            return response.status, await response.text()

    async def sends(self, fields: Mapping[str, str]) -> tuple[int, str]:
        async with aiohttp.ClientSession() as session, session.post(self.address, data=fields) as response:
            return response.status, unescape(await response.text())

    async def answers(self, chosen: Mapping[str, str] | None = None) -> str:
        """Fills the page in, the first choice of each question unless it is said otherwise, and sends it."""
        status, text = await self.get()
        assert status == 200
        fields = filled(text) | dict(chosen or {})
        status, text = await self.sends(fields)
        assert status == 200, text
        return text


def filled(text: str) -> dict[str, str]:
    """The fields of a page, the first choice of each question taken."""
    fields = {"page": re.findall(r'name="page" value="([^"]+)"', text)[0]}
    for name, value in re.findall(r'name="(q-[^"]+)" value="([^"]+)"', text):
        fields.setdefault(name, value)
    assert len(fields) == 9
    return fields


async def looks(stage: Stage, who: str) -> Dialog:
    """Looks at the newest survey."""
    menu = await surveys(stage, who)
    day = re.findall(rf"{PARENTS}, opened on (.*?):", menu.shown)[0]
    return await after(await menu.press(f"Look at {PARENTS} of {day}"))


async def test_parents_are_asked_and_nobody_can_be_picked_out(stage: Stage) -> None:
    """Three answers are not shown, nor how many there are; five are. Closed, the page says so, and no more is counted."""
    page, path = await opens(stage, "dsl")
    assert "Nothing is shown until there are 5 answers" in page.shown
    parent = Visitor(stage, path)
    status, text = await parent.get()
    assert status == 200
    assert CONFIDENT in text
    assert "Childline" in text
    for _ in range(3):
        assert "Your answers are counted" in await parent.answers()
    page = await looks(stage, "dsl")
    assert "fewer than 5" in page.shown
    assert "Nothing is shown until there are 5 answers" in page.shown
    assert "Very confident" not in page.shown

    await parent.answers()
    await parent.answers({"q-confident": "skip"})
    page = await looks(stage, "headteacher")
    assert "Very confident" in page.shown
    assert "multiple of 5" in page.shown
    # Whoever did not open it is not shown the link.
    assert path not in page.shown
    assert path in (await looks(stage, "dsl")).shown

    before = page.shown
    await parent.answers({"q-confident": "not"})
    page = await looks(stage, "headteacher")
    assert page.shown == before

    page = await after(await page.press("Close the survey"))
    assert "over since" in page.shown
    for visited in (await parent.get(), await parent.sends({"page": "x"})):
        assert visited[0] == 404
        assert "This survey is not open" in visited[1]
    assert path not in (await looks(stage, "dsl")).shown
    await stage.settled()
    assert path.removeprefix("/survey/") not in stage.raw_chat()


async def test_it_stands_beside_the_last_one(stage: Stage) -> None:
    """A question that was asked in the same words shows what was chosen then."""
    page, path = await opens(stage, "dsl")
    for _ in range(10):
        await Visitor(stage, path).answers()
    await after(await (await looks(stage, "dsl")).press("Close the survey"))
    stage.clock.advance(days=200)
    page, other = await opens(stage, "deputy")
    assert other != path
    for _ in range(5):
        await Visitor(stage, other).answers()
    page = await looks(stage, "deputy")
    assert "Share then" in page.shown
    stage.clock.advance(days=20)
    assert (await Visitor(stage, other).get())[0] == 404


async def test_a_double_press_counts_once_and_a_page_with_faults_loses_nothing(stage: Stage) -> None:
    """What is left out is said at its question, and what was chosen stays chosen."""
    _, path = await opens(stage, "dsl")
    parent = Visitor(stage, path)
    fields = filled((await parent.get())[1])
    status, text = await parent.sends({k: v for k, v in fields.items() if k != "q-worry"})
    assert status == 422
    assert "There is a problem" in text
    assert "Choose an answer: What worries you most" in text
    assert 'id="a-confident-very" name="q-confident" value="very" checked' in text
    for _ in range(2):
        for _ in range(4):
            status, text = await parent.sends(fields)
            assert (status, "Your answers are counted" in text) == (200, True)
        assert "Nothing is shown" in (await looks(stage, "dsl")).shown


async def test_nobody_else_runs_surveys(stage: Stage) -> None:
    """They are told who does."""
    for who in ("teacher", "it", "chair"):
        answer = await stage.command(who, "survey")
        if "Look at surveys" in str(answer):
            answer = await stage.press(who, "Look at surveys", "")
        assert "Surveys are for the safeguarding leads" in (answer.shown if isinstance(answer, Dialog) else answer)


async def test_it_runs_longer_until_it_is_over(stage: Stage) -> None:
    """The link stays the same and the page says the new day; a day before that is refused, and so is half a year."""
    _, path = await opens(stage, "dsl")
    parent, days = Visitor(stage, path), [(stage.clock.now() + timedelta(days=n)) for n in (3, 21, 200)]
    # Whoever leads may, though another opened it; the link is still shown to that one alone.
    form = await after(await (await looks(stage, "headteacher")).press("Let it run longer"))
    for day, said in ((days[0], "open until later than that"), (days[2], "too far away")):
        await form.fill({"survey_closes": day.isoformat()})
        form = await after(await form.submit())
        assert said in form.errors["survey_closes"]
    await form.fill({"survey_closes": days[1].isoformat()})
    page = await after(await form.submit())
    assert not page.errors, page.errors
    assert "15 Dec" in page.shown
    assert path not in page.shown
    assert path in (await looks(stage, "dsl")).shown
    assert "15 December" in (await parent.get())[1]
    stage.clock.advance(days=18)
    assert "Your answers are counted" in await parent.answers()
    late = await after(await (await looks(stage, "dsl")).press("Let it run longer"))
    stage.clock.advance(days=4)
    assert (await parent.get())[0] == 404
    # The form was open for too long: over is over.
    assert "over since" in (await after(await late.submit())).shown
    assert (await parent.get())[0] == 404


async def test_it_closes_on_a_day_that_is_neither_past_nor_far_away(stage: Stage) -> None:
    """Half a year is not a survey."""
    form = await after(await (await surveys(stage, "dsl")).press(f"Open {PARENTS}"))
    for days, said in ((-1, "has passed"), (200, "too far away")):
        await form.fill({"survey_closes": (stage.clock.now() + timedelta(days=days)).isoformat()})
        form = await after(await form.submit())
        assert said in form.errors["survey_closes"]
