"""A breach of personal data: found, its steps done, decided within 72 hours. Those who answer for the records deal with it."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TypeAlias

from domain.access import Viewer, breach_handlers, may_handle_breach
from domain.audience import excluded_ids, exclusions
from domain.breaches import (
    CAUSED,
    DECISION,
    FOUND,
    KIND,
    REASON,
    WHAT,
    Breach,
    BreachDecision,
    BreachFile,
    BreachKind,
    BreachQuestions,
    BreachStep,
    BreachWithOthers,
)
from domain.incident import Delivery, MessageKind, Outgoing, Participant
from domain.people import Account, School, Staff
from domain.report_form import LONGEST_TEXT, MOST_PEOPLE, Fault
from domain.routing import Facts
from domain.words import About, ParticipantRole
from handlers.acknowledge import NotForYou
from handlers.alerting import on_platforms
from handlers.ports import Ports, Records, actor
from handlers.rights import viewer
from handlers.working import AtTheDesk

_CLOCK_DRIFT = timedelta(minutes=5)
_LONGEST_ID = 36
FormValues: TypeAlias = Mapping[str, str | tuple[str, ...]]
DONE = "done"
"""What a step's field says once it is."""


async def ask(ports: Ports, school: School, account: Account) -> BreachQuestions | NotForYou:
    """The form."""
    async with ports.store.transaction(school, write=False) as records:
        allowed = may_handle_breach(await viewer(records, school, account))
        return BreachQuestions(ports.new_id(), ports.clock.now()) if allowed else NotForYou()


async def start(
    ports: Ports, school: School, account: Account, breach_id: str, values: FormValues
) -> BreachFile | BreachQuestions | BreachWithOthers | NotForYou:
    """Starts the clock, from when it was found, and tells all who deal with it. The same form sent twice starts one."""
    now, typed = ports.clock.now(), _texts(values)
    async with ports.store.transaction(school) as records:
        looking = await viewer(records, school, account)
        if not may_handle_breach(looking) or not 0 < len(breach_id) <= _LONGEST_ID:
            return NotForYou()
        made = await records.breach(breach_id)
        if made is None and await records.is_breach_elsewhere(breach_id):
            # Refused like any that is not theirs: an error would say that there is such a breach.
            return NotForYou()
        if made is None:
            caused, faults = _caused_by(looking, values), _faults(school, typed, now)
            if faults or caused is None:
                faults |= {} if caused is not None else {CAUSED: Fault.UNKNOWN_CHOICE}
                return BreachQuestions(breach_id, now, typed, faults, _chosen(looking.staff, values))
            found_at = _moment(school, typed.get(FOUND, ""), now)
            at_desk = AtTheDesk(ports, records, looking, now)
            made = await begin(at_desk, breach_id, BreachKind(typed[KIND]), found_at, typed[WHAT].strip(), caused)
        elif may_handle_breach(looking, made.caused_by):
            await records.note(now, actor(account), "breach.read", breach=made.id)
        elif made.started_by != account.person_id:
            return NotForYou()
        shown = await _shown(records, looking, made, now)
    ports.wake()
    return shown


async def begin(
    desk: AtTheDesk, breach_id: str, kind: BreachKind, found_at: datetime, what: str, caused: frozenset[str], request: str = ""
) -> Breach:
    """Keeps a breach that somebody has found, and tells all who deal with it. `request`: the id of the one that it came of."""
    school, records, now = desk.school, desk.records, desk.now
    reference = await records.new_reference("breaches", f"{school.prefix}-B", school.calendar.year(now))
    made = Breach(breach_id, reference, kind, found_at, desk.person, now, caused_by=caused, what=what)
    # Found days ago, it is not reminded of for each of them.
    made = replace(made, reminded=made.reminders_by(now))
    await records.add_breach(made)
    await records.change_breach(made, now)
    await _tell(desk.ports, records, school, made, "found")
    said = {"caused_by": ",".join(sorted(caused)), **({"request": request} if request else {})}
    await records.note(now, desk.actor, "breach.started", breach=made.id, kind=made.kind, **said)
    return made


