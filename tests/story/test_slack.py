"""What is true of Slack alone: its retries, signatures, shortcuts, outages, refusals, and the connection that the bot opens."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio

from bot.settings import ConsoleMode, Settings, SettingsError, SlackMode
from bot.slack import serving
from bot.wiring import running
from domain.people import Address, AddressKind, Platform
from storage import tables as t
from storage.database import Database
from storage.sealed import opened_draft
from storage.store import Store
from tests.conftest import sqlite_at
from tests.fakes.clock import FakeClock
from tests.fakes.slack_model import Message
from tests.fakes.slack_server import FakeSlack, LostCall, LostReply, RateLimited, Refused, ServerError, Slow
from tests.story.slack_stage import SlackDialog, SlackStage, import_demo_people, slack_stage
from tests.story.stage import BRUNEL, SAFEGUARDING, Dialog, reference_in, write_school

GROOMING = {"concern": "grooming", "about": "pupil", "danger": "no"}
WHAT = "He keeps asking her for pictures"


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    """One database is enough here: the story itself runs on both."""
    return sqlite_at(tmp_path / "slack.db")


@pytest_asyncio.fixture
async def stage(database_url: str, tmp_path: Path, clock: FakeClock) -> AsyncIterator[SlackStage]:
    """The demo school in a workspace."""
    async with slack_stage(database_url, tmp_path, clock) as stage:
        yield stage


async def grooming(stage: SlackStage, who: str = "teacher", **details: str | list[str]) -> str:
    """A report for the DSL; gives its reference."""
    return await stage.reports(who, GROOMING, {"what": WHAT, **details})


def copies(stage: SlackStage, who: str, reference: str) -> list[Message]:
    """The alerts about a report that somebody has in their direct messages."""
    return [m for m in stage.users[who].messages if reference in m.shown and "Details" in m.buttons]


# What Slack sends


async def test_an_event_that_slack_sends_again_is_answered_once(stage: SlackStage) -> None:
    """Slack repeats an event it believes lost: the same event gets one answer."""
    teacher = stage.users["teacher"]
    await teacher.direct_message("I want to report something")
    await teacher.waits_for_message("Two short screens")
    for retry in (1, 2, 3):
        reply = await stage.slack.send_again(retry=retry)
        assert reply.status == 200
    await stage.settled()
    assert len([m for m in teacher.messages if "Two short screens" in m.shown]) == 1


@pytest.mark.parametrize("forged", ["signature", "old", "missing", "other secret"])
async def test_a_forged_or_stale_request_is_refused(stage: SlackStage, forged: str) -> None:
    """Only what Slack has signed within five minutes is heard."""
    body = "command=%2Fesafety&text=report&user_id=U1&team_id=T0SCHOOL&trigger_id=1&response_url=http%3A%2F%2Fx"
    headers = stage.slack.signature(body, age=301 if forged == "old" else 0)
    match forged:
        case "signature":
            headers["X-Slack-Signature"] = "v0=" + "0" * 64
        case "missing":
            headers = {}
        case "other secret":
            headers = FakeSlack(signing_secret="another").signature(body)
        case _:
            pass
    headers["Content-Type"] = "application/x-www-form-urlencoded"
    async with aiohttp.ClientSession() as http, http.post(stage.slack.bot_url, data=body, headers=headers) as answer:
        assert answer.status == 401
    assert not stage.slack.calls_of("views.open")


@pytest.mark.parametrize("body", [b"", b"{", b"payload=%7B", b"\xff\xfe", b"payload=null", b"[]"])
async def test_a_signed_request_that_makes_no_sense_breaks_nothing(stage: SlackStage, body: bytes) -> None:
    """Signed or not, nonsense gets an answer, and the next person is served."""
    text = body.decode("latin-1")
    headers = {"Content-Type": "application/x-www-form-urlencoded", **stage.slack.signature(text)}
    async with aiohttp.ClientSession() as http, http.post(stage.slack.bot_url, data=text.encode(), headers=headers) as answer:
        assert answer.status in (200, 400, 401, 404)
    assert isinstance(await stage.command("teacher", "report"), SlackDialog)


# Ways in


async def test_the_global_shortcut_opens_the_form(stage: SlackStage) -> None:
    """From the shortcuts menu, wherever one is."""
    await stage.users["teacher"].shortcut("report_concern")
    view = await stage.users["teacher"].waits_for_view("Report a concern")
    assert "concern" in view.fields


async def test_a_message_shortcut_carries_the_link_and_nothing_else(stage: SlackStage) -> None:
    """Begun at a message, the case holds the message's address; its text and its file never reach the bot's records."""
    teacher, dsl = stage.users["teacher"], stage.users["dsl"]
    channel = stage.slack.add_channel("year-8", [teacher])
    bad = stage.slack.say(channel, teacher.id, "look at this SECRETWORD <https://files.example/SECRETFILE.png>")
    await teacher.message_shortcut("report_message", bad)
    view = await teacher.waits_for_view("Report a concern")
    dialog = SlackDialog(teacher, view)
    await dialog.fill(GROOMING)
    second = await dialog.submit()
    assert second is not None
    await second.fill({"what": WHAT, "illegal": "no"})
    receipt = await second.submit()
    assert receipt is not None
    reference = reference_in(receipt.shown)
    await stage.expects("dsl", reference)
    case = await stage.press("dsl", "Details", reference)
    assert isinstance(case, Dialog)
    assert f"https://school.slack.com/archives/{channel}/p{bad.ts.replace('.', '')}" in case.shown
    assert "SECRET" not in dsl.everything_seen
    async with stage.bot.database.begin(write=False) as connection:
        for table in t.metadata.tables.values():
            assert "SECRET" not in str(list(await connection.execute(table.select()))), table.name
    assert not [c for c in stage.slack.calls if c.method.startswith("files.")]


@pytest.mark.parametrize("words", ["report", "Report!", "I have a concern.", "REPORT please", "to report: bullying"])
async def test_saying_report_offers_the_form(stage: SlackStage, words: str) -> None:
    """In a direct message or by a mention: a button that opens the form, and the request to write no details in the chat."""
    teacher = stage.users["teacher"]
    await teacher.direct_message(words)
    offer = await teacher.waits_for_message("write names or details")
    await teacher.press(offer, "Start a report")
    await teacher.waits_for_view("Report a concern")


async def test_a_mention_is_answered_to_that_person_alone(stage: SlackStage) -> None:
    """In a channel nobody else sees that somebody wants to report."""
    teacher, it = stage.users["teacher"], stage.users["it"]
    channel = stage.slack.add_channel("staff-room", [teacher, it])
    await teacher.mention(channel, "report")
    await teacher.waits_for_message("write names or details")
    assert len(stage.slack.messages_in(channel)) == 1
    assert it.ephemerals == []


async def test_any_other_word_gets_the_ways_on(stage: SlackStage) -> None:
    """Hello is answered with what one can do."""
    await stage.users["teacher"].direct_message("hello <!channel>")
    answer = await stage.users["teacher"].waits_for_message("How can I help")
    assert "<!channel>" not in str(answer.as_payload())


@pytest.mark.parametrize(
    "text", ["report", "REPORT", " report ", "report\n", "report\tnow", "report\u00a0now", "report a boy in 8C"]
)
async def test_the_command_is_read_as_people_type_it(stage: SlackStage, text: str) -> None:
    """Case, spaces and what follows do not matter."""
    teacher = stage.users["teacher"]
    await teacher.command(f"/esafety {text}")
    await teacher.waits_for_view("Report a concern")


async def test_the_home_tab_of_a_lead_and_of_a_teacher(stage: SlackStage) -> None:
    """The lead's shows what is theirs, and a press there changes it; the teacher's shows their own reports and no queue."""
    reference = await grooming(stage)
    dsl, teacher = stage.users["dsl"], stage.users["teacher"]
    await dsl.open_home()
    home = await dsl.waits_for_home(reference)
    await dsl.press(home, "Acknowledge")
    await dsl.waits_for_home("With Dana Okafor")
    await teacher.open_home()
    page = await teacher.waits_for_home(reference)
    assert "My queue" not in page.shown
    assert "Acknowledge" not in page.buttons
    for name in ("headteacher", "it"):
        await stage.users[name].open_home()
        assert reference not in (await stage.users[name].waits_for_home()).shown


async def test_somebody_on_no_list_can_report(stage: SlackStage) -> None:
    """A supply teacher with an account and no line in staff.csv: the report is kept, alerted and receipted."""
    stage.users = {**stage.users, "supply": stage.slack.add_user("Sam Supply", "sam@agency.example")}
    reference = await grooming(stage, "supply")
    await stage.expects("supply", reference, "have been alerted")
    await stage.expects("dsl", reference)
    assert "not been asked to answer" in str(await stage.command("supply", "queue"))


async def test_somebody_on_no_list_is_shown_no_pupil(stage: SlackStage) -> None:
    """A guest of the workspace may report, but does not get the school's list of pupils by typing a letter."""
    guest = stage.slack.add_user("Gus Guest", "gus@elsewhere.example")
    stage.users = {**stage.users, "guest": guest}
    first = await stage.command("guest", "report")
    assert isinstance(first, Dialog)
    await first.fill(GROOMING)
    await first.submit()
    offered = await guest.suggest(None, "targets", "Bea")
    assert "Exemplar" not in str(offered)


