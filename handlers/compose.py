"""What a delivery says, taken from the state at the moment it is sent; and whether it may be shown there at all."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from enum import Enum, auto
from typing import assert_never

from domain.access import FIGURE_READERS, Act, admitted, breach_handlers, in_doubt, may
from domain.asking import Request
from domain.audience import excluded_ids
from domain.breaches import Breach
from domain.entries import EntryKind
from domain.incident import SAID_OF_THE_OTHER, STILL_SHOWN, Alert, AlertState, Asked, Delivery, Incident, MessageKind, Summons
from domain.measures import Topic
from domain.messages import (
    ActionMessage,
    AlertMessage,
    BlockMessage,
    BreachMessage,
    DecisionMessage,
    ErasureMessage,
    FiguresMessage,
    LessonMessage,
    Message,
    OpenedMessage,
    ProgressMessage,
    ReceiptMessage,
    ReminderMessage,
    RequestMessage,
    StillShownMessage,
    UnheardMessage,
    WithdrawnMessage,
)
from domain.people import Account, AddressKind, Holders, Platform, School, Staff
from domain.registers import Record
from domain.retention import KeepState
from domain.routing import route_kept
from domain.submissions import Submission
from domain.words import IncidentState, Role
from handlers import reviewing, signing
from handlers.agreements import of_signer
from handlers.alerting import OVERLOOKED, UNDELIVERED, UNHEARD, rungs_of
from handlers.course import survivor
from handlers.duties import of_duty
from handlers.figures import YEAR_STEP, of_school_year
from handlers.measures import OVER, told_of
from handlers.ports import Ports, Records
from handlers.registers import of_register
from handlers.rights import member, subject
from handlers.submissions import of_submission
from handlers.timeline import may_be_told


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
        if (reads := await _reads(records, school, delivery)) is not None:
            return await _withdrawn(records, delivery) if reads is _Reads.SOMEBODY_ELSE else None
        if delivery.request_id is not None:
            return await _of_request(ports, records, school, delivery, delivery.request_id)
        if delivery.figures_id is not None:
            return await _of_figures(records, school, delivery, delivery.figures_id)
        if delivery.register_id is not None:
            return await of_register(records, school, delivery, delivery.register_id, now)
        if delivery.submission_id is not None:
            return await of_submission(records, school, delivery, delivery.submission_id, now)
        if delivery.signer_id is not None:
            return await of_signer(ports, records, school, delivery, delivery.signer_id, now)
        if delivery.duty_id is not None:
            return await of_duty(records, school, delivery, delivery.duty_id, now)
        if delivery.breach_id is not None:
            return await _of_breach(records, school, delivery, delivery.breach_id, now)
        incident = await records.incident(delivery.incident_id, hold=False) if delivery.incident_id is not None else None
        if incident is None:
            return None
        alert = await records.alert(delivery.alert_id) if delivery.alert_id else None
        warns = f":{STILL_SHOWN}." in delivery.step
        unsaid = delivery.message_id is None and delivery.message in SAID_OF_THE_OTHER and not warns
        if incident.state is IncidentState.MERGED and unsaid:
            return None
        match delivery.message:
            case MessageKind.SIGN_OFF:
                return await signing.message(records, school, delivery, incident, now)
            case MessageKind.REVIEW:
                return await reviewing.message(records, school, delivery, incident, now)
            case MessageKind.RECEIPT:
                return await receipt_of(records, school, incident)
            # Handed on before it could be said, it is not so any more; whoever takes it next is said then.
            case MessageKind.ACKNOWLEDGED if alert is not None and alert.acknowledged_at is not None:
                return await _taken(records, school, incident, alert, alert.acknowledged_at)
            case MessageKind.CLOSED if alert is not None:
                return await _closed(records, school, incident, alert, incident.closed_at or now)
            case MessageKind.ERASURE:
                return await _erasure(records, delivery, incident)
            case MessageKind.ACTION:
                return await _action(records, school, delivery, incident, now)
            case MessageKind.BLOCK:
                return await _block(records, school, delivery, incident, now)
            case MessageKind.LESSON:
                return await _lesson(records, school, delivery, incident, now)
            case MessageKind.OPENED:
                return await _opened(records, school, delivery, incident)
            case MessageKind.ALERT if delivery.address.platform is Platform.EMAIL and not _unanswered(alert):
                return None
            case MessageKind.ALERT | MessageKind.REMINDER if alert is not None:
                excluded = excluded_ids((await records.exclusions(incident.id))[incident.id])
                if not await _may_be_shown(ports, records, school, delivery, incident, excluded, now):
                    return WithdrawnMessage(incident.reference) if delivery.message_id else None
                if warns:
                    return _still_shown(delivery, incident)
                if delivery.message is MessageKind.REMINDER:
                    return _reminder(school, await records.staff(), delivery, incident, alert)
                message = await _alert(records, school, delivery, incident, alert, excluded, now)
                if delivery.address.platform is not Platform.EMAIL:
                    return message
                phones = _phones(school, await records.staff(), incident, excluded)
                return replace(message, phones=phones, undelivered=f":{UNDELIVERED}" in delivery.step)
            case _:
                return None


class _Reads(Enum):
    """Why a message in somebody's own chat says nothing new: nobody reads it, or not who it was for."""

    NOBODY = auto()
    SOMEBODY_ELSE = auto()


