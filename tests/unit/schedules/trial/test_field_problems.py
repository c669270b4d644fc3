"""The problems of fields, on pages of the bundled newspaper whose templates were changed."""

import re
from collections.abc import Callable
from dataclasses import fields
from functools import cache
from types import SimpleNamespace

import pytest

from crawler.clock import now
from crawler.outcomes import Outcome
from crawler.parsing.parser import PageResponse
from crawler.parsing.ranked_lists import RankedRow
from crawler.registry import newspapers
from crawler.spider import NewspaperSpider
from crawler.spiders.kalbela import LAYOUT_2023, Kalbela
from crawler.urls import SiteUrl
from schedules.trial.explain import ExplainingParser
from schedules.trial.field_problems import field_problems
from schedules.trial.list_problems import list_problems
from schedules.trial.problems import Problem
from schedules.trial.visits import STORY, Target, Visit
from tests.newspaper import Newspaper
from tests.newspaper.replicas import REPLICAS
from tests.support.broken_templates import FIRST_EXTRACTOR, break_all, breaking

REQUIRED = {"headline", "body"}


@cache
def paper() -> Newspaper:
    return Newspaper(seed=1, stories=420, decoys=False)


@cache
def pages() -> dict[str, str]:
    """Five pages on which every field is found by its first extractor, by URL."""
    whole = [
        story.url
        for story in paper().truth().values()
        if story.kicker and story.byline and story.updated_at and story.tags and story.image_caption
    ]
    html = {url: paper().site.page("/" + url.split("/", 3)[3]) for url in whole}
    plain = {url: page for url, page in html.items() if "<h5>" in page and "dtl_img_caption" in page}
    return dict([*plain.items()][:5])


def problems(
    change: Callable[[str], str], site: type[NewspaperSpider] = Kalbela, given: dict[str, str] | None = None
) -> list[Problem]:
    parser = site().page_parser
    explaining = ExplainingParser(**{each.name: getattr(parser, each.name) for each in fields(parser)})
    visits = []
    for url, page in (given or pages()).items():
        response = PageResponse(url=url, body=change(page).encode(), fetched_at=now(), is_story=True)
        target = Target(name=STORY, url=url)
        visits.append(Visit(target=target, url=url, outcome=Outcome.STORY, parsed=explaining.parse(response)))
    return [*field_problems(site, SimpleNamespace(pages=visits))]


@pytest.mark.parametrize("site", REPLICAS)
def test_fitting_replica_has_hints_only(site: str) -> None:
    replica = REPLICAS[site]
    given = {replica.url(piece): replica.page(piece).decode() for piece in replica.pieces[:3]}
    assert not any(problem.code for problem in problems(str, newspapers()[site], given))


def test_fitting_pages_have_no_problem() -> None:
    assert len(pages()) == 5
    assert problems(str) == []


def test_every_declared_field_has_a_change() -> None:
    assert set(FIRST_EXTRACTOR) == set(LAYOUT_2023.extractors)


@pytest.mark.parametrize("field", LAYOUT_2023.extractors)
def test_changed_template_names_field_and_extractor(field: str) -> None:
    found = problems(breaking(field))
    named = {problem.field: problem for problem in found}
    assert named[field].extractor == LAYOUT_2023.extractors[field][0]
    assert f"`{named[field].extractor}`" in named[field].sentence
    assert set(named) <= {field, *FIRST_EXTRACTOR[field].also}
    assert named[field].page in pages()


def test_place_of_lost_value_is_named() -> None:
    [problem] = problems(breaking("body"))
    assert "`div.story-text > p`" in problem.sentence


def test_change_of_all_templates_names_every_field() -> None:
    named = {problem.field: problem.extractor for problem in problems(break_all)}
    assert named == {field: names[0] for field, names in LAYOUT_2023.extractors.items()}


@pytest.mark.parametrize("way", ["moved", "emptied", "missing"])
@pytest.mark.parametrize("field", ["headline", "byline", "image_url", "kicker"])
def test_lost_field_is_named(field: str, way: str) -> None:
    urls = [*pages()]
    paper().break_field(field, way)
    try:
        broken = {url: paper().site.page("/" + url.split("/", 3)[3]) for url in urls}
    finally:
        paper().mend_fields()
    whole = pages()
    found = problems(lambda page: next(broken[url] for url in urls if whole[url] == page))
    assert field in {problem.field for problem in found}
    assert any(problem.code for problem in found) == (field in REQUIRED | LAYOUT_2023.expected)


def test_update_before_publication_is_named() -> None:
    found = problems(lambda page: re.sub("(আপডেট *:[^<]*?)২০২[০-৯]", r"\1২০১৯", page))
    assert [problem.field for problem in found if problem.code] == ["updated_at"]


@pytest.mark.parametrize(
    ("field", "pattern", "other", "reason"),
    [
        ("image_url", r'(src|data-src)="[^"]*"', r'\1="/logo/x.png"', "placeholder"),
        ("published_at", "[০-৯]{4}", "কাল", "no date can"),
        ("updated_at", "আপডেট", "অন্য", "no date with the label"),
    ],
)
def test_unusable_text_has_reason(field: str, pattern: str, other: str, reason: str) -> None:
    found = [each.sentence for each in problems(lambda page: re.sub(pattern, other, page)) if each.field == field]
    assert found and all(reason in sentence for sentence in found)


@pytest.mark.parametrize(("printed", "count"), [("{}নেতাকর্মীদের সভা", 1), ("২০ জনের সভা", 0)])
def test_rank_in_headlines_is_named(printed: str, count: int) -> None:
    rows = [
        RankedRow(rank, SiteUrl("", "", "", f"kalbela:{rank}"), printed.format("০১২৩৪৫৬৭৮৯"[rank]))
        for rank in (1, 2, 3)
    ]
    visit = SimpleNamespace(
        url="https://www.kalbela.com/", target=Target(name="front page", url=""), outcome=Outcome.LIST
    )
    stories = {"regions": {each: 1 for ranked in Kalbela.lists for each in ranked.regions}, "rows": 3, "links": 3}
    evidence = {"lists": {ranked.name: stories | {"stories": 3} for ranked in Kalbela.lists}}
    visit.parsed = SimpleNamespace(lists={"latest": rows}, evidence=evidence)
    found = [*list_problems(Kalbela, SimpleNamespace(pages=[visit]))]
    assert [problem.field for problem in found] == ["latest"] * count
