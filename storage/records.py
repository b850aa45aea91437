"""What the handlers ask of the database, inside one transaction. Rows become domain values here and nowhere else."""

import secrets
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID, uuid4
from weakref import WeakKeyDictionary

from sqlalchemy import (
    Executable,
    Row,
    Select,
    and_,
    bindparam,
    case,
    exists,
    func,
    insert,
    or_,
    select,
    true,
    update,
)
from sqlalchemy.engine import Engine
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.audience import Readers
from domain.audit import Noted
from domain.incident import (
    STILL_SHOWN,
    Alert,
    Asked,
    Delivery,
    Exclusion,
    FirstKnown,
    Incident,
    LogEntry,
    MessageKind,
    Outgoing,
    Report,
    Summons,
    Timer,
    TimerKind,
    Undelivered,
    Why,
)
from domain.people import Account, Address, AddressKind, Kind, Person, Platform, Staff, Standing
from domain.report_form import Draft
from domain.words import About, DeliveryState, IncidentState, Role, Urgency
from storage import sealed
from storage import tables as t
from storage.audit_entries import add_entries, add_entry, next_number
from storage.breach_records import BreachRecords
from storage.case_rows import alert_of as _alert
from storage.case_rows import incident_of as _incident
from storage.change_records import ChangeRecords
from storage.channel_records import NEVER, ChannelRecords
from storage.chronology_records import ChronologyRecords
from storage.consent_records import ConsentRecords
from storage.database import PEOPLE_CHANGED
from storage.duty_records import DutyRecords
from storage.entry_records import EntryRecords
from storage.export_records import ExportRecords
from storage.figure_records import FigureRecords
from storage.handover_records import HandoverRecords
from storage.keeping_records import KeepingRecords
from storage.listed_records import ListedRecords
from storage.lookups import add_once, among, insert_into
from storage.opening_records import OpeningRecords
from storage.outbox import GIVEN_UP, NOT_SERVED, became, show_again
from storage.people_records import PeopleRecords
from storage.question_records import QuestionRecords
from storage.queue_records import QueueRecords
from storage.reading_records import ReadingRecords
from storage.references import new_reference
from storage.register_records import RegisterRecords
from storage.signing_records import SigningRecords
from storage.submission_records import SubmissionRecords
from storage.survey_records import SurveyRecords
from storage.vault import SchoolKeys, Vault

_MOST_WORDS, _LONGEST_SEARCH = 8, 200
_STAFF_CACHE: WeakKeyDictionary[Engine, dict[str, tuple[int, Staff]]] = WeakKeyDictionary()


