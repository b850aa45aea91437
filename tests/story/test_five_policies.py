"""A case from the alert to its end at a school of each of the five policies: its own alerts, steps, form and signatures."""

from datetime import timedelta

import pytest

from tests.fakes.sealed_page import open_page
from tests.story.stage import CAST, Dialog, Stage, Value
from tests.story.test_case_changes import changes
from tests.story.test_casework import adds, case_of
from tests.story.test_story import NAMES, STORY, WHO_AND_WHAT, shown
from tests.story.test_subject_access import PASSPHRASE

WHY, ENDED, SAID = (
    "She has told them herself, with her mother beside her",
    "Both have been in, and it has stopped",
    "They will come in on Monday",
)


def held(**roles: str | dict[str, str]) -> dict[str, object]:
    """Who holds which role, by the names of the cast."""
    return {
        role: {group: [CAST[one]] for group, one in who.items()} if isinstance(who, dict) else [CAST[who]]
        for role, who in roles.items()
    }


def school(policy: str, **roles: str | dict[str, str]) -> dict[str, object]:
    """The file of a school with one of the five policies."""
    usual = {
        "dsl": "dsl",
        "deputy_dsl": "deputy",
        "headteacher": "headteacher",
        "chair_of_governors": "chair",
        "it_support": "it",
    }
    return {"name": f"A school with the policy of {policy}", "policy": policy, "roles": held(**{**usual, **roles})}


def at(policy: str, **roles: str | dict[str, str]) -> pytest.MarkDecorator:
    """Tells a story of a school with that policy."""
    return pytest.mark.parametrize("school_file", [pytest.param(school(policy, **roles), id=policy)])


def kind(concern: str, about: str = "pupil") -> dict[str, Value]:
    """The first screen of a report."""
    return {"concern": concern, "about": about, "danger": "no"}


async def takes_on(stage: Stage, who: str, reference: str) -> str:
    """Somebody is alerted, reads who and what, and takes it on. What they read."""
    await stage.expects(who, reference, "Nobody has acknowledged")
    details = await stage.press(who, "Details", reference)
    assert isinstance(details, Dialog)
    await stage.press(who, "Acknowledge", reference)
    await stage.expects(who, reference, "Acknowledged by")
    return details.shown


async def steps_of(stage: Stage, who: str, reference: str) -> Dialog:
    """What the policy says, from the case."""
    page = await (await case_of(stage, who, reference)).press("What the policy says")
    assert page is not None
    return page


def plain(text: str) -> str:
    """The words alone: what parts a label from its value is each platform's own."""
    return " ".join(text.replace(":", " ").replace("*", " ").split())


def holds(page: Dialog | str, *lines: str) -> None:
    """Holds that each stands there."""
    for line in lines:
        assert plain(line) in plain(shown(page)), f"{line!r} is not in {shown(page)}"


async def decides(stage: Stage, who: str, reference: str, line: str, leaves: str, **others: str) -> Dialog:
    """A line of the grid is chosen, one step that it lays down is left, and the reason for that is asked and given."""
    stage.clock.advance(minutes=1)
    choose = await (await steps_of(stage, who, reference)).press("Decide what to do")
    assert choose is not None
    await choose.fill({"grid_kind": line})
    decide = await choose.submit()
    assert decide is not None
    assert decide.value(f"grid_step:{leaves}") == "do"
    await decide.fill({f"grid_step:{step}": word for step, word in {leaves: "leave", **others}.items()})
    missing = await decide.submit()
    assert missing is not None
    assert "Please say why" in str(missing.errors)
    await missing.fill({"grid_why": WHY})
    timeline = await missing.submit()
    assert timeline is not None, missing.errors
    holds(timeline, WHY)
    return timeline


async def acts(stage: Stage, who: str, reference: str, what: str) -> None:
    """The first step of the policy becomes an action with one press, and is done."""
    stage.clock.advance(minutes=1)
    timeline = await (await steps_of(stage, who, reference)).press("Make it an action")
    assert timeline is not None
    holds(timeline, what, "To do")
    stage.clock.advance(minutes=1)
    after = await timeline.press("It is done")
    assert after is not None
    holds(after, "Done on")


async def contacts(stage: Stage, who: str, reference: str, whom: str, **more: str) -> Dialog:
    """Contact with somebody is written down."""
    stage.clock.advance(minutes=1)
    return await adds(await case_of(stage, who, reference), "contact", {"entry_whom": whom, "entry_outcome": SAID, **more})


