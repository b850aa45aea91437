"""The neutral card as Slack's Block Kit.

Everything people typed goes into `plain_text` objects and rich text elements, which Slack never reads as markup: no mention,
link, bold or emoji code comes alive. The one text that Slack does read as markup, a message's fallback line, is neutralised.
"""

import json
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from enum import StrEnum
from itertools import groupby
from typing import Any, Final, TypeAlias, TypeVar, assert_never

from cards.layout import (
    SIGNS,
    Room,
    fitting,
    labelled_errors,
    led_by,
    may_be_followed,
    refuse_what_cannot_be_drawn,
    titled_leaves,
)
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
    PersonChoice,
    Table,
    Text,
    TextField,
    Tone,
    Weight,
)
from cards.plain import ELLIPSIS, clean, has_ink, pieces, shorten, shown
from cards.texts import say

Payload: TypeAlias = dict[str, Any]

LINES_SUFFIX: Final = ":lines"
"""Ends the action id of a people field that is typed, one name a line, so that what comes back is read as such."""

# Slack's limits, from its Block Kit reference.
_TEXT: Final = 3000
_HEADER: Final = 150
_VIEW_TITLE: Final = 24
_INPUT_LABEL: Final = 2000
_PLACEHOLDER: Final = 150
_OPTION: Final = 75
_OPTIONS: Final = 100
_RADIO_OPTIONS: Final = 10
_BUTTON_LABEL: Final = 75
_WIDEST_BUTTON: Final = 30
"""In characters. Slack takes longer labels, and says that it may cut them off."""
_BUTTON_VALUE: Final = 2000
_BUTTONS_A_ROW: Final = 5
_CONFIRM_TITLE: Final = 100
_CONFIRM_TEXT: Final = 300
_CONFIRM_BUTTON: Final = 30
_STATE: Final = 3000
_TABLE_ROWS: Final = 100
_TABLE_COLUMNS: Final = 20
_FALLBACK: Final = 3000

# Not in the reference: `chat.postMessage` answers msg_blocks_too_long somewhere above 11,000 characters in all blocks
# together (slackapi/bolt-js issues 2509 and 2867), and a table may hold 10,000. A view may weigh 250 kB.
_MESSAGE_CHARACTERS: Final = 10_000
_VIEW_BYTES: Final = 200_000

_CANCEL: Final = "Cancel"
_CLOSE: Final = "Close"


class _Surface(StrEnum):
    """Where the blocks are shown."""

    MESSAGE = "message"
    MODAL = "modal"
    HOME = "home"

    @property
    def most_blocks(self) -> int:
        return 50 if self is _Surface.MESSAGE else 100

    @property
    def most_weight(self) -> int:
        return _MESSAGE_CHARACTERS if self is _Surface.MESSAGE else _VIEW_BYTES

    def weight(self, block: Payload) -> int:
        """What a block takes of `most_weight`: characters of text in a message, bytes in a view."""
        return _characters(block) if self is _Surface.MESSAGE else len(json.dumps(block))


def message(card: Card) -> Payload:
    """The arguments of a message: its blocks, and the line for notifications and screen readers."""
    return {"text": _fallback(card), "blocks": _blocks(card, _Surface.MESSAGE)}


def modal(form: Form) -> Payload:
    """The view of a dialog. Its `callback_id` is the form's id and its `private_metadata` the form's state."""
    if len(form.state) > _STATE:
        raise ValueError(f"The state of form {form.id} is longer than {_STATE} characters")
    view: Payload = {
        "type": "modal",
        "callback_id": form.id,
        "private_metadata": form.state,
        "title": _plain(form.title, _VIEW_TITLE),
        "close": _plain(_CANCEL if form.submit else _CLOSE, _VIEW_TITLE),
        "blocks": _blocks(form, _Surface.MODAL),
    }
    if form.submit:
        view["submit"] = _plain(form.submit, _VIEW_TITLE)
    return view


def home(card: Card) -> Payload:
    """The view of the app's home tab."""
    return {"type": "home", "blocks": _blocks(card, _Surface.HOME)}


def option(value: str, label: str, hint: str = "") -> Payload:
    """One thing to choose, in a list or among the suggestions for what is being typed."""
    if len(value) > _OPTION:
        raise ValueError(f"Slack takes option values of at most {_OPTION} characters, not {len(value)}")
    drawn: Payload = {"text": _plain(label, _OPTION), "value": value}
    if has_ink(hint):
        drawn["description"] = _plain(hint, _OPTION)
    return drawn


