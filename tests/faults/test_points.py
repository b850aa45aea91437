"""The points at which a process can be killed: each is in the program and is reached, and without a plan none does anything."""

import re
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from storage import fault_points
from storage.fault_points import FaultPoint
from tests.fakes.clock import FakeClock
from tests.story.slack_stage import slack_stage

PROGRAM = Path(__file__).parents[2]
KIND = {"concern": "grooming", "about": "pupil", "danger": "no"}
DETAILS = {"what": "A stranger asked her to move to another app"}


@pytest.fixture
def passed() -> Iterator[Counter[FaultPoint]]:
    """How often each point was passed."""
    found: Counter[FaultPoint] = Counter()

    def count(point: FaultPoint) -> None:
        found[point] += 1

    fault_points.watch(count)
    yield found
    fault_points.watch(None)


def test_the_points_in_the_program_are_those_of_the_list() -> None:
    """No point is in the list alone, and none is passed that the list does not know."""
    found: set[str] = set()
    for package in ("bot", "storage", "handlers", "cards", "domain"):
        for file in (PROGRAM / package).rglob("*.py"):
            if file.name != "fault_points.py":
                found |= set(re.findall(r"FaultPoint\.([A-Z_]+)", file.read_text()))
    assert found == {point.name for point in FaultPoint}


async def test_a_report_that_climbs_and_is_acknowledged_passes_every_point(
    database_url: str, tmp_path: Path, clock: FakeClock, passed: Counter[FaultPoint]
) -> None:
    """So a run that kills at each of them in turn kills at every step of a report's way."""
    async with slack_stage(database_url, tmp_path, clock) as stage:
        reference = await stage.reports("teacher", KIND, DETAILS)
        await stage.expects("dsl", reference)
        clock.advance(hours=2)
        await stage.expects("deputy", reference)
        await stage.press("dsl", "Acknowledge", reference)
        await stage.expects("teacher", reference, "taken on")
        await stage.settled()
    assert set(passed) == set(FaultPoint)


def test_the_process_ends_at_the_passage_that_was_planned() -> None:
    """It is killed as by the system: nothing of its own is run on the way out."""
    steps = (
        "reach(FaultPoint.BEFORE_SEND); print('once', flush=True); reach(FaultPoint.AFTER_SEND); reach(FaultPoint.BEFORE_SEND)"
    )
    program = f"from storage.fault_points import *; arm('kill:before_send:2'); {steps}; print('never')"
    ended = subprocess.run(
        [sys.executable, "-c", program], cwd=PROGRAM, capture_output=True, text=True, check=False, timeout=20
    )
    assert (ended.returncode, ended.stdout) == (-signal.SIGKILL, "once\n")


@pytest.mark.parametrize("plan", ["kill", "kill:nowhere:1", "kill:before_send:0", "kill:before_send:x", "stop:before_send:1"])
def test_what_is_no_plan_is_refused(plan: str) -> None:
    """A plan that does nothing would prove nothing."""
    with pytest.raises(ValueError, match="ESAFETY_FAULTS is for tests"):
        fault_points.arm(plan)


def test_without_a_plan_nothing_happens() -> None:
    """As in every program that serves a school."""
    assert not fault_points.arm("")
    for point in FaultPoint:
        fault_points.reach(point)
