"""Fixed sets of label values for the metrics, so that the content of pages and files cannot create new time series."""

from collections import Counter
from collections.abc import Collection, Mapping

from crawler.outcomes import Outcome
from schedules.exit_codes import ExitCode

BY_HAND, OTHER = "by hand", "other"
CHANGES = ("new", "revised", "unchanged", "exact_duplicates", "gone")
OUTCOMES = frozenset(map(str, Outcome))
EXIT_CODES = frozenset(str(int(code)) for code in ExitCode)
# Written out, because the exceptions themselves are Scrapy's, whose import takes most of a second.
REJECT_REASONS = frozenset(
    (
        *("ReaderCrashed", "StepCrashed", "InvalidRow", "UnknownLayout", "NoHeadline", "NoBody", "TooLong"),
        *("NoLanguage", "LegacyFont", "DamagedText", "Unchanged", "ExactDuplicate", "RemovedOnRequest"),
    )
)
ALARM_KINDS = (
    *("field", "layout", "list", "rejected", "failed", "blocked", "unreachable", "silent", "coverage", "urls"),
    *("robots", "deferred", "crashed", "broken_off", "storage", "damaged", "found", "pace", "start", "removed", OTHER),
    *("empty", "stale", "clock", "missing"),
)


def known_or_other(value: str, known: Collection[str]) -> str:
    """Return ``value`` if it is in ``known``, else `other`."""
    return value if value in known else OTHER


def known_counts(counts: Mapping[str, int], known: Collection[str]) -> Mapping[str, int]:
    """Return the counts of the known names; the counts of all other names are summed under the name `other`."""
    result: Counter[str] = Counter()
    for name, count in counts.items():
        result[known_or_other(name, known)] += count
    return result
