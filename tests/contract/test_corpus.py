"""Every card and form, in every state, is right on both platforms: nothing lost, nothing that Slack or Teams would refuse."""

import inspect
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, FrameType, ModuleType
from typing import Any, get_args

import pytest

from bot.desk import Desk
from bot.teams.values import OF_PEOPLE
from cards import (
    case,
    case_changes,
    checklist,
    chronology,
    duties,
    log_form,
    messages,
    pages,
    registers,
    report_form,
    surveys,
    timeline,
)
from cards.model import PeopleField, fields
from domain.messages import Message
from domain.request_types import STAFF_PREFIX
from handlers.acknowledge import AcknowledgeOutcome
from handlers.close import CloseOutcome
from handlers.hand_on import HandOnOutcome
from tests.contract import corpus as made
from tests.contract.carried import Carried, by_model, by_slack, by_teams
from tests.contract.drawn import Drawn, corpus
from tests.contract.limits import problems as slack_problems
from tests.contract.teams_rules import problems as teams_problems

VIEWS = (
    messages,
    report_form,
    case,
    case_changes,
    pages,
    checklist,
    chronology,
    log_form,
    registers,
    surveys,
    timeline,
    duties,
)
pytestmark = pytest.mark.timeout(240)
OUTCOMES = {"_acknowledged": AcknowledgeOutcome, "_hand_on": HandOnOutcome, "_close": CloseOutcome}


@pytest.fixture(scope="module")
def everything() -> tuple[Drawn, ...]:
    """The corpus, drawn once."""
    return corpus()


@dataclass(frozen=True, slots=True)
class Again:
    """The corpus made a second time: which functions of the views and which of their lines ran, which outcomes were drawn."""

    entries: list[made.Entry]
    called: set[CodeType]
    reached: set[tuple[str, int]]
    outcomes: dict[str, set[type]]


@pytest.fixture(scope="module")
def again() -> Again:
    """Watched, which takes longer: once for all that is asked of it."""
    files = {inspect.getfile(view) for view in VIEWS}
    called: set[CodeType] = set()
    reached: set[tuple[str, int]] = set()
    drawn: dict[str, set[type]] = {}

    left: dict[CodeType, set[int]] = {}

    def trace(frame: FrameType, event: str, _: object) -> Any:
        code = frame.f_code
        if code.co_filename not in files:
            return None
        called.add(code)
        missing = left.get(code)
        if missing is None:
            missing = left[code] = _lines_of(code) | {code.co_firstlineno}
        reached.add((code.co_filename, frame.f_lineno))
        missing.discard(frame.f_lineno)
        # Whatever has run whole is not watched any more: most views are called thousands of times.
        return trace if missing else None

    before = sys.gettrace()
    with pytest.MonkeyPatch.context() as patch:
        for name in OUTCOMES:
            patch.setattr(Desk, name, _noting(name, drawn))
        sys.settrace(trace)
        try:
            entries = list(made.entries())
        finally:
            sys.settrace(before)
    return Again(entries, called, reached, drawn)


# It is whole


def test_no_view_is_forgotten(again: Again) -> None:
    """Every public view is called for the corpus, and every line of the views is needed for it: a new state must be added."""
    views = {f"{v.__name__}.{n}": f.__code__ for v in VIEWS for n, f in vars(v).items() if _is_public_view(v, n, f)}
    assert [name for name, code in views.items() if code not in again.called] == []
    missed = [f"{Path(file).name}:{line}" for file, line in sorted(_lines() - again.reached) if not _never(file, line)]
    assert missed == []


def test_no_message_is_forgotten() -> None:
    """Every type of message that can stay in a chat is there."""
    assert {type(message) for _, _, message in made.all_messages()} == set(get_args(Message))


def test_no_outcome_is_forgotten(again: Again) -> None:
    """Everything that can come of acknowledging, handing on and closing is drawn."""
    assert again.outcomes == {name: set(get_args(outcomes)) for name, outcomes in OUTCOMES.items()}


