"""A school's pack: everything in one policy's folder, wherever it is, read and checked together."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel

from domain.answers import Catalogue, Sheet
from domain.policy import Policy
from domain.routing import route
from domain.words import FourC
from storage import (
    agreement_files,
    answer_files,
    calendar_files,
    consent_files,
    coverage,
    grid_files,
    log_form_files,
    question_files,
    request_files,
    survey_files,
)
from storage.answer_files import load_catalogue, load_sheet
from storage.coverage import UNCOVERED_FILE, Reason, load_uncovered
from storage.policy_files import (
    RouteCase,
    every_report,
    load_policy_at,
    load_without_grid,
    placed_route_cases,
    shared_folder,
    types_folder,
)
from storage.question_files import Trial, load_trials
from storage.yaml_files import PolicyFileError, checked, read_yaml

T = TypeVar("T")

_KEPT = frozenset({"staff_conduct", "low_level_concern", "nude_image", "other"})
_MOST_STEPS = 4


@dataclass(frozen=True, slots=True)
class Pack:
    """All that a policy's folder holds, checked, and the catalogue that it answers."""

    policy: Policy
    catalogue: Catalogue
    sheet: Sheet
    trials: tuple[Trial, ...]
    cases: tuple[tuple[int, RouteCase], ...]
    uncovered: Mapping[str, Reason]


def load_pack(home: Path) -> Pack:
    """A pack, whole.

    Raises:
        PolicyFileError: something in it is wrong; the message has a line for each fault that can be told.
    """
    faults: list[str] = []
    if not home.is_dir():
        raise PolicyFileError(f"{home} is no folder: a pack is a folder with policy.yaml and what stands beside it")
    shared = shared_folder(home)
    catalogue = load_catalogue(shared)
    policy = _tried(faults, lambda: load_without_grid(home, shared))
    cases = _tried(faults, lambda: tuple(placed_route_cases(home)))
    if policy is None:
        faults += _forms(home)
        raise PolicyFileError("\n".join(faults))
    policy = _tried(faults, lambda: load_policy_at(home, shared)) or policy
    uncovered = _tried(faults, lambda: load_uncovered(policy))
    sheet = _tried(faults, lambda: load_sheet(policy, catalogue))
    if sheet is None:
        faults += _form(sorted((home / "questions").glob("*.yaml")), question_files.DOORS["questions"])
        raise PolicyFileError("\n".join(faults))
    trials = _tried(faults, lambda: load_trials(policy, sheet, catalogue))
    faults += _wrong_routes(policy, home)
    faults += _wrong_cases(policy, cases or (), home)
    faults += _both(policy, sheet, uncovered or {}, home)
    if policy.requests:
        faults += request_files.wrong_questions(home, types_folder(shared), sheet, catalogue)
    if policy.consent is not None:
        faults += consent_files.wrong_consent_questions(home, catalogue)
    if faults or trials is None or cases is None or uncovered is None:
        raise PolicyFileError("\n".join(faults))
    return Pack(policy, catalogue, sheet, trials, cases, uncovered)


def _tried(faults: list[str], load: Callable[[], T]) -> T | None:
    try:
        return load()
    except PolicyFileError as wrong:
        faults.append(str(wrong))
        return None


def _forms(home: Path) -> Iterator[str]:
    """What is wrong with the form of the files that cannot be checked without a policy."""
    yield from _form(sorted((home / "answers").glob("*.yaml")), answer_files.DOORS["answers"])
    yield from _form(sorted((home / "tables").glob("*.yaml")), answer_files.DOORS["table"])
    yield from _form(sorted((home / "questions").glob("*.yaml")), question_files.DOORS["questions"])
    yield from _form([p for p in [home / UNCOVERED_FILE] if p.exists()], coverage.DOORS["uncovered"])
    yield from _form([p for p in [home / grid_files.GRID_FILE] if p.exists()], grid_files.DOORS["grid"])
    forms = [p for p in [home / log_form_files.LOG_FORM_FILE] if p.exists()]
    yield from _form(forms, log_form_files.DOORS["log_form"])
    for file, form in (
        (request_files.REQUESTS_FILE, request_files.DOORS["requests"]),
        (agreement_files.AGREEMENTS_FILE, agreement_files.DOORS["signing"]),
    ):
        yield from _form([p for p in [home / file] if p.exists()], form)
    yield from _form([p for p in [home / calendar_files.CALENDAR_FILE] if p.exists()], calendar_files.DOORS["calendar"])
    yield from _form([p for p in [home / consent_files.CONSENT_FILE] if p.exists()], consent_files.DOORS["consent"])
    yield from _form([p for p in [home / survey_files.SURVEYS_FILE] if p.exists()], survey_files.DOORS["surveys"])


def _form(paths: list[Path], door: type[BaseModel]) -> Iterator[str]:
    for path in paths:
        try:
            if (raw := read_yaml(path)) is not None:
                checked(path, raw, door)
        except PolicyFileError as wrong:
            yield str(wrong)


def _wrong_routes(policy: Policy, home: Path) -> Iterator[str]:
    here = f"{home / 'routes.yaml'}:1"
    if missing := sorted(_KEPT - policy.concerns.keys()):
        yield f"{here}: keep these kinds of concern: {', '.join(missing)}"
    if unnamed := sorted(set(FourC) - {c.four_c for c in policy.concerns.values()}):
        yield f"{here}: keep a kind of concern of each of the four Cs: there is none of {', '.join(unnamed)}"
    crowded = {f.concern for f in every_report(policy) if sum(a.for_reporter for a in route(policy, f).actions) > _MOST_STEPS}
    for concern in sorted(crowded):
        yield f"{here}: whoever reports {concern} is told to do more than {_MOST_STEPS} things"


def _wrong_cases(policy: Policy, cases: tuple[tuple[int, RouteCase], ...], home: Path) -> Iterator[str]:
    for line, case in cases:
        here = f"{home / 'routing_tests.yaml'}:{line}"
        if case.category not in policy.concerns:
            yield f"{here}: {case.category!r} is not among this policy's concerns"
        yield from (f"{here}: expects {c}, which the policy does not have" for c in case.expect.cites if not _has(policy, c))


def _has(policy: Policy, clause: str) -> bool:
    try:
        policy.cite(clause)
    except KeyError:
        return False
    return True


def _both(policy: Policy, sheet: Sheet, uncovered: Mapping[str, Reason], home: Path) -> Iterator[str]:
    for clause in coverage.coverage(policy, sheet, uncovered):
        if clause.cited and clause.reason:
            who = ", ".join((*clause.questions, *clause.routes, *clause.rows, *clause.fields)[:3])
            yield f"{home / UNCOVERED_FILE}:{uncovered[clause.id].line}: {clause.id} is cited, by {who}: take it out here"
