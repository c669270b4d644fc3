"""Several runs of one site: stories corrected, moved and taken down; redesigns, outages and recovery."""

import re
import shutil
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pandas as pd
import pytest

from crawler.clock import start_in
from crawler.spiders.kalbela import Kalbela
from tests.newspaper import Fault, Newspaper, StoryTruth
from tests.newspaper.http_messages import http_date
from tests.support.archived_pages import archived_page
from tests.support.fault_site import SITE, CommandResult, crawl

TABLES = ("stories", "revisions", "aliases", "rejects", "rankings")
HOME = Fault(status=302, body=b"", headers={"Location": f"{SITE}/"})
NORMAL = Fault()
_RULES = Kalbela.make_url_rules()


@dataclass(frozen=True)
class Run:
    """One run: its time by the paper's clock, the truth then, and the tables after it."""

    began: datetime
    truth: dict[str, StoryTruth]
    ended: CommandResult
    fetches: pd.DataFrame
    tables: dict[str, pd.DataFrame]

    @property
    def stories(self) -> pd.DataFrame:
        """The table of stories by their ids."""
        return self.tables["stories"].set_index("story_id")


class Days:
    """A paper and a data folder; the clock of every run is the paper's."""

    def __init__(self, data: Path, mirror: str, paper: Newspaper) -> None:
        self.data, self.mirror, self.paper = data, mirror, paper
        self.runs: list[Run] = []

    def run(self, *arguments: str, hours: float = 0, **settings: Any) -> Run:
        """Advance the clock, then crawl."""
        self.paper.advance(timedelta(hours=hours))
        now, truth = self.paper.now, self.paper.truth()
        clock = {"KHOBOR_TESTING": "1", "KHOBOR_CLOCK": now.isoformat()}
        ended = crawl(self.mirror, self.data, *arguments, environment=clock, DOWNLOAD_TIMEOUT="5", **settings)
        tables = {name: ended.table(name) for name in TABLES}
        fetches = ended.fetches()
        fetches.index = [_RULES.identify(url).url.removeprefix(SITE) for url in fetches["url"]]
        self.runs.append(Run(now, truth, ended, fetches, tables))
        return self.runs[-1]

    def missing(self) -> set[str]:
        """Stories that an entry point names now, but the table has under no id."""
        kept, copies = set(self.runs[-1].stories.index), self.paper.copies()
        return {i for i in self.paper.truth() if i not in kept and not copies.get(i, frozenset()) & kept}


def path_of(days: Days, place: int) -> str:
    """The path of a recent story, which is soon requested again."""
    return days.runs[0].tables["stories"].sort_values("published_at")["url"].iloc[-place].removeprefix(SITE)


def ordinary(days: Days) -> None:
    """Runs in which nothing breaks."""
    for hours in (2, 6, 22):
        days.run(hours=hours)


def taken_down(days: Days) -> None:
    for place, fault in enumerate((Fault(status=404), Fault(status=410), HOME), start=2):
        days.paper.faults[path_of(days, place)] = fault
    days.run(hours=2)
    days.run(hours=24)
    days.run(hours=40)
    days.paper.faults.clear()
    days.run(hours=81)


def redesign(days: Days) -> None:
    days.paper.layout = "next"
    days.run(hours=3)
    days.paper.layout = "usual"
    days.run(hours=6)


def offline(paper: Newspaper) -> None:
    paper.down = True


def blocked(paper: Newspaper) -> None:
    paper.faults |= {"/robots.txt": NORMAL, "*": Fault(status=403, body=b"no")}


def maintenance(paper: Newspaper) -> None:
    page = b"<!DOCTYPE html><html><body><p>We will be here again soon.</p></body></html>"
    paper.faults |= {"/robots.txt": NORMAL, "/maintenance": Fault(status=200, body=page)}
    paper.faults["*"] = Fault(status=302, body=b"", headers={"Location": f"{SITE}/maintenance"})


def all_gone(paper: Newspaper) -> None:
    paper.faults |= {"/robots.txt": NORMAL, "*": Fault(status=404, body=b"no such page")}


def no_robots(paper: Newspaper) -> None:
    paper.faults["/robots.txt"] = Fault(status=500, body=b"")


# Faults of a night, with the exit code of its run.
BAD_NIGHTS = ((offline, 4), (blocked, 4), (maintenance, 9), (all_gone, 4), (no_robots, 4))


def bad_nights(days: Days) -> None:
    """Five bad nights, then a good one, late enough for missing stories to be requested again."""
    for night, _ in BAD_NIGHTS:
        night(days.paper)
        days.run(hours=6)
        days.paper.down = False
        days.paper.faults.clear()
    days.run(hours=24)


