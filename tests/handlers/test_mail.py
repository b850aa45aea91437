"""When no chat reaches anybody, or nobody answers: an e-mail, once each, never to whoever is shut out, with nothing in it."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import pytest
import pytest_asyncio
from sqlalchemy import update

from bot.mail.messenger import MailMessenger
from bot.worker import Messenger, TryLaterError, Worker
from domain.breaches import BreachFile
from domain.incident import Exclusion, Incident, Why
from domain.messages import Message
from domain.people import Address, Kind, Platform, School
from domain.school_dates import DateEntry, Once
from domain.signings import MOST_REMINDERS, AgreementPage
from domain.words import Role
from handlers import agreements, breaches, duties, hand_on, lists, opening
from storage import tables as t
from storage.store import Store
from tests.fakes.mail_server import FakeMail
from tests.handlers.office import WHAT, Office, Postbox

CHILD = "Bea Exemplar"
SENDER = "E-safety <esafety@school.example>"


@dataclass(slots=True)
class DeadChat(Postbox):
    """A chat that is out of order."""

    async def send(self, school: School, address: Address, message: Message, /) -> str:
        raise TryLaterError("http_503", uncertain=True)


@pytest_asyncio.fixture
async def mail(tmp_path: Path) -> AsyncIterator[FakeMail]:
    """The school's mail server."""
    async with FakeMail(tmp_path) as mail:
        yield mail


@pytest_asyncio.fixture
async def mailing(office: Office, mail: FakeMail) -> Office:
    """The demo school with a mail server."""
    return with_mail(office, mail, office.post)


def with_mail(office: Office, mail: FakeMail, *chats: Postbox) -> Office:
    served = dict(zip((Platform.SLACK, Platform.TEAMS), chats, strict=False))
    ports = replace(office.ports, mails=True, platforms=frozenset(served))
    way = MailMessenger(mail.address(), SENDER, ports.store, office.clock, ports.platforms)
    messengers: dict[Platform, Messenger] = {**served, Platform.EMAIL: way}
    worker = Worker(ports, office.worker.schools, office.worker.outbox, messengers, office.worker.bell)
    return replace(office, ports=ports, worker=worker)


async def mails(office: Office) -> dict[str, list[str]]:
    """What became of the mails to each, as the outbox has it."""
    names = {p.id: who for who, p in office.people.items()}
    found: dict[str, list[str]] = {}
    for row in await office.rows(t.deliveries, t.deliveries.c.platform == "email"):
        found.setdefault(names[row.address_id], []).append(row.state)
    return found


def addresses(office: Office, *who: str) -> list[str]:
    return sorted(office.people[w].email for w in who)


async def holds_back(office: Office, mail: FakeMail, incident: Incident) -> None:
    """No mail has a name, a word of what was told, the kind of concern, or an id."""
    async with Store(office.database).transaction(office.school, write=False) as records:
        names = [person.name for kind in Kind for person, _ in (await records.listed(kind)).values()]
        ids = [incident.id, *(a.id for a in await records.alerts_of(incident.id))]
    concern = office.school.policy.concerns[incident.facts.concern].label
    assert len(names) > 10
    assert mail.taken
    for _, sent in mail.taken:
        text = f"{sent['Subject']}\n{sent.get_content()}\n{sent.as_string()}".lower()
        assert incident.reference.lower() in text
        for secret in (WHAT, CHILD, "exemplar", concern, *names, *ids):
            assert secret.lower() not in text, secret


async def test_a_critical_alert_that_nobody_acknowledges_goes_by_mail(mailing: Office, mail: FakeMail) -> None:
    """After a quarter of an hour: to whoever was asked and to whoever is asked next, once each, however long it lasts."""
    incident = await mailing.reports(what=f"{WHAT}: {CHILD}", targets=(f"text:{CHILD}",))
    await mailing.works()
    await mailing.later(minutes=14)
    assert not mail.taken
    await mailing.later(minutes=1)
    asked = await mailing.asked(incident)
    assert sorted(mail.recipients) == addresses(mailing, *asked)
    assert len(asked) == 2
    for _ in range(5):
        await mailing.later(minutes=15)
    asked = await mailing.asked(incident)
    assert len(asked) > len(set(asked)) > 2, "it has come round again"
    assert sorted(mail.recipients) == addresses(mailing, *set(asked))
    assert all(len(sent) == 1 for sent in (await mails(mailing)).values())
    await holds_back(mailing, mail, incident)


