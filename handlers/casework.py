"""Working a case: what is written in its timeline, what the policy says to do and what a person decides, and what is done.

The right to it is checked on each request. What is written is in the audit in the same transaction, by a commitment to it, and
so is each look at it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import TypeAlias

from domain.access import Act, Subject, Viewer, may
from domain.agencies import offered
from domain.casework import DecisionQuestions, DecisionSteps, EntryQuestions, KindOfEntry, StepsPage
from domain.checklists import (
    KIND,
    NO_KIND,
    OWN,
    TIMES,
    WHY,
    Checklist,
    ChooseKind,
    Earlier,
    ReasonMissing,
    Repeats,
    Suggestion,
    decide,
    filled_steps,
    suggest,
    suggest_for,
    wording,
)
from domain.entries import (
    ADDED,
    CONTACTS,
    DOER,
    DONE,
    DUE,
    LONGEST_LINE,
    OUTCOME,
    REFERENCE,
    STATUS,
    TEXT,
    TO_DO,
    WHAT,
    WHEN,
    WHO,
    WHOM,
    Action,
    Contact,
    Decided,
    Entry,
    EntryKind,
    Note,
    Timeline,
    Told,
    kind_of,
)
from domain.entries import KIND as ENTRY_KIND
from domain.grids import ILLEGAL, Kind, Times
from domain.incident import Incident, MessageKind, Outgoing, Timer, TimerKind
from domain.people import Account, School
from domain.report_form import LONGEST_TEXT, Fault, Filled
from domain.routing import route_kept
from domain.words import ParticipantRole, Role
from handlers.acknowledge import NotForYou
from handlers.ask import same_id
from handlers.ports import Ports, Records, actor
from handlers.rights import member, note_reading, subject, viewer
from handlers.timeline import may_be_told, page

_CLOCK_DRIFT = timedelta(minutes=5)
_PERSON = "person:"

EntryOutcome: TypeAlias = EntryQuestions | KindOfEntry | DecisionSteps | Timeline | NotForYou
DecisionOutcome: TypeAlias = DecisionQuestions | DecisionSteps | Timeline | NotForYou


@dataclass(frozen=True, slots=True)
class _Work:
    """A case that somebody may work, held for the rest of the transaction."""

    ports: Ports
    records: Records
    looking: Viewer
    case: Subject
    now: datetime

    @property
    def incident(self) -> Incident:
        return self.case.incident

    @property
    def school(self) -> School:
        return self.looking.school

    @property
    def person(self) -> str:
        return self.looking.person or ""

    async def noted(self) -> None:
        """Notes that the case was read."""
        await note_reading(self.records, self.looking, self.incident, self.now)

    async def page(self, number: int | None = None, *, saved: bool = False) -> Timeline:
        """A page of the timeline, noted as read."""
        await self.noted()
        return await page(self.records, self.incident, self.now, number, saved=saved)

    def new_id(self, form_id: str) -> str:
        """The id of the entry that a form makes. Of the person too: nobody can send another's form a second time."""
        return same_id("entry", self.incident.id, self.person, form_id)


# The timeline


async def timeline(
    ports: Ports, school: School, account: Account, incident_id: str, number: int | None = None
) -> Timeline | NotForYou:
    """A page of what was written in a case, the last one if none is named."""
    async with ports.store.transaction(school) as records:
        work = await _begun(ports, records, school, account, incident_id)
        return await work.page(number) if work is not None else NotForYou()


async def begin(ports: Ports, school: School, account: Account, incident_id: str) -> KindOfEntry | NotForYou:
    """What is to be added."""
    async with ports.store.transaction(school) as records:
        work = await _begun(ports, records, school, account, incident_id)
        return KindOfEntry(work.incident) if work is not None else NotForYou()


async def ask(
    ports: Ports, school: School, account: Account, incident_id: str, kind: str
) -> EntryQuestions | KindOfEntry | NotForYou:
    """The fields of an entry of a kind."""
    async with ports.store.transaction(school) as records:
        work = await _begun(ports, records, school, account, incident_id)
        if work is None:
            return NotForYou()
        if kind not in ADDED:
            return KindOfEntry(work.incident, {ENTRY_KIND: Fault.UNKNOWN_CHOICE if kind else Fault.MISSING})
        # Whoever writes an action down mostly does it too.
        filled: Filled = {DOER: (f"{_PERSON}{work.person}",)} if kind == EntryKind.ACTION else {}
        asked = EntryQuestions(work.incident, EntryKind(kind), ports.new_id(), work.now, filled)
        return replace(asked, doer=_doers_name(work, filled))


