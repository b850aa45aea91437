"""The story in the console: its JSON over HTTP, its fragments read as a person reads them."""

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
from sqlalchemy import select

from bot.running import Bot
from bot.settings import DEMO_SCHOOLS, ConsoleMode, Settings
from bot.wiring import running
from domain.people import School, Staff
from storage import tables as t
from storage.sealed import opened_body
from storage.store import Store
from storage.trouble import DatabaseTroubleError
from storage.vault import EVERYBODY
from tests.fakes.clock import FakeClock
from tests.story.html_page import Fragment, read
from tests.story.slack_stage import import_demo_people
from tests.story.stage import BRUNEL, CAST, DEMO, IDLE_SECONDS, SAFEGUARDING, Dialog, Stage, Value, write_school


@dataclass(slots=True)
class ConsoleDialog(Dialog):
    """A dialog of the page."""

    stage: "ConsoleStage"
    who: str
    page: Fragment

    @property
    def shown(self) -> str:
        return self.page.text

    @property
    def errors(self) -> dict[str, str]:
        return self.page.errors

    @property
    def fields(self) -> frozenset[str]:
        return frozenset(self.page.values)

    def value(self, field: str) -> Value:
        return self.page.values[field]

    async def fill(self, values: Mapping[str, Value]) -> None:
        for name, value in values.items():
            assert name in self.page.values, f"there is no field {name}; there are {list(self.page.values)}"
            if isinstance(value, list):
                self.page.values[name] = [await self._person(v) for v in value]
            else:
                options = self.page.options.get(name) or {}
                chosen = options.get(value, value)
                assert not options or chosen in options.values(), f"{name} cannot be {value}: {options}"
                self.page.values[name] = chosen

    async def _person(self, typed: str) -> str:
        found = await self.stage.get("suggest", persona=self.stage.ids[self.who], q=typed)
        exact = [o["value"] for o in found["options"] if o["label"] == typed]
        return exact[0] if exact else f"text:{typed}"

    async def submit(self) -> Dialog | None:
        body = {"form": self.page.form, "state": self.page.state, "values": self.page.values}
        return self._after(await self.stage.post("submit", self.who, body))

    async def press(self, label: str) -> Dialog | None:
        action, value = next((a, v) for words, a, v in self.page.buttons if words == label)
        body = {"message": None, "action": action, "value": value, "form": self.page.state}
        return self._after(await self.stage.post("press", self.who, body))

    def _after(self, reply: dict[str, Any]) -> "ConsoleDialog | None":
        if reply["errors"]:
            self.page.errors = reply["errors"]
            return self
        if reply["dialog"]:
            return ConsoleDialog(self.stage, self.who, read(reply["dialog"]))
        return None


