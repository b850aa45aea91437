"""What happens when a message is given up: whoever was meant gets an e-mail, and the alert climbs if nobody is left."""

from domain.incident import AlertState, Asked, Delivery, MessageKind, Outgoing
from domain.people import AddressKind, Platform, School
from handlers.alerting import UNDELIVERED, by_mail
from handlers.ports import Ports


async def give_up(ports: Ports, school: School, delivery: Delivery, code: str) -> None:
    """Gives a message up, and with it, in one transaction, sends an alert that no chat took by e-mail.

    If it was the last chance to reach whoever was asked, the alert climbs at once: in the first round, and for whom it was
    handed on to; where nobody at all can be reached, later rounds keep to their deadlines instead of spinning. `code` says why.
    """
    now = ports.clock.now()
    async with ports.store.transaction(school) as records:
        if delivery.incident_id is not None:
            # Held first, as by everybody else who changes a case's messages and timers together.
            await records.incident(delivery.incident_id)
        alert = await records.alert(delivery.alert_id) if delivery.alert_id is not None else None
        if not await records.bury(delivery, code) or alert is None or delivery.message is not MessageKind.ALERT:
            return
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
    ports.wake()


def _by_chat(delivery: Delivery) -> bool:
    return delivery.address.platform is not Platform.EMAIL
