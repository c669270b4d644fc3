"""Archived pages of a crawl: listed, shown and extracted by commands, and opened in the dashboard."""

import hashlib
import io
import json
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from warcio.archiveiterator import ArchiveIterator

from pipelines.archive.wacz import surt
from pipelines.archive.writer import ArchiveWriter
from pipelines.storage.data_folder import DataFolder
from tests.newspaper import Newspaper
from tests.support.archived_pages import archived_page
from tests.support.builders import LedgerFolder, make_exchange, make_fetch, make_story
from tests.support.commands import FinishedCrawl, khobor
from tests.support.dashboard_data import MOMENT, DashboardClient, DashboardData, serving

RUN = "20260212T020000Z-kalbela-00aa"
HOSTILE_PAGE = """<!DOCTYPE html><html><head><meta charset=utf-8><meta http-equiv=refresh content="0;url={0}/refresh">
<base href="{0}/"><link rel=stylesheet href="{0}/style"><LINK rel=preconnect href="{0}"><script src="{0}/js"></script>
<style>body {{ background: url({0}/background) }} @import "{0}/import";</style></head>
<body onload="fetch('{0}/handler')"><h1>খবর</h1><img src="{0}/image" onerror="alert(1)"><iframe src="{0}/frame">
</iframe><svg><image href="{0}/svg"/><script>alert(2)</script></svg><object data="{0}/object"></object>
<form action="{0}/form"><input autofocus onfocus="this.form.submit()"></form>\x1b[31m \u202e</body></html>"""


@pytest.fixture(scope="module")
def crawled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FinishedCrawl]:
    paper = Newspaper(seed=11, stories=60, decoys=False)
    with paper.serve() as mirror:
        found = FinishedCrawl(paper, mirror, tmp_path_factory.mktemp("archived"))
        found.report = found.crawl()
        yield found


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[DashboardClient, str]]:
    kept = LedgerFolder.at(tmp_path / "data")
    kept.ledger.runs.begin(RUN, MOMENT, "full")
    writer = ArchiveWriter(kept.dataset, kept.ledger, RUN)
    body = HOSTILE_PAGE.format("http://127.0.0.1:9").encode()
    fetch = make_fetch(101, MOMENT, run_id=RUN, status=200, story_id="kalbela:101")
    place = writer.write(make_exchange(fetch.url, MOMENT, body=body, headers=[(b"X-Odd", b"<b>\x1b[31m")]))
    fetch.archive_file, fetch.archive_offset, fetch.archive_length = place
    kept.ledger.urls.record(fetch)
    kept.keep(make_story(101, MOMENT, first_seen_at=MOMENT, fetched_at=MOMENT, appeared_by=MOMENT))
    writer.close()
    kept.publish()
    kept.close()
    (tmp_path / "timetable.toml").write_text("")
    with serving(DashboardData(kept.dataset, tmp_path / "timetable.toml")) as page:
        [shown] = page.json("/stories/kalbela:101.json")["pages"]
        yield page, shown["place"]


def archive(crawled: FinishedCrawl, action: str, *arguments: str) -> list[dict[str, Any]]:
    done = khobor("archive", action, "--data", str(crawled.data), "--json", *arguments)
    assert done.returncode == 0, done.stderr
    return list(json.loads(done.stdout))


def test_fetches_refer_to_their_responses(crawled: FinishedCrawl) -> None:
    fetches = crawled.table("fetches")
    received = fetches["status"].notna()
    assert fetches.loc[received, "archive_file"].notna().all()
    stories = fetches[fetches["outcome"] == "story"]
    assert len(stories) > 30
    for fetch in stories.itertuples():
        assert f"/{fetch.story_id.partition(':')[2]}" in archived_page(
            crawled.data, f"{fetch.archive_file}:{fetch.archive_offset}"
        )


