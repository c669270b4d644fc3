"""Import of WARC files of other programs: what it adds, in which order, and what a second import changes."""

import gzip
import json
import os
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tests.support.commands import khobor
from tests.support.forked_commands import run_command
from tests.support.frozen_pages import PAGES, Case
from tests.support.processes import KHOBOR
from tests.support.warc_records import written

CASE = Case(PAGES / "kalbela" / "rich-text")
URL = CASE.told("case.json")["url"]
HEADLINE = CASE.told("expected.json")["headline"]
HTML = {"Content-Type": "text/html; charset=utf-8"}
START = datetime(2026, 3, 1, 6, tzinfo=UTC)


def version(headline: str, hour: float, url: str = URL, **changes: Any) -> bytes:
    """Return a record of the page with another headline, captured some hours after the start."""
    body = CASE.html.replace(HEADLINE, headline).encode()
    date = f"{START + timedelta(hours=hour):%Y-%m-%dT%H:%M:%SZ}"
    return written(url, headers=[*HTML.items()], body=body, date=date, **changes)


def import_file(data: Path, records: Sequence[bytes], name: str = "a.warc.gz") -> dict[str, Any]:
    file = data.parent / name
    file.write_bytes(b"".join(map(gzip.compress, records)))
    done = khobor("import", str(file), "--json", "--data", str(data))
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


def revisions(data: Path) -> list[tuple[int, str]]:
    """Return number and headline of each revision of the story, after checking its times."""
    found = pd.concat([pd.read_parquet(data / name) for name in ("revisions", "stories")]).sort_values("revision")
    assert set(found["first_seen_at"]) == {found["appeared_by"].min()}
    after, by = found["appeared_after"].iloc[1:], found["appeared_by"].iloc[1:]
    assert (after < by).all()
    assert [*after] == [*found["fetched_at"].iloc[:-1]]
    return [*zip(found["revision"], found["headline"], strict=True)]


def content(data: Path) -> dict[str, list[dict[str, Any]]]:
    """Return every row of every table, without the ids of runs and the places in the archive."""
    tables = {}
    for folder in sorted(path for path in data.iterdir() if any(path.glob("site=*")) and path.name != "archive"):
        rows = pd.read_parquet(folder).drop(
            columns=["run_id", "archive_file", "archive_offset", "archive_length"], errors="ignore"
        )
        tables[folder.name] = sorted(rows.astype(str).to_dict("records"), key=str)
    return tables


def test_imported_versions_are_ordered_by_time(tmp_path: Path) -> None:
    data = tmp_path / "data"
    found = import_file(data, [version("দ্বিতীয়", 2), version("দ্বিতীয়", 3)])
    outcomes = {"story": 1, "unchanged": 1}
    assert found["sites"]["kalbela"] == {"pages": 2, "outcomes": outcomes, "stories": 1, "revisions": 0}
    assert revisions(data) == [(1, "দ্বিতীয়")]
    import_file(data, [version("তৃতীয়", 4), version("প্রথম", 1)])  # after and before what is stored
    assert revisions(data) == [(1, "প্রথম"), (2, "দ্বিতীয়"), (3, "তৃতীয়")]
    import_file(data, [version("আড়াই", 3.5), version("প্রথম", 0.5)])  # between, and the same even earlier
    assert revisions(data) == [(1, "প্রথম"), (2, "দ্বিতীয়"), (3, "আড়াই"), (4, "তৃতীয়")]
    assert pd.read_parquet(data / "stories")["first_seen_at"].item() == START + timedelta(hours=0.5)
    assert khobor("check", "--data", str(data)).returncode == 0


def test_order_of_imports_changes_nothing(tmp_path: Path) -> None:
    records = [version(name, hour) for hour, name in enumerate(("এক", "দুই", "দুই", "এক", "তিন", "চার"))]
    (tmp_path / "at once").mkdir()
    import_file(tmp_path / "at once" / "data", records)
    for n, part in enumerate((records[3:5], records[:1], records[1:3], records[5:])):
        import_file(tmp_path / "data", part, f"{n}.warc.gz")
    assert content(tmp_path / "data") == content(tmp_path / "at once" / "data")


