"""The door of the Slack edge: what is signed, what is sent twice, what is no payload of Slack's; over HTTP on a running bot."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import aiohttp
import pytest
import pytest_asyncio

from bot.slack.incoming import check
from cards import case
from cards.texts import say
from storage import tables as t
from tests.fakes.clock import FakeClock
from tests.fakes.slack_model import Delivery
from tests.fakes.slack_server import _http_body
from tests.story.both_stage import at_rest
from tests.story.slack_stage import SlackStage, slack_stage

GROOMING = {"concern": "grooming", "about": "pupil", "danger": "no"}
FORM, JSON = "application/x-www-form-urlencoded", "application/json"


@pytest_asyncio.fixture
async def stage(database_url: str, tmp_path: Path, clock: FakeClock) -> AsyncIterator[SlackStage]:
    """The demo school in a workspace, on both databases."""
    async with slack_stage(database_url, tmp_path, clock) as stage:
        yield stage


async def post(stage: SlackStage, body: bytes, headers: Mapping[str, str], kind: str = FORM) -> tuple[int, str]:
    """Sends a body as it is; the status and the answer."""
    address = stage.slack.bot_url
    given = {"Content-Type": kind, **headers}
    async with aiohttp.ClientSession() as http, http.post(address, data=body, headers=given) as answer:
        return answer.status, await answer.text()


async def signed(stage: SlackStage, said: Any, kind: str = FORM) -> tuple[int, str]:
    """Sends something that Slack has signed."""
    if isinstance(said, bytes):
        body = said
    else:
        body = (json.dumps(said) if kind == JSON else f"payload={quote(json.dumps(said))}").encode()
    return await post(stage, body, stage.slack.signature(body.decode()), kind)


async def rows(stage: SlackStage, table: Any) -> list[Any]:
    async with stage.bot.database.begin(write=False) as connection:
        return list(await connection.execute(table.select()))


# Sent a second time


class Twice:
    """Somebody who has overheard a request, and sends it again, signature and all."""

    def __init__(self, stage: SlackStage, delivery: Delivery) -> None:
        body, self._kind = _http_body(delivery)
        self._stage, self._body = stage, body.encode()
        self._headers = stage.slack.signature(body)

    async def send(self) -> tuple[int, str]:
        answer = await post(self._stage, self._body, self._headers, self._kind)
        await at_rest(self._stage.bot, self._stage.clock)
        return answer


async def test_a_hand_on_that_is_sent_again_is_not_done_again(stage: SlackStage) -> None:
    """Handed on to the deputy and by her back: the first form, overheard and sent once more, moves nothing."""
    reference = await stage.reports("teacher", GROOMING, {"what": "x"})
    dsl, deputy = stage.users["dsl"], stage.users["deputy"]
    await stage.expects("dsl", reference)
    dialog = await stage.press("dsl", "Hand on", reference)
    assert not isinstance(dialog, str)
    await dialog.fill({"to": deputy.name, "reason": "x"})
    view = dsl.view
    assert view is not None
    overheard = Twice(stage, Delivery("interactive", {**dsl._identity(), "type": "view_submission", "view": view.as_payload()}))
    first = await overheard.send()
    assert "errors" not in first[1]
    assert len(await rows(stage, t.case_notes)) == 1
    back = await stage.press("deputy", "Hand on", reference)
    assert not isinstance(back, str)
    await back.fill({"to": dsl.name, "reason": "y"})
    await back.submit()
    assert len(await rows(stage, t.case_notes)) == 2
    status, said = await overheard.send()
    assert status == 200
    assert json.loads(said)["response_action"] == "errors", "a form that was not taken is never shown as taken"
    assert len(await rows(stage, t.case_notes)) == 2


async def test_a_press_and_a_command_that_are_sent_again_do_nothing(stage: SlackStage) -> None:
    """A question is counted once, and the case is opened, and its opening logged, once."""
    reference = await stage.reports("teacher", GROOMING, {"what": "x"})
    await stage.expects("dsl", reference)
    await stage.press("dsl", "Details", reference)
    pressed = Twice(stage, stage.slack.deliveries[-1])
    await stage.command("teacher", "ask may I use my own phone?")
    await at_rest(stage.bot, stage.clock)
    asked = Twice(stage, stage.slack.deliveries[-1])
    for overheard in (pressed, asked):
        assert (await overheard.send())[0] == 200
    before = [len(await rows(stage, table)) for table in (t.audit, t.asked)]
    for overheard in (pressed, asked):
        assert (await overheard.send())[0] == 200
    assert [len(await rows(stage, table)) for table in (t.audit, t.asked)] == before


# Not signed

ODD_PROOFS: Mapping[str, Mapping[str, str]] = {
    "a time that is a word": {"X-Slack-Request-Timestamp": "soon", "X-Slack-Signature": "v0=" + "0" * 64},
    "a time of five thousand digits": {"X-Slack-Request-Timestamp": "9" * 5000, "X-Slack-Signature": "v0=" + "0" * 64},
    "a signature that is no ASCII": {"X-Slack-Request-Timestamp": str(int(time.time())), "X-Slack-Signature": "v0=\u00e9"},
    "no time": {"X-Slack-Signature": "v0=" + "0" * 64},
}


@pytest.mark.parametrize("what", ODD_PROOFS)
async def test_a_proof_that_is_none_is_a_401(stage: SlackStage, what: str) -> None:
    """Whatever stands where a signature should."""
    assert (await post(stage, b"command=%2Fesafety", ODD_PROOFS[what]))[0] == 401


@pytest.mark.parametrize("body", [b"payload=" + b"[" * 100_000, b"\xff\xfe", b"{" * 5000, b'{"type": "x"', b""])
async def test_nothing_that_is_not_signed_is_read(stage: SlackStage, body: bytes) -> None:
    """Bolt reads first and looks after: what nobody signed is not even taken to pieces."""
    for kind in (FORM, JSON, "text/html; charset=nonsense"):
        assert (await post(stage, body, {}, kind))[0] == 401


async def test_slacks_look_at_the_certificate_gets_its_yes(stage: SlackStage) -> None:
    """It is not signed, and nothing is done for it."""
    assert await post(stage, b"ssl_check=1&token=x", {}) == (200, "")


# Signed, and nothing that Slack sends

PERSON = {"user": {"id": "U1"}, "team": {"id": "T0SCHOOL", "domain": "x"}, "trigger_id": "1.1"}
ODD: Mapping[str, Any] = {
    "a list": [],
    "a number": 7,
    "nothing": {},
    "a kind that nobody knows": {"type": "dialog_submission", **PERSON},
    "nobody": {**PERSON, "type": "shortcut", "user": {}},
    "a user that is a list": {**PERSON, "type": "shortcut", "user": ["U1"]},
    "a user with a space": {**PERSON, "type": "shortcut", "user": {"id": "U 1"}},
    "a user that no record has room for": {**PERSON, "type": "shortcut", "user": {"id": "U" * 65}},
    "a press of nothing": {**PERSON, "type": "block_actions", "actions": []},
    "a press without a place": {**PERSON, "type": "block_actions", "actions": [{"type": "button", "action_id": "details"}]},
    "a form without a view": {**PERSON, "type": "view_submission"},
    "a view of no kind": {**PERSON, "type": "view_submission", "view": {"callback_id": "x"}},
    "values that are a list": {
        **PERSON,
        "type": "view_submission",
        "view": {"type": "modal", "callback_id": "x", "state": {"values": []}},
    },
    "an event without a kind": {"type": "event_callback", "event": {}, "team_id": "T0SCHOOL"},
    **{
        f"a change of {what}": {"type": "event_callback", "event": {"type": "user_change", "user": user}, "team_id": "T0SCHOOL"}
        for what, user in {
            "nobody": {},
            "a word": "U1",
            "a user with odd teams": {"id": "U1", "enterprise_user": {"teams": 5}},
        }.items()
    },
    "an answer to somebody else": {
        **PERSON,
        "type": "message_action",
        "callback_id": "report_message",
        "message": {"ts": "1.1"},
        "response_url": "http://169.254.169.254/latest/meta-data/",
    },
}


@pytest.mark.parametrize(
    ("url", "is_slacks"),
    [
        ("https://hooks.slack.com/commands/T1/2/x", True),
        ("https://hooks.slack-gov.com/actions/x", True),
        ("http://hooks.slack.com/x", False),
        ("https://hooks.slack.com.evil.example/x", False),
        ("https://hooks.slack.com@evil.example/x", False),
        ("https://evil.example/hooks.slack.com", False),
        ("//hooks.slack.com/x", False),
        ("http://127.0.0.1/x", False),
        ("https://[", False),
    ],
)
def test_answers_go_to_slack_alone(url: str, is_slacks: bool) -> None:
    """What a command says of where its answer goes is held to Slack's own address for that."""
    said = {"command": "/esafety", "user_id": "U1", "team_id": "T1", "trigger_id": "1.1", "response_url": url}
    with nullcontext() if is_slacks else pytest.raises(ValueError, match=r"answers|Invalid"):
        check(said, api="https://slack.com/api/")


