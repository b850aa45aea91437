"""One bot for a trust: each school's workspace installs it in the browser, and has nothing to do with the others'."""

import asyncio
import logging
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from html import unescape
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
import yaml
from yarl import URL

from bot.running import Bot
from bot.settings import DEMO_SCHOOLS, ConsoleMode, Settings, SettingsError, SlackMode
from bot.slack.scopes import SCOPES
from bot.wiring import running
from domain.people import Address, AddressKind, Kind, Platform
from storage import tables as t
from storage.people_files import carry_out, plan_import, read_people
from storage.slack_installs import SlackInstalls
from storage.store import Store
from tests.conftest import sqlite_at
from tests.fakes.clock import FakeClock
from tests.fakes.slack_model import BOT_USER, Delivery, Payload
from tests.fakes.slack_server import FakeSlack, Refused
from tests.fakes.slack_trust import CLIENT_ID, CLIENT_SECRET, FakeTrust
from tests.fakes.slack_user import SlackShowsError
from tests.story.slack_stage import SlackDialog, SlackStage, import_demo_people
from tests.story.stage import BRUNEL, CAST, SAFEGUARDING, write_school

GROOMING = {"concern": "grooming", "about": "pupil", "danger": "no"}
DETAILS = {"what": "He keeps asking her for pictures", "illegal": "no"}
REFERENCE = re.compile(r"\b(?:NOR|SOU|CSS)-2026-\d{4}\b")
NOT_CONNECTED = "not connected to a school"


class Browser:
    """Somebody's browser, which keeps its cookies to itself."""

    def __init__(self, address: str) -> None:
        self._address = address
        jar = aiohttp.CookieJar(unsafe=True, treat_as_secure_origin=[URL(address)])
        self._session = aiohttp.ClientSession(cookie_jar=jar)
        self.shown: list[str] = []

    async def opens(self, path: str) -> tuple[int, str]:
        """The status and the text of a page."""
        async with self._session.get(f"{self._address}{path}") as answer:
            text = await answer.text()
            assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")
            assert answer.headers["Cache-Control"] == "no-store"
            assert answer.headers["Referrer-Policy"] == "no-referrer"
            self.shown.append(text)
            return answer.status, unescape(text)

    async def begins(self, path: str = "/slack/install") -> str:
        """Opens the install page. Gives the address of its link to Slack."""
        status, text = await self.opens(path)
        assert status == 200
        return str(re.findall(r'href="([^"]+)"', text)[0])

    async def close(self) -> None:
        await self._session.close()


class Trust:
    """Two schools, their workspaces and a third that is nobody's; the bot runs, and is installed nowhere."""

    def __init__(self, bot: Bot, clock: FakeClock, slack: FakeTrust, schools: dict[str, SlackStage], browser: Browser) -> None:
        self.bot = bot
        self.clock = clock
        self.slack = slack
        self.schools = schools
        self.browser = browser

    def workspace(self, name: str) -> FakeSlack:
        return self.slack.workspaces[f"T0{name.upper()}"]

    async def install(self, name: str) -> tuple[int, str]:
        """Installs the bot in a workspace, in the browser. The last page."""
        return await self.browser.opens(self.slack.allow(await self.browser.begins(), self.workspace(name)))

    async def installed(self) -> list[str]:
        return [install.team for install in await SlackInstalls(self.bot.database).all()]

    async def invite(self, name: str, channel: str) -> None:
        """Somebody types /invite in a channel; Slack tells the bot that it is there."""
        stage = self.schools[name]
        channel_id = stage.channels[channel]
        stage.slack.channels[channel_id].members.append(BOT_USER)
        event = {"type": "member_joined_channel", "user": BOT_USER, "channel": channel_id, "channel_type": "G"}
        reply = await self.slack.tell(stage.slack, event, self.clock.now())
        assert reply.status == 200

    async def states(self) -> int:
        async with self.bot.database.begin(write=False) as connection:
            return len(list(await connection.execute(t.slack_install_states.select())))

    async def troubles(self) -> set[str]:
        """What the messages that are still to be sent have met with."""
        async with self.bot.database.begin(write=False) as connection:
            rows = await connection.execute(t.deliveries.select().where(t.deliveries.c.state == "pending"))
            return {row.trouble for row in rows}


