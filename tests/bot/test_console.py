"""The console's door: this machine only, no other site's page, and nobody reads what is not theirs."""

import asyncio
import io
import json
import re
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from bot.running import Bot
from bot.settings import DEMO_SCHOOLS, ConsoleMode, Settings
from bot.wiring import running
from cards.failures import failed_line, form_failed
from domain.people import School
from handlers import lists
from storage.store import Store
from tests.conftest import sqlite_at
from tests.fakes.clock import FakeClock

TEACHER, HEAD, DSL = "t.whitlock@demo.example", "b.marsh@demo.example", "d.okafor@demo.example"
GETS = ("", "static/console.js", "api/world", "api/messages", "api/stream", "api/suggest?q=be", "api/raw")
POSTS = ("say", "press", "submit", "typing")


@dataclass(slots=True)
class Door:
    """Requests as a browser, or something else, would send them."""

    bot: Bot
    session: aiohttp.ClientSession
    ids: dict[str, str]
    token: str

    @property
    def school(self) -> School:
        return next(iter(self.bot.schools.values()))

    async def get(self, path: str, **headers: str) -> tuple[int, Any]:
        async with self.session.get(f"{self.bot.address}/console/{path}", headers=headers) as response:
            return response.status, await response.json()

    async def post(self, path: str, body: Any, **headers: str) -> tuple[int, Any]:
        data = io.BytesIO(body if isinstance(body, bytes) else json.dumps(body).encode())
        async with self.session.post(f"{self.bot.address}/console/api/{path}", data=data, headers=headers) as response:
            return response.status, await response.json()

    async def messages(self, who: str, place: str) -> Any:
        status, answer = await self.get(f"api/messages?persona={self.ids[who]}&place={place}")
        assert status == 200
        return answer


@pytest_asyncio.fixture
async def door(tmp_path: Path, clock: FakeClock) -> AsyncIterator[Door]:
    database = sqlite_at(tmp_path / "esafety.db")
    settings = Settings(ESAFETY_CONSOLE=ConsoleMode.ON, ESAFETY_DATABASE_URL=database, ESAFETY_SCHOOLS=DEMO_SCHOOLS, PORT=0)
    async with running(settings, clock) as bot, aiohttp.ClientSession() as session:
        async with Store(bot.database).transaction(next(iter(bot.schools.values())), write=False) as records:
            ids = {p.email: p.id for p in await records.staff()}
        async with session.get(f"{bot.address}/console/") as page:
            found = re.search(r'name="console-token" content="([^"]+)"', await page.text())
        assert found
        yield Door(bot, session, ids, found[1])


@pytest.mark.parametrize("host", ["elsewhere.example", "elsewhere.example:3978", "127.0.0.1.elsewhere.example", "192.168.0.7"])
async def test_another_host_name_gets_nothing(door: Door, host: str) -> None:
    """A name that some other site points at this machine opens no page, reads nothing and does nothing."""
    for path in GETS:
        assert await door.get(path, Host=host) == (403, {"error": "The console answers on this machine only."}), path
    for path in POSTS:
        status, _ = await door.post(
            path, {"persona": door.ids[TEACHER], "text": "hello"}, **{"Host": host, "X-Console-Token": door.token}
        )
        assert status == 403, path
    assert (await door.messages(TEACHER, "dm"))["messages"] == []


@pytest.mark.parametrize("host", ["127.0.0.1:1", "localhost", "localhost:3978", "[::1]:3978"])
async def test_this_machine_by_any_of_its_names_is_served(door: Door, host: str) -> None:
    """The loopback's own names are good, with a port or without."""
    status, world = await door.get("api/world", Host=host)
    assert status == 200
    assert world["school"]


@pytest.mark.parametrize("token", [None, "", "wrong", "\u00fcml\u00e4ut"])
async def test_without_the_pages_token_nothing_is_done(door: Door, token: str | None) -> None:
    """A page of another site does not know the token: nothing is said, pressed or sent for it."""
    headers = {} if token is None else {"X-Console-Token": token}
    form = {"form": "report_kind", "state": "d1", "values": {"concern": "cyberbullying", "about": "pupil", "danger": "no"}}
    for path in POSTS:
        status, answer = await door.post(path, {"persona": door.ids[TEACHER], "text": "hello", **form}, **headers)
        assert (status, answer) == (403, {"error": "This page is out of date: reload it."}), path
    assert (await door.messages(TEACHER, "dm"))["messages"] == []
    _, begun = await door.post(
        "say", {"persona": door.ids[TEACHER], "text": "/esafety report"}, **{"X-Console-Token": door.token}
    )
    assert 'data-form="report_kind"' in begun["dialog"], "a draft was kept for it"


async def test_who_is_no_member_reads_nothing_of_a_channel(door: Door) -> None:
    """Neither its messages, nor who is in it, nor the JSON behind one, nor its news; and they cannot write there."""
    token = {"X-Console-Token": door.token}
    status, _ = await door.post(
        "say", {"persona": door.ids[HEAD], "place": "channel:brunel-house", "text": "good morning"}, **token
    )
    assert status == 200
    seen = await door.messages(HEAD, "channel:brunel-house")
    assert [m["html"] for m in seen["messages"]] == ["<p>good morning</p>"]

    denied = await door.messages(TEACHER, "channel:brunel-house")
    assert denied == {"messages": [], "members": [], "denied": "Only its members can read this channel."}
    raw = f"api/raw?persona={door.ids[TEACHER]}&place=channel:brunel-house&message={seen['messages'][0]['id']}"
    assert await door.get(raw) == (403, {"error": "Only its members can read this channel."})
    body = {"persona": door.ids[TEACHER], "place": "channel:brunel-house", "text": "me too"}
    assert await door.post("say", body, **token) == (403, {"error": "Only its members can write in this channel."})
    assert len((await door.messages(HEAD, "channel:brunel-house"))["messages"]) == 1
    for place in ("channel:", "channel:nowhere", "nowhere", f"dm:{door.ids[HEAD]}"):
        assert (await door.messages(TEACHER, place))["messages"] == [], place


