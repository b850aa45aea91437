"""A breach of personal data: its clock runs from when it was found, and does not let go until somebody has decided."""

import re
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import update

from domain.breaches import BreachDecision, BreachFile, BreachKind, BreachQuestions, BreachState, BreachStep, BreachWithOthers
from domain.messages import BreachMessage, WithdrawnMessage
from domain.report_form import Fault
from handlers import breaches, keeping, lists
from handlers.acknowledge import NotForYou
from handlers.keeping import KeepingList
from storage import tables as t
from storage.store import Store
from tests.handlers.office import Office, import_people

WHAT, REASON = "A list of names was left on the bus", "The list had first names only"
KEEPERS = ("dsl", "deputy", "headteacher", "chair")


async def starts(office: Office, who: str = "dsl", **values: str | tuple[str, ...]) -> BreachFile:
    """Somebody finds one."""
    found = await sends(office, who, **values)
    assert isinstance(found, BreachFile), found
    await office.works()
    return found


async def sends(
    office: Office, who: str = "dsl", **values: str | tuple[str, ...]
) -> BreachFile | BreachQuestions | BreachWithOthers | NotForYou:
    """Somebody sends the form."""
    sent = {"kind": "lost", "what": WHAT, **values}
    return await breaches.start(office.ports, office.school, office.account(who), "breach-1", sent)


async def changes(office: Office, who: str = "dsl", **values: str | tuple[str, ...]) -> BreachFile:
    """Somebody ticks a step off, or decides."""
    found = await breaches.change(office.ports, office.school, office.account(who), "breach-1", values)
    assert isinstance(found, BreachFile), found
    await office.works()
    return found


def told(office: Office, who: str) -> list[BreachMessage]:
    """What somebody was sent of it."""
    return [m for m in office.post.to(office.people[who].id, BreachMessage) if isinstance(m, BreachMessage)]


async def test_all_who_answer_for_the_records_hear_of_it_at_once(office: Office) -> None:
    """With what kind it is and until when it must be decided; no word of it, and nobody else."""
    file = await starts(office)
    assert re.fullmatch(r"CSS-B-2026-[1-9]\d{3}", file.breach.reference)
    assert file.breach.due_at == office.clock.now() + timedelta(hours=72)
    for who in KEEPERS:
        (message,) = told(office, who)
        assert (message.kind, message.due_at, message.reminder) == (BreachKind.LOST, file.breach.due_at, False)
    assert {address.id for address, m in office.post.sent if isinstance(m, BreachMessage)} == {
        office.people[who].id for who in KEEPERS
    }
    assert WHAT not in str(office.post.sent)
    assert WHAT not in str([await office.rows(table) for table in (t.breaches, t.audit, t.deliveries)])


async def test_it_reminds_until_it_is_decided(office: Office) -> None:
    """After 24, 48 and 66 hours, each once however often it looks; then nobody is reminded, and every copy says so."""
    await starts(office)
    for hours, number in ((23, 0), (2, 1), (1, 1), (22, 2), (19, 3), (100, 3)):
        office.clock.advance(hours=hours)
        await breaches.remind(office.ports, office.school)
        await breaches.remind(office.ports, office.school)
        await office.works()
        assert len(told(office, "headteacher")) == 1 + number, hours
    assert told(office, "headteacher")[-1].reminder
    await changes(office, decision=BreachDecision.NO_RISK, reason=REASON)
    now_shown = office.post.now_shown(office.people["chair"].id)
    assert isinstance(now_shown, BreachMessage)
    assert now_shown.decided


async def test_decided_in_time_there_is_no_reminder(office: Office) -> None:
    """The clock has stopped."""
    await starts(office)
    await changes(office, decision=BreachDecision.REPORTED, reason=REASON)
    office.clock.advance(hours=80)
    assert await breaches.remind(office.ports, office.school) == 0


async def test_found_days_ago_the_hours_are_counted_from_then(office: Office) -> None:
    """It is late from the beginning, and says so once."""
    found = office.clock.now() - timedelta(days=4)
    file = await starts(office, found=found.isoformat())
    assert file.breach.due_at < office.clock.now()
    assert [m.late for m in told(office, "chair")] == [True]
    assert await breaches.remind(office.ports, office.school) == 0


