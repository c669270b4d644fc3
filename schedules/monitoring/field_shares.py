"""Shares: what of a run can be compared with other runs, however many pages each of them read.

Each is a count of so many of so many, under a name: what it tells about (`field/byline`), how (`filled`, `by`,
`digits`, …) and, where that needs saying, of what (a layout and its source).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from schedules.monitoring.statistics import NEARLY_ALWAYS, Count, usual_share
from schedules.reports.history import Report

#: By layout and column, the sources that a newspaper declares, in the order in which they are tried.
Sources = Mapping[str, Mapping[str, tuple[str, ...]]]


class Name(NamedTuple):
    """What a share tells, and whether it is few or many of it that would be wrong."""

    about: str
    how: str
    of: str = ""
    many: bool = False


_TRAITS = {"digits": (True, False), "again": (True,), "same": (True,), "ahead": (True,), "too early": (True,)}
# Of these there are few values, whose lengths tell what the hour brought and not how it was read (a print edition).
_ONE_OF_FEW = frozenset(("section", "edition", "agency"))
_LAYOUT = ("UnknownLayout", "NoHeadline", "NoBody")
_FAILURES = (
    "unreachable",
    "blocked",
    "http_error",
    "soft_error",
    "corrupt",
    "robots",
    "redirected",
    "gone",
    "unreadable",
)
_ANSWERS = ("story", "exact_duplicate", "unchanged", "list", "rejected")


class Counted:
    """The shares of runs by their names, each run's reckoned once."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources
        self._shares: dict[str, dict[Name, Count]] = {}
        self._lengths: dict[str, dict[tuple[str, str], dict[int, int]]] = {}

    def shares(self, run: Report) -> dict[Name, Count]:
        """Every share of a run but those of lengths; none of one that was killed, or written by an older version."""
        if (known := self._shares.get(run["run_id"])) is None:
            known = self._shares[run["run_id"]] = dict(_shares(run, self._sources)) if run.get("measures") else {}
        return known

    def lengths(self, run: Report) -> dict[tuple[str, str], dict[int, int]]:
        """How many values of each column are how long, by half octave; of the body, also in paragraphs."""
        if (known := self._lengths.get(run["run_id"])) is None:
            known = self._lengths[run["run_id"]] = dict(_lengths(run)) if run.get("measures") else {}
        return known

    def count(self, run: Report, name: Name) -> Count:
        """A share of a run; (0, 0) where it does not tell."""
        if name.how in _LENGTHS:
            measured, below = _LENGTHS[name.how]
            lengths, cut = self.lengths(run).get((name.about, measured), {}), int(name.of)
            beyond_it = sum(n for length, n in lengths.items() if (length <= cut if below else length >= cut))
            return beyond_it, sum(lengths.values())
        shares = self.shares(run)
        if name not in shares and name.how == "rejected" and shares:
            return 0, run["measures"]["pages"]
        return shares.get(name, (0, 0))


# What is measured, and whether it is the short or the long ones that are counted.
_LENGTHS = {
    "shorter": ("length", True),
    "longer": ("length", False),
    "fewer paragraphs": ("paragraphs", True),
    "more paragraphs": ("paragraphs", False),
}


def beyond(about: str, measured: str, usual: Mapping[int, int], share: float) -> Iterator[Name]:
    """The names of the shares of values that are shorter, and longer, than all but that share usually is."""
    for how, (kind, below) in _LENGTHS.items():
        if kind == measured:
            sign = 1 if below else -1
            cut = _cut({sign * length: n for length, n in usual.items()}, share)
            yield Name(about, how, str(sign * cut), many=True)


def _cut(lengths: Mapping[int, int], share: float) -> int:
    """The greatest length that no more than that share of values keep to; less than all where there is none."""
    total, below = sum(lengths.values()), 0
    cut = min(lengths) - 1
    for length in sorted(lengths):
        below += lengths[length]
        if below > share * total:
            break
        cut = length
    return cut


