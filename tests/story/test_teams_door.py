"""The door of the Teams edge: who may speak as Teams, tried over HTTP on a running bot."""

import asyncio
import base64
import hashlib
import hmac
import io
import json
import logging
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import aiohttp
import jwt
import pytest
import pytest_asyncio
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.api_jws import PyJWS

from bot import settings as bot_settings
from bot.running import Bot
from bot.settings import ConsoleMode, Settings, SettingsError
from bot.teams.incoming import Incoming
from bot.wiring import running
from domain.people import Platform
from storage import tables as t
from tests.conftest import sqlite_at
from tests.fakes.clock import FakeClock
from tests.fakes.teams_server import ISSUER, FakeTeams, other_key
from tests.fakes.teams_user import TeamsUser
from tests.story.stage import BRUNEL, SAFEGUARDING, write_school

Activity: TypeAlias = dict[str, Any]
Make: TypeAlias = Callable[[FakeTeams], str | None]

ANOTHER = "99999999-0000-4000-8000-000000000000"
EMULATORS = (
    "https://sts.windows.net/d6d49420-f39b-4df7-a1dc-d59a935871db/",
    "https://login.microsoftonline.com/d6d49420-f39b-4df7-a1dc-d59a935871db/v2.0",
    "https://sts.windows.net/f8cdef31-a31e-4b4a-93e4-5f571e91255a/",
    "https://login.microsoftonline.com/f8cdef31-a31e-4b4a-93e4-5f571e91255a/v2.0",
    "https://sts.windows.net/cab8a31a-1906-4287-a0d8-4eef66b95f6e/",
    "https://login.microsoftonline.us/cab8a31a-1906-4287-a0d8-4eef66b95f6e/v2.0",
)
OPEN_PAGES = ("openid", "keys", "token")


