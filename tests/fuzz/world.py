"""The program in a process of its own, with a school before it: in Slack, in Teams and at the console, and one planted case.

What the people of the school do is recorded: what is sent later is made of it. The names and the story of the planted case may
never come back to anybody who is let loose on the program.
"""

import asyncio
import base64
import json
import os
import re
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import yaml
from sqlalchemy import func, select

from bot.settings import DEMO_SCHOOLS
from cards.messages import ACKNOWLEDGE
from cards.texts import say
from domain.people import Kind
from storage import tables as t
from storage.database import Database
from storage.digests import RowsDigest
from storage.people_files import read_people
from tests.bench.tools import free_port, until_ready
from tests.conftest import new_database
from tests.fakes.slack_model import Message, buttons_of, label_of
from tests.fakes.slack_server import FakeSlack
from tests.fakes.slack_user import SlackUser
from tests.fakes.teams_server import FakeTeams
from tests.fakes.teams_user import Team, TeamsUser
from tests.faults.processes import clean_environment
from tests.story.both_stage import write_both
from tests.story.html_page import read
from tests.story.stage import BRUNEL, CAST, SAFEGUARDING

PLANTED_NAME = "Zebedee Quillfeather"
PLANTED_STORY = "Wrote to him every night as velociraptorina"
PLANTED = ("Zebedee", "Quillfeather", "velociraptorina")
"""Words that stand nowhere in the program, and in its records in the planted case alone."""
READERS = {SAFEGUARDING: ("dsl", "deputy"), BRUNEL: ("brunel head", "dsl")}
WITHOUT_A_RIGHT = ("it", "cabot head")
"""Of the school's staff, those to whom nothing of the planted case is due."""
STRANGERS = 40
_LOOKS, _SURE_LOOKS, _LOOK_SECONDS = 3, 8, 0.4
"""How often in turn, and with what pause, nothing must have changed. To be sure takes longer than anybody waits for a turn."""
_OF_LOOKS = ("checked_at", "begun", "counted")
"""Columns in which the program keeps when, and how often, it has looked something up by itself."""
_WHAT = {"illegal": "no", "repeat": "no"}
_KIND = {"concern": "grooming", "about": "pupil", "danger": "no"}


@dataclass(frozen=True, slots=True)
class Recorded:
    """One request that meant well. `kind` is slash_commands, interactive, events_api, activity or the page of the console."""

    platform: str
    kind: str
    payload: Any


@dataclass
class World:
    """The program, those before it, and what they sent."""

    port: int
    slack: FakeSlack
    teams: FakeTeams
    database: Database
    log: Path
    console_token: str
    personas: Mapping[str, str]
    slack_users: Mapping[str, SlackUser]
    teams_users: Mapping[str, TeamsUser]
    slack_strangers: list[SlackUser]
    teams_strangers: list[TeamsUser]
    rosters: list[Team]
    recorded: list[Recorded] = field(default_factory=list)
    planted_ids: list[str] = field(default_factory=list)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def digest(self) -> dict[str, tuple[int, int]]:
        """Every table: how many rows, and a sum of their hashes. When the program last looked something up is left out."""
        found = {}
        async with self.database.begin(write=False) as connection:
            for table in t.metadata.sorted_tables:
                digest = RowsDigest()
                for row in await connection.execute(select(*(c for c in table.c if c.name not in _OF_LOOKS))):
                    digest.add(_comparable(row))
                found[table.name] = (digest.rows, digest.total)
        return found

    async def planted_case(self) -> dict[str, tuple[int, int]]:
        """The planted case alone, wherever rows of it stand, but for the log of who did what and the copies in chats."""
        found = {}
        incident = self.planted_ids[0]
        async with self.database.begin(write=False) as connection:
            for table in t.metadata.sorted_tables:
                column = table.c.get("incident_id") if table is not t.incidents else table.c.id
                if column is None or table.name in ("audit", "deliveries", "messages", "timers"):
                    continue
                digest = RowsDigest()
                for row in await connection.execute(table.select().where(column == incident)):
                    digest.add(_comparable(row))
                found[table.name] = (digest.rows, digest.total)
        return found

    async def noted(self) -> set[str]:
        """The entries of the audit: of whom, by the kind of account alone, and what."""
        a = t.audit.c
        async with self.database.begin(write=False) as connection:
            rows = await connection.execute(select(a.school, a.seq, a.actor, a.action))
            return {f"{r.school} {r.seq} {r.actor.partition(':')[0]} {r.action}" for r in rows}

    async def at_rest(self, looks: int = _LOOKS) -> None:
        """Waits until nothing is due and nothing changes any more."""
        before, same = None, 0
        for _ in range(300):
            after = await self.digest()
            same = same + 1 if after == before and not await self._is_comparing() else 0
            if same == looks:
                return
            before = after
            await asyncio.sleep(_LOOK_SECONDS)
        raise AssertionError("the program is never at rest")

    async def _is_comparing(self) -> bool:
        """Whether the list that was taken over is still to be compared with the cases: tried again a minute after it failed."""
        c = t.counters.c
        query = select(c.name, func.max(c.last)).where(c.name.in_(("people", "people_compared"))).group_by(c.name)
        async with self.database.begin(write=False) as connection:
            return len({last for _, last in await connection.execute(query)}) > 1