async def report(stage: SlackStage, who: str = "teacher") -> str:
    """Somebody reports in two screens; gives the reference."""
    first = await stage.command(who, "report")
    assert isinstance(first, SlackDialog)
    return await finish(first)


async def finish(first: SlackDialog) -> str:
    """Fills in and sends both screens."""
    await first.fill(GROOMING)
    second = await first.submit()
    assert second is not None
    await second.fill(DETAILS)
    receipt = await second.submit()
    assert receipt is not None
    found = REFERENCE.search(receipt.shown)
    assert found, receipt.shown
    return found[0]


def school_file(folder: Path, name: str, channels: dict[str, str], **more: object) -> None:
    """The demo school under another name, in a workspace of its own."""
    write_school(folder, "slack", channels)
    demo = folder / "chipping-sodbury.yaml"
    school = {**yaml.safe_load(demo.read_text()), "name": f"{name.title()} School", "prefix": name[:3].upper(), **more}
    demo.unlink()
    (folder / f"{name}.yaml").write_text(yaml.safe_dump(school))


def settings_of(slack: FakeTrust, database_url: str, schools: Path, **more: object) -> Settings:
    """The settings of a bot that serves many workspaces."""
    given: dict[str, object] = {
        "SLACK_CLIENT_ID": CLIENT_ID,
        "SLACK_CLIENT_SECRET": CLIENT_SECRET,
        "SLACK_SIGNING_SECRET": "signing-secret",
        "SLACK_API_URL": slack.base_url,
        "ESAFETY_SLACK_MODE": SlackMode.HTTP,
        "ESAFETY_CONSOLE": ConsoleMode.OFF,
        "ESAFETY_DATABASE_URL": database_url,
        "ESAFETY_SCHOOLS": schools,
        "PORT": 0,
    }
    return Settings.model_validate({**given, **more})


@asynccontextmanager
async def trust_stage(database_url: str, tmp_path: Path, clock: FakeClock) -> AsyncIterator[Trust]:
    """The same people work at both schools, with an account in each workspace: a slip would find somebody to tell."""
    names = {p.email: p.name for p in read_people(DEMO_SCHOOLS / "staff.csv", Kind.STAFF).values()}
    workspaces = [FakeSlack(team_id=f"T0{n.upper()}", team_name=f"{n.title()} <staff>") for n in ("north", "south", "stray")]
    folder = tmp_path / "schools"
    async with AsyncExitStack() as stack:
        slack = await stack.enter_async_context(FakeTrust(*workspaces))
        people, channels = {}, {}
        for name, workspace in zip(("north", "south", "stray"), workspaces, strict=True):
            users = {who: workspace.add_user(names[email], email) for who, email in CAST.items()}
            people[name] = users
            channels[name] = {
                SAFEGUARDING: workspace.add_channel(SAFEGUARDING, [users["dsl"], users["deputy"]], private=True),
                BRUNEL: workspace.add_channel(BRUNEL, [users["brunel head"], users["dsl"]], private=True),
            }
        for name in ("north", "south"):
            school_file(folder, name, channels[name], slack_team=f"T0{name.upper()}")
        bot = await stack.enter_async_context(running(settings_of(slack, database_url, folder), clock))
        bot.worker.idle = 0.02
        for school in bot.schools.values():
            async with Store(bot.database).transaction(school) as records:
                for kind, file in ((Kind.STAFF, "staff.csv"), (Kind.PUPIL, "pupils.csv")):
                    plan = await plan_import(records, kind, read_people(DEMO_SCHOOLS / file, kind))
                    await carry_out(records, plan, clock.now())
        for workspace in workspaces:
            workspace.bot_url = f"{bot.address}/slack/events"
        browser = Browser(bot.address)
        stack.push_async_callback(browser.close)
        stages = {n: SlackStage(bot, clock, slack.workspaces[f"T0{n.upper()}"], people[n], channels[n]) for n in people}
        yield Trust(bot, clock, slack, stages, browser)


