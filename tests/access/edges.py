"""The ways in, as somebody uses them who sends what they like: buttons that they were never shown, with ids of others.

Everything goes over HTTP, signed as the platform signs it: who somebody is cannot be forged, and all the rest can.
"""

import json
import re
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from bot.running import Bot
from bot.settings import ConsoleMode, Settings, SlackMode
from bot.wiring import running
from cards import pages
from cards.adaptive import SUBMIT
from cards.texts import say
from domain.people import Platform
from tests.access.table import Table
from tests.access.town import PEOPLE, PLAYERS, SODBURY, YATE, Town, report_everything, settle_in, write_files
from tests.fakes.clock import FakeClock
from tests.fakes.slack_model import APP_ID, TEAM_DOMAIN, Delivery, Message, Payload, new_id, shown_text
from tests.fakes.slack_server import FakeSlack
from tests.fakes.slack_user import SlackUser
from tests.fakes.teams_server import FakeTeams
from tests.fakes.teams_user import TeamsUser
from tests.story.both_stage import at_rest
from tests.story.html_page import read

WORKSPACES = {SODBURY: "T0SODBURY", YATE: "T0YATE"}
NOT_YOU = tuple(
    say(f"{of}.not_you")
    for of in (
        *("note", "request", "gaps", "keeping", "figures", "chronology", "register", "submission"),
        *("agreement", "duty", "consent", "survey"),
    )
)
_A_MINUTE, _A_FORM = 1_100, 10
"""A little less than anybody may send in a minute (bot/limits.py), and how many buttons a form counts for."""
_NOT_ADMITTED = "I serve the staff of"
_NO_PERSONA = "There is no such persona"


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: the words that are shown, and all of it as it was sent."""

    shown: str
    raw: str

    @property
    def refused(self) -> bool:
        """Whether it says that this is not for them."""
        return any(words in self.shown for words in (*NOT_YOU, _NOT_ADMITTED, _NO_PERSONA))


class Edge(ABC):
    """A way in to the town. `school` is the one whose door is used; what is of one school says so where the chat can say it."""

    def __init__(self, town: Town, clock: FakeClock) -> None:
        self.town = town
        self.clock = clock
        self._spent: Counter[str] = Counter()

    def spend(self, who: str, *, form: bool = False) -> None:
        """Lets a minute go by before somebody has sent more than the bot takes from one person in a minute."""
        self._spent[who] += _A_FORM if form else 1
        if self._spent[who] >= _A_MINUTE:
            self.clock.advance(minutes=1)
            self._spent.clear()

    @property
    @abstractmethod
    def players(self) -> tuple[str, ...]:
        """Who there is on this chat."""

    def door(self, who: str, school: str) -> str:
        """At which school's door somebody is when they send something about a school's case."""
        return PEOPLE[who].at

    @abstractmethod
    async def press(self, who: str, action: str, value: str, school: str, *, form: bool = True) -> Answer:
        """Presses a button. `form`: one that opens a dialog."""

    @abstractmethod
    async def submit(self, who: str, form: str, state: str, values: Mapping[str, str], school: str) -> Answer:
        """Sends a form."""

    @abstractmethod
    async def look_up(self, who: str, reference: str, school: str) -> Answer:
        """Types a case's reference."""

    @abstractmethod
    def history(self) -> str:
        """Everything that stays in the chat, whoever reads it."""

    async def settled(self) -> None:
        """Waits until the bot has nothing left to do."""
        await at_rest(self.town.bot, self.clock)


