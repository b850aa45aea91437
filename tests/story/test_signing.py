"""What staff sign, on every platform: a new teacher's first day, a new version, reminders that stop, and who has not signed."""

from dataclasses import replace
from datetime import timedelta

from domain.people import Kind, Person
from domain.signings import MOST_REMINDERS
from handlers.agreements import look, ring
from storage.store import Store
from tests.fakes.sealed_page import open_page
from tests.story.stage import Dialog, Stage
from tests.story.test_requests import after
from tests.story.test_subject_access import PASSPHRASE

TEACHER = "Tess Whitlock"
AGREEMENT, READING, TRAINING = (
    "Staff acceptable use agreement",
    "The E-Safety and Social Media Procedure",
    "Online-safety training",
)


async def comes_round(stage: Stage) -> int:
    """What the bot does by itself: it asks whoever has something new to sign, and tells who is due. Of how many people."""
    (school,) = stage.bot.schools.values()
    ports = stage.bot.worker.ports
    await look(ports, school)
    told = await ring(ports, school)
    # They go out one after the other through the minute.
    stage.clock.advance(minutes=1)
    return told


async def to_sign(stage: Stage, who: str) -> Dialog:
    """Types the command, and comes to the page; where a chat opens no dialog by itself, by the button it shows."""
    answer = await stage.command(who, "sign")
    return answer if isinstance(answer, Dialog) else await after(await stage.press(who, "Show what is to be signed", ""))


async def signs_all(stage: Stage, who: str) -> None:
    """Signs what there is."""
    page = await after(await (await to_sign(stage, who)).press("Read and sign"))
    assert "have signed it" in (await after(await page.submit())).shown
    page = await after(await (await to_sign(stage, who)).press("Read and confirm"))
    assert "read and understood" in (await after(await page.submit())).shown
    page = await after(await (await to_sign(stage, who)).press("Say that you were there"))
    await page.fill({"agreement_done": stage.clock.now().isoformat()})
    assert "you were there" in (await after(await page.submit())).shown


async def test_a_new_teachers_first_day(stage: Stage) -> None:
    """They are told what to sign, read and attend; they do, and are told that all is done. The lead sees who is left."""
    await comes_round(stage)
    message = await stage.expects("teacher", "Please read and sign", AGREEMENT, READING, TRAINING)
    assert "By " in message
    menu = await to_sign(stage, "teacher")
    assert AGREEMENT in menu.shown
    page = await after(await menu.press("Read and sign"))
    assert "keep my password to myself" in page.shown
    assert "What is kept: your name, the time, the version and a fingerprint" in page.shown
    signed = await after(await page.submit())
    assert "You have signed it" in signed.shown
    assert "May 2022" in signed.shown
    await stage.expects("teacher", f"Please read and sign: {READING} and {TRAINING}", "By 8 December 2026")

    page = await after(await (await to_sign(stage, "teacher")).press("Read and confirm"))
    await page.submit()
    page = await after(await (await to_sign(stage, "teacher")).press("Say that you were there"))
    assert set((await after(await page.submit())).errors) == {"agreement_done"}
    page = await after(await (await to_sign(stage, "teacher")).press("Say that you were there"))
    await page.fill({"agreement_done": (stage.clock.now() + timedelta(days=2)).isoformat()})
    assert set((await after(await page.submit())).errors) == {"agreement_done"}
    await page.fill({"agreement_done": (stage.clock.now() - timedelta(days=500)).isoformat()})
    assert set((await after(await page.submit())).errors) == {"agreement_done"}
    await page.fill({"agreement_done": (stage.clock.now() - timedelta(days=1)).isoformat()})
    assert "It is kept that you were there" in (await after(await page.submit())).shown
    await stage.expects("teacher", "All of it is signed")
    assert "There is nothing for you to sign now" in (await to_sign(stage, "teacher")).shown

    lists = await to_sign(stage, "dsl")
    assert f"{AGREEMENT}: 7 of 8 have not." in lists.shown
    page = await after(await lists.press(f"Show the list: {AGREEMENT}"))
    assert "Maja Lindqvist" in page.shown
    assert TEACHER not in page.shown
    assert "Who has signed" not in (await to_sign(stage, "teacher")).shown


