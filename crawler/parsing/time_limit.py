"""A time limit on parsing one page."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from crawler.decoding.decode_errors import PageTooLarge

SECONDS_PER_PAGE = 5.0


@contextmanager
def limited(seconds: float = SECONDS_PER_PAGE) -> Iterator[None]:
    """Interrupts what runs inside with :class:`PageTooLarge` when the time is up; of the main thread only."""

    def interrupt(_: int, __: FrameType | None) -> None:
        raise PageTooLarge(f"reading the page took more than {seconds:g} s")

    before = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
