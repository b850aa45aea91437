"""A person at a Slack client: types, presses, fills in and submits, and sees what Slack would show.

What the client would not let a person do (press a button that is not there, type too much) fails the test, and so does what the
person would see as an error: no answer within three seconds, or a wrong one.
"""

import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from tests.contract.limits import option_problems, problems
from tests.fakes.clock import PATIENCE_SECONDS
from tests.fakes.slack_model import (
    APP_ID,
    BOT_USER,
    TEAM_DOMAIN,
    Delivery,
    Message,
    Payload,
    Person,
    Reply,
    TookTooLongError,
    View,
    buttons_of,
    is_filled,
    label_of,
    new_id,
    starting_values,
)

if TYPE_CHECKING:
    from tests.fakes.slack_server import FakeSlack

FieldInput: TypeAlias = str | int | datetime | Sequence[str] | None

_REQUIRED: Final = "Please complete this required field."


class SlackShowsError(AssertionError):
    """What Slack would show the person because the bot failed to answer as it must."""


class SlackUser:
    """A member of the workspace at the client."""

    def __init__(self, slack: "FakeSlack", person: Person) -> None:
        self.slack = slack
        self.person = person

    def __repr__(self) -> str:
        return f"<{self.person.name} ({self.id})>"

    # What the person sees

    @property
    def id(self) -> str:
        return self.person.id

    @property
    def name(self) -> str:
        return self.person.name

    @property
    def email(self) -> str:
        return self.person.email

    @property
    def view(self) -> View | None:
        """The dialog in front, if any is open."""
        stack = self.slack.views[self.id]
        return stack[-1] if stack else None

    @property
    def home(self) -> View | None:
        """The app's home tab, once the bot has published one."""
        return self.slack.homes.get(self.id)

    @property
    def messages(self) -> list[Message]:
        """The direct messages with the bot, one's own too."""
        return self.slack.messages_in(self.slack.direct_channel(self.id).id)

    @property
    def ephemerals(self) -> list[Message]:
        """What the bot showed to this person alone."""
        return self.slack.ephemerals_for(self.id)

    @property
    def everything_seen(self) -> str:
        """Every text this person can see: the channels they are in, what is for them alone, the open views, the home tab."""
        channels = [channel.id for channel in self.slack.channels.values() if self.id in channel.members]
        messages = [message for channel in channels for message in self.slack.messages_in(channel)]
        views = [*self.slack.views[self.id], *([self.home] if self.home else [])]
        seen = [f"{message.text}\n{message.shown}" for message in [*messages, *self.ephemerals]] + [
            view.shown for view in views
        ]
        return "\n".join(seen)

    async def waits_for_view(self, title: str = "", *, within: float = PATIENCE_SECONDS) -> View:
        """The dialog in front, once one with that title (or callback id) is."""
        await self.slack.until(lambda: self._has_view(title), f"{self.name} sees a dialog «{title}»", within=within)
        return self._top()

    async def waits_for_message(
        self, containing: str = "", *, channel: str = "", after: int = 0, within: float = PATIENCE_SECONDS
    ) -> Message:
        """The last message that says that, once there is one: from the bot, in that channel or else for this person alone.

        `after` leaves out the first so many such messages.
        """

        def found() -> list[Message]:
            seen = self.slack.messages_in(channel) if channel else [*self.messages, *self.ephemerals]
            return [
                message for message in seen if message.author == BOT_USER and containing in f"{message.text}\n{message.shown}"
            ]

        await self.slack.until(lambda: len(found()) > after, f"{self.name} sees a message saying «{containing}»", within=within)
        return max(found(), key=lambda message: message.ts)

    async def waits_for_home(self, containing: str = "", *, within: float = PATIENCE_SECONDS) -> View:
        """The home tab, once it says that."""
        await self.slack.until(
            lambda: self.home is not None and containing in self.home.shown,
            f"home of {self.name} says «{containing}»",
            within=within,
        )
        assert self.home is not None
        return self.home

    def _has_view(self, title: str) -> bool:
        return self.view is not None and title in ("", self.view.title, self.view.callback_id)

    def _top(self, view: View | None = None) -> View:
        found = view or self.view
        if found is None:
            raise AssertionError(f"{self.name} has no dialog open")
        return found

    # Commands, shortcuts, events

    async def command(self, line: str, *, channel: str = "") -> Message | None:
        """Types a slash command. Gives what the bot answered at once, if it did."""
        name, _, text = line.partition(" ")
        place = channel or self.slack.direct_channel(self.id).id
        payload = {
            "token": "verification-token",
            "team_id": self.slack.team_id,
            "team_domain": TEAM_DOMAIN,
            "channel_id": place,
            "channel_name": self.slack.channels[place].name,
            "user_id": self.id,
            "user_name": self.email.partition("@")[0],
            "command": name,
            "text": text.strip(),
            "api_app_id": APP_ID,
            "is_enterprise_install": "false",
            "response_url": self.slack.new_response_url(self.id, place),
            "trigger_id": self.slack.new_trigger(self.id),
        }
        reply = await self._deliver("slash_commands", payload, f"{name} failed with the error «{{}}»")
        answer = reply.json
        if not answer.get("text") and not answer.get("blocks"):
            return None
        if answer.get("response_type") == "in_channel":
            return self.slack.show_in_channel(place, answer)
        return self.slack.show_ephemeral(self.id, place, answer)

    async def shortcut(self, callback_id: str) -> None:
        """Takes a shortcut from the shortcuts menu."""
        await self._interact("shortcut", {"callback_id": callback_id, "action_ts": self.slack.next_ts()})

    async def message_shortcut(self, callback_id: str, message: Message) -> None:
        """Takes a shortcut from a message's menu."""
        await self._interact(
            "message_action",
            {
                "callback_id": callback_id,
                "action_ts": self.slack.next_ts(),
                "message_ts": message.ts,
                "message": message.as_payload(),
                "channel": self._channel_payload(message.channel),
                "response_url": self.slack.new_response_url(self.id, message.channel, message),
            },
        )

    async def direct_message(self, text: str, *, thread_ts: str = "") -> Message:
        """Writes to the bot. Gives the person's own message."""
        channel = self.slack.direct_channel(self.id).id
        message = self.slack.say(channel, self.id, escaped(text), thread_ts=thread_ts)
        await self._event({"type": "message", "channel_type": "im", **self._message_event(message)})
        return message

    async def mention(self, channel: str, text: str, *, thread_ts: str = "") -> Message:
        """Writes «@bot …» in a channel. Gives the person's own message."""
        self._check_member(channel)
        message = self.slack.say(channel, self.id, f"<@{BOT_USER}> {escaped(text)}", thread_ts=thread_ts)
        await self._event({"type": "app_mention", **self._message_event(message)})
        return message

    async def open_home(self) -> None:
        """Opens the app's home tab."""
        event: Payload = {
            "type": "app_home_opened",
            "user": self.id,
            "channel": self.slack.direct_channel(self.id).id,
            "tab": "home",
            "event_ts": self.slack.next_ts(),
        }
        if self.home is not None:
            event["view"] = self.home.as_payload()
        await self._event(event)

    async def changes(self, **how: object) -> None:
        """Something of the account changes, and Slack tells the apps that want to know."""
        person = self.slack.people[self.id]
        for name, value in how.items():
            setattr(person, name, value)
        await self._event({"type": "user_change", "user": self.slack._user(person), "event_ts": self.slack.next_ts()})

    def _message_event(self, message: Message) -> Payload:
        more = {"thread_ts": message.thread_ts} if message.thread_ts else {}
        return {
            "user": self.id,
            "text": message.text,
            "ts": message.ts,
            "client_msg_id": new_id("client"),
            "team": self.slack.team_id,
            "channel": message.channel,
            "event_ts": message.ts,
            **more,
        }

    async def _event(self, event: Payload) -> None:
        payload = {
            "token": "verification-token",
            "team_id": self.slack.team_id,
            "api_app_id": APP_ID,
            "event": event,
            "type": "event_callback",
            "event_id": new_id("Ev"),
            "event_time": int(time.time()),
            "authorizations": [
                {
                    "enterprise_id": None,
                    "team_id": self.slack.team_id,
                    "user_id": BOT_USER,
                    "is_bot": True,
                    "is_enterprise_install": False,
                }
            ],
            "is_ext_shared_channel": False,
        }
        await self._deliver("events_api", payload, "nothing, and Slack sends the event again («{}»)")

    # Buttons

    async def press(self, where: Message | View | None, label: str, value: str | None = None, *, confirm: bool = True) -> None:
        """Presses a button with that label, the one with that value if there are several, by default in the dialog in front.

        A button that asks first is confirmed, unless `confirm` is False: then nothing happens.
        """
        place = where if where is not None else self._top()
        block, button = self._button(place, label, value)
        if button.get("confirm") and not confirm:
            return
        action: Payload = {
            "type": "button",
            "action_id": button["action_id"],
            "block_id": block["block_id"],
            "text": button["text"],
            "action_ts": self.slack.next_ts(),
        }
        action |= {key: button[key] for key in ("value", "style") if key in button}
        await self._act(place, action)

    def _button(self, place: Message | View, label: str, value: str | None) -> tuple[Payload, Payload]:
        if isinstance(place, Message):
            if place.deleted:
                raise AssertionError(f"{self.name} cannot press «{label}»: the message was deleted")
            self._check_member(place.channel)
            if place.only_for not in ("", self.id):
                raise AssertionError(f"{self.name} does not see that message")
        for block, button in buttons_of(place.blocks):
            if label_of(button) == label and value in (None, button.get("value")):
                return block, button
        raise AssertionError(f"no button «{label}» with value {value!r}, only {place.buttons}")

    async def _act(self, place: Message | View, action: Payload) -> None:
        payload: Payload = {"actions": [action]}
        trigger_view = ""
        if isinstance(place, View):
            trigger_view = place.id if place.payload["type"] == "modal" else ""
            payload |= {"container": {"type": "view", "view_id": place.id}, "view": place.as_payload()}
        else:
            payload |= self._from_message(place)
        await self._interact("block_actions", payload, view=trigger_view)

    def _from_message(self, message: Message) -> Payload:
        payload: Payload = {
            "container": {
                "type": "message",
                "message_ts": message.ts,
                "channel_id": message.channel,
                "is_ephemeral": bool(message.only_for),
            },
            "channel": self._channel_payload(message.channel),
            "state": {"values": starting_values(message.blocks)},
            "response_url": self.slack.new_response_url(self.id, message.channel, message),
        }
        if not message.only_for:
            payload["message"] = message.as_payload()
        return payload

    def _check_member(self, channel: str) -> None:
        if self.id not in self.slack.channels[channel].members:
            raise AssertionError(f"{self.name} is not in {self.slack.channels[channel].name}")

    def _channel_payload(self, channel: str) -> Payload:
        return {"id": channel, "name": self.slack.channels[channel].name}

    # Dialogs

    async def fill(self, view: View | None, values: Mapping[str, FieldInput]) -> None:
        """Fills in fields, named by label or block id: a text; an option by label or value; a moment; names to look up.

        None or an empty text empties a field. A field that the bot listens to (`dispatch_action`) tells it, as the client does.
        """
        for name, value in values.items():
            await self._fill_one(self._top(view), name, value)

    async def _fill_one(self, view: View, name: str, value: FieldInput) -> None:
        block = view.field(name)
        element = block["element"]
        state = await self._state(view, element, name, value)
        view.values[block["block_id"]][element["action_id"]] = state
        if block.get("dispatch_action"):
            await self._act(view, {**state, **_where(block), "action_ts": self.slack.next_ts()})

    async def _state(self, view: View, element: Payload, name: str, value: FieldInput) -> Payload:
        kind = element["type"]
        match kind:
            case "plain_text_input":
                return {"type": kind, "value": _typed(element, str(value)) if value else None}
            case "radio_buttons" | "static_select":
                return {"type": kind, "selected_option": _pick(_options(element), str(value)) if value else None}
            case "datetimepicker":
                return {"type": kind, "selected_date_time": _seconds(value)}
            case "checkboxes" | "multi_static_select":
                return {"type": kind, "selected_options": [_pick(_options(element), one) for one in _several(value)]}
            case "multi_external_select":
                chosen = [await self._look_up(view, name, one) for one in _several(value)]
                if len(chosen) > element.get("max_selected_items", len(chosen)):
                    raise AssertionError(f"Slack lets one choose {element['max_selected_items']} in «{name}» at most")
                return {"type": kind, "selected_options": chosen}
            case _:
                raise AssertionError(f"the fake Slack cannot fill in a {kind}")

    async def _look_up(self, view: View, name: str, wanted: str) -> Payload:
        return _pick(await self.suggest(view, name, wanted), wanted)

    async def type_into(self, view: View | None, name: str, text: str) -> None:
        """Types a text of which a listening field tells the bot, as `fill` does. Fails where the field does not listen."""
        block = self._top(view).field(name)
        if not block.get("dispatch_action"):
            raise AssertionError(f"Slack does not tell the bot what is typed into «{name}»")
        await self.fill(view, {name: text})

    async def suggest(self, view: View | None, name: str, query: str) -> list[Payload]:
        """The options offered when that is typed into a field that searches."""
        place = self._top(view)
        block = place.field(name)
        element = block["element"]
        if len(query) < element.get("min_query_length", 3):
            return []
        payload = {
            **self._identity(),
            "type": "block_suggestion",
            **_where(block),
            "value": query,
            "container": {"type": "view", "view_id": place.id},
            "view": place.as_payload(),
        }
        answer = (await self._deliver("interactive", payload, "no results in the list («{}»)")).json
        groups = answer.get("option_groups", [])
        options = [*answer.get("options", []), *(option for group in groups for option in group["options"])]
        wrong = option_problems(options) if options else []
        if wrong:
            raise SlackShowsError(f"{self.name} sees no results: {wrong}")
        return options

    async def submit(self, view: View | None = None) -> dict[str, str]:
        """Presses the dialog's submit button and does what the bot answers. Gives the errors then shown, by block id.

        A required field left empty is refused by the client: the bot hears nothing.
        """
        place = self._top(view)
        if not place.payload.get("submit"):
            raise AssertionError(f"«{place.title}» has nothing to submit")
        place.errors = _left_empty(place)
        if not place.errors:
            payload = {"view": place.as_payload(), "response_urls": []}
            trouble = "We had some trouble connecting. Try again? («{}»)"
            self._follow(place, await self._interact("view_submission", payload, view=place.id, shown=trouble))
        return dict(place.errors)

    async def dismiss(self, view: View | None = None) -> None:
        """Closes the dialog in front without submitting. The bot hears of it only if the view asks for that."""
        place = self._top(view)
        self._close(place)
        if place.payload.get("notify_on_close"):
            await self._interact("view_closed", {"view": place.as_payload(), "is_cleared": False})

    def _follow(self, view: View, reply: Reply) -> None:
        answer = reply.json
        match answer.get("response_action"):
            case None:
                if reply.body.strip():
                    raise SlackShowsError(f"{self.name} sees «We had some trouble connecting»: {reply.body[:200]}")
                self._close(view)
            case "errors":
                view.errors = self._checked_errors(view, answer.get("errors"))
            case "update":
                view.replace(self._checked_view(answer))
            case "push":
                if len(self.slack.views[self.id]) >= 3:
                    raise SlackShowsError(f"{self.name} sees an error: no more than three views")
                self.slack.push_view(self.id, self._checked_view(answer))
            case "clear":
                self.slack.close_views(self.id)
            case other:
                raise SlackShowsError(f"{self.name} sees «We had some trouble connecting»: response_action {other!r}")

    def _checked_errors(self, view: View, errors: Any) -> dict[str, str]:
        known = isinstance(errors, dict) and errors and all(errors.values()) and set(errors) <= set(view.fields)
        if not known:
            raise SlackShowsError(
                f"{self.name} sees «We had some trouble connecting»: errors {errors} for {sorted(view.fields)}"
            )
        return dict(errors)

    def _checked_view(self, answer: Payload) -> Payload:
        payload: Payload = answer.get("view", {})
        wrong = problems(payload, "modal")
        if wrong:
            raise SlackShowsError(f"{self.name} sees «We had some trouble connecting»: {wrong}")
        return payload

    def _close(self, view: View) -> None:
        view.closed = True
        stack = self.slack.views[self.id]
        if view in stack:
            del stack[stack.index(view) :]

    # Sending

    async def _interact(self, kind: str, more: Payload, *, view: str = "", shown: str = "⚠ at the button («{}»)") -> Reply:
        trigger = {} if kind == "view_closed" else {"trigger_id": self.slack.new_trigger(self.id, view=view)}
        return await self._deliver("interactive", {**self._identity(), "type": kind, **trigger, **more}, shown)

    def _identity(self) -> Payload:
        username = self.email.partition("@")[0]
        return {
            "user": {"id": self.id, "username": username, "name": username, "team_id": self.slack.team_id},
            "api_app_id": APP_ID,
            "token": "verification-token",
            "team": {"id": self.slack.team_id, "domain": TEAM_DOMAIN},
            "enterprise": None,
            "is_enterprise_install": False,
        }

    async def _deliver(self, kind: str, payload: Payload, shown: str) -> Reply:
        try:
            reply = await self.slack.deliver(Delivery(kind, payload))
        except TookTooLongError as late:
            raise SlackShowsError(f"{self.name} sees {shown.format('operation_timeout')}: {late}") from late
        if reply.status != 200:
            raise SlackShowsError(f"{self.name} sees {shown.format('dispatch_failed')}: {reply.status} {reply.body[:300]}")
        return reply


