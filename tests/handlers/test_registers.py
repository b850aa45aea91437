"""Registers: nothing is written over, who may is decided each time, another agrees, and the audit vouches for each word."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import update

from domain.access import register_approvers
from domain.messages import RegisterMessage, WithdrawnMessage
from domain.people import Holders, School
from domain.register_terms import RecordState, RegisterKind
from domain.registers import (
    Change,
    DecisionAsked,
    RecordFile,
    RecordQuestions,
    RegisterChoice,
    RegisterExport,
    RegisterPage,
    RegisterView,
)
from domain.report_form import Fault, Filled
from domain.words import Role
from handlers import lists as queues
from handlers import registers
from handlers.acknowledge import NotForYou
from storage import tables as t
from storage.audit_verify import follow_chains
from storage.commitments import Amiss
from tests.handlers.office import Office

RISK, FILTER = RegisterKind.RISK, RegisterKind.FILTERING
WORDS, DOING, WHY = "Borrowed laptops are not filtered at home", "They go through the school's filter", "It is enough"
SITE = "kahoot.example"


def risk(office: Office, **more: str | tuple[str, ...]) -> Filled:
    """A risk, as it is filled in."""
    review = (office.clock.now() + timedelta(days=30)).isoformat()
    rated = {"reg_risk": WORDS, "reg_likelihood": "3", "reg_impact": "4", "reg_mitigation": DOING, "reg_review": review}
    return {**rated, "reg_owner": (office.picked("it"),), **more}


def change(**more: str | tuple[str, ...]) -> Filled:
    """A change of the filter."""
    return {"reg_change": "unblocked", "reg_what": SITE, "reg_why": "For Year 8", **more}


async def adds(office: Office, who: str, kind: RegisterKind, filled: Filled) -> Any:
    """Somebody adds a line."""
    return await registers.save(office.ports, office.school, office.account(who), f"{kind}|{uuid4()}||", filled)


async def added(office: Office, who: str, kind: RegisterKind, filled: Filled) -> RecordFile:
    """The same, which works."""
    file = await adds(office, who, kind, filled)
    assert isinstance(file, RecordFile), file
    return file


async def changes(office: Office, who: str, file: RecordFile, filled: Filled, seen: int | None = None) -> Any:
    """Somebody changes a line, having seen its newest version unless it is said otherwise."""
    state = f"{file.record.kind}|{uuid4()}|{file.record.id}|{seen or file.record.versions}"
    return await registers.save(office.ports, office.school, office.account(who), state, filled)


async def decides(office: Office, who: str, file: RecordFile, state: str, note: str = WHY) -> Any:
    """Somebody decides what is to become of it."""
    told = {"reg_state": state, "reg_note": note}
    carried = f"{file.record.id}|{file.record.versions}|{uuid4()}"
    return await registers.decide(office.ports, office.school, office.account(who), carried, told)


async def reads(office: Office, who: str, file: RecordFile, number: int | None = None) -> Any:
    """Somebody looks at it."""
    return await registers.read(office.ports, office.school, office.account(who), file.record.id, number)


async def lists(office: Office, who: str, kind: RegisterKind, view: RegisterView = RegisterView.LIVE, number: int = 1) -> Any:
    """Somebody looks at the register."""
    return await registers.show(office.ports, office.school, office.account(who), kind, view, number)


def without(office: Office, role: Role) -> School:
    """The school with nobody in a role."""
    return replace(office.school, holders={r: h for r, h in office.school.holders.items() if r != role})


async def test_each_wording_stays_with_its_rating(office: Office) -> None:
    """Rated 12, then 6; both are read; nothing of either stands in a row, in the audit or in a message in plain words."""
    file = await added(office, "dsl", RISK, risk(office))
    assert file.record.reference.startswith("CSS-R-2026-")
    again = await changes(office, "it", file, risk(office, reg_likelihood="2", reg_impact="3", reg_mitigation="And a lesson"))
    assert isinstance(again, RecordFile)
    assert [(s.version.values["likelihood"], s.version.change, s.who) for s in again.history] == [
        ("3", Change.ADDED, "Dana Okafor"),
        ("2", Change.WORDED, "Iga Nowak"),
    ]
    before = await reads(office, "headteacher", again, 1)
    assert isinstance(before, RecordFile)
    assert before.shown.version.values["mitigation"] == DOING
    page = await lists(office, "chair", RISK)
    assert isinstance(page, RegisterPage)
    assert page.matrix == {"2x3": 1}
    assert not page.may_write
    everything = str([await office.rows(table) for table in (t.register_records, t.register_versions, t.audit, t.deliveries)])
    for secret in (WORDS, DOING, "And a lesson"):
        assert secret not in everything


async def test_a_form_that_is_sent_twice_is_kept_once(office: Office) -> None:
    """A new line, a wording and a decision."""
    at = office.ports, office.school, office.account("dsl")
    for _ in range(2):
        file = await registers.save(*at, f"risk|{'f' * 8}||", risk(office))
    assert isinstance(file, RecordFile)
    for _ in range(2):
        file = await registers.save(*at, f"risk|g|{file.record.id}|1", risk(office, reg_impact="5"))
        assert isinstance(file, RecordFile)
    for _ in range(2):
        closed = await registers.decide(*at, f"{file.record.id}|2|h", {"reg_state": "closed", "reg_note": WHY})
        assert isinstance(closed, RecordFile)
        assert closed.saved
    assert len(await office.rows(t.register_records)) == 1
    assert len(await office.rows(t.register_versions)) == 3
    assert isinstance(closed, RecordFile)
    assert closed.record.state is RecordState.CLOSED


async def test_nobody_writes_over_what_they_have_not_seen(office: Office) -> None:
    """The second of two who change it at once gets the form again, with what they typed."""
    file = await added(office, "dsl", RISK, risk(office))
    await changes(office, "it", file, risk(office, reg_impact="5"))
    second = await changes(office, "deputy", file, risk(office, reg_mitigation="Mine"), seen=1)
    assert isinstance(second, RecordQuestions)
    assert second.stale
    assert second.filled["reg_mitigation"] == "Mine"
    assert second.state.endswith("|2")
    late = await decides(office, "dsl", file, "closed")
    assert isinstance(late, DecisionAsked)
    assert late.stale
    assert late.note == WHY


@pytest.mark.parametrize(
    ("field", "value", "fault"),
    [
        ("reg_risk", " ", Fault.MISSING),
        ("reg_risk", "x" * 1501, Fault.TOO_LONG),
        ("reg_likelihood", "6", Fault.UNKNOWN_CHOICE),
        ("reg_impact", "0", Fault.UNKNOWN_CHOICE),
        ("reg_owner", ("text:Alfie Demosson",), Fault.NOT_STAFF),
        ("reg_owner", (), Fault.MISSING),
        ("reg_review", "no moment", Fault.NOT_A_MOMENT),
        ("reg_review", "", Fault.MISSING),
    ],
)
async def test_what_is_wrong_comes_back_at_its_field(office: Office, field: str, value: Any, fault: Fault) -> None:
    """And nothing is kept."""
    asked = await adds(office, "dsl", RISK, risk(office, **{field: value}))
    assert isinstance(asked, RecordQuestions)
    assert asked.faults == {field: fault}
    assert await office.rows(t.register_records) == []


async def test_a_moment_that_was_is_not_in_the_future(office: Office) -> None:
    """Left out it is now."""
    later = (office.clock.now() + timedelta(days=1)).isoformat()
    asked = await adds(office, "it", FILTER, change(reg_since=later))
    assert isinstance(asked, RecordQuestions)
    assert asked.faults == {"reg_since": Fault.IN_FUTURE}
    file = await added(office, "it", FILTER, change())
    assert file.shown.version.values["since"] == office.clock.now().isoformat()


async def test_another_agrees_to_a_change_of_the_filter(office: Office) -> None:
    """Not whoever wrote its newest wording; a change of it must be agreed to anew; what is refused can be asked again."""
    file = await added(office, "dsl", FILTER, change())
    assert file.record.state is RecordState.WAITING
    assert file.waits_for == ("Maja Lindqvist", "Kit Devlin", "Helen Pemberton")
    refused = await decides(office, "dsl", file, "approved")
    assert isinstance(refused, DecisionAsked)
    assert refused.faults == {"reg_state": Fault.UNKNOWN_CHOICE}
    await office.works()
    assert isinstance(office.post.now_shown(office.people["deputy"].id), RegisterMessage)
    agreed = await decides(office, "deputy", file, "approved")
    assert agreed.record.state is RecordState.APPROVED
    await office.works()
    message = office.post.now_shown(office.people["headteacher"].id)
    assert isinstance(message, RegisterMessage)
    assert message.settled
    file = await changes(office, "deputy", agreed, change(reg_why="For Year 9 too"))
    assert file.record.state is RecordState.WAITING
    assert isinstance(await decides(office, "deputy", file, "refused"), DecisionAsked)
    file = await decides(office, "headteacher", file, "refused", "Not for Year 9")
    assert file.record.state is RecordState.REFUSED
    assert [s.version.note for s in file.history] == ["", WHY, "", "Not for Year 9"]
    assert (await lists(office, "it", FILTER)).lines == ()
    assert len((await lists(office, "it", FILTER, RegisterView.ALL)).lines) == 1
    file = await decides(office, "it", file, "waiting")
    assert file.record.state is RecordState.WAITING


async def test_what_nobody_else_may_agree_to_says_so(office: Office) -> None:
    """A school whose file names one person for all of it."""
    only = Holders((office.people["dsl"].email,))
    held = {role: h for role, h in office.school.holders.items() if role not in office.school.policy.registers[FILTER].approve}
    office.school = replace(office.school, holders={**held, Role.DSL: only})
    file = await added(office, "dsl", FILTER, change())
    assert file.waits_for == ()
    async with office.ports.store.transaction(office.school, write=False) as records:
        assert register_approvers(office.school, await records.staff(), file.record) == ()


async def test_a_risk_that_is_accepted_is_open_again_after_a_change(office: Office) -> None:
    """To accept is the head's or the chair's; what was accepted was its rating then."""
    file = await added(office, "dsl", RISK, risk(office))
    assert isinstance(await decides(office, "deputy", file, "accepted"), DecisionAsked)
    accepted = await decides(office, "headteacher", file, "accepted")
    assert accepted.record.state is RecordState.ACCEPTED
    file = await changes(office, "it", accepted, risk(office, reg_impact="5"))
    assert file.record.state is RecordState.OPEN
    closed = await decides(office, "it", file, "closed")
    assert isinstance(await changes(office, "it", closed, risk(office)), NotForYou)
    assert (await decides(office, "dsl", closed, "open")).record.state is RecordState.OPEN


async def test_who_may(office: Office) -> None:
    """A teacher nothing; governors and the head read; whoever owns a risk reads and changes that one, and sees no other."""
    file = await added(office, "dsl", RISK, risk(office, reg_owner=(office.picked("brunel head"),)))
    other = await added(office, "dsl", RISK, risk(office))
    at = office.ports, office.school
    for who in ("teacher", "nobody"):
        account = office.account(who)
        for outcome in (
            await registers.choose(*at, account),
            await lists(office, who, RISK),
            await reads(office, who, file),
            await registers.ask_new(*at, account, RISK),
            await registers.ask_change(*at, account, file.record.id),
            await registers.ask_decision(*at, account, file.record.id),
            await registers.export(*at, account, RISK),
            await adds(office, who, RISK, risk(office)),
            await changes(office, who, file, risk(office)),
            await decides(office, who, file, "closed"),
        ):
            assert isinstance(outcome, NotForYou)
    owner = office.account("brunel head")
    choice = await registers.choose(*at, owner)
    assert choice == RegisterChoice(((RISK, 1),))
    page = await lists(office, "brunel head", RISK)
    assert [line.record.id for line in page.lines] == [file.record.id]
    assert page.matrix == {"3x4": 1}
    assert isinstance(await reads(office, "brunel head", file), RecordFile)
    assert isinstance(await reads(office, "brunel head", other), NotForYou)
    assert isinstance(await registers.export(*at, owner, RISK), NotForYou)
    assert isinstance(await changes(office, "brunel head", file, risk(office)), RecordFile)
    assert isinstance(await changes(office, "chair", other, risk(office)), NotForYou)
    assert isinstance(await registers.ask_new(*at, office.account("chair"), RISK), NotForYou)


async def test_a_line_of_one_register_is_none_of_another(office: Office) -> None:
    """A form that names another register than the line's is refused, and so is one that names none."""
    file = await added(office, "dsl", RISK, risk(office))
    account = office.account("dsl")
    for state in (f"filtering|x|{file.record.id}|1", "nothing|x||", "", "risk|||", f"risk|x|{'z' * 400}|1"):
        assert isinstance(await registers.save(office.ports, office.school, account, state, change()), NotForYou), state


