"""A case is worked: notes, actions, contacts and decisions, corrected without losing a word, by whoever has it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import insert, update

from domain.case_changes import Result
from domain.casework import DecisionQuestions, DecisionSteps, EntryQuestions, KindOfEntry, StepsPage
from domain.change_forms import Done, Wish
from domain.checklists import COUNTED, DO, LEAVE, NO_KIND, Checklist, ChooseKind, Difference, Repeats
from domain.entries import Action, Contact, Decided, EntryKind, Line, Note, Timeline, Wording, lines_of, paged
from domain.grids import Times
from domain.incident import CaseFile, Incident, TaskFile
from domain.messages import ActionMessage, WithdrawnMessage
from domain.report_form import Fault, Filled
from domain.words import About, IncidentState, Role
from handlers import casework, close, details, lists, subject_access
from handlers.acknowledge import NotForYou
from handlers.close import CloseQuestions
from handlers.kept_out import look_again
from storage import tables as t
from storage.audit_verify import follow_chains
from storage.commitments import Amiss, Unkept
from tests.handlers.office import WHAT, Office
from tests.handlers.test_case import closes, settles
from tests.handlers.test_case_changes import changes
from tests.handlers.test_keeping import leaves

SEEN, RANG, MET = "Her mother has seen the messages", "Ring the mother of the other one", "They will keep the phone at home"


async def taken(office: Office, who: str = "dsl", **told: Any) -> Incident:
    """A case that somebody has acknowledged."""
    incident = await office.reports(**told)
    await office.acknowledge(who, (await office.alerts(incident))[0])
    return incident


async def adds(office: Office, who: str, incident: Incident, kind: str, filled: Filled, corrects: str = "") -> Any:
    """Somebody fills an entry in and sends it."""
    state = f"{incident.id}|{kind}|{uuid4()}|{corrects}"
    return await casework.add(office.ports, office.school, office.account(who), state, filled)


async def notes(office: Office, incident: Incident, text: str = SEEN, who: str = "dsl", corrects: str = "") -> Timeline:
    """Somebody notes something, or corrects a note."""
    shown = await adds(office, who, incident, "note", {"entry_text": text}, corrects)
    assert isinstance(shown, Timeline), shown
    return shown


async def to_do(office: Office, incident: Incident, doer: str = "teacher", who: str = "dsl", **more: Any) -> Any:
    """Somebody is to ring a mother, in two days unless it is said otherwise."""
    due = (office.clock.now() + timedelta(days=2)).isoformat()
    filled = {"entry_what": RANG, "entry_doer": (office.picked(doer),), "entry_status": "to_do", "entry_due": due, **more}
    return await adds(office, who, incident, "action", filled)


async def reads(office: Office, incident: Incident, who: str = "dsl", page: int | None = None) -> Timeline | NotForYou:
    """Somebody looks at the timeline."""
    return await casework.timeline(office.ports, office.school, office.account(who), incident.id, page)


async def lines(office: Office, incident: Incident, who: str = "dsl") -> tuple[Line, ...]:
    """What they see."""
    shown = await reads(office, incident, who)
    assert isinstance(shown, Timeline)
    return shown.lines


async def actions_noted(office: Office, incident: Incident) -> list[str]:
    """What the audit has of a case, but for the looks at it."""
    rows = await office.rows(t.audit, t.audit.c.incident_id == incident.id)
    return [r.action for r in sorted(rows, key=lambda r: r.seq) if not r.action.endswith(".read")]


# The timeline


async def test_what_is_written_is_read_in_order_with_who_and_when(office: Office) -> None:
    """A note, what is to be done, and contact with parents; sealed, and in the audit without a word of it."""
    incident = await taken(office)
    await notes(office, incident)
    office.clock.advance(minutes=5)
    await to_do(office, incident)
    office.clock.advance(minutes=5)
    spoken = office.clock.now() - timedelta(hours=1)
    told = {"entry_whom": "parents", "entry_when": spoken.isoformat(), "entry_outcome": MET, "entry_who": "Ms Exemplar"}
    await adds(office, "deputy", incident, "contact", {**told, "entry_reference": "F-17"})
    found = await lines(office, incident)
    due = office.clock.now() + timedelta(days=2, minutes=-5)
    assert [line.now.told for line in found] == [
        Note(SEEN),
        Action(RANG, office.people["teacher"].id, due),
        Contact(Role.PARENTS, spoken, MET, "Ms Exemplar", "F-17"),
    ]
    assert [line.who for line in found] == ["Dana Okafor", "Dana Okafor", office.people["deputy"].name]
    assert [line.at for line in found] == sorted(line.at for line in found)
    case = await details.read(office.ports, office.school, office.account("dsl"), incident.id)
    assert isinstance(case, CaseFile)
    assert case.timeline is not None
    assert len(case.timeline.lines) == 3
    assert not case.changed
    assert (await actions_noted(office, incident)).count("entry.added") == 3
    everything = str([await office.rows(table) for table in (t.case_entries, t.audit, t.timers, t.deliveries)])
    for secret in (SEEN, RANG, MET, "Exemplar", "F-17"):
        assert secret not in everything


async def test_a_form_that_is_sent_twice_makes_one_entry(office: Office) -> None:
    """And a third time with other words changes nothing; another person's form of that id is their own."""
    incident = await taken(office)
    state = f"{incident.id}|note|{uuid4()}|"
    for text in (SEEN, SEEN, "Something else"):
        shown = await casework.add(office.ports, office.school, office.account("dsl"), state, {"entry_text": text})
        assert isinstance(shown, Timeline)
        assert shown.saved
    assert [line.now.told for line in await lines(office, incident)] == [Note(SEEN)]
    await casework.add(office.ports, office.school, office.account("deputy"), state, {"entry_text": "Of the deputy"})
    assert len(await lines(office, incident)) == 2
    assert (await actions_noted(office, incident)).count("entry.added") == 2