# Typing that is kept


async def test_what_was_typed_survives_a_restart(database_url: str, tmp_path: Path, clock: FakeClock) -> None:
    """Slack reports typing of the long fields: stopped and started again, the bot offers the report with every word of it."""
    async with slack_stage(database_url, tmp_path, clock) as stage:
        first = await stage.command("teacher", "report")
        assert isinstance(first, Dialog)
        await first.fill(GROOMING)
        second = await first.submit()
        assert second is not None
        await second.fill({"what": "Half a sente", "targets": ["Bea Exemplar"], "done": "Told her tutor"})
        await stage.settled()
        slack, settings, users = stage.slack, stage.bot.settings, stage.users
        async with _kept_typing(stage.bot.database, "Half a sente"):
            pass
    async with slack, running(settings.model_copy(update={"slack_api_url": slack.base_url}), clock) as bot:
        slack.bot_url = f"{bot.address}/slack/events"
        again = SlackStage(bot, clock, slack, users, stage.channels)
        offer = await again.command("teacher", "report")
        assert isinstance(offer, Dialog)
        assert "did not send it" in offer.shown
        resumed = await offer.press("Carry on")
        assert resumed is not None
        assert resumed.value("what") == "Half a sente"
        assert resumed.value("done") == "Told her tutor"
        await resumed.fill({"what": "Half a sentence and the rest", "illegal": "no"})
        receipt = await resumed.submit()
        assert receipt is not None
        await again.expects("dsl", reference_in(receipt.shown))


