"""Identity of URLs, however a link spells them."""

import re
from unicodedata import normalize
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crawler.outcomes import Outcome
from crawler.priorities import story_priority
from crawler.spiders.kalbela import Kalbela
from crawler.urls import MAX_LENGTH, SiteUrl, SkippedUrl, UrlRules
from crawler.urls.normal_form import canonical_path, canonical_query
from tests.support.properties import examples, holds

KALBELA = Kalbela.make_url_rules()
WWW = "https://www.kalbela.com"
YYA_ONE, YYA_TWO = "\u09df", "\u09af\u09bc"


def story(link: str, base: str = "") -> tuple[str | None, str | None]:
    address = KALBELA.identify(link, base)
    assert isinstance(address, SiteUrl), address
    return address.story_id, address.section


STORY_PATHS = """country-news/307205 national/317250 court-law/317249 celebration/31494 lifestyle/317238
    lifestyle/others/17084 dainikshiksha/317232 dainikshiksha/results/317255 world/middle-east/317243
    world/north-korea/154313 ajkerpatrika/firstpage/77230 opinion/editorial/13586
    country-news/dhaka/gazipur/sadar/317001"""


@pytest.mark.parametrize("path", STORY_PATHS.split())
def test_story_id_is_last_number_of_path(path: str) -> None:
    section, _, number = path.rpartition("/")
    url, story_id = f"{WWW}/{path}", f"kalbela:{number}"
    assert KALBELA.identify(url) == SiteUrl(url, story_id, story_id, section)


SPELLINGS = """https://kalbela.com/{0} http://www.kalbela.com/{0} http://www.kalbela.com:80/{0}
    https://www.kalbela.com:443/{0} https://WWW.Kalbela.COM/{0} https://www.kalbela.com./{0}
    https://www.kalbela.com/{0}/ https://www.kalbela.com/{0}/// https://www.kalbela.com//world//middle-east//198602
    https://www.kalbela.com/world/africa/../middle-east/./198602 https://www.kalbela.com/world/%2e%2e/{0}
    https://www.kalbela.com/../{0} https://www.kalbela.com/{0}#comments https://www.kalbela.com/{0}?
    https://www.kalbela.com/{0}?utm_source=facebook&utm_medium=social&fbclid=IwAR0
    https://www.kalbela.com/{0}?page=2&print=1 https://www.kalbela.com/world/middle%2Deast/198602
    https://www.kalbela.com/world/middle-east/%3198602
    //www.kalbela.com/{0} /{0} middle-east/198602 198602 ?page=2""".format("world/middle-east/198602").split()


@pytest.mark.parametrize(
    "link", [*SPELLINGS, f"  {WWW}/world/middle-east/198602\n", f"{WWW}/world/\tmiddle-east/\n198602"]
)
def test_spellings_of_story_url_share_key(link: str) -> None:
    base = f"{WWW}/world/middle-east/198602" if link.startswith(("?", "1")) else f"{WWW}/world/317000"
    assert story(link, base) == ("kalbela:198602", "world/middle-east")


@pytest.mark.parametrize(
    ("path", "section"),
    [("/World/Middle-East/198602", "world/middle-east"), ("/sports/others/198602", "sports/others")],
)
def test_section_is_not_part_of_key(path: str, section: str) -> None:
    address = KALBELA.identify(WWW + path)
    assert isinstance(address, SiteUrl)
    assert (address.key, address.section, address.url) == ("kalbela:198602", section, WWW + path)


@pytest.mark.parametrize(
    "path",
    [
        *("/video-gallery/news/5681", "/video-stories/5681", "/photo-stories/77", "/photo-gallery/others/488"),
        *("/print/317255/some-words", "/print/317255", "/podcast/12", "/Video-Gallery/news/5681"),
        *("/%76ideo-gallery/news/5681", "//video-gallery//news//5681", "/world/../video-gallery/news/5681"),
        *("/search/google/?q=%E0%A6%88%E0%A6%A6&cx=partner-pub-1", "/tags/317255", "/topic/22", "/archive/2026/08/10"),
        *("/latest-news/2", "/popular-news/3", "/all-news/2026", "/cdn-cgi/l/email-protection", "/assets/x/1"),
        f"/video-gallery/news/5681/{quote('ভিডিওতে-দেখুন')}",
        f"/opinion-poll/{quote('ভোট')}/295",
        "/opinion-poll/ভোট/295",
    ],
)
def test_other_kinds_are_not_stories(path: str) -> None:
    address = KALBELA.identify(WWW + path)
    assert isinstance(address, SkippedUrl)
    assert address.outcome is Outcome.NOT_A_STORY


