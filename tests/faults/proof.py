"""The proof from outside: what people were told, what the chats hold, and what the database says, held against each other."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Table, select

from cards.texts import say
from domain.incident import MessageKind
from domain.people import AddressKind, Platform
from domain.words import Urgency
from storage import tables as t
from storage.audit_chain import AuditChains
from storage.auditing import Auditing
from storage.database import Database
from storage.sealed import of_text
from tests.fakes.slack_user import SlackUser
from tests.fakes.teams_user import TeamsUser
from tests.faults.people import MARKER, TYPED_NAME, Told
from tests.faults.weather import StormySlack, StormyTeams

_MAY_BE_CALLED_OFF = (MessageKind.ACKNOWLEDGED, MessageKind.REMINDER)
_MOST_SHOWN = 12

Place = tuple[str, str]
Group = tuple[Place, str, str]


@dataclass(slots=True)
class Post:
    """A message of the bot's as a chat holds it. `at_first` is what it said when it came."""

    place: Place
    at_first: str
    now: str
    buttons: list[str]

    @property
    def marked(self) -> bool:
        return say("message.again") in self.at_first


@dataclass(slots=True)
class Verdict:
    """What was found. `lost` has a line for everything that should be there and is not, or is there and should not be."""

    reports: int = 0
    alerts: int = 0
    messages: int = 0
    repeats: int = 0
    unmarked: int = 0
    audit_entries: int = 0
    lost: list[str] = field(default_factory=list)

    def wrong(self, what: str) -> None:
        self.lost.append(what)

    def first_lines(self) -> list[str]:
        more = len(self.lost) - _MOST_SHOWN
        return [*self.lost[:_MOST_SHOWN], *([f"... and {more} more"] if more > 0 else [])]


