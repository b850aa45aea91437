"""A case at work: acknowledged, handed on, settled, closed; and refused to everybody who has no right to it, by whatever id."""

import asyncio
from collections.abc import Awaitable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError

from domain.audience import excluded_ids
from domain.case_changes import Result
from domain.change_forms import Done, Wish
from domain.incident import Alert, AlertState, Asked, CaseFile, Exclusion, Incident, Why
from domain.messages import (
    AlertMessage,
    OpenedMessage,
    ProgressMessage,
    ReceiptMessage,
    ReminderMessage,
    ReviewMessage,
    WithdrawnMessage,
)
from domain.people import Holders, School
from domain.report_form import Fault
from domain.words import About, IncidentState, Role, Urgency
from handlers import acknowledge, case_changes, close, compose, details, hand_on, lists, opening, timers
from handlers.acknowledge import Acknowledged, AlreadyClosed, AlreadyTaken, NotForYou
from handlers.hand_on import HandedOn, HandOnQuestions
from handlers.kept_out import look_again
from storage import tables as t
from storage.policy_files import load_policy
from storage.store import Store
from tests.handlers.office import SAFEGUARDING, Office


async def ask_hand_on(office: Office, who: str, alert: Alert) -> hand_on.AskOutcome:
    """Somebody presses Hand on."""
    return await hand_on.ask(office.ports, office.school, office.account(who), alert.id)


async def hands_on(office: Office, who: str, alert: Alert, to: str, reason: str = "Out of school") -> hand_on.HandOnOutcome:
    """Somebody hands an alert on to somebody else."""
    asked = await ask_hand_on(office, who, alert)
    if not isinstance(asked, HandOnQuestions):
        return asked
    key = next(r.key for r in asked.recipients if r.person.id == office.people[to].id)
    return await hand_on.hand_on(office.ports, office.school, office.account(who), alert.id, key, reason)


async def closes(office: Office, who: str, alert: Alert, outcome: str = "Both families seen.") -> close.CloseOutcome:
    """Somebody closes their part."""
    return await close.close(office.ports, office.school, office.account(who), alert.id, outcome, Result.DEALT_WITH)


async def settles(office: Office, who: str, incident: Incident, person: str, *, same: bool) -> details.SettleOutcome:
    """Somebody says whether a typed name means a member of staff."""
    person_id = office.people[person].id
    return await details.settle(office.ports, office.school, office.account(who), incident.id, person_id, same=same)


async def reads(office: Office, who: str, incident: Incident) -> details.DetailsOutcome:
    """Somebody presses Details."""
    return await details.read(office.ports, office.school, office.account(who), incident.id)


# Acknowledging


async def test_two_who_press_at_once_make_one_owner(office: Office) -> None:
    """The first stands, the other is told who; the reporter gets one line, not two."""
    both = office.with_holders(dsl=["dsl", "deputy"])
    incident = await both.reports()
    alert = await both.alert(incident)
    outcomes = await asyncio.gather(*(both.acknowledge(who, alert) for who in ["dsl", "deputy"] * 3))
    assert len([o for o in outcomes if isinstance(o, Acknowledged)]) == 1
    owner = (await both.alert(incident)).owner_id
    taken = [o for o in outcomes if isinstance(o, AlreadyTaken)]
    assert len(taken) == 5
    assert {o.owner for o in taken} == {p.name for p in both.people.values() if p.id == owner}
    await both.works()
    assert len(both.post.to("U-teacher", ProgressMessage)) == 1


async def test_pressing_while_everything_else_happens_never_fails(office: Office) -> None:
    """The timer falls due, copies are composed and two people press, all at the same moment: nobody gets an error."""
    both = office.with_holders(dsl=["dsl", "deputy"])
    for _ in range(6):
        incident = await both.reports()
        alert = await both.alert(incident)
        due = await both.rows(t.timers, t.timers.c.alert_id == alert.id)
        leased = await both.worker.outbox.lease(
            both.clock.now(), 2 * (alert.due_at - both.clock.now()), 20, frozenset(both.ports.platforms)
        )
        ringing = [
            (school, timer)
            for school, timer in await both.worker.outbox.due_timers(alert.due_at, 50, [both.school.id])
            if timer.id in {r.id for r in due}
        ]
        work: list[Awaitable[Any]] = [both.acknowledge("dsl", alert), both.acknowledge("deputy", alert)]
        work += [compose.compose(both.ports, both.school, d) for d in leased] * 3
        work += [timers.ring(both.ports, both.school, timer) for _, timer in ringing]
        work += [reads(both, "dsl", incident), ask_hand_on(both, "deputy", alert)]
        await asyncio.gather(*work)
        assert (await both.alert(incident)).state is AlertState.ACKNOWLEDGED


