"""Registers: looked at, added to, changed, decided on, exported. The right to it is checked on each request.

Nothing is written over: each wording and each decision is a version of its own, and in the audit, by a commitment to it, in the
same transaction.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeAlias

from domain.access import Act, Viewer, may, may_use_record, may_use_register, register_approvers, register_moves
from domain.entries import LONGEST_LINE
from domain.exports import MadeAlready, Page
from domain.incident import Delivery, Incident, MessageKind, Outgoing
from domain.messages import RegisterMessage, WithdrawnMessage
from domain.people import Account, Person, School, Staff
from domain.register_terms import DEFINITIONS, LONGEST, Definition, FieldType, RecordState, RegisterAct, RegisterKind, Spec
from domain.registers import (
    NOTE_FIELD,
    STATE_FIELD,
    Change,
    DecisionAsked,
    Record,
    RecordFile,
    RecordLine,
    RecordQuestions,
    RegisterChoice,
    RegisterExport,
    RegisterPage,
    RegisterView,
    Shown,
    Values,
    Version,
    standing,
)
from domain.report_form import Fault, Filled
from domain.words import Urgency
from handlers import filled
from handlers.acknowledge import NotForYou, remind_at
from handlers.alerting import on_platforms
from handlers.ask import same_id
from handlers.exports import made_with
from handlers.ports import Ports, Records
from handlers.rights import member, subject, viewer
from handlers.working import AtTheDesk

PAGE_LINES = 8
WAITING, REVIEW = "waiting", "review"
"""Why a message about a line goes out, as its step begins: it waits for somebody's approval, or its review is due."""

_LONGEST_ID = 36
_MOST_REMINDED = 50

SaveOutcome: TypeAlias = RecordQuestions | RecordFile | NotForYou
DecideOutcome: TypeAlias = DecisionAsked | RecordFile | NotForYou


@dataclass(frozen=True, slots=True)
class _Desk(AtTheDesk):
    """Somebody at the registers."""

    @property
    def staff(self) -> Staff:
        return self.looking.staff

    def may(self, act: RegisterAct, kind: RegisterKind) -> bool:
        return may_use_register(self.looking, act, kind)

    async def record(self, record_id: str, act: RegisterAct = RegisterAct.READ) -> Record | None:
        """A line, if they may do that with it."""
        found = await self.records.register_record(record_id) if 0 < len(record_id) <= _LONGEST_ID else None
        return found if found is not None and may_use_record(self.looking, act, found) else None


async def _desk(ports: Ports, records: Records, school: School, account: Account) -> _Desk:
    return _Desk(ports, records, await viewer(records, school, account), ports.clock.now())


# To look at


async def choose(ports: Ports, school: School, account: Account) -> RegisterChoice | NotForYou:
    """The registers that somebody may look at: as a whole, or lines of which they own."""
    async with ports.store.transaction(school, write=False) as records:
        desk, found = await _desk(ports, records, school, account), []
        for kind in RegisterKind if desk.person else ():
            owner = "" if desk.may(RegisterAct.READ, kind) else desk.person
            count = sum((await records.register_counts(kind, live=True, owner=owner)).values())
            if not owner or count:
                found.append((kind, count))
        return RegisterChoice(tuple(found)) if found else NotForYou()


async def show(
    ports: Ports, school: School, account: Account, kind: RegisterKind, view: RegisterView = RegisterView.LIVE, number: int = 1
) -> RegisterPage | NotForYou:
    """A page of a register. Somebody who may not read the whole is shown the lines that are theirs. It is noted as read.

    A page goes by its number: a line that is rated anew between two presses stands elsewhere, whatever a page goes by. A line
    that somebody must look at or agree to is counted in their queue, and they are told of it, on whichever page it is.
    """
    async with ports.store.transaction(school) as records:
        desk = await _desk(ports, records, school, account)
        return await _page(desk, kind, view, number) if desk.person else NotForYou()


async def read(
    ports: Ports, school: School, account: Account, record_id: str, number: int | None = None
) -> RecordFile | NotForYou:
    """A line of a register with its newest version, or an earlier one by its number, and all that was done with it."""
    async with ports.store.transaction(school) as records:
        desk = await _desk(ports, records, school, account)
        record = await desk.record(record_id)
        return await _file(desk, record, number) if record is not None else NotForYou()


