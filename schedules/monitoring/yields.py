"""Checks that a run has found stories, lists that contain stories, entry points with links, and recent changes."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from crawler.outcomes import Outcome
from schedules.exit_codes import ExitCode
from schedules.monitoring.alarms import Alarm

Summary = Mapping[str, Any]
#: Exit code, alarm key without the site, and sentence.
Problem = tuple[ExitCode, str, str]
_NOT_CHECKED = "; not checked by this run"
#: A list or front page counts as stale after this many times the longest time without a change at the same hour, and
#: twice the longest at any hour since its last change, but not before a number of hours, or one of a young history.
STALE_FACTOR, STALE_FACTOR_THEN, STALE_HOURS, STALE_HOURS_YOUNG, YOUNG_HOURS = 3, 2, 6, 24, 7 * 24

#: A list whose stories all changed so many times in one run is not one list.
MIN_REPLACED = 3


def without_story(summary: Summary) -> Iterator[Problem]:
    outcomes, front = summary["urls"]["outcomes"], _entry_point(summary, "seed")
    read = sum(outcomes.get(each, 0) for each in (Outcome.LIST, Outcome.EMPTY, Outcome.REJECTED, Outcome.NOT_A_STORY))
    if summary.get("has_stories", True) or not read or outcomes.get(Outcome.PENDING):
        return
    stories = story_urls(summary)["outcomes"]
    found = f"of the story pages: {listed(stories, '{} {}')}" if stories else "no link to a story was found"
    if front.get("empty"):
        found = _no_story_link(front["links"])
    see = f"`khobor try {summary['site']}` shows what fits"
    yield ExitCode.LAYOUT_CHANGED, "empty/site", f"no story of the site has been stored yet: {found}; {see}"


def lists_empty(summary: Summary, names: Sequence[str]) -> Iterator[Problem]:
    pages, lists = summary.get("html_pages", 0), summary["lists"]
    for name in names:
        seen = lists.get(f"{name}/seen", 0)
        if pages and not seen and not lists.get(f"{name}/failed") and not lists.get(f"{name}/unchanged"):
            yield ExitCode.LAYOUT_CHANGED, f"list/{name}", f"no list {name} on any of {pages} pages"
        elif seen and lists.get(f"{name}/empty", 0) == seen:
            yield ExitCode.LAYOUT_CHANGED, f"list/{name}", f"list {name}: none of its rows is a story, on {seen} pages"


def lists_failed(summary: Summary, names: Sequence[str]) -> Iterator[Problem]:
    """Yield the lists whose only page or document could not be fetched; they may still be there."""
    for name in names:
        if (n := summary["lists"].get(f"{name}/failed", 0)) and not summary["lists"].get(f"{name}/seen"):
            sentence = f"list {name}: its page or document could not be fetched ({n} URLs); see `reason` in `fetches`"
            yield ExitCode.BELOW_EXPECTATION, f"failed/{name}", sentence


def lists_replaced(summary: Summary) -> Iterator[Problem]:
    """Yield the lists whose stories all changed several times in a run, because pages show different lists."""
    for count, n in summary["lists"].items():
        name, _, kind = count.rpartition("/")
        if kind == "replaced" and n >= MIN_REPLACED:
            seen = summary["lists"].get(f"{name}/seen", n)
            sentence = f"list {name}: {n} of {seen} times it had no story in common with the page before; pages that"
            sentence += " show other lists are read as this one: set `page` or `regions` of the list"
            yield ExitCode.BELOW_EXPECTATION, f"list/{name}/replaced", sentence


def entry_points_empty(summary: Summary) -> Iterator[Problem]:
    for via, counts in (summary.get("entry_points") or {}).items():
        if not (empty := counts.get("empty")):
            continue
        of, links = f"{empty} of {counts['read']}", counts.get("links", 0)
        if via == "seed":
            sentence = _no_story_link(links)
        elif links:
            sentence = f"{via}: {of} pages have links ({links}), but none to a story"
        else:
            sentence = f"{via}: no entry could be read in {of} documents"
        see = "see the URLs with outcome `empty` in `fetches`"
        yield ExitCode.BELOW_EXPECTATION, f"empty/{via}", f"{sentence}; {see}"


def _no_story_link(links: int) -> str:
    return f"{links} links on the front page, none matches story_path"


def stale(summary: Summary) -> Iterator[Problem]:
    for name, spell in _spells(summary).items():
        least = STALE_HOURS_YOUNG if spell["known"] < YOUNG_HOURS else STALE_HOURS
        # Once stale, it stays so until it changes, also at an hour at which it usually changes less often.
        limits = (
            (hours, longest)
            for hours, longest, longest_then in spell["usual"]
            if hours > max(least, STALE_FACTOR * longest, STALE_FACTOR_THEN * longest_then)
        )
        if exceeded := next(limits, None):
            longest = f"longest time without a change at that hour, in 28 days: {exceeded[1]:.1f} hours"
            sentence = f"{name.replace('_', ' ')}: unchanged for {spell['hours']:.1f} hours ({longest})"
            yield ExitCode.BELOW_EXPECTATION, f"stale/{name}", sentence


def unchecked_alarms(summary: Summary, last: Summary) -> Iterator[Alarm]:
    """Yield the alarms of the previous run that this one could not check again.

    An alarm about an entry point, a front page or a list cannot be checked if the run did not read that page.

    :param last: summary of the previous run in the same mode
    """
    for alarm in last.get("alarms") or ():
        kind, _, name = alarm["key"].partition("/")[2].partition("/")
        if kind == "empty":
            is_checked = name == "site" or _entry_point(summary, name).get("read")
        elif kind == "stale":
            is_checked = name in _spells(summary)
        else:
            continue
        if not is_checked:
            more = {"since_run": alarm.get("since_run") or last["run_id"], "carried": True}
            sentence = alarm["sentence"].removesuffix(_NOT_CHECKED) + _NOT_CHECKED
            yield Alarm(key=alarm["key"], kind=kind, code=ExitCode.DONE, sentence=sentence, more=more)


def listed(counts: Mapping[Any, int], form: str) -> str:
    return ", ".join(form.format(n, name) for name, n in counts.items())


def _spells(summary: Summary) -> Mapping[str, Mapping[str, Any]]:
    return summary.get("spells") or {}


def _entry_point(summary: Summary, via: str) -> Mapping[str, int]:
    return (summary.get("entry_points") or {}).get(via) or {}


def story_urls(summary: Summary) -> Mapping[str, Mapping[str, int]]:
    return summary.get("story_urls") or {"outcomes": {}, "retry_failed": {}}
