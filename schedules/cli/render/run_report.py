"""Accounts: one run in full for a person at a terminal, what is wrong above everything else."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from zoneinfo import ZoneInfo

from rich.console import Console
from rich.table import Table

from crawler.outcomes import Outcome
from pipelines.storage.data_folder import DataFolder
from schedules.cli.render.coverage_text import coverage_lines
from schedules.cli.render.run_list import duration, run_of, show_points, verdict_of, verdict_word
from schedules.cli.render.terminal import console, plain
from schedules.exit_codes import ExitCode
from schedules.reports.report import COLUMNS, InvalidReport, RunReport, parse_report

MOST_PAGES, MOST_STORIES, MOST_SAMPLES = 5, 12, 3
_CELLS = 10


@dataclass(frozen=True)
class Traces:
    """What a run left beside its report: its slowest pages, the newest of its new stories, and its log, if kept.

    ``trouble`` says why the first two cannot be told.
    """

    zone: ZoneInfo
    log: str | None = None
    slowest: Sequence[Mapping[str, Any]] = ()
    stories: Sequence[Mapping[str, Any]] = ()
    trouble: str | None = None


def traces_of(dataset: DataFolder, report: Mapping[str, Any]) -> Traces | None:
    """The traces of a run; None where its report says too little to look for them."""
    from crawler.registry import zones
    from pipelines.analysis.run_details import new_stories, slowest_pages
    from pipelines.storage.errors import DataDamaged
    from pipelines.storage.tables import is_site

    try:
        run = parse_report(report, {})
    except InvalidReport:
        return None
    log, zone = dataset.log(run.run_id), ZoneInfo(zones().get(run.site, "UTC"))
    kept = Traces(zone, str(log) if log.is_file() else None)
    if not is_site(run.site):
        return kept
    try:
        slowest = slowest_pages(dataset, run.site, run.run_id, run.started, run.ended, MOST_PAGES)
        stories = new_stories(dataset, run.site, run.started, run.ended, MOST_STORIES)
    except DataDamaged as error:
        return replace(kept, trouble=str(error))
    return replace(kept, slowest=slowest, stories=stories)


def show_report(report: Mapping[str, Any], traces: Traces | None = None) -> None:
    """What came of one run: alarms, verdict, then the numbers behind it; with its traces, the full account."""
    out, run = console(), run_of(report)
    if run is None or not report.get("urls"):
        verdict = {"exit_code": ExitCode.INTERNAL, "problems": (), **(report.get("verdict") or {})}
        out.print(f"[bold]{plain(report['run_id'])}[/bold]: {verdict_word(verdict['exit_code'])}")
        show_points(out, map(plain, verdict["problems"]))
        return
    out.print(f"[bold]{plain(run.run_id)}[/bold]: {verdict_of(run)}")
    if traces is not None:
        out.print(f"[dim]{plain(_circumstances(run, report))}[/dim]")
    _show_problems(out, run)
    _show_counts(out, run)
    for line in coverage_lines(report):
        out.print(f"  {plain(line)}")
    if traces is not None:
        _show_fields(out, run)
    _show_outcomes(out, run)
    if traces is not None:
        _show_traces(out, traces)


def _circumstances(run: RunReport, report: Mapping[str, Any]) -> str:
    due = (report.get("schedule") or {}).get("due")
    parts = [f"{run.mode} run of {run.site}" if run.mode else run.site]
    parts.append(f"{run.schedule}" + (f" of {due}" if due else "") if run.schedule else "by hand")
    began, ended = run.started.astimezone(), run.ended.astimezone()
    parts.append(f"{began:%a %d %b %Y %H:%M} to {ended:%H:%M}, {duration(run.seconds)}")
    return "; ".join([*parts, f"ended because: {run.reason}"])


def _show_problems(out: Console, run: RunReport) -> None:
    told = [alarm["sentence"] for alarm in run.alarms]
    for alarm in run.alarms:
        samples = "".join(f"\n[dim]data/{plain(sample)}[/dim]" for sample in alarm["samples"][:MOST_SAMPLES])
        show_points(out, [plain(alarm["sentence"]) + samples], "[bold red]![/bold red]")
    show_points(out, [plain(problem) for problem in run.problems if problem not in told])


def _show_counts(out: Console, run: RunReport) -> None:
    rejects = ", ".join(f"{n} {name}" for name, n in _greatest_first(run.rejects))
    table = Table(show_header=False, box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(justify="right")
    table.add_column()
    for number, what in (
        (run.new, "new stories"),
        (run.revised, "new revisions of known stories"),
        (run.unchanged, "stories seen again, unchanged"),
        (run.exact_duplicates, "exact duplicates of stored stories"),
        (run.gone, "kept stories found taken down"),
        (run.rejected, "records rejected" + (f" ({plain(rejects)})" if rejects else "")),
        (run.requests, f"requests in {duration(run.seconds)}"),
    ):
        table.add_row(f"[bold]{number:,}[/bold]", what)
    for name in sorted({key.partition("/")[0] for key in run.lists}):
        kept, seen = run.lists.get(f"{name}/kept", 0), run.lists.get(f"{name}/seen", 0)
        table.add_row(f"[bold]{kept:,}[/bold]", f"snapshots of the list {plain(name)}, seen {seen:,} times")
    out.print(table)


def _show_fields(out: Console, run: RunReport) -> None:
    if not run.fields:
        return
    table = Table(title="what the pages of stories gave", title_justify="left", box=None, header_style="bold")
    table.add_column("column")
    table.add_column("filled", justify="right")
    table.add_column("")
    table.add_column("", justify="right")
    table.add_column("by", style="dim")
    for name in (name for name in COLUMNS if name in run.fields):
        filled, of, by = (run.fields[name][key] for key in ("filled", "of", "by"))
        share = filled / of if of else 0.0
        bar = "█" * round(share * _CELLS) + "·" * (_CELLS - round(share * _CELLS))
        selectors = ", ".join(f"{selector} {count:,}" for selector, count in _greatest_first(by)[:2])
        table.add_row(name, f"{filled:,} of {of:,}", bar, f"{share:.0%}", plain(selectors))
    out.print(table)


def _show_outcomes(out: Console, run: RunReport) -> None:
    balance = "every URL has one outcome" if run.complete else "NOT EVERY URL HAS ONE OUTCOME"
    table = Table(title=f"{run.discovered:,} addresses discovered; {balance}", title_justify="left", box=None)
    table.add_column("outcome")
    table.add_column("n", justify="right")
    table.add_column("meaning", style="dim")
    for name, number in _greatest_first(run.outcomes):
        meaning = Outcome(name).meaning if name in set(Outcome) else "an outcome of another version"
        table.add_row(plain(name), f"{number:,}", plain(meaning))
    out.print(table)


def _show_traces(out: Console, traces: Traces) -> None:
    if traces.slowest:
        table = Table(title="the slowest pages", title_justify="left", box=None, show_header=False)
        for _ in range(2):
            table.add_column(justify="right", no_wrap=True)
        for page in traces.slowest:
            size = f"{page['bytes'] / 1024:,.0f} KiB" if page["bytes"] is not None else ""
            table.add_row(f"{page['milliseconds'] / 1000:,.1f} s", size, plain(page["outcome"]), plain(page["url"]))
        out.print(table)
    if traces.stories:
        table = Table(title="the newest of the new stories", title_justify="left", box=None, show_header=False)
        for story in traces.stories:
            at = story["published_at"]
            shown = f"{at.astimezone(traces.zone):%d %b %H:%M}" if at else "no date"
            table.add_row(shown, plain(story["section"] or ""), plain(story["headline"]))
        out.print(table)
    if traces.trouble:
        out.print(f"[red]{plain(traces.trouble)}[/red]")
    if traces.log:
        out.print(f"[dim]the log: {plain(traces.log)}[/dim]", soft_wrap=True)


def _greatest_first(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    found: Iterable[tuple[str, int]] = counts.items()
    return sorted(found, key=lambda each: (-each[1], each[0]))
