"""What sealing and the audit cost a report: the same reports with them and without, in turns, in one run."""

import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

from storage import case_records, records, sealed
from storage import tables as t
from storage.sealing import KEY_BYTES, Key
from tests.bench.databases import kinds, new_database, opened
from tests.bench.figures import Figure
from tests.bench.tools import Options
from tests.fakes.clock import FakeClock
from tests.handlers.office import Office, open_office

GOAL = 25
_PLAIN = b"\0"
"""What stands before what was not encrypted. An envelope begins with its version, which is another."""
MEANS = (
    "A report in process, from the form to its commit: with a key of its own, its texts and names sealed, the marks by which a"
    " name is found, what was written, who reported it and who is kept out committed to, and noted in the audit's chain; and"
    " without any of it (the floor). In turns, 25 at a time, the median of each."
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
    await _holds(office, at_a_time * (turns + 1), at_a_time * turns)
    return statistics.median(with_it), statistics.median(without)


async def _seconds(office: Office, count: int) -> float:
    began = time.perf_counter()
    for _ in range(count):
        await office.reports(targets=("text:Rory Placeholder",))
    return (time.perf_counter() - began) / count


async def _holds(office: Office, with_it: int, without: int) -> None:
    """Each kind was what it is called: otherwise something new of sealing or the audit is on both sides, and costs nothing."""
    noted = await office.rows(t.audit, t.audit.c.action == "incident.reported")
    marked = {row.incident_id for row in await office.rows(t.typed_names)}
    plain = {row.incident_id for row in await office.rows(t.incident_texts) if row.sealed.startswith(_PLAIN)}
    assert len(noted) == len(marked) == with_it
    assert all(entry.data[what] for entry in noted for what in ("texts", "reporter", "shut_out"))
    assert len(plain) == without
    assert not plain & marked


@contextmanager
def _neither() -> Iterator[None]:
    """No key is made, nothing is encrypted, marked or committed to, and no entry is made."""
    one_for_all = Key(bytes(KEY_BYTES))

    async def no_entry(*_: object) -> None:
        return None

    opened_before = Key.open

    def as_it_is(_key: Key, content: bytes, _where: bytes) -> bytes:
        return _PLAIN + content

    def opened_if_sealed(key: Key, envelope: bytes, where: bytes) -> bytes:
        return opened_before(key, envelope, where) if envelope[0] else envelope[1:]

    def no_commitment(_key: Key, _what: list[object]) -> str:
        return ""

    with (
        patch.object(records, "add_entry", no_entry),
        patch.object(Key, "seal", as_it_is),
        patch.object(Key, "open", opened_if_sealed),
        patch.object(Key, "new", lambda: one_for_all),
        patch.object(sealed, "_commitment", no_commitment),
        patch.object(case_records, "words_to_find", lambda _name: ()),
    ):
        yield
