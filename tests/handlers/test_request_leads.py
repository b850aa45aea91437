"""What a request leads to by itself: a breach, a line in the filter's register; and whom it is about is kept out."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from domain.breaches import BreachKind
from domain.register_terms import RecordState, RegisterKind
from domain.registers import RegisterPage
from domain.report_form import Fault, Filled
from domain.request_types import Item, ItemType, LogsFilter, OpensBreach, RequestTask, RequestType, TaskWhen
from domain.subject_access import Held
from domain.submissions import Doing, Led, RequestMenu, SubmissionExport, SubmissionFile, SubmissionPage, SubmissionQuestions
from domain.words import Role
from handlers import breaches, registers, subject_access, submissions
from handlers.acknowledge import NotForYou
from storage import tables as t
from storage.audit_verify import follow_chains
from storage.commitments import Amiss
from tests.handlers.office import Office
from tests.handlers.test_submissions import LESSON, SITE, WHY, asked, filled, says, told

LOST, NAMES = "lost", "Reading scores, on the 42 bus"
LOSS = RequestType(
    id=LOST,
    group="data",
    title="Something was lost",
    about="Say so at once.",
    items=(
        Item("what", ItemType.LINE, "What was lost?"),
        Item("how", ItemType.CHOICE, "How?", options={"lost": "Lost", "sent-wrong": "Sent astray"}),
        Item("noticed", ItemType.MOMENT, "When did you notice?"),
        Item("by", ItemType.STAFF, "Who had it?", required=False),
        Item("helper", ItemType.STAFF, "Who helps?", required=False, takes_part=True),
    ),
    tasks=(RequestTask("lock", "Lock it", (Role.IT_SUPPORT,)), RequestTask("tell", "Tell them", (Role.HEADTEACHER,))),
    tells=(Role.HEADTEACHER, Role.DSL),
    breach=OpensBreach("noticed", "how", "by"),
)


@pytest.fixture
def at_work(office: Office) -> Office:
    """The office with a head of faculty, and with something more that can be handed over."""
    return with_type(office.with_holders(head_of_faculty=["brunel head"]), LOSS)


def with_type(office: Office, *kinds: RequestType) -> Office:
    """The office whose policy has these types too."""
    requests = {**office.school.policy.requests, **{kind.id: kind for kind in kinds}}
    policy = replace(
        office.school.policy, requests=requests, request_groups={**office.school.policy.request_groups, "data": "Data"}
    )
    return office.at(replace(office.school, policy=policy))


async def lost(office: Office, who: str = "teacher", form: str = "f", hours_ago: int = 5, **people: str) -> Any:
    """Somebody hands over that they have lost something, and who had it."""
    noticed = (office.clock.now() - timedelta(hours=hours_ago)).isoformat()
    values: Filled = {"req_what": NAMES, "req_how": "sent-wrong", "req_noticed": noticed}
    values = {**values, **{f"req_staff_{item}": (office.picked(one),) for item, one in people.items()}}
    return await submissions.send(office.ports, office.school, office.account(who), f"{LOST}|{form}||", values)


async def written_to(office: Office, message: str) -> set[str]:
    """Who is written to with messages of that kind."""
    d, name = t.deliveries.c, {p.id: who for who, p in office.people.items()}
    async with office.database.begin() as connection:
        rows = (await connection.execute(select(d.address_id).where(d.message == message))).scalars()
        return {name[row] for row in rows}


async def amiss(office: Office) -> set[Amiss]:
    """What the audit does not vouch for."""
    (chain,) = await follow_chains(office.database, words=True)
    return {u.amiss for u in chain.unkept or ()}


# A breach


async def test_a_loss_opens_one_breach_with_the_clock_of_whoever_noticed(at_work: Office) -> None:
    """Sent twice it is one; its 72 hours run from then, and all who answer for the records hear of it."""
    first, again = await lost(at_work), await lost(at_work)
    assert first.submission.id == again.submission.id
    (row,) = await at_work.rows(t.breaches)
    assert (row.kind, row.found_at) == (BreachKind.SENT_WRONG, at_work.clock.now() - timedelta(hours=5))
    assert row.started_by == at_work.people["teacher"].id
    assert await written_to(at_work, "breach") == {"dsl", "deputy", "headteacher", "chair"}
    assert [x.what for x in first.led_to] == [Led.BREACH]
    assert first.led_to[0].id == "", "a teacher does not deal with breaches, and is told that there is one"
    lead = at_work.ports, at_work.school, at_work.account("dsl")
    shown = await submissions.read(*lead, first.submission.id)
    assert isinstance(shown, SubmissionFile)
    file = await breaches.read(*lead, shown.led_to[0].id)
    assert not isinstance(file, NotForYou)
    assert file.breach.what.splitlines() == [first.submission.reference, f"What was lost? {NAMES}"]
    noted = [r for r in await at_work.rows(t.audit) if r.action == "breach.started"]
    assert [r.data["request"] for r in noted] == [first.submission.id]
    assert NAMES not in str(await at_work.rows(t.audit))


async def test_nobody_notices_in_the_future(at_work: Office) -> None:
    """The clock would run too late."""
    wrong = await lost(at_work, hours_ago=-2)
    assert isinstance(wrong, SubmissionQuestions)
    assert wrong.faults == {"req_noticed": Fault.IN_FUTURE}
    assert await at_work.rows(t.breaches) == []


async def test_whoever_had_it_deals_with_neither(at_work: Office) -> None:
    """The lead had it: they are told of nothing, read nothing, and find nothing, whatever they ask for with its ids."""
    file = await lost(at_work, by="dsl", helper="headteacher")
    assert await written_to(at_work, "breach") == {"deputy", "headteacher", "chair"}
    assert "dsl" not in await written_to(at_work, "submission")
    at, sent = (at_work.ports, at_work.school, at_work.account("dsl")), file.submission.id
    (breach,) = await at_work.rows(t.breaches)
    for tried in (
        await submissions.read(*at, sent),
        await submissions.do(*at, sent, "tell"),
        await submissions.end(*at, sent),
        await breaches.read(*at, breach.id),
    ):
        assert isinstance(tried, NotForYou)
    page, taken = await submissions.show(*at, LOST), await submissions.export(*at, LOST)
    assert isinstance(page, SubmissionPage)
    assert page.lines == ()
    assert isinstance(taken, SubmissionExport)
    assert taken.files == ()
    head = at_work.ports, at_work.school, at_work.account("headteacher")
    assert isinstance(await submissions.read(*head, sent), SubmissionFile), "whoever only helps reads it"
    assert await amiss(at_work) == set()
    async with at_work.database.begin() as connection:
        await connection.execute(update(t.submissions).values(about=""))
    assert await amiss(at_work) == {Amiss.CHANGED}, "to let them in by the database is seen"


async def test_whoever_names_themselves_reads_their_own_and_does_nothing_else_with_it(at_work: Office) -> None:
    """IT has lost it, and says so: it is not for them to lock it, but for those who come after that role."""
    file = await lost(at_work, "it", by="it")
    assert file.submission.asker_id == at_work.people["it"].id
    assert [task.id for task in file.tasks] == []
    menu = await submissions.menu(at_work.ports, at_work.school, at_work.account("it"))
    assert isinstance(menu, RequestMenu)
    assert [line.submission.id for line in menu.own] == [file.submission.id]
    assert menu.to_do == ()
    doers = {who for who in at_work.people if [s for s in await told(at_work, who) if s == "task.lock"]}
    assert doers
    assert "it" not in doers


# Who it is about, where somebody answers


async def about(office: Office, who: str, *, takes_part: bool = False) -> tuple[Office, SubmissionFile]:
    """A site for a lesson, whose form names a colleague."""
    kind = office.school.policy.requests[LESSON]
    named = replace(kind, items=(*kind.items, Item("colleague", ItemType.STAFF, "Who?", takes_part=takes_part)))
    office = with_type(office, named)
    values = {**filled(office), "req_staff_colleague": (office.picked(who),)}
    return office, await asked(office, values=values)


async def test_whom_a_field_names_answers_nothing_unless_the_type_says_that_they_take_part(at_work: Office) -> None:
    """The head of faculty is named: those who come after are asked, and the head of faculty is shown nothing."""
    office, file = await about(at_work, "brunel head")
    assert await told(office, "brunel head") == []
    assert isinstance(await says(office, "brunel head", file, Doing.GRANTED), NotForYou)
    assert file.waits_for
    assert "Bryn Marsh" not in file.waits_for


async def test_who_takes_part_answers_as_their_roles_have_it(at_work: Office) -> None:
    office, file = await about(at_work, "brunel head", takes_part=True)
    granted = await says(office, "brunel head", file, Doing.GRANTED)
    assert isinstance(granted, SubmissionFile)


async def test_whoever_is_named_when_it_is_worded_anew_is_out_from_then_on(at_work: Office) -> None:
    """They have been asked already: their message is taken back, and they read it no more."""
    kind = at_work.school.policy.requests[LESSON]
    office = with_type(at_work, replace(kind, items=(*kind.items, Item("who", ItemType.STAFF, "Who?", required=False))))
    file = await asked(office)
    await office.works()
    assert isinstance(await says(office, "brunel head", file, Doing.RETURNED), SubmissionFile)
    at = office.ports, office.school, office.account("teacher")
    values = {**filled(office), "req_staff_who": (office.picked("brunel head"),)}
    await submissions.send(*at, f"{LESSON}|g|{file.submission.id}|2", values)
    assert isinstance(
        await submissions.read(office.ports, office.school, office.account("brunel head"), file.submission.id), NotForYou
    )
    await office.works()
    assert type(office.post.now_shown(office.people["brunel head"].id)).__name__ == "WithdrawnMessage"
    assert await amiss(office) == set()


async def test_what_is_held_about_a_colleague_has_what_others_asked_about_them(at_work: Office) -> None:
    """For those who answer for the records and may read it; their own look at themselves is for another to take out."""
    file = await lost(at_work, by="it")
    await lost(at_work, "deputy", form="g", by="cabot head")
    held = await subject_access.gather(at_work.ports, at_work.school, at_work.account("headteacher"), (at_work.picked("it"),))
    assert isinstance(held, Held)
    assert [(r.reference, [p.original for p in r.passages]) for r in held.requests] == [(file.submission.reference, [NAMES])]


# The register of filter changes


async def opened(office: Office, by: str = "brunel head") -> SubmissionFile:
    """A site is asked for, agreed to, and opened by IT."""
    file = await asked(office)
    assert isinstance(await says(office, by, file, Doing.GRANTED), SubmissionFile)
    at = office.ports, office.school, office.account("it")
    for _ in range(2):
        done = await submissions.do(*at, file.submission.id, "unblock")
    assert isinstance(done, SubmissionFile)
    return done


async def lines(office: Office) -> list[tuple[RecordState, str]]:
    """The lines of the filter's register, each with who wrote it."""
    name = {p.id: who for who, p in office.people.items()}
    return [(RecordState(r.state), name[r.written_by]) for r in await office.rows(t.register_records)]


