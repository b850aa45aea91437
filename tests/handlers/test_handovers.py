"""A pupil's records go to the next school, sealed and without the names of others, and the receipt comes back."""

import pytest
from sqlalchemy import update

from domain.handovers import (
    Handover,
    HandoverQuestions,
    HandoverReady,
    NothingToHandOver,
    ReceiptQuestions,
    Received,
    Unreceived,
)
from domain.report_form import Fault
from handlers import handovers, keeping
from handlers.acknowledge import NotForYou
from handlers.keeping import KeepingList
from storage import tables as t
from tests.handlers.office import Office
from tests.handlers.test_readers_log import pupil

NEXT, CODE = "Elsewhere School", "ABCD-EFGH-JKMN-PQRS-TVWX"


async def prepares(office: Office, who: str, *chosen: str, to: str = NEXT) -> object:
    """Somebody fills the form in."""
    return await handovers.prepare(office.ports, office.school, office.account(who), chosen, to)


async def sends(office: Office, who: str, chosen: str) -> Handover:
    """The page is made and goes out."""
    ready = await prepares(office, who, chosen)
    assert isinstance(ready, HandoverReady), ready
    return await handovers.sent(office.ports, office.school, office.account(who), ready, "page.html", CODE)


async def waiting(office: Office, who: str) -> tuple[Unreceived, ...]:
    """What stands without a receipt in somebody's list."""
    found = await keeping.to_decide(office.ports, office.school, office.account(who))
    assert isinstance(found, KeepingList)
    return found.handovers


async def test_what_goes_over(office: Office) -> None:
    """Cases in which they are target or alleged to have done it; none as a witness, none about staff, none of another."""
    child = await pupil(office)
    me = f"person:{child.id}"
    target = await office.reports(targets=(me,), perpetrators=("Rory Placeholder",))
    accused = await office.reports(perpetrators=(me,))
    await office.reports(witnesses=(me,))
    await office.reports(targets=(child.name,))
    private = await office.reports(targets=(me,), perpetrators=(office.picked("cabot head"),))
    assert private.private
    ready = await prepares(office, "dsl", me)
    assert isinstance(ready, HandoverReady)
    assert {c.incident.id for c in ready.held.cases} == {target.id, accused.id}
    noted = await office.rows(t.audit, t.audit.c.action == "handover.exported")
    assert {r.incident_id for r in noted} == {target.id, accused.id}


async def test_it_waits_for_the_receipt_that_stands_in_the_page(office: Office) -> None:
    """Any keeper may type it in, as it is read out; a wrong one is no receipt; taken once, it stands."""
    child = await pupil(office)
    await office.reports(targets=(f"person:{child.id}",))
    sent = await sends(office, "dsl", f"person:{child.id}")
    assert [h.id for h in await waiting(office, "deputy")] == [sent.id]
    assert office.clock.now() < sent.due_at
    account = office.account("deputy")
    asked = await handovers.receive(office.ports, office.school, account, sent.id, None)
    assert isinstance(asked, ReceiptQuestions)
    assert asked.handover.to == NEXT
    wrong = await handovers.receive(office.ports, office.school, account, sent.id, "ABCD")
    assert isinstance(wrong, ReceiptQuestions)
    assert wrong.faults == {"receipt": Fault.UNKNOWN_CHOICE}
    assert isinstance(
        await handovers.receive(office.ports, office.school, account, sent.id, " abcd efgh jkmn pqrs tvwx"), Received
    )
    assert await waiting(office, "deputy") == ()
    again = await handovers.receive(office.ports, office.school, office.account("dsl"), sent.id, "nonsense")
    assert isinstance(again, Received)
    assert again.handover.received_by == office.people["deputy"].id
    kept = str([await office.rows(table) for table in (t.handovers, t.audit)])
    assert NEXT not in kept
    assert CODE not in kept


async def test_what_is_missing_comes_back(office: Office) -> None:
    """The pupil, or the school; and where there is nothing, that is said."""
    child = await pupil(office)
    me = f"person:{child.id}"
    assert await prepares(office, "dsl") == HandoverQuestions((), NEXT, {"person": Fault.MISSING})
    assert await prepares(office, "dsl", me, to=" ") == HandoverQuestions((me,), "", {"next_school": Fault.MISSING})
    assert await prepares(office, "dsl", me) == NothingToHandOver()
    await office.reports(targets=(child.name,))
    assert await prepares(office, "dsl", f"text:{child.name}") == NothingToHandOver()


@pytest.mark.parametrize("who", ["teacher", "brunel head", "it", "stranger"])
async def test_nobody_else_hands_anything_over(office: Office, who: str) -> None:
    """Nor takes a receipt."""
    child = await pupil(office)
    await office.reports(targets=(f"person:{child.id}",))
    sent = await sends(office, "dsl", f"person:{child.id}")
    assert await handovers.ask(office.ports, office.school, office.account(who)) == NotForYou()
    assert await prepares(office, who, f"person:{child.id}") == NotForYou()
    assert await handovers.receive(office.ports, office.school, office.account(who), sent.id, CODE) == NotForYou()


async def test_the_list_opens_nothing_that_is_sealed(office: Office) -> None:
    """It names the file alone, as the clock that looks what waits does: to which school somebody went is not even read."""
    child = await pupil(office)
    await office.reports(targets=(f"person:{child.id}",))
    sent = await sends(office, "dsl", f"person:{child.id}")
    async with office.database.begin() as connection:
        await connection.execute(update(t.handovers).values(sealed=b"\x01\x00" + b"?" * 40))
    assert await waiting(office, "deputy") == (Unreceived(sent.id, sent.file, sent.at, sent.due_at),)
