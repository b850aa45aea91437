"""Working a case: what is written in its timeline, what the policy says to do and what a person decides, and what is done.

The right to it is checked on each request. What is written is in the audit in the same transaction, by a commitment to it, and
so is each look at it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import TypeAlias

from domain.access import LEADS, TECHNICAL, Act, may
from domain.agencies import Offered, offered
from domain.case_changes import Result
from domain.casework import Advice, DecisionQuestions, DecisionSteps, EntryQuestions, KindOfEntry, StepsPage
from domain.checklists import (
    COUNTED,
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
    FOLLOWS,
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
    followed,
    kind_of,
)
from domain.entries import KIND as ENTRY_KIND
from domain.grids import FAMILIES_REFUSE, ILLEGAL, Kind, Measured, Times
from domain.incident import Incident, MessageKind, Outgoing, Timer, TimerKind
from domain.measures import (
    AUTHORISED,
    NO,
    REFUSED,
    YES,
    AccessBlock,
    BlockTask,
    Confiscated,
    Damage,
    InPlace,
    Lifted,
)
from domain.people import Account, School
from domain.report_form import LONGEST_TEXT, Fault, Filled
from domain.routing import route_kept
from domain.words import Doer, ParticipantRole, Role
from handlers import filled as read
from handlers import measures
from handlers.acknowledge import NotForYou, remind_at
from handlers.ask import same_id
from handlers.filled import PERSON
from handlers.ports import Ports, Records, actor
from handlers.rights import member, note_reading, subject
from handlers.timeline import may_be_told, page
from handlers.working import Work, begun

_OF_SOMEBODY = frozenset({EntryKind.ACTION, EntryKind.CONFISCATION, EntryKind.CUSTODY, EntryKind.SEARCH})
"""Entries with a member of staff who does it, or has it."""

EntryOutcome: TypeAlias = EntryQuestions | KindOfEntry | DecisionSteps | Timeline | NotForYou
DecisionOutcome: TypeAlias = DecisionQuestions | DecisionSteps | Timeline | NotForYou


_NOTHING_DONE = frozenset({Result.MISTAKEN, Result.NOT_ESTABLISHED})
"""How a case ended of which nobody can say that somebody did it."""


@dataclass(frozen=True, slots=True)
class _Work(Work):
    """A case whose timeline is written in."""

    async def page(self, number: int | None = None, *, saved: bool = False, untold: bool = False) -> Timeline:
        """A page of the timeline, noted as read."""
        await self.noted()
        return await page(self.records, self.incident, self.now, number, saved=saved, untold=untold)

    async def known(self) -> measures.Known:
        """What the forms are read against."""
        people = await self.records.participants(self.incident.id)
        return measures.Known(self.school, self.looking.staff, self.case, people, self.now)

    def new_id(self, form_id: str) -> str:
        """The id of the entry that a form makes. Of the person too: nobody can send another's form a second time."""
        return same_id("entry", self.incident.id, self.person, form_id)


# The timeline


async def timeline(
    ports: Ports, school: School, account: Account, incident_id: str, number: int | None = None
) -> Timeline | NotForYou:
    """A page of what was written in a case, the last one if none is named."""
    async with ports.store.transaction(school) as records:
        work = await begun(_Work, ports, records, school, account, incident_id)
        return await work.page(number) if work is not None else NotForYou()


async def begin(ports: Ports, school: School, account: Account, incident_id: str) -> KindOfEntry | NotForYou:
    """What is to be added."""
    async with ports.store.transaction(school) as records:
        work = await begun(_Work, ports, records, school, account, incident_id)
        return KindOfEntry(work.incident) if work is not None else NotForYou()


