"""Exits: what a command's exit code means, and which one an error ends with."""

import signal
from enum import IntEnum


class ExitCode(IntEnum):
    """What a command's exit code means; the same everywhere."""

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
        """The code of whoever was told by this signal (SIGINT or SIGTERM) to end."""
        return cls(128 + number)


#: What a run that is told to end gives as its reason, by signal.
REASONS = {signal.SIGINT: "interrupted", signal.SIGTERM: "shutdown"}
# What a signal does not outweigh: something is wrong with us or with the machine.
GRAVER = (ExitCode.INTERNAL, ExitCode.STORAGE, ExitCode.DAMAGED)


class WrongUsage(Exception):
    """The order cannot be carried out as it was given; nothing was started."""


class Unreachable(Exception):
    """Nobody answers where the crawl was to begin; nothing was started."""


class Interrupted(Exception):
    """A signal came before anything was started, or when nothing but an answer was under way."""

    def __init__(self, number: int, said: str = "told to end before anything was started") -> None:
        super().__init__(said)
        self.number = number


def describe_error(error: BaseException) -> tuple[ExitCode, str]:
    """The exit code that an error ends with, and one sentence that says what is wrong and what to do."""
    if isinstance(error, WrongUsage):
        return ExitCode.USAGE, str(error)
    if isinstance(error, Unreachable):
        return ExitCode.UNREACHABLE, str(error)
    if isinstance(error, Interrupted):
        return ExitCode.of_signal(error.number), str(error)
    if isinstance(error, ImportError) and "allocate memory" in str(error):
        return ExitCode.STORAGE, f"there was not enough memory to begin ({error})"
    if isinstance(error, ImportError):
        return ExitCode.USAGE, f"{error}: `make setup` installs what is needed"
    # Imported here: who asks for help should not wait for all that a crawl needs.
    from crawler.spider import SpiderArgumentError
    from pipelines.analysis.open_table import QueryError
    from pipelines.runtime.fatal_errors import fatal_error_in, os_error_text
    from pipelines.runtime.run import ImpoliteSettings, InvalidRunId
    from pipelines.storage.site_lock import SiteLocked

    if isinstance(error, (QueryError, ImpoliteSettings, InvalidRunId, SpiderArgumentError)):
        return ExitCode.USAGE, str(error)
    if isinstance(error, SiteLocked):
        return ExitCode.LOCKED, str(error)
    if trouble := fatal_error_in(error):
        return ExitCode.DAMAGED if trouble.reason == "damaged" else ExitCode.STORAGE, trouble.sentence
    if isinstance(error, OSError):
        return ExitCode.STORAGE, os_error_text(error)
    kind = type(error).__name__
    return ExitCode.INTERNAL, f"an error of ours, {kind}: {error}; KHOBOR_DEBUG=1 shows where"
