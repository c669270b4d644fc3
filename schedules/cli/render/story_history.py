"""Text and JSON output of the revisions of a story, and of its ranks in lists such as "most popular"."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from pipelines.analysis.revisions import changes
from schedules.cli.render.terminal import console, plain, table
from schedules.dashboard.formatting import duration_between

MAX_UNCHANGED_LENGTH = 60
_STYLES = {"kept": "", "added": "bold green", "removed": "red strike"}
_SIGNS = {"kept": ("", ""), "added": ("{+", "+}"), "removed": ("[-", "-]")}


def _with_changes(revisions: Sequence[Mapping[str, Any]]) -> Iterator[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    """Yield (revision, changes) for each revision of a story, with its text differences from the previous revision.

    The changes are a mapping from column name to differences; it is empty for the first revision.
    """
    for before, row in zip([None, *revisions[:-1]], revisions, strict=True):
        yield row, dict(changes(before, row)) if before is not None else {}


def history_as_data(revisions: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Convert the revisions of a story, and the text differences between them, to JSON types."""
    return [
        {
            "revision": row["revision"],
            "row": dict(row),
            "changes": {name: [asdict(piece) for piece in pieces] for name, pieces in changed.items()},
        }
        for row, changed in _with_changes(revisions)
    ]


def show_history(revisions: Sequence[Mapping[str, Any]], zone: ZoneInfo) -> None:
    """Print the revisions of a story, with the changed phrases of each revision marked."""
    out, first = console(), revisions[0]
    out.print(f"[bold]{plain(first['story_id'])}[/bold]  {plain(first['headline'])}\n{plain(first['url'])}")
    for row, changed in _with_changes(revisions):
        appeared = _between(row["appeared_after"], row["appeared_by"] or row["fetched_at"], zone)
        seen = row["fetched_at"].astimezone(zone)
        out.print(f"\n[bold]revision {row['revision']}[/bold], appeared {appeared}, last seen {seen:%d %b %Y %H:%M}")
        for name, pieces in changed.items():
            out.print(f"  {name}: {''.join(map(_piece, pieces))}")
    if revisions[-1]["gone_by"]:
        after, by = (revisions[-1][name].astimezone(zone) for name in ("gone_after", "gone_by"))
        out.print(f"\ntaken down after {after:%d %b %Y %H:%M}, by {by:%d %b %Y %H:%M}")


def _piece(piece: Any) -> str:
    text = piece.text
    if piece.act == "kept" and len(text) > MAX_UNCHANGED_LENGTH:
        text = f"{text[:25]} … {text[-25:]}"
    # `plain` strips spaces, but those around a word belong to the difference; so each paragraph is converted by itself.
    shown = " ¶ ".join(plain(line) for line in text.split("\n\n"))
    lead, trail = " " * text[:1].isspace(), " " * text[-1:].isspace()
    start, end = _SIGNS[piece.act]
    style = _STYLES[piece.act]
    return f"{lead}[{style}]{start}{shown}{end}[/]{trail}" if style else f"{lead}{shown}{trail}"


def show_ranks(intervals: Sequence[Mapping[str, Any]], zone: ZoneInfo | None) -> None:
    """Print one line for each period during which a story was in a ranked list.

    The entry to and exit from the list lie between two visits of the crawler, so each line has a minimum and a maximum
    duration.
    """
    lines = table("list", "story", "entered", "left", ">best", ">in the list", ">in top 5", "headline")
    for row in intervals:
        lines.add_row(
            plain(row["list"]),
            plain(row["story_id"]),
            _between(row["entered_after"], row["entered_by"], zone),
            _between(row["left_after"], row["left_by"], zone) if row["left_by"] else "stands",
            str(row["best_rank"]),
            duration_between(row["certain_minutes"], row["possible_minutes"]),
            duration_between(row["top5_certain_minutes"], row["top5_possible_minutes"]),
            plain(" → ".join(row["headlines"])),
        )
    console().print(lines)


def _between(after: datetime | None, by: datetime, zone: ZoneInfo | None) -> str:
    """Format an interval in which an event took place, such as `11 Jan 2026 13:05–14:05`.

    Without ``after``, only the latest time is known, and the text is `by 11 Jan 2026 14:05`.
    """
    last = by.astimezone(zone)
    if after is None:
        return f"by {last:%d %b %Y %H:%M}"
    first = after.astimezone(zone)
    return f"{first:%d %b %Y %H:%M}–{last:{'%H:%M' if first.date() == last.date() else '%d %b %Y %H:%M'}}"
