"""A term in numbers: sent to whom the school names when it is over, asked for in the chat, naming nobody, on every platform."""

from datetime import UTC, datetime

from handlers.figures import make_due
from tests.story.stage import Stage
from tests.story.test_story import BULLYING, NAMES, STORY, WHO_AND_WHAT, shown

JANUARY = datetime(2027, 1, 11, 9, tzinfo=UTC)


async def test_a_term_in_numbers(stage: Stage) -> None:
    """It comes by itself; the rest is a press away; another term, and the one that runs, are to be chosen."""
    reference = await stage.reports("teacher", BULLYING, WHO_AND_WHAT)
    await stage.expects("brunel head", reference)
    await stage.settled()
    so_far = shown(await stage.command("dsl", "figures"))
    assert "Figures so far: Autumn term 2026" in so_far
    assert "these numbers change" in so_far
    assert "None has ended since the first report" in shown(await stage.command("chair", "figures"))

    stage.clock.at = JANUARY
    (school,) = stage.bot.schools.values()
    assert await make_due(stage.bot.worker.ports, school) == 1
    for who in ("dsl", "headteacher"):
        message = await stage.expects(who, "Figures for governors: Autumn term 2026")
        assert "Draft for governors" in message
        assert "rounded up or down to a multiple of 5" in message
    page = shown(await stage.press("headteacher", "Show all figures", "Figures for governors"))
    for words in (
        "Figures: Autumn term 2026",
        "By year group",
        "By time until somebody answered",
        "Bullying",
        "This term so far",
    ):
        assert words in page, words

    page = shown(await stage.command("chair", "figures"))
    assert "Figures: Autumn term 2026" in page
    assert "This term so far" not in page
    assert "Figures so far: Spring term 2027" in shown(await stage.command("dsl", "figures now"))
    assert "Figures: Autumn term 2026" in shown(await stage.command("dsl", "figures 2026-autumn"))
    await stage.never("chair", "Figures for governors")
    await stage.never("teacher", "Figures for governors")
    for secret in (*NAMES, STORY):
        assert secret not in page
        assert secret not in stage.raw_chat()


async def test_nobody_else_sees_them(stage: Stage) -> None:
    """They are told who may."""
    for who in ("teacher", "it"):
        assert "Figures are for the safeguarding leads" in shown(await stage.command(who, "figures"))
