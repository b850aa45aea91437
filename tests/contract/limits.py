"""What Slack refuses in Block Kit, by hand from its reference, and what we never send: text that it would read as markup.

Slack's own SDK lets many wrong views through, and its servers are not here to ask. Sources: docs.slack.dev/reference/block-kit,
and where the reference is silent what people report (one table a message; the characters of a message; no blank text).
"""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

Payload: TypeAlias = Mapping[str, Any]
Problems: TypeAlias = Iterator[str]
Check: TypeAlias = Callable[[Any, str], Problems]

MESSAGE_CHARACTERS: Final = 11_000
TABLE_CHARACTERS: Final = 10_000
VIEW_BYTES: Final = 250_000
_ID: Final = 255
_SURFACES: Final = {"message", "modal", "home"}


def problems(payload: Payload, surface: str) -> list[str]:
    """Everything wrong with a message (`text` and `blocks`) or a view, in sentences that say where."""
    match surface:
        case "message":
            return [*_message(payload), *_blocks(payload.get("blocks"), surface, 50)]
        case "modal":
            return [*_modal(payload), *_blocks(payload.get("blocks"), surface, 100), *_view_size(payload)]
        case "home":
            return [*_home(payload), *_blocks(payload.get("blocks"), surface, 100), *_view_size(payload)]
        case _:
            raise ValueError(f"{surface!r} is none of {sorted(_SURFACES)}")


def option_problems(options: Any) -> list[str]:
    """Everything wrong with a list of options, as offered for what somebody types."""
    return list(_options(options, "options"))


# Messages and views


def _message(payload: Payload) -> Problems:
    yield from _keys(payload, "message", required={"text", "blocks"})
    text = payload.get("text")
    if not isinstance(text, str) or not _has_ink(text):
        yield "message: the text for notifications is missing"
    elif len(text) > 40_000:
        yield f"message: the text has {len(text)} characters, 40000 at most"
    elif re.search(r"[<>]|&(?!amp;|lt;|gt;)", text):
        yield "message: the text has <, > or & that Slack would read as markup"
    characters = _characters(payload.get("blocks"))
    if characters > MESSAGE_CHARACTERS:
        yield f"message: {characters} characters in all blocks together (msg_blocks_too_long)"


def _modal(view: Payload) -> Problems:
    optional = {"close", "submit", "private_metadata", "callback_id", "clear_on_close", "notify_on_close", "external_id"}
    yield from _keys(view, "modal", required={"type", "title", "blocks"}, optional=optional)
    yield from _view_ids(view, "modal")
    for name in ("title", "close", "submit"):
        if name in view:
            yield from _plain(view[name], f"modal.{name}", 24)
    if "submit" not in view and any(_type(block) == "input" for block in _listed(view.get("blocks"))):
        yield "modal: has input blocks, so it needs a submit button"


def _home(view: Payload) -> Problems:
    yield from _keys(view, "home", required={"type", "blocks"}, optional={"private_metadata", "callback_id", "external_id"})
    yield from _view_ids(view, "home")


def _view_ids(view: Payload, surface: str) -> Problems:
    if view.get("type") != surface:
        yield f"{surface}: its type is {view.get('type')!r}"
    for name, most in (("private_metadata", 3000), ("callback_id", _ID), ("external_id", _ID)):
        if name in view:
            yield from _string(view[name], f"{surface}.{name}", most, least=0)


def _view_size(view: Payload) -> Problems:
    size = len(json.dumps(view))
    if size > VIEW_BYTES:
        yield f"the view has {size} bytes, {VIEW_BYTES} at most"


# Blocks


@dataclass(frozen=True, slots=True)
class _Kind:
    """What a block or an element of one type must and may have."""

    required: frozenset[str] = frozenset()
    optional: frozenset[str] = frozenset()
    checks: Mapping[str, Check] = field(default_factory=dict)
    surfaces: frozenset[str] = frozenset(_SURFACES)


def _blocks(blocks: Any, surface: str, most: int) -> Problems:
    if not isinstance(blocks, list):
        yield "blocks: not a list"
        return
    if not 1 <= len(blocks) <= most:
        yield f"blocks: {len(blocks)}, 1 to {most} are allowed in a {surface}"
    for number, block in enumerate(blocks):
        yield from _block(block, f"blocks[{number}]", surface)
    yield from _doubled([block.get("block_id") for block in _listed(blocks)], "block_id")
    elements = [element for block in _listed(blocks) for element in _elements(block)]
    if sum(1 for element in elements if element.get("focus_on_load")) > 1:
        yield "focus_on_load: more than one element asks for it"
    yield from _tables([block for block in _listed(blocks) if _type(block) == "table"])


