"""Metrics, run details and progress show what the data folder contains."""

import json
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from crawler.clock import now
from crawler.outcomes import Outcome
from khobor import main
from pipelines.analysis.run_details import new_stories, slowest_pages
from pipelines.storage.data_folder import DataFolder
from pipelines.storage.errors import StorageError
from schedules.alerting.deliveries import ActiveAlarms
from schedules.cli.render.run_list import show_runs
from schedules.cli.render.run_report import read_details, show_report
from schedules.metrics.exposition import exposition
from schedules.metrics.labels import ALARM_KINDS
from schedules.metrics.totals import MAX_OPEN
from schedules.monitoring import alarms, throughput
from schedules.reports.progress import running
from schedules.service.notifier_thread import write_metrics
from schedules.timetable.config import Timetable
from tests.newspaper import Newspaper
from tests.support.commands import FinishedCrawl
from tests.support.hostile_text import FORGED, HOSTILE_TEXT, UNSAFE
from tests.support.run_reports import NIGHT, START, alarm, keep, make_report

Numbers = dict[tuple[str, ...], float]


@pytest.fixture(scope="module")
def crawled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FinishedCrawl]:
    paper = Newspaper(stories=60)
    with paper.serve() as url:
        found = FinishedCrawl(paper, url, tmp_path_factory.mktemp("accounts"))
        found.report = found.crawl("--max-pages", "40")
        yield found


@pytest.fixture
def timetable(tmp_path: Path) -> Timetable:
    (tmp_path / "t.toml").write_text(NIGHT)
    return Timetable.read(tmp_path / "t.toml")


def folder(memory_folder: Path) -> DataFolder:
    dataset = DataFolder(memory_folder / "data")
    dataset.prepare()
    return dataset


def numbers(dataset: DataFolder, timetable: Timetable, moment: datetime = START) -> dict[str, Numbers]:
    """Every sample by name, each by the values of its labels in the order of their names."""
    found: dict[str, Numbers] = {}
    for family in text_string_to_metric_families(exposition(dataset, timetable, moment).decode()):
        for sample in family.samples:
            labels = tuple(value for _, value in sorted(sample.labels.items()))
            assert labels not in found.setdefault(sample.name, {}), "duplicate sample"
            found[sample.name][labels] = sample.value
    return found


def test_metrics_match_the_rows(crawled: FinishedCrawl, timetable: Timetable) -> None:
    moment = now()
    found = numbers(DataFolder(crawled.data), timetable, moment)
    fetches = crawled.table("fetches")["outcome"].value_counts()
    by_hand = ("by hand", "kalbela")
    assert found["khobor_last_run_fetches"] == {(outcome, *by_hand): n for outcome, n in fetches.items()}
    assert found["khobor_fetches_total"] == found["khobor_last_run_fetches"]
    stories = crawled.table("stories")
    assert found["khobor_stories_total"]["new", *by_hand] == len(stories)
    assert found["khobor_last_run_exit_code"][by_hand] == crawled.report["verdict"]["exit_code"]
    shares = {(name, *by_hand): each["filled"] / each["of"] for name, each in crawled.report["fields"].items()}
    assert found["khobor_last_run_field_coverage_ratio"] == shares
    ranked = crawled.table("rankings")
    newest = ranked[ranked["observed_at"] == ranked.groupby("list")["observed_at"].transform("max")]
    assert found["khobor_list_length"] == {
        (name, "kalbela"): n for name, n in newest.groupby("list")["rank"].max().items()
    }
    published = stories["published_at"].max().timestamp()
    assert found["khobor_newest_story_published_timestamp_seconds"]["kalbela",] == pytest.approx(published)
    assert found["khobor_lag_seconds"]["kalbela",] == pytest.approx(moment.timestamp() - published, abs=1)
    assert found["khobor_outbox_rows"] == {("kalbela",): 0}
    assert found["khobor_running"] == {("kalbela",): 0}
    assert {site for _, site in found["khobor_alarms"]} == {"kalbela"}
    assert found["khobor_free_bytes"][()] > 0


