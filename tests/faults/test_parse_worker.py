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
needs_proc = pytest.mark.skipif(not Path(CHILDREN.format(os.getpid())).exists(), reason="needs /proc")


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


def raises() -> None:
    raise LookupError("no such thing")


class ScriptedParser:
    """Parser that runs the action named by a page, and returns the page's length and its own pid."""

    def __init__(self, **does: Callable[[], object]) -> None:
        self._does = does

    def parse(self, page: PageResponse) -> ParsedPage:
        does = self._does.get(page.body.decode().strip())
        if does is not None:
            does()
        return ParsedPage(listing_id=f"{len(page.body)} of {os.getpid()}")


def make_page(body: str | bytes) -> PageResponse:
    return PageResponse(url=URL, body=body.encode() if isinstance(body, str) else body, fetched_at=AT)


def within(reading: Callable[[ParseWorker], Coroutine[Any, Any, Any]], reader: object) -> Any:
    """Run a coroutine with a parse worker, and end the worker."""

    async def read() -> Any:
        worker = ParseWorker(reader, Kalbela.entry_points, ())  # type: ignore[arg-type]
        try:
            return await asyncio.wait_for(reading(worker), 60)
        finally:
            worker.close()

    return asyncio.run(read())


def parse_all(*pages: str | bytes) -> Callable[[ParseWorker], Coroutine[Any, Any, list[Any]]]:
    """Parse all pages at once; return the result or error of each."""

    async def read(worker: ParseWorker) -> list[Any]:
        return await asyncio.gather(*(worker.parse(make_page(page)) for page in pages), return_exceptions=True)

    return read


def length(reading: ParsedPage) -> int:
    return int(str(reading.listing_id).split()[0])


def process(reading: ParsedPage) -> int:
    return int(str(reading.listing_id).split()[-1])


def test_worker_parses_pages_in_order() -> None:
    sizes = [7, 300_000, 1, 70_000, 2_000_000, *range(1, 200)]
    results = within(parse_all(*(b"x" * size for size in sizes)), ScriptedParser())
    assert [length(reading) for reading in results] == sizes
    assert {process(reading) for reading in results}.isdisjoint({os.getpid()})
    assert len({process(reading) for reading in results}) == 1


@pytest.mark.parametrize(
    ("does", "error", "reason"),
    [
        (crashes, ParserCrashed, "crashes the parser (SIGSEGV)"),
        (os.abort, ParserCrashed, "crashes the parser (SIGABRT)"),
        (never_ends, PageTooLarge, "takes more than 1 s of CPU"),
        (hogs, PageTooLarge, "more memory than allowed"),
        (leaves, ParserCrashed, "ended with code 7"),
    ],
)
def test_page_that_ends_worker_fails_alone(
    does: Callable[[], None], error: type[Exception], reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(extension, "MAX_CPU_SECONDS", 1)
    pages = ("one", "two", "evil", "three", "evil", "four and more")
    one, two, evil, three, again, four = within(parse_all(*pages), ScriptedParser(evil=does))
    assert [length(reading) for reading in (one, two, three, four)] == [3, 3, 5, 13]
    for failure in (evil, again):
        assert isinstance(failure, error)
        assert reason in str(failure)


def test_internal_error_keeps_traceback_of_worker() -> None:
    wrong, right = within(parse_all("evil", "good"), ScriptedParser(evil=raises))
    assert isinstance(wrong, ParserFailed)
    assert str(wrong) == "LookupError: no such thing"
    assert "in raises" in wrong.__notes__[0]
    assert length(right) == 4


def test_page_fails_after_second_kill_only() -> None:
    async def killed(worker: ParseWorker, times: int) -> Any:
        first = await worker.parse(make_page("first"))
        reading = asyncio.ensure_future(worker.parse(make_page("long")))
        last, pid = asyncio.ensure_future(worker.parse(make_page("last"))), process(first)
        for _ in range(times):
            await asyncio.sleep(0.3)
            os.kill(pid, signal.SIGKILL)
            await asyncio.sleep(0.1)
            assert worker._child is not None
            pid = worker._child._pid
        return (await asyncio.gather(reading, return_exceptions=True))[0], await last

    def long() -> None:
        time.sleep(0.9)

    once, last = within(lambda worker: killed(worker, 1), ScriptedParser(long=long))
    assert (length(once), length(last)) == (4, 4)
    twice, last = within(lambda worker: killed(worker, 2), ScriptedParser(long=long))
    assert isinstance(twice, ParserCrashed)
    assert "killed twice" in str(twice)
    assert length(last) == 4


def test_hanging_worker_is_killed_after_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extension, "MAX_RESPONSE_SECONDS", 0.5)
    lost, good = within(parse_all("lost", "good"), ScriptedParser(lost=waits))
    assert isinstance(lost, ParserCrashed)
    assert length(good) == 4


def test_worker_killed_while_idle_is_replaced() -> None:
    async def read(worker: ParseWorker) -> tuple[ParsedPage, ParsedPage]:
        first = await worker.parse(make_page("first"))
        os.kill(process(first), signal.SIGKILL)
        await asyncio.sleep(0.2)
        return first, await worker.parse(make_page("second"))

    first, second = within(read, ScriptedParser())
    assert process(first) != process(second)
    assert length(second) == 6


def test_page_fails_where_fork_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    def full() -> int:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    async def read(worker: ParseWorker) -> tuple[Any, ParsedPage]:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(os, "fork", full)
            evil = (await asyncio.gather(worker.parse(make_page("evil")), return_exceptions=True))[0]
        return evil, await worker.parse(make_page("good"))

    failed, good = within(read, ScriptedParser(evil=crashes))
    assert isinstance(failed, ParserCrashed)  # it ended the worker
    assert length(good) == 4
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fork", full)
        (failed,) = within(parse_all("good"), ScriptedParser())
    assert "no process could be started to parse it: Resource temporarily unavailable" in str(failed)