def escaped(text: str) -> str:
    """A text as Slack writes it in messages and events."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _where(block: Payload) -> Payload:
    return {"block_id": block["block_id"], "action_id": block["element"]["action_id"]}


def _typed(element: Payload, text: str) -> str:
    if len(text) > element.get("max_length", 3000):
        raise AssertionError(f"Slack takes {element['max_length']} characters here, not {len(text)}")
    if "\n" in text and not element.get("multiline"):
        raise AssertionError("Slack takes a single line here")
    return text


def _options(element: Payload) -> list[Payload]:
    return [*element.get("options", []), *(one for group in element.get("option_groups", []) for one in group["options"])]


def _pick(options: Iterable[Payload], wanted: str) -> Payload:
    """The option with that label or value, or else the first whose label contains it."""
    offered = list(options)
    for option in offered:
        if wanted in (option["text"]["text"], option["value"]):
            return option
    for option in offered:
        if wanted.casefold() in option["text"]["text"].casefold():
            return option
    raise AssertionError(f"«{wanted}» is not offered, only {[option['text']['text'] for option in offered]}")


def _several(value: FieldInput) -> list[str]:
    match value:
        case None | "":
            return []
        case str():
            return [value]
        case int() | datetime():
            raise AssertionError(f"{value!r} is no list of names")
        case _:
            return list(value)


def _seconds(value: FieldInput) -> int | None:
    match value:
        case None | "":
            return None
        case int():
            return value
        case str():
            return _seconds(datetime.fromisoformat(value))
        case datetime() if value.tzinfo is not None:
            return int(value.timestamp())
        case _:
            raise AssertionError(f"{value!r} is no aware datetime")


def _left_empty(view: View) -> dict[str, str]:
    empty: dict[str, str] = {}
    for block in view.blocks:
        if block["type"] == "input" and not block.get("optional"):
            state = view.values[block["block_id"]][block["element"]["action_id"]]
            if not is_filled(state):
                empty[block["block_id"]] = _REQUIRED
    return empty
