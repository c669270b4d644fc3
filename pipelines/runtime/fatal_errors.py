"""Errors after which a run can store nothing more and must end, and the close reason of the spider for each."""

import errno
import sqlite3
from dataclasses import dataclass

from crawler.safe_text import one_line
from pipelines.storage.errors import ClockSet, DatabaseDamaged, DataDamaged, StorageError

#: Exceptions of the ledger and the data folder that may be fatal; :func:`fatal_error_in` decides.
FATAL_ERRORS = (OSError, sqlite3.Error, MemoryError, StorageError, DatabaseDamaged, DataDamaged)

_STORAGE_ERRNOS = {
    *(errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG, errno.EIO),
    *(errno.EMFILE, errno.ENFILE, errno.EACCES, errno.EPERM),
}
_DISK_ERRORS = {sqlite3.SQLITE_IOERR, sqlite3.SQLITE_FULL, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN}
MAX_LENGTH = 600


@dataclass(frozen=True, slots=True)
class FatalError:
    """Description of the error that ends a run.

    :ivar reason: close reason of the spider: ``storage``, ``clock``, ``memory`` or ``damaged``
    :ivar sentence: description for the operator
    """

    reason: str
    sentence: str


def fatal_error_in(error: BaseException | None) -> FatalError | None:
    """Return the first fatal error among an exception and its causes, or None if none of them is fatal."""
    while error is not None:
        if isinstance(error, StorageError):
            return FatalError("clock" if isinstance(error, ClockSet) else "storage", one_line(str(error), MAX_LENGTH))
        if isinstance(error, (DatabaseDamaged, DataDamaged)):
            return FatalError("damaged", one_line(str(error), MAX_LENGTH))
        if isinstance(error, MemoryError):
            return FatalError("memory", "out of memory; KHOBOR_ADDRESS_SPACE_MB limits how much a run may map")
        if isinstance(error, OSError) and error.errno in _STORAGE_ERRNOS:
            return FatalError("storage", one_line(os_error_text(error), MAX_LENGTH))
        if isinstance(error, sqlite3.OperationalError) and getattr(error, "sqlite_errorcode", 0) & 0xFF in _DISK_ERRORS:
            return FatalError("storage", one_line(f"a database cannot be used: {error}", MAX_LENGTH))
        error = error.__cause__
    return None


def os_error_text(error: OSError) -> str:
    """Return the text "FILE: MESSAGE" for an error of the operating system, without the error number."""
    where = f"{error.filename}: " if error.filename else ""
    return f"{where}{error.strerror or error}"