@dataclass
class Door:
    """A running bot, the Teams it belongs to, and somebody who knocks."""

    fake: FakeTeams
    bot: Bot
    http: aiohttp.ClientSession
    teacher: TeamsUser

    async def post(self, body: Any, headers: Mapping[str, str]) -> int:
        """Posts a body to the bot; its status."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        kind = {"Content-Type": "application/json"}
        async with self.http.post(self.fake.bot_url, data=io.BytesIO(data), headers={**kind, **headers}) as answer:
            await answer.read()
            return answer.status

    async def posts_well(self, body: Any) -> int:
        """The same with a good token."""
        return await self.post(body, {"Authorization": f"Bearer {self.fake.token()}"})

    def message(self, **changes: Any) -> Activity:
        """The teacher says «report» to the bot."""
        return {**self.teacher.activity("message", self.teacher.chat, text="report", textFormat="plain"), **changes}

    def each_kind(self) -> list[Activity]:
        """A message, an installation and a command that opens a form."""
        place = self.teacher.chat
        installed = self.teacher.activity("conversationUpdate", place, membersAdded=[self.fake.bot])
        command = {"commandId": "report", "commandContext": "compose"}
        return [
            self.message(),
            installed,
            self.teacher.activity("invoke", place, name="composeExtension/fetchTask", value=command),
        ]

    async def records(self) -> str:
        """All that the bot keeps."""
        kept = []
        async with self.bot.database.begin(write=False) as connection:
            for table in t.metadata.tables.values():
                kept += [f"{table.name}: {row}" for row in await connection.execute(table.select())]
        return "\n".join(kept)

    def calls(self) -> list[str]:
        """What the bot has asked of the connector."""
        return [call.kind for call in self.fake.calls if call.kind not in OPEN_PAGES]

    async def still_serves(self) -> None:
        """The next person, who comes with a good token, is answered."""
        await self.teacher.say("report")
        await self.teacher.waits_for_message("Two short screens")


def settings_for(fake: FakeTeams, tmp_path: Path, **more: object) -> Settings:
    """The settings of a bot for a fake Teams."""
    folder = write_school(tmp_path / "schools", "teams", {SAFEGUARDING: "19:safe@thread.tacv2", BRUNEL: "19:b@thread.tacv2"})
    given: dict[str, object] = {
        "ESAFETY_CONSOLE": ConsoleMode.OFF,
        "ESAFETY_DATABASE_URL": sqlite_at(tmp_path / "door.db"),
        "ESAFETY_SCHOOLS": folder,
        "PORT": 0,
    }
    return Settings.model_validate({**fake.settings, **given, **more})


@asynccontextmanager
async def opened(fake: FakeTeams, tmp_path: Path, clock: FakeClock, **more: object) -> AsyncIterator[Door]:
    """A bot for that Teams, nobody yet known to it."""
    async with running(settings_for(fake, tmp_path, **more), clock) as bot, aiohttp.ClientSession() as http:
        bot.worker.idle = 0.02
        fake.bot_url = f"{bot.address}/api/messages"
        teacher = fake.add_user("Tess Whitlock", "t.whitlock@demo.example")
        teacher.chat.own_app = True
        yield Door(fake, bot, http, teacher)


@pytest_asyncio.fixture
async def door(tmp_path: Path, clock: FakeClock) -> AsyncIterator[Door]:
    """A bot with the credentials that Microsoft gives."""
    async with FakeTeams() as fake, opened(fake, tmp_path, clock) as door:
        # Microsoft's own keys may be used on all the channels of a bot, Web Chat among them.
        fake.endorsements = ["msteams", "webchat", "directline", "emulator"]
        yield door


@pytest_asyncio.fixture
async def on_this_machine(tmp_path: Path, clock: FakeClock) -> AsyncIterator[Door]:
    """A bot without credentials, for a development client on this machine."""
    async with FakeTeams(anonymous=True) as fake, opened(fake, tmp_path, clock) as door:
        yield door


# Tokens


def changed(**changes: Any) -> Make:
    """A token that is right but for that."""
    return lambda fake: f"Bearer {fake.token(**changes)}"


def of_header(header: Mapping[str, Any], alg: str = "RS256") -> Make:
    """A token whose own header is that, signed with the right key."""

    def make(fake: FakeTeams) -> str:
        claims = jwt.decode(fake.token(), options={"verify_signature": False})
        return f"Bearer {jwt.encode(claims, fake.key, algorithm=alg, headers=dict(header))}"

    return make


def with_the_public_key_as_a_password(fake: FakeTeams) -> str:
    """HS256 with the published key as its secret: the oldest trick against those who believe the token's own word."""
    pem = fake.key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    claims = jwt.decode(fake.token(), options={"verify_signature": False})
    parts = [_b64(json.dumps(part).encode()) for part in ({"alg": "HS256", "typ": "JWT", "kid": fake.kid}, claims)]
    signed = ".".join(parts)
    return f"Bearer {signed}.{_b64(hmac.new(pem, signed.encode(), hashlib.sha256).digest())}"


def with_its_signature_cut_off(fake: FakeTeams) -> str:
    return f"Bearer {fake.token().rpartition('.')[0]}."


def with_other_claims_under_its_signature(fake: FakeTeams) -> str:
    head, _, signature = fake.token().split(".")
    claims = jwt.decode(fake.token(), options={"verify_signature": False})
    return f"Bearer {head}.{_b64(json.dumps({**claims, 'exp': claims['exp'] + 1}).encode())}.{signature}"


def with_a_number_for_the_name_of_its_key(fake: FakeTeams) -> str:
    head = _b64(json.dumps({"alg": "RS256", "kid": 7}).encode())
    return f"Bearer {head}.{fake.token().partition('.')[2]}"


def with_a_list_of_issuers(fake: FakeTeams) -> str:
    claims = jwt.decode(fake.token(), options={"verify_signature": False})
    payload = json.dumps({**claims, "iss": [ISSUER]}).encode()
    return f"Bearer {PyJWS().encode(payload, fake.key, 'RS256', headers={'kid': fake.kid})}"


