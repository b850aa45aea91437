"""Need to know, as people meet it: a case by its reference, a task without a child, and a case opened in an emergency."""

from tests.story.stage import SAFEGUARDING, Dialog, Stage, Value
from tests.story.test_story import BULLYING, NAMES, STORY, WHO_AND_WHAT, bullying, shown

LEFT_OPEN: dict[str, Value] = {"concern": "harmful_content", "about": "unknown", "danger": "no"}
REASON = "Neither lead answers the phone and her mother is at the gate"


async def looks_up(stage: Stage, who: str, reference: str) -> Dialog | str:
    """Types a case's reference; where a chat opens no form by itself, presses the button that it shows."""
    answer = await stage.command(who, f"case {reference}")
    if isinstance(answer, str) and "Whether you may read it" in answer:
        return await stage.press(who, "Open the case", reference.upper())
    return answer


async def test_a_case_is_found_by_its_reference_by_those_who_may_read_it(stage: Stage) -> None:
    """The head of house and the safeguarding lead; for a colleague, and for a number that there is not, the answer is one."""
    reference = await bullying(stage)
    await stage.expects("brunel head", reference)
    for who in ("brunel head", "dsl"):
        case = await looks_up(stage, who, reference.lower())
        assert isinstance(case, Dialog)
        assert STORY in case.shown
    refusals = [
        await looks_up(stage, who, no)
        for who, no in (("cabot head", reference), ("teacher", reference), ("it", "CSS-2026-0999"))
    ]
    assert len({shown(r) for r in refusals}) == 1
    assert "Only the people who were asked" in shown(refusals[0])


async def test_it_is_told_what_to_do_and_not_about_whom(stage: Stage) -> None:
    """IT is alerted, takes it on and closes its part, and is shown no name and no word of what was written."""
    reference = await stage.reports("teacher", LEFT_OPEN, WHO_AND_WHAT)
    await stage.expects("it", reference, "Nobody has acknowledged")
    task = await stage.press("it", "Details", reference)
    assert isinstance(task, Dialog)
    assert "not about whom" in task.shown
    assert "looks at the filter" in task.shown
    await stage.press("it", "Acknowledge", reference)
    await stage.expects("it", reference, "Acknowledged by Iga Nowak")
    closing = await stage.press("it", "Close", reference)
    assert isinstance(closing, Dialog)
    await closing.fill({"outcome": "The site is blocked."})
    after = await closing.submit()
    found = await looks_up(stage, "it", reference)
    for secret in (*NAMES, "Somebody Else", STORY):
        for seen in (task.shown, closing.shown, after.shown if after else "", shown(found)):
            assert secret not in seen, secret
    case = await looks_up(stage, "dsl", reference)
    assert "The site is blocked." in shown(case)


async def test_a_case_is_opened_in_an_emergency_and_those_who_lead_are_told(stage: Stage) -> None:
    """The headteacher gives a reason, reads and acts for a day; the leads hear of it at once, and the case keeps the reason."""
    reference = await bullying(stage)
    await stage.settled()
    asked = await looks_up(stage, "headteacher", reference)
    assert isinstance(asked, Dialog)
    assert "is not with you" in asked.shown
    assert STORY not in asked.shown
    again = await asked.submit()
    assert again is not None
    assert again.errors
    await again.fill({"reason": REASON})
    case = await again.submit()
    assert case is not None
    assert STORY in case.shown
    assert REASON in case.shown
    for who in ("dsl", "deputy"):
        told = await stage.expects(who, reference, "opened in an emergency")
        assert "Helen Pemberton" in told
        assert REASON not in told
    await stage.never("headteacher", "opened in an emergency")
    assert reference in shown(await stage.command("headteacher", "queue"))
    read = await stage.press("dsl", "Details and reason", reference)
    assert REASON in shown(read)
    stage.clock.advance(hours=25)
    asked = await looks_up(stage, "headteacher", reference)
    assert "is not with you" in shown(asked)
    assert REASON not in stage.raw_chat()


async def test_a_private_case_cannot_be_opened(stage: Stage) -> None:
    """A report about the headteacher is with the chair: for the headteacher and the leads it is as if there were none."""
    about_head = {**BULLYING, "concern": "staff_conduct", "about": "headteacher"}
    reference = await stage.reports("teacher", about_head, {"perpetrators": ["Helen Pemberton"], "what": STORY})
    await stage.expects("chair", reference)
    for who in ("headteacher", "dsl", "deputy"):
        assert "Only the people who were asked" in shown(await looks_up(stage, who, reference))
    await stage.never("dsl", reference, channel=SAFEGUARDING)
