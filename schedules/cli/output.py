"""Output of commands: results on stdout as text or JSON, errors on stderr as one line each."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from schedules.stdio import redirect_to_devnull


def print_error(message: str) -> None:
    from crawler.safe_text import one_line

    print(f"khobor: {one_line(message, 1000)}", file=sys.stderr)


def print_result(value: Any, as_json: bool, show: Callable[[], object]) -> None:
    """Print ``value`` as JSON, or call ``show`` to print it as text."""
    with ignore_closed_stdout():
        if as_json:
            print_json(value)
        else:
            show()
        sys.stdout.flush()


def print_json(value: Any) -> None:
    """Print a value as JSON, with control and bidirectional formatting characters escaped."""
    from crawler.safe_text import as_json

    print(as_json(value))


def print_lines(value: Any, as_json: bool, lines: Sequence[str]) -> None:
    """Print ``value`` as JSON, or ``lines`` as text."""
    print_result(value, as_json, lambda: print("\n".join(lines)))


def print_reports(reports: Sequence[dict[str, Any]], as_json: bool) -> None:
    """Print the reports of runs; in JSON, a single report is an object and several are a list."""
    from schedules.cli.render.run_report import show_report

    def show() -> None:
        for report in reports:
            show_report(report)

    print_result(reports if len(reports) > 1 else reports[0], as_json, show)


def short_path(path: Path) -> Path:
    """Return a path relative to the working directory if it is inside it, else the path unchanged."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


@contextmanager
def ignore_closed_stdout() -> Iterator[None]:
    """End the block and discard further output if the program that reads stdout has closed the pipe."""
    try:
        yield
    except BrokenPipeError:
        redirect_to_devnull(sys.stdout)
