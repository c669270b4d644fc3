"""Builders of run reports, and a timetable."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from pipelines.storage.data_folder import DataFolder

NIGHT = """\
[schedule.night]
sentence = "The whole paper"
sites = ["kalbela"]
mode = "full"
cron = "15 2 * * *"
zone = "Asia/Dhaka"
max_pages = 2000
max_minutes = 180

[schedule.day]
sentence = "Its lists"
sites = ["kalbela"]
mode = "incremental"
cron = "0 * * * *"
zone = "Asia/Dhaka"
max_pages = 100
max_minutes = 10
"""
START = datetime(2026, 11, 22, 12, tzinfo=UTC)


def alarm(name: str, sentence: str = "", **more: Any) -> dict[str, Any]:
    said = sentence or f"{name}: filled in 0 of 52 stories"
    return {"key": f"kalbela/field/{name}", "kind": "field", "site": "kalbela", "sentence": said} | more


def make_report(
    at: datetime = START,
    *alarms: dict[str, Any],
    code: int | None = None,
    schedule: str | None = "night",
    mode: str | None = None,
    **more: Any,
) -> dict[str, Any]:
    """Return the report of a run of one minute."""
    code = (9 if alarms else 0) if code is None else code
    report = {
        "run_id": f"{at:%Y%m%dT%H%M%SZ}-kalbela-{abs(hash((schedule, at))) % 65_536:04x}",
        "site": "kalbela",
        "started_at": at.isoformat(),
        "ended_at": (at + timedelta(minutes=1)).isoformat(),
        "reason": "finished",
        "urls": {"discovered": 60, "outcomes": {"story": 52, "gone": 8}, "complete": True},
        "stories": {"new": 52, "revised": 3, "unchanged": 0, "exact_duplicates": 0, "gone": 0},
        "rejects": {"NoBody": 2},
        "lists": {"latest/kept": 1, "latest/seen": 60},
        "fields": {"headline": {"filled": 52, "of": 52, "by": {}}, "byline": {"filled": 13, "of": 52, "by": {}}},
        "requests": 60,
        "alarms": list(alarms),
        "verdict": {"exit_code": code, "problems": [each["sentence"] for each in alarms]},
    }
    if schedule is not None:
        report["schedule"] = {"name": schedule, "due": None}
    if mode is not None:
        report["mode"] = mode
    return report | more


def keep(dataset: DataFolder, report: dict[str, Any]) -> Path:
    path = dataset.run(report["run_id"])
    dataset.write_text(path, json.dumps(report, ensure_ascii=False), durable=False)
    return path