class _kept_typing:  # noqa: N801 - reads as what it waits for
    """Waits until what was typed is in the database."""

    def __init__(self, database: Database, words: str) -> None:
        self._database = database
        self._words = words

    async def __aenter__(self) -> None:
        for _ in range(100):
            if self._words in await self._kept():
                return
            await asyncio.sleep(0.02)
        raise AssertionError("what was typed was not kept")

    async def _kept(self) -> str:
        async with self._database.begin(write=False) as connection:
            rows = (await connection.execute(t.drafts.select())).all()
        return str([opened_draft(await self._database.vault.of_school(row.school), row) for row in rows])

    async def __aexit__(self, *_: object) -> None:
        return


# Slack in trouble


async def test_slack_down_after_the_report_loses_no_alert(stage: SlackStage) -> None:
    """Sent just before Slack went away: the report is kept, and everybody is told once Slack is back."""
    await stage.slack.until(lambda: True, "started")
    await stage.command("teacher", "mine")
    stage.slack.next_calls("chat.postMessage", 50, ServerError())
    reference = await grooming(stage)
    await stage.slack.stop()
    for _ in range(3):
        stage.clock.advance(seconds=3)
        stage.bot.worker.bell.set()
        await asyncio.sleep(0.1)
    stage.slack.no_more_faults()
    await stage.slack.start()
    stage.clock.advance(minutes=2)
    await stage.expects("dsl", reference, "Nobody has acknowledged")
    await stage.expects("teacher", reference, "have been alerted")


