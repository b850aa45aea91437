"""Reads a fragment of the console as a person would: its text, its fields, its buttons."""

from dataclasses import dataclass, field
from html.parser import HTMLParser

_VOID = frozenset(["input", "br", "hr", "img", "meta", "link", "path"])


@dataclass(slots=True)
class Fragment:
    """What a fragment shows. `values` are what its fields begin with; `options` their choices, label to value."""

    text: str = ""
    form: str = ""
    state: str = ""
    values: dict[str, str | list[str]] = field(default_factory=dict)
    options: dict[str, dict[str, str]] = field(default_factory=dict)
    buttons: list[tuple[str, str, str]] = field(default_factory=list)
    errors: dict[str, str] = field(default_factory=dict)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.page = Fragment()
        self._field = self._kind = self._option = ""
        self._button: tuple[str, str] | None = None
        self._words: list[str] = []
        self._area: str | None = None
        self._labels: dict[str, tuple[str, str]] = {}
        self._label_for = ""
        self._error = False
        self._stack: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        a = {k: v or "" for k, v in attrs}
        if tag not in _VOID:
            self._stack.append(tag)
        if "data-form" in a:
            self.page.form, self.page.state = a["data-form"], a["data-state"]
        if "data-field" in a:
            self._field, self._kind = a["data-field"], a["data-kind"]
            self.page.values[self._field] = [] if self._kind == "people" else ""
            self.page.options[self._field] = {}
        if a.get("id", "").startswith("error-"):
            self._error = True
        if tag == "input" and self._field:
            self._input(a)
        if tag == "textarea":
            self._area = ""
        if tag == "option":
            self._option = a.get("value", "")
            if "selected" in a:
                self.page.values[self._field] = self._option
        if tag == "label":
            self._label_for = a.get("for", "")
        if tag == "button":
            self._button = (a.get("data-action", ""), a.get("data-value", ""))
        self._words.append(" ")

    def _input(self, a: dict[str, str]) -> None:
        values, name = self.page.values, self._field
        if a.get("type") == "hidden":
            chosen = values[name]
            assert isinstance(chosen, list)
            chosen.append(a["value"])
        elif a.get("type") == "radio":
            self._labels[a["id"]] = (name, a["value"])
            if "checked" in a:
                values[name] = a["value"]
        elif self._kind != "people":
            values[name] = a.get("value", "")

    def handle_endtag(self, tag: str) -> None:
        if self._stack and self._stack[-1] == tag:
            self._stack.pop()
        if tag == "textarea" and self._area is not None:
            self.page.values[self._field] = self._area.removeprefix("\n")
            self._area = None
        if tag == "button":
            self._button = None
        if tag == "p":
            self._error = False
        if tag == "option":
            self._option = ""
        self._words.append(" ")

    def handle_data(self, data: str) -> None:
        if self._area is not None:
            self._area += data
        self._words.append(data)
        if self._error and data.strip():
            self.page.errors[self._field] = data
        if self._button is not None and self._button[0]:
            self.page.buttons.append((data, *self._button))
        if self._option:
            self.page.options[self._field][data] = self._option
        if self._label_for in self._labels:
            name, value = self._labels[self._label_for]
            self.page.options[name].setdefault(data, value)
            self._label_for = ""

    def done(self) -> Fragment:
        self.page.text = " ".join("".join(self._words).split())
        return self.page


def read(html: str) -> Fragment:
    """A fragment as a person reads it."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return reader.done()
