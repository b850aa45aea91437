"""The neutral card on Slack: always valid, never markup, nothing lost."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from bot.slack.values import form_values
from cards.blockkit import action_name, home, message, modal, option
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
    Leaf,
    Link,
    MomentField,
    Option,
    PeopleField,
    PersonChoice,
    Section,
    Table,
    Text,
    TextField,
    Tone,
    Weight,
)
from cards.plain import clean
from tests.cards.strategies import NASTY, cards, forms, short_text
from tests.contract.carried import by_model, by_slack
from tests.contract.limits import problems
from tests.fakes.slack_model import shown_text, starting_values

modestly = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))


@modestly
@given(cards())
def test_any_card_is_a_message_and_a_home_tab_that_slack_takes(card: Card) -> None:
    """Whatever people typed, however long and however odd, the payload is within every limit and holds no markup."""
    assert problems(message(card), "message") == []
    assert problems(home(card), "home") == []


@modestly
@given(forms())
def test_any_form_is_a_view_that_slack_takes(form: Form) -> None:
    """The same for dialogs, with any fields, values and errors in them."""
    assert problems(modal(form), "modal") == []


@modestly
@given(forms(short_text), cards(short_text))
def test_every_field_and_button_arrives(form: Form, card: Card) -> None:
    """No field and no button of the model is dropped or renamed on the way."""
    assert by_slack(modal(form)) == by_model(form)
    assert by_slack(message(card)) == by_model(card)


@pytest.mark.parametrize("text", NASTY)
def test_nothing_typed_is_ever_markup(text: str) -> None:
    """A typed text stands in plain text and rich text runs only, and the fallback line holds nothing that Slack would parse."""
    card = Card(text, text, (Text(text), Facts((Fact(text, text),)), Banner(text, Tone.DANGER), _table(text), _row(text)))
    sent = message(card)
    kinds = {piece["type"] for piece in _pieces(sent) if "text" in piece and isinstance(piece["text"], str) and "type" in piece}
    assert kinds <= {"plain_text", "text"}
    assert not re.search(r"[<>*`~]|&(?!amp;|lt;|gt;)|:\w+:|://|@here", sent["text"])


@pytest.mark.parametrize("length", [3_000, 3_001, 9_000])
def test_a_long_text_is_split_and_not_cut(length: int) -> None:
    """Every word of a long narrative is there, over several blocks."""
    narrative = ("He said that. " * 1_000)[:length]
    view = modal(Form("details", "Details", (Text(narrative),)))
    assert "".join(block["text"]["text"] for block in view["blocks"]) == narrative
    facts = modal(Form("details", "Details", (Facts((Fact("What", narrative),)),)))
    assert narrative.replace(" ", "") in shown_text(facts["blocks"]).replace("\n", "").replace(" ", "")


@pytest.mark.parametrize(("surface", "most"), [("message", 50), ("home", 100), ("modal", 100)])
def test_what_does_not_fit_is_counted(surface: str, most: int) -> None:
    """A queue too long for the surface ends with how many parts are not shown, and is still a valid payload."""
    parts = tuple(Text(f"Line {number}") for number in range(120))
    payload = _on(surface, "Queue", parts)
    assert problems(payload, surface) == []
    blocks = payload["blocks"]
    shown = sum(1 for line in shown_text(blocks).splitlines() if line.startswith("Line"))
    assert (len(blocks), blocks[-1]["elements"][0]["text"]) == (most, f"… and {120 - shown} more")


def test_a_banner_stands_out_without_colour() -> None:
    """A warning has a bar, a sign and a bold first line, and its other lines stay."""
    (_, banner) = message(Card("Title", "Line", (Banner("Do not view it.\nIsolate the device.", Tone.WARNING),)))["blocks"]
    (quote,) = banner["elements"]
    assert (quote["type"], shown_text(banner)) == ("rich_text_quote", "⚠️ Do not view it.\nIsolate the device.")
    assert [run["text"] for run in quote["elements"] if run.get("style", {}).get("bold")] == ["Do not view it."]


def test_facts_have_bold_labels() -> None:
    """Labelled values read as lines, the labels in bold."""
    (_, facts) = message(Card("Title", "Line", (Facts((Fact("Urgency", "critical"), Fact("Owner", ""))),)))["blocks"]
    assert shown_text(facts) == "Urgency: critical\nOwner: –"


def test_a_few_options_are_in_sight_and_many_in_a_list() -> None:
    """Up to ten options are radio buttons; more, or compact ones, a list in groups of first appearance."""
    few = _element(Choice("kind", "Kind", tuple(Option(f"k{n}", f"Kind {n}", "A hint") for n in range(10)), "k3"))
    assert (few["type"], few["initial_option"]["value"], few["options"][0]["description"]["text"]) == (
        "radio_buttons",
        "k3",
        "A hint",
    )
    grouped = (Option("a", "A", group="Conduct"), Option("b", "B", group="Contact"), Option("c", "C", group="Conduct"))
    listed = _element(Choice("kind", "Kind", grouped, "gone", compact=True))
    assert "initial_option" not in listed
    assert [(group["label"]["text"], [one["value"] for one in group["options"]]) for group in listed["option_groups"]] == [
        ("Conduct", ["a", "c"]),
        ("Contact", ["b"]),
    ]
    in_sight = _element(Choice("kind", "Kind", grouped))
    assert [one["text"]["text"] for one in in_sight["options"]] == ["Conduct: A", "Contact: B", "Conduct: C"]


def test_no_option_is_dropped_from_a_long_list() -> None:
    """Three hundred forms of pupils are three groups of a hundred."""
    forms_of_entry = tuple(Option(f"f{n}", f"Form {n}") for n in range(300))
    element = _element(Choice("form", "Form", forms_of_entry, "f299", compact=True))
    assert [len(group["options"]) for group in element["option_groups"]] == [100, 100, 100]
    assert element["initial_option"]["value"] == "f299"
    assert problems(modal(Form("f", "F", (Choice("form", "Form", forms_of_entry, compact=True),), "Send")), "modal") == []


def test_a_live_field_dispatches_what_is_typed() -> None:
    """Only a live field asks Slack for what is being typed."""
    view = modal(Form("f", "F", (TextField("a", "A", live=True), TextField("b", "B", required=False)), "Send"))
    first, second = view["blocks"]
    assert first["dispatch_action"]
    assert first["element"]["dispatch_action_config"] == {"trigger_actions_on": ["on_character_entered"]}
    assert ("dispatch_action" in second, first["optional"], second["optional"]) == (False, False, True)


def test_what_is_prefilled_reads_back_as_it_was() -> None:
    """A form opened with values, and submitted untouched, gives the same values."""
    moment = datetime(2026, 5, 4, 13, 30, tzinfo=UTC)
    known, typed = (PersonChoice("person:7", "Sam Jones"), PersonChoice("text:Alex", "Alex"))
    form = Form(
        "report",
        "Report",
        (
            Section(
                "What",
                (Choice("kind", "Kind", (Option("a", "A"), Option("b", "B")), "b"), TextField("what", "What", "He said")),
            ),
            MomentField("when", "When", moment),
            PeopleField("who", "Who", (known, typed)),
            PeopleField("others", "Others", (typed, PersonChoice("text:Jo  Lee", "Jo  Lee")), searchable=False),
        ),
        "Send",
        "draft-1",
    )
    view = modal(form)
    assert (view["callback_id"], view["private_metadata"]) == ("report", "draft-1")
    assert form_values({"state": {"values": starting_values(view["blocks"])}}) == {
        "kind": "b",
        "what": "He said",
        "when": moment.isoformat(),
        "who": ("person:7", "text:Alex"),
        "others": ("text:Alex", "text:Jo Lee"),
    }


def test_errors_stand_above_the_form() -> None:
    """A form that comes back says at the top what is wrong, by the fields' labels."""
    form = Form("f", "F", (TextField("what", "What happened"),), "Send", errors={"what": "Say more.", "other": "Try again."})
    top = modal(form)["blocks"][0]
    assert shown_text(top) == "⛔ What happened: Say more.\nOther: Try again.".replace("Other: ", "")


