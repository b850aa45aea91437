"""The console: the bot's chat on a page of this machine, for trying it out without Slack or Teams. Loopback only.

Whoever opens the page can be anybody in the demo, so it is never served beside real credentials unless that is asked for. A
page of another site cannot use it: the host is checked, and every change needs the token that only our own page carries.
"""

import asyncio
import hmac
import json
import logging
import re
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from importlib.resources import files
from typing import Any, assert_never

from aiohttp import web

from bot.console.messenger import ConsoleMessenger, News, drawn
from bot.desk import Desk, wants_to_report
from bot.json_bodies import json_of
from bot.replies import Post, Reply, ShowForm, Silence, Tell, WrongForm
from cards import html, pages
from cards.failures import failed_line, form_failed
from cards.model import Form, FormValues
from domain.people import Account, Address, AddressKind, Holders, Person, Platform, Staff, Standing
from domain.words import Role
from storage.console import ConsoleMessage
from storage.store import Store
from storage.trouble import DatabaseTroubleError, may_be_kept

log = logging.getLogger("esafety.console")

_STATIC = files("bot.console") / "static"
_TYPES = {"console.css": "text/css", "console.js": "text/javascript"}
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
)
_LOCAL_HOSTS = frozenset({"127.0.0.1", "localhost", "[::1]"})
_OTHER_SITES = frozenset({"cross-site", "same-site"})
"""Where a browser says that a request comes from, when another site's page has made it."""
_COMMANDS = tuple(f"/esafety {c}" for c in pages.COMMANDS)
_HEARTBEAT_SECONDS = 15.0
_MENTION = re.compile(r"@\S+")

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_WORDS = {
    400: "The bot could not read that. Reload the page and try again.",
    404: "There is no such thing here. Reload the page.",
}


class RefusedError(Exception):
    """The page asked for something that it does not get. Carries the words to show, and the HTTP status."""

    def __init__(self, status: int, words: str) -> None:
        super().__init__(words)
        self.status = status


