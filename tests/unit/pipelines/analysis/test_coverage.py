"""Tests of coverage: every id has one state, and the estimate of missed stories is unbiased."""

import json
from datetime import datetime, timedelta
from random import Random
from typing import Any

import pytest
from hypothesis import strategies as st

from crawler.items import Alias, Sighting
from crawler.spiders.kalbela import Kalbela
from pipelines.analysis.coverage import _gaps, estimate, run_coverage, site_coverage
from schedules.cli.render.coverage_text import coverage_lines
from tests.support.builders import JANUARY, SITE, LedgerFolder, make_fetch, make_story
from tests.support.properties import examples, holds

SINCE, UNTIL = JANUARY - timedelta(hours=12), JANUARY + timedelta(hours=12)


def sight(kept: LedgerFolder, via: str, *numbers: int, at: datetime = JANUARY) -> None:
    with kept.ledger.transaction():
        for number in numbers:
            sighting = Sighting(site=SITE, story_id=f"{SITE}:{number}", via=via, first_seen_at=at, run_id="run-1")
            kept.ledger.stories.add_sighting(sighting)


def asked(kept: LedgerFolder, number: int, outcome: str, **changes: Any) -> None:
    story_id = changes.pop("story_id", f"{SITE}:{number}")
    with kept.ledger.transaction():
        kept.ledger.urls.record(make_fetch(number, outcome=outcome, story_id=story_id, **changes))


def covered(kept: LedgerFolder) -> dict[str, Any]:
    kept.publish()
    return site_coverage(kept.dataset, SITE, SINCE, UNTIL)


KINDS = [
    ("exact_duplicate", {}, "elsewhere"),
    ("redirected", {"reason": "to https://www.kalbela.com/world/500"}, "elsewhere"),
    ("redirected", {"reason": "to https://www.kalbela.com/"}, "failed"), ("gone", {}, "gone"),
    ("rejected", {}, "rejected"), ("soft_error", {}, "rejected"), ("not_a_story", {"story_id": None}, "not_a_story"),
    ("unreachable", {}, "failed"), ("pending", {}, "failed"), ("skipped_fresh", {}, "failed"),
]  # fmt: skip


@pytest.mark.parametrize(("outcome", "changes", "kind"), KINDS)
def test_id_without_story_has_state_of_page(
    kept: LedgerFolder, outcome: str, changes: dict[str, Any], kind: str
) -> None:
    kept.keep(make_story(500), make_story(510))
    asked(kept, 505, outcome, **changes)
    found = covered(kept)
    assert (found["low"], found["high"], found["found"], found[kind], found["never_seen"]) == (500, 510, 2, 1, 8)
    assert found["gaps"] == [[501, 504], [506, 509]]


def test_later_fetches_of_day_are_counted(kept: LedgerFolder) -> None:
    kept.keep(make_story(500), make_story(510))
    asked(kept, 505, "gone")
    assert covered(kept)["gone"] == 1
    asked(kept, 506, "gone")
    asked(kept, 507, "rejected")
    assert [covered(kept)[name] for name in ("gone", "rejected", "never_seen")] == [2, 1, 6]


def test_alias_and_listed_id_differ_in_state(kept: LedgerFolder) -> None:
    kept.keep(make_story(500), make_story(503))
    url = "https://www.kalbela.com/sports/501"
    with kept.ledger.transaction():
        kept.ledger.stories.add_alias(
            Alias(site=SITE, url=url, story_id=f"{SITE}:500", kind="exact_duplicate", first_seen_at=JANUARY, run_id="r")
        )
    sight(kept, "latest", 500, 502)
    found = covered(kept)
    assert (found["found"], found["elsewhere"], found["failed"], found["never_seen"]) == (2, 1, 1, 0)


def test_bounds_exclude_other_times_and_outliers(kept: LedgerFolder) -> None:
    kept.keep(*(make_story(number) for number in range(1000, 1040)), make_story(3), make_story(900_000))
    kept.keep(make_story(2000, JANUARY + timedelta(days=3)), make_story(1050, None))
    assert [covered(kept)[name] for name in ("low", "high", "found", "never_seen")] == [1000, 1039, 40, 0]


def test_far_ids_cost_no_memory(kept: LedgerFolder) -> None:
    far = 10**14
    kept.keep(make_story(1), make_story(far))
    found = covered(kept)
    assert (found["found"], found["never_seen"], found["gaps"]) == (2, far - 2, [[2, far - 1]])


def check_gaps(known: list[int]) -> None:
    missing = sorted(set(range(known[0], known[-1])) - set(known))
    assert [number for first, last in _gaps(known) for number in range(first, last + 1)] == missing


