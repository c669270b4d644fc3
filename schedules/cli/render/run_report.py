"""Text output of one run in detail: problems first, then counts."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from zoneinfo import ZoneInfo

from rich.console import Console

from crawler.outcomes import Outcome
from pipelines.storage.data_folder import DataFolder
from schedules.cli.render.coverage_text import coverage_lines
from schedules.cli.render.run_list import show_points, try_parse, verdict
from schedules.cli.render.terminal import console, plain, table
from schedules.dashboard.formatting import clock, duration, percent
from schedules.exit_codes import ExitCode
from schedules.reports.report import COLUMNS, RunReport, describe_page

MAX_PAGES, MAX_STORIES, MAX_SAMPLES, MAX_EXTRACTORS = 5, 12, 3, 2
BAR_LENGTH = 10


@dataclass(frozen=True)
class RunDetails:
    """Details of a run that are not in its report: path of its log, slowest pages and newest stories.

    If the tables with the pages and stories cannot be read, ``error`` is the error message.
    """

    zone: ZoneInfo
    log: str | None = None
    slowest: Sequence[Mapping[str, Any]] = ()
    stories: Sequence[Mapping[str, Any]] = ()
    error: str | None = None


def read_details(dataset: DataFolder, report: Mapping[str, Any]) -> RunDetails | None:
    """Read the details of a run that its report does not have: path of its log, slowest pages and newest stories.

    Returns None if the report is incomplete.
    """
    from crawler.registry import zones
    from pipelines.analysis.run_details import new_stories, slowest_pages
    from pipelines.storage.errors import DataDamaged
    from pipelines.storage.tables import is_site

    run = try_parse(report)
    if run is None:
        return None
    log, zone = dataset.log(run.run_id), ZoneInfo(zones().get(run.site, "UTC"))
    details = RunDetails(zone, str(log) if log.is_file() else None)
    if not is_site(run.site):
        return details
    try:
        slowest = slowest_pages(dataset, run.site, run.run_id, run.started, run.ended, MAX_PAGES)
        stories = new_stories(dataset, run.site, run.started, run.ended, MAX_STORIES)
    except DataDamaged as error:
        return replace(details, error=str(error))
    return replace(details, slowest=slowest, stories=stories)


def show_report(report: Mapping[str, Any], details: RunDetails | None = None) -> None:
    """Print the result, alarms and counts of a run.

    With ``details``, the share of stories that have each field, the slowest pages and the new stories are printed too.
    """
    out, run = console(), try_parse(report)
    if run is None or not report.get("urls"):
        result = {"exit_code": ExitCode.INTERNAL, "problems": (), **(report.get("verdict") or {})}
        name = " ".join(filter(None, (report.get("site") if run is None else None, report["run_id"])))
        out.print(f"[bold]{plain(name)}[/bold]: {verdict(result['exit_code'])}")
        show_points(out, map(plain, result["problems"]))
        return
    out.print(f"[bold]{plain(run.run_id)}[/bold]: {verdict(run.exit_code, run.word)}")
    if details is not None:
        out.print(f"[dim]{plain(_circumstances(run, report))}[/dim]", soft_wrap=True)
    _show_problems(out, run)
    _show_counts(out, run)
    for line in coverage_lines(report):
        out.print(f"  {plain(line)}")
    if details is not None:
        _show_fields(out, run)
    _show_outcomes(out, run)
    if details is not None:
        _show_details(out, details)


def _circumstances(run: RunReport, report: Mapping[str, Any]) -> str:
    due = (report.get("schedule") or {}).get("due")
    started, ended = run.started.astimezone(), run.ended.astimezone()
    return "; ".join(
        (
            f"{run.mode} run of {run.site}" if run.mode else run.site,
            f"{run.schedule}, due {due}" if run.schedule and due else run.schedule or "manual",
            f"{started:%a %d %b %Y %H:%M} to {ended:%H:%M}, {duration(run.seconds)}",
            f"ended because: {run.reason}",
        )
    )


def _show_problems(out: Console, run: RunReport) -> None:
    for alarm in run.alarms:
        samples = "".join(f"\n[dim]{plain(describe_page(sample))}[/dim]" for sample in alarm["samples"][:MAX_SAMPLES])
        show_points(out, [plain(alarm["sentence"]) + samples], "[bold red]![/bold red]")
    shown = [alarm["sentence"] for alarm in run.alarms]
    show_points(out, [plain(problem) for problem in run.problems if problem not in shown])


def _show_counts(out: Console, run: RunReport) -> None:
    rejects = ", ".join(f"{n} {name}" for name, n in _by_count(run.rejects))
    lines = table(">", "")
    for count, label in (
        (run.new, "new stories"),
        (run.revised, "revised stories"),
        (run.unchanged, "unchanged stories"),
        (run.exact_duplicates, "exact duplicates of stored stories"),
        (run.gone, "stored stories taken down"),
        (run.rejected, "rejected" + (f" ({plain(rejects)})" if rejects else "")),
        (run.requests, f"requests in {duration(run.seconds)}"),
    ):
        if count or label == "new stories":
            lines.add_row(f"[bold]{count:,}[/bold]", label)
    for name in sorted({key.partition("/")[0] for key in run.lists}):
        kept, seen = run.lists.get(f"{name}/kept", 0), run.lists.get(f"{name}/seen", 0)
        label = f"{'snapshot' if kept == 1 else 'snapshots'} of the {plain(name)} list, seen {seen:,} times"
        lines.add_row(f"[bold]{kept:,}[/bold]", label)
    out.print(lines)


def _show_fields(out: Console, run: RunReport) -> None:
    lines = table("column", ">filled", "", ">", "extractors", title="fields of the parsed stories")
    for name in (name for name in COLUMNS if name in run.fields):
        filled, of, by = (run.fields[name][key] for key in ("filled", "of", "by"))
        share = filled / of if of else 0.0
        bar = ("█" * round(share * BAR_LENGTH)).ljust(BAR_LENGTH, "·")
        extractors = ", ".join(f"{extractor} {count:,}" for extractor, count in _by_count(by)[:MAX_EXTRACTORS] if count)
        lines.add_row(name, f"{filled:,} of {of:,}", bar, percent(share), f"[dim]{plain(extractors)}[/dim]")
    if run.fields:
        out.print(lines)


def _show_outcomes(out: Console, run: RunReport) -> None:
    complete = "each has one outcome" if run.complete else "NOT EACH HAS ONE OUTCOME"
    lines = table("outcome", ">URLs", "meaning", title=f"{run.discovered:,} URLs discovered; {complete}")
    for name, count in _by_count(run.outcomes):
        meaning = Outcome(name).meaning if name in set(Outcome) else "outcome of another version"
        lines.add_row(plain(name), f"{count:,}", f"[dim]{plain(meaning)}[/dim]")
    out.print(lines)


def _show_details(out: Console, details: RunDetails) -> None:
    if details.slowest:
        lines = table(">", ">", "", "", title="slowest pages")
        for page in details.slowest:
            size = f"{page['bytes'] / 1024:,.0f} KiB" if page["bytes"] is not None else ""
            lines.add_row(f"{page['milliseconds'] / 1000:,.1f} s", size, plain(page["outcome"]), plain(page["url"]))
        out.print(lines)
    if details.stories:
        lines = table("", "", "", title="newest stories")
        for story in details.stories:
            at = story["published_at"]
            published = clock(at, details.zone) if at else "no date"
            lines.add_row(published, plain(story["section"] or ""), plain(story["headline"]))
        out.print(lines)
    if details.error:
        out.print(f"[red]{plain(details.error)}[/red]")
    if details.log:
        out.print(f"[dim]log: {plain(details.log)}[/dim]", soft_wrap=True)


def _by_count(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    items: Iterable[tuple[str, int]] = counts.items()
    return sorted(items, key=lambda item: (-item[1], item[0]))
