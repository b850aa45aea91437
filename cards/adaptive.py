"""The neutral card as an Adaptive Card of schema 1.5, which is what Teams shows.

Everything people typed goes into text runs, which are never read as Markdown. The few places that Teams does read as Markdown
(headings and the titles of choices) are neutralised. What is asked before a button acts becomes a card that the button unfolds,
with the real button in it: Adaptive Cards have no confirmation.
"""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeAlias, assert_never

from cards.layout import SIGNS, Room, fitting, led_by, may_be_followed, refuse_what_cannot_be_drawn, titled_leaves
from cards.model import (
    Banner,
    Button,
    Buttons,
    ButtonStyle,
    Card,
    Choice,
    Confirm,
    Facts,
    Field,
    Form,
    Leaf,
    Link,
    MomentField,
    Option,
    PeopleField,
    Table,
    Text,
    TextField,
    Tone,
    Weight,
    buttons,
    fields,
)
from cards.plain import ELLIPSIS, clean, has_ink, shorten, shown

Payload: TypeAlias = dict[str, Any]

SUBMIT: Final = "submit"
"""The action of a form's submit button, whose data names the form, as `dialog`, and hands back its `state`.

Its `fields` are there because Teams sends nothing at all for what was left empty.
"""

RESERVED: Final = frozenset({"action", "value", "dialog", "state", "fields", "page", "school", "msteams", "type"})
"""What a button's data holds beside what was filled in, which Teams puts into the same object: no field may be called so."""

DATE_SUFFIX: Final = ".date"
TIME_SUFFIX: Final = ".time"
"""A moment field is two inputs, in the time zone in which it was shown."""
TYPED_SUFFIX: Final = ".typed"
"""Where the names that a people field's list does not have are typed, one a line."""

PEOPLE_DATASET: Final = "people"
"""What Teams asks the bot to search when somebody types into a people field."""

_STYLES: Final = {Tone.INFO: "accent", Tone.SUCCESS: "good", Tone.WARNING: "warning", Tone.DANGER: "attention"}
_BUTTON_STYLES: Final = {ButtonStyle.NORMAL: "default", ButtonStyle.PRIMARY: "positive", ButtonStyle.DANGER: "destructive"}
_LINE_COLOURS: Final = {ButtonStyle.NORMAL: "Accent", ButtonStyle.PRIMARY: "Accent", ButtonStyle.DANGER: "Attention"}

_BUTTONS_A_ROW: Final = 5
"""Teams shows six actions of a set and hides the others behind a menu."""
_LONGEST_INPUT: Final = 3000
_BUTTON_LABEL: Final = 75
_WIDEST_BUTTON: Final = 40
"""In characters. A button keeps its words in one line, and where that is too narrow Teams cuts them off."""
_SUMMARY: Final = 1000
_TABLE_ROWS: Final = 100
_NARROWEST, _WIDEST = 18, 30
_CARD_CHARACTERS: Final = 38_000
"""Teams advises 80 kB for a message, and counts two bytes a character; what stands around the card needs some too."""

_MISSING: Final = "This is needed."
_UNLISTED: Final = "Anybody not in the list, one name a line"


def card(card: Card) -> Payload:
    """The card of a message. `fallbackText` is what a client shows that cannot draw it."""
    refuse_what_cannot_be_drawn(card)
    body = [*_heading(card.title, "Large"), *_body(card)]
    return {**_envelope(body), "fallbackText": shorten(card.summary if has_ink(card.summary) else card.title, _SUMMARY)}


def form(form: Form) -> Payload:
    """The card in a dialog, whose title is the dialog's own. Submitted it hands back the form's id and state with the values.

    In a dialog every button is an Action.Submit: Teams takes what it opens from the answer.
    """
    refuse_what_cannot_be_drawn(form)
    if reserved := RESERVED & {field.id for field in fields(form)}:
        raise ValueError(f"Form {form.id} has a field called {', '.join(sorted(reserved))}, which is a word of its buttons")
    drawn = _envelope([*_unplaced_errors(form), *_body(form)])
    if form.submit:
        drawn["actions"] = [_submit(form)]
    return drawn


def _envelope(body: list[Payload]) -> Payload:
    return {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.5",
        "body": body or _paragraph(shown("")),
        "msteams": {"width": "Full"},
    }


def _submit(form: Form) -> Payload:
    return {
        "type": "Action.Submit",
        "title": shorten(form.submit, _BUTTON_LABEL),
        "style": "positive",
        "data": {
            "action": SUBMIT,
            "dialog": form.id,
            "state": form.state,
            "fields": ",".join(field.id for field in fields(form)),
        },
    }


