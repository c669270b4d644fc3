"""Sixty nights with faults at random: each is reported in the first run that shows it, and cleared once."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest

from schedules.alerting.deliveries import Deliveries
from schedules.alerting.missed_runs import GOOD
from schedules.monitoring.expectations import Expectations, evaluate
from schedules.monitoring.yields import unchecked_alarms

START = datetime(2026, 11, 1, 20, 15, tzinfo=UTC)
EXPECTED = Expectations(lists=("latest", "popular"))
Summary = dict[str, Any]


def sound(rng: Random) -> Summary:
    """A night of a few hundred pages, some of which fail or were taken down."""
    stories, failed, gone = rng.randrange(60, 300), rng.randrange(3), rng.randrange(4)
    of_stories = {"story": stories, "http_error": failed, "gone": gone}
    outcomes = of_stories | {"list": 110}
    spell = {"hours": rng.uniform(0, 1), "known": 900, "usual": [(1, 3, 8)]}
    return {
        "site": "kalbela",
        "reason": "finished",
        "stats": {},
        "rejects": {},
        "retry_failed": {},
        "urls": {"discovered": sum(outcomes.values()), "outcomes": outcomes, "complete": True},
        "stories": {"new": stories, "revised": 0},
        "lists": {"latest/seen": 200, "popular/seen": 200},
        "html_pages": 300,
        "has_stories": True,
        "story_urls": {"outcomes": of_stories, "retry_failed": {}},
        "entry_points": {"seed": {"read": 1}, "rss": {"read": 15}, "category": {"read": 80}},
        "spells": {"front_page": dict(spell), "latest": dict(spell), "popular": dict(spell)},
    }


def empty_feed(night: Summary) -> None:
    night["entry_points"]["rss"] |= {"empty": 1}


def empty_section(night: Summary) -> None:
    night["entry_points"]["category"] |= {"empty": 2, "links": 130}


def empty_front_page(night: Summary) -> None:
    night["entry_points"]["seed"] |= {"empty": 1, "links": 90}


def list_without_stories(night: Summary) -> None:
    night["lists"] |= {"popular/empty": 200}


def missing_list(night: Summary) -> None:
    del night["lists"]["latest/seen"]


def failing_stories(night: Summary) -> None:
    night["story_urls"] = {"outcomes": {"http_error": 8}, "retry_failed": {}}
    night["urls"] = {"discovered": 66, "outcomes": {"list": 58, "http_error": 8}, "complete": True}


def failing_sections(night: Summary) -> None:
    night["stats"] |= {"khobor/failed_in_a_row/sitemap": 5, "khobor/left/sitemap": 7}


def stale_list(night: Summary) -> None:
    night["spells"]["popular"] |= {"hours": 40, "usual": [(20, 3, 8), (40, 3, 8)]}


def clock_ahead(night: Summary) -> None:
    night["corrected_times"] = 412


def lost_file(night: Summary) -> None:
    night["stats"] |= {"khobor/lost_files": ["stories/… is missing"]}


def clock_set(night: Summary) -> None:
    night["reason"] = "clock"


def dead(night: Summary) -> None:
    empty = {"discovered": 0, "outcomes": {}, "complete": True}
    night |= {"reason": "not_begun", "urls": empty, "lists": {}, "html_pages": 0, "entry_points": {}, "spells": {}}
    night |= {"story_urls": {"outcomes": {}, "retry_failed": {}}, "stats": {}, "corrected_times": 0}


# Each fault with the alarm that it raises. The clock's two faults have one key, because they have one cause.
FAULTS: dict[Callable[[Summary], None], str] = {
    empty_feed: "empty/rss",
    empty_section: "empty/category",
    empty_front_page: "empty/seed",
    list_without_stories: "list/popular",
    missing_list: "list/latest",
    failing_stories: "failed/story",
    failing_sections: "failed/sitemap",
    stale_list: "stale/popular",
    clock_ahead: "clock",
    clock_set: "clock",
    lost_file: "damaged/files",
    dead: "broken_off",
}


def play(seed: str, path: Path) -> None:
    rng, last, active = Random(seed), Summary(), set[str]()
    lasting: dict[Callable[[Summary], None], int] = {}
    with Deliveries.open(path) as deliveries:
        deliveries.set_targets(["chat"], START, {})
        for number in range(60):
            lasting = {fault: nights - 1 for fault, nights in lasting.items() if nights > 1}
            if rng.random() < 0.4:
                lasting[rng.choice(list(FAULTS))] = rng.randrange(1, 5)
            night = sound(rng) | {"run_id": f"run-{number:02}"}
            for fault in sorted(lasting, key=lambda each: each is dead):
                fault(night)
            verdict = evaluate(night, EXPECTED, [*unchecked_alarms(night, last)])
            last = night | {"alarms": [alarm.as_dict() for alarm in verdict.alarms]}
            at, is_good = START + timedelta(days=number), verdict.exit_code in GOOD
            deliveries.record("kalbela/full", last["alarms"], at, {}, run_id=night["run_id"], clears=is_good)
            shown = {"broken_off"} if dead in lasting else {FAULTS[fault] for fault in lasting}
            now_active = shown if is_good else active | shown
            assert events(deliveries, at) == (now_active - active, active - now_active), (number, lasting)
            assert (verdict.exit_code == 0) == (not lasting)
            active = now_active


def events(deliveries: Deliveries, at: datetime) -> tuple[set[str], set[str]]:
    """Return the alarms of which a target is told now that they appeared and cleared."""
    appeared, cleared = list[str](), list[str]()
    while (delivery := deliveries.next_for("chat", at)) is not None:
        appeared += [alarm["key"].partition("/")[2] for alarm in delivery.event["appeared"]]
        cleared += [alarm["key"].partition("/")[2] for alarm in delivery.event["cleared"]]
        deliveries.succeeded("chat", delivery)
    assert len(appeared) == len(set(appeared))
    return set(appeared), set(cleared)


def test_fault_is_reported_and_cleared_once(tmp_path: Path) -> None:
    play("first", tmp_path / "alerts.sqlite")


@pytest.mark.soak
@pytest.mark.parametrize("seed", [f"unused-{number}" for number in range(40)])
def test_faults_of_sixty_nights_are_reported_once(seed: str, tmp_path: Path) -> None:
    play(seed, tmp_path / "alerts.sqlite")
