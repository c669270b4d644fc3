"""The status page over HTTP: its numbers are those of the data, and nobody gets in who should not."""

import json
import os
import re
import signal
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
from pipelines.analysis.coverage import coverage_of
from pipelines.analysis.rank_history import rankings_in, spans_of
from pipelines.analysis.revisions import revisions_of
from schedules.dashboard.access import Admission, admission_for, host_name
from schedules.dashboard.change_detection import stamp_of
from schedules.dashboard.data_source import Reading
from schedules.dashboard.server import PageBeside, Place, opened, token_in
from schedules.dashboard.svg import Drawing
from schedules.dashboard.views.story import is_story_id
from schedules.exit_codes import WrongUsage
from tests.support.builders import SITE, ZONE
from tests.support.commands import PROJECT, khobor
from tests.support.dashboard_data import (
    DAY,
    HARMLESS,
    HOSTILE_STORY,
    MOMENT,
    REVISED,
    Served,
    Watched,
    serving,
    watched,
)

VIEWS = ("/", "/runs", "/stories", "/fields", "/lists", "/coverage", "/rejects", f"/stories/{REVISED}")
TOKEN = "a-token-of-more-than-16"


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Watched:
    return watched(tmp_path_factory.mktemp("watched"))


@pytest.fixture(scope="module")
def served(found: Watched) -> Iterator[Served]:
    with serving(found) as page:
        yield page


@pytest.fixture(scope="module")
def locked(found: Watched) -> Iterator[Served]:
    with serving(found, admission_for("127.0.0.1", ["Status.Example.org"], TOKEN)) as page:
        yield page


