"""The registers as people meet them on every platform: a risk and what becomes of it, a change of the filter and who agrees."""

from collections.abc import Mapping
from datetime import timedelta

from handlers.registers import remind
from tests.story.stage import Dialog, Stage, Value
from tests.story.test_story import BULLYING, WHO_AND_WHAT, shown

RISK = "Pupils borrow laptops, and at home nothing is filtered"
REASON = "Curious children look for what they should not see"
LOCKED, TAUGHT = "The laptops go through the filter of the school", "Every pupil has had the lesson on searching too"
SITE, LESSON, AGREED = "kahoot.example", "For the lessons of Year 8", "Only while the course runs"
ENOUGH = "What is left of it we can live with"


async def opens(stage: Stage, who: str, register: str) -> Dialog:
    """Types the command, and opens a register; where a chat opens no dialog by itself, by the button that it shows."""
    answer = await stage.command(who, "register")
    opened = await (
        answer.press(f"Open: {register}") if isinstance(answer, Dialog) else stage.press(who, f"Open: {register}", "")
    )
    assert isinstance(opened, Dialog), opened
    return opened


async def after(opened: "Dialog | str | None") -> Dialog:
    """What is open now."""
    assert isinstance(opened, Dialog), opened
    return opened


def reading(page: Dialog) -> str:
    """The button that opens the first line of a list."""
    return "Read " + next(word for word in page.shown.split() if word.startswith(("CSS-R-", "CSS-F-")))


async def sends(dialog: Dialog, values: Mapping[str, Value]) -> Dialog:
    """Fills in and sends."""
    await dialog.fill(values)
    return await after(await dialog.submit())


def soon(stage: Stage, days: int) -> str:
    """A moment as it is filled in."""
    return (stage.clock.now() + timedelta(days=days)).isoformat()


async def test_a_risk_is_rated_worked_on_and_accepted(stage: Stage) -> None:
    """The lead writes it, IT looks after it and is reminded, it is rated anew, and the head accepts what is left."""
    page = await opens(stage, "dsl", "Risk register")
    assert "There is nothing to look after" in page.shown
    form = await after(await page.press("Add a line"))
    assert "No pupil's name belongs here" in form.shown
    missing = await sends(form, {"reg_risk": RISK})
    assert missing.errors
    rated: dict[str, Value] = {"reg_likelihood": "4", "reg_impact": "5", "reg_likelihood_why": REASON}
    more: dict[str, Value] = {"reg_owner": ["Iga Nowak"], "reg_mitigation": LOCKED, "reg_review": soon(stage, 20)}
    line = await sends(missing, {"reg_risk": RISK, **rated, **more})
    assert "20 (high): 4 times 5" in line.shown
    assert RISK in line.shown
    page = await opens(stage, "headteacher", "Risk register")
    assert "20 (high)" in page.shown
    assert "Looked after by" in page.shown
    assert "1 (high)" in page.shown

    stage.clock.advance(days=21)
    (school,) = stage.bot.schools.values()
    assert await remind(stage.bot.worker.ports, school) == 1
    assert await remind(stage.bot.worker.ports, school) == 0
    message = await stage.expects("it", "CSS-R-2026-", "is to be looked at again")
    assert RISK not in message
    await stage.never("dsl", "CSS-R-2026-")
    line = await after(await stage.press("it", "Read", "CSS-R-2026-"))
    form = await after(await line.press("Change"))
    assert form.value("reg_likelihood") == "4"
    changed: dict[str, Value] = {"reg_likelihood": "2", "reg_mitigation": TAUGHT, "reg_review": soon(stage, 90)}
    line = await sends(form, changed)
    assert "10 (medium): 2 times 5" in line.shown
    await stage.expects("it", "CSS-R-2026-", "has been looked at")
    before = await after(await line.press("Before this change"))
    assert LOCKED in before.shown
    assert "20 (high)" in before.shown

    page = await opens(stage, "headteacher", "Risk register")
    line = await after(await page.press(reading(page)))
    for score in ("20", "10"):
        assert score in line.shown
    decided = await after(await line.press("Decide"))
    wrong = await sends(decided, {"reg_state": "accepted"})
    assert wrong.errors
    line = await sends(wrong, {"reg_state": "accepted", "reg_note": ENOUGH})
    assert ENOUGH in line.shown
    assert "accepted" in line.shown
    page = await opens(stage, "chair", "Risk register")
    assert "accepted" in page.shown
    for secret in (RISK, REASON, LOCKED, TAUGHT, ENOUGH):
        assert secret not in stage.raw_chat(), secret


async def test_a_change_of_the_filter_waits_for_another(stage: Stage) -> None:
    """IT writes it, with the case that it belongs to; the lead is told and agrees; the chair reads it and not of which case."""
    reference = await stage.reports("teacher", BULLYING, WHO_AND_WHAT)
    await stage.settled()
    page = await opens(stage, "it", "Filter changes")
    assert "Not to be the responsibility" not in page.shown
    form = await after(await page.press("Add a line"))
    told: dict[str, Value] = {"reg_change": "unblocked", "reg_what": SITE, "reg_why": LESSON, "reg_until": soon(stage, 30)}
    wrong = await sends(form, {**told, "reg_case": reference})
    assert "no such case" in str(wrong.errors), "IT does not know of it, and is told no more than that"
    line = await sends(wrong, {**told, "reg_case": ""})
    assert "waits for a second person" in line.shown
    assert await line_moves(line) == {"closed"}
    message = await stage.expects("dsl", "CSS-F-2026-", "waits for a second person")
    assert SITE not in message
    line = await after(await stage.press("dsl", "Read", "CSS-F-2026-"))
    form = await after(await line.press("Change"))
    line = await sends(form, {"reg_case": reference})
    assert reference in line.shown
    assert await line_moves(line) == {"closed"}, "whoever wrote the newest wording does not agree to it themselves"
    line = await after(await stage.press("deputy", "Read", "CSS-F-2026-"))
    decided = await after(await line.press("Decide"))
    line = await sends(decided, {"reg_state": "approved", "reg_note": AGREED})
    assert "agreed by a second person" in line.shown
    await stage.expects("dsl", "CSS-F-2026-", "waits for nobody any more")

    page = await opens(stage, "chair", "Filter changes")
    line = await after(await page.press(reading(page)))
    assert SITE in line.shown
    assert AGREED in line.shown
    assert reference not in line.shown
    for secret in (SITE, LESSON, AGREED):
        assert secret not in stage.raw_chat(), secret


async def line_moves(line: Dialog) -> set[str]:
    """What somebody may make of a line: what the form takes without a word about the choice."""
    decided = await after(await line.press("Decide"))
    found = set()
    for state in ("approved", "refused", "closed"):
        if (
            state in decided.shown
            or {"approved": "Agree to it", "refused": "Do not agree", "closed": "Close it"}[state] in decided.shown
        ):
            found.add(state)
    return found


async def test_they_are_not_for_everybody(stage: Stage) -> None:
    """A teacher is told whom they are for."""
    answer = await stage.command("teacher", "register")
    if isinstance(answer, str) and "Open: " in answer:
        answer = await stage.press("teacher", "Open: Risk register", "")
    assert "not for you" in shown(answer)
