"""What became of a message that a chat gave no good answer to: refused, not taken for now, or perhaps posted all the same."""

from datetime import timedelta
from pathlib import Path

from bot.worker import NoSuchPlaceError, TryLaterError
from domain.messages import ProgressMessage
from domain.people import Address, AddressKind, Platform
from storage.store import Store
from tests.conftest import sqlite_at
from tests.fakes.clock import FakeClock
from tests.fakes.slack_server import Fault, LostCall, LostReply, RateLimited, Refused, ServerError
from tests.story.both_stage import at_rest
from tests.story.slack_stage import slack_stage
from tests.story.stage import CAST, Stage
from tests.story.teams_stage import teams_stage


async def sent(stage: Stage, platform: Platform) -> TryLaterError | NoSuchPlaceError | str:
    """A message to somebody who is in no channel, past the outbox."""
    school = next(iter(stage.bot.schools.values()))
    async with Store(stage.bot.database).transaction(school, write=False) as records:
        person = (await records.staff()).by_email(CAST["it"])
    assert person is not None
    address = Address(platform, AddressKind.PERSON, person.id)
    message = ProgressMessage("CSS-2026-0001", closed=False, role_title="Headteacher", at=stage.clock.now())
    try:
        return await stage.bot.worker.messengers[platform].send(school, address, message)
    except (TryLaterError, NoSuchPlaceError) as no:
        return no


SLACK: list[tuple[str, Fault, bool]] = [
    ("users.lookupByEmail", LostReply(), False),
    ("users.lookupByEmail", ServerError(), False),
    ("users.lookupByEmail", Refused("fatal_error"), False),
    ("chat.postMessage", LostReply(), True),
    ("chat.postMessage", LostCall(), True),
    ("chat.postMessage", ServerError(), True),
    ("chat.postMessage", Refused("internal_error"), True),
    ("chat.postMessage", Refused("fatal_error"), True),
    ("chat.postMessage", Refused("request_timeout"), True),
    ("chat.postMessage", RateLimited(30), False),
    ("chat.postMessage", Refused("invalid_auth"), False),
    ("chat.postMessage", Refused("not_in_channel"), False),
]


async def test_slack(tmp_path: Path, clock: FakeClock) -> None:
    """Only what broke while the message itself was being posted may have been posted."""
    async with slack_stage(sqlite_at(tmp_path / "slack.db"), tmp_path, clock) as stage:
        for method, fault, uncertain in SLACK:
            # A question whose answer is lost is asked again by the HTTP client itself.
            stage.slack.next_calls(method, 5 if method.startswith("users") else 1, fault)
            no = await sent(stage, Platform.SLACK)
            stage.slack.no_more_faults()
            assert isinstance(no, TryLaterError), (method, fault, no)
            assert no.uncertain is uncertain, (method, fault, no.code)
            if isinstance(fault, RateLimited):
                assert no.after == timedelta(seconds=30)
        stage.slack.next_calls("chat.postMessage", 1, Refused("invalid_blocks"))
        stage.slack.next_calls("chat.postMessage", 1, LostReply())
        no = await sent(stage, Platform.SLACK)
        assert isinstance(no, TryLaterError)
        assert no.uncertain, "it was lost as text, after the card was refused"
        stage.slack.next_calls("chat.postMessage", 1, Refused("user_not_found"))
        assert isinstance(await sent(stage, Platform.SLACK), NoSuchPlaceError)
        assert isinstance(await sent(stage, Platform.SLACK), str)
        await stage.slack.stop()
        no = await sent(stage, Platform.SLACK)
        assert isinstance(no, TryLaterError)
        assert not no.uncertain, "nobody was there to take it"
        await stage.slack.start()


TEAMS: list[tuple[int, int, bool]] = [
    (0, 1, True),
    (500, 1, True),
    (502, 1, True),
    (503, 1, True),
    (429, 1, False),
    (401, 2, False),
]
"""The status (0: done, and the answer lost), how often, and whether it may have been posted."""