@pytest.mark.parametrize("what", ODD)
async def test_what_slack_would_never_send_is_refused(stage: SlackStage, what: str, caplog: pytest.LogCaptureFixture) -> None:
    """Even signed: 400, and no failure of ours."""
    assert (await signed(stage, ODD[what]))[0] == 400
    assert [r.getMessage() for r in caplog.records if r.exc_info] == []


@pytest.mark.parametrize("deep", [201, 5000, 100_000])
async def test_what_is_nested_too_deep_is_refused(stage: SlackStage, deep: int) -> None:
    """And is no RecursionError."""
    assert (await signed(stage, b"payload=" + b"[" * deep + b"]" * deep))[0] == 400


async def test_a_broken_paste_is_no_reason_to_refuse_a_report(stage: SlackStage) -> None:
    """NUL and half a character, as Slack may hand them on: the report is kept without them."""
    first = await stage.command("teacher", "report")
    assert not isinstance(first, str)
    await first.fill(GROOMING)
    second = await first.submit()
    assert second is not None
    await second.fill({"what": "before NUL after HALF", "illegal": "no"})
    user = stage.users["teacher"]
    assert user.view is not None
    said = json.dumps({**user._identity(), "type": "view_submission", "view": user.view.as_payload()})
    said = said.replace("NUL", "\\u0000").replace("HALF", "\\ud83d")
    status, answer = await signed(stage, f"payload={quote(said)}".encode())
    assert status == 200
    assert say("sent.title") in answer


