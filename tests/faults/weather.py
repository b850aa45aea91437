"""Chats in bad weather: a fake Slack and a fake Teams that fail by chance as the real ones do, before several processes.

They also keep each message as it was when it came, since what a later change shows is no proof of what was posted.
"""

import asyncio
import itertools
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from enum import StrEnum
from random import Random
from typing import Any

import aiohttp
from aiohttp import web

from tests.fakes.slack_model import BOT_USER
from tests.fakes.slack_model import Delivery as SlackDelivery
from tests.fakes.slack_model import Message as SlackMessage
from tests.fakes.slack_model import Reply as SlackReply
from tests.fakes.slack_model import TookTooLongError as SlackTookTooLong
from tests.fakes.slack_server import FakeSlack, LostCall, LostReply, RateLimited, ServerError
from tests.fakes.teams_model import Conversation, RefusalError
from tests.fakes.teams_model import Message as TeamsMessage
from tests.fakes.teams_model import Reply as TeamsReply
from tests.fakes.teams_model import TookTooLongError as TeamsTookTooLong
from tests.fakes.teams_server import SENDS, FakeTeams
from tests.fakes.teams_server import Fault as TeamsFault

_CHANCE = 0.10
_KINDS_WITH_WEIGHTS = {"rate_limited": 3, "broken": 3, "broken_after": 2, "reset": 3, "reset_after": 4, "silent": 1}
_SLACK_POSTS = frozenset({"chat.postMessage", "chat.update"})
_NOBODY_SECONDS = 0.05


class Gust(StrEnum):
    """How a call goes wrong.

    `*_after`: the message was taken, and the answer is lost. `silent`: it was taken, and no answer ever comes.
    """

    RATE_LIMITED = "rate_limited"
    BROKEN = "broken"
    BROKEN_AFTER = "broken_after"
    RESET = "reset"
    RESET_AFTER = "reset_after"
    SILENT = "silent"


class Weather:
    """What both chats suffer, by chance while it is `stormy` and always while there is an `outage`."""

    def __init__(self, seed: str) -> None:
        self._chance = Random(seed)
        self.stormy = False
        self.outage = False
        self.seen: Counter[str] = Counter()
        self.over = asyncio.Event()

    def gust(self) -> Gust | None:
        if not self.stormy or self._chance.random() > _CHANCE:
            return None
        (kind,) = self._chance.choices(list(_KINDS_WITH_WEIGHTS), list(_KINDS_WITH_WEIGHTS.values()))
        self.seen[kind] += 1
        return Gust(kind)

    def refuses(self) -> bool:
        if self.outage:
            self.seen["outage"] += 1
        return self.outage


class Doors:
    """The processes' addresses in turn; one that does not take the connection is passed over."""

    def __init__(self, addresses: Sequence[str]) -> None:
        self._turn = itertools.cycle(addresses)
        self._count = len(addresses)

    async def each(self) -> Any:
        for _ in range(self._count):
            yield next(self._turn)
        await asyncio.sleep(_NOBODY_SECONDS)