async def test_whoever_leads_hears_by_mail_of_a_case_that_was_opened(office: Office, mail: FakeMail) -> None:
    """No chat takes it for three days: nobody climbs for it, and somebody has read what was not theirs."""
    mailing = with_mail(office, mail, DeadChat())
    incident = await mailing.reports(concern="harmful_content", what=f"{WHAT}: {CHILD}", targets=(f"text:{CHILD}",))
    await opening.open_case(mailing.ports, mailing.school, mailing.account("headteacher"), incident.id, "Nobody answers")
    await goes_on_for_days(mailing)
    told = {to for to, sent in mail.taken if "opened in an emergency" in str(sent["Subject"])}
    assert told == set(addresses(mailing, "dsl", "deputy"))
    await holds_back(mailing, mail, incident)


async def test_whoever_deals_with_it_hears_by_mail_of_a_breach(office: Office, mail: FakeMail) -> None:
    """72 hours run whether a chat works or not."""
    mailing = with_mail(office, mail, DeadChat())
    found = await breaches.start(
        mailing.ports, mailing.school, mailing.account("dsl"), "breach-1", {"kind": "lost", "what": WHAT}
    )
    assert isinstance(found, BreachFile)
    await goes_on_for_days(mailing)
    told = [sent for _, sent in mail.taken if "breach" in str(sent["Subject"])]
    assert {str(sent["To"]) for sent in told} == set(addresses(mailing, "dsl", "deputy", "headteacher", "chair"))
    assert all(found.breach.reference in sent.get_content() and WHAT not in sent.get_content() for sent in told)


async def test_whoever_is_to_sign_hears_by_mail_once_for_each_reminder(office: Office, mail: FakeMail) -> None:
    """Neither chat knows the teacher: one mail for each reminder, without what is to be signed; the others get none."""
    lost = office.people["teacher"].id
    mailing = with_mail(office, mail, Postbox(unknown={lost}), Postbox(unknown={lost}))
    mailing = mailing.at(replace(mailing.school, signs=True))
    assert await agreements.look(mailing.ports, mailing.school)
    for _ in range(4):
        await agreements.ring(mailing.ports, mailing.school)
        await mailing.later(minutes=2)
        await mailing.later(days=8)
    assert mail.recipients == addresses(mailing, "teacher") * MOST_REMINDERS
    for sent in mail.to(mailing.people["teacher"].email):
        text = f"{sent['Subject']}\n{sent.get_content()}"
        assert "Something to sign or to read" in text
        assert "Open Slack or Microsoft Teams" in text
        for agreement in mailing.school.agreements.values():
            assert agreement.title not in text


async def test_who_is_reminded_to_sign_in_one_chat_of_two_needs_no_mail(office: Office, mail: FakeMail) -> None:
    """Slack knows nobody, Teams everybody: nobody has missed anything."""
    mailing = with_mail(office, mail, Postbox(unknown={"everybody"}), Postbox())
    mailing = mailing.at(replace(mailing.school, signs=True))
    await agreements.look(mailing.ports, mailing.school)
    assert await agreements.ring(mailing.ports, mailing.school)
    await mailing.later(minutes=2)
    assert not mail.taken


async def test_signed_before_the_mail_goes(office: Office, mail: FakeMail) -> None:
    """The mail server was busy, and meanwhile all of it is signed: nothing is asked any more."""
    lost = office.people["teacher"].id
    mailing = with_mail(office, mail, Postbox(unknown={lost}))
    one = {"policy-read": mailing.school.policy.agreements["policy-read"]}
    mailing = mailing.at(replace(mailing.school, signs=True, policy=replace(mailing.school.policy, agreements=one)))
    await agreements.look(mailing.ports, mailing.school)
    mail.at_rcpt.extend(["451 4.7.1 later"] * 2)
    await agreements.ring(mailing.ports, mailing.school)
    await mailing.later(minutes=2)
    page = await agreements.read(mailing.ports, mailing.school, mailing.account("teacher"), "policy-read")
    assert isinstance(page, AgreementPage)
    await agreements.sign(mailing.ports, mailing.school, mailing.account("teacher"), page.state, {})
    await mailing.later(minutes=30)
    assert not mail.taken


async def test_whose_date_it_is_hears_by_mail(office: Office, mail: FakeMail) -> None:
    """Once, though neither chat took it: the day, and not what it is called."""
    fair = DateEntry("fair", "E-safety fair", "In the hall", Once(date(2026, 12, 2)), (Role.COMPUTING_COORDINATOR,), 14)
    lost = office.people["teacher"].id
    mailing = with_mail(office.with_holders(computing_coordinator=["teacher"]), mail, *(Postbox(unknown={lost}),) * 2)
    policy = replace(mailing.school.policy, review_due=None, dates=replace(mailing.school.policy.dates, entries=()))
    mailing = mailing.at(replace(mailing.school, policy=policy, dates=(fair,)))
    assert await duties.ring(mailing.ports, mailing.school) == 1
    await mailing.works()
    (sent,) = mail.to(mailing.people["teacher"].email)
    assert "Day: 2 December 2026" in sent.get_content()
    assert "fair" not in sent.get_content()


