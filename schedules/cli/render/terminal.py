"""The console: where results are printed, in text and JSON that no page can turn into anything else."""

import json
import re
from typing import Any

from rich.console import Console
from rich.markup import escape

from crawler.safe_text import one_line

WIDTH_OF_A_PIPE = 160
LONGEST_LINE = 1000


def plain(text: object) -> str:
    """Text of a page's or of ours, safe to print: one line, no control characters, no markup."""
    return escape(one_line(str(text), LONGEST_LINE))


# Within JSON text: control characters that it allows, and marks that reorder a line. Joiners are letters to Bengali.
_UNSAFE_IN_JSON = re.compile(r"[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]")


def as_json(value: Any) -> str:
    """JSON to print: Bengali as it is, whatever a terminal could take for a command escaped."""
    text = json.dumps(value, ensure_ascii=False, indent=1)
    return _UNSAFE_IN_JSON.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


class _Console(Console):
    def on_broken_pipe(self) -> None:
        raise BrokenPipeError  # what to do then, the front door says


def console(*, stderr: bool = False) -> Console:
    """Where results are printed: as wide as the terminal, or wide enough for a file or a pipe."""
    found = _Console(stderr=stderr, highlight=False)
    return found if found.is_terminal else _Console(stderr=stderr, highlight=False, width=WIDTH_OF_A_PIPE)
