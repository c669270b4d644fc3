"""What becomes of a paper over several runs: corrected, moved, taken down, redesigned, silent, and back again."""

import shutil
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from crawler.clock import start_in
from tests.hostile_paper import SITE, Ended, crawl
from tests.newspaper import Fault, Newspaper, StoryTruth
from tests.newspaper.exchange import http_date

TABLES = ("stories", "revisions", "aliases", "rejects", "rankings")
HOME = Fault(status=302, body=b"", headers={"Location": f"{SITE}/"})
AS_ALWAYS = Fault()


@dataclass(frozen=True)
class Run:
    """One run: when it was by the paper's clock, what the paper held then, and what the tables held after it."""

    began: datetime
    truth: dict[str, StoryTruth]
    ended: Ended
    fetches: pd.DataFrame
    tables: dict[str, pd.DataFrame]

    @property
    def stories(self) -> pd.DataFrame:
        """The table of stories by their ids."""
        return self.tables["stories"].set_index("story_id")


class Days:
    """A paper and a data folder; every run believes to live at the paper's time."""

    def __init__(self, data: Path, mirror: str, paper: Newspaper) -> None:
        self.data, self.mirror, self.paper = data, mirror, paper
        self.runs: list[Run] = []

    def run(self, *arguments: str, hours: float = 0, **settings: Any) -> Run:
        """Let hours go by, then crawl."""
        self.paper.advance(timedelta(hours=hours))
        now, truth = self.paper.now, self.paper.truth()
        clock = {"KHOBOR_TESTING": "1", "KHOBOR_CLOCK": now.isoformat()}
        ended = crawl(self.mirror, self.data, *arguments, environment=clock, DOWNLOAD_TIMEOUT="5", **settings)
        tables = {name: ended.table(name) for name in TABLES}
        self.runs.append(Run(now, truth, ended, ended.fetches(), tables))
        return self.runs[-1]

    def missing(self) -> set[str]:
        """Stories that a door names now and that are kept under no id."""
        kept, copies = set(self.runs[-1].stories.index), self.paper.copies()
        return {i for i in self.paper.truth() if i not in kept and not copies.get(i, frozenset()) & kept}

    def path(self, story_id: str) -> str:
        """Where a story stands now."""
        return self.paper.truth()[story_id].url.removeprefix(SITE)


def path_of(days: Days, place: int) -> str:
    """The address of a story that was young when it was first seen, and so is soon looked at again."""
    return days.runs[0].tables["stories"].sort_values("published_at")["url"].iloc[-place].removeprefix(SITE)


def ordinary(days: Days) -> None:
    """Three days in which nothing breaks."""
    for hours in (2, 6, 22):
        days.run(hours=hours)


def taken_down(days: Days) -> None:
    for place, fault in enumerate((Fault(status=404), Fault(status=410), HOME), start=2):
        days.paper.faults[path_of(days, place)] = fault
    days.run(hours=2)
    days.paper.faults.clear()
    days.run(hours=24)


def redesign(days: Days) -> None:
    days.paper.layout = "next"
    days.run(hours=3)
    days.paper.layout = "usual"
    days.run(hours=24)


def empty_list(days: Days) -> None:
    days.paper.break_field("latest", "missing")
    days.run(hours=2)


def silent(days: Days) -> None:
    days.paper.down = True
    for hours in (2, 24, 24):
        days.run(hours=hours)
    days.paper.down = False
    days.run(hours=24)


def turned_away(days: Days) -> None:
    days.paper.faults |= {"/robots.txt": AS_ALWAYS, "*": Fault(status=403, body=b"no")}
    for hours in (2, 24, 24):
        days.run(hours=hours)
    days.paper.faults.clear()
    days.run(hours=24)


