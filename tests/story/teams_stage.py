"""The story in Microsoft Teams: signed HTTP into a running server, and a fake of Teams' connector behind it."""

import json
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from bot.running import Bot
from bot.settings import DEMO_SCHOOLS, ConsoleMode, Settings
from bot.wiring import running
from domain.people import Kind
from storage.people_files import read_people
from tests.fakes.clock import FakeClock
from tests.fakes.teams_model import Message, OpenDialog
from tests.fakes.teams_server import SENDS, FakeTeams
from tests.fakes.teams_user import Team, TeamsUser
from tests.story.slack_stage import import_demo_people
from tests.story.stage import BRUNEL, CAST, DEMO, IDLE_SECONDS, SAFEGUARDING, Dialog, Stage, Value, write_school


class TeamsDialog(Dialog):
    """A dialog (what Teams once called a task module)."""

    def __init__(self, user: TeamsUser, dialog: OpenDialog) -> None:
        self._user = user
        self._dialog = dialog

    @property
    def shown(self) -> str:
        return self._dialog.shown

    @property
    def errors(self) -> dict[str, str]:
        return self._dialog.errors

    @property
    def fields(self) -> frozenset[str]:
        return frozenset(self._dialog.fields)

    def value(self, field: str) -> Value:
        found = self._dialog.value(field)
        return found if isinstance(found, str) else list(found)

    async def fill(self, values: Mapping[str, Value]) -> None:
        await self._user.fill(self._dialog, values)

    async def submit(self) -> Dialog | None:
        await self._user.submit(self._dialog)
        return self._open()

    async def press(self, label: str) -> Dialog | None:
        await self._user.press(self._dialog, label)
        return self._open()

    def _open(self) -> Dialog | None:
        assert not self._dialog.failed, f"{self._user.name} sees «Something went wrong» in «{self._dialog.title}»"
        return TeamsDialog(self._user, self._user.dialog) if self._user.dialog else None


class TeamsStage(Stage):
    """A tenant, with a team for each of the school's channels."""

    platform = "teams"
    prefix = ""

    def __init__(
        self, bot: Bot, clock: FakeClock, fake: FakeTeams, users: Mapping[str, TeamsUser], teams: Mapping[str, Team]
    ) -> None:
        super().__init__(bot, clock)
        self.fake = fake
        self.users = users
        self.teams = teams

    def channel_id(self, channel: str) -> str:
        """The channel of that name, in the team of its own."""
        return self.teams[channel].channels[channel]

    async def command(self, who: str, text: str) -> Dialog | str:
        user = self.users[who]
        user.dismiss()
        if text == "report":
            dialog = await user.use_command("report")
            return TeamsDialog(user, dialog) if dialog else user.notes[-1]
        before = len(user.from_bot)
        await user.say(text or "help")
        await self.fake.until(lambda: len(user.from_bot) > before, f"an answer to {text}")
        new = user.from_bot[before:]
        said = user.last_said.id if user.last_said else ""
        answers = [message for message in new if message.reply_to == said] or new
        return answers[-1].shown_to(user.id)

    async def ask(self, who: str, text: str) -> str:
        answer = await self.command(who, text)
        assert isinstance(answer, str)
        return answer

    def sees(self, who: str, channel: str = "") -> list[str]:
        user = self.users[who]
        return [message.shown_to(user.id) for message in self._messages(user, channel) if message.from_bot]

    def raw_chat(self) -> str:
        """Everything that stays: every version of every message, and all that the bot has ever sent to be shown."""
        sent = [call.body for call in self.fake.calls if call.kind in SENDS]
        return json.dumps([self.fake.raw_history(), sent], ensure_ascii=False)

    async def press(self, who: str, label: str, reference: str, channel: str = "") -> Dialog | str:
        user = self.users[who]
        user.dismiss()
        message = [
            one
            for one in self._messages(user, channel)
            if reference in one.shown_to(user.id) and label in one.buttons_for(user.id)
        ][-1]
        told, before = len(user.notes), message.private.get(user.id)
        await user.press(message, label)
        if user.dialog:
            return TeamsDialog(user, user.dialog)
        if len(user.notes) > told:
            return user.notes[-1]
        after = message.private.get(user.id)
        return message.shown_to(user.id) if after is not None and after is not before else ""

    def _messages(self, user: TeamsUser, channel: str) -> list[Message]:
        if not channel:
            return user.messages
        is_member = user.id in self.teams[channel].roster.members
        return self.fake.messages_in(self.channel_id(channel)) if is_member else []


@asynccontextmanager
async def teams_stage(
    database_url: str,
    tmp_path: Path,
    clock: FakeClock,
    *,
    guests: Iterable[str] = (),
    bound: Iterable[str] = (),
    school_file: Mapping[str, object] = DEMO,
) -> AsyncIterator[TeamsStage]:
    """The demo school in a tenant, the bot running over HTTP. The school file names those `guests` that are `bound`."""
    async with FakeTeams() as fake:
        names = {p.email: p.name for p in read_people(DEMO_SCHOOLS / "staff.csv", Kind.STAFF).values()}
        users = {who: fake.add_user(names[email], email, guest=who in guests) for who, email in CAST.items()}
        named = {users[who].id: CAST[who] for who in bound}
        teams = {
            SAFEGUARDING: fake.add_team("Safeguarding", [users["dsl"], users["deputy"]], [SAFEGUARDING]),
            BRUNEL: fake.add_team("Brunel House", [users["brunel head"], users["dsl"], users["cabot head"]], [BRUNEL]),
        }
        channels = {name: team.channels[name] for name, team in teams.items()}
        settings = Settings(
            **fake.settings,
            ESAFETY_CONSOLE=ConsoleMode.OFF,
            ESAFETY_DATABASE_URL=database_url,
            ESAFETY_SCHOOLS=write_school(tmp_path / "schools", "teams", channels, named, school_file),
            ESAFETY_EXPORTS=tmp_path / "exports",
            PORT=0,
        )
        async with running(settings, clock) as bot:
            bot.worker.idle = IDLE_SECONDS
            await import_demo_people(bot, clock)
            fake.bot_url = f"{bot.address}/api/messages"
            stage = TeamsStage(bot, clock, fake, users, teams)
            for user in users.values():
                await user.install()
            for team in teams.values():
                await team.install(users["dsl"])
            await fake.until(
                lambda: len({call.conversation for call in fake.calls_of("members", "pagedmembers")}) >= len(teams),
                "the readers of both channels were looked up",
            )
            yield stage
