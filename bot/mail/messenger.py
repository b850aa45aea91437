"""The way out by e-mail: a short mail to the address that somebody has on the staff list now, and what to make of a refusal."""

import logging
from collections.abc import Set as AbstractSet
from datetime import timedelta
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
from cards.mail import Mail, alert_mail
from domain.messages import AlertMessage, Message
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
        """Sends an alert; its id is the mail's Message-ID."""
        if not isinstance(message, AlertMessage) or address.kind is not AddressKind.PERSON:
            raise NoSuchPlaceError("not_by_mail")
        to = await self._recipient(school, address.id)
        message_id = make_msgid(domain=self._sender.domain)
        await self._hand_in(to, self._drawn(alert_mail(school, message, self._chats), to, message_id))
        return message_id

    async def update(self, _school: School, _address: Address, message_id: str, _message: Message) -> str:
        """A mail stays as it was sent."""
        return message_id

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

    def _drawn(self, mail: Mail, to: MailAddress, message_id: str) -> bytes:
        # A line break before the first word of a subject, which the library would make, is shown by some as a space.
        drawn = EmailMessage(SMTP_RULES.clone(max_line_length=_LONGEST_LINE) if mail.subject.isascii() else SMTP_RULES)
        drawn["From"] = self._sender
        drawn["To"] = to
        drawn["Subject"] = mail.subject
        drawn["Date"] = format_datetime(self._clock.now())
        drawn["Message-ID"] = message_id
        # So that no "I am away" comes back: the first is the standard's, the second is what Exchange heeds.
        drawn["Auto-Submitted"] = "auto-generated"
        drawn["X-Auto-Response-Suppress"] = "All"
        drawn.set_content(mail.body, cte="quoted-printable")
        return drawn.as_bytes()

    async def _hand_in(self, to: MailAddress, mail: bytes) -> None:
        handing_over = False
        try:
            async with logged_in(self._server, self._sender.addr_spec, self._patience) as client:
                await client.mail(self._sender.addr_spec)
                await client.rcpt(to.addr_spec)
                handing_over = True
                await client.data(mail)
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