@pytest_asyncio.fixture
async def trust(database_url: str, tmp_path: Path, clock: FakeClock) -> AsyncIterator[Trust]:
    """On SQLite and on PostgreSQL."""
    async with trust_stage(database_url, tmp_path, clock) as trust:
        yield trust


# Two schools


async def test_each_schools_report_goes_to_its_own_people(trust: Trust) -> None:
    """Both install; a report in one workspace is alerted, acknowledged and closed there, and the other hears nothing."""
    for name in ("north", "south"):
        status, text = await trust.install(name)
        assert (status, f"reports to {name.title()} School" in text) == (200, True)
    assert await trust.installed() == ["T0NORTH", "T0SOUTH"]
    north, south = trust.schools["north"], trust.schools["south"]
    for stage in (north, south):
        await stage.slack.until(partial(stage.slack.calls_of, "conversations.members"), "the readers were looked up")
    before = len(south.slack.posted)
    theirs = await report(north)
    assert theirs.startswith("NOR-2026-")
    await north.expects("dsl", theirs, "Nobody has acknowledged")
    await north.expects("dsl", theirs, channel=SAFEGUARDING)
    await north.press("dsl", "Acknowledge", theirs)
    await north.expects("teacher", theirs, "acknowledged your report")
    assert len(south.slack.posted) == before
    ours = await report(south)
    assert ours.startswith("SOU-2026-")
    await south.expects("dsl", ours, channel=SAFEGUARDING)
    await south.settled()
    assert "SOU-" not in north.raw_chat()
    assert "NOR-" not in south.raw_chat()


async def test_a_button_of_one_school_opens_nothing_in_another(trust: Trust) -> None:
    """The DSL of one school has the case number of the other's; their workspace does not know the case."""
    for name in ("north", "south"):
        await trust.install(name)
    north, south = trust.schools["north"], trust.schools["south"]
    reference = await report(north)
    await north.expects("dsl", reference)
    card = next(m for m in north.users["dsl"].messages if reference in m.shown and "Details" in m.buttons)
    dsl = south.users["dsl"]
    place = south.slack.direct_channel(dsl.id)
    copy = south.slack.show_in_channel(place.id, {"text": "a card", "blocks": card.blocks})
    await dsl.press(copy, "Details")
    await south.slack.until(lambda: dsl.view is not None or dsl.ephemerals, "an answer")
    shown = dsl.view.shown if dsl.view else dsl.ephemerals[-1].shown
    assert DETAILS["what"] not in shown
    assert "This one is not for you" in shown


# Taken out, and put back


async def test_what_is_reported_meanwhile_arrives_when_it_is_installed_again(
    trust: Trust, caplog: pytest.LogCaptureFixture
) -> None:
    """Taken out: messages wait and the log says why; installed again they go out; the other school saw none of it."""
    for name in ("north", "south"):
        await trust.install(name)
    north, south = trust.schools["north"], trust.schools["south"]
    first = await north.command("teacher", "report")
    assert isinstance(first, SlackDialog)
    old = trust.workspace("north").token
    replies = await trust.slack.uninstall(trust.workspace("north"), trust.clock.now())
    assert [r.status for r in replies] == [200, 200]
    assert await trust.installed() == ["T0SOUTH"]
    reference = await finish(first)
    await north.settled()
    assert await trust.troubles() == {"slack_not_installed"}
    assert "not installed in the workspace of north" in caplog.text
    assert reference not in north.raw_chat()
    other = await report(south)
    await south.expects("dsl", other)
    trust.clock.advance(seconds=20)
    status, _ = await trust.install("north")
    assert status == 200
    assert trust.workspace("north").token != old
    await north.expects("dsl", reference, "Nobody has acknowledged")
    await north.expects("teacher", reference)
    await north.settled()
    for channel in (SAFEGUARDING, BRUNEL):
        await trust.invite("north", channel)
    trust.clock.advance(minutes=10)
    await north.expects("dsl", reference, channel=SAFEGUARDING)
    assert reference not in south.raw_chat()


