"""A pupil moves: their records go to the next school as a sealed page, and its receipt closes the task, on every platform."""

import re

from tests.fakes.sealed_page import open_page
from tests.story.stage import Dialog, Stage
from tests.story.test_story import BULLYING, NAMES, STORY, WHO_AND_WHAT, shown
from tests.story.test_subject_access import PASSPHRASE

NEXT = "Elsewhere School"


async def asked_for(stage: Stage, who: str) -> Dialog | str:
    """Types the command; where a chat opens no form by itself, presses the button that it shows."""
    answer = await stage.command(who, "records handover")
    if isinstance(answer, str) and "against a receipt" in answer:
        return await stage.press(who, "Hand over to the next school", "")
    return answer


async def test_records_go_to_the_next_school(stage: Stage) -> None:
    """The page has the case and no other's name; without its receipt it stands in the list; the chat has no name."""
    reference = await stage.reports("teacher", {**BULLYING, "concern": "grooming"}, WHO_AND_WHAT)
    await stage.expects("dsl", reference)
    form = await asked_for(stage, "dsl")
    assert isinstance(form, Dialog)
    await form.fill({"person": ["Bea Exemplar"], "next_school": NEXT})
    made = await form.submit()
    assert made is not None
    passphrase = PASSPHRASE.search(made.shown)
    assert passphrase is not None
    folder = stage.bot.settings.exports_folder
    assert folder.stat().st_mode & 0o777 == 0o700
    (file,) = folder.iterdir()
    page = open_page(file.read_text(encoding="utf-8"), passphrase.group())
    assert reference in page
    assert STORY in page
    for other in ("Alfie", "Demosson", "Somebody Else", "Whitlock"):
        assert other not in page, other
    receipt = re.search(r"Receipt: tell ([\w-]+) ", page)
    assert receipt is not None
    assert receipt.group(1) != passphrase.group()
    listed = shown(await stage.command("deputy", "records"))
    assert f"{file.name}: handed over on" in listed
    assert "no receipt yet" in listed
    stage.clock.advance(days=14)
    assert "five school days are over" in shown(await stage.command("deputy", "records"))
    await stage.settled()
    for secret in (*NAMES, STORY, NEXT, passphrase.group(), receipt.group(1)):
        assert secret not in stage.raw_chat(), secret


async def test_nobody_else_does(stage: Stage) -> None:
    """They are told who may."""
    assert "decide how long records are kept" in shown(await asked_for(stage, "teacher"))
