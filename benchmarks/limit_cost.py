"""Cost of the limits on HTML, as a share of the parser's CPU time on the same stored page.

Run as `python -m benchmarks.limit_cost FOLDER…`: it prints median and 99th percentile over the pages (`*.html`, also
gzipped), of the best of five runs each, and the most expensive pages.
"""

import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median, quantiles

from selectolax.lexbor import LexborHTMLParser

from crawler.decoding.charset import decode_text
from crawler.parsing.html_limits import limit_markup
from crawler.parsing.page import PARSER_OPTIONS
from tests.support.real_pages import stored_pages

RUNS = 5


def seconds(call: Callable[[], object]) -> float:
    """Return the least CPU time of several calls."""
    times = []
    for _ in range(RUNS):
        start = time.process_time_ns()
        call()
        times.append((time.process_time_ns() - start) / 1e9)
    return min(times)


def cost(html: str) -> float:
    """Return the time of the limits divided by that of the parser."""
    parse = seconds(lambda: LexborHTMLParser(html, options=PARSER_OPTIONS))
    return seconds(lambda: limit_markup(html)) / parse


if __name__ == "__main__":
    costs = {path: cost(decode_text(body)) for path, body in stored_pages(map(Path, sys.argv[1:]))}
    print(f"{len(costs)} pages: median {median(costs.values()):.2f}, 99 % {quantiles(costs.values(), n=100)[-1]:.2f}")
    for path in sorted(costs, key=lambda path: costs[path])[-5:]:
        print(f"{costs[path]:.2f} {path}")
