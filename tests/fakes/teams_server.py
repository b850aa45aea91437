"""A Microsoft Teams to test against, on loopback: its connector, its login, its keys, and the people who use its client.

It keeps what a tenant keeps, refuses what Teams refuses (wrong cards, wrong tokens, people without the app), and can be told to
fail in the ways Teams fails. The bot is pointed at it with what `settings` gives; `bot_url` tells where the bot listens.
"""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, Self, TypeAlias

import aiohttp
import jwt
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from jwt.algorithms import RSAAlgorithm

from tests.fakes.clock import PATIENCE_SECONDS, UNHURRIED
from tests.fakes.teams_model import (
    BOT_NAME,
    MESSAGE_BYTES,
    Conversation,
    Delivery,
    Message,
    Payload,
    Person,
    RefusalError,
    Reply,
    Roster,
    TookTooLongError,
    new_guid,
    new_number,
    refuse_wrong_activity,
)
from tests.fakes.teams_user import GroupChat, Team, TeamsUser

ISSUER: Final = "https://api.botframework.com"
SCOPE: Final = "https://api.botframework.com"
SENDS: Final = frozenset({"create", "send", "reply", "update"})
PAGED: Final = frozenset({"members", "pagedmembers"})

_Do: TypeAlias = Callable[[web.Request, Any], tuple[int, Any]]
_THREAD: Final = ";messageid="
_PIXEL: Final = b"GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff!\xf9\x04\x01\x00\x00\x00\x00,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;"  # noqa: E501


@dataclass(frozen=True, slots=True)
class Fault:
    """How a call goes wrong: it is answered so, or with `lost` it is done and the connection breaks before the answer."""

    status: int
    code: str
    retry_after: int | str | None
    lost: bool
    kinds: frozenset[str]


@dataclass(frozen=True, slots=True)
class Call:
    """One call of the bot, with what was answered. `conversation` and `activity` are those of its address."""

    kind: str
    conversation: str
    activity: str
    body: Any
    status: int
    answer: Any
    at: float


@cache
def _rsa_key(number: int) -> RSAPrivateKey:
    """A key for all fakes of a run: to make one takes longer than many a test."""
    return generate_private_key(public_exponent=65537, key_size=2048)


def other_key() -> RSAPrivateKey:
    """A key that no fake ever publishes."""
    return _rsa_key(-1)