async def test_the_reporters_line_names_a_role_and_not_a_person(office: Office) -> None:
    """Who it is stays among those who answer."""
    incident = await office.reports()
    await office.acknowledge("dsl", await office.alert(incident))
    await office.works()
    (line,) = office.post.to("U-teacher", ProgressMessage)
    assert isinstance(line, ProgressMessage)
    assert "Safeguarding Lead" in line.role_title
    assert "Okafor" not in str(line)


async def test_an_acknowledged_alert_does_not_climb(office: Office) -> None:
    """Once taken it asks nobody else, however late."""
    incident = await office.reports()
    await office.acknowledge("dsl", await office.alert(incident))
    await office.later(minutes=120)
    assert await office.asked(incident) == ["dsl"]


async def test_a_line_that_waited_does_not_claim_what_is_no_longer_so(office: Office) -> None:
    """Acknowledged, then handed on before the reporter's line could be sent: nobody is told that the new one has taken it."""
    incident = await office.reports()
    alert = await office.alert(incident)
    await office.acknowledge("dsl", alert)
    assert isinstance(await hands_on(office, "dsl", alert, "deputy"), HandedOn)
    await office.works()
    assert office.post.to("U-teacher", ProgressMessage) == []


# Handing on


async def test_handed_on_it_is_the_others_to_answer(office: Office) -> None:
    """Asked at once, with a fresh deadline; unanswered it climbs from there; the reason stands in the case."""
    incident = await office.reports()
    alert = await office.alert(incident)
    office.clock.advance(minutes=10)
    assert isinstance(await hands_on(office, "dsl", alert, "headteacher"), HandedOn)
    now = await office.alert(incident)
    assert (now.state, now.owner_id, now.role) == (AlertState.OPEN, None, Role.HEADTEACHER)
    await office.later(minutes=14)
    assert await office.asked(incident) == ["dsl", "headteacher"]
    await office.later(minutes=1)
    assert await office.asked(incident) == ["dsl", "headteacher", "chair"]
    case = await reads(office, "headteacher", incident)
    assert isinstance(case, CaseFile)
    assert [(note.text, who) for note, who in case.notes] == [("Out of school", "Dana Okafor")]


@pytest.mark.parametrize(
    ("to", "reason", "faults"),
    [
        ("", "", {"to": Fault.MISSING, "reason": Fault.MISSING}),
        ("deputy_dsl||nobody", "ok", {"to": Fault.UNKNOWN_CHOICE}),
        ("\x00\ud800", " ", {"to": Fault.UNKNOWN_CHOICE, "reason": Fault.MISSING}),
        ("x" * 5000, "x" * 3001, {"to": Fault.UNKNOWN_CHOICE, "reason": Fault.TOO_LONG}),
    ],
)
async def test_a_wrong_hand_on_comes_back(office: Office, to: str, reason: str, faults: dict[str, Fault]) -> None:
    """At its fields, with what was typed; the alert stays where it was."""
    alert = await office.alert(await office.reports())
    outcome = await hand_on.hand_on(office.ports, office.school, office.account("dsl"), alert.id, to, reason)
    assert isinstance(outcome, HandOnQuestions)
    assert outcome.faults == faults
    assert (outcome.chosen, outcome.reason) == (to, reason)


async def test_it_cannot_be_handed_to_somebody_whom_it_names(office: Office) -> None:
    """The deputy is the target: not among the choices, and refused by key."""
    incident = await office.reports(targets=(office.picked("deputy"),))
    alert = await office.alert(incident)
    asked = await ask_hand_on(office, "dsl", alert)
    assert isinstance(asked, HandOnQuestions)
    assert office.people["deputy"].id not in {r.person.id for r in asked.recipients}
    assert office.people["dsl"].id not in {r.person.id for r in asked.recipients}
    key = hand_on.Recipient(office.people["deputy"], Role.DEPUTY_DSL, "").key
    outcome = await hand_on.hand_on(office.ports, office.school, office.account("dsl"), alert.id, key, "why")
    assert isinstance(outcome, HandOnQuestions)


async def test_every_choice_is_told_apart_and_fits_a_form(office: Office) -> None:
    """Two heads of a house with a long name: each has a key of their own, of at most 75 characters."""
    house = "The House of Saint Bartholomew the Apostle and Saint Wulfstan"
    heads = Holders(by_group={house: (office.people["brunel head"].email, office.people["cabot head"].email)})
    there = office.at(replace(office.school, houses=(house,), holders={**office.school.holders, Role.HEAD_OF_HOUSE: heads}))
    asked = await ask_hand_on(there, "dsl", await there.alert(await there.reports()))
    assert isinstance(asked, HandOnQuestions)
    keys = [r.key for r in asked.recipients]
    assert len(keys) == len(set(keys))
    assert all(len(key) <= 75 for key in keys)


