"""Watching: how far the runs are that somebody waits for, on stderr."""

import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING, Self

from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from schedules.cli.render.terminal import console, plain

if TYPE_CHECKING:
    from schedules.reports.progress import Progress as RunProgress
    from schedules.runner.run_process import RunProcess

SECONDS_BETWEEN_LINES = 5.0


class Watching:
    """The progress of runs on stderr: a live bar each on a terminal, now and then a line elsewhere."""

    def __init__(self) -> None:
        self._console = console(stderr=True)
        self._bars: Progress | None = None
        self._tasks: dict[str, TaskID] = {}
        self._told: dict[str, float] = {}
        self._began = time.monotonic()

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._bars = Progress(
                SpinnerColumn(),
                TextColumn("{task.description}"),
                BarColumn(bar_width=20),
                TextColumn("{task.fields[numbers]}"),
                TimeElapsedColumn(),
                TextColumn("{task.fields[reading]}", style="dim"),
                console=self._console,
                transient=True,
            )
            self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bars is not None:
            self._bars.stop()

    def say(self, sentence: str) -> None:
        """Say something in a line of its own."""
        self._console.print(f"khobor: {plain(sentence)}", soft_wrap=True)

    def look(self, run: "RunProcess") -> None:
        """Show how far a run is that was begun when this was."""
        if (progress := run.progress()) is not None:
            self._show(progress, time.monotonic() - self._began)

    def _show(self, run: "RunProgress", seconds: float) -> None:
        site, rate = run.site, run.requests / seconds if seconds > 0 else 0.0
        numbers = f"{run.requests} pages · {run.stories} stories · {run.queued} queued · {rate:.1f}/s"
        if self._bars is None:
            if seconds - self._told.get(site, 0.0) >= SECONDS_BETWEEN_LINES:
                self._told[site] = seconds
                print(f"{site}: {numbers}", file=sys.stderr, flush=True)
            return
        reading = plain(run.reading or "")
        if site not in self._tasks:
            self._tasks[site] = self._bars.add_task(site, numbers="", reading="")
        total = run.requests + run.queued or 1
        done = run.requests
        self._bars.update(self._tasks[site], completed=done, total=total, numbers=numbers, reading=reading[:60])
