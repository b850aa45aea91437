"""What a delivery says, taken from the state at the moment it is sent; and whether it may be shown there at all."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from domain.audience import excluded_ids, ladder
from domain.incident import Alert, AlertState, Asked, Delivery, Incident, MessageKind, Summons
from domain.messages import (
    AlertMessage,
    DecisionMessage,
    Message,
    ProgressMessage,
    ReceiptMessage,
    ReminderMessage,
    RequestMessage,
    WithdrawnMessage,
)
from domain.people import AddressKind, Holders, Platform, School, Staff
from domain.routing import route_kept
from domain.words import Role
from handlers.alerting import OVERLOOKED, UNDELIVERED
from handlers.ports import Ports, Records


async def compose(ports: Ports, school: School, delivery: Delivery) -> Message | None:
    """The message, or None if it need not or must not be sent. A copy that stands where it no longer may is withdrawn.

    What an earlier attempt may have posted, without being able to say so, is marked as a repeat.
    """
    message = await _message(ports, school, delivery)
    if message is None or not delivery.uncertain or delivery.message_id is not None:
        return message
    return replace(message, again=True)


async def _message(ports: Ports, school: School, delivery: Delivery) -> Message | None:
    now = ports.clock.now()
    async with ports.store.transaction(school, write=False) as records:
        if delivery.request_id is not None:
            return await _of_request(ports, records, school, delivery.request_id, delivery.message)
        incident = await records.incident(delivery.incident_id, hold=False) if delivery.incident_id is not None else None
        if incident is None:
            return None
        alert = await records.alert(delivery.alert_id) if delivery.alert_id else None
        match delivery.message:
            case MessageKind.RECEIPT:
                return await receipt_of(records, school, incident)
            # Handed on before it could be said, it is not so any more; whoever takes it next is said then.
            case MessageKind.ACKNOWLEDGED if alert is not None and alert.acknowledged_at is not None:
                title = await _owners_title(records, school, alert)
                return ProgressMessage(incident.reference, False, title, alert.acknowledged_at or now)
            case MessageKind.CLOSED if alert is not None:
                title = await _owners_title(records, school, alert)
                return ProgressMessage(incident.reference, True, title, incident.closed_at or now)
            case MessageKind.ALERT if delivery.address.platform is Platform.EMAIL and not _unanswered(alert):
                return None
            case MessageKind.ALERT | MessageKind.REMINDER if alert is not None:
                excluded = excluded_ids((await records.exclusions(incident.id))[incident.id])
                if not await _may_be_shown(ports, records, delivery, incident, excluded, now):
                    return WithdrawnMessage(incident.reference) if delivery.message_id else None
                if delivery.message is MessageKind.REMINDER:
                    return _reminder(school, await records.staff(), delivery, incident, alert)
                message = await _alert(records, school, delivery, incident, alert, excluded, now)
                if delivery.address.platform is not Platform.EMAIL:
                    return message
                phones = _phones(school, await records.staff(), incident, excluded)
                return replace(message, phones=phones, undelivered=f":{UNDELIVERED}" in delivery.step)
            case _:
                return None


def _unanswered(alert: Alert | None) -> bool:
    return alert is not None and alert.state is AlertState.OPEN


async def _of_request(ports: Ports, records: Records, school: School, request_id: str, kind: MessageKind) -> Message | None:
    request = await records.request(request_id, hold=False)
    if request is None:
        return None
    known = (await ports.answers.engine(school.policy)).catalogue.questions.get(request.question)
    title, role = known.title if known is not None else "", school.policy.role_title(request.role)
    if kind is MessageKind.REQUEST:
        decider = (await records.staff()).get(request.decided_by)
        return RequestMessage(
            request_id=request.id,
            reference=request.reference,
            kind=request.kind,
            title=title,
            cites=request.cites,
            role_title=role,
            at=request.at,
            decision=request.decision,
            decider=decider.name if decider is not None else "",
            decided_at=request.decided_at,
        )
    if request.decision is None or request.decided_at is None:
        return None
    return DecisionMessage(request.id, request.reference, title, request.decision, role, request.decided_at)


async def _owners_title(records: Records, school: School, alert: Alert) -> str:
    """The role in which an alert's owner was asked: not always the one that was meant to answer."""
    summonses = (await records.summonses(alert.id))[alert.id]
    return school.policy.role_title(next((s.role for s in reversed(summonses) if s.person_id == alert.owner_id), alert.role))


async def _may_be_shown(
    ports: Ports, records: Records, delivery: Delivery, incident: Incident, excluded: frozenset[str], now: datetime
) -> bool:
    if delivery.address.kind is not AddressKind.CHANNEL:
        return delivery.address.id not in excluded
    if incident.private:
        return False
    if not excluded:
        return True
    known = (await records.readers(now - ports.readers_known_for)).get(delivery.address)
    return known is not None and not known & excluded