async def read(ports: Ports, school: School, account: Account, breach_id: str) -> BreachFile | NotForYou:
    """A breach with all that was written. That it was read is noted."""
    now = ports.clock.now()
    async with ports.store.transaction(school) as records:
        breach = await _theirs(records, school, account, breach_id)
        if breach is None:
            return NotForYou()
        await records.note(now, actor(account), "breach.read", breach=breach.id)
        return await _file(records, breach, now)


async def change(
    ports: Ports, school: School, account: Account, breach_id: str, values: FormValues
) -> BreachFile | BreachWithOthers | NotForYou:
    """Says which steps are done, who caused it, and what was decided and why. A step once done stays done.

    A decision stands, unless whoever made it is named as having caused the breach: then it is to be decided anew, and what they
    gave as their reason stays before the new one.
    """
    now, typed = ports.clock.now(), _texts(values)
    reason = typed.get(REASON, "").strip()
    async with ports.store.transaction(school) as records:
        breach = await _theirs(records, school, account, breach_id)
        if breach is None:
            return NotForYou()
        looking = await viewer(records, school, account)
        decision = next((d for d in BreachDecision if d == typed.get(DECISION)), None) if breach.is_open else None
        caused = _caused_by(looking, values) if CAUSED in values else breach.caused_by
        faults = {CAUSED: Fault.UNKNOWN_CHOICE} if caused is None else {}
        if (decision is not None and not reason) or len(reason) > LONGEST_TEXT:
            faults[REASON] = Fault.TOO_LONG if reason else Fault.MISSING
        if faults or caused is None:
            await records.note(now, actor(account), "breach.read", breach=breach.id)
            chosen = _chosen(looking.staff, values) if CAUSED in values else _named(looking.staff, breach)
            return replace(await _file(records, breach, now), filled=typed, faults=faults, caused=chosen)
        # Whoever has left stands in no form, and is named all the same.
        caused |= {i for i in breach.caused_by if looking.staff.get(i) is None}
        done = breach.steps | {step for step in BreachStep if typed.get(step) == DONE}
        changed = replace(breach, steps=frozenset(done), caused_by=caused)
        if decision is not None:
            reasons = "\n\n".join(r for r in (breach.reason, reason) if r)
            changed = replace(changed, decision=decision, reason=reasons, decided_by=account.person_id, decided_at=now)
        await records.change_breach(changed, now)
        steps, named = ",".join(sorted(done - breach.steps)), ",".join(sorted(caused))
        said: dict[str, str | None] = {"steps": steps, "decision": decision, "caused_by": named}
        await records.note(now, actor(account), "breach.changed", breach=breach.id, **said)
        if caused != breach.caused_by:
            # Whoever has it already is not told again.
            await _tell(ports, records, school, changed, "found")
        shown = await _shown(records, looking, changed, now)
    ports.wake()
    return shown


async def remind(ports: Ports, school: School) -> int:
    """Reminds those who deal with a breach, 24, 48 and 66 hours after it was found, until it is decided; how many breaches."""
    now, count = ports.clock.now(), 0
    async with ports.store.transaction(school, write=False) as records:
        due = [b.id for b in await records.unfinished_breaches() if b.reminders_by(now) > b.reminded]
    for breach_id in due:
        async with ports.store.transaction(school) as records:
            breach = await records.breach(breach_id)
            number = breach.reminders_by(now) if breach is not None else 0
            if breach is None or number <= breach.reminded:
                continue
            await records.change_breach(replace(breach, reminded=number), now)
            await _tell(ports, records, school, breach, f"reminder.{number}")
            await records.note(now, "bot", "breach.reminded", breach=breach.id, number=number)
            count += 1
    if count:
        ports.wake()
    return count