class SlackEdge(Edge):
    """Slack, a workspace a school."""

    def __init__(self, town: Town, clock: FakeClock, slack: FakeSlack, users: Mapping[str, SlackUser]) -> None:
        super().__init__(town, clock)
        self.slack = slack
        self.users = users

    @property
    def players(self) -> tuple[str, ...]:
        return PLAYERS

    async def press(self, who: str, action: str, value: str, school: str, *, form: bool = True) -> Answer:
        self.spend(who)
        place = self.slack.direct_channel(self.users[who].id).id
        pressed = {"type": "button", "action_id": action, "block_id": "b", "value": value, "action_ts": self.slack.next_ts()}
        return await self._answered(
            who,
            "interactive",
            {
                **self._identity(who),
                "type": "block_actions",
                "trigger_id": self.slack.new_trigger(self.users[who].id),
                "actions": [pressed],
                "channel": {"id": place, "name": "directmessage"},
                "container": {"type": "message", "message_ts": self.slack.next_ts(), "channel_id": place},
                "response_url": self.slack.new_response_url(self.users[who].id, place),
            },
        )

    async def submit(self, who: str, form: str, state: str, values: Mapping[str, str], school: str) -> Answer:
        self.spend(who, form=True)
        typed = {name: {name: {"type": "plain_text_input", "value": value}} for name, value in values.items()}
        view = {"id": new_id("V"), "type": "modal", "callback_id": form, "private_metadata": state, "blocks": []}
        payload = {
            **self._identity(who),
            "type": "view_submission",
            "trigger_id": self.slack.new_trigger(self.users[who].id),
            "view": {**view, "state": {"values": typed}},
        }
        reply = await self.slack.deliver(Delivery("interactive", payload))
        assert reply.status == 200, reply
        shown = shown_text((reply.json.get("view") or {}).get("blocks", []))
        return Answer(shown or reply.body, reply.body)

    async def look_up(self, who: str, reference: str, school: str) -> Answer:
        return await self._command(who, f"case {reference}")

    def history(self) -> str:
        return "\n".join(str(m.as_payload()) for m in self.slack.posted)

    async def _command(self, who: str, text: str) -> Answer:
        self.spend(who)
        user = self.users[who]
        place = self.slack.direct_channel(user.id).id
        payload = {
            "token": "verification-token",
            "team_id": self._team(who),
            "team_domain": TEAM_DOMAIN,
            "channel_id": place,
            "channel_name": "directmessage",
            "user_id": user.id,
            "user_name": "somebody",
            "command": "/esafety",
            "text": text,
            "api_app_id": APP_ID,
            "response_url": self.slack.new_response_url(user.id, place),
            "trigger_id": self.slack.new_trigger(user.id),
        }
        return await self._answered(who, "slash_commands", payload)

    async def _answered(self, who: str, kind: str, payload: Payload) -> Answer:
        user, posted = self.users[who], len(self.slack.posted)
        reply = await self.slack.deliver(Delivery(kind, payload))
        assert reply.status == 200, reply
        views = self.slack.views[user.id]

        def told() -> list[Message]:
            return [m for m in self.slack.posted[posted:] if m.only_for == user.id]

        await self.slack.until(lambda: views or told(), f"an answer to {who}")
        if views:
            (view,) = views
            answer = Answer(view.shown, json.dumps(view.as_payload(), ensure_ascii=False))
            self.slack.close_views(user.id)
            return answer
        (message,) = told()
        return Answer(message.shown, json.dumps(message.as_payload(), ensure_ascii=False))

    def _team(self, who: str) -> str:
        # Slack says of the app's own workspace that it is where something was done, whoever's guest or stranger did it.
        return WORKSPACES[PEOPLE[who].at]

    def _identity(self, who: str) -> Payload:
        user = {"id": self.users[who].id, "username": "somebody", "name": "somebody", "team_id": self._team(who)}
        return {
            "user": user,
            "api_app_id": APP_ID,
            "token": "verification-token",
            "team": {"id": self._team(who), "domain": TEAM_DOMAIN},
            "enterprise": None,
            "is_enterprise_install": False,
        }


