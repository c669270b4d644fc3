"""Rebuilding of a site's tables and ledger in a new folder, from its archived pages and its stored rows."""

import hashlib
import shutil
from collections import Counter, deque
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, closing, suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from crawler.spider import NewspaperSpider
from crawler.spiders import sites_folder
from pipelines.ledger import Ledger
from pipelines.publishing.exchange import open_ledger
from pipelines.publishing.publisher import fill_empty_tables, publish
from pipelines.rebuild.history import FETCH, Event, history
from pipelines.rebuild.page_reading import PageReading, Reading
from pipelines.rebuild.rebuilt_ledger import RebuiltLedger
from pipelines.rebuild.retelling import ModeOf, Retelling
from pipelines.rebuild.selection import Selection
from pipelines.rebuild.stored_stories import StoredStories
from pipelines.storage.data_folder import DataFolder
from pipelines.storage.errors import DatabaseDamaged
from pipelines.storage.failpoint import reached
from pipelines.storage.run_reports import read_report
from pipelines.storage.tables import TABLES

EVENTS_BETWEEN_COMMITS, ROWS_BETWEEN_PUBLISHES = 2_000, 20_000
_EVENTS_PER_PROCESS = 32  # that are read ahead
_PROJECT = Path(__file__).resolve().parents[2]
Progress = Callable[[int], None]
_Job = tuple[Event, Reading | None]


@dataclass(slots=True)
class Rebuilt:
    """Result of a rebuild.

    :ivar pages: number of pages that were read again
    :ivar outcomes: number of these pages by outcome
    :ivar missing: number of pages that are in no archive, by month; their rows are kept as they were
    """

    pages: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    missing: Counter[str] = field(default_factory=Counter)


