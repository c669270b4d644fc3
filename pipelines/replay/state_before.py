"""Tables and ledger of a site as they were when a run started, rebuilt in a new folder from what came before it."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from crawler.items import Fetch
from crawler.link_following import FRONT_PAGE, RELATED
from crawler.outcomes import Outcome
from crawler.spider import NewspaperSpider
from pipelines.ledger import Ledger
from pipelines.rebuild.history import RANKINGS, Event
from pipelines.rebuild.past_run import PastMemory, PastRun
from pipelines.rebuild.rebuild import Progress, Rebuild
from pipelines.rebuild.rebuilt_ledger import RebuiltLedger
from pipelines.rebuild.retelling import ModeOf, Retelling
from pipelines.rebuild.selection import Selection
from pipelines.rebuild.stored_stories import StoredStories
from pipelines.storage.data_folder import DataFolder

#: Pages of this time before the run are read again. It is longer than hints, validators and records of lists are used.
READ_AGAIN = timedelta(days=28)
_INSTANT = timedelta(microseconds=1)


class StateBefore(Rebuild):
    """Rebuild of the state of a site before a run, which reads the old ledger without changing it.

    Pages of the last four weeks are read by today's code, so that only what the site has changed counts as a revision.
    Of older ones, the stored rows are kept.

    :param until: start of the run
    """

    def __init__(
        self,
        source: DataFolder,
        target: DataFolder,
        spider: type[NewspaperSpider],
        run_id: str,
        until: datetime,
        processes: int,
        progress: Progress = lambda done: None,
    ) -> None:
        super().__init__(source, target, spider, Selection(until - READ_AGAIN, until + _INSTANT), processes, progress)
        self._run_id, self._until = run_id, until

    @contextmanager
    def old_ledger(self) -> Iterator[Ledger]:
        ledger = Ledger.read_only(self._source.ledger(self._spider.name), self._spider.name, self._spider.zone)
        try:
            yield ledger
        finally:
            ledger.close_unchanged()

    def events(self, stories: StoredStories) -> Iterator[Event]:
        for event in super().events(stories):
            if event.at > self._until:
                return
            if event.at == self._until and event.row.get("run_id", "") >= self._run_id:
                continue
            if event.kind == RANKINGS:
                event.row["last_observed_at"] = min(event.row["last_observed_at"], self._until)
            yield event

    def retelling(self, ledger: Ledger, old: Ledger, stories: StoredStories, mode_of: ModeOf) -> Retelling:
        return _RetellingWithState(ledger, old, self._spider, stories, mode_of)

    def complete(self, ledger: RebuiltLedger, old: Ledger) -> None:
        """Add nothing: the old ledger has the state of today, and of the runs before only the reports matter."""


class _RunWithHints(PastRun):
    """A run of the past that also looks for hints, because the next visit of a story and later hints depend on them."""

    memory_type = PastMemory

    def __init__(self, ledger: Ledger, spider: type[NewspaperSpider], run_id: str, mode: str) -> None:
        super().__init__(ledger, spider, run_id, mode)
        self._hinted: dict[str, str | None] = {}
        ledger.change_hints.delete_old(datetime.strptime(run_id[:16], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC))

    def discover(self, fetch: Fetch, position: str | None) -> None:
        self.memory.note_request(fetch.key)
        fetch.hinted_by = self._hinted.get(fetch.key)
        super().discover(fetch, position)

    def take(self, outputs: list[Any], response: Any, fetch: Fetch) -> None:
        """Note the first request for each story, which is the one that a run sends."""
        for output in outputs:
            if isinstance(output, Fetch) and output is not fetch and output.via not in (FRONT_PAGE, RELATED):
                self._hinted.setdefault(output.key, output.hinted_by)
        super().take(outputs, response, fetch)

    def state(self) -> dict[str, Any]:
        return super().state() | {"hinted": self._hinted}

    def restore(self, state: dict[str, Any]) -> None:
        super().restore(state)
        self._hinted = dict(state["hinted"])


class _RetellingWithState(Retelling):
    """History of a site from which the crawl state of each URL follows too, as in the runs themselves."""

    past_run = _RunWithHints

    def __init__(
        self, ledger: Ledger, old: Ledger, spider: type[NewspaperSpider], stories: StoredStories, mode_of: ModeOf
    ) -> None:
        super().__init__(ledger, spider, stories, mode_of)
        self._old = old

    def keep_unsent(self, run: PastRun, fetch: Fetch) -> None:
        """Store a fetch without a request; if one was intended, the next run sends it."""
        outcome = Outcome(fetch.outcome)
        if outcome.is_failed or outcome in (Outcome.ROBOTS, Outcome.PENDING):
            run.discover(fetch, self.position_of(fetch))
            run.revisits.settle(fetch)
        else:
            super().keep_unsent(run, fetch)

    def position_of(self, fetch: Fetch) -> str | None:
        known = None if fetch.story_id else self._old.urls.get(fetch.key)
        return known.position if known else None