def test_second_import_changes_nothing(tmp_path: Path) -> None:
    data = tmp_path / "data"
    records = [version("এক", 1), version("দুই", 30), version("দুই", 30), version("এক", 1)]
    assert import_file(data, records)["skipped"] == {"known": 2}
    before = {path: path.read_bytes() for path in data.rglob("*.*") if path.suffix in (".parquet", ".gz")}
    again = import_file(data, records)
    assert again["sites"]["kalbela"] == {"pages": 0, "outcomes": {}, "stories": 0, "revisions": 0}
    assert again["skipped"] == {"known": 4}
    assert {path: path.read_bytes() for path in data.rglob("*.*") if path.suffix in (".parquet", ".gz")} == before


def test_file_like_those_of_cc_news_is_imported(tmp_path: Path) -> None:
    records = [
        written("https://www.example.org/news/1"),
        version("খবর", 1),
        version("খবর", 1),
        version("খবর", 2, url="https://www.kalbela.com/"),
        version("খবর", 3, status="404 Not Found"),
        version("খবর", 4, status="301 Moved Permanently"),
        version("খবর", 5).replace(b"WARC-Date: 2026", b"WARC-Date: MMXX"),
        version("খবর", 6, kind="resource"),
        written("file:///etc/passwd"),
        written("http://[::1/", body=b""),
        written(URL, "request", body=b""),
        version("খবর", 7)[:-4_000],
    ]
    found = import_file(tmp_path / "data", records)
    assert found["sites"]["kalbela"]["outcomes"] == {"story": 1}
    skipped = {
        "known": 1,
        "not_a_story": 1,
        "status_404": 1,
        "status_301": 1,
        "no_date": 1,
        "other_type": 1,
        "no_response": 1,
    }
    skipped |= {"other_url": 2, "not_http": 1, "truncated": 1}
    assert found["skipped"] == skipped
    assert set(pd.read_parquet(tmp_path / "data" / "fetches")["via"]) == {"import"}


@pytest.mark.parametrize("content", [b"", b"<html>", b"\x1f\x8b\x08\x00"])
def test_other_file_stops_no_import(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "bad.warc").write_bytes(content)
    (tmp_path / "good.warc").write_bytes(version("খবর", 1))
    names = [str(tmp_path / name) for name in ("bad.warc", "missing.warc", "good.warc")]
    done = khobor("import", *names, "--data", str(tmp_path / "data"))
    assert done.returncode == 8
    assert len(done.stderr.splitlines()) == 2
    assert len(pd.read_parquet(tmp_path / "data" / "stories")) == 1
    assert khobor("import", *names[:2], "--data", str(tmp_path / "data")).returncode == 2


POINTS = ("import.archived:2=kill", "archive.written:3=enospc", "commit.renamed:3=kill")
OTHERS = (
    *("archive.opened=kill", "archive.written:2=kill", "archive.synced=enospc", "publish.prepared=kill"),
    *("stage.written:2=enospc", "publish.merged:2=kill", "rebuild.complete=kill", "exchange.ready=kill"),
    *("exchange.folder:3=kill", "exchange.ledger=kill", "exchange.done=kill", "lock.taken=kill", "ledger.created=kill"),
)


@pytest.mark.parametrize("point", [*POINTS, *(pytest.param(each, marks=pytest.mark.soak) for each in OTHERS)])
def test_failed_import_is_completed_by_next(tmp_path: Path, point: str) -> None:
    records = [version(name, hour) for hour, name in enumerate(("এক", "দুই", "তিন", "চার"))]
    (tmp_path / "at once").mkdir()
    import_file(tmp_path / "at once" / "data", records)
    file, data = tmp_path / "a.warc.gz", tmp_path / "data"
    file.write_bytes(b"".join(map(gzip.compress, records)))
    environment = os.environ | {"KHOBOR_FAILPOINT": point, "KHOBOR_TESTING": "1"}
    failed = run_command([*KHOBOR, "import", str(file), "--data", str(data)], env=environment)
    assert failed.returncode == (-9 if point.endswith("kill") else 7), failed.stderr
    assert len(failed.stderr.splitlines()) == (0 if point.endswith("kill") else 1), failed.stderr
    import_file(data, records)
    assert content(data) == content(tmp_path / "at once" / "data")
    assert khobor("check", "--data", str(data)).returncode == 0
