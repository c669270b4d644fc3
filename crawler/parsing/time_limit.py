"""Time limit for parsing one page."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from crawler.decoding.decode_errors import PageTooLarge


@contextmanager
def limited(seconds: float = 5.0) -> Iterator[None]:
    """Raise :class:`PageTooLarge` if a ``with`` block takes longer than ``seconds``; only works in the main thread."""

    def interrupt(_: int, __: FrameType | None) -> None:
        raise PageTooLarge(f"reading the page took more than {seconds:g} s")

    previous = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)
