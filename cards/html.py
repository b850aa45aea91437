"""Cards and forms as HTML fragments, for the console in the browser.

Everything that comes from the model goes through `escape` or an attribute of `_element`. The type `Safe` holds that: the type
checker refuses a plain string where a fragment is wanted. There are no scripts, styles or event handlers in a fragment, so that
the page's strict content security policy can stand; `bot/console/static/console.js` brings the `data-…` attributes to life.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from html import escape as _html_escape
from itertools import groupby, repeat, starmap, zip_longest
from typing import NewType, TypeAlias, assert_never
from urllib.parse import quote

from cards.model import (
    Banner,
    Button,
    Buttons,
    Card,
    Choice,
    Confirm,
    Fact,
    Facts,
    Field,
    Form,
    Leaf,
    Link,
    MomentField,
    Option,
    Part,
    PeopleField,
    PersonChoice,
    Section,
    Table,
    Text,
    TextField,
    Tone,
    Weight,
    fields,
)

Safe = NewType("Safe", str)
"""HTML that was escaped, or written here."""

Attributes: TypeAlias = Mapping[str, str | bool | None]
"""Attributes of an element, not yet escaped. True is an attribute without a value; None and False leave it out."""

_NOTHING = Safe("")
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
"""Control characters that HTML forbids, and lone surrogates, which cannot be written as UTF-8."""

_VOID = frozenset({"input"})
_WEB_ADDRESS = re.compile(r"https?://[^\s]", re.IGNORECASE)

_CARD_TITLE_LEVEL = 3
"""In the page, the console's name is the first level and the place the second."""
_FORM_TITLE_LEVEL = 2

_TONE_WORDS: Mapping[Tone, str] = {
    Tone.INFO: "Note",
    Tone.SUCCESS: "Done",
    Tone.WARNING: "Warning",
    Tone.DANGER: "Important",
}
_TONE_SHAPES: Mapping[Tone, str] = {
    Tone.INFO: "M12 3a9 9 0 1 0 0 18a9 9 0 1 0 0-18M12 11v5.5M12 7.5v.1",
    Tone.SUCCESS: "M12 3a9 9 0 1 0 0 18a9 9 0 1 0 0-18M8 12.4l2.8 2.8L16.2 9.5",
    Tone.WARNING: "M12 3.6L2.4 20.2h19.2zM12 10v4.6M12 17.3v.1",
    Tone.DANGER: "M8.2 3h7.6L21 8.2v7.6L15.8 21H8.2L3 15.8V8.2zM12 7.5v5.5M12 16.4v.1",
}
_TONE_ROLES: Mapping[Tone, str] = {tone: "alert" if tone is Tone.DANGER else "note" for tone in Tone}


