"""Several URLs of one story: the canonical one decides, whatever the order in which they are crawled."""

from dataclasses import replace
from datetime import timedelta
from itertools import permutations

import pytest
from hypothesis import strategies as st
from scrapy.utils.misc import load_object

from crawler.items import ParsedStory, as_row
from crawler.outcomes import Outcome
from crawler.parsing.parser import PageParser, PageResponse
from crawler.spiders.kalbela import Kalbela
from pipelines import TEXT_STEPS
from pipelines.drop_reasons import Unchanged
from pipelines.ledger import Ledger
from pipelines.runtime.crawl_memory import LedgerMemory
from pipelines.runtime.revisit import Revisits
from pipelines.similarity.hashes import state_hash
from pipelines.steps.deduplicate import deduplicate
from tests.support.builders import JANUARY, SITE, LedgerFolder, make_fetch
from tests.support.fault_site import page, story
from tests.support.properties import examples, holds

RULES = Kalbela.make_url_rules()
PARSER = PageParser(RULES, Kalbela.layouts, (), Kalbela.zone)
KEY = f"{SITE}:7001"
SECTIONS = ("world", "world/asia", "sports", "amp/sports", "m/world")
URLS = [f"https://www.kalbela.com/{section}/7001" for section in SECTIONS]


def parse(url: str, head: str, *, redirected_to: str = "", words: str = "") -> ParsedStory:
    body = (
        story("/world/7001")
        .replace(b"</title>", b"</title>" + head.encode())
        .replace("।".encode(), f" {words}।".encode())
    )
    parsed = PARSER.parse(PageResponse(url=redirected_to or url, body=body, fetched_at=JANUARY, is_story=True)).story
    assert parsed is not None
    parsed.is_canonical |= bool(redirected_to)
    for name in TEXT_STEPS:
        parsed = load_object(name)(parsed)
    return parsed


class Crawl:
    """A run that fetches a story at several URLs."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger, self.revisits, self.memory = ledger, Revisits(ledger, "run-1"), LedgerMemory(ledger, "run-1")
        self.revisits.on_new_url = self.memory.note_story_url

    def fetch(self, url: str, parsed: ParsedStory | None) -> None:
        """Store what a URL yields; None is a 404."""
        self.memory.note_story_url(KEY, url, JANUARY)
        outcome = Outcome.GONE if parsed is None else Outcome.STORY
        fetch = make_fetch(7001, JANUARY, url=url, normal_url=url, story_id=KEY, outcome=outcome)
        self.revisits.discover(fetch)
        if parsed is not None:
            try:
                new = deduplicate(parsed.story, self.ledger, is_canonical=self.revisits.is_canonical(parsed))
            except Unchanged:
                url_and_section = (parsed.story.url, parsed.story.section) if self.revisits.is_canonical(parsed) else ()
                self.revisits.mark_unchanged(KEY, JANUARY + timedelta(hours=1), *url_and_section)
            else:
                known = self.ledger.stories.get(KEY)
                if known is not None and known.url != new.url:
                    self.memory.note_story_url(KEY, known.url, JANUARY)
                new = replace(new, discovered_via="latest", depth=1, run_id="run-1")
                self.ledger.stories.store(new, body_hash=None, state_hash=state_hash(as_row(new)), known=known)
        self.revisits.finish(fetch)

    def result(self) -> tuple[str, str | None, set[str]]:
        """Return the URL, the section and the aliases of the story."""
        self.memory.store()
        known = self.ledger.stories.get(KEY)
        assert known is not None
        aliases = self.ledger._sql.execute("SELECT url FROM aliases WHERE story_id = ?", (KEY,))
        return known.url, known.section, {url for (url,) in aliases}


def forget(ledger: Ledger) -> None:
    for table in ("stories", "urls", "aliases", "outbox", "counts"):
        ledger._sql.execute(f"DELETE FROM {table}")


HEADS = [
    '<link rel="canonical" href="{}">',
    '<link href="{}" rel="Canonical">',
    '<meta property="og:url" content="{}">',
]


@pytest.mark.parametrize("head", HEADS)
def test_declared_url_decides_in_any_order(kept: LedgerFolder, head: str) -> None:
    for order in permutations(URLS[:3]):
        forget(kept.ledger)
        crawl = Crawl(kept.ledger)
        for url in order:
            crawl.fetch(url, parse(url, head.format("/world/asia/7001?utm_source=x")))
        assert crawl.result() == (URLS[1], "world/asia", {URLS[0], URLS[2]})


def test_undeclared_url_stays_as_first_seen(kept: LedgerFolder) -> None:
    crawl = Crawl(kept.ledger)
    for url in (URLS[2], URLS[0]):
        crawl.fetch(url, parse(url, '<link rel="canonical" href="https://www.kalbela.com/">'))
    assert crawl.result() == (URLS[2], "sports", {URLS[0]})


@pytest.mark.parametrize("words", ["", "নতুন"])
def test_redirect_to_same_id_changes_url(kept: LedgerFolder, words: str) -> None:
    crawl = Crawl(kept.ledger)
    crawl.fetch(URLS[0], parse(URLS[0], ""))
    crawl.fetch(URLS[0], parse(URLS[0], "", redirected_to=URLS[1], words=words))
    assert crawl.result() == (URLS[1], "world/asia", {URLS[0]})


def test_url_that_works_replaces_missing_one(kept: LedgerFolder) -> None:
    crawl = Crawl(kept.ledger)
    crawl.fetch(URLS[0], parse(URLS[0], ""))
    crawl.fetch(URLS[0], None)
    crawl.fetch(URLS[1], parse(URLS[1], ""))
    assert crawl.result() == (URLS[1], "world/asia", {URLS[0]})


def test_foreign_declarations_do_not_count(kept: LedgerFolder) -> None:
    for link in ("https://evil.test/world/7001", "/world/7002", "/", "javascript:1", "http://["):
        parsed = parse(URLS[2], f'<link rel="canonical" href="{link}">')
        assert (parsed.story.url, parsed.is_canonical) == (URLS[2], False)


def test_page_without_story_is_not_canonical() -> None:
    body = page("কালবেলা", "<p>no story</p>", f'<link rel="canonical" href="{URLS[0]}">')
    parsed = PARSER.parse(PageResponse(url=URLS[1], body=body, fetched_at=JANUARY, is_story=True)).story
    assert parsed is not None
    assert parsed.story.layout is None


CRAWLS = st.tuples(st.permutations(URLS), st.sampled_from(URLS[:3]), st.lists(st.booleans(), min_size=5, max_size=5))


@examples
def test_order_of_crawl_never_matters(kept: LedgerFolder, examples: int) -> None:
    pages = {(url, link): parse(url, HEADS[0].format(link)) for url in URLS for link in URLS}

    def check(crawled: tuple[list[str], str, list[bool]]) -> None:
        order, canonical, fails = crawled
        forget(kept.ledger)
        crawl = Crawl(kept.ledger)
        for url, is_missing in zip(order, fails, strict=True):
            crawl.fetch(url, None if is_missing else replace(pages[url, canonical]))
        if not all(fails):
            section = canonical.removeprefix("https://www.kalbela.com/").removesuffix("/7001")
            assert crawl.result() == (canonical, section, {*URLS} - {canonical})

    holds(check, CRAWLS, examples=examples)
