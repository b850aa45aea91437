"""The life of a request: whatever is done with it in whatever order, it waits for somebody, holds, or is over."""

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from domain.request_types import AnswerStep, Item, ItemType, RequestTask, RequestType, StepAct, TaskWhen
from domain.submissions import LIVE, Doing, Place, SubmissionState, after, answers, sent, step_of, tasks_of
from domain.words import Role

LATER = datetime(2026, 12, 1, tzinfo=UTC)
KIND = RequestType(
    id="service",
    group="internet",
    title="Use a new service",
    about="Assessed, then decided",
    items=(Item("what", ItemType.LINE, "Which?"),),
    steps=(AnswerStep(StepAct.ADVISE, (Role.IT_SUPPORT,)), AnswerStep(StepAct.DECIDE, (Role.HEADTEACHER,))),
    tasks=(
        RequestTask("open", "Open it", (Role.IT_SUPPORT,)),
        RequestTask("tell", "Tell staff", (Role.DSL,)),
        RequestTask("shut", "Shut it", (Role.IT_SUPPORT,), TaskWhen.ENDED, undoes="open"),
    ),
)
DOINGS = st.lists(st.tuples(st.sampled_from(Doing), st.sampled_from(["open", "tell", "shut", "none"])), max_size=14)


def followed(doings: Sequence[tuple[Doing, str]]) -> list[Place]:
    """Where a request stands after each of these; what cannot be done leaves it where it is."""
    places = [sent(KIND, LATER)]
    for doing, task in doings:
        place = after(KIND, places[-1], doing, until=LATER, task=task)
        if place is not None:
            places.append(place)
    return places


def test_advice_comes_before_the_decision_and_tasks_after_it() -> None:
    """The usual way, step by step."""
    asked, advised, granted = followed([(Doing.ADVISED, ""), (Doing.GRANTED, "")])
    assert answers(KIND, asked) == (Doing.ADVISED, Doing.RETURNED)
    assert answers(KIND, advised) == (Doing.GRANTED, Doing.REFUSED, Doing.RETURNED)
    assert tasks_of(KIND, asked) == tasks_of(KIND, advised) == ()
    assert [t.id for t in tasks_of(KIND, granted)] == ["open", "tell"]
    assert granted.until == LATER


def test_only_what_was_done_is_undone() -> None:
    """A site that was never opened is not to be closed."""
    granted = followed([(Doing.ADVISED, ""), (Doing.GRANTED, "")])[-1]
    never = after(KIND, granted, Doing.ENDED)
    opened = after(KIND, granted, Doing.DONE, task="open")
    assert opened is not None
    ended = after(KIND, opened, Doing.ENDED)
    assert never is not None
    assert ended is not None
    assert (never.tasks, ended.tasks) == ((), ("shut",))
    shut = after(KIND, ended, Doing.DONE, task="shut")
    assert shut is not None
    assert (shut.state, shut.tasks, shut.done) == (SubmissionState.ENDED, (), ("open", "shut"))


def test_what_comes_back_goes_to_whoever_asked_for_it() -> None:
    """Asked back at the second step, the first has not to be taken again."""
    returned = followed([(Doing.ADVISED, ""), (Doing.RETURNED, "")])[-1]
    assert (returned.state, step_of(KIND, returned)) == (SubmissionState.RETURNED, None)
    again = after(KIND, returned, Doing.REWORDED, until=LATER)
    assert again is not None
    assert step_of(KIND, again) == KIND.steps[1]


@given(DOINGS)
def test_it_is_never_lost(doings: Sequence[tuple[Doing, str]]) -> None:
    """As long as something may come of it somebody has it: whoever answers, whoever asked, or whoever carries it out."""
    for place in followed(doings):
        waits = step_of(KIND, place) is not None
        assert waits == (place.state is SubmissionState.WAITING)
        assert place.state not in LIVE or waits or place.state in {SubmissionState.RETURNED, SubmissionState.GRANTED}
        assert not place.tasks or place.state in {SubmissionState.GRANTED, SubmissionState.ENDED}
        assert not set(place.tasks) & set(place.done)


@given(DOINGS)
def test_nothing_is_granted_by_anybody_but_the_last_step(doings: Sequence[tuple[Doing, str]]) -> None:
    """Advice is no yes, and what was refused, taken back or over is never allowed again."""
    places = followed(doings)
    for before, now in pairwise(places):
        if now.state is SubmissionState.GRANTED and before.state is not SubmissionState.GRANTED:
            assert (before.state, before.step) == (SubmissionState.WAITING, len(KIND.steps) - 1)
        if before.state in {SubmissionState.REFUSED, SubmissionState.WITHDRAWN, SubmissionState.ENDED}:
            assert now.state is before.state


def test_a_declaration_holds_at_once() -> None:
    """Nobody answers it."""
    declared = RequestType("link", "people", "A family link", "Declared", KIND.items, tells=(Role.HEADTEACHER,))
    place = sent(declared, None)
    assert (place.state, answers(declared, place)) == (SubmissionState.GRANTED, ())
    assert after(declared, place, Doing.GRANTED) is None