def maintenance(days: Days) -> None:
    elsewhere = {"Location": f"{SITE}/maintenance"}
    page = b"<!DOCTYPE html><html><body><p>We will be here again soon.</p></body></html>"
    days.paper.faults |= {"/robots.txt": AS_ALWAYS, "/maintenance": Fault(status=200, body=page)}
    days.paper.faults["*"] = Fault(status=302, body=b"", headers=elsewhere)
    days.run(hours=2)
    days.paper.faults.clear()
    days.run(hours=24)


def all_gone(days: Days) -> None:
    days.paper.faults |= {"/robots.txt": AS_ALWAYS, "*": Fault(status=404, body=b"no such page")}
    days.run(hours=2)
    days.paper.faults.clear()
    days.run(hours=24)


def no_robots(days: Days) -> None:
    days.paper.faults["/robots.txt"] = Fault(status=500, body=b"")
    days.run(hours=2)
    days.paper.faults.clear()
    days.run(hours=1)


def patient(days: Days) -> None:
    until = days.paper.now + timedelta(hours=2, seconds=3)
    days.paper.faults["/"] = Fault(status=503, body=b"", headers={"Retry-After": http_date(until)}, times=1)
    days.run(hours=2)


SCENARIOS: tuple[Callable[[Days], None], ...] = (
    *(ordinary, silent, turned_away, redesign, taken_down, maintenance, all_gone, no_robots, empty_list, patient),
)


def new_paper() -> Newspaper:
    return Newspaper(seed=3, stories=90, per_day=150, traps=False)


@pytest.fixture(scope="module")
def life(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Future[Days]]]:
    """Every scenario, each on a copy of the folder that one first run left."""
    folder, paper = tmp_path_factory.mktemp("life"), new_paper()
    with paper.serve() as mirror:
        before = Days(folder / "first", mirror, paper)
        before.run()

    def live(scenario: Callable[[Days], None]) -> Days:
        paper = new_paper()
        with paper.serve() as mirror:
            days = Days(folder / scenario.__name__, mirror, paper)
            shutil.copytree(before.data, days.data)
            days.runs += before.runs
            scenario(days)
        return days

    with ThreadPoolExecutor(4) as pool:
        yield {scenario.__name__: pool.submit(live, scenario) for scenario in SCENARIOS}


def days_of(life: dict[str, Future[Days]], name: str) -> Days:
    return life[name].result()


@pytest.mark.parametrize("name", [scenario.__name__ for scenario in SCENARIOS])
def test_the_books_of_every_run_balance(life: dict[str, Future[Days]], name: str) -> None:
    for run in days_of(life, name).runs:
        assert run.ended.report["books"]["balanced"]
        assert run.fetches["url"].is_unique
        assert len(run.fetches) == run.ended.report["books"]["discovered"]
        assert run.tables["stories"]["story_id"].is_unique


@pytest.mark.parametrize("name", [scenario.__name__ for scenario in SCENARIOS if scenario not in (empty_list,)])
def test_once_all_is_well_again_nothing_is_missing(life: dict[str, Future[Days]], name: str) -> None:
    days = days_of(life, name)
    assert days.missing() == set()
    assert days.runs[-1].ended.exit_code == 0
    assert days.runs[-1].stories["gone_at"].isna().sum() >= len(days.paper.truth()) - len(days.paper.copies())


@pytest.mark.parametrize("name", [scenario.__name__ for scenario in SCENARIOS])
def test_every_row_says_what_its_page_said_when_it_was_last_seen(life: dict[str, Future[Days]], name: str) -> None:
    days = days_of(life, name)
    wrong = {}
    for story_id, row in days.runs[-1].stories.iterrows():
        seen = next(run for run in reversed(days.runs) if run.began <= row["fetched_at"])
        true = seen.truth.get(str(story_id))
        if true is None or (row["headline"], row["body"]) != (true.headline, true.body):
            wrong[story_id] = (row["headline"], true and true.headline)
    assert not wrong


# Ordinary days --------------------------------------------------------------------------------------------------------


