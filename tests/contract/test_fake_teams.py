"""The fake Teams behaves as Teams does, with a small bot at the other end that answers as each test wants."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import aiohttp
import jwt
import pytest
import pytest_asyncio
from aiohttp import web
from jwt import PyJWK

from cards import adaptive
from cards.model import (
    Button,
    Buttons,
    Card,
    Choice,
    Confirm,
    Form,
    MomentField,
    Option,
    PeopleField,
    PersonChoice,
    Text,
    TextField,
)
from tests.fakes.teams_model import (
    ADAPTIVE,
    OpenDialog,
    TeamsShowsError,
    card_problems,
    dialog_problems,
    refuse_wrong_activity,
)
from tests.fakes.teams_server import ISSUER, SCOPE, FakeTeams, other_key
from tests.fakes.teams_user import Team, TeamsUser

pytestmark = pytest.mark.asyncio

Answer: TypeAlias = tuple[int, Any]
NOTE = "application/vnd.microsoft.activity.message"
KINDS = Choice("kind", "What kind?", (Option("bullying", "Bullying", "Unkind again"), Option("nudes", "Images")))
DETAILS = TextField("details", "What happened?", multiline=True, max_length=40)
WHEN = MomentField("when", "When?", required=False)
WHO = PeopleField("who", "Who?", required=False)
REPORT = Form("report", "Report", (KINDS, DETAILS, WHEN, WHO), submit="Send", state="draft-1")
ALERT = Card(
    "Concern ES-1",
    "Concern ES-1: critical",
    (
        Buttons(
            (
                Button("take", "I have it", "ES-1"),
                Button("details", "Details", "ES-1", opens_form=True),
                Button("close", "Close", "ES-1", confirm=Confirm("Close?", "Sure?", "Yes", "No")),
            )
        ),
    ),
)


@dataclass
class Toy:
    """A bot that writes down what it hears and gives the answers put ready for an invoke, else an empty 200."""

    heard: list[Any] = field(default_factory=list)
    headers: list[str] = field(default_factory=list)
    answers: dict[str, Callable[[Any], Answer]] = field(default_factory=dict)
    pause: float = 0

    async def serve(self, request: web.Request) -> web.Response:
        activity = await request.json()
        self.heard.append(activity)
        self.headers.append(request.headers.get("Authorization", ""))
        await asyncio.sleep(self.pause)
        answer = self.answers.get(activity.get("name", ""))
        status, body = answer(activity["value"]) if answer else (200, None)
        return web.Response(status=status) if body is None else web.json_response(body, status=status)

    def of(self, kind: str) -> list[Any]:
        return [activity for activity in self.heard if activity["type"] == kind]


@dataclass
class World:
    """A school with two people, a team with a channel, and the bot's way to the connector."""

    teams: FakeTeams
    toy: Toy
    http: aiohttp.ClientSession
    dana: TeamsUser
    tom: TeamsUser
    house: Team
    token: str = ""

    @property
    def channel(self) -> str:
        return self.house.channels["brunel"]

    async def call(self, method: str, path: str, body: Any = None, **query: Any) -> Answer:
        """One call of the connector with the token that the bot has; the status and the body."""
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        url = f"{self.teams.service_url}v3/{path}"
        async with self.http.request(method, url, json=body, headers=headers, params=query) as response:
            text = await response.text()
            return response.status, json.loads(text) if text else None

    async def sends(self, conversation: str, activity: Any) -> str:
        status, answer = await self.call("POST", f"conversations/{conversation}/activities", activity)
        assert status == 201, answer
        return str(answer["id"])

    async def log_in(self, **changes: str) -> Answer:
        form = {
            "grant_type": "client_credentials",
            "client_id": self.teams.app_id,
            "client_secret": self.teams.app_password,
            "scope": f"{SCOPE}/.default",
        }
        url = f"{self.teams.settings['TO_CHANNEL_FROM_BOT_LOGIN_URL']}/oauth2/v2.0/token"
        async with self.http.post(url, data={**form, **changes}) as response:
            return response.status, await response.json()


@pytest_asyncio.fixture
async def world() -> AsyncIterator[World]:
    toy = Toy()
    app = web.Application()
    app.router.add_post("/api/messages", toy.serve)
    server = web.AppRunner(app, shutdown_timeout=0.1)
    await server.setup()
    await web.TCPSite(server, "127.0.0.1", 0).start()
    async with FakeTeams() as teams, aiohttp.ClientSession() as http:
        teams.bot_url = f"http://127.0.0.1:{server.addresses[0][1]}/api/messages"
        dana, tom = teams.add_user("Dana Okafor", "dana@school.example"), teams.add_user("Tom Whitlock", "tom@school.example")
        world = World(teams, toy, http, dana, tom, teams.add_team("Brunel", [dana], ["brunel"]))
        world.token = (await world.log_in())[1]["access_token"]
        yield world
    await server.cleanup()


def message(card: Card = ALERT, **more: Any) -> dict[str, Any]:
    return {"type": "message", "attachments": [{"contentType": ADAPTIVE, "content": adaptive.card(card)}], **more}


def dialog(form: Form = REPORT, **more: Any) -> dict[str, Any]:
    card = {"contentType": ADAPTIVE, "content": adaptive.form(form)}
    value = {"title": form.title, "height": "large", "width": "large", "card": card, **more}
    return {"task": {"type": "continue", "value": value}}


def code(answer: Answer) -> tuple[int, str]:
    return answer[0], answer[1]["error"]["code"]


# Keys and tokens


async def keys_of(world: World) -> list[Any]:
    async with world.http.get(world.teams.settings["TO_BOT_FROM_CHANNEL_OPENID_METADATA_URL"]) as response:
        metadata = await response.json()
    assert metadata["issuer"] == ISSUER
    async with world.http.get(metadata["jwks_uri"]) as response:
        return list((await response.json())["keys"])


