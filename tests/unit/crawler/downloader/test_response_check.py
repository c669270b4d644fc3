"""Response check: errors, challenges and truncated pages are rejected, pages that quote them are not."""

import gzip
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scrapy.http import Response

from crawler.downloader.response_check import check, is_complete
from tests.support.fault_server import CHALLENGE, PAGE, PNG, SOFT_404
from tests.support.project import PROJECT
from tests.support.properties import examples, holds

HTML = {"Content-Type": "text/html; charset=utf-8"}
URL = "https://www.paper.test/world/1"
STORY = "<p>রাজধানীতে মঙ্গলবার সকাল থেকে থেমে থেমে বৃষ্টি হয়েছে। এতে গরম কমেছে।</p>"


def page(text: str, title: str = "খবর", head: str = "") -> bytes:
    return f"<!DOCTYPE html><html><head><title>{title}</title>{head}</head><body>{text}</body></html>".encode()


STATUSES = {
    "unchanged": (304,),
    "corrupt": (206,),
    "gone": (404, 410),
    "blocked": (401, 403, 429),
    "http_error": (302, 400, 451, 500, 503, 999),
}


def outcome(status: int, headers: dict[str, str], body: bytes, url: str = URL, flags: Sequence[str] = ()) -> str | None:
    rejection = check(status, headers, body, url, flags)
    assert rejection is None or (rejection[1] and "\n" not in rejection[1])
    return rejection and rejection[0]


@pytest.mark.parametrize(("expected", "statuses"), STATUSES.items())
def test_status_has_outcome(expected: str, statuses: tuple[int, ...]) -> None:
    assert {outcome(status, HTML, PAGE) for status in statuses} == {expected}
    assert outcome(200, HTML, PAGE) is outcome(203, HTML, PAGE) is None


JSD = '<script src="/cdn-cgi/challenge-platform/scripts/jsd/main.js"></script>'
OG_ARTICLE = '<meta property="og:type" content="article">'
LONG = STORY * 20
FILLER = b"<p>x</p>" * 9000
RSS = b'<?xml version="1.0" encoding="UTF-8"?><rss version="2.0"><channel><item><title>x</title></item></channel></rss>'
SITEMAP = b"<urlset xmlns='http://www.sitemaps.org/schemas/sitemap/0.9'><url><loc>x</loc></url></urlset>\n<!-- 1 -->\n"

PAGES = {
    "a story": page(LONG),
    "a short flash": page("<article><h1>শিরোনাম</h1><p>এক লাইনের খবর।</p></article>"),
    "a page with Cloudflare's script": page(LONG + JSD),
    "a small page with Cloudflare's script": page(STORY + JSD),
    "a story about too many connections": page(LONG + "<p>Too many connections: SQLSTATE[HY000] [1040]</p>"),
    "a story about 502": page(LONG, title="502 Bad Gateway কী, কেন হয়"),
    "a flash about an error": page("<p>Internal Server Error দেখাচ্ছে ওয়েবসাইট</p>", head=OG_ARTICLE),
    "a story called Just a moment": page(LONG, title="Just a moment... with the president"),
    "a story that nobody was found": page(STORY, title="নিখোঁজ জেলের খোঁজ পাওয়া যায়নি"),
    "a story numbered 404": page(LONG, title="404 বাস চলবে ঈদে"),
    "a fragment": b"<div class='sub-news'><a href='/world/1'>x</a></div>",
    "a page with a script after its end": page(LONG) + b"<script>var a = 1;</script><!-- cached -->",
    "a feed": RSS,
    "a sitemap with a comment after it": SITEMAP,
    "an empty sitemap": b"<?xml version='1.0'?><!-- none --><urlset/>",
    "a page in utf-16": page(LONG).decode().encode("utf-16"),
}


@pytest.mark.parametrize("name", PAGES)
def test_page_is_accepted(name: str) -> None:
    assert outcome(200, HTML, PAGES[name]) is None


