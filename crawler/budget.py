"""What one page may cost: bounds that are checked before it is read, and a clock for who reads without a process apart.

The parser is C code that this clock does not interrupt. In a process apart it is the kernel that ends it.
"""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from crawler.downloader.errors import AnswerTooLarge

MOST_ELEMENTS = 200_000
SECONDS_PER_PAGE = 5.0


def check(body: bytes) -> None:
    """Raises :class:`AnswerTooLarge` for a page with more elements than any newspaper's."""
    if len(body) > MOST_ELEMENTS and body.count(b"<") > MOST_ELEMENTS:
        raise AnswerTooLarge(f"more than {MOST_ELEMENTS:,} elements")


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
