"""Backlog of a run: URLs stored in the ledger (the site's SQLite crawl state), requested when the queue is empty."""

from collections import deque
from itertools import islice

from crawler.clock import now
from crawler.outcomes import Outcome
from crawler.spider import NewspaperSpider
from pipelines.ledger import KnownUrl
from pipelines.runtime.admission import Admission, make_conditional
from pipelines.runtime.request_queue import RequestQueue
from pipelines.runtime.run import Run

# Maximum number of revisits without a change hint in an incremental run: a few, plus, for each new story, as many as a
# story gets in total.
REVISITS_PER_RUN = 3
REVISITS_PER_NEW_STORY = 4
MAX_REVISITS = 5_000
# Maximum number of stories in a run that only the front page or another story links to: related blocks lead through
# the whole archive of a newspaper.
MAX_LINKED = 1_000


class Backlog:
    """Source of requests for an empty queue.

    Requests come from four groups of URLs, in this order: URLs of this run that did not fit in the queue, URLs that
    earlier runs did not finish, unknown stories that are linked only from the front page or from a story, and stories
    whose revisit is due.

    :ivar requested: keys of the URLs whose requests have been taken from the queue
    """

    def __init__(self, admission: Admission, run: Run, spider: NewspaperSpider, queue: RequestQueue) -> None:
        self._admission = admission
        self._run = run
        self._spider = spider
        self._queue = queue
        self._has_left_open = True
        self._last_left_open: KnownUrl | None = None
        self._due: deque[KnownUrl] | None = None
        self._revisits = self._linked = 0
        self.requested: set[str] = set()

    def fill_queue(self, sent: int) -> bool:
        """Add requests for stored URLs to the queue; return False if there are none left.

        :param sent: number of requests sent in this run, without retries; it limits the revisits of an incremental run
        """
        if self._queue.has_spilled:
            self._queue_spilled()
        if not self._queue:
            self.queue_left_open()
        if not self._queue:
            self._queue_linked()
        return bool(self._queue) or self._queue_due_stories(sent)

    def queue_left_open(self) -> None:
        """Queue URLs that earlier runs did not finish.

        Incremental runs leave URLs that failed or are forbidden by robots.txt to full runs. Without this method, the
        later pages of a listing whose crawl was interrupted would never be requested. Pagination stops at a page whose
        links are all known, and the links on the first page are known after the interruption.
        """
        urls, queued = self._run.ledger.urls, len(self._queue)
        while self._has_left_open and len(self._queue) <= queued:
            left_open = urls.left_open(self._run.run_id, self._queue.half, self._last_left_open)
            with self._run.ledger.savepoint():
                for self._last_left_open in left_open:
                    self._queue_one_left_open(self._last_left_open)
            self._has_left_open = bool(left_open)

    def _queue_one_left_open(self, known: KnownUrl) -> None:
        request = self._admission.request_of(known)
        waits = self._spider.is_incremental and (known.failures or known.outcome == Outcome.ROBOTS)
        if request is None:
            self._run.ledger.urls.close(known.key)
        elif known.key not in self._admission.seen and not waits:
            self._admission.admit(request)

    def _queue_spilled(self) -> None:
        """Queue URLs of this run that were dropped from the queue because it was full.

        The queue is empty now, so these are the URLs of the run that have no outcome and were not requested.
        """
        self._queue.has_spilled = False
        pending = self._run.ledger.urls.pending(self._run.run_id)
        for known in islice((known for known in pending if known.key not in self.requested), self._queue.half):
            if request := self._admission.request_of(known):
                make_conditional(request, known)
                self._queue.push(request)
                self._queue.has_spilled = True  # there may be more

    def _queue_linked(self) -> None:
        """Queue unknown stories that are linked only from the front page or from a story, newest first.

        A run requests at most `MAX_LINKED` of them.
        """
        room = MAX_LINKED - self._linked
        with self._run.ledger.savepoint():
            for request in sorted(self._admission.linked.values(), key=lambda each: -each.priority)[:room]:
                self._linked += self._admission.admit(request)

    def _queue_due_stories(self, sent: int) -> bool:
        room, before = self._room_for_revisits(sent), self._revisits
        if room <= 0:
            return False
        if self._due is None:
            self._due = deque(self._run.ledger.urls.due(now(), MAX_REVISITS))
        with self._run.ledger.savepoint():
            while self._due and self._revisits < before + room:
                self._queue_due_story(self._due.popleft())
        return self._revisits > before

    def _queue_due_story(self, known: KnownUrl) -> None:
        request = self._admission.postponed.pop(known.key, None)
        if request is None:
            if known.key in self._admission.seen:
                return
            self._admission.seen.add(known.key)
            request = self._admission.request_of(known)
            assert request is not None  # stories have no entry point
            make_conditional(request, known)
        self._revisits += 1
        self._admission.queue(request)

    def _room_for_revisits(self, sent: int) -> int:
        if not self._spider.is_incremental:
            return MAX_REVISITS - self._revisits
        counts = self._run.ledger.runs.counts(self._run.run_id)
        new = counts.get("story/new", 0) + counts.get("story/exact_duplicates", 0)
        retries = max(0, counts.get("requests", 0) - sent)
        return REVISITS_PER_RUN + REVISITS_PER_NEW_STORY * new - self._revisits - retries

    def finish(self) -> None:
        """Record the revisits that this run has postponed as skipped, and count the linked stories that it left out.

        The skipped revisits are still due in the next run.
        """
        with self._run.ledger.savepoint():
            for name, n in (("requested", self._linked), ("left_out", len(self._admission.linked))):
                if n:
                    self._run.ledger.runs.count(self._run.run_id, f"linked/{name}", n)
            for request in self._admission.postponed.values():
                self._admission.skip(request.meta["fetch"], Outcome.SKIPPED_FRESH)
        self._admission.postponed.clear()