async def ask(
    ports: Ports, school: School, account: Account, incident_id: str, kind: str
) -> EntryQuestions | KindOfEntry | NotForYou:
    """The fields of an entry of a kind."""
    async with ports.store.transaction(school) as records:
        work = await begun(_Work, ports, records, school, account, incident_id)
        if work is None:
            return NotForYou()
        if kind not in ADDED:
            return KindOfEntry(work.incident, {ENTRY_KIND: Fault.UNKNOWN_CHOICE if kind else Fault.MISSING})
        if kind in measures.KINDS:
            await work.noted()
        # Whoever writes it down mostly does it, or has it, too.
        filled: Filled = {DOER: (f"{PERSON}{work.person}",)} if kind in _OF_SOMEBODY else {}
        return await _asked(work, EntryQuestions(work.incident, EntryKind(kind), ports.new_id(), work.now, filled))


async def ask_more(ports: Ports, school: School, account: Account, value: str) -> EntryQuestions | NotForYou:
    """The fields of what became of an entry. `value`: the case, the kind and that entry."""
    incident_id, kind, entry_id = (*value.split("|"), "", "")[:3]
    async with ports.store.transaction(school) as records:
        work = await begun(_Work, ports, records, school, account, incident_id)
        if work is None or kind not in FOLLOWS or not _may_follow(await records.entries(incident_id), kind, entry_id):
            return NotForYou()
        await work.noted()
        filled: Filled = {DOER: (f"{PERSON}{work.person}",)} if kind in _OF_SOMEBODY else {}
        asked = EntryQuestions(work.incident, EntryKind(kind), ports.new_id(), work.now, filled, follows=entry_id)
        return await _asked(work, asked)


async def ask_contact(ports: Ports, school: School, account: Account, value: str) -> EntryQuestions | NotForYou:
    """The fields of contact with somebody whom the page of steps suggests. `value`: the case and their role."""
    incident_id, _, whom = value.partition("|")
    async with ports.store.transaction(school) as records:
        work = await begun(_Work, ports, records, school, account, incident_id)
        if work is None or whom not in CONTACTS:
            return NotForYou()
        return await _asked(work, EntryQuestions(work.incident, EntryKind.CONTACT, ports.new_id(), work.now, {WHOM: whom}))


async def ask_correction(
    ports: Ports, school: School, account: Account, value: str
) -> EntryQuestions | DecisionSteps | NotForYou:
    """The form of an entry as it reads now, to be corrected. `value`: the case and the entry."""
    incident_id, _, entry_id = value.partition("|")
    async with ports.store.transaction(school) as records:
        work = await begun(_Work, ports, records, school, account, incident_id)
        told = _newest(await records.entries(incident_id), entry_id) if work is not None else None
        if work is None or told is None:
            return NotForYou()
        await work.noted()
        if isinstance(told, Decided):
            d = told.decision
            taken = _taken(work, d.kind, d.times, await _facts_told(work))
            return DecisionSteps(work.incident, taken, ports.new_id(), d.steps, d.own, d.reason, corrects=entry_id)
        known = await work.known()
        filled = measures.filled(told, known.people) if kind_of(told) in measures.KINDS else _filled(told)
        asked = EntryQuestions(work.incident, kind_of(told), ports.new_id(), work.now, filled, corrects=entry_id)
        return await _asked(work, replace(asked, follows=followed(told)))


async def add(ports: Ports, school: School, account: Account, state: str, values: Filled) -> EntryOutcome:
    """Keeps an entry, or a correction of one. The same form sent again changes nothing, and is answered as before."""
    incident_id, kind, form_id, corrects, follows = (*state.split("|"), "", "", "", "")[:5]
    async with ports.store.transaction(school) as records:
        work = await begun(_Work, ports, records, school, account, incident_id)
        if work is None or kind not in {*ADDED, *FOLLOWS} or not form_id:
            return NotForYou()
        entries = await records.entries(incident_id)
        if any(e.id == work.new_id(form_id) for e in entries):
            return await work.page(saved=True)
        was = _newest(entries, corrects)
        if corrects and (was is None or kind_of(was) != kind or followed(was) != follows):
            return NotForYou()
        if not corrects and not _may_follow(entries, kind, follows):
            return NotForYou()
        told, faults = await _told(work, EntryKind(kind), values, follows)
        if not corrects:
            faults |= _status_faults(work, EntryKind(kind), values)
        if faults or told is None:
            asked = EntryQuestions(work.incident, EntryKind(kind), form_id, work.now, values, faults, corrects=corrects)
            if kind in measures.KINDS:
                await work.noted()
            return await _asked(work, replace(asked, follows=follows))
        done_at = _done_at(work, told, values) if not corrects else None
        done_by = work.person if done_at is not None else ""
        await _keep(work, Entry(work.new_id(form_id), incident_id, work.person, work.now, told, corrects, done_at, done_by))
        shown = await work.page(saved=True, untold=measures.tells_nobody(school, work.looking.staff, work.case, kind_of(told)))
    ports.wake()
    return shown