async def test_a_decision_needs_a_reason_and_stands(office: Office) -> None:
    """Steps can be done before it and after it; done with is it once all of them are."""
    await starts(office)
    asked = await changes(office, decision=BreachDecision.NO_RISK)
    assert asked.faults == {"reason": Fault.MISSING}
    assert asked.breach.is_open
    await changes(office, contain="done", assess="not_yet")
    decided = await changes(office, "deputy", decision=BreachDecision.NO_RISK, reason=REASON)
    assert (decided.breach.steps, decided.breach.decision) == (frozenset({BreachStep.CONTAIN}), BreachDecision.NO_RISK)
    assert decided.decider == office.people["deputy"].name
    again = await changes(office, decision=BreachDecision.REPORTED, reason="Changed my mind", contain="not_yet")
    assert (again.breach.decision, again.breach.reason) == (BreachDecision.NO_RISK, REASON)
    assert again.breach.steps == frozenset({BreachStep.CONTAIN})
    listed = await keeping.to_decide(office.ports, office.school, office.account("chair"))
    assert isinstance(listed, KeepingList)
    assert [b.id for b in listed.breaches] == ["breach-1"]
    done = await changes(office, **{step.value: "done" for step in BreachStep})
    assert done.breach.is_done
    listed = await keeping.to_decide(office.ports, office.school, office.account("chair"))
    assert isinstance(listed, KeepingList)
    assert listed.breaches == ()


async def test_sent_twice_it_is_one(office: Office) -> None:
    """A double press starts one clock."""
    first, second = await starts(office), await starts(office, what="Again")
    assert first.breach == second.breach
    assert len(told(office, "chair")) == 1


@pytest.mark.parametrize(
    ("values", "faults"),
    [
        ({}, {"kind": Fault.MISSING, "what": Fault.MISSING}),
        ({"kind": "eaten", "what": " "}, {"kind": Fault.MISSING, "what": Fault.MISSING}),
        ({"kind": "lost", "what": "x" * 3001}, {"what": Fault.TOO_LONG}),
        ({"kind": "lost", "what": WHAT, "found": "2050-01-01T10:00"}, {"found": Fault.IN_FUTURE}),
        ({"kind": "lost", "what": WHAT, "found": "yesterday"}, {"found": Fault.NOT_A_MOMENT}),
    ],
)
async def test_what_is_wrong_comes_back(office: Office, values: dict[str, str], faults: dict[str, Fault]) -> None:
    """At its field, and nothing is begun."""
    found = await breaches.start(office.ports, office.school, office.account("dsl"), "breach-1", values)
    assert isinstance(found, BreachQuestions)
    assert found.faults == faults
    assert await office.rows(t.breaches) == []


@pytest.mark.parametrize("who", ["teacher", "brunel head", "it", "stranger"])
async def test_nobody_else_deals_with_it(office: Office, who: str) -> None:
    """They neither begin one here nor read one: they tell one of those who do."""
    await starts(office)
    account = office.account(who)
    assert await breaches.ask(office.ports, office.school, account) == NotForYou()
    assert await breaches.start(office.ports, office.school, account, "breach-2", {"kind": "lost", "what": WHAT}) == NotForYou()
    assert await breaches.read(office.ports, office.school, account, "breach-1") == NotForYou()
    assert await breaches.change(office.ports, office.school, account, "breach-1", {"contain": "done"}) == NotForYou()


async def test_a_form_with_the_id_of_another_schools_breach_is_refused(office: Office) -> None:
    """Like one that is not theirs: no error says that there is such a breach, and it stays as it was."""
    await starts(office)
    before, there = await office.rows(t.breaches), replace(office.school, id="another", prefix="ANO")
    await import_people(office.database, there, office.clock.now())
    async with Store(office.database).transaction(there, write=False) as records:
        lead = (await records.staff()).by_email(office.people["dsl"].email)
    assert lead is not None
    account, values = replace(office.account("dsl"), person_id=lead.id), {"kind": "lost", "what": WHAT}
    assert await breaches.start(office.ports, there, account, "breach-1", values) == NotForYou()
    assert await office.rows(t.breaches) == before
    assert isinstance(await breaches.start(office.ports, there, account, "breach-2", values), BreachFile)


# Whoever caused it


async def kept_out(office: Office, who: str) -> None:
    """They neither read it nor say anything to it, and nothing tells them that it is there."""
    account = office.account(who)
    assert await breaches.read(office.ports, office.school, account, "breach-1") == NotForYou()
    decided = {"decision": BreachDecision.NO_RISK, "reason": REASON}
    assert await breaches.change(office.ports, office.school, account, "breach-1", decided) == NotForYou()
    listed = await keeping.to_decide(office.ports, office.school, account)
    assert not isinstance(listed, KeepingList) or listed.breaches == ()
    assert not (await lists.queue(office.ports, office.school, account)).records_wait


@pytest.mark.parametrize("named", ["person", "text:Dana Okafor", "text:Ms Okafor", "text:our DSL"])
async def test_whoever_caused_it_neither_sees_nor_works_it(office: Office, named: str) -> None:
    """The deputy finds what the lead has sent to the wrong people: the lead hears nothing of it, the others deal with it."""
    await starts(office, "deputy", caused=(office.picked("dsl") if named == "person" else named,))
    assert told(office, "dsl") == []
    for who in ("deputy", "headteacher", "chair"):
        assert len(told(office, who)) == 1
    await kept_out(office, "dsl")
    office.clock.advance(hours=50)
    await breaches.remind(office.ports, office.school)
    await office.works()
    assert told(office, "dsl") == []
    assert told(office, "chair")[-1].reminder
    (row,) = await office.rows(t.breaches)
    assert row.caused_by == [office.people["dsl"].id]


