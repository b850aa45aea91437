"""Reporting: kept once and whole, or not at all; and never sent to whom it is about."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import product
from typing import Any
from uuid import uuid4

import pytest

from domain.incident import CaseFile, Incident
from domain.messages import AlertMessage, ReceiptMessage
from domain.people import Account, Group, Holders, Kind, Person, Platform, School, Standing
from domain.report_form import DetailQuestions, DraftGone, Fault, KindQuestions, Unfinished
from domain.words import About, Role
from handlers import details, lists, report
from handlers.report import Reported
from storage import tables as t
from storage.housekeeping import tidy
from storage.policy_files import load_policy
from storage.store import Store
from tests.handlers.office import BRUNEL, SAFEGUARDING, WHAT, Office

SENT = {"what": WHAT, "repeat": "no", "illegal": "no"}


async def submit(office: Office, draft_id: str, who: str = "teacher", **more: Any) -> report.DetailOutcome:
    """Sends screen two."""
    return await report.submit(office.ports, office.school, office.account(who), draft_id, {**SENT, **more})


# Once and whole


async def test_sent_twice_it_is_one_report(office: Office) -> None:
    """A second press, or Slack's second try, finds the report that stands."""
    draft_id = await office.draft()
    first, second = await submit(office, draft_id), await submit(office, draft_id, what="something else")
    assert isinstance(first, Reported)
    assert isinstance(second, Reported)
    assert len(await office.rows(t.incidents)) == 1
    assert first.incident.reference == second.incident.reference


async def test_sent_many_times_at_once_it_is_one_report(office: Office) -> None:
    """Five presses at the same moment: one case, one alert, one receipt, and everybody gets the reference."""
    draft_id = await office.draft()
    outcomes = await asyncio.gather(*(submit(office, draft_id) for _ in range(5)))
    assert all(isinstance(o, Reported) for o in outcomes)
    assert len({o.incident.reference for o in outcomes if isinstance(o, Reported)}) == 1
    for table in (t.incidents, t.alerts):
        assert len(await office.rows(table)) == 1
    assert len(await office.rows(t.deliveries, t.deliveries.c.message == "receipt")) == 1


class PowerCutError(Exception):
    """The machine stops."""


class FailingStore:
    """A store whose transactions break just before the end."""

    def __init__(self, store: Store) -> None:
        self._store = store

    @asynccontextmanager
    async def transaction(self, school: School, *, write: bool = True) -> AsyncIterator[Any]:
        async with self._store.transaction(school, write=write) as records:
            yield records
            if write:
                raise PowerCutError


async def test_a_crash_in_the_middle_leaves_nothing_and_the_form_can_be_sent_again(office: Office) -> None:
    """No half a report: no case, no alert, no message; the draft is still there to be sent."""
    draft_id = await office.draft()
    before = len(await office.rows(t.audit))
    broken = replace(office, ports=replace(office.ports, store=FailingStore(Store(office.database))))
    with pytest.raises(PowerCutError):
        await submit(broken, draft_id)
    for table in (t.incidents, t.incident_texts, t.participants, t.exclusions, t.alerts, t.summonses, t.deliveries, t.timers):
        assert await office.rows(table) == [], table.name
    assert len(await office.rows(t.audit)) == before
    again = await submit(office, draft_id)
    assert isinstance(again, Reported)


async def test_a_report_wakes_the_worker_only_once_it_is_kept(office: Office) -> None:
    """Whoever looks in the outbox when the bell rings finds the message there."""
    office.worker.bell.clear()
    await office.reports()
    assert office.worker.bell.is_set()


async def test_what_was_written_is_read_back_exactly(office: Office) -> None:
    """Every field, by somebody with the right."""
    words = "Zeile 1\n<b>&amp; *x* <!channel> 👩‍👩‍👧 \u05d0\u05d1 'quote' {brace} %s"
    incident = await office.reports(what=words, done="Told\nher", where="Instagram", witnesses=("text:O'Brien, S.",))
    case = await details.read(office.ports, office.school, office.account("dsl"), incident.id)
    assert isinstance(case, CaseFile)
    assert case.narrative.what_happened == words
    assert (case.narrative.done_already, case.narrative.where) == ("Told\nher", "Instagram")
    assert [p.name for p in case.participants] == ["O'Brien, S."]