async def test_what_teams_sends_is_signed_with_a_published_key(world: World) -> None:
    """The token of a delivery is proved by the key that the metadata leads to, and names the bot and the connector."""
    await world.dana.install()
    (key,) = await keys_of(world)
    scheme, _, token = world.toy.headers[-1].partition(" ")
    claims = jwt.decode(token, PyJWK(key), algorithms=["RS256"], audience=world.teams.app_id, issuer=ISSUER)
    assert (scheme, claims["serviceurl"], key["endorsements"]) == ("Bearer", world.teams.service_url, ["msteams"])
    assert jwt.get_unverified_header(token)["kid"] == key["kid"]


async def test_the_key_changes(world: World) -> None:
    """After a rotation the old key is no longer published, and what is signed from then on needs the new one."""
    (old,) = await keys_of(world)
    world.teams.rotate_key()
    (new,) = await keys_of(world)
    assert new["kid"] != old["kid"]
    jwt.decode(world.teams.token(), PyJWK(new), algorithms=["RS256"], audience=world.teams.app_id)
    with pytest.raises(jwt.InvalidSignatureError):
        jwt.decode(world.teams.token(), PyJWK(old), algorithms=["RS256"], audience=world.teams.app_id)


@pytest.mark.parametrize(
    ("changes", "wrong"),
    [
        ({"aud": "another-app"}, jwt.InvalidAudienceError),
        ({"iss": "https://elsewhere.example"}, jwt.InvalidIssuerError),
        ({"age": 7200}, jwt.ExpiredSignatureError),
        ({"age": -7200}, jwt.ImmatureSignatureError),
        ({"key": other_key()}, jwt.InvalidSignatureError),
        ({"alg": "none"}, jwt.InvalidAlgorithmError),
        ({"alg": "HS256", "key": b"a-secret-that-is-long-enough-for-it"}, jwt.InvalidAlgorithmError),
        ({"exp": None}, jwt.MissingRequiredClaimError),
    ],
)
async def test_any_part_of_a_token_can_be_wrong(world: World, changes: dict[str, Any], wrong: type[Exception]) -> None:
    """Tokens are made wrong in one way each, so that a bot can be shown to refuse them all."""
    (key,) = await keys_of(world)
    token = world.teams.token(**changes)
    with pytest.raises(wrong):
        jwt.decode(
            token,
            PyJWK(key),
            algorithms=["RS256"],
            audience=world.teams.app_id,
            issuer=ISSUER,
            options={"require": ["exp"]},
        )


async def test_any_token_can_be_sent(world: World) -> None:
    """An activity goes out with the token that a test gives, or with none."""
    activity = world.dana.activity("message", world.dana.chat, text="hello")
    await world.dana.send(activity, token="wrong")
    await world.dana.send(activity, token="")
    assert world.toy.headers == ["Bearer wrong", ""]


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"client_secret": "no"}, (401, "invalid_client")),
        ({"client_id": "no"}, (400, "unauthorized_client")),
        ({"grant_type": "password"}, (400, "unsupported_grant_type")),
        ({"scope": SCOPE}, (400, "invalid_scope")),
    ],
)
async def test_the_login_is_as_strict_as_the_real_one(world: World, changes: dict[str, str], error: tuple[int, str]) -> None:
    """Only the right app with its secret gets an access token, for the right scope."""
    status, answer = await world.log_in(**changes)
    assert (status, answer["error"]) == error
    assert [call.status for call in world.teams.calls_of("token")] == [200, error[0]]
    assert "client_secret" not in world.teams.calls_of("token")[0].body


@pytest.mark.parametrize("token", ["", "wrong"])
async def test_the_connector_wants_a_token_of_its_login(world: World, token: str) -> None:
    """Without a token, with a wrong one or with a forgotten one every call is 401."""
    await world.dana.install()
    path = f"conversations/{world.dana.chat.id}/activities"
    good, world.token = world.token, token
    assert (await world.call("POST", path, message()))[0] == 401
    world.token = good
    world.teams.forget_tokens()
    assert (await world.call("POST", path, message()))[0] == 401
    assert world.dana.messages == []


async def test_an_anonymous_teams_has_no_tokens() -> None:
    """As a development client does, it sends none and asks for none."""
    async with FakeTeams(anonymous=True) as teams, aiohttp.ClientSession() as http:
        dana = teams.add_user("Dana Okafor", "dana@school.example")
        dana.chat.own_app = True
        async with http.post(f"{teams.service_url}v3/conversations/{dana.chat.id}/activities", json=message()) as response:
            assert response.status == 201
        assert teams.settings == {}


# What the bot sends


async def test_a_message_is_posted_changed_in_place_and_deleted(world: World) -> None:
    """A message has an id, all its versions are kept, and people see the newest."""
    await world.dana.install()
    sent = await world.sends(world.dana.chat.id, message())
    (alert,) = world.dana.from_bot
    assert (alert.id, alert.buttons) == (sent, ["I have it", "Details", "Close"])
    assert "Concern ES-1" in alert.shown
    path = f"conversations/{world.dana.chat.id}/activities/{sent}"
    assert await world.call("PUT", path, message(Card("Taken", "Taken", ()))) == (200, {"id": sent})
    assert (alert.shown, alert.edits) == ("Taken", 1)
    assert "Concern ES-1" in json.dumps(alert.as_payload())
    assert await world.call("DELETE", path) == (200, None)
    assert world.dana.messages == []
    assert "Concern ES-1" in json.dumps(world.teams.raw_history())
    assert code(await world.call("PUT", path, message())) == (404, "ActivityNotFoundInConversation")


