"""Judging: whether a run was what was expected of it, and if not, what is wrong and what number says so."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from schedules.exits import ExitCode


@dataclass(frozen=True, kw_only=True)
class Expectations:
    """What a schedule promises of a run; shares are between 0 and 1."""

    lists: tuple[str, ...] = ()
    most_refused: float = 0.2
    most_failed: float = 0.2
    # Below so many pages a share says nothing.
    pages_that_count: int = 5


@dataclass(frozen=True)
class Verdict:
    """Whether the expectations held: an exit code, and each problem in a sentence, the gravest first."""

    exit_code: int
    problems: tuple[str, ...] = field(default=())

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


_READ = ("story", "copy", "unchanged", "list")
_NO_ANSWER = ("unreachable", "blocked", "http_error", "soft_error", "broken", "robots")
# A night on which the site has only this to say is no good night either.
_NO_PAGE = (*_NO_ANSWER, "gone", "redirected", "redirect_loop", "wrong_type", "too_large")
_GIVEN_UP = {
    "unreachable": "the site stopped answering, and the rest of the run was left for the next",
    "blocked": "the site turned us away, and the rest of the run was left for the next",
    "deferred": "the site asked for more patience than a run has, and the rest was left for the next",
}
_CRASHES = ("ReaderCrashed", "StepCrashed")
_LAYOUT = ("UnknownLayout", "NoHeadline", "NoBody")
_BROKEN_OFF = {
    "killed": (ExitCode.INTERNAL, "the run was killed"),
    "stalled": (ExitCode.INTERNAL, "the run stood still and was killed"),
    "overdue": (ExitCode.INTERNAL, "the run went on after its time and was killed"),
    "start_error": (ExitCode.INTERNAL, "the run could not ask for all its seeds and doors, its log says why"),
    "memusage_exceeded": (ExitCode.STORAGE, "the run needed more memory than it may have"),
    "memory": (ExitCode.STORAGE, "the run needed more memory than it may have"),
    "storage": (ExitCode.STORAGE, "the data folder could not be written"),
    "damaged": (ExitCode.DAMAGED, "the ledger or a file is damaged"),
}
_INTERRUPTED = {"interrupted": ExitCode.INTERRUPTED, "shutdown": ExitCode.TERMINATED}
LAYOUT_CHANGED_FROM = 0.6


def judge(account: Mapping[str, Any], expected: Expectations) -> Verdict:
    """The verdict on a run's account. Pure: the same account gives the same verdict."""
    problems = [problem for find in _FINDERS if (problem := find(account, expected)) is not None]
    return Verdict(int(problems[0][0]) if problems else 0, tuple(sentence for _, sentence in problems))


Problem = tuple[ExitCode, str] | None


def _broken_off(account: Mapping[str, Any], _: Expectations) -> Problem:
    if (found := _BROKEN_OFF.get(account["reason"])) is None:
        return None
    code, sentence = found
    said = (account.get("stats") or {}).get("khobor/trouble") or sentence
    return code, said if said.endswith("is kept") else f"{said}; everything that it had accepted is kept"


def _interrupted(account: Mapping[str, Any], _: Expectations) -> Problem:
    code = _INTERRUPTED.get(account["reason"])
    if code is None:
        return None
    saved = sum(account["stories"].get(name, 0) for name in ("new", "revised"))
    rest = account["books"]["outcomes"].get("not_reached", 0)
    return code, f"the run was interrupted; stories saved: {saved}, addresses left for the next run: {rest}"


def _unbalanced(account: Mapping[str, Any], _: Expectations) -> Problem:
    books = account["books"]
    if books["balanced"]:
        return None
    ended = sum(books["outcomes"].values())
    return ExitCode.INTERNAL, f"the books do not balance: {books['discovered']} addresses discovered, {ended} outcomes"


