"""Trouble: an error after which a run can keep nothing more, with the reason that it closes for."""

import errno
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass

from crawler.safe_text import one_line
from pipelines.storage.errors import DatabaseDamaged, DataDamaged, StorageError

#: What the ledger and the data folder may raise when nothing more can be kept; `fatal_error_in` tells it from the rest.
FATAL_ERRORS = (OSError, sqlite3.Error, MemoryError, StorageError, DatabaseDamaged, DataDamaged)

_OF_STORAGE = {
    *(errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG, errno.EIO),
    *(errno.EMFILE, errno.ENFILE, errno.EACCES, errno.EPERM),
}
LONGEST = 600


@dataclass(frozen=True, slots=True)
class FatalError:
    """Why the run closes (`storage`, `memory` or `damaged`), and what happened where, in a sentence."""

    reason: str
    sentence: str


def fatal_error_in(error: BaseException | None) -> FatalError | None:
    """The trouble that an error is or was raised from; None for an error that says nothing about the next page."""
    for cause in _causes(error):
        if isinstance(cause, StorageError):
            return FatalError("storage", one_line(str(cause), LONGEST))
        if isinstance(cause, (DatabaseDamaged, DataDamaged)):
            return FatalError("damaged", one_line(str(cause), LONGEST))
        if isinstance(cause, MemoryError):
            return FatalError("memory", "out of memory; KHOBOR_ADDRESS_SPACE_MB limits how much a run may map")
        if isinstance(cause, OSError) and cause.errno in _OF_STORAGE:
            return FatalError("storage", one_line(os_error_text(cause), LONGEST))
    return None


def os_error_text(error: OSError) -> str:
    """What the system refused, and where if it says so."""
    where = f"{error.filename}: " if error.filename else ""
    return f"{where}{error.strerror or error}"


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__
