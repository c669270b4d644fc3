"""Comparison of recordings: changes are found; variation and listed renames are not."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.support.digests import document, tables
from tests.support.facts import Comparison, facts_of
from tests.support.rename_map import Renames, RenamesFaulty

ROWS: list[dict[str, Any]] = [
    {"url": f"/{n}", "outcome": ("story", "copy")[n % 2], "took": n, "record": '{"kind": "copy"}'} for n in range(99)
]
REPORT = {"run": "a", "kind": "sweep", "books": {"copy": 7, "story": 3}, "stats": {"again/dns": 1, "items/copy": 2}}


def recording(folder: Path, rows: list[dict[str, Any]], report: dict[str, Any], **command: Any) -> dict[str, Any]:
    (folder / "fetches").mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist(rows), folder / "fetches" / "fetches.parquet")
    usual = {"exit": 0, "traceback": False, "stdout": True, "stderr": False, "options": ["--most"]}
    return {
        "tables": {"demo": tables(folder)},
        "reports": {"demo": document("report", report)},
        "files": {"demo": {"state/kalbela.reading": 1, "fetches/fetches.parquet": 1}},
        "exits": {"demo": 0},
        "commands": {"khobor ranks --help": usual | command},
    }


def differences(tmp_path: Path, rows: list[dict[str, Any]], report: dict[str, Any], **command: Any) -> list[str]:
    """Those between the usual recording and this one; `took` and `run` vary by themselves."""
    varied = [row | {"took": row["took"] + 1000} for row in ROWS]
    before = facts_of(recording(tmp_path / "a", ROWS, REPORT), Renames())
    repeat = facts_of(recording(tmp_path / "c", varied, REPORT | {"run": "b"}), Renames())
    after = facts_of(recording(tmp_path / "b", rows, report, **command), Renames())
    return Comparison(before, after, [repeat], Renames()).differences()


def test_volatile_values_are_ignored(tmp_path: Path) -> None:
    rows = [row | {"took": row["took"] + 2000} for row in reversed(ROWS)]
    assert differences(tmp_path, rows, REPORT | {"run": "c"}) == []


@pytest.mark.parametrize(
    ("rows", "report", "command", "named"),
    [
        (ROWS[1:], {}, {}, "rows"),
        ([*ROWS[1:], ROWS[0] | {"url": "/other"}], {}, {}, "url"),
        ([*ROWS[1:], ROWS[0] | {"outcome": "gone"}], {}, {}, "gone"),
        ([row | {"took": str(row["took"])} for row in ROWS], {}, {}, "type"),
        ([row | {"more": 1} for row in ROWS], {}, {}, "more"),
        (ROWS, {"books": {"copy": 7}}, {}, "books · story"),
        (ROWS, {"books": {"copy": 7, "story": 4}}, {}, "books · story"),
        (ROWS, {"other": 1}, {}, "other"),
        (ROWS, {}, {"exit": 1}, "exit"),
        (ROWS, {}, {"options": []}, "--most"),
    ],
)
def test_every_other_change_is_found(
    rows: list[dict[str, Any]], report: dict[str, Any], command: dict[str, Any], named: str, tmp_path: Path
) -> None:
    found = differences(tmp_path, rows, REPORT | report, **command)
    assert any(named in line for line in found)


def test_renamed_names_and_values_are_equal(tmp_path: Path) -> None:
    path = tmp_path / "renames.md"
    path.write_text("""# Renames
| kind | old | new |
| --- | --- | --- |
| outcome | copy | exact_duplicate |
| column | fetches.took | fetches.milliseconds |
| table | fetches | requests |
| key | report.kind | report.mode |
| key | books | run_summary |
| value | fetches.record.kind.copy | fetches.record.kind.exact_duplicate |
| mode | sweep | full |
| stat | again/* | retry_failed/* |
| option | ranks --most | ranks --limit |
| state-file | `.reading` | `.pages` |
| key | (new) | report.version |
""")
    renames = Renames.read(path)
    new = {"story": "story", "copy": "exact_duplicate"}
    rows = [
        {
            "url": row["url"],
            "outcome": new[row["outcome"]],
            "milliseconds": row["took"],
            "record": '{"kind": "exact_duplicate"}',
        }
        for row in ROWS
    ]
    report = {
        "run": "a",
        "mode": "full",
        "run_summary": {"exact_duplicate": 7, "story": 3},
        "stats": {"retry_failed/dns": 1, "items/exact_duplicate": 2},
        "version": 1,
    }
    before = facts_of(recording(tmp_path / "a", ROWS, REPORT), renames)
    after = recording(tmp_path / "b", rows, report, options=["--limit"])
    after["tables"]["demo"] = {"requests": after["tables"]["demo"]["fetches"]}
    after["files"]["demo"] = {"state/kalbela.pages": 1, "requests/requests.parquet": 1}
    assert Comparison(before, facts_of(after, Renames()), [], renames).differences() == []


def test_command_lines_follow_the_renames(tmp_path: Path) -> None:
    path = tmp_path / "renames.md"
    path.write_text("""| command | accept | ack |
| option | alerts --try | alerts --test |
| option | --gone | (removed) |
| setting | KHOBOR_KIND | KHOBOR_MODE |
| mode | sweep | full |
| column | fetches.kind | fetches.mode |
| table | fetches | requests |
""")
    renames = Renames.read(path)
    assert renames.arguments(["khobor", "accept", "KEY", "--data", "D"]) == ["ack", "KEY", "--data", "D"]
    assert renames.arguments(["khobor", "alerts", "--try"]) == ["alerts", "--test"]
    assert renames.arguments(["khobor", "crawl", "--gone"]) is None
    assert renames.arguments(["khobor", "crawl", "-s", "KHOBOR_KIND=sweep"]) == ["crawl", "-s", "KHOBOR_MODE=full"]
    assert renames.arguments(["scrapy", "settings", "--get", "KHOBOR_KIND"]) == ["settings", "--get", "KHOBOR_MODE"]
    sql = "SELECT␣fetches.kind␣FROM␣fetches"
    assert renames.arguments(["khobor", "query", sql]) == ["query", "SELECT␣requests.mode␣FROM␣requests"]


def test_faulty_rows_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "renames.md"
    path.write_text("| colum | a | b |\n")
    with pytest.raises(RenamesFaulty, match=":1: 'colum' must be one of"):
        Renames.read(path)