async def test_a_case_is_shown_to_those_alone_who_may_know_of_it(office: Office) -> None:
    """IT, who does not, is told there is none, sees nothing of it, and a change by them leaves it where it is."""
    incident = await office.reports()
    asked = await adds(office, "it", FILTER, change(reg_case=incident.reference))
    none = await adds(office, "it", FILTER, change(reg_case="CSS-2026-0001"))
    assert asked.faults == none.faults == {"reg_case": Fault.NO_SUCH_CASE}
    file = await added(office, "dsl", FILTER, change(reg_case=incident.reference.lower()))
    assert file.shown.case == incident.reference
    seen = await reads(office, "it", file)
    assert seen.shown.case == ""
    assert incident.reference not in str(seen)
    form = await registers.ask_change(office.ports, office.school, office.account("it"), file.record.id)
    assert isinstance(form, RecordQuestions)
    assert form.hides_case
    assert incident.reference not in str(form)
    await changes(office, "it", file, change(reg_case="", reg_why="Another reason"))
    assert (await reads(office, "dsl", file)).shown.case == incident.reference
    exported = await registers.export(office.ports, office.school, office.account("chair"), FILTER)
    assert isinstance(exported, RegisterExport)
    assert incident.reference not in str(exported)
    page = await lists(office, "chair", FILTER)
    assert incident.reference not in str(page)


