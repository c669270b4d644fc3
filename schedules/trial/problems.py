"""A problem that a trial has found, as a sentence with what is wrong and what to do."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from crawler.safe_text import one_line
from schedules.exit_codes import ExitCode

_MAX_NAMED = 3
_GRAVITY = (ExitCode.LAYOUT_CHANGED, ExitCode.UNREACHABLE, ExitCode.DONE)


@dataclass(frozen=True, kw_only=True)
class Problem:
    """A problem of a site or of its site file.

    :ivar code: exit code of the trial if this is the worst problem; 0 for a hint that a person should check
    :ivar field: column of `stories`, or name of a ranked list
    :ivar extractor: name of the extractor, or selector of the list, that failed
    :ivar page: URL of a page that shows the problem
    """

    code: ExitCode
    sentence: str
    field: str | None = None
    extractor: str | None = None
    page: str | None = None

    def as_dict(self) -> dict[str, Any]:
        return asdict(self) | {"code": int(self.code), "sentence": one_line(self.sentence, 1000)}


def worst_first(problems: Iterable[Problem]) -> list[Problem]:
    return sorted(problems, key=lambda problem: _GRAVITY.index(problem.code))


def quoted(names: Iterable[str], limit: int = _MAX_NAMED) -> str:
    """Return names in backquotes, separated by commas; only the first ``limit`` of them, and the number of others."""
    all_names = [*names]
    shown = ", ".join(f"`{name}`" for name in all_names[:limit])
    return shown + (f" and {more} more" if (more := len(all_names) - limit) > 0 else "")
