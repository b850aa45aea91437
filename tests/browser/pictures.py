"""Takes the pictures of the console for README and docs: `python -m tests.browser.pictures`. Everybody in them is invented."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from playwright.async_api import Browser, async_playwright, expect

from tests.browser.conftest import CHROMIUM, QUIETLY, Console
from tests.browser.people import BRUNEL, BRUNEL_HEAD, BULLYING, DSL, SAFEGUARDING, TEACHER, Person
from tests.fakes.clock import FakeClock
from tests.story.slack_stage import import_demo_people
from tests.story.stage import write_school
from tests.story.test_five_policies import ELTON, school
from tests.story.test_subject_access import PASSPHRASE

PICTURES = Path(__file__).parents[2] / "docs" / "images"
LOOK: Mapping[str, Any] = {"width": 1200, "height": 800, "device_scale_factor": 2}
STORY = "Bea showed me messages from a group chat of 8C. Alfie has posted jokes about her every day this week."
TALL: Mapping[str, Any] = {**LOOK, "height": 1100}
QUEUE = ("grooming", "sextortion")
RISKS = (
    ("Pupils borrow laptops, and at home nothing is filtered", "4", "4"),
    ("A supply teacher is given somebody else's account", "3", "3"),
    ("The old tablets of Year 7 get no more updates", "2", "5"),
)


STRANGER = "A mother at the gate"


@dataclass(frozen=True, slots=True)
class Told:
    """An incident as the story of that policy has it, the roles that it takes, who is alerted, and the line they choose."""

    concern: str
    taker: str
    roles: Mapping[str, Any]
    line: str = ""
    about: str = "pupil"
    named: tuple[str, str] = ("Bea Exemplar", "Alfie Demosson")


OTHERS = {
    "chipping-sodbury": Told(
        "hacking", DSL, {"head_of_house": {"Brunel": "brunel head"}, "senior_leadership": "headteacher"}, "hacked"
    ),
    "ken-stimpson": Told(
        "account_misuse",
        BRUNEL_HEAD,
        {"head_of_house": {"Brunel": "brunel head"}, "senior_leadership": "cabot head"},
        "student_account_used",
    ),
    "cookridge": Told("staff_targeted", BRUNEL_HEAD, {"senior_leadership": "cabot head"}, "", "parent", (TEACHER, STRANGER)),
    "elton": Told("cyberbullying", BRUNEL_HEAD, ELTON, "peers_under_age"),
}


async def main() -> None:
    """A teacher reports, a Head of House acknowledges, the safeguarding lead looks at the queue."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory() as folder, TemporaryDirectory() as elsewhere, TemporaryDirectory() as asked:
        async with async_playwright() as playwright:
            chromium = await playwright.chromium.launch(executable_path=CHROMIUM, args=QUIETLY)
            clock = FakeClock()
            console = Console(chromium, Path(folder), clock)
            await console.start()
            await _walk(console, clock)
            await _queue(console, clock)
            await _changes(console, clock)
            await _register(console)
            await _requests(console)
            await _signs(console)
            await _answers(console)
            await console.close()
            await console.stop()
            await _danecourt(chromium, Path(elsewhere))
            for policy, story in OTHERS.items():
                with TemporaryDirectory() as theirs:
                    await _steps(chromium, Path(theirs), policy, story)
            await _survey(chromium, Path(asked))
            await chromium.close()


