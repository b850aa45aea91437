"""A closed case is open again: whoever answered for it is asked anew, with a fresh deadline."""

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime

from domain.access import TECHNICAL
from domain.audience import excluded_ids, may_follow
from domain.case_changes import LinkKind
from domain.incident import Alert, AlertState, Asked, Incident, MessageKind, Outgoing, TimerKind
from domain.people import School
from domain.retention import KeepState
from domain.routing import route_kept
from domain.words import IncidentState
from handlers.acknowledge import remind_at
from handlers.alerting import deadline, open_duty, rungs_of, summon, timer
from handlers.ports import Ports, Records
from handlers.report import find_duties
from handlers.set_right import groups_of
from handlers.signing import call_off


async def revive(
    ports: Ports,
    records: Records,
    school: School,
    incident: Incident,
    person_id: str,
    now: datetime,
    only: Collection[str] = (),
) -> None:
    """Opens a case again. What `person_id` had answered for is theirs again; all else is unanswered, and climbs.

    `only`: these alerts, where others were done with before. What was signed stays, and must be signed anew.
    """
    staff, excluded = await records.staff(), excluded_ids((await records.exclusions(incident.id))[incident.id])
    alerts = await records.alerts_of(incident.id)
    found = route_kept(school.policy, incident.facts, staff.fully_excluded_roles(school, excluded))
    due = school.calendar.due(deadline(school, incident), now)
    outgoing, theirs = Outgoing(), False
    for alert in _again(alerts, only, may_follow(found.notify, private=incident.private)):
        rungs = rungs_of(school, staff, incident, alert, excluded)
        mine = alert.owner_id == person_id and person_id not in excluded
        anew = replace(alert, state=AlertState.OPEN, owner_id=None, acknowledged_at=None, round=alert.round + 1, due_at=due)
        if mine:
            anew = replace(anew, state=AlertState.ACKNOWLEDGED, owner_id=person_id, acknowledged_at=now)
            outgoing.timers.append(timer(ports, TimerKind.REMIND, anew, remind_at(school, incident.urgency, now)))
            theirs = True
        else:
            first = [rung for rung in rungs if rung.person.id == alert.owner_id] or list(rungs)
            summon(ports, outgoing, anew, first[:1], now, Asked.FIRST)
            outgoing.timers.append(timer(ports, TimerKind.CLIMB, anew, due))
        await records.change_alert(anew)
    if not outgoing.timers:
        groups = await groups_of(records, incident, alerts)
        private = incident.private or found.private
        asked = await find_duties(ports, records, school, staff, found, groups, excluded, private=private, now=now)
        for duty in asked:
            open_duty(ports, outgoing, incident, duty, now, due)
    await records.set_incident_state(incident.id, IncidentState.ACKNOWLEDGED if theirs else IncidentState.REPORTED)
    await records.set_going(outgoing, now)
    await call_off(records, incident, now)
    await keep_on(records, incident, now)
    await records.show_again(incident.id, now, MessageKind.ALERT, MessageKind.RECEIPT, MessageKind.REMINDER, given_up=True)


async def part_again(records: Records, incident: Incident, now: datetime) -> None:
    """A duplicate that is a case of its own again, without anybody's wish: something was found out about it."""
    for link in await records.links_of(incident.id):
        if link.kind is LinkKind.MERGED and link.incident_id == incident.id:
            await records.end_link(link.id, "bot", now)
            await records.note(now, "bot", "case.unmerged", incident.id)


async def keep_on(records: Records, incident: Incident, now: datetime) -> None:
    """An open case has no end: what was proposed about its erasure holds no more. That somebody holds it does."""
    keeping = await records.keeping(incident.id)
    if keeping is not None and keeping.state in (KeepState.ENDED, KeepState.EARLY):
        await records.drop_keeping(incident.id)
        await records.show_again(incident.id, now, MessageKind.ERASURE)


def _again(alerts: Collection[Alert], only: Collection[str], allowed: Collection[str] | None) -> list[Alert]:
    """The alerts that somebody must answer again: technical tasks that were done stay done, where anything else is there."""
    done = [a for a in alerts if a.state is AlertState.DONE and (a.id in only or (not only and a.owner_id is not None))]
    # Of a case that has turned private meanwhile, those whom it concerned before are not asked again.
    may_be_asked = [a for a in done if allowed is None or set(a.roles) & set(allowed)]
    others = [a for a in may_be_asked if not set(a.roles) <= TECHNICAL]
    return may_be_asked if only else others or may_be_asked
