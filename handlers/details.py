"""Reading a case, and settling whether a typed name means a member of staff. The right is checked on each request."""

from dataclasses import replace
from typing import TypeAlias

from domain.audience import about_whom, duties, excluded_ids, exclusions, ladder, next_rung
from domain.incident import (
    AlertState,
    Asked,
    CaseFile,
    Exclusion,
    Incident,
    LogEntry,
    MessageKind,
    Outgoing,
    Participant,
    PossibleMatch,
    TimerKind,
    Why,
)
from domain.people import Account, School, Staff
from domain.routing import Facts, Route, route_kept
from domain.words import IncidentState, ParticipantRole
from handlers.acknowledge import NotForYou
from handlers.alerting import deadline, open_duty, rights, summon, timer
from handlers.ports import Ports, Records, actor

DetailsOutcome: TypeAlias = CaseFile | NotForYou


async def read(ports: Ports, school: School, account: Account, incident_id: str) -> DetailsOutcome:
    """The case as somebody with a right to it may read it. The reading is logged before anything is shown."""
    now = ports.clock.now()
    async with ports.store.transaction(school) as records:
        incident = await records.incident(incident_id)
        mine = await rights(records, school, account.person_id, incident) if incident else ()
        if incident is None or not mine:
            return NotForYou()
        await records.note(now, actor(account), "case.read", incident.id)
        return await _case_file(records, school, incident, account)


async def settle(
    ports: Ports, school: School, account: Account, incident_id: str, person_id: str, *, same: bool
) -> DetailsOutcome:
    """Settles whether a typed name is a member of staff. Needs a right to the case, so it is never the person in doubt.

    If it is, and they are said to have done it, the case becomes private and goes where reports about staff go. If it is not,
    they are no longer kept out.
    """
    now = ports.clock.now()
    async with ports.store.transaction(school) as records:
        incident = await records.incident(incident_id)
        mine = await rights(records, school, account.person_id, incident) if incident else ()
        if incident is None or not mine or account.person_id is None:
            return NotForYou()
        why = Why.NAMED if same else Why.DISMISSED
        if await records.settle(incident.id, person_id, why, account.person_id, now):
            await records.note(
                now, actor(account), f"match.{'confirmed' if same else 'dismissed'}", incident.id, person=person_id
            )
            if same:
                await _turn_to_staff_matter(ports, records, school, incident, person_id)
        found = await records.incident(incident_id) or incident
        result = await _case_file(records, school, found, account)
    ports.wake()
    return result


async def _turn_to_staff_matter(ports: Ports, records: Records, school: School, incident: Incident, person_id: str) -> None:
    now = ports.clock.now()
    staff = await records.staff()
    shut_out = (await records.exclusions(incident.id))[incident.id]
    meant = next(e for e in shut_out if e.person_id == person_id)
    people = [_as(p, meant) for p in await records.participants(incident.id)]
    about = about_whom(school, staff, incident.facts.about, people)
    accused = any(p.role is ParticipantRole.ALLEGED_PERPETRATOR and p.person_id == person_id for p in people)
    if not accused or (about is incident.facts.about and incident.private):
        await _ask_others(ports, records, school, incident, staff, excluded_ids(shut_out))
        return
    await records.make_private(incident.id, about)
    if not incident.is_open:
        # It was closed as something else: a matter about staff is open until those whom it goes to have closed it.
        await records.set_incident_state(incident.id, IncidentState.REPORTED)
        await records.show_again(incident.id, now, MessageKind.RECEIPT)
    facts = Facts(
        incident.facts.concern, about, incident.facts.repeat, incident.facts.immediate_danger, incident.facts.illegal_suspected
    )
    more = [e for e in exclusions(school, staff, facts, people) if e.person_id not in {x.person_id for x in shut_out}]
    await records.add_exclusions(incident.id, more)
    excluded = excluded_ids((*shut_out, *more))
    await _ask_others(ports, records, school, incident, staff, excluded)
    found: Route = route_kept(school.policy, facts, staff.fully_excluded_roles(school, excluded))
    answering = {role for alert in await records.alerts_of(incident.id) for role in alert.roles}
    wanted = [r for r in found.notify if r not in answering]
    outgoing = Outgoing()
    due = school.calendar.due(deadline(school, incident), now)
    for duty in duties(school, staff, wanted, {}, excluded, private=True, readers={}):
        open_duty(ports, outgoing, incident, duty, now, due)
    await records.set_going(outgoing, now)
    # Every copy is looked at again: those in shared channels are withdrawn, since the case is private now.
    await records.show_again(incident.id, now, MessageKind.ALERT)


async def _ask_others(
    ports: Ports, records: Records, school: School, incident: Incident, staff: Staff, excluded: frozenset[str]
) -> None:
    """Whoever is shut out now may have been an alert's only hope: the next in line is asked at once."""
    now = ports.clock.now()
    alerts = await records.alerts_of(incident.id)
    summonses = await records.summonses(*(a.id for a in alerts))
    outgoing = Outgoing()
    for alert in alerts:
        asked = {s.person_id for s in summonses[alert.id]}
        if alert.state is AlertState.DONE or not asked or asked - excluded:
            continue
        step = next_rung(ladder(school, staff, alert.role, alert.group, excluded), summonses[alert.id], alert.round)
        if step is None:
            continue
        if alert.owner_id in excluded:
            alert = replace(alert, state=AlertState.OPEN, owner_id=None, acknowledged_at=None)  # noqa: PLW2901
            await records.change_alert(alert)
        await records.cancel_timers(alert.id, TimerKind.CLIMB, TimerKind.REMIND)
        summon(ports, outgoing, alert, [step[0]], now, Asked.CLIMBED)
        due = school.calendar.due(deadline(school, incident), now)
        outgoing.timers.append(timer(ports, TimerKind.CLIMB, alert, due))
    await records.set_going(outgoing, now)


def _as(participant: Participant, meant: Exclusion) -> Participant:
    same = participant.id == meant.participant_id
    return Participant(participant.id, participant.role, participant.name, meant.person_id) if same else participant


async def _case_file(records: Records, school: School, incident: Incident, account: Account) -> CaseFile:
    staff = await records.staff()
    participants = await records.participants(incident.id)
    typed = {p.id: p.name for p in participants}
    shut_out = (await records.exclusions(incident.id))[incident.id]
    possible = [
        PossibleMatch(e.person_id, person.name, typed.get(e.participant_id or "", ""))
        for e in shut_out
        if e.why is Why.POSSIBLE and (person := staff.get(e.person_id))
    ]
    alerts = await records.alerts_of(incident.id)
    mine = await rights(records, school, account.person_id, incident)
    found = route_kept(school.policy, incident.facts, staff.fully_excluded_roles(school, excluded_ids(shut_out)))
    reporter = staff.get(incident.reporter.person_id)
    return CaseFile(
        incident=incident,
        narrative=await records.narrative(incident.id),
        participants=participants,
        possible=tuple(possible),
        duties=tuple((a, p.name if (p := staff.get(a.owner_id)) else "") for a in alerts),
        notes=tuple((n, p.name if (p := staff.get(n.person_id)) else "") for n in await records.case_notes(incident.id)),
        log=_without_readings(await records.log(incident.id)),
        actions=found.actions,
        warnings=found.warnings,
        outside=found.external,
        reporter=reporter.name if reporter else "",
        mine=next(iter(mine), None),
    )


def _without_readings(log: tuple[LogEntry, ...]) -> tuple[LogEntry, ...]:
    return tuple(entry for entry in log if entry.action != "case.read")
