"""The spider's access to the ledger (the site's SQLite crawl state): look up URLs, and record links to stories."""

from datetime import datetime
from hashlib import blake2b

from crawler.bengali.text import comparison_key
from crawler.clock import now
from crawler.items import Alias, Sighting
from crawler.urls import SiteUrl
from pipelines.ledger import Ledger


class LedgerMemory:
    """Implementation of the protocol :class:`crawler.link_following.CrawlMemory` with the ledger, an SQLite file."""

    def __init__(self, ledger: Ledger, run_id: str) -> None:
        self._ledger = ledger
        self._run_id = run_id
        self._had_stories = ledger.stories.any()
        self._known_requested: set[str] = set()
        self._shown: dict[tuple[str, str], tuple[str | None, datetime | None]] = {}
        self._sightings: dict[tuple[str, str], datetime] = {}
        self._story_urls: dict[tuple[str, str], datetime] = {}

    def knows_stories(self) -> bool:
        return self._had_stories

    def was_known(self, key: str) -> bool:
        return key in self._known_requested or self._ledger.urls.was_known(key, self._run_id)

    def note_request(self, key: str) -> None:
        """Remember if an earlier run fetched a URL, because the request overwrites that fact in the ledger."""
        if self._ledger.urls.was_known(key, self._run_id):
            self._known_requested.add(key)

    def note_story_url(self, story_id: str, url: str, at: datetime) -> None:
        """Remember a URL of a story, to be stored as an alias of the story at the end of the run.

        The alias is stored only if the story has by then been stored under another URL.
        """
        self._story_urls.setdefault((story_id, url), at)

    def note_link(self, via: str, target: SiteUrl, headline: str | None, updated_at: datetime | None) -> bool:
        """Record a link to a story; if it shows that the story has changed, make a revisit due and return True.

        It shows a change in two cases. Either the headline differs from the last one that the same list, feed or
        sitemap (``via``) showed, or the update time is later than the last fetch of the story.
        """
        self._sightings.setdefault((target.key, via), now())
        if self._shown.get((via, target.key), (None, None)) == (headline, updated_at):
            return False
        self._shown[via, target.key] = headline, updated_at
        with self._ledger.savepoint():
            return self._is_hint(via, target.key, headline, updated_at)

    def _is_hint(self, source: str, key: str, headline: str | None, updated_at: datetime | None) -> bool:
        hints, known, at = self._ledger.change_hints, self._ledger.urls.get(key), now()
        fetched_at = known.fetched_at if known is not None else None
        hint = False
        if headline is not None:
            digest = blake2b(comparison_key(headline).encode(), digest_size=8).hexdigest()
            # If another entry point showed this headline before the last fetch, the change is already stored.
            is_stored = fetched_at is not None and hints.was_shown(key, digest, fetched_at)
            hint = hints.is_change(source, key, digest, at) and not is_stored
        if updated_at is not None and fetched_at is not None and fetched_at < updated_at <= at:
            hint = hints.is_change(f"{source}/time", key, updated_at.isoformat(), at, first=True) or hint
        if not hint or fetched_at is None or not self._ledger.urls.was_known(key, self._run_id):
            return False
        self._ledger.urls.make_due(key, at)
        return True

    def store(self) -> None:
        self.store_sightings()
        site, run_id = self._ledger.site, self._run_id
        with self._ledger.savepoint():
            for (story_id, url), at in self._story_urls.items():
                known = self._ledger.stories.get(story_id)
                if known is not None and url not in ("", known.url):
                    self._ledger.stories.add_alias(
                        Alias(
                            site=site,
                            url=url,
                            story_id=story_id,
                            alias_id=story_id,
                            kind="url",
                            first_seen_at=at,
                            run_id=run_id,
                        )
                    )

    def store_sightings(self) -> None:
        """Store the sightings noted since the last call; of one that was stored before, the first time remains."""
        with self._ledger.savepoint():
            for (story_id, via), at in self._sightings.items():
                self._ledger.stories.add_sighting(
                    Sighting(site=self._ledger.site, story_id=story_id, via=via, first_seen_at=at, run_id=self._run_id)
                )
        self._sightings.clear()
