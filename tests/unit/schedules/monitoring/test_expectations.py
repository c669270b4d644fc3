"""The verdict on the summary of a run."""

from typing import Any

import pytest

from schedules.exit_codes import ExitCode
from schedules.monitoring.alarms import Alarm
from schedules.monitoring.expectations import Expectations, evaluate

EXPECTED = Expectations(lists=("latest", "popular"))
SEEN = {"latest/seen": 40, "popular/seen": 40}


def summary(reason: str = "finished", discovered: int | None = None, **more: Any) -> dict[str, Any]:
    """A run with these outcomes; `rejects`, `lists` and `retry_failed` may be among them."""
    parts = {name: more.pop(name, {}) for name in ("rejects", "retry_failed")} | {"lists": more.pop("lists", SEEN)}
    total = sum(more.values())
    discovered = total if discovered is None else discovered
    urls = {"discovered": discovered, "outcomes": more, "complete": discovered == total}
    stories = {"new": more.get("story", 0), "revised": 0}
    parts["html_pages"] = more.get("story", 0) + more.get("list", 0) + more.get("rejected", 0)
    return {"site": "kalbela", "reason": reason, "urls": urls, "stories": stories, "stats": {}} | parts


def stories(retry_failed: int = 0, **outcomes: int) -> dict[str, Any]:
    """The part of a summary that counts story URLs by outcome."""
    return {"story_urls": {"outcomes": outcomes, "retry_failed": {"http_error": retry_failed}}}


def entries(via: str, read: int, empty: int, links: int = 0) -> dict[str, Any]:
    return {"entry_points": {"other": {"read": 3}, via: {"read": read, "empty": empty, "links": links}}}


def spell(hours: float, known: float, longest: float = 0, longest_then: float = 0) -> dict[str, Any]:
    return {"spells": {"latest": {"hours": hours, "known": known, "usual": [(hours, longest, longest_then)]}}}


NONE_STORED = {"has_stories": False}


