"""Which clauses of a policy its answers, routes, grid and log form stand on, and why the others have none."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, RootModel, StringConstraints

from domain.answers import Sheet
from domain.policy import Policy
from storage.answer_files import home_of
from storage.grid_files import grid_cites
from storage.policy_files import rule_cites
from storage.yaml_files import PolicyFileError, checked, line_of, read_yaml

UNCOVERED_FILE = "uncovered.yaml"
_RANGE = re.compile(r"^(?P<section>.+)\.(?P<first>\d+)(?:-(?P<last>\d+))?$")
_Clause = Annotated[str, StringConstraints(pattern=r"^.+\.\d+(-\d+)?$")]


class _Uncovered(RootModel[dict[_Clause, Annotated[str, StringConstraints(min_length=3, max_length=200)]]]):
    """Why nothing stands on a clause (section.3) or on several (section.3-5), in a few words of one's own."""


@dataclass(frozen=True, slots=True)
class Reason:
    """Why nothing stands on a clause, and on which line that is said."""

    words: str
    line: int


@dataclass(frozen=True, slots=True)
class Clause:
    """A clause and what cites it, each by what has it; or the reason why nothing has to."""

    id: str
    heading: str
    point: int
    questions: tuple[str, ...]
    routes: tuple[str, ...]
    rows: tuple[str, ...]
    fields: tuple[str, ...]
    requests: tuple[str, ...]
    agreements: tuple[str, ...]
    dates: tuple[str, ...]
    surveys: tuple[str, ...]
    reason: str

    @property
    def cited(self) -> bool:
        """Whether anything stands on it."""
        return bool(
            self.questions
            or self.routes
            or self.rows
            or self.fields
            or self.requests
            or self.agreements
            or self.dates
            or self.surveys
        )


def load_uncovered(policy: Policy, folder: Path | None = None) -> Mapping[str, Reason]:
    """The clauses on which nothing has to stand. A policy without the file gives no reason for any.

    Raises:
        PolicyFileError: the file is wrong; the message names each line.
    """
    path = home_of(policy, folder) / UNCOVERED_FILE
    if not path.exists():
        return {}
    raw = read_yaml(path) or {}
    found: dict[str, Reason] = {}
    faults: list[str] = []
    for given, words in checked(path, raw, _Uncovered).root.items():
        line = line_of(raw, (given,))
        clauses = list(_clauses(given))
        if not clauses:
            faults.append(f"{path}:{line}: {given}: the range ends before it begins")
        for clause in clauses:
            try:
                policy.cite(clause)
            except KeyError:
                faults.append(f"{path}:{line}: {clause}: the policy has no such clause")
            if clause in found:
                faults.append(f"{path}:{line}: {clause}: line {found[clause].line} has it too")
            found[clause] = Reason(words.strip(), line)
    if faults:
        raise PolicyFileError("\n".join(faults))
    return found


def _clauses(given: str) -> Iterator[str]:
    parts = _RANGE.fullmatch(given)
    assert parts is not None
    first = int(parts["first"])
    yield from (f"{parts['section']}.{n}" for n in range(first, int(parts["last"] or first) + 1))


def coverage(policy: Policy, sheet: Sheet, uncovered: Mapping[str, Reason]) -> tuple[Clause, ...]:
    """Every clause of a policy, in its order."""
    questions = _by_clause((a.to, (*c.cites, *(c.but.cites if c.but is not None else ()))) for a in sheet for c in a.cases)
    routes = _by_clause((rule.id, rule_cites(rule)) for rule in (*policy.routes, *policy.also))
    rows = _by_clause(grid_cites(policy.grid).items() if policy.grid is not None else ())
    asked = [(kind.id, kind.cites) for kind in policy.requests.values()]
    # Beside the requests: both are what staff turn to before they do something.
    consent = [("consent", policy.consent.all_cites)] if policy.consent is not None else []
    requests = _by_clause([*asked, *consent])
    agreements = _by_clause((a.id, a.cites) for a in policy.agreements.values())
    dates = _by_clause(policy.dates.cites)
    surveys = _by_clause((survey.id, survey.cites) for survey in policy.surveys.values())
    on_form = policy.log_form.all_cites if policy.log_form is not None else ()
    return tuple(
        Clause(
            clause,
            section.heading,
            point,
            tuple(questions.get(clause, ())),
            tuple(routes.get(clause, ())),
            tuple(rows.get(clause, ())),
            ("log form",) if clause in on_form else (),
            tuple(requests.get(clause, ())),
            tuple(agreements.get(clause, ())),
            tuple(dates.get(clause, ())),
            tuple(surveys.get(clause, ())),
            uncovered[clause].words if clause in uncovered else "",
        )
        for name, section in policy.sections.items()
        for point in range(1, section.points + 1)
        for clause in [f"{name}.{point}"]
    )


def _by_clause(cited: Iterable[tuple[str, Iterable[str]]]) -> dict[str, dict[str, None]]:
    found: dict[str, dict[str, None]] = {}
    for who, clauses in cited:
        for clause in clauses:
            found.setdefault(clause, {})[who] = None
    return found


DOORS: Mapping[str, type[BaseModel]] = {"uncovered": _Uncovered}
"""The forms of the files read here, by what they are called in `esafety pack schema`."""