async def ask_correction(
    ports: Ports, school: School, account: Account, value: str
) -> EntryQuestions | DecisionSteps | NotForYou:
    """The form of an entry as it reads now, to be corrected. `value`: the case and the entry."""
    incident_id, _, entry_id = value.partition("|")
    async with ports.store.transaction(school) as records:
        work = await _begun(ports, records, school, account, incident_id)
        told = _newest(await records.entries(incident_id), entry_id) if work is not None else None
        if work is None or told is None:
            return NotForYou()
        await work.noted()
        if isinstance(told, Decided):
            d = told.decision
            taken = _taken(work, d.kind, d.times)
            return DecisionSteps(work.incident, taken, ports.new_id(), d.steps, d.own, d.reason, corrects=entry_id)
        filled = _filled(told)
        asked = EntryQuestions(work.incident, kind_of(told), ports.new_id(), work.now, filled, corrects=entry_id)
        return replace(asked, doer=_doers_name(work, filled))


async def add(ports: Ports, school: School, account: Account, state: str, values: Filled) -> EntryOutcome:
    """Keeps an entry, or a correction of one. The same form sent again changes nothing, and is answered as before."""
    incident_id, kind, form_id, corrects = (*state.split("|"), "", "", "")[:4]
    async with ports.store.transaction(school) as records:
        work = await _begun(ports, records, school, account, incident_id)
        if work is None or kind not in ADDED or not form_id:
            return NotForYou()
        entries = await records.entries(incident_id)
        if any(e.id == work.new_id(form_id) for e in entries):
            return await work.page(saved=True)
        was = _newest(entries, corrects)
        if corrects and (was is None or kind_of(was) != kind):
            return NotForYou()
        told, faults = _told(work, EntryKind(kind), values)
        if not corrects:
            faults |= _status_faults(work, EntryKind(kind), values)
        if faults or told is None:
            doer = _doers_name(work, values)
            return EntryQuestions(
                work.incident, EntryKind(kind), form_id, work.now, values, faults, doer=doer, corrects=corrects
            )
        done_at = _done_at(work, told, values) if not corrects else None
        done_by = work.person if done_at is not None else ""
        await _keep(work, Entry(work.new_id(form_id), incident_id, work.person, work.now, told, corrects, done_at, done_by))
        shown = await work.page(saved=True)
    ports.wake()
    return shown


async def done(ports: Ports, school: School, account: Account, value: str) -> Timeline | NotForYou:
    """Says that an action is done. `value`: the case and the entry. Said twice, the first stands."""
    incident_id, _, entry_id = value.partition("|")
    async with ports.store.transaction(school) as records:
        work = await _begun(ports, records, school, account, incident_id)
        action = await records.action(entry_id) if work is not None else None
        if work is None or action is None or action.incident_id != incident_id:
            return NotForYou()
        if await records.finish_action(entry_id, work.person, work.now):
            await records.stop_reminding(entry_id)
            await records.show_again(incident_id, work.now, MessageKind.ACTION)
            await records.note(work.now, actor(account), "action.done", incident_id, id=entry_id)
        shown = await work.page(saved=True)
    ports.wake()
    return shown


# What the policy says to do


async def steps(ports: Ports, school: School, account: Account, incident_id: str) -> StepsPage | NotForYou:
    """What the policy's grid suggests, with the repeats counted, and whom to turn to outside."""
    async with ports.store.transaction(school) as records:
        work = await _begun(ports, records, school, account, incident_id)
        if work is None:
            return NotForYou()
        await work.noted()
        decided = (await records.decided_kinds(incident_id)).get(incident_id, "")
        suggestion, counted = await _suggested(work, decided)
        facts = work.incident.facts
        named = route_kept(school.policy, facts, _out(work)).external
        agencies = offered(school.policy.guidance.agencies, school.agencies, facts.concern, facts.about, named)
        return StepsPage(work.incident, suggestion, counted, agencies)


