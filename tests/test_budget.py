"""What one page may cost: a hostile one is refused or read within seconds, an ordinary one pays nothing for that."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from scrapy.http import HtmlResponse, Request

from crawler import budget
from crawler.records import Story
from crawler.refusals import AnswerBroken, AnswerTooLarge
from crawler.sources import Page
from crawler.spiders.kalbela import Kalbela
from pipelines.lock import SiteLock
from tests.test_pages import CASES

URL = "https://www.kalbela.com/world/north-korea/154313"
BIG, LONGEST = 1_000_000, 7_000_000


def page_of(markup: str | bytes) -> Page:
    return Page(markup, URL, datetime.now(UTC), "text/html")


def answer(markup: str, url: str = URL) -> HtmlResponse:
    return HtmlResponse(url, body=markup.encode(), request=Request(url))


def attributes(size: int, between: str = " ", value: str = "") -> str:
    count = size // (8 + len(between) + len(value))
    return "<div " + between.join(f"a{number:06}{value}" for number in range(count)) + ">"


# Markup that a parser may trip over, repeated until the page is full.
SHAPES = {
    "elements nested without end": "<div>",
    "links that are never closed": "<a href=x><p>",
    "fonts and links across paragraphs": "<a><b><p>",
    "fonts closed from outside": "<b><i><div></i></b>",
    "tables in tables": "<table><tr><td>",
    "links in tables": "<table><a>",
    "lists in lists": "<ul><li><a href=/world/1>",
    "templates": "<template>",
    "drawings": "<svg><g>",
    "tags without an end": "<a ",
    "comments without an end": "<!--",
    "letters by name": "&amp",
    "brackets": "<",
}
TAGS = {
    "apart by blanks": attributes(BIG),
    "apart by slashes": attributes(BIG, "/"),
    "with brackets in their values": attributes(BIG, " ", "='<>'"),
    "apart by nothing": attributes(BIG, "", "='<'"),
    "with a bracket in their names": attributes(BIG, " <"),
}


@pytest.mark.timeout(20)
@pytest.mark.parametrize("size", [250_000, BIG], ids=["small", "large"])
@pytest.mark.parametrize("shape", SHAPES)
def test_a_page_of_a_shape_that_costs_dear_is_read_or_refused_in_seconds(shape: str, size: int) -> None:
    page = page_of(SHAPES[shape] * (size // len(SHAPES[shape])))
    began = time.process_time()
    assert page.tree.body is not None
    assert time.process_time() - began < 5


@pytest.mark.parametrize("charset", ["utf-8", "utf-16"])
@pytest.mark.parametrize("markup", [*TAGS.values(), "&amp" * (LONGEST // 4)], ids=[*TAGS, "seven megabytes of letters"])
def test_what_could_hold_the_parser_is_tried_first(markup: str, charset: str) -> None:
    assert budget.is_heavy(page_of(f"<!doctype html><html><body>{markup}</body></html>".encode(charset)).text)


@pytest.mark.timeout(30)
def test_what_holds_the_parser_is_refused() -> None:
    page = page_of(f"<!doctype html><html><body>{TAGS['apart by slashes']}</body></html>")
    with pytest.raises(AnswerTooLarge, match="takes more than 1 s"):
        budget.rehearse(lambda: page.tree, seconds=1)


def test_a_small_page_is_over_soon_whatever_is_in_it() -> None:
    markup = attributes(budget.SMALL - 10, "/")
    assert not budget.is_heavy(markup)
    began = time.process_time()
    assert page_of(markup).tree.body is not None
    assert time.process_time() - began < 5


def test_the_whole_spider_refuses_a_hostile_page_by_name_and_goes_on() -> None:
    spider = Kalbela()
    hostile = answer(f"<!doctype html><html><body>{TAGS['apart by nothing']}</body></html>")
    (fetch,) = (output for output in spider.parse(hostile) if getattr(output, "outcome", None))
    assert (fetch.outcome, fetch.reason) == (
        "too_large",
        f"reading the page takes more than {budget.SECONDS_TO_REHEARSE} s",
    )
    assert any(isinstance(output, Story) for output in spider.parse(answer(CASES[0].html)))


def test_more_elements_than_any_newspaper_has_are_refused_unread() -> None:
    with pytest.raises(AnswerTooLarge, match="200,000 elements"):
        budget.check(b"<p>" * 200_001)
    budget.check(b"<p>" * 200_000)


def large_front_page() -> str:
    return "<div class=story><a href='/world/1'>" + "খবর " * 40 + "</a></div>\n"


@pytest.mark.parametrize(
    "markup",
    [
        *(case.html for case in CASES),
        large_front_page() * 4_000,
        large_front_page() * 500
        + f"<script>var a = [{'1, ' * 100_000}]; if (a<b) x()</script>"
        + large_front_page() * 500,
        large_front_page() * 3_000 + f"<p data-all='{'<b> ' * 10_000}' title=\"a > b\">",
        large_front_page() * 3_000 + attributes(4_000),
    ],
    ids=[*(case.name for case in CASES), "front page", "long script", "long value", "many attributes"],
)
def test_a_real_page_is_read_once(markup: str) -> None:
    assert not budget.is_heavy(markup)


@pytest.mark.timeout(10)
@pytest.mark.parametrize("start", ["<a b=c", "<a b='", '<a b="', "<a ", "<a b=<", "<"])
def test_looking_for_heavy_tags_takes_no_time_to_speak_of(start: str) -> None:
    budget.is_heavy(start * (budget.LARGE // len(start)))


def test_trying_a_page_asks_no_ledger(monkeypatch: pytest.MonkeyPatch) -> None:
    spider, tried = Kalbela(), []

    def refuse(*_: object) -> bool:
        raise AssertionError("the ledger was asked")

    def rehearse(read: Callable[[], object]) -> None:
        with pytest.MonkeyPatch.context() as patch:
            for name, asks in vars(spider).items():
                if callable(asks):
                    patch.setattr(spider, name, refuse)
            tried.append(read())

    monkeypatch.setattr(budget, "rehearse", rehearse)
    monkeypatch.setattr(budget, "is_heavy", lambda _: True)
    for case in CASES:
        assert list(spider.parse(answer(case.html, case.told("case.json")["url"])))
    assert len(tried) > len(CASES) / 2


# The copy -------------------------------------------------------------------------------------------------------------


def crash() -> None:
    os.kill(os.getpid(), signal.SIGSEGV)


def hang() -> None:
    while True:
        pass


def refuse() -> None:
    raise ValueError("met again when the page is read")


@pytest.mark.parametrize(
    ("read", "refusal", "said"),
    [
        (crash, AnswerBroken, "SIGSEGV"),
        (hang, AnswerTooLarge, "more than 1 s"),
        (lambda: bytearray(2**60), AnswerTooLarge, "memory"),
    ],
)
def test_what_ends_the_copy_is_the_reason(read: Callable[[], object], refusal: type[Exception], said: str) -> None:
    with pytest.raises(refusal, match=said):
        budget.rehearse(read, seconds=1)


@pytest.mark.parametrize("read", [refuse, lambda: signal.raise_signal(signal.SIGINT)], ids=["error", "interrupt"])
def test_an_error_of_the_copy_is_nothing_to_us_and_a_signal_to_it_is_none_to_us(read: Callable[[], object]) -> None:
    heard = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        budget.rehearse(read)
    except AnswerBroken as refusal:
        assert "SIGINT" in refusal.reason
    finally:
        signal.signal(signal.SIGINT, heard)


def test_where_no_copy_can_be_made_the_page_waits_for_another_run(monkeypatch: pytest.MonkeyPatch) -> None:
    def full() -> int:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(os, "fork", full)
    with pytest.raises(AnswerBroken, match="cannot be now"):
        budget.rehearse(hang)


LAUNCHED = """
import os, resource, sqlite3, sys
from pathlib import Path
from crawler import budget
from pipelines.lock import SiteLock

lock = SiteLock.take(Path(sys.argv[1]))
ledger = sqlite3.connect(sys.argv[2])
mapped = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (mapped + 2**26, mapped + 2**26))

def read():
    os.write(1, f"{os.getpid()} {','.join(sorted(os.listdir('/proc/self/fd')))}\\n".encode())
    while True:
        pass

budget.rehearse(read, seconds=60)
"""


@pytest.mark.timeout(30)
def test_the_copy_holds_nothing_and_is_gone_with_its_parent(tmp_path: Path) -> None:
    lock = tmp_path / "kalbela.lock"
    arguments = [sys.executable, "-c", LAUNCHED, str(lock), str(tmp_path / "ledger.sqlite")]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        copy, descriptors = parent.stdout.readline().split()
        assert len(descriptors.split(",")) <= 4, "the three that everybody has, and the folder that is being listed"
        parent.kill()
    end = time.monotonic() + 10
    while Path(f"/proc/{copy}").exists() and " Z " not in Path(f"/proc/{copy}/stat").read_text():
        assert time.monotonic() < end, "the copy goes on"
        time.sleep(0.01)
    SiteLock.take(lock).release()
