"""What can be the matter with a database, told apart by what somebody has to do about it."""

import sqlite3
from enum import StrEnum

from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError


class Trouble(StrEnum):
    """Why the database cannot be used now."""

    UNREACHABLE = "unreachable"
    GONE = "gone"
    READ_ONLY = "read_only"
    FULL = "full"
    BUSY = "busy"
    BROKEN = "broken"
    OLD_SCHEMA = "old_schema"
    NEW_SCHEMA = "new_schema"
    IN_USE = "in_use"


IN_WORDS: dict[Trouble, str] = {
    Trouble.UNREACHABLE: "the database does not answer",
    Trouble.GONE: "the database's file was deleted or replaced while the bot was running: put it back, or restart the bot",
    Trouble.READ_ONLY: "the database is read-only",
    Trouble.FULL: "the database's disk is full",
    Trouble.BUSY: "the database is locked by somebody else who writes",
    Trouble.BROKEN: "the database's file or disk is broken",
    Trouble.OLD_SCHEMA: "the database's tables are older than this program: `esafety run` brings them up to date",
    Trouble.NEW_SCHEMA: "the database's tables are of a newer version that this program cannot work with: upgrade the program",
    Trouble.IN_USE: "the database is in use by another process of the bot",
}


class DatabaseTroubleError(SQLAlchemyError):
    """The database cannot be used now. Its text says why, in words that hold nothing of what was being written.

    `may_be_kept`: it failed while the last word was on its way, so that what was written may be kept or not. `orig` is the
    driver's own error.
    """

    def __init__(
        self, trouble: Trouble, words: str = "", *, may_be_kept: bool = False, orig: BaseException | None = None
    ) -> None:
        super().__init__(words or IN_WORDS[trouble])
        self.trouble = trouble
        self.may_be_kept = may_be_kept
        self.orig = orig


def may_be_kept(broken: BaseException | None) -> bool:
    """Whether something failed in such a way that it may have been kept all the same."""
    return isinstance(broken, DatabaseTroubleError) and broken.may_be_kept


_OF_SQLITE = {
    sqlite3.SQLITE_FULL: Trouble.FULL,
    sqlite3.SQLITE_READONLY: Trouble.READ_ONLY,
    sqlite3.SQLITE_PERM: Trouble.READ_ONLY,
    sqlite3.SQLITE_BUSY: Trouble.BUSY,
    sqlite3.SQLITE_LOCKED: Trouble.BUSY,
    sqlite3.SQLITE_CANTOPEN: Trouble.UNREACHABLE,
    sqlite3.SQLITE_IOERR: Trouble.BROKEN,
    sqlite3.SQLITE_CORRUPT: Trouble.BROKEN,
    sqlite3.SQLITE_NOTADB: Trouble.BROKEN,
}
_PRIMARY = 0xFF
"""SQLite's extended codes have the plain one in their last byte."""

_OF_POSTGRESQL = {
    "25006": Trouble.READ_ONLY,
    "53100": Trouble.FULL,
    "53300": Trouble.UNREACHABLE,
    "55P03": Trouble.BUSY,
    "40P01": Trouble.BUSY,
    "57014": Trouble.BUSY,
    "57P01": Trouble.UNREACHABLE,
    "57P02": Trouble.UNREACHABLE,
    "57P03": Trouble.UNREACHABLE,
    "58030": Trouble.BROKEN,
    "XX001": Trouble.BROKEN,
}


def trouble_of(error: BaseException) -> Trouble | None:
    """The trouble that an error of SQLAlchemy's tells of; None where it says that a statement was wrong."""
    if isinstance(error, PoolTimeoutError):
        return Trouble.BUSY
    if not isinstance(error, DBAPIError):
        return None
    if isinstance(error.orig, sqlite3.Error):
        return _OF_SQLITE.get(getattr(error.orig, "sqlite_errorcode", 0) & _PRIMARY)
    state = str(getattr(error.orig, "sqlstate", None) or "")
    if error.connection_invalidated or state.startswith("08"):
        return Trouble.UNREACHABLE
    return _OF_POSTGRESQL.get(state)