@pytest.mark.parametrize(
    ("kind", "filled", "faults"),
    [
        ("note", {"entry_text": "  "}, {"entry_text": Fault.MISSING}),
        ("note", {"entry_text": "x" * 3001}, {"entry_text": Fault.TOO_LONG}),
        (
            "action",
            {},
            {"entry_what": Fault.MISSING, "entry_doer": Fault.MISSING, "entry_status": Fault.MISSING},
        ),
        (
            "action",
            {"entry_what": RANG, "entry_doer": ("text:Somebody",), "entry_status": "perhaps", "entry_due": "soon"},
            {"entry_doer": Fault.NOT_STAFF, "entry_status": Fault.UNKNOWN_CHOICE, "entry_due": Fault.NOT_A_MOMENT},
        ),
        (
            "contact",
            {"entry_when": "2030-01-01T10:00"},
            {"entry_whom": Fault.MISSING, "entry_outcome": Fault.MISSING, "entry_when": Fault.IN_FUTURE},
        ),
        (
            "contact",
            {"entry_whom": "dsl", "entry_outcome": MET, "entry_who": "x" * 201},
            {"entry_whom": Fault.UNKNOWN_CHOICE, "entry_who": Fault.TOO_LONG},
        ),
    ],
)
async def test_a_form_with_faults_comes_back_whole(office: Office, kind: str, filled: Filled, faults: dict[str, Fault]) -> None:
    """The faults at the fields, nothing lost and nothing kept."""
    incident = await taken(office)
    again = await adds(office, "dsl", incident, kind, filled)
    assert isinstance(again, EntryQuestions)
    assert again.faults == faults
    assert again.filled == filled
    assert await lines(office, incident) == ()


async def test_the_kind_is_chosen_first(office: Office) -> None:
    """Two screens."""
    incident = await taken(office)
    at = office.ports, office.school, office.account("dsl"), incident.id
    assert isinstance(await casework.begin(*at), KindOfEntry)
    for kind, fault in (("", Fault.MISSING), ("decision", Fault.UNKNOWN_CHOICE)):
        assert await casework.ask(*at, kind) == KindOfEntry(await office.incident(incident), {"entry_kind": fault})
    asked = await casework.ask(*at, "contact")
    assert isinstance(asked, EntryQuestions)
    assert asked.kind is EntryKind.CONTACT


async def test_a_correction_keeps_what_it_corrects(office: Office) -> None:
    """Whoever works the case may correct it; the earlier wording stands under it, with who and when."""
    incident = await taken(office)
    (first,) = (await notes(office, incident)).lines
    office.clock.advance(minutes=3)
    asked = await casework.ask_correction(office.ports, office.school, office.account("deputy"), f"{incident.id}|{first.id}")
    assert isinstance(asked, EntryQuestions)
    assert asked.filled == {"entry_text": SEEN}
    await notes(office, incident, "Her father has seen them", "deputy", corrects=first.id)
    office.clock.advance(minutes=3)
    await notes(office, incident, "Both have seen them", corrects=first.id)
    (line,) = await lines(office, incident)
    deputy = office.people["deputy"].name
    assert (line.who, line.at) == ("Dana Okafor", first.at)
    assert line.now.told == Note("Both have seen them")
    assert [(w.told, w.who) for w in line.before] == [
        (Note(SEEN), "Dana Okafor"),
        (Note("Her father has seen them"), deputy),
    ]
    assert (await actions_noted(office, incident)).count("entry.corrected") == 2


