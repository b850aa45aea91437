"""The checker finds what Slack would refuse: one thing wrong in an otherwise right payload is one sentence about it."""

import copy
from collections.abc import Callable
from typing import Any, TypeAlias

import pytest

from cards.blockkit import home, message, modal
from cards.model import (
    Button,
    Buttons,
    Card,
    Choice,
    Confirm,
    Fact,
    Facts,
    Form,
    MomentField,
    Option,
    PeopleField,
    PersonChoice,
    Table,
    Text,
    TextField,
)
from tests.contract.limits import option_problems, problems

Payload: TypeAlias = dict[str, Any]
Spoil: TypeAlias = Callable[[Payload], Any]

BUTTONS = Buttons((Button("take", "I have it", "1", confirm=Confirm("Sure?", "Sure?", "Yes", "No")), Button("leave", "Leave")))
FORM = Form(
    "report",
    "Report",
    (
        Choice("kind", "Kind", (Option("a", "A", "hint"), Option("b", "B")), "a"),
        Choice("form", "Form", (Option("c", "C", group="9"), Option("d", "D", group="10")), "d", compact=True),
        TextField("what", "What", "He said", live=True, placeholder="Words"),
        MomentField("when", "When"),
        PeopleField("who", "Who", (PersonChoice("person:7", "Sam"),)),
        BUTTONS,
    ),
    "Send",
)
CARD = Card(
    "Concern",
    "Concern",
    (Text("It is open."), Facts((Fact("Owner", "Dana"),)), BUTTONS, Table("T", ("A", "B"), (("1", "2"),), "")),
)


def test_what_is_right_has_no_problems() -> None:
    """The payloads that the tests below spoil are right."""
    assert problems(modal(FORM), "modal") == []
    assert problems(message(CARD), "message") == []
    assert problems(home(CARD), "home") == []


def _plain(text: str) -> Payload:
    return {"type": "plain_text", "text": text}


def _section(text: str) -> Payload:
    return {"type": "section", "text": _plain(text)}


def _set(*path: str | int, to: Any) -> Spoil:
    """Puts something at a place in the payload."""

    def spoil(payload: Payload) -> None:
        place: Any = payload
        for step in path[:-1]:
            place = place[step]
        place[path[-1]] = to

    return spoil


def _add(block: Payload) -> Spoil:
    return lambda payload: payload["blocks"].append(block)


def _drop(*path: str | int) -> Spoil:
    def spoil(payload: Payload) -> None:
        place: Any = payload
        for step in path[:-1]:
            place = place[step]
        del place[path[-1]]

    return spoil


def _element(number: int, name: str, to: Any) -> Spoil:
    return _set("blocks", number, "element", name, to=to)


LONG = "x" * 3_001

