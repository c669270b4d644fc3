"""Decide which discovered URLs a run requests, and record an outcome for the others at once."""

from datetime import timedelta

from scrapy.http import Request

from crawler.clock import now
from crawler.entry_points import EntryPoint, Json, Listing, dump_position
from crawler.items import Fetch
from crawler.outcomes import Outcome
from crawler.spider import NewspaperSpider
from pipelines.ledger import KnownUrl
from pipelines.runtime.request_queue import RequestQueue
from pipelines.runtime.revisit import new_fetch
from pipelines.runtime.run import Run

# Incremental runs do not request a failed story again before this time, which doubles with each failure in a row.
RETRY_DELAY = timedelta(minutes=10)
# URLs of one story that a run requests at most, until one yields the story.
MAX_URLS_PER_STORY = 4


class Admission:
    """Admit each URL once per run, and a story that was fetched before only if it is due for a revisit.

    :ivar seen: keys of the URLs that were discovered in this run
    :ivar postponed: requests for due stories to which an incremental run found links; they are sent once the number of
        revisits allows it
    :ivar linked: requests for unknown stories that only the front page or a story links to
    """

    def __init__(self, run: Run, spider: NewspaperSpider, queue: RequestQueue, max_depth: int) -> None:
        self._run = run
        self._spider = spider
        self._queue = queue
        self._max_depth = max_depth
        self.seen: set[str] = set()
        self.postponed: dict[str, Request] = {}
        self.linked: dict[str, Request] = {}
        self._urls: dict[str, set[str]] = {}  # by story, the URLs that this run requested or may still request
        self._alternatives: dict[str, list[Request]] = {}
        self._unread: set[str] = set()  # stories whose URLs all failed so far

    def admit(self, request: Request) -> bool:
        """Queue or postpone a request and return True, or record the URL as skipped and return False."""
        fetch: Fetch = request.meta["fetch"]
        self.seen.add(fetch.key)
        self.linked.pop(fetch.key, None)
        known = self._run.ledger.urls.get(fetch.key)
        if 0 < self._max_depth < fetch.depth:
            return self.skip(fetch, Outcome.TOO_DEEP)
        if known is not None and not known.open and fetch.via != "seed":
            is_fresh = known.due_at is None or known.due_at > now()
            if is_fresh and not request.meta["at_once"]:
                return self.skip(fetch, Outcome.SKIPPED_FRESH)
            make_conditional(request, known)
            if self._spider.is_incremental and fetch.story_id and not fetch.hinted_by:
                self.postponed[fetch.key] = request
                return True
        elif fetch.story_id and self._spider.is_incremental and known is not None and _failed_recently(known):
            return self.skip(fetch, Outcome.SKIPPED_FRESH)
        self.queue(request)
        return True

    def hold_back(self, request: Request) -> bool:
        """Hold back a story that no list or entry point has named so far; return False if it is known."""
        key = request.meta["fetch"].key
        if key in self.linked or self._run.ledger.urls.get(key) is not None:
            return False
        self.linked[key] = request
        return True

    def queue(self, request: Request) -> None:
        fetch: Fetch = request.meta["fetch"]
        self._run.memory.note_request(fetch.key)
        entry_point: EntryPoint | None = request.meta["entry_point"]
        position = dump_position(entry_point, request.meta["position"]) if entry_point else None
        self._run.revisits.discover(fetch, position)
        if fetch.story_id:
            self._urls.setdefault(fetch.key, set()).add(fetch.url)
        self._queue.push(request)

    def keep_alternative(self, request: Request) -> bool:
        """Keep another URL of a story that this run requests, in case the first one does not yield the story.

        Queue it at once if that has failed already. Return False if it is not kept.
        """
        fetch: Fetch = request.meta["fetch"]
        urls = self._urls.get(fetch.key)
        if urls is None or fetch.url in urls:
            return False
        if len(urls) >= MAX_URLS_PER_STORY:
            self._run.ledger.runs.count(self._run.run_id, "alternatives/left_out")
            return False
        urls.add(fetch.url)
        self._alternatives.setdefault(fetch.key, []).append(request)
        if fetch.key in self._unread:
            self._queue_alternative(fetch.key)
        return True

    def try_alternative(self, fetch: Fetch) -> None:
        """Queue another URL of a story if this one did not yield it: a linked one, otherwise the story's own."""
        urls = self._urls.get(fetch.key)
        if urls is None or (not fetch.attempts and fetch.outcome != Outcome.ROBOTS):
            return
        if Outcome(fetch.outcome).is_read or fetch.outcome == Outcome.PENDING:
            del self._urls[fetch.key]
            self._alternatives.pop(fetch.key, None)
            return
        self._unread.add(fetch.key)
        known = self._run.ledger.stories.get(fetch.key)
        if not self._alternatives.get(fetch.key) and known is not None and known.url not in urls:
            target = self._spider.url_rules.identify(known.url)
            own = self._spider.new_fetch(target, via=fetch.via, referrer=fetch.referrer, depth=fetch.depth)
            if own.story_id == fetch.story_id and (request := self._spider.resume(own)):
                self._alternatives[fetch.key] = [request]
        self._queue_alternative(fetch.key)

    def _queue_alternative(self, key: str) -> None:
        if alternatives := self._alternatives.get(key):
            self._unread.discard(key)
            self._run.ledger.runs.count(self._run.run_id, "alternatives/requested")
            self.queue(alternatives.pop(0))

    def skip(self, fetch: Fetch, outcome: Outcome) -> bool:
        """Record the outcome of a URL that is not requested; return False."""
        fetch.fetched_at, fetch.outcome = now(), outcome
        self._run.revisits.note(fetch)
        return False

    def request_of(self, known: KnownUrl) -> Request | None:
        """Return a new request for a URL in the ledger, or None if the spider no longer has its entry point."""
        return self._spider.resume(new_fetch(known, self._run.ledger.site, self._run.run_id), known.position)


def make_conditional(request: Request, known: KnownUrl) -> None:
    """Make a request conditional with the validators (ETag, Last-Modified) of the last response.

    Requests for listings and ranked lists stay unconditional, because the lists are recorded even if unchanged.
    """
    entry_point = request.meta["entry_point"]
    if isinstance(entry_point, Listing) or (isinstance(entry_point, Json) and entry_point.ranked):
        return
    if known.url != request.url:
        return
    if known.etag:
        request.headers["If-None-Match"] = known.etag
    if known.last_modified:
        request.headers["If-Modified-Since"] = known.last_modified


def _failed_recently(known: KnownUrl) -> bool:
    if not known.open or not known.failures or known.fetched_at is None:
        return False
    delay: timedelta = RETRY_DELAY * 2 ** (known.failures - 1)
    return now() < known.fetched_at + delay