# Drafts


async def test_a_draft_is_offered_again_for_a_school_day(office: Office) -> None:
    """Begun on a Tuesday, it is offered until Wednesday's close. Sent after that it still counts, until it is forgotten."""
    draft_id = await office.draft()
    begun = await report.begin(office.ports, office.school, office.account("teacher"))
    assert isinstance(begun, Unfinished)
    assert begun.draft_id == draft_id
    office.clock.advance(days=1, hours=5, minutes=59)
    assert isinstance(await report.begin(office.ports, office.school, office.account("teacher")), Unfinished)
    office.clock.advance(minutes=1)
    assert isinstance(await report.begin(office.ports, office.school, office.account("teacher")), KindQuestions)
    forgotten = await office.draft()
    assert isinstance(await submit(office, draft_id), report.Reported)
    office.clock.advance(days=3)
    await tidy(office.database, office.clock.now())
    assert isinstance(await submit(office, forgotten), DraftGone)


async def test_a_draft_of_another_school_is_none_here(office: Office) -> None:
    """Somebody works at two schools with one account: what they sent at the one is not shown at the other."""
    draft_id = await office.draft()
    account, elsewhere = office.account("teacher"), replace(office.school, id="elsewhere")
    assert isinstance(await report.submit(office.ports, office.school, account, draft_id, SENT), Reported)
    assert isinstance(await report.submit(office.ports, elsewhere, account, draft_id, SENT), DraftGone)


async def test_a_draft_that_was_dropped_says_so(office: Office) -> None:
    """Dropped on the telephone, still open on the computer: either screen sent there gets a clear answer, not a failure."""
    draft_id = await office.draft()
    teacher = office.account("teacher")
    await report.discard(office.ports, office.school, teacher, draft_id)
    assert isinstance(await report.begin(office.ports, office.school, teacher), KindQuestions)
    await report.keep_typing(office.ports, office.school, teacher, draft_id, {"what": "more"})
    assert isinstance(await submit(office, draft_id), DraftGone)
    assert isinstance(await report.resume(office.ports, office.school, teacher, draft_id), DraftGone)
    kind = {"concern": "grooming", "about": "pupil", "danger": "no"}
    assert isinstance(await report.choose_kind(office.ports, office.school, teacher, draft_id, kind), DraftGone)
    (row,) = await office.rows(t.drafts)
    assert (row.filled, row.sealed) == ({}, None)


async def test_screen_two_without_screen_one_gets_a_clear_answer(office: Office) -> None:
    """A report begun at a message holds only its link: sent as screen two it is the draft that is gone, not a failure."""
    begun = await report.begin(
        office.ports, office.school, office.account("teacher"), link="https://school.slack.com/archives/C1/p1"
    )
    assert isinstance(begun, KindQuestions)
    assert not isinstance(await submit(office, begun.draft_id), Reported)
    assert await office.rows(t.incidents) == []


async def test_the_link_of_a_message_reaches_the_case(office: Office) -> None:
    """Begun at a message, the address of the message is in the case."""
    link = "https://school.slack.com/archives/C1/p1"
    begun = await report.begin(office.ports, office.school, office.account("teacher"), link=link)
    kind = {"concern": "grooming", "about": "pupil", "danger": "no"}
    await report.choose_kind(office.ports, office.school, office.account("teacher"), begun.draft_id, kind)
    made = await submit(office, begun.draft_id)
    assert isinstance(made, Reported)
    case = await details.read(office.ports, office.school, office.account("dsl"), made.incident.id)
    assert isinstance(case, CaseFile)
    assert case.narrative.link == link


