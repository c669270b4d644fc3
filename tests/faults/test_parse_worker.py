"""Parse worker: a page that ends it fails with a named error, and the next pages are parsed."""

import asyncio
import gc
import hashlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from crawler.decoding.decode_errors import PageTooLarge, ParserCrashed
from crawler.outcomes import Outcome
from crawler.parsing.parser import PageResponse, ParsedPage
from crawler.spiders.kalbela import Kalbela
from crawler.worker import extension
from crawler.worker.extension import ParserFailed, ParseWorker
from pipelines.storage.site_lock import SiteLock
from tests.support.fault_site import FaultSite
from tests.support.fault_site import crawl as crawled
from tests.support.faulty_steps import SPOILT, STEPS, after_text_steps, with_step
from tests.support.frozen_pages import CASES
from tests.support.processes import crawl_command, process_ended, start_command

AT = datetime(2026, 1, 11, 14, tzinfo=UTC)
URL = "https://www.kalbela.com/world/1"


CHILDREN = "/proc/{0}/task/{0}/children"
needs_proc = pytest.mark.skipif(not Path(CHILDREN.format(os.getpid())).exists(), reason="nobody tells of processes")


def never_ends() -> None:
    hashlib.pbkdf2_hmac("sha256", b"", b"", 2**31 - 1)


def waits() -> None:
    time.sleep(3_600)


def crashes() -> None:
    os.kill(os.getpid(), signal.SIGSEGV)


def leaves() -> None:
    os._exit(7)


def hogs() -> None:
    bytearray(2 * extension.MAX_PAGE_MEMORY)


def is_wrong() -> None:
    raise LookupError("no such thing")


class Misreader:
    """Does with a page what the page says, and worker of it how long it is."""

    def __init__(self, **does: Callable[[], object]) -> None:
        self._does = does

    def parse(self, answer: PageResponse) -> ParsedPage:
        does = self._does.get(answer.body.decode().strip())
        if does is not None:
            does()
        return ParsedPage(listing_id=f"{len(answer.body)} of {os.getpid()}")


def a_page(body: str | bytes) -> PageResponse:
    return PageResponse(url=URL, body=body.encode() if isinstance(body, str) else body, fetched_at=AT)


def within(reading: Callable[[ParseWorker], Coroutine[Any, Any, Any]], reader: object) -> Any:
    """What comes of reading in an event loop; the process is ended in any case."""

    async def read() -> Any:
        worker = ParseWorker(reader, Kalbela.entry_points, ())  # type: ignore[arg-type]
        try:
            return await asyncio.wait_for(reading(worker), 60)
        finally:
            worker.close()

    return asyncio.run(read())


def all_of(*pages: str | bytes) -> Callable[[ParseWorker], Coroutine[Any, Any, list[Any]]]:
    """Hand all pages over at once; what came of each, readings and errors."""

    async def read(worker: ParseWorker) -> list[Any]:
        return await asyncio.gather(*(worker.parse(a_page(page)) for page in pages), return_exceptions=True)

    return read


def length(reading: ParsedPage) -> int:
    return int(str(reading.listing_id).split()[0])


def process(reading: ParsedPage) -> int:
    return int(str(reading.listing_id).split()[-1])


def test_pages_are_read_in_another_process_in_their_order() -> None:
    sizes = [7, 300_000, 1, 70_000, 2_000_000, *range(1, 200)]
    readings = within(all_of(*(b"x" * size for size in sizes)), Misreader())
    assert [length(reading) for reading in readings] == sizes
    assert {process(reading) for reading in readings}.isdisjoint({os.getpid()})
    assert len({process(reading) for reading in readings}) == 1


@pytest.mark.parametrize(
    ("does", "refusal", "said"),
    [
        (crashes, ParserCrashed, "crashes the parser (SIGSEGV)"),
        (os.abort, ParserCrashed, "crashes the parser (SIGABRT)"),
        (never_ends, PageTooLarge, "takes more than 1 s of CPU"),
        (hogs, PageTooLarge, "more memory than allowed"),
        (leaves, ParserCrashed, "ended with code 7"),
    ],
)
def test_a_page_that_ends_the_process_is_refused_and_the_others_are_read(
    does: Callable[[], None], refusal: type[Exception], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(extension, "MAX_CPU_SECONDS", 1)
    pages = ("one", "two", "evil", "three", "evil", "four and more")
    one, two, evil, three, again, four = within(all_of(*pages), Misreader(evil=does))
    assert [length(reading) for reading in (one, two, three, four)] == [3, 3, 5, 13]
    for each in (evil, again):
        assert isinstance(each, refusal)
        assert said in str(each)


def test_an_error_of_ours_is_raised_where_the_page_is_asked_for_with_its_traceback() -> None:
    wrong, right = within(all_of("evil", "good"), Misreader(evil=is_wrong))
    assert isinstance(wrong, ParserFailed)
    assert str(wrong) == "LookupError: no such thing"
    assert "in is_wrong" in wrong.__notes__[0]
    assert length(right) == 4


def test_a_kill_from_outside_says_nothing_of_the_page_but_two_do() -> None:
    async def killed(worker: ParseWorker, times: int) -> Any:
        first = await worker.parse(a_page("first"))
        reading = asyncio.ensure_future(worker.parse(a_page("long")))
        last, pid = asyncio.ensure_future(worker.parse(a_page("last"))), process(first)
        for _ in range(times):
            await asyncio.sleep(0.3)
            os.kill(pid, signal.SIGKILL)
            await asyncio.sleep(0.1)
            assert worker._child is not None
            pid = worker._child._pid
        return (await asyncio.gather(reading, return_exceptions=True))[0], await last

    def long() -> None:
        time.sleep(0.9)

    once, last = within(lambda worker: killed(worker, 1), Misreader(long=long))
    assert (length(once), length(last)) == (4, 4)
    twice, last = within(lambda worker: killed(worker, 2), Misreader(long=long))
    assert isinstance(twice, ParserCrashed)
    assert "killed twice" in str(twice)
    assert length(last) == 4


def test_a_process_that_does_nothing_any_more_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extension, "MAX_RESPONSE_SECONDS", 0.5)
    lost, good = within(all_of("lost", "good"), Misreader(lost=waits))
    assert isinstance(lost, ParserCrashed)
    assert length(good) == 4


