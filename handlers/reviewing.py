"""A case that is to be looked at again on a date: who is told when the date has come, and again until somebody has."""

from datetime import datetime

from domain.access import LEADS, TECHNICAL, Act, Subject, may
from domain.incident import Delivery, Incident, MessageKind, Outgoing, Timer
from domain.messages import ReviewMessage, WithdrawnMessage
from domain.people import Person, School, Staff
from domain.words import IncidentState
from handlers.acknowledge import remind_at
from handlers.alerting import delivery, on_platforms
from handlers.ports import Ports, Records
from handlers.rights import member, subject


async def ring(ports: Ports, records: Records, school: School, incident: Incident, due: Timer, now: datetime) -> None:
    """Tells those who work the case that it is to be looked at again. It goes on, once the case is closed too."""
    review = await records.review(incident.id)
    if review is None or incident.erased or incident.state is IncidentState.MERGED:
        return
    case = await subject(records, incident, now)
    people = await _told(records, school, case, review.person_id)
    outgoing = Outgoing(
        deliveries=[
            delivery(ports, incident.id, None, MessageKind.REVIEW, place, f"{review.id}.{due.id}")
            for person in people
            for place in on_platforms(ports.platforms, person)
        ],
        timers=[Timer(ports.next_id(), due.kind, due.incident_id, due.alert_id, remind_at(school, incident.urgency, now))],
    )
    await records.set_going(outgoing, now)
    await records.note(now, "bot", "review.reminded", incident.id)


async def message(
    records: Records, school: School, delivery: Delivery, incident: Incident, now: datetime
) -> ReviewMessage | WithdrawnMessage | None:
    """What is said of it, to whoever works the case still."""
    review_id, _, _ = delivery.step.rpartition(":")[2].partition(".")
    review, case = await records.review(incident.id), await subject(records, incident, now)
    if not may(member(school, await records.staff(), delivery.address.id), Act.WORK, case):
        return WithdrawnMessage(incident.reference) if delivery.message_id is not None else None
    waits = review is not None and review.id == review_id and review.due_at <= now
    if not waits and delivery.message_id is None:
        return None
    at = review.due_at if review is not None and waits else now
    return ReviewMessage(incident.id, incident.reference, at, done=not waits)


def who_lead(school: School, staff: Staff, case: Subject) -> list[Person]:
    """Those who lead safeguarding and may work a case: who is told of it where nobody else of it is left."""
    leads = {p.id: p for role in sorted(LEADS) for p in staff.holders(school, role)}
    return [p for p in leads.values() if may(member(school, staff, p.id), Act.WORK, case)]


async def _told(records: Records, school: School, case: Subject, set_by: str) -> list[Person]:
    """Who has the case and who set the date; where none of them works it any more, those who lead."""
    staff = await records.staff()
    owners = [a.owner_id for a, _ in case.duties if a.owner_id is not None and not set(a.roles) <= TECHNICAL]
    asked = [p for i in dict.fromkeys((*owners, set_by)) if (p := staff.get(i)) is not None]
    return [p for p in asked if may(member(school, staff, p.id), Act.WORK, case)] or who_lead(school, staff, case)
