"""Cards as Teams wants them: in a message, in a dialog, in the answer to a button."""

from collections.abc import Sequence
from typing import Any, Final, TypeAlias

from cards import adaptive
from cards.model import Banner, Buttons, Card, Form, Text, Tone, leaves
from cards.texts import say
from domain.people import School

Payload: TypeAlias = dict[str, Any]

CARD: Final = "application/vnd.microsoft.card.adaptive"
PREVIEW: Final = "application/vnd.microsoft.card.thumbnail"
MESSAGE: Final = "application/vnd.microsoft.activity.message"
SCHOOL: Final = "school"
PAGE: Final = "page"

_SHORT_FORM = 6
"""A form of so few parts needs no tall dialog."""


def message(card: Card, school: School | None, page: str = "") -> Payload:
    """A message with a card. What a notification shows of it is the card's summary, which holds no name.

    `page`: the list that it is, if it is one, so that a button pressed in it can show it anew.
    """
    return {"type": "message", "summary": card.summary, "attachments": [_attached(adaptive.card(card), school, page)]}


def as_text(card: Card) -> Payload:
    """The same without its card, for when Teams does not take that."""
    return {"type": "message", "text": f"{card.title}\n\n{card.summary}", "textFormat": "plain", "summary": card.summary}


def dialog(form: Form, school: School | None) -> Payload:
    """The answer that opens a dialog, or shows another form in the one that is open."""
    height = "small" if not form.submit and len(list(leaves(form))) <= _SHORT_FORM else "large"
    shown = {"title": form.title, "width": "medium", "height": height, "card": _attached(adaptive.form(form), school)}
    return {"task": {"type": "continue", "value": shown}}


def replaced(card: Card, school: School | None, page: str = "") -> Payload:
    """The answer to a button that shows a card to whoever pressed it, in place of the one with the button."""
    return {"statusCode": 200, "type": CARD, "value": _stamped(adaptive.card(card), school, page)}


def results(cards: Sequence[Card]) -> Payload:
    """The answer to a query of the message extension: cards to choose from, each with a line to know it by."""
    found = []
    for card in cards:
        title, text = card.title, next((p.text for p in card.parts if isinstance(p, Banner)), "")
        preview = {"contentType": PREVIEW, "content": {"title": title, "text": text}}
        found.append({**_attached(adaptive.card(card), None), "preview": preview})
    return {"composeExtension": {"type": "result", "attachmentLayout": "list", "attachments": found}}


def again(data: Payload, text: str, label: str) -> Payload:
    """The answer to a form that could not be taken: what was typed, and a button that sends all of it once more."""
    typed = [str(value) for name, value in data.items() if name not in adaptive.RESERVED and _was_typed(value)]
    form = Form("again", say("bot.name"), (Banner(text, Tone.DANGER), *(Text(value) for value in typed)))
    card = adaptive.form(form)
    card["actions"] = [{"type": "Action.Submit", "title": label, "style": "positive", "data": data}]
    shown = {"title": form.title, "width": "medium", "height": "large", "card": {"contentType": CARD, "content": card}}
    return {"task": {"type": "continue", "value": shown}}


def _was_typed(value: object) -> bool:
    """Whether it is worth reading: not a choice's or a person's id."""
    return isinstance(value, str) and (" " in value or "\n" in value)


def told(text: str) -> Payload:
    """The answer to a button that shows a line to whoever pressed it, and to nobody else."""
    return {"statusCode": 200, "type": MESSAGE, "value": text}


def line_of(card: Card) -> str | None:
    """What a short private answer says; None for a card that a line cannot hold, such as a list."""
    if any(not isinstance(part, Banner | Buttons) for part in card.parts):
        return None
    return " ".join(part.text for part in card.parts if isinstance(part, Banner))


def _attached(card: Payload, school: School | None, page: str = "") -> Payload:
    return {"contentType": CARD, "content": _stamped(card, school, page)}


def _stamped(payload: Payload, school: School | None, page: str) -> Payload:
    """Adds to every button, and to every list to search, the school it is about: one Teams tenant can hold several."""
    if school is not None:
        _stamp(payload, {SCHOOL: school.id, **({PAGE: page} if page else {})})
    return payload


def _stamp(piece: Any, more: dict[str, str]) -> None:
    if isinstance(piece, list):
        for one in piece:
            _stamp(one, more)
    elif isinstance(piece, dict):
        if piece.get("type") in {"Action.Execute", "Action.Submit"}:
            piece["data"] |= more
        query = piece.get("choices.data")
        if query is not None:
            query["dataset"] = f"{adaptive.PEOPLE_DATASET}:{more[SCHOOL]}"
        for value in piece.values():
            _stamp(value, more)
