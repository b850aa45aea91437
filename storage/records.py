"""What the handlers ask of the database, inside one transaction. Rows become domain values here and nowhere else."""

import unicodedata
from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import cache
from typing import Any
from uuid import uuid4

from sqlalchemy import Executable, Row, and_, bindparam, case, delete, exists, false, func, insert, or_, select, true, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.audience import Readers
from domain.incident import (
    Alert,
    AlertState,
    Asked,
    CaseNote,
    Delivery,
    Exclusion,
    Incident,
    LogEntry,
    MessageKind,
    Narrative,
    NoteKind,
    Outgoing,
    Participant,
    Report,
    Summons,
    Timer,
    TimerKind,
    Undelivered,
    Why,
)
from domain.people import Account, Address, AddressKind, Kind, Person, Platform, Staff
from domain.report_form import Draft
from domain.routing import Facts
from domain.words import About, DeliveryState, IncidentState, ParticipantRole, Role, Urgency
from storage import tables as t
from storage.audit_chain import BEFORE_THE_FIRST, entry_hash
from storage.outbox import GIVEN_UP, became, show_again
from storage.question_records import QuestionRecords

_OPEN_CASE = (IncidentState.REPORTED, IncidentState.ACKNOWLEDGED, IncidentState.IN_PROGRESS)
_MOST_WORDS, _LONGEST_SEARCH = 8, 200
_STAFF_CACHE: dict[tuple[str, str], tuple[int, Staff]] = {}


def searchable(name: str) -> str:
    """A name without case, accents or punctuation, as typeahead compares it."""
    plain = unicodedata.normalize("NFKD", name).casefold()
    return " ".join("".join(c if c.isalnum() else " " for c in plain if not unicodedata.combining(c)).split())


