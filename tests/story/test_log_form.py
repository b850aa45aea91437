"""A case as the policy's log form: shown in the chat to whoever works it, and taken out as a sealed page with all of it."""

import base64
import csv
import re
from io import BytesIO, StringIO

from pypdf import PdfReader

from tests.fakes.sealed_page import open_page
from tests.story.stage import Dialog, Stage
from tests.story.test_access import looks_up
from tests.story.test_casework import MET, RIGHT, adds, case_of
from tests.story.test_story import BULLYING, NAMES, STORY, WHO_AND_WHAT, shown
from tests.story.test_subject_access import PASSPHRASE

GROOMING = {**BULLYING, "concern": "grooming"}


def saved(page: str, form: str) -> bytes:
    """What a link of the page saves."""
    found = re.search(rf'id="save-{form}"[^>]*href="data:[\w/]+;base64,([\w+/=]+)"', page)
    assert found is not None, form
    return base64.b64decode(found.group(1))


async def log_form(stage: Stage, who: str, reference: str) -> Dialog:
    """From the case to its log form."""
    form = await (await case_of(stage, who, reference)).press("Log form")
    assert form is not None
    return form


async def test_the_lead_takes_the_case_out_as_the_schools_own_record(stage: Stage) -> None:
    """The form has what the policy asks for; the page has it, as a PDF, text and tables too; the chat has no name."""
    reference = await stage.reports("teacher", GROOMING, WHO_AND_WHAT)
    await stage.expects("dsl", reference)
    await stage.press("dsl", "Acknowledge", reference)
    await stage.expects("dsl", reference, "Acknowledged by")
    await adds(await case_of(stage, "dsl", reference), "note", {"entry_text": RIGHT})
    stage.clock.advance(minutes=1)
    await adds(await case_of(stage, "dsl", reference), "contact", {"entry_whom": "parents", "entry_outcome": MET})

    form = await log_form(stage, "dsl", reference)
    for words in ("Roles of participants", STORY, "Bea Exemplar", RIGHT, MET, "Recording Incidents, point 1", "Logged by"):
        assert words in form.shown, words
    made = await form.submit()
    assert made is not None
    found = PASSPHRASE.search(made.shown)
    assert found is not None
    folder = stage.bot.settings.exports_folder
    (file,) = folder.iterdir()
    assert file.name in made.shown
    sealed = file.read_text(encoding="utf-8")
    page = open_page(sealed, found.group())

    assert "Entry for the central Information Management System" in page
    reader = PdfReader(BytesIO(saved(page, "pdf")))
    printed = " ".join(" ".join(leaf.extract_text().split()) for leaf in reader.pages)
    text = saved(page, "text").decode()
    for words in (reference, "Bea Exemplar", "Target", STORY, RIGHT, MET, "Tess Whitlock"):
        assert words in printed, words
        assert words in page, words
        assert words in text, words
    pupils = {name for name in NAMES if name in str(WHO_AND_WHAT)}
    assert pupils
    for kind, who in (("csv-cpoms", "Student"), ("csv-myconcern", "Pupil")):
        rows = list(csv.DictReader(StringIO(saved(page, kind).decode("utf-8-sig"))))
        assert {row["Role"] for row in rows} >= {"Target"}, kind
        assert "Bea Exemplar" in {row[who] for row in rows}, kind

    await made.press("Delete it now")
    assert list(folder.iterdir()) == []
    await stage.settled()
    for secret in (*NAMES, STORY, RIGHT, MET, found.group()):
        assert secret not in stage.raw_chat(), secret
        assert len(secret) < len("Alfie") or secret not in sealed, secret
        assert secret not in file.name
    case = await case_of(stage, "dsl", reference)
    assert "took it out as the log form" in case.shown
    looked = await case.press("Who has looked at this")
    assert looked is not None
    assert "Dana Okafor" in looked.shown


async def test_whoever_has_the_case_can_and_nobody_else(stage: Stage) -> None:
    """A Head of House who has taken it on makes the file and deletes it; before that there is no such button."""
    reference = await stage.reports("teacher", BULLYING, WHO_AND_WHAT)
    await stage.expects("brunel head", reference, channel="brunel-house")
    before = await looks_up(stage, "brunel head", reference)
    assert "Log form" not in shown(before)
    await stage.press("brunel head", "Acknowledge", reference, channel="brunel-house")
    await stage.settled()
    made = await (await log_form(stage, "brunel head", reference)).submit()
    assert made is not None
    assert "Its passphrase" in made.shown
    folder = stage.bot.settings.exports_folder
    assert len(list(folder.iterdir())) == 1
    deleted = await made.press("Delete it now")
    assert deleted is None or "The page is deleted" in deleted.shown
    assert list(folder.iterdir()) == []
    for who in ("teacher", "it", "cabot head", "headteacher"):
        assert "Log form" not in shown(await looks_up(stage, who, reference))
