"""Takes the pictures of the console for README and docs: `python -m tests.browser.pictures`. Everybody in them is invented."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from playwright.async_api import async_playwright, expect

from tests.browser.conftest import CHROMIUM, QUIETLY, Console
from tests.browser.people import BRUNEL, BRUNEL_HEAD, BULLYING, DSL, TEACHER, Person
from tests.fakes.clock import FakeClock

PICTURES = Path(__file__).parents[2] / "docs" / "images"
LOOK: Mapping[str, Any] = {"width": 1200, "height": 800, "device_scale_factor": 2}
STORY = "Bea showed me messages from a group chat of 8C. Alfie has posted jokes about her every day this week."
QUEUE = ("grooming", "sextortion")


async def main() -> None:
    """A teacher reports, a Head of House acknowledges, the safeguarding lead looks at the queue."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory() as folder:
        async with async_playwright() as playwright:
            chromium = await playwright.chromium.launch(executable_path=CHROMIUM, args=QUIETLY)
            clock = FakeClock()
            console = Console(chromium, Path(folder), clock)
            await console.start()
            await _walk(console, clock)
            await _queue(console, clock)
            await _answers(console)
            await console.close()
            await console.stop()
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
    lead = await console.open(DSL, **LOOK)
    teacher = await console.open(TEACHER, **LOOK)
    await _hide_guide(lead, teacher)
    for concern in QUEUE:
        reference = await teacher.reports(STORY, {**BULLYING, "concern": concern})
        await expect(lead.message(reference)).to_contain_text("Nobody has acknowledged")
        clock.advance(minutes=3)
    await lead.message(reference).locator("[data-action=acknowledge]").click()
    await expect(lead.note).to_contain_text("is yours now")
    await lead.note.get_by_role("button", name="Dismiss").click()
    await lead.says("queue")
    await expect(lead.note).to_contain_text("With you")
    await _take(lead, "console-queue")


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