async def _walk(console: Console, clock: FakeClock) -> None:
    teacher = await console.open(TEACHER, **LOOK)
    head = await console.open(BRUNEL_HEAD, f"channel:{BRUNEL}", **LOOK)
    await _hide_guide(teacher, head)

    await teacher.says("report")
    await teacher.control("concern").select_option(BULLYING["concern"])
    for field in ("about", "danger"):
        await teacher.field(field).locator(f".option:has(input[value={BULLYING[field]}])").click()
    await _take(teacher, "console-report-1")
    await teacher.sends()
    await teacher.form("report_detail").wait_for()
    await teacher.names("targets", "be", "Bea Exemplar")
    await teacher.control("perpetrators").press_sequentially("al")
    await expect(teacher.field("perpetrators").get_by_role("option", name="Alfie Demosson")).to_be_visible()
    await _take(teacher, "console-report-2")
    await teacher.field("perpetrators").get_by_role("option", name="Alfie Demosson").click()
    await teacher.control("what").fill(STORY)
    for asked in ("repeat", "illegal"):
        if await teacher.field(asked).count():
            await teacher.field(asked).locator("input[value=no]").click()
    await teacher.sends()
    reference = await teacher.closes_receipt()

    await expect(head.message(reference)).to_contain_text("Nobody has acknowledged")
    await _take(head, "console-alert")
    await head.message(reference).locator("[data-action=details]").click()
    await head.form("case").wait_for()
    await _take(head, "console-case")
    await head.leaves()
    clock.advance(minutes=4)
    await head.message(reference).locator("[data-action=acknowledge]").click()
    await expect(head.note).to_contain_text("is yours now")
    await expect(head.message(reference)).to_contain_text("Acknowledged by")
    await head.note.get_by_role("button", name="Dismiss").click()
    await _take(head, "console-acknowledged")


async def _queue(console: Console, clock: FakeClock) -> None:
    lead = await console.open(DSL, **{**LOOK, "height": 1300})
    teacher = await console.open(TEACHER, **LOOK)
    await _hide_guide(lead, teacher)
    for concern in QUEUE:
        reference = await teacher.reports(STORY, {**BULLYING, "concern": concern})
        await expect(lead.message(reference)).to_contain_text("Nobody has acknowledged")
        clock.advance(minutes=3)
    await lead.message(reference).locator("[data-action=acknowledge]").click()
    await expect(lead.note).to_contain_text("is yours now")
    await lead.note.get_by_role("button", name="Dismiss").click()
    # The first of them is late by now.
    clock.advance(minutes=10)
    newest = await teacher.reports(STORY, {**BULLYING, "concern": "harmful_content"})
    await expect(lead.message(newest)).to_contain_text("Nobody has acknowledged")
    await lead.says("queue")
    await expect(lead.note).to_contain_text("With you")
    await _take(lead, "console-queue")


async def _opens(person: Person, reference: str) -> None:
    await person.types(f"/esafety case {reference}")
    await person.form("case").wait_for()


async def _takes(person: Person, reference: str) -> None:
    await person.message(reference).locator("[data-action=acknowledge]").click()
    await expect(person.message(reference)).to_contain_text("Acknowledged by")


async def _changes(console: Console, clock: FakeClock) -> None:
    """The case turns out to be something else."""
    clock.advance(days=6)
    lead = await console.open(DSL, **LOOK)
    teacher = await console.open(TEACHER, **LOOK)
    await _hide_guide(lead, teacher)
    reference = await teacher.reports(STORY)
    await _opens(lead, reference)
    await lead.presses("Change the case", "change_kind")
    await lead.chooses("change_kind", "reclassify")
    await lead.sends()
    await lead.form("change_case_form").wait_for()
    await lead.chooses("change_concern", "threat")
    await lead.control("change_reason").fill("One of the messages says what will happen to her on Friday.")
    await _take(lead, "console-change")


async def _register(console: Console) -> None:
    """The register of risks, with its matrix."""
    lead = await console.open(DSL, **TALL)
    await _hide_guide(lead)
    for risk, likelihood, impact in RISKS:
        await lead.types("/esafety register")
        await lead.dialog.get_by_role("button", name="Open: Risk register").click()
        await lead.form("register").wait_for()
        await lead.presses("Add a line", "record_form")
        await lead.control("reg_risk").fill(risk)
        await lead.chooses("reg_likelihood", likelihood)
        await lead.chooses("reg_impact", impact)
        await lead.names("reg_owner", "iga", "Iga Nowak")
        await lead.control("reg_mitigation").fill("The school's filter goes with each device")
        await lead.control("reg_review").fill("2027-01-12T10:00")
        await lead.sends()
        await lead.form("record").wait_for()
        await lead.leaves()
    await lead.types("/esafety register")
    await lead.dialog.get_by_role("button", name="Open: Risk register").click()
    await lead.form("register").wait_for()
    await _take(lead, "console-register")


