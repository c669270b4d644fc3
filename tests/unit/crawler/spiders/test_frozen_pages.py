"""Frozen pages: each gives, field by field, the expectations written by hand."""

import json
from datetime import datetime
from functools import cache
from typing import Any
from unicodedata import is_normalized

import pytest

from crawler.items import Story, columns_of
from crawler.parsing.layout import choose_layout
from crawler.parsing.page import Page
from crawler.parsing.ranked_lists import parse_ranked_list
from crawler.registry import newspapers
from crawler.urls import SiteUrl
from pipelines.steps.clean_text import PARAGRAPH_BREAK, clean_story
from tests.support.frozen_pages import CASES, STORIES, Case, by_case, by_story, is_confirmed

# What a run or the page parser gives to a story, and no layout.
FROM_THE_RUN = {
    "access",
    *(
        "language",
        "revision",
        "first_seen_at",
        "fetched_at",
        "gone_after",
        "gone_by",
        "appeared_after",
        "appeared_by",
        "content_hash",
        "cluster_id",
    ),
    *("discovered_via", "depth", "run_id"),
}
FIELDS = [column.name for column in columns_of(Story) if column.name not in FROM_THE_RUN]


def reading(case: Case, page: Page) -> dict[str, Any]:
    """The fields of the story on a page as they would be kept, moments as ISO 8601, the body as its paragraphs."""
    newspaper = case.newspaper
    url_rules = newspaper.make_url_rules()
    address = url_rules.identify(page.url)
    layout = choose_layout(newspaper.layouts, page)
    assert isinstance(address, SiteUrl)
    assert layout is not None, "no layout fits"
    story = clean_story(layout.parse(page, address, url_rules, newspaper.zone).story)
    return {name: _as_told(name, getattr(story, name)) for name in FIELDS}


def _as_told(name: str, value: Any) -> Any:
    if isinstance(value, datetime):
        assert value.utcoffset() is not None
        return value.isoformat().replace("+00:00", "Z")
    return value.split(PARAGRAPH_BREAK) if name == "body" else value


def lists_of(case: Case, page: Page) -> dict[str, list[list[Any]]]:
    """The rows of each list of a page: rank, story, address, headline."""
    newspaper = case.newspaper
    return {
        ranked.name: [
            [row.rank, getattr(row.target, "story_id", None), row.target.url, row.headline]
            for row in parse_ranked_list(page, ranked, newspaper.make_url_rules())
        ]
        for ranked in newspaper.lists
    }


@cache
def read_case(case: Case) -> dict[str, Any]:
    return reading(case, case.page())


@cache
def read_lists(case: Case) -> dict[str, Any]:
    return lists_of(case, case.page())


@by_story
@pytest.mark.parametrize("field", FIELDS)
def test_frozen_page_gives_expected_story(case: Case, field: str) -> None:
    assert read_case(case)[field] == case.told("expected.json")[field]


@pytest.mark.parametrize(
    ("case", "name"),
    [(case, ranked.name) for case in CASES for ranked in case.newspaper.lists],
    ids=lambda value: value.name if isinstance(value, Case) else value,
)
def test_frozen_page_gives_expected_lists(case: Case, name: str) -> None:
    assert read_lists(case)[name] == case.told("expected.json")["lists"][name]


@by_case
def test_expectation_is_confirmed_by_a_person(case: Case) -> None:
    assert is_confirmed(case), f"{case.name}: compare expected.json with the page, and remove its line `unconfirmed`"


@by_case
def test_expectations_are_in_stored_form(case: Case) -> None:
    told = case.told("expected.json")
    assert set(told) == ({*FIELDS, "lists"} if case in STORIES else {"lists"})
    assert set(told["lists"]) == {ranked.name for ranked in case.newspaper.lists}
    assert is_normalized("NFC", json.dumps(told, ensure_ascii=False))


CHANGES = [
    pytest.param(case, change, id=f"{case.name}-{change['what']}")
    for case in CASES
    if (case.folder / "changes.json").exists()
    for change in case.told("changes.json")
]


@pytest.mark.parametrize(("case", "change"), CHANGES)
def test_changed_markup_affects_its_field_only(case: Case, change: dict[str, Any]) -> None:
    html = case.html
    for old, new in change["replace"].items():
        assert old in html
        html = html.replace(old, new)
    page, becomes = case.page(html), change["becomes"]
    if becomes is None:
        assert choose_layout(case.newspaper.layouts, page) is None
        return
    lists = {**read_lists(case), **becomes.get("lists", {})}
    fields = {**read_case(case), **{name: value for name, value in becomes.items() if name != "lists"}}
    # Another extractor may find the same date.
    assert {**reading(case, page), "published_from": None} == {**fields, "published_from": None}
    assert lists_of(case, page) == lists


@pytest.mark.parametrize("case", [case for case in CASES if case not in STORIES], ids=lambda case: case.name)
def test_page_without_story_fits_no_layout(case: Case) -> None:
    assert choose_layout(case.newspaper.layouts, case.page()) is None


def test_every_frozen_page_belongs_to_a_site() -> None:
    assert {case.folder.parent.name for case in CASES} <= set(newspapers())


def test_columns_come_from_page_or_run() -> None:
    assert {column.name for column in columns_of(Story)} >= FROM_THE_RUN
