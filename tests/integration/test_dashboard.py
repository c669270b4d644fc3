"""The dashboard over HTTP: its numbers match the data, and access is restricted."""

import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from html.parser import HTMLParser
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from khobor import main
from pipelines.analysis.coverage import site_coverage
from pipelines.analysis.open_table import open_table
from pipelines.analysis.revisions import read_revisions
from pipelines.storage.data_folder import DataFolder
from schedules.dashboard import server
from schedules.dashboard.access import AccessPolicy, access_policy
from schedules.dashboard.data_source import DataSource
from schedules.dashboard.server import Address, DashboardProcess, listen, take_token
from schedules.dashboard.svg import Drawing
from schedules.dashboard.views.story import is_story_id
from schedules.exit_codes import WrongUsage
from tests.support.builders import SITE, ZONE
from tests.support.commands import khobor
from tests.support.dashboard_data import (
    DAY,
    HARMLESS,
    HOSTILE_STORY,
    MOMENT,
    REVISED,
    DashboardClient,
    DashboardData,
    make_dashboard_data,
    serving,
)
from tests.support.forked_commands import run_command
from tests.support.project import PROJECT

VIEWS = ("/", "/runs", "/stories", "/fields", "/lists", "/coverage", "/rejects", f"/stories/{REVISED}")
TOKEN = "a-token-of-more-than-16"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> DashboardData:
    return make_dashboard_data(tmp_path_factory.mktemp("watched"))


@pytest.fixture(scope="module")
def served(folder: DashboardData) -> Iterator[DashboardClient]:
    with serving(folder) as page:
        yield page


@pytest.fixture(scope="module")
def locked(folder: DashboardData) -> Iterator[DashboardClient]:
    with serving(folder, access_policy("127.0.0.1", ["Status.Example.org"], TOKEN)) as page:
        yield page


