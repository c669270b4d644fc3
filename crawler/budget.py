"""What one page may cost: bounds that are checked before the parser sees it, and a clock that interrupts the reading.

The parser is C code that no signal interrupts, and two shapes of page make its time grow with the square of their
size: elements nested without end, and an element with attributes without end. So those are refused unparsed.
"""

import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from crawler.refusals import AnswerTooLarge

MOST_ELEMENTS = 200_000
DEEPEST = 10_000
MOST_ATTRIBUTES = 2_000
LONG_TAG = 16_384
SECONDS_PER_PAGE = 5.0

_TAG = re.compile(rb"<(/?)([a-zA-Z][a-zA-Z0-9]*)[^<>]*")
_LONG_TAG = re.compile(rb"<[a-zA-Z][^<>]{%d,}" % LONG_TAG)
_CHILDLESS = frozenset(
    (b"area", b"base", b"br", b"col", b"embed", b"hr", b"img", b"input", b"link", b"meta", b"source", b"track", b"wbr")
)


def check(body: bytes) -> None:
    """Raises :class:`AnswerTooLarge` for markup that would hold the parser."""
    tags = body.count(b"<")
    if tags > MOST_ELEMENTS:
        raise AnswerTooLarge(f"more than {MOST_ELEMENTS:,} elements")
    if tags > DEEPEST and _depth(body) > DEEPEST:
        raise AnswerTooLarge(f"elements nested more than {DEEPEST:,} deep")
    if any(tag[0].count(b"=") + len(tag[0].split()) > MOST_ATTRIBUTES for tag in _LONG_TAG.finditer(body)):
        raise AnswerTooLarge(f"an element with more than {MOST_ATTRIBUTES:,} attributes")


def _depth(body: bytes) -> int:
    """How deep elements may be nested at the most, as far as their tags tell."""
    depth = deepest = 0
    for tag in _TAG.finditer(body):
        if tag[1]:
            depth = max(0, depth - 1)
        elif tag[2].lower() not in _CHILDLESS:
            depth += 1
            deepest = max(deepest, depth)
    return deepest


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
