"""What the story runs in: the program as a process of its own, and for each person a Playground, which is their Teams."""

import asyncio
import os
import shutil
import socket
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import yaml

from bot.settings import DEMO_SCHOOLS
from domain.people import Kind
from storage.people_files import read_people

TEACHER, LEAD = "Tess Whitlock", "Dana Okafor"
# The teacher is in nobody else's team: the bot writes to each person by the Playground in which it last saw them listed.
COLLEAGUES = ("Maja Lindqvist", "Helen Pemberton", "Bryn Marsh", "Kit Devlin", "Iga Nowak")
SAFEGUARDING, TUTORS, PRIVATE = "Safeguarding", "Year 8 tutors", "Personal Chat"
CHANNEL = "19:safeguarding@thread.tacv2"

PROGRAM = Path(__file__).parent / "node" / "node_modules" / "@microsoft" / "m365agentsplayground" / "cli.js"
REPOSITORY = Path(__file__).parents[2]
PATIENCE_SECONDS = 30.0
# Its statistics go to Microsoft even where telemetry is off, unless the library behind them is told.
ALONE = {"TEAMSAPPTESTER_BROWSER": "none", "APPLICATION_INSIGHTS_NO_STATSBEAT": "1"}
KEPT = ("PATH", "LANG", "VIRTUAL_ENV")


def chat_of(name: str) -> str:
    """The id of somebody's own chat with the bot."""
    return f"a:1-{name.split()[1].lower()}"


def write_school(folder: Path) -> Path:
    """The demo school, its safeguarding channel in Teams."""
    school = yaml.safe_load((DEMO_SCHOOLS / "chipping-sodbury.yaml").read_text())
    school["channels"] = {"teams": {"dsl": CHANNEL, "deputy_dsl": CHANNEL}}
    folder.mkdir()
    (folder / "chipping-sodbury.yaml").write_text(yaml.safe_dump(school, sort_keys=False))
    return folder


def playground_settings(name: str) -> dict[str, Any]:
    """The Playground of one person. Their Teams holds their chat with the bot, a group chat, and the school's team."""
    staff = {p.name: p.email for p in read_people(DEMO_SCHOOLS / "staff.csv", Kind.STAFF).values()}

    def user(name: str) -> dict[str, str]:
        first, last = name.split()
        number = list(staff).index(name) + 1
        return {
            "id": f"29:1-{last.lower()}",
            "name": name,
            "userPrincipleName": staff[name],  # the Playground's own spelling
            "aadObjectId": f"00000000-0000-0000-0000-{number:012}",
            "givenName": first,
            "surname": last,
            "email": staff[name],
        }

    return {
        "version": "0.1.1",
        "tenantId": "00000000-0000-0000-0000-0000000000aa",
        "bot": {"id": "28:esafety", "name": "E-safety"},
        "currentUser": user(name),
        "users": [user(other) for other in COLLEAGUES],
        "personalChat": {"id": chat_of(name)},
        "groupChat": {"id": "19:tutors@thread.v2", "name": TUTORS},
        "team": {
            "id": "19:general@thread.tacv2",
            "name": "Chipping Sodbury School",
            "aadGroupId": "00000000-0000-0000-0000-0000000000bb",
            "channels": [{"id": CHANNEL, "name": SAFEGUARDING}],
        },
    }


def write_playground(folder: Path, name: str) -> None:
    folder.mkdir()
    (folder / ".m365agentsplayground.yml").write_text(yaml.safe_dump(playground_settings(name), sort_keys=False))


async def new_database(folder: Path) -> Path:
    """A database with the demo school's people, as `esafety people import` takes them."""
    lists = [str(DEMO_SCHOOLS / name) for name in ("staff.csv", "pupils.csv")]
    env = {**_environment(), **_settings(folder / "esafety.db", write_school(folder / "schools"))}
    program = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bot", "people", "import", *lists, env=env, cwd=folder, stdout=asyncio.subprocess.DEVNULL
    )
    assert await asyncio.wait_for(program.wait(), PATIENCE_SECONDS) == 0
    return folder / "esafety.db"


@asynccontextmanager
async def school_running(folder: Path, database: Path) -> AsyncIterator[tuple[str, str]]:
    """The program, and the teacher's and the lead's Playground before it, all begun at once; the addresses of those two.

    None of Microsoft's settings is set: whoever is on this machine may speak as Teams.
    """
    own = Path(shutil.copy(database, folder / "esafety.db"))
    # The key ring stands beside it: without it nothing that was written can be read.
    shutil.copy(f"{database}.keys", f"{own}.keys")
    env = {**_environment(), **_settings(own, write_school(folder / "schools"))}
    port = free_port()
    bot = _process([sys.executable, "-m", "bot", "run"], {**env, "PORT": str(port)}, folder, f"http://127.0.0.1:{port}/readyz")
    messages = f"http://127.0.0.1:{port}/api/messages"
    async with AsyncExitStack() as stack:
        async with asyncio.TaskGroup() as beginning:
            beginning.create_task(stack.enter_async_context(bot))
            teacher, lead = (
                beginning.create_task(stack.enter_async_context(_playground(folder / name, name, messages)))
                for name in (TEACHER, LEAD)
            )
        yield teacher.result(), lead.result()
    complaints = [line for line in (folder / "log").read_text().splitlines() if "ERROR" in line or "Traceback" in line]
    assert complaints == []


@asynccontextmanager
async def _playground(folder: Path, name: str, bot: str) -> AsyncIterator[str]:
    write_playground(folder, name)
    port = free_port()
    command = ["node", str(PROGRAM), "start", "-e", bot, "-c", "msteams", "-p", str(port), "--disable-telemetry"]
    env = {**_environment(), **ALONE, "HOME": str(folder)}
    async with _process(command, env, folder, f"http://127.0.0.1:{port}/_debug/ping"):
        yield f"http://127.0.0.1:{port}/"


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name in KEPT}


def _settings(database: Path, schools: Path) -> dict[str, str]:
    return {
        "ESAFETY_DATABASE_URL": f"sqlite:///{database}",
        "ESAFETY_SCHOOLS": str(schools),
        "ESAFETY_CONSOLE": "off",
        "PYTHONPATH": str(REPOSITORY),
    }


@asynccontextmanager
async def _process(command: Sequence[str], env: Mapping[str, str], folder: Path, ready: str) -> AsyncIterator[None]:
    with (folder / "log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(*command, env=env, cwd=folder, stdout=log, stderr=log)
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            await _until_ready(ready, process)
        yield
        assert process.returncode is None, f"{command[0]} ended by itself: {(folder / 'log').read_text()}"
    finally:
        if process.returncode is None:
            process.terminate()
        await asyncio.wait_for(process.wait(), PATIENCE_SECONDS)


async def _until_ready(address: str, process: asyncio.subprocess.Process) -> None:
    async with aiohttp.ClientSession() as session:
        while process.returncode is None:
            try:
                async with session.get(address) as answer:
                    if answer.status == 200:
                        return
            except aiohttp.ClientError:
                pass
            await asyncio.sleep(0.05)
    raise AssertionError("it ended before it was ready")
