"""The console: where results are printed, in text and JSON that no page can turn into anything else."""

from rich.console import Console
from rich.markup import escape

from crawler.safe_text import one_line

WIDTH_OF_A_PIPE = 160
LONGEST_LINE = 1000


def plain(text: object) -> str:
    """Text of a page's or of ours, safe to print: one line, no control characters, no markup."""
    return escape(one_line(str(text), LONGEST_LINE))


class _Console(Console):
    def on_broken_pipe(self) -> None:
        raise BrokenPipeError  # what to do then, the front door says


def console(*, stderr: bool = False) -> Console:
    """Where results are printed: as wide as the terminal, or wide enough for a file or a pipe."""
    found = _Console(stderr=stderr, highlight=False)
    return found if found.is_terminal else _Console(stderr=stderr, highlight=False, width=WIDTH_OF_A_PIPE)
