"""Output of commands: results as text or JSON on stdout, and errors as one line each on stderr."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

from schedules.exit_codes import Interrupted
from schedules.signals import handle_signals
from schedules.stdio import redirect_to_devnull


def print_error(message: str) -> None:
    from crawler.safe_text import one_line

    print(f"khobor: {one_line(message, 1000)}", file=sys.stderr)


def print_result(value: Any, as_json: bool, show: Callable[[], object]) -> None:
    """Print ``value`` as JSON if ``as_json`` is true, else call ``show``, which prints it as text."""
    with ignore_closed_stdout():
        if as_json:
            print_json(value)
        else:
            show()
        sys.stdout.flush()


def print_json(value: Any) -> None:
    """Print a value as JSON, in which control characters and bidirectional formatting characters are escaped."""
    from crawler.safe_text import as_json

    print(as_json(value))


def print_lines(value: Any, as_json: bool, lines: Sequence[str]) -> None:
    """Print ``value`` as JSON if ``as_json`` is true, else print ``lines`` as text."""
    print_result(value, as_json, lambda: print("\n".join(lines)))


def print_reports(reports: Sequence[dict[str, Any]], as_json: bool) -> None:
    """Print the reports of runs as text or JSON.

    As JSON, one report is printed as an object, and several are printed as a list.
    """
    from schedules.cli.render.run_report import show_report

    def show() -> None:
        for report in reports:
            show_report(report)

    print_result(reports if len(reports) > 1 else reports[0], as_json, show)


def short_path(path: Path) -> Path:
    """Return the path relative to the working directory if it is inside that directory, else return it unchanged."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


@contextmanager
def ignore_closed_stdout() -> Iterator[None]:
    """Context manager that ends the block without error if the program reading stdout has closed the pipe.

    All further output to stdout is discarded.
    """
    try:
        yield
    except BrokenPipeError:
        redirect_to_devnull(sys.stdout)


@contextmanager
def interruptible() -> Iterator[None]:
    """Context manager that raises :class:`Interrupted` on SIGINT and SIGTERM, so that unfinished files are removed."""
    interrupted: list[Interrupted] = []

    def interrupt(number: int, _: object) -> NoReturn:
        interrupted.append(Interrupted(number, "interrupted; nothing was written"))
        raise interrupted[0]

    with handle_signals(interrupt):
        try:
            yield
        except BaseException as error:
            if interrupted:  # DuckDB replaces it by its own exception
                raise interrupted[0] from error
            raise