def _comparable(row: Iterable[object]) -> list[object]:
    return [bytes(value) if isinstance(value, memoryview) else value for value in row]


@asynccontextmanager
async def world(kind: str, folder: Path) -> AsyncIterator[World]:
    """The program on an SQLite file or a PostgreSQL database of its own."""
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(new_database(kind, folder, empty=True))
        slack, teams = await stack.enter_async_context(FakeSlack()), await stack.enter_async_context(FakeTeams())
        names = {p.email: p.name for p in read_people(DEMO_SCHOOLS / "staff.csv", Kind.STAFF).values()}
        slacks = {who: slack.add_user(names[email], email) for who, email in CAST.items()}
        users = {who: teams.add_user(names[email], email) for who, email in CAST.items()}
        port = free_port()
        rosters = {c: teams.add_team(c, [users[w] for w in who], [c]) for c, who in READERS.items()}
        settings = _settings(url, folder, slack, teams, slacks, rosters, port)
        log = folder / "program.log"
        stack.enter_context(said := log.open("wb"))
        lists = [str(DEMO_SCHOOLS / name) for name in ("staff.csv", "pupils.csv")]
        done = await _start(settings, folder, said.fileno(), "people", "import", *lists)
        assert await done.wait() == 0, log.read_text()
        program = await _start(settings, folder, said.fileno(), "run")
        try:
            await until_ready(f"http://127.0.0.1:{port}")
            database = Database(url)
            stack.push_async_callback(database.close)
            here = World(
                port=port, slack=slack, teams=teams, database=database, log=log, console_token="", personas={},
                slack_users=slacks, teams_users=users, rosters=list(rosters.values()),
                slack_strangers=[slack.add_user(f"Sam Stranger{n}", f"s{n}@elsewhere.example") for n in range(STRANGERS)],
                teams_strangers=[teams.add_user(f"Tim Stranger{n}", f"t{n}@elsewhere.example") for n in range(STRANGERS)],
            )  # fmt: skip
            slack.bot_url, teams.bot_url = f"{here.address}/slack/events", f"{here.address}/api/messages"
            await _lived(here)
            yield here
            assert program.returncode is None, f"the program has ended:\n{log.read_text()[-3000:]}"
        finally:
            if program.returncode is None:
                program.terminate()
            await program.wait()


def _settings(
    url: str, folder: Path, slack: FakeSlack, teams: FakeTeams, slacks: Mapping[str, SlackUser],
    rosters: Mapping[str, Team], port: int,
) -> dict[str, str]:  # fmt: skip
    channels = {c: slack.add_channel(c, [slacks[w] for w in who], private=True) for c, who in READERS.items()}
    schools = write_both(folder / "schools", channels, {c: team.channels[c] for c, team in rosters.items()})
    path = schools / "chipping-sodbury.yaml"
    school = yaml.safe_load(path.read_text())
    school["channels"]["console"] = yaml.safe_load((DEMO_SCHOOLS / path.name).read_text())["channels"]["console"]
    school["surveys"] = {"address": "http://127.0.0.1:3978"}
    path.write_text(yaml.safe_dump(school))
    return {
        **clean_environment(),
        **{name: str(value) for name, value in teams.settings.items()},
        "SLACK_BOT_TOKEN": slack.token,
        "SLACK_SIGNING_SECRET": slack.signing_secret,
        "SLACK_API_URL": slack.base_url,
        "ESAFETY_SLACK_MODE": "http",
        "ESAFETY_CONSOLE": "on",
        "ESAFETY_DATABASE_URL": url,
        "ESAFETY_SCHOOLS": str(schools),
        "ESAFETY_KEYS": f"fuzz:{base64.b64encode(os.urandom(32)).decode()}",
        "PORT": str(port),
        "OPENBLAS_NUM_THREADS": "1",
    }


async def _start(settings: Mapping[str, str], folder: Path, said: int, *words: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bot", *words, env=settings, cwd=folder, stdout=said, stderr=said
    )


# What the people of the school do


