"""Import of the files of wget, and of records in the forms in which other programs write them."""

import gzip
import hashlib
import json
import os
import sqlite3
import subprocess
import time
import zlib
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import brotli  # type: ignore[import-untyped]
import pandas as pd
import pytest
from backports import zstd

from tests.integration.test_import import CASE, HEADLINE, START, URL, import_file, revisions, version
from tests.newspaper import Newspaper
from tests.newspaper.replicas import REPLICAS
from tests.support.commands import khobor
from tests.support.processes import KHOBOR
from tests.support.project import PROJECT
from tests.support.warc_records import DAMAGE, written
from tests.support.wget import FORMS, forms_served, needs_wget, run_wget

PAGE = CASE.html.encode()
MAX_MEMORY = 320 * 1_024  # KiB, of which an import without a record takes some 190


def sent(hour: float, body: Callable[[bytes], bytes] = bytes, url: str = URL, **headers: str) -> bytes:
    """Return a record of the page with its hour as headline and with other headers."""
    page = CASE.html.replace(HEADLINE, f"শিরোনাম {hour}").encode()
    date = f"{START + timedelta(hours=hour):%Y-%m-%dT%H:%M:%SZ}"
    fields = [("content-type", "text/html; charset=utf-8"), *((k.replace("_", "-"), v) for k, v in headers.items())]
    return written(url, headers=fields, body=body(page), date=date)


def in_chunks(body: bytes) -> bytes:
    return b"%x\r\n%b\r\n%x;a=b\r\n%b\r\n0\r\n\r\n" % (99, body[:99], len(body) - 99, body[99:])


