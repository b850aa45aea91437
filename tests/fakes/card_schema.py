"""Microsoft's schema of Adaptive Cards 1.5, held against what is sent to Teams."""

import json
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from typing import Any

from jsonschema_rs import Draft6Validator, ValidationError

_LONGEST_SENTENCE = 200
"""The end of a sentence says what is wrong: before it stands the whole element."""


def schema_problems(card: Any) -> list[str]:
    """What the schema has against a card, with its place.

    Without what Teams knows and the bundled schema wrongly refuses: `msteams`, `choices.data` and the style `filtered`.
    """
    found = _validator().iter_errors(_as_the_schema_knows_it(card))
    return [f"{e.instance_path}: {e.message[-_LONGEST_SENTENCE:]}" for error in found for e in _at_its_root(error)]


@cache
def _validator() -> Draft6Validator:
    text = files("adaptive_cards").joinpath("schemas/schema-1.5.json").read_text(encoding="utf-8")
    return Draft6Validator(json.loads(text))


def _at_its_root(error: ValidationError) -> Iterator[ValidationError]:
    """An element that is none of the known ones is wrong as the one that it says it is."""
    meant = [way for way in getattr(error.kind, "context", ()) if not any("type" in e.instance_path[-1:] for e in way)]
    if not meant:
        yield error
    for way in meant:
        for inner in way:
            yield from _at_its_root(inner)


def _as_the_schema_knows_it(found: Any) -> Any:
    match found:
        case dict():
            known = {key: value for key, value in found.items() if key not in {"msteams", "choices.data"}}
            if known.get("style") == "filtered":
                known["style"] = "compact"
            return {key: _as_the_schema_knows_it(value) for key, value in known.items()}
        case list():
            return [_as_the_schema_knows_it(value) for value in found]
        case _:
            return found
