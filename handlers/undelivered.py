"""What happens when a message is given up: whoever was meant gets an e-mail, and what they were asked is raised otherwise."""

from domain.asking import Request
from domain.audience import excluded_ids
from domain.incident import STILL_SHOWN, Alert, AlertState, Asked, Delivery, MessageKind, Outgoing
from domain.messages import WithdrawnMessage
from domain.people import Address, AddressKind, Platform, School
from handlers import alerting, compose
from handlers.alerting import UNDELIVERED, UNHEARD, by_mail
from handlers.ports import Ports, Records

_TOLD_BY_MAIL = frozenset({MessageKind.OPENED, MessageKind.BREACH, MessageKind.SUBMISSION})
"""What nobody climbs for: whoever was to be told must hear of it all the same."""
_MAILED_IF_UNREAD = frozenset({MessageKind.SIGNING, MessageKind.DUTY})
"""What goes to many of the staff, in every chat that is served: by e-mail only to whom none of them has brought it."""


async def give_up(ports: Ports, school: School, delivery: Delivery, code: str) -> bool:
    """Gives a message up, and with it, in one transaction, sends what no chat took by e-mail.

    If it was the last chance to reach whoever was asked, an alert climbs at once, and whoever asked for something is told.
    `code` says why. True for a copy that may not stand where it does, and could not be taken away: its owner is told.
    """
    still_shown = delivery.message_id is not None and isinstance(
        await compose.compose(ports, school, delivery), WithdrawnMessage
    )
    code = f"{STILL_SHOWN}.{code}" if still_shown else code
    async with ports.store.transaction(school) as records:
        # Held first, as by everybody else who changes a case's messages and timers together, or a request's.
        if delivery.incident_id is not None:
            await records.incident(delivery.incident_id)
        request = await records.request(delivery.request_id) if delivery.request_id is not None else None
        alert = await records.alert(delivery.alert_id) if delivery.alert_id is not None else None
        unread = await _is_unread(records, delivery)
        if not await records.bury(delivery, code):
            return False
        about = {"message": delivery.message, "platform": delivery.address.platform, "code": code[:64]}
        await records.note(
            ports.clock.now(), "bot", "message.given_up", delivery.incident_id, **about, request=delivery.request_id
        )
        if alert is not None and still_shown:
            await _tell_owner(ports, records, delivery, alert)
        elif alert is not None and delivery.message is MessageKind.ALERT:
            await _alert(ports, records, delivery, alert)
        if request is not None and delivery.message is MessageKind.REQUEST:
            await _request(ports, records, delivery, request)
        if (
            (delivery.message in _TOLD_BY_MAIL or unread)
            and delivery.address.kind is AddressKind.PERSON
            and _by_chat(delivery)
            and ports.mails
        ):
            # The same step: given up in two chats, it is one mail.
            await records.set_going(Outgoing(deliveries=[_mailed(ports, delivery)]), ports.clock.now())
    ports.wake()
    return still_shown


async def _is_unread(records: Records, delivery: Delivery) -> bool:
    """Whether it is one of those, has never stood anywhere, and no other chat has brought the same or still may."""
    if delivery.message not in _MAILED_IF_UNREAD or delivery.message_id is not None:
        return False
    return not await records.hold_other_copies(delivery)


def _mailed(ports: Ports, delivery: Delivery) -> Delivery:
    return Delivery(
        ports.next_id(),
        delivery.incident_id,
        None,
        delivery.message,
        _mailbox(delivery.address.id),
        breach_id=delivery.breach_id,
        submission_id=delivery.submission_id,
        signer_id=delivery.signer_id,
        duty_id=delivery.duty_id,
        step=delivery.step,
    )


async def _tell_owner(ports: Ports, records: Records, delivery: Delivery, alert: Alert) -> None:
    """Whoever has the case hears that a copy stands before somebody who is shut out; while nobody has, whoever was asked."""
    summonses = (await records.summonses(alert.id))[alert.id]
    asked = [s.person_id for s in summonses if s.round == alert.round] or [s.person_id for s in summonses]
    excluded = excluded_ids((await records.exclusions(alert.incident_id))[alert.incident_id])
    told = dict.fromkeys([alert.owner_id] if alert.owner_id is not None else asked)
    people = [p for i in told if i is not None and i not in excluded and (p := (await records.staff()).get(i)) is not None]
    step = f"{STILL_SHOWN}.{delivery.address.platform}.{delivery.address.kind}.{delivery.id}"
    posted = [
        alerting.delivery(ports, alert.incident_id, alert.id, MessageKind.REMINDER, place, step)
        for person in people
        for place in alerting.on_platforms(ports.platforms, person)
    ]
    await records.set_going(Outgoing(deliveries=posted), ports.clock.now())


async def _alert(ports: Ports, records: Records, delivery: Delivery, alert: Alert) -> None:
    """It climbs in the first round, and for whom it was handed on to.

    Where nobody at all can be reached, later rounds keep to their deadlines instead of spinning.
    """
    now = ports.clock.now()
    summonses = (await records.summonses(alert.id))[alert.id]
    asked = {s.why for s in summonses if s.round == delivery.summons_round and s.person_id == delivery.address.id}
    to_person = alert.state is AlertState.OPEN and delivery.address.kind is AddressKind.PERSON and _by_chat(delivery)
    # Another chat may have it, or may yet take it: then that one is where they read it.
    if to_person and not await records.delivery_chances(alert.id, delivery.summons_round, delivery.address.id):
        # Once, however often it comes round to them; and once more each time it is handed on to them.
        step = f"{UNDELIVERED}.{delivery.summons_round}" if Asked.HANDED_ON in asked else UNDELIVERED
        posted = by_mail(ports, alert, [delivery.address.id], step, delivery.summons_round)
        await records.set_going(Outgoing(deliveries=posted), now)
    if _by_chat(delivery) and (not delivery.summons_round or Asked.HANDED_ON in asked):
        # Once the deadline has passed, what was shown to those asked before is no chance any more.
        person = delivery.address.id if now >= alert.due_at and asked else None
        if not await records.delivery_chances(alert.id, delivery.summons_round, person):
            await records.hasten(alert.id, now)


async def _request(ports: Ports, records: Records, delivery: Delivery, request: Request) -> None:
    """By e-mail to each whom no chat reaches; and once it has reached nobody, whoever asked hears that."""
    if request.decision is not None or not _by_chat(delivery):
        return
    person, posted = delivery.address.id, Outgoing()
    if ports.mails and not await records.request_chances(request.id, person):
        posted.deliveries.append(_about(ports, request, MessageKind.REQUEST, _mailbox(person), UNDELIVERED))
    if not await records.request_chances(request.id):
        posted.deliveries.append(_about(ports, request, MessageKind.DECISION, request.asker.address, UNHEARD))
        await records.note(ports.clock.now(), "bot", "request.unheard", request=request.id, role=request.role)
    await records.set_going(posted, ports.clock.now())


def _about(ports: Ports, request: Request, kind: MessageKind, place: Address, step: str) -> Delivery:
    return Delivery(ports.new_id(), None, None, kind, place, request_id=request.id, step=step)


def _mailbox(person_id: str) -> Address:
    return Address(Platform.EMAIL, AddressKind.PERSON, person_id)


def _by_chat(delivery: Delivery) -> bool:
    return delivery.address.platform is not Platform.EMAIL