def test_like_buttons_are_told_apart() -> None:
    """Slack tells buttons apart by action id, so the second of a kind gets a number, which reading takes off again."""
    rows = tuple(Buttons((Button("take", "I have it", f"ES-{n}", ButtonStyle.PRIMARY),)) for n in range(3))
    names = [element["action_id"] for block in home(Card("Q", "Q", rows))["blocks"][1:] for element in block["elements"]]
    assert names == ["take", "take#2", "take#3"]
    assert [action_name(name) for name in names] == ["take"] * 3


def test_a_button_asks_first_where_it_must() -> None:
    """The question of a button becomes Slack's own confirmation."""
    asked = Buttons(
        (Button("close", "Close", "1", ButtonStyle.DANGER, confirm=Confirm("Close it?", "For good.", "Close", "Keep")),)
    )
    (element,) = message(Card("T", "T", (asked,)))["blocks"][1]["elements"]
    texts = {name: part["text"] for name, part in element["confirm"].items() if name != "style"}
    assert texts == {"title": "Close it?", "text": "For good.", "confirm": "Close", "deny": "Keep"}
    assert element["style"] == element["confirm"]["style"] == "danger"


def test_a_table_is_a_table_in_a_message_and_a_list_elsewhere() -> None:
    """Slack draws tables in messages only, and one a message; elsewhere each row is a line that names its columns."""
    table = Table(
        "Open concerns", ("Reference", "Urgency", "Owner"), (("ES-1", "high", "Dana"), ("ES-2", "low", "")), "None open."
    )
    card = Card("T", "T", (table, table))
    kinds = [block["type"] for block in message(card)["blocks"]]
    assert kinds == ["header", "context", "table", "context", "rich_text"]
    assert shown_text(message(card)["blocks"][2]) == "Reference | Urgency | Owner\nES-1 | high | Dana\nES-2 | low | –"
    assert "ES-1 · Urgency: high · Owner: Dana\nES-2 · Urgency: low" in shown_text(home(card)["blocks"])
    assert "None open." in shown_text(home(Card("T", "T", (Table("Open", ("A",), (), "None open."),)))["blocks"])


