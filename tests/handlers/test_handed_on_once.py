"""A form that hands a case on, sent again since its answer was lost, has handed it on once."""

import asyncio
from dataclasses import replace

from domain.incident import AlertState, MessageKind
from domain.report_form import Fault
from handlers import hand_on
from handlers.acknowledge import NotForYou
from handlers.hand_on import HandedOn, HandOnQuestions
from storage import tables as t
from storage.store import Store
from tests.handlers.office import Office


async def form(office: Office, who: str, alert_id: str) -> HandOnQuestions:
    """Somebody opens the form."""
    asked = await hand_on.ask(office.ports, office.school, office.account(who), alert_id)
    assert isinstance(asked, HandOnQuestions)
    return asked


async def sends(
    office: Office, who: str, asked: HandOnQuestions, to: str, reason: str = "Out of school"
) -> hand_on.HandOnOutcome:
    """Somebody sends it."""
    key = next((r.key for r in asked.recipients if to and r.person.id == office.people[to].id), "")
    return await hand_on.hand_on(office.ports, office.school, office.account(who), asked.state, key, reason)


async def kept(office: Office) -> tuple[int, int, int]:
    """How often it was handed on, how many alerts went to the new holder, how many notes there are."""
    handed_on = await office.rows(t.audit, t.audit.c.action == "alert.handed_on")
    to_deputy = t.deliveries.c.address_id == office.people["deputy"].id
    alerts = await office.rows(t.deliveries, to_deputy, t.deliveries.c.message == MessageKind.ALERT)
    return len(handed_on), len(alerts), len(await office.rows(t.case_notes))


async def test_sent_again_it_is_answered_as_before_and_changes_nothing(office: Office) -> None:
    """The new holder is asked once and has acknowledged meanwhile: it stays theirs."""
    alert = await office.alert(await office.reports())
    asked = await form(office, "dsl", alert.id)
    first = await sends(office, "dsl", asked, "deputy")
    await office.works()
    await office.acknowledge("deputy", alert)
    again = await sends(office, "dsl", asked, "deputy")
    assert isinstance(first, HandedOn)
    assert isinstance(again, HandedOn)
    assert (again.reference, again.to.person, again.to.role) == (first.reference, first.to.person, first.to.role)
    assert await kept(office) == (1, 1, 1)
    (now,) = await office.rows(t.alerts)
    assert (now.state, now.owner_id, now.round) == (AlertState.ACKNOWLEDGED, office.people["deputy"].id, 1)


async def test_sent_twice_at_once_it_is_handed_on_once(office: Office) -> None:
    """A double press, at two processes."""
    alert = await office.alert(await office.reports())
    asked = await form(office, "dsl", alert.id)
    both = await asyncio.gather(*(sends(office, "dsl", asked, "deputy") for _ in range(2)))
    assert [type(outcome) for outcome in both] == [HandedOn, HandedOn]
    assert await kept(office) == (1, 1, 1)


async def test_whatever_it_says_the_second_time_the_first_one_counts(office: Office) -> None:
    """They were not told that it had gone, and chose somebody else: they hear whom it is with. A new form goes on."""
    alert = await office.alert(await office.reports())
    asked = await form(office, "dsl", alert.id)
    await sends(office, "dsl", asked, "deputy")
    again = await sends(office, "dsl", asked, "headteacher", "Another reason")
    assert isinstance(again, HandedOn)
    assert again.to.person == office.people["deputy"]
    assert await kept(office) == (1, 1, 1)
    once_more = await sends(office, "dsl", await form(office, "dsl", alert.id), "headteacher")
    assert isinstance(once_more, HandedOn)
    assert once_more.to.person == office.people["headteacher"]
    assert (await kept(office))[0] == 2


async def test_a_form_that_came_back_with_a_fault_is_still_to_be_sent(office: Office) -> None:
    """Nothing was done with it yet."""
    alert = await office.alert(await office.reports())
    wrong = await sends(office, "dsl", await form(office, "dsl", alert.id), "deputy", " ")
    assert isinstance(wrong, HandOnQuestions)
    assert wrong.faults == {hand_on.REASON: Fault.MISSING}
    assert isinstance(await sends(office, "dsl", wrong, "deputy"), HandedOn)
    assert await kept(office) == (1, 1, 1)


async def test_a_forms_id_is_worth_nothing_in_other_hands(office: Office) -> None:
    """Made up, or somebody else's: it repeats nothing of theirs, stands in nobody's way, and opens no case."""
    alert = await office.alert(await office.reports())
    asked = await form(office, "dsl", alert.id)
    await sends(office, "dsl", asked, "deputy")
    for stolen in (asked, replace(asked, form_id="x" * 5000), replace(asked, form_id="|' OR 1=1 --")):
        assert await sends(office, "teacher", stolen, "deputy") == NotForYou()
    same = replace(await form(office, "deputy", alert.id), form_id=asked.form_id)
    theirs = await sends(office, "deputy", same, "headteacher")
    assert isinstance(theirs, HandedOn)
    assert theirs.to.person == office.people["headteacher"]
    assert (await kept(office))[0] == 2


async def test_whom_it_went_to_has_left(office: Office) -> None:
    """There is nobody to name: it is not handed on a second time all the same."""
    alert = await office.alert(await office.reports())
    asked = await form(office, "dsl", alert.id)
    await sends(office, "dsl", asked, "deputy")
    async with office.database.begin() as connection:
        gone = t.people.c.id == office.people["deputy"].id
        await connection.execute(t.people.update().where(gone).values(active=False))
    async with Store(office.database).transaction(office.school) as records:
        await records.next_number("people")
    assert await sends(office, "dsl", asked, "deputy") == NotForYou()
    assert (await kept(office))[0] == 1
