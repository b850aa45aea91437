"""A signed head of the audit by e-mail, to an address that the school file gives."""

from datetime import datetime
from email.errors import MessageError
from email.headerregistry import Address as MailAddress
from email.utils import make_msgid, parseaddr

from bot.mail.messenger import drawn, hand_in
from bot.settings import MailServer
from bot.worker import NoSuchPlaceError
from cards.mail import head_mail
from domain.audit import SignedHead
from domain.people import School
from storage.audit_keys import as_line


async def post_head(server: MailServer, mail_from: str, school: School, signed: SignedHead, at: datetime) -> None:
    """Hands a mail in with the head attached, as a file that `esafety audit verify` takes.

    Raises:
        TryLaterError, NoSuchPlaceError: the server has not taken it.
    """
    name, address = parseaddr(mail_from)
    sender = MailAddress(name, addr_spec=address)
    try:
        to = MailAddress(addr_spec=school.heads_mail.encode("ascii").decode())
    except (ValueError, IndexError, MessageError):
        raise NoSuchPlaceError("not_an_address") from None
    mail = drawn(head_mail(school, signed), sender, to, make_msgid(domain=sender.domain), at)
    mail.add_attachment(
        f"{as_line(signed)}\n".encode(),
        maintype="application",
        subtype="json",
        filename=f"audit-head-{signed.head.school}-{signed.head.seq}.json",
    )
    await hand_in(server, sender, to, mail)
