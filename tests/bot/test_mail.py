"""The way out by e-mail, against a real mail server: what it hands in, how that is kept secret, and what a refusal means."""

import socket
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio
from sqlalchemy import update

from bot.mail.connection import PATIENCE_SECONDS
from bot.mail.doctor import examine_mail
from bot.mail.messenger import MailMessenger
from bot.settings import MailServer, MailTls
from bot.worker import SENDING_TAKES, NoSuchPlaceError, TryLaterError
from domain.incident import AlertState, Asked
from domain.messages import AlertMessage, WithdrawnMessage
from domain.people import Address, AddressKind, Platform
from domain.words import IncidentState, Urgency
from storage import tables as t
from storage.database import Database
from tests.conftest import new_database
from tests.fakes.clock import FakeClock
from tests.fakes.keys import ring_for
from tests.fakes.mail_server import DROP, HANG, PASSWORD, TAKE_AND_DROP, USER, FakeMail
from tests.handlers.office import Office, open_office

SENDER = "E-safety <esafety@school.example>"
SOON = 0.05


@pytest_asyncio.fixture
async def office(tmp_path: Path, clock: FakeClock) -> AsyncIterator[Office]:
    """The demo school; one database is enough here."""
    async with new_database("sqlite", tmp_path) as url:
        database = Database(url, ring_for(url))
        async with open_office(database, clock) as office:
            yield office
        await database.close()


@pytest_asyncio.fixture
async def mail(tmp_path: Path) -> AsyncIterator[FakeMail]:
    """A mail server on this machine."""
    async with FakeMail(tmp_path) as mail:
        yield mail


def messenger(office: Office, server: MailServer, patience: float = PATIENCE_SECONDS) -> MailMessenger:
    chats = {Platform.SLACK, Platform.TEAMS}
    return MailMessenger(server, SENDER, office.ports.store, office.clock, chats, patience)


def to(office: Office, who: str = "dsl") -> Address:
    return Address(Platform.EMAIL, AddressKind.PERSON, office.people[who].id)


def alert(office: Office) -> AlertMessage:
    now = office.clock.now()
    return AlertMessage(
        incident_id="5a2e5f0e-1111-4444-8888-000000000001",
        alert_id="5a2e5f0e-1111-4444-8888-000000000002",
        reference="CSS-2026-0001",
        concern="Grooming",
        urgency=Urgency.CRITICAL,
        reported_at=now,
        due_at=now,
        state=AlertState.OPEN,
        incident_state=IncidentState.REPORTED,
        role_title="Designated Safeguarding Lead",
        group="Fry",
        why=Asked.CLIMBED,
        owner="",
        acknowledged_at=None,
        late=True,
        immediate_danger=True,
        outside=("Police",),
        phones=(("Headteacher", "01234 567890"),),
    )


async def test_a_mail_says_that_there_is_something_to_answer_and_nothing_of_what_it_is(office: Office, mail: FakeMail) -> None:
    """School, reference, urgency, deadline, where to answer and whom to phone; no kind of concern, no id, nothing to click."""
    message_id = await messenger(office, mail.address()).send(office.school, to(office), alert(office))
    (sent,) = mail.to("d.okafor@demo.example")
    assert sent["Subject"] == f"Critical: CSS-2026-0001 needs an answer ({office.school.name})"
    assert (sent["Message-ID"], sent["To"], sent["From"]) == (message_id, "d.okafor@demo.example", SENDER)
    assert (sent["Auto-Submitted"], sent["X-Auto-Response-Suppress"]) == ("auto-generated", "All")
    assert sent["Date"].datetime == office.clock.now()
    body = sent.get_content()
    for words in (
        "Nobody has answered this yet.",
        f"School: {office.school.name}",
        "Reference: CSS-2026-0001",
        "Urgency: Critical",
        "Answer was due by: Tue 24 Nov, 10:00",
        "Open Slack or Microsoft Teams to answer it",
        "phone: Headteacher 01234 567890",
    ):
        assert words in body, body
    for held_back in ("Grooming", "Fry", "Police", "5a2e5f0e", "http", "Okafor"):
        assert held_back not in body
    assert mail.greetings == ["school.example"]


