"""The neutral card in Teams: valid by the schema, never Markdown, nothing lost."""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from cards import blockkit
from cards.adaptive import card, form
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
    PeopleField,
    PersonChoice,
    Section,
    Table,
    Text,
    TextField,
    Tone,
    Weight,
)
from tests.cards.strategies import NASTY, cards, forms, short_text
from tests.contract.carried import by_model, by_slack, by_teams
from tests.fakes.card_schema import schema_problems

modestly = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
QUESTION = Confirm("Close it?", "For good.", "Close", "Keep")


@pytest.mark.parametrize(
    "wrong",
    [
        {"type": "Nonsense"},
        {"type": "RichTextBlock"},
        {"type": "RichTextBlock", "inlines": [{"type": "TextRun"}]},
        {"type": "Input.Text", "label": "No id"},
        {"type": "Container", "style": "red", "items": []},
        {"type": "ActionSet", "actions": [{"type": "Action.Nonsense"}]},
    ],
)
def test_the_schema_refuses_what_is_wrong(wrong: dict[str, Any]) -> None:
    """The check below is worth something: a wrong element is found inside an otherwise right card."""
    payload = card(Card("T", "T", ()))
    payload["body"].append(wrong)
    assert schema_problems(payload)


@modestly
@given(cards())
def test_any_card_is_valid(drawn: Card) -> None:
    """Whatever people typed, the card of a message is valid by Microsoft's schema 1.5 and not too big for Teams."""
    payload = card(drawn)
    assert schema_problems(payload) == []
    assert len(json.dumps(payload)) < 100_000


@modestly
@given(forms())
def test_any_form_is_valid(drawn: Form) -> None:
    """The same for dialogs."""
    payload = form(drawn)
    assert schema_problems(payload) == []
    assert len(json.dumps(payload)) < 100_000


@modestly
@given(forms(short_text), cards(short_text))
def test_both_platforms_carry_the_same(drawn: Form, shown: Card) -> None:
    """Every field and every button of the model is there, the same on Teams as on Slack."""
    assert by_teams(form(drawn)) == by_slack(blockkit.modal(drawn)) == by_model(drawn)
    assert by_teams(card(shown)) == by_slack(blockkit.message(shown)) == by_model(shown)


@pytest.mark.parametrize("text", NASTY)
def test_nothing_typed_is_read_as_markdown(text: str) -> None:
    """Typed text stands in text runs; what Teams reads as Markdown holds none, and no text a function to work out."""
    parts = (
        Text(text),
        Text(text, Weight.HEADING),
        Facts((Fact(text, text),)),
        Banner(text),
        Table(text, (text,), ((text,),), text),
    )
    choice = Choice("kind", text, (Option("a", text, text, text),))
    payload = form(Form("f", text, (*parts, Section(text, (choice,))), "Send", errors={"kind": text, "other": text}))
    pieces = list(_pieces(payload))
    read = [piece["text"] for piece in pieces if piece.get("type") == "TextBlock"]
    read += [one["title"] for piece in pieces for one in piece.get("choices", [])]
    for marked in ("*", "`", "](", "\n- ", "\n1. ", "&amp;", "_italic_"):
        assert not any(marked in one for one in read)
    drawn = [*read, *(piece["text"] for piece in pieces if piece.get("type") == "TextRun")]
    assert not any("{{" in one or "${" in one for one in drawn)


def test_lines_are_kept_apart() -> None:
    """A text run keeps no line breaks, so each line is a block, close to the one before; an empty line is a gap."""
    body = card(Card("T", "T", (Text("one\ntwo\n\nthree"),)))["body"][1:]
    assert [(block["inlines"][0]["text"], block["spacing"]) for block in body] == [
        ("one", "Default"),
        ("two", "None"),
        ("three", "Medium"),
    ]


def test_the_long_and_the_many_are_counted_and_never_too_big() -> None:
    """A queue too long for one card ends with how many parts, or rows, are not shown."""
    payload = card(Card("T", "T", tuple(Text("word " * 400) for _ in range(100))))
    hidden = payload["body"][-1]["inlines"][0]["text"]
    assert hidden == f"… and {100 - (len(payload['body']) - 2)} more"
    rows = tuple((f"ES-{number}",) for number in range(130))
    assert _texts(card(Card("T", "T", (Table("Open", ("Ref",), rows, "None"),))))[-1] == "… and 30 more"


