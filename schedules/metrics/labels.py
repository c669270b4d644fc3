"""Labels: the words that may stand in a metric, so that nothing a page or a file says makes a series of its own."""

from collections.abc import Collection, Mapping
from functools import cache

from crawler.outcomes import Outcome
from crawler.registry import newspapers
from pipelines import drop_reasons
from schedules.exit_codes import ExitCode

BY_HAND, OTHER = "by hand", "other"
CHANGES = ("new", "revised", "unchanged", "exact_duplicates", "gone")
OUTCOMES = frozenset(map(str, Outcome))
CODES = frozenset(str(int(code)) for code in ExitCode)
#: Of alarms.
KINDS = (
    *("field", "layout", "list", "rejected", "failed", "blocked", "unreachable", "silent", "coverage", "urls"),
    *("robots", "deferred", "crashed", "broken_off", "storage", "damaged", "found", "pace", "run", "start", OTHER),
)


@cache
def sites() -> Mapping[str, tuple[str, ...]]:
    """The newspapers, and the lists that each declares."""
    return {name: tuple(ranked.name for ranked in paper.lists) for name, paper in newspapers().items()}


@cache
def reasons() -> frozenset[str]:
    """Why a record is refused."""
    found, waiting = {"ReaderCrashed", "StepCrashed"}, [drop_reasons.Refused]
    while waiting:
        below = waiting.pop().__subclasses__()
        found |= {kind.__name__ for kind in below}
        waiting += below
    return frozenset(found)


def word(value: str, known: Collection[str]) -> str:
    """The value, if it is a word of ours."""
    return value if value in known else OTHER


def bounded(counts: Mapping[str, int], known: Collection[str]) -> dict[str, int]:
    """Counts by words of ours."""
    found: dict[str, int] = {}
    for name, count in counts.items():
        found[word(name, known)] = found.get(word(name, known), 0) + count
    return found