async def test_a_private_case_is_handed_on_to_few(office: Office) -> None:
    """A matter about staff can go to the head, the chair, the governors or the DSL, and to nobody else."""
    incident = await office.reports(concern="staff_conduct", about="staff", perpetrators=(office.picked("teacher"),))
    alert = next(a for a in await office.alerts(incident) if a.role is Role.HEADTEACHER)
    asked = await ask_hand_on(office, "headteacher", alert)
    assert isinstance(asked, HandOnQuestions)
    assert {r.role for r in asked.recipients} <= {Role.HEADTEACHER, Role.CHAIR_OF_GOVERNORS, Role.GOVERNORS, Role.DSL}


async def test_handed_on_to_somebody_out_of_reach_the_next_is_asked(office: Office) -> None:
    """The workspace does not know the one it was handed to: somebody else is asked at once, not at the deadline."""
    office.post.unknown.add(office.people["headteacher"].id)
    incident = await office.reports()
    await office.works()
    alert = await office.alert(incident)
    await hands_on(office, "dsl", alert, "headteacher")
    await office.works()
    assert len(await office.asked(incident)) >= 3


async def shut_out(office: Office, incident: Incident, who: str) -> None:
    """It is found out that a case is about somebody, in whatever way."""
    person = office.people[who].id
    async with office.ports.store.transaction(office.school) as records:
        await records.add_exclusions(incident.id, [Exclusion(person, Why.NAMED)])
        state = await records.shut_out(incident.id)
        await records.note(office.clock.now(), "bot", "match.listed", incident.id, person=person, shut_out=state)
        held = await records.incident(incident.id)
        assert held is not None
        await look_again(office.ports, records, office.school, held, frozenset({person}))


async def test_handed_on_to_somebody_who_is_then_kept_out_the_next_is_asked(office: Office) -> None:
    """At once: whoever handed it on has done with it, and waits for nobody but them."""
    incident = await office.reports()
    office.clock.advance(minutes=1)
    await hands_on(office, "dsl", await office.alert(incident), "it")
    await office.works()
    before = await office.asked(incident)
    assert before[-1] == "it"
    await shut_out(office, incident, "it")
    await office.works()
    assert len(await office.asked(incident)) == len(before) + 1


async def test_what_stands_in_the_chat_of_somebody_who_is_kept_out_is_withdrawn(office: Office) -> None:
    """That a case is to be looked at again, too: it has the reference, and a way to the case."""
    incident = await office.reports()
    await office.acknowledge("dsl", await office.alert(incident))
    form = f"{incident.id}|{Wish.REVIEW}|form"
    due = (office.clock.now() + timedelta(days=2)).isoformat()
    filled = {"change_reason": "See how it goes", "change_due": due}
    assert isinstance(await case_changes.change(office.ports, office.school, office.account("deputy"), form, filled), Done)
    await office.later(days=3)
    deputy = office.people["deputy"].id
    assert isinstance(office.post.now_shown(deputy), ReviewMessage)
    await shut_out(office, incident, "deputy")
    await office.works()
    assert isinstance(office.post.now_shown(deputy), WithdrawnMessage)


async def test_a_part_that_was_closed_meanwhile_is_not_opened_again(office: Office) -> None:
    """One closes their part while another fills in the form that hands it on: closed it stays."""
    async with office.ports.store.transaction(office.school, write=False) as records:
        (bea,), (cai,) = [await records.search_people(n, 1) for n in ("Bea", "Cai")]
    incident = await office.reports(concern="account_misuse", targets=(f"person:{bea.id}", f"person:{cai.id}"))
    alert = next(a for a in await office.alerts(incident) if a.group == "Brunel")
    await office.acknowledge("brunel head", alert)
    asked = await ask_hand_on(office, "brunel head", alert)
    assert isinstance(asked, HandOnQuestions)
    key = next(r.key for r in asked.recipients if r.role is Role.DSL)
    await closes(office, "brunel head", alert)
    sent = await hand_on.hand_on(office.ports, office.school, office.account("brunel head"), asked.state, key, "why")
    assert isinstance(sent, AlreadyClosed)
    now = next(a for a in await office.alerts(incident) if a.id == alert.id)
    assert now.state is AlertState.DONE


# Closing


