"""A person at a Teams client: writes, presses, fills in and submits, and sees what Teams would show.

What the client would not let a person do (press a button that is not there, type too much) fails the test, and so does what the
person would see as an error: no answer in time, or a wrong one.
"""

import asyncio
import html
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, TypeAlias
from urllib.parse import quote

from cards.adaptive import DATE_SUFFIX, TIME_SUFFIX, TYPED_SUFFIX
from tests.fakes.clock import PATIENCE_SECONDS
from tests.fakes.copied import copied
from tests.fakes.teams_model import (
    ADAPTIVE,
    BOT_NAME,
    Conversation,
    Message,
    OpenDialog,
    Payload,
    Person,
    Reply,
    Roster,
    TeamsShowsError,
    TookTooLongError,
    actions_of,
    card_problems,
    dialog_problems,
    left_empty,
    new_guid,
    starting_values,
)

if TYPE_CHECKING:
    from tests.fakes.teams_server import FakeTeams

FieldInput: TypeAlias = str | datetime | Sequence[str] | None

_RESULTS: Final = 15
_SEARCH_RESPONSE: Final = "application/vnd.microsoft.search.searchResponse"
_NOTE: Final = "application/vnd.microsoft.activity.message"
_ERROR: Final = "application/vnd.microsoft.error"
_HINT: Final = " – "
_CONTEXT: Final = {"theme": "default"}


