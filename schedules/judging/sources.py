"""Sources: which of those that a field is read from gives less than it did."""

from collections.abc import Sequence
from dataclasses import dataclass

from schedules.monitoring.field_shares import Sources
from schedules.monitoring.statistics import NEARLY_ALWAYS, Count, usual_share
from schedules.reports.history import Report


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
