"""The master keys: where the ring comes from, what it looks like, and how it gets a new key.

A ring is one line a key, `name:base64 of 32 bytes`, or the same with commas between. The first is current: new records are
sealed under it. The others are there to read what is still under them.
"""

import base64
import binascii
import contextlib
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Protocol

_NAME = re.compile(r"[A-Za-z0-9._-]{1,32}")
_KEY_BYTES = 32
_LONGEST_COMMAND_SECONDS = 30
HOW = "docs/keys.md"


class KeyRingError(Exception):
    """The key ring cannot be used. The text says what to do about it, and holds nothing of any key."""


class SealError(Exception):
    """What is sealed cannot be opened: another key, another place, or another content. The text holds nothing of it."""


class KeyMissingError(SealError):
    """It lies under a key that the ring does not have."""

    def __init__(self, name: str) -> None:
        super().__init__(f"the key ring has no key {name}, under which this is sealed ({HOW})")
        self.name = name


class NoRingFileError(KeyRingError):
    """There is no file of that name."""


@dataclass(frozen=True, slots=True)
class MasterKey:
    """A key of the ring. `secret` is its 32 bytes."""

    name: str
    secret: bytes = field(repr=False)

    @property
    def line(self) -> str:
        """As it stands in a ring."""
        return f"{self.name}:{base64.b64encode(self.secret).decode()}"


@dataclass(frozen=True, slots=True)
class KeyRing:
    """The master keys, the current one first."""

    keys: tuple[MasterKey, ...]

    @property
    def current(self) -> MasterKey:
        """Under which everything new is sealed."""
        return self.keys[0]


def parse_ring(text: str, whence: str) -> KeyRing:
    """The ring of a text; `whence` says in an error where the text is from.

    Raises:
        KeyRingError: it is none.
    """
    found: dict[str, MasterKey] = {}
    lines = [line.strip() for part in text.splitlines() for line in part.partition("#")[0].split(",")]
    for number, line in enumerate((line for line in lines if line), 1):
        name, colon, encoded = line.partition(":")
        try:
            secret = base64.b64decode(encoded, validate=True)
        except (binascii.Error, ValueError):
            secret = b""
        if not colon or not _NAME.fullmatch(name) or len(secret) != _KEY_BYTES:
            raise KeyRingError(
                f"{whence}: key {number} is not name:base64 of 32 bytes, as `esafety keys new` prints it ({HOW})"
            )
        if name in found:
            raise KeyRingError(f"{whence}: there are two keys called {name}: names are given once, and never again ({HOW})")
        found[name] = MasterKey(name, secret)
    if not found:
        raise KeyRingError(f"{whence}: there is no key in it ({HOW})")
    return KeyRing(tuple(found.values()))


def new_key(now: datetime) -> MasterKey:
    """A fresh key, named by the day, and by chance so that no two are called the same."""
    return MasterKey(f"{now:%Y-%m-%d}-{os.urandom(2).hex()}", os.urandom(_KEY_BYTES))


class RingSource(Protocol):
    """Where the ring comes from."""

    @property
    def name(self) -> str:
        """In words, for people."""
        ...

    def read(self) -> KeyRing:
        """The ring as it is now. It may take a while.

        Raises:
            KeyRingError: it cannot be had.
        """
        ...

    def has_changed(self) -> bool:
        """Whether it may be another one than when it was read last. It takes no time."""
        ...


@dataclass(frozen=True, slots=True)
class InlineRing:
    """A ring that stands in a setting."""

    text: str = field(repr=False)
    name: str = "ESAFETY_KEYS"

    def read(self) -> KeyRing:
        """As `RingSource`."""
        return parse_ring(self.text, self.name)

    def has_changed(self) -> bool:
        """A setting is read once."""
        return False


@dataclass(frozen=True, slots=True)
class CommandRing:
    """A ring that a command prints: so a school's own store of secrets can keep it. It is run once, without a shell."""

    command: Sequence[str]
    name: str = "ESAFETY_KEYS_COMMAND"

    def read(self) -> KeyRing:
        """As `RingSource`."""
        try:
            ran = subprocess.run(  # noqa: S603 - what the administrator has set, without a shell
                self.command, stdin=subprocess.DEVNULL, capture_output=True, timeout=_LONGEST_COMMAND_SECONDS, check=False
            )
        except subprocess.TimeoutExpired:
            raise KeyRingError(f"{self.name}: not done within {_LONGEST_COMMAND_SECONDS} seconds") from None
        except OSError as no:
            raise KeyRingError(f"{self.name}: cannot be run ({no.strerror})") from None
        if ran.returncode:
            raise KeyRingError(f"{self.name}: ended with exit code {ran.returncode}; run it by itself to see why")
        return parse_ring(ran.stdout.decode(errors="replace"), self.name)

    def has_changed(self) -> bool:
        """It is run once."""
        return False


