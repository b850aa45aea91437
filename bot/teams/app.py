"""The Teams edge: what Teams sends is turned into calls of the desk, and the desk's replies into what Teams shows.

A private answer is a dialog, a line that only whoever pressed a button sees, or a message in the one-to-one chat; never a
message in a channel. What waits for an answer (a button, a form) is answered at once with it, and an installation or a change
of members once it is written down; the rest goes on after.
"""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import replace
from http import HTTPStatus
from typing import Any, Final, assert_never

from bot.chronology_desk import chronology_card
from bot.desk import (
    CHAT_COMMANDS,
    Desk,
    button_shows_records,
    case_reference,
    form_shows_records,
    is_question,
    wants_to_report,
    words_show_records,
)
from bot.queue_desk import queue_of_words
from bot.records_desk import records_card
from bot.registers_desk import registers_words
from bot.replays import Replays
from bot.replies import Post, Reply, ShowForm, Silence, Tell, WrongForm
from bot.submissions_desk import requests_words
from bot.surveys_desk import surveys_words
from bot.teams import drawn
from bot.teams.connector import Connector, OutOfReachError, RefusedError
from bot.teams.drawn import Payload
from bot.teams.incoming import CHANNEL, Incoming
from bot.teams.people import People
from bot.teams.values import form_values, typed_choice
from cards import pages
from cards.adaptive import PEOPLE_DATASET, SUBMIT
from cards.answer import AGAIN
from cards.failures import failed_card, failed_line, form_failed
from cards.model import Banner, Card
from cards.texts import quoted_command, say
from domain.people import Account, Platform, School
from handlers.ports import Clock
from storage.outbox import SeenEvents
from storage.teams import TeamsDirectory, TeamsUser
from storage.trouble import may_be_kept

log = logging.getLogger("esafety.teams")

REPORT_COMMAND: Final = "report"
ASK_COMMAND: Final = "ask"
ASK_PARAMETER: Final = "question"
REPORT_MESSAGE_COMMAND: Final = "report_message"

_PICTURES: Final = ("image/", "application/vnd.microsoft.teams.file")
_ROSTER_EVENTS: Final = frozenset({"teamMemberAdded", "teamMemberRemoved", "channelMemberAdded", "channelMemberRemoved"})
_COMMAND: Final = "esafety"
_MOST_PEOPLE: Final = 15
_MOST_SCHOOLS: Final = 3
_STOPS: Final = ".,!?:;"
_ANSWER_SECONDS: Final = 8.0
"""Teams waits about ten seconds for an answer, and then says no more than that something went wrong."""
_AGAIN_AFTER: Final = (0.3, 1.5)
_LONGEST_WAIT: Final = 5.0
_LIST_PAGES: Final = frozenset({pages.SHOW_MINE, pages.SHOW_QUEUE})
_LISTS: Final = frozenset({"mine", "queue", "who", "gaps", "records"})
_FOR_ALL: Final = frozenset({"composeExtension/fetchTask", "composeExtension/query"})
"""To report something, and to look up a rule."""
_WITH_WORDS: Final = frozenset({"ask", "topics", "figures", "queue"})

Answer = tuple[int, Payload | None]