def _unplaced_errors(form: Form) -> list[Payload]:
    """What is wrong with the form as a whole: errors of no field in it."""
    known = {field.id for field in fields(form)}
    return [element for name, wrong in form.errors.items() if name not in known for element in _error(wrong)]


def _body(card: Card | Form) -> list[Payload]:
    """The parts that fit, and a line that says how many do not."""
    drawn: list[tuple[Leaf | None, Payload]] = [
        (leaf, element) for title, leaf in titled_leaves(card) for element in (*_heading(title, "Medium"), *_leaf(leaf, card))
    ]
    return fitting(drawn, Room(_CARD_CHARACTERS), _weight, _more)


def _weight(element: Payload) -> int:
    """In characters as Teams counts them, of two bytes each."""
    return len(json.dumps(element, ensure_ascii=False).encode("utf-16-le", "surrogatepass")) // 2


def _more(count: int) -> Payload:
    (line,) = _paragraph(f"{ELLIPSIS} and {count} more", isSubtle=True)
    return line


# One part


def _leaf(leaf: Leaf, card: Card | Form) -> list[Payload]:
    match leaf:
        case Text():
            return _text(leaf)
        case Facts():
            return [element for fact in leaf.items for element in _labelled(fact.label, fact.value)]
        case Banner():
            return [_banner(leaf)]
        case Link():
            return _link(leaf)
        case Choice() | TextField() | MomentField() | PeopleField():
            return _field(leaf, card)
        case Buttons():
            return _buttons(leaf, card)
        case Table():
            return _table(leaf, card)
        case _:
            assert_never(leaf)


def _text(part: Text) -> list[Payload]:
    match part.weight:
        case Weight.HEADING:
            return _heading(part.text, "Medium")
        case Weight.BODY:
            return _paragraph(part.text)
        case Weight.MUTED:
            return _paragraph(part.text, isSubtle=True, size="Small")
        case _:
            assert_never(part.weight)


def _heading(text: str, size: str) -> list[Payload]:
    """A heading as such for screen readers, which only a TextBlock can be."""
    if not has_ink(text):
        return []
    return [{"type": "TextBlock", "text": _unmarked(text), "style": "heading", "size": size, "weight": "Bolder", "wrap": True}]


def _paragraph(text: str, **style: Any) -> list[Payload]:
    """A text of one or more lines, each a block of its own: a text run keeps no line breaks."""
    return _lines([[_run(line, **style)] if has_ink(line) else [] for line in clean(text).strip("\n").split("\n")])


def _labelled(label: str, value: str) -> list[Payload]:
    first, *rest = shown(value).strip("\n").split("\n")
    lines = [[_run(line)] if has_ink(line) else [] for line in rest]
    return _lines([[_run(led_by(shown(label)), weight="Bolder"), _run(shown(first))], *lines], apart="Small")


def _lines(lines: Sequence[list[Payload]], apart: str = "Default") -> list[Payload]:
    """Lines close together, with a gap where one is empty."""
    drawn: list[Payload] = []
    spacing = apart
    for line in lines:
        if line:
            drawn.append({"type": "RichTextBlock", "inlines": line, "spacing": spacing})
            spacing = "None"
        elif drawn:
            spacing = "Medium"
    return drawn


def _run(text: str, **style: Any) -> Payload:
    return {"type": "TextRun", "text": _without_functions(clean(text)), **style}


def _banner(part: Banner) -> Payload:
    """A coloured box with a sign, its first line in bold."""
    first, *rest = shown(part.text).strip("\n").split("\n")
    runs = [_run(f"{SIGNS[part.tone]} {first}", weight="Bolder")]
    lines = [[_run(line)] if has_ink(line) else [] for line in rest]
    return {"type": "Container", "style": _STYLES[part.tone], "items": _lines([runs, *lines])}


def _link(part: Link) -> list[Payload]:
    if may_be_followed(part.url):
        action = {"type": "Action.OpenUrl", "title": shorten(part.label, _BUTTON_LABEL), "url": part.url}
        return [{"type": "ActionSet", "actions": [action]}]
    return _paragraph(f"{part.label}: {part.url}")


def _table(part: Table, card: Card | Form) -> list[Payload]:
    caption = [] if part.caption == card.title else _paragraph(part.caption, isSubtle=True, size="Small")
    width = max(len(part.columns), *(len(row) for row in part.rows), 0) if part.rows else 0
    if not width:
        return [*caption, *_paragraph(part.empty)]
    rows = [_row(part.columns, width, weight="Bolder"), *(_row(row, width) for row in part.rows[:_TABLE_ROWS])]
    table = {"type": "Table", "columns": _columns([part.columns, *part.rows[:_TABLE_ROWS]], width), "rows": rows}
    hidden = len(part.rows) - _TABLE_ROWS
    return [*caption, table, *([_more(hidden)] if hidden > 0 else [])]