def action_name(action_id: str) -> str:
    """The button's action, without the number that told it from a like button in the same view."""
    return re.sub(r"#\d+\Z", "", action_id)


# The card as a whole


def _blocks(card: Card | Form, surface: _Surface) -> list[Payload]:
    refuse_what_cannot_be_drawn(card)
    drawn: list[tuple[Leaf | None, Payload]] = [(None, block) for block in _opening(card)]
    drawn += _parts(card, surface)
    room = Room(surface.most_weight, surface.most_blocks)
    blocks = fitting(drawn, room, surface.weight, _more) or _muted(shown(""))
    return _with_distinct_actions(blocks)


def _opening(card: Card | Form) -> list[Payload]:
    """What stands before the parts: a message's heading, or what was wrong with a form (a dialog shows its own title)."""
    match card:
        case Card():
            return _heading(card.title)
        case Form():
            return _errors(card)
        case _:
            assert_never(card)


def _errors(form: Form) -> list[Payload]:
    """What was wrong, above the fields. Slack puts errors at the fields only in answer to a submit."""
    if not form.errors:
        return []
    return _banner(Banner("\n".join(labelled_errors(form).values()), Tone.DANGER))


def _parts(card: Card | Form, surface: _Surface) -> list[tuple[Leaf, Payload]]:
    """The blocks of each part, with the part."""
    drawn: list[tuple[Leaf, Payload]] = []
    for title, leaf in titled_leaves(card):
        blocks = [*_heading(title), *_leaf(leaf, surface, [block for _, block in drawn])]
        drawn += [(leaf, block) for block in blocks]
    return drawn


def _more(parts: int) -> Payload:
    return {"type": "context", "elements": [_plain(f"{ELLIPSIS} and {parts} more", _TEXT)]}


def _with_distinct_actions(blocks: list[Payload]) -> list[Payload]:
    """The same action more than once in a view gets a number, since Slack tells buttons apart by it."""
    seen: Counter[str] = Counter()
    for element in (element for block in blocks if block["type"] == "actions" for element in block["elements"]):
        name = element["action_id"]
        seen[name] += 1
        if seen[name] > 1:
            element["action_id"] = f"{name}#{seen[name]}"
    return blocks


# One part


def _leaf(leaf: Leaf, surface: _Surface, before: Sequence[Payload]) -> list[Payload]:
    match leaf:
        case Text():
            return _text(leaf)
        case Facts():
            return _facts(leaf)
        case Banner():
            return _banner(leaf)
        case Link():
            return _link(leaf)
        case Choice() | TextField() | MomentField() | PeopleField():
            return [_input(leaf)]
        case Buttons():
            return _buttons(leaf)
        case Table():
            return _table(leaf, surface, before)
        case _:
            assert_never(leaf)


def _text(part: Text) -> list[Payload]:
    match part.weight:
        case Weight.HEADING:
            return _heading(part.text)
        case Weight.BODY:
            return [{"type": "section", "text": _plain(piece, _TEXT)} for piece in pieces(part.text, _TEXT)]
        case Weight.MUTED:
            return _muted(part.text)
        case _:
            assert_never(part.weight)


def _heading(text: str) -> list[Payload]:
    if not has_ink(text):
        return []
    if len(clean(text)) <= _HEADER:
        return [{"type": "header", "text": _plain(text, _HEADER)}]
    return [_rich([_run(piece, bold=True)]) for piece in pieces(text, _TEXT)]


def _muted(text: str) -> list[Payload]:
    return [{"type": "context", "elements": [_plain(piece, _TEXT)]} for piece in pieces(text, _TEXT)]


def _facts(part: Facts) -> list[Payload]:
    lines = [[_run(led_by(shorten(fact.label, _HEADER)), bold=True), *_runs(fact.value)] for fact in part.items]
    return [_rich(_joined_lines(group)) for group in _groups_by_length(lines)]


def _banner(part: Banner) -> list[Payload]:
    """A bar at the side, a sign, and the first line in bold."""
    first, _, rest = shown(part.text).strip().partition("\n")
    runs = [_run(f"{SIGNS[part.tone]} "), *_runs(first, bold=True)]
    if has_ink(rest):
        runs += [_run("\n"), *_runs(rest)]
    return [
        {"type": "rich_text", "elements": [{"type": "rich_text_quote", "elements": group}]} for group in _groups_of_runs(runs)
    ]


