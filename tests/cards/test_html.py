"""Cards and forms as HTML: every part is drawn, and nothing that somebody typed ever becomes markup."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from html.parser import HTMLParser
from typing import get_args
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cards import html, model
from cards.model import (
    Banner,
    Button,
    Buttons,
    ButtonStyle,
    Card,
    Choice,
    Confirm,
    Fact,
    Facts,
    Form,
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
)

WHEN = datetime(2026, 7, 3, 9, 5, 42, tzinfo=ZoneInfo("Europe/London"))

NASTY = (
    "<script>alert(1)</script>",
    "\"><img src=x onerror='alert(1)'>",
    "' onfocus=alert(1) autofocus '",
    "</textarea></select></style></script><svg onload=alert(1)>",
    "<!--",
    "]]><![CDATA[",
    "&lt;b&gt; &amp; &#60; &notit;",
    "javascript:alert(1)",
    "{{token}} ${x} <!channel> <@U1> *b* [a](b)",
    "\u202eevil\u202c שלום مرحبا",
    "👩‍👧‍👦🏴󠁧󠁢󠁷󠁬󠁳󠁿",
    "\n\nline\r\nline\t",
    "\x00\x1b\x7f \ud800",
    "x" * 5000,
)


@dataclass
class Seen:
    """What a browser would make of a fragment: the elements with their attributes in order, and the text of each."""

    elements: list[tuple[str, dict[str, str | None]]] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    other: list[str] = field(default_factory=list)
    open: list[str] = field(default_factory=list)

    @property
    def shape(self) -> list[tuple[str, tuple[str, ...]]]:
        """Elements and the names of their attributes, without any value."""
        return [(tag, tuple(attributes)) for tag, attributes in self.elements]

    def having(self, name: str) -> list[str | None]:
        """The values of an attribute, wherever it stands."""
        return [attributes[name] for _, attributes in self.elements if name in attributes]

    def all(self, tag: str) -> list[dict[str, str | None]]:
        """The attributes of each element of that name."""
        return [attributes for name, attributes in self.elements if name == tag]


class _Reader(HTMLParser):
    """Reads a fragment into `Seen`, and refuses one whose elements are not closed in order."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.seen = Seen()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len(dict(attrs)) == len(attrs), f"an attribute twice in <{tag}>"
        self.seen.elements.append((tag, dict(attrs)))
        if tag != "input":
            self.seen.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.seen.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.seen.texts.append(data)

    def handle_comment(self, data: str) -> None:
        self.seen.other.append(data)

    def handle_decl(self, decl: str) -> None:
        self.seen.other.append(decl)

    def handle_pi(self, data: str) -> None:
        self.seen.other.append(data)

    def unknown_decl(self, data: str) -> None:
        self.seen.other.append(data)


def read(fragment: str) -> Seen:
    reader = _Reader()
    reader.feed(fragment)
    reader.close()
    assert reader.seen.open == []
    return reader.seen


def every_part(word: Callable[[], str]) -> tuple[Part, ...]:
    """One of each part, with every text in it from `word`."""
    fields: tuple[model.Field, ...] = (
        Choice(
            "kind", word(), (Option("a", word(), word(), "g"), Option("b", word(), "", "g"), Option("c", word())), hint=word()
        ),
        Choice(
            "short", word(), (Option("a", word(), word(), "h"), Option("b", word())), value="a", compact=True, required=False
        ),
        TextField("line", word(), word(), word(), word()),
        TextField("story", word(), word(), word(), word(), multiline=True, max_length=200, live=True),
        MomentField("when", word(), WHEN, word()),
        PeopleField("who", word(), (PersonChoice("person:7", word()), PersonChoice(f"text:{word()}", word())), word()),
    )
    buttons = (
        Button("take", word(), "i-1", ButtonStyle.PRIMARY),
        Button("close", word(), word(), ButtonStyle.DANGER, confirm=Confirm(word(), word(), word(), word())),
        Button("open", word(), "i-2", opens_form=True),
    )
    leaves: tuple[model.Leaf, ...] = (
        *(Text(word(), weight) for weight in Weight),
        Facts((Fact(word(), word()), Fact(word(), word()))),
        *(Banner(word(), tone) for tone in Tone),
        Link(word(), f"https://example.org/{word()}"),
        Buttons(buttons),
        Table(word(), (word(), word()), ((word(), word()), (word(), word())), word()),
        Table(word(), (word(),), (), word()),
    )
    return (*leaves, Section(word(), (*fields, Text(word()))))


def drawn(word: Callable[[], str]) -> str:
    """A card and a form that hold one of each part, with errors at a field and at none."""
    parts = every_part(word)
    form = Form("f", word(), parts, word(), word(), {"line": word(), "who": word(), "gone": word()})
    return html.card(Card(word(), word(), parts)) + html.form(form)


def saying(words: Iterable[str]) -> Callable[[], str]:
    """Each word once, the last for ever."""
    waiting = list(words)
    return lambda: waiting.pop(0) if len(waiting) > 1 else waiting[0]


PLAIN = read(drawn(lambda: "plain"))