def test_a_process_that_was_killed_while_it_had_nothing_to_do_is_replaced() -> None:
    async def read(worker: ParseWorker) -> tuple[ParsedPage, ParsedPage]:
        first = await worker.parse(a_page("first"))
        os.kill(process(first), signal.SIGKILL)
        await asyncio.sleep(0.2)
        return first, await worker.parse(a_page("second"))

    first, second = within(read, Misreader())
    assert process(first) != process(second)
    assert length(second) == 6


def test_where_no_process_can_be_made_the_page_waits_for_another_run(monkeypatch: pytest.MonkeyPatch) -> None:
    def full() -> int:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    async def read(worker: ParseWorker) -> tuple[Any, ParsedPage]:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(os, "fork", full)
            evil = (await asyncio.gather(worker.parse(a_page("evil")), return_exceptions=True))[0]
        return evil, await worker.parse(a_page("good"))

    refused, good = within(read, Misreader(evil=crashes))
    assert isinstance(refused, ParserCrashed)  # the one over which the process ended
    assert length(good) == 4
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fork", full)
        (refused,) = within(all_of("good"), Misreader())
    assert "no process could be started to parse it: Resource temporarily unavailable" in str(refused)


def test_what_is_given_up_is_not_reached() -> None:
    async def read(worker: ParseWorker) -> list[Any]:
        pages = [asyncio.ensure_future(worker.parse(a_page("lost"))) for _ in range(3)]
        await asyncio.sleep(0.2)
        worker.give_up()
        return await asyncio.gather(*pages, return_exceptions=True)

    assert {error.outcome for error in within(read, Misreader(lost=waits))} == {Outcome.PENDING}


def test_nonsense_from_the_process_is_an_error_where_the_page_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(extension, "dump_parsed_page", lambda reading: b'{"no": "reading"}')
        nonsense, _ = within(all_of("one", "two"), Misreader())
    assert isinstance(nonsense, TypeError)


def test_signals_that_end_a_crawl_do_not_end_its_reading() -> None:
    async def read(worker: ParseWorker) -> ParsedPage:
        first = await worker.parse(a_page("first"))
        for number in (signal.SIGINT, signal.SIGTERM):
            os.kill(process(first), number)
        second = await worker.parse(a_page("second"))
        assert process(first) == process(second)
        return second

    assert length(within(read, Misreader())) == 6


class Left:
    """What nobody holds any more but itself, as a connection may be; it says in which process it is let go of."""

    def __init__(self, file: Path) -> None:
        self._file, self.myself = file, self

    def __del__(self) -> None:
        with self._file.open("a") as log:
            print(os.getpid(), file=log)


def test_what_the_crawl_has_is_not_let_go_of_where_pages_are_read(tmp_path: Path) -> None:
    gc.disable()
    try:
        Left(tmp_path / "log")
        [reading] = within(all_of("collect"), Misreader(collect=gc.collect))
    finally:
        gc.enable()
    assert process(reading) != os.getpid()
    assert not (tmp_path / "log").exists()
    gc.collect()
    assert (tmp_path / "log").read_text() == f"{os.getpid()}\n"


def test_real_pages_are_read_there_as_here() -> None:
    spider = Kalbela()
    answers = [
        PageResponse(url=case.told("case.json")["url"], body=case.html.encode(), fetched_at=AT, is_story=True)
        for case in CASES
        if case.newspaper is Kalbela
    ]

    async def read() -> list[ParsedPage]:
        worker = ParseWorker(spider.page_parser, spider.entry_points, STEPS)
        try:
            return await asyncio.gather(*map(worker.parse, answers))
        finally:
            worker.close()

    here = [spider.page_parser.parse(answer) for answer in answers]
    for reading in here:
        reading.story = reading.story and after_text_steps(reading.story)
    assert asyncio.run(read()) == here
    assert sum(reading.story is not None for reading in here) > 10


