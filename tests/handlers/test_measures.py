"""What is taken, searched, blocked and paid for: kept with what became of it, and told to nobody but who is to do something."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import update

from domain import measures as m
from domain.casework import DecisionSteps, EntryQuestions, StepsPage
from domain.entries import Action, Contact, EntryKind, Line, Timeline
from domain.incident import Incident
from domain.measures import AccessBlock, BlockTask, Concerned, Lesson, Unsettled
from domain.messages import BlockMessage, LessonMessage
from domain.report_form import Fault, Filled
from domain.words import About, IncidentState, ParticipantRole
from handlers import casework, close
from handlers.acknowledge import NotForYou
from handlers.close import CloseQuestions
from storage import tables as t
from storage.audit_verify import follow_chains
from storage.commitments import Amiss
from storage.policy_files import load_policy
from tests.handlers.office import Office
from tests.handlers.test_casework import actions_noted, adds, lines, reads, taken

PHONE, SAFE, GROUNDS, FOUND = (
    "A black phone with a cracked corner",
    "The safe in the office",
    "Two pupils saw the message on it",
    "The message was there, and a note was made of it",
)
BULLYING: dict[str, Any] = {
    "concern": "cyberbullying",
    "house": "Brunel",
    "targets": ("text:Bea Example",),
    "perpetrators": ("text:Alfie Demo",),
}


async def about_staff(office: Office) -> Incident:
    """A case about the teacher, which the headteacher has."""
    incident = await office.reports(
        about="staff", concern="staff_conduct", perpetrators=(office.picked("teacher"),), who="brunel head"
    )
    for alert in await office.alerts(incident):
        await office.acknowledge("headteacher", alert)
    return incident


async def participant(office: Office, incident: Incident, name: str) -> str:
    """The id of somebody whom the case names."""
    async with office.ports.store.transaction(office.school, write=False) as records:
        return next(p.id for p in await records.participants(incident.id) if p.name == name)


async def takes(office: Office, incident: Incident, who: str = "dsl", **more: Any) -> Any:
    """Somebody takes a phone from a pupil whom the report does not name."""
    filled = {
        m.ITEM: PHONE,
        m.FROM: m.NOT_NAMED,
        m.FROM_WHO: "Cai Sample",
        m.PLACE: SAFE,
        "entry_doer": (office.picked("dsl"),),
        **more,
    }
    return await adds(office, who, incident, "confiscation", filled)


async def blocks(office: Office, incident: Incident, who: str = "dsl", **more: Any) -> Any:
    """Somebody has the account of a pupil blocked for a week."""
    now = office.clock.now()
    filled = {
        m.FROM: m.NOT_NAMED,
        m.FROM_WHO: "Cai Sample",
        m.BLOCKED: m.Blocked.ACCOUNT,
        m.START: now.isoformat(),
        m.END: (now + timedelta(days=7)).isoformat(),
        **more,
    }
    return await adds(office, who, incident, "block", filled)


async def becomes(office: Office, incident: Incident, kind: str, of: str, filled: Filled, who: str = "dsl") -> Any:
    """Somebody says what became of an entry."""
    state = f"{incident.id}|{kind}|{uuid4()}||{of}"
    return await casework.add(office.ports, office.school, office.account(who), state, filled)


async def unsettled(office: Office, incident: Incident) -> Unsettled:
    """What is still held and blocked, as the closing form counts it."""
    async with office.ports.store.transaction(office.school, write=False) as records:
        return await records.unsettled(incident.id)


def of_kind(shown: Timeline | tuple[Line, ...], kind: EntryKind) -> Line:
    """The one line of a kind."""
    (found,) = [line for line in (shown.lines if isinstance(shown, Timeline) else shown) if line.kind is kind]
    return found


# Confiscation


async def test_what_was_taken_is_followed_from_hand_to_hand_until_it_is_given_back(office: Office) -> None:
    """Taken from a pupil, locked away, brought to the deputy, given to a parent: each stays, and it is plain what is held."""
    incident = await taken(office, **BULLYING)
    alfie = await participant(office, incident, "Alfie Demo")
    shown = await takes(office, incident, **{m.FROM: alfie, m.FROM_WHO: ""})
    assert isinstance(shown, Timeline), shown
    line = of_kind(shown, EntryKind.CONFISCATION)
    told = line.now.told
    assert isinstance(told, m.Confiscated)
    assert told.whom == Concerned(ParticipantRole.ALLEGED_PERPETRATOR, "Alfie Demo")
    (held,) = shown.standing.held
    assert (held.item, held.place, held.holder) == (PHONE, SAFE, "Dana Okafor")
    assert await unsettled(office, incident) == Unsettled(held=1)

    office.clock.advance(hours=1)
    moved: Filled = {m.PLACE: "Her desk", "entry_doer": (office.picked("deputy"),), "entry_text": "Dana is away tomorrow"}
    shown = await becomes(office, incident, "custody", line.id, moved)
    (held,) = shown.standing.held
    assert (held.place, held.holder, held.since) == ("Her desk", office.people["deputy"].name, office.clock.now())

    asked = await close.ask(office.ports, office.school, office.account("dsl"), (await office.alerts(incident))[0].id)
    assert isinstance(asked, CloseQuestions)
    assert asked.unsettled == Unsettled(held=1)

    office.clock.advance(hours=1)
    shown = await becomes(office, incident, "release", line.id, {m.TO: "His mother", "entry_text": ""})
    assert shown.standing.held == ()
    assert await unsettled(office, incident) == Unsettled()
    assert [x.kind for x in shown.lines] == [EntryKind.CONFISCATION, EntryKind.CUSTODY, EntryKind.RELEASE]
    everything = str([await office.rows(table) for table in (t.case_entries, t.audit, t.timers, t.deliveries)])
    for secret in (PHONE, SAFE, "Her desk", "His mother", "Alfie", "Dana is away"):
        assert secret not in everything
    assert (await actions_noted(office, incident)).count("entry.added") == 3


async def test_a_correction_of_what_was_taken_keeps_what_it_corrects(office: Office) -> None:
    """And of what became of it: each under the same entry, with the earlier wording."""
    incident = await taken(office)
    line = of_kind(await takes(office, incident), EntryKind.CONFISCATION)
    asked = await casework.ask_correction(office.ports, office.school, office.account("dsl"), f"{incident.id}|{line.id}")
    assert isinstance(asked, EntryQuestions)
    assert (asked.filled[m.FROM], asked.filled[m.FROM_WHO]) == (m.NOT_NAMED, "Cai Sample")
    assert asked.doer == "Dana Okafor"
    office.clock.advance(minutes=1)
    again = await adds(office, "dsl", incident, "confiscation", {**asked.filled, m.ITEM: "A grey phone"}, line.id)
    found = of_kind(again, EntryKind.CONFISCATION)
    assert isinstance(found.now.told, m.Confiscated)
    assert found.now.told.item == "A grey phone"
    assert len(found.before) == 1
    assert again.standing.held[0].item == "A grey phone"

    given = await becomes(office, incident, "release", line.id, {m.TO: "His mother"})
    release = of_kind(given, EntryKind.RELEASE)
    asked = await casework.ask_correction(office.ports, office.school, office.account("dsl"), f"{incident.id}|{release.id}")
    assert isinstance(asked, EntryQuestions)
    assert asked.follows == line.id
    state = f"{incident.id}|release|{uuid4()}|{release.id}|{line.id}"
    shown = await casework.add(office.ports, office.school, office.account("dsl"), state, {m.TO: "His father"})
    assert isinstance(shown, Timeline)
    assert of_kind(shown, EntryKind.RELEASE).before
    elsewhere = f"{incident.id}|release|{uuid4()}|{release.id}|{uuid4()}"
    refused = await casework.add(office.ports, office.school, office.account("dsl"), elsewhere, {m.TO: "Somebody"})
    assert refused == NotForYou()


@pytest.mark.parametrize(
    ("kind", "filled", "faults"),
    [
        (
            "confiscation",
            {},
            {m.ITEM: Fault.MISSING, m.PLACE: Fault.MISSING, m.FROM: Fault.MISSING, "entry_doer": Fault.MISSING},
        ),
        ("confiscation", {m.FROM: m.NOT_NAMED, m.ITEM: "x" * 201}, {m.FROM_WHO: Fault.MISSING, m.ITEM: Fault.TOO_LONG}),
        (
            "confiscation",
            {m.FROM: "somebody", "entry_when": "soon"},
            {m.FROM: Fault.UNKNOWN_CHOICE, "entry_when": Fault.NOT_A_MOMENT},
        ),
        (
            "search",
            {},
            {m.GROUNDS: Fault.MISSING, m.AUTHORISED: Fault.MISSING, m.PRESENT: Fault.MISSING, "entry_outcome": Fault.MISSING},
        ),
        ("search", {m.AUTHORISED: ("text:Somebody",)}, {m.AUTHORISED: Fault.NOT_STAFF}),
        (
            "block",
            {m.BLOCKED: "the sky", m.END: "2020-01-01T10:00"},
            {m.BLOCKED: Fault.UNKNOWN_CHOICE, m.END: Fault.BEFORE_ITS_START},
        ),
        ("damage", {m.COST: "about ten"}, {m.COST: Fault.NOT_POUNDS, m.BILLED: Fault.MISSING, m.PAID: Fault.MISSING}),
        ("damage", {m.COST: "0.00"}, {m.COST: Fault.NOT_POUNDS}),
        ("lesson", {}, {m.TOPIC: Fault.MISSING}),
    ],
)
async def test_what_is_wrong_is_said_at_its_field(office: Office, kind: str, filled: Filled, faults: dict[str, Fault]) -> None:
    """With everything that was typed, and nothing is kept."""
    incident = await taken(office)
    again = await adds(office, "dsl", incident, kind, filled)
    assert isinstance(again, EntryQuestions)
    assert faults.items() <= again.faults.items()
    assert again.filled == filled
    assert await office.rows(t.case_entries) == []


async def test_nobody_whom_the_case_names_has_had_a_hand_in_it(office: Office) -> None:
    """A member of staff who may be meant cannot be put down as having the phone, or as having searched it."""
    surname = office.people["deputy"].name.split()[-1]
    incident = await taken(office, targets=(f"Ms {surname}",))
    again = await takes(office, incident, entry_doer=(office.picked("deputy"),))
    assert again.faults == {"entry_doer": Fault.KEPT_OUT}


async def test_only_what_was_taken_can_be_given_back(office: Office) -> None:
    """Not a note, not an entry of another case, nor one that there is not; and nothing follows what stands by itself."""
    incident, other = await taken(office), await taken(office)
    note = of_kind(await adds(office, "dsl", incident, "note", {"entry_text": "Seen"}), EntryKind.NOTE)
    elsewhere = of_kind(await takes(office, other), EntryKind.CONFISCATION)
    for of in (note.id, elsewhere.id, str(uuid4()), ""):
        assert await becomes(office, incident, "release", of, {m.TO: "His mother"}) == NotForYou()
        value = f"{incident.id}|release|{of}"
        assert await casework.ask_more(office.ports, office.school, office.account("dsl"), value) == NotForYou()
    assert await becomes(office, incident, "note", note.id, {"entry_text": "x"}) == NotForYou()
    value = f"{incident.id}|note|{note.id}"
    assert await casework.ask_more(office.ports, office.school, office.account("dsl"), value) == NotForYou()
    assert [line.kind for line in await lines(office, incident)] == [EntryKind.NOTE]


async def test_before_anything_is_typed_stands_the_rule_on_images(office: Office) -> None:
    """Where the concern is about images: in the form for a search and for what was taken, and nowhere else."""
    nude, other = await taken(office, concern="nude_image"), await taken(office)
    for incident, warned in ((nude, True), (other, False)):
        for kind in ("confiscation", "search"):
            asked = await casework.ask(office.ports, office.school, office.account("dsl"), incident.id, kind)
            assert isinstance(asked, EntryQuestions)
            assert any("Do not view, copy" in w.text for w in asked.warnings) == warned


# Device search


async def test_a_search_is_kept_with_its_grounds_and_its_people(office: Office) -> None:
    """Who authorised it, who did it, who was there, and what came of it."""
    incident = await taken(office)
    filled: Filled = {
        m.ITEM: PHONE,
        m.FROM: m.NOT_NAMED,
        m.FROM_WHO: "Cai Sample",
        m.GROUNDS: GROUNDS,
        m.AUTHORISED: (office.picked("headteacher"),),
        "entry_doer": (office.picked("dsl"),),
        m.PRESENT: "Mr Marsh",
        "entry_outcome": FOUND,
    }
    line = of_kind(await adds(office, "dsl", incident, "search", filled), EntryKind.SEARCH)
    told = line.now.told
    assert isinstance(told, m.Searched)
    assert (told.grounds, told.present, told.outcome) == (GROUNDS, "Mr Marsh", FOUND)
    assert line.now.names == {
        office.people["headteacher"].id: office.people["headteacher"].name,
        office.people["dsl"].id: "Dana Okafor",
    }
    asked = await casework.ask_correction(office.ports, office.school, office.account("dsl"), f"{incident.id}|{line.id}")
    assert isinstance(asked, EntryQuestions)
    assert asked.authorised == office.people["headteacher"].name


# Access block


async def test_it_is_told_of_a_block_and_never_of_whom(office: Office) -> None:
    """They open it, see what and from when, say that it is in place and, at its end, that it is lifted."""
    incident = await taken(office)
    shown = await blocks(office, incident)
    assert isinstance(shown, Timeline)
    assert not shown.untold
    (block,) = shown.standing.blocks
    assert (block.in_place, block.over, block.whom.name) == (False, False, "Cai Sample")
    await office.later(minutes=1)
    it = office.people["it"].id
    (message,) = office.post.to(it, BlockMessage)
    assert isinstance(message, BlockMessage)
    assert (message.reference, message.reads, message.over) == (incident.reference, False, False)
    value = f"{incident.id}|{message.entry_id}"
    at = office.ports, office.school
    task = await casework.block_task(*at, office.account("it"), value)
    assert isinstance(task, BlockTask)
    assert (task.what, task.in_place_at, task.ask[0]) == (m.Blocked.ACCOUNT, None, "Dana Okafor")
    assert "Sample" not in str(task)
    for who in ("teacher", "brunel head", "headteacher", "chair", "nobody"):
        assert await casework.block_task(*at, office.account(who), value) == NotForYou()
        assert await casework.carried_out(*at, office.account(who), value, lifted=True) == NotForYou()
    assert await reads(office, incident, "it") == NotForYou()
    for _ in range(2):
        task = await casework.carried_out(*at, office.account("it"), value, lifted=False)
        assert isinstance(task, BlockTask)
        assert task.in_place_at is not None
    assert of_kind(await lines(office, incident), EntryKind.IN_PLACE).who == office.people["it"].name

    await office.later(days=7)
    over = office.post.to(it, BlockMessage)[-1]
    assert isinstance(over, BlockMessage)
    assert over.over
    owner = office.post.to(office.people["dsl"].id, BlockMessage)[-1]
    assert isinstance(owner, BlockMessage)
    assert owner.reads
    again = len(office.post.to(it, BlockMessage))
    await office.later(days=14)
    assert len(office.post.to(it, BlockMessage)) > again
    again = len(office.post.to(it, BlockMessage))
    assert (await unsettled(office, incident)).blocks == 1
    for _ in range(2):
        task = await casework.carried_out(*at, office.account("it"), value, lifted=True)
        assert isinstance(task, BlockTask)
        assert task.lifted_at == office.clock.now()
    assert (await unsettled(office, incident)).blocks == 0
    await office.later(days=30)
    assert len(office.post.to(it, BlockMessage)) == again
    now_shown = office.post.now_shown(it)
    assert isinstance(now_shown, BlockMessage)
    assert now_shown.lifted
    noted = await actions_noted(office, incident)
    assert (noted.count("entry.added"), noted.count("block.reminded") > 1) == (3, True)
    assert len([r for r in await office.rows(t.audit) if r.action == "task.read" and r.incident_id == incident.id]) >= 5


async def test_a_corrected_end_is_the_one_that_counts(office: Office) -> None:
    """IT is told that it has changed; nothing comes at the first end. A block without an end is looked at every week."""
    incident = await taken(office)
    line = of_kind(await blocks(office, incident), EntryKind.BLOCK)
    told = line.now.told
    assert isinstance(told, AccessBlock)
    end = (office.clock.now() + timedelta(days=12)).isoformat()
    shown = await blocks_again(office, incident, line, end)
    assert of_kind(shown, EntryKind.BLOCK).before
    await office.later(days=8)
    it = office.people["it"].id
    assert [x.over for x in office.post.to(it, BlockMessage) if isinstance(x, BlockMessage)] == [False, False]
    await office.later(days=5)
    assert [x.over for x in office.post.to(it, BlockMessage) if isinstance(x, BlockMessage)][-1]
    endless = await taken(office)
    await blocks(office, endless, **{m.END: ""})
    before = len(office.post.to(it, BlockMessage))
    await office.later(days=6)
    assert not [x for x in office.post.to(it, BlockMessage)[before + 1 :] if x.reference == endless.reference]  # type: ignore[union-attr]
    await office.later(days=2)
    assert [x for x in office.post.to(it, BlockMessage)[before + 1 :] if x.reference == endless.reference]  # type: ignore[union-attr]


async def blocks_again(office: Office, incident: Incident, line: Line, end: str) -> Timeline:
    """Somebody corrects when a block ends."""
    asked = await casework.ask_correction(office.ports, office.school, office.account("dsl"), f"{incident.id}|{line.id}")
    assert isinstance(asked, EntryQuestions)
    shown = await adds(office, "dsl", incident, "block", {**asked.filled, m.END: end}, line.id)
    assert isinstance(shown, Timeline)
    return shown


async def test_of_a_private_case_it_is_told_nothing(office: Office) -> None:
    """The form says so beforehand, and the page afterwards; forged ids get them nothing."""
    incident = await about_staff(office)
    asked = await casework.ask(office.ports, office.school, office.account("headteacher"), incident.id, "block")
    assert isinstance(asked, EntryQuestions)
    assert asked.untold
    shown = await blocks(office, incident, "headteacher")
    assert shown.untold
    await office.later(days=8)
    assert office.post.to(office.people["it"].id, BlockMessage) == []
    assert office.post.to(office.people["headteacher"].id, BlockMessage)
    value = f"{incident.id}|{of_kind(shown, EntryKind.BLOCK).id}"
    assert await casework.block_task(office.ports, office.school, office.account("it"), value) == NotForYou()


async def test_of_a_case_that_turns_private_it_is_shown_nothing_more(office: Office) -> None:
    """What stood in their chat is withdrawn."""
    incident = await taken(office)
    line = of_kind(await blocks(office, incident), EntryKind.BLOCK)
    await office.later(minutes=1)
    async with office.ports.store.transaction(office.school) as records:
        await records.make_private(incident.id, About.STAFF)
        await records.note(office.clock.now(), "bot", "case.made_private", incident.id)
    await office.later(days=8)
    it = office.people["it"].id
    assert len(office.post.to(it, BlockMessage)) == 1
    value = f"{incident.id}|{line.id}"
    assert await casework.block_task(office.ports, office.school, office.account("it"), value) == NotForYou()


async def test_whoever_of_it_is_named_in_the_case_is_told_nothing(office: Office) -> None:
    """As its target: then nobody is told, and the form says so."""
    incident = await taken(office, targets=(office.picked("it"),), concern="staff_targeted")
    shown = await blocks(office, incident)
    assert shown.untold
    await office.later(minutes=1)
    assert not office.post.to(office.people["it"].id, BlockMessage)
    value = f"{incident.id}|{of_kind(shown, EntryKind.BLOCK).id}"
    assert await casework.block_task(office.ports, office.school, office.account("it"), value) == NotForYou()


# Cost of damage


@pytest.mark.parametrize(
    ("typed", "amount"),
    [
        ("79.50", "79.50"),
        ("£1,250.5", "1250.50"),
        (" 80 ", "80.00"),
        ("£ 12", "12.00"),
        ("1000000", "1000000.00"),
        *((wrong, "") for wrong in ("", "0", "-5", "1.234", "12,50", "1e3", "NaN", "ten", "1000000.01", "٣", "£", "1.")),
    ],
)
def test_pounds_and_pence_are_read_exactly(typed: str, amount: str) -> None:
    """To the penny, and anything that could be meant otherwise is asked again."""
    assert m.pounds(typed) == (Decimal(amount) if amount else None)


async def test_what_damage_costs_is_owed_until_it_is_paid(office: Office) -> None:
    """In pounds and pence; what nobody is asked to pay is not owed."""
    incident = await taken(office)
    filled = {"entry_what": "The screen", m.COST: "£79.50", m.BILLED: "parents", m.PAID: "no"}
    shown = await adds(office, "dsl", incident, "damage", filled)
    (owed,) = shown.standing.owed
    assert owed.cost == Decimal("79.50")
    assert m.in_pounds(Decimal("1250.5")) == "£1,250.50"
    await adds(office, "dsl", incident, "damage", {**filled, m.BILLED: "nobody"})
    shown = await becomes(office, incident, "paid", owed.entry_id, {})
    assert shown.standing.owed == ()


# A lesson


async def test_a_lesson_is_suggested_by_topic_alone(office: Office) -> None:
    """Whoever leads on the curriculum hears of the topic and the kind of concern; not which case, nor of whom."""
    incident = await taken(office)
    office = office.with_holders(computing_coordinator=["cabot head"])
    shown = await adds(office, "dsl", incident, "lesson", {m.TOPIC: "privacy"})
    assert isinstance(shown, Timeline)
    assert not shown.untold
    assert of_kind(shown, EntryKind.LESSON).now.told == Lesson(m.Topic.PRIVACY)
    await office.later(minutes=1)
    (told,) = office.post.to(office.people["cabot head"].id, LessonMessage)
    assert told == LessonMessage(m.Topic.PRIVACY, "grooming")
    assert incident.reference not in str(told)


async def test_of_a_private_case_no_lesson_is_suggested_to_anybody(office: Office) -> None:
    """It stays in the case."""
    incident = await about_staff(office)
    shown = await adds(office, "headteacher", incident, "lesson", {m.TOPIC: "privacy"})
    assert shown.untold
    assert not [r for r in await office.rows(t.deliveries) if r.message == "lesson"]


# What the policy says


async def steps(office: Office, incident: Incident, who: str = "dsl") -> StepsPage:
    """Somebody looks at what the policy says."""
    page = await casework.steps(office.ports, office.school, office.account(who), incident.id)
    assert isinstance(page, StepsPage), page
    return page


async def test_a_step_becomes_an_action_by_one_press(office: Office) -> None:
    """For whoever the policy names, once, whoever presses; with a date, so that it is not forgotten."""
    incident = await taken(office, concern="filter_bypass", house="Brunel")
    page = await steps(office, incident)
    assert page.made == frozenset()
    first = page.suggestion.items[0].action  # type: ignore[union-attr]
    for who in ("dsl", "deputy", "dsl"):
        shown = await casework.make_action(office.ports, office.school, office.account(who), f"{incident.id}|{first.id}")
        assert isinstance(shown, Timeline)
    (line,) = await lines(office, incident)
    assert isinstance(line.now.told, Action)
    assert line.now.told.due_at is not None
    assert line.now.told.what == first.text
    assert (await steps(office, incident)).made == {first.id}
    for who, value in (("teacher", f"{incident.id}|{first.id}"), ("dsl", f"{incident.id}|no_step")):
        assert await casework.make_action(office.ports, office.school, office.account(who), value) == NotForYou()


async def test_about_staff_the_lado_comes_first(office: Office) -> None:
    """Before any step, and before a decision, until there was contact; then when and under which reference."""
    incident = await about_staff(office)
    page = await steps(office, incident, "headteacher")
    assert page.advice is not None
    assert page.advice.sought == ()
    at = office.ports, office.school, office.account("headteacher")
    decision = await casework.choose(*at, incident.id, {"grid_kind": "none", "grid_times": "first"})
    assert isinstance(decision, DecisionSteps)
    assert decision.advice is not None
    asked = await casework.ask_contact(*at, f"{incident.id}|lado")
    assert isinstance(asked, EntryQuestions)
    assert asked.filled == {"entry_whom": "lado"}
    assert await casework.ask_contact(*at, f"{incident.id}|headteacher") == NotForYou()
    told = {"entry_whom": "lado", "entry_outcome": "Wait for the police", "entry_reference": "L-77"}
    await adds(office, "headteacher", incident, "contact", told)
    page = await steps(office, incident, "headteacher")
    assert page.advice is not None
    assert [c.reference for c in page.advice.sought] == ["L-77"]
    assert (await steps(office, await taken(office, concern="filter_bypass", house="Brunel"))).advice is None


async def test_parents_who_refuse_settle_what_turns_on_it(office: Office) -> None:
    """Only parents can, and a correction takes it back."""
    incident = await taken(office)
    told = {"entry_whom": "police", "entry_outcome": "They will call", m.REFUSED: "yes"}
    again = await adds(office, "dsl", incident, "contact", told)
    assert again.faults == {m.REFUSED: Fault.UNKNOWN_CHOICE}
    shown = await adds(office, "dsl", incident, "contact", {**told, "entry_whom": "parents"})
    line = of_kind(shown, EntryKind.CONTACT)
    assert isinstance(line.now.told, Contact)
    assert line.now.told.refused


async def test_the_police_are_no_question_once_a_family_refuses(office: Office) -> None:
    """As Elton's policy has it, the second time: possible before, with its question; without one when parents have refused."""
    office = office.at(replace(office.school, policy=load_policy("elton")))
    incident = await taken(office, "headteacher", concern="cyberbullying", perpetrators=("text:Alfie Demo",), form="8C")
    at = office.ports, office.school, office.account("headteacher"), incident.id
    line = {"grid_kind": "peers_outside", "grid_times": "second"}
    for refused in (False, True):
        decision = await casework.choose(*at, line)
        assert isinstance(decision, DecisionSteps)
        assert decision.taken is not None
        (police,) = [i for i in decision.taken.items if i.action.id == "harassment"]
        assert police.unsettled == ({} if refused else {"families_refuse": True})
        told = {"entry_whom": "parents", "entry_outcome": "They put the phone down", m.REFUSED: "yes"}
        assert isinstance(await adds(office, "headteacher", incident, "contact", told), Timeline)


