"""`esafety report governors`: files for a meeting, of what was published and nothing else."""

import csv
from collections.abc import AsyncIterator
from datetime import date, timedelta
from pathlib import Path

import pytest
import pytest_asyncio

from bot.cli import main
from bot.report_command import report_for_governors, report_surveys
from bot.settings import DEMO_SCHOOLS, SettingsError
from domain.surveys import Survey, SurveyPage, SurveyQuestion, SurveyType
from handlers.figures import make_due
from handlers.surveys import look
from storage.database import Database
from tests.fakes.clock import FakeClock
from tests.fakes.keys import KEY
from tests.handlers.office import Office, open_office
from tests.handlers.test_figures import JANUARY

YEAR = (date(2026, 9, 1), date(2027, 7, 31))


@pytest_asyncio.fixture
async def office(
    database_url: str, database: Database, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Office]:
    """The demo school at work, on the database that the command is told of."""
    monkeypatch.setenv("ESAFETY_DATABASE_URL", database_url)
    monkeypatch.setenv("ESAFETY_KEYS", KEY.line)
    monkeypatch.setenv("ESAFETY_SCHOOLS", str(DEMO_SCHOOLS))
    async with open_office(database, clock) as office:
        yield office


async def test_each_form_is_written(office: Office, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    await office.reports()
    office.clock.at = JANUARY
    await make_due(office.ports, office.school)
    folder = tmp_path / "for the governors"
    assert await report_for_governors(None, *YEAR, folder) == 0
    assert await report_for_governors(None, *YEAR, folder) == 0, "made again, the files are the newer ones"
    name = "CSS-figures-2026-autumn-to-2026-autumn"
    assert sorted(f.name for f in folder.iterdir()) == [f"{name}.{kind}" for kind in ("csv", "html", "pdf", "xlsx")]
    beginnings = {"csv": b"\xef\xbb\xbf", "html": b"<!doctype html>", "pdf": b"%PDF-", "xlsx": b"PK"}
    assert all((folder / f"{name}.{kind}").read_bytes().startswith(begun) for kind, begun in beginnings.items())
    told = capsys.readouterr().out
    assert "Autumn term 2026: 1 August 2026 to 31 December 2026" in told


async def test_a_term_that_is_not_over_has_none(office: Office, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The command makes none: what was not sent to anybody is not there for whoever runs the server."""
    await office.reports()
    office.clock.at = JANUARY
    assert await report_for_governors("chipping-sodbury", *YEAR, tmp_path / "out") == 2
    assert "no term between 2026-09-01 and 2027-07-31 has figures" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


async def test_a_folder_that_is_none_is_named(office: Office, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    await office.reports()
    office.clock.at = JANUARY
    await make_due(office.ports, office.school)
    (tmp_path / "file").touch()
    assert await report_for_governors(None, *YEAR, tmp_path / "file") == 2
    assert "cannot be written to" in capsys.readouterr().err


async def test_without_a_database_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ESAFETY_DATABASE_URL", f"sqlite:///{tmp_path}/none.db")
    monkeypatch.setenv("ESAFETY_SCHOOLS", str(DEMO_SCHOOLS))
    with pytest.raises(SettingsError, match="no database yet"):
        await report_for_governors(None, *YEAR, tmp_path / "out")
    assert not (tmp_path / "none.db").exists()


def test_days_are_days(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["report", "governors", "--from", "autumn", "--to", "2027-07-31", "--out", "x"])
    assert "invalid fromisoformat value: 'autumn'" in capsys.readouterr().err


async def test_what_surveys_came_to_is_written(office: Office, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Only what somebody has looked at in the chat: the command makes none. No cell begins a formula."""
    out = tmp_path / "out"
    assert await report_surveys(None, out) == 2
    assert "no survey has been looked at" in capsys.readouterr().err
    question = SurveyQuestion("q", "=1+1?", {"a": "@SUM(A1)", "b": "No"})
    kind = SurveyType("own", "-Ours", "Us", (question,))
    ports, now = office.ports, office.clock.now()
    for n, times in enumerate((6, 7)):
        begun = now + timedelta(days=n)
        survey = Survey(f"survey-{n}", kind, office.people["dsl"].id, begun, begun + timedelta(days=9), 5)
        async with ports.store.transaction(office.school) as records:
            await records.add_survey(survey)
            for _ in range(times):
                await records.count_answer(survey, await records.new_survey_page(survey.id), {"q": "a"})
    assert await report_surveys(None, out) == 2
    for n in range(2):
        assert isinstance(await look(ports, office.school, office.account("dsl"), f"survey-{n}"), SurveyPage)
    assert await report_surveys(None, out) == 0
    (file,) = out.iterdir()
    rows = list(csv.DictReader(file.read_text(encoding="utf-8-sig").splitlines()))
    assert [row["Choice"] for row in rows] == ["'@SUM(A1)", "No", "I would rather not say"] * 2
    assert {row["Survey"] for row in rows} == {"'-Ours"}
    assert {row["Question"] for row in rows} == {"'=1+1?"}
    assert [row["Time before"] for row in rows] == ["24 November 2026"] * 3 + [""] * 3
    assert all(int(row["How many"]) % 5 == 0 for row in rows if row["How many"].isdigit())