@pytest.mark.parametrize(
    "screen_two",
    [
        {"concern": "nonsense"},
        {"about": "nobody"},
        {"about": "headteacher"},
        {"concern": "low_level_concern"},
        {"link": "https://evil.example"},
    ],
)
async def test_screen_two_does_not_rewrite_screen_one(office: Office, screen_two: dict[str, str]) -> None:
    """Only its own fields are taken of a screen: no value smuggled into the second changes the kind, or breaks it."""
    draft_id = await office.draft()
    await report.keep_typing(office.ports, office.school, office.account("teacher"), draft_id, screen_two)
    made = await submit(office, draft_id, **screen_two)
    assert isinstance(made, Reported)
    assert (made.incident.facts.concern, made.incident.facts.about) == ("grooming", About.PUPIL)
    case = await details.read(office.ports, office.school, office.account("dsl"), made.incident.id)
    assert isinstance(case, CaseFile)
    assert case.narrative.link == ""


WRONG_ANSWERS: list[tuple[dict[str, Any], str, Fault]] = [
    ({"what": ""}, "what", Fault.MISSING),
    ({"what": " \n\t"}, "what", Fault.MISSING),
    ({"what": "x" * 3001}, "what", Fault.TOO_LONG),
    ({"done": "x" * 3001}, "done", Fault.TOO_LONG),
    ({"where": "x" * 201}, "where", Fault.TOO_LONG),
    ({"targets": ("text:" + "x" * 101,)}, "targets", Fault.TOO_LONG),
    ({"targets": tuple(f"text:{n}" for n in range(11))}, "targets", Fault.TOO_MANY),
    ({"targets": tuple(f"person:{n}" for n in range(40_000))}, "targets", Fault.TOO_MANY),
    ({"targets": ("person:nobody",)}, "targets", Fault.PERSON_GONE),
    ({"when": "yesterday"}, "when", Fault.NOT_A_MOMENT),
    ({"when": "2026-11-25T10:00"}, "when", Fault.IN_FUTURE),
    ({"when": "9999-12-31T23:59:59-12:00"}, "when", Fault.NOT_A_MOMENT),
    ({"when": "0001-01-01T00:00:00+12:00"}, "when", Fault.NOT_A_MOMENT),
    ({"house": "Slytherin"}, "house", Fault.UNKNOWN_CHOICE),
    ({"illegal": ""}, "illegal", Fault.MISSING),
    ({"illegal": "perhaps"}, "illegal", Fault.UNKNOWN_CHOICE),
]


async def test_a_wrong_answer_comes_back_at_its_field(office: Office) -> None:
    """Nothing is kept as a report, and what was typed is still there."""
    draft_id = await office.draft(concern="nude_image")
    for filled, field, fault in WRONG_ANSWERS:
        right = {"what": WHAT, "done": "", "where": "", "targets": (), "when": "", "house": "", "illegal": "no"}
        outcome = await submit(office, draft_id, **{**right, **filled})
        assert isinstance(outcome, DetailQuestions), filled
        assert outcome.faults == {field: fault}
        assert outcome.filled[field] == filled[field]
    assert await office.rows(t.incidents) == []


async def test_a_wrong_id_gets_a_clear_answer(office: Office) -> None:
    """Whatever stands where a draft's id should: no failure, and nothing is kept under it."""
    teacher = office.account("teacher")
    kind = {"concern": "grooming", "about": "pupil", "danger": "no"}
    for draft_id in ("", "x" * 37, "x" * 5000, "\U0001f600" * 40):
        assert isinstance(await submit(office, draft_id), DraftGone)
        assert isinstance(await report.resume(office.ports, office.school, teacher, draft_id), DraftGone)
        assert isinstance(await report.choose_kind(office.ports, office.school, teacher, draft_id, kind), DraftGone)
        await report.keep_typing(office.ports, office.school, teacher, draft_id, {"what": "x"})
        await report.discard(office.ports, office.school, teacher, draft_id)
    assert await office.rows(t.drafts) == []


# To whom it goes


async def shown_to(office: Office, incident: Incident) -> set[str]:
    """Everybody who has been asked, can see the case, or finds it in their queue."""
    found = set(await office.asked(incident))
    for who in office.people:
        queue = await lists.queue(office.ports, office.school, office.account(who))
        case = await details.read(office.ports, office.school, office.account(who), incident.id)
        if isinstance(case, CaseFile) or any(line.incident_id == incident.id for line in queue.lines):
            found.add(who)
    return found