class TeamsEdge(Edge):
    """Teams, one tenant for both schools: what is sent says of which school it is, and anybody can say anything there."""

    def __init__(self, town: Town, clock: FakeClock, users: Mapping[str, TeamsUser]) -> None:
        super().__init__(town, clock)
        self.users = users

    @property
    def players(self) -> tuple[str, ...]:
        return tuple(who for who in PLAYERS if who not in ("bot", "gone"))

    def door(self, who: str, school: str) -> str:
        return school

    async def press(self, who: str, action: str, value: str, school: str, *, form: bool = True) -> Answer:
        data = {"action": action, "value": value, "school": school}
        if form:
            return await self._invoked(who, "task/fetch", {"data": data})
        return await self._invoked(
            who, "adaptiveCard/action", {"action": {"type": "Action.Execute", "verb": "x", "data": data}}
        )

    async def submit(self, who: str, form: str, state: str, values: Mapping[str, str], school: str) -> Answer:
        data = {**values, "action": SUBMIT, "dialog": form, "state": state, "fields": ",".join(values), "school": school}
        return await self._invoked(who, "task/submit", {"data": data})

    async def look_up(self, who: str, reference: str, school: str) -> Answer:
        return await self.press(who, pages.OPEN_CASE, reference, school)

    def history(self) -> str:
        return json.dumps(self.users["dsl"].teams.raw_history(), ensure_ascii=False)

    async def _invoked(self, who: str, name: str, value: Payload) -> Answer:
        self.spend(who, form=name == "task/submit")
        user = self.users[who]
        reply = await user.teams.deliver(user.activity("invoke", user.chat, name=name, value=value))
        assert reply.status == 200, reply
        # What a person reads, without the data of the buttons, which is looked at too.
        found = json.loads(reply.body) if reply.body.strip() else {}
        return Answer("\n".join(_texts(found)), reply.body)


class ConsoleEdge(Edge):
    """The console, which serves the first school."""

    def __init__(self, town: Town, clock: FakeClock, session: aiohttp.ClientSession, token: str) -> None:
        super().__init__(town, clock)
        self.session = session
        self.token = token

    @property
    def players(self) -> tuple[str, ...]:
        return tuple(who for who in PLAYERS if PEOPLE[who].account == "member")

    def door(self, who: str, school: str) -> str:
        return SODBURY

    async def press(self, who: str, action: str, value: str, school: str, *, form: bool = True) -> Answer:
        return await self._post(who, "press", {"message": None, "action": action, "value": value, "form": None})

    async def submit(self, who: str, form: str, state: str, values: Mapping[str, str], school: str) -> Answer:
        return await self._post(who, "submit", {"form": form, "state": state, "values": dict(values)})

    async def look_up(self, who: str, reference: str, school: str) -> Answer:
        return await self._post(who, "say", {"text": f"/esafety case {reference}"})

    def history(self) -> str:
        # What is said stands in no chat: the page is shown it, and what stays is in the records.
        return ""

    async def _post(self, who: str, path: str, body: Payload) -> Answer:
        sent = {"persona": self.town.persons.get(who, "nobody"), "place": "dm", **body}
        url = f"{self.town.bot.address}/console/api/{path}"
        async with self.session.post(url, json=sent, headers={"X-Console-Token": self.token}) as response:
            text = await response.text()
            assert response.status in (200, 404), text
        answer: dict[str, Any] = json.loads(text)
        parts = (answer.get("dialog") or "", answer.get("note") or "")
        words = [read(part).text for part in parts if part] + list((answer.get("errors") or {}).values())
        return Answer("\n".join([*words, answer.get("error") or ""]).strip(), text)


def _texts(found: Any) -> list[str]:
    if isinstance(found, list):
        return [t for one in found for t in _texts(one)]
    if isinstance(found, dict):
        own = [str(found[key]) for key in ("text", "title", "label") if isinstance(found.get(key), str)]
        own += [found["value"]] if isinstance(found.get("value"), str) and "statusCode" in found else []
        return own + [t for key, one in found.items() if key != "data" for t in _texts(one)]
    return []


