"""How long a case is kept: the clock proposes, a person decides; before its time one proposes and another agrees."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TypeAlias

from domain.access import KEEPERS, Act, Subject, Viewer, may, may_agree, may_handle_breach
from domain.audience import excluded_ids
from domain.breaches import BreachState
from domain.exports import PageLine
from domain.handovers import Unreceived
from domain.incident import CaseNote, Incident, MessageKind, NoteKind, Outgoing
from domain.people import Account, Person, School
from domain.report_form import LONGEST_TEXT, Fault
from domain.retention import (
    CHOICE,
    REASON,
    REASONED,
    WHY,
    YEARS,
    Choice,
    EarlyReason,
    Keeping,
    KeepingFile,
    KeepingLine,
    KeepState,
    class_kept,
    end_of,
    has_ended,
    years_of,
)
from domain.words import About, RetentionClass
from handlers.acknowledge import NotForYou
from handlers.alerting import delivery, on_platforms
from handlers.course import merged_with
from handlers.exports import end_all_with, mine
from handlers.ports import Ports, Records, actor
from handlers.rights import subject, viewer

MOST_LINES = 40
_MOST_LOOKED_AT = 500
_A_YEAR = timedelta(days=365)
_ENDS = frozenset({Choice.ERASE, Choice.KEEP_A_YEAR, Choice.PROPOSE, Choice.AGREE})
"""What is not decided of a case as long as another that it belongs with is held, or open."""
_PAGE = 200


@dataclass(frozen=True, slots=True)
class KeepingList:
    """What is to be decided, and what is held. `more`: there are others.

    `breaches`: those that are not done with. `handovers`: those without a receipt. `pages`: those that the reader has made.
    """

    lines: tuple[KeepingLine, ...]
    more: bool
    breaches: tuple[BreachState, ...] = ()
    handovers: tuple[Unreceived, ...] = ()
    pages: tuple[PageLine, ...] = ()


@dataclass(frozen=True, slots=True)
class NobodyToAgree:
    """Nobody else at the school could agree to erase it early."""

    reference: str


@dataclass(frozen=True, slots=True)
class KeepingDecided:
    """It is done. `asked`: who was asked to agree."""

    reference: str
    choice: Choice
    asked: tuple[str, ...] = ()


DecideOutcome: TypeAlias = KeepingDecided | KeepingFile | NobodyToAgree | NotForYou


@dataclass(frozen=True, slots=True)
class _Case:
    """A case with all that its keeping depends on, as it stands now. `held_with`: one that it was merged with must be kept."""

    looking: Viewer
    subject: Subject
    keeping: Keeping | None
    ended: bool
    held_with: bool = False
    taken_for: tuple[tuple[str, About], ...] = ()

    @property
    def incident(self) -> Incident:
        return self.subject.incident

    @property
    def kind(self) -> RetentionClass:
        """How it is kept."""
        return class_kept(self.looking.school, self.incident, self.taken_for)

    @property
    def choices(self) -> tuple[Choice, ...]:
        """What this person may decide about it."""
        state = self.keeping.state if self.keeping is not None else None
        first = self.keeping.person_id if self.keeping is not None else None
        keeper = may(self.looking, Act.KEEP, self.subject)
        found: list[Choice] = []
        if self.incident.erased:
            return ()
        if state is KeepState.EARLY:
            if may_agree(self.looking, self.subject, first):
                found += [Choice.AGREE, Choice.REFUSE]
            elif keeper:
                found.append(Choice.REFUSE)
        elif keeper and state is KeepState.HELD:
            found.append(Choice.LIFT)
        elif keeper and self.ended:
            found += [Choice.ERASE, Choice.KEEP_A_YEAR]
        elif keeper and not self.incident.is_open:
            found.append(Choice.PROPOSE)
        if keeper and state is not KeepState.HELD:
            found.append(Choice.HOLD)
        return tuple(choice for choice in found if not self.held_with or choice not in _ENDS)


async def to_decide(ports: Ports, school: School, account: Account) -> KeepingList | NotForYou:
    """What has reached its end, what somebody wants erased early, what is held: of the cases that are theirs to keep."""
    now = ports.clock.now()
    async with ports.store.transaction(school, write=False) as records:
        looking = await viewer(records, school, account)
        if not looking.roles & KEEPERS:
            return NotForYou()
        lines = []
        # What waits for a decision comes first: held cases stay for years, and must hide nothing.
        waiting = await records.keepings((KeepState.ENDED, KeepState.EARLY), _MOST_LOOKED_AT)
        for keeping in (*waiting, *await records.keepings((KeepState.HELD,), _MOST_LOOKED_AT)):
            case = await _case(records, school, account, keeping.incident_id, now, hold=False)
            over = keeping.state is not KeepState.ENDED or (case is not None and case.ended)
            if case is not None and case.choices and over:
                lines.append(KeepingLine(case.incident, keeping, _name(looking, keeping)))
        breaches, handovers = await _breaches(records, looking), tuple(await records.unreceived())
        pages = await mine(records, school, account, now)
    return KeepingList(tuple(lines[:MOST_LINES]), len(lines) > MOST_LINES, breaches, handovers, pages)


async def waits(records: Records, school: School, account: Account, now: datetime) -> bool:
    """Whether something waits for somebody who answers for the records.

    A case to decide, a breach, a receipt that is late, a page of their own that is near its end. A case that is not theirs to
    keep counts for nothing: that it is there would tell them something.
    """
    looking = await viewer(records, school, account)
    if not looking.roles & KEEPERS:
        return False
    if any(breach.is_open for breach in await _breaches(records, looking)):
        return True
    if any(handover.due_at <= now for handover in await records.unreceived()):
        return True
    if any(line.page.is_near_its_end(now) for line in await mine(records, school, account, now)):
        return True
    for keeping in await records.keepings((KeepState.ENDED, KeepState.EARLY), _MOST_LOOKED_AT):
        case = await _case(records, school, account, keeping.incident_id, now, hold=False)
        if case is not None and set(case.choices) & {Choice.ERASE, Choice.AGREE}:
            return True
    return False


async def _breaches(records: Records, looking: Viewer) -> tuple[BreachState, ...]:
    """The breaches that are not done with, but for those of which somebody is kept out."""
    return tuple(b for b in await records.unfinished_breaches() if may_handle_breach(looking, b.caused_by))


async def look(ports: Ports, school: School, account: Account, incident_id: str) -> KeepingFile | NotForYou:
    """How a case is kept, for somebody who may have a say in it."""
    async with ports.store.transaction(school, write=False) as records:
        case = await _case(records, school, account, incident_id, ports.clock.now(), hold=False)
        return _file(case) if case is not None else NotForYou()


async def decide(
    ports: Ports, school: School, account: Account, incident_id: str, choice: str, why: str, reason: str
) -> DecideOutcome:
    """Decides how a case is kept. Right, state and time are looked at now, whatever the form was made of."""
    now, reason = ports.clock.now(), reason.strip()
    async with ports.store.transaction(school) as records:
        case = await _case(records, school, account, incident_id, now)
        if case is None or account.person_id is None:
            return NotForYou()
        chosen = next((c for c in case.choices if c == choice), None)
        early = next((r for r in EarlyReason if r == why), None)
        if chosen is None or (faults := _faults(chosen, early, reason)):
            filled = {CHOICE: choice, WHY: why, REASON: reason}
            return replace(_file(case), filled=filled, faults=faults if chosen is not None else {CHOICE: Fault.MISSING})
        done: DecideOutcome = await _carry_out(ports, records, case, chosen, early, reason, now)
    ports.wake()
    return done


async def propose_ended(ports: Ports, school: School) -> int:
    """Proposes every case whose time is over, once; gives how many are new. Several processes may do it at once.

    It reads in pieces, so that nobody waits for it.
    """
    now = ports.clock.now()
    shortest = min(years_of(school, kind) for kind in YEARS)
    closed = now - _A_YEAR * shortest
    count, after = 0, None
    while True:
        async with ports.store.transaction(school, write=False) as records:
            page = await records.closed_before(closed, now, _PAGE, after)
            ended = [i for _, i in page if await _has_ended(records, school, i, now)]
        for incident_id in ended:
            count += await _propose(ports, school, incident_id, now)
        if len(page) < _PAGE:
            return count
        after = page[-1]


async def _propose(ports: Ports, school: School, incident_id: str, now: datetime) -> bool:
    async with ports.store.transaction(school) as records:
        incident = await records.incident(incident_id)
        before = await records.keeping(incident_id)
        said = before is not None and not _is_over(before, now)
        if incident is None or said or not await _has_ended(records, school, incident_id, now):
            return False
        kind = class_kept(school, incident, await _taken_for(records, incident))
        await records.save_keeping(Keeping(incident_id, kind, KeepState.ENDED, now))
        await records.note(now, "bot", "keeping.ended", incident_id, kind=kind)
    return True


def _is_over(keeping: Keeping, now: datetime) -> bool:
    return keeping.state is KeepState.HELD and keeping.until is not None and keeping.until <= now


async def _has_ended(records: Records, school: School, incident_id: str, now: datetime) -> bool:
    """Whether its time is over, and that of each case of the same matter: what came of it may stand in the other."""
    incident = await records.incident(incident_id, hold=False)
    if incident is None or not has_ended(school, incident, now, named_work_here=False):
        # As it stands: that it was taken for something else only makes it longer.
        return False
    merged = await merged_with(records, incident)
    if await _must_be_kept(records, merged, now):
        return False
    matter = (incident, *(other for other in merged if not other.erased))
    shut_out, staff = await records.exclusions(*(i.id for i in matter)), await records.staff()
    for each in matter:
        work_here = any(staff.get(p) is not None for p in excluded_ids(shut_out[each.id]))
        before = await _taken_for(records, each)
        if not has_ended(school, each, now, named_work_here=work_here, before=before):
            return False
    return True


async def _taken_for(records: Records, incident: Incident) -> tuple[tuple[str, About], ...]:
    """What a case was ever taken for: one person can say that it is something else, and not that it is kept for less time."""
    return (await records.first_known(incident)).taken_for


async def _case(
    records: Records, school: School, account: Account, incident_id: str, now: datetime, *, hold: bool = True
) -> _Case | None:
    """A case of whose keeping somebody may know; None for everybody else."""
    incident = await records.incident(incident_id, hold=hold)
    if incident is None:
        return None
    looking, of_case = await viewer(records, school, account), await subject(records, incident, now)
    keeping = await records.keeping(incident_id)
    asked = keeping is not None and keeping.state is KeepState.EARLY and may(looking, Act.AGREE, of_case)
    if not (asked or may(looking, Act.KEEP, of_case)):
        return None
    ended = await _has_ended(records, school, incident_id, now)
    held = await _must_be_kept(records, await merged_with(records, incident), now)
    return _Case(looking, of_case, keeping, ended, held, await _taken_for(records, incident))


async def _must_be_kept(records: Records, merged: Sequence[Incident], now: datetime) -> bool:
    """Whether one of these is open still, or held."""
    for other in merged:
        keeping = await records.keeping(other.id)
        if other.is_open or (keeping is not None and keeping.state is KeepState.HELD and not _is_over(keeping, now)):
            return True
    return False


def _file(case: _Case) -> KeepingFile:
    keeping, school = case.keeping, case.looking.school
    person = _name(case.looking, keeping) if keeping is not None else ""
    end = end_of(school, case.incident, case.taken_for)
    return KeepingFile(case.incident, case.kind, end, keeping, person, case.choices)


def _name(looking: Viewer, keeping: Keeping) -> str:
    person = looking.staff.get(keeping.person_id)
    return person.name if person is not None else ""


def _faults(choice: Choice, early: EarlyReason | None, reason: str) -> dict[str, Fault]:
    if choice is Choice.PROPOSE and early is None:
        return {WHY: Fault.MISSING}
    if choice in REASONED and not reason:
        return {REASON: Fault.MISSING}
    return {REASON: Fault.TOO_LONG} if len(reason) > LONGEST_TEXT else {}


async def _carry_out(
    ports: Ports, records: Records, case: _Case, choice: Choice, early: EarlyReason | None, reason: str, now: datetime
) -> KeepingDecided | NobodyToAgree:
    incident, me = case.incident, case.looking.account
    asked: Sequence[Person] = ()
    match choice:
        case Choice.PROPOSE:
            asked = seconds(case.looking, case.subject)
            if early is None or not asked:
                return NobodyToAgree(incident.reference)
            kind = case.kind
            await records.save_keeping(Keeping(incident.id, kind, KeepState.EARLY, now, me.person_id, early))
            await records.note(now, actor(me), "keeping.proposed", incident.id, kind=kind, reason=early)
            await _ask(ports, records, incident, asked, now)
        case Choice.ERASE | Choice.AGREE:
            await _erase(records, case, now)
        case Choice.HOLD | Choice.KEEP_A_YEAR:
            await _hold(records, case, now + _A_YEAR if choice is Choice.KEEP_A_YEAR else None, reason, now)
        case Choice.LIFT | Choice.REFUSE:
            await records.drop_keeping(incident.id)
            await records.note(now, actor(me), "keeping.lifted" if choice is Choice.LIFT else "keeping.refused", incident.id)
    if choice is not Choice.PROPOSE:
        await records.show_again(incident.id, now, MessageKind.ERASURE)
    return KeepingDecided(incident.reference, choice, tuple(p.name for p in asked))


def seconds(looking: Viewer, case: Subject) -> tuple[Person, ...]:
    """Who could agree to erase a case that this person wants erased."""
    found: dict[str, Person] = {}
    for role in sorted(KEEPERS):
        for person in looking.staff.holders(looking.school, role):
            other = replace(looking, account=replace(looking.account, user_id="", person_id=person.id))
            if may_agree(other, case, looking.account.person_id):
                found[person.id] = person
    return tuple(found.values())


async def _ask(ports: Ports, records: Records, incident: Incident, people: Sequence[Person], now: datetime) -> None:
    outgoing = Outgoing(
        deliveries=[
            delivery(ports, incident.id, None, MessageKind.ERASURE, place, now.isoformat(timespec="seconds"))
            for person in people
            for place in on_platforms(ports.platforms, person)
        ]
    )
    await records.set_going(outgoing, now)


async def _erase(records: Records, case: _Case, now: datetime) -> None:
    me, before = case.looking.account, case.keeping
    kind = case.kind
    first, reason = (before.person_id, before.reason) if before is not None else (None, None)
    if case.subject.excluded and not case.incident.private:
        # Who was kept out of it is erased too: what is left must be for nobody but who dealt with it.
        about, state = case.incident.facts.about, await records.shut_out(case.incident.id)
        await records.make_private(case.incident.id, about)
        await records.note(now, "bot", "case.made_private", case.incident.id, about=about, shut_out=state)
    await records.erase(case.incident.id)
    await end_all_with(records, case.incident.id, actor(me), now)
    await records.save_keeping(Keeping(case.incident.id, kind, KeepState.ERASED, now, first, reason, agreed_by=me.person_id))
    await records.note(now, actor(me), "case.erased", case.incident.id, kind=kind, first=first, reason=reason)


async def _hold(records: Records, case: _Case, until: datetime | None, reason: str, now: datetime) -> None:
    me, incident = case.looking.account, case.incident
    texts = await records.add_case_note(CaseNote(incident.id, me.person_id or "", NoteKind.KEPT, now, reason))
    await records.save_keeping(Keeping(incident.id, case.kind, KeepState.HELD, now, me.person_id, until=until))
    await records.note(
        now, actor(me), "keeping.held", incident.id, until=until.isoformat() if until is not None else None, texts=texts
    )
