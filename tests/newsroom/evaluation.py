"""Evaluation of a simulation: recorded data against the ground truth of the newsroom."""

import re
import statistics
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from itertools import combinations
from typing import Any

import pandas as pd

from ..newspaper.publication_plan import Slot
from ..newspaper.site_state import Row
from .newsroom import LoggedRequest
from .simulation import SimulatedRun, Simulation

LOOKS = tuple(timedelta(hours=hours) for hours in (1, 6, 24, 72))
HOUR = timedelta(hours=1)
_SITE = "https://www.kalbela.com"
_STORY = re.compile(r"https?://(?:www\.)?kalbela\.com/([a-z-]+)(?:/[a-z-]+)*/([0-9]+)/?")
_NO_STORY = {"video-gallery", "video-stories", "photo-stories", "photo-gallery", "opinion-poll", "print", "search"}


def quantile(values: Sequence[timedelta], share: float) -> timedelta:
    """Return a quantile of durations."""
    return sorted(values)[min(len(values) - 1, int(share * len(values)))] if values else timedelta()


@dataclass(frozen=True)
class Score:
    right: int
    missed: list[str]
    false: list[str]


class Evaluation:
    """Recorded data compared with the ground truth, without the stories of the first two runs."""

    def __init__(self, simulation: Simulation) -> None:
        self.simulation, self.room = simulation, simulation.room
        self.first, self.second, self.runs = simulation.runs[0], simulation.runs[1], simulation.runs[2:]
        self.end = self.runs[-1].ended

    def table(self, name: str) -> pd.DataFrame:
        """Read a table as an analyst does; empty if it has no files."""
        folder = self.simulation.data / name
        return pd.read_parquet(folder) if folder.is_dir() else pd.DataFrame()

    @cached_property
    def slots(self) -> list[Slot]:
        """Return the slots published from the end of the first runs until an hour before the end of the last."""
        return list(self.room.slots(self.second.ended, self.end - HOUR))

    @cached_property
    def recorded(self) -> dict[int, datetime]:
        """Return when each id was first recorded, as a story or an exact duplicate."""
        stories, aliases = self.table("stories"), self.table("aliases")
        found = {number_of(i): at for i, at in zip(stories["story_id"], stories["first_seen_at"], strict=True)}
        if len(aliases):
            copies = aliases[aliases["kind"] == "exact_duplicate"]
            found |= {number_of(u): at for u, at in zip(copies["url"], copies["first_seen_at"], strict=True)}
        return {number: at.to_pydatetime() for number, at in found.items()}

    @cached_property
    def reachable(self) -> list[Slot]:
        """Return the slots that stayed online throughout a run after their publication."""
        return [slot for slot in self.slots if any(_stood(slot, ran) for ran in self._after(slot.published))]

    def _after(self, moment: datetime) -> Iterator[SimulatedRun]:
        yield from [ran for ran in self.runs if ran.began >= moment][:2]

    def missing(self, slots: Sequence[Slot]) -> list[str]:
        """List the slots that were not recorded."""
        return [f"{slot.number} {slot.section} {slot.published}" for slot in slots if slot.number not in self.recorded]

    @cached_property
    def delays(self) -> list[timedelta]:
        return [self.recorded[s.number] - s.published for s in self.slots if s.number in self.recorded]

    def idle(self) -> list[int]:
        """Return the requests of each incremental run without new stories, duplicates or revisions."""
        return [len(ran.visits) for ran in self.runs if ran.mode == "incremental" and not ran.new + ran.revised]

    def full_runs(self) -> dict[str, int]:
        """Requests of the nightly full runs by what they were for, and how many new stories these found."""
        known = self._numbers(self.first) | self._numbers(self.second)
        counts = dict.fromkeys(("new", "entry_points", "looks"), 0)
        for ran in self.runs:
            fresh = self._numbers(ran) - known
            if ran.mode == "full":
                counts["new"] += ran.new
                for visit in ran.visits:
                    number = number_in(visit)
                    counts["looks"] += number is not None and number in known
                    counts["entry_points"] += number is None
            known |= fresh
        return counts | {"requests": sum(len(ran.visits) for ran in self.runs if ran.mode == "full")}

    def _numbers(self, ran: SimulatedRun) -> set[int]:
        return {number for visit in ran.visits if (number := number_in(visit)) is not None}

    def revisions_seen(self) -> Score:
        """The states that visits were answered with, beside the revisions that are kept."""
        seen: dict[int, list[int]] = defaultdict(list)
        for visit in self.room.visits:
            if visit.number is not None and visit.revision is not None:
                states = seen[visit.number]
                if visit.revision not in states:
                    states.append(visit.revision)
        right, missed, false = 0, [], []
        kept = self._kept()
        for number, revisions in seen.items():
            if number not in kept:
                continue
            expected = {self._told(number, revision) for revision in revisions}
            found = kept[number]
            right += len(expected & found)
            missed += [f"{number}: {told[0]}, {told[1]}" for told in expected - found]
            false += [f"{number}: {told[0]}, {told[1]}" for told in found - expected]
        return Score(right, missed, false)

    def revisions_planned(self) -> Score:
        """The states that stood at a planned look (1 h, 6 h, 24 h, 72 h after publication), beside those kept."""
        right, missed, kept = 0, [], self._kept()
        for slot in self.slots:
            planned = {self.room.state(slot, slot.published + age).revision for age in LOOKS if self._stands(slot, age)}
            if slot.number not in kept:
                continue
            for revision in planned:
                if self._told(slot.number, revision) in kept[slot.number]:
                    right += 1
                else:
                    missed.append(f"{slot.number} revision {revision}")
        return Score(right, missed, [])

    def _stands(self, slot: Slot, age: timedelta) -> bool:
        at = slot.published + age
        return at < self.end - 2 * HOUR and (slot.removed is None or slot.removed[0] > at)

    def _kept(self) -> dict[int, set[tuple[str, str]]]:
        kept: dict[int, set[tuple[str, str]]] = defaultdict(set)
        for name in ("stories", "revisions"):
            for row in self.table(name).itertuples():
                updated = "" if pd.isna(row.updated_at) else f"{row.updated_at:%Y-%m-%d %H:%M}"
                kept[number_of(row.story_id)].add((row.headline + updated, row.body))
        return kept

    def _told(self, number: int, revision: int) -> tuple[str, str]:
        story = self.room.story(number)
        assert story is not None
        state = next(state for state in story.states if state.revision == revision)
        shown = state.updated is not None and story.edition is not None
        updated = f"{pd.Timestamp(state.updated).tz_convert('UTC'):%Y-%m-%d %H:%M}" if shown else ""
        return state.headline + updated, state.body

    @cached_property
    def families(self) -> dict[str, set[tuple[int, int]]]:
        """Pairs of ids with the same words (`copy`) and with nearly the same (`near`), of what was recorded."""
        pairs: dict[str, set[tuple[int, int]]] = {"copy": set(), "near": set()}
        family: dict[int, set[int]] = defaultdict(set)
        for slot in self.room.slots(datetime.min.replace(tzinfo=self.end.tzinfo), self.end):
            source = slot.source
            if source is None or slot.kind == "same headline" or {slot.number, source.number} - self.recorded.keys():
                continue
            if slot.kind == "copy":
                pairs["copy"].add(_pair(slot.number, source.number))
            family[source.number] |= {source.number, slot.number}
        for members in family.values():
            pairs["near"] |= {_pair(*two) for two in combinations(members, 2)}
        return pairs

    def copies(self) -> Score:
        """Exact copies: one kept, the other among the aliases."""
        aliases = self.table("aliases")
        copies = aliases[aliases["kind"] == "exact_duplicate"] if len(aliases) else aliases
        rows = zip(copies["url"], copies["story_id"], strict=True) if len(copies) else ()
        return _tally(self.families["copy"], {_pair(number_of(url), number_of(kept)) for url, kept in rows})

    def clusters(self) -> Score:
        """Pairs in one cluster, beside the pairs that are nearly the same."""
        stories, found = self.table("stories"), set()
        for _, members in stories.groupby("cluster_id"):
            found |= {_pair(*two) for two in combinations(map(number_of, members["story_id"]), 2)}
        kept = set(map(number_of, stories["story_id"]))
        return _tally({pair for pair in self.families["near"] if set(pair) <= kept}, found)

    def ranks_of_truth(self) -> list[dict[str, Any]]:
        """The rows of `rankings` as the newsroom's own log tells them: what each page printed, and when."""
        rows: list[dict[str, Any]] = []
        standing: dict[str, tuple[list[Row], list[dict[str, Any]]]] = {}
        for visit in self.room.visits:
            if not visit.lists:
                continue
            for name, shown in self.room.shown[visit.turned].items():
                before = standing.get(name)
                if before is not None and _printed(before[0]) == _printed(shown):
                    for row in before[1]:
                        row["last_observed_at"] = visit.at
                    continue
                made = [_ranking(name, row, visit) for row in shown]
                standing[name] = shown, made
                rows += made
        return rows

    def ranks_kept(self) -> list[dict[str, Any]]:
        """The rows of `rankings` in the order in which they were observed."""
        table = self.table("rankings").sort_values(["observed_at", "list", "rank"])
        columns = ["observed_at", "list", "rank", "story_id", "headline", "page_url", "last_observed_at"]
        return [dict(zip(columns, values, strict=True)) for values in table[columns].itertuples(index=False)]

    def report(self) -> dict[str, Any]:
        reachable, full, idle = self.reachable, self.full_runs(), self.idle()
        truth, kept = (_comparable(rows) for rows in (self.ranks_of_truth(), self.ranks_kept()))
        return {
            "published": len(self.slots),
            "reachable": len(reachable),
            "missing_of_published": self.missing(self.slots),
            "missing_of_reachable": self.missing(reachable),
            "delay": {name: quantile(self.delays, share) for name, share in _SHARES.items()},
            "full": full,
            "requests": sum(len(ran.visits) for ran in self.runs),
            "idle": {"runs": len(idle), "mean": statistics.fmean(idle or [0]), "most": max(idle, default=0)},
            "seen": self.revisions_seen(),
            "planned": self.revisions_planned(),
            "copies": self.copies(),
            "clusters": self.clusters(),
            "ranks": {"snapshots": len({row[:2] for row in truth}), "same": truth == kept, "rows": len(truth)},
            "ranks_differ": [*(sorted(truth - kept)[:5]), "-- kept:", *(sorted(kept - truth)[:5])],
            "not_good": [f"{ran.name}: {p}" for ran in self.runs for p in ran.report["verdict"]["problems"]],
            "second_full": [len(self.first.visits), len(self.second.visits)],
        }


