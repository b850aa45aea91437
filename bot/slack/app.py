"""The Slack edge: what Slack sends is turned into calls of the desk, and the desk's replies into what Slack shows.

Everything is acknowledged at once, or with the answer itself where Slack waits for it (a form); the rest goes on after.
"""

import asyncio
import html
import json
import logging
import re
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from datetime import timedelta
from functools import lru_cache
from typing import Any, assert_never, cast

from aiohttp import ClientError, ClientSession
from slack_bolt import BoltResponse
from slack_bolt.async_app import AsyncApp
from slack_bolt.context.async_context import AsyncBoltContext
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_sdk.errors import SlackApiError

from bot.desk import Desk, button_shows_records, form_shows_records, words_show_records
from bot.replays import Replays
from bot.replies import Post, Reply, ShowForm, Silence, Tell, WrongForm
from bot.slack.accounts import Accounts
from bot.slack.client import answer_at
from bot.slack.values import form_values
from bot.slack.workspaces import NotInstalledError, UnknownWorkspaceError, Workspaces, error_code, team_of
from cards import blockkit, pages
from cards.model import Card, Form, fields
from cards.texts import say
from domain.people import Account, Platform
from handlers.ports import Clock
from storage.outbox import SeenEvents
from storage.trouble import DatabaseTroubleError

log = logging.getLogger("esafety.slack")

_ANSWER_SECONDS = 2.5
"""Slack waits three seconds for the answer to a form, and then says no more than that there was some trouble."""
_SIGNED_FOR = timedelta(minutes=10)
"""A signature is good for five minutes before and after the moment that it names."""
_LONGEST_WORD = 100
_DIRECT = "D"
"""How the id of a conversation of two begins."""
_MENTION = re.compile(r"<[@!#][^>]*>")
_JSON: dict[str, str | Sequence[str]] = {"content-type": "application/json;charset=utf-8"}
REPORT_SHORTCUT, REPORT_MESSAGE_SHORTCUT = "report_concern", "report_message"

Payload = dict[str, Any]
Call = Callable[..., Coroutine[Any, Any, Any]]


class RepeatedError(Exception):
    """A form with a signature that came before."""


