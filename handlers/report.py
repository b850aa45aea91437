"""Reporting an incident: two screens, kept as they reach the bot, and one transaction that makes them a report."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TypeAlias

from domain.audience import (
    Duty,
    about_whom,
    duties,
    excluded_ids,
    exclusions,
    groups_concerned,
    missing_groups,
)
from domain.deadlines import Deadline, Unit
from domain.incident import Incident, MessageKind, Narrative, Outgoing, Participant, Place, Report
from domain.messages import ReceiptMessage
from domain.people import Account, Group, Person, School, Staff
from domain.report_form import (
    LONGEST_NAME,
    LONGEST_PLACE,
    LONGEST_TEXT,
    MOST_PEOPLE,
    NO,
    PEOPLE_FIELDS,
    UNSURE,
    YES,
    DetailQuestions,
    Draft,
    DraftGone,
    Fault,
    Field,
    Filled,
    KindQuestions,
    NamedPerson,
    Unfinished,
)
from domain.routing import Facts, Route, matters, route
from domain.words import About, IncidentState, ParticipantRole, Role
from handlers.alerting import delivery, open_duty
from handlers.compose import receipt, receipt_of
from handlers.ports import REPORTER, Ports, Records, actor
from handlers.rights import viewer

LINK = "link"
"""Where a report that began at a message keeps the message's address; no field of the form."""

_GROUP_FIELDS = {Group.HOUSE: Field.HOUSE, Group.FORM: Field.FORM}
_SCREEN_ONE = frozenset({Field.CONCERN, Field.ABOUT, Field.DANGER})
_SCREEN_TWO = frozenset(Field) - _SCREEN_ONE
_LONGEST_ID = 36
_MOST_LOOKED_UP = 50
_CLOCK_DRIFT = timedelta(minutes=10)
_LAST_RESORT = (Role.DSL, Role.HEADTEACHER, Role.CHAIR_OF_GOVERNORS)
_LAST_RESORT_PRIVATE = (Role.HEADTEACHER, Role.CHAIR_OF_GOVERNORS)


@dataclass(frozen=True, slots=True)
class Reported:
    """The report is kept, and this is what its reporter is told. `before`: it was kept when the same form came earlier."""

    incident: Incident
    receipt: ReceiptMessage
    before: bool = False


Begun: TypeAlias = KindQuestions | Unfinished
KindOutcome: TypeAlias = DetailQuestions | KindQuestions | DraftGone
DetailOutcome: TypeAlias = Reported | DetailQuestions | DraftGone


async def begin(
    ports: Ports,
    school: School,
    account: Account,
    *,
    link: str = "",
    fresh: bool = False,
    concern: str = "",
    about: str = "",
) -> Begun:
    """Starts a report, or offers to take up one that was not finished. `concern` and `about` are filled in where known."""
    if not link and not fresh and not concern:
        async with ports.store.transaction(school, write=False) as records:
            draft = await records.open_draft(account, ports.clock.now())
        if draft is not None:
            return Unfinished(draft.id, school.policy.concerns.get(_text(draft.filled, Field.CONCERN)), draft.changed_at)
    draft_id = ports.next_id()
    if link:
        now = ports.clock.now()
        async with ports.store.transaction(school) as records:
            await records.save_draft(Draft(draft_id, account, {LINK: link}, now, _kept_until(school, now)))
    filled: dict[str, str] = {Field.CONCERN: concern} if concern in school.policy.concerns else {}
    if about in set(About):
        filled[Field.ABOUT] = about
    return KindQuestions(draft_id, tuple(school.policy.concerns.values()), filled)


async def resume(ports: Ports, school: School, account: Account, draft_id: str) -> DetailQuestions | KindQuestions | DraftGone:
    """Takes up a report where it was left."""
    async with ports.store.transaction(school, write=False) as records:
        draft = await _own_draft(records, account, draft_id, ports.clock.now())
        if draft is None or draft.submitted:
            return DraftGone()
        faults = _kind_faults(school, draft.filled)
        if faults:
            return KindQuestions(draft_id, tuple(school.policy.concerns.values()), draft.filled)
        return await _questions(ports, records, school, draft_id, draft.filled)