def _b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def of_a_skill(fake: FakeTeams) -> str:
    return f"Bearer {fake.token(ver='1.0', appid=ANOTHER)}"


def of_the_emulator(issuer: str) -> Make:
    """A token as the bot's own credentials would fetch it: not from Teams."""

    def make(fake: FakeTeams) -> str:
        who: Activity = {"ver": "2.0", "azp": fake.app_id} if issuer.endswith("v2.0") else {"ver": "1.0", "appid": fake.app_id}
        return f"Bearer {fake.token(iss=issuer, **who)}"

    return make


WRONG: Mapping[str, Make] = {
    "no header": lambda _: None,
    "an empty header": lambda _: "",
    "garbage": lambda _: "Bearer garbage",
    "garbage in three parts": lambda _: "Bearer a.b.c",
    "parts that are no JSON": lambda _: "Bearer e30.e30.e30",
    "Bearer alone": lambda _: "Bearer",
    "Bearer and a space": lambda _: "Bearer ",
    "another scheme": lambda fake: f"Basic {fake.token()}",
    "no scheme": lambda fake: fake.token(),
    "two tokens": lambda fake: f"Bearer {fake.token()} {fake.token()}",
    "two tokens with a comma": lambda fake: f"Bearer {fake.token()},{fake.token()}",
    "another key under the same name": changed(key=other_key()),
    "a key that nobody knows": changed(kid="nobody"),
    "a key that nobody knows, with another's signature": changed(kid="nobody", key=other_key()),
    "no name of a key": of_header({}),
    "a number for the name of a key": with_a_number_for_the_name_of_its_key,
    "another algorithm": lambda fake: of_header({"kid": fake.kid}, "PS256")(fake),
    "a longer hash": lambda fake: of_header({"kid": fake.kid}, "RS512")(fake),
    "algorithm none": changed(alg="none"),
    "its signature cut off": with_its_signature_cut_off,
    "other claims under its signature": with_other_claims_under_its_signature,
    "HS256 with the public key": with_the_public_key_as_a_password,
    "expired": changed(age=2 * 3600),
    "not yet valid": lambda fake: f"Bearer {fake.token(nbf=int(time.time()) + 3600)}",
    "expiry that is no number": changed(exp="tomorrow"),
    "another issuer": changed(iss="https://evil.example"),
    "a part of the issuer": changed(iss="https://"),
    "no issuer": changed(iss=None),
    "a list of issuers": with_a_list_of_issuers,
    "another audience": changed(aud=ANOTHER),
    "no audience": changed(aud=None),
    "a list of audiences": lambda fake: f"Bearer {fake.token(aud=[fake.app_id, ANOTHER])}",
    "another service": changed(serviceurl="https://smba.example/"),
    "no service": changed(serviceurl=None),
    "a list of services": lambda fake: f"Bearer {fake.token(serviceurl=[fake.service_url])}",
    "a skill": of_a_skill,
    "a skill without a name": changed(ver="1.0", appid="AnonymousSkill"),
    **{f"the emulator: {issuer}": of_the_emulator(issuer) for issuer in EMULATORS},
}


async def test_a_wrong_token_is_turned_away_and_leaves_no_trace(door: Door, caplog: pytest.LogCaptureFixture) -> None:
    """401 whatever is asked; nothing is done, nothing kept, and no part of the token is in the log."""
    caplog.set_level(logging.DEBUG)
    before = await door.records()
    for what, make in WRONG.items():
        header = make(door.fake)
        for activity in door.each_kind():
            assert await door.post(activity, {} if header is None else {"Authorization": header}) == 401, what
        for part in (header or "").replace(",", " ").replace(".", " ").split():
            assert len(part) < 12 or part not in caplog.text, what
    await nothing_came_of_it(door, before)


async def nothing_came_of_it(door: Door, before: str) -> None:
    """Nothing was asked of Teams, and nothing is kept."""
    await asyncio.sleep(0.02)
    assert door.calls() == []
    assert await door.records() == before


