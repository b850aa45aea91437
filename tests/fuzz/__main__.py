"""Lets it loose: `make fuzz`, or with --short the form that CI runs. A run can be repeated by its seed."""

import argparse
import asyncio
import json
import logging
import re
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import SystemRandom
from tempfile import TemporaryDirectory

from storage.trouble import IN_WORDS, Trouble
from tests.fuzz.hostile import Hostile, Shot
from tests.fuzz.mutation import CANARY
from tests.fuzz.raw_http import Answer, Wire
from tests.fuzz.world import PLANTED, World, forget, world

DATABASES = ("sqlite", "postgresql")
LONG, SHORT = 51_000, 1_000
"""Requests to each database."""
_UNPROVEN_SHARE = 0.7
_IN_FLIGHT = 12
_LOOKED_THROUGH_EVERY = 300
_MOST_SHOWN = 10
_HERE = str(Path(__file__).parents[2])
_OF_THE_INSIDE = (
    "Traceback",
    'File "',
    _HERE,
    "site-packages",
    ".py:",
    '.py"',
    "sqlalchemy",
    "asyncpg",
    "sqlite3",
    "slack_bolt",
)
"""What tells of the program's inside: none of it may be in an answer."""
_NOT_IMPLEMENTED, _UNAVAILABLE = 501, 503
_LINE = re.compile(r"^\d{4}-\d\d-\d\dT[\d:.]+Z ", re.MULTILINE)
_BUSY = f"DatabaseTroubleError ({Trouble.BUSY})"
"""How the log names a database that others are writing to: no failure, if whoever asked was told to ask again."""
_BUSY_SHARE = 0.02
"""Of the requests. More often than that the program does not serve anybody, however politely it says so."""


@dataclass(slots=True)
class Findings:
    """What came of it."""

    sent: Counter[str] = field(default_factory=Counter)
    statuses: Counter[int] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    unavailable: list[str] = field(default_factory=list)
    """What was answered that it cannot be had now: the log must say why."""
    busy: int = 0
    seconds: float = 0.0

    def fault(self, what: str) -> None:
        self.faults.append(what)

    def judge(self, shot: Shot, answer: Answer) -> None:
        """Holds one answer to what every answer must be."""
        self.sent[shot.what] += 1
        self.statuses[answer.status] += 1
        asked = shot.data[:3000]
        if answer.status == _UNAVAILABLE and IN_WORDS[Trouble.BUSY] not in answer.body:
            self.unavailable.append(f"{answer.status} for {shot.what}: {answer.body[:300]!r}, asked with {asked!r}")
        elif (
            answer.status >= 500
            and answer.status != _UNAVAILABLE
            and not (answer.status == _NOT_IMPLEMENTED and shot.what.startswith("teams"))
        ):
            self.fault(f"{answer.status} for {shot.what}: {answer.body[:300]!r}, asked with {asked!r}")
        if not answer.status and shot.what != "anywhere":
            self.fault(f"no answer at all for {shot.what}, asked with {asked!r}")
        said = answer.text
        for word in (*PLANTED, *(w for w in _OF_THE_INSIDE if w.encode() not in shot.data)):
            if word in said:
                self.fault(f"{word} in the answer to {shot.what}: {said[:2000]!r}, asked with {asked!r}")

    def look_through_log(self, log: str) -> None:
        """Holds the log to it: no word of what was sent, and no failure but that the database was busy for a moment."""
        for word in (*PLANTED, CANARY):
            if word in log:
                self.fault(f"{word} is in the log: {next(line for line in log.splitlines() if word in line)[:300]}")
        # What fails after an answer nobody is told of, so that the log is where it shows.
        for entry in _LINE.split(log):
            if entry.startswith(("ERROR ", "CRITICAL ")) or "Traceback (most recent call last)" in entry:
                if _BUSY in entry:
                    self.busy += 1
                else:
                    self.fault(f"the log tells of a failure: {' | '.join(entry.splitlines())[:1500]}")
        if len(self.unavailable) > self.busy:
            for what in self.unavailable:
                self.fault(f"{what}, and the log does not say why")
        if self.busy > max(_BUSY_SHARE * sum(self.sent.values()), 1):
            self.fault(f"the database was busy {self.busy:,} times")