def _columns(rows: Sequence[Sequence[str]], width: int) -> list[Payload]:
    """Columns as wide as what stands in them, within reason: Teams breaks words where one is too narrow."""
    longest = [max(len(row[n]) if n < len(row) else 0 for row in rows) for n in range(width)]
    return [{"width": min(max(length, _NARROWEST), _WIDEST)} for length in longest]


def _row(cells: Sequence[str], width: int, **style: Any) -> Payload:
    padded = [*cells, *[""] * (width - len(cells))]
    return {"type": "TableRow", "cells": [{"type": "TableCell", "items": _paragraph(shown(cell), **style)} for cell in padded]}


# Buttons


def _buttons(part: Buttons, card: Card | Form) -> list[Payload]:
    if any(len(button.label) > _WIDEST_BUTTON for button in part.items) and not any(button.confirm for button in part.items):
        return [_line_to_press(button, card) for button in part.items]
    rows = [part.items[start : start + _BUTTONS_A_ROW] for start in range(0, len(part.items), _BUTTONS_A_ROW)]
    return [{"type": "ActionSet", "actions": [_button(button, card) for button in row]} for row in rows]


def _line_to_press(button: Button, card: Card | Form) -> Payload:
    """A button whose words may take more than one line; the lines of a part stand below one another."""
    title = _label(button.label)
    return {
        "type": "Container",
        "separator": True,
        "spacing": "Small",
        "minHeight": "32px",
        "verticalContentAlignment": "Center",
        "selectAction": {**_action(button, card), "title": title},
        "items": _paragraph(shown(title), color=_LINE_COLOURS[button.style], weight="Bolder"),
    }


def _button(button: Button, card: Card | Form) -> Payload:
    title, style = _label(button.label), _BUTTON_STYLES[button.style]
    if button.confirm is None:
        return {**_action(button, card), "title": title, "style": style}
    return {"type": "Action.ShowCard", "title": title, "style": style, "card": _question(button, button.confirm, card)}


def _label(text: str) -> str:
    return shorten(_without_functions(text), _BUTTON_LABEL)


def _question(button: Button, question: Confirm, card: Card | Form) -> Payload:
    """Pressing the first button again folds the question away, so that there is no button for «no»."""
    yes = {**_action(button, card), "title": _label(question.yes), "style": _BUTTON_STYLES[button.style]}
    return {
        "type": "AdaptiveCard",
        "body": [*_heading(question.title, "Default"), *_paragraph(question.text)],
        "actions": [yes],
    }


def _action(button: Button, card: Card | Form) -> Payload:
    data: Payload = {"action": button.action, "value": button.value}
    match card:
        case Form():
            return {"type": "Action.Submit", "data": data}
        case Card() if button.opens_form:
            return {"type": "Action.Submit", "data": {"msteams": {"type": "task/fetch"}, **data}}
        case Card():
            return {"type": "Action.Execute", "verb": button.action, "data": data}
        case _:
            assert_never(card)


# Fields


def _field(field: Field, card: Card | Form) -> list[Payload]:
    """A field with what is wrong with it above and its hint below."""
    wrong = _error(card.errors[field.id]) if isinstance(card, Form) and field.id in card.errors else []
    hint = [{**line, "spacing": "None"} for line in _paragraph(field.hint, isSubtle=True, size="Small")]
    first, *others = _inputs(field, card)
    return [*wrong, first, *hint, *others]


def _error(wrong: str) -> list[Payload]:
    return _paragraph(f"⚠️ {shown(wrong)}", color="Attention", weight="Bolder")


def _inputs(field: Field, card: Card | Form) -> list[Payload]:
    match field:
        case Choice():
            return [_choice(field, card)]
        case TextField():
            return [_text_input(field, card)]
        case MomentField():
            return [_moment(field, card)]
        case PeopleField():
            return _people(field, card)
        case _:
            assert_never(field)


def _input(kind: str, input_id: str, label: str, **more: Any) -> Payload:
    return {"type": f"Input.{kind}", "id": input_id, "label": shown(label), **more}


def _needed(field: Field, card: Card | Form) -> Payload:
    """Teams itself asks for a required input before any button acts; so where there are other buttons only the bot asks."""
    return {"isRequired": True, "errorMessage": _MISSING} if field.required and not any(buttons(card)) else {}


