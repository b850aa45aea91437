"""Somebody asks for permission, and the message reaches nobody: whoever asked hears of it, and it is raised elsewhere."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest_asyncio

from cards.messages import message_card
from cards.pages import queue_card
from domain.asking import Answered, Decision, RequestKind, UnheardRequest
from domain.messages import DecisionMessage, RequestMessage, UnheardMessage
from handlers import ask, lists, requests
from handlers.requests import Decided, NobodyToAsk, Sent
from storage import tables as t
from storage.watching import Watching
from tests.fakes.mail_server import FakeMail
from tests.handlers.office import Office, Postbox
from tests.handlers.test_mail import addresses, with_mail

QUESTION = "Can I run a lunchtime club over video for zanzibar pupils?"


@pytest_asyncio.fixture
async def mail(tmp_path: Path) -> AsyncIterator[FakeMail]:
    """The school's mail server."""
    async with FakeMail(tmp_path) as mail:
        yield mail


async def asks(office: Office, text: str = QUESTION) -> Sent:
    """A teacher asks the safeguarding leads what the policy does not say."""
    account = office.account("teacher")
    answered = await ask.ask(office.ports, office.school, account, text)
    assert isinstance(answered, Answered)
    sent = await requests.send(office.ports, office.school, account, RequestKind.QUESTION, answered.state, text)
    assert isinstance(sent, Sent)
    return sent


def told(post: Postbox) -> list[UnheardMessage]:
    """What the teacher heard of it."""
    return [m for address, m in post.sent if isinstance(m, UnheardMessage) and address.id == "U-teacher"]


def nobody_known(office: Office, sent: Sent) -> None:
    office.post.unknown.update(sent.request.asked)


async def test_who_asked_is_told_that_nobody_got_it(office: Office) -> None:
    """Once, with whom to speak to instead; neither their words nor a name stand in the chat."""
    sent = await asks(office)
    nobody_known(office, sent)
    await office.works()
    (message,) = told(office.post)
    assert (message.reference, message.mailed) == (sent.request.reference, False)
    shown = repr(message_card(office.school, message))
    assert "could not deliver" in shown
    assert office.school.policy.role_title(sent.request.role) in shown
    assert "zanzibar" not in shown
    assert not any(person.name in shown for person in office.people.values())
    assert [row.action for row in await office.rows(t.audit, t.audit.c.action == "request.unheard")] == ["request.unheard"]


async def test_while_one_of_them_has_it_nobody_is_bothered(office: Office) -> None:
    """Of those who were asked, the chat knows one."""
    sent = await asks(office)
    assert len(sent.request.asked) > 0
    first, *others = sent.request.asked
    office.post.unknown.update(others)
    await office.works()
    assert office.post.to(first, RequestMessage)
    assert not told(office.post)
    assert not (await lists.queue(office.ports, office.school, office.account("dsl"))).unheard


async def test_it_stands_in_the_queue_of_those_who_may_answer(office: Office) -> None:
    """And is answered from there; the queue of others does not show it, and answered it goes."""
    sent = await asks(office)
    nobody_known(office, sent)
    await office.works()
    lead = office.account("dsl")
    queue = await lists.queue(office.ports, office.school, lead)
    assert queue.unheard == (UnheardRequest(sent.request.id, sent.request.reference),)
    shown = repr(queue_card(office.school, queue))
    assert sent.request.reference in shown
    for other in ("teacher", "it"):
        assert not (await lists.queue(office.ports, office.school, office.account(other))).unheard
    done = await requests.decide(office.ports, office.school, lead, sent.request.id, Decision.TOLD, "Ask me first")
    assert isinstance(done, Decided)
    await office.works()
    assert not (await lists.queue(office.ports, office.school, lead)).unheard
    assert office.post.to("U-teacher", DecisionMessage)


async def test_whoever_runs_the_bot_sees_it(office: Office) -> None:
    """`esafety status` and the doctor count it among what is still open, until it is answered."""
    sent = await asks(office)
    nobody_known(office, sent)
    await office.works()
    watching = Watching(office.database, [office.school.id])
    standing = await watching.standing(office.clock.now(), 1)
    assert standing is not None
    assert [(d.trouble, d.open) for d in standing.dead] == [("users_not_found", len(sent.request.asked))]
    (found,) = await office.worker.outbox.given_up()
    assert (found.trouble, found.count) == ("users_not_found", len(sent.request.asked))
    await requests.decide(office.ports, office.school, office.account("dsl"), sent.request.id, Decision.TOLD, "Ask me first")
    standing = await watching.standing(office.clock.now(), 1)
    assert standing is not None
    assert {d.open for d in standing.dead} == {0}