LAUNCHED = """
import asyncio, os, sqlite3, sys, threading, time
from datetime import UTC, datetime
from pathlib import Path
from crawler.worker.extension import ParseWorker
from crawler.parsing.parser import PageResponse, ParsedPage
from pipelines.storage.site_lock import SiteLock

lock = SiteLock.take(Path(sys.argv[1]))
ledger = sqlite3.connect(sys.argv[2])
threading.Thread(target=time.sleep, args=(60,), daemon=True).start()

class PageParser:
    def parse(self, answer):
        if answer.body:
            while True:
                pass
        return ParsedPage(listing_id=f"{os.getpid()} {','.join(sorted(os.listdir('/proc/self/fd')))}")

async def read():
    worker = ParseWorker(PageParser(), (), ())
    answer = PageResponse(url="", body=b"", fetched_at=datetime.now(UTC))
    print((await worker.parse(answer)).listing_id, flush=True)
    await worker.parse(PageResponse(url="", body=b"x", fetched_at=datetime.now(UTC)))

asyncio.run(read())
"""


@needs_proc
@pytest.mark.timeout(30)
@pytest.mark.parametrize("is_reading", [True, False])
def test_it_holds_nothing_and_is_gone_with_the_crawl(tmp_path: Path, is_reading: bool) -> None:
    lock = tmp_path / "kalbela.lock"
    arguments = [sys.executable, "-c", LAUNCHED, str(lock), str(tmp_path / "ledger.sqlite")]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        reader, descriptors = parent.stdout.readline().split()
        assert descriptors.split(",") == ["0", "1", "2", "3", "4"], "three that all have, the link, the listed folder"
        if is_reading:
            time.sleep(0.3)
        parent.kill()
    assert process_ended(int(reader), 10)
    SiteLock.take(lock).release()


def reader_of(crawl: int) -> int | None:
    children = Path(CHILDREN.format(crawl)).read_text().split()
    return int(children[0]) if children else None


def stories(data: Path) -> dict[str, tuple[Any, ...]]:
    rows = pd.read_parquet(data / "stories").to_dict("records")
    left_out = {"run_id", "fetched_at", "first_seen_at", "discovered_via", "depth", "tags", "cluster_id"}
    return {
        row["story_id"]: (
            *(None if pd.isna(value) else value for name, value in sorted(row.items()) if name not in left_out),
            *row["tags"],
        )
        for row in rows
    }


def test_a_whole_crawl_keeps_the_same_with_and_without(tmp_path: Path) -> None:
    with FaultSite(["s404", "gzip", "soft404"]) as paper:
        kept = {}
        for apart_or_not in ("True", "False"):
            ended = crawled(paper.server.base, tmp_path / apart_or_not, "-s", f"KHOBOR_PARSE_IN_WORKER={apart_or_not}")
            assert ended.exit_code in (0, 3)
            assert ended.report["urls"]["complete"]
            kept[apart_or_not] = stories(tmp_path / apart_or_not)
    assert kept["True"] == kept["False"]
    assert kept["True"]


def test_an_error_of_ours_costs_a_whole_crawl_one_page_and_is_kept_with_it(tmp_path: Path) -> None:
    with FaultSite(["s404", "gzip"]) as paper:
        ended = crawled(paper.server.base, tmp_path, "-s", with_step("fail_one_story"))
    assert ended.report["urls"]["complete"]
    rows = ended.fetches()
    assert tuple(rows.loc["/ok/5002", ["outcome", "reason"]]) == ("unreadable", "ReaderCrashed")
    assert rows.loc["/ok/5001", "outcome"] == "story"
    [reject] = ended.table("rejects").to_dict("records")
    assert (reject["reason"], reject["story_id"]) == ("ReaderCrashed", SPOILT)
    assert "LookupError: no such thing" in reject["detail"]
    assert (tmp_path / reject["page"]).is_file()
    assert "in fail_one_story" in ended.log()


@needs_proc
def test_a_crawl_whose_reader_is_killed_again_and_again_loses_nothing(tmp_path: Path) -> None:
    with FaultSite(["s404", "gzip"]) as paper:
        calm = crawled(paper.server.base, tmp_path / "calm")
        command = crawl_command(paper.server.base, tmp_path / "killed", "-sDOWNLOAD_DELAY=0.1")
        with start_command(command, tmp_path / "killed") as run:
            run.until(run.progress)
            killed = 0
            while run.process.poll() is None and killed < 8:
                if (reader := reader_of(run.holder())) is not None:
                    os.kill(reader, signal.SIGKILL)
                    killed += 1
                time.sleep(0.15)
            run.process.communicate(timeout=60)
    assert killed > 3
    assert stories(tmp_path / "killed") == stories(tmp_path / "calm")
    assert calm.report["stories"]["new"] > 1
