"""Answering: what came of a command on stdout, as text or JSON, and what is wrong in a line on stderr."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from schedules.stdio import redirect_to_devnull


def complain(sentence: str) -> None:
    """Say on stderr what is wrong."""
    from crawler.safe_text import one_line

    print(f"khobor: {one_line(sentence, 1000)}", file=sys.stderr)


def answer(value: Any, as_json: bool, show: Callable[[], object]) -> None:
    """Print JSON for a program, or show it to a person; that is all there is left to do."""
    with reader_may_leave():
        if as_json:
            print_json(value)
        else:
            show()
        sys.stdout.flush()


def print_json(value: Any) -> None:
    """Print JSON that is safe to look at."""
    from crawler.safe_text import as_json

    print(as_json(value))


def answer_runs(reports: Sequence[dict[str, Any]], as_json: bool) -> None:
    """Tell how runs went; one alone is one JSON object."""
    from schedules.cli.render.run_report import show_report

    def show() -> None:
        for report in reports:
            show_report(report)

    answer(reports if len(reports) > 1 else reports[0], as_json, show)


def shown(path: Path) -> Path:
    """A path as short as it can be written from here."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


@contextmanager
def reader_may_leave() -> Iterator[None]:
    """Whoever reads our output may have seen enough."""
    try:
        yield
    except BrokenPipeError:
        redirect_to_devnull(sys.stdout)