class Console:
    """The routes of the console of one school."""

    def __init__(self, desk: Desk, store: Store, messenger: ConsoleMessenger) -> None:
        self._desk = desk
        self._store = store
        self._messenger = messenger
        self._token = secrets.token_urlsafe(32)

    def add_to(self, app: web.Application) -> None:
        """Adds the console to a server."""
        app.on_shutdown.append(self._hang_up)
        app.add_routes(
            [
                web.get("/", self._local(self._home)),
                web.get("/console", self._local(self._home)),
                web.get("/console/", self._local(self._page)),
                web.get("/console/static/{name}", self._local(self._static)),
                web.get("/console/api/world", self._local(self._world)),
                web.get("/console/api/messages", self._local(self._messages)),
                web.get("/console/api/stream", self._local(self._stream)),
                web.get("/console/api/suggest", self._local(self._suggest)),
                web.get("/console/api/raw", self._local(self._raw)),
                web.post("/console/api/say", self._local(self._checked(self._say))),
                web.post("/console/api/press", self._local(self._checked(self._press))),
                web.post("/console/api/submit", self._local(self._checked(self._submit))),
                web.post("/console/api/typing", self._local(self._checked(self._typing))),
            ]
        )

    async def remember_readers(self) -> None:
        """Keeps who reads each channel: the holders of the roles that it serves, and the DSL."""
        school = self._desk.school
        staff = await self._staff()
        async with self._store.transaction(school) as records:
            for channel in self._channels():
                emails = {p.email for p in self._readers(staff, channel)}
                await records.save_readers(
                    Address(Platform.CONSOLE, AddressKind.CHANNEL, channel), emails, self._desk.ports.clock.now()
                )

    # The page

    async def _home(self, _: web.Request) -> web.Response:
        raise web.HTTPFound("/console/")

    async def _page(self, _: web.Request) -> web.Response:
        text = (_STATIC / "index.html").read_text(encoding="utf-8")
        text = text.replace("{{token}}", self._token).replace("{{school}}", html.escape(self._desk.school.name))
        return web.Response(text=text, content_type="text/html", headers={"Content-Security-Policy": _POLICY})

    async def _static(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        if name not in _TYPES:
            raise RefusedError(404, _WORDS[404])
        headers = {"Cache-Control": "no-cache"}
        return web.Response(body=(_STATIC / name).read_bytes(), content_type=_TYPES[name], charset="utf-8", headers=headers)

    # What there is

    async def _world(self, _: web.Request) -> web.Response:
        school, staff = self._desk.school, await self._staff()
        personas = [{"id": p.id, "name": p.name, "title": self._title(staff, p)} for p in staff]
        personas.sort(key=lambda p: p["title"] != "Teacher")
        channels = [
            {"id": f"channel:{c}", "name": c, "kind": "channel", "hint": "Only its members see it"} for c in self._channels()
        ]
        direct = {"id": "dm", "name": "E-safety bot", "kind": "dm", "hint": "Between you and the bot"}
        return web.json_response(
            {"school": school.name, "personas": personas, "places": [direct, *channels], "commands": list(_COMMANDS)}
        )

    async def _messages(self, request: web.Request) -> web.Response:
        person = await self._person(request.query.get("persona", ""))
        asked = request.query.get("place", "dm")
        members = await self._members(person, asked)
        if not await self._may_read(person, asked):
            return web.json_response({"messages": [], "members": [], "denied": "Only its members can read this channel."})
        staff = await self._staff()
        kept = await self._messenger.log.of_place(_place(person, asked))
        return web.json_response({"messages": [_as_json(m, staff) for m in kept], "members": members})

    async def _raw(self, request: web.Request) -> web.Response:
        person = await self._person(request.query.get("persona", ""))
        asked = request.query.get("place", "dm")
        if not await self._may_read(person, asked):
            raise RefusedError(403, "Only its members can read this channel.")
        wanted = request.query.get("message", "")
        for message in await self._messenger.log.of_place(_place(person, asked)):
            if str(message.id) == wanted and "slack" in message.body:
                return web.json_response({"slack": message.body["slack"], "teams": message.body["teams"]})
        raise RefusedError(404, "There is no such message here.")

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        person = await self._person(request.query.get("persona", ""))
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"})
        await response.prepare(request)
        async with self._subscribed() as queue:
            # Whoever closes the page hangs up at any moment: that is no failure.
            with suppress(ConnectionResetError):
                await self._write_news(person, queue, response)
        return response

    async def _write_news(self, person: Person, queue: News, response: web.StreamResponse) -> None:
        await response.write(b": hello\n\n")
        while True:
            try:
                async with asyncio.timeout(_HEARTBEAT_SECONDS):
                    news = await queue.get()
            except TimeoutError:
                await response.write(b": still here\n\n")
                continue
            if news is None:
                return
            event, message = news
            if data := await self._for_person(person, message):
                await response.write(f"event: {event}\ndata: {json.dumps(data)}\n\n".encode())

    async def _hang_up(self, _: web.Application) -> None:
        """Lets every open page go, so that stopping need not wait for them."""
        for queue in self._messenger.pages:
            queue.put_nowait(None)

    async def _suggest(self, request: web.Request) -> web.Response:
        account = await self._who(request.query)
        found = await self._desk.suggest(account, request.query.get("q", ""))
        # The page itself offers what was typed.
        listed = [(p, hint) for p, hint in found if p.value.startswith("person:")]
        return web.json_response({"options": [{"value": p.value, "label": p.label, "hint": hint} for p, hint in listed]})

    # What is done

    async def _say(self, body: Mapping[str, Any]) -> web.Response:
        account, place = await self._who(body), str(body.get("place", "dm"))
        text = str(body.get("text", "")).strip()[:4000]
        if text.startswith("/esafety"):
            shared = place != "dm"
            return self._reply(await self._desk.command(account, text.removeprefix("/esafety").strip(), shared=shared))
        person = await self._person(str(body.get("persona", "")))
        if not await self._may_read(person, place):
            raise RefusedError(403, "Only its members can write in this channel.")
        where = _place(person, place)
        await self._messenger.say(where, person.id, {"text": text})
        if place == "dm":
            await self._messenger.say(where, "", drawn(await self._desk.chat(account, text)))
            return self._reply(Silence())
        spoken_to = "@" in text or wants_to_report(text)
        return self._reply(
            Tell(await self._desk.chat(account, _MENTION.sub(" ", text), shared=True)) if spoken_to else Silence()
        )

    async def _press(self, body: Mapping[str, Any]) -> web.Response:
        account, place = await self._who(body), str(body.get("place") or "dm")
        action, value = str(body.get("action", "")), str(body.get("value", ""))
        reply = await self._desk.press(account, action, value, shared=place != "dm")
        if isinstance(reply, Post):
            if not await self._may_read(await self._person(str(body.get("persona", ""))), place):
                raise RefusedError(403, "Only its members can write in this channel.")
            await self._messenger.say(_place(await self._person(account.user_id), place), "", drawn(reply.card))
            return self._reply(Silence())
        if isinstance(reply, Tell) and body.get("form") is not None:
            return self._reply(ShowForm(pages.as_form(reply.card)))
        return self._reply(reply)

    async def _submit(self, body: Mapping[str, Any]) -> web.Response:
        account = await self._who(body)
        reply = await self._desk.submit(account, str(body.get("form", "")), str(body.get("state", "")), _values(body))
        return self._reply(ShowForm(pages.as_form(reply.card)) if isinstance(reply, Tell) else reply)

    async def _typing(self, body: Mapping[str, Any]) -> web.Response:
        await self._desk.typing(await self._who(body), str(body.get("form", "")), str(body.get("state", "")), _values(body))
        return self._reply(Silence())

    def _reply(self, reply: Reply) -> web.Response:
        answer: dict[str, Any] = {"dialog": None, "close": False, "errors": None, "note": None, "focus": None}
        match reply:
            case ShowForm(form=form):
                answer["dialog"] = html.form(form)
            case WrongForm(form=form, grown=True):
                answer["dialog"], answer["focus"] = html.form(form), _first_wrong(form)
            case WrongForm(form=form):
                answer["errors"], answer["focus"] = dict(form.errors), _first_wrong(form)
            case Tell(card=card) | Post(card=card):
                answer["note"] = html.card(card)
            case Silence():
                answer["close"] = False
            case _:
                assert_never(reply)
        return web.json_response(answer)

    def _checked(self, action: Callable[[Mapping[str, Any]], Awaitable[web.Response]]) -> Handler:
        async def run(request: web.Request) -> web.StreamResponse:
            given = request.headers.get("X-Console-Token", "")
            # A header may hold bytes that are no text.
            if not hmac.compare_digest(given.encode(errors="surrogateescape"), self._token.encode()):
                raise RefusedError(403, "This page is out of date: reload it.")
            try:
                body = json_of(await request.read())
            except ValueError:
                body = None
            if not isinstance(body, dict):
                raise RefusedError(400, _WORDS[400])
            return await action(body)

        return run

    def _local(self, handler: Handler) -> Handler:
        """Answers this machine only, and says in words what went wrong, as JSON."""

        async def run(request: web.Request) -> web.StreamResponse:
            host = request.host.rsplit(":", 1)[0] if not request.host.endswith("]") else request.host
            if host not in _LOCAL_HOSTS or _is_of_another_site(request):
                return _told(403, "The console answers on this machine only.")
            try:
                return await handler(request)
            except web.HTTPRedirection:
                raise
            except RefusedError as refused:
                return _told(refused.status, str(refused))
            except web.HTTPClientError as refused:
                return _told(refused.status, _WORDS.get(refused.status, _WORDS[400]))
            except Exception as broken:
                log.exception("%s %s failed", request.method, request.path)
                unsure, school = may_be_kept(broken), self._desk.school
                form = request.path.endswith("/submit")
                # A database in trouble is no fault of the program's, and the same may work a moment later.
                status = 503 if isinstance(broken, DatabaseTroubleError) else 500
                return _told(status, form_failed(school, unsure=unsure) if form else failed_line(school, unsure=unsure))

        return run

    # Who and where

    async def _who(self, body: Mapping[str, Any]) -> Account:
        person = await self._person(str(body.get("persona", "")))
        return Account(Platform.CONSOLE, person.id, person.email, person.name, person.id, Standing.MEMBER)

    async def _person(self, persona: str) -> Person:
        person = (await self._staff()).get(persona)
        if person is None:
            raise RefusedError(404, "There is no such persona: reload the page.")
        return person

    async def _staff(self) -> Staff:
        async with self._store.transaction(self._desk.school, write=False) as records:
            return await records.staff()

    async def _may_read(self, person: Person, place: str) -> bool:
        return place == "dm" or person in self._readers(await self._staff(), place.removeprefix("channel:"))

    async def _members(self, person: Person, place: str) -> list[str]:
        if place == "dm":
            return [person.name]
        return [p.name for p in self._readers(await self._staff(), place.removeprefix("channel:"))]

    def _channels(self) -> list[str]:
        return list(dict.fromkeys(self._desk.school.channels.get(Platform.CONSOLE, {}).values()))

    def _readers(self, staff: Staff, channel: str) -> list[Person]:
        school = self._desk.school
        served = [key for key, name in school.channels.get(Platform.CONSOLE, {}).items() if name == channel]
        found = [p for role, group in served for p in staff.holders(school, role, group)]
        found += staff.holders(school, Role.DSL)
        return list(dict.fromkeys(found)) if served else []

    def _title(self, staff: Staff, person: Person) -> str:
        school = self._desk.school
        held = staff.roles_of(school, person.id) - {Role.LINE_MANAGER, Role.SENIOR_LEADERSHIP}
        groups = [
            g for g, emails in school.holders.get(Role.HEAD_OF_HOUSE, Holders()).by_group.items() if person.email in emails
        ]
        titles = [school.policy.role_title(r) for r in Role if r in held]
        return ", ".join([*titles, *groups]) or "Teacher"

    async def _for_person(self, person: Person, message: ConsoleMessage) -> dict[str, Any] | None:
        if message.place == f"dm:{person.id}":
            return {"place": "dm", "message": _as_json(message, await self._staff())}
        if message.place.startswith("channel:") and await self._may_read(person, message.place):
            return {"place": message.place, "message": _as_json(message, await self._staff())}
        return None

    @asynccontextmanager
    async def _subscribed(self) -> AsyncIterator[News]:
        queue: News = asyncio.Queue()
        self._messenger.pages.add(queue)
        try:
            yield queue
        finally:
            self._messenger.pages.discard(queue)


def _is_of_another_site(request: web.Request) -> bool:
    """Whether a page of another site asks for something, rather than sends somebody here."""
    asks = request.headers.get("Sec-Fetch-Mode", "navigate") != "navigate"
    return asks and request.headers.get("Sec-Fetch-Site") in _OTHER_SITES


def _told(status: int, words: str) -> web.Response:
    """What the page shows of something that did not work."""
    return web.json_response({"error": words}, status=status)


def _place(person: Person, place: str) -> str:
    return f"dm:{person.id}" if place == "dm" else place


def _values(body: Mapping[str, Any]) -> FormValues:
    raw = body.get("values")
    if not isinstance(raw, dict):
        return {}
    return {str(k): tuple(map(str, v)) if isinstance(v, list) else str(v) for k, v in raw.items()}


def _first_wrong(form: Form) -> str | None:
    return next(iter(form.errors), None)


def _as_json(message: ConsoleMessage, staff: Staff) -> dict[str, Any]:
    person = staff.get(message.person)
    return {
        "id": message.id,
        "from": "person" if message.person else "bot",
        "name": person.name if person else "E-safety bot",
        "at": message.at.isoformat(),
        "html": message.body.get("html") or f"<p>{html.escape(str(message.body.get('text', '')))}</p>",
        "edited": message.changed,
        "private": False,
        "raw": "slack" in message.body,
    }
