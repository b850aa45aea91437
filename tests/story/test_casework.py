"""A case is worked in the chat from the alert to the close: what was found out, what is to be done, what was decided."""

from datetime import timedelta

from tests.story.stage import Dialog, Stage, Value
from tests.story.test_access import looks_up
from tests.story.test_story import NAMES, STORY, WHO_AND_WHAT, shown

FILTER: dict[str, Value] = {"concern": "filter_bypass", "about": "pupil", "danger": "no"}
SEEN, RIGHT, RING, MET = (
    "He showed it to two others on the bus",
    "He showed it to three others on the bus",
    "Ring the families of the two",
    "They will look at it together at home",
)
WHY = "He told his form tutor himself, before anybody asked"


async def adds(dialog: Dialog, kind: str, values: dict[str, Value]) -> Dialog:
    """Adds to the case: the kind first, then its fields. What is shown is the timeline."""
    first = await dialog.press("Add to the case")
    assert first is not None
    await first.fill({"entry_kind": kind})
    second = await first.submit()
    assert second is not None
    await second.fill(values)
    timeline = await second.submit()
    assert timeline is not None, second.errors
    return timeline


async def case_of(stage: Stage, who: str, reference: str) -> Dialog:
    """From the reference to the case."""
    case = await looks_up(stage, who, reference)
    assert isinstance(case, Dialog), case
    return case


async def test_a_case_from_the_alert_to_the_close(stage: Stage) -> None:
    """A note and its correction, an action, contact with the parents, the policy's steps and a decision that leaves one."""
    reference = await stage.reports("teacher", FILTER, WHO_AND_WHAT)
    await stage.expects("dsl", reference)
    await stage.press("dsl", "Acknowledge", reference)
    await stage.expects("dsl", reference, "Acknowledged by")
    timeline = await adds(await case_of(stage, "dsl", reference), "note", {"entry_text": SEEN})
    assert SEEN in timeline.shown
    assert "It is kept" in timeline.shown

    correct = await timeline.press("Correct")
    assert correct is not None
    assert correct.value("entry_text") == SEEN
    await correct.fill({"entry_text": RIGHT})
    timeline = await correct.submit() or timeline
    assert RIGHT in timeline.shown
    assert SEEN in timeline.shown
    assert "As Dana Okafor wrote it" in timeline.shown

    stage.clock.advance(minutes=1)
    wrong = await timeline.press("Add to the case")
    assert wrong is not None
    await wrong.fill({"entry_kind": "action"})
    action = await wrong.submit()
    assert action is not None
    due = (stage.clock.now() + timedelta(days=2)).replace(second=0, microsecond=0)
    ring: dict[str, Value] = {"entry_what": RING, "entry_doer": ["Tess Whitlock"], "entry_due": due.isoformat()}
    await action.fill({**ring, "entry_status": "done"})
    again = await action.submit()
    assert again is not None
    assert "in the future" in str(again.errors)
    assert again.value("entry_what") == RING
    await again.fill({"entry_status": "to_do"})
    timeline = await again.submit() or timeline
    assert "Tess Whitlock" in timeline.shown
    met: dict[str, Value] = {"entry_whom": "parents", "entry_outcome": MET}
    stage.clock.advance(minutes=1)
    timeline = await adds(timeline, "contact", met)
    assert MET in timeline.shown

    steps = await (await case_of(stage, "dsl", reference)).press("What the policy says")
    assert steps is not None
    assert "nothing like it is on record" in steps.shown
    stage.clock.advance(minutes=1)
    choose = await steps.press("Decide what to do")
    assert choose is not None
    assert choose.value("grid_kind") == "unsuitable_material"
    decide = await choose.submit()
    assert decide is not None
    await decide.fill({field: "leave" for field in decide.fields if field.startswith("grid_step:")})
    missing = await decide.submit()
    assert missing is not None
    assert "Please say why" in str(missing.errors)
    await missing.fill({"grid_why": WHY})
    timeline = await missing.submit() or timeline
    assert WHY in timeline.shown

    for who in ("teacher", "it", "headteacher"):
        assert RIGHT not in shown(await looks_up(stage, who, reference))
    stage.clock.advance(days=2, hours=1)
    overdue = await stage.expects("teacher", f"Action overdue: {reference}")
    assert RING not in overdue
    assert reference in shown(await stage.command("dsl", "queue"))
    assert "yours, due by" in shown(await stage.command("teacher", "mine"))

    closing = await stage.press("dsl", "Close", reference)
    assert isinstance(closing, Dialog)
    assert "An action in the timeline is not done" in closing.shown
    page = await (await case_of(stage, "dsl", reference)).press("Whole timeline")
    assert page is not None
    page = await page.press("It is done")
    assert page is not None
    assert "said Dana Okafor" in page.shown
    await stage.expects("teacher", f"Action done: {reference}")
    closing = await stage.press("dsl", "Close", reference)
    assert isinstance(closing, Dialog)
    assert "not done" not in closing.shown
    await closing.fill({"outcome": "Both families know.", "result": "dealt_with"})
    await closing.submit()
    await stage.press("deputy", "Acknowledge", reference)
    await stage.settled()
    closing = await stage.press("deputy", "Close", reference)
    assert isinstance(closing, Dialog)
    await closing.fill({"outcome": "Nothing left to do.", "result": "no_action"})
    await closing.submit()
    await stage.expects("teacher", f"{reference} is closed")
    case = await case_of(stage, "deputy", reference)
    for text in (MET, RING, WHY):
        assert text in case.shown
    for secret in (*NAMES, STORY, SEEN, RIGHT, RING, MET, WHY):
        assert secret not in stage.raw_chat(), secret


async def test_the_second_time_is_counted_from_the_pupils_history(stage: Stage) -> None:
    """The same pupil three weeks later: the policy's next step is suggested, with the day of the first."""
    for time in (1, 2):
        reference = await stage.reports("teacher", FILTER, WHO_AND_WHAT)
        await stage.settled()
        steps = await (await case_of(stage, "deputy", reference)).press("What the policy says")
        assert steps is not None
        assert ("The second time" in steps.shown) == (time == 2)
        stage.clock.advance(days=21)