@pytest.mark.parametrize(
    "path",
    [
        "",
        *["/", "/latest-news", "/popular-news", "/national", "/world/middle-east", "/special", "/about", "/podcast"],
        *("/world/middle-east/", "/country-news/dhaka/gazipur/sadar", "/317255", "/world/317255a", "/world/a317255"),
        *("/world/317255.html", "/world/317255;x", "/world/-317255", "/world/3.14", "/world/৩১৭২৫৫", "/world/٣١٧٢٥٥"),
        *("/national/2026/08/10", "/national/page/2", "/rss/latest-rss.xml", "/rss/opinion/readers-voice-rss.xml"),
        *("/rss/317255", "/json-feed/national.json", "/world%2F317255", "/খেলা/317255"),
        "/templates/web-view/category_page/more_cat_ajax.php?page=2&cat=5",
    ],
)
def test_other_pages_have_no_story_id(path: str) -> None:
    address = KALBELA.identify(WWW + path)
    assert isinstance(address, SiteUrl), address
    assert address.story_id is None
    assert address.key == address.url
    assert address.url.startswith(WWW + "/")


@pytest.mark.parametrize(
    "host",
    [
        *("archive.kalbela.com", "epaper.kalbela.com", "election.kalbela.com", "api.kalbela.com", "m.kalbela.com"),
        *("www.kalbela.com.evil.example", "evilkalbela.com", "kalbela.co", "www.kalbela.com:8080", "kalbela.com:22"),
        *("127.0.0.1", "[::1]", "localhost", "0x7f.1", "2130706433"),
        *("", "www.kalbela.com%00.evil.example"),
    ],
)
def test_other_host_is_offsite(host: str) -> None:
    address = KALBELA.identify(f"https://{host}/country-news/19874")
    assert isinstance(address, SkippedUrl)
    assert address.outcome in (Outcome.OFFSITE, Outcome.INVALID_URL)


@pytest.mark.parametrize(
    "link",
    [
        *("", "   ", "#", "#top", "javascript:void(0);", "JavaScript:alert(1)", "mailto:news@kalbela.com", "tel:+880"),
        *["data:text/html,<b>", "ftp://www.kalbela.com/world/1", "file:///etc/passwd", "about:blank"],
        *["blob:x", "http://[", "https://", "https://user@www.kalbela.com/world/1"],
        *("http://[::1", "https://www.kalbela.com:port/world/1", "https://www.kalbela.com:99999/world/1"),
        *["https://user:word@www.kalbela.com/world/1", "https://@www.kalbela.com/w/1"],
        "https://www.kalbela.com@evil.example/world/1",
        *("http://www.kalbela.com:80:80/world/1", "https://ⓚ℀.com/world/1"),
        *(f"{WWW}/world/" + "1" * 3000, f"{WWW}/" + "a" * 3000, f"{WWW}/national?q=" + "a" * 3000),
        "https://www.kalbela.com/" + "ক" * 400,  # short as it stands, too long once it is escaped
    ],
)
def test_invalid_link_has_reason(link: str) -> None:
    address = KALBELA.identify(link, f"{WWW}/national")
    assert isinstance(address, SkippedUrl)
    assert address.outcome in (Outcome.INVALID_URL, Outcome.OFFSITE)
    assert address.reason
    assert len(address.url) <= MAX_LENGTH


@pytest.mark.parametrize(
    "bad", ["http://[\n\x1b[31m", "java\u202escript:x", "x:\ud800", "y:<script>", "http://\x00\x07/"]
)
def test_skipped_url_is_safe_to_store(bad: str) -> None:
    address = KALBELA.identify(bad)
    assert isinstance(address, SkippedUrl)
    shown = address.url + address.reason
    assert shown.isprintable()
    assert shown.encode()
    assert "<" not in shown


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (f"/topics/সম{YYA_ONE}", f"/topics/সম{YYA_TWO}"),
        (f"/topics/{quote('সম' + YYA_ONE)}", f"/topics/সম{YYA_TWO}"),
        (f"/topics/{quote('সম' + YYA_ONE)}", f"/topics/{quote('সম' + YYA_TWO).lower()}"),
        (f"/find?q=সম{YYA_ONE}", f"/find?q={quote('সম' + YYA_TWO)}"),
        ("/find?q=a%20b", "/find?q=a+b"),
        ("/find?b=2&a=1", "/find?a=1&b=2&utm_campaign=x&gclid=y&ref=home&at_medium=RSS&FBCLID=z"),
        ("/national", "/national/?utm_source=rss#x"),
        ("/national?", "/national"),
        ("/a%7Eb", "/a~b"),
    ],
)
def test_spellings_of_page_url_share_key(one: str, other: str) -> None:
    # `topics` is another kind on Kalbela; here it is a page like any other.
    plain = type(KALBELA)("x", ("www.kalbela.com",), re.compile("/nothing"))
    first, second = plain.identify(WWW + one), plain.identify(WWW + other)
    assert isinstance(first, SiteUrl)
    assert first == second


