"""`esafety doctor` on Teams: the bot's own token, Microsoft's keys, channels, and people whom no alert could reach."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from bot.doctor import examine
from bot.settings import load_settings
from bot.wiring import running
from tests.conftest import sqlite_at
from tests.fakes.clock import FakeClock
from tests.fakes.teams_server import FakeTeams
from tests.fakes.teams_user import Team, TeamsUser
from tests.story.slack_stage import import_demo_people
from tests.story.stage import BRUNEL, CAST, SAFEGUARDING, write_school


class Tenant:
    """The demo school in Teams, whose bot is examined."""

    def __init__(self, fake: FakeTeams, patch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self.fake = fake
        self.users: dict[str, TeamsUser] = {who: fake.add_user(who.title(), email) for who, email in CAST.items()}
        self.teams: dict[str, Team] = {
            SAFEGUARDING: fake.add_team("Safeguarding", [self.users["dsl"], self.users["deputy"]], [SAFEGUARDING]),
            BRUNEL: fake.add_team("Brunel", [self.users["brunel head"]], [BRUNEL]),
        }
        write_school(Path("schools"), "teams", {name: team.channels[name] for name, team in self.teams.items()})
        self._patch = patch
        self._capsys = capsys
        self.set(**fake.settings, ESAFETY_SCHOOLS="schools", ESAFETY_CONSOLE="off", PORT="0")

    def set(self, **settings: str) -> None:
        for name, value in settings.items():
            self._patch.setenv(name, value)

    async def is_used_by(self, *who: str, teams: tuple[str, ...] = (SAFEGUARDING, BRUNEL)) -> None:
        """The bot runs for a while, and these people and teams install it."""
        async with running(load_settings(), FakeClock()) as bot:
            await import_demo_people(bot, FakeClock())
            self.fake.bot_url = f"{bot.address}/api/messages"
            for name in who:
                await self.users[name].install()
            for name in teams:
                await self.teams[name].install(self.users["dsl" if name == SAFEGUARDING else "brunel head"])
            rosters = {team.id for name, team in self.teams.items() if name in teams}
            await self.fake.until(
                lambda: rosters <= {call.conversation for call in self.fake.calls_of("pagedmembers")}, "the rosters were read"
            )

    async def examined(self) -> tuple[int, str]:
        """The doctor's exit code and what it said."""
        code = await examine()
        said = self._capsys.readouterr().out
        for line in said.splitlines()[:-1]:
            assert line.startswith("ok") or " -> " in line, f"how is this mended? {line}"
        for secret in (self.fake.app_password, "token-", "Okafor"):
            assert secret not in said
        return code, said


@pytest_asyncio.fixture
async def tenant(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> AsyncIterator[Tenant]:
    """Nobody has used the bot yet."""
    async with FakeTeams(app_password="hunter2-hunter2") as fake:
        tenant = Tenant(fake, monkeypatch, capsys)
        tenant.set(ESAFETY_DATABASE_URL=sqlite_at(tmp_path / "esafety.db"))
        yield tenant


def line(said: str, *words: str) -> str:
    """The line with all these words."""
    found = [one for one in said.splitlines() if all(word in one for word in words)]
    assert found, f"no line with {words} in\n{said}"
    return found[0]


async def test_all_is_well(tenant: Tenant) -> None:
    """With the bot installed where it is needed there is no fault."""
    await tenant.is_used_by(*CAST)
    code, said = await tenant.examined()
    assert code == 0, said
    line(said, "ok", "Microsoft takes the bot's id and password")
    line(said, "ok", "signing keys can be fetched", "/api/messages")
    for name, team in tenant.teams.items():
        line(said, "ok", f"everybody in the channel {team.channels[name]} is on the staff list")
    line(said, "ok", "everybody who holds a role can be reached in Teams")


async def test_before_anybody_has_used_it(tenant: Tenant) -> None:
    """Nothing can be sent to anybody yet: that is a fault, with the way to install it for all."""
    await tenant.is_used_by(teams=())
    code, said = await tenant.examined()
    assert code == 1
    line(said, "fault", "nobody has used the bot in Teams yet", "setup policy", "docs/install-teams.md")


async def test_a_wrong_password(tenant: Tenant) -> None:
    """Microsoft's refusal is said without the password, and with the place where a new one is made."""
    await tenant.is_used_by("dsl")
    tenant.set(MICROSOFT_APP_PASSWORD="wrong-wrong")
    code, said = await tenant.examined()
    assert code == 1
    assert "wrong-wrong" not in said
    line(said, "fault", "Microsoft does not take", "new client secret")


async def test_microsoft_out_of_reach(tenant: Tenant) -> None:
    """Neither a token nor the keys: the hosts that must be reached are named."""
    await tenant.is_used_by("dsl")
    await tenant.fake.stop()
    code, said = await tenant.examined()
    assert code == 1
    line(said, "fault", "login gives no answer", "MICROSOFT_APP_TENANT_ID", "https://login.microsoftonline.com")
    line(said, "fault", "signing keys are out of reach", "https://login.botframework.com")


async def test_a_role_holder_whom_nothing_reaches(tenant: Tenant) -> None:
    """Somebody who has neither opened a chat nor is in a team with the bot would never get an alert."""
    await tenant.is_used_by("headteacher")
    code, said = await tenant.examined()
    assert code == 1
    line(said, "fault", "c.adeyemi@demo.example holds chair_of_governors but cannot be reached", "open a chat")
    assert "h.pemberton@demo.example holds" not in said
    assert "m.lindqvist@demo.example holds" not in said, "the deputy is in a team with the bot"


async def test_a_stranger_in_the_channel(tenant: Tenant) -> None:
    """A reader who is not on the staff list is counted, not named: the channel is avoided where it matters."""
    guest = tenant.fake.add_user("A Visitor", "visitor@elsewhere.example", guest=True)
    tenant.teams[SAFEGUARDING].roster.members.append(guest.id)
    await tenant.is_used_by(*CAST)
    code, said = await tenant.examined()
    assert code == 0
    line(said, "warning", "1 of 3 are not on the staff list", "avoided")
    assert "Visitor" not in said
    assert "visitor@" not in said


async def test_a_channel_the_bot_is_not_in(tenant: Tenant) -> None:
    """The channel's id is named with what Teams said, and how to let the bot in."""
    await tenant.is_used_by(*CAST, teams=(BRUNEL,))
    code, said = await tenant.examined()
    assert code == 1
    line(said, "fault", tenant.teams[SAFEGUARDING].channels[SAFEGUARDING], "cannot be used", "add the app to that team")


async def test_ids_that_are_none(tenant: Tenant) -> None:
    """A name in place of an id is the commonest slip: it is said before anything else."""
    tenant.set(MICROSOFT_APP_ID="esafety-bot", MICROSOFT_APP_TENANT_ID="the school")
    _, said = await tenant.examined()
    line(said, "warning", "MICROSOFT_APP_ID does not look like one of Microsoft's ids")
    line(said, "warning", "MICROSOFT_APP_TENANT_ID does not look like one of Microsoft's ids")
