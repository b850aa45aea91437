"""What is done about an incident beside talking: a phone that is taken, a search, a block that IT carries out, a bill."""

from datetime import timedelta

from tests.story.stage import Dialog, Stage, Value
from tests.story.test_casework import FILTER, adds, case_of
from tests.story.test_story import NAMES, STORY, WHO_AND_WHAT, shown

PHONE, SAFE, GROUNDS, FOUND, SCREEN = (
    "A black phone with a cracked corner",
    "Locked drawer in the office",
    "Two others saw the page on it",
    "The page was still open on it",
    "The screen of a school tablet",
)
IMAGE: dict[str, Value] = {"concern": "nude_image", "about": "pupil", "danger": "no"}
STAFF: dict[str, Value] = {"concern": "staff_conduct", "about": "staff", "danger": "no"}


async def taken_on(stage: Stage, kind: dict[str, Value] = FILTER) -> str:
    """A case that the lead has acknowledged."""
    reference = await stage.reports("teacher", kind, WHO_AND_WHAT)
    await stage.expects("dsl", reference)
    await stage.press("dsl", "Acknowledge", reference)
    await stage.expects("dsl", reference, "Acknowledged by")
    return reference


async def says(dialog: Dialog, label: str, values: dict[str, Value]) -> Dialog:
    """Presses what became of an entry, and fills it in."""
    form = await dialog.press(label)
    assert form is not None
    await form.fill(values)
    after = await form.submit()
    assert after is not None, form.errors
    return after


async def begun(dialog: Dialog, kind: str) -> Dialog:
    """The form for an entry of a kind."""
    first = await dialog.press("Add to the case")
    assert first is not None
    await first.fill({"entry_kind": kind})
    second = await first.submit()
    assert second is not None
    return second


async def test_a_phone_is_taken_searched_and_given_back(stage: Stage) -> None:
    """From whom, where it is and who has it; what became of it; and at the close that it is still held."""
    reference = await taken_on(stage)
    case = await case_of(stage, "dsl", reference)
    form = await begun(case, "confiscation")
    taken: dict[str, Value] = {
        "entry_item": PHONE,
        "entry_from": "not_named",
        "entry_place": SAFE,
        "entry_doer": ["Dana Okafor"],
    }
    await form.fill(taken)
    again = await form.submit()
    assert again is not None
    assert "answer this" in str(again.errors)
    assert again.value("entry_item") == PHONE
    await again.fill({"entry_from_who": "Cai Placeholder"})
    timeline = await again.submit()
    assert timeline is not None, again.errors
    assert f"Held: {PHONE}. {SAFE}, with Dana Okafor" in timeline.shown

    stage.clock.advance(minutes=1)
    search: dict[str, Value] = {
        "entry_item": PHONE,
        "entry_from": "not_named",
        "entry_from_who": "Cai Placeholder",
        "entry_grounds": GROUNDS,
        "entry_authorised": ["Helen Pemberton"],
        "entry_doer": ["Dana Okafor"],
        "entry_present": "Mr Marsh",
        "entry_outcome": FOUND,
    }
    timeline = await adds(timeline, "search", search)
    for text in (GROUNDS, FOUND, "Helen Pemberton", "Mr Marsh"):
        assert text in timeline.shown

    stage.clock.advance(minutes=1)
    closing = await stage.press("dsl", "Close", reference)
    assert isinstance(closing, Dialog)
    assert "still held" in closing.shown
    assert PHONE not in closing.shown

    timeline = await case_of(stage, "dsl", reference)
    assert f"Held: {PHONE}" in timeline.shown
    page = await timeline.press("Whole timeline")
    assert page is not None
    page = await says(page, "It is kept elsewhere", {"entry_place": "Her own desk", "entry_doer": ["Maja Lindqvist"]})
    assert "Her own desk, with Maja Lindqvist" in page.shown
    stage.clock.advance(minutes=1)
    page = await says(page, "It was given back", {"entry_to": "His mother"})
    assert "Held:" not in page.shown
    assert "His mother" in page.shown
    closing = await stage.press("dsl", "Close", reference)
    assert isinstance(closing, Dialog)
    assert "still held" not in closing.shown
    for secret in (*NAMES, STORY, PHONE, SAFE, GROUNDS, FOUND, "His mother", "Her own desk"):
        assert secret not in stage.raw_chat(), secret


async def test_where_it_is_about_images_the_rule_stands_before_anything_is_typed(stage: Stage) -> None:
    """In the form for what is taken, and for a search; no picture can be added."""
    reference = await taken_on(stage, IMAGE)
    for kind in ("confiscation", "search"):
        form = await begun(await case_of(stage, "dsl", reference), kind)
        assert "Do not view, copy" in form.shown
        assert not [f for f in form.fields if "file" in f or "image" in f]
    assert "put the device away as it is" in form.shown


