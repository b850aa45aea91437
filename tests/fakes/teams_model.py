"""What there is in a tenant of Microsoft Teams: people, teams, conversations, messages, open dialogs, and what Teams refuses.

What counts as wrong is from Microsoft's documentation and its schema of Adaptive Cards 1.5; where both are silent, the stricter
reading is taken.
"""

import itertools
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, time
from typing import Any, Final, Literal, TypeAlias

from cards.adaptive import DATE_SUFFIX, TIME_SUFFIX, TYPED_SUFFIX
from tests.fakes.card_schema import schema_problems
from tests.fakes.copied import copied

Payload: TypeAlias = dict[str, Any]
Kind: TypeAlias = Literal["personal", "groupChat", "channel"]
Surface: TypeAlias = Literal["message", "dialog"]

BOT_NAME: Final = "E-safety"
ADAPTIVE: Final = "application/vnd.microsoft.card.adaptive"
MESSAGE_BYTES: Final = 100 * 1024
"""What a message of a bot may have, counted in UTF-16; beyond it Teams answers 413."""
TITLE_CHARACTERS: Final = 64
"""What the manifest allows for the title of a dialog; no other limit is documented."""

_SIGN: Final = "⚠️ "
_SUBMIT_TYPES: Final = {"messageBack", "imBack", "signin", "invoke", "task/fetch", "task/submit"}
_VERSIONS: Final = {"1.0", "1.1", "1.2", "1.3", "1.4", "1.5"}

_numbers = itertools.count(1)


def new_number() -> int:
    """A number that was never given before, for whatever must be unique."""
    return next(_numbers)


def new_guid() -> str:
    """An id as the directory gives them."""
    return f"{new_number():08x}-5c00-4a11-8e5f-0123456789ab"


class TookTooLongError(Exception):
    """The bot did not answer in time, or could not be reached."""


class TeamsShowsError(AssertionError):
    """What Teams would show the person because the bot failed to answer as it must."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What the bot answered over HTTP."""

    status: int
    body: str

    @property
    def json(self) -> Any:
        """The body as JSON, None where it is empty or no JSON."""
        try:
            return json.loads(self.body) if self.body.strip() else None
        except ValueError:
            return None


@dataclass(frozen=True, slots=True)
class Delivery:
    """One activity that Teams sent to the bot."""

    activity: Payload
    token: str


@dataclass(slots=True)
class Person:
    """A user: `id` is the directory's, `teams_id` what Teams calls them towards this bot, `tenant` another organisation's."""

    id: str
    teams_id: str
    name: str
    email: str
    upn: str
    guest: bool = False
    tenant: str = ""

    def as_account(self) -> Payload:
        """The sender of an activity."""
        return {"id": self.teams_id, "name": self.name, "aadObjectId": self.id}

    def as_member(self, tenant: str) -> Payload:
        """A member of a conversation, as the connector gives it."""
        given, _, surname = self.name.partition(" ")
        member = {
            **self.as_account(),
            "objectId": self.id,
            "givenName": given,
            "surname": surname,
            "userPrincipalName": self.upn,
            "tenantId": self.tenant or tenant,
            "userRole": "guest" if self.guest else "user",
        }
        return {**member, "email": self.email} if self.email else member


@dataclass(slots=True)
class Roster:
    """A team: who is in it, its channels by name, and whether the app is."""

    id: str
    group_id: str
    name: str
    members: list[str]
    channels: dict[str, str] = field(default_factory=dict)
    installed: bool = False


@dataclass(slots=True)
class Conversation:
    """A chat with one person, a group chat, or a channel. `own_app` says of a chat whether the app was added to it."""

    id: str
    kind: Kind
    members: list[str]
    team: Roster | None = None
    own_app: bool = False

    @property
    def has_app(self) -> bool:
        return self.team.installed if self.team else self.own_app

    def as_payload(self, tenant: str, thread: str = "") -> Payload:
        """The conversation as an activity names it."""
        whole = f"{self.id};messageid={thread}" if thread else self.id
        group = {} if self.kind == "personal" else {"isGroup": True}
        return {**group, "conversationType": self.kind, "tenantId": tenant, "id": whole}


