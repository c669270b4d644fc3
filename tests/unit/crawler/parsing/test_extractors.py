"""Extractors and the page that they search."""

import json
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from crawler.parsing.extractors import (
    Extractor,
    attribute,
    before,
    breadcrumb,
    css,
    extract_all,
    extract_first,
    joined,
    json_ld,
    meta,
    page_url,
    script_json,
)
from crawler.parsing.page import Article, Page, visible_text

FETCHED = datetime(2026, 1, 11, tzinfo=UTC)


def article(html: str, url: str = "https://www.kalbela.com/world/1") -> Article:
    page = Page(html.encode(), url, FETCHED)
    assert page.tree.root is not None
    return Article(page, page.tree.root)


def found(extractor: Extractor, html: str) -> list[str]:
    return list(extractor.extract(article(html)))


@pytest.mark.parametrize(
    ("html", "without", "text"),
    [
        ("<h1> এক\n  দুই&nbsp; </h1>", "", "এক দুই"),
        ("<h1>এক<br>দুই</h1>", "", "এক দুই"),
        ("<h1>এক <b>দু</b>ই</h1>", "", "এক দুই"),
        ("<h1><span class=k>ক /</span> এক</h1>", ".k", "এক"),
        ("<h1><i></i><script>x</script><svg><title>x</title></svg>এক<style>x</style></h1>", "", "এক"),
        ("<h1><p>এক</p><p>এক</p><p>দুই</p></h1>", "", "এক দুই"),
        (
            "<h1><a href=# data-cfemail=42203726252736022f2d246c252d346c2026>[email&#160;protected]</a></h1>",
            "",
            "budget@mof.gov.bd",
        ),
        ("<h1>&nbsp; <br></h1>", "", None),
        ("<h1><span class=k>ক</span></h1>", ".k", None),
    ],
)
def test_visible_text_of_an_element(html: str, without: str, text: str | None) -> None:
    node = article(html).root.css_first("h1")
    assert node is not None
    assert visible_text(node, without) == text


@pytest.mark.parametrize(
    ("extractor", "html", "texts"),
    [
        (css("p"), "<p></p><p>এক</p><p>দুই</p>", ["এক", "দুই"]),
        (css("p", matching="আপডেট"), "<p>প্রকাশ</p><p>শেষ আপডেট</p>", ["শেষ আপডেট"]),
        (css("p", matching="য়"), "<p>সম\u09df</p>", ["সম\u09df"]),
        (css("p", exclude="b"), "<p>এক<b>দুই</b></p>", ["এক"]),
        (
            joined("div", "b"),
            "<div><b>এক</b><b>দুই</b><b>এক</b></div><div><b>তিন</b></div><div></div>",
            ["এক, দুই", "তিন"],
        ),
        (before("h5", "h1"), "<h5>আগে</h5><h1>শিরোনাম</h1><h5>পরে</h5>", ["আগে"]),
        (before("h5", "h1"), "<h5></h5><h5>আগে</h5><div><h1>শিরোনাম</h1></div>", ["আগে"]),
        (before("h5", "h1"), "<h5>একা</h5>", ["একা"]),
        (attribute("img", "data-src", "src"), "<img src=a data-src=b><img src=c data-src=' '><img>", ["b", "a", "c"]),
        (attribute("i", "title", markup=True), "<i title='&lt;h4&gt;এক&lt;/h4&gt;&lt;p&gt;দুই'></i>", ["এক দুই"]),
        (
            attribute("i", "title", markup=True),
            "<i title='&lt;script&gt;x&lt;/script&gt;'></i><i title=এক></i>",
            ["এক"],
        ),
        (meta("og:title"), "<meta property='og:title' content=' এক '><meta property='og:title' content='দুই'>", ["এক"]),
        (meta("og:title"), "<meta name='OG:Title' content='এক'>", ["এক"]),
        (meta("og:title", remove=r"\s*\|.*"), "<meta property='og:title' content='এক | কালবেলা'>", ["এক"]),
        (meta("og:title", remove=".*"), "<meta property='og:title' content='এক'>", []),
        (meta("og:image", matching="/photos/"), "<meta property='og:image' content='/logo.png'>", []),
        (meta("og:image", matching="/photos/"), "<meta property='og:image' content='/photos/a'>", ["/photos/a"]),
        (
            script_json("#data", "a.b"),
            '<script id=data type="application/json">{"a":{"b":["এক",2,"দুই"]}}</script>',
            ["এক", "দুই"],
        ),
        (script_json("#data", "a.b"), '<script id=data>{"a":{"b":"এক"}}</script>', ["এক"]),
        (script_json("#data", "a.b"), '<script id=data>{"a":[]}</script><script id=data>{"a"</script>', []),
        (meta("og:title"), "<meta content='x'><meta property='og:title' content=''>", []),
    ],
    ids=lambda value: value.name if isinstance(value, Extractor) else "",
)
def test_extractor_yields_texts_in_order(extractor: Extractor, html: str, texts: list[str]) -> None:
    assert found(extractor, html) == texts