class TeamsUser:
    """A person of the tenant at the client. `notes` are the short texts that only they were shown, in order."""

    def __init__(self, teams: "FakeTeams", person: Person) -> None:
        self.teams = teams
        self.person = person
        self.dialog: OpenDialog | None = None
        self.notes: list[str] = []
        self.last_said: Message | None = None

    def __repr__(self) -> str:
        return f"<{self.person.name} ({self.id})>"

    # What the person sees

    @property
    def id(self) -> str:
        """What the directory calls them."""
        return self.person.id

    @property
    def teams_id(self) -> str:
        """What Teams calls them towards this bot."""
        return self.person.teams_id

    @property
    def name(self) -> str:
        return self.person.name

    @property
    def email(self) -> str:
        return self.person.email

    @property
    def chat(self) -> Conversation:
        """Their chat with the bot."""
        return self.teams.personal_chat(self.id)

    @property
    def messages(self) -> list[Message]:
        """The messages in their chat with the bot, their own too."""
        return self.teams.messages_in(self.chat.id)

    @property
    def from_bot(self) -> list[Message]:
        """The bot's messages in their chat with it."""
        return [message for message in self.messages if message.from_bot]

    @property
    def everything_seen(self) -> str:
        """Every text this person can see: the chats and channels they are in, their notes, the open dialog."""
        places = [place.id for place in self.teams.conversations.values() if self.id in place.members]
        seen = [message.shown_to(self.id) for place in places for message in self.teams.messages_for(self.id, place)]
        return "\n".join([*seen, *self.notes, *([self.dialog.shown] if self.dialog else [])])

    async def waits_for_message(
        self, containing: str = "", *, where: str | None = None, after: int = 0, within: float = PATIENCE_SECONDS
    ) -> Message:
        """The bot's newest message that says that, once there is one. `after` leaves out the first so many such messages."""

        def found() -> list[Message]:
            seen = self.teams.messages_for(self.id, where or self.chat.id)
            return [message for message in seen if message.from_bot and containing in message.shown_to(self.id)]

        await self.teams.until(lambda: len(found()) > after, f"{self.name} sees «{containing}»", within=within)
        return found()[-1]

    # The app

    async def install(self) -> tuple[int, int]:
        """Adds the app for oneself. The bot hears of it twice, in no order; its two statuses."""
        self.chat.own_app = True
        added = self.activity("conversationUpdate", self.chat, membersAdded=[self.teams.bot])
        return await _both(self, added, self.activity("installationUpdate", self.chat, action="add"))

    async def uninstall(self) -> int:
        """Removes the app. Of a personal app the bot hears only that the installation is gone."""
        self.chat.own_app = False
        return await self.send(self.activity("installationUpdate", self.chat, action="remove"))

    # Writing

    async def say(self, text: str, where: str | None = None, *, mention: bool = False, thread: Message | None = None) -> int:
        """Writes a message, to the bot itself or somewhere else. Gives the bot's status, 0 where it hears nothing.

        Outside their own chat with it the bot hears only what mentions it. Where the app is not, nobody can mention it.
        """
        return await self._say(text, where, mention=mention, thread=thread, extra=[])

    async def slash(self, text: str, where: str) -> int:
        """Writes a targeted message to the bot, by its slash command: nobody else in the conversation sees it."""
        place = self._place(where)
        said = self.teams.keep(place, self.teams_id, _written(text, mention=False, pictures=False), only_for=self.id)
        self.last_said = said
        written = _written(text, mention=False, pictures=False)
        activity = self.activity("message", place, thread=said.thread, **{**written, "id": said.id})
        activity["recipient"] = {**activity["recipient"], "isTargeted": True}
        return await self.send(activity)

    async def send_picture(self, where: str | None = None, *, text: str = "", mention: bool = False) -> int:
        """Pastes a picture into a message."""
        picture = {"contentType": "image/*", "contentUrl": self.teams.picture_url()}
        return await self._say(text, where, mention=mention, thread=None, extra=[picture])

    async def _say(self, text: str, where: str | None, *, mention: bool, thread: Message | None, extra: list[Payload]) -> int:
        place = self._place(where)
        if mention and not place.has_app:
            raise AssertionError(f"nobody can mention the bot in {place.id}: the app is not there")
        if place.kind == "personal" and not place.has_app:
            raise AssertionError(f"{self.name} has no chat with the bot: the app is not installed")
        written = _written(text, mention=mention, pictures=bool(extra))
        written["attachments"] = [*extra, *written["attachments"]]
        said = self.teams.keep(place, self.teams_id, written, thread=thread.thread if thread else "")
        self.last_said = said
        if place.kind != "personal" and not mention:
            return 0
        entities = [{"type": "mention", "text": _at(), "mentioned": self.teams.bot}] if mention else []
        activity = self.activity("message", place, thread=said.thread, **{**written, "id": said.id})
        activity["entities"] = [*entities, *activity["entities"]]
        if thread is not None:
            activity["replyToId"] = thread.thread
        return await self.send(activity)

    def _place(self, where: str | None) -> Conversation:
        place = self.chat if where is None else self.teams.conversation(where)
        if self.id not in place.members:
            raise AssertionError(f"{self.name} is not in {place.id}")
        return place

    # Commands

    async def use_command(self, command: str, where: str | None = None) -> OpenDialog | None:
        """Takes a command of the message extension from the box where one writes. Gives the dialog that opens."""
        return await self._command(self._place(where), command, "compose", None)

    async def use_message_command(self, command: str, message: Message) -> OpenDialog | None:
        """Takes a command of the message extension from the menu of a message."""
        place = self._place(message.conversation)
        return await self._command(place, command, "message", self._message_payload(message))

    async def _command(self, place: Conversation, command: str, context: str, message: Payload | None) -> OpenDialog | None:
        value: Payload = {"commandId": command, "commandContext": context, "requestId": new_guid(), "context": _CONTEXT}
        dialog = OpenDialog("", {}, place.id, command=command, context=context, message=message)
        if message is not None:
            value["messagePayload"] = message
            dialog.reply_to = str(message["id"])
        self._open(await self._ask("composeExtension/fetchTask", value, dialog), dialog)
        return self.dialog

    def _message_payload(self, message: Message) -> Payload:
        author = next((one for one in self.teams.people.values() if one.teams_id == message.author), None)
        user = author and {"userIdentityType": "aadUser", "id": author.id, "displayName": author.name}
        application = {"applicationIdentityType": "bot", "id": self.teams.app_id, "displayName": BOT_NAME}
        return {
            "id": message.id,
            "replyToId": None,
            "createdDateTime": _now(),
            "deleted": False,
            "importance": "normal",
            "locale": "en-gb",
            "linkToMessage": link_to(message.conversation, message.id),
            "body": {"contentType": "html", "content": _html_of(message)},
            "from": {"device": None, "user": user, "application": None if user else application},
            "reactions": [],
            "mentions": [],
            "attachments": [],
        }

    # Buttons

    async def press(self, place: Message | OpenDialog, label: str, inner: str = "", *, confirm: bool = True) -> None:
        """Presses a button in a card or dialog as this person sees it.

        A button that unfolds a card is followed by the one named `inner` in it, or by the only one there is; with `confirm`
        False nothing more is pressed, and nothing happens.
        """
        card = self._card(place, label)
        action, unfolded = _one_action(card, label), [card]
        while action["type"] == "Action.ShowCard":
            if not confirm:
                return
            unfolded.append(action["card"])
            action = _one_action(action["card"], inner)
        if isinstance(place, OpenDialog):
            await self._submit(place, action)
        else:
            await self._press_in_message(place, action, unfolded)

    def _card(self, place: Message | OpenDialog, label: str) -> Payload:
        if isinstance(place, OpenDialog):
            self._check_open(place)
            return place.card
        if place.deleted:
            raise AssertionError(f"{self.name} cannot press «{label}»: the message was deleted")
        self._place(place.conversation)
        return place.card_for(self.id) or {}

    async def _press_in_message(self, message: Message, action: Payload, unfolded: Sequence[Payload]) -> None:
        values = {key: value for card in unfolded for key, value in starting_values(card).items()}
        missing = [key for card in unfolded for key in left_empty(card, values)]
        if missing:
            raise AssertionError(f"Teams lets nobody press «{action.get('title')}» while {sorted(missing)} are empty")
        data = self._data(action, values)
        place = self.teams.conversation(message.conversation)
        match action:
            case {"type": "Action.OpenUrl"}:
                return
            case {"type": "Action.Execute"}:
                sent = {key: action[key] for key in ("type", "id", "title", "verb") if key in action}
                value: Payload = {"action": {**sent, "data": data}, "trigger": "manual"}
                self._see(message, await self._ask("adaptiveCard/action", value, message))
            case {"type": "Action.Submit"} if (data.get("msteams") or {}).get("type") == "task/fetch":
                value = {"data": {**data, "type": "task/fetch"}, "context": _CONTEXT}
                dialog = OpenDialog("", {}, place.id, reply_to=message.id, thread=message.thread)
                self._open(await self._ask("task/fetch", value, dialog), dialog)
            case {"type": "Action.Submit"}:
                pressed = self.activity("message", place, thread=message.thread, value=data, replyToId=message.id)
                reply = await self._reply(pressed)
                if reply.status >= 300:
                    raise TeamsShowsError(f"{self.name} sees «Something went wrong»: {reply.status}")
            case _:
                raise AssertionError(f"the fake Teams cannot press an {action.get('type')}")

    def _data(self, action: Payload, values: Mapping[str, str]) -> Payload:
        """What a button hands over: its own data and what is filled in, which wins. What is empty is left out."""
        if action.get("associatedInputs") == "none":
            return dict(action.get("data", {}))
        typed = {key: value for key, value in values.items() if value or self.teams.sends_empty_inputs}
        return copied({**action.get("data", {}), **typed})

    def _see(self, message: Message, answer: Any) -> None:
        match answer:
            case {"statusCode": 200, "type": kind, "value": dict(card), **more} if kind == ADAPTIVE and not more:
                wrong = card_problems(card, "message")
                if wrong:
                    raise TeamsShowsError(f"{self.name} sees «Something went wrong»: {wrong[:3]}")
                message.private[self.id] = card
            case {"statusCode": 200, "type": kind, "value": str(text), **more} if kind == _NOTE and text.strip() and not more:
                self.notes.append(text)
            case {"statusCode": 400 | 500, "type": kind, "value": {"code": str(), "message": str(text)}} if kind == _ERROR:
                raise TeamsShowsError(f"{self.name} sees the error «{text}»")
            case _:
                raise TeamsShowsError(f"{self.name} sees «Something went wrong»: no answer to a press is {str(answer)[:300]}")

    # Dialogs

    def dismiss(self) -> None:
        """Closes the dialog without sending it, of which the bot hears nothing."""
        if self.dialog is not None:
            self.dialog.closed = True
            self.dialog = None

    async def submit(self, dialog: OpenDialog | None = None) -> dict[str, str]:
        """Presses the first of the buttons at the foot of the dialog. Gives the errors then shown, by field."""
        place = self._open_one(dialog)
        foot = place.card.get("actions", [])
        if not foot:
            raise AssertionError(f"«{place.title}» has nothing to submit")
        await self._submit(place, foot[0])
        return {} if place.closed else place.errors

    async def _submit(self, dialog: OpenDialog, action: Payload) -> None:
        if action["type"] != "Action.Submit":
            raise AssertionError(f"the fake Teams cannot press an {action['type']} in a dialog")
        asks = action.get("associatedInputs") != "none"
        dialog.left_empty = left_empty(dialog.card, dialog.values) if asks else {}
        if dialog.left_empty:
            return
        value: Payload = {"data": self._data(action, dialog.values), "context": _CONTEXT}
        name = "task/submit"
        if dialog.command:
            name = "composeExtension/submitAction"
            value |= {"commandId": dialog.command, "commandContext": dialog.context, "requestId": new_guid()}
            value |= {"messagePayload": dialog.message} if dialog.message else {}
        try:
            reply = await self._invoke(name, value, dialog)
        except TookTooLongError:
            dialog.failed = True
            return
        dialog.failed = reply.status >= 500
        if not dialog.failed:
            self._open(self._answered(reply), dialog)

    def _open(self, body: Any, dialog: OpenDialog) -> None:
        """Does with the dialog what the bot has answered: opens or changes it, or closes it."""
        wrong = dialog_problems(body)
        if wrong:
            raise TeamsShowsError(f"{self.name} sees «Something went wrong»: {'; '.join(wrong[:3])}")
        match body:
            case {"task": {"type": "continue", "value": value}}:
                if self.dialog is not dialog:
                    self.dismiss()
                dialog.replace(value["title"], copied(value["card"]["content"]))
                self.dialog = dialog
            case {"task": {"value": text}}:
                self.notes.append(text)
                self._close(dialog)
            case _:
                self._close(dialog)

    def _close(self, dialog: OpenDialog) -> None:
        dialog.closed = True
        self.dialog = None

    def _open_one(self, dialog: OpenDialog | None) -> OpenDialog:
        found = dialog or self.dialog
        if found is None:
            raise AssertionError(f"{self.name} has no dialog open")
        self._check_open(found)
        return found

    def _check_open(self, dialog: OpenDialog) -> None:
        if dialog.closed or dialog is not self.dialog:
            raise AssertionError(f"«{dialog.title}» is not open before {self.name} any more")

    # Filling in

    async def fill(self, dialog: OpenDialog | None, values: Mapping[str, FieldInput]) -> None:
        """Fills in fields, by neutral id or label: a text; an option by value or label; a local time; names to look up.

        None or an empty text empties a field.
        """
        place = self._open_one(dialog)
        for name, value in values.items():
            await self._fill_one(place, name, value)

    async def _fill_one(self, dialog: OpenDialog, name: str, value: FieldInput) -> None:
        inputs = {one["id"]: one for one in dialog.inputs(name)}
        ids = list(inputs)
        first = inputs[ids[0]]
        if any(key.endswith((DATE_SUFFIX, TIME_SUFFIX)) for key in ids):
            self._set_moment(dialog, ids, value)
        elif any(key.endswith(TYPED_SUFFIX) for key in ids) or "choices.data" in first:
            await self._set_people(dialog, inputs, _several(value))
        elif first["type"] == "Input.ChoiceSet":
            wanted = _several(value)
            if len(wanted) > 1 and not first.get("isMultiSelect"):
                raise AssertionError(f"only one can be chosen in «{name}»")
            dialog.values[ids[0]] = ",".join(_pick(first.get("choices", []), one) for one in wanted)
        else:
            dialog.values[ids[0]] = _typed(first, _text(value))

    def _set_moment(self, dialog: OpenDialog, ids: Sequence[str], value: FieldInput) -> None:
        """A moment is what the clock on the wall shows: Teams knows no time zone there."""
        parts = ("", "")
        if value:
            moment = value if isinstance(value, datetime) else datetime.fromisoformat(_text(value))
            parts = (moment.strftime("%Y-%m-%d").zfill(10), moment.strftime("%H:%M"))
        for key in ids:
            dialog.values[key] = parts[0] if key.endswith(DATE_SUFFIX) else parts[1]

    async def _set_people(self, dialog: OpenDialog, inputs: Mapping[str, Payload], names: Sequence[str]) -> None:
        search = next((one for one in inputs.values() if "choices.data" in one), None)
        free = next((one for key, one in inputs.items() if key.endswith(TYPED_SUFFIX)), None)
        picked: list[str] = []
        typed: list[str] = []
        for name in names:
            found = await self.suggest(dialog, search["id"], name) if search is not None else []
            exact = [one for one in found if name in (one["title"], one["title"].partition(_HINT)[0])]
            if exact:
                picked.append(exact[0]["value"])
            elif free is None:
                raise AssertionError(
                    f"«{name}» is not offered, only {[one['title'] for one in found]}, and nothing can be typed"
                )
            else:
                typed.append(name)
        if search is not None:
            dialog.values[search["id"]] = ",".join(picked)
        if free is not None:
            dialog.values[free["id"]] = _typed(free, "\n".join(typed))

    async def suggest(self, dialog: OpenDialog | None, name: str, query: str) -> list[Payload]:
        """The choices offered when that is typed into a field that searches."""
        place = self._open_one(dialog)
        search = next((one for one in place.inputs(name) if "choices.data" in one), None) if query.strip() else None
        if search is None:
            return []
        value = {
            "queryText": query,
            "queryOptions": {"skip": 0, "top": _RESULTS},
            "dataset": search["choices.data"]["dataset"],
        }
        answer = await self._ask("application/search", value, place)
        match answer:
            case {"statusCode": 200, "type": kind, "value": {"results": list(results)}} if kind == _SEARCH_RESPONSE:
                return self._checked_results(results, several=bool(search.get("isMultiSelect")))
            case _:
                raise TeamsShowsError(f"{self.name} sees no results: {str(answer)[:300]}")

    def _checked_results(self, results: list[Any], *, several: bool) -> list[Payload]:
        if len(results) > _RESULTS:
            raise TeamsShowsError(f"{self.name} sees no results: {len(results)}, where {_RESULTS} were asked for")
        for one in results:
            match one:
                case {"value": str(value), "title": str(title), **more} if value and title.strip() and not more:
                    if several and "," in value:
                        raise TeamsShowsError(f"{self.name} cannot pick «{title}»: a comma in {value!r} would make it two")
                case _:
                    raise TeamsShowsError(f"{self.name} sees no results: {one!r} has not just a value and a title")
        return list(results)

    # Speaking to the bot

    def activity(self, kind: str, place: Conversation, *, thread: str = "", **more: Any) -> Payload:
        """An activity of this person's, with all that Teams puts into one."""
        data: Payload = {"tenant": {"id": self.teams.tenant}}
        if place.team is not None:
            team = {"id": place.team.id, "aadGroupId": place.team.group_id}
            data |= {"teamsChannelId": place.id, "teamsTeamId": place.team.id, "channel": {"id": place.id}, "team": team}
        activity: Payload = {
            "type": kind,
            "id": f"f:{new_guid()}",
            "timestamp": _now(),
            "localTimestamp": _now(),
            "localTimezone": "Europe/London",
            "channelId": "msteams",
            "serviceUrl": self.teams.service_url,
            "from": self.person.as_account(),
            "recipient": self.teams.bot,
            "conversation": place.as_payload(self.teams.tenant, thread),
            "channelData": data,
            "entities": [
                {"type": "clientInfo", "locale": "en-GB", "country": "GB", "platform": "Windows", "timezone": "Europe/London"}
            ],
            "locale": "en-GB",
        }
        more_data = more.pop("channelData", {})
        return copied({**activity, **more, "channelData": {**data, **more_data}})

    async def send(self, activity: Payload, *, token: str | None = None) -> int:
        """Sends an activity to the bot, with a good token unless another is given. Gives its status."""
        return (await self._reply(activity, token=token)).status

    async def _reply(self, activity: Payload, *, token: str | None = None) -> Reply:
        try:
            return await self.teams.deliver(activity, token=token)
        except TookTooLongError as late:
            raise TeamsShowsError(f"{self.name} sees that the app did not answer: {late}") from late

    async def _invoke(self, name: str, value: Payload, source: Message | OpenDialog) -> Reply:
        """Asks the bot something from a message or a dialog, which has the same conversation as what opened it."""
        reply_to = source.id if isinstance(source, Message) else source.reply_to
        more = {"replyToId": reply_to} if reply_to else {}
        data = {"source": {"name": "message" if reply_to else "compose"}}
        place = self.teams.conversation(source.conversation)
        asked = self.activity("invoke", place, thread=source.thread, name=name, value=value, channelData=data, **more)
        return await self.teams.deliver(asked)

    async def _ask(self, name: str, value: Payload, source: Message | OpenDialog) -> Any:
        try:
            return self._answered(await self._invoke(name, value, source))
        except TookTooLongError as late:
            raise TeamsShowsError(f"{self.name} sees that the app did not answer: {late}") from late

    def _answered(self, reply: Reply) -> Any:
        """The body of an answer that Teams takes, None where it is empty."""
        if reply.status != 200:
            raise TeamsShowsError(f"{self.name} sees «Unable to reach app»: {reply.status} {reply.body[:300]}")
        if reply.body.strip() and reply.json is None:
            raise TeamsShowsError(f"{self.name} sees «Something went wrong»: {reply.body[:300]} is no JSON")
        return reply.json


