"""A case changes and ends: another category, a duplicate, a link, a date to look at it again, opened anew, signed off."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import update

from domain.case_changes import ChangeKind, Result
from domain.casework import DecisionSteps
from domain.change_forms import ChangeQuestions, Done, SendBackPage, SignPage, UnlinkQuestions, Wish, WishQuestions
from domain.checklists import COUNTED, NO_KIND
from domain.entries import Timeline
from domain.incident import AlertState, CaseFile, Incident
from domain.log_records import LogRecord
from domain.messages import AlertMessage, ReceiptMessage, ReviewMessage, SignOffMessage, WithdrawnMessage
from domain.policy import SignOff
from domain.report_form import Fault
from domain.retention import class_of, years_of
from domain.words import IncidentState, Role, Urgency
from handlers import case_changes, casework, close, details, hand_on, keeping, lists, log_form, opening, sending_back, signing
from handlers.acknowledge import NotForYou
from handlers.case_changes import ChangeOutcome
from handlers.close import Closed
from handlers.details import PassedOn
from handlers.hand_on import HandedOn, HandOnQuestions
from handlers.keeping import KeepingDecided
from handlers.sending_back import SendBackOutcome
from handlers.signing import SignedAlready, SignOutcome
from storage import tables as t
from storage.audit_verify import follow_chains
from storage.commitments import Amiss
from tests.handlers.office import Office

WHY = "The two reports are of the same afternoon and the same chat"
REASON, OTHER, CONCERN, URGENCY, DUE = (
    "change_reason",
    "change_other",
    "change_concern",
    "change_urgency",
    "change_due",
)


async def changes(office: Office, who: str, incident: Incident, wish: Wish, form: str = "", **values: str) -> ChangeOutcome:
    """Somebody sends the form for a change."""
    state = f"{incident.id}|{wish}|{form or uuid4()}"
    filled = {REASON: WHY, **values}
    return await case_changes.change(office.ports, office.school, office.account(who), state, filled)


async def taken(office: Office, *who: str, **more: Any) -> Incident:
    """A case that somebody has taken on."""
    incident = await office.reports(**more)
    for alert, name in zip(await office.alerts(incident), who or ("dsl",), strict=False):
        await office.acknowledge(name, alert)
    await office.works()
    return incident


async def closes(office: Office, who: str, incident: Incident, result: str = Result.DEALT_WITH) -> None:
    """Somebody closes every part of a case."""
    for alert in await office.alerts(incident):
        if alert.state is not AlertState.DONE:
            await office.acknowledge(who, alert)
            done = await close.close(office.ports, office.school, office.account(who), alert.id, "Families seen.", result)
            assert isinstance(done, Closed)
    await office.works()


async def passes_on(office: Office, who: str, incident: Incident, to: str) -> None:
    """Somebody hands a case on, and whoever it goes to takes it on."""
    at = office.ports, office.school, office.account(who)
    asked = await hand_on.ask(*at, (await office.alert(incident)).id)
    assert isinstance(asked, HandOnQuestions)
    key = next(r.key for r in asked.recipients if r.person.id == office.people[to].id)
    assert isinstance(await hand_on.hand_on(*at, asked.state, key, "Yours, as agreed"), HandedOn)
    await office.acknowledge(to, await office.alert(incident))


async def read(office: Office, who: str, incident: Incident) -> CaseFile:
    """The case's own page."""
    case = await details.read(office.ports, office.school, office.account(who), incident.id)
    assert isinstance(case, CaseFile), case
    return case


def faults_of(outcome: object) -> dict[str, Fault]:
    """What is said to be wrong."""
    assert isinstance(outcome, WishQuestions), outcome
    return dict(outcome.faults)


# Another category or urgency


async def test_another_category_asks_whom_its_route_names_as_well(office: Office) -> None:
    """Nobody who was asked is left out, the deadline follows the urgency, and what it was at first stays readable."""
    incident = await office.reports(concern="off_task", house="Brunel", perpetrators=("Alfie Demosson",))
    before = {role for a in await office.alerts(incident) for role in a.roles}
    outcome = await changes(office, "deputy", incident, Wish.RECLASSIFY, **{CONCERN: "grooming", URGENCY: "as_policy"})
    assert outcome == Done(incident.reference, incident.id, ChangeKind.RECLASSIFIED)
    now = await office.incident(incident)
    assert (now.facts.concern, now.urgency) == ("grooming", Urgency.CRITICAL)
    after = {role for a in await office.alerts(incident) for role in a.roles}
    assert before <= after
    assert Role.DSL in after
    for alert in await office.alerts(incident):
        assert alert.due_at <= office.clock.now() + timedelta(minutes=15)
    case = await read(office, "deputy", incident)
    assert case.course is not None
    assert case.course.first is not None
    assert case.course.first.concern == "off_task"
    assert not case.changed
    (line,) = case.course.changes
    assert line.change.text == WHY
    everything = str([await office.rows(table) for table in (t.case_changes, t.audit, t.timers, t.deliveries)])
    assert WHY not in everything


async def test_a_lower_urgency_gives_more_time_and_keeps_whoever_was_asked(office: Office) -> None:
    """And the alert climbs by the new deadline, not by the old one."""
    incident = await office.reports(concern="grooming")
    asked = await office.asked(incident)
    outcome = await changes(office, "dsl", incident, Wish.RECLASSIFY, **{CONCERN: "grooming", URGENCY: "low"})
    assert isinstance(outcome, Done)
    assert await office.asked(incident) == asked
    office.clock.advance(hours=1)
    await office.works()
    assert await office.asked(incident) == asked
    alert = await office.alert(incident)
    assert alert.due_at > office.clock.now() + timedelta(hours=10)


async def test_whoever_has_done_their_part_is_asked_for_what_it_is_taken_for_now(office: Office) -> None:
    """They have answered for something else, unless it is they who say what it is."""
    for who, asked in (("brunel head", True), ("dsl", False)):
        incident = await office.reports(concern="filter_bypass", house="Brunel", perpetrators=("Alfie Demosson",))
        parts = {role: a for a in await office.alerts(incident) for role in a.roles}
        await office.acknowledge("brunel head", parts[Role.HEAD_OF_HOUSE])
        await office.acknowledge("dsl", parts[Role.DSL])
        at = office.ports, office.school, office.account("dsl")
        assert isinstance(await close.close(*at, parts[Role.DSL].id, "Nothing for me in it", Result.NO_ACTION), Closed)
        await office.works()
        before = len(office.post.to(office.people["dsl"].id, AlertMessage))
        assert isinstance(
            await changes(office, who, incident, Wish.RECLASSIFY, **{CONCERN: "grooming", URGENCY: "as_policy"}), Done
        )
        await office.works()
        assert (len(office.post.to(office.people["dsl"].id, AlertMessage)) > before) is asked
        assert any(a.state is AlertState.OPEN and Role.DSL in a.roles for a in await office.alerts(incident)) is asked


