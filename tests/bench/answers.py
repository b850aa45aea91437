"""Policy answers: how long one takes in process, and how long the packs of every school take to load."""

import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path

from domain.language import plain_words, stem
from storage.answering import learnt, load_engine
from storage.policy_files import load_policy, policy_ids
from tests.bench.figures import Figure
from tests.bench.tools import Options

QUESTIONS = Path(__file__).parents[1] / "policies" / "questions"


async def measure(options: Options) -> list[Figure]:
    """Load and answering times, beside the floor of only cutting the same questions into stems."""
    loads = []
    for _ in range(options.rounds):
        learnt.cache_clear()
        policies = [load_policy(school) for school in policy_ids()]
        began = time.perf_counter()
        engines = {policy.id: load_engine(policy) for policy in policies}
        loads.append(time.perf_counter() - began)
    asked = [
        (path.stem, json.loads(line)["q"])
        for path in sorted(QUESTIONS.glob("*.jsonl"))
        for line in path.read_text().splitlines()
    ]
    for school, question in asked:
        engines[school].understand(question)
    ours = [_times(lambda a: engines[a[0]].understand(a[1]), asked) for _ in range(options.rounds)]
    floor = [_times(lambda a: [stem(word) for word in plain_words(a[1])], asked) for _ in range(options.rounds)]
    middle, tail = (statistics.median(times[int(len(times) * share)] for times in ours) * 1e3 for share in (0.5, 0.99))
    least = statistics.median(times[len(times) // 2] for times in floor) * 1e3
    means = f"{len(asked)} questions, in process; the floor only cuts them into the stems of their words."
    return [
        Figure("answers", f"{len(policies)} policies' answers loaded", statistics.median(loads), "s", 0.5),
        Figure("answers", "a question, median", middle, "ms", 1, floor=least, floor_name="its stems", means=means),
        Figure("answers", "a question, p99", tail, "ms", 5),
    ]


def _times(work: Callable[[tuple[str, str]], object], asked: list[tuple[str, str]]) -> list[float]:
    times = []
    for one in asked:
        began = time.perf_counter()
        work(one)
        times.append(time.perf_counter() - began)
    return sorted(times)
