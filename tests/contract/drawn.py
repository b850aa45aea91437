"""The corpus as it is sent: each card and form as a payload of each platform."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from cards import adaptive, blockkit
from cards.model import Card, Form
from tests.contract.corpus import HOME, entries


@dataclass(frozen=True, slots=True)
class Drawn:
    """One card or form of the corpus, and what each platform is sent of it. `surface`: message, home or modal."""

    name: str
    card: Card | Form
    surface: str
    slack: Mapping[str, Any]
    teams: Mapping[str, Any]


@cache
def corpus() -> tuple[Drawn, ...]:
    """All of it, drawn once."""
    return tuple(_draw())


def _draw() -> Iterator[Drawn]:
    for name, card in entries():
        if isinstance(card, Form):
            yield Drawn(name, card, "modal", blockkit.modal(card), adaptive.form(card))
        elif name.startswith(HOME):
            yield Drawn(name, card, "home", blockkit.home(card), adaptive.card(card))
        else:
            yield Drawn(name, card, "message", blockkit.message(card), adaptive.card(card))