async def test_whom_a_case_excludes_learns_nothing_of_it_here(office: Office) -> None:
    """The lead is named in it."""
    incident = await office.reports(about="staff", concern="staff_conduct", perpetrators=("Dana Okafor",))
    file = await added(office, "dsl", FILTER, change())
    asked = await changes(office, "dsl", file, change(reg_case=incident.reference))
    assert isinstance(asked, RecordQuestions)
    assert asked.faults == {"reg_case": Fault.NO_SUCH_CASE}
    file = await changes(office, "deputy", file, change(reg_case=incident.reference))
    assert file.shown.case == incident.reference, "who stands in for the lead may know of it"
    seen = await reads(office, "dsl", file)
    assert incident.reference not in str(seen)


async def test_a_review_that_is_due_is_told_again_until_it_is_done(office: Office) -> None:
    """To whoever looks after it, and again after some school days; not before, not once its date is later or it is closed."""
    file = await added(office, "dsl", RISK, risk(office))
    assert await registers.remind(office.ports, office.school) == 0
    office.clock.advance(days=31)
    assert await registers.remind(office.ports, office.school) == 1
    await office.works()
    (message,) = office.post.to(office.people["it"].id, RegisterMessage)
    assert isinstance(message, RegisterMessage)
    assert not message.approval
    assert not message.settled
    assert await registers.remind(office.ports, office.school) == 0
    office.clock.advance(days=10)
    assert await registers.remind(office.ports, office.school) == 1
    await office.works()
    assert len(office.post.to(office.people["it"].id, RegisterMessage)) == 2
    later = await changes(office, "it", file, risk(office))
    await office.works()
    shown = office.post.now_shown(office.people["it"].id)
    assert isinstance(shown, RegisterMessage)
    assert shown.settled
    office.clock.advance(days=31)
    await decides(office, "dsl", later, "closed")
    assert await registers.remind(office.ports, office.school) == 0