async def test_an_entry_is_corrected_as_what_it_is_and_in_its_own_case(office: Office) -> None:
    """A made-up form corrects nothing: not with another kind, not a correction, not another case's, not what there is not."""
    incident, other = await taken(office), await taken(office)
    (first,) = (await notes(office, incident)).lines
    await notes(office, incident, "Corrected", corrects=first.id)
    (correction,) = await office.rows(t.case_entries, t.case_entries.c.corrects.is_not(None))
    wanted = {"entry_whom": "parents", "entry_outcome": MET}
    for case, kind, corrects in (
        (incident, "contact", first.id),
        (incident, "note", correction.id),
        (other, "note", first.id),
        (incident, "note", "no such entry"),
        (incident, "decision", ""),
        (incident, "", ""),
    ):
        assert await adds(office, "dsl", case, kind, {**wanted, "entry_text": "x"}, corrects) == NotForYou()
    ask = f"{other.id}|{first.id}"
    assert await casework.ask_correction(office.ports, office.school, office.account("dsl"), ask) == NotForYou()
    assert len(await office.rows(t.case_entries)) == 2


async def test_who_works_a_case(office: Office) -> None:
    """Its owner and those who lead; nobody who only holds a role, was asked, reported it or carries out a task."""
    incident = await taken(office)
    await notes(office, incident)
    for who in ("teacher", "it", "chair", "headteacher", "brunel head", "somebody else"):
        assert await reads(office, incident, who) == NotForYou()
        assert await adds(office, who, incident, "note", {"entry_text": "x"}) == NotForYou()
    assert len(await lines(office, incident, "deputy")) == 1
    private = await office.reports(concern="staff_conduct", about="staff", perpetrators=(office.picked("teacher"),))
    assert await reads(office, private, "headteacher") == NotForYou()
    for alert in await office.alerts(private):
        await office.acknowledge("headteacher", alert)
    assert await lines(office, private, "headteacher") == ()
    for who in ("dsl", "deputy", "chair", "teacher"):
        assert await reads(office, private, who) == NotForYou()


async def test_it_sees_nothing_of_it(office: Office) -> None:
    """Not in its task, nor once it has acknowledged."""
    incident = await office.reports(concern="harmful_content", about="unknown")
    alert = next(a for a in await office.alerts(incident) if a.role is Role.IT_SUPPORT)
    await office.acknowledge("it", alert)
    assert isinstance(await details.read(office.ports, office.school, office.account("it"), incident.id), TaskFile)
    assert await reads(office, incident, "it") == NotForYou()


async def test_whoever_may_be_named_neither_reads_nor_writes(office: Office) -> None:
    """The deputy, until somebody has settled that another is meant."""
    surname = office.people["deputy"].name.split()[-1]
    incident = await taken(office, targets=(f"Ms {surname}",))
    assert await reads(office, incident, "deputy") == NotForYou()
    assert await adds(office, "deputy", incident, "note", {"entry_text": "x"}) == NotForYou()
    await settles(office, "dsl", incident, "deputy", same=False)
    assert await lines(office, incident, "deputy") == ()


# Actions


async def test_what_is_not_done_in_time_is_brought_up_again(office: Office) -> None:
    """Whoever is to do it and whoever has the case are told, by the reference alone; again until it is done."""
    incident = await taken(office)
    await to_do(office, incident)
    await office.later(days=1)
    assert not office.post.to(office.people["teacher"].id, ActionMessage)
    await office.later(days=1)
    for who, own in (("teacher", True), ("dsl", False)):
        (told,) = office.post.to(office.people[who].id, ActionMessage)
        assert isinstance(told, ActionMessage)
        assert (told.reference, told.own, told.reads, told.done) == (incident.reference, own, not own, False)
        assert RANG not in str(told)
    queue = await lists.queue(office.ports, office.school, office.account("dsl"))
    assert [(o.reference, o.own) for o in queue.overdue] == [(incident.reference, False)]
    (own_one,) = await lists.to_do(office.ports, office.school, office.account("teacher"))
    assert (own_one.reference, own_one.own, own_one.reads) == (incident.reference, True, False)
    assert await lists.to_do(office.ports, office.school, office.account("dsl")) == ()
    assert (await lists.queue(office.ports, office.school, office.account("headteacher"))).overdue == ()
    (line,) = await lines(office, incident)
    assert line.overdue

    await office.later(days=14)
    again = len(office.post.to(office.people["teacher"].id, ActionMessage))
    assert again > 1
    value = f"{incident.id}|{line.id}"
    for _ in range(2):
        assert isinstance(await casework.done(office.ports, office.school, office.account("dsl"), value), Timeline)
    (line,) = await lines(office, incident)
    assert (line.done_at, line.done_by, line.is_open) == (office.clock.now(), "Dana Okafor", False)
    await office.later(days=30)
    assert len(office.post.to(office.people["teacher"].id, ActionMessage)) == again
    shown = office.post.now_shown(office.people["teacher"].id)
    assert isinstance(shown, ActionMessage)
    assert shown.done
    assert (await actions_noted(office, incident)).count("action.done") == 1
    assert (await lists.queue(office.ports, office.school, office.account("dsl"))).overdue == ()


