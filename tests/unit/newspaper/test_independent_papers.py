"""Pages, truth and lists of the independent newspapers agree, as far as a plain look at the text can show."""

import json
import re
import unicodedata
from datetime import datetime, timedelta
from functools import cache
from urllib.parse import quote, urljoin, urlsplit
from xml.etree import ElementTree

import pytest
from lxml import html

from tests.newspaper.bengali_text import DHAKA
from tests.newspaper.http_messages import HTML
from tests.newspaper.independent import PAPERS, Paper, Reply, Row, Stand

NOON = datetime(2026, 10, 5, 12, tzinfo=DHAKA)
EARLY = datetime(2026, 10, 2, 3, tzinfo=DHAKA)
LONG = 40  # shorter lines, such as sub-heads, may stand elsewhere too

every_paper = pytest.mark.parametrize("name", PAPERS)


@cache
def paper(name: str, seed: int = 1) -> Paper:
    return PAPERS[name](seed, per_day=14)


def get(of: Paper, url: str, at: datetime, **headers: str) -> Reply:
    parts = urlsplit(url)
    return of.respond(quote(parts.path, safe="/%"), parts.query, parts.netloc, at, headers)


def plain(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", text).replace("\ufeff", "").split())


def tree_of(reply: Reply) -> html.HtmlElement:
    assert reply.status == 200
    assert reply.headers["Content-Type"] == HTML
    return html.document_fromstring(reply.body.decode())


def text_of(tree: html.HtmlElement) -> str:
    hidden = tree.xpath("//script | //style | //noscript | //template")
    for element in hidden:
        element.drop_tree()
    return plain(" ".join(tree.itertext()))


@every_paper
@pytest.mark.parametrize("seed", [1, 2])
def test_story_pages_hold_the_truth(name: str, seed: int) -> None:
    of = paper(name, seed)
    truth = of.truth(NOON)
    assert len(truth) >= 40
    for story in list(truth.values())[::3]:
        tree = tree_of(get(of, story.url, NOON))
        for block in tree.xpath("//script[@type='application/ld+json']/text()"):
            json.loads(block, strict=False)
        assert [plain(h1.text_content()) for h1 in tree.xpath("//h1")].count(plain(story.headline)) == of.copies
        text = text_of(tree)
        for paragraph in story.paragraphs:
            times = text.count(plain(paragraph))
            assert times == of.copies or (times and len(paragraph) < LONG), (story.url, paragraph)
        for line in (*story.authors, *story.tags, story.kicker, story.image_caption):
            assert line is None or plain(line) in text, (story.url, line)


def stands(rows: list[Row], reply: Reply) -> bool:
    """Report if the ids of a list stand in a page in the order of the ranks."""
    return bool(re.search(".*?".join(row.story_id for row in rows), reply.body.decode(), re.DOTALL))


@every_paper
def test_lists_stand_on_their_pages(name: str) -> None:
    of = paper(name)
    lists = of.lists(NOON)
    for listed, pages in of.list_pages.items():
        rows = lists[listed]
        assert [row.rank for row in rows] == list(range(1, len(rows) + 1))
        for page in pages:
            assert stands(rows, get(of, of.site + page, NOON)), (listed, page)
    story = next(iter(of.truth(NOON).values()))
    page_of_story = get(of, story.url, NOON)
    for pattern in of.story_lists:
        assert stands(lists[pattern.format(section=story.section)], page_of_story), pattern


@every_paper
def test_links_lead_to_pages(name: str) -> None:
    of = paper(name)
    front = tree_of(get(of, of.site + of.front, NOON))
    front.make_links_absolute(of.site + of.front)
    own = {url for *_, url, _ in front.iterlinks() if urlsplit(url).netloc == of.host}
    stories = {truth.url for truth in of.truth(NOON).values()}
    found = {url for url in own if url in stories or quote(url, safe=":/%") in {quote(u, safe=":/%") for u in stories}}
    assert len(found) >= 8
    assert {get(of, url, NOON).status for url in found} == {200}


@every_paper
def test_feeds_and_sitemaps_are_well_formed(name: str) -> None:
    of = paper(name)
    robots = get(of, f"{of.site}/robots.txt", NOON)
    named = re.findall(r"Sitemap: (\S+)", robots.body.decode())
    for url in {*named, *(urljoin(of.site, feed) for feed in of.feeds)}:
        root = ElementTree.fromstring(get(of, url, NOON).body)
        assert len([element for element in root.iter() if element.tag.endswith(("item", "loc"))]) >= 2, url


@every_paper
def test_newspaper_lives(name: str) -> None:
    of = paper(name)
    assert {get(of, url, NOON).status for url in of.removed(NOON)} <= {404}
    before = of.truth(NOON - timedelta(days=1))
    after = of.truth(NOON)
    revised = [story for story in of.schedule.until(NOON) if story.id in after and after[story.id].revision > 1]
    assert len(revised) >= 5
    for story in revised[:3]:
        pages = {get(of, of.url_of(story), state.since).body for state in story.states}
        assert len(pages) == len(story.states)
    assert len(after.keys() - before.keys()) >= 8
    earlier = of.lists(NOON - timedelta(hours=3))
    for listed in of.list_pages:
        assert of.lists(NOON)[listed] != earlier[listed]
    assert get(of, f"{of.site}/nothing/here/99", NOON).status == 404


@every_paper
def test_same_seed_gives_same_pages(name: str) -> None:
    one, other, another = (PAPERS[name](seed, per_day=14) for seed in (1, 1, 2))
    story = next(iter(one.truth(EARLY).values()))
    assert get(one, story.url, EARLY) == get(other, story.url, EARLY)
    assert next(iter(another.truth(EARLY))) != story.story_id


def test_some_stories_are_taken_down() -> None:
    assert len([url for name in PAPERS for url in paper(name).removed(NOON)]) >= 5


def test_stand_serves_by_host() -> None:
    stand = Stand([paper(name) for name in PAPERS], NOON, tick=timedelta(seconds=1))
    for name in PAPERS:
        of = paper(name)
        story = next(iter(of.truth(NOON).values()))
        answer, _ = stand.answer(of.host, urlsplit(story.url).path, {"accept-encoding": "gzip"})
        assert answer is not None
        assert answer.headers["Content-Encoding"] == "gzip"
        assert stand.visits[-1].story_id == story.story_id
    refused, _ = stand.answer("www.example.com", "/", {})
    assert refused is not None
    assert refused.status == 421
    assert stand.now == NOON + timedelta(seconds=len(PAPERS) + 1)