async def test_a_token_that_dies_without_a_word_loses_nothing(trust: Trust) -> None:
    """Slack refuses the token and no event has come: messages wait, and a new installation sends them at once."""
    await trust.install("north")
    north = trust.schools["north"]
    first = await north.command("teacher", "report")
    assert isinstance(first, SlackDialog)
    trust.workspace("north").token = ""
    reference = await finish(first)
    await north.settled()
    assert await trust.troubles() == {"account_inactive"}
    trust.clock.advance(seconds=20)
    await trust.install("north")
    await north.expects("dsl", reference)


async def test_word_of_an_old_end_does_not_end_what_is_new(trust: Trust) -> None:
    """Slack repeats events: one from before the new installation changes nothing, nor does the end of a person's token."""
    await trust.install("north")
    taken_out = trust.clock.now()
    await trust.slack.uninstall(trust.workspace("north"), taken_out)
    trust.clock.advance(minutes=5)
    await trust.install("north")
    await trust.slack.tell(trust.workspace("north"), {"type": "app_uninstalled"}, taken_out)
    of_a_person = {"type": "tokens_revoked", "tokens": {"oauth": ["U0ADMIN"], "bot": []}}
    await trust.slack.tell(trust.workspace("north"), of_a_person, trust.clock.now())
    assert await trust.installed() == ["T0NORTH"]
    assert await report(trust.schools["north"])


async def test_who_read_a_channel_before_it_was_taken_out_is_not_believed(trust: Trust) -> None:
    """Who joined meanwhile, nobody told the bot: until it has looked again, a channel shows nothing that shuts anybody out."""
    await trust.install("north")
    north = trust.schools["north"]
    address = Address(Platform.SLACK, AddressKind.CHANNEL, north.channels[SAFEGUARDING])

    async def is_known() -> bool:
        async with Store(trust.bot.database).transaction(trust.bot.schools["north"], write=False) as records:
            return address in await records.readers(trust.clock.now())

    async def becomes_known() -> None:
        for _ in range(100):
            if await is_known():
                return
            await asyncio.sleep(0.02)
        raise AssertionError("the readers were never looked up")

    await becomes_known()
    await trust.slack.uninstall(trust.workspace("north"), trust.clock.now())
    trust.clock.advance(minutes=1)
    await trust.install("north")
    assert not await is_known()
    await trust.invite("north", SAFEGUARDING)
    await becomes_known()


async def test_installing_twice_replaces_the_token(trust: Trust) -> None:
    """There is one installation a workspace; the newest token is used."""
    await trust.install("north")
    trust.workspace("north").token = ""
    trust.clock.advance(minutes=1)
    await trust.install("north")
    assert await trust.installed() == ["T0NORTH"]
    assert await report(trust.schools["north"])


async def test_without_an_installation_a_person_is_told(trust: Trust) -> None:
    """The workspace is a school's, but its token is gone: a command is answered with whom to turn to, and breaks nothing."""
    teacher = trust.schools["north"].users["teacher"]
    await teacher.command("/esafety report")
    await trust.workspace("north").until(lambda: teacher.ephemerals, "an answer")
    assert NOT_CONNECTED in teacher.ephemerals[-1].shown
    await teacher.open_home()
    await teacher.direct_message("report")
    await teacher.shortcut("report_concern")
    await trust.schools["north"].settled()
    assert not trust.workspace("north").calls


# Not so


async def test_a_workspace_that_no_school_names_is_refused(trust: Trust) -> None:
    """The page says which line to add to the school file; the token is given back to Slack and kept nowhere."""
    status, text = await trust.install("stray")
    assert status == 403
    assert "slack_team: T0STRAY" in text
    assert "Stray <staff>" in text
    assert "<staff>" not in trust.browser.shown[-1]
    assert trust.slack.revoked == trust.slack.given
    assert await trust.installed() == []


