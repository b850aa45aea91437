"""A lead looks through a queue that is longer than a page; nobody sees or counts what is not theirs."""

import re
from datetime import timedelta
from uuid import uuid4

from domain.people import Account, Platform, Standing
from domain.report_form import DetailQuestions
from handlers import report
from handlers.report import Reported
from tests.story.stage import CAST, Dialog, Stage, Value
from tests.story.test_casework import adds, case_of
from tests.story.test_story import BULLYING, NAMES, STORY, WHO_AND_WHAT, shown

WHAT = "They were sent it in a message and told nobody"


async def reported(stage: Stage, count: int, concern: str = "harmful_content", **details: str | tuple[str, ...]) -> list[str]:
    """So many reports of a teacher, a minute after one another; their references."""
    ports, school = stage.bot.desks["chipping-sodbury"].ports, stage.bot.desks["chipping-sodbury"].school
    async with ports.store.transaction(school, write=False) as records:
        teacher = (await records.staff()).by_email(CAST["teacher"])
    assert teacher is not None
    account = Account(Platform(stage.platform), "U-reports", teacher.email, teacher.name, teacher.id, Standing.MEMBER)
    found = []
    for _ in range(count):
        draft = str(uuid4())
        kind = {"concern": concern, "about": "pupil", "danger": "no"}
        assert isinstance(await report.choose_kind(ports, school, account, draft, kind), DetailQuestions)
        filled = {"what": WHAT, "repeat": "no", "illegal": "no", "targets": ("text:Bea Exemplar",), **details}
        outcome = await report.submit(ports, school, account, draft, filled)
        assert isinstance(outcome, Reported), outcome
        found.append(outcome.incident.reference)
        stage.clock.advance(minutes=1)
    await stage.settled()
    return found


def listed(page: Dialog | str) -> list[str]:
    """The references on a page, in order."""
    return list(dict.fromkeys(re.findall(r"CSS-2026-\d+", shown(page))))


async def pressed(page: Dialog, label: str) -> Dialog:
    """What is open after a button."""
    after = await page.press(label)
    assert after is not None
    return after


async def test_a_long_queue_is_paged_and_what_is_answered_meanwhile_moves_nothing(stage: Stage) -> None:
    """Ten lines a page: while one is answered on the first page, the second begins where it did."""
    references = await reported(stage, 13)
    queue = await stage.ask("dsl", "queue")
    assert "Waiting for an answer: 13" in queue
    first = listed(await stage.ask("dsl", "queue unanswered"))
    assert len(first) == 10
    await stage.press("dsl", "Acknowledge", first[0])
    await stage.settled()
    # The page that is still open leads on from its last line.
    page = await stage.press("dsl", "Next", first[9])
    assert isinstance(page, Dialog)
    second = listed(page)
    assert sorted(first + second) == sorted(references)
    back = await pressed(page, "Back")
    assert listed(back) == first[1:] + second[:1]
    assert listed(await stage.ask("dsl", "queue mine")) == first[:1]
    for secret in (*NAMES, STORY, WHAT):
        assert secret not in stage.raw_chat(), secret


async def test_somebody_chooses_what_to_see(stage: Stage) -> None:
    """By the kind of concern and by whose it is; a list with nothing in it says so."""
    content = await reported(stage, 2)
    friends = await reported(stage, 1, "scam")
    await stage.ask("dsl", "queue")
    form = await stage.press("dsl", "Choose what to see", content[0])
    assert isinstance(form, Dialog)
    await form.fill({"queue_concern": "scam", "queue_whose": "nobody"})
    page = await form.submit()
    assert page is not None
    assert listed(page) == friends
    form = await pressed(page, "Choose what to see")
    assert form.value("queue_concern") == "scam"
    await form.fill({"queue_concern": "harmful_content", "queue_whose": "mine"})
    page = await form.submit()
    assert page is not None
    assert listed(page) == []
    assert "There is nothing here" in page.shown


async def test_what_is_late_stands_together(stage: Stage) -> None:
    """An alert that nobody answered in time, and an action that is not done: each for whoever may know of it."""
    (done, waits) = await reported(stage, 2)
    await stage.press("dsl", "Acknowledge", done)
    await stage.settled()
    action: dict[str, Value] = {"entry_what": "Ring home", "entry_doer": ["Tess Whitlock"], "entry_status": "to_do"}
    due = (stage.clock.now() + timedelta(hours=1)).replace(second=0, microsecond=0)
    values: dict[str, Value] = {**action, "entry_due": due.isoformat()}
    await adds(await case_of(stage, "dsl", done), "action", values)
    stage.clock.advance(days=4)
    await stage.settled()
    late = await stage.ask("dsl", "queue overdue")
    assert set(listed(late)) == {done, waits}
    assert "yours, due by" in await stage.ask("teacher", "queue overdue")
    assert listed(await stage.ask("teacher", "queue overdue")) == [done]
    assert listed(await stage.ask("cabot head", "queue overdue")) == []


async def test_whoever_a_case_excludes_neither_sees_nor_counts_it(stage: Stage) -> None:
    """The deputy is named in one of three, and a concern about a colleague is private: two are counted, by any filter."""
    seen = await reported(stage, 2)
    about_deputy: dict[str, Value] = {**WHO_AND_WHAT, "targets": ["Maja Lindqvist"], "perpetrators": ["Alfie Demosson"]}
    hidden = await stage.reports("teacher", BULLYING, about_deputy)
    await stage.settled()
    assert "Waiting for an answer: 2" in await stage.ask("deputy", "queue")
    for words in ("queue", "queue all", "queue unanswered", "queue overdue", "queue mine", "queue others"):
        page = await stage.ask("deputy", words)
        assert hidden not in page, words
        assert set(listed(page)) <= set(seen)
    assert hidden in await stage.ask("dsl", "queue all")
