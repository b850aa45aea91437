"""Reading a case, and settling whether a typed name means a member of staff. The right is checked on each request."""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeAlias

from domain.access import Act, Subject, Viewer, answerable, may
from domain.audience import about_whom, duties, excluded_ids, exclusions, may_follow
from domain.audit import LINKINGS, READINGS
from domain.incident import (
    Alert,
    AlertState,
    CaseFile,
    Exclusion,
    Incident,
    Outgoing,
    Participant,
    PossibleMatch,
    TaskFile,
    TimerKind,
    Why,
)
from domain.people import Account, School
from domain.routing import Facts, Route, route_kept
from domain.words import IncidentState, ParticipantRole, Role
from handlers.acknowledge import NotForYou
from handlers.alerting import deadline, open_duty, timer
from handlers.chronology import background
from handlers.course import course, merged_with
from handlers.kept_out import look_again
from handlers.ports import Ports, Records, actor
from handlers.reopening import keep_on, part_again
from handlers.rights import note_reading, subject, viewer
from handlers.signing import call_off
from handlers.timeline import newest

DetailsOutcome: TypeAlias = CaseFile | TaskFile | NotForYou


@dataclass(frozen=True, slots=True)
class PassedOn:
    """The case is about staff now, with those whom such matters go to, and whoever settled that has no more part in it."""

    reference: str
    roles: tuple[Role, ...]


SettleOutcome: TypeAlias = DetailsOutcome | PassedOn


async def read(ports: Ports, school: School, account: Account, incident_id: str) -> DetailsOutcome:
    """The case as somebody with a right to it may read it. The reading is logged before anything is shown."""
    async with ports.store.transaction(school) as records:
        incident = await records.incident(incident_id)
        return await show(ports, records, school, account, incident) if incident else NotForYou()


async def show(ports: Ports, records: Records, school: School, account: Account, incident: Incident) -> DetailsOutcome:
    """What of a case somebody may see, noted as read, within a transaction."""
    now = ports.clock.now()
    looking, case = await viewer(records, school, account), await subject(records, incident, now)
    if may(looking, Act.READ, case):
        file = await case_file(records, looking, case, now)
        told = file.background.hints if file.background is not None else ()
        beside = ",".join(sorted({reference for hint in told for reference in hint.others}))
        await note_reading(records, looking, incident, now, beside=beside)
        return file
    if may(looking, Act.READ_TASK, case):
        await note_reading(records, looking, incident, now, task=True)
        return _task_file(looking, case)
    return NotForYou()


async def settle(
    ports: Ports, school: School, account: Account, incident_id: str, person_id: str, *, same: bool
) -> SettleOutcome:
    """Settles whether a typed name is a member of staff. Needs a right to the case, so it is never the person in doubt.

    If it is, and they are said to have done it, the case becomes private and goes where reports about staff go. If it is not,
    they are no longer kept out.
    """
    now = ports.clock.now()
    async with ports.store.transaction(school) as records:
        await records.hold_list()
        # All are held in the order in which everybody holds several.
        first = await records.incident(incident_id, hold=False)
        matter = {first.id, *(i.id for i in await merged_with(records, first))} if first is not None else set[str]()
        held = {id_: await records.incident(id_) for id_ in sorted(matter)}
        incident = held.pop(incident_id, None)
        if incident is None or account.person_id is None:
            return NotForYou()
        looking = await viewer(records, school, account)
        if not may(looking, Act.SETTLE, await subject(records, incident, now)):
            return NotForYou()
        others = [i for i in held.values() if i is not None]
        for case in (incident, *await _by_the_same_name(records, looking, incident, others, person_id, now)):
            if await records.settle(case.id, person_id, Why.NAMED if same else Why.DISMISSED, account.person_id, now):
                state = await records.shut_out(case.id)
                await records.note(
                    now,
                    actor(account),
                    f"match.{'confirmed' if same else 'dismissed'}",
                    case.id,
                    person=person_id,
                    shut_out=state,
                )
                if same:
                    await _turn_to_staff_matter(ports, records, school, case, person_id)
        incident = await records.incident(incident_id) or incident
        result: SettleOutcome = await show(ports, records, school, account, incident)
        if isinstance(result, NotForYou):
            answering = [a for a in await records.alerts_of(incident.id) if a.state is not AlertState.DONE]
            result = PassedOn(incident.reference, tuple(dict.fromkeys(role for a in answering for role in a.roles)))
    ports.wake()
    return result


