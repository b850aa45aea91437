"""What a card asks for and offers: its fields and its buttons, as the model has them and as each platform carries them."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from cards.adaptive import DATE_SUFFIX, SUBMIT, TIME_SUFFIX, TYPED_SUFFIX
from cards.blockkit import LINES_SUFFIX, action_name
from cards.model import Card, Form, buttons, fields


@dataclass(frozen=True, slots=True)
class Carried:
    """The fields' ids, and how often each pair of a button's action and value is there. Submitting is not among them."""

    fields: frozenset[str]
    actions: Counter[tuple[str, str]]


def by_model(card: Card | Form) -> Carried:
    pairs = Counter((button.action, button.value) for button in buttons(card))
    return Carried(frozenset(field.id for field in fields(card)), pairs)


def by_slack(payload: Mapping[str, Any]) -> Carried:
    """What a Block Kit message or view carries. Each field's block id and action id name the same field."""
    found: set[str] = set()
    pairs: Counter[tuple[str, str]] = Counter()
    for piece in _pieces(payload):
        if piece.get("type") == "input":
            assert piece["element"]["action_id"].removesuffix(LINES_SUFFIX) == piece["block_id"]
            found.add(piece["block_id"])
        elif piece.get("type") == "button":
            pairs[action_name(piece["action_id"]), piece.get("value", "")] += 1
    return Carried(frozenset(found), pairs)


def by_teams(payload: Mapping[str, Any]) -> Carried:
    """What an Adaptive Card carries."""
    found: set[str] = set()
    pairs: Counter[tuple[str, str]] = Counter()
    for piece in _pieces(payload):
        kind = str(piece.get("type", ""))
        if kind.startswith("Input."):
            found.add(_field_id(piece["id"]))
        elif kind in {"Action.Execute", "Action.Submit"} and "dialog" not in piece["data"]:
            assert kind == "Action.Submit" or piece["verb"] == piece["data"]["action"]
            pairs[piece["data"]["action"], piece["data"]["value"]] += 1
        elif kind == "Action.Submit":
            assert piece["data"]["action"] == SUBMIT
    return Carried(frozenset(found), pairs)


def _field_id(input_id: str) -> str:
    for suffix in (DATE_SUFFIX, TIME_SUFFIX, TYPED_SUFFIX):
        input_id = input_id.removesuffix(suffix)
    return input_id


def _pieces(payload: Any) -> Iterator[Mapping[str, Any]]:
    """Every object in a payload, from the outside in."""
    match payload:
        case dict():
            yield payload
            for value in payload.values():
                yield from _pieces(value)
        case list():
            for value in payload:
                yield from _pieces(value)
