"""A Slack to test against: its Web API on loopback, and the people who use its client.

It keeps what a workspace keeps, refuses what Slack refuses (wrong blocks, old triggers, missing scopes), and can be told to
fail in the ways Slack fails. The bot is pointed at `base_url` with SLACK_API_URL; `bot_url` tells where the bot listens, unless
it comes by Socket Mode.
"""

import asyncio
import contextlib
import json
import time
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Self, TypeAlias, assert_never
from urllib.parse import parse_qsl, urlencode

import aiohttp
from aiohttp import WSMsgType, web
from slack_sdk.signature import SignatureVerifier

from tests.contract.limits import problems
from tests.fakes.clock import PATIENCE_SECONDS, UNHURRIED
from tests.fakes.slack_model import (
    APP_ID,
    BOT_ID,
    BOT_USER,
    TEAM_DOMAIN,
    TEAM_ID,
    Channel,
    Delivery,
    Message,
    Payload,
    Person,
    Reply,
    TookTooLongError,
    View,
    new_id,
    starting_values,
    with_block_ids,
)
from tests.fakes.slack_user import SlackUser

ALL_SCOPES: Final = (
    "commands,chat:write,im:write,im:history,app_mentions:read,users:read,users:read.email,usergroups:read,"
    "channels:read,groups:read"
)
_RESPONSE_URL_USES: Final = 5
_VIEWS_DEEP: Final = 3


@dataclass(frozen=True, slots=True)
class RateLimited:
    """The call is answered with 429 and how long to wait: in seconds, or as a proxy on the way may put it."""

    retry_after: int | str = 1


@dataclass(frozen=True, slots=True)
class ServerError:
    """The call is answered with 500 and nothing is done."""


@dataclass(frozen=True, slots=True)
class LostReply:
    """The call is done, but the connection breaks before the answer: the bot cannot know."""


@dataclass(frozen=True, slots=True)
class LostCall:
    """The connection breaks before anything is done."""


@dataclass(frozen=True, slots=True)
class Refused:
    """The call is answered with that error."""

    error: str


@dataclass(frozen=True, slots=True)
class Slow:
    """The call is done after that many seconds."""

    seconds: float


