"""The cache: what was made once is given again until its data changed, and made anew while the old is still given."""

import asyncio
import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass

from schedules.dashboard.change_detection import Stamp

SECONDS_BETWEEN_STAMPS = 1.0
# A page that was current so long ago is given while it is made anew; an older one is waited for.
SECONDS_OF_PATIENCE = 5.0
# Of the time that looking for changes takes, so that a folder of many years does not keep a core busy.
SHARE_FOR_STAMPS = 0.05
MOST_BYTES = 32 * 2**20


@dataclass(frozen=True, slots=True)
class Answer:
    """What is sent: a status, a type and bytes; ``tag`` is the same for the same bytes."""

    status: int
    media_type: str
    body: bytes
    tag: str

    @classmethod
    def of(cls, status: int, media_type: str, body: bytes) -> "Answer":
        return cls(status, media_type, body, f'"{hashlib.sha256(body).hexdigest()[:24]}"')


@dataclass(slots=True)
class _Kept:
    stamp: object
    answer: Answer
    current_at: float


class Cache:
    """Answers by address, at most `MOST_BYTES` of them; what was asked for longest ago goes first.

    Everything that reads files is done by the executor. Belongs to one event loop.
    """

    def __init__(self, executor: Executor, stamp: Callable[[], Stamp]) -> None:
        self._executor, self._stamp_of = executor, stamp
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._making: dict[str, asyncio.Future[Answer]] = {}
        self._bytes = 0
        self._stamp = Stamp()
        self._stamped_at = self._next_at = 0.0
        self._stamping: asyncio.Future[None] | None = None

    async def stamp(self) -> Stamp:
        """The stamp as it was a moment ago."""
        now = time.monotonic()
        if now >= self._next_at and self._stamping is None:
            self._stamping = asyncio.ensure_future(self._look())
        if self._stamping is not None and now - self._stamped_at > SECONDS_OF_PATIENCE:
            await asyncio.shield(self._stamping)
        return self._stamp

    async def _look(self) -> None:
        began = time.monotonic()
        try:
            self._stamp = await asyncio.get_running_loop().run_in_executor(self._executor, self._stamp_of)
        finally:
            self._stamping = None
            self._stamped_at = time.monotonic()
            took = self._stamped_at - began
            self._next_at = self._stamped_at + max(SECONDS_BETWEEN_STAMPS, took / SHARE_FOR_STAMPS)

    async def get(self, key: str, stamp: object, make: Callable[[], Answer]) -> Answer:
        """The answer of an address in a state of the data; made once, however many wait for it."""
        kept, now = self._kept.get(key), time.monotonic()
        if kept is not None:
            self._kept.move_to_end(key)
            if kept.stamp == stamp:
                kept.current_at = now
                return kept.answer
        making = self._making.get(key)
        if making is None:
            making = self._making[key] = asyncio.ensure_future(self._make(key, stamp, make))
            making.add_done_callback(_seen)
        if kept is not None and now - kept.current_at < SECONDS_OF_PATIENCE:
            return kept.answer
        return await asyncio.shield(making)

    async def _make(self, key: str, stamp: object, make: Callable[[], Answer]) -> Answer:
        try:
            answer = await asyncio.get_running_loop().run_in_executor(self._executor, make)
        finally:
            del self._making[key]
        self._bytes += len(answer.body) - (len(before.answer.body) if (before := self._kept.pop(key, None)) else 0)
        self._kept[key] = _Kept(stamp, answer, time.monotonic())
        while self._bytes > MOST_BYTES and len(self._kept) > 1:
            self._bytes -= len(self._kept.popitem(last=False)[1].answer.body)
        return answer


def _seen(making: "asyncio.Future[Answer]") -> None:
    """Whoever waits gets the error; where nobody does, it is told again with the next request."""
    if not making.cancelled():
        making.exception()