class Team:
    """A team, as its owners work with it. It has General and its other channels in `channels`, by name."""

    def __init__(self, teams: "FakeTeams", roster: Roster) -> None:
        self.teams = teams
        self.roster = roster

    @property
    def id(self) -> str:
        return self.roster.id

    @property
    def channels(self) -> dict[str, str]:
        return self.roster.channels

    async def install(self, by: TeamsUser, channel: str = "General") -> tuple[int, int]:
        """Adds the app to the team, by way of a channel. The bot hears of it twice, in no order."""
        self.roster.installed = True
        return await self._both(by, channel, "teamMemberAdded", "add", membersAdded=[self.teams.bot])

    async def uninstall(self, by: TeamsUser) -> tuple[int, int]:
        """Removes the app from the team."""
        self.roster.installed = False
        return await self._both(by, "General", "teamMemberRemoved", "remove", membersRemoved=[self.teams.bot])

    async def add_member(self, user: TeamsUser, by: TeamsUser) -> int:
        """Takes somebody into the team."""
        self.roster.members.append(user.id)
        return await self._changed(by, "teamMemberAdded", membersAdded=[_changed_member(user)])

    async def remove_member(self, user: TeamsUser, by: TeamsUser) -> int:
        """Takes somebody out of the team."""
        self.roster.members.remove(user.id)
        return await self._changed(by, "teamMemberRemoved", membersRemoved=[_changed_member(user)])

    async def _both(self, by: TeamsUser, channel: str, event: str, action: str, **members: Any) -> tuple[int, int]:
        place = self.teams.conversations[self.channels[channel]]
        data = {"team": self._named(), "settings": {"selectedChannel": {"id": place.id}}}
        changed = by.activity("conversationUpdate", place, channelData={**data, "eventType": event}, **members)
        return await _both(by, changed, by.activity("installationUpdate", place, action=action, channelData=data))

    async def _changed(self, by: TeamsUser, event: str, **members: Any) -> int:
        """The bot hears of it where the app is."""
        if not self.roster.installed:
            return 0
        place = self.teams.conversations[self.id]
        data = {"team": self._named(), "eventType": event}
        return await by.send(by.activity("conversationUpdate", place, channelData=data, **members))

    def _named(self) -> Payload:
        return {"id": self.id, "aadGroupId": self.roster.group_id, "name": self.roster.name}