async def test_what_is_left_by_somebody_who_has_gone_is_told_to_those_who_lead(office: Office) -> None:
    """Nobody has answered for the case either, and what is to be done in it does not fall silent with them."""
    incident = await office.reports()
    await to_do(office, incident)
    await leaves(office, "teacher")
    await office.later(days=3)
    for who in ("dsl", "deputy"):
        assert office.post.to(office.people[who].id, ActionMessage)
    assert not office.post.to(office.people["teacher"].id, ActionMessage)


async def test_a_corrected_date_is_the_one_that_counts(office: Office) -> None:
    """Nobody is told before it, and nobody who is not to do it any more."""
    incident = await taken(office)
    (line,) = (await to_do(office, incident)).lines
    due = (office.clock.now() + timedelta(days=6)).isoformat()
    other: Filled = {"entry_what": RANG, "entry_doer": (office.picked("brunel head"),), "entry_due": due}
    asked = await casework.ask_correction(office.ports, office.school, office.account("dsl"), f"{incident.id}|{line.id}")
    assert isinstance(asked, EntryQuestions)
    assert asked.doer == office.people["teacher"].name
    assert isinstance(await adds(office, "dsl", incident, "action", other, line.id), Timeline)
    await office.later(days=5)
    assert not office.post.to(office.people["brunel head"].id, ActionMessage)
    await office.later(days=2)
    assert office.post.to(office.people["brunel head"].id, ActionMessage)
    assert not office.post.to(office.people["teacher"].id, ActionMessage)


async def test_what_was_done_already_reminds_nobody(office: Office) -> None:
    """It is written down with when it was done, which was not tomorrow."""
    incident = await taken(office)
    yesterday = office.clock.now() - timedelta(days=1)
    again = await to_do(office, incident, entry_status="done")
    assert isinstance(again, EntryQuestions)
    assert again.faults == {"entry_due": Fault.IN_FUTURE}
    (line,) = (await to_do(office, incident, entry_status="done", entry_due=yesterday.isoformat())).lines
    assert (line.done_at, line.done_by) == (yesterday, "Dana Okafor")
    (line,) = [x for x in (await to_do(office, incident, entry_due="")).lines if x.is_open]
    assert not [r for r in await office.rows(t.timers) if r.kind == "action"]


async def test_nobody_who_may_not_know_is_asked_to_do_anything(office: Office) -> None:
    """Not whoever is kept out of the case; of a private one, nobody but those who read it."""
    incident = await taken(office, "deputy", perpetrators=(office.picked("teacher"),), about="staff", concern="reputation")
    if isinstance(await reads(office, incident, "deputy"), NotForYou):
        for alert in await office.alerts(incident):
            await office.acknowledge("headteacher", alert)
    for doer in ("teacher", "brunel head"):
        again = await to_do(office, incident, doer, "headteacher")
        assert isinstance(again, EntryQuestions)
        assert again.faults == {"entry_doer": Fault.KEPT_OUT}
    assert isinstance(await to_do(office, incident, "headteacher", "headteacher"), Timeline)


async def test_of_a_case_that_turns_private_nobody_else_is_reminded(office: Office) -> None:
    """A head of house had something to do in it; what stood in their chat is withdrawn, and nothing more comes."""
    incident = await taken(office)
    assert isinstance(await to_do(office, incident, "brunel head"), Timeline)
    await office.later(days=2)
    head = office.people["brunel head"].id
    assert office.post.to(head, ActionMessage)
    async with office.ports.store.transaction(office.school) as records:
        await records.make_private(incident.id, About.STAFF)
        await records.note(office.clock.now(), "bot", "case.made_private", incident.id)
        private = await records.incident(incident.id)
        assert private is not None
        await look_again(office.ports, records, office.school, private, frozenset())
    await office.works()
    assert isinstance(office.post.now_shown(head), WithdrawnMessage)
    assert await lists.to_do(office.ports, office.school, office.account("brunel head")) == ()
    before = len(office.post.to(head))
    await office.later(days=14)
    assert len(office.post.to(head)) == before