async def _alert(
    records: Records,
    school: School,
    delivery: Delivery,
    incident: Incident,
    alert: Alert,
    excluded: frozenset[str],
    now: datetime,
) -> AlertMessage:
    staff = await records.staff()
    summonses = (await records.summonses(alert.id))[alert.id]
    summons = _summons_of(delivery, summonses)
    owner = staff.get(alert.owner_id)
    found = route_kept(school.policy, incident.facts, staff.fully_excluded_roles(school, excluded))
    return AlertMessage(
        incident_id=incident.id,
        alert_id=alert.id,
        reference=incident.reference,
        concern=_concern(school, incident),
        urgency=incident.urgency,
        reported_at=incident.reported_at,
        due_at=alert.due_at,
        state=alert.state,
        incident_state=incident.state,
        role_title=" / ".join(school.policy.role_title(r) for r in alert.roles),
        group=alert.group if "@" not in alert.group else "",
        why=summons.why if summons else Asked.FIRST,
        owner=owner.name if owner else "",
        acknowledged_at=alert.acknowledged_at,
        late=alert.state is AlertState.OPEN and now >= alert.due_at,
        immediate_danger=incident.facts.immediate_danger,
        outside=tuple(school.policy.role_title(r) for r in found.external),
        round=alert.round,
    )


def _summons_of(delivery: Delivery, summonses: tuple[Summons, ...]) -> Summons | None:
    if delivery.address.kind is AddressKind.PERSON:
        own = [s for s in summonses if s.person_id == delivery.address.id and s.round == delivery.summons_round]
        return own[-1] if own else None
    return next((s for s in summonses if s.round == delivery.summons_round), None)


async def receipt_of(records: Records, school: School, incident: Incident) -> ReceiptMessage:
    """What the reporter is told of a report as it stands now."""
    alerts = await records.alerts_of(incident.id)
    summonses = await records.summonses(*(a.id for a in alerts))
    excluded = excluded_ids((await records.exclusions(incident.id))[incident.id])
    return receipt(school, await records.staff(), incident, alerts, summonses, excluded)


def receipt(
    school: School,
    staff: Staff,
    incident: Incident,
    alerts: tuple[Alert, ...],
    summonses: Mapping[str, tuple[Summons, ...]],
    excluded: frozenset[str],
) -> ReceiptMessage:
    """What the reporter is told: that it is kept, by which role it is dealt with, and what to do meanwhile."""
    found = route_kept(school.policy, incident.facts, staff.fully_excluded_roles(school, excluded))
    dealing = dict.fromkeys(_dealing(school, staff, alert, summonses[alert.id], excluded) for alert in alerts)
    return ReceiptMessage(
        incident_id=incident.id,
        reference=incident.reference,
        concern=_concern(school, incident),
        urgency=incident.urgency,
        reported_at=incident.reported_at,
        due_at=incident.due_at,
        state=incident.state,
        dealing=tuple(d for d in dealing if d),
        phones=_phones(school, staff, incident, excluded),
        outside=tuple(school.policy.role_title(r) for r in found.external),
        actions=tuple(step for step in found.actions if step.for_reporter),
        warnings=found.warnings,
        immediate_danger=incident.facts.immediate_danger,
        reached_nobody=not any(summonses.values()),
    )


def _concern(school: School, incident: Incident) -> str:
    known = school.policy.concerns.get(incident.facts.concern)
    return known.label if known else incident.facts.concern


def _dealing(school: School, staff: Staff, alert: Alert, summonses: tuple[Summons, ...], excluded: frozenset[str]) -> str:
    """By which role it is dealt with: its owner's, or whoever was asked last."""
    role: Role | None = alert.role
    if alert.owner_id is not None:
        role = next((s.role for s in summonses if s.person_id == alert.owner_id), alert.role)
    elif summonses:
        role = summonses[-1].role
    elif not ladder(school, staff, alert.role, alert.group, excluded):
        role = None
    return school.policy.role_title(role) if role else ""


def _phones(school: School, staff: Staff, incident: Incident, excluded: frozenset[str]) -> tuple[tuple[str, str], ...]:
    """Whom to phone: never a role that an excluded person may answer the phone of."""
    return tuple(
        (school.policy.role_title(role), number)
        for role, number in school.phones.items()
        if not _everyone(school, staff, role) & excluded and (not incident.private or role is Role.HEADTEACHER)
    )


def _everyone(school: School, staff: Staff, role: Role) -> set[str]:
    emails = school.holders.get(role, Holders()).all()
    return {p.id for e in emails if (p := staff.by_email(e))}


def _reminder(school: School, staff: Staff, delivery: Delivery, incident: Incident, alert: Alert) -> ReminderMessage | None:
    own = f":{OVERLOOKED}." not in delivery.step
    if delivery.message_id is None and not _still_forgotten(delivery, alert, own=own):
        return None
    owner = None if own else staff.get(alert.owner_id)
    return ReminderMessage(
        incident_id=incident.id,
        alert_id=alert.id,
        reference=incident.reference,
        concern=_concern(school, incident),
        urgency=incident.urgency,
        acknowledged_at=alert.acknowledged_at or alert.opened_at,
        state=incident.state,
        owner=owner.name if owner is not None else "",
    )


def _still_forgotten(delivery: Delivery, alert: Alert, *, own: bool) -> bool:
    """Whether it is as it was when the reminder was made: the same owner has it, and it is not closed."""
    if alert.state is not AlertState.ACKNOWLEDGED or alert.acknowledged_at is None:
        return False
    if own:
        return alert.owner_id == delivery.address.id
    return alert.owner_id != delivery.address.id and delivery.made_at is not None and alert.acknowledged_at <= delivery.made_at