async def closes(stage: Stage, who: str, reference: str, result: str = "dealt_with") -> None:
    """How it ended, in a word and with what was done and why."""
    closing = await stage.press(who, "Close", reference)
    assert isinstance(closing, Dialog)
    await closing.fill({"result": result, "outcome": ENDED})
    await closing.submit()
    await stage.settled()


async def unsigned(stage: Stage, who: str, reference: str) -> None:
    """Closed is the end of it: nobody is asked for a signature."""
    case = await case_of(stage, who, reference)
    assert "Signed off" not in case.shown
    assert "Closed" in case.shown
    for other in ("headteacher", "chair"):
        await stage.never(other, "To be signed off")


async def filed(stage: Stage, who: str, reference: str) -> tuple[str, str]:
    """The policy's log form: as it stands in the chat, and what the sealed page holds."""
    form = await (await case_of(stage, who, reference)).press("Log form")
    assert form is not None
    reads = form.shown
    made = await form.submit()
    assert made is not None
    passphrase = PASSPHRASE.search(made.shown)
    assert passphrase is not None
    file = next(one for one in stage.bot.settings.exports_folder.iterdir() if one.name in made.shown)
    return reads, open_page(file.read_text(encoding="utf-8"), passphrase.group())


def kept_out_of_the_chat(stage: Stage) -> None:
    """No name of a child, and nothing that was written, stays in the chat."""
    for secret in (*NAMES, STORY, WHY, ENDED, SAID):
        assert secret not in stage.raw_chat(), secret


@at("chipping-sodbury", head_of_house={"Brunel": "brunel head"}, senior_leadership="headteacher")
async def test_chipping_sodbury_deliberate_hacking_is_c4(stage: Stage) -> None:
    """The DSL has it; C4 stands on its point of Appendix 1, and what a second C4 would be; each part is coded in the record."""
    grid = "(Appendix 1: Grid for responses to misuse, point 6)"
    reference = await stage.reports("teacher", kind("hacking"), WHO_AND_WHAT)
    holds(await takes_on(stage, "dsl", reference), STORY, "for hacking the PCSO is involved", grid)
    await stage.never("brunel head", reference)

    steps = await steps_of(stage, "dsl", reference)
    holds(steps, "It can be one of these, or none", "Minor damage to systems", "Deliberate hacking")
    decided = await decides(stage, "dsl", reference, "hacked", leaves="pcso")
    holds(decided, "Line of the grid C4", "a definite step is left", "Record it as a child protection incident.")
    steps = await steps_of(stage, "dsl", reference)
    pupil = "Decide for how long the pupil stays blocked, beyond a week (the deputy head, DHT)."
    holds(
        steps,
        "Line of the grid C4",
        f"Definite: {pupil} By: Senior leadership (ST link, AHT or DHT). {grid}",
        f"Definite: Record it as a child protection incident. By: Designated Safeguarding Lead (DSL). {grid}",
        "Definite: Bring in the police community support officer (PCSO).",
    )
    # What the grid has for the second time: an assistant head decides, the police are brought in, and the damage is paid for.
    then = steps.shown.partition("If it happens again")[2]
    holds(then, "(an assistant head, AHT)", "Definite: Bring in the police.", "liable for what the damage costs")

    await acts(stage, "dsl", reference, pupil)
    holds(await contacts(stage, "dsl", reference, "police", entry_who="The PCSO"), "The PCSO", SAID)
    await closes(stage, "dsl", reference)
    await unsigned(stage, "dsl", reference)
    form, page = await filed(stage, "dsl", reference)
    coded = ("Bea Exemplar (8C, Brunel): Target", "Alfie Demosson (8C, Brunel): Alleged to have done it")
    holds(
        form,
        "Entry for the central Information Management System",
        "Roles of participants",
        *coded,
        "Line of the grid: C4",
        WHY,
        ENDED,
    )
    holds(page, "Recording Incidents, point 1", "Deliberate hacking", pupil, "csv-cpoms")
    kept_out_of_the_chat(stage)