@pytest.mark.parametrize(
    ("activity", "error"),
    [
        ({"type": "message"}, (400, "BadArgument")),
        ({"type": "message", "text": "  "}, (400, "BadArgument")),
        ({"type": "trace", "text": "x"}, (400, "BadArgument")),
        ([], (400, "BadSyntax")),
        (
            {"type": "message", "attachments": [{"contentType": "image/png", "contentUrl": "https://x.example"}]},
            (400, "BadSyntax"),
        ),
        ({"type": "message", "attachments": [{"contentType": ADAPTIVE, "content": "{}"}]}, (400, "BadSyntax")),
        ({"type": "message", "text": "x" * 60_000}, (413, "MessageSizeTooBig")),
    ],
)
async def test_a_wrong_activity_is_refused(world: World, activity: Any, error: tuple[int, str]) -> None:
    """Nothing to show, an unknown type, no card or too much of it: refused, and nobody sees anything."""
    await world.dana.install()
    assert code(await world.call("POST", f"conversations/{world.dana.chat.id}/activities", activity)) == error
    assert world.dana.messages == []


async def test_the_size_is_counted_in_utf_16() -> None:
    """Every letter has two bytes there, so that a text of 51,000 letters is too big and one of 50,000 is not."""
    refuse_wrong_activity({"type": "message", "text": "x" * 50_000})
    with pytest.raises(Exception, match="too large"):
        refuse_wrong_activity({"type": "message", "text": "x" * 51_300})


@pytest.mark.parametrize(
    ("part", "said"),
    [
        ({"body": [{"type": "Nonsense"}]}, "body"),
        ({"version": "1.6"}, "1.6"),
        ({"body": [{"type": "Input.Text", "id": "a"}, {"type": "Input.Date", "id": "a"}]}, "2 inputs"),
        ({"body": [{"type": "Input.Date", "id": "a", "value": "4 May"}]}, "no date"),
        ({"body": [{"type": "Input.Time", "id": "a", "value": "9:5"}]}, "no time"),
        ({"actions": [{"type": "Action.Execute", "title": "A"}]}, "no verb"),
        ({"actions": [{"type": "Action.Submit", "title": "A", "data": {"msteams": {"type": "task/open"}}}]}, "task/open"),
        ({"actions": [{"type": "Action.Submit", "title": "A", "data": "text"}]}, "no object"),
        (
            {
                "actions": [
                    {
                        "type": "Action.ShowCard",
                        "title": "A",
                        "card": {"type": "AdaptiveCard", "actions": [{"type": "Action.Execute", "title": "B"}]},
                    }
                ]
            },
            "«B» has no verb",
        ),
        (
            {
                "body": [
                    {"type": "Input.ChoiceSet", "id": "a", "isMultiSelect": True, "choices": [{"title": "A", "value": "1,2"}]}
                ]
            },
            "comma",
        ),
        (
            {"body": [{"type": "Input.ChoiceSet", "id": "a", "choices": [], "choices.data": {"type": "Data.Query"}}]},
            "dataset",
        ),
    ],
)
async def test_a_wrong_card_is_refused(world: World, part: dict[str, Any], said: str) -> None:
    """What the schema refuses, and what Teams could not do anything with, is found anywhere in a card."""
    card = {"type": "AdaptiveCard", "version": "1.5", "body": [{"type": "TextBlock", "text": "x"}]}
    assert card_problems(card, "message") == []
    await world.dana.install()
    activity = {"type": "message", "attachments": [{"contentType": ADAPTIVE, "content": {**card, **part}}]}
    status, answer = await world.call("POST", f"conversations/{world.dana.chat.id}/activities", activity)
    assert (status, answer["error"]["code"]) == (400, "BadSyntax")
    assert said in answer["error"]["message"]


async def test_an_update_is_a_text_or_a_card(world: World) -> None:
    """A text with a card is two messages to Teams, which one update cannot be; nor can a bot change what a person wrote."""
    await world.dana.install()
    await world.dana.say("hello")
    sent = await world.sends(world.dana.chat.id, message(text="Look:"))
    (said, looked) = world.dana.messages
    assert looked.shown.startswith("Look:\nConcern ES-1")
    path = f"conversations/{world.dana.chat.id}/activities"
    assert code(await world.call("PUT", f"{path}/{sent}", message(text="Look:"))) == (400, "BadSyntax")
    assert code(await world.call("PUT", f"{path}/{said.id}", message())) == (403, "NotEnoughPermissions")


async def test_a_thread_begins_in_a_channel_and_goes_on(world: World) -> None:
    """A post in a channel is a conversation of its own, to which replies belong; it needs the team to have the app."""
    begin = {
        "isGroup": True,
        "channelData": {"channel": {"id": world.channel}, "tenant": {"id": world.teams.tenant}},
        "activity": message(),
    }
    assert code(await world.call("POST", "conversations", begin)) == (403, "BotNotInConversationRoster")
    await world.house.install(world.dana)
    status, begun = await world.call("POST", "conversations", begin)
    assert (status, begun["id"]) == (201, f"{world.channel};messageid={begun['activityId']}")
    await world.sends(begun["id"], message())
    reply = await world.call("POST", f"conversations/{begun['id']}/activities/{begun['activityId']}", message())
    assert reply[0] == 201
    assert {one.thread for one in world.teams.messages_in(world.channel)} == {begun["activityId"]}
    assert (await world.call("PUT", f"conversations/{begun['id']}/activities/{begun['activityId']}", message()))[0] == 200
    for wrong, error in (
        ({**begin, "isGroup": False}, (400, "BadArgument")),
        ({**begin, "activity": None}, (400, "BadSyntax")),
        ({**begin, "channelData": {"channel": {"id": world.channel}}}, (400, "BadArgument")),
        ({**begin, "tenantId": "another"}, (403, "BotDisabledByAdmin")),
    ):
        assert code(await world.call("POST", "conversations", wrong)) == error


