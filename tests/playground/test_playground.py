"""The story in Microsoft's own client: the 365 Agents Playground, in headless Chromium, before the real program.

In a Playground one user acts. So each person here has one of their own, as each has their own Teams, and both speak to one bot.

What the Playground cannot do is proved at the endpoint, by tests/story and tests/contract, and not here: it opens no dialog
from a card's button (Details, Hand on, Start a report), it searches nothing while a name is typed, so that names are typed in
full, and it reads no manifest, so that a command of the message box is called by its id. A dialog goes blank in it when the
first message of a conversation arrives; here the welcome has always come before.
"""

import pytest
from playwright.async_api import expect

from tests.playground.school import LEAD, PRIVATE, SAFEGUARDING, TUTORS, chat_of
from tests.playground.teams import DID_IT, HARMED, LAW, SAW_IT, Teams

pytestmark = [pytest.mark.asyncio(loop_scope="package"), pytest.mark.timeout(180)]

GROOMING = "Grooming, or somebody unsafe"
STORY = "Bea showed me a chat with somebody who calls himself Sam and wants to meet her after school."
CROWD = "\n".join(f"Witness {letter} of 8C" for letter in "ABCDEFGHIJK")
SECRETS = ("Bea", "Exemplar", "Sam", "Witness", "8C", "wants to meet", "after school")


async def test_a_report_reaches_the_lead_who_acknowledges_it(staff: tuple[Teams, Teams]) -> None:
    """Two screens, each sent wrong once; the alert comes by itself; acknowledged, every copy changes where it stands."""
    teacher, lead = staff
    await lead.goes_to(SAFEGUARDING)
    await expect(lead.cards("Everybody here can read")).to_be_visible()
    await teacher.picture("welcome", teacher.cards("Only you see this chat"))

    await teacher.begins_a_report()
    await teacher.goes_on()
    await expect(teacher.dialog.get_by_text("This is needed.")).to_have_count(3)
    await teacher.says_what_kind(GROOMING)
    await teacher.picture("report-1", teacher.dialog)
    await teacher.goes_on()

    await expect(teacher.dialog).to_contain_text("Screen 2 of 2")
    await teacher.unlisted(HARMED).fill("Bea Exemplar")
    await teacher.unlisted(DID_IT).fill("Somebody called Sam")
    await teacher.types("What happened?", STORY)
    await teacher.chooses(LAW, "Not sure")
    await teacher.picture("report-2", teacher.dialog)
    await teacher.unlisted(SAW_IT).fill(CROWD)
    await teacher.sends()
    await expect(teacher.dialog).to_contain_text("Ten people at most here")
    await expect(teacher.unlisted(SAW_IT)).to_have_value(CROWD)
    await expect(teacher.unlisted(HARMED)).to_have_value("Bea Exemplar")
    await expect(teacher.dialog.get_by_role("textbox", name="What happened?")).to_have_value(STORY)
    await expect(teacher.dialog.get_by_role("radio", name="Not sure")).to_be_checked()
    await teacher.unlisted(SAW_IT).fill("All of 8C")
    await teacher.sends()
    reference = await teacher.closes_receipt()
    await expect(teacher.cards(f"Report {reference} received")).to_contain_text("Waiting to be acknowledged")

    await expect(lead.cards(reference)).to_contain_text("Nobody has acknowledged this yet")
    await lead.picture("alert", lead.cards(reference))
    # The line that answers the press is gone as soon as the card itself changes, too soon to be looked for.
    await lead.cards(reference).get_by_role("button", name="Acknowledge").click()
    for place in (SAFEGUARDING, PRIVATE):
        await lead.goes_to(place)
        await expect(lead.cards(reference)).to_contain_text(f"Acknowledged by {LEAD}")
        await expect(lead.cards(reference)).to_have_count(1)
        await expect(lead.cards(reference).get_by_role("button", name="Acknowledge")).to_have_count(0)
    await lead.picture("acknowledged", lead.cards(reference))
    await expect(teacher.cards(f"Report {reference} is being dealt with")).to_have_count(1)
    await expect(teacher.cards("acknowledged your report")).to_contain_text(reference)

    for somebody in staff:
        assert reference in somebody.said()
        assert [secret for secret in SECRETS if secret in somebody.said()] == []