async def test_the_last_part_closes_the_case(office: Office) -> None:
    """Two heads of house: closed by one it is in progress, closed by both it is closed, and the reporter hears it once."""
    async with office.ports.store.transaction(office.school, write=False) as records:
        (bea,), (cai,) = [await records.search_people(n, 1) for n in ("Bea", "Cai")]
    incident = await office.reports(concern="account_misuse", targets=(f"person:{bea.id}", f"person:{cai.id}"))
    heads = {"Brunel": "brunel head", "Cabot": "cabot head"}
    for number, alert in enumerate(await office.alerts(incident)):
        who = heads[alert.group]
        assert isinstance(await closes(office, who, alert), close.NotYetTaken)
        await office.acknowledge(who, alert)
        done = await closes(office, who, alert)
        assert isinstance(done, close.Closed)
        assert done.whole is (number == 1)
        assert isinstance(await closes(office, who, alert), AlreadyClosed)
    assert (await office.incident(incident)).state is IncidentState.CLOSED
    await office.works()
    assert len([m for m in office.post.to("U-teacher", ProgressMessage) if isinstance(m, ProgressMessage) and m.closed]) == 1
    await office.later(days=10)
    assert office.post.to(office.people["brunel head"].id, ReminderMessage) == []


@pytest.mark.parametrize(("outcome", "fault"), [("", Fault.MISSING), (" \n", Fault.MISSING), ("x" * 3001, Fault.TOO_LONG)])
async def test_a_case_is_not_closed_without_an_outcome(office: Office, outcome: str, fault: Fault) -> None:
    """A record holds how it ended."""
    alert = await office.alert(await office.reports())
    await office.acknowledge("dsl", alert)
    asked = await closes(office, "dsl", alert, outcome)
    assert isinstance(asked, close.CloseQuestions)
    assert asked.faults == {"outcome": fault}
    assert asked.outcome == outcome


@pytest.mark.parametrize(("result", "fault"), [("", Fault.MISSING), ("nonsense", Fault.UNKNOWN_CHOICE)])
async def test_nobody_chooses_for_them_how_a_case_ended(office: Office, result: str, fault: Fault) -> None:
    """The form begins with nothing chosen; sent so, or with a word that there is not, it comes back with what was typed."""
    alert = await office.alert(await office.reports())
    await office.acknowledge("dsl", alert)
    form = await close.ask(office.ports, office.school, office.account("dsl"), alert.id)
    assert isinstance(form, close.CloseQuestions)
    assert (form.has_result, form.result) == (True, "")
    asked = await close.close(office.ports, office.school, office.account("dsl"), alert.id, "Both families seen.", result)
    assert isinstance(asked, close.CloseQuestions)
    assert asked.faults == {"result": fault}
    assert asked.outcome == "Both families seen."
    assert (await office.alert(asked.incident)).state is AlertState.ACKNOWLEDGED


async def test_only_its_owner_closes_it(office: Office) -> None:
    """Another holder is told whose it is."""
    both = office.with_holders(dsl=["dsl", "deputy"])
    alert = await both.alert(await both.reports())
    await both.acknowledge("dsl", alert)
    refused = await closes(both, "deputy", alert)
    assert isinstance(refused, close.NotYetTaken)
    assert refused.owner == "Dana Okafor"


# No right to it


async def refusals(office: Office, who: str, incident: Incident, alert: Alert) -> list[object]:
    """What somebody gets who tries every action on a case by its ids."""
    account, ports, school = office.account(who), office.ports, office.school
    staff = [*office.people.values()]
    return [
        await acknowledge.acknowledge(ports, school, account, alert.id),
        await details.read(ports, school, account, incident.id),
        await hand_on.ask(ports, school, account, alert.id),
        *[await hand_on.hand_on(ports, school, account, alert.id, f"dsl|{p.id}", "why") for p in staff[:2]],
        await close.ask(ports, school, account, alert.id),
        await close.close(ports, school, account, alert.id, "done", Result.DEALT_WITH),
        *[await details.settle(ports, school, account, incident.id, p.id, same=same) for p in staff for same in (True, False)],
    ]


async def test_whoever_has_no_right_is_refused_every_action(office: Office) -> None:
    """The person in doubt, a stranger, the reporter, IT, the head of a house: the same answer to all, and nothing changes."""
    incident = await office.reports(about="unknown", perpetrators=("text:Ms Okafor",))
    alert = await office.alert(incident)
    before = [await office.rows(table) for table in (t.alerts, t.exclusions, t.case_notes, t.audit)]
    for who in ("dsl", "stranger", "teacher", "it", "brunel head"):
        answers = await refusals(office, who, incident, alert)
        assert answers == [NotForYou()] * len(answers), who
    assert [await office.rows(table) for table in (t.alerts, t.exclusions, t.case_notes, t.audit)] == before


