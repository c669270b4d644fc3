"""Archives of made-up size: pages of the bundled newspaper, or one small page with random words, 400 a day."""

import gzip
import random
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path

from benchmarks.pages import ORIGIN, Pages
from crawler.spiders.kalbela import Kalbela
from pipelines.archive.records import ArchivedResponse
from pipelines.publishing.exchange import open_ledger
from pipelines.publishing.publisher import publish
from pipelines.rebuild.warc_import import archive_responses
from pipelines.storage.data_folder import DataFolder
from tests.newspaper import Newspaper

PAGES_A_DAY, WORDS_PER_STORY = 400, 480
_FIRST_DAY = datetime(2026, 1, 11, tzinfo=UTC)
_HEADERS = [(b"Content-Type", b"text/html; charset=UTF-8"), (b"Content-Encoding", b"gzip")]
_SMALL_PAGE = """<!DOCTYPE html>
<html lang="bn-BD"><head><meta charset="UTF-8"><title>{headline} | কালবেলা</title></head><body>
<div class="dtl_content_layer"><div id="details_content" class="infinity-data"><div class="rpt_info_section">
<div class="rpt_name">প্রতিবেদক</div><div class="entry_update">প্রকাশ : {date}</div></div>
<div class="headline_section"><h1 class="details-title">{headline}</h1></div><div class="dtl_section" id="dtl_part">
<div class="dtl_content_section"><p>{body}</p></div></div></div></div></body></html>"""

# URL and compressed body of a page.
ArchivedPages = Iterator[tuple[str, bytes]]


def generated_pages(count: int) -> ArchivedPages:
    """Yield pages of stories of the bundled newspaper, of the size of real ones."""
    pages = Pages.generated(count)
    for path in pages.paths(count):
        yield ORIGIN + path, pages.compressed(path)


def small_pages(count: int) -> ArchivedPages:
    """Yield pages with nothing but a story, which need little time: the memory they take is that of their stories."""
    chance = random.Random(1)
    words = sorted({word for story in Newspaper(seed=1).truth().values() for word in story.body.split()})
    for number in range(count):
        day = _day(number).astimezone(Kalbela.zone)
        date = f"{day:%d %B %Y}, 09:15 AM"
        headline, body = (" ".join(chance.choices(words, k=length)) for length in (8, WORDS_PER_STORY))
        page = _SMALL_PAGE.format(headline=headline, body=body, date=date)
        yield f"{ORIGIN}/national/{300_000 + number}", gzip.compress(page.encode(), 1)


def fill(folder: Path, pages: ArchivedPages) -> int:
    """Archive pages in a new data folder, one run a day; return the bytes of the archive."""
    data_folder, spider, number = DataFolder(folder), Kalbela(), 0
    data_folder.prepare()
    with closing(open_ledger(data_folder, spider.name, spider.zone)) as ledger:
        while day := [*islice(pages, PAGES_A_DAY)]:
            at = _day(number)
            responses = [_response(url, body, at + timedelta(minutes=3 * n)) for n, (url, body) in enumerate(day)]
            for _ in archive_responses(data_folder, ledger, spider, responses):
                pass
            publish(data_folder, ledger)
            number += len(day)
    return sum(path.stat().st_size for path in (folder / "archive").rglob("*.warc.gz"))


def _day(number: int) -> datetime:
    return _FIRST_DAY + timedelta(days=number // PAGES_A_DAY)


def _response(url: str, body: bytes, at: datetime) -> ArchivedResponse:
    return ArchivedResponse(
        url=url, fetched_at=at, status=200, headers=_HEADERS, body=body, file="", offset=0, length=0
    )
