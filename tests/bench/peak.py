"""The peak of all 24,000 schools of England: reports and questions together, each sent at its time whatever the answers do."""

import asyncio
import re
import time
from collections.abc import Iterable
from datetime import UTC, datetime

import aiohttp

from bot.metrics import PATH
from storage.outbox import Outbox
from storage.policy_files import policy_ids
from tests.bench.client import Job, Sent, send_apart
from tests.bench.databases import moment, opened, rows
from tests.bench.figures import Figure
from tests.bench.tools import Options, cpu_seconds, share
from tests.bench.trust import ON_POSTGRESQL, ONE_ON_SQLITE, Shape, Trust, in_each_shape

REPORTS_A_SECOND, QUESTIONS_A_SECOND = 40, 400
LATE_SECONDS = 1.0
_EMPTY_WITHIN_SECONDS = 300.0
SHAPES = (ONE_ON_SQLITE, ON_POSTGRESQL[2])
SENT = (
    "40 reports (two screens two seconds apart) and 400 questions (`/esafety ask`) a second, at random moments, from 1,000"
    " teachers of 25 schools, five of each policy. Their questions are those that the policies' answers are tested with. Times"
    " run from the moment at which a request was due to be sent: to the receipt for a report, and for a question to the arrival"
    " of the answer itself, which Slack is sent after the acknowledgement, or to the word that it is put off. Late is what took"
    " more than a second."
)
LIMITS = (
    "The alerts go to 25 channels, 25 leads and the reporters, to eight places at once by each process; the Slack beside it"
    " takes every message at once. Client, Slack and database share the processors with the bot."
)


async def measure(options: Options) -> list[Figure]:
    """The peak on both databases."""
    return await in_each_shape(SHAPES, lambda schools, shape: _peak(options, schools, shape))


async def _peak(options: Options, schools: Trust, shape: Shape) -> list[Figure]:
    schools.slack.taken.clear()
    schools.slack.answered.clear()
    seconds, part = (3.0, 0.1) if options.quick else (options.seconds, 1.0)
    reports, questions = (int(n * seconds * part) for n in (REPORTS_A_SECOND, QUESTIONS_A_SECOND))
    async with schools.at_work(shape) as (url, bots):
        await send_apart(Job(list(bots), 20))
        await _until_empty(url)
        since, before = datetime.now(UTC), sum(map(cpu_seconds, bots.values()))
        answer_to = schools.slack.base_url.replace("/api/", "/response")
        sent = await send_apart(Job(list(bots), reports, questions, seconds, answer_to=answer_to, policies=policy_ids()))
        emptied = await _until_empty(url)
        spent = sum(map(cpu_seconds, bots.values())) - before
        put_off = await _put_off(bots)
        kept = {reference: at for reference, at in (await _reported(url)).items() if at >= since}
    assert len(kept) >= len(sent.second), f"{len(kept)} reports are kept, and {len(sent.second)} have a receipt"
    put_off_figure = Figure("peak", f"questions that were put off, {shape}", put_off, "", 0)
    return [*_figures(schools, shape, sent, kept, emptied, spent), put_off_figure]


async def _put_off(urls: Iterable[str]) -> int:
    """How many were told to ask again later: an answer for whoever counts answers, and none for whoever asked."""
    found = 0.0
    async with aiohttp.ClientSession() as session:
        for url in urls:
            async with session.get(f"{url}{PATH}") as metrics:
                said = re.search(r'^esafety_answers_total\{verdict="put_off"\} (\S+)$', await metrics.text(), re.MULTILINE)
            found += float(said[1]) if said else 0.0
    return int(found)


def _figures(schools: Trust, shape: Shape, sent: Sent, kept: dict[str, datetime], emptied: float, spent: float) -> list[Figure]:
    answered = schools.slack.answered | sent.told
    answers = [answered[key] - due for key, due in sent.asked.items() if key in answered]
    failed = len(sent.failed) + len(sent.asked) - len(answers)
    for why in sent.failed[:3]:
        print("failed:", why)
    waits = [*sent.second, *answers]
    late = sum(w > LATE_SECONDS for w in (*sent.first, *waits))
    alerts = _first_alerts(schools, kept)
    unalerted = len(kept) - len(alerts)
    return [
        Figure("peak", f"answers and receipts, median, {shape}", share(waits, 0.5) * 1e3, "ms", means=SENT),
        Figure("peak", f"answers and receipts, p99, {shape}", share(waits, 0.99) * 1e3, "ms", 100, means=LIMITS),
        Figure("peak", f"receipts, p99, {shape}", share(sent.second, 0.99) * 1e3, "ms"),
        Figure("peak", f"answers, p99, {shape}", share(answers, 0.99) * 1e3, "ms"),
        Figure("peak", f"first screens, p99, {shape}", share(sent.first, 0.99) * 1e3, "ms"),
        Figure("peak", f"acknowledgements of questions, p99, {shape}", share(sent.acknowledged, 0.99) * 1e3, "ms"),
        Figure("peak", f"late, {shape}", late, "", 0),
        Figure("peak", f"failed, {shape}", failed, "", 0),
        Figure("peak", f"the client itself was behind, p99, {shape}", share(sent.behind, 0.99) * 1e3, "ms"),
        Figure("peak", f"outbox empty after, {shape}", emptied, "s"),
        Figure("peak", f"first alert, p99, {shape}", share(alerts, 0.99), "s"),
        Figure("peak", f"first alert, the slowest, {shape}", max(alerts, default=0.0), "s"),
        Figure("peak", f"reports without an alert, {shape}", unalerted, "", 0),
        Figure("peak", f"processor a request, {shape}", spent / (2 * len(kept) + len(sent.asked)) * 1e3, "ms"),
        Figure("peak", f"processors that the bot kept busy, {shape}", spent / (sent.took + emptied), ""),
    ]


async def _reported(url: str) -> dict[str, datetime]:
    kept = await rows(url, "SELECT reference, reported_at FROM incidents")
    return {str(reference): moment(at) for reference, at in kept}


def _first_alerts(schools: Trust, kept: dict[str, datetime]) -> list[float]:
    """How long each report waited for the first message to somebody other than its reporter."""
    first: dict[str, datetime] = {}
    for post in schools.slack.posts():
        if "T" not in post.place[2:]:
            first.setdefault(post.reference, post.at)
    return [(first[reference] - at).total_seconds() for reference, at in kept.items() if reference in first]


async def _until_empty(url: str) -> float:
    """Waits until nothing is due any more. How many seconds that took."""
    began = time.monotonic()
    database = opened(url)
    outbox = Outbox(database)
    try:
        while time.monotonic() - began < _EMPTY_WITHIN_SECONDS:
            if not await outbox.has_due(datetime.now(UTC)):
                return time.monotonic() - began
            await asyncio.sleep(0.05)
    finally:
        await database.close()
    raise AssertionError("the outbox is never empty")