async def _requests(console: Console) -> None:
    """What can be asked for, a site for a lesson as whoever decides reads it, and the answer that knows it."""
    teacher, head = await console.open(TEACHER, **TALL), await console.open("Kit Devlin", **TALL)
    await _hide_guide(teacher, head)
    await teacher.types("/esafety request")
    await teacher.form("requests").wait_for()
    await _take(teacher, "console-requests")
    await teacher.presses("Unblock a website for a lesson", "submission_form")
    await teacher.control("req_site").fill("example.org/maps")
    await teacher.control("req_why").fill("Year 8 compare old maps of the town with what they see on their way to school.")
    for field, moment in (("req_since", "2026-12-02T10:00"), ("req_until", "2026-12-02T11:00")):
        await teacher.control(field).fill(moment)
    await teacher.sends()
    await teacher.form("submission").wait_for()
    await teacher.leaves()
    asked = head.message("waits for your answer")
    await asked.get_by_role("button", name="Read").click()
    await head.form("submission").wait_for()
    await head.chooses("submission_answer", "granted")
    await _take(head, "console-request")
    await head.sends()
    await head.form("submission").wait_for()
    await head.leaves()
    await teacher.types("/esafety ask can I get a website unblocked for my lesson?")
    await expect(teacher.note).to_contain_text("You were given leave")
    await _take(teacher, "console-answer-leave")


async def _signs(console: Console) -> None:
    """What staff sign, who has not, whether a pupil may be shown, and what the year brings."""
    teacher, lead = await console.open(TEACHER, **TALL), await console.open(DSL, **TALL)
    await _hide_guide(teacher, lead)
    await teacher.types("/esafety sign")
    await teacher.form("to_sign").wait_for()
    await teacher.presses("Read and sign", "agreement")
    await _take(teacher, "console-sign")
    await teacher.sends()
    await teacher.form("agreement").wait_for()
    await teacher.leaves()
    await lead.types("/esafety sign")
    await lead.form("to_sign").wait_for()
    await lead.presses("Show the list: Staff acceptable use agreement", "unsigned")
    await _take(lead, "console-unsigned")
    await lead.leaves()
    await lead.types("/esafety calendar")
    await lead.form("calendar").wait_for()
    await _take(lead, "console-calendar")
    await lead.leaves()
    await lead.types("/esafety consent")
    await lead.form("consent").wait_for()
    await lead.names("consent_pupil", "be", "Bea Exemplar")
    await lead.control("consent_use").select_option("website")
    await lead.sends()
    await lead.dialog.get_by_text("Do not publish").first.wait_for()
    await _take(lead, "console-consent")


async def _survey(chromium: Browser, folder: Path) -> None:
    """What pupils see of a survey on a phone, and what a lead sees of it once some have answered."""
    clock, places = FakeClock(), {SAFEGUARDING: SAFEGUARDING, BRUNEL: BRUNEL}
    on = {"surveys": {"address": "http://127.0.0.1:3978"}}
    console = Console(chromium, folder, clock, schools=write_school(folder / "schools", "console", places, None, on))
    await console.start()
    await import_demo_people(console.bot, clock)
    lead = await console.open(DSL, **TALL)
    await _hide_guide(lead)
    await lead.types("/esafety survey")
    await lead.form("surveys").wait_for()
    await lead.presses("Open Being safe online", "survey_opening")
    await lead.sends()
    await lead.form("survey").wait_for()
    path = (await lead.dialog.get_by_text("/survey/").first.inner_text()).partition("/survey/")[2]
    phone = await chromium.new_context(viewport={"width": 390, "height": 844}, device_scale_factor=2, locale="en-GB")
    page = await phone.new_page()
    for n in range(23):
        await page.goto(f"{console.bot.address}/survey/{path}")
        if n == 0:
            await page.screenshot(path=PICTURES / "survey-page.png")
        for number, question in enumerate(await page.get_by_role("group").all()):
            await question.get_by_role("radio").nth((n * (number + 1)) % 3 % 2).check()
        await page.get_by_role("button").click()
    await phone.close()
    await lead.leaves()
    await lead.types("/esafety survey")
    await lead.form("surveys").wait_for()
    await lead.dialog.get_by_role("button", name="Look at Being safe online").click()
    await lead.form("survey").wait_for()
    await _take(lead, "console-survey")
    await console.close()
    await console.stop()


