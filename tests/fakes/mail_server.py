"""A real SMTP server on this machine, with a certificate of its own, that keeps what it takes and fails as a test asks."""

import asyncio
import ssl
import warnings
from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP as SMTP_RULES
from functools import cache
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Self

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from bot.settings import MailServer, MailTls

USER, PASSWORD = "esafety@school.example", "p@ss/word#1"
HANG, DROP, TAKE_AND_DROP = "hang", "drop", "take and drop"
"""It never answers; the connection breaks; it takes the mail and the connection breaks before it has said so."""


@cache
def _certificates() -> tuple[bytes, bytes]:
    """An authority's certificate, and the server's with its key, as PEM."""
    now = datetime.now(UTC)

    def signed(
        name: str, key: ec.EllipticCurvePrivateKey, by: str, by_key: ec.EllipticCurvePrivateKey, *, authority: bool
    ) -> x509.Certificate:
        def named(text: str) -> x509.Name:
            return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])

        builder = (
            x509.CertificateBuilder()
            .subject_name(named(name))
            .issuer_name(named(by))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(by_key.public_key()), critical=False)
            .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        )
        if authority:
            use = x509.KeyUsage(
                digital_signature=True,
                content_commitment=False,
                key_encipherment=False,
                data_encipherment=False,
                key_agreement=False,
                key_cert_sign=True,
                crl_sign=True,
                encipher_only=False,
                decipher_only=False,
            )
            builder = builder.add_extension(use, critical=True)
        return builder.sign(by_key, hashes.SHA256())

    root_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    root = signed("A school's authority", root_key, "A school's authority", root_key, authority=True)
    own = signed("A mail server", key, "A school's authority", root_key, authority=False)
    pem = serialization.Encoding.PEM
    secret = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return root.public_bytes(pem), own.public_bytes(pem) + secret


@dataclass(slots=True)
class FakeMail:
    """The server. `ca_file` is its authority's certificate, for SSL_CERT_FILE. Mails by recipient, in order."""

    folder: Path
    tls: MailTls = MailTls.NONE
    login: bool = False
    taken: list[tuple[str, EmailMessage]] = field(default_factory=list)
    greetings: list[str] = field(default_factory=list)
    at_rcpt: deque[str] = field(default_factory=deque)
    at_data: deque[str] = field(default_factory=deque)
    at_sender: deque[str] = field(default_factory=deque)
    encrypted: list[bool] = field(default_factory=list)
    port: int = 0
    ca_file: Path = Path()
    _server: asyncio.Server | None = None
    _open: set[SMTP] = field(default_factory=set)

    async def __aenter__(self) -> Self:
        root, own = _certificates()
        self.ca_file, mine = self.folder / "authority.pem", self.folder / "server.pem"
        self.ca_file.write_bytes(root)
        mine.write_bytes(own)
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(mine)
        loop = asyncio.get_running_loop()

        def conversation() -> SMTP:
            with warnings.catch_warnings(action="ignore"):  # it warns of letting people in without TLS, which is what is tried
                one = self._conversation(loop, context)
            self._open.add(one)
            return one

        implicit = context if self.tls is MailTls.IMPLICIT else None
        self._server = await loop.create_server(conversation, "127.0.0.1", 0, ssl=implicit)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    def _conversation(self, loop: asyncio.AbstractEventLoop, context: ssl.SSLContext) -> SMTP:
        starttls = self.tls is MailTls.STARTTLS
        return SMTP(
            self,
            hostname="mail.school.example",
            loop=loop,
            tls_context=context if starttls else None,
            require_starttls=starttls,
            authenticator=self._let_in,
            auth_required=self.login,
            auth_require_tls=starttls,
        )

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def stop(self) -> None:
        """Nobody is there any more."""
        if self._server is not None:
            self._server.close()
        for one in self._open:
            if isinstance(one.transport, asyncio.WriteTransport):
                one.transport.abort()
        while any(one._handler_coroutine is not None and not one._handler_coroutine.done() for one in self._open):
            for one in self._open:
                if one._handler_coroutine is not None:
                    one._handler_coroutine.cancel()
            await asyncio.sleep(0)

    def address(self, user: str = "", password: str = "") -> MailServer:
        """Where it is, as the bot is told."""
        return MailServer("127.0.0.1", self.port, self.tls, user, password)

    def to(self, recipient: str) -> list[EmailMessage]:
        """What somebody was sent."""
        return [mail for to, mail in self.taken if to == recipient]

    @property
    def recipients(self) -> list[str]:
        """Who was sent something, in order."""
        return [to for to, _ in self.taken]

    def _let_in(self, _server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, said: Any) -> AuthResult:
        right = isinstance(said, LoginPassword) and (said.login.decode(), said.password.decode()) == (USER, PASSWORD)
        return AuthResult(success=right, handled=False)

    async def handle_EHLO(  # noqa: N802 - so the library calls it
        self, _server: SMTP, session: Session, _envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        self.greetings.append(hostname)
        session.host_name = hostname
        return responses

    async def handle_MAIL(  # noqa: N802 - so the library calls it
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        if self.at_sender:
            return self.at_sender.popleft()
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(  # noqa: N802 - so the library calls it
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        said = self.at_rcpt.popleft() if self.at_rcpt else ""
        if said == HANG:
            await asyncio.Event().wait()
        if said:
            return said
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(  # noqa: N802 - so the library calls it
        self, server: SMTP, _session: Session, envelope: Envelope
    ) -> str:
        said = self.at_data.popleft() if self.at_data else ""
        if said not in ("", TAKE_AND_DROP, HANG, DROP):
            return said
        if said in ("", TAKE_AND_DROP):
            mail = message_from_bytes(envelope.original_content or b"", policy=SMTP_RULES)
            assert isinstance(mail, EmailMessage)
            self.taken += [(to, mail) for to in envelope.rcpt_tos]
            self.encrypted.append(server.transport is not None and bool(server.transport.get_extra_info("ssl_object")))
        if said == HANG:
            await asyncio.Event().wait()
        if said and isinstance(server.transport, asyncio.WriteTransport):
            server.transport.abort()
        return "250 OK"
