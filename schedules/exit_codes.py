"""Exit codes of all commands, and the exit code and error message for each exception."""

import signal
from collections.abc import Iterable
from enum import IntEnum


class ExitCode(IntEnum):
    """Exit codes of the commands; a code has the same meaning for every command."""

    DONE = 0
    INTERNAL = 1
    USAGE = 2
    BELOW_EXPECTATION = 3
    UNREACHABLE = 4
    LOCKED = 6
    STORAGE = 7
    DAMAGED = 8
    LAYOUT_CHANGED = 9
    INTERRUPTED = 130
    TERMINATED = 143

    @classmethod
    def of_signal(cls, number: int) -> "ExitCode":
        """Return the exit code for the signal number of SIGINT or SIGTERM."""
        return cls(128 + number)


#: Reason (as in Scrapy's `spider_closed`) with which a crawl is closed after a signal.
CLOSE_REASONS = {signal.SIGINT: "interrupted", signal.SIGTERM: "shutdown"}
# Codes that take precedence over that of a signal: an internal error, or a fault of the machine.
OUTRANKS_SIGNAL = (ExitCode.INTERNAL, ExitCode.STORAGE, ExitCode.DAMAGED)


# From the gravest on; a signal is less grave than what outranks it, and graver than the rest.
_GRAVITY = (
    *(ExitCode.DAMAGED, ExitCode.STORAGE, ExitCode.INTERNAL, ExitCode.INTERRUPTED, ExitCode.TERMINATED, ExitCode.USAGE),
    *(ExitCode.LAYOUT_CHANGED, ExitCode.UNREACHABLE, ExitCode.LOCKED, ExitCode.BELOW_EXPECTATION, ExitCode.DONE),
)


def gravest(codes: Iterable[int]) -> int:
    """Return the most severe of the exit codes of several runs, which becomes the exit code of the command."""
    return int(min(map(ExitCode, codes), key=_GRAVITY.index))


class WrongUsage(Exception):
    """Invalid command line or configuration, found before anything was started."""


class Unreachable(Exception):
    """The site, or the mirror used instead of it, does not respond; found before anything was started.

    A mirror is a server that is connected to in place of all hosts of a site.
    """


class Interrupted(Exception):
    """A signal stopped the command before it started a run, or while it printed results."""

    def __init__(self, number: int, message: str = "interrupted before anything was started") -> None:
        super().__init__(message)
        self.number = number


def describe_error(error: BaseException) -> tuple[ExitCode, str]:
    """Return the exit code for an exception, and a sentence for the user that explains the error and how to fix it."""
    if isinstance(error, WrongUsage):
        return ExitCode.USAGE, str(error)
    if isinstance(error, Unreachable):
        return ExitCode.UNREACHABLE, str(error)
    if isinstance(error, Interrupted):
        return ExitCode.of_signal(error.number), str(error)
    if isinstance(error, ImportError) and "allocate memory" in str(error):
        return ExitCode.STORAGE, f"not enough memory to start ({error})"
    if isinstance(error, ImportError):
        return ExitCode.USAGE, f"{error}: `make setup` installs what is needed"
    # Imported late, so that `--help` is fast.
    from crawler.spider import SpiderArgumentError
    from pipelines.analysis.open_table import QueryError
    from pipelines.runtime.fatal_errors import fatal_error_in, os_error_text
    from pipelines.runtime.run import ImpoliteSettings
    from pipelines.storage.errors import FolderInUse, InvalidBackup
    from pipelines.storage.run_ids import InvalidRunId
    from pipelines.storage.site_lock import SiteLocked

    if isinstance(error, (QueryError, ImpoliteSettings, InvalidRunId, SpiderArgumentError, FolderInUse)):
        return ExitCode.USAGE, str(error)
    if isinstance(error, SiteLocked):
        return ExitCode.LOCKED, str(error)
    if isinstance(error, InvalidBackup):
        return ExitCode.DAMAGED, str(error)
    if fatal := fatal_error_in(error):
        return ExitCode.DAMAGED if fatal.reason == "damaged" else ExitCode.STORAGE, fatal.sentence
    if isinstance(error, OSError):
        return ExitCode.STORAGE, os_error_text(error)
    return ExitCode.INTERNAL, f"internal error, {type(error).__name__}: {error}; KHOBOR_DEBUG=1 shows the traceback"
