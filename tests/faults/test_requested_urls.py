"""The request line and Host header that a server receives, for links in any spelling."""

from collections.abc import Iterator

import pytest

from tests.support.fault_server import BEHAVIOURS, fixed, raw
from tests.support.fault_site import HOST, SITE, CommandResult, FaultSite

YYA_ONE, YYA_TWO = "\u09df", "\u09af\u09bc"
# A link, and the target of the request for it.
REQUESTED = {
    "/OK/9101?b=2&a=1&utm_source=x&": "/OK/9101?b=2&a=1&utm_source=x&",
    "/ok//9102?": "/ok//9102?",
    "/ok/9103?%zz=100%": "/ok/9103?%zz=100%",
    "https:\\\\www.kalbela.com\\ok\\9104": "/ok/9104",
    " /o\tk/91\n05 ": "/ok/9105",
    f"/ok/9106?q={YYA_ONE}": "/ok/9106?q=%E0%A7%9F",
    f"/ok/9107?q={YYA_TWO}": "/ok/9107?q=%E0%A6%AF%E0%A6%BC",
    "/ok/x/%2e%2E/9108": "/ok/9108",
    "/ok/9109?a='|[]^`{}#b": "/ok/9109?a=%27|[]^`{}",
    "ok/9110?;": "/ok/9110?;",
}
OTHER_HOST = "http://kalbela.com/ok/9150"
# The first URL of a story, which yields none, and the next one.
ALTERNATIVES = {
    "/ok/amp/9201": "/ok/9201",
    f"/ok/9202?q={YYA_ONE}": f"/ok/9202?q={YYA_TWO}",
    "/ok/empty/9203": "/ok/9203",
    "/ok/home/9204": "/ok/9204",
    "/ok/away/9205": "/ok/9205",
}
MANY = [f"/ok/many{number}/9300" for number in range(9)]
LOCATION = f"\\\\www.kalbela.com\\ok\\9401?q={YYA_ONE}&%zz".encode()

fixed("url_robots", f"User-agent: *\nDisallow: /ok/9202?q={YYA_ONE}\n".encode(), content_type="text/plain")
raw("url_moved", lambda visit: b"HTTP/1.1 301 Moved\r\nLocation: " + LOCATION + b"\r\nContent-Length: 0\r\n\r\n")
raw("url_home", lambda visit: b"HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n")
raw("url_away", lambda visit: b"HTTP/1.1 302 Found\r\nLocation: //evil.test/\r\nContent-Length: 0\r\n\r\n")
BEHAVIOURS["url_empty"] = lambda visit: visit.reply(b"<html><body><p>no story</p></body></html>")


@pytest.fixture(scope="module")
def crawled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[FaultSite, CommandResult]]:
    links = [*REQUESTED, OTHER_HOST, *ALTERNATIVES, *ALTERNATIVES.values(), *MANY, "/ok/old/9401"]
    places = {"/ok/amp/9201": "s404", "/ok/empty/9203": "url_empty", "/ok/home/9204": "url_home"}
    places |= {"/ok/away/9205": "url_away", "/ok/old/9401": "url_moved"} | dict.fromkeys(MANY, "s404")
    with FaultSite(popular=lambda server: links, robots="url_robots", places=places, otherwise="ok") as paper:
        yield paper, paper.crawl(tmp_path_factory.mktemp("urls"))


Crawled = tuple[FaultSite, CommandResult]


def test_targets_are_sent_as_linked(crawled: Crawled) -> None:
    paper, ended = crawled
    targets = {target for host, target in paper.server.seen if host == HOST}
    assert set(REQUESTED.values()) <= targets
    assert (("kalbela.com", "/ok/9150")) in paper.server.seen
    fetched = ended.fetches().set_index("story_id")["url"]
    assert {SITE + target for target in REQUESTED.values()} | {OTHER_HOST} <= set(fetched)
    stories = ended.table("stories")
    assert {f"kalbela:{number}" for number in (*range(9101, 9111), 9150)} <= set(stories["story_id"])
    assert not stories["url"].str.contains("[?%]").any()


def test_location_is_followed_as_sent(crawled: Crawled) -> None:
    paper, _ = crawled
    assert paper.server.seen[HOST, "/ok/9401?q=%E0%A7%9F&%zz"] == 1


def test_robots_match_the_requested_octets(crawled: Crawled) -> None:
    paper, _ = crawled
    assert (HOST, "/ok/9202?q=%E0%A7%9F") not in paper.server.seen
    assert paper.server.seen[HOST, "/ok/9202?q=%E0%A6%AF%E0%A6%BC"] == 1


def test_next_url_is_tried_when_first_fails(crawled: Crawled) -> None:
    _, ended = crawled
    rows = ended.fetches()
    outcomes = {story_id: set(group["outcome"]) for story_id, group in rows.groupby("story_id")}
    assert {number: outcomes[f"kalbela:{number}"] for number in range(9201, 9206)} == {
        9201: {"gone", "story"},
        9202: {"robots", "story"},
        9203: {"rejected", "story"},
        9204: {"redirected", "story"},
        9205: {"offsite", "story"},
    }
    assert ended.report["urls"]["complete"]


def test_alternatives_are_bounded_and_counted(crawled: Crawled) -> None:
    _, ended = crawled
    assert (ended.fetches()["story_id"] == "kalbela:9300").sum() == 4
    assert ended.report["alternatives"] == {"requested": 5 + 3, "left_out": 5}
