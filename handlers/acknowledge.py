"""Acknowledging an alert: the first one stands, and every copy shows who and when."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeAlias

from domain.access import answerable
from domain.incident import Alert, AlertState, Incident, MessageKind, Outgoing, TimerKind
from domain.people import Account, School
from domain.words import IncidentState, Urgency
from handlers.alerting import delivery, timer
from handlers.ports import Ports, Records, actor
from handlers.rights import subject, viewer


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """It is theirs now."""

    incident: Incident
    alert: Alert


@dataclass(frozen=True, slots=True)
class AlreadyTaken:
    """Somebody was first; `mine` where it was the same person."""

    reference: str
    owner: str
    at: datetime
    mine: bool


@dataclass(frozen=True, slots=True)
class NotForYou:
    """The case is not theirs to answer or to see, or there is none: the answer tells nobody which."""


@dataclass(frozen=True, slots=True)
class AlreadyClosed:
    """The case has been closed."""

    reference: str


AcknowledgeOutcome: TypeAlias = Acknowledged | AlreadyTaken | AlreadyClosed | NotForYou


async def acknowledge(ports: Ports, school: School, account: Account, alert_id: str) -> AcknowledgeOutcome:
    """Takes an alert on, for somebody who may; otherwise says kindly why not. Pressing twice changes nothing."""
    now = ports.clock.now()
    async with ports.store.transaction(school) as records:
        found = await case_of_alert(records, school, account, alert_id, now)
        if found is None or account.person_id is None:
            return NotForYou()
        alert, incident = found
        if not incident.is_open:
            return AlreadyClosed(incident.reference)
        if alert.owner_id is not None and alert.acknowledged_at is not None:
            owner = (await records.staff()).get(alert.owner_id)
            name = owner.name if owner else ""
            return AlreadyTaken(incident.reference, name, alert.acknowledged_at, mine=alert.owner_id == account.person_id)
        alert = replace(alert, state=AlertState.ACKNOWLEDGED, owner_id=account.person_id, acknowledged_at=now)
        await take_on(ports, records, school, incident, alert, now)
        await records.note(now, actor(account), "alert.acknowledged", incident.id, role=alert.role)
    ports.wake()
    return Acknowledged(incident, alert)


async def take_on(ports: Ports, records: Records, school: School, incident: Incident, alert: Alert, now: datetime) -> None:
    """Writes that an alert has an owner: it no longer climbs, its copies change, and the reporter hears of it."""
    await records.change_alert(alert)
    if incident.state is IncidentState.REPORTED:
        await records.set_incident_state(incident.id, IncidentState.ACKNOWLEDGED)
    await records.cancel_timers(alert.id, TimerKind.CLIMB)
    outgoing = Outgoing(
        deliveries=[
            delivery(
                ports,
                incident.id,
                alert.id,
                MessageKind.ACKNOWLEDGED,
                incident.reporter.address,
                f"{alert.round}.{now.isoformat()}",
            )
        ],
        timers=[timer(ports, TimerKind.REMIND, alert, remind_at(school, incident.urgency, now))],
    )
    await records.set_going(outgoing, now)
    await records.show_again(incident.id, now, MessageKind.ALERT, alert_id=alert.id)
    await records.show_again(incident.id, now, MessageKind.RECEIPT)


def remind_at(school: School, urgency: Urgency, now: datetime) -> datetime:
    """When a case that was acknowledged comes back to its owner: in the morning, as many school days on as the school says."""
    return school.calendar.morning(school.comes_back[urgency], now)


async def case_of_alert(
    records: Records, school: School, account: Account, alert_id: str, now: datetime
) -> tuple[Alert, Incident] | None:
    """The alert and its case, held for the rest of the transaction, if this person may answer it now."""
    alert = await records.alert(alert_id)
    incident = await records.incident(alert.incident_id) if alert else None
    # Read once more now that the case is held, so that of two who press at once the second sees the first.
    alert = await records.alert(alert_id)
    if alert is None or incident is None or account.person_id is None:
        return None
    mine = answerable(await viewer(records, school, account), await subject(records, incident, now))
    return (alert, incident) if alert.id in {a.id for a in mine} else None
