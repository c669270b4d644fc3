"""Coverage by id: of the numbers that the publisher gave, which were found, and which were never seen."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from crawler.safe_text import one_line
from pipelines.analysis.coverage import coverage_of
from schedules.dashboard.data_source import Site
from schedules.dashboard.query_params import Question

PARTS = {
    "found": "kept as a story",
    "elsewhere": "the words of a kept story, or led to one",
    "rejected": "rejected, with a reason",
    "gone": "taken down before it was read",
    "not_a_story": "of another kind: video, photo, poll",
    "failed": "named, and not read yet",
    "never_seen": "named by no door",
}
MOST_GAPS = 50
MOST_STRETCHES = 100
# A story may be of the month before by the clock of its newspaper.
A_DAY = timedelta(days=1)
_OF_A_RUN = ("run_id", "started_at", "low", "high", "ids", *PARTS, "estimated_missed", "estimated_error")


def coverage(question: Question) -> dict[str, Any]:
    """Per newspaper: `whole`, the account of the ids of all the days, and what each run told of the day before it."""
    return question.of_each(_site)


def _site(question: Question, site: Site) -> dict[str, Any]:
    whole, why = _whole(question, site)
    runs = []
    for run in reversed(question.reading.runs(question.since(site), site.name)):
        told, _ = _told(run.coverage or {})
        if told is not None:
            named = {"run_id": run.run_id, "started_at": run.started_at, **told}
            runs.append({name: named[name] for name in _OF_A_RUN})
    return {"whole": whole, "why_not": why, "runs": runs}


def _whole(question: Question, site: Site) -> tuple[dict[str, Any] | None, str | None]:
    since = question.since(site)
    try:
        told, why = _told(coverage_of(question.reading.dataset, site.name, since, question.moment))
        return (told | _density(question, site, told) if told else None), why
    except (OSError, ValueError) as error:  # Arrow's own errors are of these kinds
        why = one_line(str(error))
        question.reading.unreadable["coverage"] = why
        return None, f"a file cannot be read: {why}"


def _density(question: Question, site: Site, told: Mapping[str, Any]) -> dict[str, Any]:
    """How many ids are kept in each of some stretches of `stretch` ids, from the lowest on; the last may be shorter."""
    rows = question.reading.rows("stories", site.name, ["story_id"], f"{question.since(site) - A_DAY:%Y-%m}")
    numbers = [int(n) for each in rows["story_id"].to_pylist() if (n := each.rpartition(":")[2]).isdecimal()]
    stretch = max(1, -(-told["ids"] // MOST_STRETCHES))
    kept = [0] * -(-told["ids"] // stretch)
    for n in numbers:
        if told["low"] <= n <= told["high"]:
            kept[(n - told["low"]) // stretch] += 1
    return {"stretch": stretch, "kept": kept}


def _told(given: Mapping[str, Any]) -> tuple[dict[str, Any] | None, str | None]:
    """One account in one shape, also of a report of an older version; None with the reason where there is none."""
    low, high = given.get("low"), given.get("high")
    why = given.get("why_no_estimate")
    why = str(why) if why else None
    if not isinstance(low, int) or not isinstance(high, int) or high < low:
        return None, why
    gaps = [pair for pair in given.get("gaps") or () if _is_gap(pair)]
    told = {
        "low": low,
        "high": high,
        "ids": high - low + 1,
        **{name: n if isinstance(n := given.get(name), int) else 0 for name in PARTS},
        "estimated_missed": _number(given.get("estimated_missed")),
        "estimated_error": _number(given.get("estimated_error")),
        "by_entry_point": {
            str(door): n for door, n in (given.get("by_entry_point") or {}).items() if isinstance(n, int)
        },
        "gaps": [[first, last, last - first + 1] for first, last in gaps[:MOST_GAPS]],
    }
    return told, why


def _number(value: Any) -> float | None:
    return value if isinstance(value, int | float) else None


def _is_gap(pair: Any) -> bool:
    return isinstance(pair, list) and len(pair) == 2 and all(isinstance(n, int) for n in pair) and pair[0] <= pair[1]