@at("danecourt", headteacher="headteacher", esafety_officer="headteacher", governors="cabot head")
async def test_danecourt_a_bullying_message_is_category_c_and_signed_off(stage: Stage) -> None:
    """The acting head is the e-safety officer: who has dealt with a case alone signs nothing, so two trustees do."""
    reference = await stage.reports("teacher", kind("cyberbullying"), WHO_AND_WHAT)
    due = await stage.expects("headteacher", reference, "Nobody has acknowledged")
    holds(due, "16:00")
    holds(
        await takes_on(stage, "headteacher", reference),
        "A one-off bullying message is category C",
        "(Handling Incidents, point 4)",
    )

    steps = await steps_of(stage, "headteacher", reference)
    grid = "(Policy: How will infringements be handled?, point 10)"
    holds(
        steps,
        "Category C, pupils",
        "the sanctions possible ones",
        "Definite: Tell the parents of each pupil concerned. By: Whoever has the case. (Parents/Carers, point 10)",
        "Definite: Fill in the incident log. By: E-safety officer. (Parents/Carers, point 4)",
        f"Possible: Take the equipment away. By: Whoever has the case. {grid}",
        "It then comes under: Category D, pupils.",
        "Possible: Tell the sender's e-mail provider.",
    )
    decided = await decides(stage, "headteacher", reference, "bullying_message", leaves="inform_parents", internet_off="do")
    holds(decided, "Take away internet access for a time.")
    await acts(stage, "headteacher", reference, "Tell the parents of each pupil concerned.")
    holds(await contacts(stage, "headteacher", reference, "parents"), "Parents or carers", SAID)
    again = (stage.clock.now() + timedelta(days=7)).replace(second=0, microsecond=0)
    await changes(stage, "headteacher", reference, "review", {"change_due": again.isoformat()})
    await closes(stage, "headteacher", reference)

    await stage.never("headteacher", "To be signed off")
    for who, words in (("chair", "in place of the Acting Headteacher"), ("cabot head", "You sign for the Trustees")):
        await stage.expects(who, f"To be signed off: {reference}")
        signing = await stage.press(who, "Look and sign", reference)
        assert isinstance(signing, Dialog)
        holds(signing, words, "Dealt with in school")
        for secret in (*NAMES, STORY, WHY, ENDED):
            assert secret not in signing.shown, secret
        assert await signing.submit() is not None
    holds(await case_of(stage, "headteacher", reference), "State Signed off")
    form, page = await filed(stage, "headteacher", reference)
    holds(form, "E-safety Incident log", "Reported To", "Review Date", "Result of Review")
    holds(form.partition("Signature (Headteacher)")[2], "Chidi Adeyemi", "Signature (Trustee)", "Kit Devlin")
    holds(page, "E-safety Incident log, point 6", "E-safety Incident log, point 7", "Chidi Adeyemi", "Kit Devlin")
    kept_out_of_the_chat(stage)


ELTON: dict[str, str | dict[str, str]] = {"dsl": "headteacher", "class_teacher": {"8C": "brunel head"}}
"""The headteacher is the child protection officer too."""


@at("elton", **ELTON)
async def test_elton_taunts_on_a_site_that_they_are_too_young_for(stage: Stage) -> None:
    """The class teacher has it; the families refuse, and the second time the police may be turned to, as for harassment."""
    reference = await stage.reports("teacher", kind("cyberbullying"), WHO_AND_WHAT)
    holds(await takes_on(stage, "brunel head", reference), "even if it happens at weekends and outside school")
    holds(
        await steps_of(stage, "brunel head", reference),
        "Taunts from pupils of the school",
        "Taunts from pupils too young for the site",
    )
    decided = await decides(stage, "brunel head", reference, "peers_under_age", leaves="own_policy", warn_parents="do")
    holds(decided, "Warn all the parents, the target's too")
    steps = await steps_of(stage, "brunel head", reference)
    grid, officer = (
        "(Cyber Bullying and Sexual Exploitation, point {})",
        "Designated Child Protection Officer (the Headteacher).",
    )
    holds(
        steps,
        f"Definite: Look into it. By: Whoever has the case. {grid.format(6)}",
        f"Definite: Work with the families. By: Whoever has the case. {grid.format(6)}",
        "Possible: Warn all the parents",
        f"Definite: See to it that the child here is protected. By: {officer} {grid.format(2)}",
    )
    harassment = "Possible: Refer it to Cheshire Police Child Protection Team as harassment."
    holds(
        steps.shown.partition("If it happens again")[2],
        harassment,
        f"Only if: Do the families refuse to take part? Yes. {grid.format(7)}",
    )
    await acts(stage, "brunel head", reference, "Look into it.")
    holds(await contacts(stage, "brunel head", reference, "parents", entry_refused="yes"), "Does not want to take part")
    await closes(stage, "brunel head", reference)
    await unsigned(stage, "headteacher", reference)
    form, page = await filed(stage, "headteacher", reference)
    holds(form, "Record of a disclosure or incident", "Where it began", "Advice and referrals", SAID, WHY)
    holds(page, "Child protection guidance, point 2", "csv-myconcern")

    stage.clock.advance(days=21)
    second = await stage.reports("teacher", {**kind("cyberbullying")}, WHO_AND_WHAT)
    await takes_on(stage, "brunel head", second)
    stage.clock.advance(minutes=1)
    await contacts(stage, "brunel head", second, "parents", entry_refused="yes")
    choose = await (await steps_of(stage, "brunel head", second)).press("Decide what to do")
    assert choose is not None
    await choose.fill({"grid_kind": "peers_under_age"})
    decide = await choose.submit()
    assert decide is not None
    holds(decide, "How often The second time")
    assert decide.value("grid_step:harassment") == "leave"
    # They refused, so that the police are no question any more; and what happens on the site may be left to the families.
    holds(
        decide,
        "Refer it to Cheshire Police Child Protection Team as harassment.",
        "Leave what happens on the site to the families",
    )
    assert "Do the families refuse" not in decide.shown
    kept_out_of_the_chat(stage)


