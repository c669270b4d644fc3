"""A data folder for the dashboard: revised stories, moved lists, good and failed runs, and hostile texts."""

import json
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import uvicorn

from crawler.items import Snapshot
from pipelines.storage.data_folder import DataFolder
from schedules.dashboard.access import AccessPolicy, access_policy
from schedules.dashboard.app import Dashboard
from schedules.dashboard.data_source import DataSource
from schedules.dashboard.server import UVICORN_OPTIONS
from tests.support.builders import SITE, LedgerFolder, make_reject, make_snapshot, make_story

#: 12 February 2026, 09:00 in Dhaka.
MOMENT = datetime(2026, 2, 12, 3, 0, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
#: Markup, quotes, a line break, bidirectional controls, a terminal escape.
HOSTILE = "</a><script>alert(1)</script>\"'&amp;\n\u202eকাল\u2066বেলা {{ 7 * 7 }} <img src=x onerror=alert(2)>\x1b[31m"
#: The same after sanitising.
HARMLESS = "</a><script>alert(1)</script>\"'&amp; কাল বেলা {{ 7 * 7 }} <img src=x onerror=alert(2)> [31m"
REVISED, HOSTILE_STORY = f"{SITE}:103", f"{SITE}:108"
ALARM = {
    "key": "kalbela/field/byline",
    "kind": "field",
    "site": SITE,
    "field": "byline",
    "layout": "kalbela-2023",
    "selector": ".rpt_name",
    "samples": ["archive/site=kalbela/date=2026-02-12/20260212T000000Z-kalbela-aaaa.warc.gz:1203"],
    "sentence": f"byline was on 9 of 10 stories and is on none of 10: .rpt_name went quiet {HOSTILE}",
}
SCHEDULE = """
[schedule.{0}]
sentence = "{1}"
sites = ["kalbela"]
mode = "{2}"
cron = "{3}"
zone = "Asia/Dhaka"
max_pages = {4}
max_minutes = {5}
"""
TIMETABLE = SCHEDULE.format("night", "All of it, at night", "full", "15 2 * * *", 100, 60)
TIMETABLE += SCHEDULE.format("day", "The lists, by day", "incremental", "0 8-20/4 * * *", 50, 15)


def make_report(at: datetime, schedule: str, **changes: Any) -> dict[str, Any]:
    report: dict[str, Any] = {
        "run_id": f"{at:%Y%m%dT%H%M%SZ}-{SITE}-{at:%d%H}",
        "site": SITE,
        "started_at": at.isoformat(),
        "ended_at": (at + 10 * timedelta(minutes=1)).isoformat(),
        "reason": "finished",
        "mode": {"night": "full", "day": "incremental"}[schedule],
        "schedule": {"name": schedule, "due": None},
        "urls": {"discovered": 40, "outcomes": {"story": 10, "gone": 3, "list": 27}, "complete": True},
        "stories": {"new": 6, "revised": 2, "unchanged": 2, "exact_duplicates": 0, "gone": 1},
        "rejects": {"NoBody": 2},
        "lists": {"latest/seen": 3, "latest/kept": 1},
        "fields": {name: {"filled": 9, "of": 10, "by": {"kalbela-2023/.x": 9}} for name in ("byline", "headline")},
        "requests": 37,
        "verdict": {"exit_code": 0, "problems": []},
    }
    return report | changes


def write_report(dataset: DataFolder, report: Mapping[str, Any]) -> None:
    dataset.runs.mkdir(exist_ok=True)
    dataset.run(report["run_id"]).write_text(json.dumps(report), encoding="utf-8")


@dataclass
class DashboardData:
    dataset: DataFolder
    timetable: Path
    reports: list[dict[str, Any]] = field(default_factory=list)

    def report(self, at: datetime, schedule: str, **changes: Any) -> None:
        self.reports.append(make_report(at, schedule, **changes))
        write_report(self.dataset, self.reports[-1])

    def write_progress(self, reading: str, requests: int = 7) -> None:
        progress = {"run_id": "20260212T025000Z-kalbela-0001", "site": SITE, "state": "crawling", "stories": 3}
        progress |= {"requests": requests, "discovered": 20, "queued": 13, "reading": reading}
        self.dataset.progress(SITE).write_text(json.dumps(progress | {"at": MOMENT.isoformat()}))


def make_dashboard_data(root: Path) -> DashboardData:
    kept = LedgerFolder.at(root / "data")
    for number in range(101, 113):
        _keep(kept, number)
    kept.publish()
    body = "উদ্‌যাপনের খবর ১০৩।\n\nদ্বিতীয় নতুন অনুচ্ছেদ।"
    seen = MOMENT - 3 * DAY - HOUR
    kept.keep(make_story(103, seen, section="sports", first_seen_at=seen, revision=2, body=body))
    for hours, numbers in ((5, (103, 104, 105)), (4, (104, 103, 105)), (1, (106, 103, 108))):
        kept.rank(snapshot_of(MOMENT - hours * HOUR, "popular", numbers))
    kept.rank(snapshot_of(MOMENT - HOUR / 2, "popular", (106, 103, 108)))
    kept.rank(snapshot_of(MOMENT - HOUR, "latest", (111, 112)))
    kept.ledger.add_reject(
        make_reject(MOMENT - HOUR, reason="NoBody", detail=HOSTILE, url="https://www.kalbela.com/x/1")
    )
    kept.ledger.add_reject(make_reject(MOMENT - 2 * HOUR, reason="StepCrashed", url="javascript:alert(1)"))
    kept.publish()
    kept.close()
    (root / "timetable.toml").write_text(TIMETABLE, encoding="utf-8")
    found = DashboardData(kept.dataset, root / "timetable.toml")
    _reports(found)
    return found


def _keep(kept: LedgerFolder, number: int) -> None:
    """Store one of twelve stories of four days and three sections; two have no date, one is hostile."""
    at = MOMENT - (number % 4) * DAY - HOUR
    changes: dict[str, Any] = {
        "section": ("world/asia", "sports", None)[number % 3],
        "first_seen_at": at,
        "run_id": "x",
    }
    changes |= {"headline": HOSTILE, "byline": HOSTILE} if number == 108 else {}
    kept.keep(make_story(number, None if number in (109, 110) else at, **changes))


def snapshot_of(at: datetime, name: str, numbers: tuple[int, ...]) -> Snapshot:
    snapshot = make_snapshot(at, *(HOSTILE if n == 108 else f"শিরোনাম {n}" for n in numbers), name=name)
    for row, number in zip(snapshot.rows, numbers, strict=True):
        row.story_id, row.url = f"{SITE}:{number}", f"https://www.kalbela.com/world/{number}"
    return snapshot


def move_list(folder: DashboardData, numbers: tuple[int, ...]) -> None:
    kept = LedgerFolder.at(folder.dataset.root)
    kept.rank(snapshot_of(MOMENT - HOUR / 4, "popular", numbers))
    kept.publish()
    kept.close()


def _reports(folder: DashboardData) -> None:
    """Write the reports of three full and two incremental runs: one blocked, one with an alarm."""
    night = MOMENT.replace(hour=20, minute=15)
    # The format of old reports.
    old_fields = {"headline": {"filled": 8, "of": 8}, "byline": {"filled": 7, "of": 8}, "url": {}}
    old = make_report(night - 3 * DAY, "night", fields=old_fields)
    for name in ("mode", "schedule"):
        del old[name]
    folder.reports.append(old)
    write_report(folder.dataset, old)
    blocked = {"exit_code": 4, "problems": ["the site turned us away"]}
    folder.report(night - 2 * DAY, "night", verdict=blocked, stories={}, rejects={}, requests=1)
    folder.report(MOMENT - 8 * HOUR, "day")
    coverage = {"low": 1000, "high": 1099, "found": 80, "elsewhere": 5, "rejected": 2, "gone": 3, "not_a_story": 4}
    coverage |= {"never_seen": 6, "estimated_missed": 2.0, "by_entry_point": {"latest": 60, "rss": 20}}
    coverage |= {"gaps": [[1010, 1012], [1050, 1050], [1098, 1099]]}
    fields = {"byline": {"filled": 0, "of": 10, "by": {}}, "headline": {"filled": 10, "of": 10, "by": {}}}
    verdict = {"exit_code": 9, "problems": [ALARM["sentence"]]}
    last = MOMENT - 7 * HOUR + HOUR / 4
    folder.report(last, "night", alarms=[ALARM], verdict=verdict, fields=fields, coverage=coverage)
    stories = {"new": 1, "revised": 1, "unchanged": 0, "exact_duplicates": 0, "gone": 0}
    folder.report(MOMENT - HOUR, "day", stories=stories)


@dataclass
class DashboardClient:
    port: int
    page: Dashboard

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def request(
        self, path: str, method: str = "GET", body: bytes | None = None, **headers: str
    ) -> tuple[int, dict[str, str], str]:
        """Send a request; returns status, headers in lower case, and text."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, body, named)
            answer = connection.getresponse()
            return answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read().decode()
        finally:
            connection.close()

    def json(self, path: str) -> dict[str, Any]:
        status, _, text = self.request(path)
        assert status == 200, text
        return dict(json.loads(text))


@contextmanager
def serving(
    folder: DashboardData, policy: AccessPolicy | None = None, *, clock: Any = lambda: MOMENT
) -> Iterator[DashboardClient]:
    policy = policy or access_policy("127.0.0.1", (), None)
    page = Dashboard(DataSource(folder.dataset, folder.timetable), policy, clock)
    listening = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(page.application(), **UVICORN_OPTIONS)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    try:
        yield DashboardClient(listening.getsockname()[1], page)
    finally:
        server.should_exit = True
        thread.join(10)
        listening.close()