async def test_a_reporter_who_is_on_no_list_is_heard(office: Office) -> None:
    """A supply teacher's account that nobody knows: the report is kept and alerted, and they hear of it."""
    incident = await office.reports("supply")
    await office.works()
    assert await office.asked(incident) == ["dsl"]
    assert [m.reference for m in office.post.to("U-supply", ReceiptMessage) if isinstance(m, ReceiptMessage)] == [
        incident.reference
    ]
    case = await details.read(office.ports, office.school, office.account("dsl"), incident.id)
    assert isinstance(case, CaseFile)
    assert case.reporter == ""
    assert [line.reference for line in await lists.mine(office.ports, office.school, office.account("supply"))] == [
        incident.reference
    ]
    assert await lists.mine(office.ports, office.school, office.account("another")) == ()


async def test_a_lead_who_reports_is_asked_like_anybody_else(office: Office) -> None:
    """The DSL is the only holder and reports it herself: it is still hers to acknowledge, and it still climbs."""
    incident = await office.reports("dsl")
    assert await office.asked(incident) == ["dsl"]
    await office.later(minutes=15)
    assert await office.asked(incident) == ["dsl", "deputy"]


@pytest.mark.parametrize("named", ["perpetrators", "targets"])
@pytest.mark.parametrize("how", ["picked", "typed", "typo"])
async def test_a_lead_who_is_named_never_sees_it(office: Office, named: str, how: str) -> None:
    """Picked or typed, as target or as perpetrator: never alerted, in no queue, not to be read, however often it climbs."""
    value = {"picked": office.picked("dsl"), "typed": "text:Ms Okafor", "typo": "text:Dana Okafro"}[how]
    await office.read_by(SAFEGUARDING, "dsl", "deputy")
    people: dict[str, str | tuple[str, ...]] = {named: (value,)}
    incident = await office.reports("teacher", "grooming", "unknown", "no", **people)
    for _ in range(12):
        await office.later(minutes=90)
    assert "dsl" not in await shown_to(office, incident)
    assert office.post.to(office.people["dsl"].id) == []
    assert office.post.to("safeguarding") == []


async def test_a_witness_is_not_shut_out(office: Office) -> None:
    """The DSL saw it: she is still the one to ask."""
    incident = await office.reports(witnesses=(office.picked("dsl"),))
    assert await office.asked(incident) == ["dsl"]


async def test_somebody_who_reports_themselves_gets_a_receipt_and_no_case(office: Office) -> None:
    """A self-referral is welcome: those whom the policy names are asked, and the reporter reads a receipt and not the file."""
    incident = await office.reports("brunel head", "low_level_concern", "staff", perpetrators=(office.picked("brunel head"),))
    await office.works()
    assert "headteacher" in await office.asked(incident)
    assert "brunel head" not in await shown_to(office, incident)
    assert office.post.to("U-brunel head", ReceiptMessage)


HEAD_NAMED = (("picked",), ("text:Mrs Pemberton",), ("text:the headteacher",), ("text:Head Teacher",))


@pytest.mark.parametrize(("about", "named"), [("headteacher", ()), *product(("headteacher", "staff", "unknown"), HEAD_NAMED)])
async def test_the_head_never_sees_a_report_about_the_head(office: Office, about: str, named: tuple[str, ...]) -> None:
    """Whatever the first screen said and however the head is named: the head is not asked, sees nothing and is told nothing."""
    values = tuple(office.picked("headteacher") if n == "picked" else n for n in named)
    incident = await office.reports(concern="staff_conduct", about=about, perpetrators=values)
    for _ in range(6):
        await office.later(hours=30)
    seen = await shown_to(office, incident)
    assert "chair" in seen
    assert "headteacher" not in seen
    assert office.post.to(office.people["headteacher"].id) == []
    assert incident.private