async def _lived(here: World) -> None:
    for user in here.teams_users.values():
        await user.install()
    for team in here.rosters:
        await team.install(here.teams_users["dsl"])
    looked = here.slack.calls_of, here.teams.calls_of
    await here.slack.until(lambda: len(looked[0]("conversations.members")) >= len(READERS), "Slack's readers were looked up")
    await here.teams.until(lambda: len(looked[1]("pagedmembers")) >= len(READERS), "Teams' readers were looked up")
    planted = await _in_slack(here)
    await _in_teams(here)
    await _at_the_console(here)
    await here.at_rest(_SURE_LOOKS)
    async with here.database.begin(write=False) as connection:
        of_reference = select(t.incidents.c.id).where(t.incidents.c.reference == planted)
        incident = (await connection.execute(of_reference)).scalar_one()
        here.planted_ids = [incident]
        for table in t.metadata.sorted_tables:
            column, key = table.c.get("incident_id"), table.c.get("id")
            if column is not None and key is not None:
                here.planted_ids += [
                    str(i) for i in (await connection.execute(select(key).where(column == incident))).scalars()
                ]
    here.recorded += [Recorded("slack", d.kind, d.payload) for d in here.slack.deliveries]
    here.recorded += [Recorded("teams", "activity", d.activity) for d in here.teams.deliveries]
    here.recorded = [_without_what_was_planted(one) for one in here.recorded]
    forget(here)


def forget(here: World) -> None:
    """Lets go of what was said so far."""
    for kept in (here.slack.calls, here.slack.deliveries, here.slack.posted, here.teams.calls, here.teams.deliveries):
        kept.clear()
    for stranger in here.slack_strangers:
        here.slack.close_views(stranger.id)


def _without_what_was_planted(one: Recorded) -> Recorded:
    said = json.dumps(one.payload)
    for word in PLANTED:
        said = said.replace(word, "Somebody")
    return Recorded(one.platform, one.kind, json.loads(said))


async def _in_slack(here: World) -> str:
    slack, users = here.slack, here.slack_users
    teacher, dsl, deputy = users["teacher"], users["dsl"], users["deputy"]
    reference = await _reported_in_slack(here)
    acknowledge, details, hand_on = say("alert.acknowledge"), say("alert.details"), say("alert.hand_on")
    await slack.until(lambda: any(acknowledge in m.buttons and reference in m.shown for m in dsl.messages), "the alert came")
    alert = next(m for m in dsl.messages if acknowledge in m.buttons and reference in m.shown)
    await dsl.press(alert, acknowledge)
    await dsl.waits_for_message(say("note.acknowledged_title"))
    for label in (details, hand_on):
        await dsl.press(dsl.ephemerals[-1], label)
        await slack.until(lambda: dsl.view is not None, f"a dialog for {label}")
        assert dsl.view is not None
        if label == hand_on:
            await dsl.fill(None, {"to": deputy.name, "reason": PLANTED_STORY})
            await dsl.submit()
        slack.close_views(dsl.id)
    await slack.until(
        lambda: any(acknowledge in m.buttons and reference in m.shown for m in deputy.messages), "it was handed on"
    )
    taken = [m for m in deputy.messages if acknowledge in m.buttons and reference in m.shown][-1]
    await deputy.press(taken, acknowledge)
    await deputy.waits_for_message(say("note.acknowledged_title"))
    for who in (teacher, dsl):
        for words in ("mine", "queue", "topics", "who", "gaps", "help", "ask can I friend a former pupil?", "hepl"):
            await who.command(f"/esafety {words}")
        await who.open_home()
        await who.direct_message("May I give a pupil a lift home?")
        await who.direct_message("report")
    await teacher.mention(slack.add_channel("staff-room", [teacher]), "may I use my own phone?")
    await teacher.shortcut("report_concern")
    await teacher.waits_for_view()
    await teacher.suggest(None, "targets", "Bea") if teacher.view and "targets" in teacher.view.fields else None
    await asyncio.sleep(1)
    for message in list(teacher.ephemerals):
        for label in dict.fromkeys(message.buttons):
            slack.close_views(teacher.id)
            await teacher.press(message, label, _any_value(message, label), confirm=True)
    return reference


def _any_value(message: Message, label: str) -> str | None:
    return next((b.get("value") for _, b in buttons_of(message.blocks) if label_of(b) == label), None)


async def _reported_in_slack(here: World) -> str:
    teacher = here.slack_users["teacher"]
    await teacher.command("/esafety report")
    await teacher.waits_for_view()
    await teacher.fill(None, _KIND)
    await teacher.submit()
    assert teacher.view is not None
    told: dict[str, Any] = {name: value for name, value in _WHAT.items() if name in teacher.view.fields}
    told |= {"what": PLANTED_STORY, "targets": [PLANTED_NAME]}
    await teacher.fill(None, told)
    await teacher.submit()
    shown = teacher.view.shown
    here.slack.close_views(teacher.id)
    return _reference(shown)


