"""`esafety report governors` and `surveys`: figures of terms, and what surveys came to, as files for a meeting."""

import sys
from collections.abc import Awaitable, Callable
from datetime import date, datetime
from pathlib import Path
from typing import TypeVar

from bot.people_command import school_meant
from bot.settings import SettingsError, load_settings
from bot.wiring import ports_for_commands
from cards.figures import days_of, name_of
from cards.figures_print import printed
from cards.figures_report import Report, csv_report, html_report, report_of
from cards.figures_workbook import workbook
from cards.surveys import csv_surveys
from domain.people import School
from handlers.figures import for_governors
from handlers.ports import Ports
from handlers.surveys import reported
from storage.database import Database
from storage.trouble import DatabaseTroubleError

T = TypeVar("T")


async def report_for_governors(school_id: str | None, first: date, last: date, folder: Path) -> int:
    """Writes the report of every whole term between two days, and says of which. 2 where there is none."""
    school, now, (terms, before) = await _asked(school_id, lambda ports, school: for_governors(ports, school, first, last))
    if not terms:
        print(
            f"esafety: no term between {first} and {last} has figures: the running bot makes them when a term is over",
            file=sys.stderr,
        )
        return 2
    report = report_of(school, terms, before, now.astimezone(school.calendar.timezone).date())
    try:
        names = write_report(report, folder, f"{school.prefix}-figures-{terms[0].span.id}-to-{terms[-1].span.id}")
    except OSError as no:
        print(f"esafety: {folder} cannot be written to: {no.strerror}", file=sys.stderr)
        return 2
    for term in terms:
        print(f"{name_of(term.span)}: {days_of(term.span)}")
    for name in names:
        print(name)
    return 0


async def report_surveys(school_id: str | None, folder: Path) -> int:
    """Writes what was counted of every survey, as somebody has seen it in the chat, and says where. 2 where there is none."""
    school, _, pages = await _asked(school_id, reported)
    if not pages:
        print(
            "esafety: no survey has been looked at that enough people have answered: look at it in the chat first",
            file=sys.stderr,
        )
        return 2
    try:
        file = write_surveys(csv_surveys(school, pages), folder, f"{school.prefix}-surveys.csv")
    except OSError as no:
        print(f"esafety: {folder} cannot be written to: {no.strerror}", file=sys.stderr)
        return 2
    print(file)
    return 0


async def _asked(school_id: str | None, ask: Callable[[Ports, School], Awaitable[T]]) -> tuple[School, datetime, T]:
    """What is published of a school; and the moment of asking."""
    settings = load_settings()
    school = school_meant(settings, school_id)
    database = Database(settings.database_url, settings.key_source)
    if database.is_missing:
        raise SettingsError(f"there is no database yet at {database.url.database}: see ESAFETY_DATABASE_URL")
    ports = ports_for_commands(database)
    try:
        if (why := await database.why_not_ready()) is not None:
            raise DatabaseTroubleError(why)
        return school, ports.clock.now(), await ask(ports, school)
    finally:
        await database.close()


def write_surveys(text: str, folder: Path, name: str) -> Path:
    """Writes a table as CSV, and gives the file."""
    folder.mkdir(parents=True, exist_ok=True)
    # The mark at the beginning tells a spreadsheet that it is UTF-8.
    (folder / name).write_bytes(text.encode("utf-8-sig"))
    return folder / name


def write_report(report: Report, folder: Path, name: str) -> list[Path]:
    """Writes each form of a report, and gives the files."""
    folder.mkdir(parents=True, exist_ok=True)
    made = {
        "pdf": printed(report),
        "xlsx": workbook(report),
        # The mark at the beginning tells a spreadsheet that it is UTF-8.
        "csv": csv_report(report).encode("utf-8-sig"),
        "html": html_report(report).encode(),
    }
    files = []
    for kind, content in made.items():
        file = folder / f"{name}.{kind}"
        file.write_bytes(content)
        files.append(file)
    return files