OF_ANOTHER: Mapping[str, Mapping[str, Any]] = {
    "no address of the service": {"serviceUrl": None},
    "an empty address of the service": {"serviceUrl": ""},
    "another address of the service": {"serviceUrl": "https://smba.example/"},
    "another tenant": {"channelData": {"tenant": {"id": ANOTHER}}},
    "no tenant": {"channelData": {}},
    "an empty tenant": {"channelData": {"tenant": {"id": ""}}},
    "a tenant that is null": {"channelData": {"tenant": None}},
    "no channel data, the tenant in the conversation alone": {"channelData": None},
    "Web Chat": {"channelId": "webchat"},
    "Direct Line": {"channelId": "directline"},
    "the emulator": {"channelId": "emulator"},
    "a chat that nobody knows": {"channelId": "msteams2"},
    "no chat": {"channelId": None},
}


async def test_with_a_good_token_only_teams_and_only_our_tenant_is_heard(door: Door) -> None:
    """Web Chat's visitors say themselves who they are; another organisation's Teams is signed by Microsoft as well."""
    before = await door.records()
    for what, changes in OF_ANOTHER.items():
        for activity in door.each_kind():
            assert await door.posts_well({**activity, **changes}) == 401, what
    await nothing_came_of_it(door, before)


async def test_with_a_good_token_each_is_heard(door: Door) -> None:
    """The same three that are turned away above, so that this file would notice a door that is shut to everybody."""
    assert [await door.posts_well(activity) for activity in door.each_kind()] == [202, 202, 200]
    await door.still_serves()


# Bodies

BODIES: Mapping[str, bytes] = {
    "empty": b"",
    "no JSON": b"hello",
    "half of it": b'{"type": "message"',
    "null": b"null",
    "a list": b"[]",
    "a list of activities": b'[{"type": "message"}]',
    "a number": b"7",
    "not UTF-8": b'{"type": "mess\xff\xfeage"}',
    "UTF-16": '{"type": "message"}'.encode("utf-16"),
    "deep": b"[" * 100_000,
    "deep inside": b'{"type": "message", "value": ' + b'{"a":' * 5000 + b"1" + b"}" * 5001,
    "a number without end": b'{"type": "message", "value": ' + b"9" * 50_000 + b"}",
    "huge": b'{"text": "' + b"x" * 2_000_000 + b'"}',
}


async def test_a_body_that_makes_no_sense_is_refused(door: Door) -> None:
    """Signed or not, it gets an answer of the four hundreds, and the next person is served."""
    for what, body in BODIES.items():
        assert 400 <= await door.posts_well(body) < 500, what
        assert 400 <= await door.post(body, {}) < 500, what
    assert door.calls() == []
    await door.still_serves()


async def test_only_json_is_read(door: Door) -> None:
    """A form on a web page can send no JSON across origins without asking first, so nothing else is taken."""
    for kind in ("text/plain", "application/x-www-form-urlencoded", "application/jsonp", "", "json"):
        headers = {"Authorization": f"Bearer {door.fake.token()}", "Content-Type": kind}
        assert await door.post(door.message(), headers) == 415, kind
    assert door.calls() == []


