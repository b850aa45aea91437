"""The walk through the main job, one script for every platform and both databases."""

import re

from tests.story.stage import BRUNEL, SAFEGUARDING, Dialog, Stage, Value, reference_in

NAMES = ("Alfie", "Demosson", "Bea", "Exemplar", "Cai", "Placeholder")
STORY = "He keeps posting things about her in the group chat"

BULLYING: dict[str, Value] = {"concern": "cyberbullying", "about": "pupil", "danger": "no"}
WHO_AND_WHAT: dict[str, Value] = {
    "targets": ["Bea Exemplar"],
    "perpetrators": ["Alfie Demosson"],
    "witnesses": ["Somebody Else"],
    "what": STORY,
}


async def bullying(stage: Stage) -> str:
    """A teacher reports bullying between two pupils of Brunel."""
    return await stage.reports("teacher", BULLYING, WHO_AND_WHAT)


async def test_a_report_reaches_the_right_people_and_is_acknowledged(stage: Stage) -> None:
    """Reported in two screens, acknowledged with one press by the Head of House; every copy and the reporter hear of it."""
    reference = await bullying(stage)
    assert re.fullmatch(r"CSS-2026-[1-9]\d{3}", reference)
    await stage.expects("teacher", reference, "received")
    await stage.expects("brunel head", reference, "Nobody has acknowledged")
    await stage.expects("brunel head", reference, "Nobody has acknowledged", channel=BRUNEL)
    answer = await stage.press("brunel head", "Acknowledge", reference, channel=BRUNEL)
    assert "yours now" in shown(answer)
    await stage.expects("brunel head", reference, "Acknowledged by Bryn Marsh")
    await stage.expects("brunel head", reference, "Acknowledged by Bryn Marsh", channel=BRUNEL)
    await stage.expects("teacher", reference, "Head of House acknowledged your report")


async def test_no_name_and_no_narrative_stays_in_the_chat(stage: Stage) -> None:
    """What stays in the chat's history holds a reference, never a pupil's name or a word of the story."""
    reference = await bullying(stage)
    await stage.expects("brunel head", reference)
    await stage.press("brunel head", "Details", reference)
    await stage.press("brunel head", "Acknowledge", reference)
    await stage.settled()
    for secret in (*NAMES, "Somebody Else", STORY):
        assert secret not in stage.raw_chat(), secret


async def test_details_are_read_by_those_with_a_right_and_by_nobody_else(stage: Stage) -> None:
    """The Head of House reads who and what; another house's head, who reads the channel, is refused kindly, in private."""
    reference = await stage.reports("teacher", {**BULLYING, "concern": "account_misuse"}, WHO_AND_WHAT)
    await stage.expects("brunel head", reference, channel=BRUNEL)
    case = await stage.press("brunel head", "Details", reference, channel=BRUNEL)
    assert isinstance(case, Dialog)
    assert "Bea Exemplar" in case.shown
    assert STORY in case.shown
    assert "Somebody Else" in case.shown
    for label in ("Details", "Acknowledge", "Hand on"):
        refused = await stage.press("cabot head", label, reference, channel=BRUNEL)
        assert "Only the people who were asked" in shown(refused)
        assert "Bea" not in shown(refused)
    await stage.expects("cabot head", reference, "Nobody has acknowledged", channel=BRUNEL)


async def test_a_second_press_changes_nothing_and_says_so(stage: Stage) -> None:
    """The first acknowledgement stands: pressed again, or by another holder, the answer is kind and nothing changes."""
    reference = await stage.reports("teacher", {**BULLYING, "concern": "nude_image"}, WHO_AND_WHAT)
    await stage.expects("dsl", reference, channel=SAFEGUARDING)
    dialog_before = await stage.press("dsl", "Details", reference, channel=SAFEGUARDING)
    assert isinstance(dialog_before, Dialog)
    again = await dialog_before.press("Acknowledge")
    assert again is not None
    assert "yours now" in again.shown
    await stage.expects("dsl", "Acknowledged by Dana Okafor", channel=SAFEGUARDING)
    queue = await stage.command("dsl", "queue")
    assert reference in shown(queue)


async def test_unanswered_it_climbs_to_the_next_person_and_comes_round_again(stage: Stage) -> None:
    """At each deadline the next person is asked, marked as such: deputy, headteacher, chair, and then the first once more."""
    reference = await stage.reports("teacher", {**BULLYING, "concern": "grooming"}, WHO_AND_WHAT)
    await stage.expects("dsl", reference, "Critical")
    for who in ("deputy", "headteacher", "chair"):
        await stage.never(who, reference)
        stage.clock.advance(minutes=16)
        await stage.expects(who, reference, "nobody before you has answered")
        await stage.expects("dsl", reference, "Not acknowledged in time")
    stage.clock.advance(minutes=16)
    await stage.expects("dsl", reference, "coming round again")
    await stage.press("chair", "Acknowledge", reference)
    await stage.expects("dsl", reference, "Acknowledged by Chidi Adeyemi")
    stage.clock.advance(minutes=60)
    await stage.settled()
    assert "coming round again" not in "".join(stage.sees("deputy"))