def test_different_queries_are_different_pages() -> None:
    keys = {KALBELA.identify(f"{WWW}/find?{query}").url for query in ("", "q", "q=1", "q=1&q=2", "q=%31%26", "cid=1")}
    assert len(keys) == 6


@pytest.mark.parametrize(
    ("link", "full"),
    [
        ("/assets/a.webp", f"{WWW}/assets/a.webp"),
        ("a.webp", f"{WWW}/world/a.webp"),
        ("//kalbela.com/a.webp?v=3", f"{WWW}/a.webp?v=3"),
        ("http://www.kalbela.com/a.webp", f"{WWW}/a.webp"),
        ("https://cdn.example.com/ছবি এক.jpg", "https://cdn.example.com/ছবি%20এক.jpg"),
        ("https://cdn.example.com/a.jpg\u202e", "https://cdn.example.com/a.jpg%E2%80%AE"),
        *(
            (link, None)
            for link in ("data:image/gif;base64,R0lGOD", "javascript:x", "http://[", "https://", "#top", "")
        ),
        ("https://cdn.example.com/" + "a" * MAX_LENGTH, None),
        ("https://cdn.example.com/" + " " * 1000 + "a", None),
    ],
)
def test_picture_url_may_have_any_host(link: str, full: str | None) -> None:
    assert KALBELA.absolute(link, f"{WWW}/world/1") == full


OTHER_KINDS = Kalbela.other_kinds | {"rss", "templates", "json-feed"}
SECTIONS = st.from_regex(r"[a-z][a-z0-9-]{0,12}(/[a-z][a-z0-9-]{0,8})?", fullmatch=True).filter(
    lambda path: (
        path.split("/")[0] not in OTHER_KINDS
        and not path.endswith(("/page", "/"))
        and path not in ("page", "amp", "m")  # /amp and /m are editions of the site, not sections
    )
)
HOSTS = st.sampled_from(["www.kalbela.com", "kalbela.com", "WWW.KALBELA.COM", "kalbela.com.", "www.kalbela.com:"])
ENDS = st.sampled_from(["", "/", "//", "/.", "?utm_source=x", "?a=b", "#x", "/?fbclid=1#y", "/x/.."])
ANYTHING = st.text(st.characters(exclude_categories=[]), max_size=60)


@settings(deadline=None)
@given(SECTIONS, st.integers(1, 10**9), HOSTS, ENDS, st.sampled_from(["http", "https", "HTTPS"]))
def test_variants_keep_story_key(section: str, number: int, host: str, end: str, scheme: str) -> None:
    address = KALBELA.identify(f"{scheme}://{host}/{section}/{number}{end}")
    assert isinstance(address, SiteUrl)
    assert address.key == address.story_id == f"kalbela:{number}"
    assert address.url == f"{WWW}/{section}/{number}"


@settings(deadline=None)
@given(ANYTHING)
def test_canonical_forms_are_idempotent(text: str) -> None:
    for canonical in (canonical_path, canonical_query):
        once = canonical(text)
        assert canonical(once) == once
        assert once.isascii()
    assert canonical_path(text).startswith("/")


@settings(deadline=None)
@given(ANYTHING, st.sampled_from(["", f"{WWW}/", f"{WWW}/world/1"]))
def test_any_text_is_identified_or_skipped(link: str, base: str) -> None:
    address = KALBELA.identify(link, base)
    address.url.encode()
    assert len(address.url) <= MAX_LENGTH
    if isinstance(address, SiteUrl):
        assert address.url.startswith(f"{WWW}/")
        assert KALBELA.identify(address.url) == address