Fault: TypeAlias = RateLimited | ServerError | LostReply | LostCall | Refused | Slow


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a Web API method, with what was answered."""

    method: str
    arguments: Payload
    status: int
    answer: Payload
    at: float


@dataclass(slots=True)
class _Trigger:
    person: str
    issued: float
    view: str = ""
    used: bool = False


@dataclass(slots=True)
class _ResponseUrl:
    person: str
    channel: str
    message: Message | None
    uses: int = 0


@dataclass(slots=True)
class _Socket:
    connection: web.WebSocketResponse
    waiting: dict[str, asyncio.Future[Payload]] = field(default_factory=dict)


class _RefusalError(Exception):
    def __init__(self, error: str, **more: Any) -> None:
        super().__init__(error)
        self.answer: Payload = {"ok": False, "error": error, **more}


class FakeSlack:
    """A workspace with the bot installed. Use it as an async context manager, or call `start` and `stop`."""

    def __init__(
        self,
        *,
        token: str = "xoxb-test",
        app_token: str = "xapp-test",
        signing_secret: str = "signing-secret",
        bot_url: str = "",
        scopes: str = ALL_SCOPES,
        team_id: str = TEAM_ID,
        team_name: str = "School",
    ) -> None:
        self.token = token
        self.team_id = team_id
        self.team_name = team_name
        self.app_token = app_token
        self.signing_secret = signing_secret
        self.bot_url = bot_url
        self.scopes = scopes
        self.patience = 3.0 * UNHURRIED  # seconds the bot has to answer
        self.trigger_life = 3.0 * UNHURRIED
        self.page_size = 100
        self.people: dict[str, Person] = {BOT_USER: Person(BOT_USER, "Online safety", "", is_bot=True)}
        self.channels: dict[str, Channel] = {}
        self.views: dict[str, list[View]] = defaultdict(list)
        self.begun: Counter[str] = Counter()
        """Calls that have come in, answered or not."""
        self.homes: dict[str, View] = {}
        self.calls: list[Call] = []
        self.deliveries: list[Delivery] = []
        self.acks: list[Payload] = []
        self.posted: list[Message] = []
        self._faults: dict[str, deque[Fault]] = defaultdict(deque)
        self._triggers: dict[str, _Trigger] = {}
        self._response_urls: dict[str, _ResponseUrl] = {}
        self._sockets: list[_Socket] = []
        self._last_ts = 0
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
        """Starts to listen, on the same port as before if it was stopped. What the workspace holds has stayed."""
        app = web.Application(client_max_size=4 * 1024 * 1024)
        app.router.add_route("*", "/api/{method}", self.on_call)
        app.router.add_post("/response/{key}", self._on_response_url)
        app.router.add_get("/socket", self._on_socket)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self._port)
        await site.start()
        self._port = self._runner.addresses[0][1]
        self._http = aiohttp.ClientSession()

    async def stop(self) -> None:
        """Stops listening: from now on Slack cannot be reached."""
        for socket in list(self._sockets):
            await socket.connection.close()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None
        if self._http is not None:
            await self._http.close()
            self._http = None

    @property
    def base_url(self) -> str:
        """What SLACK_API_URL is set to."""
        return f"http://127.0.0.1:{self._port}/api/"

    # What the workspace holds

    def add_user(self, name: str, email: str = "", *, user_id: str = "") -> SlackUser:
        """A member of staff with an account, at the client."""
        person = Person(
            user_id or new_id("U"), name, email or f"{name.lower().replace(' ', '.')}@school.example", team=self.team_id
        )
        self.people[person.id] = person
        return SlackUser(self, person)

    def add_channel(
        self,
        name: str,
        members: Iterable[SlackUser | str] = (),
        *,
        private: bool = False,
        with_bot: bool = True,
        channel_id: str = "",
    ) -> str:
        """A channel with those people in it, and the bot if it was invited. Gives the channel's id."""
        ids = [member if isinstance(member, str) else member.id for member in members]
        channel = Channel(channel_id or new_id("C"), name, [*ids, *([BOT_USER] if with_bot else [])], is_private=private)
        self.channels[channel.id] = channel
        return channel.id

    def direct_channel(self, person_id: str) -> Channel:
        """The direct messages between a person and the bot, opened if they were not yet."""
        for channel in self.channels.values():
            if channel.with_person == person_id:
                return channel
        channel = Channel(new_id("D"), "directmessage", [person_id, BOT_USER], with_person=person_id)
        self.channels[channel.id] = channel
        return channel

    def messages_in(self, channel_id: str) -> list[Message]:
        """What stands in a channel for all to see, oldest first."""
        return [
            message for message in self.posted if message.channel == channel_id and not (message.only_for or message.deleted)
        ]

    def ephemerals_for(self, person_id: str) -> list[Message]:
        """What only that person sees, in any channel, oldest first."""
        return [message for message in self.posted if message.only_for == person_id and not message.deleted]

    def message(self, channel_id: str, ts: str) -> Message:
        return next(message for message in self.posted if (message.channel, message.ts) == (channel_id, ts))

    def say(self, channel_id: str, author: str, text: str, *, thread_ts: str = "") -> Message:
        """A message that a person writes in a channel. Gives it, and tells the bot nothing."""
        return self._keep(Message(channel_id, self.next_ts(), author, text, thread_ts=thread_ts))

    def calls_of(self, method: str) -> list[Call]:
        """The calls of one method so far, those answered with an error too."""
        return [call for call in self.calls if call.method == method]

    # Faults

    def next_calls(self, method: str, times: int, fault: Fault) -> None:
        """The next so many calls of that method go wrong like that, after the faults asked for before."""
        self._faults[method].extend([fault] * times)

    def no_more_faults(self) -> None:
        self._faults.clear()

    # What the client needs

    async def until(self, reached: Callable[[], object], what: str, *, within: float = PATIENCE_SECONDS) -> None:
        """Waits until something has happened that the bot does after it has answered."""
        end = time.monotonic() + within
        while not reached():
            if time.monotonic() > end:
                raise AssertionError(f"after {within} s still not: {what}")
            await asyncio.sleep(0.005)

    def new_trigger(self, person_id: str, *, view: str = "") -> str:
        """A trigger id for a person's action: good once, and not for long."""
        trigger = f"{new_id('trigger')}.{new_id('')}"
        self._triggers[trigger] = _Trigger(person_id, time.monotonic(), view)
        return trigger

    def new_response_url(self, person_id: str, channel_id: str, message: Message | None = None) -> str:
        key = new_id("response")
        self._response_urls[key] = _ResponseUrl(person_id, channel_id, message)
        return f"http://127.0.0.1:{self._port}/response/{key}"

    def next_ts(self) -> str:
        """A time stamp later than all before, which is also a message's id in its channel."""
        self._last_ts = max(self._last_ts + 1, int(time.time() * 1_000_000))
        return f"{self._last_ts // 1_000_000}.{self._last_ts % 1_000_000:06d}"

    def show_ephemeral(self, person_id: str, channel_id: str, payload: Mapping[str, Any]) -> Message:
        """Shows something to one person alone. Slack shows nothing of a message whose blocks are wrong."""
        _refuse_wrong_message(payload)
        made = with_block_ids(dict(payload))
        return self._keep(
            Message(channel_id, self.next_ts(), BOT_USER, made.get("text", ""), made.get("blocks", []), only_for=person_id)
        )

    def show_in_channel(self, channel_id: str, payload: Mapping[str, Any], *, thread_ts: str = "") -> Message:
        _refuse_wrong_message(payload)
        made = with_block_ids(dict(payload))
        return self._keep(
            Message(channel_id, self.next_ts(), BOT_USER, made.get("text", ""), made.get("blocks", []), thread_ts=thread_ts)
        )

    async def deliver(self, delivery: Delivery) -> Reply:
        """Sends something to the bot, signed over HTTP or in a Socket Mode envelope, and gives its answer."""
        self.deliveries.append(delivery)
        if self._sockets:
            return await self._deliver_by_socket(delivery)
        if not self.bot_url:
            raise AssertionError("set bot_url, or connect the bot by Socket Mode")
        return await self._deliver_by_http(delivery)

    async def send_again(self, delivery: Delivery | None = None, *, reason: str = "http_timeout", retry: int = 1) -> Reply:
        """Sends the last request (or that one) again, as Slack does with an event it got no answer for."""
        again = delivery or self.deliveries[-1]
        return await self.deliver(Delivery(again.kind, again.payload, retry, reason))

    async def drop_sockets(self) -> None:
        """Closes the Socket Mode connections, as Slack does every few hours: it asks for a new one, and leaves time for it."""
        old = list(self._sockets)
        self._sockets.clear()
        for socket in old:
            await socket.connection.send_json({"type": "disconnect", "reason": "refresh_requested"})
        with contextlib.suppress(AssertionError):
            await self.until(lambda: self._sockets, "a new connection", within=2)
        for socket in old:
            await socket.connection.close()

    @property
    def socket_count(self) -> int:
        return len(self._sockets)

    # Sending to the bot

    async def _deliver_by_http(self, delivery: Delivery) -> Reply:
        assert self._http is not None, "the fake Slack is not running"
        body, content_type = _http_body(delivery)
        headers = {"Content-Type": content_type, **self.signature(body), **_retry_headers(delivery)}
        timeout = aiohttp.ClientTimeout(total=self.patience)
        try:
            async with self._http.post(self.bot_url, data=body.encode(), headers=headers, timeout=timeout) as response:
                return Reply(response.status, await response.text())
        except (TimeoutError, aiohttp.ClientConnectionError) as gone:
            raise TookTooLongError(str(gone)) from gone

    def signature(self, body: str, *, age: float = 0) -> dict[str, str]:
        """The headers that prove a request comes from Slack."""
        timestamp = str(int(time.time() - age))
        signed = SignatureVerifier(self.signing_secret).generate_signature(timestamp=timestamp, body=body)
        return {"X-Slack-Request-Timestamp": timestamp, "X-Slack-Signature": str(signed)}

    async def _deliver_by_socket(self, delivery: Delivery) -> Reply:
        socket = self._sockets[-1]
        envelope_id = new_id("envelope")
        acknowledged: asyncio.Future[Payload] = asyncio.get_running_loop().create_future()
        socket.waiting[envelope_id] = acknowledged
        envelope: Payload = {
            "envelope_id": envelope_id,
            "type": delivery.kind,
            "payload": delivery.payload,
            "accepts_response_payload": delivery.kind != "events_api",
        }
        if delivery.retry:
            envelope |= {"retry_attempt": delivery.retry, "retry_reason": delivery.retry_reason}
        await socket.connection.send_json(envelope)
        try:
            ack = await asyncio.wait_for(acknowledged, self.patience)
        except TimeoutError as late:
            raise TookTooLongError(envelope_id) from late
        answer = ack.get("payload")
        return Reply(200, answer if isinstance(answer, str) else json.dumps(answer) if answer else "")

    async def _on_socket(self, request: web.Request) -> web.WebSocketResponse:
        connection = web.WebSocketResponse()
        await connection.prepare(request)
        socket = _Socket(connection)
        await connection.send_json({"type": "hello", "num_connections": 1, "connection_info": {"app_id": APP_ID}})
        self._sockets.append(socket)
        try:
            async for frame in connection:
                if frame.type is WSMsgType.TEXT:
                    self._on_ack(socket, frame.data)
        finally:
            if socket in self._sockets:
                self._sockets.remove(socket)
        return connection

    def _on_ack(self, socket: _Socket, text: str) -> None:
        try:
            ack = json.loads(text)
        except ValueError:
            return
        self.acks.append(ack)
        waiting = socket.waiting.pop(ack.get("envelope_id", ""), None)
        if waiting is not None and not waiting.done():
            waiting.set_result(ack)

    # The Web API

    async def on_call(self, request: web.Request) -> web.StreamResponse:
        """Answers one call; of several workspaces, the one whose token it came with does."""
        method = request.match_info["method"]
        self.begun[method] += 1
        arguments = await _arguments(request)
        fault = self._faults[method].popleft() if self._faults[method] else None
        status, answer, headers = await self._answer(method, arguments, fault)
        self.calls.append(Call(method, arguments, status, answer, time.monotonic()))
        if isinstance(fault, LostReply | LostCall) and request.transport is not None:
            request.transport.abort()
        return web.json_response(answer, status=status, headers={"x-oauth-scopes": self.scopes, **headers})

    async def _answer(self, method: str, arguments: Payload, fault: Fault | None) -> tuple[int, Payload, dict[str, str]]:
        match fault:
            case RateLimited(retry_after):
                return (429, {"ok": False, "error": "ratelimited"}, {"Retry-After": str(retry_after)})
            case ServerError():
                return 500, {"ok": False, "error": "internal_error"}, {}
            case LostCall():
                return 500, {"ok": False, "error": "connection_lost"}, {}
            case Refused(error):
                return 200, {"ok": False, "error": error}, {}
            case Slow(seconds):
                await asyncio.sleep(seconds)
            case LostReply() | None:
                pass
            case _:
                assert_never(fault)
        try:
            return 200, {"ok": True, **self._do(method, arguments)}, {}
        except _RefusalError as refusal:
            return 200, refusal.answer, {}

    def _do(self, method: str, arguments: Payload) -> Payload:
        self._check_token(method, arguments.pop("token", ""))
        do = self._methods().get(method)
        if do is None:
            raise _RefusalError("unknown_method", req_method=method)
        granted = set(self.scopes.split(","))
        needed = _SCOPES.get(method, set())
        if needed and not needed & granted:
            raise _RefusalError("missing_scope", needed=",".join(sorted(needed)), provided=self.scopes)
        return do(arguments)

    def _check_token(self, method: str, token: str) -> None:
        wanted = self.app_token if method == "apps.connections.open" else self.token
        if not token:
            raise _RefusalError("not_authed")
        if token != wanted:
            raise _RefusalError("invalid_auth")

    def _methods(self) -> dict[str, Callable[[Payload], Payload]]:
        return {
            "api.test": lambda _: {},
            "auth.test": self._auth_test,
            "users.info": self._users_info,
            "users.lookupByEmail": self._users_lookup_by_email,
            "users.list": self._users_list,
            "conversations.open": self._conversations_open,
            "conversations.info": self._conversations_info,
            "conversations.list": self._conversations_list,
            "conversations.members": self._conversations_members,
            "chat.postMessage": self._chat_post_message,
            "chat.update": self._chat_update,
            "chat.delete": self._chat_delete,
            "chat.postEphemeral": self._chat_post_ephemeral,
            "chat.getPermalink": self._chat_get_permalink,
            "views.open": self._views_open,
            "views.push": self._views_push,
            "views.update": self._views_update,
            "views.publish": self._views_publish,
            "apps.connections.open": self._apps_connections_open,
        }

    def _auth_test(self, _: Payload) -> Payload:
        return {
            "url": f"https://{TEAM_DOMAIN}.slack.com/",
            "team": self.team_name,
            "user": "online_safety",
            "team_id": self.team_id,
            "user_id": BOT_USER,
            "bot_id": BOT_ID,
            "is_enterprise_install": False,
        }

    def _apps_connections_open(self, _: Payload) -> Payload:
        return {"url": f"ws://127.0.0.1:{self._port}/socket?ticket={new_id('ticket')}&app_id={APP_ID}"}

    # People

    def _users_info(self, arguments: Payload) -> Payload:
        person = self.people.get(arguments.get("user", ""))
        if person is None:
            raise _RefusalError("user_not_found")
        return {"user": self._user(person)}

    def _users_lookup_by_email(self, arguments: Payload) -> Payload:
        wanted = str(arguments.get("email", "")).casefold()
        for person in self.people.values():
            if wanted and person.email.casefold() == wanted and not person.deactivated:
                return {"user": self._user(person)}
        raise _RefusalError("users_not_found")

    def _users_list(self, arguments: Payload) -> Payload:
        return self._page("members", [self._user(person) for person in self.people.values()], arguments)

    def _user(self, person: Person) -> Payload:
        return person.as_payload(with_email="users:read.email" in self.scopes.split(","))

    # Channels

    def _channel(self, arguments: Payload) -> Channel:
        channel = self.channels.get(str(arguments.get("channel", "")))
        if channel is None or (channel.is_private and BOT_USER not in channel.members):
            raise _RefusalError("channel_not_found")
        return channel

    def _conversations_open(self, arguments: Payload) -> Payload:
        ids = [name for name in str(arguments.get("users", "")).split(",") if name]
        if not ids:
            raise _RefusalError("users_list_not_supplied")
        people = [self.people.get(name) for name in ids]
        if len(ids) > 1:
            raise _RefusalError("method_not_supported_for_channel_type")
        person = people[0]
        if person is None:
            raise _RefusalError("user_not_found")
        if person.deactivated:
            raise _RefusalError("user_disabled")
        if person.is_bot:
            raise _RefusalError("cannot_dm_bot")
        return {"channel": {"id": self.direct_channel(person.id).id}}

    def _conversations_info(self, arguments: Payload) -> Payload:
        return {"channel": self._channel(arguments).as_payload()}

    def _conversations_list(self, arguments: Payload) -> Payload:
        seen = [channel for channel in self.channels.values() if not channel.is_private or BOT_USER in channel.members]
        return self._page("channels", [channel.as_payload() for channel in seen if not channel.is_direct], arguments)

    def _conversations_members(self, arguments: Payload) -> Payload:
        return self._page("members", self._channel(arguments).members, arguments)

    def _page(self, name: str, items: list[Any], arguments: Payload) -> Payload:
        """One page, with a cursor to the next: never more than `page_size`, whatever the limit asked for."""
        cursor = str(arguments.get("cursor") or "")
        if cursor and not cursor.startswith("at:"):
            raise _RefusalError("invalid_cursor")
        start = int(cursor.removeprefix("at:") or 0)
        end = start + min(int(arguments.get("limit") or self.page_size), self.page_size)
        return {name: items[start:end], "response_metadata": {"next_cursor": f"at:{end}" if end < len(items) else ""}}

    # Messages

    def _chat_post_message(self, arguments: Payload) -> Payload:
        channel = self._channel_to_post_in(arguments)
        _refuse_wrong_message(arguments)
        message = self.show_in_channel(channel.id, arguments, thread_ts=str(arguments.get("thread_ts") or ""))
        return {"channel": channel.id, "ts": message.ts, "message": message.as_payload()}

    def _channel_to_post_in(self, arguments: Payload) -> Channel:
        person = self.people.get(str(arguments.get("channel", "")))
        if person is not None:
            if person.deactivated or person.is_bot:
                raise _RefusalError("channel_not_found")
            return self.direct_channel(person.id)
        channel = self._channel(arguments)
        if channel.is_archived:
            raise _RefusalError("is_archived")
        if BOT_USER not in channel.members:
            raise _RefusalError("not_in_channel")
        return channel

    def _own_message(self, arguments: Payload, wrong_author: str) -> Message:
        channel = self._channel(arguments)
        for message in self.posted:
            if (message.channel, message.ts) == (channel.id, arguments.get("ts")) and not (message.only_for or message.deleted):
                if message.author != BOT_USER:
                    raise _RefusalError(wrong_author)
                return message
        raise _RefusalError("message_not_found")

    def _chat_update(self, arguments: Payload) -> Payload:
        message = self._own_message(arguments, "cant_update_message")
        _refuse_wrong_message(arguments)
        made = with_block_ids(arguments)
        message.text = made.get("text", message.text)
        message.blocks = made.get("blocks", message.blocks)
        message.edits += 1
        return {"channel": message.channel, "ts": message.ts, "text": message.text, "message": message.as_payload()}

    def _chat_delete(self, arguments: Payload) -> Payload:
        message = self._own_message(arguments, "cant_delete_message")
        message.deleted = True
        return {"channel": message.channel, "ts": message.ts}

    def _chat_post_ephemeral(self, arguments: Payload) -> Payload:
        channel = self._channel(arguments)
        person = str(arguments.get("user", ""))
        if person not in channel.members:
            raise _RefusalError("user_not_in_channel")
        if BOT_USER not in channel.members:
            raise _RefusalError("not_in_channel")
        return {"message_ts": self.show_ephemeral(person, channel.id, arguments).ts}

    def _chat_get_permalink(self, arguments: Payload) -> Payload:
        channel, ts = self._channel(arguments), str(arguments.get("message_ts", ""))
        if all((message.channel, message.ts) != (channel.id, ts) for message in self.posted):
            raise _RefusalError("message_not_found")
        link = f"https://{TEAM_DOMAIN}.slack.com/archives/{channel.id}/p{ts.replace('.', '')}"
        return {"channel": channel.id, "permalink": link}

    def _keep(self, message: Message) -> Message:
        message.team = self.team_id
        self.posted.append(message)
        return message

    async def _on_response_url(self, request: web.Request) -> web.Response:
        target = self._response_urls.get(request.match_info["key"])
        if target is None:
            return web.json_response({"ok": False, "error": "expired_url"}, status=404)
        if target.uses >= _RESPONSE_URL_USES:
            return web.json_response({"ok": False, "error": "used_url"}, status=404)
        target.uses += 1
        try:
            self._respond(target, await _arguments(request))
        except _RefusalError as refusal:
            return web.json_response(refusal.answer, status=400)
        return web.Response(text="ok")

    def _respond(self, target: _ResponseUrl, payload: Payload) -> None:
        original = target.message
        if payload.get("delete_original") and original is not None:
            original.deleted = True
        elif payload.get("replace_original") and original is not None:
            _refuse_wrong_message(payload)
            made = with_block_ids(payload)
            original.text, original.blocks = (made.get("text", ""), made.get("blocks", []))
            original.edits += 1
        elif payload.get("response_type") == "in_channel":
            self.show_in_channel(target.channel, payload)
        else:
            self.show_ephemeral(target.person, target.channel, payload)

    # Views

    def _views_open(self, arguments: Payload) -> Payload:
        """Opened from a dialog it goes on top of it, opened from anywhere else it takes the place of what was open."""
        payload = _checked_view(arguments, "modal")
        trigger = self._take_trigger(arguments)
        if not trigger.view:
            self.close_views(trigger.person)
        return self._on_top(trigger.person, payload)

    def _views_push(self, arguments: Payload) -> Payload:
        payload = _checked_view(arguments, "modal")
        trigger = self._take_trigger(arguments)
        if not self.views[trigger.person]:
            raise _RefusalError("not_found")
        return self._on_top(trigger.person, payload)

    def close_views(self, person_id: str) -> None:
        """Closes every dialog the person has open."""
        for view in self.views[person_id]:
            view.closed = True
        self.views[person_id].clear()

    def _on_top(self, person_id: str, payload: Payload) -> Payload:
        if len(self.views[person_id]) >= _VIEWS_DEEP:
            raise _RefusalError("push_limit_reached")
        return {"view": self.push_view(person_id, payload).as_payload()}

    def push_view(self, person_id: str, payload: Payload) -> View:
        """Lays a view on top of those the person has open."""
        stack = self.views[person_id]
        made = with_block_ids(payload)
        view = View(new_id("V"), person_id, new_id("hash"), made, starting_values(made["blocks"]), team=self.team_id)
        view.previous = stack[-1].id if stack else None
        view.root = stack[0].id if stack else view.id
        stack.append(view)
        return view

    def _take_trigger(self, arguments: Payload) -> _Trigger:
        trigger = self._triggers.get(str(arguments.get("trigger_id", "")))
        if trigger is None:
            raise _RefusalError("invalid_trigger_id")
        if trigger.used:
            raise _RefusalError("exchanged_trigger_id")
        if time.monotonic() - trigger.issued > self.trigger_life:
            raise _RefusalError("expired_trigger_id")
        trigger.used = True
        return trigger

    def _views_update(self, arguments: Payload) -> Payload:
        payload = _checked_view(arguments, None)
        view = self._open_view(arguments)
        if arguments.get("hash") and arguments["hash"] != view.hash:
            raise _RefusalError("hash_conflict")
        view.replace(payload)
        return {"view": view.as_payload()}

    def _open_view(self, arguments: Payload) -> View:
        wanted_id, wanted_external = (arguments.get("view_id"), arguments.get("external_id"))
        everyone = [*(view for stack in self.views.values() for view in stack), *self.homes.values()]
        for view in everyone:
            if wanted_id and view.id == wanted_id:
                return view
            if wanted_external and view.payload.get("external_id") == wanted_external:
                return view
        raise _RefusalError("not_found")

    def _views_publish(self, arguments: Payload) -> Payload:
        person = str(arguments.get("user_id", ""))
        if person not in self.people:
            raise _RefusalError(
                "invalid_arguments", response_metadata={"messages": ["[ERROR] no such user [json-pointer:/user_id]"]}
            )
        payload = _checked_view(arguments, "home")
        home = self.homes.get(person)
        if home is None:
            made = with_block_ids(payload)
            home = View(new_id("V"), person, new_id("hash"), made, starting_values(made["blocks"]), team=self.team_id)
            self.homes[person] = home
        elif arguments.get("hash") and arguments["hash"] != home.hash:
            raise _RefusalError("hash_conflict")
        else:
            home.replace(payload)
        return {"view": home.as_payload()}