async def ask_decision(ports: Ports, school: School, account: Account, incident_id: str) -> DecisionOutcome:
    """Which line of the grid it is; of a policy without a grid, what is decided."""
    async with ports.store.transaction(school) as records:
        work = await _begun(ports, records, school, account, incident_id)
        if work is None:
            return NotForYou()
        await work.noted()
        if school.policy.grid is None:
            return DecisionSteps(work.incident, None, ports.new_id())
        suggestion, counted = await _suggested(work)
        chosen = suggestion.kind.id if isinstance(suggestion, Checklist) else ""
        return DecisionQuestions(work.incident, _kinds(work, suggestion), chosen, counted.times if counted else Times.FIRST)


async def choose(
    ports: Ports, school: School, account: Account, incident_id: str, values: Mapping[str, str]
) -> DecisionOutcome:
    """The steps of the line that was chosen; what the policy lays down is chosen already."""
    async with ports.store.transaction(school) as records:
        work = await _begun(ports, records, school, account, incident_id)
        if work is None:
            return NotForYou()
        kind, times = values.get(KIND, ""), values.get(TIMES, "")
        known = {NO_KIND, *(school.policy.grid.kinds if school.policy.grid is not None else ())}
        faults = {KIND: Fault.UNKNOWN_CHOICE if kind else Fault.MISSING} if kind not in known else {}
        if times not in set(Times):
            faults[TIMES] = Fault.UNKNOWN_CHOICE if times else Fault.MISSING
        if faults:
            await work.noted()
            suggestion, counted = await _suggested(work)
            often = Times(times) if times in set(Times) else counted.times if counted else Times.FIRST
            return DecisionQuestions(work.incident, _kinds(work, suggestion), kind if kind in known else "", often, faults)
        taken = _taken(work, kind, Times(times))
        laid_down = tuple(i.action.id for i in taken.items if i.laid_down) if taken is not None else ()
        return DecisionSteps(work.incident, taken, ports.new_id(), laid_down)


async def decided(ports: Ports, school: School, account: Account, state: str, values: Mapping[str, str]) -> DecisionOutcome:
    """Keeps what a person decided, with a reason where it differs from what is suggested. Sent twice it is kept once."""
    incident_id, kind, times, form_id, corrects = (*state.split("|"), "", "", "", "")[:5]
    async with ports.store.transaction(school) as records:
        work = await _begun(ports, records, school, account, incident_id)
        if work is None or not form_id:
            return NotForYou()
        entries = await records.entries(incident_id)
        if any(e.id == work.new_id(form_id) for e in entries):
            return await work.page(saved=True)
        if corrects and not isinstance(_newest(entries, corrects), Decided):
            return NotForYou()
        taken = _taken(work, kind, Times(times) if times in set(Times) else None)
        on_list = [i.action for i in taken.items] if taken is not None else []
        chosen = tuple(i for i in filled_steps(values) if i in {a.id for a in on_list})
        own, reason = values.get(OWN, "").strip(), values.get(WHY, "").strip()
        faults = {field: Fault.TOO_LONG for field, text in ((OWN, own), (WHY, reason)) if len(text) > LONGEST_TEXT}
        if taken is None and not own:
            faults[OWN] = Fault.MISSING
        suggestion, _ = await _suggested(work)
        outcome = decide(suggestion, taken, chosen, own, reason)
        if isinstance(outcome, ReasonMissing):
            faults[WHY] = Fault.WHY_NEEDED
        if faults or isinstance(outcome, ReasonMissing):
            await work.noted()
            return DecisionSteps(work.incident, taken, form_id, chosen, own, reason, faults, corrects)
        words = tuple(wording(school.policy, a) for a in on_list if a.id in outcome.steps)
        told = Decided(outcome, taken.kind.name if taken is not None else "", words)
        await _keep(work, Entry(work.new_id(form_id), incident_id, work.person, work.now, told, corrects))
        return await work.page(saved=True)


async def _begun(ports: Ports, records: Records, school: School, account: Account, incident_id: str) -> _Work | None:
    now, incident = ports.clock.now(), await records.incident(incident_id)
    if incident is None:
        return None
    looking, case = await viewer(records, school, account), await subject(records, incident, now)
    return _Work(ports, records, looking, case, now) if may(looking, Act.WORK, case) else None