async def test_whoever_names_themselves_is_told_who_has_it(office: Office) -> None:
    """The lead reports their own slip: it is kept, sent twice it is one, and it is with the others."""
    for _ in range(2):
        found = await sends(office, "dsl", caused=(office.picked("dsl"),))
        assert isinstance(found, BreachWithOthers)
        assert found.people == tuple(office.people[who].name for who in ("chair", "deputy", "headteacher"))
    await office.works()
    assert told(office, "dsl") == []
    await kept_out(office, "dsl")
    assert len(await office.rows(t.breaches)) == 1


async def test_named_later_they_are_out_and_what_they_decided_is_decided_anew(office: Office) -> None:
    """The lead has found no risk; then it turns out that the lead did it. Their messages go, their reason stays to be read."""
    await starts(office)
    await changes(office, decision=BreachDecision.NO_RISK, reason=REASON)
    file = await changes(office, "deputy", caused=(office.picked("dsl"),))
    assert file.breach.is_open
    assert isinstance(office.post.now_shown(office.people["dsl"].id), WithdrawnMessage)
    await kept_out(office, "dsl")
    assert [len(told(office, who)) for who in ("deputy", "headteacher", "chair")] == [1, 1, 1]
    office.clock.advance(hours=25)
    assert await breaches.remind(office.ports, office.school) == 1
    decided = await changes(office, "headteacher", decision=BreachDecision.REPORTED, reason="It had surnames as well")
    assert not decided.breach.is_open
    assert decided.breach.decision is BreachDecision.REPORTED
    assert decided.breach.reason == f"{REASON}\n\nIt had surnames as well"
    assert decided.decider == office.people["headteacher"].name


async def test_named_by_mistake_they_are_let_in_again(office: Office) -> None:
    """Somebody who deals with it takes the name out; a form without the field leaves the names as they are."""
    await starts(office, "deputy", caused=(office.picked("dsl"),))
    assert (await changes(office, "deputy", contain="done")).caused
    assert (await changes(office, "deputy", caused=())).breach.caused_by == frozenset()
    assert len(told(office, "dsl")) == 1
    assert isinstance(await breaches.read(office.ports, office.school, office.account("dsl"), "breach-1"), BreachFile)


async def test_with_everybody_named_the_next_in_line_deals_with_it(office: Office) -> None:
    """A governor is told and reads it, who has nothing to do with breaches otherwise; with nobody left that is said."""
    office = office.with_holders(governors=["it"], senior_leadership=[])
    everybody = tuple(office.picked(who) for who in KEEPERS)
    found = await sends(office, "dsl", caused=everybody)
    assert found == BreachWithOthers(found.reference, (office.people["it"].name,))  # type: ignore[union-attr]
    await office.works()
    assert len(told(office, "it")) == 1
    assert isinstance(await breaches.read(office.ports, office.school, office.account("it"), "breach-1"), BreachFile)
    alone = office.with_holders(governors=[])
    last = await breaches.start(
        alone.ports, alone.school, alone.account("dsl"), "breach-2", {"kind": "lost", "what": WHAT, "caused": everybody}
    )
    assert isinstance(last, BreachWithOthers)
    assert last.people == ()


@pytest.mark.parametrize("name", ["text:Nobody Whatsoever", "person:made-up"])
async def test_a_name_of_nobody_on_the_staff_list_comes_back(office: Office, name: str) -> None:
    """At its field, with everything typed; in the form that starts it and in the one that goes on."""
    found = await sends(office, caused=(name,))
    assert isinstance(found, BreachQuestions)
    assert (found.faults, found.caused) == ({"caused": Fault.UNKNOWN_CHOICE}, ((name, name.partition(":")[2]),))
    assert found.filled["what"] == WHAT
    await starts(office)
    again = await changes(office, caused=(name,), contain="done")
    assert again.faults == {"caused": Fault.UNKNOWN_CHOICE}
    assert again.breach.steps == frozenset()


async def test_the_list_opens_nothing_that_is_sealed(office: Office) -> None:
    """It has the reference and the time alone: what was written of a breach is opened for whoever reads it, and noted."""
    await starts(office)
    async with office.database.begin() as connection:
        await connection.execute(update(t.breaches).values(sealed=b"\x01\x00" + b"?" * 40))
    found = await keeping.to_decide(office.ports, office.school, office.account("deputy"))
    assert isinstance(found, KeepingList)
    assert [b.id for b in found.breaches] == ["breach-1"]
    assert type(found.breaches[0]) is BreachState
