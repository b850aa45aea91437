"""Two thousand of the staff are told what to sign, in the middle of a school day, while concerns are reported."""

import tempfile
import time
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

from domain.messages import AlertMessage, SigningMessage
from domain.people import Kind, Person
from handlers import agreements
from storage.store import Store
from tests.bench.databases import kinds, new_database, opened
from tests.bench.figures import Figure
from tests.bench.tools import Options, share
from tests.fakes.clock import FakeClock
from tests.handlers.office import Office, open_office

STAFF, ALERTS, A_MINUTE = 2_000, 60, 60
STEP = timedelta(seconds=1)
MEANS = (
    "The handlers and the worker on a clock that the run moves second by second, with a messenger that takes a message at once."
    " An alert is timed by the machine's clock, from before its report to after the round that posts it: while reminders are on"
    " their way, and with none."
)


async def measure(options: Options) -> list[Figure]:
    """On each database."""
    found: list[Figure] = []
    staff, alerts = options.of(STAFF, 70), options.of(ALERTS, 4)
    for kind in await kinds():
        with tempfile.TemporaryDirectory() as name:
            async with new_database(kind, Path(name)) as url:
                database = opened(url)
                async with open_office(database, FakeClock()) as demo:
                    office = demo.at(replace(demo.school, signs=True))
                    await _join(office, staff)
                    alone = [await _alerted(office) for _ in range(alerts)]
                    told, among = await _told(office, alerts)
                await database.close()
        took = (max(told) - min(told)).total_seconds() / 60
        found += [
            Figure("signing", f"people told, {kind}", float(len(told)), "people", means=MEANS),
            Figure("signing", f"minutes that took, {kind}", took, "min"),
            Figure(
                "signing", f"most in any minute, {kind}", float(_most(told)), "messages", float(agreements.MOST_A_MINUTE + 1)
            ),
            *(
                Figure(
                    "signing",
                    f"an alert meanwhile, {part}, {kind}",
                    share(among, of) * 1e3,
                    "ms",
                    floor=share(alone, of) * 1e3,
                    floor_name="the same with no reminder on its way",
                    means=MEANS,
                )
                for part, of in (("median", 0.5), ("p99", 0.99))
            ),
        ]
    return found


async def _join(office: Office, count: int) -> None:
    """That many come onto the staff list."""
    people = [Person(f"new-{n}", Kind.STAFF, f"Colleague {n}", f"c{n}@demo.example") for n in range(count)]
    async with Store(office.database).transaction(office.school) as records:
        await records.save_people([(p.email, p, True) for p in people])


async def _alerted(office: Office) -> float:
    """Somebody reports, and the next round posts the alert: how long that took, in seconds."""
    posted, began = _alerts(office), time.perf_counter()
    await office.reports()
    while _alerts(office) == posted:
        await office.worker.round()
    return time.perf_counter() - began


def _alerts(office: Office) -> int:
    return sum(isinstance(m, AlertMessage) for _, m in office.post.sent)


async def _told(office: Office, alerts: int) -> tuple[list[datetime], list[float]]:
    """When each was told, by the moved clock; and how long alerts took meanwhile, one every few seconds."""
    assert await agreements.look(office.ports, office.school)
    told, took, seen, second = list[datetime](), list[float](), len(office.post.sent), 0
    idle = 0
    while idle < 2 * A_MINUTE:
        if second % A_MINUTE == 0:
            await agreements.ring(office.ports, office.school)
        if second % 4 == 0 and len(took) < alerts:
            took.append(await _alerted(office))
        await office.worker.round()
        new = [m for _, m in office.post.sent[seen:] if isinstance(m, SigningMessage)]
        seen = len(office.post.sent)
        told += [office.clock.now() for _ in new]
        idle = 0 if new else idle + 1
        second += 1
        office.clock.advance(seconds=STEP.total_seconds())
    return told, took


def _most(told: list[datetime]) -> int:
    """The most in any sixty seconds."""
    assert all(a <= b for a, b in pairwise(told))
    first, most = 0, 0
    for last, at in enumerate(told):
        while told[first] <= at - timedelta(seconds=A_MINUTE):
            first += 1
        most = max(most, last - first + 1)
    return most
