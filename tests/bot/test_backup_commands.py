"""`esafety backup`, `restore` and `move`, as whoever looks after the server types them."""

import asyncio
import os
import signal
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import event, select, update

from bot import backup_commands
from bot.cli import main
from storage import tables as t
from storage.database import Database
from tests.conftest import new_database
from tests.fakes.clock import FakeClock
from tests.fakes.keys import ring_for
from tests.fakes.tampering import let_go_of_the_audit
from tests.handlers.office import WHAT, Office, open_office


@pytest_asyncio.fixture
async def office(tmp_path: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Office]:
    """A school with one report, on the database that is set up."""
    async with new_database("sqlite", tmp_path) as url:
        monkeypatch.setenv("ESAFETY_DATABASE_URL", url)
        database = Database(url, ring_for(url))
        async with open_office(database, clock) as office:
            await office.reports()
            yield office
        await database.close()


def digest_in(said: str) -> str:
    """The digest that a command has printed."""
    (line,) = (line for line in said.splitlines() if line.startswith("Digest"))
    return line.split()[-1]


async def test_backed_up_every_night_and_restored_when_it_is_needed(
    office: Office, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is printed says how much there is, and the same digest both times; nothing of what is in it."""
    assert await backup_commands.back_up_to(Path("tonight.db")) == 0
    backed_up = capsys.readouterr().out
    assert " incidents " in backed_up
    assert "key ring" in backed_up
    assert f"The audit of {office.school.id} is as it was written" in backed_up
    assert WHAT not in backed_up

    monkeypatch.setenv("ESAFETY_DATABASE_URL", f"sqlite:///{tmp_path}/new/esafety.db")
    assert await backup_commands.restore_from(Path("tonight.db"), broken_audit=False) == 0
    restored = capsys.readouterr().out
    assert digest_in(restored) == digest_in(backed_up)
    assert "nothing of what came after" in restored
    with closing(sqlite3.connect(tmp_path / "new" / "esafety.db")) as connection:
        assert connection.execute("SELECT count(*) FROM incidents").fetchone() == (1,)

    (noted,) = await office.rows(t.audit, t.audit.c.action == "records.backed_up")
    assert (noted.school, noted.actor) == (office.school.id, "command")
    restored_there = Database(f"sqlite:///{tmp_path}/new/esafety.db")
    async with restored_there.begin(write=False) as connection:
        actions = (await connection.execute(select(t.audit.c.action).order_by(t.audit.c.seq))).scalars().all()
    assert list(actions[-2:]) == ["records.backed_up", "records.restored"]
    await restored_there.close()

    assert await backup_commands.restore_from(Path("tonight.db"), broken_audit=False) == 2
    assert "has some already" in capsys.readouterr().err


async def test_a_move_ends_with_the_line_for_the_settings(
    office: Office, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As it is to be put into .env, but for the password, which does not stand on the screen; and where the keys are."""
    async with new_database("postgresql", tmp_path) as url:
        os.environ.pop("ESAFETY_KEYS")
        with_password = url.replace("root@", "root:letmein@")
        assert await backup_commands.move_to(with_password, broken_audit=False) == 0
        said = capsys.readouterr().out
        assert f"ESAFETY_DATABASE_URL={url.replace('root@', 'root:***@')}" in said
        assert "letmein" not in said
        assert f"ESAFETY_KEYS_FILE={office.database.vault.source.name}" in said
        moved = Database(url, office.database.vault.source)
        async with open_office(moved, office.clock) as there:
            assert len(await there.rows(t.incidents)) == 1
            await there.works()
            assert there.post.sent
        await moved.close()


async def test_a_broken_audit_shows_in_the_exit_code(office: Office, capsys: pytest.CaptureFixture[str]) -> None:
    """There is a backup, and the job that made it is seen to have failed."""
    async with office.database.begin() as connection:
        await let_go_of_the_audit(connection)
        await connection.execute(update(t.audit).where(t.audit.c.seq == 1).values(actor="person:somebody"))
    assert await backup_commands.back_up_to(Path("tonight.db")) == 1
    assert "not as it was written, from entry 1 on" in capsys.readouterr().out
    assert os.path.exists("tonight.db")  # noqa: ASYNC240, PTH110 - in the test's own folder


async def test_stopped_by_the_system_it_clears_up(
    office: Office, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """SIGTERM, as systemd and Docker send it: no file, no part of one."""
    stopped: list[bool] = []

    class Watched(Database):
        def __init__(self, url: str) -> None:
            super().__init__(url)
            event.listen(self.engine.sync_engine, "before_cursor_execute", self.stop)

        def stop(self, connection: Any, cursor: Any, statement: str, *_: Any) -> None:
            if "FROM people" in statement and not stopped:
                stopped.append(True)
                os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(backup_commands, "Database", Watched)
    assert await backup_commands.back_up_to(Path("tonight.db")) == 2
    assert stopped
    assert "stopped before it was done" in capsys.readouterr().err
    assert [name for name in os.listdir() if "tonight" in name] == []  # noqa: PTH208


def test_what_is_wrong_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """And the exit code is 2: it could not be run."""
    monkeypatch.setenv("ESAFETY_DATABASE_URL", f"sqlite:///{tmp_path}/missing.db")
    for argv, said in [
        (["backup", "tonight.db"], "there is no database yet"),
        (["restore", "tonight.db"], "tonight.db is not there"),
        (["move", "--to", f"sqlite:///{tmp_path}/new.db"], "there is no database yet"),
        (["move", "--to", "mysql://esafety:letmein@127.0.0.1/x"], "--to must be postgresql://"),
    ]:
        assert main(argv) == 2, argv
        error = capsys.readouterr().err
        assert error.startswith("esafety: ")
        assert said in error
        assert error.count("\n") == 1
        assert "letmein" not in error
    assert list(tmp_path.iterdir()) == []
    assert asyncio.run(backup_commands.back_up_to(Path("tonight.db"))) == 2
