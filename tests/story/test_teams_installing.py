"""Who installs the bot in Teams, and who joins, is written down before Teams is told that it was taken."""

from collections.abc import AsyncIterator
from http import HTTPStatus
from pathlib import Path

import pytest_asyncio
from sqlalchemy import ColumnElement, Row, Table, select

from storage import tables as t
from storage.channel_records import NEVER
from tests.fakes.clock import FakeClock
from tests.fakes.database_trouble import read_only
from tests.story.both_stage import at_rest
from tests.story.stage import SAFEGUARDING
from tests.story.teams_stage import TeamsStage, teams_stage

TAKEN = (HTTPStatus.ACCEPTED, HTTPStatus.ACCEPTED)
REFUSED = (HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.SERVICE_UNAVAILABLE)
WELCOME = "I take reports of online-safety concerns"


@pytest_asyncio.fixture
async def stage(database_url: str, tmp_path: Path, clock: FakeClock) -> AsyncIterator[TeamsStage]:
    """The demo school in a tenant, on each kind of database."""
    async with teams_stage(database_url, tmp_path, clock) as stage:
        await at_rest(stage.bot, stage.clock)
        yield stage
        await at_rest(stage.bot, stage.clock)


async def kept(stage: TeamsStage, table: Table, *where: ColumnElement[bool]) -> list[Row[tuple[object, ...]]]:
    """What the bot has written down, at this very moment."""
    async with stage.bot.database.begin(write=False) as connection:
        return list(await connection.execute(select(table).where(*where)))


async def test_an_installation_that_was_taken_is_kept(stage: TeamsStage) -> None:
    """The process may end the moment it has answered: the person can be written to all the same."""
    nia = stage.fake.add_user("Nia Newcomer", "nia@demo.example")
    assert await nia.install() == TAKEN
    (row,) = await kept(stage, t.teams_users, t.teams_users.c.user_id == nia.id)
    assert row.conversation_id == nia.chat.id
    await nia.waits_for_message(WELCOME)
    (row,) = await kept(stage, t.teams_users, t.teams_users.c.user_id == nia.id)
    assert row.email == "nia@demo.example"


async def test_a_team_that_was_added_is_kept(stage: TeamsStage) -> None:
    """So that its members are looked up when the bot starts again."""
    head = stage.users["headteacher"]
    team = stage.fake.add_team("Leadership", [head], ["staff"])
    assert await team.install(head, "staff") == TAKEN
    assert await kept(stage, t.teams_places, t.teams_places.c.conversation_id == team.id)
    assert await team.uninstall(head) == TAKEN
    assert not await kept(stage, t.teams_places, t.teams_places.c.conversation_id == team.id)


async def test_who_joins_is_not_taken_for_somebody_who_may_read_on(stage: TeamsStage) -> None:
    """Until it is looked up again nobody knows who reads the channel, so that nobody who is shut out reads an alert there."""
    assert await kept(stage, t.channel_readers, t.channel_readers.c.checked_at > NEVER)
    stage.fake.fail(100, 500, of=("members", "pagedmembers"))
    nia = stage.fake.add_user("Nia Newcomer", "nia@demo.example")
    assert await stage.teams[SAFEGUARDING].add_member(nia, stage.users["dsl"]) == HTTPStatus.ACCEPTED
    assert not await kept(stage, t.channel_readers, t.channel_readers.c.checked_at > NEVER)


async def test_what_cannot_be_written_is_not_answered_as_taken(stage: TeamsStage) -> None:
    """The database takes nothing for a while: Teams hears that it failed, and told once more all is as it should be."""
    nia = stage.fake.add_user("Nia Newcomer", "nia@demo.example")
    async with read_only(stage.bot.database):
        assert await nia.install() == REFUSED
    assert not await kept(stage, t.teams_users, t.teams_users.c.user_id == nia.id)
    assert await nia.install() == TAKEN
    await nia.waits_for_message(WELCOME)