class Records(QuestionRecords):
    """The records of one school within one transaction."""

    def __init__(self, connection: AsyncConnection, school: str) -> None:
        self._c = connection
        self._school = school
        self._dialect = connection.dialect.name
        self._insert = sqlite.insert if self._dialect == "sqlite" else postgresql.insert
        self._people_changed = False
        """What this transaction has changed and may yet roll back is not remembered beyond it."""

    # People and accounts

    async def staff(self) -> Staff:
        """The staff list. Kept in memory as long as no import has changed it."""
        version = await self._counter("people")
        key = (str(self._c.engine.url), self._school)
        cached = _STAFF_CACHE.get(key)
        if cached is None or cached[0] != version or self._people_changed:
            rows = await self._c.execute(
                select(t.people).where(t.people.c.school == self._school, t.people.c.kind == Kind.STAFF, t.people.c.active)
            )
            cached = (version, Staff(_person(r) for r in rows))
            if not self._people_changed:
                _STAFF_CACHE[key] = cached
        return cached[1]

    async def people(self, ids: Iterable[str]) -> dict[str, Person]:
        """Those of the people that are on the school's lists, by id."""
        wanted = list(ids)
        if not wanted:
            return {}
        here = (t.people.c.school == self._school, t.people.c.active, t.people.c.id.in_(wanted))
        rows = await self._c.execute(select(t.people).where(*here))
        return {r.id: _person(r) for r in rows}

    async def search_people(self, typed: str, limit: int) -> list[Person]:
        """People whose name has words that begin as the typed ones do, pupils first."""
        words = searchable(typed[:_LONGEST_SEARCH]).split()[:_MOST_WORDS]
        if not words:
            return []
        fits = [
            or_(t.people.c.search.startswith(w, autoescape=True), t.people.c.search.contains(" " + w, autoescape=True))
            for w in words
        ]
        rows = await self._c.execute(
            select(t.people)
            .where(t.people.c.school == self._school, t.people.c.active, *fits)
            .order_by(case((t.people.c.kind == Kind.PUPIL, 0), else_=1), t.people.c.search)
            .limit(limit)
        )
        return [_person(r) for r in rows]

    async def has_people(self) -> bool:
        """Whether the school has given any list, so that typeahead can find somebody."""
        return await self._counter("people") > 0

    async def listed(self, kind: Kind) -> dict[str, tuple[Person, bool]]:
        """Everybody on one list, by the list's own key, with whether they are still on it."""
        rows = await self._c.execute(select(t.people).where(t.people.c.school == self._school, t.people.c.kind == kind))
        return {r.list_key: (_person(r), r.active) for r in rows}

    async def save_people(self, people: Sequence[tuple[str, Person, bool]]) -> None:
        """Adds or changes people: the list's key, the person, and whether they are on the list."""
        rows = [
            {
                "id": p.id,
                "school": self._school,
                "kind": p.kind,
                "list_key": key,
                "name": p.name,
                "email": p.email,
                "house": p.house,
                "form": p.form,
                "line_manager": p.line_manager,
                "search": searchable(p.name),
                "active": active,
            }
            for key, p, active in people
        ]
        if not rows:
            return
        statement = self._insert(t.people)
        changed = {c: statement.excluded[c] for c in ("name", "email", "house", "form", "line_manager", "search", "active")}
        await self._c.execute(statement.on_conflict_do_update(index_elements=["id"], set_=changed), rows)
        await self.next_number("people")
        self._people_changed = True

    async def account(self, platform: Platform, user_id: str, since: datetime | None = None) -> Account | None:
        """A chat user as last seen, joined to the staff list by e-mail; None for somebody not seen, or not since then."""
        row = (
            await self._c.execute(
                select(t.accounts).where(
                    t.accounts.c.school == self._school,
                    t.accounts.c.platform == platform,
                    t.accounts.c.user_id == user_id,
                    t.accounts.c.checked_at >= since if since is not None else true(),
                )
            )
        ).first()
        return None if row is None else await self._account(row)

    async def account_of(self, platform: Platform, person: Person) -> Account | None:
        """Somebody's account on a platform, if it has been seen."""
        row = (
            await self._c.execute(
                select(t.accounts).where(
                    t.accounts.c.school == self._school, t.accounts.c.platform == platform, t.accounts.c.email == person.email
                )
            )
        ).first()
        return None if row is None or not person.email else await self._account(row)

    async def save_account(self, account: Account, at: datetime) -> None:
        """Remembers a chat user."""
        statement = self._insert(t.accounts).values(
            school=self._school,
            platform=account.platform,
            user_id=account.user_id,
            email=account.email.lower(),
            name=account.name[:255],
            checked_at=at,
        )
        new = {c: statement.excluded[c] for c in ("email", "name", "checked_at")}
        await self._c.execute(statement.on_conflict_do_update(index_elements=["school", "platform", "user_id"], set_=new))

    async def save_readers(self, channel: Address, emails: Iterable[str], at: datetime) -> None:
        """Remembers who reads a channel, by e-mail; '' for a reader without one."""
        statement = self._insert(t.channel_readers).values(
            school=self._school, platform=channel.platform, channel=channel.id, emails=sorted(emails), checked_at=at
        )
        new = {c: statement.excluded[c] for c in ("emails", "checked_at")}
        await self._c.execute(statement.on_conflict_do_update(index_elements=["school", "platform", "channel"], set_=new))

    async def forget_readers(self, channel: Address) -> None:
        """From now on nobody knows who reads the channel: it is avoided whenever anybody is excluded."""
        await self._c.execute(
            delete(t.channel_readers).where(
                t.channel_readers.c.school == self._school,
                t.channel_readers.c.platform == channel.platform,
                t.channel_readers.c.channel == channel.id,
            )
        )

    async def look_again_at(self, channel: Address, at: datetime) -> None:
        """A channel's readers have changed: each alert there that shuts somebody out is withdrawn, or shown again."""
        d = t.deliveries.c
        here = (d.school == self._school, d.platform == channel.platform, d.address_id == channel.id)
        shown = (d.message == MessageKind.ALERT, d.state.in_((DeliveryState.SENT, DeliveryState.LEASED)))
        shuts_out = d.incident_id.in_(select(t.exclusions.c.incident_id))
        await self._c.execute(show_again(at, *here, *shown, shuts_out))

    async def readers(self, since: datetime) -> Readers:
        """Who reads each channel, by person id; None where one is a stranger, or it was last looked up before `since`."""
        staff = await self.staff()
        rows = await self._c.execute(select(t.channel_readers).where(t.channel_readers.c.school == self._school))
        found: dict[Address, frozenset[str] | None] = {}
        for r in rows:
            people = [staff.by_email(e) for e in r.emails]
            stale = r.checked_at < since
            strangers = any(p is None for p in people)
            known = None if stale or strangers else frozenset(p.id for p in people if p is not None)
            found[Address(Platform(r.platform), AddressKind.CHANNEL, r.channel)] = known
        return found

    async def _account(self, row: Row[Any]) -> Account:
        person = (await self.staff()).by_email(row.email) if row.email else None
        return Account(Platform(row.platform), row.user_id, row.email, row.name, person.id if person else None)

    # Reports

    async def next_number(self, name: str) -> int:
        """The next number of a series. On PostgreSQL it holds the series' row until the end of the transaction."""
        return int((await self._c.execute(_next_number(self._dialect), {"school": self._school, "name": name})).scalar_one())

    async def _counter(self, name: str) -> int:
        return (await self._c.execute(_LAST_NUMBER, {"school": self._school, "name": name})).scalar() or 0

    async def add_report(self, report: Report) -> None:
        """Writes the report itself: the incident, its texts, its participants and who is shut out."""
        i, route = report.incident, report.route
        await self._c.execute(
            insert(t.incidents),
            {
                "id": i.id,
                "school": i.school,
                "reference": i.reference,
                "concern": i.facts.concern,
                "about": i.facts.about,
                "is_repeat": i.facts.repeat,
                "immediate_danger": i.facts.immediate_danger,
                "illegal_suspected": i.facts.illegal_suspected,
                "urgency": i.urgency,
                "private": i.private,
                "state": i.state,
                "reporter_platform": i.reporter.platform,
                "reporter_user": i.reporter.user_id,
                "reporter_person": i.reporter.person_id,
                "reported_at": i.reported_at,
                "occurred_at": i.occurred_at,
                "due_at": i.due_at,
                "route": {
                    "notify": list(route.notify),
                    "external": list(route.external),
                    "rules": list(route.rules),
                    "cites": list(route.cites),
                },
                "draft_id": report.draft_id,
            },
        )
        n = report.narrative
        texts = {"what_happened": n.what_happened, "done_already": n.done_already, "where": n.where, "link": n.link}
        await self._c.execute(
            insert(t.incident_texts), [{"incident_id": i.id, "field": k, "text": v} for k, v in texts.items() if v]
        )
        if report.participants:
            await self._c.execute(
                insert(t.participants),
                [
                    {"id": p.id, "incident_id": i.id, "role": p.role, "person_id": p.person_id, "name": p.name[:255]}
                    for p in report.participants
                ],
            )
        await self.add_exclusions(i.id, report.exclusions)

    async def add_exclusions(self, incident_id: str, exclusions: Sequence[Exclusion]) -> None:
        """Shuts people out of a case."""
        if exclusions:
            await self._c.execute(
                insert(t.exclusions),
                [
                    {"incident_id": incident_id, "person_id": e.person_id, "why": e.why, "participant_id": e.participant_id}
                    for e in exclusions
                ],
            )

    async def settle(self, incident_id: str, person_id: str, why: Why, by: str, at: datetime) -> bool:
        """Settles a possible match. False if it was settled before."""
        done = await self._c.execute(
            update(t.exclusions)
            .where(
                t.exclusions.c.incident_id == incident_id,
                t.exclusions.c.person_id == person_id,
                t.exclusions.c.why == Why.POSSIBLE,
            )
            .values(why=why, settled_by=by, settled_at=at)
        )
        return bool(done.rowcount)

    async def incident(self, incident_id: str, *, hold: bool = True) -> Incident | None:
        """The incident of that id in this school.

        PostgreSQL holds it until the end of the transaction, so that what two people do in one case comes one after the other.
        """
        query = select(t.incidents).where(t.incidents.c.school == self._school, t.incidents.c.id == incident_id)
        row = (await self._c.execute(query.with_for_update() if hold else query)).first()
        return _incident(row) if row is not None else None

    async def incident_of_draft(self, draft_id: str) -> Incident | None:
        """The incident that a draft became, so that sending it twice makes one report."""
        row = (await self._c.execute(_INCIDENT_OF_DRAFT, {"draft": draft_id})).first()
        return _incident(row) if row is not None else None

    async def make_private(self, incident_id: str, about: About) -> None:
        """From now on the case is shown to the people concerned only."""
        await self._c.execute(update(t.incidents).where(t.incidents.c.id == incident_id).values(private=True, about=about))

    async def set_incident_state(self, incident_id: str, state: IncidentState, closed_at: datetime | None = None) -> None:
        """Moves a case on."""
        await self._c.execute(
            update(t.incidents).where(t.incidents.c.id == incident_id).values(state=state, closed_at=closed_at)
        )

    async def narrative(self, incident_id: str) -> Narrative:
        """What was written about a case when it was reported."""
        rows = await self._c.execute(select(t.incident_texts).where(t.incident_texts.c.incident_id == incident_id))
        return Narrative(**{"what_happened": "", **{r.field: r.text for r in rows}})

    async def add_case_note(self, note: CaseNote) -> None:
        """Adds what somebody wrote in a case."""
        await self._c.execute(
            insert(t.case_notes),
            {
                "id": new_id(),
                "incident_id": note.incident_id,
                "person_id": note.person_id,
                "kind": note.kind,
                "at": note.at,
                "text": note.text,
            },
        )

    async def case_notes(self, incident_id: str) -> tuple[CaseNote, ...]:
        """What was written in a case since it was reported, oldest first."""
        rows = await self._c.execute(
            select(t.case_notes).where(t.case_notes.c.incident_id == incident_id).order_by(t.case_notes.c.at)
        )
        return tuple(CaseNote(r.incident_id, r.person_id, NoteKind(r.kind), r.at, r.text) for r in rows)

    async def participants(self, incident_id: str) -> tuple[Participant, ...]:
        """Who was involved, in the order of their roles."""
        rows = await self._c.execute(select(t.participants).where(t.participants.c.incident_id == incident_id))
        found = [Participant(r.id, ParticipantRole(r.role), r.name, r.person_id) for r in rows]
        return tuple(sorted(found, key=lambda p: (list(ParticipantRole).index(p.role), p.name)))

    async def exclusions(self, *incident_ids: str) -> dict[str, tuple[Exclusion, ...]]:
        """Who is shut out of each of these cases."""
        rows = await self._c.execute(select(t.exclusions).where(t.exclusions.c.incident_id.in_(incident_ids)))
        found: dict[str, list[Exclusion]] = {i: [] for i in incident_ids}
        for r in rows:
            found[r.incident_id].append(Exclusion(r.person_id, Why(r.why), r.participant_id))
        return {i: tuple(e) for i, e in found.items()}

    async def reported_by(self, account: Account, limit: int) -> list[Incident]:
        """Somebody's own reports, newest first: from this account, or from any account of the same person."""
        own = and_(t.incidents.c.reporter_platform == account.platform, t.incidents.c.reporter_user == account.user_id)
        same_person = t.incidents.c.reporter_person == account.person_id if account.person_id else false()
        rows = await self._c.execute(
            select(t.incidents)
            .where(t.incidents.c.school == self._school, or_(own, same_person))
            .order_by(t.incidents.c.reported_at.desc())
            .limit(limit)
        )
        return [_incident(r) for r in rows]

    # Alerts

    async def set_going(self, outgoing: Outgoing, at: datetime) -> None:
        """Writes alerts, who is asked, what is sent and what falls due. Asking somebody twice in a round changes nothing."""
        if outgoing.alerts:
            await self._c.execute(insert(t.alerts), [self._alert_row(a) for a in outgoing.alerts])
        if outgoing.summonses:
            asked = [
                {"alert_id": s.alert_id, "person_id": s.person_id, "round": s.round, "role": s.role, "why": s.why, "at": s.at}
                for s in outgoing.summonses
            ]
            await self._c.execute(self._insert(t.summonses).on_conflict_do_nothing(), asked)
        if outgoing.deliveries:
            rows = [self._delivery_row(d, at) for d in outgoing.deliveries]
            await self._c.execute(self._insert(t.deliveries).on_conflict_do_nothing(), rows)
        if outgoing.timers:
            await self._c.execute(insert(t.timers), [self._timer_row(x) for x in outgoing.timers])

    def _alert_row(self, alert: Alert) -> dict[str, Any]:
        return {
            "id": alert.id,
            "incident_id": alert.incident_id,
            "school": self._school,
            "role": alert.role,
            "also_roles": list(alert.also_roles),
            "group_name": alert.group,
            "state": alert.state,
            "opened_at": alert.opened_at,
            "due_at": alert.due_at,
            "round": alert.round,
            "owner_id": alert.owner_id,
            "acknowledged_at": alert.acknowledged_at,
        }

    def _delivery_row(self, d: Delivery, at: datetime) -> dict[str, Any]:
        return {
            "id": d.id,
            "school": self._school,
            "incident_id": d.incident_id,
            "alert_id": d.alert_id,
            "request_id": d.request_id,
            "message": d.message,
            "platform": d.address.platform,
            "address_kind": d.address.kind,
            "address_id": d.address.id,
            "state": DeliveryState.PENDING,
            "next_at": at,
            "made_at": at,
            "summons_round": d.summons_round,
            "step": f"{d.alert_id or d.incident_id or d.request_id}:{d.step}" if d.step else "",
        }

    def _timer_row(self, x: Timer) -> dict[str, Any]:
        return {
            "id": x.id,
            "school": self._school,
            "kind": x.kind,
            "incident_id": x.incident_id,
            "alert_id": x.alert_id,
            "due_at": x.due_at,
            "state": "pending",
        }

    async def alert(self, alert_id: str) -> Alert | None:
        """The alert of that id in this school. Hold its incident before you change it."""
        query = select(t.alerts).where(t.alerts.c.school == self._school, t.alerts.c.id == alert_id)
        row = (await self._c.execute(query)).first()
        return _alert(row) if row is not None else None

    async def alerts_of(self, incident_id: str) -> tuple[Alert, ...]:
        """Every alert of a case, in the order in which they were opened."""
        rows = await self._c.execute(
            select(t.alerts).where(t.alerts.c.incident_id == incident_id).order_by(t.alerts.c.opened_at, t.alerts.c.id)
        )
        return tuple(_alert(r) for r in rows)

    async def open_alerts(self) -> list[tuple[Alert, Incident]]:
        """Every alert of a case that is not closed and that somebody still has to answer for, with its case."""
        rows = await self._c.execute(
            select(t.alerts, *(c.label("i_" + c.name) for c in t.incidents.c))
            .join(t.incidents, t.incidents.c.id == t.alerts.c.incident_id)
            .where(
                t.alerts.c.school == self._school,
                t.alerts.c.state.in_((AlertState.OPEN, AlertState.ACKNOWLEDGED)),
                t.incidents.c.state.in_(_OPEN_CASE),
            )
        )
        return [(_alert(r), _incident(r, "i_")) for r in rows]

    async def change_alert(self, alert: Alert) -> None:
        """Writes what can change of an alert: its state, owner, deadline, round and role."""
        await self._c.execute(
            update(t.alerts)
            .where(t.alerts.c.id == alert.id)
            .values(
                state=alert.state,
                owner_id=alert.owner_id,
                acknowledged_at=alert.acknowledged_at,
                due_at=alert.due_at,
                round=alert.round,
                role=alert.role,
                also_roles=list(alert.also_roles),
                group_name=alert.group,
            )
        )

    async def summonses(self, *alert_ids: str) -> dict[str, tuple[Summons, ...]]:
        """Who was asked for each of these alerts, in order."""
        rows = await self._c.execute(
            select(t.summonses).where(t.summonses.c.alert_id.in_(alert_ids)).order_by(t.summonses.c.at)
        )
        found: dict[str, list[Summons]] = {a: [] for a in alert_ids}
        for r in rows:
            found[r.alert_id].append(Summons(r.alert_id, r.person_id, Role(r.role), Asked(r.why), r.round, r.at))
        return {a: tuple(s) for a, s in found.items()}

    # Timers and deliveries

    async def cancel_timers(self, alert_id: str, *kinds: TimerKind) -> None:
        """Calls off what was to fall due for an alert."""
        await self._c.execute(
            update(t.timers)
            .where(t.timers.c.alert_id == alert_id, t.timers.c.kind.in_(kinds), t.timers.c.state == "pending")
            .values(state="cancelled")
        )

    async def finish_timer(self, timer_id: str) -> bool:
        """Marks a timer as done; False if another process was first, or if it was called off."""
        done = await self._c.execute(
            update(t.timers).where(t.timers.c.id == timer_id, t.timers.c.state == "pending").values(state="done")
        )
        return bool(done.rowcount)

    async def rings(self, alert_id: str, kind: TimerKind) -> bool:
        """Whether something of that kind is still to fall due for an alert."""
        x = t.timers.c
        found = await self._c.execute(select(x.id).where(x.alert_id == alert_id, x.kind == kind, x.state == "pending").limit(1))
        return found.first() is not None

    async def rung_since(self, alert_id: str, kind: TimerKind, since: datetime) -> int:
        """How often something of that kind has fallen due for an alert and was done, since a moment."""
        x = t.timers.c
        done = (x.alert_id == alert_id, x.kind == kind, x.state == "done", x.due_at >= since)
        return (await self._c.execute(select(func.count()).where(*done))).scalar_one()

    async def hasten(self, alert_id: str, at: datetime) -> None:
        """Lets an alert climb now, because nobody could be reached."""
        await self._c.execute(
            update(t.timers)
            .where(
                t.timers.c.alert_id == alert_id,
                t.timers.c.kind == TimerKind.CLIMB,
                t.timers.c.state == "pending",
                t.timers.c.due_at > at,
            )
            .values(due_at=at)
        )

    async def show_again(self, incident_id: str, at: datetime, *messages: MessageKind, alert_id: str | None = None) -> None:
        """What these messages show has changed: every copy is to be changed where it stands."""
        d = t.deliveries.c
        of_alert = d.alert_id == alert_id if alert_id is not None else true()
        await self._c.execute(show_again(at, d.incident_id == incident_id, d.message.in_(messages), of_alert))

    async def bury(self, delivery: Delivery, trouble: str) -> bool:
        """Gives a message up: its place does not exist, does not want it, or has not answered for days.

        `trouble` is a code. False if another has taken the message since: then it is for them to say.
        """
        done = await self._c.execute(became(delivery, state=DeliveryState.DEAD, trouble=trouble[:64]))
        return bool(done.rowcount)

    async def delivery_chances(self, alert_id: str, round_: int, person_id: str | None = None) -> int:
        """How many of an alert's messages of a round, to anybody or to one person, have been sent or may still be."""
        d = t.deliveries.c
        found = await self._c.execute(
            select(func.count()).where(
                d.alert_id == alert_id,
                d.message == MessageKind.ALERT,
                d.summons_round == round_,
                d.state.notin_((DeliveryState.DEAD, DeliveryState.CANCELLED)),
                d.platform != Platform.EMAIL,
                d.address_id == person_id if person_id is not None else true(),
            )
        )
        return found.scalar_one()

    async def undelivered(self, *incident_ids: str) -> tuple[Undelivered, ...]:
        """What was given up of these cases' messages: not what the same person has had over another chat."""
        d, other = t.deliveries.c, t.deliveries.alias("other")
        elsewhere = exists().where(
            other.c.incident_id == d.incident_id,
            other.c.message == d.message,
            other.c.address_id == d.address_id,
            other.c.summons_round == d.summons_round,
            other.c.state == DeliveryState.SENT,
            other.c.platform != Platform.EMAIL,
        )
        rows = await self._c.execute(
            select(d.incident_id, d.platform, func.count())
            .where(d.school == self._school, GIVEN_UP, d.incident_id.in_(incident_ids), ~elsewhere)
            .group_by(d.incident_id, d.platform)
            .order_by(d.incident_id, d.platform)
        )
        return tuple(Undelivered(incident, Platform(platform), count) for incident, platform, count in rows)

    # Audit

    async def note(
        self, at: datetime, actor: str, action: str, incident_id: str | None = None, **data: str | int | bool | None
    ) -> None:
        """Adds an entry to the school's audit chain: who did what, by ids and codes, and the hash of the one before."""
        seq = await self.next_number("audit")
        previous = BEFORE_THE_FIRST
        if seq > 1:
            previous = (await self._c.execute(_AUDIT_HASH, {"school": self._school, "seq": seq - 1})).scalar_one()
        await self._c.execute(
            insert(t.audit),
            {
                "school": self._school,
                "seq": seq,
                "at": at,
                "actor": actor,
                "action": action,
                "incident_id": incident_id,
                "data": data,
                "previous": previous,
                "hash": entry_hash(self._school, seq, at, actor, action, incident_id, data, previous),
            },
        )

    async def log(self, incident_id: str) -> tuple[LogEntry, ...]:
        """What was done in a case, oldest first, with the names of the staff who did it."""
        staff = await self.staff()
        rows = await self._c.execute(
            select(t.audit)
            .where(t.audit.c.school == self._school, t.audit.c.incident_id == incident_id)
            .order_by(t.audit.c.seq)
        )
        return tuple(LogEntry(r.at, _actor_name(staff, r.actor), r.action, str(r.data.get("role") or "")) for r in rows)

    # Drafts

    async def draft(self, draft_id: str) -> Draft | None:
        """The draft of that id, held until the end of the transaction on PostgreSQL."""
        query = select(t.drafts).where(t.drafts.c.school == self._school, t.drafts.c.id == draft_id)
        row = (await self._c.execute(query.with_for_update())).first()
        return _draft(row) if row is not None else None

    async def open_draft(self, account: Account, now: datetime) -> Draft | None:
        """The newest report that somebody has begun and not finished, as long as it is kept."""
        d = t.drafts.c
        row = (
            await self._c.execute(
                select(t.drafts)
                .where(
                    d.school == self._school,
                    d.platform == account.platform,
                    d.user_id == account.user_id,
                    d.state == "open",
                    d.expires_at > now,
                )
                .order_by(d.changed_at.desc())
                .limit(1)
            )
        ).first()
        return _draft(row) if row is not None else None

    async def save_draft(self, draft: Draft) -> None:
        """Keeps what has reached the bot of a report. A draft that was submitted is left as it is."""
        statement = self._insert(t.drafts).values(
            id=draft.id,
            school=self._school,
            platform=draft.account.platform,
            user_id=draft.account.user_id,
            state="open",
            filled={k: list(v) if isinstance(v, tuple) else v for k, v in draft.filled.items()},
            changed_at=draft.changed_at,
            expires_at=draft.expires_at,
        )
        new = {c: statement.excluded[c] for c in ("filled", "changed_at", "expires_at")}
        await self._c.execute(
            statement.on_conflict_do_update(
                index_elements=["id"],
                set_=new,
                where=and_(t.drafts.c.state == "open", t.drafts.c.school == self._school),
            )
        )

    async def end_draft(self, draft_id: str, *, submitted: bool) -> None:
        """Submits or discards a draft and forgets what was typed: a submitted one lives on in its report."""
        await self._c.execute(
            update(t.drafts)
            .where(t.drafts.c.school == self._school, t.drafts.c.id == draft_id, t.drafts.c.state == "open")
            .values(state="submitted" if submitted else "discarded", filled={})
        )