def test_a_corrected_story_has_a_new_revision_and_its_old_one_is_kept(life: dict[str, Future[Days]]) -> None:
    days = days_of(life, "ordinary")
    last = days.runs[-1]
    old = last.tables["revisions"].set_index(["story_id", "revision"])
    corrected = last.stories[last.stories["revision"] > 1]
    assert len(corrected) >= 3
    for story_id, row in corrected.iterrows():
        for revision in range(1, row["revision"]):
            assert old.loc[(story_id, revision), "first_seen_at"] == row["first_seen_at"]
        before = old.loc[(story_id, row["revision"] - 1)]
        true = next(run for run in reversed(days.runs) if run.began <= before["fetched_at"]).truth[str(story_id)]
        assert (before["headline"], before["body"]) == (true.headline, true.body)
        assert (before["headline"], before["body"], before["updated_at"]) != (
            *(row["headline"], row["body"], row["updated_at"]),
        )
    assert sum(run.ended.report["stories"]["revised"] for run in days.runs) == len(old)


def test_new_furniture_around_a_story_is_no_revision(life: dict[str, Future[Days]]) -> None:
    first, *others = days_of(life, "ordinary").runs
    size = first.fetches.set_index("story_id")["bytes"]
    again = pd.concat([run.fetches for run in others])
    again = again[(again["outcome"] == "unchanged") & (again["status"] == 200) & again["story_id"].isin(size.index)]
    other_page = again[again["bytes"] != again["story_id"].map(size)]
    assert len(other_page) >= 5
    revised = others[-1].tables["revisions"]["story_id"]
    assert len(set(other_page["story_id"]) - set(revised)) >= 5


def test_a_story_that_was_not_sent_again_was_seen_all_the_same(life: dict[str, Future[Days]]) -> None:
    days = days_of(life, "ordinary")
    asked = 0
    for run in days.runs[1:]:
        unsent = run.fetches[(run.fetches["status"] == 304) & run.fetches["story_id"].notna()]
        asked += len(unsent)
        assert (run.stories.loc[unsent["story_id"], "fetched_at"] >= run.began).all()
    assert asked


def test_a_story_that_moves_keeps_its_id_and_its_row(life: dict[str, Future[Days]]) -> None:
    days = days_of(life, "ordinary")
    first, last = days.runs[0], days.runs[-1]
    moved = [i for i, true in last.truth.items() if i in first.truth and true.url != first.truth[i].url]
    assert moved
    for story_id in moved:
        addresses = {last.stories.loc[story_id, "url"]}
        addresses |= set(last.tables["aliases"].query("story_id == @story_id")["url"])
        assert {first.truth[story_id].url, last.truth[story_id].url} <= addresses


# Trouble --------------------------------------------------------------------------------------------------------------


def test_a_story_that_was_taken_down_keeps_its_row_and_says_so(life: dict[str, Future[Days]]) -> None:
    days = days_of(life, "taken_down")
    before, during, after = days.runs
    rows = [path_of(days, place) for place in (2, 3, 4)]
    assert list(during.fetches.loc[rows, "outcome"]) == ["gone", "gone", "redirected"]
    gone = during.stories[during.stories["gone_at"].notna()].index
    assert {SITE + row for row in rows} <= set(during.stories.loc[gone, "url"])
    assert set(before.stories.index) <= set(during.stories.index)
    back = after.fetches.loc[rows, "outcome"]
    assert set(back) <= {"story", "unchanged"}
    assert after.stories[after.stories["url"].isin([SITE + row for row in rows])]["gone_at"].isna().all()