def poisoned(days: Days) -> None:
    """Every known page becomes an error page with the ETag of the right one."""
    days.paper.advance(timedelta(hours=2))
    for url in days.runs[0].fetches["url"]:
        host, path = urlsplit(url).hostname, re.sub(r"^https?://[^/]+", "", url)
        right = days.paper.site.answer(str(host), path, {})
        if tag := right.headers.get("ETag"):
            headers = {"Content-Type": right.headers["Content-Type"], "ETag": tag}
            fault = Fault(status=200, body=b"Too many connections", headers=headers)
            days.paper.faults |= {path: fault, f"{path}/": fault}  # another URL of the story has a slash
    days.run(KHOBOR_MAX_HOST_FAILURES="1000")
    days.paper.faults.clear()
    days.run(hours=0.1)


def retry_after(days: Days) -> None:
    until = days.paper.now + timedelta(hours=2, seconds=3)
    days.paper.faults["/"] = Fault(status=503, body=b"", headers={"Retry-After": http_date(until)}, times=1)
    days.run("--max-pages", "3", hours=2)


Life = dict[str, Future[Days]]
SCENARIOS: tuple[Callable[[Days], None], ...] = (*(bad_nights, ordinary, redesign, taken_down, poisoned, retry_after),)


def new_paper() -> Newspaper:
    return Newspaper(seed=34, stories=60, per_day=60, decoys=False)


@pytest.fixture(scope="module")
def life(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Life]:
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


@pytest.mark.parametrize("name", [scenario.__name__ for scenario in SCENARIOS])
def test_tables_match_reports_and_pages(life: Life, name: str) -> None:
    runs = life[name].result().runs
    for run in runs:
        assert run.ended.report["urls"]["complete"]
        assert run.fetches["url"].is_unique
        assert len(run.fetches) == run.ended.report["urls"]["discovered"]
        assert run.tables["stories"]["story_id"].is_unique
    for story_id, row in runs[-1].stories.iterrows():
        seen = next(run for run in reversed(runs) if run.began <= row["fetched_at"])
        true = seen.truth[str(story_id)]
        assert (row["headline"], row["body"]) == (true.headline, true.body), story_id


@pytest.mark.parametrize("name", sorted({each.__name__ for each in SCENARIOS} - {"retry_after"}))
def test_recovery_leaves_nothing_missing(life: Life, name: str) -> None:
    days = life[name].result()
    assert days.missing() == set()
    assert days.runs[-1].ended.exit_code == 0
    last = days.runs[-1]
    assert not set(last.stories[last.stories["gone_by"].notna()].index) & last.truth.keys()


def test_correction_makes_a_revision(life: Life) -> None:
    days = life["ordinary"].result()
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


def test_changed_boilerplate_is_not_a_revision(life: Life) -> None:
    first, *others = life["ordinary"].result().runs
    read = first.fetches[first.fetches["outcome"] == "story"]
    size = read.set_index("story_id")["bytes"]
    again = pd.concat([run.fetches for run in others])
    again = again[(again["outcome"] == "unchanged") & (again["status"] == 200) & again["story_id"].isin(size.index)]
    other_page = again[again["bytes"] != again["story_id"].map(size)]
    assert len(other_page) >= 3
    revised = others[-1].tables["revisions"]["story_id"]
    assert len(set(other_page["story_id"]) - set(revised)) >= 3


def test_not_modified_response_counts_as_seen(life: Life) -> None:
    runs = life["ordinary"].result().runs[1:]
    unsent = [run.fetches[(run.fetches["status"] == 304) & run.fetches["story_id"].notna()] for run in runs]
    assert sum(map(len, unsent))
    for run, rows in zip(runs, unsent, strict=True):
        assert (run.stories.loc[rows["story_id"], "fetched_at"] >= run.began).all()


def test_moved_story_keeps_its_row(life: Life) -> None:
    days = life["ordinary"].result()
    first, last = days.runs[0], days.runs[-1]
    moved = [i for i, true in last.truth.items() if i in first.truth and true.url != first.truth[i].url]
    assert moved
    for story_id in moved:
        addresses = {last.stories.loc[story_id, "url"]}
        addresses |= set(last.tables["aliases"].query("story_id == @story_id")["url"])
        assert {first.truth[story_id].url, last.truth[story_id].url} <= addresses


