"""Shares of a run, such as the share of stories with a byline, for comparison with other runs.

A share is a count (k of n), so that runs with different numbers of pages can be compared. The name of a share has a
subject (`field/byline`), a measure (`filled`, `by`, `digits`, …) and, where needed, a detail such as a layout with its
extractor.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, NamedTuple

from crawler.outcomes import Outcome
from schedules.monitoring.statistics import NEARLY_ALWAYS, Count, pooled, share
from schedules.reports.history import Report

#: By layout and column, the names of the declared extractors in the order in which they are tried.
Extractors = Mapping[str, Mapping[str, tuple[str, ...]]]


class ShareName(NamedTuple):
    """Name of a measured share: subject (``about``), measure (``how``) and detail (``of``).

    If ``high_is_bad`` is true, an increase of the share is a problem, otherwise a decrease.
    """

    about: str
    how: str
    of: str = ""
    high_is_bad: bool = False


LAYOUT_REJECTS = ("UnknownLayout", "NoHeadline", "NoBody")
_TRAITS = {"digits": (True, False), "again": (True,), "same": (True,), "ahead": (True,), "too early": (True,)}
# The lengths of these columns are not tested: they have few values, which vary with the news and not the extraction.
_CATEGORIES = frozenset(("section", "edition", "agency"))
_FAILURES = [each for each in Outcome if each.is_failed or each in ("redirected", "gone", "unreadable")]
_REQUESTED = [*_FAILURES, *(each for each in Outcome if each.is_read), Outcome.REJECTED]
# For each measure of length: the measured quantity, and if short values are counted (else long ones).
_LENGTHS = {
    "shorter": ("length", True),
    "longer": ("length", False),
    "fewer paragraphs": ("paragraphs", True),
    "more paragraphs": ("paragraphs", False),
}


class RunShares:
    """Cache of the measured shares and lengths of runs, so that they are computed once per run."""

    def __init__(self, extractors: Extractors) -> None:
        self._extractors = extractors
        self._shares: dict[str, dict[ShareName, Count]] = {}
        self._lengths: dict[str, dict[tuple[str, str], dict[int, int]]] = {}

    def shares(self, run: Report) -> dict[ShareName, Count]:
        """Return the measured shares of a run, such as the share of stories with a byline, by name.

        Shares that describe the lengths of values are left out.

        The result is empty for a run without measurements, such as one that was killed.
        """
        if (known := self._shares.get(run["run_id"])) is None:
            known = self._shares[run["run_id"]] = dict(_shares(run, self._extractors)) if run.get("measures") else {}
        return known

    def lengths(self, run: Report) -> dict[tuple[str, str], dict[int, int]]:
        """Return histograms of a run: lengths of the values of each column, and numbers of paragraphs of the body.

        Lengths are grouped into classes, each longer than the one before by the factor √2.
        """
        if (known := self._lengths.get(run["run_id"])) is None:
            known = self._lengths[run["run_id"]] = dict(_lengths(run)) if run.get("measures") else {}
        return known

    def count(self, run: Report, name: ShareName) -> Count:
        """Return a measured share of a run as a count (k of n), or (0, 0) if the run does not have this share."""
        if name.how in _LENGTHS:
            measure, short = _LENGTHS[name.how]
            lengths, cut = self.lengths(run).get((name.about, measure), {}), int(name.of)
            beyond = sum(n for length, n in lengths.items() if (length <= cut if short else length >= cut))
            return beyond, sum(lengths.values())
        shares = self.shares(run)
        if name not in shares and name.how == "rejected" and shares:
            return 0, run["measures"]["pages"]
        return shares.get(name, (0, 0))


def length_shares(about: str, measure: str, usual: Mapping[int, int], tail: float) -> Iterator[ShareName]:
    """Yield the names of two shares: that of unusually short values, and that of unusually long ones.

    A value is unusually short or long if it is in the lower or upper ``tail`` (a share) of the usual lengths.

    :param about: subject of the shares, such as `field/byline`
    :param measure: `length` for the length of values, `paragraphs` for their number
    :param usual: frequency of each length in earlier runs
    """
    for how, (kind, short) in _LENGTHS.items():
        if kind == measure:
            sign = 1 if short else -1
            cut = _quantile({sign * length: n for length, n in usual.items()}, tail)
            yield ShareName(about, how, str(sign * cut), high_is_bad=True)


def _quantile(lengths: Mapping[int, int], tail: float) -> int:
    """Return the greatest length for which at most a share ``tail`` of the values is as short or shorter.

    If there is no such length, return one less than the smallest. ``lengths`` maps each length to its frequency.
    """
    ordered, limit = sorted(lengths), tail * sum(lengths.values())
    up_to = zip(ordered, accumulate(lengths[length] for length in ordered), strict=True)
    return max((length for length, count in up_to if count <= limit), default=ordered[0] - 1)


def _shares(report: Report, extractors: Extractors) -> Iterator[tuple[ShareName, Count]]:
    measures: Mapping[str, Any] = report.get("measures") or {}
    for column, field in (report.get("fields") or {}).items():
        if "traits" in field:
            yield from _field_shares(column, field, measures, extractors)
    for name, ranked in (measures.get("lists") or {}).items():
        yield ShareName(f"list/{name}", "beside stories"), (ranked["beside_stories"], measures["pages"])
    pages, outcomes = measures.get("pages", 0), report["urls"]["outcomes"]
    for reason, n in report["rejects"].items():
        if reason not in LAYOUT_REJECTS:
            yield ShareName(f"rejected/{reason}", "rejected", high_is_bad=True), (min(n, pages), pages)
    # Not for incremental runs, which may find no new story all night; a metric has the age of the newest story.
    if report.get("mode") == "full" and (pages or outcomes.get("list")):
        yield ShareName("found", "new"), (int(report["stories"]["new"] > 0), 1)
    coverage: Mapping[str, Any] = report.get("coverage") or {}
    if coverage.get("estimated_missed") is not None:
        # Use the lower bound of the estimate, two standard errors below it.
        missed = max(0, round(coverage["estimated_missed"] - 2 * (coverage.get("estimated_error") or 0)))
        yield ShareName("coverage", "missed", high_is_bad=True), (missed, missed + coverage.get("found", 0))
    requested = sum(outcomes.get(outcome, 0) for outcome in _REQUESTED)
    for outcome in _FAILURES:
        failed = outcomes.get(outcome, 0) - report["retry_failed"].get(outcome, 0)
        yield ShareName(f"failed/{outcome}", "failed", high_is_bad=True), (max(failed, 0), requested)


def _field_shares(
    column: str, field: Mapping[str, Any], measures: Mapping[str, Any], extractors: Extractors
) -> Iterator[tuple[ShareName, Count]]:
    about = f"field/{column}"
    yield ShareName(about, "filled"), (field["filled"], field["of"])
    for layout, pages in (measures.get("layouts") or {}).items():
        given = 0
        for extractor in extractors.get(layout, {}).get(column, ()):
            # Cumulative, because a later extractor yields less when an earlier one begins to match.
            given += field["by"].get(f"{layout}/{extractor}", 0)
            yield ShareName(about, "by", f"{layout}/{extractor}"), (min(given, pages), pages)
    for trait, directions in _TRAITS.items():
        for high_is_bad in directions:
            yield ShareName(about, trait, high_is_bad=high_is_bad), (field["traits"].get(trait, 0), field["values"])
    if column == "published_at":
        yield ShareName(about, "unreadable", high_is_bad=True), (measures["unreadable_dates"], field["of"])


def _lengths(report: Report) -> Iterator[tuple[tuple[str, str], dict[int, int]]]:
    histograms = {(f"field/{column}", "length"): field.get("lengths") for column, field in report["fields"].items()}
    histograms["field/body", "paragraphs"] = report["measures"].get("paragraphs")
    for (about, measure), lengths in histograms.items():
        if lengths and about.removeprefix("field/") not in _CATEGORIES:
            yield (about, measure), {int(length): n for length, n in lengths.items()}


@dataclass(frozen=True)
class LostExtractor:
    """Extractor (function that finds a field on a page) that finds its field on fewer of the pages than before."""

    layout: str
    extractor: str
    now: Count
    before: float

    @property
    def loss(self) -> float:
        return self.before - share(self.now)


def most_lost(column: str, report: Report, good: Sequence[Report], extractors: Extractors) -> LostExtractor | None:
    """Return the extractor whose share of pages with the column fell most since earlier good runs.

    An extractor is a function that finds a column on a page of a layout. Returns None if no share fell.
    """
    candidates = []
    for layout, declared in extractors.items():
        for extractor in declared.get(column, ()):
            now = _given(report, column, layout, extractor)
            before = [_given(run, column, layout, extractor) for run in good] if good else [NEARLY_ALWAYS]
            if now[1]:
                candidates.append(LostExtractor(layout, extractor, now, share(pooled(before))))
    worst = max(candidates, key=lambda candidate: candidate.loss, default=None)
    return worst if worst and worst.loss > 0 else None


def _given(run: Report, column: str, layout: str, extractor: str) -> Count:
    measures = run["measures"]
    # Also count pages that fit no layout because they lack this column: the extractor was tried on them.
    pages = measures["layouts"].get(layout, 0) + measures["lacking"].get(column, 0)
    return run["fields"].get(column, {}).get("by", {}).get(f"{layout}/{extractor}", 0), pages
