"""Hearing: what lists, feeds and sitemaps say of stories in one run, as sightings and as causes to look again."""

from datetime import datetime
from hashlib import blake2b

from crawler.bengali.text import comparison_key
from crawler.clock import now
from crawler.items import Sighting
from crawler.urls import SiteUrl
from pipelines.ledger import Ledger


class HintedRevisits:
    """Hears each place once: the same words on the next page say nothing more."""

    def __init__(self, ledger: Ledger, run_id: str) -> None:
        self._ledger, self._run_id = ledger, run_id
        self._heard: dict[tuple[str, str], tuple[str | None, datetime | None]] = {}
        self._first: dict[tuple[str, str], datetime] = {}

    def sees(self, place: str, target: SiteUrl, headline: str | None, moment: datetime | None) -> bool:
        """Whether what a place says of a story is a cause to look at it again, which is then due at once.

        It is where the place printed another headline the last time, or names a time later than that of our last look.
        """
        self._first.setdefault((target.key, place), now())
        if self._heard.get((place, target.key), (None, None)) == (headline, moment):
            return False
        self._heard[place, target.key] = headline, moment
        with self._ledger.savepoint():
            return self._is_cause(place, target.key, headline, moment)

    def _is_cause(self, place: str, key: str, headline: str | None, moment: datetime | None) -> bool:
        notices, known, at = self._ledger.change_hints, self._ledger.urls.get(key), now()
        looked_at = known.fetched_at if known is not None else None
        cause = False
        if headline is not None:
            said = _digest(headline)
            # What another place said before our last look, that look has seen.
            late = looked_at is not None and notices.was_shown(key, said, looked_at)
            cause = notices.is_change(place, key, said, at) and not late
        if moment is not None and looked_at is not None and looked_at < moment <= at:
            cause = notices.is_change(f"{place}/time", key, moment.isoformat(), at, first=True) or cause
        if not cause or looked_at is None or not self._ledger.urls.was_known(key, self._run_id):
            return False
        self._ledger.urls.make_due(key, at)
        return True

    def keep(self) -> None:
        """Keep which place named which story, where that was not known."""
        with self._ledger.savepoint():
            for (story_id, place), at in self._first.items():
                self._ledger.stories.add_sighting(
                    Sighting(
                        site=self._ledger.site, story_id=story_id, via=place, first_seen_at=at, run_id=self._run_id
                    )
                )
        self._first.clear()


def _digest(headline: str) -> str:
    return blake2b(comparison_key(headline).encode(), digest_size=8).hexdigest()
