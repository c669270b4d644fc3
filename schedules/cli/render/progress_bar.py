"""Progress of runs and of reading on stderr: bars on a terminal, else one line of text every few seconds."""

import sys
import time
from typing import TYPE_CHECKING, Self

from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from schedules.cli.render.terminal import console, plain

if TYPE_CHECKING:
    from schedules.runner.run_process import RunProcess

SECONDS_BETWEEN_LINES = 5.0
MAX_URL_LENGTH = 60


class ProgressBars:
    """Context manager that shows on stderr the progress of the runs passed to :meth:`update`."""

    def __init__(self) -> None:
        self._console = console(stderr=True)
        self._bars: Progress | None = None
        self._tasks: dict[str, TaskID] = {}
        self._printed: dict[str, float] = {}
        self._started = time.monotonic()

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

    def __exit__(self, *_: object) -> None:
        if self._bars is not None:
            self._bars.stop()

    def print(self, message: str) -> None:
        self._console.print(f"khobor: {plain(message)}", soft_wrap=True)

    def update(self, process: "RunProcess") -> None:
        if (run := process.progress()) is None:
            return
        seconds = max(time.monotonic() - self._started, 0.001)
        numbers = f"{run.requests} requests · {run.stories} stories · {run.queued} queued"
        numbers += f" · {run.requests / seconds:.1f}/s"
        if self._bars is None:
            if seconds - self._printed.get(run.site, 0.0) >= SECONDS_BETWEEN_LINES:
                self._printed[run.site] = seconds
                print(f"{run.site}: {numbers}", file=sys.stderr, flush=True)
            return
        if run.site not in self._tasks:
            self._tasks[run.site] = self._bars.add_task(run.site, numbers="", reading="")
        total, reading = run.requests + run.queued or 1, plain(run.reading or "")[:MAX_URL_LENGTH]
        self._bars.update(self._tasks[run.site], completed=run.requests, total=total, numbers=numbers, reading=reading)


class PageProgress:
    """Context manager that shows how many of a number of pages (or bytes) are done.

    :param total: the number, or None if it is not known
    """

    def __init__(self, title: str, total: int | None, unit: str = "pages") -> None:
        self._title, self._total, self._unit = title, total, unit
        self._console = console(stderr=True)
        self._bar: Progress | None = None
        self._printed = time.monotonic()

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            numbers = MofNCompleteColumn() if self._unit == "pages" else DownloadColumn()
            columns = (TextColumn("{task.description}"), BarColumn(), numbers)
            times = (TimeElapsedColumn(), TimeRemainingColumn())
            self._bar = Progress(*columns, *times, console=self._console, transient=True)
            self._task = self._bar.add_task(self._title, total=self._total)
            self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def update(self, done: int) -> None:
        if self._bar is not None:
            self._bar.update(self._task, completed=done)
        elif time.monotonic() - self._printed >= SECONDS_BETWEEN_LINES:
            self._printed = time.monotonic()
            total = "" if self._total is None else f" of {self._total:,}"
            print(f"{self._title}: {done:,}{total} {self._unit}", file=sys.stderr, flush=True)