async def _reads(records: Records, school: School, delivery: Delivery) -> _Reads | None:
    """Whether it is not for whoever would read it there: they have left, or their account is another's. None: it is for them.

    Where the chat does not say just now whose an account is, it is taken for theirs: what is sent names nobody.
    """
    address, staff = delivery.address, await records.staff()
    match address.kind:
        case AddressKind.CHANNEL:
            return None
        case AddressKind.PERSON:
            person = staff.get(address.id)
            if person is None:
                return _Reads.SOMEBODY_ELSE
            # What is not sent yet is tried: that it cannot be is how it comes to somebody else sooner.
            stands = delivery.message_id is not None
            return _Reads.NOBODY if stands and await records.is_gone(address.platform, person.email) else None
        case AddressKind.USER:
            account = await records.account(address.platform, address.id)
            if account is not None and not admitted(school, account):
                return _Reads.NOBODY
            sender = await _sender(records, delivery)
            if sender is None or sender.person_id is None:
                return None
            passed_on = account is not None and not in_doubt(account) and account.person_id != sender.person_id
            return _Reads.SOMEBODY_ELSE if passed_on or staff.get(sender.person_id) is None else None
        case never:
            assert_never(never)


async def _sender(records: Records, delivery: Delivery) -> Account | None:
    """Who reported or asked, where a message to an account is about that."""
    if delivery.request_id is not None:
        request = await records.request(delivery.request_id, hold=False)
        return request.asker if request is not None else None
    incident = await records.incident(delivery.incident_id, hold=False) if delivery.incident_id is not None else None
    return incident.reporter if incident is not None else None


async def _withdrawn(records: Records, delivery: Delivery) -> WithdrawnMessage | None:
    """In place of what stands there; None where nothing does, or what does says nothing of any case or request."""
    if delivery.message_id is None or delivery.address.platform is Platform.EMAIL:
        return None
    about = await _about(records, delivery)
    return WithdrawnMessage(about.reference) if about is not None else None


async def _about(records: Records, delivery: Delivery) -> Incident | Request | Breach | Record | Submission | None:
    if delivery.request_id is not None:
        return await records.request(delivery.request_id, hold=False)
    if delivery.register_id is not None:
        return await records.register_record(delivery.register_id, hold=False)
    if delivery.submission_id is not None:
        return await records.submission(delivery.submission_id, hold=False)
    if delivery.breach_id is not None:
        return await records.breach(delivery.breach_id, hold=False)
    return await records.incident(delivery.incident_id, hold=False) if delivery.incident_id is not None else None