LENGTH = str(len(gzip.compress(PAGE)))
#: The forms in which other programs store the page.
TAKEN: dict[str, Callable[[int], bytes]] = {
    "Heritrix: as sent": lambda n: sent(n, gzip.compress, Content_Encoding="gzip"),
    "wget: with chunks": lambda n: sent(n, in_chunks, Transfer_Encoding="chunked"),
    "wget: with compressed chunks": lambda n: sent(
        n, lambda body: in_chunks(gzip.compress(body)), Transfer_Encoding="chunked", Content_Encoding="gzip"
    ),
    "wget: URL in brackets": lambda n: sent(n).replace(b"URI: " + URL.encode(), b"URI: <" + URL.encode() + b">"),
    "CC-NEWS until 2019: headers as sent": lambda n: sent(
        n, Content_Encoding="gzip", Transfer_Encoding="chunked", Content_Length=LENGTH
    ),
    "CC-NEWS until 2019: Brotli": lambda n: sent(n, Content_Encoding="br", Content_Length=LENGTH),
    "CC-NEWS until 2019: two headers": lambda n: sent(n, Content_Encoding="gzip", content_encoding="gzip"),
    "CC-NEWS since 2019": lambda n: sent(
        n, X_Crawler_Content_Encoding="gzip", X_Crawler_Transfer_Encoding="chunked", X_Crawler_Content_Length=LENGTH
    ),
    "Browsertrix: HTTP/2": lambda n: sent(n).replace(b"HTTP/1.1 200 OK", b"HTTP/2.0    200"),
    "an encoding that is none": lambda n: sent(n, Content_Encoding="utf-8"),
    "deflate": lambda n: sent(n, zlib.compress, Content_Encoding="deflate"),
    "Brotli": lambda n: sent(n, brotli.compress, Content_Encoding="br"),
    "Zstandard": lambda n: sent(n, zstd.compress, Content_Encoding="zstd"),
    "another version of WARC": lambda n: sent(n).replace(b"WARC/1.0", b"WARC/0.18", 1),
    "a port that is usual": lambda n: sent(n, url=URL.replace("https://www.kalbela.com", "http://WWW.kalbela.com:80")),
    "a query and a fragment": lambda n: sent(n, url=f"{URL}?utm_source=খবর#top"),
    "an AMP page": lambda n: sent(n, url=URL.replace(".com/", ".com/amp/")),
}
#: What is not imported, by its reason.
LEFT: dict[str, tuple[str, bytes]] = {
    "a list": ("not_a_story", sent(1, url="https://www.kalbela.com/latest-news")),
    "a feed": ("not_a_story", sent(1, url="https://www.kalbela.com/rss/latest-rss.xml")),
    "a sitemap": ("not_a_story", sent(1, url="https://www.kalbela.com/sitemap.xml")),
    "a port": ("other_url", sent(1, url=URL.replace(".com/", ".com:8080/"))),
    "a password": ("invalid_url", sent(1, url=URL.replace("//", "//me:secret@"))),
    "a body shorter than its length": ("truncated", sent(1, Content_Length="9999999")),
    "a cut chunk": ("truncated", sent(1, lambda body: in_chunks(body)[:-99], Transfer_Encoding="chunked")),
    "a cut stream": ("undecodable", sent(1, lambda body: gzip.compress(body)[:-99], Content_Encoding="gzip")),
    "an unknown encoding": ("undecodable", sent(1, gzip.compress, Content_Encoding="rot13")),
    "a bomb": ("too_large", sent(1, lambda _: gzip.compress(bytes(2**24)), Content_Encoding="gzip")),
    "a large body": ("too_large", sent(1, lambda body: body * (2**23 // len(body) + 1))),
    **{f"status {code}": (f"status_{code}", version("খবর", 1, status=f"{code} ?")) for code in (301, 404, 410, 503)},
}


def state(data: Path) -> dict[str, str]:
    """Return a digest of each file, and of the content of each ledger."""
    found = {}
    for path in sorted(data.rglob("*.*")):
        if path.is_dir() or path.suffix in (".lock", ".sqlite-wal", ".sqlite-shm"):
            continue
        if path.suffix == ".sqlite":
            with sqlite3.connect(path) as ledger:
                content = "\n".join(ledger.iterdump()).encode()
        else:
            content = path.read_bytes()
        found[str(path.relative_to(data))] = hashlib.sha256(content).hexdigest()
    return found


def test_every_form_of_page_is_imported(tmp_path: Path) -> None:
    data, records = tmp_path / "data", [form(n) for n, form in enumerate(TAKEN.values(), start=1)]
    found = import_file(data, records)
    assert found["skipped"] == {}
    expected = {name: f"শিরোনাম {n}" for n, name in enumerate(TAKEN, start=1)}
    assert [headline for _, headline in revisions(data)] == [*expected.values()]
    before = state(data)
    assert import_file(data, records)["skipped"] == {"known": len(TAKEN)}
    assert state(data) == before
    assert khobor("check", "--data", str(data)).returncode == 0


def test_every_record_is_imported_or_counted(tmp_path: Path) -> None:
    records = [record for _, record in LEFT.values()]
    found = import_file(tmp_path / "data", [sent(2), *records])
    reasons = pd.Series([reason for reason, _ in LEFT.values()]).value_counts().to_dict()
    assert found["skipped"] == reasons
    assert found["records"] == 1 + len(records)
    assert found["sites"]["kalbela"]["outcomes"] == {"story": 1}


def test_page_without_story_is_counted(tmp_path: Path) -> None:
    cut = version("খবর", 1).replace(b"</body></html>", b"<!-- cut here")
    empty = written(URL, body=b"<html><title>503 Service Unavailable</title></html>", date="2026-03-02T00:00:00Z")
    found = import_file(tmp_path / "data", [cut, empty])
    assert found["sites"]["kalbela"]["outcomes"] == {"corrupt": 1, "soft_error": 1}
    assert found["sites"]["kalbela"]["stories"] == 0


def revisit(hour: float, original: bytes, *, by_id: bool = False) -> bytes:
    """Return a record that refers to another one, by its id, as wget does, or by its URL and date."""
    fields = dict(line.split(b": ", 1) for line in original.partition(b"\r\n\r\n")[0].split(b"\r\n")[1:])
    refers = b"To-Target-URI: %b\r\nWARC-Refers-To-Date: %b" % (fields[b"WARC-Target-URI"], fields[b"WARC-Date"])
    line = b"WARC-Refers-" + (b"To: " + fields[b"WARC-Record-ID"] if by_id else refers)
    return sent(hour, lambda _: b"").replace(b"Type: response", b"Type: revisit\r\nWARC-Truncated: length\r\n" + line)


@pytest.mark.parametrize("by_id", [False, True])
def test_revisit_is_sight_of_unchanged_story(tmp_path: Path, by_id: bool) -> None:
    data, original = tmp_path / "data", sent(1)
    records = [revisit(5, original, by_id=by_id), original, revisit(3, sent(2))]
    found = import_file(data, records)  # the first comes before its response
    assert (found["skipped"], found["sites"]["kalbela"]["outcomes"]) == ({"revisit": 1}, {"story": 1, "unchanged": 1})
    [story] = pd.read_parquet(data / "stories").to_dict("records")
    assert story["fetched_at"] == START + timedelta(hours=5)
    before = state(data)
    assert import_file(data, records)["sites"]["kalbela"]["pages"] == 0
    assert state(data) == before


def test_revisit_of_stored_page_is_imported(tmp_path: Path) -> None:
    data, original = tmp_path / "data", sent(1)
    import_file(data, [original])
    assert import_file(data, [revisit(48, original)])["sites"]["kalbela"]["outcomes"] == {"unchanged": 1}


def test_news_of_many_sites_are_imported(tmp_path: Path) -> None:
    """A file like those of CC-NEWS: hosts, duplicates, old layouts, unknown sites and damage, in no order."""
    records, stories = list[bytes](), dict[str, int]()
    for site in ("ittefaq", "jugantor", "prothomalo", "samakal"):
        replica = REPLICAS[site]
        for n, piece in enumerate(replica.pieces[:5]):
            page = written(replica.url(piece), body=replica.page(piece), date=f"2026-01-0{n + 1}T00:00:00Z")
            records += [page] * (1 + n % 2)
        stories[site] = 5
    old = b"<html><body><h1>x</h1><p>" + "কিছু লেখা। ".encode() * 99 + b"</p></body></html>"
    records += [version("আগে", 1), version("পরে", 2), written("https://www.kalbela.com/world/2", body=old)]
    records += [written(f"https://www.example.org/{n}") for n in range(50)]
    records += [edit(written("https://www.ittefaq.com.bd/1/x")) for edit, _ in DAMAGE.values()]
    found = import_file(tmp_path / "data", records[::-1])
    assert {site: each["stories"] for site, each in found["sites"].items()} == stories | {"kalbela": 1}
    assert found["skipped"]["known"] == 8 + 2  # two damaged records are whole enough
    pages = sum(each["pages"] for each in found["sites"].values())
    assert found["records"] == pages + sum(found["skipped"].values())


@needs_wget
@pytest.mark.parametrize("options", [[], ["--no-warc-compression"], ["--compression=auto"]])
def test_files_of_wget_are_imported(tmp_path: Path, options: list[str]) -> None:
    paper = Newspaper(seed=11, stories=60, decoys=False)
    urls = [story.url.replace("https:", "http:") for story in paper.truth().values()][: len(FORMS)]
    pages: dict[str, tuple[str, bytes]] = {}
    for form, url in zip(FORMS, urls, strict=True):
        response, _ = paper.answer("www.kalbela.com", url.partition(".com")[2], {})
        assert response is not None
        pages[url] = form, response.body
    data = tmp_path / "data"
    with forms_served(pages) as proxy:
        asked = [*urls, "http://www.kalbela.com/world/999999999", "http://www.kalbela.com/"]
        first = run_wget(tmp_path, proxy, "first", asked, "--warc-cdx", *options)
        time.sleep(1.1)  # the dates in its files have seconds
        again = run_wget(tmp_path, proxy, "again", asked, f"--warc-dedup={tmp_path / 'first.cdx'}", *options)
    done = khobor("import", str(first), str(again), "--json", "--data", str(data))
    found: dict[str, Any] = json.loads(done.stdout)
    assert found["sites"]["kalbela"]["outcomes"] == {"story": 5, "unchanged": 5}
    skipped = {name: found["skipped"][name] for name in ("truncated", "revisit", "not_a_story", "status_404")}
    assert skipped == {"truncated": 2, "revisit": 2, "not_a_story": 2, "status_404": 2}
    assert found["records"] == 10 + sum(found["skipped"].values())
    before = state(data)
    khobor("import", str(first), str(again), "--data", str(data))
    assert state(data) == before


@pytest.mark.parametrize("count", [10_000, pytest.param(10_000_000, marks=pytest.mark.soak)])
@pytest.mark.timeout(3_600)
def test_memory_is_flat_over_many_records(tmp_path: Path, count: int) -> None:
    """The file is a pipe, so that it needs no disk; one record in a thousand is of a known site."""
    foreign = b"".join(gzip.compress(written(f"https://www{n}.example.org/{n}")) for n in range(999))
    block = foreign + gzip.compress(version("খবর", 1))

    blocks = count // 1_000
    os.mkfifo(pipe := tmp_path / "pipe")
    command = [*KHOBOR, "import", str(pipe), "--data", str(tmp_path / "data"), "--json"]
    with subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE) as process:
        with pipe.open("wb") as file:
            for _ in range(blocks):
                file.write(block)
            file.flush()
            status = Path(f"/proc/{process.pid}/status").read_text()
        assert process.stdout is not None
        found = json.loads(process.stdout.read())
        _, _, usage = os.wait4(process.pid, 0)
        process.returncode = 0
    assert found["records"] == count
    assert found["skipped"] == {"other_url": blocks * 999, "known": blocks - 1}
    peak = int(status.partition("VmHWM:")[2].split()[0])
    print(f"{peak:,} KiB, {usage.ru_utime + usage.ru_stime:.1f} s; ", end="")
    assert peak < MAX_MEMORY
