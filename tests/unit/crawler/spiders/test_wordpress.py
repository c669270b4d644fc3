"""The layout of WordPress, on composed pages with other stories around and inside the article."""

import re
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from crawler.cms.wordpress import WordPress
from crawler.items import Story
from crawler.parsing.parser import PageParser, PageResponse

NOW = datetime(2026, 10, 3, tzinfo=UTC)
OTHER = (
    '<div class="td-module-meta-info"><a class="td-post-author-name">Other</a><span class="author vcard"><a class="fn">'
    'Other</a></span><time class="entry-date updated" datetime="2026-01-01T00:00:00Z"></time></div>'
)


class Paper(WordPress):
    name = "paper"
    hosts = ("paper.test",)
    zone = ZoneInfo("Asia/Dhaka")
    story_path = re.compile(r"\A/(?P<id>[0-9]++)")


def read(meta: str, foot: str = "", content: str = "") -> Story:
    html = (
        f'<head><meta property="og:image" content="https://paper.test/a.jpg"></head><body><article><header><h1>Bridge'
        f' open</h1><div class="entry-meta">{meta}</div></header><div class="entry-content">{content}<p>The bridge'
        f" was opened on Sunday.</p></div><aside>{OTHER}</aside><footer>{foot}</footer></article>{OTHER}"
        f"<article>{OTHER}<h2>More</h2></article></body>"
    )
    page = PageResponse(url="https://paper.test/12", body=html.encode(), fetched_at=NOW, is_story=True)
    parsed = PageParser(Paper.make_url_rules(), Paper.layouts, Paper.lists, Paper.zone).parse(page).story
    assert parsed is not None
    return parsed.story


UPDATED = '<time class="updated" datetime="2026-10-02T09:00:00Z"></time>'
ITEM = '<meta itemprop="dateModified" content="2026-10-02T10:00:00Z">'


@pytest.mark.parametrize(
    ("meta", "foot", "hour"), [("", "", None), (UPDATED, "", 9), ("", UPDATED, 9), (UPDATED, ITEM, 10)]
)
def test_time_of_other_story_is_not_read(meta: str, foot: str, hour: int | None) -> None:
    story = read(meta, foot)
    expected = None if hour is None else datetime(2026, 10, 2, hour, tzinfo=UTC)
    assert (story.published_at, story.updated_at, story.byline) == (None, expected, None)


def test_byline_of_own_header_is_read() -> None:
    assert read('<span class="td-post-author-name">by <a>Rahima</a></span>').byline == "Rahima"


def test_caption_inside_text_has_sized_picture() -> None:
    content = '<figure><img src="/a-696x392.jpg"><figcaption class="wp-caption-text">The bridge</figcaption></figure>'
    assert read("", content=content).image_caption == "The bridge"
