"""What Teams refuses in an Adaptive Card: Microsoft's schema 1.5, and by hand what it does not say and Teams holds to.

Sources: learn.microsoft.com on cards in Teams, on dialogs and on input validation; docs of the Adaptive Cards schema.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, Final, TypeAlias

from tests.fakes.card_schema import schema_problems

Payload: TypeAlias = Mapping[str, Any]

CARD_BYTES: Final = 100_000
_ACTIONS_A_SET: Final = 6
_IN_DIALOGS: Final = {"Action.Submit", "Action.OpenUrl", "Action.ShowCard"}


def problems(payload: Payload, surface: str) -> list[str]:
    """Everything wrong with a card in a message or, for the surface `modal`, in a dialog."""
    return [*schema_problems(payload), *_by_hand(payload, surface)]


# By hand


def _by_hand(payload: Payload, surface: str) -> Iterator[str]:
    size = len(json.dumps(payload))
    if size > CARD_BYTES:
        yield f"the card has {size} bytes, {CARD_BYTES} at most"
    found = list(_pieces(payload))
    inputs = [(path, piece) for path, piece in found if str(piece.get("type")).startswith("Input.")]
    yield from (f"id {name!r} is used {n} times" for name, n in Counter(p.get("id") for _, p in inputs).items() if n > 1)
    for path, piece in inputs:
        yield from _input(path, piece, surface)
    for path, piece in found:
        if piece.get("type") == "ActionSet" and len(piece["actions"]) > _ACTIONS_A_SET:
            yield f"{path}: {len(piece['actions'])} actions; Teams hides those beyond {_ACTIONS_A_SET}"
        if surface == "modal" and str(piece.get("type")).startswith("Action.") and piece["type"] not in _IN_DIALOGS:
            yield f"{path}: a dialog knows no {piece['type']}"
        if piece.get("type") == "Action.ToggleVisibility":
            yield f"{path}: what is hidden is validated all the same, so nothing is toggled"
        # What stands in a field is never worked out, and must come back as it was typed.
        shown = ((key, text) for key, text in piece.items() if key != "value" and _is_worked_out(text))
        yield from (f"{path}.{key}: Teams would work out {text!r}" for key, text in shown)


def _input(path: str, piece: Payload, surface: str) -> Iterator[str]:
    if surface != "modal":
        yield f"{path}: an input in a message"
    if not str(piece.get("label", "")).strip():
        yield f"{path}: an input without a label"
    if piece.get("isRequired") and not piece.get("errorMessage"):
        yield f"{path}: required, and nothing is said where it is empty"
    values = [choice["value"] for choice in piece.get("choices", [])]
    if piece.get("isMultiSelect") and any("," in value for value in values):
        yield f"{path}: a value with a comma would be read as two"
    if not piece.get("isMultiSelect") and values and piece.get("value", values[0]) not in values:
        yield f"{path}: {piece['value']!r} is not among the choices"
    yield from (f"{path}: value {value!r} is used {n} times" for value, n in Counter(values).items() if n > 1)


def _is_worked_out(text: Any) -> bool:
    return isinstance(text, str) and ("{{" in text or "${" in text)


def _pieces(found: Any, path: str = "") -> Iterator[tuple[str, Payload]]:
    """Every object in a payload, from the outside in, with its place."""
    match found:
        case dict():
            yield path, found
            for key, value in found.items():
                yield from _pieces(value, f"{path}/{key}")
        case list():
            for number, value in enumerate(found):
                yield from _pieces(value, f"{path}/{number}")