def test_responses_are_found_by_story_url_run_and_place(crawled: FinishedCrawl) -> None:
    fetches = crawled.table("fetches")
    own = fetches[fetches["outcome"] == "story"].iloc[0]
    place = f"{own['archive_file']}:{own['archive_offset']}"
    for wanted in (own["story_id"], own["url"], place):
        assert {row["url"] for row in archive(crawled, "list", wanted)} == {own["url"]}
    everything = archive(crawled, "list", crawled.report["run_id"], "--limit", "10000")
    assert len(everything) == fetches["archive_file"].notna().sum()
    assert [row["fetched_at"] for row in everything] == sorted((row["fetched_at"] for row in everything), reverse=True)
    assert len(archive(crawled, "list")) == 20
    assert archive(crawled, "list", "--until", "2020-01-01") == []
    assert khobor("archive", "list", "kalbela:0", "--data", str(crawled.data)).returncode == 2


def test_shown_and_extracted_text_is_that_of_page(crawled: FinishedCrawl, tmp_path: Path) -> None:
    fetches = crawled.table("fetches")
    own = fetches[fetches["outcome"] == "story"].iloc[0]
    page = archived_page(crawled.data, f"{own['archive_file']}:{own['archive_offset']}")
    [shown] = archive(crawled, "show", own["story_id"])
    assert shown["text"] == page
    assert ["Content-Encoding", "gzip"] in shown["headers"]
    [extracted] = archive(crawled, "extract", own["story_id"], "--out", str(tmp_path / "out"))
    assert Path(str(extracted["file"])).read_text() == page
    [raw] = archive(crawled, "extract", own["story_id"], "--out", str(tmp_path / "out"), "--raw")
    assert Path(str(raw["file"])).read_bytes()[:2] == b"\x1f\x8b"
    inside = khobor("archive", "extract", "--data", str(crawled.data), "--out", str(crawled.data / "archive"))
    assert inside.returncode == 2


def test_missing_archive_is_named(crawled: FinishedCrawl, tmp_path: Path) -> None:
    fetches = crawled.table("fetches")
    file = crawled.data / fetches["archive_file"].dropna().iloc[0]
    moved = file.rename(tmp_path / "moved")
    try:
        done = khobor("archive", "show", "--data", str(crawled.data))
        assert (done.returncode, file.name in done.stderr) == (2, True)
        assert khobor("check", "--data", str(crawled.data)).returncode == 8
    finally:
        moved.rename(file)
    assert khobor("check", "--data", str(crawled.data)).returncode == 0


def test_archive_off_leaves_no_file(tmp_path: Path) -> None:
    paper = Newspaper(seed=11, stories=60)
    with paper.serve() as mirror:
        found = FinishedCrawl(paper, mirror, tmp_path / "data")
        found.crawl("-sKHOBOR_ARCHIVE=False", "--max-pages", "5")
    assert not (tmp_path / "data" / "archive").exists()
    assert found.table("fetches")["archive_file"].isna().all()


@pytest.mark.parametrize("form", ["txt", "html"])
def test_dashboard_opens_page_harmlessly(served: tuple[DashboardClient, str], form: str) -> None:
    page, place = served
    path = f"/archive/kalbela/2026-02-12/{RUN}/{place.rpartition(':')[2]}.{form}"
    assert path in page.request("/stories/kalbela:101")[2]
    status, headers, text = page.request(path)
    assert status == 200
    assert headers["content-type"].startswith("text/plain" if form == "txt" else "text/html")
    assert headers["x-content-type-options"] == "nosniff"
    if form == "txt":
        assert "X-Odd: <b>\\x1b[31m" in text
        assert "<script src=" in text
        assert "\x1b" not in text
    else:
        assert not {"<script", "<link", "<LINK", "<meta", "<base", "<iframe", "<object", "<form"} & {
            text[at : at + length] for at in range(len(text)) for length in (5, 6, 7)
        }
    assert page.request(path.replace(".", "9."))[0] == 404


def test_common_dashboard_opens_page_of_host(served: tuple[DashboardClient, str], tmp_path: Path) -> None:
    (tmp_path / "data" / "runs").mkdir(exist_ok=True)
    path = f"/archive/kalbela/2026-02-12/{RUN}/{served[1].rpartition(':')[2]}.txt"
    with serving(DashboardData(DataFolder(tmp_path), tmp_path / "timetable.toml")) as common:
        assert "X-Odd" in common.request(path)[2]


