"""Markdown tables, for the terminal and the documentation."""

import unicodedata
from collections.abc import Sequence


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Format a Markdown table with aligned columns."""
    every = [heads, *rows]
    widths = [max(3, *(_width(row[at]) for row in every)) for at in range(len(heads))]
    lines = ["| " + " | ".join(_padded(cell, widths[at], at) for at, cell in enumerate(row)) + " |" for row in every]
    rule = (
        "| " + " | ".join("-" * width if not at else "-" * (width - 1) + ":" for at, width in enumerate(widths)) + " |"
    )
    return "\n".join([lines[0], rule, *lines[1:]])


def _padded(cell: str, width: int, at: int) -> str:
    blank = " " * (width - _width(cell))
    return blank + cell if at else cell + blank


def _width(text: str) -> int:
    return sum(not unicodedata.combining(letter) for letter in text)
