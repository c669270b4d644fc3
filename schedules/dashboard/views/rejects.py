"""What was refused and why: records by reason and day, pages without a story by outcome, and the latest records."""

from collections import Counter
from typing import Any

from schedules.dashboard.data_source import Site
from schedules.dashboard.formatting import meaning_of
from schedules.dashboard.query_params import Question
from schedules.dashboard.views.overview import plain_row

MOST_ROWS = 60
_COLUMNS = ["rejected_at", "url", "story_id", "reason", "detail", "page", "run_id"]
# What came of an address where nothing went wrong.
_AS_IT_SHOULD = {
    "story",
    "exact_duplicate",
    "unchanged",
    "skipped_fresh",
    "list",
    "not_a_story",
    "redirected",
    "offsite",
    "too_deep",
}


def rejects(question: Question) -> dict[str, Any]:
    """Per newspaper: `reasons` and `outcomes`, most frequent first, and the latest rows of `rejects`."""
    return question.of_each(_site)


def _site(question: Question, site: Site) -> dict[str, Any]:
    dates = question.dates(site)
    runs = question.reading.runs(question.since(site), site.name)
    by_reason: dict[str, list[int]] = {}
    outcomes: Counter[str] = Counter()
    for run in runs:
        place = (run.started.astimezone(site.zone).date() - dates[0]).days
        for reason, n in run.rejects.items():
            by_reason.setdefault(reason, [0] * len(dates))[min(place, len(dates) - 1)] += n
        outcomes.update({name: n for name, n in run.outcomes.items() if name not in _AS_IT_SHOULD})
    rows = question.reading.rows("rejects", site.name, _COLUMNS, dates[0].isoformat())
    latest = rows.sort_by([("rejected_at", "descending")]).slice(0, MOST_ROWS).to_pylist()
    reasons = sorted(by_reason.items(), key=lambda each: (-sum(each[1]), each[0]))
    return {
        "dates": [date.isoformat() for date in dates],
        "requests": sum(run.requests for run in runs),
        "reasons": [{"reason": name, "total": sum(days), "records": days} for name, days in reasons],
        "outcomes": [{"outcome": o, "total": n, "meaning": meaning_of(o)} for o, n in outcomes.most_common()],
        "kept_rows": len(rows),
        "latest": [plain_row(row, _COLUMNS) for row in latest],
    }