@pytest.mark.parametrize("named", ["teams_id", "id"])
async def test_a_chat_is_opened_with_somebody_who_has_the_app(world: World, named: str) -> None:
    """By either of their ids, and always the same chat; without the app it is refused, and so it is after it was removed."""
    wanted = {"members": [{"id": getattr(world.tom, named)}], "tenantId": world.teams.tenant}
    assert code(await world.call("POST", "conversations", wanted)) == (403, "BotNotInConversationRoster")
    await world.tom.install()
    opened = await world.call("POST", "conversations", wanted)
    assert opened == (201, {"id": world.tom.chat.id}) == await world.call("POST", "conversations", wanted)
    await world.tom.uninstall()
    assert code(await world.call("POST", f"conversations/{world.tom.chat.id}/activities", message())) == (
        403,
        "BotNotInConversationRoster",
    )
    unknown = {**wanted, "members": [{"id": "29:nobody"}]}
    assert code(await world.call("POST", "conversations", unknown)) == (400, "MemberNotFoundInConversation")
    two = {**wanted, "members": [{"id": world.tom.id}, {"id": world.dana.id}]}
    assert code(await world.call("POST", "conversations", two)) == (400, "BadArgument")


async def test_a_member_of_a_team_with_the_app_can_be_written_to(world: World) -> None:
    """Somebody without the app of their own is reached through the team, unless the tenant wants it in person."""
    await world.house.install(world.dana)
    wanted = {"members": [{"id": world.dana.id}], "tenantId": world.teams.tenant}
    assert (await world.call("POST", "conversations", wanted))[0] == 201
    await world.sends(world.dana.chat.id, message())
    world.teams.needs_personal_app = True
    assert code(await world.call("POST", "conversations", wanted))[0] == 403


@pytest.mark.parametrize("path", ["a:nothing/activities", "a:nothing/activities/1", "19:none@thread.tacv2/pagedmembers"])
async def test_what_is_not_there_is_not_found(world: World, path: str) -> None:
    """An unknown conversation is 404 with Bot Framework's code, as is an unknown message or member in a known one."""
    await world.dana.install()
    method = "GET" if path.endswith("members") else "POST"
    assert code(await world.call(method, f"conversations/{path}", message() if method == "POST" else None)) == (
        404,
        "ConversationNotFound",
    )
    here = f"conversations/{world.dana.chat.id}"
    assert code(await world.call("POST", f"{here}/activities/1", message())) == (404, "ActivityNotFoundInConversation")
    assert code(await world.call("GET", f"{here}/members/{world.tom.id}")) == (404, "MemberNotFoundInConversation")
    assert code(await world.call("GET", "teams/19:none@thread.tacv2")) == (404, "TeamNotFound")


# Members


async def test_members_come_page_by_page(world: World) -> None:
    """A page has 50 at least whatever was asked for, and a token that leads to the next; the last has none."""
    for number in range(60):
        world.house.roster.members.append(world.teams.add_user(f"Pat {number}").id)
    await world.house.install(world.dana)
    path = f"conversations/{world.channel}/pagedmembers"
    _, first = await world.call("GET", path, pageSize=1)
    _, last = await world.call("GET", path, pageSize=1, continuationToken=first["continuationToken"])
    assert (len(first["members"]), len(last["members"]), "continuationToken" in last) == (50, 11, False)
    assert len((await world.call("GET", path))[1]["members"]) == 61
    assert code(await world.call("GET", path, continuationToken="from:1")) == (400, "BadArgument")
    assert len(world.teams.calls_of("pagedmembers")) == 4


async def test_a_member_is_described(world: World) -> None:
    """By either id, with name, sign-in name, e-mail and role; a guest signs in with a name that is no address of theirs."""
    guest = world.teams.add_user("Gil Visitor", "gil@visitor.example", guest=True)
    world.house.roster.members.append(guest.id)
    await world.house.install(world.dana)
    by_teams_id = await world.call("GET", f"conversations/{world.house.id}/members/{guest.teams_id}")
    assert by_teams_id == await world.call("GET", f"conversations/{world.channel}/members/{guest.id}")
    member = by_teams_id[1]
    assert (member["email"], member["userRole"], member["aadObjectId"]) == ("gil@visitor.example", "guest", guest.id)
    assert member["userPrincipalName"].startswith("gil_visitor.example#EXT#@")
    assert len((await world.call("GET", f"conversations/{world.channel}/members"))[1]) == 2


async def test_a_team_names_its_channels(world: World) -> None:
    """General has the team's own id and no name."""
    assert code(await world.call("GET", f"teams/{world.house.id}"))[0] == 403
    await world.house.install(world.dana)
    _, team = await world.call("GET", f"teams/{world.house.id}")
    assert (team["name"], team["aadGroupId"], team["memberCount"]) == ("Brunel", world.house.roster.group_id, 1)
    _, channels = await world.call("GET", f"teams/{world.house.id}/conversations")
    assert channels["conversations"] == [{"id": world.house.id, "name": None}, {"id": world.channel, "name": "brunel"}]


# Faults