@pytest.mark.parametrize("concern", ["data_loss", "reputation"])
async def test_a_private_category_that_is_more_urgent_hastens_whoever_has_it_still(office: Office, concern: str) -> None:
    """It climbs by what it is now."""
    incident = await office.reports(concern=concern)
    before = {a.id for a in await office.alerts(incident)}
    outcome = await changes(office, "deputy", incident, Wish.RECLASSIFY, **{CONCERN: "staff_conduct", URGENCY: "critical"})
    assert isinstance(outcome, PassedOn | Done)
    live = [a for a in await office.alerts(incident) if a.state is AlertState.OPEN]
    assert before & {a.id for a in live}
    rings = {
        r.alert_id: r.due_at for r in await office.rows(t.timers, t.timers.c.kind == "climb", t.timers.c.state == "pending")
    }
    for alert in live:
        assert rings[alert.id] == alert.due_at <= office.clock.now() + timedelta(minutes=15)


async def test_what_becomes_more_urgent_never_climbs_later(office: Office) -> None:
    """It has climbed once, and is a minute before it climbs again: to be told that it is worse does not begin the wait anew."""
    incident = await office.reports(concern="grooming")
    await changes(office, "dsl", incident, Wish.RECLASSIFY, **{CONCERN: "grooming", URGENCY: "high"})
    waiting = t.timers.c.kind == "climb", t.timers.c.state == "pending"
    (first,) = await office.rows(t.timers, *waiting)
    await office.later(seconds=(first.due_at - office.clock.now()).total_seconds() + 1)
    (next_,) = await office.rows(t.timers, *waiting)
    assert next_.due_at > first.due_at
    office.clock.advance(seconds=(next_.due_at - office.clock.now()).total_seconds() - 60)
    await changes(office, "dsl", incident, Wish.RECLASSIFY, **{CONCERN: "grooming", URGENCY: "critical"})
    assert [r.due_at for r in await office.rows(t.timers, *waiting)] == [next_.due_at]


@pytest.mark.parametrize(
    ("values", "faults"),
    [
        ({CONCERN: "grooming", URGENCY: "critical"}, {CONCERN: Fault.NO_CHANGE}),
        ({CONCERN: "nonsense", URGENCY: "critical"}, {CONCERN: Fault.UNKNOWN_CHOICE}),
        ({CONCERN: "off_task", URGENCY: ""}, {URGENCY: Fault.MISSING}),
        ({CONCERN: "off_task", URGENCY: "low", REASON: " "}, {REASON: Fault.MISSING}),
        ({CONCERN: "off_task", URGENCY: "low", REASON: "x" * 3001}, {REASON: Fault.TOO_LONG}),
    ],
)
async def test_what_is_wrong_with_a_new_category_is_said_at_its_field(
    office: Office, values: dict[str, str], faults: dict[str, Fault]
) -> None:
    """Nothing is changed by it."""
    incident = await office.reports(concern="grooming")
    assert faults_of(await changes(office, "dsl", incident, Wish.RECLASSIFY, **values)) == faults
    assert await office.rows(t.case_changes) == []


async def test_a_private_case_stays_private_whatever_its_category(office: Office) -> None:
    """A matter about staff is not brought into the open by calling it something else."""
    incident = await office.reports(concern="staff_conduct", about="staff", perpetrators=(office.picked("it"),))
    head = next(a for a in await office.alerts(incident) if Role.HEADTEACHER in a.roles)
    await office.acknowledge("headteacher", head)
    outcome = await changes(office, "headteacher", incident, Wish.RECLASSIFY, **{CONCERN: "off_task", URGENCY: "low"})
    assert isinstance(outcome, Done)
    await office.works()
    assert (await office.incident(incident)).private
    for place in ("safeguarding", "brunel-house"):
        assert office.post.to(place) == []
    for who in ("it", "deputy"):
        assert await details.read(office.ports, office.school, office.account(who), incident.id) == NotForYou()


async def test_a_category_for_a_few_takes_the_case_out_of_the_channels(office: Office) -> None:
    """Those whom its route does not name have it no more; the reporter is told what they reported, and not what it is now."""
    incident = await office.reports(concern="off_task", house="Brunel", perpetrators=("Alfie Demosson",))
    await office.works()
    outcome = await changes(office, "deputy", incident, Wish.RECLASSIFY, **{CONCERN: "low_level_concern", URGENCY: "as_policy"})
    assert isinstance(outcome, PassedOn | Done)
    assert (await office.incident(incident)).private
    await office.works()
    (mine,) = await lists.mine(office.ports, office.school, office.account("teacher"))
    assert mine.concern == "off_task"
    receipt = office.post.now_shown("U-teacher")
    assert isinstance(receipt, ReceiptMessage)
    assert receipt.concern == office.school.policy.concerns["off_task"].label


@pytest.mark.parametrize("taken_on", [False, True])
async def test_what_it_is_taken_for_then_is_not_told_in_the_chats_of_those_who_had_it_before(
    office: Office, taken_on: bool
) -> None:
    """The head of house was asked about a pupil; a low-level concern about a colleague is not for them, nor its name."""
    incident = await office.reports(concern="off_task", house="Brunel", perpetrators=("Alfie Demosson",))
    await office.works()
    # Asked in the second round, so that somebody was asked and somebody else has it.
    if taken_on:
        await office.acknowledge("deputy", await office.alert(incident))
        await office.works()
    theirs = office.people["brunel head"].id
    assert isinstance(office.post.now_shown(theirs), AlertMessage)
    await changes(office, "deputy", incident, Wish.RECLASSIFY, **{CONCERN: "low_level_concern", URGENCY: "as_policy"})
    await office.works()
    assert await details.read(office.ports, office.school, office.account("brunel head"), incident.id) == NotForYou()
    assert office.post.now_shown(theirs) == WithdrawnMessage(incident.reference)
    # Whom its route names now is asked, and shown what it is.
    head = office.post.now_shown(office.people["headteacher"].id)
    assert isinstance(head, AlertMessage)
    assert head.concern == office.school.policy.concerns["low_level_concern"].label
    for alert in await office.alerts(incident):
        if alert.state is AlertState.OPEN:
            await office.acknowledge("headteacher", alert)
    await office.later(days=3)
    assert office.post.now_shown(theirs) == WithdrawnMessage(incident.reference)