async def test_a_stray_workspace_reports_to_nobody(trust: Trust) -> None:
    """Whatever comes from a workspace without a school is turned away politely, and leaves nothing behind."""
    for name in ("north", "south"):
        await trust.install(name)
    stray = trust.schools["stray"]
    teacher = stray.users["teacher"]
    for text in ("report", "help", "queue"):
        answer = await teacher.command(f"/esafety {text}")
        assert answer is not None
        assert NOT_CONNECTED in answer.shown
    await teacher.shortcut("report_concern")
    await teacher.open_home()
    await teacher.direct_message("report")
    message = stray.slack.say(stray.channels[SAFEGUARDING], stray.users["dsl"].id, "look")
    await stray.users["dsl"].message_shortcut("report_message", message)
    await stray.slack.until(lambda: stray.users["dsl"].ephemerals, "an answer")
    assert NOT_CONNECTED in stray.users["dsl"].ephemerals[-1].shown
    assert not stray.slack.calls
    async with trust.bot.database.begin(write=False) as connection:
        for table in (t.drafts, t.incidents, t.seen_events):
            assert list(await connection.execute(table.select())) == []
        known = {row.user_id for row in await connection.execute(t.accounts.select())}
    assert not known & {user.id for user in stray.users.values()}


async def test_a_form_of_one_school_sent_from_a_stray_workspace_is_no_report(trust: Trust) -> None:
    """The form itself is the same everywhere: whose it is turns on the workspace alone, and what was typed stays in sight."""
    await trust.install("north")
    first = await trust.schools["north"].command("teacher", "report")
    assert isinstance(first, SlackDialog)
    stray = trust.schools["stray"].users["teacher"]
    view = stray.slack.push_view(stray.id, first._view.payload)
    looked_for = {"type": "block_suggestion", "action_id": "targets", "value": "Tess", "view": view.as_payload()}
    found = await stray.slack.deliver(Delivery("interactive", {**stray._identity(), **looked_for}))
    assert found.json == {"options": []}
    await stray.fill(view, GROOMING)
    errors = await stray.submit(view)
    assert NOT_CONNECTED in "".join(errors.values())
    async with trust.bot.database.begin(write=False) as connection:
        assert list(await connection.execute(t.incidents.select())) == []


BAD: dict[str, tuple[Payload, str]] = {
    "a whole organisation": ({"is_enterprise_install": True, "team": None, "enterprise": {"id": "E0TRUST"}}, "one school"),
    "an expiring token": ({"refresh_token": "xoxe-1", "expires_in": 43200}, "tokens that expire"),
    "a person's token": ({"token_type": "user"}, "no token for the bot"),
}


@pytest.mark.parametrize("case", BAD)
async def test_a_token_that_cannot_be_used_is_given_back(case: str, trust: Trust) -> None:
    """Of an organisation, of a person, or one that expires: refused with what to do, and revoked."""
    trust.slack.changes, words = BAD[case][0], BAD[case][1]
    status, text = await trust.install("north")
    assert (status, words in text) == (403, True)
    assert trust.slack.revoked == trust.slack.given
    assert await trust.installed() == []


async def test_a_token_that_cannot_even_be_given_back_is_not_kept(trust: Trust, caplog: pytest.LogCaptureFixture) -> None:
    """Slack does not take it back: it is dropped all the same, and the log says so without it."""
    trust.slack.changes = {"access_token": "xoxb-unknown-to-slack"}
    status, _ = await trust.install("stray")
    assert status == 403
    assert "could not be revoked" in caplog.text
    assert "xoxb-unknown" not in caplog.text
    assert await trust.installed() == []


REFUSALS = {
    "invalid_code": "does not know this installation",
    "code_already_used": "does not know this installation",
    "bad_redirect_uri": "Redirect URLs",
    "bad_client_secret": "SLACK_CLIENT_SECRET",
    "invalid_team_for_non_distributed_app": "Manage Distribution",
    "fatal_error": "log says",
}


