"""An account passes to somebody else, or its owner leaves: what was the one's stays theirs, and nobody else is told."""

from dataclasses import replace

import pytest

from domain.access import asked_it
from domain.asking import Decision
from domain.case_changes import Result
from domain.incident import Incident
from domain.messages import (
    AlertMessage,
    DecisionMessage,
    Message,
    ProgressMessage,
    ReceiptMessage,
    RequestMessage,
    WithdrawnMessage,
)
from domain.people import Account, Standing
from domain.report_form import DetailQuestions, DraftGone
from handlers import close, lists, report, requests
from handlers.report import Reported
from handlers.requests import NotYours
from storage.store import Store
from tests.handlers.office import WHAT, Office
from tests.handlers.test_keeping import leaves
from tests.handlers.test_unheard_requests import asks


def passed_on(office: Office, who: str, to: str | None) -> Account:
    """The account that was somebody's, as it is another's now; None for somebody who is not on the staff list."""
    new = office.people[to] if to is not None else None
    email = new.email if new is not None else "s.newcomer@demo.example"
    person_id = new.id if new is not None else None
    return replace(office.account(who), email=email, name="", person_id=person_id, standing=Standing.MEMBER)


async def seen(office: Office, account: Account) -> None:
    """The chat says whose an account is."""
    async with Store(office.database).transaction(office.school) as records:
        await records.save_account(account, office.clock.now())


async def closed(office: Office, incident: Incident, who: str = "dsl") -> None:
    """Somebody takes a case on and closes it."""
    alert = await office.alert(incident)
    await office.acknowledge(who, alert)
    done = await close.close(office.ports, office.school, office.account(who), alert.id, "Seen", Result.DEALT_WITH)
    assert isinstance(done, close.Closed), done
    await office.works()


def shown_to(office: Office, place: str) -> list[Message]:
    """All that a place was sent or had changed."""
    return [m for address, m in (*office.post.sent, *office.post.changed) if address.id == place]


@pytest.mark.parametrize("to", ["it", None])
async def test_who_gets_an_account_does_not_get_its_reports(office: Office, to: str | None) -> None:
    """Neither in their list nor by sending the former owner's form once more; the former owner keeps them."""
    draft_id = await office.draft("teacher")
    filled = {"what": WHAT, "repeat": "no", "illegal": "no"}
    made = await report.submit(office.ports, office.school, office.account("teacher"), draft_id, filled)
    assert isinstance(made, Reported)
    new = passed_on(office, "teacher", to)
    assert await lists.mine(office.ports, office.school, new) == ()
    if to is not None:
        assert await report.submit(office.ports, office.school, new, draft_id, filled) == DraftGone()
    elsewhere = replace(office.account("teacher"), user_id="U-new")
    (own,) = await lists.mine(office.ports, office.school, elsewhere)
    assert own.reference == made.incident.reference


async def test_a_form_that_comes_again_while_the_chat_is_away_counts_still(office: Office) -> None:
    """Nobody who has reported is told that it is gone because just now nobody says who they are."""
    draft_id = await office.draft("teacher")
    filled = {"what": WHAT, "repeat": "no", "illegal": "no"}
    await report.submit(office.ports, office.school, office.account("teacher"), draft_id, filled)
    in_doubt = Account(office.account("teacher").platform, "U-teacher")
    again = await report.submit(office.ports, office.school, in_doubt, draft_id, filled)
    assert not isinstance(again, DetailQuestions | DraftGone)


@pytest.mark.parametrize("to", ["it", None])
async def test_who_gets_an_account_does_not_get_what_was_asked_from_it(office: Office, to: str | None) -> None:
    """A request, its words and what was answered."""
    sent = await asks(office)
    new = passed_on(office, "teacher", to)
    assert not asked_it(new, sent.request)
    assert await requests.read(office.ports, office.school, new, sent.request.id) == NotYours()