async def _send(here: World, make: Callable[[], Shot], count: int, found: Findings) -> None:
    """So many requests, some at a time. What the program tells its chats meanwhile is looked through and let go of."""
    left = iter(range(count))

    async def sender() -> None:
        wire = Wire(here.port)
        for n in left:
            shot = make()
            found.judge(shot, await wire.ask(shot.data))
            if n % _LOOKED_THROUGH_EVERY == 0:
                _look_through(here, found)
        await wire.close()

    await asyncio.gather(*(sender() for _ in range(_IN_FLIGHT)))
    await here.at_rest()
    _look_through(here, found)


def _look_through(here: World, found: Findings) -> None:
    """Nothing that was planted is in what the chats were given to show: no message of the bot holds a name or a story."""
    slack = [(call.method, call.arguments) for call in here.slack.calls]
    teams = [(call.kind, call.body) for call in here.teams.calls]
    for what, said in (*slack, *teams, *(("message", message.as_payload()) for message in here.slack.posted)):
        told = json.dumps(said, default=str)
        for word in PLANTED:
            if word in told:
                found.fault(f"{word} was told to a chat by {what}: {told[:1000]}")
    forget(here)


async def _attack(kind: str, count: int, seed: int) -> Findings:
    found, began = Findings(), time.monotonic()
    with TemporaryDirectory(prefix="esafety-fuzz-") as folder:
        async with world(kind, Path(folder)) as here:
            hostile = Hostile(here, f"{seed} {kind}")
            unproven = int(count * _UNPROVEN_SHARE)
            noted, before = await here.noted(), await here.digest()
            await _send(here, hostile.unproven, unproven, found)
            after = await here.digest()
            for table in before:
                if before[table] != after[table]:
                    counts = f"{before[table][0]} rows before, {after[table][0]} after"
                    found.fault(f"{table} was changed by requests that proved nothing ({counts})")
            found.faults += [f"a request that proved nothing had it noted: {entry}" for entry in await here.noted() - noted]
            planted = await here.planted_case()
            await _send(here, hostile.proven, count - unproven, found)
            for table, rows in (await here.planted_case()).items():
                if rows != planted[table]:
                    found.fault(f"{table}: the planted case was changed by somebody without a right")
            found.look_through_log(here.log.read_text(errors="replace"))
    found.seconds = time.monotonic() - began
    return found


def _told(kind: str, found: Findings) -> None:
    total = sum(found.sent.values())
    statuses = ", ".join(f"{status or 'closed'} {count:,}" for status, count in sorted(found.statuses.items()))
    busy = f"; the database was busy {found.busy:,} times" if found.busy else ""
    print(f"{kind}: {total:,} requests of {len(found.sent)} kinds in {found.seconds:.0f} s ({statuses}){busy}")
    for fault in list(dict.fromkeys(found.faults))[:_MOST_SHOWN]:
        print(f"  FAULT {fault}")
    if len(found.faults) > _MOST_SHOWN:
        print(f"  ... and {len(found.faults) - _MOST_SHOWN:,} more")
    sys.stdout.flush()


async def _run(databases: list[str], count: int, seed: int) -> bool:
    print(f"seed {seed}", flush=True)
    found = []
    for kind in databases:
        found.append(await _attack(kind, count, seed))
        _told(kind, found[-1])
    faults = sum(len(one.faults) for one in found)
    total = sum(sum(one.sent.values()) for one in found)
    if not faults:
        print(
            f"{total:,} requests: no failure, no name and no story told, nothing of the inside shown, and without a good proof"
            " not a row changed"
        )
    return not faults


def main() -> int:
    """Runs it; 1 where anything was found."""
    parser = argparse.ArgumentParser(prog="make fuzz", description=__doc__)
    parser.add_argument("--short", action="store_true", help=f"{SHORT:,} requests to each database instead of {LONG:,}")
    parser.add_argument("--requests", type=int, help="so many to each database")
    parser.add_argument("--seed", type=int, help="the seed of an earlier run")
    parser.add_argument("--database", choices=DATABASES, action="append", help="only this one; may be given again")
    asked = parser.parse_args()
    logging.disable(logging.CRITICAL)
    count = asked.requests or (SHORT if asked.short else LONG)
    seed = asked.seed if asked.seed is not None else SystemRandom().randrange(10**6)
    return 0 if asyncio.run(_run(asked.database or list(DATABASES), count, seed)) else 1


if __name__ == "__main__":
    sys.exit(main())