async def test_what_waits_to_be_approved_is_brought_up_again(office: Office) -> None:
    """To those who may, again after some school days, and not once somebody has decided."""
    file = await added(office, "it", FILTER, change())
    await office.works()
    deputy = office.people["deputy"].id
    assert len(office.post.to(deputy, RegisterMessage)) == 1
    assert await registers.remind(office.ports, office.school) == 0
    for times in (2, 3):
        office.clock.advance(days=10)
        assert await registers.remind(office.ports, office.school) == 1
        await office.works()
        assert len(office.post.to(deputy, RegisterMessage)) == times
    assert office.post.to(office.people["it"].id, RegisterMessage) == []
    message = office.post.to(deputy, RegisterMessage)[-1]
    assert isinstance(message, RegisterMessage)
    assert message.approval
    await decides(office, "deputy", file, "approved")
    office.clock.advance(days=10)
    assert await registers.remind(office.ports, office.school) == 0


async def test_with_its_owner_gone_those_who_write_are_told(office: Office) -> None:
    """And of what was written by somebody who may not read it any more, the same."""
    await added(office, "dsl", FILTER, change(reg_until=(office.clock.now() + timedelta(days=1)).isoformat()))
    office.school = without(office, Role.DSL)
    office.clock.advance(days=2)
    assert await registers.remind(office.ports, office.school) == 1
    async with office.ports.store.transaction(office.school, write=False) as records:
        staff = await records.staff()
    roles = office.school.policy.registers[FILTER].write
    told = {p.id for role in roles for p in staff.holders(office.school, role)}
    rows = await office.rows(t.deliveries, t.deliveries.c.step.like("%:review.%"))
    assert {row.address_id for row in rows} == told
    assert office.people["dsl"].id not in told