async def _of_figures(records: Records, school: School, delivery: Delivery, figures_id: str) -> Message | None:
    staff = await records.staff()
    if not staff.roles_of(school, delivery.address.id) & FIGURE_READERS:
        return None
    kept = await records.figures()
    place = next((n for n, f in enumerate(kept) if f.id == figures_id), None)
    if place is None:
        return None
    year = kept[place].span.year
    if delivery.step.endswith(f":{YEAR_STEP}") and (of_year := of_school_year(kept, str(year))) is not None:
        return FiguresMessage(of_year, of_school_year(kept, str(year - 1)), year=True)
    return FiguresMessage(kept[place], kept[place - 1] if place else None)


async def _of_breach(records: Records, school: School, delivery: Delivery, breach_id: str, now: datetime) -> Message | None:
    breach = await records.breach(breach_id, hold=False)
    if breach is None:
        return None
    if all(p.id != delivery.address.id for p in breach_handlers(school, await records.staff(), breach.caused_by)):
        return WithdrawnMessage(breach.reference) if delivery.message_id else None
    reminder = not delivery.step.endswith(":found")
    if reminder and not breach.is_open and delivery.message_id is None:
        return None
    late, decided = now >= breach.due_at, not breach.is_open
    return BreachMessage(
        breach.id, breach.reference, breach.kind, breach.found_at, breach.due_at, reminder=reminder, late=late, decided=decided
    )


async def _erasure(records: Records, delivery: Delivery, incident: Incident) -> Message | None:
    """Whether it still waits is told by the keeping itself: a later proposal is a message of its own."""
    excluded = excluded_ids((await records.exclusions(incident.id))[incident.id])
    keeping = await records.keeping(incident.id)
    asked_at = datetime.fromisoformat(delivery.step.partition(":")[2])
    waits = keeping is not None and keeping.state is KeepState.EARLY and keeping.at.replace(microsecond=0) == asked_at
    # Of one that was erased nobody knows any more who was kept out, if anybody was: it is for the two who had it erased.
    unknown = incident.erased and incident.private
    had_it_erased = {keeping.person_id, keeping.agreed_by} if keeping is not None else set[str | None]()
    if delivery.address.id in excluded or (unknown and delivery.address.id not in had_it_erased):
        return WithdrawnMessage(incident.reference) if delivery.message_id is not None else None
    if not waits and delivery.message_id is None:
        return None
    proposer = (await records.staff()).get(keeping.person_id) if keeping is not None and waits else None
    return ErasureMessage(
        incident.id,
        incident.reference,
        proposer.name if proposer is not None else "",
        keeping.reason if keeping is not None and waits else None,
        asked_at,
        settled=not waits,
        erased=incident.erased,
    )


async def _action(records: Records, school: School, delivery: Delivery, incident: Incident, now: datetime) -> Message | None:
    entry_id, _, _ = delivery.step.rpartition(":")[2].partition(".")
    action, case = await records.action(entry_id), await subject(records, incident, now)
    reader = member(school, await records.staff(), delivery.address.id)
    if action is None or not may_be_told(reader, case):
        return WithdrawnMessage(incident.reference) if delivery.message_id is not None else None
    finished, later = action.done_at is not None, action.due_at is None or action.due_at > now
    if (finished or later) and delivery.message_id is None:
        return None
    own, reads = action.doer_id == reader.person, may(reader, Act.WORK, case)
    return ActionMessage(incident.id, incident.reference, action.due_at, own, reads, done=finished)


async def _block(records: Records, school: School, delivery: Delivery, incident: Incident, now: datetime) -> Message | None:
    entry_id, _, why = delivery.step.rpartition(":")[2].partition(".")
    state, case = await records.block(entry_id), await subject(records, incident, now)
    reader = member(school, await records.staff(), delivery.address.id)
    reads = may(reader, Act.WORK, case)
    if state is None or not (reads or may(reader, Act.CARRY_OUT, case)):
        return WithdrawnMessage(incident.reference) if delivery.message_id is not None else None
    if state.lifted and delivery.message_id is None:
        return None
    over = why.startswith(OVER)
    return BlockMessage(incident.id, entry_id, incident.reference, reads, over, lifted=state.lifted)


