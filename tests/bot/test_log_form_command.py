"""`esafety report incident`: the log form as a file on the server, for whoever has the passphrase that its maker was shown."""

import getpass
import stat
from collections.abc import AsyncIterator
from io import BytesIO
from pathlib import Path

import pytest
import pytest_asyncio
from pypdf import PdfReader

from bot.cli import _LOG_FORMS, _parser
from bot.desk import Desk
from bot.log_form_command import CHOICES, report_incident
from domain.incident import Incident
from storage import tables as t
from storage.database import Database
from tests.bot.test_exports_command import lying
from tests.fakes.clock import FakeClock
from tests.fakes.keys import ring_for
from tests.handlers.office import WHAT, Office, open_office
from tests.handlers.test_readers_log import pupil
from tests.story.test_subject_access import PASSPHRASE

Captured = pytest.CaptureFixture[str]


@pytest_asyncio.fixture
async def office(database_url: str, clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Office]:
    """The demo school, and no setting but the database."""
    monkeypatch.setenv("ESAFETY_DATABASE_URL", database_url)
    monkeypatch.setattr("bot.wiring.SystemClock", lambda: clock)
    database = Database(database_url, ring_for(database_url))
    async with open_office(database, clock) as office:
        yield office
    await database.close()


@pytest.fixture
def folder(tmp_path: Path, database_url: str) -> Path:
    """Where pages lie if nothing is set: beside an SQLite file, or in data."""
    return tmp_path / ("exports" if database_url.startswith("sqlite") else "data/exports")


async def made(office: Office, folder: Path, *, private: bool = False) -> tuple[Incident, str, str]:
    """A case whose log form has been made into a page: the case, who made it, the passphrase."""
    who = "headteacher" if private else "dsl"
    if private:
        incident = await office.reports(concern="staff_conduct", about="staff", perpetrators=(office.picked("it"),))
        alert = next(a for a in await office.alerts(incident) if a.role == "headteacher")
        await office.acknowledge(who, alert)
    else:
        incident = await office.reports(targets=(f"person:{(await pupil(office)).id}",))
        await office.acknowledge(who, await office.alert(incident))
    desk = Desk(office.ports, office.school, exports=folder)
    shown = str(await desk.submit(office.account(who), "log_form", incident.id, {}))
    found = PASSPHRASE.search(shown)
    assert found is not None, shown
    return incident, office.people[who].email, found.group()


def types(monkeypatch: pytest.MonkeyPatch, passphrase: str) -> None:
    """What is typed when it asks."""
    monkeypatch.setattr(getpass, "getpass", lambda _: passphrase)


async def test_each_form_is_written_with_the_passphrase(
    office: Office, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    """For its owner alone to read, called by the case's number, never over another."""
    incident, email, passphrase = await made(office, folder)
    types(monkeypatch, passphrase)
    out = tmp_path / "for the file"
    for form in CHOICES:
        assert await report_incident(None, incident.reference, email, form, out) == 0
    told = capsys.readouterr().out
    files = {f.name.removeprefix(incident.reference): f for f in out.iterdir()}
    assert set(files) == {".pdf", ".html", ".txt", "-cpoms.csv", "-myconcern.csv"}
    for name, file in files.items():
        assert str(file) in told
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        if name != ".pdf":
            assert WHAT in file.read_text("utf-8")
    printed = " ".join(page.extract_text() for page in PdfReader(BytesIO(files[".pdf"].read_bytes())).pages)
    assert WHAT in " ".join(printed.split())
    html = files[".html"].read_text("utf-8")
    assert html.startswith("<!doctype html>")
    assert "data:" not in html
    assert await report_incident(None, incident.reference, email, "pdf", out) == 2
    assert "cannot be written" in capsys.readouterr().err
    noted = await office.rows(t.audit, t.audit.c.action == "log_form.fetched")
    assert [(r.actor, r.data["form"], r.data["opened"]) for r in noted][: len(CHOICES)] == [
        ("command", f, True) for f in CHOICES
    ]


async def test_an_address_alone_opens_nothing(
    office: Office, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    """A wrong passphrase is noted; of a case that is not theirs nothing is said, nor whether there is one."""
    incident, email, passphrase = await made(office, folder)
    types(monkeypatch, "AAAA-AAAA-AAAA-AAAA-AAAA")
    assert await report_incident(None, incident.reference, email, "pdf", tmp_path / "out") == 2
    assert "That it was tried is in the audit" in capsys.readouterr().err
    (row,) = await office.rows(t.audit, t.audit.c.action == "log_form.fetched")
    assert row.data["opened"] is False
    types(monkeypatch, passphrase)
    said = set()
    for reference, who in (
        (incident.reference, office.people["deputy"].email),
        (incident.reference, office.people["teacher"].email),
        (incident.reference, "nobody@x.example"),
        ("CSS-2026-9999", email),
    ):
        assert await report_incident(None, reference, who, "pdf", tmp_path / "out") == 2
        said.add(capsys.readouterr().err.replace(who, "EMAIL"))
    assert len(said) == 1
    assert not (tmp_path / "out").exists()
    refused = await office.rows(t.audit, t.audit.c.action == "log_form.refused")
    whom = [office.people["deputy"].id, office.people["teacher"].id, None, office.people["dsl"].id]
    assert [(r.incident_id, r.data.get("maker")) for r in refused] == [
        *((incident.id, who) for who in whom[:3]),
        (None, whom[3]),
    ]


async def test_a_page_that_is_not_as_it_was_made_is_not_opened(
    office: Office, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    incident, email, passphrase = await made(office, folder)
    (name,) = lying(folder)
    file = folder / name
    file.write_text(file.read_text("utf-8") + " ", "utf-8")
    types(monkeypatch, passphrase)
    assert await report_incident(None, incident.reference, email, "pdf", tmp_path / "out") == 2
    assert "as it was made" in capsys.readouterr().err


async def test_a_private_case_has_no_table(
    office: Office, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    """Its PDF and its text are there for whoever has it."""
    incident, email, passphrase = await made(office, folder, private=True)
    types(monkeypatch, passphrase)
    assert await report_incident(None, incident.reference, email, "csv-cpoms", tmp_path / "out") == 2
    assert "no table for a pupils' system" in capsys.readouterr().err
    assert await report_incident(None, incident.reference, email, "text", tmp_path / "out") == 0


def test_the_command_line_knows_every_form() -> None:
    """They are named there as well, so that no other command loads what draws them."""
    assert set(_LOG_FORMS) == set(CHOICES)
    args = _parser().parse_args(["report", "incident", "--case", "CSS-2026-4071", "--as", "d@x.example", "--format", "html"])
    assert (args.case, args.email, args.form, args.out) == ("CSS-2026-4071", "d@x.example", "html", Path())