async def make_action(ports: Ports, school: School, account: Account, value: str) -> Timeline | NotForYou:
    """Makes an action of a step of the policy: at once, for whoever the policy names. `value`: the case and the step.

    Pressed twice, by whomever, it is one action. It is due when a case that is left is come back to, and can be corrected.
    """
    incident_id, _, step_id = value.partition("|")
    async with ports.store.transaction(school) as records:
        work = await begun(_Work, ports, records, school, account, incident_id)
        if work is None:
            return NotForYou()
        decided = (await records.decided_kinds(incident_id)).get(incident_id, "")
        suggestion, _ = await _suggested(work, decided)
        items = suggestion.items if isinstance(suggestion, Checklist) else ()
        step = next((i.action for i in items if i.action.id == step_id), None)
        if step is None or not isinstance(suggestion, Checklist):
            return NotForYou()
        new_id = _id_of_step(work, suggestion, step_id)
        if all(e.id != new_id for e in await records.entries(incident_id)):
            due = remind_at(school, work.incident.urgency, work.now)
            told = Action(wording(school.policy, step), _whose(work, step.by), due)
            await _keep(work, Entry(new_id, incident_id, work.person, work.now, told))
        shown = await work.page(saved=True)
    ports.wake()
    return shown


async def done(ports: Ports, school: School, account: Account, value: str) -> Timeline | NotForYou:
    """Says that an action is done. `value`: the case and the entry. Said twice, the first stands."""
    incident_id, _, entry_id = value.partition("|")
    async with ports.store.transaction(school) as records:
        work = await begun(_Work, ports, records, school, account, incident_id)
        action = await records.action(entry_id) if work is not None else None
        if work is None or action is None or action.incident_id != incident_id:
            return NotForYou()
        if await records.finish_action(entry_id, work.person, work.now):
            await records.stop_reminding(entry_id)
            await records.show_again(incident_id, work.now, MessageKind.ACTION)
            state = await records.entry_state(entry_id)
            await records.note(work.now, actor(account), "action.done", incident_id, id=entry_id, state=state)
        shown = await work.page(saved=True)
    ports.wake()
    return shown


# What the policy says to do


async def steps(ports: Ports, school: School, account: Account, incident_id: str) -> StepsPage | NotForYou:
    """What the policy's grid suggests, with the repeats counted, and whom to turn to outside."""
    async with ports.store.transaction(school) as records:
        work = await begun(_Work, ports, records, school, account, incident_id)
        if work is None:
            return NotForYou()
        await work.noted()
        decided = (await records.decided_kinds(incident_id)).get(incident_id, "")
        suggestion, counted = await _suggested(work, decided)
        entries, made = await records.entries(incident_id), frozenset[str]()
        if isinstance(suggestion, Checklist):
            ids = {e.id for e in entries}
            steps = [i.action.id for i in suggestion.items]
            made = frozenset(s for s in steps if _id_of_step(work, suggestion, s) in ids)
        advice = _advice(work, suggestion, entries)
        return StepsPage(work.incident, suggestion, counted, _agencies(work), made, advice)


async def ask_decision(ports: Ports, school: School, account: Account, incident_id: str) -> DecisionOutcome:
    """Which line of the grid it is; of a policy without a grid, what is decided."""
    async with ports.store.transaction(school) as records:
        work = await begun(_Work, ports, records, school, account, incident_id)
        if work is None:
            return NotForYou()
        await work.noted()
        if school.policy.grid is None:
            return DecisionSteps(work.incident, None, ports.new_id())
        suggestion, counted = await _suggested(work)
        chosen = suggestion.kind.id if isinstance(suggestion, Checklist) else ""
        return DecisionQuestions(work.incident, _kinds(work, suggestion), chosen, counted.times if counted else None)