def test_a_link_of_ours_can_be_followed_and_no_other() -> None:
    """A web address becomes a link without markup; anything else is shown as the text it is."""
    good = message(Card("T", "T", (Link("The policy", "https://school.example/p?a=1&b=<2>".replace("<2>", "2")),)))["blocks"][1]
    assert good["elements"][0]["elements"] == [
        {"type": "link", "url": "https://school.example/p?a=1&b=2", "text": "The policy"}
    ]
    for address in ("javascript:alert(1)", "https://", "ftp://a.b/c", "https://a.b/ <!channel>", "http://[bad"):
        shown = message(Card("T", "T", (Link("Click", address),)))["blocks"][1]
        assert (shown["type"], shown["text"]["text"]) == ("section", f"Click: {address}")


@pytest.mark.parametrize(
    "form",
    [
        Form("f", "F", (TextField("a", "A"), TextField("a", "B")), "Send"),
        Form("f", "F", (TextField("a", "A"),)),
        Form("f", "F", (Choice("a", "A", ()),), "Send"),
        Form("f", "F", (Choice("a", "A", (Option("x", "X"), Option("x", "Y"))),), "Send"),
        Form("f", "F", (), "Send", "x" * 3_001),
        Form("f", "F", (Buttons((Button("a", "A", "x" * 2_001),)),)),
    ],
)
def test_a_card_that_cannot_be_shown_as_meant_is_refused(form: Form) -> None:
    """What is wrong in the program itself is said aloud instead of being drawn wrongly."""
    with pytest.raises(ValueError, match=r".+"):
        modal(form)


def test_an_id_is_never_cut_but_a_typed_name_may_be() -> None:
    """An option's value that is an id and too long is refused; a very long typed name is shortened."""
    with pytest.raises(ValueError, match="75"):
        option("person:" + "7" * 80, "Sam")
    chosen = _element(PeopleField("who", "Who", (PersonChoice("text:" + "a" * 200, "a" * 200),)))["initial_options"]
    assert chosen[0]["value"].startswith("text:aaa")


def test_headings_and_muted_texts_differ_from_body() -> None:
    """A heading is a header block however it is written, unless too long for one; muted text is small."""
    long_heading = "A very long heading. " * 20
    texts = (Text("H", Weight.HEADING), Text("B"), Text("M", Weight.MUTED), Text(long_heading, Weight.HEADING))
    blocks = modal(Form("f", "F", texts))["blocks"]
    assert [block["type"] for block in blocks] == ["header", "section", "context", "rich_text"]
    assert shown_text(blocks[3]) == clean(long_heading)


def _on(surface: str, title: str, parts: tuple[Leaf, ...]) -> dict[str, Any]:
    match surface:
        case "message":
            return message(Card(title, title, parts))
        case "home":
            return home(Card(title, title, parts))
        case _:
            return modal(Form("f", title, parts))


def _element(field: Leaf) -> dict[str, Any]:
    (block,) = modal(Form("f", "F", (field,), "Send"))["blocks"]
    element: dict[str, Any] = block["element"]
    return element


def _table(text: str) -> Table:
    return Table(text, (text, text), ((text, text),), text)


def _row(text: str) -> Buttons:
    return Buttons((Button("a", text, confirm=Confirm(text, text, text, text)),))


def _pieces(found: Any) -> Iterator[dict[str, Any]]:
    match found:
        case dict():
            yield found
            for value in found.values():
                yield from _pieces(value)
        case list():
            for value in found:
                yield from _pieces(value)