class TeamsEdge:
    """Acts on activities that have been let in. `replays`: which were there before; none where no token vouches for any."""

    def __init__(
        self,
        desks: Mapping[str, Desk],
        connector: Connector,
        people: People,
        directory: TeamsDirectory,
        seen: SeenEvents,
        clock: Clock,
        replays: Replays | None,
    ) -> None:
        self._desks = desks
        self._connector = connector
        self._people = people
        self._directory = directory
        self._seen = seen
        self._clock = clock
        self._replays = replays
        self._under_way: set[asyncio.Task[Any]] = set()

    async def finish(self) -> None:
        """Waits for what is still being done for somebody."""
        await asyncio.gather(*self._under_way, return_exceptions=True)

    async def act(self, incoming: Incoming) -> Answer:
        """The HTTP status and the body with which an activity is answered."""
        match incoming.type:
            case "invoke":
                return await self._invoked(incoming)
            case "message":
                self._later(self._message(incoming))
            case "conversationUpdate" | "installationUpdate":
                return await self._guarded(self._changed(incoming), lambda _: _not_kept(), HTTPStatus.ACCEPTED)
            case _:
                pass
        return HTTPStatus.ACCEPTED, None

    def _later(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(_logged(work))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    # Buttons and forms

    async def _invoked(self, incoming: Incoming) -> Answer:
        match incoming.name:
            case "adaptiveCard/action":
                return await self._once(incoming, self._pressed(incoming), lambda no: _button_failed(self._named(incoming), no))
            case "task/fetch":
                return await self._once(
                    incoming, self._dialog(incoming, self._press), lambda no: _dialog_failed(self._named(incoming), no)
                )
            case "composeExtension/fetchTask":
                return await self._once(
                    incoming,
                    # It begins a report and does nothing else, whatever button a client says that it comes of.
                    self._dialog(_of_no_button(incoming), self._extension_command, reports=True),
                    lambda no: _dialog_failed(self._named(incoming), no),
                )
            case "task/submit" | "composeExtension/submitAction":
                return await self._once(
                    incoming,
                    self._dialog(incoming, self._submitted),
                    lambda no: _form_failed(incoming, self._named(incoming), no),
                )
            case "application/search":
                return await self._once(incoming, self._suggest(incoming), lambda _: _no_suggestions())
            case "composeExtension/query":
                return await self._once(incoming, self._looked_up(incoming), lambda _: _nothing_found())
            case _:
                return HTTPStatus.NOT_IMPLEMENTED, None

    async def _once(
        self, incoming: Incoming, work: Coroutine[Any, Any, Payload], failed: Callable[[Exception], Answer]
    ) -> Answer:
        """Does what Teams waits for, unless it was asked before: then nobody is told that it is done, nor shown anything.

        A report is taken however often it comes, and answered with its receipt: it counts once, by its form.
        """
        mark = f"{incoming.tenant}/{incoming.conversation.id}/{incoming.id}"
        counts = bool(incoming.id) and not _may_come_again(incoming)
        if counts and self._replays is not None and not self._replays.is_new(mark):
            work.close()
            log.warning("a request came a second time, and nothing was done for it")
            return failed(TimeoutError())
        return await self._guarded(work, failed)

    async def _guarded(
        self,
        work: Coroutine[Any, Any, Payload | None],
        failed: Callable[[Exception], Answer],
        done: HTTPStatus = HTTPStatus.OK,
    ) -> Answer:
        doing = asyncio.create_task(work)
        self._under_way.add(doing)
        doing.add_done_callback(self._under_way.discard)
        await asyncio.wait({doing}, timeout=_ANSWER_SECONDS)
        if not doing.done():
            # It goes on, and may well be kept: sent again, it is found to be the same.
            log.warning("an action is not done yet, and Teams waits no longer")
            doing.add_done_callback(_log_failure)
            return failed(TimeoutError())
        if isinstance(broken := doing.exception(), Exception):
            _log_failure(doing)
            return failed(broken)
        return done, doing.result()

    def _named(self, incoming: Incoming) -> School | None:
        """The school that a button or a form says it is of, or the only one there is: without a look at any record."""
        desk = self._desks.get(str(incoming.data.get(drawn.SCHOOL) or ""))
        if desk is None and len(self._desks) == 1:
            desk = next(iter(self._desks.values()))
        return desk.school if desk is not None else None

    async def _pressed(self, incoming: Incoming) -> Payload:
        """A button that acts in place."""
        user = await self._people.sender(incoming, sure=_shows_records(incoming))
        action = str(incoming.data.get("action") or "")
        desk, reply = await self._reply(incoming, user, self._press, action)
        school = desk.school if desk is not None else None
        match reply:
            case Tell(card=card):
                line = drawn.line_of(card)
                if line is not None and desk is not None and incoming.data.get(drawn.PAGE) == pages.SHOW_QUEUE:
                    # The list itself would still offer what was just done.
                    queue = await desk.queue(await self._people.account(desk.school, user))
                    shown = Card(queue.title, queue.summary, (Banner(line), *queue.parts))
                    return drawn.replaced(shown, school, pages.SHOW_QUEUE)
                if line is not None:
                    return drawn.told(line)
                page = action if action in _LIST_PAGES else ""
                if incoming.is_personal:
                    return drawn.replaced(card, school, page)
                sent = await self._privately(user, card, school, page)
                return drawn.told(say("private.answered" if sent else "private.no_chat"))
            case Post(card=card):
                message = drawn.message(card, school)
                await self._connector.send(incoming.service_url, incoming.conversation.id, message)
                return drawn.told(say("private.shown"))
            case ShowForm(form=form) | WrongForm(form=form):
                # What leads to a form asks for a dialog; only a card of an older version can lead here.
                return drawn.told(f"{form.title}: {say('note.gone', help=quoted_command(Platform.TEAMS, 'help'))}")
            case Silence():
                return drawn.told("")
            case _:
                assert_never(reply)

    async def _dialog(self, incoming: Incoming, work: "Work", *, reports: bool = False) -> Payload:
        user = await self._people.sender(incoming, sure=not reports and _shows_records(incoming))
        action = str(incoming.data.get("action") or "")
        desk, reply = await self._reply(incoming, user, work, action)
        school = desk.school if desk is not None else None
        match reply:
            case ShowForm(form=form) | WrongForm(form=form):
                return drawn.dialog(form, school)
            case Tell(card=card) | Post(card=card):
                return drawn.dialog(pages.as_form(card), school)
            case Silence():
                return {}
            case _:
                assert_never(reply)

    async def _reply(self, incoming: Incoming, user: TeamsUser, work: "Work", action: str) -> tuple[Desk | None, Reply]:
        """The desk of the school it is about and what it replies; without one, the question which school."""
        named, then, value = str(incoming.data.get(drawn.SCHOOL) or ""), action, str(incoming.data.get("value") or "")
        if action == pages.IN_SCHOOL:
            named, then, value = (*value.split("|", 2), "", "")[:3]
            incoming = _with_data(incoming, {"action": then, "value": value, "link": value})
            work = self._press if then != pages.REPORT else self._begin
        schools = await self._people.schools_of(incoming, user, named)
        if then == pages.OPEN_CASE:
            schools = tuple(s for s in schools if value.startswith(f"{s.prefix}-")) or schools
        if not schools:
            return None, Tell(pages.notice(say("which_school.title"), say("private.no_school")))
        if len(schools) > 1:
            link = _link(incoming)
            return None, Tell(pages.which_school_card([(s, then or pages.REPORT, link) for s in schools]))
        desk = self._desks[schools[0].id]
        return desk, await work(incoming, desk, await self._people.account(desk.school, user))

    async def _press(self, incoming: Incoming, desk: Desk, account: Account) -> Reply:
        data = incoming.data
        return await desk.press(account, str(data.get("action") or ""), str(data.get("value") or ""))

    async def _begin(self, incoming: Incoming, desk: Desk, account: Account) -> Reply:
        return await desk.begin_report(account, link=str(incoming.data.get("link") or ""))

    async def _extension_command(self, incoming: Incoming, desk: Desk, account: Account) -> Reply:
        return await desk.begin_report(account, link=_link(incoming))

    async def _submitted(self, incoming: Incoming, desk: Desk, account: Account) -> Reply:
        data = incoming.data
        if data.get("action") != SUBMIT:
            return await self._press(incoming, desk, account)
        values = form_values(data, desk.school.calendar.timezone)
        return await desk.submit(account, str(data.get("dialog") or ""), str(data.get("state") or ""), values)

    async def _suggest(self, incoming: Incoming) -> Payload:
        value: Mapping[str, Any] = incoming.value if isinstance(incoming.value, dict) else {}
        dataset, _, school_id = str(value.get("dataset") or "").partition(":")
        results: list[dict[str, str]] = []
        user = await self._people.sender(incoming, sure=True)
        schools = await self._people.schools_of(incoming, user, school_id)
        if dataset == PEOPLE_DATASET and len(schools) == 1:
            desk = self._desks[schools[0].id]
            account = await self._people.account(desk.school, user)
            found = await desk.suggest(account, str(value.get("queryText") or ""))
            results = [
                {"value": typed_choice(p.value), "title": f"{p.label} \u2013 {hint}" if hint else p.label} for p, hint in found
            ]
        # The last is what was typed itself, which must be there to choose.
        return _search_answer([*results[:-1][: _MOST_PEOPLE - 1], *results[-1:]])

    async def _looked_up(self, incoming: Incoming) -> Payload:
        """What is typed into the message extension, answered with rules that can be put into the conversation."""
        user = await self._people.sender(incoming, sure=False)
        schools = await self._people.schools_of(incoming, user)
        value: Mapping[str, Any] = incoming.value if isinstance(incoming.value, dict) else {}
        typed = next((str(p.get("value") or "") for p in _parameters(value) if p.get("name") == ASK_PARAMETER), "")
        cards: list[Card] = []
        for school in schools[:_MOST_SCHOOLS]:
            cards += await self._desks[school.id].preview(await self._people.account(school, user), typed)
        return drawn.results(cards)

    # Messages

    async def _message(self, incoming: Incoming) -> None:
        try:
            await self._heard(incoming)
        except (RefusedError, OutOfReachError):
            raise
        except Exception as broken:
            log.exception("words could not be answered")
            school = self._named(incoming)
            failed = failed_card(school, unsure=_is_unsure(broken))
            url, conversation = incoming.service_url, incoming.conversation.id
            await _patiently(lambda: self._connector.send(url, conversation, drawn.message(failed, school)))

    async def _heard(self, incoming: Incoming) -> None:
        if not await self._seen.is_new(Platform.TEAMS, f"{incoming.conversation.id}/{incoming.id}"[-128:], self._clock.now()):
            return
        words = incoming.said.lstrip("/").split()
        if words and words[0].casefold() == _COMMAND:
            words = words[1:]
        user = await self._people.sender(incoming, sure=words_show_records(" ".join(words)))
        if incoming.is_personal:
            await self._people.remember_chat(user, incoming.conversation.id)
        # Whoever sends a picture wants to report something: the card asks them not to.
        if any(a.content_type.startswith(_PICTURES) for a in incoming.attachments):
            words = [REPORT_COMMAND]
        text, command = " ".join(words), words[0].casefold().strip(_STOPS) if words else ""
        if (command == REPORT_COMMAND and len(words) == 1) or wants_to_report(text):
            # No form can be opened without a press.
            await self._answer(incoming, user, pages.ask_report_card())
            return
        if reference := case_reference(text):
            await self._answer(incoming, user, pages.case_link_card(reference))
            return
        if (chronology := chronology_card(text)) is not None:
            await self._answer(incoming, user, chronology)
            return
        if (registers := registers_words(text) or requests_words(text) or surveys_words(text)) is not None:
            await self._answer(incoming, user, registers)
            return
        if (records := records_card(text)) is not None:
            await self._answer(incoming, user, records)
            return
        if (command in CHAT_COMMANDS and (len(words) == 1 or command in _WITH_WORDS)) or is_question(text):
            await self._asked(incoming, user, command, text)
            return
        schools = await self._people.schools_of(incoming, user)
        if schools:
            help_card = self._front_desk(schools).help(Platform.TEAMS, text.strip(_STOPS))
            await self._answer(incoming, user, help_card)

    async def _asked(self, incoming: Incoming, user: TeamsUser, command: str, text: str) -> None:
        """Answers a command or a question in private. Where it may be for several schools, it is asked which."""
        schools = await self._people.schools_of(incoming, user)
        if not schools:
            return
        shows = pages.SHOWN_BY.get(command, "")
        if len(schools) == 1:
            desk = self._desks[schools[0].id]
            account = await self._people.account(desk.school, user)
            part = queue_of_words(text) is not None
            typed = command if command in _LISTS and not part else text
            # What comes in somebody's own chat has no «here» where others could read it.
            reply = await desk.command(account, typed, shared=not incoming.is_personal and incoming.recipient.targeted)
            if isinstance(reply, Tell):
                page = shows if shows in _LIST_PAGES and not part else ""
                await self._tell(incoming, user, reply.card, desk.school, page)
            return
        if shows:
            ways = [(s, shows, "") for s in schools]
        else:
            question = text.partition(" ")[2] if command == ASK_COMMAND else text
            ways = [(s, AGAIN, await self._keep(s, user, question)) for s in schools]
        await self._tell(incoming, user, pages.which_school_card(ways), None, "")

    async def _keep(self, school: School, user: TeamsUser, question: str) -> str:
        return await self._desks[school.id].policy.keep(await self._people.account(school, user), question)

    def _front_desk(self, schools: Sequence[School]) -> Desk:
        """The desk that gives help. Where it may be one of several schools, it gives no school's telephone number."""
        desk = self._desks[schools[0].id]
        return desk if len(schools) == 1 else replace(desk, school=replace(desk.school, phones={}))

    async def _answer(self, incoming: Incoming, user: TeamsUser, card: Card) -> None:
        """Answers where something was said. Only for what anybody there may read."""
        schools = await self._people.schools_of(incoming, user)
        school = schools[0] if len(schools) == 1 else None
        await self._say(incoming, user, drawn.message(card, school))

    async def _tell(self, incoming: Incoming, user: TeamsUser, card: Card, school: School | None, page: str) -> None:
        """Answers in private. In a conversation of many that is the chat of their own, and there no more than that it is there.

        What was whispered to the bot it may whisper back: a Teams that brings whispers keeps them, too.
        """
        if incoming.is_personal or incoming.recipient.targeted:
            await self._say(incoming, user, drawn.message(card, school, page))
            return
        told = say("private.answered" if await self._privately(user, card, school, page) else "private.no_chat")
        await self._say(incoming, user, {"type": "message", "text": told})

    async def _say(self, incoming: Incoming, user: TeamsUser, message: Payload) -> None:
        """Writes where something was said: in a conversation of many for whoever said it alone, if Teams will have it so.

        What answers a whisper is never said aloud.
        """
        url, conversation = incoming.service_url, incoming.conversation.id
        if incoming.is_personal:
            await _patiently(lambda: self._connector.send(url, conversation, message))
            return
        whispered = incoming.id if incoming.recipient.targeted else ""
        try:
            await _patiently(lambda: self._connector.whisper(url, conversation, incoming.sender.id, message, whispered))
        except RefusedError:
            if whispered:
                chat = await self._people.chat_with(user)
                await _patiently(lambda: self._connector.send(user.service_url, chat, message))
            else:
                await _patiently(lambda: self._connector.send(url, conversation, message))

    async def _privately(self, user: TeamsUser, card: Card, school: School | None, page: str) -> bool:
        """Writes to somebody in their own chat; False where Teams does not let the bot."""
        try:
            chat = await self._people.chat_with(user)
            message = drawn.message(card, school, page)
            async with asyncio.timeout(_LONGEST_WAIT):
                await _patiently(lambda: self._connector.send(user.service_url, chat, message))
        except (RefusedError, OutOfReachError, TimeoutError) as no:
            log.warning("could not answer in private: %s", no)
            return False
        return True

    # Installing, joining and leaving

    async def _changed(self, incoming: Incoming) -> None:
        """Writes down what has changed, which nobody may tell again; what follows from it goes on after the answer.

        Ended in between, a new team is looked up at the next start, and all that is lost is a welcome.
        """
        ours = incoming.recipient.id
        if any(member.id == ours for member in incoming.removed) or incoming.action.startswith("remove"):
            await self._removed(incoming)
        elif any(member.id == ours for member in incoming.added) or incoming.action.startswith("add"):
            await self._installed(incoming)
        elif incoming.added or incoming.removed or incoming.channel_data.event in _ROSTER_EVENTS:
            self._later(self._look_up_readers(incoming, await self._forget_readers(incoming)))

    async def _installed(self, incoming: Incoming) -> None:
        """Teams tells of an installation in two ways, and not always in both: the first one counts."""
        if incoming.is_personal:
            if await self._people.remember_installer(incoming):
                self._later(self._welcome(incoming))
            return
        tenant, place, now = self._people.tenant(incoming), incoming.roster, self._clock.now()
        kind = "team" if incoming.conversation.type == CHANNEL else "group"
        if await self._directory.add_place(tenant, place, kind, incoming.service_url, now):
            self._later(self._look_up_readers(incoming, await self._forget_readers(incoming)))
            self._later(self._welcome(incoming))

    async def _welcome(self, incoming: Incoming) -> None:
        """Says what the bot is for."""
        schools = await self._people.schools_of(incoming, await self._people.sender(incoming, sure=False))
        if schools:
            school = schools[0] if len(schools) == 1 else None
            # Where others read it they may be of another school than whoever brought the bot in.
            told = schools if incoming.is_personal else self._people.tenants.schools_in(self._people.tenant(incoming))
            card = pages.welcome_card(self._front_desk(told).school, shared=not incoming.is_personal)
            await self._connector.send(incoming.service_url, incoming.conversation.id, drawn.message(card, school))

    async def _removed(self, incoming: Incoming) -> None:
        tenant = self._people.tenant(incoming)
        if incoming.is_personal:
            await self._people.close_chat(tenant, incoming.conversation.id)
        else:
            await self._directory.remove_place(tenant, incoming.roster)

    async def _forget_readers(self, incoming: Incoming) -> Sequence[tuple[School, str]]:
        """Somebody joined or left: until it is looked up again nobody knows who reads the channels that it may have been."""
        watched = [
            (school, channel)
            for school in self._people.tenants.schools_in(self._people.tenant(incoming))
            for channel in dict.fromkeys(school.channels.get(Platform.TEAMS, {}).values())
        ]
        # An event of a team does not name its other channels: all that might be among them are looked at anew.
        if incoming.added or incoming.removed or incoming.channel_data.event:
            for school, channel in watched:
                await self._people.readers.forget(school, channel)
        return watched

    async def _look_up_readers(self, incoming: Incoming, watched: Sequence[tuple[School, str]]) -> None:
        """Who is in a team and who reads the channels; newcomers become known."""
        with contextlib.suppress(RefusedError, OutOfReachError):
            await self._people.meet(self._people.tenant(incoming), incoming.service_url, incoming.roster)
        for school, channel in watched:
            try:
                await self._people.sync_readers(school, channel)
            except (RefusedError, OutOfReachError) as trouble:
                log.warning("who reads a channel could not be looked up: %s", trouble)


Work = Callable[[Incoming, Desk, Account], Awaitable[Reply]]


async def _patiently(send: Callable[[], Awaitable[object]]) -> None:
    """Sends an answer, and tries again for a moment where Teams has a hiccup: whoever asked waits, and no outbox has it."""
    for wait in _AGAIN_AFTER:
        try:
            await send()
        except OutOfReachError:
            await asyncio.sleep(wait)
        except RefusedError as no:
            if no.status != HTTPStatus.TOO_MANY_REQUESTS and no.status < HTTPStatus.INTERNAL_SERVER_ERROR:
                raise
            asked = no.after.total_seconds() if no.after is not None else wait
            await asyncio.sleep(min(asked, _LONGEST_WAIT))
        else:
            return
    await send()


async def _logged(work: Coroutine[Any, Any, None]) -> None:
    try:
        await work
    except (RefusedError, OutOfReachError) as no:
        log.warning("Teams did not take an answer: %s", no)
    except Exception:
        log.exception("what came after an acknowledgement failed")


def _is_unsure(broken: Exception) -> bool:
    return isinstance(broken, TimeoutError) or may_be_kept(broken)


def _log_failure(work: "asyncio.Task[Any]") -> None:
    if not work.cancelled() and (broken := work.exception()) is not None:
        log.error("an action failed", exc_info=broken)


def _button_failed(school: School | None, broken: Exception) -> Answer:
    return HTTPStatus.OK, drawn.told(failed_line(school, unsure=_is_unsure(broken)))


def _dialog_failed(school: School | None, broken: Exception) -> Answer:
    return HTTPStatus.OK, {"task": {"type": "message", "value": failed_line(school, unsure=_is_unsure(broken))}}


def _form_failed(incoming: Incoming, school: School | None, broken: Exception) -> Answer:
    """An error would take the dialog away and all that was typed in it: it is handed back, with a button to send it again."""
    why = form_failed(school, unsure=_is_unsure(broken))
    return HTTPStatus.OK, drawn.again(incoming.data, why, say("note.form_again"))


def _not_kept() -> Answer:
    """So that Teams knows, and whoever watches the statuses."""
    return HTTPStatus.SERVICE_UNAVAILABLE, None


def _no_suggestions() -> Answer:
    return HTTPStatus.OK, _search_answer([])


def _nothing_found() -> Answer:
    return HTTPStatus.OK, drawn.results([])


def _parameters(value: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    found = value.get("parameters")
    return [p for p in found if isinstance(p, dict)] if isinstance(found, list) else []


def _search_answer(results: list[dict[str, str]]) -> Payload:
    return {"statusCode": 200, "type": "application/vnd.microsoft.search.searchResponse", "value": {"results": results}}


def _shows_records(incoming: Incoming) -> bool:
    """Whether a button, or a form, may show something of the records."""
    data = incoming.data
    action = str(data.get("action") or "")
    if action == SUBMIT:
        return form_shows_records(str(data.get("dialog") or ""))
    if action == pages.IN_SCHOOL:
        action = (*str(data.get("value") or "").split("|", 2), "")[1]
    return button_shows_records(action)


def _may_come_again(incoming: Incoming) -> bool:
    """Whether nothing of the records is shown or done by it."""
    if incoming.name in _FOR_ALL:
        return True
    return incoming.name != "application/search" and not _shows_records(incoming)


def _with_data(incoming: Incoming, data: Mapping[str, str]) -> Incoming:
    return incoming.model_copy(update={"name": "", "value": {"data": dict(data)}})


def _of_no_button(incoming: Incoming) -> Incoming:
    """Without what a button would carry."""
    value = {k: v for k, v in incoming.value.items() if k != "data"} if isinstance(incoming.value, dict) else {}
    return incoming.model_copy(update={"value": value})


def _link(incoming: Incoming) -> str:
    """The address of the message that is to be reported, in Teams' own form. Never its text, never a file."""
    value: Mapping[str, Any] = incoming.value if isinstance(incoming.value, dict) else {}
    payload = value.get("messagePayload")
    return str(payload.get("linkToMessage") or "") if isinstance(payload, dict) else ""