async def test_a_concern_about_staff_is_seen_by_nobody_else(stage: Stage) -> None:
    """About staff it goes by direct message to the roles that the policy names; no channel shows it, nor the person named."""
    kind: dict[str, Value] = {"concern": "staff_conduct", "about": "staff", "danger": "no"}
    reference = await stage.reports("teacher", kind, {"perpetrators": ["Bryn Marsh"], "what": STORY})
    await stage.expects("headteacher", reference)
    await stage.never("brunel head", reference)
    for who, channel in (("dsl", SAFEGUARDING), ("brunel head", BRUNEL)):
        await stage.never(who, reference, channel)
    assert reference not in shown(await stage.command("brunel head", "queue"))


async def test_a_concern_about_the_head_goes_to_the_chair(stage: Stage) -> None:
    """The headteacher is never asked, by name or by role; the chair of governors is, and the LADO is named."""
    kind: dict[str, Value] = {"concern": "staff_conduct", "about": "headteacher", "danger": "no"}
    reference = await stage.reports("teacher", kind, {"what": STORY})
    await stage.expects("chair", reference, "LADO")
    for minutes in (61, 61, 61):
        stage.clock.advance(minutes=minutes)
        await stage.settled()
    await stage.never("headteacher", reference)
    assert reference not in shown(await stage.command("headteacher", "queue"))


async def test_a_lead_who_is_named_is_passed_over(stage: Stage) -> None:
    """The DSL named as alleged perpetrator is not alerted, does not see it, and the channel they read does not show it."""
    kind: dict[str, Value] = {"concern": "grooming", "about": "unknown", "danger": "no"}
    reference = await stage.reports("teacher", kind, {"perpetrators": ["Dana Okafor"], "what": STORY})
    await stage.settled()
    await stage.never("dsl", reference)
    await stage.never("dsl", reference, SAFEGUARDING)
    await stage.never("deputy", reference, SAFEGUARDING)
    assert reference not in shown(await stage.command("dsl", "queue"))


async def test_a_typed_name_that_may_be_staff_is_kept_out_until_somebody_settles_it(stage: Stage) -> None:
    """ "Ms Okafor" may be the DSL: the deputy is asked instead, and the DSL only after the deputy has said who it is not."""
    kind: dict[str, Value] = {"concern": "grooming", "about": "external", "danger": "no"}
    reference = await stage.reports("teacher", kind, {"perpetrators": ["Ms Okafor"], "what": STORY})
    await stage.expects("deputy", reference)
    await stage.never("dsl", reference)
    case = await stage.press("deputy", "Details", reference)
    assert isinstance(case, Dialog)
    assert "may be Dana Okafor" in case.shown
    await case.press("No, somebody else")
    stage.clock.advance(minutes=16)
    await stage.expects("dsl", reference, "nobody before you has answered")


async def test_handing_on_and_closing(stage: Stage) -> None:
    """Handed on with a reason it is the other's to answer; closed with an outcome the reporter hears of it."""
    reference = await stage.reports("teacher", {**BULLYING, "concern": "nude_image"}, {**WHO_AND_WHAT, "illegal": "yes"})
    await stage.expects("dsl", reference)
    form = await stage.press("dsl", "Hand on", reference)
    assert isinstance(form, Dialog)
    wrong = await form.submit()
    assert wrong is not None
    assert set(wrong.errors) == {"to", "reason"}
    await wrong.fill({"to": "Maja Lindqvist, Deputy DSL", "reason": "I am out of school today"})
    done = await wrong.submit()
    assert done is not None
    assert "is now with Maja Lindqvist" in done.shown
    await stage.expects("deputy", reference, "handed on to you")
    await stage.press("deputy", "Acknowledge", reference)
    await stage.expects("dsl", reference, "Acknowledged by Maja Lindqvist")
    await stage.expects("deputy", reference, "Acknowledged by Maja Lindqvist")
    closing = await stage.press("deputy", "Close", reference)
    assert isinstance(closing, Dialog)
    # Nothing is chosen for them: how it ended in a word is theirs to say, as the words are.
    empty = await closing.submit()
    assert empty is not None
    assert set(empty.errors) == {"outcome", "result"}
    await empty.fill({"outcome": "Both families seen; image taken down."})
    unsaid = await empty.submit()
    assert unsaid is not None
    assert set(unsaid.errors) == {"result"}
    await unsaid.fill({"result": "dealt_with"})
    closed = await unsaid.submit()
    assert closed is not None
    assert "is closed" in closed.shown
    await stage.expects("teacher", reference, "was closed")
    assert "Closed" in shown(await stage.command("teacher", "mine"))