async def test_a_namesake_of_a_member_reads_nothing_of_a_channel(door: Door) -> None:
    """Two people of one name are two people: only the one who is a member reads the channel."""
    school = next(iter(door.bot.schools.values()))
    async with Store(door.bot.database).transaction(school) as records:
        staff = await records.staff()
        head, teacher = staff.get(door.ids[HEAD]), staff.get(door.ids[TEACHER])
        assert head is not None
        assert teacher is not None
        await records.save_people([(teacher.email, replace(teacher, name=head.name), True)])
    assert "denied" not in await door.messages(HEAD, "channel:brunel-house")
    assert "denied" in await door.messages(TEACHER, "channel:brunel-house")


async def test_news_comes_only_to_those_whose_it_is(door: Door) -> None:
    """What is said in a channel reaches the open page of a member, and not that of anybody else."""
    token = {"X-Console-Token": door.token}
    heard: dict[str, str] = {}

    async def listen(who: str, until: str) -> None:
        async with door.session.get(f"{door.bot.address}/console/api/stream?persona={door.ids[who]}") as stream:
            ready[who].set()
            async for line in stream.content:
                heard[who] = heard.get(who, "") + line.decode()
                if until in heard[who]:
                    return

    ready = {who: asyncio.Event() for who in (TEACHER, HEAD)}
    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        group.create_task(listen(TEACHER, "to myself"))
        group.create_task(listen(HEAD, "to the house"))
        for event in ready.values():
            await event.wait()
        for who, place, text in ((HEAD, "channel:brunel-house", "to the house"), (TEACHER, "dm", "to myself")):
            await door.post("say", {"persona": door.ids[who], "place": place, "text": text}, **token)
    assert "to the house" not in heard[TEACHER]
    assert "to myself" not in heard[HEAD]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "api/messages?persona=nobody", 404),
        ("GET", "api/stream?persona=nobody", 404),
        ("GET", "api/raw?persona={teacher}&message=99", 404),
        ("GET", "static/secrets.txt", 404),
        ("POST", b"{", 400),
        ("POST", b"[]", 400),
        ("POST", b'"' + b"x" * 1_100_000 + b'"', 413),
    ],
)
async def test_what_cannot_be_served_is_said_in_words(door: Door, method: str, path: Any, status: int) -> None:
    """An answer that is a refusal is JSON with words for the page to show."""
    if method == "GET":
        found, answer = await door.get(path.replace("{teacher}", door.ids[TEACHER]))
    else:
        found, answer = await door.post("say", path, **{"X-Console-Token": door.token})
    assert found == status
    assert set(answer) == {"error"}
    assert answer["error"].endswith(".") or ":" in answer["error"]


@pytest.mark.parametrize(("path", "said"), [("submit", form_failed), ("say", failed_line)])
async def test_a_failure_of_ours_is_said_in_words_and_logged(
    door: Door,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    path: str,
    said: Callable[[School | None], str],
) -> None:
    """Where our code breaks the page gets status 500 and what to do now, never a trace; the log has the trace."""

    async def broken(*_: object) -> None:
        raise RuntimeError("kaputt")

    monkeypatch.setattr(lists, "mine", broken)
    monkeypatch.setattr("handlers.report.choose_kind", broken)
    body = {"persona": door.ids[TEACHER], "text": "/esafety mine", "form": "report_kind", "state": "d1", "values": {}}
    assert await door.post(path, body, **{"X-Console-Token": door.token}) == (500, {"error": said(door.school)})
    assert "kaputt" in caplog.text


async def test_an_open_page_does_not_hold_up_the_end(tmp_path: Path, clock: FakeClock) -> None:
    """Told to stop, the bot lets go of the pages that are open before it, at once."""
    settings = Settings(
        ESAFETY_CONSOLE=ConsoleMode.ON,
        ESAFETY_DATABASE_URL=sqlite_at(tmp_path / "esafety.db"),
        ESAFETY_SCHOOLS=DEMO_SCHOOLS,
        PORT=0,
    )
    async with aiohttp.ClientSession() as session:
        async with running(settings, clock) as bot:
            async with session.get(f"{bot.address}/console/api/world") as world:
                persona = (await world.json())["personas"][0]["id"]
            stream = await session.get(f"{bot.address}/console/api/stream?persona={persona}")
            assert await stream.content.readline() == b": hello\n"
            began = time.monotonic()
        assert time.monotonic() - began < 3
        stream.close()


async def test_suggestions_are_people_of_the_list(door: Door) -> None:
    """The page itself offers what was typed; the server sends only people who are on the list."""
    _, found = await door.get(f"api/suggest?persona={next(iter(door.ids.values()))}&q=be")
    assert [o["label"] for o in found["options"]] == ["Bea Exemplar"]
    _, none = await door.get(f"api/suggest?persona={next(iter(door.ids.values()))}&q=zzz")
    assert none == {"options": []}
