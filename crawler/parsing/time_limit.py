"""A time limit on parsing one page."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from crawler.decoding.decode_errors import PageTooLarge

MAX_SECONDS = 5.0


@contextmanager
def limited(seconds: float = MAX_SECONDS) -> Iterator[None]:
    """Raise :class:`PageTooLarge` inside the block when the time is up; works in the main thread only."""

    def interrupt(_: int, __: FrameType | None) -> None:
        raise PageTooLarge(f"reading the page took more than {seconds:g} s")

    previous = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)