# Kept as it was written


async def test_whatever_is_changed_without_the_bot_is_found(office: Office) -> None:
    """Of which entry something is said, and what was written of it."""
    incident = await taken(office)
    line = of_kind(await takes(office, incident), EntryKind.CONFISCATION)
    other = of_kind(await blocks(office, incident), EntryKind.BLOCK)
    await becomes(office, incident, "release", line.id, {m.TO: "His mother"})
    e = t.case_entries.c
    async with office.database.begin() as connection:
        await connection.execute(update(t.case_entries).where(e.kind == "release").values(follows=other.id))
    found = await follow_chains(office.database, words=True)
    assert Amiss.CHANGED in {u.amiss for chain in found for u in chain.unkept or ()}


async def test_what_was_erased_can_be_looked_at_no_more(office: Office) -> None:
    """Nothing of it opens, nobody is reminded, and nothing is counted."""
    incident = await taken(office)
    await takes(office, incident)
    line = of_kind(await blocks(office, incident), EntryKind.BLOCK)
    async with office.ports.store.transaction(office.school) as records:
        await records.set_incident_state(incident.id, IncidentState.CLOSED, office.clock.now())
        await records.erase(incident.id)
        await records.note(office.clock.now(), "bot", "case.erased", incident.id)
    assert await unsettled(office, incident) == Unsettled()
    value = f"{incident.id}|{line.id}"
    for who in ("it", "dsl"):
        assert await casework.block_task(office.ports, office.school, office.account(who), value) == NotForYou()
    sent = len(office.post.to(office.people["it"].id, BlockMessage))
    await office.later(days=10)
    assert len(office.post.to(office.people["it"].id, BlockMessage)) == sent
