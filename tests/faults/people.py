"""The people of the load: they report, answer, hand on and close, and try again when they see that it did not work.

`Told` is what they were told. It is the half of the proof that no database can falsify.
"""

import asyncio
import itertools
import re
import time
from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random
from typing import Any

from cards.case import CLOSE_FORM, HAND_ON_FORM
from cards.report_form import DETAIL, KIND, UNFINISHED
from cards.texts import say
from tests.fakes.slack_model import Message as SlackMessage
from tests.fakes.slack_model import TookTooLongError as SlackTookTooLong
from tests.fakes.slack_model import buttons_of
from tests.fakes.slack_user import SlackShowsError, SlackUser
from tests.fakes.teams_model import Message as TeamsMessage
from tests.fakes.teams_model import OpenDialog, TeamsShowsError, actions_of
from tests.fakes.teams_model import TookTooLongError as TeamsTookTooLong
from tests.fakes.teams_user import TeamsUser
from tests.faults.weather import StormySlack, StormyTeams

MARKER = "marker-"
TYPED_NAME = "Zebedee Quillfeather"
KINDS: tuple[Mapping[str, str], ...] = (
    {"concern": "grooming", "about": "pupil", "danger": "no"},
    {"concern": "cyberbullying", "about": "pupil", "danger": "no"},
    {"concern": "cyberbullying", "about": "pupil", "danger": "no"},
    {"concern": "nude_image", "about": "pupil", "danger": "yes"},
    {"concern": "staff_conduct", "about": "staff", "danger": "no"},
)
_REFERENCE = re.compile(r"CSS-\d{4}-\d{4,}")
_AGAIN_SECONDS = 0.05
_A_WHILE_SECONDS = 2.0
_NO_END_OF_TRIES = 600
_FATES = {"leave": 25, "take": 30, "take twice": 15, "take and close": 15, "hand on": 8, "take and hand on": 7}
_FIELD_OF = {KIND: "concern", DETAIL: "what"}
_DID_NOT_WORK = (SlackShowsError, SlackTookTooLong, TeamsShowsError, TeamsTookTooLong)


class _BeginAgainError(Exception):
    """Another form has come over the one that was being filled in."""


@dataclass(slots=True)
class Told:
    """What people were told: the report received, the alert theirs, the case closed. `tried` are reports sent at least once."""

    received: dict[str, str] = field(default_factory=dict)
    tried: set[str] = field(default_factory=set)
    yours: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    handed_on: set[str] = field(default_factory=set)
    closed: set[str] = field(default_factory=set)


async def comes(found: Callable[[], object], within: float = _A_WHILE_SECONDS) -> bool:
    """Whether something that the bot does after it has answered comes in a while: it may have been killed before."""
    end = time.monotonic() + within
    while not found():
        if time.monotonic() > end:
            return False
        await asyncio.sleep(0.01)
    return True


async def tried(work: Callable[[], Awaitable[bool]]) -> None:
    """Does something again until it has worked, as a person would who must."""
    for _ in range(_NO_END_OF_TRIES):
        try:
            if await work():
                return
        except _DID_NOT_WORK:
            pass
        await asyncio.sleep(_AGAIN_SECONDS)
    raise AssertionError("however often somebody tried, it never worked")


async def typed(user: Any, form: Any, values: Mapping[str, Any]) -> None:
    """Fills in a form. That the bot hears of what is typed, and offers names, is a help that may fail."""
    for name, value in values.items():
        with suppress(*_DID_NOT_WORK):
            await user.fill(form, {name: value})