@dataclass(slots=True)
class Message:
    """A message with all its versions. `private` holds the cards that one person sees in place of the newest version.

    `only_for`: the one person who sees it beside its author, in a conversation of many (a targeted message).
    """

    id: str
    conversation: str
    author: str
    versions: list[Payload]
    from_bot: bool = False
    thread: str = ""
    reply_to: str = ""
    deleted: bool = False
    only_for: str = ""
    private: dict[str, Payload] = field(default_factory=dict)

    @property
    def newest(self) -> Payload:
        return self.versions[-1]

    @property
    def edits(self) -> int:
        return len(self.versions) - 1

    @property
    def text(self) -> str:
        return str(self.newest.get("text") or "")

    @property
    def card(self) -> Payload | None:
        """The card that everybody sees."""
        cards = [one["content"] for one in self.newest.get("attachments") or [] if one.get("contentType") == ADAPTIVE]
        return dict(cards[0]) if cards else None

    @property
    def shown(self) -> str:
        """All the text in it, as everybody sees it."""
        return self._shown(self.card)

    @property
    def buttons(self) -> list[str]:
        return [str(action.get("title", "")) for action in actions_of(self.card or {})]

    def card_for(self, person_id: str) -> Payload | None:
        """The card that one person sees."""
        return self.private.get(person_id, self.card)

    def shown_to(self, person_id: str) -> str:
        """All the text that one person sees in it."""
        return self._shown(self.card_for(person_id))

    def buttons_for(self, person_id: str) -> list[str]:
        return [str(action.get("title", "")) for action in actions_of(self.card_for(person_id) or {})]

    def as_payload(self) -> Payload:
        """All that stays of it in the history, earlier versions too."""
        return {
            "id": self.id,
            "conversation": self.conversation,
            "from": self.author,
            "replyToId": self.reply_to,
            "versions": copied(self.versions),
        }

    def _shown(self, card: Payload | None) -> str:
        return "\n".join(part for part in (self.text, shown_text(card) if card else "") if part)


@dataclass(slots=True)
class OpenDialog:
    """A dialog that somebody has open, with what they have filled in.

    `command` is the message extension's command that opened it, `failed` says that Teams shows «Something went wrong» in it.
    """

    title: str
    card: Payload
    conversation: str
    command: str = ""
    context: str = "compose"
    message: Payload | None = None
    reply_to: str = ""
    thread: str = ""
    values: dict[str, str] = field(default_factory=dict)
    left_empty: dict[str, str] = field(default_factory=dict)
    failed: bool = False
    closed: bool = False

    @property
    def shown(self) -> str:
        """All the text in it, the labels of the fields too."""
        return "\n".join(part for part in (self.title, shown_text(self.card)) if part)

    @property
    def buttons(self) -> list[str]:
        return [str(action.get("title", "")) for action in actions_of(self.card)]

    @property
    def fields(self) -> dict[str, str]:
        """The label of each field by its neutral id."""
        found: dict[str, str] = {}
        for one in inputs_of(self.card):
            found.setdefault(field_id(one["id"]), str(one.get("label", "")))
        return found

    @property
    def errors(self) -> dict[str, str]:
        """What is said to be wrong, by field: what the client asks for, else what the card says. '' stands for no field."""
        return dict(self.left_empty) if self.left_empty else drawn_errors(self.card)

    @property
    def submit_label(self) -> str:
        return str(next((action.get("title", "") for action in self.card.get("actions", [])), ""))

    def inputs(self, name: str) -> list[Payload]:
        """The inputs of a field, which is named by its neutral id or the label of its first input."""
        wanted = next((key for key, label in self.fields.items() if name in (key, label)), None)
        if wanted is None:
            raise AssertionError(f"«{self.title}» has no field «{name}», only {sorted(self.fields)}")
        return [one for one in inputs_of(self.card) if field_id(one["id"]) == wanted]

    def value(self, name: str) -> str | tuple[str, ...]:
        """What stands in a field: a text, an option's value, a date and time, or people: those picked, then those typed."""
        ids = {one["id"]: one for one in self.inputs(name)}
        key = field_id(next(iter(ids)))
        if key + DATE_SUFFIX in ids or key + TIME_SUFFIX in ids:
            parts = (self.values.get(key + suffix, "") for suffix in (DATE_SUFFIX, TIME_SUFFIX))
            return "T".join(part for part in parts if part)
        if key + TYPED_SUFFIX in ids or ids[key].get("isMultiSelect"):
            picked = [one for one in self.values.get(key, "").split(",") if one]
            typed = [line.strip() for line in self.values.get(key + TYPED_SUFFIX, "").split("\n")]
            return (*picked, *(f"text:{line}" for line in typed if line))
        return self.values[key]

    def replace(self, title: str, card: Payload) -> None:
        """Shows another card. What was typed is gone, as it is in Teams: the card says what stands in its fields."""
        self.title, self.card, self.values = title, card, starting_values(card)
        self.left_empty, self.failed = {}, False