def _shares(report: Report, sources: Sources) -> Iterator[tuple[Name, Count]]:
    measures: Mapping[str, Any] = report.get("measures") or {}
    for column, field in (report.get("fields") or {}).items():
        if "traits" in field:
            yield from _of_field(f"field/{column}", column, field, measures, sources)
    for name, found in (measures.get("lists") or {}).items():
        yield Name(f"list/{name}", "beside stories"), (found["beside_stories"], measures["pages"])
    pages = measures.get("pages", 0)
    for reason, n in report["rejects"].items():
        if reason not in _LAYOUT:
            yield Name(f"rejected/{reason}", "rejected", many=True), (min(n, pages), pages)
    # Of incremental runs nothing is expected at night; how old the newest story is, is among the metrics.
    if report.get("mode") == "full" and (pages or report["urls"]["outcomes"].get("list")):
        yield Name("found", "new"), (int(report["stories"]["new"] > 0), 1)
    coverage: Mapping[str, Any] = report.get("coverage") or {}
    if coverage.get("estimated_missed") is not None:
        # No more than can be said for certain.
        missed = max(0, round(coverage["estimated_missed"] - 2 * (coverage.get("estimated_error") or 0)))
        yield Name("coverage", "missed", many=True), (missed, missed + coverage.get("found", 0))
    outcomes = report["urls"]["outcomes"]
    asked = sum(outcomes.get(name, 0) for name in (*_FAILURES, *_ANSWERS))
    for outcome in _FAILURES:
        failed = outcomes.get(outcome, 0) - report["retry_failed"].get(outcome, 0)
        yield Name(f"failed/{outcome}", "failed", many=True), (max(failed, 0), asked)


def _of_field(
    about: str, column: str, field: Mapping[str, Any], measures: Mapping[str, Any], sources: Sources
) -> Iterator[tuple[Name, Count]]:
    yield Name(about, "filled"), (field["filled"], field["of"])
    for layout, read in (measures.get("layouts") or {}).items():
        given = 0
        for source in sources.get(layout, {}).get(column, ()):
            # All up to this one: a later one gives nothing where an earlier one began to.
            given += field["by"].get(f"{layout}/{source}", 0)
            yield Name(about, "by", f"{layout}/{source}"), (min(given, read), read)
    for trait, ways in _TRAITS.items():
        for many in ways:
            yield Name(about, trait, many=many), (field["traits"].get(trait, 0), field["values"])
    if column == "published_at":
        yield Name(about, "unreadable", many=True), (measures["unreadable_dates"], field["of"])


def _lengths(report: Report) -> Iterator[tuple[tuple[str, str], dict[int, int]]]:
    found = {
        (f"field/{column}", "length"): field.get("lengths")
        for column, field in report["fields"].items()
        if column not in _ONE_OF_FEW
    }
    found["field/body", "paragraphs"] = report["measures"].get("paragraphs")
    for name, lengths in found.items():
        if lengths:
            yield name, {int(length): n for length, n in lengths.items()}


@dataclass(frozen=True)
class Quiet:
    """A source of a field that gives less than it did, or nothing."""

    layout: str
    source: str
    now: Count
    before: float


def quietest(column: str, report: Report, good: Sequence[Report], sources: Sources) -> Quiet | None:
    """The source of a field that lost most since the good runs before; None where none gives less than it did."""
    found = []
    for layout, declared in sources.items():
        for source in declared.get(column, ()):
            now = _given(report, column, layout, source)
            before = [_given(run, column, layout, source) for run in good] if good else [NEARLY_ALWAYS]
            if now[1]:
                found.append(Quiet(layout, source, now, usual_share(before)))
    most = max(found, key=_lost, default=None)
    return most if most and _lost(most) > 0 else None


def _lost(quiet: Quiet) -> float:
    return quiet.before - quiet.now[0] / quiet.now[1]


def _given(run: Report, column: str, layout: str, source: str) -> Count:
    measures = run["measures"]
    # A page that no layout fits for want of this column is one on which the source was sought and gave nothing.
    pages = measures["layouts"].get(layout, 0) + measures["lacking"].get(column, 0)
    return run["fields"].get(column, {}).get("by", {}).get(f"{layout}/{source}", 0), pages
