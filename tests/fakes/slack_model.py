"""What there is in a Slack workspace: people, channels, messages and open views, and what one can see of them."""

import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from tests.fakes.copied import copied

Payload: TypeAlias = dict[str, Any]

APP_ID: Final = "A0ESAFETY"
TEAM_ID: Final = "T0SCHOOL"
TEAM_DOMAIN: Final = "school"
BOT_USER: Final = "U0BOT"
BOT_ID: Final = "B0BOT"

_numbers = itertools.count(1)


def new_id(prefix: str) -> str:
    """An id as Slack makes them: a letter for the kind, then something unique."""
    return f"{prefix}{next(_numbers):08d}"


@dataclass(frozen=True, slots=True)
class Delivery:
    """One request that Slack sent to the bot."""

    kind: str
    payload: Payload
    retry: int = 0
    retry_reason: str = ""


@dataclass(frozen=True, slots=True)
class Reply:
    """What the bot answered within three seconds: over HTTP, or in a Socket Mode acknowledgement."""

    status: int
    body: str

    @property
    def json(self) -> Payload:
        try:
            answer = json.loads(self.body) if self.body.strip() else {}
        except ValueError:
            answer = {"text": self.body}
        return answer if isinstance(answer, dict) else {}


class TookTooLongError(Exception):
    """The bot did not answer within three seconds, or could not be reached."""


@dataclass(slots=True)
class Person:
    """An account in the workspace."""

    id: str
    name: str
    email: str
    is_bot: bool = False
    deactivated: bool = False
    team: str = TEAM_ID
    guest: bool = False

    def as_payload(self, *, with_email: bool) -> Payload:
        """The account as `users.info` gives it."""
        profile: Payload = {"real_name": self.name, "display_name": self.name.split()[0]}
        if with_email and self.email:
            profile["email"] = self.email
        return {
            "id": self.id,
            "team_id": self.team,
            "name": self.email.partition("@")[0] or self.id.lower(),
            "deleted": self.deactivated,
            "real_name": self.name,
            "tz": "Europe/London",
            "is_bot": self.is_bot,
            "is_app_user": False,
            "is_restricted": self.guest,
            "is_ultra_restricted": False,
            "profile": profile,
        }


@dataclass(slots=True)
class Channel:
    """A channel, or with `with_person` the direct messages between that person and the bot."""

    id: str
    name: str
    members: list[str]
    is_private: bool = False
    is_archived: bool = False
    with_person: str = ""

    @property
    def is_direct(self) -> bool:
        return bool(self.with_person)

    def as_payload(self) -> Payload:
        """The channel as `conversations.info` gives it."""
        shared = {"id": self.id, "is_im": self.is_direct, "is_archived": self.is_archived}
        if self.is_direct:
            return {**shared, "user": self.with_person}
        return {
            **shared,
            "name": self.name,
            "is_channel": not self.is_private,
            "is_group": self.is_private,
            "is_private": self.is_private,
            "is_member": BOT_USER in self.members,
            "num_members": len(self.members),
        }


@dataclass(slots=True)
class Message:
    """A message as it now stands in a channel. `only_for` is the one person who sees an ephemeral one."""

    channel: str
    ts: str
    author: str
    text: str
    blocks: list[Payload] = field(default_factory=list)
    thread_ts: str = ""
    only_for: str = ""
    edits: int = 0
    deleted: bool = False
    team: str = TEAM_ID

    @property
    def shown(self) -> str:
        """All the text a person sees in it."""
        return shown_text(self.blocks) if self.blocks else self.text

    @property
    def buttons(self) -> list[str]:
        return [label_of(element) for _, element in buttons_of(self.blocks)]

    def as_payload(self) -> Payload:
        """The message as Slack hands it to the bot."""
        payload: Payload = {"type": "message", "user": self.author, "ts": self.ts, "text": self.text, "team": self.team}
        if self.author == BOT_USER:
            payload |= {"bot_id": BOT_ID, "app_id": APP_ID}
        if self.blocks:
            payload["blocks"] = copied(self.blocks)
        if self.thread_ts:
            payload["thread_ts"] = self.thread_ts
        if self.edits:
            payload["edited"] = {"user": self.author, "ts": self.ts}
        return payload


