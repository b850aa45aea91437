"""Sealing: what nobody may read who has only the database, a backup or a disk. AES-256-GCM, and what it is bound to.

An envelope is: version (1 byte) | length of the key's name (1) | the key's name | nonce (12) | ciphertext and its tag (16).
Only a data key's own envelope names a key, that of the ring which wraps it; what lies under a data key stands beside it.
"""

import os
from hmac import digest

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from storage.key_ring import SealError

KEY_BYTES = 32
_VERSION = 1
_NONCE_BYTES = 12
_HEAD_BYTES = 2


def place(table: str, column: str, school: str, *row: str) -> bytes:
    """Where something sealed belongs. Anywhere else it cannot be opened."""
    return "\0".join((table, column, school, *row)).encode()


class Key:
    """A key that is ready for use. It shows itself to nobody: not in a log line, not in a traceback."""

    __slots__ = ("_cipher", "_head", "_key")

    def __init__(self, key: bytes, name: str = "") -> None:
        if len(key) != KEY_BYTES:
            raise ValueError(f"a key has {KEY_BYTES} bytes")
        self._key = key
        self._cipher = AESGCM(key)
        said = name.encode()
        self._head = bytes((_VERSION, len(said))) + said

    @classmethod
    def new(cls) -> "Key":
        """A fresh data key."""
        return cls(os.urandom(KEY_BYTES))

    def __repr__(self) -> str:
        return "Key(...)"

    def seal(self, content: bytes, where: bytes) -> bytes:
        """An envelope that opens with this key, at this place."""
        # Random nonces are safe for some 2^32 envelopes of one key: far more than a case, or a school's year, can have.
        nonce = os.urandom(_NONCE_BYTES)
        return self._head + nonce + self._cipher.encrypt(nonce, content, self._head + where)

    def open(self, envelope: bytes, where: bytes) -> bytes:
        """What is in an envelope.

        Raises:
            SealError: it was sealed with another key, belongs to another place, or has been changed.
        """
        if envelope[:1] != self._head[:1]:
            raise SealError("sealed by a version of this program that this one does not know")
        start = len(self._head)
        if envelope[:start] != self._head:
            raise SealError("sealed under a key of another name")
        nonce = envelope[start : start + _NONCE_BYTES]
        try:
            return self._cipher.decrypt(nonce, envelope[start + _NONCE_BYTES :], self._head + where)
        except (InvalidTag, ValueError):
            raise SealError("what is sealed does not open with its key: it was changed, or belongs elsewhere") from None

    def seal_text(self, text: str, where: bytes) -> bytes:
        """As `seal`, for a text. Half of a surrogate pair, which somebody can type, is kept too."""
        return self.seal(text.encode(errors="surrogatepass"), where)

    def open_text(self, envelope: bytes, where: bytes) -> str:
        """As `open`, for a text."""
        return self.open(envelope, where).decode(errors="surrogatepass")

    def wrap(self, other: "Key", where: bytes) -> bytes:
        """Another key, sealed under this one."""
        return self.seal(other._key, where)  # noqa: SLF001 - another of the same

    def unwrap(self, envelope: bytes, where: bytes) -> "Key":
        """The key in an envelope.

        Raises:
            SealError: as `open`.
        """
        return Key(self.open(envelope, where))

    def mark(self, what: bytes) -> bytes:
        """32 bytes that only who has the key can make of `what`, the same each time."""
        return digest(self._key, what, "sha256")


def wrapped_under(envelope: bytes) -> str:
    """The name of the key under which a wrapped key lies.

    Raises:
        SealError: that is no envelope.
    """
    try:
        return envelope[_HEAD_BYTES : _HEAD_BYTES + envelope[1]].decode("ascii")
    except (IndexError, UnicodeDecodeError):
        raise SealError("that is no envelope of this program") from None
