"""Signals: who hears those that tell a process to end, for as long as a block of code lasts."""

import signal
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from types import FrameType

Handler = Callable[[int, FrameType | None], object]
TO_END = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def handle_signals(handler: Handler, numbers: Iterable[int] = TO_END) -> Iterator[None]:
    """Let the handler hear these signals, and whoever heard them before hear them again afterwards."""
    before = {number: signal.signal(number, handler) for number in numbers}
    try:
        yield
    finally:
        for number, earlier in before.items():
            signal.signal(number, earlier)