async def test_teams_fails_in_the_ways_teams_fails(world: World) -> None:
    """Limits and errors come as asked for; after a lost answer the message is there all the same."""
    await world.dana.install()
    path = f"conversations/{world.dana.chat.id}/activities"
    world.teams.fail(1, 429, "Throttled", retry_after=7)
    world.teams.fail(1, 502)
    headers = {"Authorization": f"Bearer {world.token}"}
    async with world.http.post(f"{world.teams.service_url}v3/{path}", json=message(), headers=headers) as limited:
        assert (limited.status, limited.headers["Retry-After"]) == (429, "7")
    assert (await world.call("GET", f"conversations/{world.dana.chat.id}/members"))[0] == 200
    assert code(await world.call("POST", path, message())) == (502, "ServiceError")
    assert world.dana.messages == []
    world.teams.fail(lost=True)
    with pytest.raises(aiohttp.ClientError):
        await world.call("POST", path, message())
    assert len(world.dana.messages) == 1
    assert [call.status for call in world.teams.calls_of("send")] == [429, 502, 201]


async def test_sends_can_take_their_time(world: World) -> None:
    """With a delay the calls that are under way together are counted."""
    await world.dana.install()
    world.teams.delay = 0.05
    await asyncio.gather(*(world.sends(world.dana.chat.id, message()) for _ in range(5)))
    assert (world.teams.busiest, world.teams.running_calls) == (5, 0)


async def test_teams_goes_away_and_comes_back(world: World) -> None:
    """While stopped it cannot be reached; started again it is at the same address with everything it held."""
    await world.dana.install()
    await world.sends(world.dana.chat.id, message())
    await world.teams.stop()
    with pytest.raises(aiohttp.ClientError):
        await world.sends(world.dana.chat.id, message())
    await world.teams.start()
    await world.sends(world.dana.chat.id, message())
    assert len(world.dana.messages) == 2


# What Teams tells the bot


async def test_an_installation_is_told_twice(world: World) -> None:
    """A conversation update and an installation update come for a person, a team and a group chat, with all their ids."""
    assert await world.dana.install() == (200, 200)
    await world.house.install(world.dana, "brunel")
    await world.teams.add_group_chat([world.dana, world.tom]).install(world.tom)
    added, installed = world.toy.of("conversationUpdate"), world.toy.of("installationUpdate")
    assert [one["conversation"]["conversationType"] for one in added] == ["personal", "channel", "groupChat"]
    assert all(one["membersAdded"] == [{"id": f"28:{world.teams.app_id}", "name": "E-safety"}] for one in added)
    assert [one["action"] for one in installed] == ["add"] * 3
    data = added[1]["channelData"]
    assert (data["eventType"], data["settings"]["selectedChannel"]["id"]) == ("teamMemberAdded", world.channel)
    team = {"id": world.house.id, "aadGroupId": world.house.roster.group_id, "name": "Brunel"}
    assert (data["team"], data["tenant"]) == (team, {"id": world.teams.tenant})
    for activity in world.toy.heard:
        assert (activity["channelId"], activity["serviceUrl"]) == ("msteams", world.teams.service_url)
        assert activity["conversation"]["tenantId"] == world.teams.tenant
        assert activity["from"]["aadObjectId"] in (world.dana.id, world.tom.id)


async def test_members_come_and_go(world: World) -> None:
    """Where the app is, the bot hears of each who joins or leaves; elsewhere it hears nothing."""
    assert await world.house.add_member(world.tom, world.dana) == 0
    await world.house.install(world.dana)
    await world.house.remove_member(world.tom, world.dana)
    await world.house.add_member(world.tom, world.dana)
    gone, come = world.toy.of("conversationUpdate")[1:]
    assert gone["membersRemoved"] == come["membersAdded"] == [{"id": world.tom.teams_id, "aadObjectId": world.tom.id}]
    assert (gone["channelData"]["eventType"], come["channelData"]["eventType"]) == ("teamMemberRemoved", "teamMemberAdded")
    assert come["conversation"]["id"] == world.house.id
    await world.house.uninstall(world.dana)
    assert world.toy.of("installationUpdate")[-1]["action"] == "remove"
    assert world.toy.of("conversationUpdate")[-1]["membersRemoved"][0]["id"] == f"28:{world.teams.app_id}"


async def test_what_somebody_writes_reaches_the_bot_where_it_is_meant(world: World) -> None:
    """In the chat always, elsewhere only when it is mentioned; with the text, the mention, and the same as HTML."""
    with pytest.raises(AssertionError, match="not installed"):
        await world.dana.say("hello")
    await world.dana.install()
    await world.house.install(world.dana)
    assert await world.dana.say("can I <friend> an ex-pupil?") == 200
    assert await world.dana.say("lunch?", world.channel) == 0
    assert await world.dana.say("help", world.channel, mention=True) == 200
    chat, channel = world.toy.of("message")
    assert (chat["text"], chat["attachments"][-1]["content"]) == (
        "can I <friend> an ex-pupil?",
        "<p>can I &lt;friend&gt; an ex-pupil?</p>",
    )
    assert channel["text"] == "<at>E-safety</at> help"
    assert channel["entities"][0] == {"type": "mention", "text": "<at>E-safety</at>", "mentioned": world.teams.bot}
    assert channel["conversation"]["id"] == f"{world.channel};messageid={channel['id']}"
    assert channel["channelData"]["channel"] == {"id": world.channel}
    with pytest.raises(AssertionError, match="is not in"):
        await world.tom.say("hello", world.channel)


async def test_a_reply_to_what_was_said_stands_under_it(world: World) -> None:
    """A reply names what it answers, and in a channel it belongs to that thread; to an event it is a plain message."""
    await world.dana.install()
    await world.house.install(world.dana)
    await world.dana.say("help", world.channel, mention=True)
    asked, event = world.toy.heard[-1], world.toy.of("installationUpdate")[0]
    await world.call("POST", f"conversations/{asked['conversation']['id']}/activities/{asked['id']}", message())
    _, answer = world.teams.messages_in(world.channel)
    assert (answer.reply_to, answer.thread) == (asked["id"], asked["id"])
    await world.call("POST", f"conversations/{world.dana.chat.id}/activities/{event['id']}", message())
    assert len(world.dana.from_bot) == 1
    await world.sends(world.dana.chat.id, {"type": "typing"})
    assert len(world.dana.from_bot) == 1


