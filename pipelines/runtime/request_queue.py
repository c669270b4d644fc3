"""Priority queue of Scrapy requests with a maximum size."""

import heapq
from itertools import count

from scrapy.http import Request

#: Priority of retries and redirects, which come before all other requests.
CONTINUED = 10**18


class RequestQueue:
    """Queue of requests with a maximum size, sorted by descending priority and then by order of arrival.

    When the queue exceeds its maximum size, the half with the lowest priorities is dropped. The URLs of the dropped
    requests are stored in the ledger (the site's SQLite crawl state), from which the queue is filled again later.

    :ivar has_spilled: True if requests were dropped and not all of them are back in the queue
    """

    def __init__(self, max_size: int) -> None:
        self._max_size = max_size
        self._requests: list[tuple[int, int, Request]] = []
        self._order = count()
        self.half = max(1, max_size // 2)
        self.has_spilled = False

    def __len__(self) -> int:
        return len(self._requests)

    def push(self, request: Request, priority: int | None = None) -> None:
        priority = request.priority if priority is None else priority
        heapq.heappush(self._requests, (-priority, next(self._order), request))
        if len(self._requests) > self._max_size:
            self._requests.sort()
            del self._requests[self.half :]
            self.has_spilled = True

    def first(self) -> Request:
        return self._requests[0][2]

    def pop(self) -> tuple[int, Request]:
        """Remove the request with the highest priority, and return its priority and the request."""
        priority, _, request = heapq.heappop(self._requests)
        return -priority, request