# What a card holds


def field_id(input_id: str) -> str:
    """The neutral id of the field that an input belongs to."""
    for suffix in (DATE_SUFFIX, TIME_SUFFIX, TYPED_SUFFIX):
        input_id = input_id.removesuffix(suffix)
    return input_id


def elements_of(card: Mapping[str, Any]) -> Iterator[Payload]:
    """Every element in reading order, from the outside in, without what a button unfolds."""
    for element in card.get("body", []):
        yield from _element(element)


def _element(element: Payload) -> Iterator[Payload]:
    yield element
    for key in ("items", "columns", "rows", "cells"):
        for inner in element.get(key, []):
            if isinstance(inner, dict):
                yield from _element(inner)


def inputs_of(card: Mapping[str, Any]) -> Iterator[Payload]:
    """Every input, without those that a button unfolds."""
    return (element for element in elements_of(card) if str(element.get("type", "")).startswith("Input."))


def actions_of(card: Mapping[str, Any]) -> Iterator[Payload]:
    """Every button that is seen without unfolding anything."""
    for element in elements_of(card):
        if element.get("type") == "ActionSet":
            yield from element.get("actions", [])
        if "selectAction" in element:
            yield element["selectAction"]
    yield from card.get("actions", [])


def all_actions_of(card: Mapping[str, Any]) -> Iterator[Payload]:
    """Every button, those that another one unfolds too."""
    for action in actions_of(card):
        yield action
        if action.get("type") == "Action.ShowCard":
            yield from all_actions_of(action.get("card", {}))


def starting_values(card: Mapping[str, Any]) -> dict[str, str]:
    """What stands in the inputs before anybody has typed."""
    return {one["id"]: str(one.get("value") or "") for one in inputs_of(card)}


def left_empty(card: Mapping[str, Any], values: Mapping[str, str]) -> dict[str, str]:
    """The required fields that are empty, with what the client says at them."""
    found: dict[str, str] = {}
    for one in inputs_of(card):
        if one.get("isRequired") and not values.get(one["id"], "").strip():
            found.setdefault(field_id(one["id"]), str(one.get("errorMessage") or "This is a required input."))
    return found


def drawn_errors(card: Mapping[str, Any]) -> dict[str, str]:
    """What a card itself says is wrong, by the field right below it; '' holds what stands above no field.

    What is wrong with a form as a whole stands at the top: if a field comes first there, it reads as that field's own.
    """
    found: dict[str, str] = {}
    waiting: list[str] = []

    def place(name: str) -> None:
        if waiting:
            found[name] = "\n".join([*([found[name]] if name in found else []), *waiting])
        waiting.clear()

    for element in elements_of(card):
        kind = str(element.get("type", ""))
        line = _error_line(element)
        if line.startswith(_SIGN):
            place("")
            waiting.append(line.removeprefix(_SIGN))
        elif line and waiting:
            waiting.append(line)
        elif kind.startswith("Input."):
            place(field_id(element["id"]))
        elif kind not in {"ColumnSet", "Column"}:
            place("")
    place("")
    return found


