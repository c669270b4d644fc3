"""Text output of the size of each table of the data, and of some sample rows."""

from collections.abc import Mapping, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from schedules.cli.render.terminal import console, plain, table


def show_table_summary(summary: Sequence[Mapping[str, Any]]) -> None:
    """Print one line per table and site, with the number of rows and files, the size and the first and last date."""
    if not summary:
        console().print("There is no data yet.")
        return
    lines = table("table", "site", ">rows", ">files", ">KiB", "from", "to")
    for row in summary:
        numbers = (f"{row['rows']:,}", f"{row['files']:,}", f"{row['bytes'] / 1024:,.0f}")
        lines.add_row(row["table"], row["site"], *numbers, row["first"] or "", row["last"] or "")
    console().print(lines)


def show_sample(sample: Mapping[str, Sequence[Mapping[str, Any]]], zone: ZoneInfo) -> None:
    """Print the newest stories, and the first entries of each ranked list; times are in ``zone``."""
    out = console()
    stories = table("published", "section", ">words", "headline", title="newest stories")
    for story in sample["stories"]:
        moment = story["published_at"]
        published = f"{moment.astimezone(zone):%d %b %Y %H:%M}" if moment else "no date"
        stories.add_row(published, plain(story["section"] or ""), f"{story['word_count']:,}", plain(story["headline"]))
    out.print(stories)
    for name in (key for key in sample if key != "stories"):
        ranks = table(">", "", title=f"ranked list {plain(name)}")
        for row in sample[name]:
            ranks.add_row(str(row["rank"]), plain(row["headline"] or row["url"]))
        out.print(ranks)