def test_each_has_a_name_of_its_own(everything: tuple[Drawn, ...], again: Again) -> None:
    """A fault can be found by its name, and two runs give the same."""
    assert len({one.name for one in everything}) == len(everything)
    assert again.entries == [(one.name, one.card) for one in everything]


# It is right


def test_both_platforms_carry_all_of_it(everything: tuple[Drawn, ...]) -> None:
    """Every field and every button of the model is there in Slack and in Teams, each once."""
    lost = [one.name for one in everything if not one.name.startswith(made.TOO_MUCH) and not _carries(one)]
    assert lost == []


def test_teams_knows_every_field_that_takes_people(everything: tuple[Drawn, ...]) -> None:
    """A name that is typed beside such a field is read as a person's: from a field that it does not know it would be lost."""
    shown = {field.id for drawn in everything for field in fields(drawn.card) if isinstance(field, PeopleField)}
    assert {field for field in shown if not field.startswith(STAFF_PREFIX)} == OF_PEOPLE


def test_what_does_not_fit_is_counted(everything: tuple[Drawn, ...]) -> None:
    """Where a list or a case is longer than a chat takes, the card says how many parts are not shown, and adds nothing."""
    for one in (one for one in everything if one.name.startswith(made.TOO_MUCH)):
        for carried, payload in ((by_slack(one.slack), one.slack), (by_teams(one.teams), one.teams)):
            assert _within(carried, by_model(one.card)), one.name
            assert carried == by_model(one.card) or re.search(r"… and \d+ more", str(payload)), one.name


def test_a_long_case_keeps_its_buttons(everything: tuple[Drawn, ...]) -> None:
    """However much is told in a case, whoever answers for it can press Acknowledge or Close."""
    cases = [one for one in everything if one.name.startswith(made.TOO_MUCH) and one.name.startswith("case")]
    assert [one.name for one in cases if not _carries(one)] == []


def test_slack_takes_all_of_it(everything: tuple[Drawn, ...]) -> None:
    """No limit of Slack's is overstepped, nothing is misspelt, and no text would be read as markup."""
    assert [(one.name, problem) for one in everything for problem in slack_problems(one.slack, one.surface)] == []


def test_teams_takes_all_of_it(everything: tuple[Drawn, ...]) -> None:
    """All of it is valid by Microsoft's schema 1.5 and by what Teams says of cards and dialogs."""
    assert [(one.name, problem) for one in everything for problem in teams_problems(one.teams, one.surface)] == []


def _carries(one: Drawn) -> bool:
    return by_slack(one.slack) == by_teams(one.teams) == by_model(one.card)


def _within(carried: Carried, whole: Carried) -> bool:
    return carried.fields <= whole.fields and carried.actions <= whole.actions


# What of the views is reached


def _is_public_view(module: ModuleType, name: str, found: object) -> bool:
    return inspect.isfunction(found) and found.__module__ == module.__name__ and not name.startswith("_")


def _noting(name: str, drawn: dict[str, set[type]]) -> Any:
    draw = getattr(Desk, name)

    def noted(desk: Any, outcome: Any) -> Any:
        drawn.setdefault(name, set()).add(type(outcome))
        return draw(desk, outcome)

    return noted


def _lines() -> set[tuple[str, int]]:
    """Every line of every function of the views that does something."""
    functions = (f.__code__ for v in VIEWS for f in vars(v).values() if inspect.isfunction(f) and f.__module__ == v.__name__)
    return {(code.co_filename, line) for function in functions for code in _nested(function) for line in _lines_of(code)}


def _nested(code: CodeType) -> Iterator[CodeType]:
    yield code
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield from _nested(inner)


def _lines_of(code: CodeType) -> set[int]:
    return {line for _, _, line in code.co_lines() if line and line > code.co_firstlineno}


def _never(file: str, line: int) -> bool:
    """Whether the line is the end of a match over all there is."""
    text = Path(file).read_text(encoding="utf-8").splitlines()[line - 1].strip()
    return text in ("case _:", "case never:") or text.startswith("assert_never(")