async def _danecourt(chromium: Browser, folder: Path) -> None:
    """At a school whose policy has a form with two signatures: what it says, a phone, the end, the child, the form."""
    clock, places = FakeClock(), {SAFEGUARDING: SAFEGUARDING, BRUNEL: BRUNEL}
    written = school("danecourt", esafety_officer="dsl", governors="cabot head") | {"name": "Danecourt School (demo)"}
    console = Console(chromium, folder, clock, schools=write_school(folder / "schools", "console", places, None, written))
    await console.start()
    await import_demo_people(console.bot, clock)
    lead = await console.open(DSL, **TALL)
    teacher = await console.open(TEACHER, **LOOK)
    head = await console.open("Helen Pemberton", **LOOK)
    await _hide_guide(lead, teacher, head)
    reference = await teacher.reports(STORY)
    await _takes(lead, reference)
    await _opens(lead, reference)
    await lead.presses("What the policy says", "steps_page")
    await _take(lead, "console-steps")
    await lead.leaves()

    clock.advance(minutes=5)
    await _opens(lead, reference)
    await lead.presses("Add to the case", "entry_kind")
    await lead.chooses("entry_kind", "confiscation")
    await lead.sends()
    await lead.form("entry").wait_for()
    await lead.control("entry_item").fill("A black phone with a cracked corner")
    await lead.chooses("entry_from", "Alfie Demosson (Alleged to have done it)")
    await lead.control("entry_place").fill("Locked drawer in the office")
    # Lower, so that the field for the moment, which a browser draws in its own language, is not in the picture.
    await lead.page.set_viewport_size({"width": 1200, "height": 720})
    await _take(lead, "console-confiscation")
    await lead.page.set_viewport_size({"width": 1200, "height": 1100})
    await lead.sends()
    await lead.form("timeline_page").wait_for()
    clock.advance(minutes=5)
    await lead.presses("Add to the case", "entry_kind")
    await lead.chooses("entry_kind", "contact")
    await lead.sends()
    await lead.form("entry").wait_for()
    await lead.chooses("entry_whom", "parents")
    await lead.control("entry_outcome").fill("His father will look at it with him tonight")
    await lead.sends()
    await lead.form("timeline_page").wait_for()
    await lead.leaves()

    clock.advance(minutes=5)
    await lead.message(reference).locator("[data-action=close]").click()
    await lead.form("close_case").wait_for()
    await lead.chooses("result", "dealt_with")
    await lead.control("outcome").fill("Both families have been in. He has taken it down, and has said sorry to her.")
    await lead.sends()
    await lead.dialog.get_by_text("is closed").wait_for()
    await lead.leaves()
    await expect(head.message("To be signed off")).to_be_visible()
    await head.message("To be signed off").get_by_role("button", name="Look and sign").click()
    await head.form("sign_form").wait_for()
    await _take(head, "console-sign-off")
    await head.presses("Send back", "send_back_form")
    await head.control("change_reason").fill("It does not say yet what his father was told, nor who looks at it again.")
    await head.page.set_viewport_size({"width": 1200, "height": 640})
    await _take(head, "console-send-back")
    clock.advance(days=6)
    again = await teacher.reports(STORY)
    await _opens(lead, again)
    await lead.presses("Chronology: Alfie Demosson", "chronology_page")
    await _take(lead, "console-chronology")
    await lead.leaves()
    await _opens(lead, reference)
    await lead.presses("Log form", "log_form")
    await lead.sends()
    made = lead.dialog.get_by_text(PASSPHRASE)
    await made.wait_for()
    passphrase = PASSPHRASE.search(await made.inner_text())
    assert passphrase
    (file,) = console.bot.settings.exports_folder.iterdir()
    page = await lead.page.context.new_page()
    await page.goto(file.as_uri())
    await page.get_by_label("Passphrase").fill(passphrase.group())
    await page.get_by_role("button", name="Open").click()
    await page.get_by_role("heading", name="E-safety Incident log").evaluate("(heading) => heading.scrollIntoView()")
    await _take(Person(page), "log-form-page")
    await console.close()
    await console.stop()


