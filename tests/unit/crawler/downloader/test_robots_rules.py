"""robots.txt by RFC 9309: groups, patterns, and a differential test against Scrapy's parser."""

import re
from urllib.parse import quote

import pytest
from hypothesis import strategies as st
from protego import Protego

from crawler.downloader.robots_rules import MAX_ROBOTS_BYTES, RobotsRules, parse_robots
from tests.support.project import PROJECT
from tests.support.properties import examples, holds

WWW = "https://www.paper.test"
ALL = "User-agent: *\nDisallow: /\n"
WORLD = "User-agent: *\nDisallow: /world/\n"


def allows(text: str | bytes, path: str = "/world/1") -> bool:
    return parse_robots(text if isinstance(text, bytes) else text.encode()).allows(WWW + path)


@pytest.mark.parametrize(
    ("names", "is_ours"),
    [
        ("khobor", True),
        ("KHOBOR", True),
        ("Khobor/9.9", True),
        ("Khobor/9.9 (+https://example.org)", True),
        ('"Khobor"', True),
        ("a\nUser-agent: khobor\nUser-agent: b", True),
        ("a\nCrawl-delay: 3\nUser-agent: khobor", True),
        ("crawler", False),
        ("https", False),
        ("example", False),
        ("0.1", False),
        ("khobor-news", False),
        ("khobor2", False),
        ("mykhobor", False),
        ("Mozilla/5.0 (compatible; khobor)", False),
        ("*khobor", False),
    ],
)
def test_group_is_ours_by_product_token(names: str, is_ours: bool) -> None:
    assert allows(f"User-agent: {names}\nDisallow: /\n\nUser-agent: *\nAllow: /\n") is not is_ours
    assert allows(f"User-agent: {names}\nDisallow:\n\n{ALL}") is is_ours


@pytest.mark.parametrize(
    "text",
    [
        f"<!-- managed by IT -->\n{WORLD}",
        f"<br />\n<b>Warning</b>: x in <b>/a.php</b> on line <b>3</b><br />\n{WORLD}",
        f"<br /><b>Warning</b>: x in <b>/a.php</b><br />{WORLD}",
        f"<!--\n{WORLD}-->",
        f"<html><body><pre>\n{WORLD}</pre></body></html>",
        f"<html><body>{WORLD.replace(chr(10), '<br>')}</body></html>",
        f"\0{WORLD}",
        f"\u200b{WORLD}",
        f"\ufeff\ufeff{WORLD}",
        f"Notice: undefined index\r\nkey=value\r\n{WORLD}",
        WORLD.replace("\n", "\r"),
        WORLD.replace("\n", "\r\n"),
        WORLD.replace("\n", "\u2028"),
        f"<pre>{WORLD.replace('/world/', '<a href=x>/world/</a>')}</pre>",
        WORLD.replace("Dis", "Dis\0"),
        WORLD.replace("/world/", '"/world/"'),
        WORLD.replace("agent", "agents"),
        WORLD.replace(": ", ":\u00a0"),
        WORLD.replace(": ", " : "),
        WORLD.replace(": ", " "),
        WORLD.replace(": ", "："),
        WORLD.upper().replace("WORLD", "world"),
        WORLD.replace("Disallow", "Dissallow").replace("-", ""),
        "User-agent: *\nCrawl-delay: 5\nSitemap: /s.xml\n\nHost: x\nDisallow: /world/\n",
        "User-agent: *\nDisallow: /a\nUser-agent: b\nDisallow: /\nUser-agent: *\nDisallow: /world/\n",
    ],
)
def test_readable_line_counts_after_anything(text: str) -> None:
    for charset in ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le"):
        assert not allows(text.encode(charset))
        assert allows(text.encode(charset), "/sports/1")
    assert not allows(b"\xff\x93" + text.encode())


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Disallow: /",
        "<html><body><h1>Not found</h1></body></html>",
        "User-agent: *\nDisallow:\n",
        "User-agent: other\nDisallow: /\n",
        "User-agent: *\nDisallow: world/\n",
        "User-agent: *\nDisallow # : /\n",
        "User-agent: *\nDisallowed: /\n",
    ],
)
def test_file_without_rule_for_us_allows(text: str) -> None:
    assert allows(text)


