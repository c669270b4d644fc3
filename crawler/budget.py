"""What one page may cost: a bound that is checked before it is read, and two ways to end a reading that takes too long.

A clock interrupts our own code. The parser is C code that no signal interrupts, and it may meet a page whose time grows
with the square of its size. A page of ordinary size is over in a second or two even so. One that is large enough to
stop the run is read twice, the first time by a copy of the process that is killed when its time is up.
"""

import gc
import logging
import os
import re
import resource
import signal
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

from crawler.refusals import AnswerBroken, AnswerTooLarge

MOST_ELEMENTS = 200_000
SECONDS_PER_PAGE = 5.0
SECONDS_TO_REHEARSE = 3
# In characters: below the first no page is dangerous, above the second any may be, and between them one that has a tag
# with more attributes than this, each of which the parser compares with all others of the tag.
SMALL, LARGE = 2**18, 2**20
MANY_ATTRIBUTES = 500

# Attributes as HTML has them: apart from each other by blanks or slashes, or by nothing at all after a quoted value;
# the value may hold any bracket. Each is taken whole, so that a search does not go back on its steps.
_ATTRIBUTE = r"""
    (?> [\t\n\f\r\x20/]*+ [^\t\n\f\r\x20/>] [^\t\n\f\r\x20/>=]*+
        (?: [\t\n\f\r\x20]*+ = [\t\n\f\r\x20]*+ (?: "[^"]*+"? | '[^']*+'? | [^\t\n\f\r\x20>]*+ ) )?+ )
"""
_TAG = re.compile(
    rf"<[a-zA-Z][^\t\n\f\r\x20/>]*+ (?:{_ATTRIBUTE}){{0,{MANY_ATTRIBUTES}}}+ (?P<more>{_ATTRIBUTE})?+", re.VERBOSE
)
_NO_MEMORY = 3
_PR_SET_PDEATHSIG = 1


def check(body: bytes) -> None:
    """Raises :class:`AnswerTooLarge` for a page with more elements than any newspaper's."""
    if len(body) > MOST_ELEMENTS and body.count(b"<") > MOST_ELEMENTS:
        raise AnswerTooLarge(f"more than {MOST_ELEMENTS:,} elements")


def is_heavy(markup: str) -> bool:
    """Whether the parser might take more than a few seconds over the markup."""
    if len(markup) <= SMALL:
        return False
    return len(markup) > LARGE or any(tag["more"] for tag in _TAG.finditer(markup))


def rehearse(read: Callable[[], object], seconds: int = SECONDS_TO_REHEARSE) -> None:
    """Read a page in a copy of the process, to see that it can be read; whatever else comes of it is lost.

    ``read`` may use nothing that the process shares with others: no ledger, no file, no connection. Raises
    :class:`AnswerTooLarge` if it takes more than so many seconds, or too much memory, and :class:`AnswerBroken` if the
    copy crashes or cannot be made.
    """
    end_with_parent = _end_with_parent()
    with warnings.catch_warnings():
        # Python warns that other threads are not copied; the copy needs none, and is killed if it waits for one.
        warnings.simplefilter("ignore", DeprecationWarning)
        try:
            copy = os.fork()
        except OSError as error:
            raise AnswerBroken(f"a page of this size is tried first, and cannot be now: {error.strerror}") from error
    if not copy:
        _read_and_leave(read, seconds, end_with_parent)
    status = _status_of(copy, seconds)
    if not os.WIFSIGNALED(status):
        if os.WEXITSTATUS(status) == _NO_MEMORY:
            raise AnswerTooLarge("reading the page takes more memory than there is")
        return
    if os.WTERMSIG(status) in (signal.SIGXCPU, signal.SIGKILL):
        raise AnswerTooLarge(f"reading the page takes more than {seconds} s")
    raise AnswerBroken(f"reading the page crashes the parser ({signal.Signals(os.WTERMSIG(status)).name})")


def _read_and_leave(read: Callable[[], object], seconds: int, end_with_parent: Callable[[], None]) -> NoReturn:
    code = _NO_MEMORY + 1
    try:
        end_with_parent()
        _let_go()
        _, most = resource.getrlimit(resource.RLIMIT_CPU)
        limit = seconds if most == resource.RLIM_INFINITY else min(seconds, most)
        resource.setrlimit(resource.RLIMIT_CPU, (limit, limit))
        code = 0  # any error of the reading is met again when the page is read
        read()
    except MemoryError:
        code = _NO_MEMORY
    finally:
        if code > _NO_MEMORY:  # it could not even begin
            os.abort()
        os._exit(code)


def _let_go() -> None:
    """Leave alone all that the process has: its signals, its log, and every file and connection, the site's lock too.

    Nothing is collected either, or a connection to a ledger might be closed in passing.
    """
    gc.disable()
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM):
        signal.signal(number, signal.SIG_DFL)
    logging.disable()
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))


def _end_with_parent() -> Callable[[], None]:
    """What makes a copy of this process end at the moment that this process does, where the system can do that."""
    import ctypes

    parent = os.getpid()
    prctl = getattr(ctypes.CDLL(None), "prctl", None)

    def end() -> None:
        if prctl is not None:
            prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it was gone before we asked
            os._exit(0)

    return end


def _status_of(copy: int, seconds: int) -> int:
    # On a busy machine it may get a part of the time only.
    end = time.monotonic() + 3 * seconds
    while True:
        done, status = os.waitpid(copy, os.WNOHANG)
        if done:
            return status
        if time.monotonic() > end:
            os.kill(copy, signal.SIGKILL)
        time.sleep(0.002)


@contextmanager
def limited(seconds: float = SECONDS_PER_PAGE) -> Iterator[None]:
    """Interrupts what runs inside with :class:`AnswerTooLarge` when the time is up; of the main thread only."""

    def interrupt(_: int, __: FrameType | None) -> None:
        raise AnswerTooLarge(f"reading the page took more than {seconds:g} s")

    before = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
