"""What is held about one person, as those who answer for the records take it out: a sealed page, its passphrase shown once."""

import re

from bot.exports import sweep_folder
from bot.replies import Tell
from domain.people import Account, Platform, Standing
from storage.store import Store
from tests.fakes.sealed_page import data_of, open_page
from tests.story.stage import CAST, Dialog, Stage
from tests.story.test_story import BULLYING, NAMES, STORY, WHO_AND_WHAT, shown

PASSPHRASE = re.compile(r"\b[A-Z0-9]{4}(?:-[A-Z0-9]{4}){4}\b")
TYPED = f"{STORY}; Alfie wrote <b>that</b> to Bea"


async def asked_for(stage: Stage, who: str) -> Dialog | str:
    """Types the command; where a chat opens no form by itself, presses the button that it shows."""
    answer = await stage.command(who, "records subject")
    if isinstance(answer, str) and "you get a sealed page" in answer.casefold():
        return await stage.press(who, "What is held about a person", "")
    return answer


async def test_the_lead_takes_out_what_is_held_about_a_pupil(stage: Stage) -> None:
    """Picked from the list; the page opens with the passphrase, and others are letters in its answer; the chat has no name."""
    reference = await stage.reports("teacher", {**BULLYING, "concern": "grooming"}, {**WHO_AND_WHAT, "what": TYPED})
    await stage.expects("dsl", reference)
    form = await asked_for(stage, "dsl")
    assert isinstance(form, Dialog)
    again = await form.submit()
    assert again is not None
    assert again.errors
    await again.fill({"person": ["Bea Exemplar"]})
    made = await again.submit()
    assert made is not None
    found = PASSPHRASE.search(made.shown)
    assert found is not None
    folder = stage.bot.settings.exports_folder
    assert folder.stat().st_mode & 0o777 == 0o700
    (file,) = folder.iterdir()
    assert file.name in made.shown
    assert file.stat().st_mode & 0o777 == 0o600

    end = "24 December 2026"
    assert f"It is deleted from the server on {end}" in made.shown
    sealed = file.read_text(encoding="utf-8")
    assert f"deletes its copy on {end}" in sealed
    page = open_page(sealed, found.group())
    answer = page.partition("2. The answer")[2]
    assert reference in answer
    assert "[person A] wrote &lt;b&gt;that&lt;/b&gt; to Bea" in answer
    assert "Bea Exemplar" in answer
    assert "Alfie" in page.partition("2. The answer")[0]
    for other in ("Alfie", "Demosson", "Somebody Else", "Whitlock"):
        assert other not in answer, other
        assert other not in str(data_of(page)), other
    await stage.settled()
    for secret in (*NAMES, STORY, found.group()):
        assert secret not in stage.raw_chat(), secret
        # Three letters in a row come up in any cipher.
        assert len(secret) < len("Alfie") or secret not in sealed, secret
        assert secret not in file.name, secret


async def test_nobody_else_does(stage: Stage) -> None:
    """A teacher and a head of house are told who may."""
    for who in ("teacher", "brunel head"):
        assert "decide how long records are kept" in shown(await asked_for(stage, who))


async def test_the_page_is_deleted_by_whoever_made_it_or_by_the_clock(stage: Stage) -> None:
    """The list says until when it lies there; a press keeps it longer or deletes it; nobody else hears of it."""
    reference = await stage.reports("teacher", {**BULLYING, "concern": "grooming"}, WHO_AND_WHAT)
    await stage.expects("dsl", reference)
    folder, desk = stage.bot.settings.exports_folder, next(iter(stage.bot.desks.values()))
    first, second = await taken_out(stage), await taken_out(stage)
    listed = shown(await stage.command("dsl", "records"))
    assert f"{first}: made on" in listed
    assert "deleted on 24 December 2026" in listed
    assert first not in shown(await stage.command("deputy", "records"))
    stage.clock.advance(days=29)
    await stage.command("dsl", "records")
    after = await desk.records.press(await account(stage, "dsl"), "keep_page", await page_id(stage, first))
    assert isinstance(after, Tell)
    stage.clock.advance(days=2)
    assert (await sweep_folder(desk.ports, desk.school, folder)).ended == 1
    assert [f.name for f in folder.iterdir()] == [first]
    listed = shown(await stage.command("dsl", "records"))
    assert f"{second}: made on" in listed
    assert "its time was over" in listed
    await desk.records.press(await account(stage, "dsl"), "drop_page", await page_id(stage, first))
    assert list(folder.iterdir()) == []
    assert "you had it deleted" in shown(await stage.command("dsl", "records"))


async def taken_out(stage: Stage) -> str:
    """Makes a page about a pupil; its name."""
    form = await asked_for(stage, "dsl")
    assert isinstance(form, Dialog)
    await form.fill({"person": ["Bea Exemplar"]})
    made = await form.submit()
    assert made is not None
    found = re.search(r"CSS-[\w-]+\.html", made.shown)
    assert found is not None
    return found.group()


async def page_id(stage: Stage, file: str) -> str:
    """What the buttons beside a page carry."""
    school = next(iter(stage.bot.schools.values()))
    async with Store(stage.bot.database).transaction(school, write=False) as records:
        return next(page.id for page in await records.pages([file]) if page.file == file)


async def account(stage: Stage, who: str) -> Account:
    """Somebody as the desk is given them."""
    school = next(iter(stage.bot.schools.values()))
    async with Store(stage.bot.database).transaction(school, write=False) as records:
        person = (await records.staff()).by_email(CAST[who])
    assert person is not None
    return Account(Platform.CONSOLE, person.id, person.email, person.name, person.id, Standing.MEMBER)
