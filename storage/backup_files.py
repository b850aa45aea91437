"""A backup as a file: made beside its name, sealed, and given its name once it is whole.

The seal is a digest of everything that lies in the file, so that it holds for the tables of every version. It shows damage and
careless changes. It is no signature: whoever can write the file can make it anew.
"""

import contextlib
import json
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

from storage.digests import RowsDigest

_MAKE_SEAL = "CREATE TABLE backup_seal (made_at TEXT NOT NULL, digest TEXT NOT NULL)"
_DIRECT_COPY = (
    "If it is a copy of an SQLite database of this program, set ESAFETY_DATABASE_URL to it, and `esafety move --to` takes its"
    " records over"
)


class CopyError(Exception):
    """A copy cannot be made, or would not be whole. The message says why and what to do, and holds nothing of the records."""


@dataclass(frozen=True, slots=True)
class Backup:
    """A backup that is as it was made: when that was, and the revision of its tables."""

    made_at: datetime
    revision: str


@contextmanager
def new_file(file: Path) -> Iterator[Path]:
    """An empty file beside `file` that only its owner can read. It gets the name at the end, or is removed.

    Raises:
        CopyError: there is such a file already, or none can be made.
    """
    part = file.with_name(f"{file.name}.part")
    if os.path.lexists(file):
        raise CopyError(f"{file} is there already, and is left as it is: give the backup another name, with its date for one")
    try:
        os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except FileExistsError:
        raise CopyError(f"{part} is there: another backup is being made, or one was broken off. Remove it if not") from None
    except OSError as broken:
        raise CopyError(f"{part} cannot be written ({broken.strerror})") from None
    try:
        yield part
        _give_name(part, file)
    except OSError as broken:
        raise CopyError(f"{file} could not be written ({broken.strerror}): there is no backup") from None
    finally:
        for left in ("", "-journal", "-wal", "-shm"):
            # Under its name by now, if all went well.
            with contextlib.suppress(FileNotFoundError):
                os.unlink(f"{part}{left}")  # noqa: PTH108 - a name, not a path within


def _give_name(part: Path, file: Path) -> None:
    _to_disk(part)
    if os.path.lexists(file):
        raise CopyError(f"{file} has come to be meanwhile, and is left as it is: there is no new backup")
    part.rename(file)
    # Windows and some network shares cannot bring a folder to the disk; the file itself is there.
    with contextlib.suppress(OSError):
        _to_disk(file.parent)


def _to_disk(path: Path) -> None:
    opened = os.open(path, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def seal(file: Path, made_at: datetime) -> None:
    """Seals a file that is finished.

    Raises:
        CopyError: it cannot be written.
    """
    try:
        with closing(sqlite3.connect(file)) as connection:
            digest = _digest(connection, made_at.astimezone(UTC).isoformat())
            connection.execute(_MAKE_SEAL)
            connection.execute("INSERT INTO backup_seal VALUES (?, ?)", (made_at.astimezone(UTC).isoformat(), digest))
            connection.commit()
    except sqlite3.Error as broken:
        raise CopyError(f"{file} could not be written ({broken})") from None


def examine(file: Path) -> Backup:
    """Reads all of a backup without changing it.

    Raises:
        CopyError: it is no backup, or not as it was made.
    """
    if not file.is_file():
        raise CopyError(f"{file} is not there, or is not a file")
    try:
        with closing(sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro&immutable=1", uri=True)) as connection:
            return _examined(file, connection)
    except (sqlite3.Error, ValueError) as broken:
        # Of ValueErrors there are those of a seal that is no longer what was written; they could quote anything.
        why = str(broken) if isinstance(broken, sqlite3.Error) else "its seal cannot be read"
        raise CopyError(f"{file} is damaged, or is no backup ({why}): nothing was restored. Take another backup") from None


def _examined(file: Path, connection: sqlite3.Connection) -> Backup:
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if not {"backup_seal", "alembic_version"} <= tables:
        raise CopyError(f"{file} was not made by `esafety backup`: nothing was restored. {_DIRECT_COPY}")
    sound = connection.execute("PRAGMA integrity_check(1)").fetchone()[0] == "ok"
    seals = connection.execute("SELECT made_at, digest FROM backup_seal").fetchall()
    if not sound or len(seals) != 1 or _digest(connection, seals[0][0]) != seals[0][1]:
        raise CopyError(
            f"{file} is not as it was made: it was damaged or changed since. Nothing was restored. Take another backup"
        )
    (revision,) = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    return Backup(datetime.fromisoformat(seals[0][0]), revision)


def _digest(connection: sqlite3.Connection, made_at: str) -> str:
    """Of all tables and all rows but the seal's own, as they lie in the file."""
    shape = connection.execute("SELECT type, name, tbl_name, sql FROM sqlite_master WHERE tbl_name <> 'backup_seal'")
    parts = sorted(tuple(map(str, row)) for row in shape)
    found: dict[str, object] = {"made_at": made_at, "shape": parts}
    for kind, name, _, _ in parts:
        if kind == "table":
            rows = RowsDigest()
            quoted = name.replace('"', '""')
            for row in connection.execute(f'SELECT * FROM "{quoted}"'):  # noqa: S608 - the name of one of its tables
                rows.add(row)
            found[f"table {name}"] = asdict(rows)
    return sha256(json.dumps(found, sort_keys=True).encode()).hexdigest()