class ConsoleStage(Stage):
    """The console of a running bot."""

    platform = "console"

    def __init__(self, bot: Bot, clock: FakeClock, session: aiohttp.ClientSession, ids: Mapping[str, str], token: str) -> None:
        super().__init__(bot, clock)
        self.session = session
        self.ids = ids
        self.token = token
        self.kept: list[tuple[str, dict[str, Any]]] = []
        self.private: list[str] = []

    async def get(self, path: str, **query: str) -> Any:
        async with self.session.get(f"{self.bot.address}/console/api/{path}", params=query) as response:
            assert response.status == 200, await response.text()
            return await response.json()

    async def post(self, path: str, who: str, body: dict[str, Any], place: str = "dm") -> Any:
        headers = {"X-Console-Token": self.token}
        body = {"persona": self.ids[who], "place": place, **body}
        async with self.session.post(f"{self.bot.address}/console/api/{path}", json=body, headers=headers) as response:
            assert response.status == 200, await response.text()
            return await response.json()

    async def command(self, who: str, text: str) -> Dialog | str:
        return self._answer(who, await self.post("say", who, {"text": f"/esafety {text}"}))

    async def ask(self, who: str, text: str) -> str:
        before = len(self.sees(who))
        await self.post("say", who, {"text": text})
        await self.until(lambda: len(self.sees(who)) > before, f"an answer to {text}")
        return self.sees(who)[-1]

    def sees(self, who: str, channel: str = "") -> list[str]:
        if channel and self.ids[who] not in self._readers(channel):
            return []
        place = f"channel:{channel}" if channel else f"dm:{self.ids[who]}"
        return [read(body["html"]).text for where, body in self.kept if where == place and "html" in body]

    def raw_chat(self) -> str:
        return "\n".join(str(body) for _, body in self.kept)

    async def press(self, who: str, label: str, reference: str, channel: str = "") -> Dialog | str:
        place = f"channel:{channel}" if channel else f"dm:{self.ids[who]}"
        pages = [read(body["html"]) for where, body in self.kept if where == place and "html" in body]
        page = [p for p in pages if reference in p.text and any(label == b[0] for b in p.buttons)][-1]
        action, value = next((a, v) for words, a, v in page.buttons if words == label)
        body = {"message": 1, "action": action, "value": value, "form": None}
        return self._answer(who, await self.post("press", who, body, f"channel:{channel}" if channel else "dm"))

    def _answer(self, who: str, reply: dict[str, Any]) -> Dialog | str:
        if reply["dialog"]:
            return ConsoleDialog(self, who, read(reply["dialog"]))
        return read(reply["note"] or "").text

    def _readers(self, channel: str) -> set[str]:
        heads = {"safeguarding": ("dsl", "deputy"), "brunel-house": ("brunel head", "dsl", "cabot head")}
        return {self.ids[w] for w in heads[channel]}

    async def watch(self) -> None:
        """Keeps what stands in the chat up to date, as the page does."""
        while True:
            # In some stories there is no database for a while.
            with contextlib.suppress(DatabaseTroubleError):
                async with self.bot.database.begin(write=False) as connection:
                    rows = (await connection.execute(select(t.console_messages).order_by(t.console_messages.c.id))).all()
                keys = await self.bot.database.vault.of_school(EVERYBODY)
                self.kept = [(r.place, dict(opened_body(keys, r.place, r.body, r.sealed))) for r in rows]
            await asyncio.sleep(0.02)

    async def settled(self) -> None:
        await super().settled()
        await asyncio.sleep(0.06)


@asynccontextmanager
async def console_stage(
    database_url: str, tmp_path: Path, clock: FakeClock, *, school_file: Mapping[str, object] = DEMO
) -> AsyncIterator[ConsoleStage]:
    """The demo school in the console. Whoever tries another school there brings its people along."""
    channels = {SAFEGUARDING: SAFEGUARDING, BRUNEL: BRUNEL}
    schools = write_school(tmp_path / "schools", "console", channels, None, school_file) if school_file else DEMO_SCHOOLS
    settings = Settings(
        ESAFETY_CONSOLE=ConsoleMode.ON,
        ESAFETY_DATABASE_URL=database_url,
        ESAFETY_SCHOOLS=schools,
        PORT=0,
    )
    async with running(settings, clock) as bot, aiohttp.ClientSession() as session:
        bot.worker.idle = IDLE_SECONDS
        if school_file:
            await import_demo_people(bot, clock)
        school = next(iter(bot.schools.values()))
        staff = await _staff(bot, school)
        ids = {who: person.id for who, email in CAST.items() if (person := staff.by_email(email))}
        async with session.get(f"{bot.address}/console/") as page:
            found = re.search(r'name="console-token" content="([^"]+)"', await page.text())
        assert found
        stage = ConsoleStage(bot, clock, session, ids, found[1])
        watching = asyncio.create_task(stage.watch())
        yield stage
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)


async def _staff(bot: Bot, school: School) -> Staff:
    async with Store(bot.database).transaction(school, write=False) as records:
        return await records.staff()