@examples
def test_gaps_hold_all_unknown_ids(examples: int) -> None:
    known = st.sets(st.integers(0, 90), min_size=1).map(sorted)
    holds(check_gaps, known, examples=examples)


def test_ids_without_order_give_no_coverage(kept: LedgerFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    kept.keep(make_story(1), make_story(9))
    monkeypatch.setattr(Kalbela, "numbered", False)
    assert (covered(kept)["low"], covered(kept)["never_seen"]) == (None, 0)


def test_story_counts_for_first_entry_point(kept: LedgerFolder) -> None:
    kept.keep(make_story(1), make_story(2), make_story(3, discovered_via="sitemap"))
    assert covered(kept)["by_entry_point"] == {"latest": 2, "sitemap": 1}


def test_period_without_stories_is_reported(kept: LedgerFolder) -> None:
    found = covered(kept)
    assert (found["low"], found["found"], found["estimated_missed"]) == (None, 0, None)
    [line] = coverage_lines({"coverage": found})
    assert line.endswith(f"unknown: {found['why_no_estimate']}")


def test_unreadable_file_is_reported_in_run_coverage(kept: LedgerFolder) -> None:
    kept.publish(make_story(500))
    next(kept.dataset.root.glob("stories/**/*.parquet")).write_bytes(b"PAR1 no more")
    found = run_coverage(kept.dataset, {"site": SITE, "ended_at": UNTIL.isoformat()})
    assert "cannot be read" in found["why_no_estimate"]
    assert json.dumps(found)


@pytest.mark.parametrize(("flow", "archive"), [(0.9, 0.8), (0.98, 0.5), (0.6, 0.6)])
def test_estimate_matches_simulated_misses(flow: float, archive: float) -> None:
    """Two entry points name random shares of 1,000 stories, so the number missed by both is known."""
    off = []
    for seed in range(40):
        chance = Random(seed)
        stories = range(1000)
        named = {
            name: {n for n in stories if chance.random() < share}
            for name, share in (("latest", flow), ("sitemap", archive))
        }
        told = estimate(named)
        missed = len(
            set(range(min(map(min, named.values())), max(map(max, named.values())) + 1)) - set.union(*named.values())
        )
        off.append((told["estimated_missed"] - missed) / max(told["estimated_error"], 1))
    assert abs(sum(off) / len(off)) < 0.5  # right on average, in standard errors
    assert sum(abs(each) < 2.5 for each in off) >= 36


@pytest.mark.parametrize(
    ("first", "other"),
    [
        (set(range(100, 400, 2)), {"sitemap": set(range(100, 400, 2))}),
        (set(range(300)), {"category": set(range(100))}),  # the later ones do not count as missed
    ],
)
def test_nothing_is_missed_of_known_groups(first: set[int], other: dict[str, set[int]]) -> None:
    assert estimate({"latest": first} | other)["estimated_missed"] == 0


@pytest.mark.parametrize(
    ("sightings", "why"),
    [
        ({}, "the latest list"),
        ({"sitemap": {1, 2}}, "the latest list"),
        ({"latest": {1, 2}, "rss": {1, 2}, "all-news": {2}}, "sitemaps and listings"),
        ({"latest": {1, 2}, "popular": {1, 2}, "seed": {1}}, "sitemaps and listings"),
        ({"latest": set(range(0, 90, 3)), "sitemap": set(range(1, 90, 3))}, "only 0 stories"),
    ],
)
def test_missing_estimate_has_a_reason(sightings: dict[str, set[int]], why: str) -> None:
    told = estimate(sightings)
    assert told["estimated_missed"] is None
    assert why in told["why_no_estimate"]


def test_report_prints_coverage_if_it_has_any() -> None:
    counts = {"found": 7, "elsewhere": 1, "gone": 0, "rejected": 0, "not_a_story": 0, "failed": 2, "never_seen": 1}
    told = {"low": 10, "high": 20, **counts, "estimated_missed": 1.5, "estimated_error": 0.7, "why_no_estimate": None}
    lines = list(coverage_lines({"lists": {"latest/missed": 3}, "coverage": told}))
    assert len(lines) == 3
    assert "no story in common" in lines[0]
    assert "all other entry points" in lines[0]
    assert "long list" in next(coverage_lines({"lists": {"latest/missed": 3, "latest/filled": 1}}))
    assert "ids 10 to 20: 7 stored, 1 duplicates, 2 not parsed yet, 1 never linked" in lines[1]
    assert lines[2].endswith("estimated: 1.5 ± 0.7")
    assert list(coverage_lines({})) == []