async def test_the_same_form_twice_changes_a_case_once(office: Office) -> None:
    """And nobody sends another's form a second time."""
    incident = await office.reports(concern="grooming")
    form, values = str(uuid4()), {CONCERN: "grooming", URGENCY: "low"}
    for _ in range(2):
        assert isinstance(await changes(office, "dsl", incident, Wish.RECLASSIFY, form, **values), Done)
    assert len(await office.rows(t.case_changes)) == 1


# Duplicates


async def test_a_duplicate_is_merged_and_its_reference_leads_to_the_other_case(office: Office) -> None:
    """Nothing of it rings or goes out any more; its reporter is told whom to ask, and nothing of the other report."""
    first = await taken(office, "dsl")
    second = await office.reports("brunel head", concern="cyberbullying", house="Brunel", perpetrators=("Alfie Demosson",))
    await office.works()
    outcome = await changes(office, "deputy", second, Wish.MERGE, **{OTHER: first.reference.lower()})
    assert outcome == Done(second.reference, second.id, ChangeKind.MERGED, first.reference)
    merged = await office.incident(second)
    assert merged.state is IncidentState.MERGED
    assert all(a.state is AlertState.DONE for a in await office.alerts(second))
    assert await office.rows(t.timers, t.timers.c.incident_id == second.id, t.timers.c.state == "pending") == []
    await office.works()
    shown = await opening.look_up(office.ports, office.school, office.account("dsl"), second.reference)
    assert isinstance(shown, CaseFile)
    assert shown.incident.id == first.id
    assert shown.course is not None
    assert [(link.reference, link.into) for link in shown.course.links] == [(second.reference, False)]
    # What was asked in it and by nobody in the other is asked there.
    there = {role for a in await office.alerts(first) for role in a.roles}
    assert {role for a in await office.alerts(second) for role in a.roles} <= there
    receipt = office.post.now_shown("U-brunel head")
    assert isinstance(receipt, ReceiptMessage)
    assert receipt.state is IncidentState.MERGED
    assert receipt.dealing
    assert first.reference not in str(receipt)
    before = len(office.post.sent)
    office.clock.advance(days=9)
    await office.works()
    assert all(second.reference not in str(m) for _, m in office.post.sent[before:])


async def test_a_merge_can_be_undone_with_a_reason(office: Office) -> None:
    """The case is one of its own again, and somebody has to answer for it."""
    first, second = await taken(office, "dsl"), await office.reports(concern="cyberbullying", house="Brunel")
    await changes(office, "dsl", second, Wish.MERGE, **{OTHER: first.reference})
    outcome = await changes(office, "dsl", second, Wish.UNMERGE)
    assert outcome == Done(second.reference, second.id, ChangeKind.UNMERGED)
    again = await office.incident(second)
    assert again.is_open
    live = [a for a in await office.alerts(second) if a.state is not AlertState.DONE]
    assert live
    pending = await office.rows(t.timers, t.timers.c.incident_id == second.id, t.timers.c.state == "pending")
    assert {row.alert_id for row in pending} == {a.id for a in live}
    shown = await opening.look_up(office.ports, office.school, office.account("dsl"), second.reference)
    assert isinstance(shown, CaseFile)
    assert shown.incident.id == second.id


@pytest.mark.parametrize(
    ("other", "fault"),
    [
        ({"concern": "staff_conduct", "about": "staff"}, Fault.NO_SUCH_CASE),
        ({"concern": "cyberbullying", "house": "Brunel", "targets": ("Brunel",)}, None),
        ({"concern": "cyberbullying", "house": "Brunel", "targets": "it"}, Fault.OTHER_AUDIENCE),
    ],
)
async def test_two_cases_that_others_may_know_of_stay_apart(office: Office, other: dict[str, Any], fault: Fault | None) -> None:
    """One that excludes somebody would be told to them by the other; of one that is not theirs to know nothing is said."""
    first = await taken(office, "dsl", concern="grooming")
    second = await office.reports(**dict[str, Any]({k: (office.picked(v),) if v == "it" else v for k, v in other.items()}))
    outcome = await changes(office, "deputy", first, Wish.MERGE, **{OTHER: second.reference})
    if fault is None:
        assert isinstance(outcome, Done)
    else:
        assert faults_of(outcome) == {OTHER: fault}
        assert (await office.incident(first)).is_open


@pytest.mark.parametrize("other_is_open", [True, False])
async def test_a_closed_case_turns_out_to_be_a_duplicate(office: Office, other_is_open: bool) -> None:
    """It keeps the day on which it was closed, and nobody is asked anything; undone, it is open again for whoever had it."""
    first, second = await taken(office, "dsl"), await taken(office, "deputy")
    await closes(office, "deputy", second)
    if not other_is_open:
        await closes(office, "dsl", first)
    closed = await office.incident(second)
    before = await office.alerts(first)
    office.clock.advance(days=3)
    outcome = await changes(office, "dsl", second, Wish.MERGE, **{OTHER: first.reference})
    assert outcome == Done(second.reference, second.id, ChangeKind.MERGED, first.reference)
    merged = await office.incident(second)
    assert (merged.state, merged.closed_at) == (IncidentState.MERGED, closed.closed_at)
    assert await office.alerts(first) == before
    assert (await office.incident(first)).is_open is other_is_open
    shown = await opening.look_up(office.ports, office.school, office.account("dsl"), second.reference)
    assert isinstance(shown, CaseFile)
    assert shown.incident.id == first.id
    assert await changes(office, "dsl", second, Wish.UNMERGE) == Done(second.reference, second.id, ChangeKind.UNMERGED)
    (alert,) = await office.alerts(second)
    assert (alert.state, (await office.asked(second))[-1]) == (AlertState.OPEN, "deputy")


