"""Stories: what became of a story, its revisions and its ranks, for a person at a terminal or a program."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from rich.table import Table

from pipelines.analysis.rank_history import Span
from pipelines.analysis.revisions import changes
from schedules.cli.render.terminal import console, plain

_STYLES = {"kept": "", "added": "bold green", "removed": "red strike"}
_SIGNS = {"kept": ("", ""), "added": ("{+", "+}"), "removed": ("[-", "-]")}


def history_as_data(revisions: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Each revision with what changed in it since the one before."""
    told = []
    for before, row in zip([None, *revisions[:-1]], revisions, strict=True):
        differences = changes(before, row) if before is not None else ()
        changed = {name: [asdict(piece) for piece in pieces] for name, pieces in differences}
        told.append({"revision": row["revision"], "row": dict(row), "changes": changed})
    return told


def show_history(revisions: Sequence[Mapping[str, Any]], zone: ZoneInfo) -> None:
    """A story's revisions, and what changed from one to the next, word by word."""
    out = console()
    first = revisions[0]
    out.print(f"[bold]{plain(first['story_id'])}[/bold]  {plain(first['headline'])}\n{plain(first['url'])}")
    for before, row in zip([None, *revisions[:-1]], revisions, strict=True):
        seen = row["fetched_at"].astimezone(zone)
        out.print(f"\n[bold]revision {row['revision']}[/bold], last seen {seen:%d %b %Y %H:%M}")
        for name, pieces in changes(before, row) if before is not None else ():
            out.print(f"  {name}: {''.join(map(_piece, pieces))}")
    if revisions[-1]["gone_at"]:
        out.print(f"\ntaken down, found so {revisions[-1]['gone_at'].astimezone(zone):%d %b %Y %H:%M}")


def _piece(piece: Any) -> str:
    text = piece.text
    if piece.act == "kept" and len(text) > 60:
        text = f"{text[:25]} … {text[-25:]}"
    # The spaces around a word belong to the difference, so each line is made plain by itself.
    shown = " ¶ ".join(plain(line) for line in text.split("\n\n"))
    lead, trail = " " * text[:1].isspace(), " " * text[-1:].isspace()
    opening, closing = _SIGNS[piece.act]
    style = _STYLES[piece.act]
    return f"{lead}[{style}]{opening}{shown}{closing}[/]{trail}" if style else f"{lead}{shown}{trail}"


def show_ranks(spans: Sequence[Span], zone: ZoneInfo) -> None:
    """Spans, one line each."""
    table = Table(box=None, header_style="bold")
    for name in ("list", "story", "first seen", "last seen"):
        table.add_column(name, no_wrap=True)
    for name in ("best", "stood", "in top 5"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("headline")
    for span in spans:
        table.add_row(
            plain(span.list),
            plain(span.story_id),
            f"{span.first_at.astimezone(zone):%d %b %H:%M}",
            f"{span.last_at.astimezone(zone):%d %b %H:%M}",
            str(span.best_rank),
            _length(span.stood),
            _length(span.in_top),
            plain(" → ".join(span.headlines)),
        )
    console().print(table)


def _length(time: timedelta) -> str:
    minutes = round(time.total_seconds() / 60)
    return f"{minutes // 60} h {minutes % 60:02} min" if minutes >= 60 else f"{minutes} min"