async def _by_the_same_name(
    records: Records, looking: Viewer, incident: Incident, others: Sequence[Incident], person_id: str, now: datetime
) -> list[Incident]:
    """Those of the cases of the same matter in which it is the same typed name that may mean somebody, and theirs to settle.

    The name stands in one of them: a matter about staff is opened there, wherever it is settled.
    """
    ids = (incident.id, *(i.id for i in others))
    by = {
        id_: {e.participant_id for e in shut if e.person_id == person_id}
        for id_, shut in (await records.exclusions(*ids)).items()
    }
    alike = [i for i in others if by[i.id] & by[incident.id] - {None}]
    return [i for i in alike if may(looking, Act.SETTLE, await subject(records, i, now))]


async def _turn_to_staff_matter(ports: Ports, records: Records, school: School, incident: Incident, person_id: str) -> None:
    now = ports.clock.now()
    staff = await records.staff()
    shut_out = (await records.exclusions(incident.id))[incident.id]
    meant = next(e for e in shut_out if e.person_id == person_id)
    people = [_as(p, meant) for p in await records.participants(incident.id)]
    about = about_whom(school, staff, incident.facts.about, people)
    accused = any(p.role is ParticipantRole.ALLEGED_PERPETRATOR and p.person_id == person_id for p in people)
    if not accused or (about is incident.facts.about and incident.private):
        await look_again(ports, records, school, incident, excluded_ids(shut_out))
        return
    await records.make_private(incident.id, about)
    facts = Facts(
        incident.facts.concern, about, incident.facts.repeat, incident.facts.immediate_danger, incident.facts.illegal_suspected
    )
    more = [e for e in exclusions(school, staff, facts, people) if e.person_id not in {x.person_id for x in shut_out}]
    await records.add_exclusions(incident.id, more)
    state = await records.shut_out(incident.id)
    await records.note(now, "bot", "case.made_private", incident.id, about=about, shut_out=state)
    if not incident.is_open:
        # It was closed as something else: a matter about staff is open until those whom it goes to have closed it.
        await records.set_incident_state(incident.id, IncidentState.REPORTED)
        await call_off(records, incident, now)
        await part_again(records, incident, now)
        await keep_on(records, incident, now)
    await pass_on(ports, records, school, incident, facts, excluded_ids((*shut_out, *more)))