@pytest.mark.parametrize("error", REFUSALS)
async def test_what_slack_refuses_is_said_with_what_to_do(error: str, trust: Trust, caplog: pytest.LogCaptureFixture) -> None:
    """Slack gives no token: a clear page, its error in the log, and nothing kept."""
    trust.slack.exchange_faults.append(error)
    status, text = await trust.install("north")
    assert (status, REFUSALS[error] in text) == (400, True)
    assert error in caplog.text
    assert await trust.installed() == []


async def test_permission_denied_in_slack(trust: Trust) -> None:
    """Somebody presses Cancel, or may not add apps: said in plain words; what they began is over."""
    link = await trust.browser.begins()
    status, text = await trust.browser.opens(trust.slack.deny(link))
    assert (status, "Permission was not given" in text) == (400, True)
    assert await trust.states() == 0
    status, _ = await trust.browser.opens("/slack/oauth_redirect?error=access_denied")
    assert status == 400
    assert not trust.slack.given


async def test_another_error_of_slacks_is_named_in_the_log_alone(trust: Trust, caplog: pytest.LogCaptureFixture) -> None:
    """The page shows nothing of the address it was opened with, and no line of the log can be forged with it."""
    for error in ("server_error", "a\nb forged", "<script>alert(1)</script>"):
        link = await trust.browser.begins()
        state = trust.slack.asked(link).state
        path = str(URL("/slack/oauth_redirect").with_query(error=error, state=state))
        status, text = await trust.browser.opens(path)
        assert (status, "Slack refused" in text) == (400, True)
        assert "alert(1)" not in text
    assert "server_error" in caplog.text
    assert "forged" not in caplog.text
    assert "alert(1)" not in caplog.text


async def test_it_is_finished_once_in_time_and_in_the_same_browser(trust: Trust) -> None:
    """A state that nobody issued, one of another browser, one used before, one ten minutes old: none installs anything."""
    north = trust.workspace("north")
    link = await trust.browser.begins()
    allowed = trust.slack.allow(link, north)

    status, text = await trust.browser.opens(allowed.replace("state=", "state=x"))
    assert (status, "begun elsewhere" in text) == (400, True)
    status, text = await trust.browser.opens(allowed)  # the cookie went with the attempt before
    assert (status, "begun elsewhere" in text) == (400, True)

    other = Browser(trust.bot.address)
    link = await trust.browser.begins()
    await other.begins()
    for browser in (other, Browser(trust.bot.address)):
        status, text = await browser.opens(trust.slack.allow(link, north))
        assert (status, "begun elsewhere" in text) == (400, True)
        await browser.close()

    link = await trust.browser.begins()
    trust.clock.advance(minutes=10)
    status, text = await trust.browser.opens(trust.slack.allow(link, north))
    assert (status, "ten minutes" in text) == (400, True)

    link = await trust.browser.begins()
    state = trust.slack.asked(link).state
    status, text = await trust.browser.opens(f"/slack/oauth_redirect?state={state}")
    assert (status, "sent nothing" in text) == (400, True)
    assert not trust.slack.given

    link = await trust.browser.begins()
    state = trust.slack.asked(link).state
    for expected in (200, 400):
        cookie = {"Cookie": f"esafety-slack-install={state}"}
        path = trust.slack.allow(link, north)
        async with aiohttp.ClientSession() as http, http.get(f"{trust.bot.address}{path}", headers=cookie) as answer:
            assert answer.status == expected
            assert ("finished already" in await answer.text()) is (expected == 400)
    assert len(trust.slack.given) == 1


async def test_two_at_once_with_one_state_are_one_installation(trust: Trust) -> None:
    """The same address opened twice in the same moment: one of the two is too late."""
    link = await trust.browser.begins()
    paths = [trust.slack.allow(link, trust.workspace("north")) for _ in range(4)]
    answers = await asyncio.gather(*(trust.browser.opens(path) for path in paths))
    assert sorted(status for status, _ in answers) == [200, 400, 400, 400]
    assert len(trust.slack.given) == 1


