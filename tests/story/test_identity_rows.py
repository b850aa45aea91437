"""Somebody who can write to the database, and has none of the keys, makes himself the lead: he is shown nothing for it.

Which account is whose is the chat's word. What the database has of it may show that there is news, and stands for nothing.
"""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import delete, update

from storage import tables as t
from tests.fakes.clock import FakeClock
from tests.story.slack_stage import slack_stage
from tests.story.stage import CAST, Stage
from tests.story.teams_stage import teams_stage
from tests.story.test_story import BULLYING, STORY, shown

GROOMING = {**BULLYING, "concern": "grooming"}
CHATS: dict[str, Callable[..., AbstractAsyncContextManager[Stage]]] = {"slack": slack_stage, "teams": teams_stage}
WHEN = {"just now": timedelta(0), "in ten years": timedelta(days=3650)}


async def _becomes_the_lead(stage: Stage, after: timedelta) -> None:
    """The teacher gives the row of his own account the lead's address, and a time at which the chat is said to have vouched."""
    mine, theirs = CAST["teacher"], CAST["dsl"]
    at = stage.clock.now() + after
    a, u = t.accounts.c, t.teams_users.c
    async with stage.bot.database.begin() as connection:
        await connection.execute(delete(t.accounts).where(a.email == theirs))
        await connection.execute(update(t.accounts).where(a.email == mine).values(email=theirs, checked_at=at))
        await connection.execute(delete(t.teams_users).where(u.email == theirs))
        await connection.execute(update(t.teams_users).where(u.email == mine).values(email=theirs, upn=theirs, checked_at=at))


@pytest.mark.parametrize("when", WHEN)
@pytest.mark.parametrize("chat", CHATS)
async def test_a_lead_by_the_databases_word_alone_reads_nothing(
    chat: str, when: str, database_url: str, tmp_path: Path, clock: FakeClock
) -> None:
    """However new the row says that it is; and the lead herself goes on as before."""
    async with CHATS[chat](database_url, tmp_path, clock) as stage:
        reference = await stage.reports("deputy", GROOMING, {"what": STORY})
        await stage.expects("dsl", reference)
        assert reference not in shown(await stage.command("teacher", "queue"))
        clock.advance(minutes=16)
        await _becomes_the_lead(stage, WHEN[when])
        assert STORY not in shown(await stage.command("teacher", f"case {reference}"))
        assert reference not in shown(await stage.command("teacher", "queue"))
        assert reference in shown(await stage.command("dsl", "queue"))
        assert STORY in shown(await stage.press("dsl", "Details", reference))


async def test_what_another_process_has_heard_counts_here_within_a_minute(
    database_url: str, tmp_path: Path, clock: FakeClock
) -> None:
    """The lead's account has become a guest's. Slack told it to another process, which left it in the database for all."""
    async with slack_stage(database_url, tmp_path, clock) as stage:
        reference = await stage.reports("deputy", GROOMING, {"what": STORY})
        await stage.expects("dsl", reference)
        assert STORY in shown(await stage.press("dsl", "Details", reference))
        stage.slack.people[stage.users["dsl"].id].guest = True
        a = t.accounts.c
        async with stage.bot.database.begin() as connection:
            heard = update(t.accounts).where(a.email == CAST["dsl"])
            await connection.execute(heard.values(email="", standing="guest", checked_at=clock.now()))
        clock.advance(seconds=61)
        assert STORY not in shown(await stage.press("dsl", "Details", reference))