NO_DATA: Mapping[str, Any] = {
    "no value": None,
    "a list": [],
    "a text": "details",
    "data that is a list": {"data": [], "action": [], "dataset": [], "queryText": {}},
    "data of the wrong types": {
        "data": {"action": {"a": 1}, "value": [1], "school": 7, "dialog": None, "state": {}},
        "action": {"data": {"action": 7, "value": {"b": 2}, "school": ["x"]}},
        "messagePayload": {"linkToMessage": {"a": 1}},
        "dataset": "people",
        "queryText": ["Bea"],
    },
}
ODD: Mapping[str, Mapping[str, Any]] = {
    "a text that is a number": {"text": 7},
    "a text that is a list": {"text": ["report"]},
    "a text that is null": {"text": None},
    "a type that is a list": {"type": ["message"]},
    "no type": {"type": None},
    "a type that nobody knows": {"type": "handoff"},
    "from null": {"from": None},
    "from a text": {"from": "me"},
    "from nobody": {"from": {"id": None, "aadObjectId": None, "name": None}},
    "an id that is a number": {"id": 7},
    "no id": {"id": None},
    "channel data a text": {"channelData": "tenant"},
    "a tenant that is a text": {"channelData": {"tenant": "tenant"}},
    "a conversation that is a list": {"conversation": []},
    "no conversation": {"conversation": None},
    "attachments an object": {"attachments": {"contentType": "image/png"}},
    "attachments of nothing": {"attachments": [None]},
    "attachments without a kind": {"attachments": [{"contentType": None}]},
    "members a number": {"type": "conversationUpdate", "membersAdded": 7},
    "members null": {"type": "conversationUpdate", "membersAdded": None, "membersRemoved": None},
    "an action that is a list": {"type": "installationUpdate", "action": ["add"]},
    "a long text": {"text": "report " * 100_000},
    "a long word": {"text": "x" * 500_000},
    "nothing but mentions": {"text": "<at>" * 200},
    "an invoke without a name": {"type": "invoke", "name": None},
    "an invoke of another kind": {"type": "invoke", "name": "signin/verifyState"},
    "an invoke whose name is a list": {"type": "invoke", "name": ["task/fetch"]},
    **{
        f"{name} with {what}": {"type": "invoke", "name": name, "value": value}
        for name in ("adaptiveCard/action", "task/fetch", "task/submit", "composeExtension/fetchTask", "application/search")
        for what, value in NO_DATA.items()
    },
}


async def test_fields_of_the_wrong_type_break_nothing(door: Door, caplog: pytest.LogCaptureFixture) -> None:
    """Each is refused, or answered without harm; none is a fault of ours."""
    for what, changes in ODD.items():
        status = await door.posts_well(door.message(**changes))
        assert status < 500 or (status == 501 and "invoke of" in what) or (status == 501 and "without a name" in what), what
    await door.still_serves()
    assert [r.getMessage() for r in caplog.records if r.exc_info] == []


def test_a_text_full_of_half_a_mention_does_not_hold_everybody_up() -> None:
    """Twice as much text takes about twice as long to read, not four times: the whole bot waits meanwhile."""

    def seconds(halves: int) -> float:
        incoming = Incoming(text="<at>" * halves)
        times = []
        for _ in range(3):
            begun = time.perf_counter()
            assert incoming.said
            times.append(time.perf_counter() - begun)
        return min(times)

    assert seconds(4000) < 3 * seconds(2000)


@pytest.mark.parametrize("odd", ["\\u0000", "\\ud800", "\\udc00x", "\\ud83d\\ude00"], ids=["NUL", "high", "low", "a pair"])
async def test_letters_that_no_database_keeps_break_nothing(
    database_url: str, tmp_path: Path, clock: FakeClock, odd: str
) -> None:
    """NUL and halves of characters, wherever they stand: refused, or answered without harm."""
    async with FakeTeams() as fake, opened(fake, tmp_path, clock, ESAFETY_DATABASE_URL=database_url) as door:
        data = {"data": {"action": "ODD", "value": "ODD", "school": "ODD", "dialog": "detail", "state": "ODD", "what": "ODD"}}
        search = {"dataset": "people:ODD", "queryText": "ODD"}
        link = {"commandId": "report_message", "messagePayload": {"linkToMessage": "https://teams.example/ODD"}}
        extension = "composeExtension/fetchTask"
        for changes in (
            {"text": "ODD", "id": "ODD"},
            {"text": "report", "conversation": {"id": "ODD", "conversationType": "personal"}},
            {"text": "mine", "from": {"id": "29:ODD", "aadObjectId": "ODD", "name": "ODD"}},
            {"type": "conversationUpdate", "membersAdded": [{"id": "ODD"}], "conversation": {"id": "ODD"}},
            {"type": "invoke", "name": "task/submit", "value": data},
            {"type": "invoke", "name": "adaptiveCard/action", "value": {"action": data}},
            {"type": "invoke", "name": "application/search", "value": search},
            {"type": "invoke", "name": extension, "value": link},
            {"type": "invoke", "name": extension, "value": {}, "from": {"id": "29:ODD", "aadObjectId": "ODD"}},
        ):
            body = json.dumps(door.message(**changes)).replace("ODD", odd).encode()
            assert await door.posts_well(body) in (200, 202, 400), changes
        await door.still_serves()


