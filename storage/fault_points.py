"""Where a process is killed to prove that nothing is lost: before and after everything that has to be done once and for all.

`make faults` starts the program with ESAFETY_FAULTS=kill:<point>:<nth>, and it ends itself at that passage as if the power had
failed. Without that variable a point is a look at one name and nothing else.
"""

import os
import re
import signal
from collections import Counter
from collections.abc import Callable
from enum import StrEnum

VARIABLE = "ESAFETY_FAULTS"
_PLAN = re.compile(r"kill:(?P<point>[a-z_]+):(?P<nth>[1-9][0-9]{0,5})")


class FaultPoint(StrEnum):
    """The points, each at a moment when a sudden end could lose or repeat something.

    `send` is the call to the chat platform, `record` the note of what became of it, `render` the making of the message,
    `timer` what a timer stands for, `ring` the waking of the workers after a commit, `answer` what a chat platform is told.
    """

    BEFORE_COMMIT = "before_commit"
    AFTER_COMMIT = "after_commit"
    BEFORE_LEASE = "before_lease"
    AFTER_LEASE = "after_lease"
    BEFORE_RENDER = "before_render"
    AFTER_RENDER = "after_render"
    BEFORE_SEND = "before_send"
    AFTER_SEND = "after_send"
    BEFORE_RECORD = "before_record"
    AFTER_RECORD = "after_record"
    BEFORE_TIMER = "before_timer"
    AFTER_TIMER = "after_timer"
    BEFORE_RING = "before_ring"
    AFTER_RING = "after_ring"
    BEFORE_ANSWER = "before_answer"
    AFTER_ANSWER = "after_answer"


_passed: Callable[[FaultPoint], None] | None = None


def reach(point: FaultPoint) -> None:
    """The program has come to a point."""
    if _passed is not None:
        _passed(point)


def watch(passed: Callable[[FaultPoint], None] | None) -> None:
    """Has somebody told of every point that is reached; None for nobody."""
    global _passed  # noqa: PLW0603 - one for the process, as the sudden end of it is
    _passed = passed


def arm(plan: str) -> bool:
    """Has this process killed as `kill:<point>:<nth>` says: without a word, when the point is reached for the nth time.

    False where nothing is planned.

    Raises:
        ValueError: that is no plan.
    """
    if not plan:
        return False
    found = _PLAN.fullmatch(plan)
    if found is None or found["point"] not in set(FaultPoint):
        raise ValueError(f"{VARIABLE} is for tests: kill:<point>:<nth>, with a point of storage/fault_points.py")
    wanted, nth = FaultPoint(found["point"]), int(found["nth"])
    passages: Counter[FaultPoint] = Counter()

    def count(point: FaultPoint) -> None:
        passages[point] += 1
        if point is wanted and passages[point] == nth:
            os.kill(os.getpid(), signal.SIGKILL)

    watch(count)
    return True