def test_a_press_is_an_execute_or_opens_a_dialog() -> None:
    """A plain button acts in place; one whose answer is a form has Teams fetch a dialog; both hand over action and value."""
    row = Buttons(
        (Button("take", "I have it", "ES-1", ButtonStyle.PRIMARY), Button("details", "Details", "ES-1", opens_form=True))
    )
    take, details = card(Card("T", "T", (row,)))["body"][1]["actions"]
    data = {"action": "take", "value": "ES-1"}
    assert take == {"type": "Action.Execute", "verb": "take", "data": data, "title": "I have it", "style": "positive"}
    assert (details["type"], details["data"]) == (
        "Action.Submit",
        {"msteams": {"type": "task/fetch"}, "action": "details", "value": "ES-1"},
    )


def test_in_a_dialog_every_button_submits() -> None:
    """Dialogs know Action.Submit only: a button hands over action and value, the submit button the form's id and state."""
    payload = form(Form("report", "Report", (Buttons((Button("back", "Back", "1", opens_form=True),)),), "Send", "draft-1"))
    (back,) = payload["body"][0]["actions"]
    (send,) = payload["actions"]
    assert (back["type"], back["data"]) == ("Action.Submit", {"action": "back", "value": "1"})
    assert (send["title"], send["data"]) == ("Send", {"action": "submit", "dialog": "report", "state": "draft-1", "fields": ""})


def test_a_question_unfolds_before_the_button_acts() -> None:
    """A button that asks first unfolds the question, with the real button in it."""
    row = Buttons((Button("close", "Close", "1", ButtonStyle.DANGER, confirm=QUESTION),))
    (asks,) = card(Card("T", "T", (row,)))["body"][1]["actions"]
    (yes,) = asks["card"]["actions"]
    assert (asks["type"], asks["title"], _texts(asks["card"]["body"])) == (
        "Action.ShowCard",
        "Close",
        ["Close it?", "For good."],
    )
    assert (yes["type"], yes["title"], yes["style"], yes["verb"]) == ("Action.Execute", "Close", "destructive", "close")


def test_many_buttons_stand_in_rows() -> None:
    """Teams hides the actions of a set beyond the sixth, so seven buttons are two sets."""
    row = Buttons(tuple(Button(f"a{number}", f"A{number}") for number in range(7)))
    assert [len(block["actions"]) for block in card(Card("T", "T", (row,)))["body"][1:]] == [5, 2]


def test_a_long_button_is_a_line_that_can_break() -> None:
    """Teams cuts a button off where it is too narrow: long ones, and what stands beside them, are lines to press instead."""
    wide = Button("again", "Publish pictures in which a single pupil can be made out", "1")
    first, second = card(Card("T", "T", (Buttons((wide, Button("none", "None of these"))),)))["body"][1:]
    assert (_texts(first), _texts(second)) == ([wide.label], ["None of these"])
    action = first["selectAction"]
    assert (action["type"], action["verb"], action["title"]) == ("Action.Execute", "again", wide.label)
    asking = card(Card("T", "T", (Buttons((wide, Button("close", "Close", confirm=QUESTION))),)))["body"][1]
    assert asking["type"] == "ActionSet", "a question unfolds from a button only"


def test_a_moment_is_a_date_and_a_time_of_the_school() -> None:
    """A moment is shown as the school's clock shows it, in two inputs."""
    moment = datetime(2026, 5, 4, 13, 30, tzinfo=timezone(timedelta(hours=1)))
    (columns,) = form(Form("f", "F", (MomentField("when", "When", moment),), "Send"))["body"]
    inputs = [column["items"][0] for column in columns["columns"]]
    assert [(one["type"], one["id"], one["value"]) for one in inputs] == [
        ("Input.Date", "when.date", "2026-05-04"),
        ("Input.Time", "when.time", "13:30"),
    ]


def test_a_field_for_the_list_alone_has_no_place_for_other_names() -> None:
    """But for one that was typed in another chat, and comes back to be taken out."""
    dana, other = PersonChoice("person:d", "Dana Okafor"), PersonChoice("text:Sam", "Sam")
    found = [
        [piece["id"] for piece in form(Form("f", "F", (PeopleField("who", "Who", who, listed_only=True),), "Send"))["body"]]
        for who in ((), (dana,), (other,))
    ]
    assert found == [["who"], ["who"], ["who", "who.typed"]]


