"""Reject view: rejected records by reason and day, URLs that gave no story by outcome, and the latest rejects."""

from collections import Counter
from typing import Any

from schedules.dashboard.data_source import Site
from schedules.dashboard.formatting import outcome_meaning
from schedules.dashboard.query_params import Query, json_row

MAX_ROWS = 60
_COLUMNS = ["rejected_at", "url", "story_id", "reason", "detail", "page", "run_id"]
_EXPECTED = {
    *("story", "exact_duplicate", "unchanged", "skipped_fresh", "list"),
    *("not_a_story", "redirected", "offsite", "too_deep", "removed_on_request"),
}


def rejects(query: Query) -> dict[str, Any]:
    """Return the records that the item pipelines rejected, for each site of the page.

    `reasons` has the counts by reason and day, and `outcomes` has the URLs without a story by final state, both with
    the most frequent first. `latest` has the newest rejected records.
    """
    return query.per_site(_site)


def _site(query: Query, site: Site) -> dict[str, Any]:
    dates = query.dates(site)
    runs = query.source.runs(query.since(site), site.name)
    by_reason: dict[str, list[int]] = {}
    outcomes: Counter[str] = Counter()
    for run in runs:
        index = (run.started.astimezone(site.zone).date() - dates[0]).days
        for reason, n in run.rejects.items():
            by_reason.setdefault(reason, [0] * len(dates))[min(index, len(dates) - 1)] += n
        outcomes.update({name: n for name, n in run.outcomes.items() if name not in _EXPECTED})
    rows = query.source.rows("rejects", site.name, _COLUMNS, dates[0].isoformat())
    latest = rows.sort_by([("rejected_at", "descending")]).slice(0, MAX_ROWS).to_pylist()
    reasons = sorted(by_reason.items(), key=lambda item: (-sum(item[1]), item[0]))
    return {
        "dates": [date.isoformat() for date in dates],
        "requests": sum(run.requests for run in runs),
        "reasons": [{"reason": name, "total": sum(days), "records": days} for name, days in reasons],
        "outcomes": [{"outcome": o, "total": n, "meaning": outcome_meaning(o)} for o, n in outcomes.most_common()],
        "kept_rows": len(rows),
        "latest": [json_row(row, _COLUMNS) for row in latest],
    }