# Written out once: these run with every report, and to put a statement together costs more than to run it.
_LAST_NUMBER = select(t.counters.c.last).where(
    t.counters.c.school == bindparam("school"), t.counters.c.name == bindparam("name")
)
_AUDIT_HASH = select(t.audit.c.hash).where(t.audit.c.school == bindparam("school"), t.audit.c.seq == bindparam("seq"))
_INCIDENT_OF_DRAFT = select(t.incidents).where(t.incidents.c.draft_id == bindparam("draft"))


@cache
def _next_number(dialect: str) -> Executable:
    add = sqlite.insert(t.counters) if dialect == "sqlite" else postgresql.insert(t.counters)
    first = add.values(school=bindparam("school"), name=bindparam("name"), last=1)
    next_ = first.on_conflict_do_update(index_elements=["school", "name"], set_={"last": t.counters.c.last + 1})
    return next_.returning(t.counters.c.last)


def new_id() -> str:
    """A fresh id that says nothing."""
    return str(uuid4())


def _actor_name(staff: Staff, actor: str) -> str:
    kind, _, rest = actor.partition(":")
    if kind == "person":
        person = staff.get(rest)
        return person.name if person is not None else "somebody who has left"
    return "somebody who is not on the staff list" if kind == "account" else "the bot"


