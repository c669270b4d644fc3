"""Print the fatal error of a run to its log, and read it from the end of a log."""

import re
import sys
from json import loads

from crawler.log_records import json_line, writes_json
from crawler.safe_text import escape_lines, one_line

_PREFIX = "khobor: "
_LOGGER = "khobor"
MAX_SENTENCE_LENGTH = 1000
# The content of a page cannot imitate these lines, since it never starts a line of the log.
_ERROR = re.compile(
    rf"^(?:{_PREFIX}|\S+ \S+ \[pipelines\.runtime\.run\] ERROR: the run ends \((?P<reason>\w+)\): )(?P<message>.*)",
    re.MULTILINE,
)

# Libraries in C++ and Rust do not raise MemoryError, but write this to stderr and abort the process.
_NO_MEMORY = re.compile(r"^terminate called .*'std::bad_alloc'|^memory allocation of \d+ bytes failed", re.MULTILINE)


def print_error(sentence: str) -> None:
    """Print an error as one line to stderr, in the format of the log (text or JSON)."""
    message = one_line(sentence, MAX_SENTENCE_LENGTH)
    line = json_line("ERROR", _LOGGER, message) if writes_json() else f"{_PREFIX}{message}"
    print(line, file=sys.stderr, flush=True)


def error_in_log(log: str) -> tuple[str | None, str | None]:
    """Return the last reason for the end of a run and the last error message in the text of a log.

    Each is None if the text does not contain it.
    """
    lines = (_as_text(line) if line.startswith("{") else line for line in log.split("\n"))
    errors = list(_ERROR.finditer("\n".join(lines)))
    if not errors:
        return None, None
    return next((error["reason"] for error in reversed(errors) if error["reason"]), None), errors[-1]["message"]


def abort_in_log(log: str) -> tuple[str, str | None]:
    """Return the reason and the error message, by the text of its log, for a run that a library aborted (SIGABRT)."""
    if _NO_MEMORY.search(log):
        return "memory", "a library got no memory and aborted the run"
    return "killed", "a library aborted the run (SIGABRT); the end of its log says where"


def _as_text(line: str) -> str:
    """Convert a line of a log from JSON to the text format; return an empty string for an invalid line."""
    try:
        record = loads(line)
        message = escape_lines(record["message"])
        if record["logger"] == _LOGGER:
            return f"{_PREFIX}{message}"
        return f"{record['time'].replace('T', ' ')} [{record['logger']}] {record['level']}: {message}"
    except (ValueError, KeyError, TypeError, AttributeError):
        return ""