async def test_a_rate_limit_is_waited_out(stage: SlackStage) -> None:
    """Slack asks for thirty seconds: not before then, and then it arrives."""
    stage.slack.next_calls("chat.postMessage", 3, RateLimited(30))
    reference = await grooming(stage)
    await stage.settled()
    assert copies(stage, "dsl", reference) == []
    stage.clock.advance(seconds=29)
    await stage.settled()
    assert copies(stage, "dsl", reference) == []
    stage.clock.advance(seconds=1)
    await stage.expects("dsl", reference)
    assert len(copies(stage, "dsl", reference)) == 1


async def test_a_lost_answer_makes_a_repeat_that_says_so(stage: SlackStage) -> None:
    """The message went out but Slack's answer was lost: it is sent again, and the second copy says that it may be one."""
    stage.slack.next_calls("chat.postMessage", 6, LostReply())
    reference = await grooming(stage)
    await stage.settled()
    stage.slack.no_more_faults()
    for _ in range(4):
        stage.clock.advance(seconds=10)
        await stage.settled()
    found = copies(stage, "dsl", reference)
    assert len(found) >= 2
    assert "may have had this before" not in found[0].shown
    assert all("may have had this before" in m.shown for m in found[1:])


@pytest.mark.parametrize("fault", [LostCall(), ServerError(), Slow(2.0), RateLimited(60), Refused("fatal_error")])
async def test_slack_that_does_not_say_who_somebody_is_costs_no_report(
    stage: SlackStage, fault: LostCall | ServerError | Slow | RateLimited | Refused
) -> None:
    """Whatever goes wrong with looking a user up, the form opens and the report is kept."""
    stage.users = {**stage.users, "new": stage.slack.add_user("Nia Newcomer", "nia@demo.example")}
    stage.slack.next_calls("users.info", 20, fault)
    reference = await grooming(stage, "new")
    await stage.expects("dsl", reference)


async def test_lost_connections_while_looking_up_readers_do_not_end_the_bot(
    database_url: str, tmp_path: Path, clock: FakeClock
) -> None:
    """The bot stops when one of its parts ends by itself: a dropped connection must not be such an end."""
    async with slack_stage(database_url, tmp_path, clock) as stage:
        stage.slack.next_calls("conversations.members", 20, LostCall())
        settings = stage.bot.settings.model_copy(update={"database_url": sqlite_at(tmp_path / "other.db")})
        async with running(settings, clock) as other:
            await asyncio.sleep(0.5)
            assert [task.get_name() for task in other.tasks if task.done()] == []


async def test_blocks_that_slack_refuses_are_sent_as_text(stage: SlackStage) -> None:
    """A card that Slack does not take must not cost the alert: it arrives as a line of text."""
    await stage.command("teacher", "mine")
    stage.slack.next_calls("chat.postMessage", 1, Refused("invalid_blocks"))
    reference = await grooming(stage)
    await stage.settled()
    calls = [c for c in stage.slack.calls_of("chat.postMessage") if c.answer.get("ok")]
    assert any(c.arguments.get("blocks") == [] and reference in c.arguments["text"] for c in calls)
    await stage.expects("dsl", reference)


async def test_an_unknown_person_is_passed_over_at_once(stage: SlackStage) -> None:
    """The DSL has no account in the workspace, and there is no channel: the deputy is asked now, not in fifteen minutes."""
    stage.slack.people[stage.users["dsl"].id].email = "renamed@elsewhere.example"
    stage.slack.channels[stage.channels[SAFEGUARDING]].is_archived = True
    async with stage.bot.database.begin() as connection:
        await connection.execute(t.accounts.delete())
    reference = await grooming(stage)
    await stage.expects("deputy", reference, "nobody before you has answered")


async def test_a_deactivated_account_is_passed_over_at_once(stage: SlackStage) -> None:
    """Somebody who has left the workspace is not waited for."""
    stage.slack.people[stage.users["dsl"].id].deactivated = True
    stage.slack.channels[stage.channels[SAFEGUARDING]].is_archived = True
    reference = await grooming(stage)
    await stage.expects("deputy", reference, "nobody before you has answered")


# Who reads a channel