async def test_a_wrong_second_screen_comes_back_with_everything_typed(stage: Stage) -> None:
    """What is wrong is said at its field; what was typed is still there; sent again, it is a report."""
    first = await stage.command("teacher", "report")
    assert isinstance(first, Dialog)
    missing = await first.submit()
    assert missing is not None
    assert set(missing.errors) == {"concern", "about", "danger"}
    await missing.fill(BULLYING)
    second = await missing.submit()
    assert second is not None
    await second.fill({"targets": ["Bea Exemplar"], "done": "Told her form tutor"})
    again = await second.submit()
    assert again is not None
    assert "what" in again.errors
    assert again.value("done") == "Told her form tutor"
    await again.fill({"what": STORY, "illegal": "no"})
    receipt = await again.submit()
    assert receipt is not None
    assert reference_in(receipt.shown)


async def test_the_house_is_asked_only_where_it_cannot_be_known(stage: Stage) -> None:
    """With a listed pupil nobody asks; with a typed name the form comes back once, with the house."""
    first = await stage.command("teacher", "report")
    assert isinstance(first, Dialog)
    await first.fill({"concern": "account_misuse", "about": "pupil", "danger": "no"})
    second = await first.submit()
    assert second is not None
    assert "Which house?" not in second.shown
    await second.fill({"perpetrators": ["A Newcomer"], "what": STORY, "repeat": "no"})
    asked = await second.submit()
    assert asked is not None
    assert "Which house?" in asked.shown
    assert asked.value("what") == STORY
    await asked.fill({"house": "Cabot"})
    receipt = await asked.submit()
    assert receipt is not None
    await stage.expects("cabot head", reference_in(receipt.shown))


async def test_danger_comes_first(stage: Stage) -> None:
    """A child in danger now: 999 and the phone stand above everything, and the alert is critical."""
    first = await stage.command("teacher", "report")
    assert isinstance(first, Dialog)
    await first.fill({"concern": "nude_image", "about": "pupil", "danger": "yes"})
    second = await first.submit()
    assert second is not None
    assert second.shown.index("Call 999") < second.shown.index("What happened?")
    assert "01454 555 0101" in second.shown
    assert second.shown.index("Do not view") < second.shown.index("What happened?")


async def test_an_unfinished_report_can_be_taken_up_again(stage: Stage) -> None:
    """What was sent of a report is kept for a school day and offered; the next day but one it is gone."""
    first = await stage.command("teacher", "report")
    assert isinstance(first, Dialog)
    await first.fill(BULLYING)
    second = await first.submit()
    assert second is not None
    asked: dict[str, Value] = {field: "no" for field in ("repeat", "illegal") if field in second.fields}
    await second.fill({**asked, "what": STORY, "done": "Spoke to her mother", "when": "2026-12-01T10:00:00+00:00"})
    wrong = await second.submit()
    assert wrong is not None
    assert "when" in wrong.errors
    offer = await stage.command("teacher", "report")
    assert isinstance(offer, Dialog)
    assert "did not send it" in offer.shown
    resumed = await offer.press("Carry on")
    assert resumed is not None
    assert resumed.value("done") == "Spoke to her mother"
    stage.clock.advance(days=3)
    fresh = await stage.command("teacher", "report")
    assert "What kind of concern" in shown(fresh)


async def test_an_owner_who_forgets_is_reminded(stage: Stage) -> None:
    """A case that was acknowledged and not closed comes back to its owner."""
    reference = await stage.reports("teacher", {**BULLYING, "concern": "grooming"}, WHO_AND_WHAT)
    await stage.expects("dsl", reference)
    await stage.press("dsl", "Acknowledge", reference)
    stage.clock.advance(days=1)
    await stage.expects("dsl", "Still open", reference)


async def test_a_mistyped_command_gets_the_nearest_one(stage: Stage) -> None:
    """`/esafety` alone shows the ways on, and a slip of the keys the word that was meant."""
    assert f"{stage.prefix}report" in shown(await stage.command("teacher", ""))
    assert f"Did you mean {stage.quoted('report')}" in shown(await stage.command("teacher", "reprot"))
    assert "not something I know" in shown(await stage.command("teacher", "hippopotamus"))


def shown(answer: Dialog | str) -> str:
    """What was shown, in a dialog or in a message."""
    return answer.shown if isinstance(answer, Dialog) else answer