async def choose(
    ports: Ports, school: School, account: Account, incident_id: str, values: Mapping[str, str]
) -> DecisionOutcome:
    """The steps of the line that was chosen; what the policy lays down is chosen already."""
    async with ports.store.transaction(school) as records:
        work = await begun(_Work, ports, records, school, account, incident_id)
        if work is None:
            return NotForYou()
        kind, times = values.get(KIND, ""), values.get(TIMES, "")
        known = {NO_KIND, *(school.policy.grid.kinds if school.policy.grid is not None else ())}
        faults = {KIND: Fault.UNKNOWN_CHOICE if kind else Fault.MISSING} if kind not in known else {}
        if times not in {*Times, COUNTED}:
            faults[TIMES] = Fault.UNKNOWN_CHOICE if times else Fault.MISSING
        if faults:
            await work.noted()
            suggestion, counted = await _suggested(work)
            often = Times(times) if times in set(Times) else counted.times if counted and times != COUNTED else None
            return DecisionQuestions(work.incident, _kinds(work, suggestion), kind if kind in known else "", often, faults)
        if times == COUNTED:
            _, counted = await _suggested(work, kind)
            times = counted.times if counted else Times.FIRST
        taken = _taken(work, kind, Times(times), await _facts_told(work))
        laid_down = tuple(i.action.id for i in taken.items if i.laid_down) if taken is not None else ()
        advice = _advice(work, taken, await records.entries(incident_id))
        await work.noted()
        return DecisionSteps(work.incident, taken, ports.new_id(), laid_down, advice=advice)


async def decided(ports: Ports, school: School, account: Account, state: str, values: Mapping[str, str]) -> DecisionOutcome:
    """Keeps what a person decided, with a reason where it differs from what is suggested. Sent twice it is kept once."""
    incident_id, kind, times, form_id, corrects = (*state.split("|"), "", "", "", "")[:5]
    async with ports.store.transaction(school) as records:
        work = await begun(_Work, ports, records, school, account, incident_id)
        if work is None or not form_id:
            return NotForYou()
        entries = await records.entries(incident_id)
        if any(e.id == work.new_id(form_id) for e in entries):
            return await work.page(saved=True)
        if corrects and not isinstance(_newest(entries, corrects), Decided):
            return NotForYou()
        taken = _taken(work, kind, Times(times) if times in set(Times) else None, await _facts_told(work))
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
            advice = _advice(work, taken, entries)
            return DecisionSteps(work.incident, taken, form_id, chosen, own, reason, faults, corrects, advice)
        words = tuple(wording(school.policy, a) for a in on_list if a.id in outcome.steps)
        told = Decided(outcome, taken.kind.name, words, taken.row.name) if taken is not None else Decided(outcome)
        await _keep(work, Entry(work.new_id(form_id), incident_id, work.person, work.now, told, corrects))
        return await work.page(saved=True)


async def _keep(work: _Work, entry: Entry) -> None:
    records, told = work.records, entry.told
    first, committed = entry.corrects or entry.id, await records.add_entry(entry)
    if entry.corrects and isinstance(told, Action):
        await records.change_action(first, told.doer_id, told.due_at)
    said: dict[str, str] = {"kind": kind_of(told), "id": entry.id, "entry": committed}
    said["state"] = await records.entry_state(first)
    if entry.corrects:
        said["corrects"] = entry.corrects
    await records.note(
        work.now,
        actor(work.looking.account),
        "entry.corrected" if entry.corrects else "entry.added",
        entry.incident_id,
        **said,
    )
    if kind_of(told) in measures.KINDS:
        await _goes_out(work, entry)
    if not isinstance(told, Action):
        return
    if entry.corrects:
        await records.stop_reminding(first)
        await records.show_again(entry.incident_id, work.now, MessageKind.ACTION)
    state = await records.action(first)
    if told.due_at is not None and state is not None and state.done_at is None:
        alert, _ = work.case.duties[0]
        reminder = Timer(work.ports.next_id(), TimerKind.ACTION, entry.incident_id, alert.id, told.due_at, first)
        await records.set_going(Outgoing(timers=[reminder]), work.now)


