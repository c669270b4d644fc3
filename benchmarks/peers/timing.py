"""The timer of all readers: CPU of whole passes over the pages, after a few pages to warm up."""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

WARM_UP = 5
CPU_SECONDS = 1.0
MOST_PASSES = 20

Row = dict[str, Any]


def timed(read: Callable[[bytes, str], Row]) -> None:
    """Read the pages of the folder that the command line names; write what was read, print CPU milliseconds a page."""
    folder, output = Path(sys.argv[1]), Path(sys.argv[2])
    pages = [((folder / name).read_bytes(), url) for name, url in json.loads((folder / "index.json").read_text())]
    for html, url in pages[:WARM_UP]:
        read(html, url)
    passes: list[float] = []
    while not passes or (sum(passes) < CPU_SECONDS and len(passes) < MOST_PASSES):
        began = time.process_time()
        rows = [read(html, url) for html, url in pages]
        passes.append(time.process_time() - began)
    with output.open("w") as file:
        for (_, url), row in zip(pages, rows, strict=True):
            print(json.dumps({"url": url, **row}, ensure_ascii=False, default=str), file=file)
    print(json.dumps([1000 * spent / len(pages) for spent in passes]))
