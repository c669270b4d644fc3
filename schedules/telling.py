"""Telling: runs in words and tables, for a person at a terminal."""

import json
import re
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from types import TracebackType
from typing import Any, Self
from zoneinfo import ZoneInfo

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from crawler.records import Outcome
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


def show_report(report: Mapping[str, Any]) -> None:
    """What came of one run: a verdict, then the numbers behind it."""
    verdict = report["verdict"]
    out = console()
    out.print(f"[bold]{plain(report['run_id'])}[/bold]: {_verdict(verdict)}")
    for problem in verdict["problems"]:
        out.print(f"  • {plain(problem)}")
    if "books" not in report:
        return
    books, stories = report["books"], report["stories"]
    table = Table(show_header=False, box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(justify="right")
    table.add_column()
    for number, what in (
        (stories["new"], "new stories"),
        (stories["revised"], "new revisions of known stories"),
        (stories["unchanged"], "stories seen again, unchanged"),
        (stories["copies"], "copies of kept stories under another id"),
        (stories["gone"], "kept stories found taken down"),
        (sum(report["rejects"].values()), "records refused" + _named(report["rejects"])),
        (report["requests"], f"requests in {_duration(report)}"),
    ):
        table.add_row(f"[bold]{number:,}[/bold]", what)
    for name in sorted({key.partition("/")[0] for key in report["lists"]}):
        kept, seen = report["lists"].get(f"{name}/kept", 0), report["lists"].get(f"{name}/seen", 0)
        table.add_row(f"[bold]{kept:,}[/bold]", f"snapshots of the list {plain(name)}, seen {seen:,} times")
    out.print(table)
    balance = "every address has one outcome" if books["balanced"] else "THE BOOKS DO NOT BALANCE"
    outcomes = Table(title=f"{books['discovered']:,} addresses discovered; {balance}", title_justify="left", box=None)
    outcomes.add_column("outcome")
    outcomes.add_column("n", justify="right")
    outcomes.add_column("meaning", style="dim")
    for name, number in sorted(books["outcomes"].items(), key=lambda each: -each[1]):
        outcomes.add_row(plain(name), f"{number:,}", plain(Outcome(name).meaning))
    out.print(outcomes)


def show_runs(reports: Sequence[Mapping[str, Any]]) -> None:
    """Many runs, one line each, newest last."""
    table = Table(box=None, header_style="bold")
    for name, justify in (("run", "left"), ("began", "left"), ("took", "right"), ("requests", "right")):
        table.add_column(name, justify=justify, no_wrap=True)  # type: ignore[arg-type]
    for name in ("new", "revised", "refused"):
        table.add_column(name, justify="right")
    table.add_column("verdict")
    for report in reports:
        table.add_row(
            plain(report["run_id"]),
            f"{_local(report['started_at']):%d %b %H:%M}",
            _duration(report),
            f"{report['requests']:,}",
            f"{report['stories']['new']:,}",
            f"{report['stories']['revised']:,}",
            f"{sum(report['rejects'].values()):,}",
            _verdict(report["verdict"]) + plain("".join(f": {p}" for p in report["verdict"]["problems"][:1])),
        )
    console().print(table)


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


def _verdict(verdict: Mapping[str, Any]) -> str:
    code = verdict["exit_code"]
    return "[green]good[/green]" if code == 0 else f"[red]not good (exit code {code})[/red]"


def _named(counts: Mapping[str, int]) -> str:
    named = ", ".join(f"{n} {name}" for name, n in sorted(counts.items(), key=lambda each: -each[1]))
    return f" ({plain(named)})" if named else ""


def _local(moment: str) -> datetime:
    return datetime.fromisoformat(moment).astimezone()


def _duration(report: Mapping[str, Any]) -> str:
    seconds = round((_local(report["ended_at"]) - _local(report["started_at"])).total_seconds())
    return f"{seconds // 60} min {seconds % 60} s" if seconds >= 60 else f"{seconds} s"