class GroupChat:
    """A group chat, as its members work with it."""

    def __init__(self, teams: "FakeTeams", conversation: Conversation) -> None:
        self.teams = teams
        self.conversation = conversation

    @property
    def id(self) -> str:
        return self.conversation.id

    async def install(self, by: TeamsUser) -> tuple[int, int]:
        """Adds the app to the chat."""
        self.conversation.own_app = True
        added = by.activity("conversationUpdate", self.conversation, membersAdded=[self.teams.bot])
        return await _both(by, added, by.activity("installationUpdate", self.conversation, action="add"))

    async def uninstall(self, by: TeamsUser) -> tuple[int, int]:
        """Removes the app from the chat."""
        self.conversation.own_app = False
        removed = by.activity("conversationUpdate", self.conversation, membersRemoved=[self.teams.bot])
        return await _both(by, removed, by.activity("installationUpdate", self.conversation, action="remove"))

    async def add_member(self, user: TeamsUser, by: TeamsUser) -> int:
        """Takes somebody into the chat."""
        self.conversation.members.append(user.id)
        return await self._changed(by, membersAdded=[_changed_member(user)])

    async def remove_member(self, user: TeamsUser, by: TeamsUser) -> int:
        """Takes somebody out of the chat."""
        self.conversation.members.remove(user.id)
        return await self._changed(by, membersRemoved=[_changed_member(user)])

    async def _changed(self, by: TeamsUser, **members: Any) -> int:
        if not self.conversation.own_app:
            return 0
        return await by.send(by.activity("conversationUpdate", self.conversation, **members))