@pytest.mark.parametrize(
    ("rules", "path", "allowed"),
    [
        # Examples of RFC 9309, sections 2.2.2 and 2.2.3.
        ("Disallow: /foo/bar?baz=quz", "/foo/bar?baz=quz", False),
        ("Disallow: /foo/bar?baz=https://foo.bar", "/foo/bar?baz=https%3A%2F%2Ffoo.bar", True),
        ("Disallow: /foo/bar/U+E38384", "/foo/bar/U+E38384", False),
        ("Disallow: /foo/bar/ツ", "/foo/bar/%E3%83%84", False),
        ("Disallow: /foo/bar/%E3%83%84", "/foo/bar/%e3%83%84", False),
        ("Disallow: /foo/bar/%62%61%7A", "/foo/bar/baz", False),
        ("Disallow: /a-%2A.html", "/a-*.html", False),
        ("Disallow: /a-%2A.html", "/a-b.html", True),
        ("Disallow: /foo-%24", "/foo-$", False),
        ("Disallow: *.gif$", "/a.gif", False),
        ("Disallow: *.gif$", "/a.gif?x", True),
        ("Allow: /example/page/\nDisallow: /example/page/disallowed.gif", "/example/page/disallowed.gif", False),
        ("Allow: /page\nDisallow: /page", "/page", True),
        ("Disallow: /*/a*b$", "/x/aabb", False),
        ("Disallow: /*/a*b$", "/x/aabbc", True),
        ("Disallow: /ab*ab$", "/ab", True),
        ("Disallow: /$", "/", False),
        ("Disallow: /$", "/x", True),
        ("Disallow: /a b", "/a%20b", False),
        ("Disallow: /%E9", "/%E8", True),
        ("Disallow: /?", "?x", False),
    ],
)
def test_pattern_matches_as_in_rfc(rules: str, path: str, allowed: bool) -> None:
    assert allows(f"User-agent: *\n{rules}\n", path) is allowed


def test_latin_path_is_compared_by_octets() -> None:
    assert not allows("User-agent: *\nDisallow: /caf\xe9\n".encode("latin-1"), "/caf%E9")


@pytest.mark.parametrize(
    ("lines", "delay"),
    [
        ("User-agent: *\nCrawl-delay: 2", 2),
        ("User-agent: *\nCrawl-delay: 2.5 s # slow", 2.5),
        ("User-agent: a\nCrawl-delay: 9\nUser-agent: *\nDisallow: /x", None),
        ("User-agent: *\nCrawl-delay: 9\nUser-agent: khobor\nCrawl-delay: 3", 3),
        ("User-agent: *\nCrawl-delay: soon", None),
        ("Crawl-delay: 9\nUser-agent: *", None),
    ],
)
def test_crawl_delay_applies_to_agents_before(lines: str, delay: float | None) -> None:
    assert parse_robots(lines.encode()).crawl_delay == delay


@pytest.mark.parametrize(
    ("value", "urls"),
    [
        ("/sitemap.xml", ["/sitemap.xml"]),
        ('"https://a.test/e.xml"', ["https://a.test/e.xml"]),
        ("https://a.test/c.xml https://a.test/d.xml", ["https://a.test/c.xml", "https://a.test/d.xml"]),
        ("https://a.test/c.xml, /d.xml", ["https://a.test/c.xml", "/d.xml"]),
        ("<https://a.test/c.xml>", ["https://a.test/c.xml"]),
        (
            "https://a.test/c.xml,https://a.test/d.xml;/e.xml",
            ["https://a.test/c.xml", "https://a.test/d.xml", "/e.xml"],
        ),
        ("[https://a.test/c.xml]", ["https://a.test/c.xml"]),
        ('<a href="https://a.test/c.xml">https://a.test/c.xml</a>', ["https://a.test/c.xml"]),
        ("my map.xml", ["my map.xml"]),
        ("", []),
    ],
)
def test_sitemap_line_names_urls(value: str, urls: list[str]) -> None:
    assert parse_robots(f"User-agent: a\nSitemap: {value}\n".encode()).sitemaps == tuple(urls)