# Too much


async def test_a_client_that_has_run_wild_can_still_report(stage: SlackStage) -> None:
    """Of thirteen hundred requests of one user in a moment the last are refused; a form is not, and nobody else is."""
    who = {"user_id": "UWILD", "team_id": "T0SCHOOL", "channel_id": "D1"}
    command = {"command": "/esafety", "text": "help", **who, "trigger_id": "1.1", "response_url": "http://127.0.0.1/x"}
    body = urlencode(command).encode()
    found = [(await post(stage, body, stage.slack.signature(body.decode())))[0] for _ in range(1300)]
    assert found == [200] * 1200 + [429] * 100
    view = {"type": "modal", "callback_id": case.CLOSE_FORM, "private_metadata": "x", "state": {"values": {}}}
    form = {"type": "view_submission", "user": {"id": "UWILD"}, "team": {"id": "T0SCHOOL", "domain": "x"}, "view": view}
    assert (await signed(stage, form))[0] == 200
    other = urlencode({**command, "user_id": "UCALM"}).encode()
    assert (await post(stage, other, stage.slack.signature(other.decode())))[0] == 200


# More than can be answered


async def test_a_question_without_room_is_put_off_in_its_acknowledgement_and_a_report_is_not(stage: SlackStage) -> None:
    """The line is as long as it gets: who asks is told so, by nothing that a report would wait for. Then it is answered."""
    teacher, turns, go_on = stage.users["teacher"], stage.bot.turns, asyncio.Event()

    async def one() -> None:
        async with turns.turn():
            await go_on.wait()

    line = [asyncio.create_task(one()) for _ in range(48)]
    await asyncio.sleep(0)
    for asked in ("/esafety ask Can I friend an ex-pupil?", "/esafety ASK Can I friend an ex-pupil?"):
        told = await teacher.command(asked)
        assert told is not None
        assert "Very many people are asking" in told.shown
        assert "Report" in str(told.buttons)
    assert stage.bot.metrics.registry.get_sample_value("esafety_answers_total", {"verdict": "put_off"}) == 2
    reference = await stage.reports("teacher", GROOMING, {"what": "x"})
    await stage.expects("dsl", reference)
    go_on.set()
    await asyncio.gather(*line)
    assert "Very many people" not in await stage.ask("teacher", "Can I friend an ex-pupil?")