def escape(text: str) -> Safe:
    """Plain text as it stands in an element or in a quoted attribute."""
    return Safe(_html_escape(_UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", text), quote=True))


def card(card: Card) -> str:
    """A message's content. The headings in it start below those of the page."""
    return _element(
        "div",
        {"class": "card"},
        _heading(_CARD_TITLE_LEVEL, card.title, "card-title"),
        _parts(card.parts, {}, _CARD_TITLE_LEVEL + 1),
    )


def form(form: Form) -> str:
    """A dialog's content: a title, the parts, and the buttons that end it. Without `submit` there is only a way out."""
    body, ways_on = _body_and_ways_on(form)
    return _element(
        "form",
        {
            "class": "form",
            "data-form": form.id,
            "data-state": form.state,
            "aria-labelledby": "form-title",
            "autocomplete": "off",
            "novalidate": True,
        },
        _form_head(form),
        _element("div", _form_body(form), _stray_errors(form), _parts(body, form.errors, _FORM_TITLE_LEVEL + 1)),
        _form_foot(form, ways_on),
    )


def _form_head(form: Form) -> Safe:
    """The title, and a cross to close the dialog with."""
    return _element(
        "div",
        {"class": "form-head"},
        _element("h2", {"id": "form-title", "class": "form-title", "tabindex": "-1"}, escape(form.title)),
        _element("button", {"type": "button", "class": "cross", "data-close": True, "aria-label": "Close"}),
    )


def _form_body(form: Form) -> Attributes:
    """What scrolls. A page to read has nothing in it that takes the keyboard, so it takes it itself."""
    reading: Attributes = {"tabindex": "0", "role": "region", "aria-labelledby": "form-title"}
    return {"class": "form-body", **({} if form.submit else reading)}


def _body_and_ways_on(form: Form) -> tuple[tuple[Part, ...], tuple[Button, ...]]:
    """The parts that scroll, and the buttons that end a page to read: those stay in sight however long it is."""
    last = form.parts[-1] if form.parts else None
    return (form.parts[:-1], last.items) if isinstance(last, Buttons) and not form.submit else (form.parts, ())


def _form_foot(form: Form, ways_on: tuple[Button, ...]) -> Safe:
    """Cancel and submit; or, where there is nothing to send, Close and the ways on."""
    leave: Attributes = {"type": "button", "class": "button button-leave", "data-close": True}
    if not form.submit:
        return _element("div", {"class": "form-foot"}, _element("button", leave, escape("Close")), *map(_button, ways_on))
    send: Attributes = {"type": "submit", "class": "button button-primary"}
    return _element(
        "div",
        {"class": "form-foot"},
        _element("button", leave, escape("Cancel")),
        _element("button", send, escape(form.submit)),
    )


def _stray_errors(form: Form) -> Safe:
    """Errors of fields that the form does not have: said at its top, so that none is lost."""
    known = {field.id for field in fields(form)}
    stray = [_line("p", "form-error", text) for field_id, text in form.errors.items() if field_id not in known]
    return _element("div", {"class": "form-errors", "role": "alert"}, *stray) if stray else _NOTHING


# Parts


def _parts(parts: Iterable[Part], errors: Mapping[str, str], level: int) -> Safe:
    """Parts one below the other. `level` is that of the headings among them."""
    return _join(_part(part, errors, level) for part in parts)


def _part(part: Part, errors: Mapping[str, str], level: int) -> Safe:
    if isinstance(part, Section):
        inner = _join(_leaf(leaf, errors, level + 1) for leaf in part.parts)
        return _element("section", {"class": "section"}, _heading(level, part.title, "section-title"), inner)
    return _leaf(part, errors, level)


def _leaf(leaf: Leaf, errors: Mapping[str, str], level: int) -> Safe:
    match leaf:
        case Text():
            return _text(leaf, level)
        case Facts():
            return _element("dl", {"class": "facts"}, *map(_fact, leaf.items))
        case Banner():
            return _banner(leaf)
        case Link():
            return _link(leaf)
        case Buttons():
            return _element("div", {"class": "buttons"}, *map(_button, leaf.items))
        case Table():
            return _table(leaf)
        case Choice() | TextField() | MomentField() | PeopleField():
            return _field(leaf, errors.get(leaf.id, ""))
        case _:
            assert_never(leaf)


def _text(text: Text, level: int) -> Safe:
    match text.weight:
        case Weight.HEADING:
            return _heading(level, text.text, "text-heading")
        case Weight.BODY:
            return _line("p", "text", text.text)
        case Weight.MUTED:
            return _line("p", "text text-muted", text.text)
        case _:
            assert_never(text.weight)


def _fact(fact: Fact) -> Safe:
    return _element(
        "div",
        {"class": "fact"},
        _element("dt", {"dir": "auto"}, escape(fact.label)),
        _element("dd", {"dir": "auto"}, escape(fact.value)),
    )


def _banner(banner: Banner) -> Safe:
    """The tone in a word and a sign, then the text."""
    word = _element("strong", {"class": "banner-word"}, escape(banner.word or _TONE_WORDS[banner.tone]))
    text = _element("p", {"class": "banner-text", "dir": "auto"}, escape(banner.text))
    return _element(
        "div",
        {"class": f"banner banner-{banner.tone}", "role": _TONE_ROLES[banner.tone]},
        _icon(_TONE_SHAPES[banner.tone]),
        _element("div", {"class": "banner-words"}, word, text),
    )


def _icon(shape: str) -> Safe:
    path = _element("path", {"d": shape})
    return _element("svg", {"class": "icon", "viewBox": "0 0 24 24", "aria-hidden": "true", "focusable": "false"}, path)


def _link(link: Link) -> Safe:
    """A link, or its words alone where the address is none of the web's."""
    if not _WEB_ADDRESS.match(link.url):
        return _line("p", "text", link.label)
    away = {"class": "link", "href": link.url, "target": "_blank", "rel": "noopener noreferrer", "dir": "auto"}
    return _element("p", {"class": "text"}, _element("a", away, escape(link.label)))


def _button(button: Button) -> Safe:
    attributes: Attributes = {
        "type": "button",
        "class": f"button button-{button.style}",
        "data-action": button.action,
        "data-value": button.value,
        "data-opens-form": "true" if button.opens_form else "false",
        "aria-haspopup": "dialog" if button.opens_form else None,
    }
    return _element("button", {**attributes, **_confirm(button.confirm)}, escape(button.label))


def _confirm(confirm: Confirm | None) -> Attributes:
    """The question that the page asks before it passes a press on."""
    if confirm is None:
        return {}
    return {
        "data-confirm-title": confirm.title,
        "data-confirm-text": confirm.text,
        "data-confirm-yes": confirm.yes,
        "data-confirm-no": confirm.no,
    }


def _table(table: Table) -> Safe:
    """A table that scrolls sideways by itself where the window is narrow, or the words for none."""
    if not table.rows:
        return _line("p", "text text-muted", table.empty)
    columns = (_element("th", {"scope": "col", "dir": "auto"}, escape(column)) for column in table.columns)
    return _element(
        "div",
        {"class": "table", "role": "group", "tabindex": "0", "aria-label": table.caption},
        _element(
            "table",
            {},
            _element("caption", {}, escape(table.caption)),
            _element("thead", {}, _element("tr", {}, *columns)),
            _element("tbody", {}, *(_row(table.columns, row) for row in table.rows)),
        ),
    )


def _row(columns: tuple[str, ...], row: tuple[str, ...]) -> Safe:
    """A row, headed by its first cell. A cell carries its column's name too, for where there is no room for columns."""
    return _element("tr", {}, *starmap(_cell, enumerate(zip_longest(row, columns[: len(row)], fillvalue=""))))


def _cell(number: int, cell: tuple[str, str]) -> Safe:
    text, column = cell
    if number == 0:
        return _element("th", {"scope": "row", "data-column": column, "dir": "auto"}, escape(text))
    return _element("td", {"data-column": column, "dir": "auto"}, escape(text))


# Fields


def _field(field: Field, error: str) -> Safe:
    match field:
        case Choice(compact=True):
            return _labelled(field, "choice", error, _select(field, error))
        case Choice():
            return _radios(field, error)
        case TextField():
            return _labelled(field, "text", error, _text_control(field, error))
        case MomentField():
            return _labelled(field, "moment", error, _moment_control(field, error))
        case PeopleField():
            return _people(field, error)
        case _:
            assert_never(field)


def _labelled(field: Field, kind: str, error: str, control: Safe, extra: Attributes | None = None) -> Safe:
    """A label, a hint and an error above a control of one element."""
    return _element(
        "div",
        {"class": "field", "data-field": field.id, "data-kind": kind, **(extra or {})},
        _element("label", {"for": _id("f", field), "id": _id("label", field)}, _label(field)),
        _below_label(field, error),
        control,
    )


def _label(field: Field) -> Safe:
    """The label. What may be left out says so: most fields may not."""
    if field.required:
        return escape(field.label)
    return _join((escape(field.label), Safe(" "), _element("span", {"class": "optional"}, escape("(optional)"))))


def _below_label(field: Field, error: str) -> Safe:
    """The hint, and a place for the error, so that the page can fill it without drawing the form again."""
    place: Attributes = {"class": "field-error", "id": _id("error", field), "hidden": not error, "dir": "auto"}
    return _join((_line("p", "hint", field.hint, _id("hint", field)), _element("p", place, escape(error))))


def _described(field: Field, error: str) -> Attributes:
    """What ties a control to its hint and its error."""
    ids = ((_id("hint", field),) if field.hint else ()) + (_id("error", field),)
    return {
        "aria-describedby": " ".join(ids),
        "aria-invalid": "true" if error else None,
        "aria-required": "true" if field.required else None,
    }


def _radios(choice: Choice, error: str) -> Safe:
    """Every option in sight."""
    return _element(
        "fieldset",
        {
            "class": "field",
            "id": _id("f", choice),
            "data-field": choice.id,
            "data-kind": "choice",
            "role": "radiogroup",
            **_described(choice, error),
        },
        _element("legend", {}, _label(choice)),
        _below_label(choice, error),
        *(_radio_group(choice, name, tuple(options)) for name, options in _grouped(choice.options)),
    )


def _radio_group(choice: Choice, name: str, options: tuple[tuple[int, Option], ...]) -> Safe:
    drawn = _element("div", {"class": "options"}, *(_radio(choice, number, option) for number, option in options))
    if not name:
        return drawn
    title = _element("p", {"class": "group-name", "dir": "auto", "aria-hidden": "true"}, escape(name))
    return _element("div", {"class": "group", "role": "group", "aria-label": name}, title, drawn)


def _radio(choice: Choice, number: int, option: Option) -> Safe:
    own_id, hint_id = _id(f"option-{number}", choice), _id(f"option-hint-{number}", choice)
    control: Attributes = {
        "type": "radio",
        "id": own_id,
        "name": choice.id,
        "value": option.value,
        "checked": bool(choice.value) and option.value == choice.value,
        "aria-describedby": hint_id if option.hint else None,
    }
    label = _element("label", {"for": own_id, "dir": "auto"}, escape(option.label))
    words = _element("span", {"class": "option-words"}, label, _line("span", "option-hint", option.hint, hint_id))
    return _element("div", {"class": "option"}, _element("input", control), words)


def _select(choice: Choice, error: str) -> Safe:
    """A list to open. It starts empty unless something is chosen: nobody reports the first of the list by accident."""
    groups = (_option_group(choice, name, tuple(options)) for name, options in _grouped(choice.options))
    blank = _element("option", {"value": ""}, escape("Choose…" if choice.required else "Not chosen"))
    select = _element("select", {"id": _id("f", choice), "name": choice.id, **_described(choice, error)}, blank, *groups)
    hint = _element("p", {"class": "option-hint", "data-option-hint": True, "dir": "auto", "aria-live": "polite"})
    return _join((_element("div", {"class": "select"}, select), hint))


def _option_group(choice: Choice, name: str, options: tuple[tuple[int, Option], ...]) -> Safe:
    drawn = _join(_option(choice, option) for _, option in options)
    return _element("optgroup", {"label": name}, drawn) if name else drawn


def _option(choice: Choice, option: Option) -> Safe:
    """An option; its hint is shown below the list once it is chosen."""
    chosen = bool(choice.value) and option.value == choice.value
    attributes: Attributes = {"value": option.value, "selected": chosen, "data-hint": option.hint or None}
    return _element("option", attributes, escape(option.label))


def _grouped(options: tuple[Option, ...]) -> Iterator[tuple[str, Iterator[tuple[int, Option]]]]:
    """The options with their numbers, those of one group together, groups in the order of their first option."""
    first: dict[str, int] = {}
    for number, option in enumerate(options):
        first.setdefault(option.group, number)
    ordered = sorted(enumerate(options), key=lambda item: first[item[1].group])
    return groupby(ordered, key=lambda item: item[1].group)


def _text_control(field: TextField, error: str) -> Safe:
    attributes: Attributes = {
        "id": _id("f", field),
        "name": field.id,
        "dir": "auto",
        "maxlength": str(field.max_length),
        "placeholder": field.placeholder or None,
        "data-live": field.live,
        **_described(field, error),
    }
    if field.multiline:
        # A browser drops the first line break in a textarea: it gets one to drop.
        return _element("textarea", {"rows": "5", **attributes}, Safe("\n"), escape(field.value))
    return _element("input", {"type": "text", "value": field.value, **attributes})


def _moment_control(field: MomentField, error: str) -> Safe:
    attributes: Attributes = {"type": "datetime-local", "id": _id("f", field), "name": field.id, "value": _local(field.value)}
    return _element("input", {**attributes, **_described(field, error)})


def _local(moment: datetime | None) -> str:
    """The moment as a clock on the wall of its own zone shows it, to the minute."""
    return moment.replace(tzinfo=None).isoformat(timespec="minutes") if moment else ""


def _people(field: PeopleField, error: str) -> Safe:
    """People as chips, and an input for more. Without the page's script a plain input; with it, also a list to pick from."""
    chips = map(_chip, repeat(field), field.value)
    listbox: Attributes = {"role": "listbox", "id": _id("list", field), "aria-label": field.label, "hidden": True}
    control = _element(
        "div",
        {"class": "people"},
        _element("ul", {"class": "chips", "aria-label": f"{field.label}: added"}, *chips),
        _people_input(field, error),
        _element("ul", {"class": "suggestions", **listbox}),
    )
    limits = {"data-most": str(field.most), "data-searchable": "true" if field.searchable else "false"}
    return _labelled(field, "people", error, control, limits)


def _people_input(field: PeopleField, error: str) -> Safe:
    """Where a name is typed."""
    attributes: Attributes = {
        "type": "text",
        "id": _id("f", field),
        "name": field.id,
        "dir": "auto",
        "spellcheck": "false",
        "placeholder": "Type a name",
    }
    return _element("input", {**attributes, **_described(field, error)})


def _chip(field: PeopleField, person: PersonChoice) -> Safe:
    """One person, to be taken off again."""
    return _element(
        "li",
        {"class": "chip", "data-value": person.value},
        _element("span", {"class": "chip-name", "dir": "auto"}, escape(person.label)),
        _element("input", {"type": "hidden", "name": field.id, "value": person.value}),
        _element("button", {"type": "button", "class": "chip-remove", "aria-label": f"Remove {person.label}"}),
    )


# Elements


def _id(kind: str, field: Field) -> str:
    """An element's id: the field's own, without blanks, since a list of ids is separated by blanks."""
    return f"{kind}-{quote(field.id, safe='', errors='replace')}"


def _heading(level: int, text: str, css_class: str) -> Safe:
    return _line(f"h{level}", css_class, text)


def _line(tag: str, css_class: str, text: str, element_id: str | None = None) -> Safe:
    """A text in an element of its own, or nothing."""
    return _element(tag, {"class": css_class, "id": element_id, "dir": "auto"}, escape(text)) if text else _NOTHING


def _join(fragments: Iterable[Safe]) -> Safe:
    return Safe("".join(fragments))


def _element(tag: str, attributes: Attributes, *inner: Safe) -> Safe:
    """One element. Attributes are escaped here; what is inside must be already."""
    start = Safe(f"<{tag}{_join(_attribute(name, value) for name, value in attributes.items())}>")
    return start if tag in _VOID else Safe(f"{start}{_join(inner)}</{tag}>")


def _attribute(name: str, value: str | bool | None) -> Safe:  # noqa: FBT001 - an attribute without a value
    if value is None or value is False:
        return _NOTHING
    return Safe(f" {name}") if value is True else Safe(f' {name}="{escape(value)}"')
