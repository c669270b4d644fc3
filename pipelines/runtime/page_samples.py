"""Scrapy extension that counts the fields of stories and notes sample pages on which a field is missing."""

from collections import deque
from typing import Any, Self

from scrapy import signals
from scrapy.crawler import Crawler
from scrapy.http import Response
from twisted.python.failure import Failure

from crawler.items import ParsedStory, Snapshot, fetch_of
from pipelines.runtime.field_stats import COLUMNS, ESSENTIAL
from pipelines.runtime.run import Run

MAX_SAMPLES = 3
# The story of a page is processed after its lists; at most this many other pages are processed in between.
_MAX_PAGES_BETWEEN = 1_000


class PageSamples:
    """Scrapy extension that counts the fields of stories, and notes sample pages for each missing field or list.

    The samples help to find out why a parser found nothing. Among the pages that lack a field, those with the most
    other fields are preferred, because the missing one is most likely to be on them.
    """

    def __init__(self, crawler: Crawler) -> None:
        self._crawler = crawler
        # Sample pages by missing field or list, each with the number of fields that it had.
        self._samples: dict[str, list[tuple[int, str]]] = {}
        lists = [ranked.name for ranked in getattr(crawler.spidercls, "lists", ())]
        # URLs of the last pages that contained each list.
        self._with_list = {name: deque[str](maxlen=_MAX_PAGES_BETWEEN) for name in lists}

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        extension = cls(crawler)
        for signal in (signals.item_scraped, signals.item_dropped, signals.item_error):
            crawler.signals.connect(extension.count, signal)
        return extension

    def count(self, item: Any, response: Response | Failure | None) -> None:
        stats, fetch = Run.of(self._crawler).field_stats, fetch_of(item)
        if isinstance(response, Response):  # for a failed request, Scrapy passes a Failure
            page = response.meta.get("fetch")
            beside_story = page is not None and page.story_id is not None
            unchanged = fetch.unchanged_lists.values() if fetch is not None else ()
            for snapshot in (item,) if isinstance(item, Snapshot) else unchanged:
                stats.count_list(snapshot.name, len(snapshot.rows), beside_story=beside_story)
                self._with_list[snapshot.name].append(response.url)
        if isinstance(item, ParsedStory):
            stats.count_story(item)
            if isinstance(response, Response):
                self._hold(item, response)

    def _hold(self, parsed: ParsedStory, response: Response) -> None:
        filled = [name for name in COLUMNS if getattr(parsed.story, name) not in (None, "", [])]
        unfit = parsed.story.layout is None or bool(parsed.missing)
        missing = set(parsed.missing) & set(ESSENTIAL) if unfit else set(COLUMNS) - set(filled)
        # A page on which another extractor than usual found the field shows where the field is now.
        names = {*missing, *(f"{name} by {extractor}" for name, extractor in parsed.extracted_by.items())}
        names |= {f"list/{name}" for name, pages in self._with_list.items() if response.url not in pages}
        page = fetch.archive_place if (fetch := parsed.fetch) is not None else None
        for name in names:
            samples = self._samples.setdefault(name, [])
            if len(samples) < MAX_SAMPLES or samples[-1][0] < len(filled):
                samples.append((len(filled), page or response.url))
                samples.sort(key=lambda sample: -sample[0])
                del samples[MAX_SAMPLES:]

    def pages(self, name: str, without: str | None = None) -> list[str]:
        """Return sample pages on which a field or a list (`list/latest`) is missing.

        A page is given by its place in the archive (`file:offset`), or by its URL if it is not archived.

        :param without: name of an extractor (one way to find a field on a page). If it is given, return the pages on
            which this extractor found nothing but another one found the field.
        """
        samples = list(self._samples.get(name, ()))
        if without is not None:
            prefix = f"{name} by "
            by = {key.removeprefix(prefix): each for key, each in self._samples.items() if key.startswith(prefix)}
            samples = [sample for extractor, each in by.items() if extractor != without for sample in each]
        return [page for _, page in samples[:MAX_SAMPLES]]
