"""A conversation with the mail server: connected, in secret and logged in before anything is asked of it."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from aiosmtplib import SMTP, SMTPAuthenticationError, SMTPException, SMTPNotSupported, SMTPResponseException

from bot.settings import MailServer, MailTls

PATIENCE_SECONDS: Final = 25.0
"""For all of it together. With the farewell it stays below what the worker allows one message (`SENDING_TAKES`)."""
_FAREWELL_SECONDS: Final = 2.0
NO_STARTTLS, NO_LOGIN = "no_starttls", "no_login"

Trouble = (SMTPException, OSError, TimeoutError)
"""Whatever may go wrong between the bot and a mail server."""


@asynccontextmanager
async def logged_in(server: MailServer, sender: str, patience: float = PATIENCE_SECONDS) -> AsyncIterator[SMTP]:
    """The server, ready to be given a mail. `sender` is an address of the bot's own, whose domain is the name it greets with.

    An authority of the school's own is trusted where SSL_CERT_FILE names its certificate.

    Raises:
        SMTPException, OSError, TimeoutError: it cannot be reached, cannot prove who it is, or does not let the bot in.
    """
    client = SMTP(
        hostname=server.host,
        port=server.port,
        # Without it the library asks the network for the name of this machine, which may take long.
        local_hostname=sender.rpartition("@")[2],
        use_tls=server.tls is MailTls.IMPLICIT,
        start_tls=False,
        tls_context=None if server.tls is MailTls.NONE else ssl.create_default_context(),
        timeout=patience,
    )
    try:
        async with asyncio.timeout(patience):
            await client.connect()
            await client.ehlo()
            if server.tls is MailTls.STARTTLS:
                if not client.supports_extension("starttls"):
                    raise SMTPNotSupported(NO_STARTTLS)
                await client.starttls()
                await client.ehlo()
            if server.user:
                if not client.supported_auth_methods:
                    raise SMTPNotSupported(NO_LOGIN)
                await client.login(server.user, server.password)
            yield client
        # Outside: a server that is slow to say goodbye has taken the mail all the same.
        with contextlib.suppress(*Trouble):
            await client.quit(timeout=_FAREWELL_SECONDS)
    finally:
        client.close()


def code_of(trouble: BaseException) -> str:
    """Why it did not work, in a word that is safe to keep: never the server's own text, which may hold an address."""
    if isinstance(trouble, SMTPResponseException):
        return f"smtp_{trouble.code}"
    if isinstance(trouble, SMTPNotSupported):
        return str(trouble)
    if is_certificate(trouble):
        return "certificate"
    return type(trouble).__name__


def is_certificate(trouble: BaseException) -> bool:
    """Whether it was that the server could not prove who it is."""
    return any(isinstance(e, ssl.SSLCertVerificationError) for e in (trouble, trouble.__cause__))


def is_login(trouble: BaseException) -> bool:
    """Whether it was that the server did not take user and password, or wants some: only a person can mend that."""
    wanted = isinstance(trouble, SMTPResponseException) and trouble.code in (530, 534, 535, 538)
    return wanted or (isinstance(trouble, SMTPAuthenticationError) and trouble.code >= 500)
