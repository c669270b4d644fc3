"""Console and tables for the output of commands, and escaping of untrusted text from web pages."""

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from crawler.safe_text import one_line

PIPE_WIDTH = 160
MAX_LINE_LENGTH = 1000


def plain(text: object) -> str:
    """Return untrusted text as one printable line without control characters, and with rich markup escaped."""
    return escape(one_line(str(text), MAX_LINE_LENGTH))


class _Console(Console):
    def on_broken_pipe(self) -> None:
        raise BrokenPipeError  # handled in khobor.py


def console(*, stderr: bool = False) -> Console:
    """Create a rich console as wide as the terminal, or `PIPE_WIDTH` columns wide if the output is a file or pipe."""
    created = _Console(stderr=stderr, highlight=False)
    return created if created.is_terminal else _Console(stderr=stderr, highlight=False, width=PIPE_WIDTH)


def table(*names: str, title: str | None = None) -> Table:
    """Create a rich table without borders, in which only the last column wraps its text.

    :param names: headings of the columns; a leading `>` right-aligns the column and is not shown
    """
    has_header = any(name.strip(">") for name in names)
    created = Table(
        title=title, title_justify="left", box=None, header_style="bold", show_header=has_header, pad_edge=False
    )
    for index, name in enumerate(names, start=1):
        justify = "right" if name.startswith(">") else "left"
        created.add_column(name.lstrip(">"), justify=justify, no_wrap=index < len(names))  # type: ignore[arg-type]
    return created