def test_a_question_needs_no_colon_before_its_answer() -> None:
    """As a register says what was asked, with what was answered, in one line."""
    body = card(Card("T", "T", (Facts((Fact("How likely is it?", "3"), Fact("State", "open"))),)))["body"][1:]
    assert [line["inlines"][0]["text"] for line in body] == ["How likely is it? ", "State: "]


def test_people_are_searched_and_any_other_name_typed() -> None:
    """People on the list are picked from it as one types; names it does not have stand in a text, one a line."""
    chosen = (PersonChoice("person:7", "Sam Jones"), PersonChoice("text:Alex", "Alex"), PersonChoice("person:8", "Jo Lee"))
    search, typed = form(Form("f", "F", (PeopleField("who", "Who", chosen, required=True),), "Send"))["body"]
    assert (search["id"], search["style"], search["isMultiSelect"], search["value"]) == (
        "who",
        "filtered",
        True,
        "person:7,person:8",
    )
    assert search["choices.data"] == {"type": "Data.Query", "dataset": "people"}
    assert (typed["id"], typed["value"], typed["isMultiline"]) == ("who.typed", "Alex", True)
    (alone,) = form(Form("f", "F", (PeopleField("who", "Who", chosen, searchable=False),), "Send"))["body"]
    assert (alone["id"], alone["label"], alone["value"]) == ("who.typed", "Who", "Sam Jones\nAlex\nJo Lee")


def test_options_say_their_group_and_hint() -> None:
    """A choice has a title only, so that its group and its hint stand there."""
    options = (Option("a", "Bullying", "Unkind again and again", "Conduct"), Option("b", "Other"))
    (drawn,) = form(Form("f", "F", (Choice("kind", "Kind", options, "b", compact=True),), "Send"))["body"]
    assert [one["title"] for one in drawn["choices"]] == ["Bullying – Unkind again and again · Conduct", "Other"]
    assert (drawn["style"], drawn["value"], drawn["isRequired"]) == ("compact", "b", True)


def test_an_error_stands_above_its_field() -> None:
    """A form that comes back says what is wrong right above the field, with a sign and in red."""
    wrong, field = form(Form("f", "F", (TextField("what", "What", "x"),), "Send", errors={"what": "Say more."}))["body"]
    assert (wrong["inlines"][0]["text"], wrong["inlines"][0]["color"]) == ("⚠️ Say more.", "Attention")
    assert (field["id"], field["value"]) == ("what", "x")


def test_only_the_bot_asks_for_fields_where_a_button_must_work_without() -> None:
    """Teams lets no button act while a required input is empty, so a form with other buttons leaves the asking to the bot."""
    what = TextField("what", "What")
    asked = form(Form("f", "F", (what,), "Send"))["body"][0]
    left = form(Form("f", "F", (what, Buttons((Button("back", "Back"),))), "Send"))["body"][0]
    assert (asked.get("isRequired"), left.get("isRequired")) == (True, None)
    assert asked["errorMessage"]


def test_a_link_of_ours_can_be_opened_and_no_other() -> None:
    """A web address becomes a button that opens it; anything else is shown as the text it is."""
    good, bad = card(Card("T", "T", (Link("Policy", "https://school.example/p"), Link("Click", "javascript:alert(1)"))))[
        "body"
    ][1:]
    assert good["actions"] == [{"type": "Action.OpenUrl", "title": "Policy", "url": "https://school.example/p"}]
    assert good["type"] == "ActionSet"
    assert bad["inlines"][0]["text"] == "Click: javascript:alert(1)"


@pytest.mark.parametrize(("tone", "style", "sign"), [(Tone.DANGER, "attention", "⛔"), (Tone.SUCCESS, "good", "✅")])
def test_a_banner_has_a_sign_and_a_style(tone: Tone, style: str, sign: str) -> None:
    """A banner is a coloured box that says by a sign too how it speaks."""
    (_, banner) = card(Card("T", "T", (Banner("Stop.\nThink.", tone),)))["body"]
    assert (banner["style"], _texts(banner)) == (style, [f"{sign} Stop.", "Think."])


def _texts(found: Any) -> list[str]:
    return [piece["text"] for piece in _pieces(found) if piece.get("type") in {"TextRun", "TextBlock"}]


def _pieces(found: Any) -> Iterator[dict[str, Any]]:
    match found:
        case dict():
            yield found
            for value in found.values():
                yield from _pieces(value)
        case list():
            for value in found:
                yield from _pieces(value)