async def test_with_a_mail_server_they_are_written_to(office: Office, mail: FakeMail) -> None:
    """Each of them once, with a reference and nothing of what was asked; and whoever asked is told so."""
    mailing = with_mail(office, mail, office.post)
    sent = await asks(mailing)
    nobody_known(mailing, sent)
    await mailing.works()
    names = {p.id: who for who, p in mailing.people.items()}
    assert sorted(mail.recipients) == addresses(mailing, *(names[i] for i in sent.request.asked))
    for _, one in mail.taken:
        text = f"{one['Subject']}\n{one.get_content()}"
        assert sent.request.reference in text
        for secret in ("zanzibar", "video", sent.request.id, *(p.name for p in mailing.people.values())):
            assert secret not in text
    assert [m.mailed for m in told(mailing.post)] == [True]


async def test_answered_before_the_mail_goes(office: Office, mail: FakeMail) -> None:
    """The mail server is busy; meanwhile one of them has found it in the queue: nobody is written to any more."""
    mailing = with_mail(office, mail, office.post)
    sent = await asks(mailing)
    nobody_known(mailing, sent)
    mail.at_rcpt.extend(["451 4.7.1 later"] * len(sent.request.asked))
    await mailing.works()
    await requests.decide(mailing.ports, mailing.school, mailing.account("dsl"), sent.request.id, Decision.TOLD, "Ask me first")
    await mailing.later(minutes=20)
    assert not mail.taken


async def test_in_one_chat_of_two_is_enough(office: Office, mail: FakeMail) -> None:
    """Slack knows none of them, Teams has brought it to all."""
    in_teams = Postbox()
    mailing = with_mail(office, mail, office.post, in_teams)
    sent = await asks(mailing)
    nobody_known(mailing, sent)
    await mailing.works()
    assert all(in_teams.to(i, RequestMessage) for i in sent.request.asked)
    assert not mail.taken
    assert not told(mailing.post)


async def test_where_nobody_holds_the_role_it_is_said_before_anything_is_written(office: Office) -> None:
    """There is nobody to be asked: whoever asks is told at once, and whom to see instead."""
    school = replace(office.school, holders={r: h for r, h in office.school.holders.items() if r.value == "it_support"})
    empty = office.at(school)
    account = empty.account("teacher")
    answered = await ask.ask(empty.ports, empty.school, account, QUESTION)
    assert isinstance(answered, Answered)
    outcome = await requests.send(empty.ports, empty.school, account, RequestKind.QUESTION, answered.state, QUESTION)
    assert outcome == NobodyToAsk()


async def test_whoever_has_left_meanwhile_is_nobody(office: Office, mail: FakeMail) -> None:
    """All who were asked are off the staff list before it is sent by mail: whoever asked hears that it reached nobody."""
    mailing = with_mail(office, mail, office.post)
    sent = await asks(mailing)
    nobody_known(mailing, sent)
    async with mailing.database.begin() as connection:
        await connection.execute(t.people.update().where(t.people.c.id.in_(sent.request.asked)).values(active=False))
    await mailing.works()
    assert not mail.taken
    assert told(mailing.post)
    dead = await mailing.rows(t.deliveries, t.deliveries.c.state == "dead")
    assert {row.platform for row in dead} == {"slack", "email"}


async def test_the_same_question_sent_twice_at_once_is_asked_once(office: Office) -> None:
    """A double press reaches two processes in the same moment: both are shown that it is on its way, under one reference."""
    account = office.account("teacher")
    answered = await ask.ask(office.ports, office.school, account, QUESTION)
    assert isinstance(answered, Answered)
    sending = (
        requests.send(office.ports, office.school, account, RequestKind.QUESTION, answered.state, QUESTION) for _ in range(3)
    )
    outcomes = await asyncio.gather(*sending)
    assert all(isinstance(outcome, Sent) for outcome in outcomes)
    assert len(await office.rows(t.requests)) == 1
    (counter,) = await office.rows(t.counters, t.counters.c.name.startswith("request"))
    assert counter.last == 1
