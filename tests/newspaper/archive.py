"""The older archive, whose ids mean other stories than the same ids on the main host; and the printer's version."""

from html import escape
from random import Random

from .decoy_urls import ARCHIVE
from .site_state import SiteState
from .templates import fragment
from .text_generator import BEATS, TextGenerator


def page_at(view: SiteState, path: str) -> str:
    """A page of the archive: a story of its own under an id of ours, without byline or date; else a list of such."""
    number = path.rstrip("/").rpartition("/")[2]
    if not number.isdecimal():
        shared = [story.number for story in view.stories[::17][:24]]
        links = "\n".join(f'<li><a href="{ARCHIVE}/country-news/{number}">{number}</a></li>' for number in shared)
        return fragment("bare", title="আর্কাইভ", body=f"<ul>\n{links}\n</ul>")
    composer = TextGenerator(
        Random(f"{view.edition.seed}/archive/{number}"), BEATS["country"], view.now.replace(year=2022)
    )
    title = escape(composer.headline(), quote=False)
    text = _paragraphs([composer.paragraph() for _ in range(4)])
    return fragment("bare", title=title, body=fragment("archived", title=title, paragraphs=text))


def printed(view: SiteState, path: str) -> str:
    """The printer's version of a story: title and text, or the paper's name alone where the id is not a story's."""
    number = path.strip("/").split("/")[1:2]
    story = next((story for story in view.stories if [str(story.number)] == number), None)
    state = story.state(view.now) if story else None
    title = escape(state.headline if state else "কালবেলা", quote=False)
    text = _paragraphs(state.body.split("\n\n") if state else [])
    return fragment("bare", title=title, body=f"<h1>{title}</h1>\n{text}")


def _paragraphs(texts: list[str]) -> str:
    return "\n".join(f"<p>{escape(text, quote=False)}</p>" for text in texts)