@settings(deadline=None)
@given(st.text("/.%aয\u09df\u09bc0১?&=#\\ +~", max_size=30))
def test_canonical_url_is_idempotent(path: str) -> None:
    address = KALBELA.identify(f"{WWW}/{path}")
    if isinstance(address, SiteUrl):
        assert KALBELA.identify(address.url) == address
        assert normalize("NFC", address.url) == address.url


@pytest.mark.parametrize("story_id", ["0198602", "00", "aB3-x", "Ab3-X", "123456789012345678901234567890"])
def test_id_is_kept_verbatim(story_id: str) -> None:
    rules = UrlRules("paper", ("a.test",), re.compile(r"/news/(?P<id>[\w-]+)"))
    for link in (f"https://a.test/news/{story_id}", f"http://a.test:80/news/{story_id}/?utm_source=x"):
        target = rules.identify(link)
        assert isinstance(target, SiteUrl)
        assert target.story_id == target.key == f"paper:{story_id}"


def test_only_numbered_ids_order_requests() -> None:
    old, new = "paper:7", "paper:900"
    assert story_priority(new, 1, numbered=True) > story_priority(old, 1, numbered=True)
    assert story_priority(new, 1, numbered=False) == story_priority(old, 1, numbered=False)
    assert story_priority(f"paper:{'9' * 5000}", 1, numbered=True) == story_priority(None, 1, numbered=True)


def check_verbatim(story_id: str) -> None:
    target = UrlRules("paper", ("a.test",), re.compile("/(?P<id>[A-Za-z0-9]+)")).identify(f"https://a.test/{story_id}")
    assert isinstance(target, SiteUrl)
    assert target.story_id == f"paper:{story_id}"


@examples
def test_any_id_is_kept_verbatim(examples: int) -> None:
    holds(check_verbatim, st.text("0aA9", min_size=1, max_size=30), examples=examples)


@pytest.mark.parametrize(
    "path",
    [
        "/amp/world/asia/7",
        "/m/world/asia/7",
        "/world/asia/7/amp",
        "/world/asia/7.amp",
        "/world/asia/7.lite",
        "/world/asia/7",
    ],
)
def test_amp_and_mobile_twins_are_one_story(path: str) -> None:
    target = KALBELA.identify(f"https://www.kalbela.com{path}")
    assert isinstance(target, SiteUrl)
    assert (target.story_id, target.section) == ("kalbela:7", "world/asia")


@pytest.mark.parametrize("path", ["/author/7", "/Writer/317255", "/reporter/x/317255", "/topics/5", "/tag/x/5"])
def test_list_of_a_persons_stories_is_no_story(path: str) -> None:
    target = KALBELA.identify(f"https://www.kalbela.com{path}")
    assert not isinstance(target, SiteUrl) or target.story_id is None


@pytest.mark.parametrize("path", ["/amp/video-gallery/news/7", "/m/cdn-cgi/7"])
def test_twins_of_other_pages_are_no_stories(path: str) -> None:
    assert isinstance(KALBELA.identify(f"https://www.kalbela.com{path}"), SkippedUrl)


@pytest.mark.parametrize(
    ("link", "story"),
    [
        ("https://paper.test/news.php?news=123", "paper:123"),
        ("https://paper.test/news.php?utm_source=x&news=123&page=2", "paper:123"),
        ("https://paper.test/news.php?news=", None),
        ("https://paper.test/news.php?news=1%202", None),
        ("https://paper.test/news.php?other=123", None),
        ("https://paper.test/news.php", None),
    ],
)
def test_id_may_be_in_the_query(link: str, story: str | None) -> None:
    rules = UrlRules("paper", ("paper.test",), re.compile(r"/news\.php"), parameter="news")
    target = rules.identify(link)
    assert isinstance(target, SiteUrl)
    assert target.story_id == story
    if story:
        assert (target.key, target.url) == (story, "https://paper.test/news.php?news=123")


def test_links_without_first_slash_start_at_root() -> None:
    rules = UrlRules("paper", ("paper.test",), re.compile(r"/(?P<section>[a-z]+)/(?P<id>[0-9]+)"), from_root=True)
    for link in ("world/7", "/world/7", "https://paper.test/world/7", "//paper.test/world/7"):
        target = rules.identify(link, "https://paper.test/sports/cup/2026")
        assert isinstance(target, SiteUrl)
        assert (target.story_id, target.section) == ("paper:7", "world")
