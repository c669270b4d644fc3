"""Coverage: how much of a newspaper a run's report says that there is, in one or two plain lines."""

from collections.abc import Iterator, Mapping
from typing import Any

_KINDS = (
    ("elsewhere", "under another id"),
    ("gone", "taken down"),
    ("rejected", "rejected"),
    ("not_a_story", "no story"),
    ("failed", "named and not read"),
)


def coverage_in_words(report: Mapping[str, Any]) -> list[str]:
    """What the report says of coverage; nothing for a report that says nothing of it."""
    return [*_gap(report.get("lists") or {}), *_ids(report.get("coverage") or {})]


def _gap(lists: Mapping[str, Any]) -> Iterator[str]:
    if lists.get("latest/missed"):
        yield (
            "the latest list had nothing in common with the visit before: stories went by in between, and they were"
            " looked for behind every other door"
        )


def _ids(coverage: Mapping[str, Any]) -> Iterator[str]:
    low, high = coverage.get("low"), coverage.get("high")
    if not isinstance(low, int) or not isinstance(high, int):
        if why := coverage.get("why_no_estimate"):
            yield f"coverage cannot be told: {why}"
        return
    others = ", ".join(f"{coverage[name]:,} {said}" for name, said in _KINDS if coverage.get(name))
    yield (
        f"of the ids {low} to {high} {coverage['found']:,} are kept{f', {others}' if others else ''};"
        f" {coverage['never_seen']:,} were named by nothing (pictures and drafts use ids too)"
    )
    missed, error = coverage.get("estimated_missed"), coverage.get("estimated_error")
    if missed is None:
        yield f"how many stories were missed cannot be told: {coverage.get('why_no_estimate')}"
    else:
        yield f"stories that no door named, estimated: {missed:g}" + (f" ± {error:g}" if error else "")
