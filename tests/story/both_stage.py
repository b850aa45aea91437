"""The story in Slack and in Teams at once: one bot, one school, the same people at both, and a channel for each in each."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import yaml

from bot.running import Bot
from bot.settings import DEMO_SCHOOLS, ConsoleMode, Settings, SlackMode
from bot.wiring import running
from domain.people import Kind
from storage.people_files import read_people
from tests.fakes.clock import FakeClock
from tests.fakes.slack_server import FakeSlack
from tests.fakes.teams_server import FakeTeams
from tests.story.slack_stage import SlackStage, import_demo_people
from tests.story.stage import BRUNEL, CAST, IDLE_SECONDS, SAFEGUARDING, write_school
from tests.story.teams_stage import TeamsStage


@dataclass
class Both:
    """The same school on two platforms."""

    bot: Bot
    clock: FakeClock
    slack: SlackStage
    teams: TeamsStage


async def at_rest(bot: Bot, clock: FakeClock) -> None:
    """Waits until the bot has done what it does after its answers, and has nothing left to send."""
    for _ in range(500):
        bot.worker.bell.set()
        await asyncio.sleep(0.01)
        backlog = await bot.worker.outbox.backlog(clock.now())
        busy = any("_logged" in repr(task.get_coro()) for task in asyncio.all_tasks())
        if not (busy or backlog.deliveries_due or backlog.timers_due):
            return
    raise AssertionError("the bot is never at rest")


def write_both(folder: Path, slack: Mapping[str, str], teams: Mapping[str, str]) -> Path:
    """The demo school's file with the channels of both."""
    path = write_school(folder, "slack", slack) / "chipping-sodbury.yaml"
    school = yaml.safe_load(path.read_text())
    school["channels"]["teams"] = {
        "dsl": teams[SAFEGUARDING],
        "deputy_dsl": teams[SAFEGUARDING],
        "head_of_house": {"Brunel": teams[BRUNEL]},
    }
    path.write_text(yaml.safe_dump(school))
    return folder


@asynccontextmanager
async def both_stage(database_url: str, tmp_path: Path, clock: FakeClock) -> AsyncIterator[Both]:
    """The demo school in a workspace and in a tenant, one bot for both."""
    names = {p.email: p.name for p in read_people(DEMO_SCHOOLS / "staff.csv", Kind.STAFF).values()}
    async with FakeSlack() as slack, FakeTeams() as fake:
        slacks = {who: slack.add_user(names[email], email) for who, email in CAST.items()}
        users = {who: fake.add_user(names[email], email) for who, email in CAST.items()}
        readers = {SAFEGUARDING: ("dsl", "deputy"), BRUNEL: ("brunel head", "dsl", "cabot head")}
        channels = {
            name: slack.add_channel(name, [slacks[who] for who in members], private=True) for name, members in readers.items()
        }
        teams = {name: fake.add_team(name, [users[who] for who in members], [name]) for name, members in readers.items()}
        settings = Settings(
            **fake.settings,
            SLACK_BOT_TOKEN=slack.token,
            SLACK_SIGNING_SECRET=slack.signing_secret,
            SLACK_API_URL=slack.base_url,
            ESAFETY_SLACK_MODE=SlackMode.HTTP,
            ESAFETY_CONSOLE=ConsoleMode.OFF,
            ESAFETY_DATABASE_URL=database_url,
            ESAFETY_SCHOOLS=write_both(
                tmp_path / "schools", channels, {name: team.channels[name] for name, team in teams.items()}
            ),
            PORT=0,
        )
        async with running(settings, clock) as bot:
            bot.worker.idle = IDLE_SECONDS
            await import_demo_people(bot, clock)
            slack.bot_url = f"{bot.address}/slack/events"
            fake.bot_url = f"{bot.address}/api/messages"
            for user in users.values():
                await user.install()
            for team in teams.values():
                await team.install(users["dsl"])
            await slack.until(
                lambda: len(slack.calls_of("conversations.members")) >= len(channels), "Slack's readers are known"
            )
            await at_rest(bot, clock)
            yield Both(bot, clock, SlackStage(bot, clock, slack, slacks, channels), TeamsStage(bot, clock, fake, users, teams))
            await at_rest(bot, clock)