async def waits_for(office: Office, who: str) -> Mapping[RegisterKind, int]:
    """What somebody's queue, and the home page made of it, counts of the registers."""
    return (await queues.queue(office.ports, office.school, office.account(who))).registers


async def test_what_is_overdue_is_counted_for_whoever_is_reminded_of_it(office: Office) -> None:
    """A risk whose day is over, for whoever looks after it; and not any more once another day is set."""
    soon = (office.clock.now() + timedelta(days=1)).isoformat()
    file = await added(office, "dsl", RISK, risk(office, reg_review=soon))
    await added(office, "dsl", RISK, risk(office))
    owner = next(who for who, p in office.people.items() if p.id == file.record.owner_id)
    assert await waits_for(office, owner) == {}
    office.clock.advance(days=2)
    assert {who for who in office.people if await waits_for(office, who)} == {owner}
    assert await waits_for(office, owner) == {RISK: 1}
    assert await registers.remind(office.ports, office.school) == 1
    later = (office.clock.now() + timedelta(days=30)).isoformat()
    assert isinstance(await changes(office, owner, file, risk(office, reg_review=later)), RecordFile)
    assert await waits_for(office, owner) == {}


async def test_what_waits_for_a_second_person_is_counted_for_those_who_may_agree(office: Office) -> None:
    """And for whoever wrote it never, whatever their role."""
    file = await added(office, "dsl", FILTER, change())
    assert await waits_for(office, "deputy") == await waits_for(office, "headteacher") == {FILTER: 1}
    for who in ("dsl", "it", "teacher"):
        assert await waits_for(office, who) == {}
    await decides(office, "deputy", file, "approved")
    assert await waits_for(office, "headteacher") == {}