def link_to(conversation_id: str, message_id: str) -> str:
    """The address of a message in the client."""
    return f"https://teams.microsoft.com/l/message/{quote(conversation_id, safe='')}/{message_id}"


async def _both(by: TeamsUser, one: Payload, other: Payload) -> tuple[int, int]:
    first, second = await asyncio.gather(by.send(one), by.send(other))
    return first, second


def _changed_member(user: TeamsUser) -> Payload:
    return {"id": user.teams_id, "aadObjectId": user.id}


def _at() -> str:
    return f"<at>{BOT_NAME}</at>"


def _written(text: str, *, mention: bool, pictures: bool) -> Payload:
    """A message as Teams hands it to a bot: the text, and once more what the client shows, as HTML."""
    shown = html.escape(text, quote=False).replace("\n", "<br>")
    named = f'<span itemscope itemtype="http://schema.skype.com/Mention" itemid="0">{BOT_NAME}</span>&nbsp;' if mention else ""
    picture = '<img alt="image" itemtype="http://schema.skype.com/AMSImage">' if pictures else ""
    attachment = {"contentType": "text/html", "content": f"<p>{named}{shown}{picture}</p>"}
    plain = {"text": f"{_at()} {text}" if mention else text} if text or mention else {}
    return {**plain, "textFormat": "plain", "attachments": [attachment]}