class Shown(HTMLParser):
    """What a page holds: tags with their attributes, and its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))

    def handle_data(self, data: str) -> None:
        self.text += data


# Numbers --------------------------------------------------------------------------------------------------------------


def test_overview_names_broken_field_selector_and_page(served: Served) -> None:
    told = served.numbers("/overview.json")
    [site] = told["sites"]
    [alarm] = site["alarms"]
    assert (told["good"], told["sentence"]) == (False, "Last night was not good.")
    assert (alarm["field"], alarm["selector"], alarm["runs"]) == ("byline", ".rpt_name", 1)
    shown = Shown(served.ask("/")[2]).text
    assert all(text in shown for text in ("byline", ".rpt_name", "data/state/pages/kalbela/2026-02-12/aa.html.gz"))


def test_overview_counts_last_day_and_next_times(served: Served, found: Watched) -> None:
    [site] = served.numbers("/overview.json")["sites"]
    lately = [report for report in found.reports if report["started_at"] >= (MOMENT - DAY).isoformat()]
    assert site["day"]["runs"] == len(lately) == 3
    assert site["day"]["new"] == sum(report["stories"]["new"] for report in lately) == 13
    assert site["day"]["good"] == 2
    assert [(each["schedule"], each["at"][:16]) for each in site["next"]] == [
        ("day", "2026-02-12T06:00"),  # 12:00 in Dhaka
        ("night", "2026-02-12T20:15"),
    ]


def test_the_runs_are_those_of_the_reports(served: Served, found: Watched) -> None:
    [site] = served.numbers("/runs.json")["sites"]
    assert [run["run_id"] for run in site["runs"]] == sorted(report["run_id"] for report in found.reports)
    by_day = {day["date"]: day for day in site["days"]}
    assert len(by_day) == 14
    assert (by_day["2026-02-12"]["new"], by_day["2026-02-12"]["requests"]) == (13, 3 * 37)
    assert [mark["hour"] for mark in by_day["2026-02-12"]["runs"]] == [1.0, 2.25, 8.0]
    assert sum(day["rejected"] for day in site["days"]) == sum(
        sum(report["rejects"].values()) for report in found.reports
    )


def test_a_run_is_told_in_full_and_a_table_stands_behind_it(served: Served, found: Watched) -> None:
    run_id = found.reports[3]["run_id"]
    told = served.numbers(f"/runs/{run_id}.json")
    assert {each["outcome"]: each["count"] for each in told["outcomes"]} == {"list": 27, "story": 10, "gone": 3}
    shown = Shown(served.ask(f"/runs/{run_id}")[2]).text
    assert all(text in shown for text in (run_id, "layout changed", "no longer there (404, 410)"))


def test_stories_are_counted_by_day_and_section_as_an_analyst_would(served: Served, found: Watched) -> None:
    [site] = served.numbers("/stories.json?days=7")["sites"]
    rows = pd.read_parquet(found.dataset.root / "stories")
    days = rows["published_at"].fillna(rows["first_seen_at"]).dt.tz_convert(ZONE).dt.date
    dates = [date(2026, 2, 12) - timedelta(days=back) for back in reversed(range(7))]
    assert site["stories"] == [int((days == each).sum()) for each in dates]
    assert (site["total"], site["undated"]) == (12, 2)
    sections = rows["section"].fillna("none").str.partition("/")[0]
    assert {each["section"]: each["total"] for each in site["sections"]} == sections.value_counts().to_dict()
    assert [row["story_id"] for row in site["changed"]] == [REVISED]


def test_field_coverage_is_read_from_reports_of_every_version(served: Served) -> None:
    [site] = served.numbers("/fields.json")["sites"]
    byline = next(column for column in site["columns"] if column["column"] == "byline")
    assert [(point["filled"], point["of"]) for point in byline["points"]] == [
        (7, 8),
        (9, 10),
        (9, 10),
        (0, 10),
        (9, 10),
    ]
    assert (byline["now"], byline["usual"]) == (0.9, 0.9)
    assert [alarm["key"] for alarm in byline["alarms"]] == ["kalbela/field/byline"]


def test_the_lists_say_how_each_headline_moved(served: Served) -> None:
    [site] = served.numbers("/lists.json")["sites"]
    popular = next(each for each in site["lists"] if each["list"] == "popular")
    assert [(row["rank"], row["story_id"][-3:], row["move"]) for row in popular["rows"]] == [
        (1, "106", None),
        (2, "103", 0),
        (3, "108", None),
    ]
    assert [(row["rank"], row["story_id"][-3:]) for row in popular["left"]] == [(1, "104"), (3, "105")]
    assert popular["last_observed_at"] == (MOMENT - timedelta(minutes=30)).isoformat()
    curve = next(row["curve"] for row in popular["rows"] if row["story_id"] == REVISED)
    assert [rank for _, _, rank in curve] == [1, 2, 2]


def test_coverage_by_id_is_that_of_the_files_and_of_each_run_that_told_it(served: Served, found: Watched) -> None:
    [site] = served.numbers("/coverage.json")["sites"]
    days = datetime(2026, 1, 30, tzinfo=ZONE)  # fourteen with today
    given = coverage_of(found.dataset, SITE, days, MOMENT)
    names = (
        "low",
        "high",
        "found",
        "elsewhere",
        "gone",
        "rejected",
        "never_seen",
        "by_entry_point",
        "estimated_missed",
    )
    assert {name: site["whole"][name] for name in names} == {name: given[name] for name in names}
    assert (site["whole"]["low"], site["whole"]["high"], site["whole"]["found"]) == (101, 112, 12)
    assert sum(site["whole"]["kept"]) == site["whole"]["found"]
    [run] = site["runs"]
    told = found.reports[3]["coverage"]
    assert {name: run[name] for name in ("low", "high", "found", "never_seen")} == {
        name: told[name] for name in ("low", "high", "found", "never_seen")
    }


def test_rejects_view_counts_reasons_and_lists_records(served: Served) -> None:
    [site] = served.numbers("/rejects.json")["sites"]
    assert [(each["reason"], each["total"]) for each in site["reasons"]] == [("NoBody", 8)]
    assert {each["outcome"]: each["total"] for each in site["outcomes"]} == {"gone": 15}
    assert [row["reason"] for row in site["latest"]] == ["NoBody", "StepCrashed"]


def test_a_story_has_its_revisions_and_its_times_in_the_lists(served: Served, found: Watched) -> None:
    told = served.numbers(f"/stories/{REVISED}.json")
    assert [each["revision"] for each in told["revisions"]] == [2, 1]
    pieces = told["revisions"][0]["changes"]["body"]
    before, after = (row["body"] for row in revisions_of(found.dataset, REVISED))
    assert "".join(piece["text"] for piece in pieces if piece["act"] != "added") == before
    assert "".join(piece["text"] for piece in pieces if piece["act"] != "removed") == after
    [span] = spans_of(rankings_in(found.dataset, story_id=REVISED))
    assert (told["spans"][0]["best_rank"], told["spans"][0]["stood"]) == (span.best_rank, span.stood.total_seconds())
    shown = Shown(served.ask(f"/stories/{REVISED}")[2])
    assert {"ins", "del"} <= {tag for tag, _ in shown.tags}


def test_what_changes_is_told_at_once(tmp_path: Path) -> None:
    mine = watched(tmp_path)
    before = stamp_of(mine.dataset, mine.timetable)
    with serving(mine) as page:
        assert len(page.numbers("/runs.json")["sites"][0]["runs"]) == 5
        mine.report(MOMENT - timedelta(minutes=5), "day")
        assert stamp_of(mine.dataset, mine.timetable).data != before.data
        until = time.monotonic() + 10
        while len(page.numbers("/runs.json")["sites"][0]["runs"]) != 6:
            assert time.monotonic() < until
            time.sleep(0.1)


def test_a_run_that_goes_on_is_shown_and_one_that_gave_no_sign_of_life_is_said_so(tmp_path: Path) -> None:
    mine = watched(tmp_path)
    progress = {"run_id": "r", "site": SITE, "state": "crawling", "requests": 7, "stories": 3, "discovered": 20}
    progress |= {"queued": 13, "reading": "https://www.kalbela.com/<b>", "at": MOMENT.isoformat()}
    mine.dataset.progress(SITE).write_text(json.dumps(progress))
    clock = [MOMENT]
    with serving(mine, clock=lambda: clock[0]) as page:
        status, _, live = page.ask("/live")
        assert status == 200
        assert 'max="20" value="7"' in live
        assert "&lt;b&gt;" in live
        clock[0] = MOMENT + timedelta(minutes=5)
        assert "no sign of life" in page.ask("/")[2]


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"run_id": 1}', '{"run_id": "x", "site": "kalbela", "started_at": "soon"}', "\xff"]
)
def test_a_report_that_is_none_is_named_and_hides_no_other(text: str, tmp_path: Path) -> None:
    mine = watched(tmp_path)
    (mine.dataset.runs / f"{MOMENT:%Y%m%dT%H%M%SZ}-kalbela-ffff.json").write_text(text, encoding="latin-1")
    with serving(mine) as page:
        status, _, shown = page.ask("/runs")
        assert status == 200
        assert len(page.numbers("/runs.json")["sites"][0]["runs"]) == 5
    assert "kalbela-ffff.json" in shown


def test_a_damaged_file_is_named_and_hides_no_other_number(tmp_path: Path) -> None:
    mine = watched(tmp_path)
    [path] = (mine.dataset.root / "rejects").rglob("*.parquet")
    path.write_bytes(path.read_bytes()[:-20])
    with serving(mine) as page:
        status, _, shown = page.ask("/rejects")
    assert status == 200
    assert "rejects.parquet" in shown
    assert "khobor check" in shown


def test_an_empty_folder_is_a_page_too(tmp_path: Path) -> None:
    (tmp_path / "data" / "state").mkdir(parents=True)
    (tmp_path / "timetable.toml").write_text("[schedule.x]\nmistake = 1\n")
    from pipelines.storage.data_folder import DataFolder

    with serving(Watched(DataFolder(tmp_path / "data"), tmp_path / "timetable.toml")) as page:
        for path in VIEWS[:-1]:
            assert page.ask(path)[0] == 200
        assert "did you mean" in page.ask("/")[2] or "no schedule has" in page.ask("/")[2]


# What a newspaper says ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/", "/stories", "/lists", "/rejects", f"/stories/{HOSTILE_STORY}"])
def test_a_hostile_text_stays_text(path: str, served: Served) -> None:
    _, _, html = served.ask(path)
    shown = Shown(html)
    assert HARMLESS in " ".join(shown.text.split())
    assert [found for tag, found in shown.tags if tag == "script"] == [{"src": "/static/live.js", "defer": ""}]
    assert not [tag for tag, _ in shown.tags if tag in ("img", "iframe", "object", "style", "base")]
    assert not [name for _, attributes in shown.tags for name in attributes if name.startswith("on") or name == "style"]
    assert not re.search(r"[\u202a-\u202e\u2066-\u2069\x1b]", html)
    assert "49" not in [text.strip() for text in shown.text.split()]


def test_an_address_that_is_none_of_the_web_is_no_link(served: Served) -> None:
    shown = Shown(served.ask("/rejects")[2])
    links = [found["href"] for tag, found in shown.tags if tag == "a"]
    assert "javascript:alert(1)" in shown.text
    assert not [link for link in links if not link.startswith(("/", "#", "https://www.kalbela.com/"))]


def test_bengali_is_marked_as_bengali(served: Served) -> None:
    shown = Shown(served.ask("/lists")[2])
    marked = [found.get("lang") for tag, found in shown.tags if tag == "bdi"]
    assert marked.count("bn") >= 7


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/runs?days=14", 200),
        ("/runs?days=15", 400),
        ("/runs?days=", 400),
        ("/runs?days=-1", 400),
        ("/runs?site=kalbela", 200),
        ("/runs?site=../..", 400),
        ("/runs?site=prothomalo", 400),
        ("/runs?order=new", 400),
        ("/runs?" + "x" * 600, 414),
        ("/runs/..%2f..%2fstate%2fkalbela", 404),
        ("/runs/%2e%2e", 404),
        ("/runs/20200101T000000Z-kalbela-0000", 404),
        ("/runs/x\0", 404),
        ("/stories/kalbela:999999", 404),
        ("/stories/kalbela:..", 404),
        ("/stories/..:1", 404),
        ("/stories/KALBELA:1", 404),
        ("/stories/" + "k" * 40 + ":1", 404),
        ("/static/../page.css", 404),
        ("/static/%2e%2e/base.html", 404),
        ("/.git/config", 404),
        ("/runs/", 404),
        ("/healthz", 200),
    ],
)
def test_what_is_asked_is_looked_at_before_anything_is_read(path: str, status: int, served: Served) -> None:
    found, headers, text = served.ask(path.replace("\0", "%00"))
    assert found == status, text
    assert "Traceback" not in text
    assert headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    ("text", "so"),
    [("kalbela:1", True), ("kalbela:a-b_c.9", True), ("kalbela:", False), ("kalbela:১", False), ("Kalbela:1", False),
     ("kalbela:../x", False), ("kalbela:1\n", False), ("kalbela:.x", False), ("k:" + "1" * 65, False)],
)  # fmt: skip
def test_a_story_id_is_one_before_it_is_looked_for(text: str, so: bool) -> None:
    assert is_story_id(text) is so


# Who gets in ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [*VIEWS, "/overview.json", "/metrics", "/static/page.css", "/healthz", "/nothing"])
def test_every_answer_is_sealed(path: str, served: Served) -> None:
    _, headers, _ = served.ask(path)
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy
    assert (headers["x-content-type-options"], headers["referrer-policy"]) == ("nosniff", "no-referrer")
    assert headers["x-frame-options"] == "DENY"
    assert "server" not in headers


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
def test_nothing_can_be_changed(method: str, served: Served) -> None:
    assert served.ask("/", method)[0] == 405


def test_a_head_has_no_body_and_what_is_known_is_not_sent_again(served: Served) -> None:
    status, headers, text = served.ask("/runs", "HEAD")
    assert (status, text) == (200, "")
    assert served.ask("/runs", If_None_Match=headers["etag"])[0] == 304


@pytest.mark.parametrize(
    ("host", "status"),
    [("127.0.0.1", 200), ("127.0.0.1:80", 200), ("localhost:1", 200), ("LOCALHOST.", 200), ("[::1]:9", 200),
     ("evil.example", 421), ("127.0.0.1.evil.example", 421), ("", 421), ("[::1", 421), ("localhost:x", 421),
     ("10.0.0.1", 421), ("localhost:1@evil", 421)],
)  # fmt: skip
def test_a_name_that_is_not_ours_is_refused_so_that_no_stranger_points_one_at_us(
    host: str, status: int, served: Served
) -> None:
    assert served.ask("/healthz", Host=host)[0] == status


def test_a_public_page_is_asked_by_number_or_by_the_names_it_was_given() -> None:
    rule = admission_for("0.0.0.0", ["status.example.org"], TOKEN)
    for host, so in (("192.0.2.7:8620", True), ("status.example.org", True), ("evil.example", False), ("[::2]", True)):
        scope = {"headers": [(b"host", host.encode())], "raw_path": b"/healthz", "path": "/healthz", "method": "GET"}
        assert (rule.refusal({**scope, "query_string": b"", "type": "http"}) is None) is so


@pytest.mark.parametrize(
    ("host", "name"), [("a.b:80", "a.b"), ("[::1]:80", "::1"), ("A", "a"), (":80", None), ("a:b:c", None)]
)
def test_a_host_is_a_name_and_a_port(host: str, name: str | None) -> None:
    assert host_name(host) == name


@pytest.mark.parametrize("path", [*VIEWS, "/overview.json", "/live", "/metrics", "/static/live.js", "/nothing"])
def test_without_the_token_nothing_is_told(path: str, locked: Served) -> None:
    status, headers, text = locked.ask(path)
    assert (status, headers["www-authenticate"]) == (401, "Bearer")
    assert SITE not in text
    for wrong in ("Bearer", "Bearer x", f"Basic {TOKEN}", f"Bearer {TOKEN}x"):
        assert locked.ask(path, Authorization=wrong)[0] == 401
    assert locked.ask(path, Cookie=f"khobor={TOKEN}")[0] == 401


def test_the_token_opens_by_header_or_once_by_the_form(locked: Served) -> None:
    assert locked.ask("/metrics", Authorization=f"Bearer {TOKEN}")[0] == 200
    assert "<form" in locked.ask("/", Accept="text/html")[2]
    form = {"Content_Type": "application/x-www-form-urlencoded"}
    assert locked.ask("/login", "POST", b"token=wrong", **form)[0] == 401
    assert locked.ask("/login", "POST", b"token=" + b"x" * 9000, **form)[0] == 401
    status, headers, _ = locked.ask("/login", "POST", f"token={TOKEN}".encode(), **form)
    cookie = headers["set-cookie"]
    assert (status, headers["location"]) == (303, "/")
    assert all(part in cookie.lower() for part in ("httponly", "samesite=strict"))
    assert TOKEN not in cookie
    assert locked.ask("/", Cookie=f"a=b; {cookie.partition(';')[0]}")[0] == 200
    assert locked.ask("/healthz", Host="status.example.org")[0] == 200


@pytest.mark.parametrize(
    ("host", "token", "said"),
    [("0.0.0.0", "", "DASHBOARD_TOKEN"), ("::", "", "DASHBOARD_TOKEN"), ("0.0.0.0", "short", "16 or more"),
     ("127.0.0.1", "খবর" * 9, "ASCII"), ("localhost", "a\n" * 9, "ASCII")],
)  # fmt: skip
def test_a_token_is_needed_where_others_can_ask_and_must_be_long(host: str, token: str, said: str) -> None:
    with pytest.raises(WrongUsage, match=said):
        token_in({"KHOBOR_DASHBOARD_TOKEN": token}, Place(host))


def test_a_token_is_taken_out_of_what_runs_are_given() -> None:
    environment = {"KHOBOR_DASHBOARD_TOKEN": TOKEN, "KHOBOR_CONTACT": "x"}
    assert token_in(environment, Place("0.0.0.0")) == TOKEN
    assert environment == {"KHOBOR_CONTACT": "x"}


@pytest.mark.parametrize(("host", "port"), [("no.such.host.invalid", 0), ("192.0.2.1", 0), ("127.0.0.1", -1)])
def test_a_place_where_no_page_can_be_is_named(host: str, port: int) -> None:
    with pytest.raises(WrongUsage, match=host):
        opened(Place(host, port))


def test_a_public_page_without_a_token_is_refused_before_anything_is_started(tmp_path: Path) -> None:
    done = _serve(tmp_path, "--host", "0.0.0.0")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
    assert "KHOBOR_DASHBOARD_TOKEN" in done.stderr
    assert not list(tmp_path.iterdir())


def test_a_port_in_use_is_told_in_one_sentence_and_nothing_is_started(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = _serve(tmp_path, "--port", str(port))
    assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
    assert f"127.0.0.1:{port} is in use" in done.stderr
    assert not (tmp_path / "state" / "schedules" / "timetable.toml").exists()


def _serve(data: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    environment = os.environ | {"KHOBOR_DASHBOARD_TOKEN": "", "KHOBOR_CONTACT": "https://example.org/crawler"}
    command = [sys.executable, "-m", "khobor", "serve", "--data", str(data), *arguments]
    return subprocess.run(command, cwd=PROJECT, env=environment, capture_output=True, text=True, timeout=60)


# Beside the service ---------------------------------------------------------------------------------------------------


def test_a_page_that_is_killed_comes_back_at_the_same_address_and_ends_with_its_service(found: Watched) -> None:
    said: list[str] = []
    with PageBeside(found.dataset, found.timetable, Place(port=0), None, said.append) as page:
        port = int(page.address.rstrip("/").rpartition(":")[2])
        assert _health(port) == "ok\n"
        child = page._child
        assert child is not None
        os.kill(child.pid, signal.SIGKILL)
        child.wait()
        page.look()
        assert _health(port) == "ok\n"
        last = page._child
        assert last is not None
        last.kill()
        last.wait()
        page.look()  # so soon again it waits
        assert page._child is last
    assert said[0] == f"the status page is at http://127.0.0.1:{port}/"
    assert "started again" in said[1]
    assert len(said) == 2


def test_a_page_ends_when_its_service_is_killed(found: Watched) -> None:
    program = (
        "import sys, time; from pathlib import Path; from pipelines.storage.data_folder import DataFolder;"
        "from schedules.dashboard.server import PageBeside, Place;"
        "page = PageBeside(DataFolder(Path(sys.argv[1])), Path(sys.argv[2]), Place(port=0), None, print).__enter__();"
        "print(page.address, page._child.pid, flush=True); time.sleep(60)"
    )
    command = [sys.executable, "-c", program, str(found.dataset.root), str(found.timetable)]
    with subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True) as service:
        assert service.stdout
        service.stdout.readline()
        address, child = service.stdout.readline().split()
        assert _health(int(address.rstrip("/").rpartition(":")[2])) == "ok\n"
        service.kill()
    until = time.monotonic() + 10
    while Path(f"/proc/{child}").exists():
        assert time.monotonic() < until
        time.sleep(0.05)


def _health(port: int) -> str:
    """What a page says that may be just starting: the socket is there before it."""
    connection = HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().read().decode()
    finally:
        connection.close()


# One file -------------------------------------------------------------------------------------------------------------


def test_a_report_is_one_file_with_all_views_and_no_script(found: Watched, tmp_path: Path) -> None:
    given = ("--data", str(found.dataset.root), "--timetable", str(found.timetable), "--since", "7d")
    done = khobor("report", "--out", str(tmp_path / "khobor.html"), *given)
    assert done.returncode == 0, done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["khobor.html"]
    shown = Shown((tmp_path / "khobor.html").read_text(encoding="utf-8"))
    ids = [found["id"] for _, found in shown.tags if "id" in found]
    assert len(ids) == len(set(ids))
    assert {"overview", "runs", "stories", "fields", "lists", "coverage", "rejects"} <= set(ids)
    assert not [tag for tag, _ in shown.tags if tag in ("script", "img", "form")]
    links = {found["href"] for tag, found in shown.tags if tag in ("a", "link")}
    assert not [link for link in links if not link.startswith(("#", "data:", "https://www.kalbela.com/"))]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "--out"),
        (("--out", "/nonexistent/x.html"), "/nonexistent/x.html"),
        (("--out", "x.html", "--site", "kalbla"), "kalbla"),
        (("--out", "x.html", "--since", "900d"), "366"),
        (("--out", "x.html", "--since", "soon"), "soon"),
    ],
)
def test_a_report_that_cannot_be_is_told_in_one_sentence(
    arguments: tuple[str, ...], said: str, found: Watched, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        code = main(["report", *arguments, "--data", str(found.dataset.root)])
    except SystemExit as ended:
        code = ended.code  # type: ignore[assignment]
    told = capsys.readouterr().err
    assert (code, told.count("\n")) == (2, 1), told
    assert said in told
    assert not Path("x.html").exists()


# Parts ----------------------------------------------------------------------------------------------------------------


def test_a_chart_has_a_name_and_says_in_words_what_it_shows(served: Served) -> None:
    for path in VIEWS:
        html = served.ask(path)[2]
        for found in re.findall(r'<svg class="chart[^>]*aria-labelledby="(\S+) (\S+)"', html):
            assert all(html.count(f'id="{name}"') == 1 for name in found)
    assert "<desc" in Drawing("n", 10, "Title", "says").markup()


def test_reports_are_read_once_and_again_only_when_they_changed(
    found: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    reading = Reading(found.dataset, found.timetable)
    assert len(reading.runs(MOMENT - 90 * DAY)) == 5

    def read_again(self: Path) -> Any:
        raise AssertionError(self)

    monkeypatch.setattr(Path, "read_bytes", read_again)
    assert len(reading.runs(MOMENT - 90 * DAY)) == 5


def test_an_admission_without_token_knows_nobody_by_an_empty_one() -> None:
    assert not Admission(frozenset({"localhost"})).is_token(b"")