async def test_reminders_are_gentle_and_stop(stage: Stage) -> None:
    """Three times in all, five school days apart, and then no more; whoever leads may have them told once more."""
    assert await comes_round(stage) == 8
    assert await comes_round(stage) == 0
    for told in range(2, MOST_REMINDERS + 1):
        stage.clock.advance(days=7)
        assert await comes_round(stage) == 8
        await stage.expects("teacher", "Still to be signed", "last reminder" if told == MOST_REMINDERS else AGREEMENT)
    for _ in range(4):
        stage.clock.advance(days=14)
        assert await comes_round(stage) == 0

    page = await after(await (await to_sign(stage, "headteacher")).press(f"Show the list: {AGREEMENT}"))
    assert "late, since" in page.shown
    page = await after(await page.press("Remind them once more"))
    assert "Reminded once more: 8" in page.shown
    assert await comes_round(stage) == 8
    stage.clock.advance(hours=1)
    page = await after(await page.press("Remind them once more"))
    assert "nobody is reminded now" in page.shown
    assert await comes_round(stage) == 0


async def test_a_new_version_asks_everybody_again_and_so_does_a_year(stage: Stage) -> None:
    """What was signed counts for its version; training counts for a year, and is asked for again four weeks before."""
    await signs_all(stage, "teacher")
    await comes_round(stage)
    await stage.never("teacher", "Please read and sign")

    (school,) = stage.bot.schools.values()
    agreement = replace(school.policy.agreements["acceptable-use"], version="May 2027", changes=("Phones stay in the office.",))
    policy = replace(school.policy, agreements={**school.policy.agreements, agreement.id: agreement})
    stage.clock.advance(days=343)
    await comes_round(stage)
    await stage.expects("teacher", "Please read and sign: Online-safety training")
    assert AGREEMENT not in stage.sees("teacher")[-1]
    page = await to_sign(stage, "teacher")
    assert "Once more by" in page.shown
    anew = replace(school, policy=policy)
    await look(stage.bot.worker.ports, anew)
    assert await ring(stage.bot.worker.ports, anew) >= 1


async def test_who_was_at_a_training_is_entered_by_whoever_keeps_the_list(stage: Stage) -> None:
    """The lead enters two of the staff, and whoever was entered is shown by whom."""
    await comes_round(stage)
    page = await after(await (await to_sign(stage, "dsl")).press(f"Show the list: {TRAINING}"))
    form = await after(await page.press("Enter who was there"))
    assert "agreement_done" in (await after(await form.submit())).errors
    when = (stage.clock.now() - timedelta(days=1)).isoformat()
    await form.fill({"agreement_done": when})
    assert set((await after(await form.submit())).errors) == {"agreement_attended"}
    await form.fill({"agreement_attended": ["Kit Devlin", TEACHER], "agreement_done": when})
    page = await after(await form.submit())
    assert "Entered: 2" in page.shown
    assert TEACHER not in page.shown
    page = await after(await (await to_sign(stage, "teacher")).press("Read it again"))
    assert "whoever keeps the list" in page.shown


async def test_a_person_who_joins_later_is_asked_when_they_join(stage: Stage) -> None:
    """Somebody new on the staff list is asked at the next look, and nobody else a second time."""
    assert await comes_round(stage) == 8
    (school,) = stage.bot.schools.values()
    async with Store(stage.bot.database).transaction(school) as records:
        await records.save_people(
            [("r.castle@demo.example", Person("robin", Kind.STAFF, "Robin Castle", "r.castle@demo.example"), True)]
        )
    assert await comes_round(stage) == 1


async def test_who_has_signed_is_taken_out(stage: Stage) -> None:
    """Who leads takes the register of an agreement to a meeting, as a sealed page; nothing of it stands in the chat."""
    page = await after(await (await to_sign(stage, "teacher")).press("Read and sign"))
    await page.submit()
    lists = await after(await (await to_sign(stage, "headteacher")).press(f"Show the list: {AGREEMENT}"))
    made = await after(await lists.press("Take it out"))
    passphrase = PASSPHRASE.search(made.shown)
    assert passphrase is not None
    (file,) = stage.bot.settings.exports_folder.iterdir()
    opened = open_page(file.read_text(encoding="utf-8"), passphrase.group())
    for words in (TEACHER, "has signed May 2022, on 24 November 2026", "Maja Lindqvist", "has not"):
        assert words in opened, words
    await stage.settled()
    assert passphrase.group() not in stage.raw_chat()
