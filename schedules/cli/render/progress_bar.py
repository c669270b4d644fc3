"""Progress of runs on stderr: live bars on a terminal, else one line of text every few seconds."""

import sys
import time
from typing import TYPE_CHECKING, Self

from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

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
