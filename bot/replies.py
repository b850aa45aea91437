"""What the desk tells an edge to show, in no platform's terms."""

from dataclasses import dataclass
from typing import TypeAlias

from cards.model import Card, Form


@dataclass(frozen=True, slots=True)
class ShowForm:
    """Open a dialog, or put this in place of the one that is open."""

    form: Form


@dataclass(frozen=True, slots=True)
class WrongForm:
    """The form that was sent is wrong: show `form.errors` at its fields and lose nothing typed.

    `grown` where the form has fields that it did not have before, so that it must be shown anew.
    """

    form: Form
    grown: bool


@dataclass(frozen=True, slots=True)
class Tell:
    """Show a card to this person alone. `refused`: it says that what they wanted is not for them."""

    card: Card
    refused: bool = False


@dataclass(frozen=True, slots=True)
class Post:
    """Show a card to everybody where the button was pressed, because this person wants them to see it."""

    card: Card


@dataclass(frozen=True, slots=True)
class Silence:
    """Nothing to say: what was done shows by itself."""


Reply: TypeAlias = ShowForm | WrongForm | Tell | Post | Silence