async def test_somebody_asked_and_then_found_to_be_named_is_refused(office: Office) -> None:
    """The head is asked, and another name of the report turns out to be theirs: from then on nothing of it is theirs to see."""
    incident = await office.reports(about="unknown", perpetrators=("text:Ms Okafor",))
    alert = await office.alert(incident)
    await office.acknowledge("deputy", alert)
    async with Store(office.database).transaction(office.school) as records:
        from domain.incident import Exclusion, Why

        await records.add_exclusions(incident.id, [Exclusion(office.people["deputy"].id, Why.NAMED)])
    answers = await refusals(office, "deputy", incident, alert)
    assert answers == [NotForYou()] * len(answers)


async def test_another_schools_ids_open_nothing(office: Office) -> None:
    """The same person, with the ids of a case of this school, at another school's desk."""
    incident = await office.reports()
    alert = await office.alert(incident)
    elsewhere = replace(office, school=replace(office.school, id="another"))
    answers = await refusals(elsewhere, "dsl", incident, alert)
    assert answers == [NotForYou()] * len(answers)


async def test_a_wrong_id_is_not_for_anybody(office: Office) -> None:
    """Whatever stands where an id should, the answer is the same as for a case that is not theirs."""
    incident = await office.reports()
    account, ports, school = office.account("dsl"), office.ports, office.school
    for wrong in ("", "x" * 37, "x" * 5000, "' OR 1=1 --", "\U0001f600", "|", "none"):
        assert await acknowledge.acknowledge(ports, school, account, wrong) == NotForYou()
        assert await details.read(ports, school, account, wrong) == NotForYou()
        assert await hand_on.ask(ports, school, account, wrong) == NotForYou()
        assert await close.close(ports, school, account, wrong, "done", Result.DEALT_WITH) == NotForYou()
        assert await details.settle(ports, school, account, wrong, wrong, same=True) == NotForYou()
        assert isinstance(await details.settle(ports, school, account, incident.id, wrong, same=True), CaseFile)


async def test_reading_is_logged_before_anything_is_shown(office: Office) -> None:
    """Each reading is in the audit, by whom; a refused one shows nothing; the log in the case does not list readings."""
    incident = await office.reports()
    await reads(office, "dsl", incident)
    case = await reads(office, "dsl", incident)
    assert isinstance(case, CaseFile)
    read = await office.rows(t.audit, t.audit.c.action == "case.read")
    assert [r.actor for r in read] == [f"person:{office.people['dsl'].id}"] * 2
    assert "case.read" not in {entry.action for entry in case.log}


# Settling a name


async def test_a_dismissed_name_may_be_asked_again(office: Office) -> None:
    """ "No, somebody else": the DSL is the next to be asked, and may read it."""
    incident = await office.reports(about="unknown", perpetrators=("text:Ms Okafor",))
    assert await office.asked(incident) == ["deputy"]
    case = await settles(office, "deputy", incident, "dsl", same=False)
    assert isinstance(case, CaseFile)
    assert case.possible == ()
    await office.later(minutes=15)
    assert "dsl" in await office.asked(incident)
    assert isinstance(await reads(office, "dsl", incident), CaseFile)


async def test_a_confirmed_name_goes_where_staff_matters_go(office: Office) -> None:
    """ "Yes, it is her": private, about staff, the headteacher is asked, and the DSL stays out of it for good."""
    incident = await office.reports(about="external", perpetrators=("text:Ms Okafor",))
    await settles(office, "deputy", incident, "dsl", same=True)
    await office.works()
    now = await office.incident(incident)
    assert now.private
    assert now.facts.about is About.STAFF
    assert "headteacher" in await office.asked(incident)
    for _ in range(8):
        await office.later(minutes=90)
    assert "dsl" not in await office.asked(incident)
    assert await reads(office, "dsl", incident) == NotForYou()
    assert await settles(office, "deputy", incident, "dsl", same=False) is not None
    assert await reads(office, "dsl", incident) == NotForYou()


async def test_a_confirmed_name_hastens_whoever_has_it_still(office: Office) -> None:
    """Of a member of staff it is more urgent: all who are to answer have the time that their route gives, from now."""
    office = office.at(replace(office.school, policy=load_policy("cookridge")))
    incident = await office.reports(concern="image_misuse", illegal="yes", perpetrators=(office.people["it"].name,))
    assert incident.urgency is Urgency.HIGH
    office.clock.advance(minutes=1)
    await settles(office, "dsl", incident, "it", same=True)
    alerts = await office.alerts(incident)
    assert {a.role for a in alerts} == {Role.DSL, Role.HEADTEACHER}
    rings = {
        r.alert_id: r.due_at for r in await office.rows(t.timers, t.timers.c.kind == "climb", t.timers.c.state == "pending")
    }
    for alert in alerts:
        assert rings[alert.id] == alert.due_at == office.clock.now() + timedelta(minutes=15)