@at("elton", **ELTON)
async def test_elton_an_image_goes_out_at_once_and_an_allegation_waits_for_the_lado(stage: Stage) -> None:
    """An image that a child was asked for: police and iART at once. An adult who works there: nothing before the advice."""
    image = await stage.reports("teacher", kind("nude_image"), WHO_AND_WHAT)
    holds(await takes_on(stage, "headteacher", image), "Critical", "straight away", "iART team", "Do not view, copy")
    choose = await (await steps_of(stage, "headteacher", image)).press("Decide what to do")
    assert choose is not None
    await choose.fill({"grid_kind": "asked"})
    decide = await choose.submit()
    assert decide is not None
    # As the policy has it: nobody is asked why.
    referral = "Refer it at once to: iART team and Cheshire Police Child Protection Team."
    decided = await decide.submit()
    assert decided is not None
    holds(decided, referral)
    holds(
        await steps_of(stage, "headteacher", image),
        f"Definite: {referral}",
        "(Cyber Bullying and Sexual Exploitation, point 10)",
    )
    await acts(stage, "headteacher", image, referral)
    holds(await contacts(stage, "headteacher", image, "social_care", entry_reference="iART 17"), "iART team", "iART 17")
    await closes(stage, "headteacher", image, "referred")
    await unsigned(stage, "headteacher", image)

    told: dict[str, Value] = {"perpetrators": ["Norris Nobody"], "what": STORY}
    about = await stage.reports("teacher", kind("staff_conduct", "staff"), told)
    holds(await takes_on(stage, "headteacher", about), "nobody confronts the person or acts before the LADO has advised")
    for other in ("deputy", "brunel head", "it"):
        await stage.never(other, about)
    steps = await steps_of(stage, "headteacher", about)
    holds(
        steps,
        "Ask first: LADO",
        "Child protection guidance, points 3 and 6",
        "Definite: Record the disclosure as the child protection policy asks.",
        "Definite: Take no action against the person, suspension included, before LADO has advised.",
        "Only if: Did a parent tell of it? Yes.",
    )
    contact = await steps.press("Note the contact")
    assert contact is not None
    stage.clock.advance(minutes=1)
    await contact.fill({"entry_outcome": SAID, "entry_reference": "L-77"})
    assert await contact.submit() is not None
    holds(await steps_of(stage, "headteacher", about), "Advice was sought", "L-77")
    await decides(stage, "headteacher", about, "adult_online", leaves="record")
    await acts(stage, "headteacher", about, "Record the disclosure as the child protection policy asks.")
    await closes(stage, "headteacher", about, "referred")
    form, page = await filed(stage, "headteacher", about)
    holds(
        form, "Advice and referrals (LADO, iART team, police, other schools, families)", "L-77", "To be informed outside LADO"
    )
    # More people read a pupil's record in the school's system than may know of this.
    assert "csv-" not in page
    kept_out_of_the_chat(stage)