class Rebuild:
    """Rebuild of one site; after an interruption, a second call continues.

    :param target: folder for the result, with the layout of a data folder
    :param selection: the pages to read again
    :param processes: number of processes that parse pages
    :param progress: function that is called with the number of pages read so far
    """

    def __init__(
        self,
        source: DataFolder,
        target: DataFolder,
        spider: type[NewspaperSpider],
        selection: Selection,
        processes: int,
        progress: Progress = lambda done: None,
    ) -> None:
        self._source, self._target, self._spider = source, target, spider
        self._selection, self._processes, self._progress = selection, processes, progress
        self._done, self._result = -1, Rebuilt()

    def run(self) -> Rebuilt:
        """Rebuild the tables and the ledger; the caller holds the lock of the site and has published all rows."""
        with self.old_ledger() as old:
            purpose = self._purpose(old)
            with closing(self._resumed(purpose) or self._new(purpose)) as ledger:
                state = ledger.state()
                assert state is not None
                self._done = state["done"]
                self._result = Rebuilt(state["pages"], Counter(state["outcomes"]), Counter(state["missing"]))
                if not state["is_complete"]:
                    self._build(ledger, old, state)
        return self._result

    def old_ledger(self) -> AbstractContextManager[Ledger]:
        return closing(open_ledger(self._source, self._spider.name, self._spider.zone))

    def events(self, stories: StoredStories) -> Iterator[Event]:
        return history(self._source, self._spider.name, stories)

    def retelling(self, ledger: Ledger, old: Ledger, stories: StoredStories, mode_of: ModeOf) -> Retelling:
        return Retelling(ledger, self._spider, stories, mode_of)

    def complete(self, ledger: RebuiltLedger, old: Ledger) -> None:
        """Add the crawl state that does not follow from the pages."""
        ledger.carry_over(self._source.ledger(self._spider.name))

    def _build(self, ledger: RebuiltLedger, old: Ledger, state: dict[str, Any]) -> None:
        scratch = self._target.state / f"{self._spider.name}.stories.sqlite"
        with closing(StoredStories(scratch)) as stories:
            stories.fill(self._source, self._spider.name)
            with ledger.transaction():
                for story_id in old.stories.removed():
                    ledger.stories.mark_removed(story_id)
            mode_of = cache(lambda run_id: self._mode(old, run_id))
            retelling = self.retelling(ledger, old, stories, mode_of)
            retelling.restore(state["runs"])
            with closing(PageReading(self._source, self._spider, old, mode_of, self._processes)) as pages:
                self._repeat(ledger, retelling, pages, stories, state)
        scratch.unlink()
        publish(self._target, ledger)
        fill_empty_tables(self._target, ledger)
        self.complete(ledger, old)
        with ledger.transaction():
            ledger.save(state | {"is_complete": True} | self._counts())
        reached("rebuild.complete")

    def _repeat(
        self,
        ledger: RebuiltLedger,
        retelling: Retelling,
        pages: PageReading,
        stories: StoredStories,
        state: dict[str, Any],
    ) -> None:
        """Handle all events in order, while other processes read the pages of the next ones."""
        jobs: deque[_Job] = deque()
        with ExitStack() as batch:
            batch.enter_context(ledger.savepoint())
            for event in self.events(stories):
                if event.number <= self._done:
                    continue
                if event.kind == FETCH and event.number - self._done >= EVENTS_BETWEEN_COMMITS:
                    while jobs:
                        self._finish(retelling, *jobs.popleft())
                    self._done = event.number - 1
                    ledger.save(state | {"done": self._done, "runs": retelling.state()} | self._counts())
                    batch.close()
                    ledger.commit()
                    reached("rebuild.committed")
                    if ledger.outbox.size() >= ROWS_BETWEEN_PUBLISHES:
                        publish(self._target, ledger)
                    batch.enter_context(ledger.savepoint())
                is_read = event.kind == FETCH and self._selection.includes(event.row)
                jobs.append((event, pages.begin(event.row) if is_read else None))
                if len(jobs) > _EVENTS_PER_PROCESS * self._processes:
                    self._finish(retelling, *jobs.popleft())
            while jobs:
                self._done = jobs[0][0].number
                self._finish(retelling, *jobs.popleft())
            retelling.close()
            ledger.save(state | {"done": self._done, "runs": {}} | self._counts())
        ledger.commit()

    def _finish(self, retelling: Retelling, event: Event, reading: Reading | None) -> None:
        page, parsed = (None, None) if reading is None else reading()
        if reading is not None and page is None:
            self._result.missing[format(event.at.astimezone(self._spider.zone), "%Y-%m")] += 1
        if page is None or retelling.keeps_story(event.row):
            retelling.keep(event)
            return
        retelling.read_page(page, parsed)
        self._result.pages += 1
        self._result.outcomes[str(page.fetch.outcome)] += 1
        self._progress(self._result.pages)

    # Progress --------------------------------------------------------------------------------------------------------

    def _counts(self) -> dict[str, Any]:
        found = self._result
        return {"pages": found.pages, "outcomes": dict(found.outcomes), "missing": dict(found.missing)}

    def _resumed(self, purpose: str) -> RebuiltLedger | None:
        """Return the ledger of an interrupted rebuild with the same purpose, or None."""
        if not self._target.ledger(self._spider.name).exists():
            return None
        with suppress(DatabaseDamaged):
            ledger = RebuiltLedger.of(self._target, self._spider)
            state = ledger.state()
            if state is not None and state["purpose"] == purpose:
                ledger.begin(state)
                return ledger
            ledger.close()
        return None

    def _new(self, purpose: str) -> RebuiltLedger:
        """Return an empty ledger for the result, after deleting what an earlier rebuild has left."""
        site = self._spider.name
        for table in TABLES:
            shutil.rmtree(self._target.root / table / f"site={site}", ignore_errors=True)
        for path in self._target.state.glob(f"{site}.*sqlite*"):
            path.unlink()
        self._target.prepare()
        ledger = RebuiltLedger.of(self._target, self._spider)
        state = {"purpose": purpose, "done": -1, "runs": {}, "is_complete": False}
        ledger.begin(state | {"pages": 0, "outcomes": {}, "missing": {}})
        return ledger

    def _purpose(self, old: Ledger) -> str:
        """Return a hash of everything that the result depends on: the selection, the stored rows and the code."""
        digest = hashlib.sha256(repr(self._selection).encode())
        for file in old.outbox.files():
            digest.update(f"{file.path} {file.sha256}\n".encode())
        for folder in (_PROJECT / "crawler", _PROJECT / "pipelines", sites_folder()):
            for path in sorted(folder.rglob("*.py")):
                digest.update(path.read_bytes())
        return digest.hexdigest()

    def _mode(self, old: Ledger, run_id: str) -> str:
        if (run := old.runs.get(run_id)) is not None:
            return str(run["mode"])
        with suppress(OSError, ValueError):
            return str(read_report(self._source, run_id)["mode"])
        return "full"