def test_a_redesign_is_told_and_every_page_that_it_cost_is_kept_and_read_later(life: dict[str, Future[Days]]) -> None:
    before, during, after = days_of(life, "redesign").runs
    assert during.ended.exit_code == 9
    assert "the layout changed" in during.ended.report["verdict"]["problems"][0]
    refused = during.tables["rejects"]
    assert set(refused["reason"]) == {"UnknownLayout"}
    assert len(refused) >= 10
    pages = refused["page"].dropna()
    assert len(pages) == min(len(refused), 20)
    assert all((during.ended.data / page).is_file() for page in pages)
    pd.testing.assert_frame_equal(before.stories, during.stories)
    assert set(refused["story_id"]) & set(after.truth) <= set(after.stories.index)


def test_a_list_without_rows_is_told(life: dict[str, Future[Days]]) -> None:
    during = days_of(life, "empty_list").runs[-1]
    assert during.ended.exit_code == 3
    assert "no list latest" in during.ended.report["verdict"]["problems"][0]


@pytest.mark.parametrize("name", ["silent", "turned_away", "maintenance", "all_gone", "no_robots"])
def test_a_night_without_a_page_is_told_and_changes_nothing(life: dict[str, Future[Days]], name: str) -> None:
    before, *nights, _ = days_of(life, name).runs
    for night in nights:
        assert night.ended.exit_code == 4
        assert night.ended.report["stories"]["new"] == 0
        pd.testing.assert_frame_equal(
            before.stories.drop(columns="gone_at"), night.stories.drop(columns="gone_at"), check_dtype=False
        )


def test_without_robots_nothing_else_is_asked(life: dict[str, Future[Days]]) -> None:
    _, during, _ = days_of(life, "no_robots").runs
    assert set(during.fetches["outcome"]) == {"robots"}
    assert during.ended.report["requests"] == 0


def test_patience_is_measured_by_the_clock_of_the_server(life: dict[str, Future[Days]]) -> None:
    days = days_of(life, "patient")
    first, *later = [asked.at for asked in days.paper.log if asked.target != "/robots.txt"]
    asked = [entry for entry in days.paper.log if entry.target == "/"]
    assert [entry.status for entry in asked][:2] == [503, 200]
    assert 2 <= later[0] - first < 60


def test_a_run_that_was_cut_short_costs_no_door_of_the_next(tmp_path: Path) -> None:
    paper = new_paper()
    with paper.serve() as mirror:
        days = Days(tmp_path, mirror, paper)
        days.run("--max-pages", "4")
        assert days.runs[0].ended.report["books"]["outcomes"]["not_reached"] > 20
        days.run()
        assert days.missing() == set()


def test_where_nobody_listens_no_run_is_started(tmp_path: Path) -> None:
    ended = crawl("http://127.0.0.1:9", tmp_path)
    assert ended.exit_code == 4
    assert "nobody answers" in ended.told
    assert not (tmp_path / "runs").exists() or not list((tmp_path / "runs").iterdir())


# The clock ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("clock", ["soon", "2026-01-11T19:05", "nan", "1e400"])
def test_a_clock_that_cannot_be_read_is_refused(clock: str) -> None:
    with pytest.raises(ValueError, match="KHOBOR_CLOCK"):
        start_in({"KHOBOR_CLOCK": clock, "KHOBOR_TESTING": "1"})


def test_a_clock_counts_in_tests_alone() -> None:
    assert start_in({"KHOBOR_TESTING": "1"}) is None
    with pytest.raises(ValueError, match="for tests alone"):
        start_in({"KHOBOR_CLOCK": "60"})


def test_a_clock_stands_where_it_is_told() -> None:
    testing = {"KHOBOR_TESTING": "1"}
    dhaka = start_in(testing | {"KHOBOR_CLOCK": "2026-01-11T19:05+06:00"})
    assert dhaka == datetime(2026, 1, 11, 13, 5, tzinfo=UTC)
    assert dhaka is not None
    assert dhaka.tzinfo is UTC
    later = start_in(testing | {"KHOBOR_CLOCK": "-3600"})
    assert later is not None
    assert abs(later.timestamp() + 3600 - time.time()) < 5
