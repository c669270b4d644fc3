"""Repetition of a site's history: each event is stored again, read from its archived page or from its stored rows."""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, ClassVar, cast

from scrapy.http import Response

from crawler.clock import stopped_at
from crawler.downloader.errors import outcome_of
from crawler.items import Alias, Fetch, ParsedStory, Ranking, Reject, Sighting, Snapshot, Story, as_row
from crawler.outcomes import Outcome
from crawler.parsing.parser import ParsedPage
from crawler.spider import NewspaperSpider
from crawler.worker.extension import ParserFailed
from pipelines.drop_reasons import Unchanged
from pipelines.ledger import Ledger
from pipelines.rebuild.archived_pages import ArchivedPage
from pipelines.rebuild.history import ALIASES, APPEARED, FETCH, RANKINGS, REJECTS, SEEN, SIGHTINGS, Event
from pipelines.rebuild.past_run import PastRun
from pipelines.rebuild.stored_stories import StoredStories
from pipelines.similarity.hashes import body_hash, snapshot_digest, state_hash
from pipelines.similarity.minhash import sketch

Row = dict[str, Any]
ModeOf = Callable[[str], str]
_MAX_RUNS = 8  # of imports, whose pages lie between those of crawls


class Retelling:
    """The new ledger of a site, to which the events of its history are added in order.

    :param mode_of: function from the id of a run to its mode
    """

    past_run: ClassVar[type[PastRun]] = PastRun

    def __init__(self, ledger: Ledger, spider: type[NewspaperSpider], stories: StoredStories, mode_of: ModeOf) -> None:
        self._ledger, self._spider, self._stories, self._mode_of = ledger, spider, stories, mode_of
        self._runs: OrderedDict[str, PastRun] = OrderedDict()
        self._read_at: datetime | None = None  # time of the page that was read last
        self._snapshot: Snapshot | None = None  # stored rows of one, as far as they have come
        self._fetched: tuple[datetime, set[str]] | None = None  # the stories fetched at one moment

    def run(self, run_id: str, at: datetime) -> PastRun:
        """Return the run of an event; a crawl closes those before it, since the runs of a site do not overlap.

        Imported pages are older than their run. They lie between those of crawls, whose runs stay open.
        """
        if run_id not in self._runs and run_id[:16] <= f"{at.astimezone(UTC):%Y%m%dT%H%M%SZ}":
            for earlier in [each for each in self._runs if each < run_id]:
                self._runs.pop(earlier).close()
        return self._opened(run_id)

    def _opened(self, run_id: str) -> PastRun:
        if run_id not in self._runs:
            self._runs[run_id] = self.past_run(self._ledger, self._spider, run_id, self._mode_of(run_id))
            if len(self._runs) > _MAX_RUNS:
                self._runs.popitem(last=False)[1].close()
        self._runs.move_to_end(run_id)
        return self._runs[run_id]

    def close(self) -> None:
        """Store the rest: the last snapshot, and the aliases and sightings that runs store at their end."""
        self._end_snapshot()
        for run in self._runs.values():
            run.close()
        self._runs.clear()

    def state(self) -> dict[str, Any]:
        """Return what runs have noted and not stored yet, so that the work can be continued by another process."""
        return {run_id: run.state() for run_id, run in self._runs.items()}

    def restore(self, state: dict[str, Any]) -> None:
        for run_id, saved in state.items():
            self._opened(run_id).restore(saved)

    def read_page(self, page: ArchivedPage, parsed: ParsedPage | Exception | None) -> None:
        """Store what a page of the past yields now.

        :param parsed: result of parsing it, or the error; None for a response that is not a page
        """
        self._end_snapshot()
        fetch, response = page.fetch, cast(Response, page.response)
        run = self.run(fetch.run_id, fetch.fetched_at)
        self._read_at = fetch.fetched_at
        self._note_fetch(fetch.fetched_at, fetch.story_id)
        run.urls |= {fetch.url, response.url}
        run.discover(fetch, page.position)
        if isinstance(parsed, ParserFailed):
            run.crashed(parsed, response)
            return
        if isinstance(parsed, Exception):
            fetch.outcome, fetch.reason = outcome_of(parsed)
        try:
            outputs = run.spider.outputs(None if isinstance(parsed, Exception) else parsed, response, fetch)
        except Exception as error:  # noqa: BLE001 - an internal error concerns this page only
            run.crashed(error, response)
            return
        if fetch.story_id:
            self._stories.keep(fetch.story_id, is_kept=False)
        run.take(outputs, response, fetch)

    def keeps_story(self, row: Row) -> bool:
        """Return True if a page must not be read again, because it showed a stored revision unchanged.

        Otherwise a field that only today's parser finds would look like a change that the newspaper made.
        """
        is_unchanged = row["outcome"] == Outcome.UNCHANGED and row["status"] != 304
        return is_unchanged and row["story_id"] is not None and self._stories.is_kept(row["story_id"])

    def keep(self, event: Event) -> None:
        """Store the rows of an event again as they are, unless the page that gave them has been read again."""
        row = event.row
        if event.kind == RANKINGS:
            self._add_ranking(event)
            return
        self._end_snapshot()
        if event.kind == FETCH:
            self._keep_fetch(row)
        elif event.kind == APPEARED:
            self._keep_revision(event)
        elif event.kind == SEEN:
            self._keep_sight(event)
        elif event.kind == REJECTS:
            if row["url"] not in self.run(row["run_id"], event.at).urls:
                self._ledger.add_reject(Reject(site=self._spider.name, **row))
        elif event.at != self._read_at:
            if event.kind == ALIASES:
                self._ledger.stories.add_alias(Alias(site=self._spider.name, **row))
            elif event.kind == SIGHTINGS:
                self._ledger.stories.add_sighting(Sighting(site=self._spider.name, **row))

    def _keep_fetch(self, row: Row) -> None:
        run = self.run(row["run_id"], row["fetched_at"])
        target = run.spider.url_rules.identify(row["url"])
        fetch = Fetch(site=self._spider.name, key=row["story_id"] or target.key, normal_url=target.url, **row)
        self._note_fetch(fetch.fetched_at, fetch.story_id)
        with self._ledger.savepoint():
            if not fetch.attempts:
                self.keep_unsent(run, fetch)
                return
            run.discover(fetch, self.position_of(fetch))
            if fetch.outcome == Outcome.REDIRECTED and fetch.reason:
                run.note_redirect(fetch.reason.removeprefix("to "), fetch.fetched_at)
            if fetch.story_id and (shown := self._shown(fetch)):
                if fetch.reason == Unchanged.__name__:
                    fetch.reason = None
                self._keep_story(run, shown, fetch.fetched_at, fetch)
                return
            if fetch.outcome == Outcome.UNCHANGED and fetch.status != 304:
                run.revisits.mark_unchanged(fetch.story_id, fetch.fetched_at)
            run.revisits.settle(fetch)

    def keep_unsent(self, run: PastRun, fetch: Fetch) -> None:
        """Store the fetch of a URL for which no request was sent."""
        self._ledger.urls.record(fetch)

    def position_of(self, fetch: Fetch) -> str | None:
        """Return the place of a page in its pagination, if it is known."""
        return None

    def _shown(self, fetch: Fetch) -> Row | None:
        """Return the stored revision that a fetch showed, unless it is the current one of the new ledger."""
        assert fetch.story_id is not None
        if fetch.outcome == Outcome.STORY:
            return self._stories.first_seen_at(fetch.story_id, fetch.fetched_at)
        known = self._ledger.stories.get(fetch.story_id)
        if fetch.outcome != Outcome.UNCHANGED or known is None:
            return None
        row = self._stories.standing_at(fetch.story_id, fetch.fetched_at)
        return row if row is not None and state_hash(row) != known.state_hash else None

    def _keep_story(self, run: PastRun, row: Row, at: datetime, fetch: Fetch | None) -> None:
        story = Story(site=self._spider.name, **row | {"fetched_at": at, "gone_after": None, "gone_by": None})
        parsed = ParsedStory(story=story, fetch=fetch, text_steps_done=True, is_canonical=True)
        parsed.body_hash, parsed.sketch = body_hash(story.body), sketch(story.body)
        with stopped_at(at):
            run.store(parsed)
        self._stories.keep(story.story_id, is_kept=True)

    def _keep_revision(self, event: Event) -> None:
        """Store a revision of which there is no fetch any more."""
        story_id = event.row["story_id"]
        if self._was_fetched(event.at, story_id):
            return
        row = self._stories.first_seen_at(story_id, event.at)
        if row is not None:
            self._keep_story(self.run(row["run_id"], event.at), row, event.at, None)

    def _keep_sight(self, event: Event) -> None:
        """Note that a story was seen for the last time in a fetch that is not recorded any more."""
        story_id = event.row["story_id"]
        if self._was_fetched(event.at, story_id):
            return
        known, row = self._ledger.stories.get(story_id), self._stories.standing_at(story_id, event.at)
        if known is None or row is None:
            return
        if known.fetched_at < event.at and known.state_hash == state_hash(row):
            self._ledger.stories.mark_seen(known, event.at)
        if row["gone_by"] and (known := self._ledger.stories.get(story_id)) and not known.gone_by:
            self._ledger.stories.mark_gone(known, row["gone_after"], row["gone_by"])

    def _note_fetch(self, at: datetime, story_id: str | None) -> None:
        if self._fetched is None or self._fetched[0] != at:
            self._fetched = at, set()
        if story_id:
            self._fetched[1].add(story_id)

    def _was_fetched(self, at: datetime, story_id: str) -> bool:
        return self._fetched is not None and self._fetched[0] == at and story_id in self._fetched[1]

    def _add_ranking(self, event: Event) -> None:
        row = event.row
        if event.at == self._read_at:
            return
        current = self._snapshot
        if current is not None and (current.name, current.observed_at) != (row["list"], event.at):
            self._end_snapshot()
        if self._snapshot is None:
            self._snapshot = Snapshot(site=self._spider.name, name=row["list"], observed_at=event.at, rows=[])
        self._snapshot.rows.append(Ranking(site=self._spider.name, **row))

    def _end_snapshot(self) -> None:
        if self._snapshot is None:
            return
        snapshot, self._snapshot = self._snapshot, None
        last = max(ranking.last_observed_at for ranking in snapshot.rows)
        at_first = [replace(ranking, last_observed_at=snapshot.observed_at) for ranking in snapshot.rows]
        snapshot = replace(snapshot, rows=at_first)
        digest = snapshot_digest([as_row(ranking) for ranking in snapshot.rows])
        self._ledger.snapshots.store(snapshot, digest)
        if last > snapshot.observed_at:
            self._ledger.snapshots.extend(snapshot, last)
