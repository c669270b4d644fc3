"""Drafted patterns of story URLs: they name the same ids as the declarations of the known sites."""

import re

import pytest

from crawler.registry import newspapers
from crawler.urls import SiteUrl, UrlRules
from schedules.drafting.story_urls import Link, find_story_urls
from tests.newspaper.replicas import REPLICAS

TITLE = "ঢাকায় আরও তিন রুটে বাস"


@pytest.mark.parametrize("site", sorted(REPLICAS))
@pytest.mark.parametrize("count", [5, 30])
def test_draft_names_the_declared_ids(site: str, count: int) -> None:
    replica, declared = REPLICAS[site], newspapers()[site].make_url_rules()
    links = [Link(url, piece.headline) for url, piece in replica.rows[:count]]
    found = find_story_urls(links)
    assert found is not None
    rules = UrlRules(site, declared.hosts, re.compile(found.pattern))
    for url, _ in replica.rows:
        mine, theirs = rules.identify(url), declared.identify(url)
        assert isinstance(mine, SiteUrl)
        assert isinstance(theirs, SiteUrl)
        assert (mine.story_id, mine.section) == (theirs.story_id, theirs.section)


@pytest.mark.parametrize(
    ("paths", "ids"),
    [
        (["/opinion/news/bd/1624621.details", "/sports/news/bd/1624622.details"], ["1624621", "1624622"]),
        (["/news.php?news=4711", "/news.php?news=4712"], ["4711", "4712"]),
        (["/2026/03/16/one-more-story-2210", "/2026/03/17/yet-another-one-2211"], ["2210", "2211"]),
        (["/2020/08/23646/", "/2020/09/23700/"], ["23646", "23700"]),
        (["/23646-first-of-all", "/23700-second-of-all"], ["23646", "23700"]),
    ],
)
def test_form_of_id_is_found(paths: list[str], ids: list[str]) -> None:
    more = [re.sub(r"\d{4,}(?=\D*$)", lambda match: str(int(match[0]) + 50), path) for path in paths]
    noise = ["/page/2", "/video/99", "/about-us", "/category/sports", "/2026/03/16"]
    links = [Link(f"https://paper.test{path}", TITLE) for path in (*paths, *more, *noise)]
    found = find_story_urls(links)
    assert found is not None
    rules = UrlRules("paper", ("paper.test",), re.compile(found.pattern), parameter=found.parameter)
    targets = [rules.identify(f"https://paper.test{path}") for path in paths]
    assert [target.story_id for target in targets if isinstance(target, SiteUrl)] == [f"paper:{each}" for each in ids]
    others = [rules.identify(f"https://paper.test{path}") for path in noise]
    assert not [target for target in others if isinstance(target, SiteUrl) and target.story_id]


def test_few_links_have_no_form() -> None:
    assert find_story_urls([Link(f"https://paper.test/{name}", TITLE) for name in ("about", "contact", "12")]) is None
