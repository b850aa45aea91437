"""A breach of personal data as people meet it, on every platform."""

from tests.story.stage import Dialog, Stage
from tests.story.test_story import shown

WHAT, REASON = "A list of names was left on the bus", "First names only, and it is back"


async def asked_for(stage: Stage, who: str) -> Dialog | str:
    """Types the command; where a chat opens no form by itself, presses the button that it shows."""
    answer = await stage.command(who, "records breach")
    if isinstance(answer, str) and "there are 72 hours" in answer:
        return await stage.press(who, "A breach of data", "")
    return answer


async def test_a_breach_is_found_and_decided_in_time(stage: Stage) -> None:
    """The headteacher starts the clock, all who answer for the records are told, the lead decides; no word is in the chat."""
    form = await asked_for(stage, "headteacher")
    assert isinstance(form, Dialog)
    await form.fill({"kind": "lost"})
    again = await form.submit()
    assert again is not None
    assert again.errors
    await again.fill({"what": WHAT})
    made = await again.submit()
    assert made is not None
    assert WHAT in made.shown
    for who in ("dsl", "deputy", "headteacher", "chair"):
        await stage.expects(who, "CSS-B-2026-", "is to be decided by")
    await stage.never("teacher", "CSS-B-2026-")

    file = await stage.press("dsl", "Read and decide", "CSS-B-2026-")
    assert isinstance(file, Dialog)
    assert WHAT in file.shown
    await file.fill({"contain": "done", "decision": "no_risk"})
    wrong = await file.submit()
    assert wrong is not None
    assert wrong.errors
    await wrong.fill({"contain": "done", "decision": "no_risk", "reason": REASON})
    await wrong.submit()
    await stage.expects("chair", "CSS-B-2026-", "It is decided")
    assert "steps are left to do" in shown(await stage.command("chair", "records"))
    for secret in (WHAT, REASON):
        assert secret not in stage.raw_chat(), secret


async def test_nobody_else_starts_one(stage: Stage) -> None:
    """They are told whom to tell."""
    assert "decide how long records are kept" in shown(await asked_for(stage, "teacher"))


async def test_whoever_caused_it_has_no_part_in_it(stage: Stage) -> None:
    """The deputy names the lead, who hears nothing of it; then the deputy names themselves too, and is told who has it."""
    form = await asked_for(stage, "deputy")
    assert isinstance(form, Dialog)
    await form.fill({"kind": "sent_wrong", "what": WHAT, "caused": ["Dana Okafor"]})
    made = await form.submit()
    assert made is not None
    assert WHAT in made.shown
    for who in ("deputy", "headteacher", "chair"):
        await stage.expects(who, "CSS-B-2026-", "is to be decided by")
    await stage.never("dsl", "CSS-B-2026-")
    file = await stage.press("deputy", "Read and decide", "CSS-B-2026-")
    assert isinstance(file, Dialog)
    await file.fill({"caused": ["Dana Okafor", "Maja Lindqvist"]})
    after = await file.submit()
    assert after is not None
    assert "Helen Pemberton" in after.shown
    await stage.expects("deputy", "CSS-B-2026-", "dealt with elsewhere")