async def test_nobody_avoids_a_signature_by_a_merge(signed: Office) -> None:
    """What waits to be signed goes into a case that is open, which is signed in its turn; what was signed goes anywhere."""
    office = signed
    first, second = await taken(office, "dsl"), await taken(office, "dsl")
    for each in (first, second):
        await closes(office, "dsl", each)
    for who in ("headteacher", "chair"):
        await signs(office, who, first)
    into = {OTHER: first.reference}
    assert faults_of(await changes(office, "dsl", second, Wish.MERGE, **into)) == {OTHER: Fault.OTHER_IS_CLOSED}
    assert (await office.incident(second)).state is IncidentState.CLOSED
    await changes(office, "dsl", first, Wish.REOPEN)
    assert isinstance(await changes(office, "dsl", second, Wish.MERGE, **into), Done)
    await office.works()
    for who in ("headteacher", "chair"):
        assert await signs(office, who, second) == NotForYou()
        told = office.post.now_shown(office.people[who].id)
        assert isinstance(told, SignOffMessage)
        assert told.settled
    assert await office.rows(t.timers, t.timers.c.incident_id == second.id, t.timers.c.state == "pending") == []
    # What is signed already may go into another that is.
    await closes(office, "dsl", first)
    third = await taken(office, "dsl")
    await closes(office, "dsl", third)
    for each, who in ((x, y) for x in (first, third) for y in ("headteacher", "chair")):
        await signs(office, who, each)
    assert isinstance(await changes(office, "dsl", third, Wish.MERGE, **into), Done)
    assert (await office.incident(first)).state is IncidentState.SIGNED_OFF


async def test_no_case_is_merged_into_one_that_is_closed_or_into_itself(office: Office) -> None:
    """Nobody would answer for the matter."""
    first, second = await taken(office, "dsl"), await office.reports(concern="cyberbullying", house="Brunel")
    await closes(office, "dsl", first)
    assert faults_of(await changes(office, "dsl", second, Wish.MERGE, **{OTHER: first.reference})) == {
        OTHER: Fault.OTHER_IS_CLOSED
    }
    for reference in (second.reference, "CSS-2026-0000", "x" * 99):
        assert faults_of(await changes(office, "dsl", second, Wish.MERGE, **{OTHER: reference})) == {OTHER: Fault.NO_SUCH_CASE}
    assert faults_of(await changes(office, "dsl", second, Wish.MERGE)) == {OTHER: Fault.MISSING}


async def test_a_duplicate_is_erased_no_sooner_than_the_case_it_was_merged_into(office: Office) -> None:
    """And while that one is held, it is too."""
    first, second = (
        await taken(office, "dsl", concern="off_task", house="Brunel"),
        await office.reports(concern="off_task", house="Brunel"),
    )
    await changes(office, "dsl", second, Wish.MERGE, **{OTHER: first.reference})
    office.clock.advance(days=366 * 26)
    assert await keeping.propose_ended(office.ports, office.school) == 0
    await closes(office, "dsl", first)
    office.clock.advance(days=366 * 26)
    at = office.ports, office.school, office.account("dsl")
    held = await keeping.decide(*at, first.id, "hold", "", "An inquiry")
    assert isinstance(held, KeepingDecided)
    assert await keeping.propose_ended(office.ports, office.school) == 0
    file = await keeping.look(*at, second.id)
    assert not isinstance(file, NotForYou)
    assert set(file.choices) <= {"hold"}
    await keeping.decide(*at, first.id, "lift", "", "")
    assert await keeping.propose_ended(office.ports, office.school) == 2
    assert isinstance(await keeping.decide(*at, second.id, "erase", "", ""), KeepingDecided)
    assert await changes(office, "dsl", second, Wish.UNMERGE) == NotForYou()


async def test_no_record_is_kept_for_less_time_by_a_merge(office: Office) -> None:
    """A case that was closed lately goes into one that was closed long ago: both stay until the time of both is over."""
    old = await taken(office, "dsl", concern="off_task", house="Brunel")
    await closes(office, "dsl", old)
    years = years_of(office.school, class_of(old.facts))
    office.clock.advance(days=366 * (years - 1))
    new = await taken(office, "dsl", concern="off_task", house="Brunel")
    await closes(office, "dsl", new)
    assert isinstance(await changes(office, "dsl", new, Wish.MERGE, **{OTHER: old.reference}), Done)
    office.clock.advance(days=366 * 2)
    assert await keeping.propose_ended(office.ports, office.school) == 0
    office.clock.advance(days=366 * years)
    assert await keeping.propose_ended(office.ports, office.school) == 2


# Links


async def test_a_link_is_seen_from_both_ends_by_whoever_may_read_both(office: Office) -> None:
    """And by nobody else: a head of house who may read one of the two is not told of the other."""
    first = await taken(office, "dsl", concern="grooming")
    second = await taken(office, "brunel head", concern="cyberbullying", house="Brunel", perpetrators=("Alfie Demosson",))
    outcome = await changes(office, "dsl", second, Wish.LINK, **{OTHER: first.reference})
    assert outcome == Done(second.reference, second.id, ChangeKind.LINKED, first.reference)
    for one, other in ((first, second), (second, first)):
        course = (await read(office, "deputy", one)).course
        assert course is not None
        assert [link.reference for link in course.links] == [other.reference]
    theirs = (await details.read(office.ports, office.school, office.account("brunel head"), second.id),)
    assert first.reference not in str(theirs)
    again = await changes(office, "dsl", second, Wish.LINK, **{OTHER: first.reference})
    assert faults_of(again) == {OTHER: Fault.NO_CHANGE}
    course = (await read(office, "dsl", first)).course
    assert course is not None
    at, value = (office.ports, office.school, office.account("dsl")), f"{first.id}|{course.links[0].link.id}"
    asked = await case_changes.ask_unlink(*at, value)
    assert isinstance(asked, UnlinkQuestions)
    assert isinstance(await case_changes.unlink(*at, asked.state, {REASON: ""}), UnlinkQuestions)
    assert isinstance(await case_changes.unlink(*at, asked.state, {REASON: WHY}), Done)
    assert isinstance(await case_changes.unlink(*at, asked.state, {REASON: WHY}), Done)
    course = (await read(office, "dsl", second)).course
    assert course is not None
    assert course.links == ()