class Proof:
    """Looks at everything once nothing is on its way any more."""

    def __init__(
        self,
        database: Database,
        slack: StormySlack,
        teams: StormyTeams,
        users: Mapping[str, tuple[SlackUser, TeamsUser]],
        told: Told,
    ) -> None:
        self._database = database
        self._slack = slack
        self._teams = teams
        self._users = {slack_user.email: (slack_user, teams_user) for slack_user, teams_user in users.values()}
        self._told = told
        self._verdict = Verdict()

    async def verdict(self, logs: str) -> Verdict:
        rows: dict[Table, list[Any]] = {
            table: await self._rows(table)
            for table in (t.incidents, t.incident_texts, t.alerts, t.summonses, t.deliveries, t.people, t.timers)
        }
        self._people = {r.id: r for r in rows[t.people]}
        self._references = {r.id: r.reference for r in rows[t.incidents]}
        await self._reports(rows[t.incidents], rows[t.incident_texts], rows[t.alerts], rows[t.deliveries])
        self._asked(rows[t.alerts], rows[t.summonses], rows[t.deliveries])
        posts = self._posts()
        self._copies(rows[t.deliveries], {r.id: r for r in rows[t.alerts]}, posts)
        self._repeats(rows[t.deliveries], posts)
        self._owners(rows[t.alerts], rows[t.deliveries])
        await self._books()
        self._secrets(logs)
        self._verdict.reports, self._verdict.alerts = len(rows[t.incidents]), len(rows[t.alerts])
        self._verdict.messages = len(posts)
        return self._verdict

    async def _rows(self, table: Table) -> list[Any]:
        async with self._database.begin(write=False) as connection:
            return list(await connection.execute(select(table)))

    def _text(self, incident: Any, row: Any) -> str:
        key = self._database.vault.of_case(incident.school, incident.id, incident.wrapped_key)
        return key.open_text(row.sealed, of_text(incident.school, incident.id, row.field))

    async def _reports(self, incidents: list[Any], texts: list[Any], alerts: list[Any], deliveries: list[Any]) -> None:
        kept: dict[str, list[str]] = defaultdict(list)
        await self._database.vault.ready()
        by_id = {incident.id: incident for incident in incidents}
        for row in texts:
            if row.field == "what_happened":
                kept[self._text(by_id[row.incident_id], row)].append(self._references[row.incident_id])
        for reference, marker in self._told.received.items():
            if kept[marker] != [reference]:
                self._verdict.wrong(f"{reference} was received, and its text is kept under {kept[marker]}")
        for marker, references in kept.items():
            if len(references) > 1 or marker not in self._told.tried:
                self._verdict.wrong(f"one report is kept {len(references)} times: {references}")
        alerted = {a.incident_id for a in alerts}
        receipts = {d.incident_id for d in deliveries if d.message == MessageKind.RECEIPT}
        for row in incidents:
            if row.id not in alerted:
                self._verdict.wrong(f"{row.reference} alerts nobody")
            if row.id not in receipts:
                self._verdict.wrong(f"{row.reference} has no receipt")

    def _asked(self, alerts: list[Any], summonses: list[Any], deliveries: list[Any]) -> None:
        sent_to = {(d.alert_id, d.platform, d.address_id) for d in deliveries if d.message == MessageKind.ALERT}
        asked = {s.alert_id for s in summonses}
        for row in alerts:
            if row.id not in asked:
                self._verdict.wrong(f"an alert of {self._references[row.incident_id]} asks nobody")
        for s in summonses:
            for platform in (Platform.SLACK, Platform.TEAMS):
                if (s.alert_id, platform, s.person_id) not in sent_to:
                    self._verdict.wrong(f"somebody who was asked has no alert on {platform}")

    def _posts(self) -> dict[str, Post]:
        """Every message by the id that the bot's records have for it."""
        found: dict[str, Post] = {}
        for (channel, ts), (message, at_first) in self._slack.as_posted.items():
            place = (Platform.SLACK.value, channel)
            found[f"slack:{channel}/{ts}"] = Post(place, at_first, message.shown, message.buttons)
        for message_id, (one, at_first) in self._teams.as_posted.items():
            place = (Platform.TEAMS.value, one.conversation)
            found[f"teams:{message_id}"] = Post(place, at_first, one.shown, one.buttons)
        return found

    def _place_of(self, delivery: Any) -> Place:
        on_slack = delivery.platform == Platform.SLACK
        address = delivery.address_id
        if delivery.address_kind == AddressKind.PERSON:
            slack_user, teams_user = self._users[self._people[address].email]
            address = slack_user.id if on_slack else teams_user.id
        if delivery.address_kind != AddressKind.CHANNEL:
            address = self._slack.direct_channel(address).id if on_slack else self._teams.personal_chat(address).id
        return (delivery.platform, address)

    def _copies(self, deliveries: list[Any], alerts: Mapping[str, Any], posts: Mapping[str, Post]) -> None:
        for d in deliveries:
            reference = self._references[d.incident_id]
            name = f"the {d.message} of {reference} on {d.platform} ({d.id})"
            if d.state == "cancelled" and d.message in _MAY_BE_CALLED_OFF:
                continue
            if d.state != "sent":
                self._verdict.wrong(f"{name} is {d.state} {d.trouble}")
                continue
            known = f"teams:{d.message_id.rpartition('/')[2]}" if d.platform == Platform.TEAMS else f"slack:{d.message_id}"
            post = posts.get(known)
            if post is None or post.place != self._place_of(d) or reference not in post.at_first:
                self._verdict.wrong(f"{name} was never posted")
                continue
            if d.shown_revision != d.revision:
                self._verdict.wrong(f"{name} shows revision {d.shown_revision} of {d.revision}")
            if d.message == MessageKind.ALERT:
                self._shows(name, alerts[d.alert_id], post)

    def _shows(self, name: str, alert: Any, post: Post) -> None:
        can_be_taken = say("alert.acknowledge") in post.buttons
        if can_be_taken != (alert.state == "open"):
            self._verdict.wrong(f"{name} is {alert.state}, and its button says otherwise")
        if alert.state == "acknowledged" and self._people[alert.owner_id].name not in post.now:
            self._verdict.wrong(f"{name} does not show its owner")

    def _repeats(self, deliveries: list[Any], posts: Mapping[str, Post]) -> None:
        """Of what was posted more often than there are deliveries for it, each must say that it may be a repeat."""
        due: Counter[Group] = Counter()
        arrived: Counter[Group] = Counter()
        for d in deliveries:
            group = (self._place_of(d), d.message, self._references[d.incident_id])
            due[group] += 1
            arrived[group] += d.message_id is not None
        total: Counter[Group] = Counter()
        unmarked: Counter[Group] = Counter()
        for post in posts.values():
            found = self._kind_of(post.at_first)
            if found is None:
                continue
            group = (post.place, *found)
            total[group] += 1
            unmarked[group] += not post.marked
        for group, count in total.items():
            self._verdict.repeats += max(0, count - arrived[group])
            if (over := unmarked[group] - due[group]) > 0:
                self._verdict.unmarked += over
                self._verdict.wrong(f"{group[1]} of {group[2]} on {group[0][0]}: {over} repeats without a mark")

    def _kind_of(self, text: str) -> tuple[str, str] | None:
        reference = next((word.strip(".,:;()") for word in text.split() if word.startswith("CSS-")), None)
        if reference is None:
            return None
        titles: list[tuple[str, MessageKind]] = [
            (say("receipt.title", reference=reference), MessageKind.RECEIPT),
            (say("progress.taken_title", reference=reference), MessageKind.ACKNOWLEDGED),
            (say("progress.closed_title", reference=reference), MessageKind.CLOSED),
            (say("reminder.title", reference=reference), MessageKind.REMINDER),
            *((say("alert.title", urgency=say(f"urgency.{u}"), reference=reference), MessageKind.ALERT) for u in Urgency),
        ]
        kind = next((kind for title, kind in titles if title in text.splitlines()), None)
        if kind is None:
            self._verdict.wrong(f"nobody knows what this message about {reference} is")
            return None
        return kind.value, reference

    def _owners(self, alerts: Iterable[Any], deliveries: Iterable[Any]) -> None:
        taken = Counter(d.alert_id for d in deliveries if d.message == MessageKind.ACKNOWLEDGED)
        for alert in alerts:
            reference, told = self._references[alert.incident_id], self._told.yours.get(alert.id, set())
            if len(told) > taken[alert.id]:
                self._verdict.wrong(f"{len(told)} people were told that an alert of {reference} is theirs")
            if alert.id in self._told.handed_on:
                continue
            owner = {self._people[alert.owner_id].email} if alert.owner_id is not None else set()
            if taken[alert.id] > 1 or not told <= owner:
                self._verdict.wrong(f"an alert of {reference} is not with whoever was told that it is theirs")

    async def _books(self) -> None:
        chains = AuditChains()
        async with self._database.begin(write=False) as connection:
            for row in await connection.execute(select(t.audit).order_by(t.audit.c.school, t.audit.c.seq)):
                chains.follow(row)
            last = await connection.execute(select(t.counters).where(t.counters.c.name == "audit"))
            chains.end({row.school: row.last for row in last})
        self._verdict.audit_entries = sum(chains.entries.values())
        for school, seq in chains.broken.items():
            self._verdict.wrong(f"the audit of {school} is broken from entry {seq} on")
        for astray in await Auditing(self._database).astray():
            self._verdict.wrong(f"{astray.fault}: {self._references[astray.incident_id]}")

    def _secrets(self, logs: str) -> None:
        sent = [call.arguments for call in self._slack.calls if call.method.startswith("chat.")]
        sent += [one.as_payload() for one in self._slack.posted]
        everything = json.dumps([sent, self._teams.raw_history()], ensure_ascii=False)
        for secret in (MARKER, TYPED_NAME):
            if secret in everything:
                self._verdict.wrong("a message holds what a reporter wrote")
            if secret in logs:
                self._verdict.wrong("the log holds what a reporter wrote")
