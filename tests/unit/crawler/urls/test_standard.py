"""Links as they are requested: by the WHATWG URL standard, byte for byte."""

import random

import pytest
from hypothesis import strategies as st

from crawler.outcomes import Outcome
from crawler.spiders.kalbela import Kalbela
from crawler.urls import SiteUrl
from crawler.urls.standard import Url, UrlError, join
from tests.support.properties import examples, holds

BASE = "https://www.kalbela.com/world/asia/1?x=y#z"
YYA_ONE, YYA_TWO = "\u09df", "\u09af\u09bc"  # the same letter; the first is not NFC


@pytest.mark.parametrize(
    ("link", "requested"),
    [
        # Case, order of parameters, tracking parameters and empty parts stay.
        ("/World/Asia/2?b=2&a=1&utm_source=x&", "https://www.kalbela.com/World/Asia/2?b=2&a=1&utm_source=x&"),
        ("/a//b/;c?", "https://www.kalbela.com/a//b/;c?"),
        ("HTTP://KALBELA.com:80/x#y", "http://kalbela.com/x"),
        ("https://kalbela.com", "https://kalbela.com/"),
        # The octets of UTF-8 as linked: neither composed nor decomposed.
        (f"/t/{YYA_ONE}", "https://www.kalbela.com/t/%E0%A7%9F"),
        (f"/t/{YYA_TWO}?q={YYA_ONE}", "https://www.kalbela.com/t/%E0%A6%AF%E0%A6%BC?q=%E0%A7%9F"),
        ("/%e0%a7%9f/%41", "https://www.kalbela.com/%e0%a7%9f/%41"),
        # Broken escapes stay as they are.
        ("/%zz/100%?%", "https://www.kalbela.com/%zz/100%?%"),
        ("/%4?a=%u0995", "https://www.kalbela.com/%4?a=%u0995"),
        # Characters that a path or query must not contain are escaped, others are not.
        (
            "/a b\"<>`{}^|[]'?a b\"<>'`{}^|[]",
            "https://www.kalbela.com/a%20b%22%3C%3E%60%7B%7D%5E|[]'?a%20b%22%3C%3E%27`{}^|[]",
        ),
        # Extra, missing and backward slashes, and white space inside.
        ("https:/kalbela.com/x", "https://www.kalbela.com/kalbela.com/x"),
        ("http:/kalbela.com/x", "http://kalbela.com/x"),
        ("http:kalbela.com/x", "http://kalbela.com/x"),
        ("https:2", "https://www.kalbela.com/world/asia/2"),
        ("https:////kalbela.com//x", "https://kalbela.com//x"),
        ("https:\\\\kalbela.com\\x\\?a\\b", "https://kalbela.com/x/?a\\b"),
        ("\\\\kalbela.com/x", "https://kalbela.com/x"),
        ("//kalbela.com/x", "https://kalbela.com/x"),
        ("///kalbela.com/x", "https://kalbela.com/x"),
        ("\\x", "https://www.kalbela.com/x"),
        (" \x00 ht\ntps:/\t/kalbela.com/a\r\nb \x1f", "https://kalbela.com/ab"),
        # Dot segments, also escaped ones.
        ("../2", "https://www.kalbela.com/world/2"),
        ("../../../../2/.", "https://www.kalbela.com/2/"),
        ("/a/%2e%2E/b/.%2e/c/%2e", "https://www.kalbela.com/c/"),
        ("?page=2", "https://www.kalbela.com/world/asia/1?page=2"),
        ("", "https://www.kalbela.com/world/asia/1?x=y"),
        # Hosts: escapes, full-width letters and dots.
        ("https://www%2Ekalbela.com/x", "https://www.kalbela.com/x"),
        ("https://ｋａｌｂｅｌａ。com/x", "https://kalbela.com/x"),
        ("https://www.kalbela.com\\.evil.example/x", "https://www.kalbela.com/.evil.example/x"),
        ("https://evil.example\\@www.kalbela.com/", "https://evil.example/@www.kalbela.com/"),
    ],
)
def test_link_is_requested_as_by_browsers(link: str, requested: str) -> None:
    assert join(BASE, link) == requested


@pytest.mark.parametrize(
    "link",
    ["mailto:x@y", "javascript:1", "ftp://kalbela.com/x", "https://", "http://[", "https://a b/", "https://a:65536/"]
    + ["https://a:x/", "https://a%00/", "//:80/"],
)
def test_other_links_are_not_requested(link: str) -> None:
    with pytest.raises(UrlError):
        join(BASE, link)