async def test_that_a_case_is_linked_is_told_to_nobody_who_may_not_know_of_the_other(office: Office) -> None:
    """Neither that it was, nor why: whoever is named in the other would learn that there is one."""
    first = await taken(office, "dsl", concern="grooming")
    about = await office.reports(concern="staff_conduct", about="staff", perpetrators=(office.picked("dsl"),))
    for alert in await office.alerts(about):
        await office.acknowledge("headteacher", alert)
    (alert,) = await office.alerts(first)
    at = office.ports, office.school, office.account("dsl")
    asked = await hand_on.ask(*at, alert.id)
    assert isinstance(asked, HandOnQuestions)
    to = next(r for r in asked.recipients if r.person.id == office.people["headteacher"].id)
    await hand_on.hand_on(*at, asked.state, to.key, "Yours, as agreed")
    await office.acknowledge("headteacher", (await office.alerts(first))[0])
    secret = "What was done with this one is alleged there"
    linked = await changes(office, "headteacher", first, Wish.LINK, **{OTHER: about.reference, REASON: secret})
    assert isinstance(linked, Done)
    page = await case_changes.history(office.ports, office.school, office.account("headteacher"), first.id)
    assert secret in str(page)
    shown = (await read(office, "dsl", first), await case_changes.history(*at, first.id), await log_form.look(*at, first.id))
    for text in map(str, shown):
        assert "ChangeKind.LINKED" not in text
        assert "case.linked" not in text
        assert secret not in text
        assert about.reference not in text


# Opening a case again, and looking at it again


async def test_a_closed_case_is_opened_again_with_a_fresh_deadline(office: Office) -> None:
    """Whoever opens it has their part again; others are asked anew. A hold on it stays, a proposal to erase it does not."""
    incident = await taken(office, "dsl")
    await closes(office, "dsl", incident)
    office.clock.advance(days=3)
    outcome = await changes(office, "deputy", incident, Wish.REOPEN)
    assert outcome == Done(incident.reference, incident.id, ChangeKind.REOPENED)
    again, alert = await office.incident(incident), await office.alert(incident)
    assert (again.state, again.closed_at) == (IncidentState.REPORTED, None)
    assert alert.state is AlertState.OPEN
    assert alert.due_at > office.clock.now()
    assert (await office.asked(incident))[-1] == "dsl"
    await office.acknowledge("dsl", alert)
    await closes(office, "dsl", incident)
    await changes(office, "dsl", incident, Wish.REOPEN)
    assert (await office.incident(incident)).state is IncidentState.ACKNOWLEDGED
    assert (await office.alert(incident)).owner_id == office.people["dsl"].id
    for who in ("teacher", "brunel head", "headteacher", "it"):
        assert await changes(office, who, incident, Wish.REOPEN) == NotForYou()


async def test_who_works_a_case_is_reminded_of_the_day_to_look_at_it_again(office: Office) -> None:
    """Of its reference and the date alone, again until somebody has, and once the case is closed too."""
    incident = await taken(office, "dsl")
    due = office.clock.now() + timedelta(days=14)
    assert isinstance(await changes(office, "deputy", incident, Wish.REVIEW, **{DUE: due.isoformat()}), Done)
    await closes(office, "dsl", incident)
    office.clock.advance(days=14, minutes=1)
    await office.works()
    for who in ("dsl", "deputy"):
        (told,) = office.post.to(office.people[who].id, ReviewMessage)
        assert WHY not in str(told)
    assert office.post.to(office.people["teacher"].id, ReviewMessage) == []
    office.clock.advance(days=10)
    await office.works()
    assert len(office.post.to(office.people["dsl"].id, ReviewMessage)) == 2
    course = (await read(office, "dsl", incident)).course
    assert course is not None
    assert course.review_is_due
    assert isinstance(await changes(office, "dsl", incident, Wish.REVIEWED), Done)
    office.clock.advance(days=30)
    await office.works()
    assert len(office.post.to(office.people["dsl"].id, ReviewMessage)) == 2
    assert isinstance(await changes(office, "dsl", incident, Wish.REVIEWED), ChangeQuestions)
    past = (office.clock.now() - timedelta(days=1)).isoformat()
    assert faults_of(await changes(office, "dsl", incident, Wish.REVIEW, **{DUE: past})) == {DUE: Fault.IN_PAST}
    assert faults_of(await changes(office, "dsl", incident, Wish.REVIEW)) == {DUE: Fault.MISSING}


# Signing off


@pytest.fixture
def signed(office: Office) -> Office:
    """The school with a policy whose log form is signed by the headteacher, who has read it, and a governor, who has not."""
    lines = (SignOff(Role.HEADTEACHER, reads=True), SignOff(Role.GOVERNORS))
    return office.at(replace(office.school, policy=replace(office.school.policy, sign_off=lines)))


async def signs(office: Office, who: str, incident: Incident, note: str = "Seen.") -> SignOutcome:
    """Somebody looks at what is to be signed, and signs."""
    page = await signing.look(office.ports, office.school, office.account(who), incident.id)
    if not isinstance(page, SignPage):
        return page
    return await signing.sign(office.ports, office.school, office.account(who), page.state, note)


async def test_a_closed_case_is_signed_off_line_by_line(signed: Office) -> None:
    """The headteacher reads it for that; the chair, for the governors, is shown no name and no word. Then it is signed off."""
    office = signed
    incident = await taken(office, "dsl", targets=("Bea Exemplar",))
    assert await signing.look(office.ports, office.school, office.account("headteacher"), incident.id) == NotForYou()
    await closes(office, "dsl", incident, Result.REFERRED)
    for who in ("headteacher", "chair"):
        (told,) = office.post.to(office.people[who].id, SignOffMessage)
        assert "Exemplar" not in str(told)
    page = await signing.look(office.ports, office.school, office.account("chair"), incident.id)
    assert isinstance(page, SignPage)
    assert (page.result, page.may_read, page.roles) == (Result.REFERRED, False, (Role.DSL,))
    for secret in ("Exemplar", "Families seen", "He keeps posting"):
        assert secret not in str(page)
    assert await details.read(office.ports, office.school, office.account("chair"), incident.id) == NotForYou()
    assert (await read(office, "headteacher", incident)).course is not None
    for who in ("dsl", "deputy", "it", "teacher"):
        assert await signing.look(office.ports, office.school, office.account(who), incident.id) == NotForYou()
    first = await signs(office, "headteacher", incident)
    assert first == Done(incident.reference, incident.id, ChangeKind.SIGNED)
    assert (await office.incident(incident)).state is IncidentState.CLOSED
    # Once it is signed there is no more need to read it.
    assert not isinstance(await details.read(office.ports, office.school, office.account("headteacher"), incident.id), CaseFile)
    office.clock.advance(minutes=1)
    last = await signs(office, "chair", incident, "Noted at the meeting.")
    assert last == Done(incident.reference, incident.id, ChangeKind.SIGNED, whole=True)
    assert (await office.incident(incident)).state is IncidentState.SIGNED_OFF
    course = (await read(office, "dsl", incident)).course
    assert course is not None
    assert [line.who for line in course.signatures] == ["Helen Pemberton", office.people["chair"].name]
    assert [line.change.text for line in course.changes if line.change.kind is ChangeKind.SIGNED] == [
        "Seen.",
        "Noted at the meeting.",
    ]
    await office.works()
    told = office.post.now_shown(office.people["chair"].id)
    assert isinstance(told, SignOffMessage)
    assert told.settled
    assert "Noted at the meeting" not in str([await office.rows(x) for x in (t.case_changes, t.signatures, t.audit)])