async def test_without_a_mail_server_it_stands_among_what_was_given_up(office: Office) -> None:
    """Whoever runs the bot sees it in the doctor and in the status, by count and code."""
    lost = office.people["teacher"].id
    office.post.unknown = {lost}
    office = office.at(replace(office.school, signs=True))
    await agreements.look(office.ports, office.school)
    await agreements.ring(office.ports, office.school)
    await office.later(minutes=2)
    (gone,) = await office.worker.outbox.given_up()
    assert (gone.count, gone.platform, gone.trouble) == (1, Platform.SLACK, "users_not_found")


async def goes_on_for_days(mailing: Office) -> None:
    for _ in range(5):
        await mailing.later(days=1)
        for _ in range(8):
            await mailing.later(minutes=10)


async def test_one_that_is_not_critical_climbs_without_a_mail(mailing: Office, mail: FakeMail) -> None:
    """The chat has delivered it: a mail would only tell the same again."""
    await mailing.reports(concern="harmful_content")
    await mailing.works()
    for _ in range(5):
        await mailing.later(days=1)
    assert not mail.taken


async def test_no_chat_for_days(office: Office, mail: FakeMail) -> None:
    """Slack is dead for a week: whoever it was to reach gets one mail after three days, and their queue says so."""
    mailing = with_mail(office, mail, DeadChat())
    incident = await mailing.reports(concern="harmful_content", what=f"{WHAT}: {CHILD}", targets=(f"text:{CHILD}",))
    await mailing.later(days=2)
    early = set(await mailing.asked(incident))
    assert not mail.taken
    for _ in range(4):
        await mailing.later(days=1)
        for _ in range(8):
            await mailing.later(minutes=10)
    assert set(mail.recipients) >= set(addresses(mailing, *early))
    assert len(mail.recipients) == len(set(mail.recipients)), "once each"
    assert "could not deliver" in mail.taken[0][1].get_content()
    dead = await mailing.rows(t.deliveries, t.deliveries.c.state == "dead")
    assert {row.platform for row in dead} == {"slack"}
    assert {row.trouble for row in dead} == {"http_503"}
    queue = await lists.queue(mailing.ports, mailing.school, mailing.account("dsl"))
    (line,) = queue.undelivered
    assert (line.incident_id, line.platform, line.count) == (incident.id, Platform.SLACK, len(dead))
    await holds_back(mailing, mail, incident)


async def test_who_is_in_one_chat_of_two_needs_no_mail(office: Office, mail: FakeMail) -> None:
    """Slack does not know them, Teams has delivered it: that is no failure, and nobody's queue speaks of one."""
    mailing = with_mail(office, mail, Postbox(unknown={"everybody"}), Postbox())
    await mailing.reports()
    await mailing.works()
    assert not mail.taken
    queue = await lists.queue(mailing.ports, mailing.school, mailing.account("dsl"))
    assert queue.lines
    assert {u.platform for u in queue.undelivered} <= {Platform.SLACK}
    assert sum(u.count for u in queue.undelivered) == await of_channels_or_reporter(mailing)


async def of_channels_or_reporter(office: Office) -> int:
    dead = await office.rows(t.deliveries, t.deliveries.c.state == "dead")
    return sum(row.address_kind != "person" for row in dead)


async def test_who_is_in_no_chat_gets_a_mail_at_once(office: Office, mail: FakeMail) -> None:
    """Neither chat knows the first who is asked: one mail, not one for each chat, and the alert climbs at once."""
    lost = office.people["dsl"].id
    mailing = with_mail(office, mail, Postbox(unknown={lost}), Postbox(unknown={lost}))
    await mailing.reports()
    await mailing.works()
    assert mail.recipients == addresses(mailing, "dsl")


async def test_answered_before_the_mail_goes(mailing: Office, mail: FakeMail) -> None:
    """The mail server was busy; meanwhile somebody has acknowledged: nobody is written to any more."""
    incident = await mailing.reports()
    await mailing.works()
    mail.at_rcpt.extend(["451 4.7.1 later"] * 2)
    await mailing.later(minutes=15)
    assert not mail.taken
    await mailing.acknowledge("dsl", await mailing.alert(incident))
    await mailing.later(minutes=10)
    assert not mail.taken
    assert {state for states in (await mails(mailing)).values() for state in states} == {"cancelled"}