async def test_slack_out_of_reach_in_the_middle(trust: Trust) -> None:
    """The bot cannot ask Slack: the page says to try again, and nothing is kept."""
    link = await trust.browser.begins()
    allowed = trust.slack.allow(link, trust.workspace("north"))
    assert trust.slack._runner is not None
    await trust.slack._runner.cleanup()
    status, text = await trust.browser.opens(allowed)
    assert (status, "out of reach" in text) == (502, True)
    assert await trust.installed() == []


async def test_the_install_page(trust: Trust) -> None:
    """It asks for the bot's scopes, names a workspace only if it is a school's, and its cookie is for these pages alone."""
    asked = trust.slack.asked(await trust.browser.begins("/slack/install?team=T0SOUTH"))
    assert (asked.scopes, asked.team) == (SCOPES, "T0SOUTH")
    assert len(asked.state) >= 32
    assert trust.slack.asked(await trust.browser.begins("/slack/install?team=T0STRAY%26scope%3Dadmin")).team == ""
    async with aiohttp.ClientSession() as http, http.get(f"{trust.bot.address}/slack/install") as answer:
        cookie = answer.headers["Set-Cookie"]
    for attribute in ("HttpOnly", "Secure", "SameSite=Lax", "Path=/slack", "Max-Age=600"):
        assert attribute in cookie
    async with aiohttp.ClientSession() as http, http.head(f"{trust.bot.address}/slack/install") as answer:
        assert answer.status == 405
    assert await trust.states() == 3
    trust.clock.advance(minutes=10)
    await trust.browser.begins()
    assert await trust.states() == 1


async def test_no_token_is_ever_shown_or_written_down(trust: Trust, caplog: pytest.LogCaptureFixture) -> None:
    """Installed, refused, taken out: no page and no line of the log, at any level, has a token or the secret."""
    caplog.set_level(logging.DEBUG)
    await trust.install("stray")
    await trust.install("north")
    (kept,) = await SlackInstalls(trust.bot.database).all()
    assert kept.token == trust.workspace("north").token
    assert kept.token not in repr(kept)
    trust.workspace("north").next_calls("chat.postMessage", 2, Refused("invalid_auth"))
    await report(trust.schools["north"])
    await trust.schools["north"].settled()
    await trust.slack.uninstall(trust.workspace("north"), trust.clock.now())
    await trust.schools["north"].settled()
    written = "\n".join([*(r.getMessage() + (r.exc_text or "") for r in caplog.records), *trust.browser.shown])
    assert len(trust.slack.given) == 2
    for secret in (*trust.slack.given, CLIENT_SECRET):
        assert secret not in written


# The start


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """One database is enough here."""
    return sqlite_at(tmp_path / "start.db")


async def test_two_schools_cannot_share_a_workspace(sqlite_url: str, tmp_path: Path, clock: FakeClock) -> None:
    """Nobody could say whose a report is: the bot does not start, and names both files."""
    folder = tmp_path / "schools"
    for name in ("north", "south"):
        school_file(folder, name, {SAFEGUARDING: "C1", BRUNEL: "C2"}, slack_team="T0NORTH")
    async with FakeTrust() as slack:
        with pytest.raises(SettingsError, match=r"north\.yaml and south\.yaml name the same workspace, T0NORTH"):
            async with running(settings_of(slack, sqlite_url, folder), clock):
                pass


async def test_a_school_without_a_workspace_is_never_anybodys(sqlite_url: str, tmp_path: Path, clock: FakeClock) -> None:
    """The only school names no workspace: even so, no workspace can install or report."""
    school_file(tmp_path / "schools", "north", {SAFEGUARDING: "C1", BRUNEL: "C2"})
    stray = FakeSlack(team_id="T0STRAY")
    async with FakeTrust(stray) as slack, running(settings_of(slack, sqlite_url, tmp_path / "schools"), clock) as bot:
        stray.bot_url = f"{bot.address}/slack/events"
        browser = Browser(bot.address)
        status, _ = await browser.opens(slack.allow(await browser.begins(), stray))
        assert status == 403
        answer = await stray.add_user("Ann Stray").command("/esafety report")
        assert answer is not None
        assert NOT_CONNECTED in answer.shown
        await browser.close()