async def test_a_signature_sent_twice_is_one(signed: Office) -> None:
    """And one with another's form, or of another case, is none."""
    office = signed
    incident, other = await taken(office, "dsl"), await taken(office, "dsl")
    for each in (incident, other):
        await closes(office, "dsl", each)
    at = office.ports, office.school
    page = await signing.look(*at, office.account("headteacher"), incident.id)
    assert isinstance(page, SignPage)
    forged = page.state.replace(incident.id, other.id)
    assert await signing.sign(*at, office.account("headteacher"), forged, "") == NotForYou()
    assert await signing.sign(*at, office.account("chair"), page.state, "") == NotForYou()
    assert isinstance(await signing.sign(*at, office.account("headteacher"), page.state, "x" * 3001), SignPage)
    assert isinstance(await signing.sign(*at, office.account("headteacher"), page.state, ""), Done)
    assert isinstance(await signing.sign(*at, office.account("headteacher"), page.state, ""), SignedAlready)
    assert len(await office.rows(t.case_changes, t.case_changes.c.kind == "signed")) == 1


async def test_nobody_signs_their_own_work_or_a_case_about_them(signed: Office) -> None:
    """The next in line does; with nobody left nobody is asked, and the case says so."""
    office = signed
    incident = await office.reports(concern="staff_conduct", about="headteacher")
    await closes(office, "chair", incident)
    async with office.ports.store.transaction(office.school, write=False) as records:
        asked = await records.signatures(incident.id)
    assert [(x.role, x.person_id) for x in asked] == [(Role.GOVERNORS, None), (Role.HEADTEACHER, None)]
    course = (await read(office, "chair", incident)).course
    assert course is not None
    assert [line.who for line in course.signatures] == ["", ""]
    for who in ("headteacher", "chair"):
        assert await signing.look(office.ports, office.school, office.account(who), incident.id) == NotForYou()


async def awaited(office: Office, incident: Incident) -> dict[Role, str | None]:
    """Who is asked to sign each line of a case."""
    names = {person.id: who for who, person in office.people.items()}
    async with office.ports.store.transaction(office.school, write=False) as records:
        found = (await records.awaited_signatures(incident.id))[incident.id]
    return {x.role: names.get(x.person_id or "") for x in found}


async def closed_by_two(office: Office) -> Incident:
    """A case of which the headteacher, who leads safeguarding too, and the head of house have closed a part each."""
    incident = await office.reports(concern="cyberbullying", house="Brunel", danger="yes")
    for alert in await office.alerts(incident):
        who = "brunel head" if Role.HEAD_OF_HOUSE in alert.roles else "headteacher"
        await office.acknowledge(who, alert)
        done = await close.close(office.ports, office.school, office.account(who), alert.id, "Seen.", Result.DEALT_WITH)
        assert isinstance(done, Closed)
    await office.works()
    owners = {alert.owner_id for alert in await office.alerts(incident)}
    assert owners == {office.people[who].id for who in ("headteacher", "brunel head")}
    return incident


async def test_who_dealt_with_a_part_of_a_case_does_not_sign_it_while_another_can(signed: Office) -> None:
    """The chair signs in the head's place, and a governor as a governor; no reminder ever brings it back to the head."""
    office = signed.with_holders(dsl=("headteacher",), deputy_dsl=("deputy",), governors=("chair", "cabot head"))
    incident = await closed_by_two(office)
    assert await awaited(office, incident) == {Role.HEADTEACHER: "chair", Role.GOVERNORS: "cabot head"}
    for _ in range(9):
        office.clock.advance(days=9)
        await office.works()
        assert "headteacher" not in (await awaited(office, incident)).values()
    assert await signing.look(office.ports, office.school, office.account("headteacher"), incident.id) == NotForYou()


async def test_who_dealt_with_a_part_of_it_signs_where_nobody_else_could(signed: Office) -> None:
    """A school with a chair and no other governor: two people sign, as the form asks for, and no case waits for ever."""
    office = signed.with_holders(dsl=("headteacher",), deputy_dsl=("deputy",))
    incident = await closed_by_two(office)
    assert await awaited(office, incident) == {Role.HEADTEACHER: "headteacher", Role.GOVERNORS: "chair"}
    for who in ("headteacher", "chair"):
        assert isinstance(await signs(office, who, incident), Done)
    assert (await office.incident(incident)).state is IncidentState.SIGNED_OFF


async def test_to_hand_a_case_on_before_it_is_closed_makes_nobody_its_judge(signed: Office) -> None:
    """Who decided what follows, or closed it before it was opened again, has dealt with it, whoever closes it in the end."""
    office = signed.with_holders(governors=("cabot head",))
    incident = await taken(office, "dsl")
    await passes_on(office, "dsl", incident, "headteacher")
    await closes(office, "headteacher", incident)
    assert await awaited(office, incident) == {Role.HEADTEACHER: "chair", Role.GOVERNORS: "cabot head"}
    await changes(office, "dsl", incident, Wish.REOPEN)
    await passes_on(office, "headteacher", incident, "dsl")
    await closes(office, "dsl", incident)
    assert await awaited(office, incident) == {Role.HEADTEACHER: "chair", Role.GOVERNORS: "cabot head"}


async def test_nobody_comes_to_sign_their_own_work_by_a_merge(signed: Office) -> None:
    """What the head has dealt with goes into the lead's case, which the lead closes."""
    office = signed.with_holders(governors=("cabot head",))
    first, second = await taken(office, "dsl"), await taken(office, "dsl")
    await passes_on(office, "dsl", second, "headteacher")
    assert isinstance(await changes(office, "dsl", second, Wish.MERGE, **{OTHER: first.reference}), Done)
    await closes(office, "dsl", first)
    assert await awaited(office, first) == {Role.HEADTEACHER: "chair", Role.GOVERNORS: "cabot head"}