@dataclass(slots=True)
class View:
    """A dialog or home tab that somebody has open, with what they have filled in and the errors shown at the fields."""

    id: str
    person: str
    hash: str
    payload: Payload
    values: dict[str, Payload] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    root: str = ""
    previous: str | None = None
    closed: bool = False
    team: str = TEAM_ID

    @property
    def title(self) -> str:
        return str(self.payload.get("title", {}).get("text", ""))

    @property
    def callback_id(self) -> str:
        return str(self.payload.get("callback_id", ""))

    @property
    def state(self) -> str:
        return str(self.payload.get("private_metadata", ""))

    @property
    def submit_label(self) -> str:
        return str(self.payload.get("submit", {}).get("text", ""))

    @property
    def blocks(self) -> list[Payload]:
        return list(self.payload["blocks"])

    @property
    def shown(self) -> str:
        """All the text a person sees in it, the labels of the fields too."""
        return "\n".join(part for part in (self.title, shown_text(self.blocks)) if part)

    @property
    def buttons(self) -> list[str]:
        return [label_of(element) for _, element in buttons_of(self.blocks)]

    @property
    def fields(self) -> dict[str, str]:
        """The label of each field by its block id."""
        return {block["block_id"]: block["label"]["text"] for block in self.blocks if block["type"] == "input"}

    def field(self, name: str) -> Payload:
        """The input block with that label or block id."""
        for block in self.blocks:
            if block["type"] == "input" and name in (block["block_id"], block["label"]["text"]):
                return dict(block)
        raise AssertionError(f"«{self.title}» has no field «{name}», only {sorted(self.fields.values())}")

    def value(self, name: str) -> str | int | tuple[str, ...] | None:
        """What stands in a field: a text, an option's value, unix seconds, or several options' values."""
        block = self.field(name)
        return filled(self.values[block["block_id"]][block["element"]["action_id"]])

    def replace(self, payload: Payload) -> None:
        """Shows another view in its place. What was typed stays where the block id and the action id stay the same."""
        before = self.values
        self.payload = with_block_ids(payload)
        self.hash = new_id("hash")
        self.errors = {}
        self.values = starting_values(self.payload["blocks"])
        for block_id, elements in self.values.items():
            for action_id, state in elements.items():
                kept = before.get(block_id, {}).get(action_id)
                if kept is not None and kept["type"] == state["type"]:
                    elements[action_id] = kept

    def as_payload(self) -> Payload:
        """The view as Slack hands it to the bot."""
        return {
            "clear_on_close": False,
            "notify_on_close": False,
            "close": None,
            "submit": None,
            "external_id": "",
            "callback_id": "",
            "private_metadata": "",
            **copied(self.payload),
            "id": self.id,
            "team_id": self.team,
            "app_id": APP_ID,
            "bot_id": BOT_ID,
            "app_installed_team_id": self.team,
            "state": {"values": copied(self.values)},
            "hash": self.hash,
            "previous_view_id": self.previous,
            "root_view_id": self.root or self.id,
        }


def with_block_ids(payload: Payload) -> Payload:
    """The payload with an id at every block, as Slack gives one to each that has none."""
    made = copied(payload)
    for block in made.get("blocks", []):
        block.setdefault("block_id", new_id("blk"))
    return made


def starting_values(blocks: Sequence[Payload]) -> dict[str, Payload]:
    """The state of a view before anybody has filled anything in."""
    values: dict[str, Payload] = {}
    for block_id, element in stateful_elements(blocks):
        values.setdefault(block_id, {})[element["action_id"]] = _starting_state(element)
    return values


def stateful_elements(blocks: Sequence[Payload]) -> Iterator[tuple[str, Payload]]:
    """Every element that holds a value, with its block's id."""
    for block in blocks:
        match block["type"]:
            case "input":
                yield block["block_id"], block["element"]
            case "actions":
                yield from ((block["block_id"], element) for element in block["elements"] if element["type"] != "button")


def _starting_state(element: Payload) -> Payload:
    kind = element["type"]
    match kind:
        case "plain_text_input":
            return {"type": kind, "value": element.get("initial_value")}
        case "radio_buttons" | "static_select" | "external_select":
            return {"type": kind, "selected_option": element.get("initial_option")}
        case "datetimepicker":
            return {"type": kind, "selected_date_time": element.get("initial_date_time")}
        case "checkboxes" | "multi_static_select" | "multi_external_select":
            return {"type": kind, "selected_options": list(element.get("initial_options", []))}
        case _:
            raise AssertionError(f"the fake Slack cannot fill in a {kind}")


def filled(state: Mapping[str, Any]) -> str | int | tuple[str, ...] | None:
    """What an element's state says, without its wrapping."""
    match state:
        case {"selected_options": list(options)}:
            return tuple(option["value"] for option in options)
        case {"selected_option": dict(option)}:
            return str(option["value"])
        case {"selected_date_time": int(seconds)}:
            return seconds
        case {"value": str(text)}:
            return text
        case _:
            return None


def is_filled(state: Mapping[str, Any]) -> bool:
    return filled(state) not in (None, "", ())


def buttons_of(blocks: Sequence[Payload]) -> Iterator[tuple[Payload, Payload]]:
    """Every button, with its block."""
    for block in blocks:
        candidates = [*block.get("elements", []), block.get("accessory") or {}]
        yield from ((block, element) for element in candidates if element.get("type") == "button")


def label_of(button: Payload) -> str:
    """What a button is called: as it is read out, or else as it is written."""
    return str(button.get("accessibility_label") or button["text"]["text"])


_UNSEEN: Final = {
    "accessibility_label",
    "type",
    "action_id",
    "block_id",
    "value",
    "style",
    "url",
    "confirm",
    "option_groups",
    "options",
}


def shown_text(piece: Any) -> str:
    """Every text in a piece of Block Kit, in reading order, without what is only seen after a click."""
    return "\n".join(line for line in _lines(piece) if line.strip())


def _lines(piece: Any) -> Iterator[str]:
    match piece:
        case {"type": "rich_text_section" | "rich_text_quote" | "rich_text_preformatted", "elements": list(runs)}:
            yield "".join(str(run.get("text") or run.get("url") or "") for run in runs)
        case {"type": "table", "rows": list(rows)}:
            yield from (" | ".join(shown_text(cell) for cell in row) for row in rows)
        case {"type": "radio_buttons" | "checkboxes", "options": list(options)}:
            yield from _lines(options)
        case dict():
            text = piece.get("text")
            if isinstance(text, str):
                yield text
            parts = (value for key, value in piece.items() if key not in _UNSEEN)
            yield from (line for value in parts if isinstance(value, dict | list) for line in _lines(value))
        case list():
            yield from (line for value in piece for line in _lines(value))
