"""The neutral card: what a message or a form says, never how a platform draws it.

Text here is plain text. A renderer escapes it, and shortens it to the platform's limits; no markup, mention or link is ever
read out of it. Every renderer must draw every part: it matches on the type and ends in `assert_never`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TypeAlias


class Tone(StrEnum):
    """How a banner speaks. Never by colour alone: each renderer gives it a word or a sign too."""

    INFO = "info"
    SUCCESS = "success"
    WARNING = "warning"
    DANGER = "danger"


class Weight(StrEnum):
    """How much a text stands out."""

    HEADING = "heading"
    BODY = "body"
    MUTED = "muted"


class ButtonStyle(StrEnum):
    """What pressing a button means. One primary button a card at most."""

    NORMAL = "normal"
    PRIMARY = "primary"
    DANGER = "danger"


@dataclass(frozen=True, slots=True)
class Text:
    """A paragraph. Line breaks are kept."""

    text: str
    weight: Weight = Weight.BODY


@dataclass(frozen=True, slots=True)
class Fact:
    """One labelled value."""

    label: str
    value: str


@dataclass(frozen=True, slots=True)
class Facts:
    """Labelled values, in a compact list."""

    items: tuple[Fact, ...]


@dataclass(frozen=True, slots=True)
class Banner:
    """Something that must not be overlooked. `word`: what a page says in place of the tone's own word, such as "Done"."""

    text: str
    tone: Tone = Tone.INFO
    word: str = ""


@dataclass(frozen=True, slots=True)
class Link:
    """A link of our own making to an http or https address. Links typed by people are shown as text."""

    label: str
    url: str


@dataclass(frozen=True, slots=True)
class Option:
    """One thing to choose. Options of the same `group` stand together under its name."""

    value: str
    label: str
    hint: str = ""
    group: str = ""


@dataclass(frozen=True, slots=True)
class Choice:
    """Choose one. `compact` is a list to open; otherwise every option is in sight (10 at most)."""

    id: str
    label: str
    options: tuple[Option, ...]
    value: str = ""
    hint: str = ""
    required: bool = True
    compact: bool = False


@dataclass(frozen=True, slots=True)
class TextField:
    """Free text. `live` fields tell the bot what is typed where the platform can, so that it survives a restart."""

    id: str
    label: str
    value: str = ""
    hint: str = ""
    placeholder: str = ""
    required: bool = True
    multiline: bool = False
    max_length: int = 3000
    live: bool = False


@dataclass(frozen=True, slots=True)
class MomentField:
    """A date and a time, in the school's time zone. `value` must be aware. Read back as ISO 8601."""

    id: str
    label: str
    value: datetime | None = None
    hint: str = ""
    required: bool = True


@dataclass(frozen=True, slots=True)
class PersonChoice:
    """A person picked or typed: `value` is `person:<id>` for somebody on the school's list, `text:<name>` for a typed name."""

    value: str
    label: str


@dataclass(frozen=True, slots=True)
class PeopleField:
    """One or more people, found as one types in the school's lists (`searchable`), any other name always accepted as typed.

    `listed_only`: no name that is not on the lists is taken, so that no field is drawn for one where there is a list.
    `longest`: so many characters a name may have that is typed.
    """

    id: str
    label: str
    value: tuple[PersonChoice, ...] = ()
    hint: str = ""
    required: bool = False
    searchable: bool = True
    most: int = 10
    listed_only: bool = False
    longest: int = 100


@dataclass(frozen=True, slots=True)
class Confirm:
    """A question asked before a button does anything."""

    title: str
    text: str
    yes: str
    no: str


@dataclass(frozen=True, slots=True)
class Button:
    """A button. `action` names what it does, `value` to which thing; `opens_form`: the answer is a form or a private card.

    `value` holds ids only, never a name.
    """

    action: str
    label: str
    value: str = ""
    style: ButtonStyle = ButtonStyle.NORMAL
    opens_form: bool = False
    confirm: Confirm | None = None


@dataclass(frozen=True, slots=True)
class Buttons:
    """Buttons in a row."""

    items: tuple[Button, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under column headings: a caption for screen readers, and what to say when there are none."""

    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    empty: str


@dataclass(frozen=True, slots=True)
class Section:
    """Parts that belong together under a heading. Sections do not nest."""

    title: str
    parts: tuple["Leaf", ...]


Field: TypeAlias = Choice | TextField | MomentField | PeopleField
Leaf: TypeAlias = Text | Facts | Banner | Link | Field | Buttons | Table
Part: TypeAlias = Leaf | Section


@dataclass(frozen=True, slots=True)
class Card:
    """What a message shows. `summary` is the one line for a notification: it carries no name either."""

    title: str
    summary: str
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Form:
    """What a dialog shows. `state` is handed back on submit: ids only. `errors` maps a field's id to what is wrong with it.

    Without `submit` it is only for reading. `submit` and `title` have 24 characters at most.
    """

    id: str
    title: str
    parts: tuple[Part, ...]
    submit: str = ""
    state: str = ""
    errors: Mapping[str, str] = field(default_factory=dict)


FieldValue: TypeAlias = str | tuple[str, ...]
FormValues: TypeAlias = Mapping[str, FieldValue]
"""What was filled in, by field id: a choice's value, a text, a moment in ISO 8601, people. Empty is '' or ()."""


def fields(form: Form | Card) -> Iterator[Field]:
    """The fields of a form, those inside sections too, in reading order."""
    for part in leaves(form):
        if isinstance(part, Choice | TextField | MomentField | PeopleField):
            yield part


def buttons(card: Form | Card) -> Iterator[Button]:
    """The buttons of a card, in reading order."""
    for part in leaves(card):
        if isinstance(part, Buttons):
            yield from part.items


def leaves(card: Form | Card) -> Iterator[Leaf]:
    """Every part but the sections themselves, in reading order."""
    for part in card.parts:
        if isinstance(part, Section):
            yield from part.parts
        else:
            yield part