async def test_it_blocks_an_account_and_is_told_in_person_whose(stage: Stage) -> None:
    """IT sees what and from when; they say that it is in place, are reminded at its end, and say that it is lifted."""
    reference = await taken_on(stage)
    end = (stage.clock.now() + timedelta(days=7)).replace(second=0, microsecond=0)
    block: dict[str, Value] = {
        "entry_from": "not_named",
        "entry_from_who": "Cai Placeholder",
        "entry_blocked": "account",
        "entry_end": end.isoformat(),
    }
    form = await begun(await case_of(stage, "dsl", reference), "block")
    assert "for one week at a second C1" in form.shown
    await form.fill(block)
    timeline = await form.submit()
    assert timeline is not None, form.errors
    assert "Blocked: Cai Placeholder" in timeline.shown
    assert "Nobody has said yet" in timeline.shown

    told = await stage.expects("it", f"Access block: {reference}")
    assert "account" not in told
    task = await stage.press("it", "Open", reference)
    assert isinstance(task, Dialog)
    assert "The school account, all of it" in task.shown
    assert "in person or by phone" in task.shown
    assert "Dana Okafor" in task.shown
    for secret in (*NAMES, STORY):
        assert secret not in task.shown
    done = await task.press("It is in place")
    assert done is not None
    assert "In place since" in done.shown

    stage.clock.advance(days=7, hours=1)
    await stage.expects("it", f"to be lifted: {reference}")
    await stage.expects("dsl", f"to be lifted: {reference}")
    task = await stage.press("it", "Open", reference)
    assert isinstance(task, Dialog)
    assert "has come" in task.shown
    done = await task.press("It is lifted")
    assert done is not None
    assert "Lifted" in done.shown
    await stage.expects("dsl", f"Access block lifted: {reference}")
    case = await case_of(stage, "dsl", reference)
    assert "Blocked: Cai" not in case.shown
    for secret in (*NAMES, STORY):
        assert secret not in stage.raw_chat(), secret


async def test_what_damage_costs_stands_until_it_is_paid(stage: Stage) -> None:
    """In pounds and pence."""
    reference = await taken_on(stage)
    form = await begun(await case_of(stage, "dsl", reference), "damage")
    assert "liable for what the damage costs" in form.shown
    await form.fill({"entry_what": SCREEN, "entry_cost": "about eighty", "entry_billed": "parents", "entry_paid": "no"})
    again = await form.submit()
    assert again is not None
    assert "pounds and pence" in str(again.errors)
    await again.fill({"entry_cost": "79.50"})
    timeline = await again.submit()
    assert timeline is not None
    assert f"Not paid: £79.50. {SCREEN}" in timeline.shown
    stage.clock.advance(minutes=1)
    timeline = await says(timeline, "It is paid", {})
    assert "Not paid: £79.50" not in timeline.shown


async def test_a_step_of_the_policy_is_an_action_with_one_press(stage: Stage) -> None:
    """And is shown as one from then on."""
    reference = await taken_on(stage)
    steps = await (await case_of(stage, "dsl", reference)).press("What the policy says")
    assert steps is not None
    timeline = await steps.press("Make it an action")
    assert timeline is not None
    assert "It is kept" in timeline.shown
    assert "To do" in timeline.shown
    steps = await (await case_of(stage, "dsl", reference)).press("What the policy says")
    assert steps is not None
    assert "It is an action already" in steps.shown


async def test_about_staff_the_lado_is_asked_first(stage: Stage) -> None:
    """Before anything else stands that their advice comes first; the contact is one press away, and then it stands there."""
    who: dict[str, Value] = {"perpetrators": ["Norris Nobody"], "what": STORY}
    reference = await stage.reports("teacher", STAFF, who)
    await stage.expects("headteacher", reference)
    await stage.press("headteacher", "Acknowledge", reference)
    await stage.expects("headteacher", reference, "Acknowledged by")
    case = await case_of(stage, "headteacher", reference)
    steps = await case.press("What the policy says")
    assert steps is not None
    assert "Ask first" in steps.shown
    contact = await steps.press("Note the contact")
    assert contact is not None
    assert contact.value("entry_whom") == "lado"
    await contact.fill({"entry_outcome": "Wait until the police have been", "entry_reference": "L-77"})
    timeline = await contact.submit()
    assert timeline is not None, contact.errors
    steps = await (await case_of(stage, "headteacher", reference)).press("What the policy says")
    assert steps is not None
    assert "Advice was sought" in steps.shown
    assert "L-77" in steps.shown
    block = await begun(await case_of(stage, "headteacher", reference), "block")
    assert "see to the block yourself" in block.shown
    assert reference not in shown("".join(stage.sees("it")))
