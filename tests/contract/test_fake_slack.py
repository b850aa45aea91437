"""The fake Slack behaves as Slack does, with a small real bot (Bolt, Slack's own SDK) at the other end."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from aiohttp import web
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.slack.values import form_values
from cards import blockkit
from cards.model import Button, Buttons, Card, Choice, Confirm, Form, MomentField, Option, PeopleField, Text, TextField
from tests.fakes.slack_server import FakeSlack, LostReply, RateLimited, Refused, ServerError
from tests.fakes.slack_user import SlackShowsError, SlackUser

pytestmark = pytest.mark.asyncio

KINDS = Choice("kind", "What kind?", (Option("bullying", "Bullying"), Option("nudes", "Images")))
DETAILS = TextField("details", "What happened?", multiline=True, max_length=200, live=True)
WHEN = MomentField("when", "When?", required=False)
WHO = PeopleField("who", "Who?")
OTHERS = PeopleField("others", "Who else?", searchable=False)
REPORT = Form("report", "Report", (KINDS, DETAILS, WHEN, WHO, OTHERS), submit="Send", state="draft-1")
ALERT = Card(
    "Concern ES-1",
    "Concern ES-1: critical",
    (
        Buttons(
            (
                Button("take", "I have it", "ES-1"),
                Button("close", "Close", "ES-1", confirm=Confirm("Close?", "Sure?", "Yes", "No")),
            )
        ),
    ),
)


@dataclass
class World:
    """A school with a channel, two people and a bot that writes down what it hears."""

    slack: FakeSlack
    client: AsyncWebClient
    dana: SlackUser
    tom: SlackUser
    channel: str
    heard: list[Any]
    server: web.AppRunner


def _small_bot(slack: FakeSlack, heard: list[Any]) -> AsyncApp:
    client = AsyncWebClient(token=slack.token, base_url=slack.base_url)
    app = AsyncApp(client=client, signing_secret=slack.signing_secret, process_before_response=True)

    async def acknowledge(ack: Any) -> None:
        await ack()

    async def open_report(body: dict[str, Any], client: AsyncWebClient) -> None:
        await client.views_open(trigger_id=body["trigger_id"], view=blockkit.modal(REPORT))

    async def take(body: dict[str, Any], respond: Any) -> None:
        heard.append(body["actions"][0]["value"])
        await respond(replace_original=True, **blockkit.message(Card("Taken", "Taken", ())))

    @app.view("report")
    async def submitted(ack: Any, view: dict[str, Any]) -> None:
        values = form_values(view)
        heard.append(values)
        match values["details"]:
            case "short":
                await ack(response_action="errors", errors={"details": "Say more"})
            case "again":
                await ack(response_action="update", view=blockkit.modal(REPORT))
            case "more":
                await ack(response_action="push", view=blockkit.modal(Form("more", "More", (Text("Read this"),))))
            case "wrong":
                await ack(response_action="errors", errors={"nowhere": "?"})
            case "slow":
                await asyncio.sleep(0.6)
            case _:
                await ack()

    @app.options("who")
    async def suggest(ack: Any, payload: dict[str, Any]) -> None:
        await ack(options=[blockkit.option("person:7", f"{payload['value'].title()} Jones", "9B")])

    @app.event("message")
    async def said(event: dict[str, Any], request: AsyncBoltRequest) -> None:
        heard.append((event["text"], request.headers.get("x-slack-retry-num")))

    @app.event("app_home_opened")
    async def home(event: dict[str, Any], client: AsyncWebClient) -> None:
        await client.views_publish(user_id=event["user"], view=blockkit.home(Card("Hello", "Hello", (Text("Welcome"),))))

    @app.event("app_mention")
    async def mentioned(event: dict[str, Any], client: AsyncWebClient) -> None:
        await client.chat_postEphemeral(channel=event["channel"], user=event["user"], text="In private, please")

    app.command("/esafety")(ack=acknowledge, lazy=[open_report])
    app.shortcut("report_this")(ack=acknowledge, lazy=[open_report])
    app.action("take")(ack=acknowledge, lazy=[take])

    @app.action("close")
    async def closed(ack: Any) -> None:
        heard.append("closed")
        await ack()

    @app.action("details")
    async def typing(ack: Any, body: dict[str, Any]) -> None:
        heard.append(("typing", form_values(body["view"])["details"]))
        await ack()

    return app


@pytest_asyncio.fixture
async def world() -> AsyncIterator[World]:
    async with FakeSlack() as slack:
        heard: list[Any] = []
        app = _small_bot(slack, heard)
        site = web.Application()
        site.router.add_post("/slack/events", partial(_dispatch, app))
        runner = web.AppRunner(site, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        slack.bot_url = f"http://127.0.0.1:{runner.addresses[0][1]}/slack/events"
        dana, tom = slack.add_user("Dana Lead"), slack.add_user("Tom Teacher")
        channel = slack.add_channel("safeguarding", [dana], private=True)
        client = AsyncWebClient(token=slack.token, base_url=slack.base_url)
        yield World(slack, client, dana, tom, channel, heard, runner)
        await runner.cleanup()


async def _dispatch(app: AsyncApp, request: web.Request) -> web.Response:
    bolt_request = AsyncBoltRequest(body=await request.text(), headers=dict(request.headers))
    answer = await app.async_dispatch(bolt_request)
    return web.Response(status=answer.status, text=answer.body)


async def test_a_person_fills_in_the_form_that_a_command_opens(world: World) -> None:
    """A command opens a dialog; what is filled in by label comes to the bot as the neutral values."""
    await world.dana.command("/esafety report")
    view = await world.dana.waits_for_view("Report")
    moment = datetime(2026, 5, 4, 13, 30, tzinfo=UTC)
    await world.dana.fill(view, {"What kind?": "Images", "What happened?": "A thing", "When?": moment, "who": ["sam"]})
    await world.dana.fill(view, {"Who else?": " Alex  Smith \n\nJo"})
    assert await world.dana.submit() == {}
    assert world.dana.view is None
    assert world.heard[-1] == {
        "kind": "nudes",
        "details": "A thing",
        "when": "2026-05-04T13:30:00+00:00",
        "who": ("person:7",),
        "others": ("text:Alex Smith", "text:Jo"),
    }


async def test_nothing_filled_in_reads_as_empty(world: World) -> None:
    """An untouched form holds empty texts and empty tuples, never None."""
    await world.dana.command("/esafety report")
    view = await world.dana.waits_for_view("Report")
    assert form_values(view.as_payload()) == {"kind": "", "details": "", "when": "", "who": (), "others": ()}


async def test_the_client_asks_for_required_fields_itself(world: World) -> None:
    """A required field left empty is marked by the client, and the bot hears nothing."""
    await world.dana.command("/esafety report")
    await world.dana.waits_for_view()
    assert set(await world.dana.submit()) == {"kind", "details"}
    assert world.heard == []


@pytest.mark.parametrize(("typed", "title", "depth"), [("again", "Report", 1), ("more", "More", 2)])
async def test_the_bot_may_change_or_add_a_view_in_its_answer(world: World, typed: str, title: str, depth: int) -> None:
    """`update` and `push` do what they do in the client, and what was typed stays."""
    await world.dana.command("/esafety report")
    view = await world.dana.waits_for_view()
    await world.dana.fill(view, {"kind": "bullying", "details": typed})
    assert await world.dana.submit() == {}
    assert world.dana.view is not None
    assert (world.dana.view.title, len(world.slack.views[world.dana.id])) == (title, depth)
    assert view.value("details") == typed


async def test_errors_stand_at_their_fields(world: World) -> None:
    """Errors in the answer show at the field, and the dialog stays with what was typed."""
    await world.dana.command("/esafety report")
    view = await world.dana.waits_for_view()
    await world.dana.fill(view, {"kind": "bullying", "details": "short"})
    assert await world.dana.submit() == {"details": "Say more"}
    assert world.dana.view is view


@pytest.mark.parametrize("typed", ["wrong", "slow"])
async def test_a_wrong_or_late_answer_fails_the_test_with_what_slack_shows(world: World, typed: str) -> None:
    """An error at a field that is not there, or no answer in three seconds, is an error the person sees."""
    await world.dana.command("/esafety report")
    view = await world.dana.waits_for_view()
    await world.dana.fill(view, {"kind": "bullying", "details": typed})
    world.slack.patience = 0.3
    with pytest.raises(SlackShowsError, match="trouble connecting"):
        await world.dana.submit()


async def test_typing_is_told_to_the_bot(world: World) -> None:
    """A live field tells the bot what stands in the whole form while it is typed."""
    await world.dana.command("/esafety report")
    await world.dana.type_into(await world.dana.waits_for_view(), "What happened?", "He sa")
    assert world.heard == [("typing", "He sa")]


async def test_a_press_in_a_channel_changes_the_message(world: World) -> None:
    """A button in a message reaches the bot with its value, and the response URL replaces the message for everyone."""
    await world.client.chat_postMessage(channel=world.channel, **blockkit.message(ALERT))
    alert = await world.dana.waits_for_message("ES-1", channel=world.channel)
    await world.dana.press(alert, "Close", confirm=False)
    await world.dana.press(alert, "I have it")
    await world.slack.until(lambda: alert.edits, "the message is replaced")
    assert (world.heard, alert.shown, alert.buttons) == (["ES-1"], "Taken", [])
    with pytest.raises(AssertionError, match="no button"):
        await world.dana.press(alert, "I have it")
    with pytest.raises(AssertionError, match="is not in"):
        await world.tom.press(alert, "I have it")


async def test_events_reach_the_bot_and_come_again_when_not_answered(world: World) -> None:
    """A direct message is an event, which may come again with its id and the retry headers; so are mentions and the home."""
    await world.tom.direct_message("can I friend <an ex-pupil>?")
    await world.slack.send_again()
    assert world.heard == [("can I friend &lt;an ex-pupil&gt;?", None), ("can I friend &lt;an ex-pupil&gt;?", ["1"])]
    assert len({delivery.payload["event_id"] for delivery in world.slack.deliveries}) == 1
    await world.tom.open_home()
    await world.tom.waits_for_home("Welcome")
    await world.dana.mention(world.channel, "help")
    assert [message.text for message in world.dana.ephemerals] == ["In private, please"]
    assert world.tom.ephemerals == []


async def test_a_shortcut_on_a_message_opens_the_form(world: World) -> None:
    """A message shortcut carries the message and a trigger that opens a dialog."""
    said = world.slack.say(world.channel, world.dana.id, "look at this")
    await world.dana.message_shortcut("report_this", said)
    await world.dana.waits_for_view("Report")


async def test_a_trigger_opens_one_dialog_and_soon(world: World) -> None:
    """A trigger works once, and not after its life is over; a wrong view is refused with what is wrong."""
    view = blockkit.modal(REPORT)
    used = world.slack.new_trigger(world.dana.id)
    await world.client.views_open(trigger_id=used, view=view)
    assert await _error(world.client.views_open(trigger_id=used, view=view)) == "exchanged_trigger_id"
    assert await _error(world.client.views_open(trigger_id="no", view=view)) == "invalid_trigger_id"
    world.slack.trigger_life = 0
    late = world.slack.new_trigger(world.dana.id)
    assert await _error(world.client.views_open(trigger_id=late, view=view)) == "expired_trigger_id"
    world.slack.trigger_life = 3
    wrong = {**view, "title": {"type": "plain_text", "text": "much too long for the title of a dialog"}}
    assert await _error(world.client.views_open(trigger_id=late, view=wrong)) == "invalid_arguments"
    assert await _error(world.client.views_update(view_id="V0", view=view)) == "not_found"
    assert world.dana.view is not None
    assert await _error(world.client.views_update(view_id=world.dana.view.id, hash="old", view=view)) == "hash_conflict"


async def test_messages_go_where_they_may(world: World) -> None:
    """A message to a person opens their direct messages; to a channel without the bot, or with wrong blocks, it is refused."""
    sent = await world.client.chat_postMessage(channel=world.tom.id, text="hello")
    assert sent["channel"] == world.slack.direct_channel(world.tom.id).id
    hall = world.slack.add_channel("hall", [world.tom], with_bot=False)
    assert await _error(world.client.chat_postMessage(channel=hall, text="hello")) == "not_in_channel"
    assert await _error(world.client.chat_postMessage(channel="C0", text="hello")) == "channel_not_found"
    assert (
        await _error(world.client.chat_postMessage(channel=world.channel, text="x", blocks=[{"type": "no"}]))
        == "invalid_blocks"
    )
    assert await _error(world.client.chat_update(channel=world.channel, ts=sent["ts"], text="x")) == "message_not_found"
    await world.client.chat_update(channel=sent["channel"], ts=sent["ts"], text="changed")
    assert [message.text for message in world.tom.messages] == ["changed"]


async def test_people_and_members_can_be_looked_up_page_by_page(world: World) -> None:
    """Lookups answer as Slack's do, with a cursor to the next page, and show no address without the scope for it."""
    found = await world.client.users_lookupByEmail(email=world.tom.email)
    assert found["user"]["id"] == world.tom.id
    world.slack.page_size = 1
    first = await world.client.conversations_members(channel=world.channel)
    second = await world.client.conversations_members(channel=world.channel, cursor=first["response_metadata"]["next_cursor"])
    assert [*first["members"], *second["members"]] == [world.dana.id, "U0BOT"]
    assert second["response_metadata"]["next_cursor"] == ""
    world.slack.scopes = "users:read"
    assert "email" not in (await world.client.users_info(user=world.tom.id))["user"]["profile"]
    assert await _error(world.client.users_lookupByEmail(email=world.tom.email)) == "missing_scope"
    who = await world.client.auth_test()
    assert (who["user_id"], who.headers["x-oauth-scopes"]) == ("U0BOT", "users:read")
    assert await _error(AsyncWebClient(token="xoxb-other", base_url=world.slack.base_url).auth_test()) == "invalid_auth"