class ParsedPage(HTMLParser):
    """Tags with their attributes, and the text of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))

    def handle_data(self, data: str) -> None:
        self.text += data


def test_overview_names_field_selector_and_page_of_alarm(served: DashboardClient) -> None:
    data = served.json("/overview.json")
    [site] = data["sites"]
    [alarm] = site["alarms"]
    assert (data["good"], data["sentence"]) == (False, "Needs attention: কালবেলা")
    assert (alarm["field"], alarm["selector"], alarm["runs"]) == ("byline", ".rpt_name", 1)
    shown = served.request("/")[2]
    page = "/archive/kalbela/2026-02-12/20260212T000000Z-kalbela-aaaa/1203.html"
    assert all(text in shown for text in ("byline", ".rpt_name", page))


def test_overview_counts_last_day_and_next_occurrences(served: DashboardClient, folder: DashboardData) -> None:
    [site] = served.json("/overview.json")["sites"]
    recent = [report for report in folder.reports if report["started_at"] >= (MOMENT - DAY).isoformat()]
    assert site["day"]["runs"] == len(recent) == 3
    assert site["day"]["new"] == sum(report["stories"]["new"] for report in recent) == 13
    assert site["day"]["good"] == 2
    assert [(each["schedule"], each["at"][:16]) for each in site["next"]] == [
        ("day", "2026-02-12T06:00"),  # 12:00 in Dhaka
        ("night", "2026-02-12T20:15"),
    ]


def test_runs_match_reports(served: DashboardClient, folder: DashboardData) -> None:
    [site] = served.json("/runs.json")["sites"]
    assert [run["run_id"] for run in site["runs"]] == sorted(report["run_id"] for report in folder.reports)
    by_day = {day["date"]: day for day in site["days"]}
    assert len(by_day) == 14
    assert (by_day["2026-02-12"]["new"], by_day["2026-02-12"]["requests"]) == (13, 3 * 37)
    assert [mark["hour"] for mark in by_day["2026-02-12"]["runs"]] == [1.0, 2.25, 8.0]
    rejected = sum(sum(report["rejects"].values()) for report in folder.reports)
    assert sum(day["rejected"] for day in site["days"]) == rejected


def test_run_page_shows_outcomes_and_problems(served: DashboardClient, folder: DashboardData) -> None:
    run_id = folder.reports[3]["run_id"]
    data = served.json(f"/runs/{run_id}.json")
    assert {each["outcome"]: each["count"] for each in data["outcomes"]} == {"list": 27, "story": 10, "gone": 3}
    shown = ParsedPage(served.request(f"/runs/{run_id}")[2]).text
    assert all(text in shown for text in (run_id, "layout changed", "no longer there (404, 410)"))


def test_stories_match_counts_by_pandas(served: DashboardClient, folder: DashboardData) -> None:
    [site] = served.json("/stories.json?days=7")["sites"]
    rows = pd.read_parquet(folder.dataset.root / "stories")
    days = rows["published_at"].fillna(rows["first_seen_at"]).dt.tz_convert(ZONE).dt.date
    dates = [date(2026, 2, 12) - timedelta(days=back) for back in reversed(range(7))]
    assert site["stories"] == [int((days == each).sum()) for each in dates]
    assert (site["total"], site["undated"]) == (12, 2)
    sections = rows["section"].fillna("none").str.partition("/")[0]
    assert {each["section"]: each["total"] for each in site["sections"]} == sections.value_counts().to_dict()
    assert [row["story_id"] for row in site["changed"]] == [REVISED]


def test_field_coverage_includes_reports_without_totals(served: DashboardClient) -> None:
    [site] = served.json("/fields.json")["sites"]
    byline = next(column for column in site["columns"] if column["column"] == "byline")
    assert [f"{point['filled']}/{point['of']}" for point in byline["points"]] == ["7/8", "9/10", "9/10", "0/10", "9/10"]
    assert (byline["now"], byline["usual"]) == (0.9, 0.9)
    assert [alarm["key"] for alarm in byline["alarms"]] == ["kalbela/field/byline"]


def test_lists_show_movement_of_each_headline(served: DashboardClient) -> None:
    [site] = served.json("/lists.json")["sites"]
    popular = next(each for each in site["lists"] if each["list"] == "popular")
    rows = [(row["rank"], row["story_id"][-3:], row["move"]) for row in popular["rows"]]
    assert rows == [(1, "106", None), (2, "103", 0), (3, "108", None)]
    assert [(row["rank"], row["story_id"][-3:]) for row in popular["left"]] == [(1, "104"), (3, "105")]
    assert popular["last_observed_at"] == (MOMENT - timedelta(minutes=30)).isoformat()
    curve = next(row["curve"] for row in popular["rows"] if row["story_id"] == REVISED)
    assert [rank for _, _, rank in curve] == [1, 2, 2]


def test_coverage_matches_files_and_reports(served: DashboardClient, folder: DashboardData) -> None:
    [site] = served.json("/coverage.json")["sites"]
    days = datetime(2026, 1, 30, tzinfo=ZONE)  # fourteen with today
    given = site_coverage(folder.dataset, SITE, days, MOMENT)
    names = ("low", "high", "found", "elsewhere", "gone", "rejected", "never_seen", "by_entry_point")
    names += ("estimated_missed",)
    assert {name: site["whole"][name] for name in names} == {name: given[name] for name in names}
    assert (site["whole"]["low"], site["whole"]["high"], site["whole"]["found"]) == (101, 112, 12)
    assert sum(site["whole"]["kept"]) == site["whole"]["found"]
    [run] = site["runs"]
    data = folder.reports[3]["coverage"]
    assert all(run[name] == data[name] for name in ("low", "high", "found", "never_seen"))


def test_rejects_are_counted_by_reason(served: DashboardClient) -> None:
    [site] = served.json("/rejects.json")["sites"]
    assert [(each["reason"], each["total"]) for each in site["reasons"]] == [("NoBody", 8)]
    assert {each["outcome"]: each["total"] for each in site["outcomes"]} == {"gone": 15}
    assert [row["reason"] for row in site["latest"]] == ["NoBody", "StepCrashed"]


def test_story_page_shows_revisions_and_ranks(served: DashboardClient, folder: DashboardData) -> None:
    data = served.json(f"/stories/{REVISED}.json")
    assert [each["revision"] for each in data["revisions"]] == [2, 1]
    pieces = data["revisions"][0]["changes"]["body"]
    before, after = (row["body"] for row in read_revisions(folder.dataset, REVISED))
    assert "".join(piece["text"] for piece in pieces if piece["act"] != "added") == before
    assert "".join(piece["text"] for piece in pieces if piece["act"] != "removed") == after
    intervals = open_table("rank_intervals", data=folder.dataset.root).to_pandas()
    own = intervals[intervals["story_id"] == REVISED]
    assert [each["certain_minutes"] for each in data["intervals"]] == own["certain_minutes"].tolist() != []
    shown = ParsedPage(served.request(f"/stories/{REVISED}")[2])
    assert {"ins", "del"} <= {tag for tag, _ in shown.tags}


def test_new_report_appears_within_seconds(tmp_path: Path) -> None:
    mine = make_dashboard_data(tmp_path)
    with serving(mine) as page:
        assert len(page.json("/runs.json")["sites"][0]["runs"]) == 5
        mine.report(MOMENT - timedelta(minutes=5), "day")
        until = time.monotonic() + 10
        while len(page.json("/runs.json")["sites"][0]["runs"]) != 6:
            assert time.monotonic() < until
            time.sleep(0.1)


def test_running_crawl_is_shown_until_it_stalls(tmp_path: Path) -> None:
    mine = make_dashboard_data(tmp_path)
    mine.write_progress("https://www.kalbela.com/<b>")
    clock = [MOMENT]
    with serving(mine, clock=lambda: clock[0]) as page:
        status, _, live = page.request("/live")
        assert status == 200
        assert 'max="20" value="7"' in live
        assert "&lt;b&gt;" in live
        clock[0] = MOMENT + timedelta(minutes=5)
        assert "no progress since" in page.request("/")[2]


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"run_id": 1}', '{"run_id": "x", "site": "kalbela", "started_at": "soon"}', "\xff"]
)
def test_invalid_report_is_named_and_hides_no_other(text: str, tmp_path: Path) -> None:
    mine = make_dashboard_data(tmp_path)
    (mine.dataset.runs / f"{MOMENT:%Y%m%dT%H%M%SZ}-kalbela-ffff.json").write_text(text, encoding="latin-1")
    with serving(mine) as page:
        status, _, shown = page.request("/runs")
        assert status == 200
        assert len(page.json("/runs.json")["sites"][0]["runs"]) == 5
    assert "kalbela-ffff.json" in shown


def test_damaged_file_is_named_on_page(tmp_path: Path) -> None:
    mine = make_dashboard_data(tmp_path)
    [path] = (mine.dataset.root / "rejects").rglob("*.parquet")
    path.write_bytes(path.read_bytes()[:-20])
    with serving(mine) as page:
        status, _, shown = page.request("/rejects")
    assert status == 200
    assert "rejects.parquet" in shown
    assert "khobor check" in shown


def test_views_render_without_data(tmp_path: Path) -> None:
    (tmp_path / "data" / "state").mkdir(parents=True)
    (tmp_path / "timetable.toml").write_text("[schedule.x]\nmistake = 1\n")
    with serving(DashboardData(DataFolder(tmp_path / "data"), tmp_path / "timetable.toml")) as page:
        for path in VIEWS[:-1]:
            assert page.request(path)[0] == 200
        assert "did you mean" in page.request("/")[2] or "no schedule has" in page.request("/")[2]


@pytest.mark.parametrize("path", ["/", "/stories", "/lists", "/rejects", f"/stories/{HOSTILE_STORY}"])
def test_hostile_text_is_escaped(path: str, served: DashboardClient) -> None:
    _, _, html = served.request(path)
    shown = ParsedPage(html)
    assert HARMLESS in " ".join(shown.text.split())
    assert [found for tag, found in shown.tags if tag == "script"] == [{"src": "/static/live.js", "defer": ""}]
    assert not [tag for tag, _ in shown.tags if tag in ("img", "iframe", "object", "style", "base")]
    assert not [name for _, attributes in shown.tags for name in attributes if name.startswith("on") or name == "style"]
    assert not re.search(r"[\u202a-\u202e\u2066-\u2069\x1b]", html)
    assert "49" not in [text.strip() for text in shown.text.split()]


def test_javascript_url_does_not_become_link(served: DashboardClient) -> None:
    shown = ParsedPage(served.request("/rejects")[2])
    links = [found["href"] for tag, found in shown.tags if tag == "a"]
    assert "javascript:alert(1)" in shown.text
    assert not [link for link in links if not link.startswith(("/", "#", "https://www.kalbela.com/"))]


def test_bengali_text_has_lang_attribute(served: DashboardClient) -> None:
    shown = ParsedPage(served.request("/lists")[2])
    marked = [found.get("lang") for tag, found in shown.tags if tag == "bdi"]
    assert marked.count("bn") >= 7


@pytest.mark.parametrize(
    ("path", "status"),
    [("/runs?days=14", 200), ("/runs?days=15", 400), ("/runs?days=", 400), ("/runs?days=-1", 400),
     ("/runs?site=kalbela", 200), ("/runs?site=../..", 400), ("/runs?site=prothomalo", 400),
     ("/runs?order=new", 400), ("/runs?" + "x" * 600, 414), ("/runs/..%2f..%2fstate%2fkalbela", 404),
     ("/runs/%2e%2e", 404), ("/runs/20200101T000000Z-kalbela-0000", 404), ("/runs/x\0", 404),
     ("/stories/kalbela:999999", 404), ("/stories/kalbela:..", 404), ("/stories/..:1", 404),
     ("/stories/KALBELA:1", 404), ("/stories/" + "k" * 40 + ":1", 404), ("/static/../page.css", 404),
     ("/static/%2e%2e/base.html", 404), ("/.git/config", 404), ("/runs/", 404), ("/healthz", 200)],
)  # fmt: skip
def test_invalid_requests_are_answered_with_status(path: str, status: int, served: DashboardClient) -> None:
    found, headers, text = served.request(path.replace("\0", "%00"))
    assert found == status, text
    assert "Traceback" not in text
    assert headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    ("text", "so"),
    [("kalbela:1", True), ("kalbela:a-b_c.9", True), ("kalbela:", False), ("kalbela:১", False), ("Kalbela:1", False),
     ("kalbela:../x", False), ("kalbela:1\n", False), ("kalbela:.x", False), ("k:" + "1" * 65, False)],
)  # fmt: skip
def test_story_id_is_validated(text: str, so: bool) -> None:
    assert is_story_id(text) is so


@pytest.mark.parametrize("path", [*VIEWS, "/overview.json", "/metrics", "/static/page.css", "/healthz", "/nothing"])
def test_every_response_has_security_headers(path: str, served: DashboardClient) -> None:
    _, headers, _ = served.request(path)
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy
    assert (headers["x-content-type-options"], headers["referrer-policy"]) == ("nosniff", "no-referrer")
    assert headers["x-frame-options"] == "DENY"
    assert "server" not in headers


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
def test_write_methods_are_not_allowed(method: str, served: DashboardClient) -> None:
    assert served.request("/", method)[0] == 405


def test_head_has_no_body_and_stylesheet_is_cached(served: DashboardClient) -> None:
    status, headers, text = served.request("/runs", "HEAD")
    assert (status, text, headers["cache-control"]) == (200, "", "private, no-cache")
    etag = served.request("/static/page.css")[1]["etag"]
    assert served.request("/static/page.css", If_None_Match=etag)[0] == 304


@pytest.mark.parametrize(
    ("host", "status"),
    [("127.0.0.1", 200), ("127.0.0.1:80", 200), ("localhost:1", 200), ("LOCALHOST.", 200), ("[::1]:9", 200),
     ("evil.example", 421), ("127.0.0.1.evil.example", 421), ("", 421), ("[::1", 421), ("localhost:x", 421),
     (":80", 421), ("a:b:c", 421),
     ("10.0.0.1", 421), ("localhost:1@evil", 421)],
)  # fmt: skip
def test_foreign_host_header_is_denied(host: str, status: int, served: DashboardClient) -> None:
    assert served.request("/healthz", Host=host)[0] == status


def test_public_address_accepts_ips_and_given_names() -> None:
    rule = access_policy("0.0.0.0", ["status.example.org"], TOKEN)
    for host, so in (("192.0.2.7:8620", True), ("status.example.org", True), ("evil.example", False), ("[::2]", True)):
        scope = {"headers": [(b"host", host.encode())], "raw_path": b"/healthz", "path": "/healthz", "method": "GET"}
        assert (rule.check({**scope, "query_string": b"", "type": "http"}) is None) is so


@pytest.mark.parametrize("path", [*VIEWS, "/overview.json", "/live", "/metrics", "/static/live.js", "/nothing"])
def test_no_data_is_served_without_token(path: str, locked: DashboardClient) -> None:
    status, headers, text = locked.request(path)
    assert (status, headers["www-authenticate"]) == (401, "Bearer")
    assert SITE not in text
    for wrong in ("Bearer", "Bearer x", f"Basic {TOKEN}", f"Bearer {TOKEN}x"):
        assert locked.request(path, Authorization=wrong)[0] == 401
    assert locked.request(path, Cookie=f"khobor={TOKEN}")[0] == 401


def test_token_works_as_header_and_by_form(locked: DashboardClient) -> None:
    assert locked.request("/metrics", Authorization=f"Bearer {TOKEN}")[0] == 200
    assert "<form" in locked.request("/", Accept="text/html")[2]
    form = {"Content_Type": "application/x-www-form-urlencoded"}
    assert locked.request("/login", "POST", b"token=wrong", **form)[0] == 401
    assert locked.request("/login", "POST", b"token=" + b"x" * 9000, **form)[0] == 401
    status, headers, _ = locked.request("/login", "POST", f"token={TOKEN}".encode(), **form)
    cookie = headers["set-cookie"]
    assert (status, headers["location"]) == (303, "/")
    assert all(part in cookie.lower() for part in ("httponly", "samesite=strict"))
    assert TOKEN not in cookie
    assert locked.request("/", Cookie=f"a=b; {cookie.partition(';')[0]}")[0] == 200
    assert locked.request("/healthz", Host="status.example.org")[0] == 200


@pytest.mark.parametrize(
    ("host", "token", "said"),
    [("0.0.0.0", "", "DASHBOARD_TOKEN"), ("::", "", "DASHBOARD_TOKEN"), ("0.0.0.0", "short", "at least 16"),
     ("127.0.0.1", "খবর" * 9, "ASCII"), ("localhost", "a\n" * 9, "ASCII")],
)  # fmt: skip
def test_missing_or_weak_token_is_wrong_usage(host: str, token: str, said: str) -> None:
    with pytest.raises(WrongUsage, match=said):
        take_token({"KHOBOR_DASHBOARD_TOKEN": token}, Address(host))


def test_token_is_removed_from_environment() -> None:
    environment = {"KHOBOR_DASHBOARD_TOKEN": TOKEN, "KHOBOR_CONTACT": "x"}
    assert take_token(environment, Address("0.0.0.0")) == TOKEN
    assert environment == {"KHOBOR_CONTACT": "x"}


@pytest.mark.parametrize(("host", "port"), [("no.such.host.invalid", 0), ("192.0.2.1", 0)])
def test_unusable_address_is_wrong_usage(host: str, port: int) -> None:
    with pytest.raises(WrongUsage, match=host):
        listen(Address(host, port))


def test_public_serve_without_token_starts_nothing(tmp_path: Path) -> None:
    done = _serve(tmp_path, "--host", "0.0.0.0")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
    assert "KHOBOR_DASHBOARD_TOKEN" in done.stderr
    assert not list(tmp_path.iterdir())


def test_port_in_use_starts_nothing(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = _serve(tmp_path, "--port", str(port))
    assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
    assert f"127.0.0.1:{port} is in use" in done.stderr
    assert not (tmp_path / "state" / "schedules" / "timetable.toml").exists()


def _serve(data: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    environment = os.environ | {"KHOBOR_DASHBOARD_TOKEN": "", "KHOBOR_CONTACT": "https://example.org/crawler"}
    command = [sys.executable, "-m", "khobor", "serve", "--data", str(data), *arguments]
    return run_command(command, env=environment)


def test_killed_server_restarts_at_same_address(folder: DashboardData, monkeypatch: pytest.MonkeyPatch) -> None:
    log: list[str] = []
    monkeypatch.setattr(server, "MIN_SECONDS_BETWEEN_STARTS", 0.0)
    with DashboardProcess(folder.dataset, folder.timetable, Address(port=0), None, log.append) as process:
        port = _port(process.url)
        for _ in range(2):
            assert _health(port) == "ok\n"
            _kill(process)
            process.restart_if_dead()
        _kill(process)
        monkeypatch.setattr(server, "MIN_SECONDS_BETWEEN_STARTS", 60.0)
        process.restart_if_dead()  # too soon
    assert f"http://127.0.0.1:{port}/" in log[0]
    assert len(log) == 3


def _kill(process: DashboardProcess) -> None:
    assert process._child
    process._child.kill()
    process._child.wait()


def test_server_exits_when_service_is_killed(folder: DashboardData) -> None:
    program = (
        "import sys, time; from pathlib import Path; from pipelines.storage.data_folder import DataFolder;"
        "from schedules.dashboard.server import Address, DashboardProcess;"
        "process = DashboardProcess(DataFolder(Path(sys.argv[1])), Path(sys.argv[2]), Address(port=0), None, print);"
        "process.__enter__(); print(process.url, process._child.pid, flush=True); time.sleep(60)"
    )
    command = [sys.executable, "-c", program, str(folder.dataset.root), str(folder.timetable)]
    with subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True) as service:
        assert service.stdout
        service.stdout.readline()
        url, child = service.stdout.readline().split()
        assert _health(_port(url)) == "ok\n"
        service.kill()
    until = time.monotonic() + 10
    while Path(f"/proc/{child}").exists():
        assert time.monotonic() < until
        time.sleep(0.05)


def _port(url: str) -> int:
    return int(url.rstrip("/").rpartition(":")[2])


def _health(port: int) -> str:
    """Request the health page; the socket accepts connections before the server runs."""
    connection = HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().read().decode()
    finally:
        connection.close()


def test_static_report_has_all_views_without_script(folder: DashboardData, tmp_path: Path) -> None:
    given = ("--data", str(folder.dataset.root), "--timetable", str(folder.timetable), "--since", "7d")
    done = khobor("report", "--out", str(tmp_path / "khobor.html"), *given)
    assert done.returncode == 0, done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["khobor.html"]
    shown = ParsedPage((tmp_path / "khobor.html").read_text(encoding="utf-8"))
    ids = [found["id"] for _, found in shown.tags if "id" in found]
    assert len(ids) == len(set(ids))
    assert {"overview", "runs", "stories", "fields", "lists", "coverage", "rejects"} <= set(ids)
    assert not [tag for tag, _ in shown.tags if tag in ("script", "img", "form")]
    links = {found["href"] for tag, found in shown.tags if tag in ("a", "link")}
    assert not [link for link in links if not link.startswith(("#", "data:", "https://www.kalbela.com/"))]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [((), "--out"), (("--out", "/nonexistent/x.html"), "/nonexistent/x.html"),
     (("--out", "x.html", "--site", "kalbla"), "kalbla"), (("--out", "x.html", "--since", "900d"), "366"),
     (("--out", "x.html", "--since", "soon"), "soon")],
)  # fmt: skip
def test_invalid_report_options_are_wrong_usage(
    arguments: tuple[str, ...], said: str, folder: DashboardData, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        code = main(["report", *arguments, "--data", str(folder.dataset.root)])
    except SystemExit as ended:
        code = ended.code  # type: ignore[assignment]
    data = capsys.readouterr().err
    assert (code, data.count("\n")) == (2, 1), data
    assert said in data
    assert not Path("x.html").exists()


def test_charts_have_unique_titles_and_descriptions(served: DashboardClient) -> None:
    for path in VIEWS:
        html = served.request(path)[2]
        for found in re.findall(r'<svg class="chart[^>]*aria-labelledby="(\S+) (\S+)"', html):
            assert all(html.count(f'id="{name}"') == 1 for name in found)
    assert "<desc" in Drawing("n", 10, "Title", "description").markup()


def test_unchanged_reports_are_read_once(folder: DashboardData, monkeypatch: pytest.MonkeyPatch) -> None:
    reading = DataSource(folder.dataset, folder.timetable)
    assert len(reading.runs(MOMENT - 90 * DAY)) == 5

    def read_again(self: Path) -> Any:
        raise AssertionError(self)

    monkeypatch.setattr(Path, "read_bytes", read_again)
    assert len(reading.runs(MOMENT - 90 * DAY)) == 5


def test_empty_token_is_never_accepted() -> None:
    assert not AccessPolicy(frozenset({"localhost"})).is_token(b"")