async def told_of(
    ports: Ports, records: Records, looking: Viewer, record_id: str, now: datetime
) -> tuple[Record, tuple[Shown, ...]] | None:
    """A line with every version of it, for whoever may read it; None for anybody else. That it was read is noted."""
    desk = _Desk(ports, records, looking, now)
    record = await desk.record(record_id)
    if record is None:
        return None
    await desk.note("register.read", record=record.id)
    return record, await _shown(desk, record, await records.register_versions(record.id))


async def export(
    ports: Ports, school: School, account: Account, kind: RegisterKind, page_id: str = ""
) -> RegisterExport | MadeAlready | NotForYou:
    """A whole register, with every version, for those who may read the whole of it. It is noted.

    `page_id`: of the page that is to be made. Where there is one, nothing is taken out a second time.
    """
    async with ports.store.transaction(school) as records:
        desk = await _desk(ports, records, school, account)
        if not desk.may(RegisterAct.READ, kind):
            return NotForYou()
        made = await made_with(records, page_id, desk.now) if page_id else ""
        if isinstance(made, Page):
            return MadeAlready(made)
        found = [
            (record, await _shown(desk, record, await records.register_versions(record.id)))
            for record in await records.register_records(kind)
        ]
        await desk.note("register.exported", kind=kind, lines=len(found))
        return RegisterExport(kind, desk.now, tuple(found))


# To write


async def ask_new(ports: Ports, school: School, account: Account, kind: RegisterKind) -> RecordQuestions | NotForYou:
    """The fields of a new line."""
    async with ports.store.transaction(school, write=False) as records:
        desk = await _desk(ports, records, school, account)
        if not desk.may(RegisterAct.WRITE, kind):
            return NotForYou()
        return RecordQuestions(kind, ports.new_id(), desk.now)


async def ask_change(ports: Ports, school: School, account: Account, record_id: str) -> RecordQuestions | NotForYou:
    """The fields of a line as it reads now. Of one that is closed nothing is changed until it is opened again."""
    async with ports.store.transaction(school) as records:
        desk = await _desk(ports, records, school, account)
        record = await desk.record(record_id, RegisterAct.WRITE)
        if record is None or record.state is RecordState.CLOSED:
            return NotForYou()
        newest = (await records.register_versions(record_id))[-1]
        await desk.note("register.read", record=record.id)
        return await _asked_again(desk, record, newest)


async def save(ports: Ports, school: School, account: Account, state: str, values: Filled) -> SaveOutcome:
    """Keeps a new line, or a new wording of one. The same form sent again changes nothing, and is answered as before."""
    kind_word, form_id, record_id, seen = (*state.split("|"), "", "", "", "")[:4]
    async with ports.store.transaction(school) as records:
        desk = await _desk(ports, records, school, account)
        if kind_word not in set(RegisterKind) or not form_id:
            return NotForYou()
        kind = RegisterKind(kind_word)
        kept_as = same_id("register", kind, record_id, desk.person, form_id)
        if record_id:
            outcome = await _reword(desk, kind, record_id, seen, form_id, kept_as, values)
        else:
            outcome = await _begin(desk, kind, form_id, kept_as, values)
    ports.wake()
    return outcome


async def ask_decision(ports: Ports, school: School, account: Account, record_id: str) -> DecisionAsked | NotForYou:
    """What is to become of a line."""
    async with ports.store.transaction(school, write=False) as records:
        desk = await _desk(ports, records, school, account)
        record = await desk.record(record_id)
        moves = register_moves(desk.looking, record) if record is not None else ()
        return DecisionAsked(record, ports.new_id(), moves) if record is not None and moves else NotForYou()


