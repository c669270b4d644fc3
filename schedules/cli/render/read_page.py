"""Text output for one parsed page: the value of each column, and the extractor (parsing function) that found it."""

from typing import TYPE_CHECKING

from schedules.cli.render.terminal import console, plain, table

if TYPE_CHECKING:
    from schedules.runner.saved_pages import ReadPage

_PARAGRAPH_BREAK = "\n\n"


def show_page(page: "ReadPage") -> None:
    screen = console()
    screen.print(plain(f"{page.outcome}: {page.reason}" if page.reason else page.outcome), style="bold")
    shown = {name: value for name, value in page.row.items() if value not in (None, "", []) and name != "body"}
    rows = table("column", "found by", "value")
    for name, value in shown.items():
        text = ", ".join(value) if isinstance(value, list) else str(value)
        rows.add_row(plain(name), plain(page.extracted_by.get(name, "")), plain(text))
    screen.print(rows)
    for paragraph in (page.row["body"] or "").split(_PARAGRAPH_BREAK):
        screen.print()
        screen.print(plain(paragraph))
