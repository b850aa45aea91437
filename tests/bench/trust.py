"""A trust of many schools behind one bot, as a load needs it.

Schools of every policy, each with a workspace and staff of its own, and a Slack that takes what it is sent and does no more.
"""

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Self

import yaml

from bot.settings import DEMO_SCHOOLS
from domain.people import Account, Kind, Person, Platform, School, Standing
from storage.people_files import carry_out, plan_import, read_people
from storage.policy_files import policy_ids
from storage.records import new_id
from storage.school_files import load_schools
from storage.slack_installs import SlackInstall, SlackInstalls
from storage.store import Store
from tests.bench.databases import POSTGRESQL, SQLITE, database_env, kinds, new_database, opened
from tests.bench.figures import Figure
from tests.bench.sent_by_slack import SCHOOLS, SECRET, TEACHERS, teacher, team
from tests.bench.tools import free_port, process
from tests.bench.wire import Taker
from tests.fakes.slack_model import BOT_USER

_REFERENCE = re.compile(rb"S\d\d-\d{4}-\d+")
_CHANNEL = re.compile(rb'"channel": ?"([A-Z0-9]+)"')
_JSON = b"application/json; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Post:
    """A message that the bot has posted: where, about which report, and when it came."""

    place: str
    reference: str
    at: datetime