async def test_slack_fails_in_the_ways_slack_fails(world: World) -> None:
    """Rate limits, errors and lost replies come as asked for; after a lost reply the message is there all the same."""
    world.slack.next_calls("chat.postMessage", 1, RateLimited(7))
    world.slack.next_calls("chat.postMessage", 1, ServerError())
    world.slack.next_calls("chat.postMessage", 1, Refused("fatal_error"))
    with pytest.raises(SlackApiError) as limited:
        await world.client.chat_postMessage(channel=world.channel, text="one")
    assert (limited.value.response.status_code, limited.value.response.headers["Retry-After"]) == (429, "7")
    with pytest.raises(SlackApiError) as broken:
        await world.client.chat_postMessage(channel=world.channel, text="two")
    assert broken.value.response.status_code == 500
    assert await _error(world.client.chat_postMessage(channel=world.channel, text="three")) == "fatal_error"
    assert world.slack.messages_in(world.channel) == []
    world.slack.next_calls("chat.postMessage", 1, LostReply())
    impatient = AsyncWebClient(token=world.slack.token, base_url=world.slack.base_url, retry_handlers=[])
    with pytest.raises(aiohttp.ClientError):
        await impatient.chat_postMessage(channel=world.channel, text="four")
    assert [message.text for message in world.slack.messages_in(world.channel)] == ["four"]