async def test_what_no_chat_delivered_and_what_may_be_a_repeat_say_so(office: Office, mail: FakeMail) -> None:
    """Whoever reads it knows that the chat does not reach them, or that they may have had it."""
    way = messenger(office, mail.address())
    undelivered = replace(alert(office), undelivered=True, late=False, phones=())
    await way.send(office.school, to(office), undelivered)
    await way.send(office.school, to(office), replace(undelivered, again=True))
    first, second = mail.to("d.okafor@demo.example")
    assert "The chat could not deliver this to you" in first.get_content()
    assert "Answer due by" in first.get_content()
    assert "phone" not in first.get_content()
    assert second["Subject"] == f"Repeat: {first['Subject']}"
    assert "you may have had this before" in second.get_content()
    assert first["Message-ID"] != second["Message-ID"]


async def test_a_school_with_any_name_has_a_subject_of_one_line(office: Office, mail: FakeMail) -> None:
    """A name with a line break or letters from elsewhere cannot add a header, nor be lost."""
    school = replace(office.school, name="Ysgol Dŵr\r\nBcc: somebody@elsewhere.example")
    await messenger(office, mail.address()).send(school, to(office), alert(office))
    (sent,) = mail.to("d.okafor@demo.example")
    assert sent["Bcc"] is None
    assert sent["Subject"].endswith("(Ysgol Dŵr Bcc: somebody@elsewhere.example)")
    assert mail.recipients == ["d.okafor@demo.example"]