ERRORS = {
    "too many connections": b"Too many connections",
    "sqlstate": b"SQLSTATE[HY000] [1040] Too many connections",
    "sqlstate in markup": page("<h1>Error</h1><p>SQLSTATE[HY000] [2002] Connection refused</p>", title="Error"),
    "php on top of a page": b"<br />\n<b>Fatal error</b>:  Uncaught PDOException: SQLSTATE[08004]" + page(LONG),
    "a warning on top of a page": b"<br />\n<b>Warning</b>:  mysqli_connect(): (08004/1040)" + page(LONG),
    "wordpress": page("<h1>Error establishing a database connection</h1>", title="Database Error"),
    "nginx 502": page("<center><h1>502 Bad Gateway</h1></center><hr><center>nginx</center>", title="502 Bad Gateway"),
    "gateway in the text": page("<h1>Sorry</h1><p>504 Gateway Time-out</p>"),
    "maintenance": page("<p>We will be right back</p>", title="Maintenance"),
    "soft 404": SOFT_404,
    "not found": page("<h1>Oops</h1>", title="Page not found - The Paper"),
    "bengali not found": page("<h1>দুঃখিত</h1>", title="পাতাটি খুঁজে পাওয়া যায়নি"),
}


@pytest.mark.parametrize("name", ERRORS)
def test_error_page_is_soft_error(name: str) -> None:
    assert outcome(200, HTML, ERRORS[name]) == "soft_error"


@pytest.mark.parametrize(
    ("status", "headers", "body"),
    [
        *((status, HTML, CHALLENGE) for status in (200, 403, 503)),
        (200, HTML | {"CF-Mitigated": "challenge"}, page(LONG)),
        (200, HTML, page("<script>window._cf_chl_opt={cvId:'3'}</script>", title="www.paper.test")),
        (200, HTML, page("<h1>Sorry, you have been blocked</h1>", title="Attention Required! | Cloudflare")),
        (200, HTML, page("", title="DDoS-Guard")),
    ],
)
def test_challenge_is_blocked(status: int, headers: dict[str, str], body: bytes) -> None:
    assert outcome(status, headers, body) == "blocked"


@pytest.mark.parametrize(
    "body",
    [
        PNG,
        b"%PDF-1.7 ...",
        b"PK\x03\x04 ...",
        bytes(range(256)) * 4,
        b"just words",
        b'{"error": 1}',
        gzip.compress(PAGE),
    ],
)
def test_other_content_is_wrong_type(body: bytes) -> None:
    assert outcome(200, {"Content-Type": "text/html"}, body) == "wrong_type"


@pytest.mark.parametrize(
    ("body", "label", "path"),
    [
        (b'{"items": [1]}', "application/json", "/world/1"),
        (b'{"items": [1]}', "text/html", "/json-feed/national.json"),
        (gzip.compress(RSS, mtime=0), "application/x-gzip", "/sitemap.xml.gz"),
        (PAGE, "application/pdf", "/world/1"),
        (PAGE, "", "/world/1"),
    ],
)
def test_type_is_checked_by_content(body: bytes, label: str, path: str) -> None:
    assert outcome(200, {"Content-Type": label}, body, f"https://www.paper.test{path}") is None


