"""`esafety status`, as somebody who runs the bot reads it."""

import asyncio
import json
import re
import shutil
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from bot.settings import DEMO_SCHOOLS, ConsoleMode, Settings
from bot.status_command import look, print_status
from bot.wiring import running
from storage.database import Database
from storage.school_files import load_schools
from tests.bench.tools import free_port
from tests.conftest import new_database
from tests.fakes.clock import PATIENCE_SECONDS, FakeClock
from tests.fakes.keys import ring_for
from tests.handlers.office import Office, open_office
from tests.handlers.test_listed import an_older_version_takes, newcomer, shut_out, with_person
from tests.story.console_stage import console_stage


def settings(url: str, port: int) -> Settings:
    return Settings(ESAFETY_DATABASE_URL=url, PORT=port)


async def printed(office_settings: Settings, clock: FakeClock) -> str:
    schools = load_schools(office_settings.schools_folder)
    return "\n".join(map(str, (await look(office_settings, schools, clock.now())).lines))


async def test_a_bot_that_is_well(tmp_path: Path, clock: FakeClock) -> None:
    """It says so, says when worker and auditor were last heard, and marks nothing."""
    async with new_database("sqlite", tmp_path) as url, console_stage(url, tmp_path, clock) as stage:
        await stage.settled()
        status = await look(settings(url, int(stage.bot.address.rpartition(":")[2])), stage.bot.schools, clock.now())
    said = "\n".join(map(str, status.lines))
    assert "is ready" in said
    assert "worker: last heard of" in said
    assert "auditor: last heard of" in said
    assert "messages: nothing is due" in said
    assert "alerts: every one is acknowledged" in said
    assert "school chipping-sodbury (Chipping Sodbury School (demo)): 0 open cases" in said
    assert status.is_well, said


async def test_no_bot_and_no_database(tmp_path: Path, clock: FakeClock, capsys: pytest.CaptureFixture[str]) -> None:
    """Both are said plainly, nothing is made, and the exit code is 1."""
    said = await printed(settings(f"sqlite:///{tmp_path}/none.db", free_port()), clock)
    assert "! no bot is running at http://127.0.0.1:" in said
    assert "there is none yet" in said
    assert not (tmp_path / "none.db").exists()
    assert await print_status(clock, as_json=True) == 1
    assert json.loads(capsys.readouterr().out)["process"]["runs"] is False


async def test_what_waits_and_who_has_not_answered(database_url: str, clock: FakeClock) -> None:
    """What is stuck and what was given up, by platform and code; alerts by urgency with how late, as references only."""
    database = Database(database_url, ring_for(database_url))
    async with open_office(database, clock) as office:
        await trouble(office)
        said = await printed(settings(database_url, free_port()), clock)
        as_json = await look(settings(database_url, free_port()), {office.school.id: office.school}, clock.now())
    await database.close()
    assert "! given up: 1 message to slack (users_not_found), 1 of them of cases that are still open" in said
    assert "to slack are due (pending), the oldest for 20 minutes" in said
    assert "! alerts: 1 critical unanswered, 1 late, the first by 5 minutes" in said
    assert re.search(r"CSS-2026-\d{4} critical, dsl: 5 minutes late", said)
    assert "1 open case" in said
    assert "esafety.db" in said or "postgresql://" in said
    for secret in ("Bea", "Exemplar", "posting", "Okafor", "demo.example"):
        assert secret not in said
        assert secret not in json.dumps(as_json.as_json())
    assert as_json.as_json()["dead"] == [{"platform": "slack", "code": "users_not_found", "count": 1, "of_open_cases": 1}]
    assert as_json.as_json()["well"] is False


async def trouble(office: Office) -> None:
    """A critical report twenty minutes ago: one copy was given up, the others still wait."""
    await office.reports(concern="nude_image", illegal="yes", targets=("text:Bea Exemplar",))
    async with office.database.begin() as connection:
        one = "(SELECT min(id) FROM deliveries WHERE message = 'alert')"
        await connection.execute(text(f"UPDATE deliveries SET state = 'dead', trouble = 'users_not_found' WHERE id = {one}"))
    office.clock.at += timedelta(minutes=20)


async def test_how_far_old_cases_have_been_compared_with_a_list(tmp_path: Path, clock: FakeClock) -> None:
    """A version that compared nothing has taken a list over: it is said how far it is, and the program does the rest."""
    async with new_database("sqlite", tmp_path) as url:
        database = Database(url, ring_for(url))
        async with open_office(database, clock) as office:
            for _ in range(2):
                incident = await office.reports(perpetrators=("text:Zebedee Quillfeather",))
            await an_older_version_takes(office, with_person(newcomer()))
            said = await printed(settings(url, free_port()), clock)
            assert "staff list of chipping-sodbury: the names in 0 of 2 cases have been compared with it" in said
            # Not the demo itself, which takes its own lists over at each start.
            (tmp_path / "schools").mkdir()
            shutil.copy(DEMO_SCHOOLS / f"{office.school.id}.yaml", tmp_path / "schools")
            program = Settings(
                ESAFETY_DATABASE_URL=url, ESAFETY_SCHOOLS=tmp_path / "schools", ESAFETY_CONSOLE=ConsoleMode.ON, PORT=0
            )
            async with running(program, clock), asyncio.timeout(PATIENCE_SECONDS):
                while newcomer().id not in await shut_out(office, incident):  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
            assert "staff list of" not in await printed(settings(url, free_port()), clock)
        await database.close()


async def test_tables_of_another_program_are_no_reason_to_fall_over(tmp_path: Path, clock: FakeClock) -> None:
    """A database that cannot be read is said to be so."""
    (tmp_path / "other.db").write_bytes(b"not a database at all, but a file that is long enough to look like one" * 100)
    said = await printed(settings(f"sqlite:///{tmp_path}/other.db", free_port()), clock)
    assert "it does not answer, or has no tables of ours" in said
