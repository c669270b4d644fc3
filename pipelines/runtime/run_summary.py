"""Summary of a run, made from its counters in the ledger; it is the basis of the report of the run."""

import json
from typing import Any

from pipelines.ledger import Ledger

#: The key of a run's field statistics among its Scrapy stats in the ledger.
FIELD_STATS = "khobor/field_stats"


def run_summary(ledger: Ledger, run_id: str) -> dict[str, Any]:
    """Return the times, close reason and counts of a run; raises KeyError if the run is not in the ledger.

    ``urls.complete`` is true if the number of outcomes equals that of discovered URLs. ``mode``, ``fields`` and
    ``measures`` come from :class:`pipelines.runtime.field_stats.FieldStats`, and are empty for a killed run.
    """
    run = ledger.runs.get(run_id)
    if run is None:
        raise KeyError(run_id)
    counts = ledger.runs.counts(run_id)
    outcomes = _group(counts, "outcome/")
    discovered = counts.get("discovered", 0)
    stats = json.loads(run["stats"]) if run["stats"] else None
    measures = stats.pop(FIELD_STATS, {}) if stats else {}
    return {
        "run_id": run_id,
        "site": ledger.site,
        "started_at": run["started_at"],
        "ended_at": run["ended_at"],
        "reason": run["reason"],
        "urls": {
            "discovered": discovered,
            "outcomes": outcomes,
            "complete": discovered == sum(outcomes.values()),
        },
        "stories": {
            name: counts.get(f"story/{name}", 0) for name in ("new", "revised", "unchanged", "exact_duplicates", "gone")
        },
        "rejects": _group(counts, "reject/"),
        "retry_failed": _group(counts, "retry_failed/"),
        "lists": _group(counts, "list/"),
        "hints": _group(counts, "hint/"),
        "unreadable": _group(counts, "unreadable/"),
        "removed": _group(counts, "removed/"),
        "requests": counts.get("requests", 0),
        "mode": measures.pop("mode", None),
        "fields": measures.pop("fields", {}),
        "measures": measures or None,
        "stats": stats,
    }


def _group(counts: dict[str, int], prefix: str) -> dict[str, int]:
    return {name.removeprefix(prefix): n for name, n in counts.items() if name.startswith(prefix)}