def _person(r: Row[Any]) -> Person:
    return Person(r.id, Kind(r.kind), r.name, r.email, r.house, r.form, r.line_manager)


def _incident(row: Row[Any], prefix: str = "") -> Incident:
    columns = row._mapping  # noqa: SLF001 - public, in spite of its name
    r = {k.removeprefix(prefix): v for k, v in columns.items() if k.startswith(prefix)}
    return Incident(
        id=r["id"],
        school=r["school"],
        reference=r["reference"],
        facts=Facts(r["concern"], About(r["about"]), r["is_repeat"], r["immediate_danger"], r["illegal_suspected"]),
        urgency=Urgency(r["urgency"]),
        private=r["private"],
        state=IncidentState(r["state"]),
        reporter=Account(Platform(r["reporter_platform"]), r["reporter_user"], person_id=r["reporter_person"]),
        reported_at=r["reported_at"],
        occurred_at=r["occurred_at"],
        due_at=r["due_at"],
        closed_at=r["closed_at"],
    )


def _alert(r: Row[Any]) -> Alert:
    return Alert(
        id=r.id,
        incident_id=r.incident_id,
        role=Role(r.role),
        also_roles=tuple(Role(x) for x in r.also_roles),
        group=r.group_name,
        state=AlertState(r.state),
        opened_at=r.opened_at,
        due_at=r.due_at,
        round=r.round,
        owner_id=r.owner_id,
        acknowledged_at=r.acknowledged_at,
    )


def _draft(r: Row[Any]) -> Draft:
    filled = {k: tuple(v) if isinstance(v, list) else v for k, v in r.filled.items()}
    account = Account(Platform(r.platform), r.user_id)
    return Draft(r.id, account, filled, r.changed_at, r.expires_at, r.state != "open")