async def test_an_open_action_does_not_keep_a_case_open(office: Office) -> None:
    """The form says that there is one; it is reminded of afterwards, and can be done."""
    incident = await taken(office)
    await to_do(office, incident, "dsl")
    alert = await office.alert(incident)
    asked = await close.ask(office.ports, office.school, office.account("dsl"), alert.id)
    assert isinstance(asked, CloseQuestions)
    assert asked.open_actions == 1
    await closes(office, "dsl", alert)
    assert (await office.incident(incident)).state is IncidentState.CLOSED
    await office.later(days=3)
    assert office.post.to(office.people["dsl"].id, ActionMessage)
    (line,) = await lines(office, incident)
    await casework.done(office.ports, office.school, office.account("dsl"), f"{incident.id}|{line.id}")
    await notes(office, incident, "A word after it was closed")


# What the policy says


async def looks_at_steps(office: Office, incident: Incident, who: str = "dsl") -> StepsPage:
    """Somebody looks at what the policy says to do."""
    page = await casework.steps(office.ports, office.school, office.account(who), incident.id)
    assert isinstance(page, StepsPage)
    return page


async def decides(office: Office, incident: Incident, kind: str, times: str, chosen: dict[str, str], **more: str) -> Any:
    """Somebody chooses the line, and then the steps."""
    at = office.ports, office.school, office.account("dsl")
    asked = await casework.choose(*at, incident.id, {"grid_kind": kind, "grid_times": times})
    assert isinstance(asked, DecisionSteps)
    return await casework.decided(*at, asked.state, {**{f"grid_step:{i}": DO for i in asked.steps}, **chosen, **more})


async def of_pupil(office: Office, number: str = "D001", **told: Any) -> Incident:
    """A case in which a pupil is said to have got round the filter."""
    async with office.ports.store.transaction(office.school, write=False) as records:
        found = await records.search_people({"D001": "Alfie Demosson", "D002": "Bea Exemplar"}[number], 1)
    return await taken(office, **{"concern": "filter_bypass", "perpetrators": (f"person:{found[0].id}",), **told})


async def test_repeats_are_counted_from_the_pupils_history(office: Office) -> None:
    """Within the school's window, of the same pupil and the same trouble; the next step is the policy's."""
    first = await of_pupil(office)
    page = await looks_at_steps(office, first)
    assert isinstance(page.suggestion, Checklist)
    assert page.suggestion.times is Times.FIRST
    assert page.offered
    office.clock.advance(days=20)
    second = await of_pupil(office)
    page = await looks_at_steps(office, second)
    assert isinstance(page.suggestion, Checklist)
    assert page.suggestion.times is Times.SECOND
    assert page.counted is not None
    assert [e.incident_id for e in page.counted.counted] == [first.id]
    other = await looks_at_steps(office, await of_pupil(office, "D002"))
    assert other.counted == Repeats(Times.FIRST, ())
    office.clock.advance(days=300)
    third = await looks_at_steps(office, await of_pupil(office))
    assert third.counted is not None
    assert third.counted.times is Times.MORE
    office.clock.advance(days=400)
    later = await looks_at_steps(office, await of_pupil(office))
    assert later.counted == Repeats(Times.FIRST, ())


@pytest.mark.parametrize(
    ("ended", "times"),
    [
        (Result.DEALT_WITH, Times.SECOND),
        (Result.NO_ACTION, Times.SECOND),
        (Result.MISTAKEN, Times.FIRST),
        (Result.NOT_ESTABLISHED, Times.FIRST),
    ],
)
async def test_what_was_a_mistake_or_not_established_is_no_first_time(office: Office, ended: Result, times: Times) -> None:
    """Until it is closed as that, and again once it is open, it counts as any other."""
    first = await of_pupil(office)
    for alert in await office.alerts(first):
        await office.acknowledge("dsl", alert)
        await close.close(office.ports, office.school, office.account("dsl"), alert.id, "Heard them both.", ended)
    second = await of_pupil(office)
    page = await looks_at_steps(office, second)
    assert page.counted is not None
    assert page.counted.times is times
    assert isinstance(await changes(office, "dsl", first, Wish.REOPEN), Done)
    page = await looks_at_steps(office, second)
    assert page.counted is not None
    assert page.counted.times is Times.SECOND