async def test_a_picture_is_only_a_link(world: World) -> None:
    """A picture comes as an address; if a bot fetches it, that is seen."""
    await world.dana.install()
    await world.dana.send_picture()
    picture = world.toy.heard[-1]["attachments"][0]
    assert picture["contentType"] == "image/*"
    assert world.teams.calls_of("attachment") == []
    async with world.http.get(picture["contentUrl"], headers={"Authorization": f"Bearer {world.token}"}) as response:
        assert response.status == 200
    assert len(world.teams.calls_of("attachment")) == 1


# Buttons


async def alert_for(world: World) -> Any:
    await world.dana.install()
    await world.sends(world.dana.chat.id, message())
    return world.dana.from_bot[-1]


async def test_a_press_shows_a_card_to_one_person_alone(world: World) -> None:
    """The card in the answer stands in place of the message for who pressed, until the message changes for all."""
    await world.house.install(world.dana)
    await world.house.add_member(world.tom, world.dana)
    sent = await world.sends(world.channel, message())
    (alert,) = world.teams.messages_in(world.channel)
    taken = adaptive.card(Card("Yours", "Yours", ()))
    world.toy.answers["adaptiveCard/action"] = lambda _: (200, {"statusCode": 200, "type": ADAPTIVE, "value": taken})
    await world.dana.press(alert, "I have it")
    value = world.toy.heard[-1]["value"]
    data = {"action": "take", "value": "ES-1"}
    assert value == {
        "action": {"type": "Action.Execute", "title": "I have it", "verb": "take", "data": data},
        "trigger": "manual",
    }
    assert world.toy.heard[-1]["replyToId"] == sent
    assert (alert.shown_to(world.dana.id), alert.buttons_for(world.dana.id)) == ("Yours", [])
    assert "Concern ES-1" in alert.shown_to(world.tom.id)
    with pytest.raises(AssertionError, match="no button"):
        await world.dana.press(alert, "I have it")
    await world.call("PUT", f"conversations/{world.channel}/activities/{sent}", message(Card("Done", "Done", ())))
    assert alert.shown_to(world.dana.id) == "Done"


async def test_a_press_shows_a_note(world: World) -> None:
    """A short text in the answer is seen by who pressed; the question before it is unfolded and answered."""
    alert = await alert_for(world)
    world.toy.answers["adaptiveCard/action"] = lambda _: (200, {"statusCode": 200, "type": NOTE, "value": "Done."})
    await world.dana.press(alert, "Close", confirm=False)
    assert world.toy.of("invoke") == []
    await world.dana.press(alert, "Close")
    await world.dana.press(alert, "Close", "Yes")
    assert world.dana.notes == ["Done.", "Done."]
    assert [one["value"]["action"]["verb"] for one in world.toy.of("invoke")] == ["close", "close"]
    assert "Done." in world.dana.everything_seen


@pytest.mark.parametrize(
    ("answer", "seen"),
    [
        ((200, None), "no answer to a press"),
        ((200, {"statusCode": 200, "type": NOTE, "value": ""}), "no answer to a press"),
        ((200, {"statusCode": 200, "type": NOTE, "value": "x", "more": 1}), "no answer to a press"),
        ((200, {"status": 200, "body": {}}), "no answer to a press"),
        ((200, {"statusCode": 200, "type": ADAPTIVE, "value": {"type": "AdaptiveCard", "body": [{}]}}), "went wrong"),
        (
            (200, {"statusCode": 500, "type": "application/vnd.microsoft.error", "value": {"code": "x", "message": "Sorry"}}),
            "the error «Sorry»",
        ),
        ((500, {"statusCode": 200, "type": NOTE, "value": "x"}), "Unable to reach app"),
        ((201, {"statusCode": 200, "type": NOTE, "value": "x"}), "Unable to reach app"),
    ],
)
async def test_a_wrong_answer_to_a_press_is_what_the_person_sees(world: World, answer: Answer, seen: str) -> None:
    """Anything but a card or a text in Teams' envelope fails the test with what Teams would show."""
    alert = await alert_for(world)
    world.toy.answers["adaptiveCard/action"] = lambda _: answer
    with pytest.raises(TeamsShowsError, match=seen):
        await world.dana.press(alert, "I have it")


async def test_a_bot_that_is_slow_or_gone_is_what_the_person_sees(world: World) -> None:
    """No answer in time fails the test."""
    alert = await alert_for(world)
    world.toy.pause, world.teams.patience = 0.3, 0.05
    with pytest.raises(TeamsShowsError, match="did not answer"):
        await world.dana.press(alert, "I have it")
    with pytest.raises(TeamsShowsError, match="did not answer"):
        await world.dana.say("hello")


async def test_a_plain_submit_is_a_message_with_a_value(world: World) -> None:
    """A button that neither acts nor opens anything sends what stands in the card as a message."""
    await world.dana.install()
    card = {
        "type": "AdaptiveCard",
        "version": "1.5",
        "body": [{"type": "Input.Text", "id": "name", "value": "Sam"}, {"type": "Input.Text", "id": "empty"}],
        "actions": [{"type": "Action.Submit", "title": "Go", "data": {"a": 1}}],
    }
    await world.sends(world.dana.chat.id, {"type": "message", "attachments": [{"contentType": ADAPTIVE, "content": card}]})
    await world.dana.press(world.dana.from_bot[-1], "Go")
    assert (world.toy.heard[-1]["type"], world.toy.heard[-1]["value"]) == ("message", {"a": 1, "name": "Sam"})
    world.teams.sends_empty_inputs = True
    await world.dana.press(world.dana.from_bot[-1], "Go")
    assert world.toy.heard[-1]["value"]["empty"] == ""