async def test_a_confirmed_name_withdraws_what_stands_in_channels(office: Office) -> None:
    """Typed as a target it stood in a channel; settled as the accused too, the channel's copy says nothing any more."""
    await office.read_by(SAFEGUARDING, "deputy")
    incident = await office.reports(about="external", targets=("text:Ms Okafor",))
    await office.works()
    assert isinstance(office.post.now_shown("safeguarding"), AlertMessage)
    async with Store(office.database).transaction(office.school) as records:
        from domain.incident import MessageKind

        await records.make_private(incident.id, About.STAFF)
        await records.show_again(incident.id, office.clock.now(), MessageKind.ALERT)
    await office.works()
    shown = office.post.now_shown("safeguarding")
    assert shown == WithdrawnMessage(incident.reference)


async def test_the_head_confirmed_makes_it_the_chairs(office: Office) -> None:
    """The typed name is the headteacher's: the chair is asked, and the head never hears of it."""
    incident = await office.reports(about="external", perpetrators=("text:Mrs Pemberton",))
    assert await office.asked(incident) == ["dsl"]
    await settles(office, "dsl", incident, "headteacher", same=True)
    for _ in range(6):
        await office.later(minutes=90)
    assert (await office.incident(incident)).facts.about is About.HEADTEACHER
    assert "chair" in await office.asked(incident)
    assert "headteacher" not in await office.asked(incident)
    assert office.post.to(office.people["headteacher"].id) == []


async def test_a_name_settled_after_the_case_was_closed_still_alerts_somebody(office: Office) -> None:
    """Closed as somebody else's doing, and then it is a member of staff: the head is asked, and can answer."""
    incident = await office.reports(about="external", perpetrators=("text:Mr Devlin",))
    alert = await office.alert(incident)
    await office.acknowledge("dsl", alert)
    await closes(office, "dsl", alert)
    await settles(office, "dsl", incident, "cabot head", same=True)
    await office.works()
    opened = [a for a in await office.alerts(incident) if a.state is AlertState.OPEN]
    heads = next(a for a in opened if a.role is Role.HEADTEACHER)
    assert isinstance(await office.acknowledge("headteacher", heads), Acknowledged)


async def test_settled_twice_the_first_stands(office: Office) -> None:
    """Two people press at once, one Yes and one No: one answer is kept, and its writer is known."""
    incident = await office.reports(about="unknown", perpetrators=("text:Ms Okafor",))
    both = office.with_holders(deputy_dsl=["deputy", "cabot head"])
    await asyncio.gather(*(settles(both, "deputy", incident, "dsl", same=same) for same in (True, False)))
    settled = await office.rows(t.audit, t.audit.c.action.in_(["match.confirmed", "match.dismissed"]))
    assert len(settled) == 1
    (row,) = await office.rows(t.exclusions)
    assert row.why == ("named" if settled[0].action == "match.confirmed" else "dismissed")
    assert row.settled_by == office.people["deputy"].id


# Time passes


async def test_it_climbs_to_each_in_turn_and_comes_round(office: Office) -> None:
    """Each once a round, in order, for as long as nobody answers."""
    incident = await office.reports()
    for _ in range(8):
        await office.later(minutes=15)
    order = ["dsl", "deputy", "headteacher", "chair"]
    assert await office.asked(incident) == [*order, *order, "dsl"]
    last = office.post.to(office.people["dsl"].id, AlertMessage)[-1]
    assert isinstance(last, AlertMessage)
    assert (last.why, last.round, last.late) == (Asked.CLIMBED, 2, True)


async def test_one_deadline_asks_one_more(office: Office) -> None:
    """Whatever was settled, handed on or rung twice: at each deadline one more is asked, never two."""
    incident = await office.reports(about="external", perpetrators=("text:Mr Devlin",))
    await office.works()
    await settles(office, "dsl", incident, "cabot head", same=False)
    alert = await office.alert(incident)
    await hands_on(office, "dsl", alert, "headteacher")
    for _ in range(3):
        before = len(await office.asked(incident))
        await office.later(minutes=15)
        assert len(await office.asked(incident)) == before + 1
    pending = await office.rows(t.timers, t.timers.c.state == "pending")
    assert len(pending) == 1


async def test_a_timer_rings_once(office: Office) -> None:
    """Two workers see it due: its effects happen once."""
    incident = await office.reports()
    office.clock.advance(minutes=15)
    due = await office.worker.outbox.due_timers(office.clock.now(), 10, [office.school.id])
    await asyncio.gather(*(timers.ring(office.ports, office.school, timer) for _, timer in due * 4))
    assert await office.asked(incident) == ["dsl", "deputy"]