def test_whole_lines_of_beginning_count() -> None:
    filler = b"# x\n" * (MAX_ROBOTS_BYTES // 4 - 10)
    body = b"User-agent: *\nDisallow: /a\n" + filler + b"Disallow: /world/long-name-that-is-cut\n"
    assert len(body) > MAX_ROBOTS_BYTES
    assert parse_robots(body) == RobotsRules((("/a", False),))


def test_many_agents_of_one_group_cost_nothing() -> None:
    agents = "".join(f"User-agent: bot{number}\n" for number in range(10_000))
    rules = "".join(f"Disallow: /{number}/*x\n" for number in range(10_000))
    assert parse_robots((agents + rules + ALL).encode()).rules == (("/", False),)


def check_foreign_groups(own: list[list[str]], foreign: list[tuple[int, int, int]]) -> None:
    groups = [f"User-agent: {name}\n" + "\n".join(lines) for name, lines in zip(("*", "khobor"), own, strict=False)]
    alone = parse_robots("\n".join(groups).encode())
    for position, agents, rules in foreign:
        names = "".join(f"User-agent: bot{number}\n" for number in range(agents))
        lines = "".join(f"Disallow: /{number}/*x$\n" for number in range(rules))
        groups.insert(position, f"{names}{lines}Disallow: /")
    assert parse_robots("\n".join(groups).encode()) == alone


@examples
def test_groups_of_other_agents_change_nothing(examples: int) -> None:
    rules = st.sampled_from(["Disallow: /a", "Allow: /a/b", "Disallow: /", "Crawl-delay: 3", "Disallow: /*?"])
    own = st.lists(st.lists(rules, min_size=1, max_size=4).map(lambda lines: [*lines, "Allow: /x"]), max_size=2)
    foreign = st.lists(st.tuples(st.integers(0, 3), st.integers(1, 400), st.integers(1, 400)), max_size=3)
    holds(check_foreign_groups, own, foreign, examples=examples)


def test_stored_file_after_markup_is_obeyed() -> None:
    path = PROJECT.parent / "shared" / "real" / "robots-www.uspto.gov.txt"
    if not path.exists():
        pytest.skip(f"{path} is absent")
    robots = parse_robots(path.read_bytes())
    assert [robots.allows(f"https://www.uspto.gov{path}") for path in ("/cgi-bin/x", "/includes/x", "/patents")] == [
        False,
        False,
        True,
    ]
    assert len(robots.sitemaps) == 2


_PATHS = st.text("ab/*$%-.?=&খé", max_size=8).map(lambda text: f"/{text}")
_LINES = st.one_of(
    st.sampled_from(["*", "khobor", "Khobor", "other"]).map(lambda name: f"User-agent: {name}"),
    st.tuples(st.sampled_from(["Allow", "Disallow"]), _PATHS).map(": ".join),
    st.sampled_from(["Crawl-delay: 3", "Sitemap: /s.xml", "Host: x", "", "# note", "Disallow:"]),
)


def check_against_protego(lines: list[str], path: str, charset: str) -> None:
    """Compare with Protego where both follow RFC 9309.

    Known disagreements, in which RFC 9309 is followed here: Protego also reads a final `$` as a dollar sign and
    `/index.html` as `/`, takes Crawl-delay and unknown fields as the end of a group's names, decodes reserved
    characters, and counts a repeated asterisk as length.
    """
    text = "\n".join(line for line in lines if not line.startswith(("Crawl", "Host")) and line != "Disallow:")
    text = re.sub(r"\*+", "*", re.sub("[$%]", "x", text))
    path = re.sub("[*$%]", "x", path)
    expected = Protego.parse(text).can_fetch(WWW + path, "khobor")
    assert allows(text.encode(charset), path) is expected, text
    assert allows(text.encode(charset), quote(path, safe="/*?=&")) is expected, text


@examples
def test_decision_equals_protego(examples: int) -> None:
    charsets = st.sampled_from(["utf-8", "utf-8-sig", "utf-16"])
    holds(check_against_protego, st.lists(_LINES, max_size=12), _PATHS, charsets, examples=examples)


_NOISE = st.lists(
    st.sampled_from(["\0", "\u200b", "\ufeff", "<br>\n", "<!-- x -->\n", "PHP Warning: x\n", "\r", "\n", "# x\n", " "]),
    max_size=6,
).map("".join)


def check_noise(before: str, after: str, charset: str) -> None:
    assert not allows((before + WORLD + after).encode(charset))


@examples
def test_noise_hides_no_rule(examples: int) -> None:
    holds(check_noise, _NOISE, _NOISE, st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]), examples=examples)


def check_any_file(body: bytes) -> None:
    parse_robots(body).allows(f"{WWW}/%zz%")


@examples
def test_no_file_raises(examples: int) -> None:
    fields = st.lists(st.sampled_from([b"user-agent: *\n", b"allow:", b"disallow:/", b"crawl-delay:", b"sitemap:"]))
    bodies = st.lists(st.one_of(st.binary(max_size=20), fields.map(b"".join)), max_size=9).map(b"".join)
    holds(check_any_file, bodies, examples=examples)