def _choice(field: Choice, card: Card | Form) -> Payload:
    drawn = _input("ChoiceSet", field.id, field.label, style="compact" if field.compact else "expanded", wrap=True)
    drawn["choices"] = [{"title": _unmarked(_choice_title(option)), "value": option.value} for option in field.options]
    if field.value in {option.value for option in field.options}:
        drawn["value"] = field.value
    return {**drawn, **_needed(field, card)}


def _choice_title(option: Option) -> str:
    """All that is said of an option, since a choice has a title only; what tells it apart first: a list cuts the end off."""
    label = f"{shown(option.label)} – {option.hint}" if has_ink(option.hint) else shown(option.label)
    return f"{label} · {option.group}" if has_ink(option.group) else label


def _text_input(field: TextField, card: Card | Form) -> Payload:
    most = max(field.max_length, len(clean(field.value)), 1)  # never refuse what was accepted before
    drawn = _input("Text", field.id, field.label, isMultiline=field.multiline, maxLength=most)
    if field.value:
        drawn["value"] = clean(field.value)
    if has_ink(field.placeholder):
        drawn["placeholder"] = clean(field.placeholder)
    return {**drawn, **_needed(field, card)}


def _moment(field: MomentField, card: Card | Form) -> Payload:
    day = _input("Date", field.id + DATE_SUFFIX, f"{shown(field.label)} (date)", **_needed(field, card))
    time = _input("Time", field.id + TIME_SUFFIX, f"{shown(field.label)} (time)", **_needed(field, card))
    if field.value is not None:
        day["value"] = field.value.strftime("%Y-%m-%d").zfill(10)
        time["value"] = field.value.strftime("%H:%M")
    return {"type": "ColumnSet", "columns": [{"type": "Column", "width": "stretch", "items": [one]} for one in (day, time)]}


def _people(field: PeopleField, card: Card | Form) -> list[Payload]:
    """A list that is searched as one types, and a text for the names it does not have. Without a list, the text alone."""
    if not field.searchable:
        names = [person.label for person in field.value]
        return [{**_typed_names(field, field.label, names), **_needed(field, card)}]
    listed = [person for person in field.value if not person.value.startswith("text:")]
    typed = [person.label for person in field.value if person.value.startswith("text:")]
    search = _input("ChoiceSet", field.id, field.label, style="filtered", isMultiSelect=True)
    search["choices"] = [{"title": _unmarked(shown(person.label)), "value": person.value} for person in listed]
    search["choices.data"] = {"type": "Data.Query", "dataset": PEOPLE_DATASET}
    if listed:
        search["value"] = ",".join(person.value for person in listed)
    # What was typed before is drawn all the same: nobody could take out what they do not see.
    return [search] if field.listed_only and not typed else [search, _typed_names(field, _UNLISTED, typed)]


def _typed_names(field: PeopleField, label: str, names: Sequence[str]) -> Payload:
    lines = "\n".join(" ".join(clean(name).split()) for name in names)
    drawn = _input("Text", field.id + TYPED_SUFFIX, label, isMultiline=True, maxLength=max(_LONGEST_INPUT, len(lines)))
    return {**drawn, "value": lines} if has_ink(lines) else drawn


# Markdown


_LOOKALIKES: Final[Mapping[str, str]] = {"*": "∗", "_": "ˍ", "`": "ˋ", "~": "∼", "\\": "∖", "[": "［", "]": "］", "&": "＆"}
_INLINE: Final = re.compile(r"[*`~\\]|(?<!\w)_|_(?!\w)|\[(?=[^\[\]]*\]\()|\](?=\()|&(?=#?\w+;)")
_LINE_START: Final = re.compile(r"^(\s*)([-+#>]|\d+[.)])(?=\s)", re.MULTILINE)
_FUNCTION: Final = re.compile(r"\{(?=\{)|(?<=\$)(?=\{)")
_WORD_JOINER: Final = "\u2060"


def _unmarked(text: str) -> str:
    """The text for a place that is read as Markdown: what would be markup becomes a letter that looks like it."""
    inline = _INLINE.sub(lambda found: _LOOKALIKES[found[0]], _without_functions(shown(text)))
    return _LINE_START.sub(lambda found: f"{found[1]}{_WORD_JOINER}{found[2]}", inline)


def _without_functions(text: str) -> str:
    """Keeps `{{DATE(…)}}`, which Teams works out, and `${…}`, which templates fill in, from being either."""
    return _FUNCTION.sub(lambda found: f"{found[0]}{_WORD_JOINER}", text)