def _link(part: Link) -> list[Payload]:
    """A link, which needs no answer from us, as a link button would. Any other address is shown and cannot be followed."""
    if may_be_followed(part.url):
        return [_rich([{"type": "link", "url": part.url, "text": shorten(part.label, _TEXT)}])]
    return _text(Text(f"{part.label}: {part.url}"))


def _buttons(part: Buttons) -> list[Payload]:
    blocks: list[Payload] = []
    for long, together in groupby(part.items, lambda button: len(button.label) > _WIDEST_BUTTON):
        if long:
            blocks += [_line_to_press(button) for button in together]
        else:
            rows = _in_groups(tuple(together), _BUTTONS_A_ROW)
            blocks += [{"type": "actions", "elements": [_button(button) for button in row]} for row in rows]
    return blocks


def _line_to_press(button: Button) -> Payload:
    """A long label as a line of text, which wraps, beside a short button. Who hears the page hears the label on the button."""
    drawn = {**_button(button), "text": _plain(say("page.choose"), _BUTTON_LABEL)}
    drawn["accessibility_label"] = shorten(button.label, _BUTTON_LABEL)
    return {"type": "section", "text": _plain(button.label, _TEXT), "accessory": drawn}


def _button(button: Button) -> Payload:
    if len(button.value) > _BUTTON_VALUE:
        raise ValueError(f"The value of button {button.action} is longer than {_BUTTON_VALUE} characters")
    drawn: Payload = {"type": "button", "action_id": button.action, "text": _plain(button.label, _BUTTON_LABEL)}
    if button.value:
        drawn["value"] = button.value
    if button.style is not ButtonStyle.NORMAL:
        drawn["style"] = button.style.value
    if button.confirm is not None:
        drawn["confirm"] = _confirm(button.confirm, button.style)
    return drawn


def _confirm(question: Confirm, style: ButtonStyle) -> Payload:
    return {
        "title": _plain(question.title, _CONFIRM_TITLE),
        "text": _plain(question.text, _CONFIRM_TEXT),
        "confirm": _plain(question.yes, _CONFIRM_BUTTON),
        "deny": _plain(question.no, _CONFIRM_BUTTON),
        "style": "danger" if style is ButtonStyle.DANGER else "primary",
    }


# Tables


def _table(part: Table, surface: _Surface, before: Sequence[Payload]) -> list[Payload]:
    if not part.rows:
        return [*_muted(part.caption), *_text(Text(part.empty))]
    block = _table_block(part)
    fits = surface is _Surface.MESSAGE and _is_within_limits(part) and _is_room_for_table(block, before)
    return [*_muted(part.caption), *([block] if fits else _table_as_list(part))]


def _is_within_limits(part: Table) -> bool:
    return len(part.rows) < _TABLE_ROWS and 0 < _width(part) <= _TABLE_COLUMNS


def _is_room_for_table(block: Payload, before: Sequence[Payload]) -> bool:
    """Slack takes one table a message, and its characters count with all the others."""
    taken = sum(_characters(earlier) for earlier in before) + _characters(block)
    return all(earlier["type"] != "table" for earlier in before) and taken <= _MESSAGE_CHARACTERS * 9 // 10


def _width(part: Table) -> int:
    return max(len(part.columns), *(len(row) for row in part.rows))


def _table_block(part: Table) -> Payload:
    width = _width(part)
    header = [_cell(text, bold=True) for text in _padded(part.columns, width)]
    rows = [[_cell(text) for text in _padded(row, width)] for row in part.rows]
    return {"type": "table", "rows": [header, *rows], "column_settings": [{"is_wrapped": True}] * min(width, _TABLE_COLUMNS)}


def _cell(text: str, *, bold: bool = False) -> Payload:
    """A rich text cell: Slack's servers have answered `raw_text` cells with errors, and only these can be bold."""
    return _rich([_run(shown(text), bold=bold)])


def _padded(row: Sequence[str], width: int) -> list[str]:
    return [*row, *[""] * (width - len(row))]


def _table_as_list(part: Table) -> list[Payload]:
    lines = [_row_as_line(part, row) for row in part.rows]
    return [
        {"type": "rich_text", "elements": [{"type": "rich_text_list", "style": "bullet", "elements": _sections(group)}]}
        for group in _groups_by_length(lines)
    ]