async def test_who_decided_what_follows_does_not_sign_it(signed: Office) -> None:
    """The head decides on the policy's steps, and the lead closes the case."""
    office = signed.with_holders(governors=("cabot head",))
    incident = await taken(office, "dsl")
    await passes_on(office, "dsl", incident, "headteacher")
    at = office.ports, office.school, office.account("headteacher")
    asked = await casework.choose(*at, incident.id, {"grid_kind": NO_KIND, "grid_times": COUNTED})
    assert isinstance(asked, DecisionSteps)
    assert isinstance(await casework.decided(*at, asked.state, {"grid_own": "A talk with both of them"}), Timeline)
    await passes_on(office, "headteacher", incident, "dsl")
    await closes(office, "dsl", incident)
    assert await awaited(office, incident) == {Role.HEADTEACHER: "chair", Role.GOVERNORS: "cabot head"}


async def test_whoever_does_not_sign_is_reminded_and_then_the_next_in_line_is_asked(signed: Office) -> None:
    """A signature is not lost because somebody is away; whoever is asked no more may not sign any more."""
    office = signed.at(
        replace(signed.school, policy=replace(signed.school.policy, sign_off=(SignOff(Role.HEADTEACHER, reads=True),)))
    )
    incident = await taken(office, "dsl")
    await closes(office, "dsl", incident)
    for _ in range(4):
        office.clock.advance(days=9)
        await office.works()
    assert office.post.to(office.people["chair"].id, SignOffMessage)
    assert await signing.look(office.ports, office.school, office.account("headteacher"), incident.id) == NotForYou()
    page = await signing.look(office.ports, office.school, office.account("chair"), incident.id)
    assert isinstance(page, SignPage)
    assert not page.may_read
    assert isinstance(await signs(office, "chair", incident), Done)


async def test_what_was_signed_before_a_case_was_opened_again_is_shown_as_that(signed: Office) -> None:
    """On the case's page and on the form, as soon as it is open: not only once it is closed anew."""
    office = signed
    incident = await taken(office, "dsl")
    await closes(office, "dsl", incident)
    for who in ("headteacher", "chair"):
        await signs(office, who, incident)

    async def before() -> tuple[list[bool], list[bool]]:
        course = (await read(office, "dsl", incident)).course
        record = await log_form.look(office.ports, office.school, office.account("dsl"), incident.id)
        assert course is not None
        assert isinstance(record, LogRecord)
        return [line.before for line in course.signatures], [given.before for given in record.signed]

    assert await before() == ([False, False], [False, False])
    await changes(office, "dsl", incident, Wish.REOPEN)
    assert await before() == ([True, True], [True, True])
    await closes(office, "dsl", incident)
    assert await before() == ([True, True, False, False], [True, True])


async def test_a_case_that_is_opened_again_is_signed_anew(signed: Office) -> None:
    """What was signed stays in the record."""
    office = signed
    incident = await taken(office, "dsl")
    await closes(office, "dsl", incident)
    await signs(office, "headteacher", incident)
    await changes(office, "dsl", incident, Wish.REOPEN)
    assert await signs(office, "chair", incident) == NotForYou()
    await closes(office, "dsl", incident)
    for who in ("headteacher", "chair"):
        assert isinstance(await signs(office, who, incident), Done)
    assert (await office.incident(incident)).state is IncidentState.SIGNED_OFF
    async with office.ports.store.transaction(office.school, write=False) as records:
        found = await records.signatures(incident.id)
    assert [(x.round, x.done_at is not None) for x in found] == [(0, False), (0, True), (1, True), (1, True)]


MISSING = "The form says nothing of what her parents were told"


async def sends_back(office: Office, who: str, incident: Incident, reason: str = MISSING) -> SendBackOutcome:
    """Somebody sends a case back instead of signing it."""
    page = await sending_back.ask(office.ports, office.school, office.account(who), incident.id)
    if not isinstance(page, SendBackPage):
        return page
    return await sending_back.send_back(office.ports, office.school, office.account(who), page.state, reason)


async def test_who_is_to_sign_sends_a_case_back_instead(signed: Office) -> None:
    """It is open for whoever had it, who is asked anew and reads why; nobody need sign it until it is closed again."""
    office = signed
    incident = await taken(office, "dsl", targets=("Bea Exemplar",))
    await closes(office, "dsl", incident)
    page = await sending_back.ask(office.ports, office.school, office.account("chair"), incident.id)
    assert isinstance(page, SendBackPage)
    assert "Exemplar" not in str(page)
    office.clock.advance(minutes=1)
    asked_before = await office.asked(incident)
    outcome = await sends_back(office, "chair", incident)
    assert outcome == Done(incident.reference, incident.id, ChangeKind.REOPENED, sent_back=True)
    now = await office.incident(incident)
    assert (now.state, now.closed_at) == (IncidentState.REPORTED, None)
    assert (await office.alert(incident)).state is AlertState.OPEN
    assert await office.asked(incident) == [*asked_before, "dsl"]
    for who in ("headteacher", "chair"):
        assert await signs(office, who, incident) == NotForYou()
        assert await sends_back(office, who, incident) == NotForYou()
    pending = await office.rows(t.timers, t.timers.c.incident_id == incident.id, t.timers.c.state == "pending")
    assert [row.kind for row in pending] == ["climb"]
    await office.works()
    for who in ("headteacher", "chair"):
        told = office.post.now_shown(office.people[who].id)
        assert isinstance(told, SignOffMessage)
        assert told.settled
    course = (await read(office, "dsl", incident)).course
    assert course is not None
    last = course.changes[-1]
    assert (last.change.kind, last.change.code, last.change.text) == (ChangeKind.REOPENED, Role.GOVERNORS, MISSING)
    assert last.who == office.people["chair"].name
    (entry,) = [row for row in await office.rows(t.audit) if row.action == "case.sent_back"]
    assert (entry.actor, entry.data["role"]) == (f"person:{office.people['chair'].id}", Role.GOVERNORS)
    assert MISSING not in str([await office.rows(x) for x in (t.case_changes, t.signatures, t.audit, t.deliveries, t.timers)])
    # Whoever does not answer it again is followed by the next, as of any alert.
    await office.later(hours=3)
    assert (await office.asked(incident))[len(asked_before) + 1 :]
    await closes(office, "dsl", incident)
    for who in ("headteacher", "chair"):
        assert isinstance(await signs(office, who, incident), Done)
    assert (await office.incident(incident)).state is IncidentState.SIGNED_OFF
    async with office.ports.store.transaction(office.school, write=False) as records:
        found = await records.signatures(incident.id)
    assert [(x.round, x.done_at is not None) for x in found] == [(0, False), (0, False), (1, True), (1, True)]