async def decide(ports: Ports, school: School, account: Account, state: str, values: Filled) -> DecideOutcome:
    """Keeps a decision, and why. What needs another than whoever wrote it is refused to them. Sent twice it is kept once."""
    record_id, seen, form_id = (*state.split("|"), "", "", "")[:3]
    async with ports.store.transaction(school) as records:
        desk = await _desk(ports, records, school, account)
        record = await desk.record(record_id)
        if record is None or not form_id:
            return NotForYou()
        kept_as = same_id("register", record_id, desk.person, form_id)
        if await records.has_register_version(kept_as):
            return await _file(desk, record, saved=True)
        moves = register_moves(desk.looking, record)
        if not moves:
            return NotForYou()
        chosen, note = filled.text(values, STATE_FIELD), filled.text(values, NOTE_FIELD)
        move = next((m for m in moves if m.to == chosen), None)
        faults = {NOTE_FIELD: Fault.TOO_LONG if note else Fault.MISSING} if not 0 < len(note) <= LONGEST else {}
        if move is None:
            faults[STATE_FIELD] = Fault.UNKNOWN_CHOICE if chosen else Fault.MISSING
        stale = seen != str(record.versions)
        if move is None or faults or stale:
            return DecisionAsked(record, form_id, moves, chosen if move is not None else "", note, faults, stale)
        version = replace(
            (await records.register_versions(record_id))[-1],
            id=kept_as,
            number=record.versions + 1,
            person_id=desk.person,
            at=desk.now,
            change=Change.MOVED,
            state=move.to,
            note=note,
        )
        now_stands = await _add(desk, record, version, "register.decided")
        await _ask_for_approval(desk, now_stands)
        outcome = await _file(desk, now_stands, saved=True)
    ports.wake()
    return outcome


# What a request leads to


async def log_filter(looking: AtTheDesk, line_id: str, values: Values, agreed_by: str) -> Record:
    """Writes what has just been done into the register of filter changes, with who did it.

    `agreed_by`: whoever said yes to it. Where they may agree to lines of it and have not done it themselves, that is the second
    person's agreement; else the line waits for another, as any does.
    """
    desk, kind = _at(looking), RegisterKind.FILTERING
    record = await _added(desk, kind, line_id, values)
    if agreed_by in {p.id for p in register_approvers(desk.school, desk.staff, record)}:
        return await _move(desk, record, RecordState.APPROVED, agreed_by, values.get("request", ""))
    await _ask_for_approval(desk, record)
    return record


async def close_filter(looking: AtTheDesk, line_id: str, note: str) -> None:
    """Closes such a line, since what it says was undone. One that has ended stays as it is."""
    desk = _at(looking)
    record = await desk.records.register_record(line_id)
    if record is not None and record.is_live:
        await _move(desk, record, RecordState.CLOSED, desk.person, note)


def _at(looking: AtTheDesk) -> _Desk:
    return _Desk(looking.ports, looking.records, looking.looking, looking.now)


async def _move(desk: _Desk, record: Record, to: RecordState, by: str, note: str) -> Record:
    newest, number = (await desk.records.register_versions(record.id))[-1], record.versions + 1
    version = replace(
        newest,
        id=same_id("register", record.id, to, str(number)),
        number=number,
        person_id=by,
        at=desk.now,
        change=Change.MOVED,
        state=to,
        note=note,
    )
    return await _add(desk, record, version, "register.decided")


# Reminders


async def remind(ports: Ports, school: School) -> int:
    """Reminds of the lines whose review is due, or that wait to be approved; of how many.

    Again after some school days, until it is put off or closed, or until somebody has decided.
    """
    now, count = ports.clock.now(), 0
    async with ports.store.transaction(school, write=False) as records:
        due = [r.id for r in await records.registers_due(now, _MOST_REMINDED)]
    for record_id in due:
        async with ports.store.transaction(school) as records:
            record = await records.register_record(record_id)
            again = remind_at(school, Urgency.LOW, now)
            if record is None or not await records.remind_of_register(record_id, again, now):
                continue
            if _is_late(record, now):
                people = await _whom_to_remind(records, school, record)
                await _send(ports, records, record, f"{REVIEW}.{now:%Y%m%d%H%M}", people)
            if record.state is RecordState.WAITING:
                people = register_approvers(school, await records.staff(), record)
                await _send(ports, records, record, f"{WAITING}.{record.versions}.{now:%Y%m%d%H%M}", people)
            await records.note(now, "bot", "register.reminded", record=record.id)
            count += 1
    if count:
        ports.wake()
    return count


async def waiting_for(records: Records, looking: Viewer, now: datetime) -> Mapping[RegisterKind, int]:
    """How many lines of each register wait for somebody: those of which they are reminded, and no others."""
    found: Counter[RegisterKind] = Counter()
    for record in await records.registers_waiting(now) if looking.person is not None else ():
        agreed: Iterable[Person] = ()
        if record.state is RecordState.WAITING:
            agreed = register_approvers(looking.school, looking.staff, record)
        late = await _whom_to_remind(records, looking.school, record) if _is_late(record, now) else ()
        found[record.kind] += any(p.id == looking.person for p in (*agreed, *late))
    return +found