class FakeTeams:
    """A tenant of Teams in which the bot can be installed. Use it as an async context manager, or call `start` and `stop`.

    Without an app id it is anonymous, as a development client is: no tokens, in neither direction.
    """

    def __init__(
        self, *, app_id: str = "", app_password: str = "app-password", tenant: str = "", anonymous: bool = False
    ) -> None:
        self.app_id = app_id or ("" if anonymous else new_guid())
        self.app_password = app_password
        self.tenant = tenant or new_guid()
        self.anonymous = anonymous
        self.bot_url = ""
        self.patience = 5.0 * UNHURRIED  # seconds the bot has to answer
        self.delay = 0.0  # seconds that each send takes
        self.slow: dict[str, float] = {}  # seconds for which an answer to other calls is held back, by kind
        self.message_bytes = MESSAGE_BYTES
        self.page_size = 200
        self.page_bounds = (50, 500)
        self.needs_personal_app = False
        self.sends_empty_inputs = False
        self.endorsements = ["msteams"]
        self.people: dict[str, Person] = {}
        self.teams: dict[str, Roster] = {}
        self.conversations: dict[str, Conversation] = {}
        self.posted: list[Message] = []
        self.calls: list[Call] = []
        self.deliveries: list[Delivery] = []
        self.running_calls = 0
        self.busiest = 0
        self._faults: deque[Fault] = deque()
        self._events: set[str] = set()
        self._tokens: set[str] = set()
        self._last_id = 0
        self._key_number = 0
        self._kid = f"key-{new_number()}"
        self._port = 0
        self._runner: web.AppRunner | None = None
        self._http: aiohttp.ClientSession | None = None

    # Running it

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self) -> None:
        """Starts to listen, on the same port as before if it was stopped. What the tenant holds has stayed."""
        app = web.Application(client_max_size=4 * 1024 * 1024)
        app.router.add_get("/openid", self._open(self._openid, "openid"))
        app.router.add_get("/emulator/openid", self._open(self._openid, "openid"))
        app.router.add_get("/keys", self._open(self._keys, "keys"))
        app.router.add_post("/login/{tenant}/oauth2/v2.0/token", self._on_login)
        app.router.add_get("/connector/v3/attachments/{attachment}/views/{view}", self._on_attachment)
        here = "/connector/v3/conversations/{conversation}"
        for method, path, kind, do in (
            ("POST", "/connector/v3/conversations", "create", self._create),
            ("POST", f"{here}/activities", "send", self._send),
            ("POST", f"{here}/activities/{{activity}}", "reply", self._send),
            ("PUT", f"{here}/activities/{{activity}}", "update", self._update),
            ("DELETE", f"{here}/activities/{{activity}}", "delete", self._delete),
            ("GET", f"{here}/members", "members", self._members),
            ("GET", f"{here}/members/{{user}}", "member", self._member),
            ("GET", f"{here}/pagedmembers", "pagedmembers", self._paged_members),
            ("GET", "/connector/v3/teams/{conversation}", "team", self._team),
            ("GET", "/connector/v3/teams/{conversation}/conversations", "channels", self._channels),
        ):
            app.router.add_route(method, path, self._connector(kind, do))
        self._runner = web.AppRunner(app, shutdown_timeout=0.1, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self._port)
        await site.start()
        self._port = self._runner.addresses[0][1]
        self._http = aiohttp.ClientSession()

    async def stop(self) -> None:
        """Stops listening: from now on Teams cannot be reached."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None
        if self._http is not None:
            await self._http.close()
            self._http = None

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    @property
    def service_url(self) -> str:
        """Where the connector is, as every activity says."""
        return f"{self.base}/connector/"

    @property
    def settings(self) -> dict[str, Any]:
        """The bot's settings that point it here."""
        if self.anonymous:
            return {}
        return {
            "MICROSOFT_APP_ID": self.app_id,
            "MICROSOFT_APP_PASSWORD": self.app_password,
            "MICROSOFT_APP_TENANT_ID": self.tenant,
            "MICROSOFT_APP_TYPE": "SingleTenant",
            "TO_CHANNEL_FROM_BOT_LOGIN_URL": f"{self.base}/login/{self.tenant}",
            "TO_CHANNEL_FROM_BOT_OAUTH_SCOPE": SCOPE,
            "TO_BOT_FROM_CHANNEL_TOKEN_ISSUER": ISSUER,
            "OAUTH_URL": self.base,
            "TO_BOT_FROM_CHANNEL_OPENID_METADATA_URL": f"{self.base}/openid",
            "TO_BOT_FROM_EMULATOR_OPENID_METADATA_URL": f"{self.base}/emulator/openid",
        }

    @property
    def bot(self) -> Payload:
        """The bot, as activities name it."""
        return {"id": f"28:{self.app_id}", "name": BOT_NAME}

    # What the tenant holds

    def add_user(self, name: str, email: str = "", *, upn: str | None = None, guest: bool = False) -> TeamsUser:
        """A person with an account, at the client. They sign in with their e-mail address unless told otherwise.

        A guest's sign-in name is made as the directory makes it, from the address they have elsewhere.
        """
        guests_name = f"{email.replace('@', '_')}#EXT#@school.onmicrosoft.example"
        person = Person(new_guid(), f"29:1{new_number():030x}", name, email, upn or (guests_name if guest else email), guest)
        self.people[person.id] = person
        return TeamsUser(self, person)

    def add_team(self, name: str, members: Iterable[TeamsUser] = (), channels: Iterable[str] = ()) -> Team:
        """A team with those people in it and its channels beside General, whose id is the team's own. The app is not in it."""
        roster = Roster(_thread_id(), new_guid(), name, [member.id for member in members])
        roster.channels = {"General": roster.id, **{channel: _thread_id() for channel in channels}}
        self.teams[roster.id] = roster
        for channel in roster.channels.values():
            self.conversations[channel] = Conversation(channel, "channel", roster.members, roster)
        return Team(self, roster)

    def add_group_chat(self, members: Iterable[TeamsUser]) -> GroupChat:
        """A group chat. The app is not in it."""
        chat = Conversation(f"19:{new_guid().replace('-', '')}@thread.v2", "groupChat", [member.id for member in members])
        self.conversations[chat.id] = chat
        return GroupChat(self, chat)

    def personal_chat(self, person_id: str) -> Conversation:
        """The chat between a person and the bot, there or not yet. The app is in it only once they have installed it."""
        for conversation in self.conversations.values():
            if conversation.kind == "personal" and conversation.members == [person_id]:
                return conversation
        conversation = Conversation(f"a:1{new_number():040x}", "personal", [person_id])
        self.conversations[conversation.id] = conversation
        return conversation

    def conversation(self, conversation_id: str) -> Conversation:
        """The chat or channel of an id, with or without the message of a thread."""
        return self.conversations[conversation_id.partition(_THREAD)[0]]

    def messages_in(self, conversation_id: str) -> list[Message]:
        """What stands in a chat or channel for everybody in it, oldest first."""
        return self.messages_for("", conversation_id)

    def messages_for(self, person_id: str, conversation_id: str) -> list[Message]:
        """What one person sees in a chat or channel: with what is targeted at them."""
        place = conversation_id.partition(_THREAD)[0]
        here = [message for message in self.posted if message.conversation == place and not message.deleted]
        return [message for message in here if message.only_for in ("", person_id)]

    def message(self, message_id: str) -> Message:
        return next(message for message in self.posted if message.id == message_id)

    def keep(
        self,
        conversation: Conversation,
        author: str,
        payload: Payload,
        *,
        thread: str = "",
        reply_to: str = "",
        by_bot: bool = False,
        only_for: str = "",
    ) -> Message:
        """Puts a message into the history. In a channel it begins a thread, unless it belongs to one."""
        message_id = self.next_id()
        root = (thread or message_id) if conversation.kind == "channel" else ""
        message = Message(message_id, conversation.id, author, [payload], by_bot, root, reply_to, only_for=only_for)
        self.posted.append(message)
        return message

    def next_id(self) -> str:
        """An id later than all before: milliseconds, as Teams has them for messages."""
        self._last_id = max(self._last_id + 1, int(time.time() * 1000))
        return str(self._last_id)

    def calls_of(self, *kinds: str) -> list[Call]:
        """The calls of those kinds so far, those answered with an error too.

        The kinds: create, send, reply, update, delete, member, members, pagedmembers, team, channels, attachment; openid, keys
        and token.
        """
        return [call for call in self.calls if call.kind in kinds]

    def raw_history(self) -> list[Payload]:
        """Every message as all its versions stand in the history, deleted ones too."""
        return [message.as_payload() for message in self.posted]

    async def until(self, reached: Callable[[], object], what: str, *, within: float = PATIENCE_SECONDS) -> None:
        """Waits until something has happened that the bot does after it has answered."""
        end = time.monotonic() + within
        while not reached():
            if time.monotonic() > end:
                raise AssertionError(f"after {within} s still not: {what}")
            await asyncio.sleep(0.005)

    # Faults

    def fail(
        self,
        times: int = 1,
        status: int = 500,
        code: str = "ServiceError",
        *,
        retry_after: int | str | None = None,
        lost: bool = False,
        of: Iterable[str] = SENDS,
    ) -> None:
        """The next so many sends go wrong like that, or other calls if their kinds are given.

        With `lost` a call is done, but the connection breaks before the answer: the bot cannot know.
        """
        self._faults.extend([Fault(status, code, retry_after, lost, frozenset(of))] * times)

    def no_more_faults(self) -> None:
        self._faults.clear()

    def accept_tokens_of(self, other: "FakeTeams") -> None:
        """Another tenant of the same Microsoft: one login and one set of keys for both."""
        self._tokens, self._kid, self._key_number = other._tokens, other._kid, other._key_number

    def forget_tokens(self) -> None:
        """Every access token given out so far is worth nothing from now on."""
        self._tokens.clear()

    # Keys and tokens

    def rotate_key(self) -> None:
        """Signs with a new key from now on, and publishes that one alone."""
        self._key_number += 1
        self._kid = f"key-{new_number()}"

    @property
    def key(self) -> RSAPrivateKey:
        """The key in use."""
        return _rsa_key(self._key_number)

    @property
    def kid(self) -> str:
        return self._kid

    def token(
        self,
        *,
        key: RSAPrivateKey | bytes | None = None,
        alg: str = "RS256",
        kid: str | None = None,
        age: float = 0,
        **claims: Any,
    ) -> str:
        """What proves that a request comes from Teams, right unless something is changed. A claim that is None is left out.

        `age` moves its times back by that many seconds; it is good for an hour. With `alg` "none" it is not signed.
        """
        now = int(time.time() - age)
        right = {"iss": ISSUER, "aud": self.app_id, "serviceurl": self.service_url, "nbf": now - 300, "exp": now + 3600}
        payload = {name: value for name, value in {**right, **claims}.items() if value is not None}
        headers = {"kid": kid or self._kid, "x5t": kid or self._kid}
        return jwt.encode(payload, None if alg == "none" else key or self.key, algorithm=alg, headers=headers)  # type: ignore[arg-type]

    def _openid(self) -> Payload:
        return {
            "issuer": ISSUER,
            "authorization_endpoint": "https://invalid.botframework.com",
            "jwks_uri": f"{self.base}/keys",
            "id_token_signing_alg_values_supported": ["RS256"],
            "token_endpoint_auth_methods_supported": ["private_key_jwt"],
        }

    def _keys(self) -> Payload:
        public = RSAAlgorithm.to_jwk(self.key.public_key(), as_dict=True)
        named = {"use": "sig", "kid": self._kid, "x5t": self._kid, "endorsements": self.endorsements}
        return {"keys": [{"kty": "RSA", "n": public["n"], "e": public["e"], **named}]}

    def _open(self, answer: Callable[[], Payload], kind: str) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def serve(_: web.Request) -> web.Response:
            given = answer()
            self._record(kind, "", "", None, 200, given)
            return web.json_response(given)

        return serve

    async def _on_login(self, request: web.Request) -> web.Response:
        form = dict(await request.post())
        answer: Payload
        wrong = self._login_fault(request.match_info["tenant"], form)
        status, answer = (401 if wrong == "invalid_client" else 400), {"error": wrong, "error_description": f"AADSTS: {wrong}"}
        if not wrong:
            token = f"token-{new_guid()}"
            self._tokens.add(token)
            status, answer = 200, {"token_type": "Bearer", "expires_in": 3599, "access_token": token}
        self._record("token", "", "", {name: value for name, value in form.items() if name != "client_secret"}, status, answer)
        return web.json_response(answer, status=status)

    def _login_fault(self, tenant: str, form: Payload) -> str:
        if tenant != self.tenant:
            return "invalid_request"
        if form.get("grant_type") != "client_credentials":
            return "unsupported_grant_type"
        if form.get("client_id") != self.app_id:
            return "unauthorized_client"
        if form.get("client_secret") != self.app_password:
            return "invalid_client"
        return "" if form.get("scope") == f"{SCOPE}/.default" else "invalid_scope"

    # Sending to the bot

    async def deliver(self, activity: Payload, *, token: str | None = None) -> Reply:
        """Sends an activity to the bot, with a good token, that one, or none if it is empty. Gives the bot's answer."""
        assert self._http is not None, "the fake Teams is not running"
        assert self.bot_url, "set bot_url: Teams must know where the bot listens"
        proof = token if token is not None else "" if self.anonymous else self.token()
        self.deliveries.append(Delivery(activity, proof))
        self._events.add(str(activity.get("id", "")))
        headers = {"Authorization": f"Bearer {proof}"} if proof else {}
        timeout = aiohttp.ClientTimeout(total=self.patience)
        try:
            async with self._http.post(self.bot_url, json=activity, headers=headers, timeout=timeout) as response:
                return Reply(response.status, await response.text())
        except (TimeoutError, aiohttp.ClientConnectionError) as gone:
            raise TookTooLongError(str(gone)) from gone

    # The connector

    def _connector(self, kind: str, do: _Do) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def serve(request: web.Request) -> web.StreamResponse:
            self.running_calls += 1
            self.busiest = max(self.busiest, self.running_calls)
            try:
                return await self._serve(kind, do, request)
            finally:
                self.running_calls -= 1

        return serve

    async def _serve(self, kind: str, do: _Do, request: web.Request) -> web.StreamResponse:
        try:
            body = await request.json() if request.can_read_body else None
        except ValueError:
            body = None
        answer: Any
        fault = None
        headers: dict[str, str] = {}
        if not self._is_authorized(request):
            status, answer = 401, {"message": "Authorization has been denied for this request."}
        else:
            fault = self._next_fault(kind)
            if kind in SENDS:
                await asyncio.sleep(self.delay)
            if fault is None or fault.lost:
                status, answer = self._answer(do, request, body)
            else:
                status, answer = fault.status, {"error": {"code": fault.code, "message": "As the test asked"}}
                headers = {} if fault.retry_after is None else {"Retry-After": str(fault.retry_after)}
        await asyncio.sleep(self.slow.get(kind, 0))
        place, activity = (request.match_info.get(name, "") for name in ("conversation", "activity"))
        self._record(kind, place, activity, body, status, answer)
        if fault is not None and fault.lost and request.transport is not None:
            request.transport.abort()
        return web.Response(status=status) if answer is None else web.json_response(answer, status=status, headers=headers)

    def _is_authorized(self, request: web.Request) -> bool:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        return self.anonymous or (scheme == "Bearer" and token in self._tokens)

    def _next_fault(self, kind: str) -> Fault | None:
        for fault in self._faults:
            if kind in fault.kinds:
                self._faults.remove(fault)
                return fault
        return None

    def _answer(self, do: _Do, request: web.Request, body: Any) -> tuple[int, Any]:
        try:
            return do(request, body)
        except RefusalError as refusal:
            return refusal.status, refusal.answer

    def _record(self, kind: str, conversation: str, activity: str, body: Any, status: int, answer: Any) -> None:
        self.calls.append(Call(kind, conversation, activity, body, status, answer, time.monotonic()))

    async def _on_attachment(self, request: web.Request) -> web.Response:
        status = 200 if self._is_authorized(request) else 401
        self._record("attachment", "", request.match_info["attachment"], None, status, None)
        return web.Response(body=_PIXEL if status == 200 else b"", status=status, content_type="image/gif")

    def picture_url(self) -> str:
        """Where a picture that somebody sent can be fetched: by a bot that should not."""
        return f"{self.service_url}v3/attachments/{new_guid()}/views/original"

    # Conversations

    def _create(self, _: web.Request, body: Any) -> tuple[int, Any]:
        if not isinstance(body, dict):
            raise RefusalError(400, "BadSyntax", "Invalid request body")
        data = body.get("channelData") or {}
        self._check_tenant(body.get("tenantId") or (data.get("tenant") or {}).get("id"))
        channel = (data.get("channel") or {}).get("id")
        return self._begin_thread(str(channel), body) if channel else self._open_chat(body)

    def _check_tenant(self, tenant: Any) -> None:
        if not tenant:
            raise RefusalError(400, "BadArgument", "Missing tenant id")
        if tenant != self.tenant:
            raise RefusalError(403, "BotDisabledByAdmin", "The tenant admin disabled this bot")

    def _begin_thread(self, channel: str, body: Payload) -> tuple[int, Any]:
        if not body.get("isGroup"):
            raise RefusalError(400, "BadArgument", "A thread in a channel is a group conversation: isGroup must be true")
        place, thread = self._place(channel)
        if place.kind != "channel" or thread:
            raise RefusalError(404, "ConversationNotFound", "Conversation not found.")
        activity = body.get("activity")
        refuse_wrong_activity(activity, limit=self.message_bytes)
        assert isinstance(activity, dict)
        if activity["type"] != "message":
            raise RefusalError(400, "BadArgument", "A thread begins with a message")
        message = self.keep(place, str(self.bot["id"]), activity, by_bot=True)
        return 201, {"id": f"{place.id}{_THREAD}{message.id}", "activityId": message.id}

    def _open_chat(self, body: Payload) -> tuple[int, Any]:
        members = body.get("members") or []
        if body.get("isGroup") or len(members) != 1:
            raise RefusalError(400, "BadArgument", "A bot can open a chat with one person only")
        wanted = str(members[0].get("id", ""))
        person = self._person(wanted)
        if person is None:
            raise RefusalError(400, "MemberNotFoundInConversation", "The user is no member of the tenant")
        chat = self.personal_chat(person.id)
        if not self._may_write(chat):
            raise RefusalError(403, "BotNotInConversationRoster", "Bot is not installed in user's personal scope")
        return 201, {"id": chat.id}

    def _person(self, wanted: str) -> Person | None:
        return next((person for person in self.people.values() if wanted in (person.id, person.teams_id)), None)

    def _may_write(self, place: Conversation) -> bool:
        """A person can be written to who has the app, or who is somewhere where it is; elsewhere it must be itself."""
        if place.has_app or place.kind != "personal" or self.needs_personal_app:
            return place.has_app
        (person,) = place.members
        return any(other.has_app and person in other.members for other in self.conversations.values() if other is not place)

    def _place(self, conversation_id: str) -> tuple[Conversation, str]:
        """The chat or channel of an id, and the thread in it if one is named.

        Raises:
            RefusalError: there is none, or the bot is not in it.
        """
        base, _, thread = conversation_id.partition(_THREAD)
        place = self.conversations.get(base)
        if place is None or (thread and place.kind != "channel"):
            raise RefusalError(404, "ConversationNotFound", "Conversation not found.")
        if not self._may_write(place):
            raise RefusalError(403, "BotNotInConversationRoster", "The bot is not part of the conversation roster.")
        if thread and all(message.thread != thread for message in self.messages_in(base)):
            raise RefusalError(404, "ConversationNotFound", "Conversation not found.")
        return place, thread

    # Messages

    def _send(self, request: web.Request, body: Any) -> tuple[int, Any]:
        place, thread = self._place(request.match_info["conversation"])
        reply_to = request.match_info.get("activity", "")
        if reply_to and reply_to not in self._events:
            answered = self._message(place, reply_to)
            thread = thread or answered.thread
        refuse_wrong_activity(body, limit=self.message_bytes)
        if body["type"] == "typing":
            return 201, {"id": self.next_id()}
        reply_to = reply_to or str(body.get("replyToId") or "")
        only_for = self._target(request, place, body)
        message = self.keep(place, str(self.bot["id"]), body, thread=thread, reply_to=reply_to, by_bot=True, only_for=only_for)
        return 201, {"id": message.id}

    def _target(self, request: web.Request, place: Conversation, body: Payload) -> str:
        """The person at whom a message is targeted, '' for one that everybody is to see."""
        if request.query.get("isTargetedActivity") != "true":
            return ""
        recipient = body.get("recipient") or {}
        person = self._person(str(recipient.get("id") or ""))
        if person is None or place.kind == "personal" or person.id not in place.members:
            raise RefusalError(400, "BadArgument", "A targeted message needs a recipient who is in the conversation")
        return person.id

    def _message(self, place: Conversation, message_id: str) -> Message:
        for message in self.messages_in(place.id):
            if message.id == message_id:
                return message
        raise RefusalError(404, "ActivityNotFoundInConversation", "Conversation not found.")

    def _own_message(self, request: web.Request) -> Message:
        place, _ = self._place(request.match_info["conversation"])
        message = self._message(place, request.match_info["activity"])
        if not message.from_bot:
            raise RefusalError(403, "NotEnoughPermissions", "A bot can change its own messages only")
        return message

    def _update(self, request: web.Request, body: Any) -> tuple[int, Any]:
        message = self._own_message(request)
        refuse_wrong_activity(body, update=True, limit=self.message_bytes)
        message.versions.append(body)
        message.private.clear()
        return 200, {"id": message.id}

    def _delete(self, request: web.Request, _: Any) -> tuple[int, Any]:
        self._own_message(request).deleted = True
        return 200, None

    # Members

    def _all_members(self, request: web.Request) -> list[Payload]:
        place, _ = self._place(request.match_info["conversation"])
        return [self.people[member].as_member(self.tenant) for member in place.members]

    def _members(self, request: web.Request, _: Any) -> tuple[int, Any]:
        return 200, self._all_members(request)

    def _member(self, request: web.Request, _: Any) -> tuple[int, Any]:
        wanted = request.match_info["user"]
        for member in self._all_members(request):
            if wanted in (member["id"], member["aadObjectId"]):
                return 200, member
        raise RefusalError(404, "MemberNotFoundInConversation", "The member is not in the conversation")

    def _paged_members(self, request: web.Request, _: Any) -> tuple[int, Any]:
        members = self._all_members(request)
        least, most = self.page_bounds
        asked = request.query.get("pageSize", "")
        size = min(max(int(asked), least), most) if asked.isdecimal() else self.page_size
        start = _start_of(request.query.get("continuationToken", ""))
        end = start + size
        page: Payload = {"members": members[start:end]}
        return 200, {**page, "continuationToken": _continuation(end)} if end < len(members) else page

    # Teams

    def _roster(self, request: web.Request) -> Roster:
        roster = self.teams.get(request.match_info["conversation"])
        if roster is None:
            raise RefusalError(404, "TeamNotFound", "Team not found.")
        if not roster.installed:
            raise RefusalError(403, "BotNotInConversationRoster", "The bot is not part of the conversation roster.")
        return roster

    def _team(self, request: web.Request, _: Any) -> tuple[int, Any]:
        roster = self._roster(request)
        counts = {"channelCount": len(roster.channels), "memberCount": len(roster.members)}
        return 200, {"id": roster.id, "name": roster.name, "aadGroupId": roster.group_id, "tenantId": self.tenant, **counts}

    def _channels(self, request: web.Request, _: Any) -> tuple[int, Any]:
        """General has the team's id and no name: every client has its own word for it."""
        roster = self._roster(request)
        named = ({"id": key, "name": None if key == roster.id else name} for name, key in roster.channels.items())
        return 200, {"conversations": list(named)}


def _thread_id() -> str:
    return f"19:{new_guid().replace('-', '')}@thread.tacv2"


def _continuation(start: int) -> str:
    """A token with characters that must be quoted in an address, as Teams' may have them."""
    return f"{start}.a+b/c=&?"


def _start_of(token: str) -> int:
    start, _, rest = token.partition(".")
    if token and (not start.isdecimal() or token != _continuation(int(start))):
        raise RefusalError(400, "BadArgument", f"Invalid continuation token {rest!r}")
    return int(start or 0)