def test_every_kind_of_part_is_in_these_tests() -> None:
    parts = every_part(lambda: "x")
    inner = [leaf for part in parts if isinstance(part, Section) for leaf in part.parts]
    assert {type(part) for part in [*parts, *inner]} == {*get_args(model.Leaf), Section}


@pytest.mark.parametrize("nasty", NASTY)
def test_nasty_text_stays_text(nasty: str) -> None:
    seen = read(drawn(lambda: nasty))
    assert seen.shape == PLAIN.shape
    assert seen.other == []


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(min_size=1) | st.text("<>&\"'`=/!-[] \n\tonabc;#x0", min_size=1), min_size=1, max_size=40))
def test_no_text_makes_an_element_or_an_attribute(words: list[str]) -> None:
    seen = read(drawn(saying(words)))
    assert seen.shape == PLAIN.shape
    assert seen.other == []


@settings(max_examples=60, deadline=None)
@given(st.text(st.characters(exclude_categories=("Cs", "Cc"))).map(lambda text: f"a{text}z"))
def test_text_comes_out_as_it_went_in(word: str) -> None:
    """Line breaks and control characters apart, which a browser reads in its own way."""
    seen = read(html.card(Card(word, "", (Text(word), Facts((Fact("label", word),)), TextField("line", "label", word)))))
    assert seen.texts.count(word) == 3
    assert word in seen.having("value")


def test_a_fragment_can_always_be_sent() -> None:
    drawn(lambda: "\ud800 \x00").encode()


@pytest.mark.parametrize(
    "nasty", ["javascript:alert(1)", "data:text/html,x", " https://example.org", "https://", "//x.org", ""]
)
def test_only_web_addresses_become_links(nasty: str) -> None:
    seen = read(html.card(Card("t", "s", (Link("Read it", nasty),))))
    assert seen.all("a") == []
    assert "Read it" in seen.texts


def test_links_leave_without_a_trace() -> None:
    (link,) = read(html.card(Card("t", "s", (Link("Read it", "https://example.org/?a=1&b=2"),)))).all("a")
    assert link["href"] == "https://example.org/?a=1&b=2"
    assert link["rel"] == "noopener noreferrer"


def test_no_scripts_styles_or_handlers() -> None:
    tags = {tag for tag, _ in PLAIN.elements}
    names = {name for _, attributes in PLAIN.elements for name in attributes}
    assert not tags & {"script", "style", "link", "img", "iframe", "object", "base", "meta"}
    assert not {name for name in names if name == "style" or name.startswith("on")}


def test_every_field_and_button_is_there() -> None:
    form = Form("f", "Title", every_part(lambda: "x"), "Send")
    seen = read(html.form(form))
    assert seen.having("data-field") == [part.id for part in model.fields(form)]
    pressed = [(button["data-action"], button["data-value"]) for button in seen.all("button") if "data-action" in button]
    assert pressed == [(button.action, button.value) for button in model.buttons(form)]
    assert set(seen.having("name")) == {part.id for part in model.fields(form)}


def test_ids_are_unique_and_point_at_something() -> None:
    seen = read(html.form(Form("f", "Title", every_part(lambda: "x"), "Send", errors={"line": "Wrong"})))
    ids = seen.having("id")
    assert len(ids) == len(set(ids))
    pointers = ("for", "aria-describedby", "aria-labelledby")
    targets = {target for name in pointers for value in seen.having(name) for target in (value or "").split()}
    assert targets <= set(ids)


def test_an_id_has_no_blank_whatever_the_field_is_called() -> None:
    seen = read(html.form(Form("f", "Title", (TextField("a b\u00a0\"c'", "Label", hint="Hint"),), "Send")))
    (control,) = (attributes for attributes in seen.all("input") if attributes["type"] == "text")
    assert set((control["aria-describedby"] or "").split()) <= set(seen.having("id"))
    assert seen.having("data-field") == ["a b\u00a0\"c'"]


def test_a_form_carries_its_id_and_state() -> None:
    (form,) = read(html.form(Form("report", "Title", (), "Send", "draft-7"))).all("form")
    assert (form["data-form"], form["data-state"]) == ("report", "draft-7")


def test_a_form_without_submit_can_only_be_closed() -> None:
    reading = read(html.form(Form("f", "Title", ())))
    assert [button.get("type") for button in reading.all("button")] == ["button", "button"]
    assert "Close" in reading.texts
    sending = read(html.form(Form("f", "Title", (), "Send")))
    assert [button["type"] for button in sending.all("button")] == ["button", "button", "submit"]


def test_an_error_is_tied_to_its_field() -> None:
    form = Form("f", "Title", (TextField("line", "Label", "typed"),), "Send", errors={"line": "Say a little more"})
    seen = read(html.form(form))
    (control,) = (attributes for attributes in seen.all("input") if attributes["type"] == "text")
    assert control["aria-invalid"] == "true"
    assert control["value"] == "typed"
    assert "error-line" in (control["aria-describedby"] or "")
    assert "Say a little more" in seen.texts
    right = read(html.form(replace(form, errors={})))
    assert "aria-invalid" not in {name for _, attributes in right.elements for name in attributes}