async def test_teams(tmp_path: Path, clock: FakeClock) -> None:
    """The same; what goes wrong while a chat is opened posts nothing."""
    async with teams_stage(sqlite_at(tmp_path / "teams.db"), tmp_path, clock) as stage:
        await at_rest(stage.bot, stage.clock)
        for status, times, uncertain in TEAMS:
            stage.fake.fail(times, status, retry_after=30 if status == 429 else None, lost=not status)
            no = await sent(stage, Platform.TEAMS)
            assert isinstance(no, TryLaterError), (status, no)
            assert no.uncertain is uncertain, (status, no.code)
            if status == 429:
                assert no.after == timedelta(seconds=30)
        stage.fake.fail(1, 403)
        assert isinstance(await sent(stage, Platform.TEAMS), NoSuchPlaceError)
        # That they have removed the bot is remembered, so that their chat is opened anew.
        for lost in (True, False):
            stage.fake.fail(1, 500, lost=lost, of=["create"])
            no = await sent(stage, Platform.TEAMS)
            assert isinstance(no, TryLaterError)
            assert not no.uncertain
        assert isinstance(await sent(stage, Platform.TEAMS), str)
        await stage.fake.stop()
        no = await sent(stage, Platform.TEAMS)
        assert isinstance(no, TryLaterError)
        assert not no.uncertain, "nobody was there to take it"
        await stage.fake.start()


PATIENCE: list[tuple[str, timedelta | None]] = [
    ("0", timedelta(0)),
    ("120", timedelta(seconds=120)),
    ("9" * 40, timedelta(days=1)),
    ("Thu, 01 Jan 2015 00:00:00 GMT", timedelta(0)),
    ("Fri, 31 Dec 2199 23:59:59 GMT", timedelta(days=1)),
    ("", None),
    ("-5", None),
    ("1.5", None),
    ("soon", None),
    ("Fri, 99 Dec 2199 23:59:59 GMT", None),
]
"""What stands in Retry-After, and how long that is."""


async def test_whatever_stands_in_retry_after_the_place_is_left_alone(tmp_path: Path, clock: FakeClock) -> None:
    """A proxy on the way says it in its own fashion, or not at all: it is busy all the same, and was not posted."""
    async with slack_stage(sqlite_at(tmp_path / "slack.db"), tmp_path, clock) as slack:
        for said, after in PATIENCE:
            slack.slack.next_calls("chat.postMessage", 1, RateLimited(said))
            no = await sent(slack, Platform.SLACK)
            assert isinstance(no, TryLaterError), said
            assert (no.code, no.after, no.uncertain, no.of_place) == ("ratelimited", after, False, True), said
    async with teams_stage(sqlite_at(tmp_path / "teams.db"), tmp_path, clock) as teams:
        await at_rest(teams.bot, teams.clock)
        for said, after in PATIENCE:
            teams.fake.fail(1, 429, retry_after=said)
            no = await sent(teams, Platform.TEAMS)
            assert isinstance(no, TryLaterError), said
            assert (no.after, no.uncertain, no.of_place) == (after, False, True), said


async def taken_away(stage: Stage, platform: Platform, message_id: str) -> TryLaterError | NoSuchPlaceError | None:
    """A message is deleted, past the outbox."""
    school = next(iter(stage.bot.schools.values()))
    address = Address(platform, AddressKind.PERSON, "whoever")
    try:
        await stage.bot.worker.messengers[platform].delete(school, address, message_id)
    except (TryLaterError, NoSuchPlaceError) as no:
        return no
    return None