async def wording(office: Office) -> Any:
    """How the one line reads."""
    lead = office.ports, office.school, office.account("deputy")
    page = await registers.show(*lead, RegisterKind.FILTERING)
    assert isinstance(page, RegisterPage)
    file = await registers.read(*lead, page.lines[0].record.id)
    assert not isinstance(file, NotForYou)
    return file


async def test_what_it_opens_stands_in_the_register_once_with_who_asked_did_and_agreed(at_work: Office) -> None:
    """Pressed twice it is one line; the head of faculty's yes is the second person's, since this policy has them agree."""
    done = await opened(at_work)
    assert await lines(at_work) == [(RecordState.APPROVED, "it")]
    assert [(x.what, bool(x.id)) for x in done.led_to] == [(Led.FILTER, True)]
    file = await wording(at_work)
    values = dict(file.shown.version.values)
    people = at_work.people
    assert values == {
        "change": "unblocked",
        "what": SITE,
        "why": WHY,
        "asked_by": people["teacher"].id,
        "since": at_work.clock.now().isoformat(),
        "until": done.newest.values["until"],
        "request": done.submission.reference,
    }
    assert [s.version.person_id for s in file.history] == [people["it"].id, people["brunel head"].id]
    assert await written_to(at_work, "register") == set()
    assert await amiss(at_work) == set()


