"""The story on Slack: signed HTTP into a running server, and a fake of Slack's Web API behind it."""

from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from bot.running import Bot
from bot.settings import DEMO_SCHOOLS, ConsoleMode, Settings, SlackMode
from bot.wiring import running
from domain.people import Kind
from storage.people_files import carry_out, plan_import, read_people
from storage.store import Store
from tests.fakes.clock import FakeClock
from tests.fakes.slack_model import View
from tests.fakes.slack_server import FakeSlack
from tests.fakes.slack_user import SlackUser
from tests.story.stage import BRUNEL, CAST, DEMO, IDLE_SECONDS, SAFEGUARDING, Dialog, Stage, Value, write_school


class SlackDialog(Dialog):
    """A modal."""

    def __init__(self, user: SlackUser, view: View) -> None:
        self._user = user
        self._view = view

    @property
    def shown(self) -> str:
        return self._view.shown

    @property
    def errors(self) -> dict[str, str]:
        return self._view.errors

    @property
    def fields(self) -> frozenset[str]:
        return frozenset(self._view.fields)

    def value(self, field: str) -> Value:
        found = self._view.value(field)
        return [str(v) for v in found] if isinstance(found, tuple) else "" if found is None else str(found)

    async def fill(self, values: Mapping[str, Value]) -> None:
        await self._user.fill(self._view, values)

    async def submit(self) -> Dialog | None:
        await self._user.submit(self._view)
        return SlackDialog(self._user, self._user.view) if self._user.view else None

    async def press(self, label: str) -> Dialog | None:
        view = self._view
        before, told = view.hash, len(self._user.ephemerals)
        await self._user.press(view, label)
        await self._user.slack.until(
            lambda: self._user.view is not view or view.hash != before or len(self._user.ephemerals) > told,
            f"an answer to {label}",
        )
        return SlackDialog(self._user, self._user.view) if self._user.view else None


class SlackStage(Stage):
    """A workspace."""

    platform = "slack"

    def __init__(
        self, bot: Bot, clock: FakeClock, slack: FakeSlack, users: Mapping[str, SlackUser], channels: Mapping[str, str]
    ) -> None:
        super().__init__(bot, clock)
        self.slack = slack
        self.users = users
        self.channels = channels

    async def command(self, who: str, text: str) -> Dialog | str:
        user = self.users[who]
        told = len(user.ephemerals)
        for view in list(self.slack.views[user.id]):
            await user.dismiss(view)
        answer = await user.command(f"/esafety {text}".strip())
        if answer is not None:
            return answer.shown
        await self.slack.until(lambda: user.view is not None or len(user.ephemerals) > told, f"an answer to {text}")
        return SlackDialog(user, user.view) if user.view else user.ephemerals[-1].shown

    async def ask(self, who: str, text: str) -> str:
        user = self.users[who]
        before = len(user.messages)
        await user.direct_message(text)
        await self.slack.until(
            lambda: len([m for m in user.messages[before:] if m.author != user.id]) > 0, f"an answer to {text}"
        )
        return user.messages[-1].shown

    def sees(self, who: str, channel: str = "") -> list[str]:
        user = self.users[who]
        if channel:
            members = self.slack.channels[self.channels[channel]].members
            return [m.shown for m in self.slack.messages_in(self.channels[channel])] if user.id in members else []
        return [m.shown for m in user.messages]

    def raw_chat(self) -> str:
        return "\n".join(str(m.as_payload()) for m in self.slack.posted)

    async def press(self, who: str, label: str, reference: str, channel: str = "") -> Dialog | str:
        user = self.users[who]
        told = len(user.ephemerals)
        for view in list(self.slack.views[user.id]):
            await user.dismiss(view)
        messages = self.slack.messages_in(self.channels[channel]) if channel else user.messages
        message = [m for m in messages if reference in m.shown and label in m.buttons][-1]
        await user.press(message, label)
        await self.slack.until(lambda: user.view is not None or len(user.ephemerals) > told, f"an answer to {label}")
        return SlackDialog(user, user.view) if user.view else user.ephemerals[-1].shown


@asynccontextmanager
async def slack_stage(
    database_url: str,
    tmp_path: Path,
    clock: FakeClock,
    *,
    guests: Iterable[str] = (),
    bound: Iterable[str] = (),
    school_file: Mapping[str, object] = DEMO,
) -> AsyncIterator[SlackStage]:
    """The demo school in a workspace, the bot running over HTTP. The school file names those `guests` that are `bound`."""
    async with FakeSlack() as slack:
        names = {p.email: p.name for p in read_people(DEMO_SCHOOLS / "staff.csv", Kind.STAFF).values()}
        users = {who: slack.add_user(names[email], email) for who, email in CAST.items()}
        for who in guests:
            slack.people[users[who].id].guest = True
        channels = {
            SAFEGUARDING: slack.add_channel(SAFEGUARDING, [users["dsl"], users["deputy"]], private=True),
            BRUNEL: slack.add_channel(BRUNEL, [users["brunel head"], users["dsl"], users["cabot head"]], private=True),
        }
        named = {users[who].id: CAST[who] for who in bound}
        settings = Settings(
            SLACK_BOT_TOKEN=slack.token,
            SLACK_SIGNING_SECRET=slack.signing_secret,
            SLACK_API_URL=slack.base_url,
            ESAFETY_SLACK_MODE=SlackMode.HTTP,
            ESAFETY_CONSOLE=ConsoleMode.OFF,
            ESAFETY_DATABASE_URL=database_url,
            ESAFETY_SCHOOLS=write_school(tmp_path / "schools", "slack", channels, named, school_file),
            ESAFETY_EXPORTS=tmp_path / "exports",
            PORT=0,
        )
        async with running(settings, clock) as bot:
            bot.worker.idle = IDLE_SECONDS
            await import_demo_people(bot, clock)
            slack.bot_url = f"{bot.address}/slack/events"
            stage = SlackStage(bot, clock, slack, users, channels)
            await slack.until(
                lambda: len(slack.calls_of("conversations.members")) >= len(channels), "the readers were looked up"
            )
            yield stage


async def import_demo_people(bot: Bot, clock: FakeClock) -> None:
    """The demo school's lists, as `esafety people import` takes them."""
    school = next(iter(bot.schools.values()))
    async with Store(bot.database).transaction(school) as records:
        for kind, name in ((Kind.STAFF, "staff.csv"), (Kind.PUPIL, "pupils.csv")):
            await carry_out(records, await plan_import(records, kind, read_people(DEMO_SCHOOLS / name, kind)), clock.now())
