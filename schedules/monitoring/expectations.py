"""Expectations (minimum requirements of a run), and the evaluation of a run's summary against them.

The module is long because it has all checks of a run, in the order of their severity.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from crawler.outcomes import Outcome
from schedules.exit_codes import ExitCode
from schedules.monitoring.alarms import Alarm
from schedules.monitoring.field_shares import LAYOUT_REJECTS
from schedules.monitoring.yields import (
    Problem,
    Summary,
    entry_points_empty,
    listed,
    lists_empty,
    lists_failed,
    lists_replaced,
    stale,
    story_urls,
    without_story,
)


@dataclass(frozen=True, kw_only=True)
class Expectations:
    """Minimum requirements of a run: required lists, and maximum shares of rejected pages and failed requests.

    A run is one crawl of a site. Shares are between 0 and 1. They are tested only if the run has at least ``min_pages``
    pages.
    """

    lists: tuple[str, ...] = ()
    max_rejected: float = 0.2
    max_failed: float = 0.2
    min_pages: int = 5


@dataclass(frozen=True)
class Verdict:
    """Result of evaluating a run (one crawl of a site): exit code, problems and alarms.

    ``problems`` has one sentence per problem, the most severe first.
    """

    exit_code: int
    problems: tuple[str, ...] = ()
    alarms: tuple[Alarm, ...] = ()


#: If at least this share of the story pages fits no layout, the layout of the site counts as changed.
LAYOUT_CHANGED_SHARE = 0.6
#: In a run with fewer story requests, half of them must fail for an alarm.
MANY_STORIES = 20
#: Fewer failures or rejects are usual in a small run.
MIN_FAILURES, MIN_REJECTED = 4, 3
_CRASHES = ("ReaderCrashed", "StepCrashed")
# Exit code, alarm key and sentence by the reason for which a run ended.
_ENDED: Mapping[str, tuple[ExitCode, str, str]] = {
    "killed": (ExitCode.INTERNAL, "broken_off", "the run was killed"),
    "stalled": (ExitCode.INTERNAL, "broken_off", "the run stalled and was killed"),
    "overdue": (ExitCode.INTERNAL, "broken_off", "the run exceeded its time limit and was killed"),
    "not_begun": (ExitCode.INTERNAL, "broken_off", "the run ended before it had stored anything"),
    "start_error": (ExitCode.INTERNAL, "broken_off", "not all seeds and entry points could be requested, see the log"),
    "memusage_exceeded": (ExitCode.STORAGE, "storage", "the run exceeded its memory limit"),
    "memory": (ExitCode.STORAGE, "storage", "the run exceeded its memory limit"),
    "clock": (ExitCode.STORAGE, "clock", "the system clock was set during the run"),
    "storage": (ExitCode.STORAGE, "storage", "the data folder could not be written"),
    "damaged": (ExitCode.DAMAGED, "damaged", "the ledger or a file is damaged"),
}
_GIVEN_UP = {
    "unreachable": "the site stopped responding, and the rest of the run was left for the next",
    "blocked": "the site blocked the crawl, and the rest of the run was left for the next",
    "deferred": "the site asked for a longer pause than a run allows, and the rest was left for the next",
}
# Statistics of `crawler/downloader/retry.py`, by kind of page.
_IN_A_ROW = "khobor/failed_in_a_row/"
_INTERRUPTED = {"interrupted": ExitCode.INTERRUPTED, "shutdown": ExitCode.TERMINATED}
# An alarm is dropped if there is a more specific one, whose key begins with one of these prefixes.
_MORE_SPECIFIC = {
    "layout": ("field/headline", "field/body", "layout/none"),
    "rejected": ("field/headline", "field/body", "layout", "crashed", "rejected/"),
    "failed": ("unreachable", "blocked", "robots", "deferred", "failed/"),
}


def evaluate(summary: Summary, expected: Expectations, drifts: Sequence[Alarm] = ()) -> Verdict:
    """Check the summary of a run against its requirements; return the exit code, problems and alarms.

    The alarms ``drifts`` from the comparison with earlier runs are included. No file is read or written.
    """
    severe, minor = (
        [
            Alarm(key=f"{summary['site']}/{about}", kind=about.partition("/")[0], code=code, sentence=sentence)
            for check in checks
            for code, about, sentence in check(summary, expected)
        ]
        for checks in (_SEVERE, _MINOR)
    )
    by_key: dict[str, Alarm] = {}
    for alarm in (*severe, *drifts, *minor):
        known = by_key.get(alarm.key)
        by_key[alarm.key] = replace(alarm, code=known.code) if known in severe and alarm in drifts else known or alarm
    drifted = {drift.key for drift in drifts}
    specific = [alarm.key.partition("/")[2] for alarm in (*severe, *drifts) if alarm.code]
    alarms = [
        alarm
        for alarm in by_key.values()
        if alarm.key in drifted or not any(about.startswith(_prefixes(alarm)) for about in specific)
    ]
    problems = [alarm for alarm in alarms if alarm.code]
    return Verdict(
        int(problems[0].code) if problems else 0,
        tuple(alarm.sentence for alarm in problems),
        # An operator who interrupts a run needs no alarm.
        tuple(alarm for alarm in alarms if alarm.kind != "interrupted"),
    )


def _prefixes(alarm: Alarm) -> tuple[str, ...]:
    return _MORE_SPECIFIC.get(alarm.key.partition("/")[2], ())


def _ended(summary: Summary, _: Expectations) -> Iterator[Problem]:
    if found := _ENDED.get(summary["reason"]):
        code, about, default = found
        sentence = (summary.get("stats") or {}).get("khobor/fatal_error") or default
        yield code, about, sentence if sentence.endswith("is kept") else f"{sentence}; all that was stored is kept"


def _unbalanced(summary: Summary, _: Expectations) -> Iterator[Problem]:
    urls = summary["urls"]
    if not urls["complete"]:
        ended = sum(urls["outcomes"].values())
        yield ExitCode.INTERNAL, "urls", f"{urls['discovered']} URLs discovered, but {ended} outcomes recorded"


def _interrupted(summary: Summary, _: Expectations) -> Iterator[Problem]:
    if code := _INTERRUPTED.get(summary["reason"]):
        stored = sum(summary["stories"].get(name, 0) for name in ("new", "revised"))
        rest = summary["urls"]["outcomes"].get("pending", 0)
        yield (
            code,
            "interrupted",
            f"the run was interrupted; stories saved: {stored}, URLs left for the next run: {rest}",
        )


def _unreachable(summary: Summary, _: Expectations) -> Iterator[Problem]:
    outcomes = summary["urls"]["outcomes"]
    missing = {each: outcomes[each] for each in Outcome if each.is_without_page and outcomes.get(each)}
    if missing and not any(outcomes.get(each) for each in Outcome if each.is_read or each is Outcome.REJECTED):
        if Outcome.ROBOTS in missing:
            yield ExitCode.UNREACHABLE, "robots", "robots.txt forbids the crawl or could not be read"
            return
        about = "blocked" if missing.get(Outcome.BLOCKED, 0) * 2 >= sum(missing.values()) else "unreachable"
        yield ExitCode.UNREACHABLE, about, f"no page of the site could be read ({listed(missing, '{} {}')})"


def _given_up(summary: Summary, _: Expectations) -> Iterator[Problem]:
    if sentence := _GIVEN_UP.get(summary["reason"]):
        yield ExitCode.UNREACHABLE, summary["reason"], sentence


def _crashed(summary: Summary, expected: Expectations) -> Iterator[Problem]:
    raised = sum(summary["rejects"].get(name, 0) for name in _CRASHES)
    # A page that makes the worker process crash is not in `rejects`.
    unreadable = summary["urls"]["outcomes"].get("unreadable", 0) - summary["retry_failed"].get("unreadable", 0)
    crashed = max(raised, unreadable)
    pages = _story_pages(summary) + crashed - raised
    if crashed and crashed > expected.max_rejected * pages:
        yield ExitCode.INTERNAL, "crashed", f"internal error on {crashed} of {pages} pages; the log has the tracebacks"


def _layout_changed(summary: Summary, expected: Expectations) -> Iterator[Problem]:
    rejects = {name: n for name in LAYOUT_REJECTS if (n := summary["rejects"].get(name))}
    measures = summary.get("measures") or {}
    if unfit := measures.get("pages", 0) - sum((measures.get("layouts") or {}).values()):
        rejects["UnknownLayout"] = max(unfit, rejects.get("UnknownLayout", 0))  # some were stored by generic reading
    pages = _story_pages(summary)
    if pages >= expected.min_pages and sum(rejects.values()) >= LAYOUT_CHANGED_SHARE * pages:
        reasons = listed(rejects, "{} × {}")
        yield ExitCode.LAYOUT_CHANGED, "layout", f"layout changed: {reasons} on {pages} story pages"


def _rejected(summary: Summary, expected: Expectations) -> Iterator[Problem]:
    rejected, pages = sum(summary["rejects"].values()), _story_pages(summary)
    if pages >= expected.min_pages and rejected >= MIN_REJECTED and rejected > expected.max_rejected * pages:
        reasons = dict(sorted(summary["rejects"].items(), key=lambda item: -item[1]))
        sentence = f"{rejected} of {pages} story pages were rejected: {listed(reasons, '{} × {}')}"
        yield ExitCode.BELOW_EXPECTATION, "rejected", sentence


def _failed(summary: Summary, expected: Expectations) -> Iterator[Problem]:
    # Requests that already failed in an earlier run do not count again.
    counts = {name: n - summary["retry_failed"].get(name, 0) for name, n in summary["urls"]["outcomes"].items()}
    failures = {each: counts[each] for each in Outcome if each.is_failed and counts.get(each)}
    failed = sum(failures.values())
    answered = [each for each in Outcome if each.is_read or each in (Outcome.REJECTED, Outcome.GONE)]
    requests = failed + sum(counts.get(each, 0) for each in answered)
    if requests >= expected.min_pages and failed >= MIN_FAILURES and failed > expected.max_failed * requests:
        sentence = f"{failed} of {requests} requests failed: {listed(failures, '{} {}')}"
        yield ExitCode.BELOW_EXPECTATION, "failed", sentence


def _stories_failed(summary: Summary, expected: Expectations) -> Iterator[Problem]:
    """Yield a problem if too many requests for stories failed.

    They are not counted together with requests for lists, because successful ones would hide that no story can be read.
    """
    stories, retried = (story_urls(summary)[name] for name in ("outcomes", "retry_failed"))
    without_page = {each: stories[each] for each in Outcome if each.is_without_page and stories.get(each)}
    requests, lost, again = sum(stories.values()), sum(without_page.values()), sum(retried.values())
    # Requests that already failed in an earlier run count only if no story could be read at all.
    failed, of = sum(n for each, n in without_page.items() if each.is_failed) - again, requests - again
    share = expected.max_failed if of >= MANY_STORIES else max(expected.max_failed, 0.5)
    if requests >= expected.min_pages and (lost == requests or (of >= expected.min_pages and failed > share * of)):
        sentence = f"{lost} of {requests} story pages could not be read: {listed(without_page, '{} {}')}"
        yield ExitCode.BELOW_EXPECTATION, "failed/story", sentence


def _clock(summary: Summary, _: Expectations) -> Iterator[Problem]:
    if corrected := summary.get("corrected_times"):
        sentence = f"the clock was wrong: {corrected} stored times lay in the future, and count as now"
        yield ExitCode.BELOW_EXPECTATION, "clock", sentence


def _lost_files(summary: Summary, _: Expectations) -> Iterator[Problem]:
    if lost := (summary.get("stats") or {}).get("khobor/lost_files"):
        sentence = f"published data is lost or damaged, in {len(lost)} files: {lost[0]}; `khobor check` says what to do"
        yield ExitCode.DAMAGED, "damaged/files", sentence


def _failed_in_a_row(summary: Summary, _: Expectations) -> Iterator[Problem]:
    stats = summary.get("stats") or {}
    for name, n in stats.items():
        if name.startswith(_IN_A_ROW):
            kind = name.removeprefix(_IN_A_ROW)
            left = stats.get(f"khobor/left/{kind}", 0)
            sentence = f"{n} pages of the kind `{kind}` failed in a row, and {left} others were left for the next run"
            yield ExitCode.BELOW_EXPECTATION, f"failed/{kind}", sentence


def _removed(summary: Summary, _: Expectations) -> Iterator[Problem]:
    removed = dict(summary.get("removed") or {})
    if pages := removed.pop("pages", 0):
        sentence = f"limits on markup removed parts of {pages} pages: {listed(removed, '{} {}')}"
        yield ExitCode.BELOW_EXPECTATION, "removed", sentence


_Check = Callable[[Summary, Expectations], Iterator[Problem]]
_SEVERE: Sequence[_Check] = (
    *(_ended, _unbalanced, _interrupted, _lost_files, _unreachable, _given_up, _crashed, _layout_changed),
    lambda summary, _: without_story(summary),
    lambda summary, expected: lists_empty(summary, expected.lists),
)
_MINOR: Sequence[_Check] = (
    lambda summary, _: lists_replaced(summary),
    lambda summary, _: entry_points_empty(summary),
    lambda summary, expected: lists_failed(summary, expected.lists),
    *(_rejected, _stories_failed, _failed, _failed_in_a_row, _removed, _clock),
    lambda summary, _: stale(summary),
)


def _story_pages(summary: Summary) -> int:
    outcomes, rejects = summary["urls"]["outcomes"], summary["rejects"]
    return int(sum(outcomes.get(each, 0) for each in (Outcome.STORY, Outcome.EXACT_DUPLICATE)) + sum(rejects.values()))
