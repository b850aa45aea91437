"""Asking who has looked at a case, and at every case of a child, on every platform."""

from tests.story.stage import Dialog, Stage, Value
from tests.story.test_story import BULLYING, NAMES, STORY, WHO_AND_WHAT

GROOMING: dict[str, Value] = {**BULLYING, "concern": "grooming"}


async def test_the_lead_sees_who_has_looked_at_a_child(stage: Stage) -> None:
    """From the case to its readers, and on to every case of the pupil in it, by name and role; none of it stays in the chat."""
    first = await stage.reports("teacher", GROOMING, WHO_AND_WHAT)
    second = await stage.reports("teacher", GROOMING, {"targets": ["Bea Exemplar"], "what": STORY})
    await stage.expects("dsl", first)
    await stage.expects("dsl", second)
    case = await stage.press("dsl", "Details", first)
    assert isinstance(case, Dialog)
    readers = await case.press("Who has looked at this")
    assert readers is not None
    assert first in readers.shown
    assert "Dana Okafor (Designated Safeguarding Lead" in readers.shown
    assert second not in readers.shown
    child = await readers.press("All cases of Bea Exemplar")
    assert child is not None
    assert first in child.shown
    assert second in child.shown
    assert "Nobody has opened it." in child.shown
    await stage.settled()
    for secret in (*NAMES, STORY):
        assert secret not in stage.raw_chat(), secret


async def test_somebody_else_is_not_offered_it(stage: Stage) -> None:
    """A head of house reads the case, and finds no such button in it."""
    reference = await stage.reports("teacher", BULLYING, WHO_AND_WHAT)
    await stage.expects("brunel head", reference)
    case = await stage.press("brunel head", "Details", reference)
    assert isinstance(case, Dialog)
    assert "Who has looked at this" not in case.shown