async def discard(ports: Ports, school: School, account: Account, draft_id: str) -> None:
    """Drops a report that was begun, and forgets what was typed."""
    now = ports.clock.now()
    async with ports.store.transaction(school) as records:
        if await _own_draft(records, account, draft_id, now):
            await records.end_draft(draft_id, submitted=False)
            await records.note(now, actor(account), "draft.discarded")


async def choose_kind(ports: Ports, school: School, account: Account, draft_id: str, filled: Filled) -> KindOutcome:
    """Takes screen one. Right, it is kept and screen two comes back; wrong, the same screen with the faults at the fields."""
    if not 0 < len(draft_id) <= _LONGEST_ID:
        return DraftGone()
    filled = {f: v for f, v in filled.items() if f in _SCREEN_ONE}
    faults = _kind_faults(school, filled)
    if faults:
        return KindQuestions(draft_id, tuple(school.policy.concerns.values()), filled, faults)
    now = ports.clock.now()
    async with ports.store.transaction(school) as records:
        known = await records.draft(draft_id)
        if known is not None and (known.submitted or not _owns(known, account)):
            return DraftGone()
        filled = {**(known.filled if known else {}), **filled}
        await records.save_draft(Draft(draft_id, account, filled, now, _kept_until(school, now)))
        return await _questions(ports, records, school, draft_id, filled)


async def keep_typing(ports: Ports, school: School, account: Account, draft_id: str, filled: Filled) -> None:
    """Keeps what has been typed of screen two so far, so that a restart loses none of it."""
    now = ports.clock.now()
    async with ports.store.transaction(school) as records:
        draft = await _own_draft(records, account, draft_id, now)
        if draft is not None and not draft.submitted:
            await records.save_draft(
                replace(draft, filled=_joined(draft, filled), changed_at=now, expires_at=_kept_until(school, now))
            )


async def submit(ports: Ports, school: School, account: Account, draft_id: str, filled: Filled) -> DetailOutcome:
    """Takes screen two and makes the report: record, alerts, deliveries, timers and audit at once, or the form again.

    Sending the same form twice makes one report.
    """
    now = ports.clock.now()
    async with ports.store.transaction(school) as records:
        # The draft is held first, so that of two who send it at once the second finds the first one's report. To be late is no
        # reason to refuse a report: as long as screen one is still kept it counts.
        draft = await records.draft(draft_id)
        if (made := await records.incident_of_draft(draft_id)) is not None:
            # The same form sent twice: the report stands, and its receipt is shown again.
            if not _same_reporter(made, account):
                return DraftGone()
            return Reported(made, await receipt_of(records, school, made), before=True)
        if draft is None or draft.submitted or not _owns(draft, account) or _kind_faults(school, draft.filled):
            return DraftGone()
        filled = _joined(draft, filled)
        outcome = await _take(ports, records, school, account, draft_id, filled, now)
        if isinstance(outcome, DetailQuestions):
            await records.save_draft(replace(draft, filled=filled, changed_at=now, expires_at=_kept_until(school, now)))
            return outcome
        await records.end_draft(draft_id, submitted=True)
    ports.wake()
    return Reported(*outcome)


async def suggest(ports: Ports, school: School, account: Account, typed: str, limit: int = 20) -> list[Person]:
    """People on the school's lists whose names begin as typed; nobody for whoever is not surely on the staff list."""
    async with ports.store.transaction(school, write=False) as records:
        if (await viewer(records, school, account)).person is None:
            return []
        return await records.search_people(typed, limit)


