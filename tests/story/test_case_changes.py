"""A case changes and ends in the chat: another category, a duplicate, opened again, signed off by people who see no name."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from domain.policy import SignOff
from domain.words import Role
from tests.story.stage import Dialog, Stage, Value
from tests.story.test_access import looks_up
from tests.story.test_story import NAMES, STORY, WHO_AND_WHAT

FILTER: dict[str, Value] = {"concern": "filter_bypass", "about": "pupil", "danger": "no"}
MISUSE: dict[str, Value] = {**FILTER, "concern": "device_misuse"}
WHY = "His brother says that it has gone on for weeks"
NOTE, ENDED = "Noted at the meeting in May", "Both families have been in"
MISSING = "It is not said what the other family was told"


async def case_of(stage: Stage, who: str, reference: str) -> Dialog:
    """From the reference to the case. What is still on its way to them comes first: it is no answer."""
    await stage.settled()
    case = await looks_up(stage, who, reference)
    assert isinstance(case, Dialog), case
    return case


async def changes(stage: Stage, who: str, reference: str, wish: str, values: dict[str, Value]) -> Dialog:
    """From the case's page to a change of it; what is shown then."""
    first = await (await case_of(stage, who, reference)).press("Change the case")
    assert first is not None
    await first.fill({"change_kind": wish})
    second = await first.submit()
    assert second is not None
    await second.fill({"change_reason": WHY, **values})
    done = await second.submit()
    assert done is not None, second.errors
    return done


async def closes(stage: Stage, who: str, reference: str) -> None:
    """Somebody takes it on and closes their part."""
    await stage.press(who, "Acknowledge", reference)
    await stage.settled()
    closing = await stage.press(who, "Close", reference)
    assert isinstance(closing, Dialog), closing
    await closing.fill({"outcome": ENDED, "result": "dealt_with"})
    await closing.submit()
    await stage.settled()


@pytest.fixture
def signed(stage: Stage) -> Iterator[Stage]:
    """The demo school with a policy whose log form has two lines to sign, as Danecourt's has."""
    (school,) = stage.bot.schools.values()
    before = school.policy.sign_off
    object.__setattr__(school.policy, "sign_off", (SignOff(Role.HEADTEACHER, reads=True), SignOff(Role.GOVERNORS)))
    yield stage
    object.__setattr__(school.policy, "sign_off", before)


async def test_a_case_turns_out_to_be_worse_and_is_signed_off(signed: Stage) -> None:
    """Another category, a date to look at it again, the close in a word, two signatures, opened again and signed anew."""
    stage = signed
    reference = await stage.reports("teacher", MISUSE, WHO_AND_WHAT)
    await stage.settled()
    assert reference not in str(stage.sees("dsl"))
    done = await changes(stage, "deputy", reference, "reclassify", {"change_concern": "threat", "change_urgency": "as_policy"})
    assert "has been changed" in done.shown
    case = await done.press("Back to the case")
    assert case is not None
    assert "At first taken for" in case.shown
    assert WHY in case.shown
    due = (stage.clock.now() + timedelta(days=7)).replace(second=0, microsecond=0)
    await changes(stage, "deputy", reference, "review", {"change_due": due.isoformat()})
    await stage.expects("dsl", reference)
    for who in ("brunel head", "dsl"):
        await closes(stage, who, reference)
    stage.clock.advance(minutes=1)
    told = await stage.expects("chair", f"To be signed off: {reference}")
    refused = await looks_up(stage, "chair", reference)
    assert not isinstance(refused, Dialog) or STORY not in refused.shown
    page = await stage.press("chair", "Look and sign", reference)
    assert isinstance(page, Dialog)
    assert "Dealt with in school" in page.shown
    for secret in (*NAMES, STORY, WHY, ENDED):
        assert secret not in told + page.shown, secret
    # Something is missing: it goes back to whoever dealt with it, and is closed and signed anew.
    back = await page.press("Send back")
    assert back is not None
    empty = await back.submit()
    assert empty is not None
    assert set(empty.errors) == {"change_reason"}
    await empty.fill({"change_reason": MISSING})
    sent = await empty.submit()
    assert sent is not None
    assert "is sent back" in sent.shown
    await stage.expects("headteacher", f"Nothing to sign any more: {reference}")
    await stage.settled()
    assert MISSING in (await case_of(stage, "dsl", reference)).shown
    for who in ("brunel head", "dsl"):
        await closes(stage, who, reference)
    stage.clock.advance(minutes=1)
    await stage.expects("chair", f"To be signed off: {reference}")
    page = await stage.press("chair", "Look and sign", reference)
    assert isinstance(page, Dialog)
    await page.fill({"sign_note": NOTE})
    after = await page.submit()
    assert after is not None
    assert "Your signature" in after.shown
    head = await stage.press("headteacher", "Look and sign", reference)
    assert isinstance(head, Dialog)
    read = await head.press("Read the case")
    assert read is not None
    assert STORY in read.shown
    head = await stage.press("headteacher", "Look and sign", reference)
    assert isinstance(head, Dialog)
    last = await head.submit()
    assert last is not None
    assert "is signed off" in last.shown
    assert "Signed off" in (await case_of(stage, "dsl", reference)).shown
    stage.clock.advance(days=8)
    await stage.expects("deputy", f"To be looked at again: {reference}")
    reopened = await changes(stage, "deputy", reference, "reopen", {})
    assert "open again" in reopened.shown
    assert NOTE in (await case_of(stage, "deputy", reference)).shown
    for secret in (*NAMES, STORY, WHY, ENDED, NOTE, MISSING):
        assert secret not in stage.raw_chat(), secret


async def test_the_same_matter_reported_twice_is_one_case(stage: Stage) -> None:
    """The second report leads to the first; whoever sent it is told whom to ask, nothing of the other; then they part."""
    first = await stage.reports("teacher", FILTER, WHO_AND_WHAT)
    second = await stage.reports("brunel head", FILTER, WHO_AND_WHAT)
    await stage.settled()
    wrong = await (await case_of(stage, "dsl", second)).press("Change the case")
    assert wrong is not None
    await wrong.fill({"change_kind": "merge"})
    form = await wrong.submit()
    assert form is not None
    await form.fill({"change_other": "CSS-2026-0", "change_reason": WHY})
    again = await form.submit()
    assert again is not None
    assert "no such case" in str(again.errors)
    await again.fill({"change_other": first})
    done = await again.submit()
    assert done is not None
    assert f"merged into {first}" in done.shown
    case = await case_of(stage, "dsl", second)
    assert f"Case {first}" in case.shown or first in case.shown
    receipt = await stage.expects("brunel head", second, "together with another")
    assert first not in receipt
    look = await case.press(f"Look at {second}")
    assert look is not None
    assert f"merged into {first}" in look.shown
    first_page = await look.press("Change the case")
    assert first_page is not None
    await first_page.fill({"change_kind": "unmerge"})
    parted = await first_page.submit()
    assert parted is not None
    await parted.fill({"change_reason": WHY})
    end = await parted.submit()
    assert end is not None
    assert "of its own again" in end.shown
    linked = await changes(stage, "dsl", second, "link", {"change_other": first})
    assert "linked" in linked.shown
    assert second in (await case_of(stage, "deputy", first)).shown
    assert WHY not in stage.raw_chat()
