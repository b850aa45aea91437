"""`esafety ask`: what a school's policy says to a question, for people and for other programs."""

import json
from datetime import UTC, date, datetime
from typing import Annotated, Any, TextIO

from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError

from domain.policy import Policy
from domain.understanding import Choice, Engine
from domain.words import Role
from storage.answering import load_engine

_MOST_CITES, _MOST_ROLES = 5, 6
_LONGEST = 4000


class _Asked(BaseModel):
    model_config = ConfigDict(extra="ignore")

    id: str | int
    q: Annotated[str, StringConstraints(max_length=_LONGEST)]


def answer(engine: Engine, text: str) -> dict[str, Any]:
    """One answer, in the form that other programs rely on. `roles`: those that the rule names, then whom an alarm tells."""
    found = engine.understand(text, day=_today())
    best = found.best
    missing = engine.catalogue.facts.get(best.decision.missing)
    asks = {"fact": missing.id, "ask": missing.ask, "options": {o.value: o.label for o in missing.options}} if missing else None
    facts = {fact: value for fact, value in found.facts.items() if fact in best.question.facts}
    said = {**_said(best), "roles": list(found.roles[:_MOST_ROLES])}
    return {**said, "sure": found.sure, "facts": facts, "asks": asks, "alternatives": [_said(c) for c in found.alternatives]}


def _said(choice: Choice) -> dict[str, Any]:
    decision = choice.decision
    return {
        "verdict": decision.verdict,
        "rule": choice.question.id,
        "title": choice.question.title,
        "answer": decision.case.say if decision.case else decision.answer.depends if decision.answer else "",
        "cites": list(decision.cites[:_MOST_CITES]),
        "roles": list(decision.roles[:_MOST_ROLES]),
    }


def _today() -> date:
    return datetime.now(UTC).astimezone().date()


def ask_batch(policy: Policy, lines: TextIO, out: TextIO) -> int:
    """Answers JSON lines in order. A line that cannot be answered gets `{"id", "error"}`, and the exit code is 1."""
    engine, failed = load_engine(policy), False
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            asked = _Asked.model_validate_json(line)
        except ValidationError as wrong:
            failed = True
            first = wrong.errors()[0]
            place = ".".join(map(str, first["loc"])) or "the line"
            print(json.dumps({"id": None, "error": f"line {number}: {place}: {first['msg']}"}), file=out)
            continue
        print(json.dumps({"id": asked.id, **answer(engine, asked.q)}, ensure_ascii=False), file=out)
    return int(failed)


def ask_once(policy: Policy, text: str, out: TextIO, *, as_json: bool) -> int:
    """Prints one answer."""
    found = answer(load_engine(policy), text)
    if as_json:
        print(json.dumps(found, ensure_ascii=False), file=out)
        return 0
    if not found["sure"]:
        print("I am not sure what you are asking. The likeliest reading:", file=out)
    print(f"{found['verdict'].replace('_', ' ')}: {found['answer'] or 'This policy does not say.'}", file=out)
    print(f"I read this as: {found['title']}.", file=out)
    for clause in found["cites"]:
        cited = policy.cite(clause)
        print(f"  {cited.heading}, point {cited.point}", file=out)
    if found["roles"]:
        print(f"To ask or tell: {', '.join(policy.role_title(Role(r)) for r in found['roles'])}", file=out)
    if found["asks"]:
        print(f"{found['asks']['ask']} ({' / '.join(found['asks']['options'].values())})", file=out)
    if policy.review_due is not None and policy.review_due < _today():
        print(f"The policy was to be reviewed by {policy.review_due}.", file=out)
    others = "; ".join(other["title"] for other in found["alternatives"])
    print(f"Or did you mean: {others}?", file=out)
    return 0