def _row_as_line(part: Table, row: Sequence[str]) -> list[Payload]:
    """The first cell in bold, then each other cell after its column's name."""
    first, *others = [*row, *[""] * (1 - len(row))]
    runs = _runs(first, bold=True)
    for column, value in zip(_padded(part.columns[1:], len(others)), others, strict=False):
        if has_ink(value):
            label = f"{shorten(column, _HEADER)}: " if has_ink(column) else ""
            runs += [_run(f" · {label}"), *_runs(value)]
    return runs


# Fields


def _input(field: Field) -> Payload:
    block: Payload = {
        "type": "input",
        "block_id": field.id,
        "label": _plain(field.label, _INPUT_LABEL),
        "optional": not field.required,
        "element": _element(field),
    }
    if has_ink(field.hint):
        block["hint"] = _plain(field.hint, _INPUT_LABEL)
    if isinstance(field, TextField) and field.live:
        block["dispatch_action"] = True
    return block


def _element(field: Field) -> Payload:
    match field:
        case Choice():
            return _choice(field)
        case TextField():
            return _text_input(field)
        case MomentField():
            return _moment(field)
        case PeopleField():
            return _people(field) if field.searchable else _people_by_line(field)
        case _:
            assert_never(field)


def _choice(field: Choice) -> Payload:
    if field.compact or len(field.options) > _RADIO_OPTIONS:
        return _select(field)
    return _radio_buttons(field)


def _radio_buttons(field: Choice) -> Payload:
    drawn = {choice.value: _option(choice, with_group=True) for choice in field.options}
    element: Payload = {"type": "radio_buttons", "action_id": field.id, "options": list(drawn.values())}
    return _with_initial_option(element, drawn, field.value)


def _select(field: Choice) -> Payload:
    drawn = {choice.value: _option(choice) for choice in field.options}
    element: Payload = {"type": "static_select", "action_id": field.id}
    if len(field.options) <= _OPTIONS and not any(choice.group for choice in field.options):
        element["options"] = list(drawn.values())
    else:
        element["option_groups"] = _option_groups(field)
    return _with_initial_option(element, drawn, field.value)


def _option(choice: Option, *, with_group: bool = False) -> Payload:
    """A choice. Radio buttons have no groups, so there the group stands before the label."""
    label = f"{choice.group}: {choice.label}" if with_group and choice.group else choice.label
    return option(choice.value, label, choice.hint)


def _with_initial_option(element: Payload, drawn: dict[str, Payload], value: str) -> Payload:
    """Slack refuses an initial option that is not, letter for letter, among the options."""
    return element | {"initial_option": drawn[value]} if value in drawn else element


def _option_groups(field: Choice) -> list[Payload]:
    """The groups in order of first appearance, a long one in several, since Slack takes 100 options a group."""
    by_group: dict[str, list[Option]] = {}
    for choice in field.options:
        by_group.setdefault(choice.group, []).append(choice)
    groups = [
        {"label": _plain(_group_label(name, number), _OPTION), "options": [_option(choice) for choice in part]}
        for name, choices in by_group.items()
        for number, part in enumerate(_in_groups(choices, _OPTIONS), start=1)
    ]
    if len(groups) > _OPTIONS:
        raise ValueError(f"Choice {field.id} has {len(groups)} groups; Slack shows {_OPTIONS}")
    return groups


def _group_label(name: str, number: int) -> str:
    label = shorten(name, _OPTION - len(" (100)")) if name else ELLIPSIS
    return label if number == 1 else f"{label} ({number})"


def _text_input(field: TextField) -> Payload:
    most = min(_TEXT, max(field.max_length, len(clean(field.value)), 1))  # never refuse what was accepted before
    element: Payload = {"type": "plain_text_input", "action_id": field.id, "multiline": field.multiline, "max_length": most}
    if field.value:
        element["initial_value"] = shorten(field.value, most)
    if has_ink(field.placeholder):
        element["placeholder"] = _plain(field.placeholder, _PLACEHOLDER)
    if field.live:
        element["dispatch_action_config"] = {"trigger_actions_on": ["on_character_entered"]}
    return element


def _moment(field: MomentField) -> Payload:
    element: Payload = {"type": "datetimepicker", "action_id": field.id}
    if field.value is not None:
        seconds = int(field.value.timestamp())
        if len(str(seconds)) == 10:  # Slack refuses any other number of digits: moments before September 2001
            element["initial_date_time"] = seconds
    return element