def _error_line(element: Mapping[str, Any]) -> str:
    runs = element.get("inlines", []) if element.get("type") == "RichTextBlock" else []
    marked = runs and all(isinstance(run, dict) and run.get("color") == "Attention" for run in runs)
    return "".join(run["text"] for run in runs) if marked else ""


def shown_text(card: Mapping[str, Any]) -> str:
    """Every text of a card in reading order, without what is only seen after a click."""
    return "\n".join(line for line in _lines(card) if line.strip())


def _lines(card: Mapping[str, Any]) -> Iterator[str]:
    for element in card.get("body", []):
        yield from _element_lines(element)
    yield from (str(action.get("title", "")) for action in card.get("actions", []))


def _element_lines(element: Payload) -> Iterator[str]:
    match element:
        case {"type": "TextBlock", "text": str(text)}:
            yield text
        case {"type": "RichTextBlock", "inlines": list(runs)}:
            yield "".join(run if isinstance(run, str) else str(run.get("text", "")) for run in runs)
        case {"type": "FactSet", "facts": list(facts)}:
            yield from (f"{fact['title']}: {fact['value']}" for fact in facts)
        case {"type": "ActionSet", "actions": list(actions)}:
            yield from (str(action.get("title", "")) for action in actions)
        case {"type": "TableRow", "cells": list(cells)}:
            yield " | ".join("\n".join(_element_lines(cell)) for cell in cells)
        case {"type": str(kind)} if kind.startswith("Input."):
            yield str(element.get("label", ""))
            yield str(element.get("placeholder", ""))
            if element.get("style") == "expanded":
                yield from (choice["title"] for choice in element.get("choices", []))
        case _:
            for key in ("items", "columns", "rows"):
                for inner in element.get(key, []):
                    yield from _element_lines(inner)


# What Teams refuses


