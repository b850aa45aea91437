"""What the chat renderers need to know of a card before they draw it."""

from collections import Counter
from collections.abc import Iterator
from typing import Final
from urllib.parse import urlsplit

from cards.model import Card, Choice, Form, Leaf, Section, Text, Tone, fields

SIGNS: Final = {Tone.INFO: "ℹ️", Tone.SUCCESS: "✅", Tone.WARNING: "⚠️", Tone.DANGER: "⛔"}
"""What shows a banner's tone to those who do not see its colour."""

_LONGEST_URL: Final = 3000


def titled_leaves(card: Card | Form) -> Iterator[tuple[str, Leaf]]:
    """The parts in reading order, the first of each section with the section's title."""
    for part in card.parts:
        if not isinstance(part, Section):
            yield "", part
        elif not part.parts:
            yield part.title, Text("")
        else:
            yield part.title, part.parts[0]
            yield from (("", leaf) for leaf in part.parts[1:])


def refuse_what_cannot_be_drawn(card: Card | Form) -> None:
    """Raises ValueError for a card that no platform can show as it is meant.

    Fields that share an id, a choice of nothing or of the same thing twice, fields that nothing would ever send.
    """
    doubled = [name for name, times in Counter(field.id for field in fields(card)).items() if times > 1]
    if doubled:
        raise ValueError(f"Two fields share an id: {', '.join(doubled)}")
    for choice in (field for field in fields(card) if isinstance(field, Choice)):
        _refuse_wrong_choice(choice)
    if isinstance(card, Form) and not card.submit and any(fields(card)):
        raise ValueError(f"Form {card.id} has fields, so it needs a submit button")


def _refuse_wrong_choice(choice: Choice) -> None:
    if not choice.options:
        raise ValueError(f"Choice {choice.id} has nothing to choose from")
    if len({option.value for option in choice.options}) < len(choice.options):
        raise ValueError(f"Two options of choice {choice.id} share a value")


def labelled_errors(form: Form) -> dict[str, str]:
    """What is wrong with a form, by field id, each under its field's label."""
    labels = {field.id: field.label for field in fields(form)}
    return {name: f"{labels[name]}: {wrong}" if name in labels else wrong for name, wrong in form.errors.items()}


def may_be_followed(url: str) -> bool:
    """Whether an address may become a link: http or https, and nothing in it that could hide where it leads."""
    if len(url) > _LONGEST_URL or not url.isprintable() or any(character.isspace() or character in '<>|"' for character in url):
        return False
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.netloc)
