"""`esafety categories` and `esafety route`: what a policy does, for people and for other programs."""

import json
import sys
from typing import Annotated, Any, TextIO

from pydantic import BaseModel, ConfigDict, ValidationError

from domain.policy import Policy
from domain.routing import Facts, UnknownConcernError, route
from domain.words import About, FourC, Role
from storage.policy_files import all_cites


class _RouteQuestion(BaseModel):
    model_config = ConfigDict(extra="ignore")

    id: str | int
    category: str
    about: About = About.UNKNOWN
    repeat: Annotated[bool | None, "None: not known"] = None
    immediate_danger: bool | None = False
    illegal_suspected: bool | None = None
    excluded_roles: frozenset[Role] = frozenset()


def categories(policy: Policy) -> list[dict[str, str]]:
    """The kinds of concern of a policy, in its order."""
    return [
        {"id": c.id, "label": c.label, "hint": c.hint, "four_c": c.four_c, "urgency": c.urgency}
        for c in policy.concerns.values()
    ]


def route_one(policy: Policy, question: _RouteQuestion) -> dict[str, Any]:
    """The route for one question, in the form DESIGN keeps stable."""
    facts = Facts(
        question.category, question.about, question.repeat, bool(question.immediate_danger), question.illegal_suspected
    )
    found = route(policy, facts, question.excluded_roles)
    return {
        "id": question.id,
        "notify": list(found.notify),
        "external": list(found.external),
        "urgency": found.urgency,
        "acknowledge": {"unit": found.acknowledge.unit, "n": found.acknowledge.n},
        "actions": [step.text for step in found.actions],
        "warnings": [step.text for step in found.warnings],
        "cites": list(all_cites(found)),
    }


def route_batch(policy: Policy, lines: TextIO, out: TextIO) -> int:
    """Answers JSON lines in order. A line that cannot be answered gets `{"id", "error"}`, and the exit code is 1."""
    failed = False
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        answer = _answer(policy, number, line)
        failed |= "error" in answer
        print(json.dumps(answer, ensure_ascii=False), file=out)
    return int(failed)


def _answer(policy: Policy, number: int, line: str) -> dict[str, Any]:
    try:
        question = _RouteQuestion.model_validate_json(line)
    except ValidationError as wrong:
        first = wrong.errors()[0]
        place = ".".join(map(str, first["loc"])) or "the line"
        return {"id": _id_of(line), "error": f"line {number}: {place}: {first['msg']}"}
    try:
        return route_one(policy, question)
    except UnknownConcernError:
        known = ", ".join(policy.concerns)
        return {"id": question.id, "error": f"line {number}: no category {question.category!r}; there are {known}"}


def _id_of(line: str) -> Any:
    try:
        return json.loads(line)["id"]
    except (ValueError, KeyError, TypeError):
        return None


def print_categories(policy: Policy, *, as_json: bool) -> int:
    """Prints the kinds of concern, as JSON or as a list grouped by the four Cs."""
    found = categories(policy)
    if as_json:
        json.dump(found, sys.stdout, ensure_ascii=False)
        print()
        return 0
    for c in sorted(found, key=lambda c: list(FourC).index(FourC(c["four_c"]))):
        print(f"{c['four_c']:9} {c['urgency']:9} {c['id']:22} {c['label']}")
    return 0