class Records(
    BreachRecords,
    ChangeRecords,
    ChannelRecords,
    ChronologyRecords,
    DutyRecords,
    ConsentRecords,
    EntryRecords,
    ExportRecords,
    FigureRecords,
    HandoverRecords,
    KeepingRecords,
    ListedRecords,
    OpeningRecords,
    PeopleRecords,
    QuestionRecords,
    QueueRecords,
    ReadingRecords,
    RegisterRecords,
    SigningRecords,
    SubmissionRecords,
    SurveyRecords,
):
    """The records of one school within one transaction."""

    def __init__(self, connection: AsyncConnection, school: str, vault: Vault, keys: SchoolKeys) -> None:
        self._c = connection
        self._school = school
        self._vault = vault
        self._keys = keys
        self._dialect = connection.dialect.name
        self._people_changed = False
        """What this transaction has changed and may yet roll back is not remembered beyond it."""
        self._staff: Staff | None = None
        self._asked_often: dict[str, bool] = {}

    # People and accounts

    async def staff(self) -> Staff:
        """The staff list. Kept in memory as long as no import has changed it, and the same for a whole transaction."""
        if self._staff is None:
            version = await self._counter("people")
            kept = _STAFF_CACHE.setdefault(self._c.sync_engine, {})
            cached = kept.get(self._school)
            changed = self._people_changed or bool(self._c.info.get(PEOPLE_CHANGED))
            if cached is None or cached[0] != version or changed:
                cached = (version, Staff([self._who(r) for r in await self._c.execute(_STAFF, {"school": self._school})]))
                if not changed:
                    kept[self._school] = cached
            self._staff = cached[1]
        return self._staff

    async def names_of_staff(self, ids: Iterable[str]) -> dict[str, str]:
        """The names of those of the ids that are of staff, by id, whoever has left included."""
        staff, wanted = await self.staff(), set(ids)
        found = {id_: person.name for id_ in wanted if (person := staff.get(id_)) is not None}
        if others := wanted - found.keys():
            rows = await self._c.execute(_STAFF_OF_ANY_TIME, {"school": self._school, "ids": sorted(others)})
            found |= {r.id: r.name for r in rows}
        return found

    async def has_people(self) -> bool:
        """Whether the school has given any list, so that typeahead can find somebody."""
        return await self._counter("people") > 0

    async def save_people(self, people: Sequence[tuple[str, Person, bool]]) -> None:
        """Adds or changes people: the list's key, the person, and whether they are on the list."""
        if people:
            await self._save_people(people)
            await self.next_number("people")
            self._people_changed, self._staff = True, None
            if self._dialect == "sqlite":
                # Nor by another that is written together with it.
                self._c.info[PEOPLE_CHANGED] = True

    async def account(self, platform: Platform, user_id: str, since: datetime | None = None) -> Account | None:
        """A chat user as last seen, joined to the staff list by e-mail; None for somebody not seen, or not since then."""
        row = (await self._c.execute(_ACCOUNT, {"school": self._school, "platform": platform, "user": user_id})).first()
        return None if row is None or (since is not None and row.checked_at < since) else await self._account(row)

    async def user_of(self, platform: Platform, person: Person, since: datetime = NEVER) -> str | None:
        """The user id of somebody's account on a platform, if it has been seen since then and is a member's.

        Of two that had the same address, the one seen last: it has passed from one to the other.
        """
        if not person.email:
            return None
        here = {"school": self._school, "platform": platform, "email": person.email, "since": since}
        return (await self._c.execute(_USER_WITH, here)).scalar()

    async def is_gone(self, platform: Platform, email: str) -> bool:
        """Whether a platform has said of every account with an address that it is in use no more, or is no member's."""
        found = set(
            (await self._c.execute(_STANDINGS, {"school": self._school, "platform": platform, "email": email})).scalars()
        )
        return bool(email and found) and found <= {Standing.GONE, Standing.STRANGER, Standing.BOT}

    async def save_account(self, account: Account, at: datetime) -> None:
        """Remembers a chat user."""
        statement = insert_into(self._dialect, t.accounts).values(
            school=self._school,
            platform=account.platform,
            user_id=account.user_id,
            email=account.email.lower(),
            name=account.name[:255],
            standing=account.standing,
            checked_at=at,
        )
        new = {c: statement.excluded[c] for c in ("email", "name", "standing", "checked_at")}
        await self._c.execute(statement.on_conflict_do_update(index_elements=["school", "platform", "user_id"], set_=new))

    async def readers(self, since: datetime) -> Readers:
        """Who reads each channel, by person id; None where one is a stranger, or it was last looked up before `since`."""
        staff = await self.staff()
        r = t.channel_readers.c
        rows = await self._c.execute(select(t.channel_readers).where(r.school == self._school, r.checked_at > NEVER))
        found: dict[Address, frozenset[str] | None] = {}
        for row in rows:
            people = [staff.by_email(e) for e in row.emails]
            stale = row.checked_at < since
            strangers = any(p is None for p in people)
            known = None if stale or strangers else frozenset(p.id for p in people if p is not None)
            found[Address(Platform(row.platform), AddressKind.CHANNEL, row.channel)] = known
        return found

    async def _account(self, row: Row[Any]) -> Account:
        person = (await self.staff()).by_email(row.email) if row.email else None
        return Account(
            Platform(row.platform), row.user_id, row.email, row.name, person.id if person else None, Standing(row.standing)
        )

    # Reports

    async def next_number(self, name: str) -> int:
        """The next number of a series. On PostgreSQL it holds the series' row until the end of the transaction."""
        return await next_number(self._c, self._school, name)

    async def new_reference(self, of: str, beginning: str, year: int) -> str:
        """What an incident, a request or a breach (`of`: its table) is called from now on: see storage.references."""
        return await new_reference(self._c, t.metadata.tables[of], self._school, beginning, year)

    async def _counter(self, name: str) -> int:
        return (await self._c.execute(_LAST_NUMBER, {"school": self._school, "name": name})).scalar() or 0

    async def add_report(self, report: Report) -> dict[str, str]:
        """Writes the report itself: the incident, its texts, its participants and who is shut out.

        Gives the commitments to what was written, to who reported it and to who is kept out of it, for the audit: they show a
        change, and say nothing.
        """
        i, route = report.incident, report.route
        key, wrapped = self._vault.new_for_case(self._school, i.id)
        await self._c.execute(
            _ADD[t.incidents],
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
                "key_id": wrapped.key_id,
                "wrapped_key": wrapped.wrapped_key,
            },
        )
        texts = await self._add_texts(report, key)
        await self.add_exclusions(i.id, report.exclusions)
        by = sealed.commitment_to_reporter(key, i.reporter.platform, i.reporter.user_id, i.reporter.person_id)
        return {"texts": texts, "reporter": by, "shut_out": sealed.commitment_to_shut_out(key, report.exclusions)}

    async def shut_out(self, incident_id: str) -> str:
        """The commitment to who is kept out of a case now, for the audit: whatever changes that is noted with it."""
        key = await self._key_to_write(incident_id)
        people = (await self.exclusions(incident_id))[incident_id]
        return sealed.commitment_to_shut_out(key, people) if key is not None else ""

    async def add_exclusions(self, incident_id: str, exclusions: Sequence[Exclusion]) -> None:
        """Shuts people out of a case. To be noted with `shut_out`."""
        if exclusions:
            await self._c.execute(
                _ADD[t.exclusions],
                [
                    {"incident_id": incident_id, "person_id": e.person_id, "why": e.why, "participant_id": e.participant_id}
                    for e in exclusions
                ],
            )

    async def settle(self, incident_id: str, person_id: str, why: Why, by: str, at: datetime) -> bool:
        """Settles a possible match. False if it was settled before. To be noted with `shut_out`."""
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
        query = _INCIDENT_HELD if hold else _INCIDENT
        row = (await self._c.execute(query, {"school": self._school, "id": incident_id})).first()
        return _incident(row) if row is not None else None

    async def incident_by_reference(self, reference: str) -> Incident | None:
        """The incident that people call by this reference, in this school."""
        query = select(t.incidents).where(t.incidents.c.school == self._school, t.incidents.c.reference == reference)
        row = (await self._c.execute(query)).first()
        return _incident(row) if row is not None else None

    async def incident_of_draft(self, draft_id: str) -> Incident | None:
        """The incident that a draft became, so that sending it twice makes one report."""
        row = (await self._c.execute(_INCIDENT_OF_DRAFT, {"school": self._school, "draft": draft_id})).first()
        return _incident(row) if row is not None else None

    async def make_private(self, incident_id: str, about: About) -> None:
        """From now on the case is shown to the people concerned only."""
        await self._c.execute(update(t.incidents).where(t.incidents.c.id == incident_id).values(private=True, about=about))

    async def set_incident_state(self, incident_id: str, state: IncidentState, closed_at: datetime | None = None) -> None:
        """Moves a case on."""
        await self._c.execute(
            update(t.incidents).where(t.incidents.c.id == incident_id).values(state=state, closed_at=closed_at)
        )

    async def exclusions(self, *incident_ids: str) -> dict[str, tuple[Exclusion, ...]]:
        """Who is shut out of each of these cases."""
        rows = await self._c.execute(_EXCLUSIONS, {"incidents": incident_ids})
        found: dict[str, list[Exclusion]] = {i: [] for i in incident_ids}
        for r in rows:
            found[r.incident_id].append(Exclusion(r.person_id, Why(r.why), r.participant_id))
        return {i: tuple(e) for i, e in found.items()}

    async def reported_by(self, account: Account, limit: int) -> list[Incident]:
        """Somebody's own reports, newest first: from any account of the same person, and from this one.

        From this one, those of another member of staff are not among them: the account was theirs before.
        """
        i = t.incidents.c
        newest = select(t.incidents).where(i.school == self._school).order_by(i.reported_at.desc()).limit(limit)
        # One after the other, since each has its index: asked with an "or", SQLite looks through every report of the school.
        from_here = i.reporter_platform == account.platform, i.reporter_user == account.user_id
        asked = [newest.where(*from_here)]
        if account.person_id:
            asked.append(newest.where(i.reporter_person == account.person_id))
        # Whose they are is looked at here: asked of the database, PostgreSQL would take the index of the persons for it.
        theirs = (None, account.person_id)
        rows = [r for query in asked for r in await self._c.execute(query) if r.reporter_person in theirs]
        found = {r.id: _incident(r) for r in rows}
        return sorted(found.values(), key=lambda incident: incident.reported_at, reverse=True)[:limit]

    # Alerts

    async def set_going(self, outgoing: Outgoing, at: datetime) -> None:
        """Writes alerts, who is asked, what is sent and what falls due. Asking somebody twice in a round changes nothing."""
        if outgoing.alerts:
            await self._c.execute(_ADD[t.alerts], [self._alert_row(a) for a in outgoing.alerts])
        if outgoing.summonses:
            asked = [
                {"alert_id": s.alert_id, "person_id": s.person_id, "round": s.round, "role": s.role, "why": s.why, "at": s.at}
                for s in outgoing.summonses
            ]
            await self._c.execute(add_once(self._dialect, t.summonses), asked)
        if outgoing.deliveries:
            rows = [self._delivery_row(d, at) for d in outgoing.deliveries]
            await self._c.execute(add_once(self._dialect, t.deliveries), rows)
        if outgoing.timers:
            await self._c.execute(_ADD[t.timers], [self._timer_row(x) for x in outgoing.timers])

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
        things = (
            *(d.alert_id, d.incident_id, d.request_id, d.breach_id, d.figures_id),
            *(d.register_id, d.submission_id, d.signer_id, d.duty_id),
        )
        of = next(filter(None, things), None)
        return {
            "id": d.id,
            "school": self._school,
            "incident_id": d.incident_id,
            "alert_id": d.alert_id,
            "request_id": d.request_id,
            "breach_id": d.breach_id,
            "figures_id": d.figures_id,
            "register_id": d.register_id,
            "submission_id": d.submission_id,
            "signer_id": d.signer_id,
            "duty_id": d.duty_id,
            "message": d.message,
            "platform": d.address.platform,
            "address_kind": d.address.kind,
            "address_id": d.address.id,
            "state": DeliveryState.PENDING,
            "next_at": at,
            "made_at": at,
            "summons_round": d.summons_round,
            "step": f"{of}:{d.step}" if d.step else "",
        }

    def _timer_row(self, x: Timer) -> dict[str, Any]:
        return {
            "id": x.id,
            "school": self._school,
            "kind": x.kind,
            "incident_id": x.incident_id,
            "alert_id": x.alert_id,
            "entry_id": x.entry_id,
            "due_at": x.due_at,
            "state": "pending",
        }

    async def alert(self, alert_id: str) -> Alert | None:
        """The alert of that id in this school. Hold its incident before you change it."""
        row = (await self._c.execute(_ALERT, {"school": self._school, "id": alert_id})).first()
        return _alert(row) if row is not None else None

    async def alerts_of(self, incident_id: str) -> tuple[Alert, ...]:
        """Every alert of a case, in the order in which they were opened."""
        return tuple(_alert(r) for r in await self._c.execute(_ALERTS_OF, {"incident": incident_id}))

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
        rows = await self._c.execute(_SUMMONSES, {"alerts": alert_ids}) if alert_ids else ()
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

    async def next_ring(self, alert_id: str, kind: TimerKind) -> datetime | None:
        """When something of that kind falls due next for an alert; None if nothing will."""
        x = t.timers.c
        pending = (x.alert_id == alert_id, x.kind == kind, x.state == "pending")
        found: datetime | None = await self._c.scalar(select(x.due_at).where(*pending).order_by(x.due_at).limit(1))
        return found

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

    async def show_again(
        self, incident_id: str, at: datetime, *messages: MessageKind, alert_id: str | None = None, given_up: bool = False
    ) -> None:
        """What these messages show has changed: every copy is to be changed where it stands.

        `given_up`: those as well that stand somewhere and could not be changed the last time.
        """
        d = t.deliveries.c
        of_alert = d.alert_id == alert_id if alert_id is not None else true()
        shown = (d.incident_id == incident_id, d.message.in_(messages), of_alert)
        await self._c.execute(show_again(at, *shown, given_up=given_up))

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

    async def hold_other_copies(self, delivery: Delivery) -> int:
        """In how many other chats somebody has, or may still get, what they are told in this message.

        All of them are held, this one too: of two that are given up at once, one sees that it is the last.
        """
        d = t.deliveries.c
        about = d.signer_id == delivery.signer_id if delivery.signer_id is not None else d.duty_id == delivery.duty_id
        same = (about, d.message == delivery.message, d.step == delivery.step, d.address_id == delivery.address.id)
        # Not in order of the column itself, as elsewhere: SQLite would go through all there are.
        in_order = select(d.id, d.state).where(*same, d.platform != Platform.EMAIL).order_by(d.id.concat(""))
        over = (DeliveryState.DEAD, DeliveryState.CANCELLED)
        rows = await self._c.execute(in_order.with_for_update())
        return sum(row.id != delivery.id and row.state not in over for row in rows)

    async def undelivered(self, *incident_ids: str) -> tuple[Undelivered, ...]:
        """What was given up of these cases' messages: not what the same person has had over another chat."""
        rows = await self._c.execute(_UNDELIVERED, {"school": self._school, "incidents": incident_ids})
        return tuple(Undelivered(incident, Platform(platform), *counts) for incident, platform, *counts in rows)

    # Audit

    async def note(
        self, at: datetime, actor: str, action: str, incident_id: str | None = None, **data: str | int | bool | None
    ) -> None:
        """Adds an entry to the school's audit chain: who did what, by ids and codes, and the hash of the one before."""
        await add_entry(self._c, self._school, at, actor, action, incident_id, data)

    async def note_all(self, at: datetime, actor: str, noted: Sequence[Noted]) -> None:
        """Adds an entry for each of several things that somebody did at one moment, in their order."""
        await add_entries(self._c, self._school, at, actor, noted)

    async def first_known(self, incident: Incident) -> FirstKnown:
        """What a case was when it was reported; where the audit does not say, what it is now."""
        a = t.audit.c
        telling = a.action.in_(("incident.reported", "case.closed", "case.reclassified", "case.made_private"))
        here = a.school == self._school, a.incident_id == incident.id, telling
        rows = (await self._c.execute(select(a.action, a.data).where(*here).order_by(a.seq))).all()
        said: dict[str, Any] = next((r.data for r in rows if r.action == "incident.reported"), {})
        about, private = said.get("about", incident.facts.about), said.get("private", incident.private)
        urgency, changed = said.get("urgency"), next((r.data for r in rows if r.action == "case.reclassified"), None)
        return FirstKnown(
            About(about),
            bool(private),
            sum(r.action == "case.closed" for r in rows),
            str(said.get("concern") or ""),
            Urgency(urgency) if urgency else None,
            datetime.fromisoformat(changed["due_was"]) if changed is not None else None,
            _taken_for(incident, [r.data for r in rows]),
        )

    async def log(self, incident_id: str, without: Collection[str] = ()) -> tuple[LogEntry, ...]:
        """What was done in a case, oldest first, with the names of the staff who did it. `without`: actions left out of it."""
        staff = await self.staff()
        # Left out in the database: a case that is read every day has more readings than all else.
        values = {"school": self._school, "incident": incident_id, "without": sorted(without)}
        rows = await self._c.execute(_LOG, values)
        return tuple(
            LogEntry(r.at, _actor_name(staff, r.actor, r.reporter_person), r.action, str(r.data.get("role") or ""))
            for r in rows
        )

    # Drafts

    async def draft(self, draft_id: str) -> Draft | None:
        """The draft of that id, held until the end of the transaction on PostgreSQL."""
        row = (await self._c.execute(_DRAFT_HELD, {"school": self._school, "id": draft_id})).first()
        return self._draft(row) if row is not None else None

    async def open_draft(self, account: Account, now: datetime) -> Draft | None:
        """The newest report that somebody has begun and not finished, as long as it is kept."""
        own = {"school": self._school, "platform": account.platform, "user": account.user_id, "now": now}
        row = (await self._c.execute(_OPEN_DRAFT, own)).first()
        return self._draft(row) if row is not None else None

    async def save_draft(self, draft: Draft) -> None:
        """Keeps what has reached the bot of a report. A draft that was submitted is left as it is."""
        filled = {k: list(v) if isinstance(v, tuple) else v for k, v in draft.filled.items()}
        by = (draft.account.platform, draft.account.user_id)
        row = {
            "id": draft.id,
            "school": self._school,
            "platform": draft.account.platform,
            "user_id": draft.account.user_id,
            "state": "open",
            "filled": {},
            "sealed": sealed.sealed_draft(self._keys, self._school, draft.id, filled, by),
            "changed_at": draft.changed_at,
            "expires_at": draft.expires_at,
        }
        await self._c.execute(_save_draft(self._dialect), row)

    async def end_draft(self, draft_id: str, *, submitted: bool) -> None:
        """Submits or discards a draft and forgets what was typed: a submitted one lives on in its report."""
        state = "submitted" if submitted else "discarded"
        emptied: dict[str, Any] = {"filled": {}, "sealed": None}
        await self._c.execute(_END_DRAFT, {"of_school": self._school, "of_draft": draft_id, "state": state, **emptied})

    def _draft(self, r: Row[Any]) -> Draft:
        kept = sealed.opened_draft(self._keys, r) if r.state == "open" else {}
        filled = {k: tuple(v) if isinstance(v, list) else v for k, v in kept.items()}
        return Draft(r.id, Account(Platform(r.platform), r.user_id), filled, r.changed_at, r.expires_at, r.state != "open")