# Keys


@contextmanager
def later(monkeypatch: pytest.MonkeyPatch, seconds: float) -> Iterator[None]:
    """So much later by the clock that the bot's keys go by."""
    with monkeypatch.context() as moved:
        moved.setattr("bot.teams.keys.monotonic", lambda: time.monotonic() + seconds)
        yield


async def test_a_new_key_is_fetched_once_and_then_known(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    """Microsoft has changed its key: what is signed with the new one is heard after one look, and with the old one no more."""
    assert await door.posts_well(door.message()) == 202
    old = door.fake.token()
    door.fake.rotate_key()
    looked = len(door.fake.calls_of("keys"))
    with later(monkeypatch, 61):
        for _ in range(3):
            assert await door.posts_well(door.message()) == 202
        assert len(door.fake.calls_of("keys")) == looked + 1
        assert await door.post(door.message(), {"Authorization": f"Bearer {old}"}) == 401


async def test_rubbish_does_not_make_the_bot_ask_for_keys_each_time(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    """A hundred tokens of keys that nobody knows cost Microsoft one question a minute at most, and nobody else is kept out."""
    assert await door.posts_well(door.message()) == 202
    looked = len(door.fake.calls_of("keys"))
    for minute in (0, 61):
        with later(monkeypatch, minute):
            for number in range(50):
                header = f"Bearer {door.fake.token(kid=f'rubbish-{number}', key=other_key())}"
                assert await door.post(door.message(), {"Authorization": header}) == 401
            assert await door.posts_well(door.message()) == 202
    assert len(door.fake.calls_of("keys")) <= looked + 2


async def test_without_any_key_nobody_is_heard_until_there_is_one(tmp_path: Path, clock: FakeClock) -> None:
    """Microsoft out of reach when the machine comes up: 503, so that Teams tries again, and then it works."""
    fake = FakeTeams()
    await fake.start()
    await fake.stop()
    async with opened(fake, tmp_path, clock) as door:
        for _ in range(3):
            assert await door.posts_well(door.message()) == 503
        assert await door.post(door.message(), {}) == 401
        await fake.start()
        assert await door.posts_well(door.message()) == 202
        await door.still_serves()
        await fake.stop()


async def test_keys_that_are_known_outlast_their_server(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    """Microsoft's page of keys is gone for a day: those known go on being good."""
    assert await door.posts_well(door.message()) == 202
    await door.fake.stop()
    with later(monkeypatch, 24 * 3600):
        assert await door.posts_well(door.message()) == 202
        assert await door.post(door.message(), {"Authorization": f"Bearer {door.fake.token(kid='new')}"}) == 401
    await door.fake.start()


# Without credentials


async def test_a_development_client_on_this_machine_needs_no_token(on_this_machine: Door) -> None:
    """Without MICROSOFT_APP_ID a client on this machine can do everything."""
    await on_this_machine.still_serves()
    dialog = await on_this_machine.teacher.use_command("report")
    assert dialog is not None
    assert "What kind of concern" in dialog.shown


BY_A_PROXY_OR_A_BROWSER = (
    ("Host", "bot.school.example"),
    ("Host", "127.0.0.1.school.example"),
    ("Host", "localhost.school.example:3978"),
    ("Host", "192.0.2.7"),
    ("Host", "0.0.0.0"),
    ("Host", ""),
    ("Host", "["),
    ("Host", "[::1"),
    ("Host", "[x]"),
    ("X-Forwarded-For", "192.0.2.7"),
    ("X-Forwarded-For", "127.0.0.1"),
    ("X-Real-IP", "127.0.0.1"),
    ("Forwarded", "for=127.0.0.1"),
    ("Via", "1.1 proxy"),
    ("Origin", "http://localhost:3978"),
    ("Origin", "null"),
)


async def test_without_credentials_nobody_comes_by_a_proxy_or_a_browser(on_this_machine: Door) -> None:
    """A proxy on the same machine, or a web page open on it, must not become a way in."""
    before = await on_this_machine.records()
    for name, value in BY_A_PROXY_OR_A_BROWSER:
        for activity in on_this_machine.each_kind():
            assert await on_this_machine.post(activity, {name: value}) == 401, (name, value)
    await nothing_came_of_it(on_this_machine, before)


ELSEWHERE = (
    "https://smba.trafficmanager.net/emea/",
    "http://127.0.0.1.evil.example/",
    "http://localhost.evil.example/",
    "http://127.0.0.1@evil.example/",
    "http://192.0.2.7/",
    "file:///etc/passwd",
    "//evil.example/",
    "rubbish",
    "",
    "http://[::1",
    "http://[not an address]/",
)


async def test_without_credentials_nothing_is_sent_off_this_machine(on_this_machine: Door) -> None:
    """The service that is to be answered must be on this machine, too."""
    before = await on_this_machine.records()
    for url in ELSEWHERE:
        for activity in on_this_machine.each_kind():
            assert await on_this_machine.post({**activity, "serviceUrl": url}, {}) == 401, url
    await nothing_came_of_it(on_this_machine, before)


async def test_who_is_turned_away_does_not_switch_teams_on(on_this_machine: Door) -> None:
    """Until a client on this machine has called, no alert is meant for Teams, whoever else has knocked."""
    assert await on_this_machine.post(on_this_machine.message(), {"Origin": "https://evil.example"}) == 401
    assert Platform.TEAMS not in on_this_machine.bot.worker.ports.platforms
    await on_this_machine.still_serves()
    assert Platform.TEAMS in on_this_machine.bot.worker.ports.platforms


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.7", "::", "bot.school.example"])
def test_without_credentials_the_bot_does_not_start_on_an_open_address(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """One line says what to do."""
    monkeypatch.setenv("HOST", host)
    for console in ("off", "auto", "on"):
        monkeypatch.setenv("ESAFETY_CONSOLE", console)
        with pytest.raises(SettingsError, match="HOST"):
            bot_settings.load_settings()


SLACK = {"SLACK_BOT_TOKEN": "xoxb-1", "SLACK_SIGNING_SECRET": "s", "ESAFETY_SLACK_MODE": "http"}


@pytest.mark.parametrize("more", [{"HOST": "0.0.0.0"}, {}], ids=["open to the network", "behind a proxy"])
def test_beside_slack_there_is_no_door_without_tokens(monkeypatch: pytest.MonkeyPatch, more: Mapping[str, str]) -> None:
    """A bot that serves a real Slack workspace over the internet takes nothing on trust from Teams."""
    for name, value in {**SLACK, **more}.items():
        monkeypatch.setenv(name, value)
    assert not bot_settings.load_settings().has_anonymous_teams


async def test_a_bot_of_many_tenants_needs_to_be_told_which(tmp_path: Path, clock: FakeClock) -> None:
    """Without any tenant everybody's Teams in the world would be let in: it does not start."""
    async with FakeTeams() as fake:
        settings = settings_for(fake, tmp_path, MICROSOFT_APP_TYPE="MultiTenant", MICROSOFT_APP_TENANT_ID="")
        with pytest.raises(SettingsError, match="MICROSOFT_APP_TENANT_ID"):
            async with running(settings, clock):
                pass
