"""What Teams refuses in an Adaptive Card: Microsoft's schema 1.5, and by hand what it does not say and Teams holds to.

Sources: learn.microsoft.com on cards in Teams, on dialogs and on input validation; docs of the Adaptive Cards schema.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from typing import Any, Final, TypeAlias

from jsonschema import Draft6Validator
from jsonschema.exceptions import best_match

Payload: TypeAlias = Mapping[str, Any]

CARD_BYTES: Final = 100_000
_ACTIONS_A_SET: Final = 6
_LONGEST_SENTENCE: Final = 200
"""Of the schema's sentences the end says what is wrong: before it stands the whole element."""
_IN_DIALOGS: Final = {"Action.Submit", "Action.OpenUrl", "Action.ShowCard"}
_FREE_TEXT: Final = frozenset(
    [
        "text",
        "title",
        "value",
        "label",
        "placeholder",
        "errorMessage",
        "fallbackText",
        "id",
        "verb",
        "dataset",
        "action",
        "state",
    ]
)


def problems(payload: Payload, surface: str) -> list[str]:
    """Everything wrong with a card in a message or, for the surface `modal`, in a dialog."""
    return [*_schema_problems(payload), *_by_hand(payload, surface)]


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


# By Microsoft's schema


def _schema_problems(payload: Payload) -> Iterator[str]:
    """The elements of a card do not depend on one another, so that each kind of element is checked once and not each card."""
    envelope = {key: value for key, value in payload.items() if key != "body"}
    yield from _problems_of(_blank({**envelope, "body": []}))
    for number, element in enumerate(payload["body"]):
        wrapped = {"type": "AdaptiveCard", "version": "1.5", "body": [element]}
        yield from (f"/body/{number}: {problem}" for problem in _problems_of(_blank(wrapped)))


@cache
def _problems_of(blanked: str) -> tuple[str, ...]:
    wrong = best_match(_schema().iter_errors(json.loads(blanked)))
    return (f"{wrong.json_path}: {wrong.message[-_LONGEST_SENTENCE:]}",) if wrong else ()


@cache
def _schema() -> Draft6Validator:
    text = files("adaptive_cards").joinpath("schemas/schema-1.5.json").read_text(encoding="utf-8")
    return Draft6Validator(json.loads(text))


def _blank(payload: Payload) -> str:
    return json.dumps(_as_the_schema_knows_it(payload), sort_keys=True)


def _as_the_schema_knows_it(found: Any, key: str = "") -> Any:
    """With the same letter for every free text, and without what Teams knows and the bundled schema wrongly refuses:

    `msteams`, `choices.data` and the style `filtered`.
    """
    match found:
        case dict():
            known = {name: value for name, value in found.items() if name not in {"msteams", "choices.data"}}
            if known.get("style") == "filtered":
                known["style"] = "compact"
            return {name: _as_the_schema_knows_it(value, name) for name, value in known.items()}
        case list():
            return [_as_the_schema_knows_it(value) for value in found]
        case str() if key in _FREE_TEXT and found:
            return "x"
        case _:
            return found