def test_details_list_slowest_pages_and_newest_stories(crawled: FinishedCrawl) -> None:
    dataset, report = DataFolder(crawled.data), crawled.report
    began, ended = (datetime.fromisoformat(report[name]) for name in ("started_at", "ended_at"))
    slowest = slowest_pages(dataset, "kalbela", report["run_id"], began, ended, 5)
    times = crawled.table("fetches")["milliseconds"].dropna().sort_values(ascending=False)
    assert [page["milliseconds"] for page in slowest] == times[:5].astype(int).tolist()
    assert slowest_pages(dataset, "kalbela", "another", began, ended, 5) == []
    newest = new_stories(dataset, "kalbela", began, ended, 10)
    rows = crawled.table("stories").sort_values("published_at", ascending=False, na_position="last")
    assert [story["published_at"] for story in newest] == rows["published_at"][:10].tolist()
    assert set(newest[0]) == {"story_id", "published_at", "section", "headline"}
    assert new_stories(dataset, "kalbela", ended + timedelta(days=1), ended + timedelta(days=2), 10) == []


def test_run_details_are_complete(crawled: FinishedCrawl, capsys: pytest.CaptureFixture[str]) -> None:
    report = crawled.report
    assert main(["runs", report["run_id"], "--data", str(crawled.data)]) == 0
    shown = capsys.readouterr().out
    newest = crawled.table("stories").sort_values("published_at", ascending=False).iloc[0]
    texts = ["slowest pages", newest["headline"], str(DataFolder(crawled.data).log(report["run_id"]))]
    texts += [t for name, n in report["fields"].items() for t in (f"\n{name} ", f"{n['filled']:,} of {n['of']:,}")]
    texts += [text for each in map(Outcome, report["urls"]["outcomes"]) for text in (each, each.meaning[:20])]
    assert [text for text in texts if text not in shown] == []
    assert main(["runs", "--data", str(crawled.data)]) == 0
    assert report["run_id"] in capsys.readouterr().out