async def _theirs(records: Records, school: School, account: Account, breach_id: str) -> Breach | None:
    # Decided before anything of it is read.
    caused_by = await records.breach_caused_by(breach_id)
    allowed = caused_by is not None and may_handle_breach(await viewer(records, school, account), caused_by)
    return await records.breach(breach_id) if allowed else None


async def _file(records: Records, breach: Breach, now: datetime) -> BreachFile:
    staff = await records.staff()
    starter, decider = staff.get(breach.started_by), staff.get(breach.decided_by)
    names = (starter.name if starter else "", decider.name if decider else "")
    return BreachFile(breach, now, *names, caused=_named(staff, breach))


async def _shown(records: Records, looking: Viewer, breach: Breach, now: datetime) -> BreachFile | BreachWithOthers:
    """A breach as whoever has just written of it sees it: they may have named themselves."""
    if may_handle_breach(looking, breach.caused_by):
        return await _file(records, breach, now)
    others = breach_handlers(looking.school, looking.staff, breach.caused_by)
    return BreachWithOthers(breach.reference, tuple(p.name for p in others))


def _caused_by(looking: Viewer, values: FormValues) -> frozenset[str] | None:
    """The members of staff whom a form names: everybody whom a typed name may mean. None where a name is nobody's of them."""
    found: set[str] = set()
    for kind, _, rest in (value.partition(":") for value in _people(values)):
        named = Participant("", ParticipantRole.ALLEGED_PERPETRATOR, rest, rest if kind == "person" else None)
        meant = excluded_ids(exclusions(looking.school, looking.staff, Facts("", About.STAFF), [named]))
        if not meant:
            return None
        found |= meant
    return frozenset(found)


def _chosen(staff: Staff, values: FormValues) -> tuple[tuple[str, str], ...]:
    """What was put into the field for people, to show it again."""
    return tuple(
        (v, person.name if (person := staff.get(v.partition(":")[2])) else v.partition(":")[2]) for v in _people(values)
    )


def _named(staff: Staff, breach: Breach) -> tuple[tuple[str, str], ...]:
    return tuple((f"person:{p.id}", p.name) for i in sorted(breach.caused_by) if (p := staff.get(i)) is not None)


def _people(values: FormValues) -> tuple[str, ...]:
    given = values.get(CAUSED, ())
    return tuple(v for v in ((given,) if isinstance(given, str) else given)[:MOST_PEOPLE] if v.strip())


def _texts(values: FormValues) -> dict[str, str]:
    return {field: value for field, value in values.items() if isinstance(value, str)}


async def _tell(ports: Ports, records: Records, school: School, breach: Breach, step: str) -> None:
    """Everybody who deals with it, whoever found it too."""
    people = breach_handlers(school, await records.staff(), breach.caused_by)
    places = [place for person in people for place in on_platforms(ports.platforms, person)]
    deliveries = [
        Delivery(ports.new_id(), None, None, MessageKind.BREACH, place, breach_id=breach.id, step=step) for place in places
    ]
    await records.set_going(Outgoing(deliveries=deliveries), ports.clock.now())


def _faults(school: School, values: Mapping[str, str], now: datetime) -> dict[str, Fault]:
    faults: dict[str, Fault] = {}
    if values.get(KIND) not in {k.value for k in BreachKind}:
        faults[KIND] = Fault.MISSING
    what = values.get(WHAT, "").strip()
    if not what or len(what) > LONGEST_TEXT:
        faults[WHAT] = Fault.TOO_LONG if what else Fault.MISSING
    try:
        if _moment(school, values.get(FOUND, ""), now) > now + _CLOCK_DRIFT:
            faults[FOUND] = Fault.IN_FUTURE
    except (ValueError, OverflowError):
        faults[FOUND] = Fault.NOT_A_MOMENT
    return faults


def _moment(school: School, text: str, now: datetime) -> datetime:
    if not text:
        return now
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo is not None else moment.replace(tzinfo=school.calendar.timezone)).astimezone(UTC)