async def _take(
    ports: Ports, records: Records, school: School, account: Account, draft_id: str, filled: Filled, now: datetime
) -> tuple[Incident, ReceiptMessage] | DetailQuestions:
    faults = _detail_faults(school, filled, now)
    people, gone = await _people(ports, records, filled)
    faults |= {f: Fault.PERSON_GONE for f in gone if f not in faults}
    if faults:
        return await _questions(ports, records, school, draft_id, filled, faults)
    # Whom it shuts out goes by this list: an import waits until the report is there, and compares its names too.
    await records.hold_list()
    staff = await records.staff()
    participants = tuple(p for p, _ in people)
    facts = replace(_facts(filled), about=about_whom(school, staff, About(_text(filled, Field.ABOUT)), participants))
    shut_out = exclusions(school, staff, facts, participants)
    found = route(school.policy, facts, staff.fully_excluded_roles(school, excluded_ids(shut_out)))
    groups = groups_concerned(people, {g: _told(filled, f) for g, f in _GROUP_FIELDS.items()})
    if places := [p for p in missing_groups(school, found.notify, groups) if not _answered(filled, p)]:
        faults = {_GROUP_FIELDS[p.group]: Fault.GROUP_NEEDED for p in places}
        return await _questions(ports, records, school, draft_id, filled, faults, tuple(places))
    private = found.private or _names_staff_as_perpetrator(
        staff, participants, {e.person_id: e.participant_id for e in shut_out}
    )
    asked = await find_duties(ports, records, school, staff, found, groups, excluded_ids(shut_out), private=private, now=now)
    incident = Incident(
        id=ports.next_id(),
        school=school.id,
        reference=await records.new_reference("incidents", school.prefix, school.calendar.year(now)),
        facts=facts,
        urgency=found.urgency,
        private=private,
        state=IncidentState.REPORTED,
        reporter=account,
        reported_at=now,
        occurred_at=_moment(school, filled, now),
        due_at=school.calendar.due(found.acknowledge, now),
    )
    narrative = Narrative(
        what_happened=_text(filled, Field.WHAT),
        done_already=_text(filled, Field.DONE),
        where=_text(filled, Field.WHERE),
        link=_text(filled, LINK),
    )
    committed = await records.add_report(Report(incident, narrative, participants, shut_out, found, draft_id))
    outgoing = Outgoing(deliveries=[delivery(ports, incident.id, None, MessageKind.RECEIPT, account.address, "first")])
    for duty in asked:
        open_duty(ports, outgoing, incident, duty, now, incident.due_at)
    await records.set_going(outgoing, now)
    await records.note(
        now,
        REPORTER,
        "incident.reported",
        incident.id,
        concern=facts.concern,
        about=facts.about,
        urgency=found.urgency,
        private=private,
        **committed,
    )
    summonses = {a.id: tuple(s for s in outgoing.summonses if s.alert_id == a.id) for a in outgoing.alerts}
    return incident, receipt(school, staff, incident, tuple(outgoing.alerts), summonses, excluded_ids(shut_out))


async def find_duties(
    ports: Ports,
    records: Records,
    school: School,
    staff: Staff,
    found: Route,
    groups: Mapping[Group, tuple[str, ...]],
    excluded: frozenset[str],
    *,
    private: bool,
    now: datetime,
) -> tuple[Duty, ...]:
    """Who must answer for a report; where nobody is left of those whom the route names, whoever is the last resort."""
    readers = await records.readers(now - ports.readers_known_for) if excluded and not private else {}
    asked = duties(school, staff, found.notify, groups, excluded, private=private, readers=readers)
    if any(d.rungs for d in asked):
        return tuple(d for d in asked if d.rungs or d.channels)
    resort = _LAST_RESORT_PRIVATE if private else _LAST_RESORT
    return duties(school, staff, resort, groups, excluded, private=private, readers=readers)[:1] or asked