class Reporter(ABC):
    """Somebody who reports, from one screen to the next."""

    def __init__(self, user: SlackUser | TeamsUser, told: Told) -> None:
        self._typing: Any = user
        self._told = told

    async def report(self, kind: Mapping[str, str], marker: str, *, names: bool) -> None:
        for attempt in itertools.count(1):
            with suppress(_BeginAgainError):
                if await self._walk(kind, f"{marker}-{attempt}", names=names):
                    return

    async def _walk(self, kind: Mapping[str, str], marker: str, *, names: bool) -> bool:
        await tried(self._opened)
        if self._is_open(UNFINISHED):
            await tried(self._anew)
        await typed(self._typing, self._screen(), kind)
        await tried(lambda: self._submitted(KIND))
        if not self._is_open(DETAIL):
            return False
        asked: dict[str, str] = {name: "no" for name in ("repeat", "illegal") if name in self._screen().fields}
        targets = {"targets": [TYPED_NAME]} if names else {}
        await typed(self._typing, self._screen(), {**asked, "what": marker, **targets})
        self._told.tried.add(marker)
        await tried(lambda: self._submitted(DETAIL))
        found = _REFERENCE.search(screen.shown) if (screen := self._screen()) is not None else None
        if found is None:
            return False
        self._told.received[found[0]] = marker
        return True

    async def _submitted(self, form: str) -> bool:
        if self._is_open(UNFINISHED):
            # The answer to a command that nobody waited for any more has opened over it.
            raise _BeginAgainError
        screen = self._screen()
        if screen is not None and "house" in screen.fields and not screen.value("house"):
            # It is asked for once the bot finds that it needs it.
            await typed(self._typing, screen, {"house": "Brunel"})
        return await self._sent(form)

    @abstractmethod
    def _screen(self) -> Any:
        """The form that is open, None where none is."""

    @abstractmethod
    def _is_open(self, form: str) -> bool:
        """Whether it is that one."""

    @abstractmethod
    async def _opened(self) -> bool:
        """Opens the form, and says whether it came."""

    @abstractmethod
    async def _anew(self) -> bool:
        """Begins anew in place of what was not finished, and says whether that came."""

    @abstractmethod
    async def _sent(self, form: str) -> bool:
        """Sends the form that is open, and says whether it was taken."""


class SlackReporter(Reporter):
    """Somebody who reports in Slack."""

    def __init__(self, slack: StormySlack, user: SlackUser, told: Told) -> None:
        super().__init__(user, told)
        self._slack = slack
        self._user = user

    def _screen(self) -> Any:
        return self._user.view

    def _is_open(self, form: str) -> bool:
        return self._user.view is not None and self._user.view.callback_id == form

    async def _opened(self) -> bool:
        self._slack.close_views(self._user.id)
        await self._user.command("/esafety report")
        return await comes(lambda: self._user.view)

    async def _anew(self) -> bool:
        # Pressed before, it may have worked after nobody waited for it any more.
        if self._is_open(UNFINISHED):
            await self._user.press(None, say("unfinished.discard"))
        return await comes(lambda: self._is_open(KIND))

    async def _sent(self, form: str) -> bool:
        errors = await self._user.submit()
        if any("required" in error for error in errors.values()):
            # The answer to a command that nobody waited for any more has opened over it.
            raise _BeginAgainError
        return not errors and not self._is_open(form)


class TeamsReporter(Reporter):
    """Somebody who reports in Teams."""

    def __init__(self, user: TeamsUser, told: Told) -> None:
        super().__init__(user, told)
        self._user = user

    def _screen(self) -> Any:
        return self._user.dialog

    def _is_open(self, form: str) -> bool:
        dialog = self._user.dialog
        if dialog is None:
            return False
        # A dialog has no name: it is known by what is in it.
        return say("unfinished.discard") in dialog.buttons if form == UNFINISHED else _FIELD_OF[form] in dialog.fields

    async def _opened(self) -> bool:
        self._user.dismiss()
        return await self._user.use_command("report") is not None

    async def _anew(self) -> bool:
        # Pressed before, it may have worked after nobody waited for it any more.
        if self._is_open(UNFINISHED):
            assert self._user.dialog is not None
            await self._user.press(self._user.dialog, say("unfinished.discard"))
        return self._is_open(KIND)

    async def _sent(self, form: str) -> bool:
        dialog = self._user.dialog
        assert dialog is not None
        await self._user.submit(dialog)
        if dialog.left_empty:
            raise _BeginAgainError
        if dialog.failed:
            return False
        # Closed it tells nothing more; open, it is done once neither the form nor the offer to send it again is there.
        offered = self._user.dialog is not None and say("note.form_again") in self._user.dialog.buttons
        return not (offered or self._is_open(form))


@dataclass(slots=True)
class Copy:
    """An alert as it came to a place, and one who can press its buttons there."""

    alert: str
    message: SlackMessage | TeamsMessage
    user: SlackUser | TeamsUser