# Dialogs


def found_people(query: str) -> Answer:
    names = [("person:7", "Bea Exemplar – 9B, Brunel"), ("person:8", "Beatrix Exemplar"), (f"text:{query}", query)]
    results = [{"value": value, "title": title} for value, title in names]
    return 200, {
        "statusCode": 200,
        "type": "application/vnd.microsoft.search.searchResponse",
        "value": {"results": results},
    }


async def report_dialog(world: World) -> OpenDialog:
    await world.dana.install()
    world.toy.answers["composeExtension/fetchTask"] = lambda _: (200, dialog())
    world.toy.answers["application/search"] = lambda value: found_people(value["queryText"])
    opened = await world.dana.use_command("report")
    assert opened is not None
    return opened


async def test_a_command_opens_a_form_that_is_filled_in_and_sent(world: World) -> None:
    """What is filled in by neutral id or label comes as the renderer named it, with the command that opened the dialog."""
    form = await report_dialog(world)
    assert (form.title, form.fields) == (
        "Report",
        {"kind": "What kind?", "details": "What happened?", "when": "When? (date)", "who": "Who?"},
    )
    fetched = world.toy.heard[-1]["value"]
    assert (fetched["commandId"], fetched["commandContext"]) == ("report", "compose")
    await world.dana.fill(form, {"kind": "Images", "What happened?": "A thing\nor two", "when": "2026-05-04T13:30"})
    await world.dana.fill(form, {"who": ["Bea Exemplar", "Al Newcomer"]})
    assert (form.value("when"), form.value("who")) == ("2026-05-04T13:30", ("person:7", "text:Al Newcomer"))
    assert await world.dana.submit() == {}
    assert (world.dana.dialog, form.closed) == (None, True)
    sent = world.toy.heard[-1]
    assert (sent["name"], sent["value"]["commandId"]) == ("composeExtension/submitAction", "report")
    assert sent["value"]["data"] == {
        "action": "submit",
        "dialog": "report",
        "state": "draft-1",
        "fields": "kind,details,when,who",
        "kind": "nudes",
        "details": "A thing\nor two",
        "when.date": "2026-05-04",
        "when.time": "13:30",
        "who": "person:7,text:Al Newcomer",
    }
    searched = [one["value"] for one in world.toy.of("invoke") if one["name"] == "application/search"]
    assert searched[0] == {"queryText": "Bea Exemplar", "queryOptions": {"skip": 0, "top": 15}, "dataset": "people"}


async def test_a_name_that_is_not_offered_is_typed(world: World) -> None:
    """Where the list does not hold a name, it goes into the text beside the list, one a line."""
    form = await report_dialog(world)
    world.toy.answers["application/search"] = lambda _: found_people("x")
    await world.dana.fill(form, {"who": ["Al Newcomer", "Jo Other"]})
    assert (form.values["who"], form.values["who.typed"]) == ("", "Al Newcomer\nJo Other")
    assert form.value("who") == ("text:Al Newcomer", "text:Jo Other")


@pytest.mark.parametrize(
    "answer",
    [
        (200, {"results": []}),
        (
            200,
            {
                "statusCode": 200,
                "type": "application/vnd.microsoft.search.searchResponse",
                "value": {"results": [{"value": "1"}]},
            },
        ),
        (
            200,
            {
                "statusCode": 200,
                "type": "application/vnd.microsoft.search.searchResponse",
                "value": {"results": [{"value": "text:Smith, Jo", "title": "Smith, Jo"}]},
            },
        ),
        (500, None),
    ],
)
async def test_a_wrong_answer_to_a_search_is_seen(world: World, answer: Answer) -> None:
    """Results without Teams' envelope, without a title, or whose value would be taken for two, fail the test."""
    form = await report_dialog(world)
    world.toy.answers["application/search"] = lambda _: answer
    with pytest.raises(TeamsShowsError):
        await world.dana.fill(form, {"who": ["Smith, Jo"]})


async def test_the_client_asks_for_required_fields_itself(world: World) -> None:
    """A required field left empty is marked by the client, and the bot hears nothing; what is empty is not sent."""
    form = await report_dialog(world)
    assert set(await world.dana.submit()) == {"kind", "details"}
    assert world.toy.of("invoke")[-1]["name"] == "composeExtension/fetchTask"
    await world.dana.fill(form, {"kind": "bullying", "details": "x"})
    await world.dana.submit()
    assert set(world.toy.heard[-1]["value"]["data"]) == {"action", "dialog", "state", "fields", "kind", "details"}


async def test_the_client_lets_nobody_fill_in_what_does_not_go(world: World) -> None:
    """A choice that is not offered, a text that is too long and a field that is not there fail the test."""
    form = await report_dialog(world)
    for wrong in ({"kind": "fire"}, {"details": "x" * 41}, {"nowhere": "x"}):
        with pytest.raises(AssertionError):
            await world.dana.fill(form, wrong)


async def test_a_wrong_form_comes_back_with_its_errors(world: World) -> None:
    """The bot's new card takes the old one's place; an error is the field's below it; fields hold what the card says."""
    form = await report_dialog(world)
    fields = (
        Text("Read this"),
        KINDS,
        TextField("details", "What happened?", "So"),
        WHO,
        Buttons((Button("back", "Back", "1", opens_form=True),)),
    )
    again = Form("report", "Again", fields, "Send", errors={"details": "Say more.\nPlease.", "who": "Who?", "all": "Not yet."})
    world.toy.answers["composeExtension/submitAction"] = lambda _: (200, dialog(again))
    await world.dana.fill(form, {"kind": "bullying", "details": "typed"})
    errors = await world.dana.submit()
    assert errors == {"details": "Say more.\nPlease.", "who": "Who?", "": "Not yet."}
    assert (form.title, form.value("details"), form.value("kind")) == ("Again", "So", "")
    assert world.dana.dialog is form
    await world.dana.press(form, "Back")
    assert world.toy.heard[-1]["value"]["data"] == {"action": "back", "value": "1", "details": "So"}


