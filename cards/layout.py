"""What the chat renderers need to know of a card before they draw it."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar
from urllib.parse import urlsplit

from cards.model import Buttons, Card, Choice, Form, Leaf, MomentField, PeopleField, Section, Text, TextField, Tone, fields

T = TypeVar("T")

SIGNS: Final = {Tone.INFO: "ℹ️", Tone.SUCCESS: "✅", Tone.WARNING: "⚠️", Tone.DANGER: "⛔"}
"""What shows a banner's tone to those who do not see its colour."""

_LONGEST_URL: Final = 3000
_ACTING: Final = (Buttons, Choice, TextField, MomentField, PeopleField)


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


@dataclass(frozen=True, slots=True)
class Room:
    """What a chat takes of a card: how much in all, in its own measure, and how many pieces."""

    weight: int
    pieces: int = 1_000_000


def fitting(
    drawn: Sequence[tuple[Leaf | None, T]], room: Room, weight: Callable[[T], int], more: Callable[[int], T]
) -> list[T]:
    """The pieces, or as many as there is room for, and a piece of `more` that says how many parts are not wholly shown.

    What is pressed or filled in stays, whatever has to go: without its buttons nobody could answer for a long case.
    Where not even that fits, the end goes.
    """
    weights = [weight(piece) for _, piece in drawn]
    if len(drawn) <= room.pieces and sum(weights) <= room.weight:
        return [piece for _, piece in drawn]
    note = weight(more(len(drawn)))
    acting = [isinstance(leaf, _ACTING) for leaf, _ in drawn]
    acting_weight = sum(w for w, acts in zip(weights, acting, strict=True) if acts)
    if acting_weight + note > room.weight or sum(acting) + 1 > room.pieces:
        acting, acting_weight = [False] * len(drawn), 0
    left, places = room.weight - note - acting_weight, room.pieces - 1 - sum(acting)
    kept: list[T] = []
    cut_at: int | None = None
    missing: dict[int, None] = {}
    for (leaf, piece), its_weight, acts in zip(drawn, weights, acting, strict=True):
        if acts:
            kept.append(piece)
        elif cut_at is None and its_weight <= left and places > 0:
            left, places = left - its_weight, places - 1
            kept.append(piece)
        else:
            cut_at = len(kept) if cut_at is None else cut_at
            missing[id(leaf)] = None
    return [*kept[:cut_at], more(len(missing)), *kept[cut_at:]]


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


def led_by(label: str) -> str:
    """What stands before a value in the same line: a colon after its label, but not after a question."""
    return f"{label} " if label.endswith("?") else f"{label}: "


def may_be_followed(url: str) -> bool:
    """Whether an address may become a link: http or https, and nothing in it that could hide where it leads."""
    if len(url) > _LONGEST_URL or not url.isprintable() or any(character.isspace() or character in '<>|"' for character in url):
        return False
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.netloc)
