"""Who does what: the receipt tells the reporter their own steps and no more, the case tells all of them."""

from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from itertools import product

import pytest

from cards.case import case_form
from cards.messages import message_card, receipt_parts
from cards.model import Banner, Facts, Part, Section, Text
from cards.steps import step_text
from cards.texts import say
from domain.incident import CaseFile, Incident, Narrative
from domain.messages import ReceiptMessage
from domain.people import Account, Platform, School, Staff
from domain.routing import Facts as Told
from domain.routing import Route, route
from domain.words import About, Doer, IncidentState
from handlers.compose import receipt
from storage.policy_files import load_policy, policy_ids

MOST_STEPS = 4
WHEN = datetime(2026, 11, 20, 14, 5, tzinfo=UTC)

Report = tuple[Told, Route]


@cache
def every_report(policy_id: str) -> tuple[tuple[Report, ReceiptMessage], ...]:
    """All that a report can say, with its route and its receipt."""
    policy = load_policy(policy_id)
    answers: tuple[bool | None, ...] = (None, False, True)
    told = (Told(*said) for said in product(policy.concerns, About, answers, (False, True), answers))
    reports = ((facts, route(policy, facts)) for facts in told)
    return tuple((report, received(policy_id, report)) for report in reports)


def school(policy_id: str) -> School:
    """A school with that policy and nobody in it."""
    return School("s", "S School", "SSS", load_policy(policy_id))


def incident(facts: Told, found: Route) -> Incident:
    """A report that was made just now."""
    return Incident(
        id="i",
        school="s",
        reference="SSS-2026-0001",
        facts=facts,
        urgency=found.urgency,
        private=found.private,
        state=IncidentState.REPORTED,
        reporter=Account(Platform.SLACK, "U-teacher", "t@s.example", "T"),
        reported_at=WHEN,
        occurred_at=WHEN,
        due_at=WHEN,
    )


def received(policy_id: str, report: Report) -> ReceiptMessage:
    """The receipt for it, somebody having been alerted."""
    made = receipt(school(policy_id), Staff([]), incident(*report), (), {}, frozenset())
    return replace(made, reached_nobody=False, dealing=("Safeguarding lead",))


def read(parts: tuple[Part, ...]) -> list[str]:
    """Banners, headings and texts in the order in which they are read."""
    found: list[str] = []
    for part in parts:
        if isinstance(part, Banner | Text):
            found.append(part.text)
        elif isinstance(part, Facts):
            found += [f.value for f in part.items]
        elif isinstance(part, Section):
            found += [part.title, *(leaf.text for leaf in part.parts if isinstance(leaf, Text))]
    return found


@pytest.mark.parametrize("policy_id", policy_ids())
def test_a_receipt_is_short(policy_id: str) -> None:
    """Whatever is reported: at most four steps, all of them the reporter's, and every warning."""
    for report, message in every_report(policy_id):
        assert len(message.actions) <= MOST_STEPS, report
        assert {a.by for a in message.actions} <= {Doer.REPORTER, Doer.BOTH}, report
        assert set(message.actions) == {a for a in report[1].actions if a.by is not Doer.LEAD}, report
        assert message.warnings == report[1].warnings, report


@pytest.mark.parametrize("policy_id", policy_ids())
def test_nearly_every_report_leaves_the_reporter_something(policy_id: str) -> None:
    """A step or a warning. Elton's policy asks nothing of whoever reports a shared account, software or copyright."""
    silent = {
        facts.concern for (facts, found), message in every_report(policy_id) if not message.actions and not found.warnings
    }
    assert silent == ({"account_misuse", "software", "copyright"} if policy_id == "elton" else set())


@pytest.mark.parametrize("policy_id", policy_ids())
def test_a_receipt_reads_in_order(policy_id: str) -> None:
    """The reference, who has it, warnings, what to do now, of which policy, who is contacted; last, to keep it quiet."""
    home = school(policy_id)
    for concern, about in product(home.policy.concerns, About):
        report = (facts := Told(concern, about), route(home.policy, facts))
        message = received(policy_id, report)
        whole, dialog = read(message_card(home, message).parts), read(receipt_parts(home, message))
        assert message.reference in whole[0]
        assert whole[1] == "Safeguarding lead"
        expected = [step_text(home, w) for w in message.warnings]
        expected += [say("receipt.now"), *(f"\u2022 {step_text(home, a)}" for a in message.actions)] if message.actions else []
        cited = any(s.cites for s in (*message.warnings, *message.actions))
        expected += [say("receipt.policy", title=home.policy.title, approved=home.policy.approved)] if cited else []
        assert dialog[-len(expected) :] == expected or not expected
        assert whole[: len(dialog)] == dialog
        note = [say("receipt.outside_note", agencies=", ".join(message.outside))] if message.outside else []
        assert whole[len(dialog) :] == [*note, say("receipt.silent")]


def test_a_receipt_that_reached_nobody_names_whom_to_call() -> None:
    """It promises nobody who would contact the agencies, and no answer by a time."""
    facts = Told("grooming", About.HEADTEACHER)
    report = facts, route(load_policy("elton"), facts)
    message = replace(received("elton", report), reached_nobody=True, dealing=())
    told = read(message_card(school("elton"), message).parts)
    assert say("receipt.outside_nobody", agencies=", ".join(message.outside)) in told
    assert say("receipt.outside_note", agencies=", ".join(message.outside)) not in told
    assert not any("14:05" in line for line in told)


@pytest.mark.parametrize("policy_id", policy_ids())
def test_a_case_has_every_step(policy_id: str) -> None:
    """The reporter's own stand apart; nothing is left out."""
    home = school(policy_id)
    for concern, about in product(home.policy.concerns, About):
        facts = Told(concern, about)
        found = route(home.policy, facts)
        case = CaseFile(
            incident(facts, found), Narrative("It happened."), (), (), (), (), (), found.actions, found.warnings, (), "", None
        )
        sections = {p.title: read(p.parts) for p in case_form(home, case).parts if isinstance(p, Section)}
        for title, meant in ((say("case.steps"), {Doer.LEAD, Doer.BOTH}), (say("case.steps_reporter"), {Doer.REPORTER})):
            assert sections.get(title, []) == [f"\u2022 {step_text(home, a)}" for a in found.actions if a.by in meant]
