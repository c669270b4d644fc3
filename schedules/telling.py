"""Telling: what goes on and what is in the data, in words and tables that no page can turn into anything else."""

import json
import re
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Any, Self
from zoneinfo import ZoneInfo

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from crawler.refusals import one_line

SECONDS_BETWEEN_LINES = 5.0
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


class Watching:
    """The progress of runs on stderr: a live bar each on a terminal, now and then a line elsewhere."""

    def __init__(self) -> None:
        self._console = console(stderr=True)
        self._bars: Progress | None = None
        self._tasks: dict[str, TaskID] = {}
        self._told: dict[str, float] = {}

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._bars = Progress(
                SpinnerColumn(),
                TextColumn("{task.description}"),
                BarColumn(bar_width=20),
                TextColumn("{task.fields[numbers]}"),
                TimeElapsedColumn(),
                TextColumn("{task.fields[reading]}", style="dim"),
                console=self._console,
                transient=True,
            )
            self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bars is not None:
            with suppress(OSError):
                self._bars.stop()

    def say(self, sentence: str) -> None:
        """Say something in a line of its own."""
        with suppress(OSError):  # whoever watched has left
            self._console.print(f"khobor: {plain(sentence)}", soft_wrap=True)

    def tell(self, site: str, said: Mapping[str, Any] | None, seconds: float) -> None:
        """Show how far a run is, ``seconds`` after it started."""
        if said is not None:
            with suppress(OSError):
                self._tell(site, said, seconds)

    def _tell(self, site: str, said: Mapping[str, Any], seconds: float) -> None:
        rate = said["requests"] / seconds if seconds > 0 else 0.0
        numbers = f"{said['requests']} pages · {said['stories']} stories · {said['waiting']} waiting · {rate:.1f}/s"
        if self._bars is None:
            if seconds - self._told.get(site, 0.0) >= SECONDS_BETWEEN_LINES:
                self._told[site] = seconds
                print(f"{site}: {numbers}", file=sys.stderr, flush=True)
            return
        reading = plain(said["reading"] or "")
        if site not in self._tasks:
            self._tasks[site] = self._bars.add_task(site, numbers="", reading="")
        done, total = said["requests"], said["requests"] + said["waiting"]
        self._bars.update(self._tasks[site], completed=done, total=total or 1, numbers=numbers, reading=reading[:60])


def show_contents(contents: Sequence[Mapping[str, Any]]) -> None:
    """What is in the data, a line per table and newspaper."""
    if not contents:
        console().print("Nothing is in the data yet.")
        return
    table = Table(box=None, header_style="bold")
    for name in ("table", "site"):
        table.add_column(name)
    for name in ("rows", "files", "KiB"):
        table.add_column(name, justify="right")
    for name in ("from", "to"):
        table.add_column(name)
    for each in contents:
        numbers = (f"{each['rows']:,}", f"{each['files']:,}", f"{each['bytes'] / 1024:,.0f}")
        table.add_row(each["table"], each["site"], *numbers, each["first"] or "", each["last"] or "")
    console().print(table)


def show_glimpse(glimpse: Mapping[str, Sequence[Mapping[str, Any]]], zone: ZoneInfo) -> None:
    """A few stories and the heads of the lists, as they were printed."""
    out = console()
    stories = Table(title="the newest stories", title_justify="left", box=None, header_style="bold")
    for name in ("published", "section", "words", "headline"):
        stories.add_column(name, justify="right" if name == "words" else "left", no_wrap=name != "headline")
    for story in glimpse["stories"]:
        moment = story["published_at"]
        shown = f"{moment.astimezone(zone):%d %b %Y %H:%M}" if moment else "no date"
        stories.add_row(shown, plain(story["section"] or ""), f"{story['word_count']:,}", plain(story["headline"]))
    out.print(stories)
    for name in (key for key in glimpse if key != "stories"):
        ranks = Table(title=f"the list {plain(name)}", title_justify="left", box=None, show_header=False)
        ranks.add_column(justify="right")
        ranks.add_column()
        for row in glimpse[name]:
            ranks.add_row(str(row["rank"]), plain(row["headline"] or row["url"]))
        out.print(ranks)


def show_tried(came: Sequence[Mapping[str, Any]]) -> None:
    """What came of a test of each target."""
    out = console()
    for each in came:
        said = f": {plain(each['said'])}" if each["said"] else ""
        reached = "[green]reached[/green]" if each["reached"] else "[red]not reached[/red]"
        out.print(f"[bold]{plain(each['target'])}[/bold] ({plain(each['kind'])}) {reached}{said}")
