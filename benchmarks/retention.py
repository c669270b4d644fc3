"""Retention benchmark: CPU of `khobor metrics` with many reports, and the growth of a site's records in a year."""

import json
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.measuring import Spread
from benchmarks.report import table
from pipelines.storage.data_folder import DataFolder
from tests.support.project import PROJECT

MANY = 13_500
MAX_CPU_SECONDS = 1.0
_SAMPLE = PROJECT / "data" / "sample"
# The shipped timetable: a full run of some 3,000 URLs and 35 incremental runs of some 120 a day.
_RUNS_PER_DAY, _FETCHES_PER_DAY = 36, 7_200
_START = datetime(2025, 1, 1, tzinfo=UTC)


def retention(reports: int, rounds: int) -> str:
    """Run the benchmark and return its report with the limit for the metrics."""
    with tempfile.TemporaryDirectory(prefix="khobor-bench-") as folder:
        data = DataFolder(Path(folder, "data"))
        size = _write_reports(data, reports)
        empty = DataFolder(Path(folder, "empty"))
        empty.prepare()
        first = _metrics_cpu(data)
        spent = {name: Spread.of([_metrics_cpu(each) for _ in range(rounds)]) for name, each in
                 (("no report", empty), (f"{reports:,} reports, with their totals kept", data))}  # fmt: skip
    rows = [[name, each.text()] for name, each in spent.items()]
    rows.insert(1, [f"{reports:,} reports, the first time ever", f"{first:.3f}"])
    ours = spent[f"{reports:,} reports, with their totals kept"].middle
    verdict = "kept" if ours <= MAX_CPU_SECONDS else "NOT kept"
    return "\n\n".join(
        (
            f"`khobor metrics` in a new process, {rounds} rounds (median, least and most).",
            table(["", "CPU s"], rows),
            f"Bound: {MAX_CPU_SECONDS:.1f} s of CPU: {verdict} ({ours:.2f} s).",
            f"A site with the shipped timetable, {_RUNS_PER_DAY} runs and {_FETCHES_PER_DAY:,} fetches a day:",
            table(["", "bytes each", "MB a year"], _growth(size, _rolled_up_size())),
        )
    )


def _write_reports(data: DataFolder, count: int) -> float:
    """Write reports like those of the sample, one in 40 minutes; return their mean size in bytes."""
    data.prepare()
    patterns = [json.loads(path.read_bytes()) for path in sorted((_SAMPLE / "runs").glob("*.json"))]
    size = 0
    for number in range(count):
        at = _START + timedelta(minutes=40 * number)
        report = patterns[number % len(patterns)] | {
            "run_id": f"{at:%Y%m%dT%H%M%SZ}-kalbela-{number % 65_536:04x}",
            "started_at": at.isoformat(),
            "ended_at": (at + timedelta(minutes=9)).isoformat(),
            "schedule": {"name": "kalbela-day", "due": f"{at:%Y-%m-%dT%H:%M}"},
        }
        size += data.run(report["run_id"]).write_text(json.dumps(report, ensure_ascii=False, indent=1))
    return size / count


def _metrics_cpu(data: DataFolder) -> float:
    return _child_cpu(
        lambda: subprocess.run(
            [sys.executable, "-m", "khobor", "metrics", "--data", str(data.root)],
            cwd=PROJECT,
            stdout=subprocess.DEVNULL,
            check=True,
        )
    )


def _child_cpu(run: Callable[[], object]) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    run()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _rolled_up_size() -> float:
    """Return the bytes of a report of the sample that is compressed beside the others, as in a rolled-up file."""
    reports = [json.dumps(json.loads(path.read_bytes())).encode() for path in (_SAMPLE / "runs").glob("*.json")]
    return len(pa.compress(b"".join(reports), "zstd", asbytes=True)) / len(reports)


def _growth(report: float, rolled_up: float) -> list[list[str]]:
    files = list((_SAMPLE / "fetches").rglob("*.parquet"))
    fetch = sum(path.stat().st_size for path in files) / sum(pq.read_metadata(path).num_rows for path in files)
    return [
        [name, f"{size:,.0f}", f"{size * per_day * 365 / 1e6:,.1f}"]
        for name, size, per_day in (
            ("report, as a file", report, _RUNS_PER_DAY),
            ("report, rolled up", rolled_up, _RUNS_PER_DAY),
            ("row of `fetches`", fetch, _FETCHES_PER_DAY),
        )
    ]
