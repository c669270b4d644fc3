"""Drift alarms: each broken field is named in the first run that meets it, and sound runs raise none."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest

from crawler.items import ParsedStory, Story
from crawler.spiders.kalbela import LAYOUT_2023
from pipelines.storage.data_folder import DataFolder
from schedules.monitoring.expectations import Expectations, evaluate
from schedules.monitoring.throughput import throughput_alarms
from schedules.reports.history import Acknowledgement, acknowledgements
from tests.newspaper import Newspaper
from tests.support.archived_pages import archived_page
from tests.support.commands import FinishedCrawl
from tests.support.drift_reports import FIRST_NIGHT, Edition, alarms, drifted, nights, report_of, with_columns

POOL = 450
BEFORE = 14
TONIGHT = FIRST_NIGHT + timedelta(days=BEFORE)
BREAKS = {"renamed": ("renamed", 1.0), "moved": ("moved", 1.0), "emptied": ("emptied", 1.0), "half": ("renamed", 0.5)}
# How many stories a run must read for the break to stand out: the rarer a field, the more.
PAGES: dict[str, dict[str, int]] = {name: {} for name in ("headline", "byline", "edition", "image_url", "body")} | {
    "image_caption": {},
    "tags": {"half": 80},
    "published_at": {"renamed": 48, "half": 200},
    "updated_at": {"half": 200},
    "kicker": {"renamed": 80, "moved": 80, "emptied": 80, "half": POOL},
}
CASES = [(field, way, pages.get(way, 48 if way == "half" else 24)) for field, pages in PAGES.items() for way in BREAKS]


@pytest.fixture(scope="module")
def edition() -> Edition:
    return Edition(1, POOL)


@pytest.fixture(scope="module")
def past(edition: Edition) -> list[dict[str, Any]]:
    return nights(edition, BEFORE, POOL, (120, 400))


@pytest.mark.parametrize(("field", "way", "pages"), CASES, ids=lambda value: str(value))
def test_only_the_broken_field_is_named(
    edition: Edition, past: list[dict[str, Any]], field: str, way: str, pages: int
) -> None:
    broken, share = BREAKS[way]
    report = report_of(edition.broken(field, broken, pages, share=share), TONIGHT)
    [alarm] = alarms(report, past)
    assert (alarm["key"], alarm["kind"], alarm["field"]) == (f"kalbela/field/{field}", "field", field)
    assert (alarm["layout"], alarm["since_run"]) == ("kalbela-2023", report["run_id"])
    assert alarm["selector"] in LAYOUT_2023.extractors[field]
    assert all(text in alarm["sentence"] for text in (f"{field}: ", alarm["selector"]))


@pytest.mark.parametrize("shown", [("latest",), ("popular",), ()], ids=str)
def test_missing_list_is_an_alarm(edition: Edition, past: list[dict[str, Any]], shown: tuple[str, ...]) -> None:
    found = alarms(report_of(edition.sound(60), TONIGHT, lists=shown), past)
    assert {alarm["key"] for alarm in found} == {f"kalbela/list/{name}" for name in {"latest", "popular"} - {*shown}}
    assert {alarm["kind"] for alarm in found} <= {"list"}


# Wrong values of a field: lost, another field's, a menu, the same everywhere, of another time, partial or excessive.
WRONG: tuple[tuple[str, Callable[[Story], Any]], ...] = (
    *((name, lambda story: None) for name in ("section", "agency", "image_credit")),
    ("byline", lambda story: f"০৭ জানুয়ারি ২০২৬ {story.byline or ''}"),
    ("byline", lambda story: story.headline),
    ("headline", lambda story: "কালবেলা"),
    ("kicker", lambda story: "জাতীয় রাজনীতি খেলা বিনোদন সারাদেশ " * 5),
    ("image_url", lambda story: "https://www.kalbela.com/a"),
    ("published_at", lambda story: story.fetched_at),
    ("published_at", lambda story: story.fetched_at and story.fetched_at + timedelta(days=365)),
    ("updated_at", lambda story: story.published_at and story.published_at - timedelta(days=9)),
    ("body", lambda story: story.body.partition("\n\n")[0]),
    ("body", lambda story: "\n\n".join([story.body] * 8)),
    ("tags", lambda story: story.body.split()),
)


@pytest.mark.parametrize(("field", "wrong"), WRONG)
def test_wrong_content_is_an_alarm(
    edition: Edition, past: list[dict[str, Any]], field: str, wrong: Callable[[Story], Any]
) -> None:
    stories = [with_columns(story, **{field: wrong(story.story)}) for story in edition.sound(150)]
    assert f"kalbela/field/{field}" in {alarm["key"] for alarm in alarms(report_of(stories, TONIGHT), past)}


# Each run is compared with all before it, so that twice the runs cost four times as much.
@pytest.mark.parametrize(("seed", "stories", "runs"), [(1, POOL, 50), (7, 120, 100)])
def test_sound_runs_raise_no_alarm(edition: Edition, seed: int, stories: int, runs: int) -> None:
    paper = edition if seed == 1 else Edition(seed, stories)
    chance, sound, past = Random(seed), paper.sound(), list[dict[str, Any]]()
    by_age = sorted(sound, key=lambda story: int(story.story.story_id.rpartition(":")[2]))
    place, moment = 0, FIRST_NIGHT
    for number in range(runs):
        quiet = moment.weekday() in (4, 5)  # Friday and Saturday in Dhaka
        if number % 5 == 0:
            most = len(sound) if number == 0 else chance.choice((60, 90, 120))
            chosen, mode = chance.sample(sound, most // 2 if quiet else most), "full"
        else:
            size = chance.choice((0, 1, 1, 2, 3, 5, 8, 12, 20, 45)) // (2 if quiet else 1)
            chosen, mode = [by_age[(place + step) % len(by_age)] for step in range(size)], "incremental"
            place += size
        report = report_of(chosen, moment, mode)
        assert not alarms(report, past), f"run {number}: {mode} of {len(chosen)} stories"
        past.insert(0, report)
        moment += timedelta(hours=5)


def paced(report: dict[str, Any], requests: int, minutes: float, rows: int = 20) -> dict[str, Any]:
    began = datetime.strptime(report["run_id"][:15], "%Y%m%dT%H%M%S").replace(tzinfo=UTC)
    times = {"started_at": began.isoformat(), "ended_at": (began + timedelta(minutes=minutes)).isoformat()}
    lists = {"latest": {"pages": 60, "beside_stories": 60, "rows": {str(rows): 60}}}
    return report | times | {"requests": requests, "measures": report["measures"] | {"lists": lists}}


@pytest.mark.parametrize(
    ("requests", "minutes", "rows", "keys"),
    [
        (300, 5, 20, []),
        (240, 7, 19, []),
        (300, 12, 14, []),
        (300, 90, 20, ["kalbela/pace/requests_per_second"]),
        (6000, 110, 20, ["kalbela/pace/requests_per_story"]),
        (300, 5, 3, ["kalbela/list/latest"]),
        (20, 30, 20, []),  # too few requests
    ],
)
def test_slow_run_is_an_alarm(edition: Edition, requests: int, minutes: float, rows: int, keys: list[str]) -> None:
    past = [paced(report, 300, 5 + number % 3) for number, report in enumerate(nights(edition, 14, 60, (60, 60)))]
    report = paced(report_of(edition.sound(60), TONIGHT), requests, minutes, rows)
    assert [alarm.key for alarm in throughput_alarms(report, past)] == keys
    assert not list(throughput_alarms(report, []))


def test_full_runs_without_news_are_an_alarm(edition: Edition) -> None:
    past: list[dict[str, Any]] = []
    for number in range(60):
        report = report_of(edition.sound(12), FIRST_NIGHT + timedelta(days=number))
        stale = number >= 45
        report["stories"]["new"] = 0 if stale or number % 4 == 0 else 3  # every fourth has no news anyway
        report["alarms"] = alarms(report, past)
        assert stale or not report["alarms"]
        past.insert(0, report)
        if report["alarms"]:
            break
    assert [alarm["key"] for alarm in report["alarms"]] == ["kalbela/found"]
    assert 6 <= number - 45 <= 15


def without_byline(stories: list[ParsedStory]) -> list[ParsedStory]:
    given = [{name: source for name, source in story.extracted_by.items() if name != "byline"} for story in stories]
    return [
        replace(with_columns(story, byline=None), extracted_by=rest) for story, rest in zip(stories, given, strict=True)
    ]


class History:
    """Runs in succession, each compared with the reports of those before it."""

    def __init__(self, past: list[dict[str, Any]]) -> None:
        self.past = list(past)
        self.acknowledged: dict[str, Acknowledgement] = {}

    def run(self, stories: list[ParsedStory], mode: str = "full") -> list[dict[str, Any]]:
        report = report_of(stories, FIRST_NIGHT + timedelta(days=len(self.past)), mode)
        report["alarms"] = alarms(report, self.past, self.acknowledged)
        self.past.insert(0, report)
        return list(report["alarms"])


@pytest.fixture
def history(past: list[dict[str, Any]]) -> History:
    return History(past)


def test_small_runs_are_tested_together(edition: Edition, history: History) -> None:
    lacking = without_byline(edition.sound(60))
    found = [history.run(lacking[first : first + 3], "incremental") for first in range(0, 24, 3)]
    assert not found[0]
    assert [alarm["field"] for alarm in found[-1]] == ["byline"]
    assert found[-1][0]["since_run"] == history.past[7]["run_id"]


def test_empty_run_carries_alarm_without_failing(edition: Edition, history: History) -> None:
    [alarm] = history.run(without_byline(edition.sound(60)))
    [carried] = history.run([])
    assert (carried["key"], carried["since_run"], carried["carried"]) == (alarm["key"], alarm["since_run"], True)
    assert not evaluate(history.past[0], Expectations(), drifted(history.past[0], history.past[1:])).exit_code
    assert not history.run(edition.sound(60)), "a filled field clears it"


def test_broken_runs_are_never_the_baseline(edition: Edition, history: History) -> None:
    first = history.run(without_byline(edition.sound(60)))[0]
    for _ in range(20):
        [alarm] = history.run(without_byline(edition.sound(60)))
    assert (alarm["key"], alarm["since_run"]) == (first["key"], first["since_run"])
    assert alarm["measure"]["before"] == first["measure"]["before"]


def test_transient_alarms_become_normal(edition: Edition, history: History) -> None:
    counts, chance = [], Random(1)
    for _ in range(4):
        without_image = [with_columns(story, image_url=None) for story in chance.sample(edition.sound(), 60)]
        counts.append(len(history.run(without_image)))
        assert not any(history.run(chance.sample(edition.sound(), 60)) for _ in range(2))
    assert counts == [1, 1, 0, 0]


def test_acknowledged_change_raises_no_alarm(edition: Edition, history: History) -> None:
    [alarm] = history.run(without_byline(edition.sound(60)))
    history.acknowledged[alarm["key"]] = Acknowledgement(alarm["since_run"], history.past[0]["run_id"])
    assert not history.run(without_byline(edition.sound(60)))
    assert not history.run(without_byline(edition.sound(120)))


def test_first_run_uses_usual_columns(edition: Edition) -> None:
    assert not alarms(report_of(edition.sound(60), TONIGHT), [])
    [alarm] = alarms(report_of(without_byline(edition.sound(60)), TONIGHT), [])
    assert (alarm["field"], alarm["selector"]) == ("byline", LAYOUT_2023.extractors["byline"][0])


@pytest.mark.parametrize(("of", "early", "keys"), [(5, 4, ["updated_at"]), (30, 12, ["updated_at"]), (30, 1, [])])
def test_first_run_has_updates_before_publication(edition: Edition, of: int, early: int, keys: list[str]) -> None:
    stories = [story for story in edition.sound(60) if story.story.published_at and story.story.updated_at][:of]
    wrong = [
        with_columns(each, updated_at=each.story.published_at and each.story.published_at - timedelta(days=9))
        for each in stories[:early]
    ]
    found = alarms(report_of([*wrong, *stories[early:]], TONIGHT), [])
    assert [alarm["field"] for alarm in found if alarm["key"] == "kalbela/field/updated_at"] == keys


def test_reports_without_measures_are_skipped(edition: Edition, past: list[dict[str, Any]]) -> None:
    old = {name: value for name, value in past[0].items() if name not in ("mode", "measures")} | {"fields": {"body": 9}}
    assert len(alarms(report_of(without_byline(edition.sound(60)), TONIGHT), [old, *past])) == 1
    assert not alarms(report_of(edition.sound(60), TONIGHT), [old])


def test_incremental_runs_without_news_raise_no_alarm(edition: Edition) -> None:
    past: list[dict[str, Any]] = []
    for number in range(144):
        report = report_of(edition.sound(12), FIRST_NIGHT + timedelta(minutes=10 * number), "incremental")
        report["stories"]["new"] = 0 if 48 <= number < 96 else 3
        assert not alarms(report, past)
        past.insert(0, report)


def test_print_edition_may_share_one_time(edition: Edition, past: list[dict[str, Any]]) -> None:
    stories = edition.sound(60)
    together = min(story.story.fetched_at for story in stories if story.story.fetched_at) - timedelta(days=1)
    printed = [with_columns(story, edition="print", published_at=together) for story in stories]
    assert "kalbela/field/published_at" not in [alarm["key"] for alarm in alarms(report_of(printed, TONIGHT), past)]
    online = [with_columns(story, edition="online", published_at=together) for story in stories]
    assert "kalbela/field/published_at" in [alarm["key"] for alarm in alarms(report_of(online, TONIGHT), past)]


@dataclass
class Nights:
    """The reports of three nights by the field that was broken."""

    crawl: FinishedCrawl
    reports: dict[str, dict[str, Any]] = field(default_factory=dict)

    def run(self, broken: str) -> None:
        self.crawl.paper.mend_fields()
        if broken:
            self.crawl.paper.break_field(broken, "renamed")
        self.crawl.paper.advance(timedelta(days=1))
        self.reports[broken] = self.crawl.crawl()


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nights]:
    paper = Newspaper(seed=5, stories=90, decoys=False)
    with paper.serve() as mirror:
        found = Nights(FinishedCrawl(paper, mirror, tmp_path_factory.mktemp("drift")))
        for broken in ("", "byline", "popular"):
            found.run(broken)
        yield found


def test_broken_field_exits_with_samples(three: Nights) -> None:
    assert (three.reports[""]["exit_code"], three.reports[""]["alarms"]) == (0, [])
    report = three.reports["byline"]
    [alarm] = report["alarms"]
    assert (report["exit_code"], alarm["key"], alarm["layout"]) == (9, "kalbela/field/byline", "kalbela-2023")
    assert (alarm["selector"], alarm["since_run"]) == (LAYOUT_2023.extractors["byline"][0], report["run_id"])
    assert report["verdict"]["problems"] == [alarm["sentence"]]
    pages = [archived_page(three.crawl.data, sample) for sample in alarm["samples"]]
    assert [("details_content" in page, "rpt_name" in page) for page in pages] == [(True, False)] * 3
    shown = three.crawl.run("runs", report["run_id"]).stdout
    assert alarm["sentence"][:60] in shown.split("URLs discovered")[0], "the alarm comes before the counts"


def test_missing_list_exits_and_is_acknowledged(three: Nights) -> None:
    report = three.reports["popular"]
    assert report["exit_code"] == 9
    assert [(alarm["key"], alarm["kind"]) for alarm in report["alarms"]] == [("kalbela/list/popular", "list")]
    assert three.crawl.run("ack", "kalbela/list/popular").returncode == 0
    entry = acknowledgements(DataFolder(three.crawl.data), "kalbela")["kalbela/list/popular"]
    assert entry.since == entry.until == report["run_id"]
    unknown = three.crawl.run("ack", "kalbela/field/headline")
    assert unknown.returncode == 2
    assert "khobor alerts" in unknown.stderr


def test_report_counts_fields_by_extractor(three: Nights) -> None:
    report = three.reports[""]
    read = sum(report["stories"][name] for name in ("new", "revised", "unchanged", "exact_duplicates"))
    assert (report["mode"], report["fields"]["byline"]["of"]) == ("full", read)
    for column in ("headline", "kicker", "byline", "published_at", "edition", "image_url", "body", "tags"):
        assert 0 < report["fields"][column]["filled"] == sum(report["fields"][column]["by"].values()) <= read
    names = [f"kalbela-2023/{name}" for name in LAYOUT_2023.extractors["byline"]]
    assert list(report["fields"]["byline"]["by"]) == names
