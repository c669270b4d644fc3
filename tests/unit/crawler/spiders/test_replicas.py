"""Declared sites on replicas of them: every field, link and rank of thirty composed stories."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import pytest

from crawler.items import Story
from crawler.parsing.parser import PageParser, PageResponse, ParsedPage
from crawler.registry import newspapers
from crawler.urls import SiteUrl
from pipelines.steps.clean_text import clean_story
from tests.newspaper.replicas import REPLICAS, Replica

NOW = datetime(2026, 3, 20, tzinfo=UTC)
by_site = pytest.mark.parametrize("replica", REPLICAS.values(), ids=list(REPLICAS))


def parse(replica: Replica, url: str, body: bytes) -> ParsedPage:
    spider = newspapers()[replica.name]
    rules = spider.make_url_rules()
    target = rules.identify(url)
    assert isinstance(target, SiteUrl)
    urls = {
        rules.identify(link, url).url: each for each in spider.entry_points for link, _ in each.first_pages(NOW.date())
    }
    found = next((each for link, each in urls.items() if link.partition("?")[0] == target.url.partition("?")[0]), None)
    return PageParser(rules, spider.layouts, spider.lists, spider.zone).parse(
        PageResponse(
            url=quote(url, safe=":/?=&%"),
            body=body,
            fetched_at=NOW,
            is_story=target.story_id is not None,
            entry_point=found,
        )
    )


def columns(story: Story, truth: dict[str, Any]) -> dict[str, Any]:
    read = clean_story(story)
    # Sites add no tag or caption in different ways; both are absent.
    return {name: getattr(read, name) or None for name in truth}


@by_site
def test_every_story_of_a_replica_is_right(replica: Replica) -> None:
    for piece in replica.pieces:
        parsed = parse(replica, replica.url(piece), replica.page(piece)).story
        assert parsed is not None
        assert parsed.unreadable_dates == ()
        truth = replica.truth(piece)
        assert columns(parsed.story, truth) == {name: value or None for name, value in truth.items()}


@pytest.mark.parametrize(
    ("replica", "name"),
    [(each, name) for each in REPLICAS.values() for name in each.lists],
    ids=lambda v: getattr(v, "name", v),
)
def test_ranks_of_a_replica_are_exact(replica: Replica, name: str) -> None:
    path = replica.lists[name][0]
    url = f"https://{replica.host}{path}"
    rows = parse(replica, url, replica.answer(replica.host, path).body).lists[name]
    assert [(row.rank, row.target.key, row.headline) for row in rows] == replica.ranked(name)


@by_site
def test_every_declared_site_is_played(replica: Replica) -> None:
    assert {*REPLICAS, "kalbela"} == set(newspapers())
    assert newspapers()[replica.name].hosts[0] == replica.host


def test_byline_made_of_authors_names_its_extractor() -> None:
    replica = REPLICAS["prothomalo"]
    piece = next(each for each in replica.pieces if len(each.authors) == 2)
    parsed = parse(replica, replica.url(piece), replica.page(piece)).story
    assert parsed is not None
    assert parsed.story.byline == ", ".join(piece.authors)
    assert parsed.extracted_by["byline"] == parsed.extracted_by["authors"]


@pytest.mark.parametrize(
    ("site", "twin"),
    [
        ("jagonews24", lambda path: f"/m{path}"),
        ("jagonews24", lambda path: f"/amp/{path.rpartition('/')[2]}"),
        ("anandabazar", lambda path: f"/amp{path}"),
        ("bbcbangla", lambda path: f"{path}.amp"),
        ("prothomalo", lambda path: f"/amp/story{path}"),
    ],
)
def test_twin_is_stored_under_its_canonical_url(site: str, twin: Callable[[str], str]) -> None:
    replica = REPLICAS[site]
    piece = replica.pieces[0]
    canonical = f'<link rel="canonical" href="{replica.url(piece)}"></head>'.encode()
    body = replica.page(piece).replace(b"</head>", canonical, 1)
    parsed = parse(replica, f"https://{replica.host}{twin(replica.path(piece))}", body).story
    assert parsed is not None
    assert (parsed.story.story_id, parsed.story.url) == (f"{site}:{piece.ident}", replica.url(piece))