def test_removed_story_is_marked_gone(life: Life) -> None:
    days = life["taken_down"].result()
    before, first, second, third, after = days.runs
    rows = [path_of(days, place) for place in (2, 3, 4)]
    urls = [SITE + row for row in rows]
    for run in (first, second, third):
        assert list(run.fetches.loc[rows[:2], "outcome"]) == ["gone", "gone"]
        assert rows[2] not in run.fetches.index or run.fetches.loc[rows[2], "outcome"] in (
            "redirected",
            "skipped_fresh",
        )
        assert set(before.stories.index) <= set(run.stories.index)
    counts = [run.ended.report["stories"]["gone"] for run in days.runs]
    assert (counts[:3], counts[4]) == ([0, 0, 2], 0)
    assert sum(counts) == third.stories["gone_by"].notna().sum()
    assert first.stories["gone_by"].isna().all()
    for run in (second, third):
        gone = run.stories[run.stories["gone_by"].notna() & run.stories.index.isin(run.truth)]  # not by the paper
        assert set(gone["url"]) == set(urls[:2])
        assert (gone["gone_after"] == gone["fetched_at"]).all()
        assert gone["gone_by"].between(first.began, second.began).all()
    assert set(after.fetches.loc[rows, "outcome"]) <= {"story", "unchanged"}
    assert after.stories.loc[after.stories.index.isin(after.truth), ["gone_after", "gone_by"]].isna().all(axis=None)


def test_redesign_keeps_samples_and_is_reread(life: Life) -> None:
    days = life["redesign"].result()
    before, during, _ = days.runs
    rejects = during.tables["rejects"]
    pages = rejects["page"].dropna()
    assert (during.ended.exit_code, set(rejects["reason"])) == (9, {"UnknownLayout"})
    assert len(rejects) >= 10
    assert len(pages) == len(rejects)
    assert all("<html" in archived_page(during.ended.data, page) for page in pages)
    known = before.stories.index
    pd.testing.assert_frame_equal(before.stories, during.stories.loc[known])
    assert set(during.stories.drop(known)["layout"]) == {"generic"}
    assert days.missing() == set()


@pytest.mark.parametrize("place", range(len(BAD_NIGHTS)), ids=[night.__name__ for night, _ in BAD_NIGHTS])
def test_bad_night_changes_nothing(life: Life, place: int) -> None:
    before, *nights, _ = life["bad_nights"].result().runs
    night = nights[place]
    assert night.ended.exit_code == BAD_NIGHTS[place][1]
    assert night.ended.report["stories"]["new"] == 0
    pd.testing.assert_frame_equal(before.stories, night.stories)
    if BAD_NIGHTS[place][0] in (offline, no_robots):  # without robots.txt nothing is requested
        assert set(night.fetches["outcome"]) <= {"robots", "skipped_fresh"}
        assert night.ended.report["requests"] == 0


def test_error_page_with_etag_is_not_cached(life: Life) -> None:
    _, during, after = life["poisoned"].result().runs
    outcomes = during.fetches["outcome"]
    assert outcomes.eq("soft_error").sum() >= 5
    assert during.ended.report["stories"]["revised"] == 0
    assert after.ended.report["stories"]["revised"] >= 1


def test_retry_after_uses_the_servers_clock(life: Life) -> None:
    days = life["retry_after"].result()
    index = next(index for index, request in enumerate(days.paper.log) if request.status == 503)
    asked, again = days.paper.log[index : index + 2]
    assert (asked.target, again.target, again.status) == ("/", "/", 200)
    assert 2 <= again.at - asked.at < 60


def test_limited_run_delays_no_entry_point(tmp_path: Path) -> None:
    paper = new_paper()
    with paper.serve() as mirror:
        days = Days(tmp_path, mirror, paper)
        days.run("--max-pages", "4")
        assert days.runs[0].ended.report["urls"]["outcomes"]["pending"] > 20
        days.run(hours=0.1)
        assert days.missing() == set()


def test_unreachable_mirror_starts_no_run(tmp_path: Path) -> None:
    ended = crawl("http://127.0.0.1:9", tmp_path)
    assert ended.exit_code == 4
    assert "127.0.0.1:9" in ended.told
    assert not (tmp_path / "runs").exists() or not list((tmp_path / "runs").iterdir())


@pytest.mark.parametrize("clock", ["soon", "2026-01-11T19:05", "nan", "1e400"])
def test_invalid_clock_is_rejected(clock: str) -> None:
    with pytest.raises(ValueError, match="KHOBOR_CLOCK"):
        start_in({"KHOBOR_CLOCK": clock, "KHOBOR_TESTING": "1"})


def test_clock_starts_at_given_time() -> None:
    dhaka = start_in({"KHOBOR_TESTING": "1", "KHOBOR_CLOCK": "2026-01-11T19:05+06:00"})
    assert (dhaka, dhaka and dhaka.tzinfo) == (datetime(2026, 1, 11, 13, 5, tzinfo=UTC), UTC)
    earlier = start_in({"KHOBOR_TESTING": "1", "KHOBOR_CLOCK": "-3600"})
    assert earlier and abs(earlier.timestamp() + 3600 - time.time()) < 5