_SCOPES: Final[dict[str, set[str]]] = {
    "users.info": {"users:read"},
    "users.list": {"users:read"},
    "users.lookupByEmail": {"users:read.email"},
    "conversations.open": {"im:write"},
    "conversations.info": {"channels:read", "groups:read", "im:read"},
    "conversations.list": {"channels:read", "groups:read", "im:read"},
    "conversations.members": {"channels:read", "groups:read", "im:read"},
    "chat.postMessage": {"chat:write"},
    "chat.update": {"chat:write"},
    "chat.delete": {"chat:write"},
    "chat.postEphemeral": {"chat:write"},
}


def _checked_view(arguments: Payload, kind: str | None) -> Payload:
    payload = arguments.get("view")
    if not isinstance(payload, dict):
        raise _RefusalError("invalid_arguments", response_metadata={"messages": ["[ERROR] missing required field: view"]})
    surface = str(payload.get("type", ""))
    wrong = problems(payload, surface) if surface in {"modal", "home"} else [f"a view of type {surface!r}"]
    if kind is not None and surface != kind:
        wrong.append(f"a {kind} view is wanted here, not a {surface}")
    if wrong:
        raise _RefusalError("invalid_arguments", response_metadata={"messages": [f"[ERROR] {problem}" for problem in wrong]})
    return payload