async def test_after_an_error_the_dialog_stands_with_what_was_typed(world: World) -> None:
    """A server error, or no answer in time, leaves the dialog as it was; sent again, it goes."""
    form = await report_dialog(world)
    await world.dana.fill(form, {"kind": "bullying", "details": "typed"})
    world.toy.answers["composeExtension/submitAction"] = lambda _: (503, None)
    await world.dana.submit()
    assert (form.failed, form.value("details"), world.dana.dialog) == (True, "typed", form)
    world.toy.pause, world.teams.patience = 0.3, 0.05
    await world.dana.submit()
    assert form.failed
    del world.toy.answers["composeExtension/submitAction"]
    world.toy.pause, world.teams.patience = 0, 3
    await world.dana.submit()
    assert (form.closed, world.dana.dialog) == (True, None)
    with pytest.raises(AssertionError, match="not open"):
        await world.dana.submit(form)


async def test_a_button_of_a_message_opens_a_dialog(world: World) -> None:
    """The bot is asked for it with the button's data; it is submitted without any command, and may end with a text."""
    alert = await alert_for(world)
    case = Form(
        "case",
        "Case",
        (Text("Who did what"), Buttons((Button("note", "Add a note", "ES-1", confirm=Confirm("Q", "?", "Yes", "No")),))),
        "",
    )
    world.toy.answers["task/fetch"] = lambda _: (200, dialog(case))
    world.toy.answers["task/submit"] = lambda _: (200, {"task": {"type": "message", "value": "Noted."}})
    await world.dana.press(alert, "Details")
    data = {"msteams": {"type": "task/fetch"}, "type": "task/fetch", "action": "details", "value": "ES-1"}
    assert world.toy.heard[-1]["value"] == {"data": data, "context": {"theme": "default"}}
    opened = world.dana.dialog
    assert opened is not None
    assert "Who did what" in opened.shown
    with pytest.raises(AssertionError, match="nothing to submit"):
        await world.dana.submit()
    await world.dana.press(opened, "Add a note")
    sent = world.toy.heard[-1]
    assert (sent["name"], sent["value"]["data"]) == ("task/submit", {"action": "note", "value": "ES-1"})
    assert sent["conversation"] == world.toy.heard[-2]["conversation"]
    assert (world.dana.notes, world.dana.dialog) == (["Noted."], None)


async def test_a_command_on_a_message_hands_it_over(world: World) -> None:
    """The bot gets the message, its author and its address, also when the dialog is sent."""
    chat = world.teams.add_group_chat([world.dana, world.tom])
    await world.tom.say("look <here>", chat.id)
    said = world.tom.last_said
    assert said is not None
    world.toy.answers["composeExtension/fetchTask"] = lambda _: (200, dialog(Form("f", "F", (Text("x"),), "Send")))
    await world.dana.use_message_command("report_this", said)
    await world.dana.submit()
    for one in world.toy.of("invoke"):
        payload = one["value"]["messagePayload"]
        assert (payload["id"], payload["body"]["content"]) == (said.id, "<p>look &lt;here&gt;</p>")
        assert payload["from"]["user"]["id"] == world.tom.id
        assert payload["linkToMessage"].startswith("https://teams.microsoft.com/l/message/19%3A")
        assert one["value"]["commandContext"] == "message"


TITLE = "x" * 65
BAD_CARD = {"contentType": ADAPTIVE, "content": {"type": "AdaptiveCard", "version": "1.5", "body": [{"type": "No"}]}}
EXECUTE = {"contentType": ADAPTIVE, "content": adaptive.card(ALERT)}


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"task": {"type": "continue", "value": "text"}}, "neither"),
        ({"task": {"type": "message", "value": ""}}, "empty"),
        ({"task": None}, "neither"),
        ({"status": 200, "body": dialog()}, "neither"),
        ({**dialog(), "composeExtension": {}}, "neither"),
        (dialog(title=TITLE), "title"),
        (dialog(title=""), "title"),
        (dialog(height=""), "height"),
        (dialog(width=True), "width"),
        (dialog(url="https://school.example"), "url"),
        (dialog(card=adaptive.form(REPORT)), "attachment"),
        (dialog(card=BAD_CARD), "body"),
        (dialog(card=EXECUTE), "does nothing in a dialog"),
    ],
)
async def test_a_wrong_dialog_is_refused(world: World, body: Any, said: str) -> None:
    """What is no dialog in Teams' shape fails the test, and says what is wrong with it."""
    assert dialog_problems(dialog()) == []
    await world.dana.install()
    world.toy.answers["composeExtension/fetchTask"] = lambda _: (200, body)
    with pytest.raises(TeamsShowsError, match=said):
        await world.dana.use_command("report")
    assert world.dana.dialog is None


async def test_typed_people_alone_and_chosen_people_stand_in_the_form() -> None:
    """Names that the card holds are read back as chosen or as typed, whichever way the field is drawn."""
    chosen = (PersonChoice("person:7", "Sam Jones"), PersonChoice("text:Alex", "Alex"))
    for searchable, expected in ((True, ("person:7", "text:Alex")), (False, ("text:Sam Jones", "text:Alex"))):
        form = Form("f", "F", (PeopleField("who", "Who", chosen, searchable=searchable),), "Send")
        opened = OpenDialog("", {}, "a:1")
        opened.replace("F", adaptive.form(form))
        assert opened.value("who") == expected