class RingFile:
    """A ring in a file, which is read again whenever it has changed: a new key comes into use while the bot runs.

    `made_if_missing`: the file is the program's own, and the first start makes it.
    """

    def __init__(self, path: Path, *, made_if_missing: bool = False) -> None:
        self.path = path
        self.made_if_missing = made_if_missing
        self._seen: tuple[int, int, int] | None = None

    @property
    def name(self) -> str:
        """As `RingSource`."""
        return str(self.path)

    def read(self) -> KeyRing:
        """As `RingSource`."""
        self._seen = self._looks()
        try:
            text = self.path.read_text(encoding="ascii")
        except FileNotFoundError:
            raise NoRingFileError(f"{self.path}: the key ring is not there ({HOW})") from None
        except OSError as no:
            raise KeyRingError(f"{self.path}: the key ring cannot be read ({no.strerror})") from None
        except UnicodeDecodeError:
            raise KeyRingError(f"{self.path}: that is no key ring ({HOW})") from None
        return parse_ring(text, self.name)

    def has_changed(self) -> bool:
        """As `RingSource`."""
        return self._looks() != self._seen

    def _looks(self) -> tuple[int, int, int] | None:
        try:
            found = self.path.stat()
        except OSError:
            return None
        return found.st_ino, found.st_size, found.st_mtime_ns

    def make(self, key: MasterKey) -> None:
        """A new file with one key, which its owner alone may read. Of two who make it at once, one has made it.

        Raises:
            KeyRingError: it cannot be written.
        """
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            part = self._written(f"{key.line}\n")
            try:
                # Not renamed: a ring that has come to be meanwhile must never be written over.
                with contextlib.suppress(FileExistsError):
                    self.path.hardlink_to(part)
            finally:
                part.unlink()
            _to_disk(self.path.parent)
        except OSError as no:
            raise self._cannot_write(no) from None

    def add(self, key: MasterKey) -> None:
        """Puts a key before the others: from now on it is current. Of two who add one at once, both have; a link stays one.

        Raises:
            KeyRingError: the file cannot be read or written; it is as it was.
        """
        self.read()
        try:
            ring = RingFile(self.path.resolve())
            with _alone_with(ring.path):
                ring.put_first(key)
        except OSError as no:
            raise self._cannot_write(no) from None

    def put_first(self, key: MasterKey) -> None:
        """As `add`, where nobody else changes the file meanwhile.

        Raises:
            OSError: the file cannot be written.
            KeyRingError: it cannot be read.
        """
        self.read()
        part = self._written(f"{key.line}\n{self.path.read_text(encoding='ascii')}")
        try:
            _give_to_the_same(self.path, part)
            part.replace(self.path)
        finally:
            part.unlink(missing_ok=True)
        _to_disk(self.path.parent)

    def _cannot_write(self, no: OSError) -> KeyRingError:
        return KeyRingError(f"{self.path}: the key ring cannot be written ({no.strerror})")

    def _written(self, text: str) -> Path:
        """A file beside it, on the disk, that nobody else may read."""
        with NamedTemporaryFile("w", dir=self.path.parent, prefix=f"{self.path.name}.", delete=False, encoding="ascii") as part:
            part.write(text)
            part.flush()
            os.fsync(part.fileno())
        return Path(part.name)


class NoRing:
    """Nobody has said where the ring is."""

    name = "the key ring"

    def read(self) -> KeyRing:
        """As `RingSource`."""
        raise KeyRingError(
            "there is no key ring: with PostgreSQL, set ESAFETY_KEYS_FILE (or ESAFETY_KEYS, ESAFETY_KEYS_COMMAND)."
            f" `esafety keys new` makes a key; {HOW} says how to keep it"
        )

    def has_changed(self) -> bool:
        """It never has."""
        return False


if sys.platform == "win32":
    import msvcrt

    @contextlib.contextmanager
    def _alone_with(ring: Path) -> Iterator[None]:
        # There a file that somebody has open cannot be replaced.
        with Path(f"{ring}.lock").open("ab") as held:
            msvcrt.locking(held.fileno(), msvcrt.LK_LOCK, 1)
            yield
else:
    import fcntl

    @contextlib.contextmanager
    def _alone_with(ring: Path) -> Iterator[None]:
        """Waits until nobody else adds a key. The lock lies on the ring: root and the bot's user can both take it."""
        while True:
            with ring.open("rb") as held:
                fcntl.flock(held, fcntl.LOCK_EX)
                # Whoever had it before has put another file in its place.
                if os.path.samestat(os.fstat(held.fileno()), ring.stat()):
                    yield
                    return


def _give_to_the_same(old: Path, new: Path) -> None:
    """Whoever could read the old file can read the new one, and nobody else: root may add a key that the bot must read."""
    found = old.stat()
    if hasattr(os, "chown") and (found.st_uid, found.st_gid) != (os.getuid(), os.getgid()):
        os.chown(new, found.st_uid, found.st_gid)
    new.chmod(found.st_mode & 0o777)


def _to_disk(folder: Path) -> None:
    # Windows and some network shares cannot bring a folder to the disk; the file itself is there.
    with contextlib.suppress(OSError):
        opened = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(opened)
        finally:
            os.close(opened)