class QuickSlack:
    """Takes every call of every workspace, checks nothing, and remembers only what came when."""

    def __init__(self) -> None:
        self.signing_secret = SECRET
        self._server: asyncio.Server | None = None
        self._last_ts = 0
        self.taken: list[tuple[float, bytes]] = []
        self.answered: dict[str, float] = {}
        """When the answer to a question came, on the clock that all processes of a machine share."""

    async def __aenter__(self) -> Self:
        self._server = await asyncio.get_running_loop().create_server(lambda: Taker(self._answer), "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._server is not None:
            self._server.close()

    @property
    def base_url(self) -> str:
        """What SLACK_API_URL is set to."""
        assert self._server is not None
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/api/"

    def _answer(self, path: str, body: bytes) -> tuple[bytes, bytes]:
        kind, _, rest = path[1:].partition("/")
        if kind == "response":
            self.answered.setdefault(rest, time.monotonic())
            return b"text/html", b"ok"
        method = rest.partition("?")[0]
        if method != "chat.postMessage":
            return _JSON, json.dumps({"ok": True, **_said(method)}).encode()
        self.taken.append((time.time(), body))
        found = _CHANNEL.search(body)
        assert found is not None, "a message to nowhere"
        self._last_ts = max(self._last_ts + 1, int(time.time() * 1_000_000))
        ts = b"%d.%06d" % divmod(self._last_ts, 1_000_000)
        return _JSON, b'{"ok":true,"channel":"%b","ts":"%b"}' % (found[1], ts)

    def posts(self) -> list[Post]:
        """Every message that names a report."""
        found = []
        for at, body in self.taken:
            if reference := _REFERENCE.search(body):
                place = json.loads(body)["channel"]
                found.append(Post(place, reference.group().decode(), datetime.fromtimestamp(at, UTC)))
        return found


def _said(method: str) -> dict[str, Any]:
    match method:
        case "auth.test":
            return {"team_id": "T0S00", "user_id": BOT_USER, "bot_id": "B0", "user": "bench", "team": "bench"}
        case "conversations.members":
            return {"members": [], "response_metadata": {"next_cursor": ""}}
        case _:
            return {"channel": "C0", "ts": "1.1"}


@dataclass(frozen=True, slots=True)
class Trust:
    """The schools, the Slack of all of them, and a folder with their files."""

    slack: QuickSlack
    schools: Mapping[str, School]
    folder: Path

    @property
    def env(self) -> dict[str, str]:
        """The settings for one bot that serves them all."""
        return {
            "SLACK_CLIENT_ID": "1234.5678",
            "SLACK_CLIENT_SECRET": "client-secret",
            "SLACK_SIGNING_SECRET": self.slack.signing_secret,
            "SLACK_API_URL": self.slack.base_url,
            "ESAFETY_SLACK_MODE": "http",
            "ESAFETY_SCHOOLS": str(self.folder / "schools"),
            # What fails is counted by who asked for it; a line for each would be in the way.
            "ESAFETY_LOG_LEVEL": "ERROR",
        }

    @asynccontextmanager
    async def at_work(self, shape: "Shape") -> AsyncIterator[tuple[str, Mapping[str, int]]]:
        """The program on a database with everybody's lists: the database, and the processes' ids by their addresses."""
        async with new_database(shape.kind, self.folder) as url, AsyncExitStack() as stack:
            await fill(self, url)
            found = {}
            for _ in range(shape.processes):
                port = free_port()
                env = {**self.env, **database_env(url), "PORT": str(port)}
                started = await stack.enter_async_context(process(["-m", "bot", "run"], env, self.folder, port, quiet=True))
                found[started[0]] = started[1]
            yield url, found


@dataclass(frozen=True, slots=True)
class Shape:
    """So many processes of the bot on one database."""

    kind: str
    processes: int

    def __str__(self) -> str:
        return f"{self.kind}, {self.processes} process{'es' if self.processes > 1 else ''}"


ONE_ON_SQLITE = Shape(SQLITE, 1)
ON_POSTGRESQL = {count: Shape(POSTGRESQL, count) for count in (1, 2, 4)}


async def in_each_shape(shapes: Sequence[Shape], measure: Callable[[Trust, Shape], Awaitable[list[Figure]]]) -> list[Figure]:
    """What is measured of one trust in each shape that this machine can have, one after the other."""
    there, found = await kinds(), []
    with TemporaryDirectory() as name:
        async with trust(Path(name)) as schools:
            for shape in shapes:
                if shape.kind in there:
                    found += await measure(schools, shape)
    return found


@asynccontextmanager
async def trust(folder: Path) -> AsyncIterator[Trust]:
    """Writes the schools' files and serves their Slack."""
    demo = yaml.safe_load((DEMO_SCHOOLS / "chipping-sodbury.yaml").read_text())
    policies = policy_ids()
    (folder / "schools").mkdir()
    for n in range(SCHOOLS):
        leads, house = f"C0S{n:02d}SAFE", f"C0S{n:02d}BRUNEL"
        school = {
            **demo,
            "name": f"School {n:02d}",
            "prefix": f"S{n:02d}",
            "policy": policies[n % len(policies)],
            "slack_team": team(n),
            "channels": {"slack": {"dsl": leads, "deputy_dsl": leads, "head_of_house": {"Brunel": house}}},
        }
        (folder / "schools" / f"school-{n:02d}.yaml").write_text(yaml.safe_dump(school))
    async with QuickSlack() as slack:
        yield Trust(slack, load_schools(folder / "schools"), folder)


async def fill(trust: Trust, url: str) -> None:
    """Puts staff, pupils and installations of every school into a database, and everybody as somebody seen that day."""
    database, now = opened(url), datetime.now(UTC)
    staff, pupils = (
        read_people(DEMO_SCHOOLS / name, kind) for name, kind in (("staff.csv", Kind.STAFF), ("pupils.csv", Kind.PUPIL))
    )
    for n, school in enumerate(trust.schools.values()):
        teachers = {e: Person(new_id(), Kind.STAFF, f"Teacher {e[:9]}", e) for e in _emails(n)}
        leads = {e: replace(p, id=new_id()) for e, p in staff.items()}
        async with Store(database).transaction(school) as records:
            for kind, people in ((Kind.STAFF, {**leads, **teachers}), (Kind.PUPIL, _anew(pupils))):
                await carry_out(records, await plan_import(records, kind, people), now)
            for number, email in enumerate(_emails(n)):
                await records.save_account(_member(teacher(n, number), email, "Teacher"), now)
            for number, (email, person) in enumerate(leads.items()):
                await records.save_account(_member(f"U0S{n:02d}L{number:03d}", email, person.name), now)
        install = SlackInstall(team(n), school.name, f"xoxb-{team(n)}", BOT_USER, "U0ADMIN", now)
        await SlackInstalls(database).save(install, school.id, ())
    await database.close()


def _member(user: str, email: str, name: str) -> Account:
    return Account(Platform.SLACK, user, email, name, standing=Standing.MEMBER)


def _anew(people: Mapping[str, Person]) -> dict[str, Person]:
    return {key: replace(person, id=new_id()) for key, person in people.items()}


def _emails(school: int) -> list[str]:
    return [f"{teacher(school, n).lower()}@demo.example" for n in range(TEACHERS)]
