"""Whether trouble means that a disk is full, whichever of the three that write said so."""

from __future__ import annotations

import errno
import sqlite3

import psycopg.errors

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)
# SQLite cannot enlarge the file that its readers share: the same in another place.
_SQLITE = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_SHMSIZE)


def disk_is_full(error: BaseException | None) -> bool:
    """Tell by the error's own code, never by its text; Django keeps the driver's error as its cause."""
    while error is not None:
        if isinstance(error, psycopg.errors.DiskFull):
            return True
        if isinstance(error, sqlite3.Error) and getattr(error, "sqlite_errorcode", 0) in _SQLITE:
            return True
        if isinstance(error, OSError) and error.errno in _NO_ROOM:
            return True
        error = error.__cause__
    return False