async def test_a_case_that_somebody_may_not_know_of_is_not_counted_to_them(office: Office) -> None:
    """A private one, or one that excludes them: it would be known by its count."""
    first = await of_pupil(office)
    now = await of_pupil(office)
    for change in ({"private": True}, {"private": False}):
        async with office.database.begin() as connection:
            await connection.execute(update(t.incidents).where(t.incidents.c.id == first.id).values(**change))
            if not change["private"]:
                shut_out = {"incident_id": first.id, "person_id": office.people["dsl"].id, "why": "possible"}
                await connection.execute(insert(t.exclusions).values(**shut_out))
        page = await looks_at_steps(office, now, "deputy" if change["private"] else "dsl")
        assert page.counted == Repeats(Times.FIRST, ())
    page = await looks_at_steps(office, now, "deputy")
    assert page.counted is not None
    assert page.counted.times is Times.SECOND


async def test_a_person_decides_and_says_why_where_it_differs(office: Office) -> None:
    """As the policy suggests needs no reason; a definite step that is left does. It stays in the timeline, with its words."""
    incident = await of_pupil(office)
    at = office.ports, office.school, office.account("dsl")
    asked = await casework.ask_decision(*at, incident.id)
    assert isinstance(asked, DecisionQuestions)
    assert (asked.chosen, asked.times) == ("unsuitable_material", Times.FIRST)
    left = await casework.choose(*at, incident.id, {"grid_kind": asked.chosen, "grid_times": "first"})
    assert isinstance(left, DecisionSteps)
    assert left.taken is not None
    leave = {f"grid_step:{i.action.id}": LEAVE for i in left.taken.items}
    again = await casework.decided(*at, left.state, leave)
    assert isinstance(again, DecisionSteps)
    assert again.faults == {"grid_why": Fault.WHY_NEEDED}
    assert (again.form_id, again.steps) == (left.form_id, ())
    for _ in range(2):
        shown = await casework.decided(*at, left.state, {**leave, "grid_why": "He was asked to try it in a lesson"})
        assert isinstance(shown, Timeline)
    (line,) = await lines(office, incident)
    assert isinstance(line.now.told, Decided)
    assert line.now.told.decision.differs == (Difference.LEFT_OUT,)
    assert line.now.told.decision.reason == "He was asked to try it in a lesson"
    office.clock.advance(minutes=1)
    assert isinstance(await decides(office, incident, asked.chosen, "first", {}), Timeline)
    line = (await lines(office, incident))[-1]
    assert isinstance(line.now.told, Decided)
    assert line.now.told.words
    assert not line.now.told.decision.differs


async def test_a_decision_is_corrected_like_anything_else(office: Office) -> None:
    """Its form has what was decided."""
    incident = await of_pupil(office)
    (line,) = (await decides(office, incident, "unsuitable_material", "first", {}, grid_why="", grid_own="")).lines
    at = office.ports, office.school, office.account("deputy")
    asked = await casework.ask_correction(*at, f"{incident.id}|{line.id}")
    assert isinstance(asked, DecisionSteps)
    assert asked.taken is not None
    assert asked.corrects == line.id
    values = {f"grid_step:{i}": DO for i in asked.steps} | {"grid_own": "Talk to him", "grid_why": "It was a dare"}
    shown = await casework.decided(*at, asked.state, values)
    assert isinstance(shown, Timeline)
    (line,) = shown.lines
    assert len(line.before) == 1
    note = next(x for x in (await notes(office, incident)).lines if x.kind is EntryKind.NOTE)
    wrong = asked.state.replace(line.id, note.id).replace(asked.form_id, "another")
    assert await casework.decided(*at, wrong, values) == NotForYou()


async def test_where_the_grid_has_no_line_a_decision_is_in_words(office: Office) -> None:
    """And where it can be several, somebody chooses; what was decided counts for the next time."""
    incident = await of_pupil(office, concern="off_task")
    page = await looks_at_steps(office, incident)
    assert isinstance(page.suggestion, ChooseKind)
    empty = await decides(office, incident, NO_KIND, "first", {})
    assert isinstance(empty, DecisionSteps)
    assert empty.faults == {"grid_own": Fault.MISSING}
    assert isinstance(await decides(office, incident, NO_KIND, "first", {}, grid_own="A talk"), Timeline)
    office.clock.advance(minutes=1)
    kind = page.suggestion.kinds[0].id
    assert isinstance(await decides(office, incident, kind, "first", {}), Timeline)
    page = await looks_at_steps(office, incident)
    assert isinstance(page.suggestion, Checklist)
    assert page.suggestion.kind.id == kind
    wrong = await casework.choose(office.ports, office.school, office.account("dsl"), incident.id, {"grid_kind": "made up"})
    assert isinstance(wrong, DecisionQuestions)
    assert wrong.faults == {"grid_kind": Fault.UNKNOWN_CHOICE, "grid_times": Fault.MISSING}
    bare = office.at(replace(office.school, policy=replace(office.school.policy, grid=None)))
    asked = await casework.ask_decision(bare.ports, bare.school, bare.account("dsl"), incident.id)
    assert isinstance(asked, DecisionSteps)
    assert asked.taken is None