@pytest.mark.parametrize("tls", MailTls)
async def test_the_bot_logs_in_and_says_nothing_in_the_clear(
    tls: MailTls, office: Office, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With STARTTLS or TLS from the first word; the server's certificate is checked against the authorities known here."""
    async with FakeMail(tmp_path, tls=tls, login=True) as mail:
        monkeypatch.setenv("SSL_CERT_FILE", str(mail.ca_file))
        await messenger(office, mail.address(USER, PASSWORD)).send(office.school, to(office), alert(office))
        assert mail.encrypted == [tls is not MailTls.NONE]
        finding = await examine_mail(mail.address(USER, PASSWORD), "esafety@school.example")
        assert str(finding).startswith("ok")
        assert len(mail.taken) == 1, "the doctor sends no mail"


@pytest.mark.parametrize("tls", [MailTls.STARTTLS, MailTls.IMPLICIT])
async def test_a_server_that_cannot_prove_who_it_is_is_told_nothing(tls: MailTls, office: Office, tmp_path: Path) -> None:
    """Its certificate is of an authority that nobody here knows."""
    async with FakeMail(tmp_path, tls=tls, login=True) as mail:
        with pytest.raises(TryLaterError) as no:
            await messenger(office, mail.address(USER, PASSWORD)).send(office.school, to(office), alert(office))
        assert (no.value.code, no.value.uncertain) == ("certificate", False)
        assert not mail.taken
        said = str(await examine_mail(mail.address(USER, PASSWORD), "esafety@school.example"))
        assert said.startswith("fault")
        assert "SSL_CERT_FILE" in said


async def test_a_server_without_starttls_is_told_nothing(office: Office, mail: FakeMail) -> None:
    """What should be secret is never said in the clear because the server cannot do better."""
    server = replace(mail.address(USER, PASSWORD), tls=MailTls.STARTTLS)
    with pytest.raises(TryLaterError) as no:
        await messenger(office, server).send(office.school, to(office), alert(office))
    assert no.value.code == "no_starttls"
    assert "offers no STARTTLS" in str(await examine_mail(server, "esafety@school.example"))
    assert not mail.taken


async def test_a_wrong_password_waits_for_a_person(office: Office, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """It is said in the log and by the doctor, without the password, and tried again until it is mended."""
    async with FakeMail(tmp_path, login=True) as mail:
        server = mail.address(USER, "hunter2")
        with pytest.raises(TryLaterError) as no:
            await messenger(office, server).send(office.school, to(office), alert(office))
        assert (no.value.code, no.value.uncertain) == ("smtp_535", False)
        assert no.value.after is not None
        assert "esafety doctor" in caplog.text
        said = str(await examine_mail(server, "esafety@school.example"))
        assert said.startswith("fault")
        assert "correct user and password" in said
        assert "hunter2" not in said + caplog.text + repr(server)


def refused_recipient(mail: FakeMail) -> None:
    mail.at_rcpt.append("550 5.1.1 d.okafor@demo.example: no such mailbox")


def full_mailbox(mail: FakeMail) -> None:
    mail.at_rcpt.append("552 5.2.2 mailbox full")


def greylisted(mail: FakeMail) -> None:
    mail.at_rcpt.append("451 4.7.1 try again")


def refused_sender(mail: FakeMail) -> None:
    mail.at_sender.append("553 5.7.1 not your address")


def refused_mail(mail: FakeMail) -> None:
    mail.at_data.append("554 5.7.1 this looks like spam")


def busy(mail: FakeMail) -> None:
    mail.at_data.append("452 4.3.1 no room")


def hangs_before(mail: FakeMail) -> None:
    mail.at_rcpt.append(HANG)


def hangs_after(mail: FakeMail) -> None:
    mail.at_data.append(HANG)


def drops_after(mail: FakeMail) -> None:
    mail.at_data.append(DROP)


def takes_and_drops(mail: FakeMail) -> None:
    mail.at_data.append(TAKE_AND_DROP)


LATER: list[tuple[Callable[[FakeMail], None], bool, str]] = [
    (full_mailbox, False, "smtp_552"),
    (greylisted, False, "smtp_451"),
    (refused_sender, False, "smtp_553"),
    (refused_mail, False, "smtp_554"),
    (busy, False, "smtp_452"),
    (hangs_before, False, ""),
    (hangs_after, True, ""),
    (drops_after, True, ""),
    (takes_and_drops, True, ""),
]


@pytest.mark.parametrize(("goes_wrong", "uncertain", "code"), LATER, ids=[case[0].__name__ for case in LATER])
async def test_what_may_go_through_another_time(
    goes_wrong: Callable[[FakeMail], None], uncertain: bool, code: str, office: Office, mail: FakeMail
) -> None:
    """It is tried again; what the server may have taken without saying so is uncertain. Its words are kept nowhere."""
    goes_wrong(mail)
    hangs = HANG in (*mail.at_rcpt, *mail.at_data)
    way = messenger(office, mail.address(), SOON if hangs else PATIENCE_SECONDS)
    with pytest.raises(TryLaterError) as no:
        await way.send(office.school, to(office), alert(office))
    assert no.value.uncertain is uncertain
    assert code in no.value.code
    assert " " not in no.value.code
    await messenger(office, mail.address()).send(office.school, to(office), alert(office))
    assert mail.recipients[-1] == "d.okafor@demo.example"


async def test_nobody_answers_at_all(office: Office) -> None:
    """A port where nobody listens: it was not taken, and the doctor says where to look."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        server = MailServer("127.0.0.1", free.getsockname()[1], MailTls.NONE)
        with pytest.raises(TryLaterError) as no:
            await messenger(office, server).send(office.school, to(office), alert(office))
        assert (no.value.code, no.value.uncertain) == ("SMTPConnectError", False)
        said = str(await examine_mail(server, "esafety@school.example"))
    assert said.startswith("fault")
    assert "check host and port in ESAFETY_SMTP_URL" in said


async def test_what_never_will(office: Office, mail: FakeMail) -> None:
    """A mailbox that is not there, somebody who has left the school, an address that is none, a message that is no alert."""
    way = messenger(office, mail.address())
    refused_recipient(mail)
    with pytest.raises(NoSuchPlaceError, match="smtp_550"):
        await way.send(office.school, to(office), alert(office))
    with pytest.raises(NoSuchPlaceError, match="not_by_mail"):
        await way.send(office.school, to(office), WithdrawnMessage("CSS-2026-0001"))
    people = update(t.people).where(t.people.c.id == office.people["dsl"].id)
    async with office.database.begin() as connection:
        await connection.execute(people.values(email="d..okafor@démo.example"))
    with pytest.raises(NoSuchPlaceError, match="not_an_address"):
        await way.send(office.school, to(office), alert(office))
    async with office.database.begin() as connection:
        await connection.execute(people.values(active=False))
    with pytest.raises(NoSuchPlaceError, match="person_not_listed"):
        await way.send(office.school, to(office), alert(office))
    assert not mail.taken


async def test_the_address_is_the_one_on_the_staff_list_at_that_moment(office: Office, mail: FakeMail) -> None:
    """Somebody married, and has another address since."""
    async with office.database.begin() as connection:
        new = "d.mensah@demo.example"
        await connection.execute(update(t.people).where(t.people.c.id == office.people["dsl"].id).values(email=new))
    await messenger(office, mail.address()).send(office.school, to(office), alert(office))
    assert mail.recipients == [new]


async def test_a_mail_stays_as_it_was_sent(office: Office, mail: FakeMail) -> None:
    """There is no changing it, and nobody gets a second one for it."""
    way = messenger(office, mail.address())
    assert await way.update(office.school, to(office), "<1@school.example>", alert(office)) == "<1@school.example>"
    assert not mail.taken


def test_the_longest_that_a_mail_takes_is_within_what_the_worker_allows() -> None:
    """So that no other worker takes it meanwhile."""
    assert SENDING_TAKES.total_seconds() - 5 > PATIENCE_SECONDS
