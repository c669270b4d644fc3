"""Text output of the list of past runs with the active alarms.

Crawls in progress and alarms are printed first, then the table of runs, then the problems of failed runs. An
operator can therefore see within ten seconds if last night's runs succeeded.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from rich.console import Console
from rich.table import Table

from schedules.alerting.deliveries import ActiveAlarms
from schedules.alerting.messages import alarm_line
from schedules.cli.render.terminal import console, plain, table
from schedules.dashboard.formatting import clock, counted, distance, duration
from schedules.reports.progress import Progress
from schedules.reports.report import InvalidReport, RunReport, parse_report

MAX_PROBLEMS = 5


def show_runs(
    reports: Sequence[Mapping[str, Any]], active: ActiveAlarms, running: Sequence[Progress], moment: datetime
) -> None:
    """Print the latest run of each schedule, the running crawls, the active alarms, and a table of all runs.

    The table has one line per run, in the order of ``reports``. Problems of failed runs are printed below it.
    """
    out, runs = console(), [run for report in reports if (run := try_parse(report)) is not None]
    _show_latest(out, runs, running, moment)
    show_active_alarms(active, out)
    out.print()
    lines = table(*("run", "schedule", "started", ">duration", ">requests", ">new", ">revised", ">rejected", "verdict"))
    for run in runs:
        lines.add_row(
            plain(run.run_id),
            plain(run.schedule or run.mode or ""),
            clock(run.started),
            duration(run.seconds),
            *(f"{number:,}" for number in (run.requests, run.new, run.revised, run.rejected)),
            "[green]good[/green]" if run.good else f"[red]{run.exit_code}: {plain(run.word)}[/red]",
        )
    out.print(lines)
    if problems := [f"{run.run_id}: {run.problems[0]}" for run in runs if run.problems][-MAX_PROBLEMS:]:
        out.print()
        show_points(out, map(plain, problems))


def _show_latest(out: Console, runs: Sequence[RunReport], running: Sequence[Progress], moment: datetime) -> None:
    lines = Table.grid(padding=(0, 2))
    lines.add_column(no_wrap=True, style="bold")
    lines.add_column()
    for name, run in {run.schedule or f"{run.site}, manual": run for run in runs}.items():
        counts = f"{run.new:,} new stories, {run.revised:,} revised, {run.requests:,} requests"
        lines.add_row(plain(name), f"{verdict(run.exit_code, run.word)}: {counts}, {distance(run.ended, moment)}")
    for progress in running:
        counts = f"{progress.requests:,} requests, {progress.stories:,} stories, {progress.queued:,} queued"
        lines.add_row(plain(progress.site), f"[bold]{plain(progress.state)} now[/bold]: {counts}")
    out.print(lines)


def show_active_alarms(active: ActiveAlarms, out: Console | None = None, *, show_all: bool = False) -> None:
    """Print the active alarms, and the alert targets to which alerts cannot be sent.

    With ``show_all``, all alert targets are printed, and also a line if there is no active alarm.
    """
    out = out or console()
    if active.error:
        out.print(f"[red]{plain(active.error)}[/red]")
    if active.alarms:
        out.print(f"[bold red]{counted(len(active.alarms), 'active alarm')}[/bold red]")
        lines = (f"{plain(alarm_line(a))} [dim](since {clock(a['active_since'])})[/dim]" for a in active.alarms)
        show_points(out, lines, "[bold red]![/bold red]")
    elif show_all:
        out.print("No active alarms." if active.targets else "No active alarms. The timetable has no alert target.")
    for target in active.targets:
        if target.failures or show_all:
            style = "red" if target.failures else "green"
            out.print(f"[{style}]{plain(str(target))}[/{style}]")


def show_points(out: Console, lines: Iterable[str], mark: str = "•") -> None:
    """Print lines of text with rich markup as a bulleted list; ``mark`` is the bullet."""
    points = Table.grid(padding=(0, 1))
    for line in lines:
        points.add_row(f"  {mark}", line)
    out.print(points)


def try_parse(report: Mapping[str, Any]) -> RunReport | None:
    """Parse the report of a run; return None if its run id or start time is missing or invalid."""
    try:
        return parse_report({"site": "", **report}, {})
    except InvalidReport:
        return None


def verdict(code: int, word: str = "") -> str:
    """Format the exit code of a run as rich markup.

    The text is `good` for 0, else `not good` with the code and its meaning ``word``.
    """
    meaning = f": {plain(word)}" if word else ""
    return "[green]good[/green]" if code == 0 else f"[red]not good (exit code {code}{meaning})[/red]"


def show_test_results(results: Sequence[Mapping[str, Any]]) -> None:
    """Print for each alert target if a test alert reached it."""
    for result in results:
        detail = f": {plain(result['detail'])}" if result["detail"] else ""
        reached = "[green]reached[/green]" if result["reached"] else "[red]not reached[/red]"
        console().print(f"[bold]{plain(result['target'])}[/bold] ({plain(result['kind'])}) {reached}{detail}")