# Written out once: these run with every report and every message, and to put one together costs more than to run it.
_ADD = {table: insert(table) for table in (t.incidents, t.exclusions, t.alerts, t.timers)}
_STAFF = select(t.people).where(t.people.c.school == bindparam("school"), t.people.c.kind == Kind.STAFF, t.people.c.active)
_STAFF_OF_ANY_TIME = select(t.people.c.id, t.people.c.name).where(
    t.people.c.school == bindparam("school"), t.people.c.kind == Kind.STAFF, among(t.people.c.id, "ids")
)
_ON_PLATFORM = (t.accounts.c.school == bindparam("school"), t.accounts.c.platform == bindparam("platform"))
_ACCOUNT = select(t.accounts).where(*_ON_PLATFORM, t.accounts.c.user_id == bindparam("user"))
_STANDINGS = select(t.accounts.c.standing).where(*_ON_PLATFORM, t.accounts.c.email == bindparam("email"))
_USER_WITH = (
    select(t.accounts.c.user_id)
    .where(
        *_ON_PLATFORM,
        t.accounts.c.email == bindparam("email"),
        t.accounts.c.standing == Standing.MEMBER,
        t.accounts.c.checked_at >= bindparam("since", type_=t.accounts.c.checked_at.type),
    )
    .order_by(t.accounts.c.checked_at.desc(), t.accounts.c.user_id)
    .limit(1)
)
_LAST_NUMBER = select(t.counters.c.last).where(
    t.counters.c.school == bindparam("school"), t.counters.c.name == bindparam("name")
)
_INCIDENT = select(t.incidents).where(t.incidents.c.school == bindparam("school"), t.incidents.c.id == bindparam("id"))
_INCIDENT_HELD = _INCIDENT.with_for_update()
_INCIDENT_OF_DRAFT = select(t.incidents).where(
    t.incidents.c.school == bindparam("school"), t.incidents.c.draft_id == bindparam("draft")
)
_EXCLUSIONS = select(t.exclusions).where(among(t.exclusions.c.incident_id, "incidents"))
_ALERT = select(t.alerts).where(t.alerts.c.school == bindparam("school"), t.alerts.c.id == bindparam("id"))
_ALERTS_OF = (
    select(t.alerts).where(t.alerts.c.incident_id == bindparam("incident")).order_by(t.alerts.c.opened_at, t.alerts.c.id)
)
_SUMMONSES = select(t.summonses).where(among(t.summonses.c.alert_id, "alerts")).order_by(t.summonses.c.at)
_LOG = (
    select(t.audit.c.at, t.audit.c.actor, t.audit.c.action, t.audit.c.data, t.incidents.c.reporter_person)
    .join(t.incidents, t.incidents.c.id == t.audit.c.incident_id)
    .where(t.audit.c.school == bindparam("school"), t.audit.c.incident_id == bindparam("incident"))
    .where(~among(t.audit.c.action, "without"))
    .order_by(t.audit.c.seq)
)
_DRAFT_HELD = (
    select(t.drafts).where(t.drafts.c.school == bindparam("school"), t.drafts.c.id == bindparam("id")).with_for_update()
)
_OPEN_DRAFT = (
    select(t.drafts)
    .where(
        t.drafts.c.school == bindparam("school"),
        t.drafts.c.platform == bindparam("platform"),
        t.drafts.c.user_id == bindparam("user"),
        t.drafts.c.state == "open",
        t.drafts.c.expires_at > bindparam("now"),
    )
    .order_by(t.drafts.c.changed_at.desc())
    .limit(1)
)
_END_DRAFT = update(t.drafts).where(
    t.drafts.c.school == bindparam("of_school"), t.drafts.c.id == bindparam("of_draft"), t.drafts.c.state == "open"
)