async def test_somebody_who_joins_a_channel_is_looked_up_anew(stage: SlackStage) -> None:
    """The channel showed alerts; the moment somebody joins who is named in a report, it shows that report no more."""
    kind = {"concern": "grooming", "about": "unknown", "danger": "no"}
    head = stage.users["brunel head"]
    await join(stage, head, SAFEGUARDING)
    reference = await stage.reports("teacher", kind, {"targets": ["Bryn Marsh"], "what": WHAT})
    await stage.expects("dsl", reference)
    await stage.never("dsl", reference, SAFEGUARDING)


async def test_somebody_who_joins_later_does_not_see_what_was_shown(stage: SlackStage) -> None:
    """A card about them stands in the channel; invited, they find it withdrawn."""
    kind = {"concern": "grooming", "about": "unknown", "danger": "no"}
    reference = await stage.reports("teacher", kind, {"targets": ["Bryn Marsh"], "what": WHAT})
    await stage.expects("dsl", reference, "Nobody has acknowledged", channel=SAFEGUARDING)
    await join(stage, stage.users["brunel head"], SAFEGUARDING)
    await stage.settled()
    shown = [m for m in stage.sees("brunel head", SAFEGUARDING) if reference in m]
    assert not [m for m in shown if "Nobody has acknowledged" in m or "Grooming" in m]


async def test_a_reader_whom_the_staff_list_does_not_know_may_be_anybody(stage: SlackStage) -> None:
    """The named deputy reads the channel under another address: it shows nothing of the report."""
    stage.slack.people["U-other"] = type(stage.slack.people[stage.users["dsl"].id])("U-other", "M. L.", "maja@personal.example")
    await join_id(stage, "U-other", SAFEGUARDING)
    kind = {"concern": "grooming", "about": "unknown", "danger": "no"}
    members = stage.slack.channels[stage.channels[SAFEGUARDING]].members
    members.remove(stage.users["deputy"].id)
    await join_id(stage, "U-other", SAFEGUARDING)
    reference = await stage.reports("teacher", kind, {"perpetrators": [], "targets": ["Maja Lindqvist"], "what": WHAT})
    await stage.expects("dsl", reference)
    await stage.never("dsl", reference, SAFEGUARDING)


async def join(stage: SlackStage, user: object, channel: str) -> None:
    """Somebody is invited to a channel."""
    await join_id(stage, str(getattr(user, "id", "")), channel)


async def join_id(stage: SlackStage, user_id: str, channel: str) -> None:
    """Slack tells the bot who joined, and the readers are looked up."""
    channel_id = stage.channels[channel]
    members = stage.slack.channels[channel_id].members
    if user_id not in members:
        members.append(user_id)
    before = len(stage.slack.calls_of("conversations.members"))
    event = {"type": "member_joined_channel", "user": user_id, "channel": channel_id, "channel_type": "G", "team": "T0SCHOOL"}
    await stage.users["teacher"]._event(event)
    await stage.slack.until(lambda: len(stage.slack.calls_of("conversations.members")) > before, "the readers were looked up")
    address = Address(Platform.SLACK, AddressKind.CHANNEL, channel_id)
    school = next(iter(stage.bot.schools.values()))
    for _ in range(100):
        async with Store(stage.bot.database).transaction(school, write=False) as records:
            if address in await records.readers(stage.clock.now()):
                return
        await asyncio.sleep(0.02)
    raise AssertionError("the readers were never kept")


# Starting


def settings_for(slack: FakeSlack, database_url: str, schools: Path, **more: object) -> Settings:
    """The settings of a bot for a fake Slack."""
    given: dict[str, object] = {
        "SLACK_BOT_TOKEN": slack.token,
        "SLACK_APP_TOKEN": slack.app_token,
        "SLACK_SIGNING_SECRET": slack.signing_secret,
        "SLACK_API_URL": slack.base_url,
        "ESAFETY_SLACK_MODE": SlackMode.HTTP,
        "ESAFETY_CONSOLE": ConsoleMode.OFF,
        "ESAFETY_DATABASE_URL": database_url,
        "ESAFETY_SCHOOLS": schools,
        "PORT": 0,
    }
    return Settings.model_validate({**given, **more})


@pytest.fixture
def schools(tmp_path: Path) -> Path:
    """The demo school's file."""
    return write_school(tmp_path / "schools", "slack", {SAFEGUARDING: "C1", BRUNEL: "C2"})


