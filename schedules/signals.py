"""Signals: who hears those that tell a process to end, for as long as a block of code lasts."""

import signal
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from types import FrameType

TO_END = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def heard_by(handler: Callable[[int, FrameType | None], object], numbers: Iterable[int] = TO_END) -> Iterator[None]:
    """Let the handler hear these signals, and whoever heard them before hear them again afterwards."""
    before = {number: signal.signal(number, handler) for number in numbers}
    try:
        yield
    finally:
        for number, earlier in before.items():
            signal.signal(number, earlier)