# One workspace, as before


@asynccontextmanager
async def one_workspace(url: str, tmp_path: Path, clock: FakeClock, **school: object) -> AsyncIterator[SlackStage]:
    """A bot with one token."""
    async with FakeSlack(team_id="T0NORTH") as slack:
        users = {who: slack.add_user(who, CAST[who]) for who in ("teacher", "dsl")}
        channels = {SAFEGUARDING: slack.add_channel(SAFEGUARDING, [users["dsl"]]), BRUNEL: slack.add_channel(BRUNEL)}
        school_file(tmp_path / "schools", "north", channels, **school)
        given: dict[str, Any] = {
            "SLACK_BOT_TOKEN": slack.token,
            "SLACK_CLIENT_ID": "",
            "SLACK_CLIENT_SECRET": "",
            "SLACK_SIGNING_SECRET": slack.signing_secret,
            "SLACK_API_URL": slack.base_url,
            "ESAFETY_SLACK_MODE": SlackMode.HTTP,
            "ESAFETY_CONSOLE": ConsoleMode.OFF,
            "ESAFETY_DATABASE_URL": url,
            "ESAFETY_SCHOOLS": tmp_path / "schools",
            "PORT": 0,
        }
        async with running(Settings.model_validate(given), clock) as bot:
            await import_demo_people(bot, clock)
            bot.worker.idle = 0.02
            slack.bot_url = f"{bot.address}/slack/events"
            yield SlackStage(bot, clock, slack, users, channels)


async def test_blank_settings_in_the_environment_are_no_wish_for_many_workspaces(
    sqlite_url: str, tmp_path: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A service that passes .env on line by line sets blank variables, which Slack's library would take for a client id."""
    monkeypatch.setenv("SLACK_CLIENT_ID", "")
    monkeypatch.setenv("SLACK_CLIENT_SECRET", "")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    async with one_workspace(sqlite_url, tmp_path, clock) as stage:
        await stage.expects("dsl", await report(stage))
        async with aiohttp.ClientSession() as http, http.get(f"{stage.bot.address}/slack/install") as answer:
            assert answer.status == 404
    assert not (tmp_path / "home").exists()


async def test_a_school_that_names_its_workspace_takes_nothing_from_another(
    sqlite_url: str, tmp_path: Path, clock: FakeClock
) -> None:
    """With one token too: what the school file says counts, also for people of another workspace in a shared channel."""
    async with one_workspace(sqlite_url, tmp_path, clock, slack_team="T0NORTH") as stage:
        assert await report(stage)
        stage.slack.team_id = "T0STRAY"
        answer = await stage.users["teacher"].command("/esafety report")
        assert answer is not None
        assert NOT_CONNECTED in answer.shown


async def test_an_unsigned_request_names_no_workspace(trust: Trust) -> None:
    """Which workspace a request is of is believed only with Slack's signature."""
    await trust.install("north")
    stage = trust.schools["north"]
    stage.slack.signing_secret = "another"
    with pytest.raises(SlackShowsError, match="401"):
        await stage.users["teacher"].command("/esafety report")
    replies = await trust.slack.uninstall(trust.workspace("north"), trust.clock.now())
    assert {r.status for r in replies} == {401}
    assert await trust.installed() == ["T0NORTH"]


async def test_the_install_page_stores_no_more_than_sixty_states_a_minute_for_anybody(trust: Trust) -> None:
    """It is the one page that writes a row for whoever opens it. A second later there is room for one again."""
    for _ in range(60):
        assert (await trust.browser.opens("/slack/install"))[0] == 200
    full = await trust.states()
    assert full == 60
    for _ in range(5):
        assert (await trust.browser.opens("/slack/install"))[0] == 429
    assert await trust.states() == full
    trust.clock.advance(seconds=2)
    assert (await trust.install("north"))[0] == 200
    assert (await trust.browser.opens("/slack/install"))[0] == 200
    assert (await trust.browser.opens("/slack/install"))[0] == 429