@pytest.mark.parametrize(
    ("wrong", "name"),
    [
        ({"SLACK_BOT_TOKEN": "xoxb-wrong"}, "SLACK_BOT_TOKEN"),
        ({"SLACK_APP_TOKEN": "xapp-wrong", "ESAFETY_SLACK_MODE": SlackMode.SOCKET}, "SLACK_APP_TOKEN"),
    ],
)
async def test_a_token_that_slack_refuses_is_one_clear_line(
    database_url: str, schools: Path, clock: FakeClock, wrong: dict[str, object], name: str
) -> None:
    """The variable is named, and what Slack said; nothing is left running."""
    async with FakeSlack() as slack:
        before = asyncio.all_tasks()
        with pytest.raises(SettingsError, match=rf"{name}.*invalid_auth") as no:
            async with running(settings_for(slack, database_url, schools, **wrong), clock):
                pass
        assert "\n" not in str(no.value)
        await asyncio.sleep(0.05)
        left = [task.get_name() for task in asyncio.all_tasks() - before if task.get_name() in ("worker", "slack-readers")]
        assert left == []


@pytest.mark.parametrize("mode", SlackMode)
async def test_a_start_without_slack_is_no_failure(
    database_url: str, schools: Path, clock: FakeClock, mode: SlackMode, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Slack out of reach when the machine comes up: the bot starts, and is there when Slack is."""
    monkeypatch.setattr(serving, "_CONNECT_SECONDS", 1.0)
    slack = FakeSlack()
    await slack.start()
    await slack.stop()
    settings = settings_for(slack, database_url, schools, ESAFETY_SLACK_MODE=mode)
    async with (
        asyncio.timeout(20),
        running(settings, clock) as bot,
        aiohttp.ClientSession() as http,
        http.get(f"{bot.address}/readyz") as ready,
    ):
        assert ready.status == 200


# Socket Mode


async def test_the_whole_walk_over_socket_mode(database_url: str, tmp_path: Path, clock: FakeClock) -> None:
    """Without a public address: reported, alerted, acknowledged over the connection that the bot opened, and over the next."""
    async with AsyncExitStack() as stack:
        slack = await stack.enter_async_context(FakeSlack())
        teacher = slack.add_user("Tess Whitlock", "t.whitlock@demo.example")
        dsl = slack.add_user("Dana Okafor", "d.okafor@demo.example")
        channels = {SAFEGUARDING: slack.add_channel(SAFEGUARDING, [dsl]), BRUNEL: slack.add_channel(BRUNEL, [dsl])}
        folder = write_school(tmp_path / "schools", "slack", channels)
        settings = settings_for(slack, database_url, folder, ESAFETY_SLACK_MODE=SlackMode.SOCKET, SLACK_SIGNING_SECRET="")
        bot = await stack.enter_async_context(running(settings, clock))
        bot.worker.idle = 0.02
        await import_demo_people(bot, clock)
        await slack.until(lambda: slack.socket_count, "the bot connected")
        stage = SlackStage(bot, clock, slack, {"teacher": teacher, "dsl": dsl}, channels)
        reference = await grooming(stage)
        await stage.expects("dsl", reference, "Nobody has acknowledged")
        await stage.press("dsl", "Acknowledge", reference)
        await stage.expects("teacher", reference, "acknowledged your report")
        await slack.drop_sockets()
        await slack.until(lambda: slack.socket_count, "the bot connected again")
        assert (await grooming(stage)).startswith("CSS-2026-")


async def test_nothing_that_was_typed_is_in_the_log(stage: SlackStage, caplog: pytest.LogCaptureFixture) -> None:
    """Names and narrative stand in the records alone, even when everything goes wrong."""
    caplog.set_level(logging.DEBUG)
    stage.slack.next_calls("chat.postMessage", 3, Refused("invalid_blocks"))
    reference = await grooming(stage, targets=["Bea Exemplar"])
    await stage.expects("dsl", reference)
    ours = [r for r in caplog.records if r.name.startswith("esafety") and r.levelno >= logging.INFO]
    written = "\n".join(r.getMessage() for r in ours)
    for secret in ("Bea", "Exemplar", WHAT):
        assert secret not in written