def _newest(entries: tuple[Entry, ...], entry_id: str) -> Told | None:
    """What an entry tells now, if there is one of that id that is no correction itself."""
    found = [e for e in entries if e.corrects == entry_id] if entry_id else []
    return next((e.told for e in entries if e.id == entry_id and not e.corrects), None) if not found else found[-1].told


async def _goes_out(work: _Work, entry: Entry) -> None:
    """Tells whoever is to carry a block out, or leads on the curriculum; calls off what a block that is lifted set going."""
    records, first = work.records, followed(entry.told) or entry.corrects or entry.id
    if isinstance(entry.told, AccessBlock | Lifted):
        await records.stop_reminding(first)
        await records.show_again(entry.incident_id, work.now, MessageKind.BLOCK)
    state = await records.block(first) if isinstance(entry.told, AccessBlock) else None
    if state is None or not state.lifted:
        await records.set_going(measures.going_out(work.ports, await work.known(), entry), work.now)


def _may_follow(entries: tuple[Entry, ...], kind: str, of: str) -> bool:
    """Whether an entry of that kind may say what became of this one, or stand by itself."""
    if kind not in FOLLOWS:
        return not of
    was = _newest(entries, of)
    return was is not None and kind_of(was) is FOLLOWS[EntryKind(kind)]


# What IT carries out


async def block_task(ports: Ports, school: School, account: Account, value: str) -> BlockTask | NotForYou:
    """A block as whoever carries it out is shown it. `value`: the case and the block."""
    async with ports.store.transaction(school) as records:
        work = await _task(ports, records, school, account, value)
        return await _shown_task(work, value) if work is not None else NotForYou()


async def carried_out(ports: Ports, school: School, account: Account, value: str, *, lifted: bool) -> BlockTask | NotForYou:
    """Says that a block is in place, or that it is lifted. Said twice, by whomever, the first stands."""
    incident_id, _, entry_id = value.partition("|")
    async with ports.store.transaction(school) as records:
        work, state = await _task(ports, records, school, account, value), await records.block(entry_id)
        if work is None or state is None:
            return NotForYou()
        if not state.lifted and (lifted or not state.in_place):
            told = Lifted(entry_id, work.now) if lifted else InPlace(entry_id, work.now)
            new_id = same_id("entry", incident_id, entry_id, kind_of(told))
            await _keep(work, Entry(new_id, incident_id, work.person, work.now, told))
        shown = await _shown_task(work, value, saved=True)
    ports.wake()
    return shown


async def _task(ports: Ports, records: Records, school: School, account: Account, value: str) -> _Work | None:
    incident_id, _, entry_id = value.partition("|")
    work = await begun(_Work, ports, records, school, account, incident_id, Act.WORK, Act.CARRY_OUT)
    state = await records.block(entry_id)
    return work if state is not None and state.incident_id == incident_id else None


async def _shown_task(work: _Work, value: str, *, saved: bool = False) -> BlockTask | NotForYou:
    records, entry_id = work.records, value.partition("|")[2]
    await note_reading(records, work.looking, work.incident, work.now, task=True)
    entries = await records.entries(work.incident.id)
    block = _newest(entries, entry_id)
    if not isinstance(block, AccessBlock):
        return NotForYou()
    became = [_newest(entries, e.id) for e in entries if followed(e.told) == entry_id and not e.corrects]
    since, until = (next((x.at for x in became if isinstance(x, sort)), None) for sort in (InPlace, Lifted))
    staff, school = work.looking.staff, work.school
    owners = [a.owner_id for a, _ in work.case.duties if a.owner_id and not set(a.roles) <= TECHNICAL]
    leads = [p.id for role in sorted(LEADS, reverse=True) for p in staff.holders(school, role)]
    people = [p for i in dict.fromkeys((*owners, *leads)) if (p := staff.get(i)) and i not in work.case.excluded]
    can_tell = tuple(p.name for p in people if may(member(school, staff, p.id), Act.WORK, work.case))
    over = block.looked_at <= work.now
    dates = (block.starts_at, block.ends_at, since, until)
    return BlockTask(work.incident.id, work.incident.reference, entry_id, block.what, *dates, can_tell, over, saved)


