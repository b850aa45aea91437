"""Through a whole story, with everything going wrong on the way: nothing that anybody wrote is in the log, in either form."""

import io
import json
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress

from sqlalchemy import text

from bot.logs import handler
from bot.settings import LogFormat
from storage.database import Database
from tests.fakes.slack_server import Refused, ServerError
from tests.story.slack_stage import SlackStage
from tests.story.stage import Dialog, Stage, Value
from tests.story.teams_stage import TeamsStage

MARK = "Quixotry"
NAME = "Ozzy Zarathustra"
KIND: dict[str, Value] = {"concern": "nude_image", "about": "pupil", "danger": "no"}
EVERYTHING: dict[str, Value] = {
    "targets": [NAME, "Bea Exemplar"],
    "perpetrators": [f"{NAME} Elder"],
    "witnesses": [f"{NAME} Younger"],
    "others": [f"{NAME} Other"],
    "where": f"where {MARK}",
    "what": f"what {MARK} did to {NAME}",
    "done": f"done {MARK}",
    "illegal": "yes",
}
NEVER = (MARK, MARK.casefold(), "Ozzy", "Zarathustra", "Bea", "Exemplar", "Okafor", "Whitlock", "demo.example")


@contextmanager
def logs() -> Iterator[tuple[io.StringIO, io.StringIO]]:
    """All that is logged, by us and by libraries, at every level, as text and as JSON."""
    streams = io.StringIO(), io.StringIO()
    root = logging.getLogger()
    handlers = [handler(form, stream) for form, stream in zip((LogFormat.TEXT, LogFormat.JSON), streams, strict=True)]
    loud = [root, *map(logging.getLogger, ("esafety", "aiohttp", "slack_sdk", "slack_bolt", "aiosqlite"))]
    levels = [one.level for one in loud]
    for one in loud:
        one.setLevel(logging.DEBUG)
    for to in handlers:
        root.addHandler(to)
    try:
        yield streams
    finally:
        for to in handlers:
            root.removeHandler(to)
        for one, level in zip(loud, levels, strict=True):
            one.setLevel(level)


async def test_nothing_that_anybody_wrote_is_in_the_log(stage: Stage) -> None:
    """Reported, asked, handed on and closed with a mark in every field, a chat that refuses, and a database that does."""
    with logs() as (as_text, as_json):
        fail_now_and_then(stage)
        await stage.reports("teacher", KIND, EVERYTHING)
        await stage.settled()
        reference = await stage.reports("teacher", KIND, EVERYTHING)
        await stage.expects("dsl", reference)
        await stage.ask("teacher", f"can I friend {NAME} who is an ex-pupil {MARK}")
        await stage.command("teacher", f"{MARK} {NAME}")
        handing = await stage.press("dsl", "Hand on", reference)
        assert isinstance(handing, Dialog)
        await handing.fill({"to": "Maja Lindqvist, Deputy DSL", "reason": f"reason {MARK} {NAME}"})
        await handing.submit()
        await stage.expects("deputy", reference, "handed on to you")
        await stage.press("deputy", "Acknowledge", reference)
        await stage.expects("deputy", reference, "Acknowledged by Maja Lindqvist")
        await stage.press("deputy", "Details", reference)
        closing = await stage.press("deputy", "Close", reference)
        assert isinstance(closing, Dialog)
        await closing.fill({"outcome": f"outcome {MARK} {NAME}", "result": "dealt_with"})
        await closing.submit()
        await stage.settled()
        first = await stage.command("teacher", "report")
        assert isinstance(first, Dialog)
        await first.fill(KIND)
        second = await first.submit()
        assert second is not None
        async with reports_refused(stage.bot.database):
            await second.fill({f: "no" for f in ("repeat",) if f in second.fields} | EVERYTHING)
            with suppress(AssertionError):  # the console's page is told that it failed, and its stage takes no failure
                await second.submit()
    for secret in NEVER:
        assert secret not in as_text.getvalue(), secret
        assert secret not in as_json.getvalue(), secret
    assert f"[school=chipping-sodbury platform={stage.platform}" in as_text.getvalue(), "whose error it is"
    lines = [json.loads(line) for line in as_json.getvalue().splitlines()]
    refused = [line for line in lines if line["level"] == "error" and line.get("error")]
    assert refused, "what was refused is not logged"
    assert any("storage/" in " ".join(line["faults"][0]["at"]) for line in refused)


def fail_now_and_then(stage: Stage) -> None:
    if isinstance(stage, SlackStage):
        stage.slack.next_calls("chat.postMessage", 2, Refused("invalid_blocks"))
        stage.slack.next_calls("chat.postMessage", 2, ServerError())
    elif isinstance(stage, TeamsStage):
        stage.fake.fail(2, 400, "BadSyntax")
        stage.fake.fail(2, 500)


@asynccontextmanager
async def reports_refused(database: Database) -> AsyncIterator[None]:
    """Meanwhile the database takes no report's texts; PostgreSQL quotes each that it refuses."""
    if database.is_sqlite:
        refuse = "CREATE TRIGGER refuse BEFORE INSERT ON incident_texts BEGIN SELECT RAISE(ABORT, 'refused'); END"
        take_again = "DROP TRIGGER refuse"
    else:
        refuse = "ALTER TABLE incident_texts ADD CONSTRAINT refuse CHECK (sealed IS NULL) NOT VALID"
        take_again = "ALTER TABLE incident_texts DROP CONSTRAINT refuse"
    async with database.begin() as connection:
        await connection.execute(text(refuse))
    yield
    async with database.begin() as connection:
        await connection.execute(text(take_again))