def test_an_error_of_no_field_is_said_all_the_same() -> None:
    seen = read(html.form(Form("f", "Title", (), "Send", errors={"gone": "Somebody else has taken it"})))
    assert "alert" in seen.having("role")
    assert "Somebody else has taken it" in seen.texts


def test_a_choice_in_sight_is_a_group_of_radios() -> None:
    choice = Choice("about", "About", (Option("pupil", "A pupil", "a child"), Option("staff", "Staff")), value="staff")
    seen = read(html.form(Form("f", "Title", (choice,), "Send")))
    assert [(radio["value"], "checked" in radio) for radio in seen.all("input")] == [("pupil", False), ("staff", True)]
    assert seen.having("role") == ["radiogroup"]


def test_a_compact_choice_is_a_list_by_groups() -> None:
    options = (Option("a", "A", group="One"), Option("b", "B", group="Two"), Option("c", "C", "hint", "One"))
    seen = read(html.form(Form("f", "Title", (Choice("kind", "Kind", options, compact=True),), "Send")))
    assert [group["label"] for group in seen.all("optgroup")] == ["One", "Two"]
    assert [option["value"] for option in seen.all("option")] == ["", "a", "c", "b"]
    assert not [option for option in seen.all("option") if "selected" in option]
    assert seen.having("data-hint") == ["hint"]


def test_a_moment_is_shown_on_its_own_clock() -> None:
    seen = read(html.form(Form("f", "Title", (MomentField("when", "When", WHEN), MomentField("until", "Until")), "Send")))
    moments = [(control["type"], control["value"]) for control in seen.all("input")]
    assert moments == [("datetime-local", "2026-07-03T09:05"), ("datetime-local", "")]


def test_a_text_keeps_its_first_line_break() -> None:
    """A browser drops the first line break after <textarea>, so there is one more."""
    assert ">\n\nsecond line</textarea>" in html.form(
        Form("f", "T", (TextField("x", "X", "\nsecond line", multiline=True),), "Go")
    )


def test_people_are_chips_with_a_way_to_take_them_off() -> None:
    people = PeopleField(
        "who", "Who", (PersonChoice("person:1", "Ann"), PersonChoice("text:Bo", "Bo")), searchable=False, most=3
    )
    seen = read(html.form(Form("f", "Title", (people,), "Send")))
    assert [chip["data-value"] for chip in seen.all("li")] == ["person:1", "text:Bo"]
    assert [label for label in seen.having("aria-label") if label and label.startswith("Remove")] == ["Remove Ann", "Remove Bo"]
    assert (seen.having("data-most"), seen.having("data-searchable")) == (["3"], ["false"])


def test_only_what_may_be_left_out_is_marked() -> None:
    fields = (TextField("a", "A"), TextField("b", "B", required=False))
    seen = read(html.form(Form("f", "Title", fields, "Send")))
    assert seen.texts.count("(optional)") == 1
    assert seen.having("aria-required") == ["true"]


@pytest.mark.parametrize("tone", Tone)
def test_a_banner_has_a_word_and_a_sign_for_its_tone(tone: Tone) -> None:
    seen = read(html.card(Card("", "", (Banner("Mind this", tone),))))
    assert len(seen.all("svg")) == 1
    assert seen.texts[1:] == ["Mind this"]
    assert seen.having("role") == ["alert" if tone is Tone.DANGER else "note"]


def test_a_button_asks_first_where_it_should() -> None:
    asking = Button("close", "Close", "i-1", confirm=Confirm("Sure?", "It ends.", "Yes", "No"), opens_form=True)
    first, second = read(html.card(Card("t", "s", (Buttons((asking, Button("take", "Take"))),)))).all("button")
    assert [first[f"data-confirm-{name}"] for name in ("title", "text", "yes", "no")] == ["Sure?", "It ends.", "Yes", "No"]
    assert not [name for name in second if name.startswith("data-confirm")]
    assert (first["data-opens-form"], second["data-opens-form"]) == ("true", "false")


def test_a_table_says_what_its_columns_and_rows_are() -> None:
    seen = read(html.card(Card("t", "s", (Table("Yours", ("Ref", "State"), (("1", "new"), ("2", "old")), "None"),))))
    assert [head["scope"] for head in seen.all("th")] == ["col", "col", "row", "row"]
    assert [cell["data-column"] for cell in seen.all("td")] == ["State", "State"]
    assert len(seen.all("caption")) == 1
    empty = read(html.card(Card("t", "s", (Table("Yours", ("Ref",), (), "None yet"),))))
    assert empty.all("table") == []
    assert "None yet" in empty.texts


def test_headings_go_down_one_level_at_a_time() -> None:
    parts = (Text("one", Weight.HEADING), Section("two", (Text("three", Weight.HEADING),)))
    levels = [tag for tag, _ in read(html.card(Card("t", "s", parts))).elements if tag[0] == "h"]
    assert levels == ["h3", "h4", "h4", "h5"]
    levels = [tag for tag, _ in read(html.form(Form("f", "t", parts))).elements if tag[0] == "h"]
    assert levels == ["h2", "h3", "h3", "h4"]
