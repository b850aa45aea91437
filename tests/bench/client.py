"""The load client, a process of its own: it reads a job from its input, sends it, and prints when what was answered.

What it sends is made and signed beforehand, so that while it sends it does little else. All times are of the clock that every
process of a machine shares.
"""

import asyncio
import gc
import json
import random
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TypeAlias
from urllib.parse import urlsplit

from bot.serve import new_loop
from tests.bench.sent_by_slack import SCHOOLS, TEACHERS, command, screens, signed, teacher, team
from tests.bench.wire import Caller, WireError, request_bytes

QUESTIONS = Path(__file__).parents[1] / "policies" / "questions"
BETWEEN_SCREENS_SECONDS = 2.0
_PATIENCE = 30.0


@dataclass(frozen=True, slots=True)
class Job:
    """What is to be sent, spread over the addresses.

    With `seconds` so many `reports` and `questions` are sent over that time, whatever the answers do. Without, the reports are
    sent as fast as they are answered, so many at a time; `receipts` says whether an answer must name a report.
    Each school has the next of the `policies`.
    """

    urls: Sequence[str]
    reports: int
    questions: int = 0
    seconds: float = 0.0
    in_flight: int = 16
    answer_to: str = ""
    policies: Sequence[str] = ()
    receipts: bool = True


@dataclass(slots=True)
class Sent:
    """What came of it. Times in seconds; `asked` says when each question was due to be sent.

    `told`: when those were answered that were answered in their acknowledgement.
    """

    took: float = 0.0
    first: list[float] = field(default_factory=list)
    second: list[float] = field(default_factory=list)
    acknowledged: list[float] = field(default_factory=list)
    asked: dict[str, float] = field(default_factory=dict)
    told: dict[str, float] = field(default_factory=dict)
    behind: list[float] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)


Request: TypeAlias = tuple[tuple[str, int], bytes]
"""Where to, and all of its bytes."""


async def run(job: Job) -> Sent:
    """Does the job in this process."""
    chance = random.Random(2026)
    sent = Sent()
    who = [(chance.randrange(SCHOOLS), chance.randrange(TEACHERS)) for _ in range(job.reports)]
    reports = [[_request(job, n, body) for body in screens(user=teacher(*w), team=team(w[0]))] for n, w in enumerate(who)]
    questions = _questions(job, chance)
    gc.collect()
    gc.freeze()
    caller = Caller(_PATIENCE)
    if job.seconds:
        await _at_their_times(job, caller, reports, questions, chance, sent)
    else:
        await _as_fast_as_answered(job, caller, reports, sent)
    caller.close()
    return sent


def _request(job: Job, number: int, body: str) -> Request:
    url = f"{job.urls[number % len(job.urls)]}/slack/events"
    parts = urlsplit(url)
    return (str(parts.hostname), parts.port or 80), request_bytes(url, body, signed(body))


def _questions(job: Job, chance: random.Random) -> list[tuple[str, Request]]:
    """Questions from the collections that the answers are tested with, each asked of a school with that policy."""
    asked = [
        [json.loads(line)["q"] for line in (QUESTIONS / f"{policy}.jsonl").read_text().splitlines()] for policy in job.policies
    ]
    found = []
    for n in range(job.questions):
        school, key = chance.randrange(SCHOOLS), f"q{n}"
        text = f"ask {chance.choice(asked[school % len(asked)])}"
        user = teacher(school, chance.randrange(TEACHERS))
        body = command(text, user=user, team=team(school), answer_to=f"{job.answer_to}/{key}")
        found.append((key, _request(job, n, body)))
    return found


async def _as_fast_as_answered(job: Job, caller: Caller, reports: Sequence[Sequence[Request]], sent: Sent) -> None:
    waiting = iter(reports)

    async def sender() -> None:
        for first, second in waiting:
            for request, times, right in ((first, sent.first, ""), (second, sent.second, "-20" if job.receipts else "")):
                began = time.monotonic()
                if await _send(caller, request, sent, right) is not None:
                    times.append(time.monotonic() - began)

    began = time.monotonic()
    await asyncio.gather(*(sender() for _ in range(job.in_flight)))
    sent.took = time.monotonic() - began


async def _at_their_times(
    job: Job,
    caller: Caller,
    reports: Sequence[Sequence[Request]],
    questions: Sequence[tuple[str, Request]],
    chance: random.Random,
    sent: Sent,
) -> None:
    """People come when they come: the moments are random, and the same in every run."""
    plan: list[tuple[float, str, Request]] = []
    for first, second in reports:
        at = chance.uniform(0, job.seconds)
        plan += [(at, "first", first), (at + BETWEEN_SCREENS_SECONDS, "second", second)]
    plan += [(chance.uniform(0, job.seconds), key, request) for key, request in questions]
    plan.sort(key=lambda p: p[0])
    times = {"first": sent.first, "second": sent.second}
    under_way: set[asyncio.Task[None]] = set()

    async def send(due: float, what: str, request: Request) -> None:
        sent.behind.append(time.monotonic() - due)
        said = await _send(caller, request, sent, "-20" if what == "second" else "")
        if said is not None:
            times.get(what, sent.acknowledged).append(time.monotonic() - due)
            if said and what in sent.asked:
                sent.told[what] = time.monotonic()

    began = time.monotonic() + 0.2
    for at, what, request in plan:
        due = began + at
        if what not in times:
            sent.asked[what] = due
        if (wait := due - time.monotonic()) > 0:
            await asyncio.sleep(wait)
        task = asyncio.create_task(send(due, what, request))
        under_way.add(task)
        task.add_done_callback(under_way.discard)
    if under_way:
        await asyncio.wait(under_way)
    sent.took = time.monotonic() - began


async def _send(caller: Caller, request: Request, sent: Sent, right: str) -> str | None:
    """The answer; None if it failed."""
    try:
        status, body = await caller.send(*request)
    except (WireError, TimeoutError, OSError) as no:
        sent.failed.append(type(no).__name__)
        return None
    text = body.decode()
    if status != 200 or right not in text or '"errors"' in text:
        sent.failed.append(f"{status} {text[:200]}")
        return None
    return text


async def send_apart(job: Job) -> Sent:
    """Does the job in a process of its own."""
    root = Path(__file__).parents[2]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.bench.client", cwd=root, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    out, _ = await process.communicate(json.dumps(asdict(job)).encode())
    assert process.returncode == 0, "the load client broke"
    return Sent(**json.loads(out))


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=new_loop) as runner:
        print(json.dumps(asdict(runner.run(run(Job(**json.load(sys.stdin)))))))