async def test_acknowledged_in_time_there_is_no_mail(mailing: Office, mail: FakeMail) -> None:
    """Nothing is left to say."""
    incident = await mailing.reports()
    await mailing.works()
    await mailing.acknowledge("dsl", await mailing.alert(incident))
    await mailing.later(minutes=30)
    assert not await mails(mailing)


async def test_whoever_is_shut_out_never_gets_one(mailing: Office, mail: FakeMail) -> None:
    """The safeguarding lead is named in it: they are neither asked nor written to, nor are they to be phoned about it."""
    incident = await mailing.reports(about="staff", perpetrators=(mailing.picked("dsl"),))
    await mailing.works()
    for _ in range(3):
        await mailing.later(minutes=15)
    lead = mailing.people["dsl"]
    assert mail.taken
    assert lead.email not in mail.recipients
    phone = mailing.school.phones[Role.DSL]
    assert all(phone not in sent.get_content() for _, sent in mail.taken)
    await holds_back(mailing, mail, incident)


async def test_whoever_is_named_while_their_mail_waits_never_gets_it(mailing: Office, mail: FakeMail) -> None:
    """It is asked once more at the moment of sending."""
    incident = await mailing.reports()
    await mailing.works()
    mail.at_rcpt.extend(["451 4.7.1 later"] * 2)
    await mailing.later(minutes=15)
    async with mailing.ports.store.transaction(mailing.school) as records:
        await records.add_exclusions(incident.id, [Exclusion(mailing.people["dsl"].id, Why.NAMED)])
    await mailing.later(minutes=5)
    assert mail.taken
    assert mailing.people["dsl"].email not in mail.recipients


async def test_somebody_who_has_left_is_given_up(mailing: Office, mail: FakeMail) -> None:
    """They are no longer on the staff list when the mail is to go; the others get theirs."""
    await mailing.reports()
    await mailing.works()
    async with mailing.database.begin() as connection:
        gone = t.people.c.id == mailing.people["dsl"].id
        await connection.execute(update(t.people).where(gone).values(active=False))
    await mailing.later(minutes=15)
    assert mailing.people["dsl"].email not in mail.recipients
    assert (await mails(mailing))["dsl"] == ["dead"]
    assert mail.recipients


async def test_a_mail_that_may_have_gone_goes_once_more_and_says_so(mailing: Office, mail: FakeMail) -> None:
    """The connection broke after the mail was handed over: rather twice than never."""
    await mailing.reports()
    await mailing.works()
    mail.at_data.append("take and drop")
    await mailing.later(minutes=15)
    await mailing.later(minutes=10)
    subjects = sorted(sent["Subject"].startswith("Repeat: ") for sent in mail.to(mail.recipients[0]))
    assert subjects == [False, True]


async def test_handed_on_and_unreachable_again(office: Office, mail: FakeMail) -> None:
    """Whoever it is handed on to and no chat reaches is written to once more."""
    lost = {office.people["deputy"].id}
    mailing = with_mail(office, mail, Postbox(unknown=lost))
    incident = await mailing.reports()
    await mailing.works()
    alert = await mailing.alert(incident)
    for _ in range(2):
        await mailing.acknowledge("dsl", alert)
        asked = await hand_on.ask(mailing.ports, mailing.school, mailing.account("dsl"), alert.id)
        assert isinstance(asked, hand_on.HandOnQuestions)
        to = next(r.key for r in asked.recipients if r.person.id in lost)
        await hand_on.hand_on(mailing.ports, mailing.school, mailing.account("dsl"), alert.id, to, "I am away")
        await mailing.works()
    assert mail.recipients == addresses(mailing, "deputy", "deputy")


async def test_given_up_and_mailed_at_once_or_not_at_all(office: Office, mail: FakeMail) -> None:
    """The process ends while a message is given up: it is as if that had not begun, and is done when its lease is over."""
    lost = office.people["dsl"].id
    mailing = with_mail(office, mail, Postbox(unknown={lost}))
    await mailing.reports()

    def ends() -> str:
        raise RuntimeError

    ending = replace(mailing.worker, ports=replace(mailing.ports, next_id=ends))
    with pytest.raises(RuntimeError):
        await ending.round()
    there = t.deliveries.c.address_id == lost
    assert {row.state for row in await mailing.rows(t.deliveries, there)} == {"leased"}
    await mailing.later(seconds=91)
    assert {(row.platform, row.state) for row in await mailing.rows(t.deliveries, there)} == {
        ("slack", "dead"),
        ("email", "sent"),
    }
    assert mail.recipients == addresses(mailing, "dsl")
