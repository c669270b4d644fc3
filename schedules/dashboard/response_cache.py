"""Responses kept for a few seconds, so that reloads and several tabs read the data once.

They expire by age alone: a person at 127.0.0.1 needs no invalidation by changed files.
"""

import asyncio
import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass

MAX_ENTRIES = 64


@dataclass(frozen=True, slots=True)
class PageResponse:
    """A rendered response; ``etag`` is a hash of the body."""

    status: int
    media_type: str
    body: bytes

    @property
    def etag(self) -> str:
        return f'"{hashlib.sha256(self.body).hexdigest()[:24]}"'


class ResponseCache:
    """Responses by key, least recently used evicted first. Belongs to one event loop.

    Rendering reads files and runs in ``executor``; simultaneous requests for a key share one rendering.
    """

    def __init__(self, executor: Executor) -> None:
        self._executor = executor
        self._entries: OrderedDict[str, tuple[float, asyncio.Future[PageResponse]]] = OrderedDict()

    async def get(self, key: str, render: Callable[[], PageResponse], seconds: float) -> PageResponse:
        """Return the response for ``key``, rendered anew if it is older than ``seconds``."""
        started, response = self._entries.pop(key, (0.0, None))
        if response is None or (response.done() and time.monotonic() - started > seconds):
            started = time.monotonic()
            response = asyncio.get_running_loop().run_in_executor(self._executor, render)
        self._entries[key] = started, response
        if len(self._entries) > MAX_ENTRIES:
            self._entries.popitem(last=False)
        return await asyncio.shield(response)