async def _keep(work: _Work, entry: Entry) -> None:
    records, told = work.records, entry.told
    committed = await records.add_entry(entry)
    said: dict[str, str] = {"kind": kind_of(told), "id": entry.id, "entry": committed}
    if entry.corrects:
        said["corrects"] = entry.corrects
    await records.note(
        work.now,
        actor(work.looking.account),
        "entry.corrected" if entry.corrects else "entry.added",
        entry.incident_id,
        **said,
    )
    if not isinstance(told, Action):
        return
    first = entry.corrects or entry.id
    if entry.corrects:
        await records.change_action(first, told.doer_id, told.due_at)
        await records.stop_reminding(first)
        await records.show_again(entry.incident_id, work.now, MessageKind.ACTION)
    state = await records.action(first)
    if told.due_at is not None and state is not None and state.done_at is None:
        alert, _ = work.case.duties[0]
        reminder = Timer(work.ports.new_id(), TimerKind.ACTION, entry.incident_id, alert.id, told.due_at, first)
        await records.set_going(Outgoing(timers=[reminder]), work.now)


def _newest(entries: tuple[Entry, ...], entry_id: str) -> Told | None:
    """What an entry tells now, if there is one of that id that is no correction itself."""
    found = [e for e in entries if e.corrects == entry_id] if entry_id else []
    return next((e.told for e in entries if e.id == entry_id and not e.corrects), None) if not found else found[-1].told


# What is filled in


def _told(work: _Work, kind: EntryKind, values: Filled) -> tuple[Told | None, dict[str, Fault]]:
    """What was filled in, and what is wrong with it."""
    match kind:
        case EntryKind.NOTE:
            return Note(_text(values, TEXT)), _text_faults(values, {TEXT: LONGEST_TEXT})
        case EntryKind.ACTION:
            return _action(work, values)
        case EntryKind.CONTACT:
            return _contact(work, values)
        case EntryKind.DECISION:
            return None, {}


def _action(work: _Work, values: Filled) -> tuple[Told | None, dict[str, Fault]]:
    faults = _text_faults(values, {WHAT: LONGEST_TEXT})
    picked = _picked(values)
    doer = work.looking.staff.get(picked.removeprefix(_PERSON)) if picked.startswith(_PERSON) else None
    if doer is None:
        faults[DOER] = Fault.NOT_STAFF if picked else Fault.MISSING
    elif not may_be_told(member(work.school, work.looking.staff, doer.id), work.case):
        faults[DOER] = Fault.KEPT_OUT
    due = _moment(work, values, DUE, faults)
    return (Action(_text(values, WHAT), doer.id, due) if doer is not None else None), faults


def _contact(work: _Work, values: Filled) -> tuple[Told | None, dict[str, Fault]]:
    faults = _text_faults(values, {OUTCOME: LONGEST_TEXT}) | _text_faults(
        values, {WHO: LONGEST_LINE, REFERENCE: LONGEST_LINE}, needed=False
    )
    whom = _text(values, WHOM)
    if whom not in CONTACTS:
        faults[WHOM] = Fault.UNKNOWN_CHOICE if whom else Fault.MISSING
    at = _moment(work, values, WHEN, faults) or work.now
    if at > work.now + _CLOCK_DRIFT:
        faults[WHEN] = Fault.IN_FUTURE
    if faults:
        return None, faults
    return Contact(Role(whom), at, _text(values, OUTCOME), _text(values, WHO), _text(values, REFERENCE)), faults


def _status_faults(work: _Work, kind: EntryKind, values: Filled) -> dict[str, Fault]:
    """Of an action that is new: whether it is done, which was not in the future."""
    if kind is not EntryKind.ACTION:
        return {}
    status = _text(values, STATUS)
    if status not in (TO_DO, DONE):
        return {STATUS: Fault.UNKNOWN_CHOICE if status else Fault.MISSING}
    at = _moment(work, values, DUE, {})
    return {DUE: Fault.IN_FUTURE} if status == DONE and at is not None and at > work.now + _CLOCK_DRIFT else {}


def _done_at(work: _Work, told: Told, values: Filled) -> datetime | None:
    """When it was done, for an action that was when it was written down: then its time says since when."""
    if not isinstance(told, Action) or _text(values, STATUS) != DONE:
        return None
    return told.due_at or work.now