def block(text: str, kind: str = "application/ld+json") -> str:
    return f'<script type="{kind}">{text}</script>'


GOOD = '{"@type": "NewsArticle", "headline": "এক", "datePublished": "2026-01-01T00:00:00Z"}'


@pytest.mark.parametrize(
    ("html", "headlines"),
    [
        (block(GOOD), ["এক"]),
        (block(GOOD, "application/ld+json; charset=utf-8"), ["এক"]),
        (block(f'{{"@graph": [{{"@type": "Person"}}, {GOOD}]}}'), ["এক"]),
        (block(GOOD.replace('"NewsArticle"', '["Thing", "Article"]')), ["এক"]),
        (block(GOOD.replace("এক", "এক &amp; &#8216;দুই&#8217;")), ["এক & ‘দুই’"]),
        (block(GOOD.replace("এক", "এক\nদুই\t")), ["এক দুই"]),
        (block(GOOD) + block(GOOD.replace("এক", "দুই")), ["এক", "দুই"]),
        # A broken block, or one about something else, does not hide the next.
        *[
            (block(bad) + block(GOOD), ["এক"])
            for bad in (
                '{"@type": "WebSite"} // Updated',
                "",
                "{",
                "[[[]]]",
                "1" * 5000,
                "[" * 100_000,
                '{"@type": {"x": 1}, "headline": "no"}',
                '{"@type": [["x"], null, 5], "headline": "no"}',
                '{"@type": "WebSite", "headline": "no"}',
                '{"@type": "NewsArticle", "headline": {"@value": "no"}}',
                '{"@type": "NewsArticle", "headline": " "}',
            )
        ],
        (block(GOOD, "application/json"), []),
        ("", []),
    ],
)
def test_broken_json_ld_block_is_skipped(html: str, headlines: list[str]) -> None:
    assert found(json_ld("headline"), html) == headlines


@pytest.mark.parametrize(
    ("value", "names"),
    [
        ('{"name": "রাজু"}', ["রাজু"]),
        ('[{"name": "রাজু"}, {"name": "মিনা"}]', ["রাজু", "মিনা"]),
        ('{"name": ["রাজু"]}', ["রাজু"]),
        ('"রাজু"', ["রাজু"]),
        ('{"name": null}', []),
        ('{"name": 5}', []),
    ],
)
def test_json_ld_path_ends_at_other_types(value: str, names: list[str]) -> None:
    html = block(f'{{"@type": "NewsArticle", "author": {value}}}')
    assert found(json_ld("author", "name"), html) == names


@pytest.mark.parametrize(
    ("head", "base"),
    [
        ("", "https://www.kalbela.com/world/1"),
        ("<base href='/'>", "https://www.kalbela.com/"),
        ("<base href=' https://cdn.example.com/x/ '>", "https://cdn.example.com/x/"),
        ("<base href='http://['>", "https://www.kalbela.com/world/1"),
    ],
)
def test_base_url_follows_base_element(head: str, base: str) -> None:
    assert article(head).page.base_url == base


def test_first_parsed_text_names_its_extractor() -> None:
    page = article("<p>x</p><p>7</p><b>8</b>")
    read: Callable[[str], int | None] = lambda text: int(text) if text.isdigit() else None  # noqa: E731
    assert extract_first("number", page, (css("i"), css("p"), css("b")), read) == 7
    assert extract_first("absent", page, (css("i"),), read) is None
    assert page.extracted_by == {"number": "p"}


def test_page_is_decoded_in_its_charset() -> None:
    html = "<meta charset=utf-16><h1>শিরোনাম</h1>".encode("utf-16")
    node = Page(html, "https://x/", FETCHED).tree.css_first("h1")
    assert node is not None
    assert visible_text(node) == "শিরোনাম"