def _undelivered() -> Select[Any]:
    d, other = t.deliveries.c, t.deliveries.alias("other")
    elsewhere = exists().where(
        other.c.incident_id == d.incident_id,
        other.c.message == d.message,
        other.c.address_id == d.address_id,
        other.c.summons_round == d.summons_round,
        other.c.state == DeliveryState.SENT,
        other.c.platform != Platform.EMAIL,
    )
    unserved = and_(d.state == DeliveryState.PENDING, d.trouble == NOT_SERVED)
    still_shown = and_(GIVEN_UP, d.trouble.startswith(f"{STILL_SHOWN}.", autoescape=True))
    return (
        select(d.incident_id, d.platform, func.count(), func.count(case((still_shown, 1))))
        .where(d.school == bindparam("school"), or_(GIVEN_UP, unserved), among(d.incident_id, "incidents"))
        .where(or_(still_shown, ~elsewhere))
        .group_by(d.incident_id, d.platform)
        .order_by(d.incident_id, d.platform)
    )


_UNDELIVERED = _undelivered()


@cache
def _save_draft(dialect: str) -> Executable:
    statement = insert_into(dialect, t.drafts)
    return statement.on_conflict_do_update(
        index_elements=["id"],
        set_={c: statement.excluded[c] for c in ("filled", "sealed", "changed_at", "expires_at")},
        where=and_(t.drafts.c.state == "open", t.drafts.c.school == statement.excluded.school),
    )