async def pass_on(
    ports: Ports, records: Records, school: School, incident: Incident, facts: Facts, excluded: AbstractSet[str]
) -> None:
    """Has a case that has just been made private answered for by those whom its route names now, and by nobody else."""
    now, staff, excluded = ports.clock.now(), await records.staff(), frozenset(excluded)
    incident = replace(incident, facts=facts, private=True)
    found: Route = route_kept(school.policy, facts, staff.fully_excluded_roles(school, excluded))
    outgoing, due = Outgoing(), school.calendar.due(deadline(school, incident), now)
    # Whoever has done their part has answered for something else.
    live = [a for a in await records.alerts_of(incident.id) if a.state is not AlertState.DONE]
    summonses = await records.summonses(*(a.id for a in live))
    may_be_asked, answering = may_follow(found.notify, private=True) or frozenset(), set()
    for alert in live:
        if set(alert.roles) & set(found.notify) and {s.role for s in summonses[alert.id]} <= may_be_asked:
            answering |= set(alert.roles)
            if alert.state is AlertState.OPEN and due < alert.due_at:
                # What it is now may be more urgent than what they were asked for.
                sooner = replace(alert, due_at=due)
                await records.change_alert(sooner)
                await records.cancel_timers(alert.id, TimerKind.CLIMB)
                outgoing.timers.append(timer(ports, TimerKind.CLIMB, sooner, due))
            continue
        # A matter of theirs no more, or it has climbed to somebody whose matter it is not: nobody after them is asked, and
        # those whom the policy names are asked anew. Whoever owns it may read it as long as it is open.
        await records.change_alert(replace(alert, state=AlertState.DONE))
        await records.cancel_timers(alert.id, TimerKind.CLIMB, TimerKind.REMIND)
    wanted = [r for r in found.notify if r not in answering]
    for duty in duties(school, staff, wanted, {}, excluded, private=True, readers={}):
        open_duty(ports, outgoing, incident, duty, now, due)
    await records.set_going(outgoing, now)
    # Copies in shared channels are withdrawn too, since the case is private now.
    await look_again(ports, records, school, await records.incident(incident.id) or incident, excluded)


def _as(participant: Participant, meant: Exclusion) -> Participant:
    same = participant.id == meant.participant_id
    return Participant(participant.id, participant.role, participant.name, meant.person_id) if same else participant


async def case_file(records: Records, looking: Viewer, case: Subject, now: datetime) -> CaseFile:
    """All of a case. Whoever calls it has checked the right to it, and notes the reading."""
    school, staff, incident = looking.school, looking.staff, case.incident
    participants = await records.participants(incident.id)
    typed = {p.id: p.name for p in participants}
    for other in await merged_with(records, incident):
        # Whom a duplicate may name is kept out of this one too; who may not read that one cannot say whether it does.
        if may(looking, Act.READ, await subject(records, other, now)):
            typed |= {p.id: p.name for p in await records.participants(other.id)}
    shut_out = (await records.exclusions(incident.id))[incident.id]
    possible = [
        PossibleMatch(e.person_id, person.name, typed.get(e.participant_id or "", school.policy.role_title(Role.HEADTEACHER)))
        for e in shut_out
        if e.why is Why.POSSIBLE and (person := staff.get(e.person_id)) and e.participant_id in {None, *typed}
    ]
    found = route_kept(school.policy, incident.facts, staff.fully_excluded_roles(school, case.excluded))
    reporter = staff.get(incident.reporter.person_id)
    works = may(looking, Act.WORK, case)
    return CaseFile(
        incident=incident,
        narrative=await records.narrative(incident.id),
        participants=participants,
        possible=tuple(possible),
        duties=_owners(looking, case),
        notes=tuple((n, p.name if (p := staff.get(n.person_id)) else "") for n in await records.case_notes(incident.id)),
        log=await records.log(incident.id, READINGS | LINKINGS),
        actions=found.actions,
        warnings=found.warnings,
        outside=found.external,
        reporter=reporter.name if reporter else "",
        mine=next(iter(answerable(looking, case)), None),
        may_see_readers=may(looking, Act.READ_READERS, case),
        may_keep=may(looking, Act.KEEP, case),
        changed=not await records.is_kept(incident.id),
        timeline=await newest(records, incident, now) if works else None,
        background=await background(records, looking, case, participants, shut_out, now) if works else None,
        course=await course(records, looking, case, now),
    )


def _task_file(looking: Viewer, case: Subject) -> TaskFile:
    school = looking.school
    found = route_kept(school.policy, case.incident.facts, looking.staff.fully_excluded_roles(school, case.excluded))
    mine = next(iter(answerable(looking, case)), None)
    return TaskFile(case.incident, _owners(looking, case), found.actions, found.warnings, mine)


def _owners(looking: Viewer, case: Subject) -> tuple[tuple[Alert, str], ...]:
    return tuple((a, p.name if (p := looking.staff.get(a.owner_id)) else "") for a, _ in case.duties)
