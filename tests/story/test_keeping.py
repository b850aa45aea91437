"""How long a case is kept, as people meet it: held, erased early by two, and erased when its time is over."""

from handlers.keeping import propose_ended
from tests.story.stage import Dialog, Stage
from tests.story.test_access import looks_up
from tests.story.test_story import BULLYING, NAMES, STORY, WHO_AND_WHAT, shown

OUTCOME, INQUIRY = "Both families were seen.", "The inquiry has asked for all of it"


async def closed(stage: Stage) -> str:
    """A case that the safeguarding lead has dealt with."""
    reference = await stage.reports("teacher", {**BULLYING, "concern": "grooming"}, WHO_AND_WHAT)
    await stage.expects("dsl", reference)
    await stage.press("dsl", "Acknowledge", reference)
    await stage.expects("dsl", reference, "Acknowledged by")
    closing = await stage.press("dsl", "Close", reference)
    assert isinstance(closing, Dialog)
    await closing.fill({"outcome": OUTCOME, "result": "dealt_with"})
    await closing.submit()
    await stage.settled()
    return reference


async def keeping_of(stage: Stage, who: str, reference: str) -> Dialog:
    """From the case to the form about its keeping."""
    case = await looks_up(stage, who, reference)
    assert isinstance(case, Dialog)
    form = await case.press("How long it is kept")
    assert form is not None
    return form


async def test_a_case_is_erased_early_by_two_people(stage: Stage) -> None:
    """The lead proposes, the deputy is asked and agrees; then nobody reads a word, and no name was ever in the chat."""
    reference = await closed(stage)
    form = await keeping_of(stage, "dsl", reference)
    assert "75 years after it was closed" in form.shown
    await form.fill({"choice": "propose", "why": "in_error"})
    done = await form.submit()
    assert done is not None
    assert "Until one of them does, nothing is erased" in done.shown
    for who in ("deputy", "headteacher", "chair"):
        asked = await stage.expects(who, reference, "Dana Okafor proposed it")
        assert "Reported in error" in asked
    await stage.never("dsl", "proposed it")
    case = await looks_up(stage, "dsl", reference)
    assert STORY in shown(case)

    decide = await stage.press("deputy", "Look and decide", reference)
    assert isinstance(decide, Dialog)
    await decide.fill({"choice": "agree"})
    erased = await decide.submit()
    assert erased is not None
    assert "Nobody can read it any more" in erased.shown
    await stage.expects("headteacher", f"{reference} has been erased")
    case = await looks_up(stage, "dsl", reference)
    assert "has been erased" in shown(case)
    for secret in (*NAMES, STORY, OUTCOME):
        assert secret not in shown(case), secret
        assert secret not in stage.raw_chat(), secret


async def test_what_has_reached_its_end_waits_for_a_person(stage: Stage) -> None:
    """It stands in a list by its reference; held for a reason, it is no longer to be decided, and stays readable."""
    reference = await closed(stage)
    assert "No record of yours waits" in shown(await stage.command("dsl", "records"))
    assert "decide how long records are kept" in shown(await stage.command("teacher", "records"))
    stage.clock.advance(days=76 * 366)
    desk = next(iter(stage.bot.desks.values()))
    assert await propose_ended(desk.ports, desk.school) == 1
    listed = shown(await stage.command("dsl", "records"))
    assert reference in listed
    assert "Its time is over" in listed

    form = await keeping_of(stage, "dsl", reference)
    await form.fill({"choice": "hold"})
    again = await form.submit()
    assert again is not None
    assert again.errors
    await again.fill({"choice": "hold", "reason": INQUIRY})
    done = await again.submit()
    assert done is not None
    assert "is kept until somebody lifts that" in done.shown
    assert "It must be kept" in shown(await stage.command("deputy", "records"))
    case = await looks_up(stage, "deputy", reference)
    assert INQUIRY in shown(case)
    assert STORY in shown(case)
    assert INQUIRY not in stage.raw_chat()