def new_id() -> str:
    """A fresh id that says nothing."""
    return str(uuid4())


def next_id() -> str:
    """A fresh id that comes after those made in milliseconds before it: a UUID of version 7 (RFC 9562, section 5.7).

    It tells when it was made. It is for what belongs to a case, of which that is known: its rows lie side by side in each
    index then, and a report finds its places as quickly among a million as among ten.
    """
    milliseconds, drawn = time.time_ns() // 1_000_000, secrets.randbits(74)
    return str(UUID(int=milliseconds << 80 | 7 << 76 | drawn >> 62 << 64 | 2 << 62 | drawn & (1 << 62) - 1))


def _taken_for(incident: Incident, told: Sequence[Mapping[str, Any]]) -> tuple[tuple[str, About], ...]:
    """What a case has been taken for, by its entries in time order, of which some say what it was before."""
    first = next((str(d[x]) for d in told for x in ("concern_was", "concern") if d.get(x)), incident.facts.concern)
    now = first, About(next((d["about"] for d in told if d.get("about")), incident.facts.about))
    found = {now: None}
    for data in told:
        now = str(data.get("concern") or now[0]), About(data.get("about") or now[1])
        found[now] = None
    return tuple(found)


def _actor_name(staff: Staff, actor: str, reporter: str | None) -> str:
    kind, _, rest = actor.partition(":")
    if kind == "reporter":
        kind, rest = ("person", reporter) if reporter is not None else ("account", "")
    if kind == "person":
        person = staff.get(rest)
        return person.name if person is not None else "somebody who has left"
    return "somebody who is not on the staff list" if kind == "account" else "the bot"