def _people(field: PeopleField) -> Payload:
    element: Payload = {
        "type": "multi_external_select",
        "action_id": field.id,
        "min_query_length": 1,
        "max_selected_items": max(field.most, 1),
    }
    chosen = _chosen(field)
    if chosen:
        element["initial_options"] = chosen
    return element


def _chosen(field: PeopleField) -> list[Payload]:
    drawn = {person.value: _person(person) for person in field.value}
    distinct = {choice["value"]: choice for choice in drawn.values()}
    return list(distinct.values())[: max(field.most, 1)]


def _person(person: PersonChoice) -> Payload:
    """A person chosen. A typed name is cut where Slack's option values end; an id is never cut."""
    value = person.value
    if value.startswith("text:"):
        value = shorten(value, _OPTION)
    return option(value, person.label)


def _people_by_line(field: PeopleField) -> Payload:
    element: Payload = {
        "type": "plain_text_input",
        "action_id": field.id + LINES_SUFFIX,
        "multiline": True,
        "max_length": _TEXT,
    }
    names = "\n".join(" ".join(person.label.split()) for person in field.value)
    if has_ink(names):
        element["initial_value"] = shorten(names, _TEXT)
    return element


# Texts


def _plain(text: str, most: int) -> Payload:
    return {"type": "plain_text", "text": shorten(text, most), "emoji": False}


def _run(text: str, *, bold: bool = False) -> Payload:
    return {"type": "text", "text": text, "style": {"bold": True}} if bold else {"type": "text", "text": text}


def _runs(text: str, *, bold: bool = False) -> list[Payload]:
    """The text in rich text elements. No limit is known for one of them; we keep to that of every other text."""
    return [_run(piece, bold=bold) for piece in pieces(shown(text), _TEXT)]


def _rich(runs: list[Payload]) -> Payload:
    return {"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": runs}]}


def _sections(lines: Iterable[list[Payload]]) -> list[Payload]:
    return [{"type": "rich_text_section", "elements": line} for line in lines]


def _joined_lines(lines: Sequence[list[Payload]]) -> list[Payload]:
    """The lines' elements in one run, a line break between two lines."""
    joined: list[Payload] = []
    for line in lines:
        joined += [_run("\n"), *line] if joined else line
    return joined


def _groups_by_length(lines: Iterable[list[Payload]]) -> list[list[list[Payload]]]:
    """Lines that go into one block, none of which is too long for it unless a single line is."""
    groups: list[list[list[Payload]]] = []
    taken = 0
    for line in (part for whole in lines for part in _groups_of_runs(whole)):
        length = _characters(line) + 1
        if not groups or taken + length > _TEXT:
            groups.append([])
            taken = 0
        groups[-1].append(line)
        taken += length
    return groups


def _groups_of_runs(runs: Iterable[Payload]) -> list[list[Payload]]:
    """Elements that go into one block, so that a very long value is spread over several."""
    groups: list[list[Payload]] = [[]]
    taken = 0
    for run in runs:
        length = _characters(run)
        if taken and taken + length > _TEXT + _HEADER:
            groups.append([])
            taken = 0
        groups[-1].append(run)
        taken += length
    return groups


def _characters(payload: Any) -> int:
    """The characters of every text in a piece of payload."""
    found, left = 0, [payload]
    while left:
        match left.pop():
            case dict() as block:
                own = block.get("text")
                found += len(own) if isinstance(own, str) else 0
                left.extend(block.values())
            case list() as several:
                left.extend(several)
    return found


_T = TypeVar("_T")


def _in_groups(items: Sequence[_T], size: int) -> list[Sequence[_T]]:
    return [items[start : start + size] for start in range(0, len(items), size)]


_ENTITIES: Final = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_LOOKALIKES: Final = {"*": "∗", "~": "∼", "`": "ˋ", "_": "ˍ", ":": "∶"}
_MARKUP: Final = re.compile(r"[*~`]|(?<!\w)_|_(?!\w)|:(?=[\w+'-]+:)|:(?=//)|(?<=@)(?=channel|here|everyone)", re.IGNORECASE)


def _fallback(card: Card) -> str:
    """The line for notifications, which Slack does read as markup: what would be markup becomes a letter that looks like it."""
    line = " ".join(shown(card.summary if has_ink(card.summary) else card.title).split())
    unmarked = _MARKUP.sub(lambda found: _LOOKALIKES.get(found[0], "\u2060"), shorten(line, _FALLBACK))
    return "".join(_ENTITIES.get(character, character) for character in unmarked)