def _block(block: Any, path: str, surface: str) -> Problems:
    kind = _BLOCKS.get(_type(block))
    if kind is None:
        yield f"{path}: unknown block type {_type(block)!r}"
        return
    path = f"{path}({block['type']})"
    if surface not in kind.surfaces:
        yield f"{path}: not allowed in a {surface}"
    yield from _keys(block, path, required={"type", *kind.required}, optional={"block_id", *kind.optional})
    if "block_id" in block:
        yield from _string(block["block_id"], f"{path}.block_id", _ID)
    for name, check in kind.checks.items():
        if name in block:
            yield from check(block[name], f"{path}.{name}")
    yield from _doubled([element.get("action_id") for element in _elements(block)], f"{path}: action_id")
    if block["type"] == "section" and not ({"text", "fields"} & set(block)):
        yield f"{path}: has neither text nor fields"


def _elements(block: Payload) -> list[Payload]:
    single = [block.get("element"), block.get("accessory")]
    return [element for element in [*_listed(block.get("elements")), *single] if isinstance(element, dict)]


def _actions(elements: Any, path: str) -> Problems:
    yield from _list(elements, path, 1, 25)
    for number, element in enumerate(_listed(elements)):
        yield from _element(element, f"{path}[{number}]", _IN_ACTIONS)


def _context(elements: Any, path: str) -> Problems:
    yield from _list(elements, path, 1, 10)
    for number, element in enumerate(_listed(elements)):
        if _type(element) == "image":
            yield from _element(element, f"{path}[{number}]", {"image"})
        else:
            yield from _text(element, f"{path}[{number}]", 3000)


def _section_fields(texts: Any, path: str) -> Problems:
    yield from _list(texts, path, 1, 10)
    for number, text in enumerate(_listed(texts)):
        yield from _text(text, f"{path}[{number}]", 2000)


def _table_rows(rows: Any, path: str) -> Problems:
    yield from _list(rows, path, 1, 100)
    widths = {len(row) for row in rows if isinstance(row, list)} if isinstance(rows, list) else set()
    if len(widths) > 1 or any(not 1 <= width <= 20 for width in widths):
        yield f"{path}: rows of {sorted(widths)} cells; all must have the same number, 1 to 20"
    for number, row in enumerate(rows if isinstance(rows, list) else []):
        for column, cell in enumerate(row):
            yield from _cell(cell, f"{path}[{number}][{column}]")


def _cell(cell: Any, path: str) -> Problems:
    match _type(cell):
        case "raw_text":
            yield from _keys(cell, path, required={"type", "text"})
            yield from _string(cell.get("text"), f"{path}.text", TABLE_CHARACTERS)
        case "rich_text":
            yield from _keys(cell, path, required={"type", "elements"})
            yield from _rich_text(cell.get("elements"), f"{path}.elements")
        case other:
            yield f"{path}: a cell of type {other!r}"


def _column_settings(settings: Any, path: str) -> Problems:
    yield from _list(settings, path, 1, 20)
    for number, setting in enumerate(_listed(settings)):
        yield from _keys(setting, f"{path}[{number}]", required=set(), optional={"align", "is_wrapped"})
        if setting.get("align", "left") not in {"left", "center", "right"}:
            yield f"{path}[{number}].align: {setting['align']!r}"


def _tables(tables: Sequence[Payload]) -> Problems:
    if len(tables) > 1:
        yield f"{len(tables)} tables; a message takes one (only_one_table_allowed)"
    characters = sum(_characters(table) for table in tables)
    if characters > TABLE_CHARACTERS:
        yield f"{characters} characters in tables, {TABLE_CHARACTERS} at most"


# Rich text


def _rich_text(elements: Any, path: str) -> Problems:
    yield from _list(elements, path, 1, None)
    for number, element in enumerate(_listed(elements)):
        yield from _rich_element(element, f"{path}[{number}]")


def _rich_element(element: Payload, path: str) -> Problems:
    match _type(element):
        case "rich_text_section":
            yield from _keys(element, path, required={"type", "elements"})
            yield from _runs(element.get("elements"), f"{path}.elements")
        case "rich_text_quote" | "rich_text_preformatted":
            yield from _keys(element, path, required={"type", "elements"}, optional={"border"})
            yield from _runs(element.get("elements"), f"{path}.elements")
        case "rich_text_list":
            yield from _keys(element, path, required={"type", "style", "elements"}, optional={"indent", "offset", "border"})
            if element.get("style") not in {"bullet", "ordered"}:
                yield f"{path}.style: {element.get('style')!r}"
            yield from _list(element.get("elements"), f"{path}.elements", 1, None)
            for number, item in enumerate(_listed(element.get("elements"))):
                if _type(item) != "rich_text_section":
                    yield f"{path}.elements[{number}]: a list holds rich_text_section only"
                yield from _rich_element(item, f"{path}.elements[{number}]")
        case other:
            yield f"{path}: unknown rich text element {other!r}"