_SHARES = {"half": 0.5, "of ten nine": 0.9, "of a hundred 99": 0.99, "all": 1.0}


def number_of(text: str) -> int:
    """The publisher's id at the end of an address or a `story_id`."""
    return int(text.replace(":", "/").rpartition("/")[2])


def number_in(visit: LoggedRequest) -> int | None:
    last = visit.target.partition("?")[0].rstrip("/").rpartition("/")[2]
    return int(last) if last.isdecimal() else None


def _stood(slot: Slot, ran: SimulatedRun) -> bool:
    return slot.removed is None or slot.removed[0] > ran.ended


def _pair(one: int, other: int) -> tuple[int, int]:
    return min(one, other), max(one, other)


def _tally(expected: set[tuple[int, int]], found: set[tuple[int, int]]) -> Score:
    return Score(len(expected & found), [*map(str, expected - found)], [*map(str, found - expected)])


def _printed(rows: Sequence[Row]) -> list[tuple[int, str, str]]:
    return [(row.rank, _identity(row.href) or row.href, row.headline) for row in rows]


def _identity(href: str) -> str | None:
    """The story that an address stands for, by its form alone; None for what the paper has beside stories."""
    found = _STORY.fullmatch(href.partition("?")[0].partition("#")[0])
    return f"kalbela:{found[2]}" if found and found[1] not in _NO_STORY else None


def _ranking(name: str, row: Row, visit: LoggedRequest) -> dict[str, Any]:
    return {
        "observed_at": visit.at,
        "list": name,
        "rank": row.rank,
        "story_id": _identity(row.href),
        "headline": row.headline,
        "page_url": _SITE + visit.target.rstrip("/"),
        "last_observed_at": visit.at,
    }


def _comparable(rows: Sequence[dict[str, Any]]) -> set[tuple[Any, ...]]:
    return {
        (
            row["list"],
            pd.Timestamp(row["observed_at"]).tz_convert("UTC").isoformat(),
            row["rank"],
            None if pd.isna(row["story_id"]) else row["story_id"],
            row["headline"],
            row["page_url"].rstrip("/"),
            pd.Timestamp(row["last_observed_at"]).tz_convert("UTC").isoformat(),
        )
        for row in rows
    }