class RefusalError(Exception):
    """What the connector answers in place of doing it."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.answer: Payload = {"error": {"code": code, "message": message}}


def refuse_wrong_activity(activity: Any, *, update: bool = False, limit: int = MESSAGE_BYTES) -> None:
    """Refuses what the connector would: something that is no message, a wrong card, too much of it.

    Raises:
        RefusalError: with Bot Framework's status and code.
    """
    if not isinstance(activity, dict):
        raise RefusalError(400, "BadSyntax", "Invalid request body")
    kind = activity.get("type")
    if kind not in {"message", "typing"} or (update and kind == "typing"):
        raise RefusalError(400, "BadArgument", f"Unknown activity type {kind!r}")
    size = len(json.dumps(activity, ensure_ascii=False, separators=(",", ":")).encode("utf-16-le"))
    if size > limit:
        raise RefusalError(413, "MessageSizeTooBig", f"Message size too large: {size} bytes, of {limit}")
    if kind == "typing":
        return
    text, attachments = activity.get("text") or "", activity.get("attachments") or []
    if not isinstance(text, str) or not isinstance(attachments, list):
        raise RefusalError(400, "BadSyntax", "text must be a string and attachments a list")
    if not text.strip() and not attachments:
        raise RefusalError(400, "BadArgument", "A message needs text or an attachment")
    if update and (len(attachments) > 1 or (text.strip() and attachments)):
        raise RefusalError(400, "BadSyntax", "Activity resulted into multiple skype activities")
    for attachment in attachments:
        wrong = attachment_problems(attachment, "message")
        if wrong:
            raise RefusalError(400, "BadSyntax", f"Bad format of attachment: {'; '.join(wrong[:3])}")


def attachment_problems(attachment: Any, surface: Surface) -> list[str]:
    """Everything wrong with an attachment, which must be an Adaptive Card."""
    match attachment:
        case {"contentType": str(kind), "content": dict(card)} if kind == ADAPTIVE:
            return card_problems(card, surface)
        case _:
            return [f"an attachment must be an {ADAPTIVE} with its content: {str(attachment)[:200]}"]


def card_problems(card: Payload, surface: Surface) -> list[str]:
    """Everything wrong with a card, by the schema and by what Teams knows beyond it."""
    wrong = schema_problems(card)
    if wrong:
        return wrong
    if card.get("version") not in _VERSIONS:
        wrong.append(f"version {card.get('version')!r} is not shown by Teams")
    ids = Counter(one["id"] for one in inputs_of(card))
    wrong += [f"{count} inputs have the id {name!r}" for name, count in ids.items() if count > 1]
    wrong += [problem for one in inputs_of(card) for problem in _input_problems(one)]
    wrong += [problem for action in all_actions_of(card) for problem in _action_problems(action, surface)]
    return wrong


def _input_problems(one: Payload) -> Iterator[str]:
    value, query = str(one.get("value") or ""), one.get("choices.data")
    if one["type"] == "Input.Date" and value and not _reads(date.fromisoformat, value, r"\d{4}-\d\d-\d\d"):
        yield f"{one['id']}: {value!r} is no date"
    if one["type"] == "Input.Time" and value and not _reads(time.fromisoformat, value, r"\d\d:\d\d"):
        yield f"{one['id']}: {value!r} is no time"
    if query is not None:
        if query.get("type") != "Data.Query" or not query.get("dataset"):
            yield f"{one['id']}: choices.data must be a Data.Query with a dataset"
        if one.get("style") != "filtered" and not one.get("isMultiSelect"):
            yield f"{one['id']}: only a filtered choice set searches"
    if one.get("isMultiSelect") and any("," in str(choice["value"]) for choice in one.get("choices", [])):
        yield f"{one['id']}: values with a comma cannot be told apart"


def _reads(read: Any, value: str, form: str) -> bool:
    try:
        read(value)
    except ValueError:
        return False
    return re.fullmatch(form, value) is not None


def _action_problems(action: Payload, surface: Surface) -> Iterator[str]:
    kind, title = action.get("type"), action.get("title")
    if kind in {"Action.Execute", "Action.Submit"} and not isinstance(action.get("data", {}), dict):
        yield f"the data of «{title}» is no object"
        return
    if kind == "Action.Execute" and not action.get("verb"):
        yield f"the Action.Execute «{title}» has no verb"
    if kind == "Action.Execute" and surface == "dialog":
        yield f"the Action.Execute «{title}» does nothing in a dialog"
    if kind == "Action.Submit" and "msteams" in action.get("data", {}):
        native = action["data"]["msteams"]
        wanted = native.get("type") if isinstance(native, dict) else None
        if wanted not in _SUBMIT_TYPES:
            yield f"the Action.Submit «{title}» has the unknown msteams type {wanted!r}"
        elif surface == "dialog":
            yield f"the Action.Submit «{title}» asks for {wanted} inside a dialog"


def dialog_problems(body: Any) -> list[str]:
    """Everything wrong with an answer that should open, change or close a dialog."""
    match body:
        case {"task": {"type": "continue", "value": dict(value), **more_task}, **more} if not more and not more_task:
            return _task_problems(value)
        case {"task": {"type": "message", "value": str(text), **more_task}, **more} if not more and not more_task:
            return [] if text.strip() else ["the message in place of a dialog is empty"]
        case None | {} if not body:
            return []
        case _:
            return [f"neither a dialog nor a message: {json.dumps(body, ensure_ascii=False)[:300]}"]


def _task_problems(value: Payload) -> list[str]:
    title = value.get("title")
    wrong = []
    if not isinstance(title, str) or not 0 < len(title.strip()) <= TITLE_CHARACTERS:
        wrong.append(f"the title of a dialog has 1 to {TITLE_CHARACTERS} characters, not {title!r}")
    for key in ("height", "width"):
        size = value.get(key)
        if size not in ("small", "medium", "large") and not (type(size) is int and size > 0):
            wrong.append(f"{key} must be small, medium, large or a number, not {size!r}")
    unknown = set(value) - {"title", "height", "width", "card", "fallbackUrl", "completionBotId"}
    wrong += [f"{', '.join(sorted(unknown))} in a dialog's value"] if unknown else []
    return [*wrong, *attachment_problems(value.get("card"), "dialog")]
