"""Text about the coverage of a site, that is, the share of the publisher's consecutive story ids that is stored."""

from collections.abc import Iterator, Mapping
from typing import Any

_EVERYWHERE = "looked for at all other entry points"
_OTHER_IDS = (
    ("elsewhere", "duplicates"),
    ("gone", "taken down"),
    ("rejected", "rejected"),
    ("not_a_story", "not stories"),
    ("failed", "not parsed yet"),
)


def coverage_lines(report: Mapping[str, Any]) -> Iterator[str]:
    """Yield the lines of text that describe the coverage in the report of a run.

    Coverage is the share of the publisher's story ids that is stored. A first line warns if the list of latest stories
    has no story in common with the previous visit. Nothing is yielded if there is no warning and the report has no
    coverage.
    """
    lists = report.get("lists") or {}
    if lists.get("latest/missed"):
        where = "found further down a long list or feed" if lists.get("latest/filled") else _EVERYWHERE
        yield f"the latest list has no story in common with the previous visit: the stories in between were {where}"
    coverage = report.get("coverage") or {}
    low, high, why = coverage.get("low"), coverage.get("high"), coverage.get("why_no_estimate")
    if not isinstance(low, int) or not isinstance(high, int):
        if why:
            yield f"coverage of the last 24 hours unknown: {why}"
        return
    others = "".join(f", {coverage[name]:,} {label}" for name, label in _OTHER_IDS if coverage.get(name))
    yield (
        f"ids {low} to {high}: {coverage['found']:,} stored{others}, {coverage['never_seen']:,} never linked"
        " (pictures and drafts use ids too)"
    )
    missed, error = coverage.get("estimated_missed"), coverage.get("estimated_error")
    if missed is None:
        yield f"missed stories unknown: {why}"
    else:
        yield f"stories that no entry point links to, estimated: {missed:g}" + (f" ± {error:g}" if error else "")
