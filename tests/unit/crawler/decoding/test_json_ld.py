"""Structured data: tolerant parsing, and the object that describes the page."""

import gzip
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crawler.decoding.json_ld import articles_in, parse_json_ld
from crawler.parsing.page import Page
from tests.support.project import PROJECT

URL = "https://www.example.com/news/123456/slug"
REAL = PROJECT.parent / "shared" / "real"


def headlines(*blocks: str, head: str = "", url: str = URL) -> list[Any]:
    scripts = "".join(f'<script type="application/ld+json">{block}</script>' for block in blocks)
    return [found.get("headline") for found in Page(f"{head}{scripts}".encode(), url, datetime.now(UTC)).json_ld]


def article(headline: str, **more: Any) -> str:
    return json.dumps({"@type": "NewsArticle", "headline": headline} | more, ensure_ascii=False)


@pytest.mark.parametrize(
    "text",
    [
        '// note\n{"a": "x // y", /* b */ "b": [1, 2,], }',
        '<![CDATA[{"a": "x // y", "b": [1, 2]}]]>',
        '//<![CDATA[\n{"a": "x // y", "b": [1, 2]}\n//]]>',
        '<!-- {"a": "x // y", "b": [1, 2]} -->',
        '\ufeff\x00{"a":\x01 "x // y",\xa0"b": [1,, 2]};',
        '{"a": "x // y", "b": [, 1, 2]} trailing',
        '{"a": "x \\/\\/\\ y", "b": [1, 2,\n// last\n]}',
        "{&quot;a&quot;: &#34;x // y&quot;, &quot;b&quot;: [1, 2]}",
        '{\u3000"a":\u202f"x // y",\u2060"b": [1, 2]}',
    ],
)
def test_damaged_json_is_read(text: str) -> None:
    assert parse_json_ld(text) == [{"a": "x // y", "b": [1, 2]}]


@pytest.mark.parametrize(
    "text", ["", "{", '{"a": ', '"' * 50_000, "/*" * 50_000, "[" * 100_000, "{" * 9_999, ",;" * 9_999]
)
def test_unreadable_block_has_no_value(text: str) -> None:
    assert parse_json_ld(text) == []


def test_half_a_surrogate_pair_is_replaced() -> None:
    assert parse_json_ld(r'["a \ud83d b", "\uD83D\uDE00 \udc00\ud83d", "\\ud83d", "\u0995"]') == [
        ["a \ufffd b", "\U0001f600 \ufffd\ufffd", "\\ud83d", "ক"]
    ]


def test_objects_one_after_the_other_are_read() -> None:
    assert parse_json_ld('{"a": 1}\n{"b": 2,}') == [{"a": 1}, {"b": 2}]


OWN = {"url": URL}
OTHER = {"url": "https://www.example.com/news/999999/other"}


@pytest.mark.parametrize(
    "named",
    [
        OWN,
        {"@id": URL + "#article"},
        {"mainEntityOfPage": URL.replace("https://www.", "http://")},
        {"mainEntityOfPage": {"@type": "WebPage", "@id": "/news/123456/slug/"}},
        {"mainEntityOfPage": {"url": URL + "?utm=1"}},
        {"mainEntityOfPage": [{"@id": "https://m.example.com/news/123456/new-slug/amp"}]},
    ],
)
def test_article_of_this_page_is_used(named: dict[str, Any]) -> None:
    assert headlines(article("other", **OTHER), article("none"), article("own", **named)) == ["own"]


@pytest.mark.parametrize(
    ("blocks", "expected"),
    [
        ([article("other", **OTHER)], []),
        ([article("other", **OTHER), article("unnamed")], ["unnamed"]),
        ([article("home", url="https://www.example.com/")], ["home"]),
        ([article("copied", mainEntityOfPage={"@id": "https://google.com/article"})], ["copied"]),
        ([article("year", url="https://www.example.com/2026/other")], []),
        (["[[{}, {}]]".format(article("other", **OTHER), article("own", **OWN))], ["own"]),
        (['{{"@graph": {}}}'.format(article("own"))], ["own"]),
        (['{{"@graph": {{"@graph": [{{"@type": "WebPage", "mainEntity": {}}}]}}}}'.format(article("own"))], ["own"]),
        (['{"@type": "https://schema.org/NewsArticle", "headline": "own"}'], ["own"]),
        (['{"type": "NewsArticle", "headline": "own"}'], ["own"]),
        (['{{"@graph": {{"story": {}}}}}'.format(article("own"))], ["own"]),
        (['{{"@type": "WebPage", "mainEntityOfPage": {}}}'.format(article("own"))], ["own"]),
        ([article("own", **{"@id": "urn:uuid:1"})], ["own"]),
        (
            [
                '{{"@graph": [{}, {}, {{"@type": "WebPage", "mainEntity": {{"@id": "#b"}}}}]}}'.format(
                    article("part", **{"@id": "#a"}), article("own", **{"@id": "#b"})
                )
            ],
            ["own", "part"],
        ),
        (
            ['{{"@type": "LiveBlogPosting", "headline": "own", "liveBlogUpdate": {}}}'.format(article("part"))],
            ["own"],
        ),
    ],
)
def test_related_story_is_not_used(blocks: list[str], expected: list[str]) -> None:
    assert headlines(*blocks) == expected


def test_canonical_link_names_the_page() -> None:
    link = '<link rel="canonical" href="https://www.example.com/news/own">'
    named = article("own", url="https://www.example.com/news/own")
    assert headlines(article("other", **OTHER), named, head=link, url="https://www.example.com/?id=5") == ["own"]


@pytest.mark.skipif(not REAL.exists(), reason="no real pages beside the project")
def test_real_block_with_comments_is_read() -> None:
    body = gzip.decompress((REAL / "jsonld-comment-ndtv.html.gz").read_bytes())
    url = "https://sports.ndtv.com/cricket/india-vs-sri-lanka-live-cricket-score-icc-cricket-world-cup-2023-ind-vs-sl-latest-updates-4537334"
    objects = Page(body, url, datetime.now(UTC)).json_ld
    assert objects
    assert objects[0]["headline"].startswith(
        "India vs Sri Lanka Highlights, Cricket World Cup 2023: Mohammed Shami Stars"
    )


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=8)
    | st.sampled_from(["// x", "/* y */", ",]", "<!-", '",']),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)
NOISE = st.sampled_from(["", "// a\n", "/* b, ] */", "\x00", "\xa0", "\n"])


def survives(value: Any, noise: str, comma: bool) -> bool:
    wrapped = {"@type": "Article", "x": value}
    text = json.dumps(wrapped, ensure_ascii=False, indent=1)
    text = f"{noise}{text[:-2]},{noise}\n}}" if comma else f"{noise}{text}{noise}"
    return [*articles_in(parse_json_ld(text))] == [wrapped]


@settings(deadline=None, max_examples=100)
@given(VALUES, NOISE, st.booleans())
def test_noise_between_values_changes_nothing(value: Any, noise: str, comma: bool) -> None:
    assert survives(value, noise, comma)


@pytest.mark.soak
@pytest.mark.timeout(3600)
@settings(deadline=None, max_examples=10_000)
@given(VALUES, NOISE, st.booleans())
def test_noise_between_values_changes_nothing_soak(value: Any, noise: str, comma: bool) -> None:
    assert survives(value, noise, comma)
