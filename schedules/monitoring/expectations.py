"""Expectations: whether a run was what was expected of it, and if not, what is wrong and what number says so."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from schedules.exit_codes import ExitCode
from schedules.monitoring.alarms import Alarm


@dataclass(frozen=True, kw_only=True)
class Expectations:
    """What a schedule promises of a run; shares are between 0 and 1."""

    lists: tuple[str, ...] = ()
    max_rejected: float = 0.2
    max_failed: float = 0.2
    # Below so many pages a share says nothing.
    min_pages: int = 5


@dataclass(frozen=True)
class Verdict:
    """Whether the expectations held: an exit code, each problem in a sentence, the gravest first, and the alarms."""

    exit_code: int
    problems: tuple[str, ...] = ()
    alarms: tuple[Alarm, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """As it stands in a report, where the alarms stand beside it."""
        return {"exit_code": self.exit_code, "problems": list(self.problems)}


_READ = ("story", "exact_duplicate", "unchanged", "list")
_NO_ANSWER = ("unreachable", "blocked", "http_error", "soft_error", "corrupt", "robots")
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


def judge(account: Mapping[str, Any], expected: Expectations, drifted: Sequence[Alarm] = ()) -> Verdict:
    """The verdict on a run's account, and on how it drifted from the runs before.

    See :mod:`schedules.monitoring.alarms`.

    Pure: the same account gives the same verdict.
    """
    first, last = (_found(finders, account, expected) for finders in (_GRAVE, _LESS_GRAVE))
    # Of two under one key the graver stands.
    alarms: dict[str, Alarm] = {}
    for alarm in (*first, *drifted, *last):
        alarms.setdefault(alarm.key, alarm)
    found = [alarm for alarm in alarms.values() if alarm in drifted or not _is_said_better(alarm, (*first, *drifted))]
    problems = [alarm for alarm in found if alarm.code]
    told = tuple(alarm for alarm in found if alarm.kind not in _NO_ALARM)
    return Verdict(int(problems[0].code) if problems else 0, tuple(alarm.sentence for alarm in problems), told)


# What says the same of a run, and says more.
_SAID_BETTER = {
    "layout": ("field/headline", "field/body", "layout/none"),
    "rejected": ("field/headline", "field/body", "layout", "crashed", "rejected/"),
    "failed": ("unreachable", "blocked", "robots", "deferred", "failed/"),
}


def _is_said_better(alarm: Alarm, others: Sequence[Alarm]) -> bool:
    about = alarm.key.partition("/")[2]
    better = _SAID_BETTER.get(about, ())
    return any(other.code and other.key.partition("/")[2].startswith(better) for other in others) if better else False


def _found(finders: Sequence["_Finder"], account: Mapping[str, Any], expected: Expectations) -> list[Alarm]:
    site = account["site"]
    return [
        Alarm(key=f"{site}/{about}", kind=about.partition("/")[0], code=code, sentence=sentence)
        for find in finders
        for code, about, sentence in find(account, expected)
    ]


# Each finds nothing, or problems of one kind: the exit code, what it is about, and a sentence.
Problem = tuple[ExitCode, str, str]
_Finder = Callable[[Mapping[str, Any], Expectations], Iterator[Problem]]


def _broken_off(account: Mapping[str, Any], _: Expectations) -> Iterator[Problem]:
    if (found := _BROKEN_OFF.get(account["reason"])) is not None:
        code, sentence = found
        said = (account.get("stats") or {}).get("khobor/trouble") or sentence
        about = {ExitCode.STORAGE: "storage", ExitCode.DAMAGED: "damaged"}.get(code, "broken_off")
        yield code, about, said if said.endswith("is kept") else f"{said}; everything that it had accepted is kept"


def _interrupted(account: Mapping[str, Any], _: Expectations) -> Iterator[Problem]:
    if (code := _INTERRUPTED.get(account["reason"])) is not None:
        saved = sum(account["stories"].get(name, 0) for name in ("new", "revised"))
        rest = account["urls"]["outcomes"].get("pending", 0)
        said = f"the run was interrupted; stories saved: {saved}, addresses left for the next run: {rest}"
        yield code, "interrupted", said


def _unbalanced(account: Mapping[str, Any], _: Expectations) -> Iterator[Problem]:
    urls = account["urls"]
    if not urls["complete"]:
        found, ended = urls["discovered"], sum(urls["outcomes"].values())
        yield ExitCode.INTERNAL, "urls", f"{found} URLs discovered, but {ended} outcomes recorded"


def _unreachable(account: Mapping[str, Any], _: Expectations) -> Iterator[Problem]:
    outcomes = account["urls"]["outcomes"]
    if any(outcomes.get(name) for name in (*_READ, "rejected")) or not any(outcomes.get(name) for name in _NO_PAGE):
        return
    if outcomes.get("robots"):
        yield ExitCode.UNREACHABLE, "robots", "robots.txt forbids the crawl or could not be read"
        return
    said = ", ".join(f"{outcomes[name]} {name}" for name in _NO_PAGE if outcomes.get(name))
    about = (
        "blocked"
        if outcomes.get("blocked", 0) * 2 >= sum(outcomes.get(name, 0) for name in _NO_PAGE)
        else "unreachable"
    )
    yield ExitCode.UNREACHABLE, about, f"the site gave no page that could be read ({said})"


def _given_up(account: Mapping[str, Any], _: Expectations) -> Iterator[Problem]:
    if sentence := _GIVEN_UP.get(account["reason"]):
        yield ExitCode.UNREACHABLE, account["reason"], sentence


def _crashed(account: Mapping[str, Any], expected: Expectations) -> Iterator[Problem]:
    raised = sum(account["rejects"].get(name, 0) for name in _CRASHES)
    # A page that ends the parse worker is not in `rejects`.
    unreadable = account["urls"]["outcomes"].get("unreadable", 0) - account["retry_failed"].get("unreadable", 0)
    crashed = max(raised, unreadable)
    pages = _story_pages(account) + crashed - raised
    if crashed and crashed > expected.max_rejected * pages:
        said = f"our own code failed on {crashed} of {pages} pages; the run's log has the traces"
        yield ExitCode.INTERNAL, "crashed", said


def _layout_changed(account: Mapping[str, Any], expected: Expectations) -> Iterator[Problem]:
    rejects = {name: account["rejects"].get(name, 0) for name in _LAYOUT}
    pages = _story_pages(account)
    if pages >= expected.min_pages and sum(rejects.values()) >= LAYOUT_CHANGED_FROM * pages:
        named = ", ".join(f"{n} × {name}" for name, n in rejects.items() if n)
        yield ExitCode.LAYOUT_CHANGED, "layout", f"the layout changed: {named} on {pages} pages of stories"


def _lists_missing(account: Mapping[str, Any], expected: Expectations) -> Iterator[Problem]:
    outcomes = account["urls"]["outcomes"]
    pages = sum(outcomes.get(name, 0) for name in ("story", "exact_duplicate", "list"))
    for name in expected.lists:
        if pages and not account["lists"].get(f"{name}/seen"):
            yield ExitCode.BELOW_EXPECTATION, f"list/{name}", f"no list {name} on any of {pages} pages"


def _rejected(account: Mapping[str, Any], expected: Expectations) -> Iterator[Problem]:
    rejected, pages = sum(account["rejects"].values()), _story_pages(account)
    if pages >= expected.min_pages and rejected > expected.max_rejected * pages:
        named = ", ".join(f"{n} × {name}" for name, n in sorted(account["rejects"].items(), key=lambda each: -each[1]))
        said = f"{rejected} of {pages} story pages were rejected: {named}"
        yield ExitCode.BELOW_EXPECTATION, "rejected", said


def _failed(account: Mapping[str, Any], expected: Expectations) -> Iterator[Problem]:
    # What failed in an earlier run already says nothing of this one.
    outcomes = {name: n - account["retry_failed"].get(name, 0) for name, n in account["urls"]["outcomes"].items()}
    failed = {name: outcomes[name] for name in _NO_ANSWER if outcomes.get(name)}
    asked = sum(failed.values()) + sum(outcomes.get(name, 0) for name in (*_READ, "rejected", "gone"))
    if asked >= expected.min_pages and sum(failed.values()) > expected.max_failed * asked:
        named = ", ".join(f"{n} {name}" for name, n in failed.items())
        said = f"{sum(failed.values())} of {asked} requests failed: {named}"
        yield ExitCode.BELOW_EXPECTATION, "failed", said


_GRAVE = (_broken_off, _unbalanced, _interrupted, _unreachable, _given_up, _crashed, _layout_changed)
_LESS_GRAVE = (_lists_missing, _rejected, _failed)
# An operator's own doing is none.
_NO_ALARM = ("interrupted",)


def _story_pages(account: Mapping[str, Any]) -> int:
    outcomes: Mapping[str, int] = account["urls"]["outcomes"]
    rejects: Mapping[str, int] = account["rejects"]
    return sum(rejects.values()) + sum(outcomes.get(name, 0) for name in ("story", "exact_duplicate"))