@pytest.mark.parametrize(
    "path",
    [
        "/archive/kalbela/2026-02-12/../1.txt",
        "/archive/..%2f..%2fetc/2026-02-12/passwd/1.txt",
        f"/archive/kalbela/2026-02-12/{RUN}/x.txt",
        f"/archive/kalbela/2026-02-12/{RUN}/99999999999999999999.html",
        f"/archive/nowhere/2026-99-99/{RUN}/1.html",
    ],
)
def test_other_paths_are_not_found(served: tuple[DashboardClient, str], path: str) -> None:
    assert served[0].request(path)[0] == 404


def test_wacz_is_read_by_its_index(crawled: FinishedCrawl, tmp_path: Path) -> None:
    out = tmp_path / "paper.wacz"
    done = khobor("archive", "export", "--wacz", str(out), "--data", str(crawled.data), "--json")
    counts = json.loads(done.stdout)
    with zipfile.ZipFile(out) as wacz:
        package = json.loads(wacz.read("datapackage.json"))
        assert package["wacz_version"] == "1.1.1"
        for resource in package["resources"]:
            content = wacz.read(resource["path"])
            assert resource["hash"] == f"sha256:{hashlib.sha256(content).hexdigest()}"
            assert resource["bytes"] == len(content)
        archives = [info for info in wacz.infolist() if info.filename.startswith("archive/")]
        assert {info.compress_type for info in archives} == {zipfile.ZIP_STORED}
        lines = wacz.read("indexes/index.cdx").decode().splitlines()
        assert lines == sorted(lines)
        assert len(lines) == counts["responses"] > 60
        for line in lines[::10]:
            fields = json.loads(line.split(" ", 2)[2])
            content = wacz.read(f"archive/{fields['filename']}")[int(fields["offset"]) :][: int(fields["length"])]
            record = next(iter(ArchiveIterator(io.BytesIO(content))))
            assert record.rec_headers.get_header("WARC-Target-URI") == fields["url"]
            assert record.http_headers.get_statuscode() == fields["status"]
        header, *pages = [json.loads(line) for line in wacz.read("pages/pages.jsonl").decode().splitlines()]
    assert header["format"] == "json-pages-1.0"
    titles = dict(crawled.table("stories")[["url", "headline"]].to_numpy())
    found = {page["url"]: page["title"] for page in pages if "title" in page}
    assert found.items() <= titles.items()  # a story's canonical URL may be another than the requested one
    assert len(found) > 0.9 * len(titles)
    assert counts["cut"] == 0
    for line in (["--run", "none"], ["--since", "2999-01-01"], ["--since", "yesterday"]):
        export = khobor("archive", "export", "--wacz", str(tmp_path / "x"), "--data", str(crawled.data), *line)
        assert (export.returncode, (tmp_path / "x").exists()) == (2, False)


@pytest.mark.parametrize(
    ("url", "key"),
    [
        ("https://www.kalbela.com/", "com,kalbela)/"),
        ("http://WWW2.Example.org:80/A/B/?b=2&a=1", "org,example)/a/b?a=1&b=2"),
        ("https://example.org:8443/x", "org,example:8443)/x"),
        ("https://www.com/", "com)/"),
    ],
)
def test_key_of_index_is_that_of_other_programs(url: str, key: str) -> None:
    assert surt(url) == key


def test_export_counts_files_with_damage(crawled: FinishedCrawl, tmp_path: Path) -> None:
    copy = tmp_path / "data"
    shutil.copytree(crawled.data / "archive", copy / "archive")
    for file in copy.rglob("*.warc.gz"):
        file.write_bytes(file.read_bytes()[:-40])
    export = ("archive", "export", "--wacz", str(tmp_path / "x.wacz"), "--data", str(copy))
    counts = json.loads(khobor(*export, "--json").stdout)
    assert counts["cut"] == counts["files"] > 0
    assert "khobor check" in khobor(*export).stdout