def test_run_details_survive_damaged_file(memory_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    dataset = folder(memory_folder)
    path = keep(dataset, make_report(START, alarm("byline")))
    damaged = dataset.root / "fetches" / "site=kalbela" / "date=2026-11-22" / "fetches.parquet"
    damaged.parent.mkdir(parents=True)
    damaged.write_bytes(b"PAR1 and no more")
    assert main(["runs", path.stem, "--data", str(dataset.root)]) == 0
    shown = capsys.readouterr().out
    assert all(text in shown for text in ("byline: filled in 0 of 52 stories", "khobor check"))


def test_metrics_are_printed_and_written(
    crawled: FinishedCrawl, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, command = tmp_path / "khobor.prom", ["metrics", "--data", str(crawled.data)]
    assert main(command) == main([*command, "--out", str(file)]) == 0
    printed = capsys.readouterr().out
    names = [{family.name for family in text_string_to_metric_families(text)} for text in (printed, file.read_text())]
    assert names[0] == names[1]
    assert main([*command, "--json"]) == 0
    samples = json.loads(capsys.readouterr().out)
    assert {"name": "khobor_running", "labels": {"site": "kalbela"}, "value": 0.0} in samples
    assert list(tmp_path.iterdir()) == [file]
    assert file.stat().st_mode & 0o777 == 0o644, "the exporter runs as another user"
    assert main([*command, "--out", str(tmp_path / "none" / "khobor.prom")]) == 7
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize(
    "form",
    ["stories/x.prom", "stories/site=kalbela/x.prom", "state/x", "runs/../runs/x.json", "link/x.prom", "fetches"],
)
def test_metrics_file_inside_tables_is_refused(form: str, memory_folder: Path, timetable: Timetable) -> None:
    dataset = folder(memory_folder)
    (dataset.root / "stories" / "site=kalbela").mkdir(parents=True, exist_ok=True)
    (memory_folder / "link").symlink_to(dataset.root / "stories")
    file = (memory_folder if form.startswith("link") else dataset.root) / form
    with pytest.raises(StorageError):
        write_metrics(dataset, replace(timetable, metrics_file=file))
    assert not file.exists()
    write_metrics(dataset, replace(timetable, metrics_file=memory_folder / "khobor.prom"))
    assert (memory_folder / "khobor.prom").stat().st_size > 100


def test_empty_folder_has_metrics(memory_folder: Path, timetable: Timetable) -> None:
    found = numbers(folder(memory_folder), timetable)
    assert set(found["khobor_alarms"].values()) == {0}
    assert set(found["khobor_schedule_next_timestamp_seconds"]) == {("night",), ("day",)}
    next_night = datetime(2026, 11, 22, 20, 15, tzinfo=UTC).timestamp()  # 02:15 in Dhaka
    assert found["khobor_schedule_next_timestamp_seconds"]["night",] == next_night
    assert not (memory_folder / "data" / "state" / "alerts.sqlite").exists()


def test_totals_and_last_runs_by_schedule(memory_folder: Path, timetable: Timetable) -> None:
    dataset = folder(memory_folder)
    runs = [(0, "night"), (9, "night"), (0, "day"), (3, "day"), (0, None)]
    for hour, (code, schedule) in enumerate(runs):
        keep(dataset, make_report(START + timedelta(hours=hour), code=code, schedule=schedule))
    found = numbers(dataset, timetable)
    assert found["khobor_runs_total"] == {(str(code), name or "by hand", "kalbela"): 1 for code, name in runs}
    last = {"night": 9, "day": 3, "by hand": 0}
    assert found["khobor_last_run_exit_code"] == {(name, "kalbela"): code for name, code in last.items()}
    ends = {"night": 0, "day": 2, "by hand": 4}
    good = {key[0]: at for key, at in found["khobor_last_success_timestamp_seconds"].items()}
    assert good == {name: (START + timedelta(hours=n, minutes=1)).timestamp() for name, n in ends.items()}
    assert found["khobor_stories_total"]["new", "night", "kalbela"] == 104
    assert found["khobor_last_run_field_coverage_ratio"]["byline", "night", "kalbela"] == 0.25
    assert found["khobor_run_seconds_total"]["night", "kalbela"] == 120


def test_rewritten_report_counts_once(memory_folder: Path, timetable: Timetable) -> None:
    dataset = folder(memory_folder)
    path = keep(dataset, make_report(START, schedule=None))
    assert numbers(dataset, timetable)["khobor_runs_total"] == {("0", "by hand", "kalbela"): 1}
    report = json.loads(path.read_bytes()) | {"schedule": {"name": "night", "due": None}}
    keep(dataset, report | {"verdict": {"exit_code": 3, "problems": []}})
    assert numbers(dataset, timetable)["khobor_runs_total"] == {("3", "night", "kalbela"): 1}


def test_each_of_many_runs_counts_once(memory_folder: Path, timetable: Timetable) -> None:
    dataset = folder(memory_folder)
    for number in range(MAX_OPEN + 50):
        keep(dataset, make_report(START + timedelta(minutes=number)))
        if number % 90 == 0:
            numbers(dataset, timetable)
    for _ in range(2):
        assert numbers(dataset, timetable)["khobor_runs_total"] == {("0", "night", "kalbela"): MAX_OPEN + 50}


def test_unknown_label_values_become_other(memory_folder: Path, timetable: Timetable) -> None:
    dataset = folder(memory_folder)
    odd = {"urls": {"discovered": 9, "outcomes": {HOSTILE_TEXT: 9, "story": 1}, "complete": True}}
    odd |= {"rejects": {HOSTILE_TEXT: 2, "x": 3}, "alarms": [alarm(HOSTILE_TEXT, kind=HOSTILE_TEXT, site=HOSTILE_TEXT)]}
    odd |= {"fields": {HOSTILE_TEXT: 3, "headline": 9}, "lists": {HOSTILE_TEXT: 1}}
    keep(dataset, make_report(START, code=77, schedule=HOSTILE_TEXT, **odd))
    keep(dataset, make_report(START + timedelta(hours=1), site=HOSTILE_TEXT))
    (dataset.runs / "x.json").write_text("[]")
    found = numbers(dataset, timetable)
    values = {label for samples in found.values() for labels in samples for label in labels}
    assert not any(HOSTILE_TEXT[:5] in value or UNSAFE.search(value) for value in values)
    for metric, count in (("fetches", 9), ("rejects", 5), ("runs", 1)):
        assert found[f"khobor_{metric}_total"]["other", "other", "kalbela"] == count


def test_every_alarm_kind_is_a_label() -> None:
    kinds = {*alarms._CODES, *(about.partition("/")[0] for about in throughput._FIGURES)}
    assert kinds <= {*ALARM_KINDS}


@pytest.mark.parametrize("missing", ["fields", "lists", "rejects", "stories", "urls", "verdict", "alarms", "requests"])
def test_incomplete_report_is_shown_and_counted(
    missing: str, memory_folder: Path, timetable: Timetable, capsys: pytest.CaptureFixture[str]
) -> None:
    dataset = folder(memory_folder)
    report = {name: value for name, value in make_report(START).items() if name != missing}
    path = keep(dataset, report)
    assert sum(numbers(dataset, timetable)["khobor_runs_total"].values()) == 1
    for asked in ([], [path.stem]):
        assert main(["runs", *asked, "--data", str(dataset.root)]) == 0
        assert path.stem in capsys.readouterr().out


def test_alarms_come_first_and_escaped(memory_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = make_report(
        START, alarm("byline", HOSTILE_TEXT, samples=[HOSTILE_TEXT]), schedule=HOSTILE_TEXT, reason=HOSTILE_TEXT, code=9
    )
    show_report(report, read_details(folder(memory_folder), report))
    show_runs([report], ActiveAlarms(), [], START + timedelta(hours=50))
    shown = capsys.readouterr().out
    assert not UNSAFE.search(shown), ascii(shown)
    assert not FORGED.search(shown)
    assert shown.index("[red]লাল[/red]") < shown.index("new stories")
    assert "2 d 1 h ago" in shown


def test_several_threads_may_collect(memory_folder: Path, timetable: Timetable) -> None:
    dataset = folder(memory_folder)
    with ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(exposition, dataset, timetable, START) for _ in range(80)]
        for number in range(20):
            keep(dataset, make_report(START + timedelta(minutes=number)))
        assert all(each.result() for each in asked)
    assert sum(numbers(dataset, timetable)["khobor_runs_total"].values()) == 20


def write_progress(dataset: DataFolder, process: int) -> None:
    run = {"run_id": "20261122T115900Z-kalbela-0000", "site": "kalbela", "state": "crawling", "at": START.isoformat()}
    counts = {"requests": 30, "stories": 12, "discovered": 90, "queued": 60, "reading": HOSTILE_TEXT}
    dataset.progress("kalbela").write_text(json.dumps(run | counts))
    dataset.lock("kalbela").write_text(json.dumps({"pid": process, "host": "here", "since": "now"}))


def test_only_live_runs_have_progress(memory_folder: Path, timetable: Timetable) -> None:
    dataset = folder(memory_folder)
    assert running(dataset) == []
    write_progress(dataset, os.getpid())
    [run] = running(dataset)
    assert (run.site, run.state, run.requests, run.seconds) == ("kalbela", "crawling", 30, 60)
    assert not UNSAFE.search(run.reading or "")
    assert json.loads(json.dumps(run.as_dict(START)))["queued"] == 60
    found = numbers(dataset, timetable)
    assert (found["khobor_running"]["kalbela",], found["khobor_running_queued"]["kalbela",]) == (1, 60)
    write_progress(dataset, 2**22 - 1)
    assert running(dataset) == []


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"run_id": "x", "at": 3}'])
def test_unreadable_progress_is_ignored(text: str, memory_folder: Path) -> None:
    dataset = folder(memory_folder)
    write_progress(dataset, os.getpid())
    dataset.progress("kalbela").write_text(text)
    assert running(dataset) == []