async def test_a_case_is_sent_back_once_by_who_is_asked_to_sign_it(signed: Office) -> None:
    """Not with another's form, not of another case, not without a reason, and not once they have signed."""
    office = signed
    incident, other = await taken(office, "dsl"), await taken(office, "dsl")
    for each in (incident, other):
        await closes(office, "dsl", each)
    at = office.ports, office.school
    for who in ("dsl", "deputy", "it", "teacher", "nobody"):
        assert await sending_back.ask(*at, office.account(who), incident.id) == NotForYou()
    page = await sending_back.ask(*at, office.account("headteacher"), incident.id)
    assert isinstance(page, SendBackPage)
    forged = page.state.replace(incident.id, other.id)
    for who, state in (("headteacher", forged), ("chair", page.state), ("dsl", page.state), ("headteacher", page.state[:-36])):
        assert await sending_back.send_back(*at, office.account(who), state, MISSING) == NotForYou(), (who, state)
    for reason, fault in (("", Fault.MISSING), (" \n", Fault.MISSING), ("x" * 3001, Fault.TOO_LONG)):
        again = await sending_back.send_back(*at, office.account("headteacher"), page.state, reason)
        assert isinstance(again, SendBackPage)
        assert again.faults == {REASON: fault}
    assert (await office.incident(incident)).state is IncidentState.CLOSED
    first = await sending_back.send_back(*at, office.account("headteacher"), page.state, MISSING)
    assert isinstance(first, Done)
    (alert,) = await office.alerts(incident)
    assert await sending_back.send_back(*at, office.account("headteacher"), page.state, "Another reason") == first
    assert await sending_back.send_back(*at, office.account("headteacher"), forged, MISSING) == NotForYou()
    assert await office.alerts(incident) == (alert,)
    sent = await office.rows(t.case_changes, t.case_changes.c.kind == "reopened")
    assert [row.incident_id for row in sent] == [incident.id]
    # Of the other one the headteacher has signed: it is the chair's to sign or to send back.
    assert isinstance(await signs(office, "headteacher", other), Done)
    assert await sends_back(office, "headteacher", other) == NotForYou()
    assert isinstance(await sends_back(office, "chair", other), Done)
    async with office.ports.store.transaction(office.school, write=False) as records:
        assert [x.done_at is not None for x in await records.signatures(other.id)] == [False, True]


async def test_of_two_who_send_a_case_back_at_once_one_does(signed: Office) -> None:
    """The other is told that there is nothing to sign any more, and whoever had the case is asked once."""
    office = signed
    incident = await taken(office, "dsl")
    await closes(office, "dsl", incident)
    before = await office.asked(incident)
    outcomes = await asyncio.gather(*(sends_back(office, who, incident) for who in ("headteacher", "chair")))
    assert sorted(type(x) is Done for x in outcomes) == [False, True]
    assert NotForYou() in outcomes
    assert await office.asked(incident) == [*before, "dsl"]


# What stays of it


async def test_what_is_changed_behind_the_bots_back_is_found(signed: Office) -> None:
    """A reason, a category, a signature: each is vouched for in the audit."""
    office = signed
    incident = await office.reports(concern="off_task", house="Brunel")
    await changes(office, "deputy", incident, Wish.RECLASSIFY, **{CONCERN: "grooming", URGENCY: "low"})
    await closes(office, "dsl", incident)
    await signs(office, "headteacher", incident)
    assert not (await read(office, "dsl", incident)).changed
    i, c, s = t.incidents, t.case_changes, t.signatures
    (first, *_) = await office.rows(c, c.c.kind == "reclassified")
    (mark,) = await office.rows(s, s.c.done_by.is_not(None))
    for change, back in (
        (update(i).values(concern="off_task"), update(i).values(concern="grooming")),
        (update(i).values(urgency="high"), update(i).values(urgency="low")),
        (
            update(c).where(c.c.id == first.id).values(person_id="else"),
            update(c).where(c.c.id == first.id).values(person_id=first.person_id),
        ),
        (
            update(s).where(s.c.id == mark.id).values(done_by="else"),
            update(s).where(s.c.id == mark.id).values(done_by=mark.done_by),
        ),
    ):
        async with office.database.begin() as connection:
            await connection.execute(change)
        assert (await read(office, "dsl", incident)).changed, str(change)
        async with office.database.begin() as connection:
            await connection.execute(back)
        assert not (await read(office, "dsl", incident)).changed
    async with office.database.begin() as connection:
        await connection.execute(c.delete().where(c.c.id == first.id))
    assert (await read(office, "dsl", incident)).changed


async def test_who_puts_themselves_among_the_signers_reads_nothing_and_is_found(signed: Office) -> None:
    """Somebody who can write to the database, and has no key, but holds some role at the school."""
    office = signed
    incident = await taken(office, "dsl")
    await closes(office, "dsl", incident)
    assert all(not chain.unkept for chain in await follow_chains(office.database, words=True))
    mine = {"person_id": office.people["it"].id, "asked_as": "it_support", "reads": True}
    async with office.database.begin() as connection:
        of_governors = update(t.signatures).where(t.signatures.c.incident_id == incident.id, t.signatures.c.role == "governors")
        await connection.execute(of_governors.values(**mine))
    assert not isinstance(await details.read(office.ports, office.school, office.account("it"), incident.id), CaseFile)
    (chain,) = [chain for chain in await follow_chains(office.database, words=True) if chain.unkept]
    assert [(x.reference, x.amiss) for x in chain.unkept or ()] == [(incident.reference, Amiss.LET_IN)]


async def test_nothing_of_a_change_can_be_read_once_the_case_is_erased(signed: Office) -> None:
    """Nobody is asked to sign it any more."""
    office = signed
    incident = await taken(office, "dsl", concern="off_task", house="Brunel")
    await changes(office, "dsl", incident, Wish.RECLASSIFY, **{CONCERN: "off_task", URGENCY: "critical"})
    await closes(office, "dsl", incident)
    async with office.ports.store.transaction(office.school) as records:
        await records.erase(incident.id)
        await records.note(office.clock.now(), "bot", "case.erased", incident.id)
        assert await records.changes(incident.id) == ()
        assert await records.signatures(incident.id) == ()
    assert all(row.sealed is None for row in await office.rows(t.case_changes))
    assert await signs(office, "headteacher", incident) == NotForYou()
    assert await changes(office, "dsl", incident, Wish.REOPEN) == NotForYou()
