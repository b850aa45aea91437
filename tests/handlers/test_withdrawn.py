"""A copy that may not stand where it does any longer, in a chat that does not let it be changed."""

from dataclasses import dataclass, field

import pytest

from bot.doctor import _given_up
from bot.readers import Readers
from bot.worker import NoSuchPlaceError, TryLaterError
from cards.messages import message_card
from cards.pages import queue_card
from domain.messages import AlertMessage, Message, StillShownMessage, WithdrawnMessage
from domain.people import Address, Platform, School
from handlers import lists
from storage import tables as t
from storage.store import Store
from tests.handlers.office import SAFEGUARDING, Office, Postbox


@dataclass(slots=True)
class Strict(Postbox):
    """A chat that lets nothing be changed, and perhaps nothing be deleted. What is deleted is gone."""

    keeps: NoSuchPlaceError | TryLaterError | None = None
    standing: dict[str, Message] = field(default_factory=dict)

    async def send(self, school: School, address: Address, message: Message, /) -> str:
        posted = await Postbox.send(self, school, address, message)
        self.standing[posted] = message
        return posted

    async def update(self, school: School, address: Address, message_id: str, message: Message, /) -> str:
        if address == SAFEGUARDING:
            raise NoSuchPlaceError("edit_window_closed")
        return await Postbox.update(self, school, address, message_id, message)

    async def delete(self, school: School, address: Address, message_id: str, /) -> None:
        if self.keeps is not None:
            raise self.keeps
        del self.standing[message_id]

    def in_channel(self) -> list[Message]:
        return [m for posted, m in self.standing.items() if posted.startswith(SAFEGUARDING.id)]

    def warnings(self) -> dict[str, StillShownMessage]:
        """Who was told that a copy still stands, by place."""
        return {a.id: m for a, m in self.sent if isinstance(m, StillShownMessage)}


async def shown_in_channel(office: Office, chat: Strict) -> None:
    """A report about IT, whom nobody knows to read the channel: it stands there."""
    office.worker.messengers = {Platform.SLACK: chat}
    await office.read_by(SAFEGUARDING, "dsl", "deputy")
    await office.reports(targets=(office.picked("it"),))
    await office.works()
    assert chat.in_channel()


async def it_joins(office: Office) -> None:
    """Somebody joins the channel, and it is IT."""
    await Readers(Store(office.database), office.clock, Platform.SLACK).forget(office.school, SAFEGUARDING.id)
    await office.works()


async def test_what_cannot_be_changed_is_deleted(office: Office) -> None:
    """Slack's "edit window" is closed: the alert is taken away, and nobody need be told."""
    chat = Strict()
    await shown_in_channel(office, chat)
    await it_joins(office)
    assert chat.in_channel() == []
    assert chat.warnings() == {}
    assert {r.state for r in await office.rows(t.deliveries, t.deliveries.c.address_id == SAFEGUARDING.id)} == {"cancelled"}


async def test_what_could_not_be_changed_before_is_deleted_all_the_same(office: Office) -> None:
    """That it was acknowledged could not be shown there any more; when IT joins it is taken away even so."""
    chat = Strict()
    await shown_in_channel(office, chat)
    (incident,) = await office.rows(t.incidents)
    async with office.ports.store.transaction(office.school, write=False) as records:
        (alert,) = await records.alerts_of(incident.id)
    await office.acknowledge("dsl", alert)
    await office.works()
    assert chat.in_channel()
    await it_joins(office)
    assert chat.in_channel() == []


@pytest.mark.parametrize("taken", [True, False])
async def test_who_has_the_case_is_told_of_a_copy_that_cannot_be_taken_away(
    office: Office, caplog: pytest.LogCaptureFixture, taken: bool
) -> None:
    """The owner hears of it, or while there is none whoever was asked; the log, the doctor and the queue say so too."""
    chat = Strict(keeps=NoSuchPlaceError("cant_delete_message"))
    await shown_in_channel(office, chat)
    (row,) = await office.rows(t.incidents)
    if taken:
        async with office.ports.store.transaction(office.school, write=False) as records:
            (alert,) = await records.alerts_of(row.id)
        await office.acknowledge("deputy", alert)
        await office.works()
    await it_joins(office)
    assert isinstance(chat.in_channel()[0], AlertMessage)
    assert set(chat.warnings()) == {office.people["deputy" if taken else "dsl"].id}
    (message,) = chat.warnings().values()
    assert message.in_channel
    card = repr(message_card(office.school, message))
    assert row.reference in card
    assert office.people["it"].name not in card
    assert "cannot be taken away" in caplog.text
    (finding,) = _given_up(await office.worker.outbox.given_up())
    assert "cant_delete_message" in finding.what
    assert finding.level == "fault"
    seen = await lists.queue(office.ports, office.school, office.account("dsl"))
    said = queue_card(office.school, seen).parts
    assert "have it deleted by hand" in repr(said)


async def test_a_chat_that_is_away_is_asked_again_to_delete(office: Office) -> None:
    """Nobody is told before it is known that it cannot be done."""
    chat = Strict(keeps=TryLaterError("TimeoutError"))
    await shown_in_channel(office, chat)
    await it_joins(office)
    assert chat.in_channel()
    chat.keeps = None
    await office.later(minutes=15)
    assert chat.in_channel() == []
    assert chat.warnings() == {}
    assert not [m for _, m in chat.changed if isinstance(m, WithdrawnMessage)]