async def _questions(
    ports: Ports,
    records: Records,
    school: School,
    draft_id: str,
    filled: Filled,
    faults: Mapping[str, Fault] | None = None,
    places: tuple[Place, ...] = (),
) -> DetailQuestions:
    facts = _facts(filled)
    searchable = await records.has_people()
    found = route(school.policy, facts)
    turns_on = matters(school.policy, facts)
    asked_before = {g for g, f in _GROUP_FIELDS.items() if f in filled}
    needed = missing_groups(school, found.notify, {})
    unknowable = tuple(p for p in needed if not searchable or p.group in asked_before)
    return DetailQuestions(
        draft_id=draft_id,
        concern=school.policy.concerns[facts.concern],
        about=facts.about,
        immediate_danger=facts.immediate_danger,
        warnings=found.warnings,
        phones=tuple((school.policy.role_title(role), number) for role, number in school.phones.items()),
        asks_repeat="repeat" in turns_on,
        asks_illegal="illegal_suspected" in turns_on,
        places=tuple(dict.fromkeys((*places, *unknowable))),
        searchable=searchable,
        now=ports.clock.now().astimezone(school.calendar.timezone),
        filled=filled,
        people=await _named(ports, records, filled),
        faults=faults or {},
    )


def _facts(filled: Filled) -> Facts:
    repeat, illegal = _text(filled, Field.REPEAT), _text(filled, Field.ILLEGAL)
    return Facts(
        concern=_text(filled, Field.CONCERN),
        about=About(_text(filled, Field.ABOUT)),
        repeat={YES: True, NO: False}.get(repeat),
        immediate_danger=_text(filled, Field.DANGER) == YES,
        # Somebody who is not sure whether a law was broken suspects it: that is what the question asks.
        illegal_suspected={YES: True, UNSURE: True, NO: False}.get(illegal),
    )


def _kind_faults(school: School, filled: Filled) -> dict[str, Fault]:
    allowed: dict[Field, set[str]] = {
        Field.CONCERN: set(school.policy.concerns),
        Field.ABOUT: set(About),
        Field.DANGER: {YES, NO},
    }
    return {f: fault for f, choices in allowed.items() if (fault := _choice_fault(filled, f, choices))}


def _detail_faults(school: School, filled: Filled, now: datetime) -> dict[str, Fault]:
    faults: dict[str, Fault] = {}
    asks = matters(school.policy, _facts(filled))
    for name, field in (("repeat", Field.REPEAT), ("illegal_suspected", Field.ILLEGAL)):
        if name in asks and (fault := _choice_fault(filled, field, {YES, NO, UNSURE})):
            faults[field] = fault
    for group, field in _GROUP_FIELDS.items():
        if _text(filled, field) not in ("", UNSURE, *school.groups(group)):
            faults[field] = Fault.UNKNOWN_CHOICE
    if not _text(filled, Field.WHAT):
        faults[Field.WHAT] = Fault.MISSING
    for field, longest in ((Field.WHAT, LONGEST_TEXT), (Field.DONE, LONGEST_TEXT), (Field.WHERE, LONGEST_PLACE)):
        if len(_text(filled, field)) > longest:
            faults[field] = Fault.TOO_LONG
    for field in PEOPLE_FIELDS:
        values = _values(filled, field)
        if len(values) > MOST_PEOPLE:
            faults[field] = Fault.TOO_MANY
        elif any(len(v.removeprefix("text:")) > LONGEST_NAME for v in values):
            faults[field] = Fault.TOO_LONG
    return faults | _moment_faults(school, filled, now)


def _moment_faults(school: School, filled: Filled, now: datetime) -> dict[str, Fault]:
    try:
        moment = _moment(school, filled, now)
    except (ValueError, OverflowError):
        return {Field.WHEN: Fault.NOT_A_MOMENT}
    return {Field.WHEN: Fault.IN_FUTURE} if moment > now + _CLOCK_DRIFT else {}