def _runs(runs: Any, path: str) -> Problems:
    yield from _list(runs, path, 1, None)
    for number, run in enumerate(_listed(runs)):
        yield from _run(run, f"{path}[{number}]")
    if not any(_has_ink(str(run.get("text", ""))) for run in _listed(runs)):
        yield f"{path}: nothing to see"


def _run(run: Payload, path: str) -> Problems:
    match _type(run):
        case "text":
            yield from _keys(run, path, required={"type", "text"}, optional={"style"})
            if not isinstance(run.get("text"), str) or not run["text"]:
                yield f"{path}.text: empty"
        case "link":
            yield from _keys(run, path, required={"type", "url"}, optional={"text", "style", "unsafe"})
            yield from _url(run.get("url"), f"{path}.url")
        case other:
            yield f"{path}: a rich text {other!r} would be more than text"
    styles = run.get("style", {})
    if not isinstance(styles, dict) or set(styles) - {"bold", "italic", "strike", "code", "underline"}:
        yield f"{path}.style: {styles!r}"


# Elements


def _element(element: Any, path: str, allowed: frozenset[str] | set[str]) -> Problems:
    name = _type(element)
    kind = _ELEMENTS.get(name)
    if kind is None:
        yield f"{path}: unknown element type {name!r}"
        return
    path = f"{path}({name})"
    if name not in allowed:
        yield f"{path}: not allowed here"
    yield from _keys(element, path, required={"type", *kind.required}, optional=kind.optional)
    for key, check in kind.checks.items():
        if key in element:
            yield from check(element[key], f"{path}.{key}")
    if name in {"static_select", "multi_static_select", "radio_buttons", "checkboxes"}:
        yield from _choices(element, path)
    if name == "plain_text_input":
        yield from _input_lengths(element, path)


def _choices(element: Payload, path: str) -> Problems:
    if ("options" in element) == ("option_groups" in element):
        yield f"{path}: has to have either options or option_groups"
    offered = [*_listed(element.get("options"))]
    for group in _listed(element.get("option_groups")):
        offered += _listed(group.get("options"))
    chosen = [element["initial_option"]] if "initial_option" in element else _listed(element.get("initial_options"))
    yield from (f"{path}: the initial option {one} is not among the options" for one in chosen if one not in offered)
    yield from _doubled([one.get("value") for one in offered], f"{path}: option value")


def _input_lengths(element: Payload, path: str) -> Problems:
    most = element.get("max_length", 3000)
    if not isinstance(most, int) or not 1 <= most <= 3000:
        yield f"{path}.max_length: {most!r}, 1 to 3000 are allowed"
    elif len(element.get("initial_value", "")) > most:
        yield f"{path}.initial_value: longer than max_length"


def _options(options: Any, path: str) -> Problems:
    yield from _list(options, path, 1, 100)
    for number, option in enumerate(_listed(options)):
        yield from _option(option, f"{path}[{number}]")


def _ten_options(options: Any, path: str) -> Problems:
    yield from _list(options, path, 1, 10)
    yield from _options(options, path)


def _five_options(options: Any, path: str) -> Problems:
    yield from _list(options, path, 1, 5)
    yield from _options(options, path)


def _option(option: Any, path: str) -> Problems:
    if not isinstance(option, dict):
        yield f"{path}: not an option"
        return
    yield from _keys(option, path, required={"text", "value"}, optional={"description"})
    yield from _plain(option.get("text"), f"{path}.text", 75)
    yield from _string(option.get("value"), f"{path}.value", 75)
    if "description" in option:
        yield from _plain(option["description"], f"{path}.description", 75)


def _option_groups(groups: Any, path: str) -> Problems:
    yield from _list(groups, path, 1, 100)
    for number, group in enumerate(_listed(groups)):
        yield from _keys(group, f"{path}[{number}]", required={"label", "options"})
        yield from _plain(group.get("label"), f"{path}[{number}].label", 75)
        yield from _options(group.get("options"), f"{path}[{number}].options")


