"""The checker finds what Teams would refuse: one thing wrong in an otherwise right payload is one sentence about it."""

import copy
from collections.abc import Callable
from typing import Any, TypeAlias

import pytest

from cards.adaptive import card, form
from cards.model import Button, Buttons, Card, Choice, Confirm, Form, MomentField, Option, PeopleField, Text, TextField
from tests.contract.teams_rules import problems

Payload: TypeAlias = dict[str, Any]

QUESTION = Confirm("Sure?", "Sure?", "Yes", "No")
FORM = Form(
    "report",
    "Report",
    (
        Choice("kind", "Kind", (Option("a", "A", "hint"), Option("b", "B")), "a"),
        TextField("what", "What", "He said"),
        MomentField("when", "When"),
        PeopleField("who", "Who"),
    ),
    "Send",
)
CARD = Card("T", "T", (Text("It is open."), Buttons((Button("take", "I have it", "1"), Button("no", "No", confirm=QUESTION)))))

WRONG_FORMS: list[tuple[str, Callable[[Payload], Any]]] = [
    ("not valid under any", lambda it: it["body"].append({"type": "Nonsense"})),
    ("'colour' was unexpected", lambda it: it["body"][0].update(colour="red")),
    ('"loud" is not', lambda it: it["body"][0].update(style="loud")),
    ('"id" is a required', lambda it: it["body"][0].pop("id")),
    ("not valid under any", lambda it: it["actions"][0].update(type="Action.Nonsense")),
    ("1.5 is not of type", lambda it: it.update(version=1.5)),
    ("is used 2 times", lambda it: it["body"].append(it["body"][0])),
    ("without a label", lambda it: it["body"][0].update(label=" ")),
    ("nothing is said", lambda it: it["body"][0].pop("errorMessage")),
    ("is not among the choices", lambda it: it["body"][0].update(value="gone")),
    ("with a comma", lambda it: it["body"][0].update(isMultiSelect=True, choices=[{"title": "A", "value": "a,b"}])),
    ("value 'a' is used 2 times", lambda it: it["body"][0]["choices"][1].update(value="a")),
    ("knows no Action.Execute", lambda it: it["actions"][0].update(type="Action.Execute", verb="x")),
    ("would work out", lambda it: it["body"][0].update(label="{{DATE(2026-01-01T00:00:00Z)}}")),
    ("nothing is toggled", lambda it: it["actions"].append({"type": "Action.ToggleVisibility", "targetElements": ["kind"]})),
    ("100000 at most", lambda it: it["body"].append({"type": "TextBlock", "text": "x" * 100_001})),
]
WRONG_CARDS: list[tuple[str, Callable[[Payload], Any]]] = [
    ("an input in a message", lambda it: it["body"].append({"type": "Input.Text", "id": "a", "label": "A"})),
    ("7 actions", lambda it: it["body"][-1].update(actions=it["body"][-1]["actions"][:1] * 7)),
    ("'wieght' was unexpected", lambda it: it["body"][1]["inlines"][0].update(wieght="Bolder")),
]


def test_what_is_right_has_no_problems() -> None:
    """The payloads that the tests below spoil are right."""
    assert problems(form(FORM), "modal") == []
    assert problems(card(CARD), "message") == []


@pytest.mark.parametrize(("sentence", "spoil"), WRONG_FORMS)
def test_a_wrong_dialog_is_found_out(sentence: str, spoil: Callable[[Payload], Any]) -> None:
    """Each thing wrong in a dialog is said."""
    payload = copy.deepcopy(form(FORM))
    spoil(payload)
    assert sentence in "\n".join(problems(payload, "modal"))


@pytest.mark.parametrize(("sentence", "spoil"), WRONG_CARDS)
def test_a_wrong_message_is_found_out(sentence: str, spoil: Callable[[Payload], Any]) -> None:
    """Each thing wrong in a message is said."""
    payload = copy.deepcopy(card(CARD))
    spoil(payload)
    assert sentence in "\n".join(problems(payload, "message"))
