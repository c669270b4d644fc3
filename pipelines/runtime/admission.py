"""Selection of the discovered URLs that a run requests; for a skipped URL, the reason is recorded at once."""

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
    """Filter that lets each URL be requested at most once per run, and a known story only if a revisit is due.

    :ivar seen: keys of the URLs that were discovered in this run
    :ivar held: requests for entry points that are needed only if the others do not reach back to the last run
    :ivar linked: requests for unknown stories that are linked only from the front page or from a story, by URL key
    :ivar postponed: requests for revisits to which an incremental run found links, by URL key. The number of revisits
        in such a run is limited, so they are sent only while it is below the limit.
    """

    def __init__(self, run: Run, spider: NewspaperSpider, queue: RequestQueue, max_depth: int) -> None:
        self._run = run
        self._spider = spider
        self._queue = queue
        self._max_depth = max_depth
        self.seen: set[str] = set()
        self.postponed: dict[str, Request] = {}
        self.linked: dict[str, Request] = {}
        self.held: list[Request] = []
        self._urls: dict[str, set[str]] = {}  # by story, the URLs that this run requested or may still request
        self._alternatives: dict[str, list[Request]] = {}
        self._unread: set[str] = set()  # stories whose URLs all failed so far

    def admit(self, request: Request) -> bool:
        """Queue or postpone a request and return True, or record its URL as skipped and return False."""
        fetch: Fetch = request.meta["fetch"]
        self.seen.add(fetch.key)
        self.linked.pop(fetch.key, None)
        if self._run.ledger.stories.is_removed(fetch.key):
            return self.skip(fetch, Outcome.REMOVED_ON_REQUEST)
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

    def hold(self, request: Request) -> bool:
        """Hold a request for an entry point until :meth:`release`, and return True."""
        fetch: Fetch = request.meta["fetch"]
        self.seen.add(fetch.key)
        if (known := self._run.ledger.urls.get(fetch.key)) is not None:
            make_conditional(request, known)
        self._discover(request)
        self.held.append(request)
        return True

    def release(self, gap_filled_by: str) -> None:
        """Queue the held requests, or record them as skipped if an entry point reached back to the last run.

        :param gap_filled_by: name of that entry point, or an empty string
        """
        if gap_filled_by:
            self._run.ledger.runs.count(self._run.run_id, "list/latest/filled")
        for request in self.held:
            if gap_filled_by:
                fetch: Fetch = request.meta["fetch"]
                fetch.outcome = Outcome.SKIPPED_FRESH
                fetch.reason = f"{gap_filled_by} reached back to the last run"
                self._run.ledger.urls.close(fetch.key)
                self._run.ledger.urls.record(fetch)
            else:
                self._queue.push(request)
        self.held.clear()

    def hold_back(self, request: Request) -> bool:
        """Hold back the request for a story to which no list or feed has linked so far, and return True.

        If the story is already in the ledger or held back, do nothing and return False.
        """
        key = request.meta["fetch"].key
        if key in self.linked or self._run.ledger.urls.get(key) is not None:
            return False
        self.linked[key] = request
        return True

    def queue(self, request: Request) -> None:
        self._discover(request)
        fetch: Fetch = request.meta["fetch"]
        if fetch.story_id:
            self._urls.setdefault(fetch.key, set()).add(fetch.url)
        self._queue.push(request)

    def _discover(self, request: Request) -> None:
        fetch: Fetch = request.meta["fetch"]
        self._run.memory.note_request(fetch.key)
        entry_point: EntryPoint | None = request.meta["entry_point"]
        position = dump_position(entry_point, request.meta["position"]) if entry_point else None
        self._run.revisits.discover(fetch, position)

    def keep_alternative(self, request: Request) -> bool:
        """Keep a request for another URL of a story, in case the first URL does not return the story.

        If the first URL has already failed, the request is queued at once. Returns False if the request is dropped,
        because the run already knows this URL or has enough other URLs of the story.
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
        """Queue a request for another URL of a story if ``fetch`` did not return the story.

        Other URLs that were linked in this run come first, then the URL of the stored story.
        """
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
        """Record that a URL is not requested, with ``outcome`` as the reason; always return False."""
        fetch.fetched_at, fetch.outcome = fetch.fetched_at or now(), outcome
        self._run.revisits.note(fetch)
        return False

    def request_of(self, known: KnownUrl) -> Request | None:
        """Return a new request for a URL stored in the ledger (the site's SQLite crawl state).

        Returns None if the URL is a page of a list or feed that the spider no longer declares.
        """
        return self._spider.resume(new_fetch(known, self._run.ledger.site, self._run.run_id), known.position)


def make_conditional(request: Request, known: KnownUrl) -> None:
    """Add the headers ``If-None-Match`` and ``If-Modified-Since`` with the validators of the last response.

    Requests for listings and ranked lists stay unconditional, because every observation of a list is recorded, even of
    an unchanged one.
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