class Leads:
    """Everybody who is asked to answer. What becomes of an alert is drawn by lot when its first copy is seen."""

    def __init__(
        self,
        slack: StormySlack,
        teams: StormyTeams,
        users: Mapping[str, tuple[SlackUser, TeamsUser]],
        told: Told,
        seed: str,
    ) -> None:
        self._slack = slack
        self._teams = teams
        self._slack_users = {user.id: user for user, _ in users.values()}
        self._teams_users = {user.id: user for _, user in users.values()}
        self._told = told
        self._chance = Random(seed)
        self._busy: dict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._seen_slack = self._seen_teams = 0
        self._known: dict[str, list[Copy]] = defaultdict(list)
        self._under_way: set[asyncio.Task[None]] = set()
        self.failures: list[BaseException] = []

    async def run(self) -> None:
        while True:
            for copy in self._new_copies():
                first = copy.alert not in self._known
                self._known[copy.alert].append(copy)
                if first:
                    self._begin(copy.alert)
            await asyncio.sleep(0.1)

    async def until_done(self) -> None:
        """Waits until nobody is at anything any more."""
        while self._under_way:
            await asyncio.wait(self._under_way)

    def _begin(self, alert: str) -> None:
        (fate,) = self._chance.choices(list(_FATES), list(_FATES.values()))
        if fate == "leave":
            return
        task = asyncio.create_task(self._answer(alert, fate))
        self._under_way.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: "asyncio.Task[None]") -> None:
        self._under_way.discard(task)
        if not task.cancelled() and (broken := task.exception()) is not None:
            self.failures.append(broken)

    def _new_copies(self) -> Iterator[Copy]:
        posted = self._slack.posted
        for n in range(self._seen_slack, len(posted)):
            message = posted[n]
            found = [b["value"] for _, b in buttons_of(message.blocks) if b["text"]["text"] == say("alert.acknowledge")]
            readers = [m for m in self._slack.channels[message.channel].members if m in self._slack_users]
            if found and readers and not message.only_for:
                yield Copy(found[0], message, self._slack_users[self._chance.choice(readers)])
        self._seen_slack = len(posted)
        kept = self._teams.posted
        for n in range(self._seen_teams, len(kept)):
            one = kept[n]
            values = [a["data"]["value"] for a in actions_of(one.card or {}) if a.get("title") == say("alert.acknowledge")]
            readers = [m for m in self._teams.conversation(one.conversation).members if m in self._teams_users]
            if values and readers:
                yield Copy(values[0], one, self._teams_users[self._chance.choice(readers)])
        self._seen_teams = len(kept)

    async def _answer(self, alert: str, fate: str) -> None:
        await asyncio.sleep(self._chance.uniform(0, 1.0))
        copies = self._known[alert]
        copy = self._chance.choice(copies)
        if fate == "hand on":
            await self._hand_on(copy)
            return
        if fate == "take twice":
            other = self._chance.choice(copies)
            await asyncio.gather(self._take(copy), *([self._take(other)] if other.user is not copy.user else []))
            return
        await self._take(copy)
        if copy.user.email not in self._told.yours[alert]:
            return
        if fate == "take and close":
            await self._close(copy)
        elif fate == "take and hand on":
            await self._hand_on(copy)

    async def _take(self, copy: Copy) -> None:
        label = say("alert.acknowledge")
        for _ in range(_NO_END_OF_TRIES):
            async with self._busy[copy.user.email]:
                if label not in _labels(copy):
                    return
                if await self._pressed(copy, label):
                    return
            await asyncio.sleep(_AGAIN_SECONDS)
        raise AssertionError("an alert could never be acknowledged")

    async def _pressed(self, copy: Copy, label: str) -> bool:
        """Presses, and notes what was answered; False where there was no answer."""
        try:
            if isinstance(copy.user, SlackUser) and isinstance(copy.message, SlackMessage):
                told = len(copy.user.ephemerals)
                user = copy.user
                await user.press(copy.message, label)
                # What was pressed before may be answered only now.
                (reference,) = set(_REFERENCE.findall(copy.message.shown))
                expected = (reference, say("note.not_you"), say("note.failed_title"))

                def answers() -> list[str]:
                    new = [one.shown for one in user.ephemerals[told:]]
                    return [shown for shown in new if any(words in shown for words in expected)]

                if not await comes(answers):
                    return False
                answer = answers()[0]
            else:
                assert isinstance(copy.user, TeamsUser)
                assert isinstance(copy.message, TeamsMessage)
                notes = len(copy.user.notes)
                await copy.user.press(copy.message, label)
                more = copy.user.notes[notes:]
                answer = "\n".join([*more, copy.message.shown_to(copy.user.id)])
        except _DID_NOT_WORK:
            return False
        if say("note.failed_title") in answer or "not certain whether" in answer:
            return False
        if re.search(r"is yours now|It is yours already|You acknowledged", answer):
            self._told.yours[copy.alert].add(copy.user.email)
        return True

    async def _hand_on(self, copy: Copy) -> None:
        # Noted before: killed in the middle, nobody is told whether it was done.
        self._told.handed_on.add(copy.alert)
        await self._form(copy, say("alert.hand_on"), HAND_ON_FORM, self._fill_hand_on)

    async def _close(self, copy: Copy) -> None:
        if await comes(lambda: say("reminder.close") in _labels(copy), within=5):
            await self._form(copy, say("reminder.close"), CLOSE_FORM, self._fill_close)

    async def _form(self, copy: Copy, label: str, form: str, fill: Callable[[Any, Any], Awaitable[None]]) -> None:
        for _ in range(_NO_END_OF_TRIES):
            async with self._busy[copy.user.email]:
                if label not in _labels(copy):
                    return
                with suppress(*_DID_NOT_WORK):
                    if isinstance(copy.user, SlackUser):
                        done = await self._form_in_slack(copy, copy.user, label, form, fill)
                    else:
                        done = await self._form_in_teams(copy, copy.user, label, fill)
                    if done:
                        return
            await asyncio.sleep(_AGAIN_SECONDS)
        raise AssertionError(f"the form {form} could never be sent")

    async def _form_in_slack(
        self, copy: Copy, user: SlackUser, label: str, form: str, fill: Callable[[Any, Any], Awaitable[None]]
    ) -> bool:
        assert isinstance(copy.message, SlackMessage)
        self._slack.close_views(user.id)
        told = len(user.ephemerals)
        await user.press(copy.message, label)
        if not await comes(lambda: user.view or len(user.ephemerals) > told):
            return False
        view = user.view
        if view is None or view.callback_id != form or not view.submit_label:
            return True
        await fill(user, view)

        async def sent() -> bool:
            return user.view is not view or view.callback_id != form or not await user.submit(view)

        await tried(sent)
        self._slack.close_views(user.id)
        return True

    async def _form_in_teams(
        self, copy: Copy, user: TeamsUser, label: str, fill: Callable[[Any, Any], Awaitable[None]]
    ) -> bool:
        assert isinstance(copy.message, TeamsMessage)
        user.dismiss()
        await user.press(copy.message, label)
        dialog = user.dialog
        if dialog is None or not dialog.fields:
            return True
        await fill(user, dialog)

        async def sent() -> bool:
            if dialog.closed or user.dialog is not dialog:
                return True
            if not dialog.fields and say("note.form_again") not in dialog.buttons:
                return True
            await user.submit(dialog)
            return not dialog.failed and (dialog.closed or say("note.form_again") not in dialog.buttons)

        await tried(sent)
        user.dismiss()
        return True

    async def _fill_hand_on(self, user: Any, form: Any) -> None:
        await user.fill(form, {"to": _some_choice(form, self._chance), "reason": f"{MARKER}reason"})

    async def _fill_close(self, user: Any, form: Any) -> None:
        result = {"result": "dealt_with"} if "result" in form.fields else {}
        await user.fill(form, {"outcome": f"{MARKER}outcome", **result})


def _labels(copy: Copy) -> list[str]:
    if copy.message.deleted:
        return []
    return copy.message.buttons_for(copy.user.id) if isinstance(copy.message, TeamsMessage) else copy.message.buttons


def _some_choice(form: Any, chance: Random) -> str:
    if isinstance(form, OpenDialog):
        (first, *_) = form.inputs("to")
        return str(chance.choice(first["choices"])["value"])
    options = form.field("to")["element"]["options"]
    return str(chance.choice(options)["value"])
