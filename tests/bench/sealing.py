"""What sealing and the audit cost a report: the same reports with them and without, in turns, in one run."""

import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

from storage import records
from storage.sealing import Key
from tests.bench.databases import kinds, new_database, opened
from tests.bench.figures import Figure
from tests.bench.tools import Options
from tests.fakes.clock import FakeClock
from tests.handlers.office import Office, open_office

GOAL = 25
MEANS = (
    "A report in process, from the form to its commit: with its texts and names sealed, committed to and noted in the audit's"
    " chain, and without any of it (the floor). In turns, 25 at a time, the median of each."
)


async def measure(options: Options) -> list[Figure]:
    """On each database."""
    found = []
    for kind in await kinds():
        with tempfile.TemporaryDirectory() as name:
            async with new_database(kind, Path(name)) as url:
                database = opened(url)
                async with open_office(database, FakeClock()) as office:
                    with_it, without = await _in_turns(office, options.of(24, 2), options.of(25, 3))
                await database.close()
        share = (with_it / without - 1) * 100
        found += [
            Figure(
                "sealing", f"a report, sealed and noted, {kind}", with_it * 1e3, "ms", floor=without * 1e3, floor_name="neither"
            ),
            Figure("sealing", f"of a report, sealing and audit cost, {kind}", share, "%", GOAL, means=MEANS),
        ]
    return found


async def _in_turns(office: Office, turns: int, at_a_time: int) -> tuple[float, float]:
    with_it, without = [], []
    await _seconds(office, at_a_time)
    for _ in range(turns):
        with_it.append(await _seconds(office, at_a_time))
        with _neither():
            without.append(await _seconds(office, at_a_time))
    return statistics.median(with_it), statistics.median(without)


async def _seconds(office: Office, count: int) -> float:
    began = time.perf_counter()
    for _ in range(count):
        await office.reports(targets_typed="Bea Exemplar")
    return (time.perf_counter() - began) / count


@contextmanager
def _neither() -> Iterator[None]:
    """Nothing is encrypted, nothing is committed to, and no entry is made."""

    async def no_entry(*_: object) -> None:
        return None

    opened_before = Key.open

    def as_it_is(_key: Key, content: bytes, _where: bytes) -> bytes:
        return b"\0" + content

    def opened_if_sealed(key: Key, envelope: bytes, where: bytes) -> bytes:
        return opened_before(key, envelope, where) if envelope[0] else envelope[1:]

    def no_mark(_key: Key, _what: bytes) -> bytes:
        return bytes(32)

    with (
        patch.object(records, "add_entry", no_entry),
        patch.object(Key, "seal", as_it_is),
        patch.object(Key, "open", opened_if_sealed),
        patch.object(Key, "mark", no_mark),
    ):
        yield