# What is filled in


async def _asked(work: _Work, asked: EntryQuestions) -> EntryQuestions:
    """The form with what it is read against: whom the case names, what must be heeded first, what the policy says of it."""
    school, staff, kind = work.school, work.looking.staff, asked.kind
    asked = replace(asked, doer=read.label(staff, asked.filled, DOER), authorised=read.label(staff, asked.filled, AUTHORISED))
    if kind not in measures.KINDS:
        return asked
    known, concern = await work.known(), school.policy.concerns.get(work.incident.facts.concern)
    warned = route_kept(school.policy, work.incident.facts, _out(work)).warnings if concern and concern.images else ()
    of = _newest(await work.records.entries(work.incident.id), asked.follows) if asked.follows else None
    grid, about = school.policy.grid, FOLLOWS.get(kind, kind)
    says = grid.measures.get(Measured(about), ()) if grid is not None else ()
    return replace(
        asked,
        people=measures.people_of(known.people),
        warnings=warned,
        says=says,
        of_what=_what(of),
        untold=measures.tells_nobody(school, staff, work.case, kind),
    )


def _what(told: Told | None) -> str:
    match told:
        case Confiscated(item=what) | Damage(what=what):
            return what
        case _:
            return ""


async def _told(work: _Work, kind: EntryKind, values: Filled, follows: str) -> tuple[Told | None, dict[str, Fault]]:
    """What was filled in, and what is wrong with it."""
    if kind in measures.KINDS:
        return measures.told(await work.known(), kind, values, follows)
    match kind:
        case EntryKind.NOTE:
            return Note(_text(values, TEXT)), _text_faults(values, {TEXT: LONGEST_TEXT})
        case EntryKind.ACTION:
            return _action(work, values)
        case EntryKind.CONTACT:
            return _contact(work, values)
        case _:
            return None, {}


def _action(work: _Work, values: Filled) -> tuple[Told | None, dict[str, Fault]]:
    faults = _text_faults(values, {WHAT: LONGEST_TEXT})
    doer = read.of_staff(work.looking.staff, values, DOER)
    if doer is None:
        faults[DOER] = Fault.NOT_STAFF if read.picked(values, DOER) else Fault.MISSING
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
    at = read.past(work.school, values, WHEN, faults, work.now)
    refused = _text(values, REFUSED)
    if refused not in ("", YES, NO) or (refused == YES and whom in CONTACTS and whom != Role.PARENTS):
        faults[REFUSED] = Fault.UNKNOWN_CHOICE
    if faults:
        return None, faults
    told = Contact(Role(whom), at, _text(values, OUTCOME), _text(values, WHO), _text(values, REFERENCE), refused == YES)
    return told, faults


def _status_faults(work: _Work, kind: EntryKind, values: Filled) -> dict[str, Fault]:
    """Of an action that is new: whether it is done, which was not in the future."""
    if kind is not EntryKind.ACTION:
        return {}
    status = _text(values, STATUS)
    if status not in (TO_DO, DONE):
        return {STATUS: Fault.UNKNOWN_CHOICE if status else Fault.MISSING}
    at = _moment(work, values, DUE, {})
    return {DUE: Fault.IN_FUTURE} if status == DONE and at is not None and at > work.now + read.CLOCK_DRIFT else {}


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
            return {WHAT: what, DOER: (f"{PERSON}{doer}",), DUE: due.isoformat() if due is not None else ""}
        case Contact(whom=whom, at=at, outcome=outcome, who=who, reference=reference, refused=refused):
            said = {WHOM: whom, WHEN: at.isoformat(), OUTCOME: outcome, WHO: who, REFERENCE: reference}
            return {**said, REFUSED: YES if refused else NO}
        case _:
            return {}


