"""Policy answers: how long one takes in process, and how long the packs of every school take to load."""

import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path

from domain.language import plain_words, stem
from storage.answering import learnt, load_engine
from storage.policy_files import load_policy, policy_ids

QUESTIONS = Path(__file__).parents[1] / "policies" / "questions"


def measure(rounds: int) -> None:
    """Prints load and answering times, beside the floor of only cutting the same questions into stems."""
    loads = []
    for _ in range(rounds):
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
    ours = [_times(lambda a: engines[a[0]].understand(a[1]), asked) for _ in range(rounds)]
    floor = [_times(lambda a: [stem(word) for word in plain_words(a[1])], asked) for _ in range(rounds)]
    middle, tail = (statistics.median(times[int(len(times) * share)] for times in ours) * 1e3 for share in (0.5, 0.99))
    least = statistics.median(times[len(times) // 2] for times in floor) * 1e3
    print(f"{len(policies)} policies' answers loaded in {statistics.median(loads):.2f} s   goal: <= 0.5 s")
    print(f"a question       median {middle:.2f} ms, p99 {tail:.2f} ms   goal: <= 1 ms, <= 5 ms")
    print(f"only its stems   median {least:.3f} ms; an answer takes {middle / least:.0f} x that\n")


def _times(work: Callable[[tuple[str, str]], object], asked: list[tuple[str, str]]) -> list[float]:
    times = []
    for one in asked:
        began = time.perf_counter()
        work(one)
        times.append(time.perf_counter() - began)
    return sorted(times)