class SlackEdge:
    """Registers the listeners of one Bolt app.

    `desk_of` finds the school's desk for a workspace, or raises UnknownWorkspaceError: nothing is done for such a one.
    """

    def __init__(
        self,
        app: AsyncApp,
        workspaces: Workspaces,
        desk_of: Callable[[str], Desk],
        accounts: Accounts,
        seen: SeenEvents,
        clock: Clock,
        session: ClientSession,
    ) -> None:
        # Our own clients, which keep their connections open; Bolt's make a new one for each call.
        self._workspaces = workspaces
        self._session = session
        self._under_way: set[asyncio.Task[Any]] = set()
        self._desk_of = desk_of
        self._accounts = accounts
        self._seen = seen
        self._replays = Replays(_SIGNED_FOR)
        self._clock = clock
        anything = re.compile(".*")
        app.middleware(self._at_the_door)
        app.command("/esafety")(ack=self._commanded, lazy=[])
        app.shortcut({"type": "shortcut", "callback_id": REPORT_SHORTCUT})(ack=self._afterwards(self._shortcut), lazy=[])
        app.shortcut({"type": "message_action", "callback_id": REPORT_MESSAGE_SHORTCUT})(
            ack=self._afterwards(self._message_shortcut), lazy=[]
        )
        app.options(anything)(ack=self._suggest, lazy=[])
        app.view_submission(anything)(ack=self._submitted, lazy=[])
        app.view_closed(anything)(ack=_ack, lazy=[])
        app.action(anything)(ack=self._afterwards(self._action), lazy=[])
        app.event("app_mention")(ack=self._afterwards(self._mentioned), lazy=[])
        app.event("message")(ack=self._afterwards(self._message), lazy=[])
        app.event("app_home_opened")(ack=self._afterwards(self._home_opened), lazy=[])
        app.event("member_joined_channel")(ack=self._afterwards(self._readers_changed), lazy=[])
        app.event("member_left_channel")(ack=self._afterwards(self._readers_changed), lazy=[])
        app.event("user_change")(ack=self._afterwards(self._user_changed), lazy=[])

    async def finish(self) -> None:
        """Waits for what is still being done for somebody."""
        await asyncio.gather(*self._under_way, return_exceptions=True)

    async def _at_the_door(self, body: Payload, context: AsyncBoltContext, next_: Call) -> BoltResponse | None:
        """Turns away what comes from a workspace that no school names, before anything looks at it."""
        if url := body.get("response_url"):
            context["respond"] = answer_at(self._session, str(url))
        try:
            self._desk_of(team_of(body))
        except UnknownWorkspaceError:
            if _is_of_the_installation(body):
                return cast("BoltResponse | None", await next_())
            log.warning("refused a request of a workspace that no school file names: %s", team_of(body) or "none given")
            return await self._turned_away(body)
        return cast("BoltResponse | None", await next_())

    async def _turned_away(self, body: Payload) -> BoltResponse:
        match body:
            case {"command": _}:
                return _json({"response_type": "ephemeral", "text": say("note.not_connected")})
            case {"type": "view_submission", "view": dict(view)}:
                return _json({"response_action": "errors", "errors": {_first_input(view): say("note.not_connected")}})
            case {"type": "block_suggestion"}:
                return _json({"options": []})
            case {"response_url": str(url)} if url:
                self._later(_decline(answer_at(self._session, url)))
        return BoltResponse(status=200, body="")

    def _afterwards(self, work: Call) -> Call:
        """A listener that acknowledges at once and does its work after.

        Bolt's own lazy listeners do the same, but copy the whole request for it, and nobody could wait for them at the end.
        """

        async def listener(ack: Call, body: Payload, respond: Call, request: AsyncBoltRequest) -> None:
            self._later(self._once(request, lambda: work(body, respond)))
            await ack()

        return listener

    async def _once(self, request: AsyncBoltRequest, work: Callable[[], Awaitable[None]]) -> None:
        if self._is_first(request):
            await work()
        else:
            log.warning("a request came a second time, and nothing was done for it")

    def _is_first(self, request: AsyncBoltRequest) -> bool:
        """False for what Slack has signed once and somebody sends again.

        Events have ids of their own, and Slack's own repeats of them are signed anew. By Socket Mode nobody else can send.
        """
        signature = request.headers.get("x-slack-signature", ("",))[0]
        return not signature or request.body.get("type") == "event_callback" or self._replays.is_new(signature)

    def _later(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(_logged(work))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    # Commands

    async def _commanded(self, ack: Call, command: Payload, respond: Call, request: AsyncBoltRequest) -> BoltResponse | None:
        if _takes_time(command):
            self._later(self._once(request, lambda: self._command(command, respond)))
            await ack()
            return None
        # Help, and every word that is no command, is answered on the spot.
        answer = _help_answer(self._desk_of(team_of(command)), str(command.get("text", ""))[:_LONGEST_WORD])
        return BoltResponse(status=200, body=answer, headers=_JSON)

    async def _command(self, command: Payload, respond: Call) -> None:
        desk = self._desk_of(team_of(command))
        shared = not str(command.get("channel_id", "")).startswith(_DIRECT)
        text = command.get("text", "")
        reply = await self._reply(
            desk,
            command["user_id"],
            lambda account: desk.command(account, text, shared=shared),
            sure=words_show_records(text),
        )
        await self._show(desk, reply, trigger_id=command["trigger_id"], respond=respond)

    # Shortcuts

    async def _shortcut(self, body: Payload, _: Call) -> None:
        desk = self._desk_of(team_of(body))
        reply = await self._reply(desk, body["user"]["id"], desk.begin_report, sure=False)
        await self._show(desk, reply, trigger_id=body["trigger_id"])

    async def _message_shortcut(self, body: Payload, _: Call) -> None:
        desk = self._desk_of(team_of(body))
        link = _permalink(body)
        reply = await self._reply(desk, body["user"]["id"], lambda account: desk.begin_report(account, link=link), sure=False)
        await self._show(desk, reply, trigger_id=body["trigger_id"])

    # Forms

    async def _suggest(self, ack: Call, body: Payload) -> None:
        desk = self._desk_of(team_of(body))
        try:
            account = await self._account(desk, body["user"]["id"], sure=True)
            found = await desk.suggest(account, str(body.get("value") or ""))
        except Exception:
            log.exception("people could not be looked up")
            found = []
        await ack(options=[blockkit.option(p.value, p.label, hint) for p, hint in found])

    async def _submitted(self, ack: Call, body: Payload, view: Payload, request: AsyncBoltRequest) -> None:
        desk = self._desk_of(team_of(body))
        work = asyncio.create_task(self._taken(desk, body["user"]["id"], view, request))
        self._under_way.add(work)
        work.add_done_callback(self._under_way.discard)
        await asyncio.wait({work}, timeout=_ANSWER_SECONDS)
        if not work.done():
            # It goes on, and may well be kept: sent again, it is found to be the same.
            log.warning("a form is not taken yet, and Slack waits no longer")
            work.add_done_callback(_log_failure)
            answer = _not_taken(view, desk.form_failed(late=True))
        elif isinstance(broken := work.exception(), RepeatedError):
            # Never taken as done: where it was not, because the process that had it died, it is sent once more by hand.
            log.warning("a form came a second time, and nothing was done for it")
            answer = _not_taken(view, desk.form_failed(late=True))
        elif isinstance(broken, Exception):
            _log_failure(work)
            answer = _not_taken(view, desk.form_failed(broken))
        else:
            answer = _answer_to_form(view, work.result())
        await ack(**answer)

    async def _taken(self, desk: Desk, user_id: str, view: Payload, request: AsyncBoltRequest) -> Reply:
        if not self._is_first(request):
            raise RepeatedError
        account = await self._account(desk, user_id, sure=form_shows_records(view["callback_id"]))
        return await desk.submit(account, view["callback_id"], view.get("private_metadata", ""), form_values(view))

    async def _action(self, body: Payload, respond: Call) -> None:
        desk = self._desk_of(team_of(body))
        user_id = body["user"]["id"]
        action = body["actions"][0]
        view: Payload = body.get("view") or {}
        if action["type"] != "button":
            if view:
                # An event may come late: of the other fields it knows only how they were, and must not empty what is newer.
                acted = str(action.get("block_id", ""))
                typed = {name: value for name, value in form_values(view).items() if value or name == acted}
                account = await self._account(desk, user_id, sure=False)
                await desk.typing(account, view.get("callback_id", ""), view.get("private_metadata", ""), typed)
            return
        if action.get("url"):
            return
        channel = str((body.get("channel") or {}).get("id", ""))
        pressed, value = blockkit.action_name(action["action_id"]), action.get("value", "")
        shared = bool(channel) and not channel.startswith(_DIRECT)
        reply = await self._reply(
            desk,
            user_id,
            lambda account: desk.press(account, pressed, value, shared=shared),
            sure=button_shows_records(pressed),
        )
        modal = view.get("id", "") if view.get("type") == "modal" else ""
        await self._show(desk, reply, trigger_id=body.get("trigger_id", ""), modal=modal, respond=None if view else respond)
        if view.get("type") == "home":
            await self._publish_home(desk, await self._account(desk, user_id, sure=True))

    # Events

    async def _mentioned(self, body: Payload, _: Call) -> None:
        event: Payload = body["event"]
        if not event.get("user"):
            return  # another app's, which nobody could be answered for
        desk = self._desk_of(team_of(body))
        card = await self._answered(desk, body, lambda account: desk.chat(account, _said(event), shared=True))
        if card is None:
            return
        drawn = blockkit.message(card)
        client = await self._workspaces.client(desk.school)
        await client.chat_postEphemeral(channel=event["channel"], user=event["user"], **drawn)

    async def _message(self, body: Payload, _: Call) -> None:
        event: Payload = body["event"]
        from_a_person = event.get("user") and not event.get("bot_id") and event.get("subtype") in (None, "file_share")
        if event.get("channel_type") != "im" or not from_a_person:
            return
        desk = self._desk_of(team_of(body))

        async def answer(account: Account) -> Card:
            # Whoever sends a picture wants to report something: the card asks them not to.
            return pages.ask_report_card() if event.get("files") else await desk.chat(account, _said(event))

        card = await self._answered(desk, body, answer)
        if card is None:
            return
        client = await self._workspaces.client(desk.school)
        await client.chat_postMessage(channel=event["channel"], **blockkit.message(card))

    async def _answered(self, desk: Desk, body: Payload, work: Callable[[Account], Awaitable[Card]]) -> Card | None:
        """The answer to what somebody said; None where it was answered before."""
        try:
            if not await self._is_new(body):
                return None
            event: Payload = body["event"]
            return await work(await self._account(desk, event["user"], sure=words_show_records(_said(event))))
        except Exception as broken:
            log.exception("words could not be answered")
            return desk.failed(broken)

    async def _home_opened(self, body: Payload, _: Call) -> None:
        event: Payload = body["event"]
        if event.get("tab", "home") != "home":
            return
        desk = self._desk_of(team_of(body))
        await self._publish_home(desk, await self._account(desk, event["user"], sure=True))

    async def _readers_changed(self, body: Payload, _: Call) -> None:
        event: Payload = body["event"]
        desk = self._desk_of(team_of(body))
        channel = event["channel"]
        if channel in desk.school.channels.get(Platform.SLACK, {}).values():
            await self._accounts.readers.forget(desk.school, channel)
            await self._accounts.sync_readers(desk.school, channel)

    async def _user_changed(self, body: Payload, _: Call) -> None:
        """Slack tells of every new photograph and status: only what decides who somebody is makes any work."""
        desk = self._desk_of(team_of(body))
        user: Payload = body["event"]["user"]
        if await self._accounts.is_known_otherwise(desk.school, user) and await self._is_new(body):
            await self._accounts.ask_anew(desk.school, str(user["id"]))

    async def _publish_home(self, desk: Desk, account: Account) -> None:
        client = await self._workspaces.client(desk.school)
        await client.views_publish(user_id=account.user_id, view=blockkit.home(await desk.home(account)))

    # Showing

    async def _reply(self, desk: Desk, user_id: str, work: Callable[[Account], Awaitable[Reply]], *, sure: bool) -> Reply:
        """What is to be shown to somebody; that it did not work, where it did not."""
        try:
            return await work(await self._account(desk, user_id, sure=sure))
        except Exception as broken:
            log.exception("an action failed")
            return Tell(desk.failed(broken))

    async def _show(self, desk: Desk, reply: Reply, *, trigger_id: str, modal: str = "", respond: Call | None = None) -> None:
        """Shows a reply: in the open dialog if there is one, in a new one, or as a message that only this person sees."""
        try:
            match reply:
                case Silence():
                    return
                case Tell(card=card) if not modal and respond is not None:
                    await respond(response_type="ephemeral", replace_original=False, **blockkit.message(card))
                case Tell(card=card):
                    await self._show_view(desk, pages.as_form(card), trigger_id, modal)
                case Post(card=card) if respond is not None:
                    await respond(response_type="in_channel", replace_original=False, **blockkit.message(card))
                case Post(card=card):
                    await self._show_view(desk, pages.as_form(card), trigger_id, modal)
                case ShowForm(form=form) | WrongForm(form=form):
                    await self._show_view(desk, form, trigger_id, modal)
                case _:
                    assert_never(reply)
        except SlackApiError as no:
            # The person has closed the dialog, or took longer than Slack's three seconds: they press again.
            log.warning("Slack did not show a reply: %s", error_code(no))
        except NotInstalledError:
            log.error("the bot is not installed in the workspace of %s: run `esafety doctor`", desk.school.id)  # noqa: TRY400
            if respond is not None:
                await _decline(respond)
        except DatabaseTroubleError as no:
            log.error("a reply could not be shown: %s", no.trouble)  # noqa: TRY400
            if respond is not None:
                failed = blockkit.message(desk.failed(no))
                await respond(response_type="ephemeral", replace_original=False, **failed)

    async def _show_view(self, desk: Desk, form: Form, trigger_id: str, modal: str) -> None:
        client = await self._workspaces.client(desk.school)
        view = blockkit.modal(form)
        if modal:
            await client.views_update(view_id=modal, view=view)
        else:
            await client.views_open(trigger_id=trigger_id, view=view)

    async def _is_new(self, body: Payload) -> bool:
        return await self._seen.is_new(Platform.SLACK, str(body.get("event_id", "")), self._clock.now())

    async def _account(self, desk: Desk, user_id: str, *, sure: bool) -> Account:
        return await self._accounts.of_user(desk.school, user_id, sure=sure)


async def _ack(ack: Call) -> None:
    await ack()


def _is_of_the_installation(body: Payload) -> bool:
    """Whether it only says that the bot was taken out of a workspace: true of any workspace, and of no school's affairs."""
    event = body.get("event")
    return isinstance(event, dict) and event.get("type") in ("app_uninstalled", "tokens_revoked")


def _json(answer: Payload) -> BoltResponse:
    return BoltResponse(status=200, body=json.dumps(answer), headers=_JSON)


async def _decline(respond: Call) -> None:
    await respond(response_type="ephemeral", replace_original=False, text=say("note.not_connected"))


async def _logged(work: Coroutine[Any, Any, None]) -> None:
    try:
        await work
    except NotInstalledError as no:
        log.error("the bot cannot speak in a workspace (%s): run `esafety doctor`", no.code)  # noqa: TRY400
    except SlackApiError as no:
        log.warning("Slack did not take an answer: %s", error_code(no))
    except (ClientError, TimeoutError, OSError) as trouble:
        log.warning("Slack was out of reach with an answer: %s", type(trouble).__name__)
    except Exception:
        log.exception("what came after an acknowledgement failed")


def _takes_time(command: Payload) -> bool:
    words = str(command.get("text", "")).casefold().split()
    return len(words) > 1 or bool(set(words) & (set(pages.COMMANDS) - {"help"}))


def _said(event: Payload) -> str:
    """What somebody wrote, as they typed it: Slack escapes three characters, and puts mentions and links into brackets."""
    return html.unescape(_MENTION.sub(" ", str(event.get("text", ""))))


@lru_cache(maxsize=64)
def _help_answer(desk: Desk, typed: str) -> str:
    """The help card does not change: drawn once for each thing it is asked."""
    return json.dumps({"response_type": "ephemeral", **blockkit.message(desk.help(Platform.SLACK, typed))})


def _not_taken(view: Payload, why: str) -> Payload:
    """Slack keeps what was typed as long as the answer is an error at a field."""
    return {"response_action": "errors", "errors": {_first_input(view): why}}


def _log_failure(work: asyncio.Task[Reply]) -> None:
    if not work.cancelled() and (broken := work.exception()) is not None:
        log.error("a form could not be taken", exc_info=broken)


def _answer_to_form(view: Payload, reply: Reply) -> Payload:
    match reply:
        case WrongForm(form=form, grown=False) if _shows_all(view, form):
            return {"response_action": "errors", "errors": dict(form.errors)}
        case WrongForm(form=form) | ShowForm(form=form):
            return {"response_action": "update", "view": blockkit.modal(form)}
        case Tell(card=card) | Post(card=card):
            return {"response_action": "update", "view": blockkit.modal(pages.as_form(card))}
        case Silence():
            return {"response_action": "clear"}
        case _:
            assert_never(reply)


def _shows_all(view: Payload, form: Form) -> bool:
    """Whether every field with a fault is in the view already: Slack drops errors of blocks that are not there."""
    there = {b.get("block_id") for b in view.get("blocks", []) if b.get("type") == "input"}
    return set(form.errors) <= there & {f.id for f in fields(form)}


def _first_input(view: Payload) -> str:
    return next((str(b["block_id"]) for b in view.get("blocks", []) if b.get("type") == "input"), "")


def _permalink(body: Mapping[str, Any]) -> str:
    """The address of the message that a shortcut was used on, in Slack's own form. Never its text, never a file."""
    domain, channel = (body.get("team") or {}).get("domain", ""), (body.get("channel") or {}).get("id", "")
    message: Mapping[str, Any] = body.get("message") or {}
    ts = str(message.get("ts") or body.get("message_ts") or "")
    if not (domain and channel and ts):
        return ""
    thread = str(message.get("thread_ts") or "")
    link = f"https://{domain}.slack.com/archives/{channel}/p{ts.replace('.', '')}"
    return f"{link}?thread_ts={thread}&cid={channel}" if thread and thread != ts else link