async def of_register(
    records: Records, school: School, delivery: Delivery, record_id: str, now: datetime
) -> RegisterMessage | WithdrawnMessage | None:
    """What a message about a line says now; None where nobody needs it any more. Whoever may not read it is told nothing."""
    record = await records.register_record(record_id, hold=False)
    if record is None:
        return None
    reader, stands = member(school, await records.staff(), delivery.address.id), delivery.message_id is not None
    approval = delivery.step.partition(":")[2].startswith(f"{WAITING}.")
    if not may_use_record(reader, RegisterAct.APPROVE if approval else RegisterAct.READ, record):
        return WithdrawnMessage(record.reference) if stands else None
    waits = record.state is RecordState.WAITING and not (approval and reader.person == record.written_by)
    settled = not waits if approval else not _is_late(record, now)
    if settled and not stands:
        return None
    return RegisterMessage(record.id, record.reference, record.kind, record.state, approval, record.review_at, settled=settled)


async def _whom_to_remind(records: Records, school: School, record: Record) -> Iterable[Person]:
    """Who owns it; else who wrote it last, as long as they may; else all who may write in that register."""
    staff = await records.staff()
    own = staff.get(record.owner_id or record.written_by)
    if own is not None and may_use_record(member(school, staff, own.id), RegisterAct.READ, record):
        return (own,)
    roles = sorted(school.policy.registers[record.kind].write)
    return {p.id: p for role in roles for p in staff.holders(school, role)}.values()


async def _ask_for_approval(desk: _Desk, record: Record) -> None:
    if record.state is RecordState.WAITING:
        people = register_approvers(desk.school, desk.staff, record)
        await _send(desk.ports, desk.records, record, f"{WAITING}.{record.versions}", people)


async def _send(ports: Ports, records: Records, record: Record, step: str, people: Iterable[Person]) -> None:
    deliveries = [
        Delivery(ports.new_id(), None, None, MessageKind.REGISTER, place, register_id=record.id, step=step)
        for person in people
        for place in on_platforms(ports.platforms, person)
    ]
    await records.set_going(Outgoing(deliveries=deliveries), ports.clock.now())


# What is kept


async def _begin(desk: _Desk, kind: RegisterKind, form_id: str, kept_as: str, values: Filled) -> SaveOutcome:
    if not desk.may(RegisterAct.WRITE, kind):
        return NotForYou()
    # A line and its first wording have one id: the same form finds it again.
    before = await desk.records.register_record(kept_as)
    if before is not None:
        return await _file(desk, before, saved=True)
    kept, faults = await _filled_in(desk, kind, values, {})
    if faults:
        return RecordQuestions(kind, form_id, desk.now, values, faults, _names(desk, kind, values))
    record = await _added(desk, kind, kept_as, kept)
    await _ask_for_approval(desk, record)
    return await _file(desk, record, saved=True)


async def _added(desk: _Desk, kind: RegisterKind, kept_as: str, values: Values) -> Record:
    d = DEFINITIONS[kind]
    year = desk.school.calendar.year(desk.now)
    reference = await desk.records.new_reference("register_records", f"{desk.school.prefix}-{d.letter}", year)
    version = Version(kept_as, kept_as, 1, desk.person, desk.now, Change.ADDED, d.begins, values)
    record = standing(kept_as, kind, reference, version, desk.person)
    committed = await desk.records.add_register_record(record, version)
    await _noted(desk, record, version, "register.added", committed)
    return record


async def _reword(
    desk: _Desk, kind: RegisterKind, record_id: str, seen: str, form_id: str, kept_as: str, values: Filled
) -> SaveOutcome:
    record = await desk.record(record_id, RegisterAct.WRITE)
    if record is None or record.kind is not kind:
        return NotForYou()
    if await desk.records.has_register_version(kept_as):
        return await _file(desk, record, saved=True)
    if record.state is RecordState.CLOSED:
        return NotForYou()
    stale = seen != str(record.versions)
    hidden = await _hidden_case(desk, (await desk.records.register_versions(record_id))[-1])
    kept, faults = await _filled_in(desk, kind, values, hidden)
    if faults or stale:
        names = _names(desk, kind, values)
        await desk.note("register.read", record=record.id)
        return RecordQuestions(kind, form_id, desk.now, values, faults, names, record, bool(hidden), stale)
    d = record.definition
    version = Version(kept_as, record.id, record.versions + 1, desk.person, desk.now, Change.WORDED, d.begins, kept)
    now_stands = await _add(desk, record, version, "register.changed")
    await _ask_for_approval(desk, now_stands)
    return await _file(desk, now_stands, saved=True)