@pytest.mark.parametrize("to", ["it", None])
async def test_who_gets_an_account_is_told_nothing_new_of_what_was_sent_from_it(office: Office, to: str | None) -> None:
    """The receipt that stands there says no more; that the case is taken on and closed is not said at all."""
    incident = await office.reports()
    sent = await asks(office)
    await office.works()
    assert isinstance(office.post.now_shown("U-teacher"), ReceiptMessage)
    await seen(office, passed_on(office, "teacher", to))
    await closed(office, incident)
    await requests.decide(office.ports, office.school, office.account("dsl"), sent.request.id, Decision.TOLD, "Ask me")
    await office.works()
    assert office.post.now_shown("U-teacher") == WithdrawnMessage(incident.reference)
    assert not [m for m in shown_to(office, "U-teacher") if isinstance(m, ProgressMessage | DecisionMessage)]


async def test_while_the_account_is_theirs_they_are_told(office: Office) -> None:
    """As the chat has it; also while it says nothing of it."""
    incident = await office.reports()
    await office.works()
    for account in (office.account("teacher"), Account(office.account("teacher").platform, "U-teacher")):
        await seen(office, account)
        async with office.ports.store.transaction(office.school, write=False) as records:
            assert await records.account(account.platform, account.user_id) is not None
    await closed(office, incident)
    assert len([m for m in shown_to(office, "U-teacher") if isinstance(m, ProgressMessage)]) == 2


@pytest.mark.parametrize("gone", ["off the list", "deactivated"])
async def test_what_stands_in_the_chat_of_somebody_who_has_left_says_nothing_new(office: Office, gone: str) -> None:
    """Who was asked is not told who has taken it on, nor that it is closed.

    Off the staff list they may read their chat still: the copies are withdrawn. Deactivated nobody does: they are left alone.
    """
    incident, sent = await office.reports(), await asks(office)
    await office.works()
    left = office.people["dsl"].id
    assert office.post.to(left, AlertMessage)
    assert office.post.to(left, RequestMessage)
    await requests.decide(office.ports, office.school, office.account("dsl"), sent.request.id, Decision.TOLD, "Ask me")
    if gone == "deactivated":
        await seen(office, replace(office.account("dsl"), standing=Standing.GONE))
    else:
        await leaves(office, "dsl")
    before = len(shown_to(office, left))
    await closed(office, incident, "deputy")
    after = shown_to(office, left)[before:]
    assert {type(m) for m in after} == ({WithdrawnMessage} if gone == "off the list" else set())
    assert {m.reference for m in after if isinstance(m, WithdrawnMessage)} <= {incident.reference, sent.request.reference}


@pytest.mark.parametrize("gone", ["off the list", "deactivated"])
async def test_a_reporter_who_has_left_is_told_nothing_new(office: Office, gone: str) -> None:
    """Neither by the receipt that stands nor by a message of its own."""
    incident = await office.reports()
    await office.works()
    before = len(shown_to(office, "U-teacher"))
    if gone == "deactivated":
        await seen(office, replace(office.account("teacher"), standing=Standing.GONE))
    else:
        await leaves(office, "teacher")
    await closed(office, incident)
    if gone == "off the list":
        assert office.post.now_shown("U-teacher") == WithdrawnMessage(incident.reference)
    else:
        assert len(shown_to(office, "U-teacher")) == before
    assert not [m for m in shown_to(office, "U-teacher") if isinstance(m, ProgressMessage)]


async def test_who_has_another_account_since_is_still_told(office: Office) -> None:
    """The old one is deactivated, the new one has their address: what goes to the person is changed as ever."""
    incident = await office.reports()
    await office.works()
    await seen(office, replace(office.account("dsl"), user_id="U-before", standing=Standing.GONE))
    await seen(office, office.account("dsl"))
    await closed(office, incident, "deputy")
    assert isinstance(office.post.now_shown(office.people["dsl"].id), AlertMessage)