def _unreachable(account: Mapping[str, Any], _: Expectations) -> Problem:
    outcomes = account["books"]["outcomes"]
    if any(outcomes.get(name) for name in (*_READ, "refused")) or not any(outcomes.get(name) for name in _NO_PAGE):
        return None
    if outcomes.get("robots"):
        return ExitCode.UNREACHABLE, "robots.txt forbids the crawl or could not be read"
    said = ", ".join(f"{outcomes[name]} {name}" for name in _NO_PAGE if outcomes.get(name))
    return ExitCode.UNREACHABLE, f"the site gave no page that could be read ({said})"


def _given_up(account: Mapping[str, Any], _: Expectations) -> Problem:
    sentence = _GIVEN_UP.get(account["reason"])
    return (ExitCode.UNREACHABLE, sentence) if sentence else None


def _crashed(account: Mapping[str, Any], expected: Expectations) -> Problem:
    crashed = sum(account["rejects"].get(name, 0) for name in _CRASHES)
    pages = _story_pages(account)
    if not crashed or crashed <= expected.most_refused * pages:
        return None
    return ExitCode.INTERNAL, f"our own code failed on {crashed} of {pages} pages; the run's log has the traces"


def _layout_changed(account: Mapping[str, Any], expected: Expectations) -> Problem:
    rejects = {name: account["rejects"].get(name, 0) for name in _LAYOUT}
    pages = _story_pages(account)
    if pages < expected.pages_that_count or sum(rejects.values()) < LAYOUT_CHANGED_FROM * pages:
        return None
    named = ", ".join(f"{n} × {name}" for name, n in rejects.items() if n)
    return ExitCode.LAYOUT_CHANGED, f"the layout changed: {named} on {pages} pages of stories"


def _lists_missing(account: Mapping[str, Any], expected: Expectations) -> Problem:
    outcomes = account["books"]["outcomes"]
    pages = sum(outcomes.get(name, 0) for name in ("story", "copy", "list"))
    missing = [name for name in expected.lists if not account["lists"].get(f"{name}/seen")]
    if not missing or not pages:
        return None
    return ExitCode.BELOW_EXPECTATION, f"no list {' and no list '.join(missing)} on any of {pages} pages"


def _refused(account: Mapping[str, Any], expected: Expectations) -> Problem:
    refused, pages = sum(account["rejects"].values()), _story_pages(account)
    if pages < expected.pages_that_count or refused <= expected.most_refused * pages:
        return None
    named = ", ".join(f"{n} × {name}" for name, n in sorted(account["rejects"].items(), key=lambda each: -each[1]))
    return ExitCode.BELOW_EXPECTATION, f"{refused} of {pages} pages of stories were refused: {named}"


def _failed(account: Mapping[str, Any], expected: Expectations) -> Problem:
    # What failed in an earlier run already says nothing of this one.
    outcomes = {name: n - account["failed_again"].get(name, 0) for name, n in account["books"]["outcomes"].items()}
    failed = {name: outcomes[name] for name in _NO_ANSWER if outcomes.get(name)}
    asked = sum(failed.values()) + sum(outcomes.get(name, 0) for name in (*_READ, "refused", "gone"))
    if asked < expected.pages_that_count or sum(failed.values()) <= expected.most_failed * asked:
        return None
    named = ", ".join(f"{n} {name}" for name, n in failed.items())
    return ExitCode.BELOW_EXPECTATION, f"{sum(failed.values())} of {asked} requests failed: {named}"


_FINDERS = (
    *(_broken_off, _unbalanced, _interrupted, _unreachable, _given_up, _crashed),
    *(_layout_changed, _lists_missing, _refused, _failed),
)


def _story_pages(account: Mapping[str, Any]) -> int:
    outcomes: Mapping[str, int] = account["books"]["outcomes"]
    rejects: Mapping[str, int] = account["rejects"]
    return sum(rejects.values()) + sum(outcomes.get(name, 0) for name in ("story", "copy"))
