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
from unittest.mock import Mock

import pandas as pd
import pytest

from crawler.decoding.decode_errors import PageTooLarge, ParserCrashed
from crawler.outcomes import Outcome
from crawler.parsing.parser import PageResponse, ParsedPage
from crawler.spiders.kalbela import Kalbela
from crawler.worker import extension
from crawler.worker.extension import ParserFailed, ParseWorker
from pipelines.storage.site_lock import SiteLock
from tests.support.fault_site import SEED, FaultSite
from tests.support.faulty_steps import SPOILT, STEPS, after_text_steps, with_step
from tests.support.frozen_pages import CASES
from tests.support.processes import crawl_command, process_ended, start_command

Reading = Callable[[ParseWorker], Coroutine[Any, Any, Any]]
AT = datetime(2026, 1, 11, 14, tzinfo=UTC)
CHILDREN = "/proc/{0}/task/{0}/children"
needs_proc = pytest.mark.skipif(not Path(CHILDREN.format(os.getpid())).exists(), reason="needs /proc")


def crash() -> None:
    os.kill(os.getpid(), signal.SIGSEGV)


def fail() -> None:
    raise LookupError("no such thing")


def sleep_long() -> None:
    time.sleep(3_600)


class ScriptedParser:
    """Parser that runs the action named by a page, and returns the page's length and its own pid."""

    def __init__(self, **does: Callable[[], object]) -> None:
        self._does = does

    def parse(self, page: PageResponse) -> ParsedPage:
        if does := self._does.get(page.body.decode().strip()):
            does()
        return ParsedPage(listing_id=f"{len(page.body)} of {os.getpid()}")


def make_page(body: str | bytes) -> PageResponse:
    body = body.encode() if isinstance(body, str) else body
    return PageResponse(url="https://www.kalbela.com/world/1", body=body, fetched_at=AT)


def within(reading: Reading, reader: object, steps: Any = ()) -> Any:
    """Run a coroutine with a parse worker, and end the worker."""

    async def read() -> Any:
        worker = ParseWorker(reader, Kalbela.entry_points, steps)  # type: ignore[arg-type]
        try:
            return await asyncio.wait_for(reading(worker), 60)
        finally:
            worker.close()

    return asyncio.run(read())


def parse_all(*pages: str | bytes | PageResponse) -> Reading:
    """Parse all pages at once; return the result or error of each."""

    async def read(worker: ParseWorker) -> list[Any]:
        responses = [page if isinstance(page, PageResponse) else make_page(page) for page in pages]
        return await asyncio.gather(*map(worker.parse, responses), return_exceptions=True)

    return read


def length(reading: ParsedPage) -> int:
    return int(str(reading.listing_id).split()[0])


def process(reading: ParsedPage) -> int:
    return int(str(reading.listing_id).split()[-1])


def test_worker_parses_pages_in_order() -> None:
    sizes = [7, 300_000, 1, 70_000, 2_000_000, *range(1, 200)]
    results = within(parse_all(*(b"x" * size for size in sizes)), ScriptedParser())
    assert [length(reading) for reading in results] == sizes
    [pid] = {process(reading) for reading in results}
    assert pid != os.getpid()


@pytest.mark.parametrize(
    ("does", "error", "reason"),
    [
        (crash, ParserCrashed, "SIGSEGV"),
        (os.abort, ParserCrashed, "SIGABRT"),
        (lambda: hashlib.pbkdf2_hmac("sha256", b"", b"", 2**31 - 1), PageTooLarge, "more than 1 s of CPU"),
        (lambda: bytearray(2 * extension.MAX_PAGE_MEMORY), PageTooLarge, "more memory"),
        (lambda: os._exit(7), ParserCrashed, "code 7"),
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
    wrong, right = within(parse_all("evil", "good"), ScriptedParser(evil=fail))
    assert isinstance(wrong, ParserFailed)
    assert str(wrong) == "LookupError: no such thing"
    assert "in fail" in wrong.__notes__[0]
    assert length(right) == 4


def test_page_fails_after_second_kill_only() -> None:
    async def killed(worker: ParseWorker, times: int) -> Any:
        first = await worker.parse(make_page("first"))
        reading = asyncio.ensure_future(worker.parse(make_page("long")))
        last, pid = asyncio.ensure_future(worker.parse(make_page("last"))), process(first)
        for _ in range(times):
            await asyncio.sleep(0.3)
            os.kill(pid, signal.SIGKILL)
            while (child := worker._child) is None or child._pid == pid:
                await asyncio.sleep(0.01)
            pid = child._pid
        return (await asyncio.gather(reading, return_exceptions=True))[0], await last

    parser = ScriptedParser(long=lambda: time.sleep(0.9))
    once, last = within(lambda worker: killed(worker, 1), parser)
    assert (length(once), length(last)) == (4, 4)
    twice, last = within(lambda worker: killed(worker, 2), parser)
    assert isinstance(twice, ParserCrashed)
    assert "killed twice" in str(twice)
    assert length(last) == 4


def test_hanging_worker_is_killed_after_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extension, "MAX_RESPONSE_SECONDS", 0.5)
    lost, good = within(parse_all("lost", "good"), ScriptedParser(lost=sleep_long))
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
    full = Mock(side_effect=BlockingIOError(11, "Resource temporarily unavailable"))

    async def read(worker: ParseWorker) -> tuple[Any, ParsedPage]:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(os, "fork", full)
            evil = (await asyncio.gather(worker.parse(make_page("evil")), return_exceptions=True))[0]
        return evil, await worker.parse(make_page("good"))

    failed, good = within(read, ScriptedParser(evil=crash))
    assert isinstance(failed, ParserCrashed)  # it ended the worker
    assert length(good) == 4
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fork", full)
        (failed,) = within(parse_all("good"), ScriptedParser())
    assert "Resource temporarily unavailable" in str(failed)


def test_given_up_pages_are_pending() -> None:
    async def read(worker: ParseWorker) -> list[Any]:
        pages = [asyncio.ensure_future(worker.parse(make_page("lost"))) for _ in range(3)]
        await asyncio.sleep(0.2)
        worker.close()
        return await asyncio.gather(*pages, return_exceptions=True)

    assert {error.outcome for error in within(read, ScriptedParser(lost=sleep_long))} == {Outcome.PENDING}


def test_malformed_result_fails_its_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extension, "dump_parsed_page", lambda reading: b'{"no": "reading"}')
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

    here = [spider.page_parser.parse(page) for page in pages]
    for reading in here:
        reading.story = reading.story and after_text_steps(reading.story)
    assert within(parse_all(*pages), spider.page_parser, STEPS) == here
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
        standard, others = descriptors.split(",")[:3], descriptors.split(",")[3:]
        assert (standard, len(others)) == (["0", "1", "2"], 2), "standard streams, socket and the listed folder"
        if is_reading:
            time.sleep(0.3)
        parent.kill()
    assert process_ended(int(reader), 10)
    SiteLock.take(lock).release()