async def test_slack_deletes(tmp_path: Path, clock: FakeClock) -> None:
    """It is gone; that it was gone before is no error; what Slack does not let go, or not now, is said."""
    async with slack_stage(sqlite_at(tmp_path / "slack.db"), tmp_path, clock) as stage:
        posted = await sent(stage, Platform.SLACK)
        assert isinstance(posted, str)
        for refused in ("cant_delete_message", "compliance_exports_prevent_deletion", "channel_not_found"):
            stage.slack.next_calls("chat.delete", 1, Refused(refused))
            assert isinstance(await taken_away(stage, Platform.SLACK, posted), NoSuchPlaceError)
        stage.slack.next_calls("chat.delete", 1, RateLimited(30))
        assert isinstance(await taken_away(stage, Platform.SLACK, posted), TryLaterError)
        assert await taken_away(stage, Platform.SLACK, posted) is None
        assert next(m for m in stage.slack.posted if posted.endswith(f"/{m.ts}")).deleted
        assert await taken_away(stage, Platform.SLACK, posted) is None


async def test_teams_deletes(tmp_path: Path, clock: FakeClock) -> None:
    """The same in Teams."""
    async with teams_stage(sqlite_at(tmp_path / "teams.db"), tmp_path, clock) as stage:
        await at_rest(stage.bot, stage.clock)
        posted = await sent(stage, Platform.TEAMS)
        assert isinstance(posted, str)
        stage.fake.fail(1, 403, of=["delete"])
        assert isinstance(await taken_away(stage, Platform.TEAMS, posted), NoSuchPlaceError)
        stage.fake.fail(1, 503, of=["delete"])
        assert isinstance(await taken_away(stage, Platform.TEAMS, posted), TryLaterError)
        assert await taken_away(stage, Platform.TEAMS, posted) is None
        assert await taken_away(stage, Platform.TEAMS, posted) is None


async def test_slack_is_asked_whose_an_address_is_before_an_alert_goes_to_somebody_seen_long_ago(
    tmp_path: Path, clock: FakeClock
) -> None:
    """The technician left; their successor has the address now. With Slack out of reach, whoever had it last is written to."""
    async with slack_stage(sqlite_at(tmp_path / "slack.db"), tmp_path, clock) as stage:
        left = stage.slack.people[stage.users["it"].id]
        assert isinstance(await sent(stage, Platform.SLACK), str)
        clock.advance(days=400)
        left.email, left.deactivated = "gone@elsewhere.example", True
        stage.slack.next_calls("users.lookupByEmail", 5, ServerError())
        await sent(stage, Platform.SLACK)
        stage.slack.no_more_faults()
        before = len(stage.slack.posted)
        successor = stage.slack.add_user("New Technician", CAST["it"])
        assert isinstance(await sent(stage, Platform.SLACK), str)
        assert len(successor.messages) == 1
        assert len(stage.slack.posted) == before + 1
        asked = [c for c in stage.slack.calls if c.method == "users.lookupByEmail"]
        assert isinstance(await sent(stage, Platform.SLACK), str)
        assert len(successor.messages) == 2
        assert [c for c in stage.slack.calls if c.method == "users.lookupByEmail"] == asked, "once a day will do"


async def test_teams_is_asked_too(tmp_path: Path, clock: FakeClock) -> None:
    """In Teams the address is asked about where the bot has a chat with whoever had it."""
    async with teams_stage(sqlite_at(tmp_path / "teams.db"), tmp_path, clock) as stage:
        old = stage.users["it"]
        assert isinstance(await sent(stage, Platform.TEAMS), str)
        clock.advance(days=400)
        stage.fake.fail(1, of=("member",))
        assert isinstance(await sent(stage, Platform.TEAMS), str), "out of reach, whoever had it last is written to"
        left, told = stage.fake.people[old.id], len(old.from_bot)
        left.email = left.upn = "gone@elsewhere.example"
        assert isinstance(await sent(stage, Platform.TEAMS), NoSuchPlaceError)
        successor = stage.fake.add_user("New Technician", CAST["it"])
        await successor.install()
        await successor.waits_for_message()
        welcomed = len(successor.from_bot)
        assert isinstance(await sent(stage, Platform.TEAMS), str)
        assert len(old.from_bot) == told
        assert len(successor.from_bot) == welcomed + 1