async def _lesson(records: Records, school: School, delivery: Delivery, incident: Incident, now: datetime) -> Message | None:
    """What is said is in the step: the case is not opened for it, and no message says which case it was."""
    topic, case = delivery.step.rpartition(".")[2], await subject(records, incident, now)
    told = told_of(school, await records.staff(), case, EntryKind.LESSON)
    if delivery.address.id not in {p.id for p in told} or topic not in set(Topic):
        return None
    return LessonMessage(Topic(topic), incident.facts.concern)


async def _opened(records: Records, school: School, delivery: Delivery, incident: Incident) -> Message | None:
    opening = await records.opening(delivery.step.rpartition(":")[2])
    excluded = excluded_ids((await records.exclusions(incident.id))[incident.id])
    if delivery.address.id in excluded:
        return WithdrawnMessage(incident.reference) if delivery.message_id else None
    if opening is None:
        return None
    opener = (await records.staff()).get(opening.person_id)
    return OpenedMessage(
        incident.id,
        incident.reference,
        opener.name if opener is not None else "",
        school.policy.role_title(opening.role),
        opening.at,
        opening.until,
    )


def _still_shown(delivery: Delivery, incident: Incident) -> Message:
    _, platform, kind, _ = delivery.step.rpartition(":")[2].split(".")
    return StillShownMessage(incident.id, incident.reference, Platform(platform), kind == AddressKind.CHANNEL)


def _unanswered(alert: Alert | None) -> bool:
    return alert is not None and alert.state is AlertState.OPEN


async def _of_request(ports: Ports, records: Records, school: School, delivery: Delivery, request_id: str) -> Message | None:
    request = await records.request(request_id, hold=False)
    if request is None:
        return None
    if request.decision is not None and (delivery.address.platform is Platform.EMAIL or _is_unheard(delivery)):
        return None
    known = (await ports.answers.engine(school.policy)).catalogue.questions.get(request.question)
    title, role = known.title if known is not None else "", school.policy.role_title(request.role)
    if _is_unheard(delivery):
        return UnheardMessage(request.id, request.reference, title, role, ports.mails)
    if delivery.message is MessageKind.REQUEST:
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


def _is_unheard(delivery: Delivery) -> bool:
    return delivery.step.endswith(f":{UNHEARD}")


async def _taken(records: Records, school: School, incident: Incident, alert: Alert, at: datetime) -> Message | None:
    title = await _owners_title(records, school, alert)
    if await _reporter_is_kept_out(records, incident):
        told = await receipt_of(records, school, incident)
        if title not in told.dealing or told.state is IncidentState.CLOSED:
            return None
    return ProgressMessage(incident.reference, False, title, at)


async def _closed(records: Records, school: School, incident: Incident, alert: Alert, at: datetime) -> Message | None:
    title = await _owners_title(records, school, alert)
    if await _reporter_is_kept_out(records, incident):
        if (await records.first_known(incident)).closings > 1:
            # They were told so before it turned into a matter about them.
            return None
        title = title if title in (await receipt_of(records, school, incident)).dealing else ""
    return ProgressMessage(incident.reference, True, title, at)


async def _reporter_is_kept_out(records: Records, incident: Incident) -> bool:
    return incident.reporter.person_id in excluded_ids((await records.exclusions(incident.id))[incident.id])


async def _owners_title(records: Records, school: School, alert: Alert) -> str:
    """The role in which an alert's owner was asked: not always the one that was meant to answer."""
    summonses = (await records.summonses(alert.id))[alert.id]
    return school.policy.role_title(next((s.role for s in reversed(summonses) if s.person_id == alert.owner_id), alert.role))