ASKED = {
    "answer": "Can I accept a follow request from a pupil on my private Insta?",
    "fact": "can i friend an ex-pupil?",
    "permission": "Can I use my own iPad on the school wifi?",
    "silent": "Are pupils allowed to wear a smartwatch in an exam?",
    "grave": "A boy in my form is passing round a nude photo of a girl in Year 9, what do I do?",
    "unsure": "what about photos",
}


async def _answers(console: Console) -> None:
    """A teacher asks about the policy: a rule, the one fact that is missing, what the policy does not say, other readings."""
    for name, question in ASKED.items():
        teacher = await console.open(TEACHER, **{**LOOK, "height": 1000})
        await _hide_guide(teacher)
        said = teacher.page.locator("#log [data-message]")
        before = await said.count()
        box = teacher.page.locator("#text")
        await box.fill(question)
        await box.press("Enter")
        await expect(said).to_have_count(before + 2)
        await said.last.evaluate("(message) => message.scrollIntoView({ block: 'end' })")
        await _take(teacher, f"console-answer-{name}")


async def _steps(chromium: Browser, folder: Path, policy: str, told: Told) -> None:
    """What a policy says to do about an incident of its own story."""
    clock, places = FakeClock(), {SAFEGUARDING: SAFEGUARDING, BRUNEL: BRUNEL}
    written = school(policy, **told.roles)
    console = Console(chromium, folder, clock, schools=write_school(folder / "schools", "console", places, None, written))
    await console.start()
    await import_demo_people(console.bot, clock)
    teacher = await console.open(TEACHER, **LOOK)
    taker = await console.open(told.taker, **TALL)
    await _hide_guide(teacher, taker)
    await teacher.begins({"concern": told.concern, "about": told.about, "danger": "no"})
    for field, name in zip(("targets", "perpetrators"), told.named, strict=True):
        # Half a name finds who is on the list; who is not is typed in full, and is the only one offered.
        await teacher.names(field, name if name == STRANGER else name[:5], name)
    await teacher.control("what").fill(STORY)
    await teacher.sends()
    reference = await teacher.closes_receipt()
    await _takes(taker, reference)
    await _opens(taker, reference)
    await taker.presses("What the policy says", "steps_page")
    if told.line:
        await taker.presses("Decide what to do", "decision_kind")
        await taker.chooses("grid_kind", told.line)
        await taker.sends()
        await taker.form("decision_steps").wait_for()
    await _take(taker, f"console-steps-{policy}")
    await console.close()
    await console.stop()


async def _hide_guide(*people: Person) -> None:
    for person in people:
        await person.page.locator("#guide-close").click()


async def _take(person: Person, name: str) -> None:
    await person.page.mouse.move(0, 0)
    await person.page.evaluate("document.activeElement?.matches('#text') && document.activeElement.blur()")
    await person.page.evaluate("Promise.all(document.getAnimations().map((moving) => moving.finished))")
    file = PICTURES / f"{name}.png"
    await person.page.screenshot(path=file, caret="hide")
    print(f"{file.relative_to(Path.cwd())}  {file.stat().st_size // 1000} kB")


if __name__ == "__main__":
    asyncio.run(main())
