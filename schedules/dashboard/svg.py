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
    _shapes: list[Markup] = field(default_factory=list)

    def bar(self, x: float, width: float, y: float, height: float, kind: str = "", tooltip: str = "") -> None:
        """Add a rectangle to the drawing.

        ``x`` and ``width`` are shares of the width of the drawing (0 to 1), ``y`` and ``height`` are pixels.
        """
        shape = '<rect x="{}" width="{}" y="{}" height="{}" class="{}">{}</rect>'
        self._add(shape, _share(x), _share(width), _px(y), _px(height), kind, tooltip=tooltip)

    def line(self, x1: float, y1: float, x2: float, y2: float, kind: str = "") -> None:
        shape = '<line x1="{}" y1="{}" x2="{}" y2="{}" class="{}"/>'
        self._shapes.append(Markup(shape).format(_share(x1), _px(y1), _share(x2), _px(y2), kind))

    def dot(self, x: float, y: float, radius: float, kind: str = "", tooltip: str = "") -> None:
        shape = '<circle cx="{}" cy="{}" r="{}" class="{}">{}</circle>'
        self._add(shape, _share(x), _px(y), _px(radius), kind, tooltip=tooltip)

    def cross(self, x: float, y: float, radius: float, kind: str = "", tooltip: str = "") -> None:
        """Add a cross as the mark of a problem; it differs from a dot by its shape and not only by its colour."""
        r = _px(radius)
        inner = Markup('<path d="M-{0} -{0}L{0} {0}M-{0} {0}L{0} -{0}" class="{1}"/>').format(r, kind)
        hit = Markup('<circle r="{}" class="hit"/>').format(_px(radius + 3))
        # The path is in a nested svg element, because a path itself cannot be positioned by a share of the width.
        shape = '<svg x="{}" y="{}" class="free"><g>{}</g>{}</svg>'
        self._add(shape, _share(x), _px(y), Markup("{}{}").format(hit, inner), tooltip=tooltip)

    def text(self, x: float, y: float, text: str, anchor: str = "start", kind: str = "label") -> None:
        """Add text; its `start`, `middle` or `end` (``anchor``) is placed at ``x``, a share of the drawing's width."""
        shape = '<text x="{}" y="{}" text-anchor="{}" class="{}">{}</text>'
        self._shapes.append(Markup(shape).format(_share(x), _px(y), anchor, kind, plain(text, 80)))

    def _add(self, shape: str, *values: object, tooltip: str) -> None:
        title = Markup("<title>{}</title>").format(plain(tooltip, 200)) if tooltip else Markup("")
        self._shapes.append(Markup(shape).format(*values, title))

    def markup(self, kind: str = "") -> Markup:
        """Return the drawing as an HTML-safe `<svg>` element with title and description."""
        head = (
            '<svg class="chart {}" width="100%" height="{}" role="img" aria-labelledby="{}-title {}-desc"'
            ' focusable="false"><title id="{}-title">{}</title><desc id="{}-desc">{}</desc>{}</svg>'
        )
        name = escape(self.name)
        title, description = plain(self.title, 200), plain(self.description, 500)
        shapes = Markup("").join(self._shapes)
        return Markup(head).format(kind, _px(self.height), name, name, name, title, name, description, shapes)


def _share(value: float) -> str:
    return f"{round(value * 100, 2):g}%"


def _px(value: float) -> str:
    return f"{round(value, 1):g}"