def _choice_fault(filled: Filled, field: Field, allowed: set[str]) -> Fault | None:
    value = _text(filled, field)
    if not value:
        return Fault.MISSING
    return None if value in allowed else Fault.UNKNOWN_CHOICE


def _moment(school: School, filled: Filled, now: datetime) -> datetime:
    text = _text(filled, Field.WHEN)
    if not text:
        return now
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo is not None else moment.replace(tzinfo=school.calendar.timezone)).astimezone(UTC)


async def _people(ports: Ports, records: Records, filled: Filled) -> tuple[list[tuple[Participant, Person | None]], set[str]]:
    ids = {v.removeprefix("person:") for f in PEOPLE_FIELDS for v in _values(filled, f) if v.startswith("person:")}
    known = await records.people(ids)
    found: list[tuple[Participant, Person | None]] = []
    gone: set[str] = set()
    for field, role in PEOPLE_FIELDS.items():
        for value in dict.fromkeys(_values(filled, field)):
            kind, _, rest = value.partition(":")
            person = known.get(rest) if kind == "person" else None
            if kind == "person" and person is None:
                gone.add(field)
                continue
            name = person.name if person else " ".join((rest if kind == "text" else value).split())
            if name:
                found.append((Participant(ports.next_id(), role, name, person.id if person else None), person))
    return found, gone


async def _named(ports: Ports, records: Records, filled: Filled) -> dict[str, tuple[NamedPerson, ...]]:
    people, _ = await _people(ports, records, filled)
    found: dict[str, tuple[NamedPerson, ...]] = {}
    for field, role in PEOPLE_FIELDS.items():
        chosen = [p for p, _ in people if p.role is role]
        found[field] = tuple(NamedPerson(f"person:{p.person_id}" if p.person_id else f"text:{p.name}", p.name) for p in chosen)
    return found


def _names_staff_as_perpetrator(staff: Staff, participants: Sequence[Participant], shut_out: Mapping[str, str | None]) -> bool:
    accused = {p.id for p in participants if p.role is ParticipantRole.ALLEGED_PERPETRATOR}
    return any(staff.get(person) and participant in accused for person, participant in shut_out.items())


def _told(filled: Filled, field: Field) -> str:
    value = _text(filled, field)
    return "" if value == UNSURE else value


def _answered(filled: Filled, place: Place) -> bool:
    return bool(_text(filled, _GROUP_FIELDS[place.group]))


def _joined(draft: Draft, filled: Filled) -> Filled:
    """What was kept, and what screen two has filled in: its own fields only, so that it cannot rewrite screen one."""
    return {**draft.filled, **{f: v for f, v in filled.items() if f in _SCREEN_TWO}}


def _text(filled: Filled, field: str) -> str:
    value = filled.get(field, "")
    return value.strip() if isinstance(value, str) else ""


def _values(filled: Filled, field: str) -> tuple[str, ...]:
    value = filled.get(field, ())
    return tuple(v.strip() for v in ((value,) if isinstance(value, str) else value[:_MOST_LOOKED_UP]) if v.strip())


def _kept_until(school: School, now: datetime) -> datetime:
    return school.calendar.due(Deadline(Unit.SCHOOL_DAY, 1), now)


async def _own_draft(records: Records, account: Account, draft_id: str, now: datetime) -> Draft | None:
    draft = await records.draft(draft_id)
    return draft if draft is not None and _owns(draft, account) and draft.expires_at > now else None


def _owns(draft: Draft, account: Account) -> bool:
    return (draft.account.platform, draft.account.user_id) == (account.platform, account.user_id)


def _same_reporter(incident: Incident, account: Account) -> bool:
    """By the account: while the chat does not say whose it is, a form sent again is still found to have counted.

    Where it says that the account is another's now, it is not.
    """
    reporter = incident.reporter
    passed_on = None not in (account.person_id, reporter.person_id) and account.person_id != reporter.person_id
    return not passed_on and (reporter.platform, reporter.user_id) == (account.platform, account.user_id)