def _text(values: Filled, field: str) -> str:
    return read.text(values, field)


def _text_faults(values: Filled, longest: Mapping[str, int], *, needed: bool = True) -> dict[str, Fault]:
    return read.text_faults(values, longest, needed=needed)


def _moment(work: _Work, values: Filled, field: str, faults: dict[str, Fault]) -> datetime | None:
    return read.moment(work.school, values, field, faults)


# What is suggested


async def _suggested(work: _Work, kind: str = "") -> tuple[Suggestion, Repeats | None]:
    facts, on = work.incident.facts, _day(work, work.incident)
    earlier, told = await _earlier(work), await _facts_told(work)
    window = work.school.repeats_within
    return suggest_for(work.school.policy, facts, earlier, on, window, told, kind, _out(work))


async def _facts_told(work: _Work) -> Mapping[str, bool]:
    """What contact with parents has shown: that a family refuses to take part. That none has said so settles nothing."""
    entries = await work.records.entries(work.incident.id)
    told = [_newest(entries, e.id) for e in entries if not e.corrects]
    refused = any(isinstance(x, Contact) and x.whom is Role.PARENTS and x.refused for x in told)
    return {FAMILIES_REFUSE: True} if refused else {}


def _agencies(work: _Work) -> tuple[Offered, ...]:
    """Whom to turn to outside."""
    policy, facts = work.school.policy, work.incident.facts
    named = route_kept(policy, facts, _out(work)).external
    return offered(policy.guidance.agencies, work.school.agencies, facts.concern, facts.about, named)


def _advice(work: _Work, suggestion: Suggestion | None, entries: tuple[Entry, ...]) -> Advice | None:
    """Whether the LADO is to be asked before anything is done.

    They are where the policy's steps bring it to them, or where its route or the directory names them for such a case.
    """
    items = suggestion.items if isinstance(suggestion, Checklist) else ()
    cites = tuple(dict.fromkeys(c for i in items if Role.LADO in i.action.to for c in i.cites))
    if not cites and all(o.agency.role is not Role.LADO for o in _agencies(work)):
        return None
    told = [_newest(entries, e.id) for e in entries if not e.corrects]
    return Advice(cites, tuple(x for x in told if isinstance(x, Contact) and x.whom is Role.LADO))


def _id_of_step(work: _Work, of: Checklist, step_id: str) -> str:
    """The id of the action that is made of a step: the same whoever makes it."""
    return same_id("entry", work.incident.id, "step", of.kind.id, of.times, step_id)


def _whose(work: _Work, by: Role | Doer) -> str:
    """Whose a step is: the first who holds the role that the policy names and may know of the case, else whoever asks."""
    holders = work.looking.staff.holders(work.school, by) if isinstance(by, Role) else []
    able = [p.id for p in holders if may_be_told(member(work.school, work.looking.staff, p.id), work.case)]
    return able[0] if able else work.person


async def _earlier(work: _Work) -> list[Earlier]:
    """Earlier incidents in which the same person is said to have done it: of several people, of whom there are most.

    One that excludes whoever looks is not counted to them, nor a private one that they may not read. Nor is one that ended as a
    mistake, or with nothing established, counted against anybody.
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
    if not other.is_open and await work.records.result(other.id) in _NOTHING_DONE:
        return False
    case = await subject(work.records, other, work.now)
    return work.person not in case.excluded and (not other.private or may(work.looking, Act.READ, case))


def _taken(work: _Work, kind: str, times: Times | None, known: Mapping[str, bool]) -> Checklist | None:
    """The checklist of a line that was chosen; None where the grid has none for it, or has it no more."""
    grid, facts = work.school.policy.grid, work.incident.facts
    if grid is None or kind not in grid.kinds or times is None:
        return None
    told = {**({ILLEGAL: True} if facts.illegal_suspected else {}), **known}
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
