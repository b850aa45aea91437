"""The way out by e-mail: a short mail to the address that somebody has on the staff list now, and what to make of a refusal."""

import logging
from collections.abc import Set as AbstractSet
from datetime import datetime, timedelta
from email.errors import MessageError
from email.headerregistry import Address as MailAddress
from email.message import EmailMessage
from email.policy import SMTP as SMTP_RULES
from email.utils import format_datetime, make_msgid, parseaddr
from typing import Final

from aiosmtplib import SMTPDataError, SMTPRecipientRefused, SMTPResponseException, SMTPSenderRefused

from bot.mail.connection import PATIENCE_SECONDS, Trouble, code_of, is_certificate, is_login, logged_in
from bot.settings import MailServer
from bot.worker import NoSuchPlaceError, TryLaterError
from cards.mail import Mail, alert_mail, breach_mail, duty_mail, opened_mail, request_mail, signing_mail, submission_mail
from domain.messages import (
    AlertMessage,
    BreachMessage,
    DutyMessage,
    Message,
    OpenedMessage,
    RequestMessage,
    SigningMessage,
    SubmissionMessage,
)
from domain.people import Address, AddressKind, Platform, School
from handlers.ports import Clock, Store

log = logging.getLogger("esafety.mail")

_UNTIL_MENDED: Final = timedelta(minutes=5)
_LONGEST_LINE: Final = 900
_MAILBOX_FULL: Final = 552
"""By its number it is for good, by its meaning it is not."""


class MailMessenger:
    """Hands alerts to a mail server, a connection for each: they are few, and a server closes what stands idle."""

    def __init__(
        self,
        server: MailServer,
        sender: str,
        store: Store,
        clock: Clock,
        chats: AbstractSet[Platform],
        patience: float = PATIENCE_SECONDS,
    ) -> None:
        self._server = server
        name, address = parseaddr(sender)
        self._sender = MailAddress(name, addr_spec=address)
        self._store = store
        self._clock = clock
        self._chats = chats
        self._patience = patience

    async def send(self, school: School, address: Address, message: Message) -> str:
        """Sends what goes by e-mail; its id is the mail's Message-ID."""
        said = self._said(school, message)
        if said is None or address.kind is not AddressKind.PERSON:
            raise NoSuchPlaceError("not_by_mail")
        to = await self._recipient(school, address.id)
        message_id = make_msgid(domain=self._sender.domain)
        mail = drawn(said, self._sender, to, message_id, self._clock.now())
        await hand_in(self._server, self._sender, to, mail, self._patience)
        return message_id

    def _said(self, school: School, message: Message) -> Mail | None:
        match message:
            case AlertMessage():
                return alert_mail(school, message, self._chats)
            case RequestMessage():
                return request_mail(school, message, self._chats)
            case OpenedMessage():
                return opened_mail(school, message, self._chats)
            case BreachMessage():
                return breach_mail(school, message, self._chats)
            case SubmissionMessage():
                return submission_mail(school, message, self._chats)
            case SigningMessage():
                return signing_mail(school, message, self._chats)
            case DutyMessage():
                return duty_mail(school, message, self._chats)
            case _:
                return None

    async def update(self, _school: School, _address: Address, message_id: str, _message: Message) -> str:
        """A mail stays as it was sent."""
        return message_id

    async def delete(self, _school: School, _address: Address, _message_id: str) -> None:
        """Nobody takes a mail back.

        Raises:
            NoSuchPlaceError: always.
        """
        raise NoSuchPlaceError("not_by_mail")

    async def _recipient(self, school: School, person_id: str) -> MailAddress:
        async with self._store.transaction(school, write=False) as records:
            person = (await records.people([person_id])).get(person_id)
        if person is None:
            raise NoSuchPlaceError("person_not_listed")
        try:
            person.email.encode("ascii")
            return MailAddress(addr_spec=person.email)
        except (ValueError, IndexError, MessageError):
            raise NoSuchPlaceError("not_an_address") from None


def drawn(mail: Mail, sender: MailAddress, to: MailAddress, message_id: str, at: datetime) -> EmailMessage:
    """A mail with all that belongs on its envelope."""
    # A line break before the first word of a subject, which the library would make, is shown by some as a space.
    made = EmailMessage(SMTP_RULES.clone(max_line_length=_LONGEST_LINE) if mail.subject.isascii() else SMTP_RULES)
    made["From"] = sender
    made["To"] = to
    made["Subject"] = mail.subject
    made["Date"] = format_datetime(at)
    made["Message-ID"] = message_id
    # So that no "I am away" comes back: the first is the standard's, the second is what Exchange heeds.
    made["Auto-Submitted"] = "auto-generated"
    made["X-Auto-Response-Suppress"] = "All"
    made.set_content(mail.body, cte="quoted-printable")
    return made


async def hand_in(
    server: MailServer, sender: MailAddress, to: MailAddress, mail: EmailMessage, patience: float = PATIENCE_SECONDS
) -> None:
    """Hands a mail in.

    Raises:
        TryLaterError, NoSuchPlaceError: the server has not taken it.
    """
    handing_over = False
    try:
        async with logged_in(server, sender.addr_spec, patience) as client:
            await client.mail(sender.addr_spec)
            await client.rcpt(to.addr_spec)
            handing_over = True
            await client.data(mail.as_bytes())
    except Trouble as trouble:
        raise _reason(trouble, handing_over=handing_over) from None


def _reason(trouble: BaseException, *, handing_over: bool) -> TryLaterError | NoSuchPlaceError:
    code = code_of(trouble)
    refused = trouble.code if isinstance(trouble, SMTPResponseException) else 0
    if (
        is_login(trouble)
        or is_certificate(trouble)
        or (isinstance(trouble, SMTPSenderRefused | SMTPDataError) and refused >= 500)
    ):
        log.error("the mail server says %s: run `esafety doctor`", code)
        return TryLaterError(code, _UNTIL_MENDED)
    if isinstance(trouble, SMTPRecipientRefused) and refused >= 500 and refused != _MAILBOX_FULL:
        return NoSuchPlaceError(code)
    # A number is an answer, and says that it was not taken. Silence once the mail was on its way says nothing.
    return TryLaterError(code, uncertain=handing_over and not refused)