async def test_with_nobody_to_ask_it_is_noted_and_does_not_spin(office: Office) -> None:
    """Everybody is shut out: the bot looks again every hour, and says in the log that it found nobody."""
    await office.reports(perpetrators=tuple(office.picked(w) for w in office.people))
    rounds = 0
    for _ in range(4):
        office.clock.advance(hours=1)
        rounds += await office.works()
    assert rounds <= 12
    noted = await office.rows(t.audit, t.audit.c.action == "alert.nobody_to_ask")
    assert 1 <= len(noted) <= 5


async def test_with_everybody_out_of_reach_it_does_not_spin(office: Office) -> None:
    """The workspace knows nobody: each is tried at once in the first round, and after that only at the deadlines."""
    office.post.unknown.add("everybody")
    incident = await office.reports()
    await office.works()
    first = await office.asked(incident)
    assert set(first) == {"dsl", "deputy", "headteacher", "chair"}
    assert len(first) <= 5
    await office.later(minutes=14)
    assert len(await office.asked(incident)) == len(first)
    await office.later(minutes=1)
    assert len(await office.asked(incident)) == len(first) + 1


async def test_the_next_in_line_out_of_reach_is_passed_over_at_once(office: Office) -> None:
    """The DSL was late, the workspace does not know the deputy: the head is asked now, not a deadline later."""
    office.post.unknown.add(office.people["deputy"].id)
    incident = await office.reports(concern="grooming")
    await office.works()
    await office.later(minutes=15)
    assert set(await office.asked(incident)) == {"dsl", "deputy", "headteacher"}


async def test_a_forgotten_case_comes_back_every_school_day(office: Office) -> None:
    """Acknowledged and not closed: its owner is reminded the next school morning, and the one after."""
    incident = await office.reports()
    await office.acknowledge("dsl", await office.alert(incident))
    await office.works()
    for day in range(1, 4):
        office.clock.at = office.clock.at.replace(hour=9, minute=0)
        await office.later(days=1)
        assert len(office.post.to(office.people["dsl"].id, ReminderMessage)) == day


async def test_a_reminder_of_what_was_handed_on_is_not_sent(office: Office) -> None:
    """The former owner is left in peace; the new one is reminded once they have taken it."""
    incident = await office.reports()
    alert = await office.alert(incident)
    await office.acknowledge("dsl", alert)
    await hands_on(office, "dsl", alert, "deputy")
    await office.acknowledge("deputy", alert)
    await office.later(days=1)
    assert office.post.to(office.people["dsl"].id, ReminderMessage) == []
    assert len(office.post.to(office.people["deputy"].id, ReminderMessage)) == 1


async def test_timers_of_a_school_that_is_no_longer_served_hold_up_nobody(office: Office) -> None:
    """Thirty cases of a school whose file is gone are overdue: the alerts of the others still climb."""
    gone = replace(office.school, id="gone", prefix="GON")
    for _ in range(30):
        await report_elsewhere(office, gone)
    incident = await office.reports()
    office.clock.advance(minutes=15)
    for _ in range(5):
        await office.worker.round()
    assert await office.asked(incident) == ["dsl", "deputy"]


async def report_elsewhere(office: Office, school: School) -> None:
    """A report at another school of the same database."""
    await replace(office, school=school).reports("stranger", about="external")


async def test_a_timer_that_breaks_holds_up_nobody(office: Office) -> None:
    """One case that cannot be worked on must not stop every other alert from being sent."""
    broken = await office.reports()
    async with office.database.begin() as connection:
        await connection.execute(t.alerts.update().where(t.alerts.c.incident_id == broken.id).values(role="dragon_keeper"))
    office.clock.advance(minutes=15)
    incident = await office.reports()
    for _ in range(3):
        try:
            await office.worker.round()
        except Exception:  # noqa: BLE001 - the worker's own loop catches it and goes on
            continue
    assert office.post.to(office.people["dsl"].id, AlertMessage)
    assert incident.reference in {m.reference for m in office.post.to(office.people["dsl"].id) if isinstance(m, AlertMessage)}


async def test_nothing_of_a_case_stands_in_an_error(office: Office) -> None:
    """What goes wrong in the database is logged without the words that were being written."""
    incident = await office.reports()
    secret = "Bea said that he"
    row = {"incident_id": incident.id, "field": "nonsense", "text": secret}
    async with office.database.engine.connect() as connection:
        with pytest.raises(IntegrityError) as broken:
            await connection.execute(t.incident_texts.insert(), [row])
    assert secret not in str(broken.value)


async def test_excluded_ids_hold_until_dismissed(office: Office) -> None:
    """What the records say of who is shut out is what the rules say."""
    incident = await office.reports(about="unknown", perpetrators=("text:Ms Okafor",))
    async with office.ports.store.transaction(office.school, write=False) as records:
        found = (await records.exclusions(incident.id))[incident.id]
    assert excluded_ids(found) == {office.people["dsl"].id}