@asynccontextmanager
async def slack_edge(database_url: str, tmp_path: Path, clock: FakeClock, table: Table) -> AsyncIterator[Edge]:
    """Both schools in Slack."""
    async with FakeSlack(team_id=WORKSPACES[SODBURY]) as slack:
        users = {}
        for who in PEOPLE:
            users[who] = slack.add_user(PEOPLE[who].name, PEOPLE[who].email)
            account = slack.people[users[who].id]
            account.team = {"stranger": "T0ELSEWHERE"}.get(who, WORKSPACES[PEOPLE[who].at])
            account.guest, account.is_bot, account.deactivated = who == "guest", who == "bot", who == "gone"
        folder = write_files(tmp_path / "schools", WORKSPACES)
        settings = Settings(
            SLACK_BOT_TOKEN=slack.token,
            SLACK_SIGNING_SECRET=slack.signing_secret,
            SLACK_API_URL=slack.base_url,
            ESAFETY_SLACK_MODE=SlackMode.HTTP,
            ESAFETY_CONSOLE=ConsoleMode.OFF,
            ESAFETY_DATABASE_URL=database_url,
            ESAFETY_SCHOOLS=folder,
            ESAFETY_EXPORTS=tmp_path / "exports",
            PORT=0,
        )
        async with running(settings, clock) as bot:
            slack.bot_url = f"{bot.address}/slack/events"
            ids = {who: user.id for who, user in users.items()}
            town = await settle_in(bot, Platform.SLACK, folder, ids, clock.now())
            edge = SlackEdge(town, clock, slack, users)
            yield await _filled(edge, bot, table)


@asynccontextmanager
async def teams_edge(database_url: str, tmp_path: Path, clock: FakeClock, table: Table) -> AsyncIterator[Edge]:
    """Both schools in one tenant of Teams."""
    async with FakeTeams() as fake:
        users = {who: fake.add_user(p.name, p.email, guest=p.account == "guest") for who, p in PEOPLE.items()}
        users["stranger"].person.tenant = "another-tenant"
        folder = write_files(tmp_path / "schools")
        given = {
            "ESAFETY_CONSOLE": ConsoleMode.OFF,
            "ESAFETY_DATABASE_URL": database_url,
            "ESAFETY_SCHOOLS": folder,
            "ESAFETY_EXPORTS": tmp_path / "exports",
            "PORT": 0,
        }
        async with running(Settings.model_validate({**fake.settings, **given}), clock) as bot:
            fake.bot_url = f"{bot.address}/api/messages"
            ids = {who: user.id for who, user in users.items()}
            town = await settle_in(bot, Platform.TEAMS, folder, ids, clock.now())
            for who, user in users.items():
                if PEOPLE[who].account == "member":
                    await user.install()
                    await user.waits_for_message("I take reports")
            for user in users.values():
                user.chat.own_app = True
            yield await _filled(TeamsEdge(town, clock, users), bot, table)


@asynccontextmanager
async def console_edge(database_url: str, tmp_path: Path, clock: FakeClock, table: Table) -> AsyncIterator[Edge]:
    """The console of the first school, on a database that has the other's cases too."""
    folder = write_files(tmp_path / "schools")
    settings = Settings(
        ESAFETY_CONSOLE=ConsoleMode.ON,
        ESAFETY_DATABASE_URL=database_url,
        ESAFETY_SCHOOLS=folder,
        ESAFETY_EXPORTS=tmp_path / "exports",
        PORT=0,
    )
    async with running(settings, clock) as bot, aiohttp.ClientSession() as session:
        town = await settle_in(bot, Platform.CONSOLE, folder, {}, clock.now())
        async with session.get(f"{bot.address}/console/") as page:
            found = re.search(r'name="console-token" content="([^"]+)"', await page.text())
        assert found
        yield await _filled(ConsoleEdge(town, clock, session, found[1]), bot, table)


async def _filled(edge: Edge, bot: Bot, table: Table) -> Edge:
    idle, bot.worker.idle = bot.worker.idle, 0.02
    # It looks at old cases once a minute by the clock on the wall, which whoever is refused did not do.
    next(task for task in bot.tasks if task.get_name() == "comparing").cancel()
    await report_everything(edge.town, table)
    await edge.settled()
    # Whoever waits for it rings its bell: it need not look for what is due fifty times a second while all this is tried.
    bot.worker.idle = idle
    return edge
