"""The report for governors of a school year with ten thousand reports: the terms made, and every file of it."""

import tempfile
import time
from datetime import UTC, date, datetime
from pathlib import Path

from bot.report_command import write_report
from cards.figures_report import report_of
from domain.people import Kind
from handlers.figures import for_governors, make_due
from tests.bench.databases import kinds, new_database, opened
from tests.bench.figures import Figure
from tests.bench.filling import Copies, fill
from tests.bench.tools import Options
from tests.fakes.clock import FakeClock
from tests.handlers.office import Office, open_office

REPORTS, GOAL_SECONDS = 10_000, 5
FIRST, LAST, AFTER = date(2026, 9, 1), date(2027, 7, 31), datetime(2027, 9, 20, 9, tzinfo=UTC)
MEANS = "One answered case of a pupil, copied until there are so many: rounded, checked, kept; then PDF, XLSX, CSV and HTML."


async def measure(options: Options) -> list[Figure]:
    """On each database."""
    found = []
    for kind in await kinds():
        with tempfile.TemporaryDirectory() as name:
            async with new_database(kind, Path(name)) as url:
                database = opened(url)
                async with open_office(database, FakeClock()) as office:
                    await _fill(office, url, options.of(REPORTS, 200))
                    began = time.perf_counter()
                    await _made(office, Path(name))
                    took = time.perf_counter() - began
                await database.close()
        found.append(Figure("governors", f"the yearly report of 10,000, {kind}", took, "s", GOAL_SECONDS, means=MEANS))
    return found


async def _fill(office: Office, url: str, count: int) -> None:
    async with office.ports.store.transaction(office.school, write=False) as records:
        pupil = next(p for p in await records.search_people("bea", 5) if p.kind is Kind.PUPIL)
    case = await office.reports(concern="account_misuse", targets=(f"person:{pupil.id}",))
    await office.works()
    for alert in await office.alerts(case):
        await office.acknowledge("dsl", alert)
    await office.works()
    # A statement that is kept knows the indexes as they were.
    await office.database.engine.dispose()
    await fill(url, Copies(case.id, count - 1, aged=False))


async def _made(office: Office, folder: Path) -> None:
    office.clock.at = AFTER
    await make_due(office.ports, office.school)
    terms, before = await for_governors(office.ports, office.school, FIRST, LAST)
    assert len(terms) == 3
    write_report(report_of(office.school, terms, before, LAST), folder / "out", "year")