async def test_where_a_person_chooses_the_line_earlier_cases_count_for_the_line_they_choose(office: Office) -> None:
    """Until then nothing says how often it has happened, and the form leaves it to the earlier cases."""
    at = office.ports, office.school, office.account("dsl")
    for times in (Times.FIRST, Times.SECOND):
        incident = await of_pupil(office, concern="off_task")
        asked = await casework.ask_decision(*at, incident.id)
        assert isinstance(asked, DecisionQuestions)
        assert (asked.chosen, asked.times) == ("", None)
        wrong = await casework.choose(*at, incident.id, {"grid_times": COUNTED})
        assert isinstance(wrong, DecisionQuestions)
        assert (wrong.times, wrong.faults) == (None, {"grid_kind": Fault.MISSING})
        chosen = await casework.choose(*at, incident.id, {"grid_kind": "games", "grid_times": COUNTED})
        assert isinstance(chosen, DecisionSteps)
        assert chosen.taken is not None
        assert chosen.taken.times is times
        assert isinstance(await decides(office, incident, "games", COUNTED, {}), Timeline)
        none = await casework.choose(*at, incident.id, {"grid_kind": NO_KIND, "grid_times": COUNTED})
        assert isinstance(none, DecisionSteps)
        assert none.taken is None
        office.clock.advance(days=20)


# What is kept


async def test_a_word_that_is_changed_taken_away_or_put_in_is_found(office: Office) -> None:
    """By whoever has the database and no key."""
    incident = await taken(office)
    await notes(office, incident)
    e = t.case_entries.c
    (row,) = await office.rows(t.case_entries)
    for change, amiss in (
        (update(t.case_entries).values(person_id="somebody else"), {Amiss.CHANGED, Amiss.ADDED}),
        (update(t.case_entries).values(person_id=row.person_id, sealed=None), {Amiss.CHANGED, Amiss.ADDED}),
        (t.case_entries.delete(), {Amiss.CHANGED}),
        (update(t.case_entries).where(e.id == "none").values(kind="note"), {Amiss.CHANGED}),
    ):
        async with office.database.begin() as connection:
            await connection.execute(change)
        case = await details.read(office.ports, office.school, office.account("dsl"), incident.id)
        assert isinstance(case, CaseFile)
        assert case.changed
        assert case.timeline is not None
        found = await follow_chains(office.database, words=True)
        assert {u.amiss for chain in found for u in chain.unkept or ()} == amiss


STATES: list[dict[str, Any]] = [
    {"doer_id": "somebody else"},
    {"due_at": None},
    {"due_at": datetime(2030, 1, 1, tzinfo=UTC)},
    {"done_at": None, "done_by": None},
    {"done_at": datetime(2020, 1, 1, tzinfo=UTC)},
    {"done_by": "somebody else"},
]


@pytest.mark.parametrize("change", STATES, ids=str)
async def test_who_was_to_do_what_by_when_and_who_has_done_it_cannot_be_changed_unseen(
    office: Office, change: dict[str, Any]
) -> None:
    """Set down, corrected and done: the audit vouches for where it stands, and names the entry that does."""
    incident = await taken(office)
    await notes(office, incident)
    office.clock.advance(minutes=5)
    line = (await to_do(office, incident)).lines[-1]
    office.clock.advance(minutes=5)
    await to_do(office, incident)
    due = (office.clock.now() + timedelta(days=5)).isoformat()
    corrected: Filled = {"entry_what": RANG, "entry_doer": (office.picked("deputy"),), "entry_due": due}
    await adds(office, "dsl", incident, "action", corrected, corrects=line.id)
    office.clock.advance(minutes=5)
    await casework.done(office.ports, office.school, office.account("dsl"), f"{incident.id}|{line.id}")
    (chain,) = await follow_chains(office.database, words=True)
    assert (chain.broken, chain.unkept) == (None, [])
    async with office.database.begin() as connection:
        await connection.execute(update(t.case_entries).where(t.case_entries.c.id == line.id).values(**change))
    (chain,) = await follow_chains(office.database, words=True)
    (done,) = await office.rows(t.audit, t.audit.c.action == "action.done")
    assert chain.unkept == [Unkept(office.school.id, incident.reference, Amiss.CHANGED, done.seq)]