@at("ken-stimpson", head_of_house={"Brunel": "brunel head"}, senior_leadership="cabot head")
async def test_ken_stimpson_another_students_account(stage: Stage) -> None:
    """The row of the table, tick by tick; whoever looks after the systems has their part, and sees nobody's name for it."""
    reference = await stage.reports("teacher", kind("account_misuse"), WHO_AND_WHAT)
    holds(
        await takes_on(stage, "brunel head", reference),
        "the same, and a further sanction. (7. Response to Incidents, point 11)",
    )
    await stage.expects("it", reference, "Nobody has acknowledged")
    holds(
        await steps_of(stage, "brunel head", reference),
        "Used or tried another student's account",
        "a member of staff's account",
    )
    await decides(stage, "brunel head", reference, "student_account_used", leaves="sanction")
    steps = await steps_of(stage, "brunel head", reference)
    for ticked in (
        "Refer it to: Head of Faculty or Head of House.",
        "Refer it for technical support or a ban: Technical Services Manager.",
        "Inform the parents or carers.",
        "Issue a warning.",
        "Give a further sanction, such as detention or exclusion.",
    ):
        holds(steps, f"Definite: {ticked} By: Whoever has the case. (7. Response to Incidents, point 11)")
    holds(steps, "Definite: Record the incident. By: Whoever has the case. (9. Recording, point 1)")
    now, _, then = steps.shown.partition("If it happens again")
    assert "Police/PCSO" not in now
    holds(then, "Possible: Refer it to: Police/PCSO. By: Whoever has the case. (7. Response to Incidents, point 15)")
    await acts(stage, "brunel head", reference, "Refer it to: Head of Faculty or Head of House.")
    holds(await contacts(stage, "brunel head", reference, "parents"), "Parents/carers", SAID)

    task = await stage.press("it", "Details", reference)
    for secret in (*NAMES, STORY, WHY):
        assert secret not in shown(task), secret
    await closes(stage, "brunel head", reference)
    await stage.press("it", "Acknowledge", reference)
    await stage.expects("it", reference, "Acknowledged by Iga Nowak")
    closing = await stage.press("it", "Close", reference)
    assert isinstance(closing, Dialog)
    await closing.fill({"outcome": "The password is changed"})
    await closing.submit()
    await stage.expects("teacher", f"{reference} is closed")
    await unsigned(stage, "brunel head", reference)
    form, page = await filed(stage, "brunel head", reference)
    holds(form, "Record of an e-Safety incident", "Students and others involved", "Actions and sanctions", WHY, SAID, ENDED)
    holds(page, "All incidents must be recorded", "9. Recording, point 1", "The password is changed")
    kept_out_of_the_chat(stage)


@at("cookridge", senior_leadership="cabot head")
async def test_cookridge_a_parent_abuses_a_teacher(stage: Stage) -> None:
    """The line manager and senior management have it: support, evidence, no answer; the police where it is serious enough."""
    told: dict[str, Value] = {"targets": ["Tess Whitlock"], "perpetrators": ["A mother at the gate"], "what": STORY}
    reference = await stage.reports("teacher", kind("staff_targeted", "parent"), told)
    details = await takes_on(stage, "brunel head", reference)
    holds(
        details,
        "Do not retaliate or engage; keep the evidence.",
        "supports you, looks into it and manages it",
        "(Cyber Bullying, point 17)",
    )
    await stage.never("dsl", reference)
    steps = await steps_of(stage, "brunel head", reference)
    holds(
        steps,
        "Line of the grid Staff as targets",
        "Definite: Do not retaliate, and do not engage with it. By: Whoever reported it. (Cyber Bullying, points 13 and 16)",
        "Definite: Keep the evidence",
        "Definite: See that the person who is bullied is supported. By: Designated line manager. (Cyber Bullying, point 17)",
        "Definite: Contact: Police and Local Authority. By: Designated line manager. Only if: Is it serious enough",
        "Possible: Seek advice, from a union",
    )
    decided = await decides(stage, "brunel head", reference, "bullied", leaves="keep", advice="do")
    holds(decided, "Look into it, and manage it.", "Seek advice, from a union")
    assert "Contact: Police" not in decided.shown
    await acts(stage, "brunel head", reference, "Report it to: Designated line manager or Senior management team.")
    holds(await contacts(stage, "brunel head", reference, "union"), "Union or professional association", SAID)
    await closes(stage, "brunel head", reference)
    await takes_on(stage, "cabot head", reference)
    await closes(stage, "cabot head", reference)
    await stage.expects("teacher", f"{reference} is closed")
    await unsigned(stage, "cabot head", reference)
    form, page = await filed(stage, "brunel head", reference)
    holds(
        form,
        "Record of an incident reported by staff",
        "line manager or senior management team",
        "Tess Whitlock (staff): Target",
        WHY,
    )
    holds(page, "Support and investigation", "Cyber Bullying, point 17", "Police and Local Authority")
    kept_out_of_the_chat(stage)