async def receipt(office: Office, incident: Incident) -> ReceiptMessage:
    """What the reporter's receipt says now."""
    async with office.ports.store.transaction(office.school, write=False) as records:
        return await compose.receipt_of(records, office.school, await office.incident(incident))


def lines(office: Office, place: str) -> list[ProgressMessage]:
    """What the reporter has been sent beside the receipt."""
    return [m for m in office.post.to(place) if isinstance(m, ProgressMessage)]


async def test_the_receipt_of_an_accused_reporter_stays_as_it_was(office: Office) -> None:
    """They typed a name that is found to be their own. That the headteacher has it now, and the LADO, would tell them so."""
    accused = office.people["teacher"]
    incident = await office.reports("teacher", perpetrators=(accused.name,))
    await office.works()
    first, place = await receipt(office, incident), office.account("teacher").user_id
    office.clock.advance(minutes=1)
    await settles(office, "dsl", incident, "teacher", same=True)
    await office.works()
    assert (await office.incident(incident)).private
    assert await receipt(office, incident) == first
    assert office.post.now_shown(place) == first
    for role, who in ((Role.DSL, "dsl"), (Role.HEADTEACHER, "headteacher")):
        alert = next(a for a in await office.alerts(incident) if a.role is role)
        assert isinstance(await office.acknowledge(who, alert), Acknowledged)
        await office.works()
        assert await receipt(office, incident) == first
        await closes(office, who, alert)
        await office.works()
    assert not (await office.incident(incident)).is_open
    assert await receipt(office, incident) == replace(first, state=IncidentState.CLOSED)
    assert [(m.closed, m.role_title) for m in lines(office, place)] == [(False, first.dealing[0]), (True, "")]


async def test_they_do_not_hear_that_it_was_opened_again(office: Office) -> None:
    """Closed by the lead, whom they knew it to be with; a week later the name is found to be theirs."""
    incident = await office.reports("teacher", perpetrators=(office.people["teacher"].name,))
    await office.works()
    for who, alert in zip(await office.asked(incident), await office.alerts(incident), strict=True):
        await office.acknowledge(who, alert)
        await office.works()
        await closes(office, who, alert)
        await office.works()
    told, place = await receipt(office, incident), office.account("teacher").user_id
    heard = lines(office, place)
    assert told.state is IncidentState.CLOSED
    assert heard[-1].closed
    assert heard[-1].role_title in told.dealing
    office.clock.advance(days=7)
    await settles(office, "dsl", incident, "teacher", same=True)
    await office.works()
    assert (await office.incident(incident)).is_open
    (own,) = await lists.mine(office.ports, office.school, office.account("teacher"))
    assert own.state is IncidentState.CLOSED, "their own list says no more than the receipt"
    for alert in await office.alerts(incident):
        who = "dsl" if alert.role is Role.DSL else "headteacher"
        await office.acknowledge(who, alert)
        await closes(office, who, alert)
    await office.works()
    assert not (await office.incident(incident)).is_open
    assert await receipt(office, incident) == told
    assert lines(office, place) == heard


async def test_that_a_case_was_offered_for_opening_is_noted(office: Office) -> None:
    """The headteacher looks a reference up, is asked whether to open the case, and does not. The case's own log shows it."""
    incident = await office.reports()
    offered = await opening.look_up(office.ports, office.school, office.account("headteacher"), incident.reference)
    assert isinstance(offered, opening.OpenQuestions)
    (entry,) = await office.rows(t.audit, t.audit.c.action == "case.offered")
    assert (entry.incident_id, entry.actor) == (incident.id, f"person:{office.people['headteacher'].id}")
    case = await reads(office, "dsl", incident)
    assert isinstance(case, CaseFile)
    assert [e.who for e in case.log if e.action == "case.offered"] == [office.people["headteacher"].name]


@pytest.mark.parametrize(
    ("governors", "senior", "told"),
    [(["cabot head"], ["brunel head"], ["cabot head"]), ([], ["brunel head", "cabot head"], ["cabot head"])],
)
async def test_somebody_is_told_that_a_case_was_opened(
    office: Office, governors: list[str], senior: list[str], told: list[str]
) -> None:
    """The leads and the head are named in it, and the school has no chair: governors are told, or another senior leader."""
    office = office.with_holders(chair_of_governors=[], governors=governors, senior_leadership=senior)
    incident = await office.reports(targets=tuple(office.picked(who) for who in ("dsl", "deputy", "headteacher")))
    opened = await opening.open_case(office.ports, office.school, office.account("brunel head"), incident.id, "Nobody answers")
    assert isinstance(opened, CaseFile)
    await office.works()
    assert [who for who, p in office.people.items() if office.post.to(p.id, OpenedMessage)] == told
