"""A lock that only one process has: two bots on one SQLite file would send every message twice.

It is the system's own lock on a file beside the database, so it is gone with the process, however that ends. The library
`filelock` was looked at: where a file system has no locks it falls back to a file that outlives a process that was killed, and
a bot that does not start until somebody deletes a file is worse than a clear refusal.
"""

import os
import sys
from pathlib import Path

from storage.trouble import DatabaseTroubleError, Trouble


class FileLock:
    """The lock of one database file. Whatever name the file goes by, it is the same lock."""

    def __init__(self, database: Path) -> None:
        self._database = database
        self.path = Path(f"{database.resolve()}.lock")
        self._held: int | None = None

    def take(self) -> None:
        """Takes the lock, without waiting for it.

        Raises:
            DatabaseTroubleError: another process has it, or no lock can be had there.
        """
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            opened = os.open(self.path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o600)
        except OSError as no:
            raise self._cannot(no) from None
        try:
            _lock(opened)
        except BlockingIOError:
            os.close(opened)
            raise DatabaseTroubleError(
                Trouble.IN_USE,
                f"{self._database} is in use by another process of the bot, and takes only one: stop that one first,"
                " or give this one another ESAFETY_DATABASE_URL. Several at once need PostgreSQL (docs/trust.md).",
            ) from None
        except OSError as no:
            os.close(opened)
            raise self._cannot(no) from None
        self._held = opened

    def _cannot(self, no: OSError) -> DatabaseTroubleError:
        return DatabaseTroubleError(
            Trouble.READ_ONLY,
            f"{self.path} cannot be locked ({no.strerror}): the database must be in a folder of this machine's own disk,"
            " and the user that the bot runs as must be able to write there.",
        )

    def release(self) -> None:
        """Gives the lock back. The file stays: to delete it could take the lock from somebody who has just opened it."""
        if self._held is not None:
            os.close(self._held)
            self._held = None


if sys.platform == "win32":
    import errno
    import msvcrt

    def _lock(opened: int) -> None:
        try:
            msvcrt.locking(opened, msvcrt.LK_NBLCK, 1)
        except OSError as no:
            if no.errno in (errno.EACCES, errno.EDEADLOCK):
                raise BlockingIOError from None
            raise
else:
    import fcntl

    def _lock(opened: int) -> None:
        fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
