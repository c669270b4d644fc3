"""Parse saved pages offline, without storing anything: from bytes and a URL to the columns of a story.

Pages are parsed in a separate worker process with limits of time and memory. If a page crashes or blocks the parser,
only the result of this page is lost.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from scrapy.utils.misc import load_object

from crawler.clock import now
from crawler.decoding.charset import sniff
from crawler.decoding.decode_errors import DecodeError, PageTooLarge
from crawler.decoding.decompress import decompress
from crawler.downloader.errors import outcome_of
from crawler.downloader.response_check import check
from crawler.generic.unknown_site import unknown_site_parser
from crawler.items import ParsedStory, Story, as_row
from crawler.outcomes import Outcome
from crawler.parsing.parser import PageParser, PageResponse
from crawler.safe_text import one_line
from crawler.spider import NewspaperSpider
from crawler.urls import SiteUrl, SkippedUrl
from crawler.worker.extension import ParserFailed, ParseWorker
from pipelines import TEXT_STEPS
from pipelines.drop_reasons import DropReason

MAX_BYTES = 8 * 2**20  # as DOWNLOAD_MAXSIZE


@dataclass(frozen=True)
class ReadPage:
    """Result of parsing a saved page; if it has no story, all columns except `url` are None.

    :ivar outcome: final state of the page, such as a story or a reason why there is none
    :ivar extracted_by: name of the extractor (function that finds a field on a page) that found each column
    """

    outcome: Outcome
    reason: str | None
    row: Mapping[str, Any]
    extracted_by: Mapping[str, str] = field(default_factory=dict)


class SavedPageReader:
    """Parser of saved pages of any site.

    :param spiders: spiders by name; a page whose URL is a story of one of them is parsed by that spider, and any other
        page by a generic parser
    """

    def __init__(self, spiders: Mapping[str, type[NewspaperSpider]]) -> None:
        self._spiders = {host: spider for spider in spiders.values() for host in spider.hosts}
        self._steps = text_steps()
        self._workers: dict[str, tuple[PageParser, ParseWorker]] = {}

    async def read(self, body: bytes, url: str) -> ReadPage:
        """Parse one saved page, given as HTML or as HTML compressed with gzip, and return the result."""
        try:
            host = urlsplit(url).hostname or ""
        except ValueError:
            host = ""
        spider = self._spiders.get(host)
        if spider and not _is_story(spider().page_parser.url_rules.identify(url)):
            spider = None  # other sections of the host, such as www.bbc.com, belong to other sites
        parser, worker = self._worker(spider)
        if isinstance(target := parser.url_rules.identify(url), SkippedUrl):
            return without_story(target.outcome, target.reason, url)
        try:
            body = decompress(body, "gzip", MAX_BYTES) if sniff(body) == "gzip" else body
            if len(body) > MAX_BYTES:
                raise PageTooLarge(f"more than {MAX_BYTES} bytes")
            parsed = await worker.parse(PageResponse(url=url, body=body, fetched_at=now(), is_story=True))
        except (DecodeError, ParserFailed) as error:
            return without_story(*outcome_of(error), url)
        if rejection := check(200, {}, body, url):
            return without_story(*rejection, url)
        assert parsed.story is not None
        return read_story(parsed.story, self._steps, url)

    def close(self) -> None:
        for _, worker in self._workers.values():
            worker.close()

    def _worker(self, spider: type[NewspaperSpider] | None) -> tuple[PageParser, ParseWorker]:
        name = spider.name if spider else ""
        if name not in self._workers:
            parser = spider().page_parser if spider else unknown_site_parser()
            self._workers[name] = parser, ParseWorker(parser, (), self._steps)
        return self._workers[name]


def text_steps() -> list[Callable[[Any], Any]]:
    """Return the steps that validate and clean a story, without those that store it."""
    return [load_object(name) for name in TEXT_STEPS]


def read_story(parsed: ParsedStory, steps: Iterable[Callable[[Any], Any]], url: str) -> ReadPage:
    """Return the columns of a parsed story after the text steps, which the parse worker may have applied already."""
    try:
        for step in () if parsed.text_steps_done else steps:
            parsed = step(parsed)
    except DropReason as reason:
        return without_story(reason.outcome, f"{type(reason).__name__}: {reason.detail}", url)
    return ReadPage(Outcome.STORY, None, as_row(parsed.story), parsed.extracted_by)


def _is_story(target: SiteUrl | SkippedUrl) -> bool:
    return isinstance(target, SiteUrl) and target.story_id is not None


def without_story(outcome: Outcome, reason: str, url: str) -> ReadPage:
    return ReadPage(outcome, one_line(reason), as_row(Story()) | {"url": url})
