"""Questions about the policy in Microsoft's own client: what a teacher reads there, from top to bottom, and what a press does.

What opens a dialog from a card's button (Report this, Ask permission, Ask the lead) is proved at the endpoint, as the other
story's dialogs are; here the button is there to be pressed.
"""

import pytest
from playwright.async_api import Locator, expect

from tests.playground.school import PRIVATE, SAFEGUARDING
from tests.playground.teams import Teams

pytestmark = [pytest.mark.asyncio(loop_scope="package"), pytest.mark.timeout(180)]

FOLLOW_REQUEST = "Can I accept a follow request from a pupil on my private Insta?"
EX_PUPIL = "can i friend an ex-pupil?"
SMARTWATCH = "Are pupils allowed to wear a smartwatch in an exam?"
PICTURES_OF_THEM = "what about photos"
OWN_IPAD = "Can I use my own iPad on the school wifi?"


async def test_the_verdict_comes_first_then_why_where_it_stands_and_what_to_do(staff: tuple[Teams, Teams]) -> None:
    """A follow request from a pupil: no, and what to do; the clauses under their printed heading; the report a press away."""
    teacher, _ = staff
    answer = await teacher.asks(FOLLOW_REQUEST, "No")
    await reads(
        answer,
        "Refuse the request",
        "tell Dana Okafor",
        "I read this as: what to do when a pupil sends a friend request",
        "It stands on: All staff, to include Cover staff and ITT students, points 13",
        "E Safety and Social Media Procedure",
        "Report this",
        "Or did you mean",
        "Not what I asked",
    )
    await teacher.picture("answer-answer", answer)


async def test_the_one_missing_fact_is_asked_and_its_button_brings_the_answer(staff: tuple[Teams, Teams]) -> None:
    """A former pupil: it depends on an age; pressed, the answer stands where the question stood, and says what it went by."""
    teacher, _ = staff
    depends = await teacher.asks(EX_PUPIL, "It depends")
    await reads(depends, "It depends on the former student's age", "Is the former pupil under 18?", "Under 18", "18 or over")
    await expect(depends).to_contain_text("All staff, to include Cover staff and ITT students, point 13")
    await teacher.picture("answer-fact", depends)

    await depends.get_by_role("button", name="Under 18").click()
    decided = teacher.titled("No")
    await expect(decided).to_contain_text("must be refused")
    await reads(decided, "be friends with a former pupil on social media · Under 18", "point 13", "Or did you mean")
    await expect(decided.get_by_role("button", name="18 or over")).to_have_count(0)
    await expect(teacher.titled("It depends")).to_have_count(0)


async def test_where_it_is_not_sure_it_offers_readings(staff: tuple[Teams, Teams]) -> None:
    """A few words that may mean much: no verdict, readings to press; none of them was meant, so here is whom to ask."""
    teacher, _ = staff
    unsure = await teacher.asks(PICTURES_OF_THEM, "Did you mean one of these?")
    await reads(unsure, "I do not guess", "None of these", "Report a concern")
    await teacher.picture("answer-unsure", unsure)
    reading = unsure.get_by_role("button").first
    meant = (await reading.inner_text()).strip()
    assert meant not in {"None of these", "Report a concern"}
    await reading.click()
    await expect(teacher.cards(f"I read this as: {meant[:1].lower()}{meant[1:]}").last).to_contain_text("It stands on")

    unsure = await teacher.asks(PICTURES_OF_THEM, "Did you mean one of these?")
    await unsure.get_by_role("button", name="None of these").click()
    nothing = teacher.titled("Then the policy may not say")
    await reads(nothing, "ask Dana Okafor", "Ask Designated Safeguarding Lead (DSL)", "Report a concern", "Subjects")


async def test_what_the_policy_does_not_say_it_does_not_make_up(staff: tuple[Teams, Teams]) -> None:
    """A smartwatch in an exam: the policy is silent, so no clause; whom to ask instead; the lead sees that it was asked."""
    teacher, lead = staff
    silent = await teacher.asks(SMARTWATCH, "The policy does not say")
    await reads(
        silent,
        "Please ask Dana Okafor",
        "kept, without your name",
        "I read this as: pupils wearing a smartwatch",
        "Ask Designated Safeguarding Lead (DSL)",
        "Or did you mean",
    )
    await expect(silent).not_to_contain_text("It stands on")
    await teacher.picture("answer-silent", silent)
    await lead.says("gaps")
    await expect(lead.cards("asked once")).to_be_visible()


async def test_a_question_in_a_channel_is_answered_in_private_and_a_rule_is_put_there_by_hand(
    staff: tuple[Teams, Teams],
) -> None:
    """Asked by a mention, the channel hears only that there is an answer; the message extension puts the rule itself there."""
    _, lead = staff
    await lead.goes_to(SAFEGUARDING)
    await lead.says(OWN_IPAD, mention=True)
    await expect(lead.page.get_by_role("paragraph").filter(has_text="I have answered you in our own chat.")).to_be_visible()
    await expect(lead.titled("Ask first")).to_have_count(0)
    await lead.goes_to(PRIVATE)
    await reads(
        lead.titled("Ask first"),
        "Contact IT Support first",
        "Put a device of your own on the school network",
        "Or did you mean",
    )
    await expect(lead.titled("Ask first").get_by_role("button", name="Show it here to all")).to_have_count(0)

    await lead.goes_to(SAFEGUARDING)
    rule = "Ask first: connect my own device to the school Wi-Fi"
    await lead.looks_up(OWN_IPAD, rule)
    await expect(lead.titled(rule)).to_be_visible()
    await lead.posts()
    await expect(lead.page.get_by_text("Start a new post")).to_be_visible()
    await reads(lead.titled(rule), "Contact IT Support first", "Mobile Technologies Use guidelines, point 1")
    await expect(lead.titled(rule).get_by_role("button")).to_have_count(0)


async def reads(card: Locator, *words: str) -> None:
    """These words stand on the card, one below the other."""
    for some in words:
        await expect(card).to_contain_text(some)
    text = " ".join((await card.inner_text()).split())
    places = [text.index(some) for some in words]
    assert places == sorted(places), text