def _html_of(message: Message) -> str:
    written = (one["content"] for one in message.newest.get("attachments") or [] if one.get("contentType") == "text/html")
    return str(next(written, html.escape(message.text, quote=False)))


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _one_action(card: Payload, label: str) -> Payload:
    """The button with that label, or with none given the only one there is."""
    offered = list(actions_of(card))
    for action in offered:
        if action.get("title") == label or (not label and len(offered) == 1):
            return action
    raise AssertionError(f"no button «{label}», only {[action.get('title') for action in offered]}")


def _pick(choices: Sequence[Payload], wanted: str) -> str:
    """The value of the choice with that value or title, or else of the first whose title contains it."""
    for choice in choices:
        if wanted in (choice["value"], choice["title"]):
            return str(choice["value"])
    for choice in choices:
        if wanted.casefold() in choice["title"].casefold():
            return str(choice["value"])
    raise AssertionError(f"«{wanted}» is not offered, only {[choice['title'] for choice in choices]}")


def _typed(one: Payload, text: str) -> str:
    if len(text) > one.get("maxLength", len(text)):
        raise AssertionError(f"Teams takes {one['maxLength']} characters here, not {len(text)}")
    if "\n" in text and not one.get("isMultiline"):
        raise AssertionError("Teams takes a single line here")
    if text and "regex" in one and not re.search(one["regex"], text):
        raise AssertionError(f"Teams does not take {text!r} here")
    return text


def _text(value: FieldInput) -> str:
    match value:
        case None:
            return ""
        case str():
            return value
        case _:
            raise AssertionError(f"{value!r} is no text")


def _several(value: FieldInput) -> list[str]:
    match value:
        case None | "":
            return []
        case str():
            return [line for line in value.split("\n") if line.strip()]
        case datetime():
            raise AssertionError(f"{value!r} is no list of names")
        case _:
            return list(value)