async def _may_be_shown(
    ports: Ports,
    records: Records,
    school: School,
    delivery: Delivery,
    incident: Incident,
    excluded: frozenset[str],
    now: datetime,
) -> bool:
    if delivery.address.kind is not AddressKind.CHANNEL:
        if delivery.address.id in excluded or not incident.private:
            return delivery.address.id not in excluded
        # It may have turned private since they were asked: what it is taken for now is for those who may know of it now.
        reader = member(school, await records.staff(), delivery.address.id)
        return may(reader, Act.LIST, await subject(records, incident, now))
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
    """What the reporter is told of a report as it stands now; one who is kept out of it, as it was told at first."""
    alerts = await records.alerts_of(incident.id)
    summonses = await records.summonses(*(a.id for a in alerts))
    shut_out = (await records.exclusions(incident.id))[incident.id]
    excluded = excluded_ids(shut_out)
    if incident.reporter.person_id in excluded:
        # Whoever of them was dismissed since was kept out then.
        excluded = frozenset(e.person_id for e in shut_out)
        incident = await as_reported(records, incident)
        alerts, summonses = _as_asked_first(incident, alerts, summonses)
    elif incident.private:
        # What those who deal with it take it for is not for whoever reported it.
        incident = await as_taken_for(records, incident)
    told = receipt(school, await records.staff(), incident, alerts, summonses, excluded)
    if incident.state is IncidentState.MERGED and incident.reporter.person_id not in excluded:
        told = replace(told, dealing=await _instead(records, school, incident) or told.dealing)
    return told


async def _instead(records: Records, school: School, incident: Incident) -> tuple[str, ...]:
    """By which roles the case is dealt with that goes on in place of a duplicate: for a reporter whom it does not exclude."""
    into = await survivor(records, incident)
    if await _reporter_is_kept_out(records, replace(into, reporter=incident.reporter)):
        return ()
    return (await receipt_of(records, school, replace(into, reporter=incident.reporter))).dealing


async def as_taken_for(records: Records, incident: Incident) -> Incident:
    """A case with the category and the urgency that it was reported with, whatever it is taken for since."""
    known = await records.first_known(incident)
    facts = replace(incident.facts, concern=known.concern or incident.facts.concern)
    return replace(incident, facts=facts, urgency=known.urgency or incident.urgency, due_at=known.due_at or incident.due_at)


async def as_reported(records: Records, incident: Incident) -> Incident:
    """A case as whoever is kept out of it may know it: what it was about at first, and whether it was ever closed."""
    known, incident = await records.first_known(incident), await as_taken_for(records, incident)
    state = IncidentState.REPORTED if incident.is_open and not known.closings else IncidentState.CLOSED
    return replace(incident, facts=replace(incident.facts, about=known.about), private=known.private, state=state)


def _as_asked_first(
    incident: Incident, alerts: tuple[Alert, ...], summonses: Mapping[str, tuple[Summons, ...]]
) -> tuple[tuple[Alert, ...], dict[str, tuple[Summons, ...]]]:
    first = tuple(replace(a, owner_id=None) for a in alerts if a.opened_at <= incident.reported_at)
    return first, {a.id: tuple(s for s in summonses[a.id] if s.at <= incident.reported_at) for a in first}


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
    dealing = dict.fromkeys(_dealing(school, staff, incident, alert, summonses[alert.id], excluded) for alert in alerts)
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


def _dealing(
    school: School,
    staff: Staff,
    incident: Incident,
    alert: Alert,
    summonses: tuple[Summons, ...],
    excluded: frozenset[str],
) -> str:
    """By which role it is dealt with: its owner's, or whoever was asked last."""
    role: Role | None = alert.role
    if alert.owner_id is not None:
        role = next((s.role for s in summonses if s.person_id == alert.owner_id), alert.role)
    elif summonses:
        role = summonses[-1].role
    elif not rungs_of(school, staff, incident, alert, excluded):
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
