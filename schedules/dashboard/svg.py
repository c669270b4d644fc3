"""SVG drawings whose width follows the page, while the size of their text is constant.

Horizontal positions are shares of the width (0 to 1), and vertical positions are pixels. A drawing therefore needs
neither a script nor `viewBox`, and its text is as large on a phone as on a wide screen. No chart library is used.
Libraries for browsers need scripts or styles that the content security policy forbids. Libraries for servers scale the
text together with the chart.
"""

from dataclasses import dataclass, field

from markupsafe import Markup, escape

from schedules.dashboard.formatting import plain


@dataclass
class Drawing:
    """SVG drawing with a height in pixels and the full width of the page.

    Horizontal positions are shares of the width, from 0 to 1. ``title`` and ``description`` are for screen readers.
    """

    name: str
    height: float
    title: str
    description: str
    _shapes: list[str] = field(default_factory=list)

    def bar(self, x: float, width: float, y: float, height: float, kind: str = "", tooltip: str = "") -> None:
        """Add a rectangle to the drawing.

        ``x`` and ``width`` are shares of the width of the drawing (0 to 1), ``y`` and ``height`` are pixels.
        """
        place = f'x="{_share(x)}" width="{_share(width)}" y="{_px(y)}" height="{_px(height)}"'
        self._shapes.append(f'<rect {place} class="{escape(kind)}">{_title(tooltip)}</rect>')

    def line(self, x1: float, y1: float, x2: float, y2: float, kind: str = "") -> None:
        place = f'x1="{_share(x1)}" y1="{_px(y1)}" x2="{_share(x2)}" y2="{_px(y2)}"'
        self._shapes.append(f'<line {place} class="{escape(kind)}"/>')

    def dot(self, x: float, y: float, radius: float, kind: str = "", tooltip: str = "") -> None:
        place = f'cx="{_share(x)}" cy="{_px(y)}" r="{_px(radius)}"'
        self._shapes.append(f'<circle {place} class="{escape(kind)}">{_title(tooltip)}</circle>')

    def cross(self, x: float, y: float, radius: float, kind: str = "", tooltip: str = "") -> None:
        """Add a cross as the mark of a problem; it differs from a dot by its shape and not only by its colour."""
        r = _px(radius)
        inner = f'<path d="M-{r} -{r}L{r} {r}M-{r} {r}L{r} -{r}" class="{escape(kind)}"/>'
        hit = f'<circle r="{_px(radius + 3)}" class="hit"/>'
        # The path is in a nested svg element, because a path itself cannot be positioned by a share of the width.
        place = f'x="{_share(x)}" y="{_px(y)}"'
        self._shapes.append(f'<svg {place} class="free"><g>{hit}{inner}</g>{_title(tooltip)}</svg>')

    def text(self, x: float, y: float, text: str, anchor: str = "start", kind: str = "label") -> None:
        """Add text; its `start`, `middle` or `end` (``anchor``) is placed at ``x``, a share of the drawing's width."""
        place = f'x="{_share(x)}" y="{_px(y)}" text-anchor="{escape(anchor)}"'
        self._shapes.append(f'<text {place} class="{escape(kind)}">{escape(plain(text, 80))}</text>')

    def markup(self, kind: str = "") -> Markup:
        """Return the drawing as an HTML-safe `<svg>` element with title and description."""
        head = (
            '<svg class="chart {}" width="100%" height="{}" role="img" aria-labelledby="{}-title {}-desc"'
            ' focusable="false"><title id="{}-title">{}</title><desc id="{}-desc">{}</desc>{}</svg>'
        )
        name = escape(self.name)
        title, description = plain(self.title, 200), plain(self.description, 500)
        shapes = Markup("".join(self._shapes))  # each is escaped where it is added
        return Markup(head).format(kind, _px(self.height), name, name, name, title, name, description, shapes)


def _title(tooltip: str) -> str:
    return f"<title>{escape(plain(tooltip, 200))}</title>" if tooltip else ""


def _share(value: float) -> str:
    return f"{round(value * 100, 2):g}%"


def _px(value: float) -> str:
    return f"{round(value, 1):g}"