def test_identity_ignores_spelling_of_request() -> None:
    rules, keys = Kalbela.make_url_rules(), set()
    for link in (
        "2",
        "/world//asia/2?utm_source=x",
        "HTTP://kalbela.com/world/asia/2/",
        "https:\\\\kalbela.com\\world\\asia\\2",
    ):
        target = rules.identify(link, BASE)
        assert isinstance(target, SiteUrl)
        assert target.request_url == join(BASE, link)
        keys.add((target.key, target.url))
    assert keys == {("kalbela:2", "https://www.kalbela.com/world/asia/2")}


def test_port_of_other_scheme_is_offsite() -> None:
    for link in (
        "http://kalbela.com:443/world/1",
        "https://kalbela.com:80/world/1",
        "https://kalbela.com:8443/world/1",
    ):
        assert getattr(Kalbela.make_url_rules().identify(link), "outcome", None) is Outcome.OFFSITE


PIECES = [
    *(
        "http:",
        "https:",
        "HtTpS:",
        "mailto:",
        "javascript:",
        "ftp:",
        "C:",
        "/",
        "//",
        "///",
        "\\",
        "\\\\",
        "?",
        "#",
        "&",
        "=",
    ),
    *(
        "www.kalbela.com",
        "kalbela.com",
        "KALBELA.COM",
        "www%2ekalbela.com",
        "ｋａｌｂｅｌａ.com",
        "kalbela.com.",
        "xn--",
    ),
    *(
        "a",
        "b",
        "..",
        ".",
        "%2e",
        "%2E%2e",
        ".%2e",
        "%zz",
        "%",
        "%4",
        "%41",
        "%C3%BC",
        "খ",
        YYA_ONE,
        YYA_TWO,
        "ü",
        "\U0001f600",
    ),
    *(
        " ",
        "\t",
        "\n",
        "\r",
        "\x00",
        "\x1f",
        "\x7f",
        "\xa0",
        "\u3000",
        "\u200b",
        "@",
        "user",
        ":",
        "80",
        "443",
        "8080",
        "00443",
    ),
    *("[", "]", "|", "^", "`", "{", "}", "'", '"', "<", ">", ";", "~", "+", "*", "!", "$", "(", "-", "_", "1"),
]
LINKS = st.lists(st.sampled_from(PIECES), max_size=8).map("".join)
BASES = st.sampled_from([BASE, "http://kalbela.com", "https://kalbela.com/a/b/../c/", "http://www.kalbela.com/x;y?z"])


@examples
def test_links_agree_with_ada(examples: int) -> None:
    """Compare with ada, the parser of Node.js.

    They disagree on hosts other than the site's, which are never requested: ada accepts names that are not valid in
    IDNA 2008 (`খ=`) and turns numbers into addresses (`//443` is 0.0.1.187). Ada is right on both by the standard. It
    also reads `//@host` as a host without a user, where Khobor, being stricter, sees one and requests nothing.
    """
    ada = pytest.importorskip("ada_url", reason="the package ada-url is not installed")
    hosts = ("www.kalbela.com", "kalbela.com")

    def check(link: str, base: str) -> None:
        try:
            theirs = ada.URL(link, base=base)
            theirs.hash = ""
            expected = theirs.href if theirs.hostname in hosts and theirs.protocol in ("http:", "https:") else None
            has_user = "@" in theirs.host or bool(theirs.username or theirs.password)
        except ValueError:
            expected, has_user = None, False
        try:
            url = Url.parse(link, Url.parse(base))
            found = str(url) if url.host in hosts else None
            if url.has_user:
                found, expected = None, expected if not has_user and "@" not in link else None
        except UrlError:
            found = None
        assert found == expected, (link, base)

    holds(check, LINKS, BASES, examples=examples)


def test_random_links_agree_with_ada() -> None:
    ada = pytest.importorskip("ada_url", reason="the package ada-url is not installed")
    chooser = random.Random(1709)
    for _ in range(2_000):
        path = "/" + "".join(chooser.choices([*PIECES, "/", "%2e", "."], k=chooser.randrange(1, 12)))
        link = f"https://kalbela.com{path}"
        theirs = ada.URL(link)
        theirs.hash = ""
        assert join("", link) == theirs.href


@examples
def test_requested_url_is_stable(examples: int) -> None:
    def check(link: str, base: str) -> None:
        try:
            once = join(base, link)
        except UrlError:
            return
        assert once.isascii()
        assert once.isprintable()
        assert " " not in once
        assert join("", once) == join(BASE, once) == once

    holds(check, st.one_of(LINKS, st.text(st.characters(exclude_categories=[]), max_size=40)), BASES, examples=examples)
