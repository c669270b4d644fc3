"""Observe: counts what each page gave, whatever became of it, and has samples at hand if that turns out to be wrong."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Self

from scrapy import signals
from scrapy.crawler import Crawler
from scrapy.http import Response

from crawler.clock import now
from crawler.items import ParsedStory, Snapshot, fetch_of
from pipelines.runtime.field_stats import COLUMNS, ESSENTIAL
from pipelines.runtime.run import Run

SAMPLES = 3
# They are held in memory until the run has been judged.
LARGEST_SAMPLE = 2**19
# A page's story comes soon after its lists; so many other pages may come to their end in between.
_PAGES_BETWEEN = 1_000


@dataclass(frozen=True, slots=True)
class Sample:
    """A page that lacked a field; ``gave`` is how many others it had."""

    gave: int
    url: str
    page: bytes


class PageSamples:
    """Feeds a run's measures, and holds for each field and list the few pages that lacked it and little else."""

    def __init__(self, crawler: Crawler) -> None:
        self._crawler = crawler
        self._samples: dict[str, list[Sample]] = {}
        self._lists = [ranked.name for ranked in getattr(crawler.spidercls, "lists", ())]
        self._with_list: dict[str, dict[str, None]] = {}  # the latest pages that showed a list

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        observer = cls(crawler)
        for signal in (signals.item_scraped, signals.item_dropped, signals.item_error):
            crawler.signals.connect(observer.see, signal)
        return observer

    @property
    def _run(self) -> Run:
        return Run.of(self._crawler)

    def see(self, item: Any, response: Response | None) -> None:
        """A record came to its end, kept or not."""
        if response is not None:
            for snapshot in _lists_of(item):
                fetch = response.meta.get("fetch")
                beside_story = fetch is not None and fetch.story_id is not None
                self._run.field_stats.see_list(snapshot.name, len(snapshot.rows), beside_story=beside_story)
                self._note(snapshot.name, response.url)
        if isinstance(item, ParsedStory):
            self._run.field_stats.see_story(item)
            if response is not None and len(response.body) <= LARGEST_SAMPLE:
                self._hold(item, response)

    def _note(self, name: str, url: str) -> None:
        pages = self._with_list.setdefault(name, {})
        pages[url] = None
        if len(pages) > _PAGES_BETWEEN:
            del pages[next(iter(pages))]

    def _hold(self, parsed: ParsedStory, response: Response) -> None:
        story = parsed.story
        given = [name for name in COLUMNS if getattr(story, name) not in (None, "", [])]
        lacking = set(parsed.missing) & set(ESSENTIAL) if story.layout is None else set(COLUMNS) - set(given)
        # What a field is given by now is of use where it came from elsewhere before.
        names = {*lacking, *(f"{name} by {source}" for name, source in parsed.extracted_by.items())}
        names |= {f"list/{name}" for name in self._lists if response.url not in self._with_list.get(name, ())}
        for name in names:
            held = self._samples.setdefault(name, [])
            if len(held) < SAMPLES or held[-1].gave < len(given):
                held.append(Sample(len(given), response.url, response.body))
                held.sort(key=lambda sample: -sample.gave)
                del held[SAMPLES:]

    def keep(self, name: str, without: str | None = None) -> list[str]:
        """Keep the pages that lacked a field (or a list, `list/latest`); returns their paths below the data folder.

        :param without: a source that gave nothing, where others gave the field: pages that tell what gave it instead
        """
        held = list(self._samples.get(name, ()))
        if without is not None:
            instead = f"{name} by "
            by = {key.removeprefix(instead): each for key, each in self._samples.items() if key.startswith(instead)}
            held = [sample for source, samples in by.items() if source != without for sample in samples]
        site = self._crawler.spidercls.name
        return [self._run.dataset.keep_page(site, now(), sample.page) for sample in held[:SAMPLES]]


def _lists_of(item: Any) -> Iterable[Snapshot]:
    """The lists that a record tells of: itself, or those on its page that stood as they were."""
    if isinstance(item, Snapshot):
        return (item,)
    fetch = fetch_of(item)
    return fetch.unchanged_lists.values() if fetch is not None else ()
