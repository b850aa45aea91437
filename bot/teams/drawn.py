"""Cards as Teams wants them: in a message, in a dialog, in the answer to a button."""

from typing import Any, Final, TypeAlias

from cards import adaptive
from cards.model import Banner, Buttons, Card, Form, Text, leaves
from domain.people import School

Payload: TypeAlias = dict[str, Any]

CARD: Final = "application/vnd.microsoft.card.adaptive"
MESSAGE: Final = "application/vnd.microsoft.activity.message"
SCHOOL: Final = "school"

_SHORT_FORM = 6
"""A form of so few parts needs no tall dialog."""


def message(card: Card, school: School | None) -> Payload:
    """A message with a card. What a notification shows of it is the card's summary, which holds no name."""
    return {"type": "message", "summary": card.summary, "attachments": [_attached(adaptive.card(card), school)]}


def as_text(card: Card) -> Payload:
    """The same without its card, for when Teams does not take that."""
    return {"type": "message", "text": f"{card.title}\n\n{card.summary}", "textFormat": "plain", "summary": card.summary}


def dialog(form: Form, school: School | None) -> Payload:
    """The answer that opens a dialog, or shows another form in the one that is open."""
    height = "small" if not form.submit and len(list(leaves(form))) <= _SHORT_FORM else "large"
    shown = {"title": form.title, "width": "medium", "height": height, "card": _attached(adaptive.form(form), school)}
    return {"task": {"type": "continue", "value": shown}}


def replaced(card: Card, school: School | None) -> Payload:
    """The answer to a button that shows a card to whoever pressed it, in place of the one with the button."""
    return {"statusCode": 200, "type": CARD, "value": _stamped(adaptive.card(card), school)}


def told(text: str) -> Payload:
    """The answer to a button that shows a line to whoever pressed it, and to nobody else."""
    return {"statusCode": 200, "type": MESSAGE, "value": text}


def line_of(card: Card) -> str | None:
    """What a short private answer says; None for a card that a line cannot hold."""
    parts = [part for part in leaves(card) if not isinstance(part, Buttons)]
    if any(not isinstance(part, Text | Banner) for part in parts):
        return None
    return " ".join(part.text for part in parts if isinstance(part, Text | Banner))


def _attached(card: Payload, school: School | None) -> Payload:
    return {"contentType": CARD, "content": _stamped(card, school)}


def _stamped(payload: Payload, school: School | None) -> Payload:
    """Adds to every button, and to every list to search, the school it is about: one Teams tenant can hold several."""
    if school is not None:
        _stamp(payload, school.id)
    return payload


def _stamp(piece: Any, school: str) -> None:
    if isinstance(piece, list):
        for one in piece:
            _stamp(one, school)
    elif isinstance(piece, dict):
        if piece.get("type") in {"Action.Execute", "Action.Submit"}:
            piece["data"][SCHOOL] = school
        query = piece.get("choices.data")
        if query is not None:
            query["dataset"] = f"{adaptive.PEOPLE_DATASET}:{school}"
        for value in piece.values():
            _stamp(value, school)