def _filled(told: Told) -> dict[str, str | tuple[str, ...]]:
    """The fields of an entry as it reads now."""
    match told:
        case Note(text=text):
            return {TEXT: text}
        case Action(what=what, doer_id=doer, due_at=due):
            return {WHAT: what, DOER: (f"{_PERSON}{doer}",), DUE: due.isoformat() if due is not None else ""}
        case Contact(whom=whom, at=at, outcome=outcome, who=who, reference=reference):
            return {WHOM: whom, WHEN: at.isoformat(), OUTCOME: outcome, WHO: who, REFERENCE: reference}
        case Decided():
            return {}


def _doers_name(work: _Work, values: Filled) -> str:
    picked = _picked(values)
    person = work.looking.staff.get(picked.removeprefix(_PERSON))
    return person.name if person is not None else picked.partition(":")[2] if not picked.startswith(_PERSON) else ""


def _picked(values: Filled) -> str:
    value = values.get(DOER, ())
    return value if isinstance(value, str) else value[0] if value else ""


def _text(values: Filled, field: str) -> str:
    value = values.get(field, "")
    return value.strip() if isinstance(value, str) else ""


def _text_faults(values: Filled, longest: Mapping[str, int], *, needed: bool = True) -> dict[str, Fault]:
    found = {f: Fault.TOO_LONG for f, most in longest.items() if len(_text(values, f)) > most}
    return found | {f: Fault.MISSING for f in longest if needed and not _text(values, f)}


def _moment(work: _Work, values: Filled, field: str, faults: dict[str, Fault]) -> datetime | None:
    text = _text(values, field)
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
        zone = work.school.calendar.timezone
        return (moment if moment.tzinfo is not None else moment.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        faults[field] = Fault.NOT_A_MOMENT
        return None


# What is suggested


async def _suggested(work: _Work, kind: str = "") -> tuple[Suggestion, Repeats | None]:
    facts, on = work.incident.facts, _day(work, work.incident)
    earlier = await _earlier(work)
    window = work.school.repeats_within
    return suggest_for(work.school.policy, facts, earlier, on, window, kind=kind, excluded_roles=_out(work))


async def _earlier(work: _Work) -> list[Earlier]:
    """Earlier incidents in which the same person is said to have done it: of several people, of whom there are most.

    One that excludes whoever looks is not counted to them, nor a private one that they may not read.
    """
    records, incident = work.records, work.incident
    did_it = ParticipantRole.ALLEGED_PERPETRATOR
    people = {p.person_id for p in await records.participants(incident.id) if p.role is did_it and p.person_id}
    if not people:
        return []
    since = incident.reported_at - work.school.repeats_within - timedelta(days=1)
    by_person = await records.earlier_cases(incident.id, people, since, incident.reported_at)
    counted: dict[str, Incident] = {}
    for incident_id in {i for cases in by_person.values() for i in cases}:
        other = await records.incident(incident_id, hold=False)
        if other is not None and await _may_be_counted(work, other):
            counted[incident_id] = other
    kinds = await records.decided_kinds(*counted)
    most = max(([i for i in cases if i in counted] for cases in by_person.values()), key=len, default=[])
    return [Earlier(i, _day(work, counted[i]), counted[i].facts.concern, kinds.get(i, "")) for i in most]


async def _may_be_counted(work: _Work, other: Incident) -> bool:
    case = await subject(work.records, other, work.now)
    return work.person not in case.excluded and (not other.private or may(work.looking, Act.READ, case))


def _taken(work: _Work, kind: str, times: Times | None) -> Checklist | None:
    """The checklist of a line that was chosen; None where the grid has none for it, or has it no more."""
    grid, facts = work.school.policy.grid, work.incident.facts
    if grid is None or kind not in grid.kinds or times is None:
        return None
    told = {ILLEGAL: True} if facts.illegal_suspected else {}
    found = suggest(work.school.policy, facts.concern, facts.about, times, told, kind, _out(work))
    return found if isinstance(found, Checklist) else None


def _kinds(work: _Work, suggestion: Suggestion) -> tuple[Kind, ...]:
    """All that there are, those that it can be first."""
    grid = work.school.policy.grid
    kinds = tuple(grid.kinds.values()) if grid is not None else ()
    first = suggestion.kinds if isinstance(suggestion, ChooseKind) else ()
    return tuple(sorted(kinds, key=lambda kind: kind not in first))


def _out(work: _Work) -> frozenset[Role]:
    return work.looking.staff.fully_excluded_roles(work.school, work.case.excluded)


def _day(work: _Work, incident: Incident) -> date:
    return incident.reported_at.astimezone(work.school.calendar.timezone).date()
