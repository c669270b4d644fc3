"""List of runs with the active alarms, to show within ten seconds if last night was good.

Alarms and what goes on stand above the table, and below it why those runs that were not good were not.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from rich.console import Console
from rich.table import Table

from schedules.alerting.deliveries import ActiveAlarms
from schedules.alerting.messages import alarm_line
from schedules.cli.render.terminal import console, plain
from schedules.reports.progress import Progress
from schedules.reports.report import InvalidReport, RunReport, parse_report

MOST_REASONS = 5


def show_runs(
    reports: Sequence[Mapping[str, Any]],
    active: ActiveAlarms | None = None,
    going: Sequence[Progress] = (),
    moment: datetime | None = None,
) -> None:
    """What stands, what goes on and how each schedule fared last, then many runs, one line each, newest last."""
    out, runs = console(), [run for report in reports if (run := run_of(report)) is not None]
    _show_now(out, runs, going, moment)
    show_active_alarms(active or ActiveAlarms(), out)
    out.print()
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in ("run", "schedule", "began"):
        table.add_column(name, no_wrap=True)
    for name in ("took", "requests", "new", "revised", "rejected"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("verdict")  # the one that gives way where there is little room
    for run in runs:
        table.add_row(
            plain(run.run_id),
            plain(run.schedule or run.mode or ""),
            f"{run.started.astimezone():%d %b %H:%M}",
            duration(run.seconds),
            *(f"{number:,}" for number in (run.requests, run.new, run.revised, run.rejected)),
            _short(run),
        )
    out.print(table)
    if reasons := [f"{run.run_id}: {run.problems[0]}" for run in runs if run.problems][-MOST_REASONS:]:
        out.print()
        show_points(out, map(plain, reasons))


def _show_now(out: Console, runs: Sequence[RunReport], going: Sequence[Progress], moment: datetime | None) -> None:
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True, style="bold")
    table.add_column()
    for name, run in {run.schedule or f"{run.site}, by hand": run for run in runs}.items():
        ago = f", {_ago(moment - run.ended)}" if moment is not None else ""
        counts = f"{run.new:,} new stories, {run.revised:,} revised, {run.requests:,} requests{ago}"
        table.add_row(plain(name), f"{verdict_of(run)}: {counts}")
    for each in going:
        counts = f"{each.requests:,} pages, {each.stories:,} stories, {each.queued:,} queued"
        table.add_row(plain(each.site), f"[bold]{plain(each.state)} now[/bold]: {counts}")
    out.print(table)


def show_active_alarms(active: ActiveAlarms, out: Console | None = None, *, all_targets: bool = False) -> None:
    """The alarms that stand, and who cannot be told of them, or all that are told."""
    out = out or console()
    if active.error:
        out.print(f"[red]{plain(active.error)}[/red]")
    if active.alarms:
        count = len(active.alarms)
        out.print(f"[bold red]{count} {'alarms stand' if count > 1 else 'alarm stands'}[/bold red]")
        show_points(out, map(_alarm, active.alarms), "[bold red]![/bold red]")
    for state in active.targets:
        if state.failures or all_targets:
            style = "red" if state.failures else "green"
            out.print(f"[{style}]{plain(str(state))}[/{style}]")


def _alarm(alarm: Mapping[str, Any]) -> str:
    since = datetime.fromisoformat(alarm["active_since"]).astimezone()
    return f"{plain(alarm_line(alarm))} [dim](since {since:%d %b %H:%M})[/dim]"


# Shared with the account of one run ---------------------------------------------------------------------------------


def show_points(out: Console, sentences: Iterable[str], mark: str = "•") -> None:
    """Sentences, which are plain already, each with a mark before it."""
    table = Table.grid(padding=(0, 1))
    for sentence in sentences:
        table.add_row(f"  {mark}", sentence)
    out.print(table)


def run_of(report: Mapping[str, Any]) -> RunReport | None:
    """The run of a report; None where it says not even when that was."""
    try:
        return parse_report({"site": "", **report}, {})
    except InvalidReport:
        return None


def verdict_of(run: RunReport) -> str:
    """`good`, or not, and what that means."""
    return verdict_word(run.exit_code, run.word)


def verdict_word(code: int, word: str = "") -> str:
    """The same for an exit code."""
    said = f": {word}" if word else ""
    return "[green]good[/green]" if code == 0 else f"[red]not good (exit code {code}{said})[/red]"


def _short(run: RunReport) -> str:
    return "[green]good[/green]" if run.good else f"[red]{run.exit_code}: {plain(run.word)}[/red]"


def duration(seconds: float) -> str:
    """A time as a person says it."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s" if minutes else f"{rest} s"


def _ago(time: timedelta) -> str:
    minutes = max(0, round(time.total_seconds() / 60))
    if minutes < 60:
        return f"{minutes} min ago"
    return f"{minutes // 60} h ago" if minutes < 48 * 60 else f"{minutes // (24 * 60)} days ago"


def show_tried(came: Sequence[Mapping[str, Any]]) -> None:
    """What came of a test of each target."""
    out = console()
    for each in came:
        said = f": {plain(each['detail'])}" if each["detail"] else ""
        reached = "[green]reached[/green]" if each["reached"] else "[red]not reached[/red]"
        out.print(f"[bold]{plain(each['target'])}[/bold] ({plain(each['kind'])}) {reached}{said}")