def _reference(shown: str) -> str:
    found = re.search(r"CSS-\d{4}-\d{4}", shown)
    assert found is not None, shown
    return found[0]


async def _in_teams(here: World) -> None:
    teacher, dsl = here.teams_users["teacher"], here.teams_users["dsl"]
    await teacher.use_command("report")
    assert teacher.dialog is not None
    await teacher.fill(None, _KIND)
    await teacher.submit()
    told: dict[str, Any] = {name: value for name, value in _WHAT.items() if name in teacher.dialog.fields}
    await teacher.fill(None, {**told, "what": "Something else", "targets": ["Bea Exemplar"]})
    await teacher.submit()
    reference = _reference(teacher.dialog.shown)
    teacher.dismiss()
    acknowledge = say("alert.acknowledge")
    await here.teams.until(lambda: [m for m in dsl.from_bot if reference in m.shown_to(dsl.id)], "the alert came")
    alert = next(m for m in dsl.from_bot if reference in m.shown_to(dsl.id))
    await dsl.press(alert, say("alert.details"))
    dsl.dismiss()
    await dsl.press(alert, acknowledge)
    for words in ("mine", "queue", "topics", "who", "gaps", "help", "may I use my own phone?", "report"):
        await dsl.say(words)
        await teacher.say(words)
    await asyncio.sleep(1)
    for message in list(teacher.from_bot):
        for label in list(dict.fromkeys(message.buttons_for(teacher.id)))[:3]:
            teacher.dismiss()
            try:
                await teacher.press(message, label)
            except AssertionError:
                # Several of one name, or one that a client does not let them press: there are others to learn from.
                continue
    teacher.dismiss()


async def _at_the_console(here: World) -> None:
    async with aiohttp.ClientSession() as http:
        async with http.get(f"{here.address}/console/") as page:
            found = re.search(r'name="console-token" content="([^"]+)"', await page.text())
        assert found is not None
        here.console_token = found[1]
        async with http.get(f"{here.address}/console/api/world") as said:
            here.personas = {p["name"]: p["id"] for p in (await said.json())["personas"]}
        teacher = here.personas[here.slack_users["teacher"].name]

        async def post(page: str, **body: Any) -> Any:
            told = {"persona": teacher, "place": "dm", **body}
            here.recorded.append(Recorded("console", page, told))
            headers = {"X-Console-Token": here.console_token}
            async with http.post(f"{here.address}/console/api/{page}", json=told, headers=headers) as said:
                assert said.status == 200, await said.text()
                return await said.json()

        kind = read((await post("say", text="/esafety report"))["dialog"])
        second = await post("submit", form=kind.form, state=kind.state, values=_KIND)
        details = read(second["dialog"])
        values = {**details.values, **_WHAT, "what": "A trial."}
        await post("typing", form=details.form, state=details.state, values=values)
        receipt = await post("submit", form=details.form, state=details.state, values=values)
        await _acknowledged(here, http, post, _reference(read(receipt["dialog"]).text))
        for words in ("mine", "queue", "topics", "who", "gaps", "help", "ask may I use my own phone?"):
            await post("say", text=f"/esafety {words}")
        await post("say", text="may I friend a pupil?", place="channel:safeguarding" if words == "" else "dm")
        for action in ("acknowledge", "details", "hand_on", "close", "report", "mine", "queue"):
            await post("press", message=1, action=action, value="x", form=None)


async def _acknowledged(here: World, http: aiohttp.ClientSession, post: Callable[..., Awaitable[Any]], reference: str) -> None:
    """The lead has it: an alert that nobody answers would climb by itself while the program is under attack."""
    lead = here.personas[here.slack_users["dsl"].name]
    for _ in range(300):
        async with http.get(f"{here.address}/console/api/messages", params={"persona": lead, "place": "dm"}) as said:
            shown = [read(m["html"]) for m in (await said.json())["messages"]]
        found = [value for page in shown if reference in page.text for _, what, value in page.buttons if what == ACKNOWLEDGE]
        if found:
            await post("press", persona=lead, message=1, action=ACKNOWLEDGE, value=found[0], form=None)
            return
        await asyncio.sleep(0.1)
    raise AssertionError("the alert never came to the console")


def no_rights_at_the_console(here: World) -> list[str]:
    """The personas to whom nothing of the planted case is due."""
    entitled = {user.name for who, user in here.slack_users.items() if who not in WITHOUT_A_RIGHT}
    return [persona for name, persona in here.personas.items() if name not in entitled]
