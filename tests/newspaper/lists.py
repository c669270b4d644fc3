"""The two-tab block of the latest and the most popular stories, as every page carries it."""

from html import escape

from .bengali_text import digits
from .site_state import Row, SiteState
from .templates import fragment

_BETWEEN = '\n                                <div class="news-separator-horizontal-border"></div>\n'


def lists_of(view: SiteState) -> dict[str, str]:
    """The markup of `latest` and `popular` at the view's moment."""
    return {
        "latest": _list(view, "latest", "latestview1", "সর্বশেষ", " box_shadow"),
        "popular": _list(view, "popular", "mostview1", "জনপ্রিয়", ""),
    }


def _list(view: SiteState, name: str, inner: str, label: str, shadow: str) -> str:
    rows = _BETWEEN.join(_row(row) for row in view.rows(name))
    return fragment("list", name=name, view=inner, label=label, shadow=shadow, rows=rows)


def _row(row: Row) -> str:
    kicker = f'<span class="sholder">{escape(row.kicker)}&nbsp;/</span> ' if row.kicker else ""
    # The label leaves the kicker out, and ends in a space now and then.
    label = escape(row.headline) + (" " if len(row.headline) % 5 == 0 else "")
    title = escape(row.headline, quote=False)
    return fragment("list_row", kicker=kicker, title=title, rank=digits(row.rank), label=label, href=escape(row.href))
