"""Last words: why a run could not go on, as it says it and as it is read from the end of its log."""

import re
import sys
from json import loads

from crawler.log_records import json_line, writes_json
from crawler.safe_text import escape_lines, one_line

# What stands before the sentence, and who says it where the log is JSON.
_BEFORE = "khobor: "
_LOGGER = "khobor"
LONGEST_SENTENCE = 1000
# How a run that could not go on said why, in its log; of a page's words nothing stands where these do.
_SAID = re.compile(
    rf"^(?:{_BEFORE}|\S+ \S+ \[pipelines\.runtime\.run\] ERROR: the run ends \((?P<reason>\w+)\): )(?P<said>.*)",
    re.MULTILINE,
)


def print_error(sentence: str) -> None:
    """Say, in one line on stderr, why there is nothing more to come."""
    said = one_line(sentence, LONGEST_SENTENCE)
    line = json_line("ERROR", _LOGGER, said) if writes_json() else f"{_BEFORE}{said}"
    print(line, file=sys.stderr, flush=True)


def error_in_log(log: str) -> tuple[str | None, str | None]:
    """Why a run could not go on and what it said of that, from the end of its log; None for what it does not say."""
    lines = (_as_text(line) if line.startswith("{") else line for line in log.split("\n"))
    found = list(_SAID.finditer("\n".join(lines)))
    if not found:
        return None, None
    return next((words["reason"] for words in reversed(found) if words["reason"]), None), found[-1]["said"]


def _as_text(line: str) -> str:
    """A line of a log in JSON as it would stand in one of text."""
    try:
        record = loads(line)
        said = escape_lines(record["message"])
        if record["logger"] == _LOGGER:
            return f"{_BEFORE}{said}"
        return f"{record['time'].replace('T', ' ')} [{record['logger']}] {record['level']}: {said}"
    except (ValueError, KeyError, TypeError, AttributeError):
        return ""
