"""What waits to be asked for: best first, and no more of it than memory is for."""

import heapq
from itertools import count

from scrapy.http import Request


class RequestQueue:
    """Requests by place, the least first, those of one place in the order they came in.

    When more come than may wait, the worse half is spilled: whoever has them in the books finds them there again.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._requests: list[tuple[int, int, Request]] = []
        self._order = count()
        #: Whether some were spilled and not taken up again since.
        self.spilled = False

    def __len__(self) -> int:
        return len(self._requests)

    def push(self, request: Request, place: int) -> None:
        heapq.heappush(self._requests, (place, next(self._order), request))
        if len(self._requests) > self._most:
            self._requests.sort()
            del self._requests[self._most // 2 :]
            self.spilled = True

    def first(self) -> Request:
        """The best one, which goes on waiting."""
        return self._requests[0][2]

    def pop(self) -> tuple[int, Request]:
        """The best one, which waits no longer, and its place."""
        place, _, request = heapq.heappop(self._requests)
        return place, request
