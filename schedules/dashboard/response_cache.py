"""Cache of rendered responses for a few seconds, so that reloads and several tabs read the data only once.

Entries expire by age alone: the few users of a local dashboard do not need invalidation by changed files.
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
    """Rendered response; ``etag`` is a hash of its body."""

    status: int
    media_type: str
    body: bytes

    @property
    def etag(self) -> str:
        return f'"{hashlib.sha256(self.body).hexdigest()[:24]}"'


class ResponseCache:
    """Least recently used (LRU) cache of responses, for use in one event loop.

    A response is rendered in ``executor``, because that reads files. Concurrent requests for a key share one rendering.
    """

    def __init__(self, executor: Executor) -> None:
        self._executor = executor
        self._entries: OrderedDict[str, tuple[float, asyncio.Future[PageResponse]]] = OrderedDict()

    async def get(self, key: str, render: Callable[[], PageResponse], seconds: float) -> PageResponse:
        """Return the cached response for ``key``; render it if there is none or it is older than ``seconds``."""
        started, response = self._entries.pop(key, (0.0, None))
        if response is None or (response.done() and time.monotonic() - started > seconds):
            started = time.monotonic()
            response = asyncio.get_running_loop().run_in_executor(self._executor, render)
        self._entries[key] = started, response
        if len(self._entries) > MAX_ENTRIES:
            self._entries.popitem(last=False)
        return await asyncio.shield(response)