async def test_staff_matters_reach_no_channel(office: Office) -> None:
    """Even where the readers are known and none of them is named."""
    for channel in (SAFEGUARDING, BRUNEL):
        await office.read_by(channel, "it")
    incident = await office.reports(concern="staff_conduct", about="staff", perpetrators=(office.picked("teacher"),))
    await office.works()
    assert incident.private
    assert office.post.to("safeguarding") == office.post.to("brunel-house") == []
    assert office.post.to(office.people["headteacher"].id, AlertMessage)


async def test_a_typed_target_does_not_hide_a_typed_perpetrator(office: Office) -> None:
    """The same member of staff typed in both parts is accused: the case is private, in whatever order the fields stand."""
    await office.read_by(BRUNEL, "it")
    both: dict[str, str | tuple[str, ...]] = {"targets": ("text:Ms Okafor",), "perpetrators": ("text:Dana Okafor",)}
    incident = await office.reports("teacher", "cyberbullying", "pupil", "no", house="unsure", **both)
    assert incident.private


@pytest.mark.parametrize("readers", [None, (), ("dsl", "deputy"), ("deputy", "stranger"), ("deputy",)])
async def test_a_channel_is_used_only_if_its_readers_are_known(office: Office, readers: tuple[str, ...] | None) -> None:
    """The DSL is the target: the channel shows the alert only where it is known that the DSL does not read it."""
    if readers is not None:
        await office.read_by(SAFEGUARDING, *readers)
    incident = await office.reports(targets=(office.picked("dsl"),))
    await office.works()
    assert await office.asked(incident) == ["deputy"]
    assert bool(office.post.to("safeguarding")) is (readers in ((), ("deputy",)))


async def test_readers_looked_up_yesterday_are_not_known(office: Office) -> None:
    """What was true a day ago may not be true now."""
    await office.read_by(SAFEGUARDING, "deputy")
    office.clock.advance(hours=25)
    await office.reports(targets=(office.picked("dsl"),))
    await office.works()
    assert office.post.to("safeguarding") == []


async def test_readers_that_become_unknown_before_it_is_sent(office: Office) -> None:
    """Somebody joined between the report and the sending: the channel's copy is not sent."""
    await office.read_by(SAFEGUARDING, "deputy")
    await office.reports(targets=(office.picked("dsl"),))
    async with Store(office.database).transaction(office.school) as records:
        await records.forget_readers(SAFEGUARDING)
    await office.works()
    assert office.post.to("safeguarding") == []


async def test_with_everybody_shut_out_the_reporter_is_told_to_speak_to_somebody(office: Office) -> None:
    """Nobody can be alerted: the report is kept, the receipt says so plainly, and it names the LADO."""
    everybody = tuple(office.picked(w) for w in office.people)
    incident = await office.reports(perpetrators=everybody)
    await office.works()
    assert await office.asked(incident) == []
    (receipt,) = office.post.to("U-teacher", ReceiptMessage)
    assert isinstance(receipt, ReceiptMessage)
    assert receipt.reached_nobody
    assert any("LADO" in outside for outside in receipt.outside)
    assert receipt.phones == ()


async def test_a_role_that_nobody_holds_falls_to_the_last_resort(office: Office) -> None:
    """A school file with only a head and a chair: they are asked, rather than nobody."""
    few = {r: office.school.holders[r] for r in (Role.HEADTEACHER, Role.CHAIR_OF_GOVERNORS)}
    small = office.at(replace(office.school, holders=few, channels={}))
    for concern in ("grooming", "cyberbullying", "hacking"):
        assert await small.asked(await small.reports(concern=concern, house="unsure")) == ["headteacher"]


async def test_a_line_manager_with_a_long_address_is_asked(office: Office) -> None:
    """A line manager is found by e-mail, and a trust's addresses are long: the report is kept on either database."""
    address = "bartholomew.featherstonehaugh@st-bartholomews-catholic-voluntary-academy.derbyshire.example"
    manager = Person(str(uuid4()), Kind.STAFF, "Bartholomew Featherstonehaugh", address)
    managed = Person(str(uuid4()), Kind.STAFF, "Morag Managed", "m.managed@demo.example", line_manager=address)
    async with Store(office.database).transaction(office.school) as records:
        await records.save_people([(p.email, p, True) for p in (manager, managed)])
    there = office.at(replace(office.school, policy=load_policy("cookridge")))
    incident = await there.reports(
        concern="staff_targeted", about="staff", targets=(f"person:{managed.id}",), perpetrators=("text:A parent",)
    )
    async with office.ports.store.transaction(office.school, write=False) as records:
        alerts = await records.alerts_of(incident.id)
        summonses = await records.summonses(*(a.id for a in alerts))
    roles = {a.role for a in alerts}
    if Role.LINE_MANAGER in roles:
        assert manager.id in {s.person_id for found in summonses.values() for s in found}


