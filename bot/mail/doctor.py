"""The doctor's look at the mail server: whether it lets the bot in. No mail is sent."""

from aiosmtplib import SMTPConnectError, SMTPResponseException

from bot.doctor import Finding, Level
from bot.mail.connection import NO_LOGIN, NO_STARTTLS, PATIENCE_SECONDS, Trouble, code_of, is_certificate, is_login, logged_in
from bot.settings import MailServer, MailTls

_WHERE = "ESAFETY_SMTP_URL"


async def examine_mail(server: MailServer, sender: str, patience: float = PATIENCE_SECONDS) -> Finding:
    """Connects, begins TLS and logs in, as for a mail."""
    name = f"e-mail: {server.host}:{server.port}"
    try:
        async with logged_in(server, sender, patience):
            pass
    except Trouble as trouble:
        return Finding(Level.FAULT, f"{name} {_said(trouble)}", _mend(trouble))
    how = "in the clear, since it is on this machine" if server.tls is MailTls.NONE else "encrypted"
    return Finding(Level.OK, f"{name} lets the bot in, {how}; no mail was sent")


def _said(trouble: BaseException) -> str:
    if is_login(trouble):
        return "does not take user and password"
    if is_certificate(trouble):
        return "cannot prove who it is: its certificate is not one that this machine trusts"
    if isinstance(trouble, TimeoutError):
        return "does not answer in time"
    if isinstance(trouble, SMTPConnectError) and not isinstance(trouble, SMTPResponseException):
        return "cannot be reached"
    return f"does not let the bot in ({code_of(trouble)})"


def _mend(trouble: BaseException) -> str:
    if is_login(trouble):
        return f"correct user and password in {_WHERE}, percent-encoded; many services want a password made for one program"
    if is_certificate(trouble):
        return f"give the server's full name in {_WHERE}; for an authority of your own set SSL_CERT_FILE to its certificate"
    if code_of(trouble) == NO_STARTTLS:
        return f"it offers no STARTTLS: use smtps:// in {_WHERE}, or another server; nothing is sent in the clear"
    if code_of(trouble) == NO_LOGIN:
        return f"it offers no way to log in: take user and password out of {_WHERE}, or use its port for programs that log in"
    return f"check host and port in {_WHERE} (smtp:// is for STARTTLS, often 587; smtps:// for 465), and the firewall"
