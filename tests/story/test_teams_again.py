"""A request of Teams that somebody has overheard and sends again, token and all: nothing comes of it, and nothing is shown."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from storage import tables as t
from tests.fakes.clock import FakeClock
from tests.fakes.teams_model import Delivery
from tests.story.stage import Dialog
from tests.story.teams_stage import TeamsStage, teams_stage
from tests.story.test_story import BULLYING, STORY, WHO_AND_WHAT


@pytest_asyncio.fixture
async def stage(database_url: str, tmp_path: Path, clock: FakeClock) -> AsyncIterator[TeamsStage]:
    """The demo school in Teams."""
    async with teams_stage(database_url, tmp_path, clock) as stage:
        yield stage


def is_report(overheard: Delivery) -> bool:
    """A report counts once by its form, and is answered however often it comes."""
    return str(overheard.activity["name"]).startswith("composeExtension/")


async def again(stage: TeamsStage, overheard: Delivery) -> str:
    """Sends a request once more; the answer."""
    reply = await stage.fake.deliver(overheard.activity, token=overheard.token)
    assert reply.status == 200
    return reply.body


async def kept(stage: TeamsStage) -> list[int]:
    """How many rows there are of what requests leave behind."""
    await stage.settled()
    tables = (t.audit, t.incidents, t.case_notes, t.exports, t.handovers, t.summonses, t.drafts)
    async with stage.bot.database.begin(write=False) as connection:
        return [len(list(await connection.execute(table.select()))) for table in tables]


async def test_nothing_is_done_or_shown_again(stage: TeamsStage) -> None:
    """A case that was opened, an alert that was acknowledged, a pupil that was looked up, a page that was taken out."""
    reference = await stage.reports("teacher", {**BULLYING, "concern": "grooming"}, WHO_AND_WHAT)
    await stage.expects("dsl", reference)
    case = await stage.press("dsl", "Details", reference)
    assert isinstance(case, Dialog)
    assert STORY in case.shown
    await stage.press("dsl", "Acknowledge", reference)
    await stage.command("dsl", "records subject")
    form = await stage.press("dsl", "What is held about a person", "")
    assert isinstance(form, Dialog)
    await form.fill({"person": ["Bea Exemplar"]})
    await form.submit()
    asked = [d for d in stage.fake.deliveries if d.activity["type"] == "invoke" and not is_report(d)]
    names = {d.activity["name"] for d in asked}
    assert names >= {"task/fetch", "task/submit", "adaptiveCard/action", "application/search"}
    before = await kept(stage)
    for overheard in asked:
        answer = await again(stage, overheard)
        # A form that fails is handed back as it was sent.
        for secret in (STORY, "Exemplar"):
            assert secret not in answer or secret in json.dumps(overheard.activity), secret
        if overheard.activity["name"] == "application/search":
            assert json.loads(answer)["value"]["results"] == []
    assert await kept(stage) == before


async def test_a_form_that_comes_again_is_not_shown_as_taken(stage: TeamsStage) -> None:
    """Where the first one was lost with its process, nobody must believe that it is kept. A report's receipt comes again."""
    reference = await stage.reports("teacher", {**BULLYING, "concern": "grooming"}, WHO_AND_WHAT)
    report = [d for d in stage.fake.deliveries if d.activity.get("name") == "composeExtension/submitAction"][-1]
    assert reference in await again(stage, report)
    await stage.expects("dsl", reference)
    form = await stage.press("dsl", "Hand on", reference)
    assert isinstance(form, Dialog)
    await form.fill({"to": "Maja Lindqvist, Deputy DSL", "reason": "I am away"})
    await form.submit()
    sent = [d for d in stage.fake.deliveries if d.activity.get("name") == "task/submit"][-1]
    assert "not certain" in await again(stage, sent)
