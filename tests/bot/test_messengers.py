"""What became of a message that a chat gave no good answer to: refused, not taken for now, or perhaps posted all the same."""

from datetime import timedelta
from pathlib import Path

from bot.worker import NoSuchPlaceError, TryLaterError
from domain.messages import ProgressMessage
from domain.people import Address, AddressKind, Platform
from storage.store import Store
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
    async with slack_stage(f"sqlite:///{tmp_path / 'slack.db'}", tmp_path, clock) as stage:
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
    async with teams_stage(f"sqlite:///{tmp_path / 'teams.db'}", tmp_path, clock) as stage:
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
