"""An evening and a night of a newsroom with three hundred stories a day."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd
import pytest

from pipelines.analysis.coverage import site_coverage
from pipelines.analysis.query import connect
from pipelines.storage.data_folder import DataFolder
from tests.newspaper.bengali_text import DHAKA
from tests.newsroom import Newsroom, intervals
from tests.newsroom.evaluation import LOOKS, Evaluation, number_of, quantile
from tests.newsroom.simulation import Simulation, simulate

EVENING = datetime(2026, 10, 6, 21, 25, tzinfo=DHAKA)
HOURS = 5.7


@pytest.fixture(scope="module")
def played() -> Iterator[Simulation]:
    memory = "/dev/shm" if Path("/dev/shm").is_dir() else None
    with TemporaryDirectory(prefix="khobor-newsroom-", dir=memory) as folder:
        yield simulate(Newsroom(4, 100, EVENING), Path(folder), HOURS / 24)


@pytest.fixture(scope="module")
def evaluation(played: Simulation) -> Evaluation:
    return Evaluation(played)


def test_newsroom_has_a_realistic_rhythm() -> None:
    room = Newsroom(4, 70, EVENING)
    room.advance(timedelta(days=7))
    slots = list(room.slots(EVENING, EVENING + timedelta(days=7)))
    assert 270 * 7 <= len(slots) <= 315 * 7
    hours = pd.Series([slot.published.astimezone(DHAKA).hour for slot in slots]).value_counts()
    assert max(hours[2], hours[3], hours[4]) < 0.2 * hours[17]
    printed = [slot.published.astimezone(DHAKA) for slot in slots if slot.section.startswith("ajkerpatrika")]
    assert sum((moment.hour, moment.minute // 10) == (0, 0) for moment in printed) >= 25 * 6
    assert sum(slot.removed is not None for slot in slots) >= 5
    assert sum(slot.moved is not None for slot in slots) >= 20
    assert {"copy", "retouched", "print twin", "same headline"} <= {slot.kind for slot in slots}
    numbers = sorted(slot.number for slot in slots)
    assert 0.1 < 1 - len(numbers) / (numbers[-1] - numbers[0] + 1) < 0.35  # a sparse counter


def test_corrections_come_early_or_late() -> None:
    room = Newsroom(4, 70, EVENING)
    room.advance(timedelta(days=2))
    states = [room.story(slot.number).states for slot in room.slots(EVENING, EVENING + timedelta(days=2))]  # type: ignore[union-attr]
    later = [state.since - of[0].since for of in states for state in of[1:]]
    assert 0.4 * len(states) < len(later)
    assert quantile(later, 0.5) < timedelta(hours=1)
    assert quantile(later, 0.95) > timedelta(hours=3)


def test_clock_advances_with_requests() -> None:
    room = Newsroom(4, 70, EVENING)
    first, second = (room.answer("www.kalbela.com", "/", {})[0] for _ in range(2))
    assert room.now == EVENING + timedelta(seconds=2)
    assert first and second and first.body == second.body
    assert [visit.turned for visit in room.visits] == [EVENING] * 2


def test_everything_reachable_is_recorded_within_minutes(evaluation: Evaluation) -> None:
    assert len(evaluation.reachable) >= 40
    assert evaluation.missing(evaluation.reachable) == []
    assert quantile(evaluation.delays, 0.5) <= timedelta(minutes=10)
    assert quantile(evaluation.delays, 0.99) <= timedelta(hours=1)


def test_idle_incremental_run_requests_at_most_eight_pages(evaluation: Evaluation) -> None:
    assert len(idle := evaluation.idle()) > 5
    assert max(idle) <= 8


def test_second_full_run_is_cheap(evaluation: Evaluation) -> None:
    assert len(evaluation.second.visits) <= 0.05 * len(evaluation.first.visits) + evaluation.simulation.runs[1].new


def test_print_edition_is_a_reported_gap(played: Simulation) -> None:
    midnight = [
        ran for ran in played.runs if ran.mode == "incremental" and (ran.began.hour, ran.began.minute) == (0, 10)
    ]
    assert [ran.report["lists"].get("latest/missed", 0) > 0 for ran in midnight] == [True]


def test_revisions_are_those_that_were_seen(evaluation: Evaluation) -> None:
    seen = evaluation.revisions_seen()
    assert seen.right > 120
    assert (seen.missed, seen.false) == ([], [])


def test_young_story_is_revisited_after_an_hour(evaluation: Evaluation) -> None:
    looked: dict[int, list[datetime]] = {}
    for visit in evaluation.room.visits:
        if visit.number is not None:
            looked.setdefault(visit.number, []).append(visit.at)
    stood = [
        slot for slot in evaluation.slots if slot.published < evaluation.end - timedelta(hours=3) and not slot.removed
    ]
    about = (LOOKS[0] - timedelta(minutes=1), 3 * LOOKS[0])  # a page tells its minute, not its second
    late = [
        slot.number
        for slot in stood
        if slot.kind != "copy" and not any(about[0] <= at - slot.published <= about[1] for at in looked[slot.number])
    ]
    assert len(late) <= 0.1 * len(stood)


def test_changed_list_headline_triggers_revisit_in_next_run(evaluation: Evaluation) -> None:
    calls = [ran.report for ran in evaluation.runs]
    assert sum(report["hints"].get("right", 0) for report in calls) > 0
    assert sum(report["hints"].get("wrong", 0) for report in calls) <= 3


def test_duplicates_and_clusters_match_the_newsroom(evaluation: Evaluation) -> None:
    for tally in (evaluation.copies(), evaluation.clusters()):
        assert tally.right > 0
        assert (tally.missed, tally.false) == ([], [])


def test_ranks_match_the_newsrooms_log(evaluation: Evaluation) -> None:
    truth, kept = evaluation.ranks_of_truth(), evaluation.ranks_kept()
    assert len(truth) > 500
    assert [_plain(row) for row in truth] == [_plain(row) for row in kept]


def test_rank_intervals_contain_the_truth(evaluation: Evaluation) -> None:
    found = intervals.ranks(evaluation)
    assert found.right > 50
    assert found.share >= 0.995, found.wrong[:5]


def test_revision_intervals_contain_the_truth(evaluation: Evaluation) -> None:
    found = intervals.revisions(evaluation)
    assert found.right > 20
    assert found.share >= 0.995, found.wrong[:5]


def test_first_questions_have_exact_counts(evaluation: Evaluation) -> None:
    stories, truth = evaluation.table("stories").set_index("story_id"), evaluation.room.truth()
    known = [story_id for story_id in stories.index if story_id in truth]
    assert len(known) > 100
    told = pd.DataFrame([vars(truth[story_id]) for story_id in known], index=known)
    found = stories.loc[known]
    for frame in (told, found):
        frame["topic"] = frame["section"].str.partition("/")[0]
        frame["hour"] = pd.to_datetime(frame["published_at"], utc=True).dt.tz_convert("Asia/Dhaka").dt.hour
    for question in ("topic", "hour", "byline", "agency"):
        expected, counted = (frame[question].value_counts(dropna=False).to_dict() for frame in (told, found))
        assert {str(key): n for key, n in counted.items()} == {str(key): n for key, n in expected.items()}, question


def test_corrected_headlines_are_those_shown(evaluation: Evaluation) -> None:
    shown: dict[int, list[str]] = {}
    for visit in evaluation.room.visits:
        story = evaluation.room.story(visit.number) if visit.number is not None else None
        if story is not None:
            shown.setdefault(visit.number, []).append(story.states[visit.revision - 1].headline)  # type: ignore[operator]
    stored = {number_of(story_id) for story_id in evaluation.table("stories")["story_id"]}
    corrected = {number for number, headlines in shown.items() if len(set(headlines)) > 1} & stored
    with connect(evaluation.simulation.data, {"kalbela": "Asia/Dhaka"}) as connection:
        rows = connection.sql("SELECT DISTINCT story_id FROM story_history WHERE headline_changed").fetchall()
    assert {number_of(story_id) for (story_id,) in rows} == corrected
    assert len(corrected) > 3


def test_stories_of_each_list_are_those_shown(evaluation: Evaluation) -> None:
    ranks = evaluation.table("rankings").dropna(subset=["story_id"])
    truth = pd.DataFrame(evaluation.ranks_of_truth()).dropna(subset=["story_id"])
    for name in ("latest", "popular"):
        found, told = (set(frame[frame["list"] == name]["story_id"]) for frame in (ranks, truth))
        assert found == told != set()


def _plain(row: dict[str, object]) -> dict[str, object]:
    moments = {name: pd.Timestamp(row[name]).tz_convert("UTC") for name in ("observed_at", "last_observed_at")}  # type: ignore[call-overload]
    story_id = None if pd.isna(row["story_id"]) else row["story_id"]  # type: ignore[call-overload]
    return {**row, **moments, "story_id": story_id, "page_url": str(row["page_url"]).rstrip("/")}


def test_coverage_accounts_for_every_id(played: Simulation, evaluation: Evaluation) -> None:
    coverage = played.runs[-1].report["coverage"]
    kinds = ("found", "elsewhere", "gone", "rejected", "not_a_story", "failed", "never_seen")
    assert sum(coverage[kind] for kind in kinds) == coverage["high"] - coverage["low"] + 1
    assert sum(coverage["by_entry_point"].values()) == coverage["found"]
    assert 0 <= coverage["estimated_missed"] < 1  # nothing was missed
    unseen = {number for first, last in coverage["gaps"] for number in range(first, last + 1)}
    assert not unseen & {slot.number for slot in evaluation.reachable}
    since, until = (datetime.fromisoformat(coverage[name]) for name in ("since", "until"))
    assert site_coverage(DataFolder(played.data), "kalbela", since, until) == coverage