@pytest.mark.parametrize(
    ("body", "flags"),
    [
        (b"", []),
        (b" \r\n\t", []),
        (PAGE[: len(PAGE) // 2], ["partial"]),
        (PAGE[:-20], ["partial"]),
        (PAGE, ["dataloss"]),
        (b"<html><body>" + b"<p>x</p>" * 9000 + b"</body></html>" + b"<p>x</p>" * 9000, ["partial"]),
        (RSS[:-3], ["partial"]),
        (RSS[:-40], ["partial"]),
        (SITEMAP[:60], ["partial"]),
        (b'{"items": [1, 2', ["partial"]),
    ],
)
def test_truncated_response_is_corrupt(body: bytes, flags: list[str]) -> None:
    assert outcome(200, {"content-type": "application/json"}, body, URL, flags) == "corrupt"


def test_page_without_length_needs_its_end() -> None:
    assert outcome(200, HTML, PAGE, URL, ["partial"]) is None


@pytest.mark.parametrize(
    "body",
    [
        PAGE.replace(b"</body></html>", b""),
        b"<!DOCTYPE html><title>x</title><p>" + LONG.encode(),
        page(LONG) + b"<script>" + b"x" * 72_000 + b"</script>",
        RSS[:-6],
        RSS + b"<br />\n<b>Warning</b>: x",
    ],
)
def test_whole_transfer_needs_no_end_tag(body: bytes) -> None:
    assert outcome(200, HTML, body) is None


@pytest.mark.parametrize(("flags", "complete"), [([], True), (["partial"], None), (["dataloss"], False)])
def test_completeness_comes_from_transfer(flags: list[str], complete: bool | None) -> None:
    assert is_complete(Response(URL, flags=flags)) is complete


def check_any_cut(length: int) -> None:
    body = page(LONG)[:length]
    assert outcome(200, HTML, body) is None
    assert outcome(200, HTML, body, URL, ["partial"]) == (None if b"</body>" in body else "corrupt")


@examples
def test_cut_counts_only_without_length(examples: int) -> None:
    holds(check_any_cut, st.integers(20, len(page(LONG))), examples=examples)


def test_stored_page_without_end_tags_is_accepted() -> None:
    path = PROJECT.parent / "shared" / "real" / "cut-short-lesechos.fr-Macron.html.gz"
    if not path.exists():
        pytest.skip(f"{path} is absent")
    body = gzip.decompress(path.read_bytes())
    assert outcome(200, HTML, body) is None
    assert outcome(200, HTML, body, URL, ["partial"]) == "corrupt"


@pytest.mark.parametrize(
    ("body", "is_feed", "expected"),
    [
        (b"\nDeprecated: x in /a.php\n" + RSS, True, None),
        (b"\nDeprecated: x in /a.php\n" + RSS, False, "wrong_type"),
        (b"Fatal error: x in /a.php\n" + RSS, True, None),
        (b"\xef\xbb\xbf" * 2 + RSS, True, None),
        (b"https://a.test/1\nhttps://a.test/2\n", True, None),
        (b"https://a.test/1\n", False, "wrong_type"),
        (gzip.compress(RSS, mtime=0), True, None),
        (b'{"version": "https://jsonfeed.org/version/1.1", "items": []}', True, None),
        (b"Too many connections", True, "soft_error"),
        (PNG, True, "wrong_type"),
        (RSS[:-40], True, None),
    ],
)
def test_feed_is_accepted_behind_noise(body: bytes, is_feed: bool, expected: str | None) -> None:
    rejection = check(200, HTML, body, URL, is_feed=is_feed)
    assert (rejection and rejection[0]) == expected


@given(st.binary(max_size=400), st.sampled_from([200, 403, 503]), st.text(max_size=30))
@settings(max_examples=300, deadline=None)
def test_check_never_crashes(body: bytes, status: int, label: str) -> None:
    for start in (b"", b"<html>", b"<?xml ?><"):
        outcome(status, {"content-type": label}, start + body)


@pytest.mark.timeout(5)
@pytest.mark.parametrize(
    "body",
    [
        b"<html>" + b"<!--a" * 1_000_000,
        b"<?xml version='1.0'?>" + b"<!--a>" * 1_000_000,
        b"<?xml version='1.0'?>" + b"<!---->" * 500,
        b"<title>" * 4_000,
        b"<script>" * 4_000,
        b"<rss>" + b"</rss" * 1_000_000,
        b"<br>" * 2_000_000,
        b"<div>" * 100_000,
        b"[" * 5_000_000,
        b"<html>" + b"page " * 6_000 + b"</html>",
        b"<html>" + b"".join(b"<b %d>" % n for n in range(2_500)) + b"<p>" * 4_000,
        b"<html>" + b"<title>" * 4_500,
        b"<html>" + b"<noscript>" * 3_000,
        b"<html>" + "\u0301\u0316".encode() * 8_000,
    ],
    ids=[
        "comments",
        "xml comments",
        "empty comments",
        "titles",
        "scripts",
        "ends",
        "breaks",
        "depth",
        "brackets",
        "words",
        "formatting",
        "many titles",
        "noscripts",
        "combining marks",
    ],
)
def test_check_is_fast(body: bytes) -> None:
    check(200, HTML, body, URL, ["partial"])