async def test_what_is_not_done_cannot_be_said_to_be_unseen(office: Office) -> None:
    """Nobody did it: whoever has the database puts it down as done."""
    incident = await taken(office)
    await to_do(office, incident)
    done = {"done_at": office.clock.now(), "done_by": office.people["teacher"].id}
    async with office.database.begin() as connection:
        await connection.execute(update(t.case_entries).values(**done))
    (chain,) = await follow_chains(office.database, words=True)
    assert [u.amiss for u in chain.unkept or ()] == [Amiss.CHANGED]


async def test_what_a_version_before_has_done_beside_this_one_is_not_called_changed(office: Office) -> None:
    """It says that an action is done with no commitment; what this version does after it is vouched for again."""
    incident = await taken(office)
    shown = await to_do(office, incident)
    action = shown.lines[-1].id
    async with office.ports.store.transaction(office.school) as records:
        await records.finish_action(action, office.people["dsl"].id, office.clock.now())
        await records.note(office.clock.now(), f"person:{office.people['dsl'].id}", "action.done", incident.id, id=action)
    (chain,) = await follow_chains(office.database, words=True)
    assert chain.unkept == []
    due = (office.clock.now() + timedelta(days=5)).isoformat()
    corrected: Filled = {"entry_what": RANG, "entry_doer": (office.picked("deputy"),), "entry_due": due}
    await adds(office, "dsl", incident, "action", corrected, corrects=action)
    async with office.database.begin() as connection:
        await connection.execute(update(t.case_entries).values(done_by=office.people["teacher"].id).where(_is_done))
    (chain,) = await follow_chains(office.database, words=True)
    assert [u.amiss for u in chain.unkept or ()] == [Amiss.CHANGED]


_is_done = t.case_entries.c.done_at.is_not(None)


async def test_what_is_called_something_else_opens_no_more(office: Office) -> None:
    """What was a note cannot be passed off as contact with somebody."""
    incident = await taken(office)
    await notes(office, incident)
    async with office.database.begin() as connection:
        await connection.execute(update(t.case_entries).values(kind="contact"))
    found = await follow_chains(office.database, words=True)
    assert {u.amiss for chain in found for u in chain.unkept or ()} == {Amiss.UNREADABLE}


async def test_what_was_written_goes_with_the_case(office: Office) -> None:
    """Erased, nobody can read it, nobody is reminded, and nothing is added."""
    incident = await taken(office)
    await notes(office, incident)
    await to_do(office, incident)
    await closes(office, "dsl", await office.alert(incident))
    async with office.ports.store.transaction(office.school) as records:
        await records.erase(incident.id)
        await records.note(office.clock.now(), "bot", "case.erased", incident.id)
    for row in await office.rows(t.case_entries):
        assert (row.sealed, row.doer_id, row.due_at) == (None, None, None)
    assert await reads(office, incident) == NotForYou()
    await office.later(days=3)
    assert not office.post.to(office.people["teacher"].id, ActionMessage)
    case = await details.read(office.ports, office.school, office.account("dsl"), incident.id)
    assert isinstance(case, CaseFile)
    assert case.timeline is None
    assert not case.changed


async def test_what_is_held_about_a_child_includes_it(office: Office) -> None:
    """Every wording, without the names of others."""
    incident = await of_pupil(office)
    (line,) = (await notes(office, incident, "Dana Okafor has spoken to him")).lines
    await notes(office, incident, "He was spoken to", corrects=line.id)
    pupil = next(r.person_id for r in await office.rows(t.participants) if r.role == "alleged_perpetrator")
    held = await subject_access.gather(office.ports, office.school, office.account("dsl"), (f"person:{pupil}",))
    assert not isinstance(held, NotForYou)
    texts = {p.proposed for case in held.cases for p in case.passages}  # type: ignore[union-attr]
    assert "He was spoken to" in texts
    assert any(text.endswith("has spoken to him") and "Okafor" not in text for text in texts)
    assert WHAT in texts


# Pages


def test_nothing_of_a_long_timeline_is_left_out(office: Office) -> None:
    """Pages in time order, the last first; an entry with many corrections goes over several."""
    now = office.clock.now()
    long = Wording(now, "Dana Okafor", Note("x" * 3000))
    found = [Line(f"e{n}", now, "Dana Okafor", replace(long, told=Note(f"{n}" * 1200))) for n in range(9)]
    found.append(Line("last", now, "Dana Okafor", long, before=(long,) * 11))
    last = paged("i", "R", found)
    assert last.number == last.pages > 3
    seen = [line for n in range(1, last.pages + 1) for line in paged("i", "R", found, n).lines]
    assert [line.id for line in seen if line.id != "last"] == [f"e{n}" for n in range(9)]
    assert sum(len(line.before) for line in seen) == 11
    assert paged("i", "R", found, 99) == last
    assert paged("i", "R", []).pages == 1
    assert lines_of([], {}, now) == ()
