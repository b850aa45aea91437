"""The fuzzer sees what it looks for: planted into an answer, each kind of fault is found."""

from random import Random

import pytest

from cards import case_changes, chronology, registers
from tests.fuzz.__main__ import Findings
from tests.fuzz.hostile import Shot
from tests.fuzz.known import carried, filled, known
from tests.fuzz.raw_http import Answer, request
from tests.fuzz.world import PLANTED

SHOT = Shot("slack interactive", request("POST", "/slack/events", [("Host", "x")], b"payload=x"))


@pytest.mark.parametrize(
    "answer",
    [
        *(Answer(200, "HTTP/1.1 200 OK", f"and {word} said") for word in PLANTED),
        *(Answer(200, f"X-Said: {word}", "") for word in PLANTED),
        *(Answer(status) for status in (500, 501, 502, 504, 0)),
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


BUSY = (
    "2026-11-21T19:13:45.961Z ERROR   esafety: a form could not be taken\n"
    "  DatabaseTroubleError (busy) at storage/database.py:143 _turn\n"
)


def findings(requests: int = 100) -> Findings:
    """As many requests, well answered."""
    found = Findings()
    for _ in range(requests):
        found.judge(SHOT, Answer(200, "", "{}"))
    return found


def test_a_busy_database_is_told_apart_from_a_failure() -> None:
    """Whoever asked is told to ask again, and the log says why; without that it is a failure like any other."""
    found = findings()
    found.judge(SHOT, Answer(503, "", "{}"))
    found.look_through_log(BUSY)
    assert (found.faults, found.busy) == ([], 1)
    found = findings()
    found.judge(SHOT, Answer(503, "", "{}"))
    found.look_through_log("2026-11-21T19:13:45.961Z INFO    esafety: started\n")
    assert found.faults
    found = findings()
    found.judge(SHOT, Answer(503, "", "not ready\ndatabase: the database is locked by somebody else who writes\n"))
    found.look_through_log("")
    assert found.faults == []


@pytest.mark.parametrize(
    "log",
    [
        "2026-11-21T19:13:45.961Z ERROR   esafety: a form could not be taken\n  KeyError at bot/desk.py:1 submit\n",
        "2026-11-21T19:13:45.961Z CRITICAL esafety: the bot has stopped\n",
        "Traceback (most recent call last):\n",
        BUSY * 4,
        f"2026-11-21T19:13:45.961Z INFO    esafety: {PLANTED[0]}\n",
    ],
)
def test_a_planted_fault_is_found_in_the_log(log: str) -> None:
    """A failure, the end of the program, what a library wrote by itself, a database that is busy all the time, a name."""
    found = findings()
    found.look_through_log(log)
    assert found.faults


def test_it_knows_each_button_and_form() -> None:
    """The newest too, and what they carry: an id is the planted case's, what stands beside it is as the bot would have it."""
    assert {case_changes.SEND_BACK, registers.EXPORT_REGISTER, chronology.SHOW_CHRONOLOGY} <= set(known().buttons)
    assert {case_changes.SEND_BACK_FORM, case_changes.CHANGE_FORM, registers.RECORD_FORM} <= set(known().forms)
    chance, planted = Random(1), ["the case", "a note", "an alert"]
    form = known().forms[case_changes.SEND_BACK_FORM]
    state = carried(chance, form.states, planted[0], planted).split("|")
    assert (state[0], len(state)) == (planted[0], 3)
    assert set(filled(chance, form, planted)) == {"change_reason"}
    changes = {carried(chance, known().forms[case_changes.CHANGE_FORM].states, planted[0], planted) for _ in range(200)}
    assert {"merge", "reclassify", "reopen"} <= {part for state in changes for part in state.split("|")}
