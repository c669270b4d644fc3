"""Drawing: SVG whose shapes stretch with the page while its text keeps its size.

Across, positions are shares of the width (percentages); down, they are pixels. So a chart needs no script and no
`viewBox`, and its letters are as large on a phone as on a wall.
"""

from dataclasses import dataclass, field

from markupsafe import Markup, escape

from schedules.dashboard.formatting import plain


@dataclass
class Drawing:
    """One picture of some height in pixels; `title` names it and `says` tells in words what is to be seen in it."""

    name: str
    height: float
    title: str
    says: str
    _shapes: list[Markup] = field(default_factory=list)

    def bar(self, x: float, width: float, y: float, height: float, kind: str = "", told: str = "") -> None:
        """A rectangle; ``x`` and ``width`` are shares of the width, ``told`` is shown where a mouse rests on it."""
        shape = '<rect x="{}" width="{}" y="{}" height="{}" class="{}">{}</rect>'
        self._add(shape, _share(x), _share(width), _px(y), _px(height), kind, told=told)

    def line(self, x1: float, y1: float, x2: float, y2: float, kind: str = "") -> None:
        """A straight line."""
        shape = '<line x1="{}" y1="{}" x2="{}" y2="{}" class="{}"/>'
        self._shapes.append(Markup(shape).format(_share(x1), _px(y1), _share(x2), _px(y2), kind))

    def dot(self, x: float, y: float, radius: float, kind: str = "", told: str = "") -> None:
        """A round mark."""
        self._add(
            '<circle cx="{}" cy="{}" r="{}" class="{}">{}</circle>', _share(x), _px(y), _px(radius), kind, told=told
        )

    def cross(self, x: float, y: float, radius: float, kind: str = "", told: str = "") -> None:
        """A mark that differs from a dot without any colour."""
        r = _px(radius)
        inner = Markup('<path d="M-{0} -{0}L{0} {0}M-{0} {0}L{0} -{0}" class="{1}"/>').format(r, kind)
        hit = Markup('<circle r="{}" class="hit"/>').format(_px(radius + 3))
        # A nested picture, because a path knows no shares of a width.
        shape = '<svg x="{}" y="{}" class="free"><g>{}</g>{}</svg>'
        self._add(shape, _share(x), _px(y), Markup("{}{}").format(hit, inner), told=told)

    def text(self, x: float, y: float, text: str, anchor: str = "start", kind: str = "") -> None:
        """Words; ``anchor`` is the side that stands at ``x``: `start`, `middle` or `end`."""
        shape = '<text x="{}" y="{}" text-anchor="{}" class="{}">{}</text>'
        self._shapes.append(Markup(shape).format(_share(x), _px(y), anchor, kind, plain(text, 80)))

    def _add(self, shape: str, *values: object, told: str) -> None:
        title = Markup("<title>{}</title>").format(plain(told, 200)) if told else Markup("")
        self._shapes.append(Markup(shape).format(*values, title))

    def markup(self, kind: str = "") -> Markup:
        """The whole picture, with its name and its words for who does not see it."""
        head = (
            '<svg class="chart {}" width="100%" height="{}" role="img" aria-labelledby="{}-title {}-says"'
            ' focusable="false"><title id="{}-title">{}</title><desc id="{}-says">{}</desc>{}</svg>'
        )
        name = escape(self.name)
        shapes = Markup("").join(self._shapes)
        title, says = plain(self.title, 200), plain(self.says, 500)
        return Markup(head).format(kind, _px(self.height), name, name, name, title, name, says, shapes)


def _share(value: float) -> str:
    return f"{round(value * 100, 2):g}%"


def _px(value: float) -> str:
    return f"{round(value, 1):g}"