def _confirm(confirm: Any, path: str) -> Problems:
    if not isinstance(confirm, dict):
        yield f"{path}: not an object"
        return
    yield from _keys(confirm, path, required={"title", "text", "confirm", "deny"}, optional={"style"})
    for name, most in (("title", 100), ("text", 300), ("confirm", 30), ("deny", 30)):
        yield from _plain(confirm.get(name), f"{path}.{name}", most)
    if "style" in confirm:
        yield from _style(confirm["style"], f"{path}.style")


def _dispatch_config(config: Any, path: str) -> Problems:
    triggers = config.get("trigger_actions_on") if isinstance(config, dict) else None
    if not triggers or set(triggers) - {"on_enter_pressed", "on_character_entered"}:
        yield f"{path}: {config!r}"


# Texts and other simple values


def _text(text: Any, path: str, most: int) -> Problems:
    """A text object. Slack takes mrkdwn here too; we do not, since what people typed would come alive in it."""
    if _type(text) == "mrkdwn":
        yield f"{path}: mrkdwn, which Slack reads as markup; we send plain_text"
        yield from _string(text.get("text"), f"{path}.text", most)
    else:
        yield from _plain(text, path, most)


def _plain(text: Any, path: str, most: int) -> Problems:
    if _type(text) != "plain_text":
        yield f"{path}: not a plain_text object but {text!r}"
        return
    yield from _keys(text, path, required={"type", "text"}, optional={"emoji"})
    yield from _string(text.get("text"), f"{path}.text", most)
    if text.get("emoji"):
        yield f"{path}: emoji codes in it would be read as emoji"


def _plain_up_to(most: int) -> Check:
    return lambda text, path: _plain(text, path, most)


def _text_up_to(most: int) -> Check:
    return lambda text, path: _text(text, path, most)


def _string_up_to(most: int) -> Check:
    return lambda text, path: _string(text, path, most)


def _string(text: Any, path: str, most: int, *, least: int = 1) -> Problems:
    if not isinstance(text, str):
        yield f"{path}: not a text but {text!r}"
    elif len(text) > most:
        yield f"{path}: {len(text)} characters, {most} at most"
    elif least and not _has_ink(text):
        yield f"{path}: empty"


def _url(url: Any, path: str) -> Problems:
    yield from _string(url, path, 3000)
    if isinstance(url, str) and not re.fullmatch(r"https?://[^\s<>|]+", url):
        yield f"{path}: {url!r} is no http or https address"


def _style(style: Any, path: str) -> Problems:
    if style not in {"primary", "danger"}:
        yield f"{path}: {style!r}, only primary and danger are allowed"


def _moment(seconds: Any, path: str) -> Problems:
    if not isinstance(seconds, int) or len(str(seconds)) != 10:
        yield f"{path}: {seconds!r} is not a number of ten digits"


def _flag(flag: Any, path: str) -> Problems:
    if not isinstance(flag, bool):
        yield f"{path}: {flag!r} is neither true nor false"


def _count(number: Any, path: str) -> Problems:
    if isinstance(number, bool) or not isinstance(number, int) or number < 1:
        yield f"{path}: {number!r} is not a number from 1"


def _list(items: Any, path: str, least: int, most: int | None) -> Problems:
    if not isinstance(items, list):
        yield f"{path}: not a list"
    elif len(items) < least or (most is not None and len(items) > most):
        yield f"{path}: {len(items)} items, {least} to {most or 'any number'} are allowed"


def _keys(found: Payload, path: str, *, required: set[str], optional: frozenset[str] | set[str] = frozenset()) -> Problems:
    yield from (f"{path}: {name} is missing" for name in sorted(required - set(found)))
    yield from (f"{path}: {name} is not allowed" for name in sorted(set(found) - required - optional))


def _doubled(names: Sequence[Any], what: str) -> Problems:
    yield from (f"{what} {name!r} is used {times} times" for name, times in Counter(filter(None, names)).items() if times > 1)