async def test_the_line_is_closed_with_the_task_that_undoes_it(at_work: Office) -> None:
    """By IT; and the other way about nothing was ever opened, and nothing is written."""
    done = await opened(at_work)
    at_work.clock.advance(hours=3)
    assert await submissions.ring(at_work.ports, at_work.school) == 1
    assert await lines(at_work) == [(RecordState.APPROVED, "it")]
    await submissions.do(at_work.ports, at_work.school, at_work.account("it"), done.submission.id, "block")
    assert await lines(at_work) == [(RecordState.CLOSED, "it")]
    other = await asked(at_work, form="g")
    await says(at_work, "brunel head", other, Doing.REFUSED)
    assert len(await lines(at_work)) == 1
    assert await amiss(at_work) == set()


@pytest.mark.parametrize(
    ("decides", "holders"),
    [("it", {"head_of_faculty": ["it"]}), ("cabot head", {"head_of_faculty": ["cabot head"]})],
    ids=["the same person", "whom the register does not name"],
)
async def test_without_a_second_person_who_may_it_waits_as_any_line(
    office: Office, decides: str, holders: dict[str, list[str]]
) -> None:
    """Whoever decides is who carries it out, though they hold the role; or may not agree to lines of the register."""
    office = office.with_holders(**holders)
    if decides != "it":
        terms = office.school.policy.registers[RegisterKind.FILTERING]
        registers_ = {**office.school.policy.registers, RegisterKind.FILTERING: replace(terms, approve=frozenset({Role.DSL}))}
        office = office.at(replace(office.school, policy=replace(office.school.policy, registers=registers_)))
    await opened(office, decides)
    assert await lines(office) == [(RecordState.WAITING, "it")]
    assert "dsl" in await written_to(office, "register")