class StormySlack(FakeSlack):
    """A workspace in bad weather."""

    def __init__(self, weather: Weather, doors: Doors) -> None:
        super().__init__()
        self._weather = weather
        self._doors = doors
        self.as_posted: dict[tuple[str, str], tuple[SlackMessage, str]] = {}
        self._whispers: dict[str, list[SlackMessage]] = defaultdict(list)

    async def deliver(self, delivery: SlackDelivery) -> SlackReply:
        """To the next process that takes the connection. One that dies over it is nobody's to try again but the person's."""
        self.deliveries.clear()
        nobody = SlackTookTooLong("no process is there")
        async for address in self._doors.each():
            self.bot_url = f"{address}/slack/events"
            try:
                return await super().deliver(delivery)
            except SlackTookTooLong as gone:
                if not isinstance(gone.__cause__, aiohttp.ClientConnectorError):
                    raise
                nobody = gone
        raise nobody

    async def on_call(self, request: web.Request) -> web.StreamResponse:
        if self._weather.refuses():
            return _hang_up(request)
        method = request.match_info["method"]
        gust = self._weather.gust() if method in _SLACK_POSTS else None
        match gust:
            case Gust.RATE_LIMITED:
                self.next_calls(method, 1, RateLimited())
            case Gust.BROKEN:
                self.next_calls(method, 1, ServerError())
            case Gust.RESET:
                self.next_calls(method, 1, LostCall())
            case Gust.RESET_AFTER:
                self.next_calls(method, 1, LostReply())
            case _:
                pass
        answer = await super().on_call(request)
        if gust is Gust.BROKEN_AFTER:
            return web.json_response({"ok": False, "error": "internal_error"}, status=500)
        if gust is Gust.SILENT:
            await self._weather.over.wait()
            return _hang_up(request)
        return answer

    def _keep(self, message: SlackMessage) -> SlackMessage:
        kept = super()._keep(message)
        if kept.only_for:
            self._whispers[kept.only_for].append(kept)
        elif kept.author == BOT_USER:
            self.as_posted[kept.channel, kept.ts] = (kept, f"{kept.text}\n{kept.shown}")
        return kept

    def ephemerals_for(self, person_id: str) -> list[SlackMessage]:
        return [one for one in self._whispers[person_id] if not one.deleted]

    def _own_message(self, arguments: dict[str, Any], wrong_author: str) -> SlackMessage:
        found = self.as_posted.get((str(arguments.get("channel")), str(arguments.get("ts"))))
        return found[0] if found is not None else super()._own_message(arguments, wrong_author)


class StormyTeams(FakeTeams):
    """A tenant in bad weather."""

    def __init__(self, weather: Weather, doors: Doors) -> None:
        super().__init__()
        self._weather = weather
        self._doors = doors
        self.as_posted: dict[str, tuple[TeamsMessage, str]] = {}
        self._by_place: dict[str, list[TeamsMessage]] = defaultdict(list)

    async def deliver(self, activity: dict[str, Any], *, token: str | None = None) -> TeamsReply:
        self.deliveries.clear()
        nobody = TeamsTookTooLong("no process is there")
        async for address in self._doors.each():
            self.bot_url = f"{address}/api/messages"
            try:
                return await super().deliver(activity, token=token)
            except TeamsTookTooLong as gone:
                if not isinstance(gone.__cause__, aiohttp.ClientConnectorError):
                    raise
                nobody = gone
        raise nobody

    async def _serve(
        self, kind: str, do: Callable[[web.Request, Any], tuple[int, Any]], request: web.Request
    ) -> web.StreamResponse:
        if self._weather.refuses():
            return _hang_up(request)
        gust = self._weather.gust() if kind in SENDS else None
        of = frozenset({kind})
        match gust:
            case Gust.RATE_LIMITED:
                self._faults.append(TeamsFault(429, "TooManyRequests", 1, lost=False, kinds=of))
            case Gust.BROKEN:
                self._faults.append(TeamsFault(500, "ServiceError", None, lost=False, kinds=of))
            case Gust.RESET:
                return _hang_up(request)
            case Gust.RESET_AFTER:
                self._faults.append(TeamsFault(500, "", None, lost=True, kinds=of))
            case _:
                pass
        answer = await super()._serve(kind, do, request)
        if gust is Gust.BROKEN_AFTER:
            return web.json_response({"error": {"code": "ServiceError", "message": "by chance"}}, status=500)
        if gust is Gust.SILENT:
            await self._weather.over.wait()
            return _hang_up(request)
        return answer

    def keep(self, conversation: Conversation, author: str, payload: dict[str, Any], **more: Any) -> TeamsMessage:
        message = super().keep(conversation, author, payload, **more)
        self._by_place[message.conversation].append(message)
        if message.from_bot and not message.only_for:
            self.as_posted[message.id] = (message, message.shown)
        return message

    def messages_for(self, person_id: str, conversation_id: str) -> list[TeamsMessage]:
        here = self._by_place[conversation_id.partition(";messageid=")[0]]
        return [one for one in here if not one.deleted and one.only_for in ("", person_id)]

    def _message(self, place: Conversation, message_id: str) -> TeamsMessage:
        found = self.as_posted.get(message_id)
        if found is None or found[0].conversation != place.id:
            raise RefusalError(404, "ActivityNotFoundInConversation", "Conversation not found.")
        return found[0]


def _hang_up(request: web.Request) -> web.Response:
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=500)
