"""Requests in the office: who is asked and who is not, what is refused, what happens twice, what the records keep of it."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update

from domain.incident import MessageKind
from domain.report_form import Fault, Filled
from domain.request_types import AnswerStep, StepAct, Term
from domain.submissions import Doing, RequestMenu, SubmissionFile, SubmissionQuestions, SubmissionState
from domain.words import Role
from handlers import submissions
from handlers.acknowledge import NotForYou
from storage import tables as t
from storage.audit_verify import follow_chains
from storage.commitments import Amiss
from tests.fakes.mail_server import FakeMail
from tests.handlers.office import Office
from tests.handlers.test_mail import addresses, with_mail

LESSON, SITE, WHY = "unblock-lesson", "example.org", "Old maps of the town"


@pytest.fixture
def at_work(office: Office) -> Office:
    """The office, with a head of faculty."""
    return office.with_holders(head_of_faculty=["brunel head"])


def filled(office: Office, hours: int = 3, **other: str) -> Filled:
    """The form of a lesson, from now on for so many hours."""
    now = office.clock.now()
    said = {"site": SITE, "why": WHY, "since": now.isoformat(), "until": (now + timedelta(hours=hours)).isoformat(), **other}
    return {f"req_{name}": value for name, value in said.items()}


async def asked(office: Office, who: str = "teacher", values: Filled | None = None, form: str = "f") -> SubmissionFile:
    """Somebody has asked for a site."""
    at = office.ports, office.school, office.account(who)
    made = await submissions.send(*at, f"{LESSON}|{form}||", values or filled(office))
    assert isinstance(made, SubmissionFile), made
    return made


async def says(
    office: Office, who: str, file: SubmissionFile, answer: Doing, note: str = "Because", *, seen: int | None = None
) -> SubmissionFile | NotForYou:
    """Somebody answers."""
    state = f"{file.submission.id}|{seen or file.submission.versions}|{who}"
    values = {"submission_answer": answer.value, "submission_note": note}
    return await submissions.answer(office.ports, office.school, office.account(who), state, values)


async def told(office: Office, who: str) -> list[str]:
    """For what step somebody is written to about a request."""
    d = t.deliveries.c
    query = select(d.step).where(d.message == MessageKind.SUBMISSION, d.address_id == office.people[who].id)
    async with office.database.begin() as connection:
        return [str(step).partition(":")[2] for step in (await connection.execute(query)).scalars()]


async def test_the_same_form_twice_is_one_request(at_work: Office) -> None:
    """A double press, or a platform that sends again."""
    first, again = await asked(at_work), await asked(at_work)
    assert first.submission.reference == again.submission.reference
    assert len(set(await told(at_work, "brunel head"))) == 1
    other = await asked(at_work, form="g")
    assert other.submission.reference != first.submission.reference


@pytest.mark.parametrize(
    ("field", "value", "fault"),
    [
        ("site", "", Fault.MISSING),
        ("site", "x" * 151, Fault.TOO_LONG),
        ("why", "x" * 1001, Fault.TOO_LONG),
        ("since", "next week", Fault.NOT_A_MOMENT),
        ("until", "2020-01-01T09:00:00+00:00", Fault.IN_PAST),
    ],
)
async def test_what_is_wrong_is_said_at_the_field(at_work: Office, field: str, value: str, fault: Fault) -> None:
    """What was typed is still there, and nothing was kept."""
    at = at_work.ports, at_work.school, at_work.account("teacher")
    values = {**filled(at_work), f"req_{field}": value}
    wrong = await submissions.send(*at, f"{LESSON}|f||", values)
    assert isinstance(wrong, SubmissionQuestions)
    assert wrong.faults == {f"req_{field}": fault}
    assert wrong.filled == values
    menu = await submissions.menu(*at)
    assert isinstance(menu, RequestMenu)
    assert menu.own == ()


async def test_it_must_not_end_before_it_begins(at_work: Office) -> None:
    """Both are in the future."""
    at = at_work.ports, at_work.school, at_work.account("teacher")
    since = (at_work.clock.now() + timedelta(days=2)).isoformat()
    wrong = await submissions.send(*at, f"{LESSON}|f||", filled(at_work, since=since))
    assert isinstance(wrong, SubmissionQuestions)
    assert wrong.faults == {"req_until": Fault.BEFORE_ITS_START}


async def test_nobody_answers_their_own(at_work: Office) -> None:
    """The head of faculty asks: those who come after that role are asked instead."""
    file = await asked(at_work, "brunel head")
    assert isinstance(await says(at_work, "brunel head", file, Doing.GRANTED), SubmissionFile)
    after = await submissions.read(at_work.ports, at_work.school, at_work.account("brunel head"), file.submission.id)
    assert isinstance(after, SubmissionFile)
    assert after.submission.place.state is SubmissionState.WAITING
    assert after.answers == ()
    assert after.waits_for
    assert "Bryn Marsh" not in after.waits_for


async def test_the_first_answer_stands(at_work: Office) -> None:
    """Who comes later is shown what was said."""
    file = await asked(at_work)
    granted = await says(at_work, "brunel head", file, Doing.GRANTED)
    assert isinstance(granted, SubmissionFile)
    late = await says(at_work, "headteacher", file, Doing.REFUSED)
    assert isinstance(late, SubmissionFile)
    assert late.submission.place.state is SubmissionState.GRANTED
    assert [v.doing for v, _ in late.history] == [Doing.SENT, Doing.GRANTED]
    again = await says(at_work, "brunel head", file, Doing.REFUSED)
    assert isinstance(again, SubmissionFile)
    assert again.submission.versions == 2


async def test_what_has_changed_meanwhile_is_looked_at_again(at_work: Office) -> None:
    """It came back and was worded anew while somebody had it open: their answer is not taken for what they have not read."""
    file = await asked(at_work)
    await says(at_work, "brunel head", file, Doing.RETURNED)
    at = at_work.ports, at_work.school, at_work.account("teacher")
    await submissions.send(*at, f"{LESSON}|g|{file.submission.id}|2", filled(at_work, why="All day long"))
    stale = await says(at_work, "headteacher", file, Doing.GRANTED)
    assert isinstance(stale, SubmissionFile)
    assert stale.stale
    assert stale.submission.place.state is SubmissionState.WAITING
    assert stale.newest.values["why"] == "All day long"


async def test_a_no_needs_words(at_work: Office) -> None:
    """A yes does not."""
    file = await asked(at_work)
    wrong = await says(at_work, "brunel head", file, Doing.REFUSED, "")
    assert isinstance(wrong, SubmissionFile)
    assert wrong.faults == {"submission_note": Fault.WHY_NEEDED}
    right = await says(at_work, "brunel head", file, Doing.GRANTED, "")
    assert isinstance(right, SubmissionFile)
    assert right.submission.place.state is SubmissionState.GRANTED


@pytest.mark.parametrize("who", ["chair", "cabot head"])
async def test_who_has_nothing_to_do_with_it_is_refused(at_work: Office, who: str) -> None:
    """In every way in which it could be asked for, with the ids of a real one."""
    file = await asked(at_work)
    at, sent = (at_work.ports, at_work.school, at_work.account(who)), file.submission.id
    tried = [
        await submissions.read(*at, sent),
        await submissions.do(*at, sent, "unblock"),
        await submissions.withdraw(*at, sent),
        await submissions.end(*at, sent),
        await submissions.ask_reword(*at, sent),
        await submissions.send(*at, f"{LESSON}|f|{sent}|1", filled(at_work)),
        await submissions.show(*at, LESSON),
        await says(at_work, who, file, Doing.GRANTED),
    ]
    assert [type(x) for x in tried] == [NotForYou] * len(tried)


async def test_who_carries_it_out_neither_decides_nor_ends_before_a_yes(at_work: Office) -> None:
    """IT reads what is asked for, and does what is to be done."""
    file = await asked(at_work)
    at, sent = (at_work.ports, at_work.school, at_work.account("it")), file.submission.id
    assert isinstance(await submissions.read(*at, sent), SubmissionFile)
    await says(at_work, "it", file, Doing.GRANTED)
    await submissions.do(*at, sent, "unblock")
    await submissions.end(*at, sent)
    after = await submissions.read(*at, sent)
    assert isinstance(after, SubmissionFile)
    assert after.submission.versions == 1


async def test_a_task_is_done_once(at_work: Office) -> None:
    """Pressed by two, the first one did it; and the teacher hears that it is open."""
    file = await asked(at_work)
    await says(at_work, "brunel head", file, Doing.GRANTED)
    at, sent = (at_work.ports, at_work.school, at_work.account("it")), file.submission.id
    for _ in range(2):
        done = await submissions.do(*at, sent, "unblock")
    assert isinstance(done, SubmissionFile)
    assert [v.doing for v, _ in done.history].count(Doing.DONE) == 1
    assert f"asker.{done.submission.versions}" in await told(at_work, "teacher")


async def test_what_was_never_opened_is_not_to_be_closed(at_work: Office) -> None:
    """Nobody opened it before it was over."""
    file = await asked(at_work)
    await says(at_work, "brunel head", file, Doing.GRANTED)
    at_work.clock.advance(hours=3)
    assert await submissions.ring(at_work.ports, at_work.school) == 1
    assert not [step for step in await told(at_work, "it") if step.startswith("task.block")]
    async with at_work.database.begin() as connection:
        assert (await connection.execute(select(t.submissions.c.state, t.submissions.c.next_at))).one() == ("ended", None)


async def test_what_nobody_carries_out_comes_back(at_work: Office) -> None:
    """On each school day, until it is done or over."""
    at_work = holding(at_work, hours=200)
    file = await asked(at_work, values=filled(at_work, hours=200))
    await says(at_work, "brunel head", file, Doing.GRANTED)
    for day in (1, 2, 3):
        at_work.clock.advance(days=1)
        assert await submissions.ring(at_work.ports, at_work.school) == 1, day
    late = [step for step in await told(at_work, "it") if ".again." in step]
    assert len(late) == 3
    await submissions.do(at_work.ports, at_work.school, at_work.account("it"), file.submission.id, "unblock")
    at_work.clock.advance(days=1)
    assert await submissions.ring(at_work.ports, at_work.school) == 0


def holding(office: Office, **other: object) -> Office:
    """The office whose policy has that type otherwise in some way; as it is, if in none."""
    kind = office.school.policy.requests[LESSON]
    changed = replace(kind, **{k: v for k, v in other.items() if k != "hours"})  # type: ignore[arg-type]
    policy = replace(office.school.policy, requests={**office.school.policy.requests, LESSON: changed})
    return office.at(replace(office.school, policy=policy))


async def test_advice_is_taken_before_the_decision(at_work: Office) -> None:
    """Who decides reads what was advised; who advised has not decided."""
    steps = (AnswerStep(StepAct.ADVISE, (Role.IT_SUPPORT,)), AnswerStep(StepAct.DECIDE, (Role.HEADTEACHER,)))
    office = holding(at_work, steps=steps)
    file = await asked(office)
    assert isinstance(await says(office, "headteacher", file, Doing.GRANTED), SubmissionFile)
    advised = await says(office, "it", file, Doing.ADVISED, "It is full of adverts")
    assert isinstance(advised, SubmissionFile)
    assert advised.submission.place.state is SubmissionState.WAITING
    assert "answer.1.2" in await told(office, "headteacher")
    refused = await says(office, "headteacher", advised, Doing.REFUSED, "No adverts here")
    assert isinstance(refused, SubmissionFile)
    assert [(v.doing, v.note) for v, _ in refused.history][1:] == [
        (Doing.ADVISED, "It is full of adverts"),
        (Doing.REFUSED, "No adverts here"),
    ]


async def test_whoever_asked_is_told_before_it_ends(at_work: Office) -> None:
    """So that they can ask again in time; and only once."""
    office = holding(at_work, term=Term("until", warn_days=3))
    file = await asked(office, values=filled(office, hours=24 * 10))
    await says(office, "brunel head", file, Doing.GRANTED)
    await submissions.do(office.ports, office.school, office.account("it"), file.submission.id, "unblock")
    for _ in range(9):
        office.clock.advance(days=1)
        await submissions.ring(office.ports, office.school)
    assert len([s for s in await told(office, "teacher") if s.startswith("ending.")]) == 1


async def test_a_type_that_the_policy_no_longer_has_is_left_alone(at_work: Office) -> None:
    """What was asked under it stays in the records, and nothing breaks."""
    file = await asked(at_work)
    gone = at_work.at(replace(at_work.school, policy=replace(at_work.school.policy, requests={})))
    gone.clock.advance(days=3)
    assert await submissions.ring(gone.ports, gone.school) == 0
    assert isinstance(await submissions.read(gone.ports, gone.school, gone.account("teacher"), file.submission.id), NotForYou)
    assert isinstance(await submissions.menu(gone.ports, gone.school, gone.account("teacher")), NotForYou)


async def without(office: Office, *types: str) -> Office:
    """The same school, whose policy has dropped these."""
    kept = {id_: kind for id_, kind in office.school.policy.requests.items() if id_ not in types}
    return office.at(replace(office.school, policy=replace(office.school.policy, requests=kept)))


async def test_a_type_that_comes_back_is_taken_up_again(at_work: Office) -> None:
    """What waited is brought up once more, and what held until a day ends, though its time came while nobody looked."""
    at_work = at_work.at(at_work.school)
    waiting = await asked(at_work)
    at_work.clock.advance(minutes=1)
    held = await asked(at_work, form="g")
    await says(at_work, "brunel head", held, Doing.GRANTED)
    assert await submissions.take_up(at_work.ports, at_work.school) == 0
    gone = await without(at_work, LESSON)
    gone.clock.advance(days=3)
    assert await submissions.ring(gone.ports, gone.school) == 0
    assert await submissions.take_up(gone.ports, gone.school) == 0
    menu = await submissions.menu(gone.ports, gone.school, gone.account("teacher"))
    assert isinstance(menu, RequestMenu)
    assert [(line.submission.reference, line.title) for line in menu.own] == [
        (file.submission.reference, "") for file in (held, waiting)
    ]
    async with gone.ports.store.transaction(gone.school, write=False) as records:
        assert await records.dropped_submissions(list(gone.school.policy.requests)) == {LESSON: 2}
        assert await records.dropped_submissions(list(at_work.school.policy.requests)) == {}
    assert await submissions.take_up(at_work.ports, at_work.school) == 2
    assert await submissions.take_up(at_work.ports, at_work.school) == 0
    before = len(await told(at_work, "brunel head"))
    assert await submissions.ring(at_work.ports, at_work.school) == 1
    at = at_work.ports, at_work.school, at_work.account("teacher")
    ended = await submissions.read(*at, held.submission.id)
    assert isinstance(ended, SubmissionFile)
    assert ended.submission.place.state is SubmissionState.ENDED
    at_work.clock.advance(days=3)
    await submissions.ring(at_work.ports, at_work.school)
    assert len(await told(at_work, "brunel head")) > before


@pytest.mark.parametrize(
    "change",
    [{"state": "granted"}, {"asker_id": "nobody"}, {"until_at": None}, {"step": 3}, {"type": "block-site"}],
    ids=lambda change: next(iter(change)),
)
async def test_what_is_changed_in_the_database_is_found(at_work: Office, change: Mapping[str, object]) -> None:
    """Somebody who has the database, and not its keys, cannot give themselves a yes unseen."""
    await asked(at_work)
    (chain,) = await follow_chains(at_work.database, words=True)
    assert chain.unkept == []
    async with at_work.database.begin() as connection:
        await connection.execute(update(t.submissions).values(**change))
    (chain,) = await follow_chains(at_work.database, words=True)
    assert {u.amiss for u in chain.unkept or ()} & {Amiss.CHANGED, Amiss.ADDED}


async def test_nothing_of_it_stands_in_the_audit_or_in_the_open(at_work: Office) -> None:
    """Ids and closed words alone."""
    file = await asked(at_work)
    await says(at_work, "brunel head", file, Doing.REFUSED, "Too many adverts")
    async with at_work.database.begin() as connection:
        for table in (t.audit, t.submissions, t.submission_versions, t.deliveries):
            rows = str((await connection.execute(select(table))).all())
            assert not [word for word in (SITE, WHY, "Too many adverts") if word in rows], table.name


async def test_what_no_chat_takes_goes_by_mail(at_work: Office, tmp_path: Path) -> None:
    """Whoever has to answer hears of it all the same: that there is something to read, and nothing of what."""
    async with FakeMail(tmp_path) as mail:
        office = with_mail(at_work, mail, at_work.post)
        file = await asked(office)
        office.post.unknown.add(office.people["brunel head"].id)
        await office.works()
        assert mail.recipients == addresses(office, "brunel head")
        ((_, message),) = mail.taken
        text = f"{message['Subject']}\n{message.get_content()}"
        assert file.submission.reference in text
        for word in (SITE, WHY, "Tess", "Bryn"):
            assert word not in text