async def test_whoever_may_not_read_it_any_more_is_told_nothing(office: Office) -> None:
    """What stands in their chat is withdrawn when it changes."""
    file = await added(office, "dsl", FILTER, change())
    await office.works()
    office.school = without(office, Role.DEPUTY_DSL)
    office.worker.schools = {office.school.id: office.school}
    await decides(office, "headteacher", file, "approved")
    await office.works()
    assert isinstance(office.post.now_shown(office.people["deputy"].id), WithdrawnMessage)


async def test_every_page_is_reached(office: Office) -> None:
    """The worst first; a page that there is not is the last; whatever else a number says."""
    for n in range(1, 11):
        await added(office, "dsl", RISK, risk(office, reg_likelihood=str((n % 5) + 1), reg_risk=f"Risk {n}"))
    pages = [await lists(office, "dsl", RISK, number=n) for n in (1, 2, 99, -4)]
    assert [(p.number, p.pages, len(p.lines)) for p in pages] == [(1, 2, 8), (2, 2, 2), (2, 2, 2), (1, 2, 8)]
    ranks = [line.record.rank for page in pages[:2] for line in page.lines]
    assert ranks == sorted(ranks, reverse=True)
    assert len({line.record.id for page in pages[:2] for line in page.lines}) == 10


async def amiss(office: Office) -> Mapping[str, set[Amiss]]:
    """What is wrong with each line, against the audit."""
    (chain,) = await follow_chains(office.database, words=True)
    assert chain.unkept is not None
    assert chain.broken is None
    found: dict[str, set[Amiss]] = {}
    for one in chain.unkept:
        found.setdefault(one.reference, set()).add(one.amiss)
    return found


async def test_the_audit_vouches_for_every_version(office: Office) -> None:
    """A wording changed, taken away or put in shows; so does an owner, a date or a rating that was changed beside it."""
    file = await added(office, "dsl", RISK, risk(office))
    file = await changes(office, "it", file, risk(office, reg_impact="5"))
    file = await decides(office, "headteacher", file, "accepted")
    assert await amiss(office) == {}
    r, v, called = t.register_records.c, t.register_versions.c, file.record.reference
    rows = await office.rows(t.register_versions)
    newest = max(rows, key=lambda row: row.number)
    tries: list[tuple[Any, set[Amiss]]] = [
        (update(t.register_records).values(owner_id=office.people["dsl"].id), {Amiss.CHANGED}),
        (update(t.register_records).values(owner_id=file.record.owner_id, review_at=office.clock.now()), {Amiss.CHANGED}),
        (update(t.register_records).values(review_at=file.record.review_at, rank=1), {Amiss.CHANGED}),
        (update(t.register_records).values(rank=15, state="open"), {Amiss.CHANGED}),
        (update(t.register_records).values(state="accepted", written_by="another"), {Amiss.CHANGED}),
        (update(t.register_records).values(written_by=file.record.written_by), set()),
        (update(t.register_versions).where(v.number == 2).values(person_id="another"), {Amiss.CHANGED, Amiss.ADDED}),
        (update(t.register_versions).where(v.number == 2).values(person_id=rows[1].person_id), set()),
        (update(t.register_versions).where(v.number == 3).values(state="open"), {Amiss.CHANGED, Amiss.ADDED}),
        (update(t.register_versions).where(v.number == 3).values(state="accepted", sealed=rows[0].sealed), {Amiss.UNREADABLE}),
        (update(t.register_versions).where(v.number == 3).values(sealed=newest.sealed), set()),
        (t.register_versions.delete().where(v.number == 3), {Amiss.CHANGED}),
    ]
    assert [row.number for row in rows] == [1, 2, 3]
    for statement, wanted in tries:
        async with office.database.begin() as connection:
            await connection.execute(statement)
        assert await amiss(office) == ({called: wanted} if wanted else {}), str(statement)
    async with office.database.begin() as connection:
        await connection.execute(t.register_versions.delete())
        await connection.execute(t.register_records.delete().where(r.id == file.record.id))
    assert await amiss(office) == {file.record.id: {Amiss.GONE}}