async def test_slack_goes_away_and_comes_back(world: World) -> None:
    """While stopped it cannot be reached; started again it is at the same address with everything it held."""
    address = world.slack.base_url
    await world.client.chat_postMessage(channel=world.channel, text="before")
    await world.slack.stop()
    with pytest.raises(aiohttp.ClientError):
        await world.client.chat_postMessage(channel=world.channel, text="lost")
    await world.slack.start()
    await world.client.chat_postMessage(channel=world.channel, text="after")
    assert world.slack.base_url == address
    assert [message.text for message in world.slack.messages_in(world.channel)] == ["before", "after"]


async def test_an_ephemeral_message_can_be_pressed_and_replaced(world: World) -> None:
    """What is shown to one person is seen, pressed and replaced by that person alone."""
    await world.client.chat_postEphemeral(channel=world.channel, user=world.dana.id, **blockkit.message(ALERT))
    shown = await world.dana.waits_for_message("ES-1")
    await world.dana.press(shown, "I have it")
    await world.slack.until(lambda: shown.edits, "the ephemeral message is replaced")
    assert world.slack.messages_in(world.channel) == []


async def test_a_bot_that_answers_badly_fails_the_test(world: World) -> None:
    """A refused signature or a bot that is gone is what the person sees."""
    world.slack.signing_secret = "another"
    with pytest.raises(SlackShowsError, match="dispatch_failed"):
        await world.dana.command("/esafety report")
    await world.server.cleanup()
    with pytest.raises(SlackShowsError, match="operation_timeout"):
        await world.dana.command("/esafety report")


async def test_the_same_story_by_socket_mode(world: World) -> None:
    """The real Socket Mode client connects, gets envelopes and acknowledges them, with answers to submissions in them."""
    app = _small_bot(world.slack, world.heard)
    handler: Any = AsyncSocketModeHandler(app, world.slack.app_token, web_client=AsyncWebClient(base_url=world.slack.base_url))
    await handler.connect_async()
    await world.slack.until(lambda: world.slack.socket_count, "the bot is connected")
    world.slack.bot_url = ""
    await world.dana.command("/esafety report")
    view = await world.dana.waits_for_view("Report")
    await world.dana.fill(view, {"kind": "bullying", "details": "short"})
    assert await world.dana.submit() == {"details": "Say more"}
    assert all(json.dumps(ack) for ack in world.slack.acks)
    await handler.close_async()


async def _error(call: Any) -> str:
    with pytest.raises(SlackApiError) as refused:
        await call
    return str(refused.value.response["error"])