async def _add(desk: _Desk, record: Record, version: Version, action: str) -> Record:
    written_by = record.written_by if version.change is Change.MOVED else desk.person
    now_stands = standing(record.id, record.kind, record.reference, version, written_by)
    committed = await desk.records.add_register_version(now_stands, version)
    await _noted(desk, now_stands, version, action, committed)
    return now_stands


async def _noted(desk: _Desk, record: Record, version: Version, action: str, committed: str) -> None:
    said: dict[str, str | int] = {
        "record": record.id,
        "version": version.id,
        "number": version.number,
        "kind": record.kind,
        "state": record.state,
    }
    await desk.note(action, **said, register=committed)


# What is shown


async def _page(desk: _Desk, kind: RegisterKind, view: RegisterView, number: int) -> RegisterPage | NotForYou:
    records, live = desk.records, view is RegisterView.LIVE
    owner = "" if desk.may(RegisterAct.READ, kind) else desk.person
    counts = await records.register_counts(kind, live=live, owner=owner)
    total = sum(counts.values())
    if owner and not sum((await records.register_counts(kind, owner=owner)).values()):
        return NotForYou()
    pages = max(-(-total // PAGE_LINES), 1)
    number = min(max(number, 1), pages)
    found = await records.register_records(kind, live=live, owner=owner, skipped=(number - 1) * PAGE_LINES, most=PAGE_LINES)
    worded = await records.register_wordings([r.id for r in found])
    title = DEFINITIONS[kind].title
    lines = tuple(
        RecordLine(r, worded[r.id].values.get(title, ""), _name(desk.staff, r.owner_id), late=_is_late(r, desk.now))
        for r in found
    )
    matrix = await records.register_counts(kind, live=True, owner=owner) if DEFINITIONS[kind].levels is not None else {}
    await desk.note("register.listed", kind=kind, view=view, page=number)
    return RegisterPage(kind, view, lines, number, pages, matrix, desk.may(RegisterAct.WRITE, kind), may_export=not owner)


async def _file(desk: _Desk, record: Record, number: int | None = None, *, saved: bool = False) -> RecordFile:
    """A line as somebody with a right to it is shown it. That it was read is noted."""
    versions = await desk.records.register_versions(record.id)
    history = await _shown(desk, record, versions)
    chosen = next((s for s in history if s.version.number == number), history[-1])
    await desk.note("register.read", record=record.id)
    waits_for: tuple[str, ...] = ()
    if record.state is RecordState.WAITING:
        waits_for = tuple(p.name for p in register_approvers(desk.school, desk.staff, record))
    may_write = may_use_record(desk.looking, RegisterAct.WRITE, record) and record.state is not RecordState.CLOSED
    moves = register_moves(desk.looking, record)
    return RecordFile(record, chosen, history, may_write, moves, waits_for, _is_late(record, desk.now), saved)


async def _shown(desk: _Desk, record: Record, versions: Collection[Version]) -> tuple[Shown, ...]:
    """Versions with names in place of ids; a case by its reference, for those who may know of it."""
    of = _of_type(record.definition, FieldType.STAFF), _of_type(record.definition, FieldType.CASE)
    people = {v.person_id for v in versions} | {v.values[f.id] for v in versions for f in of[0] if v.values.get(f.id)}
    names = await desk.records.names_of_staff(people)
    cases = {v.values[f.id] for v in versions for f in of[1] if v.values.get(f.id)}
    known = {case: await _reference_for(desk, case) for case in cases}
    return tuple(
        Shown(
            v,
            names.get(v.person_id, ""),
            {f.id: names.get(v.values.get(f.id, ""), "") for f in of[0]},
            next((known[v.values[f.id]] for f in of[1] if v.values.get(f.id)), ""),
        )
        for v in versions
    )


async def _reference_for(desk: _Desk, incident_id: str) -> str:
    """The reference of a case for somebody who may know that there is one; empty for everybody else."""
    incident = await desk.records.incident(incident_id, hold=False)
    return incident.reference if incident is not None and await _may_know(desk, incident) else ""


async def _may_know(desk: _Desk, incident: Incident) -> bool:
    return may(desk.looking, Act.LIST, await subject(desk.records, incident, desk.now))


async def _hidden_case(desk: _Desk, newest: Version) -> Values:
    """The case of a line, by field, of which whoever looks may not know: it stays as it is."""
    return {
        f.id: newest.values[f.id]
        for d in DEFINITIONS.values()
        for f in _of_type(d, FieldType.CASE)
        if newest.values.get(f.id) and not await _reference_for(desk, newest.values[f.id])
    }


async def _asked_again(desk: _Desk, record: Record, newest: Version) -> RecordQuestions:
    before: dict[str, str | tuple[str, ...]] = {}
    hidden = await _hidden_case(desk, newest)
    for spec in record.definition.fields:
        value = newest.values.get(spec.id, "")
        match spec.type:
            case FieldType.STAFF:
                before[spec.field] = (f"{filled.PERSON}{value}",) if desk.staff.get(value) is not None else ()
            case FieldType.CASE:
                before[spec.field] = await _reference_for(desk, value) if value else ""
            case _:
                before[spec.field] = value
    names = _names(desk, record.kind, before)
    return RecordQuestions(
        record.kind, desk.ports.new_id(), desk.now, before, names=names, record=record, hides_case=bool(hidden)
    )


def _is_late(record: Record, now: datetime) -> bool:
    return record.is_live and record.review_at is not None and record.review_at <= now


def _name(staff: Staff, person_id: str) -> str:
    found = staff.get(person_id)
    return found.name if found is not None else ""


def _of_type(d: Definition, wanted: FieldType) -> list[Spec]:
    return [spec for spec in d.fields if spec.type is wanted]


# What is filled in


async def _filled_in(
    desk: _Desk, kind: RegisterKind, values: Filled, hidden: Mapping[str, str]
) -> tuple[dict[str, str], dict[str, Fault]]:
    """What was filled in as it is kept, and what is wrong with it, by the field of the form. `hidden`: what is not asked."""
    kept: dict[str, str] = dict(hidden)
    faults: dict[str, Fault] = {}
    for spec in DEFINITIONS[kind].fields:
        if spec.id in hidden:
            continue
        found = await _value(desk, kind, spec, values)
        if isinstance(found, Fault):
            faults[spec.field] = found
        elif found:
            kept[spec.id] = found
        elif spec.required:
            faults[spec.field] = Fault.MISSING
    return kept, faults


async def _value(desk: _Desk, kind: RegisterKind, spec: Spec, values: Filled) -> str | Fault:
    typed = filled.text(values, spec.field)
    match spec.type:
        case FieldType.TEXT:
            return typed if len(typed) <= LONGEST else Fault.TOO_LONG
        case FieldType.LINE:
            line = " ".join(typed.split())
            return line if len(line) <= LONGEST_LINE else Fault.TOO_LONG
        case FieldType.CHOICE:
            return typed if not typed or typed in spec.options else Fault.UNKNOWN_CHOICE
        case FieldType.LEVEL:
            levels = {str(n) for n in range(1, desk.school.policy.registers[kind].scale.most + 1)}
            return typed if not typed or typed in levels else Fault.UNKNOWN_CHOICE
        case FieldType.STAFF:
            person = filled.of_staff(desk.staff, values, spec.field)
            return person.id if person is not None else Fault.NOT_STAFF if filled.picked(values, spec.field) else ""
        case FieldType.MOMENT:
            return _moment(desk, spec, values)
        case FieldType.CASE:
            incident = await desk.records.incident_by_reference(typed.upper()) if typed else None
            # Of a case that they may not know of they are told the same as of one that there is not.
            known = incident is not None and await _may_know(desk, incident)
            return "" if not typed else incident.id if incident is not None and known else Fault.NO_SUCH_CASE


def _moment(desk: _Desk, spec: Spec, values: Filled) -> str | Fault:
    faults = dict[str, Fault]()
    at = filled.moment(desk.school, values, spec.field, faults)
    if faults:
        return faults[spec.field]
    if at is None:
        return desk.now.isoformat() if spec.now else ""
    return Fault.IN_FUTURE if spec.now and at > desk.now + filled.CLOCK_DRIFT else at.isoformat()


def _names(desk: _Desk, kind: RegisterKind, values: Filled) -> dict[str, str]:
    """The labels of people who are picked in a form."""
    fields = [spec.field for spec in _of_type(DEFINITIONS[kind], FieldType.STAFF)]
    return {field: filled.label(desk.staff, values, field) for field in fields if filled.picked(values, field)}
