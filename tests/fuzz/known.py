"""Every button and form that the bot draws, and how what they carry is made up. What a later version adds is among them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from random import Random
from typing import Any, TypeAlias
from uuid import UUID

from cards.blockkit import LINES_SUFFIX
from cards.model import Choice, Field, Form, MomentField, PeopleField, buttons, fields
from tests.contract import corpus

Pattern: TypeAlias = tuple[str | None, ...]
"""What a button or a form carries, in its parts; None where an id stands."""

_MOST_PATTERNS = 40
_LONGEST_ID = 36
_AT, _AT_SECONDS = "2026-11-24T10:00:00+00:00", 1795514400
_TYPED = "x"


@dataclass(slots=True)
class KnownForm:
    """A form: what it carries, and its fields by id."""

    states: list[Pattern] = field(default_factory=list)
    fields: dict[str, Field] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Known:
    """All of them, by the name of the action or the form."""

    buttons: Mapping[str, list[Pattern]]
    forms: Mapping[str, KnownForm]


@cache
def known() -> Known:
    """Read off the cards and forms of the contract tests, which hold themselves to be all there are."""
    pressed: dict[str, list[Pattern]] = {}
    forms: dict[str, KnownForm] = {}
    for _, card in corpus.entries():
        for button in buttons(card):
            _learn(pressed.setdefault(button.action, []), button.value)
        if isinstance(card, Form):
            form = forms.setdefault(card.id, KnownForm())
            _learn(form.states, card.state or "")
            form.fields |= {str(found.id): found for found in fields(card)}
    return Known(pressed, forms)


def carried(chance: Random, patterns: Iterable[Pattern], at: str, others: list[str]) -> str:
    """What a button or a form of such patterns carries about the thing `at`, and about others where it has more parts."""
    parts = chance.choice(list(patterns))
    ids = iter((at, *chance.choices(others, k=len(parts))))
    return "|".join(next(ids) if part is None else part for part in parts)


def filled(chance: Random, form: KnownForm, others: list[str]) -> dict[str, str]:
    """Each field filled in with something that fits, or nearly."""
    return {name: _fitting(chance, found, others) for name, found in form.fields.items()}


def in_slack(form: KnownForm, values: Mapping[str, str]) -> dict[str, Any]:
    """The same as the state of a Slack view."""
    return {name: _state(name, form.fields[name], value) for name, value in values.items()}


def _learn(patterns: list[Pattern], carries: str) -> None:
    pattern = tuple(None if _is_id(part) else part for part in carries.split("|"))
    if pattern not in patterns and len(patterns) < _MOST_PATTERNS:
        patterns.append(pattern)


def _is_id(part: str) -> bool:
    try:
        return len(part) == _LONGEST_ID and bool(UUID(part))
    except ValueError:
        return False


def _fitting(chance: Random, found: Field, others: list[str]) -> str:
    match found:
        case Choice(options=options) if options and chance.random() < 0.9:
            return chance.choice(options).value
        case MomentField():
            return _AT
        case PeopleField():
            return f"person:{chance.choice(others)}"
        case _:
            return chance.choice((_TYPED, chance.choice(others)))


def _state(name: str, found: Field, value: str) -> dict[str, Any]:
    match found:
        case Choice():
            return {name: {"type": "static_select", "selected_option": {"value": value}}}
        case MomentField():
            return {name: {"type": "datetimepicker", "selected_date_time": _AT_SECONDS}}
        case PeopleField(searchable=False):
            return {f"{name}{LINES_SUFFIX}": {"type": "plain_text_input", "value": value}}
        case PeopleField():
            return {name: {"type": "multi_external_select", "selected_options": [{"value": value}]}}
        case _:
            return {name: {"type": "plain_text_input", "value": value}}
