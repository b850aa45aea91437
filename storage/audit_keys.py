"""The key that signs the heads of the audit's chains, and how a signed head is written as a line of JSON.

The signature says that a head comes from this bot and is as it was made. What it vouches for is as strong as the places where
heads are kept: whoever can write the database, and has the key, can make new ones, and cannot change those that are elsewhere.
"""

import base64
import binascii
import hashlib
import json
import os
from dataclasses import asdict, dataclass, field
from datetime import UTC
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError
from sqlalchemy import make_url

from domain.audit import Head, SignedHead

_KEY_BYTES = 32
_KIND = "esafety audit head 1"
"""Is signed with each head, so that the key can sign nothing else that could pass for one."""


class AuditKeyError(Exception):
    """A key cannot be used. The message says why and what to do, and holds nothing of the key."""


class HeadFileError(Exception):
    """A file of heads cannot be read. The message names the file and the line."""


@dataclass(frozen=True, slots=True)
class PublicKey:
    """Checks signatures. `text` is the key itself in base64; `name` is short, and tells keys apart."""

    text: str

    @property
    def name(self) -> str:
        """Sixteen letters and digits that are this key's."""
        return hashlib.sha256(base64.b64decode(self.text)).hexdigest()[:16]

    def has_signed(self, signed: SignedHead) -> bool:
        """Whether the head is as this key signed it."""
        try:
            key = Ed25519PublicKey.from_public_bytes(base64.b64decode(self.text))
            key.verify(base64.b64decode(signed.signature, validate=True), _signed_words(signed.head))
        except (InvalidSignature, binascii.Error):
            return False
        return True


@dataclass(frozen=True, slots=True)
class SigningKey:
    """Signs heads. It never appears in a log or in an error's text."""

    _secret: bytes = field(repr=False)

    @property
    def public(self) -> PublicKey:
        """What others check the signatures with."""
        key = Ed25519PrivateKey.from_private_bytes(self._secret).public_key()
        return PublicKey(base64.b64encode(key.public_bytes_raw()).decode())

    def sign(self, head: Head) -> SignedHead:
        """The head with its signature. The same head is signed the same way each time."""
        signature = Ed25519PrivateKey.from_private_bytes(self._secret).sign(_signed_words(head))
        return SignedHead(head, self.public.name, base64.b64encode(signature).decode())


def signing_key(text: str) -> SigningKey:
    """The key in a setting or a file: 32 bytes in base64.

    Raises:
        AuditKeyError: it is none.
    """
    return SigningKey(_key_bytes(text))


def public_key(text: str) -> PublicKey:
    """The public key that `esafety audit key` printed.

    Raises:
        AuditKeyError: it is none.
    """
    return PublicKey(base64.b64encode(_key_bytes(text)).decode())


def place_beside(database_url: str) -> Path | None:
    """Where the key of an SQLite database is kept; None for one on a server."""
    url = make_url(database_url)
    return Path(f"{url.database}.audit-key") if url.get_backend_name() == "sqlite" else None


def key_in(file: Path) -> SigningKey:
    """The key in a file.

    Raises:
        AuditKeyError: it cannot be read, or holds none.
    """
    try:
        return signing_key(file.read_text(encoding="ascii"))
    except (OSError, UnicodeDecodeError, AuditKeyError) as wrong:
        why = (wrong.strerror if isinstance(wrong, OSError) else "") or "it holds no key"
        raise AuditKeyError(f"the audit's signing key in {file} cannot be used ({why})") from None


def key_made_in(file: Path) -> SigningKey:
    """The key in a file; a new one where there is none yet, for its owner's eyes only. Several processes may ask at once.

    Raises:
        AuditKeyError: it can be neither read nor made.
    """
    part = file.with_name(f"{file.name}.{os.getpid()}.part")
    try:
        if not file.exists():
            file.parent.mkdir(parents=True, exist_ok=True)
            with os.fdopen(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w", encoding="ascii") as made:
                made.write(base64.b64encode(os.urandom(_KEY_BYTES)).decode() + "\n")
                made.flush()
                os.fsync(made.fileno())
            # Under its name only once it is whole, and never in place of another's.
            file.hardlink_to(part)
    except FileExistsError:
        pass
    except OSError as no:
        raise AuditKeyError(f"the audit's signing key cannot be made in {file} ({no.strerror})") from None
    finally:
        part.unlink(missing_ok=True)
    return key_in(file)


def as_line(signed: SignedHead) -> str:
    """A signed head as a line of JSON, without the line's end."""
    head = asdict(signed.head) | {"at": signed.head.at.astimezone(UTC).isoformat()}
    return json.dumps(head | {"key": signed.key, "signature": signed.signature}, ensure_ascii=True)


class _Line(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    school: str
    seq: int
    hash: str
    at: AwareDatetime
    key: str
    signature: str


def heads_in(file: Path) -> list[tuple[int, SignedHead]]:
    """The heads of a file with the numbers of their lines; of all such files, where it is a folder.

    Raises:
        HeadFileError: it cannot be read, or one of its lines is no head.
    """
    if file.is_dir():
        return [found for one in sorted(file.glob("*.json*")) for found in heads_in(one)]
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as wrong:
        why = (wrong.strerror if isinstance(wrong, OSError) else "") or "it is no text"
        raise HeadFileError(f"{file} cannot be read ({why})") from None
    found = []
    for number, text in enumerate(lines, 1):
        # A line that was broken off is written whole further on.
        if not text.strip() or any(other.startswith(text) and other != text for other in lines[number:]):
            continue
        try:
            line = _Line.model_validate_json(text)
        except ValidationError:
            raise HeadFileError(f"{file}, line {number}, is no head of an audit") from None
        head = Head(line.school, line.seq, line.hash, line.at)
        found.append((number, SignedHead(head, line.key, line.signature)))
    return found


def _signed_words(head: Head) -> bytes:
    words = [_KIND, head.school, head.seq, head.hash, head.at.astimezone(UTC).isoformat()]
    return json.dumps(words, ensure_ascii=True).encode()


def _key_bytes(text: str) -> bytes:
    try:
        found = base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        found = b""
    if len(found) != _KEY_BYTES:
        raise AuditKeyError("that is no key: 44 letters, digits and signs, as `esafety audit key` prints them")
    return found