def _refuse_wrong_message(payload: Mapping[str, Any]) -> None:
    if not payload.get("text") and not payload.get("blocks"):
        raise _RefusalError("no_text")
    if len(payload.get("text") or "") > 40_000:
        raise _RefusalError("msg_too_long")
    if payload.get("blocks"):
        wrong = problems({"text": payload.get("text", ""), "blocks": payload["blocks"]}, "message")
        if wrong:
            raise _RefusalError("invalid_blocks", response_metadata={"messages": [f"[ERROR] {problem}" for problem in wrong]})


async def _arguments(request: web.Request) -> Payload:
    """The arguments of a call, wherever they stand: query, form or JSON, with the token from the header."""
    arguments: Payload = dict(request.query)
    if request.content_type == "application/json":
        arguments |= await request.json()
    elif request.can_read_body:
        arguments |= dict(parse_qsl(await request.text(), keep_blank_values=True))
    for name in ("blocks", "view"):
        if isinstance(arguments.get(name), str):
            arguments[name] = json.loads(arguments[name])
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme == "Bearer":
        arguments["token"] = token
    return arguments


def _http_body(delivery: Delivery) -> tuple[str, str]:
    match delivery.kind:
        case "slash_commands":
            return urlencode(delivery.payload), "application/x-www-form-urlencoded"
        case "interactive":
            return urlencode({"payload": json.dumps(delivery.payload)}), "application/x-www-form-urlencoded"
        case _:
            return json.dumps(delivery.payload), "application/json"


def _retry_headers(delivery: Delivery) -> dict[str, str]:
    if not delivery.retry:
        return {}
    return {"X-Slack-Retry-Num": str(delivery.retry), "X-Slack-Retry-Reason": delivery.retry_reason}
