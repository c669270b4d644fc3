"""An error, a challenge or half a page is never taken for a page, and a page that quotes one is."""

import gzip

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crawler.downloader.response_check import check
from tests.support.fault_server import CHALLENGE, PAGE, PNG, SOFT_404

HTML = {"Content-Type": "text/html; charset=utf-8"}
URL = "https://www.paper.test/world/1"
STORY = "<p>রাজধানীতে মঙ্গলবার সকাল থেকে থেমে থেমে বৃষ্টি হয়েছে। এতে গরম কমেছে।</p>"


def page(text: str, title: str = "খবর", head: str = "") -> bytes:
    return f"<!DOCTYPE html><html><head><title>{title}</title>{head}</head><body>{text}</body></html>".encode()


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (200, None),
        (203, None),
        (304, "unchanged"),
        (206, "corrupt"),
        (302, "http_error"),
        (400, "http_error"),
        (401, "blocked"),
        (403, "blocked"),
        (404, "gone"),
        (410, "gone"),
        (429, "blocked"),
        (451, "http_error"),
        (500, "http_error"),
        (503, "http_error"),
        (999, "http_error"),
    ],
)
def test_each_status_has_its_outcome(status: int, outcome: str | None) -> None:
    verdict = check(status, HTML, PAGE, URL)
    assert (verdict and verdict[0]) == outcome


JSD = '<script src="/cdn-cgi/challenge-platform/scripts/jsd/main.js"></script>'
OG_ARTICLE = '<meta property="og:type" content="article">'
LONG = STORY * 20
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
def test_a_page_is_a_page(name: str) -> None:
    assert check(200, HTML, PAGES[name], URL) is None


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
def test_an_error_served_as_a_page_is_an_error(name: str) -> None:
    verdict = check(200, HTML, ERRORS[name], URL)
    assert verdict
    assert verdict[0] == "soft_error"
    assert verdict[1].startswith("an error")


@pytest.mark.parametrize(
    ("status", "headers", "body"),
    [
        (200, HTML, CHALLENGE),
        (403, HTML, CHALLENGE),
        (503, HTML, CHALLENGE),
        (200, HTML | {"CF-Mitigated": "challenge"}, page(LONG)),
        (200, HTML, page("<script>window._cf_chl_opt={cvId:'3'}</script>", title="www.paper.test")),
        (200, HTML, page("<h1>Sorry, you have been blocked</h1>", title="Attention Required! | Cloudflare")),
        (200, HTML, page("", title="DDoS-Guard")),
    ],
)
def test_a_challenge_is_a_block_whatever_its_status(status: int, headers: dict[str, str], body: bytes) -> None:
    verdict = check(status, headers, body, URL)
    assert verdict
    assert verdict[0] == "blocked"


@pytest.mark.parametrize(
    ("body", "label", "url", "outcome"),
    [
        (PNG, "text/html", URL, "wrong_type"),
        (b"%PDF-1.7 ...", "text/html", URL, "wrong_type"),
        (b"PK\x03\x04 ...", "text/html", URL, "wrong_type"),
        (bytes(range(256)) * 4, "text/html", URL, "wrong_type"),
        (b"just words", "text/html", URL, "wrong_type"),
        (b'{"error": 1}', "text/html", URL, "wrong_type"),
        (b'{"items": [1]}', "application/json", URL, None),
        (b'{"items": [1]}', "text/html", "https://www.paper.test/json-feed/national.json", None),
        (gzip.compress(RSS, mtime=0), "application/x-gzip", "https://www.paper.test/sitemap.xml.gz", None),
        (gzip.compress(PAGE, mtime=0), "text/html", URL, "wrong_type"),
        (PAGE, "application/pdf", URL, None),
        (PAGE, "", URL, None),
    ],
)
def test_the_type_is_what_the_bytes_say(body: bytes, label: str, url: str, outcome: str | None) -> None:
    verdict = check(200, {"Content-Type": label}, body, url)
    assert (verdict and verdict[0]) == outcome


@pytest.mark.parametrize(
    ("body", "flags"),
    [
        (b"", []),
        (b" \r\n\t", []),
        (PAGE[: len(PAGE) // 2], []),
        (PAGE[: len(PAGE) // 2], ["partial"]),
        (PAGE[:-20], []),
        (PAGE, ["dataloss"]),
        (b"<html><body>" + b"<p>x</p>" * 9000 + b"</body></html>" + b"<p>x</p>" * 9000, []),
        (RSS[:-3], []),
        (RSS[:-40], []),
        (SITEMAP[:60], []),
        (b'{"items": [1, 2', []),
    ],
)
def test_half_an_answer_is_broken(body: bytes, flags: list[str]) -> None:
    verdict = check(200, {"content-type": "application/json"}, body, URL, flags)
    assert verdict
    assert verdict[0] == "corrupt"


def test_a_page_without_a_length_is_whole_where_it_has_its_end() -> None:
    assert check(200, HTML, PAGE, URL, ["partial"]) is None


@given(st.binary(max_size=400), st.sampled_from([200, 403, 503]), st.text(max_size=30))
@settings(max_examples=300, deadline=None)
def test_no_answer_crashes_the_judge(body: bytes, status: int, label: str) -> None:
    for start in (b"", b"<html>", b"<?xml ?><"):
        verdict = check(status, {"content-type": label}, start + body, URL)
        assert verdict is None or "\n" not in verdict[1]


@pytest.mark.timeout(5)
@pytest.mark.parametrize(
    "body",
    [
        b"<html>" + b"<!--a" * 1_000_000,
        b"<?xml version='1.0'?>" + b"<!--a>" * 1_000_000,
        b"<title>" * 4_000,
        b"<script>" * 4_000,
        b"<rss>" + b"</rss" * 1_000_000,
        b"<br>" * 2_000_000,
        b"<div>" * 100_000,
        b"[" * 5_000_000,
        b"<html>" + b"page " * 6_000 + b"</html>",
    ],
    ids=["comments", "xml comments", "titles", "scripts", "ends", "breaks", "depth", "brackets", "words"],
)
def test_judging_takes_no_time_to_speak_of(body: bytes) -> None:
    check(200, HTML, body, URL)
