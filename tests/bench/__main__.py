"""Measures, and prints each figure beside its floor and its goal. Numbers depend on the machine; the ratios are what counts.

python -m tests.bench                       everything, one after the other
python -m tests.bench delivery peak         some of it
python -m tests.bench --write               writes docs/performance.md and its picture too
python -m tests.bench desk --write          the same for one part: what is known of the others stays
python -m tests.bench --quick               tiny, to try the measurements themselves
"""

import argparse
import asyncio
import signal
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from tests.bench import (
    answers,
    asked_for,
    delivery,
    desk,
    figures,
    governors,
    peak,
    scale,
    sealing,
    signing,
    slack,
    teams,
    throughput,
)
from tests.bench.figures import Figure
from tests.bench.tools import Options


@dataclass(frozen=True, slots=True)
class Part:
    """One measurement."""

    title: str
    measure: Callable[[Options], Awaitable[list[Figure]]]


PARTS: Mapping[str, Part] = {
    "answers": Part("Policy answers", answers.measure),
    "starts": Part("Starting", slack.starts),
    "help": Part("A request through Slack's endpoint", slack.help_command),
    "reports": Part("A report's second screen", slack.reports),
    "sealing": Part("Sealing and the audit", sealing.measure),
    "teams": Part("Microsoft Teams", teams.measure),
    "delivery": Part("From a report to its first alert", delivery.measure),
    "throughput": Part("Reports a second", throughput.measure),
    "peak": Part("The peak of all the schools of England", peak.measure),
    "governors": Part("Figures for governors", governors.measure),
    "desk": Part("A lead's desk", desk.measure),
    "asked_for": Part("What staff ask for", asked_for.measure),
    "signing": Part("What staff sign", signing.measure),
    "scale": Part("With a million incidents", scale.measure),
}


async def main(names: list[str], options: Options, *, write: bool) -> None:
    """Runs the parts, and shows what each has found as soon as it has."""
    print(f"{figures.machine()}\n")
    found: dict[str, list[Figure]] = {}
    for name in names:
        print(f"{PARTS[name].title} ({name})", flush=True)
        found[name] = await PARTS[name].measure(options)
        figures.show(found[name])
        if write:
            # One by one: a part that takes long, or is stopped, takes nothing of the others with it.
            figures.write({name: found[name]}, {name: part.title for name, part in PARTS.items()})
    every = [f for own in found.values() for f in own]
    missed = [f.name for f in every if f.met is False]
    print(f"{sum(f.met is True for f in every)} goals met, {len(missed)} missed" + "".join(f"\n  {name}" for name in missed))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description="Measures, beside floors and goals.")
    parser.add_argument(
        "parts", nargs="*", choices=[*PARTS, []], metavar="part", help=f"one of {', '.join(PARTS)}; default all"
    )
    parser.add_argument("--write", action="store_true", help="write docs/performance.md and its picture")
    parser.add_argument("--quick", action="store_true", help="tiny sizes: to try the measurements, not to measure")
    parser.add_argument("--seconds", type=float, default=60.0, help="how long the peak lasts")
    parser.add_argument("--incidents", type=int, default=1_000_000, help="how many there are where there are many")
    given = parser.parse_args()
    if given.quick and given.write:
        parser.error("--quick measures nothing that is worth keeping: leave out --write")
    # Ended from outside it still ends what it has started, and drops its databases.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    options = Options(given.quick, given.seconds, given.incidents)
    asyncio.run(main(given.parts or list(PARTS), options, write=given.write))