def stories(data: Path) -> dict[str, tuple[Any, ...]]:
    rows = pd.read_parquet(data / "stories")
    names = ["run_id", "fetched_at", "first_seen_at", "appeared_by", "discovered_via", "depth", "cluster_id"]
    rows = rows.drop(columns=names)
    rows["tags"] = rows["tags"].map(tuple)
    rows = rows.astype(object).where(rows.notna(), None)
    return {row["story_id"]: tuple(row.values()) for row in rows.to_dict("records")}


def test_crawl_stores_same_stories_without_worker(tmp_path: Path) -> None:
    with FaultSite(["s404", "gzip", "soft404"]) as paper:
        kept = {}
        for in_worker in ("True", "False"):
            ended = paper.crawl(tmp_path / in_worker, "-s", f"KHOBOR_PARSE_IN_WORKER={in_worker}")
            assert ended.exit_code in (0, 3)
            assert ended.report["urls"]["complete"]
            kept[in_worker] = stories(tmp_path / in_worker)
    assert kept["True"] == kept["False"]
    assert kept["True"]


def test_internal_error_costs_crawl_one_page(tmp_path: Path) -> None:
    with FaultSite(["s404", "gzip"]) as paper:
        ended = paper.crawl(tmp_path, "-s", with_step("fail_one_story"))
    assert ended.report["urls"]["complete"]
    rows = ended.fetches()
    assert tuple(rows.loc["/ok/5002", ["outcome", "reason"]]) == ("unreadable", "ReaderCrashed")
    assert rows.loc["/ok/5001", "outcome"] == "story"
    [reject] = ended.table("rejects").to_dict("records")
    assert (reject["reason"], reject["story_id"]) == ("ReaderCrashed", SPOILT)
    assert "LookupError: no such thing" in reject["detail"]
    assert (tmp_path / reject["page"].rpartition(":")[0]).is_file()
    assert "in fail_one_story" in ended.log()


def test_crashed_parser_costs_one_page(tmp_path: Path) -> None:
    with FaultSite(["s404", "gzip", "soft404"]) as paper:
        ended = paper.crawl(tmp_path, "-s", with_step("crash_on_one_story"))
        again = paper.crawl(tmp_path)
    assert ended.exit_code in (0, 3)
    assert ended.report["urls"]["complete"]
    crashed = ended.fetches().loc["/ok/5002"]
    assert (crashed["story_id"], crashed["outcome"], crashed["attempts"]) == (SPOILT, "unreadable", 1)
    assert "SIGSEGV" in crashed["reason"]
    assert {"/ok/5001", SEED} <= {*ended.fetches().query("outcome == 'story'").index}
    assert again.fetches().loc["/ok/5002", "outcome"] == "story"


@needs_proc
def test_crawl_survives_repeated_kills_of_worker(tmp_path: Path) -> None:
    with FaultSite(["s404", "gzip"]) as paper:
        calm = paper.crawl(tmp_path / "calm")
        command = crawl_command(paper.server.base, tmp_path / "killed", "-sDOWNLOAD_DELAY=0.1")
        with start_command(command, tmp_path / "killed") as run:
            run.until(run.progress)
            killed = 0
            while run.process.poll() is None and killed < 8:
                for worker in Path(CHILDREN.format(run.holder())).read_text().split()[:1]:
                    os.kill(int(worker), signal.SIGKILL)
                    killed += 1
                time.sleep(0.15)
            run.process.communicate(timeout=60)
    assert killed > 3
    assert stories(tmp_path / "killed") == stories(tmp_path / "calm")
    assert calm.report["stories"]["new"] > 1
