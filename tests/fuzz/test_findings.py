"""The fuzzer sees what it looks for: planted into an answer, each kind of fault is found."""

import pytest

from tests.fuzz.__main__ import Findings
from tests.fuzz.hostile import Shot
from tests.fuzz.raw_http import Answer, request
from tests.fuzz.world import PLANTED

SHOT = Shot("slack interactive", request("POST", "/slack/events", [("Host", "x")], b"payload=x"))


@pytest.mark.parametrize(
    "answer",
    [
        *(Answer(200, "HTTP/1.1 200 OK", f"and {word} said") for word in PLANTED),
        *(Answer(200, f"X-Said: {word}", "") for word in PLANTED),
        *(Answer(status) for status in (500, 501, 502, 503, 504, 0)),
        Answer(400, "", 'Traceback (most recent call last):\n  File "bot/desk.py", line 1'),
        Answer(404, "", "no such file: /usr/lib/python3/site-packages/x"),
    ],
)
def test_a_planted_fault_is_found(answer: Answer) -> None:
    """A failure, no answer at all, a name, a story, a trace, a path."""
    found = Findings()
    found.judge(SHOT, answer)
    assert found.faults


@pytest.mark.parametrize("answer", [Answer(200, "", "{}"), Answer(401), Answer(413), Answer(429)])
def test_a_good_answer_is_none(answer: Answer) -> None:
    """What is refused, or answered with nothing to hide."""
    found = Findings()
    found.judge(SHOT, answer)
    assert found.faults == []
