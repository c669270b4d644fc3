"""Evaluation of independent newspapers played together: what was recorded of one, against its truth."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pandas as pd

from pipelines.analysis.open_table import open_table
from tests.newspaper.independent import Paper, Story

if TYPE_CHECKING:
    from .papers import PapersSimulation

MINUTE = timedelta(minutes=1)
Row = dict[str, Any]


@dataclass
class PaperEvaluation:
    """Numbers of what was compared, and a sentence for each thing that is wrong."""

    counts: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    def check(self, name: str, is_right: bool, what: object) -> None:
        self.counts[name] += 1
        if not is_right:
            self.wrong.append(f"{name}: {what}")


def evaluate(simulation: "PapersSimulation", paper: Paper) -> PaperEvaluation:
    """Compare stories, revisions, lists, times and alarms of one newspaper with what its pages showed and when."""
    found = PaperEvaluation()
    for check in (_stories, _revisions, _gone, _lists, _list_times, _alarms):
        check(simulation, paper, found)
    return found


def _table(simulation: "PapersSimulation", paper: Paper, name: str) -> list[Row]:
    table = pd.read_parquet(simulation.data / name)
    rows = table[table["site"] == paper.name].astype(object).where(lambda frame: frame.notna(), None)
    return [{str(key): value for key, value in row.items()} for row in rows.to_dict("records")]


def _story(simulation: "PapersSimulation", paper: Paper, row: Row) -> Story | None:
    return paper.by_id(row["story_id"].partition(":")[2], paper.view(simulation.stand.now))


def _stories(simulation: "PapersSimulation", paper: Paper, found: PaperEvaluation) -> None:
    """Every story that stood online during a run after its publication is stored once, as its page showed it."""
    rows, aliases = (_table(simulation, paper, name) for name in ("stories", "aliases"))
    ids = Counter(row["story_id"].partition(":")[2] for row in rows)
    copies = {row["alias_id"].partition(":")[2] for row in aliases if row["alias_id"]}
    for story_id, n in ids.items():
        found.check("stored once", n == 1 and story_id not in copies, (story_id, n))
    runs = simulation.runs
    for story in paper.schedule.until(runs[-1].began - timedelta(hours=1)):
        later = [run for run in runs if run.began > story.published]
        if story.published > runs[0].ended and any(not story.removed or story.removed > run.ended for run in later[:2]):
            found.check(
                "stored", story.id in ids or story.id in copies, (story.id, story.section.path, story.published)
            )
    for row in rows:
        story = _story(simulation, paper, row)
        truth = paper.truth_of(story, _minute(row["fetched_at"])) if story else None
        if truth is None:
            found.check("a story", False, row["url"])
            continue
        off = abs(row["published_at"] - truth.published_at) if row["published_at"] and truth.published_at else None
        if off is not None:
            found.check("published_at", off < (MINUTE if truth.precision != "day" else timedelta(days=1)), row["url"])
        elif truth.published_at is not None:
            since, until = row["published_after"], row["published_by"]
            is_bound = since is not None and since <= truth.published_at <= until + timedelta(days=1)
            found.check("published_at", is_bound, (row["url"], since, until, truth.published_at))
        is_same = row["headline"] == truth.headline and truth.reads_as(row["body"])
        found.check("text", is_same, (row["url"], row["headline"], truth.headline))


def _revisions(simulation: "PapersSimulation", paper: Paper, found: PaperEvaluation) -> None:
    """The versions kept are those that visits were answered with, and the bounds of their appearance hold."""
    seen: dict[str, set[int]] = defaultdict(set)
    for visit in simulation.stand.visits:
        if visit.paper == paper.name and visit.story_id and visit.status in (200, 304) and visit.revision:
            seen[visit.story_id].add(visit.revision)
    kept: dict[str, list[Row]] = defaultdict(list)
    for row in _table(simulation, paper, "stories") + _table(simulation, paper, "revisions"):
        kept[row["story_id"].partition(":")[2]].append(row)
    own = [fault for fault in simulation.faults if fault.paper == paper.name]
    changes = [
        moment for fault in own for moment in (fault.since, fault.until)
    ]  # a fault may change a story's page too
    for story_id, rows in kept.items():
        if (story := _story(simulation, paper, rows[0])) is None:
            continue
        states = [state for state in story.states if state.revision in seen[story_id]]
        texts = {(state.headline, state.blocks) for state in states}
        told = {(row["headline"], row["body"]) for row in rows}
        found.check("versions", len(told) == len(texts), (story_id, len(told), len(texts)))
        for row in rows:
            if row["appeared_after"] is not None:
                moments = [*(_next_minute(state.since) for state in story.states), *changes]
                is_inside = any(row["appeared_after"] < moment <= row["appeared_by"] for moment in moments)
                found.check("appeared", is_inside, (story_id, row["appeared_after"], row["appeared_by"], moments))


def _gone(simulation: "PapersSimulation", paper: Paper, found: PaperEvaluation) -> None:
    for row in _table(simulation, paper, "stories"):
        story = _story(simulation, paper, row)
        if row["gone_by"] is not None:
            is_right = story is not None and story.removed is not None
            is_right = is_right and row["gone_after"] < _next_minute(story.removed) <= row["gone_by"]  # type: ignore[union-attr,arg-type]
            found.check("gone", is_right, (row["story_id"], row["gone_after"], row["gone_by"], story and story.removed))


def _lists(simulation: "PapersSimulation", paper: Paper, found: PaperEvaluation) -> None:
    """Each snapshot has the ranks, stories and headlines of the list at that minute."""
    snapshots: dict[tuple[str, datetime], list[Row]] = defaultdict(list)
    for row in _table(simulation, paper, "rankings"):
        snapshots[row["list"], row["observed_at"]].append(row)
    for (name, at), rows in snapshots.items():
        told = sorted((row["rank"], row["story_id"], row["headline"]) for row in rows)
        true = [(row.rank, f"{paper.name}:{row.story_id}", row.headline) for row in paper.lists(_minute(at))[name]]
        found.check(f"list {name}", told == true[: len(told)] and told != [], (at, told[:2], true[:2]))


def _list_times(simulation: "PapersSimulation", paper: Paper, found: PaperEvaluation) -> None:
    """A story is in its list at the inner bounds of each interval and not at the outer ones."""
    table = open_table("rank_intervals", data=simulation.data).to_arrow().to_pylist()
    longest = {name: len(_longest(simulation, paper, name)) for name in {row["list"] for row in table}}
    for row in (row for row in table if row["site"] == paper.name and row["story_id"]):
        outer, inner = (row["entered_after"], row["left_by"]), (row["entered_by"], row["left_after"])
        for moments, expected in ((outer, False), (inner, True)):
            for at in filter(None, moments):
                listed = paper.lists(_minute(at))[row["list"]][: longest[row["list"]]]
                is_in = row["story_id"] in {f"{paper.name}:{each.story_id}" for each in listed}
                found.check("list times", is_in == expected, (row["list"], row["story_id"], at, expected))


def _longest(simulation: "PapersSimulation", paper: Paper, name: str) -> list[Row]:
    snapshots: dict[datetime, list[Row]] = defaultdict(list)
    for row in _table(simulation, paper, "rankings"):
        if row["list"] == name:
            snapshots[row["observed_at"]].append(row)
    return max(snapshots.values(), key=len, default=[])


def _alarms(simulation: "PapersSimulation", paper: Paper, found: PaperEvaluation) -> None:
    """Each fault raises its alarm in the first run within its time, and there is no alarm without a fault."""
    faults = [fault for fault in simulation.faults if fault.paper == paper.name]
    for fault in faults:
        first = next((run for run in simulation.runs if fault.since <= run.began < fault.until), None)
        keys = [*_keys(first.reports[paper.name])] if first else []
        is_raised = any(key.startswith(f"{paper.name}/{fault.alarm}") for key in keys)
        found.check("alarm raised", is_raised, (fault.alarm, first and first.began, keys))
    for run in simulation.runs:
        during = [fault for fault in faults if fault.since <= run.ended and run.began < fault.until]
        expected = [alarm for fault in during for alarm in (fault.alarm, *fault.also)]
        for key in _keys(run.reports[paper.name]):
            is_expected = any(key.startswith(f"{paper.name}/{alarm}") for alarm in expected)
            found.check("alarm expected", is_expected, (key, str(run.began)))


def _keys(report: Any) -> Iterator[str]:
    """Yield the keys of a run's new alarms.

    An alarm about the clock is left out: that of the command goes on while that of its crawls stands still.
    """
    for alarm in report.get("alarms") or ():
        if not alarm.get("carried") and alarm["kind"] != "clock":
            yield alarm["key"]


def _minute(moment: Any) -> datetime:
    at: datetime = pd.Timestamp(moment).to_pydatetime()
    return at.replace(second=0, microsecond=0)


def _next_minute(moment: datetime) -> datetime:
    return _minute(moment + MINUTE - timedelta(microseconds=1))