async def test_a_line_that_a_second_person_refused_stays_refused(office: Office) -> None:
    """To close the site again says nothing of it."""
    office = office.with_holders(head_of_faculty=["it"])
    done = await opened(office, "it")
    (row,) = await office.rows(t.register_records)
    values = {"reg_state": "refused", "reg_note": "Too many adverts"}
    await registers.decide(office.ports, office.school, office.account("dsl"), f"{row.id}|1|f", values)
    at = office.ports, office.school, office.account("it")
    await submissions.end(*at, done.submission.id)
    await submissions.do(*at, done.submission.id, "block")
    assert await lines(office) == [(RecordState.REFUSED, "it")]


async def test_whoever_may_not_read_the_register_is_told_that_it_stands_there(at_work: Office) -> None:
    """And no more: no reference, and no way there."""
    done = await opened(at_work)
    shown = await submissions.read(at_work.ports, at_work.school, at_work.account("teacher"), done.submission.id)
    assert isinstance(shown, SubmissionFile)
    assert [(x.what, x.id, x.reference) for x in shown.led_to] == [(Led.FILTER, "", "")]


def _ids(kinds: Iterable[RequestType]) -> set[str]:
    return {kind.id for kind in kinds}


def test_each_policy_that_speaks_of_the_filter_has_its_changes_logged(at_work: Office) -> None:
    """What IT opens, blocks or switches off is in the register, whatever the task is called."""
    logged = [k for k in at_work.school.policy.requests.values() if k.filter is not None]
    assert _ids(logged) == {"unblock-lesson", "unblock-for-good", "block-site", "lift-filter"}
    for kind in logged:
        assert isinstance(kind.filter, LogsFilter)
        ends = {task.id for task in kind.tasks if task.when is TaskWhen.ENDED}
        assert ends == ({kind.filter.closed} if kind.filter.closed else set()), kind.id