async def test_the_house_is_asked_once_and_then_taken(office: Office) -> None:
    """A typed pupil, a role held by house: asked for; "not sure" is an answer, and the next in line is asked."""
    draft_id = await office.draft(concern="account_misuse")
    asked = await submit(office, draft_id, targets=("text:A Newcomer",))
    assert isinstance(asked, DetailQuestions)
    assert asked.faults == {"house": Fault.GROUP_NEEDED}
    assert [p.group for p in asked.places] == [Group.HOUSE]
    made = await submit(office, draft_id, targets=("text:A Newcomer",), house="unsure")
    assert isinstance(made, Reported)
    assert await office.asked(made.incident) == ["deputy"]


async def test_two_houses_have_each_their_head(office: Office) -> None:
    """Pupils of Brunel and of Cabot: both heads are asked, each for their own, and each answers by themselves."""
    draft_id = await office.draft(concern="account_misuse")
    async with office.ports.store.transaction(office.school, write=False) as records:
        (bea,), (cai,) = [await records.search_people(n, 1) for n in ("Bea", "Cai")]
    made = await submit(office, draft_id, targets=(f"person:{bea.id}",), perpetrators=(f"person:{cai.id}",))
    assert isinstance(made, Reported)
    assert set(await office.asked(made.incident)) == {"brunel head", "cabot head"}
    assert {a.group for a in await office.alerts(made.incident)} == {"Brunel", "Cabot"}


async def test_a_house_head_of_no_house_is_passed_over(office: Office) -> None:
    """Houses without a head in the file: the deputy is asked, and the case is not lost."""
    nobody = {**office.school.holders, Role.HEAD_OF_HOUSE: Holders(by_group={})}
    small = office.at(replace(office.school, holders=nobody))
    incident = await small.reports(concern="account_misuse", house="Fry")
    assert await small.asked(incident) == ["deputy"]


async def test_suggestions_take_any_typing(office: Office) -> None:
    """However much is pasted into the search, the answer is a short list."""
    teacher = office.account("teacher")
    for typed in ("x " * 20_000, "\x00" * 10, "\ud800", "%_%", "bea " * 3000):
        assert len(await report.suggest(office.ports, office.school, teacher, typed)) <= 20
    assert [p.name for p in await report.suggest(office.ports, office.school, teacher, "bea")] == ["Bea Exemplar"]


async def test_the_same_person_at_two_chats_sees_their_reports_in_both(office: Office) -> None:
    """Reported in Slack, listed in the console; somebody else's are not."""
    incident = await office.reports("teacher")
    teacher = office.people["teacher"]
    at_console = Account(Platform.CONSOLE, "anything", teacher.email, teacher.name, teacher.id)
    assert [line.reference for line in await lists.mine(office.ports, office.school, at_console)] == [incident.reference]
    assert await lists.mine(office.ports, office.school, office.account("it")) == ()


async def test_suggestions_are_for_those_who_are_surely_on_the_staff_list(office: Office) -> None:
    """Somebody of whom Slack has not said who they are, and somebody taken off the list a moment ago, see no pupil's name."""
    teacher = office.account("teacher")
    doubtful = replace(teacher, standing=Standing.UNKNOWN)
    unlisted = replace(teacher, person_id="no-longer-listed")
    guest = replace(teacher, standing=Standing.GUEST)
    for account in (doubtful, unlisted, guest, office.account("stranger")):
        assert await report.suggest(office.ports, office.school, account, "bea") == []
    assert await report.suggest(office.ports, office.school, teacher, "bea")
