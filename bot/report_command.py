"""`esafety report governors`: the figures of the terms that are over, as files for a meeting."""

import sys
from datetime import date
from pathlib import Path

from bot.people_command import school_meant
from bot.settings import SettingsError, load_settings
from bot.wiring import SystemClock
from cards.figures import days_of, name_of
from cards.figures_print import printed
from cards.figures_report import Report, csv_report, html_report, report_of
from cards.figures_workbook import workbook
from handlers.figures import for_governors
from handlers.ports import Ports
from storage.answering import Answers
from storage.database import Database
from storage.records import new_id
from storage.store import Store
from storage.trouble import DatabaseTroubleError


async def report_for_governors(school_id: str | None, first: date, last: date, folder: Path) -> int:
    """Writes the report of every whole term between two days, and says of which. 2 where there is none."""
    settings = load_settings()
    school = school_meant(settings, school_id)
    database = Database(settings.database_url, settings.key_source)
    if database.is_missing:
        raise SettingsError(f"there is no database yet at {database.url.database}: see ESAFETY_DATABASE_URL")
    clock = SystemClock()
    ports = Ports(Store(database), clock, frozenset(), new_id, lambda: None, Answers())
    try:
        if (why := await database.why_not_ready()) is not None:
            raise DatabaseTroubleError(why)
        terms, before = await for_governors(ports, school, first, last)
    finally:
        await database.close()
    if not terms:
        print(
            f"esafety: no term between {first} and {last} has figures: the running bot makes them when a term is over",
            file=sys.stderr,
        )
        return 2
    report = report_of(school, terms, before, clock.now().astimezone(school.calendar.timezone).date())
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