REGIONS = """<p class=b>আগে</p><div class=a id=x><i class=b>ক<b class=b>খ</b></i><div class=a><u class=b>গ</u></div>
</div><!-- x --><p class=b>ঘ</p><p class=b>ঙ</p><div class=c><div class=a></div> x <span class=b>চ</span></div>"""


SELECTORS = (
    ".a ; #x ; .b ; .a .b ; .a .a ; #x .b ; #x i ; .c .b ; .a + .b ; .a + p ; #x + .b ; #x + i ; #x .b, #x u"
    " ; #x .b, #x + p ; .a .b, .a + .b ; .a .b, .c .b ; .a > .b ; #x b, p ; .c span, .c .a ; .A .b ; .a .B"
    " ; div.a .b ; .a [class=b] ; .none .b ; .a .none ; #x [class*='b,c'], #x u"
)


@pytest.mark.parametrize("html", [REGIONS, f"<!doctype html>{REGIONS}", "<div class=a></div>", "<p class=b>x", ""])
@pytest.mark.parametrize("selector", SELECTORS.split(" ; "))
def test_anchored_search_equals_plain_search(selector: str, html: str) -> None:
    whole = article(html)
    for _ in range(2):
        meant = dict.fromkeys(node.mem_id for node in whole.root.css(selector))  # may list one twice
        assert [*dict.fromkeys(node.mem_id for node in whole.css(selector))] == [*meant]


CRUMBS = (
    '{{"@type": "BreadcrumbList", "itemListElement": [{{"name": "Home", "item": "https://www.kalbela.com"}},'
    ' {{"item": {{"@id": "https://www.kalbela.com/world", "name": "বিশ্ব"}}}}{last}]}}'
)


@pytest.mark.parametrize(
    ("last", "section"),
    [
        ("", ["বিশ্ব"]),
        (', {"name": "এশিয়া", "item": "https://www.kalbela.com/world/asia"}', ["এশিয়া"]),
        (', {"name": "শিরোনাম", "item": {"@id": "https://www.kalbela.com/world/1", "name": "শিরোনাম"}}', ["বিশ্ব"]),
        (', {"name": "শিরোনাম"}', ["বিশ্ব"]),
        (", 1, null", ["বিশ্ব"]),
    ],
)
def test_breadcrumb_names_innermost_section(last: str, section: list[str]) -> None:
    assert found(breadcrumb(), block(CRUMBS.format(last=last))) == section
    assert found(breadcrumb(), block(f'{{"@graph": [{CRUMBS.format(last=last)}]}}')) == section


@pytest.mark.parametrize(
    "value", ['{"@type": "BreadcrumbList"}', '[{"@type": "BreadcrumbList", "itemListElement": 1}]', "[]"]
)
def test_malformed_breadcrumb_names_no_section(value: str) -> None:
    assert found(breadcrumb(), block(value)) == []


def test_publisher_is_no_author() -> None:
    article = {
        "@type": "NewsArticle",
        "author": [{"name": "রাকিব"}, {"name": "The Daily"}],
        "publisher": {"name": "The Daily"},
    }
    html = f'<script type="application/ld+json">{json.dumps(article)}</script>'
    assert found(json_ld("author", "name", unlike=("publisher", "name")), html) == ["রাকিব"]


@pytest.mark.parametrize(
    ("author", "names"),
    [
        ('{"name": "ক"}', ["ক"]),
        ('[{"name": "ক"}, {"name": "খ"}]', ["ক", "খ"]),
        ('["ক", {"name": ["খ", "গ"]}, 1, null]', ["ক", "খ", "গ"]),
        ('"ক"', ["ক"]),
        ("{}", []),
    ],
)
def test_json_ld_gives_all_authors(author: str, names: list[str]) -> None:
    html = block(f'{{"@type": "NewsArticle", "author": {author}}}')
    page = article(html * 2)
    assert extract_all("authors", page, (css(".none"), json_ld("author", "name"))) == names
    assert page.extracted_by == ({"authors": "JSON-LD author.name"} if names else {})


def test_page_url_gives_edition() -> None:
    extractor = page_url("-prnt(?=/|$)", "print")
    assert list(extractor.extract(article("", "https://paper.test/essay-prnt/cid/1"))) == ["print"]
    assert list(extractor.extract(article("", "https://paper.test/essay-dgtl/cid/1"))) == []