@pytest.mark.parametrize(
    ("of", "code", "keys", "text"),
    [
        (summary(story=40, list=5), 0, [], ""),
        (summary(skipped_fresh=300, list=5), 0, [], ""),
        (summary(story=100, list=5, http_error=3, gone=9), 0, [], ""),
        (summary(story=10, rejected=2, list=1, rejects={"NoBody": 2}), 0, [], ""),
        (summary(rejected=4, rejects={"UnknownLayout": 4}), 0, [], ""),
        (summary(list=9, soft_error=8, retry_failed={"soft_error": 8}), 0, [], ""),
        (summary(story=40, discovered=41), 1, ["urls"], "41 URLs"),
        (summary("killed", story=40), 1, ["broken_off"], "killed"),
        (summary("stalled", story=4), 1, ["broken_off"], "stalled"),
        (summary("start_error", story=4), 1, ["broken_off"], "seeds"),
        (summary("storage", story=4), 7, ["storage"], "written"),
        (summary("memusage_exceeded", story=40), 7, ["storage"], "memory"),
        (summary("damaged", story=4), 8, ["damaged"], "damaged"),
        # An operator who interrupts a run needs no alarm.
        (summary("shutdown", story=40, pending=2), 143, [], "stories saved: 40"),
        (summary("interrupted", story=4), 130, [], "interrupted"),
        (summary("interrupted", story=4, discovered=5), 1, ["urls"], "outcomes"),
        (summary(unreadable=9, list=1, rejects={"ReaderCrashed": 9}), 1, ["crashed"], "9 of 9 pages"),
        (summary(unreadable=9, list=1), 1, ["crashed"], "9 of 9 pages"),
        (summary(unreachable=12), 4, ["unreachable"], "12 unreachable"),
        (summary("unreachable", unreachable=3), 4, ["unreachable"], ""),
        (summary("unreachable", story=9, unreachable=5), 4, ["unreachable"], ""),
        (summary(blocked=3, pending=9), 4, ["blocked"], "3 blocked"),
        (summary("blocked", blocked=3, story=40), 4, ["blocked"], ""),
        (summary(robots=58), 4, ["robots"], "robots.txt"),
        (summary(story=40, lists={"latest/seen": 9}), 9, ["list/popular"], "no list popular"),
        (summary(story=40, lists={"latest/seen": 9, "popular/failed": 1}), 3, ["failed/popular"], "list popular"),
        (summary(story=40, lists={"latest/seen": 9, "popular/unchanged": 1}), 0, [], ""),
        (summary(story=40, lists={"popular/failed": 1}), 9, ["list/latest", "failed/popular"], "no list latest"),
        (summary(story=40, lists=SEEN | {"popular/failed": 1}), 0, [], ""),
        (summary(story=40, lists={}), 9, ["list/latest", "list/popular"], "no list latest"),
        (summary(list=2, lists=SEEN | {"latest/empty": 40}), 9, ["list/latest"], "none of its rows"),
        (summary(list=2, lists=SEEN | {"latest/empty": 39}), 0, [], ""),
        (summary(list=2, lists=SEEN | {"latest/replaced": 3}), 3, ["list/latest/replaced"], "3 of 40 times"),
        (summary(list=2, lists=SEEN | {"latest/replaced": 2}), 0, [], ""),
        (summary(gone=2, lists={}), 4, ["unreachable"], ""),
        # The first run without a story, and entry points that yield nothing.
        (summary(list=2) | NONE_STORED, 9, ["empty/site"], "no link to a story"),
        (
            summary(empty=1) | NONE_STORED | entries("seed", 1, 1, 12),
            9,
            ["empty/site", "empty/seed"],
            "12 links on the",
        ),
        (summary(list=1, rejected=3) | NONE_STORED | stories(rejected=3), 9, ["empty/site"], "3 rejected"),
        (summary(list=1, pending=3) | NONE_STORED, 0, [], ""),
        (summary(story=9, empty=1) | entries("seed", 1, 1, 12), 3, ["empty/seed"], "12 links on the front page"),
        (summary(story=9, empty=2) | entries("category", 9, 2, 70), 3, ["empty/category"], "2 of 9 pages"),
        (summary(story=9, empty=2) | entries("rss", 9, 2), 3, ["empty/rss"], "2 of 9 documents"),
        (summary(story=9) | entries("rss", 9, 0), 0, [], ""),
        # Stories that fail while listings succeed, also if all of them failed before; a few failures are usual.
        (summary(list=58, http_error=8) | stories(http_error=8), 3, ["failed/story"], "8 of 8"),
        (summary(list=58, gone=8) | stories(gone=8), 3, ["failed/story"], "8 gone"),
        (summary(list=58, http_error=8) | stories(retry_failed=8, http_error=8), 3, ["failed/story"], "8 of 8"),
        (summary(list=58, story=30, http_error=8) | stories(story=30, http_error=8), 3, ["failed/story"], "8 of 38"),
        (summary(list=58, story=6, http_error=3) | stories(story=6, http_error=3), 0, [], ""),
        (summary(list=58, story=6, http_error=8) | stories(retry_failed=8, story=6, http_error=8), 0, [], ""),
        (summary(list=58, http_error=4) | stories(http_error=4), 0, [], ""),
        (summary(story=60) | {"stats": {"khobor/failed_in_a_row/category": 5}}, 3, ["failed/category"], "5 pages"),
        # A list that has stopped changing: six hours, a day in the first week, and three times the usual time.
        (summary(story=9) | spell(6.1, known=200), 3, ["stale/latest"], "6.1 hours"),
        (summary(story=9) | spell(5.9, known=200), 0, [], ""),
        (summary(story=9) | spell(23.9, known=100), 0, [], ""),
        (summary(story=9) | spell(24.1, known=100), 3, ["stale/latest"], ""),
        (summary(story=9) | spell(9.1, known=200, longest=3), 3, ["stale/latest"], ""),
        (summary(story=9) | spell(8.9, known=200, longest=3), 0, [], ""),
        (summary(story=9) | spell(15.9, known=200, longest=1, longest_then=8), 0, [], ""),
        (summary(story=40, http_error=30), 3, ["failed"], "30 of 70 requests failed"),
        (summary(list=9, soft_error=8, retry_failed={"soft_error": 4}), 3, ["failed"], "4 of 13"),
        (summary(story=40) | {"removed": {"pages": 2, "attributes": 90}}, 3, ["removed"], "2 pages: 90 attributes"),
        (summary(story=6, rejected=4, rejects={"NoBody": 4}), 3, ["rejected"], "4 of 10"),
        (summary(story=4, rejected=3, rejects={"NoBody": 3}), 3, ["rejected"], "3 of 7"),
        (summary(story=3, rejected=2, rejects={"NoBody": 2}), 0, [], ""),
        (summary(story=3, rejected=7, rejects={"NoHeadline": 7}), 9, ["layout"], "7 × NoHeadline"),
        (summary(rejected=40, rejects={"UnknownLayout": 40}), 9, ["layout"], "40 × UnknownLayout"),
    ],
)
def test_summary_gets_verdict_and_alarms(of: dict[str, Any], code: int, keys: list[str], text: str) -> None:
    verdict = evaluate(of, EXPECTED)
    assert verdict.exit_code == code
    assert text in " ".join(verdict.problems)
    assert bool(verdict.problems) == bool(code)
    assert [alarm.key for alarm in verdict.alarms] == [f"kalbela/{key}" for key in keys]
    for alarm in verdict.alarms:
        assert alarm.as_dict().keys() >= {"key", "kind", "site", "sentence"}
        assert alarm.kind == alarm.key.split("/")[1]


def test_most_severe_problem_comes_first() -> None:
    verdict = evaluate(summary("killed", story=3, http_error=30, lists={}), EXPECTED)
    assert verdict.exit_code == ExitCode.INTERNAL
    keys = [alarm.key.partition("/")[2] for alarm in verdict.alarms]
    assert keys == ["broken_off", "list/latest", "list/popular", "failed"]


def alarm(key: str, code: ExitCode, **more: Any) -> Alarm:
    return Alarm(key=f"kalbela/{key}", kind=key.partition("/")[0], code=code, sentence=f"{key} is gone", more=more)


def test_drift_replaces_less_specific_problem() -> None:
    body = alarm("field/body", ExitCode.LAYOUT_CHANGED, field="body")
    verdict = evaluate(summary(story=3, rejected=7, rejects={"NoBody": 7}), EXPECTED, [body])
    assert (verdict.exit_code, verdict.problems) == (9, (body.sentence,))
    latest = alarm("list/latest", ExitCode.BELOW_EXPECTATION, list="latest")
    verdict = evaluate(summary(story=40, lists={"popular/seen": 9}), EXPECTED, [latest])
    assert (verdict.exit_code, verdict.problems) == (9, (latest.sentence,))


def test_carried_alarm_is_not_a_problem() -> None:
    carried = alarm("field/byline", ExitCode.DONE, field="byline")
    verdict = evaluate(summary(list=3), EXPECTED, [carried])
    assert (verdict.exit_code, verdict.problems, verdict.alarms) == (0, (), (carried,))