def test_given_up_pages_are_pending() -> None:
    async def read(worker: ParseWorker) -> list[Any]:
        pages = [asyncio.ensure_future(worker.parse(make_page("lost"))) for _ in range(3)]
        await asyncio.sleep(0.2)
        worker.give_up()
        return await asyncio.gather(*pages, return_exceptions=True)

    assert {error.outcome for error in within(read, ScriptedParser(lost=waits))} == {Outcome.PENDING}


def test_malformed_result_fails_its_page(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(extension, "dump_parsed_page", lambda reading: b'{"no": "reading"}')
        nonsense, _ = within(parse_all("one", "two"), ScriptedParser())
    assert isinstance(nonsense, TypeError)


def test_worker_ignores_signals_that_stop_crawl() -> None:
    async def read(worker: ParseWorker) -> ParsedPage:
        first = await worker.parse(make_page("first"))
        for number in (signal.SIGINT, signal.SIGTERM):
            os.kill(process(first), number)
        second = await worker.parse(make_page("second"))
        assert process(first) == process(second)
        return second

    assert length(within(read, ScriptedParser())) == 6


class Finalised:
    """Object in a reference cycle that logs the process in which it is finalised."""

    def __init__(self, file: Path) -> None:
        self._file, self.myself = file, self

    def __del__(self) -> None:
        with self._file.open("a") as log:
            print(os.getpid(), file=log)


def test_worker_does_not_finalise_parent_objects(tmp_path: Path) -> None:
    gc.disable()
    try:
        Finalised(tmp_path / "log")
        [reading] = within(parse_all("collect"), ScriptedParser(collect=gc.collect))
    finally:
        gc.enable()
    assert process(reading) != os.getpid()
    assert not (tmp_path / "log").exists()
    gc.collect()
    assert (tmp_path / "log").read_text() == f"{os.getpid()}\n"


def test_worker_parses_frozen_pages_like_crawl() -> None:
    spider = Kalbela()
    pages = [
        PageResponse(url=case.told("case.json")["url"], body=case.html.encode(), fetched_at=AT, is_story=True)
        for case in CASES
        if case.newspaper is Kalbela
    ]

    async def read() -> list[ParsedPage]:
        worker = ParseWorker(spider.page_parser, spider.entry_points, STEPS)
        try:
            return await asyncio.gather(*map(worker.parse, pages))
        finally:
            worker.close()

    here = [spider.page_parser.parse(page) for page in pages]
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
    def parse(self, page):
        if page.body:
            while True:
                pass
        return ParsedPage(listing_id=f"{os.getpid()} {','.join(sorted(os.listdir('/proc/self/fd')))}")

async def read():
    worker = ParseWorker(PageParser(), (), ())
    page = PageResponse(url="", body=b"", fetched_at=datetime.now(UTC))
    print((await worker.parse(page)).listing_id, flush=True)
    await worker.parse(PageResponse(url="", body=b"x", fetched_at=datetime.now(UTC)))

asyncio.run(read())
"""


@needs_proc
@pytest.mark.timeout(30)
@pytest.mark.parametrize("is_reading", [True, False])
def test_worker_inherits_nothing_and_ends_with_parent(tmp_path: Path, is_reading: bool) -> None:
    lock = tmp_path / "kalbela.lock"
    arguments = [sys.executable, "-c", LAUNCHED, str(lock), str(tmp_path / "ledger.sqlite")]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        reader, descriptors = parent.stdout.readline().split()
        assert descriptors.split(",") == ["0", "1", "2", "3", "4"], "standard streams, socket and the listed folder"
        if is_reading:
            time.sleep(0.3)
        parent.kill()
    assert process_ended(int(reader), 10)
    SiteLock.take(lock).release()


def worker_of(crawl: int) -> int | None:
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


def test_crawl_stores_same_stories_without_worker(tmp_path: Path) -> None:
    with FaultSite(["s404", "gzip", "soft404"]) as paper:
        kept = {}
        for apart_or_not in ("True", "False"):
            ended = crawled(paper.server.base, tmp_path / apart_or_not, "-s", f"KHOBOR_PARSE_IN_WORKER={apart_or_not}")
            assert ended.exit_code in (0, 3)
            assert ended.report["urls"]["complete"]
            kept[apart_or_not] = stories(tmp_path / apart_or_not)
    assert kept["True"] == kept["False"]
    assert kept["True"]


def test_internal_error_costs_crawl_one_page(tmp_path: Path) -> None:
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
def test_crawl_survives_repeated_kills_of_worker(tmp_path: Path) -> None:
    with FaultSite(["s404", "gzip"]) as paper:
        calm = crawled(paper.server.base, tmp_path / "calm")
        command = crawl_command(paper.server.base, tmp_path / "killed", "-sDOWNLOAD_DELAY=0.1")
        with start_command(command, tmp_path / "killed") as run:
            run.until(run.progress)
            killed = 0
            while run.process.poll() is None and killed < 8:
                if (reader := worker_of(run.holder())) is not None:
                    os.kill(reader, signal.SIGKILL)
                    killed += 1
                time.sleep(0.15)
            run.process.communicate(timeout=60)
    assert killed > 3
    assert stories(tmp_path / "killed") == stories(tmp_path / "calm")
    assert calm.report["stories"]["new"] > 1