WRONG_VIEWS: list[tuple[str, Spoil]] = [
    ("24 at most", _set("title", to=_plain("x" * 25))),
    ("24 at most", _set("submit", to=_plain("x" * 25))),
    ("24 at most", _set("close", to=_plain("x" * 25))),
    ("3000 at most", _set("private_metadata", to=LONG)),
    ("255 at most", _set("callback_id", to="x" * 256)),
    ("needs a submit", _drop("submit")),
    ("title is missing", _drop("title")),
    ("colour is not allowed", _set("colour", to="red")),
    ("its type is 'home'", _set("type", to="home")),
    ("1 to 100 are allowed", _set("blocks", to=[_section("x")] * 101)),
    ("1 to 100 are allowed", _set("blocks", to=[])),
    ("not allowed in a modal", _add(message(CARD)["blocks"][-1])),
    ("unknown block type 'nonsense'", _add({"type": "nonsense"})),
    ("block_id 'kind' is used 2 times", _set("blocks", 1, "block_id", to="kind")),
    ("255 at most", _set("blocks", 1, "block_id", to="x" * 256)),
    ("255 at most", _element(0, "action_id", "x" * 256)),
    ("action_id is missing", _drop("blocks", 0, "element", "action_id")),
    ("label is missing", _drop("blocks", 0, "label")),
    ("2000 at most", _set("blocks", 0, "label", to=_plain("x" * 2_001))),
    ("2000 at most", _set("blocks", 0, "hint", to=_plain("x" * 2_001))),
    ("not a plain_text object", _set("blocks", 0, "label", to={"type": "mrkdwn", "text": "x"})),
    ("1 to 10 are allowed", _element(0, "options", [{"text": _plain(f"{n}"), "value": f"{n}"} for n in range(11)])),
    ("not among the options", _element(0, "initial_option", {"text": _plain("A"), "value": "a"})),
    ("not among the options", _set("blocks", 1, "element", "initial_option", "value", to="gone")),
    ("option value 'a' is used 2 times", _element(0, "options", [{"text": _plain("A"), "value": "a"}] * 2)),
    ("75 at most", _set("blocks", 0, "element", "options", 1, "text", to=_plain("x" * 76))),
    ("75 at most", _set("blocks", 0, "element", "options", 1, "value", to="x" * 76)),
    ("75 at most", _set("blocks", 0, "element", "options", 1, "description", to=_plain("x" * 76))),
    ("75 at most", _set("blocks", 1, "element", "option_groups", 0, "label", to=_plain("x" * 76))),
    ("either options or option_groups", _drop("blocks", 1, "element", "option_groups")),
    ("max_length", _element(2, "max_length", 3_001)),
    ("longer than max_length", _element(2, "max_length", 3)),
    ("150 at most", _element(2, "placeholder", _plain("x" * 151))),
    ("dispatch_action_config", _element(2, "dispatch_action_config", {"trigger_actions_on": ["sometimes"]})),
    ("not a number of ten digits", _element(3, "initial_date_time", 123)),
    ("not a number from 1", _element(4, "max_selected_items", 0)),
    ("options is not allowed", _element(4, "options", [])),
    ("unknown element type", _set("blocks", 0, "element", to={"type": "nonsense"})),
    ("button): not allowed here", _set("blocks", 0, "element", to={"type": "button", "action_id": "a", "text": _plain("x")})),
    ("75 at most", _set("blocks", 5, "elements", 0, "text", to=_plain("x" * 76))),
    ("2000 at most", _set("blocks", 5, "elements", 0, "value", to="x" * 2_001)),
    ("only primary and danger", _set("blocks", 5, "elements", 0, "style", to="default")),
    ("100 at most", _set("blocks", 5, "elements", 0, "confirm", "title", to=_plain("x" * 101))),
    ("300 at most", _set("blocks", 5, "elements", 0, "confirm", "text", to=_plain("x" * 301))),
    ("30 at most", _set("blocks", 5, "elements", 0, "confirm", "deny", to=_plain("x" * 31))),
    ("no http or https", _set("blocks", 5, "elements", 0, "url", to="javascript:alert(1)")),
    ("action_id 'take' is used 2 times", _set("blocks", 5, "elements", 1, "action_id", to="take")),
    ("3000 at most", _add(_section(LONG))),
    ("empty", _add(_section(" \n"))),
    ("neither text nor fields", _add({"type": "section"})),
    ("mrkdwn, which Slack reads", _add({"type": "section", "text": {"type": "mrkdwn", "text": "*x*"}})),
    ("150 at most", _add({"type": "header", "text": _plain("x" * 151)})),
    ("1 to 10 are allowed", _add({"type": "context", "elements": [_plain("x")] * 11})),
    ("1 to 10 are allowed", _add({"type": "section", "fields": [_plain("x")] * 11})),
    ("2000 at most", _add({"type": "section", "fields": [_plain("x" * 2_001)]})),
    ("1 to 25 are allowed", _set("blocks", 5, "elements", to=[])),
    (
        "would be more than text",
        _add({"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": [{"type": "broadcast"}]}]}),
    ),
    ("nothing to see", _add({"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": []}]})),
    ("emoji codes", _add({"type": "header", "text": {"type": "plain_text", "text": ":x:", "emoji": True}})),
    ("250000 at most", _set("blocks", to=[_section("x" * 2_900)] * 99)),
]

WRONG_MESSAGES: list[tuple[str, Spoil]] = [
    ("1 to 50 are allowed", _set("blocks", to=[_section("x")] * 51)),
    ("text for notifications is missing", _set("text", to="")),
    ("would read as markup", _set("text", to="<!channel>")),
    ("msg_blocks_too_long", _set("blocks", to=[_section("x" * 2_900)] * 4)),
    ("not allowed in a message", _add({"type": "alert", "text": _plain("x")})),
    ("only_one_table_allowed", lambda payload: payload["blocks"].append(payload["blocks"][-1])),
    ("1 to 100 are allowed", lambda payload: _table(payload).extend([_table(payload)[0]] * 99)),
    ("1 to 20", lambda payload: _table(payload)[1].extend([_table(payload)[0][0]] * 19)),
    ("all must have the same number", lambda payload: _table(payload)[1].pop()),
    ("empty", lambda payload: _table(payload)[1].__setitem__(0, {"type": "raw_text", "text": ""})),
    ("10000 at most", lambda payload: _table(payload)[1].__setitem__(0, {"type": "raw_text", "text": "x" * 10_001})),
]


def _table(payload: Payload) -> list[list[Payload]]:
    rows: list[list[Payload]] = payload["blocks"][-1]["rows"]
    return rows


@pytest.mark.parametrize(("sentence", "spoil"), WRONG_VIEWS)
def test_a_wrong_view_is_found_out(sentence: str, spoil: Spoil) -> None:
    """Each thing wrong in a dialog is said."""
    view = copy.deepcopy(modal(FORM))
    spoil(view)
    assert sentence in "\n".join(problems(view, "modal"))


@pytest.mark.parametrize(("sentence", "spoil"), WRONG_MESSAGES)
def test_a_wrong_message_is_found_out(sentence: str, spoil: Spoil) -> None:
    """Each thing wrong in a message is said."""
    payload = copy.deepcopy(message(CARD))
    spoil(payload)
    assert sentence in "\n".join(problems(payload, "message"))


def test_suggestions_are_checked_too() -> None:
    """What is offered while somebody types is a list of up to a hundred right options."""
    assert option_problems([{"text": _plain("Sam"), "value": "person:7"}]) == []
    assert option_problems([{"text": _plain(f"{n}"), "value": f"{n}"} for n in range(101)])
    assert option_problems([{"text": _plain("Sam")}])


def test_an_unknown_surface_is_a_mistake_in_the_test() -> None:
    """Only the three surfaces can be checked."""
    with pytest.raises(ValueError, match="modal"):
        problems({}, "canvas")