def _listed(items: Any) -> list[Any]:
    return [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []


def _type(found: Any) -> str:
    return str(found.get("type", "")) if isinstance(found, dict) else ""


def _has_ink(text: str) -> bool:
    return any(character.isprintable() and not character.isspace() for character in text)


def _characters(found: Any) -> int:
    match found:
        case dict():
            own = found.get("text")
            return (len(own) if isinstance(own, str) else 0) + sum(_characters(value) for value in found.values())
        case list():
            return sum(_characters(value) for value in found)
        case _:
            return 0


def _input_element(element: Any, path: str) -> Problems:
    return _element(element, path, _IN_INPUT)


def _accessory(element: Any, path: str) -> Problems:
    return _element(element, path, _IN_SECTION)


_SELECTS: Final = frozenset(
    ["static_select", "external_select", "users_select", "multi_static_select", "multi_external_select", "multi_users_select"]
)
_PICKERS: Final = frozenset(["radio_buttons", "checkboxes", "datepicker", "timepicker"])
_IN_ACTIONS: Final = _SELECTS | _PICKERS | {"button", "overflow", "datetimepicker"}
_IN_SECTION: Final = _SELECTS | _PICKERS | {"button", "overflow", "image"}
_IN_INPUT: Final = _SELECTS | _PICKERS | {"plain_text_input", "datetimepicker"}

_BLOCKS: Final[Mapping[str, _Kind]] = {
    "actions": _Kind(frozenset({"elements"}), checks={"elements": _actions}),
    "alert": _Kind(frozenset({"text"}), frozenset({"level"}), {"text": _text_up_to(3000)}, surfaces=frozenset({"modal"})),
    "context": _Kind(frozenset({"elements"}), checks={"elements": _context}),
    "divider": _Kind(),
    "header": _Kind(frozenset({"text"}), checks={"text": _plain_up_to(150)}),
    "input": _Kind(
        frozenset({"label", "element"}),
        frozenset({"hint", "optional", "dispatch_action"}),
        {
            "label": _plain_up_to(2000),
            "hint": _plain_up_to(2000),
            "element": _input_element,
            "optional": _flag,
            "dispatch_action": _flag,
        },
    ),
    "rich_text": _Kind(frozenset({"elements"}), checks={"elements": _rich_text}),
    "section": _Kind(
        frozenset(),
        frozenset({"text", "fields", "accessory", "expand"}),
        {"text": _text_up_to(3000), "fields": _section_fields, "accessory": _accessory, "expand": _flag},
    ),
    "table": _Kind(
        frozenset({"rows"}),
        frozenset({"column_settings"}),
        {"rows": _table_rows, "column_settings": _column_settings},
        surfaces=frozenset({"message"}),
    ),
}

_ACTION: Final = frozenset({"action_id"})
_ACTION_CHECKS: Final[Mapping[str, Check]] = {
    "action_id": _string_up_to(_ID),
    "confirm": _confirm,
    "placeholder": _plain_up_to(150),
    "focus_on_load": _flag,
    "max_selected_items": _count,
}


def _interactive(required: str = "", optional: str = "", **checks: Check) -> _Kind:
    return _Kind(
        _ACTION | frozenset(required.split()),
        frozenset(optional.split()) | {"confirm", "focus_on_load"},
        {**_ACTION_CHECKS, **checks},
    )


_ELEMENTS: Final[Mapping[str, _Kind]] = {
    "button": _Kind(
        _ACTION | {"text"},
        frozenset({"value", "url", "style", "confirm", "accessibility_label"}),
        {
            **_ACTION_CHECKS,
            "text": _plain_up_to(75),
            "value": _string_up_to(2000),
            "url": _url,
            "style": _style,
            "accessibility_label": _string_up_to(75),
        },
    ),
    "image": _Kind(frozenset({"image_url", "alt_text"}), checks={"image_url": _url, "alt_text": _string_up_to(2000)}),
    "overflow": _interactive("options", options=_five_options),
    "radio_buttons": _interactive("options", "initial_option", options=_ten_options),
    "checkboxes": _interactive("options", "initial_options", options=_ten_options),
    "static_select": _interactive(
        "", "placeholder options option_groups initial_option", options=_options, option_groups=_option_groups
    ),
    "multi_static_select": _interactive(
        "",
        "placeholder options option_groups initial_options max_selected_items",
        options=_options,
        option_groups=_option_groups,
    ),
    "external_select": _interactive("", "placeholder initial_option min_query_length", initial_option=_option),
    "multi_external_select": _interactive(
        "", "placeholder initial_options min_query_length max_selected_items", initial_options=_options
    ),
    "users_select": _interactive("", "placeholder initial_user"),
    "multi_users_select": _interactive("", "placeholder initial_users max_selected_items"),
    "datepicker": _interactive("", "placeholder initial_date"),
    "timepicker": _interactive("", "placeholder initial_time timezone"),
    "datetimepicker": _interactive("", "initial_date_time", initial_date_time=_moment),
    "plain_text_input": _Kind(
        _ACTION,
        frozenset(
            {"initial_value", "multiline", "min_length", "max_length", "dispatch_action_config", "focus_on_load", "placeholder"}
        ),
        {
            **_ACTION_CHECKS,
            "initial_value": lambda text, path: _string(text, path, 3000, least=0),
            "multiline": _flag,
            "dispatch_action_config": _dispatch_config,
        },
    ),
}
