"""Contents: what is in the data, for a person who wants to see that it is there."""

from collections.abc import Mapping, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from rich.table import Table

from schedules.cli.render.terminal import console, plain


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