async def test_what_is_emptied_is_gone(staff: tuple[Teams, Teams]) -> None:
    """Names that were sent once and then taken out again are not in the form that comes back, nor in the report."""
    teacher, _ = staff
    await teacher.begins_a_report()
    await teacher.says_what_kind(GROOMING)
    await teacher.goes_on()
    await expect(teacher.dialog).to_contain_text("Screen 2 of 2")
    await teacher.types("What happened?", STORY)
    await teacher.chooses(LAW, "Not sure")
    await teacher.unlisted(HARMED).fill("Bea Exemplar")
    await teacher.unlisted(SAW_IT).fill(CROWD)
    await teacher.sends()
    fault = teacher.dialog.get_by_text("Ten people at most here")
    await expect(fault).to_have_count(1)
    await teacher.unlisted(HARMED).fill("")
    await teacher.unlisted(DID_IT).fill(CROWD)
    await teacher.sends()
    await expect(fault).to_have_count(2)
    await expect(teacher.unlisted(HARMED)).to_have_value("", timeout=2000)


async def test_each_command_is_answered_with_what_is_ones_own(staff: tuple[Teams, Teams]) -> None:
    """`help`, a slip of the keys, `mine` and `queue`; from the queue a case is acknowledged, and a line says so to the lead."""
    teacher, lead = staff
    await teacher.says("help")
    await expect(teacher.titled("How can I help?").first).to_contain_text("Report a concern in two short screens")
    await teacher.says("reprot")
    await expect(teacher.cards("is not something I know")).to_contain_text("Did you mean")
    await teacher.says("report")
    start = teacher.cards("Two short screens").get_by_role("button", name="Start a report")
    await expect(start).to_be_visible()

    reference = await teacher.reports(GROOMING, STORY)
    await lead.says("queue")
    queue = lead.titled("My queue")
    await expect(queue).to_contain_text(reference)
    await queue.get_by_role("button", name="Acknowledge").click()
    await expect(lead.page.get_by_text(f"{reference} is yours now")).to_be_visible()
    await expect(lead.cards(f"Acknowledged by {LEAD}")).to_contain_text(reference)
    await teacher.says("mine")
    await expect(teacher.titled("My reports")).to_contain_text("Acknowledged")
    await teacher.says("queue")
    await expect(teacher.titled("My queue")).to_contain_text("You have not been asked to answer for any case")


async def test_where_others_read_nothing_private_is_said(staff: tuple[Teams, Teams]) -> None:
    """Mentioned with `report` the bot shows the button; with `queue` it answers in private, and says there only that it has."""
    teacher, lead = staff
    reference = await teacher.reports(GROOMING, STORY)
    for number, place in enumerate((SAFEGUARDING, TUTORS), start=1):
        await lead.goes_to(place)
        await expect(lead.cards("Everybody here can read")).to_be_visible()
        await lead.says("report", mention=True)
        await expect(lead.cards("Please do not write names or details here")).to_contain_text("Start a report")
        await lead.says("queue", mention=True)
        await expect(lead.page.get_by_role("paragraph").filter(has_text="I have answered you in our own chat.")).to_be_visible()
        await expect(lead.titled("My queue")).to_have_count(0)
        await lead.goes_to(PRIVATE)
        await expect(lead.titled("My queue")).to_have_count(number)
        await expect(lead.titled("My queue").last).to_contain_text(reference)

    elsewhere = [words for where, words in lead.history if not where.startswith(chat_of(LEAD))]
    assert len(elsewhere) >= 6
    assert [words for words in elsewhere if "My queue" in words] == []
    assert [secret for secret in SECRETS if secret in lead.said()] == []
